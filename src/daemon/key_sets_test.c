/* Keys over time: what is read replaces what was, what cannot be read stays for a while. */
#include "daemon/key_sets.h"

#include "support/check.h"
#include "support/corpus.h"
#include "support/fake_crypto.h"

#define STALE_S 3600
#define KEY(kid)                                                                                   \
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"kid\":\"" kid "\","            \
    "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","                                       \
    "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}"

static const char *document; /* what the issuers publish; NULL: they are down */

static enum status read_fake(const struct config *config, const struct config_issuer *issuer,
                             struct buf *out, struct diag *diag)
{
    (void)config;
    (void)issuer;
    if (document == NULL) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "fetch.failed", "the issuer is down");
    }
    buf_append(out, slice_view_cstr(document));
    return buf_status(out);
}

static bool has_key(const struct jwks *keys, const char *kid)
{
    const void *found[JWKS_CANDIDATES_MAX];
    struct slice text = slice_view_cstr(kid);
    return keys != NULL && jwks_find(keys, &text, JWS_ES256, found) == 1;
}

struct fixture {
    struct fake_crypto crypto;
    struct key_sets sets;
    struct config config;
    struct config_issuer issuers[2];
};

static void set_up(struct fixture *f)
{
    *f = (struct fixture){0};
    fake_crypto_init(&f->crypto);
    key_sets_init(&f->sets, corpus_parser(), &f->crypto.port);
    f->sets.read = read_fake;
    f->issuers[0] = (struct config_issuer){.name = SLICE("a"),
                                           .issuer = SLICE("https://a.example"),
                                           .jwks_url = {.text = SLICE("https://a.example/keys")}};
    f->issuers[1] = (struct config_issuer){
        .name = SLICE("b"), .issuer = SLICE("https://b.example"), .jwks_path = SLICE("b.json")};
    f->config.issuers = f->issuers;
    f->config.issuer_count = 1;
    f->config.limits.jwks_bytes = 65536;
    f->config.limits.jwks_refresh_s = 600;
    f->config.limits.jwks_stale_s = STALE_S;
    document = KEY("one");
}

static void tear_down(struct fixture *f)
{
    key_sets_release(&f->sets);
    CHECK(f->crypto.keys == 0);
}

/* Loads at a time and says which of the kids the first issuer has: "one", "two" or none. */
static const char *load_at(struct fixture *f, int64_t now_ms)
{
    struct jwks *keys[2] = {0};
    key_sets_load(&f->sets, &f->config, now_ms, keys);
    const char *kid = has_key(keys[0], "one") ? "one" : has_key(keys[0], "two") ? "two" : "none";
    jwks_unref(keys[0]);
    jwks_unref(keys[1]);
    return kid;
}

/* On the millisecond, and not before. */
static bool is_due_after(const struct fixture *f, int64_t loaded_ms, int64_t after_s)
{
    int64_t due_ms = loaded_ms + after_s * 1000;
    return !key_sets_are_due(&f->sets, &f->config, due_ms - 1) &&
           key_sets_are_due(&f->sets, &f->config, due_ms);
}

/* Unknown keys bring the next look forward once, however many tokens name one. */
TEST(key_sets_look_again_for_a_missed_key)
{
    struct fixture f;
    set_up(&f);
    CHECK(str_eq(load_at(&f, 0), "one"));
    struct port_keys port = key_sets_port(&f.sets);
    for (int i = 0; i < 1000; i++) {
        port.missed(port.context);
    }
    CHECK(is_due_after(&f, 0, KEY_SETS_MISS_S));
    CHECK(str_eq(load_at(&f, (int64_t)KEY_SETS_MISS_S * 1000), "one"));
    CHECK(is_due_after(&f, (int64_t)KEY_SETS_MISS_S * 1000, 600));
    f.config.limits.jwks_refresh_s = 10;
    port.missed(port.context);
    CHECK(is_due_after(&f, (int64_t)KEY_SETS_MISS_S * 1000, 10));
    tear_down(&f);
}

TEST(key_sets_are_never_due_without_issuers)
{
    struct fixture f;
    set_up(&f);
    f.config.issuer_count = 0;
    CHECK(str_eq(load_at(&f, 0), "none"));
    CHECK(!key_sets_are_due(&f.sets, &f.config, INT64_MAX / 2));
    tear_down(&f);
}

TEST(key_sets_follow_the_issuer)
{
    struct fixture f;
    set_up(&f);
    CHECK(str_eq(load_at(&f, 0), "one"));
    CHECK(is_due_after(&f, 0, 600));
    document = KEY("two");
    CHECK(str_eq(load_at(&f, 1), "two"));
    tear_down(&f);
}

TEST(key_sets_outlive_an_issuer_for_a_while)
{
    static const char *const BROKEN[] = {NULL, "", "{\"keys\":[]}", "{\"keys\":"};
    for (size_t i = 0; i < COUNT_OF(BROKEN); i++) {
        struct fixture f;
        set_up(&f);
        CHECK(str_eq(load_at(&f, 0), "one"));
        document = BROKEN[i];
        CHECK(str_eq(load_at(&f, 1), "one"));
        CHECK(is_due_after(&f, 1, KEY_SETS_RETRY_S));
        CHECK(str_eq(load_at(&f, (int64_t)STALE_S * 1000 - 1), "one"));
        CHECK(str_eq(load_at(&f, (int64_t)STALE_S * 1000), "none"));
        document = KEY("two");
        CHECK(str_eq(load_at(&f, (int64_t)STALE_S * 1000 + 1), "two"));
        CHECK(is_due_after(&f, (int64_t)STALE_S * 1000 + 1, 600));
        tear_down(&f);
    }
}

/* Keys of another place, or of another issuer, are other keys. */
TEST(key_sets_belong_to_a_place)
{
    struct fixture f;
    set_up(&f);
    CHECK(str_eq(load_at(&f, 0), "one"));
    document = NULL;
    f.issuers[0].jwks_url.text = SLICE("https://a.example/other");
    CHECK(str_eq(load_at(&f, 1), "none"));
    f.issuers[0].jwks_url.text = SLICE("https://a.example/keys");
    CHECK(str_eq(load_at(&f, 2), "none"));
    tear_down(&f);

    set_up(&f);
    CHECK(str_eq(load_at(&f, 0), "one"));
    document = NULL;
    f.issuers[0] = f.issuers[1];
    CHECK(str_eq(load_at(&f, 1), "none"));
    tear_down(&f);
}

TEST(key_sets_start_without_an_issuer)
{
    struct fixture f;
    set_up(&f);
    document = NULL;
    CHECK(str_eq(load_at(&f, 0), "none"));
    CHECK(is_due_after(&f, 0, KEY_SETS_RETRY_S));
    f.config.issuer_count = 2;
    document = KEY("one");
    CHECK(str_eq(load_at(&f, 1), "one"));
    CHECK(f.sets.count == 2);
    tear_down(&f);
}
