#include "wire/http_again.h"

#include "support/check.h"
#include "support/http_heads.h"

#include <string.h>

#define POST_LINES "POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n"
#define POST POST_LINES "Mcp-Name: one\r\nConnection: keep-alive\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 7\r\n\r\n"

/* What one row does: known is read, then input is held against it. */
static bool is_again(enum http_role role, const char *known, const char *input, const char *name)
{
    struct http_field fields[16];
    struct http_field fresh_fields[16];
    struct http_head head;
    struct http_head fresh;
    struct slice text = slice_view_cstr(input);
    size_t head_bytes = 0;
    CHECK_ROW(name, http_head_parse(role, slice_view_cstr(known), fields, COUNT_OF(fields), &head,
                                    NULL) == STATUS_OK);
    if (!http_head_again(slice_view_cstr(known), text, &head, fields, &head_bytes)) {
        return false;
    }
    /* Whatever is taken for like it is a head that both parsers take, for the same. */
    CHECK_ROW(name, http_head_parse(role, slice_sub(text, 0, head_bytes), fresh_fields,
                                    COUNT_OF(fresh_fields), &fresh, NULL) == STATUS_OK);
    CHECK_ROW(name, is_same_head(&head, &fresh));
    return true;
}

TEST(http_head_again_takes_other_values)
{
    static const struct {
        const char *name;
        enum http_role role;
        const char *known, *input;
    } rows[] = {
        {"the same", HTTP_REQUEST, POST, POST},
        {"and a body behind it", HTTP_REQUEST, POST, POST "{\r\n\r\n}"},
        {"a longer value", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: another\r\nConnection: keep-alive\r\n\r\n"},
        {"a shorter value", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: x\r\nConnection: keep-alive\r\n\r\n"},
        {"a value with what begins another field", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: Host: b\r\nConnection: keep-alive\r\n\r\n"},
        {"bytes past ASCII", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: \xC3\xA9\r\nConnection: keep-alive\r\n\r\n"},
        {"another length", HTTP_REQUEST, POST,
         "POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 4711\r\nMcp-Name: two\r\nConnection: "
         "keep-alive\r\n\r\n"},
        {"an empty value stays", HTTP_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: 1\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: 2\r\n\r\n"},
        {"spaces around a value stay", HTTP_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nX: \t1 \r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nX: \t1 \r\n\r\n"},
        {"a response", HTTP_RESPONSE, OK,
         "HTTP/1.1 200 OK\r\nDate: later\r\nContent-Length: 8\r\n\r\n"},
        {"without a field", HTTP_RESPONSE, "HTTP/1.1 204 No Content\r\n\r\n",
         "HTTP/1.1 204 No Content\r\n\r\n"},
        {"with chunks", HTTP_RESPONSE,
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: 1\r\n\r\n",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: 2\r\n\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name, is_again(rows[i].role, rows[i].known, rows[i].input, rows[i].name));
    }
}

/* These are for the parsers. */
TEST(http_head_again_leaves_all_else)
{
    static const struct {
        const char *name;
        enum http_role role;
        const char *known, *input;
    } rows[] = {
        {"nothing", HTTP_REQUEST, POST, ""},
        {"another method", HTTP_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
         "PUT / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"another target", HTTP_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
         "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"another version", HTTP_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
         "GET / HTTP/1.0\r\nHost: a\r\n\r\n"},
        {"another status", HTTP_RESPONSE, OK,
         "HTTP/1.1 201 OK\r\nDate: now\r\nContent-Length: 7\r\n\r\n"},
        {"another host", HTTP_REQUEST, POST,
         "POST /mcp HTTP/1.1\r\nHost: b\r\nContent-Length: 12\r\nMcp-Name: one\r\nConnection: "
         "keep-alive\r\n\r\n"},
        {"another connection", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: one\r\nConnection: close\r\n\r\n"},
        {"another coding", HTTP_REQUEST,
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
        {"another expectation", HTTP_REQUEST,
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 200-ok\r\n\r\n"},
        {"another protocol", HTTP_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n"},
        {"another proxy connection", HTTP_REQUEST,
         "GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: keep-alive\r\n\r\n"},
        {"no body any more", HTTP_RESPONSE, OK,
         "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n"},
        {"a body now", HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
         "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"},
        {"a leading zero", HTTP_RESPONSE, OK,
         "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 07\r\n\r\n"},
        {"a sign", HTTP_RESPONSE, OK, "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: +7\r\n\r\n"},
        {"a list of lengths", HTTP_RESPONSE, OK,
         "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 7, 7\r\n\r\n"},
        {"a hexadecimal length", HTTP_RESPONSE, OK,
         "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 7f\r\n\r\n"},
        {"a length of 16 digits", HTTP_RESPONSE, OK,
         "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 1000000000000000\r\n\r\n"},
        {"another name", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Mame: one\r\nConnection: keep-alive\r\n\r\n"},
        {"a name in other letters", HTTP_REQUEST, POST,
         POST_LINES "mcp-name: one\r\nConnection: keep-alive\r\n\r\n"},
        {"a longer name", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Names: one\r\nConnection: keep-alive\r\n\r\n"},
        {"a space before the colon", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name : one\r\nConnection: keep-alive\r\n\r\n"},
        {"one field more", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: one\r\nConnection: keep-alive\r\nX: 1\r\n\r\n"},
        {"one field less", HTTP_REQUEST, POST, POST_LINES "Mcp-Name: one\r\n\r\n"},
        {"the fields in another order", HTTP_REQUEST, POST,
         POST_LINES "Connection: keep-alive\r\nMcp-Name: one\r\n\r\n"},
        {"an empty value", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: \r\nConnection: keep-alive\r\n\r\n"},
        {"no empty value any more", HTTP_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n"},
        {"a space more before the value", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name:  one\r\nConnection: keep-alive\r\n\r\n"},
        {"a space behind the value", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: one \r\nConnection: keep-alive\r\n\r\n"},
        {"a tab in the value", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: o\tne\r\nConnection: keep-alive\r\n\r\n"},
        {"a control character in the value", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: o\x01ne\r\nConnection: keep-alive\r\n\r\n"},
        {"a DEL in the value", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: o\x7Fne\r\nConnection: keep-alive\r\n\r\n"},
        {"a bare CR in the value", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: o\rne\r\nConnection: keep-alive\r\n\r\n"},
        {"a bare LF behind the value", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: two\nConnection: keep-alive\r\n\r\n"},
        {"a folded value", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: two\r\n three\r\nConnection: keep-alive\r\n\r\n"},
        {"a bare LF at the end", HTTP_REQUEST, POST,
         POST_LINES "Mcp-Name: one\r\nConnection: keep-alive\r\n\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name,
                  !is_again(rows[i].role, rows[i].known, rows[i].input, rows[i].name));
    }
}

/* The rest may still come, and it is for the reader to wait for it. */
TEST(http_head_again_takes_whole_heads_only)
{
    static const char LIKE[] = POST_LINES "Mcp-Name: another\r\nConnection: keep-alive\r\n\r\n";
    for (size_t len = 0; len < sizeof(LIKE); len++) {
        char part[sizeof(LIKE)];
        memcpy(part, LIKE, len);
        part[len] = 0;
        CHECK(is_again(HTTP_REQUEST, POST, part, "a part") == (len == sizeof(LIKE) - 1));
    }
}
