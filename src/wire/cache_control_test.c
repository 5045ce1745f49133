#include "wire/cache_control.h"

#include "support/check.h"

TEST(cache_control_says_how_long)
{
    static const struct {
        const char *value;
        int64_t max_age_s;
    } ROWS[] = {
        {"max-age=60", 60},
        {"public, max-age=3600, must-revalidate", 3600},
        {"PUBLIC,Max-Age=\"5\"", 5},
        {"max-age=10, max-age=10", 10},
        {"max-age=99999999999999999999999999", CACHE_CONTROL_AGE_S_MAX},
        {"", CACHE_CONTROL_UNKNOWN},
        {" , ,", CACHE_CONTROL_UNKNOWN},
        {"public, s-maxage=7", CACHE_CONTROL_UNKNOWN},
        {"x-max-age=7", CACHE_CONTROL_UNKNOWN},
        {"max-age=0", 0},
        {"max-age", 0},
        {"max-age=", 0},
        {"max-age=-1", 0},
        {"max-age=1.5", 0},
        {"max-age= 5", 0},
        {"max-age=10, max-age=20", 0},
        {"max-age=20, no-store", 0},
        {"no-cache, max-age=20", 0},
        {"no-cache=\"set-cookie\", max-age=20", 0},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        CHECK_ROW(ROWS[i].value,
                  cache_control_max_age_s(slice_view_cstr(ROWS[i].value)) == ROWS[i].max_age_s);
    }
}
