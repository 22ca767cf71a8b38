/* SPDX-License-Identifier: Apache-2.0 */
/* write.h: write(2) until all is written. */
#pragma once

#include "weir/types.h"

/* Gives how many bytes were written; fewer than `len`: errno says why. A full pipe that does not block is waited for. */
size_t write_all(int fd, const char *at, size_t len);
