#include "core/identity/principal.h"

#include <stddef.h>
#include <string.h>

/* The block behind a principal: arrays first, then text, both taken from the front. */
struct block {
    uint8_t *arrays;
    uint8_t *text;
};

/* All that a principal points to, but for its attributes. */
static const size_t TEXTS[] = {
    offsetof(struct principal, issuer),      offsetof(struct principal, tenant),
    offsetof(struct principal, subject),     offsetof(struct principal, subject_claim),
    offsetof(struct principal, client_id),   offsetof(struct principal, email),
    offsetof(struct principal, name),        offsetof(struct principal, acr),
    offsetof(struct principal, fingerprint), offsetof(struct principal, key_id),
    offsetof(struct principal, token_id),    offsetof(struct principal, session_id),
};

static const struct {
    size_t items, count;
} LISTS[] = {
    {offsetof(struct principal, roles), offsetof(struct principal, role_count)},
    {offsetof(struct principal, groups), offsetof(struct principal, group_count)},
    {offsetof(struct principal, scopes), offsetof(struct principal, scope_count)},
    {offsetof(struct principal, servers), offsetof(struct principal, server_count)},
    {offsetof(struct principal, amr), offsetof(struct principal, amr_count)},
    {offsetof(struct principal, acrs), offsetof(struct principal, acrs_count)},
    {offsetof(struct principal, actors), offsetof(struct principal, actor_count)},
};

static struct slice *text_at(const struct principal *principal, size_t index)
{
    return (struct slice *)(void *)((uint8_t *)(uintptr_t)principal + TEXTS[index]);
}

static const struct slice **list_at(const struct principal *principal, size_t index)
{
    return (const struct slice **)(void *)((uint8_t *)(uintptr_t)principal + LISTS[index].items);
}

static size_t count_at(const struct principal *principal, size_t index)
{
    const void *count = (const uint8_t *)principal + LISTS[index].count;
    return *(const size_t *)count;
}

static size_t list_text_bytes(const struct slice *items, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += items[i].len;
    }
    return bytes;
}

static size_t text_bytes(const struct principal *fields)
{
    size_t bytes = 0;
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
        bytes += text_at(fields, i)->len;
    }
    for (size_t i = 0; i < COUNT_OF(LISTS); i++) {
        bytes += list_text_bytes(*list_at(fields, i), count_at(fields, i));
    }
    for (size_t i = 0; i < fields->attribute_count; i++) {
        const struct principal_attribute *attribute = &fields->attributes[i];
        bytes += attribute->name.len + attribute->text.len;
        bytes += list_text_bytes(attribute->items, attribute->item_count);
    }
    return bytes;
}

static size_t array_bytes(const struct principal *fields)
{
    size_t items = 0;
    for (size_t i = 0; i < COUNT_OF(LISTS); i++) {
        items += count_at(fields, i);
    }
    for (size_t i = 0; i < fields->attribute_count; i++) {
        items += fields->attributes[i].item_count;
    }
    return items * sizeof(struct slice) +
           fields->attribute_count * sizeof(struct principal_attribute);
}

static struct slice put_text(struct block *block, struct slice text)
{
    struct slice copy = slice_of(block->text, text.len);
    if (text.len > 0) {
        memcpy(block->text, text.ptr, text.len);
    }
    block->text += text.len;
    return copy;
}

static const struct slice *put_list(struct block *block, const struct slice *items, size_t count)
{
    struct slice *copy = (struct slice *)(void *)block->arrays;
    block->arrays += count * sizeof(*copy);
    for (size_t i = 0; i < count; i++) {
        copy[i] = put_text(block, items[i]);
    }
    return copy;
}

static const struct principal_attribute *put_attributes(struct block *block,
                                                        const struct principal *fields)
{
    struct principal_attribute *copy = (struct principal_attribute *)(void *)block->arrays;
    block->arrays += fields->attribute_count * sizeof(*copy);
    for (size_t i = 0; i < fields->attribute_count; i++) {
        copy[i] = fields->attributes[i];
        copy[i].name = put_text(block, copy[i].name);
        copy[i].text = put_text(block, copy[i].text);
        copy[i].items = put_list(block, copy[i].items, copy[i].item_count);
    }
    return copy;
}

static void put_fields(struct block *block, struct principal *out)
{
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
        *text_at(out, i) = put_text(block, *text_at(out, i));
    }
    out->attributes = put_attributes(block, out);
    for (size_t i = 0; i < COUNT_OF(LISTS); i++) {
        *list_at(out, i) = put_list(block, *list_at(out, i), count_at(out, i));
    }
}

/* Each text is hashed by itself first, so that no two tuples share an encoding and no buffer has to
 * grow with the texts. */
static void digest(const struct principal *principal, const struct port_crypto *crypto,
                   uint8_t out[CRYPTO_SHA256_BYTES])
{
    const struct slice parts[] = {principal->issuer, principal->tenant, principal->subject_claim,
                                  principal->subject, principal->client_id};
    uint8_t hashes[COUNT_OF(parts)][CRYPTO_SHA256_BYTES];
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        crypto->sha256(crypto->context, parts[i], hashes[i]);
    }
    crypto->sha256(crypto->context, slice_of(hashes, sizeof(hashes)), out);
}

enum status principal_new(const struct principal *fields, const struct port_crypto *crypto,
                          struct principal **out, struct diag *diag)
{
    if (fields->issuer.len == 0 || fields->subject.len == 0) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.subject",
                         "a principal needs an issuer and a subject");
    }
    size_t arrays = array_bytes(fields);
    struct principal *principal = base_alloc(sizeof(*principal) + arrays + text_bytes(fields));
    if (principal == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory for a principal");
    }
    struct block block = {.arrays = (uint8_t *)(principal + 1),
                          .text = (uint8_t *)(principal + 1) + arrays};
    *principal = *fields;
    principal->references = 1;
    put_fields(&block, principal);
    digest(principal, crypto, principal->digest);
    *out = principal;
    return STATUS_OK;
}

bool principal_reaches(const struct principal *principal, struct slice server)
{
    bool reaches = principal->server_count == 0;
    for (size_t i = 0; i < principal->server_count && !reaches; i++) {
        reaches = slice_eq(principal->servers[i], server);
    }
    return reaches;
}

struct principal *principal_ref(struct principal *principal)
{
    __atomic_add_fetch(&principal->references, 1, __ATOMIC_RELAXED);
    return principal;
}

void principal_unref(struct principal *principal)
{
    if (principal != NULL && __atomic_sub_fetch(&principal->references, 1, __ATOMIC_ACQ_REL) == 0) {
        base_free(principal);
    }
}

enum status principal_id(const struct principal *principal, struct arena *arena, struct slice *out)
{
    bool has_claim = principal->subject_claim.len > 0;
    bool has_tenant = principal->tenant.len > 0;
    const struct slice parts[] = {principal->issuer,        has_claim ? SLICE(":") : SLICE_EMPTY,
                                  principal->subject_claim, has_tenant ? SLICE("@") : SLICE_EMPTY,
                                  principal->tenant,        SLICE("|"),
                                  principal->subject};
    return arena_join(arena, parts, COUNT_OF(parts), out);
}

struct slice auth_strength_name(enum auth_strength strength)
{
    static const struct slice NAMES[] = {[AUTH_NONE] = SLICE_INIT("none"),
                                         [AUTH_1FA] = SLICE_INIT("1fa"),
                                         [AUTH_MFA] = SLICE_INIT("mfa"),
                                         [AUTH_PHISHING_RESISTANT] =
                                             SLICE_INIT("phishing_resistant")};
    return NAMES[strength];
}

struct slice principal_actor_name(enum principal_actor actor)
{
    static const struct slice NAMES[] = {[PRINCIPAL_USER] = SLICE_INIT("user"),
                                         [PRINCIPAL_APP] = SLICE_INIT("app"),
                                         [PRINCIPAL_AGENT] = SLICE_INIT("agent")};
    return NAMES[actor];
}
