/* Numbers and addresses. */
#include "cedar/symbolic/term_store.h"

#include <assert.h>

__extension__ typedef unsigned __int128 wide;

static wide wide_of(const struct term *literal)
{
    return (wide)literal->as.bits.high << 64 | literal->as.bits.low;
}

static const struct term *number(struct terms *terms, const struct term_type *type, wide value)
{
    return term_bits(terms, type, (struct term_bits){(uint64_t)(value >> 64), (uint64_t)value});
}

/* -- folding ------------------------------------------------------------------------------- */

/* Does the sum, difference or product leave the range of numbers so wide? */
static bool overflows(enum term_kind kind, int64_t a, int64_t b, uint32_t bits)
{
    int64_t result = 0;
    bool is_beyond = kind == TERM_ADD_OVERFLOWS        ? __builtin_add_overflow(a, b, &result)
                     : kind == TERM_SUBTRACT_OVERFLOWS ? __builtin_sub_overflow(a, b, &result)
                                                       : __builtin_mul_overflow(a, b, &result);
    int64_t highest = INT64_MAX >> (64 - bits);
    return is_beyond || result > highest || result < -highest - 1;
}

/* Signed, towards zero. The least number by -1 is itself, as in the theory of bit vectors. */
static int64_t divide(enum term_kind kind, int64_t a, int64_t b)
{
    assert(b != 0);
    bool is_division = kind == TERM_DIVIDE;
    if (b == -1) {
        return is_division ? (int64_t)(0 - (uint64_t)a) : 0;
    }
    return is_division ? a / b : a % b;
}

static wide shift(enum term_kind kind, wide a, wide count)
{
    if (count >= 128) {
        return 0;
    }
    return kind == TERM_SHIFT_LEFT ? a << count : a >> count;
}

static const struct term *fold(struct terms *terms, enum term_kind kind, const struct term *a,
                               const struct term *b)
{
    switch ((int)kind) {
    case TERM_ADD:
        return number(terms, a->type, wide_of(a) + wide_of(b));
    case TERM_SUBTRACT:
        return number(terms, a->type, wide_of(a) - wide_of(b));
    case TERM_MULTIPLY:
        return number(terms, a->type, wide_of(a) * wide_of(b));
    case TERM_SHIFT_LEFT:
    case TERM_SHIFT_RIGHT:
        return number(terms, a->type, shift(kind, wide_of(a), wide_of(b)));
    case TERM_NOT_ABOVE:
        return term_truth(terms, wide_of(a) <= wide_of(b));
    case TERM_DIVIDE:
    case TERM_REMAINDER:
        return term_number(terms, a->type, divide(kind, term_number_of(a), term_number_of(b)));
    case TERM_LESS:
        return term_truth(terms, term_number_of(a) < term_number_of(b));
    case TERM_LESS_EQUAL:
        return term_truth(terms, term_number_of(a) <= term_number_of(b));
    default:
        return term_truth(terms,
                          overflows(kind, term_number_of(a), term_number_of(b), a->type->bits));
    }
}

/* -- operators ----------------------------------------------------------------------------- */

const struct term *term_calculate(struct terms *terms, enum term_kind kind, const struct term *a,
                                  const struct term *b)
{
    assert(kind >= TERM_ADD && kind <= TERM_NOT_ABOVE);
    if (a == NULL || b == NULL) {
        return NULL;
    }
    assert(a->type == b->type && a->type->bits > 0);
    if (a->is_literal && b->is_literal) {
        return fold(terms, kind, a, b);
    }
    bool is_truth = kind >= TERM_ADD_OVERFLOWS;
    if (a == b && (kind == TERM_LESS || kind == TERM_LESS_EQUAL || kind == TERM_NOT_ABOVE)) {
        return term_truth(terms, kind != TERM_LESS);
    }
    const struct term *items[] = {a, b};
    return terms_operator(terms, kind, is_truth ? term_type_plain(terms, TERM_TYPE_BOOL) : a->type,
                          items, 2);
}

const struct term *term_negate(struct terms *terms, const struct term *a)
{
    if (a == NULL) {
        return NULL;
    }
    return a->is_literal ? number(terms, a->type, 0 - wide_of(a))
                         : terms_operator(terms, TERM_NEGATE, a->type, &a, 1);
}

const struct term *term_convert(struct terms *terms, const struct term_type *type,
                                const struct term *a)
{
    if (type == NULL || a == NULL) {
        return NULL;
    }
    assert(type->bits == a->type->bits);
    if (a->is_literal) {
        return term_bits(terms, type, a->as.bits);
    }
    return type == a->type ? a : terms_operator(terms, TERM_CONVERT, type, &a, 1);
}

const struct term *term_extend(struct terms *terms, const struct term_type *type,
                               const struct term *a)
{
    if (type == NULL || a == NULL) {
        return NULL;
    }
    assert(type->bits >= a->type->bits);
    if (a->is_literal) {
        return term_bits(terms, type, a->as.bits);
    }
    return type == a->type ? a : terms_operator(terms, TERM_EXTEND, type, &a, 1);
}

/* -- addresses ----------------------------------------------------------------------------- */

static const struct term *address_bits(struct terms *terms, const struct term_type *type,
                                       const struct cedar_ip *ip, size_t bytes)
{
    wide value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | ip->bytes[i];
    }
    return number(terms, type, value);
}

static const struct term *address_prefix(struct terms *terms, const struct term_type *type,
                                         const struct cedar_ip *ip, unsigned whole)
{
    return ip->prefix >= whole ? term_none(terms, term_type_option(terms, type))
                               : term_some(terms, term_number(terms, type, ip->prefix));
}

/* Of an address of the other family any value does. */
static const struct term *fold_address(struct terms *terms, enum term_kind kind,
                                       const struct term_type *type, const struct cedar_ip *ip)
{
    switch ((int)kind) {
    case TERM_IS_V4:
        return term_truth(terms, !ip->is_v6);
    case TERM_V4_BITS:
        return address_bits(terms, type, ip, 4);
    case TERM_V4_PREFIX:
        return address_prefix(terms, term_type_bits(terms, 5), ip, 32);
    case TERM_V6_BITS:
        return address_bits(terms, type, ip, 16);
    default:
        return address_prefix(terms, term_type_bits(terms, 7), ip, 128);
    }
}

static const struct term_type *type_of_part(struct terms *terms, enum term_kind kind)
{
    switch ((int)kind) {
    case TERM_IS_V4:
        return term_type_plain(terms, TERM_TYPE_BOOL);
    case TERM_V4_BITS:
        return term_type_bits(terms, 32);
    case TERM_V4_PREFIX:
        return term_type_option(terms, term_type_bits(terms, 5));
    case TERM_V6_BITS:
        return term_type_bits(terms, 128);
    default:
        return term_type_option(terms, term_type_bits(terms, 7));
    }
}

const struct term *term_address_part(struct terms *terms, enum term_kind kind,
                                     const struct term *address)
{
    assert(kind >= TERM_IS_V4 && kind <= TERM_V6_PREFIX);
    const struct term_type *type = type_of_part(terms, kind);
    if (type == NULL || address == NULL) {
        return NULL;
    }
    return address->is_literal ? fold_address(terms, kind, type, &address->as.ip)
                               : terms_operator(terms, kind, type, &address, 1);
}
