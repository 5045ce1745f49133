#include "core/identity/identity.h"

#include "core/identity/certificate_map.h"
#include "core/identity/claims.h"
#include "core/identity/group_lookup.h"
#include "core/identity/introspection.h"
#include "core/identity/issuer_hint.h"
#include "core/identity/principal_map.h"
#include "core/identity/sign_in.h"

#include <assert.h>
#include <string.h>

/* One verification on its way through the checks. */
struct verification {
    const struct identity_request *request;
    const struct issuer_entry *entry;
    size_t entry_index;
    bool is_certified; /* there is no token: entry is that of the certificate */
    struct slice token;
    const struct identity_cache_key *key; /* of the token */
    struct jws jws;
    bool is_opaque;   /* only its issuer can read it: there is no jws */
    bool is_answered; /* claims are what the issuer said, and not what is in the token */
    struct claims claims;
    struct claims signed_claims; /* of a signed token that the issuer was asked about as well */
    const void *keys[JWKS_CANDIDATES_MAX]; /* that may have signed */
    uint32_t key_count;
    struct group_lookup groups; /* that were left out of the token */
    struct principal *fields;   /* out */
};

static enum status refuse(struct diag *diag, const char *code, const char *message)
{
    return diag_fail(diag, STATUS_UNAUTHENTICATED, code, "%s", message);
}

/* RFC 9110 §11.4: the scheme is compared without case, one or more spaces follow. */
static enum status find_token(const struct identity_request *request, struct slice *token,
                              bool *is_proved, struct diag *diag)
{
    size_t bytes_max =
        request->token_bytes_max != 0 ? request->token_bytes_max : JWS_TOKEN_BYTES_MAX;
    struct slice value = slice_trim_ows(request->authorization);
    if (value.len == 0) {
        return refuse(diag, "token.missing", "request has no access token");
    }
    size_t space = slice_find_byte(value, ' ');
    *is_proved = slice_eq_ascii_nocase(slice_sub(value, 0, space), SLICE("DPoP"));
    if (!*is_proved && !slice_eq_ascii_nocase(slice_sub(value, 0, space), SLICE("Bearer"))) {
        return refuse(diag, "token.malformed", "authorization scheme is not 'Bearer' or 'DPoP'");
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

static enum status check_header(struct verification *self, struct diag *diag)
{
    return jws_parse(self->request->parser, self->token, self->request->arena, &self->jws, diag);
}

/* The unverified issuer picks the entry, and only a configured one: nothing else is believed yet.
 */
static enum status check_issuer(struct verification *self, struct diag *diag)
{
    const struct identity_request *request = self->request;
    TRY(claims_open(request->parser, self->jws.payload, request->arena, &self->claims, diag));
    self->entry =
        identity_snapshot_find(request->snapshot, self->claims.issuer, &self->entry_index);
    return self->entry != NULL
               ? STATUS_OK
               : refuse(diag, "token.issuer", issuer_hint(request->snapshot, self->claims.issuer));
}

static enum status check_typ(struct verification *self, struct diag *diag)
{
    enum jws_type type = self->jws.type;
    bool is_wrong = type == JWS_TYPE_OTHER || type == JWS_TYPE_PROOF;
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
    return is_wrong ? refuse(diag, "token.kind", "token's 'typ' is not accepted from this issuer")
                    : STATUS_OK;
}

static enum status check_algorithm(struct verification *self, struct diag *diag)
{
    return (self->entry->algorithms & JWS_MASK(self->jws.algorithm)) != 0
               ? STATUS_OK
               : refuse(diag, "token.alg", "token's algorithm is not allowed for this issuer");
}

/* Keys that are shared by tenants say whose tokens they may sign. */
static enum status keep_keys_of_issuer(struct verification *self, const struct jwks *set,
                                       struct diag *diag)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->key_count; i++) {
        if (issuer_entry_key_may_sign(self->entry, jwks_issuer(set, self->keys[i]),
                                      self->claims.issuer)) {
            self->keys[kept++] = self->keys[i];
        }
    }
    self->key_count = kept;
    return kept > 0 ? STATUS_OK
                    : refuse(diag, "token.key", "the token's key is not one of its issuer");
}

static enum status check_key(struct verification *self, struct diag *diag)
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
    self->key_count = jwks_find(set, jws->has_kid ? &jws->kid : NULL, jws->algorithm, self->keys);
    bool is_ambiguous = self->key_count > (jws->has_kid ? JWKS_CANDIDATES_MAX : 1);
    if (self->key_count == 0 || is_ambiguous) {
        return refuse(diag, "token.key",
                      is_ambiguous ? "several keys fit the token"
                                   : "no key of this issuer fits the token's 'kid' and algorithm");
    }
    return keep_keys_of_issuer(self, set, diag);
}

static enum status check_signature(struct verification *self, struct diag *diag)
{
    const struct port_crypto *crypto = self->request->crypto;
    const struct jws *jws = &self->jws;
    for (uint32_t i = 0; i < self->key_count; i++) {
        if (crypto->verify(crypto->context, jws->algorithm, self->keys[i], jws->signed_input,
                           jws->signature) == STATUS_OK) {
            return STATUS_OK;
        }
    }
    return refuse(diag, "token.signature", "token's signature is wrong");
}

/* A signed token that is asked about has to be a good one by itself: nobody makes us ask by what he
 * has invented, and what it is bound to stays so, whatever the answer leaves out. */
static enum status check_before_asking(struct verification *self, struct diag *diag)
{
    const struct claims *claims = &self->claims;
    TRY(claims_read(&self->claims, self->request->arena, diag));
    if (claims->is_event || claims->is_id_token) {
        return refuse(diag, "token.kind", "token is no access token");
    }
    self->signed_claims = *claims;
    return token_window_check(&claims->window, self->request->now_s, self->entry->skew_s, diag);
}

static bool is_asked_about(const struct verification *self)
{
    return self->is_opaque || self->entry->inquiry.asked == ISSUER_ASKED_ALWAYS;
}

/* From here on the claims are what the issuer says now. */
static enum status check_answer(struct verification *self, struct diag *diag)
{
    const struct identity_answer *answer = self->request->answer;
    if (!self->is_opaque) {
        TRY(check_before_asking(self, diag));
    }
    if (answer == NULL || answer->kind != INQUIRY_TOKEN ||
        !slice_eq(answer->name, self->entry->name)) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "identity.unasked",
                         "issuer '%.*s' has to be asked about the token",
                         SLICE_ARG(self->entry->name));
    }
    if (!answer->is_yes) {
        return refuse(diag, "token.inactive", "the issuer says that the token is not active");
    }
    struct slice issuer = self->claims.issuer;
    TRY(claims_open_answer(self->request->parser, answer->text, issuer, self->request->arena,
                           &self->claims, diag));
    self->claims.takes_text_times = self->entry->inquiry.form == INTROSPECTION_TOKENINFO;
    self->is_answered = true;
    return slice_eq(issuer, self->claims.issuer) || self->is_opaque
               ? STATUS_OK
               : refuse(diag, "token.issuer", "token and answer are of two issuers");
}

/* What its preset says that every good token of the issuer has. */
static enum status check_required(const struct verification *self, struct diag *diag)
{
    const struct issuer_preset *preset = issuer_preset(self->entry->preset);
    const struct claim_question version = {SLICE("ver"), CLAIM_IS, self->entry->version};
    size_t count = preset->required_count + (self->entry->version.len > 0);
    for (size_t i = 0; i < count; i++) {
        const struct claim_question *question =
            i < preset->required_count ? &preset->required[i] : &version;
        bool is_met = false;
        TRY(claim_question_ask(question, &self->claims, self->request->arena, &is_met, diag));
        if (!is_met) {
            return diag_fail(
                diag, STATUS_UNAUTHENTICATED, "token.claim",
                "claim '%.*s' is not '%.*s', as it must be from this issuer",
                SLICE_ARG(question->claim),
                SLICE_ARG(question->kind == CLAIM_IS_TRUE ? SLICE("true") : question->value));
        }
    }
    return STATUS_OK;
}

static bool are_equal(const struct token_binding *a, const struct token_binding *b)
{
    return a->to_key == b->to_key && a->to_certificate == b->to_certificate &&
           memcmp(a->key, b->key, sizeof(a->key)) == 0 &&
           memcmp(a->certificate, b->certificate, sizeof(a->certificate)) == 0;
}

/* An answer takes nothing away from what a signed token says of itself. */
static enum status keep_signed(struct verification *self, struct diag *diag)
{
    const struct claims *token = &self->signed_claims;
    struct claims *answer = &self->claims;
    bool is_bound = answer->binding.to_key || answer->binding.to_certificate;
    if (is_bound && !are_equal(&answer->binding, &token->binding)) {
        return refuse(diag, "token.binding", "token and answer are bound to different things");
    }
    answer->binding = token->binding;
    if (answer->window.expires_at_s == TOKEN_TIME_ABSENT ||
        answer->window.expires_at_s > token->window.expires_at_s) {
        answer->window.expires_at_s = token->window.expires_at_s;
    }
    return STATUS_OK;
}

/* Only now are the claims worth reading: before this check they are anyone's words. */
static enum status check_claims(struct verification *self, struct diag *diag)
{
    TRY(claims_read(&self->claims, self->request->arena, diag));
    if (self->is_answered && !self->is_opaque) {
        TRY(keep_signed(self, diag));
    }
    return check_required(self, diag);
}

static bool has_claim(const struct verification *self, struct slice path)
{
    return claims_find(&self->claims, path) != JSON_NONE;
}

/* Groups are no right: identity providers put them into ID tokens as well. */
static bool has_rights(const struct verification *self)
{
    bool has = self->claims.has_scopes || has_claim(self, SLICE("roles")) ||
               has_claim(self, SLICE("permissions"));
    for (size_t i = 0; i < self->entry->role_source_count && !has; i++) {
        has = has_claim(self, self->entry->role_sources[i].claim);
    }
    return has;
}

/* What a token of this issuer must be bound to, or may not. */
static enum status check_bound(const struct verification *self, struct diag *diag)
{
    const struct token_binding *binding = &self->claims.binding;
    const struct {
        enum issuer_proof_policy policy;
        bool is_bound;
        const char *refused, *missing;
    } rules[] = {
        {self->entry->proofs, binding->to_key, "token is bound to a key, which 'dpop: off' refuses",
         "token is bound to no key, and all of this issuer are"},
        {self->entry->certificates, binding->to_certificate,
         "token is bound to a certificate, which 'mtls: off' refuses",
         "token is bound to no certificate, and all of this issuer are"},
    };
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (rules[i].is_bound && rules[i].policy == ISSUER_PROOFS_OFF) {
            return refuse(diag, "token.binding", rules[i].refused);
        }
        if (!rules[i].is_bound && rules[i].policy == ISSUER_PROOFS_REQUIRED) {
            return refuse(diag, "token.unbound", rules[i].missing);
        }
    }
    return STATUS_OK;
}

/* An ID token proves a login to a client; taken as an access token it would let that client's login
 * act here. Where the issuer does not mark access tokens, a right to something must be in it, and
 * the client that asked for it where the issuer's ID tokens name none. */
static enum status check_kind(struct verification *self, struct diag *diag)
{
    const struct claims *claims = &self->claims;
    TRY(check_bound(self, diag));
    if (claims->is_event) {
        return refuse(diag, "token.kind", "token reports an event, it gives no access");
    }
    if (self->is_answered) {
        return introspection_check(self->entry, claims, self->request->arena, diag);
    }
    if (self->entry->typ == ISSUER_TYP_ID_TOKEN || self->jws.type == JWS_TYPE_ACCESS_TOKEN) {
        return STATUS_OK;
    }
    if (claims->is_id_token || !has_rights(self)) {
        return refuse(diag, "token.kind",
                      "token is not marked as an access token and looks like an ID token: it needs "
                      "'typ' at+jwt, or a scope, role or permission and no nonce");
    }
    if (issuer_preset(self->entry->preset)->needs_client && claims->client_id.len == 0) {
        return refuse(diag, "token.kind",
                      "token names no client, so it is an ID token and no access token");
    }
    return STATUS_OK;
}

static enum status check_time(struct verification *self, struct diag *diag)
{
    const struct issuer_entry *entry = self->entry;
    TRY(token_window_check(&self->claims.window, self->request->now_s, entry->skew_s, diag));
    /* Its end is then the sooner of two, also for who remembers it and what it opens. */
    return entry->max_age_s == 0
               ? STATUS_OK
               : token_window_limit(&self->claims.window, self->claims.issued_at_s,
                                    entry->max_age_s, self->request->now_s - entry->skew_s, diag);
}

static bool has_text(const struct slice *items, size_t count, struct slice text)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].len > 0 && slice_eq(items[i], text)) {
            return true;
        }
    }
    return false;
}

/* A token that names somebody else as well can be replayed here by them, and there by us. */
static enum status check_audience(struct verification *self, struct diag *diag)
{
    const struct issuer_entry *entry = self->entry;
    const struct claims_list *claimed = &self->claims.audiences;
    /* RFC 7662 §2.2 lets an answer leave it out: then the client says whom it is for. */
    if (self->is_answered && claimed->count == 0 && entry->inquiry.client_count > 0) {
        return STATUS_OK;
    }
    bool has_own = entry->audience_count > 0;
    const struct slice *accepted = has_own ? entry->audiences : &self->request->resource;
    bool is_ours = false;
    bool is_others = false;
    for (size_t i = 0; i < claimed->count; i++) {
        bool is_own = has_text(accepted, has_own ? entry->audience_count : 1, claimed->items[i]);
        is_ours = is_ours || is_own;
        is_others =
            is_others || (!is_own && !has_text(entry->other_audiences, entry->other_audience_count,
                                               claimed->items[i]));
    }
    if (!is_ours) {
        return refuse(diag, "token.audience", "token is not meant for this gateway ('aud')");
    }
    return is_others && entry->is_audience_strict
               ? refuse(diag, "token.audience", "token is meant for somebody else, too ('aud')")
               : STATUS_OK;
}

/* Google's tokeninfo does not name the tenant. The configuration says that its one client serves
 * only one. */
static enum status take_only_tenant(struct verification *self, struct diag *diag)
{
    if (self->entry->tenant_count != 1) {
        return refuse(diag, "token.tenant", "the issuer does not say which tenant the token is of");
    }
    self->fields->tenant = self->entry->tenants[0];
    return STATUS_OK;
}

static enum status check_tenant(struct verification *self, struct diag *diag)
{
    if (self->is_answered && self->entry->inquiry.form == INTROSPECTION_TOKENINFO) {
        return take_only_tenant(self, diag);
    }
    return principal_map_tenant(self->entry, &self->claims, self->request->arena,
                                &self->fields->tenant, diag);
}

/* What the entry's directory says of groups that are not in the token. It is asked about tokens
 * that passed all checks before only. */
static enum status find_groups(struct verification *self, struct diag *diag)
{
    const struct identity_request *request = self->request;
    struct principal *fields = self->fields;
    if (self->entry->inquiry.groups_keep_s == 0 || !principal_map_lacks_groups(&self->claims)) {
        return STATUS_OK;
    }
    fields->issuer = self->entry->name;
    TRY(sign_in_read_actors(self->entry, &self->claims, request->arena, fields, diag));
    TRY(group_lookup_find(&self->claims, fields, request->answer, request->arena, &self->groups,
                          diag));
    self->claims.groups = self->groups.is_known ? &self->groups.groups : NULL;
    return STATUS_OK;
}

static enum status map_claims(struct verification *self, struct diag *diag)
{
    self->fields->key_id = self->jws.kid;
    TRY(find_groups(self, diag));
    return principal_map(self->entry, &self->claims, self->request->arena, self->fields, diag);
}

/* The form is looked at before anything of this is known (find_token), revocations behind it and at
 * every request (check_revocation). */
static const struct {
    struct slice name;
    enum status (*check)(struct verification *self, struct diag *diag);
} CHECKS[] = {
    [IDENTITY_CHECK_FORM] = {SLICE_INIT("form"), NULL},
    [IDENTITY_CHECK_HEADER] = {SLICE_INIT("header"), check_header},
    [IDENTITY_CHECK_ISSUER] = {SLICE_INIT("issuer"), check_issuer},
    [IDENTITY_CHECK_TYP] = {SLICE_INIT("typ"), check_typ},
    [IDENTITY_CHECK_ALGORITHM] = {SLICE_INIT("algorithm"), check_algorithm},
    [IDENTITY_CHECK_KEY] = {SLICE_INIT("key"), check_key},
    [IDENTITY_CHECK_SIGNATURE] = {SLICE_INIT("signature"), check_signature},
    [IDENTITY_CHECK_ANSWER] = {SLICE_INIT("introspection"), check_answer},
    [IDENTITY_CHECK_CLAIMS] = {SLICE_INIT("claims"), check_claims},
    [IDENTITY_CHECK_KIND] = {SLICE_INIT("kind"), check_kind},
    [IDENTITY_CHECK_TIME] = {SLICE_INIT("time"), check_time},
    [IDENTITY_CHECK_AUDIENCE] = {SLICE_INIT("audience"), check_audience},
    [IDENTITY_CHECK_TENANT] = {SLICE_INIT("tenant"), check_tenant},
    [IDENTITY_CHECK_MAPPING] = {SLICE_INIT("mapping"), map_claims},
    [IDENTITY_CHECK_REVOCATION] = {SLICE_INIT("revocation"), NULL},
    [IDENTITY_CHECK_BINDING] = {SLICE_INIT("binding"), NULL},
};
static_assert(COUNT_OF(CHECKS) == IDENTITY_CHECK_COUNT, "every check has its row");

struct slice identity_check_name(enum identity_check check)
{
    return CHECKS[check].name;
}

static void tell(const struct verification *self, enum identity_check check, enum status status,
                 const struct diag *diag)
{
    const struct identity_observer *observer = self->request->observer;
    if (observer != NULL) {
        bool has_claims = check > IDENTITY_CHECK_ISSUER ||
                          (check == IDENTITY_CHECK_ISSUER && self->claims.issuer.len > 0);
        bool has_header = check > IDENTITY_CHECK_HEADER ||
                          (check == IDENTITY_CHECK_HEADER && status == STATUS_OK);
        observer->on_check(observer->context,
                           &(struct identity_progress){.check = check,
                                                       .status = status,
                                                       .diag = diag,
                                                       .jws = has_header ? &self->jws : NULL,
                                                       .claims = has_claims ? &self->claims : NULL,
                                                       .entry = self->entry});
    }
}

static bool was_known(const struct verification *self)
{
    const struct identity_request *request = self->request;
    return request->cache != NULL && identity_cache_knew(request->cache, self->key, request->now_s);
}

/* Issuers replace keys, sometimes under a name that they had: whether the name is unknown or the
 * signature under it wrong, a newer document may help. */
static void note_miss(const struct verification *self, enum identity_check check,
                      enum status status)
{
    struct identity_miss *miss = self->request->miss;
    bool is_of_keys = check == IDENTITY_CHECK_KEY || check == IDENTITY_CHECK_SIGNATURE;
    bool is_of_groups = check == IDENTITY_CHECK_MAPPING;
    bool is_unasked =
        (is_of_groups || check == IDENTITY_CHECK_ANSWER) && status == STATUS_UNAVAILABLE;
    if (is_unasked && miss != NULL) {
        *miss = (struct identity_miss){.is_unasked = true,
                                       .entry = self->entry_index,
                                       .name = self->entry->name,
                                       .kind = is_of_groups ? INQUIRY_GROUPS : INQUIRY_TOKEN,
                                       .about = is_of_groups ? self->groups.about : self->token,
                                       .token = self->token};
        miss->was_known = was_known(self);
    }
    if (status != STATUS_OK && is_of_keys && miss != NULL && self->jws.has_kid) {
        *miss = (struct identity_miss){.is_missed = true,
                                       .entry = self->entry_index,
                                       .name = self->entry->name,
                                       .kid = self->jws.kid};
    }
}

static enum status verify(struct verification *self, enum identity_check first, struct diag *diag)
{
    for (enum identity_check check = first; check <= IDENTITY_CHECK_MAPPING; check++) {
        if (check == IDENTITY_CHECK_ANSWER && !is_asked_about(self)) {
            continue;
        }
        enum status status = CHECKS[check].check(self, diag);
        tell(self, check, status, diag);
        note_miss(self, check, status);
        TRY(status);
    }
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
                                 .tenant = key->tenant.len > 0       ? key->tenant
                                           : entry->tenant_count > 0 ? entry->tenants[0]
                                                                     : SLICE_EMPTY,
                                 .client_id = key->id,
                                 .key_id = key->id,
                                 .has_api_key = true,
                                 .is_service = true,
                                 .actor = PRINCIPAL_APP,
                                 .roles = key->roles,
                                 .role_count = key->role_count,
                                 .scopes = key->scopes,
                                 .scope_count = key->scope_count,
                                 .servers = key->servers,
                                 .server_count = key->server_count,
                                 .expires_at_s = key->expires_at_s};
    return STATUS_OK;
}

/* Whatever has the form of a key is one: no other check gets to see it, and nobody is asked about
 * it. */
static enum status verify_any(struct verification *self, struct diag *diag)
{
    struct slice id;
    if (api_key_parse(self->request->crypto, self->token, &id)) {
        enum status status = verify_key(self->request, id, self->key->token, self->fields, diag);
        tell(self, IDENTITY_CHECK_KEY, status, diag);
        return status;
    }
    self->entry =
        identity_snapshot_opaque(self->request->snapshot, self->token, &self->entry_index);
    if (self->entry == NULL) {
        return verify(self, IDENTITY_CHECK_HEADER, diag);
    }
    self->is_opaque = true;
    self->claims.issuer = self->entry->issuer;
    tell(self, IDENTITY_CHECK_ISSUER, STATUS_OK, diag);
    return verify(self, IDENTITY_CHECK_ANSWER, diag);
}

/* An answer counts from the moment in which it was asked for. */
static int64_t remembered_until(const struct verification *self)
{
    const struct identity_answer *answer = self->request->answer;
    if (self->groups.is_answered) {
        return answer->asked_at_s + (self->groups.is_known ? self->entry->inquiry.groups_keep_s
                                                           : GROUP_LOOKUP_UNKNOWN_S);
    }
    return self->is_answered ? answer->asked_at_s + self->entry->inquiry.keep_s
                             : self->request->now_s + IDENTITY_CACHE_TTL_S;
}

static enum status verify_certificate(struct verification *self, struct diag *diag)
{
    const struct identity_request *request = self->request;
    return certificate_map(self->entry, request->certificate, request->parser, request->arena,
                           self->fields, diag);
}

static bool asks_nonce(const struct identity_request *request, const struct principal *principal)
{
    const struct issuer_entry *entry =
        identity_snapshot_named(request->snapshot, principal->issuer);
    return entry == NULL || entry->asks_nonce;
}

/* RFC 8705 §3. A connection may outlive its certificate, and then nothing more is done on it. */
static enum status check_certificate(const struct identity_request *request,
                                     const struct token_binding *binding, struct diag *diag)
{
    const struct client_certificate *certificate = request->certificate;
    if (certificate != NULL && request->now_s > certificate->expires_at_s) {
        return refuse(diag, "certificate.expired", "the connection's certificate has expired");
    }
    if (!binding->to_certificate) {
        return STATUS_OK;
    }
    if (certificate == NULL) {
        return refuse(diag, "token.no_certificate",
                      "token is bound to a certificate, and the connection has none");
    }
    return slice_eq_constant_time(slice_of(certificate->sha256, CRYPTO_SHA256_BYTES),
                                  slice_of(binding->certificate, CRYPTO_SHA256_BYTES))
               ? STATUS_OK
               : refuse(diag, "token.other_certificate",
                        "token is bound to another certificate than the connection's");
}

static enum status check_proof(const struct identity_request *request,
                               const struct principal *principal, bool is_proved,
                               const uint8_t token_sha256[CRYPTO_SHA256_BYTES], struct diag *diag)
{
    const struct token_binding *binding = &principal->binding;
    /* RFC 9449 §7.1-7.2: a scheme that does not fit is a stolen token, or a downgrade. */
    if (is_proved != binding->to_key) {
        return is_proved ? refuse(diag, "token.unbound", "token is bound to no key")
                         : refuse(diag, "token.binding", "token is bound to a key: use 'DPoP'");
    }
    if (!binding->to_key) {
        return STATUS_OK;
    }
    struct proof_request proof = {
        .parser = request->parser,
        .crypto = request->crypto,
        .replay = request->replay,
        .proof = request->proof,
        .proof_count = request->proof_count,
        .method = request->method,
        .public_url = request->public_url,
        .path = request->path,
        .token_hash = token_sha256,
        .thumbprint = binding->key,
        .nonce_key = asks_nonce(request, principal) ? request->nonce_key : NULL,
        .now_s = request->now_s,
        .arena = request->arena,
    };
    return proof_check(&proof, diag);
}

/* Whoever has the token has to have what it is bound to as well, at every request. */
static enum status check_binding(const struct verification *self, const struct principal *principal,
                                 bool is_proved, const uint8_t token_sha256[CRYPTO_SHA256_BYTES],
                                 struct diag *diag)
{
    const struct identity_request *request = self->request;
    if (request->skips_binding && request->certificate == NULL) {
        return STATUS_OK;
    }
    enum status status = check_certificate(request, &principal->binding, diag);
    if (status == STATUS_OK && !request->skips_binding) {
        status = check_proof(request, principal, is_proved, token_sha256, diag);
    }
    tell(self, IDENTITY_CHECK_BINDING, status, diag);
    return status;
}

/* Who the token speaks of, by memory or by all the checks. */
static enum status find_principal(struct verification *self, const struct identity_cache_key *key,
                                  struct principal **out, struct diag *diag)
{
    const struct identity_request *request = self->request;
    uint8_t digits[PRINCIPAL_FINGERPRINT_BYTES];
    if (request->cache != NULL) {
        *out = identity_cache_find(request->cache, key, request->now_s);
        if (*out != NULL) {
            return STATUS_OK;
        }
    }
    if (request->only_remembered && !self->is_certified) {
        return refuse(diag, "token.later", "too many bad tokens came from this address");
    }
    self->key = key;
    TRY(self->is_certified ? verify_certificate(self, diag) : verify_any(self, diag));
    self->fields->fingerprint = fingerprint(key->token, digits);
    TRY(principal_new(self->fields, request->crypto, out, diag));
    if (request->cache != NULL) {
        identity_cache_keep(request->cache, key, *out, request->now_s, remembered_until(self));
    }
    return STATUS_OK;
}

/* Whether the verdict was remembered or not. */
static enum status check_revocation(const struct verification *self,
                                    const struct principal *principal, struct diag *diag)
{
    const struct identity_request *request = self->request;
    if (request->revocations == NULL && request->observer == NULL) {
        return STATUS_OK;
    }
    enum status status = revocations_check(request->revocations, principal, request->now_s, diag);
    tell(self, IDENTITY_CHECK_REVOCATION, status, diag);
    return status;
}

/* Without a token the certificate of the connection may be enough; with one it is not looked at. */
static enum status find_certificate(struct verification *self, struct diag *diag)
{
    const struct identity_request *request = self->request;
    bool has_any = false;
    if (request->certificate == NULL || request->snapshot == NULL ||
        slice_trim_ows(request->authorization).len > 0) {
        return STATUS_OK;
    }
    self->entry = certificate_entry(request->snapshot, request->certificate, &has_any);
    self->is_certified = self->entry != NULL;
    return self->is_certified || !has_any
               ? STATUS_OK
               : refuse(diag, "certificate.unknown",
                        "no entry names an authority of the client's certificate");
}

/* Who the request says it is from: by its token, or the connection by its certificate. */
static enum status find_presented(struct verification *self, struct identity_cache_key *key,
                                  bool *is_proved, struct diag *diag)
{
    const struct identity_request *request = self->request;
    TRY(find_certificate(self, diag));
    if (self->is_certified) {
        *key = (struct identity_cache_key){.generation =
                                               identity_snapshot_generation(request->snapshot)};
        certificate_hash(request->crypto, request->certificate, key->token);
        return STATUS_OK;
    }
    enum status status = find_token(request, &self->token, is_proved, diag);
    tell(self, IDENTITY_CHECK_FORM, status, diag);
    TRY(status);
    if (request->snapshot == NULL) {
        return refuse(diag, "token.issuer", "no issuer is configured");
    }
    make_key(request, self->token, key);
    return STATUS_OK;
}

enum status identity_authenticate(const struct identity_request *request, struct principal **out,
                                  struct diag *diag)
{
    struct identity_cache_key key;
    struct principal fields = {0};
    struct principal *principal = NULL;
    struct verification verification = {.request = request, .fields = &fields};
    bool is_proved = false;
    *out = NULL;
    if (request->miss != NULL) {
        *request->miss = (struct identity_miss){0};
    }
    TRY(find_presented(&verification, &key, &is_proved, diag));
    enum status status = find_principal(&verification, &key, &principal, diag);
    if (principal == NULL) {
        return status != STATUS_OK ? status : refuse(diag, "token.subject", "token names nobody");
    }
    status = check_revocation(&verification, principal, diag);
    if (status == STATUS_OK) {
        status = check_binding(&verification, principal, is_proved, key.token, diag);
    }
    if (status != STATUS_OK) {
        principal_unref(principal);
        return status;
    }
    *out = principal;
    return STATUS_OK;
}
