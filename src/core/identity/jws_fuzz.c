/* A token from anyone: parsing never crashes, and what it accepts obeys the header policy. */
#include "core/identity/claims.h"
#include "core/identity/jws.h"

#include "base/base64.h"

#include <assert.h>

#define ARENA_BYTES_MAX ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The decoded parts must give back the very token: there is only one text for them. */
static void check_round_trip(struct slice token, const struct jws *jws)
{
    struct buf text;
    buf_init(&text, JWS_TOKEN_BYTES_MAX, NULL);
    buf_append(&text, slice_sub(jws->signed_input, 0, slice_find_byte(jws->signed_input, '.')));
    buf_append_byte(&text, '.');
    base64_encode(&text, jws->payload, BASE64_URL_UNPADDED);
    buf_append_byte(&text, '.');
    base64_encode(&text, jws->signature, BASE64_URL_UNPADDED);
    assert(slice_eq(buf_view(&text), token));
    buf_release(&text);
}

static void check_claims(const struct json_parser *parser, struct slice payload,
                         struct arena *arena)
{
    struct claims claims;
    if (claims_open(parser, payload, arena, &claims, NULL) != STATUS_OK) {
        return;
    }
    assert(claims.issuer.len > 0 && claims.issuer.len <= CLAIMS_ISSUER_BYTES_MAX);
    if (claims_read(&claims, arena, NULL) == STATUS_OK) {
        assert(claims.audiences.count <= CLAIMS_AUDIENCES_MAX);
        assert(claims.scopes.count <= CLAIMS_LIST_MAX);
    }
}

/* The first byte chooses: a whole token, or a payload alone, which a mutator reaches more easily.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[16] = {1};
    struct json_parser parser;
    struct arena arena;
    struct jws jws;
    if (size == 0) {
        return 0;
    }
    struct slice input = slice_of(data + 1, size - 1);
    json_parser_init(&parser, &(struct json_limits)JSON_LIMITS_DEFAULT, seed);
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    if (data[0] % 2 == 0) {
        check_claims(&parser, input, &arena);
    } else if (jws_parse(&parser, input, &arena, &jws, NULL) == STATUS_OK) {
        assert(jws.algorithm < JWS_ALGORITHM_COUNT && jws.kid.len <= JWS_KID_BYTES_MAX);
        check_round_trip(input, &jws);
        check_claims(&parser, jws.payload, &arena);
    }
    arena_release(&arena);
    return 0;
}
