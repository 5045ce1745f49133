/* Callers with a key of a list, through all of identity_authenticate. */
#include "core/identity/identity.h"

#include "support/check.h"
#include "support/corpus.h"
#include "support/token_fixture.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)4 << 20)

struct fixture {
    struct fake_crypto crypto;
    struct arena arena;
    struct identity_cache *cache;
    struct identity_snapshot *snapshot;
    struct buf key;
};

static void init(struct fixture *self, uint64_t generation, bool is_listed)
{
    static const uint8_t ID[API_KEY_ID_BYTES] = {1}, SECRET[API_KEY_SECRET_BYTES] = {2};
    static const struct slice ROLES[] = {SLICE_INIT("Readers")};
    static const struct slice SERVERS[] = {SLICE_INIT("bank")};
    struct api_key key = {.subject = SLICE("nightly"),
                          .roles = ROLES,
                          .role_count = 1,
                          .servers = SERVERS,
                          .server_count = 1,
                          .expires_at_s = TOKEN_NOW_S + 100};
    struct jwks *no_keys[2] = {NULL, NULL};
    fake_crypto_init(&self->crypto);
    arena_init(&self->arena, ARENA_BYTES, NULL);
    buf_init(&self->key, 256, NULL);
    buf_append(&self->key, SLICE("Bearer "));
    api_key_write(&self->crypto.port, ID, SECRET, &self->key);
    struct slice text = slice_sub(buf_view(&self->key), 7, self->key.len);
    CHECK(api_key_parse(&self->crypto.port, text, &key.id));
    self->crypto.port.sha256(self->crypto.port.context, text, key.hash);
    struct issuer_entry entries[] = {
        {.name = SLICE("corp"), .issuer = SLICE(TOKEN_ISSUER), .algorithms = JWS_MASK(JWS_ES256)},
        {.kind = ISSUER_OF_KEYS,
         .name = SLICE("agents"),
         .issuer = SLICE("urn:aegis:keys:agents"),
         .algorithms = JWS_MASK(JWS_ES256),
         .keys = &key,
         .key_count = is_listed ? 1 : 0}};
    struct identity_config config = {entries, COUNT_OF(entries)};
    CHECK(identity_snapshot_new(&config, no_keys, generation, &self->snapshot, NULL) == STATUS_OK);
    CHECK(identity_cache_new(IDENTITY_CACHE_ENTRIES_DEFAULT, &self->cache) == STATUS_OK);
}

static void release(struct fixture *self)
{
    identity_cache_free(self->cache);
    identity_snapshot_unref(self->snapshot);
    buf_release(&self->key);
    arena_release(&self->arena);
}

static enum status present(struct fixture *self, struct slice authorization, int64_t now_s,
                           struct principal **out, struct diag *diag)
{
    struct identity_request request = {.snapshot = self->snapshot,
                                       .cache = self->cache,
                                       .crypto = &self->crypto.port,
                                       .parser = corpus_parser(),
                                       .authorization = authorization,
                                       .now_s = now_s,
                                       .arena = &self->arena};
    return identity_authenticate(&request, out, diag);
}

TEST(key_caller_is_a_service_with_what_the_list_says)
{
    struct fixture self;
    struct principal *found = NULL;
    init(&self, 1, true);
    for (int i = 0; i < 2; i++) { /* the second time from the cache */
        CHECK(present(&self, buf_view(&self.key), TOKEN_NOW_S, &found, NULL) == STATUS_OK);
        CHECK(found != NULL && found->is_service && slice_eq(found->issuer, SLICE("agents")));
        CHECK(slice_eq(found->subject, SLICE("nightly")));
        CHECK(slice_eq(found->client_id, SLICE("010000000000")));
        CHECK(found->role_count == 1 && found->group_count == 0 && found->scope_count == 0);
        CHECK(principal_reaches(found, SLICE("bank")) && !principal_reaches(found, SLICE("shop")));
        CHECK(found->fingerprint.len == PRINCIPAL_FINGERPRINT_BYTES);
        principal_unref(found);
    }
    release(&self);
}

TEST(key_caller_is_refused)
{
    static const struct {
        const char *name;
        bool is_listed;
        int64_t after_s;
        size_t changed;     /* a byte of the secret, and the check made anew; 0: none */
        const char *scheme; /* NULL: Bearer */
        const char *code;
    } rows[] = {
        {"in its last second", true, 99, 0, NULL, NULL},
        {"at its end", true, 100, 0, NULL, "key.expired"},
        {"on no list", false, 0, 0, NULL, "key.unknown"},
        {"another secret", true, 0, 1, NULL, "key.unknown"},
        {"another scheme", true, 0, 0, "Basic", "token.malformed"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        struct principal *found = NULL;
        struct diag diag = {0};
        struct buf text;
        init(&self, 1, rows[i].is_listed);
        buf_init(&text, 256, NULL);
        buf_append(&text, slice_view_cstr(rows[i].scheme != NULL ? rows[i].scheme : "Bearer"));
        buf_append_byte(&text, ' ');
        if (rows[i].changed > 0) {
            static const uint8_t ID[API_KEY_ID_BYTES] = {1};
            static const uint8_t OTHER[API_KEY_SECRET_BYTES] = {3};
            api_key_write(&self.crypto.port, ID, OTHER, &text);
        } else {
            buf_append(&text, slice_sub(buf_view(&self.key), 7, self.key.len));
        }
        /* The verdict of a good second must not outlive it. */
        enum status first = present(&self, buf_view(&self.key), TOKEN_NOW_S, &found, NULL);
        CHECK_ROW(rows[i].name, (first == STATUS_OK) == rows[i].is_listed);
        principal_unref(found);
        found = NULL;
        enum status status =
            present(&self, buf_view(&text), TOKEN_NOW_S + rows[i].after_s, &found, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, (found != NULL) == (status == STATUS_OK));
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
        CHECK_ROW(rows[i].name, strstr(diag.message, "aegis_") == NULL);
        principal_unref(found);
        buf_release(&text);
        release(&self);
    }
}

/* A token that calls itself one of the list's is a stranger's: there is no issuer of that name. */
TEST(key_caller_list_issues_no_tokens)
{
    struct fixture self;
    struct principal *found = NULL;
    struct diag diag = {0};
    struct buf token;
    struct fake_key key = token_key(JWS_ES256, 1);
    init(&self, 1, true);
    buf_init(&token, 4096, NULL);
    token_append(&token, &key, SLICE(TOKEN_HEADER),
                 SLICE("{\"iss\":\"urn:aegis:keys:agents\",\"sub\":\"nightly\",\"exp\":1000600}"));
    CHECK(present(&self, buf_view(&token), TOKEN_NOW_S, &found, &diag) == STATUS_UNAUTHENTICATED);
    CHECK(found == NULL && str_eq(diag.code, "token.issuer"));
    buf_release(&token);
    release(&self);
}

TEST(key_caller_is_shut_out_by_the_id_of_the_key)
{
    static const struct {
        const char *list;
        bool is_out;
    } rows[] = {{"{\"key\":\"010000000000\"}", true},
                {"{\"key\":\"010000000001\"}", false},
                {"{\"issuer\":\"agents\",\"subject\":\"nightly\"}", true},
                {"{\"issuer\":\"agents\",\"jti\":\"010000000000\"}", false},
                {"{\"issuer\":\"corp\",\"subject\":\"nightly\"}", false},
                {"{\"issuer\":\"agents\",\"issued_before\":1}", true}};
    struct fixture self;
    init(&self, 1, true);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct revocations *list = NULL;
        struct principal *found = NULL;
        struct diag diag = {0};
        CHECK(revocations_read(corpus_parser(), slice_view_cstr(rows[i].list), 1, &list, NULL) ==
              STATUS_OK);
        struct identity_request request = {.snapshot = self.snapshot,
                                           .revocations = list,
                                           .cache = self.cache,
                                           .crypto = &self.crypto.port,
                                           .parser = corpus_parser(),
                                           .authorization = buf_view(&self.key),
                                           .now_s = TOKEN_NOW_S,
                                           .arena = &self.arena};
        enum status status = identity_authenticate(&request, &found, &diag);
        CHECK_ROW(rows[i].list, status == (rows[i].is_out ? STATUS_UNAUTHENTICATED : STATUS_OK));
        CHECK_ROW(rows[i].list, str_eq(diag.code, rows[i].is_out ? "token.revoked" : NULL));
        principal_unref(found);
        revocations_unref(list);
    }
    release(&self);
}

/* Where an entry is for several tenants every key says whose it is. */
TEST(key_caller_has_the_tenant_of_his_key)
{
    static const struct slice LISTED[] = {SLICE_INIT("acme"), SLICE_INIT("other")};
    static const struct {
        const char *name;
        size_t tenant_count;
        bool is_any;
        const char *of_key, *found; /* NULL: the list is refused */
    } rows[] = {
        {"no tenants", 0, false, "", ""},
        {"no tenants, one of the key", 0, false, "acme", NULL},
        {"one", 1, false, "", "acme"},
        {"one, and the key's", 1, false, "acme", "acme"},
        {"one, another of the key", 1, false, "other", NULL},
        {"several", 2, false, "other", "other"},
        {"several, none of the key", 2, false, "", NULL},
        {"several, another of the key", 2, false, "third", NULL},
        {"several, the beginning of one", 2, false, "acm", NULL},
        {"any", 0, true, "third", "third"},
        {"any, none of the key", 0, true, "", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        struct principal *found = NULL;
        struct diag diag = {0};
        struct jwks *no_keys[1] = {NULL};
        init(&self, 1, true);
        struct api_key key = identity_snapshot_config(self.snapshot)->entries[1].keys[0];
        key.tenant = slice_view_cstr(rows[i].of_key);
        const struct issuer_entry entry = {.kind = ISSUER_OF_KEYS,
                                           .name = SLICE("agents"),
                                           .issuer = SLICE("urn:aegis:keys:agents"),
                                           .algorithms = JWS_MASK(JWS_ES256),
                                           .tenants = LISTED,
                                           .tenant_count = rows[i].tenant_count,
                                           .needs_tenant = rows[i].is_any,
                                           .keys = &key,
                                           .key_count = 1};
        const struct identity_config config = {&entry, 1};
        struct identity_snapshot *snapshot = NULL;
        enum status status = identity_snapshot_new(&config, no_keys, 2, &snapshot, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].found != NULL));
        CHECK_ROW(rows[i].name,
                  str_eq(diag.code, rows[i].found != NULL ? NULL : "identity.config"));
        if (status == STATUS_OK) {
            identity_snapshot_unref(self.snapshot);
            self.snapshot = snapshot;
            CHECK_ROW(rows[i].name,
                      present(&self, buf_view(&self.key), TOKEN_NOW_S, &found, NULL) == STATUS_OK);
            CHECK_ROW(rows[i].name,
                      found != NULL && slice_eq(found->tenant, slice_view_cstr(rows[i].found)));
            principal_unref(found);
        }
        release(&self);
    }
}
