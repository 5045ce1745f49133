/* Pages in a browser: what a listed origin may read, and what nobody else hears. */
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"

#define PAGE "https://page.test"
#define NAMED "Access-Control-Allow-Origin: " PAGE "\nVary: Origin\n"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}"

static struct world world;
static struct world_client client;

static void begin(void)
{
    static const struct slice ORIGINS[] = {SLICE_INIT(PAGE)};
    world_init(&world, PERMIT_ALL);
    world.snapshot->origins = ORIGINS;
    world.snapshot->origin_count = 1;
}

struct field_text {
    const char *name, *value; /* NULL: none */
};

/* A list of tools unless the fields that are given, which replace those of the same name, say
 * otherwise. */
static bool send(const char *method, const char *target, const char *origin, struct field_text more)
{
    struct http_field fields[8] = {{SLICE("Host"), SLICE("gateway.test")},
                                   {SLICE("Content-Type"), SLICE("application/json")},
                                   {SLICE("Accept"), SLICE("application/json, text/event-stream")},
                                   {SLICE("MCP-Protocol-Version"), SLICE("2026-07-28")},
                                   {SLICE("Mcp-Method"), SLICE("tools/list")}};
    size_t count = 5;
    if (origin != NULL) {
        fields[count++] = (struct http_field){SLICE("Origin"), slice_view_cstr(origin)};
    }
    for (size_t i = 0; more.name != NULL && i <= count; i++) {
        if (i == count || slice_eq(fields[i].name, slice_view_cstr(more.name))) {
            fields[i] =
                (struct http_field){slice_view_cstr(more.name), slice_view_cstr(more.value)};
            count += i == count ? 1 : 0;
            break;
        }
    }
    struct exchange_request request = {.method = slice_view_cstr(method),
                                       .target = slice_view_cstr(target),
                                       .fields = fields,
                                       .field_count = count,
                                       .body = SLICE(LIST),
                                       .peer_ip = SLICE("127.0.0.1")};
    bool is_admitted = world_send(&world, &client, &request);
    world_run(&world);
    return is_admitted;
}

static bool has_field(const char *text)
{
    return strstr(client.fields, text) != NULL;
}

TEST(browser_page_reads_answers_and_refusals)
{
    static const struct {
        const char *name, *method, *target;
        struct field_text more;
        int http_status;
        bool is_known; /* the caller */
    } rows[] = {
        {"an answer", "POST", BANK, {NULL, NULL}, 200, true},
        {"no token", "POST", BANK, {NULL, NULL}, 401, false},
        {"no token and a large body", "POST", BANK, {"Content-Length", "20000"}, 401, false},
        {"a token in the address", "POST", BANK "?access_token=x", {NULL, NULL}, 400, true},
        {"another method", "GET", BANK, {NULL, NULL}, 405, true},
        {"another media type", "POST", BANK, {"Content-Type", "text/plain"}, 415, true},
        {"another answer", "POST", BANK, {"Accept", "text/html"}, 406, true},
        {"no such endpoint", "POST", "/servers/none/mcp", {NULL, NULL}, 404, true},
        {"another message", "POST", BANK, {"Mcp-Method", "tools/call"}, 400, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin();
        struct principal *principal = world.snapshot->local_principal;
        world.snapshot->local_principal = rows[i].is_known ? principal : NULL;
        (void)send(rows[i].method, rows[i].target, PAGE, rows[i].more);
        CHECK_ROW(rows[i].name, client.status_code == rows[i].http_status);
        CHECK_ROW(rows[i].name, has_field(NAMED) && has_field("Expose-Headers: WWW-Authenticate"));
        /* Without a page there is nobody to tell. */
        (void)send(rows[i].method, rows[i].target, NULL, rows[i].more);
        CHECK_ROW(rows[i].name, client.status_code == rows[i].http_status);
        CHECK_ROW(rows[i].name, !has_field("Access-Control") && !has_field("Vary"));
        world.snapshot->local_principal = principal;
        world_release(&world);
    }
}

/* What the transport refuses by itself is for a page as well, but for one that was not on the list
 * and for a head without an end. */
TEST(browser_page_reads_what_the_transport_refuses)
{
    static const struct {
        const char *name, *target, *host, *origin;
        bool is_named;
    } rows[] = {
        {"a listed page", BANK, "gateway.test", PAGE, true},
        {"no page", BANK, "gateway.test", NULL, false},
        {"another page", BANK, "gateway.test", "https://evil.test", false},
        {"another host", BANK, "evil.test", PAGE, false},
        {"half a head", "", "gateway.test", PAGE, false},
    };
    begin();
    struct exchange_handler handler = gateway_handler(&world.gateway);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_field fields[2] = {{SLICE("Host"), slice_view_cstr(rows[i].host)}};
        size_t count = 1;
        if (rows[i].origin != NULL) {
            fields[count++] = (struct http_field){SLICE("Origin"), slice_view_cstr(rows[i].origin)};
        }
        struct exchange_request head = {.target = slice_view_cstr(rows[i].target),
                                        .fields = fields,
                                        .field_count = count,
                                        .peer_ip = SLICE("10.0.0.1")};
        struct exchange_reply reply = {.status_code = 413};
        handler.refused(handler.context, &head, "http.body_too_large", &reply);
        CHECK_ROW(rows[i].name, reply.status_code == 413);
        CHECK_ROW(rows[i].name, (reply.field_count > 0) == rows[i].is_named);
        CHECK_ROW(rows[i].name,
                  !rows[i].is_named ||
                      (slice_eq(reply.fields[0].value, SLICE(PAGE)) &&
                       slice_starts_with(reply.fields[2].value, SLICE("WWW-Authenticate"))));
    }
    CHECK(world_count_records(&world, "http.body_too_large", "") == COUNT_OF(rows));
    world_release(&world);
}

/* One way to say who calls: otherwise nobody is asked, and the reason is in the audit alone. */
TEST(browser_or_not_a_token_stands_at_one_place)
{
    static const struct {
        const char *name, *target, *code;
        size_t field_count;
    } rows[] = {
        {"twice", BANK, "token.repeated", 2},
        {"in the address", BANK "?access_token=secret", "token.query", 0},
        {"in the address, not first", BANK "?a=b&Access_Token=secret", "token.query", 0},
        {"in both", BANK "?access_token=secret", "token.query", 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin();
        struct http_field fields[5] = {
            {SLICE("Host"), SLICE("gateway.test")},
            {SLICE("Content-Type"), SLICE("application/json")},
            {SLICE("Accept"), SLICE("application/json, text/event-stream")},
            {SLICE("Authorization"), SLICE("Bearer a")},
            {SLICE("authorization"), SLICE("Bearer b")}};
        struct exchange_request request = {.method = SLICE("POST"),
                                           .target = slice_view_cstr(rows[i].target),
                                           .fields = fields,
                                           .field_count = 3 + rows[i].field_count,
                                           .body = SLICE(LIST),
                                           .peer_ip = SLICE("127.0.0.1")};
        CHECK_ROW(rows[i].name, !world_send(&world, &client, &request));
        CHECK_ROW(rows[i].name, client.status_code == 400);
        CHECK_ROW(rows[i].name, strstr(client.challenge, "error=\"invalid_request\"") != NULL);
        CHECK_ROW(rows[i].name, strstr(client.challenge, "secret") == NULL);
        CHECK_ROW(rows[i].name, world_count_records(&world, rows[i].code, "auth.reject") == 1);
        CHECK_ROW(rows[i].name, world.call_count == 0);
        world_release(&world);
    }
}

TEST(browser_page_of_another_origin_hears_nothing)
{
    static const char *const origins[] = {"https://evil.test", "null",           "*", "",
                                          PAGE ":8443",        PAGE ".evil.test"};
    static const char *const methods[] = {"POST", "OPTIONS", "GET"};
    begin();
    for (size_t i = 0; i < COUNT_OF(origins); i++) {
        for (size_t k = 0; k < COUNT_OF(methods); k++) {
            CHECK_ROW(origins[i],
                      !send(methods[k], BANK, origins[i],
                            (struct field_text){"Access-Control-Request-Method", "POST"}));
            CHECK_ROW(origins[i], client.status_code == 403 && client.fields[0] == '\0');
            CHECK_ROW(origins[i], client.body[0] == '\0');
        }
    }
    CHECK(world.call_count == 0);
    CHECK(world_count_records(&world, "origin_refused", "") ==
          COUNT_OF(origins) * COUNT_OF(methods));
    world_release(&world);
}

TEST(browser_page_asks_first)
{
    static const struct {
        const char *name, *target, *origin, *asked;
        int http_status;
    } rows[] = {
        {"the endpoint of all", "/mcp", PAGE, "POST", 204},
        {"that of one", BANK, PAGE, "POST", 204},
        {"that of none, which is not told", "/servers/none/mcp", PAGE, "POST", 204},
        {"no endpoint", "/servers/bank", PAGE, "POST", 404},
        {"all of the server", "*", PAGE, "POST", 404},
        {"a method that there is not", "/mcp", PAGE, "PUT", 405},
        {"no page", "/mcp", NULL, "POST", 405},
        {"health", "/healthz", PAGE, "GET", 405},
        {"readiness", "/ready", PAGE, "GET", 405},
    };
    begin();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t records = world.record_count;
        bool is_granted = rows[i].http_status == 204;
        struct field_text asked = {"Access-Control-Request-Method", rows[i].asked};
        CHECK_ROW(rows[i].name,
                  send("OPTIONS", rows[i].target, rows[i].origin, asked) == is_granted);
        CHECK_ROW(rows[i].name, client.status_code == rows[i].http_status);
        CHECK_ROW(rows[i].name, has_field("Allow-Headers: Authorization, ") == is_granted);
        CHECK_ROW(rows[i].name, !has_field("*") && !has_field("Credentials"));
        CHECK_ROW(rows[i].name, world.record_count == records + (is_granted ? 0 : 1));
        CHECK_ROW(rows[i].name, client.is_released == is_granted);
    }
    CHECK(world.call_count == 0 && world.gateway.operation_count == 0);
    world_release(&world);
}

/* The metadata is for any page, before it has a token. */
TEST(browser_page_asks_for_metadata)
{
    static const struct field_text ASKED = {"Access-Control-Request-Method", "GET"};
    begin();
    CHECK(send("OPTIONS", "/.well-known/oauth-protected-resource/mcp", "https://any.test", ASKED));
    CHECK(client.status_code == 204 && has_field("Allow-Headers: MCP-Protocol-Version\n"));
    CHECK(has_field("Access-Control-Allow-Origin: *\n") && !has_field("Authorization"));
    CHECK(!send("OPTIONS", "/.well-known/other", "https://any.test", ASKED));
    CHECK(client.status_code == 404 && client.fields[0] == '\0');
    CHECK(!send("POST", "/.well-known/oauth-protected-resource/mcp", PAGE, ASKED));
    CHECK(client.status_code == 405);
    world_release(&world);
}

TEST(browser_page_reads_a_stream)
{
    static const struct http_field FIELDS[] = {
        {SLICE_INIT("Host"), SLICE_INIT("gateway.test")},
        {SLICE_INIT("Content-Type"), SLICE_INIT("application/json")},
        {SLICE_INIT("Accept"), SLICE_INIT("application/json, text/event-stream")},
        {SLICE_INIT("MCP-Protocol-Version"), SLICE_INIT("2026-07-28")},
        {SLICE_INIT("Mcp-Method"), SLICE_INIT("tools/call")},
        {SLICE_INIT("Mcp-Name"), SLICE_INIT("see")},
        {SLICE_INIT("Origin"), SLICE_INIT(PAGE)}};
    struct exchange_request request = {
        .method = SLICE("POST"),
        .target = SLICE(BANK),
        .fields = FIELDS,
        .field_count = COUNT_OF(FIELDS),
        .body =
            SLICE("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"
                  "\"see\",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"
                  "\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{},"
                  "\"progressToken\":1}}}"),
        .peer_ip = SLICE("127.0.0.1")};
    begin();
    world.held_method = "tools/call";
    CHECK(world_send(&world, &client, &request));
    world_run(&world);
    world_message(world_find_call(&world, "tools/call"),
                  "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                  "\"progressToken\":%ID,\"progress\":1}}");
    CHECK(client.stream_begun && has_field("Content-Type: text/event-stream\n"));
    CHECK(has_field(NAMED));
    world_release(&world);
}

TEST(browser_page_hears_of_an_overload)
{
    begin();
    world.gateway.limits.operations = 0;
    CHECK(send("POST", BANK, PAGE, (struct field_text){NULL, NULL}));
    CHECK(client.status_code == 503 && has_field(NAMED) && has_field("Retry-After: 1\n"));
    world_release(&world);
}
