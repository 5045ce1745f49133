#include "adapters/journal/journal_verify.h"

#include "adapters/journal/journal_reader.h"
#include "support/journal_fixture.h"

#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES_MAX = 128, CHECKPOINT_EVERY = 4, SEGMENT_BYTES = 1500 };

/* A signed journal of several segments, and what an attacker with write access could use. */
struct signed_journal {
    struct folder folder, keys;
    char key_path[PATH_BYTES + 16];
    struct signing_key *key;
    struct checkpoint_signer signer;
    struct signing_public trusted;
    struct journal_options options;
};

static struct signing_key *open_key(const struct folder *folder, const char *name, char *path)
{
    struct signing_key *key = NULL;
    snprintf(path, PATH_BYTES + 16, "%s/%s", folder->path, name);
    CHECK(signing_key_open(path, &key, NULL) == STATUS_OK);
    return key;
}

static void trust(struct signing_public *list, const struct signing_key *key)
{
    memcpy(list->keys[list->count++], signing_key_public(key), SIGNING_PUBLIC_BYTES);
}

static void signed_init(struct signed_journal *self)
{
    *self = (struct signed_journal){0};
    folder_init(&self->folder);
    folder_init(&self->keys);
    self->key = open_key(&self->keys, "audit.key", self->key_path);
    self->signer = checkpoint_signer_of_key(self->key);
    trust(&self->trusted, self->key);
    self->options = (struct journal_options){.directory = self->folder.path,
                                             .segment_bytes_max = SEGMENT_BYTES,
                                             .signer = &self->signer,
                                             .checkpoint_records = CHECKPOINT_EVERY};
}

static void signed_release(struct signed_journal *self)
{
    signing_key_free(self->key);
    folder_release(&self->keys);
    folder_release(&self->folder);
}

static struct journal_report verify_signed(const struct signed_journal *self,
                                           const struct journal_anchor *anchor)
{
    struct journal_verify_options options = {
        .directory = self->folder.path, .keys = &self->trusted, .anchor = anchor};
    struct journal_report report;
    CHECK(journal_verify(&options, &report, NULL) == STATUS_OK);
    return report;
}

static struct journal_anchor anchor_of(const struct signed_journal *self)
{
    struct checkpoint head;
    struct journal_anchor anchor;
    char text[JOURNAL_ANCHOR_TEXT_BYTES];
    CHECK(journal_head(self->folder.path, &self->trusted, &head, NULL) == STATUS_OK);
    journal_anchor_format(&head, text);
    CHECK(journal_anchor_parse(slice_view_cstr(text), &anchor));
    return anchor;
}

/* One segment, taken apart. */
struct segment {
    char path[PATH_BYTES + SEGMENT_NAME_BYTES];
    uint8_t bytes[FILE_BYTES_MAX];
    size_t len, count;
    struct {
        size_t offset, len;
    } frames[FRAMES_MAX];
};

static void segment_load(struct segment *segment, const struct folder *folder, uint64_t number)
{
    segment_path(folder, number, segment->path);
    segment->len = file_read(segment->path, segment->bytes);
    segment->count = 0;
    for (size_t at = SEGMENT_HEADER_BYTES; at < segment->len; segment->count++) {
        CHECK(segment->count < FRAMES_MAX);
        size_t len = FRAME_HEADER_BYTES + journal_get_u32(segment->bytes + at);
        segment->frames[segment->count].offset = at;
        segment->frames[segment->count].len = len;
        at += len;
    }
}

static struct slice segment_payload(const struct segment *segment, size_t i)
{
    size_t from = segment->frames[i].offset + FRAME_HEADER_BYTES;
    return slice_of(segment->bytes + from, segment->frames[i].len - FRAME_HEADER_BYTES);
}

/* Write the segment anew with these payloads: every CRC and every chain value right, as someone
 * who knows the format but has no key would do it. */
static void segment_rebuild(const struct segment *segment, const struct slice *payloads,
                            size_t count)
{
    uint8_t chain[AUDIT_HASH_BYTES];
    struct buf out;
    buf_init(&out, FILE_BYTES_MAX, NULL);
    buf_append(&out, slice_of(segment->bytes, SEGMENT_HEADER_BYTES));
    CHECK(segment_chain_start(segment->bytes, chain) == STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        CHECK(frame_append(&out, payloads[i], chain) == STATUS_OK);
    }
    file_write(segment->path, out.ptr, out.len);
    buf_release(&out);
}

static void segment_restore(const struct segment *segment)
{
    file_write(segment->path, segment->bytes, segment->len);
}

TEST(verify_reports_what_is_signed)
{
    struct signed_journal signed_journal;
    signed_init(&signed_journal);
    write_records_as(&signed_journal.options, 10);
    struct journal_report report = verify_signed(&signed_journal, NULL);
    CHECK(report.is_intact && report.records == 10 && report.unsigned_count == 0);
    /* At the start, behind records 4 and 8, at the close. */
    CHECK(report.checkpoints == 4 && report.is_closed && report.has_head);
    CHECK(report.last.sequence == 11 && report.last.records_max == CHECKPOINT_EVERY);

    /* Records are counted without the checkpoints between them. */
    struct journal_reader *reader = NULL;
    struct journal_entry entry;
    uint64_t sequence = 0;
    CHECK(journal_reader_open(signed_journal.folder.path, NULL, &reader, NULL) == STATUS_OK);
    while (journal_reader_next(reader, &entry, NULL) == STATUS_OK) {
        CHECK(!entry.is_checkpoint && entry.sequence == ++sequence);
    }
    CHECK(sequence == 10);
    journal_reader_close(reader);

    write_records_as(&signed_journal.options, 1);
    report = verify_signed(&signed_journal, NULL);
    CHECK(report.is_intact && report.records == 11 && report.is_closed && report.segments == 2);
    signed_release(&signed_journal);
}

TEST(verify_tells_a_running_writer_from_a_closed_one)
{
    struct signed_journal signed_journal;
    struct fake_loop loop;
    struct journal *journal = NULL;
    signed_init(&signed_journal);
    fake_loop_init(&loop);
    CHECK(journal_open(&signed_journal.options, &journal, NULL) == STATUS_OK);
    for (size_t i = 0; i < CHECKPOINT_EVERY + 2; i++) {
        CHECK(append_wait(journal, &loop, SLICE("{\"a\":\"record\"}"), true));
    }
    struct journal_report report = verify_signed(&signed_journal, NULL);
    CHECK(report.is_intact && !report.is_closed && report.unsigned_count == 2);
    CHECK(report.last.sequence == CHECKPOINT_EVERY + 1);
    journal_close(journal);
    fake_loop_release(&loop);
    signed_release(&signed_journal);
}

/* Until the head file names all records before this one, of a journal that is open. */
static void wait_for_head(const struct signed_journal *self, uint64_t sequence)
{
    struct checkpoint head = {0};
    while (head.sequence < sequence) {
        CHECK(journal_head(self->folder.path, NULL, &head, NULL) == STATUS_OK);
        usleep(1000);
    }
    CHECK(!head.is_closing);
}

/* What was written last is signed although nothing follows it. */
TEST(journal_signs_after_a_while)
{
    struct signed_journal signed_journal;
    struct fake_loop loop;
    struct journal *journal = NULL;
    signed_init(&signed_journal);
    fake_loop_init(&loop);
    signed_journal.options.checkpoint_ms = 1;
    signed_journal.options.checkpoint_records = 1000;
    signed_journal.options.stall_ms = 400; /* the watchdog looks every 101 ms */
    CHECK(journal_open(&signed_journal.options, &journal, NULL) == STATUS_OK);
    /* A slow disk is a stall as well: what is refused for that is appended again. */
    while (!append_wait(journal, &loop, SLICE("{\"a\":\"record\"}"), false)) {
        sched_yield();
    }
    wait_for_head(&signed_journal, 2);
    journal_close(journal);
    fake_loop_release(&loop);
    signed_release(&signed_journal);
}

/* ... and stands in the head file, soon, although others were written just before. */
TEST(journal_publishes_its_last_head)
{
    struct signed_journal signed_journal;
    struct fake_loop loop;
    struct journal *journal = NULL;
    signed_init(&signed_journal);
    fake_loop_init(&loop);
    signed_journal.options.checkpoint_records = 1;
    signed_journal.options.stall_ms = 400;
    CHECK(journal_open(&signed_journal.options, &journal, NULL) == STATUS_OK);
    while (loop.ok < 4) {
        (void)append_wait(journal, &loop, SLICE("{\"a\":\"record\"}"), true);
    }
    wait_for_head(&signed_journal, 5);
    journal_close(journal);
    fake_loop_release(&loop);
    signed_release(&signed_journal);
}

/* Real files, watched: is everything written to a segment synced when a head gets its name? */
struct watched_files {
    struct journal_files files;
    int segment_fd; /* the one written last that is no head */
    int head_fd;
    size_t unsynced, heads; /* the journal's thread, then the test's behind the close */
};

static int watched_create(void *context, int directory_fd, const char *name, bool is_direct)
{
    struct watched_files *self = context;
    int fd = journal_files_system.create(NULL, directory_fd, name, is_direct);
    *(str_eq(name, "head.tmp") ? &self->head_fd : &self->segment_fd) = fd;
    return fd;
}

static ssize_t watched_pwrite(void *context, int fd, const void *bytes, size_t count, off_t offset)
{
    struct watched_files *self = context;
    self->unsynced += fd == self->segment_fd ? count : 0;
    return journal_files_system.pwrite(NULL, fd, bytes, count, offset);
}

static int watched_fdatasync(void *context, int fd)
{
    struct watched_files *self = context;
    self->unsynced = fd == self->segment_fd ? 0 : self->unsynced;
    return journal_files_system.fdatasync(NULL, fd);
}

static int watched_rename(void *context, int directory_fd, const char *from, const char *to)
{
    struct watched_files *self = context;
    if (str_eq(to, CHECKPOINT_HEAD_NAME)) {
        CHECK(self->unsynced == 0);
        self->heads++;
    }
    return journal_files_system.rename(NULL, directory_fd, from, to);
}

static int64_t mono_s(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec;
}

/* A head that names more than a crash leaves would accuse an honest journal. Its file is written at
 * the start, at the end, and once a second. */
TEST(journal_signs_only_what_is_synced)
{
    int64_t begin_s = mono_s();
    struct signed_journal signed_journal;
    struct fake_loop loop;
    struct journal *journal = NULL;
    signed_init(&signed_journal);
    fake_loop_init(&loop);
    struct watched_files watched = {.files = journal_files_system};
    watched.files.context = &watched;
    watched.files.create = watched_create;
    watched.files.pwrite = watched_pwrite;
    watched.files.fdatasync = watched_fdatasync;
    watched.files.rename = watched_rename;
    signed_journal.options.files = &watched.files;
    CHECK(journal_open(&signed_journal.options, &journal, NULL) == STATUS_OK);
    for (size_t i = 0; i < 40; i++) {
        CHECK(append_wait(journal, &loop, SLICE("{\"not\":\"durable\"}"), false));
    }
    journal_close(journal);
    CHECK(watched.heads >= 2 && watched.heads <= 3 + (size_t)(mono_s() - begin_s));
    CHECK(verify_signed(&signed_journal, NULL).is_closed);
    fake_loop_release(&loop);
    signed_release(&signed_journal);
}

TEST(verify_finds_any_flipped_bit_at_its_place)
{
    static struct segment segment;
    struct signed_journal signed_journal;
    signed_init(&signed_journal);
    write_records_as(&signed_journal.options, 7);
    write_records_as(&signed_journal.options, 2);
    for (uint64_t number = 1; number <= 2; number++) {
        segment_load(&segment, &signed_journal.folder, number);
        for (size_t i = 0; i < segment.len; i++) {
            uint8_t bit = (uint8_t)(1U << (i % 8));
            segment.bytes[i] ^= bit;
            segment_restore(&segment);
            struct journal_report report = verify_signed(&signed_journal, NULL);
            CHECK(!report.is_intact);
            for (size_t k = 0; k < segment.count; k++) {
                bool is_inside = i >= segment.frames[k].offset &&
                                 i < segment.frames[k].offset + segment.frames[k].len;
                CHECK(!is_inside || (report.bad_segment == number &&
                                     report.bad_offset == segment.frames[k].offset));
            }
            segment.bytes[i] ^= bit;
        }
        segment_restore(&segment);
    }
    CHECK(verify_signed(&signed_journal, NULL).is_intact);

    char path[PATH_BYTES + 16];
    uint8_t head[FILE_BYTES_MAX];
    snprintf(path, sizeof(path), "%s/%s", signed_journal.folder.path, CHECKPOINT_HEAD_NAME);
    size_t len = file_read(path, head);
    CHECK(len == CHECKPOINT_BYTES);
    for (size_t i = 0; i < len; i++) {
        head[i] ^= (uint8_t)(1U << (i % 8));
        file_write(path, head, len);
        struct journal_report report = verify_signed(&signed_journal, NULL);
        CHECK(has_code(&report, "journal.head"));
        head[i] ^= (uint8_t)(1U << (i % 8));
    }
    signed_release(&signed_journal);
}

enum edit { EDIT_REMOVE, EDIT_SWAP, EDIT_REPEAT, EDIT_CHANGE, EDIT_COUNT };

/* The payloads of a segment with one edit at frame `at`; returns their number. */
static size_t edit_payloads(const struct segment *segment, enum edit edit, size_t at,
                            struct slice *out)
{
    size_t count = 0;
    for (size_t i = 0; i < segment->count; i++) {
        struct slice payload = segment_payload(segment, i);
        if (edit == EDIT_REMOVE && i == at) {
            continue;
        }
        if (edit == EDIT_SWAP && (i == at || i == at + 1) && at + 1 < segment->count) {
            payload = segment_payload(segment, i == at ? at + 1 : at);
        }
        if (edit == EDIT_CHANGE && i == at) {
            payload = SLICE("{\"n\":\"forged\"}");
        }
        out[count++] = payload;
        if (edit == EDIT_REPEAT && i == at) {
            out[count++] = payload;
        }
    }
    return count;
}

/* The attacker rebuilds the segment behind the edit. Found at a place not before the edit, and
 * never called intact. */
TEST(verify_finds_a_rebuilt_chain)
{
    static struct segment segment;
    static struct slice payloads[FRAMES_MAX + 1];
    struct signed_journal signed_journal;
    signed_init(&signed_journal);
    for (size_t i = 0; i < 3; i++) {
        write_records_as(&signed_journal.options, 5 + i);
    }
    uint64_t segments = verify_signed(&signed_journal, NULL).segments;
    CHECK(segments >= 3);
    for (uint64_t number = 1; number <= segments; number++) {
        segment_load(&segment, &signed_journal.folder, number);
        for (size_t at = 0; at < segment.count; at++) {
            for (enum edit edit = EDIT_REMOVE; edit < EDIT_COUNT; edit++) {
                if (edit == EDIT_SWAP && at + 1 == segment.count) {
                    continue; /* nothing to swap with */
                }
                size_t count = edit_payloads(&segment, edit, at, payloads);
                segment_rebuild(&segment, payloads, count);
                struct journal_report report = verify_signed(&signed_journal, NULL);
                if (edit == EDIT_REPEAT && at + 1 == segment.count && number < segments) {
                    /* Behind the end that the next header names: outside the journal. A signature
                     * may end in zeros, which do not count. */
                    CHECK(report.is_intact && report.void_bytes != 0 &&
                          report.void_bytes <= segment.frames[at].len);
                    continue;
                }
                CHECK(!report.is_intact);
                CHECK(report.bad_segment == number || report.bad_segment == number + 1);
                CHECK(report.bad_segment != number ||
                      report.bad_offset >= segment.frames[at].offset);
            }
        }
        segment_restore(&segment);
    }
    CHECK(verify_signed(&signed_journal, NULL).is_intact);
    signed_release(&signed_journal);
}

/* Whole segments and ends that are taken away. The head file finds them; whoever also puts an old
 * head back is found by an anchor that is kept elsewhere, and by nothing else. */
TEST(verify_finds_a_cut_end)
{
    static struct segment segment;
    static uint8_t old_head[FILE_BYTES_MAX], new_head[FILE_BYTES_MAX];
    struct signed_journal signed_journal;
    char head_path[PATH_BYTES + 16];
    signed_init(&signed_journal);
    snprintf(head_path, sizeof(head_path), "%s/%s", signed_journal.folder.path,
             CHECKPOINT_HEAD_NAME);
    write_records_as(&signed_journal.options, 2);
    CHECK(file_read(head_path, old_head) == CHECKPOINT_BYTES);
    write_records_as(&signed_journal.options, 5);
    CHECK(file_read(head_path, new_head) == CHECKPOINT_BYTES);
    struct journal_anchor anchor = anchor_of(&signed_journal);
    CHECK(anchor.sequence == 8);
    CHECK(verify_signed(&signed_journal, &anchor).is_intact);

    segment_load(&segment, &signed_journal.folder, 2);
    for (size_t count = 0; count < segment.count; count++) {
        size_t len = count == 0 ? SEGMENT_HEADER_BYTES
                                : segment.frames[count - 1].offset + segment.frames[count - 1].len;
        file_write(segment.path, segment.bytes, len);
        struct journal_report report = verify_signed(&signed_journal, NULL);
        /* Without its closing checkpoint alone, no record is missing, but the head's place is. */
        CHECK(has_code(&report, report.records < 7 ? "journal.cut" : "journal.anchor"));
        CHECK(report.bad_segment == 2 && report.bad_offset == len);
        file_write(head_path, old_head, CHECKPOINT_BYTES);
        CHECK(verify_signed(&signed_journal, NULL).is_intact); /* the limit of what a reader sees */
        report = verify_signed(&signed_journal, &anchor);
        CHECK(has_code(&report, report.records < 7 ? "journal.cut" : "journal.anchor"));
        file_write(head_path, new_head, CHECKPOINT_BYTES);
    }
    CHECK(unlink(segment.path) == 0);
    struct journal_report report = verify_signed(&signed_journal, NULL);
    CHECK(has_code(&report, "journal.cut"));

    /* A start behind the cut says so in the chain, where it stays. */
    write_records_as(&signed_journal.options, 1);
    struct journal_reader *reader = NULL;
    struct journal_entry entry;
    size_t notes = 0;
    CHECK(journal_reader_open(signed_journal.folder.path, NULL, &reader, NULL) == STATUS_OK);
    while (journal_reader_next(reader, &entry, NULL) == STATUS_OK) {
        notes += memmem(entry.payload.ptr, entry.payload.len, "journal.cut", 11) != NULL;
    }
    journal_reader_close(reader);
    CHECK(notes == 1);
    report = verify_signed(&signed_journal, NULL);
    CHECK(has_code(&report, "journal.cut") && report.bad_segment == 2 && report.bad_sequence == 3);
    signed_release(&signed_journal);
}

/* An open segment ends in zeros, so zeros are what an attacker would write. */
enum zeros {
    ZEROS_BEHIND,      /* nothing but what a writer leaves */
    ZEROS_RECORD,      /* over one record */
    ZEROS_LAST_BYTE,   /* over its last byte */
    ZEROS_LENGTH,      /* over its length */
    ZEROS_REST,        /* over it and all behind it */
    ZEROS_THEN_FRAME,  /* behind the end, and then the record again */
    ZEROS_THEN_BYTE,   /* behind the end, and then any byte */
    ZEROS_AFTER_FRAME, /* the record again at the end */
};

static size_t edit_zeros(const struct segment *segment, enum zeros edit, size_t at, uint8_t *out)
{
    static const size_t BEHIND = 3000;
    size_t offset = segment->frames[at].offset, len = segment->frames[at].len;
    memset(out, 0, segment->len + BEHIND + len);
    memcpy(out, segment->bytes, segment->len);
    switch (edit) {
    case ZEROS_BEHIND:
        break;
    case ZEROS_RECORD:
        memset(out + offset, 0, len);
        break;
    case ZEROS_LAST_BYTE:
        out[offset + len - 1] = 0;
        break;
    case ZEROS_LENGTH:
        memset(out + offset, 0, 4);
        break;
    case ZEROS_REST:
        memset(out + offset, 0, segment->len - offset);
        break;
    case ZEROS_THEN_FRAME:
        memcpy(out + segment->len + BEHIND, segment->bytes + offset, len);
        break;
    case ZEROS_THEN_BYTE:
        out[segment->len + BEHIND] = 1;
        break;
    case ZEROS_AFTER_FRAME:
        memcpy(out + segment->len, segment->bytes + offset, len);
        break;
    }
    return segment->len + BEHIND + len;
}

TEST(verify_is_not_fooled_by_zeros)
{
    /* Frames: a checkpoint, records 1 to 4, a checkpoint, records 5 to 7, the closing one. */
    enum { FIRST = 1, SIGNED = 3, UNSIGNED = 7, CLOSING = 9, NOWHERE = FRAMES_MAX };
    static const struct {
        const char *name;
        enum zeros edit;
        size_t at, bad;                      /* frames; NOWHERE: behind the last */
        const char *code, *code_after_start; /* NULL: intact */
    } rows[] = {
        {"zeros ahead", ZEROS_BEHIND, FIRST, NOWHERE, NULL, NULL},
        {"a signed record", ZEROS_RECORD, SIGNED, SIGNED, "journal.torn", "journal.cut"},
        {"the first record", ZEROS_RECORD, FIRST, FIRST, "journal.torn", "journal.cut"},
        {"a late record", ZEROS_RECORD, UNSIGNED, UNSIGNED, "journal.torn", "journal.cut"},
        {"a length", ZEROS_LENGTH, SIGNED, SIGNED, "journal.torn", "journal.cut"},
        {"the end of a record", ZEROS_LAST_BYTE, SIGNED, SIGNED, "journal.torn", "journal.cut"},
        {"all from a record on", ZEROS_REST, SIGNED, SIGNED, "journal.cut", "journal.cut"},
        {"all records", ZEROS_REST, 0, 0, "journal.cut", "journal.cut"},
        {"the closing checkpoint", ZEROS_REST, CLOSING, CLOSING, "journal.anchor", NULL},
        {"a frame behind zeros", ZEROS_THEN_FRAME, SIGNED, NOWHERE, "journal.torn", NULL},
        {"a byte behind zeros", ZEROS_THEN_BYTE, SIGNED, NOWHERE, "journal.torn", NULL},
        {"a frame twice", ZEROS_AFTER_FRAME, CLOSING, NOWHERE, "journal.chain", NULL},
    };
    static struct segment segment;
    static uint8_t bytes[FILE_BYTES_MAX];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct signed_journal signed_journal;
        signed_init(&signed_journal);
        write_records_as(&signed_journal.options, 7);
        segment_load(&segment, &signed_journal.folder, 1);
        CHECK(segment.count == CLOSING + 1);
        file_write(segment.path, bytes, edit_zeros(&segment, rows[i].edit, rows[i].at, bytes));
        struct journal_report report = verify_signed(&signed_journal, NULL);
        CHECK_ROW(rows[i].name, rows[i].code == NULL ? report.is_intact && report.is_closed
                                                     : has_code(&report, rows[i].code));
        size_t bad = rows[i].bad == NOWHERE ? segment.len : segment.frames[rows[i].bad].offset;
        CHECK_ROW(rows[i].name, report.is_intact || report.bad_offset == bad);

        write_records_as(&signed_journal.options, 1);
        report = verify_signed(&signed_journal, NULL);
        CHECK_ROW(rows[i].name, rows[i].code_after_start == NULL
                                    ? report.is_intact
                                    : has_code(&report, rows[i].code_after_start));
        signed_release(&signed_journal);
    }
}

/* In a segment that another one follows, zeros are no end. */
TEST(verify_finds_zeros_in_a_closed_segment)
{
    static struct segment segment;
    static uint8_t bytes[FILE_BYTES_MAX];
    struct signed_journal signed_journal;
    signed_init(&signed_journal);
    write_records_as(&signed_journal.options, 7);
    write_records_as(&signed_journal.options, 1);
    segment_load(&segment, &signed_journal.folder, 1);
    for (size_t at = 0; at < segment.count; at++) {
        for (enum zeros edit = ZEROS_RECORD; edit <= ZEROS_REST; edit++) {
            file_write(segment.path, bytes, edit_zeros(&segment, edit, at, bytes));
            struct journal_report report = verify_signed(&signed_journal, NULL);
            CHECK(edit == ZEROS_LAST_BYTE || has_code(&report, "journal.length"));
            /* A signature may end in a zero. */
            CHECK(!report.is_intact || checkpoint_is(segment_payload(&segment, at)));
            CHECK(report.is_intact || report.bad_offset == segment.frames[at].offset);
        }
    }
    signed_release(&signed_journal);
}

/* A byte changed while the gateway is down makes the next start take the rest for a torn tail. */
TEST(verify_finds_records_made_into_a_torn_tail)
{
    static struct segment segment;
    struct signed_journal signed_journal;
    signed_init(&signed_journal);
    write_records_as(&signed_journal.options, 7);
    segment_load(&segment, &signed_journal.folder, 1);
    segment.bytes[segment.frames[2].offset + FRAME_HEADER_BYTES] ^= 1;
    segment_restore(&segment);
    write_records_as(&signed_journal.options, 1);
    struct journal_report report = verify_signed(&signed_journal, NULL);
    CHECK(has_code(&report, "journal.cut") && report.void_bytes != 0);
    CHECK(report.bad_segment == 2 && report.bad_sequence == 2);
    signed_release(&signed_journal);
}

/* Only the journal's own words count, not those of a client in a record. */
TEST(verify_is_not_fooled_by_texts)
{
    struct signed_journal signed_journal;
    struct fake_loop loop;
    struct journal *journal = NULL;
    struct buf line;
    signed_init(&signed_journal);
    fake_loop_init(&loop);
    buf_init(&line, AUDIT_RECORD_BYTES_MAX, NULL);
    const struct audit_record record = {.type = AUDIT_SELF_FAULT,
                                        .phase = AUDIT_EVENT,
                                        .target = SLICE("\",\"code\":\"journal.cut\""),
                                        .code = SLICE("journal.cut2")};
    CHECK(audit_record_encode(&record, &line) == STATUS_OK);
    CHECK(journal_open(&signed_journal.options, &journal, NULL) == STATUS_OK);
    CHECK(append_wait(journal, &loop, buf_view(&line), true));
    CHECK(append_wait(journal, &loop, SLICE("{\"type\":\"authz.deny\",\"code\":\"journal.cut\"}"),
                      true));
    journal_close(journal);
    CHECK(verify_signed(&signed_journal, NULL).is_intact);
    buf_release(&line);
    fake_loop_release(&loop);
    signed_release(&signed_journal);
}

TEST(verify_refuses_foreign_and_missing_signatures)
{
    static struct segment segment;
    static struct slice payloads[FRAMES_MAX];
    struct signed_journal signed_journal;
    char path[PATH_BYTES + 16];
    signed_init(&signed_journal);
    write_records_as(&signed_journal.options, 3);
    struct signing_key *other = open_key(&signed_journal.keys, "other.key", path);

    /* All of it written and signed by somebody else. */
    struct signing_public trusted = signed_journal.trusted;
    signed_journal.trusted = (struct signing_public){0};
    trust(&signed_journal.trusted, other);
    struct journal_report report = verify_signed(&signed_journal, NULL);
    CHECK(has_code(&report, "journal.key") && report.bad_sequence == 1);
    trust(&signed_journal.trusted, signed_journal.key);
    CHECK(verify_signed(&signed_journal, NULL).is_intact);
    signed_journal.trusted = trusted;

    /* No checkpoint at all: fine without a key, not with one. */
    segment_load(&segment, &signed_journal.folder, 1);
    size_t count = 0;
    for (size_t i = 0; i < segment.count; i++) {
        struct slice payload = segment_payload(&segment, i);
        if (!checkpoint_is(payload)) {
            payloads[count++] = payload;
        }
    }
    segment_rebuild(&segment, payloads, count);
    snprintf(path, sizeof(path), "%s/%s", signed_journal.folder.path, CHECKPOINT_HEAD_NAME);
    CHECK(unlink(path) == 0);
    report = verify_signed(&signed_journal, NULL);
    CHECK(has_code(&report, "journal.unsigned"));
    CHECK(verify(&signed_journal.folder).is_intact);

    /* More records behind the last checkpoint than the writer lets pass. */
    payloads[0] = segment_payload(&segment, 0);
    CHECK(checkpoint_is(payloads[0]));
    for (size_t i = 1; i <= CHECKPOINT_EVERY + 1; i++) {
        payloads[i] = SLICE("{\"n\":\"forged\"}");
        segment_rebuild(&segment, payloads, i + 1);
        report = verify_signed(&signed_journal, NULL);
        CHECK(i <= CHECKPOINT_EVERY ? report.is_intact && report.unsigned_count == i
                                    : has_code(&report, "journal.unsigned"));
    }
    signing_key_free(other);
    signed_release(&signed_journal);
}

/* A segment for each record gives no more room for what is not signed. */
TEST(verify_counts_unsigned_records_over_segments)
{
    struct signed_journal signed_journal;
    signed_init(&signed_journal);
    write_records_as(&signed_journal.options, 3);
    for (size_t i = 1; i <= CHECKPOINT_EVERY + 1; i++) {
        write_records(&signed_journal.folder, 1);
        struct journal_report report = verify_signed(&signed_journal, NULL);
        CHECK(i <= CHECKPOINT_EVERY ? report.is_intact && report.unsigned_count == i
                                    : has_code(&report, "journal.unsigned"));
    }
    signed_release(&signed_journal);
}

/* The start for a tail: never behind the records wanted, and a segment's start whatever the count.
 */
TEST(journal_finds_the_last_records)
{
    struct folder folder;
    folder_init(&folder);
    for (size_t i = 0; i < 4; i++) {
        write_records(&folder, 3);
    }
    for (uint64_t count = 0; count < 14; count++) {
        struct journal_cursor cursor;
        struct journal_reader *reader = NULL;
        struct journal_entry entry;
        uint64_t records = 0;
        CHECK(journal_find_last(folder.path, count, &cursor, NULL) == STATUS_OK);
        CHECK(journal_reader_open(folder.path, &cursor, &reader, NULL) == STATUS_OK);
        while (journal_reader_next(reader, &entry, NULL) == STATUS_OK) {
            records++;
        }
        uint64_t rounded = count == 0 ? 3 : (count + 2) / 3 * 3;
        CHECK(records == (rounded > 12 ? 12 : rounded) && entry.sequence == 12);
        journal_reader_close(reader);
    }
    /* A damaged header is met from the beginning. */
    char path[PATH_BYTES + SEGMENT_NAME_BYTES];
    struct journal_cursor cursor;
    segment_path(&folder, 3, path);
    file_write(path, (const uint8_t *)"AEGJ", 4);
    CHECK(journal_find_last(folder.path, 3, &cursor, NULL) == STATUS_OK && cursor.segment == 4);
    CHECK(journal_find_last(folder.path, 4, &cursor, NULL) == STATUS_OK && cursor.segment == 0);
    folder_clear(&folder);
    CHECK(journal_find_last(folder.path, 4, &cursor, NULL) == STATUS_OK && cursor.segment == 0);
    folder_release(&folder);
    CHECK(journal_find_last(folder.path, 4, &cursor, NULL) == STATUS_NOT_FOUND);
}

TEST(journal_anchors_are_strict)
{
#define HEX_32 "00112233445566778899aabbccddeeff"
    static const struct {
        const char *text;
        bool is_good;
    } rows[] = {
        {"1:" HEX_32 HEX_32, true},
        {"9223372036854775807:" HEX_32 HEX_32, true},
        {"", false},
        {":", false},
        {"1", false},
        {":" HEX_32 HEX_32, false},
        {"0:" HEX_32 HEX_32, false},
        {"-1:" HEX_32 HEX_32, false},
        {"9223372036854775808:" HEX_32 HEX_32, false},
        {"1:" HEX_32, false},
        {"1:" HEX_32 HEX_32 "0", false},
        {"1:" HEX_32 "00112233445566778899AABBCCDDEEFF", false},
        {"1:" HEX_32 "00112233445566778899aabbccddeefg", false},
        {"1 :" HEX_32 HEX_32, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct journal_anchor anchor = {0};
        CHECK_ROW(rows[i].text,
                  journal_anchor_parse(slice_view_cstr(rows[i].text), &anchor) == rows[i].is_good);
        CHECK_ROW(rows[i].text, !rows[i].is_good || anchor.chain[1] == 0x11);
    }
}

TEST(journal_head_refuses)
{
    struct signed_journal signed_journal;
    struct checkpoint head;
    struct diag diag = {0};
    char path[PATH_BYTES + 16];
    signed_init(&signed_journal);
    const char *directory = signed_journal.folder.path;
    CHECK(journal_head("/nonexistent/journal", NULL, &head, &diag) == STATUS_NOT_FOUND);
    CHECK(str_eq(diag.code, "journal.absent"));
    CHECK(journal_head(directory, NULL, &head, &diag) == STATUS_NOT_FOUND);
    CHECK(str_eq(diag.code, "journal.head"));
    write_records_as(&signed_journal.options, 1);
    CHECK(journal_head(directory, &signed_journal.trusted, &head, &diag) == STATUS_OK);
    CHECK(journal_head(directory, &(struct signing_public){0}, &head, &diag) == STATUS_CONFLICT);
    CHECK(str_eq(diag.code, "journal.key"));
    snprintf(path, sizeof(path), "%s/%s", directory, CHECKPOINT_HEAD_NAME);
    file_write(path, (const uint8_t *)"AEGJCKP1", 8);
    CHECK(journal_head(directory, NULL, &head, &diag) == STATUS_CONFLICT);
    CHECK(str_eq(diag.code, "journal.head"));
    signed_release(&signed_journal);
}
