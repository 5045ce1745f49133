#include "daemon/worker.h"

#include "adapters/journal/signing_channel.h"
#include "adapters/journal/spool.h"
#include "adapters/process/channel.h"
#include "adapters/sandbox/sandbox.h"
#include "daemon/control_message.h"
#include "daemon/file.h"
#include "daemon/key_sets.h"
#include "daemon/network.h"
#include "daemon/parcel.h"
#include "daemon/process_guard.h"
#include "daemon/serving.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define INPUTS_BYTES_MAX ((size_t)128 << 20)

struct worker {
    struct arena arena; /* of the inputs it started with */
    struct inputs inputs;
    struct parcel_files files; /* read until clients are served */
    struct listeners listeners;
    int process_channels[LISTENERS_MAX];
    struct sealing_keys sealing;
    struct signing_client signing;
    struct checkpoint_signer signer; /* of the journal: the supervisor, which has the key */
    struct spool spool;
};

static void tell(enum control_type type, bool is_done)
{
    struct control_message message = {.type = (uint32_t)type, .is_done = is_done ? 1 : 0};
    /* Without a supervisor this process is about to be killed. */
    (void)!channel_send(WORKER_CHANNEL, slice_of(&message, sizeof(message)), NULL, 0);
}

static enum status unpack(int parcel, struct arena *arena, struct inputs *out,
                          struct parcel_files *files)
{
    struct config_report report = {0};
    enum status status = parcel_unpack(parcel, arena, out, files, &report);
    if (status == STATUS_INVALID) {
        config_report_print(stderr, &report);
    }
    return status;
}

/* -- start ----------------------------------------------------------------------------------- */

static enum status receive_start(struct control_message *message, struct channel_received *received,
                                 struct diag *diag)
{
    struct pollfd wait = {.fd = WORKER_CHANNEL, .events = POLLIN};
    (void)poll(&wait, 1, -1);
    enum status status = channel_receive(WORKER_CHANNEL, message, sizeof(*message), received);
    size_t loops = message->loop_count;
    if (status == STATUS_OK && message->type == CONTROL_START && loops > 0 &&
        loops <= LISTENERS_MAX && received->descriptor_count == 1 + 2 * loops) {
        return STATUS_OK;
    }
    return diag_fail(diag, STATUS_INVALID, "worker.start",
                     "'aegis worker' is started by 'aegis serve' only");
}

static enum status take_start(struct worker *worker, struct diag *diag)
{
    struct control_message message = {0};
    struct channel_received received = {0};
    TRY(receive_start(&message, &received, diag));
    size_t loops = message.loop_count;
    worker->listeners = (struct listeners){.count = loops, .port = (uint16_t)message.port};
    memcpy(worker->listeners.descriptors, &received.descriptors[1], loops * sizeof(int));
    memcpy(worker->process_channels, &received.descriptors[1 + loops], loops * sizeof(int));
    worker->sealing = message.sealing;
    enum status status =
        unpack(received.descriptors[0], &worker->arena, &worker->inputs, &worker->files);
    (void)close(received.descriptors[0]);
    return status == STATUS_OK
               ? STATUS_OK
               : diag_fail(diag, status, "worker.start", "what the supervisor read cannot be used");
}

static enum status restrict_self(const struct worker *worker, struct diag *diag)
{
    struct sandbox_report report = {0};
    bool has_journal = worker->inputs.config->audit.mode != CONFIG_AUDIT_OFF;
    (void)prctl(PR_SET_NAME, "aegis-worker");
    TRY(process_guard_apply(diag));
    TRY(sandbox_enter(has_journal ? "." : NULL, &report, diag));
    if (report.landlock_abi > 0) {
        fprintf(stderr, "aegis: the worker's system calls are filtered, its files by landlock %d\n",
                report.landlock_abi);
    } else {
        fputs("aegis: the worker's system calls are filtered; this kernel has no landlock, so its "
              "user alone guards files from it\n",
              stderr);
    }
    return STATUS_OK;
}

/* -- while it runs --------------------------------------------------------------------------- */

static void on_ready(void *context)
{
    struct worker *worker = context;
    parcel_close(&worker->files);
    tell(CONTROL_READY, true);
}

static enum status on_reload(void *context, struct arena *arena, struct inputs *out)
{
    struct control_message message = {0};
    struct channel_received received = {0};
    struct worker *worker = context;
    enum status status = channel_receive(WORKER_CHANNEL, &message, sizeof(message), &received);
    if (status != STATUS_OK) {
        return status;
    }
    if (message.type == CONTROL_RELOAD && received.descriptor_count == 1) {
        status = unpack(received.descriptors[0], arena, out, &worker->files);
    } else {
        status = STATUS_INVALID;
    }
    channel_close_received(&received);
    return status;
}

/* Waits for the supervisor as it would for a file. */
static enum status ask(struct control_message *message, struct channel_received *received)
{
    struct pollfd wait = {.fd = WORKER_KEYS_CHANNEL, .events = POLLIN};
    TRY(channel_send(WORKER_KEYS_CHANNEL, slice_of(message, sizeof(*message)), NULL, 0));
    while (poll(&wait, 1, -1) < 0 && errno == EINTR) {
    }
    return channel_receive(WORKER_KEYS_CHANNEL, message, sizeof(*message), received);
}

static enum status ask_for_keys(uint32_t issuer, struct buf *out)
{
    struct control_message message = {.type = CONTROL_KEYS, .issuer = issuer};
    struct channel_received received = {0};
    TRY(ask(&message, &received));
    enum status status = received.descriptor_count == 1
                             ? file_read_unnamed(received.descriptors[0], out)
                             : STATUS_NOT_FOUND;
    channel_close_received(&received);
    return status;
}

static enum status read_keys(const struct config *config, const struct config_issuer *issuer,
                             struct buf *out, struct diag *diag)
{
    if (key_sets_is_remote(issuer)) {
        return key_sets_read(config, issuer, out, diag);
    }
    enum status status = ask_for_keys((uint32_t)(issuer - config->issuers), out);
    return status == STATUS_OK
               ? STATUS_OK
               : diag_fail(diag, status, "jwks.file", "the supervisor cannot read the key file");
}

static enum status read_revocations(const struct config *config, uint64_t *stamp, struct buf *out,
                                    struct diag *diag)
{
    struct control_message message = {.type = CONTROL_REVOCATIONS, .stamp = *stamp};
    struct channel_received received = {0};
    enum status status = ask(&message, &received);
    if (status == STATUS_OK && message.is_done == 0) {
        status = STATUS_NOT_FOUND;
    } else if (status == STATUS_OK && received.descriptor_count == 1) {
        status = file_read_unnamed(received.descriptors[0], out);
        *stamp = message.stamp;
    }
    channel_close_received(&received);
    return status == STATUS_OK
               ? STATUS_OK
               : diag_fail(diag, status, "revocation.file", "the supervisor cannot read '%.*s'",
                           SLICE_ARG(config->revocations));
}

static enum status read_sealing(const struct config *config, struct sealing_keys *out)
{
    struct control_message message = {.type = CONTROL_SEALING};
    struct channel_received received = {0};
    (void)config;
    enum status status = ask(&message, &received);
    channel_close_received(&received);
    if (status == STATUS_OK) {
        *out = message.sealing;
    }
    return status;
}

static enum status open_spool(struct worker *worker, struct diag *diag)
{
    if (worker->inputs.config->audit.mode == CONFIG_AUDIT_OFF) {
        return STATUS_OK;
    }
    enum status status = spool_open(WORKER_SPOOL, &worker->spool, diag);
    (void)close(WORKER_SPOOL);
    return status;
}

/* *out stays NULL without audit, and only then. */
static enum status find_signer(struct worker *worker, const struct checkpoint_signer **out,
                               struct diag *diag)
{
    struct slice key = worker->inputs.audit_public;
    if (worker->inputs.config->audit.mode == CONFIG_AUDIT_OFF) {
        return STATUS_OK;
    }
    if (key.len != SIGNING_PUBLIC_BYTES) {
        return diag_fail(diag, STATUS_INVALID, "worker.parcel",
                         "there is no key for the checkpoints of the journal");
    }
    worker->signing =
        (struct signing_client){.channel = WORKER_SIGNING_CHANNEL, .wait_ms = SIGNING_WAIT_MS};
    worker->signer = signing_client_signer(&worker->signing, key.ptr);
    *out = &worker->signer;
    return STATUS_OK;
}

static void on_reloaded(void *context, bool is_done)
{
    parcel_close(&((struct worker *)context)->files);
    tell(CONTROL_RELOADED, is_done);
}

static enum status serve(struct worker *worker, struct diag *diag)
{
    TRY(take_start(worker, diag));
    TRY(key_sets_prepare(worker->inputs.config, diag));
    TRY(restrict_self(worker, diag));
    TRY(open_spool(worker, diag));
    const struct checkpoint_signer *signer = NULL;
    TRY(find_signer(worker, &signer, diag));
    struct serving_plan plan = {.inputs = &worker->inputs,
                                .listeners = &worker->listeners,
                                .process_channels = worker->process_channels,
                                .signer = signer,
                                .spool = &worker->spool,
                                .sealing = &worker->sealing,
                                .network = network_http(),
                                .host = {.context = worker,
                                         .ready = on_ready,
                                         .reload = on_reload,
                                         .read_keys = read_keys,
                                         .read_revocations = read_revocations,
                                         .read_sealing = read_sealing,
                                         .reloaded = on_reloaded}};
    return serving_run(&plan);
}

enum status worker_run(void)
{
    static struct worker worker;
    struct diag diag = {0};
    arena_init(&worker.arena, INPUTS_BYTES_MAX, NULL);
    enum status status = serve(&worker, &diag);
    if (diag.message[0] != '\0') {
        fprintf(stderr, "aegis: %s\n", diag.message);
    }
    parcel_close(&worker.files);
    spool_close(&worker.spool);
    arena_release(&worker.arena);
    return status;
}
