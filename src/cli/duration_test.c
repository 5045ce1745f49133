#include "cli/duration.h"

#include "support/check.h"

TEST(duration_is_a_number_and_a_unit)
{
    static const struct {
        const char *text;
        int64_t seconds; /* 0: refused */
    } rows[] = {
        {"1s", 1},
        {"90m", 5400},
        {"2h", 7200},
        {"90d", 7776000},
        {"3650d", 315360000},
        {"3651d", 0},
        {"87601h", 0},
        {"0s", 0},
        {"-1d", 0},
        {"", 0},
        {"d", 0},
        {"5", 0},
        {"5w", 0},
        {"5D", 0},
        {"1.5h", 0},
        {"99999999999999999999d", 0},
        {" 5d", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].text, duration_read(slice_view_cstr(rows[i].text)) == rows[i].seconds);
    }
}
