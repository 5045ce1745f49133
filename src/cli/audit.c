#include "cli/audit.h"
#include "adapters/store/sqlite_index.h"
#include "cli/audit_print.h"
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SEARCH_DEFAULT 100
#define SEARCH_MAX 100000
#define INDEX_BATCH 1000

int audit_fail(const struct diag *diag)
{
    (void)fprintf(stderr, "aegis audit: %s: %s\n", diag->code, diag->message);
    return EXIT_CODE_FAILURE;
}

void audit_explain_empty(const char *directory)
{
    (void)fprintf(stderr,
                  "no records: the journal at '%s' is empty; the first request that the gateway "
                  "judges appears here\n",
                  directory);
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
                      "('jira.create_issue'), 'aegis audit tail' shows what there is\n",
                      directory);
    }
    printer_release(&printer);
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

static const struct command audit_search;

static int run_search(int argc, char **argv)
{
    static const char *const decisions[] = {"allow", "deny", NULL};
    const char *given = NULL, *output = "text";
    struct search_texts texts = {0};
    int64_t limit = SEARCH_DEFAULT;
    bool is_unknown = false;
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
        {.name = "unknown", .kind = OPTION_FLAG, .out.flag = &is_unknown},
        {.name = "since", .kind = OPTION_TEXT, .out.text = &texts.since},
        {.name = "limit", .kind = OPTION_NUMBER, .out.number = &limit, .min = 1, .max = SEARCH_MAX},
        OUTPUT_OPTION(output),
    };
    struct operands operands = {.max = 0};
    enum options_result result =
        options_read(&audit_search, options, COUNT_OF(options), argc, argv, &operands);
    if (result != OPTIONS_OK) {
        return options_exit(result);
    }
    struct sqlite_index_query query;
    if (!build_query(&texts, limit, &query)) {
        return EXIT_CODE_USAGE;
    }
    query.is_unknown = is_unknown;
    char path[AUDIT_PATH_BYTES];
    const char *directory = audit_directory(given, path);
    return directory == NULL ? EXIT_CODE_FAILURE : search_print(directory, &query, output);
}

static const struct command audit_search = {
    .name = "audit search",
    .summary = "find records",
    .usage = "usage: aegis audit search [OPTIONS]\n"
             "\n"
             "Prints the records that match all that is given, newest first. Names match\n"
             "whole. A call whose outcome is not in the journal (lost in a crash, or still\n"
             "running) reads 'unknown'.\n"
             "\n"
             "  --dir DIR       the journal (default: see 'aegis help audit')\n"
             "  --principal P   the caller, by his subject\n"
             "  --target T      the tool, prompt or resource, such as jira.create_issue\n"
             "  --decision D    allow or deny\n"
             "  --code C        why, such as policy_denied\n"
             "  --type T        the kind of record, such as authz.deny\n"
             "  --id ID         the decision_id, which refused clients are told as well\n"
             "  --unknown       calls whose outcome is not known\n"
             "  --since WHEN    an age such as 90s, 15m, 2h or 7d, or a time in UTC such as\n"
             "                  2026-11-24 or 2026-11-24T06:00:00Z\n"
             "  --limit N       how many at most (default 100, at most 100000)\n"
             "  --output O      text (default) or json\n"
             "\n"
             "examples:\n"
             "  aegis audit search --decision deny --since 2h\n"
             "  aegis audit search --unknown --since 7d\n"
             "  aegis audit search --id 3f0c9a5e7d1b42680011223344556677 --output json\n",
    .run = run_search,
};

static const struct command_group groups[] = {
    {"Read", {&audit_tail, &audit_search}},
    {"Prove", {&audit_verify, &audit_head}},
};

const struct command command_audit = {
    .name = "audit",
    .summary = "read, search and verify the audit journal",
    .usage = "usage: aegis audit COMMAND [OPTIONS]\n"
             "\n"
             "A gateway writes one journal, a folder of its own. Without --dir one in\n"
             "$XDG_STATE_HOME/aegis is read: 'audit' of 'aegis serve', 'proxy-PID', 'wrap-PID'\n"
             "and 'connect-PID' of the gateways in front of one server. It is the one that is\n"
             "being written, or else the only one; where that leaves several they are listed,\n"
             "and one must be named. Where there is none it is that of the system service,\n"
             "/var/lib/aegis/audit.\n",
    .groups = groups,
    .group_count = COUNT_OF(groups),
};
