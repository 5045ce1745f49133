#include "daemon/discovery.h"

#include "support/check.h"
#include "support/corpus.h"

#define ARENA_BYTES_MAX ((size_t)4 << 20)

TEST(discovery_addresses_in_their_order)
{
    static const struct {
        const char *issuer, *metadata_url, *addresses[3];
    } ROWS[] = {
        {"https://as.example",
         NULL,
         {"https://as.example/.well-known/oauth-authorization-server",
          "https://as.example/.well-known/openid-configuration"}},
        {"https://as.example/",
         NULL,
         {"https://as.example/.well-known/oauth-authorization-server",
          "https://as.example/.well-known/openid-configuration"}},
        {"https://as.example/t1",
         NULL,
         {"https://as.example/.well-known/oauth-authorization-server/t1",
          "https://as.example/.well-known/openid-configuration/t1",
          "https://as.example/t1/.well-known/openid-configuration"}},
        {"https://as.example:8443/a/b/",
         NULL,
         {"https://as.example:8443/.well-known/oauth-authorization-server/a/b",
          "https://as.example:8443/.well-known/openid-configuration/a/b",
          "https://as.example:8443/a/b/.well-known/openid-configuration"}},
        {"https://as.example/t1", "https://other.example/meta", {"https://other.example/meta"}},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct arena arena;
        struct config_issuer issuer = {.issuer = slice_view_cstr(ROWS[i].issuer)};
        issuer.metadata_url.text = slice_view_cstr(ROWS[i].metadata_url);
        arena_init(&arena, ARENA_BYTES_MAX, NULL);
        for (size_t k = 0; k < 4; k++) {
            const char *expected = k < 3 ? ROWS[i].addresses[k] : NULL;
            struct slice address = SLICE_EMPTY;
            enum status status = discovery_address(&issuer, k, &arena, &address);
            CHECK_ROW(ROWS[i].issuer, status == (expected == NULL ? STATUS_NOT_FOUND : STATUS_OK));
            CHECK_ROW(ROWS[i].issuer, slice_eq(address, slice_view_cstr(expected)));
        }
        arena_release(&arena);
    }
}

#define ISSUER "https://as.example/t1"
#define DOCUMENT(issuer, keys) "{\"issuer\":" issuer ",\"x\":[{}],\"jwks_uri\":" keys "}"
#define GOOD DOCUMENT("\"" ISSUER "\"", "\"https://as.example/keys\"")

TEST(discovery_reads_metadata)
{
    static struct slice hosts[] = {SLICE_INIT("keys.example")};
    static struct slice accepted[] = {SLICE_INIT("https://sts.example/")};
    static const struct {
        const char *name, *issuer, *text, *code;
        bool has_address;
    } ROWS[] = {
        {"good", ISSUER, GOOD, NULL, false},
        {"a listed host", ISSUER, DOCUMENT("\"" ISSUER "\"", "\"https://keys.example/a\""), NULL,
         false},
        {"another port", ISSUER, DOCUMENT("\"" ISSUER "\"", "\"https://as.example:444/a\""), NULL,
         false},
        {"on this machine", "http://127.0.0.1:9/",
         DOCUMENT("\"http://127.0.0.1:9/\"", "\"http://127.0.0.1:9/k\""), NULL, false},
        {"accepted with an address", ISSUER,
         DOCUMENT("\"https://sts.example/\"", "\"https://as.example/k\""), NULL, true},
        {"accepted without an address", ISSUER,
         DOCUMENT("\"https://sts.example/\"", "\"https://as.example/k\""), "discovery.issuer",
         false},
        {"another issuer with an address", ISSUER,
         DOCUMENT("\"https://sts.example\"", "\"https://as.example/k\""), "discovery.issuer", true},
        {"a slash more", ISSUER, DOCUMENT("\"" ISSUER "/\"", "\"https://as.example/k\""),
         "discovery.issuer", false},
        {"a slash less", ISSUER "/", GOOD, "discovery.issuer", false},
        {"other case", ISSUER, DOCUMENT("\"https://AS.example/t1\"", "\"https://as.example/k\""),
         "discovery.issuer", false},
        {"no issuer", ISSUER, "{\"jwks_uri\":\"https://as.example/k\"}", "discovery.issuer", false},
        {"issuer is a list", ISSUER, DOCUMENT("[\"" ISSUER "\"]", "\"https://as.example/k\""),
         "discovery.issuer", false},
        {"issuer twice", ISSUER,
         "{\"issuer\":\"" ISSUER "\",\"issuer\":\"b\",\"jwks_uri\":\"https://as.example/k\"}",
         "discovery.malformed", false},
        {"no keys", ISSUER, "{\"issuer\":\"" ISSUER "\"}", "discovery.keys", false},
        {"keys are embedded", ISSUER, DOCUMENT("\"" ISSUER "\"", "{\"keys\":[]}"), "discovery.keys",
         false},
        {"another host", ISSUER, DOCUMENT("\"" ISSUER "\"", "\"https://evil.example/k\""),
         "discovery.keys", false},
        {"a host below", ISSUER, DOCUMENT("\"" ISSUER "\"", "\"https://a.as.example/k\""),
         "discovery.keys", false},
        {"a user that looks like the host", ISSUER,
         DOCUMENT("\"" ISSUER "\"", "\"https://as.example@evil.example/k\""), "discovery.keys",
         false},
        {"plain http", ISSUER, DOCUMENT("\"" ISSUER "\"", "\"http://as.example/k\""),
         "discovery.keys", false},
        {"plain http to this machine", ISSUER, DOCUMENT("\"" ISSUER "\"", "\"http://127.0.0.1/k\""),
         "discovery.keys", false},
        {"a file", ISSUER, DOCUMENT("\"" ISSUER "\"", "\"file:///etc/passwd\""), "discovery.keys",
         false},
        {"a relative address", ISSUER, DOCUMENT("\"" ISSUER "\"", "\"/keys\""), "discovery.keys",
         false},
        {"elsewhere from this machine", "http://127.0.0.1:9",
         DOCUMENT("\"http://127.0.0.1:9\"", "\"http://as.example/k\""), "discovery.keys", false},
        {"HTML", ISSUER, "<html></html>", "discovery.malformed", false},
        {"a list", ISSUER, "[" GOOD "]", "discovery.malformed", false},
        {"empty", ISSUER, "", "discovery.malformed", false},
        {"text behind it", ISSUER, GOOD "x", "discovery.malformed", false},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct arena arena;
        struct discovery found = {0};
        struct diag diag = {0};
        struct config_issuer issuer = {.issuer = slice_view_cstr(ROWS[i].issuer),
                                       .hosts = {hosts, 1},
                                       .accepted_issuers = {accepted, 1}};
        issuer.metadata_url.text = ROWS[i].has_address ? SLICE("https://m.example/") : SLICE_EMPTY;
        arena_init(&arena, ARENA_BYTES_MAX, NULL);
        enum status status = discovery_read(corpus_parser(), &issuer, slice_view_cstr(ROWS[i].text),
                                            &arena, &found, &diag);
        CHECK_ROW(ROWS[i].name, (status == STATUS_OK) == (ROWS[i].code == NULL));
        CHECK_ROW(ROWS[i].name, str_eq(diag.code, ROWS[i].code));
        CHECK_ROW(ROWS[i].name,
                  status != STATUS_OK || found.keys.text.ptr[found.keys.text.len] == '\0');
        CHECK_ROW(ROWS[i].name, found.authorization.text.len == 0);
        arena_release(&arena);
    }
}

#define WITH(rest) "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://as.example/k\"" rest "}"
#define AUTHORIZE(url) ",\"authorization_endpoint\":" url
#define TOKEN(url) ",\"token_endpoint\":" url

/* Of a front door; what cannot be used is as good as none, and the keys are read all the same. */
TEST(discovery_reads_endpoints)
{
    static struct slice hosts[] = {SLICE_INIT("login.example")};
    static const struct {
        const char *name, *text, *authorization, *token;
        bool names_issuer;
    } ROWS[] = {
        {"both",
         WITH(AUTHORIZE("\"https://as.example/a?x=1\"") TOKEN("\"https://login.example/t\"")),
         "https://as.example/a?x=1", "https://login.example/t", false},
        {"with the issuer's name in answers",
         WITH(AUTHORIZE("\"https://as.example/a\"")
                  TOKEN("\"https://as.example/t\"") ",\"authorization_response_iss_parameter_"
                                                    "supported\":true"),
         "https://as.example/a", "https://as.example/t", true},
        {"a text for true", WITH(",\"authorization_response_iss_parameter_supported\":\"true\""),
         "", "", false},
        {"none", WITH(""), "", "", false},
        {"another host",
         WITH(AUTHORIZE("\"https://evil.example/a\"") TOKEN("\"https://evil.example/t\"")), "", "",
         false},
        {"plain http", WITH(AUTHORIZE("\"http://as.example/a\"") TOKEN("\"http://as.example/t\"")),
         "", "", false},
        {"this machine", WITH(AUTHORIZE("\"http://127.0.0.1/a\"") TOKEN("\"https://127.0.0.1/t\"")),
         "", "", false},
        {"a script", WITH(AUTHORIZE("\"javascript:alert(1)\"") TOKEN("\"file:///t\"")), "", "",
         false},
        {"other kinds", WITH(AUTHORIZE("[]") TOKEN("null")), "", "", false},
        {"one of them", WITH(TOKEN("\"https://as.example/t\"")), "", "https://as.example/t", false},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct arena arena;
        struct discovery found;
        struct config_issuer issuer = {.issuer = SLICE(ISSUER), .hosts = {hosts, 1}};
        issuer.sign_in.client_id = SLICE("aegis");
        arena_init(&arena, ARENA_BYTES_MAX, NULL);
        CHECK_ROW(ROWS[i].name,
                  discovery_read(corpus_parser(), &issuer, slice_view_cstr(ROWS[i].text), &arena,
                                 &found, NULL) == STATUS_OK);
        CHECK_ROW(ROWS[i].name, slice_eq(found.keys.text, SLICE("https://as.example/k")));
        CHECK_ROW(ROWS[i].name,
                  slice_eq(found.authorization.text, slice_view_cstr(ROWS[i].authorization)));
        CHECK_ROW(ROWS[i].name, slice_eq(found.token.text, slice_view_cstr(ROWS[i].token)));
        CHECK_ROW(ROWS[i].name, found.names_issuer == ROWS[i].names_issuer);
        arena_release(&arena);
    }
}

#define ASKED(url) "{\"issuer\":\"" ISSUER "\",\"introspection_endpoint\":" url "}"

/* Of tokens that only the issuer can read: without keys, because none are believed. */
TEST(discovery_reads_where_issuers_are_asked)
{
    static struct slice hosts[] = {SLICE_INIT("login.example")};
    static const struct {
        const char *name, *text, *endpoint, *code;
    } ROWS[] = {
        {"its host", ASKED("\"https://as.example/i?x=1\""), "https://as.example/i?x=1", NULL},
        {"a listed host", ASKED("\"https://login.example/i\""), "https://login.example/i", NULL},
        {"none", "{\"issuer\":\"" ISSUER "\"}", "", NULL},
        {"another host", ASKED("\"https://evil.example/i\""), "", NULL},
        {"a host below", ASKED("\"https://a.as.example/i\""), "", NULL},
        {"a user that looks like the host", ASKED("\"https://as.example@evil.example/i\""), "",
         NULL},
        {"plain http", ASKED("\"http://as.example/i\""), "", NULL},
        {"this machine", ASKED("\"http://127.0.0.1/i\""), "", NULL},
        {"a file", ASKED("\"file:///i\""), "", NULL},
        {"a relative address", ASKED("\"/i\""), "", NULL},
        {"a list", ASKED("[\"https://as.example/i\"]"), "", NULL},
        {"another issuer", "{\"issuer\":\"x\",\"introspection_endpoint\":\"https://as.example/i\"}",
         "", "discovery.issuer"},
        {"twice",
         "{\"issuer\":\"" ISSUER "\",\"introspection_endpoint\":\"https://as.example/i\","
         "\"introspection_endpoint\":\"https://as.example/k\"}",
         "", "discovery.malformed"},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct arena arena;
        struct discovery found;
        struct diag diag = {0};
        struct config_issuer issuer = {
            .issuer = SLICE(ISSUER), .hosts = {hosts, 1}, .introspection = {.place = {1, 1}}};
        arena_init(&arena, ARENA_BYTES_MAX, NULL);
        (void)!discovery_read(corpus_parser(), &issuer, slice_view_cstr(ROWS[i].text), &arena,
                              &found, &diag);
        CHECK_ROW(ROWS[i].name, str_eq(diag.code, ROWS[i].code));
        CHECK_ROW(ROWS[i].name,
                  slice_eq(found.introspection.text, slice_view_cstr(ROWS[i].endpoint)));
        CHECK_ROW(ROWS[i].name, found.keys.text.len == 0 && found.token.text.len == 0);
        /* What the configuration names wins, and nobody looks. */
        issuer.introspection.endpoint.text = SLICE("https://as.example/ours");
        (void)!discovery_read(corpus_parser(), &issuer, slice_view_cstr(ROWS[i].text), &arena,
                              &found, NULL);
        CHECK_ROW(ROWS[i].name, found.introspection.text.len == 0);
        arena_release(&arena);
    }
}
