/* What Microsoft Graph and its token endpoint are sent, and what their replies say. */
#include "core/identity/group_lookup.h"

#include "support/check.h"
#include "support/corpus.h"

#include <stdio.h>
#include <stdlib.h>

#define ARENA_BYTES ((size_t)1 << 20)
#define JSON "application/json;odata.metadata=minimal;charset=utf-8"
#define A "11111111-1111-1111-1111-111111111111"
#define B "22222222-2222-2222-2222-22222222222b"
#define VALUE(items) "{\"@odata.context\":\"c\",\"value\":[" items "]}"

enum outcome { YES, NO, FAILS };

TEST(group_lookup_reads_all_or_nothing)
{
    static const struct {
        const char *name;
        int http_status;
        const char *type, *body;
        enum outcome outcome;
        const char *ids;
    } rows[] = {
        {"two", 200, JSON, VALUE("\"" A "\",\"" B "\""), YES, A B},
        {"none", 200, JSON, VALUE(""), YES, ""},
        {"no more", 200, JSON, "{\"value\":[\"" A "\"],\"x\":1}", YES, A},
        {"only some", 200, JSON,
         "{\"@odata.nextLink\":\"https://g.example/2\",\"value\":[\"" A "\"]}", NO, NULL},
        {"perhaps only some", 200, JSON, "{\"@odata.nextLink\":null,\"value\":[\"" A "\"]}", NO,
         NULL},
        {"a name", 200, JSON, VALUE("\"" A "\",\"Everyone\""), NO, NULL},
        {"an empty id", 200, JSON, VALUE("\"\""), NO, NULL},
        {"in capitals", 200, JSON, VALUE("\"22222222-2222-2222-2222-22222222222B\""), NO, NULL},
        {"longer", 200, JSON, VALUE("\"" A "1\""), NO, NULL},
        {"a number", 200, JSON, VALUE("1"), NO, NULL},
        {"an object", 200, JSON, VALUE("{\"id\":\"" A "\"}"), NO, NULL},
        {"null in the list", 200, JSON, VALUE("null"), NO, NULL},
        {"no list", 200, JSON, "{}", NO, NULL},
        {"a list of another name", 200, JSON, "{\"Value\":[]}", NO, NULL},
        {"a text for a list", 200, JSON, "{\"value\":\"" A "\"}", NO, NULL},
        {"null for a list", 200, JSON, "{\"value\":null}", NO, NULL},
        {"our token is over", 401, JSON, "{}", NO, NULL},
        {"no permission", 403, JSON, VALUE("\"" A "\""), NO, NULL},
        {"nobody", 404, JSON, VALUE(""), NO, NULL},
        {"too many for Graph", 400, JSON, "{}", NO, NULL},
        {"two lists", 200, JSON, "{\"value\":[],\"value\":[]}", FAILS, NULL},
        {"no JSON", 200, JSON, "<html>", FAILS, NULL},
        {"nothing", 200, JSON, "", FAILS, NULL},
        {"an array", 200, JSON, "[]", FAILS, NULL},
        {"more behind it", 200, JSON, VALUE("") "x", FAILS, NULL},
        {"another type", 200, "text/html", VALUE(""), FAILS, NULL},
        {"no type", 200, "", VALUE(""), FAILS, NULL},
        {"no content", 204, JSON, VALUE(""), FAILS, NULL},
        {"elsewhere", 302, JSON, VALUE(""), FAILS, NULL},
        {"too often", 429, JSON, VALUE(""), FAILS, NULL},
        {"broken", 500, JSON, VALUE(""), FAILS, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct group_lookup_reply reply = {rows[i].http_status, slice_view_cstr(rows[i].type),
                                                 slice_view_cstr(rows[i].body)};
        struct diag diag = {0};
        struct arena arena;
        struct group_lookup_said said = {.is_yes = rows[i].outcome != YES};
        arena_init(&arena, ARENA_BYTES, NULL);
        enum status status = group_lookup_read(corpus_parser(), &reply, &arena, &said, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].outcome != FAILS));
        CHECK_ROW(rows[i].name, said.is_yes == (rows[i].outcome == YES));
        CHECK_ROW(rows[i].name, said.is_stale == (rows[i].http_status == 401));
        CHECK_ROW(rows[i].name, (diag.code != NULL) == (rows[i].outcome != YES));
        CHECK_ROW(rows[i].name, !said.is_yes || slice_eq(said.text, slice_view_cstr(rows[i].ids)));
        arena_release(&arena);
    }
}

static void write_reply(struct buf *out, int count)
{
    buf_append(out, SLICE("{\"value\":["));
    for (int i = 0; i < count; i++) {
        char id[64];
        (void)snprintf(id, sizeof(id), "%s\"00000000-0000-0000-0000-%012x\"", i > 0 ? "," : "",
                       (unsigned)i);
        buf_append(out, slice_view_cstr(id));
    }
    buf_append(out, SLICE("]}"));
}

TEST(group_lookup_has_a_limit)
{
    for (int count = CLAIMS_LIST_MAX; count <= CLAIMS_LIST_MAX + 1; count++) {
        struct buf text;
        struct arena arena;
        struct diag diag = {0};
        struct group_lookup_said said = {0};
        buf_init(&text, GROUP_LOOKUP_REPLY_BYTES_MAX, NULL);
        arena_init(&arena, ARENA_BYTES, NULL);
        write_reply(&text, count);
        CHECK(buf_status(&text) == STATUS_OK); /* it fits into what is read */
        const struct group_lookup_reply reply = {200, SLICE("application/json"), buf_view(&text)};
        CHECK(group_lookup_read(corpus_parser(), &reply, &arena, &said, &diag) == STATUS_OK);
        CHECK(said.is_yes == (count == CLAIMS_LIST_MAX));
        CHECK(!said.is_yes || said.text.len == (size_t)CLAIMS_LIST_MAX * ISSUER_GUID_BYTES);
        arena_release(&arena);
        buf_release(&text);
    }
}

TEST(group_lookup_reads_our_token)
{
    static const struct {
        const char *name;
        int http_status;
        const char *body;
        enum outcome outcome;
        const char *token;
        int64_t good_s;
    } rows[] = {
        {"good", 200, "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"e.y.j\"}",
         YES, "e.y.j", 3599},
        {"for years", 200,
         "{\"token_type\":\"bearer\",\"expires_in\":99999999,\"access_token\":\"t\"}", YES, "t",
         86400},
        {"no life", 200, "{\"token_type\":\"Bearer\",\"access_token\":\"t\"}", NO, NULL, 0},
        {"a dead one", 200, "{\"token_type\":\"Bearer\",\"expires_in\":0,\"access_token\":\"t\"}",
         NO, NULL, 0},
        {"a life before", 200,
         "{\"token_type\":\"Bearer\",\"expires_in\":-5,\"access_token\":\"t\"}", NO, NULL, 0},
        {"half a second", 200,
         "{\"token_type\":\"Bearer\",\"expires_in\":0.5,\"access_token\":\"t\"}", NO, NULL, 0},
        {"a life as a text", 200,
         "{\"token_type\":\"Bearer\",\"expires_in\":\"3599\",\"access_token\":\"t\"}", NO, NULL, 0},
        {"no type", 200, "{\"expires_in\":3599,\"access_token\":\"t\"}", NO, NULL, 0},
        {"another type", 200, "{\"token_type\":\"pop\",\"expires_in\":3599,\"access_token\":\"t\"}",
         NO, NULL, 0},
        {"no token", 200, "{\"token_type\":\"Bearer\",\"expires_in\":3599}", NO, NULL, 0},
        {"an empty token", 200,
         "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"\"}", NO, NULL, 0},
        {"a second field", 200,
         "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"t\\r\\nX: y\"}", NO,
         NULL, 0},
        {"a token that is none", 200,
         "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":{}}", NO, NULL, 0},
        {"a wrong secret", 401, "{\"error\":\"invalid_client\"}", NO, NULL, 0},
        {"no consent", 400, "{\"error\":\"unauthorized_client\"}", NO, NULL, 0},
        {"not allowed", 403, "{}", NO, NULL, 0},
        {"no JSON", 200, "<html>", FAILS, NULL, 0},
        {"elsewhere", 302, "{}", FAILS, NULL, 0},
        {"too often", 429, "{}", FAILS, NULL, 0},
        {"broken", 503, "{}", FAILS, NULL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct group_lookup_reply reply = {rows[i].http_status, SLICE("application/json"),
                                                 slice_view_cstr(rows[i].body)};
        struct diag diag = {0};
        struct arena arena;
        struct group_lookup_said said = {.is_yes = rows[i].outcome != YES};
        arena_init(&arena, ARENA_BYTES, NULL);
        enum status status = group_lookup_read_token(corpus_parser(), &reply, &arena, &said, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].outcome != FAILS));
        CHECK_ROW(rows[i].name, said.is_yes == (rows[i].outcome == YES));
        CHECK_ROW(rows[i].name, (diag.code != NULL) == (rows[i].outcome != YES));
        CHECK_ROW(rows[i].name,
                  !said.is_yes || (slice_eq(said.text, slice_view_cstr(rows[i].token)) &&
                                   said.good_s == rows[i].good_s));
        arena_release(&arena);
    }
}

TEST(group_lookup_asks_for_a_token_of_ours)
{
    struct buf form;
    buf_init(&form, 4096, NULL);
    group_lookup_write_form(&form, SLICE("us"), SLICE("a&b"), SLICE("https://g.example"));
    CHECK(slice_eq(buf_view(&form),
                   SLICE("grant_type=client_credentials&client_id=us&client_secret=a%26b&scope="
                         "https%3A%2F%2Fg.example%2F.default")));
    buf_release(&form);
}

TEST(group_lookup_without_memory)
{
    bool has_failed = true;
    for (size_t left = 0; has_failed; left++) {
        const struct group_lookup_reply reply = {200, SLICE(JSON),
                                                 SLICE(VALUE("\"\\u0031"
                                                             "1111111-1111-1111-1111-"
                                                             "111111111111\",\"" B "\""))};
        struct arena arena;
        struct group_lookup_said said = {0};
        arena_init(&arena, ARENA_BYTES, NULL);
        check_begin_shortage(left, true);
        enum status status = group_lookup_read(corpus_parser(), &reply, &arena, &said, NULL);
        has_failed = check_end_shortage();
        CHECK(has_failed ? status == STATUS_LIMIT && !said.is_yes
                         : said.is_yes && slice_eq(said.text, SLICE(A B)));
        arena_release(&arena);
    }
}
