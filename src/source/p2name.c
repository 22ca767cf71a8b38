/* SPDX-License-Identifier: Apache-2.0 */
/* p2name.c: ^_(tcp|udp|other|eth|arp)_@([0-9]+)$ and ^__@([0-9]+)\.finished$, read without a regular expression. */
#include "source/p2name.h"

static const char *const protocols[] = { "tcp", "udp", "other", "eth", "arp" };

static slice slice_behind(slice s, size_t n)
{
    return slice_of(s.at + n, s.len - n);
}

static bool start_parse(slice digits, i64 *out)
{
    u64 n;
    if (!slice_u64(digits, &n) || n > (u64)P2_START_MAX) return false;
    *out = (i64)n;
    return true;
}

static struct p2_name marker_parse(slice name)
{
    slice          head = S("__@"), tail = S(".finished");
    struct p2_name p = { P2_MARKER, 0, { NULL, 0 } };
    if (name.len <= head.len + tail.len || !slice_ends(name, tail)) return (struct p2_name){ P2_OTHER };
    slice digits = slice_of(name.at + head.len, name.len - head.len - tail.len);
    return start_parse(digits, &p.start) ? p : (struct p2_name){ P2_OTHER };
}

struct p2_name p2name_parse(slice name)
{
    if (slice_starts(name, S("__@"))) return marker_parse(name);
    if (!slice_starts(name, S("_"))) return (struct p2_name){ P2_OTHER };
    for (size_t i = 0; i < WEIR_COUNT(protocols); i++) {
        slice rest = slice_behind(name, 1), word = slice_str(protocols[i]);
        if (!slice_starts(rest, word)) continue;
        rest = slice_behind(rest, word.len);
        struct p2_name p = { P2_FILE, 0, word };
        if (slice_starts(rest, S("_@")) && start_parse(slice_behind(rest, 2), &p.start)) return p;
    }
    return (struct p2_name){ P2_OTHER };
}
