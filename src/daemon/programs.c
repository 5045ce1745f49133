#include "daemon/programs.h"

#include "adapters/process/program_environment.h"
#include "daemon/inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH_BYTES 4096

static enum status add_variable(struct arena *arena, const char **list, size_t *count,
                                struct slice name, struct slice value)
{
    struct slice text;
    TRY(arena_format(arena, &text, "%.*s=%.*s", SLICE_ARG(name), SLICE_ARG(value)));
    list[(*count)++] = (const char *)text.ptr;
    return STATUS_OK;
}

static bool sets_home(const struct config_server *server)
{
    for (size_t i = 0; i < server->env_count; i++) {
        if (slice_eq(server->env[i].name, SLICE("HOME"))) {
            return true;
        }
    }
    return false;
}

/* The configured variables, and a credential that goes into the environment.
 * STATUS_NOT_FOUND: the credential cannot be read. */
static enum status build_environment(const struct config_server *server,
                                     const struct run_as *run_as, struct arena *arena,
                                     const char *const **out)
{
    const char **list = arena_alloc_zero(arena, server->env_count + 3, sizeof(*list));
    size_t count = 0;
    if (list == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < server->env_count; i++) {
        TRY(add_variable(arena, list, &count, server->env[i].name, server->env[i].value));
    }
    if (server->credential.kind == CONFIG_CREDENTIAL_ENV) {
        struct slice secret;
        TRY(inputs_secret(&server->credential, arena, &secret));
        TRY(add_variable(arena, list, &count, server->credential.name, secret));
    }
    /* Behind what the configuration sets, which wins: our home is of no use to another user. */
    if (run_as->changes && !sets_home(server)) {
        TRY(add_variable(arena, list, &count, SLICE("HOME"),
                         slice_view_cstr(run_as->servers.home)));
    }
    return program_environment_make(list, arena, out);
}

static enum status build_program(const struct config_server *server, const struct run_as *run_as,
                                 struct arena *arena, struct program *program)
{
    const char **argv = arena_alloc_zero(arena, server->command.count + 1, sizeof(*argv));
    if (argv == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < server->command.count; i++) {
        argv[i] = (const char *)server->command.items[i].ptr;
    }
    enum status status = build_environment(server, run_as, arena, &program->environment);
    if (status == STATUS_LIMIT) {
        return status;
    }
    if (status != STATUS_OK) {
        fprintf(stderr,
                "aegis: server '%.*s' is not started: its credential cannot be read; check the "
                "variable or file it names\n",
                SLICE_ARG(server->name));
        return STATUS_OK;
    }
    program->argv = argv;
    program->has_user = run_as->changes;
    program->user = run_as->servers.user;
    program->group = run_as->servers.group;
    return STATUS_OK;
}

enum status programs_build(const struct config *config, const struct run_as *run_as,
                           struct arena *arena, struct program **out)
{
    struct program *programs = arena_alloc_zero(arena, config->server_count, sizeof(*programs));
    struct program_limits *limits = arena_alloc(arena, sizeof(*limits));
    if (programs == NULL || limits == NULL) {
        return STATUS_LIMIT;
    }
    *limits = (struct program_limits){.data_bytes = (size_t)config->limits.stdio_data_bytes,
                                      .descriptors = (size_t)config->limits.stdio_descriptors};
    for (size_t i = 0; i < config->server_count; i++) {
        if (config->servers[i].command.count > 0) {
            programs[i].limits = limits;
            TRY(build_program(&config->servers[i], run_as, arena, &programs[i]));
        }
    }
    *out = programs;
    return STATUS_OK;
}

/* Where execvp looks: a name without '/' in the folders of PATH. */
static bool is_found(const char *name, struct slice folders)
{
    if (slice_find_byte(slice_view_cstr(name), '/') < slice_view_cstr(name).len) {
        return true; /* looked at when the configuration was read */
    }
    while (folders.len > 0) {
        char path[PATH_BYTES];
        struct slice folder = slice_sub(folders, 0, slice_find_byte(folders, ':'));
        folders = slice_sub(folders, folder.len + 1, folders.len);
        (void)snprintf(path, sizeof(path), "%.*s/%s", SLICE_ARG(folder), name);
        if (access(path, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

enum status programs_check(const struct config *config, const struct program *programs,
                           struct diag *diag)
{
    size_t missing = 0;
    for (size_t i = 0; i < config->server_count; i++) {
        const struct config_server *server = &config->servers[i];
        if (programs[i].argv == NULL) {
            continue;
        }
        if (!is_found(programs[i].argv[0], slice_view_cstr(getenv("PATH")))) {
            fprintf(stderr,
                    "aegis: %.*s:%u: server '%.*s' is unavailable: there is no '%s' in PATH; "
                    "install it, or correct 'command'; the other servers are served\n",
                    SLICE_ARG(config->file), server->place.line, SLICE_ARG(server->name),
                    programs[i].argv[0]);
            missing++;
        }
    }
    if (missing > 0 && missing == config->server_count) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "programs.none",
                         "there is nothing to serve: no server's command can be found");
    }
    return STATUS_OK;
}
