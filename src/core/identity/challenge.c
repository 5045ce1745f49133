#include "core/identity/challenge.h"

#include "base/base64.h"
#include "core/identity/issuer_preset.h"
#include "core/identity/jws.h"

/* What stands inside a quoted string as it is (RFC 9110 §5.6.4) and inside a URL path. */
static bool is_plain(struct slice text)
{
    return slice_is_visible(text) && slice_find_byte(text, '"') == text.len &&
           slice_find_byte(text, '\\') == text.len;
}

static bool is_plain_path(struct slice path)
{
    return is_plain(path) && path.len > 1 && path.ptr[0] == '/';
}

/* Parameters of one challenge: the first stands behind the scheme, the others behind commas. */
struct parameters {
    struct buf *buf;
    size_t count;
};

static void begin_parameter(struct parameters *self, struct slice name)
{
    buf_append(self->buf, self->count++ == 0 ? SLICE(" ") : SLICE(", "));
    buf_append(self->buf, name);
    buf_append(self->buf, SLICE("=\""));
}

static void write_parameter(struct parameters *self, struct slice name, struct slice value)
{
    begin_parameter(self, name);
    buf_append(self->buf, value);
    buf_append_byte(self->buf, '"');
}

/* What is configured or comes from a token is written without what could end the quotes. */
static void write_words(struct parameters *self, struct slice name, const struct slice *words,
                        size_t count)
{
    if (count == 0) {
        return;
    }
    begin_parameter(self, name);
    for (size_t i = 0; i < count; i++) {
        buf_append(self->buf, i > 0 ? SLICE(" ") : SLICE_EMPTY);
        for (size_t k = 0; k < words[i].len; k++) {
            uint8_t byte = words[i].ptr[k];
            if (byte > 0x20 && byte < 0x7F && byte != '"' && byte != '\\') {
                buf_append_byte(self->buf, byte);
            }
        }
    }
    buf_append_byte(self->buf, '"');
}

static void write_metadata_address(struct parameters *self, const struct challenge *challenge)
{
    struct slice path = slice_sub(challenge->path, 0, slice_find_byte(challenge->path, '?'));
    begin_parameter(self, SLICE("resource_metadata"));
    buf_append(self->buf, challenge->public_url);
    buf_append(self->buf, SLICE(CHALLENGE_METADATA_PATH));
    buf_append(self->buf, is_plain_path(path) ? path : SLICE_EMPTY);
    buf_append_byte(self->buf, '"');
}

/* RFC 6750 §3.1 */
static const struct {
    struct slice error, description;
    int http_status;
} KINDS[] = {
    [CHALLENGE_NONE] = {.http_status = 401},
    [CHALLENGE_MISSING] = {.http_status = 401},
    [CHALLENGE_REQUEST] = {SLICE_INIT("invalid_request"),
                           SLICE_INIT("The access token belongs into one Authorization field"),
                           400},
    [CHALLENGE_INVALID] = {SLICE_INIT("invalid_token"), SLICE_INIT("The access token is not valid"),
                           401},
    [CHALLENGE_EXPIRED] = {SLICE_INIT("invalid_token"), SLICE_INIT("The access token expired"),
                           401},
    /* RFC 9449 §7.1, §9 */
    [CHALLENGE_PROOF] = {SLICE_INIT("invalid_dpop_proof"),
                         SLICE_INIT("The DPoP proof is not valid"), 401},
    [CHALLENGE_NONCE] = {SLICE_INIT("use_dpop_nonce"),
                         SLICE_INIT("The DPoP proof needs the nonce of this answer"), 401},
    [CHALLENGE_SCOPES] = {SLICE_INIT("insufficient_scope"),
                          SLICE_INIT("The access token lacks scopes that this needs"), 403},
    /* RFC 9470 §3 */
    [CHALLENGE_SIGN_IN] = {SLICE_INIT("insufficient_user_authentication"),
                           SLICE_INIT("This needs another or a newer sign-in"), 401},
    [CHALLENGE_CLAIMS] = {SLICE_INIT("insufficient_claims"),
                          SLICE_INIT("This needs another sign-in"), 401},
};

enum challenge_kind challenge_kind_of(const char *code)
{
    static const struct {
        struct slice code;
        enum challenge_kind kind;
    } CODES[] = {
        {SLICE_INIT("token.missing"), CHALLENGE_MISSING},
        {SLICE_INIT("token.repeated"), CHALLENGE_REQUEST},
        {SLICE_INIT("token.query"), CHALLENGE_REQUEST},
        {SLICE_INIT("token.expired"), CHALLENGE_EXPIRED},
        {SLICE_INIT("token.too_old"), CHALLENGE_EXPIRED},
        {SLICE_INIT("key.expired"), CHALLENGE_EXPIRED},
        {SLICE_INIT("certificate.expired"), CHALLENGE_MISSING},
        {SLICE_INIT("certificate.unknown"), CHALLENGE_MISSING},
        {SLICE_INIT("proof.nonce"), CHALLENGE_NONCE},
    };
    for (size_t i = 0; i < COUNT_OF(CODES); i++) {
        if (slice_eq(CODES[i].code, slice_view_cstr(code))) {
            return CODES[i].kind;
        }
    }
    return slice_starts_with(slice_view_cstr(code), SLICE("proof.")) ? CHALLENGE_PROOF
                                                                     : CHALLENGE_INVALID;
}

int challenge_http_status(enum challenge_kind kind)
{
    return KINDS[kind].http_status;
}

/* Where people of that tenant sign in: beside their issuer, which tells clouds apart. Nobody signs
 * in at issuers of version 1 (sts.windows.net), which are the public cloud's. */
static void write_authority(struct buf *buf, struct slice issuer, struct slice tenant)
{
    const struct slice place = SLICE(ISSUER_TENANT_PLACE);
    const struct slice version = SLICE("/v2.0");
    if (!slice_ends_with(issuer, version) || !is_plain(issuer)) {
        issuer = SLICE("https://login.microsoftonline.com/" ISSUER_TENANT_PLACE "/v2.0");
    }
    for (size_t i = 0; i < issuer.len - version.len; i++) {
        if (slice_starts_with(slice_sub(issuer, i, issuer.len), place)) {
            buf_append(buf, tenant);
            i += place.len - 1;
        } else {
            buf_append_byte(buf, issuer.ptr[i]);
        }
    }
    buf_append(buf, SLICE("/oauth2/v2.0/authorize"));
}

/* Microsoft identity platform, claims challenge: the claims that the next token needs, as the
 * client has to hand them on. */
static void write_claims(struct parameters *self, const struct challenge *challenge)
{
    struct buf claims;
    struct slice tenant = challenge->tenant.len > 0 && is_plain(challenge->tenant)
                              ? challenge->tenant
                              : SLICE("organizations");
    write_parameter(self, SLICE("realm"), SLICE_EMPTY);
    begin_parameter(self, SLICE("authorization_uri"));
    write_authority(self->buf, challenge->issuer, tenant);
    buf_append_byte(self->buf, '"');
    buf_init(&claims, CHALLENGE_BYTES_MAX, NULL);
    buf_append(&claims, SLICE("{\"access_token\":{\"acrs\":{\"essential\":true,\"value\":"));
    buf_append_json_string(&claims, challenge->sign_in_count > 0 ? challenge->sign_ins[0] : tenant);
    buf_append(&claims, SLICE("}}}"));
    begin_parameter(self, SLICE("claims"));
    base64_encode(self->buf, buf_view(&claims), BASE64_STANDARD);
    buf_append_byte(self->buf, '"');
    write_parameter(self, SLICE("cc_type"), SLICE("authcontext"));
    self->buf->failed = self->buf->failed || claims.failed;
    buf_release(&claims);
}

/* What a proof may be signed with: everything that is ever accepted. */
static size_t list_algorithms(struct slice names[JWS_ALGORITHM_COUNT])
{
    for (unsigned i = 0; i < JWS_ALGORITHM_COUNT; i++) {
        names[i] = jws_algorithm_name((enum jws_algorithm)i);
    }
    return JWS_ALGORITHM_COUNT;
}

void challenge_write(struct buf *buf, const struct challenge *challenge)
{
    struct parameters parameters = {.buf = buf};
    bool is_sign_in = challenge->kind == CHALLENGE_SIGN_IN;
    bool is_of_proof = challenge->needs_proof || challenge->kind == CHALLENGE_PROOF ||
                       challenge->kind == CHALLENGE_NONCE;
    struct slice algorithms[JWS_ALGORITHM_COUNT];
    buf_append(buf, is_of_proof ? SLICE("DPoP") : SLICE("Bearer"));
    if (challenge->public_url.len > 0) {
        write_metadata_address(&parameters, challenge);
    }
    if (KINDS[challenge->kind].error.len > 0) {
        write_parameter(&parameters, SLICE("error"), KINDS[challenge->kind].error);
        write_parameter(&parameters, SLICE("error_description"),
                        KINDS[challenge->kind].description);
    }
    write_words(&parameters, SLICE("algs"), algorithms,
                is_of_proof ? list_algorithms(algorithms) : 0);
    write_words(&parameters, SLICE("scope"), challenge->scopes, challenge->scope_count);
    if (is_sign_in) {
        write_words(&parameters, SLICE("acr_values"), challenge->sign_ins,
                    challenge->sign_in_count);
    }
    if (is_sign_in && challenge->has_max_age) {
        begin_parameter(&parameters, SLICE("max_age"));
        buf_append_i64(buf, challenge->max_age_s);
        buf_append_byte(buf, '"');
    }
    if (challenge->kind == CHALLENGE_CLAIMS) {
        write_claims(&parameters, challenge);
    }
}

/* RFC 9728 §2: lists without elements are left out. */
static void write_list(struct buf *buf, struct slice name, const struct slice *items, size_t count)
{
    if (count == 0) {
        return;
    }
    buf_append(buf, SLICE(",\""));
    buf_append(buf, name);
    buf_append(buf, SLICE("\":["));
    for (size_t i = 0; i < count; i++) {
        buf_append(buf, i > 0 ? SLICE(",") : SLICE_EMPTY);
        buf_append_json_string(buf, items[i]);
    }
    buf_append(buf, SLICE("]"));
}

void challenge_metadata_write(struct buf *buf, const struct challenge_metadata *metadata)
{
    const struct slice header = SLICE("header");
    buf_append(buf, SLICE("{\"resource\":"));
    buf_append_json_string(buf, metadata->resource);
    write_list(buf, SLICE("authorization_servers"), metadata->authorization_servers,
               metadata->authorization_server_count);
    write_list(buf, SLICE("scopes_supported"), metadata->scopes, metadata->scope_count);
    write_list(buf, SLICE("bearer_methods_supported"), &header, 1);
    if (metadata->resource_name.len > 0) {
        buf_append(buf, SLICE(",\"resource_name\":"));
        buf_append_json_string(buf, metadata->resource_name);
    }
    struct slice algorithms[JWS_ALGORITHM_COUNT];
    write_list(buf, SLICE("dpop_signing_alg_values_supported"), algorithms,
               metadata->takes_proofs ? list_algorithms(algorithms) : 0);
    if (metadata->needs_proofs) {
        buf_append(buf, SLICE(",\"dpop_bound_access_tokens_required\":true"));
    }
    if (metadata->takes_certificates) {
        buf_append(buf, SLICE(",\"tls_client_certificate_bound_access_tokens\":true"));
    }
    buf_append(buf, SLICE("}"));
}
