#include "core/identity/issuer_hint.h"

static struct slice without_slash(struct slice text)
{
    return slice_ends_with(text, SLICE("/")) ? slice_sub(text, 0, text.len - 1) : text;
}

/* A custom authorization server is at this path below the organisation's own. */
static bool is_below(struct slice issuer, struct slice organisation)
{
    organisation = without_slash(organisation);
    return slice_starts_with(issuer, organisation) &&
           slice_starts_with(slice_sub(issuer, organisation.len, issuer.len), SLICE("/oauth2/"));
}

/* Of Entra ID, by the two issuers that a tenant has. */
static bool is_of_version_1(struct slice issuer)
{
    return slice_starts_with(issuer, SLICE("https://sts."));
}

static bool is_of_version_2(struct slice issuer)
{
    return slice_starts_with(issuer, SLICE("https://login.")) &&
           slice_ends_with(issuer, SLICE("/v2.0"));
}

static bool is_of_other_version(const struct issuer_entry *entry, struct slice issuer)
{
    return entry->preset == ISSUER_PRESET_ENTRA &&
           (is_of_version_1(entry->issuer) ? is_of_version_2(issuer) : is_of_version_1(issuer));
}

/* The entry takes tenants, and this one is not among them. */
static bool is_of_other_tenant(const struct issuer_entry *entry, struct slice issuer)
{
    struct issuer_entry open = *entry;
    open.tenant_count = 0;
    return issuer_entry_has_tenants(entry) && issuer_entry_may_be(&open, issuer);
}

static const char *hint_of(const struct issuer_entry *entry, struct slice issuer)
{
    if (slice_eq(without_slash(entry->issuer), without_slash(issuer))) {
        return "token's issuer differs from a configured one by its last '/'; 'issuer' must be "
               "exactly the token's 'iss'";
    }
    if (entry->preset == ISSUER_PRESET_OKTA && is_below(entry->issuer, issuer)) {
        return "token is of the Okta organisation's own server and meant for Okta's API; request "
               "one from the custom authorization server";
    }
    if (is_of_other_tenant(entry, issuer)) {
        return "token's issuer is of a tenant that is not accepted";
    }
    return NULL;
}

const char *issuer_hint(const struct identity_snapshot *snapshot, struct slice issuer)
{
    const struct identity_config *config = identity_snapshot_config(snapshot);
    for (size_t i = 0; i < config->entry_count; i++) {
        const char *hint = hint_of(&config->entries[i], issuer);
        if (hint != NULL) {
            return hint;
        }
    }
    for (size_t i = 0; i < config->entry_count; i++) {
        if (is_of_other_version(&config->entries[i], issuer)) {
            return "token's issuer is not configured; if the token has the other version ('ver'), "
                   "set 'token_version', or the API's requestedAccessTokenVersion in Entra";
        }
    }
    return "token's issuer is not configured";
}
