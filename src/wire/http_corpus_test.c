/* The parser and probe corpora as judges of the guard and the reader. */
#include "base/base64.h"
#include "support/check.h"
#include "support/corpus.h"
#include "wire/http_reading_test.h"

#define CASE_BYTES_MAX ((size_t)4 << 20)

static bool contains_nocase(struct slice text, struct slice part)
{
    for (size_t at = 0; at + part.len <= text.len; at++) {
        if (slice_eq_ascii_nocase(slice_sub(text, at, at + part.len), part)) {
            return true;
        }
    }
    return false;
}

/* Why we refuse what another parser takes; nothing else may stand between the two. */
static const struct {
    const char *code;
    const char *reason;
} NARROWER[] = {
    {"http.host_missing", "a request without Host could mean any"},
    {"http.host_invalid", "a Host that is no host, or two that differ"},
    {"http.method", "methods that mean nothing to a gateway for MCP"},
    {"http.version", "RTSP, ICE and HTTP/0.9 are not ours"},
    {"http.request_line", "empty lines, fragments, HTTP/0.9 request lines"},
    {"http.response", "framing where the status has no body"},
    {"http.content_length", "leading zeros: octal to some"},
    {"http.transfer_encoding", "any coding besides one 'chunked'"},
    {"http.field_value", "white space around the value of a framing field"},
    {"http.field_name", "'_' that resembles '-'"},
    {"http.body", "a body where the method has none"},
    {"http.chunk", "chunk extensions and trailers"},
    {"http.second_opinion", "our release of that parser refuses tabs by lengths"},
    {"http.truncated", "some cases end inside a body, and closing refuses"},
};

static bool is_narrower(const char *code)
{
    for (size_t i = 0; i < COUNT_OF(NARROWER); i++) {
        if (str_eq(NARROWER[i].code, code)) {
            return true;
        }
    }
    return false;
}

/* The corpus leaves out the last empty line of a case, and most of its requests have no Host, which
 * would hide the rule in question: both are put back. */
static void complete_case(struct buf *text, enum http_role role, struct slice raw, bool add_host)
{
    size_t line_end = slice_find_byte(raw, '\n') + 1;
    bool has_line = line_end <= raw.len && line_end >= 2 && raw.ptr[line_end - 2] == '\r';
    if (role == HTTP_REQUEST && add_host && has_line && !contains_nocase(raw, SLICE("\nhost:"))) {
        buf_append(text, slice_sub(raw, 0, line_end));
        buf_append(text, SLICE("Host: gateway.example\r\n"));
        raw = slice_sub(raw, line_end, raw.len);
    }
    buf_append(text, raw);
    if (slice_ends_with(raw, SLICE("\r\n"))) {
        buf_append(text, SLICE("\r\n"));
    }
}

/* The parser pauses where an upgrade would begin. That is no fault of the request: an upgrade that
 * nobody answers does not happen (RFC 9110 §7.8). */
static bool is_upgrade_pause(const struct corpus_line *line)
{
    json_ref log = json_member(&line->tape, 0, SLICE("reference_log"));
    return contains_nocase(json_raw(&line->tape, log), SLICE("Pause on CONNECT/Upgrade")) &&
           !contains_nocase(corpus_bytes(line, 0, "raw_b64"), SLICE("CONNECT "));
}

struct llhttp_tally {
    size_t accepted, refused;
};

static void check_llhttp_form(const struct corpus_line *line, struct slice mode, bool add_host,
                              struct llhttp_tally *tally)
{
    enum http_role role = slice_starts_with(mode, SLICE("response")) ? HTTP_RESPONSE : HTTP_REQUEST;
    struct buf text;
    buf_init(&text, CASE_BYTES_MAX, NULL);
    complete_case(&text, role, corpus_bytes(line, 0, "raw_b64"), add_host);
    struct http_reading reading = http_reading_any_split(line->id, role, buf_view(&text));
    bool must_refuse =
        corpus_flag(line, 0, "reference_rejects") || contains_nocase(mode, SLICE("-lenient-"));
    if (must_refuse) {
        bool may_pass = add_host && is_upgrade_pause(line);
        CHECK_ROW(line->id, reading.is_refused || reading.is_cut || may_pass);
    } else if (reading.is_refused) {
        CHECK_ROW(line->id, is_narrower(reading.code));
    }
    tally->refused += reading.is_refused;
    tally->accepted += !reading.is_refused;
    buf_release(&text);
}

static void check_llhttp_case(const struct corpus_line *line, void *context)
{
    struct slice mode = corpus_text(line, 0, "parser_mode");
    if (slice_eq(corpus_text(line, 0, "kind"), SLICE("http"))) {
        check_llhttp_form(line, mode, false, context);
        check_llhttp_form(line, mode, true, context);
    }
}

TEST(corpus_http1_llhttp)
{
    struct llhttp_tally tally = {0};
    size_t count =
        corpus_each_line("attack-data/http1-llhttp/cases.jsonl", check_llhttp_case, &tally);
    CHECK(count == 0 || (tally.accepted > 0 && tally.refused > 0));
}

static void check_url_case(const struct corpus_line *line, void *context)
{
    (void)context;
    struct buf text;
    if (!slice_eq(corpus_text(line, 0, "kind"), SLICE("url"))) {
        return;
    }
    buf_init(&text, CASE_BYTES_MAX, NULL);
    buf_append(&text, SLICE("GET "));
    buf_append(&text, corpus_bytes(line, 0, "raw_b64"));
    buf_append(&text, SLICE(" HTTP/1.1\r\nHost: gateway.example\r\n\r\n"));
    struct http_reading reading = http_reading_any_split(line->id, HTTP_REQUEST, buf_view(&text));
    CHECK_ROW(line->id, reading.is_refused || !corpus_flag(line, 0, "reference_rejects"));
    buf_release(&text);
}

TEST(corpus_http1_llhttp_targets)
{
    (void)corpus_each_line("attack-data/http1-llhttp/cases.jsonl", check_url_case, NULL);
}

/* What a case's `expected` leaves open; it is prose, but the numbers in it are regular. */
enum probe_class {
    PROBE_OPEN,         /* says nothing about bytes: formats of answers, caches, upgrades */
    PROBE_ACCEPT,       /* 2xx alone */
    PROBE_ACCEPT_CLOSE, /* 2xx, then the connection ends */
    PROBE_EITHER,       /* ours to choose, but in one way for every split and with a follow-up */
    PROBE_REFUSE,       /* a refusal is named; where 2xx is allowed as well, ours is the refusal */
};

/* Cases whose bytes frame alike for everybody: what they carry is judged above the codec. */
static bool is_judged_above(struct slice id)
{
    static const struct slice ABOVE[] = {SLICE_INIT("COOK-"), SLICE_INIT("COMP-DUPLICATE-CT")};
    for (size_t i = 0; i < COUNT_OF(ABOVE); i++) {
        if (slice_starts_with(id, ABOVE[i])) {
            return true;
        }
    }
    return false;
}

static enum probe_class classify(struct slice expected)
{
    /* A wish, or the better of two: only a follow-up that is answered wrongly would be a fault. */
    if (contains_nocase(expected, SLICE("poisoned follow-up")) ||
        contains_nocase(expected, SLICE("2xx = pass"))) {
        return PROBE_EITHER;
    }
    static const struct slice REFUSALS[] = {SLICE_INIT("400"), SLICE_INIT("417"),
                                            SLICE_INIT("431"), SLICE_INIT("501"),
                                            SLICE_INIT("505"), SLICE_INIT("reject")};
    for (size_t i = 0; i < COUNT_OF(REFUSALS); i++) {
        if (contains_nocase(expected, REFUSALS[i])) {
            return PROBE_REFUSE;
        }
    }
    if (!slice_starts_with(expected, SLICE("2"))) {
        return PROBE_OPEN;
    }
    if (contains_nocase(expected, SLICE("2xx + connection closed"))) {
        return PROBE_ACCEPT_CLOSE;
    }
    return contains_nocase(expected, SLICE("close")) ? PROBE_EITHER : PROBE_ACCEPT;
}

static struct slice probe_part(const struct corpus_line *line, json_ref ref)
{
    struct arena *arena = (struct arena *)(uintptr_t)&line->arena;
    struct slice text = SLICE_EMPTY;
    CHECK_ROW(line->id, json_string(&line->tape, ref, arena, &text) == STATUS_OK);
    uint8_t *bytes = arena_alloc(arena, text.len);
    size_t len = 0;
    CHECK_ROW(line->id, bytes != NULL && base64_decode(text, BASE64_STANDARD, bytes, text.len,
                                                       &len) == STATUS_OK);
    return slice_of(bytes, len);
}

static void append_probe(const struct corpus_line *line, struct buf *text)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    json_iter_init(&iter, &line->tape, json_member(&line->tape, 0, SLICE("raw_b64")));
    while (json_iter_next(&iter, &key, &value)) {
        buf_append(text, probe_part(line, value));
    }
}

static void check_probe_verdict(const struct corpus_line *line, enum probe_class class,
                                const struct http_reading *alone,
                                const struct http_reading *followed)
{
    bool is_accepted = !alone->is_refused && alone->message_count > 0;
    /* Trailers are refused whole: nothing here needs one, and some may change a message. */
    bool is_trailer = contains_nocase(corpus_text(line, 0, "what"), SLICE("a trailer field"));
    switch (class) {
    case PROBE_REFUSE:
        CHECK_ROW(line->id, alone->is_refused && alone->answer >= 400);
        break;
    case PROBE_ACCEPT:
        CHECK_ROW(line->id, is_accepted || (is_trailer && str_eq(alone->code, "http.chunk")));
        break;
    case PROBE_ACCEPT_CLOSE:
        CHECK_ROW(line->id, is_accepted && !alone->keep_alive && followed->is_cut);
        break;
    case PROBE_EITHER:
    case PROBE_OPEN:
        break;
    }
    /* The plain request afterwards is one message of its own, or is never read. */
    bool is_dead = followed->is_refused || followed->is_cut;
    CHECK_ROW(line->id, is_dead || (followed->message_count == alone->message_count + 1 &&
                                    followed->body_bytes == alone->body_bytes));
}

static void check_probe_case(const struct corpus_line *line, void *context)
{
    size_t *counts = context;
    struct buf text;
    if (!corpus_flag(line, 0, "raw_complete")) {
        return;
    }
    enum probe_class class = classify(corpus_text(line, 0, "expected"));
    if (class == PROBE_REFUSE && is_judged_above(corpus_text(line, 0, "id"))) {
        class = PROBE_OPEN;
    }
    buf_init(&text, CASE_BYTES_MAX, NULL);
    append_probe(line, &text);
    struct http_reading alone = http_reading_any_split(line->id, HTTP_REQUEST, buf_view(&text));
    buf_append(&text, SLICE("GET /follow-up HTTP/1.1\r\nHost: gateway.example\r\n\r\n"));
    struct http_reading followed = http_reading_any_split(line->id, HTTP_REQUEST, buf_view(&text));
    check_probe_verdict(line, class, &alone, &followed);
    counts[class]++;
    buf_release(&text);
}

TEST(corpus_http1_probe)
{
    size_t counts[PROBE_REFUSE + 1] = {0};
    size_t count =
        corpus_each_line("attack-data/http1-probe/cases.jsonl", check_probe_case, counts);
    CHECK(count == 0 || (counts[PROBE_ACCEPT] > 0 && counts[PROBE_REFUSE] > 0));
}
