#include "support/typed_case.h"

#include "support/fuzz.h"

#define ARENA_BYTES ((size_t)16 << 20)
#define TEXT_BYTES ((size_t)1 << 16)
#define DEPTH 5
#define POLICIES_MAX 3

static const char SCHEMA[] =
    "entity Group in [Group]; entity Kind enum [\"a\", \"b\"];"
    "entity User in [Group] {name: String, age?: Long, boss?: User, inner: {x?: Long, flag: Bool},"
    " roles: Set<String>, joined?: datetime, from: ipaddr, kind: Kind} tags String;"
    "entity File in [Group] {owner: User, size: Long, shared?: Set<User>, age?: Long} tags Long;"
    "action all; action read in all appliesTo {principal: User, resource: [File, User],"
    " context: {n?: Long, when: datetime, note?: String, who: User, flag: Bool}};"
    "action write in all appliesTo {principal: User, resource: File,"
    " context: {n: Long, score?: decimal, who?: User}};";

/* -- choices ------------------------------------------------------------------------------- */

struct chooser {
    struct typed_bytes *bytes;
    struct buf *out;
};

unsigned typed_choose(struct typed_bytes *bytes, unsigned count)
{
    return bytes->at == bytes->end ? 0 : *bytes->at++ % count;
}

static unsigned choose(struct chooser *c, unsigned count)
{
    return typed_choose(c->bytes, count);
}

static void put(struct chooser *c, const char *text)
{
    buf_append(c->out, slice_view_cstr(text));
}

static void put_one(struct chooser *c, const char *const *texts, unsigned count)
{
    put(c, texts[choose(c, count)]);
}

/* -- expressions --------------------------------------------------------------------------- */

enum sort { SORT_BOOL, SORT_LONG, SORT_STRING, SORT_ENTITY, SORT_SET, SORT_TIME, SORT_COUNT };

/* What stands for itself; each has what fits and what may be missing. */
static const char *const LEAVES[SORT_COUNT][12] = {
    [SORT_BOOL] = {"true", "false", "principal.inner.flag", "context.flag", "principal has age",
                   "context has n", "principal has boss", "resource is File",
                   "principal.inner has x", "resource has shared", "principal has boss.age",
                   "action in Action::\"all\""},
    [SORT_LONG] = {"1", "0", "9223372036854775807", "principal.age", "context.n", "resource.size",
                   "principal.inner.x", "resource.getTag(\"t\")", "principal.boss.age",
                   "resource.age", "context.who.age", "resource.owner.age"},
    [SORT_STRING] = {"\"x\"", "\"\"", "principal.name", "principal.getTag(\"t\")", "context.note",
                     "principal.boss.name", "context.who.name", "resource.owner.name",
                     "resource.name", "resource.getTag(\"t\")", "principal[\"name\"]", "\"y\""},
    [SORT_ENTITY] = {"principal", "resource", "action", "User::\"u0\"", "File::\"f0\"",
                     "Group::\"g0\"", "Kind::\"a\"", "principal.boss", "resource.owner",
                     "context.who", "principal.kind", "Action::\"read\""},
    [SORT_SET] = {"[1]", "[]", "principal.roles", "resource.shared", "[\"x\"]", "[principal]",
                  "[1, 2]", "[Group::\"g0\", Group::\"g1\"]", "[principal, User::\"u1\"]", "[[1]]",
                  "[{a: 1}]", "[principal.name]"},
    [SORT_TIME] = {"context.when", "datetime(\"2024-01-01\")", "principal.joined",
                   "context.who.joined", "context.when.toDate()",
                   "context.when.offset(duration(\"1h\"))", "datetime(\"1970-01-01T00:00:00Z\")",
                   "principal.boss.joined", "context.when", "principal.joined.toDate()",
                   "context.when", "context.when"},
};

/* Sorts of the holes in a template, written as '0' + sort after a '%'. */
static const char *const SHAPES[SORT_COUNT][12] = {
    [SORT_BOOL] = {"(%0 && %0)", "(%0 || %0)", "!(%0)", "(if %0 then %0 else %0)", "(%1 < %1)",
                   "(%2 == %2)", "(%3 in %3)", "%4.contains(%2)", "(%2 like \"*x\")", "(%3 in %4)",
                   "(%5 <= %5)", "(%3 == %3)"},
    [SORT_LONG] = {"(%1 + %1)", "(%1 - %1)", "-(%1)", "(if %0 then %1 else %1)", "(%1 * %1)",
                   "{a: %1, b: %2}.a", "%5.durationSince(%5).toDays()", "%5.toTime().toSeconds()",
                   "(if %0 then {a: %1} else {a: %1}).a", "%3.age", "%3.getTag(%2)",
                   "(if %0 then %3 else %3).size"},
    [SORT_STRING] = {"(if %0 then %2 else %2)", "{a: %2}.a", "{\"a\": {b: %2}}.a.b", "%3.name",
                     "%3.getTag(%2)", "%3.getTag(\"t\")", "(if %0 then %3 else %3).name",
                     "{a: %3}.a.name", "%3.boss.name", "%3.owner.name", "%2", "%2"},
    [SORT_ENTITY] = {"(if %0 then %3 else %3)", "%3.boss", "%3.owner", "{a: %3}.a", "%3.kind",
                     "%3.boss.boss", "%3", "%3", "%3", "%3", "%3", "%3"},
    [SORT_SET] = {"[%1, %1]", "[%2, %2]", "[%3, %3]", "[%3]", "(if %0 then %4 else %4)",
                  "{a: %4}.a", "[%0, %0]", "[%5]", "%3.roles", "%3.shared", "[%4]", "[%1]"},
    [SORT_TIME] = {"(if %0 then %5 else %5)", "%5.offset(duration(\"-1d\"))", "%5.toDate()",
                   "{a: %5}.a", "%3.joined", "%5", "%5", "%5", "%5", "%5", "%5", "%5"},
};

/* Tests whose second part may rest on the first. */
static const char *const GUARDED[] = {
    "(principal has age && %0)",
    "(principal has boss && %0)",
    "(context has n && %0)",
    "(resource is File && %0)",
    "(principal.hasTag(\"t\") && %0)",
    "(resource.hasTag(\"t\") && %0)",
    "(principal has boss.age && %0)",
    "(if principal has joined then %0 else %0)",
    "(!(principal has age) || %0)",
    "((principal has age || context has n) && %0)",
    "(resource is File && resource has shared && %0)",
    "(%3.hasTag(%2) && %0)",
    "(%3 has age && %0)",
    "%4.containsAll(%4)",
    "%4.isEmpty()",
    "(context has who && context.who has joined && %0)",
    "(%3 has boss.name && %0)",
    "(%3 is User && %0)",
    "(principal.from.isInRange(ip(\"10.0.0.0/8\")) && %0)",
    "(context has score && context.score.lessThan(decimal(\"1.5\")) && %0)",
    "(%4 == %4)",
    "(%1 == %1)",
};

static void put_sort(struct chooser *c, enum sort sort, unsigned depth);

static void put_template(struct chooser *c, const char *text, unsigned depth)
{
    for (; *text != '\0'; text++) {
        if (*text == '%') {
            text++;
            put_sort(c, (enum sort)(*text - '0'), depth);
        } else {
            buf_append_byte(c->out, (uint8_t)*text);
        }
    }
}

static void put_sort(struct chooser *c, enum sort sort, unsigned depth)
{
    unsigned kind = depth == 0 ? 0 : choose(c, 4);
    if (kind == 0) {
        put_one(c, LEAVES[sort], COUNT_OF(LEAVES[sort]));
    } else if (kind == 1 && sort == SORT_BOOL) {
        put_template(c, GUARDED[choose(c, COUNT_OF(GUARDED))], depth - 1);
    } else {
        put_template(c, SHAPES[sort][choose(c, COUNT_OF(SHAPES[sort]))], depth - 1);
    }
}

static void put_policy(struct chooser *c)
{
    static const char *const EFFECTS[] = {"permit(", "forbid("};
    static const char *const PRINCIPALS[] = {"principal, ", "principal == User::\"u0\", ",
                                             "principal in Group::\"g0\", ",
                                             "principal is User in Group::\"g1\", "};
    static const char *const ACTIONS[] = {"action, ", "action == Action::\"read\", ",
                                          "action in [Action::\"write\", Action::\"read\"], ",
                                          "action in Action::\"all\", "};
    static const char *const RESOURCES[] = {"resource)", "resource is File)",
                                            "resource == User::\"u1\")",
                                            "resource in Group::\"g0\")"};
    static const char *const KEYWORDS[] = {" when { ", " unless { "};
    put_one(c, EFFECTS, COUNT_OF(EFFECTS));
    put_one(c, PRINCIPALS, COUNT_OF(PRINCIPALS));
    put_one(c, ACTIONS, COUNT_OF(ACTIONS));
    put_one(c, RESOURCES, COUNT_OF(RESOURCES));
    for (unsigned i = choose(c, 2) + 1; i > 0; i--) {
        put_one(c, KEYWORDS, COUNT_OF(KEYWORDS));
        put_sort(c, SORT_BOOL, DEPTH);
        put(c, " }");
    }
    put(c, ";");
}

/* -- data of the schema's shape ------------------------------------------------------------ */

static void put_number(struct chooser *c)
{
    static const char *const NUMBERS[] = {"1", "0", "-1", "9223372036854775807", "42"};
    put_one(c, NUMBERS, COUNT_OF(NUMBERS));
}

static void put_text(struct chooser *c)
{
    static const char *const TEXTS[] = {"\"x\"", "\"\"", "\"y\"", "\"axx\""};
    put_one(c, TEXTS, COUNT_OF(TEXTS));
}

static void put_user(struct chooser *c)
{
    static const char *const USERS[] = {"{\"type\": \"User\", \"id\": \"u0\"}",
                                        "{\"type\": \"User\", \"id\": \"u1\"}",
                                        "{\"type\": \"User\", \"id\": \"nobody\"}"};
    put_one(c, USERS, COUNT_OF(USERS));
}

static void put_time(struct chooser *c)
{
    static const char *const TIMES[] = {"\"2024-01-01\"", "\"1969-12-31T23:59:59Z\"",
                                        "\"2024-02-29T12:00:00.001Z\""};
    put_one(c, TIMES, COUNT_OF(TIMES));
}

typedef void (*put_fn)(struct chooser *c);

/* ,"name": value, or nothing */
static void put_optional(struct chooser *c, const char *name, put_fn value)
{
    if (choose(c, 2) == 1) {
        put(c, ", \"");
        put(c, name);
        put(c, "\": ");
        value(c);
    }
}

static void put_parents(struct chooser *c)
{
    static const char *const PARENTS[] = {"[]", "[{\"type\": \"Group\", \"id\": \"g0\"}]",
                                          "[{\"type\": \"Group\", \"id\": \"g1\"}]"};
    put(c, "\"parents\": ");
    put_one(c, PARENTS, COUNT_OF(PARENTS));
}

static void put_flag(struct chooser *c)
{
    static const char *const FLAGS[] = {"true", "false"};
    put_one(c, FLAGS, COUNT_OF(FLAGS));
}

static void put_user_entity(struct chooser *c, const char *id)
{
    static const char *const ROLES[] = {"[]", "[\"x\"]", "[\"x\", \"y\"]"};
    static const char *const ADDRESSES[] = {"\"10.1.2.3\"", "\"::1\"", "\"192.168.0.0/16\""};
    put(c, "{\"uid\": {\"type\": \"User\", \"id\": \"");
    put(c, id);
    put(c, "\"}, \"attrs\": {\"name\": ");
    put_text(c);
    put_optional(c, "age", put_number);
    put_optional(c, "boss", put_user);
    put_optional(c, "joined", put_time);
    put(c, ", \"inner\": {\"flag\": ");
    put_flag(c);
    put_optional(c, "x", put_number);
    put(c, "}, \"roles\": ");
    put_one(c, ROLES, COUNT_OF(ROLES));
    put(c, ", \"from\": ");
    put_one(c, ADDRESSES, COUNT_OF(ADDRESSES));
    put(c, ", \"kind\": {\"type\": \"Kind\", \"id\": \"a\"}}, \"tags\": {\"y\": \"z\"");
    put_optional(c, "t", put_text);
    put_optional(c, "x", put_text);
    put(c, "}, ");
    put_parents(c);
    put(c, "}");
}

static void put_shared(struct chooser *c)
{
    put(c, "[");
    put_user(c);
    put(c, "]");
}

static void put_file_entity(struct chooser *c)
{
    put(c, "{\"uid\": {\"type\": \"File\", \"id\": \"f0\"}, \"attrs\": {\"owner\": ");
    put_user(c);
    put(c, ", \"size\": ");
    put_number(c);
    put_optional(c, "age", put_number);
    put_optional(c, "shared", put_shared);
    put(c, "}, \"tags\": {\"y\": 1");
    put_optional(c, "t", put_number);
    put(c, "}, ");
    put_parents(c);
    put(c, "}");
}

static void put_entities(struct chooser *c)
{
    put(c, "[{\"uid\": {\"type\": \"Group\", \"id\": \"g0\"}, \"attrs\": {}, \"parents\": []}, ");
    put_user_entity(c, "u0");
    if (choose(c, 4) != 3) {
        put(c, ", ");
        put_user_entity(c, "u1");
    }
    if (choose(c, 4) != 3) {
        put(c, ", ");
        put_file_entity(c);
    }
    put(c, "]");
}

static void put_score(struct chooser *c)
{
    static const char *const SCORES[] = {"\"1.0\"", "\"-2.25\""};
    put_one(c, SCORES, COUNT_OF(SCORES));
}

static void put_context(struct chooser *c, bool is_read)
{
    if (is_read) {
        put(c, "{\"when\": ");
        put_time(c);
        put(c, ", \"who\": ");
        put_user(c);
        put(c, ", \"flag\": ");
        put_flag(c);
        put_optional(c, "n", put_number);
        put_optional(c, "note", put_text);
    } else {
        put(c, "{\"n\": ");
        put_number(c);
        put_optional(c, "score", put_score);
        put_optional(c, "who", put_user);
    }
    put(c, "}");
}

/* -- the case ------------------------------------------------------------------------------ */

static struct cedar_diagnostics diagnostics;

const struct cedar_schema *typed_case_schema(void)
{
    static struct cedar_schema *schema;
    struct cedar_schema_source source = {{SLICE("schema"), slice_view_cstr(SCHEMA)},
                                         CEDAR_FORM_TEXT};
    if (schema == NULL) {
        fuzz_expect(cedar_schema_parse(&source, 1, &schema, &diagnostics, NULL) == STATUS_OK,
                    "schema", source.source.text);
    }
    return schema;
}

bool typed_case_open(struct typed_case *c, struct typed_bytes *bytes)
{
    struct chooser chooser = {bytes, &c->policies};
    *c = (struct typed_case){0};
    arena_init(&c->arena, ARENA_BYTES, NULL);
    buf_init(&c->policies, TEXT_BYTES, NULL);
    buf_init(&c->entities, TEXT_BYTES, NULL);
    buf_init(&c->context, TEXT_BYTES, NULL);
    for (unsigned i = choose(&chooser, POLICIES_MAX) + 1; i > 0; i--) {
        put_policy(&chooser);
    }
    struct cedar_source source = {SLICE("policies"), buf_view(&c->policies)};
    return cedar_policy_set_parse(&source, 1, false, &c->set, &diagnostics) == STATUS_OK;
}

static void read_entities(struct typed_case *c)
{
    struct cedar_source source = {SLICE("entities"), buf_view(&c->entities)};
    struct cedar_entity_store *store = NULL;
    fuzz_expect(cedar_entity_store_new(&c->arena, &store) == STATUS_OK &&
                    cedar_entities_read(&source, typed_case_schema(), &c->arena, store,
                                        &diagnostics) == STATUS_OK &&
                    cedar_entity_store_close(store) == STATUS_OK,
                "entities", source.text);
    c->view = cedar_entity_store_view(store);
    c->request.entities = &c->view;
}

static void read_context(struct typed_case *c)
{
    struct cedar_source source = {SLICE("context"), buf_view(&c->context)};
    fuzz_expect(cedar_context_read(&source, typed_case_schema(), &c->request.action, &c->arena,
                                   &c->request.context, &diagnostics) == STATUS_OK &&
                    cedar_request_validate(typed_case_schema(), &c->request, &c->arena, NULL) ==
                        STATUS_OK,
                "request", source.text);
}

void typed_case_ask(struct typed_case *c, struct typed_bytes *bytes)
{
    struct chooser chooser = {bytes, &c->entities};
    bool is_read = choose(&chooser, 2) == 0;
    c->request.principal = (struct cedar_uid){SLICE("User"), SLICE("u0")};
    c->request.action =
        (struct cedar_uid){SLICE("Action"), is_read ? SLICE("read") : SLICE("write")};
    c->request.resource = is_read && choose(&chooser, 2) == 1
                              ? (struct cedar_uid){SLICE("User"), SLICE("u1")}
                              : (struct cedar_uid){SLICE("File"), SLICE("f0")};
    put_entities(&chooser);
    read_entities(c);
    chooser.out = &c->context;
    put_context(&chooser, is_read);
    read_context(c);
}

void typed_case_close(struct typed_case *c)
{
    cedar_policy_set_free(c->set);
    buf_release(&c->context);
    buf_release(&c->entities);
    buf_release(&c->policies);
    arena_release(&c->arena);
}
