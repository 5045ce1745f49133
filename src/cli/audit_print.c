#include "cli/audit_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define PARSE_BYTES_MAX (8U << 20)
#define TIME_WIDTH 24

void printer_init(struct printer *printer, const char *output)
{
    /* What we read is a file of our own, so the seed need not be a secret. */
    static const uint8_t seed[16] = {0};
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    *printer = (struct printer){
        .is_json = slice_eq(slice_view_cstr(output), SLICE("json")),
    };
    json_parser_init(&printer->parser, &limits, seed);
    arena_init(&printer->arena, PARSE_BYTES_MAX, NULL);
}

void printer_release(struct printer *printer)
{
    arena_release(&printer->arena);
}

static void print_bytes(struct slice text)
{
    (void)fwrite(text.ptr, 1, text.len, stdout);
}

/* A cell of width characters: padded, or cut and ended with '~'. */
static void print_cell(struct slice text, size_t width)
{
    size_t shown = 0, at = 0;
    while (at < text.len && shown < width) {
        size_t next = at + 1;
        while (next < text.len && (text.ptr[next] & 0xC0) == 0x80) {
            next++;
        }
        bool is_cut = shown + 1 == width && next < text.len;
        print_bytes(is_cut ? SLICE("~") : slice_sub(text, at, next));
        at = next;
        shown++;
    }
    for (; shown < width; shown++) {
        print_bytes(SLICE(" "));
    }
    print_bytes(SLICE("  "));
}

static void print_time(int64_t wall_ms)
{
    struct tm parts;
    char text[32] = "";
    time_t seconds = (time_t)(wall_ms / 1000);
    if (gmtime_r(&seconds, &parts) != NULL) {
        size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
        (void)snprintf(text + len, sizeof(text) - len, ".%03dZ", (int)(wall_ms % 1000));
    }
    print_cell(slice_view_cstr(text), TIME_WIDTH);
}

struct slice shown_member(const struct json_tape *tape, struct slice name)
{
    json_ref value = json_member(tape, 0, name);
    if (value == JSON_NONE || json_type(tape, value) != JSON_STRING) {
        return SLICE_EMPTY;
    }
    struct slice raw = json_raw(tape, value);
    return slice_sub(raw, 1, raw.len - 1);
}

static void print_table_head(void)
{
    print_cell(SLICE("TIME"), TIME_WIDTH);
    print_cell(SLICE("EVENT"), 26);
    print_cell(SLICE("DECISION"), 8);
    print_cell(SLICE("PRINCIPAL"), 20);
    print_cell(SLICE("TARGET"), 32);
    print_bytes(SLICE("REASON\n"));
}

static void print_event(const struct json_tape *tape, struct arena *arena)
{
    struct slice type = shown_member(tape, SLICE("type"));
    struct slice phase = shown_member(tape, SLICE("phase"));
    struct slice event = SLICE_EMPTY;
    /* "event" says nothing; the phases of a call tell its two lines apart. */
    if (slice_eq(phase, SLICE("event")) ||
        arena_format(arena, &event, "%.*s %.*s", SLICE_ARG(type), SLICE_ARG(phase)) != STATUS_OK) {
        event = type;
    }
    print_cell(event, 26);
}

static void print_table_row(struct printer *printer, struct slice payload, bool is_unknown)
{
    struct json_tape tape;
    arena_reset(&printer->arena);
    if (json_parse(&printer->parser, payload, &printer->arena, &tape, NULL) != STATUS_OK) {
        print_bytes(SLICE("(a record that is no JSON; see --output json)\n"));
        return;
    }
    int64_t wall_ms = 0;
    json_ref time = json_member(&tape, 0, SLICE("time_ms"));
    if (time != JSON_NONE && json_integer(&tape, time, &wall_ms) != STATUS_OK) {
        wall_ms = 0;
    }
    print_time(wall_ms);
    print_event(&tape, &printer->arena);
    print_cell(shown_member(&tape, SLICE("decision")), 8);
    print_cell(shown_member(&tape, SLICE("subject")), 20);
    print_cell(shown_member(&tape, SLICE("target")), 32);
    struct slice code = shown_member(&tape, SLICE("code"));
    struct slice reason = shown_member(&tape, SLICE("reason"));
    struct slice outcome =
        is_unknown ? SLICE("outcome unknown") : shown_member(&tape, SLICE("outcome"));
    print_bytes(code);
    print_bytes(code.len != 0 && reason.len != 0 ? SLICE(": ") : SLICE_EMPTY);
    print_bytes(reason.len == 0 && code.len == 0 ? outcome : reason);
    print_bytes(SLICE("\n"));
}

void print_record(struct printer *printer, uint64_t sequence, struct slice payload, bool is_unknown)
{
    if (!printer->is_json) {
        if (printer->rows == 0) {
            print_table_head();
        }
        print_table_row(printer, payload, is_unknown);
    } else {
        bool is_object = payload.len > 2 && payload.ptr[0] == '{';
        (void)printf("{\"sequence\":%" PRIu64 "%s", sequence,
                     is_unknown ? ",\"outcome\":\"unknown\"" : "");
        print_bytes(is_object ? SLICE(",") : SLICE("}"));
        print_bytes(is_object ? slice_sub(payload, 1, payload.len) : SLICE_EMPTY);
        print_bytes(SLICE("\n"));
    }
    printer->rows++;
}
