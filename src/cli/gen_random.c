/* SPDX-License-Identifier: Apache-2.0 */
/* gen_random.c: numbers by chance, even and by a Zipf law. */
#include "cli/gen.h"

#include <math.h>
#include <stdlib.h>

static u64 rotate(u64 x, int k)
{
    return (x << k) | (x >> (64 - k));
}

u64 random_u64(struct random *r)
{
    u64 *s = r->s, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

void random_seed(struct random *r, u64 seed)
{
    for (u32 i = 0; i < 4; i++) { /* splitmix64 */
        u64 z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        r->s[i] = z ^ (z >> 31);
    }
}

u64 random_below(struct random *r, u64 n)
{
    return (u64)((u128)random_u64(r) * n >> 64);
}

f64 random_unit(struct random *r)
{
    return (f64)(random_u64(r) >> 11) * 0x1p-53;
}

void zipf_init(struct zipf *z, u64 n, f64 skew)
{
    f64 *weight = malloc(n * sizeof *weight), sum = 0;
    u32 *small = malloc(n * sizeof *small), *large = malloc(n * sizeof *large);
    u64  smalls = 0, larges = 0;
    *z = (struct zipf){ n, calloc(n, sizeof *z->alias), calloc(n, sizeof *z->threshold) };
    WEIR_ASSERT(weight && small && large && z->alias && z->threshold);
    for (u64 i = 0; i < n; i++) sum += weight[i] = pow((f64)(i + 1), -skew);
    for (u64 i = 0; i < n; i++) {
        weight[i] *= (f64)n / sum;
        if (weight[i] < 1) small[smalls++] = (u32)i;
        else large[larges++] = (u32)i;
    }
    while (smalls && larges) {
        u32 s = small[--smalls], l = large[larges - 1];
        z->threshold[s] = weight[s];
        z->alias[s] = l;
        weight[l] -= 1 - weight[s];
        if (weight[l] < 1) {
            larges--;
            small[smalls++] = l;
        }
    }
    while (larges) z->threshold[large[--larges]] = 1;
    while (smalls) z->threshold[small[--smalls]] = 1;
    free(weight);
    free(small);
    free(large);
}

void zipf_fini(struct zipf *z)
{
    free(z->alias);
    free(z->threshold);
}

u64 zipf_draw(const struct zipf *z, struct random *r)
{
    u64 i = random_below(r, z->n);
    return random_unit(r) < z->threshold[i] ? i : z->alias[i];
}
