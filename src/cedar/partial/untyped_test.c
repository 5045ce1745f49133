/* Partial evaluation without types: what is left of each operator, and that it is the same once all
 * is known. */
#include "support/cedar_case.h"
#include "support/check.h"
#include "support/partial_answers.h"

#define ARENA_BYTES ((size_t)16 << 20)
#define TEXT_BYTES ((size_t)1 << 20)

#define STRIDE_MORE 3 /* the corpus test does more with each case than others */
#define UID(type, id)                                                                              \
    {                                                                                              \
        SLICE_INIT(type), SLICE_INIT(id)                                                           \
    }
#define NO_UID                                                                                     \
    {                                                                                              \
        {NULL, 0},                                                                                 \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }
#define UNKNOWN(name) "{\"__extn\":{\"fn\":\"unknown\",\"arg\":\"" name "\"}}"
#define ENTITIES                                                                                   \
    "[{\"uid\":{\"type\":\"User\",\"id\":\"alice\"},\"attrs\":{\"name\":\"Alice\","                \
    "\"age\":9223372036854775807,\"u\":" UNKNOWN("U") ",\"r\":{\"a\":" UNKNOWN(                    \
        "RA") ",\"b\":2},"                                                                         \
              "\"s\":[1," UNKNOWN("SA") "]},\"parents\":[{\"type\":\"Group\",\"id\":\"g\"}],"      \
                                        "\"tags\":{\"t\":7,\"v\":" UNKNOWN(                        \
                                            "V") "}},"                                             \
                                                 "{\"uid\":{\"type\":\"Group\",\"id\":\"g\"},"     \
                                                 "\"attrs\":{},\"parents\":[]}]"
#define CONTEXT                                                                                    \
    "{\"x\":" UNKNOWN("X") ",\"n\":1,\"r\":{\"a\":" UNKNOWN(                                       \
        "A") ",\"b\":2},"                                                                          \
             "\"s\":[1," UNKNOWN("S") "],\"ip\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"::1\"}}}"

static struct cedar_diagnostics diagnostics;

/* User::"alice" wants Action::"view" of something; ENTITIES are all there are. */
struct world {
    struct arena arena;
    struct cedar_policy_set *set;
    struct cedar_entity_store *store;
    struct cedar_entities entities;
    struct cedar_request request;
};

static struct cedar_uid uid(const char *type, const char *id)
{
    return (struct cedar_uid){slice_view_cstr(type), slice_view_cstr(id)};
}

static struct cedar_policy_set *policies_of(const char *text)
{
    struct cedar_source source = {SLICE("policies"), slice_view_cstr(text)};
    struct cedar_policy_set *set = NULL;
    CHECK_ROW(text, cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK);
    return set;
}

static void open_world(struct world *w, const char *policies, const char *context)
{
    struct cedar_source entities = {SLICE("entities"), SLICE(ENTITIES)};
    struct cedar_source source = {SLICE("context"), slice_view_cstr(context)};
    *w = (struct world){.set = policies_of(policies)};
    arena_init(&w->arena, ARENA_BYTES, NULL);
    CHECK(cedar_entity_store_new(&w->arena, &w->store) == STATUS_OK);
    CHECK(cedar_untyped_entities_read(&entities, NULL, &w->arena, w->store, &diagnostics) ==
          STATUS_OK);
    CHECK(cedar_entity_store_close(w->store) == STATUS_OK);
    w->entities = cedar_entity_store_view(w->store);
    w->request = (struct cedar_request){.principal = uid("User", "alice"),
                                        .action = uid("Action", "view"),
                                        .entities = &w->entities};
    CHECK(cedar_untyped_context_read(&source, &w->arena, &w->request.context, &diagnostics) ==
          STATUS_OK);
}

static void close_world(struct world *w)
{
    cedar_policy_set_free(w->set);
    arena_release(&w->arena);
}

/* -- residuals ----------------------------------------------------------------------------- */

/* The policies that are left, as text. */
static void print_left(struct world *w, const char *row, struct buf *out)
{
    struct cedar_partial_response response;
    struct cedar_policy_set *left = NULL;
    CHECK_ROW(row, cedar_authorize_untyped(w->set, &w->request, &w->arena, &response) == STATUS_OK);
    CHECK_ROW(row, cedar_partial_policies(w->set, &response, &left) == STATUS_OK);
    CHECK_ROW(row, cedar_policy_set_to_text(left, out) == STATUS_OK);
    cedar_policy_set_free(left);
}

static void check_residual(const char *condition, enum cedar_partial_outcome outcome,
                           const char *expected)
{
    struct world w;
    struct buf text;
    struct cedar_partial_response response;
    buf_init(&text, TEXT_BYTES, NULL);
    buf_append(&text, SLICE("permit(principal, action, resource) when { "));
    buf_append(&text, slice_view_cstr(condition));
    buf_append(&text, SLICE(" };"));
    buf_append_byte(&text, 0);
    open_world(&w, (const char *)text.ptr, CONTEXT);
    CHECK_ROW(condition,
              cedar_authorize_untyped(w.set, &w.request, &w.arena, &response) == STATUS_OK);
    CHECK_ROW(condition, response.outcomes != NULL && response.outcomes[0] == outcome);
    if (expected != NULL) {
        struct buf left;
        buf_init(&left, TEXT_BYTES, NULL);
        print_left(&w, condition, &left);
        size_t from = slice_find_byte(buf_view(&left), '{') + 2;
        CHECK_ROW(condition,
                  left.len > from + 3 && slice_eq(slice_sub(buf_view(&left), from, left.len - 3),
                                                  slice_view_cstr(expected)));
        buf_release(&left);
    }
    buf_release(&text);
    close_world(&w);
}

/* Judged by the official program, whose residuals mean the same. */
TEST(untyped_residuals)
{
    static const struct {
        const char *condition, *expected;
    } rows[] = {
        {"resource == 1", "unknown(\"resource\") == 1"},
        {"resource > 3", "unknown(\"resource\") > 3"},
        {"resource like \"a*\\\"\"", "unknown(\"resource\") like \"a*\\\"\""},
        {"resource has a.b", "(unknown(\"resource\") has a) && (unknown(\"resource\").a has b)"},
        {"resource is A in B::\"c\"",
         "(unknown(\"resource\") is A) && (unknown(\"resource\") in B::\"c\")"},
        {"resource.getTag(\"x\") == principal.getTag(\"t\")",
         "unknown(\"resource\").getTag(\"x\") == 7"},
        {"ip(\"::1\").isInRange(resource)", "ip(\"::1\").isInRange(unknown(\"resource\"))"},
        {"unknown(\"x\") == unknown(\"x\")", "unknown(\"x\") == unknown(\"x\")"},
        {"principal in resource", "User::\"alice\" in unknown(\"resource\")"},
        /* What is no boolean has to fail. */
        {"resource", "true && unknown(\"resource\")"},
        {"resource.x", "true && unknown(\"resource\").x"},
        {"false || resource.x", "false || unknown(\"resource\").x"},
        {"if resource then 1 else 1", "true && (if unknown(\"resource\") then 1 else 1)"},
        {"resource == 1 && true", "unknown(\"resource\") == 1"},
        /* Nothing behind what is open decides, because it may fail. */
        {"resource && false", "unknown(\"resource\") && false"},
        {"resource == 1 || true", "(unknown(\"resource\") == 1) || true"},
        {"resource == 1 && (1 + \"a\" == 2)", "(unknown(\"resource\") == 1) && ((1 + \"a\") == 2)"},
        {"resource == 1 && [(1 + 1) && true].contains(2)",
         "(unknown(\"resource\") == 1) && [true && 2].contains(2)"},
        {"if resource then 1 + \"a\" else true",
         "true && (if unknown(\"resource\") then 1 + \"a\" else true)"},
        /* Literals of which parts are open. */
        {"[1, resource].contains(1)", "[1, unknown(\"resource\")].contains(1)"},
        {"{a: resource, b: 1} == {}", "{a: unknown(\"resource\"), b: 1} == {}"},
        {"{a: resource}.a == 3", "unknown(\"resource\") == 3"},
        {"{a: resource.x, b: 1}.b == 1", "{a: unknown(\"resource\").x, b: 1}.b == 1"},
        {"{a: resource.x} has b", "{a: unknown(\"resource\").x} has b"},
        /* Contexts. */
        {"context.x == 1", "unknown(\"X\") == 1"},
        {"context.x has y", "unknown(\"X\") has y"},
        {"context.r.a == context.r.b", "unknown(\"A\") == 2"},
        {"context.r == {a: 1, b: 3}", "{a: unknown(\"A\"), b: 2} == {a: 1, b: 3}"},
        {"context.s.contains(1)", "[1, unknown(\"S\")].contains(1)"},
        {"context.ip == resource", "ip(\"0:0:0:0:0:0:0:1\") == unknown(\"resource\")"},
        /* Entities. */
        {"principal.u", "true && unknown(\"U\")"},
        {"principal.u == principal.u", "unknown(\"U\") == unknown(\"U\")"},
        {"principal.u is User || true", "(unknown(\"U\") is User) || true"},
        {"principal.u in Group::\"g\"", "unknown(\"U\") in Group::\"g\""},
        {"principal.u.x.y == 1", "unknown(\"U\").x.y == 1"},
        {"principal.r.a == 1", "unknown(\"RA\") == 1"},
        {"principal.r == {a: 1}", "{a: unknown(\"RA\"), b: 2} == {a: 1}"},
        {"principal.s.contains(1)", "[1, unknown(\"SA\")].contains(1)"},
        {"principal.getTag(\"v\") == 1", "unknown(\"V\") == 1"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_residual(rows[i].condition, CEDAR_PARTIAL_RESIDUAL, rows[i].expected);
    }
}

TEST(untyped_what_is_decided)
{
    static const struct {
        const char *condition;
        enum cedar_partial_outcome outcome;
    } rows[] = {
        {"true || resource", CEDAR_PARTIAL_TRUE},
        {"false && resource", CEDAR_PARTIAL_FALSE},
        {"principal in Group::\"g\"", CEDAR_PARTIAL_TRUE},
        {"principal in [User::\"b\", Group::\"h\"]", CEDAR_PARTIAL_FALSE},
        {"if principal is User then true else resource", CEDAR_PARTIAL_TRUE},
        {"principal.name like \"A*e\"", CEDAR_PARTIAL_TRUE},
        {"principal.name like \"B*\"", CEDAR_PARTIAL_FALSE},
        {"User::\"nobody\" has name", CEDAR_PARTIAL_FALSE},
        {"User::\"nobody\" in Group::\"g\"", CEDAR_PARTIAL_FALSE},
        {"context.n == 1", CEDAR_PARTIAL_TRUE},
        {"context.r.b == 3", CEDAR_PARTIAL_FALSE},
        {"context.ip.isLoopback()", CEDAR_PARTIAL_TRUE},
        {"context has x", CEDAR_PARTIAL_TRUE},
        {"context has r.c", CEDAR_PARTIAL_FALSE},
        {"{a: resource, b: {c: resource, d: 1}}.b.d == 1", CEDAR_PARTIAL_TRUE},
        {"principal has u && principal.hasTag(\"v\")", CEDAR_PARTIAL_TRUE},
        {"principal.r.b == 2", CEDAR_PARTIAL_TRUE},
        {"principal has r.c", CEDAR_PARTIAL_FALSE},
        /* failures */
        {"1", CEDAR_PARTIAL_ERROR},
        {"1 + 1", CEDAR_PARTIAL_ERROR},
        {"unknown(1)", CEDAR_PARTIAL_ERROR},
        {"1 && resource", CEDAR_PARTIAL_ERROR},
        {"principal.nothing", CEDAR_PARTIAL_ERROR},
        {"principal.r.c == 1", CEDAR_PARTIAL_ERROR},
        {"principal.r.b", CEDAR_PARTIAL_ERROR},
        {"User::\"nobody\".name == resource", CEDAR_PARTIAL_ERROR},
        {"resource == 1 + \"a\"", CEDAR_PARTIAL_ERROR},
        {"principal.age + 1 == resource", CEDAR_PARTIAL_ERROR},
        {"context.nothing", CEDAR_PARTIAL_ERROR},
        {"{a: resource.x}.b == 1", CEDAR_PARTIAL_ERROR},
        {"if resource then 1 + \"a\" else 1 + \"b\"", CEDAR_PARTIAL_ERROR},
        {"datetime(\"x\") == resource", CEDAR_PARTIAL_ERROR},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_residual(rows[i].condition, rows[i].outcome, NULL);
    }
}

/* Reads one entity with such an attribute; types, if any, from the schema. */
static bool reads(const char *attribute, bool allows_unknown, const char *schema)
{
    struct cedar_schema_source types = {{SLICE("schema"), slice_view_cstr(schema)},
                                        CEDAR_FORM_TEXT};
    struct cedar_schema *declared = NULL;
    struct cedar_entity_store *store = NULL;
    struct buf text;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    buf_init(&text, TEXT_BYTES, NULL);
    buf_append(&text, SLICE("[{\"uid\":{\"type\":\"U\",\"id\":\"\"},\"attrs\":{\"x\":"));
    buf_append(&text, slice_view_cstr(attribute));
    buf_append(&text, SLICE("},\"parents\":[]}]"));
    struct cedar_source source = {SLICE("entities"), buf_view(&text)};
    CHECK(types.source.text.len == 0 ||
          cedar_schema_parse(&types, 1, &declared, &diagnostics, NULL) == STATUS_OK);
    CHECK(cedar_entity_store_new(&arena, &store) == STATUS_OK);
    enum status status =
        allows_unknown ? cedar_untyped_entities_read(&source, declared, &arena, store, &diagnostics)
                       : cedar_entities_read(&source, declared, &arena, store, &diagnostics);
    CHECK(status == STATUS_OK || status == STATUS_INVALID);
    cedar_schema_free(declared);
    buf_release(&text);
    arena_release(&arena);
    return status == STATUS_OK;
}

TEST(untyped_entities_have_unknowns)
{
    static const struct {
        const char *attribute, *schema;
        bool is_read;
    } rows[] = {
        {UNKNOWN("n"), "", true},
        {UNKNOWN("n"), "entity U {x: Long};", true},
        {UNKNOWN("n"), "entity U {x: U};", true},
        {UNKNOWN("n"), "entity U {x: ipaddr};", true},
        {UNKNOWN("n"), "entity U {x: Set<U>};", true},
        {UNKNOWN("n"), "entity U {x: {y: Long}};", true},
        {"{\"fn\":\"unknown\",\"arg\":\"n\"}", "entity U {x: ipaddr};", true},
        {"[" UNKNOWN("n") "]", "entity U {x: Set<U>};", true},
        {"{\"y\":" UNKNOWN("n") "}", "entity U {x: {y: U}};", true},
        {"[" UNKNOWN("n") ",3]", "entity U {x: Set<U>};", false},
        {UNKNOWN("n"), "entity U {};", false},
        {"{\"y\":" UNKNOWN("n") "}", "entity U {x: {z: Long}};", false},
        {"{\"__extn\":{\"fn\":\"ip\",\"arg\":\"::1\"}}", "entity U {x: U};", false},
        {"{\"__extn\":{\"fn\":\"unknown\",\"arg\":3}}", "", false},
        {"{\"__extn\":{\"fn\":\"unknown\",\"args\":[]}}", "", false},
        {"{\"__extn\":{\"fn\":\"unknown\",\"args\":[\"a\",\"b\"]}}", "", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].attribute,
                  reads(rows[i].attribute, true, rows[i].schema) == rows[i].is_read);
        CHECK_ROW(rows[i].attribute, !reads(rows[i].attribute, false, rows[i].schema));
    }
}

/* -- decisions ----------------------------------------------------------------------------- */

TEST(untyped_decisions)
{
    static const struct {
        const char *policies;
        enum cedar_partial_decision decision;
    } rows[] = {
        {"", CEDAR_PARTIAL_DENY},
        {"permit(principal, action, resource);", CEDAR_PARTIAL_ALLOW},
        {"permit(principal, action, resource is Photo);", CEDAR_PARTIAL_OPEN},
        {"permit(principal, action, resource in ?resource);", CEDAR_PARTIAL_DENY},
        {"forbid(principal, action, resource is Photo);", CEDAR_PARTIAL_DENY},
        {"permit(principal, action, resource);forbid(principal, action, resource is Photo);",
         CEDAR_PARTIAL_OPEN},
        {"permit(principal, action, resource is Photo);forbid(principal, action, resource);",
         CEDAR_PARTIAL_DENY},
        {"permit(principal, action, resource);permit(principal, action, resource is Photo);",
         CEDAR_PARTIAL_ALLOW},
        {"permit(principal, action, resource);forbid(principal, action, resource) when { 1 };",
         CEDAR_PARTIAL_ALLOW},
        {"permit(principal, action, resource) when { 1 };", CEDAR_PARTIAL_DENY},
        {"permit(principal == User::\"bob\", action, resource is Photo);", CEDAR_PARTIAL_DENY},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world w;
        struct cedar_partial_response response;
        open_world(&w, rows[i].policies, "{}");
        CHECK_ROW(rows[i].policies,
                  cedar_authorize_untyped(w.set, &w.request, &w.arena, &response) == STATUS_OK);
        CHECK_ROW(rows[i].policies, response.decision == rows[i].decision);
        close_world(&w);
    }
}

/* Nothing of the request is known. What is true whatever it is stays in the set. */
TEST(untyped_policies_that_are_left)
{
    static const char POLICIES[] =
        "@id(\"a\") permit(principal == User::\"a\", action in [Action::\"b\"], resource)"
        " unless { context.x };"
        "permit(principal, action, resource) when { 1 < 0 };"
        "forbid(principal, action, resource);";
    static const char LEFT[] =
        "@id(\"a\")\npermit(principal, action, resource) when "
        "{ (unknown(\"principal\") == User::\"a\") && (unknown(\"action\") in [Action::\"b\"]) && "
        "(!unknown(\"context\").x) };\n\nforbid(principal, action, resource);";
    struct world w;
    struct buf left;
    buf_init(&left, TEXT_BYTES, NULL);
    open_world(&w, POLICIES, "{}");
    w.request = (struct cedar_request){.context.kind = CEDAR_UNKNOWN, .entities = &w.entities};
    print_left(&w, "left", &left);
    CHECK(slice_starts_with(buf_view(&left), slice_view_cstr(LEFT)));
    buf_release(&left);
    close_world(&w);
}

/* -- memory -------------------------------------------------------------------------------- */

static bool try_all(void *context)
{
    const struct world *w = context;
    struct cedar_partial_response response = {.decision = CEDAR_PARTIAL_ALLOW};
    struct cedar_policy_set *left = NULL;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    enum status status = cedar_authorize_untyped(w->set, &w->request, &arena, &response);
    CHECK(status == STATUS_OK || response.decision == CEDAR_PARTIAL_DENY);
    status = status != STATUS_OK ? status : cedar_partial_policies(w->set, &response, &left);
    CHECK(status == STATUS_OK || status == STATUS_LIMIT);
    cedar_policy_set_free(left);
    arena_release(&arena);
    return status == STATUS_OK;
}

TEST(untyped_with_every_allocation_failing)
{
    struct world w;
    open_world(&w,
               "permit(principal, action, resource) when "
               "{ {a: resource, b: 1}.b == 1 && resource.x && context.r == {a: [1, 2], b: 2} };"
               "forbid(principal, action, resource) when { context.s.contains(context.x) };",
               CONTEXT);
    check_every_allocation(try_all, &w);
    close_world(&w);
}

/* -- what is read -------------------------------------------------------------------------- */

TEST(untyped_contexts_that_are_refused)
{
    static const char *const ROWS[] = {
        "1",
        "[]",
        "{\"x\":null}",
        "{\"x\":{\"__extn\":{\"fn\":\"unknown\",\"arg\":1}}}",
        "{\"x\":{\"__extn\":{\"fn\":\"unknown\",\"args\":[]}}}",
        "{\"x\":{\"__extn\":{\"fn\":\"unknown\",\"args\":[\"a\",\"b\"]}}}",
        "{\"x\":{\"__extn\":{\"fn\":\"Unknown\",\"arg\":\"X\"}}}",
        "{\"x\":{\"__extn\":{\"fn\":\"ip\",\"arg\":" UNKNOWN("X") "}}}",
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct arena arena;
        struct cedar_value context;
        struct cedar_source source = {SLICE("context"), slice_view_cstr(ROWS[i])};
        arena_init(&arena, ARENA_BYTES, NULL);
        CHECK_ROW(ROWS[i], cedar_untyped_context_read(&source, &arena, &context, &diagnostics) ==
                               STATUS_INVALID);
        arena_release(&arena);
    }
}

/* Everybody else still refuses what is not known. */
TEST(untyped_values_are_for_partial_requests)
{
    struct arena arena;
    struct cedar_value context;
    struct cedar_source source = {SLICE("context"), SLICE(CONTEXT)};
    arena_init(&arena, ARENA_BYTES, NULL);
    CHECK(cedar_context_read(&source, NULL, NULL, &arena, &context, &diagnostics) ==
          STATUS_INVALID);
    arena_release(&arena);
}

TEST(untyped_requests_and_their_schema)
{
    static const struct {
        const char *name;
        struct cedar_uid principal, action, resource;
        const char *code; /* NULL: it fits */
    } rows[] = {
        {"nothing", NO_UID, NO_UID, NO_UID, NULL},
        {"all", UID("User", "a"), UID("Action", "view"), UID("Kind", "a"), NULL},
        {"any principal without an action", UID("Kind", "a"), NO_UID, NO_UID, NULL},
        {"no such action", NO_UID, UID("Action", "edit"), NO_UID, "cedar.action"},
        {"no such principal", UID("Usr", "a"), NO_UID, NO_UID, "cedar.principal"},
        {"no such resource", NO_UID, NO_UID, UID("Usr", "a"), "cedar.resource"},
        {"no such id", NO_UID, NO_UID, UID("Kind", "c"), "cedar.resource"},
        {"the action does not apply", UID("Kind", "a"), UID("Action", "view"), NO_UID,
         "cedar.principal"},
        {"nor to that", NO_UID, UID("Action", "view"), UID("User", "a"), "cedar.resource"},
    };
    static const char SCHEMA[] = "entity User; entity Kind enum [\"a\"];"
                                 "action view appliesTo {principal: User, resource: Kind,"
                                 " context: {n: Long}};";
    struct cedar_schema_source source = {{SLICE("schema"), slice_view_cstr(SCHEMA)},
                                         CEDAR_FORM_TEXT};
    struct cedar_schema *schema = NULL;
    CHECK(cedar_schema_parse(&source, 1, &schema, &diagnostics, NULL) == STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct diag diag = {0};
        struct cedar_request request = {.principal = rows[i].principal,
                                        .action = rows[i].action,
                                        .resource = rows[i].resource,
                                        .context = {.kind = CEDAR_UNKNOWN}};
        arena_init(&arena, ARENA_BYTES, NULL);
        CHECK_ROW(rows[i].name, (cedar_untyped_request_validate(schema, &request, &arena, &diag) ==
                                 STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, rows[i].code == NULL || str_eq(diag.code, rows[i].code));
        arena_release(&arena);
    }
    cedar_schema_free(schema);
}

/* -- first partial, then full, is full ----------------------------------------------------- */

/* The JSON form with every unknown variable a variable again. */
static void fill_in(struct slice json, struct buf *out)
{
    static const struct slice BEGIN = SLICE_INIT("{\"unknown\":[{\"Value\":\"");
    static const struct slice END = SLICE_INIT("}]}");
    while (json.len > 0) {
        if (!slice_starts_with(json, BEGIN)) {
            buf_append_byte(out, json.ptr[0]);
            json = slice_sub(json, 1, json.len);
            continue;
        }
        json = slice_sub(json, BEGIN.len, json.len);
        size_t end = slice_find_byte(json, '}');
        buf_append(out, SLICE("{\"Var\":\""));
        buf_append(out, slice_sub(json, 0, end + 1));
        json = slice_sub(json, end + END.len, json.len);
    }
}

static void check_filled(struct cedar_case *c, const struct cedar_policy_set *left,
                         const struct cedar_request *full, const struct cedar_response *expected)
{
    struct buf json;
    struct buf filled;
    struct cedar_policy_set *again = NULL;
    struct cedar_response response = {0};
    buf_init(&json, CEDAR_SOURCE_BYTES_MAX, NULL);
    buf_init(&filled, CEDAR_SOURCE_BYTES_MAX, NULL);
    CHECK_ROW(c->name, cedar_policy_set_to_json(left, &json) == STATUS_OK);
    fill_in(buf_view(&json), &filled);
    struct cedar_source source = {SLICE("residuals"), buf_view(&filled)};
    bool is_read =
        cedar_policy_set_parse_json(&source, CEDAR_JSON_SET, &again, &diagnostics) == STATUS_OK;
    CHECK_ROW(c->name, is_read);
    if (is_read) {
        CHECK_ROW(c->name, cedar_authorize(again, full, NULL, &c->arena, &response) == STATUS_OK);
        CHECK_ROW(c->name, partial_same(c->policies, expected, again, &response));
    }
    cedar_policy_set_free(again);
    buf_release(&filled);
    buf_release(&json);
}

struct progress {
    size_t compared, open;
};

/* hidden: bits of principal, action, resource and context */
static void check_hidden(struct cedar_case *c, const struct cedar_request *full, unsigned hidden,
                         struct progress *progress)
{
    struct cedar_request request = *full;
    struct cedar_response expected;
    struct cedar_partial_response partial;
    struct cedar_policy_set *left = NULL;
    request.principal = hidden & 1 ? (struct cedar_uid){0} : full->principal;
    request.action = hidden & 2 ? (struct cedar_uid){0} : full->action;
    request.resource = hidden & 4 ? (struct cedar_uid){0} : full->resource;
    request.context.kind = hidden & 8 ? CEDAR_UNKNOWN : full->context.kind;
    request.context.as.text = hidden & 8 ? SLICE_EMPTY : request.context.as.text;
    CHECK_ROW(c->name, cedar_authorize(c->policies, full, NULL, &c->arena, &expected) == STATUS_OK);
    CHECK_ROW(c->name,
              cedar_authorize_untyped(c->policies, &request, &c->arena, &partial) == STATUS_OK);
    CHECK_ROW(c->name, partial_foretells(c->policies, &partial, &expected));
    CHECK_ROW(c->name, hidden != 0 || partial.decision != CEDAR_PARTIAL_OPEN);
    CHECK_ROW(c->name, cedar_partial_policies(c->policies, &partial, &left) == STATUS_OK);
    check_filled(c, left, full, &expected);
    cedar_policy_set_free(left);
    progress->compared++;
    progress->open += partial.decision == CEDAR_PARTIAL_OPEN ? 1 : 0;
}

static void check_case(struct cedar_case *c, void *context)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    bool is_good = c->policies != NULL && c->store != NULL;
    json_iter_init(&iter, &c->tape, json_member(&c->tape, 0, SLICE("requests")));
    while (is_good && json_iter_next(&iter, &key, &item)) {
        struct cedar_request full;
        if (cedar_case_request(c, item, &full)) {
            check_hidden(c, &full, 0, context);
            check_hidden(c, &full, 1 + (unsigned)(check_random() % 15), context);
        }
    }
}

TEST(corpus_cedar_untyped_then_full)
{
    struct progress progress = {0};
    size_t stride = cedar_case_stride() == 1 ? 1 : STRIDE_MORE * cedar_case_stride();
    if (cedar_case_each(stride, check_case, &progress) > 0) {
        CHECK(progress.open > 0 && progress.open < progress.compared);
    }
}
