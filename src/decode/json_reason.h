/* SPDX-License-Identifier: Apache-2.0 */
/* json_reason.h: why a line of JSON is refused. The words stand in json.c, in the same order. */
#pragma once

enum json_reason {
    /* the line */
    JSON_EMPTY,
    JSON_LONG,
    JSON_BOM,
    JSON_UTF8,
    JSON_STRING_OPEN,
    JSON_CONTROL,
    JSON_NOT_OBJECT,
    JSON_CUT,
    JSON_TRAILING,
    JSON_NAME,
    JSON_COLON,
    JSON_COMMA,
    JSON_VALUE,
    JSON_NUMBER,
    JSON_ESCAPE,
    JSON_DEEP,
    /* a field */
    JSON_TIME_NONE,
    JSON_OBJECT,
    JSON_WHOLE,
    JSON_BELOW,
    JSON_OVER,
    JSON_SCALED,
    JSON_DECIMAL,
    JSON_DECIMAL_RANGE,
    JSON_DECIMAL_LONG,
    JSON_TIME,
    JSON_TIME_YEAR,
    JSON_TIME_FRACTION,
    JSON_TIME_RANGE,
    JSON_ADDR,
    JSON_MAC,
    JSON_REASONS,
    JSON_GOOD = JSON_REASONS, /* the cell is filled  */
    JSON_NULL,                /* there is no value   */
};
