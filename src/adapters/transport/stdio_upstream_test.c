#include "adapters/transport/stdio_upstream.h"

#include "adapters/process/local_process.h"
#include "adapters/transport/peer_test.h"
#include "adapters/transport/stdio_child.h"
#include "adapters/transport/upstream_mux.h"
#include "support/check.h"

#include <stddef.h>
#include <stdio.h>

#define ACCOUNT_BYTES ((size_t)64 << 20)
#define SINKS 3

struct sink {
    struct upstream_sink base;
    struct buf messages; /* joined by '|' */
    size_t stream_count, end_count;
    enum status status;
    struct diag diag;
    bool has_ended;
    struct upstream_call *call;
};

static void on_message(const struct upstream_sink *base, struct slice json, bool is_stream)
{
    struct sink *sink = base->user;
    sink->stream_count += is_stream ? 1 : 0;
    buf_append(&sink->messages, json);
    buf_append_byte(&sink->messages, '|');
}

static void on_end(const struct upstream_sink *base, enum status status, int http_status,
                   const struct diag *diag)
{
    struct sink *sink = base->user;
    CHECK(http_status == 0);
    sink->end_count++;
    sink->status = status;
    sink->diag = *diag;
    sink->has_ended = true;
}

struct fixture {
    struct loop loop;
    struct json_parser parser;
    const char *argv[4];
    const char *environment[2];
    struct program programs[2];
    struct local_process local;
    struct port_process process;
    struct stdio_upstream *upstream;
    struct port_upstream port;
    struct sink sinks[SINKS];
    struct buf log;
    size_t log_line_count, exit_count;
    bool has_exited, is_closed, has_asked;
    struct buf asked;             /* of nobody, joined by '|' */
    bool has_batches, has_others; /* what the calls say that start */
    uint64_t caller;
};

static void on_log_line(void *context, uint32_t server, uint64_t child, struct slice line)
{
    struct fixture *self = context;
    (void)server;
    (void)child;
    self->log_line_count++;
    buf_append(&self->log, line);
}

static void on_child_exit(void *context, uint32_t server, uint64_t child)
{
    struct fixture *self = context;
    (void)server;
    (void)child;
    self->exit_count++;
    self->has_exited = true;
}

static void on_child_asks(void *context, uint32_t server, uint64_t child, struct slice json)
{
    struct fixture *self = context;
    CHECK(server == 0 && child == 0);
    buf_append(&self->asked, json);
    buf_append_byte(&self->asked, '|');
    self->has_asked = true;
}

static void set_up_with(struct fixture *self, const char *script, uint32_t calls_max)
{
    static const uint8_t SEED[16] = {1};
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct stdio_upstream_options options = STDIO_UPSTREAM_OPTIONS_DEFAULT;
    *self = (struct fixture){.argv = {"/bin/sh", "-c", script, NULL},
                             .environment = {"PATH=/bin:/usr/bin", NULL}};
    self->programs[0] = (struct program){.argv = self->argv, .environment = self->environment};
    self->local = (struct local_process){&self->loop, self->programs, COUNT_OF(self->programs)};
    self->process = local_process_port(&self->local);
    options.line_bytes_max = 65536;
    options.stop_ms = 40;
    options.children_max = 2;
    options.caller_calls_max = 2;
    options.calls_max = calls_max;
    json_parser_init(&self->parser, &limits, SEED);
    CHECK(loop_init(&self->loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    CHECK(stdio_upstream_new(&self->loop, &self->process, &self->parser, &options,
                             &self->upstream) == STATUS_OK);
    stdio_upstream_set_events(self->upstream,
                              &(struct stdio_upstream_events){.context = self,
                                                              .on_log_line = on_log_line,
                                                              .on_child_exit = on_child_exit,
                                                              .on_child_asks = on_child_asks});
    self->port = stdio_upstream_port(self->upstream);
    for (int i = 0; i < SINKS; i++) {
        self->sinks[i].base = (struct upstream_sink){
            .on_message = on_message, .on_end = on_end, .user = &self->sinks[i]};
        buf_init(&self->sinks[i].messages, ACCOUNT_BYTES, NULL);
    }
    buf_init(&self->log, ACCOUNT_BYTES, NULL);
    buf_init(&self->asked, ACCOUNT_BYTES, NULL);
}

static void set_up_shell(struct fixture *self, const char *script)
{
    set_up_with(self, script, 1024);
}

static void on_upstream_closed(void *context)
{
    *(bool *)context = true;
}

static void tear_down(struct fixture *self)
{
    stdio_upstream_close(self->upstream, on_upstream_closed, &self->is_closed);
    CHECK(peer_run_until(&self->loop, &self->is_closed));
    loop_release(&self->loop);
    CHECK(self->loop.account.used_bytes == 0);
    for (int i = 0; i < SINKS; i++) {
        buf_release(&self->sinks[i].messages);
    }
    buf_release(&self->log);
    buf_release(&self->asked);
}

static enum status try_start(struct fixture *self, struct sink *sink, int64_t id, struct slice body,
                             struct diag *diag)
{
    struct upstream_request request = {.body = body,
                                       .expects_answer = id != 0,
                                       .id = id,
                                       .timeout_ms = 60000,
                                       .has_batches = self->has_batches,
                                       .has_others = self->has_others,
                                       .caller = self->caller};
    sink->has_ended = false;
    return self->port.start(self->port.context, &request, &sink->base, &sink->call, diag);
}

static void start(struct fixture *self, struct sink *sink, int64_t id, struct slice body)
{
    CHECK(try_start(self, sink, id, body, NULL) == STATUS_OK);
}

static bool is_message(const struct sink *sink, struct slice text)
{
    return slice_eq(buf_view(&sink->messages), text);
}

TEST(stdio_upstream_finds_the_call_of_an_answer)
{
    struct fixture self;
    set_up_shell(&self, "exec cat");
    start(&self, &self.sinks[0], 1, SLICE("{\"id\":1}"));
    start(&self, &self.sinks[1], 2, SLICE("{\"id\":2,\"result\":{}}"));
    start(&self, &self.sinks[2], 0, SLICE("{\"id\":77}")); /* comes back as a late answer */
    for (int i = 0; i < SINKS; i++) {
        CHECK(peer_run_until(&self.loop, &self.sinks[i].has_ended));
        CHECK(self.sinks[i].status == STATUS_OK && self.sinks[i].stream_count == 0);
    }
    CHECK(is_message(&self.sinks[0], SLICE("{\"id\":1}|")));
    CHECK(is_message(&self.sinks[1], SLICE("{\"id\":2,\"result\":{}}|")));
    CHECK(is_message(&self.sinks[2], SLICE_EMPTY));
    tear_down(&self);
}

TEST(stdio_upstream_gives_notifications_to_their_call)
{
    struct fixture self;
    set_up_shell(&self, "read a; read b; read c\n"
                        "echo '{\"method\":\"p\",\"params\":{\"progressToken\":2}}'\n"
                        "echo '{\"method\":\"q\"}'\n" /* two calls: whose is it? */
                        "echo '{\"id\":1}'\n"
                        "echo '{\"method\":\"r\",\"params\":{\"progressToken\":9}}'\n"
                        "echo '{\"id\":\"x\",\"method\":\"ask\"}'\n"
                        "echo '{\"id\":2}'\n"
                        "echo '{\"id\":\"y\",\"method\":\"ask\"}'; cat"); /* of nobody */
    start(&self, &self.sinks[0], 1, SLICE("{}"));
    start(&self, &self.sinks[1], 2, SLICE("{}"));
    start(&self, &self.sinks[2], 0, SLICE("{}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[1].has_ended));
    CHECK(is_message(&self.sinks[0], SLICE("{\"id\":1}|")));
    CHECK(is_message(&self.sinks[1], SLICE("{\"method\":\"p\",\"params\":{\"progressToken\":2}}|"
                                           "{\"method\":\"r\",\"params\":{\"progressToken\":9}}|"
                                           "{\"id\":\"x\",\"method\":\"ask\"}|{\"id\":2}|")));
    CHECK(self.sinks[1].stream_count == 3);
    tear_down(&self);
}

/* MCP 2026-07-28, subscriptions: what is told names the request that asked for it. */
TEST(stdio_upstream_gives_what_is_listened_to_to_its_call)
{
    static const struct slice NAMED = SLICE_INIT(
        "{\"method\":\"n\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":1}}}|"
        "{\"id\":1}|");
    struct fixture self;
    struct upstream_request request = {.body = SLICE("{}"),
                                       .expects_answer = true,
                                       .id = 1,
                                       .timeout_ms = 60000,
                                       .is_listening = true};
    set_up_shell(&self, "sub() { echo '{\"method\":\"n\",\"params\":{\"_meta\":{'"
                        "'\"io.modelcontextprotocol/subscriptionId\":'$1'}}}'; }\n"
                        "read a; read b; sub 1; sub 9; echo '{\"method\":\"log\"}'\n"
                        "echo '{\"id\":2}'; echo '{\"id\":1}'; cat");
    CHECK(self.port.start(self.port.context, &request, &self.sinks[0].base, &self.sinks[0].call,
                          NULL) == STATUS_OK);
    start(&self, &self.sinks[1], 2, SLICE("{}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[0].has_ended));
    CHECK(is_message(&self.sinks[0], NAMED));
    CHECK(is_message(&self.sinks[1], SLICE("{\"method\":\"log\"}|{\"id\":2}|")));
    tear_down(&self);
}

/* MCP 2026-07-28, stdio: a child may serve several conversations. What names no call may be another
 * one's, even when only one runs: its own was perhaps cancelled a moment ago. */
TEST(stdio_upstream_gives_strangers_what_names_their_call)
{
    static const struct {
        const char *row, *text;
        bool is_given, is_given_alone; /* to the one call that runs, with and without strangers */
    } ROWS[] = {
        {"its progress", "{\"method\":\"p\",\"params\":{\"progressToken\":7}}", true, true},
        {"its subscription",
         "{\"method\":\"n\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/"
         "subscriptionId\":7}}}",
         true, true},
        {"progress of nobody", "{\"method\":\"p\",\"params\":{\"progressToken\":6}}", false, true},
        {"its progress as text", "{\"method\":\"p\",\"params\":{\"progressToken\":\"7\"}}", false,
         true},
        {"another subscription",
         "{\"method\":\"n\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/"
         "subscriptionId\":6}}}",
         false, false},
        {"a log message", "{\"method\":\"m\",\"params\":{\"data\":7}}", false, true},
        {"without parameters", "{\"method\":\"m\"}", false, true},
        {"a question", "{\"id\":7,\"method\":\"ask\",\"params\":{}}", false, true},
        {"an answer to nobody", "{\"id\":6,\"result\":{}}", false, false},
    };
    for (size_t i = 0; i < 2 * COUNT_OF(ROWS); i++) {
        bool has_others = i % 2 == 0;
        bool is_given = has_others ? ROWS[i / 2].is_given : ROWS[i / 2].is_given_alone;
        char script[512];
        struct fixture self;
        (void)snprintf(script, sizeof(script), "read a; read b; echo '%s'; echo '{\"id\":7}'; cat",
                       ROWS[i / 2].text);
        set_up_shell(&self, script);
        self.has_others = has_others;
        start(&self, &self.sinks[0], 6, SLICE("{}"));
        self.port.cancel(self.port.context, self.sinks[0].call);
        start(&self, &self.sinks[1], 7, SLICE("{}"));
        CHECK(peer_run_until(&self.loop, &self.sinks[1].has_ended));
        CHECK_ROW(ROWS[i / 2].row, self.sinks[1].stream_count == (is_given ? 1 : 0));
        CHECK_ROW(ROWS[i / 2].row, is_message(&self.sinks[0], SLICE_EMPTY));
        tear_down(&self);
    }
}

/* Once there were strangers there are, until the child is started again. */
TEST(stdio_upstream_remembers_strangers)
{
    struct fixture self;
    set_up_shell(&self, "read a; read b; echo '{\"method\":\"m\"}'; echo '{\"id\":2}'; cat");
    self.has_others = true;
    start(&self, &self.sinks[0], 1, SLICE("{}"));
    self.port.cancel(self.port.context, self.sinks[0].call);
    self.has_others = false;
    start(&self, &self.sinks[1], 2, SLICE("{}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[1].has_ended));
    CHECK(is_message(&self.sinks[1], SLICE("{\"id\":2}|")));
    tear_down(&self);
}

/* One caller leaves room for the others, and who has a child of his own needs none. */
TEST(stdio_upstream_gives_each_caller_a_share)
{
    struct fixture self;
    struct diag diag = {0};
    set_up_shell(&self, "exec cat");
    self.caller = 7;
    start(&self, &self.sinks[0], 1, SLICE("{\"method\":\"hold\"}"));
    start(&self, &self.sinks[1], 2, SLICE("{\"method\":\"hold\"}"));
    CHECK(try_start(&self, &self.sinks[2], 3, SLICE("{}"), &diag) == STATUS_UNAVAILABLE);
    CHECK(slice_eq(slice_view_cstr(diag.code), SLICE("upstream.share")));
    start(&self, &self.sinks[2], 0, SLICE("{\"method\":\"cancel\"}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[2].has_ended));
    for (self.caller = 8; self.caller != 0; self.caller = self.caller == 8 ? 9 : 0) {
        start(&self, &self.sinks[2], 4, SLICE("{\"id\":4}"));
        CHECK(peer_run_until(&self.loop, &self.sinks[2].has_ended));
    }
    for (int64_t id = 5; id < 8; id++) {
        start(&self, &self.sinks[2], id, SLICE("{\"method\":\"hold\"}"));
        self.port.cancel(self.port.context, self.sinks[2].call);
    }
    self.port.cancel(self.port.context, self.sinks[0].call);
    self.caller = 7;
    start(&self, &self.sinks[0], 9, SLICE("{\"id\":9}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[0].has_ended));
    tear_down(&self);
}

/* Whoever they are of. */
TEST(stdio_upstream_runs_so_many_calls_in_a_child)
{
    struct fixture self;
    struct diag diag = {0};
    set_up_with(&self, "exec cat", 2);
    start(&self, &self.sinks[0], 1, SLICE("{\"method\":\"hold\"}"));
    self.caller = 7;
    start(&self, &self.sinks[1], 2, SLICE("{\"method\":\"hold\"}"));
    self.caller = 8;
    CHECK(try_start(&self, &self.sinks[2], 3, SLICE("{}"), &diag) == STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "upstream.busy") && self.sinks[2].end_count == 0);
    self.port.cancel(self.port.context, self.sinks[0].call);
    start(&self, &self.sinks[2], 4, SLICE("{\"id\":4}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[2].has_ended));
    tear_down(&self);
}

/* With strangers, or without a call, nobody can be meant. */
TEST(stdio_upstream_tells_what_is_asked_of_nobody)
{
    for (int i = 0; i < 2; i++) {
        struct fixture self;
        set_up_shell(&self, i == 0 ? "read a; echo '{\"id\":\"x\",\"method\":\"ask\"}'; cat"
                                   : "read a; echo '{\"id\":1}'; echo '{\"method\":\"m\"}'\n"
                                     "echo '{\"id\":\"x\",\"method\":\"ask\"}'; cat");
        self.has_others = i == 0;
        start(&self, &self.sinks[0], 1, SLICE("{}"));
        CHECK(peer_run_until(&self.loop, &self.has_asked));
        CHECK(slice_eq(buf_view(&self.asked), SLICE("{\"id\":\"x\",\"method\":\"ask\"}|")));
        CHECK(self.sinks[0].has_ended == (i == 1) && self.sinks[0].stream_count == 0);
        tear_down(&self);
    }
}

/* An answer to what a child asked that has ended must not be the first that another one hears. */
TEST(stdio_upstream_starts_no_child_for_what_waits_for_nothing)
{
    struct fixture self;
    struct diag diag = {0};
    set_up_shell(&self, "read a; echo '{\"id\":1}'; exit");
    CHECK(try_start(&self, &self.sinks[0], 0, SLICE("{}"), &diag) == STATUS_UNAVAILABLE);
    CHECK(slice_eq(slice_view_cstr(diag.code), SLICE("upstream.down")));
    start(&self, &self.sinks[0], 1, SLICE("{}"));
    CHECK(peer_run_until(&self.loop, &self.has_exited));
    CHECK(try_start(&self, &self.sinks[0], 0, SLICE("{}"), &diag) == STATUS_UNAVAILABLE);
    CHECK(self.exit_count == 1);
    tear_down(&self);
}

/* An answer that is too long is passed over, where it ended the child for all; one without end is
 * the end of it all the same. */
TEST(stdio_upstream_ends_strangers_for_no_long_line)
{
    static const struct {
        const char *row, *script;
        enum status status; /* of the other call */
    } ROWS[] = {
        {"long", "head -c 70000 /dev/zero | tr '\\0' a; echo; echo '{\"id\":2}'; cat", STATUS_OK},
        {"longer", "head -c 700000 /dev/zero | tr '\\0' a; echo; echo '{\"id\":2}'; cat",
         STATUS_OK},
        {"without end", "tr '\\0' a </dev/zero", STATUS_LIMIT},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct fixture self;
        char script[256];
        (void)snprintf(script, sizeof(script), "read a; read b; %s", ROWS[i].script);
        set_up_shell(&self, script);
        self.has_others = true;
        start(&self, &self.sinks[0], 1, SLICE("{}"));
        start(&self, &self.sinks[1], 2, SLICE("{}"));
        CHECK(peer_run_until(&self.loop, &self.sinks[1].has_ended));
        CHECK_ROW(ROWS[i].row, self.sinks[1].status == ROWS[i].status);
        CHECK_ROW(ROWS[i].row, self.sinks[0].has_ended == (ROWS[i].status != STATUS_OK));
        CHECK_ROW(ROWS[i].row, is_message(&self.sinks[0], SLICE_EMPTY));
        tear_down(&self);
    }
}

/* One that is cancelled leaves the rest, and the end of the child is that of all, with a reason and
 * a time to wait before the next one. */
TEST(stdio_upstream_ends_all_calls_of_strangers_with_the_child)
{
    struct fixture self;
    struct diag diag = {0};
    set_up_shell(&self, "read a; read b; read c; echo '{\"id\":2}'; read d; exit 1");
    self.has_others = true;
    for (int i = 0; i < SINKS; i++) {
        start(&self, &self.sinks[i], i + 1, SLICE("{}"));
    }
    self.port.cancel(self.port.context, self.sinks[0].call);
    CHECK(peer_run_until(&self.loop, &self.sinks[1].has_ended));
    CHECK(self.sinks[1].status == STATUS_OK && !self.sinks[2].has_ended);
    start(&self, &self.sinks[1], 4, SLICE("{}"));
    CHECK(peer_run_until(&self.loop, &self.has_exited));
    for (int i = 1; i < SINKS; i++) {
        CHECK(self.sinks[i].has_ended && self.sinks[i].status == STATUS_UNAVAILABLE);
        CHECK(slice_eq(slice_view_cstr(self.sinks[i].diag.code), SLICE("upstream.down")));
    }
    CHECK(self.sinks[0].end_count == 0);
    CHECK(try_start(&self, &self.sinks[0], 5, SLICE("{}"), &diag) == STATUS_UNAVAILABLE);
    CHECK(slice_eq(slice_view_cstr(diag.code), SLICE("upstream.down")));
    tear_down(&self);
}

static enum status start_standing(struct fixture *self, struct sink *sink)
{
    struct upstream_request request = {.is_get = true};
    struct diag diag = {0};
    sink->has_ended = false;
    return self->port.start(self->port.context, &request, &sink->base, &sink->call, &diag);
}

/* What belongs to no call, and nothing else; there is none without a child. */
TEST(stdio_upstream_has_a_stream_for_what_belongs_to_no_call)
{
    struct fixture self;
    set_up_shell(&self, "read a; echo '{\"id\":1}'; read b; read c\n"
                        "echo '{\"method\":\"q\"}'\n"
                        "echo '{\"id\":2}'\n"
                        "echo '{\"id\":\"x\",\"method\":\"ask\"}'\n"
                        "echo '{\"method\":\"r\"}'; echo '{\"id\":9}'; echo '{\"id\":3}'\n"
                        "echo '{\"method\":\"t\"}'; exit");
    CHECK(start_standing(&self, &self.sinks[2]) == STATUS_NOT_FOUND);
    start(&self, &self.sinks[0], 1, SLICE("{}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[0].has_ended));
    CHECK(start_standing(&self, &self.sinks[2]) == STATUS_OK);
    start(&self, &self.sinks[0], 2, SLICE("{}"));
    start(&self, &self.sinks[1], 3, SLICE("{}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[2].has_ended));
    CHECK(is_message(&self.sinks[0], SLICE("{\"id\":1}|{\"id\":2}|")));
    CHECK(is_message(&self.sinks[1], SLICE("{\"id\":\"x\",\"method\":\"ask\"}|{\"method\":\"r\"}|"
                                           "{\"id\":3}|")));
    CHECK(is_message(&self.sinks[2], SLICE("{\"method\":\"q\"}|{\"method\":\"t\"}|")));
    CHECK(self.sinks[2].status == STATUS_UNAVAILABLE && self.sinks[2].stream_count == 2);
    CHECK(start_standing(&self, &self.sinks[2]) == STATUS_NOT_FOUND);
    tear_down(&self);
}

TEST(stdio_upstream_ends_calls)
{
    static const struct {
        const char *row, *script, *code;
        enum status status;
    } ROWS[] = {
        {"exit", "read a; exit 3", "upstream.down", STATUS_UNAVAILABLE},
        {"killed", "read a; kill -9 $$", "upstream.down", STATUS_UNAVAILABLE},
        {"output closed", "read a; exec >&-; cat", "upstream.down", STATUS_UNAVAILABLE},
        {"half a line", "read a; printf '{\"id\":1'", "upstream.down", STATUS_UNAVAILABLE},
        {"garbage", "echo a; echo b; echo c; exec cat >/dev/null", "upstream.protocol",
         STATUS_INVALID},
        {"arrays", "echo []; echo []; echo []; exec cat >/dev/null", "upstream.protocol",
         STATUS_INVALID},
        {"duplicate names", "for i in 1 2 3; do echo '{\"id\":1,\"id\":1}'; done; exec cat",
         "upstream.protocol", STATUS_INVALID},
        {"long line", "head -c 70000 /dev/zero | tr '\\0' a; exec cat", "upstream.too_large",
         STATUS_LIMIT},
        {"long whole line", "head -c 65537 /dev/zero | tr '\\0' 1; echo; exec cat",
         "upstream.too_large", STATUS_LIMIT},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct fixture self;
        set_up_shell(&self, ROWS[i].script);
        start(&self, &self.sinks[0], 1, SLICE("{\"id\":5}"));
        CHECK_ROW(ROWS[i].row, peer_run_until(&self.loop, &self.sinks[0].has_ended));
        CHECK_ROW(ROWS[i].row, self.sinks[0].status == ROWS[i].status);
        CHECK_ROW(ROWS[i].row, str_eq(self.sinks[0].diag.code, ROWS[i].code));
        CHECK_ROW(ROWS[i].row, self.sinks[0].end_count == 1);
        CHECK_ROW(ROWS[i].row, peer_run_until(&self.loop, &self.has_exited));
        /* The next use comes too soon. */
        struct diag diag = {0};
        CHECK_ROW(ROWS[i].row,
                  try_start(&self, &self.sinks[1], 2, SLICE("{}"), &diag) == STATUS_UNAVAILABLE);
        CHECK_ROW(ROWS[i].row, str_eq(diag.code, "upstream.down"));
        tear_down(&self);
    }
}

/* MCP 2025-03-26: each message of an array finds its call as if it came alone. */
TEST(stdio_upstream_takes_batches_apart)
{
    struct fixture self;
    set_up_shell(
        &self,
        "read a; read b; read c\n"
        "echo '[{\"method\":\"p\",\"params\":{\"progressToken\":2}},{\"id\":1},{\"id\":1}]'\n"
        "echo '[7,{\"id\":\"x\",\"method\":\"ask\"} , [{\"id\":2}]]'\n"
        "echo '[{\"id\":2,\"result\":{}}]'; exec cat");
    start(&self, &self.sinks[0], 1, SLICE("{}"));
    start(&self, &self.sinks[1], 2, SLICE("{}"));
    self.has_batches = true; /* agreed by now: once is enough */
    start(&self, &self.sinks[2], 0, SLICE("{}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[1].has_ended));
    CHECK(self.sinks[0].status == STATUS_OK && is_message(&self.sinks[0], SLICE("{\"id\":1}|")));
    CHECK(is_message(&self.sinks[1], SLICE("{\"method\":\"p\",\"params\":{\"progressToken\":2}}|"
                                           "{\"id\":\"x\",\"method\":\"ask\"}|"
                                           "{\"id\":2,\"result\":{}}|")));
    CHECK(self.sinks[1].stream_count == 2 && self.exit_count == 0);
    tear_down(&self);
}

/* What is no batch is noise, which a server may make twice, and so is a batch in a revision without
 * them; there the calls that it answers end at once. */
TEST(stdio_upstream_refuses_batches)
{
    static const struct {
        const char *row, *line;
        bool has_batches, is_answered, is_ended;
        int count; /* of the line; the child is stopped with the third noise */
    } ROWS[] = {
        {"empty", "[]", true, true, false, 2},
        {"empty, too often", "[]", true, false, true, 3},
        {"no objects", "[[{\"id\":1}],7]", true, true, false, 1},
        {"no objects, too many", "[7,null,\"id\"]", true, false, true, 1},
        {"duplicate names", "[{\"id\":1,\"id\":1}]", true, true, false, 2},
        {"100 messages", "[$(printf '{\"id\":%d},' $(seq 101 199)){\"id\":1}]", true, true, false,
         3},
        {"101 messages", "[$(printf '{\"id\":%d},' $(seq 101 200)){\"id\":1}]", true, false, true,
         3},
        {"an answer in another revision", "[{\"id\":9},{\"id\":1}]", false, false, true, 1},
        {"others in another revision", "[{\"id\":9},7,{\"id\":1,\"method\":\"ask\"}]", false, true,
         false, 2},
        {"others, too often", "[{\"id\":9},{\"method\":\"log\"}]", false, false, true, 3},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct fixture self;
        char script[512];
        (void)snprintf(script, sizeof(script),
                       "read a; for i in $(seq %d); do cat <<END\n%s\nEND\ndone; read b; echo "
                       "'{\"id\":1,\"result\":{}}'; exec cat",
                       ROWS[i].count, ROWS[i].line);
        set_up_shell(&self, script);
        self.has_batches = ROWS[i].has_batches;
        start(&self, &self.sinks[0], 1, SLICE("{}"));
        start(&self, &self.sinks[1], 0, SLICE("{}"));
        CHECK_ROW(ROWS[i].row, peer_run_until(&self.loop, &self.sinks[0].has_ended));
        CHECK_ROW(ROWS[i].row, (self.sinks[0].status == STATUS_INVALID) == ROWS[i].is_ended);
        CHECK_ROW(ROWS[i].row,
                  !ROWS[i].is_ended || str_eq(self.sinks[0].diag.code, "upstream.protocol"));
        CHECK_ROW(ROWS[i].row, is_message(&self.sinks[0], SLICE_EMPTY) == !ROWS[i].is_answered);
        CHECK_ROW(ROWS[i].row, self.sinks[0].end_count == 1);
        tear_down(&self);
    }
}

/* Who is told of the first message gives the child up, and hears no more of the others. */
static void give_up(const struct upstream_sink *base, struct slice json, bool is_stream)
{
    struct fixture *self = (struct fixture *)((char *)base->user - offsetof(struct fixture, sinks));
    (void)json;
    (void)is_stream;
    self->sinks[0].stream_count++;
    self->port.close_child(self->port.context, 0, 0);
}

TEST(stdio_upstream_leaves_a_batch_with_its_child)
{
    struct fixture self;
    set_up_shell(&self,
                 "read a; echo '[{\"method\":\"p\"},{\"method\":\"q\"},{\"id\":1}]'; exec cat");
    self.has_batches = true;
    self.sinks[0].base.on_message = give_up;
    start(&self, &self.sinks[0], 1, SLICE("{}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[0].has_ended));
    CHECK(self.sinks[0].stream_count == 1 && self.sinks[0].end_count == 1);
    CHECK(self.sinks[0].status == STATUS_UNAVAILABLE);
    tear_down(&self);
}

TEST(stdio_upstream_forgives_a_little_noise)
{
    struct fixture self;
    set_up_shell(&self, "echo starting; echo; echo 1; exec cat");
    start(&self, &self.sinks[0], 1, SLICE("{\"id\":1}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[0].has_ended));
    CHECK(self.sinks[0].status == STATUS_OK);
    tear_down(&self);
}

TEST(stdio_upstream_takes_lines_in_pieces)
{
    struct fixture self;
    set_up_shell(&self, "read a; printf '{\"i'; sleep 0.05; printf 'd\":1}\\r'; sleep 0.05; echo;"
                        "exec cat");
    start(&self, &self.sinks[0], 1, SLICE("{}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[0].has_ended));
    CHECK(is_message(&self.sinks[0], SLICE("{\"id\":1}|")));
    tear_down(&self);
}

TEST(stdio_upstream_refuses_what_holds_two_messages)
{
    struct fixture self;
    struct diag diag = {0};
    set_up_shell(&self, "exec cat");
    CHECK(try_start(&self, &self.sinks[0], 1, SLICE("{}\n{}"), &diag) == STATUS_INVALID);
    CHECK(str_eq(diag.code, "upstream.request"));
    CHECK(self.sinks[0].end_count == 0);
    tear_down(&self);
}

TEST(stdio_upstream_says_why_a_program_does_not_start)
{
    struct fixture self;
    struct diag diag = {0};
    set_up_shell(&self, "exec cat");
    self.argv[0] = "/nonexistent/program";
    start(&self, &self.sinks[0], 1, SLICE("{}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[0].has_ended));
    CHECK(self.sinks[0].status == STATUS_UNAVAILABLE && self.sinks[0].end_count == 1);
    CHECK(str_eq(self.sinks[0].diag.code, "upstream.down"));
    CHECK(strstr(self.sinks[0].diag.message, "No such file") != NULL);
    CHECK(try_start(&self, &self.sinks[1], 2, SLICE("{}"), &diag) == STATUS_UNAVAILABLE);
    tear_down(&self);
}

TEST(stdio_upstream_reads_the_log)
{
    struct fixture self;
    set_up_shell(&self,
                 "read a; printf 'line%s\\n' 1 2 3 4 5 6 7 8 9 10 11 12 13 >&2;" /* in one piece */
                 "head -c 100000 /dev/zero | tr '\\0' b >&2; echo '{\"id\":1}'; exec cat");
    start(&self, &self.sinks[0], 1, SLICE("{}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[0].has_ended));
    peer_run_some(&self.loop);
    CHECK(self.log_line_count == 10);
    CHECK(slice_starts_with(buf_view(&self.log), SLICE("line1line2line3")));
    struct buf tail;
    buf_init(&tail, ACCOUNT_BYTES, NULL);
    stdio_upstream_log_tail(self.upstream, 0, 0, &tail);
    CHECK(tail.len == 65536 && tail.ptr[0] == 'b');
    buf_release(&tail);
    tear_down(&self);
}

/* Shown are as many bytes of a line as that, and the next line begins a new one. */
TEST(stdio_upstream_cuts_lines_of_the_log)
{
    for (size_t over = 0; over < 2; over++) {
        struct fixture self;
        char script[256];
        (void)snprintf(script, sizeof(script),
                       "read a; head -c %zu /dev/zero | tr '\\0' b >&2; printf '\\nc\\n' >&2;"
                       "echo '{\"id\":1}'; exec cat",
                       CHILD_LOG_LINE_BYTES + over);
        set_up_shell(&self, script);
        start(&self, &self.sinks[0], 1, SLICE("{}"));
        CHECK(peer_run_until(&self.loop, &self.sinks[0].has_ended));
        peer_run_some(&self.loop);
        CHECK(self.log_line_count == 2 && self.log.len == CHILD_LOG_LINE_BYTES + 1);
        CHECK(self.log.len > 0 && self.log.ptr[self.log.len - 1] == 'c');
        tear_down(&self);
    }
}

TEST(stdio_upstream_stops_the_stubborn)
{
    struct fixture self;
    set_up_shell(&self,
                 "trap '' TERM; sleep 1000 & echo '{\"id\":1}'; while :; do sleep 1000; done");
    start(&self, &self.sinks[0], 1, SLICE("{}"));
    CHECK(peer_run_until(&self.loop, &self.sinks[0].has_ended));
    start(&self, &self.sinks[1], 2, SLICE("{}"));
    tear_down(&self);
    CHECK(self.sinks[1].end_count == 1 && str_eq(self.sinks[1].diag.code, "upstream.down"));
}

TEST(stdio_upstream_children_are_numbered_and_bounded)
{
    struct fixture self;
    struct diag diag = {0};
    set_up_shell(&self, "exec cat");
    struct upstream_request request = {
        .body = SLICE("{\"id\":1}"), .expects_answer = true, .id = 1, .timeout_ms = 60000};
    for (uint64_t child = 0; child < 3; child++) {
        request.child = child;
        enum status status = self.port.start(self.port.context, &request, &self.sinks[child].base,
                                             &self.sinks[child].call, &diag);
        CHECK(status == (child < 2 ? STATUS_OK : STATUS_UNAVAILABLE));
    }
    CHECK(str_eq(diag.code, "upstream.busy"));
    self.port.close_child(self.port.context, 0, 1);
    CHECK(self.sinks[1].end_count == 1 && self.sinks[1].status == STATUS_UNAVAILABLE);
    CHECK(peer_run_until(&self.loop, &self.has_exited));
    CHECK(peer_run_until(&self.loop, &self.sinks[0].has_ended));
    peer_run_some(&self.loop);
    CHECK(self.port.start(self.port.context, &request, &self.sinks[2].base, &self.sinks[2].call,
                          &diag) == STATUS_OK);
    tear_down(&self);
}

TEST(stdio_upstream_times_out_and_cancels)
{
    struct fixture self;
    set_up_shell(&self, "while read a; do :; done");
    struct upstream_request request = {
        .body = SLICE("{}"), .expects_answer = true, .id = 1, .timeout_ms = 20};
    CHECK(self.port.start(self.port.context, &request, &self.sinks[0].base, &self.sinks[0].call,
                          NULL) == STATUS_OK);
    start(&self, &self.sinks[1], 2, SLICE("{}"));
    self.port.cancel(self.port.context, self.sinks[1].call);
    CHECK(peer_run_until(&self.loop, &self.sinks[0].has_ended));
    CHECK(self.sinks[0].status == STATUS_TIMEOUT);
    CHECK(self.sinks[1].end_count == 0);
    tear_down(&self);
}

TEST(upstream_mux_finds_the_adapter)
{
    struct fixture self;
    set_up_shell(&self, "exec cat");
    struct upstream_mux mux = {.shared = stdio_upstream_port(self.upstream)};
    struct upstream_request request = {
        .body = SLICE("{\"id\":1}"), .expects_answer = true, .id = 1, .child = 7};
    self.port = upstream_mux_port(&mux);
    CHECK(self.port.start(&mux, &request, &self.sinks[0].base, &self.sinks[0].call, NULL) ==
          STATUS_OK);
    self.port.pause(&mux, self.sinks[0].call, true);
    CHECK(peer_run_until(&self.loop, &self.sinks[0].has_ended));
    CHECK(self.port.start(&mux, &request, &self.sinks[0].base, &self.sinks[0].call, NULL) ==
          STATUS_OK);
    self.port.cancel(&mux, self.sinks[0].call);
    self.port.close_child(&mux, 0, 7);
    CHECK(self.sinks[0].end_count == 1);
    tear_down(&self);
}
