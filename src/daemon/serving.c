#include "daemon/serving.h"

#include "adapters/crypto/openssl_crypto.h"
#include "adapters/journal/journal.h"
#include "daemon/assembly.h"
#include "daemon/descriptors.h"
#include "daemon/key_loop.h"
#include "daemon/lane.h"
#include "daemon/network.h"
#include "daemon/shared_codes.h"
#include "daemon/shared_failures.h"
#include "daemon/shared_links.h"
#include "daemon/shared_replay.h"
#include "daemon/shared_usage.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES 4096
#define INPUTS_BYTES_MAX ((size_t)128 << 20)
#define CONTROL_BYTES_MAX ((size_t)16 << 20)
#define KEYS_WAIT_MAX_MS 5000 /* at the start and at a reload */
#define KEYS_TICK_MS 20
#define SEALING_RETRY_S 60

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
    struct loop control; /* keys and reloads; on a thread of its own once clients are served */
    struct curl_client_user control_curl;
    struct port_http_client control_client;
    struct key_sets keys;
    struct inquiries inquiries;
    struct shared_usage usage;
    struct port_usage usage_port;
    struct shared_codes codes;
    struct port_used_codes codes_port;
    struct shared_replay replay;
    struct port_replay replay_port;
    struct shared_failures failures;
    struct port_failures failures_port;
    struct revocation_file revocations;
    struct diag revocations_said; /* what was wrong with them, and has been said */
    struct timer revocations_tick;
    struct sealing_keys sealing;
    int64_t sealing_failed_s; /* when they could not be turned */
    struct shared_links links;
    struct port_links links_port;
    struct gateway_snapshot *snapshot; /* one reference to what is in force */
    struct posted to_reload;           /* from the thread that waits for signals */
    uv_sem_t reloaded;
    struct timer reload_tick;
    int64_t reload_deadline_ms;
    bool is_reloaded; /* else it was refused */
    bool is_refusing; /* and nobody has been told yet */
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
        .spool = s->plan->spool,
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

static void on_keys_changed(void *context);

static void open_keys(struct serving *s)
{
    const struct network *network = s->plan->network;
    bool has_client = s->shared.curl_client != NULL;
    if (has_client) {
        s->control_curl = (struct curl_client_user){s->shared.curl_client, &s->control.poster};
        s->control_client = network->client_port(&s->control_curl);
    }
    const struct key_sets_ports ports = {.parser = &s->parser,
                                         .crypto = openssl_crypto_port(s->crypto),
                                         .random = &s->random,
                                         .clock = &s->control.clock,
                                         .timer = &s->control.timers,
                                         .poster = &s->control.poster,
                                         .http_client = has_client ? &s->control_client : NULL,
                                         .read = s->plan->host.read_keys,
                                         .changed = on_keys_changed,
                                         .context = s};
    key_sets_init(&s->keys, &ports);
    s->shared.keys = &s->keys;
    const struct inquiries_ports asking = {.parser = ports.parser,
                                           .crypto = ports.crypto,
                                           .clock = ports.clock,
                                           .poster = ports.poster,
                                           .http_client = ports.http_client,
                                           .keys = &s->keys};
    inquiries_init(&s->inquiries, &asking);
    s->shared.inquiries = &s->inquiries;
}

static int64_t wall_s(const struct serving *s)
{
    return s->control.clock.wall_ms(s->control.clock.context) / 1000;
}

static enum status take_sealing(struct serving *s)
{
    if (s->plan->sealing == NULL) {
        return sealing_keys_draw(&s->sealing, &s->random, wall_s(s),
                                 config_sealing_period_s(&s->plan->inputs->config->limits));
    }
    s->sealing = *s->plan->sealing;
    return STATUS_OK;
}

static enum status open_shared(struct serving *s, struct diag *diag)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    uint8_t seed[16];
    s->random = system_random();
    TRY(openssl_crypto_new(&s->crypto));
    TRY(s->random.fill(s->random.context, seed, sizeof(seed)));
    struct gateway_place *place = &s->shared.place;
    /* Of this process: sessions of clients do not outlive it, and proofs that it took are not known
     * to the next one. */
    TRY(s->random.fill(s->random.context, (uint8_t *)&place->node, sizeof(place->node)));
    TRY(s->random.fill(s->random.context, place->nonce_key, sizeof(place->nonce_key)));
    place->tells_sessions =
        base_alloc_zero(s->plan->inputs->config->server_count * sizeof(*place->tells_sessions));
    if (place->tells_sessions == NULL) {
        return STATUS_LIMIT;
    }
    json_parser_init(&s->parser, &LIMITS, seed);
    TRY(loop_init(&s->control, CONTROL_BYTES_MAX, diag));
    TRY(take_sealing(s));
    const struct config_limits *limits = &s->plan->inputs->config->limits;
    TRY(shared_usage_init(&s->usage, (size_t)limits->usage_windows, limits->usage_idle_ms));
    s->usage_port = shared_usage_port(&s->usage);
    s->shared.usage = &s->usage_port;
    TRY(shared_codes_init(&s->codes, (size_t)limits->sign_in_codes));
    s->codes_port = shared_codes_port(&s->codes);
    s->shared.codes = &s->codes_port;
    TRY(shared_replay_init(&s->replay, (size_t)limits->proofs));
    s->replay_port = shared_replay_port(&s->replay);
    s->shared.replay = &s->replay_port;
    const struct failure_rate rate = {limits->failures, limits->failures_per_minute};
    TRY(shared_failures_init(&s->failures, &rate));
    s->failures_port = shared_failures_port(&s->failures);
    s->shared.failures = &s->failures_port;
    TRY(shared_links_init(&s->links, (size_t)limits->links));
    s->links_port = shared_links_port(&s->links);
    s->shared.links = &s->links_port;
    s->shared.config = s->plan->inputs->config;
    s->shared.random = &s->random;
    s->shared.crypto = openssl_crypto_port(s->crypto);
    TRY(build_targets(s));
    TRY(open_network(s, diag));
    open_keys(s);
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
                             .revocations = &s->revocations,
                             .sealing = &s->sealing};
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

/* Takes over one reference of snapshot. tls NULL: that of before. On failure nothing was switched.
 */
static enum status put_in_force(struct serving *s, struct gateway_snapshot *snapshot,
                                struct tls_context *tls)
{
    enum status status = lane_switch_all(s->lanes, s->lane_count, snapshot, tls);
    gateway_snapshot_unref(status == STATUS_OK ? s->snapshot : snapshot);
    s->snapshot = status == STATUS_OK ? snapshot : s->snapshot;
    return status;
}

/* Policies and configuration stay as they are, whatever their files say meanwhile. */
static void on_keys_changed(void *context)
{
    struct serving *s = context;
    if (s->snapshot == NULL) {
        return; /* nothing is in force yet; that will have them */
    }
    struct assembly assembly = assembly_of(s, &s->inputs);
    struct gateway_snapshot *snapshot = NULL;
    struct arena arena;
    arena_init(&arena, INPUTS_BYTES_MAX, NULL);
    enum status status = assembly_renew_keys(&assembly, s->snapshot, &arena, &snapshot);
    if (status == STATUS_OK) {
        status = put_in_force(s, snapshot, NULL);
    }
    if (status != STATUS_OK) {
        fputs("aegis: the keys of the issuers cannot be renewed now\n", stderr);
    }
    arena_release(&arena);
}

/* -- revocations --------------------------------------------------------------------------- */

static enum status look_at_revocations(struct serving *s, struct revocation_file *file,
                                       const struct config *config, struct diag *diag)
{
    return revocation_file_look(file, config, s->plan->host.read_revocations, &s->parser, diag);
}

/* Once: it is looked at four times a second. */
static void say_of_revocations(struct serving *s, const struct diag *diag)
{
    if (s->revocations.is_stale && strcmp(diag->message, s->revocations_said.message) != 0) {
        fprintf(stderr, "aegis: revocations: %s; the list that was read before stays in force\n",
                diag->message);
    } else if (!s->revocations.is_stale) {
        fprintf(stderr, "aegis: revocations: %zu are in force\n",
                revocations_count(s->revocations.list));
    }
    s->revocations_said = *diag;
}

static void renew_revocations(struct serving *s)
{
    struct gateway_snapshot *snapshot = NULL;
    struct diag diag = {0};
    const struct revocations *before = s->snapshot->revocations;
    (void)!look_at_revocations(s, &s->revocations, s->inputs.config, &diag);
    bool has_changed = s->revocations.list != before ||
                       s->revocations.is_stale != s->snapshot->are_revocations_stale;
    if (has_changed) {
        struct assembly assembly = assembly_of(s, &s->inputs);
        if (assembly_renew_revocations(&assembly, s->snapshot, &snapshot) != STATUS_OK ||
            put_in_force(s, snapshot, NULL) != STATUS_OK) {
            fputs("aegis: revocations: no memory to put them in force; this is tried again\n",
                  stderr);
            return;
        }
    }
    if (has_changed || s->revocations.is_stale) {
        say_of_revocations(s, &diag);
    }
}

/* -- keys that seal ------------------------------------------------------------------------ */

static enum status turn_sealing(struct serving *s)
{
    struct sealing_keys before = s->sealing;
    struct gateway_snapshot *snapshot = NULL;
    const struct config *config = s->inputs.config;
    enum status status = s->plan->host.read_sealing != NULL
                             ? s->plan->host.read_sealing(config, &s->sealing)
                             : sealing_keys_turn(&s->sealing, &s->random, wall_s(s),
                                                 config_sealing_period_s(&config->limits));
    if (status == STATUS_OK && sealing_keys_are_due(&s->sealing, wall_s(s))) {
        status = STATUS_UNAVAILABLE;
    }
    if (status == STATUS_OK) {
        struct assembly assembly = assembly_of(s, &s->inputs);
        status = assembly_renew_revocations(&assembly, s->snapshot, &snapshot);
    }
    if (status == STATUS_OK) {
        status = put_in_force(s, snapshot, NULL);
    }
    if (status != STATUS_OK) {
        s->sealing = before; /* it is tried again; until then the next one is used all the same */
    }
    return status;
}

/* Once a day or less, so it is worth a line. */
static void renew_sealing(struct serving *s)
{
    int64_t now_s = wall_s(s);
    if (!sealing_keys_are_due(&s->sealing, now_s) ||
        now_s - s->sealing_failed_s < SEALING_RETRY_S) {
        return;
    }
    if (turn_sealing(s) == STATUS_OK) {
        fputs("aegis: what clients carry is sealed with another key from now on\n", stderr);
    } else {
        s->sealing_failed_s = now_s;
        fputs("aegis: the keys that seal what clients carry cannot be renewed now\n", stderr);
    }
}

static void on_revocations_tick(struct timer *timer)
{
    struct serving *s =
        (struct serving *)((char *)timer - offsetof(struct serving, revocations_tick));
    /* Until then the supervisor reads what the refused configuration names. */
    if (!s->is_refusing) {
        renew_revocations(s);
        renew_sealing(s);
    }
    loop_timer_start(&s->control, timer, REVOCATION_FILE_TICK_MS);
}

/* -- reloads ------------------------------------------------------------------------------- */

/* The listener's certificate and the authorities of its clients, read anew. Whether it speaks TLS
 * at all is settled when the process starts. */
static enum status renew_tls(struct serving *s, const struct config *config,
                             struct tls_context **out)
{
    struct diag diag = {0};
    if (s->shared.tls == NULL && config->listen.tls.cert.len == 0) {
        return STATUS_OK;
    }
    if (s->shared.tls == NULL || config->listen.tls.cert.len == 0) {
        fputs("aegis: 'listen.tls' came or went; restart the gateway for that\n", stderr);
        return STATUS_CONFLICT;
    }
    return say(&diag, s->plan->network->open_tls(config, out, &diag));
}

static enum status take_inputs(struct serving *s, struct arena *arena, struct inputs *inputs)
{
    struct gateway_snapshot *snapshot = NULL;
    struct tls_context *tls = NULL;
    TRY(renew_tls(s, inputs->config, &tls));
    enum status status = build_snapshot(s, inputs, arena, &snapshot);
    if (status == STATUS_OK) {
        status = put_in_force(s, snapshot, tls);
    }
    if (tls != NULL) {
        struct tls_context *unused = status == STATUS_OK ? s->shared.tls : tls;
        s->shared.tls = status == STATUS_OK ? tls : s->shared.tls;
        s->plan->network->close_tls(unused);
    }
    return status;
}

static enum status reload(struct serving *s, struct arena *arena, struct inputs *inputs)
{
    if (!key_sets_can_read(inputs->config)) {
        fputs("aegis: no issuer had its keys at an address when this process started; restart the "
              "gateway to use one\n",
              stderr);
        return STATUS_CONFLICT;
    }
    key_sets_adopt(&s->keys, inputs->config);
    key_sets_read_anew(&s->keys);
    enum status status = take_inputs(s, arena, inputs);
    if (status == STATUS_OK) {
        inquiries_adopt(&s->inquiries, inputs->config, inputs->inquiry_secrets);
    }
    key_sets_drop_others(&s->keys, status == STATUS_OK ? inputs->config : s->inputs.config);
    return status;
}

/* With the revocations that it names, or not at all. */
static enum status reload_with_revocations(struct serving *s, struct arena *arena,
                                           struct inputs *inputs)
{
    const struct serving_host *host = &s->plan->host;
    struct revocation_file before = s->revocations;
    struct diag diag = {0};
    TRY(host->reload(host->context, arena, inputs));
    s->revocations = (struct revocation_file){0};
    enum status status = look_at_revocations(s, &s->revocations, inputs->config, &diag);
    if (status != STATUS_OK) {
        (void)!say(&diag, status);
    } else {
        status = reload(s, arena, inputs);
    }
    revocation_file_release(status == STATUS_OK ? &before : &s->revocations);
    s->revocations = status == STATUS_OK ? s->revocations : before;
    return status;
}

/* It is reported when the issuers have answered, as far as they do so soon. */
static void on_reload_tick(struct timer *timer)
{
    struct serving *s = (struct serving *)((char *)timer - offsetof(struct serving, reload_tick));
    const struct serving_host *host = &s->plan->host;
    if (!key_sets_were_read(&s->keys) && loop_now_ms(&s->control) < s->reload_deadline_ms) {
        loop_timer_start(&s->control, timer, KEYS_TICK_MS);
        return;
    }
    fputs(s->is_reloaded ? "aegis: configuration and policies reloaded\n"
                         : "aegis: reload refused, the old configuration stays in force\n",
          stderr);
    host->reloaded(host->context, s->is_reloaded);
    s->is_refusing = false;
    uv_sem_post(&s->reloaded);
}

/* All or nothing: what is wrong was said and the old snapshot stays in force. */
static void run_reload(struct posted *item)
{
    struct serving *s = (struct serving *)((char *)item - offsetof(struct serving, to_reload));
    struct inputs inputs = {0};
    struct arena arena;
    arena_init(&arena, INPUTS_BYTES_MAX, NULL);
    bool is_done = reload_with_revocations(s, &arena, &inputs) == STATUS_OK;
    if (is_done) {
        arena_release(&s->reload_arena);
        s->reload_arena = arena;
        s->inputs = inputs;
    } else {
        arena_release(&arena);
    }
    s->is_reloaded = is_done;
    s->is_refusing = !is_done;
    s->reload_deadline_ms = loop_now_ms(&s->control) + KEYS_WAIT_MAX_MS;
    s->reload_tick.fire = on_reload_tick;
    on_reload_tick(&s->reload_tick);
}

/* What is in force changes on the control loop alone. */
static void on_reload(struct serving *s)
{
    s->to_reload.run = run_reload;
    loop_post(&s->control, &s->to_reload);
    uv_sem_wait(&s->reloaded);
}

static void wait_for_stop(struct serving *s, const sigset_t *set)
{
    for (;;) {
        int signal_number = sigwaitinfo(set, NULL);
        if (signal_number == SIGHUP) {
            on_reload(s);
        } else if (signal_number > 0 || errno != EINTR) {
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

/* While the lanes run: it may be waiting for them. */
static void stop_control(struct serving *s)
{
    loop_stop(&s->control);
    loop_thread_join(&s->control);
    key_sets_close(&s->keys);
    inquiries_close(&s->inquiries);
}

static void release(struct serving *s)
{
    key_sets_close(&s->keys);
    inquiries_close(&s->inquiries);
    /* The journal completes what it has, and so do our own requests; the completions wait at the
     * loops. */
    journal_close(s->journal);
    if (s->plan->network != NULL) {
        s->plan->network->close_client(s->shared.curl_client);
    }
    (void)loop_run_posted(&s->control); /* requests that waited go on */
    lane_settle_all(s->lanes, s->started_count);
    for (size_t i = 0; i < s->started_count; i++) {
        lane_release(&s->lanes[i]);
    }
    listeners_close(s->plan->listeners);
    gateway_snapshot_unref(s->snapshot);
    revocation_file_release(&s->revocations);
    key_sets_release(&s->keys);
    inquiries_release(&s->inquiries);
    loop_release(&s->control);
    uv_sem_destroy(&s->reloaded);
    shared_usage_release(&s->usage);
    shared_codes_release(&s->codes);
    shared_replay_release(&s->replay);
    shared_links_release(&s->links);
    base_free(s->shared.place.tells_sessions);
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
    TRY(look_at_revocations(s, &s->revocations, s->inputs.config, diag));
    key_sets_adopt(&s->keys, s->inputs.config);
    inquiries_adopt(&s->inquiries, s->inputs.config, s->inputs.inquiry_secrets);
    key_loop_wait(&s->keys, &s->control, KEYS_WAIT_MAX_MS);
    enum status status = build_snapshot(s, s->plan->inputs, &s->arena, &snapshot);
    if (status != STATUS_OK) {
        return diag_fail(diag, status, "serve.start", "nothing can be served");
    }
    s->snapshot = snapshot;
    status = start_lanes(s, snapshot, diag);
    if (status != STATUS_OK) {
        return status;
    }
    s->revocations_tick.fire = on_revocations_tick;
    loop_timer_start(&s->control, &s->revocations_tick, REVOCATION_FILE_TICK_MS);
    status = loop_thread_start(&s->control, diag);
    if (status != STATUS_OK) {
        stop_lanes(s);
        return status;
    }
    s->plan->host.ready(s->plan->host.context);
    if (s->plan->network != NULL) {
        s->plan->network->check_upstreams(s->plan->inputs->config);
    }
    wait_for_stop(s, set);
    drain(s, set);
    stop_control(s);
    stop_lanes(s);
    return STATUS_OK;
}

enum status serving_run(const struct serving_plan *plan)
{
    struct serving *s = base_alloc_zero(sizeof(*s));
    struct diag diag = {0};
    sigset_t set;
    if (s == NULL) {
        return STATUS_LIMIT;
    }
    s->plan = plan;
    s->inputs = *plan->inputs;
    s->lane_count = plan->listeners->count;
    s->shared.stdio = plan->is_stdio ? &STDIO_EVENTS : NULL;
    s->shared.programs = plan->programs;
    s->shared.bearer = plan->bearer;
    s->shared.process_channels = plan->process_channels;
    arena_init(&s->arena, INPUTS_BYTES_MAX, NULL);
    arena_init(&s->reload_arena, INPUTS_BYTES_MAX, NULL);
    block_signals(&set);
    if (uv_sem_init(&s->reloaded, 0) != 0) {
        base_free(s);
        return STATUS_LIMIT;
    }
    enum status status = serve(s, &set, &diag);
    if (status != STATUS_OK) {
        (void)!say(&diag, status);
    }
    release(s);
    return status;
}
