/* HTTP with SSE (MCP 2024-11-05): the stream, the messages posted to it, and who may post. */
#include "core/gateway/client_session.h"
#include "core/gateway/client_stream.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>
#include <stdlib.h>

#define SSE "/servers/bank/sse"
#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{}}}"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}"
#define SEE "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define HEAD_TEXT "event: endpoint\ndata: messages?session="
#define TARGET_BYTES 512

static struct world worlds[WORLD_LOOPS];
static struct world_client client, stream;
static char target[TARGET_BYTES];

static void run(void)
{
    for (int i = 0; i < 2; i++) {
        world_run(&worlds[0]);
        world_run(&worlds[1]);
    }
}

static void post(size_t loop, const char *body)
{
    world_post(&worlds[loop], &client, target, body, NULL, NULL, NULL);
    run();
}

/* Open a stream on the first loop and keep the address of its messages. */
static void begin(void)
{
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        world_init(&worlds[i], PERMIT_ALL);
    }
    world_pair(&worlds[0], &worlds[1]);
    world_ask(&worlds[0], &stream, "GET", SSE, NULL);
    run();
    const char *id = strstr(stream.body, HEAD_TEXT);
    CHECK(stream.status_code == 200 && id != NULL && !stream.stream_ended);
    id = id == NULL ? "" : id + strlen(HEAD_TEXT);
    CHECK(snprintf(target, sizeof(target), "/servers/bank/messages?session=%.*s",
                   (int)strcspn(id, "\n"), id) < TARGET_BYTES);
}

static void release(void)
{
    world_release(&worlds[0]);
    world_release(&worlds[1]);
}

static bool streamed(const char *text)
{
    return strstr(stream.body, text) != NULL;
}

TEST(sse_answers_on_the_stream_whatever_loop_took_the_post)
{
    for (size_t loop = 0; loop < WORLD_LOOPS; loop++) {
        begin();
        post(loop, INITIALIZE);
        CHECK(client.status_code == 202 && client.body[0] == '\0' && client.is_released);
        CHECK(streamed("event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{"
                       "\"protocolVersion\":\"2025-06-18\""));
        post(loop, SEE);
        CHECK(client.status_code == 202 && client.body[0] == '\0');
        CHECK(streamed("\"id\":2,\"result\":") && !stream.stream_ended);
        CHECK(world_count_records(&worlds[0], "bank.see", "\"outcome\"") == 1);
        release();
    }
}

TEST(sse_refusals_come_on_the_stream_too)
{
    begin();
    post(0, INITIALIZE);
    post(0,
         "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"none\"}}");
    CHECK(client.status_code == 202 && streamed("\"id\":7,\"error\":{\"code\":-32602"));
    release();
}

TEST(sse_has_one_handshake_and_nothing_before_it)
{
    begin();
    post(0, PING);
    CHECK(client.status_code == 404 && !streamed("\"p\""));
    post(0, INITIALIZE);
    post(0, PING);
    CHECK(client.status_code == 202 && streamed("\"id\":\"p\",\"result\":{}"));
    post(0, INITIALIZE);
    CHECK(client.status_code == 202 && streamed("the session has begun already"));
    CHECK(world_count_records(&worlds[0], "session.mismatch", "session.begun") == 1);
    release();
}

TEST(sse_posts_of_others_find_no_stream)
{
    static const struct principal BOB = {.issuer = SLICE_INIT("dev"), .subject = SLICE_INIT("bob")};
    struct diag diag = {0};
    begin();
    post(0, INITIALIZE);
    struct principal *ann = worlds[0].snapshot->local_principal;
    CHECK(principal_new(&BOB, &worlds[0].crypto.port, &worlds[0].snapshot->local_principal,
                        &diag) == STATUS_OK);
    post(0, PING);
    CHECK(client.status_code == 404 && !streamed("\"p\""));
    principal_unref(worlds[0].snapshot->local_principal);
    worlds[0].snapshot->local_principal = ann;
    release();
}

TEST(sse_refuses_what_is_no_message_of_a_stream)
{
    static const struct {
        const char *target;
        int status;
    } rows[] = {
        {"/servers/bank/messages?session=", 400},
        {"/servers/bank/messages?session=AAAA", 404},
        {"/servers/bank/messages", 400},
        {"/servers/bank/messages?other=1", 400},
        {"/servers/bank/sse", 405},
        {"/servers/bank/sse?session=1", 400},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin();
        memcpy(target, rows[i].target, strlen(rows[i].target) + 1);
        struct http_field fields[] = {
            {SLICE("Host"), SLICE("gateway.test")},
            {SLICE("Content-Type"), SLICE("application/json")},
            {SLICE("Accept"), SLICE("application/json, text/event-stream")}};
        struct exchange_request request = {.method = SLICE("POST"),
                                           .target = slice_view_cstr(target),
                                           .fields = fields,
                                           .field_count = COUNT_OF(fields),
                                           .body = SLICE(PING),
                                           .peer_ip = SLICE("127.0.0.1")};
        (void)world_send(&worlds[0], &client, &request);
        run();
        CHECK_ROW(rows[i].target, client.status_code == rows[i].status && !streamed("\"p\""));
        release();
    }
}

/* The id of a session over Streamable HTTP opens no way to a stream, and the other way round. */
TEST(sse_sessions_and_others_are_apart)
{
    begin();
    post(0, INITIALIZE);
    const char *id = strstr(target, "session=") + strlen("session=");
    world_post(&worlds[0], &client, BANK, PING, NULL, NULL, id);
    run();
    CHECK(client.status_code == 404 || client.status_code == 400);
    world_post(&worlds[0], &client, BANK, INITIALIZE, NULL, NULL, NULL);
    run();
    CHECK(client.status_code == 200 && client.session_id[0] != '\0');
    CHECK(snprintf(target, sizeof(target), "/servers/bank/messages?session=%s", client.session_id) <
          TARGET_BYTES);
    post(0, PING);
    CHECK(client.status_code == 404 && !streamed("\"p\""));
    release();
}

TEST(sse_session_ends_with_its_stream)
{
    begin();
    post(0, INITIALIZE);
    CHECK(worlds[0].gateway.client_count == 1);
    stream.exchange.on_gone(&stream.exchange);
    run();
    CHECK(worlds[0].gateway.client_count == 0);
    post(0, PING);
    CHECK(client.status_code == 404);
    release();
}

TEST(sse_takes_no_modern_message)
{
    begin();
    post(0, INITIALIZE);
    world_post(
        &worlds[0], &client, target,
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"server/discover\",\"params\":{\"_meta\":{"
        "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
        "\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
        "server/discover", NULL, NULL);
    run();
    CHECK(client.status_code == 400 && !streamed("\"id\":3"));
    release();
}
