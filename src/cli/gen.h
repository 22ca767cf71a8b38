/* SPDX-License-Identifier: Apache-2.0 */
/* gen.h: what the kinds of weir gen share: chance from a seed, the same on every machine.
 *
 *   gen.c         the command; P2 files
 *   gen_u2.c      a spool of alerts
 *   gen_random.c  chance */
#pragma once

#include "cli/command.h"

/* xoshiro256**: quick, and the same everywhere. */
struct random {
    u64 s[4];
};

void random_seed(struct random *r, u64 seed);
u64  random_u64(struct random *r);
u64  random_below(struct random *r, u64 n);
f64  random_unit(struct random *r); /* [0, 1) */

/* 0 .. n-1 with weights 1 / (i + 1)^skew, by Walker's alias tables: a draw is one column and one comparison. */
struct zipf {
    u64  n;
    u32 *alias; /* malloc'd, both */
    f64 *threshold;
};

void zipf_init(struct zipf *z, u64 n, f64 skew);
void zipf_fini(struct zipf *z);
u64  zipf_draw(const struct zipf *z, struct random *r);

/* "weir gen: PATH: what errno says" on standard error; gives false. */
bool gen_fail(const char *path);

int gen_u2(const struct args *a); /* gives the exit code */
