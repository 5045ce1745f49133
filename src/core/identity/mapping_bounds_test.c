/* What is mapped to a principal at its bounds: what is one too much refuses the token, nothing is
 * cut, because a forbid may be about what would be missing. */
#include "core/identity/claims.h"
#include "core/identity/principal_map.h"
#include "support/check.h"
#include "support/corpus.h"

#include <string.h>

#define TEST_BYTES ((size_t)4 << 20)
#define HEAD "{\"iss\":\"https://a.example\",\"aud\":\"a\",\"exp\":9,"
#define FIRST HEAD "\"sub\":\"s\","

static const struct slice SUBJECTS[] = {SLICE_INIT("sub")};
static const struct issuer_role_source ROLES[] = {
    {.claim = SLICE_INIT("roles")}, {.claim = SLICE_INIT("more"), .prefix = SLICE_INIT("more:")}};
static const struct issuer_attribute ATTRIBUTES[] = {
    {SLICE_INIT("note"), SLICE_INIT("note"), PRINCIPAL_TEXT},
    {SLICE_INIT("tags"), SLICE_INIT("tags"), PRINCIPAL_SET}};
static const struct issuer_entry ENTRY = {.name = SLICE_INIT("e"),
                                          .issuer = SLICE_INIT("https://a.example"),
                                          .subjects = SUBJECTS,
                                          .subject_count = 1,
                                          .tenant_claim = SLICE_INIT("tid"),
                                          .group_claim = SLICE_INIT("groups"),
                                          .role_sources = ROLES,
                                          .role_source_count = COUNT_OF(ROLES),
                                          .attributes = ATTRIBUTES,
                                          .attribute_count = COUNT_OF(ATTRIBUTES)};

static enum status map(struct slice text, struct arena *arena, struct principal *out,
                       struct diag *diag)
{
    struct claims claims;
    *out = (struct principal){0};
    TRY(claims_open(corpus_parser(), text, arena, &claims, diag));
    TRY(claims_read(&claims, arena, diag));
    TRY(principal_map_tenant(&ENTRY, &claims, arena, &out->tenant, diag));
    return principal_map(&ENTRY, &claims, arena, out, diag);
}

/* A payload is built of count times one part. */
TEST(mapping_refuses_what_is_one_too_much)
{
    static const struct {
        const char *name, *before, *part, *after;
        size_t count_max;
        const char *code; /* of one more */
    } rows[] = {
        {"a subject", HEAD "\"sub\":\"", "s", "\"}", CLAIMS_SUBJECT_BYTES_MAX, "token.subject"},
        {"a tenant", FIRST "\"tid\":\"", "t", "\"}", CLAIMS_SUBJECT_BYTES_MAX, "token.tenant"},
        {"roles", FIRST "\"roles\":[\"r\"", ",\"r\"", "]}", CLAIMS_LIST_MAX - 1, "token.claim"},
        {"roles of two claims", FIRST "\"roles\":[\"r\",\"s\"],\"more\":[\"r\"", ",\"r\"", "]}",
         CLAIMS_LIST_MAX - 3, "token.claim"},
        {"a role", FIRST "\"roles\":[\"", "r", "\"]}", CLAIMS_ITEM_BYTES_MAX, "token.claim"},
        {"groups", FIRST "\"groups\":[\"g\"", ",\"g\"", "]}", CLAIMS_LIST_MAX - 1, "token.claim"},
        {"a group", FIRST "\"groups\":\"", "g", "\"}", CLAIMS_ITEM_BYTES_MAX, "token.claim"},
        {"an attribute", FIRST "\"note\":\"", "n", "\"}", PRINCIPAL_ATTRIBUTE_BYTES_MAX,
         "token.claim"},
        {"a set", FIRST "\"tags\":[\"t\"", ",\"t\"", "]}", CLAIMS_LIST_MAX - 1, "token.claim"},
        {"an item of a set", FIRST "\"tags\":[\"", "t", "\"]}", CLAIMS_ITEM_BYTES_MAX,
         "token.claim"},
    };
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        bool is_too_much = i % 2 == 1;
        struct principal found;
        struct diag diag = {0};
        struct arena arena;
        struct buf text;
        arena_init(&arena, TEST_BYTES, NULL);
        buf_init(&text, TEST_BYTES, NULL);
        buf_append(&text, slice_view_cstr(rows[i / 2].before));
        for (size_t count = 0; count < rows[i / 2].count_max + is_too_much; count++) {
            buf_append(&text, slice_view_cstr(rows[i / 2].part));
        }
        buf_append(&text, slice_view_cstr(rows[i / 2].after));
        enum status status = map(buf_view(&text), &arena, &found, &diag);
        CHECK_ROW(rows[i / 2].name, status == (is_too_much ? STATUS_UNAUTHENTICATED : STATUS_OK));
        CHECK_ROW(rows[i / 2].name, str_eq(diag.code, is_too_much ? rows[i / 2].code : NULL));
        buf_release(&text);
        arena_release(&arena);
    }
}

/* What is for display decides nothing, so it is left out instead. */
TEST(mapping_leaves_out_names_that_are_too_long)
{
    for (size_t bytes = CLAIMS_ITEM_BYTES_MAX; bytes <= CLAIMS_ITEM_BYTES_MAX + 1; bytes++) {
        struct principal found;
        struct arena arena;
        struct buf text;
        arena_init(&arena, TEST_BYTES, NULL);
        buf_init(&text, TEST_BYTES, NULL);
        buf_append(&text, SLICE(FIRST "\"name\":\""));
        for (size_t i = 0; i < bytes; i++) {
            buf_append_byte(&text, 'n');
        }
        buf_append(&text, SLICE("\"}"));
        CHECK(map(buf_view(&text), &arena, &found, NULL) == STATUS_OK);
        CHECK(found.name.len == (bytes == CLAIMS_ITEM_BYTES_MAX ? bytes : 0));
        buf_release(&text);
        arena_release(&arena);
    }
}
