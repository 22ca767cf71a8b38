/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_fetch.c: asks the memory for what tcp_push will touch of the pool, some packets ahead of it.
 *
 * An acknowledgement takes the other end's oldest segment out, payload links one behind the own newest. */
#include "packet/tcp_state.h"

void tcp_fetch(const struct tcp *t, const struct tcp_pool *pool, u32 dir)
{
    __builtin_prefetch(&pool->at[t->way[dir ^ 1].oldest], 1);
    __builtin_prefetch(&pool->at[t->way[dir].newest], 1);
}
