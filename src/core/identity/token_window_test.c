#include "core/identity/token_window.h"

#include "support/check.h"

/* Every rule is tested one second before and on the instant where it flips. */
TEST(token_window_check_at_its_edges)
{
    enum { NBF = 1000, EXP = 2000, SKEW = 10 };
    static const struct {
        const char *name;
        int64_t not_before_s, expires_at_s, now_s;
        const char *code; /* NULL: accepted */
    } rows[] = {
        {"last second with leeway", NBF, EXP, EXP + SKEW - 1, NULL},
        {"expired on the second", NBF, EXP, EXP + SKEW, "token.expired"},
        {"first second with leeway", NBF, EXP, NBF - SKEW, NULL},
        {"one second early", NBF, EXP, NBF - SKEW - 1, "token.not_yet_valid"},
        {"exp is required", NBF, TOKEN_TIME_ABSENT, 1500, "token.no_expiry"},
        {"nbf is not required", TOKEN_TIME_ABSENT, EXP, 0, NULL},
        {"huge exp does not overflow", NBF, INT64_MAX, 1500, NULL},
        {"tiny exp does not overflow", NBF, INT64_MIN + 1, 1500, "token.expired"},
        {"huge nbf does not overflow", INT64_MAX, INT64_MAX, 1500, "token.not_yet_valid"},
        {"now is the epoch", 0, 1, 0, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct token_window window = {rows[i].not_before_s, rows[i].expires_at_s};
        struct diag diag = {0};
        enum status status = token_window_check(&window, rows[i].now_s, SKEW, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
    }
}
