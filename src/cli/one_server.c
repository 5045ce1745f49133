#include "cli/one_server.h"

#include "base/buf.h"
#include "cli/command.h"
#include "cli/state_folder.h"
#include "daemon/standalone.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)32 << 20)
#define TEXT_BYTES_MAX ((size_t)1 << 20)

/* The pack `local`: whoever this process authenticates may use its one server, which may not use
 * the client's model. */
#define LOCAL_POLICIES                                                                             \
    SLICE("@id(\"local\") permit (principal, action, resource in Aegis::Server::\"upstream\");\n"  \
          "@id(\"local.sampling\") @reason(\"the pack 'local' lets no server use your model\")\n"  \
          "forbid (principal, action in Aegis::Action::\"sampling/createMessage\", resource);\n")

static void put_text(struct buf *yaml, struct slice key, const char *value)
{
    buf_append(yaml, key);
    buf_append_json_string(yaml, slice_view_cstr(value));
    buf_append_byte(yaml, '\n');
}

/* A value in two parts. */
static void put_texts(struct buf *yaml, struct slice key, const char *first, const char *second)
{
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    buf_append(&text, slice_view_cstr(first));
    buf_append(&text, slice_view_cstr(second));
    buf_append(yaml, key);
    buf_append_json_string(yaml, buf_view(&text));
    buf_append_byte(yaml, '\n');
    yaml->failed = yaml->failed || text.failed;
    buf_release(&text);
}

/* A list of the texts between the commas. */
static void put_list(struct buf *yaml, struct slice key, struct slice texts)
{
    struct slice before = SLICE_EMPTY;
    buf_append(yaml, key);
    buf_append_byte(yaml, '[');
    while (texts.len > 0) {
        size_t comma = slice_find_byte(texts, ',');
        buf_append(yaml, before);
        buf_append_json_string(yaml, slice_sub(texts, 0, comma));
        texts = slice_sub(texts, comma + 1, texts.len);
        before = SLICE(", ");
    }
    buf_append(yaml, SLICE("]\n"));
}

static void put_server(struct buf *yaml, const struct one_server *options)
{
    buf_append(yaml, SLICE("servers:\n  - name: upstream\n    trust: internal\n"));
    if (options->revision != NULL) {
        put_text(yaml, SLICE("    revision: "), options->revision);
    }
    if (options->extensions != NULL) {
        put_list(yaml, SLICE("    extensions: "), slice_view_cstr(options->extensions));
    }
    if (options->upstream != NULL) {
        put_text(yaml, SLICE("    url: "), options->upstream);
        if (options->authorities != NULL) {
            put_text(yaml, SLICE("    tls:\n      ca: "), options->authorities);
        }
        return;
    }
    buf_append(yaml, SLICE("    command: ["));
    for (size_t i = 0; i < options->argc; i++) {
        buf_append(yaml, i > 0 ? SLICE(", ") : SLICE_EMPTY);
        buf_append_json_string(yaml, slice_view_cstr(options->argv[i]));
    }
    buf_append(yaml, SLICE("]\n"));
}

/* The configuration that these options stand for; the checks of a file apply to it as well. The
 * journal's folder is this process's own, because a journal has one writer. */
static void write_config(struct buf *yaml, const struct one_server *options, const char *state)
{
    char own[64];
    (void)snprintf(own, sizeof(own), "/%s-%ld", options->command_name, (long)getpid());
    buf_append(yaml, SLICE("version: 1\n"));
    put_text(yaml, SLICE("listen:\n  address: "),
             options->listen != NULL ? options->listen : "127.0.0.1:0");
    put_text(yaml, SLICE("state_dir: "), state);
    put_texts(yaml, SLICE("audit:\n  dir: "), state, own);
    if (options->policy != NULL) {
        put_text(yaml, SLICE("policies:\n  - "), options->policy);
    }
    if (!options->no_auth) {
        buf_append(yaml, SLICE("identity:\n  - name: dev\n    preset: development\n"));
    }
    if (options->bearer != NULL) {
        /* A list, too, waits for a person to sign in: for as long as any operation may take. */
        buf_append(yaml, SLICE("limits:\n  list_timeout_ms: 600000\n"));
    }
    put_server(yaml, options);
}

/* mkdir -p for the state folder. */
static void make_folders(const char *path)
{
    char part[STATE_FOLDER_BYTES];
    for (size_t i = 1; path[i - 1] != '\0' && i < sizeof(part); i++) {
        if (path[i] == '/' || path[i] == '\0') {
            (void)snprintf(part, i + 1, "%s", path);
            (void)mkdir(part, 0700);
        }
    }
}

const char *one_server_state(const char *given, char path[STATE_FOLDER_BYTES])
{
    const char *state = given != NULL ? given : state_folder(path);
    make_folders(state);
    return state;
}

int one_server_run(const struct one_server *options)
{
    char path[STATE_FOLDER_BYTES];
    struct arena arena;
    struct buf yaml;
    struct config *config = NULL;
    struct config_report report = {0};
    struct slice builtin = options->policy == NULL ? LOCAL_POLICIES : SLICE_EMPTY;
    const char *state = one_server_state(options->state, path);
    arena_init(&arena, ARENA_BYTES, NULL);
    buf_init(&yaml, TEXT_BYTES_MAX, NULL);
    write_config(&yaml, options, state);
    struct config_source source = {.file = SLICE("command line"), .text = buf_view(&yaml)};
    enum status status = buf_status(&yaml);
    if (status == STATUS_OK) {
        status = config_load_text(&source, &arena, &config, &report);
    }
    if (status != STATUS_OK) {
        config_report_print(stderr, &report);
    } else if (options->no_auth && !config->listen.address.is_loopback) {
        fprintf(stderr, "aegis %s: --no-auth listens on loopback only\n", options->command_name);
        status = STATUS_INVALID;
    } else {
        status = standalone_run(&(struct standalone){.config = config,
                                                     .builtin_policies = builtin,
                                                     .bearer = options->bearer,
                                                     .no_auth = options->no_auth,
                                                     .no_audit = options->no_audit,
                                                     .is_stdio = options->is_stdio,
                                                     .network = program_network()});
    }
    buf_release(&yaml);
    arena_release(&arena);
    return status == STATUS_OK ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}
