#include "daemon/standalone.h"

#include "daemon/network.h"
#include "daemon/process_guard.h"
#include "daemon/programs.h"
#include "daemon/run_as.h"
#include "daemon/serving.h"

#include <stdio.h>

#define INPUTS_BYTES_MAX ((size_t)64 << 20)

struct host {
    const struct standalone *standalone;
    uint16_t port;
    struct signing_key *key; /* of the journal's checkpoints; NULL without audit */
    struct checkpoint_signer signer;
};

static void on_ready(void *context)
{
    const struct host *host = context;
    if (!host->standalone->is_stdio) {
        listeners_announce(host->standalone->config, host->port);
    }
}

static enum status read_inputs(const struct standalone *standalone, struct arena *arena,
                               struct inputs *out)
{
    struct config_report report = {0};
    enum status status = inputs_of_config(standalone->config, arena, out, &report);
    if (status != STATUS_OK) {
        config_report_print(stderr, &report);
        return status;
    }
    if (standalone->builtin_policies.len > 0) {
        out->policies =
            (struct policy_files){arena_alloc_zero(arena, 1, sizeof(struct cedar_source)), 1};
        if (out->policies.sources == NULL) {
            return STATUS_LIMIT;
        }
        out->policies.sources[0] =
            (struct cedar_source){SLICE("built-in"), standalone->builtin_policies};
    }
    return STATUS_OK;
}

static enum status on_reload(void *context, struct arena *arena, struct inputs *out)
{
    return read_inputs(((struct host *)context)->standalone, arena, out);
}

static void on_reloaded(void *context, bool is_done)
{
    (void)context;
    (void)is_done;
}

static enum status prepare(const struct standalone *standalone, struct arena *arena,
                           struct inputs *inputs, struct program **programs, struct diag *diag)
{
    const struct run_as run_as = {0};
    TRY(process_guard_apply(diag));
    TRY(run_as_prepare_state(standalone->config, &run_as, diag));
    TRY(read_inputs(standalone, arena, inputs));
    TRY(programs_build(standalone->config, &run_as, arena, programs));
    return programs_check(standalone->config, *programs, diag);
}

static enum status open_key(struct host *host, const struct inputs *inputs, struct diag *diag)
{
    if (host->standalone->no_audit || inputs->config->audit.mode == CONFIG_AUDIT_OFF) {
        return STATUS_OK;
    }
    TRY(signing_key_open(inputs->audit_key_path, &host->key, diag));
    host->signer = checkpoint_signer_of_key(host->key);
    return STATUS_OK;
}

static enum status serve(struct host *host, struct arena *arena, struct diag *diag)
{
    const struct standalone *standalone = host->standalone;
    struct inputs inputs = {0};
    struct program *programs = NULL;
    struct listeners listeners;
    TRY(prepare(standalone, arena, &inputs, &programs, diag));
    TRY(open_key(host, &inputs, diag));
    TRY(key_sets_prepare(standalone->config, diag));
    if (standalone->is_stdio) {
        listeners = (struct listeners){.descriptors = {-1}, .count = 1};
    } else {
        TRY(standalone->network->bind(standalone->config, &listeners, diag));
    }
    host->port = listeners.port;
    struct serving_plan plan = {.inputs = &inputs,
                                .listeners = &listeners,
                                .programs = programs,
                                .signer = host->key == NULL ? NULL : &host->signer,
                                .host = {.context = host,
                                         .ready = on_ready,
                                         .reload = on_reload,
                                         .read_keys = key_sets_read,
                                         .read_revocations = revocation_file_read,
                                         .reloaded = on_reloaded},
                                .bearer = standalone->bearer,
                                .no_auth = standalone->no_auth,
                                .is_proxy = true,
                                .is_stdio = standalone->is_stdio,
                                .network = standalone->network};
    return serving_run(&plan);
}

enum status standalone_run(const struct standalone *standalone)
{
    struct arena arena;
    struct diag diag = {0};
    arena_init(&arena, INPUTS_BYTES_MAX, NULL);
    struct host host = {.standalone = standalone};
    enum status status = serve(&host, &arena, &diag);
    signing_key_free(host.key);
    if (diag.message[0] != '\0') {
        fprintf(stderr, "aegis: %s\n", diag.message);
    }
    arena_release(&arena);
    return status;
}
