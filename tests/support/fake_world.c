#include "support/fake_world.h"

#include "core/policy/lift.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>

#define SERVER_FLAGS 256 /* more than a test has servers */
#define SNAPSHOT_BYTES ((size_t)4 << 20)

static int64_t fake_wall_ms(void *context)
{
    const struct world *world = context;
    return 1000000000 + world->now_ms;
}

static int64_t fake_mono_ms(void *context)
{
    const struct world *world = context;
    return world->now_ms;
}

static int64_t fake_mono_us(void *context)
{
    struct world *world = context;
    world->now_us += world->reading_takes_us;
    return world->now_ms * 1000 + world->now_us;
}

static enum status fake_fill(void *context, uint8_t *out, size_t size)
{
    (void)context;
    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)check_random();
    }
    return STATUS_OK;
}

/* -- timers -------------------------------------------------------------------------------- */

static void fake_timer_stop(void *context, struct timer *timer)
{
    struct world *world = context;
    for (struct timer **at = &world->timers; *at != NULL; at = &(*at)->next) {
        if (*at == timer) {
            *at = timer->next;
            timer->due_ms = 0;
            return;
        }
    }
}

static void fake_timer_start(void *context, struct timer *timer, int64_t after_ms)
{
    struct world *world = context;
    struct timer **at = &world->timers;
    fake_timer_stop(context, timer);
    timer->due_ms = world->now_ms + after_ms;
    while (*at != NULL && (*at)->due_ms <= timer->due_ms) {
        at = &(*at)->next;
    }
    timer->next = *at;
    *at = timer;
}

void world_advance(struct world *world, int64_t ms)
{
    int64_t until_ms = world->now_ms + ms;
    while (world->timers != NULL && world->timers->due_ms <= until_ms) {
        struct timer *timer = world->timers;
        world->now_ms = timer->due_ms > world->now_ms ? timer->due_ms : world->now_ms;
        fake_timer_stop(world, timer);
        timer->fire(timer);
    }
    world->now_ms = until_ms;
}

/* -- upstream ------------------------------------------------------------------------------ */

static void copy_text(char *out, size_t size, struct slice text)
{
    CHECK(text.len < size);
    size_t len = text.len < size ? text.len : size - 1;
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
}

static void read_method(struct world_call *call)
{
    const char *at = strstr(call->body, "\"method\":\"");
    if (call->is_get || call->is_delete) {
        copy_text(call->method, sizeof(call->method),
                  call->is_get ? SLICE("GET") : SLICE("DELETE"));
        return;
    }
    CHECK(at != NULL || call->id == 0);
    if (at == NULL) {
        copy_text(call->method, sizeof(call->method), SLICE("response"));
        return;
    }
    at += strlen("\"method\":\"");
    size_t len = strcspn(at, "\"");
    copy_text(call->method, sizeof(call->method), slice_of(at, len));
}

static bool has_effect(const struct world_call *call)
{
    static const char *const METHODS[] = {"tools/call", "resources/read", "prompts/get",
                                          "tasks/update", "tasks/cancel"};
    for (size_t i = 0; i < COUNT_OF(METHODS); i++) {
        if (strcmp(call->method, METHODS[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Intent before effect: each call with an effect has a durable record that is kept by now. */
static void check_intent(const struct world *world, const struct world_call *call)
{
    size_t intents = 0;
    size_t effects = 0;
    for (size_t i = 0; has_effect(call) && i < world->record_count; i++) {
        const struct world_record *record = &world->records[i];
        bool is_intent = strstr(record->text, "\"intent\"") != NULL;
        intents += is_intent && record->durable && record->is_kept ? 1 : 0;
    }
    for (size_t i = 0; i < world->call_count; i++) {
        effects += has_effect(&world->calls[i]) ? 1 : 0;
    }
    CHECK(!has_effect(call) || intents >= effects);
}

static enum status fake_start(void *context, const struct upstream_request *request,
                              const struct upstream_sink *sink, struct upstream_call **out,
                              struct diag *diag)
{
    struct world *world = context;
    (void)diag;
    CHECK(world->call_count < WORLD_CALLS_MAX);
    struct world_call *call = &world->calls[world->call_count++];
    *call = (struct world_call){.sink = *sink,
                                .id = request->id,
                                .server = request->server,
                                .timeout_ms = request->timeout_ms,
                                .child = request->child,
                                .caller = request->caller,
                                .has_others = request->has_others,
                                .is_get = request->is_get,
                                .is_delete = request->is_delete,
                                .is_in_session = request->is_in_session,
                                .is_standing = request->is_get && !request->expects_answer,
                                .is_open = true};
    copy_text(call->body, sizeof(call->body), request->body);
    read_method(call);
    check_intent(world, call);
    size_t used = 0;
    for (size_t i = 0; i < request->field_count; i++) {
        used += (size_t)snprintf(call->fields + used, sizeof(call->fields) - used, "%.*s: %.*s\n",
                                 SLICE_ARG(request->fields[i].name),
                                 SLICE_ARG(request->fields[i].value));
    }
    *out = (struct upstream_call *)call;
    return STATUS_OK;
}

static void fake_cancel(void *context, struct upstream_call *handle)
{
    struct world_call *call = (struct world_call *)handle;
    (void)context;
    CHECK(call->is_open);
    call->is_open = false;
    call->is_cancelled = true;
}

static void fake_excuse(void *context, struct upstream_call *handle, bool is_excused)
{
    struct world_call *call = (struct world_call *)handle;
    (void)context;
    CHECK(call->is_open);
    call->is_excused = is_excused;
}

static void fake_pause(void *context, struct upstream_call *call, bool paused)
{
    (void)context;
    (void)call;
    (void)paused;
}

static void fake_close_child(void *context, uint32_t server, uint64_t child)
{
    struct world *world = context;
    (void)server;
    CHECK(child != 0);
    world->closed_children++;
}

void world_position(struct world_call *call, const char *event_id, int64_t retry_ms)
{
    CHECK(call->is_open);
    call->sink.on_position(&call->sink, slice_view_cstr(event_id), retry_ms);
}

void world_message(struct world_call *call, const char *json)
{
    char text[WORLD_TEXT_BYTES];
    const char *mark = strstr(json, "%ID");
    CHECK(call->is_open);
    if (mark == NULL) {
        snprintf(text, sizeof(text), "%s", json);
    } else {
        snprintf(text, sizeof(text), "%.*s%lld%s", (int)(mark - json), json, (long long)call->id,
                 mark + 3);
    }
    call->sink.on_message(&call->sink, slice_view_cstr(text), true);
}

static struct world *world_of(const struct upstream_sink *sink)
{
    struct gateway *gateway = sink->user;
    return gateway->ports.upstream->context;
}

/* Nobody is there any more, and who looks for somebody counts that. */
static void complete_again(struct world_call *call)
{
    struct upstream_sink sink = call->sink;
    struct diag diag = {0};
    const struct gateway *gateway = sink.user;
    uint64_t before = gateway->children.stray_count;
    call->is_stray = true;
    sink.on_message(&sink, SLICE("{}"), true);
    if (sink.on_session != NULL) {
        sink.on_session(&sink, SLICE("stray"));
    }
    sink.on_end(&sink, STATUS_OK, 200, &diag);
    CHECK(gateway->children.stray_count > before);
    world_of(&sink)->strays += (size_t)(gateway->children.stray_count - before);
}

static void end_call(struct world_call *call, enum status status, int http_status, const char *code)
{
    struct diag diag = {0};
    CHECK(call->is_open);
    call->is_open = false;
    if (status != STATUS_OK) {
        (void)!diag_fail(&diag, status, code, "the server failed");
    }
    call->sink.on_end(&call->sink, status, http_status, &diag);
    if (world_of(&call->sink)->repeats) {
        complete_again(call);
    }
}

void world_end(struct world_call *call, enum status status, const char *code)
{
    end_call(call, status, status == STATUS_OK ? 200 : 0, code);
}

void world_refuse(struct world_call *call, int http_status)
{
    end_call(call, STATUS_INVALID, http_status, "upstream.status");
}

static bool run_one_stray(struct world *world)
{
    for (size_t i = 0; world->repeats && i < world->call_count; i++) {
        if (world->calls[i].is_cancelled && !world->calls[i].is_stray) {
            complete_again(&world->calls[i]);
            return true;
        }
    }
    return false;
}

static const char *default_answer(const struct world *world, const struct world_call *call)
{
    if (strcmp(call->method, "server/discover") == 0) {
        return world->server_is_modern
                   ? "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\","
                     "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{},"
                     "\"resources\":{},\"prompts\":{}}}}"
                   : "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32601,\"message\":"
                     "\"no\"}}";
    }
    if (strcmp(call->method, "initialize") == 0) {
        return world->server_is_modern
                   ? "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32022,\"message\":"
                     "\"no\"}}"
                   : "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"protocolVersion\":\"2025-11-"
                     "25\","
                     "\"capabilities\":{\"tools\":{},\"resources\":{},\"prompts\":{}},"
                     "\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}}";
    }
    if (strcmp(call->method, "tools/list") == 0) {
        return "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"tools\":[{\"name\":\"pay\","
               "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"amount\":{\"type\":"
               "\"integer\"}}}},{\"name\":\"see\",\"inputSchema\":{\"type\":\"object\"}}]}}";
    }
    if (strcmp(call->method, "tools/call") == 0) {
        return "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[{\"type\":\"text\","
               "\"text\":\"ok\"}]}}";
    }
    if (strcmp(call->method, "resources/read") == 0) {
        return "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"contents\":[]}}";
    }
    if (strcmp(call->method, "prompts/get") == 0) {
        return "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"messages\":[]}}";
    }
    return NULL;
}

/* Was there such a call before, after which the server answers as usual? */
static bool is_used_up(const struct world *world, const struct world_call *call)
{
    bool is_once = world->once_method != NULL && strcmp(world->once_method, call->method) == 0;
    for (const struct world_call *other = world->calls; is_once && other < call; other++) {
        if (other->server == call->server && strcmp(other->method, call->method) == 0) {
            return true;
        }
    }
    return false;
}

static const char *answer_of(const struct world *world, const struct world_call *call)
{
    for (size_t i = 0; i < world->answer_count; i++) {
        const struct world_answer *answer = &world->answers[i];
        if (answer->server == call->server && strcmp(answer->method, call->method) == 0 &&
            !is_used_up(world, call)) {
            return answer->json;
        }
    }
    return default_answer(world, call);
}

static bool run_one_call(struct world *world)
{
    for (size_t i = 0; i < world->call_count; i++) {
        struct world_call *call = &world->calls[i];
        bool is_held = world->held_method != NULL && strcmp(world->held_method, call->method) == 0;
        if (!call->is_open || is_held || call->is_standing) {
            continue;
        }
        const char *answer = call->id == 0 ? NULL : answer_of(world, call);
        if (world->server_session != NULL && strcmp(call->method, "initialize") == 0) {
            call->sink.on_session(&call->sink, slice_view_cstr(world->server_session));
        }
        if (answer != NULL) {
            world_message(call, answer);
        }
        if (call->is_open) {
            world_end(call, STATUS_OK, NULL);
        }
        return true;
    }
    return false;
}

struct world_call *world_find_call(struct world *world, const char *method)
{
    for (size_t i = world->call_count; i > 0; i--) {
        struct world_call *call = &world->calls[i - 1];
        if (call->is_open && strcmp(call->method, method) == 0) {
            return call;
        }
    }
    return NULL;
}

/* -- journal ------------------------------------------------------------------------------- */

static enum status fake_append(void *context, const struct journal_request *request)
{
    struct world *world = context;
    if (world->journal_refuses) {
        return STATUS_UNAVAILABLE;
    }
    CHECK(world->record_count < WORLD_RECORDS_MAX);
    struct world_record *record = &world->records[world->record_count++];
    *record = (struct world_record){.done = request->done,
                                    .user = request->user,
                                    .ticket = request->ticket,
                                    .durable = request->durable,
                                    .is_pending = request->done != NULL,
                                    .is_kept = request->done == NULL};
    copy_text(record->text, sizeof(record->text), request->payload);
    return STATUS_OK;
}

static bool fake_keep(void *context, struct slice payload)
{
    struct world *world = context;
    const struct journal_request request = {.payload = payload};
    return world->journal_keeps && fake_append(world, &request) == STATUS_OK;
}

/* The test decides when a record is written, so neither of these starts anything. */
static void fake_end_turn(void *context, const struct port_poster *poster)
{
    (void)context;
    (void)poster;
}

static void fake_flush(void *context)
{
    (void)context;
}

static bool fake_is_healthy(void *context)
{
    const struct world *world = context;
    return !world->journal_refuses && !world->journal_fails;
}

static bool run_one_record(struct world *world)
{
    for (size_t i = 0; i < world->record_count; i++) {
        struct world_record *record = &world->records[i];
        if (!record->is_pending) {
            continue;
        }
        record->is_pending = false;
        record->is_kept = !world->journal_fails;
        for (int times = world->repeats ? 2 : 1; times > 0; times--) {
            record->done(record->user, record->ticket,
                         record->is_kept ? STATUS_OK : STATUS_UNAVAILABLE);
        }
        world->strays += world->repeats ? 1 : 0;
        return true;
    }
    return false;
}

static bool run_handover(struct world *world);

bool world_step(struct world *world)
{
    return (!world->holds_records && run_one_record(world)) || run_one_call(world) ||
           run_handover(world) || run_one_stray(world);
}

void world_run(struct world *world)
{
    while (world_step(world)) {
    }
}

size_t world_count_calls(const struct world *world, const char *method)
{
    size_t count = 0;
    for (size_t i = 0; i < world->call_count; i++) {
        count += strcmp(world->calls[i].method, method) == 0 ? 1 : 0;
    }
    return count;
}

size_t world_count_records(const struct world *world, const char *text, const char *other)
{
    size_t count = 0;
    for (size_t i = 0; i < world->record_count; i++) {
        const char *record = world->records[i].text;
        count += strstr(record, text) != NULL && strstr(record, other) != NULL ? 1 : 0;
    }
    return count;
}

/* -- handover ------------------------------------------------------------------------------ */

static struct world_client *client_of(struct exchange *exchange)
{
    return (struct world_client *)((char *)exchange - offsetof(struct world_client, exchange));
}

/* As between real loops: the home hears of it after it has begun. */
static void leave_under_way(struct exchange *exchange)
{
    struct world *world = client_of(exchange)->world;
    for (size_t i = 0; i < world->handover_count; i++) {
        if (world->handed_over[i].exchange == exchange) {
            world->handed_over[i].is_gone = true;
        }
    }
}

static enum status fake_hand_over(void *context, uint16_t loop, struct exchange *exchange,
                                  const struct exchange_request *request)
{
    struct world *world = context;
    if (world->cannot_hand_over) {
        return STATUS_LIMIT;
    }
    CHECK(world->handover_count < WORLD_HANDOVERS_MAX && loop < WORLD_LOOPS);
    CHECK(world->loops[loop] != world);
    struct world_handover *handover = &world->handed_over[world->handover_count++];
    CHECK(request->field_count <= WORLD_FIELDS_MAX);
    *handover = (struct world_handover){
        .exchange = exchange, .loop = loop, .field_count = request->field_count};
    copy_text(handover->method, sizeof(handover->method), request->method);
    copy_text(handover->target, sizeof(handover->target), request->target);
    copy_text(handover->body, sizeof(handover->body), request->body);
    for (size_t i = 0; i < request->field_count; i++) {
        copy_text(handover->names[i], sizeof(handover->names[i]), request->fields[i].name);
        copy_text(handover->values[i], sizeof(handover->values[i]), request->fields[i].value);
    }
    exchange->operation = NULL;
    exchange->on_gone = leave_under_way;
    return STATUS_OK;
}

static bool run_handover(struct world *world)
{
    struct world_handover *handover = &world->handed_over[0];
    struct http_field fields[WORLD_FIELDS_MAX];
    if (world->handover_count == 0) {
        return false;
    }
    for (size_t i = 0; i < handover->field_count; i++) {
        fields[i] = (struct http_field){slice_view_cstr(handover->names[i]),
                                        slice_view_cstr(handover->values[i])};
    }
    struct exchange_request request = {.method = slice_view_cstr(handover->method),
                                       .target = slice_view_cstr(handover->target),
                                       .fields = fields,
                                       .field_count = handover->field_count,
                                       .body = slice_view_cstr(handover->body),
                                       .peer_ip = SLICE("127.0.0.1")};
    struct exchange *exchange = handover->exchange;
    bool is_gone = handover->is_gone;
    exchange->on_gone = NULL;
    gateway_begin_here(&world->loops[handover->loop]->gateway, exchange, &request);
    if (is_gone && !client_of(exchange)->is_released) {
        exchange->on_gone(exchange);
    }
    world->handover_count--;
    memmove(world->handed_over, world->handed_over + 1,
            world->handover_count * sizeof(world->handed_over[0]));
    return true;
}

void world_pair(struct world *first, struct world *second)
{
    struct world *loops[WORLD_LOOPS] = {first, second};
    for (uint16_t i = 0; i < WORLD_LOOPS; i++) {
        loops[i]->gateway.place.loop = i;
        loops[i]->gateway.place.loop_count = WORLD_LOOPS;
        memcpy(loops[i]->loops, loops, sizeof(loops));
    }
}

/* -- client -------------------------------------------------------------------------------- */

static void take_head(struct world_client *client, const struct exchange_reply *reply)
{
    CHECK(!client->is_replied && !client->stream_begun && !client->is_released);
    client->status_code = reply->status_code;
    for (size_t i = 0; i < reply->field_count; i++) {
        size_t used = strlen(client->fields);
        int len = snprintf(client->fields + used, sizeof(client->fields) - used, "%.*s: %.*s\n",
                           SLICE_ARG(reply->fields[i].name), SLICE_ARG(reply->fields[i].value));
        CHECK(len > 0 && (size_t)len < sizeof(client->fields) - used);
        if (slice_eq(reply->fields[i].name, SLICE("Mcp-Session-Id"))) {
            copy_text(client->session_id, sizeof(client->session_id), reply->fields[i].value);
        }
        if (slice_eq(reply->fields[i].name, SLICE("WWW-Authenticate"))) {
            copy_text(client->challenge, sizeof(client->challenge), reply->fields[i].value);
        }
        if (slice_eq(reply->fields[i].name, SLICE("Retry-After"))) {
            copy_text(client->retry_after, sizeof(client->retry_after), reply->fields[i].value);
        }
    }
}

static void fake_reply(struct exchange *exchange, const struct exchange_reply *reply)
{
    struct world_client *client = client_of(exchange);
    take_head(client, reply);
    client->is_replied = true;
    copy_text(client->body, sizeof(client->body), reply->body);
}

static void fake_stream_begin(struct exchange *exchange, const struct exchange_reply *reply)
{
    struct world_client *client = client_of(exchange);
    take_head(client, reply);
    client->stream_begun = true;
}

static enum status fake_stream_send(struct exchange *exchange, struct slice bytes)
{
    struct world_client *client = client_of(exchange);
    CHECK(client->stream_begun && !client->stream_ended && !client->is_released);
    if (client->is_slow) {
        return STATUS_LIMIT;
    }
    size_t used = strlen(client->body);
    copy_text(client->body + used, sizeof(client->body) - used, bytes);
    return STATUS_OK;
}

static void fake_stream_end(struct exchange *exchange)
{
    struct world_client *client = client_of(exchange);
    CHECK(client->stream_begun && !client->stream_ended);
    client->stream_ended = true;
}

static void fake_abort(struct exchange *exchange)
{
    client_of(exchange)->is_aborted = true;
}

static void fake_release(struct exchange *exchange)
{
    struct world_client *client = client_of(exchange);
    CHECK(!client->is_released && exchange->on_gone == NULL);
    client->is_released = true;
    if (client->on_release != NULL) {
        client->on_release(client);
    }
}

static const struct exchange_vtable FAKE_EXCHANGE = {
    fake_reply, fake_stream_begin, fake_stream_send, fake_stream_end, fake_abort, fake_release};

bool world_send(struct world *world, struct world_client *client,
                const struct exchange_request *request)
{
    struct exchange_handler handler = gateway_handler(&world->gateway);
    struct exchange_reply reply = {0};
    *client = (struct world_client){.exchange = {.vtable = &FAKE_EXCHANGE}, .world = world};
    bool is_admitted = handler.admit(handler.context, request, &reply);
    if (is_admitted) {
        handler.begin(handler.context, &client->exchange, request);
    } else {
        take_head(client, &reply);
        copy_text(client->body, sizeof(client->body), reply.body);
    }
    return is_admitted;
}

void world_post(struct world *world, struct world_client *client, const char *target,
                const char *body, const char *method, const char *name, const char *session_id)
{
    struct http_field fields[WORLD_FIELDS_MAX] = {
        {SLICE("Host"), SLICE("gateway.test")},
        {SLICE("Content-Type"), SLICE("application/json")},
        {SLICE("Accept"), SLICE("application/json, text/event-stream")}};
    size_t count = 3;
    if (method != NULL) {
        fields[count++] = (struct http_field){SLICE("MCP-Protocol-Version"), SLICE("2026-07-28")};
        fields[count++] = (struct http_field){SLICE("Mcp-Method"), slice_view_cstr(method)};
    }
    if (name != NULL) {
        fields[count++] = (struct http_field){SLICE("Mcp-Name"), slice_view_cstr(name)};
    }
    if (session_id != NULL) {
        fields[count++] = (struct http_field){SLICE("Mcp-Session-Id"), slice_view_cstr(session_id)};
    }
    struct exchange_request request = {.method = SLICE("POST"),
                                       .target = slice_view_cstr(target),
                                       .fields = fields,
                                       .field_count = count,
                                       .body = slice_view_cstr(body),
                                       .peer_ip = SLICE("127.0.0.1")};
    CHECK(world_send(world, client, &request));
}

static void ask_after(struct world *world, struct world_client *client, const char *method,
                      const char *target, const char *session_id, const char *event_id)
{
    struct http_field fields[] = {
        {SLICE("Host"), SLICE("gateway.test")},
        {SLICE("Accept"), SLICE("text/event-stream")},
        {SLICE("Mcp-Session-Id"), slice_view_cstr(session_id)},
        {SLICE("Last-Event-ID"), slice_view_cstr(event_id)},
    };
    struct exchange_request request = {.method = slice_view_cstr(method),
                                       .target = slice_view_cstr(target),
                                       .fields = fields,
                                       .field_count =
                                           session_id == NULL ? 2 : (event_id == NULL ? 3 : 4),
                                       .peer_ip = SLICE("127.0.0.1")};
    (void)world_send(world, client, &request);
}

void world_ask(struct world *world, struct world_client *client, const char *method,
               const char *target, const char *session_id)
{
    ask_after(world, client, method, target, session_id, NULL);
}

void world_come_back(struct world *world, struct world_client *client, const char *target,
                     const char *session_id, const char *event_id)
{
    ask_after(world, client, "GET", target, session_id, event_id);
}

void world_get(struct world *world, struct world_client *client, const char *target)
{
    struct exchange_request request = {
        .method = SLICE("GET"), .target = slice_view_cstr(target), .peer_ip = SLICE("127.0.0.1")};
    (void)world_send(world, client, &request);
}

/* -- world --------------------------------------------------------------------------------- */

struct gateway_snapshot *world_snapshot(const char *policies, uint32_t revisions)
{
    static const struct gateway_server SERVERS[] = {
        {.name = SLICE_INIT("bank"), .trust = SLICE_INIT("internal"), .timeout_ms = 1000},
        {.name = SLICE_INIT("shop"), .trust = SLICE_INIT("partner"), .timeout_ms = 1000}};
    static const struct slice HOSTS[] = {SLICE_INIT("gateway.test")};
    static const struct slice ROLES[] = {SLICE_INIT("Developers")};
    static const struct principal ANN = {.issuer = SLICE_INIT("dev"),
                                         .subject = SLICE_INIT("ann"),
                                         .roles = ROLES,
                                         .role_count = 1,
                                         .expires_at_s = INT64_MAX};
    static struct cedar_diagnostics diagnostics;
    struct cedar_source source = {SLICE("test"), slice_view_cstr(policies)};
    struct arena arena;
    struct fake_crypto crypto;
    struct diag diag = {0};
    fake_crypto_init(&crypto);
    arena_init(&arena, SNAPSHOT_BYTES, NULL);
    struct gateway_snapshot *snapshot = arena_alloc_zero(&arena, 1, sizeof(*snapshot));
    snapshot->references = 1;
    snapshot->servers = SERVERS;
    snapshot->server_count = COUNT_OF(SERVERS);
    snapshot->hosts = HOSTS;
    snapshot->host_count = 1;
    snapshot->public_url = SLICE("https://gateway.test");
    snapshot->revisions = revisions;
    snapshot->sealing = (struct sealing_keys){0, INT64_MAX, {{41}, {42}, {43}}};
    CHECK(cedar_policy_set_parse(&source, 1, true, &snapshot->policies, &diagnostics) == STATUS_OK);
    CHECK(policy_lift_all(snapshot->policies, &snapshot->lifted) == STATUS_OK);
    CHECK(principal_new(&ANN, &crypto.port, &snapshot->local_principal, &diag) == STATUS_OK);
    snapshot->arena = arena;
    return snapshot;
}

void world_init(struct world *world, const char *policies)
{
    static const struct gateway_limits LIMITS = GATEWAY_LIMITS_DEFAULT;
    world_init_with(world, policies, &LIMITS);
}

void world_init_with(struct world *world, const char *policies, const struct gateway_limits *limits)
{
    static _Atomic bool tells_sessions[SERVER_FLAGS];
    static const struct gateway_place PLACE = {
        .node = 7, .loop_count = 1, .nonce_key = {43}, .tells_sessions = tells_sessions};
    for (size_t i = 0; i < COUNT_OF(tells_sessions); i++) {
        tells_sessions[i] = false;
    }
    *world = (struct world){
        .clock = {world, fake_wall_ms, fake_mono_ms, fake_mono_us},
        .random = {world, fake_fill},
        .timer = {world, fake_timer_start, fake_timer_stop},
        .handover = {world, fake_hand_over},
        .upstream = {world, fake_start, fake_cancel, fake_excuse, fake_pause, fake_close_child},
        .journal = {world, fake_append, fake_keep, fake_end_turn, fake_flush, fake_is_healthy},
        .now_ms = 1000};
    fake_crypto_init(&world->crypto);
    struct gateway_ports ports = {.clock = &world->clock,
                                  .random = &world->random,
                                  .crypto = &world->crypto.port,
                                  .timer = &world->timer,
                                  .upstream = &world->upstream,
                                  .journal = &world->journal,
                                  .poster = &world->poster,
                                  .handover = &world->handover};
    world->snapshot = world_snapshot(policies, ALL_REVISIONS);
    CHECK(gateway_init(&world->gateway, &ports, world->snapshot, &PLACE, limits) == STATUS_OK);
}

void world_release(struct world *world)
{
    gateway_close(&world->gateway);
    while (run_one_record(world)) {
    }
    while (run_one_stray(world)) {
    }
    CHECK(world->timers == NULL);
    CHECK(world->gateway.children.stray_count == world->strays);
    CHECK(world->gateway.account.used_bytes == 0);
    gateway_release(&world->gateway);
}
