/* SPDX-License-Identifier: Apache-2.0 */
/* state_write.c: how fast an epoch's pages go to state.db, and how fast a state comes back.
 *
 *   state_write <folder> [MB of state] [MB changed an epoch]
 *
 * The folder should be on the disk that a state would be on. Pages are 60,000 bytes, as those of wide rows are; a
 * changed page has a tenth of its bytes changed. Prints MB/s of page bytes, committed and synced. */
#include "snapshot/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 60000, OBJECT_PAGES = 50 };

static f64 seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (f64)t.tv_sec + (f64)t.tv_nsec / 1e9;
}

struct counter {
    struct image_reader reader;
    u64                 bytes;
};

static err count_head(struct image_reader *r, u64 object, slice bytes)
{
    return OK;
}

static err count_page(struct image_reader *r, u64 object, enum image_part part, u32 number, slice bytes)
{
    container_of(r, struct counter, reader)->bytes += bytes.len;
    return OK;
}

static err count_done(struct image_reader *r)
{
    return OK;
}

static const struct snapshot_op op = { { "raw", 3 }, 1 };

static struct snapshot *start(const char *path, u64 *bytes)
{
    char why[SNAPSHOT_WHY];
    struct snapshot *s;
    enum snapshot_match match;
    struct counter c = { { count_head, count_page, count_done }, 0 };
    if (err_is(snapshot_open(&s, path, S("bench"), why)) ||
        err_is(snapshot_read_op(s, 0, op, &c.reader, &match, why))) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    *bytes = c.bytes;
    return s;
}

/* Writes `count` of the `of` pages, each `step`th from `from` on. */
static void epoch(struct snapshot *s, u64 number, u8 *pages, u64 from, u64 count, u64 step, u64 of)
{
    char why[SNAPSHOT_WHY];
    struct cut *c = cut_new(number);
    for (u64 n = 0; n < count; n++) {
        u64 i = (from + n * step) % of;
        u8 *page = pages + i * PAGE;
        for (u32 k = 0; k < PAGE / 10; k++) page[(k * 97 + number) % PAGE] += 1;
        if (i % OBJECT_PAGES == 0) cut_image(c)->head(cut_image(c), 0, i / OBJECT_PAGES, S("head"));
        cut_image(c)->page(cut_image(c), 0, i / OBJECT_PAGES, PART_ROWS,
                           (struct page_view){ (u32)(i % OBJECT_PAGES), PAGE, page });
    }
    f64 t0 = seconds();
    bool fatal;
    if (err_is(snapshot_write(s, c, why, &fatal))) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    f64 t1 = seconds();
    snapshot_checkpoint(s, why);
    f64 t2 = seconds(), mb = (f64)cut_bytes(c) / 1e6;
    printf("epoch %llu: %.0f MB in %.0f ms: %.0f MB/s; checkpoint %.0f ms\n", (unsigned long long)number, mb,
           (t1 - t0) * 1e3, mb / (t1 - t0), (t2 - t1) * 1e3);
    cut_free(c);
}

int main(int argc, char **argv)
{
    if (argc < 2) return fprintf(stderr, "usage: state_write <folder> [MB of state] [MB changed an epoch]\n"), 64;
    u64 count = (argc > 2 ? strtoull(argv[2], NULL, 10) : 200) * 1000000 / PAGE;
    u64 changed = (argc > 3 ? strtoull(argv[3], NULL, 10) : 50) * 1000000 / PAGE, bytes;
    char path[4096];
    snprintf(path, sizeof path, "%s/weir-bench-state.db", argv[1]);
    unlink(path);
    u8 *pages = malloc(count * PAGE);
    if (pages == NULL) return 1;
    for (u64 i = 0; i < count * PAGE; i++) pages[i] = (u8)(i * 2654435761u >> 13);
    struct snapshot *s = start(path, &bytes);
    u64 number = 1;
    for (u64 from = 0; from < count; from += changed) {
        u64 n = count - from < changed ? count - from : changed;
        epoch(s, number++, pages, from, n, 1, count);
    }
    printf("now the same pages, changed:\n");
    for (u32 i = 0; i < 4; i++) epoch(s, number++, pages, i * 131, changed, 3, count);
    snapshot_close(s);
    f64 t0 = seconds();
    s = start(path, &bytes);
    f64 took = seconds() - t0;
    printf("start: %.0f MB read and checked in %.0f ms: %.0f MB/s\n", (f64)bytes / 1e6, took * 1e3,
           (f64)bytes / 1e6 / took);
    snapshot_close(s);
    unlink(path);
    snprintf(path, sizeof path, "%s/weir-bench-state.db.lock", argv[1]);
    unlink(path);
    free(pages);
    return 0;
}
