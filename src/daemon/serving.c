#include "daemon/serving.h"

#include "adapters/crypto/openssl_crypto.h"
#include "adapters/http_client/fetch.h"
#include "adapters/journal/journal.h"
#include "adapters/transport/tcp.h"
#include "adapters/transport/tls.h"
#include "daemon/assembly.h"
#include "daemon/descriptors.h"
#include "daemon/lane.h"
#include "daemon/process_guard.h"
#include "daemon/programs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LANES_MAX 64
#define PATH_BYTES 4096
#define CLOSE_WAIT_MS 5000
#define CONFIG_BYTES_MAX ((size_t)32 << 20)

struct serving {
    const struct serving_plan *plan;
    const struct config *config; /* in force for policies and keys */
    struct arena arena;          /* what lives as long as the process */
    struct arena reload_arena;   /* the configuration of the last reload */
    struct lane lanes[LANES_MAX];
    size_t lane_count, started_count;
    int fds[LANES_MAX];
    uint16_t port;
    uint64_t generation;
    struct lane_shared shared;
    struct openssl_crypto *crypto;
    struct port_clock clock;
    struct port_random random;
    struct json_parser parser;
    struct journal *journal;
    struct port_journal journal_port;
    struct signing_key *signing_key; /* of the journal's checkpoints */
    struct key_sets keys;
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
    const struct config *config = s->plan->config;
    size_t count = config->server_count;
    struct upstream_target *http = arena_alloc_zero(&s->arena, count, sizeof(*http));
    bool *is_stdio = arena_alloc_zero(&s->arena, count, sizeof(*is_stdio));
    if (http == NULL || is_stdio == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        is_stdio[i] = config->servers[i].command.count > 0;
        if (!is_stdio[i]) {
            build_http_target(&config->servers[i], &http[i]);
        }
    }
    s->shared.http_targets = http;
    s->shared.is_stdio = is_stdio;
    s->shared.server_count = count;
    return STATUS_OK;
}

static enum status open_signing_key(struct serving *s, struct diag *diag)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%.*s/audit.key", SLICE_ARG(s->plan->config->state_dir));
    return signing_key_open(path, &s->signing_key, diag);
}

static enum status build_programs(struct serving *s)
{
    struct program *programs = NULL;
    TRY(programs_build(s->plan->config, &s->arena, &programs));
    programs_check(s->plan->config, programs);
    s->shared.programs = programs;
    return STATUS_OK;
}

static enum status open_journal(struct serving *s, struct diag *diag)
{
    const struct config *config = s->plan->config;
    char path[PATH_BYTES];
    if (s->plan->no_audit || config->audit.mode == CONFIG_AUDIT_OFF) {
        return STATUS_OK;
    }
    (void)snprintf(path, sizeof(path), "%.*s", SLICE_ARG(config->state_dir));
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return diag_fail(diag, STATUS_IO, "state.dir", "cannot make the state folder '%s': %s",
                         path, strerror(errno));
    }
    (void)snprintf(path, sizeof(path), "%.*s", SLICE_ARG(config->audit.dir));
    TRY(open_signing_key(s, diag));
    struct journal_options options = {
        .directory = path,
        .segment_bytes_max = (uint64_t)config->limits.journal_segment_bytes,
        .queue_bytes_max = (size_t)config->limits.journal_queue_bytes,
        .stall_ms = config->limits.journal_stall_ms,
        .signing_key = s->signing_key,
        .checkpoint_records = (uint32_t)config->limits.journal_checkpoint_records,
        .checkpoint_ms = config->limits.journal_checkpoint_ms,
    };
    TRY(journal_open(&options, &s->journal, diag));
    s->journal_port = journal_port(s->journal);
    s->shared.journal = &s->journal_port;
    (void)snprintf(path, sizeof(path), "%.*s/" JOURNAL_PUBLIC_KEYS_NAME,
                   SLICE_ARG(config->audit.dir));
    return signing_key_publish(s->signing_key, path, diag);
}

static enum status open_tls(struct serving *s, struct diag *diag)
{
    const struct config_tls_server *tls = &s->plan->config->listen.tls;
    if (tls->cert.len == 0) {
        return STATUS_OK;
    }
    return tls_server_context_new((const char *)tls->cert.ptr, (const char *)tls->key.ptr,
                                  &s->shared.tls, diag);
}

static enum status open_shared(struct serving *s, struct diag *diag)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    uint8_t seed[16];
    s->clock = (struct port_clock){NULL, runtime_wall_s, runtime_mono_ms};
    s->random = system_random();
    TRY(openssl_crypto_new(&s->crypto));
    TRY(fetch_init());
    TRY(s->random.fill(s->random.context, seed, sizeof(seed)));
    /* Both are of this process: ids of clients do not outlive it. */
    struct gateway_place *place = &s->shared.place;
    TRY(s->random.fill(s->random.context, place->session_key, sizeof(place->session_key)));
    TRY(s->random.fill(s->random.context, (uint8_t *)&place->node, sizeof(place->node)));
    json_parser_init(&s->parser, &LIMITS, seed);
    key_sets_init(&s->keys, &s->parser, openssl_crypto_port(s->crypto));
    s->shared.config = s->plan->config;
    s->shared.clock = &s->clock;
    s->shared.random = &s->random;
    s->shared.crypto = openssl_crypto_port(s->crypto);
    TRY(build_targets(s));
    TRY(build_programs(s));
    TRY(open_tls(s, diag));
    return open_journal(s, diag);
}

/* -- start --------------------------------------------------------------------------------- */

static size_t lanes_wanted(const struct config *config)
{
    long cores = config->threads > 0 ? (long)config->threads : sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > LANES_MAX ? LANES_MAX : (size_t)cores;
}

static enum status bind_all(struct serving *s, struct diag *diag)
{
    const struct config_address *address = &s->plan->config->listen.address;
    s->port = address->port;
    s->lane_count = lanes_wanted(s->plan->config);
    struct slice host =
        slice_eq(address->host, SLICE("localhost")) ? SLICE("127.0.0.1") : address->host;
    for (size_t i = 0; i < s->lane_count; i++) {
        s->fds[i] = -1;
    }
    TRY(tcp_check_free(host, s->port, diag));
    for (size_t i = 0; i < s->lane_count; i++) {
        TRY(tcp_listen_fd(host, s->port, &s->fds[i], diag));
        s->port = tcp_local_port(s->fds[i]);
    }
    return STATUS_OK;
}

static struct assembly assembly_of(struct serving *s, const struct config *config)
{
    return (struct assembly){.config = config,
                             .crypto = openssl_crypto_port(s->crypto),
                             .parser = &s->parser,
                             .builtin_policies = s->plan->builtin_policies,
                             .no_auth = s->plan->no_auth,
                             .is_proxy = s->plan->is_proxy,
                             .port = s->port,
                             .generation = ++s->generation,
                             .keys = &s->keys,
                             .now_ms = runtime_mono_ms(NULL)};
}

static enum status build_snapshot(struct serving *s, const struct config *config,
                                  struct arena *arena, struct gateway_snapshot **out)
{
    struct config_report report = {0};
    struct assembly assembly = assembly_of(s, config);
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
        descriptors_raise(), s->lane_count, (size_t)s->plan->config->limits.connections);
    for (size_t i = 0; i < s->lane_count && status == STATUS_OK; i++) {
        status =
            lane_start(&s->lanes[i], &s->shared, s->fds[i], gateway_snapshot_ref(snapshot), diag);
        s->fds[i] = -1;
        s->started_count++;
    }
    for (size_t i = 0; i < s->lane_count && status == STATUS_OK; i++) {
        status = loop_thread_start(&s->lanes[i].loop, diag);
    }
    return status;
}

static void print_ready(const struct serving *s)
{
    const struct config *config = s->plan->config;
    bool is_v6 =
        slice_find_byte(config->listen.address.host, ':') < config->listen.address.host.len;
    printf(is_v6 ? "{\"listening\":\"%s://[%.*s]:%u/mcp\"}\n"
                 : "{\"listening\":\"%s://%.*s:%u/mcp\"}\n",
           s->shared.tls != NULL ? "https" : "http", SLICE_ARG(config->listen.address.host),
           (unsigned)s->port);
    (void)fflush(stdout);
}

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

static bool same_texts(const struct config_texts *a, const struct config_texts *b)
{
    bool is_same = a->count == b->count;
    for (size_t i = 0; is_same && i < a->count; i++) {
        is_same = slice_eq(a->items[i], b->items[i]);
    }
    return is_same;
}

/* What pools and children are made of; the rest of a server is in the snapshot. */
static bool same_server(const struct config_server *a, const struct config_server *b)
{
    bool is_same = slice_eq(a->name, b->name) && slice_eq(a->url.text, b->url.text) &&
                   slice_eq(a->tls_ca, b->tls_ca) && same_texts(&a->command, &b->command) &&
                   a->env_count == b->env_count;
    for (size_t i = 0; is_same && i < a->env_count; i++) {
        is_same =
            slice_eq(a->env[i].name, b->env[i].name) && slice_eq(a->env[i].value, b->env[i].value);
    }
    return is_same;
}

/* Servers are bound to pools and children: a change of them needs a restart. */
static bool same_servers(const struct config *a, const struct config *b)
{
    bool is_same = a->server_count == b->server_count;
    for (size_t i = 0; is_same && i < a->server_count; i++) {
        is_same = same_server(&a->servers[i], &b->servers[i]);
    }
    return is_same;
}

static const struct config *reload_config(struct serving *s, struct arena *arena)
{
    struct config *config = NULL;
    struct config_report report = {0};
    if (s->plan->config_path == NULL) {
        return s->plan->config;
    }
    if (config_load(slice_view_cstr(s->plan->config_path), arena, &config, &report) != STATUS_OK) {
        config_report_print(stderr, &report);
        return NULL;
    }
    if (!same_servers(config, s->plan->config)) {
        fputs("aegis: the list of servers changed; restart to use it\n", stderr);
        return NULL;
    }
    return config;
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
    struct assembly assembly = assembly_of(s, s->config);
    struct gateway_snapshot *snapshot = NULL;
    struct arena arena;
    arena_init(&arena, CONFIG_BYTES_MAX, NULL);
    enum status status = assembly_renew_keys(&assembly, s->snapshot, &arena, &snapshot);
    if (status == STATUS_OK) {
        status = put_in_force(s, snapshot);
    }
    if (status != STATUS_OK) {
        fputs("aegis: the keys of the issuers cannot be renewed now\n", stderr);
    }
    arena_release(&arena);
}

/* All or nothing: what is wrong is reported and the old snapshot stays in force. */
static void reload(struct serving *s)
{
    struct arena arena;
    struct gateway_snapshot *snapshot = NULL;
    arena_init(&arena, CONFIG_BYTES_MAX, NULL);
    const struct config *config = reload_config(s, &arena);
    enum status status =
        config == NULL ? STATUS_INVALID : build_snapshot(s, config, &arena, &snapshot);
    if (status != STATUS_OK) {
        fputs("aegis: reload refused, the old configuration stays in force\n", stderr);
        arena_release(&arena);
        return;
    }
    if (put_in_force(s, snapshot) != STATUS_OK) {
        fputs("aegis: reload failed, the old configuration stays in force\n", stderr);
        arena_release(&arena);
        return;
    }
    arena_release(&s->reload_arena);
    s->reload_arena = arena;
    s->config = config;
    fputs("aegis: configuration and policies reloaded\n", stderr);
}

static void wait_for_stop(struct serving *s, const sigset_t *set)
{
    for (;;) {
        struct timespec wait = {.tv_sec = (time_t)key_sets_wait_s(&s->keys, s->config)};
        int signal_number = sigtimedwait(set, NULL, &wait);
        if (signal_number == SIGHUP) {
            reload(s);
        } else if (signal_number < 0 && errno == EAGAIN && s->snapshot->identity != NULL) {
            renew_keys(s);
        } else if (signal_number > 0 || (errno != EAGAIN && errno != EINTR)) {
            return;
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
    int64_t deadline = runtime_mono_ms(NULL) + s->plan->config->limits.drain_timeout_ms;
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
    /* The journal completes what it has; the completions wait at the loops. */
    journal_close(s->journal);
    lane_settle_all(s->lanes, s->started_count);
    signing_key_free(s->signing_key);
    for (size_t i = 0; i < s->started_count; i++) {
        lane_release(&s->lanes[i]);
    }
    for (size_t i = 0; i < s->lane_count; i++) {
        if (s->fds[i] >= 0) {
            (void)close(s->fds[i]);
        }
    }
    gateway_snapshot_unref(s->snapshot);
    key_sets_release(&s->keys);
    tls_context_free(s->shared.tls);
    fetch_release();
    openssl_crypto_free(s->crypto);
    arena_release(&s->reload_arena);
    arena_release(&s->arena);
    base_free(s);
}

static enum status serve(struct serving *s, const sigset_t *set, struct diag *diag)
{
    struct gateway_snapshot *snapshot = NULL;
    TRY(process_guard_apply(diag));
    TRY(open_shared(s, diag));
    TRY(bind_all(s, diag));
    enum status status = build_snapshot(s, s->plan->config, &s->arena, &snapshot);
    if (status != STATUS_OK) {
        return diag_fail(diag, status, "serve.start", "nothing can be served");
    }
    s->snapshot = snapshot;
    status = start_lanes(s, snapshot, diag);
    if (status != STATUS_OK) {
        return status;
    }
    print_ready(s);
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
    s->config = plan->config;
    arena_init(&s->arena, CONFIG_BYTES_MAX, NULL);
    arena_init(&s->reload_arena, CONFIG_BYTES_MAX, NULL);
    if (plan->config->audit.mode == CONFIG_AUDIT_RELAXED) {
        fputs("aegis: 'audit.mode: relaxed' is not supported yet; use strict\n", stderr);
        base_free(s);
        return STATUS_INVALID;
    }
    block_signals(&set);
    enum status status = serve(s, &set, &diag);
    if (status != STATUS_OK) {
        (void)!say(&diag, status);
    }
    release(s);
    return status;
}
