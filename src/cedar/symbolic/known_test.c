/* Policies in worlds that are known; support/known_check.h says what must agree. */
#include "support/cedar_case.h"
#include "support/check.h"
#include "support/known_check.h"
#include "support/typed_case.h"

#define ARENA_BYTES ((size_t)64 << 20)
#define CHOICES_MAX 600
#define ROUNDS 300
#define ROUNDS_LONG 20000
#define WORLDS 30
#define STRIDE_MORE 8 /* this test does more with each case than others */

static void check_world(const char *name, const struct cedar_schema *schema,
                        const struct cedar_policy_set *set, const struct cedar_request *request,
                        struct known_counts *counts)
{
    const char *wrong = known_check(schema, set, request, counts);
    check_report(wrong == NULL, __FILE__, __LINE__, name, wrong == NULL ? "" : wrong);
}

/* -- the official corpora ------------------------------------------------------------------ */

static void check_case(struct cedar_case *c, void *context)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    struct cedar_request request;
    bool is_good = c->policies != NULL && c->store != NULL;
    json_iter_init(&iter, &c->tape, json_member(&c->tape, 0, SLICE("requests")));
    while (is_good && json_iter_next(&iter, &key, &item)) {
        if (cedar_case_request(c, item, &request) &&
            cedar_request_validate(c->schema, &request, &c->arena, NULL) == STATUS_OK) {
            check_world(c->name, c->schema, c->policies, &request, context);
        }
    }
}

TEST(corpus_cedar_symbolic_known)
{
    struct known_counts counts = {0};
    size_t stride = cedar_case_stride() == 1 ? 1 : STRIDE_MORE * cedar_case_stride();
    if (cedar_case_each(stride, check_case, &counts) > 0) {
        CHECK(counts.policies > 500 && counts.sets > 500);
    }
}

/* -- random policies ----------------------------------------------------------------------- */

TEST(cedar_symbolic_random_known)
{
    struct known_counts counts = {0};
    size_t rounds = cedar_case_stride() == 1 ? ROUNDS_LONG : ROUNDS;
    for (size_t i = 0; i < rounds; i++) {
        uint8_t choices[CHOICES_MAX];
        struct typed_case c;
        for (size_t k = 0; k < sizeof(choices); k++) {
            choices[k] = (uint8_t)(check_random() >> 40);
        }
        struct typed_bytes bytes = {choices, choices + sizeof(choices)};
        if (typed_case_open(&c, &bytes)) {
            typed_case_ask(&c, &bytes);
            check_world("random", typed_case_schema(), c.set, &c.request, &counts);
        }
        typed_case_close(&c);
    }
    CHECK(counts.policies > 100 && counts.sets > 50);
}

/* -- each operator ------------------------------------------------------------------------- */

static const char OPERATOR_SCHEMA[] =
    "entity Group in [Group]; entity Color enum [\"red\", \"blue\"];"
    "entity User in [Group, Team] {age?: Long, boss?: User, color: Color} tags Long;"
    "entity Team in [Group]; action all; action view in all appliesTo {principal: User, resource:"
    " User, context: {a: Long, b: Long, o?: Long, p: Bool, q: Bool, s: String, t: String,"
    " x: ipaddr, y: ipaddr, d: decimal, e: decimal, w: datetime, v: datetime, u: duration,"
    " m: Set<Long>, n: Set<Long>, users: Set<User>, groups: Set<Group>, team: Team, group: Group,"
    " r: {i: Long, j?: Bool}, z: {i: Long, j?: Bool}}};";

static const char *const EXPRESSIONS[] = {
    "context.a + context.b < 3",
    "context.a - context.b <= 0",
    "context.a * context.b > 7",
    "-context.a >= context.b",
    "context.a == context.b",
    "context.a != 1",
    "context.p && context.a + 1 > 0",
    "context.p || context.a + 1 > 0",
    "context.a + 1 > 0 && context.p",
    "context.a + 1 > 0 || context.p",
    "context.p || (context.q && context.a + 1 > 0) || context.b + 1 > 0",
    "!(context.a + 1 > 0)",
    "if context.p then context.a + 1 > 0 else context.b + 1 > 0",
    "if context.a + 1 > 0 then context.p else context.q",
    "(if context.p then context.a else context.b) == 1",
    "context has o && context.o > context.a",
    "if context has o then context.o == 1 else context.p",
    "(context.p && context has o && context.o == 1) || (context.q && context has o)",
    "context.r == context.z",
    "context.r.i == context.z.i && context.r has j && context.r.j",
    "context.r has j && context.z has j && context.r.j == context.z.j",
    "{a: context.a, b: context.p} == {a: context.b, b: context.q}",
    "{a: context.a + 1, b: context.p}.b",
    "[context.a, context.b + 1].contains(1)",
    "[context.a, context.b] == [1, 0]",
    "[[context.a], [context.b, 1]].contains(context.m)",
    "[context.r].contains(context.z)",
    "context.m == context.n",
    "context.m.contains(context.a)",
    "context.m.containsAll(context.n)",
    "context.m.containsAll([context.a, 1])",
    "[0, context.a, 1].containsAll(context.m)",
    "context.m.containsAny(context.n)",
    "context.m.containsAny([context.a, context.b])",
    "context.m.isEmpty()",
    "[context.p].contains(context.q)",
    "context.s == context.t",
    "context.s like \"*b\"",
    "context.s like \"a*b*\"",
    "context.s like \"ab\" || context.t like \"*\"",
    "context.s like \"\"",
    "context.x == context.y",
    "context.x.isInRange(context.y)",
    "context.x.isInRange(ip(\"10.0.0.0/9\"))",
    "ip(\"10.0.0.1\").isInRange(context.x)",
    "context.x.isInRange(ip(\"::/0\")) || context.x.isInRange(ip(\"0.0.0.0/0\"))",
    "context.x.isIpv4()",
    "context.x.isIpv6() && context.y.isIpv4()",
    "context.x.isLoopback()",
    "context.x.isMulticast()",
    "context.d.lessThan(context.e)",
    "context.d.lessThanOrEqual(context.e)",
    "context.d.greaterThan(decimal(\"1.5\"))",
    "context.d.greaterThanOrEqual(context.e)",
    "context.d == context.e",
    "context.w < context.v",
    "context.w <= context.v && context.w == context.v",
    "context.w.offset(context.u) < context.v",
    "context.w.durationSince(context.v) > context.u",
    "context.w.toDate() == datetime(\"2024-01-01\")",
    "context.w.toDate() <= context.v",
    "context.w.toTime() < duration(\"12h\")",
    "context.u.toMilliseconds() == context.a",
    "context.u.toSeconds() == context.a",
    "context.u.toMinutes() < context.b",
    "context.u.toHours() <= context.b",
    "context.u.toDays() == context.a",
    "context.u == duration(\"1d\") || context.u < duration(\"-1ms\")",
    "principal == resource",
    "principal == User::\"ann\"",
    "principal in resource",
    "principal in context.group",
    "principal in context.groups",
    "principal in context.users",
    "principal in [User::\"ann\", User::\"bob\"]",
    "principal in [context.group, Group::\"top\"]",
    "context.team in context.group",
    "context.group in context.groups",
    "principal in context.team && context.team in Group::\"top\"",
    "context.users.contains(principal)",
    "resource in Team::\"core\"",
    "action in Action::\"all\" && action == Action::\"view\"",
    "principal is User in Group::\"mid\"",
    "principal has age && principal.age + 1 > context.a",
    "principal has boss && principal.boss in context.group",
    "principal has boss.boss.age && principal.boss.boss.age == 1",
    "principal has boss && principal.boss == resource",
    "principal.color == Color::\"red\"",
    "principal.color == resource.color",
    "[principal.color, Color::\"blue\"].contains(resource.color)",
    "(if context.p then principal else resource) in Group::\"mid\"",
    "(if context.p then principal else resource).color == Color::\"blue\"",
    "principal.hasTag(\"k\") && principal.getTag(\"k\") > context.a",
    "principal.hasTag(context.s) && principal.getTag(context.s) == 1",
    "principal.hasTag(context.s)",
    "context.w.offset(context.u).toDate() < context.v",
    "context.w.offset(context.u).toTime() < context.u",
};

static const char OPERATOR_ENTITIES[] =
    "[{\"uid\": {\"type\": \"User\", \"id\": \"ann\"}, \"attrs\": {\"age\": 9223372036854775807,"
    " \"boss\": {\"type\": \"User\", \"id\": \"bob\"}, \"color\": {\"type\": \"Color\", \"id\":"
    " \"red\"}}, \"tags\": {\"k\": 1, \"ab\": 2}, \"parents\": [{\"type\": \"Team\", \"id\":"
    " \"core\"}]}, {\"uid\": {\"type\": \"User\", \"id\": \"bob\"}, \"attrs\": {\"age\": 1,"
    " \"boss\": {\"type\": \"User\", \"id\": \"cat\"}, \"color\": {\"type\": \"Color\", \"id\":"
    " \"blue\"}}, \"tags\": {\"\": 1}, \"parents\": [{\"type\": \"Group\", \"id\": \"top\"}]},"
    " {\"uid\": {\"type\": \"User\", \"id\": \"cat\"}, \"attrs\": {\"age\": 1, \"color\":"
    " {\"type\": \"Color\", \"id\": \"red\"}}, \"parents\": []},"
    " {\"uid\": {\"type\": \"Team\", \"id\": \"core\"}, \"attrs\": {}, \"parents\": [{\"type\":"
    " \"Group\", \"id\": \"mid\"}]}, {\"uid\": {\"type\": \"Group\", \"id\": \"mid\"}, \"attrs\":"
    " {}, \"parents\": [{\"type\": \"Group\", \"id\": \"top\"}]}, {\"uid\": {\"type\": \"Group\","
    " \"id\": \"top\"}, \"attrs\": {}, \"parents\": []}]";

#define POOL_MAX 8

/* What attributes of the context may be. */
static const struct {
    const char *names[2], *before, *after, *values[POOL_MAX];
} CONTEXT[] = {
    {{"a", "b"}, "", "", {"0", "1", "-1", "2", "9223372036854775807", "-9223372036854775808"}},
    {{"p", "q"}, "", "", {"true", "false"}},
    {{"s", "t"}, "\"", "\"", {"", "ab", "aabb", "k"}},
    {{"x", "y"},
     "\"",
     "\"",
     {"10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "127.0.0.1/7", "127.1.1.1", "::1", "ff02::/8",
      "224.0.0.1/4"}},
    {{"d", "e"}, "\"", "\"", {"1.5", "-0.0001", "1.5000", "922337203685477.5807"}},
    {{"w", "v"},
     "\"",
     "\"",
     {"2024-01-01", "1969-12-31T23:59:59.999Z", "2024-01-01T12:00:00Z", "9999-12-31"}},
    {{"u"}, "\"", "\"", {"1d", "-1ms", "1h30m", "0ms", "-9223372036854775808ms", "1s"}},
    {{"m", "n"}, "[", "]", {"", "1", "0, 1", "1, 2, 0"}},
    {{"r", "z"}, "{", "}", {"\"i\": 1", "\"i\": 1, \"j\": true", "\"i\": 0, \"j\": false"}},
    {{"users"},
     "[",
     "]",
     {"", "{\"type\": \"User\", \"id\": \"ann\"}", "{\"type\": \"User\", \"id\": \"cat\"}"}},
    {{"groups"},
     "[",
     "]",
     {"", "{\"type\": \"Group\", \"id\": \"mid\"}", "{\"type\": \"Group\", \"id\": \"top\"}"}},
    {{"group"}, "{\"type\": \"Group\", \"id\": \"", "\"}", {"mid", "top", "none"}},
    {{"team"}, "{\"type\": \"Team\", \"id\": \"", "\"}", {"core", "none"}},
};

static size_t below(size_t count)
{
    return (check_random() >> 33) % count;
}

static const char *choose(const char *const values[POOL_MAX])
{
    size_t count = 1;
    while (count < POOL_MAX && values[count] != NULL) {
        count++;
    }
    return values[below(count)];
}

static void put(struct buf *out, const char *text)
{
    buf_append(out, slice_view_cstr(text));
}

static void put_context(struct buf *out)
{
    put(out, below(3) == 0 ? "{" : below(2) == 0 ? "{\"o\": 1, " : "{\"o\": 5, ");
    for (size_t i = 0; i < COUNT_OF(CONTEXT); i++) {
        for (size_t k = 0; k < 2 && CONTEXT[i].names[k] != NULL; k++) {
            put(out, i + k > 0 ? ", \"" : "\"");
            put(out, CONTEXT[i].names[k]);
            put(out, "\": ");
            put(out, CONTEXT[i].before);
            put(out, choose(CONTEXT[i].values));
            put(out, CONTEXT[i].after);
        }
    }
    put(out, "}");
}

struct operators {
    struct arena arena;
    struct cedar_schema *schema;
    struct cedar_policy_set *set; /* an expression each */
    struct cedar_entity_store *store;
    struct cedar_entities entities;
    struct cedar_diagnostics diagnostics;
};

static void open_operators(struct operators *o)
{
    struct buf text;
    struct cedar_schema_source schema = {{SLICE("schema"), slice_view_cstr(OPERATOR_SCHEMA)},
                                         CEDAR_FORM_TEXT};
    struct cedar_source entities = {SLICE("entities"), slice_view_cstr(OPERATOR_ENTITIES)};
    buf_init(&text, CEDAR_SOURCE_BYTES_MAX, NULL);
    for (size_t i = 0; i < COUNT_OF(EXPRESSIONS); i++) {
        put(&text, i % 3 == 0 ? "forbid" : "permit");
        put(&text, "(principal, action, resource) when {");
        put(&text, EXPRESSIONS[i]);
        put(&text, "};\n");
    }
    struct cedar_source policies = {SLICE("policies"), buf_view(&text)};
    arena_init(&o->arena, ARENA_BYTES, NULL);
    CHECK(cedar_schema_parse(&schema, 1, &o->schema, &o->diagnostics, NULL) == STATUS_OK);
    CHECK(cedar_policy_set_parse(&policies, 1, false, &o->set, &o->diagnostics) == STATUS_OK);
    CHECK(cedar_entity_store_new(&o->arena, &o->store) == STATUS_OK &&
          cedar_entities_read(&entities, o->schema, &o->arena, o->store, &o->diagnostics) ==
              STATUS_OK &&
          cedar_entity_store_close(o->store) == STATUS_OK);
    o->entities = cedar_entity_store_view(o->store);
    buf_release(&text);
}

static void ask_operators(struct operators *o, struct known_counts *counts)
{
    static const struct slice USERS[] = {SLICE_INIT("ann"), SLICE_INIT("bob"), SLICE_INIT("cat"),
                                         SLICE_INIT("nobody")};
    struct buf context;
    struct cedar_request request = {.principal = {SLICE("User"), USERS[below(4)]},
                                    .action = {SLICE("Action"), SLICE("view")},
                                    .resource = {SLICE("User"), USERS[below(4)]},
                                    .entities = &o->entities};
    buf_init(&context, CEDAR_SOURCE_BYTES_MAX, NULL);
    put_context(&context);
    struct cedar_source source = {SLICE("context"), buf_view(&context)};
    CHECK_ROW("context", cedar_context_read(&source, o->schema, &request.action, &o->arena,
                                            &request.context, &o->diagnostics) == STATUS_OK);
    check_world("operators", o->schema, o->set, &request, counts);
    buf_release(&context);
}

TEST(cedar_symbolic_operators_known)
{
    static struct operators o;
    struct known_counts counts = {0};
    open_operators(&o);
    for (size_t i = 0; i < WORLDS; i++) {
        ask_operators(&o, &counts);
    }
    CHECK(counts.policies == WORLDS * COUNT_OF(EXPRESSIONS) && counts.sets == WORLDS);
    cedar_policy_set_free(o.set);
    cedar_schema_free(o.schema);
    arena_release(&o.arena);
}
