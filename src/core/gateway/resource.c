#include "core/gateway/resource.h"

#include "core/gateway/endpoint.h"

static size_t add_scopes(const struct slice *from, size_t from_count,
                         struct slice scopes[RESOURCE_SCOPES_MAX], size_t count)
{
    for (size_t i = 0; i < from_count && count < RESOURCE_SCOPES_MAX; i++) {
        bool is_known = false;
        for (size_t k = 0; k < count; k++) {
            is_known = is_known || slice_eq(scopes[k], from[i]);
        }
        if (!is_known) {
            scopes[count++] = from[i];
        }
    }
    return count;
}

size_t resource_scopes(const struct gateway_snapshot *snapshot, struct slice target,
                       struct slice scopes[RESOURCE_SCOPES_MAX])
{
    struct endpoint endpoint;
    size_t count = add_scopes(snapshot->scopes, snapshot->scope_count, scopes, 0);
    size_t server = endpoint_parse(target, &endpoint) && endpoint.server.len > 0
                        ? gateway_snapshot_server(snapshot, endpoint.server)
                        : SIZE_MAX;
    if (server == SIZE_MAX) {
        return count;
    }
    return add_scopes(snapshot->servers[server].scopes, snapshot->servers[server].scope_count,
                      scopes, count);
}

struct resource_proofs resource_proofs_of(const struct gateway_snapshot *snapshot)
{
    const struct identity_config *config =
        snapshot->identity == NULL ? NULL : identity_snapshot_config(snapshot->identity);
    struct resource_proofs proofs = {.are_needed = config != NULL && config->entry_count > 0};
    for (size_t i = 0; config != NULL && i < config->entry_count; i++) {
        const struct issuer_entry *entry = &config->entries[i];
        bool has_tokens = entry->kind == ISSUER_OF_TOKENS;
        proofs.are_taken = proofs.are_taken || (has_tokens && entry->proofs != ISSUER_PROOFS_OFF);
        proofs.are_certificates_taken =
            proofs.are_certificates_taken ||
            (has_tokens && snapshot->asks_certificates && entry->certificates != ISSUER_PROOFS_OFF);
        proofs.are_needed =
            proofs.are_needed && has_tokens && entry->proofs == ISSUER_PROOFS_REQUIRED;
    }
    return proofs;
}

void resource_challenge_token(struct buf *out, const struct gateway_snapshot *snapshot,
                              struct slice target, enum challenge_kind kind)
{
    struct slice scopes[RESOURCE_SCOPES_MAX];
    struct challenge challenge = {.kind = kind,
                                  .public_url = snapshot->public_url,
                                  .path = endpoint_path(target),
                                  .needs_proof = resource_proofs_of(snapshot).are_needed,
                                  .scopes = scopes};
    challenge.scope_count = resource_scopes(snapshot, target, scopes);
    challenge_write(out, &challenge);
}

static const struct issuer_entry *issuer_of(const struct operation *op)
{
    const struct identity_snapshot *identity = op->gateway->snapshot->identity;
    return identity == NULL ? NULL : identity_snapshot_named(identity, op->principal->issuer);
}

/* Can the status of the answer still tell, and is there a token that could be a better one? */
static bool can_be_challenged(const struct operation *op)
{
    return op->exchange != NULL && !op->exchange->takes_no_stream && !op->stream_begun &&
           !op->is_stdio && !op->is_linked && issuer_of(op) != NULL;
}

enum challenge_kind resource_challenge_of(const struct operation *op)
{
    const struct policy_demand *demand = op->answer.demand;
    if (demand == NULL || !can_be_challenged(op)) {
        return CHALLENGE_NONE;
    }
    if (demand->sign_in_count == 0 && !demand->has_max_age) {
        return CHALLENGE_SCOPES;
    }
    if (!issuer_of(op)->asks_by_claims) {
        return CHALLENGE_SIGN_IN;
    }
    /* Microsoft Entra ID: a client that does not say it can would sign in again for nothing. */
    return demand->sign_in_count > 0 && op->principal->takes_claims_challenge ? CHALLENGE_CLAIMS
                                                                              : CHALLENGE_NONE;
}

/* What the issuer calls that kind of sign-in. */
static struct slice sign_in_value(const struct issuer_entry *entry, struct slice name)
{
    for (size_t i = 0; i < entry->sign_in_count; i++) {
        if (slice_eq(entry->sign_ins[i].name, name)) {
            return entry->sign_ins[i].value;
        }
    }
    return name;
}

void resource_challenge_demand(struct buf *out, const struct operation *op,
                               enum challenge_kind kind)
{
    const struct policy_demand *demand = op->answer.demand;
    const struct issuer_entry *entry = issuer_of(op);
    struct slice values[POLICY_WORDS_MAX];
    for (size_t i = 0; i < demand->sign_in_count; i++) {
        values[i] = sign_in_value(entry, demand->sign_ins[i]);
    }
    challenge_write(out, &(struct challenge){.kind = kind,
                                             .public_url = op->gateway->snapshot->public_url,
                                             .path = endpoint_path(op->target_path),
                                             .scopes = demand->scopes,
                                             .scope_count = demand->scope_count,
                                             .sign_ins = values,
                                             .sign_in_count = demand->sign_in_count,
                                             .has_max_age = demand->has_max_age,
                                             .max_age_s = demand->max_age_s,
                                             .issuer = entry->issuer,
                                             .tenant = op->principal->tenant});
}
