/* Entities and requests against schemas: rows, and the official corpora. */
#include "support/cedar_case.h"
#include "support/check.h"
#include "support/corpus.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)64 << 20)

static const struct slice SCHEMA =
    SLICE_INIT("entity Group; entity Kind enum [\"a\", \"b\"];\n"
               "entity User in [Group] = {name: String, age?: Long, ip?: ipaddr, kinds?: Set<Kind>,"
               " inner?: {x: decimal}} tags Long;\n"
               "action read in [all] appliesTo {principal: User, resource: [User, Group],"
               " context: {when?: datetime}}; action all;");

static struct cedar_diagnostics diagnostics;

static struct cedar_schema *schema_of(struct slice text)
{
    struct cedar_schema_source source = {{SLICE("schema"), text}, CEDAR_FORM_TEXT};
    struct cedar_schema *schema = NULL;
    CHECK(cedar_schema_parse(&source, 1, &schema, &diagnostics, NULL) == STATUS_OK);
    return schema;
}

static enum status read_entities(const char *text, const struct cedar_schema *schema)
{
    struct cedar_source source = {SLICE("entities"), slice_view_cstr(text)};
    struct cedar_entity_store *store = NULL;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    CHECK(cedar_entity_store_new(&arena, &store) == STATUS_OK);
    enum status status = cedar_entities_read(&source, schema, &arena, store, &diagnostics);
    if (status == STATUS_OK) {
        status = cedar_entity_store_close(store);
    }
    arena_release(&arena);
    return status;
}

#define USER(attributes, parents)                                                                  \
    "[{\"uid\":{\"type\":\"User\",\"id\":\"ann\"},\"attrs\":{" attributes                          \
    "},\"parents\":[" parents "]}]"

TEST(entities_must_fit_the_schema)
{
    static const struct {
        const char *text;
        bool with_schema, without;
    } rows[] = {
        {"[]", true, true},
        {"{}", false, false},
        {"[{}]", false, false},
        {USER("\"name\":\"Ann\"", ""), true, true},
        {USER("\"name\":\"Ann\",\"age\":9223372036854775807", ""), true, true},
        {USER("\"name\":\"Ann\",\"age\":9223372036854775808", ""), false, false},
        {USER("\"name\":\"Ann\",\"age\":1.0", ""), false, false},
        {USER("\"name\":\"Ann\",\"age\":null", ""), false, false},
        {USER("\"name\":\"Ann\",\"age\":\"1\"", ""), false, true},
        {USER("\"name\":1", ""), false, true},
        {USER("", ""), false, true},
        {USER("\"name\":\"Ann\",\"more\":1", ""), false, true},
        {USER("\"name\":\"Ann\",\"name\":\"Bob\"", ""), false, false},
        {USER("\"name\":\"Ann\",\"ip\":\"10.0.0.1\"", ""), true, true},
        {USER("\"name\":\"Ann\",\"ip\":\"10.0.0\"", ""), false, true},
        {USER("\"name\":\"Ann\",\"ip\":{\"fn\":\"ip\",\"arg\":\"10.0.0.1\"}", ""), true, true},
        {USER("\"name\":\"Ann\",\"ip\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"10.0.0.1\"}}", ""),
         true, true},
        {USER("\"name\":\"Ann\",\"ip\":{\"__extn\":{\"fn\":\"decimal\",\"arg\":\"1.0\"}}", ""),
         false, true},
        {USER("\"name\":\"Ann\",\"ip\":{\"__extn\":{\"fn\":\"no\",\"arg\":\"1.0\"}}", ""), false,
         false},
        {USER("\"name\":\"Ann\",\"ip\":{\"__expr\":\"1\"}", ""), false, false},
        {USER("\"name\":\"Ann\",\"inner\":{\"x\":\"1.0\"}", ""), true, true},
        {USER("\"name\":\"Ann\",\"inner\":{\"x\":\"1.00000\"}", ""), false, true},
        {USER("\"name\":\"Ann\",\"inner\":{}", ""), false, true},
        {USER("\"name\":\"Ann\",\"kinds\":[{\"type\":\"Kind\",\"id\":\"a\"}]", ""), true, true},
        {USER("\"name\":\"Ann\",\"kinds\":[{\"type\":\"Kind\",\"id\":\"c\"}]", ""), false, true},
        {USER("\"name\":\"Ann\",\"kinds\":[{\"type\":\"Group\",\"id\":\"a\"}]", ""), false, true},
        {USER("\"name\":\"Ann\"", "{\"type\":\"Group\",\"id\":\"g\"}"), true, true},
        {USER("\"name\":\"Ann\"", "{\"__entity\":{\"type\":\"Group\",\"id\":\"g\"}}"), true, true},
        {USER("\"name\":\"Ann\"", "{\"type\":\"User\",\"id\":\"bob\"}"), false, true},
        {USER("\"name\":\"Ann\"", "{\"type\":\"User\",\"id\":\"ann\"}"), false, false},
        {USER("\"name\":\"Ann\"", "{\"type\":\"Group \",\"id\":\"g\"}"), false, false},
        {"[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":{\"name\":\"\"},\"parents\":[],"
         "\"tags\":{\"t\":1}}]",
         true, true},
        {"[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":{\"name\":\"\"},\"parents\":[],"
         "\"tags\":{\"t\":\"1\"}}]",
         false, true},
        {"[{\"uid\":{\"type\":\"Group\",\"id\":\"a\"},\"attrs\":{},\"parents\":[],"
         "\"tags\":{\"t\":1}}]",
         false, true},
        {"[{\"uid\":{\"type\":\"Kind\",\"id\":\"c\"},\"attrs\":{},\"parents\":[]}]", false, true},
        {"[{\"uid\":{\"type\":\"Other\",\"id\":\"c\"},\"attrs\":{},\"parents\":[]}]", false, true},
        {"[{\"uid\":{\"type\":\"Action\",\"id\":\"read\"},\"attrs\":{},\"parents\":["
         "{\"type\":\"Action\",\"id\":\"all\"}]}]",
         true, true},
        {"[{\"uid\":{\"type\":\"Action\",\"id\":\"read\"},\"attrs\":{},\"parents\":[]}]", false,
         true},
        {"[{\"uid\":{\"type\":\"Action\",\"id\":\"gone\"},\"attrs\":{},\"parents\":[]}]", false,
         true},
        {"[{\"uid\":{\"type\":\"Action\",\"id\":\"read\"},\"attrs\":{},\"parents\":["
         "{\"type\":\"Group\",\"id\":\"all\"}]}]",
         false, false},
        {"[{\"uid\":{\"type\":\"Group\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]},"
         "{\"uid\":{\"type\":\"Group\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]}]",
         true, true},
        {"[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":{\"name\":\"x\"},\"parents\":[]},"
         "{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":{\"name\":\"y\"},\"parents\":[]}]",
         false, false},
    };
    struct cedar_schema *schema = schema_of(SCHEMA);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].text,
                  (read_entities(rows[i].text, schema) == STATUS_OK) == rows[i].with_schema);
        CHECK_ROW(rows[i].text,
                  (read_entities(rows[i].text, NULL) == STATUS_OK) == rows[i].without);
    }
    cedar_schema_free(schema);
}

TEST(entities_may_be_in_their_own_type_only_where_the_schema_says_so)
{
    static const struct {
        const char *schema;
        bool is_good;
    } rows[] = {
        {"entity T in [T];", true},
        {"entity U in [T]; entity T in [U];", true},
        {"entity U in [T]; entity T;", false},
        {"entity T;", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cedar_schema *schema = schema_of(slice_view_cstr(rows[i].schema));
        enum status status = read_entities("[{\"uid\":{\"type\":\"T\",\"id\":\"a\"},\"attrs\":{},"
                                           "\"parents\":[{\"type\":\"T\",\"id\":\"b\"}]}]",
                                           schema);
        CHECK_ROW(rows[i].schema, (status == STATUS_OK) == rows[i].is_good);
        cedar_schema_free(schema);
    }
}

TEST(requests_must_fit_the_schema)
{
    static const struct {
        const char *principal, *action, *resource, *context;
        const char *code; /* NULL: fits */
    } rows[] = {
        {"User", "read", "Group", "{}", NULL},
        {"User", "read", "User", "{\"when\":\"2024-01-01\"}", NULL},
        {"Group", "read", "Group", "{}", "cedar.principal"},
        {"Gone", "read", "Group", "{}", "cedar.principal"},
        {"User", "read", "Kind", "{}", "cedar.resource"},
        {"User", "gone", "Group", "{}", "cedar.action"},
        {"User", "all", "Group", "{}", "cedar.principal"},
        {"User", "read", "Group", "{\"when\":1}", "cedar.context"},
        {"User", "read", "Group", "{\"other\":1}", "cedar.context"},
    };
    struct cedar_schema *schema = schema_of(SCHEMA);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cedar_source source = {SLICE("context"), slice_view_cstr(rows[i].context)};
        struct cedar_request request = {
            .principal = {slice_view_cstr(rows[i].principal), SLICE("a")},
            .action = {SLICE("Action"), slice_view_cstr(rows[i].action)},
            .resource = {slice_view_cstr(rows[i].resource), SLICE("a")}};
        struct cedar_uid typed = {SLICE("Action"), SLICE("read")};
        bool is_context_bad = str_eq(rows[i].code, "cedar.context");
        struct diag diag = {0};
        struct arena arena;
        arena_init(&arena, ARENA_BYTES, NULL);
        CHECK((cedar_context_read(&source, schema, &typed, &arena, &request.context,
                                  &diagnostics) == STATUS_OK) == !is_context_bad);
        if (is_context_bad) {
            CHECK(cedar_context_read(&source, NULL, NULL, &arena, &request.context, &diagnostics) ==
                  STATUS_OK);
        }
        enum status status = cedar_request_validate(schema, &request, &arena, &diag);
        CHECK_ROW(rows[i].context, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].context, str_eq(diag.code, rows[i].code));
        arena_release(&arena);
    }
    cedar_schema_free(schema);
}

#define CALL(function, arguments) "{\"__extn\":{\"fn\":\"" function "\",\"args\":[" arguments "]}}"
#define DAY CALL("datetime", "\"1970-01-02T01:00:00Z\"")
#define HOURS CALL("duration", "\"49h\"")
#define ADDRESS CALL("ip", "\"10.0.0.1\"")
#define ONE CALL("decimal", "\"1.0\"")

/* The official engine 4.13.0 takes and refuses the same calls, except that of unknown. */
TEST(values_may_be_calls_of_every_function)
{
    static const struct {
        const char *text;
        enum cedar_kind kind; /* CEDAR_ERROR: it is refused */
        int64_t number;
    } rows[] = {
        {DAY, CEDAR_DATETIME, 90000000},
        {CALL("offset", DAY "," HOURS), CEDAR_DATETIME, 266400000},
        {CALL("toDate", DAY), CEDAR_DATETIME, 86400000},
        {CALL("toTime", DAY), CEDAR_DURATION, 3600000},
        {CALL("durationSince", DAY "," DAY), CEDAR_DURATION, 0},
        {CALL("toDays", HOURS), CEDAR_LONG, 2},
        {CALL("toMilliseconds", CALL("toTime", DAY)), CEDAR_LONG, 3600000},
        {CALL("isIpv4", ADDRESS), CEDAR_BOOL, 1},
        {"{\"__extn\":{\"fn\":\"isIpv6\",\"arg\":" ADDRESS "}}", CEDAR_BOOL, 0},
        {CALL("isInRange", ADDRESS "," CALL("ip", "\"10.0.0.0/8\"")), CEDAR_BOOL, 1},
        {CALL("lessThan", ONE "," ONE), CEDAR_BOOL, 0},
        {CALL("decimal", ""), CEDAR_ERROR, 0},
        {CALL("decimal", "\"1.0\",\"2.0\""), CEDAR_ERROR, 0},
        {CALL("decimal", "1"), CEDAR_ERROR, 0},
        {CALL("decimal", "\"one\""), CEDAR_ERROR, 0},
        {CALL("offset", DAY), CEDAR_ERROR, 0},
        {CALL("offset", "\"1970-01-01\",\"1h\""), CEDAR_ERROR, 0},
        {CALL("offset", DAY "," CALL("duration", "\"9223372036854775807ms\"")), CEDAR_ERROR, 0},
        {CALL("isIpv4", ONE), CEDAR_ERROR, 0},
        {CALL("contains", "[1],1"), CEDAR_ERROR, 0},
        {CALL("unknown", "\"x\""), CEDAR_ERROR, 0},
        {CALL("", "\"x\""), CEDAR_ERROR, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        struct arena arena;
        struct cedar_value context;
        snprintf(text, sizeof(text), "{\"a\":%s}", rows[i].text);
        struct cedar_source source = {SLICE("context"), slice_view_cstr(text)};
        arena_init(&arena, ARENA_BYTES, NULL);
        enum status status =
            cedar_context_read(&source, NULL, NULL, &arena, &context, &diagnostics);
        bool is_value = rows[i].kind != CEDAR_ERROR;
        CHECK_ROW(text, status == (is_value ? STATUS_OK : STATUS_INVALID));
        if (status == STATUS_OK) {
            struct cedar_value value = {0};
            CHECK_ROW(text,
                      context.as.object.vtable->get(context.as.object.object, context.as.object.tag,
                                                    SLICE("a"), &arena, &value));
            int64_t number = value.kind == CEDAR_BOOL ? value.as.boolean : value.as.number;
            CHECK_ROW(text, value.kind == rows[i].kind && number == rows[i].number);
        }
        arena_release(&arena);
    }
}

/* -- corpora ------------------------------------------------------------------------------- */

static bool is_absent_or_true(const struct cedar_case *c, json_ref request, struct slice member)
{
    json_ref ref = json_member(&c->tape, request, member);
    return ref == JSON_NONE || json_type(&c->tape, ref) == JSON_TRUE;
}

static void check_requests(struct cedar_case *c, void *context)
{
    size_t *count = context;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    CHECK_ROW(c->name, c->store != NULL);
    for (size_t i = 0; c->store == NULL && i < c->diagnostics.count; i++) {
        printf("  %s\n", c->diagnostics.items[i].message);
    }
    json_iter_init(&iter, &c->tape, json_member(&c->tape, 0, SLICE("requests")));
    while (c->store != NULL && json_iter_next(&iter, &key, &item)) {
        struct cedar_request request;
        struct diag diag = {0};
        ++*count;
        bool is_read = cedar_case_request(c, item, &request);
        CHECK_ROW(c->name, is_read);
        if (is_read && is_absent_or_true(c, item, SLICE("validateRequest"))) {
            CHECK_ROW(c->name,
                      cedar_request_validate(c->schema, &request, &c->arena, &diag) == STATUS_OK);
        }
    }
}

TEST(corpus_cedar_entities_and_requests)
{
    size_t count = 0;
    if (cedar_case_each(cedar_case_stride(), check_requests, &count) > 0) {
        CHECK(count > 0);
    }
}
