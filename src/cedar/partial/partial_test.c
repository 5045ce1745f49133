/* Partial evaluation: what each operator leaves, what is refused, and what the queries say. */
#include "support/check.h"

#include "cedar/cedar.h"

#define ARENA_BYTES ((size_t)16 << 20)
#define TEXT_BYTES ((size_t)1 << 20)

#define SCHEMA                                                                                     \
    "entity Group; entity Kind enum [\"a\", \"b\"];"                                               \
    "entity User in [Group] {name: String, age: Long, boss?: User, inner: {x?: Long}} tags Long;"  \
    "entity File in [Group] {isPublic: Bool, owner: User, size: Long, at: datetime, ip: ipaddr};"  \
    "action all; action read, write in all appliesTo {principal: User, resource: File,"            \
    " context: {mfa: Bool, n?: Long}};"                                                            \
    "action see appliesTo {principal: User, resource: Kind};"

static struct cedar_diagnostics diagnostics;

struct world {
    struct arena arena;
    struct cedar_schema *schema;
    struct cedar_policy_set *set;
    struct cedar_partial_request request;
    struct cedar_partial_query query;
};

static struct cedar_policy_set *policies_of(const char *text)
{
    struct cedar_source source = {SLICE("policies"), slice_view_cstr(text)};
    struct cedar_policy_set *set = NULL;
    CHECK_ROW(text, cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK);
    return set;
}

static struct cedar_uid uid(const char *type, const char *id)
{
    return (struct cedar_uid){slice_view_cstr(type), slice_view_cstr(id)};
}

/* User::"alice" wants to read some File; neither context nor entities are known. */
static void open_world(struct world *w, const char *policies)
{
    struct cedar_schema_source source = {{SLICE("schema"), SLICE(SCHEMA)}, CEDAR_FORM_TEXT};
    *w = (struct world){.set = policies_of(policies)};
    arena_init(&w->arena, ARENA_BYTES, NULL);
    CHECK(cedar_schema_parse(&source, 1, &w->schema, &diagnostics, NULL) == STATUS_OK);
    w->request = (struct cedar_partial_request){.principal = uid("User", "alice"),
                                                .action = uid("Action", "read"),
                                                .resource = uid("File", ""),
                                                .has_principal = true,
                                                .context = {.kind = CEDAR_UNKNOWN}};
    w->query = (struct cedar_partial_query){w->set, w->schema, &w->request};
}

static void close_world(struct world *w)
{
    cedar_policy_set_free(w->set);
    cedar_schema_free(w->schema);
    arena_release(&w->arena);
}

/* -- residuals ----------------------------------------------------------------------------- */

#define SCOPE "(principal == User::\"alice\", action == Action::\"read\", resource is File)"

/* Alice is known but for what she is in beside Group::"g"; Bob does not exist; Group::"g" is in
 * nothing. */
static void know_alice(struct world *w, struct cedar_partial_entity entities[3])
{
    static const struct cedar_list NOTHING = {NULL, 0};
    static struct cedar_field attributes[3];
    static struct cedar_field tags[1];
    static struct cedar_list lists[2] = {{attributes, 3}, {tags, 1}};
    static struct cedar_uid group;
    group = uid("Group", "g");
    attributes[0] = (struct cedar_field){SLICE("name"), cedar_string(SLICE("Alice"))};
    attributes[1] = (struct cedar_field){SLICE("age"), cedar_long(INT64_MAX)};
    attributes[2] = (struct cedar_field){SLICE("inner"), cedar_record(&NOTHING)};
    tags[0] = (struct cedar_field){SLICE("t"), cedar_long(7)};
    entities[0] = (struct cedar_partial_entity){
        .uid = uid("User", "alice"),
        .data = {cedar_record(&lists[0]), cedar_record(&lists[1]), &group, 1}};
    entities[1] = (struct cedar_partial_entity){.uid = uid("User", "bob"), .is_absent = true};
    entities[2] = (struct cedar_partial_entity){.uid = group, .has_ancestors = true};
    w->request.entities = entities;
    w->request.entity_count = 3;
}

/* The one policy that is left, as text; empty when it is false. */
static void print_residual(const struct world *w, const struct cedar_partial_response *response,
                           struct buf *out)
{
    struct cedar_policy_set *left = NULL;
    if (response->outcomes == NULL) {
        return;
    }
    CHECK(cedar_partial_policies(w->set, response, &left) == STATUS_OK);
    if (left != NULL) {
        CHECK(cedar_policy_set_to_text(left, out) == STATUS_OK);
        cedar_policy_set_free(left);
    }
}

/* "permit(principal, action, resource) when { condition };", and its end. */
static void write_policy(struct buf *out, const char *scope, const char *condition)
{
    buf_init(out, TEXT_BYTES, NULL);
    buf_append(out, SLICE("permit"));
    buf_append(out, slice_view_cstr(scope));
    if (condition != NULL) {
        buf_append(out, SLICE(" when { "));
        buf_append(out, slice_view_cstr(condition));
        buf_append(out, SLICE(" }"));
    }
    buf_append(out, SLICE(";"));
    buf_append_byte(out, 0);
}

static void check_residual(const char *condition, enum cedar_partial_outcome outcome,
                           const char *expected)
{
    struct world w;
    struct buf policy;
    struct buf left;
    struct buf wanted;
    struct cedar_partial_entity entities[3];
    struct cedar_partial_response response;
    struct diag diag = {0};
    write_policy(&policy, "(principal, action, resource)", condition);
    write_policy(&wanted, SCOPE, expected);
    buf_init(&left, TEXT_BYTES, NULL);
    open_world(&w, (const char *)policy.ptr);
    know_alice(&w, entities);
    CHECK_ROW(condition,
              cedar_partially_authorize(&w.query, &w.arena, &response, &diag) == STATUS_OK);
    CHECK_ROW(condition, response.outcomes != NULL && response.outcomes[0] == outcome);
    print_residual(&w, &response, &left);
    buf_append_byte(&left, 0);
    CHECK_ROW(condition, str_eq((const char *)left.ptr,
                                outcome == CEDAR_PARTIAL_FALSE ? "" : (const char *)wanted.ptr));
    buf_release(&policy);
    buf_release(&left);
    buf_release(&wanted);
    close_world(&w);
}

TEST(partial_residuals)
{
    static const struct {
        const char *condition;
        enum cedar_partial_outcome outcome;
        const char *left; /* condition; NULL: none, or the policy is false */
    } rows[] = {
        {"true", CEDAR_PARTIAL_TRUE, NULL},
        {"false", CEDAR_PARTIAL_FALSE, NULL},
        /* variables */
        {"principal == User::\"alice\"", CEDAR_PARTIAL_TRUE, NULL},
        {"principal == User::\"bob\"", CEDAR_PARTIAL_FALSE, NULL},
        {"resource == File::\"f\"", CEDAR_PARTIAL_RESIDUAL, "resource == File::\"f\""},
        {"action == Action::\"write\"", CEDAR_PARTIAL_FALSE, NULL},
        {"action in Action::\"all\"", CEDAR_PARTIAL_TRUE, NULL},
        {"resource is File", CEDAR_PARTIAL_TRUE, NULL},
        {"resource is User", CEDAR_PARTIAL_FALSE, NULL},
        {"resource in Group::\"g\"", CEDAR_PARTIAL_RESIDUAL, "resource in Group::\"g\""},
        {"resource in User::\"bob\"", CEDAR_PARTIAL_FALSE, NULL},
        {"context.mfa", CEDAR_PARTIAL_RESIDUAL, "context.mfa"},
        {"context has mfa", CEDAR_PARTIAL_TRUE, NULL},
        {"context has n && context.n > 1", CEDAR_PARTIAL_RESIDUAL,
         "(context has n) && (context.n > 1)"},
        /* what is known of entities */
        {"principal.name == \"Alice\"", CEDAR_PARTIAL_TRUE, NULL},
        {"principal has boss", CEDAR_PARTIAL_FALSE, NULL},
        {"principal.hasTag(\"t\") && principal.getTag(\"t\") == 7", CEDAR_PARTIAL_TRUE, NULL},
        {"principal.hasTag(\"u\")", CEDAR_PARTIAL_FALSE, NULL},
        {"principal in Group::\"g\"", CEDAR_PARTIAL_TRUE, NULL},
        {"principal in Group::\"h\"", CEDAR_PARTIAL_RESIDUAL, "User::\"alice\" in Group::\"h\""},
        {"principal in [Group::\"h\", Group::\"g\"]", CEDAR_PARTIAL_TRUE, NULL},
        {"Group::\"g\" in Group::\"h\"", CEDAR_PARTIAL_FALSE, NULL},
        {"Group::\"h\" in Group::\"h\"", CEDAR_PARTIAL_TRUE, NULL},
        {"User::\"bob\" has name", CEDAR_PARTIAL_FALSE, NULL},
        {"User::\"bob\".name == \"x\"", CEDAR_PARTIAL_ERROR, "User::\"bob\".name == \"x\""},
        {"User::\"carl\".name == \"x\"", CEDAR_PARTIAL_RESIDUAL, "User::\"carl\".name == \"x\""},
        {"User::\"carl\" has name", CEDAR_PARTIAL_RESIDUAL, "User::\"carl\" has name"},
        {"resource.owner == principal", CEDAR_PARTIAL_RESIDUAL,
         "resource.owner == User::\"alice\""},
        /* failures */
        {"principal.age + 1 > 0", CEDAR_PARTIAL_ERROR, "(9223372036854775807 + 1) > 0"},
        {"principal.age + 1 > resource.size", CEDAR_PARTIAL_ERROR,
         "(9223372036854775807 + 1) > resource.size"},
        {"principal.age + 1 > 0 && resource.isPublic", CEDAR_PARTIAL_ERROR,
         "(9223372036854775807 + 1) > 0"},
        {"resource.isPublic && principal.age + 1 > 0", CEDAR_PARTIAL_RESIDUAL,
         "resource.isPublic && ((9223372036854775807 + 1) > 0)"},
        {"if principal.age + 1 > 0 then context.mfa else false", CEDAR_PARTIAL_ERROR,
         "if (9223372036854775807 + 1) > 0 then context.mfa else false"},
        {"if context.mfa then principal.age + 1 > 0 else principal.age + 2 > 0",
         CEDAR_PARTIAL_ERROR,
         "if context.mfa then (9223372036854775807 + 1) > 0 else (9223372036854775807 + 2) > 0"},
        /* && and || */
        {"true && context.mfa", CEDAR_PARTIAL_RESIDUAL, "context.mfa"},
        {"context.mfa && true", CEDAR_PARTIAL_RESIDUAL, "context.mfa"},
        {"context.mfa && false", CEDAR_PARTIAL_FALSE, NULL},
        {"(if context.mfa then 1 + 1 else 0) == 2 && false", CEDAR_PARTIAL_FALSE, NULL},
        {"resource.isPublic && false", CEDAR_PARTIAL_RESIDUAL, "resource.isPublic && false"},
        {"false && resource.isPublic", CEDAR_PARTIAL_FALSE, NULL},
        {"resource has owner.boss && false", CEDAR_PARTIAL_FALSE, NULL},
        {"resource has owner.boss.name && false", CEDAR_PARTIAL_FALSE, NULL},
        {"resource has owner.unheard", CEDAR_PARTIAL_FALSE, NULL},
        {"resource.owner has boss && false", CEDAR_PARTIAL_RESIDUAL,
         "(resource.owner has boss) && false"},
        {"resource.owner has boss.name && false", CEDAR_PARTIAL_RESIDUAL,
         "(resource.owner has boss) && (resource.owner.boss has name) && false"},
        {"context.mfa || true", CEDAR_PARTIAL_TRUE, NULL},
        {"resource.isPublic || true", CEDAR_PARTIAL_RESIDUAL, "resource.isPublic || true"},
        {"false || resource.isPublic || false", CEDAR_PARTIAL_RESIDUAL, "resource.isPublic"},
        {"resource.isPublic && resource is User && principal.name == \"x\"", CEDAR_PARTIAL_RESIDUAL,
         "resource.isPublic && false"},
        {"context has n && context.n + 1 > 0 && false", CEDAR_PARTIAL_RESIDUAL,
         "(context has n) && ((context.n + 1) > 0) && false"},
        {"resource is User && resource.name == \"x\"", CEDAR_PARTIAL_FALSE, NULL},
        /* the rest */
        {"!context.mfa", CEDAR_PARTIAL_RESIDUAL, "!context.mfa"},
        {"principal != resource.owner", CEDAR_PARTIAL_RESIDUAL,
         "User::\"alice\" != resource.owner"},
        {"resource.size >= 2", CEDAR_PARTIAL_RESIDUAL, "resource.size >= 2"},
        {"-resource.size < 2 * 3", CEDAR_PARTIAL_RESIDUAL, "(-(resource.size)) < 6"},
        {"if principal has boss then context.mfa else resource.isPublic", CEDAR_PARTIAL_RESIDUAL,
         "resource.isPublic"},
        {"principal.name like \"A*\"", CEDAR_PARTIAL_TRUE, NULL},
        {"resource.owner.name like \"A\\*b*\"", CEDAR_PARTIAL_RESIDUAL,
         "resource.owner.name like \"A\\*b*\""},
        {"[principal, resource.owner].contains(User::\"b\")", CEDAR_PARTIAL_RESIDUAL,
         "[User::\"alice\", resource.owner].contains(User::\"b\")"},
        {"[1, 2].contains(resource.size)", CEDAR_PARTIAL_RESIDUAL,
         "[1, 2].contains(resource.size)"},
        {"[1, 2].contains(2) && {a: principal.name}.a == \"Alice\"", CEDAR_PARTIAL_TRUE, NULL},
        {"[principal.inner].contains(resource.owner.inner)", CEDAR_PARTIAL_RESIDUAL,
         "[{}].contains(resource.owner.inner)"},
        {"resource.ip.isInRange(ip(\"10.0.0.0/8\"))", CEDAR_PARTIAL_RESIDUAL,
         "resource.ip.isInRange(ip(\"10.0.0.0/8\"))"},
        {"resource.at < datetime(\"2020-01-01\").offset(duration(\"1d\"))", CEDAR_PARTIAL_RESIDUAL,
         "resource.at < datetime(\"1970-01-01\").offset(duration(\"1577923200000ms\"))"},
        {"resource.at.durationSince(datetime(\"2020-01-01\")) < "
         "datetime(\"2020-01-02\").durationSince(datetime(\"2020-01-01\"))",
         CEDAR_PARTIAL_RESIDUAL,
         "resource.at.durationSince(datetime(\"2020-01-01\")) < duration(\"86400000ms\")"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_residual(rows[i].condition, rows[i].outcome, rows[i].left);
    }
}

/* -- decisions ----------------------------------------------------------------------------- */

#define ALL "(principal, action, resource)"

TEST(partial_decisions)
{
    static const struct {
        const char *policies;
        enum cedar_partial_decision decision;
    } rows[] = {
        {"", CEDAR_PARTIAL_DENY},
        {"permit" ALL ";", CEDAR_PARTIAL_ALLOW},
        {"permit" ALL "; forbid" ALL ";", CEDAR_PARTIAL_DENY},
        {"permit" ALL " when {context.mfa};", CEDAR_PARTIAL_OPEN},
        {"permit" ALL "; permit" ALL " when {context.mfa};", CEDAR_PARTIAL_ALLOW},
        {"permit" ALL "; forbid" ALL " when {context.mfa};", CEDAR_PARTIAL_OPEN},
        {"permit" ALL " when {context.mfa}; forbid" ALL ";", CEDAR_PARTIAL_DENY},
        {"forbid" ALL " when {context.mfa};", CEDAR_PARTIAL_DENY},
        {"permit" ALL " when {9223372036854775807 + 1 > 0};", CEDAR_PARTIAL_DENY},
        {"permit" ALL "; forbid" ALL " when {9223372036854775807 + 1 > 0};", CEDAR_PARTIAL_ALLOW},
        {"permit" ALL " when {context.mfa && principal == User::\"bob\"};", CEDAR_PARTIAL_DENY},
        {"permit(principal == ?principal, action, resource);", CEDAR_PARTIAL_DENY},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world w;
        struct cedar_partial_response response;
        open_world(&w, rows[i].policies);
        CHECK_ROW(rows[i].policies,
                  cedar_partially_authorize(&w.query, &w.arena, &response, NULL) == STATUS_OK);
        CHECK_ROW(rows[i].policies, response.decision == rows[i].decision);
        close_world(&w);
    }
}

/* A link's values stand in its residual; its template is in no residual set. */
TEST(partial_links)
{
    static const char *const IDS[] = {"alice", "bob"};
    struct world w;
    struct cedar_partial_response response;
    struct buf left;
    struct cedar_policy_set *templates =
        policies_of("@a(\"b\") permit(principal == ?principal, action, resource in ?resource);");
    struct cedar_uid principals[2] = {uid("User", IDS[0]), uid("User", IDS[1])};
    struct cedar_uid folder = uid("Group", "g");
    struct cedar_link links[2] = {{SLICE("policy0"), SLICE("l0"), &principals[0], &folder},
                                  {SLICE("policy0"), SLICE("l1"), &principals[1], &folder}};
    open_world(&w, "");
    cedar_policy_set_free(w.set);
    CHECK(cedar_policy_set_link(templates, links, 2, &w.set, NULL) == STATUS_OK);
    w.query.set = w.set;
    buf_init(&left, TEXT_BYTES, NULL);
    CHECK(cedar_partially_authorize(&w.query, &w.arena, &response, NULL) == STATUS_OK);
    CHECK(response.decision == CEDAR_PARTIAL_OPEN);
    CHECK(response.outcomes[0] == CEDAR_PARTIAL_FALSE);
    CHECK(response.outcomes[1] == CEDAR_PARTIAL_RESIDUAL);
    CHECK(response.outcomes[2] == CEDAR_PARTIAL_FALSE);
    print_residual(&w, &response, &left);
    CHECK(slice_eq(buf_view(&left),
                   SLICE("@a(\"b\")\npermit" SCOPE " when { resource in Group::\"g\" };")));
    buf_release(&left);
    cedar_policy_set_free(templates);
    close_world(&w);
}

/* -- refusals ------------------------------------------------------------------------------ */

static void check_refusal(const char *name, struct world *w, const char *code)
{
    struct cedar_partial_response response = {.decision = CEDAR_PARTIAL_ALLOW};
    struct diag diag = {0};
    CHECK_ROW(name,
              cedar_partially_authorize(&w->query, &w->arena, &response, &diag) == STATUS_INVALID);
    CHECK_ROW(name, str_eq(diag.code, code));
    CHECK_ROW(name, response.decision == CEDAR_PARTIAL_DENY && response.outcomes == NULL);
    close_world(w);
}

TEST(partial_requests_refused)
{
    static const struct {
        const char *name, *principal, *action, *resource, *resource_id, *code;
    } rows[] = {
        {"principal's type", "Person", "read", "File", NULL, "cedar.principal"},
        {"principal of another type", "Group", "read", "File", NULL, "cedar.principal"},
        {"resource's type", "User", "read", "Fil", NULL, "cedar.resource"},
        {"resource of another type", "User", "read", "Kind", NULL, "cedar.resource"},
        {"action", "User", "reed", "File", NULL, "cedar.action"},
        {"group of actions", "User", "all", "File", NULL, "cedar.principal"},
        {"id of an enumerated type", "User", "see", "Kind", "c", "cedar.resource"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world w;
        open_world(&w, "permit" ALL ";");
        w.request.principal = uid(rows[i].principal, "x");
        w.request.action = uid("Action", rows[i].action);
        w.request.resource = uid(rows[i].resource, "");
        if (rows[i].resource_id != NULL) {
            w.request.resource.id = slice_view_cstr(rows[i].resource_id);
            w.request.has_resource = true;
        }
        check_refusal(rows[i].name, &w, rows[i].code);
    }
}

TEST(partial_contexts_entities_and_policies_refused)
{
    static const struct cedar_list NOTHING = {NULL, 0};
    static const struct cedar_field LONG = {SLICE_INIT("t"), {.kind = CEDAR_STRING}};
    static const struct cedar_list TAGS = {&LONG, 1};
    struct cedar_uid parent = uid("User", "x");
    struct cedar_value unknown = {.kind = CEDAR_UNKNOWN};
    struct {
        const char *name;
        struct cedar_partial_entity entity;
    } rows[] = {
        {"undeclared type", {.uid = uid("Person", "x"), .data = {unknown, unknown, NULL, 0}}},
        {"undeclared action", {.uid = uid("Action", "x"), .data = {unknown, unknown, NULL, 0}}},
        {"id of an enumerated type", {.uid = uid("Kind", "c"), .is_absent = true}},
        {"attributes missing", {.uid = uid("User", "x"), .data = {.tags = unknown}}},
        {"tags of another type",
         {.uid = uid("User", "x"), .data = {unknown, cedar_record(&TAGS), NULL, 0}}},
        {"ancestor of another type",
         {.uid = uid("User", "y"), .data = {unknown, unknown, &parent, 1}}},
    };
    struct world w;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        open_world(&w, "permit" ALL ";");
        w.request.entities = &rows[i].entity;
        w.request.entity_count = 1;
        check_refusal(rows[i].name, &w, "cedar.entity");
    }
    struct cedar_partial_entity twice[2] = {{.uid = uid("User", "x"), .is_absent = true},
                                            {.uid = uid("User", "x"), .is_absent = true}};
    open_world(&w, "permit" ALL ";");
    w.request.entities = twice;
    w.request.entity_count = 2;
    check_refusal("given twice", &w, "cedar.entity");
    open_world(&w, "permit" ALL ";");
    w.request.context = cedar_record(&NOTHING);
    check_refusal("context", &w, "cedar.context");
    open_world(&w, "permit" ALL "; permit" ALL " when {principal.nmae == \"x\"};");
    check_refusal("a policy with a type error", &w, "cedar.policy");
    open_world(&w, "permit" ALL " when {[].contains(1)};");
    check_refusal("a policy that is not strict", &w, "cedar.policy");
}

/* -- queries ------------------------------------------------------------------------------- */

TEST(partial_queries)
{
    static const struct slice IDS[] = {SLICE_INIT("a"), SLICE_INIT("b"), SLICE_INIT("c")};
    enum cedar_partial_decision decisions[COUNT_OF(IDS)];
    const struct cedar_partial_action *actions = NULL;
    size_t count = 9;
    struct diag diag = {0};
    struct world w;
    open_world(&w, "permit(principal, action == Action::\"read\", resource == File::\"a\");"
                   "permit(principal, action == Action::\"write\", resource) when {context.mfa};"
                   "permit(principal, action in Action::\"all\", resource == File::\"b\") when "
                   "{resource.isPublic};"
                   "permit(principal, action == Action::\"see\", resource == Kind::\"a\");");
    CHECK(cedar_partial_resources(&w.query, IDS, COUNT_OF(IDS), &w.arena, decisions, &diag) ==
          STATUS_OK);
    CHECK(decisions[0] == CEDAR_PARTIAL_ALLOW);
    CHECK(decisions[1] == CEDAR_PARTIAL_OPEN);
    CHECK(decisions[2] == CEDAR_PARTIAL_DENY);
    CHECK(cedar_partial_actions(&w.query, &w.arena, &actions, &count, &diag) == STATUS_OK);
    CHECK(count == 2);
    w.request.resource.id = SLICE("a");
    w.request.has_resource = true;
    CHECK(cedar_partial_actions(&w.query, &w.arena, &actions, &count, &diag) == STATUS_OK);
    CHECK(count == 2 && slice_eq(actions[0].uid.id, SLICE("read")) &&
          actions[0].decision == CEDAR_PARTIAL_ALLOW && actions[1].decision == CEDAR_PARTIAL_OPEN);
    w.request.action = uid("Action", "see");
    w.request.resource = uid("Kind", "");
    CHECK(cedar_partial_resources(&w.query, IDS, COUNT_OF(IDS), &w.arena, decisions, &diag) ==
          STATUS_OK);
    CHECK(decisions[0] == CEDAR_PARTIAL_ALLOW);
    CHECK(decisions[1] == CEDAR_PARTIAL_DENY && decisions[2] == CEDAR_PARTIAL_DENY);
    w.request.resource = uid("Fil", "");
    CHECK(cedar_partial_actions(&w.query, &w.arena, &actions, &count, &diag) == STATUS_INVALID);
    CHECK(count == 0 && str_eq(diag.code, "cedar.resource"));
    CHECK(cedar_partial_resources(&w.query, IDS, COUNT_OF(IDS), &w.arena, decisions, &diag) ==
          STATUS_INVALID);
    CHECK(decisions[0] == CEDAR_PARTIAL_DENY);
    close_world(&w);
}

/* -- memory -------------------------------------------------------------------------------- */

static bool try_all(void *context)
{
    static const struct slice IDS[] = {SLICE_INIT("a"), SLICE_INIT("b")};
    const struct world *w = context;
    enum cedar_partial_decision decisions[COUNT_OF(IDS)];
    const struct cedar_partial_action *actions = NULL;
    size_t count = 0;
    struct cedar_policy_set *left = NULL;
    struct cedar_partial_response response = {.decision = CEDAR_PARTIAL_ALLOW};
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    enum status status = cedar_partially_authorize(&w->query, &arena, &response, NULL);
    CHECK(status == STATUS_OK || response.decision == CEDAR_PARTIAL_DENY);
    status = status != STATUS_OK ? status : cedar_partial_policies(w->set, &response, &left);
    status = status != STATUS_OK
                 ? status
                 : cedar_partial_resources(&w->query, IDS, 2, &arena, decisions, NULL);
    status = status != STATUS_OK ? status
                                 : cedar_partial_actions(&w->query, &arena, &actions, &count, NULL);
    CHECK(status == STATUS_OK || status == STATUS_LIMIT);
    cedar_policy_set_free(left);
    arena_release(&arena);
    return status == STATUS_OK;
}

TEST(partial_with_every_allocation_failing)
{
    struct world w;
    struct cedar_partial_entity entities[3];
    open_world(&w, "permit" ALL " when {principal.name == \"Alice\" && resource.isPublic};"
                   "forbid" ALL " when {resource.owner.name like \"*\" || {a: resource.at}.a < "
                   "datetime(\"2020-01-01\").offset(duration(\"1d\"))};");
    know_alice(&w, entities);
    check_every_allocation(try_all, &w);
    close_world(&w);
}

/* A chain is one level however long it is, and stays one. */
TEST(partial_of_a_long_chain)
{
    struct world w;
    struct cedar_partial_response response;
    struct cedar_policy_set *left = NULL;
    struct buf text;
    buf_init(&text, TEXT_BYTES, NULL);
    buf_append(&text, SLICE("permit" ALL " when {resource.size == 1"));
    for (size_t i = 0; i < (size_t)10 * CEDAR_DEPTH_MAX; i++) {
        buf_append(&text, SLICE(" || resource.size == 1"));
    }
    buf_append(&text, SLICE("};"));
    buf_append_byte(&text, 0);
    open_world(&w, (const char *)text.ptr);
    CHECK(cedar_partially_authorize(&w.query, &w.arena, &response, NULL) == STATUS_OK);
    CHECK(cedar_partial_policies(w.set, &response, &left) == STATUS_OK);
    cedar_policy_set_free(left);
    buf_release(&text);
    close_world(&w);
}

/* -- entities in JSON ---------------------------------------------------------------------- */

TEST(partial_entities_read_what_is_given)
{
    static const struct cedar_source SOURCE = {
        SLICE_INIT("entities"),
        SLICE_INIT("[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"parents\":["
                   "{\"type\":\"Group\",\"id\":\"g\"}],\"tags\":{\"t\":1}},"
                   "{\"uid\":{\"type\":\"User\",\"id\":\"b\"},\"parents\":[],"
                   "\"attrs\":{\"name\":\"B\",\"age\":1,\"inner\":{}}},"
                   "{\"uid\":{\"type\":\"Group\",\"id\":\"h\"}}]")};
    const struct cedar_partial_entity *items = NULL;
    size_t count = 0;
    struct world w;
    open_world(&w, "");
    CHECK(cedar_partial_entities_read(&SOURCE, w.schema, &w.arena, &items, &count, &diagnostics) ==
          STATUS_OK);
    CHECK(count == 3);
    if (count == 3) {
        CHECK(items[0].data.attributes.kind == CEDAR_UNKNOWN);
        CHECK(items[0].data.tags.kind == CEDAR_RECORD);
        CHECK(items[0].data.ancestor_count == 1 && !items[0].has_ancestors);
        CHECK(items[1].data.attributes.kind == CEDAR_RECORD);
        CHECK(items[1].data.tags.kind == CEDAR_UNKNOWN && items[1].has_ancestors);
        CHECK(items[2].data.attributes.kind == CEDAR_UNKNOWN && !items[2].has_ancestors);
    }
    close_world(&w);
}

TEST(partial_entities_refused)
{
    static const char *const rows[] = {
        "{}",
        "[{}]",
        "[{\"uid\":{\"type\":\"Person\",\"id\":\"a\"}}]",
        "[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":{}}]",
        "[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"tags\":{\"t\":\"x\"}}]",
        "[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"parents\":"
        "[{\"type\":\"File\",\"id\":\"f\"}]}]",
        "[{\"uid\":{\"type\":\"User\",\"id\":\"a\"}},"
        "{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"parents\":"
        "[{\"type\":\"Group\",\"id\":\"g\"}]}]",
    };
    const struct cedar_partial_entity *items = NULL;
    size_t count = 0;
    struct world w;
    open_world(&w, "");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cedar_source source = {SLICE("entities"), slice_view_cstr(rows[i])};
        CHECK_ROW(rows[i], cedar_partial_entities_read(&source, w.schema, &w.arena, &items, &count,
                                                       &diagnostics) == STATUS_INVALID);
        CHECK_ROW(rows[i], diagnostics.count > 0);
    }
    close_world(&w);
}
