/* Oracle: no text crashes the parsers of the extension types, at most one of them accepts it, and
 * what it makes of it is printed as an expression of the same value. Beside that addresses are what
 * inet_pton makes of them, times what gmtime_r makes of the number, decimals are printed in the
 * normal form of their text, and a duration is the sum of its parts. */
#include "support/fuzz.h"
#include "support/value_trip.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#define ARENA_BYTES ((size_t)1 << 20)
#define TEXT_BYTES 64

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* -- addresses ----------------------------------------------------------------------------- */

static void check_ip(struct slice text, bool is_accepted, const struct cedar_ip *ip)
{
    char address[TEXT_BYTES] = "";
    uint8_t bytes[16] = {0};
    size_t len = slice_find_byte(text, '/');
    bool is_v6 = slice_find_byte(text, ':') < len;
    /* What has a point and a colon is a form that Cedar does not take. */
    bool is_strange = len >= TEXT_BYTES || slice_find_byte(text, 0) < text.len ||
                      (is_v6 && slice_find_byte(text, '.') < len);
    if (!is_strange) {
        memcpy(address, text.ptr, len);
    }
    bool is_address = inet_pton(is_v6 ? AF_INET6 : AF_INET, address, bytes) == 1;
    fuzz_expect(!is_accepted || (is_address && memcmp(bytes, ip->bytes, is_v6 ? 16 : 4) == 0),
                "inet_pton says otherwise", text);
    fuzz_expect(is_accepted || !is_address || len < text.len || len > 43,
                "inet_pton accepts the address", text);
}

/* -- decimals ------------------------------------------------------------------------------ */

/* The number without zeros that say nothing: -007.50 is -7.5, -0.0 is 0.0. */
static void normalize(struct slice text, struct buf *out)
{
    bool is_negative = text.ptr[0] == '-';
    size_t from = is_negative ? 1 : 0;
    size_t point = slice_find_byte(text, '.');
    size_t to = text.len;
    while (from + 1 < point && text.ptr[from] == '0') {
        from++;
    }
    while (to > point + 2 && text.ptr[to - 1] == '0') {
        to--;
    }
    struct slice digits = slice_sub(text, from, to);
    buf_append(out, is_negative && !slice_eq(digits, SLICE("0.0")) ? SLICE("-") : SLICE_EMPTY);
    buf_append(out, digits);
}

static void check_decimal(struct slice text, struct slice printed)
{
    struct buf normal;
    buf_init(&normal, SIZE_MAX, NULL);
    buf_append(&normal, SLICE("decimal(\""));
    normalize(text, &normal);
    buf_append(&normal, SLICE("\")"));
    fuzz_expect(slice_eq(buf_view(&normal), printed), "the decimal is printed otherwise", text);
    buf_release(&normal);
}

/* -- times --------------------------------------------------------------------------------- */

/* "2024-02-29T12:00:00.000Z", cut to the precision that the text has. */
static void check_utc(struct slice text, int64_t ms)
{
    char expected[TEXT_BYTES];
    struct tm tm;
    int64_t milli = (ms % 1000 + 1000) % 1000;
    time_t seconds = (ms - milli) / 1000;
    fuzz_expect(gmtime_r(&seconds, &tm) != NULL, "the time has no date", text);
    int len = snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec, (int)milli);
    size_t cut = text.len == 10 ? 10 : text.len - 1;
    fuzz_expect(len == 24 && cut <= 23 && memcmp(text.ptr, expected, cut) == 0,
                "gmtime says otherwise", text);
}

static int64_t two_digits(const uint8_t *at)
{
    return (at[0] - '0') * 10 + (at[1] - '0');
}

/* A time with an offset is that of the same clock in UTC, less the offset. */
static void check_datetime(struct slice text, int64_t ms)
{
    uint8_t utc[TEXT_BYTES];
    const uint8_t *sign = text.ptr + text.len - 5;
    if (text.len == 10 || text.ptr[text.len - 1] == 'Z') {
        check_utc(text, ms);
        return;
    }
    int64_t minutes = two_digits(sign + 1) * 60 + two_digits(sign + 3);
    fuzz_expect(text.len < TEXT_BYTES, "the time is long", text);
    memcpy(utc, text.ptr, text.len - 5);
    utc[text.len - 5] = 'Z';
    check_utc(slice_of(utc, text.len - 4), ms + (*sign == '-' ? -minutes : minutes) * 60000);
}

/* -- durations ----------------------------------------------------------------------------- */

/* The length of the first number and its unit. */
static size_t first_part(struct slice text)
{
    size_t at = 0;
    while (at < text.len && is_digit(text.ptr[at])) {
        at++;
    }
    while (at < text.len && !is_digit(text.ptr[at])) {
        at++;
    }
    return at;
}

static void check_duration(struct slice text, int64_t ms)
{
    bool is_negative = text.ptr[0] == '-';
    struct slice rest = slice_sub(text, is_negative ? 1 : 0, text.len);
    int64_t sum = 0;
    while (rest.len > 0) {
        struct buf part;
        int64_t value = 0;
        size_t len = first_part(rest);
        buf_init(&part, SIZE_MAX, NULL);
        buf_append(&part, is_negative ? SLICE("-") : SLICE_EMPTY);
        buf_append(&part, slice_sub(rest, 0, len));
        fuzz_expect(cedar_duration_parse(buf_view(&part), &value) == STATUS_OK &&
                        !__builtin_add_overflow(sum, value, &sum),
                    "a part is refused", text);
        buf_release(&part);
        rest = slice_sub(rest, len, rest.len);
    }
    fuzz_expect(sum == ms, "the parts make another sum", text);
}

/* -- all ----------------------------------------------------------------------------------- */

static void check_value(const struct cedar_value *value, struct slice text)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    struct slice printed = value_trip(value, &arena);
    if (value->kind == CEDAR_DECIMAL) {
        check_decimal(text, printed);
    } else if (value->kind == CEDAR_DATETIME) {
        check_datetime(text, value->as.number);
    } else if (value->kind == CEDAR_DURATION) {
        check_duration(text, value->as.number);
    }
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct slice FUNCTIONS[] = {SLICE_INIT("ip"), SLICE_INIT("decimal"),
                                             SLICE_INIT("datetime"), SLICE_INIT("duration")};
    struct slice text = slice_of(data, size);
    size_t accepted = 0;
    for (size_t i = 0; i < COUNT_OF(FUNCTIONS); i++) {
        struct cedar_value value;
        bool is_accepted = cedar_extension_parse(FUNCTIONS[i], text, &value) == STATUS_OK;
        if (i == 0) {
            check_ip(text, is_accepted, &value.as.ip);
        }
        if (is_accepted) {
            check_value(&value, text);
            accepted++;
        }
    }
    fuzz_expect(accepted <= 1, "two types accept the text", text);
    return 0;
}
