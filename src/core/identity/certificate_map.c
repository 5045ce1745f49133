#include "core/identity/certificate_map.h"

#include "core/identity/claims.h"
#include "core/identity/principal_map.h"

#include <string.h>

#define CLAIMS_BYTES_MAX ((size_t)1 << 20)

static bool has_authority(const struct issuer_entry *entry,
                          const uint8_t sha256[CRYPTO_SHA256_BYTES])
{
    for (size_t i = 0; i < entry->authority_count; i++) {
        if (memcmp(entry->authorities[i], sha256, CRYPTO_SHA256_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static const struct issuer_entry *entry_of(const struct identity_config *config,
                                           const uint8_t sha256[CRYPTO_SHA256_BYTES])
{
    for (size_t i = 0; i < config->entry_count; i++) {
        if (has_authority(&config->entries[i], sha256)) {
            return &config->entries[i];
        }
    }
    return NULL;
}

const struct issuer_entry *certificate_entry(const struct identity_snapshot *snapshot,
                                             const struct client_certificate *certificate,
                                             bool *has_any)
{
    const struct identity_config *config = identity_snapshot_config(snapshot);
    const struct issuer_entry *found = NULL;
    *has_any = false;
    for (size_t i = 0; i < config->entry_count && !*has_any; i++) {
        *has_any = config->entries[i].kind == ISSUER_OF_CERTIFICATES;
    }
    for (size_t i = 0; i < certificate->issuer_count && *has_any && found == NULL; i++) {
        found = entry_of(config, certificate->issuers[i]);
    }
    return found;
}

void certificate_hash(const struct port_crypto *crypto,
                      const struct client_certificate *certificate,
                      uint8_t out[CRYPTO_SHA256_BYTES])
{
    static const char DOMAIN[] = "aegis client certificate 1:";
    uint8_t text[sizeof(DOMAIN) + (1 + CLIENT_CERTIFICATE_ISSUERS_MAX) * CRYPTO_SHA256_BYTES];
    size_t len = sizeof(DOMAIN);
    memcpy(text, DOMAIN, len);
    memcpy(text + len, certificate->sha256, CRYPTO_SHA256_BYTES);
    len += CRYPTO_SHA256_BYTES;
    for (size_t i = 0; i < certificate->issuer_count; i++) {
        memcpy(text + len, certificate->issuers[i], CRYPTO_SHA256_BYTES);
        len += CRYPTO_SHA256_BYTES;
    }
    crypto->sha256(crypto->context, slice_of(text, len), out);
}

/* -- claims -------------------------------------------------------------------------------- */

static void put_text(struct buf *out, const char *name, struct slice text)
{
    if (text.len > 0) {
        buf_append(out, SLICE(",\""));
        buf_append(out, slice_view_cstr(name));
        buf_append(out, SLICE("\":"));
        buf_append_json_string(out, text);
    }
}

/* Alone under the name of one; of several nobody could say which is the caller. */
static void put_names(struct buf *out, const char *one, const char *all,
                      const struct certificate_names *names)
{
    if (names->count == 1) {
        put_text(out, one, names->items[0]);
    }
    buf_append(out, SLICE(",\""));
    buf_append(out, slice_view_cstr(all));
    buf_append(out, SLICE("\":["));
    for (size_t i = 0; i < names->count; i++) {
        buf_append(out, i > 0 ? SLICE(",") : SLICE_EMPTY);
        buf_append_json_string(out, names->items[i]);
    }
    buf_append_byte(out, ']');
}

static void put_claims(struct buf *out, const struct issuer_entry *entry,
                       const struct client_certificate *certificate)
{
    buf_append(out, SLICE("{\"iss\":"));
    buf_append_json_string(out, entry->issuer);
    put_names(out, "uri", "uris", &certificate->uris);
    put_names(out, "dns", "dns_names", &certificate->dns);
    put_names(out, "email", "emails", &certificate->emails);
    put_text(out, "cn", certificate->common_name);
    put_text(out, "o", certificate->organization);
    put_text(out, "ou", certificate->unit);
    put_text(out, "subject", certificate->subject);
    put_text(out, "serial", certificate->serial);
    put_text(out, "sha256", certificate->thumbprint);
    buf_append_byte(out, '}');
}

enum status certificate_map(const struct issuer_entry *entry,
                            const struct client_certificate *certificate,
                            const struct json_parser *parser, struct arena *arena,
                            struct principal *out, struct diag *diag)
{
    struct claims claims = {0};
    struct slice text = SLICE_EMPTY;
    struct buf written;
    buf_init(&written, CLAIMS_BYTES_MAX, NULL);
    put_claims(&written, entry, certificate);
    enum status status = buf_status(&written) == STATUS_OK
                             ? arena_copy(arena, buf_view(&written), &text)
                             : STATUS_LIMIT;
    buf_release(&written);
    if (status != STATUS_OK) {
        return diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory to read a certificate");
    }
    TRY(claims_open(parser, text, arena, &claims, diag));
    claims.window.expires_at_s = certificate->expires_at_s;
    TRY(principal_map_tenant(entry, &claims, arena, &out->tenant, diag));
    out->key_id = certificate->serial;
    return principal_map(entry, &claims, arena, out, diag);
}
