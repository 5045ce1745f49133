#include "daemon/lane.h"

#include "adapters/transport/remote_exchange.h"
#include "daemon/network.h"

#include <stdio.h>

#define GATHER_TURNS_MAX 32    /* of the loop, for one group of records */
#define GATHER_RECORDS_MAX 128 /* two for each call: enough to share a sync */
#define KEPT_MS_MAX 20         /* that late a reader of the journal sees what nobody waits for */

static struct lane *lane_of_drain(struct posted *item)
{
    return (struct lane *)((char *)item - offsetof(struct lane, drain));
}

static struct lane *lane_of_close(struct posted *item)
{
    return (struct lane *)((char *)item - offsetof(struct lane, close));
}

/* -- requests ------------------------------------------------------------------------------ */

static enum status hand_over(void *context, uint16_t loop, struct exchange *exchange,
                             const struct exchange_request *request)
{
    struct lane *lane = context;
    struct lane *home = &lane->shared->lanes[loop];
    return remote_exchange_forward(&lane->loop, &home->loop, exchange, request, gateway_begin_here,
                                   &home->gateway);
}

/* -- start --------------------------------------------------------------------------------- */

static void on_kept_due(struct timer *timer)
{
    struct lane *lane = (struct lane *)((char *)timer - offsetof(struct lane, kept_timer));
    const struct port_journal *journal = lane->shared->journal;
    if (lane->gateway.has_kept) {
        lane->gateway.has_kept = false;
        journal->flush(journal->context);
    }
}

/* Group commit without a timer: while turns bring records, or news of earlier ones, the loop looks
 * for more before it waits, and all share one write and one sync. The outcome of a call counts, for
 * its caller is likely to call again. What nobody waits for goes along with those that follow; only
 * where none do it is written on its own. */
static void on_turn(void *context)
{
    struct lane *lane = context;
    struct gateway *gateway = &lane->gateway;
    const struct port_journal *journal = lane->shared->journal;
    size_t count = gateway->gathered_count;
    bool is_busy = count > lane->gathered_before || lane->loop.posted_count > lane->posted_before;
    lane->gathered_before = count;
    lane->posted_before = lane->loop.posted_count;
    if (is_busy && count < GATHER_RECORDS_MAX && lane->gather_turns < GATHER_TURNS_MAX) {
        lane->gather_turns++;
        loop_look_again(&lane->loop);
    } else if (is_busy || lane->gather_turns > 0) {
        gateway->gathered_count = lane->gathered_before = lane->gather_turns = 0;
        journal->end_turn(journal->context, &lane->loop.poster);
    }
    if (gateway->has_kept && lane->kept_timer.due_ms == 0) {
        loop_timer_start(&lane->loop, &lane->kept_timer, KEPT_MS_MAX);
    }
}

/* Children are started here, or by the supervisor when there is one. */
static enum status start_process_port(struct lane *lane, struct diag *diag)
{
    const struct lane_shared *shared = lane->shared;
    if (shared->programs != NULL) {
        lane->local = (struct local_process){&lane->loop, shared->programs, shared->server_count};
        lane->process = local_process_port(&lane->local);
        return STATUS_OK;
    }
    int channel = shared->process_channels[lane - shared->lanes];
    TRY(remote_process_init(&lane->remote, &lane->loop, channel, diag));
    lane->has_remote = true;
    lane->process = remote_process_port(&lane->remote);
    return STATUS_OK;
}

static void stop_process_port(struct lane *lane)
{
    if (lane->has_remote) {
        lane->has_remote = false;
        remote_process_close(&lane->remote);
    }
}

static void on_log_line(void *context, uint32_t server, uint64_t child, struct slice line)
{
    const struct lane *lane = context;
    struct diag shown;
    (void)child;
    /* Foreign bytes: none of them may begin a line of ours. */
    (void)!diag_fail(&shown, STATUS_OK, "server.log", "server '%.*s' says: %.*s",
                     SLICE_ARG(lane->shared->config->servers[server].name), SLICE_ARG(line));
    fprintf(stderr, "aegis: %s\n", shown.message);
}

static void on_child_exit(void *context, uint32_t server, uint64_t child)
{
    gateway_child_gone(&((struct lane *)context)->gateway, server, child);
}

static void on_child_asks(void *context, uint32_t server, uint64_t child, struct slice json)
{
    gateway_child_asks(&((struct lane *)context)->gateway, server, child, json);
}

static struct stdio_upstream_options stdio_options_of(const struct config_limits *limits)
{
    return (struct stdio_upstream_options){.line_bytes_max = (size_t)limits->stdio_line_bytes,
                                           .queue_bytes_max = (size_t)limits->stdio_queue_bytes,
                                           .noise_max = (uint32_t)limits->stdio_noise_lines,
                                           .children_max = (uint32_t)limits->stdio_children,
                                           .streams_max = (uint32_t)limits->sessions,
                                           .calls_max = (uint32_t)limits->stdio_calls,
                                           .caller_calls_max =
                                               (uint32_t)limits->principal_stdio_calls,
                                           .stop_ms = limits->stdio_stop_ms,
                                           .backoff_min_ms = limits->stdio_backoff_min_ms,
                                           .backoff_max_ms = limits->stdio_backoff_max_ms};
}

static enum status start_upstreams(struct lane *lane, struct diag *diag)
{
    const struct lane_shared *shared = lane->shared;
    struct stdio_upstream_options stdio = stdio_options_of(&shared->config->limits);
    if (shared->network != NULL) {
        TRY(shared->network->start_upstream(lane, diag));
    }
    TRY(start_process_port(lane, diag));
    TRY(stdio_upstream_new(&lane->loop, &lane->process, &lane->gateway.parser, &stdio,
                           &lane->stdio));
    stdio_upstream_set_events(lane->stdio,
                              &(struct stdio_upstream_events){.context = lane,
                                                              .on_log_line = on_log_line,
                                                              .on_child_exit = on_child_exit,
                                                              .on_child_asks = on_child_asks});
    lane->mux.shared = stdio_upstream_port(lane->stdio);
    stdio_upstream_set_streams(lane->stdio, &(struct stdio_upstream_streams){&lane->mux.http,
                                                                             shared->http_targets,
                                                                             shared->server_count});
    lane->upstream = upstream_mux_port(&lane->mux);
    return STATUS_OK;
}

/* The client is whoever started us. */
static enum status start_stdio(struct lane *lane, struct diag *diag)
{
    static const struct stdio_server_options DEFAULTS = STDIO_SERVER_OPTIONS_DEFAULT;
    const struct config_limits *limits = &lane->shared->config->limits;
    struct stdio_server_options options = DEFAULTS;
    options.line_bytes_max = (size_t)limits->body_bytes;
    options.queue_bytes_max = (size_t)limits->stream_queue_bytes;
    struct exchange_handler handler = gateway_handler(&lane->gateway);
    return stdio_server_start(&lane->stdio_server, &lane->loop, &options, &handler,
                              lane->shared->stdio, diag);
}

static struct gateway_limits gateway_limits_of(const struct config_limits *limits)
{
    return (struct gateway_limits){
        .loop_bytes = (size_t)limits->loop_bytes,
        .principal_bytes = (size_t)limits->principal_bytes,
        .server_bytes = (size_t)limits->server_bytes,
        .operation_bytes = (size_t)limits->operation_bytes,
        .operations = (size_t)limits->operations,
        .sessions = (size_t)limits->sessions,
        .client_sessions = (size_t)limits->client_sessions,
        .principal_sessions = (size_t)limits->principal_sessions,
        .client_session_bytes = (size_t)limits->client_session_bytes,
        .subscriptions = (size_t)limits->subscriptions,
        .listens = (size_t)limits->listens,
        .principal_listens = (size_t)limits->principal_listens,
        .session_tasks = (size_t)limits->session_tasks,
        .task_lifetime_s = limits->task_lifetime_s,
        .client_pages = (size_t)limits->client_pages,
        .stream_events = (size_t)limits->stream_events,
        .call_messages = (size_t)limits->call_messages,
        .list_pages = (size_t)limits->list_pages,
        .server_tools_bytes = (size_t)limits->server_tools_bytes,
        .list_changes_ms = limits->list_changes_ms,
        .probe_timeout_ms = limits->probe_timeout_ms,
        .requests = {.per_s = limits->principal_requests_per_s,
                     .burst = limits->principal_request_burst},
        .operation_deadline_ms = limits->operation_deadline_ms,
        .question_timeout_ms = limits->question_timeout_ms,
        .question_rounds = (size_t)limits->question_rounds,
        .round_questions = (size_t)limits->round_questions,
        .call_questions = (size_t)limits->call_questions,
        .result_resources = (size_t)limits->result_resources,
        .held_calls = (size_t)limits->held_calls,
        .principal_held_calls = (size_t)limits->principal_held_calls,
        .list_timeout_ms = limits->list_timeout_ms,
        .session_idle_ms = limits->session_idle_ms,
        .client_session_idle_ms = limits->client_session_idle_ms,
        .stream_keep_alive_ms = limits->stream_keep_alive_ms,
        .stream_replay_ms = limits->stream_replay_ms,
        .token_bytes = (size_t)limits->token_bytes,
        .token_cache_entries = (size_t)limits->token_cache_entries,
        .json = {.depth_max = (uint32_t)limits->json_depth,
                 .nodes_max = (uint32_t)limits->json_nodes,
                 .members_max = (uint32_t)limits->json_members,
                 .number_bytes_max = (uint32_t)limits->json_number_bytes},
        .sign_in = {.request_s = limits->sign_in_request_s,
                    .code_s = limits->sign_in_code_s,
                    .document_bytes = (size_t)limits->sign_in_document_bytes,
                    .document_s = limits->sign_in_document_s,
                    .documents = (size_t)limits->sign_in_documents,
                    .fetches = (size_t)limits->sign_in_fetches,
                    .answer_bytes = (size_t)limits->sign_in_answer_bytes},
        .refusals = {.records = limits->refusal_records, .per_s = limits->refusal_records_per_s},
    };
}

enum status lane_start(struct lane *lane, const struct lane_shared *shared, int fd,
                       struct gateway_snapshot *snapshot, struct diag *diag)
{
    struct gateway_limits limits = gateway_limits_of(&shared->config->limits);
    struct gateway_place place = shared->place;
    place.loop = (uint16_t)(lane - shared->lanes);
    *lane = (struct lane){
        .shared = shared, .handover = {lane, hand_over}, .kept_timer = {.fire = on_kept_due}};
    TRY(loop_init(&lane->loop, limits.loop_bytes, diag));
    lane->loop.on_turn = shared->journal == NULL ? NULL : on_turn;
    lane->loop.turn_context = lane;
    lane->keys_user = (struct key_sets_user){shared->keys, &lane->loop.poster, &lane->loop.clock};
    lane->keys = key_sets_port(&lane->keys_user);
    lane->inquiries_user = (struct inquiries_user){shared->inquiries, &lane->loop.poster};
    lane->inquiry = inquiries_port(&lane->inquiries_user);
    struct gateway_ports ports = {.clock = &lane->loop.clock,
                                  .random = shared->random,
                                  .crypto = shared->crypto,
                                  .timer = &lane->loop.timers,
                                  .upstream = &lane->upstream,
                                  .journal = shared->journal,
                                  .keys = shared->keys == NULL ? NULL : &lane->keys,
                                  .inquiry = shared->inquiries == NULL ? NULL : &lane->inquiry,
                                  .usage = shared->usage,
                                  .codes = shared->codes,
                                  .replay = shared->replay,
                                  .failures = shared->failures,
                                  .links = shared->links,
                                  .http_client =
                                      shared->curl_client == NULL ? NULL : &lane->http_client,
                                  .handover = &lane->handover,
                                  .poster = &lane->loop.poster,
                                  .account = &lane->loop.account};
    if (gateway_init(&lane->gateway, &ports, snapshot, &place, &limits) != STATUS_OK) {
        return diag_fail(diag, STATUS_LIMIT, "lane.memory", "no memory for a loop");
    }
    lane->has_gateway = true;
    TRY(start_upstreams(lane, diag));
    TRY(shared->stdio != NULL ? start_stdio(lane, diag)
                              : shared->network->start_server(lane, fd, diag));
    lane->has_server = true;
    return STATUS_OK;
}

/* -- stop ---------------------------------------------------------------------------------- */

static void on_server_closed(void *context)
{
    struct lane *lane = context;
    atomic_store(&lane->is_drained, true);
}

static void run_drain(struct posted *item)
{
    struct lane *lane = lane_of_drain(item);
    gateway_drain(&lane->gateway);
    if (lane->shared->stdio != NULL) {
        stdio_server_drain(&lane->stdio_server, on_server_closed, lane);
    } else {
        lane->shared->network->drain_server(lane, on_server_closed);
    }
}

void lane_drain(struct lane *lane)
{
    lane->drain.run = run_drain;
    loop_post(&lane->loop, &lane->drain);
}

static void on_children_gone(void *context)
{
    struct lane *lane = context;
    lane->stdio = NULL;
    stop_process_port(lane);
    loop_stop(&lane->loop);
}

static void close_server(struct lane *lane)
{
    if (lane->shared->stdio != NULL) {
        stdio_server_close(&lane->stdio_server, on_server_closed, lane);
    } else {
        lane->shared->network->close_server(lane, on_server_closed);
    }
}

static void run_close(struct posted *item)
{
    struct lane *lane = lane_of_close(item);
    gateway_close(&lane->gateway);
    if (!atomic_load(&lane->is_drained)) {
        close_server(lane);
    }
    if (lane->shared->network != NULL) {
        lane->shared->network->stop_upstream(lane);
    }
    stdio_upstream_close(lane->stdio, on_children_gone, lane);
}

void lane_close(struct lane *lane)
{
    lane->close.run = run_close;
    loop_post(&lane->loop, &lane->close);
}

static void run_switch(struct posted *item)
{
    struct lane *lane = (struct lane *)((char *)item - offsetof(struct lane, to_switch));
    gateway_switch(&lane->gateway, lane->next_snapshot);
    lane->next_snapshot = NULL;
    if (lane->next_tls != NULL) {
        lane->shared->network->switch_tls(lane, lane->next_tls);
    }
    uv_sem_post(lane->switched);
}

enum status lane_switch_all(struct lane *lanes, size_t count, struct gateway_snapshot *snapshot,
                            struct tls_context *tls)
{
    uv_sem_t switched;
    if (uv_sem_init(&switched, 0) != 0) {
        return STATUS_UNAVAILABLE;
    }
    for (size_t i = 0; i < count; i++) {
        lanes[i].next_snapshot = gateway_snapshot_ref(snapshot);
        lanes[i].next_tls = tls;
        lanes[i].switched = &switched;
        lanes[i].to_switch.run = run_switch;
        loop_post(&lanes[i].loop, &lanes[i].to_switch);
    }
    for (size_t i = 0; i < count; i++) {
        uv_sem_wait(&switched);
    }
    uv_sem_destroy(&switched);
    return STATUS_OK;
}

void lane_settle_all(struct lane *lanes, size_t count)
{
    bool has_run = true;
    while (has_run) {
        has_run = false;
        for (size_t i = 0; i < count; i++) {
            has_run = loop_run_posted(&lanes[i].loop) || has_run;
        }
    }
}

void lane_release(struct lane *lane)
{
    stop_process_port(lane);
    loop_release(&lane->loop);
    if (lane->has_gateway) {
        gateway_release(&lane->gateway);
    }
}
