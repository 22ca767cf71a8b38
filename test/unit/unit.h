/* SPDX-License-Identifier: Apache-2.0 */
/* unit.h: cmocka in the form that weir's unit tests use: TEST(what_the_code_does) { ... } and a list of them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TEST(name) static void name(void **state __attribute__((unused)))
