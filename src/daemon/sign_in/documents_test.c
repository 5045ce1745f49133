#include "daemon/sign_in/documents.h"

#include "daemon/sign_in/client_method.h"
#include "support/check.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)1 << 20)
#define ISSUER "https://as.example/t1"
#define ENDPOINTS                                                                                  \
    "\"authorization_endpoint\":\"https://as.example/auth\","                                      \
    "\"token_endpoint\":\"https://as.example/token\""
#define PKCE "\"code_challenge_methods_supported\":[\"plain\",\"S256\"]"

struct bench {
    struct arena arena;
    struct json_parser parser;
};

static void open_bench(struct bench *bench)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t seed[16] = {1};
    arena_init(&bench->arena, ARENA_BYTES, NULL);
    json_parser_init(&bench->parser, &LIMITS, seed);
}

static struct document document_of(struct bench *bench, const char *text, bool allows_loopback)
{
    return (struct document){.parser = &bench->parser,
                             .text = slice_view_cstr(text),
                             .allows_loopback = allows_loopback,
                             .arena = &bench->arena};
}

static bool is(struct slice text, const char *expected)
{
    return slice_eq(text, slice_view_cstr(expected));
}

TEST(documents_urls_are_https_or_here)
{
    static const struct {
        const char *url;
        bool allows_loopback, is_good;
    } rows[] = {
        {"https://as.example/x", false, true},
        {"https://10.0.0.1/x", false, true},
        {"http://127.0.0.1:8080/x", true, true},
        {"http://localhost/x", true, true},
        {"http://[::1]:9/x", true, true},
        {"http://127.0.0.1:8080/x", false, false},
        {"http://as.example/x", true, false},
        {"http://127.0.0.1.evil.example/", true, false},
        {"file:///etc/passwd", true, false},
        {"ftp://as.example/", true, false},
        {"https://user@as.example/", true, false},
        {"https://as.example/#f", true, false},
        {"https://as.example/a b", true, false},
        {"javascript:alert(1)", true, false},
        {"", true, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].url,
                  (documents_url_problem(slice_view_cstr(rows[i].url), rows[i].allows_loopback) ==
                   NULL) == rows[i].is_good);
    }
}

TEST(documents_are_looked_for_in_order)
{
    static const struct {
        const char *of;
        bool is_resource;
        const char *expected[DOCUMENTS_CANDIDATES];
    } rows[] = {
        {"https://a.example/s/x/mcp",
         true,
         {"https://a.example/.well-known/oauth-protected-resource/s/x/mcp",
          "https://a.example/.well-known/oauth-protected-resource"}},
        {"https://a.example/mcp?x=1",
         true,
         {"https://a.example/.well-known/oauth-protected-resource/mcp",
          "https://a.example/.well-known/oauth-protected-resource"}},
        {"https://a.example:8443",
         true,
         {"https://a.example:8443/.well-known/oauth-protected-resource"}},
        {"https://a.example?x", true, {NULL}},
        {"https://a.example",
         false,
         {"https://a.example/.well-known/oauth-authorization-server",
          "https://a.example/.well-known/openid-configuration"}},
        {"https://a.example/",
         false,
         {"https://a.example/.well-known/oauth-authorization-server",
          "https://a.example/.well-known/openid-configuration"}},
        {"https://a.example/t1",
         false,
         {"https://a.example/.well-known/oauth-authorization-server/t1",
          "https://a.example/.well-known/openid-configuration/t1",
          "https://a.example/t1/.well-known/openid-configuration"}},
        {"https://a.example/t1?x=1", false, {NULL}},
        {"no url", false, {NULL}},
        {"no url", true, {NULL}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bench bench;
        struct slice found[DOCUMENTS_CANDIDATES];
        size_t count = 0;
        open_bench(&bench);
        struct slice of = slice_view_cstr(rows[i].of);
        enum status status = rows[i].is_resource
                                 ? documents_of_resource(of, &bench.arena, found, &count)
                                 : documents_of_issuer(of, &bench.arena, found, &count);
        CHECK_ROW(rows[i].of, (status == STATUS_OK) == (rows[i].expected[0] != NULL));
        for (size_t k = 0; k < DOCUMENTS_CANDIDATES; k++) {
            const char *expected = rows[i].expected[k];
            CHECK_ROW(rows[i].of, (k < count) == (expected != NULL));
            CHECK_ROW(rows[i].of, k >= count || expected == NULL || is(found[k], expected));
        }
        arena_release(&bench.arena);
    }
}

TEST(documents_of_a_resource_are_of_that_resource)
{
    static const char URL[] = "https://a.example/s/x/mcp";
#define SERVERS ",\"authorization_servers\":[\"urn:x\",\"http://as.example\",\"" ISSUER "\"]"
    static const struct {
        const char *text, *code;
    } rows[] = {
        {"{\"resource\":\"https://a.example/s/x/mcp\"" SERVERS "}", NULL},
        {"{\"resource\":\"https://a.example\"" SERVERS "}", NULL},
        {"{\"resource\":\"https://a.example/\"" SERVERS "}", NULL},
        {"{\"resource\":\"https://a.example/s/x\"" SERVERS "}", NULL},
        {"{\"resource\":\"https://a.example/s/xy\"" SERVERS "}", "document.resource"},
        {"{\"resource\":\"https://a.example/s/x/m\"" SERVERS "}", "document.resource"},
        {"{\"resource\":\"https://a.example/s/x/mcp/more\"" SERVERS "}", "document.resource"},
        {"{\"resource\":\"https://a.example.evil\"" SERVERS "}", "document.resource"},
        {"{\"resource\":\"https://b.example/s/x/mcp\"" SERVERS "}", "document.resource"},
        {"{\"resource\":\"http://a.example/s/x/mcp\"" SERVERS "}", "document.resource"},
        {"{\"resource\":\"\"" SERVERS "}", "document.resource"},
        {"{\"resource\":7" SERVERS "}", "document.resource"},
        {"{\"x\":1" SERVERS "}", "document.resource"},
        {"{\"resource\":\"https://a.example\"}", "document.issuer"},
        {"{\"resource\":\"https://a.example\",\"authorization_servers\":[]}", "document.issuer"},
        {"{\"resource\":\"https://a.example\",\"authorization_servers\":\"" ISSUER "\"}",
         "document.issuer"},
        {"{\"resource\":\"https://a.example\",\"authorization_servers\":[\"http://as.example\"]}",
         "document.issuer"},
        {"{\"resource\":\"https://a.example\",\"resource\":\"https://a.example\"" SERVERS "}",
         "document.syntax"},
        {"[]", "document.syntax"},
        {"<html>", "document.syntax"},
        {"", "document.syntax"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bench bench;
        struct resource_document out;
        struct diag diag = {0};
        open_bench(&bench);
        struct document document = document_of(&bench, rows[i].text, false);
        enum status status = documents_read_resource(&document, slice_view_cstr(URL), &out, &diag);
        CHECK_ROW(rows[i].text, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].text, str_eq(diag.code, rows[i].code));
        CHECK_ROW(rows[i].text, status != STATUS_OK || is(out.issuer, ISSUER));
        arena_release(&bench.arena);
    }
#undef SERVERS
}

TEST(documents_name_scopes_up_to_their_bound)
{
    for (size_t over = 0; over < 2; over++) {
        char scope[DOCUMENTS_SCOPES_BYTES_MAX + 2];
        char text[DOCUMENTS_SCOPES_BYTES_MAX + 256];
        struct bench bench;
        struct resource_document out;
        open_bench(&bench);
        /* "a", a space and this one. */
        memset(scope, 'b', DOCUMENTS_SCOPES_BYTES_MAX - 2 + over);
        scope[DOCUMENTS_SCOPES_BYTES_MAX - 2 + over] = '\0';
        (void)snprintf(text, sizeof(text),
                       "{\"resource\":\"https://a.example\",\"authorization_servers\":[\"%s\"],"
                       "\"scopes_supported\":[\"a\",\"%s\"]}",
                       ISSUER, scope);
        struct document document = document_of(&bench, text, false);
        enum status status =
            documents_read_resource(&document, SLICE("https://a.example/mcp"), &out, NULL);
        CHECK(status == (over == 0 ? STATUS_OK : STATUS_LIMIT));
        CHECK(status != STATUS_OK || out.scopes.len == DOCUMENTS_SCOPES_BYTES_MAX);
        arena_release(&bench.arena);
    }
}

TEST(documents_of_a_server_are_of_that_server)
{
    static const struct {
        const char *text, *code;
        bool allows_loopback;
    } rows[] = {
        {"{\"issuer\":\"" ISSUER "\"," ENDPOINTS "," PKCE "}", NULL, false},
        {"{\"issuer\":\"" ISSUER "/\"," ENDPOINTS "," PKCE "}", "document.issuer", false},
        {"{\"issuer\":\"https://AS.example/t1\"," ENDPOINTS "," PKCE "}", "document.issuer", false},
        {"{\"issuer\":[\"" ISSUER "\"]," ENDPOINTS "," PKCE "}", "document.issuer", false},
        {"{" ENDPOINTS "," PKCE "}", "document.issuer", false},
        {"{\"issuer\":\"" ISSUER "\"," PKCE "}", "document.endpoint", false},
        {"{\"issuer\":\"" ISSUER "\"," ENDPOINTS "}", "document.pkce", false},
        {"{\"issuer\":\"" ISSUER "\"," ENDPOINTS ",\"code_challenge_methods_supported\":\"S256\"}",
         "document.pkce", false},
        {"{\"issuer\":\"" ISSUER "\"," ENDPOINTS
         ",\"code_challenge_methods_supported\":[\"plain\",\"s256\"]}",
         "document.pkce", false},
        {"{\"issuer\":\"" ISSUER "\",\"authorization_endpoint\":\"https://as.example/auth\","
         "\"token_endpoint\":\"http://as.example/token\"," PKCE "}",
         "document.endpoint", true},
        {"{\"issuer\":\"" ISSUER "\",\"authorization_endpoint\":\"https://as.example/auth\","
         "\"token_endpoint\":\"http://127.0.0.1:1/token\"," PKCE "}",
         "document.endpoint", false},
        {"{\"issuer\":\"" ISSUER "\",\"authorization_endpoint\":\"https://as.example/auth\","
         "\"token_endpoint\":\"http://127.0.0.1:1/token\"," PKCE "}",
         NULL, true},
        {"{\"issuer\":\"" ISSUER "\"," ENDPOINTS "," PKCE
         ",\"registration_endpoint\":\"file:///x\"}",
         "document.endpoint", false},
        {"{\"issuer\":\"" ISSUER "\"," ENDPOINTS "," PKCE
         ",\"revocation_endpoint\":\"http://as.example/revoke\"}",
         "document.endpoint", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bench bench;
        struct server_document out;
        struct diag diag = {0};
        open_bench(&bench);
        struct document document = document_of(&bench, rows[i].text, rows[i].allows_loopback);
        enum status status = documents_read_server(&document, SLICE(ISSUER), &out, &diag);
        CHECK_ROW(rows[i].text, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].text, str_eq(diag.code, rows[i].code));
        CHECK_ROW(rows[i].text, !out.states_issuer && !out.takes_client_document);
        arena_release(&bench.arena);
    }
}

TEST(documents_with_tokens)
{
    static const struct {
        const char *text;
        bool is_good;
        const char *token, *refresh, *error;
        int64_t lifetime_s;
    } rows[] = {
        {"{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":60}", true, "t", "", "",
         60},
        {"{\"access_token\":\"t\",\"token_type\":\"bearer\",\"refresh_token\":\"r\"}", true, "t",
         "r", "", 0},
        {"{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":\"60\"}", true, "t", "",
         "", 0},
        {"{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":-1}", true, "t", "", "",
         0},
        {"{\"error\":\"invalid_grant\"}", true, "", "", "invalid_grant", 0},
        {"{\"access_token\":\"t\",\"token_type\":\"DPoP\"}", false, "t", "", "", 0},
        {"{\"access_token\":\"t\"}", false, "t", "", "", 0},
        {"{\"access_token\":\"\",\"token_type\":\"Bearer\"}", false, "", "", "", 0},
        {"{\"token_type\":\"Bearer\"}", false, "", "", "", 0},
        {"{\"access_token\":\"a\\r\\nX: y\",\"token_type\":\"Bearer\"}", false, "a\r\nX: y", "", "",
         0},
        {"{\"access_token\":\"a b\",\"token_type\":\"Bearer\"}", false, "a b", "", "", 0},
        {"access_token=t&token_type=bearer", false, "", "", "", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bench bench;
        struct token_document out;
        struct diag diag = {0};
        open_bench(&bench);
        struct document document = document_of(&bench, rows[i].text, false);
        CHECK_ROW(rows[i].text,
                  (documents_read_token(&document, &out, &diag) == STATUS_OK) == rows[i].is_good);
        CHECK_ROW(rows[i].text, is(out.access_token, rows[i].token));
        CHECK_ROW(rows[i].text, is(out.refresh_token, rows[i].refresh));
        CHECK_ROW(rows[i].text, is(out.error, rows[i].error));
        CHECK_ROW(rows[i].text, out.lifetime_s == rows[i].lifetime_s);
        arena_release(&bench.arena);
    }
}

/* Without memory nothing is believed. */
static bool read_all(void *context)
{
    struct bench bench;
    struct server_document server;
    struct diag diag = {0};
    (void)context;
    open_bench(&bench);
    struct document document =
        document_of(&bench, "{\"issuer\":\"" ISSUER "\"," ENDPOINTS "," PKCE "}", false);
    enum status status = documents_read_server(&document, SLICE(ISSUER), &server, &diag);
    CHECK(status == STATUS_OK || status == STATUS_LIMIT);
    arena_release(&bench.arena);
    return status == STATUS_OK;
}

TEST(documents_without_memory)
{
    check_every_allocation(read_all, NULL);
}

TEST(documents_of_a_server_say_what_it_offers)
{
#define TAKES(list) ",\"token_endpoint_auth_methods_supported\":" list
    enum {
        NONE = CLIENT_METHOD_BIT(CLIENT_METHOD_NONE),
        BASIC = CLIENT_METHOD_BIT(CLIENT_METHOD_BASIC),
        POST = CLIENT_METHOD_BIT(CLIENT_METHOD_POST),
    };
    static const struct {
        const char *members;
        bool is_openid;
        const char *revocation_endpoint;
        unsigned client_methods;
    } rows[] = {
        {"", false, "", BASIC},
        {",\"scopes_supported\":[\"openid\",\"a\"]", true, "", BASIC},
        {",\"scopes_supported\":[\"openid2\"]", false, "", BASIC},
        {",\"scopes_supported\":\"openid\"", false, "", BASIC},
        {",\"revocation_endpoint\":\"https://as.example/revoke\"", false,
         "https://as.example/revoke", BASIC},
        {",\"revocation_endpoint\":[\"https://as.example/revoke\"]", false, "", BASIC},
        {TAKES("[\"none\"]"), false, "", NONE},
        {TAKES("[\"private_key_jwt\",\"client_secret_post\",\"none\"]"), false, "", NONE | POST},
        {TAKES("[\"client_secret_post\",\"client_secret_basic\"]"), false, "", BASIC | POST},
        {TAKES("[\"private_key_jwt\",\"client_secret_jwt\"]"), false, "", 0},
        {TAKES("[\"client_secret_BASIC\",[\"none\"],7]"), false, "", 0},
        {TAKES("[]"), false, "", 0},
        {TAKES("\"none\""), false, "", 0},
        {TAKES("null"), false, "", 0},
    };
#undef TAKES
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[1024];
        struct bench bench;
        struct server_document out;
        struct diag diag = {0};
        open_bench(&bench);
        (void)snprintf(text, sizeof(text), "{\"issuer\":\"%s\",%s,%s%s}", ISSUER, ENDPOINTS, PKCE,
                       rows[i].members);
        struct document document = document_of(&bench, text, false);
        CHECK_ROW(text, documents_read_server(&document, SLICE(ISSUER), &out, &diag) == STATUS_OK);
        CHECK_ROW(text, out.is_openid == rows[i].is_openid);
        CHECK_ROW(text, is(out.revocation_endpoint, rows[i].revocation_endpoint));
        CHECK_ROW(text, out.client_methods == rows[i].client_methods);
        arena_release(&bench.arena);
    }
}

TEST(documents_of_a_client_say_how_it_shows_itself)
{
    static const struct {
        const char *text, *code, *secret, *method;
    } rows[] = {
        {"{\"client_id\":\"c\"}", NULL, "", ""},
        {"{\"client_id\":\"c\",\"client_secret\":\"s\"}", NULL, "s", ""},
        {"{\"client_id\":\"c\",\"client_secret\":\"s\","
         "\"token_endpoint_auth_method\":\"client_secret_basic\"}",
         NULL, "s", "client_secret_basic"},
        {"{\"client_id\":\"c\",\"token_endpoint_auth_method\":[\"none\"]}", NULL, "", ""},
        {"{\"error\":\"invalid_client_metadata\"}", NULL, "", ""},
        {"{\"client_id\":\"\",\"client_secret\":\"s\"}", "document.client", "s", ""},
        {"{\"client_secret\":\"s\"}", "document.client", "s", ""},
        {"{\"client_id\":\"a\",\"client_id\":\"b\"}", "document.syntax", "", ""},
        {"[\"c\"]", "document.syntax", "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bench bench;
        struct client_document out;
        struct diag diag = {0};
        open_bench(&bench);
        struct document document = document_of(&bench, rows[i].text, false);
        enum status status = documents_read_client(&document, &out, &diag);
        CHECK_ROW(rows[i].text, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].text, str_eq(diag.code, rows[i].code));
        CHECK_ROW(rows[i].text, is(out.secret, rows[i].secret) && is(out.method, rows[i].method));
        arena_release(&bench.arena);
    }
}
