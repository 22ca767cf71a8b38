/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c: the mappings of a recipe, for the manual. Their keys stand beside the parsers that check them. */
#include "config/draft.h"

const struct recipe_part recipe_parts[] = {
    { "The recipe", recipe_keys },
    { "state", state_keys },
    { "An included file", include_keys },
    { "A source", source_keys },
    { "A layout", layout_keys },
    { "A field of a layout", field_keys },
    { "A tag step", tag_step_keys },
    { "tag, of a tag step", tag_keys },
    { "A filter step", filter_keys },
    { "A derived column", derive_keys },
    { "A window step", window_keys },
    { "A cascade step", cascade_keys },
    { "rank, of a cascade step", rank_keys },
    { "A records step", records_keys },
    { "A sink", sink_keys },
    { NULL, NULL },
};
