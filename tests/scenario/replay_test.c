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
#define ANSWERS_MAX 4
#define KEPT_BYTES 1024

#define CANCELLED                                                                                  \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}"

struct named_client {
    struct world_client client;
    char name[32], session[512];
    char capabilities[256]; /* that it declares, a JSON object */
    char kept[KEPT_BYTES];  /* of what it got, for %KEPT */
};

/* What both servers answer to a method. */
struct own_answer {
    char method[64], json[STEP_BYTES];
};

struct replay {
    struct world worlds[WORLD_LOOPS];
    struct named_client clients[CLIENTS_MAX];
    struct gateway_limits limits;
    size_t loop; /* the steps speak of */
    bool has_begun;
    bool has_tasks;
    struct own_answer own_answers[ANSWERS_MAX];
    struct world_answer answers[ANSWERS_MAX * 2]; /* of both servers */
    size_t answer_count;
    struct gateway_server servers[2];
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

/* Is the extension for tasks let through with the servers? The configuration says so. */
static void configure_servers(struct replay *replay, struct gateway_snapshot *snapshot)
{
    memcpy(replay->servers, snapshot->servers, sizeof(replay->servers));
    for (size_t i = 0; i < COUNT_OF(replay->servers); i++) {
        replay->servers[i].extensions = replay->has_tasks ? MCP_EXTENSION_TASKS : 0;
    }
    snapshot->servers = replay->servers;
}

static void step_policies(struct replay *replay, struct slice rest)
{
    char policies[STEP_BYTES];
    text_of(rest, policies, sizeof(policies));
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        if (replay->has_begun) {
            struct gateway_snapshot *next = world_snapshot(policies, ALL_REVISIONS);
            configure_servers(replay, next);
            gateway_switch(&replay->worlds[i].gateway, next);
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
    static const struct slice KINDS[] = {SLICE_INIT("legacy"), SLICE_INIT("modern"),
                                         SLICE_INIT("with-sessions"), SLICE_INIT("with-tasks")};
    size_t kind = 0;
    while (kind < COUNT_OF(KINDS) && !slice_eq(rest, KINDS[kind])) {
        kind++;
    }
    CHECK_ROW(replay->row, kind < COUNT_OF(KINDS));
    replay->has_tasks = replay->has_tasks || kind == 3;
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        struct world *world = &replay->worlds[i];
        world->server_is_modern = kind < 2 ? kind == 1 : world->server_is_modern;
        world->server_session = kind == 2 ? "up-1" : world->server_session;
        configure_servers(replay, world->snapshot);
    }
}

static void step_answer(struct replay *replay, struct slice rest)
{
    CHECK_ROW(replay->row, replay->answer_count < ANSWERS_MAX);
    size_t at = replay->answer_count++ % ANSWERS_MAX;
    struct own_answer *own = &replay->own_answers[at];
    text_of(next_word(&rest), own->method, sizeof(own->method));
    text_of(rest, own->json, sizeof(own->json));
    for (uint32_t server = 0; server < 2; server++) {
        replay->answers[2 * at + server] = (struct world_answer){server, own->method, own->json};
    }
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        replay->worlds[i].answers = replay->answers;
        replay->worlds[i].answer_count = 2 * replay->answer_count;
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

/* The text of a member, wherever it is. */
static void find_text(const char *json, const char *member, char *out, size_t size)
{
    char begin[80];
    snprintf(begin, sizeof(begin), "\"%s\":\"", member);
    const char *at = strstr(json, begin);
    const char *text = at == NULL ? "" : at + strlen(begin);
    snprintf(out, size, "%.*s", (int)strcspn(text, "\""), text);
}

/* %KEPT is what the client has kept. */
static void fill_in(const struct named_client *named, struct slice text, char *out, size_t size)
{
    static const struct slice MARK = SLICE_INIT("%KEPT");
    size_t at = 0;
    while (at < text.len && !slice_starts_with(slice_sub(text, at, text.len), MARK)) {
        at++;
    }
    struct slice rest = slice_sub(text, at + MARK.len, text.len);
    snprintf(out, size, "%.*s%s%.*s", SLICE_ARG(slice_sub(text, 0, at)),
             at < text.len ? named->kept : "", SLICE_ARG(rest));
}

/* members: of the parameters, with a comma behind each; meta: of _meta, with one before each. */
static void post_modern(struct replay *replay, struct named_client *named, const char *method,
                        const char *members, const char *meta, const char *target)
{
    char body[WORLD_TEXT_BYTES];
    char name[KEPT_BYTES];
    int len = snprintf(body, sizeof(body),
                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{%s"
                       "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
                       "\"io.modelcontextprotocol/clientCapabilities\":%s%s}}}",
                       method, members, named->capabilities[0] != '\0' ? named->capabilities : "{}",
                       meta);
    CHECK_ROW(replay->row, len > 0 && (size_t)len < sizeof(body));
    find_text(members, strncmp(method, "tasks/", 6) == 0 ? "taskId" : "name", name, sizeof(name));
    world_post(here(replay), &named->client, target, body, method, name[0] != '\0' ? name : NULL,
               NULL);
}

static void call_tool(struct replay *replay, struct named_client *named, struct slice rest,
                      const char *meta)
{
    char members[128];
    char target[64];
    struct slice tool = next_word(&rest);
    snprintf(members, sizeof(members), "\"name\":\"%.*s\",", SLICE_ARG(tool));
    text_of(rest.len > 0 ? rest : SLICE(BANK), target, sizeof(target));
    post_modern(replay, named, "tools/call", members, meta, target);
}

static void call(struct replay *replay, struct named_client *named, struct slice rest)
{
    call_tool(replay, named, rest, "");
}

static void stream(struct replay *replay, struct named_client *named, struct slice rest)
{
    call_tool(replay, named, rest, ",\"progressToken\":\"mine\"");
}

static void list(struct replay *replay, struct named_client *named, struct slice rest)
{
    char target[64];
    text_of(rest.len > 0 ? rest : SLICE(BANK), target, sizeof(target));
    post_modern(replay, named, "tools/list", "", "", target);
}

/* METHOD MEMBERS: a request with these parameters, and there is at least one. */
static void ask(struct replay *replay, struct named_client *named, struct slice rest)
{
    char method[64];
    char given[WORLD_TEXT_BYTES / 4];
    char members[WORLD_TEXT_BYTES / 2];
    text_of(next_word(&rest), method, sizeof(method));
    fill_in(named, rest, given, sizeof(given));
    snprintf(members, sizeof(members), "%s,", given);
    post_modern(replay, named, method, members, "", BANK);
}

/* Any message in its session. */
static void say(struct replay *replay, struct named_client *named, struct slice rest)
{
    char body[WORLD_TEXT_BYTES];
    fill_in(named, rest, body, sizeof(body));
    world_post(here(replay), &named->client, BANK, body, NULL, NULL, named->session);
}

static void open_session(struct replay *replay, struct named_client *named, struct slice rest)
{
    char body[STEP_BYTES];
    (void)rest;
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
             "\"protocolVersion\":\"2025-11-25\",\"capabilities\":%s,\"clientInfo\":{}}}",
             named->capabilities[0] != '\0' ? named->capabilities : "{}");
    world_post(here(replay), &named->client, BANK, body, NULL, NULL, NULL);
}

/* MEMBER [OTHER]: a text of what it, or another client, got last. */
static void keep(struct replay *replay, struct named_client *named, struct slice rest)
{
    char member[64];
    text_of(next_word(&rest), member, sizeof(member));
    const struct named_client *from = rest.len > 0 ? find_client(replay, rest) : named;
    find_text(from->client.body, member, named->kept, sizeof(named->kept));
    CHECK_ROW(replay->row, named->kept[0] != '\0');
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

static void legacy_call(struct replay *replay, struct named_client *named, struct slice rest)
{
    post_legacy(replay, named, "tools/call", rest);
}

static void legacy_list(struct replay *replay, struct named_client *named, struct slice rest)
{
    post_legacy(replay, named, "tools/list", rest);
}

static void declare(struct replay *replay, struct named_client *named, struct slice rest)
{
    (void)replay;
    text_of(rest, named->capabilities, sizeof(named->capabilities));
}

static void open_stream(struct replay *replay, struct named_client *named, struct slice rest)
{
    (void)rest;
    world_ask(here(replay), &named->client, "GET", BANK, named->session);
}

/* The one that its last answer has brought. */
static void take_session(struct named_client *named)
{
    if (named->client.session_id[0] != '\0') {
        memcpy(named->session, named->client.session_id, sizeof(named->session));
    }
}

static void end_session(struct replay *replay, struct named_client *named, struct slice rest)
{
    (void)rest;
    world_ask(here(replay), &named->client, "DELETE", BANK, named->session);
}

static void join(struct replay *replay, struct named_client *named, struct slice rest)
{
    struct named_client *other = find_client(replay, rest);
    take_session(other);
    memcpy(named->session, other->session, sizeof(named->session));
}

static void take_back(struct replay *replay, struct named_client *named, struct slice rest)
{
    (void)rest;
    world_post(here(replay), &named->client, BANK, CANCELLED, NULL, NULL, named->session);
}

static void stall(struct replay *replay, struct named_client *named, struct slice rest)
{
    (void)replay;
    (void)rest;
    named->client.is_slow = true;
}

static void leave(struct replay *replay, struct named_client *named, struct slice rest)
{
    struct exchange *exchange = &named->client.exchange;
    (void)rest;
    CHECK_ROW(replay->row, exchange->on_gone != NULL);
    if (exchange->on_gone != NULL) {
        exchange->on_gone(exchange);
    }
}

static void act(struct replay *replay, struct named_client *named, struct slice verb,
                struct slice rest)
{
    static const struct {
        struct slice verb;
        void (*act)(struct replay *replay, struct named_client *named, struct slice rest);
    } ACTS[] = {
        {SLICE_INIT("calls"), call},
        {SLICE_INIT("streams"), stream},
        {SLICE_INIT("lists"), list},
        {SLICE_INIT("asks"), ask},
        {SLICE_INIT("says"), say},
        {SLICE_INIT("can"), declare},
        {SLICE_INIT("keeps"), keep},
        {SLICE_INIT("listens"), open_stream},
        {SLICE_INIT("opens"), open_session},
        {SLICE_INIT("legacy-calls"), legacy_call},
        {SLICE_INIT("legacy-lists"), legacy_list},
        {SLICE_INIT("ends"), end_session},
        {SLICE_INIT("joins"), join},
        {SLICE_INIT("cancels"), take_back},
        {SLICE_INIT("stalls"), stall},
        {SLICE_INIT("leaves"), leave},
    };
    for (size_t i = 0; i < COUNT_OF(ACTS); i++) {
        if (slice_eq(verb, ACTS[i].verb)) {
            ACTS[i].act(replay, named, rest);
            return;
        }
    }
    refuse_step(replay, "a client does not do that");
}

static void step_client(struct replay *replay, struct slice rest)
{
    struct named_client *named = find_client(replay, next_word(&rest));
    take_session(named);
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

/* The newest open call of the method: requests may have been handed to the other loop. */
static struct world_call *find_call(struct replay *replay, const char *method)
{
    struct world_call *call = world_find_call(here(replay), method);
    for (size_t i = 0; i < WORLD_LOOPS && call == NULL; i++) {
        call = world_find_call(&replay->worlds[i], method);
    }
    return call;
}

/* On it: `says JSON`, or how it ends. */
static void step_server(struct replay *replay, struct slice rest)
{
    char method[64];
    char json[STEP_BYTES];
    text_of(next_word(&rest), method, sizeof(method));
    struct world_call *call = find_call(replay, method);
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
        if (strstr(client->body, text) == NULL) {
            refuse_step(replay, client->body);
        }
    } else if (slice_eq(what, SLICE("lacks"))) {
        CHECK_ROW(replay->row, strstr(client->body, text) == NULL);
    } else if (slice_eq(what, SLICE("nothing"))) {
        CHECK_ROW(replay->row, client->is_released && client->status_code == 0);
    } else if (slice_eq(what, SLICE("ended"))) {
        CHECK_ROW(replay->row, client->is_released && client->stream_ended);
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
        {SLICE_INIT("answer"), step_answer, false},
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
