#include "cedar/eval/evaluate.h"
#include "cedar/value/value.h"

#include <assert.h>

#define MS_PER_DAY ((int64_t)86400000)

static enum eval_result give(struct cedar_value *out, enum cedar_kind kind, int64_t number)
{
    *out = (struct cedar_value){.kind = kind, .as.number = number};
    return EVAL_OK;
}

static enum eval_result give_bool(struct cedar_value *out, bool boolean)
{
    *out = cedar_bool(boolean);
    return EVAL_OK;
}

/* -- sets and tags ------------------------------------------------------------------------- */

static enum eval_result call_set(struct evaluation *e, enum function function,
                                 const struct cedar_value *a, struct cedar_value *out)
{
    enum value_truth truth = VALUE_FALSE;
    if (a[0].kind != CEDAR_SET || (function != FUNCTION_CONTAINS && function != FUNCTION_IS_EMPTY &&
                                   a[1].kind != CEDAR_SET)) {
        return eval_fail(e, "type");
    }
    if (function == FUNCTION_IS_EMPTY) {
        return give_bool(out, value_count(&a[0]) == 0);
    }
    if (function == FUNCTION_CONTAINS) {
        truth = value_contains(&a[0], &a[1], e->arena, 0);
    } else if (function == FUNCTION_CONTAINS_ALL) {
        truth = value_contains_all(&a[0], &a[1], e->arena, 0);
    } else {
        size_t count = value_count(&a[1]);
        for (size_t i = 0; i < count && truth != VALUE_TRUE; i++) {
            struct slice name;
            struct cedar_value item;
            value_at(&a[1], i, e->arena, &name, &item);
            enum value_truth one = value_contains(&a[0], &item, e->arena, 0);
            truth = one == VALUE_TRUE || one > truth ? one : truth;
        }
    }
    if (truth == VALUE_ERROR) {
        return eval_fail(e, "unrepresentable");
    }
    return truth == VALUE_UNKNOWN ? EVAL_UNKNOWN : give_bool(out, truth == VALUE_TRUE);
}

static enum eval_result call_tag(struct evaluation *e, enum function function,
                                 const struct cedar_value *a, struct cedar_value *out)
{
    struct cedar_entity_data data;
    const struct cedar_entities *entities = e->request->entities;
    if (a[0].kind != CEDAR_ENTITY || a[1].kind != CEDAR_STRING) {
        return eval_fail(e, "type");
    }
    bool exists = entities->find(entities->context, &a[0].as.uid, &data);
    bool has_tag = exists && data.tags.kind == CEDAR_RECORD &&
                   value_get(&data.tags, a[1].as.text, e->arena, out);
    if (function == FUNCTION_HAS_TAG) {
        return give_bool(out, has_tag);
    }
    if (!has_tag) {
        return eval_fail(e, exists ? "tag" : "entity");
    }
    return out->kind == CEDAR_ERROR ? eval_fail(e, "unrepresentable") : EVAL_OK;
}

/* -- constructors -------------------------------------------------------------------------- */

static enum eval_result call_constructor(struct evaluation *e, enum function function,
                                         const struct cedar_value *a, struct cedar_value *out)
{
    enum status status = STATUS_INVALID;
    *out = (struct cedar_value){0};
    if (a[0].kind != CEDAR_STRING) {
        return eval_fail(e, "type");
    }
    if (function == FUNCTION_DECIMAL) {
        out->kind = CEDAR_DECIMAL;
        status = cedar_decimal_parse(a[0].as.text, &out->as.number);
    } else if (function == FUNCTION_IP) {
        out->kind = CEDAR_IP;
        status = cedar_ip_parse(a[0].as.text, &out->as.ip);
    } else if (function == FUNCTION_DATETIME) {
        out->kind = CEDAR_DATETIME;
        status = cedar_datetime_parse(a[0].as.text, &out->as.number);
    } else {
        out->kind = CEDAR_DURATION;
        status = cedar_duration_parse(a[0].as.text, &out->as.number);
    }
    return status == STATUS_OK ? EVAL_OK : eval_fail(e, "extension");
}

/* -- decimal ------------------------------------------------------------------------------- */

static enum eval_result call_decimal(struct evaluation *e, enum function function,
                                     const struct cedar_value *a, struct cedar_value *out)
{
    if (a[0].kind != CEDAR_DECIMAL || a[1].kind != CEDAR_DECIMAL) {
        return eval_fail(e, "type");
    }
    int64_t left = a[0].as.number;
    int64_t right = a[1].as.number;
    if (function == FUNCTION_LESS_THAN) {
        return give_bool(out, left < right);
    }
    if (function == FUNCTION_LESS_THAN_OR_EQUAL) {
        return give_bool(out, left <= right);
    }
    return give_bool(out, function == FUNCTION_GREATER_THAN ? left > right : left >= right);
}

/* -- ip ------------------------------------------------------------------------------------ */

/* The first `bits` bits of both are equal. */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    for (unsigned i = 0; i < bits; i += 8) {
        unsigned left = bits - i;
        uint8_t mask = left >= 8 ? 0xFF : (uint8_t)(0xFF << (8 - left));
        if (((a[i / 8] ^ b[i / 8]) & mask) != 0) {
            return false;
        }
    }
    return true;
}

static bool ip_is_loopback(const struct cedar_ip *ip)
{
    static const uint8_t V6[16] = {[15] = 1};
    static const uint8_t V4[4] = {127};
    return ip->is_v6 ? ip->prefix == 128 && same_prefix(ip->bytes, V6, 128)
                     : ip->prefix >= 8 && same_prefix(ip->bytes, V4, 8);
}

static bool ip_is_multicast(const struct cedar_ip *ip)
{
    static const uint8_t V6[16] = {0xFF};
    static const uint8_t V4[4] = {224};
    return ip->is_v6 ? ip->prefix >= 8 && same_prefix(ip->bytes, V6, 8)
                     : ip->prefix >= 4 && same_prefix(ip->bytes, V4, 4);
}

static bool ip_is_in_range(const struct cedar_ip *ip, const struct cedar_ip *range)
{
    return ip->is_v6 == range->is_v6 && ip->prefix >= range->prefix &&
           same_prefix(ip->bytes, range->bytes, range->prefix);
}

static enum eval_result call_ip(struct evaluation *e, enum function function,
                                const struct cedar_value *a, struct cedar_value *out)
{
    if (a[0].kind != CEDAR_IP || (function == FUNCTION_IS_IN_RANGE && a[1].kind != CEDAR_IP)) {
        return eval_fail(e, "type");
    }
    const struct cedar_ip *ip = &a[0].as.ip;
    if (function == FUNCTION_IS_IPV4 || function == FUNCTION_IS_IPV6) {
        return give_bool(out, ip->is_v6 == (function == FUNCTION_IS_IPV6));
    }
    if (function == FUNCTION_IS_LOOPBACK) {
        return give_bool(out, ip_is_loopback(ip));
    }
    return give_bool(out, function == FUNCTION_IS_MULTICAST ? ip_is_multicast(ip)
                                                            : ip_is_in_range(ip, &a[1].as.ip));
}

/* -- datetime and duration ----------------------------------------------------------------- */

static int64_t time_of_day(int64_t ms)
{
    int64_t rest = ms % MS_PER_DAY;
    return rest < 0 ? rest + MS_PER_DAY : rest;
}

static enum eval_result call_datetime(struct evaluation *e, enum function function,
                                      const struct cedar_value *a, struct cedar_value *out)
{
    int64_t number = 0;
    enum cedar_kind second = function == FUNCTION_OFFSET ? CEDAR_DURATION : CEDAR_DATETIME;
    bool is_binary = function == FUNCTION_OFFSET || function == FUNCTION_DURATION_SINCE;
    if (a[0].kind != CEDAR_DATETIME || (is_binary && a[1].kind != second)) {
        return eval_fail(e, "type");
    }
    if (function == FUNCTION_TO_TIME) {
        return give(out, CEDAR_DURATION, time_of_day(a[0].as.number));
    }
    bool overflow = false;
    if (function == FUNCTION_OFFSET) {
        overflow = __builtin_add_overflow(a[0].as.number, a[1].as.number, &number);
    } else if (function == FUNCTION_DURATION_SINCE) {
        overflow = __builtin_sub_overflow(a[0].as.number, a[1].as.number, &number);
    } else {
        overflow = __builtin_sub_overflow(a[0].as.number, time_of_day(a[0].as.number), &number);
    }
    if (overflow) {
        return eval_fail(e, "extension");
    }
    return give(out, function == FUNCTION_DURATION_SINCE ? CEDAR_DURATION : CEDAR_DATETIME, number);
}

static enum eval_result call_duration(struct evaluation *e, enum function function,
                                      const struct cedar_value *a, struct cedar_value *out)
{
    static const int64_t UNITS[] = {1, 1000, 60000, 3600000, MS_PER_DAY};
    assert(function >= FUNCTION_TO_MILLISECONDS && function <= FUNCTION_TO_DAYS);
    if (a[0].kind != CEDAR_DURATION) {
        return eval_fail(e, "type");
    }
    return give(out, CEDAR_LONG, a[0].as.number / UNITS[function - FUNCTION_TO_MILLISECONDS]);
}

/* -- dispatch ------------------------------------------------------------------------------ */

static size_t arity_of(enum function function)
{
    switch (function) {
    case FUNCTION_CONTAINS:
    case FUNCTION_CONTAINS_ALL:
    case FUNCTION_CONTAINS_ANY:
    case FUNCTION_GET_TAG:
    case FUNCTION_HAS_TAG:
    case FUNCTION_LESS_THAN:
    case FUNCTION_LESS_THAN_OR_EQUAL:
    case FUNCTION_GREATER_THAN:
    case FUNCTION_GREATER_THAN_OR_EQUAL:
    case FUNCTION_IS_IN_RANGE:
    case FUNCTION_OFFSET:
    case FUNCTION_DURATION_SINCE:
        return 2;
    case FUNCTION_IS_EMPTY:
    case FUNCTION_DECIMAL:
    case FUNCTION_IP:
    case FUNCTION_DATETIME:
    case FUNCTION_DURATION:
    case FUNCTION_IS_IPV4:
    case FUNCTION_IS_IPV6:
    case FUNCTION_IS_LOOPBACK:
    case FUNCTION_IS_MULTICAST:
    case FUNCTION_TO_DATE:
    case FUNCTION_TO_TIME:
    case FUNCTION_TO_MILLISECONDS:
    case FUNCTION_TO_SECONDS:
    case FUNCTION_TO_MINUTES:
    case FUNCTION_TO_HOURS:
    case FUNCTION_TO_DAYS:
    case FUNCTION_UNKNOWN:
        return 1;
    case FUNCTION_COUNT:
        break;
    }
    return 0;
}

enum eval_result eval_call(struct evaluation *e, const struct node *node,
                           const struct cedar_value *arguments, struct cedar_value *out)
{
    enum function function = node->function;
    if (node->item_count != arity_of(function)) {
        return eval_fail(e, "arity");
    }
    if (function == FUNCTION_UNKNOWN) {
        return EVAL_UNKNOWN;
    }
    if (function <= FUNCTION_IS_EMPTY) {
        return call_set(e, function, arguments, out);
    }
    if (function <= FUNCTION_HAS_TAG) {
        return call_tag(e, function, arguments, out);
    }
    if (function <= FUNCTION_DURATION) {
        return call_constructor(e, function, arguments, out);
    }
    if (function <= FUNCTION_GREATER_THAN_OR_EQUAL) {
        return call_decimal(e, function, arguments, out);
    }
    if (function <= FUNCTION_IS_IN_RANGE) {
        return call_ip(e, function, arguments, out);
    }
    return function <= FUNCTION_TO_TIME ? call_datetime(e, function, arguments, out)
                                        : call_duration(e, function, arguments, out);
}
