/* SPDX-License-Identifier: Apache-2.0 */
/* columns_body.h: the column loops, included once for each path.
 *
 * The file that includes it has defined LOOP (storage and target of a function), LEAF (the same, always inlined), and
 * these leaves, all reading up to 17 bytes before a field's end or 64 from its start:
 *   struct tail                            16 bytes that end where the field ends, the field's own kept apart
 *   tail_load(end, len)                    len 0..16
 *   tail_joined(end, len, fraction)        the same of a field with a point before its last `fraction` bytes, the point
 *                                          taken out; len counts digits; fraction 16: no point
 *   tail_is(t, null), tail_number(t, &v)   equal to the null text; its digits as a number, false if others are in it
 *   bits_of(at, c)                         bit i: at[i] == c, of 64
 *   octets(at, len, &out)                  a dotted IPv4 address of 15 bytes at most */

/* A field in decimal without sign and exponent. */
struct plain_decimal {
    u64  digits;   /* all of them as one number */
    u32  fraction; /* how many are behind the point */
    bool good;
};

/* points: bits of '.', counted from `at`; p within 64 bytes. Good: at most 16 digits, one at least on each side of the
 * point if there is one. */
LEAF struct plain_decimal decimal_leaf(const char *at, struct place p, u64 points)
{
    u64  mine  = points & (~0ull << (p.at & 63)) & ((1ull << (p.end & 63)) - 1);
    bool point = mine != 0;
    u32  dot   = point ? (u32)__builtin_ctzll(mine) : p.end;
    u32  after = point ? p.end - dot - 1 : 0;
    u32  count = p.end - p.at - point;
    struct plain_decimal d = { .fraction = after };
    struct tail          t = tail_joined(at + p.end, count <= 16 ? count : 16, point ? after & 15 : 16);
    bool digits = tail_number(t, &d.digits);
    d.good = digits & (count - 1 < 16) & ((mine & (mine - 1)) == 0) & (dot != p.at) & (point == (after != 0)) &
             (after < 16);
    return d;
}

/* Seconds to ns; good if exact and sure to fit. */
LEAF bool nanos_leaf(const char *at, struct place p, u64 points, u64 *out)
{
    struct plain_decimal d = decimal_leaf(at, p, points);
    u32  whole = p.end - p.at - d.fraction - (d.fraction != 0);
    bool fits  = d.good & (d.fraction <= 9) & (whole <= 10);
    *out = d.digits * column_tens[9 - (d.fraction <= 9 ? d.fraction : 9)];
    return fits;
}

LEAF u64 low_bits(u32 count)
{
    return count < 64 ? (1ull << count) - 1 : ~0ull;
}

LEAF u32 rows_from(const struct column_job *job, u32 first)
{
    u32 left = job->block->rows - first;
    return left < 64 ? left : 64;
}

LEAF bool null_leaf(const struct view *v, struct place p)
{
    u32 len = p.end - p.at;
    return tail_is(tail_load(v->text + p.end, len <= 16 ? len : 16), &v->null) & (len == v->null.len);
}

LEAF void nulls_put(struct column_job *job, u32 first, u64 nulls)
{
    job->nulls[first >> 6] = nulls;
    job->any |= nulls;
}

LOOP void column_u64(struct column_job *job)
{
    struct view v = column_view(job);
    u64        *out = (u64 *)(void *)job->cells;
    for (u32 first = 0; first < job->block->rows; first += 64) {
        u64 nulls = 0, odd = 0;
        u32 rows = rows_from(job, first);
        for (u32 i = 0; i < rows; i++) {
            struct place p   = column_place(&v, first + i);
            u32          len = p.end - p.at;
            struct tail  t   = tail_load(v.text + p.end, len <= 16 ? len : 16);
            bool null = tail_is(t, &v.null) & (len == v.null.len);
            u64  value;
            bool good = tail_number(t, &value) & (len - 1 < 16);
            good &= !__builtin_mul_overflow(value, v.scale, &out[first + i]);
            nulls |= (u64)null << i;
            odd |= (u64)(!good & !null) << i;
        }
        nulls_put(job, first, nulls);
        column_settle_odd(job, first, odd);
    }
}

/* Digits below 2^53 over an exact power of ten: one rounding, hence the nearest double. */
LOOP void column_f64(struct column_job *job)
{
    struct view v = column_view(job);
    double     *out = (double *)(void *)job->cells;
    double      scale = (double)v.scale;
    for (u32 first = 0; first < job->block->rows; first += 64) {
        u64 nulls = 0, odd = 0;
        u32 rows = rows_from(job, first);
        for (u32 i = 0; i < rows; i++) {
            struct place p  = column_place(&v, first + i);
            const char  *at = v.text + p.at;
            u32          len = p.end - p.at;
            struct plain_decimal d = decimal_leaf(at, (struct place){ 0, len & 31 }, bits_of(at, '.'));
            bool good = d.good & (len < 32) & (d.digits < 1ull << 53), null = null_leaf(&v, p);
            out[first + i] = (double)(i64)d.digits / (double)column_tens[d.fraction & 15] * scale;
            nulls |= (u64)null << i;
            odd |= (u64)(!good & !null) << i;
        }
        nulls_put(job, first, nulls);
        column_settle_odd(job, first, odd);
    }
}

/* Up to 19 digits in two halves: whole seconds and what follows the point. */
LOOP void column_time(struct column_job *job)
{
    struct view v = column_view(job);
    nanos *out = (nanos *)(void *)job->cells;
    for (u32 first = 0; first < job->block->rows; first += 64) {
        u64 nulls = 0, odd = 0;
        u32 rows = rows_from(job, first);
        for (u32 i = 0; i < rows; i++) {
            struct place p    = column_place(&v, first + i);
            const char  *at   = v.text + p.at;
            u32          len  = p.end - p.at;
            u64          dots = bits_of(at, '.') & ((1ull << (len & 31)) - 1);
            u32          dot  = dots ? (u32)__builtin_ctzll(dots) : len & 31;
            u32          after = dots ? (len & 31) - dot - 1 : 0;
            u64          seconds, parts;
            bool null = null_leaf(&v, p);
            bool good = (len < 32) & (dot - 1 < 10) & (after <= 9) & ((dots != 0) == (after != 0));
            good &= tail_number(tail_load(at + dot, dot < 16 ? dot : 16), &seconds);
            good &= tail_number(tail_load(at + dot + 1 + after, after < 16 ? after : 16), &parts);
            good &= seconds < (u64)(NANOS_MAX / NANOS_SECOND);
            out[first + i] = (nanos)(seconds * (u64)NANOS_SECOND + parts * column_tens[9 - (after <= 9 ? after : 9)]);
            nulls |= (u64)null << i;
            odd |= (u64)(!good & !null) << i;
        }
        nulls_put(job, first, nulls);
        column_settle_odd(job, first, odd);
    }
}

LOOP void column_addr(struct column_job *job)
{
    struct view v = column_view(job);
    addr *out = (addr *)(void *)job->cells;
    for (u32 first = 0; first < job->block->rows; first += 64) {
        u64 nulls = 0, odd = 0;
        u32 rows = rows_from(job, first);
        for (u32 i = 0; i < rows; i++) {
            struct place p = column_place(&v, first + i);
            bool null = null_leaf(&v, p);
            bool good = octets(v.text + p.at, p.end - p.at, &out[first + i]);
            nulls |= (u64)null << i;
            odd |= (u64)(!good & !null) << i;
        }
        nulls_put(job, first, nulls);
        column_settle_odd(job, first, odd);
    }
}

/* One n:min:avg:max of at most 63 bytes at `at`, no exponent, no fault. */
LEAF bool sampling_leaf(const char *at, u32 len, struct sampling *to)
{
    u64  points = bits_of(at, '.'), colons = bits_of(at, ':') & low_bits(len);
    u64  second = colons & (colons - 1), third = second & (second - 1);
    if ((third == 0) | ((third & (third - 1)) != 0)) return false;
    u32  a = (u32)__builtin_ctzll(colons), b = (u32)__builtin_ctzll(second), c = (u32)__builtin_ctzll(third);
    u64  n, min, avg, max;
    bool good = tail_number(tail_load(at + a, a <= 16 ? a : 16), &n) & (a - 1 < 16);
    good &= nanos_leaf(at, (struct place){ a + 1, b }, points, &min);
    good &= nanos_leaf(at, (struct place){ b + 1, c }, points, &avg);
    good &= nanos_leaf(at, (struct place){ c + 1, len }, points, &max);
    if (n == 0) return good;
    if (!(good & (min <= max))) return false;
    u128 sum = (u128)n * avg + ((u128)to->sum_hi << 64 | to->sum_lo); /* 64 times 2^54 x 2^64 at most */
    to->n += n;
    to->min = min < to->min ? min : to->min;
    to->max = max > to->max ? max : to->max;
    to->sum_lo = (u64)sum;
    to->sum_hi = (u64)(sum >> 64);
    return true;
}

/* Up to 64 samplings joined by ';': n stays below 64 x 10^16. */
LEAF bool samplings_leaf(const char *at, u32 len, struct sampling *out)
{
    struct sampling all = { .min = UINT64_MAX };
    for (u32 i = 0; i < 64; i++) {
        u64  ends = bits_of(at, ';') & low_bits(len);
        u32  one  = ends ? (u32)__builtin_ctzll(ends) : len;
        if (one > 63 || !sampling_leaf(at, one, &all)) return false;
        if (one == len) {
            if (all.n == 0) all.min = 0;
            *out = all;
            return true;
        }
        at += one + 1;
        len -= one + 1;
    }
    return false;
}

LOOP void column_sampling(struct column_job *job)
{
    struct view v = column_view(job);
    struct sampling *out = (struct sampling *)(void *)job->cells;
    for (u32 first = 0; first < job->block->rows; first += 64) {
        u64 nulls = 0, odd = 0;
        u32 rows = rows_from(job, first);
        for (u32 i = 0; i < rows; i++) {
            struct place p = column_place(&v, first + i);
            bool null = null_leaf(&v, p), good = false;
            if (null) out[first + i] = (struct sampling){ 0 };
            else good = samplings_leaf(v.text + p.at, p.end - p.at, &out[first + i]);
            null |= good & (out[first + i].n == 0);
            nulls |= (u64)null << i;
            odd |= (u64)(!good & !null) << i;
        }
        nulls_put(job, first, nulls);
        column_settle_odd(job, first, odd);
    }
}

/* All counts of at most 16 digits, the text of at most 63 bytes. */
LEAF bool bins_leaf(const char *at, u32 len, const struct rule *rule, u64 *out)
{
    u64 ends = (bits_of(at, ',') & low_bits(len)) | 1ull << (len & 63);
    if (len > 63 || (u32)__builtin_popcountll(ends) != rule->bins) return false;
    bool good = true;
    u32  from = 0;
    for (u32 i = 0; i < rule->bins; i++, ends &= ends - 1) {
        u32 to = (u32)__builtin_ctzll(ends), digits = to - from;
        u64 value;
        good &= tail_number(tail_load(at + to, digits <= 16 ? digits : 16), &value) & (digits - 1 < 16);
        good &= !__builtin_mul_overflow(value, rule->scale, &out[i]);
        from = to + 1;
    }
    return good;
}

LOOP void column_bins(struct column_job *job)
{
    struct view v = column_view(job);
    u64 *out = (u64 *)(void *)job->cells;
    for (u32 first = 0; first < job->block->rows; first += 64) {
        u64 nulls = 0, odd = 0;
        u32 rows = rows_from(job, first);
        for (u32 i = 0; i < rows; i++) {
            struct place p = column_place(&v, first + i);
            u64 *counts = out + (size_t)(first + i) * job->rule.bins;
            bool null = null_leaf(&v, p);
            bool good = bins_leaf(v.text + p.at, p.end - p.at, &job->rule, counts);
            nulls |= (u64)null << i;
            odd |= (u64)(!good & !null) << i;
        }
        nulls_put(job, first, nulls);
        column_settle_odd(job, first, odd);
    }
}

/* Types without a short cut. */
LOOP void column_any(struct column_job *job)
{
    for (u32 first = 0; first < job->block->rows; first += 64) {
        nulls_put(job, first, 0);
        column_settle_odd(job, first, low_bits(rows_from(job, first)));
    }
}

static column_fn *const column_table[] = {
    [FIELD_U64] = column_u64,   [FIELD_F64] = column_f64,           [FIELD_TIME] = column_time,
    [FIELD_ADDR] = column_addr, [FIELD_MAC] = column_any,           [FIELD_STRING] = column_any,
    [FIELD_NET] = column_any,   [FIELD_TAG] = column_any,           [FIELD_SAMPLING] = column_sampling,
    [FIELD_BINS] = column_bins,
};
