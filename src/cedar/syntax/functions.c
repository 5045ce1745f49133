#include "cedar/syntax/functions.h"

#include "cedar/syntax/report.h"
#include "cedar/value/value.h"

static const struct function_info FUNCTIONS[FUNCTION_COUNT] = {
    [FUNCTION_CONTAINS] = {SLICE_INIT("contains"), true, false, 1, 0},
    [FUNCTION_CONTAINS_ALL] = {SLICE_INIT("containsAll"), true, false, 1, 0},
    [FUNCTION_CONTAINS_ANY] = {SLICE_INIT("containsAny"), true, false, 1, 0},
    [FUNCTION_IS_EMPTY] = {SLICE_INIT("isEmpty"), true, false, 0, 0},
    [FUNCTION_GET_TAG] = {SLICE_INIT("getTag"), true, false, 1, 0},
    [FUNCTION_HAS_TAG] = {SLICE_INIT("hasTag"), true, false, 1, 0},
    [FUNCTION_DECIMAL] = {SLICE_INIT("decimal"), false, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_IP] = {SLICE_INIT("ip"), false, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_DATETIME] = {SLICE_INIT("datetime"), false, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_DURATION] = {SLICE_INIT("duration"), false, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_LESS_THAN] = {SLICE_INIT("lessThan"), true, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_LESS_THAN_OR_EQUAL] = {SLICE_INIT("lessThanOrEqual"), true, true, FUNCTION_ARITY_FREE,
                                     0},
    [FUNCTION_GREATER_THAN] = {SLICE_INIT("greaterThan"), true, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_GREATER_THAN_OR_EQUAL] = {SLICE_INIT("greaterThanOrEqual"), true, true,
                                        FUNCTION_ARITY_FREE, 0},
    [FUNCTION_IS_IPV4] = {SLICE_INIT("isIpv4"), true, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_IS_IPV6] = {SLICE_INIT("isIpv6"), true, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_IS_LOOPBACK] = {SLICE_INIT("isLoopback"), true, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_IS_MULTICAST] = {SLICE_INIT("isMulticast"), true, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_IS_IN_RANGE] = {SLICE_INIT("isInRange"), true, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_OFFSET] = {SLICE_INIT("offset"), true, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_DURATION_SINCE] = {SLICE_INIT("durationSince"), true, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_TO_DATE] = {SLICE_INIT("toDate"), true, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_TO_TIME] = {SLICE_INIT("toTime"), true, true, FUNCTION_ARITY_FREE, 0},
    [FUNCTION_TO_MILLISECONDS] = {SLICE_INIT("toMilliseconds"), true, true, FUNCTION_ARITY_FREE, 1},
    [FUNCTION_TO_SECONDS] = {SLICE_INIT("toSeconds"), true, true, FUNCTION_ARITY_FREE, 1000},
    [FUNCTION_TO_MINUTES] = {SLICE_INIT("toMinutes"), true, true, FUNCTION_ARITY_FREE, 60000},
    [FUNCTION_TO_HOURS] = {SLICE_INIT("toHours"), true, true, FUNCTION_ARITY_FREE, 3600000},
    [FUNCTION_TO_DAYS] = {SLICE_INIT("toDays"), true, true, FUNCTION_ARITY_FREE, MS_PER_DAY},
    [FUNCTION_UNKNOWN] = {SLICE_INIT("unknown"), false, true, FUNCTION_ARITY_FREE, 0},
};

enum function function_find(struct slice name)
{
    enum function i = FUNCTION_CONTAINS;
    while (i < FUNCTION_COUNT && !slice_eq(FUNCTIONS[i].name, name)) {
        i++;
    }
    return i;
}

const struct function_info *function_info(enum function function)
{
    return &FUNCTIONS[function];
}

struct slice function_nearest(struct slice name, bool is_method)
{
    struct slice names[FUNCTION_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        if (FUNCTIONS[i].is_method == is_method && i != FUNCTION_UNKNOWN) {
            names[count++] = FUNCTIONS[i].name;
        }
    }
    return report_nearest(name, names, count);
}
