/* Certificates of connections, through all of identity_authenticate: tokens that are bound to one.
 */
#include "core/identity/identity.h"

#include "base/base64.h"
#include "support/check.h"
#include "support/corpus.h"
#include "support/token_fixture.h"

#include <stdio.h>
#include <string.h>

#define ARENA_BYTES ((size_t)4 << 20)

struct fixture {
    struct token_issuer issuer;
    struct arena arena;
    struct buf authorization;
};

static void init(struct fixture *self, enum issuer_proof_policy policy)
{
    const struct issuer_entry entry = {.certificates = policy};
    CHECK(token_issuer_init(&self->issuer, corpus_parser(), entry) == STATUS_OK);
    arena_init(&self->arena, ARENA_BYTES, NULL);
    buf_init(&self->authorization, 8192, NULL);
}

static void release(struct fixture *self)
{
    token_issuer_release(&self->issuer);
    buf_release(&self->authorization);
    arena_release(&self->arena);
    CHECK(self->issuer.crypto.keys == 0);
}

/* A certificate whose hash is all this byte. */
static struct client_certificate certificate_of(uint8_t byte)
{
    struct client_certificate certificate = {.expires_at_s = TOKEN_NOW_S + 100};
    memset(certificate.sha256, byte, sizeof(certificate.sha256));
    return certificate;
}

/* A token bound to the certificate of that byte; 0: to none. */
static void write_token(struct fixture *self, uint8_t byte)
{
    struct client_certificate certificate = certificate_of(byte);
    struct fake_key key = token_key(JWS_ES256, 1);
    char claims[512], binding[128] = "";
    struct buf hash;
    buf_init(&hash, 64, NULL);
    base64_encode(&hash, slice_of(certificate.sha256, CRYPTO_SHA256_BYTES), BASE64_URL_UNPADDED);
    if (byte != 0) {
        (void)snprintf(binding, sizeof(binding), ",\"cnf\":{\"x5t#S256\":\"%.*s\"}",
                       SLICE_ARG(buf_view(&hash)));
    }
    (void)snprintf(claims, sizeof(claims), TOKEN_CLAIMS(",\"client_id\":\"c\"%s"), binding);
    buf_clear(&self->authorization);
    token_append(&self->authorization, &key, SLICE(TOKEN_HEADER), slice_view_cstr(claims));
    buf_release(&hash);
}

static enum status present(struct fixture *self, const struct client_certificate *certificate,
                           struct principal **out, struct diag *diag)
{
    struct identity_request request =
        token_request(&self->issuer, corpus_parser(), buf_view(&self->authorization), &self->arena);
    request.certificate = certificate;
    return identity_authenticate(&request, out, diag);
}

TEST(certificate_caller_with_a_bound_token)
{
    static const struct {
        const char *name;
        uint8_t bound, shown; /* 0: nothing */
        enum issuer_proof_policy policy;
        int64_t left_s; /* of the certificate shown */
        const char *code;
    } rows[] = {
        {"bound and shown", 1, 1, ISSUER_PROOFS_OPTIONAL, 100, NULL},
        {"bound and shown, where it must be", 1, 1, ISSUER_PROOFS_REQUIRED, 100, NULL},
        {"in its last second", 1, 1, ISSUER_PROOFS_OPTIONAL, 0, NULL},
        {"not bound, nothing shown", 0, 0, ISSUER_PROOFS_OPTIONAL, 0, NULL},
        {"not bound, one is shown", 0, 1, ISSUER_PROOFS_OPTIONAL, 100, NULL},
        {"not bound, where none may be", 0, 1, ISSUER_PROOFS_OFF, 100, NULL},
        {"nothing shown", 1, 0, ISSUER_PROOFS_OPTIONAL, 0, "token.no_certificate"},
        {"another one shown", 1, 2, ISSUER_PROOFS_OPTIONAL, 100, "token.other_certificate"},
        {"nothing shown, where it must be", 1, 0, ISSUER_PROOFS_REQUIRED, 0,
         "token.no_certificate"},
        {"not bound, where it must be", 0, 1, ISSUER_PROOFS_REQUIRED, 100, "token.unbound"},
        {"bound, where none may be", 1, 1, ISSUER_PROOFS_OFF, 100, "token.binding"},
        {"past its end", 1, 1, ISSUER_PROOFS_OPTIONAL, -1, "certificate.expired"},
        {"not bound, on a connection past its end", 0, 1, ISSUER_PROOFS_OPTIONAL, -1,
         "certificate.expired"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        init(&self, rows[i].policy);
        write_token(&self, rows[i].bound);
        struct client_certificate shown = certificate_of(rows[i].shown);
        shown.expires_at_s = TOKEN_NOW_S + rows[i].left_s;
        for (int round = 0; round < 2; round++) { /* the second time from the cache */
            struct principal *found = NULL;
            struct diag diag = {0};
            enum status status = present(&self, rows[i].shown == 0 ? NULL : &shown, &found, &diag);
            CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].code == NULL));
            CHECK_ROW(rows[i].name, (found != NULL) == (rows[i].code == NULL));
            CHECK_ROW(rows[i].name, rows[i].code == NULL || str_eq(diag.code, rows[i].code));
            principal_unref(found);
        }
        release(&self);
    }
}

/* The verdict of one connection is remembered, and says nothing about another. */
TEST(certificate_caller_is_looked_at_on_each_connection)
{
    struct fixture self;
    struct principal *found = NULL;
    struct diag diag = {0};
    init(&self, ISSUER_PROOFS_OPTIONAL);
    write_token(&self, 1);
    struct client_certificate good = certificate_of(1);
    struct client_certificate other = certificate_of(1);
    other.sha256[CRYPTO_SHA256_BYTES - 1] ^= 1;
    CHECK(present(&self, &good, &found, NULL) == STATUS_OK);
    principal_unref(found);
    CHECK(present(&self, &other, &found, &diag) == STATUS_UNAUTHENTICATED && found == NULL);
    CHECK(str_eq(diag.code, "token.other_certificate"));
    CHECK(present(&self, NULL, &found, &diag) == STATUS_UNAUTHENTICATED && found == NULL);
    CHECK(str_eq(diag.code, "token.no_certificate"));
    release(&self);
}
