#include "core/sign_in/client.h"

#include "support/check.h"

#define ID "https://client.test/client.json"
#define URIS "\"redirect_uris\":[\"https://client.test/cb\"]"

static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;

/* NULL when it was accepted. */
static const char *read_client(const char *json, bool is_document, struct arena *arena,
                               struct sign_in_client *out)
{
    static const uint8_t SEED[16];
    struct json_parser parser;
    struct json_tape tape;
    struct diag diag = {0};
    json_parser_init(&parser, &LIMITS, SEED);
    CHECK_ROW(json, json_parse(&parser, slice_view_cstr(json), arena, &tape, NULL) == STATUS_OK);
    enum status status = is_document
                             ? sign_in_client_read_document(&tape, SLICE(ID), arena, out, &diag)
                             : sign_in_client_read(&tape, arena, out, &diag);
    return status == STATUS_OK ? NULL : diag.code;
}

TEST(client_reads_what_it_is_told)
{
    static const struct {
        const char *json, *code;
    } rows[] = {
        {"{" URIS "}", NULL},
        {"{" URIS ",\"client_name\":\"A client\"}", NULL},
        {"{" URIS ",\"client_name\":\"B\\u00fcro\",\"logo_uri\":\"https://x.test/\"}", NULL},
        {"{" URIS ",\"grant_types\":[\"refresh_token\",\"authorization_code\"]}", NULL},
        {"{" URIS ",\"response_types\":[\"code\"],\"token_endpoint_auth_method\":"
         "\"client_secret_post\"}",
         NULL},
        {"{\"redirect_uris\":[\"http://127.0.0.1/cb\",\"com.example.app:/cb\"]}", NULL},
        {"[]", "sign_in.metadata"},
        {"\"x\"", "sign_in.metadata"},
        {"{}", "sign_in.redirect_uris"},
        {"{\"redirect_uris\":[]}", "sign_in.redirect_uris"},
        {"{\"redirect_uris\":\"https://client.test/cb\"}", "sign_in.redirect_uris"},
        {"{\"redirect_uris\":{\"a\":\"https://client.test/cb\"}}", "sign_in.redirect_uris"},
        {"{\"redirect_uris\":[1]}", "sign_in.redirect_uris"},
        {"{\"redirect_uris\":[\"https://client.test/cb\",\"http://client.test/cb\"]}",
         "sign_in.redirect_uris"},
        {"{\"redirect_uris\":[\"javascript:alert(1)\"]}", "sign_in.redirect_uris"},
        {"{" URIS ",\"client_name\":1}", "sign_in.metadata"},
        {"{" URIS ",\"client_name\":\"a\\nb\"}", "sign_in.metadata"},
        {"{" URIS ",\"client_name\":\"a\\tb\"}", "sign_in.metadata"},
        {"{" URIS ",\"client_name\":\"a\\u202eb\"}", "sign_in.metadata"},
        {"{" URIS ",\"client_name\":\"a\\u2066b\"}", "sign_in.metadata"},
        {"{" URIS ",\"client_name\":\"a\\u200bb\"}", "sign_in.metadata"},
        {"{" URIS ",\"client_name\":\"a\\u061cb\"}", "sign_in.metadata"},
        {"{" URIS ",\"client_name\":\"a\\u0085b\"}", "sign_in.metadata"},
        {"{" URIS ",\"grant_types\":[\"client_credentials\"]}", "sign_in.metadata"},
        {"{" URIS ",\"grant_types\":\"authorization_code\"}", "sign_in.metadata"},
        {"{" URIS ",\"grant_types\":[]}", "sign_in.metadata"},
        {"{" URIS ",\"response_types\":[\"token\"]}", "sign_in.metadata"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct sign_in_client client;
        arena_init(&arena, 1 << 20, NULL);
        CHECK_ROW(rows[i].json,
                  str_eq(read_client(rows[i].json, false, &arena, &client), rows[i].code));
        arena_release(&arena);
    }
}

TEST(client_document_names_its_address)
{
    static const struct {
        const char *json, *code;
    } rows[] = {
        {"{\"client_id\":\"" ID "\"," URIS "}", NULL},
        {"{\"client_id\":\"" ID "\"," URIS ",\"token_endpoint_auth_method\":\"none\"}", NULL},
        {"{" URIS "}", "sign_in.metadata"},
        {"{\"client_id\":\"" ID "/\"," URIS "}", "sign_in.metadata"},
        {"{\"client_id\":\"https://evil.test/client.json\"," URIS "}", "sign_in.metadata"},
        {"{\"client_id\":1," URIS "}", "sign_in.metadata"},
        {"{\"client_id\":\"" ID "\"}", "sign_in.redirect_uris"},
        {"{\"client_id\":\"" ID "\"," URIS ",\"client_secret\":\"s\"}", "sign_in.metadata"},
        {"{\"client_id\":\"" ID "\"," URIS ",\"token_endpoint_auth_method\":\"private_key_jwt\"}",
         "sign_in.metadata"},
        {"{\"client_id\":\"" ID "\"," URIS ",\"token_endpoint_auth_method\":"
         "\"client_secret_post\"}",
         "sign_in.metadata"},
        {"{\"client_id\":\"" ID "\"," URIS ",\"token_endpoint_auth_method\":null}",
         "sign_in.metadata"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct sign_in_client client;
        arena_init(&arena, 1 << 20, NULL);
        CHECK_ROW(rows[i].json,
                  str_eq(read_client(rows[i].json, true, &arena, &client), rows[i].code));
        arena_release(&arena);
    }
}

TEST(client_id_that_is_an_address)
{
    static const struct {
        const char *id;
        bool is_url;
    } rows[] = {
        {ID, true},
        {"https://client.test:8443/a?v=1", true},
        {"https://client.test", false},
        {"https://client.test/", false},
        {"https://client.test?x=/a", false},
        {"http://client.test/a", false},
        {"http://127.0.0.1/a", false},
        {"com.example.app:/a", false},
        {"https://user@client.test/a", false},
        {"https://client.test/a#b", false},
        {"https://client.test/a/../b", false},
        {"https://client.test/./b", false},
        {"https://client.test/a/..", false},
        {"https://Client.test/a", false},
        {"registered", false},
        {"", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].id, sign_in_client_is_url(slice_view_cstr(rows[i].id)) == rows[i].is_url);
    }
}

TEST(client_writes_what_it_reads)
{
    struct arena arena;
    struct buf text;
    struct sign_in_client client;
    struct sign_in_client again;
    arena_init(&arena, 1 << 20, NULL);
    buf_init(&text, 4096, NULL);
    CHECK(read_client("{\"redirect_uris\":[\"http://127.0.0.1/cb\",\"https://client.test/cb\"],"
                      "\"client_name\":\"A \\\"client\\\"\",\"scope\":\"all\"}",
                      false, &arena, &client) == NULL);
    sign_in_client_write(&text, &client);
    buf_append(&text, SLICE("}"));
    buf_append_byte(&text, 0);
    CHECK(read_client((const char *)text.ptr, false, &arena, &again) == NULL);
    CHECK(again.uri_count == 2 && slice_eq(again.name, SLICE("A \"client\"")));
    CHECK(sign_in_client_has_uri(&again, SLICE("http://127.0.0.1:5000/cb")));
    CHECK(sign_in_client_has_uri(&again, SLICE("https://client.test/cb")));
    CHECK(!sign_in_client_has_uri(&again, SLICE("https://client.test:5000/cb")));
    CHECK(!sign_in_client_has_uri(&again, SLICE("https://evil.test/cb")));
    CHECK(!sign_in_client_has_uri(&again, SLICE_EMPTY));
    buf_release(&text);
    arena_release(&arena);
}

TEST(client_document_has_a_media_type)
{
    static const struct {
        const char *type;
        bool is_good;
    } rows[] = {
        {"application/json", true},
        {"Application/JSON ; charset=utf-8", true},
        {"application/oauth-client+json", true},
        {"", false},
        {"text/json", false},
        {"text/plain", false},
        {"application/+json", false},
        {"application/json+x", false},
        {"application/jsonp", false},
        {"xapplication/json", false},
        {"+json", false},
        {"application/octet-stream; name=\"+json", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].type,
                  sign_in_client_is_document(slice_view_cstr(rows[i].type)) == rows[i].is_good);
    }
}

static void repeat(struct buf *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_append(out, slice_view_cstr(text));
    }
}

/* As many addresses, and as long a name, as a client may have; and one more. */
TEST(client_says_so_much)
{
    static const struct {
        const char *name, *before, *item, *after;
        size_t count_max;
        const char *code;
    } rows[] = {
        {"addresses", "{\"redirect_uris\":[\"https://client.test/cb\"",
         ",\"https://client.test/cb\"", "]}", SIGN_IN_CLIENT_URIS_MAX - 1, "sign_in.redirect_uris"},
        {"name", "{" URIS ",\"client_name\":\"", "a", "\"}", SIGN_IN_CLIENT_NAME_BYTES_MAX,
         "sign_in.metadata"},
    };
    for (size_t i = 0; i < COUNT_OF(rows) * 2; i++) {
        size_t over = i % 2;
        struct sign_in_client client;
        struct arena arena;
        struct buf text;
        arena_init(&arena, 65536, NULL);
        buf_init(&text, 4096, NULL);
        repeat(&text, rows[i / 2].before, 1);
        repeat(&text, rows[i / 2].item, rows[i / 2].count_max + over);
        repeat(&text, rows[i / 2].after, 1);
        buf_append_byte(&text, 0);
        CHECK_ROW(rows[i / 2].name,
                  str_eq(read_client((const char *)text.ptr, false, &arena, &client),
                         over == 0 ? NULL : rows[i / 2].code));
        buf_release(&text);
        arena_release(&arena);
    }
}

TEST(client_has_so_long_an_address)
{
    for (size_t over = 0; over < 2; over++) {
        struct buf url;
        buf_init(&url, 1024, NULL);
        repeat(&url, "https://client.test/", 1);
        repeat(&url, "a", SIGN_IN_CLIENT_URL_BYTES_MAX + over - url.len);
        CHECK(sign_in_client_is_url(buf_view(&url)) == (over == 0));
        buf_release(&url);
    }
}
