/* SPDX-License-Identifier: Apache-2.0 */
/* cut.h: what a cut holds, for the writer beside it. Of this folder alone. */
#pragma once

#include "snapshot/snapshot.h"
#include "weir/arena.h"

enum cut_kind { CUT_HEAD, CUT_PAGE, CUT_DROP };

/* In the order of the calls: an object may be written and dropped in one cut. */
struct cut_entry {
    u8              kind;
    u8              part;
    u32             op;
    u64             object;
    slice           bytes; /* of a head: copied; of a page: borrowed */
    u32             number;
};

struct cut_position {
    slice           source;
    struct position position;
};

struct cut {
    struct image_writer  image;
    struct arena         arena; /* heads, positions, the engine's bytes */
    u64                  epoch, delivered, bytes;
    size_t               entries, entries_room;
    struct cut_entry    *entry;
    size_t               positions, positions_room;
    struct cut_position *position;
    bool                 has_engine;
    slice                engine;
    slice                outbox;
};
