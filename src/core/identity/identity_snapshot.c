#include "core/identity/identity_snapshot.h"

#include "base/arena.h"

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

static bool is_repeated(const struct identity_config *config, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (slice_eq(config->entries[i].name, config->entries[index].name) ||
            slice_eq(config->entries[i].issuer, config->entries[index].issuer)) {
            return true;
        }
    }
    return false;
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
        return refuse(diag, entry, "has the name or the issuer of another entry");
    }
    if (entry->algorithms == 0 || (entry->algorithms & ~JWS_MASK_ALL) != 0) {
        return refuse(diag, entry, "allows no algorithm, or one that is unknown");
    }
    if (entry->skew_s < 0 || entry->skew_s > TOKEN_LEEWAY_S_MAX) {
        return refuse(diag, entry, "tolerates too much clock skew");
    }
    if (has_empty(entry->audiences, entry->audience_count) ||
        has_empty(entry->roles, entry->role_count)) {
        return refuse(diag, entry, "has an empty audience or role");
    }
    if (entry->attribute_count > IDENTITY_ATTRIBUTES_MAX) {
        return refuse(diag, entry, "maps too many attributes");
    }
    return STATUS_OK;
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

static enum status copy_claim_name(struct arena *arena, struct slice *name, struct slice fallback)
{
    return arena_copy(arena, name->len > 0 ? *name : fallback, name);
}

/* After this every pointer of the entry is ours and every default is filled in. */
static enum status copy_entry(struct arena *arena, struct issuer_entry *entry)
{
    TRY(arena_copy(arena, entry->name, &entry->name));
    TRY(arena_copy(arena, entry->issuer, &entry->issuer));
    TRY(arena_copy(arena, entry->tenant, &entry->tenant));
    TRY(arena_copy(arena, entry->tenant_claim, &entry->tenant_claim));
    TRY(copy_claim_name(arena, &entry->subject_claim, SLICE("sub")));
    TRY(copy_claim_name(arena, &entry->role_claim, SLICE("roles")));
    TRY(copy_claim_name(arena, &entry->group_claim, SLICE("groups")));
    TRY(copy_texts(arena, &entry->audiences, entry->audience_count));
    TRY(copy_texts(arena, &entry->roles, entry->role_count));
    TRY(copy_sign_ins(arena, entry));
    TRY(copy_api_keys(arena, entry));
    return copy_attributes(arena, entry);
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
    for (size_t i = 0; i < snapshot->config.entry_count; i++) {
        if (snapshot->config.entries[i].kind == ISSUER_OF_TOKENS &&
            slice_eq(snapshot->config.entries[i].issuer, issuer)) {
            if (index != NULL) {
                *index = i;
            }
            return &snapshot->config.entries[i];
        }
    }
    return NULL;
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
