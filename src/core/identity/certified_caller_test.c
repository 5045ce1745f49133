/* Callers without a token, who are known by the certificate of their connection. */
#include "core/identity/identity.h"

#include "core/identity/certificate_map.h"
#include "support/check.h"
#include "support/corpus.h"
#include "support/token_fixture.h"

#include <string.h>

#define ARENA_BYTES ((size_t)4 << 20)
#define ROOT_A 0xA0 /* authorities, by the byte that their hash is made of */
#define PART_A 0xA1
#define ROOT_B 0xB0
#define NOBODYS 0xC0
#define TOKENS 0xFF /* none: the entry for tokens */

struct fixture {
    struct fake_crypto crypto;
    struct arena arena;
    struct identity_cache *cache;
    struct identity_snapshot *snapshot;
    const struct revocations *revocations;
    uint8_t of_a[1][CRYPTO_SHA256_BYTES], of_part[1][CRYPTO_SHA256_BYTES],
        of_b[1][CRYPTO_SHA256_BYTES];
    uint64_t generation;
    uint8_t of_people; /* the authority whose certificates are; 0: none */
};

static const struct slice TENANT_A[] = {SLICE_INIT("acme")};
static const struct slice TENANT_B[] = {SLICE_INIT("bolt")};
static const struct slice ORGANIZATIONS[] = {SLICE_INIT("Part"), SLICE_INIT("Other")};
static const struct slice BY_NAME[] = {SLICE_INIT("cn")};
static const struct slice BY_MAIL_OR_URI[] = {SLICE_INIT("email"), SLICE_INIT("uri")};
static const struct issuer_role_value VALUES[] = {
    {SLICE_INIT("spiffe://acme/bot"), SLICE_INIT("Agents")}};
static const struct issuer_role_source ROLES[] = {
    {.claim = SLICE_INIT("uri"), .values = VALUES, .value_count = 1},
    {.claim = SLICE_INIT("dns_names"), .prefix = SLICE_INIT("host:")},
};
static const struct issuer_attribute ATTRIBUTES[] = {
    {SLICE_INIT("unit"), SLICE_INIT("ou"), PRINCIPAL_TEXT},
    {SLICE_INIT("uris"), SLICE_INIT("uris"), PRINCIPAL_SET},
};

/* Three entries: of one authority, of one below it, and of another, and one for tokens. */
static enum status build(struct fixture *self, struct diag *diag)
{
    struct jwks *no_keys[4] = {NULL};
    struct issuer_entry entries[] = {
        {.name = SLICE("corp"), .issuer = SLICE(TOKEN_ISSUER), .algorithms = JWS_MASK(JWS_ES256)},
        {.name = SLICE("a"),
         .issuer = SLICE("urn:aegis:certificates:a"),
         .tenants = TENANT_A,
         .tenant_count = 1,
         .role_sources = ROLES,
         .role_source_count = COUNT_OF(ROLES),
         .attributes = ATTRIBUTES,
         .attribute_count = COUNT_OF(ATTRIBUTES),
         .authorities = (const uint8_t(*)[CRYPTO_SHA256_BYTES])self->of_a,
         .authority_count = 1},
        {.name = SLICE("part"),
         .issuer = SLICE("urn:aegis:certificates:part"),
         .tenant_claim = SLICE("o"),
         .tenants = ORGANIZATIONS,
         .tenant_count = COUNT_OF(ORGANIZATIONS),
         .subjects = BY_NAME,
         .subject_count = 1,
         .authorities = (const uint8_t(*)[CRYPTO_SHA256_BYTES])self->of_part,
         .authority_count = 1},
        {.name = SLICE("b"),
         .issuer = SLICE("urn:aegis:certificates:b"),
         .tenants = TENANT_B,
         .tenant_count = 1,
         .subjects = BY_MAIL_OR_URI,
         .subject_count = COUNT_OF(BY_MAIL_OR_URI),
         .authorities = (const uint8_t(*)[CRYPTO_SHA256_BYTES])self->of_b,
         .authority_count = 1},
    };
    for (size_t i = 1; i < COUNT_OF(entries); i++) {
        entries[i].kind = ISSUER_OF_CERTIFICATES;
        entries[i].preset = ISSUER_PRESET_MTLS;
        entries[i].algorithms = JWS_MASK(JWS_ES256);
        entries[i].is_of_people = entries[i].authorities[0][0] == self->of_people;
    }
    entries[0].is_of_people = self->of_people == TOKENS;
    struct identity_config config = {entries, COUNT_OF(entries)};
    return identity_snapshot_new(&config, no_keys, ++self->generation, &self->snapshot, diag);
}

static void rebuild(struct fixture *self)
{
    struct identity_snapshot *before = self->snapshot;
    CHECK(build(self, NULL) == STATUS_OK && self->snapshot != before);
    identity_snapshot_unref(before);
}

static void init(struct fixture *self)
{
    *self = (struct fixture){0};
    fake_crypto_init(&self->crypto);
    arena_init(&self->arena, ARENA_BYTES, NULL);
    memset(self->of_a, ROOT_A, sizeof(self->of_a));
    memset(self->of_part, PART_A, sizeof(self->of_part));
    memset(self->of_b, ROOT_B, sizeof(self->of_b));
    CHECK(build(self, NULL) == STATUS_OK);
    CHECK(identity_cache_new(IDENTITY_CACHE_ENTRIES_DEFAULT, &self->cache) == STATUS_OK);
}

static void release(struct fixture *self)
{
    identity_cache_free(self->cache);
    identity_snapshot_unref(self->snapshot);
    arena_release(&self->arena);
}

static const struct slice BOT[] = {SLICE_INIT("spiffe://acme/bot")};
static const struct slice TWO[] = {SLICE_INIT("spiffe://acme/bot"), SLICE_INIT("spiffe://acme/b")};
static const struct slice HOSTS[] = {SLICE_INIT("h1.acme.example"), SLICE_INIT("h2.acme.example")};
static const struct slice MAIL[] = {SLICE_INIT("bot@acme.example")};

/* A chain of at most two authorities, 0 for none. */
static struct client_certificate certificate_of(uint8_t first, uint8_t second)
{
    struct client_certificate certificate = {.expires_at_s = TOKEN_NOW_S + 100,
                                             .subject = SLICE("CN=bot,O=Part"),
                                             .serial = SLICE("0a1b"),
                                             .thumbprint = SLICE("77"),
                                             .common_name = SLICE("bot"),
                                             .organization = SLICE("Part"),
                                             .unit = SLICE("jobs \"1\""),
                                             .uris = {BOT, 1},
                                             .dns = {HOSTS, 2}};
    memset(certificate.sha256, 0x77, sizeof(certificate.sha256));
    memset(certificate.issuers[0], first, CRYPTO_SHA256_BYTES);
    memset(certificate.issuers[1], second, CRYPTO_SHA256_BYTES);
    certificate.issuer_count = first == 0 ? 0 : second == 0 ? 1 : 2;
    return certificate;
}

static enum status present_at(struct fixture *self, int64_t now_s,
                              const struct client_certificate *certificate,
                              struct slice authorization, struct principal **out, struct diag *diag)
{
    struct identity_request request = {.snapshot = self->snapshot,
                                       .revocations = self->revocations,
                                       .cache = self->cache,
                                       .crypto = &self->crypto.port,
                                       .parser = corpus_parser(),
                                       .authorization = authorization,
                                       .certificate = certificate,
                                       .now_s = now_s,
                                       .arena = &self->arena};
    return identity_authenticate(&request, out, diag);
}

static enum status present(struct fixture *self, const struct client_certificate *certificate,
                           struct slice authorization, struct principal **out, struct diag *diag)
{
    return present_at(self, TOKEN_NOW_S, certificate, authorization, out, diag);
}

TEST(certified_caller_is_a_service_with_what_the_rules_say)
{
    struct fixture self;
    struct principal *found = NULL;
    init(&self);
    const struct client_certificate certificate = certificate_of(ROOT_A, 0);
    for (int i = 0; i < 2; i++) { /* the second time from the cache */
        CHECK(present(&self, &certificate, SLICE_EMPTY, &found, NULL) == STATUS_OK);
        CHECK(found != NULL && found->is_service && found->actor == PRINCIPAL_APP);
        CHECK(slice_eq(found->issuer, SLICE("a")) && slice_eq(found->tenant, SLICE("acme")));
        CHECK(slice_eq(found->subject, SLICE("spiffe://acme/bot")));
        CHECK(found->subject_claim.len == 0 && found->strength == AUTH_NONE);
        CHECK(found->role_count == 3 && slice_eq(found->roles[0], SLICE("Agents")) &&
              slice_eq(found->roles[2], SLICE("host:h2.acme.example")));
        CHECK(found->attribute_count == 2 &&
              slice_eq(found->attributes[0].text, SLICE("jobs \"1\"")) &&
              found->attributes[1].item_count == 1);
        CHECK(found->expires_at_s == certificate.expires_at_s && found->group_count == 0);
        CHECK(slice_eq(found->key_id, SLICE("0a1b")) && found->scope_count == 0);
        principal_unref(found);
    }
    release(&self);
}

/* Whom the chain makes a caller of, whatever the certificate says. */
TEST(certified_caller_is_of_the_nearest_authority)
{
    static const struct {
        const char *name;
        uint8_t first, second;
        const char *issuer, *subject; /* NULL: refused */
        const char *code;
    } rows[] = {
        {"of one", ROOT_A, 0, "a", "spiffe://acme/bot", NULL},
        {"below it", NOBODYS, ROOT_A, "a", "spiffe://acme/bot", NULL},
        {"of a part with an entry of its own", PART_A, ROOT_A, "part", "bot", NULL},
        {"of the part alone", PART_A, 0, "part", "bot", NULL},
        {"of the other", ROOT_B, 0, "b", "spiffe://acme/bot", NULL},
        {"of nobody's", NOBODYS, 0, NULL, NULL, "certificate.unknown"},
        {"without a chain", 0, 0, NULL, NULL, "certificate.unknown"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        struct principal *found = NULL;
        struct diag diag = {0};
        init(&self);
        const struct client_certificate certificate = certificate_of(rows[i].first, rows[i].second);
        enum status status = present(&self, &certificate, SLICE_EMPTY, &found, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].issuer != NULL));
        CHECK_ROW(rows[i].name, (found != NULL) == (rows[i].issuer != NULL));
        if (found != NULL && rows[i].issuer != NULL) {
            CHECK_ROW(rows[i].name, slice_eq(found->issuer, slice_view_cstr(rows[i].issuer)));
            CHECK_ROW(rows[i].name, slice_eq(found->subject, slice_view_cstr(rows[i].subject)));
        } else {
            CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
        }
        principal_unref(found);
        release(&self);
    }
}

TEST(certified_caller_is_refused)
{
    struct client_certificate two_names = certificate_of(ROOT_B, 0);
    struct client_certificate no_names = certificate_of(ROOT_A, 0);
    struct client_certificate old = certificate_of(ROOT_A, 0);
    struct client_certificate foreign = certificate_of(PART_A, 0);
    struct client_certificate homeless = certificate_of(PART_A, 0);
    struct client_certificate nameless = certificate_of(PART_A, 0);
    two_names.uris = (struct certificate_names){TWO, 2};
    no_names.uris.count = no_names.dns.count = 0;
    old.expires_at_s = TOKEN_NOW_S - 1;
    foreign.organization = SLICE("Acme");
    homeless.organization = SLICE_EMPTY;
    nameless.common_name = SLICE_EMPTY;
    const struct {
        const char *name;
        const struct client_certificate *certificate;
        const char *authorization, *code;
    } rows[] = {
        {"two names for the subject", &two_names, "", "token.subject"},
        {"no name for the subject", &no_names, "", "token.subject"},
        {"no common name where that is the rule", &nameless, "", "token.subject"},
        {"past its end", &old, "", "certificate.expired"},
        {"of a tenant that is not accepted", &foreign, "", "token.tenant"},
        {"of no tenant", &homeless, "", "token.tenant"},
        {"nothing at all", NULL, "", "token.missing"},
        /* With a token the certificate is the transport's, also where the token is bad. */
        {"a good certificate and a bad token", &two_names, "Bearer x", "token.malformed"},
        {"another scheme", &two_names, "Basic eDp5", "token.malformed"},
        {"an empty token", &two_names, "Bearer ", "token.missing"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        struct principal *found = NULL;
        struct diag diag = {0};
        init(&self);
        CHECK_ROW(rows[i].name,
                  present(&self, rows[i].certificate, slice_view_cstr(rows[i].authorization),
                          &found, &diag) == STATUS_UNAUTHENTICATED);
        CHECK_ROW(rows[i].name, found == NULL && str_eq(diag.code, rows[i].code));
        release(&self);
    }
}

/* Whatever is remembered of it: from one second to the next, on the same connection. */
TEST(certified_caller_is_refused_from_the_end_of_the_certificate)
{
    struct fixture self;
    init(&self);
    const struct client_certificate certificate = certificate_of(ROOT_A, 0);
    static const int64_t LEFT_S[] = {100, 1, 0, -1, -1, -1000000};
    for (size_t i = 0; i < COUNT_OF(LEFT_S); i++) {
        struct principal *found = NULL;
        struct diag diag = {0};
        enum status status = present_at(&self, certificate.expires_at_s - LEFT_S[i], &certificate,
                                        SLICE_EMPTY, &found, &diag);
        bool is_good = LEFT_S[i] >= 0;
        CHECK((status == STATUS_OK) == is_good && (found != NULL) == is_good);
        CHECK(is_good ||
              (status == STATUS_UNAUTHENTICATED && str_eq(diag.code, "certificate.expired")));
        principal_unref(found);
    }
    release(&self);
}

/* The subject is a name, and which kind of name it is belongs to it. */
TEST(certified_caller_by_another_name_is_another)
{
    struct fixture self;
    struct principal *first = NULL, *second = NULL;
    init(&self);
    struct client_certificate certificate = certificate_of(ROOT_B, 0);
    CHECK(present(&self, &certificate, SLICE_EMPTY, &first, NULL) == STATUS_OK);
    certificate.emails = (struct certificate_names){MAIL, 1};
    certificate.sha256[0] ^= 1;
    CHECK(present(&self, &certificate, SLICE_EMPTY, &second, NULL) == STATUS_OK);
    CHECK(first != NULL && second != NULL && slice_eq(second->subject, MAIL[0]) &&
          slice_eq(second->subject_claim, SLICE("email")) && first->subject_claim.len == 0);
    principal_unref(first);
    principal_unref(second);
    release(&self);
}

/* What is remembered of one chain says nothing about the same certificate behind another. */
TEST(certified_caller_is_remembered_by_its_chain)
{
    struct fixture self;
    uint8_t hashes[3][CRYPTO_SHA256_BYTES];
    init(&self);
    const struct client_certificate chains[] = {
        certificate_of(ROOT_A, 0), certificate_of(ROOT_B, 0), certificate_of(NOBODYS, ROOT_A)};
    static const char *const ISSUERS[] = {"a", "b", "a"};
    for (size_t i = 0; i < COUNT_OF(chains); i++) {
        struct principal *found = NULL;
        certificate_hash(&self.crypto.port, &chains[i], hashes[i]);
        CHECK(present(&self, &chains[i], SLICE_EMPTY, &found, NULL) == STATUS_OK);
        CHECK(found != NULL && slice_eq(found->issuer, slice_view_cstr(ISSUERS[i])));
        principal_unref(found);
    }
    CHECK(memcmp(hashes[0], hashes[1], sizeof(hashes[0])) != 0);
    CHECK(memcmp(hashes[0], hashes[2], sizeof(hashes[0])) != 0);
    CHECK(memcmp(hashes[0], chains[0].sha256, sizeof(hashes[0])) != 0);
    release(&self);
}

/* At once, while lists of the authority (listen.tls.client_crl) are for new connections. A serial
 * number is no API key and no token. */
TEST(certified_caller_is_shut_out_by_name)
{
    static const struct {
        const char *list;
        bool is_out;
    } rows[] = {{"{\"issuer\":\"a\",\"subject\":\"spiffe://acme/bot\"}", true},
                {"{\"issuer\":\"a\",\"issued_before\":1}", true},
                {"{\"issuer\":\"b\",\"subject\":\"spiffe://acme/bot\"}", false},
                {"{\"issuer\":\"a\",\"subject\":\"spiffe://acme/bo\"}", false},
                {"{\"issuer\":\"a\",\"jti\":\"0a1b\"}", false},
                {"{\"key\":\"00000000000a\"}", false}};
    struct fixture self;
    init(&self);
    const struct client_certificate certificate = certificate_of(ROOT_A, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct revocations *list = NULL;
        struct principal *found = NULL;
        struct diag diag = {0};
        CHECK(revocations_read(corpus_parser(), slice_view_cstr(rows[i].list), 1, &list, NULL) ==
              STATUS_OK);
        self.revocations = list;
        enum status status = present(&self, &certificate, SLICE_EMPTY, &found, &diag);
        CHECK_ROW(rows[i].list, status == (rows[i].is_out ? STATUS_UNAUTHENTICATED : STATUS_OK));
        CHECK_ROW(rows[i].list, str_eq(diag.code, rows[i].is_out ? "token.revoked" : NULL));
        principal_unref(found);
        revocations_unref(list);
    }
    release(&self);
}

/* What an entry says of all its callers, nothing in a certificate changes; the identity is the
 * same.
 */
TEST(certified_caller_is_a_person_where_the_entry_says_so)
{
    struct fixture self;
    struct principal *service = NULL, *person = NULL;
    init(&self);
    const struct client_certificate certificate = certificate_of(ROOT_A, 0);
    CHECK(present(&self, &certificate, SLICE_EMPTY, &service, NULL) == STATUS_OK);
    self.of_people = ROOT_A;
    rebuild(&self);
    CHECK(present(&self, &certificate, SLICE_EMPTY, &person, NULL) == STATUS_OK);
    CHECK(service != NULL && service->is_service && service->actor == PRINCIPAL_APP);
    CHECK(person != NULL && !person->is_service && person->actor == PRINCIPAL_USER);
    CHECK(person != NULL && service != NULL && person->strength == AUTH_NONE &&
          slice_eq(person->subject, service->subject) &&
          memcmp(person->digest, service->digest, sizeof(person->digest)) == 0);
    principal_unref(service);
    principal_unref(person);
    /* Of another entry he is none. */
    const struct client_certificate other = certificate_of(ROOT_B, 0);
    CHECK(present(&self, &other, SLICE_EMPTY, &service, NULL) == STATUS_OK);
    CHECK(service != NULL && service->is_service);
    principal_unref(service);
    release(&self);
}

/* Tokens and keys tell themselves. */
TEST(certified_callers_alone_can_be_people)
{
    struct fixture self;
    struct diag diag = {0};
    init(&self);
    self.of_people = TOKENS;
    struct identity_snapshot *before = self.snapshot;
    CHECK(build(&self, &diag) == STATUS_INVALID && str_eq(diag.code, "identity.config"));
    CHECK(self.snapshot == before);
    release(&self);
}

TEST(certified_entries_share_no_authority)
{
    struct fixture self;
    struct diag diag = {0};
    init(&self);
    struct identity_snapshot *before = self.snapshot;
    memset(self.of_b, ROOT_A, sizeof(self.of_b));
    CHECK(build(&self, &diag) == STATUS_INVALID && str_eq(diag.code, "identity.config"));
    CHECK(self.snapshot == before);
    release(&self);
}
