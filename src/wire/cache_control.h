/* cache_control.h: how long an answer may be kept, by its Cache-Control field. */
#ifndef AEGIS_WIRE_CACHE_CONTROL_H
#define AEGIS_WIRE_CACHE_CONTROL_H

#include "base/slice.h"

#define CACHE_CONTROL_UNKNOWN (-1)
/* Larger ones count as this (RFC 9111 §1.2.2). */
#define CACHE_CONTROL_AGE_S_MAX INT64_C(2147483648)

/* Seconds of max-age in a field value; 0 with no-store or no-cache, CACHE_CONTROL_UNKNOWN without
 * any of them. A max-age that is no number, or is there twice with two values, is 0 (RFC 9111
 * §4.2.1, §5.2.2). */
int64_t cache_control_max_age_s(struct slice value);

#endif
