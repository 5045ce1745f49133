/* What callers have open when they are shut out, on one loop and on two. */
#include "core/gateway/cut_off.h"

#include "support/check.h"
#include "support/corpus.h"
#include "support/fake_world.h"

#define ANN "{\"issuer\":\"dev\",\"subject\":\"ann\",\"reason\":\"left\"}"
#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{}}}"
#define LEGACY_SEE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define LISTEN                                                                                     \
    "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"subscriptions/listen\",\"params\":{"           \
    "\"notifications\":{\"toolsListChanged\":true}," META "}}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}"
#define LOG                                                                                        \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"                      \
    "\"progressToken\":%ID,\"progress\":1}}"
#define CALL_WITH_PROGRESS                                                                         \
    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"tools/call\",\"params\":{\"name\":\"see\","    \
    "\"arguments\":{},\"_meta\":{\"progressToken\":\"p\","                                         \
    "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                                  \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}}}"
#define RESULT "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}"
#define DISCOVERED                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\","                     \
    "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{\"listChanged\":true}}}}"

static const struct world_answer ANSWERS[] = {{0, "server/discover", DISCOVERED}};
static struct world worlds[WORLD_LOOPS];
static struct world_client client, second;
static char session[512];

static void run(void)
{
    for (int i = 0; i < 3; i++) {
        world_run(&worlds[0]);
        world_run(&worlds[1]);
    }
}

static void begin(void)
{
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        world_init(&worlds[i], PERMIT_ALL);
    }
    world_pair(&worlds[0], &worlds[1]);
}

static void release(void)
{
    world_release(&worlds[0]);
    world_release(&worlds[1]);
}

/* As the control loop does it: one list, a switch for each loop. */
static void put_in_force(const char *text)
{
    struct revocations *list = NULL;
    CHECK(revocations_read(corpus_parser(), slice_view_cstr(text), 16, &list, NULL) == STATUS_OK);
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        struct gateway_snapshot *snapshot = world_snapshot(PERMIT_ALL, ALL_REVISIONS);
        snapshot->revocations = revocations_ref(list);
        worlds[i].snapshot = snapshot;
        gateway_switch(&worlds[i].gateway, snapshot);
    }
    revocations_unref(list);
    run();
}

static size_t records(size_t loop, const char *text)
{
    return world_count_records(&worlds[loop], text, "token.revoked");
}

static bool is_shut_out(const struct world_client *by)
{
    return by->is_replied && by->status_code == 401 && by->is_released &&
           strstr(by->challenge, "error=\"invalid_token\"") != NULL;
}

static struct world_call *call_tool(size_t loop, const char *body)
{
    worlds[loop].held_method = "tools/call";
    world_post(&worlds[loop], &client, BANK, body, "tools/call", "see", NULL);
    run();
    struct world_call *call = world_find_call(&worlds[loop], "tools/call");
    CHECK(call != NULL && !client.is_replied);
    return call;
}

static void finish(struct world_call *call)
{
    world_message(call, RESULT);
    world_end(call, STATUS_OK, NULL);
    run();
}

static void open_session(size_t loop)
{
    world_post(&worlds[loop], &client, BANK, INITIALIZE, NULL, NULL, NULL);
    run();
    CHECK(client.status_code == 200 && client.session_id[0] != '\0');
    memcpy(session, client.session_id, sizeof(session));
}

TEST(cut_off_callers_begin_nothing_any_more)
{
    begin();
    put_in_force(ANN);
    world_post(&worlds[0], &client, BANK, LIST, "tools/list", NULL, NULL);
    run();
    CHECK(is_shut_out(&client) && client.body[0] == '\0');
    CHECK(records(0, "auth.reject") == 1 && worlds[0].call_count == 0);
    CHECK(world_count_records(&worlds[0], "revoked by its subject: left", "") == 1);
    put_in_force("# nobody");
    world_post(&worlds[0], &client, BANK, LIST, "tools/list", NULL, NULL);
    run();
    CHECK(client.status_code == 200);
    release();
}

TEST(cut_off_calls_are_taken_back_at_the_server)
{
    begin();
    struct world_call *call = call_tool(0, CALL_SEE);
    put_in_force(ANN);
    CHECK(is_shut_out(&client) && client.body[0] == '\0');
    CHECK(call->is_cancelled && records(0, "\"phase\":\"outcome\"") == 1);
    release();
}

TEST(cut_off_calls_whose_stream_has_begun_end_in_it)
{
    begin();
    struct world_call *call = call_tool(0, CALL_WITH_PROGRESS);
    world_message(call, LOG);
    run();
    CHECK(client.stream_begun);
    put_in_force(ANN);
    CHECK(call->is_cancelled && client.stream_ended && client.is_released);
    CHECK(strstr(client.body, "\"code\":40101") != NULL);
    CHECK(strstr(client.body, "\"result\"") == NULL);
    release();
}

/* What others have open goes on, and so does what the list does not reach. */
TEST(cut_off_nobody_else)
{
    static const char *const LISTS[] = {
        "# nobody",
        "{\"issuer\":\"dev\",\"subject\":\"bob\"}",
        "{\"issuer\":\"other\",\"subject\":\"ann\"}",
        "{\"issuer\":\"dev\",\"subject\":\"ann\",\"expires_at\":1}",
    };
    for (size_t i = 0; i < COUNT_OF(LISTS); i++) {
        begin();
        open_session(0);
        world_ask(&worlds[0], &second, "GET", BANK, session);
        struct world_call *call = call_tool(0, CALL_SEE);
        put_in_force(LISTS[i]);
        CHECK_ROW(LISTS[i], call->is_open && !second.stream_ended && !second.is_released);
        finish(call);
        CHECK_ROW(LISTS[i], client.status_code == 200);
        CHECK_ROW(LISTS[i], records(0, "") == 0);
        release();
    }
}

/* A reload with the list that is in force by then ends nothing that was let in under it. */
TEST(cut_off_only_by_another_list)
{
    begin();
    put_in_force("# nobody");
    struct world_call *call = call_tool(0, CALL_SEE);
    struct gateway_snapshot *next = NULL;
    CHECK(gateway_snapshot_derive(worlds[0].snapshot, &next) == STATUS_OK);
    CHECK(next->revocations == worlds[0].snapshot->revocations);
    gateway_switch(&worlds[0].gateway, next);
    CHECK(call->is_open);
    finish(call);
    CHECK(client.status_code == 200);
    release();
}

/* A record cannot be called back; what would follow from it is not done. */
TEST(cut_off_while_the_intent_is_written)
{
    begin();
    worlds[0].holds_records = true;
    world_post(&worlds[0], &client, BANK, CALL_SEE, "tools/call", "see", NULL);
    run();
    CHECK(!client.is_replied);
    put_in_force(ANN);
    worlds[0].holds_records = false;
    run();
    CHECK(is_shut_out(&client));
    CHECK(world_count_calls(&worlds[0], "tools/call") == 0);
    release();
}

TEST(cut_off_while_the_outcome_is_written)
{
    begin();
    struct world_call *call = call_tool(0, CALL_SEE);
    worlds[0].holds_records = true;
    finish(call);
    put_in_force(ANN);
    CHECK(!client.is_replied);
    worlds[0].holds_records = false;
    run();
    CHECK(is_shut_out(&client) && client.body[0] == '\0');
    release();
}

/* Time that runs out behind it does not bring the caller back in. */
TEST(cut_off_before_the_deadline)
{
    begin();
    worlds[0].holds_records = true;
    world_post(&worlds[0], &client, "/mcp", LIST, "tools/list", NULL, NULL);
    run();
    put_in_force(ANN);
    world_advance(&worlds[0], (int64_t)3600 * 1000);
    worlds[0].holds_records = false;
    run();
    CHECK(is_shut_out(&client));
    release();
}

/* It is served by the loop that its caller's digest comes to. */
TEST(cut_off_who_listens)
{
    struct world_call *call = NULL;
    size_t home = 0;
    begin();
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        worlds[i].answers = ANSWERS;
        worlds[i].answer_count = COUNT_OF(ANSWERS);
        worlds[i].server_is_modern = true;
        worlds[i].held_method = "subscriptions/listen";
    }
    world_post(&worlds[0], &client, BANK, LISTEN, "subscriptions/listen", NULL, NULL);
    run();
    for (size_t i = 0; i < WORLD_LOOPS && call == NULL; i++) {
        home = i;
        call = world_find_call(&worlds[i], "subscriptions/listen");
    }
    CHECK(call != NULL && client.stream_begun && !client.stream_ended);
    put_in_force(ANN);
    CHECK(call == NULL || call->is_cancelled);
    CHECK(client.stream_ended && client.is_released);
    CHECK(records(home, "\"phase\":\"outcome\"") == 1);
    release();
}

TEST(cut_off_sessions_and_their_streams)
{
    begin();
    open_session(0);
    world_ask(&worlds[0], &second, "GET", BANK, session);
    run();
    CHECK(second.stream_begun && !second.stream_ended);
    put_in_force(ANN);
    CHECK(second.stream_ended && second.is_released && worlds[0].gateway.client_count == 0);
    world_post(&worlds[0], &client, BANK, LEGACY_SEE, NULL, NULL, session);
    run();
    CHECK(is_shut_out(&client));
    /* Let in again, he begins anew. */
    put_in_force("# nobody");
    world_post(&worlds[0], &client, BANK, LEGACY_SEE, NULL, NULL, session);
    run();
    CHECK(client.status_code == 404);
    release();
}

/* A stream is opened with the session's first token or a later one. */
TEST(cut_off_a_stream_of_another_token)
{
    static const struct principal LATER = {.issuer = SLICE_INIT("dev"),
                                           .subject = SLICE_INIT("ann"),
                                           .token_id = SLICE_INIT("t2"),
                                           .expires_at_s = INT64_MAX};
    begin();
    open_session(0);
    struct principal *first = worlds[0].snapshot->local_principal;
    CHECK(principal_new(&LATER, &worlds[0].crypto.port, &worlds[0].snapshot->local_principal,
                        NULL) == STATUS_OK);
    world_ask(&worlds[0], &second, "GET", BANK, session);
    run();
    CHECK(second.stream_begun && !second.stream_ended);
    principal_unref(first);
    put_in_force("{\"issuer\":\"dev\",\"jti\":\"t2\"}");
    CHECK(second.stream_ended && second.is_released && worlds[0].gateway.client_count == 1);
    /* The session goes on with the first. */
    world_ask(&worlds[0], &client, "GET", BANK, session);
    run();
    CHECK(client.stream_begun && !client.stream_ended);
    release();
}

TEST(cut_off_what_another_loop_handed_over)
{
    begin();
    open_session(0);
    world_ask(&worlds[1], &second, "GET", BANK, session);
    run();
    CHECK(second.stream_begun && !second.stream_ended);
    worlds[0].held_method = "tools/call";
    world_post(&worlds[1], &client, BANK, LEGACY_SEE, NULL, NULL, session);
    run();
    CHECK(world_find_call(&worlds[0], "tools/call") != NULL && !client.is_replied);
    put_in_force(ANN);
    CHECK(is_shut_out(&client));
    CHECK(second.stream_ended && second.is_released);
    CHECK(worlds[0].gateway.client_count == 0);
    release();
}

#define ROOTS "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"roots/list\"}"
#define CALL_WITH_ROOTS                                                                            \
    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"tools/call\",\"params\":{\"name\":\"see\","    \
    "\"arguments\":{},\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","      \
    "\"io.modelcontextprotocol/clientCapabilities\":{\"roots\":{}}}}}"

/* Nobody is connected: the server hears that the call is taken back, the journal why. */
TEST(cut_off_calls_that_are_held)
{
    begin();
    struct world_call *call = call_tool(0, CALL_WITH_ROOTS);
    world_message(call, ROOTS);
    run();
    CHECK(client.is_released && strstr(client.body, "input_required") != NULL);
    CHECK(worlds[0].gateway.held != NULL && call->is_open);
    put_in_force(ANN);
    CHECK(worlds[0].gateway.held == NULL && call->is_cancelled);
    CHECK(records(0, "auth.reject") == 1);
    release();
}
