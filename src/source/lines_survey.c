/* SPDX-License-Identifier: Apache-2.0 */
/* lines_survey.c: what is at the configured paths. Made on a thread of the pool: a stat may hang on a network file
 * system, and a pattern reads a whole folder. Knows nothing of what was read before. */
#include "source/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct survey *survey_new(const struct option_names *path)
{
    struct survey *v = calloc(1, sizeof *v);
    WEIR_ASSERT(v != NULL);
    v->path = path;
    v->empty = calloc(path->count + 1, sizeof *v->empty);
    WEIR_ASSERT(v->empty != NULL);
    arena_init(&v->names, 0);
    return v;
}

void survey_free(struct survey *v)
{
    arena_fini(&v->names);
    free(v->empty);
    free(v->at);
    free(v);
}

/* A file may have such a name: then it is that file. */
bool survey_is_pattern(const char *path)
{
    struct stat s;
    return strpbrk(path, "*?[") != NULL && lstat(path, &s) < 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool survey_is_rotated(const char *path, slice base)
{
    static const char *const packed[] = { ".gz", ".zst", ".zstd", ".xz", ".bz2" };
    slice name = slice_str(path);
    if (name.len < base.len + 2 || !slice_starts(name, base)) return false;
    slice rest = slice_of(name.at + base.len, name.len - base.len);
    if ((rest.at[0] != '.' && rest.at[0] != '-') || !is_digit(rest.at[1])) return false;
    for (size_t i = 0; i < WEIR_COUNT(packed); i++)
        if (slice_ends(rest, slice_str(packed[i]))) {
            rest.len -= strlen(packed[i]);
            break;
        }
    for (size_t i = 1; i < rest.len; i++)
        if (!is_digit(rest.at[i]) && strchr(".-_TZ", rest.at[i]) == NULL) return false;
    return true;
}

static void survey_add(struct survey *v, const char *path, bool globbed)
{
    if (v->count == v->room) {
        v->room = v->room ? v->room * 2 : 64;
        v->at = realloc(v->at, v->room * sizeof *v->at);
        WEIR_ASSERT(v->at != NULL);
    }
    struct seen *s = &v->at[v->count];
    *s = (struct seen){ .globbed = globbed };
    s->fault = look_at(AT_FDCWD, path, &s->look);
    if (globbed && (s->fault == EINVAL || s->fault == ENOENT)) return; /* a folder, or gone meanwhile */
    s->path = arena_str(&v->names, slice_str(path));
    v->count++;
}

static void survey_pattern(struct survey *v, u32 number)
{
    glob_t g = { 0 };
    if (glob(v->path->name[number], 0, NULL, &g) == 0)
        for (size_t i = 0; i < g.gl_pathc && v->count <= 4 * PARTITIONS_MAX; i++) survey_add(v, g.gl_pathv[i], true);
    else v->empty[number] = true;
    globfree(&g);
}

static int by_path(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    int                order = strcmp(x->path, y->path);
    return order ? order : (int)x->globbed - (int)y->globbed;
}

void survey_make(struct survey *v)
{
    for (u32 i = 0; i < v->path->count; i++) {
        const char *path = v->path->name[i];
        if (strcmp(path, "-") == 0) continue;
        if (survey_is_pattern(path)) survey_pattern(v, i);
        else survey_add(v, path, false);
    }
    if (v->count) qsort(v->at, v->count, sizeof *v->at, by_path);
    u32 n = 0;
    for (u32 i = 0; i < v->count; i++)
        if (n == 0 || strcmp(v->at[n - 1].path, v->at[i].path) != 0) v->at[n++] = v->at[i];
    v->count = n;
}
