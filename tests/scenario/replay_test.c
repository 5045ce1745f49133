/* Runs the replays of tests/scenario: timed steps through the gateway of two loops on fake ports.
 *
 * A replay is a text file of steps, one a line; README.md in the folder lists them. Whatever a
 * replay does, the worlds check the contracts of all ports, and that nothing is left at the end.
 */
#include "support/check.h"
#include "support/fake_world.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define FOLDER "tests/scenario"
#define CLIENTS_MAX 8
#define FILES_MAX 128
#define STEP_BYTES 1024
#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{}}}"

#define CANCELLED                                                                                  \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}"

struct named_client {
    struct world_client client;
    char name[32], session[512];
};

struct replay {
    struct world worlds[WORLD_LOOPS];
    struct named_client clients[CLIENTS_MAX];
    struct gateway_limits limits;
    size_t loop; /* the steps speak of */
    bool has_begun;
    char row[320]; /* file:line, for messages */
    char held[64];
};

typedef void (*step_fn)(struct replay *replay, struct slice rest);

static struct slice next_word(struct slice *rest)
{
    size_t end = slice_find_byte(*rest, ' ');
    struct slice word = slice_sub(*rest, 0, end);
    *rest = slice_sub(*rest, end < rest->len ? end + 1 : end, rest->len);
    return word;
}

static void refuse_step(const struct replay *replay, const char *why)
{
    check_report(false, __FILE__, __LINE__, replay->row, why);
}

static void text_of(struct slice from, char *out, size_t size)
{
    snprintf(out, size, "%.*s", SLICE_ARG(from));
}

static int64_t next_number(struct replay *replay, struct slice *rest)
{
    int64_t number = 0;
    CHECK_ROW(replay->row, slice_to_i64(next_word(rest), &number) == STATUS_OK);
    return number;
}

static struct world *here(struct replay *replay)
{
    return &replay->worlds[replay->loop];
}

/* -- the world ----------------------------------------------------------------------------- */

static void step_policies(struct replay *replay, struct slice rest)
{
    char policies[STEP_BYTES];
    text_of(rest, policies, sizeof(policies));
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        if (replay->has_begun) {
            gateway_switch(&replay->worlds[i].gateway, world_snapshot(policies, ALL_REVISIONS));
        } else {
            world_init_with(&replay->worlds[i], policies, &replay->limits);
        }
    }
    if (!replay->has_begun) {
        world_pair(&replay->worlds[0], &replay->worlds[1]);
    }
    replay->has_begun = true;
}

static void step_loop(struct replay *replay, struct slice rest)
{
    replay->loop = (size_t)next_number(replay, &rest);
    CHECK_ROW(replay->row, replay->loop < WORLD_LOOPS);
    replay->loop %= WORLD_LOOPS;
}

static void step_hold(struct replay *replay, struct slice rest)
{
    text_of(rest, replay->held, sizeof(replay->held));
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        replay->worlds[i].held_method = rest.len > 0 ? replay->held : NULL;
    }
}

static void step_run(struct replay *replay, struct slice rest)
{
    (void)rest;
    bool has_run = true;
    while (has_run) {
        has_run = false;
        for (size_t i = 0; i < WORLD_LOOPS; i++) {
            has_run = world_step(&replay->worlds[i]) || has_run;
        }
    }
}

static void step_step(struct replay *replay, struct slice rest)
{
    (void)rest;
    CHECK_ROW(replay->row, world_step(here(replay)));
}

static void step_time(struct replay *replay, struct slice rest)
{
    int64_t ms = next_number(replay, &rest);
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        world_advance(&replay->worlds[i], ms);
    }
}

static void step_close(struct replay *replay, struct slice rest)
{
    (void)rest;
    gateway_close(&here(replay)->gateway);
}

static void step_servers(struct replay *replay, struct slice rest)
{
    bool is_modern = slice_eq(rest, SLICE("modern"));
    CHECK_ROW(replay->row, is_modern || slice_eq(rest, SLICE("legacy")));
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        replay->worlds[i].server_is_modern = is_modern;
    }
}

static void step_adapters(struct replay *replay, struct slice rest)
{
    CHECK_ROW(replay->row, slice_eq(rest, SLICE("repeat")));
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        replay->worlds[i].repeats = true;
    }
}

static void step_journal(struct replay *replay, struct slice rest)
{
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        struct world *world = &replay->worlds[i];
        world->journal_refuses = slice_eq(rest, SLICE("refuses"));
        world->journal_fails = slice_eq(rest, SLICE("fails"));
        world->holds_records = slice_eq(rest, SLICE("waits"));
        CHECK_ROW(replay->row, world->journal_refuses || world->journal_fails ||
                                   world->holds_records || slice_eq(rest, SLICE("works")));
    }
}

/* -- clients ------------------------------------------------------------------------------- */

static struct named_client *find_client(struct replay *replay, struct slice name)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct named_client *named = &replay->clients[i];
        if (named->name[0] == '\0') {
            text_of(name, named->name, sizeof(named->name));
        }
        if (slice_eq(slice_view_cstr(named->name), name)) {
            return named;
        }
    }
    refuse_step(replay, "too many clients");
    return &replay->clients[0];
}

static void post_modern(struct replay *replay, struct named_client *named, const char *method,
                        struct slice rest, const char *meta)
{
    char body[STEP_BYTES];
    char target[64];
    char name[64];
    bool is_list = strcmp(method, "tools/list") == 0;
    text_of(is_list ? SLICE_EMPTY : next_word(&rest), name, sizeof(name));
    text_of(rest.len > 0 ? rest : SLICE(BANK), target, sizeof(target));
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{%s%s%s%s"
             "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
             "\"io.modelcontextprotocol/clientCapabilities\":{}%s}}}",
             method, is_list ? "" : "\"name\":\"", name, is_list ? "" : "\"", is_list ? "" : ",",
             meta);
    world_post(here(replay), &named->client, target, body, method, is_list ? NULL : name, NULL);
}

static void post_legacy(struct replay *replay, struct named_client *named, const char *method,
                        struct slice rest)
{
    char body[STEP_BYTES];
    bool is_list = strcmp(method, "tools/list") == 0;
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{%s%.*s%s}}", method,
             is_list ? "" : "\"name\":\"", SLICE_ARG(rest), is_list ? "" : "\"");
    world_post(here(replay), &named->client, BANK, body, NULL, NULL, named->session);
}

static void leave(struct replay *replay, struct exchange *exchange)
{
    CHECK_ROW(replay->row, exchange->on_gone != NULL);
    if (exchange->on_gone != NULL) {
        exchange->on_gone(exchange);
    }
}

static void act(struct replay *replay, struct named_client *named, struct slice verb,
                struct slice rest)
{
    if (slice_eq(verb, SLICE("calls"))) {
        post_modern(replay, named, "tools/call", rest, "");
    } else if (slice_eq(verb, SLICE("streams"))) {
        post_modern(replay, named, "tools/call", rest, ",\"progressToken\":\"mine\"");
    } else if (slice_eq(verb, SLICE("lists"))) {
        post_modern(replay, named, "tools/list", rest, "");
    } else if (slice_eq(verb, SLICE("opens"))) {
        world_post(here(replay), &named->client, BANK, INITIALIZE, NULL, NULL, NULL);
    } else if (slice_eq(verb, SLICE("legacy-calls"))) {
        post_legacy(replay, named, "tools/call", rest);
    } else if (slice_eq(verb, SLICE("legacy-lists"))) {
        post_legacy(replay, named, "tools/list", rest);
    } else if (slice_eq(verb, SLICE("joins"))) {
        memcpy(named->session, find_client(replay, rest)->session, sizeof(named->session));
    } else if (slice_eq(verb, SLICE("cancels"))) {
        world_post(here(replay), &named->client, BANK, CANCELLED, NULL, NULL, named->session);
    } else if (slice_eq(verb, SLICE("stalls"))) {
        named->client.is_slow = true;
    } else if (slice_eq(verb, SLICE("leaves"))) {
        leave(replay, &named->client.exchange);
    } else {
        refuse_step(replay, "a client does not do that");
    }
}

static void step_client(struct replay *replay, struct slice rest)
{
    struct named_client *named = find_client(replay, next_word(&rest));
    if (named->client.session_id[0] != '\0') {
        memcpy(named->session, named->client.session_id, sizeof(named->session));
    }
    struct slice verb = next_word(&rest);
    act(replay, named, verb, rest);
}

/* -- servers ------------------------------------------------------------------------------- */

static void end_call(struct replay *replay, struct world_call *call, struct slice how)
{
    static const struct {
        struct slice name;
        enum status status;
        const char *code;
    } ENDS[] = {
        {SLICE_INIT("ends"), STATUS_OK, NULL},
        {SLICE_INIT("is-down"), STATUS_UNAVAILABLE, "upstream.down"},
        {SLICE_INIT("is-late"), STATUS_TIMEOUT, "upstream.timeout"},
        {SLICE_INIT("is-odd"), STATUS_INVALID, "upstream.protocol"},
    };
    for (size_t i = 0; i < COUNT_OF(ENDS); i++) {
        if (slice_eq(how, ENDS[i].name)) {
            world_end(call, ENDS[i].status, ENDS[i].code);
            return;
        }
    }
    refuse_step(replay, "a server does not do that");
}

/* On the newest open call of the method: `says JSON`, or how it ends. */
static void step_server(struct replay *replay, struct slice rest)
{
    char method[64];
    char json[STEP_BYTES];
    text_of(next_word(&rest), method, sizeof(method));
    struct world_call *call = world_find_call(here(replay), method);
    CHECK_ROW(replay->row, call != NULL);
    if (call == NULL) {
        return;
    }
    struct slice verb = next_word(&rest);
    if (slice_eq(verb, SLICE("says"))) {
        text_of(rest, json, sizeof(json));
        world_message(call, json);
    } else {
        end_call(replay, call, verb);
    }
}

/* -- expectations -------------------------------------------------------------------------- */

static void expect_client(struct replay *replay, struct slice rest)
{
    char text[STEP_BYTES];
    const struct world_client *client = &find_client(replay, next_word(&rest))->client;
    struct slice what = next_word(&rest);
    text_of(rest, text, sizeof(text));
    if (slice_eq(what, SLICE("waits"))) {
        CHECK_ROW(replay->row, !client->is_replied && !client->stream_ended &&
                                   !client->is_aborted && !client->is_released);
    } else if (slice_eq(what, SLICE("status"))) {
        CHECK_ROW(replay->row, client->status_code == next_number(replay, &rest));
    } else if (slice_eq(what, SLICE("has"))) {
        CHECK_ROW(replay->row, strstr(client->body, text) != NULL);
    } else if (slice_eq(what, SLICE("lacks"))) {
        CHECK_ROW(replay->row, strstr(client->body, text) == NULL);
    } else if (slice_eq(what, SLICE("nothing"))) {
        CHECK_ROW(replay->row, client->is_released && client->status_code == 0);
    } else if (slice_eq(what, SLICE("broken-off"))) {
        CHECK_ROW(replay->row, client->is_released && client->is_aborted && !client->stream_ended);
    } else {
        refuse_step(replay, "that is not expected of clients");
    }
}

static void step_expect(struct replay *replay, struct slice rest)
{
    struct slice what = next_word(&rest);
    size_t count = 0;
    char text[STEP_BYTES];
    if (slice_eq(what, SLICE("client"))) {
        expect_client(replay, rest);
        return;
    }
    size_t expected = (size_t)next_number(replay, &rest);
    text_of(rest, text, sizeof(text));
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        struct world *world = &replay->worlds[i];
        if (slice_eq(what, SLICE("calls"))) {
            count += world_count_calls(world, text);
        } else if (slice_eq(what, SLICE("records"))) {
            count += world_count_records(world, text, "");
        } else if (slice_eq(what, SLICE("operations"))) {
            count += world->gateway.operation_count;
        } else if (slice_eq(what, SLICE("sessions"))) {
            count += world->gateway.session_count;
        } else {
            refuse_step(replay, "that is not counted");
        }
    }
    CHECK_ROW(replay->row, count == expected);
}

/* -- files --------------------------------------------------------------------------------- */

static void run_step(struct replay *replay, struct slice line)
{
    static const struct {
        struct slice name;
        step_fn run;
        bool is_first; /* may stand before the policies, which begin everything */
    } STEPS[] = {
        {SLICE_INIT("policies"), step_policies, true},
        {SLICE_INIT("loop"), step_loop, false},
        {SLICE_INIT("servers"), step_servers, false},
        {SLICE_INIT("hold"), step_hold, false},
        {SLICE_INIT("adapters"), step_adapters, false},
        {SLICE_INIT("journal"), step_journal, false},
        {SLICE_INIT("client"), step_client, false},
        {SLICE_INIT("server"), step_server, false},
        {SLICE_INIT("time"), step_time, false},
        {SLICE_INIT("run"), step_run, false},
        {SLICE_INIT("step"), step_step, false},
        {SLICE_INIT("close"), step_close, false},
        {SLICE_INIT("expect"), step_expect, false},
    };
    struct slice name = next_word(&line);
    for (size_t i = 0; i < COUNT_OF(STEPS); i++) {
        if (slice_eq(name, STEPS[i].name) && (STEPS[i].is_first || replay->has_begun)) {
            STEPS[i].run(replay, line);
            return;
        }
    }
    refuse_step(replay, "such a step does not exist, or not before 'policies'");
}

static void run_file(const char *path)
{
    static struct replay replay;
    static const struct gateway_limits LIMITS = GATEWAY_LIMITS_DEFAULT;
    char line[STEP_BYTES];
    FILE *file = fopen(path, "re");
    CHECK_ROW(path, file != NULL);
    replay = (struct replay){.limits = LIMITS};
    for (int number = 1; file != NULL && fgets(line, sizeof(line), file) != NULL; number++) {
        line[strcspn(line, "\n")] = '\0';
        snprintf(replay.row, sizeof(replay.row), "%s:%d", path, number);
        if (line[0] != '\0' && line[0] != '#') {
            run_step(&replay, slice_view_cstr(line));
        }
    }
    CHECK_ROW(path, replay.has_begun);
    for (size_t i = 0; i < WORLD_LOOPS && replay.has_begun; i++) {
        world_release(&replay.worlds[i]);
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        bool has_asked = replay.clients[i].client.world != NULL;
        CHECK_ROW(path, !has_asked || replay.clients[i].client.is_released);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static int is_replay(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 7 && strcmp(entry->d_name + len - 7, ".replay") == 0;
}

TEST(replays_run_as_written)
{
    struct dirent **entries = NULL;
    int count = scandir(FOLDER, &entries, is_replay, alphasort);
    CHECK(count > 0 && count <= FILES_MAX);
    for (int i = 0; i < count; i++) {
        char path[300];
        snprintf(path, sizeof(path), FOLDER "/%s", entries[i]->d_name);
        run_file(path);
        free(entries[i]);
    }
    free(entries);
    printf("replays: %d\n", count);
}
