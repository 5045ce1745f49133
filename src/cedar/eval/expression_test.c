/* Expressions that stand alone: what is parsed, and what they are evaluated to. */
#include "cedar/cedar.h"

#include "support/check.h"

#define ARENA_BYTES ((size_t)4 << 20)

static struct cedar_diagnostics diagnostics;

static const char ENTITIES[] =
    "[{\"uid\": {\"type\": \"User\", \"id\": \"ann\"}, \"attrs\": {\"age\": 7, \"tags\": [\"b\", "
    "\"a\"]}, \"parents\": [{\"type\": \"Group\", \"id\": \"g\"}]}]";

static struct cedar_source source_of(const char *text)
{
    return (struct cedar_source){SLICE("expression"), slice_view_cstr(text)};
}

static struct cedar_entities read_entities(struct arena *arena)
{
    struct cedar_source source = source_of(ENTITIES);
    struct cedar_entity_store *store = NULL;
    CHECK(cedar_entity_store_new(arena, &store) == STATUS_OK);
    CHECK(cedar_entities_read(&source, NULL, arena, store, &diagnostics) == STATUS_OK);
    CHECK(cedar_entity_store_close(store) == STATUS_OK);
    return cedar_entity_store_view(store);
}

/* The value as text, or the kind of the failure. */
static enum status evaluate(const char *text, struct arena *arena, struct buf *out)
{
    struct cedar_source source = source_of(text);
    struct cedar_source context_source = source_of("{\"n\": 3, \"r\": {\"z\": true, \"a\": [1]}}");
    struct cedar_entities entities = read_entities(arena);
    struct cedar_request request = {.principal = {SLICE("User"), SLICE("ann")},
                                    .action = {SLICE("Action"), SLICE("read")},
                                    .resource = {SLICE("File"), SLICE("f")},
                                    .entities = &entities};
    const struct cedar_expression *expression = NULL;
    struct cedar_value value;
    struct cedar_policy_error error;
    CHECK(cedar_context_read(&context_source, NULL, NULL, arena, &request.context, &diagnostics) ==
          STATUS_OK);
    TRY(cedar_expression_parse(&source, arena, &expression, &diagnostics));
    enum status status = cedar_expression_evaluate(expression, &request, arena, &value, &error);
    if (status == STATUS_OK) {
        return cedar_value_to_text(&value, arena, out);
    }
    buf_append(out, slice_view_cstr(cedar_error_kind_name(error.kind)));
    return status;
}

TEST(cedar_expressions_have_values)
{
    static const struct {
        const char *text, *value; /* of the failure when it fails */
        enum status status;
    } rows[] = {
        {"1 + 2 * 3", "7", STATUS_OK},
        {"principal in Group::\"g\"", "true", STATUS_OK},
        {"principal", "User::\"ann\"", STATUS_OK},
        {"principal.age - context.n", "4", STATUS_OK},
        {"if principal has boss then 1 else \"a\\\"b\"", "\"a\\\"b\"", STATUS_OK},
        {"context", "{\"n\": 3, \"r\": {\"a\": [1], \"z\": true}}", STATUS_OK},
        {"{\"x y\": 1, b: 2, a: []}", "{\"a\": [], \"b\": 2, \"x y\": 1}", STATUS_OK},
        {"[10, -1, 2, true, \"s\", 2, User::\"b\", User::\"a\", {}, [2], [1, 1]]",
         "[true, -1, 2, 10, \"s\", User::\"a\", User::\"b\", [1], [2], {}]", STATUS_OK},
        {"-9223372036854775808", "-9223372036854775808", STATUS_OK},
        {"decimal(\"-0.050\")", "decimal(\"-0.05\")", STATUS_OK},
        {"decimal(\"3.0\")", "decimal(\"3.0\")", STATUS_OK},
        {"decimal(\"-922337203685477.5808\")", "decimal(\"-922337203685477.5808\")", STATUS_OK},
        {"ip(\"10.0.0.1\")", "ip(\"10.0.0.1\")", STATUS_OK},
        {"ip(\"10.0.0.0/8\")", "ip(\"10.0.0.0/8\")", STATUS_OK},
        {"ip(\"::1\")", "ip(\"0:0:0:0:0:0:0:1\")", STATUS_OK},
        {"ip(\"ffff::/16\")", "ip(\"ffff:0:0:0:0:0:0:0/16\")", STATUS_OK},
        {"duration(\"-1s\")", "duration(\"-1000ms\")", STATUS_OK},
        {"datetime(\"1970-01-02\")", "datetime(\"1970-01-01\").offset(duration(\"86400000ms\"))",
         STATUS_OK},
        {"context.gone", "attribute", STATUS_INVALID},
        {"resource.name", "entity", STATUS_INVALID},
        {"1 + \"a\"", "type", STATUS_INVALID},
        {"9223372036854775807 + 1", "overflow", STATUS_INVALID},
        {"ip(\"nowhere\")", "extension", STATUS_INVALID},
        {"unknown(\"x\")", "", STATUS_INVALID},
        {"", "", STATUS_INVALID},
        {"1 2", "", STATUS_INVALID},
        {"1;", "", STATUS_INVALID},
        {"(1", "", STATUS_INVALID},
        {"1)", "", STATUS_INVALID},
        {"1, 2", "", STATUS_INVALID},
        {"?principal", "", STATUS_INVALID},
        {"\"a", "", STATUS_INVALID},
        {"permit(principal, action, resource);", "", STATUS_INVALID},
        {"user.name", "", STATUS_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct buf out;
        arena_init(&arena, ARENA_BYTES, NULL);
        buf_init(&out, ARENA_BYTES, NULL);
        CHECK_ROW(rows[i].text, evaluate(rows[i].text, &arena, &out) == rows[i].status);
        CHECK_ROW(rows[i].text, slice_eq(buf_view(&out), slice_view_cstr(rows[i].value)));
        buf_release(&out);
        arena_release(&arena);
    }
}

/* What is printed has the same value again. */
TEST(cedar_values_come_back_from_their_text)
{
    static const char *const texts[] = {
        "[1, \"\\u{1}\\n\\\\\", {a: [{b: User::\"\\\"\"}]}]", "decimal(\"0.0\")", "ip(\"::/0\")",
        "duration(\"-9223372036854775808ms\")",
        "datetime(\"2024-02-29T23:59:59.999Z\").offset(duration(\"1d\"))"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct arena arena;
        struct buf first;
        struct buf second;
        arena_init(&arena, ARENA_BYTES, NULL);
        buf_init(&first, ARENA_BYTES, NULL);
        buf_init(&second, ARENA_BYTES, NULL);
        CHECK_ROW(texts[i], evaluate(texts[i], &arena, &first) == STATUS_OK);
        buf_append_byte(&first, '\0');
        CHECK_ROW(texts[i], evaluate((const char *)first.ptr, &arena, &second) == STATUS_OK);
        buf_append_byte(&second, '\0');
        CHECK_ROW(texts[i], slice_eq(buf_view(&first), buf_view(&second)));
        buf_release(&first);
        buf_release(&second);
        arena_release(&arena);
    }
}

TEST(cedar_uids_are_read_strictly)
{
    static const struct {
        const char *text, *type, *id; /* type NULL: refused */
    } rows[] = {
        {"User::\"ann\"", "User", "ann"},
        {" A :: B :: \"\\\"\" // note", "A::B", "\""},
        {"User", NULL, NULL},
        {"User::ann", NULL, NULL},
        {"(User::\"ann\")", NULL, NULL},
        {"\"ann\"", NULL, NULL},
        {"User::\"ann\" == User::\"ann\"", NULL, NULL},
        {"principal", NULL, NULL},
        {"", NULL, NULL},
        {"__cedar::\"x\"", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct cedar_uid uid = {0};
        struct cedar_source source = source_of(rows[i].text);
        arena_init(&arena, ARENA_BYTES, NULL);
        enum status status = cedar_uid_parse(&source, &arena, &uid, &diagnostics);
        CHECK_ROW(rows[i].text, (status == STATUS_OK) == (rows[i].type != NULL));
        CHECK_ROW(rows[i].text, (diagnostics.count > 0) == (rows[i].type == NULL));
        CHECK_ROW(rows[i].text, slice_eq(uid.type, slice_view_cstr(rows[i].type)) &&
                                    slice_eq(uid.id, slice_view_cstr(rows[i].id)));
        arena_release(&arena);
    }
}
