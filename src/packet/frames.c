/* SPDX-License-Identifier: Apache-2.0 */
/* frames.c: records of frames written and read again. See frames.h. */
#include "packet/frames.h"

struct head {
    u32   size, kept, length, link;
    nanos time;
    u16   src_port, dst_port;
    u8    flags, depth;
    u16   zero;
};
static_assert(sizeof(struct head) == FRAMES_HEAD, "as frames.h draws it");

enum { HEAD_PORTS = 1, HEAD_INNER = 2 };

u32 frames_size(u32 captured, u32 keep)
{
    WEIR_ASSERT(keep <= FRAMES_KEEP_MAX);
    return FRAMES_HEAD + (((captured < keep ? captured : keep) + 7) & ~7u);
}

void frames_put(void *to, const struct frame *f, u32 keep, const struct frame_note *note)
{
    u32         captured = f->captured < f->length ? f->captured : f->length;
    struct head h = { .size = frames_size(captured, keep), .kept = captured < keep ? captured : keep,
                      .length = f->length, .link = f->link, .time = f->time };
    if (note->ports) {
        h.src_port = note->src_port;
        h.dst_port = note->dst_port;
        h.flags = HEAD_PORTS;
    }
    if (note->how.inner) h.flags |= HEAD_INNER;
    h.depth = (u8)(note->how.depth < UINT8_MAX ? note->how.depth : UINT8_MAX);
    u8 *at = to;
    memcpy(at, &h, sizeof h);
    if (h.kept > 0) memcpy(at + sizeof h, f->at, h.kept);
    memset(at + sizeof h + h.kept, 0, h.size - sizeof h - h.kept);
}

u32 frames_next(slice text, struct frame *out, struct frame_note *note)
{
    struct head h;
    if (text.len < sizeof h) return 0;
    memcpy(&h, text.at, sizeof h);
    if (h.size > text.len || h.kept > FRAMES_KEEP_MAX || h.kept > h.length) return 0;
    if (h.size != FRAMES_HEAD + ((h.kept + 7) & ~7u)) return 0;
    *out = (struct frame){ h.time, h.length, h.kept, h.link, (const u8 *)text.at + sizeof h };
    *note = (struct frame_note){ (h.flags & HEAD_PORTS) != 0, h.src_port, h.dst_port,
                                 { (h.flags & HEAD_INNER) != 0, h.depth } };
    return h.size;
}

void frame_note_apply(const struct frame_note *note, struct packet *p)
{
    if (!note->ports || p->ports || p->kind != PACKET_IP || !p->fragment || p->first) return;
    p->ports = true;
    p->src_port = note->src_port;
    p->dst_port = note->dst_port;
}
