#include "wire/cache_control.h"

/* RFC 9111 §5.2: the argument may be quoted. */
static int64_t read_seconds(struct slice text)
{
    int64_t seconds = 0;
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"') {
        text = slice_sub(text, 1, text.len - 1);
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return 0;
        }
        seconds = seconds * 10 + (text.ptr[i] - '0');
        seconds = seconds > CACHE_CONTROL_AGE_S_MAX ? CACHE_CONTROL_AGE_S_MAX : seconds;
    }
    return seconds;
}

int64_t cache_control_max_age_s(struct slice value)
{
    int64_t max_age_s = CACHE_CONTROL_UNKNOWN;
    while (value.len > 0) {
        size_t comma = slice_find_byte(value, ',');
        struct slice part = slice_trim_ows(slice_sub(value, 0, comma));
        size_t equals = slice_find_byte(part, '=');
        struct slice name = slice_sub(part, 0, equals);
        value = slice_sub(value, comma + 1, value.len);
        if (slice_eq_ascii_nocase(name, SLICE("no-store")) ||
            slice_eq_ascii_nocase(name, SLICE("no-cache"))) {
            return 0;
        }
        if (slice_eq_ascii_nocase(name, SLICE("max-age"))) {
            int64_t seconds = read_seconds(slice_sub(part, equals + 1, part.len));
            bool is_first = max_age_s == CACHE_CONTROL_UNKNOWN || max_age_s == seconds;
            max_age_s = is_first ? seconds : 0;
        }
    }
    return max_age_s;
}
