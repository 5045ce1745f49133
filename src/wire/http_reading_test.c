#include "wire/http_reading_test.h"

#include "support/check.h"

#define RANDOM_RUN_BYTES_MAX 40
#define HASH_START 0xCBF29CE484222325U
#define HASH_FACTOR 0x100000001B3U

static void take_body(struct http_reading *reading, struct slice body)
{
    reading->body_bytes += body.len;
    for (size_t i = 0; i < body.len; i++) {
        reading->body_hash = (reading->body_hash ^ body.ptr[i]) * HASH_FACTOR;
    }
}

static void take_head(struct http_reading *reading, const struct http_head *head)
{
    reading->keep_alive = head->keep_alive;
    reading->has_host = http_head_field(head, SLICE("host")).len > 0;
}

static void take_refusal(struct http_reading *reading, const struct http_reader *reader,
                         const struct diag *diag)
{
    reading->is_refused = true;
    reading->answer = http_reader_status(reader);
    reading->code = diag->code;
}

/* True while the connection may be read on. */
static bool take_event(struct http_reading *reading, struct http_reader *reader,
                       enum http_event event, struct slice body, const struct diag *diag)
{
    if (event == HTTP_HEAD) {
        take_head(reading, &reader->head);
    } else if (event == HTTP_BODY) {
        take_body(reading, body);
    } else if (event == HTTP_END) {
        reading->message_count++;
        http_reader_drop_head(reader);
        return reading->keep_alive;
    } else if (event == HTTP_ERROR) {
        take_refusal(reading, reader, diag);
        return false;
    }
    return true;
}

static bool read_run(struct http_reading *reading, struct http_reader *reader, struct slice *run)
{
    enum http_event event = HTTP_HEAD;
    bool is_open = true;
    while (is_open && event != HTTP_NEED_MORE) {
        struct slice body = SLICE_EMPTY;
        struct diag diag = {0};
        event = http_reader_next(reader, run, &body, &diag);
        is_open = take_event(reading, reader, event, body, &diag);
    }
    return is_open;
}

static size_t run_length(size_t run_bytes)
{
    return run_bytes == READING_RANDOM ? 1 + check_random() % RANDOM_RUN_BYTES_MAX : run_bytes;
}

struct http_reading http_reading_of(enum http_role role, const struct http_limits *limits,
                                    struct slice text, size_t run_bytes)
{
    struct http_reading reading = {.body_hash = HASH_START};
    struct http_reader reader;
    http_reader_init(&reader, role, limits, NULL);
    bool is_open = true;
    while (is_open && text.len > 0) {
        struct slice run = slice_sub(text, 0, run_length(run_bytes));
        size_t offered = run.len;
        is_open = read_run(&reading, &reader, &run);
        text = slice_sub(text, offered - run.len, text.len);
    }
    reading.is_cut = !reading.is_refused && text.len > 0;
    if (is_open && !http_reader_is_idle(&reader)) {
        struct diag diag = {0};
        enum http_event event = http_reader_finish(&reader, &diag);
        (void)take_event(&reading, &reader, event, SLICE_EMPTY, &diag);
    }
    http_reader_release(&reader);
    return reading;
}

static bool reads_the_same(const struct http_reading *a, const struct http_reading *b)
{
    return a->is_refused == b->is_refused && a->is_cut == b->is_cut && str_eq(a->code, b->code) &&
           a->answer == b->answer && a->message_count == b->message_count &&
           a->keep_alive == b->keep_alive && a->has_host == b->has_host;
}

struct http_reading http_reading_any_split(const char *row, enum http_role role, struct slice text)
{
    static const struct http_limits LIMITS = HTTP_LIMITS_DEFAULT;
    static const size_t RUNS[] = {1, READING_RANDOM, READING_RANDOM};
    struct http_reading whole = http_reading_of(role, &LIMITS, text, READING_WHOLE);
    for (size_t i = 0; i < COUNT_OF(RUNS); i++) {
        struct http_reading parts = http_reading_of(role, &LIMITS, text, RUNS[i]);
        CHECK_ROW(row, reads_the_same(&whole, &parts));
        /* A refused head hands out nothing; a refused chunk may have had data before it. */
        CHECK_ROW(row, whole.is_refused || (whole.body_bytes == parts.body_bytes &&
                                            whole.body_hash == parts.body_hash));
    }
    return whole;
}
