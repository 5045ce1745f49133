#include "daemon/assembly.h"

#include "adapters/crypto/authorities.h"

#include "core/sign_in/server_metadata.h"

#include "core/policy/lift.h"
#include "daemon/file.h"
#include "daemon/introspections.h"
#include "daemon/policies.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SNAPSHOT_BYTES_MAX ((size_t)64 << 20)
#define SECRET_BYTES_MAX 16384
#define HOSTS_MAX 64

/* -- servers ------------------------------------------------------------------------------- */

struct build {
    const struct assembly *assembly;
    struct gateway_snapshot *snapshot;
    struct arena *arena; /* the snapshot's */
    struct arena *report_arena;
    struct config_report *report;
};

static void complain(struct build *b, const struct config_place *place, const char *code,
                     struct slice message)
{
    struct config_problem problem = {.file = b->assembly->inputs->config->file,
                                     .line = place->line,
                                     .column = place->column,
                                     .code = code,
                                     .message = message};
    config_report_add(b->report, b->report_arena, &problem);
}

static enum status copy_texts(struct arena *arena, const struct config_texts *texts,
                              const struct slice **out, size_t *count)
{
    struct slice *items = arena_alloc_zero(arena, texts->count, sizeof(*items));
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < texts->count; i++) {
        TRY(arena_copy(arena, texts->items[i], &items[i]));
    }
    *out = items;
    *count = texts->count;
    return STATUS_OK;
}

static enum status build_server(struct build *b, size_t index, struct gateway_server *to)
{
    static const enum server_transport TRANSPORTS[] = {
        [CONFIG_TRANSPORT_ANY] = SERVER_TRANSPORT_ANY,
        [CONFIG_TRANSPORT_STREAMABLE] = SERVER_TRANSPORT_STREAMABLE,
        [CONFIG_TRANSPORT_SSE] = SERVER_TRANSPORT_SSE};
    const struct config_server *from = &b->assembly->inputs->config->servers[index];
    TRY(arena_copy(b->arena, from->name, &to->name));
    TRY(arena_copy(b->arena, from->trust, &to->trust));
    TRY(copy_texts(b->arena, &from->labels, &to->labels, &to->label_count));
    TRY(copy_texts(b->arena, &from->scopes, &to->scopes, &to->scope_count));
    to->is_stdio = from->command.count > 0;
    to->transport = TRANSPORTS[from->transport];
    to->deny_as_error = from->deny_as_error;
    to->is_needed = from->if_down == CONFIG_IF_DOWN_REFUSE;
    to->extensions = from->extensions;
    to->revision = mcp_revision_parse(from->revision);
    to->timeout_ms = from->timeout_ms;
    if (from->credential.kind != CONFIG_CREDENTIAL_HEADER) {
        return STATUS_OK;
    }
    TRY(arena_copy(b->arena, from->credential.name, &to->credential_name));
    struct slice secret = b->assembly->inputs->secrets[index];
    if (secret.ptr != NULL) {
        TRY(arena_copy(b->arena, secret, &to->credential_value));
    } else {
        fprintf(
            stderr,
            "aegis: %.*s:%u: server '%.*s' is unavailable: its credential cannot be read; check "
            "the variable or file it names, then reload; the other servers are served\n",
            SLICE_ARG(b->assembly->inputs->config->file), from->credential.place.line,
            SLICE_ARG(from->name));
        to->is_unavailable = true;
    }
    return STATUS_OK;
}

static enum status build_servers(struct build *b)
{
    const struct config *config = b->assembly->inputs->config;
    struct gateway_server *servers =
        arena_alloc_zero(b->arena, config->server_count, sizeof(*servers));
    if (servers == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < config->server_count; i++) {
        TRY(build_server(b, i, &servers[i]));
    }
    b->snapshot->servers = servers;
    b->snapshot->server_count = config->server_count;
    return STATUS_OK;
}

/* -- views --------------------------------------------------------------------------------- */

/* "server.name": the checks of the configuration saw that there is such a server. */
static enum status read_target(struct build *b, struct slice text, uint32_t *server_index,
                               struct slice *name)
{
    size_t dot = slice_find_byte(text, '.');
    size_t server = gateway_snapshot_server(b->snapshot, slice_sub(text, 0, dot));
    *server_index = (uint32_t)server;
    return server == SIZE_MAX ? STATUS_INVALID
                              : arena_copy(b->arena, slice_sub(text, dot + 1, text.len), name);
}

static enum status build_patterns(struct build *b, const struct config_texts *texts,
                                  struct view_patterns *out)
{
    struct view_pattern *items = arena_alloc_zero(b->arena, texts->count, sizeof(*items));
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < texts->count; i++) {
        TRY(read_target(b, texts->items[i], &items[i].server_index, &items[i].name));
    }
    *out = (struct view_patterns){items, texts->count};
    return STATUS_OK;
}

static enum status build_view_texts(struct build *b, const struct config_variable *variables,
                                    size_t count, struct view_texts *out)
{
    struct view_text *items = arena_alloc_zero(b->arena, count, sizeof(*items));
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        TRY(read_target(b, variables[i].name, &items[i].server_index, &items[i].name));
        TRY(arena_copy(b->arena, variables[i].value, &items[i].text));
    }
    *out = (struct view_texts){items, count};
    return STATUS_OK;
}

static enum status build_view(struct build *b, const struct config_view *from,
                              struct gateway_view *to)
{
    TRY(arena_copy(b->arena, from->name, &to->name));
    TRY(build_patterns(b, &from->tools, &to->tools));
    TRY(build_patterns(b, &from->prompts, &to->prompts));
    TRY(build_patterns(b, &from->resources, &to->resources));
    TRY(build_view_texts(b, from->renames, from->rename_count, &to->renames));
    to->max_tools = (size_t)from->max_tools;
    return build_view_texts(b, from->descriptions, from->description_count, &to->descriptions);
}

static enum status build_views(struct build *b)
{
    const struct config *config = b->assembly->inputs->config;
    struct gateway_view *views = arena_alloc_zero(b->arena, config->view_count, sizeof(*views));
    if (views == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < config->view_count; i++) {
        TRY(build_view(b, &config->views[i], &views[i]));
    }
    b->snapshot->views = views;
    b->snapshot->view_count = config->view_count;
    return STATUS_OK;
}

/* -- identity ------------------------------------------------------------------------------ */

static enum status build_attributes(struct build *b, const struct config_mapping *mapping,
                                    struct issuer_entry *entry)
{
    static const enum principal_attribute_type TYPES[] = {
        [CONFIG_CLAIM_TEXT] = PRINCIPAL_TEXT,
        [CONFIG_CLAIM_LONG] = PRINCIPAL_LONG,
        [CONFIG_CLAIM_BOOL] = PRINCIPAL_BOOL,
        [CONFIG_CLAIM_SET] = PRINCIPAL_SET,
    };
    struct issuer_attribute *attributes =
        arena_alloc_zero(b->arena, mapping->attribute_count, sizeof(*attributes));
    if (attributes == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < mapping->attribute_count; i++) {
        attributes[i] = (struct issuer_attribute){.name = mapping->attributes[i].name,
                                                  .claim = mapping->attributes[i].claim,
                                                  .type = TYPES[mapping->attributes[i].type]};
    }
    entry->attributes = attributes;
    entry->attribute_count = mapping->attribute_count;
    return STATUS_OK;
}

static enum status build_sign_ins(struct build *b, const struct config_issuer *from,
                                  struct issuer_entry *to)
{
    struct issuer_sign_in *sign_ins =
        arena_alloc_zero(b->arena, from->step_up_count, sizeof(*sign_ins));
    if (sign_ins == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < from->step_up_count; i++) {
        sign_ins[i] = (struct issuer_sign_in){from->step_up[i].name, from->step_up[i].value};
    }
    to->sign_ins = sign_ins;
    to->sign_in_count = from->step_up_count;
    to->asks_by_claims = from->preset == ISSUER_PRESET_ENTRA;
    return STATUS_OK;
}

static enum status build_role_sources(struct build *b, const struct config_mapping *mapping,
                                      struct issuer_entry *entry)
{
    struct issuer_role_source *sources =
        arena_alloc_zero(b->arena, mapping->role_count, sizeof(*sources));
    if (sources == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < mapping->role_count; i++) {
        const struct config_role_source *from = &mapping->roles[i];
        struct issuer_role_value *values =
            arena_alloc_zero(b->arena, from->value_count, sizeof(*values));
        if (values == NULL) {
            return STATUS_LIMIT;
        }
        for (size_t k = 0; k < from->value_count; k++) {
            values[k] = (struct issuer_role_value){from->values[k].name, from->values[k].value};
        }
        sources[i] = (struct issuer_role_source){.claim = from->claim,
                                                 .kind = from->kind,
                                                 .prefix = from->prefix,
                                                 .values = values,
                                                 .value_count = from->value_count};
    }
    entry->role_sources = sources;
    entry->role_source_count = mapping->role_count;
    return STATUS_OK;
}

/* What the configuration says proves a factor, from both of its lists of three claims each. */
static enum status build_evidence(struct build *b, const struct config_issuer *from,
                                  struct issuer_entry *entry)
{
    const struct {
        const struct config_texts *values;
        enum issuer_evidence_claim claim;
        enum auth_strength strength;
    } lists[] = {
        {&from->mfa.amr, ISSUER_EVIDENCE_AMR, AUTH_MFA},
        {&from->mfa.acr, ISSUER_EVIDENCE_ACR, AUTH_MFA},
        {&from->mfa.acrs, ISSUER_EVIDENCE_ACRS, AUTH_MFA},
        {&from->phishing_resistant.amr, ISSUER_EVIDENCE_AMR, AUTH_PHISHING_RESISTANT},
        {&from->phishing_resistant.acr, ISSUER_EVIDENCE_ACR, AUTH_PHISHING_RESISTANT},
        {&from->phishing_resistant.acrs, ISSUER_EVIDENCE_ACRS, AUTH_PHISHING_RESISTANT},
    };
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        count += lists[i].values->count;
    }
    struct issuer_evidence *evidence = arena_alloc_zero(b->arena, count, sizeof(*evidence));
    if (evidence == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        for (size_t k = 0; k < lists[i].values->count; k++) {
            evidence[entry->evidence_count++] = (struct issuer_evidence){
                lists[i].claim, lists[i].values->items[k], lists[i].strength};
        }
    }
    entry->evidence = evidence;
    return STATUS_OK;
}

/* Texts are borrowed from the configuration: identity_snapshot_new copies what it keeps. */
static enum status build_issuer(struct build *b, const struct config_issuer *from,
                                struct issuer_entry *to)
{
    *to = (struct issuer_entry){
        .name = from->name,
        .issuer = from->issuer,
        .audiences = from->audience.items,
        .audience_count = from->audience.count,
        .is_audience_strict = from->strict_audience,
        .other_audiences = from->other_audiences.items,
        .other_audience_count = from->other_audiences.count,
        .skew_s = from->skew_s,
        .max_age_s = from->max_token_age_s,
        .preset = from->preset,
        .aliases = from->accepted_issuers.items,
        .alias_count = from->accepted_issuers.count,
        .typ = from->token_kind,
        .version = from->token_ver,
        .subjects = from->mapping.subject.items,
        .subject_count = from->mapping.subject.count,
        .tenant_claim = from->mapping.tenant,
        .tenants = from->tenants.items,
        .tenant_count = from->tenants.count,
        .needs_tenant = from->needs_tenant,
        .group_claim = from->mapping.groups,
        .amr_claim = from->mapping.amr,
        .acr_claim = from->mapping.acr,
        .roles = from->roles.items,
        .role_count = from->roles.count,
    };
    bool is_only_asked = config_issuer_is_asked(from) && !config_issuer_signs(from);
    to->kind = is_only_asked ? ISSUER_OF_ANSWERS : ISSUER_OF_TOKENS;
    to->inquiry = introspections_rules(from);
    to->algorithms = from->algorithms;
    static const enum issuer_proof_policy PROOFS[] = {
        [CONFIG_PROOFS_OPTIONAL] = ISSUER_PROOFS_OPTIONAL,
        [CONFIG_PROOFS_REQUIRED] = ISSUER_PROOFS_REQUIRED,
        [CONFIG_PROOFS_OFF] = ISSUER_PROOFS_OFF};
    to->proofs = PROOFS[from->proofs];
    to->certificates = PROOFS[from->certificates];
    to->asks_nonce = from->asks_nonce;
    TRY(build_sign_ins(b, from, to));
    TRY(build_role_sources(b, &from->mapping, to));
    TRY(build_evidence(b, from, to));
    return build_attributes(b, &from->mapping, to);
}

/* A list that cannot be understood is a mistake like any other in the configuration. */
static enum status build_api_keys(struct build *b, size_t index, struct issuer_entry *to)
{
    const struct config_issuer *from = &b->assembly->inputs->config->issuers[index];
    struct diag diag = {0};
    if (from->preset != ISSUER_PRESET_API_KEYS) {
        return STATUS_OK;
    }
    to->kind = ISSUER_OF_KEYS;
    enum status status = api_keys_read(b->assembly->parser, b->assembly->inputs->api_keys[index],
                                       b->report_arena, &to->keys, &to->key_count, &diag);
    if (status == STATUS_INVALID) {
        struct slice message = SLICE_EMPTY;
        TRY(arena_format(b->report_arena, &message, "the keys of '%.*s': %s", SLICE_ARG(from->name),
                         diag.message));
        complain(b, &from->place, "identity.keys", message);
        return STATUS_OK;
    }
    return status;
}

/* Likewise of the file of authorities. */
static enum status build_authorities(struct build *b, size_t index, struct issuer_entry *to)
{
    const struct config_issuer *from = &b->assembly->inputs->config->issuers[index];
    struct diag diag = {0};
    if (from->preset != ISSUER_PRESET_MTLS) {
        return STATUS_OK;
    }
    to->kind = ISSUER_OF_CERTIFICATES;
    to->is_of_people = from->callers == CONFIG_CALLERS_USER;
    enum status status = authorities_hash(b->assembly->inputs->authorities[index], b->report_arena,
                                          &to->authorities, &to->authority_count, &diag);
    if (status == STATUS_INVALID) {
        struct slice message = SLICE_EMPTY;
        TRY(arena_format(b->report_arena, &message, "the authorities of '%.*s': the file %s",
                         SLICE_ARG(from->name), diag.message));
        complain(b, &from->place, "identity.authorities", message);
        return STATUS_OK;
    }
    return status;
}

static enum status build_identity(struct build *b)
{
    const struct config *config = b->assembly->inputs->config;
    struct issuer_entry entries[IDENTITY_ENTRIES_MAX];
    struct jwks *keys[IDENTITY_ENTRIES_MAX] = {0};
    struct diag diag = {0};
    size_t count =
        config->issuer_count < IDENTITY_ENTRIES_MAX ? config->issuer_count : IDENTITY_ENTRIES_MAX;
    for (size_t i = 0; i < count; i++) {
        TRY(build_issuer(b, &config->issuers[i], &entries[i]));
        TRY(build_api_keys(b, i, &entries[i]));
        TRY(build_authorities(b, i, &entries[i]));
    }
    key_sets_take(b->assembly->keys, config, keys);
    struct identity_config identity = {entries, count};
    enum status status = identity_snapshot_new(&identity, keys, b->assembly->generation,
                                               &b->snapshot->identity, &diag);
    for (size_t i = 0; i < count; i++) {
        jwks_unref(keys[i]);
    }
    if (status != STATUS_OK) {
        struct slice message = SLICE_EMPTY;
        (void)!arena_copy(b->report_arena, slice_view_cstr(diag.message), &message);
        complain(b, &(struct config_place){0}, "identity.invalid", message);
    }
    return STATUS_OK;
}

/* -- front doors --------------------------------------------------------------------------- */

#define SIGN_IN_SECRET_BYTES_MIN 16 /* a shorter one could be guessed from what it seals */

static enum status join_scopes(struct build *b, const struct config_texts *scopes,
                               struct slice *out)
{
    for (size_t i = 0; i < scopes->count; i++) {
        const struct slice parts[] = {*out, i > 0 ? SLICE(" ") : SLICE_EMPTY, scopes->items[i]};
        TRY(arena_join(b->arena, parts, COUNT_OF(parts), out));
    }
    return STATUS_OK;
}

/* What clients keep for longer than the process lives is sealed by a key that is the same on every
 * node and after a restart, and changes with the secret. */
static enum status derive_door_key(struct build *b, struct gateway_front_door *to)
{
    const struct port_crypto *crypto = b->assembly->crypto;
    const struct slice parts[] = {SLICE("aegis sign-in key 1:"), to->client_secret};
    struct slice text = SLICE_EMPTY;
    TRY(arena_join(b->arena, parts, COUNT_OF(parts), &text));
    crypto->sha256(crypto->context, text, to->key);
    return STATUS_OK;
}

static enum status copy_ranges(struct build *b, const struct network_range *from, size_t count,
                               const struct network_range **to)
{
    struct network_range *ranges = arena_alloc_zero(b->arena, count, sizeof(*ranges));
    if (ranges == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        ranges[i] = from[i];
    }
    *to = ranges;
    return STATUS_OK;
}

static enum status build_documents(struct build *b)
{
    const struct inputs *inputs = b->assembly->inputs;
    const struct config_client_documents *from = &inputs->config->client_documents;
    struct gateway_documents *to = &b->snapshot->documents;
    to->range_count = from->networks.count;
    to->is_closed = from->ca.len > 0 && inputs->document_authorities.len == 0;
    if (to->is_closed) {
        fprintf(stderr,
                "aegis: %.*s: no document of a client is fetched: client_documents.ca cannot "
                "be read; check the file, then reload\n",
                SLICE_ARG(inputs->config->file));
    }
    TRY(arena_copy(b->arena, inputs->document_authorities, &to->authorities));
    return copy_ranges(b, from->ranges, from->networks.count, &to->ranges);
}

static enum status copy_offer(struct build *b, const struct config_sign_in *from,
                              struct wishes_offer *to)
{
    struct wishes_scope *scopes =
        arena_alloc_zero(b->arena, from->optional_scope_count, sizeof(*scopes));
    if (scopes == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < from->optional_scope_count; i++) {
        TRY(arena_copy(b->arena, from->optional_scopes[i].name, &scopes[i].name));
        TRY(arena_copy(b->arena, from->optional_scopes[i].value, &scopes[i].provider));
    }
    to->scopes = scopes;
    to->scope_count = from->optional_scope_count;
    return STATUS_OK;
}

/* Where people sign in: what the configuration says, else what the issuer's metadata say. */
static enum status set_endpoints(struct build *b, const struct config_issuer *issuer,
                                 struct gateway_front_door *to)
{
    const struct config_sign_in *from = &issuer->sign_in;
    struct key_sets_endpoints endpoints = {.authorization = from->authorization_endpoint.text,
                                           .token = from->token_endpoint.text,
                                           .is_local = !from->token_endpoint.is_https};
    if (config_sign_in_is_found(issuer)) {
        endpoints = key_sets_endpoints(b->assembly->keys, issuer);
    }
    to->is_local = endpoints.is_local;
    to->names_issuer = from->names_issuer || endpoints.names_issuer;
    TRY(arena_copy(b->arena, endpoints.authorization, &to->authorization_endpoint));
    return arena_copy(b->arena, endpoints.token, &to->token_endpoint);
}

static enum status build_front_door(struct build *b, const struct config_issuer *issuer,
                                    struct slice secret, struct gateway_front_door *to)
{
    const struct config_sign_in *from = &issuer->sign_in;
    TRY(arena_copy(b->arena, issuer->name, &to->name));
    TRY(arena_format(b->arena, &to->issuer, "%.*s" SIGN_IN_PATH "%.*s",
                     SLICE_ARG(b->snapshot->public_url), SLICE_ARG(issuer->name)));
    TRY(arena_copy(b->arena, issuer->issuer, &to->provider));
    TRY(arena_copy(b->arena, from->client_id, &to->client_id));
    TRY(arena_copy(b->arena, secret, &to->client_secret));
    TRY(set_endpoints(b, issuer, to));
    TRY(arena_copy(b->arena, from->resource, &to->resource));
    TRY(join_scopes(b, &from->scopes, &to->scope));
    TRY(copy_offer(b, from, &to->offer));
    TRY(copy_ranges(b, issuer->ranges, issuer->networks.count, &to->ranges));
    to->range_count = issuer->networks.count;
    TRY(arena_copy(b->arena, issuer->authorities, &to->authorities));
    to->offer.takes_claims = issuer->preset == ISSUER_PRESET_ENTRA;
    to->hands_on_id_token = from->hands_on == CONFIG_HAND_ON_ID_TOKEN;
    return derive_door_key(b, to);
}

static enum status build_front_doors(struct build *b)
{
    const struct inputs *inputs = b->assembly->inputs;
    const struct config *config = inputs->config;
    struct gateway_front_door *doors =
        arena_alloc_zero(b->arena, config->issuer_count, sizeof(*doors));
    if (doors == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < config->issuer_count && !b->assembly->no_auth; i++) {
        const struct config_issuer *issuer = &config->issuers[i];
        if (issuer->sign_in.client_id.len == 0) {
            continue;
        }
        if (inputs->sign_in_secrets[i].len >= SIGN_IN_SECRET_BYTES_MIN) {
            TRY(build_front_door(b, issuer, inputs->sign_in_secrets[i],
                                 &doors[b->snapshot->front_door_count++]));
            continue;
        }
        fprintf(stderr,
                "aegis: %.*s:%u: nobody can sign in by '%.*s': its client_secret cannot be read or "
                "has less than %d characters; check the variable or file it names, then reload\n",
                SLICE_ARG(config->file), issuer->sign_in.place.line, SLICE_ARG(issuer->name),
                SIGN_IN_SECRET_BYTES_MIN);
    }
    b->snapshot->front_doors = doors;
    return STATUS_OK;
}

/* The doors of a snapshot that is derived: those that were built, with the endpoints of now. */
static enum status renew_front_doors(struct build *b)
{
    const struct config *config = b->assembly->inputs->config;
    const struct gateway_snapshot *built = b->snapshot->base;
    struct gateway_front_door *doors =
        arena_alloc_zero(b->arena, built->front_door_count, sizeof(*doors));
    if (doors == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < built->front_door_count; i++) {
        doors[i] = built->front_doors[i];
        for (size_t k = 0; k < config->issuer_count; k++) {
            if (slice_eq(config->issuers[k].name, doors[i].name)) {
                TRY(set_endpoints(b, &config->issuers[k], &doors[i]));
            }
        }
    }
    b->snapshot->front_doors = doors;
    return STATUS_OK;
}

/* Without authentication the caller is the person who runs the process. */
static enum status build_local_principal(struct build *b)
{
    char name[64];
    const struct passwd *user = getpwuid(getuid());
    struct diag diag = {0};
    static const struct slice ROLES[] = {SLICE_INIT("Local")};
    (void)snprintf(name, sizeof(name), "uid:%u", (unsigned)getuid());
    struct principal fields = {.issuer = SLICE("local"),
                               .subject = user != NULL ? slice_view_cstr(user->pw_name)
                                                       : slice_view_cstr(name),
                               .roles = ROLES,
                               .role_count = COUNT_OF(ROLES),
                               .expires_at_s = INT64_MAX};
    return principal_new(&fields, b->assembly->crypto, &b->snapshot->local_principal, &diag);
}

/* -- hosts --------------------------------------------------------------------------------- */

static enum status add_host(struct build *b, struct slice *hosts, size_t *count, struct slice host,
                            uint16_t port)
{
    bool is_v6 = slice_find_byte(host, ':') < host.len;
    if (*count == HOSTS_MAX) {
        return STATUS_LIMIT;
    }
    return arena_format(b->arena, &hosts[(*count)++], is_v6 ? "[%.*s]:%u" : "%.*s:%u",
                        SLICE_ARG(host), (unsigned)port);
}

/* What Host may say: the configured list, or the names the listener goes by. */
static enum status build_hosts(struct build *b)
{
    const struct config *config = b->assembly->inputs->config;
    if (config->hosts.count > 0) {
        return copy_texts(b->arena, &config->hosts, &b->snapshot->hosts, &b->snapshot->host_count);
    }
    struct slice *hosts = arena_alloc_zero(b->arena, HOSTS_MAX, sizeof(*hosts));
    size_t count = 0;
    uint16_t port = b->assembly->port;
    if (hosts == NULL) {
        return STATUS_LIMIT;
    }
    TRY(add_host(b, hosts, &count, config->listen.address.host, port));
    if (config->listen.address.is_loopback) {
        TRY(add_host(b, hosts, &count, SLICE("localhost"), port));
        TRY(add_host(b, hosts, &count, SLICE("127.0.0.1"), port));
        TRY(add_host(b, hosts, &count, SLICE("::1"), port));
    }
    const struct config_url *url = &config->listen.public_url;
    if (url->text.len > 0) {
        TRY(add_host(b, hosts, &count, url->host, url->port));
        TRY(arena_copy(b->arena, url->host,
                       &hosts[count++])); /* the scheme's own port is left out */
    }
    b->snapshot->hosts = hosts;
    b->snapshot->host_count = count;
    return STATUS_OK;
}

static const char *listener_scheme(const struct config *config)
{
    return config->listen.tls.cert.len > 0 ? "https" : "http";
}

/* What Origin may say: the configured list and, on loopback, the names this machine has for us. A
 * page that found us by another name, which is what rebinding needs, is not among them. */
static enum status build_origins(struct build *b)
{
    static const char *const OWN[] = {"localhost", "127.0.0.1", "[::1]"};
    const struct config *config = b->assembly->inputs->config;
    size_t count = config->origins.count;
    size_t own_count = config->listen.address.is_loopback ? COUNT_OF(OWN) : 0;
    struct slice *origins = arena_alloc_zero(b->arena, count + own_count, sizeof(*origins));
    if (origins == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        TRY(arena_copy(b->arena, config->origins.items[i], &origins[i]));
    }
    for (size_t i = 0; i < own_count; i++) {
        TRY(arena_format(b->arena, &origins[count + i], "%s://%s:%u", listener_scheme(config),
                         OWN[i], (unsigned)b->assembly->port));
    }
    b->snapshot->origins = origins;
    b->snapshot->origin_count = count + own_count;
    return STATUS_OK;
}

static enum status build_public_url(struct build *b)
{
    const struct config *config = b->assembly->inputs->config;
    if (config->listen.public_url.text.len > 0) {
        return arena_copy(b->arena, config->listen.public_url.text, &b->snapshot->public_url);
    }
    return arena_format(b->arena, &b->snapshot->public_url, "%s://%.*s:%u", listener_scheme(config),
                        SLICE_ARG(config->listen.address.host), (unsigned)b->assembly->port);
}

/* Which policies are these? The hash of the hashes of their sources, in the order they are read. */
static enum status build_policies(struct build *b)
{
    const struct port_crypto *crypto = b->assembly->crypto;
    const struct policy_files *files = &b->assembly->inputs->policies;
    TRY(policies_load(files, b->report_arena, &b->snapshot->policies, b->report));
    if (b->snapshot->policies != NULL) {
        TRY(policy_lift_all(b->snapshot->policies, &b->snapshot->lifted));
    }
    uint8_t *hashes = arena_alloc(b->report_arena, files->count * CRYPTO_SHA256_BYTES);
    if (hashes == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < files->count; i++) {
        crypto->sha256(crypto->context, files->sources[i].text, hashes + i * CRYPTO_SHA256_BYTES);
    }
    crypto->sha256(crypto->context, slice_of(hashes, files->count * CRYPTO_SHA256_BYTES),
                   b->snapshot->policy_hash);
    return STATUS_OK;
}

static uint32_t spoken_revisions(const struct config *config)
{
    uint32_t revisions = 0;
    for (size_t i = 0; i < config->revisions.count; i++) {
        revisions |= MCP_REVISION_BIT(mcp_revision_parse(config->revisions.items[i]));
    }
    return config->revisions.count > 0 ? revisions : MCP_REVISIONS_LEGACY | MCP_REVISIONS_MODERN;
}

static void take_shared(const struct assembly *assembly, struct gateway_snapshot *snapshot)
{
    if (assembly->sealing != NULL) {
        snapshot->sealing = *assembly->sealing;
    }
    revocations_unref(snapshot->revocations);
    snapshot->revocations =
        assembly->revocations == NULL ? NULL : revocations_ref(assembly->revocations->list);
    snapshot->are_revocations_stale =
        assembly->revocations != NULL && assembly->revocations->is_stale;
}

static enum status build_all(struct build *b)
{
    const struct assembly *assembly = b->assembly;
    const struct config *config = assembly->inputs->config;
    b->snapshot->revisions = spoken_revisions(config);
    b->snapshot->is_proxy = assembly->is_proxy;
    b->snapshot->asks_certificates = config->listen.tls.client_ca.count > 0;
    take_shared(assembly, b->snapshot);
    TRY(build_servers(b));
    TRY(build_views(b));
    TRY(build_hosts(b));
    TRY(build_public_url(b));
    TRY(build_front_doors(b));
    TRY(build_documents(b));
    TRY(build_origins(b));
    TRY(copy_texts(b->arena, &config->listen.scopes, &b->snapshot->scopes,
                   &b->snapshot->scope_count));
    TRY(assembly->no_auth ? build_local_principal(b) : build_identity(b));
    TRY(build_policies(b));
    return b->report->count > 0 ? STATUS_INVALID : STATUS_OK;
}

enum status assembly_build(const struct assembly *assembly, struct arena *arena,
                           struct gateway_snapshot **out, struct config_report *report)
{
    struct arena own;
    arena_init(&own, SNAPSHOT_BYTES_MAX, NULL);
    struct gateway_snapshot *snapshot = arena_alloc_zero(&own, 1, sizeof(*snapshot));
    if (snapshot == NULL) {
        return STATUS_LIMIT;
    }
    snapshot->references = 1;
    snapshot->arena = own;
    struct build build = {.assembly = assembly,
                          .snapshot = snapshot,
                          .arena = &snapshot->arena,
                          .report_arena = arena,
                          .report = report};
    enum status status = build_all(&build);
    if (status != STATUS_OK) {
        gateway_snapshot_unref(snapshot);
        return status;
    }
    *out = snapshot;
    return STATUS_OK;
}

static enum status derive(const struct assembly *assembly, struct gateway_snapshot *current,
                          struct gateway_snapshot **out)
{
    TRY(gateway_snapshot_derive(current, out));
    struct build build = {.assembly = assembly, .snapshot = *out, .arena = &(*out)->arena};
    enum status status = renew_front_doors(&build);
    if (status != STATUS_OK) {
        gateway_snapshot_unref(*out);
    }
    return status;
}

enum status assembly_renew_keys(const struct assembly *assembly, struct gateway_snapshot *current,
                                struct arena *arena, struct gateway_snapshot **out)
{
    struct config_report report = {0};
    struct gateway_snapshot *snapshot = NULL;
    TRY(derive(assembly, current, &snapshot));
    struct build build = {.assembly = assembly,
                          .snapshot = snapshot,
                          .arena = &snapshot->arena,
                          .report_arena = arena,
                          .report = &report};
    enum status status = build_identity(&build);
    status = status == STATUS_OK && report.count > 0 ? STATUS_INVALID : status;
    if (status != STATUS_OK) {
        gateway_snapshot_unref(snapshot);
        return status;
    }
    *out = snapshot;
    return STATUS_OK;
}

enum status assembly_renew_revocations(const struct assembly *assembly,
                                       struct gateway_snapshot *current,
                                       struct gateway_snapshot **out)
{
    TRY(derive(assembly, current, out));
    if (current->identity != NULL) {
        (*out)->identity = identity_snapshot_ref(current->identity);
    }
    take_shared(assembly, *out);
    return STATUS_OK;
}
