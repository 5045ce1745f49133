#include "adapters/process/program_environment.h"

#include <stdlib.h>

static const char *const INHERITED[] = {"PATH", "HOME", "LANG"};

/* Does the list already set the variable? */
static bool is_set(const char *const *list, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        struct slice entry = slice_view_cstr(list[i]);
        if (slice_eq(slice_sub(entry, 0, slice_find_byte(entry, '=')), name)) {
            return true;
        }
    }
    return false;
}

enum status program_environment_make(const char *const *own, struct arena *arena,
                                     const char *const **out)
{
    size_t count = 0;
    while (own != NULL && own[count] != NULL) {
        count++;
    }
    const char **list = arena_alloc_zero(arena, count + COUNT_OF(INHERITED) + 1, sizeof(*list));
    if (list == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = own[i];
    }
    for (size_t i = 0; i < COUNT_OF(INHERITED); i++) {
        const char *value = getenv(INHERITED[i]);
        if (value != NULL && !is_set(list, count, slice_view_cstr(INHERITED[i]))) {
            struct slice entry;
            TRY(arena_format(arena, &entry, "%s=%s", INHERITED[i], value));
            list[count++] = (const char *)entry.ptr;
        }
    }
    *out = list;
    return STATUS_OK;
}
