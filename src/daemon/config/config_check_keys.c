#include "daemon/config/config_check.h"

#include "daemon/config/config_url.h"

#include <string.h>

static void check_metadata(struct config_reader *reader, const struct config_node *node,
                           struct config_issuer *issuer)
{
    const struct config_url *url = &issuer->metadata_url;
    bool is_given = config_node_member(node, SLICE("metadata_url")) != NULL;
    if (is_given && config_node_member(node, SLICE("jwks")) != NULL) {
        config_read_problem(reader, config_check_place(node, SLICE("metadata_url")),
                            "config.conflict", NULL,
                            "with 'jwks' no metadata is asked for; leave one of them out");
    }
    if (url->text.len > 0) {
        issuer->jwks_url = (struct config_url){0}; /* what the preset knows does not count */
    }
    if (url->text.len > 0 && !url->is_https && !config_host_is_loopback(url->host)) {
        config_read_problem(reader, config_check_place(node, SLICE("metadata_url")),
                            "config.exposed", "use https",
                            "metadata must not be fetched over plain http");
    }
}

static void check_hosts(struct config_reader *reader, const struct config_node *node,
                        struct config_issuer *issuer)
{
    for (size_t i = 0; i < issuer->hosts.count; i++) {
        struct slice host;
        uint16_t port = 0;
        if (config_host_parse(issuer->hosts.items[i], &host, &port) != NULL || port != 0) {
            config_read_problem(reader, config_check_place(node, SLICE("hosts")), "config.value",
                                NULL, "'hosts' has names or IP addresses only, without ports");
            return;
        }
        issuer->hosts.items[i] = host;
    }
}

void config_check_networks(struct config_reader *reader, const struct config_node *node,
                           const struct config_texts *networks, struct network_range **ranges)
{
    if (networks->count == 0) {
        return;
    }
    *ranges = config_read_alloc(reader, networks->count, sizeof(**ranges));
    for (size_t i = 0; i < networks->count && *ranges != NULL; i++) {
        const char *problem = config_network_parse(networks->items[i], &(*ranges)[i]);
        if (problem != NULL) {
            config_read_problem(reader, config_check_place(node, SLICE("networks")), "config.value",
                                NULL, "'networks' has something that is no network: %s", problem);
            return;
        }
    }
}

void config_check_keys(struct config_reader *reader, const struct config_node *node,
                       struct config_issuer *issuer)
{
    check_metadata(reader, node, issuer);
    check_hosts(reader, node, issuer);
    config_check_networks(reader, node, &issuer->networks, &issuer->ranges);
}
