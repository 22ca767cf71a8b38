/* SPDX-License-Identifier: Apache-2.0 */
/* names.h: what signatures and classifications are called, out of the maps that Snort's rules come with.
 *
 *   classification.config  config classification: name,description,priority   ids are places among these lines, from 1
 *   sid-msg.map            sid || message || reference ...                    generator 1
 *                          gid || sid || rev || class || priority || message || reference ...
 *   gen-msg.map            gid || sid || message
 *
 * Lines of # and empty ones are passed over; blanks round separators do not matter; later lines win. A line that is
 * none of these is a fault and is told. Texts are bytes: they are not always UTF-8. */
#pragma once

#include "weir/slice.h"

#define U2_NAMES_MAX     (4u << 20) /* signatures       */
#define U2_CLASSES_MAX   65536u
#define U2_NAME_MAX      4096u      /* bytes of a text  */
#define U2_NAME_FAULTS   20u        /* kept of one file */

enum u2_map { U2_MAP_CLASSIFICATION, U2_MAP_SID, U2_MAP_GEN };

struct u2_name_fault {
    u32         line; /* from 1 */
    const char *what, *expected;
};

struct u2_name_faults {
    u32                  count; /* all, kept or not */
    struct u2_name_fault at[U2_NAME_FAULTS];
};

/* A text as it stands in the file, and as it stands inside of a JSON string. */
struct u2_name {
    slice text, json;
};

struct u2_names;

struct u2_names *u2_names_open(void);
void             u2_names_close(struct u2_names *);

/* Adds the file's lines; its ids of classes begin at 1 again. text: borrowed. faults: filled. */
void u2_names_read(struct u2_names *, enum u2_map which, slice text, struct u2_name_faults *faults);

/* NULL: not known. Shared objects' rules (gid 3) are looked up under gid 1, too. Lent until the next u2_names_read. */
const struct u2_name *u2_names_message(const struct u2_names *, u32 gid, u32 sid);
const struct u2_name *u2_names_class(const struct u2_names *, u32 id); /* its description */

/* Signatures and classes known. */
u32 u2_names_messages(const struct u2_names *);
u32 u2_names_classes(const struct u2_names *);
