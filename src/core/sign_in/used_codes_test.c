#include "core/sign_in/used_codes.h"

#include "support/check.h"

static enum status take(struct used_codes *used, uint8_t id, int64_t expires_s, int64_t now_s)
{
    struct used_code code = {.id = {id}, .expires_s = expires_s};
    return used_codes_take(used, &code, now_s);
}

TEST(used_code_is_good_once)
{
    struct used_codes used;
    CHECK(used_codes_init(&used, 4) == STATUS_OK);
    CHECK(take(&used, 1, 60, 0) == STATUS_OK);
    CHECK(take(&used, 1, 60, 0) == STATUS_CONFLICT);
    CHECK(take(&used, 1, 60, 59) == STATUS_CONFLICT);
    CHECK(take(&used, 2, 60, 59) == STATUS_OK);
    CHECK(take(&used, 1, 60, 59) == STATUS_CONFLICT);
    used_codes_release(&used);
}

TEST(used_codes_are_full)
{
    struct used_codes used;
    CHECK(used_codes_init(&used, 2) == STATUS_OK);
    CHECK(take(&used, 1, 60, 0) == STATUS_OK);
    CHECK(take(&used, 2, 70, 0) == STATUS_OK);
    CHECK(take(&used, 3, 60, 0) == STATUS_LIMIT);
    CHECK(take(&used, 2, 70, 0) == STATUS_CONFLICT);
    CHECK(take(&used, 3, 120, 60) == STATUS_OK);
    CHECK(take(&used, 2, 70, 60) == STATUS_CONFLICT);
    CHECK(take(&used, 4, 120, 69) == STATUS_LIMIT);
    CHECK(take(&used, 4, 120, 70) == STATUS_OK);
    used_codes_release(&used);
}

TEST(used_codes_without_memory)
{
    struct used_codes used;
    check_begin_shortage(0, true);
    CHECK(used_codes_init(&used, 4) == STATUS_LIMIT);
    CHECK(check_end_shortage());
    used_codes_release(&used);
}
