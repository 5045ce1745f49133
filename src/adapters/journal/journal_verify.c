#include "adapters/journal/journal_verify.h"

#include "adapters/journal/journal_directory.h"
#include "adapters/journal/journal_reader.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A place that must be a checkpoint of the journal. */
struct expected {
    bool is_wanted, is_found;
    struct journal_anchor anchor;
};

struct verifier {
    const struct journal_verify_options *options;
    struct journal_report *report;
    struct expected head, anchor;
    struct diag head_fault;         /* a head file that cannot be believed */
    struct journal_cursor cut_note; /* the first record that says journal.cut; zero: none */
    uint64_t notes;                 /* of starts and failures, since the last checkpoint */
};

void journal_anchor_format(const struct checkpoint *checkpoint, char out[JOURNAL_ANCHOR_TEXT_BYTES])
{
    int at = snprintf(out, JOURNAL_ANCHOR_TEXT_BYTES, "%" PRIu64 ":", checkpoint->sequence);
    for (size_t i = 0; i < AUDIT_HASH_BYTES; i++, at += 2) {
        (void)snprintf(out + at, JOURNAL_ANCHOR_TEXT_BYTES - (size_t)at, "%02x",
                       checkpoint->chain[i]);
    }
}

static int hex_value(uint8_t digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                                          : -1;
}

bool journal_anchor_parse(struct slice text, struct journal_anchor *out)
{
    size_t colon = slice_find_byte(text, ':');
    struct slice digits = slice_sub(text, colon + 1, text.len);
    int64_t sequence = 0;
    if (colon == text.len || digits.len != (size_t)2 * AUDIT_HASH_BYTES ||
        slice_to_i64(slice_sub(text, 0, colon), &sequence) != STATUS_OK || sequence < 1) {
        return false;
    }
    for (size_t i = 0; i < AUDIT_HASH_BYTES; i++) {
        int high = hex_value(digits.ptr[2 * i]), low = hex_value(digits.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out->chain[i] = (uint8_t)(high << 4 | low);
    }
    out->sequence = (uint64_t)sequence;
    return true;
}

static bool is_trusted(const struct signing_public *keys, const struct checkpoint *checkpoint)
{
    for (size_t i = 0; keys != NULL && i < keys->count; i++) {
        if (memcmp(keys->keys[i], checkpoint->key, SIGNING_PUBLIC_BYTES) == 0) {
            return true;
        }
    }
    return keys == NULL;
}

static enum status key_fail(const struct checkpoint *checkpoint, struct diag *diag)
{
    return diag_fail(diag, STATUS_CONFLICT, "journal.key",
                     "the checkpoint before record %" PRIu64
                     " was signed by %02x%02x%02x%02x..., which is none of the given keys",
                     checkpoint->sequence, checkpoint->key[0], checkpoint->key[1],
                     checkpoint->key[2], checkpoint->key[3]);
}

static void look_for(struct expected *expected, const struct checkpoint *checkpoint)
{
    expected->is_found =
        expected->is_found ||
        (expected->is_wanted && expected->anchor.sequence == checkpoint->sequence &&
         memcmp(expected->anchor.chain, checkpoint->chain, AUDIT_HASH_BYTES) == 0);
}

static enum status check_checkpoint(struct verifier *self, const struct journal_entry *entry)
{
    struct journal_report *report = self->report;
    struct checkpoint checkpoint;
    if (!checkpoint_decode(entry->payload, &checkpoint) || checkpoint.sequence != entry->sequence ||
        memcmp(checkpoint.chain, entry->previous_chain, AUDIT_HASH_BYTES) != 0) {
        return diag_fail(&report->diag, STATUS_CONFLICT, "journal.checkpoint",
                         "the checkpoint before record %" PRIu64
                         " was not signed for this place: what is before it was rebuilt",
                         entry->sequence);
    }
    if (!is_trusted(self->options->keys, &checkpoint)) {
        return key_fail(&checkpoint, &report->diag);
    }
    look_for(&self->head, &checkpoint);
    look_for(&self->anchor, &checkpoint);
    report->last = checkpoint;
    report->checkpoints++;
    self->notes = 0;
    return STATUS_OK;
}

/* A start had found less than the head named. The bytes are gone or outside the chain, so this
 * record is all that tells of them. Texts of a record are escaped: none can look like its members.
 */
static bool says_cut(struct slice payload)
{
    static const char code[] = "\"code\":\"journal.cut\"";
    return slice_starts_with(payload, SLICE("{\"type\":\"self.fault\"")) &&
           memmem(payload.ptr, payload.len, code, sizeof(code) - 1) != NULL;
}

/* Does a segment begin with this note of its writer's? */
static bool is_start_note(const struct journal_entry *entry, bool is_first)
{
    return is_first && slice_starts_with(entry->payload, SLICE("{\"type\":\"self.fault\""));
}

static enum status check_entry(struct verifier *self, const struct journal_entry *entry)
{
    struct journal_report *report = self->report;
    bool is_first = entry->segment != report->segments;
    report->segments = entry->segment;
    if (entry->is_checkpoint) {
        TRY(check_checkpoint(self, entry));
        report->unsigned_count = 0;
        report->is_closed = report->last.is_closing;
        return STATUS_OK;
    }
    if (self->cut_note.segment == 0 && says_cut(entry->payload)) {
        self->cut_note =
            (struct journal_cursor){entry->segment, entry->offset, entry->sequence, {0}};
    }
    report->records++;
    report->payload_bytes += entry->payload.len;
    /* A start or a failure may add its note before it signs; nothing else is left out of the count,
     * or many segments could hold many records without a checkpoint. */
    report->unsigned_count++;
    self->notes += is_start_note(entry, is_first) ? 1 : 0;
    report->is_closed = false;
    if (report->checkpoints != 0 &&
        report->unsigned_count - self->notes > report->last.records_max) {
        return diag_fail(&report->diag, STATUS_CONFLICT, "journal.unsigned",
                         "more than %" PRIu32
                         " records follow the last checkpoint: the writer would have signed them",
                         report->last.records_max);
    }
    return STATUS_OK;
}

static enum status check_expected(struct verifier *self, const struct expected *expected,
                                  const char *what)
{
    struct journal_report *report = self->report;
    if (!expected->is_wanted || expected->is_found) {
        return STATUS_OK;
    }
    uint64_t end = report->records + 1;
    return expected->anchor.sequence > end
               ? diag_fail(&report->diag, STATUS_CONFLICT, "journal.cut",
                           "the end is missing: %s names %" PRIu64 " records, there are %" PRIu64,
                           what, expected->anchor.sequence - 1, report->records)
               : diag_fail(&report->diag, STATUS_CONFLICT, "journal.anchor",
                           "%s is no checkpoint of this journal: it, or the journal, is another",
                           what);
}

static enum status check_cut_note(struct verifier *self)
{
    struct journal_report *report = self->report;
    if (self->cut_note.segment == 0) {
        return STATUS_OK;
    }
    report->bad_segment = self->cut_note.segment;
    report->bad_offset = self->cut_note.offset;
    report->bad_sequence = self->cut_note.sequence;
    return diag_fail(&report->diag, STATUS_CONFLICT, "journal.cut",
                     "when record %" PRIu64 " was written, signed records before it were missing",
                     self->cut_note.sequence);
}

/* What can be judged at the end only. */
static enum status check_end(struct verifier *self)
{
    struct journal_report *report = self->report;
    TRY(check_cut_note(self));
    if (self->head_fault.code != NULL) {
        report->diag = self->head_fault;
        return STATUS_CONFLICT;
    }
    TRY(check_expected(self, &self->head, "the head file"));
    TRY(check_expected(self, &self->anchor, "the expected anchor"));
    report->has_head = self->head.is_found;
    if (self->options->keys != NULL && report->checkpoints == 0 && report->records != 0) {
        return diag_fail(&report->diag, STATUS_CONFLICT, "journal.unsigned",
                         "there is no checkpoint: nothing in this journal is signed");
    }
    return STATUS_OK;
}

static bool is_end(enum status status, const struct diag *diag)
{
    return status == STATUS_NOT_FOUND &&
           slice_eq(slice_view_cstr(diag->code), SLICE("journal.end"));
}

/* The next frame. Behind the last one there may be nothing: what a writer at work adds between two
 * looks is read like the rest. */
static enum status read_next(struct journal_reader *reader, struct journal_entry *entry,
                             struct diag *diag)
{
    enum status status = journal_reader_next_frame(reader, entry, diag);
    struct diag rest = {0};
    if (!is_end(status, diag)) {
        return status;
    }
    enum status rest_status = journal_reader_check_end(reader, &rest);
    if (rest_status == STATUS_OK) {
        return status;
    }
    status = journal_reader_next_frame(reader, entry, diag);
    if (is_end(status, diag)) {
        *diag = rest;
        status = rest_status;
    }
    return status;
}

static enum status read_all(struct verifier *self, struct journal_reader *reader)
{
    struct journal_report *report = self->report;
    struct journal_entry entry;
    enum status status;
    while ((status = read_next(reader, &entry, &report->diag)) == STATUS_OK) {
        status = check_entry(self, &entry);
        if (status != STATUS_OK) {
            report->bad_segment = entry.segment;
            report->bad_offset = entry.offset;
            report->bad_sequence = entry.sequence;
            return status;
        }
    }
    struct journal_cursor at = journal_reader_cursor(reader);
    report->segments = at.segment;
    report->void_bytes = journal_reader_void_bytes(reader);
    report->bad_segment = at.segment;
    report->bad_offset = at.offset;
    report->bad_sequence = at.sequence;
    if (is_end(status, &report->diag)) {
        report->diag = (struct diag){0};
        return check_end(self);
    }
    return status == STATUS_NOT_FOUND ? STATUS_CONFLICT : status;
}

static enum status open_folder(const char *directory, int *out, struct diag *diag)
{
    *out = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*out < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return diag_fail(diag, STATUS_NOT_FOUND, "journal.absent", "there is no journal at '%s'",
                         directory);
    }
    return *out >= 0 ? STATUS_OK : journal_io_fail(diag, "open", directory);
}

enum status journal_head(const char *directory, const struct signing_public *keys,
                         struct checkpoint *out, struct diag *diag)
{
    int directory_fd = -1;
    TRY(open_folder(directory, &directory_fd, diag));
    enum status status = checkpoint_read_head(directory_fd, out, diag);
    (void)close(directory_fd);
    TRY(status);
    return is_trusted(keys, out) ? STATUS_OK : key_fail(out, diag);
}

/* The head is read before the journal: what it names was in the journal at that time, and a writer
 * at work only adds. */
static enum status expect_head(struct verifier *self, struct diag *diag)
{
    struct checkpoint head;
    struct diag reason = {0};
    enum status status =
        journal_head(self->options->directory, self->options->keys, &head, &reason);
    if (status == STATUS_OK) {
        self->head.is_wanted = true;
        self->head.anchor.sequence = head.sequence;
        memcpy(self->head.anchor.chain, head.chain, AUDIT_HASH_BYTES);
        return STATUS_OK;
    }
    if (status == STATUS_NOT_FOUND &&
        slice_eq(slice_view_cstr(reason.code), SLICE("journal.head"))) {
        return STATUS_OK;
    }
    if (status == STATUS_CONFLICT) {
        self->head_fault = reason;
        return STATUS_OK;
    }
    return diag_fail(diag, status, reason.code, "%s", reason.message);
}

enum status journal_verify(const struct journal_verify_options *options,
                           struct journal_report *report, struct diag *diag)
{
    struct verifier self = {.options = options, .report = report};
    struct journal_reader *reader = NULL;
    *report = (struct journal_report){0};
    if (options->anchor != NULL) {
        self.anchor = (struct expected){.is_wanted = true, .anchor = *options->anchor};
    }
    TRY(expect_head(&self, diag));
    TRY(journal_reader_open(options->directory, NULL, &reader, diag));
    assert(reader != NULL);
    enum status status = read_all(&self, reader);
    journal_reader_close(reader);
    if (status == STATUS_UNAVAILABLE) {
        return diag_fail(diag, status, report->diag.code, "%s", report->diag.message);
    }
    report->is_intact = status == STATUS_OK;
    return STATUS_OK;
}
