/* The functions of the extension types (Cedar reference, section 6). */
#include "cedar/eval/operators.h"

#include "cedar/syntax/functions.h"
#include "cedar/value/value.h"

/* What a function takes; CEDAR_ERROR where it takes nothing. Arity is checked here and not when
 * parsing, because the official engine accepts such policies. */
static const enum cedar_kind SIGNATURES[FUNCTION_COUNT][2] = {
    [FUNCTION_DECIMAL] = {CEDAR_STRING},
    [FUNCTION_IP] = {CEDAR_STRING},
    [FUNCTION_DATETIME] = {CEDAR_STRING},
    [FUNCTION_DURATION] = {CEDAR_STRING},
    [FUNCTION_LESS_THAN] = {CEDAR_DECIMAL, CEDAR_DECIMAL},
    [FUNCTION_LESS_THAN_OR_EQUAL] = {CEDAR_DECIMAL, CEDAR_DECIMAL},
    [FUNCTION_GREATER_THAN] = {CEDAR_DECIMAL, CEDAR_DECIMAL},
    [FUNCTION_GREATER_THAN_OR_EQUAL] = {CEDAR_DECIMAL, CEDAR_DECIMAL},
    [FUNCTION_IS_IPV4] = {CEDAR_IP},
    [FUNCTION_IS_IPV6] = {CEDAR_IP},
    [FUNCTION_IS_LOOPBACK] = {CEDAR_IP},
    [FUNCTION_IS_MULTICAST] = {CEDAR_IP},
    [FUNCTION_IS_IN_RANGE] = {CEDAR_IP, CEDAR_IP},
    [FUNCTION_OFFSET] = {CEDAR_DATETIME, CEDAR_DURATION},
    [FUNCTION_DURATION_SINCE] = {CEDAR_DATETIME, CEDAR_DATETIME},
    [FUNCTION_TO_DATE] = {CEDAR_DATETIME},
    [FUNCTION_TO_TIME] = {CEDAR_DATETIME},
    [FUNCTION_TO_MILLISECONDS] = {CEDAR_DURATION},
    [FUNCTION_TO_SECONDS] = {CEDAR_DURATION},
    [FUNCTION_TO_MINUTES] = {CEDAR_DURATION},
    [FUNCTION_TO_HOURS] = {CEDAR_DURATION},
    [FUNCTION_TO_DAYS] = {CEDAR_DURATION},
};

static bool construct(struct evaluation *e, struct slice name, struct slice text,
                      struct cedar_value *out)
{
    return cedar_extension_parse(name, text, out) == STATUS_OK ||
           evaluation_fail(e, CEDAR_ERROR_EXTENSION, SLICE("the text is malformed or out of range"),
                           name);
}

static bool compare_decimals(enum function function, int64_t left, int64_t right)
{
    switch ((int)function) {
    case FUNCTION_LESS_THAN:
        return left < right;
    case FUNCTION_LESS_THAN_OR_EQUAL:
        return left <= right;
    case FUNCTION_GREATER_THAN:
        return left > right;
    default:
        return left >= right;
    }
}

static bool is_loopback(const struct cedar_ip *ip)
{
    static const uint8_t LOOPBACK_V6[16] = {[15] = 1};
    return ip->is_v6
               ? ip->prefix == 128 && slice_eq(slice_of(ip->bytes, 16), slice_of(LOOPBACK_V6, 16))
               : ip->prefix >= 8 && ip->bytes[0] == 127;
}

static bool is_multicast(const struct cedar_ip *ip)
{
    return ip->is_v6 ? ip->prefix >= 8 && ip->bytes[0] == 0xFF
                     : ip->prefix >= 4 && (ip->bytes[0] & 0xF0) == 0xE0;
}

/* All addresses of ip lie in range: its network is as narrow and begins with the same bits. */
static bool is_in_range(const struct cedar_ip *ip, const struct cedar_ip *range)
{
    if (ip->is_v6 != range->is_v6 || ip->prefix < range->prefix) {
        return false;
    }
    size_t whole = range->prefix / 8;
    uint8_t mask = (uint8_t)(0xFF00 >> (range->prefix % 8));
    return slice_eq(slice_of(ip->bytes, whole), slice_of(range->bytes, whole)) &&
           (mask == 0 || whole == 16 || (ip->bytes[whole] & mask) == (range->bytes[whole] & mask));
}

static bool test_ip(enum function function, const struct cedar_value *arguments)
{
    const struct cedar_ip *ip = &arguments[0].as.ip;
    switch ((int)function) {
    case FUNCTION_IS_IPV4:
        return !ip->is_v6;
    case FUNCTION_IS_IPV6:
        return ip->is_v6;
    case FUNCTION_IS_LOOPBACK:
        return is_loopback(ip);
    case FUNCTION_IS_MULTICAST:
        return is_multicast(ip);
    default:
        return is_in_range(ip, &arguments[1].as.ip);
    }
}

/* Milliseconds since the midnight before. */
static int64_t time_of_day(int64_t ms)
{
    int64_t rest = ms % MS_PER_DAY;
    return rest < 0 ? rest + MS_PER_DAY : rest;
}

/* False: it is out of range. */
static bool move_datetime(enum function function, const struct cedar_value *arguments,
                          struct cedar_value *out)
{
    int64_t left = arguments[0].as.number;
    int64_t right = arguments[1].as.number;
    bool overflow = false;
    *out = (struct cedar_value){.kind = CEDAR_DATETIME};
    if (function == FUNCTION_OFFSET) {
        overflow = __builtin_add_overflow(left, right, &out->as.number);
    } else if (function == FUNCTION_TO_DATE) {
        overflow = __builtin_sub_overflow(left, time_of_day(left), &out->as.number);
    } else if (function == FUNCTION_TO_TIME) {
        out->kind = CEDAR_DURATION;
        out->as.number = time_of_day(left);
    } else {
        out->kind = CEDAR_DURATION;
        overflow = __builtin_sub_overflow(left, right, &out->as.number);
    }
    return !overflow;
}

static bool check_arguments(struct evaluation *e, enum function function, struct slice name,
                            const struct cedar_value *arguments, size_t count)
{
    const enum cedar_kind *kinds = SIGNATURES[function];
    size_t arity = kinds[1] == CEDAR_ERROR ? 1 : 2;
    if (count != arity) {
        return evaluation_fail(e, CEDAR_ERROR_ARITY, SLICE("wrong number of arguments"), name);
    }
    for (size_t i = 0; i < arity; i++) {
        if (arguments[i].kind != kinds[i]) {
            return evaluation_fail(e, CEDAR_ERROR_TYPE, SLICE("an argument is of the wrong kind"),
                                   name);
        }
    }
    return true;
}

bool operate_extension(struct evaluation *e, enum function function, struct slice name,
                       const struct cedar_value *arguments, size_t count, struct cedar_value *out)
{
    if (!check_arguments(e, function, name, arguments, count)) {
        return false;
    }
    switch (arguments[0].kind) {
    case CEDAR_STRING:
        return construct(e, name, arguments[0].as.text, out);
    case CEDAR_DECIMAL:
        *out =
            cedar_bool(compare_decimals(function, arguments[0].as.number, arguments[1].as.number));
        return true;
    case CEDAR_IP:
        *out = cedar_bool(test_ip(function, arguments));
        return true;
    case CEDAR_DATETIME:
        return move_datetime(function, arguments, out) ||
               evaluation_fail(e, CEDAR_ERROR_EXTENSION, SLICE("the result is out of range"), name);
    case CEDAR_DURATION:
        *out = cedar_long(arguments[0].as.number / function_info(function)->unit_ms);
        return true;
    case CEDAR_ERROR:
    case CEDAR_UNKNOWN:
    case CEDAR_BOOL:
    case CEDAR_LONG:
    case CEDAR_ENTITY:
    case CEDAR_SET:
    case CEDAR_RECORD:
        break;
    }
    return evaluation_fail(e, CEDAR_ERROR_TYPE, SLICE("an argument is of the wrong kind"), name);
}
