#include "wire/sse.h"

#include "support/check.h"
#include "support/corpus.h"

#define EVENT_BYTES_MAX ((size_t)1 << 20)
#define RUN_BYTES_MAX 24
#define WHOLE SIZE_MAX
#define RANDOM_RUNS ((size_t)0)
#define TRANSCRIPT_BYTES_MAX ((size_t)8 << 20)

/* A stream read to its end: every event as one line "name|id|retry|data", and how it ended. */
struct transcript {
    struct buf events;
    size_t count;
    const char *code; /* NULL: the stream ended well */
};

static void record(struct transcript *out, const struct sse_event *event)
{
    out->count++;
    buf_append(&out->events, event->name);
    buf_append_byte(&out->events, '|');
    buf_append(&out->events, event->has_id ? event->id : SLICE("-"));
    buf_append_byte(&out->events, '|');
    buf_append_i64(&out->events, event->retry_ms);
    buf_append_byte(&out->events, '|');
    buf_append(&out->events, event->has_data ? event->data : SLICE("-"));
    buf_append_byte(&out->events, ';');
}

static enum sse_result read_run(struct transcript *out, struct sse_reader *reader, struct slice run)
{
    struct sse_event event;
    struct diag diag = {0};
    enum sse_result result = sse_reader_next(reader, &run, &event, &diag);
    while (result == SSE_EVENT) {
        record(out, &event);
        result = sse_reader_next(reader, &run, &event, &diag);
    }
    out->code = diag.code;
    return result;
}

static void transcribe(struct transcript *out, struct slice text, size_t event_bytes_max,
                       size_t run_bytes)
{
    struct sse_reader reader;
    enum sse_result result = SSE_NEED_MORE;
    *out = (struct transcript){0};
    buf_init(&out->events, TRANSCRIPT_BYTES_MAX, NULL);
    sse_reader_init(&reader, event_bytes_max, NULL);
    while (text.len > 0 && result != SSE_ERROR) {
        size_t len = run_bytes == RANDOM_RUNS ? 1 + check_random() % RUN_BYTES_MAX : run_bytes;
        result = read_run(out, &reader, slice_sub(text, 0, len));
        text = slice_sub(text, len, text.len);
    }
    struct diag diag = {0};
    if (result != SSE_ERROR && sse_reader_finish(&reader, &diag) != STATUS_OK) {
        out->code = diag.code;
    }
    sse_reader_release(&reader);
}

/* Whole into out; checks that other splits read the same. */
static void transcribe_any_split(const char *row, struct transcript *out, struct slice text,
                                 size_t event_bytes_max)
{
    static const size_t RUNS[] = {1, RANDOM_RUNS, RANDOM_RUNS};
    transcribe(out, text, event_bytes_max, WHOLE);
    for (size_t i = 0; i < COUNT_OF(RUNS); i++) {
        struct transcript parts;
        transcribe(&parts, text, event_bytes_max, RUNS[i]);
        CHECK_ROW(row, slice_eq(buf_view(&out->events), buf_view(&parts.events)));
        CHECK_ROW(row, str_eq(out->code, parts.code));
        buf_release(&parts.events);
    }
}

TEST(sse_reads_streams)
{
    static const struct {
        const char *name;
        struct slice text, events;
        const char *code;
    } rows[] = {
        {"nothing", SLICE_INIT(""), SLICE_INIT(""), NULL},
        {"LF", SLICE_INIT("data: a\n\n"), SLICE_INIT("|-|-1|a;"), NULL},
        {"CR", SLICE_INIT("data: a\r\r"), SLICE_INIT("|-|-1|a;"), NULL},
        {"CRLF", SLICE_INIT("data: a\r\n\r\n"), SLICE_INIT("|-|-1|a;"), NULL},
        {"all three", SLICE_INIT("data: a\rdata: b\ndata: c\r\n\n"), SLICE_INIT("|-|-1|a\nb\nc;"),
         NULL},
        {"two events", SLICE_INIT("data: a\n\ndata: b\n\n"), SLICE_INIT("|-|-1|a;|-|-1|b;"), NULL},
        {"every field", SLICE_INIT("event: n\nid: 7\nretry: 10\ndata: a\n\n"),
         SLICE_INIT("n|7|10|a;"), NULL},
        {"fields do not carry on", SLICE_INIT("event: n\nid: 7\ndata: a\n\ndata: b\n\n"),
         SLICE_INIT("n|7|-1|a;|-|-1|b;"), NULL},
        {"one space goes", SLICE_INIT("data:  a \n\n"), SLICE_INIT("|-|-1| a ;"), NULL},
        {"no space", SLICE_INIT("data:a\n\n"), SLICE_INIT("|-|-1|a;"), NULL},
        {"tab stays", SLICE_INIT("data:\ta\n\n"), SLICE_INIT("|-|-1|\ta;"), NULL},
        {"no colon", SLICE_INIT("data\ndata\n\n"), SLICE_INIT("|-|-1|\n;"), NULL},
        {"empty data", SLICE_INIT("data:\n\n"), SLICE_INIT("|-|-1|;"), NULL},
        {"id alone", SLICE_INIT("id: 1\n\n"), SLICE_INIT("|1|-1|-;"), NULL},
        {"empty id", SLICE_INIT("id\n\n"), SLICE_INIT("||-1|-;"), NULL},
        {"id with NUL",
         SLICE_INIT("id: 1\0"
                    "2\ndata: a\n\n"),
         SLICE_INIT("|-|-1|a;"), NULL},
        {"name alone", SLICE_INIT("event: x\n\n"), SLICE_INIT(""), NULL},
        {"last name wins", SLICE_INIT("event: x\nevent: y\ndata: a\n\n"), SLICE_INIT("y|-|-1|a;"),
         NULL},
        {"comment", SLICE_INIT(": x\n:\n\ndata: a\n\n"), SLICE_INIT("|-|-1|a;"), NULL},
        {"unknown field", SLICE_INIT("Data: x\n data: y\n\n"), SLICE_INIT(""), NULL},
        {"other line ends",
         SLICE_INIT("data: a\x0B"
                    "b\xE2\x80\xA8"
                    "c\n\n"),
         SLICE_INIT("|-|-1|a\x0B"
                    "b\xE2\x80\xA8"
                    "c;"),
         NULL},
        {"mark at the start",
         SLICE_INIT("\xEF\xBB\xBF"
                    "data: a\n\n"),
         SLICE_INIT("|-|-1|a;"), NULL},
        {"mark twice",
         SLICE_INIT("\xEF\xBB\xBF\xEF\xBB\xBF"
                    "data: a\n\n"),
         SLICE_INIT(""), "sse.bom"},
        {"mark inside",
         SLICE_INIT("data: a\n\n\xEF\xBB\xBF"
                    "data: b\n\n"),
         SLICE_INIT("|-|-1|a;"), "sse.bom"},
        {"mark in data", SLICE_INIT("data: \xEF\xBB\xBF\n\n"), SLICE_INIT("|-|-1|\xEF\xBB\xBF;"),
         NULL},
        {"retry no digits", SLICE_INIT("retry: 1s\ndata: a\n\n"), SLICE_INIT("|-|-1|a;"), NULL},
        {"retry negative", SLICE_INIT("retry: -1\ndata: a\n\n"), SLICE_INIT("|-|-1|a;"), NULL},
        {"retry largest", SLICE_INIT("retry: 9223372036854775807\n\n"),
         SLICE_INIT("|-|9223372036854775807|-;"), NULL},
        {"retry one more", SLICE_INIT("retry: 9223372036854775808\n\n"), SLICE_INIT(""),
         "sse.retry"},
        {"no blank line", SLICE_INIT("data: a\n"), SLICE_INIT(""), "sse.truncated"},
        {"no line end", SLICE_INIT("data: a"), SLICE_INIT(""), "sse.truncated"},
        {"cut second event", SLICE_INIT("data: a\n\nda"), SLICE_INIT("|-|-1|a;"), "sse.truncated"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct transcript out;
        transcribe_any_split(rows[i].name, &out, rows[i].text, EVENT_BYTES_MAX);
        CHECK_ROW(rows[i].name, slice_eq(buf_view(&out.events), rows[i].events));
        CHECK_ROW(rows[i].name, str_eq(out.code, rows[i].code));
        buf_release(&out.events);
    }
}

TEST(sse_keeps_its_limit)
{
    static const struct {
        const char *name;
        struct slice text;
        size_t event_bytes_max;
        const char *code;
    } rows[] = {
        {"line of the limit", SLICE_INIT("data: 7890\n\n"), 10, NULL},
        {"line over it", SLICE_INIT("data: 7890A\n\n"), 10, "sse.too_large"},
        {"comment of the limit", SLICE_INIT(":234567890\n\n"), 10, NULL},
        {"comment over it", SLICE_INIT(":234567890A"), 10, "sse.too_large"},
        {"unknown over it", SLICE_INIT("x:34567890A\n"), 10, "sse.too_large"},
        {"lines of the limit", SLICE_INIT("data:123\ndata:567\ndata:9\n\n"), 9, NULL},
        {"lines over it", SLICE_INIT("data:123\ndata:567\ndata:90\n\n"), 9, "sse.too_large"},
        {"fields add up", SLICE_INIT("id:12345\nevent:123\ndata:12\n\n"), 9, "sse.too_large"},
        {"each event anew", SLICE_INIT("data:1234\n\ndata:1234\n\ndata:1234\n\n"), 9, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct transcript out;
        transcribe_any_split(rows[i].name, &out, rows[i].text, rows[i].event_bytes_max);
        CHECK_ROW(rows[i].name, str_eq(out.code, rows[i].code));
        buf_release(&out.events);
    }
}

static bool read_with_failing_memory(void *context)
{
    static const struct slice RUNS[] = {SLICE_INIT("event: n\nid: 1\nda"), SLICE_INIT("ta: a\n\n")};
    (void)context;
    struct sse_reader reader;
    struct sse_event event;
    struct diag diag = {0};
    enum sse_result result = SSE_NEED_MORE;
    sse_reader_init(&reader, EVENT_BYTES_MAX, NULL);
    for (size_t i = 0; i < COUNT_OF(RUNS) && result == SSE_NEED_MORE; i++) {
        struct slice run = RUNS[i];
        result = sse_reader_next(&reader, &run, &event, &diag);
    }
    /* Never half an event: whole, or an error. */
    CHECK((result == SSE_ERROR && str_eq(diag.code, "sse.memory")) ||
          (result == SSE_EVENT && slice_eq(event.data, SLICE("a")) &&
           slice_eq(event.name, SLICE("n"))));
    sse_reader_release(&reader);
    return result == SSE_EVENT;
}

TEST(sse_survives_every_failed_allocation)
{
    check_every_allocation(read_with_failing_memory, NULL);
}

TEST(sse_output_reads_back)
{
    struct buf text;
    struct transcript out;
    buf_init(&text, EVENT_BYTES_MAX, NULL);
    sse_write_comment(&text);
    sse_write_event(&text, SLICE_EMPTY, SLICE_EMPTY, SLICE("{\"a\": 1}"));
    sse_write_event(&text, SLICE("message"), SLICE("7"), SLICE(" two"));
    sse_write_event(&text, SLICE_EMPTY, SLICE_EMPTY, SLICE_EMPTY);
    transcribe_any_split("written", &out, buf_view(&text), EVENT_BYTES_MAX);
    CHECK(slice_eq(buf_view(&out.events), SLICE("|-|-1|{\"a\": 1};message|7|-1| two;|-|-1|;")));
    CHECK(out.code == NULL);
    buf_release(&out.events);
    buf_release(&text);
}

/* What a conforming reader sees, in our words; only events with data are messages. */
static void append_expected(const struct corpus_line *line, struct buf *out)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    json_iter_init(&iter, &line->tape, json_member(&line->tape, 0, SLICE("events")));
    while (json_iter_next(&iter, &key, &value)) {
        struct slice name = corpus_text(line, value, "event");
        buf_append(out, slice_eq(name, SLICE("message")) ? SLICE_EMPTY : name);
        buf_append_byte(out, '|');
        buf_append(out, corpus_text(line, value, "data"));
        buf_append_byte(out, ';');
    }
}

static void append_seen(struct buf *out, struct slice text)
{
    struct sse_reader reader;
    struct sse_event event;
    sse_reader_init(&reader, EVENT_BYTES_MAX, NULL);
    while (sse_reader_next(&reader, &text, &event, NULL) == SSE_EVENT) {
        if (event.has_data) {
            bool is_default = slice_eq(event.name, SLICE("message"));
            buf_append(out, is_default ? SLICE_EMPTY : event.name);
            buf_append_byte(out, '|');
            buf_append(out, event.data);
            buf_append_byte(out, ';');
        }
    }
    sse_reader_release(&reader);
}

/* What the codec alone can tell of a class; all else of a verdict belongs to the message layer. */
static bool codec_refuses(const struct corpus_line *line)
{
    struct slice class = corpus_text(line, 0, "class");
    json_ref events = json_member(&line->tape, 0, SLICE("events"));
    struct slice raw = corpus_bytes(line, 0, "raw_b64");
    bool ends_blank =
        raw.len == 0 || slice_ends_with(raw, SLICE("\n\n")) || slice_ends_with(raw, SLICE("\r\r"));
    return slice_eq(class, SLICE("bom")) || (slice_eq(class, SLICE("truncated")) &&
                                             json_count(&line->tape, events) == 0 && !ends_blank);
}

static void check_stream_case(const struct corpus_line *line, void *context)
{
    struct transcript out;
    struct buf expected;
    struct buf seen;
    struct slice raw = corpus_bytes(line, 0, "raw_b64");
    (void)context;
    buf_init(&expected, TRANSCRIPT_BYTES_MAX, NULL);
    buf_init(&seen, TRANSCRIPT_BYTES_MAX, NULL);
    transcribe_any_split(line->id, &out, raw, EVENT_BYTES_MAX);
    if (codec_refuses(line)) {
        CHECK_ROW(line->id, out.code != NULL);
    }
    if (slice_eq(corpus_text(line, 0, "verdict"), SLICE("pass"))) {
        CHECK_ROW(line->id, out.code == NULL);
    }
    append_expected(line, &expected);
    append_seen(&seen, raw);
    /* An error may cut a stream short, and then what came before it stands. Bytes that are no UTF-8
     * go on as they are, to be refused above, where the standard would replace them. */
    bool is_same = out.code == NULL ? slice_eq(buf_view(&seen), buf_view(&expected))
                                    : slice_starts_with(buf_view(&expected), buf_view(&seen));
    CHECK_ROW(line->id, is_same || !slice_is_utf8(raw));
    buf_release(&seen);
    buf_release(&expected);
    buf_release(&out.events);
}

TEST(corpus_own_sse_streams)
{
    (void)corpus_each_line("attack-data/own-sse-streams/cases.jsonl", check_stream_case, NULL);
}

static enum sse_result feed(struct sse_reader *reader, struct slice text, size_t *event_count)
{
    struct sse_event event;
    enum sse_result result = sse_reader_next(reader, &text, &event, NULL);
    while (result == SSE_EVENT) {
        *event_count += 1;
        result = sse_reader_next(reader, &text, &event, NULL);
    }
    return result;
}

/* Built piece by piece: the largest stream of the corpus would not fit a sanitizer's memory. */
static void check_built_stream(const struct corpus_line *line, void *context)
{
    json_ref build = json_member(&line->tape, 0, SLICE("build"));
    struct slice repeat = corpus_text(line, build, "repeat");
    int64_t times = 0;
    size_t event_count = 0;
    struct sse_reader reader;
    (void)context;
    CHECK_ROW(line->id, json_integer(&line->tape, json_member(&line->tape, build, SLICE("times")),
                                     &times) == STATUS_OK);
    sse_reader_init(&reader, EVENT_BYTES_MAX, NULL);
    enum sse_result result = feed(&reader, corpus_text(line, build, "head"), &event_count);
    for (int64_t i = 0; i < times && result != SSE_ERROR; i++) {
        result = feed(&reader, repeat, &event_count);
    }
    if (result != SSE_ERROR) {
        result = feed(&reader, corpus_text(line, build, "tail"), &event_count);
    }
    /* How many messages are too many is not for the codec to say. */
    bool must_refuse = slice_eq(corpus_text(line, 0, "class"), SLICE("size"));
    CHECK_ROW(line->id, (result == SSE_ERROR) == must_refuse);
    CHECK_ROW(line->id, must_refuse ? event_count == 0 : event_count > 0);
    sse_reader_release(&reader);
}

TEST(corpus_own_sse_streams_generated)
{
    (void)corpus_each_line("attack-data/own-sse-streams/generated.jsonl", check_built_stream, NULL);
}
