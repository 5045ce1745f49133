#include "core/identity/jws.h"

#include "base/base64.h"

static const struct slice ALGORITHM_NAMES[JWS_ALGORITHM_COUNT] = {
    [JWS_RS256] = SLICE_INIT("RS256"), [JWS_RS384] = SLICE_INIT("RS384"),
    [JWS_RS512] = SLICE_INIT("RS512"), [JWS_PS256] = SLICE_INIT("PS256"),
    [JWS_PS384] = SLICE_INIT("PS384"), [JWS_PS512] = SLICE_INIT("PS512"),
    [JWS_ES256] = SLICE_INIT("ES256"), [JWS_ES384] = SLICE_INIT("ES384"),
    [JWS_ES512] = SLICE_INIT("ES512"), [JWS_EDDSA] = SLICE_INIT("EdDSA"),
};

/* Header parameters that change what a signature means or where its key comes from. We implement
 * none of them, and ignoring one would be worse than refusing it (RFC 7515 §4.1.11). */
static const struct slice REFUSED_PARAMETERS[] = {
    SLICE_INIT("crit"), SLICE_INIT("b64"), SLICE_INIT("zip"), SLICE_INIT("enc"),
    SLICE_INIT("epk"),  SLICE_INIT("jku"), SLICE_INIT("x5u"),
};

bool jws_algorithm_from_name(struct slice name, enum jws_algorithm *out)
{
    /* RFC 9864 §2.2: the name that says it all, for the only curve that we take. */
    if (slice_eq(name, SLICE("Ed25519"))) {
        *out = JWS_EDDSA;
        return true;
    }
    for (unsigned i = 0; i < JWS_ALGORITHM_COUNT; i++) {
        if (slice_eq(name, ALGORITHM_NAMES[i])) {
            *out = (enum jws_algorithm)i;
            return true;
        }
    }
    return false;
}

struct slice jws_algorithm_name(enum jws_algorithm algorithm)
{
    return ALGORITHM_NAMES[algorithm];
}

static enum status no_memory(struct diag *diag)
{
    return diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory to read a token");
}

enum status jws_parse_object(const struct json_parser *parser, struct slice text,
                             uint32_t depth_max, struct arena *arena, struct json_tape *out,
                             struct diag *diag)
{
    struct json_parser strict = *parser;
    strict.limits.depth_max = depth_max;
    struct diag cause = {0};
    enum status status = json_parse(&strict, text, arena, out, &cause);
    struct slice code = slice_view_cstr(cause.code);
    if (slice_eq(code, SLICE("json.memory"))) {
        return no_memory(diag);
    }
    if (slice_eq(code, SLICE("json.duplicate"))) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.duplicate",
                         "token names a member twice");
    }
    if (status != STATUS_OK || json_type(out, 0) != JSON_OBJECT) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.malformed",
                         "a part of the token is not a JSON object (%s)",
                         cause.code != NULL ? cause.code : "another value");
    }
    return STATUS_OK;
}

static enum status decode_part(struct slice text, struct arena *arena, struct slice *out,
                               struct diag *diag)
{
    uint8_t *bytes = arena_alloc(arena, text.len);
    size_t len = 0;
    if (bytes == NULL) {
        return no_memory(diag);
    }
    if (base64_decode(text, BASE64_URL_UNPADDED, bytes, text.len, &len) != STATUS_OK) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.malformed",
                         "a part of the token is not canonical base64url");
    }
    *out = slice_of(bytes, len);
    return STATUS_OK;
}

/* RFC 7515 §7.1. Five parts would be an encrypted token, for which no key is configured. An empty
 * payload is a fine JWS; that it is no set of claims is for claims.h to say. */
static enum status split(struct slice token, struct slice parts[3], struct diag *diag)
{
    size_t first = slice_find_byte(token, '.');
    struct slice rest = slice_sub(token, first + 1, token.len);
    size_t second = slice_find_byte(rest, '.');
    parts[0] = slice_sub(token, 0, first);
    parts[1] = slice_sub(rest, 0, second);
    parts[2] = slice_sub(rest, second + 1, rest.len);
    bool has_more = slice_find_byte(parts[2], '.') < parts[2].len;
    bool has_parts = first < token.len && second < rest.len;
    if (!has_parts || has_more || parts[0].len == 0 || parts[2].len == 0) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.malformed",
                         "token is not a signed JWT of three parts");
    }
    return STATUS_OK;
}

static enum status refuse_header(struct diag *diag, struct slice name)
{
    return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.header",
                     "token header parameter '%.*s' is refused", SLICE_ARG(name));
}

static enum status check_parameters(const struct json_tape *header, bool is_proof,
                                    struct diag *diag)
{
    for (size_t i = 0; i < COUNT_OF(REFUSED_PARAMETERS); i++) {
        if (json_member(header, 0, REFUSED_PARAMETERS[i]) != JSON_NONE) {
            return refuse_header(diag, REFUSED_PARAMETERS[i]);
        }
    }
    if (!is_proof && json_member(header, 0, SLICE("jwk")) != JSON_NONE) {
        return refuse_header(diag, SLICE("jwk"));
    }
    if (json_member(header, 0, SLICE("nonce")) != JSON_NONE) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.header",
                         "token header has a 'nonce': it is meant for the identity provider's own "
                         "API; request a token for this gateway's audience");
    }
    /* A nested token would be judged by its wrapping. */
    return json_member(header, 0, SLICE("cty")) == JSON_NONE ? STATUS_OK
                                                             : refuse_header(diag, SLICE("cty"));
}

/* An optional text parameter; *has says whether it is there. */
static enum status read_parameter(const struct json_tape *header, struct slice name,
                                  struct arena *arena, bool *has, struct slice *out,
                                  struct diag *diag)
{
    json_ref ref = json_member(header, 0, name);
    *has = ref != JSON_NONE;
    if (!*has) {
        return STATUS_OK;
    }
    enum status status = json_string(header, ref, arena, out);
    if (status == STATUS_LIMIT) {
        return no_memory(diag);
    }
    return status == STATUS_OK ? STATUS_OK : refuse_header(diag, name);
}

static enum status read_algorithm(const struct json_tape *header, struct arena *arena,
                                  struct jws *out, struct diag *diag)
{
    bool has = false;
    struct slice name = SLICE_EMPTY;
    TRY(read_parameter(header, SLICE("alg"), arena, &has, &name, diag));
    if (!has || !jws_algorithm_from_name(name, &out->algorithm)) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.alg",
                         "token is signed with an algorithm that is never accepted");
    }
    return STATUS_OK;
}

/* RFC 7515 §4.1.9: the prefix "application/" is optional and case does not matter. */
static enum jws_type type_from_name(struct slice name)
{
    struct slice prefix = SLICE("application/");
    if (slice_eq_ascii_nocase(slice_sub(name, 0, prefix.len), prefix)) {
        name = slice_sub(name, prefix.len, name.len);
    }
    if (slice_eq_ascii_nocase(name, SLICE("JWT"))) {
        return JWS_TYPE_JWT;
    }
    if (slice_eq_ascii_nocase(name, SLICE("dpop+jwt"))) {
        return JWS_TYPE_PROOF;
    }
    return slice_eq_ascii_nocase(name, SLICE("at+jwt")) ? JWS_TYPE_ACCESS_TOKEN : JWS_TYPE_OTHER;
}

/* RFC 9449 §4.2 */
static enum status read_key(const struct json_tape *header, struct jws *out, struct diag *diag)
{
    json_ref key = json_member(header, 0, SLICE("jwk"));
    if (out->type != JWS_TYPE_PROOF || key == JSON_NONE || json_type(header, key) != JSON_OBJECT) {
        return refuse_header(diag, SLICE("jwk"));
    }
    out->key = json_raw(header, key);
    return STATUS_OK;
}

static enum status read_header(const struct json_tape *header, bool is_proof, struct arena *arena,
                               struct jws *out, struct diag *diag)
{
    bool has_type = false;
    struct slice type = SLICE_EMPTY;
    TRY(check_parameters(header, is_proof, diag));
    TRY(read_algorithm(header, arena, out, diag));
    TRY(read_parameter(header, SLICE("typ"), arena, &has_type, &type, diag));
    out->type = has_type ? type_from_name(type) : JWS_TYPE_NONE;
    TRY(read_parameter(header, SLICE("kid"), arena, &out->has_kid, &out->kid, diag));
    if (out->kid.len > JWS_KID_BYTES_MAX) {
        return refuse_header(diag, SLICE("kid"));
    }
    return is_proof ? read_key(header, out, diag) : STATUS_OK;
}

static enum status parse(const struct json_parser *parser, struct slice token, bool is_proof,
                         struct arena *arena, struct jws *out, struct diag *diag)
{
    struct slice parts[3];
    struct slice header = SLICE_EMPTY;
    struct json_tape tape;
    *out = (struct jws){0};
    if (token.len > JWS_TOKEN_BYTES_MAX) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.size",
                         "token has %zu bytes, at most %d are accepted", token.len,
                         JWS_TOKEN_BYTES_MAX);
    }
    TRY(split(token, parts, diag));
    TRY(decode_part(parts[0], arena, &header, diag));
    if (header.len > JWS_HEADER_BYTES_MAX) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.size",
                         "token header has %zu bytes, at most %d are accepted", header.len,
                         JWS_HEADER_BYTES_MAX);
    }
    TRY(jws_parse_object(parser, header, JWS_HEADER_DEPTH_MAX, arena, &tape, diag));
    TRY(read_header(&tape, is_proof, arena, out, diag));
    TRY(decode_part(parts[1], arena, &out->payload, diag));
    TRY(decode_part(parts[2], arena, &out->signature, diag));
    out->signed_input = slice_sub(token, 0, parts[0].len + 1 + parts[1].len);
    return STATUS_OK;
}

enum status jws_parse(const struct json_parser *parser, struct slice token, struct arena *arena,
                      struct jws *out, struct diag *diag)
{
    return parse(parser, token, false, arena, out, diag);
}

enum status jws_parse_proof(const struct json_parser *parser, struct slice token,
                            struct arena *arena, struct jws *out, struct diag *diag)
{
    return parse(parser, token, true, arena, out, diag);
}
