/* SPDX-License-Identifier: Apache-2.0 */
/* paths.c: paths in a recipe are relative to the folder the recipe is in, wherever weir is started.
 *
 * Absolute paths and `-`, the standard stream, stay as they are. */
#include "config/draft.h"

slice folder_of(const char *path)
{
    const char *last = strrchr(path, '/');
    return slice_of(path, last == NULL ? 0 : (size_t)(last - path) + 1);
}

const char *path_join(struct arena *a, slice folder, slice path)
{
    if (slice_is(path, "-") || (path.len > 0 && path.at[0] == '/')) return arena_str(a, path);
    return arena_printf(a, "%.*s%.*s", (int)folder.len, folder.at, (int)path.len, path.at);
}

slice path_within(slice folder, const char *path)
{
    slice whole = slice_str(path);
    if (!slice_starts(whole, folder)) return whole;
    slice rest = slice_of(whole.at + folder.len, whole.len - folder.len);
    return rest.len == 0 || rest.at[0] == '/' ? whole : rest;
}
