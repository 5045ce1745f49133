/* The stream on which a legacy server tells and asks what belongs to no request. */
#include "core/gateway/server_stream.h"

#include "core/gateway/client_tasks.h"
#include "core/gateway/server_session.h"
#include "core/mcp/message.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define INITIALIZE(capabilities)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":" capabilities ",\"clientInfo\":{}}}"
#define ALL "{\"sampling\":{},\"roots\":{},\"elicitation\":{}}"
#define ROOTS "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"roots/list\"}"
#define ELICITATION                                                                                \
    "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"elicitation/create\",\"params\":{"             \
    "\"message\":\"Which?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"env\":{"    \
    "\"type\":\"string\"}}}}}"
#define RESULT_OF(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}"
#define ACCEPTED "{\"action\":\"accept\",\"content\":{\"env\":\"staging\"}}"
#define LOG(level)                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"" level     \
    "\",\"data\":1}}"
#define STATE(id, status)                                                                          \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks/status\",\"params\":{\"taskId\":\"" id  \
    "\",\"status\":\"" status "\"}}"
#define SESSION_BYTES 512

static const struct world_answer LOGGING[] = {
    {0, "initialize",
     "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"protocolVersion\":\"2025-11-25\","
     "\"capabilities\":{\"tools\":{},\"logging\":{}},\"serverInfo\":{}}}"}};

static struct world world;
static struct world_client listener, poster;
static char session[SESSION_BYTES];

static void post(const char *target, const char *body)
{
    world_post(&world, &poster, target, body, NULL, NULL, session);
    world_run(&world);
}

static void begin_session(const char *target, const char *policies, const char *initialize)
{
    world_init(&world, policies);
    world.server_session = "up-1";
    world.answers = LOGGING;
    world.answer_count = COUNT_OF(LOGGING);
    world_post(&world, &poster, target, initialize, NULL, NULL, NULL);
    world_run(&world);
    CHECK(poster.status_code == 200);
    memcpy(session, poster.session_id, sizeof(session));
}

static void listen_at(const char *target)
{
    world_ask(&world, &listener, "GET", target, session);
    world_run(&world);
}

/* A client listens; returns the stream at its server. */
static struct world_call *begin_with(const char *policies, const char *initialize)
{
    begin_session(BANK, policies, initialize);
    CHECK(world_count_calls(&world, "GET") == 0);
    listen_at(BANK);
    CHECK(listener.stream_begun);
    struct world_call *stream = world_find_call(&world, "GET");
    CHECK(stream != NULL);
    return stream;
}

static struct world_call *begin(void)
{
    return begin_with(PERMIT_ALL, INITIALIZE(ALL));
}

static void say(struct world_call *stream, const char *message)
{
    world_message(stream, message);
    world_run(&world);
}

/* The only answer that the server has got. */
static const char *answer_to_server(void)
{
    const struct world_call *found = NULL;
    for (size_t i = 0; i < world.call_count; i++) {
        found = strcmp(world.calls[i].method, "response") == 0 ? &world.calls[i] : found;
    }
    CHECK(world_count_calls(&world, "response") == 1);
    return found == NULL ? "" : found->body;
}

TEST(server_stream_carries_a_question_and_its_answer)
{
    struct world_call *stream = begin();
    CHECK(stream->is_standing && stream->is_in_session);
    CHECK(stream->timeout_ms == SERVER_STREAM_SILENCE_MS);
    CHECK(strstr(stream->fields, "Mcp-Session-Id: up-1\n") != NULL);
    CHECK(strstr(stream->fields, "MCP-Protocol-Version: 2025-11-25\n") != NULL);
    CHECK(strstr(stream->fields, "Last-Event-ID") == NULL);
    say(stream, ELICITATION);
    CHECK(strstr(listener.body, "elicitation/create") != NULL);
    CHECK(strstr(listener.body, "\"id\":1,") != NULL);
    CHECK(strstr(listener.body, "\"id\":\"s\"") == NULL);
    post(BANK, RESULT_OF("1", ACCEPTED));
    CHECK(poster.status_code == 202);
    CHECK(strcmp(answer_to_server(), RESULT_OF("\"s\"", ACCEPTED)) == 0);
    CHECK(world_count_records(&world, "authz.allow", "elicitation/create") == 2);
    world_advance(&world, 0);
    CHECK(world.gateway.operation_count == 0 && stream->is_open);
    world_release(&world);
}

TEST(server_stream_refuses_for_the_client)
{
    static const char DENY[] =
        PERMIT_ALL "forbid(principal, action in [Aegis::Action::\"roots/list\", "
                   "Aegis::Action::\"elicitation/create\"], resource);";
    static const struct {
        const char *name, *policies, *initialize, *question, *outcome;
    } rows[] = {
        {"denied roots", DENY, INITIALIZE(ALL), ROOTS, "\"result\":{\"roots\":[]}"},
        {"denied elicitation", DENY, INITIALIZE(ALL), ELICITATION, "\"action\":\"decline\""},
        {"not declared", PERMIT_ALL, INITIALIZE("{\"sampling\":{}}"), ROOTS, "\"code\":-32601,"},
        {"malformed", PERMIT_ALL, INITIALIZE(ALL),
         "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"elicitation/create\"}",
         "\"action\":\"decline\""},
        {"unknown", PERMIT_ALL, INITIALIZE(ALL),
         "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"files/delete\"}", "\"code\":-32601,"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world_call *stream = begin_with(rows[i].policies, rows[i].initialize);
        say(stream, rows[i].question);
        CHECK_ROW(rows[i].name, strstr(answer_to_server(), rows[i].outcome) != NULL);
        CHECK_ROW(rows[i].name, strstr(answer_to_server(), "\"id\":\"s\"") != NULL);
        CHECK_ROW(rows[i].name, strstr(listener.body, "jsonrpc") == NULL);
        world_advance(&world, 0);
        CHECK_ROW(rows[i].name, world.gateway.operation_count == 0 && stream->is_open);
        world_release(&world);
    }
}

TEST(server_stream_answers_pings)
{
    struct world_call *stream = begin();
    say(stream, "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"ping\"}");
    CHECK(strcmp(answer_to_server(), RESULT_OF("\"s\"", "{}")) == 0);
    CHECK(strstr(listener.body, "jsonrpc") == NULL);
    world_release(&world);
}

static struct world_call *begin_in(const char *revision)
{
    char answer[512];
    (void)snprintf(answer, sizeof(answer),
                   "{\"jsonrpc\":\"2.0\",\"id\":%%ID,\"result\":{\"protocolVersion\":\"%s\","
                   "\"capabilities\":{},\"serverInfo\":{}}}",
                   revision);
    const struct world_answer answers[] = {{0, "initialize", answer}};
    world_init(&world, PERMIT_ALL);
    world.server_session = "up-1";
    world.answers = answers;
    world.answer_count = 1;
    world_post(&world, &poster, BANK, INITIALIZE(ALL), NULL, NULL, NULL);
    world_run(&world);
    memcpy(session, poster.session_id, sizeof(session));
    listen_at(BANK);
    world.answer_count = 0;
    return world_find_call(&world, "GET");
}

/* MCP 2025-03-26 has messages that come as one, and no other revision. */
TEST(server_stream_takes_batches_of_one_revision)
{
    static const char *const REVISIONS[] = {"2025-03-26", "2025-06-18"};
    for (size_t i = 0; i < COUNT_OF(REVISIONS); i++) {
        struct world_call *stream = begin_in(REVISIONS[i]);
        say(stream, "[{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"ping\"}," ROOTS "]");
        CHECK_ROW(REVISIONS[i], stream->is_open == (i == 0));
        CHECK_ROW(REVISIONS[i], (strstr(listener.body, "roots/list") != NULL) == (i == 0));
        CHECK_ROW(REVISIONS[i], world_count_calls(&world, "response") == (i == 0 ? 1 : 0));
        world_release(&world);
    }
}

TEST(server_stream_takes_batches_up_to_their_bound)
{
    for (size_t over = 0; over < 2; over++) {
        struct buf batch;
        buf_init(&batch, WORLD_TEXT_BYTES, NULL);
        for (size_t i = 0; i < UPSTREAM_BATCH_MAX + over; i++) {
            buf_append(&batch, i == 0 ? SLICE("[") : SLICE(","));
            buf_append(&batch, SLICE("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}"));
        }
        buf_append(&batch, SLICE("]"));
        buf_append_byte(&batch, '\0');
        struct world_call *stream = begin_in("2025-03-26");
        say(stream, (const char *)batch.ptr);
        CHECK(stream->is_open == (over == 0));
        CHECK(world_count_records(&world, "upstream.protocol", "session") == over);
        buf_release(&batch);
        world_release(&world);
    }
}

TEST(server_stream_takes_ids_up_to_their_bound)
{
    for (size_t over = 0; over < 2; over++) {
        char ping[MCP_ID_BYTES_MAX + 64], expected[MCP_ID_BYTES_MAX + 64];
        int len = (int)(MCP_ID_BYTES_MAX + over);
        struct world_call *stream = begin();
        (void)snprintf(ping, sizeof(ping),
                       "{\"jsonrpc\":\"2.0\",\"id\":\"%0*d\",\"method\":\"ping\"}", len, 1);
        (void)snprintf(expected, sizeof(expected), RESULT_OF("\"%0*d\"", "{}"), len, 1);
        say(stream, ping);
        CHECK(stream->is_open == (over == 0));
        CHECK(over == 1 || strcmp(answer_to_server(), expected) == 0);
        world_release(&world);
    }
}

/* A server that breaks the protocol has no stream any more, and there is one record of it. */
TEST(server_stream_ends_with_a_broken_message)
{
    static const char *const BROKEN[] = {
        "{",
        "[]",
        "{\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"method\":7}",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"roots/list\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\",\"ID\":2}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":[]}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"Method\":\"x\"}",
    };
    for (size_t i = 0; i < COUNT_OF(BROKEN); i++) {
        struct world_call *stream = begin();
        say(stream, BROKEN[i]);
        CHECK_ROW(BROKEN[i], !stream->is_open && stream->is_cancelled);
        CHECK_ROW(BROKEN[i], world_count_records(&world, "upstream.protocol", "session") == 1);
        world_advance(&world, 3600000);
        CHECK_ROW(BROKEN[i], world_count_calls(&world, "GET") == 1);
        CHECK_ROW(BROKEN[i], world.gateway.operation_count == 0);
        CHECK_ROW(BROKEN[i], strstr(listener.body, "jsonrpc") == NULL);
        world_release(&world);
    }
}

/* What is nobody's is dropped. */
TEST(server_stream_drops_what_is_for_nobody)
{
    static const char *const DROPPED[] = {
        RESULT_OF("1", "{}"),
        LOG("emergency"),
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/files/deleted\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":9}}",
    };
    struct world_call *stream = begin();
    for (size_t i = 0; i < COUNT_OF(DROPPED); i++) {
        say(stream, DROPPED[i]);
        CHECK_ROW(DROPPED[i], stream->is_open && strstr(listener.body, "jsonrpc") == NULL);
    }
    CHECK(world_count_calls(&world, "response") == 0);
    /* What no revision has leaves one record in a session. */
    CHECK(world_count_records(&world, "upstream.protocol", "notification.unknown") == 1);
    CHECK(world_count_records(&world, "notification.unknown", "notifications/files/deleted") == 1);
    say(stream, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/files/made\"}");
    CHECK(world_count_records(&world, "notification.unknown", "") == 1);
    world_release(&world);
}

TEST(server_stream_carries_the_log_as_far_as_it_is_wanted)
{
    struct world_call *stream = begin();
    post(BANK, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"logging/setLevel\",\"params\":{"
               "\"level\":\"warning\"}}");
    CHECK(poster.status_code == 200);
    say(stream, LOG("info"));
    CHECK(strstr(listener.body, "notifications/message") == NULL);
    say(stream, LOG("error"));
    CHECK(strstr(listener.body, LOG("error")) != NULL);
    world_release(&world);
}

/* Of tasks that were made in this session, under the client's ids, while their tool is allowed. */
TEST(server_stream_tells_the_states_of_tasks)
{
    static const struct client_task TASK = {
        .own_id = SLICE_INIT("t-5"), .tool = SLICE_INIT("see"), .id = SLICE_INIT("task1.x")};
    static const char *const DROPPED[] = {STATE("t-6", "working"), STATE("t-5", "odd"),
                                          STATE("task1.x", "working"), STATE("", "working")};
    struct world_call *stream = begin();
    say(stream, STATE("t-5", "working"));
    CHECK(strstr(listener.body, "tasks/status") == NULL);
    CHECK(client_tasks_add(world.gateway.sessions->client, &TASK) == STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(DROPPED); i++) {
        say(stream, DROPPED[i]);
        CHECK_ROW(DROPPED[i], stream->is_open && strstr(listener.body, "jsonrpc") == NULL);
    }
    say(stream, STATE("t-5", "working"));
    CHECK(strstr(listener.body, STATE("task1.x", "working")) != NULL);
    gateway_switch(
        &world.gateway,
        world_snapshot(PERMIT_ALL
                       "forbid(principal, action, resource == Aegis::Tool::\"bank.see\");",
                       ALL_REVISIONS));
    say(stream, STATE("t-5", "completed"));
    CHECK(strstr(listener.body, "completed") == NULL && strstr(listener.body, "t-5") == NULL);
    world_release(&world);
}

/* -- when there is one --------------------------------------------------------------------- */

TEST(server_stream_needs_a_cause)
{
    static const struct world_answer NO_LOG[] = {
        {0, "initialize",
         "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"protocolVersion\":\"2025-11-25\","
         "\"capabilities\":{\"tools\":{}},\"serverInfo\":{}}}"}};
    static const struct {
        const char *name, *initialize, *server_session, *listens_at;
        bool has_logging;
        size_t count;
    } rows[] = {
        {"the client can be asked", INITIALIZE(ALL), "up", BANK, false, 1},
        {"the server has a log", INITIALIZE("{}"), "up", BANK, true, 1},
        {"neither", INITIALIZE("{}"), "up", BANK, false, 0},
        {"the server has no session", INITIALIZE(ALL), NULL, BANK, true, 0},
        {"the client listens to another", INITIALIZE(ALL), "up", "/servers/shop/mcp", true, 0},
        {"the client listens to all", INITIALIZE(ALL), "up", "/mcp", true, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        world_init(&world, PERMIT_ALL);
        world.server_session = rows[i].server_session;
        world.answers = rows[i].has_logging ? LOGGING : NO_LOG;
        world.answer_count = 1;
        world_post(&world, &poster, BANK, rows[i].initialize, NULL, NULL, NULL);
        world_run(&world);
        memcpy(session, poster.session_id, sizeof(session));
        listen_at(rows[i].listens_at);
        CHECK_ROW(rows[i].name, listener.stream_begun);
        CHECK_ROW(rows[i].name, world_count_calls(&world, "GET") == rows[i].count);
        world_release(&world);
    }
}

/* Each server of an endpoint has one, and the client is told who asks. */
TEST(server_stream_of_several_servers)
{
    begin_session("/mcp", PERMIT_ALL, INITIALIZE(ALL));
    listen_at("/mcp");
    CHECK(world_count_calls(&world, "GET") == 2);
    for (size_t i = 0; i < world.call_count; i++) {
        if (world.calls[i].is_standing) {
            say(&world.calls[i], ELICITATION);
        }
    }
    CHECK(strstr(listener.body, "bank") != NULL && strstr(listener.body, "shop") != NULL);
    CHECK(strstr(listener.body, "\"id\":1,") != NULL && strstr(listener.body, "\"id\":2,") != NULL);
    world_release(&world);
}

TEST(server_stream_ends_with_who_listens)
{
    for (int i = 0; i < 3; i++) {
        struct world_client ending = {0};
        struct world_call *stream = begin();
        say(stream, ELICITATION);
        if (i == 0) {
            listener.exchange.on_gone(&listener.exchange);
            CHECK(stream->is_open); /* the client may come back */
            world_advance(&world, world.gateway.limits.stream_replay_ms);
        } else if (i == 1) {
            world_ask(&world, &ending, "DELETE", BANK, session);
            world_run(&world);
        } else {
            gateway_drain(&world.gateway);
        }
        CHECK(!stream->is_open && stream->is_cancelled);
        world_advance(&world, 100000);
        CHECK(world_count_calls(&world, "GET") == 1);
        world_release(&world);
    }
}

/* -- opened again -------------------------------------------------------------------------- */

TEST(server_stream_goes_on_where_it_ended)
{
    static const enum status ENDS[] = {STATUS_OK, STATUS_UNAVAILABLE, STATUS_TIMEOUT};
    for (size_t i = 0; i < COUNT_OF(ENDS); i++) {
        struct world_call *stream = begin();
        world_position(stream, "e-7", 250);
        world_end(stream, ENDS[i], "upstream.down");
        world_advance(&world, 249);
        CHECK(world_count_calls(&world, "GET") == 1);
        world_advance(&world, 1);
        CHECK(world_count_calls(&world, "GET") == 2);
        stream = world_find_call(&world, "GET");
        CHECK(strstr(stream->fields, "Last-Event-ID: e-7\n") != NULL);
        say(stream, ELICITATION);
        CHECK(strstr(listener.body, "elicitation/create") != NULL);
        world_release(&world);
    }
}

TEST(server_stream_is_opened_again_more_slowly_and_not_for_ever)
{
    static const int64_t WAITS_MS[SERVER_STREAM_FAILURES_MAX] = {1000,  2000,  4000,  8000,  16000,
                                                                 32000, 60000, 60000, 60000, 60000};
    struct world_call *stream = begin();
    for (size_t i = 0; i < COUNT_OF(WAITS_MS); i++) {
        world_end(stream, STATUS_UNAVAILABLE, "upstream.down");
        world_advance(&world, WAITS_MS[i] - 1);
        CHECK(world_find_call(&world, "GET") == NULL);
        world_advance(&world, 1);
        stream = world_find_call(&world, "GET");
        CHECK(stream != NULL);
    }
    world_end(stream, STATUS_UNAVAILABLE, "upstream.down");
    world_advance(&world, 3600000);
    CHECK(world_find_call(&world, "GET") == NULL);
    world_release(&world);
}

static void end_with_status(struct world_call *stream, enum status status, int http_status)
{
    struct diag diag = {0};
    (void)!diag_fail(&diag, status, "upstream.status", "no");
    stream->is_open = false;
    stream->sink.on_end(&stream->sink, status, http_status, &diag);
}

/* A 405 says that the server has none, and so does a 404 at once; later it says that the session is
 * over, and another one is begun. */
TEST(server_stream_is_not_asked_for_again)
{
    static const struct {
        const char *name;
        enum status status;
        int http_status;
        bool was_open, is_renewed;
    } rows[] = {
        {"405", STATUS_INVALID, 405, false, false},
        {"404 at once", STATUS_NOT_FOUND, 404, false, false},
        {"404 of one that was open", STATUS_NOT_FOUND, 404, true, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t expected = rows[i].is_renewed ? 2 : 1;
        struct world_call *stream = begin();
        if (rows[i].was_open) {
            world_position(stream, "e", -1);
        }
        end_with_status(stream, rows[i].status, rows[i].http_status);
        world_advance(&world, 600000); /* the session is not idle for too long */
        world_run(&world);
        CHECK_ROW(rows[i].name, world_count_calls(&world, "GET") == expected);
        post(BANK, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
                   "\"name\":\"see\"}}");
        CHECK_ROW(rows[i].name, poster.status_code == 200);
        CHECK_ROW(rows[i].name, world_count_calls(&world, "GET") == expected);
        CHECK_ROW(rows[i].name, world_count_calls(&world, "initialize") == expected);
        world_release(&world);
    }
}

/* -- waits --------------------------------------------------------------------------------- */

TEST(server_stream_question_ends_in_time)
{
    struct world_call *stream = begin();
    say(stream, ELICITATION);
    world_advance(&world, world.gateway.limits.question_timeout_ms);
    CHECK(strstr(answer_to_server(), "decline") != NULL);
    CHECK(strstr(listener.body, "\"requestId\":1") != NULL);
    world_advance(&world, 0);
    CHECK(world.gateway.operation_count == 0);
    post(BANK, RESULT_OF("1", ACCEPTED));
    CHECK(poster.status_code == 202 && world_count_calls(&world, "response") == 1);
    CHECK(world_count_records(&world, "wire.reject", "response.unknown") == 1);
    world_release(&world);
}

TEST(server_stream_question_is_answered_once)
{
    struct world_call *stream = begin();
    say(stream, ELICITATION);
    post(BANK, RESULT_OF("1", ACCEPTED));
    post(BANK, RESULT_OF("1", "{\"action\":\"decline\"}"));
    CHECK(strstr(answer_to_server(), "accept") != NULL);
    world_release(&world);
}

TEST(server_stream_question_may_be_taken_back)
{
    for (int is_recording = 0; is_recording < 2; is_recording++) {
        struct world_call *stream = begin();
        world.holds_records = is_recording != 0;
        say(stream, ELICITATION);
        say(stream, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
                    "\"requestId\":\"s\"}}");
        world.holds_records = false;
        world_run(&world);
        CHECK((strstr(listener.body, "\"requestId\":1") != NULL) == (is_recording == 0));
        CHECK(world_count_calls(&world, "response") == 0);
        world_advance(&world, 0);
        CHECK(world.gateway.operation_count == 0);
        world_release(&world);
    }
}

/* Before its record nothing is asked; without one the server hears "no". */
TEST(server_stream_question_is_not_before_its_record)
{
    struct world_call *stream = begin();
    world.holds_records = true;
    say(stream, ELICITATION);
    CHECK(strstr(listener.body, "elicitation") == NULL);
    world.journal_fails = true;
    world.holds_records = false;
    world_run(&world);
    CHECK(strstr(listener.body, "elicitation") == NULL);
    CHECK(strstr(answer_to_server(), "decline") != NULL);
    world_advance(&world, 0);
    CHECK(world.gateway.operation_count == 0);
    world.journal_fails = false;
    world_release(&world);
}

/* It waits on the client's stream for a client that comes back. */
TEST(server_stream_question_waits_for_the_client)
{
    struct world_call *stream = begin();
    say(stream, "{\"jsonrpc\":\"2.0\",\"id\":\"t\",\"method\":\"roots/list\"}");
    listener.exchange.on_gone(&listener.exchange);
    say(stream, ELICITATION);
    world_come_back(&world, &listener, BANK, session, "1-1");
    world_run(&world);
    CHECK(strstr(listener.body, "elicitation/create") != NULL);
    post(BANK, RESULT_OF("2", ACCEPTED));
    CHECK(strcmp(answer_to_server(), RESULT_OF("\"s\"", ACCEPTED)) == 0);
    world_release(&world);
}

/* The session goes while a question waits for its record, for the client, or for the record of the
 * answer. */
TEST(server_stream_question_may_lose_its_session)
{
    for (int i = 0; i < 6; i++) {
        struct world_client ending = {0};
        struct world_call *stream = begin();
        world.holds_records = i % 3 == 0;
        say(stream, ELICITATION);
        if (i % 3 == 2) {
            world.holds_records = true;
            post(BANK, RESULT_OF("1", ACCEPTED));
        }
        if (i < 3) {
            world_ask(&world, &ending, "DELETE", BANK, session);
        } else {
            gateway_close(&world.gateway);
        }
        world.holds_records = false;
        world_run(&world);
        world_advance(&world, 0);
        CHECK(!stream->is_open && world.gateway.operation_count == 0);
        CHECK(world.gateway.children.stray_count == 0);
        CHECK(listener.is_released);
        world_release(&world);
    }
}

TEST(server_stream_questions_are_bounded)
{
    struct world_call *stream = begin();
    for (int i = 0; i < SERVER_STREAM_QUESTIONS_MAX; i++) {
        say(stream, ELICITATION);
    }
    CHECK(world_count_calls(&world, "response") == 0);
    say(stream, ELICITATION);
    CHECK(strstr(answer_to_server(), "\"action\":\"decline\"") != NULL);
    CHECK(world_count_records(&world, "question.many", "elicitation/create") == 1);
    world_release(&world);
}

TEST(server_stream_survives_each_allocation_that_fails)
{
    bool has_begun = true;
    for (size_t n = 0; has_begun; n++) {
        begin_session(BANK, PERMIT_ALL, INITIALIZE(ALL));
        check_begin_shortage(n, false);
        listen_at(BANK);
        struct world_call *stream = world_find_call(&world, "GET");
        if (stream != NULL) {
            say(stream, ELICITATION);
            post(BANK, RESULT_OF("1", ACCEPTED));
        }
        has_begun = check_end_shortage();
        world_advance(&world, 0);
        CHECK(world_count_calls(&world, "response") <= 1);
        CHECK(has_begun || strstr(answer_to_server(), "accept") != NULL);
        world_release(&world);
    }
}
