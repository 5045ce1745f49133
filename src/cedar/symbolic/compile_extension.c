/* Functions of extension types (reference, sections 6 and 16.2). */
#include "cedar/symbolic/compile.h"

#include "cedar/syntax/functions.h"
#include "cedar/value/value.h"

/* -- addresses ----------------------------------------------------------------------------- */

/* The parts of an address of one family. */
struct family {
    enum term_kind bits, prefix;
    uint32_t width;
};

static const struct family V4 = {TERM_V4_BITS, TERM_V4_PREFIX, 32};
static const struct family V6 = {TERM_V6_BITS, TERM_V6_PREFIX, 128};

/* The first and the last address of a network. */
struct range {
    const struct term *low, *high;
};

/* Shifting by the whole width gives 0, so a network of everything needs no case of its own. */
static struct range range_of(struct terms *terms, const struct family *family,
                             const struct term *address)
{
    const struct term_type *type = term_type_bits(terms, family->width);
    const struct term *one = term_number(terms, type, 1);
    const struct term *prefix = term_address_part(terms, family->prefix, address);
    const struct term *bits = term_address_part(terms, family->bits, address);
    const struct term *given = term_calculate(
        terms, TERM_SUBTRACT, term_bits(terms, type, (struct term_bits){0, family->width}),
        term_extend(terms, type, term_value(terms, prefix)));
    const struct term *open =
        term_if(terms, term_is_some(terms, prefix), given, term_number(terms, type, 0));
    const struct term *low = term_calculate(
        terms, TERM_SHIFT_LEFT, term_calculate(terms, TERM_SHIFT_RIGHT, bits, open), open);
    const struct term *size = term_calculate(terms, TERM_SHIFT_LEFT, one, open);
    const struct term *high =
        term_calculate(terms, TERM_ADD, low, term_calculate(terms, TERM_SUBTRACT, size, one));
    return (struct range){low, high};
}

static const struct term *is_within(struct terms *terms, const struct family *family,
                                    const struct term *address, const struct term *network)
{
    struct range inner = range_of(terms, family, address);
    struct range outer = range_of(terms, family, network);
    return term_and(terms, term_calculate(terms, TERM_NOT_ABOVE, inner.high, outer.high),
                    term_calculate(terms, TERM_NOT_ABOVE, outer.low, inner.low));
}

static const struct term *is_in_range(struct terms *terms, const struct term *address,
                                      const struct term *network)
{
    const struct term *is_v4 = term_address_part(terms, TERM_IS_V4, address);
    const struct term *same_family =
        term_equal(terms, is_v4, term_address_part(terms, TERM_IS_V4, network));
    return term_and(terms, same_family,
                    term_if(terms, is_v4, is_within(terms, &V4, address, network),
                            is_within(terms, &V6, address, network)));
}

/* In one of two networks: loopback and multicast have one in each family. */
static const struct term *is_in_either(struct terms *terms, const struct term *address,
                                       const struct cedar_ip *v4, const struct cedar_ip *v6)
{
    return term_or(terms, is_in_range(terms, address, term_address(terms, v4)),
                   is_in_range(terms, address, term_address(terms, v6)));
}

static const struct term *test_address(struct terms *terms, enum function function,
                                       const struct term *address, const struct term *network)
{
    static const struct cedar_ip LOOPBACK_V4 = {.bytes = {127}, .prefix = 8};
    static const struct cedar_ip LOOPBACK_V6 = {.bytes = {[15] = 1}, .prefix = 128, .is_v6 = true};
    static const struct cedar_ip MULTICAST_V4 = {.bytes = {224}, .prefix = 4};
    static const struct cedar_ip MULTICAST_V6 = {.bytes = {0xFF}, .prefix = 8, .is_v6 = true};
    switch ((int)function) {
    case FUNCTION_IS_IPV4:
        return term_address_part(terms, TERM_IS_V4, address);
    case FUNCTION_IS_IPV6:
        return term_not(terms, term_address_part(terms, TERM_IS_V4, address));
    case FUNCTION_IS_LOOPBACK:
        return is_in_either(terms, address, &LOOPBACK_V4, &LOOPBACK_V6);
    case FUNCTION_IS_MULTICAST:
        return is_in_either(terms, address, &MULTICAST_V4, &MULTICAST_V6);
    default:
        return is_in_range(terms, address, network);
    }
}

/* -- times --------------------------------------------------------------------------------- */

/* Milliseconds since the midnight before, as a number of the datetime's type. */
static const struct term *time_of_day(struct terms *terms, const struct term *time)
{
    const struct term *day = term_number(terms, time->type, MS_PER_DAY);
    const struct term *rest = term_calculate(terms, TERM_REMAINDER, time, day);
    const struct term *is_before =
        term_calculate(terms, TERM_LESS, rest, term_number(terms, time->type, 0));
    return term_if(terms, is_before, term_calculate(terms, TERM_ADD, rest, day), rest);
}

/* An operator and the test of its overflow; fails is extended. */
static const struct term *checked(struct terms *terms, enum term_kind kind, const struct term *left,
                                  const struct term *right, const struct term **fails)
{
    enum term_kind test = kind == TERM_ADD ? TERM_ADD_OVERFLOWS : TERM_SUBTRACT_OVERFLOWS;
    *fails = term_or(terms, *fails, term_calculate(terms, test, left, right));
    return term_calculate(terms, kind, left, right);
}

static const struct term *move_time(struct terms *terms, enum function function,
                                    const struct term *left, const struct term *right,
                                    const struct term **fails)
{
    const struct term_type *duration = term_type_plain(terms, TERM_TYPE_DURATION);
    switch ((int)function) {
    case FUNCTION_OFFSET:
        return checked(terms, TERM_ADD, left, term_convert(terms, left->type, right), fails);
    case FUNCTION_TO_DATE:
        return checked(terms, TERM_SUBTRACT, left, time_of_day(terms, left), fails);
    case FUNCTION_TO_TIME:
        return term_convert(terms, duration, time_of_day(terms, left));
    default:
        return term_convert(terms, duration, checked(terms, TERM_SUBTRACT, left, right, fails));
    }
}

static const struct term *count_units(struct terms *terms, enum function function,
                                      const struct term *duration)
{
    int64_t unit = function_info(function)->unit_ms;
    const struct term *whole =
        term_convert(terms, term_type_plain(terms, TERM_TYPE_LONG), duration);
    return unit == 1 || whole == NULL
               ? whole
               : term_calculate(terms, TERM_DIVIDE, whole, term_number(terms, whole->type, unit));
}

/* -- all of them --------------------------------------------------------------------------- */

static const struct term *compare_decimals(struct terms *terms, enum function function,
                                           const struct term *left, const struct term *right)
{
    switch ((int)function) {
    case FUNCTION_LESS_THAN:
        return term_calculate(terms, TERM_LESS, left, right);
    case FUNCTION_LESS_THAN_OR_EQUAL:
        return term_calculate(terms, TERM_LESS_EQUAL, left, right);
    case FUNCTION_GREATER_THAN:
        return term_calculate(terms, TERM_LESS, right, left);
    default:
        return term_calculate(terms, TERM_LESS_EQUAL, right, left);
    }
}

static const struct term *literal(struct terms *terms, const struct cedar_value *value)
{
    switch ((int)value->kind) {
    case CEDAR_IP:
        return term_address(terms, &value->as.ip);
    case CEDAR_DECIMAL:
        return term_number(terms, term_type_plain(terms, TERM_TYPE_DECIMAL), value->as.number);
    case CEDAR_DATETIME:
        return term_number(terms, term_type_plain(terms, TERM_TYPE_DATETIME), value->as.number);
    default:
        return term_number(terms, term_type_plain(terms, TERM_TYPE_DURATION), value->as.number);
    }
}

/* The type checker has read the text, a literal, already. */
static enum status compile_constructor(struct compiling *c, const struct node *node,
                                       struct symbolic_value *out)
{
    struct cedar_value value;
    TRY(cedar_extension_parse(node->text, node->items[0]->value.as.text, &value));
    return compiled(out, literal(c->terms, &value), term_truth(c->terms, false));
}

enum status compile_extension(struct compiling *c, const struct node *node,
                              struct symbolic_value *out)
{
    struct symbolic_value left = {0};
    struct symbolic_value right = {0};
    const struct term *fails = NULL;
    if (node->function <= FUNCTION_DURATION) {
        return compile_constructor(c, node, out);
    }
    if (node->item_count == 2) {
        TRY(compile_pair(c, node, &left, &right, &fails));
    } else {
        TRY(compile(c, node->items[0], &left));
        fails = left.fails;
    }
    const struct term *value = NULL;
    switch ((int)left.value->type->kind) {
    case TERM_TYPE_DECIMAL:
        value = compare_decimals(c->terms, node->function, left.value, right.value);
        break;
    case TERM_TYPE_IP:
        value = test_address(c->terms, node->function, left.value, right.value);
        break;
    case TERM_TYPE_DATETIME:
        value = move_time(c->terms, node->function, left.value, right.value, &fails);
        break;
    default:
        value = count_units(c->terms, node->function, left.value);
        break;
    }
    return compiled(out, value, fails);
}
