#include "core/policy/lift.h"

#include "support/check.h"

#include <stdio.h>

#define TEST_ARENA_BYTES ((size_t)1 << 20)

static struct cedar_policy_set *parse(const char *text)
{
    static struct cedar_diagnostics diagnostics;
    struct cedar_policy_set *set = NULL;
    struct cedar_source source = {SLICE("test"), slice_view_cstr(text)};
    CHECK_ROW(text, cedar_policy_set_parse(&source, 1, true, &set, &diagnostics) == STATUS_OK);
    return set;
}

#define FORBID "forbid(principal, action, resource);"
#define PERMIT "permit(principal, action, resource);"

TEST(lift_refuses_annotations_that_say_nothing)
{
    static const struct {
        const char *policy;
        bool is_good;
    } rows[] = {
        {FORBID, true},
        {PERMIT, true},
        {"@scopes(\"a\")" FORBID, true},
        {"@scopes(\"a:b https://x/y\")" FORBID, true},
        {"@step_up(\"mfa\")" FORBID, true},
        {"@max_age(\"0\")" FORBID, true},
        {"@max_age(\"31536000\")" FORBID, true},
        {"@scopes(\"a\")" PERMIT, false},
        {"@step_up(\"mfa\")" PERMIT, false},
        {"@max_age(\"1\")" PERMIT, false},
        {"@scopes(\"\")" FORBID, false},
        {"@scopes(\" a\")" FORBID, false},
        {"@scopes(\"a \")" FORBID, false},
        {"@scopes(\"a  b\")" FORBID, false},
        {"@scopes(\"a\\\"b\")" FORBID, false},
        {"@scopes(\"a\\\\b\")" FORBID, false},
        {"@scopes(\"a\\nb\")" FORBID, false},
        {"@scopes(\"\u00e4\")" FORBID, false},
        {"@step_up " FORBID, false},
        {"@step_up(\"m\\\"fa\")" FORBID, false},
        {"@max_age(\"\")" FORBID, false},
        {"@max_age(\"-1\")" FORBID, false},
        {"@max_age(\"5m\")" FORBID, false},
        {"@max_age(\"31536001\")" FORBID, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cedar_policy_set *set = parse(rows[i].policy);
        CHECK_ROW(rows[i].policy, (policy_lift_problem(set, 0) == NULL) == rows[i].is_good);
        cedar_policy_set_free(set);
    }
}

TEST(lift_leaves_what_no_token_can_change)
{
    static const struct {
        const char *policies;
        size_t left; /* SIZE_MAX: there is nothing to lift */
    } rows[] = {
        {"", SIZE_MAX},
        {PERMIT FORBID, SIZE_MAX},
        {PERMIT "@scopes(\"a\")" FORBID, 1},
        {"@step_up(\"a\")" FORBID "@max_age(\"1\")" FORBID PERMIT FORBID, 2},
        {"@step_up(\"a\") @approval(\"lead\")" FORBID, SIZE_MAX},
        {"@reason(\"a\")" FORBID, SIZE_MAX},
        {"@scopes(\"a\")" PERMIT, SIZE_MAX},
        {"@step_up(\"a\")" FORBID, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cedar_policy_set *set = parse(rows[i].policies);
        struct cedar_policy_set *lifted = NULL;
        CHECK_ROW(rows[i].policies, policy_lift_all(set, &lifted) == STATUS_OK);
        CHECK_ROW(rows[i].policies, (lifted == NULL) == (rows[i].left == SIZE_MAX));
        CHECK_ROW(rows[i].policies, lifted == NULL || cedar_policy_count(lifted) == rows[i].left);
        cedar_policy_set_free(lifted);
        cedar_policy_set_free(set);
    }
}

TEST(lift_asks_for_all_at_once_and_for_nothing_twice)
{
    struct policy_demand demand = {0};
    struct arena arena;
    struct cedar_policy_set *set =
        parse("@scopes(\"b a\")" FORBID "@scopes(\"a c\") @max_age(\"300\")" FORBID
              "@step_up(\"mfa\") @max_age(\"60\")" FORBID "@max_age(\"90\")" FORBID);
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    for (size_t i = 0; i < 4; i++) {
        CHECK(policy_demand_add(&demand, set, i, &arena) == STATUS_OK);
    }
    CHECK(demand.scope_count == 3 && slice_eq(demand.scopes[0], SLICE("b")));
    CHECK(slice_eq(demand.scopes[1], SLICE("a")) && slice_eq(demand.scopes[2], SLICE("c")));
    CHECK(demand.sign_in_count == 1 && slice_eq(demand.sign_ins[0], SLICE("mfa")));
    CHECK(demand.has_max_age && demand.max_age_s == 60);
    cedar_policy_set_free(set);
    arena_release(&arena);
}

/* However many words there are, none is written where there is no place. */
TEST(lift_asks_for_as_much_as_it_can_hold)
{
    char text[4096] = "@scopes(\"";
    struct policy_demand demand = {0};
    struct arena arena;
    size_t len = strlen(text);
    for (int i = 0; i <= POLICY_WORDS_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%d", i > 0 ? " " : "", i);
    }
    (void)snprintf(text + len, sizeof(text) - len, "\")" FORBID);
    struct cedar_policy_set *set = parse(text);
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    CHECK(policy_demand_add(&demand, set, 0, &arena) == STATUS_OK);
    CHECK(demand.scope_count == POLICY_WORDS_MAX && demand.sign_in_count == 0);
    cedar_policy_set_free(set);
    arena_release(&arena);
}
