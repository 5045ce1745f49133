/* How long does it take to learn who a token's bearer is?
 *
 * "warm": the token was verified before, as nearly always. "cold": it was not; beside it what
 * OpenSSL takes for the signature alone. Prints one line of JSON for each: the fastest and the
 * median batch, in nanoseconds a token.
 */
#include "bench/measure.h"

#include "adapters/crypto/dev_issuer.h"
#include "adapters/crypto/openssl_crypto.h"
#include "base/base64.h"
#include "core/identity/identity.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW_S 1000000
#define TEXT_BYTES_MAX 65536
#define ARENA_BYTES_MAX ((size_t)4 << 20)
#define SIGNATURE_BYTES_MAX 1024
#define PATH_BYTES 128
#define KEY_FILE "issuer/rs256.pem" /* of a development issuer in its folder */

struct subject {
    struct identity_request request;
    struct arena arena;
    struct slice signed_input, signature;
    EVP_PKEY *key;
};

static void need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench: %s\n", what);
        exit(1);
    }
}

static void authenticate(void *context)
{
    struct subject *subject = context;
    struct principal *principal = NULL;
    arena_reset(&subject->arena);
    need(identity_authenticate(&subject->request, &principal, NULL) == STATUS_OK,
         "the token was refused");
    principal_unref(principal);
}

static void check_signature(void *context)
{
    const struct subject *subject = context;
    EVP_MD_CTX *state = EVP_MD_CTX_new();
    need(state != NULL &&
             EVP_DigestVerifyInit(state, NULL, EVP_sha256(), NULL, subject->key) == 1 &&
             EVP_DigestVerify(state, subject->signature.ptr, subject->signature.len,
                              subject->signed_input.ptr, subject->signed_input.len) == 1,
         "the signature is wrong");
    EVP_MD_CTX_free(state);
}

static struct jwks *read_keys(const struct dev_issuer *issuer, struct subject *subject)
{
    struct buf text;
    struct jwks *keys = NULL;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    need(dev_issuer_jwks(issuer, &text) == STATUS_OK, "there are no keys");
    struct jwks_source source = {subject->request.parser, subject->request.crypto, buf_view(&text),
                                 &subject->arena};
    need(jwks_parse(&source, &keys, NULL, NULL) == STATUS_OK, "the keys cannot be read");
    buf_release(&text);
    return keys;
}

static struct identity_snapshot *trust(struct jwks *keys)
{
    static const struct slice audiences[] = {SLICE_INIT(DEV_ISSUER_AUDIENCE)};
    const struct issuer_entry entry = {.name = SLICE("bench"),
                                       .issuer = SLICE(DEV_ISSUER_URL),
                                       .audiences = audiences,
                                       .audience_count = 1,
                                       .algorithms = JWS_MASK(JWS_RS256),
                                       .typ = ISSUER_TYP_ACCESS_TOKEN};
    const struct identity_config config = {&entry, 1};
    struct identity_snapshot *snapshot = NULL;
    need(identity_snapshot_new(&config, &keys, 1, &snapshot, NULL) == STATUS_OK,
         "nobody can be trusted");
    return snapshot;
}

/* A token as providers of identities write them, of about 800 bytes. */
static void mint(const struct dev_issuer *issuer, struct buf *out)
{
    static const struct slice roles[] = {SLICE_INIT("Developers"), SLICE_INIT("Oncall")};
    static const struct dev_claim claims[] = {
        {SLICE_INIT("scope"), SLICE_INIT("\"tools:read tools:call resources:read\"")},
        {SLICE_INIT("client_id"), SLICE_INIT("\"7f3c1e0a-52d1-4be2-9d53-1c4a4b7f6a11\"")},
        {SLICE_INIT("email"), SLICE_INIT("\"alice@customer.example\"")}};
    const struct dev_token token = {.algorithm = JWS_RS256,
                                    .issuer = SLICE(DEV_ISSUER_URL),
                                    .subject = SLICE("248289761001"),
                                    .audience = SLICE(DEV_ISSUER_AUDIENCE),
                                    .roles = roles,
                                    .role_count = COUNT_OF(roles),
                                    .claims = claims,
                                    .claim_count = COUNT_OF(claims),
                                    .issued_at_s = NOW_S,
                                    .expires_at_s = NOW_S + 60};
    need(dev_issuer_mint(issuer, &token, out, NULL) == STATUS_OK, "no token can be made");
}

static void split(struct subject *subject, struct slice token, uint8_t *signature)
{
    size_t dot = token.len;
    while (dot > 0 && token.ptr[--dot] != '.') {
    }
    size_t len = 0;
    need(base64_decode(slice_sub(token, dot + 1, token.len), BASE64_URL_UNPADDED, signature,
                       SIGNATURE_BYTES_MAX, &len) == STATUS_OK,
         "the signature cannot be read");
    subject->signed_input = slice_sub(token, 0, dot);
    subject->signature = slice_of(signature, len);
}

static EVP_PKEY *read_key(const char *folder)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s", folder, KEY_FILE);
    FILE *file = fopen(path, "rb");
    EVP_PKEY *key = file == NULL ? NULL : PEM_read_PrivateKey(file, NULL, NULL, NULL);
    need(key != NULL, "the key cannot be read");
    (void)fclose(file);
    return key;
}

static void print(const char *what, size_t bytes, struct measure_result result)
{
    printf("{\"what\":\"token, %s\",\"bytes\":%zu,\"fastest_ns\":%.0f,\"median_ns\":%.0f}\n", what,
           bytes, result.fastest_ns, result.median_ns);
}

static void run(struct subject *subject, const struct dev_issuer *issuer,
                const struct port_random *random)
{
    uint8_t signature[SIGNATURE_BYTES_MAX];
    struct identity_request *request = &subject->request;
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    buf_append(&text, SLICE("Bearer "));
    mint(issuer, &text);
    struct slice token = slice_sub(buf_view(&text), sizeof("Bearer ") - 1, text.len);
    struct jwks *keys = read_keys(issuer, subject);
    struct identity_snapshot *snapshot = trust(keys);
    split(subject, token, signature);
    request->snapshot = snapshot;
    request->authorization = buf_view(&text);
    print("signature alone, RS256", token.len, measure(check_signature, subject));
    print("cold, RS256", token.len, measure(authenticate, subject));
    need(identity_cache_new(IDENTITY_CACHE_ENTRIES_DEFAULT, &request->cache) == STATUS_OK &&
             token_hashes_new(random, &request->hashes) == STATUS_OK,
         "no memory");
    print("warm", token.len, measure(authenticate, subject));
    token_hashes_free(request->hashes);
    identity_cache_free(request->cache);
    identity_snapshot_unref(snapshot);
    jwks_unref(keys);
    buf_release(&text);
}

int main(void)
{
    static const char *const FILES[] = {KEY_FILE, "issuer", ""};
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {1};
    const struct port_random random = system_random();
    char folder[] = "/tmp/aegis-bench-XXXXXX";
    struct openssl_crypto *crypto = NULL;
    struct dev_issuer *issuer = NULL;
    struct json_parser parser;
    struct subject subject = {0};
    json_parser_init(&parser, &LIMITS, SEED);
    arena_init(&subject.arena, ARENA_BYTES_MAX, NULL);
    need(mkdtemp(folder) != NULL && openssl_crypto_new(&crypto) == STATUS_OK &&
             dev_issuer_open(slice_view_cstr(folder), JWS_MASK(JWS_RS256), &issuer, NULL) ==
                 STATUS_OK,
         "no issuer can be made");
    subject.request = (struct identity_request){.crypto = openssl_crypto_port(crypto),
                                                .parser = &parser,
                                                .now_s = NOW_S,
                                                .arena = &subject.arena};
    subject.key = read_key(folder);
    run(&subject, issuer, &random);
    EVP_PKEY_free(subject.key);
    arena_release(&subject.arena);
    dev_issuer_free(issuer);
    openssl_crypto_free(crypto);
    for (size_t i = 0; i < COUNT_OF(FILES); i++) {
        char path[PATH_BYTES];
        snprintf(path, sizeof(path), "%s/%s", folder, FILES[i]);
        need(remove(path) == 0, "a file cannot be removed");
    }
    return 0;
}
