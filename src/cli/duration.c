#include "cli/duration.h"

#define DAYS_MAX 3650

int64_t duration_read(struct slice text)
{
    static const struct {
        uint8_t unit;
        int64_t seconds;
    } UNITS[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    int64_t count = 0;
    struct slice digits = slice_sub(text, 0, text.len > 0 ? text.len - 1 : 0);
    if (slice_to_i64(digits, &count) != STATUS_OK || count < 1) {
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(UNITS); i++) {
        if (text.ptr[text.len - 1] == UNITS[i].unit) {
            int64_t most = DAYS_MAX * (int64_t)86400 / UNITS[i].seconds;
            return count <= most ? count * UNITS[i].seconds : 0;
        }
    }
    return 0;
}
