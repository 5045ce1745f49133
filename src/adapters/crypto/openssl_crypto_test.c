#include "adapters/crypto/openssl_crypto.h"

#include "adapters/crypto/dev_issuer.h"
#include "base/base64.h"
#include "core/identity/identity.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW_S 1000000
#define TEXT_BYTES_MAX 65536
#define ARENA_BYTES_MAX ((size_t)4 << 20)

static const uint8_t SEED[16] = {5};

static const enum jws_algorithm MINTED[] = {JWS_RS256, JWS_ES256};

/* A development issuer in a folder of its own, and a gateway that trusts it. */
struct fixture {
    char folder[64];
    struct openssl_crypto *crypto;
    const struct port_crypto *port;
    struct json_parser parser;
    struct dev_issuer *issuer;
    struct jwks *keys;
    struct identity_snapshot *snapshot;
};

static enum status parse_keys(struct fixture *fixture, struct slice text, struct jwks **out,
                              struct diag *diag)
{
    struct arena scratch;
    arena_init(&scratch, ARENA_BYTES_MAX, NULL);
    struct jwks_source source = {&fixture->parser, fixture->port, text, &scratch};
    enum status status = jwks_parse(&source, out, NULL, diag);
    arena_release(&scratch);
    return status;
}

static void fixture_trust(struct fixture *fixture)
{
    static const struct slice audiences[] = {SLICE_INIT(DEV_ISSUER_AUDIENCE)};
    const struct issuer_entry entry = {.name = SLICE("development"),
                                       .issuer = SLICE(DEV_ISSUER_URL),
                                       .audiences = audiences,
                                       .audience_count = 1,
                                       .algorithms = JWS_MASK_ALL,
                                       .typ = ISSUER_TYP_ACCESS_TOKEN};
    const struct identity_config config = {&entry, 1};
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    CHECK(dev_issuer_jwks(fixture->issuer, &text) == STATUS_OK);
    CHECK(parse_keys(fixture, buf_view(&text), &fixture->keys, NULL) == STATUS_OK);
    CHECK(jwks_count(fixture->keys) == 2);
    CHECK(identity_snapshot_new(&config, &fixture->keys, 1, &fixture->snapshot, NULL) == STATUS_OK);
    buf_release(&text);
}

static bool fixture_init(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/aegis-crypto-XXXXXX");
    json_parser_init(&fixture->parser, &(struct json_limits)JSON_LIMITS_DEFAULT, SEED);
    bool ok = mkdtemp(fixture->folder) != NULL &&
              openssl_crypto_new(&fixture->crypto) == STATUS_OK &&
              dev_issuer_open(slice_view_cstr(fixture->folder), DEV_ISSUER_ALGORITHMS,
                              &fixture->issuer, NULL) == STATUS_OK;
    CHECK(ok);
    if (ok) {
        fixture->port = openssl_crypto_port(fixture->crypto);
        fixture_trust(fixture);
    }
    return ok;
}

static void fixture_release(struct fixture *fixture)
{
    static const char *const paths[] = {"issuer/es256.pem", "issuer/rs256.pem", "issuer", ""};
    identity_snapshot_unref(fixture->snapshot);
    jwks_unref(fixture->keys);
    dev_issuer_free(fixture->issuer);
    openssl_crypto_free(fixture->crypto);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", fixture->folder, paths[i]);
        CHECK(remove(path) == 0);
    }
}

static void mint(struct fixture *fixture, enum jws_algorithm algorithm, struct buf *out)
{
    static const struct slice roles[] = {SLICE_INIT("Developers")};
    static const struct dev_claim claims[] = {{SLICE_INIT("level"), SLICE_INIT("3")}};
    const struct dev_token token = {.algorithm = algorithm,
                                    .issuer = SLICE(DEV_ISSUER_URL),
                                    .subject = SLICE("alice"),
                                    .audience = SLICE(DEV_ISSUER_AUDIENCE),
                                    .roles = roles,
                                    .role_count = 1,
                                    .claims = claims,
                                    .claim_count = 1,
                                    .issued_at_s = NOW_S,
                                    .expires_at_s = NOW_S + 60};
    buf_clear(out);
    buf_append(out, SLICE("Bearer "));
    CHECK(dev_issuer_mint(fixture->issuer, &token, out, NULL) == STATUS_OK);
}

static enum status authenticate(struct fixture *fixture, struct slice authorization,
                                struct principal **out, struct diag *diag)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    struct identity_request request = {.snapshot = fixture->snapshot,
                                       .crypto = fixture->port,
                                       .parser = &fixture->parser,
                                       .authorization = authorization,
                                       .now_s = NOW_S,
                                       .arena = &arena};
    enum status status = identity_authenticate(&request, out, diag);
    arena_release(&arena);
    return status;
}

/* AES-256-GCM, test cases 13 and 14 of its submission: key and nonce zero. */
TEST(openssl_seals_as_published)
{
    static const uint8_t ZERO[CRYPTO_SEAL_KEY_BYTES] = {0};
    static const uint8_t SEALED_NOTHING[] = {0x53, 0x0F, 0x8A, 0xFB, 0xC7, 0x45, 0x36, 0xB9,
                                             0xA9, 0x63, 0xB4, 0xF1, 0xC4, 0xCB, 0x73, 0x8B};
    static const uint8_t SEALED_BLOCK[] = {0xCE, 0xA7, 0x40, 0x3D, 0x4D, 0x60, 0x6B, 0x6E,
                                           0x07, 0x4E, 0xC5, 0xD3, 0xBA, 0xF3, 0x9D, 0x18,
                                           0xD0, 0xD1, 0xC8, 0xA7, 0x99, 0x99, 0x6B, 0xF0,
                                           0x26, 0x5B, 0x98, 0xB5, 0xD4, 0x8A, 0xB9, 0x19};
    struct openssl_crypto *crypto = NULL;
    uint8_t out[sizeof(SEALED_BLOCK)];
    CHECK(openssl_crypto_new(&crypto) == STATUS_OK);
    const struct port_crypto *port = openssl_crypto_port(crypto);
    const struct crypto_seal seal = {ZERO, ZERO, SLICE_EMPTY};
    CHECK(port->seal(port->context, &seal, SLICE_EMPTY, out) == STATUS_OK);
    CHECK(memcmp(out, SEALED_NOTHING, sizeof(SEALED_NOTHING)) == 0);
    CHECK(port->seal(port->context, &seal, slice_of(ZERO, 16), out) == STATUS_OK);
    CHECK(memcmp(out, SEALED_BLOCK, sizeof(SEALED_BLOCK)) == 0);
    openssl_crypto_free(crypto);
}

/* A seal opens with everything as it was, and with any one bit changed not at all. */
TEST(openssl_opens_only_what_it_sealed)
{
    enum { TEXT_BYTES = 40, SEALED_BYTES = TEXT_BYTES + CRYPTO_SEAL_TAG_BYTES };
    struct openssl_crypto *crypto = NULL;
    uint8_t key[CRYPTO_SEAL_KEY_BYTES];
    uint8_t nonce[CRYPTO_SEAL_NONCE_BYTES];
    uint8_t bound[8];
    uint8_t text[TEXT_BYTES];
    uint8_t sealed[SEALED_BYTES];
    uint8_t opened[TEXT_BYTES];
    struct {
        uint8_t *bytes;
        size_t len;
    } parts[] = {{key, sizeof(key)},
                 {nonce, sizeof(nonce)},
                 {bound, sizeof(bound)},
                 {sealed, sizeof(sealed)}};
    memset(key, 1, sizeof(key));
    memset(nonce, 2, sizeof(nonce));
    memset(bound, 3, sizeof(bound));
    memset(text, 4, sizeof(text));
    CHECK(openssl_crypto_new(&crypto) == STATUS_OK);
    const struct port_crypto *port = openssl_crypto_port(crypto);
    const struct crypto_seal seal = {key, nonce, slice_of(bound, sizeof(bound))};
    const struct slice whole = slice_of(sealed, sizeof(sealed));
    CHECK(port->seal(port->context, &seal, slice_of(text, sizeof(text)), sealed) == STATUS_OK);
    CHECK(port->open(port->context, &seal, whole, opened) == STATUS_OK);
    CHECK(memcmp(opened, text, sizeof(text)) == 0);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        for (size_t bit = 0; bit < parts[i].len * 8; bit++) {
            parts[i].bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            CHECK(port->open(port->context, &seal, whole, opened) == STATUS_UNAUTHENTICATED);
            parts[i].bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
    }
    for (size_t len = 0; len < sizeof(sealed); len++) {
        CHECK(port->open(port->context, &seal, slice_sub(whole, 0, len), opened) ==
              STATUS_UNAUTHENTICATED);
    }
    openssl_crypto_free(crypto);
}

TEST(openssl_sha256_known_answers)
{
    static const struct {
        const char *name, *text, *hash; /* FIPS 180-2, appendix B, and the empty text */
    } rows[] = {
        {"empty", "", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"},
        {"abc", "abc", "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"},
    };
    struct openssl_crypto *crypto = NULL;
    CHECK(openssl_crypto_new(&crypto) == STATUS_OK);
    const struct port_crypto *port = openssl_crypto_port(crypto);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t hash[CRYPTO_SHA256_BYTES];
        struct buf text;
        buf_init(&text, 64, NULL);
        port->sha256(port->context, slice_view_cstr(rows[i].text), hash);
        base64_encode(&text, slice_of(hash, sizeof(hash)), BASE64_URL_UNPADDED);
        CHECK_ROW(rows[i].name, slice_eq(buf_view(&text), slice_view_cstr(rows[i].hash)));
        buf_release(&text);
    }
    openssl_crypto_free(crypto);
}

TEST(openssl_accepts_minted_tokens)
{
    struct fixture fixture;
    struct buf token;
    buf_init(&token, TEXT_BYTES_MAX, NULL);
    if (!fixture_init(&fixture)) {
        return;
    }
    for (unsigned i = 0; i < COUNT_OF(MINTED); i++) {
        struct principal *alice = NULL;
        struct diag diag = {0};
        mint(&fixture, MINTED[i], &token);
        CHECK(authenticate(&fixture, buf_view(&token), &alice, &diag) == STATUS_OK);
        CHECK(diag.code == NULL && alice != NULL && slice_eq(alice->subject, SLICE("alice")));
        CHECK(alice != NULL && alice->role_count == 1 && alice->expires_at_s == NOW_S + 60);
        principal_unref(alice);
    }
    buf_release(&token);
    fixture_release(&fixture);
}

static bool is_taken(struct fixture *fixture, struct slice authorization)
{
    struct principal *principal = NULL;
    bool is_ok = authenticate(fixture, authorization, &principal, NULL) == STATUS_OK;
    CHECK((principal != NULL) == is_ok);
    principal_unref(principal);
    return is_ok;
}

/* Every bit, every end, a byte more at every place: with real keys nothing of it is taken. */
static void check_mutations(struct fixture *fixture, struct buf *token)
{
    size_t first = SLICE("Bearer ").len, taken = 0;
    for (size_t i = first; i < token->len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            token->ptr[i] ^= (uint8_t)(1U << bit);
            taken += is_taken(fixture, buf_view(token));
            token->ptr[i] ^= (uint8_t)(1U << bit);
        }
        taken += is_taken(fixture, slice_sub(buf_view(token), 0, i));
    }
    for (size_t i = first; i <= token->len; i++) {
        struct buf longer;
        buf_init(&longer, TEXT_BYTES_MAX, NULL);
        buf_append(&longer, slice_sub(buf_view(token), 0, i));
        buf_append_byte(&longer, 'A');
        buf_append(&longer, slice_sub(buf_view(token), i, token->len));
        taken += is_taken(fixture, buf_view(&longer));
        buf_release(&longer);
    }
    CHECK(taken == 0 && is_taken(fixture, buf_view(token)));
}

TEST(openssl_accepts_no_mutation_of_a_minted_token)
{
    struct fixture fixture;
    struct buf tokens[COUNT_OF(MINTED)];
    if (!fixture_init(&fixture)) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(MINTED); i++) {
        buf_init(&tokens[i], TEXT_BYTES_MAX, NULL);
        mint(&fixture, MINTED[i], &tokens[i]);
        check_mutations(&fixture, &tokens[i]);
    }
    /* Parts of two good tokens are no third one. */
    for (unsigned from = 1; from < 7; from++) {
        struct buf mixed;
        struct slice left[] = {buf_view(&tokens[0]), buf_view(&tokens[1])};
        buf_init(&mixed, TEXT_BYTES_MAX, NULL);
        for (unsigned part = 0; part < 3; part++) {
            for (size_t i = 0; i < COUNT_OF(left); i++) {
                size_t end = slice_find_byte(left[i], '.');
                bool is_last = part == 2;
                if ((from >> part & 1) == i) {
                    buf_append(&mixed, slice_sub(left[i], 0, end));
                    buf_append(&mixed, is_last ? SLICE_EMPTY : SLICE("."));
                }
                left[i] = slice_sub(left[i], end + 1, left[i].len);
            }
        }
        CHECK(is_taken(&fixture, buf_view(&mixed)) ==
              (slice_eq(buf_view(&mixed), buf_view(&tokens[0])) ||
               slice_eq(buf_view(&mixed), buf_view(&tokens[1]))));
        buf_release(&mixed);
    }
    for (size_t i = 0; i < COUNT_OF(MINTED); i++) {
        buf_release(&tokens[i]);
    }
    fixture_release(&fixture);
}

TEST(openssl_refuses_keys_and_signatures)
{
    struct fixture fixture;
    uint8_t zeros[64] = {0};
    uint8_t modulus[256];
    void *key = NULL;
    if (!fixture_init(&fixture)) {
        return;
    }
    const struct port_crypto *port = fixture.port;
    memset(modulus, 0xFE, sizeof(modulus));
    CHECK(port->key_ec(port->context, CRYPTO_KEY_P256, slice_of(zeros, 32), slice_of(zeros, 32),
                       &key) == STATUS_INVALID);
    CHECK(port->key_ec(port->context, CRYPTO_KEY_P256, slice_of(zeros, 31), slice_of(zeros, 32),
                       &key) == STATUS_INVALID);
    CHECK(port->key_rsa(port->context, slice_of(modulus, sizeof(modulus)), SLICE("\1\0\1"), &key) ==
          STATUS_INVALID);
    CHECK(port->key_rsa(port->context, slice_of(modulus, 0), SLICE("\3"), &key) == STATUS_INVALID);
    CHECK(key == NULL);
    for (unsigned i = 0; i < COUNT_OF(MINTED); i++) {
        const void *found[JWKS_CANDIDATES_MAX];
        enum jws_algorithm algorithm = MINTED[i];
        enum jws_algorithm other = MINTED[1 - i];
        CHECK(jwks_find(fixture.keys, NULL, algorithm, found) == 1);
        /* The pair of algorithm and key is what counts; zero r and s once were accepted elsewhere
         * (CVE-2022-21449). */
        for (size_t len = 0; len <= sizeof(zeros); len += 32) {
            struct slice signature = slice_of(zeros, len);
            CHECK(port->verify(port->context, algorithm, found[0], SLICE("x"), signature) ==
                  STATUS_UNAUTHENTICATED);
            CHECK(port->verify(port->context, other, found[0], SLICE("x"), signature) ==
                  STATUS_UNAUTHENTICATED);
        }
    }
    port->key_free(port->context, NULL);
    fixture_release(&fixture);
}

TEST(system_random_fills)
{
    struct port_random random = system_random();
    uint8_t a[64] = {0}, b[64] = {0};
    CHECK(random.fill(random.context, a, sizeof(a)) == STATUS_OK);
    CHECK(random.fill(random.context, b, sizeof(b)) == STATUS_OK);
    CHECK(memcmp(a, b, sizeof(a)) != 0);
    CHECK(random.fill(random.context, a, 0) == STATUS_OK);
}

TEST(dev_issuer_keeps_its_keys)
{
    struct fixture fixture;
    struct dev_issuer *again = NULL;
    struct buf first, second;
    struct stat info;
    char path[128];
    buf_init(&first, TEXT_BYTES_MAX, NULL);
    buf_init(&second, TEXT_BYTES_MAX, NULL);
    if (!fixture_init(&fixture)) {
        return;
    }
    CHECK(dev_issuer_open(slice_view_cstr(fixture.folder), JWS_MASK(JWS_ES256), &again, NULL) ==
          STATUS_OK);
    CHECK(dev_issuer_algorithms(again) == DEV_ISSUER_ALGORITHMS);
    CHECK(dev_issuer_jwks(fixture.issuer, &first) == STATUS_OK);
    CHECK(dev_issuer_jwks(again, &second) == STATUS_OK);
    CHECK(slice_eq(buf_view(&first), buf_view(&second)));
    dev_issuer_free(again);
    snprintf(path, sizeof(path), "%s/issuer/es256.pem", fixture.folder);
    CHECK(stat(path, &info) == 0 && (info.st_mode & 07777) == 0600);
    CHECK(dev_issuer_open_file(slice_view_cstr(path), &again, NULL) == STATUS_OK);
    CHECK(dev_issuer_algorithms(again) == JWS_MASK(JWS_ES256));
    dev_issuer_free(again);
    buf_release(&first);
    buf_release(&second);
    fixture_release(&fixture);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0 && chmod(path, mode) == 0);
}

TEST(dev_issuer_refuses_bad_key_files)
{
    static const struct {
        const char *name, *text;
        mode_t mode;
        const char *code;
    } rows[] = {
        {"empty", "", 0600, "key.encoding"},
        {"not PEM", "hello", 0600, "key.encoding"},
        {"readable by the group", "hello", 0640, "key.mode"},
        {"readable by all", "hello", 0604, "key.mode"},
    };
    char path[] = "/tmp/aegis-key-XXXXXX";
    struct dev_issuer *issuer = NULL;
    struct diag diag = {0};
    int file = mkstemp(path);
    CHECK(file >= 0 && close(file) == 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        write_file(path, rows[i].text, rows[i].mode);
        CHECK_ROW(rows[i].name,
                  dev_issuer_open_file(slice_view_cstr(path), &issuer, &diag) == STATUS_INVALID);
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
    }
    CHECK(unlink(path) == 0);
    CHECK(dev_issuer_open_file(slice_view_cstr(path), &issuer, &diag) == STATUS_IO);
    CHECK(dev_issuer_open(SLICE("/proc/nowhere"), DEV_ISSUER_ALGORITHMS, &issuer, &diag) ==
          STATUS_IO);
    CHECK(str_eq(diag.code, "issuer.io") && issuer == NULL);
}

TEST(dev_issuer_refuses_folders_that_others_may_change)
{
    static const struct {
        const char *name, *inner;
        mode_t mode;
        bool is_accepted;
    } rows[] = {
        {"readable by all", "", 0755, true},
        {"writable by the group", "", 0770, false},
        {"writable by all", "", 0777, false},
        {"writable by all but sticky", "", 01777, false},
        {"folder of the keys writable by all", "/issuer", 0777, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        struct dev_issuer *issuer = NULL;
        struct diag diag = {0};
        char path[128];
        if (!fixture_init(&fixture)) {
            return;
        }
        snprintf(path, sizeof(path), "%s%s", fixture.folder, rows[i].inner);
        CHECK_ROW(rows[i].name, chmod(path, rows[i].mode) == 0);
        enum status status =
            dev_issuer_open(slice_view_cstr(fixture.folder), DEV_ISSUER_ALGORITHMS, &issuer, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == rows[i].is_accepted);
        CHECK_ROW(rows[i].name, rows[i].is_accepted || str_eq(diag.code, "issuer.mode"));
        dev_issuer_free(issuer);
        fixture_release(&fixture);
    }
}

static bool open_under_failures(void *context)
{
    struct fixture *fixture = context;
    struct dev_issuer *issuer = NULL;
    struct openssl_crypto *crypto = NULL;
    struct buf token;
    buf_init(&token, TEXT_BYTES_MAX, NULL);
    enum status status = openssl_crypto_new(&crypto);
    if (status == STATUS_OK) {
        status = dev_issuer_open(slice_view_cstr(fixture->folder), 0, &issuer, NULL);
    }
    if (status == STATUS_OK) {
        status = dev_issuer_jwks(issuer, &token);
    }
    if (status == STATUS_OK) {
        const struct dev_token fields = {.algorithm = JWS_ES256, .subject = SLICE("a")};
        status = dev_issuer_mint(issuer, &fields, &token, NULL);
    }
    CHECK(status == STATUS_OK || status == STATUS_LIMIT);
    dev_issuer_free(issuer);
    openssl_crypto_free(crypto);
    buf_release(&token);
    return status == STATUS_OK;
}

TEST(dev_issuer_survives_every_failing_allocation)
{
    struct fixture fixture;
    if (fixture_init(&fixture)) {
        check_every_allocation(open_under_failures, &fixture);
        fixture_release(&fixture);
    }
}
