/* What legacy servers ask of legacy clients, on one loop and on two. */
#include "core/gateway/asking.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define INITIALIZE(capabilities)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-06-18\",\"capabilities\":" capabilities ",\"clientInfo\":{}}}"
#define ALL "{\"sampling\":{},\"roots\":{\"listChanged\":true},\"elicitation\":{},\"tasks\":{}}"
#define SEE "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define SEE_TOO                                                                                    \
    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define SAMPLING                                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"sampling/createMessage\",\"params\":{"         \
    "\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"hi\"}}],"          \
    "\"maxTokens\":9}}"
#define ROOTS "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"roots/list\"}"
#define ELICITATION                                                                                \
    "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"elicitation/create\",\"params\":{"             \
    "\"message\":\"Which?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"env\":{"    \
    "\"type\":\"string\"}}}}}"
#define RESULT_OF(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}"
#define SAMPLED                                                                                    \
    "{\"role\":\"assistant\",\"content\":{\"type\":\"text\",\"text\":\"yo\"},\"model\":\"m\"}"
#define ACCEPTED "{\"action\":\"accept\",\"content\":{\"env\":\"staging\"}}"
#define ROOT_LIST "{\"roots\":[{\"uri\":\"file:///home/ann\"},{\"uri\":\"file:///etc\"}]}"
#define SESSION_BYTES 512

static struct world worlds[WORLD_LOOPS];
static struct world_client client, second;
static char session[SESSION_BYTES];

static void run(void)
{
    for (int i = 0; i < 3; i++) {
        world_run(&worlds[0]);
        world_run(&worlds[1]);
    }
}

static void post(struct world_client *by, size_t loop, const char *body)
{
    world_post(&worlds[loop], by, BANK, body, NULL, NULL, session);
    run();
}

static bool server_is_child;
static size_t home; /* the loop of the session */

/* A client with a session on loop 0, whose call runs at the server. */
static struct world_call *begin_with(const char *policies, const char *initialize, size_t loop)
{
    static const struct gateway_server CHILDREN[] = {
        {.name = SLICE_INIT("bank"), .timeout_ms = 1000, .is_stdio = true},
        {.name = SLICE_INIT("shop"), .timeout_ms = 1000, .is_stdio = true}};
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        world_init(&worlds[i], policies);
        if (server_is_child) {
            worlds[i].snapshot->servers = CHILDREN;
        }
    }
    world_pair(&worlds[0], &worlds[1]);
    worlds[0].held_method = worlds[1].held_method = "tools/call";
    world_post(&worlds[0], &client, BANK, initialize, NULL, NULL, NULL);
    run();
    memcpy(session, client.session_id, sizeof(session));
    post(&client, loop, SEE);
    home = world_find_call(&worlds[0], "tools/call") == NULL ? 1 : 0;
    struct world_call *call = world_find_call(&worlds[home], "tools/call");
    CHECK(call != NULL);
    return call;
}

static struct world_call *begin(void)
{
    return begin_with(PERMIT_ALL, INITIALIZE(ALL), 0);
}

static void release(void)
{
    world_release(&worlds[0]);
    world_release(&worlds[1]);
}

static void ask(struct world_call *call, const char *question)
{
    world_message(call, question);
    run();
}

/* The server ends its answer, and the call with it. */
static void finish(struct world_call *call)
{
    world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}");
    world_end(call, STATUS_OK, NULL);
    run();
}

/* Has the server got that answer to its question, and is it the only one? */
static bool server_got(const char *outcome)
{
    char text[1024];
    const struct world_call *last = NULL;
    for (size_t i = 0; i < worlds[home].call_count; i++) {
        bool is_reply = strcmp(worlds[home].calls[i].method, "response") == 0;
        last = is_reply ? &worlds[home].calls[i] : last;
    }
    (void)snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":\"s\",%s}", outcome);
    return last != NULL && strcmp(last->body, text) == 0 &&
           world_count_calls(&worlds[home], "response") == 1;
}

static bool client_was_asked(const char *method)
{
    return strstr(client.body, method) != NULL && strstr(client.body, "\"id\":\"s\"") == NULL;
}

/* The records that belong to the first decision about a tool. */
static size_t records_of_the_call(void)
{
    static const char MEMBER[] = "\"decision_id\":\"";
    char id[sizeof(MEMBER) + 2 * AUDIT_DECISION_ID_BYTES] = "";
    for (size_t i = 0; i < worlds[0].record_count && id[0] == '\0'; i++) {
        const char *text = worlds[0].records[i].text;
        const char *at = strstr(text, MEMBER);
        if (at != NULL && strstr(text, "tools/call") != NULL) {
            (void)snprintf(id, sizeof(id), "%.*s", (int)sizeof(id) - 1, at);
        }
    }
    return id[0] == '\0' ? 0 : world_count_records(&worlds[0], id, "");
}

TEST(asking_reaches_the_client_and_the_answer_the_server)
{
    static const struct {
        const char *name, *question, *method, *answer, *outcome;
    } rows[] = {
        {"sampling", SAMPLING, "sampling/createMessage", RESULT_OF("1", SAMPLED),
         "\"result\":" SAMPLED},
        {"roots", ROOTS, "roots/list", RESULT_OF("1", ROOT_LIST), "\"result\":" ROOT_LIST},
        {"elicitation", ELICITATION, "elicitation/create", RESULT_OF("1", ACCEPTED),
         "\"result\":" ACCEPTED},
    };
    for (size_t i = 0; i < COUNT_OF(rows) * WORLD_LOOPS * 2; i++) {
        size_t row = i / (WORLD_LOOPS * 2);
        struct world_call *call = begin_with(PERMIT_ALL, INITIALIZE(ALL), i % 2);
        ask(call, rows[row].question);
        CHECK_ROW(rows[row].name, client.stream_begun && client_was_asked(rows[row].method));
        CHECK_ROW(rows[row].name, strstr(client.body, "{\"jsonrpc\":\"2.0\",\"id\":1,") != NULL);
        CHECK_ROW(rows[row].name, call->is_excused);
        post(&second, i / 2 % 2, rows[row].answer);
        CHECK_ROW(rows[row].name, second.status_code == 202 && second.body[0] == '\0');
        CHECK_ROW(rows[row].name, server_got(rows[row].outcome));
        CHECK_ROW(rows[row].name, !call->is_excused && call->is_open);
        finish(call);
        CHECK_ROW(rows[row].name, client.stream_ended && client.is_released);
        CHECK_ROW(rows[row].name, strstr(client.body, "\"content\":[]") != NULL);
        CHECK_ROW(rows[row].name,
                  world_count_records(&worlds[0], "authz.allow", rows[row].method) == 2);
        /* Intent, question, answer and outcome. */
        CHECK_ROW(rows[row].name, records_of_the_call() == 4);
        release();
    }
}

/* What is not allowed, or was never offered, gets its "no" from us; the client hears nothing. */
TEST(asking_is_refused_for_the_client)
{
    static const char DENY[] = PERMIT_ALL "forbid(principal, action in [Aegis::Action::"
                                          "\"sampling/createMessage\", Aegis::Action::"
                                          "\"roots/list\", Aegis::Action::\"elicitation/create\"], "
                                          "resource);";
    static const struct {
        const char *name, *policies, *initialize, *question, *outcome;
    } rows[] = {
        {"denied sampling", DENY, INITIALIZE(ALL), SAMPLING, "\"error\":{\"code\":-1,"},
        {"denied roots", DENY, INITIALIZE(ALL), ROOTS, "\"result\":{\"roots\":[]}"},
        {"denied elicitation", DENY, INITIALIZE(ALL), ELICITATION,
         "\"result\":{\"action\":\"decline\"}"},
        {"sampling not declared", PERMIT_ALL, INITIALIZE("{}"), SAMPLING,
         "\"error\":{\"code\":-32601,"},
        {"roots not declared", PERMIT_ALL, INITIALIZE("{\"sampling\":{}}"), ROOTS,
         "\"error\":{\"code\":-32601,"},
        {"malformed", PERMIT_ALL, INITIALIZE(ALL),
         "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"elicitation/create\",\"params\":{}}",
         "\"result\":{\"action\":\"decline\"}"},
        {"unknown", PERMIT_ALL, INITIALIZE(ALL),
         "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"files/delete\"}",
         "\"error\":{\"code\":-32601,"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world_call *call = begin_with(rows[i].policies, rows[i].initialize, 0);
        ask(call, rows[i].question);
        CHECK_ROW(rows[i].name, world_count_calls(&worlds[0], "response") == 1);
        const char *reply = worlds[0].calls[worlds[0].call_count - 1].body;
        CHECK_ROW(rows[i].name, strstr(reply, rows[i].outcome) != NULL);
        CHECK_ROW(rows[i].name, strstr(reply, "\"id\":\"s\"") != NULL);
        CHECK_ROW(rows[i].name, !client.stream_begun && !call->is_excused);
        finish(call);
        CHECK_ROW(rows[i].name, client.is_replied && client.status_code == 200);
        release();
    }
}

TEST(asking_that_breaks_the_protocol_ends_the_call)
{
    static const char *const QUESTIONS[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"roots/list\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"roots/list\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"roots/list\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\",\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\",\"ID\":2}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\",\"params\":[]}",
    };
    for (size_t i = 0; i < COUNT_OF(QUESTIONS); i++) {
        struct world_call *call = begin();
        ask(call, QUESTIONS[i]);
        CHECK_ROW(QUESTIONS[i], client.status_code == 502 && call->is_cancelled);
        release();
    }
}

TEST(asking_offers_what_the_policies_leave)
{
    static const struct {
        const char *name, *policies, *initialize, *offer;
    } rows[] = {
        {"all", PERMIT_ALL, INITIALIZE(ALL),
         "\"capabilities\":{\"roots\":{\"listChanged\":true},\"sampling\":{},"
         "\"elicitation\":{\"form\":{}}}"},
        {"nothing", PERMIT_ALL, INITIALIZE("{}"), "\"capabilities\":{}"},
        {"no sampling",
         PERMIT_ALL "forbid(principal, action == Aegis::Action::\"sampling/createMessage\", "
                    "resource);",
         INITIALIZE("{\"sampling\":{},\"roots\":{}}"), "\"capabilities\":{\"roots\":{}}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world_call *call = begin_with(rows[i].policies, rows[i].initialize, 0);
        size_t found = 0;
        for (size_t k = 0; k < worlds[0].call_count; k++) {
            found += strstr(worlds[0].calls[k].body, rows[i].offer) != NULL ? 1 : 0;
        }
        CHECK_ROW(rows[i].name, found == 1);
        finish(call);
        release();
    }
}

TEST(asking_strips_roots)
{
    struct world_call *call =
        begin_with(PERMIT_ALL "forbid(principal, action == Aegis::Action::\"roots/list.result\", "
                              "resource) when { resource.path like \"/etc*\" };",
                   INITIALIZE(ALL), 0);
    ask(call, ROOTS);
    post(&second, 0, RESULT_OF("1", ROOT_LIST));
    CHECK(server_got("\"result\":{\"roots\":[{\"uri\":\"file:///home/ann\"}]}"));
    CHECK(world_count_records(&worlds[0], "authz.deny", "file:///etc") == 1);
    finish(call);
    release();
}

/* Answers that nobody waits for: 202, a record, and not a byte to the server. */
TEST(asking_takes_one_answer_to_each_question)
{
    static const char *const STRAYS[] = {RESULT_OF("2", ACCEPTED), RESULT_OF("0", ACCEPTED),
                                         RESULT_OF("\"1\"", ACCEPTED), RESULT_OF("\"s\"", ACCEPTED),
                                         "{\"jsonrpc\":\"2.0\",\"id\":9,\"error\":{\"code\":-1}}"};
    struct world_call *call = begin();
    ask(call, ELICITATION);
    for (size_t i = 0; i < COUNT_OF(STRAYS); i++) {
        post(&second, i % 2, STRAYS[i]);
        CHECK_ROW(STRAYS[i], second.status_code == 202 && second.body[0] == '\0');
    }
    CHECK(world_count_calls(&worlds[0], "response") == 0);
    post(&second, 0, RESULT_OF("1", ACCEPTED));
    post(&second, 0, RESULT_OF("1", "{\"action\":\"decline\"}"));
    CHECK(second.status_code == 202 && server_got("\"result\":" ACCEPTED));
    CHECK(world_count_records(&worlds[0], "wire.reject", "response.unknown") ==
          COUNT_OF(STRAYS) + 1);
    finish(call);
    post(&second, 0, RESULT_OF("1", ACCEPTED));
    CHECK(second.status_code == 202 && world_count_calls(&worlds[0], "response") == 1);
    release();
}

/* Another session's answer is another session's, whoever's it is. */
TEST(asking_is_answered_in_its_own_session)
{
    struct world_call *call = begin();
    char own[SESSION_BYTES];
    memcpy(own, session, sizeof(own));
    ask(call, ELICITATION);
    world_post(&worlds[0], &second, BANK, INITIALIZE(ALL), NULL, NULL, NULL);
    run();
    memcpy(session, second.session_id, sizeof(session));
    post(&second, 0, RESULT_OF("1", ACCEPTED));
    CHECK(second.status_code == 202 && world_count_calls(&worlds[0], "response") == 0);
    memcpy(session, own, sizeof(session));
    post(&second, 0, RESULT_OF("1", ACCEPTED));
    CHECK(server_got("\"result\":" ACCEPTED));
    finish(call);
    release();
}

TEST(asking_answers_that_are_no_answers)
{
    static const struct {
        const char *name, *answer, *outcome;
        int http_status;
    } rows[] = {
        {"an error", "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,\"message\":\"no\"}}",
         "\"result\":{\"action\":\"decline\"}", 202},
        {"another shape", RESULT_OF("1", SAMPLED), "\"result\":{\"action\":\"decline\"}", 202},
        {"not what the form asks for",
         RESULT_OF("1", "{\"action\":\"accept\",\"content\":{\"env\":7}}"),
         "\"result\":{\"action\":\"decline\"}", 202},
        {"result and error", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{}}", NULL,
         400},
        {"a result that is none", RESULT_OF("1", "7"), NULL, 400},
        {"no id", "{\"jsonrpc\":\"2.0\",\"result\":{}}", NULL, 400},
        {"parameters", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"params\":{}}", NULL, 400},
        {"a method", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"method\":\"ping\"}", NULL, 400},
        {"another member", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"Result\":{}}", NULL, 400},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world_call *call = begin();
        ask(call, ELICITATION);
        post(&second, 0, rows[i].answer);
        CHECK_ROW(rows[i].name, second.status_code == rows[i].http_status);
        CHECK_ROW(rows[i].name, strstr(second.body, "\"result\"") == NULL);
        if (rows[i].outcome != NULL) {
            CHECK_ROW(rows[i].name, server_got(rows[i].outcome));
        } else {
            CHECK_ROW(rows[i].name, world_count_calls(&worlds[0], "response") == 0);
        }
        finish(call);
        release();
    }
}

TEST(asking_answers_pings_in_both_directions)
{
    struct world_call *call = begin();
    ask(call, "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"ping\"}");
    CHECK(server_got("\"result\":{}") && client.body[0] == '\0');
    post(&second, 1, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}");
    CHECK(second.status_code == 200 && strstr(second.body, "\"result\":{}") != NULL);
    finish(call);
    release();
}

/* -- waits --------------------------------------------------------------------------------- */

TEST(asking_is_not_before_its_record)
{
    struct world_call *call = begin();
    worlds[0].holds_records = true;
    ask(call, ELICITATION);
    CHECK(!client.stream_begun && call->is_excused);
    worlds[0].holds_records = false;
    run();
    CHECK(client_was_asked("elicitation/create"));
    worlds[0].holds_records = true;
    post(&second, 0, RESULT_OF("1", ACCEPTED));
    CHECK(world_count_calls(&worlds[0], "response") == 0 && !second.is_released);
    worlds[0].holds_records = false;
    run();
    CHECK(server_got("\"result\":" ACCEPTED) && second.status_code == 202);
    finish(call);
    release();
}

TEST(asking_without_a_record_is_refused)
{
    for (int is_answer = 0; is_answer < 2; is_answer++) {
        struct world_call *call = begin();
        worlds[0].journal_fails = is_answer == 0;
        ask(call, ELICITATION);
        worlds[0].journal_fails = is_answer != 0;
        post(&second, 0, RESULT_OF("1", ACCEPTED));
        CHECK(second.status_code == (is_answer != 0 ? 503 : 202));
        CHECK(client.stream_begun == (is_answer != 0));
        CHECK(server_got("\"result\":{\"action\":\"decline\"}"));
        worlds[0].journal_fails = false;
        finish(call);
        release();
    }
}

TEST(asking_ends_with_its_call)
{
    static const struct {
        const char *name;
        enum status status;
    } rows[] = {{"an answer", STATUS_OK}, {"an end", STATUS_UNAVAILABLE}};
    for (size_t i = 0; i < COUNT_OF(rows) * 2; i++) {
        struct world_call *call = begin();
        bool is_recording = i % 2 == 1;
        worlds[0].holds_records = is_recording;
        ask(call, ELICITATION);
        if (rows[i / 2].status == STATUS_OK) {
            world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}");
        }
        world_end(call, rows[i / 2].status, "upstream.down");
        worlds[0].holds_records = false;
        run();
        CHECK_ROW(rows[i / 2].name, client.is_released);
        CHECK_ROW(rows[i / 2].name, client.stream_begun == !is_recording);
        CHECK_ROW(rows[i / 2].name,
                  is_recording == (strstr(client.body, "notifications/cancelled\",\"params\":"
                                                       "{\"requestId\":1}") == NULL));
        post(&second, 0, RESULT_OF("1", ACCEPTED));
        CHECK_ROW(rows[i / 2].name, second.status_code == 202);
        CHECK_ROW(rows[i / 2].name, world_count_calls(&worlds[0], "response") == 0);
        release();
    }
}

/* A question of a child came on the stream of the youngest call, and is for the other. */
TEST(asking_of_a_child_outlives_the_call_it_came_on)
{
    for (int i = 0; i < 4; i++) {
        bool is_recording = i % 2 == 1;
        server_is_child = i / 2 == 0;
        struct world_call *call = begin();
        struct world_client younger = {0};
        post(&younger, 1, SEE_TOO);
        struct world_call *other = world_find_call(&worlds[home], "tools/call");
        CHECK(other != NULL && other != call);
        ask(other, ELICITATION);
        worlds[home].holds_records = is_recording;
        if (is_recording) {
            post(&second, 0, RESULT_OF("1", ACCEPTED));
        }
        finish(other);
        worlds[home].holds_records = false;
        run();
        CHECK(younger.is_released && call->is_excused == (server_is_child && !is_recording));
        if (!is_recording) {
            post(&second, 0, RESULT_OF("1", ACCEPTED));
        }
        CHECK(second.status_code == 202);
        CHECK(server_is_child ? server_got("\"result\":" ACCEPTED)
                              : world_count_calls(&worlds[home], "response") == 0);
        CHECK(server_is_child == (strstr(younger.body, "notifications/cancelled") == NULL));
        CHECK(!call->is_excused && call->is_open);
        finish(call);
        CHECK(client.is_released);
        release();
    }
    server_is_child = false;
}

/* It is taken back wherever it is by now, and over with the last call. */
TEST(asking_of_a_child_may_be_taken_back_and_ends_with_the_last_call)
{
    for (int takes_back = 0; takes_back < 2; takes_back++) {
        server_is_child = true;
        struct world_call *call = begin();
        struct world_client younger = {0};
        post(&younger, 0, SEE_TOO);
        struct world_call *other = world_find_call(&worlds[home], "tools/call");
        ask(call, ELICITATION);
        if (takes_back != 0) {
            ask(other, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
                       "\"requestId\":\"s\"}}");
            CHECK(strstr(client.body, "\"requestId\":1") != NULL && !call->is_excused);
        }
        finish(call);
        CHECK(client.is_released && other->is_excused == (takes_back == 0));
        finish(other);
        CHECK(younger.is_released);
        CHECK(takes_back != 0 || strstr(younger.body, "\"requestId\":1") != NULL);
        post(&second, 0, RESULT_OF("1", ACCEPTED));
        CHECK(second.status_code == 202);
        CHECK(takes_back != 0 ? world_count_calls(&worlds[home], "response") == 0
                              : server_got("\"result\":{\"action\":\"decline\"}"));
        release();
    }
    server_is_child = false;
}

TEST(asking_ends_in_time)
{
    struct world_call *call = begin();
    ask(call, SAMPLING);
    world_advance(&worlds[0], worlds[0].gateway.limits.question_timeout_ms - 1);
    CHECK(world_count_calls(&worlds[0], "response") == 0);
    world_advance(&worlds[0], 1);
    run();
    CHECK(world_count_calls(&worlds[0], "response") == 1 && !call->is_excused);
    CHECK(strstr(client.body, "\"requestId\":1") != NULL);
    CHECK(world_count_records(&worlds[0], "limit.hit", "question.timeout") == 1);
    post(&second, 0, RESULT_OF("1", SAMPLED));
    CHECK(world_count_calls(&worlds[0], "response") == 1);
    finish(call);
    release();
}

TEST(asking_may_be_taken_back)
{
    struct world_call *call = begin();
    ask(call, SAMPLING);
    ask(call, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
              "\"requestId\":\"other\"}}");
    CHECK(strstr(client.body, "requestId") == NULL);
    ask(call, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
              "\"requestId\":\"s\"}}");
    CHECK(strstr(client.body, "\"requestId\":1") != NULL && !call->is_excused);
    post(&second, 0, RESULT_OF("1", SAMPLED));
    CHECK(second.status_code == 202 && world_count_calls(&worlds[0], "response") == 0);
    finish(call);
    release();
}

/* While the answer is being recorded the call goes, or the session, or the gateway. */
TEST(asking_may_end_while_its_answer_is_recorded)
{
    for (int i = 0; i < 4; i++) {
        struct world_client ending = {0};
        struct world_call *call = begin();
        ask(call, ELICITATION);
        worlds[0].holds_records = true;
        post(&second, 0, RESULT_OF("1", ACCEPTED));
        if (i == 0) {
            world_end(call, STATUS_UNAVAILABLE, "upstream.down");
        } else if (i == 1) {
            gateway_close(&worlds[0].gateway);
        } else if (i == 2) {
            second.exchange.on_gone(&second.exchange);
        } else {
            world_ask(&worlds[0], &ending, "DELETE", BANK, session);
        }
        worlds[0].holds_records = false;
        run();
        CHECK(second.is_released && worlds[0].gateway.children.stray_count == 0);
        CHECK(world_count_calls(&worlds[0], "response") == (i >= 2 ? 1 : 0));
        if (i == 2) {
            finish(call);
        }
        CHECK(client.is_released);
        release();
    }
}

/* Before its stream began it cannot come back. */
TEST(asking_a_client_that_is_gone_is_refused)
{
    struct world_call *call = begin();
    client.exchange.on_gone(&client.exchange);
    ask(call, ELICITATION);
    CHECK(server_got("\"result\":{\"action\":\"decline\"}") && !call->is_excused);
    CHECK(world_count_records(&worlds[0], "limit.hit", "client.gone") == 1);
    finish(call);
    CHECK(client.is_released && !client.is_replied);
    release();
}

/* It lost its stream, or did not keep up: the question waits for it to come back. */
TEST(asking_a_client_that_comes_back)
{
    for (int is_slow = 0; is_slow < 2; is_slow++) {
        struct world_call *call = begin();
        world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":\"t\",\"method\":\"roots/list\"}");
        run();
        CHECK(strstr(client.body, "id: 1-1\n") != NULL);
        client.is_slow = is_slow != 0;
        if (is_slow == 0) {
            client.exchange.on_gone(&client.exchange);
        }
        ask(call, ELICITATION);
        CHECK(client.is_released && client.is_aborted == (is_slow != 0));
        CHECK(world_count_calls(&worlds[0], "response") == 0);
        world_come_back(&worlds[1], &client, BANK, session, "1-1");
        run();
        CHECK(strstr(client.body, "elicitation/create") != NULL);
        CHECK(strstr(client.body, "roots/list") == NULL);
        post(&second, 0, RESULT_OF("2", ACCEPTED));
        CHECK(server_got("\"result\":" ACCEPTED));
        finish(call);
        CHECK(client.stream_ended && strstr(client.body, "\"content\":[]") != NULL);
        release();
    }
}

TEST(asking_of_one_call_is_bounded)
{
    struct world_call *call = begin_with(PERMIT_ALL, INITIALIZE("{}"), 0);
    for (size_t i = 0; i < worlds[0].gateway.limits.call_questions; i++) {
        world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"files/delete\"}");
        CHECK(call->is_open);
        worlds[0].record_count = 0; /* the test's own room */
        worlds[0].call_count--;
        world_end(&worlds[0].calls[worlds[0].call_count], STATUS_OK, NULL);
    }
    world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"files/delete\"}");
    CHECK(!call->is_open);
    run();
    CHECK(client.is_released && strstr(client.body, "overloaded") != NULL);
    release();
}

/* A modern client was never told that it could be asked like that. */
TEST(asking_a_modern_client_is_refused)
{
    world_init(&worlds[0], PERMIT_ALL);
    world_init(&worlds[1], PERMIT_ALL);
    worlds[0].held_method = "tools/call";
    world_post(&worlds[0], &client, BANK, CALL_SEE, "tools/call", "see", NULL);
    world_run(&worlds[0]);
    struct world_call *call = world_find_call(&worlds[0], "tools/call");
    world_message(call, SAMPLING);
    world_run(&worlds[0]);
    CHECK(world_count_calls(&worlds[0], "response") == 1 && !client.stream_begun);
    world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}");
    world_end(call, STATUS_OK, NULL);
    world_run(&worlds[0]);
    CHECK(client.is_replied && client.status_code == 200);
    release();
}

/* One allocation fails: the server hears the answer or the "no", or the call ends. */
TEST(asking_survives_each_allocation_that_fails)
{
    bool has_begun = true;
    for (size_t n = 0; has_begun; n++) {
        struct world_call *call = begin();
        check_begin_shortage(n, false);
        ask(call, ELICITATION);
        post(&second, 1, RESULT_OF("1", ACCEPTED));
        has_begun = check_end_shortage();
        CHECK(second.is_released && world_count_calls(&worlds[0], "response") <= 1);
        CHECK(has_begun || server_got("\"result\":" ACCEPTED));
        if (call->is_open) {
            finish(call);
        }
        CHECK(client.is_released);
        release();
    }
}

/* What a server tells under a name that no revision has goes nowhere, and the outcome says so. */
TEST(call_says_in_its_outcome_what_its_server_told_in_vain)
{
    static const struct {
        const char *told, *recorded; /* NULL: nothing */
    } rows[] = {
        {"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/evil\",\"params\":{\"a\":1}}",
         "notifications/evil"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/Progress\"}", "notifications/Progress"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}", NULL},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}", NULL},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\"}", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world_call *call = begin();
        ask(call, rows[i].told);
        ask(call, rows[i].told);
        finish(call);
        CHECK_ROW(rows[i].told,
                  client.status_code == 200 && strstr(client.body, "notifications") == NULL);
        CHECK_ROW(rows[i].told,
                  world_count_records(&worlds[home], "\"outcome\"", "notification.unknown") ==
                      (rows[i].recorded == NULL ? 0 : 1));
        CHECK_ROW(rows[i].told, rows[i].recorded == NULL ||
                                    world_count_records(&worlds[home], "notification.unknown",
                                                        rows[i].recorded) == 1);
        release();
    }
}
