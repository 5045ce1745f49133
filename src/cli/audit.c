#include "cli/audit.h"
#include "adapters/journal/journal_reader.h"
#include "adapters/store/sqlite_index.h"
#include "cli/options.h"
#include "json/tape.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TAIL_DEFAULT 20
#define TAIL_MAX 100000
#define SEARCH_DEFAULT 100
#define SEARCH_MAX 100000
#define FOLLOW_POLL_MS 200
#define INDEX_BATCH 1000
#define PARSE_BYTES_MAX (8U << 20)
#define SYSTEM_DIRECTORY "/var/lib/aegis/audit"

/* How rows go out, and whether any did. */
struct printer {
    bool is_json;
    uint64_t rows;
    struct json_parser parser;
    struct arena arena;
};

static void printer_init(struct printer *printer, const char *output)
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
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    print_cell(slice_view_cstr(text), 20);
}

/* The text of a member as it stands in the record: still escaped, so that no record can send
 * control characters to a terminal. */
static struct slice shown_member(const struct json_tape *tape, struct slice name)
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
    print_cell(SLICE("TIME"), 20);
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

/* One record: a row of the table, or its own line with the sequence put in front. */
static void print_record(struct printer *printer, uint64_t sequence, struct slice payload,
                         bool is_unknown)
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

int audit_fail(const struct diag *diag)
{
    (void)fprintf(stderr, "aegis audit: %s: %s\n", diag->code, diag->message);
    return EXIT_CODE_FAILURE;
}

const char *audit_directory(const char *given, char path[AUDIT_PATH_BYTES])
{
    if (given != NULL) {
        return given;
    }
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (state != NULL && state[0] == '/') {
        (void)snprintf(path, AUDIT_PATH_BYTES, "%s/aegis/audit", state);
    } else {
        (void)snprintf(path, AUDIT_PATH_BYTES, "%s/.local/state/aegis/audit",
                       home != NULL ? home : "");
    }
    return access(path, F_OK) != 0 && access(SYSTEM_DIRECTORY, F_OK) == 0 ? SYSTEM_DIRECTORY : path;
}

void audit_explain_empty(const char *directory)
{
    (void)fprintf(stderr,
                  "no records: the journal at '%s' is empty; the first request that the gateway "
                  "judges appears here\n",
                  directory);
}

/* Print what there is from the reader's place on. STATUS_NOT_FOUND: all of it. */
static enum status print_rest(struct printer *printer, struct journal_reader *reader,
                              struct diag *diag)
{
    struct journal_entry entry;
    enum status status;
    while ((status = journal_reader_next(reader, &entry, diag)) == STATUS_OK) {
        print_record(printer, entry.sequence, entry.payload, false);
    }
    (void)fflush(stdout);
    return ferror(stdout) ? STATUS_CANCELLED : status;
}

/* Walk the journal once, remembering the last count places. A bad place ends the walk as the end
 * does: printing meets it again and names it. */
static enum status find_tail(const char *directory, size_t count, struct journal_cursor *start,
                             struct diag *diag)
{
    struct journal_reader *reader = NULL;
    struct journal_entry entry;
    struct journal_cursor *ring = base_alloc(count * sizeof(*ring));
    if (ring == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "journal.memory", "no memory for %zu places", count);
    }
    enum status status = journal_reader_open(directory, NULL, &reader, diag);
    if (status == STATUS_OK) {
        uint64_t passed = 0;
        ring[0] = journal_reader_cursor(reader);
        while (journal_reader_next(reader, &entry, NULL) == STATUS_OK) {
            passed++;
            ring[passed % count] = journal_reader_cursor(reader);
        }
        /* The oldest place in the ring: count - 1 records follow it. */
        *start = passed < count ? (struct journal_cursor){0} : ring[(passed + 1) % count];
    }
    journal_reader_close(reader);
    base_free(ring);
    return status;
}

static int tail_print(const char *directory, const struct journal_cursor *start,
                      struct printer *printer, bool follow)
{
    struct journal_reader *reader = NULL;
    struct diag diag = {0};
    if (journal_reader_open(directory, start, &reader, &diag) != STATUS_OK) {
        return audit_fail(&diag);
    }
    enum status status = print_rest(printer, reader, &diag);
    if (printer->rows == 0 && status == STATUS_NOT_FOUND) {
        audit_explain_empty(directory);
    }
    while (follow && status == STATUS_NOT_FOUND) {
        (void)poll(NULL, 0, FOLLOW_POLL_MS);
        status = print_rest(printer, reader, &diag);
    }
    journal_reader_close(reader);
    if (status == STATUS_CANCELLED) {
        return EXIT_CODE_FAILURE;
    }
    return status == STATUS_NOT_FOUND ? EXIT_CODE_OK : audit_fail(&diag);
}

static int audit_tail(const struct command *command, int argc, char **argv)
{
    const char *given = NULL, *output = "text";
    int64_t count = TAIL_DEFAULT;
    bool follow = false;
    const struct option options[] = {
        {.name = "dir", .kind = OPTION_TEXT, .out.text = &given},
        {.name = "lines",
         .letter = 'n',
         .kind = OPTION_NUMBER,
         .out.number = &count,
         .min = 1,
         .max = TAIL_MAX},
        {.name = "follow", .letter = 'f', .kind = OPTION_FLAG, .out.flag = &follow},
        {.name = "output",
         .kind = OPTION_TEXT,
         .out.text = &output,
         .choices = options_output_choices},
    };
    struct operands operands = {.max = 0};
    enum options_result result =
        options_read(command, options, COUNT_OF(options), argc, argv, &operands);
    if (result != OPTIONS_OK) {
        return options_exit(result);
    }
    char path[AUDIT_PATH_BYTES];
    const char *directory = audit_directory(given, path);
    struct printer printer;
    struct journal_cursor start;
    struct diag diag = {0};
    /* One place more than records: the cursor stands in front of its record. */
    if (find_tail(directory, (size_t)count + 1, &start, &diag) != STATUS_OK) {
        return audit_fail(&diag);
    }
    printer_init(&printer, output);
    int code = tail_print(directory, &start, &printer, follow);
    arena_release(&printer.arena);
    return code;
}

/* "90s", "15m", "2h" or "7d" before now. */
static bool parse_age(struct slice text, int64_t *since_ms)
{
    static const struct {
        uint8_t unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    int64_t number = 0;
    if (text.len < 2 || text.len > 9 ||
        slice_to_i64(slice_sub(text, 0, text.len - 1), &number) != STATUS_OK || number < 0) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (text.ptr[text.len - 1] == units[i].unit) {
            *since_ms = ((int64_t)time(NULL) - number * units[i].seconds) * 1000;
            return true;
        }
    }
    return false;
}

/* "2026-11-24" or "2026-11-24T06:00:00Z", both UTC. */
static bool parse_moment(const char *text, int64_t *since_ms)
{
    static const char *const formats[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"};
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        struct tm parts = {0};
        const char *end = strptime(text, formats[i], &parts);
        if (end != NULL && *end == '\0') {
            *since_ms = (int64_t)timegm(&parts) * 1000;
            return true;
        }
    }
    return false;
}

static bool print_found(void *user, const struct sqlite_index_row *row)
{
    print_record(user, row->sequence, row->payload, row->is_unknown);
    return !ferror(stdout);
}

/* Bring the index up to the journal's end. A bad place is told, and what lies before it searched.
 */
static enum status update_index(struct sqlite_index *index, struct diag *diag)
{
    uint32_t taken = 0;
    do {
        TRY(sqlite_index_step(index, INDEX_BATCH, &taken, diag));
    } while (taken != 0);
    return STATUS_OK;
}

static int search_print(const char *directory, const struct sqlite_index_query *query,
                        const char *output)
{
    char path[AUDIT_PATH_BYTES];
    struct sqlite_index *index = NULL;
    struct diag diag = {0};
    (void)snprintf(path, sizeof(path), "%s/index.sqlite", directory);
    if (access(directory, F_OK) != 0) {
        (void)fprintf(stderr, "aegis audit: journal.absent: there is no journal at '%s'\n",
                      directory);
        return EXIT_CODE_FAILURE;
    }
    if (sqlite_index_open(path, directory, &index, &diag) != STATUS_OK) {
        return audit_fail(&diag);
    }
    int code = update_index(index, &diag) == STATUS_OK ? EXIT_CODE_OK : audit_fail(&diag);
    struct printer printer;
    printer_init(&printer, output);
    if (sqlite_index_search(index, query, print_found, &printer, &diag) != STATUS_OK) {
        code = audit_fail(&diag);
    } else if (printer.rows == 0) {
        (void)fprintf(stderr,
                      "no records: nothing in the journal at '%s' matches; names match whole "
                      "('jira.create_issue'), see what there is with 'aegis audit tail'\n",
                      directory);
    }
    arena_release(&printer.arena);
    sqlite_index_close(index);
    return code;
}

/* The texts of a search as they stand on the command line. */
struct search_texts {
    const char *principal, *target, *decision, *code, *type, *id, *since;
};

static bool build_query(const struct search_texts *texts, int64_t limit,
                        struct sqlite_index_query *query)
{
    struct slice decision = slice_view_cstr(texts->decision);
    *query = (struct sqlite_index_query){
        .decision_id = slice_view_cstr(texts->id),
        .principal = slice_view_cstr(texts->principal),
        .target = slice_view_cstr(texts->target),
        .type = slice_view_cstr(texts->type),
        .code = slice_view_cstr(texts->code),
        .decision = slice_eq(decision, SLICE("allow"))  ? AUDIT_DECISION_ALLOW
                    : slice_eq(decision, SLICE("deny")) ? AUDIT_DECISION_DENY
                                                        : AUDIT_DECISION_NONE,
        .rows_max = (uint32_t)limit,
    };
    enum audit_type type;
    if (query->type.len != 0 && !audit_type_parse(query->type, &type)) {
        (void)fprintf(stderr, "aegis audit: there is no record type '%s'\n", texts->type);
        return false;
    }
    if (texts->since != NULL && !parse_age(slice_view_cstr(texts->since), &query->since_ms) &&
        !parse_moment(texts->since, &query->since_ms)) {
        (void)fprintf(stderr,
                      "aegis audit: --since is '%s'; expected an age like 15m, 2h, 7d or a time "
                      "like 2026-11-24T06:00:00Z\n",
                      texts->since);
        return false;
    }
    return true;
}

static int audit_search(const struct command *command, int argc, char **argv)
{
    static const char *const decisions[] = {"allow", "deny", NULL};
    const char *given = NULL, *output = "text";
    struct search_texts texts = {0};
    int64_t limit = SEARCH_DEFAULT;
    const struct option options[] = {
        {.name = "dir", .kind = OPTION_TEXT, .out.text = &given},
        {.name = "principal", .kind = OPTION_TEXT, .out.text = &texts.principal},
        {.name = "target", .kind = OPTION_TEXT, .out.text = &texts.target},
        {.name = "decision",
         .kind = OPTION_TEXT,
         .out.text = &texts.decision,
         .choices = decisions},
        {.name = "code", .kind = OPTION_TEXT, .out.text = &texts.code},
        {.name = "type", .kind = OPTION_TEXT, .out.text = &texts.type},
        {.name = "id", .kind = OPTION_TEXT, .out.text = &texts.id},
        {.name = "since", .kind = OPTION_TEXT, .out.text = &texts.since},
        {.name = "limit", .kind = OPTION_NUMBER, .out.number = &limit, .min = 1, .max = SEARCH_MAX},
        {.name = "output",
         .kind = OPTION_TEXT,
         .out.text = &output,
         .choices = options_output_choices},
    };
    struct operands operands = {.max = 0};
    enum options_result result =
        options_read(command, options, COUNT_OF(options), argc, argv, &operands);
    if (result != OPTIONS_OK) {
        return options_exit(result);
    }
    struct sqlite_index_query query;
    if (!build_query(&texts, limit, &query)) {
        return EXIT_CODE_USAGE;
    }
    char path[AUDIT_PATH_BYTES];
    return search_print(audit_directory(given, path), &query, output);
}

static const struct {
    const char *name;
    int (*run)(const struct command *command, int argc, char **argv);
} subcommands[] = {
    {"tail", audit_tail},
    {"search", audit_search},
    {"verify", audit_verify},
    {"head", audit_head},
};

static int audit_run(int argc, char **argv)
{
    struct slice name = argc > 0 ? slice_view_cstr(argv[0]) : SLICE_EMPTY;
    for (size_t i = 0; i < COUNT_OF(subcommands); i++) {
        if (slice_eq(name, slice_view_cstr(subcommands[i].name))) {
            return subcommands[i].run(&command_audit, argc - 1, argv + 1);
        }
    }
    if (slice_eq(name, SLICE("--help")) || slice_eq(name, SLICE("-h"))) {
        (void)fputs(command_audit.usage, stdout);
        return EXIT_CODE_OK;
    }
    (void)fprintf(stderr, "aegis audit: expected tail, search, verify or head%s%s%s\n",
                  argc > 0 ? ", got '" : "", argc > 0 ? argv[0] : "", argc > 0 ? "'" : "");
    return EXIT_CODE_USAGE;
}

const struct command command_audit = {
    .name = "audit",
    .group = COMMAND_GOVERN,
    .summary = "read, search and verify the audit journal",
    .usage =
        "Usage: aegis audit tail [--dir DIR] [-n N] [--follow] [--output text|json]\n"
        "       aegis audit search [--dir DIR] [--principal P] [--target T]\n"
        "                          [--decision allow|deny] [--code C] [--type T] [--id ID]\n"
        "                          [--since AGE|TIME] [--limit N] [--output text|json]\n"
        "       aegis audit verify [--dir DIR] [--key FILE] [--expect ANCHOR]\n"
        "                          [--output text|json]\n"
        "       aegis audit head [--dir DIR] [--key FILE] [--output text|json]\n"
        "\n"
        "tail prints the last records, oldest first; search prints matches, newest first. A call\n"
        "whose outcome is not in the journal (lost in a crash, or still running) reads 'unknown'.\n"
        "\n"
        "verify reads every byte and exits 1 at the first place that is not what was written.\n"
        "head prints the anchor of the newest signed checkpoint: keep it on another machine, and\n"
        "give it back with --expect to find a journal that was cut or put back. --key names the\n"
        "public keys that may sign, in PEM; without it those in DIR/audit.pub are believed.\n"
        "\n"
        "Without --dir the journal of a local gateway is read ($XDG_STATE_HOME/aegis/audit), else\n"
        "that of the system service.\n"
        "\n"
        "Examples:\n"
        "  aegis audit tail -n 50 --follow\n"
        "  aegis audit search --decision deny --since 2h\n"
        "  aegis audit search --id 3f0c9a5e7d1b42680011223344556677 --output json\n"
        "  aegis audit head | ssh auditor@vault 'cat >> anchors'\n"
        "  aegis audit verify --key audit.pub --expect \"$(tail -n 1 anchors)\"\n",
    .run = audit_run,
};
