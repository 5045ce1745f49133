#include "daemon/worker_environment.h"

#include <unistd.h>

static bool is_secret(const struct config *config, struct slice entry)
{
    struct slice name = slice_sub(entry, 0, slice_find_byte(entry, '='));
    for (size_t i = 0; i < config->server_count; i++) {
        if (slice_eq(config->servers[i].credential.from_env, name)) {
            return true;
        }
    }
    return false;
}

enum status worker_environment_make(const struct config *config, struct arena *arena,
                                    const char *const **out)
{
    size_t count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    const char **list = arena_alloc_zero(arena, count + 1, sizeof(*list));
    if (list == NULL) {
        return STATUS_LIMIT;
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_secret(config, slice_view_cstr(environ[i]))) {
            list[kept++] = environ[i];
        }
    }
    *out = list;
    return STATUS_OK;
}
