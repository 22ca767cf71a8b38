/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h: the keyed hash of every table; the key is drawn once per process.
 *
 * Telemetry is written by strangers, so bucket places must not be foreseeable. Nothing that is saved or printed may
 * depend on a hash: rows are kept and given out in order of arrival or of key, never in bucket order. */
#pragma once

#include "weir/types.h"

/* Draws the process's key (getrandom). Called once by main before any thread starts; tests may set it. */
void hash_seed_init(void);
void hash_seed_set(u64 seed);

/* Never 0. */
u64 hash_bytes(const void *at, size_t len);

/* Not keyed: the check sum of pages and outboxes in state.db. */
u64 hash_checksum(const void *at, size_t len, u64 seed);
