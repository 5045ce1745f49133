/* What an issuer leaves out of a token, because it would be too long: not known is not none. */
#include "core/identity/claims.h"
#include "core/identity/principal_map.h"
#include "support/check.h"
#include "support/corpus.h"

#define TEST_BYTES ((size_t)1 << 20)
#define CLAIMS(more) "{\"iss\":\"https://a.example\",\"aud\":\"a\",\"exp\":9,\"sub\":\"s\"" more "}"
#define MOVED(names) CLAIMS(",\"_claim_names\":" names)

static const struct slice SUBJECTS[] = {SLICE_INIT("sub")};
static const struct issuer_role_source ROLES[] = {{.claim = SLICE_INIT("realm.roles")},
                                                  {.claim = SLICE_INIT("/a~1b/roles")}};
static const struct issuer_role_source GROUP_ROLES[] = {{.claim = SLICE_INIT("groups")}};
static const struct issuer_role_source POINTED_ROLES[] = {{.claim = SLICE_INIT("/groups")}};
static const struct issuer_attribute ATTRIBUTES[] = {
    {SLICE_INIT("dept"), SLICE_INIT("hr.dept"), PRINCIPAL_TEXT}};

/* All by one issuer; groups by a name, by a pointer, and as what roles are made of. */
static const struct issuer_entry BY_NAME = {.name = SLICE_INIT("e"),
                                            .preset = ISSUER_PRESET_ENTRA,
                                            .issuer = SLICE_INIT("https://a.example"),
                                            .subjects = SUBJECTS,
                                            .subject_count = 1,
                                            .tenant_claim = SLICE_INIT("org.tenant"),
                                            .group_claim = SLICE_INIT("groups"),
                                            .role_sources = ROLES,
                                            .role_source_count = COUNT_OF(ROLES),
                                            .attributes = ATTRIBUTES,
                                            .attribute_count = COUNT_OF(ATTRIBUTES)};
static const struct issuer_entry BY_POINTER = {.name = SLICE_INIT("e"),
                                               .issuer = SLICE_INIT("https://a.example"),
                                               .subjects = SUBJECTS,
                                               .subject_count = 1,
                                               .group_claim = SLICE_INIT("/org/member~0of")};
static const struct issuer_entry AS_ROLES = {.name = SLICE_INIT("e"),
                                             .issuer = SLICE_INIT("https://a.example"),
                                             .subjects = SUBJECTS,
                                             .subject_count = 1,
                                             .group_claim = SLICE_INIT("memberOf"),
                                             .role_sources = GROUP_ROLES,
                                             .role_source_count = 1};
static const struct issuer_entry AS_POINTED_ROLES = {.name = SLICE_INIT("e"),
                                                     .issuer = SLICE_INIT("https://a.example"),
                                                     .subjects = SUBJECTS,
                                                     .subject_count = 1,
                                                     .group_claim = SLICE_INIT("memberOf"),
                                                     .role_sources = POINTED_ROLES,
                                                     .role_source_count = 1};

static enum status map(const struct issuer_entry *entry, const char *text, struct arena *arena,
                       struct principal *out, struct diag *diag)
{
    struct claims claims;
    *out = (struct principal){0};
    TRY(claims_open(corpus_parser(), slice_view_cstr(text), arena, &claims, diag));
    TRY(claims_read(&claims, arena, diag));
    TRY(principal_map_tenant(entry, &claims, arena, &out->tenant, diag));
    return principal_map(entry, &claims, arena, out, diag);
}

TEST(left_out_is_not_none)
{
    static const struct {
        const char *name;
        const struct issuer_entry *entry;
        const char *claims;
        bool are_unknown; /* the groups */
        const char *code; /* NULL: accepted */
    } rows[] = {
        {"nothing", &BY_NAME, CLAIMS(",\"groups\":[\"g\"]"), false, NULL},
        {"groups", &BY_NAME, MOVED("{\"groups\":\"src1\"}"), true, NULL},
        {"groups that are there as well", &BY_NAME,
         MOVED("{\"groups\":\"src1\"},\"groups\":[\"g\"]"), true, NULL},
        {"no list of what is", &BY_NAME, MOVED("null"), false, NULL},
        {"an empty list of what is", &BY_NAME, MOVED("{}"), false, NULL},
        {"another claim", &BY_NAME, MOVED("{\"group\":\"s\",\"photo\":\"s\"}"), false, NULL},
        {"nobody knows what", &BY_POINTER, MOVED("\"groups\""), true, NULL},
        {"nobody knows which", &BY_POINTER, MOVED("[\"groups\"]"), true, NULL},
        {"what groups are in", &BY_POINTER, MOVED("{\"org\":\"s\"}"), true, NULL},
        {"what is named as they are inside", &BY_POINTER, MOVED("{\"member~of\":\"s\"}"), false,
         NULL},
        {"implicit flow, true", &BY_NAME, CLAIMS(",\"hasgroups\":true"), true, NULL},
        {"implicit flow, a text", &BY_NAME, CLAIMS(",\"hasgroups\":\"true\""), true, NULL},
        {"implicit flow, another text", &BY_NAME, CLAIMS(",\"hasgroups\":\"True\""), true, NULL},
        {"implicit flow, a number", &BY_NAME, CLAIMS(",\"hasgroups\":1"), true, NULL},
        {"implicit flow, with some", &BY_NAME, CLAIMS(",\"hasgroups\":true,\"groups\":[\"g\"]"),
         true, NULL},
        {"implicit flow, false", &BY_NAME, CLAIMS(",\"hasgroups\":false"), false, NULL},
        {"implicit flow, false as a text", &BY_NAME, CLAIMS(",\"hasgroups\":\"false\""), false,
         NULL},
        {"implicit flow, null", &BY_NAME, CLAIMS(",\"hasgroups\":null"), false, NULL},
        {"what roles are in", &BY_NAME, MOVED("{\"realm\":\"s\"}"), false, "token.overage"},
        {"a claim with a dot, of roles", &BY_NAME, MOVED("{\"realm.roles\":\"s\"}"), false,
         "token.overage"},
        {"what roles are in, by a pointer", &BY_NAME, MOVED("{\"a/b\":\"s\"}"), false,
         "token.overage"},
        {"what an attribute is in", &BY_NAME, MOVED("{\"hr\":\"s\"}"), false, "token.overage"},
        {"what the tenant is in", &BY_NAME, MOVED("{\"org\":\"s\"}"), false, "token.tenant"},
        {"nobody knows what, and the tenant may be", &BY_NAME, MOVED("true"), false,
         "token.tenant"},
        {"groups that are roles", &AS_ROLES, MOVED("{\"groups\":\"s\"}"), false, "token.overage"},
        {"groups that are roles, implicit flow", &AS_ROLES, CLAIMS(",\"hasgroups\":true"), false,
         "token.overage"},
        {"groups that are roles by a pointer", &AS_POINTED_ROLES, MOVED("{\"groups\":\"s\"}"),
         false, "token.overage"},
        {"groups that are roles by a pointer, implicit flow", &AS_POINTED_ROLES,
         CLAIMS(",\"hasgroups\":true"), false, "token.overage"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct principal found;
        struct arena arena;
        struct diag diag = {0};
        arena_init(&arena, TEST_BYTES, NULL);
        enum status status = map(rows[i].entry, rows[i].claims, &arena, &found, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
        CHECK_ROW(rows[i].name,
                  status != STATUS_OK || found.are_groups_unknown == rows[i].are_unknown);
        CHECK_ROW(rows[i].name, !rows[i].are_unknown || found.group_count == 0);
        arena_release(&arena);
    }
}
