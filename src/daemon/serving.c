#include "daemon/serving.h"

#include "adapters/crypto/openssl_crypto.h"
#include "adapters/journal/journal.h"
#include "daemon/assembly.h"
#include "daemon/descriptors.h"
#include "daemon/lane.h"
#include "daemon/network.h"
#include "daemon/shared_usage.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES 4096
#define INPUTS_BYTES_MAX ((size_t)128 << 20)

struct serving {
    const struct serving_plan *plan;
    struct inputs inputs;      /* in force for policies and keys */
    struct arena arena;        /* what lives as long as the process */
    struct arena reload_arena; /* the inputs of the last reload */
    struct lane lanes[LISTENERS_MAX];
    size_t lane_count, started_count;
    uint64_t generation;
    struct lane_shared shared;
    struct openssl_crypto *crypto;
    struct port_random random;
    struct json_parser parser;
    struct journal *journal;
    struct port_journal journal_port;
    struct key_sets keys;
    struct port_keys keys_port;
    struct shared_usage usage;
    struct port_usage usage_port;
    struct gateway_snapshot *snapshot; /* one reference to what is in force */
};

static enum status say(const struct diag *diag, enum status status)
{
    fprintf(stderr, "aegis: %s\n", diag->message[0] != '\0' ? diag->message : status_name(status));
    return status;
}

/* -- what the lanes share ------------------------------------------------------------------ */

static void build_http_target(const struct config_server *server, struct upstream_target *target)
{
    *target = (struct upstream_target){.host = server->url.host,
                                       .port = server->url.port,
                                       .path = server->url.path,
                                       .is_tls = server->url.is_https};
    if (server->tls_ca.len > 0) {
        target->ca_file = (const char *)server->tls_ca.ptr;
    }
}

static enum status build_targets(struct serving *s)
{
    const struct config *config = s->plan->inputs->config;
    size_t count = config->server_count;
    struct upstream_target *http = arena_alloc_zero(&s->arena, count, sizeof(*http));
    if (http == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        if (config->servers[i].command.count == 0) {
            build_http_target(&config->servers[i], &http[i]);
        }
    }
    s->shared.http_targets = http;
    s->shared.server_count = count;
    return STATUS_OK;
}

static enum status open_journal(struct serving *s, struct diag *diag)
{
    const struct config *config = s->plan->inputs->config;
    char path[PATH_BYTES];
    const struct checkpoint_signer *signer = s->plan->signer;
    if (signer == NULL) {
        return STATUS_OK;
    }
    (void)snprintf(path, sizeof(path), "%.*s", SLICE_ARG(config->audit.dir));
    struct journal_options options = {
        .directory = path,
        .segment_bytes_max = (uint64_t)config->limits.journal_segment_bytes,
        .queue_bytes_max = (size_t)config->limits.journal_queue_bytes,
        .stall_ms = config->limits.journal_stall_ms,
        .signer = signer,
        .checkpoint_records = (uint32_t)config->limits.journal_checkpoint_records,
        .checkpoint_ms = config->limits.journal_checkpoint_ms,
    };
    TRY(journal_open(&options, &s->journal, diag));
    s->journal_port = journal_port(s->journal);
    s->shared.journal = &s->journal_port;
    (void)snprintf(path, sizeof(path), "%.*s/" JOURNAL_PUBLIC_KEYS_NAME,
                   SLICE_ARG(config->audit.dir));
    return signing_public_publish(signer->key, path, diag);
}

static bool has_address(const struct config *config)
{
    for (size_t i = 0; i < config->server_count; i++) {
        if (config->servers[i].command.count == 0) {
            return true;
        }
    }
    return false;
}

static enum status open_network(struct serving *s, struct diag *diag)
{
    const struct network *network = s->plan->network;
    const struct config *config = s->plan->inputs->config;
    s->shared.network = network;
    if (network != NULL) {
        TRY(network->open_tls(config, &s->shared.tls, diag));
        return network->open_client(&s->shared.curl_client, diag);
    }
    return has_address(config) || !s->plan->is_stdio
               ? diag_fail(diag, STATUS_INVALID, "serve.network",
                           "this program reaches no addresses; use 'aegis'")
               : STATUS_OK;
}

static enum status open_shared(struct serving *s, struct diag *diag)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    uint8_t seed[16];
    s->random = system_random();
    TRY(openssl_crypto_new(&s->crypto));
    TRY(s->random.fill(s->random.context, seed, sizeof(seed)));
    /* Both are of this process: ids of clients do not outlive it. */
    struct gateway_place *place = &s->shared.place;
    TRY(s->random.fill(s->random.context, place->session_key, sizeof(place->session_key)));
    TRY(s->random.fill(s->random.context, (uint8_t *)&place->node, sizeof(place->node)));
    json_parser_init(&s->parser, &LIMITS, seed);
    key_sets_init(&s->keys, &s->parser, openssl_crypto_port(s->crypto));
    s->keys_port = key_sets_port(&s->keys);
    s->shared.keys = &s->keys_port;
    s->keys.read = s->plan->host.read_keys;
    const struct config_limits *limits = &s->plan->inputs->config->limits;
    TRY(shared_usage_init(&s->usage, (size_t)limits->usage_windows, limits->usage_idle_ms));
    s->usage_port = shared_usage_port(&s->usage);
    s->shared.usage = &s->usage_port;
    s->shared.config = s->plan->inputs->config;
    s->shared.random = &s->random;
    s->shared.crypto = openssl_crypto_port(s->crypto);
    TRY(build_targets(s));
    TRY(open_network(s, diag));
    return open_journal(s, diag);
}

/* -- start --------------------------------------------------------------------------------- */

static struct assembly assembly_of(struct serving *s, const struct inputs *inputs)
{
    return (struct assembly){.inputs = inputs,
                             .crypto = openssl_crypto_port(s->crypto),
                             .parser = &s->parser,
                             .no_auth = s->plan->no_auth,
                             .is_proxy = s->plan->is_proxy,
                             .port = s->plan->listeners->port,
                             .generation = ++s->generation,
                             .keys = &s->keys,
                             .now_ms = runtime_mono_ms(NULL)};
}

static enum status build_snapshot(struct serving *s, const struct inputs *inputs,
                                  struct arena *arena, struct gateway_snapshot **out)
{
    struct config_report report = {0};
    struct assembly assembly = assembly_of(s, inputs);
    enum status status = assembly_build(&assembly, arena, out, &report);
    if (status != STATUS_OK) {
        config_report_sort(&report);
        config_report_print(stderr, &report);
    }
    return status;
}

static enum status start_lanes(struct serving *s, struct gateway_snapshot *snapshot,
                               struct diag *diag)
{
    enum status status = STATUS_OK;
    s->shared.lanes = s->lanes;
    s->shared.place.loop_count = (uint16_t)s->lane_count;
    s->shared.connections_max = descriptors_for_clients(
        descriptors_raise(), s->lane_count, (size_t)s->plan->inputs->config->limits.connections);
    for (size_t i = 0; i < s->lane_count && status == STATUS_OK; i++) {
        status = lane_start(&s->lanes[i], &s->shared, s->plan->listeners->descriptors[i],
                            gateway_snapshot_ref(snapshot), diag);
        s->plan->listeners->descriptors[i] = -1;
        s->started_count++;
    }
    for (size_t i = 0; i < s->lane_count && status == STATUS_OK; i++) {
        status = loop_thread_start(&s->lanes[i].loop, diag);
    }
    return status;
}

/* -- standard streams ---------------------------------------------------------------------- */

/* Stopping is one way only, whoever wants it. */
static void on_client_end(void *context, const char *why)
{
    (void)context;
    if (why != NULL) {
        fprintf(stderr, "aegis: %s\n", why);
    }
    (void)kill(getpid(), SIGTERM);
}

static void on_unanswered(void *context, struct slice json)
{
    (void)context;
    fprintf(stderr, "aegis: refused: %.*s\n", SLICE_ARG(json));
}

static const struct stdio_server_events STDIO_EVENTS = {NULL, on_client_end, on_unanswered};

/* -- signals ------------------------------------------------------------------------------- */

static void block_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* Takes over one reference of snapshot. On failure nothing was switched. */
static enum status put_in_force(struct serving *s, struct gateway_snapshot *snapshot)
{
    enum status status = lane_switch_all(s->lanes, s->lane_count, snapshot);
    gateway_snapshot_unref(status == STATUS_OK ? s->snapshot : snapshot);
    s->snapshot = status == STATUS_OK ? snapshot : s->snapshot;
    return status;
}

/* Policies and configuration stay as they are, whatever their files say meanwhile. */
static void renew_keys(struct serving *s)
{
    struct assembly assembly = assembly_of(s, &s->inputs);
    struct gateway_snapshot *snapshot = NULL;
    struct arena arena;
    arena_init(&arena, INPUTS_BYTES_MAX, NULL);
    enum status status = assembly_renew_keys(&assembly, s->snapshot, &arena, &snapshot);
    if (status == STATUS_OK) {
        status = put_in_force(s, snapshot);
    }
    if (status != STATUS_OK) {
        fputs("aegis: the keys of the issuers cannot be renewed now\n", stderr);
    }
    arena_release(&arena);
}

static enum status reload(struct serving *s, struct arena *arena, struct inputs *inputs)
{
    const struct serving_host *host = &s->plan->host;
    struct gateway_snapshot *snapshot = NULL;
    TRY(host->reload(host->context, arena, inputs));
    if (!key_sets_can_read(inputs->config)) {
        fputs("aegis: no issuer had its keys at an address when this process started; restart the "
              "gateway to use one\n",
              stderr);
        return STATUS_CONFLICT;
    }
    TRY(build_snapshot(s, inputs, arena, &snapshot));
    return put_in_force(s, snapshot);
}

/* All or nothing: what is wrong was said and the old snapshot stays in force. */
static void on_reload(struct serving *s)
{
    const struct serving_host *host = &s->plan->host;
    struct inputs inputs = {0};
    struct arena arena;
    arena_init(&arena, INPUTS_BYTES_MAX, NULL);
    bool is_done = reload(s, &arena, &inputs) == STATUS_OK;
    if (is_done) {
        arena_release(&s->reload_arena);
        s->reload_arena = arena;
        s->inputs = inputs;
        fputs("aegis: configuration and policies reloaded\n", stderr);
    } else {
        arena_release(&arena);
        fputs("aegis: reload refused, the old configuration stays in force\n", stderr);
    }
    host->reloaded(host->context, is_done);
}

/* One tick after the other, because keys may be missed at any time. */
static void wait_for_stop(struct serving *s, const sigset_t *set)
{
    static const struct timespec TICK = {.tv_sec = 1};
    for (;;) {
        int signal_number = sigtimedwait(set, NULL, &TICK);
        if (signal_number == SIGHUP) {
            on_reload(s);
        } else if (signal_number > 0 || (errno != EAGAIN && errno != EINTR)) {
            return;
        } else if (key_sets_are_due(&s->keys, s->inputs.config, runtime_mono_ms(NULL))) {
            renew_keys(s);
        }
    }
}

/* -- stop ---------------------------------------------------------------------------------- */

static bool all_drained(struct serving *s)
{
    for (size_t i = 0; i < s->lane_count; i++) {
        if (!atomic_load(&s->lanes[i].is_drained)) {
            return false;
        }
    }
    return true;
}

/* Running calls may finish; a second signal or the time limit ends the wait. */
static void drain(struct serving *s, const sigset_t *set)
{
    const struct timespec tick = {.tv_nsec = 20 * 1000000L};
    int64_t deadline = runtime_mono_ms(NULL) + s->plan->inputs->config->limits.drain_timeout_ms;
    for (size_t i = 0; i < s->lane_count; i++) {
        lane_drain(&s->lanes[i]);
    }
    while (!all_drained(s) && runtime_mono_ms(NULL) < deadline) {
        if (sigtimedwait(set, NULL, &tick) > 0) {
            return;
        }
    }
}

static void stop_lanes(struct serving *s)
{
    for (size_t i = 0; i < s->lane_count; i++) {
        lane_close(&s->lanes[i]);
    }
    for (size_t i = 0; i < s->lane_count; i++) {
        loop_thread_join(&s->lanes[i].loop);
    }
}

static void release(struct serving *s)
{
    /* The journal completes what it has, and so do our own requests; the completions wait at the
     * loops. */
    journal_close(s->journal);
    if (s->plan->network != NULL) {
        s->plan->network->close_client(s->shared.curl_client);
    }
    lane_settle_all(s->lanes, s->started_count);
    for (size_t i = 0; i < s->started_count; i++) {
        lane_release(&s->lanes[i]);
    }
    listeners_close(s->plan->listeners);
    gateway_snapshot_unref(s->snapshot);
    key_sets_release(&s->keys);
    shared_usage_release(&s->usage);
    if (s->shared.tls != NULL) {
        s->plan->network->close_tls(s->shared.tls);
    }
    openssl_crypto_free(s->crypto);
    arena_release(&s->reload_arena);
    arena_release(&s->arena);
    base_free(s);
}

static enum status serve(struct serving *s, const sigset_t *set, struct diag *diag)
{
    struct gateway_snapshot *snapshot = NULL;
    TRY(open_shared(s, diag));
    enum status status = build_snapshot(s, s->plan->inputs, &s->arena, &snapshot);
    if (status != STATUS_OK) {
        return diag_fail(diag, status, "serve.start", "nothing can be served");
    }
    s->snapshot = snapshot;
    status = start_lanes(s, snapshot, diag);
    if (status != STATUS_OK) {
        return status;
    }
    s->plan->host.ready(s->plan->host.context);
    if (s->plan->network != NULL) {
        s->plan->network->check_upstreams(s->plan->inputs->config);
    }
    wait_for_stop(s, set);
    drain(s, set);
    stop_lanes(s);
    return STATUS_OK;
}

enum status serving_run(const struct serving_plan *plan)
{
    struct serving *s = base_alloc(sizeof(*s));
    struct diag diag = {0};
    sigset_t set;
    if (s == NULL) {
        return STATUS_LIMIT;
    }
    memset(s, 0, sizeof(*s));
    s->plan = plan;
    s->inputs = *plan->inputs;
    s->lane_count = plan->listeners->count;
    s->shared.stdio = plan->is_stdio ? &STDIO_EVENTS : NULL;
    s->shared.programs = plan->programs;
    s->shared.process_channels = plan->process_channels;
    arena_init(&s->arena, INPUTS_BYTES_MAX, NULL);
    arena_init(&s->reload_arena, INPUTS_BYTES_MAX, NULL);
    block_signals(&set);
    enum status status = serve(s, &set, &diag);
    if (status != STATUS_OK) {
        (void)!say(&diag, status);
    }
    release(s);
    return status;
}
