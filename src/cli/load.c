/* SPDX-License-Identifier: Apache-2.0 */
/* load.c: lends config the registry's tables and the file system. */
#include "cli/load.h"

#include "engine/lookup.h" /* file_read */
#include "engine/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define RECIPE_BYTES_MAX ((u64)1 << 20)

void print_to_file(void *to, const char *text)
{
    fputs(text, to);
}

static bool read_file(void *arg, struct arena *to, const char *path, slice *text, const char **why)
{
    char  words[512];
    slice bytes;
    err   e = file_read(path, RECIPE_BYTES_MAX, &bytes, words, sizeof words);
    if (err_is(e)) {
        char what[256];
        *why = arena_str(to, slice_str(err_text(e, what, sizeof what)));
        return false;
    }
    *text = arena_copy(to, bytes);
    free((char *)(uintptr_t)bytes.at);
    return true;
}

static bool readable(void *arg, const char *path, const char **why)
{
    struct stat s;
    (void)arg;
    *why = "it is no regular file";
    if (stat(path, &s) == 0 && access(path, R_OK) == 0) return S_ISREG(s.st_mode);
    *why = strerror(errno);
    return false;
}

bool load_is_recipe(const char *path)
{
    return slice_ends(slice_str(path), S(".yaml")) || slice_ends(slice_str(path), S(".yml"));
}

struct recipe *load_recipe(const char *path, bool json, int *code)
{
    struct recipe           *r = NULL;
    struct findings          f;
    const struct recipe_lent lent = { source_types, sink_types, read_file, NULL, readable };
    findings_init(&f);
    recipe_read(&r, path, &lent, &f);
    if (json) findings_print_json(&f, print_to_file, stdout);
    else findings_print(&f, colour_on(stderr), print_to_file, stderr);
    *code = f.errors ? EX_CONFIG : EX_OK;
    findings_fini(&f);
    return r;
}
