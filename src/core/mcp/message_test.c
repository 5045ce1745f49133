#include "core/mcp/message.h"

#include "core/mcp/admission.h"
#include "core/mcp/mirror.h"
#include "support/check.h"
#include "support/corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_ARENA_BYTES ((size_t)64 << 20)
#define BODY_BYTES_MAX ((size_t)4 << 20)
#define BODY_BYTES_SMALL 1024
#define META                                                                                       \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"

static struct json_parser parser;

static void init_parser(void)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {3};
    json_parser_init(&parser, &LIMITS, SEED);
}

struct outcome {
    int http_status; /* 200 when the message is accepted */
    int rpc_code;
};

/* What a modern-only endpoint answers to a request, before identity and policy. */
static struct outcome judge(struct slice method, const struct http_field *fields,
                            size_t field_count, struct slice body)
{
    static const struct slice HOSTS[] = {SLICE_INIT("gateway.test")};
    static const struct slice ORIGINS[] = {SLICE_INIT("https://console.aegis.example")};
    struct admission_rules rules = {
        .hosts = HOSTS, .host_count = 1, .origins = ORIGINS, .origin_count = 1};
    struct outcome outcome = {0};
    if (admission_check(&rules, method, fields, field_count, &outcome.http_status, NULL) !=
        STATUS_OK) {
        return outcome;
    }
    if (body.len > BODY_BYTES_MAX) {
        outcome.http_status = 413; /* the HTTP reader's verdict */
        return outcome;
    }
    struct arena arena;
    struct mcp_message message;
    struct mcp_refusal refusal;
    struct mcp_message_input input = {
        .parser = &parser, .body = body, .fields = fields, .field_count = field_count};
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    init_parser();
    if (mcp_message_read(&input, &arena, &message, &refusal, NULL) != STATUS_OK) {
        outcome = (struct outcome){refusal.http_status, refusal.rpc_code};
    } else {
        outcome.http_status = 200;
    }
    arena_release(&arena);
    return outcome;
}

TEST(mcp_message_eras_and_mirrors)
{
    static const struct {
        const char *name, *version, *method, *mirrored, *body;
        int http_status, rpc_code;
    } rows[] = {
        {"modern call", "2026-07-28", "tools/call", "t",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"," META
         "}}",
         200, 0},
        {"legacy call without fields", NULL, NULL, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"}}",
         200, 0},
        {"legacy handshake", NULL, NULL, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{}}", 200, 0},
        {"handshake with a modern field", "2026-07-28", NULL, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{}}", 400, -32020},
        {"handshake with a modern envelope", "2026-07-28", "initialize", NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{" META "}}", 404,
         -32601},
        {"modern body, legacy field", "2025-11-25", "tools/call", "t",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"," META
         "}}",
         400, -32020},
        {"modern body, no field", NULL, "tools/call", "t",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"," META
         "}}",
         400, -32020},
        {"modern field, no envelope", "2026-07-28", "ping", NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", 400, -32602},
        {"unknown legacy field", "v999", NULL, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", 400, -32600},
        {"mirrored name without a name", "2026-07-28", "tools/list", "t",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}", 400,
         -32020},
        {"skill without a field", "2026-07-28", "skills/get", NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"skills/get\",\"params\":{\"uri\":\"s:a\"," META
         "}}",
         200, 0},
        {"skill with one", "2026-07-28", "skills/get", "s:a",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"skills/get\",\"params\":{\"uri\":\"s:a\"," META
         "}}",
         200, 0},
        {"skill with another's", "2026-07-28", "skills/get", "s:b",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"skills/get\",\"params\":{\"uri\":\"s:a\"," META
         "}}",
         400, -32020},
        {"skill by its name", "2026-07-28", "skills/get", NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"skills/get\",\"params\":{\"name\":\"a\"," META
         "}}",
         400, -32602},
        {"page of a directory", "2026-07-28", "resources/directory/read", NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/directory/read\",\"params\":{"
         "\"uri\":\"s:a\",\"cursor\":\"2\"," META "}}",
         200, 0},
        {"page by a number", "2026-07-28", "resources/directory/read", NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/directory/read\",\"params\":{"
         "\"uri\":\"s:a\",\"cursor\":2," META "}}",
         400, -32602},
        {"ping is gone", "2026-07-28", "ping", NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{" META "}}", 404, -32601},
        {"request without id", NULL, NULL, NULL, "{\"jsonrpc\":\"2.0\",\"method\":\"tools/list\"}",
         400, -32600},
        {"notification with id", NULL, NULL, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"notifications/initialized\"}", 400, -32600},
        {"folded member of _meta", NULL, NULL, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{"
         "\"PROGRESSTOKEN\":1}}}",
         400, -32600},
        {"long s", NULL, NULL, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
         "\"argument\xC5\xBF\":{}}}",
         400, -32600},
        {"NUL in a member name", NULL, NULL, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
         "\"name\\u0000\":\"u\"}}",
         400, -32600},
        {"empty name", NULL, NULL, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"\"}}", 400,
         -32602},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_field fields[8] = {
            {SLICE("Host"), SLICE("gateway.test")},
            {SLICE("Content-Type"), SLICE("application/json")},
            {SLICE("Accept"), SLICE("application/json, text/event-stream")}};
        size_t count = 3;
        const char *values[] = {rows[i].version, rows[i].method, rows[i].mirrored};
        const struct slice names[] = {SLICE("MCP-Protocol-Version"), SLICE("Mcp-Method"),
                                      SLICE("Mcp-Name")};
        for (size_t k = 0; k < COUNT_OF(values); k++) {
            if (values[k] != NULL) {
                fields[count++] = (struct http_field){names[k], slice_view_cstr(values[k])};
            }
        }
        struct outcome outcome = judge(SLICE("POST"), fields, count, slice_view_cstr(rows[i].body));
        CHECK_ROW(rows[i].name, outcome.http_status == rows[i].http_status);
        CHECK_ROW(rows[i].name, outcome.rpc_code == rows[i].rpc_code);
    }
}

/* Every name below is read as a known one by somebody: folded, normalised, or with invisible
 * characters taken out. */
/* Ids that are text, and names of methods: so many bytes, and one more. */
TEST(mcp_message_at_its_bounds)
{
    static const struct {
        const char *name, *before, *after;
        size_t bytes_max;
        int rpc_code; /* 0: taken; of a name that nobody knows: that it is none */
        int rpc_code_past;
    } rows[] = {
        {"an id", "{\"jsonrpc\":\"2.0\",\"method\":\"tools/list\",\"params\":{" META "},\"id\":\"",
         "\"}", MCP_ID_BYTES_MAX, 0, -32600},
        {"a method", "{\"jsonrpc\":\"2.0\",\"id\":1,\"params\":{" META "},\"method\":\"", "\"}",
         MCP_METHOD_BYTES_MAX, -32601, -32600},
    };
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        char text[BODY_BYTES_SMALL];
        char name[BODY_BYTES_SMALL / 2];
        size_t len = rows[i / 2].bytes_max + i % 2;
        memset(name, 'a', len);
        int bytes = snprintf(text, sizeof(text), "%s%.*s%s", rows[i / 2].before, (int)len, name,
                             rows[i / 2].after);
        bool is_method = i >= 2;
        struct http_field fields[] = {
            {SLICE("Host"), SLICE("gateway.test")},
            {SLICE("Content-Type"), SLICE("application/json")},
            {SLICE("Accept"), SLICE("application/json, text/event-stream")},
            {SLICE("MCP-Protocol-Version"), SLICE("2026-07-28")},
            {SLICE("Mcp-Method"), is_method ? slice_of(name, len) : SLICE("tools/list")},
        };
        struct outcome outcome =
            judge(SLICE("POST"), fields, COUNT_OF(fields), slice_of(text, (size_t)bytes));
        int expected = i % 2 == 0 ? rows[i / 2].rpc_code : rows[i / 2].rpc_code_past;
        CHECK_ROW(rows[i / 2].name, outcome.rpc_code == expected);
    }
}

TEST(mcp_message_refuses_look_alikes)
{
    static const struct {
        const char *name, *member;
        bool is_accepted;
    } rows[] = {
        {"capital", "Name", false},
        {"full width", "\xEF\xBD\x8E\xEF\xBD\x81\xEF\xBD\x8D\xEF\xBD\x85", false},
        {"mathematical",
         "\xF0\x9D\x90\xA7"
         "ame",
         false},
        {"superscript",
         "\xE2\x81\xBF"
         "ame",
         false},
        {"ligature", "inputRe\xEF\xAC\x86", false},
        {"Cyrillic", "n\xD0\xB0me", false},
        {"zero width space", "na\xE2\x80\x8Bme", false},
        {"soft hyphen", "na\xC2\xADme", false},
        {"byte order mark", "\xEF\xBB\xBFname", false},
        {"variation selector", "name\xEF\xB8\x8F", false},
        {"tag", "name\xF3\xA0\x81\xA1", false},
        {"C1 control", "na\xC2\x85me", false},
        {"DEL", "name\x7F", false},
        {"escaped tab", "name\\t", false},
        {"space", "name ", false},
        {"escaped full width", "\\uff4eame", false},
        {"none", "", false},
        {"another name", "example.com/vendor_key-1", true},
    };
    static const struct slice FIELDS[] = {SLICE_INIT("gateway.test"),
                                          SLICE_INIT("application/json"),
                                          SLICE_INIT("application/json, text/event-stream")};
    struct http_field fields[] = {{SLICE("Host"), FIELDS[0]},
                                  {SLICE("Content-Type"), FIELDS[1]},
                                  {SLICE("Accept"), FIELDS[2]}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int in_meta = 0; in_meta < 2; in_meta++) {
            char body[512];
            snprintf(body, sizeof(body),
                     in_meta
                         ? "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
                           "\"name\":\"t\",\"_meta\":{\"name\":1,\"%s\":1}}}"
                         : "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
                           "\"name\":\"t\",\"%s\":1}}",
                     rows[i].member);
            struct outcome outcome =
                judge(SLICE("POST"), fields, COUNT_OF(fields), slice_view_cstr(body));
            bool is_case_only = in_meta && i == 0; /* 'name' means nothing in _meta */
            bool is_accepted = rows[i].is_accepted || is_case_only;
            CHECK_ROW(rows[i].name, outcome.http_status == (is_accepted ? 200 : 400));
            CHECK_ROW(rows[i].name, outcome.rpc_code == (is_accepted ? 0 : -32600));
        }
    }
}

TEST(mcp_admission_takes_one_authorization)
{
    struct http_field fields[] = {{SLICE("Host"), SLICE("gateway.test")},
                                  {SLICE("Content-Type"), SLICE("application/json")},
                                  {SLICE("Accept"), SLICE("application/json, text/event-stream")},
                                  {SLICE("Authorization"), SLICE("Bearer a")},
                                  {SLICE("authorization"), SLICE("Bearer a")}};
    struct slice body = SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
    CHECK(judge(SLICE("POST"), fields, 4, body).http_status == 200);
    CHECK(judge(SLICE("POST"), fields, 5, body).http_status == 400);
}

TEST(mcp_admission_needs_both_media_types)
{
    static const struct {
        const char *accept;
        int http_status;
    } rows[] = {
        {"application/json, text/event-stream", 200},
        {"*/*", 200},
        {"text/event-stream;q=0.1,application/json;charset=x;q=0.01", 200},
        {"application/json", 406},
        {"application/*, text/event-stream", 406},
        {"application/json;q=0, text/event-stream", 406},
        {"application/json, text/event-stream;Q=0.000", 406},
        {"application/json; a=b; q=0.0, text/event-stream", 406},
        {"", 406},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_field fields[] = {{SLICE("Host"), SLICE("gateway.test")},
                                      {SLICE("Content-Type"), SLICE("application/json")},
                                      {SLICE("Accept"), slice_view_cstr(rows[i].accept)}};
        struct outcome outcome = judge(SLICE("POST"), fields, COUNT_OF(fields),
                                       SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"));
        CHECK_ROW(rows[i].accept, outcome.http_status == rows[i].http_status);
    }
}

/* What arguments are called is the server's business. */
TEST(mcp_message_takes_any_name_of_an_argument)
{
    struct http_field fields[] = {{SLICE("Host"), SLICE("gateway.test")},
                                  {SLICE("Content-Type"), SLICE("application/json")},
                                  {SLICE("Accept"), SLICE("application/json, text/event-stream")}};
    struct outcome outcome =
        judge(SLICE("POST"), fields, COUNT_OF(fields),
              SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
                    "\"t\",\"arguments\":{\"Gr\xC3\xB6\xC3\x9F"
                    "e\":1,\"NAME\":1,\"\":1}}}"));
    CHECK(outcome.http_status == 200);
}

TEST(mcp_mirror_encodes_what_a_field_cannot_hold)
{
    static const struct {
        const char *value, *expected;
    } rows[] = {
        {"read_report", "read_report"},
        {"", ""},
        {" x", "=?base64?IHg=?="},
        {"x\ty", "=?base64?eAl5?="},
        {"eu\r\nX-Admin: 1", "=?base64?ZXUNClgtQWRtaW46IDE=?="},
        {"r\xC3\xA9sum\xC3\xA9", "=?base64?csOpc3Vtw6k=?="},
        {"=?base64?eA==?=", "=?base64?PT9iYXNlNjQ/ZUE9PT89?="},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf buf;
        buf_init(&buf, 1024, NULL);
        mcp_mirror_encode(&buf, slice_view_cstr(rows[i].value));
        CHECK_ROW(rows[i].value, mcp_mirror_is_plain(slice_view_cstr(rows[i].value)) ==
                                     slice_eq(buf_view(&buf), slice_view_cstr(rows[i].value)));
        CHECK_ROW(rows[i].value, slice_eq(buf_view(&buf), slice_view_cstr(rows[i].expected)));
        buf_release(&buf);
    }
}

TEST(mcp_revisions_are_names)
{
    CHECK(mcp_revision_parse(SLICE("2026-07-28")) == MCP_2026_07_28);
    CHECK(mcp_revision_parse(SLICE("v999")) == MCP_REVISION_NONE);
    CHECK(mcp_revision_parse(SLICE("")) == MCP_REVISION_NONE);
    CHECK(mcp_revision_parse(SLICE("2026-07-28 ")) == MCP_REVISION_NONE);
    for (enum mcp_revision i = MCP_REVISION_NONE + 1; i < MCP_REVISION_COUNT; i++) {
        CHECK(mcp_revision_parse(mcp_revision_name(i)) == i);
    }
}

/* A field whose name the HTTP guard refuses never gets here. */
static bool guard_refuses(const struct http_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_find_byte(fields[i].name, '_') < fields[i].name.len) {
            return true;
        }
    }
    return false;
}

static void check_wire_case(const struct corpus_line *line, void *context)
{
    struct http_field fields[64] = {{SLICE("Host"), SLICE("gateway.test")}};
    size_t count = 1;
    (void)context;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref pair = JSON_NONE;
    json_iter_init(&iter, &line->tape, json_member(&line->tape, 0, SLICE("headers")));
    while (count < COUNT_OF(fields) && json_iter_next(&iter, &key, &pair)) {
        struct arena *arena = (struct arena *)(uintptr_t)&line->arena;
        struct http_field *field = &fields[count++];
        CHECK_ROW(line->id,
                  json_string(&line->tape, pair + 1, arena, &field->name) == STATUS_OK &&
                      json_string(&line->tape, pair + 2, arena, &field->value) == STATUS_OK);
    }
    struct outcome outcome =
        judge(corpus_text(line, 0, "method"), fields, count, corpus_bytes(line, 0, "body_b64"));
    int64_t http = 0;
    int64_t code = 0;
    json_ref expect = json_member(&line->tape, 0, SLICE("expect"));
    json_ref wanted_code = json_member(&line->tape, expect, SLICE("jsonrpc_code"));
    CHECK_ROW(line->id, json_integer(&line->tape, json_member(&line->tape, expect, SLICE("http")),
                                     &http) == STATUS_OK);
    if (guard_refuses(fields, count)) {
        CHECK_ROW(line->id, http == 400);
        return;
    }
    CHECK_ROW(line->id, outcome.http_status == http);
    CHECK_ROW(line->id, corpus_flag(line, expect, "forwarded") == (outcome.http_status == 200));
    if (json_integer(&line->tape, wanted_code, &code) == STATUS_OK) {
        CHECK_ROW(line->id, outcome.rpc_code == code);
    }
}

TEST(corpus_own_wire_jsonrpc)
{
    (void)corpus_each_line("attack-data/own-wire-jsonrpc/cases.jsonl", check_wire_case, NULL);
}

static void append_built(const struct corpus_line *line, struct buf *body)
{
    json_ref build = json_member(&line->tape, 0, SLICE("build"));
    int64_t times = 0;
    CHECK_ROW(line->id, json_integer(&line->tape, json_member(&line->tape, build, SLICE("times")),
                                     &times) == STATUS_OK);
    struct slice repeat = corpus_text(line, build, "repeat");
    struct slice counter = corpus_text(line, build, "counter");
    buf_append(body, corpus_text(line, build, "head"));
    for (int64_t i = 0; i < times && body->len <= BODY_BYTES_MAX; i++) {
        /* "k%06d": the text before '%', the number, the text after 'd'. */
        size_t percent = slice_find_byte(counter, '%');
        size_t end = slice_find_byte(counter, 'd');
        buf_append(body, repeat);
        buf_append(body, slice_sub(counter, 0, percent));
        if (percent < counter.len) {
            buf_append_u64(body, (uint64_t)(1000000 + i));
            buf_append(body, slice_sub(counter, end + 1, counter.len));
        }
    }
    buf_append(body, corpus_text(line, build, "tail"));
}

static void check_built_case(const struct corpus_line *line, void *context)
{
    static const struct http_field FIELDS[] = {
        {SLICE_INIT("Host"), SLICE_INIT("gateway.test")},
        {SLICE_INIT("Content-Type"), SLICE_INIT("application/json")},
        {SLICE_INIT("Accept"), SLICE_INIT("application/json, text/event-stream")}};
    struct buf body;
    int64_t http = 0;
    (void)context;
    buf_init(&body, (size_t)80 << 20, NULL);
    append_built(line, &body);
    json_ref expect = json_member(&line->tape, 0, SLICE("expect"));
    CHECK_ROW(line->id, json_integer(&line->tape, json_member(&line->tape, expect, SLICE("http")),
                                     &http) == STATUS_OK);
    struct outcome outcome = judge(SLICE("POST"), FIELDS, COUNT_OF(FIELDS), buf_view(&body));
    /* A body past the cap is refused by size, whatever it holds. */
    CHECK_ROW(line->id, outcome.http_status == http || outcome.http_status == 413);
    CHECK_ROW(line->id, outcome.http_status != 200);
    buf_release(&body);
}

TEST(corpus_own_wire_jsonrpc_generated)
{
    (void)corpus_each_line("attack-data/own-wire-jsonrpc/generated.jsonl", check_built_case, NULL);
}

TEST(mcp_admission_of_requests_without_a_body)
{
    static const struct {
        const char *name, *method, *accept, *version;
        int http_status; /* where there are sessions; elsewhere 405 */
    } rows[] = {
        {"stream", "GET", "text/event-stream", "2025-11-25", 200},
        {"stream, anything goes", "GET", "*/*", "2025-11-25", 200},
        {"stream of JSON", "GET", "application/json", "2025-11-25", 406},
        {"stream that is none", "GET", "text/event-stream;q=0", "2025-11-25", 406},
        {"stream of a modern client", "GET", "text/event-stream", "2026-07-28", 405},
        {"end", "DELETE", "text/html", "2025-11-25", 200},
        {"end by a modern client", "DELETE", "*/*", "2026-07-28", 405},
        {"another case", "get", "*/*", "2025-11-25", 405},
        {"another method", "PATCH", "*/*", "2025-11-25", 405},
    };
    static const struct slice HOSTS[] = {SLICE_INIT("gateway.test")};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_field fields[] = {
            {SLICE("Host"), HOSTS[0]},
            {SLICE("Accept"), slice_view_cstr(rows[i].accept)},
            {SLICE("MCP-Protocol-Version"), slice_view_cstr(rows[i].version)}};
        for (int has_sessions = 0; has_sessions < 2; has_sessions++) {
            struct admission_rules rules = {
                .hosts = HOSTS, .host_count = 1, .has_sessions = has_sessions != 0};
            int http_status = 200;
            (void)!admission_check(&rules, slice_view_cstr(rows[i].method), fields,
                                   COUNT_OF(fields), &http_status, NULL);
            CHECK_ROW(rows[i].name, http_status == (has_sessions != 0 ? rows[i].http_status : 405));
        }
    }
}

TEST(mcp_head_of_a_request_without_a_body)
{
    static const struct {
        const char *name, *first, *second;
        int http_status;
    } rows[] = {
        {"both", "MCP-Protocol-Version: 2025-11-25", "Mcp-Session-Id: s", 200},
        {"no version", "Mcp-Session-Id: s", "X: y", 200},
        {"two sessions", "Mcp-Session-Id: s", "mcp-session-id: s", 400},
        {"two versions", "MCP-Protocol-Version: 2025-11-25", "mcp-protocol-version: 2025-11-25",
         400},
        {"no revision of ours", "MCP-Protocol-Version: 1999-01-01", "Mcp-Session-Id: s", 400},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *texts[] = {rows[i].first, rows[i].second};
        struct http_field fields[2];
        for (size_t k = 0; k < COUNT_OF(fields); k++) {
            struct slice text = slice_view_cstr(texts[k]);
            size_t colon = slice_find_byte(text, ':');
            fields[k] = (struct http_field){slice_sub(text, 0, colon),
                                            slice_sub(text, colon + 2, text.len)};
        }
        struct mcp_message_input input = {.fields = fields, .field_count = COUNT_OF(fields)};
        struct mcp_message message;
        struct mcp_refusal refusal;
        enum status status =
            mcp_message_read_head(&input, SLICE("DELETE"), &message, &refusal, NULL);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].http_status == 200));
        if (status == STATUS_OK) {
            CHECK_ROW(rows[i].name, slice_eq(message.session_id, SLICE("s")));
            CHECK_ROW(rows[i].name, message.method->kind == MCP_KIND_DELETE);
        } else {
            CHECK_ROW(rows[i].name, refusal.http_status == rows[i].http_status);
        }
    }
}
