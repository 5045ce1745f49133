#include "daemon/config/config_check.h"

#include "adapters/crypto/authorities.h"
#include "core/mcp/revision.h"
#include "daemon/config/config_url.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VARIABLE_BYTES_MAX 128
#define NAME_BYTES_MAX 32

const struct config_node *config_check_place(const struct config_node *map, struct slice key)
{
    const struct config_node *member = config_node_member(map, key);
    return member != NULL ? member : map;
}

static void format_text(struct config_reader *reader, struct slice *out, struct slice before,
                        const char *after)
{
    if (arena_format(reader->arena, out, "%.*s%s", SLICE_ARG(before), after) != STATUS_OK) {
        reader->is_out_of_memory = true;
    }
}

static bool is_name_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' ||
           byte == '-';
}

bool config_check_is_name(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool is_last = i + 1 == text.len;
        if (!is_name_byte(text.ptr[i]) ||
            (text.ptr[i] == '_' && (is_last || text.ptr[i + 1] == '_'))) {
            return false;
        }
    }
    return text.len > 0 && text.len <= NAME_BYTES_MAX && text.ptr[0] != '_' && text.ptr[0] != '-';
}

bool config_check_is_variable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i] | 0x20;
        bool is_letter = (byte >= 'a' && byte <= 'z') || text.ptr[i] == '_';
        bool is_digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (!is_letter && !(is_digit && i > 0)) {
            return false;
        }
    }
    return text.len > 0 && text.len <= VARIABLE_BYTES_MAX;
}

/* Paths of the configuration end in a NUL outside their length (config.h). */
static const char *path_text(struct slice path)
{
    return (const char *)path.ptr;
}

void config_check_file(struct config_reader *reader, const struct config_node *node,
                       struct slice path, bool is_secret)
{
    struct stat status;
    if (reader->skips_files || reader->is_out_of_memory || path.len == 0) {
        return;
    }
    if (stat(path_text(path), &status) != 0) {
        config_read_problem(reader, node, "config.file_missing", NULL, "cannot read '%.*s': %s",
                            SLICE_ARG(path), strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        config_read_problem(reader, node, "config.file_missing", NULL, "'%.*s' is no regular file",
                            SLICE_ARG(path));
    } else if (access(path_text(path), R_OK) != 0) {
        config_read_problem(reader, node, "config.file_missing",
                            "give the user that runs Aegis the right to read it",
                            "cannot read '%.*s': %s", SLICE_ARG(path), strerror(errno));
    } else if (is_secret && (status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        config_read_problem(reader, node, "config.file_exposed", "chmod o-rwx it",
                            "'%.*s' holds a secret and every user of this machine may open it",
                            SLICE_ARG(path));
    }
}

void config_check_authorities(struct config_reader *reader, const struct config_node *place,
                              struct slice path)
{
    struct authorities authorities;
    struct diag diag = {0};
    if (reader->skips_files || path.len == 0) {
        return;
    }
    if (authorities_read(path_text(path), &authorities, &diag) != STATUS_OK) {
        config_read_problem(reader, place, "config.certificate", NULL, "'%.*s' %s", SLICE_ARG(path),
                            diag.message);
    }
    authorities_release(&authorities);
}

static void check_revocations(struct config_reader *reader, const struct config_node *place,
                              struct slice path)
{
    struct revocation_lists lists;
    struct diag diag = {0};
    if (reader->skips_files || path.len == 0) {
        return;
    }
    if (revocation_lists_read(path_text(path), &lists, &diag) != STATUS_OK) {
        config_read_problem(reader, place, "config.certificate", NULL, "'%.*s' %s", SLICE_ARG(path),
                            diag.message);
    }
    revocation_lists_release(&lists);
}

static void check_client_certificates(struct config_reader *reader, const struct config_node *node,
                                      const struct config_tls_server *tls)
{
    static const struct slice DEPENDENT[] = {SLICE_INIT("client_certificates"),
                                             SLICE_INIT("client_crl")};
    const struct config_node *files = config_node_member(node, SLICE("client_ca"));
    for (size_t i = 0; i < COUNT_OF(DEPENDENT) && files == NULL; i++) {
        const struct config_node *member = config_node_member(node, DEPENDENT[i]);
        if (member != NULL) {
            config_read_problem(reader, member, "config.missing_key",
                                "the authorities whose certificates clients may show",
                                "'%.*s' needs 'client_ca'", SLICE_ARG(DEPENDENT[i]));
        }
    }
    if (tls->client_ca.count > CONFIG_CLIENT_CAS_MAX) {
        config_read_problem(reader, files, "config.range", NULL,
                            "'client_ca' must have at most %d files", CONFIG_CLIENT_CAS_MAX);
    }
    bool is_list = files != NULL && files->kind == CONFIG_NODE_LIST;
    const struct config_node *item = is_list ? files->first : files;
    for (size_t i = 0; i < tls->client_ca.count && item != NULL; i++) {
        config_check_authorities(reader, item, tls->client_ca.items[i]);
        item = is_list ? item->next : NULL;
    }
    check_revocations(reader, config_check_place(node, SLICE("client_crl")), tls->client_crl);
}

void config_check_tls(struct config_reader *reader, const struct config_node *node, void *out)
{
    const struct config_tls_server *tls = out;
    config_check_file(reader, config_check_place(node, SLICE("cert")), tls->cert, false);
    config_check_file(reader, config_check_place(node, SLICE("key")), tls->key, true);
    check_client_certificates(reader, node, tls);
}

/* Clients send it back as a resource in the form that URLs have when they were parsed and written,
 * and it is compared byte by byte then, in tokens as well (RFC 8707 §2). */
static bool is_normal(const struct config_url *url)
{
    bool has_slash = slice_ends_with(url->text, SLICE("/"));
    struct slice text = slice_sub(url->text, 0, url->text.len - has_slash);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= 'A' && text.ptr[i] <= 'Z') {
            return false;
        }
    }
    return !slice_ends_with(text, url->is_https ? SLICE(":443") : SLICE(":80"));
}

static void check_public_url(struct config_reader *reader, const struct config_node *node,
                             struct config_url *url)
{
    if (!slice_eq(url->path, SLICE("/"))) {
        config_read_problem(reader, node, "config.url", "like https://mcp.example.com",
                            "'public_url' must have no path: the gateway adds its own");
    } else if (!is_normal(url)) {
        config_read_problem(reader, node, "config.url", "like https://mcp.example.com",
                            "'public_url' must be in lower case and without the port that its "
                            "scheme has anyway, as clients write it");
    }
    if (!url->is_https && !config_host_is_loopback(url->host)) {
        config_read_problem(reader, node, "config.exposed", "use https",
                            "tokens must not travel over plain http");
    }
    if (slice_ends_with(url->text, SLICE("/"))) {
        format_text(reader, &url->text, slice_sub(url->text, 0, url->text.len - 1), "");
    }
}

void config_check_listen(struct config_reader *reader, const struct config_node *node, void *out)
{
    struct config_listen *listen = out;
    if (listen->public_url.text.len > 0) {
        check_public_url(reader, config_check_place(node, SLICE("public_url")),
                         &listen->public_url);
    }
    if (listen->address.text.len == 0 || listen->address.is_loopback) {
        return;
    }
    const struct config_node *address = config_check_place(node, SLICE("address"));
    if (config_node_member(node, SLICE("tls")) == NULL) {
        config_read_problem(reader, address, "config.exposed",
                            "add 'tls', or listen on 127.0.0.1 behind a proxy of your own",
                            "'address' is reachable from other machines but there is no 'tls'");
    }
    if (config_node_member(node, SLICE("public_url")) == NULL) {
        config_read_problem(reader, address, "config.missing_key", "like https://mcp.example.com",
                            "'address' is reachable from other machines: 'public_url' is needed");
    }
}

static void default_to(struct slice *text, const char *fallback)
{
    if (text->len == 0) {
        *text = slice_view_cstr(fallback);
    }
}

void config_check_name(struct config_reader *reader, const struct config_node *node,
                       struct slice name)
{
    if (name.len > 0 && !config_check_is_name(name)) {
        config_read_problem(reader, config_check_place(node, SLICE("name")), "config.value", NULL,
                            "'name' must have 1 to 32 of a-z, 0-9, '-' and single '_' inside, and "
                            "start with a letter or digit");
    }
}

/* A variable with such a name is a secret, and secrets do not belong into this file. */
static bool is_secret_name(struct slice name)
{
    static const struct slice words[] = {
        SLICE_INIT("password"), SLICE_INIT("passwd"), SLICE_INIT("secret"),     SLICE_INIT("token"),
        SLICE_INIT("api_key"),  SLICE_INIT("apikey"), SLICE_INIT("private_key")};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        for (size_t at = 0; at + words[i].len <= name.len; at++) {
            if (slice_eq_ascii_nocase(slice_sub(name, at, at + words[i].len), words[i])) {
                return true;
            }
        }
    }
    return false;
}

static void check_variables(struct config_reader *reader, const struct config_node *env)
{
    if (env->kind != CONFIG_NODE_MAP) {
        return;
    }
    for (const struct config_node *item = env->first; item != NULL; item = item->next) {
        struct config_node key = {.line = item->key_line, .column = item->key_column};
        if (!config_check_is_variable(item->key)) {
            config_read_problem(reader, &key, "config.value", NULL,
                                "a key of 'env' is no name of an environment variable");
        } else if (is_secret_name(item->key)) {
            config_read_problem(reader, &key, "config.secret_inline",
                                "credential: {service: {env: NAME, from: {file: PATH}}}",
                                "a secret must not stand in 'env'");
        }
    }
}

/* Keys that only fit the other kind of server. */
static void refuse_keys(struct config_reader *reader, const struct config_node *node,
                        const struct slice *keys, size_t count, const char *needs)
{
    for (size_t i = 0; i < count; i++) {
        const struct config_node *member = config_node_member(node, keys[i]);
        if (member != NULL) {
            config_read_problem(reader, member, "config.conflict", NULL,
                                "'%.*s' has a meaning with '%s' only", SLICE_ARG(keys[i]), needs);
        }
    }
}

static void check_command(struct config_reader *reader, const struct config_node *command,
                          struct config_server *server)
{
    struct slice program = server->command.count > 0 ? server->command.items[0] : SLICE_EMPTY;
    if (slice_find_byte(program, '/') == program.len) {
        return; /* a bare name is looked up in PATH when the child starts */
    }
    program = config_read_path(reader, program);
    server->command.items[0] = program;
    if (!reader->skips_files && !reader->is_out_of_memory &&
        access(path_text(program), X_OK) != 0) {
        const struct config_node *place =
            command->kind == CONFIG_NODE_LIST ? command->first : command;
        reader->is_part = true;
        config_read_problem(
            reader, place, "config.file_missing",
            "install it, or correct 'command'; until then its server is unavailable",
            "cannot run '%.*s': %s", SLICE_ARG(program), strerror(errno));
        reader->is_part = false;
    }
}

static void check_url_credential(struct config_reader *reader, const struct config_node *node,
                                 const struct config_server *server)
{
    const struct config_url *url = &server->url;
    bool has_header = server->credential.kind == CONFIG_CREDENTIAL_HEADER;
    if (has_header && url->text.len > 0 && !url->is_https && !config_host_is_loopback(url->host)) {
        config_read_problem(reader, config_check_place(node, SLICE("credential")), "config.exposed",
                            "use an https url", "a credential must not travel over plain http");
    }
}

static void check_carrier(struct config_reader *reader, const struct config_node *node,
                          enum config_credential_kind wrong, const struct config_server *server)
{
    if (server->credential.kind == wrong) {
        bool is_header = wrong == CONFIG_CREDENTIAL_HEADER;
        config_read_problem(reader, config_check_place(node, SLICE("credential")),
                            "config.conflict", is_header ? "use 'env'" : "use 'header'",
                            "a %s takes no '%s'", is_header ? "command" : "url",
                            is_header ? "header" : "env");
    }
}

void config_check_server(struct config_reader *reader, const struct config_node *node, void *out)
{
    static const struct slice command_keys[] = {SLICE_INIT("env")};
    static const struct slice url_keys[] = {SLICE_INIT("tls"), SLICE_INIT("transport")};
    struct config_server *server = out;
    const struct config_node *url = config_node_member(node, SLICE("url"));
    const struct config_node *command = config_node_member(node, SLICE("command"));
    const struct config_node *env = config_node_member(node, SLICE("env"));
    const struct config_node *tls = config_node_member(node, SLICE("tls"));
    config_check_name(reader, node, server->name);
    default_to(&server->trust, "third-party");
    if ((url != NULL) == (command != NULL)) {
        config_read_problem(reader, node, "config.conflict", NULL,
                            "a server must have either 'url' or 'command', got %s",
                            url != NULL ? "both" : "none");
    } else if (url != NULL) {
        refuse_keys(reader, node, command_keys, COUNT_OF(command_keys), "command");
        check_carrier(reader, node, CONFIG_CREDENTIAL_ENV, server);
        check_url_credential(reader, node, server);
    } else {
        refuse_keys(reader, node, url_keys, COUNT_OF(url_keys), "url");
        check_carrier(reader, node, CONFIG_CREDENTIAL_HEADER, server);
        check_command(reader, command, server);
    }
    if (env != NULL) {
        check_variables(reader, env);
    }
    if (server->transport == CONFIG_TRANSPORT_SSE &&
        mcp_revision_is_modern(mcp_revision_parse(server->revision))) {
        config_read_problem(reader, config_check_place(node, SLICE("transport")), "config.conflict",
                            NULL, "'transport' sse knows no revision %.*s; leave 'revision' out",
                            SLICE_ARG(server->revision));
    }
    if (tls != NULL && tls->kind == CONFIG_NODE_MAP) {
        config_check_file(reader, config_check_place(tls, SLICE("ca")), server->tls_ca, false);
    }
}
