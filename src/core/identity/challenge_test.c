#include "core/identity/challenge.h"

#include "support/check.h"

#include <stdio.h>
#include <string.h>

TEST(challenge_names_the_metadata_and_the_error)
{
    static const struct {
        const char *name, *url, *path, *code;
        const char *expected;
    } rows[] = {
        {"no token", "https://gw.example.com", "/s/git/mcp", "token.missing",
         "Bearer resource_metadata=\"https://gw.example.com/.well-known/"
         "oauth-protected-resource/s/git/mcp\""},
        {"bad token", "https://gw.example.com", "/mcp?x=1", "token.audience",
         "Bearer resource_metadata=\"https://gw.example.com/.well-known/"
         "oauth-protected-resource/mcp\", error=\"invalid_token\", "
         "error_description=\"The access token is not valid\""},
        {"root", "https://gw.example.com", "/", "token.missing",
         "Bearer resource_metadata=\"https://gw.example.com/.well-known/"
         "oauth-protected-resource\""},
        {"a quote cannot break out", "https://gw.example.com", "/a\",b=\"c", "token.missing",
         "Bearer resource_metadata=\"https://gw.example.com/.well-known/"
         "oauth-protected-resource\""},
        {"a line break cannot either", "https://gw.example.com", "/a\r\nX: y", "token.missing",
         "Bearer resource_metadata=\"https://gw.example.com/.well-known/"
         "oauth-protected-resource\""},
        {"no public address", "", "/mcp", "token.missing", "Bearer"},
        {"no public address, bad token", "", "/mcp", "token.audience",
         "Bearer error=\"invalid_token\", error_description=\"The access token is not valid\""},
        {"expired", "", "/mcp", "token.expired",
         "Bearer error=\"invalid_token\", error_description=\"The access token expired\""},
        {"two fields", "", "/mcp", "token.repeated",
         "Bearer error=\"invalid_request\", "
         "error_description=\"The access token belongs into one Authorization field\""},
        {"in the address", "", "/mcp", "token.query",
         "Bearer error=\"invalid_request\", "
         "error_description=\"The access token belongs into one Authorization field\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf buf;
        buf_init(&buf, 4096, NULL);
        challenge_write(&buf, &(struct challenge){.kind = challenge_kind_of(rows[i].code),
                                                  .public_url = slice_view_cstr(rows[i].url),
                                                  .path = slice_view_cstr(rows[i].path)});
        CHECK_ROW(rows[i].name, slice_eq(buf_view(&buf), slice_view_cstr(rows[i].expected)));
        buf_release(&buf);
    }
}

#define T "3f1e0000-0000-0000-0000-000000000001"
#define AUTHORIZE "/oauth2/v2.0/authorize"

/* A person of one cloud is nobody in another. */
TEST(challenge_of_entra_is_answered_in_its_own_cloud)
{
    static const struct {
        const char *issuer, *tenant, *where;
    } rows[] = {
        {"https://login.microsoftonline.com/" T "/v2.0", T,
         "https://login.microsoftonline.com/" T AUTHORIZE},
        {"https://login.microsoftonline.us/" T "/v2.0", T,
         "https://login.microsoftonline.us/" T AUTHORIZE},
        {"https://login.partner.microsoftonline.cn/{tenantid}/v2.0", T,
         "https://login.partner.microsoftonline.cn/" T AUTHORIZE},
        {"https://{tenantid}.ciamlogin.com/{tenantid}/v2.0", T,
         "https://" T ".ciamlogin.com/" T AUTHORIZE},
        {"https://sts.windows.net/" T "/", T, "https://login.microsoftonline.com/" T AUTHORIZE},
        {"https://login.microsoftonline.com/{tenantid}/v2.0", "",
         "https://login.microsoftonline.com/organizations" AUTHORIZE},
        {"https://login.microsoftonline.com/{tenantid}/v2.0", "a\", b=\"c",
         "https://login.microsoftonline.com/organizations" AUTHORIZE},
        {"https://a\"/v2.0", T, "https://login.microsoftonline.com/" T AUTHORIZE},
        {"", T, "https://login.microsoftonline.com/" T AUTHORIZE},
        {"/v2.0", T, AUTHORIZE},
    };
    static const struct slice CONTEXTS[] = {SLICE_INIT("c1")};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char expected[256];
        struct buf buf;
        buf_init(&buf, 4096, NULL);
        challenge_write(&buf, &(struct challenge){.kind = CHALLENGE_CLAIMS,
                                                  .sign_ins = CONTEXTS,
                                                  .sign_in_count = 1,
                                                  .issuer = slice_view_cstr(rows[i].issuer),
                                                  .tenant = slice_view_cstr(rows[i].tenant)});
        (void)snprintf(expected, sizeof(expected),
                       "realm=\"\", authorization_uri=\"%s\", claims=\"", rows[i].where);
        buf_append_byte(&buf, '\0');
        CHECK_ROW(rows[i].issuer, strstr((const char *)buf_view(&buf).ptr, expected) != NULL);
        buf_release(&buf);
    }
}

TEST(challenge_metadata_is_complete)
{
    static const struct slice servers[] = {SLICE_INIT("https://a.example"),
                                           SLICE_INIT("https://b.example")};
    static const struct slice scopes[] = {SLICE_INIT("mcp")};
    struct challenge_metadata metadata = {.resource = SLICE("https://gw.example.com/mcp"),
                                          .resource_name = SLICE("Tools \"R\" us"),
                                          .authorization_servers = servers,
                                          .authorization_server_count = 2,
                                          .scopes = scopes,
                                          .scope_count = 1};
    struct buf buf;
    buf_init(&buf, 4096, NULL);
    challenge_metadata_write(&buf, &metadata);
    CHECK(slice_eq(buf_view(&buf),
                   SLICE("{\"resource\":\"https://gw.example.com/mcp\","
                         "\"authorization_servers\":[\"https://a.example\",\"https://b.example\"],"
                         "\"scopes_supported\":[\"mcp\"],"
                         "\"bearer_methods_supported\":[\"header\"],"
                         "\"resource_name\":\"Tools \\\"R\\\" us\"}")));
    buf_clear(&buf);
    metadata.scope_count = 0;
    metadata.resource_name = SLICE_EMPTY;
    challenge_metadata_write(&buf, &metadata);
    CHECK(slice_eq(buf_view(&buf),
                   SLICE("{\"resource\":\"https://gw.example.com/mcp\","
                         "\"authorization_servers\":[\"https://a.example\",\"https://b.example\"],"
                         "\"bearer_methods_supported\":[\"header\"]}")));
    buf_release(&buf);
}
