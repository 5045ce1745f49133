#include "cedar/cedar.h"

#include "support/check.h"

#define TEST_ARENA_BYTES ((size_t)16 << 20)

static struct cedar_diagnostics diagnostics;

static const char POLICIES[] =
    "@id(\"plain\") permit(principal == User::\"ann\", action, resource);"
    "@id(\"both\") permit(principal == ?principal, action, resource in ?resource)"
    " when { context.n == 1 };"
    "@id(\"one\") @reason(\"r\") forbid(principal is User in ?principal, action, resource);";

static const struct cedar_uid ANN = {SLICE_INIT("User"), SLICE_INIT("ann")};
static const struct cedar_uid BOB = {SLICE_INIT("User"), SLICE_INIT("bob")};
static const struct cedar_uid FILE_A = {SLICE_INIT("File"), SLICE_INIT("a")};

static struct cedar_policy_set *parse(void)
{
    struct cedar_source source = {SLICE("t"), slice_view_cstr(POLICIES)};
    struct cedar_policy_set *set = NULL;
    CHECK(cedar_policy_set_parse(&source, 1, true, &set, &diagnostics) == STATUS_OK);
    return set;
}

static bool no_entity(const void *context, const struct cedar_uid *uid,
                      struct cedar_entity_data *out)
{
    (void)context;
    (void)uid;
    (void)out;
    return false;
}

/* The id of the one deciding policy, and its decision. */
static struct slice decide(const struct cedar_policy_set *set, const struct cedar_uid *principal,
                           enum cedar_decision *decision)
{
    static const struct cedar_entities NO_ENTITIES = {.find = no_entity};
    static const struct cedar_field FIELDS[] = {
        {SLICE_INIT("n"), {.kind = CEDAR_LONG, .as.number = 1}}};
    static const struct cedar_list LIST = {FIELDS, 1};
    struct cedar_request request = {.principal = *principal,
                                    .action = {SLICE("Action"), SLICE("view")},
                                    .resource = FILE_A,
                                    .context = cedar_record(&LIST),
                                    .entities = &NO_ENTITIES};
    struct cedar_response response;
    struct arena arena;
    struct slice id = SLICE_EMPTY;
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    CHECK(cedar_authorize(set, &request, NULL, &arena, &response) == STATUS_OK);
    *decision = response.decision;
    if (response.reason_count == 1) {
        id = cedar_policy_get(set, response.reasons[0]).id;
    }
    arena_release(&arena);
    return id;
}

TEST(cedar_links_decide_as_their_template_with_values)
{
    static const struct cedar_link LINKS[] = {
        {SLICE_INIT("both"), SLICE_INIT("bob reads"), &BOB, &FILE_A},
        {SLICE_INIT("one"), SLICE_INIT("no ann"), &ANN, NULL}};
    struct cedar_policy_set *set = parse();
    struct cedar_policy_set *linked = NULL;
    struct cedar_policy_set *fewer = NULL;
    static const struct slice GONE[] = {SLICE_INIT("no ann"), SLICE_INIT("one")};
    enum cedar_decision decision = CEDAR_DENY;
    struct slice reason = SLICE_EMPTY;
    size_t index = 0;
    CHECK(slice_eq(decide(set, &ANN, &decision), SLICE("plain")) && decision == CEDAR_ALLOW);
    CHECK(decide(set, &BOB, &decision).len == 0 && decision == CEDAR_DENY);
    CHECK(cedar_policy_set_link(set, LINKS, 2, &linked, NULL) == STATUS_OK);
    CHECK(cedar_policy_count(set) == 3 && cedar_policy_count(linked) == 5);
    cedar_policy_set_free(set);
    CHECK(slice_eq(decide(linked, &BOB, &decision), SLICE("bob reads")) && decision == CEDAR_ALLOW);
    CHECK(slice_eq(decide(linked, &ANN, &decision), SLICE("no ann")) && decision == CEDAR_DENY);
    CHECK(cedar_policy_find(linked, SLICE("no ann"), &index));
    CHECK(cedar_policy_annotation(linked, index, SLICE("reason"), &reason));
    CHECK(cedar_policy_get(linked, index).is_link && !cedar_policy_get(linked, index).is_template);
    CHECK(slice_eq(cedar_policy_get(linked, index).template_id, SLICE("one")));
    CHECK(cedar_policy_set_remove(linked, GONE, 2, &fewer, NULL) == STATUS_OK);
    cedar_policy_set_free(linked);
    CHECK(cedar_policy_count(fewer) == 3);
    CHECK(slice_eq(decide(fewer, &ANN, &decision), SLICE("plain")) && decision == CEDAR_ALLOW);
    CHECK(slice_eq(decide(fewer, &BOB, &decision), SLICE("bob reads")));
    cedar_policy_set_free(fewer);
}

TEST(cedar_links_that_are_refused)
{
    static const struct {
        const char *name;
        struct cedar_link link;
        const char *code;
    } rows[] = {
        {"no such template",
         {SLICE_INIT("none"), SLICE_INIT("x"), &ANN, NULL},
         "cedar.no_template"},
        {"not a template", {SLICE_INIT("plain"), SLICE_INIT("x"), NULL, NULL}, "cedar.no_template"},
        {"a link is no template",
         {SLICE_INIT("first"), SLICE_INIT("x"), &ANN, NULL},
         "cedar.no_template"},
        {"id of a policy", {SLICE_INIT("one"), SLICE_INIT("plain"), &ANN, NULL}, "cedar.id_taken"},
        {"id of a template", {SLICE_INIT("one"), SLICE_INIT("one"), &ANN, NULL}, "cedar.id_taken"},
        {"id of a link", {SLICE_INIT("one"), SLICE_INIT("first"), &ANN, NULL}, "cedar.id_taken"},
        {"a slot without value",
         {SLICE_INIT("both"), SLICE_INIT("x"), &ANN, NULL},
         "cedar.slot_missing"},
        {"the other slot",
         {SLICE_INIT("both"), SLICE_INIT("x"), NULL, &FILE_A},
         "cedar.slot_missing"},
        {"a value without slot",
         {SLICE_INIT("one"), SLICE_INIT("x"), &ANN, &FILE_A},
         "cedar.slot_unknown"},
        {"right", {SLICE_INIT("one"), SLICE_INIT("x"), &ANN, NULL}, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cedar_link links[] = {{SLICE("one"), SLICE("first"), &BOB, NULL}, rows[i].link};
        struct cedar_policy_set *set = parse();
        struct cedar_policy_set *linked = NULL;
        struct diag diag = {0};
        enum status status = cedar_policy_set_link(set, links, 2, &linked, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
        cedar_policy_set_free(set);
        if (status == STATUS_OK) {
            cedar_policy_set_free(linked);
        }
    }
}

TEST(cedar_removals_that_are_refused)
{
    static const struct cedar_link LINK = {SLICE_INIT("one"), SLICE_INIT("l"), &ANN, NULL};
    static const struct slice TEMPLATE[] = {SLICE_INIT("one")};
    static const struct slice ABSENT[] = {SLICE_INIT("plain"), SLICE_INIT("none")};
    struct cedar_policy_set *set = parse();
    struct cedar_policy_set *linked = NULL;
    struct cedar_policy_set *fewer = NULL;
    struct diag diag = {0};
    CHECK(cedar_policy_set_link(set, &LINK, 1, &linked, NULL) == STATUS_OK);
    CHECK(cedar_policy_set_remove(linked, TEMPLATE, 1, &fewer, &diag) == STATUS_CONFLICT);
    CHECK(str_eq(diag.code, "cedar.template_linked"));
    CHECK(cedar_policy_set_remove(linked, ABSENT, 2, &fewer, &diag) == STATUS_NOT_FOUND);
    CHECK(str_eq(diag.code, "cedar.no_policy"));
    CHECK(cedar_policy_set_remove(set, TEMPLATE, 1, &fewer, &diag) == STATUS_OK);
    cedar_policy_set_free(fewer);
    cedar_policy_set_free(linked);
    cedar_policy_set_free(set);
}
