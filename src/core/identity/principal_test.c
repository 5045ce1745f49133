#include "core/identity/principal.h"

#include "support/check.h"
#include "support/fake_crypto.h"

static const struct slice ROLES[] = {SLICE_INIT("admin"), SLICE_INIT("reader")};
static const struct principal_attribute ATTRIBUTES[] = {
    {.name = SLICE_INIT("level"), .type = PRINCIPAL_LONG, .number = 3},
    {.name = SLICE_INIT("teams"), .type = PRINCIPAL_SET, .items = ROLES, .item_count = 2},
    {.name = SLICE_INIT("city"), .type = PRINCIPAL_TEXT, .text = SLICE_INIT("Bern")},
};

static struct principal alice(void)
{
    return (struct principal){.issuer = SLICE("corp"),
                              .tenant = SLICE("t"),
                              .subject = SLICE("alice"),
                              .client_id = SLICE("cli"),
                              .roles = ROLES,
                              .role_count = COUNT_OF(ROLES),
                              .groups = ROLES,
                              .group_count = 1,
                              .attributes = ATTRIBUTES,
                              .attribute_count = COUNT_OF(ATTRIBUTES),
                              .expires_at_s = 5};
}

static bool copy_under_failures(void *context)
{
    struct principal fields = alice();
    struct principal *copy = NULL;
    struct diag diag = {0};
    enum status status = principal_new(&fields, context, &copy, &diag);
    CHECK(status == STATUS_OK || str_eq(diag.code, "identity.memory"));
    if (status != STATUS_OK) {
        return false;
    }
    CHECK(copy->roles != fields.roles && slice_eq(copy->roles[1], SLICE("reader")));
    CHECK(slice_eq(copy->subject, SLICE("alice")) && copy->subject.ptr != fields.subject.ptr);
    CHECK(copy->attribute_count == 3 && copy->attributes[0].number == 3);
    CHECK(slice_eq(copy->attributes[1].items[0], SLICE("admin")));
    CHECK(slice_eq(copy->attributes[2].text, SLICE("Bern")));
    CHECK(principal_ref(copy) == copy && copy->references == 2);
    principal_unref(copy);
    principal_unref(copy);
    return true;
}

TEST(principal_new_copies_everything)
{
    struct fake_crypto crypto;
    fake_crypto_init(&crypto);
    check_every_allocation(copy_under_failures, &crypto.port);
    principal_unref(NULL);
}

TEST(principal_without_issuer_or_subject_is_nobody)
{
    struct principal *none = NULL;
    struct diag diag = {0};
    struct principal fields = alice();
    struct fake_crypto crypto;
    fake_crypto_init(&crypto);
    fields.issuer = SLICE_EMPTY;
    CHECK(principal_new(&fields, &crypto.port, &none, &diag) == STATUS_UNAUTHENTICATED);
    CHECK(str_eq(diag.code, "token.subject"));
    fields = alice();
    fields.subject = SLICE_EMPTY;
    CHECK(principal_new(&fields, &crypto.port, &none, &diag) == STATUS_UNAUTHENTICATED);
    CHECK(none == NULL);
}

/* Moving a byte from one field to its neighbour must not give the same caller. */
TEST(principal_digest_tells_tuples_apart)
{
    static const struct {
        const char *name;
        const char *issuer, *tenant, *subject, *client;
    } rows[] = {
        {"itself", "ab", "c", "d", "e"},
        {"issuer and tenant", "a", "bc", "d", "e"},
        {"tenant and subject", "ab", "", "cd", "e"},
        {"no client", "ab", "c", "de", ""},
        {"other client", "ab", "c", "d", "f"},
        {"swapped", "ab", "d", "c", "e"},
    };
    uint8_t digests[COUNT_OF(rows)][CRYPTO_SHA256_BYTES];
    struct fake_crypto crypto;
    fake_crypto_init(&crypto);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct principal fields = {.issuer = slice_view_cstr(rows[i].issuer),
                                   .tenant = slice_view_cstr(rows[i].tenant),
                                   .subject = slice_view_cstr(rows[i].subject),
                                   .client_id = slice_view_cstr(rows[i].client),
                                   .email = slice_view_cstr(rows[i].name)};
        struct principal *principal = NULL;
        CHECK(principal_new(&fields, &crypto.port, &principal, NULL) == STATUS_OK);
        memcpy(digests[i], principal->digest, sizeof(digests[i]));
        principal_unref(principal);
        for (size_t k = 0; k < i; k++) {
            CHECK_ROW(rows[i].name, memcmp(digests[i], digests[k], sizeof(digests[i])) != 0);
        }
    }
}
