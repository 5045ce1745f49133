#include "daemon/sign_in/client_method.h"

#include "support/check.h"

#define NONE CLIENT_METHOD_BIT(CLIENT_METHOD_NONE)
#define BASIC CLIENT_METHOD_BIT(CLIENT_METHOD_BASIC)
#define POST CLIENT_METHOD_BIT(CLIENT_METHOD_POST)

TEST(client_method_names_are_those_of_the_standard)
{
    static const struct {
        const char *name;
        enum client_method method;
    } rows[] = {
        {"none", CLIENT_METHOD_NONE},
        {"client_secret_basic", CLIENT_METHOD_BASIC},
        {"client_secret_post", CLIENT_METHOD_POST},
        {"", CLIENT_METHOD_UNKNOWN},
        {"NONE", CLIENT_METHOD_UNKNOWN},
        {"client_secret_basi", CLIENT_METHOD_UNKNOWN},
        {"client_secret_basic ", CLIENT_METHOD_UNKNOWN},
        {"client_secret_jwt", CLIENT_METHOD_UNKNOWN},
        {"private_key_jwt", CLIENT_METHOD_UNKNOWN},
        {"tls_client_auth", CLIENT_METHOD_UNKNOWN},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice name = slice_view_cstr(rows[i].name);
        CHECK_ROW(rows[i].name, client_method_of(name) == rows[i].method);
        CHECK_ROW(rows[i].name, rows[i].method == CLIENT_METHOD_UNKNOWN ||
                                    slice_eq(client_method_name(rows[i].method), name));
    }
    CHECK(client_method_name(CLIENT_METHOD_UNKNOWN).len == 0);
}

TEST(client_method_is_one_that_the_server_takes)
{
    static const struct {
        const char *name;
        unsigned taken;
        enum client_method to_register, with_secret;
    } rows[] = {
        {"all", NONE | BASIC | POST, CLIENT_METHOD_NONE, CLIENT_METHOD_BASIC},
        {"both with a secret", BASIC | POST, CLIENT_METHOD_BASIC, CLIENT_METHOD_BASIC},
        {"none and post", NONE | POST, CLIENT_METHOD_NONE, CLIENT_METHOD_POST},
        {"basic", BASIC, CLIENT_METHOD_BASIC, CLIENT_METHOD_BASIC},
        {"post", POST, CLIENT_METHOD_POST, CLIENT_METHOD_POST},
        {"none", NONE, CLIENT_METHOD_NONE, CLIENT_METHOD_NONE},
        {"nothing that is known", 0, CLIENT_METHOD_UNKNOWN, CLIENT_METHOD_UNKNOWN},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name, client_method_to_register(rows[i].taken) == rows[i].to_register);
        CHECK_ROW(rows[i].name, client_method_with_secret(rows[i].taken) == rows[i].with_secret);
    }
}

TEST(client_method_writes_a_secret_in_one_place)
{
    static const struct {
        const char *name;
        struct client_credentials client;
        const char *form, *authorization;
    } rows[] = {
        {"none", {CLIENT_METHOD_NONE, SLICE_INIT("a:b"), {0}}, "grant_type=x&client_id=a%3Ab", ""},
        {"a public client has no secret to show",
         {CLIENT_METHOD_NONE, SLICE_INIT("id"), SLICE_INIT("s")},
         "grant_type=x&client_id=id",
         ""},
        {"basic",
         {CLIENT_METHOD_BASIC, SLICE_INIT("s6BhdRkqt3"), SLICE_INIT("7Fjfp0ZBr1KtDRbnfVdmIw")},
         "grant_type=x",
         "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"},
        /* "a%3Ab:c%20d%25", which without escapes would be the client "a". */
        {"basic with odd bytes",
         {CLIENT_METHOD_BASIC, SLICE_INIT("a:b"), SLICE_INIT("c d%")},
         "grant_type=x",
         "Basic YSUzQWI6YyUyMGQlMjU="},
        {"post",
         {CLIENT_METHOD_POST, SLICE_INIT("a:b"), SLICE_INIT("c&d")},
         "grant_type=x&client_id=a%3Ab&client_secret=c%26d",
         ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf form, authorization;
        buf_init_secret(&form, 4096, NULL);
        buf_init_secret(&authorization, 4096, NULL);
        buf_append(&form, SLICE("grant_type=x"));
        client_method_write(&rows[i].client, &form, &authorization);
        CHECK_ROW(rows[i].name, slice_eq(buf_view(&form), slice_view_cstr(rows[i].form)));
        CHECK_ROW(rows[i].name,
                  slice_eq(buf_view(&authorization), slice_view_cstr(rows[i].authorization)));
        buf_release(&form);
        buf_release(&authorization);
    }
}

/* Without memory the latch says so, and nothing of the secret stays behind. */
static bool write_basic(void *context)
{
    const struct client_credentials *client = context;
    struct buf form, authorization;
    buf_init_secret(&form, 4096, NULL);
    buf_init_secret(&authorization, 4096, NULL);
    client_method_write(client, &form, &authorization);
    bool is_written = buf_status(&form) == STATUS_OK && buf_status(&authorization) == STATUS_OK;
    CHECK(!is_written || authorization.len > 0);
    buf_release(&form);
    buf_release(&authorization);
    return is_written;
}

TEST(client_method_without_memory)
{
    static struct client_credentials client = {CLIENT_METHOD_BASIC, SLICE_INIT("id"),
                                               SLICE_INIT("the-secret")};
    check_watch_freed(SLICE("the-secret"));
    check_every_allocation(write_basic, &client);
    CHECK(check_end_watch() == 0);
}
