/* SPDX-License-Identifier: Apache-2.0 */
/* index.cc: the one file that knows simdjson. No exceptions, no RTTI, nothing of C++ leaves it.
 *
 * It uses the library's parser implementation directly, as its own DOM and on-demand parsers do, because both of those
 * read one document a call and the latter skips what nobody asked for without a check. */
#include "json/index.h"

#include <simdjson.h>

#include <cstdlib>
#include <memory>
#include <new>

namespace {

constexpr size_t depth = 1; /* the second stage's, which is never run */

enum json_fault fault_of(simdjson::error_code code)
{
    switch (code) {
    case simdjson::SUCCESS: return JSON_SOUND;
    case simdjson::UTF8_ERROR: return JSON_FAULT_UTF8;
    case simdjson::UNCLOSED_STRING: return JSON_FAULT_STRING_OPEN;
    case simdjson::UNESCAPED_CHARS: return JSON_FAULT_CONTROL;
    case simdjson::EMPTY: return JSON_FAULT_BLANK;
    default: return JSON_FAULT_OTHER;
    }
}

} // namespace

struct json_index {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
};

extern "C" struct json_index *json_index_open(size_t bytes)
{
    void *room = std::malloc(sizeof(json_index)); /* not `new`: a C linker has no C++ runtime at hand */
    if (room == nullptr) return nullptr;
    auto *index = new (room) json_index;
    auto code = simdjson::get_active_implementation()->create_dom_parser_implementation(bytes, depth, index->stage);
    if (code == simdjson::SUCCESS) return index;
    json_index_close(index);
    return nullptr;
}

extern "C" void json_index_close(struct json_index *index)
{
    if (index == nullptr) return;
    index->~json_index();
    std::free(index);
}

extern "C" enum json_fault json_index_scan(struct json_index *index, const char *text, size_t len,
                                           const uint32_t **token, uint32_t *tokens)
{
    *token = nullptr;
    *tokens = 0;
    if (len == 0) return JSON_FAULT_BLANK;
    auto *bytes = reinterpret_cast<const uint8_t *>(text);
    auto  code = index->stage->stage1(bytes, len, simdjson::stage1_mode::regular);
    if (code != simdjson::SUCCESS) return fault_of(code);
    *token = index->stage->structural_indexes.get();
    *tokens = index->stage->n_structural_indexes;
    return JSON_SOUND;
}
