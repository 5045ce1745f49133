#include "core/identity/identity.h"

#include "core/identity/claims.h"
#include "core/identity/jws.h"
#include "core/identity/principal_map.h"

/* One verification on its way through the checks. */
struct verification {
    const struct identity_request *request;
    const struct issuer_entry *entry;
    size_t entry_index;
    struct jws jws;
    struct claims claims;
};

static enum status refuse(struct diag *diag, const char *code, const char *message)
{
    return diag_fail(diag, STATUS_UNAUTHENTICATED, code, "%s", message);
}

/* RFC 9110 §11.4: the scheme is compared without case, one or more spaces follow. */
static enum status bearer_token(const struct identity_request *request, struct slice *token,
                                struct diag *diag)
{
    size_t bytes_max =
        request->token_bytes_max != 0 ? request->token_bytes_max : JWS_TOKEN_BYTES_MAX;
    struct slice value = slice_trim_ows(request->authorization);
    if (value.len == 0) {
        return refuse(diag, "token.missing", "request has no access token");
    }
    size_t space = slice_find_byte(value, ' ');
    if (!slice_eq_ascii_nocase(slice_sub(value, 0, space), SLICE("Bearer"))) {
        return refuse(diag, "token.malformed", "authorization scheme is not 'Bearer'");
    }
    *token = slice_trim_ows(slice_sub(value, space, value.len));
    if (token->len == 0) {
        return refuse(diag, "token.missing", "request has an empty access token");
    }
    if (token->len > bytes_max) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.size",
                         "token has %zu bytes, at most %zu are accepted", token->len, bytes_max);
    }
    return STATUS_OK;
}

static void make_key(const struct identity_request *request, struct slice token,
                     struct identity_cache_key *key)
{
    const struct port_crypto *crypto = request->crypto;
    *key = (struct identity_cache_key){
        .generation = identity_snapshot_generation(request->snapshot),
    };
    token_hash(request->hashes, crypto, token, key->token);
    if (request->resource.len > 0) {
        crypto->sha256(crypto->context, request->resource, key->resource);
    }
}

/* The unverified issuer picks the entry, and only a configured one: nothing else is believed yet.
 */
static enum status find_entry(struct verification *self, struct diag *diag)
{
    self->entry =
        identity_snapshot_find(self->request->snapshot, self->claims.issuer, &self->entry_index);
    return self->entry != NULL ? STATUS_OK
                               : refuse(diag, "token.issuer", "token's issuer is not configured");
}

static enum status check_header(const struct verification *self, struct diag *diag)
{
    enum jws_type type = self->jws.type;
    bool is_wrong = type == JWS_TYPE_OTHER;
    switch (self->entry->typ) {
    case ISSUER_TYP_ANY:
        break;
    case ISSUER_TYP_ACCESS_TOKEN:
        is_wrong = type != JWS_TYPE_ACCESS_TOKEN;
        break;
    case ISSUER_TYP_ID_TOKEN:
        is_wrong = is_wrong || type == JWS_TYPE_ACCESS_TOKEN;
        break;
    }
    if (is_wrong) {
        return refuse(diag, "token.kind", "token's 'typ' is not accepted from this issuer");
    }
    if ((self->entry->algorithms & JWS_MASK(self->jws.algorithm)) == 0) {
        return refuse(diag, "token.alg", "token's algorithm is not allowed for this issuer");
    }
    return STATUS_OK;
}

static enum status find_keys(const struct verification *self, const void **keys, uint32_t *count,
                             struct diag *diag)
{
    const struct jwks *set = identity_snapshot_keys(self->request->snapshot, self->entry_index);
    const struct jws *jws = &self->jws;
    if (set == NULL) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "identity.no_keys",
                         "the keys of issuer entry '%.*s' are not known yet",
                         SLICE_ARG(self->entry->name));
    }
    if (!jws->has_kid && !self->entry->allows_missing_kid) {
        return refuse(diag, "token.key", "token names no key ('kid')");
    }
    *count = jwks_find(set, jws->has_kid ? &jws->kid : NULL, jws->algorithm, keys);
    bool is_ambiguous = *count > (jws->has_kid ? JWKS_CANDIDATES_MAX : 1);
    if (*count == 0 || is_ambiguous) {
        return refuse(diag, "token.key",
                      is_ambiguous ? "several keys fit the token"
                                   : "no key of this issuer fits the token's 'kid' and algorithm");
    }
    return STATUS_OK;
}

static enum status check_signature(const struct verification *self, struct diag *diag)
{
    const struct port_crypto *crypto = self->request->crypto;
    const struct jws *jws = &self->jws;
    const void *keys[JWKS_CANDIDATES_MAX];
    uint32_t count = 0;
    TRY(find_keys(self, keys, &count, diag));
    for (uint32_t i = 0; i < count; i++) {
        if (crypto->verify(crypto->context, jws->algorithm, keys[i], jws->signed_input,
                           jws->signature) == STATUS_OK) {
            return STATUS_OK;
        }
    }
    return refuse(diag, "token.signature", "token's signature is wrong");
}

static bool has_claim(const struct verification *self, struct slice path)
{
    return claims_find(&self->claims, path) != JSON_NONE;
}

/* An ID token proves a login to a client; taken as an access token it would let that client's login
 * act here. Where the issuer does not mark access tokens, a right to something must be in it. */
static enum status check_kind(const struct verification *self, struct diag *diag)
{
    const struct claims *claims = &self->claims;
    if (claims->is_bound) {
        return refuse(diag, "token.binding",
                      "token is bound to a key ('cnf'), which is not "
                      "supported here; request a bearer token");
    }
    if (claims->is_event) {
        return refuse(diag, "token.kind", "token reports an event, it gives no access");
    }
    if (self->entry->typ == ISSUER_TYP_ID_TOKEN || self->jws.type == JWS_TYPE_ACCESS_TOKEN) {
        return STATUS_OK;
    }
    bool has_rights = claims->has_scopes || has_claim(self, SLICE("roles")) ||
                      has_claim(self, SLICE("permissions")) ||
                      has_claim(self, self->entry->role_claim) ||
                      has_claim(self, self->entry->group_claim);
    if (claims->is_id_token || !has_rights) {
        return refuse(diag, "token.kind",
                      "token is not marked as an access token and looks like an ID token: it needs "
                      "'typ' at+jwt, or a scope, role or permission and no nonce");
    }
    return STATUS_OK;
}

static enum status check_audience(const struct verification *self, struct diag *diag)
{
    const struct issuer_entry *entry = self->entry;
    const struct claims_list *claimed = &self->claims.audiences;
    const struct slice *accepted =
        entry->audience_count > 0 ? entry->audiences : &self->request->resource;
    size_t accepted_count = entry->audience_count > 0 ? entry->audience_count : 1;
    for (size_t i = 0; i < claimed->count; i++) {
        for (size_t k = 0; k < accepted_count; k++) {
            if (accepted[k].len > 0 && slice_eq(accepted[k], claimed->items[i])) {
                return STATUS_OK;
            }
        }
    }
    return refuse(diag, "token.audience", "token is not meant for this gateway ('aud')");
}

static enum status verify(struct verification *self, struct slice token, struct principal *fields,
                          struct diag *diag)
{
    const struct identity_request *request = self->request;
    struct arena *arena = request->arena;
    TRY(jws_parse(request->parser, token, arena, &self->jws, diag));
    TRY(claims_open(request->parser, self->jws.payload, arena, &self->claims, diag));
    TRY(find_entry(self, diag));
    TRY(check_header(self, diag));
    TRY(check_signature(self, diag));
    /* Only now are the claims worth reading: before this line they are anyone's words. */
    TRY(claims_read(&self->claims, arena, diag));
    TRY(check_kind(self, diag));
    TRY(token_window_check(&self->claims.window, request->now_s, self->entry->skew_s, diag));
    TRY(check_audience(self, diag));
    TRY(principal_map(self->entry, &self->claims, arena, fields, diag));
    fields->key_id = self->jws.kid;
    return STATUS_OK;
}

static struct slice fingerprint(const uint8_t hash[CRYPTO_SHA256_BYTES],
                                uint8_t out[PRINCIPAL_FINGERPRINT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < PRINCIPAL_FINGERPRINT_BYTES; i++) {
        out[i] = (uint8_t)digits[(i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2]) & 0xF];
    }
    return slice_of(out, PRINCIPAL_FINGERPRINT_BYTES);
}

/* The cache's hash of the token is what the list has of the key. */
static enum status verify_key(const struct identity_request *request, struct slice id,
                              const uint8_t hash[CRYPTO_SHA256_BYTES], struct principal *fields,
                              struct diag *diag)
{
    const struct issuer_entry *entry = NULL;
    const struct api_key *key = identity_snapshot_key(request->snapshot, id, hash, &entry);
    if (key == NULL) {
        return refuse(diag, "key.unknown", "key is on no list");
    }
    if (request->now_s >= key->expires_at_s) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "key.expired", "key %.*s has expired",
                         SLICE_ARG(key->id));
    }
    *fields = (struct principal){.issuer = entry->name,
                                 .subject = key->subject,
                                 .tenant = entry->tenant,
                                 .client_id = key->id,
                                 .key_id = key->id,
                                 .is_service = true,
                                 .roles = key->roles,
                                 .role_count = key->role_count,
                                 .scopes = key->scopes,
                                 .scope_count = key->scope_count,
                                 .servers = key->servers,
                                 .server_count = key->server_count,
                                 .expires_at_s = key->expires_at_s};
    return STATUS_OK;
}

/* Whatever has the form of a key is one: no other check gets to see it. */
static enum status verify_any(const struct identity_request *request, struct slice token,
                              const uint8_t hash[CRYPTO_SHA256_BYTES], struct principal *fields,
                              struct diag *diag)
{
    struct slice id;
    if (api_key_parse(request->crypto, token, &id)) {
        return verify_key(request, id, hash, fields, diag);
    }
    struct verification verification = {.request = request};
    return verify(&verification, token, fields, diag);
}

enum status identity_authenticate(const struct identity_request *request, struct principal **out,
                                  struct diag *diag)
{
    struct slice token = SLICE_EMPTY;
    struct identity_cache_key key;
    struct principal fields;
    uint8_t digits[PRINCIPAL_FINGERPRINT_BYTES];
    *out = NULL;
    TRY(bearer_token(request, &token, diag));
    if (request->snapshot == NULL) {
        return refuse(diag, "token.issuer", "no issuer is configured");
    }
    make_key(request, token, &key);
    if (request->cache != NULL) {
        *out = identity_cache_find(request->cache, &key, request->now_s);
        if (*out != NULL) {
            return STATUS_OK;
        }
    }
    TRY(verify_any(request, token, key.token, &fields, diag));
    fields.fingerprint = fingerprint(key.token, digits);
    TRY(principal_new(&fields, request->crypto, out, diag));
    if (request->cache != NULL) {
        identity_cache_keep(request->cache, &key, *out, request->now_s);
    }
    return STATUS_OK;
}
