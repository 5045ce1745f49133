/* The texts of the extension types (Cedar reference, section 6): exact forms, exact limits. */
#include "cedar/value/value.h"

#include <string.h>

#define DECIMAL_SCALE 10000
#define IP_TEXT_BYTES_MAX 43

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* Length of the digits at text[from..]. */
static size_t digits_at(struct slice text, size_t from)
{
    size_t at = from;
    while (at < text.len && is_digit(text.ptr[at])) {
        at++;
    }
    return at - from;
}

enum status cedar_decimal_parse(struct slice text, int64_t *out)
{
    size_t sign = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;
    size_t whole = digits_at(text, sign);
    size_t point = sign + whole;
    size_t places = point < text.len ? digits_at(text, point + 1) : 0;
    if (whole == 0 || point >= text.len || text.ptr[point] != '.' || places == 0 || places > 4 ||
        point + 1 + places != text.len) {
        return STATUS_INVALID;
    }
    int64_t value = 0; /* counted downwards, to reach the smallest value */
    bool overflow = false;
    for (size_t i = sign; i < text.len; i++) {
        if (i != point) {
            overflow = overflow || __builtin_mul_overflow(value, 10, &value) ||
                       __builtin_sub_overflow(value, text.ptr[i] - '0', &value);
        }
    }
    for (size_t i = places; i < 4; i++) {
        overflow = overflow || __builtin_mul_overflow(value, 10, &value);
    }
    if (overflow || (sign == 0 && value == INT64_MIN)) {
        return STATUS_INVALID;
    }
    *out = sign == 1 ? value : -value;
    return STATUS_OK;
}

/* A decimal number of one to three digits without leading zeros, at most max. */
static bool parse_small(struct slice text, unsigned max, unsigned *out)
{
    *out = 0;
    if (text.len == 0 || text.len > 3 || digits_at(text, 0) != text.len ||
        (text.len > 1 && text.ptr[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        *out = *out * 10 + (unsigned)(text.ptr[i] - '0');
    }
    return *out <= max;
}

static bool parse_v4(struct slice text, uint8_t *bytes)
{
    for (size_t i = 0; i < 4; i++) {
        size_t dot = slice_find_byte(text, '.');
        unsigned octet = 0;
        if ((dot == text.len) != (i == 3) || !parse_small(slice_sub(text, 0, dot), 255, &octet)) {
            return false;
        }
        bytes[i] = (uint8_t)octet;
        text = slice_sub(text, dot + 1, text.len);
    }
    return true;
}

static bool parse_group(struct slice text, uint8_t *bytes)
{
    unsigned value = 0;
    if (text.len == 0 || text.len > 4) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t lower = (uint8_t)(text.ptr[i] | 0x20);
        bool is_letter = lower >= 'a' && lower <= 'f';
        if (!is_digit(text.ptr[i]) && !is_letter) {
            return false;
        }
        value = value * 16 + (unsigned)(is_letter ? lower - 'a' + 10 : text.ptr[i] - '0');
    }
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
    return true;
}

/* Groups separated by single colons; -1 when malformed. */
static int parse_groups(struct slice text, uint8_t *bytes)
{
    int count = 0;
    if (text.len == 0) {
        return 0;
    }
    for (;;) {
        size_t colon = slice_find_byte(text, ':');
        if (count == 8 || !parse_group(slice_sub(text, 0, colon), bytes + (size_t)count * 2)) {
            return -1;
        }
        count++;
        if (colon == text.len) {
            return count;
        }
        text = slice_sub(text, colon + 1, text.len);
        if (text.len == 0) {
            return -1;
        }
    }
}

static bool parse_v6(struct slice text, uint8_t *bytes)
{
    size_t gap = text.len;
    for (size_t i = 0; i + 1 < text.len && gap == text.len; i++) {
        if (text.ptr[i] == ':' && text.ptr[i + 1] == ':') {
            gap = i;
        }
    }
    if (gap == text.len) {
        return parse_groups(text, bytes) == 8;
    }
    uint8_t tail[16];
    int before = parse_groups(slice_sub(text, 0, gap), bytes);
    int after = parse_groups(slice_sub(text, gap + 2, text.len), tail);
    if (before < 0 || after < 0 || before + after > 7) {
        return false;
    }
    memset(bytes + before * 2, 0, (size_t)(16 - before * 2));
    memcpy(bytes + 16 - after * 2, tail, (size_t)after * 2);
    return true;
}

enum status cedar_ip_parse(struct slice text, struct cedar_ip *out)
{
    size_t slash = slice_find_byte(text, '/');
    struct slice address = slice_sub(text, 0, slash);
    struct slice prefix = slice_sub(text, slash + 1, text.len);
    unsigned bits = 0;
    *out = (struct cedar_ip){.is_v6 = slice_find_byte(address, ':') < address.len};
    unsigned bits_max = out->is_v6 ? 128 : 32;
    size_t prefix_digits = out->is_v6 ? 3 : 2;
    if (text.len > IP_TEXT_BYTES_MAX ||
        (out->is_v6 ? !parse_v6(address, out->bytes) : !parse_v4(address, out->bytes))) {
        return STATUS_INVALID;
    }
    if (slash < text.len && (prefix.len > prefix_digits || !parse_small(prefix, bits_max, &bits))) {
        return STATUS_INVALID;
    }
    out->prefix = (uint8_t)(slash < text.len ? bits : bits_max);
    return STATUS_OK;
}

/* Exactly `count` digits at text[from..]; -1 otherwise. */
static int64_t fixed_digits(struct slice text, size_t from, size_t count)
{
    int64_t value = 0;
    for (size_t i = from; i < from + count; i++) {
        if (i >= text.len || !is_digit(text.ptr[i])) {
            return -1;
        }
        value = value * 10 + (text.ptr[i] - '0');
    }
    return value;
}

static bool byte_is(struct slice text, size_t at, uint8_t byte)
{
    return at < text.len && text.ptr[at] == byte;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const uint8_t DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return DAYS[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; year 0..9999. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    /* Count from 1 March, so that the leap day is the last of its year. */
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

/* "Thh:mm:ss[.SSS]" at text[10..]; *end is after it. */
static enum status parse_time(struct slice text, int64_t *ms, size_t *end)
{
    int64_t hour = fixed_digits(text, 11, 2);
    int64_t minute = fixed_digits(text, 14, 2);
    int64_t second = fixed_digits(text, 17, 2);
    int64_t milli = 0;
    *end = 19;
    if (!byte_is(text, 10, 'T') || !byte_is(text, 13, ':') || !byte_is(text, 16, ':') || hour < 0 ||
        hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
        return STATUS_INVALID;
    }
    if (byte_is(text, 19, '.')) {
        milli = fixed_digits(text, 20, 3);
        *end = 23;
    }
    *ms = ((hour * 60 + minute) * 60 + second) * 1000 + milli;
    return milli < 0 ? STATUS_INVALID : STATUS_OK;
}

/* "Z" or "+hhmm" at the end. */
static enum status parse_offset(struct slice text, size_t at, int64_t *ms)
{
    int64_t hour = fixed_digits(text, at + 1, 2);
    int64_t minute = fixed_digits(text, at + 3, 2);
    *ms = 0;
    if (byte_is(text, at, 'Z')) {
        return text.len == at + 1 ? STATUS_OK : STATUS_INVALID;
    }
    bool is_signed = byte_is(text, at, '+') || byte_is(text, at, '-');
    if (!is_signed || text.len != at + 5 || hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        return STATUS_INVALID;
    }
    *ms = (hour * 60 + minute) * 60000 * (text.ptr[at] == '-' ? -1 : 1);
    return STATUS_OK;
}

enum status cedar_datetime_parse(struct slice text, int64_t *out)
{
    int64_t year = fixed_digits(text, 0, 4);
    int64_t month = fixed_digits(text, 5, 2);
    int64_t day = fixed_digits(text, 8, 2);
    if (year < 0 || !byte_is(text, 4, '-') || month < 1 || month > 12 || !byte_is(text, 7, '-') ||
        day < 1 || day > days_in_month(year, month)) {
        return STATUS_INVALID;
    }
    int64_t ms = days_from_date(year, month, day) * MS_PER_DAY;
    if (text.len == 10) {
        *out = ms;
        return STATUS_OK;
    }
    int64_t time_ms = 0;
    int64_t offset_ms = 0;
    size_t end = 0;
    TRY(parse_time(text, &time_ms, &end));
    TRY(parse_offset(text, end, &offset_ms));
    *out = ms + time_ms - offset_ms;
    return STATUS_OK;
}

/* The digits at text[from..to) times unit, negated; false when that does not fit. */
static bool scaled(struct slice text, size_t from, size_t to, int64_t unit, int64_t *out)
{
    int64_t value = 0;
    for (size_t i = from; i < to; i++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, text.ptr[i] - '0', &value)) {
            return false;
        }
    }
    return !__builtin_mul_overflow(value, unit, out);
}

enum status cedar_duration_parse(struct slice text, int64_t *out)
{
    static const struct {
        struct slice name;
        int64_t ms;
    } UNITS[] = {{SLICE_INIT("d"), MS_PER_DAY},
                 {SLICE_INIT("h"), 3600000},
                 {SLICE_INIT("m"), 60000},
                 {SLICE_INIT("s"), 1000},
                 {SLICE_INIT("ms"), 1}};
    bool is_negative = byte_is(text, 0, '-');
    size_t at = is_negative ? 1 : 0;
    size_t unit = 0;
    int64_t sum = 0; /* negated, to reach the smallest value */
    if (at == text.len) {
        return STATUS_INVALID;
    }
    while (at < text.len) {
        size_t digits = digits_at(text, at);
        size_t end = at + digits;
        struct slice name = slice_sub(text, end, end + 1);
        if (byte_is(text, end, 'm') && byte_is(text, end + 1, 's')) {
            name = slice_sub(text, end, end + 2);
        }
        while (unit < COUNT_OF(UNITS) && !slice_eq(name, UNITS[unit].name)) {
            unit++;
        }
        int64_t part = 0;
        if (digits == 0 || unit == COUNT_OF(UNITS) ||
            !scaled(text, at, end, UNITS[unit].ms, &part) || (!is_negative && part == INT64_MIN) ||
            __builtin_add_overflow(sum, part, &sum)) {
            return STATUS_INVALID;
        }
        unit++;
        at = end + name.len;
    }
    if (!is_negative && sum == INT64_MIN) {
        return STATUS_INVALID;
    }
    *out = is_negative ? sum : -sum;
    return STATUS_OK;
}

enum status cedar_extension_parse(struct slice function, struct slice text, struct cedar_value *out)
{
    *out = (struct cedar_value){0};
    enum status status = STATUS_INVALID;
    enum cedar_kind kind = CEDAR_ERROR;
    if (slice_eq(function, SLICE("ip"))) {
        status = cedar_ip_parse(text, &out->as.ip);
        kind = CEDAR_IP;
    } else if (slice_eq(function, SLICE("decimal"))) {
        status = cedar_decimal_parse(text, &out->as.number);
        kind = CEDAR_DECIMAL;
    } else if (slice_eq(function, SLICE("datetime"))) {
        status = cedar_datetime_parse(text, &out->as.number);
        kind = CEDAR_DATETIME;
    } else if (slice_eq(function, SLICE("duration"))) {
        status = cedar_duration_parse(text, &out->as.number);
        kind = CEDAR_DURATION;
    }
    out->kind = status == STATUS_OK ? kind : CEDAR_ERROR;
    return status;
}
