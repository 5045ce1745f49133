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

/* The end of a window is moved to the age that tokens may have, and never away from it. */
TEST(token_window_ends_at_the_age_that_is_allowed)
{
    enum { ISSUED = 1000, AGE = 500, END = ISSUED + AGE };
    static const struct {
        const char *name;
        int64_t expires_at_s, issued_at_s, max_age_s, now_s;
        int64_t end_s;    /* 0: refused */
        const char *code; /* NULL: accepted */
    } rows[] = {
        {"young", 9000, ISSUED, AGE, ISSUED, END, NULL},
        {"the last second", 9000, ISSUED, AGE, END - 1, END, NULL},
        {"on the second", 9000, ISSUED, AGE, END, 0, "token.too_old"},
        {"long after", 9000, ISSUED, AGE, 8999, 0, "token.too_old"},
        {"expires sooner", END - 1, ISSUED, AGE, ISSUED, END - 1, NULL},
        {"expires then", END, ISSUED, AGE, ISSUED, END, NULL},
        {"no time", 9000, 0, AGE, 1, 0, "token.no_issue_time"},
        {"one second", 9000, ISSUED, 1, ISSUED, ISSUED + 1, NULL},
        {"one second later", 9000, ISSUED, 1, ISSUED + 1, 0, "token.too_old"},
        {"before it was issued, by leeway", 9000, ISSUED, AGE, ISSUED - 60, END, NULL},
        {"no overflow", 9000, INT64_MAX, AGE, 1, 9000, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct token_window window = {0, rows[i].expires_at_s};
        struct diag diag = {0};
        enum status status = token_window_limit(&window, rows[i].issued_at_s, rows[i].max_age_s,
                                                rows[i].now_s, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
        CHECK_ROW(rows[i].name, window.expires_at_s ==
                                    (rows[i].code == NULL ? rows[i].end_s : rows[i].expires_at_s));
    }
}
