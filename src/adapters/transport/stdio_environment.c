#include "adapters/transport/stdio_environment.h"

#include <uv.h>

#define VALUE_BYTES_MAX 32768

static const char *const ALWAYS[] = {"PATH", "HOME", "LANG", NULL};

static size_t count_names(const char *const *names)
{
    size_t count = 0;
    while (names != NULL && names[count] != NULL) {
        count++;
    }
    return count;
}

/* Does the list already set the variable? */
static bool is_set(char *const *list, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        struct slice entry = slice_view_cstr(list[i]);
        if (slice_eq(slice_sub(entry, 0, slice_find_byte(entry, '=')), name)) {
            return true;
        }
    }
    return false;
}

static enum status add_ours(struct arena *arena, char **list, size_t *count, const char *name)
{
    char *value = arena_alloc(arena, VALUE_BYTES_MAX);
    size_t len = VALUE_BYTES_MAX;
    if (value == NULL) {
        return STATUS_LIMIT;
    }
    if (is_set(list, *count, slice_view_cstr(name)) || uv_os_getenv(name, value, &len) != 0) {
        return STATUS_OK;
    }
    struct slice entry;
    TRY(arena_format(arena, &entry, "%s=%s", name, value));
    list[(*count)++] = (char *)(uintptr_t)entry.ptr;
    return STATUS_OK;
}

enum status stdio_environment_make(const struct stdio_target *target, struct arena *arena,
                                   char ***out)
{
    size_t own_count = count_names(target->environment);
    size_t most = own_count + count_names(target->pass_names) + COUNT_OF(ALWAYS);
    char **list = arena_alloc_zero(arena, most + 1, sizeof(*list));
    if (list == NULL) {
        return STATUS_LIMIT;
    }
    size_t count = 0;
    for (size_t i = 0; i < own_count; i++) {
        list[count++] = (char *)(uintptr_t)target->environment[i];
    }
    for (size_t i = 0; ALWAYS[i] != NULL; i++) {
        TRY(add_ours(arena, list, &count, ALWAYS[i]));
    }
    for (size_t i = 0; i < count_names(target->pass_names); i++) {
        TRY(add_ours(arena, list, &count, target->pass_names[i]));
    }
    *out = list;
    return STATUS_OK;
}
