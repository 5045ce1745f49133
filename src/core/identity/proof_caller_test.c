/* Tokens that are bound to a key, through all of identity_authenticate: every check of the proof
 * has its refusal, and a remembered verdict changes none of them. */
#include "core/identity/identity.h"

#include "core/identity/proof.h"
#include "core/identity/replay_table.h"
#include "support/check.h"
#include "support/corpus.h"
#include "support/token_fixture.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)4 << 20)
#define PUBLIC_URL "https://gw.example.com"
#define CALLER_SEED 7 /* of the key the token is bound to */

struct fixture {
    struct token_issuer issuer;
    struct arena arena;
    struct replay_table table;
    struct port_replay replay;
    char thumbprint[64];
    uint8_t nonce_key[PROOF_NONCE_KEY_BYTES];
    int64_t later_s; /* than the issuer has it */
};

static enum status take(void *context, const uint8_t proof[REPLAY_PROOF_BYTES], int64_t until_s,
                        int64_t now_s)
{
    return replay_table_take(context, proof, until_s, now_s);
}

static void find_thumbprint(struct fixture *self)
{
    struct json_tape tape;
    struct buf text;
    uint8_t hash[CRYPTO_SHA256_BYTES];
    buf_init(&text, 4096, NULL);
    token_append_jwk(&text, JWS_ES256, CALLER_SEED, "");
    CHECK(json_parse(corpus_parser(), buf_view(&text), &self->arena, &tape, NULL) == STATUS_OK);
    CHECK(proof_thumbprint(&self->issuer.crypto.port, &tape, 0, &self->arena, hash) == STATUS_OK);
    buf_clear(&text);
    base64_encode(&text, slice_of(hash, sizeof(hash)), BASE64_URL_UNPADDED);
    (void)snprintf(self->thumbprint, sizeof(self->thumbprint), "%.*s", SLICE_ARG(buf_view(&text)));
    buf_release(&text);
}

static void init(struct fixture *self, enum issuer_proof_policy policy, bool asks_nonce)
{
    const struct issuer_entry entry = {.proofs = policy, .asks_nonce = asks_nonce};
    *self = (struct fixture){.nonce_key = {9}};
    CHECK(token_issuer_init(&self->issuer, corpus_parser(), entry) == STATUS_OK);
    arena_init(&self->arena, ARENA_BYTES, NULL);
    CHECK(replay_table_init(&self->table, 64) == STATUS_OK);
    self->replay = (struct port_replay){&self->table, take};
    find_thumbprint(self);
}

static void release(struct fixture *self)
{
    token_issuer_release(&self->issuer);
    replay_table_release(&self->table);
    arena_release(&self->arena);
    CHECK(self->issuer.crypto.keys == 0);
}

/* The text with its first "%s" replaced by first and its second by second. */
static void fill(char *out, size_t bytes, const char *text, const char *first, const char *second)
{
    const char *values[] = {first, second};
    size_t used = 0, len = 0;
    while (*text != 0 && len + 1 < bytes) {
        if (text[0] == '%' && text[1] == 's' && used < 2) {
            len += (size_t)snprintf(out + len, bytes - len, "%s", values[used++]);
            text += 2;
        } else {
            out[len++] = *text++;
        }
    }
    CHECK(len < bytes);
    out[len < bytes ? len : bytes - 1] = 0;
}

/* A token bound as cnf says ("%s" is the thumbprint), under the scheme. */
static void write_token(const struct fixture *self, const char *scheme, const char *cnf,
                        struct buf *out)
{
    char claims[1024], binding[256];
    struct fake_key key = token_key(JWS_ES256, 1);
    struct buf text;
    fill(binding, sizeof(binding), cnf, self->thumbprint, "");
    (void)snprintf(claims, sizeof(claims), TOKEN_CLAIMS(",\"client_id\":\"c\"%s"), binding);
    buf_init(&text, 4096, NULL);
    token_append(&text, &key, SLICE(TOKEN_HEADER), slice_view_cstr(claims));
    buf_clear(out);
    buf_append(out, slice_view_cstr(scheme));
    buf_append(out, slice_sub(buf_view(&text), 6, text.len));
    buf_release(&text);
}

struct proof {
    const char *header; /* NULL: the good one; "%s" is the JWK */
    const char *claims; /* NULL: the good ones; "%s" are ath and jti */
    uint8_t seed;       /* of the key in the header, and that signs; 0: the caller's */
    uint8_t signer;     /* another one that signs; 0: the same */
    const char *extra;  /* in the JWK */
    const char *id;
};

#define HEADER "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":%s}"
#define ABOUT(htm, htu, iat)                                                                       \
    "{\"htm\":\"" htm "\",\"htu\":\"" htu "\",\"iat\":" iat ",\"ath\":\"%s\",\"jti\":\"%s\"}"
#define GOOD ABOUT("POST", PUBLIC_URL "/mcp", "1000000")

static void write_proof(struct fixture *self, const struct proof *proof, struct slice token,
                        struct buf *out)
{
    static char claims[2 * PROOF_BYTES_MAX];
    char header[2048];
    uint8_t hash[CRYPTO_SHA256_BYTES];
    struct buf jwk, ath, text;
    uint8_t seed = proof->seed != 0 ? proof->seed : CALLER_SEED;
    struct fake_key key = token_key(JWS_ES256, proof->signer != 0 ? proof->signer : seed);
    buf_init(&jwk, 2048, NULL);
    buf_init(&ath, 64, NULL);
    buf_init(&text, 2 * PROOF_BYTES_MAX, NULL);
    token_append_jwk(&jwk, JWS_ES256, seed, proof->extra != NULL ? proof->extra : "");
    buf_append_byte(&jwk, 0);
    self->issuer.crypto.port.sha256(self->issuer.crypto.port.context, token, hash);
    base64_encode(&ath, slice_of(hash, sizeof(hash)), BASE64_URL_UNPADDED);
    buf_append_byte(&ath, 0);
    fill(header, sizeof(header), proof->header != NULL ? proof->header : HEADER,
         (const char *)jwk.ptr, "");
    fill(claims, sizeof(claims), proof->claims != NULL ? proof->claims : GOOD,
         (const char *)ath.ptr, proof->id != NULL ? proof->id : "one");
    token_append(&text, &key, slice_view_cstr(header), slice_view_cstr(claims));
    buf_clear(out);
    buf_append(out, slice_sub(buf_view(&text), 7, text.len));
    buf_release(&jwk);
    buf_release(&ath);
    buf_release(&text);
}

static enum status present(struct fixture *self, struct slice authorization, struct slice proof,
                           size_t proof_count, struct diag *diag)
{
    struct principal *found = NULL;
    struct identity_request request =
        token_request(&self->issuer, corpus_parser(), authorization, &self->arena);
    request.now_s += self->later_s;
    request.proof = proof;
    request.proof_count = proof_count;
    request.method = SLICE("POST");
    request.public_url = SLICE(PUBLIC_URL);
    request.path = SLICE("/mcp?x=1");
    request.replay = &self->replay;
    request.nonce_key = self->nonce_key;
    enum status status = identity_authenticate(&request, &found, diag);
    CHECK((found != NULL) == (status == STATUS_OK));
    principal_unref(found);
    return status;
}

static struct slice token_of(const struct buf *authorization)
{
    size_t space = slice_find_byte(buf_view(authorization), ' ');
    return slice_sub(buf_view(authorization), space + 1, authorization->len);
}

#define BOUND ",\"cnf\":{\"jkt\":\"%s\"}"

TEST(proof_is_checked_at_every_request)
{
    static const struct {
        const char *name;
        struct proof proof;
        const char *code; /* NULL: accepted */
    } rows[] = {
        {"good", {0}, NULL},
        {"address in another case and with its port",
         {.claims = ABOUT("POST", "HTTPS://GW.Example.Com:443/mcp", "1000000")},
         NULL},
        {"address with a query and a fragment",
         {.claims = ABOUT("POST", PUBLIC_URL "/mcp?y#z", "1000000")},
         NULL},
        {"the oldest", {.claims = ABOUT("POST", PUBLIC_URL "/mcp", "999940")}, NULL},
        {"the newest", {.claims = ABOUT("POST", PUBLIC_URL "/mcp", "1000060")}, NULL},
        {"too old", {.claims = ABOUT("POST", PUBLIC_URL "/mcp", "999939")}, "proof.time"},
        {"from the future", {.claims = ABOUT("POST", PUBLIC_URL "/mcp", "1000061")}, "proof.time"},
        {"a time as text",
         {.claims = ABOUT("POST", PUBLIC_URL "/mcp", "\"1000000\"")},
         "proof.time"},
        {"no time",
         {.claims =
              "{\"htm\":\"POST\",\"htu\":\"" PUBLIC_URL "/mcp\",\"ath\":\"%s\",\"jti\":\"%s\"}"},
         "proof.time"},
        {"another method", {.claims = ABOUT("GET", PUBLIC_URL "/mcp", "1000000")}, "proof.method"},
        {"a method in another case",
         {.claims = ABOUT("post", PUBLIC_URL "/mcp", "1000000")},
         "proof.method"},
        {"another path", {.claims = ABOUT("POST", PUBLIC_URL "/mcp/", "1000000")}, "proof.address"},
        {"a path in another case",
         {.claims = ABOUT("POST", PUBLIC_URL "/MCP", "1000000")},
         "proof.address"},
        {"another host",
         {.claims = ABOUT("POST", "https://gw.example.org/mcp", "1000000")},
         "proof.address"},
        {"a longer host",
         {.claims = ABOUT("POST", "https://gw.example.com.evil/mcp", "1000000")},
         "proof.address"},
        {"another port",
         {.claims = ABOUT("POST", "https://gw.example.com:80/mcp", "1000000")},
         "proof.address"},
        {"another scheme",
         {.claims = ABOUT("POST", "http://gw.example.com/mcp", "1000000")},
         "proof.address"},
        {"no address", {.claims = ABOUT("POST", "", "1000000")}, "proof.address"},
        {"another token",
         {.claims = "{\"htm\":\"POST\",\"htu\":\"" PUBLIC_URL
                    "/mcp\",\"iat\":1000000,\"ath\":\"x%s\",\"jti\":\"%s\"}"},
         "proof.token"},
        {"no token",
         {.claims = "{\"htm\":\"POST\",\"htu\":\"" PUBLIC_URL
                    "/mcp\",\"iat\":1000000,\"not\":\"%s\",\"jti\":\"%s\"}"},
         "proof.token"},
        {"no id",
         {.claims = "{\"htm\":\"POST\",\"htu\":\"" PUBLIC_URL
                    "/mcp\",\"iat\":1000000,\"ath\":\"%s\",\"not\":\"%s\"}"},
         "proof.id"},
        {"an empty id", {.id = ""}, "proof.id"},
        {"no claims", {.claims = "[\"%s\",\"%s\"]"}, "proof.malformed"},
        {"a claim twice",
         {.claims = "{\"htm\":\"POST\",\"htm\":\"POST\",\"htu\":\"" PUBLIC_URL
                    "/mcp\",\"iat\":1000000,\"ath\":\"%s\",\"jti\":\"%s\"}"},
         "proof.malformed"},
        {"another key", {.seed = 8}, "proof.other_key"},
        {"signed with another key", {.signer = 8}, "proof.signature"},
        {"a private key", {.extra = ",\"d\":\"AAAA\""}, "proof.key"},
        {"a key for encryption", {.extra = ",\"use\":\"enc\""}, "proof.key"},
        {"another type",
         {.header = "{\"typ\":\"JWT\",\"alg\":\"ES256\",\"jwk\":%s}"},
         "proof.malformed"},
        {"no type", {.header = "{\"alg\":\"ES256\",\"jwk\":%s}"}, "proof.malformed"},
        {"an access token's type",
         {.header = "{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"jwk\":%s}"},
         "proof.malformed"},
        {"no signature",
         {.header = "{\"typ\":\"dpop+jwt\",\"alg\":\"none\",\"jwk\":%s}"},
         "proof.alg"},
        {"a shared secret",
         {.header = "{\"typ\":\"dpop+jwt\",\"alg\":\"HS256\",\"jwk\":%s}"},
         "proof.alg"},
        {"another algorithm",
         {.header = "{\"typ\":\"dpop+jwt\",\"alg\":\"RS256\",\"jwk\":%s}"},
         "proof.signature"},
        {"no key",
         {.header = "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"not\":%s}"},
         "proof.malformed"},
        {"a key that is none",
         {.header = "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":[%s]}"},
         "proof.malformed"},
        {"a key elsewhere as well",
         {.header = "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jku\":\"https://x\",\"jwk\":%s}"},
         "proof.malformed"},
        {"an extension",
         {.header = "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"crit\":[\"x\"],\"jwk\":%s}"},
         "proof.malformed"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        struct buf token, proof;
        init(&self, ISSUER_PROOFS_OPTIONAL, false);
        buf_init(&token, 8192, NULL);
        buf_init(&proof, 8192, NULL);
        write_token(&self, "DPoP", BOUND, &token);
        struct proof other = {.id = "other"};
        write_proof(&self, &other, token_of(&token), &proof);
        /* The verdict about the token is remembered from here on. */
        CHECK_ROW(rows[i].name,
                  present(&self, buf_view(&token), buf_view(&proof), 1, NULL) == STATUS_OK);
        struct diag diag = {0};
        write_proof(&self, &rows[i].proof, token_of(&token), &proof);
        enum status status = present(&self, buf_view(&token), buf_view(&proof), 1, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
        buf_release(&token);
        buf_release(&proof);
        release(&self);
    }
}

TEST(proof_and_token_belong_together)
{
    static const struct {
        const char *name, *scheme, *cnf;
        enum issuer_proof_policy policy;
        size_t proof_count;
        const char *code;
    } rows[] = {
        {"bound, with a proof", "DPoP", BOUND, ISSUER_PROOFS_OPTIONAL, 1, NULL},
        {"the scheme in another case", "dpop", BOUND, ISSUER_PROOFS_OPTIONAL, 1, NULL},
        {"required, with a proof", "DPoP", BOUND, ISSUER_PROOFS_REQUIRED, 1, NULL},
        {"not bound", "Bearer", "", ISSUER_PROOFS_OPTIONAL, 0, NULL},
        {"not bound, where none may be", "Bearer", "", ISSUER_PROOFS_OFF, 0, NULL},
        {"bound, as a bearer token", "Bearer", BOUND, ISSUER_PROOFS_OPTIONAL, 1, "token.binding"},
        {"bound, without a proof", "DPoP", BOUND, ISSUER_PROOFS_OPTIONAL, 0, "proof.missing"},
        {"bound, with two proofs", "DPoP", BOUND, ISSUER_PROOFS_OPTIONAL, 2, "proof.repeated"},
        {"not bound, with a proof", "DPoP", "", ISSUER_PROOFS_OPTIONAL, 1, "token.unbound"},
        {"not bound, where all must be", "Bearer", "", ISSUER_PROOFS_REQUIRED, 0, "token.unbound"},
        {"bound, where none may be", "DPoP", BOUND, ISSUER_PROOFS_OFF, 1, "token.binding"},
        {"bound to something else", "DPoP", ",\"cnf\":{\"kid\":\"x\"}", ISSUER_PROOFS_OPTIONAL, 1,
         "token.binding"},
        {"bound to something else as well", "DPoP", ",\"cnf\":{\"jkt\":\"%s\",\"kid\":\"x\"}",
         ISSUER_PROOFS_OPTIONAL, 1, "token.binding"},
        {"bound to nothing", "DPoP", ",\"cnf\":{}", ISSUER_PROOFS_OPTIONAL, 1, "token.binding"},
        {"a binding that is none", "DPoP", ",\"cnf\":\"%s\"", ISSUER_PROOFS_OPTIONAL, 1,
         "token.binding"},
        {"a short thumbprint", "DPoP", ",\"cnf\":{\"jkt\":\"AAAA\"}", ISSUER_PROOFS_OPTIONAL, 1,
         "token.binding"},
        {"an empty binding", "DPoP", ",\"cnf\":null", ISSUER_PROOFS_OPTIONAL, 1, "token.binding"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        struct buf token, proof;
        struct diag diag = {0};
        struct proof good = {0};
        init(&self, rows[i].policy, false);
        buf_init(&token, 8192, NULL);
        buf_init(&proof, 8192, NULL);
        write_token(&self, rows[i].scheme, rows[i].cnf, &token);
        write_proof(&self, &good, token_of(&token), &proof);
        enum status status =
            present(&self, buf_view(&token), buf_view(&proof), rows[i].proof_count, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
        buf_release(&token);
        buf_release(&proof);
        release(&self);
    }
}

TEST(proof_is_good_once)
{
    struct fixture self;
    struct buf token, proof;
    struct diag diag = {0};
    struct proof first = {.id = "one"}, second = {.id = "two"};
    init(&self, ISSUER_PROOFS_OPTIONAL, false);
    buf_init(&token, 8192, NULL);
    buf_init(&proof, 8192, NULL);
    write_token(&self, "DPoP", BOUND, &token);
    write_proof(&self, &first, token_of(&token), &proof);
    CHECK(present(&self, buf_view(&token), buf_view(&proof), 1, NULL) == STATUS_OK);
    CHECK(present(&self, buf_view(&token), buf_view(&proof), 1, &diag) == STATUS_UNAUTHENTICATED);
    CHECK(str_eq(diag.code, "proof.replayed"));
    write_proof(&self, &second, token_of(&token), &proof);
    CHECK(present(&self, buf_view(&token), buf_view(&proof), 1, NULL) == STATUS_OK);
    buf_release(&token);
    buf_release(&proof);
    release(&self);
}

/* Longer and longer, by what nobody reads. */
TEST(proof_is_not_too_long)
{
    static char claims[PROOF_BYTES_MAX] = GOOD;
    struct fixture self;
    struct buf token, proof;
    const struct proof padded = {.claims = claims};
    init(&self, ISSUER_PROOFS_OPTIONAL, false);
    buf_init(&token, 8192, NULL);
    buf_init(&proof, 2 * PROOF_BYTES_MAX, NULL);
    write_token(&self, "DPoP", BOUND, &token);
    write_proof(&self, &padded, token_of(&token), &proof);
    size_t spaces = (PROOF_BYTES_MAX - proof.len) * 3 / 4 - 4;
    memset(claims + strlen(claims), ' ', spaces);
    for (size_t last = 0; last <= PROOF_BYTES_MAX; last = proof.len) {
        struct diag diag = {0};
        claims[strlen(claims)] = ' ';
        write_proof(&self, &padded, token_of(&token), &proof);
        bool is_over = proof.len > PROOF_BYTES_MAX;
        CHECK(!is_over || last == PROOF_BYTES_MAX);
        (void)present(&self, buf_view(&token), buf_view(&proof), 1, &diag);
        CHECK(str_eq(diag.code, is_over ? "proof.malformed" : last == 0 ? NULL : "proof.replayed"));
    }
    buf_release(&token);
    buf_release(&proof);
    release(&self);
}

/* One from the future can be used longest, and is known to its last second. */
TEST(proof_is_good_once_as_long_as_it_lives)
{
    struct fixture self;
    struct buf token, proof;
    struct diag diag = {0};
    const struct proof newest = {.claims = ABOUT("POST", PUBLIC_URL "/mcp", "1000060")};
    init(&self, ISSUER_PROOFS_OPTIONAL, false);
    buf_init(&token, 8192, NULL);
    buf_init(&proof, 8192, NULL);
    write_token(&self, "DPoP", BOUND, &token);
    write_proof(&self, &newest, token_of(&token), &proof);
    CHECK(present(&self, buf_view(&token), buf_view(&proof), 1, NULL) == STATUS_OK);
    self.later_s = 2 * PROOF_WINDOW_S;
    CHECK(present(&self, buf_view(&token), buf_view(&proof), 1, &diag) == STATUS_UNAUTHENTICATED);
    CHECK(str_eq(diag.code, "proof.replayed"));
    self.later_s++;
    CHECK(present(&self, buf_view(&token), buf_view(&proof), 1, &diag) == STATUS_UNAUTHENTICATED);
    CHECK(str_eq(diag.code, "proof.time"));
    buf_release(&token);
    buf_release(&proof);
    release(&self);
}

/* A proof that is refused was not used: its owner may mend it. */
TEST(proof_that_was_refused_is_not_remembered)
{
    struct fixture self;
    struct buf token, proof;
    struct proof bad = {.claims = ABOUT("GET", PUBLIC_URL "/mcp", "1000000")}, good = {0};
    init(&self, ISSUER_PROOFS_OPTIONAL, false);
    buf_init(&token, 8192, NULL);
    buf_init(&proof, 8192, NULL);
    write_token(&self, "DPoP", BOUND, &token);
    write_proof(&self, &bad, token_of(&token), &proof);
    CHECK(present(&self, buf_view(&token), buf_view(&proof), 1, NULL) == STATUS_UNAUTHENTICATED);
    write_proof(&self, &good, token_of(&token), &proof);
    CHECK(present(&self, buf_view(&token), buf_view(&proof), 1, NULL) == STATUS_OK);
    buf_release(&token);
    buf_release(&proof);
    release(&self);
}

TEST(proof_has_the_nonce_that_was_given_out)
{
    static const struct {
        const char *name;
        int64_t age_s;
        bool is_changed;
        const char *code;
    } rows[] = {{"of now", 0, false, NULL},
                {"of the time before", PROOF_NONCE_S, false, NULL},
                {"an old one", 2 * PROOF_NONCE_S, false, "proof.nonce"},
                {"of a time to come", -PROOF_NONCE_S, false, "proof.nonce"},
                {"of another key", 0, true, "proof.nonce"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        struct buf token, proof, nonce;
        struct diag diag = {0};
        char claims[512];
        init(&self, ISSUER_PROOFS_OPTIONAL, true);
        buf_init(&token, 8192, NULL);
        buf_init(&proof, 8192, NULL);
        buf_init(&nonce, 128, NULL);
        uint8_t key[PROOF_NONCE_KEY_BYTES] = {rows[i].is_changed ? 8 : 9};
        proof_nonce_write(&self.issuer.crypto.port, key, TOKEN_NOW_S - rows[i].age_s, &nonce);
        CHECK(nonce.len == PROOF_NONCE_BYTES);
        (void)snprintf(claims, sizeof(claims),
                       "{\"htm\":\"POST\",\"htu\":\"" PUBLIC_URL
                       "/mcp\",\"iat\":1000000,\"nonce\":\"%.*s\",\"ath\":\"%%s\",\"jti\":\"%%s\"}",
                       SLICE_ARG(buf_view(&nonce)));
        struct proof with = {.claims = claims}, without = {0};
        write_token(&self, "DPoP", BOUND, &token);
        write_proof(&self, &with, token_of(&token), &proof);
        enum status status = present(&self, buf_view(&token), buf_view(&proof), 1, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
        write_proof(&self, &without, token_of(&token), &proof);
        CHECK_ROW(rows[i].name, present(&self, buf_view(&token), buf_view(&proof), 1, &diag) ==
                                    STATUS_UNAUTHENTICATED);
        CHECK_ROW(rows[i].name, str_eq(diag.code, "proof.nonce"));
        buf_release(&token);
        buf_release(&proof);
        buf_release(&nonce);
        release(&self);
    }
}

/* Every byte of a good proof changed: nothing is accepted. */
TEST(proof_has_no_good_mutation)
{
    struct fixture self;
    struct buf token, proof;
    struct proof good = {0};
    init(&self, ISSUER_PROOFS_OPTIONAL, false);
    buf_init(&token, 8192, NULL);
    buf_init(&proof, 8192, NULL);
    write_token(&self, "DPoP", BOUND, &token);
    write_proof(&self, &good, token_of(&token), &proof);
    for (size_t i = 0; i < proof.len; i++) {
        static const uint8_t CHANGES[] = {1, 2, 0x20, 0x80};
        for (size_t k = 0; k < COUNT_OF(CHANGES); k++) {
            proof.ptr[i] ^= CHANGES[k];
            CHECK(present(&self, buf_view(&token), buf_view(&proof), 1, NULL) ==
                  STATUS_UNAUTHENTICATED);
            proof.ptr[i] ^= CHANGES[k];
            arena_reset(&self.arena);
        }
    }
    CHECK(present(&self, buf_view(&token), buf_view(&proof), 1, NULL) == STATUS_OK);
    buf_release(&token);
    buf_release(&proof);
    release(&self);
}
