#include "core/identity/principal_map.h"

#include "core/identity/sign_in.h"

static enum status no_memory(struct diag *diag)
{
    return diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory to read a token");
}

/* The first claim that is there decides; the same text in another claim would be somebody else. */
static enum status map_subject(const struct issuer_entry *entry, const struct claims *claims,
                               struct arena *arena, struct principal *out, struct diag *diag)
{
    for (size_t i = 0; i < entry->subject_count; i++) {
        struct slice claim = entry->subjects[i];
        enum status status =
            claims_text(claims, claim, CLAIMS_SUBJECT_BYTES_MAX, arena, &out->subject, diag);
        if (status == STATUS_LIMIT) {
            return status;
        }
        if (status == STATUS_OK) {
            bool is_own = slice_eq(claim, issuer_preset(entry->preset)->subjects[0]);
            out->subject_claim = is_own ? SLICE_EMPTY : claim;
            return STATUS_OK;
        }
        if (status != STATUS_NOT_FOUND) {
            break;
        }
    }
    return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.subject",
                     "token has no usable subject in claim '%.*s'", SLICE_ARG(entry->subjects[0]));
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

static enum status refuse_tenant(const struct issuer_entry *entry, const char *problem,
                                 struct diag *diag)
{
    return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.tenant", "%s in claim '%.*s'", problem,
                     SLICE_ARG(entry->tenant_claim));
}

/* In the id of a principal '|' ends the tenant (scene.c). */
static enum status read_tenant(const struct issuer_entry *entry, const struct claims *claims,
                               struct arena *arena, struct slice *out, struct diag *diag)
{
    bool is_needed = entry->needs_tenant || entry->tenant_count > 0 ||
                     claims_is_moved(claims, entry->tenant_claim);
    enum status status =
        claims_text(claims, entry->tenant_claim, CLAIMS_SUBJECT_BYTES_MAX, arena, out, diag);
    if (status == STATUS_LIMIT) {
        return status;
    }
    if (status == STATUS_NOT_FOUND) {
        return is_needed ? refuse_tenant(entry, "token has no tenant", diag) : STATUS_OK;
    }
    if (status != STATUS_OK || slice_find_byte(*out, '|') < out->len) {
        return refuse_tenant(entry, "token has no usable tenant", diag);
    }
    if (entry->tenant_count > 0 && !list_has(entry->tenants, entry->tenant_count, *out)) {
        return refuse_tenant(entry, "token is of a tenant that is not accepted,", diag);
    }
    return STATUS_OK;
}

enum status principal_map_tenant(const struct issuer_entry *entry, const struct claims *claims,
                                 struct arena *arena, struct slice *out, struct diag *diag)
{
    *out = SLICE_EMPTY;
    if (entry->tenant_claim.len > 0) {
        TRY(read_tenant(entry, claims, arena, out, diag));
    } else if (entry->tenant_count > 0) {
        *out = entry->tenants[0];
    }
    /* Keys may be shared by tenants: the issuer must be that of the very tenant. */
    if (!issuer_entry_is(entry, claims->issuer, *out)) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.issuer",
                         "token's issuer is not that of its tenant");
    }
    return STATUS_OK;
}

/* Entra's implicit flow names no other place for the groups, it says that there are some. Only a
 * clear no is none. */
static bool has_too_many_groups(const struct claims *claims)
{
    json_ref marker = json_member(&claims->tape, 0, SLICE("hasgroups"));
    enum json_type type = marker == JSON_NONE ? JSON_NULL : json_type(&claims->tape, marker);
    return type != JSON_NULL && type != JSON_FALSE &&
           !json_string_eq(&claims->tape, marker, SLICE("false"));
}

bool principal_map_lacks_groups(const struct claims *claims)
{
    return claims_is_moved(claims, SLICE("groups")) || has_too_many_groups(claims);
}

/* Read as "there is none" it would make forbids vanish, so what was left out is not known. */
static bool is_left_out(const struct issuer_entry *entry, const struct claims *claims,
                        struct slice path)
{
    bool is_of_groups = slice_eq(path, entry->group_claim) || slice_eq(path, SLICE("groups")) ||
                        slice_eq(path, SLICE("/groups"));
    return !claims_is_looked_up(claims, path) &&
           (claims_is_moved(claims, path) || (is_of_groups && has_too_many_groups(claims)));
}

static enum status refuse_left_out(struct slice claim, const char *of_what, struct diag *diag)
{
    return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.overage",
                     "the issuer left claim '%.*s' out of the token, so its %s not known",
                     SLICE_ARG(claim), of_what);
}

struct role_list {
    struct slice *items;
    size_t count;
};

/* Only roles that exist in the configuration; others mean something to another application. */
static enum status add_role(const struct issuer_entry *entry, struct slice role,
                            struct role_list *roles, struct diag *diag)
{
    if (entry->role_count > 0 && !list_has(entry->roles, entry->role_count, role)) {
        return STATUS_OK;
    }
    if (roles->count == CLAIMS_LIST_MAX) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.claim",
                         "token has more than %d roles", CLAIMS_LIST_MAX);
    }
    roles->items[roles->count++] = role;
    return STATUS_OK;
}

/* A value that looks like one of a source with a prefix must not pass for it. */
static bool is_disguised(const struct issuer_entry *entry, struct slice value)
{
    for (size_t i = 0; i < entry->role_source_count; i++) {
        struct slice prefix = entry->role_sources[i].prefix;
        if (prefix.len > 0 && slice_starts_with(value, prefix)) {
            return true;
        }
    }
    return false;
}

static enum status add_value(const struct issuer_entry *entry,
                             const struct issuer_role_source *source, struct slice value,
                             struct arena *arena, struct role_list *roles, struct diag *diag)
{
    const struct slice parts[] = {source->prefix, value};
    struct slice role = value;
    if (source->value_count > 0) {
        for (size_t i = 0; i < source->value_count; i++) {
            if (slice_eq(source->values[i].value, value)) {
                return add_role(entry, source->values[i].role, roles, diag);
            }
        }
        return STATUS_OK;
    }
    if (source->prefix.len == 0 && is_disguised(entry, value)) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.claim",
                         "a value of claim '%.*s' begins like those of another claim",
                         SLICE_ARG(source->claim));
    }
    if (source->prefix.len > 0 && arena_join(arena, parts, COUNT_OF(parts), &role) != STATUS_OK) {
        return no_memory(diag);
    }
    return add_role(entry, role, roles, diag);
}

static enum status read_flag(const struct issuer_role_source *source, const struct claims *claims,
                             struct claims_list *out, struct diag *diag)
{
    static const struct slice FALSE_AND_TRUE[] = {SLICE_INIT("false"), SLICE_INIT("true")};
    json_ref value = claims_find(claims, source->claim);
    enum json_type type = value == JSON_NONE ? JSON_NULL : json_type(&claims->tape, value);
    *out = (struct claims_list){0};
    if (type == JSON_NULL) {
        return STATUS_OK;
    }
    if (type != JSON_TRUE && type != JSON_FALSE) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.claim",
                         "claim '%.*s' must be true or false", SLICE_ARG(source->claim));
    }
    *out = (struct claims_list){&FALSE_AND_TRUE[type == JSON_TRUE], 1};
    return STATUS_OK;
}

static enum status read_source(const struct issuer_role_source *source, const struct claims *claims,
                               struct arena *arena, struct claims_list *out, struct diag *diag)
{
    switch (source->kind) {
    case ISSUER_ROLES_LIST:
        return claims_texts(claims, source->claim, 0, arena, out, diag);
    case ISSUER_ROLES_WORDS:
        return claims_texts(claims, source->claim, ' ', arena, out, diag);
    case ISSUER_ROLES_JSON:
        return claims_json_texts(claims, source->claim, arena, out, diag);
    case ISSUER_ROLES_BOOL:
        break;
    }
    return read_flag(source, claims, out, diag);
}

static enum status map_roles(const struct issuer_entry *entry, const struct claims *claims,
                             struct arena *arena, struct principal *out, struct diag *diag)
{
    struct claims_list lists[IDENTITY_ROLE_SOURCES_MAX];
    struct role_list roles = {0};
    size_t count = 0;
    for (size_t i = 0; i < entry->role_source_count; i++) {
        const struct issuer_role_source *source = &entry->role_sources[i];
        if (is_left_out(entry, claims, source->claim)) {
            return refuse_left_out(source->claim, "roles are", diag);
        }
        TRY(read_source(source, claims, arena, &lists[i], diag));
        count += lists[i].count;
    }
    roles.items = arena_alloc_zero(arena, count < CLAIMS_LIST_MAX ? count : CLAIMS_LIST_MAX,
                                   sizeof(*roles.items));
    if (roles.items == NULL) {
        return no_memory(diag);
    }
    for (size_t i = 0; i < entry->role_source_count; i++) {
        for (size_t k = 0; k < lists[i].count; k++) {
            TRY(add_value(entry, &entry->role_sources[i], lists[i].items[k], arena, &roles, diag));
        }
    }
    out->roles = roles.items;
    out->role_count = roles.count;
    return STATUS_OK;
}

static enum status map_groups(const struct issuer_entry *entry, const struct claims *claims,
                              struct arena *arena, struct principal *out, struct diag *diag)
{
    struct claims_list groups;
    out->are_groups_unknown = is_left_out(entry, claims, entry->group_claim);
    if (out->are_groups_unknown) {
        return STATUS_OK;
    }
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

/* The value is there and not null, or was looked up. */
static enum status map_attribute(const struct issuer_attribute *rule, const struct claims *claims,
                                 struct arena *arena, struct principal_attribute *out,
                                 struct diag *diag)
{
    json_ref value = claims_find(claims, rule->claim);
    enum json_type type = value == JSON_NONE ? JSON_NULL : json_type(&claims->tape, value);
    *out = (struct principal_attribute){.name = rule->name, .type = rule->type};
    if (claims_is_looked_up(claims, rule->claim) && rule->type != PRINCIPAL_SET) {
        return refuse_attribute(rule, diag);
    }
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
        if (is_left_out(entry, claims, entry->attributes[i].claim)) {
            return refuse_left_out(entry->attributes[i].claim, "attribute is", diag);
        }
        if (!claims_is_looked_up(claims, entry->attributes[i].claim) &&
            (value == JSON_NONE || json_type(&claims->tape, value) == JSON_NULL)) {
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
    out->issuer = entry->name;
    out->client_id = claims->client_id;
    out->scopes = claims->scopes.items;
    out->scope_count = claims->scopes.count;
    out->binding = claims->binding;
    out->takes_claims_challenge = takes_claims_challenge(claims, arena);
    out->expires_at_s = claims->window.expires_at_s;
    out->issued_at_s = claims->issued_at_s;
    out->token_id = claims->id;
    out->session_id = claims->session;
    TRY(map_subject(entry, claims, arena, out, diag));
    TRY(map_roles(entry, claims, arena, out, diag));
    TRY(map_groups(entry, claims, arena, out, diag));
    TRY(map_attributes(entry, claims, arena, out, diag));
    TRY(sign_in_read(entry, claims, arena, out, diag));
    TRY(sign_in_read_actors(entry, claims, arena, out, diag));
    return map_display(claims, arena, out, diag);
}
