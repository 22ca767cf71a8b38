/* SPDX-License-Identifier: Apache-2.0 */
/* test_packets.c: frames to columns: values and nulls by name, rows with times of their own, refusals with their
 * reasons, batches cut anywhere. */
#include "../packet/build.h"
#include "probe.h"

#include "packet/frames.h"

#define TEST(name) static void name(void **state __attribute__((unused)))
#define A 0x0a000001u
#define B 0x0a000002u
#define ID "'1:4sSMKwiLG6ALt16rSG1QjqDtqLk='" /* Community ID of UDP between A, port 5000, and B, port 53 */

static struct build b; /* one frame at a time */

/* A decoder with these columns, and a text that frames are added to. */
struct kit {
    struct probe probe;
    char        *text;
    size_t       len;
};

static enum field_type type_of(const char *name)
{
    for (const struct decoder_column *c = decoder_packets.columns; c->name; c++)
        if (strcmp(c->name, name) == 0) return c->type;
    return FIELD_F64;
}

static err kit_try(struct kit *k, const char *const *name, u32 names)
{
    struct probe *p = &k->probe;
    *k = (struct kit){ .text = malloc(1 << 20) };
    assert_non_null(k->text);
    for (u32 i = 0; i < names; i++) {
        p->column[i] = (struct field){ .name = slice_str(name[i]), .type = type_of(name[i]) };
        p->field[i] = (struct layout_field){ .field = p->column[i], .column = slice_str(name[i]), .scale = 1,
                                             .used = true, .slot = i };
    }
    p->layout = (struct layout){ .fields = names, .field = p->field };
    p->schema = (struct schema){ .measures = names, .field = p->column };
    return decoder_packets.open(&p->decoder, &p->layout, &p->schema);
}

static void kit_open(struct kit *k, const char *const *name, u32 names)
{
    assert_int_equal(kit_try(k, name, names).code, ERR_NONE);
}

static void kit_close(struct kit *k)
{
    if (k->probe.decoder) decoder_packets.close(k->probe.decoder);
    free(k->text);
}

static void kit_add(struct kit *k, const struct frame *f, const struct frame_note *note)
{
    frames_put(k->text + k->len, f, 256, note);
    k->len += frames_size(f->captured, 256);
}

static const struct frame_note no_note;

static struct frame udp_frame(u32 dst, nanos time)
{
    build_init(&b);
    build_ethernet(&b, 0x0800);
    build_ip4(&b, A, B, 17);
    build_udp(&b, 5000, dst);
    build_payload(&b, 10);
    return build_frame(&b, LINK_ETHERNET, time);
}

static struct frame bad_frame(void)
{
    build_init(&b);
    build_ethernet(&b, 0x0800);
    build_payload(&b, 20); /* version 5 */
    return build_frame(&b, LINK_ETHERNET, 0);
}

/* All of it, at once and then bytes that end where their memory ends. */
static struct batch kit_decode(struct kit *k, struct rejects *bad, u64 *lines)
{
    static struct batch out;
    size_t              used = 0;
    *lines = 0;
    memset(bad, 0, sizeof *bad);
    decoder_packets.decode(k->probe.decoder, slice_of(k->text, k->len), 0, true, &out, bad, &used, lines);
    assert_int_equal(used, k->len);
    return out;
}

static void row_is(const struct kit *k, const struct batch *out, u32 row, const char *wanted)
{
    char   text[512];
    size_t len = 0;
    for (u32 c = 0; c < out->columns; c++) {
        if (c > 0) text[len++] = ' ';
        len += (size_t)cell_text(text + len, sizeof text - len, &k->probe.column[c], &out->column[c], row);
    }
    text[len] = 0;
    if (strcmp(text, wanted) != 0) fail_msg("row %u: %s\n not: %s", row, text, wanted);
}

TEST(columns_come_by_name_and_lack_what_a_packet_has_not)
{
    static const char *const names[] = { "dstPort", "kind", "flags", "seq", "vlan", "icmpType", "packets",
                                         "frameLength", "tunnel", "summary", "fault" };
    struct kit            k;
    struct rejects        bad;
    u64                   lines;
    kit_open(&k, names, WEIR_COUNT(names));
    struct frame f = udp_frame(53, 1);
    kit_add(&k, &f, &no_note);
    build_init(&b);
    build_ethernet(&b, 0x8100);
    build_vlan(&b, 9, 0x0800);
    build_ip4(&b, A, B, 6);
    build_tcp(&b, 1234, 80, 7, 9, TCP_SYN | TCP_ACK);
    f = build_frame(&b, LINK_ETHERNET, 2);
    kit_add(&k, &f, &no_note);
    build_init(&b);
    build_ethernet(&b, 0x0800);
    build_ip4(&b, A, B, 1);
    build_icmp(&b, 8, 0, 5);
    f = build_frame(&b, LINK_ETHERNET, 3);
    kit_add(&k, &f, &no_note);
    f.captured -= 4;
    kit_add(&k, &f, &no_note);
    struct batch out = kit_decode(&k, &bad, &lines);
    assert_int_equal(out.rows, 4);
    assert_int_equal(lines, 4);
    row_is(&k, &out, 0, "53 'ip' null null null null 1 52 null 'IP 10.0.0.1.5000 > 10.0.0.2.53: UDP, length 10' null");
    row_is(&k, &out, 1, "80 'ip' 'S.' 7 9 null 1 58 null 'IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [S.], seq 7, ack 9, "
                        "win 1000, length 0' null");
    row_is(&k, &out, 2, "null 'ip' null null null 8 1 42 null 'IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 5, seq 1, "
                        "length 8' null");
    row_is(&k, &out, 3, "null 'ip' null null null null 1 42 null 'IP 10.0.0.1 > 10.0.0.2: [|short] ip-proto-1 0' "
                        "'transport header cut short'");
    for (u32 i = 0; i < 4; i++) assert_int_equal(out.time[i], i < 3 ? i + 1 : 3);
    kit_close(&k);
}

TEST(sctp_has_ports_and_counts_its_chunks_as_payload)
{
    static const char *const names[] = { "srcPort", "dstPort", "payload", "flags", "summary" };
    static const u8          header[12] = { 0x0b, 0x59, 0x8e, 0x3c };
    struct kit               k;
    struct rejects           bad;
    u64                      lines;
    kit_open(&k, names, WEIR_COUNT(names));
    build_init(&b);
    build_ethernet(&b, 0x0800);
    build_ip4(&b, A, B, 132);
    build_bytes(&b, header, sizeof header);
    build_payload(&b, 20);
    struct frame f = build_frame(&b, LINK_ETHERNET, 2);
    kit_add(&k, &f, &no_note);
    struct batch out = kit_decode(&k, &bad, &lines);
    row_is(&k, &out, 0, "2905 36412 20 null 'IP 10.0.0.1.2905 > 10.0.0.2.36412: sctp, length 20'");
    kit_close(&k);
}

TEST(a_later_fragment_has_the_ports_of_its_note_and_no_header)
{
    static const char *const names[] = { "srcPort", "dstPort", "flags", "seq", "fragmentID", "fragmentOffset" };
    struct frame_note        note = { true, 1000, 53, { 0 } };
    struct kit               k;
    struct rejects           bad;
    u64                      lines;
    kit_open(&k, names, WEIR_COUNT(names));
    build_init(&b);
    build_ethernet(&b, 0x0800);
    build_ip4(&b, A, B, 6);
    build_ip4_fragment(&b, 77, 1480, false);
    build_payload(&b, 40);
    struct frame f = build_frame(&b, LINK_ETHERNET, 2);
    kit_add(&k, &f, &note);
    kit_add(&k, &f, &no_note);
    struct batch out = kit_decode(&k, &bad, &lines);
    row_is(&k, &out, 0, "1000 53 null null 77 1480");
    row_is(&k, &out, 1, "null null null null 77 1480");
    kit_close(&k);
}

TEST(both_directions_and_a_later_fragment_have_the_flows_community_id)
{
    static const char *const names[] = { "communityID", "communityID", "srcPort" };
    struct frame_note        note = { true, 5000, 53, { 0 } };
    struct kit               k;
    struct rejects           bad;
    u64                      lines;
    kit_open(&k, names, WEIR_COUNT(names));
    for (u32 i = 0; i < 2; i++) {
        build_init(&b);
        build_ethernet(&b, 0x0800);
        build_ip4(&b, i ? B : A, i ? A : B, 17);
        build_udp(&b, i ? 53 : 5000, i ? 5000 : 53);
        struct frame f = build_frame(&b, LINK_ETHERNET, i);
        kit_add(&k, &f, &no_note);
    }
    build_init(&b);
    build_ethernet(&b, 0x0800);
    build_ip4(&b, A, B, 17);
    build_ip4_fragment(&b, 77, 1480, false);
    build_payload(&b, 40);
    struct frame f = build_frame(&b, LINK_ETHERNET, 2);
    kit_add(&k, &f, &note);
    kit_add(&k, &f, &no_note);
    struct batch out = kit_decode(&k, &bad, &lines);
    row_is(&k, &out, 0, ID " " ID " 5000");
    row_is(&k, &out, 1, ID " " ID " 53");
    row_is(&k, &out, 2, ID " " ID " 5000");
    row_is(&k, &out, 3, "null null null");
    kit_close(&k);
}

TEST(what_is_no_packet_is_refused_with_its_number_and_bytes)
{
    static const char *const names[] = { "dstPort" };
    struct kit               k;
    struct rejects           bad;
    u64                      lines;
    kit_open(&k, names, 1);
    for (u32 i = 0; i < 3000; i++) {
        struct frame f = i % 3 == 2 ? bad_frame() : udp_frame(i, i);
        kit_add(&k, &f, &no_note);
        if (k.len > (1 << 20) - 400) break;
    }
    u64    rows = 0;
    size_t at = 0, used = 1;
    struct batch out;
    memset(&bad, 0, sizeof bad);
    lines = 0;
    while (at < k.len && used > 0) {
        slice rest = slice_of(k.text + at, k.len - at);
        decoder_packets.decode(k.probe.decoder, rest, at, false, &out, &bad, &used, &lines);
        for (u32 i = 0; i < out.rows; i++, rows++) {
            u64 wanted = rows + rows / 2;
            assert_int_equal(((const u64 *)out.column[0].cells)[i], wanted);
            assert_int_equal(out.time[i], wanted);
        }
        at += used;
    }
    assert_int_equal(rows, 2000);
    assert_int_equal(lines, 3000);
    assert_int_equal(bad.count[PACKET_IP_VERSION], 1000);
    assert_int_equal(bad.kept, REJECTS_MAX);
    assert_int_equal(bad.kept_at[1].line, 5);
    assert_true(slice_starts(slice_of(bad.samples, bad.kept_at[0].sample_len), S("0200000000020200000000010800"
                                                                               "5a5a")));
    kit_close(&k);
}

TEST(a_record_that_is_cut_waits_and_is_refused_at_the_end)
{
    static const char *const names[] = { "dstPort" };
    struct kit               k;
    struct rejects           bad;
    u64                      lines = 0;
    struct batch             out;
    size_t                   used;
    kit_open(&k, names, 1);
    struct frame f = udp_frame(53, 1);
    kit_add(&k, &f, &no_note);
    for (size_t cut = 1; cut < k.len; cut++) {
        memset(&bad, 0, sizeof bad);
        char *exact = malloc(cut);
        assert_non_null(exact);
        memcpy(exact, k.text, cut);
        decoder_packets.decode(k.probe.decoder, slice_of(exact, cut), 0, false, &out, &bad, &used, &lines);
        assert_int_equal(used + out.rows + lines, 0);
        decoder_packets.decode(k.probe.decoder, slice_of(exact, cut), 0, true, &out, &bad, &used, &lines);
        assert_int_equal(used, cut);
        assert_int_equal(out.rows, 0);
        assert_int_equal(lines, 1);
        assert_int_equal(bad.count[PACKET_FAULTS], 1);
        lines = 0;
        free(exact);
    }
    kit_close(&k);
}

TEST(columns_that_packets_do_not_have_are_refused)
{
    struct kit k;
    err        e = kit_try(&k, (const char *const[]){ "dstPort", "numberSYN" }, 2);
    assert_int_equal(e.code, ERR_CONFIG);
    assert_string_equal(e.what, "no column of this format");
    assert_int_equal(e.at, 1);
    kit_close(&k);
}

TEST(one_column_may_be_taken_twice)
{
    static const char *const names[] = { "frameLength", "frameLength" };
    struct kit               k;
    struct rejects           bad;
    u64                      lines;
    kit_open(&k, names, 2);
    struct frame f = udp_frame(53, 1);
    kit_add(&k, &f, &no_note);
    struct batch out = kit_decode(&k, &bad, &lines);
    row_is(&k, &out, 0, "52 52");
    kit_close(&k);
}

TEST(reasons_are_packet_hs_words)
{
    for (u32 i = 0; i < PACKET_FAULTS; i++) assert_string_equal(decoder_packets.reasons[i], packet_fault_name(i));
    assert_null(decoder_packets.reasons[PACKET_FAULTS + 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_come_by_name_and_lack_what_a_packet_has_not),
        cmocka_unit_test(sctp_has_ports_and_counts_its_chunks_as_payload),
        cmocka_unit_test(a_later_fragment_has_the_ports_of_its_note_and_no_header),
        cmocka_unit_test(both_directions_and_a_later_fragment_have_the_flows_community_id),
        cmocka_unit_test(what_is_no_packet_is_refused_with_its_number_and_bytes),
        cmocka_unit_test(a_record_that_is_cut_waits_and_is_refused_at_the_end),
        cmocka_unit_test(columns_that_packets_do_not_have_are_refused),
        cmocka_unit_test(one_column_may_be_taken_twice),
        cmocka_unit_test(reasons_are_packet_hs_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
