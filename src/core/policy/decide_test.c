#include "core/policy/decide.h"

#include "support/check.h"
#include "support/corpus.h"

#include <stdio.h>
#include <string.h>

#define TEST_ARENA_BYTES ((size_t)16 << 20)

static const char TOOL[] =
    "{\"name\":\"pay\",\"annotations\":{\"readOnlyHint\":true},\"inputSchema\":{\"type\":"
    "\"object\","
    "\"properties\":{\"amount\":{\"type\":\"number\"},\"count\":{\"type\":\"integer\"},"
    "\"to\":{\"type\":\"string\"},\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
    "\"note\":{\"type\":[\"string\",\"null\"]},\"deep\":{\"type\":\"object\",\"properties\":{"
    "\"n\":{\"type\":\"integer\"}}},\"any\":{},\"maybe\":{\"type\":[\"number\",\"null\"]},"
    "\"either\":{\"anyOf\":[{\"type\":\"number\"},{\"type\":\"string\"}]},\"rates\":{\"type\":"
    "\"array\",\"items\":{\"type\":\"integer\"}}}}}";

static struct cedar_diagnostics diagnostics;

struct stage {
    struct arena arena, scratch;
    struct cedar_policy_set *set;
    struct json_tape tool, arguments;
    struct policy_question question;
};

static void set_up(struct stage *stage, const char *policies, const char *arguments)
{
    static const struct slice ROLES[] = {SLICE_INIT("Developers")};
    static const struct principal ANN = {
        .issuer = SLICE_INIT("dev"), .subject = SLICE_INIT("ann"), .roles = ROLES, .role_count = 1};
    struct cedar_source source = {SLICE("test"), slice_view_cstr(policies)};
    *stage = (struct stage){0};
    arena_init(&stage->arena, TEST_ARENA_BYTES, NULL);
    arena_init(&stage->scratch, TEST_ARENA_BYTES, NULL);
    CHECK_ROW(policies,
              cedar_policy_set_parse(&source, 1, true, &stage->set, &diagnostics) == STATUS_OK);
    CHECK(json_parse(corpus_parser(), slice_view_cstr(TOOL), &stage->arena, &stage->tool, NULL) ==
          STATUS_OK);
    CHECK(json_parse(corpus_parser(), slice_view_cstr(arguments), &stage->arena, &stage->arguments,
                     NULL) == STATUS_OK);
    stage->question = (struct policy_question){.policies = stage->set,
                                               .principal = &ANN,
                                               .server = SLICE("bank"),
                                               .server_trust = SLICE("internal"),
                                               .method = SLICE("tools/call"),
                                               .primitive = MCP_TOOL,
                                               .name = SLICE("pay"),
                                               .definition = {&stage->tool, 0},
                                               .arguments = {&stage->arguments, 0},
                                               .peer_ip = SLICE("127.0.0.1"),
                                               .now_s = 1000000};
}

static void tear_down(struct stage *stage)
{
    cedar_policy_set_free(stage->set);
    arena_release(&stage->scratch);
    arena_release(&stage->arena);
}

static bool allows(const char *policies, const char *arguments)
{
    struct stage stage;
    struct policy_answer answer;
    set_up(&stage, policies, arguments);
    enum status status = policy_decide(&stage.question, &stage.scratch, &stage.arena, &answer);
    CHECK_ROW(policies, status == STATUS_OK);
    bool is_allowed = answer.is_allowed;
    /* Callable implies listed. */
    stage.question.arguments_unknown = true;
    CHECK_ROW(policies, !is_allowed || policy_may_ever_allow(&stage.question, &stage.scratch));
    tear_down(&stage);
    return is_allowed;
}

/* The answer for another caller than ann; called without a definition or arguments, too. */
static bool allows_caller(const char *policies, const struct principal *caller)
{
    struct stage stage;
    struct policy_answer answer;
    set_up(&stage, policies, "{}");
    stage.question.principal = caller;
    CHECK_ROW(policies,
              policy_decide(&stage.question, &stage.scratch, &stage.arena, &answer) == STATUS_OK);
    bool is_allowed = answer.is_allowed;
    stage.question.arguments_unknown = true;
    CHECK_ROW(policies, policy_may_ever_allow(&stage.question, &stage.scratch) == is_allowed);
    tear_down(&stage);
    return is_allowed;
}

#define PERMIT "permit(principal, action, resource);"
#define FORBID_IF(condition) PERMIT "forbid(principal, action, resource) when {" condition "};"
#define PERMIT_IF(condition) "permit(principal, action, resource) when {" condition "};"

TEST(decide_maps_an_operation)
{
    static const struct {
        const char *policies;
        bool allowed;
    } rows[] = {
        {"", false},
        {PERMIT, true},
        {"permit(principal in Aegis::Role::\"Developers\", action, resource);", true},
        {"permit(principal in Aegis::Group::\"Developers\", action, resource);", false},
        {"permit(principal == Aegis::User::\"dev|ann\", action, resource);", true},
        {"permit(principal == Aegis::User::\"ann\", action, resource);", false},
        {"permit(principal, action == Aegis::Action::\"bank.pay\", resource);", true},
        {"permit(principal, action in Aegis::Action::\"tools/call\", resource);", true},
        {"permit(principal, action in Aegis::Action::\"tool\", resource);", true},
        {"permit(principal, action in Aegis::Action::\"prompts/get\", resource);", false},
        {"permit(principal, action == Aegis::Action::\"bank.refund\", resource);", false},
        {"permit(principal, action, resource in Aegis::Server::\"bank\");", true},
        {"permit(principal, action, resource in Aegis::Server::\"shop\");", false},
        {"permit(principal, action, resource is Aegis::Tool);", true},
        {PERMIT_IF("context.target == \"bank.pay\" && context.method == \"tools/call\""), true},
        {PERMIT_IF("context.primitive == \"tool\" && context.direction == \"client_to_server\""),
         true},
        {PERMIT_IF("context.server.trust == Aegis::Trust::\"internal\""), true},
        {PERMIT_IF("resource.readOnly && resource.destructive"), true},
        {PERMIT_IF("principal.roles.contains(\"Developers\")"), true},
        {PERMIT_IF("context.network.source.isLoopback() && !context.network.tls"), true},
        {PERMIT_IF("principal has email"), false},
        {PERMIT_IF("context.network has certificate"), false},
        {PERMIT_IF("context.network.certificate.subject == \"\""), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].policies, allows(rows[i].policies, "{}") == rows[i].allowed);
    }
}

TEST(decide_reads_the_certificate_of_the_connection)
{
    static const struct slice URIS[] = {SLICE_INIT("spiffe://acme/bot")};
    static const struct client_certificate SHOWN = {.subject = SLICE_INIT("CN=bot,O=Acme"),
                                                    .serial = SLICE_INIT("0a"),
                                                    .thumbprint = SLICE_INIT("77"),
                                                    .uris = {URIS, 1}};
#define SHOWN_IS(condition) PERMIT_IF("context.network.certificate." condition)
    static const struct {
        const char *policies;
        bool allowed;
    } rows[] = {
        {SHOWN_IS("subject like \"*,O=Acme\""), true},
        {SHOWN_IS("uris.contains(\"spiffe://acme/bot\")"), true},
        {SHOWN_IS("dnsNames.isEmpty() && context.network.certificate.emails.isEmpty()"), true},
        {SHOWN_IS("sha256 == \"77\" && context.network.certificate.serial == \"0a\""), true},
        {SHOWN_IS("uris.contains(\"spiffe://acme/other\")"), false},
        {SHOWN_IS("commonName == \"bot\""), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct stage stage;
        struct policy_answer answer;
        set_up(&stage, rows[i].policies, "{}");
        stage.question.certificate = &SHOWN;
        CHECK_ROW(rows[i].policies, policy_decide(&stage.question, &stage.scratch, &stage.arena,
                                                  &answer) == STATUS_OK);
        CHECK_ROW(rows[i].policies, answer.is_allowed == rows[i].allowed);
        /* Lists know it, too: what is denied for it is not shown. */
        stage.question.arguments_unknown = true;
        CHECK_ROW(rows[i].policies,
                  policy_may_ever_allow(&stage.question, &stage.scratch) == rows[i].allowed);
        tear_down(&stage);
    }
}

TEST(decide_tells_identities_apart)
{
    static const struct {
        struct principal caller;
        const char *id;
    } rows[] = {
        {{.issuer = SLICE_INIT("a"), .subject = SLICE_INIT("s")}, "a|s"},
        {{.issuer = SLICE_INIT("a"), .subject = SLICE_INIT("t|s")}, "a|t|s"},
        {{.issuer = SLICE_INIT("a"), .subject = SLICE_INIT("s"), .tenant = SLICE_INIT("t")},
         "a@t|s"},
        {{.issuer = SLICE_INIT("a"), .subject = SLICE_INIT("s"), .subject_claim = SLICE_INIT("c")},
         "a:c|s"},
        {{.issuer = SLICE_INIT("a"),
          .subject = SLICE_INIT("s"),
          .subject_claim = SLICE_INIT("c"),
          .tenant = SLICE_INIT("t")},
         "a:c@t|s"},
        {{.issuer = SLICE_INIT("a"), .subject = SLICE_INIT("s"), .tenant = SLICE_INIT("t:c")},
         "a@t:c|s"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t k = 0; k < COUNT_OF(rows); k++) {
            char policy[256];
            (void)snprintf(policy, sizeof(policy),
                           "permit(principal == Aegis::User::\"%s\", action, resource);",
                           rows[k].id);
            CHECK_ROW(policy, allows_caller(policy, &rows[i].caller) == (i == k));
        }
    }
}

TEST(decide_sees_the_sign_in)
{
    static const struct slice AMR[] = {SLICE_INIT("pwd"), SLICE_INIT("mfa")};
    static const struct slice ACTORS[] = {SLICE_INIT("gateway"), SLICE_INIT("desktop")};
    static const struct principal STRONG = {.issuer = SLICE_INIT("i"),
                                            .subject = SLICE_INIT("s"),
                                            .actor = PRINCIPAL_AGENT,
                                            .amr = AMR,
                                            .amr_count = 2,
                                            .acrs = AMR,
                                            .acrs_count = 1,
                                            .acr = SLICE_INIT("gold"),
                                            .has_auth_time = true,
                                            .auth_time_s = 999900,
                                            .strength = AUTH_MFA,
                                            .actors = ACTORS,
                                            .actor_count = 2};
    static const struct principal WEAK = {.issuer = SLICE_INIT("i"), .subject = SLICE_INIT("s")};
    static const struct {
        const char *condition;
        bool strong, weak;
    } rows[] = {
        {"context.token.mfa", true, false},
        {"principal.authStrength == \"mfa\"", true, false},
        {"principal.authStrength == \"none\"", false, true},
        {"principal.actorKind == \"agent\"", true, false},
        {"principal.actorKind == \"user\"", false, true},
        {"context.token.amr.contains(\"mfa\")", true, false},
        {"context.token.amr.isEmpty()", false, true},
        {"context.token.acrs.contains(\"pwd\")", true, false},
        {"context.token has acr && context.token.acr == \"gold\"", true, false},
        {"context.token.acr != \"gold\"", false, false}, /* absent: an error, and no permit */
        {"context.token has authTime && context.time.now.durationSince(context.token.authTime) < "
         "duration(\"101s\")",
         true, false},
        {"context.time.now.durationSince(context.token.authTime) < duration(\"100s\")", false,
         false},
        {"context.token has actor && context.token.actor == \"gateway\"", true, false},
        {"context.token.actors.contains(\"desktop\")", true, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char policy[512];
        (void)snprintf(policy, sizeof(policy), "permit(principal, action, resource) when { %s };",
                       rows[i].condition);
        /* Lists do not know the time, so they may show what is denied in the end. */
        bool has_time = strstr(rows[i].condition, "time.now") != NULL;
        struct stage stage;
        struct policy_answer answer;
        set_up(&stage, policy, "{}");
        stage.question.principal = &STRONG;
        (void)!policy_decide(&stage.question, &stage.scratch, &stage.arena, &answer);
        CHECK_ROW(policy, answer.is_allowed == rows[i].strong);
        tear_down(&stage);
        CHECK_ROW(policy, has_time || allows_caller(policy, &WEAK) == rows[i].weak);
    }
}

/* Unknown groups are not "no groups": whatever reads them does not allow. */
TEST(decide_denies_where_groups_are_read_and_not_known)
{
    static const struct principal LEFT_OUT = {
        .issuer = SLICE_INIT("i"), .subject = SLICE_INIT("s"), .are_groups_unknown = true};
    static const struct principal NONE = {.issuer = SLICE_INIT("i"), .subject = SLICE_INIT("s")};
    static const struct {
        const char *policies;
        bool left_out, none;
    } rows[] = {
        {PERMIT, true, true},
        {FORBID_IF("principal.groups.contains(\"x\")"), false, true},
        {FORBID_IF("principal has groups && principal.groups.contains(\"x\")"), false, true},
        {PERMIT_IF("!principal.groups.contains(\"x\")"), false, true},
        {PERMIT_IF("principal.groups.isEmpty()"), false, true},
        {PERMIT "forbid(principal in Aegis::Group::\"x\", action, resource);", false, true},
        {PERMIT "forbid(principal is Aegis::User in Aegis::Group::\"x\", action, resource);", false,
         true},
        {FORBID_IF("principal in Aegis::Group::\"x\""), false, true},
        {FORBID_IF("principal in [Aegis::Role::\"r\", Aegis::Group::\"x\"]"), false, true},
        {FORBID_IF("principal in (if context.network.tls then Aegis::Role::\"r\" else "
                   "Aegis::Group::\"x\")"),
         false, true},
        {FORBID_IF("(if true then principal else principal) in {a: [Aegis::Group::\"x\"]}.a"),
         false, true},
        {PERMIT_IF("!(principal in Aegis::Group::\"x\")"), false, true},
        {FORBID_IF("principal in Aegis::Role::\"x\""), true, true},
        {FORBID_IF("principal.roles.contains(\"Aegis::Group\")"), true, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].policies, allows_caller(rows[i].policies, &LEFT_OUT) == rows[i].left_out);
        CHECK_ROW(rows[i].policies, allows_caller(rows[i].policies, &NONE) == rows[i].none);
    }
}

/* A forbid on an argument must stop every value it cannot read, and no permit may fire on one. */
TEST(decide_fails_closed_on_every_odd_value)
{
    static const char *const ODD[] = {
        "{\"amount\":1e30,\"count\":1e30}",
        "{\"amount\":0.00001,\"count\":1000.5}",
        "{\"amount\":\"5000\",\"count\":\"5000\"}",
        "{\"amount\":null,\"count\":null}",
        "{\"amount\":[5000],\"count\":{\"n\":1}}",
        "{\"amount\":true,\"count\":false}",
        ("{\"amount\":{\"__extn\":{\"fn\":\"decimal\",\"arg\":\"1.0\"}},"
         "\"count\":{\"__entity\":{\"type\":\"A\",\"id\":\"b\"}}}"),
        "{\"am\\u006funt\":9223372036854775808,\"c\\u006funt\":9223372036854775808}",
        "{\"amount\":-1e400,\"count\":-1e400}",
    };
    for (size_t i = 0; i < COUNT_OF(ODD); i++) {
        CHECK_ROW(ODD[i], !allows(FORBID_IF("context.arguments.count > 1000"), ODD[i]));
        CHECK_ROW(ODD[i], !allows(FORBID_IF("context.arguments.amount.greaterThan("
                                            "decimal(\"1000.0\"))"),
                                  ODD[i]));
        CHECK_ROW(ODD[i], !allows(FORBID_IF("context.arguments.amount > 1000"), ODD[i]));
        CHECK_ROW(ODD[i], !allows(PERMIT_IF("context.arguments.count <= 1000"), ODD[i]));
        CHECK_ROW(ODD[i], !allows(PERMIT_IF("!(context.arguments.count > 1000)"), ODD[i]));
        CHECK_ROW(ODD[i], !allows(PERMIT_IF("context.arguments.amount != 7"), ODD[i]));
        CHECK_ROW(ODD[i], allows(PERMIT_IF("context.arguments has count"), ODD[i]));
    }
}

/* The same amount under every way a schema may speak of it: what has no one type has no value. */
TEST(decide_fails_closed_under_every_schema)
{
    static const struct {
        const char *forbid, *permit, *arguments;
    } rows[] = {
#define LARGE(name) FORBID_IF("context.arguments." name " > 1000")
#define SMALL(name) PERMIT_IF("context.arguments." name " <= 1000")
#define LARGE_DECIMAL(name) FORBID_IF("context.arguments." name ".greaterThan(decimal(\"1000.0\"))")
#define SMALL_DECIMAL(name)                                                                        \
    PERMIT_IF("context.arguments." name ".lessThanOrEqual(decimal(\"1000.0\"))")
        {LARGE("count"), SMALL("count"), "{}"},
        {LARGE("count"), SMALL("count"), "{\"count\":1000.5}"},
        {LARGE("count"), SMALL("count"), "{\"count\":1000.00000001}"},
        {LARGE("count"), SMALL("count"), "{\"count\":999.5}"},
        {LARGE("count"), SMALL("count"), "{\"count\":[1]}"},
        {LARGE("count"), SMALL("count"), "{\"Count\":1}"},
        {LARGE_DECIMAL("amount"), SMALL_DECIMAL("amount"), "{\"amount\":999.99999}"},
        {LARGE_DECIMAL("amount"), SMALL_DECIMAL("amount"), "{\"amount\":1000.00000001}"},
        {LARGE_DECIMAL("amount"), SMALL_DECIMAL("amount"), "{\"amount\":1e-30}"},
        {LARGE_DECIMAL("maybe"), SMALL_DECIMAL("maybe"), "{\"maybe\":null}"},
        {LARGE_DECIMAL("maybe"), SMALL_DECIMAL("maybe"), "{\"maybe\":\"5\"}"},
        {LARGE_DECIMAL("maybe"), SMALL_DECIMAL("maybe"), "{\"maybe\":1000.5}"},
        {LARGE("either"), SMALL("either"), "{\"either\":5}"},
        {LARGE("either"), SMALL("either"), "{\"either\":\"5\"}"},
        {LARGE("any"), SMALL("any"), "{\"any\":5}"},
        {LARGE("deep.n"), SMALL("deep.n"), "{\"deep\":5}"},
        {LARGE("deep.n"), SMALL("deep.n"), "{\"deep\":{}}"},
        {LARGE("deep.n"), SMALL("deep.n"), "{\"deep\":{\"n\":null}}"},
        {LARGE("deep.n"), SMALL("deep.n"), "{\"deep\":{\"__extn\":{\"fn\":\"decimal\"}}}"},
        {FORBID_IF("context.arguments.rates.contains(5000)"),
         PERMIT_IF("!(context.arguments.rates.contains(5000))"), "{\"rates\":[1e30]}"},
        {FORBID_IF("context.arguments.rates.contains(5000)"),
         PERMIT_IF("!(context.arguments.rates.contains(5000))"), "{\"rates\":[null,5]}"},
        {FORBID_IF("context.arguments.rates.contains(5000)"),
         PERMIT_IF("!(context.arguments.rates.contains(5000))"), "{\"rates\":5}"},
#undef LARGE
#undef SMALL
#undef LARGE_DECIMAL
#undef SMALL_DECIMAL
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].arguments, !allows(rows[i].forbid, rows[i].arguments));
        CHECK_ROW(rows[i].arguments, !allows(rows[i].permit, rows[i].arguments));
    }
}

TEST(decide_reads_typed_arguments)
{
    static const struct {
        const char *policies, *arguments;
        bool allowed;
    } rows[] = {
        {PERMIT_IF("context.arguments.count == 10"), "{\"count\":1e1}", true},
        {PERMIT_IF("context.arguments.count == 10"), "{\"count\":10.0}", true},
        {PERMIT_IF("context.arguments.amount == decimal(\"12.5\")"), "{\"amount\":12.5000}", true},
        {PERMIT_IF("context.arguments.count == 1000"), "{\"count\":1e3}", true},
        {PERMIT_IF("context.arguments.count == 0"), "{\"count\":-0}", true},
        {PERMIT_IF("context.arguments.maybe == decimal(\"0.5\")"), "{\"maybe\":0.5}", true},
        {PERMIT_IF("context.arguments.rates.contains(5000)"), "{\"rates\":[5e3]}", true},
        {PERMIT_IF("context.arguments.amount == 12"), "{\"amount\":12}", false},
        {PERMIT_IF("context.arguments.to like \"/shared/*\""), "{\"to\":\"/shared/x\"}", true},
        {PERMIT_IF("context.arguments.to like \"/shared/*\""), "{\"to\":\"\\u002fshared/x\"}",
         true},
        {PERMIT_IF("context.arguments.tags.contains(\"b\")"), "{\"tags\":[\"a\",\"b\"]}", true},
        {PERMIT_IF("[\"a\",\"b\"].containsAll(context.arguments.tags)"), "{\"tags\":[\"a\",\"z\"]}",
         false},
        {PERMIT_IF("context.arguments.deep.n == 3"), "{\"deep\":{\"n\":3}}", true},
        {PERMIT_IF("context.arguments.deep has m"), "{\"deep\":{\"n\":3}}", false},
        {PERMIT_IF("context.arguments.note == \"x\""), "{\"note\":\"x\"}", true},
        {PERMIT_IF("context.arguments.note != \"x\""), "{\"note\":null}", false},
        {PERMIT_IF("context.arguments.any == \"x\""), "{\"any\":\"x\"}", false},
        {FORBID_IF("context.arguments.any == \"y\""), "{\"any\":\"x\"}", false},
        {FORBID_IF("context.arguments has undeclared && context.arguments.undeclared == 1"),
         "{\"undeclared\":1}", false},
        {FORBID_IF("context.arguments has undeclared"), "{}", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].policies, allows(rows[i].policies, rows[i].arguments) == rows[i].allowed);
    }
}

TEST(decide_lists_by_three_valued_evaluation)
{
    static const struct {
        const char *policies;
        bool listed;
    } rows[] = {
        {"", false},
        {PERMIT, true},
        {PERMIT_IF("context.arguments.count == 10"), true},
        {PERMIT_IF("context.time.hour == 3"), true},
        {PERMIT_IF("context.session.calls < 0"), true},
        {FORBID_IF("context.session.calls >= 0"), true},
        {FORBID_IF("context.arguments.count > 1000"), true},
        {FORBID_IF("context.target == \"bank.pay\""), false},
        {FORBID_IF("principal.nothing"), false},
        {PERMIT_IF("context.target == \"bank.refund\" && context.arguments.count == 1"), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct stage stage;
        set_up(&stage, rows[i].policies, "{}");
        stage.question.arguments_unknown = true;
        CHECK_ROW(rows[i].policies,
                  policy_may_ever_allow(&stage.question, &stage.scratch) == rows[i].listed);
        tear_down(&stage);
    }
}

TEST(decide_knows_what_the_caller_has_done)
{
    static const struct slice LABELS[USAGE_LABELS_MAX] = {
        SLICE_INIT("secret"), SLICE_INIT("people"), [USAGE_LABELS_MAX - 1] = SLICE_INIT("last")};
    static const struct usage USAGE = {.calls = 7,
                                       .target_calls = 2,
                                       .age_ms = 61999,
                                       .labels = LABELS,
                                       .label_bits = (uint64_t)1 << 63 | 1};
    static const struct {
        const char *policies;
        bool is_allowed, is_allowed_unknown; /* when nobody counts */
    } rows[] = {
        {PERMIT_IF("context.session.calls == 7"), true, false},
        {PERMIT_IF("context.session.calls < 7"), false, false},
        {PERMIT_IF("context.session.targetCalls == 2"), true, false},
        {PERMIT_IF("context.session.ageSeconds == 61"), true, false},
        {PERMIT_IF("context.session.labels == [\"secret\", \"last\"]"), true, false},
        {PERMIT_IF("context.session.labels.contains(\"people\")"), false, false},
        {FORBID_IF("context.session.labels.contains(\"secret\")"), false, false},
        {FORBID_IF("context.session.labels.contains(\"people\")"), true, false},
        {FORBID_IF("context.session.calls > 100"), true, false},
        {PERMIT_IF("context has session"), true, false},
        {PERMIT_IF("context.session has elapsed"), false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int is_known = 0; is_known < 2; is_known++) {
            struct stage stage;
            struct policy_answer answer;
            set_up(&stage, rows[i].policies, "{}");
            stage.question.usage = is_known != 0 ? &USAGE : NULL;
            CHECK(policy_decide(&stage.question, &stage.scratch, &stage.arena, &answer) ==
                  STATUS_OK);
            CHECK_ROW(rows[i].policies,
                      answer.is_allowed ==
                          (is_known != 0 ? rows[i].is_allowed : rows[i].is_allowed_unknown));
            tear_down(&stage);
        }
    }
}

TEST(decide_names_policies_and_reason)
{
    struct stage stage;
    struct policy_answer answer;
    set_up(&stage,
           "@id(\"a\") permit(principal, action, resource);"
           "@id(\"b\") forbid(principal, action, resource) when { false };"
           "@id(\"c\") @reason(\"not on Sundays\") forbid(principal, action, resource);",
           "{}");
    CHECK(policy_decide(&stage.question, &stage.scratch, &stage.arena, &answer) == STATUS_OK);
    CHECK(!answer.is_allowed && answer.policy_count == 1);
    CHECK(slice_eq(answer.policies[0], SLICE("c")));
    CHECK(slice_eq(answer.reason, SLICE("not on Sundays")));
    stage.question.policies = NULL;
    CHECK(policy_decide(&stage.question, &stage.scratch, &stage.arena, &answer) != STATUS_OK &&
          !answer.is_allowed);
    CHECK(!policy_may_ever_allow(&stage.question, &stage.scratch));
    tear_down(&stage);
}

/* -- resources ------------------------------------------------------------------------------ */

static bool may_read(const char *policies, struct slice uri, enum status *status)
{
    struct stage stage;
    struct policy_answer answer;
    set_up(&stage, policies, "{}");
    stage.question.method = SLICE("resources/read");
    stage.question.primitive = MCP_RESOURCE;
    stage.question.name = uri;
    stage.question.definition = (struct json_place){NULL, JSON_NONE};
    *status = policy_decide(&stage.question, &stage.scratch, &stage.arena, &answer);
    stage.question.arguments_unknown = true;
    CHECK_ROW(policies,
              !answer.is_allowed || policy_may_ever_allow(&stage.question, &stage.scratch));
    tear_down(&stage);
    return answer.is_allowed;
}

TEST(decide_judges_the_normal_address)
{
    static const struct {
        const char *policies, *uri;
        bool allowed;
    } rows[] = {
        {PERMIT, "file:///srv/a", true},
        {PERMIT, "file:///srv/../a", false},
        {PERMIT, "no address", false},
        {PERMIT, "", false},
        {PERMIT_IF("resource.uri == \"file:///srv/a\""), "FILE://localhost/srv/%61", true},
        {PERMIT_IF("resource.path == \"/srv/a b\""), "file:///srv/a%20b", true},
        {PERMIT_IF("resource.path == \"/a\""), "https://docs.example/a?b#c", true},
        {PERMIT_IF("resource.host == \"docs.example\""), "https://DOCS.example:443/a", true},
        {PERMIT_IF("resource.host == \"docs.example\""), "https://docs.example:8443/a", false},
        {PERMIT_IF("resource has host"), "file:///a", false},
        {PERMIT_IF("resource.scheme == \"memo\" && context.target == \"memo://x\""), "MEMO://x",
         true},
        {"permit(principal, action, resource == Aegis::Resource::\"bank|file:///srv/a\");",
         "file:///srv/%61", true},
        {FORBID_IF("context.target like \"*/private/*\""), "https://docs.example/%70rivate/a",
         false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum status status = STATUS_OK;
        CHECK_ROW(rows[i].policies, may_read(rows[i].policies, slice_view_cstr(rows[i].uri),
                                             &status) == rows[i].allowed);
    }
}

#define CORPUS_TREES                                                                               \
    PERMIT_IF("resource.uri like \"file:///srv/project/*\" ||"                                     \
              "resource.uri like \"https://docs.example/public/*\"")

/* Links, loops and pipes are set up on the server's disk, which only the server can see. */
static bool is_on_disk(struct slice uri)
{
    static const struct slice PREFIXES[] = {SLICE_INIT("file:///srv/project/link-out/"),
                                            SLICE_INIT("file:///srv/project/loop/"),
                                            SLICE_INIT("file:///srv/project/fifo")};
    for (size_t i = 0; i < COUNT_OF(PREFIXES); i++) {
        if (slice_starts_with(uri, PREFIXES[i])) {
            return true;
        }
    }
    return false;
}

static void check_resource_case(const struct corpus_line *line, void *context)
{
    enum status status = STATUS_OK;
    struct slice uri = corpus_text(line, 0, context);
    bool is_allowed = may_read(CORPUS_TREES, uri, &status);
    bool expected = slice_eq(corpus_text(line, 0, "verdict"), SLICE("allow"));
    CHECK_ROW(line->id, is_allowed == (expected || is_on_disk(uri)));
}

TEST(corpus_own_resource_uris)
{
    (void)corpus_each_line("attack-data/own-resource-uris/cases.jsonl", check_resource_case, "uri");
    (void)corpus_each_line("attack-data/own-resource-uris/templates.jsonl", check_resource_case,
                           "expanded");
}
