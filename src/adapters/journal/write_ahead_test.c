/* What a journal looks like while its segment is written ahead, and what a crash leaves of it. */
#include "adapters/journal/journal_reader.h"
#include "support/faulty_files.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t file_size(const struct folder *folder, uint64_t number)
{
    char path[PATH_BYTES + SEGMENT_NAME_BYTES];
    struct stat about;
    segment_path(folder, number, path);
    CHECK(stat(path, &about) == 0);
    return (size_t)about.st_size;
}

static size_t whole_blocks(size_t bytes)
{
    return (bytes + JOURNAL_BLOCK_BYTES - 1) / JOURNAL_BLOCK_BYTES * JOURNAL_BLOCK_BYTES;
}

/* Zeros behind the records while a segment is open, never beyond the block of its limit; none
 * behind a closed one. */
TEST(journal_writes_zeros_ahead)
{
    enum { PAYLOAD = 2000, FRAME = FRAME_HEADER_BYTES + PAYLOAD, COUNT = 100 };
    static const struct {
        const char *name;
        size_t segment_bytes_max, ahead_min, ahead_max;
    } rows[] = {
        {"no limit", 0, 32768, 2 * COUNT * FRAME},
        {"room for some", 300000, 32768, 300000 + JOURNAL_BLOCK_BYTES - COUNT * FRAME},
        {"room for none", SEGMENT_HEADER_BYTES + COUNT * FRAME, 0, JOURNAL_BLOCK_BYTES - 1},
    };
    static char text[PAYLOAD];
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct folder folder;
        struct fake_loop loop;
        struct journal *journal = NULL;
        folder_init(&folder);
        fake_loop_init(&loop);
        struct journal_options options = {.directory = folder.path,
                                          .segment_bytes_max = rows[i].segment_bytes_max,
                                          .stall_ms = PATIENT_MS};
        CHECK(journal_open(&options, &journal, NULL) == STATUS_OK);
        /* A start does not wait for it. */
        CHECK_ROW(rows[i].name, file_size(&folder, 1) == JOURNAL_BLOCK_BYTES);
        for (size_t k = 0; k < COUNT; k++) {
            /* Two of them, so that what comes after the first group is done. */
            CHECK(append_wait(journal, &loop, slice_of(text, sizeof(text)), k % 2 == 0));
        }
        size_t end = SEGMENT_HEADER_BYTES + COUNT * FRAME, size = file_size(&folder, 1);
        CHECK_ROW(rows[i].name, size == whole_blocks(size));
        CHECK_ROW(rows[i].name, size >= end + rows[i].ahead_min && size <= end + rows[i].ahead_max);
        struct journal_report report = verify(&folder);
        CHECK_ROW(rows[i].name, report.is_intact && report.records == COUNT);
        journal_close(journal);
        CHECK_ROW(rows[i].name, file_size(&folder, 1) == end);
        fake_loop_release(&loop);
        folder_release(&folder);
    }
}

/* More in one group than is written ahead. */
TEST(journal_keeps_groups_of_any_size)
{
    enum { COUNT = 9 };
    static uint8_t text[PAYLOAD_BYTES_MAX];
    memset(text, 'x', sizeof(text));
    struct folder folder;
    struct fake_loop loop;
    struct journal *journal = NULL;
    folder_init(&folder);
    fake_loop_init(&loop);
    struct journal_options options = {.directory = folder.path, .stall_ms = PATIENT_MS};
    CHECK(journal_open(&options, &journal, NULL) == STATUS_OK);
    size_t bytes = 0;
    for (size_t i = 0; i < COUNT; i++) {
        size_t len = i % 2 == 0 ? sizeof(text) : 1 + check_random() % sizeof(text);
        bytes += len;
        CHECK(append(journal, &loop, slice_of(text, len), i + 1 == COUNT) == STATUS_OK);
    }
    fake_loop_run_until(&loop, COUNT);
    CHECK(loop.ok == COUNT);
    journal_close(journal);
    struct journal_report report = verify(&folder);
    CHECK(report.is_intact && report.records == COUNT && report.payload_bytes == bytes);
    fake_loop_release(&loop);
    folder_release(&folder);
}

/* A segment as a crash left it: synced up to a place, zeros ahead, and a last write of which the
 * device kept some sectors. */
struct crashed {
    struct folder folder;
    char path[PATH_BYTES + SEGMENT_NAME_BYTES];
    uint8_t bytes[FILE_BYTES_MAX]; /* as if nothing had been lost */
    size_t synced, end, size;
    size_t ends[64]; /* behind each record */
    size_t records, synced_records;
};

static void crashed_init(struct crashed *self, size_t synced_records, size_t lost_records)
{
    struct journal_reader *reader = NULL;
    struct journal_entry entry;
    *self = (struct crashed){.synced_records = synced_records, .size = 16384};
    folder_init(&self->folder);
    struct fake_loop loop;
    struct journal *journal = NULL;
    struct journal_options options = {.directory = self->folder.path, .stall_ms = PATIENT_MS};
    fake_loop_init(&loop);
    CHECK(journal_open(&options, &journal, NULL) == STATUS_OK);
    for (size_t i = 0; i < synced_records + lost_records; i++) {
        char text[700];
        memset(text, 'x', sizeof(text));
        text[0] = '{';
        CHECK(append_wait(journal, &loop, slice_of(text, 1 + check_random() % sizeof(text)), true));
    }
    journal_close(journal);
    fake_loop_release(&loop);
    segment_path(&self->folder, 1, self->path);
    self->end = file_read(self->path, self->bytes);
    CHECK(self->end < self->size);
    CHECK(journal_reader_open(self->folder.path, NULL, &reader, NULL) == STATUS_OK);
    while (journal_reader_next(reader, &entry, NULL) == STATUS_OK) {
        self->ends[self->records++] = (size_t)journal_reader_cursor(reader).offset;
    }
    journal_reader_close(reader);
    CHECK(self->records == synced_records + lost_records);
    self->synced = self->ends[synced_records - 1];
}

/* How many records are whole in what was left, and whether anything else was. */
static size_t crashed_whole(const struct crashed *self, const uint8_t *bytes, bool *is_torn)
{
    size_t whole = 0;
    while (whole < self->records && memcmp(bytes, self->bytes, self->ends[whole]) == 0) {
        whole++;
    }
    size_t end = whole == 0 ? SEGMENT_HEADER_BYTES : self->ends[whole - 1];
    *is_torn = !journal_is_zero(slice_of(bytes + end, self->size - end));
    return whole;
}

/* What verification, a reader at work and the next start make of it. */
static void check_crash(const struct crashed *self, const uint8_t *bytes)
{
    bool is_torn = false;
    struct journal_reader *reader = NULL;
    struct journal_entry entry;
    folder_clear(&self->folder);
    file_write(self->path, bytes, self->size);
    size_t whole = crashed_whole(self, bytes, &is_torn);
    CHECK(whole >= self->synced_records);
    struct journal_report report = verify(&self->folder);
    CHECK(report.records == whole);
    CHECK(is_torn ? has_code(&report, "journal.torn") : report.is_intact);

    /* For a reader it is a writer at work: the rest may come. */
    CHECK(journal_reader_open(self->folder.path, NULL, &reader, NULL) == STATUS_OK);
    for (size_t i = 0; i < whole; i++) {
        CHECK(journal_reader_next(reader, &entry, NULL) == STATUS_OK);
    }
    CHECK(journal_reader_next(reader, &entry, NULL) == STATUS_NOT_FOUND);
    file_write(self->path, self->bytes, self->size);
    for (size_t i = whole; i < self->records; i++) {
        CHECK(journal_reader_next(reader, &entry, NULL) == STATUS_OK && entry.sequence == i + 1);
    }
    CHECK(journal_reader_next(reader, &entry, NULL) == STATUS_NOT_FOUND);
    journal_reader_close(reader);

    file_write(self->path, bytes, self->size);
    write_records(&self->folder, 1);
    report = verify(&self->folder);
    CHECK(report.is_intact && report.records == whole + is_torn + 1);
    CHECK((report.void_bytes != 0) == is_torn);
}

TEST(journal_recovers_any_sectors_of_the_last_write)
{
    static struct crashed crashed;
    static uint8_t bytes[FILE_BYTES_MAX];
    crashed_init(&crashed, 3, 5);
    size_t first = crashed.synced / SECTOR_BYTES, count = crashed.end / SECTOR_BYTES + 1 - first;
    for (size_t round = 0; round < 200; round++) {
        uint64_t kept = round == 0 ? 0 : check_random();
        memset(bytes, 0, crashed.size);
        memcpy(bytes, crashed.bytes, crashed.synced);
        for (size_t i = 0; i < count; i++) {
            size_t at = (first + i) * SECTOR_BYTES;
            if ((kept >> i % 64 & 1) != 0) {
                memcpy(bytes + at, crashed.bytes + at, SECTOR_BYTES);
            }
        }
        check_crash(&crashed, bytes);
    }
    folder_release(&crashed.folder);
}

TEST(journal_recovers_zeros_from_any_byte_on)
{
    static struct crashed crashed;
    static uint8_t bytes[FILE_BYTES_MAX];
    crashed_init(&crashed, 1, 1);
    for (size_t cut = crashed.synced; cut <= crashed.end; cut++) {
        memset(bytes, 0, crashed.size);
        memcpy(bytes, crashed.bytes, cut);
        check_crash(&crashed, bytes);
    }
    folder_release(&crashed.folder);
}

/* Append and close, whatever fails. Returns how many of the records were kept as durable. */
static size_t append_some(const struct folder *folder, struct faulty_files *faulty)
{
    static char text[6000];
    memset(text, 'x', sizeof(text));
    struct fake_loop loop;
    struct journal *journal = NULL;
    struct journal_options options = {.directory = folder->path,
                                      .files = &faulty->files,
                                      .segment_bytes_max = 40000,
                                      .stall_ms = PATIENT_MS};
    size_t kept = 0;
    fake_loop_init(&loop);
    if (journal_open(&options, &journal, NULL) == STATUS_OK) {
        for (size_t i = 0; i < 12; i++) {
            bool durable = i % 3 == 0;
            kept += append_wait(journal, &loop, slice_of(text, sizeof(text)), durable) && durable;
        }
        journal_close(journal);
    }
    fake_loop_release(&loop);
    return kept;
}

/* Each operation fails once: creating, writing, writing ahead, cutting, syncing, renaming. Nothing
 * durable is missing, although the device loses what was not synced by sectors. */
TEST(journal_survives_each_failing_operation)
{
    size_t operations, fails_at = 0;
    do {
        struct folder folder;
        struct faulty_files faulty;
        folder_init(&folder);
        faulty_init(&faulty);
        faulty.fails_at = fails_at;
        faulty.loses_sectors = true;
        size_t kept = append_some(&folder, &faulty);
        operations = faulty.operations;
        faulty_release(&faulty);
        write_records(&folder, 1);
        struct journal_report report = verify(&folder);
        CHECK(report.is_intact && report.records > kept);
        CHECK(fails_at < 6 || kept >= 3); /* of 4; what fails first is the start */
        folder_release(&folder);
    } while (operations > fails_at++);
    CHECK(operations > 30);
}

struct load {
    struct journal *journal;
    struct fake_loop loop;
};

enum { LOAD_RECORDS = 3000 };

static void *load_main(void *context)
{
    struct load *load = context;
    static char text[5000];
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < LOAD_RECORDS; i++) {
        struct slice payload = slice_of(text, i % 100 == 0 ? sizeof(text) : 100 + i % 700);
        while (append(load->journal, &load->loop, payload, i % 8 == 0) != STATUS_OK) {
            sched_yield();
        }
        fake_loop_run_until(&load->loop, i < 20 ? 0 : i - 20);
    }
    fake_loop_run_until(&load->loop, LOAD_RECORDS);
    return NULL;
}

/* What the reader meets is half written all the time; it never takes that for damage. */
TEST(journal_reader_follows_a_writer_under_load)
{
    struct folder folder;
    struct load load;
    struct journal_reader *reader = NULL;
    pthread_t thread;
    folder_init(&folder);
    fake_loop_init(&load.loop);
    struct journal_options options = {
        .directory = folder.path, .segment_bytes_max = 400000, .stall_ms = PATIENT_MS};
    CHECK(journal_open(&options, &load.journal, NULL) == STATUS_OK);
    CHECK(journal_reader_open(folder.path, NULL, &reader, NULL) == STATUS_OK);
    CHECK(pthread_create(&thread, NULL, load_main, &load) == 0);
    struct diag diag = {0};
    uint64_t read = 0;
    enum status status = STATUS_OK;
    while (read < LOAD_RECORDS && (status == STATUS_OK || status == STATUS_NOT_FOUND)) {
        struct journal_entry entry;
        status = journal_reader_next(reader, &entry, &diag);
        read += status == STATUS_OK;
        CHECK(status != STATUS_OK || entry.sequence == read);
    }
    CHECK_ROW(diag.message, read == LOAD_RECORDS);
    pthread_join(thread, NULL);
    journal_close(load.journal);
    journal_reader_close(reader);
    struct journal_report report = verify(&folder);
    CHECK(report.is_intact && report.records == LOAD_RECORDS && report.void_bytes == 0);
    fake_loop_release(&load.loop);
    folder_release(&folder);
}
