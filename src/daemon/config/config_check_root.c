/* Checks across the whole file. */
#include "core/mcp/revision.h"
#include "daemon/config/config_check.h"
#include "daemon/config/config_url.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_DIR_DEFAULT "/var/lib/aegis"

/* Two entries of a list with the same text under key. Lists are short: every pair is compared. */
static void refuse_duplicates(struct config_reader *reader, const struct config_node *list,
                              struct slice key)
{
    if (list == NULL || list->kind != CONFIG_NODE_LIST) {
        return;
    }
    for (const struct config_node *a = list->first; a != NULL; a = a->next) {
        const struct config_node *later = config_node_member(a, key);
        for (const struct config_node *b = list->first; later != NULL && b != a; b = b->next) {
            const struct config_node *earlier = config_node_member(b, key);
            if (earlier != NULL && earlier->kind == CONFIG_NODE_TEXT &&
                later->kind == CONFIG_NODE_TEXT && slice_eq(earlier->text, later->text)) {
                config_read_problem(reader, later, "config.duplicate_name", NULL,
                                    "this '%.*s' is taken by the entry on line %u", SLICE_ARG(key),
                                    earlier->line);
                later = NULL;
            }
        }
    }
}

/* A list of texts or one text: the first, to walk with next. */
static const struct config_node *texts_of(const struct config_node *node)
{
    if (node == NULL) {
        return NULL;
    }
    return node->kind == CONFIG_NODE_LIST ? node->first : node;
}

/* Is it there, and a file or a folder that can be read? */
static void check_policy_path(struct config_reader *reader, const struct config_node *node)
{
    struct slice path = config_read_path(reader, node->text);
    struct stat status;
    if (reader->is_out_of_memory) {
        return;
    }
    if (stat((const char *)path.ptr, &status) != 0 || access((const char *)path.ptr, R_OK) != 0) {
        config_read_problem(reader, node, "config.file_missing", NULL, "cannot read '%.*s': %s",
                            SLICE_ARG(path), strerror(errno));
    } else if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) {
        config_read_problem(reader, node, "config.file_missing", NULL,
                            "'%.*s' is neither a file nor a folder", SLICE_ARG(path));
    }
}

static void check_policies(struct config_reader *reader, const struct config_node *policies)
{
    bool is_list = policies != NULL && policies->kind == CONFIG_NODE_LIST;
    for (const struct config_node *item = texts_of(policies); item != NULL && !reader->skips_files;
         item = is_list ? item->next : NULL) {
        bool is_path = item->kind == CONFIG_NODE_TEXT && item->text.len > 0 &&
                       slice_find_byte(item->text, '\0') == item->text.len;
        if (is_path) {
            check_policy_path(reader, item);
        }
    }
}

/* Who can write to the list decides who is shut out; what is in it is looked at when it is read. */
static void check_revocations(struct config_reader *reader, const struct config_node *node,
                              struct config *config)
{
    if (node != NULL) {
        config->revocations_place = (struct config_place){node->line, node->column};
        config_check_file(reader, node, config->revocations, false);
    }
}

static void check_origin(struct config_reader *reader, const struct config_node *node)
{
    struct config_url url;
    const char *problem = config_url_parse(node->text, &url);
    if (problem != NULL) {
        config_read_problem(reader, node, "config.url", "like https://console.example.com",
                            "an origin must be scheme://host[:port]: %s", problem);
        return;
    }
    struct slice rest = slice_sub(node->text, url.is_https ? 8 : 7, node->text.len);
    if (slice_find_byte(rest, '/') < rest.len) {
        config_read_problem(reader, node, "config.url", "like https://console.example.com",
                            "an origin must be scheme://host[:port] without a path or last '/'");
    }
}

static void check_host(struct config_reader *reader, const struct config_node *node)
{
    struct slice host;
    uint16_t port = 0;
    const char *problem = config_host_parse(node->text, &host, &port);
    if (problem != NULL) {
        config_read_problem(reader, node, "config.address", "like mcp.example.com:8443",
                            "a host must be host[:port]: %s", problem);
    }
}

static void check_each(struct config_reader *reader, const struct config_node *node,
                       void (*check)(struct config_reader *, const struct config_node *))
{
    bool is_list = node != NULL && node->kind == CONFIG_NODE_LIST;
    for (const struct config_node *item = texts_of(node); item != NULL;
         item = is_list ? item->next : NULL) {
        if (item->kind == CONFIG_NODE_TEXT && item->text.len > 0) {
            check(reader, item);
        }
    }
}

/* Other machines come by the address, or through a proxy that the public URL names. */
static bool is_exposed(const struct config *config)
{
    const struct config_url *url = &config->listen.public_url;
    return !config->listen.address.is_loopback ||
           (url->text.len > 0 && !config_host_is_loopback(url->host));
}

static bool has_loopback(const struct network_range *range)
{
    static const uint8_t LOOPBACK[][NETWORK_ADDRESS_BYTES] = {
        {[10] = 0xFF, [11] = 0xFF, 127, 0, 0, 1}, {[15] = 1}};
    return network_address_is_loopback(range->address) ||
           network_range_contains(range, LOOPBACK[0]) || network_range_contains(range, LOOPBACK[1]);
}

/* A stranger who may name a document chooses whom on this machine the gateway talks to. */
static void check_documents_exposure(struct config_reader *reader, const struct config_node *node,
                                     const struct config_client_documents *documents)
{
    for (size_t i = 0; i < documents->networks.count && documents->ranges != NULL; i++) {
        if (has_loopback(&documents->ranges[i])) {
            config_read_problem(reader, config_check_place(node, SLICE("networks")),
                                "config.exposed", "leave it out, or listen on 127.0.0.1",
                                "documents of clients must not lie on this machine when other "
                                "machines are served");
            return;
        }
    }
}

/* Settings made for one machine must not face the network. */
static void check_exposure(struct config_reader *reader, const struct config_node *node,
                           const struct config *config)
{
    if (!is_exposed(config)) {
        return;
    }
    const struct config_node *issuers = config_node_member(node, SLICE("identity"));
    const struct config_node *item =
        issuers != NULL && issuers->kind == CONFIG_NODE_LIST ? issuers->first : NULL;
    for (size_t i = 0; i < config->issuer_count && item != NULL; i++, item = item->next) {
        const struct config_node *preset = config_node_member(item, SLICE("preset"));
        const struct config_issuer *issuer = &config->issuers[i];
        if (issuer->preset == ISSUER_PRESET_DEVELOPMENT && !issuer->is_exposed && preset != NULL) {
            config_read_problem(reader, preset, "config.exposed",
                                "listen on 127.0.0.1 without a public_url, use your identity "
                                "provider, or for tests say 'exposed: true'",
                                "preset development must not serve other machines");
        }
    }
    check_documents_exposure(reader, config_node_member(node, SLICE("client_documents")),
                             &config->client_documents);
    if (config->audit.mode == CONFIG_AUDIT_OFF) {
        config_read_problem(reader, config_node_member(node, SLICE("audit")), "config.exposed",
                            "use 'strict', or listen on 127.0.0.1",
                            "audit must not be off when other machines are served");
    }
}

static void check_control(struct config_reader *reader, const struct config_node *control,
                          const struct config *config)
{
    const struct config_address *address = &config->control.address;
    if (control == NULL || address->text.len == 0) {
        return;
    }
    const struct config_node *place = config_node_member(control, SLICE("address"));
    if (!address->is_loopback) {
        config_read_problem(reader, place, "config.exposed", "like 127.0.0.1:9080",
                            "the control plane listens on loopback only");
    } else if (address->port != 0 && address->port == config->listen.address.port &&
               slice_eq(address->host, config->listen.address.host)) {
        config_read_problem(reader, place, "config.conflict", NULL,
                            "'control' and 'listen' have the same address");
    }
}

static void join_default(struct config_reader *reader, struct slice *path, struct slice folder,
                         const char *name)
{
    if (path->len == 0 &&
        arena_format(reader->arena, path, "%.*s/%s", SLICE_ARG(folder), name) != STATUS_OK) {
        reader->is_out_of_memory = true;
    }
}

static void fill_defaults(struct config_reader *reader, struct config *config)
{
    struct config_address *address = &config->listen.address;
    if (address->text.len == 0) {
        *address = (struct config_address){SLICE("127.0.0.1:8080"), SLICE("127.0.0.1"), 8080, true};
    }
    if (config->state_dir.len == 0) {
        config->state_dir = SLICE(STATE_DIR_DEFAULT);
    }
    join_default(reader, &config->audit.dir, config->state_dir, "audit");
    join_default(reader, &config->store_path, config->state_dir, "aegis.db");
    for (size_t i = 0; i < config->server_count; i++) {
        struct config_server *server = &config->servers[i];
        if (server->timeout_ms == 0) {
            server->timeout_ms = config->limits.upstream_timeout_ms;
        }
    }
}

static void check_spoken(struct config_reader *reader, const struct config_node *node)
{
    if (mcp_revision_parse(node->text) == MCP_REVISION_NONE) {
        config_read_problem(reader, node, "config.value", "write one like 2025-11-25",
                            "'revisions' names one that Aegis does not speak");
    }
}

void config_check_root(struct config_reader *reader, const struct config_node *node, void *out)
{
    struct config *config = out;
    fill_defaults(reader, config);
    refuse_duplicates(reader, config_node_member(node, SLICE("servers")), SLICE("name"));
    refuse_duplicates(reader, config_node_member(node, SLICE("views")), SLICE("name"));
    config_check_view_servers(reader, node);
    refuse_duplicates(reader, config_node_member(node, SLICE("identity")), SLICE("name"));
    refuse_duplicates(reader, config_node_member(node, SLICE("identity")), SLICE("issuer"));
    config_check_certificates(reader, node, config);
    config_check_asked_apart(reader, config);
    check_policies(reader, config_node_member(node, SLICE("policies")));
    check_revocations(reader, config_node_member(node, SLICE("revocations")), config);
    check_each(reader, config_node_member(node, SLICE("origins")), check_origin);
    check_each(reader, config_node_member(node, SLICE("hosts")), check_host);
    check_each(reader, config_node_member(node, SLICE("revisions")), check_spoken);
    check_exposure(reader, node, config);
    check_control(reader, config_node_member(node, SLICE("control")), config);
}
