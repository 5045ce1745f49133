#include "core/sign_in/used_codes.h"

#include "base/arena.h"

enum status used_codes_init(struct used_codes *used, size_t count_max)
{
    *used = (struct used_codes){base_alloc_zero(count_max * sizeof(*used->codes)), count_max};
    return used->codes != NULL ? STATUS_OK : STATUS_LIMIT;
}

void used_codes_release(struct used_codes *used)
{
    base_free(used->codes);
    *used = (struct used_codes){0};
}

/* Few are remembered at a time, each for a minute: all are looked through. */
enum status used_codes_take(struct used_codes *used, const struct used_code *code, int64_t now_s)
{
    struct used_code *place = NULL;
    for (size_t i = 0; i < used->count_max; i++) {
        struct used_code *known = &used->codes[i];
        if (known->expires_s <= now_s) {
            place = place == NULL ? known : place;
        } else if (memcmp(known->id, code->id, sizeof(known->id)) == 0) {
            return STATUS_CONFLICT;
        }
    }
    if (place == NULL) {
        return STATUS_LIMIT;
    }
    *place = *code;
    return STATUS_OK;
}
