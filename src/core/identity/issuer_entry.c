#include "core/identity/issuer_entry.h"

bool issuer_is_guid(struct slice text)
{
    if (text.len != ISSUER_GUID_BYTES) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool is_hex = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
        if (is_dash ? byte != '-' : !is_hex) {
            return false;
        }
    }
    return true;
}

/* Where the place of the tenant begins; the length of text without one. */
static size_t find_place(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (slice_starts_with(slice_sub(text, i, text.len), SLICE(ISSUER_TENANT_PLACE))) {
            return i;
        }
    }
    return text.len;
}

/* Is text what pattern is with the tenant in each of its places? */
static bool is_filled(struct slice pattern, struct slice tenant, struct slice text)
{
    for (;;) {
        size_t at = find_place(pattern);
        struct slice before = slice_sub(pattern, 0, at);
        if (at == pattern.len) {
            return slice_eq(pattern, text);
        }
        if (!slice_starts_with(text, before)) {
            return false;
        }
        text = slice_sub(text, at, text.len);
        if (tenant.len == 0 || !slice_starts_with(text, tenant)) {
            return false;
        }
        text = slice_sub(text, tenant.len, text.len);
        pattern = slice_sub(pattern, at + SLICE(ISSUER_TENANT_PLACE).len, pattern.len);
    }
}

static bool has_text(const struct slice *items, size_t count, struct slice text)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(items[i], text)) {
            return true;
        }
    }
    return false;
}

bool issuer_entry_has_tenants(const struct issuer_entry *entry)
{
    return find_place(entry->issuer) < entry->issuer.len;
}

/* Which tenant an issuer's text would be of; empty when that cannot be told. */
static struct slice tenant_of(const struct issuer_entry *entry, struct slice issuer)
{
    size_t at = find_place(entry->issuer);
    if (at == entry->issuer.len) {
        return entry->tenant_count == 1 ? entry->tenants[0] : SLICE_EMPTY;
    }
    struct slice tenant = issuer.len >= at + ISSUER_GUID_BYTES
                              ? slice_sub(issuer, at, at + ISSUER_GUID_BYTES)
                              : SLICE_EMPTY;
    return issuer_is_guid(tenant) ? tenant : SLICE_EMPTY;
}

bool issuer_entry_may_be(const struct issuer_entry *entry, struct slice issuer)
{
    struct slice tenant = tenant_of(entry, issuer);
    if (!issuer_entry_has_tenants(entry)) {
        return issuer_entry_is(entry, issuer, tenant);
    }
    return issuer_entry_is(entry, issuer, tenant) &&
           (entry->tenant_count == 0 || has_text(entry->tenants, entry->tenant_count, tenant));
}

bool issuer_entry_is(const struct issuer_entry *entry, struct slice issuer, struct slice tenant)
{
    return is_filled(entry->issuer, tenant, issuer) ||
           has_text(entry->aliases, entry->alias_count, issuer);
}

bool issuer_entry_key_may_sign(const struct issuer_entry *entry, struct slice key_issuer,
                               struct slice issuer)
{
    if (!issuer_preset(entry->preset)->keys_name_issuer) {
        return true;
    }
    if (key_issuer.len == 0) {
        return !issuer_entry_has_tenants(entry);
    }
    return is_filled(key_issuer, tenant_of(entry, issuer), issuer);
}

static bool shares_tenant(const struct issuer_entry *a, const struct issuer_entry *b)
{
    bool shares = a->tenant_count == 0 || b->tenant_count == 0;
    for (size_t i = 0; i < a->tenant_count && !shares; i++) {
        shares = has_text(b->tenants, b->tenant_count, a->tenants[i]);
    }
    return shares;
}

static bool claims_issuer(const struct issuer_entry *entry, struct slice issuer)
{
    return slice_eq(entry->issuer, issuer) || has_text(entry->aliases, entry->alias_count, issuer);
}

bool issuer_entry_overlaps(const struct issuer_entry *a, const struct issuer_entry *b)
{
    if (slice_eq(a->issuer, b->issuer) && issuer_entry_has_tenants(a)) {
        return shares_tenant(a, b);
    }
    bool overlaps = claims_issuer(a, b->issuer) || claims_issuer(b, a->issuer);
    for (size_t i = 0; i < a->alias_count && !overlaps; i++) {
        overlaps = claims_issuer(b, a->aliases[i]);
    }
    return overlaps;
}

bool issuer_entry_asks_alike(const struct issuer_entry *a, const struct issuer_entry *b)
{
    const struct slice prefixes[] = {a->inquiry.prefix, b->inquiry.prefix};
    if (a->inquiry.asked == ISSUER_ASKED_NEVER || b->inquiry.asked == ISSUER_ASKED_NEVER) {
        return false;
    }
    /* One without a prefix gets what none of the others does. */
    return (prefixes[0].len == 0 && prefixes[1].len == 0) ||
           (prefixes[0].len > 0 && prefixes[1].len > 0 &&
            (slice_starts_with(prefixes[0], prefixes[1]) ||
             slice_starts_with(prefixes[1], prefixes[0])));
}
