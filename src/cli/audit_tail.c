/* aegis audit tail: the last records, and those that follow. */
#include "adapters/journal/journal_reader.h"
#include "cli/audit.h"
#include "cli/audit_print.h"
#include "cli/options.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAIL_DEFAULT 20
#define TAIL_MAX 100000
#define FOLLOW_POLL_MS 200
#define DECISION_ID_BYTES ((size_t)2 * AUDIT_DECISION_ID_BYTES) /* in hexadecimal digits */

/* The outcomes among the last records, by decision id: what an intent is looked up in. */
struct outcomes {
    uint8_t (*ids)[DECISION_ID_BYTES]; /* sorted */
    size_t count;
    uint64_t end; /* sequence behind the records that were looked through */
};

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, DECISION_ID_BYTES);
}

/* The decision id of a record in that phase; empty for any other. */
static struct slice id_in_phase(struct printer *printer, struct slice payload, struct slice phase)
{
    struct json_tape tape;
    arena_reset(&printer->arena);
    if (json_parse(&printer->parser, payload, &printer->arena, &tape, NULL) != STATUS_OK ||
        !slice_eq(shown_member(&tape, SLICE("phase")), phase)) {
        return SLICE_EMPTY;
    }
    struct slice id = shown_member(&tape, SLICE("decision_id"));
    return id.len == DECISION_ID_BYTES ? id : SLICE_EMPTY;
}

/* Look through at most ids_max records from the start; the ids are freed by the caller. */
static enum status collect_outcomes(const char *directory, const struct journal_cursor *start,
                                    size_t ids_max, struct printer *printer, struct outcomes *out,
                                    struct diag *diag)
{
    struct journal_reader *reader = NULL;
    struct journal_entry entry;
    *out = (struct outcomes){.ids = base_alloc(ids_max * DECISION_ID_BYTES)};
    if (out->ids == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "journal.memory", "no memory for %zu ids", ids_max);
    }
    TRY(journal_reader_open(directory, start, &reader, diag));
    for (size_t i = 0; i < ids_max && journal_reader_next(reader, &entry, NULL) == STATUS_OK; i++) {
        struct slice id = id_in_phase(printer, entry.payload, SLICE("outcome"));
        if (id.len != 0) {
            memcpy(out->ids[out->count++], id.ptr, DECISION_ID_BYTES);
        }
        out->end = entry.sequence + 1;
    }
    journal_reader_close(reader);
    qsort(out->ids, out->count, DECISION_ID_BYTES, compare_ids);
    return STATUS_OK;
}

/* An outcome stands behind its intent, so one that is not in the journal is not among the last
 * records either. A record that came since then is printed as it is: its outcome is on the way. */
static bool is_unknown(const struct outcomes *outcomes, struct printer *printer,
                       const struct journal_entry *entry)
{
    if (entry->sequence >= outcomes->end) {
        return false;
    }
    struct slice id = id_in_phase(printer, entry->payload, SLICE("intent"));
    return id.len != 0 &&
           bsearch(id.ptr, outcomes->ids, outcomes->count, DECISION_ID_BYTES, compare_ids) == NULL;
}

/* Print what there is from the reader's place on. STATUS_NOT_FOUND: all of it. */
static enum status print_rest(struct printer *printer, const struct outcomes *outcomes,
                              struct journal_reader *reader, struct diag *diag)
{
    struct journal_entry entry;
    enum status status;
    while ((status = journal_reader_next(reader, &entry, diag)) == STATUS_OK) {
        print_record(printer, entry.sequence, entry.payload, is_unknown(outcomes, printer, &entry));
    }
    (void)fflush(stdout);
    return ferror(stdout) ? STATUS_CANCELLED : status;
}

/* Walk the end of the journal once, remembering the last count places. A bad place ends the walk as
 * the end does: printing meets it again and names it. */
static enum status find_tail(const char *directory, size_t count, struct journal_cursor *start,
                             struct diag *diag)
{
    struct journal_reader *reader = NULL;
    struct journal_entry entry;
    struct journal_cursor from;
    TRY(journal_find_last(directory, count, &from, diag));
    struct journal_cursor *ring = base_alloc(count * sizeof(*ring));
    if (ring == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "journal.memory", "no memory for %zu places", count);
    }
    enum status status = journal_reader_open(directory, &from, &reader, diag);
    if (status == STATUS_OK) {
        uint64_t passed = 0;
        ring[0] = journal_reader_cursor(reader);
        while (journal_reader_next(reader, &entry, NULL) == STATUS_OK) {
            passed++;
            ring[passed % count] = journal_reader_cursor(reader);
        }
        /* The oldest place in the ring: count - 1 records follow it. */
        *start = passed < count ? from : ring[(passed + 1) % count];
    }
    journal_reader_close(reader);
    base_free(ring);
    return status;
}

static int tail_print(const char *directory, const struct journal_cursor *start,
                      struct printer *printer, const struct outcomes *outcomes, bool follow)
{
    struct journal_reader *reader = NULL;
    struct diag diag = {0};
    if (journal_reader_open(directory, start, &reader, &diag) != STATUS_OK) {
        return audit_fail(&diag);
    }
    enum status status = print_rest(printer, outcomes, reader, &diag);
    if (printer->rows == 0 && status == STATUS_NOT_FOUND) {
        audit_explain_empty(directory);
    }
    while (follow && status == STATUS_NOT_FOUND) {
        (void)poll(NULL, 0, FOLLOW_POLL_MS);
        status = print_rest(printer, outcomes, reader, &diag);
    }
    journal_reader_close(reader);
    if (status == STATUS_CANCELLED) {
        return EXIT_CODE_FAILURE;
    }
    return status == STATUS_NOT_FOUND ? EXIT_CODE_OK : audit_fail(&diag);
}

/* The last count records, and what follows them. */
static int tail(const char *directory, size_t count, bool follow, struct printer *printer)
{
    struct journal_cursor start;
    struct outcomes outcomes = {0};
    struct diag diag = {0};
    /* One place more than records: the cursor stands in front of its record. */
    enum status status = find_tail(directory, count + 1, &start, &diag);
    if (status == STATUS_OK) {
        status = collect_outcomes(directory, &start, count, printer, &outcomes, &diag);
    }
    int code = status == STATUS_OK ? tail_print(directory, &start, printer, &outcomes, follow)
                                   : audit_fail(&diag);
    base_free(outcomes.ids);
    return code;
}

static int run_tail(int argc, char **argv)
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
        OUTPUT_OPTION(output),
    };
    struct operands operands = {.max = 0};
    enum options_result result =
        options_read(&audit_tail, options, COUNT_OF(options), argc, argv, &operands);
    if (result != OPTIONS_OK) {
        return options_exit(result);
    }
    char path[AUDIT_PATH_BYTES];
    const char *directory = audit_directory(given, path);
    if (directory == NULL) {
        return EXIT_CODE_FAILURE;
    }
    struct printer printer;
    printer_init(&printer, output);
    int code = tail(directory, (size_t)count, follow, &printer);
    printer_release(&printer);
    return code;
}

const struct command audit_tail = {
    .name = "audit tail",
    .summary = "print the last records",
    .usage = "usage: aegis audit tail [OPTIONS]\n"
             "\n"
             "Prints the last records, oldest first. A call whose outcome is not in the\n"
             "journal (lost in a crash, or still running) reads 'unknown'.\n"
             "\n"
             "      --dir DIR    the journal (default: see 'aegis help audit')\n"
             "  -n, --lines N    how many (default 20, at most 100000)\n"
             "  -f, --follow     go on with those that are written from now on\n"
             "      --output O   text (default) or json\n"
             "\n"
             "examples:\n"
             "  aegis audit tail -n 50 --follow\n",
    .run = run_tail,
};
