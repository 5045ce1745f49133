#include "core/gateway/public_path.h"

#include "core/gateway/endpoint.h"
#include "core/gateway/resource.h"

#define LIVE_PATH SLICE("/healthz")
#define READY_PATH SLICE("/ready")
#define METADATA_BYTES_MAX 8192
#define METADATA_SERVERS_MAX 32

/* RFC 9728 §3.1: the metadata of an endpoint lies behind the well-known part; with nothing behind
 * it is that of the gateway itself. */
static bool is_metadata_path(struct slice target)
{
    const struct slice prefix = SLICE(CHALLENGE_METADATA_PATH);
    struct slice resource_path = slice_sub(target, prefix.len, target.len);
    struct endpoint endpoint;
    return slice_starts_with(target, prefix) &&
           (resource_path.len == 0 ||
            (endpoint_parse(resource_path, &endpoint) && endpoint.kind != ENDPOINT_MESSAGES));
}

bool public_path_is(struct slice target)
{
    return slice_eq(target, LIVE_PATH) || slice_eq(target, READY_PATH) || is_metadata_path(target);
}

bool public_path_takes(struct slice target, struct slice method)
{
    /* The transport leaves the body of a HEAD away. */
    return slice_eq(method, SLICE("GET")) || slice_eq(method, SLICE("HEAD")) ||
           (slice_eq(method, SLICE("OPTIONS")) && is_metadata_path(target));
}

/* Clients ask for metadata with a field of MCP, for which a browser needs a leave. */
static void answer_metadata_preflight(struct exchange *exchange)
{
    static const struct http_field FIELDS[] = {
        {SLICE_INIT("Access-Control-Allow-Origin"), SLICE_INIT("*")},
        {SLICE_INIT("Access-Control-Allow-Methods"), SLICE_INIT("GET")},
        {SLICE_INIT("Access-Control-Allow-Headers"), SLICE_INIT("MCP-Protocol-Version")},
        {SLICE_INIT("Access-Control-Max-Age"), SLICE_INIT("600")}};
    exchange->vtable->reply(exchange, &(struct exchange_reply){.status_code = 204,
                                                               .fields = FIELDS,
                                                               .field_count = COUNT_OF(FIELDS)});
}

static void answer_metadata(struct gateway *gateway, struct exchange *exchange, struct slice path)
{
    static const struct http_field FIELDS[] = {
        {SLICE_INIT("Content-Type"), SLICE_INIT("application/json")},
        {SLICE_INIT("Access-Control-Allow-Origin"), SLICE_INIT("*")}};
    const struct gateway_snapshot *snapshot = gateway->snapshot;
    struct slice resource_path = slice_sub(path, SLICE(CHALLENGE_METADATA_PATH).len, path.len);
    struct buf resource;
    struct buf body;
    buf_init(&resource, METADATA_BYTES_MAX, &gateway->account);
    buf_init(&body, METADATA_BYTES_MAX, &gateway->account);
    buf_append(&resource, snapshot->public_url);
    buf_append(&resource, resource_path);
    struct slice issuers[METADATA_SERVERS_MAX];
    size_t count = 0;
    const struct identity_config *config =
        snapshot->identity == NULL ? NULL : identity_snapshot_config(snapshot->identity);
    for (size_t i = 0; config != NULL && i < config->entry_count && i < COUNT_OF(issuers); i++) {
        const struct gateway_front_door *door =
            gateway_snapshot_front_door(snapshot, config->entries[i].name);
        /* An issuer of many tenants has no address of its own; tenants are named in the docs. */
        if (door != NULL) {
            issuers[count++] = door->issuer;
        } else if (config->entries[i].kind == ISSUER_OF_TOKENS &&
                   !issuer_entry_has_tenants(&config->entries[i])) {
            issuers[count++] = config->entries[i].issuer;
        }
    }
    struct slice scopes[RESOURCE_SCOPES_MAX];
    struct resource_proofs proofs = resource_proofs_of(snapshot);
    challenge_metadata_write(&body,
                             &(struct challenge_metadata){
                                 .resource = buf_view(&resource),
                                 .scopes = scopes,
                                 .scope_count = resource_scopes(snapshot, resource_path, scopes),
                                 .resource_name = SLICE("Aegis MCP Gateway"),
                                 .takes_proofs = proofs.are_taken,
                                 .needs_proofs = proofs.are_needed,
                                 .takes_certificates = proofs.are_certificates_taken,
                                 .authorization_servers = issuers,
                                 .authorization_server_count = count});
    struct exchange_reply reply = {.status_code = buf_status(&body) == STATUS_OK ? 200 : 503,
                                   .fields = FIELDS,
                                   .field_count = COUNT_OF(FIELDS),
                                   .body = buf_view(&body)};
    exchange->vtable->reply(exchange, &reply);
    buf_release(&body);
    buf_release(&resource);
}

/* Not one issuer has keys: whoever calls is refused, whatever token he has. */
static bool lacks_all_keys(const struct gateway_snapshot *snapshot)
{
    if (snapshot->local_principal != NULL) {
        return false;
    }
    size_t count =
        snapshot->identity == NULL ? 0 : identity_snapshot_config(snapshot->identity)->entry_count;
    for (size_t i = 0; i < count; i++) {
        if (identity_snapshot_is_ready(snapshot->identity, i)) {
            return false;
        }
    }
    return true;
}

/* What every call would be refused for now, by the name of that refusal. A restart mends none of
 * these, so they say nothing about whether the process is alive. */
static void answer_readiness(struct gateway *gateway, struct exchange *exchange)
{
    static const struct http_field FIELDS[] = {
        {SLICE_INIT("Content-Type"), SLICE_INIT("application/json")},
        {SLICE_INIT("Cache-Control"), SLICE_INIT("no-store")}};
    const struct port_journal *journal = gateway->ports.journal;
    const struct cedar_policy_set *policies = gateway->snapshot->policies;
    struct exchange_reply reply = {
        .status_code = 503, .fields = FIELDS, .field_count = COUNT_OF(FIELDS)};
    if (journal != NULL && !journal->is_healthy(journal->context)) {
        reply.body = SLICE("{\"ready\":false,\"reason\":\"audit_unavailable\"}");
    } else if (policies == NULL || cedar_policy_count(policies) == 0) {
        reply.body = SLICE("{\"ready\":false,\"reason\":\"policy_unavailable\"}");
    } else if (lacks_all_keys(gateway->snapshot)) {
        reply.body = SLICE("{\"ready\":false,\"reason\":\"identity_unavailable\"}");
    } else {
        reply.status_code = 200;
        reply.body = gateway->snapshot->are_revocations_stale
                         ? SLICE("{\"ready\":true,\"degraded\":\"revocations_stale\"}")
                         : SLICE("{\"ready\":true}");
    }
    exchange->vtable->reply(exchange, &reply);
}

void public_path_answer(struct gateway *gateway, struct exchange *exchange, struct slice target,
                        struct slice method)
{
    if (slice_eq(method, SLICE("OPTIONS"))) {
        answer_metadata_preflight(exchange);
    } else if (slice_eq(target, LIVE_PATH)) {
        exchange->vtable->reply(exchange, &(struct exchange_reply){.status_code = 200});
    } else if (slice_eq(target, READY_PATH)) {
        answer_readiness(gateway, exchange);
    } else {
        answer_metadata(gateway, exchange, target);
    }
}
