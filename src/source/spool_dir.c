/* SPDX-License-Identifier: Apache-2.0 */
/* spool_dir.c: opendir, readdir, and the numbers sorted. */
#include "source/spool_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>


/* Prefix and number of a name; false: it is not of that form. */
static bool name_split(slice name, slice *prefix, u64 *stamp)
{
    const char *dot = name.len ? memrchr(name.at, '.', name.len) : NULL;
    if (dot == NULL || dot == name.at) return false;
    slice digits = slice_of(dot + 1, name.len - (size_t)(dot + 1 - name.at));
    *prefix = slice_of(name.at, (size_t)(dot - name.at));
    if (prefix->len >= SPOOL_PREFIX || (digits.len > 1 && digits.at[0] == '0')) return false;
    return slice_u64(digits, stamp) && *stamp > 0 && *stamp < UINT64_MAX;
}

/* One more prefix than the one known: told by name. */
static void mix(struct spool_dir *d, slice prefix)
{
    size_t len = strlen(d->words);
    if (len == 0) len = (size_t)snprintf(d->words, sizeof d->words, "%s", d->prefix);
    if (len + prefix.len + 3 > sizeof d->words) return;
    for (slice rest = slice_of(d->words, len), one; rest.at != NULL;) {
        one = slice_cut(rest, ',', &rest);
        if (slice_eq(slice_trim(one), prefix)) return;
    }
    snprintf(d->words + len, sizeof d->words - len, ", %.*s", (int)prefix.len, prefix.at);
}

static bool stamp_add(struct spool_dir *d, u64 stamp)
{
    if (d->count == SPOOL_FILES_MAX) return false;
    if (d->count == d->room) {
        d->room = d->room ? d->room * 2 : 64;
        d->stamp = realloc(d->stamp, d->room * sizeof *d->stamp);
        WEIR_ASSERT(d->stamp != NULL);
    }
    d->stamp[d->count++] = stamp;
    return true;
}

/* known: the prefix was, before this scan. */
static bool entry_take(struct spool_dir *d, const struct dirent *entry, bool known, u64 from)
{
    slice name = slice_str(entry->d_name), prefix;
    u64   stamp = 0;
    if (entry->d_type == DT_DIR) return true;
    if (d->named && slice_is(name, d->prefix)) return from > 0 || stamp_add(d, 0);
    if (!name_split(name, &prefix, &stamp)) return true;
    if (d->prefix[0] == '\0') snprintf(d->prefix, sizeof d->prefix, "%.*s", (int)prefix.len, prefix.at);
    if (!slice_is(prefix, d->prefix)) {
        if (!known) mix(d, prefix);
        return true;
    }
    return stamp < from || stamp_add(d, stamp);
}

static int stamp_cmp(const void *a, const void *b)
{
    u64 x = *(const u64 *)a, y = *(const u64 *)b;
    return x < y ? -1 : x > y;
}

enum spool_scan spool_dir_scan(struct spool_dir *d, u64 from)
{
    bool           known = d->prefix[0] != '\0', room = true;
    DIR           *directory = opendir(d->path);
    struct dirent *entry;
    if (directory == NULL) return SPOOL_FAULT;
    d->count = 0;
    d->words[0] = '\0';
    while (room && (errno = 0, entry = readdir(directory)) != NULL) room = entry_take(d, entry, known, from);
    int fault = errno;
    closedir(directory);
    if (!room) return SPOOL_CROWDED;
    if (d->words[0]) return SPOOL_MIXED;
    if (fault) {
        errno = fault;
        return SPOOL_FAULT;
    }
    if (d->count) qsort(d->stamp, d->count, sizeof *d->stamp, stamp_cmp);
    return SPOOL_SCANNED;
}

void spool_dir_fini(struct spool_dir *d)
{
    free(d->stamp);
    d->stamp = NULL;
    d->count = d->room = 0;
}

bool spool_dir_next(const struct spool_dir *d, u64 from, u64 *stamp)
{
    u32 i = 0;
    while (i < d->count && d->stamp[i] < from) i++;
    if (i < d->count) *stamp = d->stamp[i];
    return i < d->count;
}

void spool_dir_path(const struct spool_dir *d, u64 stamp, char *to, size_t size)
{
    if (stamp) snprintf(to, size, "%s/%s.%llu", d->path, d->prefix, (unsigned long long)stamp);
    else snprintf(to, size, "%s/%s", d->path, d->prefix);
}
