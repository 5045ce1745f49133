#include "wire/http_reader.h"

#include "support/check.h"
#include "wire/http_reading_test.h"

#define GET_TEXT "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define CHUNKED_HEAD "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define LENGTH_HEAD "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "
#define INTERIM "HTTP/1.1 100 Continue\r\n\r\n"
#define FOUR_INTERIM INTERIM INTERIM INTERIM INTERIM

TEST(http_reader_reads_messages)
{
    static const struct {
        const char *name;
        enum http_role role;
        const char *text;
        size_t message_count;
        uint64_t body_bytes;
        const char *code; /* NULL: read to the end */
    } rows[] = {
        {"nothing", HTTP_REQUEST, "", 0, 0, NULL},
        {"one request", HTTP_REQUEST, GET_TEXT, 1, 0, NULL},
        {"three in a row", HTTP_REQUEST, GET_TEXT LENGTH_HEAD "2\r\n\r\nab" GET_TEXT, 3, 2, NULL},
        {"length zero", HTTP_REQUEST, LENGTH_HEAD "0\r\n\r\n" GET_TEXT, 2, 0, NULL},
        {"chunks", HTTP_REQUEST, CHUNKED_HEAD "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n" GET_TEXT,
         2, 13, NULL},
        {"leading zeros", HTTP_REQUEST, CHUNKED_HEAD "00000001\r\na\r\n000\r\n\r\n", 1, 1, NULL},
        {"nine digits", HTTP_REQUEST, CHUNKED_HEAD "000000001\r\na\r\n0\r\n\r\n", 0, 0,
         "http.chunk"},
        {"no digit", HTTP_REQUEST, CHUNKED_HEAD "\r\n", 0, 0, "http.chunk"},
        {"prefixed digits", HTTP_REQUEST, CHUNKED_HEAD "0x1\r\na\r\n", 0, 0, "http.chunk"},
        {"negative size", HTTP_REQUEST, CHUNKED_HEAD "-1\r\n", 0, 0, "http.chunk"},
        {"space after the size", HTTP_REQUEST, CHUNKED_HEAD "1 \r\na\r\n", 0, 0, "http.chunk"},
        {"extension", HTTP_REQUEST, CHUNKED_HEAD "1;a=b\r\na\r\n", 0, 0, "http.chunk"},
        {"size line ends in LF", HTTP_REQUEST, CHUNKED_HEAD "1\na\r\n", 0, 0, "http.chunk"},
        {"CR without LF", HTTP_REQUEST, CHUNKED_HEAD "1\rXa\r\n", 0, 0, "http.chunk"},
        {"data longer than said", HTTP_REQUEST, CHUNKED_HEAD "1\r\nab\r\n", 0, 1, "http.chunk"},
        {"data ends in LF", HTTP_REQUEST, CHUNKED_HEAD "1\r\na\n0\r\n\r\n", 0, 1, "http.chunk"},
        {"trailer", HTTP_REQUEST, CHUNKED_HEAD "0\r\nX: 1\r\n\r\n", 0, 0, "http.chunk"},
        {"last line ends in LF", HTTP_REQUEST, CHUNKED_HEAD "0\r\n\n", 0, 0, "http.chunk"},
        {"cut in a head", HTTP_REQUEST, "GET / HT", 0, 0, "http.truncated"},
        {"cut in a body", HTTP_REQUEST, LENGTH_HEAD "3\r\n\r\nab", 0, 2, "http.truncated"},
        {"cut before last CRLF", HTTP_REQUEST, CHUNKED_HEAD "0\r\n", 0, 0, "http.truncated"},
        {"CR CR LF", HTTP_REQUEST, "GET / HTTP/1.1\r\r\n", 0, 0, "http.bare_lf"},
        {"LF first", HTTP_REQUEST, "\n" GET_TEXT, 0, 0, "http.bare_lf"},
        {"body past its length", HTTP_REQUEST, LENGTH_HEAD "1\r\n\r\nabc\r\n\r\n", 1, 1,
         "http.request_line"},
        {"until close", HTTP_RESPONSE, "HTTP/1.1 200 OK\r\n\r\nhello", 1, 5, NULL},
        {"interim skipped", HTTP_RESPONSE, FOUR_INTERIM FOUR_INTERIM "HTTP/1.1 204 X\r\n\r\n", 1, 0,
         NULL},
        {"nine interim answers", HTTP_RESPONSE, FOUR_INTERIM FOUR_INTERIM INTERIM, 0, 0,
         "http.response"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_reading reading =
            http_reading_any_split(rows[i].name, rows[i].role, slice_view_cstr(rows[i].text));
        CHECK_ROW(rows[i].name, str_eq(reading.code, rows[i].code));
        CHECK_ROW(rows[i].name, reading.message_count == rows[i].message_count);
        CHECK_ROW(rows[i].name, reading.body_bytes == rows[i].body_bytes);
    }
}

TEST(http_reader_keeps_its_limits)
{
    static const struct {
        const char *name, *text;
        struct http_limits limits;
        int answer; /* 0: read to the end */
        const char *code;
    } rows[] = {
        {"head of the limit", GET_TEXT, {27, 9, 9}, 0, NULL},
        {"head one byte over", GET_TEXT, {26, 9, 9}, 431, "http.too_large"},
        {"endless head", "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", {30, 9, 9}, 431, "http.too_large"},
        {"fields of the limit", GET_TEXT, {99, 1, 9}, 0, NULL},
        {"one field too many",
         "GET / HTTP/1.1\r\nHost: a\r\nA: \r\n\r\n",
         {99, 1, 9},
         431,
         "http.too_large"},
        {"body of the limit", LENGTH_HEAD "2\r\n\r\nab", {99, 9, 2}, 0, NULL},
        {"body one byte over", LENGTH_HEAD "3\r\n\r\nabc", {99, 9, 2}, 413, "http.body_too_large"},
        {"chunks of the limit", CHUNKED_HEAD "1\r\na\r\n1\r\nb\r\n0\r\n\r\n", {99, 9, 2}, 0, NULL},
        {"chunks over it",
         CHUNKED_HEAD "1\r\na\r\n2\r\nbc\r\n",
         {99, 9, 2},
         413,
         "http.body_too_large"},
    };
    static const size_t RUNS[] = {READING_WHOLE, 1, READING_RANDOM};
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(RUNS); i++) {
        size_t row = i / COUNT_OF(RUNS);
        struct http_reading reading =
            http_reading_of(HTTP_REQUEST, &rows[row].limits, slice_view_cstr(rows[row].text),
                            RUNS[i % COUNT_OF(RUNS)]);
        CHECK_ROW(rows[row].name, str_eq(reading.code, rows[row].code));
        CHECK_ROW(rows[row].name, reading.answer == rows[row].answer);
    }
}

TEST(http_reader_stays_dead)
{
    static const struct http_limits LIMITS = HTTP_LIMITS_DEFAULT;
    struct http_reader reader;
    struct slice input = SLICE("\n" GET_TEXT);
    struct slice body;
    struct diag diag = {0};
    http_reader_init(&reader, HTTP_REQUEST, &LIMITS, NULL);
    CHECK(http_reader_is_idle(&reader));
    CHECK(http_reader_next(&reader, &input, &body, &diag) == HTTP_ERROR);
    input = SLICE(GET_TEXT);
    CHECK(http_reader_next(&reader, &input, &body, &diag) == HTTP_ERROR);
    CHECK(http_reader_next(&reader, &input, &body, &diag) == HTTP_ERROR);
    CHECK(http_reader_finish(&reader, &diag) == HTTP_ERROR);
    CHECK(!http_reader_is_idle(&reader));
    http_reader_release(&reader);
}

/* Reads one whole message; false when it is refused. */
static bool read_one(struct http_reader *reader, const char *text, size_t run, struct diag *diag)
{
    struct slice left = slice_view_cstr(text);
    enum http_event event = HTTP_NEED_MORE;
    while (event != HTTP_END && event != HTTP_ERROR && left.len > 0) {
        struct slice piece = slice_sub(left, 0, run);
        struct slice body = SLICE_EMPTY;
        left = slice_sub(left, piece.len, left.len);
        do {
            event = http_reader_next(reader, &piece, &body, diag);
        } while (event == HTTP_HEAD || event == HTTP_BODY);
    }
    return event == HTTP_END;
}

#define ANSWER_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: "
#define ANSWER ANSWER_HEAD "one\r\n\r\n[]"

/* What was known of a head is used for the same bytes only, and in the limits of its message. */
TEST(http_reader_knows_a_head_again)
{
    static const struct http_limits LIMITS = {200, 9, 9};
    static const struct {
        const char *name, *first, *second;
        bool is_dropped;       /* in between */
        size_t body_bytes_max; /* of the second */
        const char *field;     /* of the second; NULL: it is refused */
    } rows[] = {
        {"the same", ANSWER, ANSWER, false, 9, "one"},
        {"the same, dropped", ANSWER, ANSWER, true, 9, "one"},
        {"another value", ANSWER, ANSWER_HEAD "two\r\n\r\n[]", false, 9, "two"},
        {"a longer one", ANSWER, ANSWER_HEAD "one\r\nX-B: b\r\n\r\n[]", false, 9, "one"},
        {"a shorter one", ANSWER, ANSWER_HEAD "\r\n\r\n[]", false, 9, ""},
        {"after an interim one", "HTTP/1.1 103 X\r\nX-A: one\r\n\r\n" ANSWER, ANSWER, false, 9,
         "one"},
        {"before an interim one", ANSWER, "HTTP/1.1 103 X\r\nX-A: two\r\n\r\n" ANSWER, false, 9,
         "one"},
        {"over a new limit", ANSWER, ANSWER, false, 1, NULL},
        {"malformed at its end", ANSWER, ANSWER_HEAD "one\r\n\n\r\n[]", false, 9, NULL},
        {"with a control character", ANSWER, ANSWER_HEAD "on\x01\r\n\r\n[]", false, 9, NULL},
    };
    static const size_t RUNS[] = {1000, 1, 7, 47};
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(RUNS) * COUNT_OF(RUNS); i++) {
        size_t row = i / COUNT_OF(RUNS) / COUNT_OF(RUNS);
        struct http_reader reader;
        struct diag diag = {0};
        http_reader_init(&reader, HTTP_RESPONSE, &LIMITS, NULL);
        CHECK_ROW(rows[row].name,
                  read_one(&reader, rows[row].first, RUNS[i % COUNT_OF(RUNS)], &diag));
        if (rows[row].is_dropped) {
            http_reader_drop_head(&reader);
        }
        reader.limits.body_bytes_max = rows[row].body_bytes_max;
        bool is_read =
            read_one(&reader, rows[row].second, RUNS[i / COUNT_OF(RUNS) % COUNT_OF(RUNS)], &diag);
        CHECK_ROW(rows[row].name, is_read == (rows[row].field != NULL));
        if (is_read) {
            CHECK_ROW(rows[row].name, slice_eq(http_head_field(&reader.head, SLICE("x-a")),
                                               slice_view_cstr(rows[row].field)));
            CHECK_ROW(rows[row].name, http_reader_is_idle(&reader));
        }
        http_reader_release(&reader);
    }
}

static bool read_with_failing_memory(void *context)
{
    static const struct http_limits LIMITS = HTTP_LIMITS_DEFAULT;
    (void)context;
    struct http_reading reading = http_reading_of(
        HTTP_REQUEST, &LIMITS, SLICE(LENGTH_HEAD "2\r\n\r\nab" GET_TEXT), READING_WHOLE);
    CHECK(!reading.is_refused || (str_eq(reading.code, "http.memory") && reading.answer == 503));
    return !reading.is_refused;
}

TEST(http_reader_survives_every_failed_allocation)
{
    check_every_allocation(read_with_failing_memory, NULL);
}

TEST(http_reader_charges_and_gives_back)
{
    static const struct http_limits LIMITS = HTTP_LIMITS_DEFAULT;
    struct account account = {.limit_bytes = 1 << 20};
    struct http_reader reader;
    struct slice input = SLICE(GET_TEXT);
    struct slice body;
    http_reader_init(&reader, HTTP_REQUEST, &LIMITS, &account);
    CHECK(http_reader_next(&reader, &input, &body, NULL) == HTTP_HEAD);
    CHECK(account.used_bytes > 0);
    http_reader_drop_head(&reader);
    CHECK(account.used_bytes == 0);
    http_reader_release(&reader);
}

/* Feed a reader that knows nothing, in runs of that many bytes. */
static void feed(struct http_reader *reader, struct slice text, size_t run_bytes)
{
    struct slice body;
    for (size_t at = 0; at < text.len; at += run_bytes) {
        struct slice input = slice_sub(text, at, at + run_bytes);
        while (input.len > 0 && http_reader_next(reader, &input, &body, NULL) != HTTP_ERROR) {
        }
        (void)http_reader_next(reader, &input, &body, NULL);
    }
}

#define TOKEN "Authorization: Bearer the-token-of-somebody\r\n"
#define LONG "X-Long: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n"
#define LONGER LONG LONG LONG LONG LONG LONG LONG LONG

TEST(http_reader_leaves_no_token_behind)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        {"a head", "GET / HTTP/1.1\r\nHost: a\r\n" TOKEN "\r\n"},
        {"one that the buffer grew for",
         "GET / HTTP/1.1\r\nHost: a\r\n" TOKEN LONGER LONGER "\r\n"},
        {"one that never ends", "GET / HTTP/1.1\r\nHost: a\r\n" TOKEN},
        {"one that is broken", "GET / HTTP/1.1\r\nHost: a\r\n" TOKEN "X: a\n\r\n"},
        {"one that is refused", "GET / HTTP/1.1\r\n" TOKEN "\r\n"},
        {"a shorter one after it",
         "GET / HTTP/1.1\r\nHost: a\r\n" LONG TOKEN "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"one like it after it, with a shorter token",
         "GET / HTTP/1.1\r\nHost: a\r\n" TOKEN LONG
         "\r\nGET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t\r\n" LONG "\r\n"},
        {"one with a body", "POST / HTTP/1.1\r\nHost: a\r\n" TOKEN "Content-Length: 2\r\n\r\n{}"},
    };
    static const struct http_limits LIMITS = HTTP_LIMITS_DEFAULT;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice text = slice_view_cstr(rows[i].text);
        const size_t runs[] = {text.len, 7, 1};
        for (size_t k = 0; k < COUNT_OF(runs); k++) {
            struct http_reader reader;
            http_reader_init(&reader, HTTP_REQUEST, &LIMITS, NULL);
            check_watch_freed(SLICE("the-token-of-"));
            feed(&reader, text, runs[k]);
            CHECK_ROW(rows[i].name, reader.raw.capacity > 0);
            http_reader_drop_head(&reader);
            http_reader_release(&reader);
            CHECK_ROW(rows[i].name, check_end_watch() == 0);
        }
    }
}
