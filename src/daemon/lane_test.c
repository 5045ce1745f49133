/* Two lanes in threads of their own, with real sockets, between real clients and servers: one
 * server over HTTP on a third loop, one as a child process. */
#include "daemon/lane.h"
#include "daemon/network.h"

#include "adapters/crypto/openssl_crypto.h"
#include "adapters/transport/tcp.h"
#include "core/identity/principal.h"
#include "support/check.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LANES 2
#define ANSWER_BYTES 16384
#define SNAPSHOT_BYTES ((size_t)1 << 20)
#define LOOP_BYTES ((size_t)64 << 20)
#define PERMIT "permit(principal, action, resource);"
#define FORBID "forbid(principal, action, resource);"
#define META                                                                                       \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define CALL(tool)                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"" tool         \
    "\",\"arguments\":{}," META "}}"
#define TOOLS                                                                                      \
    "{\"tools\":[{\"name\":\"see\",\"inputSchema\":{\"type\":\"object\"}},"                        \
    "{\"name\":\"hang\",\"inputSchema\":{\"type\":\"object\"}}]}"
#define WELCOME                                                                                    \
    "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"                         \
    "\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}"

enum { SERVER_HTTP, SERVER_CHILD, SERVERS };

/* -- the server over HTTP ------------------------------------------------------------------ */

struct upstream {
    struct loop loop;
    struct http_server server;
    struct posted to_close;
    uint16_t port;
    struct exchange *held; /* a call of `hang` */
    atomic_int initialize_count, call_count;
};

static bool upstream_admit(void *context, const struct exchange_request *head,
                           struct exchange_reply *reply)
{
    (void)context;
    (void)head;
    (void)reply;
    return true;
}

static void upstream_refused(void *context, const struct exchange_request *head, const char *code,
                             struct exchange_reply *reply)
{
    (void)context;
    (void)head;
    CHECK_ROW(code, reply->status_code == 0);
}

static bool has(struct slice text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void upstream_reply(struct exchange *exchange, struct slice body, const char *result)
{
    static const struct http_field FIELDS[] = {
        {SLICE_INIT("Content-Type"), SLICE_INIT("application/json")}};
    char text[1024];
    const uint8_t *id = memmem(body.ptr, body.len, "\"id\":", 5);
    int len = id == NULL || result == NULL
                  ? 0
                  : snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":%s}",
                             strtol((const char *)id + 5, NULL, 10), result);
    exchange->vtable->reply(exchange,
                            &(struct exchange_reply){.status_code = len > 0 ? 200 : 202,
                                                     .fields = FIELDS,
                                                     .field_count = len > 0 ? 1 : 0,
                                                     .body = slice_of(text, (size_t)len)});
    exchange->vtable->release(exchange);
}

static void upstream_gone(struct exchange *exchange)
{
    struct upstream *upstream = exchange->operation;
    upstream->held = NULL;
    exchange->vtable->release(exchange);
}

static void upstream_begin(void *context, struct exchange *exchange,
                           const struct exchange_request *request)
{
    struct upstream *upstream = context;
    struct slice body = request->body;
    if (has(body, "\"initialize\"")) {
        atomic_fetch_add(&upstream->initialize_count, 1);
        upstream_reply(exchange, body, WELCOME);
    } else if (has(body, "\"tools/list\"")) {
        upstream_reply(exchange, body, TOOLS);
    } else if (has(body, "\"tools/call\"")) {
        atomic_fetch_add(&upstream->call_count, 1);
        if (has(body, "\"hang\"")) {
            exchange->operation = upstream;
            exchange->on_gone = upstream_gone;
            upstream->held = exchange;
            return;
        }
        upstream_reply(exchange, body, "{\"content\":[{\"type\":\"text\",\"text\":\"ok\"}]}");
    } else {
        upstream_reply(exchange, body, NULL);
    }
}

static void upstream_start(struct upstream *upstream)
{
    static const struct http_server_options OPTIONS = HTTP_SERVER_OPTIONS_DEFAULT;
    struct exchange_handler handler = {upstream, upstream_admit, upstream_begin, upstream_refused};
    int fd = -1;
    CHECK(loop_init(&upstream->loop, LOOP_BYTES, NULL) == STATUS_OK);
    CHECK(tcp_listen_fd(SLICE("127.0.0.1"), 0, &fd, NULL) == STATUS_OK);
    upstream->port = tcp_local_port(fd);
    CHECK(http_server_start(&upstream->server, &upstream->loop, fd, &OPTIONS, &handler, NULL) ==
          STATUS_OK);
    CHECK(loop_thread_start(&upstream->loop, NULL) == STATUS_OK);
}

static void upstream_closed(void *context)
{
    struct upstream *upstream = context;
    loop_stop(&upstream->loop);
}

static void run_upstream_close(struct posted *posted)
{
    struct upstream *upstream =
        (struct upstream *)((char *)posted - offsetof(struct upstream, to_close));
    http_server_close(&upstream->server, upstream_closed, upstream);
}

static void upstream_stop(struct upstream *upstream)
{
    upstream->to_close.run = run_upstream_close;
    loop_post(&upstream->loop, &upstream->to_close);
    loop_thread_join(&upstream->loop);
    loop_release(&upstream->loop);
}

/* -- the server in a child ------------------------------------------------------------------ */

/* Answers with its process number, so that a test can tell one child from two; `hang` it does not
 * answer. */
static const char *const CHILD[] = {
    "/bin/sh", "-c",
    "while read -r line; do id=${line#*\\\"id\\\":}; id=${id%%[,\\}]*}; case $line in "
    "*'\"initialize\"'*) result='" WELCOME "';; "
    "*'\"tools/list\"'*) result='" TOOLS "';; "
    "*'\"see\"'*) result='{\"content\":[{\"type\":\"text\",\"text\":\"pid '$$'\"}]}';; "
    "*) continue;; esac; "
    "printf '{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}\\n' \"$id\" \"$result\"; done",
    NULL};

/* -- the journal: writes nothing, completes a record at the end of a turn, on the loop that asked
 */

struct completion {
    struct posted posted; /* first */
    struct completion *next;
    struct journal_request request;
};

struct journal {
    struct port_journal port;
    uv_mutex_t mutex;           /* guards the list */
    struct completion *waiting; /* for the end of a turn of their loop */
    bool keeps;                 /* what needs no sync */
    atomic_bool is_busy;        /* the end of a turn completes nothing */
    atomic_int intent_count, cancelled_count;
    uv_sem_t intended, cancelled, flushed; /* posted with each */
};

static void run_completion(struct posted *posted)
{
    struct completion *completion = (struct completion *)posted;
    completion->request.done(completion->request.user, completion->request.ticket, STATUS_OK);
    base_free(completion);
}

static enum status journal_append(void *context, const struct journal_request *request)
{
    struct journal *journal = context;
    if (has(request->payload, "\"intent\"")) {
        atomic_fetch_add(&journal->intent_count, 1);
        uv_sem_post(&journal->intended);
    }
    if (has(request->payload, "\"cancelled\"")) {
        atomic_fetch_add(&journal->cancelled_count, 1);
        uv_sem_post(&journal->cancelled);
    }
    if (request->done == NULL) {
        return STATUS_OK;
    }
    struct completion *completion = base_alloc(sizeof(*completion));
    if (completion == NULL) {
        return STATUS_LIMIT;
    }
    *completion = (struct completion){.posted = {.run = run_completion}, .request = *request};
    uv_mutex_lock(&journal->mutex);
    struct completion **last = &journal->waiting;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = completion;
    uv_mutex_unlock(&journal->mutex);
    return STATUS_OK;
}

static bool journal_keep(void *context, struct slice payload)
{
    const struct journal *journal = context;
    (void)payload;
    return journal->keeps;
}

/* The oldest record, of this loop (NULL: of any). */
static bool complete_one(struct journal *journal, const struct port_poster *poster)
{
    uv_mutex_lock(&journal->mutex);
    struct completion **at = &journal->waiting;
    while (*at != NULL && poster != NULL && (*at)->request.poster != poster) {
        at = &(*at)->next;
    }
    struct completion *completion = *at;
    if (completion != NULL) {
        *at = completion->next;
    }
    uv_mutex_unlock(&journal->mutex);
    if (completion != NULL) {
        struct port_poster *owner = completion->request.poster;
        owner->post(owner->context, &completion->posted);
    }
    return completion != NULL;
}

static void journal_end_turn(void *context, const struct port_poster *poster)
{
    struct journal *journal = context;
    if (!atomic_load(&journal->is_busy)) {
        (void)complete_one(journal, poster);
    }
}

static void journal_flush(void *context)
{
    struct journal *journal = context;
    uv_sem_post(&journal->flushed);
}

static bool journal_is_healthy(void *context)
{
    (void)context;
    return true;
}

/* -- the lanes ------------------------------------------------------------------------------ */

struct fixture {
    _Atomic bool tells_sessions[SERVERS];
    struct upstream upstream;
    struct journal journal;
    struct openssl_crypto *crypto;
    struct port_random random;
    struct config config;
    struct upstream_target targets[SERVERS];
    struct program programs[SERVERS];
    struct lane_shared shared;
    struct lane lanes[LANES];
    uint16_t ports[LANES]; /* each its own, so that a test can choose the lane */
};

static struct gateway_snapshot *new_snapshot(struct openssl_crypto *crypto, const char *policies)
{
    static const struct gateway_server SERVER_LIST[SERVERS] = {
        {.name = SLICE_INIT("web"), .trust = SLICE_INIT("internal"), .timeout_ms = 60000},
        {.name = SLICE_INIT("kid"),
         .trust = SLICE_INIT("internal"),
         .timeout_ms = 60000,
         .is_stdio = true}};
    static const struct slice HOSTS[] = {SLICE_INIT("gateway.test")};
    static const struct principal ANN = {.issuer = SLICE_INIT("dev"), .subject = SLICE_INIT("ann")};
    static struct cedar_diagnostics diagnostics;
    struct cedar_source source = {SLICE("test"), slice_view_cstr(policies)};
    struct arena arena;
    arena_init(&arena, SNAPSHOT_BYTES, NULL);
    struct gateway_snapshot *snapshot = arena_alloc_zero(&arena, 1, sizeof(*snapshot));
    snapshot->references = 1;
    snapshot->servers = SERVER_LIST;
    snapshot->server_count = SERVERS;
    snapshot->hosts = HOSTS;
    snapshot->host_count = 1;
    snapshot->revisions = MCP_REVISIONS_LEGACY | MCP_REVISIONS_MODERN;
    CHECK(cedar_policy_set_parse(&source, 1, true, &snapshot->policies, &diagnostics) == STATUS_OK);
    CHECK(principal_new(&ANN, openssl_crypto_port(crypto), &snapshot->local_principal, NULL) ==
          STATUS_OK);
    snapshot->arena = arena;
    return snapshot;
}

static void share(struct fixture *self)
{
    self->random = system_random();
    self->config.limits = config_limits_default();
    CHECK(openssl_crypto_new(&self->crypto) == STATUS_OK);
    self->journal.port =
        (struct port_journal){&self->journal,   journal_append, journal_keep,
                              journal_end_turn, journal_flush,  journal_is_healthy};
    CHECK(uv_mutex_init(&self->journal.mutex) == 0);
    CHECK(uv_sem_init(&self->journal.flushed, 0) == 0);
    CHECK(uv_sem_init(&self->journal.intended, 0) == 0);
    CHECK(uv_sem_init(&self->journal.cancelled, 0) == 0);
    self->targets[SERVER_HTTP] = (struct upstream_target){
        .host = SLICE("127.0.0.1"), .port = self->upstream.port, .path = SLICE("/mcp")};
    self->programs[SERVER_CHILD].argv = CHILD;
    self->shared = (struct lane_shared){
        .config = &self->config,
        .network = network_http(),
        .http_targets = self->targets,
        .programs = self->programs,
        .server_count = SERVERS,
        .connections_max = 64,
        .lanes = self->lanes,
        .random = &self->random,
        .crypto = openssl_crypto_port(self->crypto),
        .journal = &self->journal.port,
        .place = {.node = 1, .loop_count = LANES, .tells_sessions = self->tells_sessions},
    };
}

static void fixture_init(struct fixture *self)
{
    *self = (struct fixture){0};
    upstream_start(&self->upstream);
    share(self);
    struct gateway_snapshot *snapshot = new_snapshot(self->crypto, PERMIT);
    for (size_t i = 0; i < LANES; i++) {
        int fd = -1;
        CHECK(tcp_listen_fd(SLICE("127.0.0.1"), 0, &fd, NULL) == STATUS_OK);
        self->ports[i] = tcp_local_port(fd);
        CHECK(lane_start(&self->lanes[i], &self->shared, fd, gateway_snapshot_ref(snapshot),
                         NULL) == STATUS_OK);
    }
    gateway_snapshot_unref(snapshot);
    for (size_t i = 0; i < LANES; i++) {
        CHECK(loop_thread_start(&self->lanes[i].loop, NULL) == STATUS_OK);
    }
}

static void fixture_release(struct fixture *self)
{
    for (size_t i = 0; i < LANES; i++) {
        lane_close(&self->lanes[i]);
    }
    for (size_t i = 0; i < LANES; i++) {
        loop_thread_join(&self->lanes[i].loop);
    }
    while (complete_one(&self->journal, NULL)) {
    }
    lane_settle_all(self->lanes, LANES);
    for (size_t i = 0; i < LANES; i++) {
        CHECK(self->lanes[i].gateway.operation_count == 0);
        CHECK(self->lanes[i].gateway.children.stray_count == 0);
        lane_release(&self->lanes[i]);
    }
    upstream_stop(&self->upstream);
    uv_sem_destroy(&self->journal.intended);
    uv_sem_destroy(&self->journal.cancelled);
    uv_sem_destroy(&self->journal.flushed);
    uv_mutex_destroy(&self->journal.mutex);
    openssl_crypto_free(self->crypto);
}

/* -- clients -------------------------------------------------------------------------------- */

/* A connection of a client, in the thread of the test; it blocks. */
struct caller {
    int fd;
    char answer[ANSWER_BYTES];
};

static void caller_connect(struct caller *caller, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    caller->answer[0] = '\0';
    caller->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(caller->fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
}

static void caller_send(struct caller *caller, const char *path, const char *fields,
                        const char *body)
{
    char text[4096];
    int len =
        snprintf(text, sizeof(text),
                 "POST %s HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: application/json\r\n"
                 "Accept: application/json, text/event-stream\r\nConnection: close\r\n%s"
                 "Content-Length: %zu\r\n\r\n%s",
                 path, fields, strlen(body), body);
    CHECK(len > 0 && write(caller->fd, text, (size_t)len) == len);
}

/* All until the gateway closes. */
static void caller_read(struct caller *caller)
{
    size_t used = 0;
    ssize_t got = 0;
    while (used < sizeof(caller->answer) - 1 &&
           (got = read(caller->fd, caller->answer + used, sizeof(caller->answer) - 1 - used)) > 0) {
        used += (size_t)got;
    }
    caller->answer[used] = '\0';
}

static void ask(struct caller *caller, uint16_t port, const char *path, const char *fields,
                const char *body)
{
    caller_connect(caller, port);
    caller_send(caller, path, fields, body);
    caller_read(caller);
    (void)close(caller->fd);
}

#define MODERN_CALL "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: "

static void ask_see(struct caller *caller, uint16_t port, const char *path)
{
    ask(caller, port, path, MODERN_CALL "see\r\n", CALL("see"));
}

static bool has_answer(const struct caller *caller, const char *text)
{
    return strstr(caller->answer, text) != NULL;
}

/* -- tests ---------------------------------------------------------------------------------- */

TEST(lanes_serve_a_session_at_its_home)
{
    static struct fixture self;
    static struct caller caller;
    char field[600];
    fixture_init(&self);
    ask(&caller, self.ports[1], "/servers/web/mcp", "",
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
        "\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}}");
    const char *id = strstr(caller.answer, "Mcp-Session-Id: ");
    CHECK(id != NULL);
    snprintf(field, sizeof(field), "%.*s\r\n", id == NULL ? 0 : (int)strcspn(id, "\r"), id);
    for (size_t i = 0; i < 2 * LANES; i++) {
        ask(&caller, self.ports[i % LANES], "/servers/web/mcp", field,
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
            "call\",\"params\":{\"name\":\"see\"}}");
        CHECK(has_answer(&caller, "200 OK") && has_answer(&caller, "\"text\":\"ok\""));
    }
    CHECK(atomic_load(&self.upstream.initialize_count) == 1);
    CHECK(atomic_load(&self.upstream.call_count) == 2 * LANES);
    CHECK(atomic_load(&self.journal.intent_count) == 2 * LANES);
    fixture_release(&self);
}

/* Without a session: the web server is asked from both loops, the child lives on one of them. */
TEST(lanes_share_a_callers_child)
{
    static struct fixture self;
    static struct caller callers[LANES];
    fixture_init(&self);
    for (size_t i = 0; i < LANES; i++) {
        ask_see(&callers[i], self.ports[i], "/servers/web/mcp");
        CHECK(has_answer(&callers[i], "\"text\":\"ok\""));
        ask_see(&callers[i], self.ports[i], "/servers/kid/mcp");
    }
    CHECK(atomic_load(&self.upstream.initialize_count) == LANES);
    const char *first = strstr(callers[0].answer, "pid ");
    const char *second = strstr(callers[1].answer, "pid ");
    CHECK(first != NULL && second != NULL);
    CHECK(first != NULL && second != NULL && strtol(first + 4, NULL, 10) > 0 &&
          strtol(first + 4, NULL, 10) == strtol(second + 4, NULL, 10));
    for (size_t i = 0; i < LANES; i++) {
        ask(&callers[i], self.ports[i], "/mcp",
            "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}");
        CHECK(has_answer(&callers[i], "web__see") && has_answer(&callers[i], "kid__see"));
    }
    fixture_release(&self);
}

/* Else the second record would wait for ever: the journal gives way to the turn of a loop that it
 * tells something. */
TEST(lanes_end_the_turn_in_which_they_are_told)
{
    static struct fixture self;
    static struct caller callers[2];
    fixture_init(&self);
    self.journal.keeps = true;
    atomic_store(&self.journal.is_busy, true);
    for (size_t i = 0; i < COUNT_OF(callers); i++) {
        caller_connect(&callers[i], self.ports[0]);
        caller_send(&callers[i], "/servers/web/mcp", MODERN_CALL "see\r\n", CALL("see"));
        uv_sem_wait(&self.journal.intended);
    }
    atomic_store(&self.journal.is_busy, false);
    CHECK(complete_one(&self.journal, &self.lanes[0].loop.poster));
    for (size_t i = 0; i < COUNT_OF(callers); i++) {
        caller_read(&callers[i]);
        CHECK(has_answer(&callers[i], "\"text\":\"ok\""));
    }
    fixture_release(&self);
}

/* Where no record follows that takes it along. */
TEST(lanes_have_written_what_nobody_waits_for)
{
    static struct fixture self;
    static struct caller caller;
    fixture_init(&self);
    self.journal.keeps = true;
    for (size_t i = 0; i < LANES; i++) {
        ask_see(&caller, self.ports[i], "/servers/web/mcp");
        CHECK(has_answer(&caller, "\"text\":\"ok\""));
        uv_sem_wait(&self.journal.flushed);
    }
    CHECK(atomic_load(&self.journal.intent_count) == LANES);
    fixture_release(&self);
}

static void call_again_and_again(void *context)
{
    struct fixture *self = context;
    static struct caller caller;
    for (int i = 0; i < 100; i++) {
        ask_see(&caller, self->ports[i % LANES],
                i % 3 == 0 ? "/servers/kid/mcp" : "/servers/web/mcp");
        CHECK(has_answer(&caller, "200 OK"));
    }
}

/* Once activation is reported done, no loop decides by the old policies, whatever runs meanwhile.
 */
TEST(lanes_acknowledge_a_snapshot)
{
    static struct fixture self;
    static struct caller caller;
    uv_thread_t other;
    fixture_init(&self);
    CHECK(uv_thread_create(&other, call_again_and_again, &self) == 0);
    for (int round = 0; round < 20; round++) {
        bool permits = round % 2 != 0;
        struct gateway_snapshot *snapshot = new_snapshot(self.crypto, permits ? PERMIT : FORBID);
        CHECK(lane_switch_all(self.lanes, LANES, snapshot, NULL) == STATUS_OK);
        gateway_snapshot_unref(snapshot);
        for (size_t i = 0; i < LANES; i++) {
            ask_see(&caller, self.ports[i],
                    round % 4 < 2 ? "/servers/web/mcp" : "/servers/kid/mcp");
            CHECK(has_answer(&caller, "\"isError\":true") == !permits);
        }
    }
    CHECK(uv_thread_join(&other) == 0);
    fixture_release(&self);
}

/* The client of either loop leaves during a call: the home, wherever it is, cancels and records. */
TEST(lanes_cancel_across_loops)
{
    static const char *const PATHS[] = {"/servers/kid/mcp", "/servers/web/mcp"};
    static struct fixture self;
    static struct caller caller;
    fixture_init(&self);
    for (size_t i = 0; i < LANES * COUNT_OF(PATHS); i++) {
        caller_connect(&caller, self.ports[i % LANES]);
        caller_send(&caller, PATHS[i / LANES], MODERN_CALL "hang\r\n", CALL("hang"));
        uv_sem_wait(&self.journal.intended);
        (void)close(caller.fd);
        uv_sem_wait(&self.journal.cancelled);
    }
    CHECK(atomic_load(&self.journal.cancelled_count) == LANES * (int)COUNT_OF(PATHS));
    fixture_release(&self);
}

/* Both loops stop while calls hang that came in on the other one: the clients are let go. */
TEST(lanes_stop_while_calls_cross)
{
    enum { CALLERS = 4 };
    static struct fixture self;
    static struct caller callers[CALLERS];
    fixture_init(&self);
    for (size_t i = 0; i < CALLERS; i++) {
        caller_connect(&callers[i], self.ports[i % LANES]);
        caller_send(&callers[i], "/servers/kid/mcp", MODERN_CALL "hang\r\n", CALL("hang"));
    }
    for (size_t i = 0; i < CALLERS; i++) {
        uv_sem_wait(&self.journal.intended);
    }
    fixture_release(&self);
    for (size_t i = 0; i < CALLERS; i++) {
        caller_read(&callers[i]);
        CHECK(!has_answer(&callers[i], "200 OK"));
        (void)close(callers[i].fd);
    }
}
