/* Values with a form of their own. */
#include "base/suggest.h"
#include "core/mcp/revision.h"
#include "daemon/config/config_check.h"
#include "daemon/config/config_fields.h"
#include "daemon/config/config_url.h"

#include <inttypes.h>
#include <string.h>

void config_check_version(struct config_reader *reader, const struct config_node *node, void *out)
{
    (void)out;
    bool is_one = node->kind == CONFIG_NODE_TEXT && slice_eq(node->text, SLICE("1"));
    if (!is_one && node->kind != CONFIG_NODE_BAD) {
        config_read_problem(reader, node, "config.value", "write 'version: 1'",
                            "'version' must be 1, the only format there is");
    }
}

void config_check_store(struct config_reader *reader, const struct config_node *node, void *out)
{
    struct slice text, scheme = SLICE("sqlite://");
    if (!config_read_text(reader, node, "store", &text)) {
        return;
    }
    if (slice_starts_with(text, SLICE("postgres"))) {
        config_read_problem(reader, node, "config.unsupported", "use 'sqlite:///PATH'",
                            "PostgreSQL is not supported in this version");
        return;
    }
    struct slice path = slice_sub(text, scheme.len, text.len);
    if (!slice_starts_with(text, scheme) || path.len < 2 || path.ptr[0] != '/') {
        config_read_problem(reader, node, "config.value", "like sqlite:///var/lib/aegis/aegis.db",
                            "'store' must be 'sqlite://' and an absolute path");
        return;
    }
    *(struct slice *)out = path;
}

static void read_limit(struct config_reader *reader, const struct config_node *node,
                       struct config_limits *limits)
{
    struct suggestion near = {0};
    for (size_t i = 0; i < config_limit_count; i++) {
        const struct config_limit *limit = &config_limit_table[i];
        if (slice_eq(node->key, limit->name)) {
            const struct config_field field = {
                .name = limit->name,
                .kind = CONFIG_KIND_NUMBER,
                .offset = limit->offset,
                .value_min = limit->value_min,
                .value_max = limit->value_max,
            };
            config_read_field(reader, node, &field, limits);
            return;
        }
        suggestion_consider(&near, node->key, limit->name);
    }
    config_read_unknown_key(reader, node, near.word);
}

void config_check_limits(struct config_reader *reader, const struct config_node *node, void *out)
{
    if (node->kind != CONFIG_NODE_MAP) {
        if (node->kind != CONFIG_NODE_BAD) {
            config_read_problem(reader, node, "config.type", NULL,
                                "'limits' must be a mapping of names to numbers, got %s",
                                config_node_kind_name(node->kind));
        }
        return;
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        read_limit(reader, item, out);
    }
}

void config_check_revision(struct config_reader *reader, const struct config_node *node, void *out)
{
    struct slice text;
    if (!config_read_text(reader, node, "revision", &text)) {
        return;
    }
    if (mcp_revision_parse(text) == MCP_REVISION_NONE) {
        struct slice oldest = mcp_revision_name((enum mcp_revision)(MCP_REVISION_NONE + 1));
        struct slice newest = mcp_revision_name((enum mcp_revision)(MCP_REVISION_COUNT - 1));
        config_read_problem(reader, node, "config.value", "leave it out to find out",
                            "'revision' is none that Aegis speaks (%.*s ... %.*s)",
                            SLICE_ARG(oldest), SLICE_ARG(newest));
        return;
    }
    *(struct slice *)out = text;
}

void config_check_deny_as(struct config_reader *reader, const struct config_node *node, void *out)
{
    struct slice text;
    if (!config_read_text(reader, node, "deny_as", &text)) {
        return;
    }
    bool is_error = slice_eq(text, SLICE("error"));
    if (!is_error && !slice_eq(text, SLICE("result"))) {
        config_read_problem(reader, node, "config.value", NULL,
                            "'deny_as' must be 'result' or 'error'");
        return;
    }
    *(bool *)out = is_error;
}

/* Keys on the way to the internet must not be replaced; on this machine there is no way. */
void config_check_jwks(struct config_reader *reader, const struct config_node *node, void *out)
{
    struct config_issuer *issuer = out;
    struct slice text;
    if (!config_read_text(reader, node, "jwks", &text)) {
        return;
    }
    if (!slice_starts_with(text, SLICE("https:")) && !slice_starts_with(text, SLICE("http:"))) {
        issuer->jwks_path = config_read_path(reader, text);
        reader->is_part = true;
        config_check_file(reader, node, issuer->jwks_path, false);
        reader->is_part = false;
        return;
    }
    static const struct config_field field = {.name = SLICE_INIT("jwks"),
                                              .kind = CONFIG_KIND_URL,
                                              .offset = offsetof(struct config_issuer, jwks_url)};
    config_read_field(reader, node, &field, issuer);
    const struct config_url *url = &issuer->jwks_url;
    if (url->text.len > 0 && !url->is_https && !config_host_is_loopback(url->host)) {
        config_read_problem(reader, node, "config.exposed", "use https",
                            "keys must not be fetched over plain http");
    }
}

void config_check_secret_source(struct config_reader *reader, const struct config_node *from,
                                const char *name, const struct config_secret_source *source)
{
    if (from == NULL || from->kind != CONFIG_NODE_MAP) {
        return;
    }
    const struct config_node *env = config_node_member(from, SLICE("env"));
    const struct config_node *file = config_node_member(from, SLICE("file"));
    bool is_unsupported = config_node_member(from, SLICE("vault")) != NULL;
    if ((env != NULL) == (file != NULL) && !is_unsupported) {
        config_read_problem(reader, from, "config.conflict", "secrets are never written here",
                            "'%s' must be either {env: NAME} or {file: PATH}", name);
        return;
    }
    if (env != NULL && source->env.len > 0 && !config_check_is_variable(source->env)) {
        config_read_problem(reader, env, "config.secret_inline",
                            "name the variable, do not write the secret",
                            "'env' is no name of an environment variable");
    }
    if (source->file.len > 0) {
        reader->is_part = true;
        config_check_file(reader, file, source->file, true);
        reader->is_part = false;
    }
}

static bool is_token_byte(uint8_t byte)
{
    /* RFC 9110 §5.6.2 */
    static const char signs[] = "!#$%&'*+-.^_`|~";
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || memchr(signs, byte, sizeof(signs) - 1) != NULL;
}

/* Fields that frame the message or speak for the protocol are the gateway's own. */
static bool is_own_header(struct slice name)
{
    static const struct slice names[] = {
        SLICE_INIT("host"),       SLICE_INIT("content-length"),
        SLICE_INIT("connection"), SLICE_INIT("content-type"),
        SLICE_INIT("accept"),     SLICE_INIT("transfer-encoding"),
        SLICE_INIT("upgrade"),    SLICE_INIT("te"),
        SLICE_INIT("trailer"),
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (slice_eq_ascii_nocase(name, names[i])) {
            return true;
        }
    }
    return slice_eq_ascii_nocase(slice_sub(name, 0, 4), SLICE("mcp-"));
}

static void check_header(struct config_reader *reader, const struct config_node *node,
                         struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_token_byte(name.ptr[i])) {
            config_read_problem(reader, node, "config.value", "like Authorization",
                                "'header' is no name of a header field");
            return;
        }
    }
    if (is_own_header(name)) {
        config_read_problem(reader, node, "config.value", "like Authorization",
                            "'header' names a field that the gateway sets itself");
    }
}

static void check_carrier(struct config_reader *reader, const struct config_node *service,
                          const struct config_service *values, struct config_credential *credential)
{
    const struct config_node *header = config_node_member(service, SLICE("header"));
    const struct config_node *env = config_node_member(service, SLICE("env"));
    if ((header != NULL) == (env != NULL)) {
        config_read_problem(reader, service, "config.conflict",
                            "'header' for a url, 'env' for a command",
                            "'service' must have either 'header' or 'env'");
    } else if (values->header.len > 0) {
        check_header(reader, header, values->header);
        credential->kind = CONFIG_CREDENTIAL_HEADER;
        credential->name = values->header;
    } else if (values->env.len > 0) {
        if (!config_check_is_variable(values->env)) {
            config_read_problem(reader, env, "config.value", NULL,
                                "'env' is no name of an environment variable");
        }
        credential->kind = CONFIG_CREDENTIAL_ENV;
        credential->name = values->env;
    }
}

static void read_service(struct config_reader *reader, const struct config_node *node,
                         struct config_credential *credential)
{
    struct config_service values = {0};
    config_read_object(reader, node, &config_object_service, &values);
    if (node->kind != CONFIG_NODE_MAP) {
        return;
    }
    credential->prefix = values.prefix;
    check_carrier(reader, node, &values, credential);
    config_check_secret_source(reader, config_node_member(node, SLICE("from")), "from",
                               &values.from);
    credential->from_env = values.from.env;
    credential->from_file = values.from.file;
}

void config_check_credential(struct config_reader *reader, const struct config_node *node,
                             void *out)
{
    struct config_credential *credential = out;
    credential->place = (struct config_place){node->line, node->column};
    bool is_none = node->kind == CONFIG_NODE_TEXT && slice_eq(node->text, SLICE("none"));
    if (is_none || node->kind == CONFIG_NODE_BAD) {
        return;
    }
    if (node->kind != CONFIG_NODE_MAP || node->count != 1) {
        /* A text here may well be the secret itself: it is not repeated. */
        config_read_problem(reader, node, "config.type", "secrets are never written here",
                            "'credential' must be 'none' or {service: {...}}");
        return;
    }
    const struct config_node *mode = node->first;
    if (slice_eq(mode->key, SLICE("service"))) {
        read_service(reader, mode, credential);
    } else if (slice_eq(mode->key, SLICE("on_behalf_of"))) {
        config_read_problem(reader, mode, "config.unsupported", "use 'service'",
                            "'on_behalf_of' is not supported in this version");
    } else {
        struct suggestion near = {0};
        suggestion_consider(&near, mode->key, SLICE("service"));
        config_read_unknown_key(reader, mode, near.word);
    }
}
