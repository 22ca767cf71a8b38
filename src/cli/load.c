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

enum tell { TELL_TEXT, TELL_JSON, TELL_NOT };

static struct recipe *load(const char *path, const struct recipe_lent *lent, enum tell tell, int *code)
{
    struct recipe  *r = NULL;
    struct findings f;
    findings_init(&f);
    recipe_read(&r, path, lent, &f);
    if (tell == TELL_JSON) findings_print_json(&f, print_to_file, stdout);
    if (tell == TELL_TEXT) findings_print(&f, colour_on(stderr), print_to_file, stderr);
    *code = f.errors ? EX_CONFIG : EX_OK;
    findings_fini(&f);
    return r;
}

struct recipe *load_recipe(const char *path, bool json, int *code)
{
    const struct recipe_lent lent = { .sources = source_types, .sinks = sink_types, .read = read_file,
                                      .readable = readable };
    return load(path, &lent, json ? TELL_JSON : TELL_TEXT, code);
}

struct recipe *load_again(const char *path)
{
    const struct recipe_lent lent = { .sources = source_types, .sinks = sink_types, .read = read_file };
    int                      code;
    return load(path, &lent, TELL_NOT, &code);
}

struct recipe *load_instance(const char *path, const char *as, const char *from, int *code)
{
    const struct recipe_lent lent = { .sources = source_types, .sinks = sink_types, .read = read_file,
                                      .readable = readable, .as = as, .from = from };
    return load(path, &lent, TELL_TEXT, code);
}

const char *load_sink_store(const struct recipe_sink *sink)
{
    if (strcmp(sink->type->name, "sqlite") != 0) return NULL;
    for (const struct option *o = sink->type->options; o->name; o++)
        if (strcmp(o->name, "path") == 0)
            return *(const char *const *)(const void *)((const char *)sink->options + o->offset);
    return NULL;
}

char *load_store(const struct args *a, const char *file, const char *as, int *code)
{
    const char *path = NULL;
    if (!load_is_recipe(file)) return slice_dup(slice_str(file));
    struct recipe *r = load_instance(file, as, NULL, code);
    if (r == NULL) return NULL;
    for (u32 i = 0; i < r->sinks && path == NULL; i++) path = load_sink_store(&r->sink[i]);
    char *made = path ? slice_dup(slice_str(path)) : NULL;
    if (made == NULL) {
        fprintf(stderr, "weir %s: %s: the recipe has no sqlite sink\n", a->command->name, file);
        *code = EX_IOERR;
    }
    recipe_free(r);
    return made;
}
