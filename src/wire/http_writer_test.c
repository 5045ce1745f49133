#include "wire/http_writer.h"

#include "support/check.h"
#include "wire/http_reading_test.h"

#define TEXT_BYTES_MAX 4096

TEST(http_writer_refuses_fields)
{
    static const struct {
        const char *row;
        struct slice name, value;
    } rows[] = {
        {"empty name", SLICE_INIT(""), SLICE_INIT("a")},
        {"space in a name", SLICE_INIT("a b"), SLICE_INIT("a")},
        {"colon in a name", SLICE_INIT("a:"), SLICE_INIT("a")},
        {"LF in a name", SLICE_INIT("a\nb"), SLICE_INIT("a")},
        {"byte past ASCII", SLICE_INIT("\xC3"), SLICE_INIT("a")},
        {"CR in a value", SLICE_INIT("a"), SLICE_INIT("b\rc")},
        {"LF in a value", SLICE_INIT("a"), SLICE_INIT("b\nc: d")},
        {"NUL in a value", SLICE_INIT("a"), SLICE_INIT("b\0c")},
        {"DEL in a value", SLICE_INIT("a"), SLICE_INIT("\x7F")},
        {"escape in a value", SLICE_INIT("a"), SLICE_INIT("\x1B[0m")},
    };
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].row,
                  http_write_field(&text, rows[i].name, rows[i].value) == STATUS_INVALID);
        CHECK_ROW(rows[i].row, text.len == 0);
    }
    buf_release(&text);
}

TEST(http_writer_output_reads_back)
{
    static const struct http_limits LIMITS = HTTP_LIMITS_DEFAULT;
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    http_write_request_line(&text, SLICE("POST"), SLICE("/mcp?a=b"));
    CHECK(http_write_field(&text, SLICE("Host"), SLICE("a:1")) == STATUS_OK);
    CHECK(http_write_field(&text, SLICE("X"), SLICE("tab\tand \xC3\xA9")) == STATUS_OK);
    CHECK(http_write_field(&text, SLICE("Transfer-Encoding"), SLICE("chunked")) == STATUS_OK);
    http_write_head_end(&text);
    http_write_chunk(&text, SLICE("a chunk of 22 bytes..."));
    http_write_chunk(&text, SLICE_EMPTY);
    http_write_chunk(&text, SLICE("b"));
    http_write_last_chunk(&text);
    struct http_reading reading =
        http_reading_of(HTTP_REQUEST, &LIMITS, buf_view(&text), READING_WHOLE);
    CHECK(!reading.is_refused);
    CHECK(reading.message_count == 1);
    CHECK(reading.body_bytes == 23);
    buf_release(&text);
}

TEST(http_writer_status_lines)
{
    static const struct {
        const char *row;
        int status_code;
        struct slice line;
    } rows[] = {
        {"known", 200, SLICE_INIT("HTTP/1.1 200 OK\r\n")},
        {"long", 431, SLICE_INIT("HTTP/1.1 431 Request Header Fields Too Large\r\n")},
        {"without phrase", 599, SLICE_INIT("HTTP/1.1 599 \r\n")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf text;
        buf_init(&text, TEXT_BYTES_MAX, NULL);
        http_write_status_line(&text, rows[i].status_code);
        CHECK_ROW(rows[i].row, slice_eq(buf_view(&text), rows[i].line));
        buf_release(&text);
    }
}
