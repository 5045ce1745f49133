/* Certificates that entries of `identity` wait for, and those that the listener asks clients for.
 */
#include "adapters/crypto/authority_chains.h"
#include "daemon/config/config_check.h"

/* What the listener does not ask clients for nobody can show. */
static void check_wish(struct config_reader *reader, const struct config_node *item,
                       const struct config_issuer *issuer)
{
    bool is_entry = issuer->preset == ISSUER_PRESET_MTLS;
    const struct config_node *wish =
        config_node_member(item, is_entry ? SLICE("preset") : SLICE("mtls"));
    if (wish != NULL && (is_entry || issuer->certificates == CONFIG_PROOFS_REQUIRED)) {
        config_read_problem(reader, wish, "config.missing_key",
                            "the authorities whose certificates clients may show",
                            is_entry ? "preset mtls needs 'client_ca' in 'listen.tls'"
                                     : "'mtls: required' needs 'client_ca' in 'listen.tls'");
    }
}

/* Nor what it does not accept. */
static void check_chains(struct config_reader *reader, const struct config_node *item,
                         const struct config_issuer *issuer, const struct authority_chains *chains)
{
    struct authorities own;
    if (issuer->preset != ISSUER_PRESET_MTLS || issuer->client_ca.len == 0 ||
        authorities_read((const char *)issuer->client_ca.ptr, &own, NULL) != STATUS_OK) {
        return; /* the file's problem was reported */
    }
    if (authority_chains_miss(chains, &own)) {
        config_read_problem(
            reader, config_check_place(item, SLICE("client_ca")), "config.certificate",
            "add the file to 'client_ca' of 'listen.tls'",
            "nobody can be a caller of '%.*s': 'listen.tls' accepts no certificates "
            "of the authorities in '%.*s'",
            SLICE_ARG(issuer->name), SLICE_ARG(issuer->client_ca));
    }
    authorities_release(&own);
}

void config_check_certificates(struct config_reader *reader, const struct config_node *node,
                               const struct config *config)
{
    const struct config_texts *trusted = &config->listen.tls.client_ca;
    const struct config_node *issuers = config_node_member(node, SLICE("identity"));
    const struct config_node *item =
        issuers != NULL && issuers->kind == CONFIG_NODE_LIST ? issuers->first : NULL;
    struct authority_chains chains = {0};
    bool has_files =
        trusted->count > 0 && !reader->skips_files &&
        authority_chains_open(&chains, trusted->items, trusted->count, NULL) == STATUS_OK;
    for (size_t i = 0; i < config->issuer_count && item != NULL; i++, item = item->next) {
        if (trusted->count == 0) {
            check_wish(reader, item, &config->issuers[i]);
        } else if (has_files) {
            check_chains(reader, item, &config->issuers[i], &chains);
        }
    }
    authority_chains_release(&chains);
}
