#include "core/identity/identity_snapshot.h"

#include "base/arena.h"
#include "core/identity/introspection.h"

#include <string.h>

struct identity_snapshot {
    uint32_t references; /* atomic */
    uint64_t generation;
    struct arena arena; /* holds the copied configuration */
    struct identity_config config;
    struct jwks *keys[IDENTITY_ENTRIES_MAX]; /* a reference each; NULL: none yet */
};

static enum status refuse(struct diag *diag, const struct issuer_entry *entry, const char *rule)
{
    return diag_fail(diag, STATUS_INVALID, "identity.config", "issuer entry '%.*s' %s",
                     SLICE_ARG(entry->name), rule);
}

static bool has_empty(const struct slice *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].len == 0) {
            return true;
        }
    }
    return false;
}

/* A certificate must not be of two entries. */
static bool shares_authority(const struct issuer_entry *a, const struct issuer_entry *b)
{
    for (size_t i = 0; i < a->authority_count; i++) {
        for (size_t k = 0; k < b->authority_count; k++) {
            if (memcmp(a->authorities[i], b->authorities[k], CRYPTO_SHA256_BYTES) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool are_alike(const struct issuer_entry *a, const struct issuer_entry *b)
{
    return slice_eq(a->name, b->name) || shares_authority(a, b) || issuer_entry_overlaps(a, b) ||
           issuer_entry_asks_alike(a, b);
}

static bool is_repeated(const struct identity_config *config, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (are_alike(&config->entries[i], &config->entries[index])) {
            return true;
        }
    }
    return false;
}

/* An empty text would match a claim that is missing. */
static enum status check_texts(const struct issuer_entry *entry, struct diag *diag)
{
    if (has_empty(entry->audiences, entry->audience_count) ||
        has_empty(entry->other_audiences, entry->other_audience_count) ||
        has_empty(entry->roles, entry->role_count) ||
        has_empty(entry->aliases, entry->alias_count) ||
        has_empty(entry->subjects, entry->subject_count) ||
        has_empty(entry->tenants, entry->tenant_count) ||
        has_empty(entry->inquiry.clients, entry->inquiry.client_count)) {
        return refuse(diag, entry,
                      "has an empty audience, role, issuer, subject, tenant or client");
    }
    return STATUS_OK;
}

static enum status check_counts(const struct issuer_entry *entry, struct diag *diag)
{
    /* Tokens and keys say themselves whether a person is behind them. */
    if (entry->is_of_people && entry->kind != ISSUER_OF_CERTIFICATES) {
        return refuse(diag, entry, "makes people of callers without certificates");
    }
    if (entry->attribute_count > IDENTITY_ATTRIBUTES_MAX) {
        return refuse(diag, entry, "maps too many attributes");
    }
    if (entry->subject_count > IDENTITY_SUBJECTS_MAX ||
        entry->role_source_count > IDENTITY_ROLE_SOURCES_MAX) {
        return refuse(diag, entry, "has too many claims for subjects or roles");
    }
    return STATUS_OK;
}

static bool accepts_tenant(const struct issuer_entry *entry, struct slice tenant)
{
    bool accepts = entry->tenant_count == 0 && entry->needs_tenant;
    for (size_t i = 0; i < entry->tenant_count && !accepts; i++) {
        accepts = slice_eq(entry->tenants[i], tenant);
    }
    return accepts;
}

/* A key says whose it is where its entry is for several tenants, and never of whom it is not. */
static enum status check_key_tenants(const struct issuer_entry *entry, struct diag *diag)
{
    bool needs_own = entry->needs_tenant || entry->tenant_count > 1;
    for (size_t i = 0; i < entry->key_count; i++) {
        const struct api_key *key = &entry->keys[i];
        if (key->tenant.len > 0 ? !accepts_tenant(entry, key->tenant) : needs_own) {
            return diag_fail(diag, STATUS_INVALID, "identity.config", "key %.*s of '%.*s' %s",
                             SLICE_ARG(key->id), SLICE_ARG(entry->name),
                             key->tenant.len > 0 ? "has a tenant that the entry does not accept"
                                                 : "has no tenant, and the entry is for several");
        }
    }
    return STATUS_OK;
}

/* Who may be let in must be said where an issuer serves the whole world. */
static enum status check_tenants(const struct issuer_entry *entry, struct diag *diag)
{
    bool is_open = entry->tenant_count == 0 && !entry->needs_tenant;
    if (is_open &&
        (issuer_preset(entry->preset)->needs_tenant || issuer_entry_has_tenants(entry))) {
        return refuse(diag, entry, "does not say which tenants are accepted");
    }
    return STATUS_OK;
}

static enum status check_inquiry(const struct issuer_entry *entry, struct diag *diag)
{
    const struct issuer_inquiry *inquiry = &entry->inquiry;
    if (entry->kind == ISSUER_OF_ANSWERS && inquiry->asked == ISSUER_ASKED_NEVER) {
        return refuse(diag, entry, "has neither keys nor anybody to ask");
    }
    if (inquiry->asked != ISSUER_ASKED_NEVER && issuer_entry_has_tenants(entry)) {
        return refuse(diag, entry, "is of many tenants, and one issuer is asked");
    }
    if (inquiry->groups_keep_s > 0 &&
        (entry->preset != ISSUER_PRESET_ENTRA || inquiry->asked != ISSUER_ASKED_NEVER)) {
        return refuse(diag, entry, "looks groups up, which is for Microsoft Entra's tokens only");
    }
    return inquiry->prefix.len > 0 && introspection_may_begin_jwt(inquiry->prefix)
               ? refuse(diag, entry, "has a prefix that signed tokens could have")
               : STATUS_OK;
}

static enum status check_entry(const struct identity_config *config, size_t index,
                               struct diag *diag)
{
    const struct issuer_entry *entry = &config->entries[index];
    /* An empty issuer would match a missing claim, an empty audience an empty one. */
    if (entry->name.len == 0 || entry->issuer.len == 0) {
        return refuse(diag, entry, "needs a name and an issuer");
    }
    if (is_repeated(config, index)) {
        return refuse(diag, entry, "has the name, issuer, tokens or an authority of another entry");
    }
    if (entry->preset >= ISSUER_PRESET_COUNT) {
        return refuse(diag, entry, "has an unknown preset");
    }
    if (entry->algorithms == 0 || (entry->algorithms & ~JWS_MASK_ALL) != 0) {
        return refuse(diag, entry, "allows no algorithm, or one that is unknown");
    }
    if (entry->max_age_s < 0) {
        return refuse(diag, entry, "lets tokens have no age");
    }
    if (entry->skew_s < 0 || entry->skew_s > TOKEN_LEEWAY_S_MAX) {
        return refuse(diag, entry, "tolerates too much clock skew");
    }
    TRY(check_inquiry(entry, diag));
    TRY(check_texts(entry, diag));
    TRY(check_counts(entry, diag));
    TRY(check_key_tenants(entry, diag));
    return check_tenants(entry, diag);
}

static enum status copy_texts(struct arena *arena, const struct slice **items, size_t count)
{
    struct slice *copy = arena_alloc_zero(arena, count, sizeof(*copy));
    if (copy == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        TRY(arena_copy(arena, (*items)[i], &copy[i]));
    }
    *items = copy;
    return STATUS_OK;
}

static enum status copy_attributes(struct arena *arena, struct issuer_entry *entry)
{
    struct issuer_attribute *copy = arena_alloc_zero(arena, entry->attribute_count, sizeof(*copy));
    if (copy == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < entry->attribute_count; i++) {
        copy[i].type = entry->attributes[i].type;
        TRY(arena_copy(arena, entry->attributes[i].name, &copy[i].name));
        TRY(arena_copy(arena, entry->attributes[i].claim, &copy[i].claim));
    }
    entry->attributes = copy;
    return STATUS_OK;
}

static enum status copy_api_key(struct arena *arena, struct api_key *key)
{
    TRY(arena_copy(arena, key->id, &key->id));
    TRY(arena_copy(arena, key->subject, &key->subject));
    TRY(arena_copy(arena, key->tenant, &key->tenant));
    TRY(copy_texts(arena, &key->roles, key->role_count));
    TRY(copy_texts(arena, &key->scopes, key->scope_count));
    return copy_texts(arena, &key->servers, key->server_count);
}

static enum status copy_api_keys(struct arena *arena, struct issuer_entry *entry)
{
    struct api_key *copy = arena_alloc_zero(arena, entry->key_count, sizeof(*copy));
    if (copy == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < entry->key_count; i++) {
        copy[i] = entry->keys[i];
        TRY(copy_api_key(arena, &copy[i]));
    }
    entry->keys = copy;
    return STATUS_OK;
}

static enum status copy_sign_ins(struct arena *arena, struct issuer_entry *entry)
{
    struct issuer_sign_in *copy = arena_alloc_zero(arena, entry->sign_in_count, sizeof(*copy));
    if (copy == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < entry->sign_in_count; i++) {
        TRY(arena_copy(arena, entry->sign_ins[i].name, &copy[i].name));
        TRY(arena_copy(arena, entry->sign_ins[i].value, &copy[i].value));
    }
    entry->sign_ins = copy;
    return STATUS_OK;
}

static enum status copy_role_values(struct arena *arena, struct issuer_role_source *source)
{
    struct issuer_role_value *copy = arena_alloc_zero(arena, source->value_count, sizeof(*copy));
    if (copy == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < source->value_count; i++) {
        TRY(arena_copy(arena, source->values[i].value, &copy[i].value));
        TRY(arena_copy(arena, source->values[i].role, &copy[i].role));
    }
    source->values = copy;
    return STATUS_OK;
}

static enum status copy_role_sources(struct arena *arena, struct issuer_entry *entry)
{
    struct issuer_role_source *copy =
        arena_alloc_zero(arena, entry->role_source_count, sizeof(*copy));
    if (copy == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < entry->role_source_count; i++) {
        copy[i] = entry->role_sources[i];
        TRY(arena_copy(arena, copy[i].claim, &copy[i].claim));
        TRY(arena_copy(arena, copy[i].prefix, &copy[i].prefix));
        TRY(copy_role_values(arena, &copy[i]));
    }
    entry->role_sources = copy;
    return STATUS_OK;
}

static enum status copy_evidence(struct arena *arena, struct issuer_entry *entry)
{
    struct issuer_evidence *copy = arena_alloc_zero(arena, entry->evidence_count, sizeof(*copy));
    if (copy == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < entry->evidence_count; i++) {
        copy[i] = entry->evidence[i];
        TRY(arena_copy(arena, copy[i].value, &copy[i].value));
    }
    entry->evidence = copy;
    return STATUS_OK;
}

/* Where the entry says nothing the preset does; it is static and not copied. */
static void fill_defaults(struct issuer_entry *entry)
{
    const struct issuer_preset *preset = issuer_preset(entry->preset);
    if (entry->subject_count == 0) {
        entry->subjects = preset->subjects;
        entry->subject_count = preset->subject_count;
    }
    if (entry->role_source_count == 0) {
        entry->role_sources = preset->roles;
        entry->role_source_count = preset->role_count;
    }
    if (entry->tenant_claim.len == 0) {
        entry->tenant_claim = preset->tenant;
    }
    if (entry->group_claim.len == 0) {
        entry->group_claim = preset->groups;
    }
    if (entry->amr_claim.len == 0) {
        entry->amr_claim = preset->amr;
    }
    if (entry->acr_claim.len == 0) {
        entry->acr_claim = preset->acr;
    }
    if (entry->typ == ISSUER_TYP_ANY) {
        entry->typ = preset->typ;
    }
}

static enum status copy_claim_names(struct arena *arena, struct issuer_entry *entry)
{
    struct slice *const names[] = {&entry->name,         &entry->issuer,        &entry->version,
                                   &entry->tenant_claim, &entry->amr_claim,     &entry->group_claim,
                                   &entry->acr_claim,    &entry->inquiry.prefix};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        TRY(arena_copy(arena, *names[i], names[i]));
    }
    return STATUS_OK;
}

static enum status copy_authorities(struct arena *arena, struct issuer_entry *entry)
{
    size_t bytes = entry->authority_count * CRYPTO_SHA256_BYTES;
    struct slice copy = SLICE_EMPTY;
    TRY(arena_copy(arena, slice_of(entry->authorities, bytes), &copy));
    entry->authorities = (const uint8_t(*)[CRYPTO_SHA256_BYTES])copy.ptr;
    return STATUS_OK;
}

/* After this every pointer of the entry is ours or static and every default is filled in. */
static enum status copy_entry(struct arena *arena, struct issuer_entry *entry)
{
    TRY(copy_claim_names(arena, entry));
    TRY(copy_texts(arena, &entry->aliases, entry->alias_count));
    TRY(copy_texts(arena, &entry->audiences, entry->audience_count));
    TRY(copy_texts(arena, &entry->other_audiences, entry->other_audience_count));
    TRY(copy_texts(arena, &entry->subjects, entry->subject_count));
    TRY(copy_texts(arena, &entry->tenants, entry->tenant_count));
    TRY(copy_texts(arena, &entry->roles, entry->role_count));
    TRY(copy_texts(arena, &entry->inquiry.clients, entry->inquiry.client_count));
    TRY(copy_sign_ins(arena, entry));
    TRY(copy_api_keys(arena, entry));
    TRY(copy_authorities(arena, entry));
    TRY(copy_role_sources(arena, entry));
    TRY(copy_evidence(arena, entry));
    TRY(copy_attributes(arena, entry));
    fill_defaults(entry);
    return STATUS_OK;
}

static enum status copy_config(struct identity_snapshot *snapshot,
                               const struct identity_config *config)
{
    struct issuer_entry *entries =
        arena_alloc_zero(&snapshot->arena, config->entry_count, sizeof(*entries));
    if (entries == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < config->entry_count; i++) {
        entries[i] = config->entries[i];
        TRY(copy_entry(&snapshot->arena, &entries[i]));
    }
    snapshot->config = (struct identity_config){entries, config->entry_count};
    return STATUS_OK;
}

enum status identity_snapshot_new(const struct identity_config *config, struct jwks *const *keys,
                                  uint64_t generation, struct identity_snapshot **out,
                                  struct diag *diag)
{
    if (config->entry_count > IDENTITY_ENTRIES_MAX) {
        return diag_fail(diag, STATUS_INVALID, "identity.config", "%zu issuers, at most %d",
                         config->entry_count, IDENTITY_ENTRIES_MAX);
    }
    for (size_t i = 0; i < config->entry_count; i++) {
        TRY(check_entry(config, i, diag));
    }
    struct identity_snapshot *snapshot = base_alloc(sizeof(*snapshot));
    if (snapshot == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory for the issuers");
    }
    *snapshot = (struct identity_snapshot){.references = 1, .generation = generation};
    arena_init(&snapshot->arena, IDENTITY_SNAPSHOT_BYTES_MAX, NULL);
    if (copy_config(snapshot, config) != STATUS_OK) {
        identity_snapshot_unref(snapshot);
        return diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory for the issuers");
    }
    for (size_t i = 0; i < config->entry_count; i++) {
        snapshot->keys[i] = keys[i] != NULL ? jwks_ref(keys[i]) : NULL;
    }
    *out = snapshot;
    return STATUS_OK;
}

struct identity_snapshot *identity_snapshot_ref(struct identity_snapshot *snapshot)
{
    __atomic_add_fetch(&snapshot->references, 1, __ATOMIC_RELAXED);
    return snapshot;
}

void identity_snapshot_unref(struct identity_snapshot *snapshot)
{
    if (snapshot == NULL || __atomic_sub_fetch(&snapshot->references, 1, __ATOMIC_ACQ_REL) > 0) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(snapshot->keys); i++) {
        jwks_unref(snapshot->keys[i]);
    }
    arena_release(&snapshot->arena);
    base_free(snapshot);
}

const struct identity_config *identity_snapshot_config(const struct identity_snapshot *snapshot)
{
    return &snapshot->config;
}

struct jwks *identity_snapshot_keys(const struct identity_snapshot *snapshot, size_t index)
{
    return index < snapshot->config.entry_count ? snapshot->keys[index] : NULL;
}

const struct issuer_entry *identity_snapshot_find(const struct identity_snapshot *snapshot,
                                                  struct slice issuer, size_t *index)
{
    const struct issuer_entry *found = NULL;
    for (size_t i = 0; i < snapshot->config.entry_count; i++) {
        const struct issuer_entry *entry = &snapshot->config.entries[i];
        bool is_better =
            entry->kind == ISSUER_OF_TOKENS && (found == NULL || issuer_entry_has_tenants(found));
        if (is_better && issuer_entry_may_be(entry, issuer) &&
            (found == NULL || !issuer_entry_has_tenants(entry))) {
            found = entry;
            if (index != NULL) {
                *index = i;
            }
        }
    }
    return found;
}

const struct issuer_entry *identity_snapshot_opaque(const struct identity_snapshot *snapshot,
                                                    struct slice token, size_t *index)
{
    const struct issuer_entry *found = NULL;
    for (size_t i = 0; i < snapshot->config.entry_count; i++) {
        const struct issuer_entry *entry = &snapshot->config.entries[i];
        struct slice prefix = entry->inquiry.prefix;
        /* No signed token begins with a prefix; what does may have two dots. */
        bool is_asked = entry->inquiry.asked != ISSUER_ASKED_NEVER &&
                        (prefix.len > 0 ? slice_starts_with(token, prefix) : found == NULL);
        if (is_asked) {
            found = entry;
            *index = i;
        }
    }
    bool is_opaque =
        found != NULL && (found->inquiry.prefix.len > 0 ? introspection_is_token_text(token)
                                                        : introspection_is_opaque(token));
    return is_opaque ? found : NULL;
}

const struct api_key *identity_snapshot_key(const struct identity_snapshot *snapshot,
                                            struct slice id,
                                            const uint8_t hash[CRYPTO_SHA256_BYTES],
                                            const struct issuer_entry **entry)
{
    const struct api_key *found = NULL;
    for (size_t i = 0; i < snapshot->config.entry_count && found == NULL; i++) {
        *entry = &snapshot->config.entries[i];
        found = api_keys_find((*entry)->keys, (*entry)->key_count, id, hash);
    }
    return found;
}

bool identity_snapshot_is_ready(const struct identity_snapshot *snapshot, size_t index)
{
    return snapshot->config.entries[index].kind != ISSUER_OF_TOKENS ||
           snapshot->keys[index] != NULL;
}

const struct issuer_entry *identity_snapshot_named(const struct identity_snapshot *snapshot,
                                                   struct slice name)
{
    for (size_t i = 0; i < snapshot->config.entry_count; i++) {
        if (slice_eq(snapshot->config.entries[i].name, name)) {
            return &snapshot->config.entries[i];
        }
    }
    return NULL;
}

uint64_t identity_snapshot_generation(const struct identity_snapshot *snapshot)
{
    return snapshot->generation;
}
