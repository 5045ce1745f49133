#include "wire/http_head.h"

#include "support/check.h"

#include <ctype.h>
#include <string.h>

static enum status parse(enum http_role role, const char *text, struct http_head *head,
                         struct diag *diag)
{
    static struct http_field fields[HTTP_FIELDS_MAX];
    return http_head_parse(role, slice_view_cstr(text), fields, COUNT_OF(fields), head, diag);
}

#define GET_HEAD "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST_HEAD "POST / HTTP/1.1\r\nHost: a\r\n"
#define OK_HEAD "HTTP/1.1 200 OK\r\n"

TEST(http_head_refuses_requests)
{
    static const struct {
        const char *name, *text;
        int answer;
        const char *code;
    } rows[] = {
        {"no line end at all", "GET / HTTP/1.1", 400, "http.bare_lf"},
        {"bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "http.bare_lf"},
        {"bare CR in a value", GET_HEAD "X: a\rb\r\n\r\n", 400, "http.field_value"},
        {"empty line first", "\r\n" GET_HEAD "\r\n", 400, "http.request_line"},
        {"two parts", "GET /\r\nHost: a\r\n\r\n", 400, "http.request_line"},
        {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.request_line"},
        {"tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.request_line"},
        {"a fourth part", "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n", 400, "http.version"},
        {"fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.request_line"},
        {"backslash", "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.request_line"},
        {"raw byte past ASCII", "GET /\xC3\xA9 HTTP/1.1\r\nHost: a\r\n\r\n", 400,
         "http.request_line"},
        {"star without OPTIONS", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.request_line"},
        {"relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.request_line"},
        {"other scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.request_line"},
        {"encoded NUL", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.request_line"},
        {"encoded line end", "GET /a%0D%0Ab HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.request_line"},
        {"encoded unit separator", "GET /%1f HTTP/1.1\r\nHost: a\r\n\r\n", 400,
         "http.request_line"},
        {"encoded DEL", "GET /%7F HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.request_line"},
        {"version 1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, "http.version"},
        {"version 2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "http.version"},
        {"lower-case protocol", "GET / http/1.1\r\nHost: a\r\n\r\n", 400, "http.version"},
        {"unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "http.method"},
        {"method in lower case", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "http.method"},
        {"method that is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http.method"},
        {"CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405, "http.method"},
        {"TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "http.method"},
        {"no Host", "GET / HTTP/1.1\r\n\r\n", 400, "http.host_missing"},
        {"no Host in 1.0", "GET / HTTP/1.0\r\n\r\n", 400, "http.host_missing"},
        {"two equal Hosts", GET_HEAD "Host: a\r\n\r\n", 400, "http.host_invalid"},
        {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "http.host_invalid"},
        {"Host with userinfo", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, "http.host_invalid"},
        {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "http.host_invalid"},
        {"Host list", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400, "http.host_invalid"},
        {"port too large", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400, "http.host_invalid"},
        {"port that is no number", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400, "http.host_invalid"},
        {"empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", 400, "http.host_invalid"},
        {"target names other host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400,
         "http.host_invalid"},
        {"fold", GET_HEAD "X: a\r\n b\r\n\r\n", 400, "http.obs_fold"},
        {"fold with a tab", GET_HEAD "X: a\r\n\tb\r\n\r\n", 400, "http.obs_fold"},
        {"no colon", GET_HEAD "X\r\n\r\n", 400, "http.field_name"},
        {"empty name", GET_HEAD ": x\r\n\r\n", 400, "http.field_name"},
        {"space before the colon", GET_HEAD "X : a\r\n\r\n", 400, "http.field_name"},
        {"disguised length", POST_HEAD "Content_Length: 1\r\n\r\n", 400, "http.field_name"},
        {"disguised coding", POST_HEAD "TRANSFER_encoding: chunked\r\n\r\n", 400,
         "http.field_name"},
        {"disguised MCP field", POST_HEAD "Mcp_Session-Id: 1\r\n\r\n", 400, "http.field_name"},
        {"disguised field of an argument", POST_HEAD "Mcp-Param_a: 1\r\n\r\n", 400,
         "http.field_name"},
        {"control in a value", GET_HEAD "X: a\x01\r\n\r\n", 400, "http.field_value"},
        {"DEL in a value", GET_HEAD "X: a\x7F\r\n\r\n", 400, "http.field_value"},
        {"two spaces by a length", POST_HEAD "Content-Length:  1\r\n\r\n", 400, "http.field_value"},
        {"space after a length", POST_HEAD "Content-Length: 1 \r\n\r\n", 400, "http.field_value"},
        {"tab before a coding", POST_HEAD "Transfer-Encoding:\tchunked\r\n\r\n", 400,
         "http.field_value"},
        {"empty length", POST_HEAD "Content-Length:\r\n\r\n", 400, "http.content_length"},
        {"signed length", POST_HEAD "Content-Length: +1\r\n\r\n", 400, "http.content_length"},
        {"negative length", POST_HEAD "Content-Length: -1\r\n\r\n", 400, "http.content_length"},
        {"hexadecimal length", POST_HEAD "Content-Length: 0x1\r\n\r\n", 400, "http.content_length"},
        {"leading zero", POST_HEAD "Content-Length: 01\r\n\r\n", 400, "http.content_length"},
        {"two zeros", POST_HEAD "Content-Length: 00\r\n\r\n", 400, "http.content_length"},
        {"length list", POST_HEAD "Content-Length: 1, 1\r\n\r\n", 400, "http.content_length"},
        {"length twice", POST_HEAD "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400,
         "http.content_length"},
        {"length past 63 bits", POST_HEAD "Content-Length: 9223372036854775808\r\n\r\n", 400,
         "http.content_length"},
        {"coding in capitals", POST_HEAD "Transfer-Encoding: Chunked\r\n\r\n", 400,
         "http.transfer_encoding"},
        {"other coding", POST_HEAD "Transfer-Encoding: gzip\r\n\r\n", 400,
         "http.transfer_encoding"},
        {"coding list", POST_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n", 400,
         "http.transfer_encoding"},
        {"coding twice",
         POST_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
         "http.transfer_encoding"},
        {"coding in 1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
         "http.transfer_encoding"},
        {"length and coding", POST_HEAD "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         400, "http.transfer_encoding"},
        {"GET with a body", GET_HEAD "Content-Length: 1\r\n\r\n", 405, "http.body"},
        {"GET with chunks", GET_HEAD "Transfer-Encoding: chunked\r\n\r\n", 405, "http.body"},
        {"DELETE with a body", "DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", 405,
         "http.body"},
        {"unknown expectation", POST_HEAD "Expect: 200-ok\r\n\r\n", 417, "http.expect"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_head head;
        struct diag diag = {0};
        enum status status = parse(HTTP_REQUEST, rows[i].text, &head, &diag);
        CHECK_ROW(rows[i].name, status == STATUS_INVALID);
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
        CHECK_ROW(rows[i].name, head.answer == rows[i].answer);
    }
}

TEST(http_head_refuses_responses)
{
    static const struct {
        const char *name, *text, *code;
    } rows[] = {
        {"empty line first", "\r\n" OK_HEAD "\r\n", "http.version"},
        {"other protocol", "RTSP/1.0 200 OK\r\n\r\n", "http.version"},
        {"version 0.9", "HTTP/0.9 200 OK\r\n\r\n", "http.version"},
        {"two digits", "HTTP/1.1 20 OK\r\n\r\n", "http.response"},
        {"four digits", "HTTP/1.1 2000 OK\r\n\r\n", "http.response"},
        {"signed status", "HTTP/1.1 -20 OK\r\n\r\n", "http.response"},
        {"status 099", "HTTP/1.1 099 X\r\n\r\n", "http.response"},
        {"status 600", "HTTP/1.1 600 X\r\n\r\n", "http.response"},
        {"control in the reason", "HTTP/1.1 200 \x01\r\n\r\n", "http.response"},
        {"101", "HTTP/1.1 101 Switching\r\n\r\n", "http.response"},
        {"204 with chunks", "HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n",
         "http.response"},
        {"304 with a length", "HTTP/1.1 304 X\r\nContent-Length: 1\r\n\r\n", "http.response"},
        {"length and coding", OK_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
         "http.transfer_encoding"},
        {"length twice", OK_HEAD "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
         "http.content_length"},
        {"fold", OK_HEAD "X: a\r\n b\r\n\r\n", "http.obs_fold"},
        {"bare LF", "HTTP/1.1 200 OK\n\r\n", "http.bare_lf"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_head head;
        struct diag diag = {0};
        CHECK_ROW(rows[i].name, parse(HTTP_RESPONSE, rows[i].text, &head, &diag) != STATUS_OK);
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
    }
}

TEST(http_head_accepts)
{
    static const struct {
        const char *name;
        enum http_role role;
        const char *text;
        int64_t content_length;
        bool is_chunked, until_close, keep_alive, expect_continue;
    } rows[] = {
        {"plain GET", HTTP_REQUEST, GET_HEAD "\r\n", -1, false, false, true, false},
        {"largest port", HTTP_REQUEST, "GET / HTTP/1.1\r\nHost: a:65535\r\n\r\n", -1, false, false,
         true, false},
        {"IPv6 host", HTTP_REQUEST, "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", -1, false, false,
         true, false},
        {"absolute target", HTTP_REQUEST, "GET http://A/x HTTP/1.1\r\nHost: a\r\n\r\n", -1, false,
         false, true, false},
        {"star", HTTP_REQUEST, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", -1, false, false, true,
         false},
        {"encoded space", HTTP_REQUEST, "GET /%20%7e HTTP/1.1\r\nHost: a\r\n\r\n", -1, false, false,
         true, false},
        {"1.0 closes", HTTP_REQUEST, "GET / HTTP/1.0\r\nHost: a\r\n\r\n", -1, false, false, false,
         false},
        {"Connection: close", HTTP_REQUEST, GET_HEAD "Connection: x, Close\r\n\r\n", -1, false,
         false, false, false},
        {"upgrade ignored", HTTP_REQUEST, GET_HEAD "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n",
         -1, false, false, true, false},
        {"argument with a '_'", HTTP_REQUEST, GET_HEAD "MCP-Param-user_id: 1\r\n\r\n", -1, false,
         false, true, false},
        {"length", HTTP_REQUEST, POST_HEAD "Content-Length: 7\r\n\r\n", 7, false, false, true,
         false},
        {"length, no space", HTTP_REQUEST, POST_HEAD "Content-Length:7\r\n\r\n", 7, false, false,
         true, false},
        {"length zero", HTTP_REQUEST, POST_HEAD "Content-Length: 0\r\n\r\n", 0, false, false, true,
         false},
        {"chunks", HTTP_REQUEST, POST_HEAD "transfer-encoding: chunked\r\n\r\n", -1, true, false,
         true, false},
        {"expectation", HTTP_REQUEST, POST_HEAD "Content-Length: 7\r\nExpect: 100-Continue\r\n\r\n",
         7, false, false, true, true},
        {"nothing to expect", HTTP_REQUEST, GET_HEAD "Expect: 100-continue\r\n\r\n", -1, false,
         false, true, false},
        {"response length", HTTP_RESPONSE, OK_HEAD "Content-Length: 7\r\n\r\n", 7, false, false,
         true, false},
        {"response chunks", HTTP_RESPONSE, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n", -1, true,
         false, true, false},
        {"until close", HTTP_RESPONSE, OK_HEAD "\r\n", -1, false, true, false, false},
        {"204", HTTP_RESPONSE, "HTTP/1.1 204 No Content\r\n\r\n", -1, false, false, true, false},
        {"no reason", HTTP_RESPONSE, "HTTP/1.1 204\r\n\r\n", -1, false, false, true, false},
        {"underscore allowed", HTTP_RESPONSE, OK_HEAD "X_y: 1\r\nContent-Length: 0\r\n\r\n", 0,
         false, false, true, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_head head;
        struct diag diag = {0};
        CHECK_ROW(rows[i].name, parse(rows[i].role, rows[i].text, &head, &diag) == STATUS_OK);
        CHECK_ROW(rows[i].name, head.content_length == rows[i].content_length);
        CHECK_ROW(rows[i].name, head.is_chunked == rows[i].is_chunked);
        CHECK_ROW(rows[i].name, head.until_close == rows[i].until_close);
        CHECK_ROW(rows[i].name, head.keep_alive == rows[i].keep_alive);
        CHECK_ROW(rows[i].name, head.expect_continue == rows[i].expect_continue);
    }
}

TEST(http_head_gives_fields)
{
    struct http_head head;
    struct diag diag = {0};
    CHECK(parse(HTTP_REQUEST, GET_HEAD "X-A: \t one \t\r\nx-a: two\r\nX-B:\r\n\r\n", &head,
                &diag) == STATUS_OK);
    CHECK(head.field_count == 4);
    CHECK(slice_eq(http_head_field(&head, SLICE("x-A")), SLICE("one")));
    CHECK(http_head_field(&head, SLICE("x-b")).len == 0);
    CHECK(http_head_field(&head, SLICE("absent")).len == 0);
}

/* Every byte in a name, at every place of names around the length that is looked at together. */
TEST(http_head_takes_tokens_as_names)
{
    static const char OTHERS[] = "!#$%&'*+-.^`|~0123456789";
    for (size_t len = 1; len <= 34; len++) {
        for (size_t at = 0; at < len * 256; at++) {
            char text[] = GET_HEAD "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: v\r\n\r\n";
            size_t start = sizeof(GET_HEAD) - 1;
            uint8_t byte = (uint8_t)(at / len);
            struct http_head head;
            struct diag diag = {0};
            text[start + len] = ':';
            text[start + at % len] = (char)byte;
            /* A colon ends the name before, and a '_' is refused where it disguises a name only. */
            bool is_token = isalpha(byte) || byte == '_' || (byte == ':' && at % len > 0) ||
                            (byte != 0 && strchr(OTHERS, byte) != NULL);
            bool is_good = parse(HTTP_REQUEST, text, &head, &diag) == STATUS_OK;
            CHECK_ROW(text, is_good == is_token);
            CHECK_ROW(text, !is_good || byte == ':' || head.fields[1].name.len == len);
        }
    }
}

TEST(http_head_bounds_the_fields)
{
    struct http_field fields[2];
    struct http_head head;
    struct diag diag = {0};
    CHECK(http_head_parse(HTTP_REQUEST, SLICE(GET_HEAD "B: 1\r\n\r\n"), fields, 2, &head, &diag) ==
          STATUS_OK);
    CHECK(http_head_parse(HTTP_REQUEST, SLICE(GET_HEAD "B: 1\r\nC: 2\r\n\r\n"), fields, 2, &head,
                          &diag) == STATUS_LIMIT);
    CHECK(head.answer == 431);
    CHECK(str_eq(diag.code, "http.too_large"));
}
