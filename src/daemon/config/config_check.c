#include "daemon/config/config_check.h"

#include "core/mcp/revision.h"
#include "daemon/config/config_url.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VARIABLE_BYTES_MAX 128
#define NAME_BYTES_MAX 32

/* The member if it is there, else the mapping itself: the place to report at. */
static const struct config_node *place_of(const struct config_node *map, struct slice key)
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

void config_check_tls(struct config_reader *reader, const struct config_node *node, void *out)
{
    const struct config_tls_server *tls = out;
    config_check_file(reader, place_of(node, SLICE("cert")), tls->cert, false);
    config_check_file(reader, place_of(node, SLICE("key")), tls->key, true);
}

static void check_public_url(struct config_reader *reader, const struct config_node *node,
                             struct config_url *url)
{
    if (!slice_eq(url->path, SLICE("/"))) {
        config_read_problem(reader, node, "config.url", "like https://mcp.example.com",
                            "'public_url' must have no path: the gateway adds its own");
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
        check_public_url(reader, place_of(node, SLICE("public_url")), &listen->public_url);
    }
    if (listen->address.text.len == 0 || listen->address.is_loopback) {
        return;
    }
    const struct config_node *address = place_of(node, SLICE("address"));
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

void config_check_attribute(struct config_reader *reader, const struct config_node *node, void *out)
{
    const struct config_attribute *attribute = out;
    if (!config_check_is_variable(attribute->name)) {
        struct config_node key = {.line = node->key_line, .column = node->key_column};
        config_read_problem(reader, &key, "config.value", NULL,
                            "the name of an attribute must have letters, digits and '_' only");
    }
}

/* What an identity provider's tokens look like (its own documentation). */
struct preset {
    const char *issuer_before, *issuer_after; /* around the tenant; NULL: must be given */
    const char *jwks_before, *jwks_after;     /* around tenant or issuer; NULL after: no default */
    const char *subject, *tenant, *roles;
};

static const struct preset presets[] = {
    [CONFIG_PRESET_OIDC] = {NULL, NULL, "", NULL, "sub", "", "roles"},
    [CONFIG_PRESET_DEVELOPMENT] = {NULL, NULL, "", NULL, "sub", "tenant", "roles"},
    [CONFIG_PRESET_ENTRA] = {"https://login.microsoftonline.com/", "/v2.0",
                             "https://login.microsoftonline.com/", "/discovery/v2.0/keys", "oid",
                             "tid", "roles"},
    [CONFIG_PRESET_OKTA] = {NULL, NULL, "", "/v1/keys", "uid", "", "roles"},
    [CONFIG_PRESET_AUTH0] = {NULL, NULL, "", ".well-known/jwks.json", "sub", "org_id",
                             "permissions"},
    [CONFIG_PRESET_PING] = {NULL, NULL, "", "/jwks", "sub", "env", "roles"},
    [CONFIG_PRESET_KEYCLOAK] = {NULL, NULL, "", "/protocol/openid-connect/certs", "sub", "",
                                "realm_access.roles"},
    [CONFIG_PRESET_API_KEYS] = {NULL, NULL, "", NULL, "", "", ""},
};

static void default_to(struct slice *text, const char *fallback)
{
    if (text->len == 0) {
        *text = slice_view_cstr(fallback);
    }
}

static struct slice around(struct config_reader *reader, const char *before, struct slice middle,
                           const char *after)
{
    struct slice text = SLICE_EMPTY;
    if (arena_format(reader->arena, &text, "%s%.*s%s", before, SLICE_ARG(middle), after) !=
        STATUS_OK) {
        reader->is_out_of_memory = true;
    }
    return text;
}

/* The issuer of a provider with one host for all, from the tenant. */
static void fill_issuer(struct config_reader *reader, const struct config_node *node,
                        const struct preset *preset, struct config_issuer *issuer)
{
    const struct config_node *tenant = config_node_member(node, SLICE("tenant"));
    if (preset->issuer_before == NULL) {
        if (tenant != NULL) {
            config_read_problem(reader, tenant, "config.conflict", NULL,
                                "'tenant' has a meaning with preset entra only");
        }
        return;
    }
    if (tenant == NULL) {
        config_read_problem(reader, node, "config.missing_key",
                            "the directory (tenant) id of the provider",
                            "the key 'tenant' is missing; this preset needs it");
        return;
    }
    for (size_t i = 0; i < issuer->tenant.len; i++) {
        if (!is_name_byte(issuer->tenant.ptr[i] | 0x20) && issuer->tenant.ptr[i] != '.') {
            config_read_problem(reader, tenant, "config.value", NULL,
                                "'tenant' is no tenant id (letters, digits, '-' and '.')");
            return;
        }
    }
    if (issuer->issuer.len == 0 && issuer->tenant.len > 0) {
        issuer->issuer =
            around(reader, preset->issuer_before, issuer->tenant, preset->issuer_after);
    }
}

static void check_issuer_url(struct config_reader *reader, const struct config_node *node,
                             const struct config_issuer *issuer)
{
    struct config_url url;
    const struct config_node *place = config_node_member(node, SLICE("issuer"));
    if (place == NULL || issuer->issuer.len == 0 || issuer->preset == CONFIG_PRESET_DEVELOPMENT) {
        return;
    }
    const char *problem = config_url_parse(issuer->issuer, &url);
    if (problem != NULL) {
        config_read_problem(reader, place, "config.url", "exactly the 'iss' of its tokens",
                            "'issuer' is no URL: %s", problem);
    } else if (!url.is_https && !config_host_is_loopback(url.host)) {
        config_read_problem(reader, place, "config.exposed", "use https",
                            "an issuer over plain http could be anyone");
    }
}

static void fill_jwks(struct config_reader *reader, const struct config_node *node,
                      const struct preset *preset, struct config_issuer *issuer)
{
    if (config_node_member(node, SLICE("jwks")) != NULL || issuer->issuer.len == 0) {
        return;
    }
    if (preset->jwks_after == NULL) {
        config_read_problem(reader, node, "config.missing_key",
                            "the 'jwks_uri' of the provider's discovery document, or a file",
                            "the key 'jwks' is missing; preset oidc needs it");
        return;
    }
    struct slice middle = preset->issuer_before != NULL ? issuer->tenant : issuer->issuer;
    bool has_slash = slice_ends_with(middle, SLICE("/"));
    struct slice base = has_slash ? slice_sub(middle, 0, middle.len - 1) : middle;
    const char *between = preset->jwks_after[0] == '/' ? "" : "/";
    struct slice start = around(reader, preset->jwks_before, base, between);
    struct slice text = around(reader, "", start, preset->jwks_after);
    if (config_url_parse(text, &issuer->jwks_url) == NULL) {
        issuer->jwks_url.host = around(reader, "", issuer->jwks_url.host, "");
    } else {
        issuer->jwks_url = (struct config_url){0}; /* the issuer's problem was reported */
    }
}

static void require(struct config_reader *reader, const struct config_node *node, struct slice key,
                    const char *why)
{
    if (config_node_member(node, key) == NULL) {
        config_read_problem(reader, node, "config.missing_key", why, "the key '%.*s' is missing",
                            SLICE_ARG(key));
    }
}

/* The built-in issuer: its name and audience are known, its keys lie in the state folder. */
static void fill_development(struct config_reader *reader, const struct config_node *node,
                             struct config_issuer *issuer)
{
    const struct config_node *jwks = config_node_member(node, SLICE("jwks"));
    if (jwks != NULL) {
        config_read_problem(reader, jwks, "config.conflict", "use preset oidc for foreign keys",
                            "preset development has keys of its own");
    }
    default_to(&issuer->issuer, CONFIG_DEVELOPMENT_ISSUER);
    if (issuer->audience.count == 0) {
        issuer->audience.items = config_read_alloc(reader, 1, sizeof(struct slice));
        if (issuer->audience.items != NULL) {
            issuer->audience.items[issuer->audience.count++] = SLICE(CONFIG_DEVELOPMENT_AUDIENCE);
        }
    }
}

void config_check_name(struct config_reader *reader, const struct config_node *node,
                       struct slice name)
{
    if (name.len > 0 && !config_check_is_name(name)) {
        config_read_problem(reader, place_of(node, SLICE("name")), "config.value", NULL,
                            "'name' must have 1 to 32 of a-z, 0-9, '-' and single '_' inside, and "
                            "start with a letter or digit");
    }
}

bool config_issuer_signs(const struct config_issuer *issuer)
{
    return issuer->preset != CONFIG_PRESET_API_KEYS;
}

static void refuse_keys_of_tokens(struct config_reader *reader, const struct config_node *node,
                                  const char *preset)
{
    static const struct slice OF_TOKENS[] = {SLICE_INIT("issuer"),  SLICE_INIT("audience"),
                                             SLICE_INIT("jwks"),    SLICE_INIT("algorithms"),
                                             SLICE_INIT("skew_s"),  SLICE_INIT("roles"),
                                             SLICE_INIT("mapping"), SLICE_INIT("step_up")};
    for (size_t i = 0; i < COUNT_OF(OF_TOKENS); i++) {
        const struct config_node *member = config_node_member(node, OF_TOKENS[i]);
        if (member != NULL) {
            config_read_problem(reader, member, "config.conflict", "remove it",
                                "'%.*s' says something about tokens, and preset %s has none",
                                SLICE_ARG(OF_TOKENS[i]), preset);
        }
    }
}

/* There is no issuer, but an entry is found and told apart by one. */
static void check_keys_entry(struct config_reader *reader, const struct config_node *node,
                             struct config_issuer *issuer)
{
    require(reader, node, SLICE("keys"), "a file made by 'aegis token key'");
    refuse_keys_of_tokens(reader, node, "api-keys");
    config_check_file(reader, place_of(node, SLICE("keys")), issuer->keys_path, false);
    issuer->issuer = around(reader, "urn:aegis:keys:", issuer->name, "");
}

void config_check_issuer(struct config_reader *reader, const struct config_node *node, void *out)
{
    struct config_issuer *issuer = out;
    const struct preset *preset = &presets[issuer->preset];
    const struct config_node *written = config_node_member(node, SLICE("preset"));
    config_check_name(reader, node, issuer->name);
    if (written != NULL && issuer->preset == CONFIG_PRESET_OIDC &&
        !slice_eq(written->text, SLICE("oidc"))) {
        return; /* refused before; what it would have needed is unknown */
    }
    if (issuer->preset == CONFIG_PRESET_API_KEYS) {
        check_keys_entry(reader, node, issuer);
        return;
    }
    if (issuer->keys_path.len > 0) {
        config_read_problem(reader, place_of(node, SLICE("keys")), "config.conflict",
                            "use 'jwks' for the keys of an issuer",
                            "'keys' has a meaning with preset api-keys only");
    }
    fill_issuer(reader, node, preset, issuer);
    if (issuer->preset == CONFIG_PRESET_DEVELOPMENT) {
        fill_development(reader, node, issuer);
    } else {
        require(reader, node, SLICE("audience"), "the 'aud' that its tokens carry for Aegis");
        if (preset->issuer_before == NULL) {
            require(reader, node, SLICE("issuer"), "exactly the 'iss' of its tokens");
        }
        check_issuer_url(reader, node, issuer);
        fill_jwks(reader, node, preset, issuer);
    }
    default_to(&issuer->mapping.subject, preset->subject);
    default_to(&issuer->mapping.tenant, preset->tenant);
    default_to(&issuer->mapping.roles, preset->roles);
    default_to(&issuer->mapping.groups, "groups");
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
        config_read_problem(reader, place_of(node, SLICE("credential")), "config.exposed",
                            "use an https url", "a credential must not travel over plain http");
    }
}

static void check_carrier(struct config_reader *reader, const struct config_node *node,
                          enum config_credential_kind wrong, const struct config_server *server)
{
    if (server->credential.kind == wrong) {
        bool is_header = wrong == CONFIG_CREDENTIAL_HEADER;
        config_read_problem(reader, place_of(node, SLICE("credential")), "config.conflict",
                            is_header ? "use 'env'" : "use 'header'", "a %s takes no '%s'",
                            is_header ? "command" : "url", is_header ? "header" : "env");
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
        config_read_problem(reader, place_of(node, SLICE("transport")), "config.conflict", NULL,
                            "'transport' sse knows no revision %.*s; leave 'revision' out",
                            SLICE_ARG(server->revision));
    }
    if (tls != NULL && tls->kind == CONFIG_NODE_MAP) {
        config_check_file(reader, place_of(tls, SLICE("ca")), server->tls_ca, false);
    }
}
