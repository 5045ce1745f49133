#include "core/policy/decimal_text.h"

#include <assert.h>

#define SCALE_MAX 18
#define EXPONENT_MAX 10000 /* past this no 64-bit number has digits left; 0e99999 stays zero */

struct digits {
    int64_t negated;  /* minus the digits read so far: counting down reaches INT64_MIN */
    int64_t exponent; /* of ten, for the last digit in `negated` */
    int64_t zeros;    /* trailing zeros held back, so that 1000e-3 stays exact */
    bool overflow;
};

static void shift_in(struct digits *digits, int64_t zeros, uint8_t digit)
{
    for (int64_t i = 0; i <= zeros && !digits->overflow; i++) {
        digits->overflow = __builtin_mul_overflow(digits->negated, 10, &digits->negated);
    }
    digits->overflow =
        digits->overflow || __builtin_sub_overflow(digits->negated, digit, &digits->negated);
}

/* Take the digits at text[i..], count decimals when they follow the point. */
static size_t read_digits(struct slice text, size_t i, bool is_fraction, struct digits *digits)
{
    for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
        uint8_t digit = (uint8_t)(text.ptr[i] - '0');
        digits->exponent -= is_fraction ? 1 : 0;
        if (digit == 0) {
            digits->zeros += 1;
            continue;
        }
        /* Zeros before the first other digit shift nothing. */
        shift_in(digits, digits->negated == 0 ? 0 : digits->zeros, digit);
        digits->zeros = 0;
    }
    return i;
}

static int64_t read_exponent(struct slice text, size_t i)
{
    if (i >= text.len) {
        return 0;
    }
    i++; /* 'e' or 'E' */
    bool negative = text.ptr[i] == '-';
    i += (text.ptr[i] == '-' || text.ptr[i] == '+') ? 1 : 0;
    int64_t value = 0;
    for (; i < text.len; i++) {
        value = value * 10 + (text.ptr[i] - '0');
        value = value > EXPONENT_MAX ? EXPONENT_MAX : value;
    }
    return negative ? -value : value;
}

enum status decimal_text_scale(struct slice lexeme, unsigned scale, int64_t *out)
{
    assert(scale <= SCALE_MAX);
    assert(lexeme.len > 0);
    struct digits digits = {0};
    bool negative = lexeme.ptr[0] == '-';
    size_t i = read_digits(lexeme, negative ? 1 : 0, false, &digits);
    if (i < lexeme.len && lexeme.ptr[i] == '.') {
        i = read_digits(lexeme, i + 1, true, &digits);
    }
    if (digits.negated == 0 && !digits.overflow) {
        *out = 0;
        return STATUS_OK;
    }
    if (digits.overflow) {
        return STATUS_LIMIT;
    }
    int64_t exponent = digits.exponent + digits.zeros + read_exponent(lexeme, i) + scale;
    if (exponent < 0) {
        return STATUS_INVALID;
    }
    int64_t value = digits.negated;
    for (; exponent > 0; exponent--) {
        if (__builtin_mul_overflow(value, 10, &value)) {
            return STATUS_LIMIT;
        }
    }
    if (!negative && value == INT64_MIN) {
        return STATUS_LIMIT;
    }
    *out = negative ? value : -value;
    return STATUS_OK;
}
