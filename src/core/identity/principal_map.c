#include "core/identity/principal_map.h"

static enum status no_memory(struct diag *diag)
{
    return diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory to read a token");
}

static enum status map_subject(const struct issuer_entry *entry, const struct claims *claims,
                               struct arena *arena, struct principal *out, struct diag *diag)
{
    enum status status = claims_text(claims, entry->subject_claim, CLAIMS_SUBJECT_BYTES_MAX, arena,
                                     &out->subject, diag);
    if (status == STATUS_OK || status == STATUS_LIMIT) {
        return status;
    }
    return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.subject",
                     "token has no usable subject in claim '%.*s'",
                     SLICE_ARG(entry->subject_claim));
}

static enum status map_tenant(const struct issuer_entry *entry, const struct claims *claims,
                              struct arena *arena, struct principal *out, struct diag *diag)
{
    if (entry->tenant_claim.len == 0) {
        out->tenant = entry->tenant;
        return STATUS_OK;
    }
    enum status status = claims_text(claims, entry->tenant_claim, CLAIMS_SUBJECT_BYTES_MAX, arena,
                                     &out->tenant, diag);
    if (status == STATUS_LIMIT) {
        return status;
    }
    bool is_refused = status == STATUS_NOT_FOUND ? entry->tenant.len > 0 : status != STATUS_OK;
    if (is_refused || (entry->tenant.len > 0 && !slice_eq(out->tenant, entry->tenant))) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.tenant",
                         "token has no accepted tenant in claim '%.*s'",
                         SLICE_ARG(entry->tenant_claim));
    }
    return STATUS_OK;
}

/* OpenID Connect Core §5.6.2: a claim named in "_claim_names" was moved elsewhere. Reading that as
 * "no groups" would make forbids vanish. */
static enum status check_overage(const struct issuer_entry *entry, const struct claims *claims,
                                 struct diag *diag)
{
    json_ref moved = json_member(&claims->tape, 0, SLICE("_claim_names"));
    json_ref marker = json_member(&claims->tape, 0, SLICE("hasgroups"));
    bool is_marked = marker != JSON_NONE && (json_type(&claims->tape, marker) == JSON_TRUE ||
                                             json_string_eq(&claims->tape, marker, SLICE("true")));
    bool is_moved =
        moved != JSON_NONE && (json_member(&claims->tape, moved, entry->group_claim) != JSON_NONE ||
                               json_member(&claims->tape, moved, entry->role_claim) != JSON_NONE);
    if (is_marked || is_moved) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.overage",
                         "the issuer left groups out of the token because there are too many; "
                         "limit the groups it emits or use application roles");
    }
    return STATUS_OK;
}

static bool list_has(const struct slice *items, size_t count, struct slice item)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(items[i], item)) {
            return true;
        }
    }
    return false;
}

/* Only roles that exist in the configuration; others mean something to another application. */
static enum status map_roles(const struct issuer_entry *entry, const struct claims *claims,
                             struct arena *arena, struct principal *out, struct diag *diag)
{
    struct claims_list named;
    TRY(claims_texts(claims, entry->role_claim, 0, arena, &named, diag));
    struct slice *roles = arena_alloc_zero(arena, named.count, sizeof(*roles));
    if (roles == NULL) {
        return no_memory(diag);
    }
    for (size_t i = 0; i < named.count; i++) {
        if (entry->role_count == 0 || list_has(entry->roles, entry->role_count, named.items[i])) {
            roles[out->role_count++] = named.items[i];
        }
    }
    out->roles = roles;
    return STATUS_OK;
}

static enum status map_groups(const struct issuer_entry *entry, const struct claims *claims,
                              struct arena *arena, struct principal *out, struct diag *diag)
{
    struct claims_list groups;
    TRY(claims_texts(claims, entry->group_claim, 0, arena, &groups, diag));
    out->groups = groups.items;
    out->group_count = groups.count;
    return STATUS_OK;
}

static enum status refuse_attribute(const struct issuer_attribute *rule, struct diag *diag)
{
    return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.claim",
                     "claim '%.*s' does not have the type of attribute '%.*s'",
                     SLICE_ARG(rule->claim), SLICE_ARG(rule->name));
}

static enum status map_set(const struct issuer_attribute *rule, const struct claims *claims,
                           struct arena *arena, struct principal_attribute *out, struct diag *diag)
{
    struct claims_list list;
    TRY(claims_texts(claims, rule->claim, 0, arena, &list, diag));
    out->items = list.items;
    out->item_count = list.count;
    return STATUS_OK;
}

/* The value is there and not null. */
static enum status map_attribute(const struct issuer_attribute *rule, const struct claims *claims,
                                 struct arena *arena, struct principal_attribute *out,
                                 struct diag *diag)
{
    json_ref value = claims_find(claims, rule->claim);
    enum json_type type = json_type(&claims->tape, value);
    *out = (struct principal_attribute){.name = rule->name, .type = rule->type};
    switch (rule->type) {
    case PRINCIPAL_TEXT:
        return claims_text(claims, rule->claim, PRINCIPAL_ATTRIBUTE_BYTES_MAX, arena, &out->text,
                           diag);
    case PRINCIPAL_LONG:
        return json_integer(&claims->tape, value, &out->number) == STATUS_OK
                   ? STATUS_OK
                   : refuse_attribute(rule, diag);
    case PRINCIPAL_BOOL:
        out->flag = type == JSON_TRUE;
        return type == JSON_TRUE || type == JSON_FALSE ? STATUS_OK : refuse_attribute(rule, diag);
    case PRINCIPAL_SET:
        return map_set(rule, claims, arena, out, diag);
    }
    return refuse_attribute(rule, diag);
}

static enum status map_attributes(const struct issuer_entry *entry, const struct claims *claims,
                                  struct arena *arena, struct principal *out, struct diag *diag)
{
    struct principal_attribute *attributes =
        arena_alloc_zero(arena, entry->attribute_count, sizeof(*attributes));
    if (attributes == NULL) {
        return no_memory(diag);
    }
    for (size_t i = 0; i < entry->attribute_count; i++) {
        json_ref value = claims_find(claims, entry->attributes[i].claim);
        if (value == JSON_NONE || json_type(&claims->tape, value) == JSON_NULL) {
            continue;
        }
        TRY(map_attribute(&entry->attributes[i], claims, arena, &attributes[out->attribute_count],
                          diag));
        out->attribute_count++;
    }
    out->attributes = attributes;
    return STATUS_OK;
}

/* Names for people. An odd one is left out: it decides nothing. */
static enum status map_display(const struct claims *claims, struct arena *arena,
                               struct principal *out, struct diag *diag)
{
    const struct {
        struct slice claim;
        struct slice *out;
    } texts[] = {{SLICE("email"), &out->email}, {SLICE("name"), &out->name}};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct slice text = SLICE_EMPTY;
        enum status status =
            claims_text(claims, texts[i].claim, CLAIMS_ITEM_BYTES_MAX, arena, &text, NULL);
        if (status == STATUS_LIMIT) {
            return no_memory(diag);
        }
        *texts[i].out = status == STATUS_OK ? text : SLICE_EMPTY;
    }
    return STATUS_OK;
}

static bool claim_is(const struct claims *claims, struct slice name, struct slice text)
{
    json_ref ref = json_member(&claims->tape, 0, name);
    return ref != JSON_NONE && json_string_eq(&claims->tape, ref, text);
}

/* Markers of Entra ID and Auth0; RFC 9068 §2.2: without a person the subject is the client. */
static bool is_service(const struct claims *claims)
{
    return claim_is(claims, SLICE("idtyp"), SLICE("app")) ||
           claim_is(claims, SLICE("gty"), SLICE("client-credentials")) ||
           (claims->client_id.len > 0 && claim_is(claims, SLICE("sub"), claims->client_id));
}

/* Microsoft identity platform, client capabilities: an optional claim, a list or one text. */
static bool takes_claims_challenge(const struct claims *claims, struct arena *arena)
{
    struct claims_list capabilities;
    return claims_texts(claims, SLICE("xms_cc"), ' ', arena, &capabilities, NULL) == STATUS_OK &&
           list_has(capabilities.items, capabilities.count, SLICE("cp1"));
}

enum status principal_map(const struct issuer_entry *entry, const struct claims *claims,
                          struct arena *arena, struct principal *out, struct diag *diag)
{
    *out = (struct principal){.issuer = entry->name,
                              .client_id = claims->client_id,
                              .scopes = claims->scopes.items,
                              .scope_count = claims->scopes.count,
                              .is_service = is_service(claims),
                              .takes_claims_challenge = takes_claims_challenge(claims, arena),
                              .expires_at_s = claims->window.expires_at_s};
    TRY(check_overage(entry, claims, diag));
    TRY(map_subject(entry, claims, arena, out, diag));
    TRY(map_tenant(entry, claims, arena, out, diag));
    TRY(map_roles(entry, claims, arena, out, diag));
    TRY(map_groups(entry, claims, arena, out, diag));
    TRY(map_attributes(entry, claims, arena, out, diag));
    return map_display(claims, arena, out, diag);
}
