#include "core/identity/token_window.h"

#include <assert.h>
#include <inttypes.h>

enum status token_window_check(const struct token_window *window, int64_t now_s, int64_t leeway_s,
                               struct diag *diag)
{
    assert(now_s >= 0);
    assert(leeway_s >= 0 && leeway_s <= TOKEN_LEEWAY_S_MAX);

    /* A token without an end could not be outwaited after a leak, so a missing exp refuses. */
    if (window->expires_at_s == TOKEN_TIME_ABSENT) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.no_expiry",
                         "token has no 'exp' claim");
    }
    /* Leeway moves our clock, never the claim: the claim is the sender's and could overflow. */
    if (now_s - leeway_s >= window->expires_at_s) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.expired",
                         "token expired at %" PRId64 " and it is %" PRId64 "; request a new one",
                         window->expires_at_s, now_s);
    }
    if (now_s + leeway_s < window->not_before_s) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.not_yet_valid",
                         "token is not valid before %" PRId64 " and it is %" PRId64,
                         window->not_before_s, now_s);
    }
    return STATUS_OK;
}

enum status token_window_limit(struct token_window *window, int64_t issued_at_s, int64_t max_age_s,
                               int64_t now_s, struct diag *diag)
{
    int64_t end_s = 0;
    assert(max_age_s > 0);
    if (issued_at_s == 0) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.no_issue_time",
                         "token has no 'iat' claim, and this issuer's may be %" PRId64 " s old",
                         max_age_s);
    }
    /* What was issued that far in the future has no end to move. */
    if (__builtin_add_overflow(issued_at_s, max_age_s, &end_s)) {
        return STATUS_OK;
    }
    if (now_s >= end_s) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.too_old",
                         "token was issued at %" PRId64 " and may be %" PRId64
                         " s old; request a new one",
                         issued_at_s, max_age_s);
    }
    window->expires_at_s = end_s < window->expires_at_s ? end_s : window->expires_at_s;
    return STATUS_OK;
}
