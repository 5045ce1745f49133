/* Where groups that Microsoft Entra leaves out of tokens are looked up. */
#include "daemon/config/config_check.h"
#include "daemon/config/config_url.h"

/* By cloud, from Microsoft's pages about national clouds. The departments of defense have
 * https://dod-graph.microsoft.us in the cloud of the US. */
static const struct {
    struct slice login, graph;
} clouds[] = {
    [CONFIG_CLOUD_GLOBAL] = {SLICE_INIT("https://login.microsoftonline.com"),
                             SLICE_INIT("https://graph.microsoft.com")},
    [CONFIG_CLOUD_US] = {SLICE_INIT("https://login.microsoftonline.us"),
                         SLICE_INIT("https://graph.microsoft.us")},
    [CONFIG_CLOUD_CHINA] = {SLICE_INIT("https://login.partner.microsoftonline.cn"),
                            SLICE_INIT("https://microsoftgraph.chinacloudapi.cn")},
};

bool config_issuer_looks_up(const struct config_issuer *issuer)
{
    return issuer->graph.place.line > 0;
}

/* Paths are put behind it. */
static void check_base(struct config_reader *reader, const struct config_node *node,
                       struct slice key, struct config_url *url)
{
    const struct config_node *place = config_check_place(node, key);
    if (url->text.len == 0) {
        return;
    }
    if (!url->is_https && !config_host_is_loopback(url->host)) {
        config_read_problem(reader, place, "config.exposed", "use https",
                            "secrets and groups must not travel over plain http");
    }
    if (slice_find_byte(url->text, '?') < url->text.len) {
        config_read_problem(reader, place, "config.value", "like https://graph.microsoft.com",
                            "'%.*s' is an address that paths are put behind, without a query",
                            SLICE_ARG(key));
    }
    url->text.len -= slice_ends_with(url->text, SLICE("/"));
}

void config_check_graph(struct config_reader *reader, const struct config_node *node, void *out)
{
    struct config_graph *graph = out;
    config_check_secret_source(reader, config_node_member(node, SLICE("client_secret")),
                               "client_secret", &graph->client_secret);
    check_base(reader, node, SLICE("endpoint"), &graph->endpoint);
    check_base(reader, node, SLICE("login"), &graph->login);
}

static void fill_base(struct config_url *url, struct slice text)
{
    if (url->text.len == 0) {
        (void)config_url_parse(text, url);
    }
}

/* The one that a written issuer is of, else the one that is said. */
static size_t cloud_of(const struct config_issuer *issuer)
{
    for (size_t i = 0; i < COUNT_OF(clouds); i++) {
        if (slice_starts_with(issuer->issuer, clouds[i].login)) {
            return i;
        }
    }
    return issuer->cloud;
}

void config_fill_graph(struct config_issuer *issuer)
{
    size_t cloud = cloud_of(issuer);
    if (config_issuer_looks_up(issuer)) {
        fill_base(&issuer->graph.endpoint, clouds[cloud].graph);
        fill_base(&issuer->graph.login, clouds[cloud].login);
    }
}
