/* token_window.h: is a token inside the time window it claims?
 *
 * Owns the time rules of RFC 7519 §4.1.4-4.1.5. Signatures are checked before (jws.h), scopes are
 * mapped after (principal.h). Reads no clock: the caller passes the time, so a test can stand on
 * the exact second where a rule flips.
 */
#ifndef AEGIS_CORE_IDENTITY_TOKEN_WINDOW_H
#define AEGIS_CORE_IDENTITY_TOKEN_WINDOW_H

#include "base/diag.h"

#define TOKEN_LEEWAY_S_MAX 300 /* beyond this, leeway hides a broken clock */
#define TOKEN_TIME_ABSENT INT64_MIN

/* Times the token claims, in seconds since the Unix epoch; TOKEN_TIME_ABSENT where missing. */
struct token_window {
    int64_t not_before_s;
    int64_t expires_at_s;
};

/* Accept the token only while not_before <= now < expires_at, each side widened by leeway_s.
 *
 * now_s     seconds since the epoch, from the clock port; not negative
 * leeway_s  tolerated clock skew, 0..TOKEN_LEEWAY_S_MAX
 * diag      borrowed, may be NULL; filled on refusal
 *
 * Returns STATUS_OK, or STATUS_UNAUTHENTICATED with code token.no_expiry, token.expired or
 * token.not_yet_valid.
 */
NODISCARD enum status token_window_check(const struct token_window *window, int64_t now_s,
                                         int64_t leeway_s, struct diag *diag);

/* End the window at most max_age_s after the token was issued.
 *
 * window       good by token_window_check
 * issued_at_s  seconds since the epoch; 0: the token does not say
 * max_age_s    at least 1
 * now_s        with the leeway taken off
 *
 * Returns STATUS_OK, or STATUS_UNAUTHENTICATED with token.no_issue_time or token.too_old. */
NODISCARD enum status token_window_limit(struct token_window *window, int64_t issued_at_s,
                                         int64_t max_age_s, int64_t now_s, struct diag *diag);

#endif
