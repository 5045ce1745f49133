/* Callers whose groups Microsoft Entra left out of the token, through all of identity_authenticate.
 */
#include "core/identity/group_lookup.h"
#include "core/identity/identity.h"

#include "support/check.h"
#include "support/corpus.h"
#include "support/token_fixture.h"

#define ARENA_BYTES ((size_t)4 << 20)
#define TENANT "aaaaaaaa-0000-0000-0000-000000000000"
#define OTHER_TENANT "bbbbbbbb-0000-0000-0000-000000000000"
#define OBJECT "cccccccc-0000-0000-0000-000000000000"
#define ABOUT TENANT "/users/" OBJECT
#define GROUP "11111111-1111-1111-1111-111111111111"
#define OPS "22222222-2222-2222-2222-222222222222"
#define ISSUER "https://login.example/{tenantid}/v2.0"
#define MOVED ",\"_claim_names\":{\"groups\":\"s\"},\"_claim_sources\":{\"s\":{\"endpoint\":\"e\"}}"
#define CLAIMS(tenant, object, extra)                                                              \
    "{\"iss\":\"https://login.example/" tenant "/v2.0\",\"tid\":\"" tenant "\",\"oid\":\"" object  \
    "\",\"azp\":\"app\",\"aud\":\"aegis\",\"exp\":1000600" extra "}"
#define USER(extra) CLAIMS(TENANT, OBJECT, ",\"scp\":\"a\"" extra)
#define KEEP_S 120

static const struct slice AEGIS[] = {SLICE_INIT("aegis")};
static const struct issuer_role_value ROLE_VALUES[] = {{SLICE_INIT(OPS), SLICE_INIT("Operators")}};
static const struct issuer_role_source ROLES[] = {
    {.claim = SLICE_INIT("groups"), .values = ROLE_VALUES, .value_count = 1}};
static const struct issuer_attribute ATTRIBUTES[] = {
    {SLICE_INIT("teams"), SLICE_INIT("/groups"), PRINCIPAL_SET}};

static struct issuer_entry entra(const char *name, int64_t keep_s)
{
    return (struct issuer_entry){.name = slice_view_cstr(name),
                                 .preset = ISSUER_PRESET_ENTRA,
                                 .issuer = SLICE(ISSUER),
                                 .audiences = AEGIS,
                                 .audience_count = 1,
                                 .algorithms = JWS_MASK(JWS_ES256),
                                 .needs_tenant = true,
                                 .inquiry = {.groups_keep_s = keep_s}};
}

struct fixture {
    struct fake_crypto crypto;
    struct arena arena;
    struct identity_cache *cache;
    struct identity_snapshot *snapshot;
    struct identity_miss miss;
    struct buf token;
    int64_t now_s;
};

static void init(struct fixture *self, const struct issuer_entry *entry)
{
    const struct identity_config config = {entry, 1};
    struct jwks *keys = NULL;
    struct buf text;
    *self = (struct fixture){.now_s = TOKEN_NOW_S};
    fake_crypto_init(&self->crypto);
    arena_init(&self->arena, ARENA_BYTES, NULL);
    buf_init(&self->token, 65536, NULL);
    buf_init(&text, 4096, NULL);
    buf_append(&text, SLICE("{\"keys\":["));
    token_append_jwk(&text, JWS_ES256, 1, ",\"kid\":\"k1\",\"issuer\":\"" ISSUER "\"");
    buf_append(&text, SLICE("]}"));
    CHECK(token_parse_keys(corpus_parser(), &self->crypto, buf_view(&text), &keys) == STATUS_OK);
    buf_release(&text);
    CHECK(identity_snapshot_new(&config, &keys, 1, &self->snapshot, NULL) == STATUS_OK);
    CHECK(identity_cache_new(IDENTITY_CACHE_ENTRIES_DEFAULT, &self->cache) == STATUS_OK);
    jwks_unref(keys);
}

static void release(struct fixture *self)
{
    identity_cache_free(self->cache);
    identity_snapshot_unref(self->snapshot);
    arena_release(&self->arena);
    buf_release(&self->token);
}

/* A token of these claims; answer NULL: nobody was asked. */
static enum status present(struct fixture *self, const char *claims,
                           const struct identity_answer *answer, struct principal **out,
                           struct diag *diag)
{
    struct fake_key key = token_key(JWS_ES256, 1);
    buf_clear(&self->token);
    token_append(&self->token, &key, SLICE("{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k1\"}"),
                 slice_view_cstr(claims));
    struct identity_request request = {.snapshot = self->snapshot,
                                       .cache = self->cache,
                                       .crypto = &self->crypto.port,
                                       .parser = corpus_parser(),
                                       .authorization = buf_view(&self->token),
                                       .now_s = self->now_s,
                                       .answer = answer,
                                       .miss = &self->miss,
                                       .arena = &self->arena};
    *out = NULL;
    return identity_authenticate(&request, out, diag);
}

/* ids NULL: it was asked in vain. */
static struct identity_answer answer_of(const char *about, const char *ids)
{
    return (struct identity_answer){.kind = INQUIRY_GROUPS,
                                    .name = SLICE("corp"),
                                    .about = slice_view_cstr(about),
                                    .is_yes = ids != NULL,
                                    .text = slice_view_cstr(ids),
                                    .asked_at_s = TOKEN_NOW_S};
}

TEST(group_caller_has_to_be_asked_about)
{
    static const struct {
        const char *name, *claims, *about; /* NULL: nobody is asked */
        bool are_unknown;
    } rows[] = {
        {"left out", USER(MOVED), ABOUT, false},
        {"implicit flow", USER(",\"hasgroups\":true"), ABOUT, false},
        {"another tenant's", CLAIMS(OTHER_TENANT, OBJECT, ",\"scp\":\"a\"" MOVED),
         OTHER_TENANT "/users/" OBJECT, false},
        {"a service", CLAIMS(TENANT, OBJECT, ",\"roles\":[\"r\"],\"idtyp\":\"app\"" MOVED),
         TENANT "/servicePrincipals/" OBJECT, false},
        {"there", USER(",\"groups\":[\"" GROUP "\"]"), NULL, false},
        {"none", USER(""), NULL, false},
        {"something else left out", USER(",\"_claim_names\":{\"photo\":\"s\"}"), NULL, false},
        {"no object id", CLAIMS(TENANT, "alice", ",\"scp\":\"a\"" MOVED), NULL, true},
        {"an object id that leads elsewhere", CLAIMS(TENANT, "../" OBJECT, ",\"scp\":\"a\"" MOVED),
         NULL, true},
        {"an object id in capitals",
         CLAIMS(TENANT, "CCCCCCCC-0000-0000-0000-000000000000", ",\"scp\":\"a\"" MOVED), NULL,
         true},
    };
    const struct issuer_entry entry = entra("corp", KEEP_S);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        struct principal *found;
        struct diag diag = {0};
        init(&self, &entry);
        enum status status = present(&self, rows[i].claims, NULL, &found, &diag);
        bool is_asked = rows[i].about != NULL;
        CHECK_ROW(rows[i].name, status == (is_asked ? STATUS_UNAVAILABLE : STATUS_OK));
        CHECK_ROW(rows[i].name, str_eq(diag.code, is_asked ? "identity.groups_unasked" : NULL));
        CHECK_ROW(rows[i].name, self.miss.is_unasked == is_asked);
        CHECK_ROW(rows[i].name,
                  !is_asked || (self.miss.kind == INQUIRY_GROUPS &&
                                slice_eq(self.miss.about, slice_view_cstr(rows[i].about)) &&
                                slice_eq(self.miss.name, SLICE("corp"))));
        CHECK_ROW(rows[i].name, found == NULL || found->are_groups_unknown == rows[i].are_unknown);
        principal_unref(found);
        release(&self);
    }
}

/* A token that would be refused makes nobody ask. */
TEST(group_caller_is_verified_before)
{
    static const struct {
        const char *name, *claims, *code;
    } rows[] = {
        {"expired",
         "{\"iss\":\"https://login.example/" TENANT "/v2.0\",\"tid\":\"" TENANT
         "\",\"oid\":\"" OBJECT "\",\"scp\":\"a\",\"azp\":\"app\",\"aud\":\"aegis\","
         "\"exp\":1" MOVED "}",
         "token.expired"},
        {"of another tenant",
         "{\"iss\":\"https://login.example/" OTHER_TENANT "/v2.0\",\"tid\":\"" TENANT
         "\",\"oid\":\"" OBJECT "\",\"scp\":\"a\",\"azp\":\"app\",\"aud\":\"aegis\","
         "\"exp\":1000600" MOVED "}",
         "token.issuer"},
        {"for somebody else",
         "{\"iss\":\"https://login.example/" TENANT "/v2.0\",\"tid\":\"" TENANT
         "\",\"oid\":\"" OBJECT
         "\",\"scp\":\"a\",\"azp\":\"app\",\"aud\":\"b\",\"exp\":1000600" MOVED "}",
         "token.audience"},
    };
    const struct issuer_entry entry = entra("corp", KEEP_S);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        struct principal *found;
        struct diag diag = {0};
        init(&self, &entry);
        CHECK_ROW(rows[i].name,
                  present(&self, rows[i].claims, NULL, &found, &diag) == STATUS_UNAUTHENTICATED);
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code) && !self.miss.is_unasked);
        release(&self);
    }
}

TEST(group_caller_is_of_the_groups_of_the_answer)
{
    struct issuer_entry entry = entra("corp", KEEP_S);
    struct fixture self;
    struct principal *found;
    struct identity_answer answer = answer_of(ABOUT, GROUP OPS);
    entry.role_sources = ROLES;
    entry.role_source_count = 1;
    entry.attributes = ATTRIBUTES;
    entry.attribute_count = 1;
    init(&self, &entry);
    CHECK(present(&self, USER(MOVED ",\"groups\":[\"g\"]"), &answer, &found, NULL) == STATUS_OK);
    CHECK(found->group_count == 2 && slice_eq(found->groups[0], SLICE(GROUP)));
    CHECK(slice_eq(found->groups[1], SLICE(OPS)) && !found->are_groups_unknown);
    CHECK(found->role_count == 1 && slice_eq(found->roles[0], SLICE("Operators")));
    CHECK(found->attribute_count == 1 && found->attributes[0].item_count == 2);
    principal_unref(found);
    self.now_s += KEEP_S;
    answer = answer_of(ABOUT, "");
    answer.asked_at_s = self.now_s;
    CHECK(present(&self, USER(MOVED), &answer, &found, NULL) == STATUS_OK);
    CHECK(found->group_count == 0 && found->role_count == 0 && !found->are_groups_unknown);
    principal_unref(found);
    release(&self);
}

/* Somebody without known groups gets in, unless what he may do depends on them. */
TEST(group_caller_of_an_answer_in_vain)
{
    struct issuer_entry entry = entra("corp", KEEP_S);
    struct identity_answer answer = answer_of(ABOUT, NULL);
    for (int i = 0; i < 2; i++) {
        struct fixture self;
        struct principal *found;
        struct diag diag = {0};
        entry.role_sources = i == 1 ? ROLES : NULL;
        entry.role_source_count = (size_t)i;
        init(&self, &entry);
        enum status status = present(&self, USER(MOVED), &answer, &found, &diag);
        CHECK(status == (i == 1 ? STATUS_UNAUTHENTICATED : STATUS_OK) && !self.miss.is_unasked);
        CHECK(str_eq(diag.code, i == 1 ? "token.overage" : NULL));
        CHECK(found == NULL || (found->are_groups_unknown && found->group_count == 0));
        principal_unref(found);
        release(&self);
    }
}

/* Text, number and the like: groups are a set. */
TEST(group_caller_with_an_attribute_of_another_type)
{
    static const struct issuer_attribute text = {SLICE_INIT("team"), SLICE_INIT("groups"),
                                                 PRINCIPAL_TEXT};
    struct issuer_entry entry = entra("corp", KEEP_S);
    struct identity_answer answer = answer_of(ABOUT, GROUP);
    struct fixture self;
    struct principal *found;
    struct diag diag = {0};
    entry.attributes = &text;
    entry.attribute_count = 1;
    init(&self, &entry);
    CHECK(present(&self, USER(MOVED), &answer, &found, &diag) == STATUS_UNAUTHENTICATED);
    CHECK(str_eq(diag.code, "token.claim"));
    release(&self);
}

/* What was said of somebody else is not said of this caller. */
TEST(group_caller_of_another_answer)
{
    struct identity_answer answers[] = {
        answer_of(OTHER_TENANT "/users/" OBJECT, GROUP),
        answer_of(TENANT "/users/dddddddd-0000-0000-0000-000000000000", GROUP),
        answer_of(TENANT "/servicePrincipals/" OBJECT, GROUP),
        answer_of("", GROUP),
        answer_of(ABOUT, GROUP),
        answer_of(ABOUT, GROUP),
    };
    const struct issuer_entry entry = entra("corp", KEEP_S);
    answers[4].name = SLICE("other");
    answers[5].kind = INQUIRY_TOKEN;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct fixture self;
        struct principal *found;
        struct diag diag = {0};
        init(&self, &entry);
        CHECK(present(&self, USER(MOVED), &answers[i], &found, &diag) == STATUS_UNAVAILABLE);
        CHECK(found == NULL && str_eq(diag.code, "identity.groups_unasked"));
        release(&self);
    }
}

/* An answer that nobody asked for changes nothing. */
TEST(group_caller_whose_groups_are_in_the_token)
{
    const struct issuer_entry entries[] = {entra("corp", KEEP_S), entra("corp", 0)};
    struct identity_answer answer = answer_of(ABOUT, OPS);
    struct fixture self;
    struct principal *found;
    init(&self, &entries[0]);
    CHECK(present(&self, USER(",\"groups\":[\"" GROUP "\"]"), &answer, &found, NULL) == STATUS_OK);
    CHECK(found->group_count == 1 && slice_eq(found->groups[0], SLICE(GROUP)));
    principal_unref(found);
    release(&self);
    /* An entry that does not look them up. */
    init(&self, &entries[1]);
    CHECK(present(&self, USER(MOVED), &answer, &found, NULL) == STATUS_OK);
    CHECK(found->are_groups_unknown && found->group_count == 0);
    principal_unref(found);
    release(&self);
}

TEST(group_caller_is_remembered_as_long_as_the_answer_counts)
{
    static const struct {
        const char *name, *ids; /* NULL: in vain */
        int64_t age_s, later_s;
        bool is_known;
    } rows[] = {
        {"at once", GROUP, 0, 0, true},
        {"in the last second", GROUP, 0, KEEP_S - 1, true},
        {"at the end", GROUP, 0, KEEP_S, false},
        {"an older one", GROUP, 100, KEEP_S - 101, true},
        {"an older one at its end", GROUP, 100, KEEP_S - 100, false},
        {"in vain", NULL, 0, GROUP_LOOKUP_UNKNOWN_S - 1, true},
        {"in vain, at the end", NULL, 0, GROUP_LOOKUP_UNKNOWN_S, false},
    };
    const struct issuer_entry entry = entra("corp", KEEP_S);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        struct principal *found;
        struct identity_answer answer = answer_of(ABOUT, rows[i].ids);
        answer.asked_at_s -= rows[i].age_s;
        init(&self, &entry);
        CHECK_ROW(rows[i].name, present(&self, USER(MOVED), &answer, &found, NULL) == STATUS_OK);
        principal_unref(found);
        self.now_s += rows[i].later_s;
        enum status status = present(&self, USER(MOVED), NULL, &found, NULL);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == rows[i].is_known);
        CHECK_ROW(rows[i].name, self.miss.was_known == !rows[i].is_known);
        principal_unref(found);
        release(&self);
    }
}

/* Only tokens of Entra, which is not asked what they are. */
TEST(group_caller_of_an_entry_that_cannot_look_up)
{
    struct issuer_entry entries[] = {entra("corp", KEEP_S), entra("corp", KEEP_S)};
    entries[0].preset = ISSUER_PRESET_OIDC;
    entries[0].issuer = SLICE("https://a.example");
    entries[1].issuer = SLICE("https://login.example/" TENANT "/v2.0");
    entries[1].inquiry.asked = ISSUER_ASKED_ALWAYS;
    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        const struct identity_config config = {&entries[i], 1};
        struct identity_snapshot *snapshot = NULL;
        struct jwks *keys = NULL;
        struct diag diag = {0};
        CHECK(identity_snapshot_new(&config, &keys, 1, &snapshot, &diag) == STATUS_INVALID);
        CHECK(str_eq(diag.code, "identity.config"));
    }
}

TEST(group_caller_without_memory)
{
    const struct issuer_entry entry = entra("corp", KEEP_S);
    struct identity_answer answer = answer_of(ABOUT, GROUP OPS);
    bool has_failed = true;
    for (size_t left = 0; has_failed; left++) {
        struct fixture self;
        struct principal *found;
        init(&self, &entry);
        (void)!present(&self, USER(""), NULL, &found, NULL); /* the buffer grows before */
        principal_unref(found);
        check_begin_shortage(left, true);
        enum status status = present(&self, USER(MOVED), &answer, &found, NULL);
        has_failed = check_end_shortage();
        CHECK(has_failed || (status == STATUS_OK && found->group_count == 2));
        CHECK(found == NULL || found->group_count == 2);
        principal_unref(found);
        release(&self);
    }
}
