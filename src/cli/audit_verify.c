/* aegis audit verify, aegis audit head: is the journal what was written, and how far does it go? */
#include "adapters/journal/journal.h"
#include "adapters/journal/journal_verify.h"
#include "cli/audit.h"
#include "cli/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define TIME_BYTES 32

/* Whose signatures count, and where that was learnt. */
struct trust {
    struct signing_public keys;
    const char *source; /* "given", "journal" or "none" */
};

static const struct signing_public *trusted(const struct trust *trust)
{
    return trust->keys.count != 0 ? &trust->keys : NULL;
}

/* The keys of --key, or those beside the journal. */
static enum status load_trust(const char *given, const char *directory, struct trust *trust,
                              struct diag *diag)
{
    char path[AUDIT_PATH_BYTES + sizeof(JOURNAL_PUBLIC_KEYS_NAME)];
    *trust = (struct trust){.source = given != NULL ? "given" : "journal"};
    (void)snprintf(path, sizeof(path), "%s/" JOURNAL_PUBLIC_KEYS_NAME, directory);
    enum status status = signing_public_load(given != NULL ? given : path, &trust->keys, diag);
    if (status == STATUS_NOT_FOUND && given != NULL) {
        return diag_fail(diag, status, "key.io", "there is no key file '%s'", given);
    }
    if (status == STATUS_NOT_FOUND) {
        trust->source = "none";
        return STATUS_OK;
    }
    return status;
}

static const char *format_time(int64_t time_ms, char out[TIME_BYTES])
{
    struct tm parts;
    time_t seconds = (time_t)(time_ms / 1000);
    out[0] = '\0';
    if (gmtime_r(&seconds, &parts) != NULL) {
        (void)strftime(out, TIME_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    return out;
}

static void print_checkpoint_json(const struct checkpoint *checkpoint)
{
    char when[TIME_BYTES], anchor[JOURNAL_ANCHOR_TEXT_BYTES];
    journal_anchor_format(checkpoint, anchor);
    (void)printf("{\"anchor\":\"%s\",\"signed_records\":%" PRIu64
                 ",\"time\":\"%s\",\"closing\":%s,\"key\":\"",
                 anchor, checkpoint->sequence - 1, format_time(checkpoint->time_ms, when),
                 checkpoint->is_closing ? "true" : "false");
    for (size_t i = 0; i < SIGNING_PUBLIC_BYTES; i++) {
        (void)printf("%02x", checkpoint->key[i]);
    }
    (void)printf("\"}");
}

static void print_report_json(const struct journal_report *report, const struct trust *trust)
{
    (void)printf("{\"intact\":%s,\"records\":%" PRIu64 ",\"segments\":%" PRIu64
                 ",\"void_bytes\":%" PRIu64 ",\"checkpoints\":%" PRIu64
                 ",\"unsigned_records\":%" PRIu64 ",\"closed\":%s,\"keys\":\"%s\"",
                 report->is_intact ? "true" : "false", report->records, report->segments,
                 report->void_bytes, report->checkpoints, report->unsigned_count,
                 report->is_closed ? "true" : "false", trust->source);
    if (report->checkpoints != 0) {
        (void)printf(",\"last_checkpoint\":");
        print_checkpoint_json(&report->last);
    }
    if (!report->is_intact) {
        (void)printf(",\"first_bad\":{\"code\":\"%s\",\"segment\":%" PRIu64 ",\"offset\":%" PRIu64
                     ",\"sequence\":%" PRIu64 "}",
                     report->diag.code, report->bad_segment, report->bad_offset,
                     report->bad_sequence);
    }
    (void)printf("}\n");
}

/* What the signatures say of an intact journal. */
static void print_signed(const struct journal_report *report)
{
    char when[TIME_BYTES], anchor[JOURNAL_ANCHOR_TEXT_BYTES];
    if (report->checkpoints == 0) {
        (void)printf("not signed: there is no checkpoint, so a journal that was rebuilt or cut "
                     "looks the same\n");
        return;
    }
    journal_anchor_format(&report->last, anchor);
    (void)printf(
        "signed: %" PRIu64 " checkpoints; the last, of %s, covers records 1 to %" PRIu64 "\n",
        report->checkpoints, format_time(report->last.time_ms, when), report->last.sequence - 1);
    if (report->is_closed) {
        (void)printf("closed: the gateway stopped there in good order\n");
    } else {
        (void)printf("open: %" PRIu64 " records follow it, in the chain but not signed; the "
                     "gateway runs, or was killed\n",
                     report->unsigned_count);
    }
    (void)printf("anchor: %s\n", anchor);
}

static void print_trust(const char *directory, const struct trust *trust)
{
    if (trust->keys.count == 0) {
        (void)printf("key: none, so anybody may have signed; name the gateway's with --key\n");
    } else if (slice_eq(slice_view_cstr(trust->source), SLICE("journal"))) {
        (void)printf("key: '%s/" JOURNAL_PUBLIC_KEYS_NAME "', which stands beside the journal; "
                     "keep a copy elsewhere and name it with --key\n",
                     directory);
    }
}

static void print_bad(const struct journal_report *report)
{
    (void)printf("NOT INTACT: %s: %s\n", report->diag.code, report->diag.message);
    (void)printf("first bad place: segment %" PRIu64 ", byte %" PRIu64 ", record %" PRIu64
                 "; %" PRIu64 " records before it are in order\n",
                 report->bad_segment, report->bad_offset, report->bad_sequence, report->records);
    if (report->checkpoints != 0) {
        (void)printf("signed before it: records 1 to %" PRIu64 "\n", report->last.sequence - 1);
    }
    if (slice_eq(slice_view_cstr(report->diag.code), SLICE("journal.torn"))) {
        (void)printf("a gateway that was killed leaves such an end; its next start puts it outside "
                     "the chain\n");
    }
}

static void print_report(const char *directory, const struct journal_report *report,
                         const struct trust *trust)
{
    if (report->is_intact) {
        (void)printf("intact: %" PRIu64 " records in %" PRIu64 " segments at '%s'\n",
                     report->records, report->segments, directory);
        print_signed(report);
        print_trust(directory, trust);
    } else {
        print_bad(report);
    }
    if (report->void_bytes != 0) {
        (void)printf("%" PRIu64 " bytes of torn or failed writes lie outside the chain\n",
                     report->void_bytes);
    }
    if (report->is_intact && !report->has_head && report->checkpoints != 0) {
        (void)printf("there is no head file: an end that was cut off cannot be seen without "
                     "--expect\n");
    }
    if (report->is_intact && report->records == 0) {
        audit_explain_empty(directory);
    }
}

/* The options of both commands. */
struct verify_texts {
    const char *directory, *key, *expect, *output;
};

static enum options_result read_options(const struct command *command, int argc, char **argv,
                                        bool has_expect, struct verify_texts *texts)
{
    const struct option options[] = {
        {.name = "dir", .kind = OPTION_TEXT, .out.text = &texts->directory},
        {.name = "key", .kind = OPTION_TEXT, .out.text = &texts->key},
        OUTPUT_OPTION(texts->output),
        {.name = "expect", .kind = OPTION_TEXT, .out.text = &texts->expect},
    };
    struct operands operands = {.max = 0};
    size_t count = COUNT_OF(options) - !has_expect;
    return options_read(command, options, count, argc, argv, &operands);
}

static bool is_json(const struct verify_texts *texts)
{
    return slice_eq(slice_view_cstr(texts->output), SLICE("json"));
}

static int run_verify(int argc, char **argv)
{
    struct verify_texts texts = {.output = "text"};
    enum options_result result = read_options(&audit_verify, argc, argv, true, &texts);
    if (result != OPTIONS_OK) {
        return options_exit(result);
    }
    struct journal_anchor anchor;
    if (texts.expect != NULL && !journal_anchor_parse(slice_view_cstr(texts.expect), &anchor)) {
        (void)fprintf(stderr, "aegis audit: --expect needs an anchor as 'aegis audit head' prints "
                              "it: a number, ':' and 64 hexadecimal digits\n");
        return EXIT_CODE_USAGE;
    }
    char path[AUDIT_PATH_BYTES];
    const char *directory = audit_directory(texts.directory, path);
    if (directory == NULL) {
        return EXIT_CODE_FAILURE;
    }
    struct trust trust;
    struct journal_report report;
    struct diag diag = {0};
    if (load_trust(texts.key, directory, &trust, &diag) != STATUS_OK) {
        return audit_fail(&diag);
    }
    struct journal_verify_options options = {
        .directory = directory,
        .keys = trusted(&trust),
        .anchor = texts.expect != NULL ? &anchor : NULL,
    };
    if (journal_verify(&options, &report, &diag) != STATUS_OK) {
        return audit_fail(&diag);
    }
    if (is_json(&texts)) {
        print_report_json(&report, &trust);
    } else {
        print_report(directory, &report, &trust);
    }
    return report.is_intact ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

static int run_head(int argc, char **argv)
{
    struct verify_texts texts = {.output = "text"};
    enum options_result result = read_options(&audit_head, argc, argv, false, &texts);
    if (result != OPTIONS_OK) {
        return options_exit(result);
    }
    char path[AUDIT_PATH_BYTES], anchor[JOURNAL_ANCHOR_TEXT_BYTES];
    const char *directory = audit_directory(texts.directory, path);
    if (directory == NULL) {
        return EXIT_CODE_FAILURE;
    }
    struct trust trust;
    struct checkpoint head;
    struct diag diag = {0};
    if (load_trust(texts.key, directory, &trust, &diag) != STATUS_OK ||
        journal_head(directory, trusted(&trust), &head, &diag) != STATUS_OK) {
        return audit_fail(&diag);
    }
    if (is_json(&texts)) {
        print_checkpoint_json(&head);
        (void)printf("\n");
    } else {
        journal_anchor_format(&head, anchor);
        (void)printf("%s\n", anchor);
    }
    return EXIT_CODE_OK;
}

const struct command audit_verify = {
    .name = "audit verify",
    .summary = "prove that the journal is what was written",
    .usage = "usage: aegis audit verify [OPTIONS]\n"
             "\n"
             "Reads every byte, and tells the first place that is not what was written.\n"
             "\n"
             "  --dir DIR         the journal (default: see 'aegis help audit')\n"
             "  --key FILE        the public keys that may sign, in PEM (default: those in\n"
             "                    DIR/audit.pub are believed)\n"
             "  --expect ANCHOR   a checkpoint that 'aegis audit head' printed, to find a\n"
             "                    journal that was cut or put back\n"
             "  --output O        text (default) or json\n"
             "\n"
             "examples:\n"
             "  aegis audit verify --key audit.pub --expect \"$(tail -n 1 anchors)\"\n",
    .exit_codes = "  0  the journal is intact\n"
                  "  1  it is not, or cannot be read\n"
                  "  2  the command line is wrong\n",
    .run = run_verify,
};

const struct command audit_head = {
    .name = "audit head",
    .summary = "print the anchor of the newest checkpoint, to keep elsewhere",
    .usage = "usage: aegis audit head [OPTIONS]\n"
             "\n"
             "Prints the anchor of the newest signed checkpoint. Keep it on another machine,\n"
             "and give it back to 'aegis audit verify'.\n"
             "\n"
             "  --dir DIR    the journal (default: see 'aegis help audit')\n"
             "  --key FILE   the public keys that may sign, in PEM (default: those in\n"
             "               DIR/audit.pub are believed)\n"
             "  --output O   text (default) or json\n"
             "\n"
             "examples:\n"
             "  aegis audit head | ssh auditor@vault 'cat >> anchors'\n",
    .run = run_head,
};
