#include "daemon/supervisor.h"

#include "adapters/crypto/openssl_crypto.h"
#include "adapters/journal/signing_channel.h"
#include "adapters/journal/spool_place.h"
#include "adapters/process/channel.h"
#include "adapters/process/process_server.h"
#include "adapters/runtime/loop.h"
#include "daemon/control_message.h"
#include "daemon/descriptors.h"
#include "daemon/file.h"
#include "daemon/key_sets.h"
#include "daemon/listeners.h"
#include "daemon/parcel.h"
#include "daemon/process_guard.h"
#include "daemon/programs.h"
#include "daemon/revocation_file.h"
#include "daemon/run_as.h"
#include "daemon/worker.h"
#include "daemon/worker_environment.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define INPUTS_BYTES_MAX ((size_t)128 << 20)
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000
#define STABLE_MS 60000    /* a worker that lived as long starts the back-off anew */
#define STOP_EXTRA_MS 8000 /* beyond the drain time: stdio servers are stopped in steps */
#define FIXED_POLLS 5
#define OWN_CHANNELS 3 /* of a worker, besides those of its loops */

enum phase {
    PHASE_RUNNING,
    PHASE_WAITING, /* for the end of the back-off */
    PHASE_STOPPING,
    PHASE_OVER,
};

struct worker_process {
    struct spawned spawned;     /* pidfd -1: there is none */
    int control, keys, signing; /* our ends of all channels */
    int channels[LISTENERS_MAX];
    int64_t started_ms;
    bool is_ready;
};

/* One reading of the files. */
struct reading {
    struct arena arena;
    struct inputs inputs;
    int parcel; /* of them; -1: there is none */
};

struct supervisor {
    const char *config_path;
    struct arena arena;     /* what lives as long as the process */
    struct reading first;   /* servers and their programs are of this one for good */
    struct reading later;   /* the last one a worker took; parcel -1: none yet */
    struct reading pending; /* what the worker was asked to take instead */
    bool is_reload_wanted;  /* asked for while the worker could not take it */
    struct run_as run_as;
    struct program *programs;
    struct listeners listeners;
    const char *const *worker_environment;
    struct process_server server;
    struct signing_key *signing_key; /* of the journal's checkpoints; NULL without audit */
    struct checkpoint_notary notary;
    struct spool_place spool; /* what a worker leaves here when it dies, the next one records */
    struct worker_process worker;
    /* What clients carry sealed opens at the next worker, too, unless the last one may have been
     * taken over: then others are drawn. */
    struct sealing_keys sealing;
    bool has_sealing;
    int signals; /* a signalfd */
    enum phase phase;
    enum status result;
    bool was_ready; /* some worker served clients */
    int64_t backoff_ms;
    int64_t deadline_ms; /* of the waiting or stopping */
};

static void close_descriptor(int *descriptor)
{
    if (*descriptor >= 0) {
        (void)close(*descriptor);
    }
    *descriptor = -1;
}

static int64_t wall_s(void)
{
    return runtime_wall_ms(NULL) / 1000;
}

/* -- what is read ---------------------------------------------------------------------------- */

static void release_reading(struct reading *reading)
{
    close_descriptor(&reading->parcel);
    arena_release(&reading->arena);
    reading->inputs = (struct inputs){0};
}

/* What a worker is started with. */
static const struct reading *accepted(const struct supervisor *s)
{
    return s->later.parcel >= 0 ? &s->later : &s->first;
}

static enum status load(const struct supervisor *s, struct reading *out)
{
    struct config_report report = {0};
    enum status status = inputs_load(s->config_path, &out->arena, &out->inputs, &report);
    config_report_sort(&report);
    config_report_print(stderr, &report);
    return status;
}

/* A worker asks for what a reading names before it takes it. */
static const struct config *newest_config(const struct supervisor *s)
{
    const struct reading *newest = s->pending.parcel >= 0 ? &s->pending : accepted(s);
    assert(newest->inputs.config != NULL);
    return newest->inputs.config;
}

static enum status read_keys(const struct supervisor *s, uint32_t issuer, int *document)
{
    const struct config *config = newest_config(s);
    struct diag diag = {0};
    struct buf text;
    if (issuer >= config->issuer_count || key_sets_is_remote(&config->issuers[issuer])) {
        return STATUS_INVALID;
    }
    buf_init(&text, (size_t)config->limits.jwks_bytes, NULL);
    enum status status = key_sets_read(config, &config->issuers[issuer], &text, &diag);
    if (status == STATUS_OK) {
        status = file_unnamed(buf_view(&text), document, &diag);
    }
    buf_release(&text);
    if (status != STATUS_OK) {
        fprintf(stderr, "aegis: issuer '%.*s': %s\n", SLICE_ARG(config->issuers[issuer].name),
                diag.message);
    }
    return STATUS_OK;
}

/* Asked for four times a second, so nothing is said here: the worker says what has changed. */
static enum status read_revocations(const struct supervisor *s, struct control_message *message,
                                    int *document)
{
    const struct config *config = newest_config(s);
    uint64_t before = message->stamp;
    struct diag diag = {0};
    struct buf text;
    message->is_done = 1;
    if (config->revocations.len == 0) {
        return STATUS_OK; /* the worker is about to hear that */
    }
    buf_init(&text, (size_t)config->limits.revocation_bytes, NULL);
    enum status status = revocation_file_read(config, &message->stamp, &text, &diag);
    if (status == STATUS_OK && message->stamp != before) {
        status = file_unnamed(buf_view(&text), document, &diag);
    }
    buf_release(&text);
    message->is_done = status == STATUS_OK ? 1 : 0;
    return STATUS_OK;
}

/* -- the worker ------------------------------------------------------------------------------ */

/* Theirs go to the worker and are closed here. */
static enum status make_channels(struct supervisor *s, int own[OWN_CHANNELS],
                                 int theirs[LISTENERS_MAX], size_t *made)
{
    int *const ours[OWN_CHANNELS] = {&s->worker.control, &s->worker.keys, &s->worker.signing};
    int ends[2];
    for (size_t i = 0; i < OWN_CHANNELS; i++) {
        TRY(channel_pair(ends));
        *ours[i] = ends[0];
        own[i] = ends[1];
    }
    for (*made = 0; *made < s->listeners.count; (*made)++) {
        TRY(channel_pair(ends));
        s->worker.channels[*made] = ends[0];
        theirs[*made] = ends[1];
    }
    return STATUS_OK;
}

static enum status send_start(struct supervisor *s, const int theirs[LISTENERS_MAX])
{
    int descriptors[1 + 2 * LISTENERS_MAX];
    size_t count = s->listeners.count;
    struct control_message message = {
        .type = CONTROL_START, .loop_count = (uint32_t)count, .port = s->listeners.port};
    message.sealing = s->sealing;
    descriptors[0] = accepted(s)->parcel;
    memcpy(&descriptors[1], s->listeners.descriptors, count * sizeof(int));
    memcpy(&descriptors[1 + count], theirs, count * sizeof(int));
    return channel_send(s->worker.control, slice_of(&message, sizeof(message)), descriptors,
                        1 + 2 * count);
}

static int spawn_worker(struct supervisor *s, const int own[OWN_CHANNELS])
{
    static const char *const ARGV[] = {"aegis", WORKER_COMMAND, NULL};
    const struct config *config = s->first.inputs.config;
    /* This very program, wherever it lies and even when it was replaced on disk. */
    const struct program program = {
        .file = "/proc/self/exe",
        .argv = ARGV,
        .environment = s->worker_environment,
        .directory =
            config->audit.mode == CONFIG_AUDIT_OFF ? "/" : (const char *)config->audit.dir.ptr,
        .has_user = s->run_as.changes,
        .user = s->run_as.worker.user,
        .group = s->run_as.worker.group,
    };
    static_assert(WORKER_CHANNEL == 3 && WORKER_KEYS_CHANNEL == 4 && WORKER_SIGNING_CHANNEL == 5 &&
                      WORKER_SPOOL == 6,
                  "their places below");
    const int descriptors[] = {0, 1, 2, own[0], own[1], own[2], s->spool.descriptor};
    size_t count = COUNT_OF(descriptors) - (s->spool.descriptor < 0 ? 1 : 0);
    return spawn_start(&program, descriptors, count, &s->worker.spawned);
}

static void forget_worker(struct supervisor *s)
{
    process_server_end_all(&s->server);
    close_descriptor(&s->worker.control);
    close_descriptor(&s->worker.keys);
    close_descriptor(&s->worker.signing);
    for (size_t i = 0; i < LISTENERS_MAX; i++) {
        close_descriptor(&s->worker.channels[i]);
    }
    release_reading(&s->pending);
    s->worker.is_ready = false;
}

static void schedule_restart(struct supervisor *s)
{
    int64_t now_ms = runtime_mono_ms(NULL);
    bool was_stable = now_ms - s->worker.started_ms >= STABLE_MS;
    int64_t next_ms = was_stable || s->backoff_ms == 0 ? BACKOFF_MIN_MS : s->backoff_ms * 2;
    s->backoff_ms = next_ms < BACKOFF_MAX_MS ? next_ms : BACKOFF_MAX_MS;
    s->deadline_ms = now_ms + s->backoff_ms;
    s->phase = PHASE_WAITING;
    fprintf(stderr, "aegis: the worker is started again in %lld ms\n", (long long)s->backoff_ms);
}

static enum status need_sealing(struct supervisor *s)
{
    struct port_random random = system_random();
    int64_t period_s = config_sealing_period_s(&newest_config(s)->limits);
    TRY(s->has_sealing ? sealing_keys_turn(&s->sealing, &random, wall_s(), period_s)
                       : sealing_keys_draw(&s->sealing, &random, wall_s(), period_s));
    s->has_sealing = true;
    return STATUS_OK;
}

static void start_worker(struct supervisor *s)
{
    int own[OWN_CHANNELS] = {-1, -1, -1};
    int theirs[LISTENERS_MAX];
    size_t made = 0;
    s->worker.started_ms = runtime_mono_ms(NULL);
    checkpoint_notary_begin(&s->notary);
    enum status status = need_sealing(s);
    if (status == STATUS_OK) {
        status = make_channels(s, own, theirs, &made);
    }
    int error = status == STATUS_OK ? spawn_worker(s, own) : errno;
    if (error == 0) {
        memcpy(s->server.channels, s->worker.channels, sizeof(s->server.channels));
        s->server.channel_count = s->listeners.count;
        s->phase = PHASE_RUNNING;
        /* A worker that dies before it reads this is seen to have ended. */
        (void)!send_start(s, theirs);
    }
    for (size_t i = 0; i < made; i++) {
        (void)close(theirs[i]);
    }
    for (size_t i = 0; i < OWN_CHANNELS; i++) {
        close_descriptor(&own[i]);
    }
    if (error != 0) {
        fprintf(stderr, "aegis: cannot start the worker: %s\n", strerror(error));
        forget_worker(s);
        schedule_restart(s);
    }
}

static void report_end(const struct supervisor *s, const struct process_end *end)
{
    if (end->signal_number != 0) {
        fprintf(stderr, "aegis: the worker (process %ld) was ended by signal %d (%s)%s\n",
                (long)s->worker.spawned.pid, end->signal_number, strsignal(end->signal_number),
                end->signal_number == SIGSYS ? ": it tried what no worker does" : "");
    } else {
        fprintf(stderr, "aegis: the worker (process %ld) ended with code %d\n",
                (long)s->worker.spawned.pid, end->code);
    }
}

static void on_worker_end(struct supervisor *s)
{
    struct process_end end = {0};
    bool is_first = !s->was_ready;
    spawn_reap(&s->worker.spawned, &end);
    s->has_sealing = s->has_sealing && end.signal_number != SIGSYS;
    forget_worker(s);
    bool is_orderly = end.signal_number == 0 && end.code == 0;
    if (s->phase == PHASE_STOPPING) {
        if (!is_orderly) {
            report_end(s, &end);
            s->result = STATUS_UNAVAILABLE;
        }
        s->phase = PHASE_OVER;
        return;
    }
    report_end(s, &end);
    if (is_first) {
        fputs("aegis: nothing can be served\n", stderr);
        s->result = STATUS_UNAVAILABLE;
        s->phase = PHASE_OVER;
        return;
    }
    schedule_restart(s);
}

static void kill_worker(struct supervisor *s, const char *why)
{
    fprintf(stderr, "aegis: the worker is ended: %s\n", why);
    s->has_sealing = false;
    spawn_signal(&s->worker.spawned, PROCESS_KILL);
}

static void on_ready(struct supervisor *s)
{
    s->worker.is_ready = true;
    if (s->was_ready) {
        fprintf(stderr, "aegis: a new worker (process %ld) serves clients\n",
                (long)s->worker.spawned.pid);
        return;
    }
    s->was_ready = true;
    listeners_announce(s->first.inputs.config, s->listeners.port);
}

static void on_reloaded(struct supervisor *s, bool is_done)
{
    if (is_done && s->pending.parcel >= 0) {
        release_reading(&s->later);
        s->later = s->pending;
        s->pending = (struct reading){.parcel = -1};
        arena_init(&s->pending.arena, INPUTS_BYTES_MAX, NULL);
    }
    release_reading(&s->pending);
}

static enum status read_wanted(struct supervisor *s, struct control_message *message, int *document)
{
    if (message->type == CONTROL_REVOCATIONS) {
        return read_revocations(s, message, document);
    }
    if (message->type == CONTROL_SEALING) {
        (void)!need_sealing(s); /* those that there are go on being used */
        message->sealing = s->sealing;
        return STATUS_OK;
    }
    return message->type == CONTROL_KEYS ? read_keys(s, message->issuer, document) : STATUS_INVALID;
}

static void on_keys_wanted(struct supervisor *s)
{
    struct control_message message = {0};
    struct channel_received received = {0};
    int document = -1;
    enum status status = channel_receive(s->worker.keys, &message, sizeof(message), &received);
    channel_close_received(&received);
    if (status == STATUS_OK) {
        status = read_wanted(s, &message, &document);
    }
    if (status == STATUS_OK) {
        status = channel_send(s->worker.keys, slice_of(&message, sizeof(message)), &document,
                              document >= 0 ? 1 : 0);
    }
    close_descriptor(&document);
    if (status == STATUS_INVALID || status == STATUS_LIMIT) {
        kill_worker(s, "it broke the rules of its keys channel");
    } else if (status == STATUS_UNAVAILABLE) {
        close_descriptor(&s->worker.keys);
    }
}

/* The worker writes the journal, but cannot sign what it says of the past. */
static void on_signing_wanted(struct supervisor *s)
{
    struct diag diag = {0};
    enum status status = signing_channel_serve(s->worker.signing, &s->notary, runtime_mono_ms(NULL),
                                               runtime_wall_ms(NULL), &diag);
    if (status == STATUS_UNAVAILABLE) {
        close_descriptor(&s->worker.signing);
    } else if (status != STATUS_OK) {
        kill_worker(s, diag.message);
    }
}

static void on_control(struct supervisor *s)
{
    struct control_message message = {0};
    struct channel_received received = {0};
    enum status status = channel_receive(s->worker.control, &message, sizeof(message), &received);
    if (status == STATUS_NOT_FOUND) {
        return;
    }
    channel_close_received(&received);
    if (status == STATUS_UNAVAILABLE) {
        /* Its end is about to be seen; what it has left open is not listened to. */
        close_descriptor(&s->worker.control);
    } else if (status == STATUS_OK && message.type == CONTROL_READY) {
        on_ready(s);
    } else if (status == STATUS_OK && message.type == CONTROL_RELOADED) {
        on_reloaded(s, message.is_done != 0);
    } else {
        kill_worker(s, "it broke the rules of its control channel");
    }
}

/* -- signals --------------------------------------------------------------------------------- */

/* Files are read here, with our rights; the worker judges what is in them. */
static enum status read_again(struct supervisor *s)
{
    struct diag diag = {0};
    TRY(load(s, &s->pending));
    if (!inputs_fit(s->first.inputs.config, s->pending.inputs.config)) {
        fputs("aegis: the list of servers or the journal changed; restart to use it\n", stderr);
        return STATUS_INVALID;
    }
    enum status status = parcel_pack(&s->pending.inputs, &s->pending.parcel, &diag);
    if (status != STATUS_OK) {
        fprintf(stderr, "aegis: %s\n", diag.message);
    }
    return status;
}

static enum status pass_on(struct supervisor *s)
{
    struct control_message message = {.type = CONTROL_RELOAD};
    TRY(channel_send(s->worker.control, slice_of(&message, sizeof(message)), &s->pending.parcel,
                     1));
    return kill(s->worker.spawned.pid, SIGHUP) == 0 ? STATUS_OK : STATUS_UNAVAILABLE;
}

static void reload(struct supervisor *s)
{
    if (s->phase != PHASE_RUNNING || !s->worker.is_ready || s->pending.parcel >= 0) {
        s->is_reload_wanted = s->phase == PHASE_RUNNING;
        return;
    }
    s->is_reload_wanted = false;
    if (read_again(s) != STATUS_OK || pass_on(s) != STATUS_OK) {
        release_reading(&s->pending);
        fputs("aegis: reload refused, the old configuration stays in force\n", stderr);
    }
}

/* The first lets running calls finish, the second does not. */
static void stop(struct supervisor *s)
{
    /* Once the worker closes its own, nobody waits in a queue that nobody empties. */
    listeners_close(&s->listeners);
    if (s->phase == PHASE_WAITING) {
        s->phase = PHASE_OVER;
        return;
    }
    (void)kill(s->worker.spawned.pid, SIGTERM);
    if (s->phase != PHASE_STOPPING) {
        s->phase = PHASE_STOPPING;
        s->deadline_ms =
            runtime_mono_ms(NULL) + s->first.inputs.config->limits.drain_timeout_ms + STOP_EXTRA_MS;
    }
}

static void on_signal(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP) {
            reload(s);
        } else {
            stop(s);
        }
    }
}

/* -- the loop -------------------------------------------------------------------------------- */

static int wait_ms(const struct supervisor *s)
{
    int64_t left_ms = s->deadline_ms - runtime_mono_ms(NULL);
    if (s->phase == PHASE_RUNNING) {
        return -1;
    }
    return left_ms > 0 ? (int)left_ms + 1 : 0;
}

static void on_time(struct supervisor *s)
{
    if (s->phase == PHASE_WAITING) {
        start_worker(s);
    } else if (s->phase == PHASE_STOPPING) {
        kill_worker(s, "it does not stop");
        s->deadline_ms = runtime_mono_ms(NULL) + STOP_EXTRA_MS;
    }
}

/* A child's end and the worker's messages first: what the worker still asked for is done before its
 * own end is looked at. */
static void turn(struct supervisor *s)
{
    struct pollfd polls[FIXED_POLLS + PROCESS_SERVER_POLL_MAX] = {
        {.fd = s->signals, .events = POLLIN},
        {.fd = s->worker.control, .events = POLLIN},
        {.fd = s->worker.keys, .events = POLLIN},
        {.fd = s->worker.spawned.pidfd, .events = POLLIN},
        {.fd = s->worker.signing, .events = POLLIN},
    };
    size_t served = process_server_polls(&s->server, polls + FIXED_POLLS);
    int count = poll(polls, FIXED_POLLS + served, wait_ms(s));
    if (count == 0) {
        on_time(s);
        return;
    }
    if (count < 0) {
        return;
    }
    enum status status = process_server_step(&s->server, polls + FIXED_POLLS, served);
    if (polls[1].revents != 0) {
        on_control(s);
    }
    if (polls[2].revents != 0) {
        on_keys_wanted(s);
    }
    if (polls[4].revents != 0) {
        on_signing_wanted(s);
    }
    if (polls[3].revents != 0) {
        on_worker_end(s);
    } else if (status == STATUS_INVALID || status == STATUS_LIMIT) {
        kill_worker(s, "it broke the rules of its process channel");
    }
    if (polls[0].revents != 0) {
        on_signal(s);
    }
    if (s->is_reload_wanted && s->worker.is_ready && s->pending.parcel < 0) {
        reload(s);
    }
}

/* -- start and end --------------------------------------------------------------------------- */

static enum status open_signals(struct supervisor *s)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return STATUS_UNAVAILABLE;
    }
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signals >= 0 ? STATUS_OK : STATUS_UNAVAILABLE;
}

static void report_users(const struct run_as *run_as)
{
    if (!run_as->changes) {
        return;
    }
    fprintf(stderr, "aegis: the worker runs as '%s', stdio servers as '%s'\n", run_as->worker.name,
            run_as->servers.name);
    if (run_as->worker.user == run_as->servers.user) {
        fputs("aegis: stdio servers share the worker's user and can change its journal; create a "
              "user 'aegis' or set 'process.user'\n",
              stderr);
    }
}

static enum status open_audit(struct supervisor *s, struct diag *diag)
{
    const struct config *config = s->first.inputs.config;
    if (config->audit.mode == CONFIG_AUDIT_OFF) {
        return STATUS_OK;
    }
    TRY(spool_place_open((const char *)config->audit.dir.ptr, &s->spool, diag));
    TRY(signing_key_open(s->first.inputs.audit_key_path, &s->signing_key, diag));
    checkpoint_notary_init(&s->notary, s->signing_key,
                           (uint32_t)config->limits.journal_checkpoint_records,
                           config->limits.journal_checkpoint_ms);
    return STATUS_OK;
}

static enum status prepare(struct supervisor *s, struct diag *diag)
{
    const struct config *config = s->first.inputs.config;
    TRY(process_guard_apply(diag));
    (void)descriptors_raise(); /* for the worker, which cannot */
    TRY(run_as_find(config, &s->arena, &s->run_as, diag));
    TRY(worker_environment_make(config, &s->arena, &s->worker_environment));
    TRY(programs_build(config, &s->run_as, &s->arena, &s->programs));
    process_server_init(&s->server, s->programs, config->server_count);
    TRY(listeners_bind(config, &s->listeners, diag));
    TRY(run_as_prepare_state(config, &s->run_as, diag));
    TRY(open_audit(s, diag));
    TRY(parcel_pack(&s->first.inputs, &s->first.parcel, diag));
    TRY(open_signals(s));
    report_users(&s->run_as);
    return programs_check(config, s->programs, diag);
}

static enum status run(struct supervisor *s, struct diag *diag)
{
    TRY(load(s, &s->first));
    TRY(prepare(s, diag));
    start_worker(s);
    while (s->phase != PHASE_OVER) {
        turn(s);
    }
    return s->result;
}

static void release(struct supervisor *s)
{
    forget_worker(s);
    listeners_close(&s->listeners);
    release_reading(&s->first);
    release_reading(&s->later);
    close_descriptor(&s->signals);
    spool_place_close(&s->spool);
    signing_key_free(s->signing_key);
    arena_release(&s->arena);
}

enum status supervisor_run(const char *config_path)
{
    static struct supervisor s;
    struct diag diag = {0};
    s = (struct supervisor){
        .config_path = config_path,
        .signals = -1,
        .spool = SPOOL_PLACE_NONE,
        .first.parcel = -1,
        .later.parcel = -1,
        .pending.parcel = -1,
        .worker = {.spawned = {.pidfd = -1}, .control = -1, .keys = -1, .signing = -1}};
    for (size_t i = 0; i < LISTENERS_MAX; i++) {
        s.worker.channels[i] = -1;
    }
    arena_init(&s.arena, INPUTS_BYTES_MAX, NULL);
    arena_init(&s.first.arena, INPUTS_BYTES_MAX, NULL);
    arena_init(&s.later.arena, INPUTS_BYTES_MAX, NULL);
    arena_init(&s.pending.arena, INPUTS_BYTES_MAX, NULL);
    enum status status = run(&s, &diag);
    if (diag.message[0] != '\0') {
        fprintf(stderr, "aegis: %s\n", diag.message);
    }
    release(&s);
    return status;
}
