#include "core/ports/http_client.h"
#include "daemon/config/config_check.h"
#include "daemon/config/config_url.h"

#include <errno.h>
#include <stdio.h>
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

/* One byte more than allowed is read, to tell a full file from one that is too large. */
static enum status read_authorities(struct config_reader *reader, struct config_issuer *issuer,
                                    const char **problem)
{
    size_t size = HTTP_CLIENT_AUTHORITIES_BYTES_MAX + 1;
    uint8_t *text = config_read_alloc(reader, size, 1);
    FILE *file = text != NULL ? fopen((const char *)issuer->ca.ptr, "rb") : NULL;
    if (file == NULL) {
        *problem = strerror(errno);
        return text != NULL ? STATUS_NOT_FOUND : STATUS_LIMIT;
    }
    size_t len = fread(text, 1, size, file);
    *problem = len == size ? "it is larger than 64 KiB; leave out whom the issuer does not need"
               : ferror(file) != 0 ? strerror(errno)
                                   : NULL;
    (void)fclose(file);
    issuer->authorities = slice_of(text, len);
    return *problem == NULL ? STATUS_OK : STATUS_INVALID;
}

static bool has_certificate(struct slice text)
{
    static const struct slice BEGIN = SLICE_INIT("-----BEGIN CERTIFICATE-----");
    for (size_t i = 0; i + BEGIN.len <= text.len; i++) {
        if (slice_starts_with(slice_sub(text, i, text.len), BEGIN)) {
            return true;
        }
    }
    return false;
}

/* Never a partial problem: without its file an issuer would be believed on the word of others. */
static void check_authorities(struct config_reader *reader, const struct config_node *node,
                              struct config_issuer *issuer)
{
    const struct config_node *place = config_check_place(node, SLICE("ca"));
    const char *problem = NULL;
    size_t before = reader->report->count;
    if (issuer->ca.len == 0 || reader->skips_files) {
        return;
    }
    config_check_file(reader, place, issuer->ca, false);
    if (reader->is_out_of_memory || reader->report->count > before) {
        return;
    }
    enum status status = read_authorities(reader, issuer, &problem);
    if (status != STATUS_OK && status != STATUS_LIMIT) {
        config_read_problem(reader, place, "config.file_missing", NULL, "cannot read '%.*s': %s",
                            SLICE_ARG(issuer->ca), problem);
    } else if (status == STATUS_OK && !has_certificate(issuer->authorities)) {
        config_read_problem(reader, place, "config.value",
                            "a PEM file has '-----BEGIN CERTIFICATE-----'",
                            "'%.*s' holds no certificate", SLICE_ARG(issuer->ca));
    }
}

void config_check_keys(struct config_reader *reader, const struct config_node *node,
                       struct config_issuer *issuer)
{
    check_metadata(reader, node, issuer);
    check_hosts(reader, node, issuer);
    config_check_networks(reader, node, &issuer->networks, &issuer->ranges);
    check_authorities(reader, node, issuer);
}
