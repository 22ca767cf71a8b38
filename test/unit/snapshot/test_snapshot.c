/* SPDX-License-Identifier: Apache-2.0 */
/* test_snapshot.c: what was cut is read back, whatever came between; what was damaged is refused, never believed.
 *
 * A model in memory gets the same heads, pages and drops as the file; both are printed as text and compared. */
#include "fault_vfs.h"
#include "snapshot/snapshot.h"
#include "weir/hash.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

/* --- a model of state --- */

enum { OPS = 3, OBJECTS = 64, NUMBERS = 3, PAGE_ROOM = 2048 };

struct model_page {
    u32 len; /* 0: none */
    u8  bytes[PAGE_ROOM];
};

struct model_object {
    bool              live;
    u32               op;
    char              head[32];
    struct model_page page[PARTS][NUMBERS];
};

struct model {
    u64                 random;
    u64                 next_object;
    struct model_object object[OBJECTS]; /* object id i + 1 */
};

static u64 draw(struct model *m)
{
    m->random = m->random * 6364136223846793005u + 1442695040888963407u;
    return m->random >> 33;
}

static void fill(struct model *m, struct model_page *p, u32 len)
{
    p->len = len;
    for (u32 i = 0; i < len; i++) p->bytes[i] = (u8)draw(m);
}

static void change_page(struct model *m, struct cut *c, u32 i, u32 part, u32 number)
{
    struct model_object *o = &m->object[i];
    struct model_page *p = &o->page[part][number];
    fill(m, p, draw(m) % 4 ? 1500 : 1 + (u32)(draw(m) % PAGE_ROOM));
    cut_image(c)->page(cut_image(c), o->op, i + 1, (enum image_part)part,
                       (struct page_view){ number, p->len, p->bytes });
}

static void change_head(struct model *m, struct cut *c, u32 i)
{
    struct model_object *o = &m->object[i];
    snprintf(o->head, sizeof o->head, "head %llu", (unsigned long long)draw(m));
    cut_image(c)->head(cut_image(c), o->op, i + 1, slice_str(o->head));
}

static void drop(struct model *m, struct cut *c, u32 i)
{
    cut_image(c)->drop(cut_image(c), m->object[i].op, i + 1);
    m->object[i] = (struct model_object){ 0 };
}

/* An epoch of changes: new objects, changed pages, new heads, drops. */
static void change(struct model *m, struct cut *c, u32 times)
{
    for (u32 n = 0; n < times; n++) {
        u32 i = m->next_object > 0 ? (u32)(draw(m) % m->next_object) : 0;
        switch (m->next_object == 0 ? 0 : draw(m) % 6) {
        case 0:
            if (m->next_object == OBJECTS) break;
            i = (u32)m->next_object++;
            m->object[i] = (struct model_object){ .live = true, .op = (u32)(draw(m) % OPS) };
            change_head(m, c, i);
            break;
        case 1:
            if (m->object[i].live) change_head(m, c, i);
            break;
        case 2:
            if (m->object[i].live && draw(m) % 3 == 0) drop(m, c, i);
            break;
        default:
            if (m->object[i].live) change_page(m, c, i, (u32)(draw(m) % PARTS), (u32)(draw(m) % NUMBERS));
        }
    }
}

static void print_page(FILE *to, u64 object, u32 part, u32 number, slice bytes)
{
    fprintf(to, "page %llu %u %u ", (unsigned long long)object, part, number);
    for (size_t i = 0; i < bytes.len; i++) fprintf(to, "%02x", (u8)bytes.at[i]);
    fputc('\n', to);
}

/* The order in which a reader is told: heads, then pages of one object after the other, then done. */
static char *model_text(const struct model *m, u32 op)
{
    char *text;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    for (u32 i = 0; i < OBJECTS; i++)
        if (m->object[i].live && m->object[i].op == op) fprintf(to, "head %u %s\n", i + 1, m->object[i].head);
    for (u32 i = 0; i < OBJECTS; i++)
        for (u32 part = 0; part < PARTS; part++)
            for (u32 number = 0; number < NUMBERS; number++) {
                const struct model_page *p = &m->object[i].page[part][number];
                if (m->object[i].live && m->object[i].op == op && p->len)
                    print_page(to, i + 1, part, number, slice_of((const char *)p->bytes, p->len));
            }
    fprintf(to, "done\n");
    fclose(to);
    return text;
}

struct teller {
    struct image_reader reader;
    FILE               *to;
};

static err tell_head(struct image_reader *r, u64 object, slice bytes)
{
    fprintf(container_of(r, struct teller, reader)->to, "head %llu %.*s\n", (unsigned long long)object, (int)bytes.len,
            bytes.at);
    return OK;
}

static err tell_page(struct image_reader *r, u64 object, enum image_part part, u32 number, slice bytes)
{
    print_page(container_of(r, struct teller, reader)->to, object, (u32)part, number, bytes);
    return OK;
}

static err tell_done(struct image_reader *r)
{
    fprintf(container_of(r, struct teller, reader)->to, "done\n");
    return OK;
}

static const struct snapshot_op ops[OPS] = {
    { { "raw", 3 }, 11 }, { { "site/src/1m", 11 }, 22 }, { { "site/src/5m", 11 }, 33 },
};

/* Reads an operator as text; NULL if that failed. */
static char *read_op(struct snapshot *s, u32 op, struct snapshot_op as, enum snapshot_match *match, char *why)
{
    char *text;
    size_t len;
    struct teller t = { { tell_head, tell_page, tell_done }, open_memstream(&text, &len) };
    err e = snapshot_read_op(s, op, as, &t.reader, match, why);
    fclose(t.to);
    if (!err_is(e)) return text;
    free(text);
    return NULL;
}

/* --- a folder for each test --- */

struct place {
    char folder[64], path[96], other[96], wal[112], lock[112];
    char why[SNAPSHOT_WHY];
    struct streamed streamed; /* of the last epoch written */
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    strcpy(p->folder, "/tmp/weir-snapshot-XXXXXX");
    if (mkdtemp(p->folder) == NULL) return -1;
    snprintf(p->path, sizeof p->path, "%s/state.db", p->folder);
    snprintf(p->other, sizeof p->other, "%s/other.db", p->folder);
    snprintf(p->wal, sizeof p->wal, "%s-wal", p->path);
    snprintf(p->lock, sizeof p->lock, "%s.lock", p->path);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", p->folder);
    int code = system(command);
    free(p);
    return code;
}

static void must(err e, const char *why)
{
    if (err_is(e)) fail_msg("unexpected error: %s (%s)", why, e.what);
}

static struct snapshot *open_state(struct place *p)
{
    struct snapshot *s;
    must(snapshot_open(&s, p->path, S("probe"), p->why), p->why);
    return s;
}

/* Makes all operators known, as the engine does at start. */
static void begin(struct snapshot *s, struct place *p)
{
    struct snapshot_load load;
    must(snapshot_begin(s, &load, p->why), p->why);
    for (u32 i = 0; i < OPS; i++) {
        enum snapshot_match match;
        char *text = read_op(s, i, ops[i], &match, p->why);
        if (text == NULL) fail_msg("%s", p->why);
        free(text);
    }
}

static void must_write(struct snapshot *s, struct cut *c, struct place *p)
{
    bool fatal;
    must(snapshot_write(s, c, &p->streamed, p->why, &fatal), p->why);
    cut_free(c);
}

static void must_equal(struct snapshot *s, const struct model *m, struct place *p)
{
    for (u32 i = 0; i < OPS; i++) {
        enum snapshot_match match;
        char *got = read_op(s, i, ops[i], &match, p->why), *want = model_text(m, i);
        if (got == NULL) fail_msg("%s", p->why);
        assert_int_equal(match, SNAPSHOT_SAME);
        assert_string_equal(got, want);
        free(got), free(want);
    }
}

/* --- epochs --- */

static void snapshot_reads_back_what_many_epochs_left(void **state)
{
    struct place *p = *state;
    struct model *m = calloc(1, sizeof *m);
    m->random = 1;
    for (u64 epoch = 1; epoch <= 20; epoch++) {
        struct snapshot *s = open_state(p);
        begin(s, p);
        if (epoch > 1) must_equal(s, m, p);
        struct cut *c = cut_new(epoch);
        change(m, c, 25);
        must_write(s, c, p);
        if (epoch % 3 == 0) { /* a second epoch of the same process */
            c = cut_new(++epoch);
            change(m, c, 10);
            must_write(s, c, p);
        }
        must_equal(s, m, p);
        snapshot_close(s);
    }
    free(m);
}

static void snapshot_keeps_the_engines_bytes_and_the_epoch(void **state)
{
    struct place *p = *state;
    struct snapshot *s = open_state(p);
    struct snapshot_load load;
    must(snapshot_begin(s, &load, p->why), p->why);
    assert_int_equal(load.epoch, 0);
    assert_int_equal(load.engine.len, 0);
    struct cut *c = cut_new(7);
    cut_engine(c, S("a\0b"));
    must_write(s, c, p);
    must_write(s, cut_new(8), p); /* says nothing of the engine: the bytes stay */
    snapshot_close(s);
    s = open_state(p);
    must(snapshot_begin(s, &load, p->why), p->why);
    assert_int_equal(load.epoch, 8);
    assert_true(slice_eq(load.engine, S("a\0b")));
    must_write(s, cut_new(9), p);
    assert_true(slice_eq(load.engine, S("a\0b"))); /* lent until close */
    snapshot_close(s);
}

static void snapshot_writes_and_drops_an_object_in_one_cut(void **state)
{
    struct place *p = *state;
    struct model *m = calloc(1, sizeof *m);
    struct snapshot *s = open_state(p);
    begin(s, p);
    struct cut *c = cut_new(1);
    m->object[0] = (struct model_object){ .live = true };
    m->object[1] = (struct model_object){ .live = true, .op = 1 };
    m->next_object = 2;
    change_page(m, c, 0, 0, 0); /* a page before its head */
    change_head(m, c, 0);
    change_head(m, c, 1);
    struct model_object kept = m->object[0];
    drop(m, c, 0);
    cut_image(c)->drop(cut_image(c), 0, 99); /* never written: nothing to drop */
    /* The page's bytes must live until the write: the model dropped its copy. */
    c = (cut_free(c), cut_new(1));
    cut_image(c)->page(cut_image(c), 0, 1, PART_ROWS,
                       (struct page_view){ 0, kept.page[0][0].len, kept.page[0][0].bytes });
    cut_image(c)->head(cut_image(c), 0, 1, S("short life"));
    change_head(m, c, 1);
    cut_image(c)->drop(cut_image(c), 0, 1);
    cut_image(c)->drop(cut_image(c), 0, 99);
    must_write(s, c, p);
    must_equal(s, m, p);
    snapshot_close(s);
    s = open_state(p);
    begin(s, p);
    must_equal(s, m, p);
    snapshot_close(s);
    free(m);
}

/* --- positions and outboxes --- */

static void snapshot_keeps_positions_and_deletes_those_without_a_value(void **state)
{
    struct place *p = *state;
    struct snapshot *s = open_state(p);
    struct cut *c = cut_new(1);
    const struct position first[] = { { S("b"), S("2") }, { S("a\0x"), S("1") }, { S("empty"), S("") } };
    cut_positions(c, S("p2"), 3, first);
    cut_positions(c, S("other"), 1, first);
    must_write(s, c, p);
    c = cut_new(2);
    const struct position second[] = { { S("b"), { 0 } }, { S("a\0x"), S("10") }, { S("never"), { 0 } } };
    cut_positions(c, S("p2"), 3, second);
    must_write(s, c, p);
    snapshot_close(s);
    s = open_state(p);
    u32 count;
    const struct position *at;
    must(snapshot_read_positions(s, S("p2"), &count, &at, p->why), p->why);
    assert_int_equal(count, 2);
    assert_true(slice_eq(at[0].key, S("a\0x")) && slice_eq(at[0].value, S("10")));
    assert_true(slice_eq(at[1].key, S("empty")) && at[1].value.len == 0 && at[1].value.at != NULL);
    must(snapshot_read_positions(s, S("other"), &count, &at, p->why), p->why);
    assert_int_equal(count, 1);
    must(snapshot_read_positions(s, S("unknown"), &count, &at, p->why), p->why);
    assert_int_equal(count, 0);
    snapshot_close(s);
}

struct outboxes {
    u32  count;
    u64  epoch[8];
    char first[8][16];
    size_t len[8];
    struct streamed streamed[8];
};

static err keep_outbox(void *arg, u64 epoch, const struct streamed *streamed, slice rows)
{
    struct outboxes *o = arg;
    o->epoch[o->count] = epoch;
    o->len[o->count] = rows.len;
    o->streamed[o->count] = *streamed;
    snprintf(o->first[o->count++], 16, "%.*s", (int)(rows.len < 15 ? rows.len : 15), rows.at);
    return OK;
}

static void snapshot_keeps_outboxes_until_they_are_delivered(void **state)
{
    struct place *p = *state;
    struct snapshot *s = open_state(p);
    static const char *const rows[] = { "", "one", "", "three", "four" };
    for (u64 epoch = 1; epoch <= 4; epoch++) {
        struct cut *c = cut_new(epoch);
        cut_outbox(c, slice_str(rows[epoch]));
        must_write(s, c, p);
    }
    size_t large = ((size_t)40 << 20) + 5; /* more than one part */
    char *bytes = malloc(large);
    memset(bytes, 'x', large);
    struct cut *c = cut_new(5);
    cut_outbox(c, slice_of(bytes, large));
    cut_delivered(c, 1);
    assert_int_equal(cut_bytes(c), large);
    must_write(s, c, p);
    must(snapshot_checkpoint(s, p->why), p->why);
    snapshot_close(s);
    s = open_state(p);
    struct outboxes o = { 0 };
    must(snapshot_read_outboxes(s, 0, keep_outbox, &o, p->why), p->why);
    assert_int_equal(o.count, 4);
    assert_int_equal(o.epoch[0], 2);
    assert_int_equal(o.len[0], 0);
    assert_string_equal(o.first[1], "three");
    assert_int_equal(o.len[3], large);
    o = (struct outboxes){ 0 };
    must(snapshot_read_outboxes(s, 3, keep_outbox, &o, p->why), p->why);
    assert_int_equal(o.count, 2);
    assert_int_equal(o.epoch[0], 4);
    free(bytes);
    snapshot_close(s);
}

/* --- recipes that change --- */

static void put_file(const char *path, slice bytes);
static slice get_file(const char *path);

/* Rows that went ahead of their epoch: `len` bytes of a pattern that no two epochs share. */
static char *pattern(u64 epoch, size_t len)
{
    char *bytes = malloc(len);
    for (size_t i = 0; i < len; i++) bytes[i] = (char)(i * 31 + i / 4096 + epoch);
    return bytes;
}

static void stream(struct snapshot *s, struct place *p, u64 epoch, size_t len, size_t step)
{
    char *bytes = pattern(epoch, len);
    bool  fatal;
    for (size_t at = 0; at < len; at += step) {
        slice part = slice_of(bytes + at, len - at < step ? len - at : step);
        must(snapshot_stream(s, &part, p->why, &fatal), p->why);
        assert_int_equal(part.len, 0);
    }
    free(bytes);
}

static void write_epoch(struct snapshot *s, struct place *p, u64 epoch, u64 delivered)
{
    struct cut *c = cut_new(epoch);
    cut_outbox(c, S("with the epoch"));
    cut_delivered(c, delivered);
    must_write(s, c, p);
}

static void must_be_streamed(struct place *p, const struct streamed *t, u64 epoch, size_t len)
{
    slice rows;
    char *want = pattern(epoch, len);
    assert_int_equal(t->bytes, len);
    must(snapshot_streamed_open(p->path, t, &rows, p->why), p->why);
    assert_int_equal(rows.len, len);
    if (len > 0) assert_memory_equal(rows.at, want, len);
    snapshot_streamed_close(rows);
    free(want);
}

static u32 files_beside(const struct place *p)
{
    u32 n = 0;
    for (u32 i = 0; i < 16; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s-rows.%u", p->path, i);
        n += access(name, F_OK) == 0;
    }
    return n;
}

static void snapshot_keeps_what_was_streamed_until_it_is_delivered(void **state)
{
    struct place       *p = *state;
    static const size_t len[] = { 0, 1, 4096, 0, (3 << 20) + 5, 1 << 20, 777 };
    struct snapshot    *s = open_state(p);
    for (u64 epoch = 1; epoch <= 6; epoch++) {
        stream(s, p, epoch, len[epoch], epoch % 2 ? 100000 : 333);
        write_epoch(s, p, epoch, epoch > 3 ? 2 : 0);
        must_be_streamed(p, &p->streamed, epoch, len[epoch]);
    }
    stream(s, p, 7, 2 << 20, 4096); /* of an epoch that never comes */
    snapshot_close(s);
    s = open_state(p);
    struct outboxes o = { 0 };
    must(snapshot_read_outboxes(s, 0, keep_outbox, &o, p->why), p->why);
    assert_int_equal(o.count, 4);
    for (u32 i = 0; i < 4; i++) must_be_streamed(p, &o.streamed[i], 3 + i, len[3 + i]);
    assert_int_equal(files_beside(p), 3);
    write_epoch(s, p, 7, 6);
    write_epoch(s, p, 8, 7);
    snapshot_close(s);
    assert_int_equal(files_beside(p), 0);
}

static void snapshot_does_not_believe_damaged_rows_beside_it(void **state)
{
    struct place    *p = *state;
    struct snapshot *s = open_state(p);
    char             name[128];
    stream(s, p, 1, 10000, 10000);
    write_epoch(s, p, 1, 0);
    snapshot_close(s);
    snprintf(name, sizeof name, "%s-rows.%u", p->path, p->streamed.slot);
    slice bytes = get_file(name), rows;
    for (size_t at = 0; at < 10000; at += 999) {
        ((char *)(uintptr_t)bytes.at)[at] ^= 4;
        put_file(name, bytes);
        assert_true(err_is(snapshot_streamed_open(p->path, &p->streamed, &rows, p->why)));
        assert_non_null(strstr(p->why, "check sum differs"));
        ((char *)(uintptr_t)bytes.at)[at] ^= 4;
    }
    assert_int_equal(truncate(name, 9999), 0);
    assert_true(err_is(snapshot_streamed_open(p->path, &p->streamed, &rows, p->why)));
    assert_non_null(strstr(p->why, "is shorter than it was"));
    unlink(name);
    assert_true(err_is(snapshot_streamed_open(p->path, &p->streamed, &rows, p->why)));
    assert_non_null(strstr(p->why, "No such file"));
    free((char *)(uintptr_t)bytes.at);
}

static void note_name(void *arg, slice name)
{
    char *to = arg;
    strncat(to, name.at, name.len);
    strcat(to, " ");
}

static void snapshot_drops_changed_and_forgotten_operators_with_the_next_cut(void **state)
{
    struct place *p = *state;
    struct model *m = calloc(1, sizeof *m);
    m->random = 5;
    struct snapshot *s = open_state(p);
    begin(s, p);
    struct cut *c = cut_new(1);
    change(m, c, 200);
    must_write(s, c, p);
    snapshot_close(s);

    /* Today: raw is gone, the 1m line is another, the 5m line stays, under other numbers. */
    struct snapshot_op today[] = { ops[2], { ops[1].name, 99 }, { { "new", 3 }, 1 } };
    char *want = model_text(m, 2), gone[128] = "";
    for (u32 round = 0; round < 2; round++) { /* nothing is dropped before a cut */
        s = open_state(p);
        enum snapshot_match match[3];
        for (u32 i = 0; i < 3; i++) {
            char *text = read_op(s, i, today[i], &match[i], p->why);
            assert_non_null(text);
            if (i == 0) assert_string_equal(text, want);
            else assert_string_equal(text, "");
            free(text);
        }
        assert_int_equal(match[0], SNAPSHOT_SAME);
        assert_int_equal(match[1], SNAPSHOT_CHANGED);
        assert_int_equal(match[2], SNAPSHOT_NEW);
        gone[0] = 0;
        must(snapshot_forget(s, 3, today, note_name, gone, p->why), p->why);
        assert_string_equal(gone, "raw ");
        if (round == 0) snapshot_close(s);
    }
    c = cut_new(2);
    cut_image(c)->head(cut_image(c), 1, 77, S("fresh"));
    must_write(s, c, p);
    snapshot_close(s);
    s = open_state(p);
    gone[0] = 0;
    must(snapshot_forget(s, 3, today, note_name, gone, p->why), p->why);
    assert_string_equal(gone, "");
    enum snapshot_match match;
    char *text = read_op(s, 1, today[1], &match, p->why);
    assert_int_equal(match, SNAPSHOT_SAME);
    assert_string_equal(text, "head 77 fresh\ndone\n");
    free(text);
    text = read_op(s, 0, today[0], &match, p->why);
    assert_string_equal(text, want);
    free(text), free(want), free(m);
    snapshot_close(s);
}

/* --- refusals --- */

static void put_file(const char *path, slice bytes)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.at, 1, bytes.len, f), bytes.len);
    fclose(f);
}

static slice get_file(const char *path)
{
    FILE *f = fopen(path, "r");
    if (f == NULL) return (slice){ 0 };
    fseek(f, 0, SEEK_END);
    size_t len = (size_t)ftell(f);
    rewind(f);
    char *at = malloc(len + 1);
    assert_int_equal(fread(at, 1, len, f), len);
    fclose(f);
    return slice_of(at, len);
}

static void sql(const char *path, const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *why = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s: %s", text, why);
    sqlite3_close(db);
}

static void refused(struct place *p, const char *path, const char *words)
{
    struct snapshot *s;
    err e = snapshot_open(&s, path, S("probe"), p->why);
    assert_true(err_is(e));
    assert_null(s);
    if (strstr(p->why, words) == NULL || strstr(p->why, path) == NULL) fail_msg("`%s` not in `%s`", words, p->why);
}

static void snapshot_refuses_what_is_not_its_state_file(void **state)
{
    struct place *p = *state;
    snapshot_close(open_state(p));
    struct snapshot *s;
    err e = snapshot_open(&s, p->path, S("another"), p->why);
    assert_int_equal(e.code, ERR_STATE);
    assert_non_null(strstr(p->why, "is the state of recipe `probe`, not of `another`"));

    sql(p->path, "PRAGMA user_version=999");
    refused(p, p->path, "has state format 999, this weir knows format 2");
    put_file(p->other,
             S("this is no database at all, but text that goes on for more than a hundred bytes, so that it is "
               "not taken for an empty file, which would be made a new state file"));
    refused(p, p->other, "is not an SQLite database");
    unlink(p->other);
    sql(p->other, "CREATE TABLE theirs(x); INSERT INTO theirs VALUES(42)");
    slice before = get_file(p->other);
    refused(p, p->other, "is an SQLite database, but not a state file of weir");
    slice after = get_file(p->other);
    assert_true(slice_eq(before, after)); /* and nothing in it was touched */
    free((char *)(uintptr_t)before.at), free((char *)(uintptr_t)after.at);
}

static void snapshot_says_what_is_wrong_with_the_path(void **state)
{
    struct place *p = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/missing/state.db", p->folder);
    refused(p, path, "/missing: No such file or directory");
    refused(p, p->folder, "is a directory, a file is wanted");
    snprintf(path, sizeof path, "%s/file", p->folder);
    put_file(path, S(""));
    snprintf(path, sizeof path, "%s/file/state.db", p->folder);
    refused(p, path, "is not a directory");
    refused(p, "/proc/weir-state.db", "/proc"); /* writable to nobody, root included */
    if (geteuid() == 0) return;
    snprintf(path, sizeof path, "%s/sealed", p->folder);
    mkdir(path, 0500);
    strcat(path, "/state.db");
    refused(p, path, "is not writable: Permission denied");
}

static void snapshot_is_refused_to_a_second_process_and_free_after_a_kill(void **state)
{
    struct place *p = *state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct snapshot *s = open_state(p);
        bool fatal;
        struct cut *c = cut_new(3);
        if (s == NULL || err_is(snapshot_write(s, c, &p->streamed, p->why, &fatal))) _exit(1);
        if (write(ready[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    char words[64];
    snprintf(words, sizeof words, "is in use by another weir (process %ld", (long)child);
    refused(p, p->path, words);
    u64 epoch = 0;
    must(snapshot_list(p->path, &epoch, NULL, NULL, p->why), p->why); /* readers are welcome */
    assert_int_equal(epoch, 3);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    struct snapshot *s = open_state(p), *twice;
    assert_true(err_is(snapshot_open(&twice, p->path, S("probe"), p->why))); /* nor to this process again */
    struct snapshot_load load;
    must(snapshot_begin(s, &load, p->why), p->why);
    assert_int_equal(load.epoch, 3);
    snapshot_close(s);
    close(ready[0]), close(ready[1]);
}

/* --- damage --- */

/* A state with all tables filled; kept small, so that many flips fit into a second. */
static void fill_state(struct place *p, struct model *m, u64 epochs, slice *db, slice *wal, slice *lock)
{
    struct snapshot *s = open_state(p);
    begin(s, p);
    for (u64 epoch = 1; epoch <= epochs; epoch++) {
        struct cut *c = cut_new(epoch);
        change(m, c, 60);
        struct position at[] = { { S("file one"), S("offset 17") }, { S("file two"), S("done") } };
        cut_positions(c, S("p2"), 2, at);
        cut_engine(c, S("engine's own"));
        cut_outbox(c, S("rows of this epoch"));
        must_write(s, c, p);
    }
    if (wal != NULL) { /* as a kill would leave it */
        *db = get_file(p->path);
        *wal = get_file(p->wal);
        *lock = get_file(p->lock);
    }
    snapshot_close(s);
    if (wal == NULL) *db = get_file(p->path);
}

/* True: refused. Else everything was read and equals. */
static bool refused_or_equal(struct place *p, char *const want[OPS], u64 epoch)
{
    struct snapshot *s;
    if (err_is(snapshot_open(&s, p->path, S("probe"), p->why))) {
        assert_non_null(strstr(p->why, p->path));
        return true;
    }
    struct snapshot_load load;
    must(snapshot_begin(s, &load, p->why), p->why);
    bool bad = false;
    for (u32 i = 0; i < OPS && !bad; i++) {
        enum snapshot_match match;
        char *got = read_op(s, i, ops[i], &match, p->why);
        bad = got == NULL;
        if (got != NULL) {
            assert_int_equal(match, SNAPSHOT_SAME);
            assert_string_equal(got, want[i]);
        }
        free(got);
    }
    u32 count = 0;
    const struct position *at;
    struct outboxes o = { 0 };
    if (!bad) bad = err_is(snapshot_read_positions(s, S("p2"), &count, &at, p->why));
    if (!bad) bad = err_is(snapshot_read_outboxes(s, 0, keep_outbox, &o, p->why));
    if (!bad) {
        assert_int_equal(load.epoch, epoch);
        assert_true(slice_eq(load.engine, S("engine's own")));
        assert_true(count == 2 && slice_eq(at[0].value, S("offset 17")) && slice_eq(at[1].key, S("file two")));
        assert_int_equal(o.count, epoch);
        for (u32 i = 0; i < o.count; i++) assert_string_equal(o.first[i], "rows of this ep");
    }
    snapshot_close(s);
    return bad;
}

static void clean(struct place *p)
{
    char name[128];
    snprintf(name, sizeof name, "%s-shm", p->path);
    unlink(name), unlink(p->wal), unlink(p->lock);
}

/* Flips one bit at many places: every byte of the first 128 and of the start of every page, else each `stride`th. */
static void flip_many(struct place *p, struct model *m, u64 epochs, bool in_wal, size_t stride)
{
    slice db, wal = { 0 }, lock = { 0 };
    fill_state(p, m, epochs, &db, in_wal ? &wal : NULL, in_wal ? &lock : NULL);
    char *want[OPS];
    for (u32 i = 0; i < OPS; i++) want[i] = model_text(m, i);
    slice victim = in_wal ? wal : db;
    char *bytes = (char *)(uintptr_t)victim.at;
    u32 flips = 0, refusals = 0;
    for (size_t at = 0; at < victim.len; at += at < 128 ? 3 : stride, flips++) {
        char bit = (char)(1 << (at / 3 % 8));
        bytes[at] ^= bit;
        clean(p);
        put_file(p->path, db);
        if (in_wal) put_file(p->wal, wal), put_file(p->lock, lock);
        refusals += refused_or_equal(p, want, epochs);
        bytes[at] ^= bit;
    }
    clean(p);
    put_file(p->path, db);
    if (in_wal) put_file(p->wal, wal), put_file(p->lock, lock);
    assert_false(refused_or_equal(p, want, epochs)); /* the undamaged file is believed */
    assert_true(flips > 200 && refusals > flips / 4);
    for (u32 i = 0; i < OPS; i++) free(want[i]);
    free((char *)(uintptr_t)db.at), free((char *)(uintptr_t)wal.at), free((char *)(uintptr_t)lock.at);
}

static void snapshot_never_believes_a_flipped_bit_in_the_file(void **state)
{
    struct model *m = calloc(1, sizeof *m);
    m->random = 77;
    flip_many(*state, m, 3, false, 331);
    free(m);
}

static void snapshot_never_believes_a_flipped_bit_in_the_wal(void **state)
{
    struct model *m = calloc(1, sizeof *m);
    m->random = 78;
    flip_many(*state, m, 3, true, 1511);
    free(m);
}

static void snapshot_refuses_rows_that_were_lost_or_edited(void **state)
{
    static const char *const edits[][2] = {
        { "DELETE FROM page WHERE id = (SELECT min(id) FROM page)", "are missing or doubled" },
        { "DELETE FROM object WHERE id = (SELECT min(id) FROM object)", "rows are missing or doubled" },
        { "DELETE FROM op WHERE id = 1", "rows are missing or doubled" },
        { "DELETE FROM position", "rows are missing or doubled" },
        { "DELETE FROM outbox", "rows are missing or doubled" },
        { "DELETE FROM meta", "table meta, row 1: is missing" },
        { "UPDATE meta SET epoch = epoch + 1", "table meta, row 1: check sum differs" },
        { "UPDATE meta SET engine = 'other'", "table meta, row 1: check sum differs" },
        { "UPDATE op SET fingerprint = 1", "table op, row 1: check sum differs" },
        { "UPDATE object SET head = 'x' WHERE id = 1", "table object, row 1: check sum differs" },
        { "UPDATE position SET value = 'x'", "table position, a position of source p2: check sum differs" },
        { "UPDATE outbox SET data = 'x' WHERE id = 65536", "table outbox, row 65536: check sum differs" },
        { "UPDATE page SET data = zeroblob(length(data)) WHERE id = (SELECT max(id) FROM page)", "check sum differs" },
        { "UPDATE page SET id = id + 100 WHERE id = (SELECT max(id) FROM page)", "check sum differs" },
        { "DROP TABLE outbox", "no such table: outbox" },
    };
    struct place *p = *state;
    struct model *m = calloc(1, sizeof *m);
    m->random = 79;
    slice db;
    fill_state(p, m, 3, &db, NULL, NULL);
    char *want[OPS];
    for (u32 i = 0; i < OPS; i++) want[i] = model_text(m, i);
    for (size_t i = 0; i < WEIR_COUNT(edits); i++) {
        clean(p);
        put_file(p->path, db);
        sql(p->path, edits[i][0]);
        if (!refused_or_equal(p, want, 3)) fail_msg("believed: %s", edits[i][0]);
        if (strstr(p->why, edits[i][1]) == NULL) fail_msg("%s: `%s`", edits[i][0], p->why);
    }
    for (u32 i = 0; i < OPS; i++) free(want[i]);
    free((char *)(uintptr_t)db.at), free(m);
}

static void snapshot_refuses_a_file_cut_short(void **state)
{
    struct place *p = *state;
    struct model *m = calloc(1, sizeof *m);
    m->random = 80;
    slice db;
    fill_state(p, m, 3, &db, NULL, NULL);
    char *want[OPS];
    for (u32 i = 0; i < OPS; i++) want[i] = model_text(m, i);
    slice lock = get_file(p->lock);
    for (size_t len = 0; len < db.len; len = len < 2 ? len + 1 : len + 6007) {
        clean(p);
        put_file(p->path, slice_of(db.at, len));
        if (len < 2) put_file(p->lock, lock); /* alone it would be a new file: SQLite takes one byte for none */
        assert_true(refused_or_equal(p, want, 3));
    }
    free((char *)(uintptr_t)lock.at);
    for (u32 i = 0; i < OPS; i++) free(want[i]);
    free((char *)(uintptr_t)db.at), free(m);
}

static void snapshot_refuses_a_file_that_went_back_to_an_older_epoch(void **state)
{
    struct place *p = *state;
    struct model *m = calloc(1, sizeof *m);
    struct snapshot *s = open_state(p);
    begin(s, p);
    must_write(s, cut_new(1), p);
    snapshot_close(s);
    slice old = get_file(p->path);
    s = open_state(p);
    must_write(s, cut_new(2), p);
    snapshot_close(s);
    put_file(p->path, old);
    refused(p, p->path, "holds epoch 1, but epoch 2 was committed");
    unlink(p->lock);
    snapshot_close(open_state(p)); /* on the operator's word */
    unlink(p->path);
    snapshot_close(open_state(p)); /* a new state has a new identity */
    free((char *)(uintptr_t)old.at), free(m);
}

/* --- a disk that fails --- */

static void snapshot_survives_a_full_disk_and_ends_after_a_failed_fsync(void **state)
{
    struct place *p = *state;
    struct fault fault = { .writes = -1, .syncs = -1, .write_code = SQLITE_FULL };
    fault_vfs_install(&fault);
    struct model *m = calloc(1, sizeof *m), *before = malloc(sizeof *m);
    m->random = 9;
    struct snapshot *s = open_state(p);
    begin(s, p);
    struct cut *c = cut_new(1);
    change(m, c, 100);
    must_write(s, c, p);
    static const int codes[] = { SQLITE_FULL, SQLITE_IOERR_WRITE };
    u64 epoch = 2;
    for (int at = 0; at < 40; at++) { /* the disk fills at each write of the epoch */
        *before = *m;
        fault.write_code = codes[at % 2];
        c = cut_new(epoch);
        change(m, c, 10);
        fault.writes = at;
        bool fatal = true;
        err e = snapshot_write(s, c, &p->streamed, p->why, &fatal);
        fault.writes = -1;
        if (!err_is(e)) {
            cut_free(c);
            epoch++;
            continue;
        }
        assert_false(fatal);
        assert_int_equal(e.code, ERR_SQL);
        if (at % 2 == 0) assert_non_null(strstr(p->why, "no space left"));
        must_equal(s, before, p); /* nothing is changed */
        must(snapshot_write(s, c, &p->streamed, p->why, &fatal), p->why); /* the same cut, when there is room */
        must_equal(s, m, p);
        cut_free(c);
        epoch++;
    }
    fault.syncs = 0;
    bool fatal = false;
    c = cut_new(epoch);
    assert_true(err_is(snapshot_write(s, c, &p->streamed, p->why, &fatal)));
    assert_true(fatal);
    cut_free(c);
    fault.syncs = -1;
    snapshot_close(s);
    fault_vfs_remove();
    s = open_state(p);
    begin(s, p);
    must_equal(s, m, p);
    snapshot_close(s);
    free(m), free(before);
}

/* --- list, show, export, import --- */

static void note_entry(void *arg, const struct snapshot_entry *n)
{
    char *to = arg;
    sprintf(to + strlen(to), "%.*s:%llu:%llu:%llu:%llu ", (int)n->name.len, n->name.at,
            (unsigned long long)n->fingerprint,
            (unsigned long long)n->objects, (unsigned long long)n->pages, (unsigned long long)n->bytes);
}

static void note_line(void *arg, const char *line)
{
    char *to = arg;
    strcat(to, line);
    strcat(to, "\n");
}

static void small_state(struct place *p)
{
    struct snapshot *s = open_state(p);
    begin(s, p);
    struct cut *c = cut_new(5);
    struct image_writer *w = cut_image(c);
    w->head(w, 0, 1, S("one"));
    w->page(w, 0, 1, PART_ROWS, (struct page_view){ 0, 4, "rows" });
    w->page(w, 0, 1, PART_WORD_BYTES, (struct page_view){ 7, 5, "words" });
    w->head(w, 1, 2, S("two"));
    struct position at = { S("file\n1"), S("off 3") };
    cut_positions(c, S("p2"), 1, &at);
    cut_outbox(c, S("rows"));
    cut_engine(c, S("eng"));
    must_write(s, c, p);
    snapshot_close(s);
}

static void snapshot_lists_and_shows_what_the_file_holds(void **state)
{
    struct place *p = *state;
    small_state(p);
    char text[2048] = "";
    u64 epoch;
    must(snapshot_list(p->path, &epoch, note_entry, text, p->why), p->why);
    assert_int_equal(epoch, 5);
    assert_string_equal(text, "raw:11:1:2:12 site/src/1m:22:1:0:3 site/src/5m:33:0:0:0 ");
    text[0] = 0;
    must(snapshot_show(p->path, S(""), note_line, text, p->why), p->why);
    assert_string_equal(text,
                        "state     recipe probe, epoch 5, engine 3 bytes\n"
                        "operator  raw  fingerprint 000000000000000b, 1 objects, 2 pages, 12 bytes\n"
                        "object    raw/1  head 3 bytes, 2 pages, 9 bytes\n"
                        "operator  site/src/1m  fingerprint 0000000000000016, 1 objects, 0 pages, 3 bytes\n"
                        "object    site/src/1m/2  head 3 bytes, 0 pages, 0 bytes\n"
                        "operator  site/src/5m  fingerprint 0000000000000021, 0 objects, 0 pages, 0 bytes\n"
                        "position  p2  file\\x0a1 = off 3\n"
                        "outbox    epoch 5, 4 bytes\n");
    text[0] = 0;
    must(snapshot_show(p->path, S("raw"), note_line, text, p->why), p->why);
    assert_non_null(strstr(text, "object    raw/1"));
    assert_true(err_is(snapshot_show(p->path, S("row"), note_line, text, p->why)));
    assert_non_null(strstr(p->why, "has no operator `row`; it has: raw, site/src/1m, site/src/5m"));
    assert_true(err_is(snapshot_list(p->other, &epoch, note_entry, text, p->why)));
    assert_non_null(strstr(p->why, "No such file"));
}

static void snapshot_exports_all_as_a_state_that_can_be_started(void **state)
{
    struct place *p = *state;
    small_state(p);
    must(snapshot_export(p->path, p->other, 0, NULL, p->why), p->why);
    assert_true(err_is(snapshot_export(p->path, p->other, 0, NULL, p->why)));
    assert_non_null(strstr(p->why, "a savepoint never replaces a file"));
    char text[2048] = "", other[2048] = "";
    must(snapshot_show(p->path, S(""), note_line, text, p->why), p->why);
    must(snapshot_show(p->other, S(""), note_line, other, p->why), p->why);
    assert_string_equal(text, other);
    struct snapshot *s;
    must(snapshot_open(&s, p->other, S("probe"), p->why), p->why);
    enum snapshot_match match;
    char *got = read_op(s, 0, ops[0], &match, p->why);
    assert_string_equal(got, "head 1 one\npage 1 0 0 726f7773\npage 1 2 7 776f726473\ndone\n");
    free(got);
    snapshot_close(s);
}

static void snapshot_imports_named_operators_and_leaves_the_rest(void **state)
{
    struct place *p = *state;
    small_state(p);
    const slice names[] = { S("raw") }, wrong[] = { S("site/dst/1m") };
    assert_true(err_is(snapshot_export(p->path, p->other, 1, wrong, p->why)));
    assert_non_null(strstr(p->why, "has no operator `site/dst/1m`"));
    assert_int_not_equal(access(p->other, F_OK), 0);
    must(snapshot_export(p->path, p->other, 1, names, p->why), p->why);

    struct snapshot *s = open_state(p);
    begin(s, p);
    struct cut *c = cut_new(6);
    struct image_writer *w = cut_image(c);
    w->drop(w, 0, 1);
    w->head(w, 0, 3, S("later"));
    w->head(w, 1, 2, S("changed"));
    must_write(s, c, p);
    assert_true(err_is(snapshot_import(p->path, p->other, 0, NULL, p->why))); /* it runs */
    assert_non_null(strstr(p->why, "is in use"));
    snapshot_close(s);
    assert_true(err_is(snapshot_import(p->path, p->other, 1, wrong, p->why)));
    assert_non_null(strstr(p->why, "other.db: has no operator `site/dst/1m`"));
    must(snapshot_import(p->path, p->other, 0, NULL, p->why), p->why);
    s = open_state(p);
    struct snapshot_load load;
    must(snapshot_begin(s, &load, p->why), p->why);
    assert_int_equal(load.epoch, 6);
    enum snapshot_match match;
    char *got = read_op(s, 0, ops[0], &match, p->why);
    assert_string_equal(got, "head 1 one\npage 1 0 0 726f7773\npage 1 2 7 776f726473\ndone\n");
    free(got);
    got = read_op(s, 1, ops[1], &match, p->why);
    assert_string_equal(got, "head 2 changed\ndone\n");
    free(got);
    u32 count;
    const struct position *at;
    must(snapshot_read_positions(s, S("p2"), &count, &at, p->why), p->why);
    assert_int_equal(count, 1);
    snapshot_close(s);
}

static err refuse_head(struct image_reader *r, u64 object, slice bytes)
{
    return err_data("head too short", 3);
}

static void snapshot_tells_when_an_operator_does_not_take_its_image(void **state)
{
    struct place *p = *state;
    small_state(p);
    struct snapshot *s = open_state(p);
    struct image_reader r = { refuse_head, tell_page, tell_done };
    enum snapshot_match match;
    err e = snapshot_read_op(s, 0, ops[0], &r, &match, p->why);
    assert_int_equal(e.code, ERR_STATE);
    assert_non_null(strstr(p->why, "operator raw, object 1: head too short (at 3)"));
    snapshot_close(s);
}

/* A reader that stays does not stop epochs or checkpoints; it sees what was there when it began. */
static void snapshot_goes_on_beside_a_reader_that_stays(void **state)
{
    struct place *p = *state;
    struct snapshot *s = open_state(p);
    must_write(s, cut_new(1), p);
    sqlite3 *reader;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open_v2(p->path, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(reader, "SELECT epoch FROM meta", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st, 0), 1);
    size_t len = (size_t)20 << 20;
    char *bytes = calloc(1, len);
    for (u64 epoch = 2; epoch < 4; epoch++) {
        struct cut *c = cut_new(epoch);
        cut_outbox(c, slice_of(bytes, len));
        must_write(s, c, p);
        must(snapshot_checkpoint(s, p->why), p->why);
    }
    sqlite3_reset(st);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st, 0), 1);
    sqlite3_finalize(st);
    sqlite3_close(reader);
    struct stat at;
    assert_int_equal(stat(p->wal, &at), 0);
    assert_true(at.st_size > (off_t)len);
    must(snapshot_checkpoint(s, p->why), p->why);
    assert_int_equal(stat(p->wal, &at), 0);
    assert_int_equal(at.st_size, 0);
    free(bytes);
    snapshot_close(s);
}

/* A limit on files' sizes stands for the disk that is full: both say so at a write. */
static void file_limit(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void snapshot_goes_on_streaming_when_there_is_room_again(void **state)
{
    struct place    *p = *state;
    struct snapshot *s = open_state(p);
    size_t           len = (5 << 20) + 123;
    char            *bytes = pattern(1, len);
    slice            rest = slice_of(bytes, len);
    bool             fatal = true;
    signal(SIGXFSZ, SIG_IGN);
    file_limit(2 << 20);
    for (u32 i = 0; i < 3; i++) {
        assert_true(err_is(snapshot_stream(s, &rest, p->why, &fatal)));
        assert_false(fatal);
    }
    assert_true(rest.len > 0 && rest.len < len);
    file_limit(RLIM_INFINITY);
    must(snapshot_stream(s, &rest, p->why, &fatal), p->why);
    file_limit(5 << 20); /* room for all but the last, short block */
    struct cut *c = cut_new(1);
    assert_true(err_is(snapshot_write(s, c, &p->streamed, p->why, &fatal)));
    assert_false(fatal);
    file_limit(RLIM_INFINITY);
    must_write(s, c, p);
    must_be_streamed(p, &p->streamed, 1, len);
    snapshot_close(s);
    free(bytes);
}

/* The disk is full of what nobody needs any more, and no epoch can be written that says so. */
static void snapshot_gives_room_back_between_epochs(void **state)
{
    struct place    *p = *state;
    struct snapshot *s = open_state(p);
    bool             fatal;
    for (u64 epoch = 1; epoch <= 5; epoch++) {
        stream(s, p, epoch, 10000, 10000);
        write_epoch(s, p, epoch, 0);
    }
    stream(s, p, 6, 10000, 10000);
    assert_int_equal(files_beside(p), 6);
    must(snapshot_release(s, 4, p->why, &fatal), p->why);
    assert_int_equal(files_beside(p), 2);
    must(snapshot_release(s, 4, p->why, &fatal), p->why);
    write_epoch(s, p, 6, 4);
    must_be_streamed(p, &p->streamed, 6, 10000);
    snapshot_close(s);
    s = open_state(p);
    struct outboxes o = { 0 };
    must(snapshot_read_outboxes(s, 0, keep_outbox, &o, p->why), p->why);
    assert_int_equal(o.count, 2);
    assert_int_equal(o.epoch[0], 5);
    must_be_streamed(p, &o.streamed[0], 5, 10000);
    must_be_streamed(p, &o.streamed[1], 6, 10000);
    snapshot_close(s);
}

/* --- the format before this one --- */

static u64 sum_u64(u64 sum, u64 v)
{
    return hash_checksum(&v, sizeof v, sum);
}

static u64 sum_column(u64 sum, sqlite3_stmt *st, int column)
{
    const void *at = sqlite3_column_blob(st, column);
    size_t      len = (size_t)sqlite3_column_bytes(st, column);
    return hash_checksum(at, len, sum_u64(sum, len));
}

/* Format 1 had no table of what was streamed, and its number is in the sum of meta. */
static void make_format_1(const char *path)
{
    sqlite3      *db;
    sqlite3_stmt *st;
    char          text[160];
    sql(path, "DROP TABLE streamed; PRAGMA user_version=1");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    const char *select = "SELECT recipe, state, epoch, total, engine FROM meta";
    assert_int_equal(sqlite3_prepare_v2(db, select, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    u64 sum = sum_column(sum_u64(1, 1), st, 0);
    for (int i = 1; i <= 3; i++) sum = sum_u64(sum, (u64)sqlite3_column_int64(st, i));
    sum = sum_column(sum, st, 4);
    sqlite3_finalize(st);
    sqlite3_close(db);
    snprintf(text, sizeof text, "UPDATE meta SET sum = %lld", (long long)sum);
    sql(path, text);
}

static void snapshot_takes_a_file_of_the_format_before(void **state)
{
    struct place *p = *state;
    char          text[2048] = "", after[2048] = "";
    small_state(p);
    must(snapshot_show(p->path, S(""), note_line, text, p->why), p->why);
    make_format_1(p->path);
    must(snapshot_show(p->path, S(""), note_line, after, p->why), p->why); /* a reader changes nothing */
    assert_string_equal(text, after);
    snapshot_close(open_state(p)); /* a writer brings it up to date */
    struct snapshot *s = open_state(p);
    stream(s, p, 6, 5000, 5000);
    write_epoch(s, p, 6, 0);
    must_be_streamed(p, &p->streamed, 6, 5000);
    snapshot_close(s);
    after[0] = 0;
    must(snapshot_show(p->path, S(""), note_line, after, p->why), p->why);
    assert_non_null(strstr(after, "streamed  epoch 6, 5000 bytes in rows.0"));
    assert_non_null(strstr(after, "epoch 5, 4 bytes"));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(snapshot_reads_back_what_many_epochs_left),
        CASE(snapshot_keeps_the_engines_bytes_and_the_epoch),
        CASE(snapshot_writes_and_drops_an_object_in_one_cut),
        CASE(snapshot_keeps_positions_and_deletes_those_without_a_value),
        CASE(snapshot_keeps_outboxes_until_they_are_delivered),
        CASE(snapshot_keeps_what_was_streamed_until_it_is_delivered),
        CASE(snapshot_does_not_believe_damaged_rows_beside_it),
        CASE(snapshot_goes_on_streaming_when_there_is_room_again),
        CASE(snapshot_gives_room_back_between_epochs),
        CASE(snapshot_takes_a_file_of_the_format_before),
        CASE(snapshot_drops_changed_and_forgotten_operators_with_the_next_cut),
        CASE(snapshot_refuses_what_is_not_its_state_file),
        CASE(snapshot_says_what_is_wrong_with_the_path),
        CASE(snapshot_is_refused_to_a_second_process_and_free_after_a_kill),
        CASE(snapshot_never_believes_a_flipped_bit_in_the_file),
        CASE(snapshot_never_believes_a_flipped_bit_in_the_wal),
        CASE(snapshot_refuses_rows_that_were_lost_or_edited),
        CASE(snapshot_refuses_a_file_cut_short),
        CASE(snapshot_refuses_a_file_that_went_back_to_an_older_epoch),
        CASE(snapshot_survives_a_full_disk_and_ends_after_a_failed_fsync),
        CASE(snapshot_lists_and_shows_what_the_file_holds),
        CASE(snapshot_exports_all_as_a_state_that_can_be_started),
        CASE(snapshot_imports_named_operators_and_leaves_the_rest),
        CASE(snapshot_tells_when_an_operator_does_not_take_its_image),
        CASE(snapshot_goes_on_beside_a_reader_that_stays),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
