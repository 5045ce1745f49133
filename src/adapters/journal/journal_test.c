#include "adapters/journal/journal_reader.h"
#include "support/faulty_files.h"
#include "support/journal_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TURNS_MAX 10000000

static struct journal *open_ok(const struct folder *folder, const struct journal_files *files)
{
    struct journal_options options = {
        .directory = folder->path, .files = files, .stall_ms = PATIENT_MS};
    struct journal *journal = NULL;
    CHECK(journal_open(&options, &journal, NULL) == STATUS_OK);
    return journal;
}

TEST(crc32c_knows_the_published_values)
{
    uint8_t zeros[32] = {0}, ones[32], rising[32];
    for (size_t i = 0; i < 32; i++) {
        ones[i] = 0xFF;
        rising[i] = (uint8_t)i;
    }
    /* RFC 3720 B.4 */
    CHECK(journal_crc32c(0, slice_of(zeros, 32)) == 0x8A9136AA);
    CHECK(journal_crc32c(0, slice_of(ones, 32)) == 0x62A8AB43);
    CHECK(journal_crc32c(0, slice_of(rising, 32)) == 0x46DD794E);
    CHECK(journal_crc32c(0, SLICE("123456789")) == 0xE3069283);
    CHECK(journal_crc32c(journal_crc32c(0, SLICE("1234")), SLICE("56789")) == 0xE3069283);
    CHECK(journal_crc32c(0, SLICE_EMPTY) == 0);
}

TEST(segment_names_are_strict)
{
    char name[SEGMENT_NAME_BYTES];
    segment_name(42, name);
    CHECK(str_eq(name, "00000000000000000042.aegj") && segment_number_of(name) == 42);
    static const char *const refused[] = {"",
                                          ".",
                                          "next.tmp",
                                          "42.aegj",
                                          "0000000000000000042.aegj",
                                          "-0000000000000000042.aegj",
                                          "-000000000000000004.aegj",
                                          "0000000000000000004x.aegj",
                                          "00000000000000000042.aegj.old",
                                          "99999999999999999999.aegj"};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        CHECK_ROW(refused[i], segment_number_of(refused[i]) == 0);
    }
}

TEST(journal_keeps_what_it_was_given)
{
    struct folder folder;
    folder_init(&folder);
    write_records(&folder, 3);
    write_records(&folder, 2); /* a restart continues the chain */
    struct journal_report report = verify(&folder);
    CHECK(report.is_intact && report.records == 5 && report.segments == 2);
    CHECK(report.void_bytes == 0);

    struct journal_reader *reader = NULL;
    struct journal_entry entry;
    CHECK(journal_reader_open(folder.path, NULL, &reader, NULL) == STATUS_OK);
    for (uint64_t i = 1; i <= 5; i++) {
        CHECK(journal_reader_next(reader, &entry, NULL) == STATUS_OK && entry.sequence == i);
    }
    CHECK(slice_eq(entry.payload, SLICE("{\"n\":1}")));
    CHECK(journal_reader_next(reader, &entry, NULL) == STATUS_NOT_FOUND);
    struct journal_cursor cursor = journal_reader_cursor(reader);
    journal_reader_close(reader);

    /* A cursor goes on where it stood, over a restart of the writer. */
    write_records(&folder, 1);
    CHECK(journal_reader_open(folder.path, &cursor, &reader, NULL) == STATUS_OK);
    CHECK(journal_reader_next(reader, &entry, NULL) == STATUS_OK && entry.sequence == 6);
    CHECK(journal_reader_next(reader, &entry, NULL) == STATUS_NOT_FOUND);
    journal_reader_close(reader);
    folder_release(&folder);
}

TEST(journal_reader_follows_a_living_writer)
{
    struct folder folder;
    struct fake_loop loop;
    folder_init(&folder);
    fake_loop_init(&loop);
    struct journal_options options = {
        .directory = folder.path, .segment_bytes_max = 200, .stall_ms = PATIENT_MS};
    struct journal *journal = NULL;
    CHECK(journal_open(&options, &journal, NULL) == STATUS_OK);
    struct journal_reader *reader = NULL;
    CHECK(journal_reader_open(folder.path, NULL, &reader, NULL) == STATUS_OK);
    struct journal_entry entry;
    for (uint64_t i = 1; i <= 50; i++) {
        CHECK(journal_reader_next(reader, &entry, NULL) == STATUS_NOT_FOUND);
        CHECK(append_wait(journal, &loop, SLICE("{\"some\":\"record\"}"), i % 3 == 0));
        CHECK(journal_reader_next(reader, &entry, NULL) == STATUS_OK && entry.sequence == i);
    }
    journal_reader_close(reader);
    journal_close(journal);
    struct journal_report report = verify(&folder);
    CHECK(report.is_intact && report.records == 50 && report.segments > 10);
    fake_loop_release(&loop);
    folder_release(&folder);
}

TEST(journal_open_refuses)
{
    struct folder folder;
    folder_init(&folder);
    struct journal *journal = open_ok(&folder, NULL), *second = NULL;
    struct diag diag = {0};
    struct journal_options options = {.directory = folder.path};
    CHECK(journal_open(&options, &second, &diag) == STATUS_CONFLICT);
    CHECK(str_eq(diag.code, "journal.locked"));
    journal_close(journal);

    char path[PATH_BYTES + SEGMENT_NAME_BYTES];
    segment_path(&folder, 1, path);
    file_write(path, (const uint8_t *)"AEGJ", 4);
    CHECK(journal_open(&options, &second, &diag) == STATUS_CONFLICT);
    CHECK(str_eq(diag.code, "journal.damaged"));
    folder_release(&folder);

    options.directory = "/nonexistent/journal";
    CHECK(journal_open(&options, &second, &diag) == STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "journal.io"));
    struct journal_reader *reader = NULL;
    CHECK(journal_reader_open(options.directory, NULL, &reader, &diag) == STATUS_NOT_FOUND);
    CHECK(str_eq(diag.code, "journal.absent"));
}

TEST(journal_finds_any_flipped_bit)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    struct folder folder;
    folder_init(&folder);
    write_records(&folder, 3);
    write_records(&folder, 2);
    for (uint64_t segment = 1; segment <= 2; segment++) {
        char path[PATH_BYTES + SEGMENT_NAME_BYTES];
        segment_path(&folder, segment, path);
        size_t len = file_read(path, bytes);
        CHECK(len > SEGMENT_HEADER_BYTES);
        for (size_t i = 0; i < len; i++) {
            uint8_t bit = (uint8_t)(1U << (i % 8));
            bytes[i] ^= bit;
            file_write(path, bytes, len);
            CHECK(!verify(&folder).is_intact);
            bytes[i] ^= bit;
        }
        file_write(path, bytes, len);
    }
    CHECK(verify(&folder).is_intact);
    folder_release(&folder);
}

/* An attacker who knows the format can make every CRC right; the chain must find him. */
TEST(journal_finds_edits_with_a_right_crc)
{
    static uint8_t bytes[FILE_BYTES_MAX], edited[FILE_BYTES_MAX];
    enum { FRAME = FRAME_HEADER_BYTES + 7 };
    static const struct {
        const char *name;
        size_t order[6]; /* frames of the result, 1-based */
        const char *code;
    } rows[] = {
        {"first deleted", {2, 3, 4}, "journal.chain"},
        {"middle deleted", {1, 2, 4}, "journal.chain"},
        {"last deleted", {1, 2, 3}, "journal.torn"},
        {"all deleted", {0}, "journal.torn"},
        {"swapped", {1, 3, 2, 4}, "journal.chain"},
        {"duplicated", {1, 2, 2, 3, 4}, "journal.chain"},
        {"last duplicated", {1, 2, 3, 4, 4}, NULL},
    };
    struct folder folder;
    folder_init(&folder);
    write_records(&folder, 4);
    write_records(&folder, 1); /* the next header fixes the end of the first segment */
    char path[PATH_BYTES + SEGMENT_NAME_BYTES];
    segment_path(&folder, 1, path);
    size_t len = file_read(path, bytes);
    CHECK(len == SEGMENT_HEADER_BYTES + 4 * FRAME);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        memcpy(edited, bytes, SEGMENT_HEADER_BYTES);
        size_t to = SEGMENT_HEADER_BYTES;
        for (size_t k = 0; k < 6 && rows[i].order[k] != 0; k++, to += FRAME) {
            memcpy(edited + to, bytes + SEGMENT_HEADER_BYTES + (rows[i].order[k] - 1) * FRAME,
                   FRAME);
        }
        file_write(path, edited, to);
        struct journal_report report = verify(&folder);
        /* What stands behind the end that the next header names is outside the journal. */
        CHECK_ROW(rows[i].name, rows[i].code != NULL ? has_code(&report, rows[i].code)
                                                     : report.is_intact && report.void_bytes != 0);
    }
    folder_release(&folder);
}

TEST(journal_finds_missing_and_foreign_segments)
{
    struct folder folder;
    char first[PATH_BYTES + SEGMENT_NAME_BYTES], second[PATH_BYTES + SEGMENT_NAME_BYTES];
    char away[PATH_BYTES + SEGMENT_NAME_BYTES];
    static uint8_t bytes[FILE_BYTES_MAX];
    folder_init(&folder);
    for (size_t i = 0; i < 3; i++) {
        write_records(&folder, 2);
    }
    segment_path(&folder, 1, first);
    segment_path(&folder, 2, second);
    snprintf(away, sizeof(away), "%s/away", folder.path);

    CHECK(rename(first, away) == 0);
    struct journal_report report = verify(&folder);
    CHECK(has_code(&report, "journal.gap"));
    CHECK(rename(away, first) == 0 && rename(second, away) == 0);
    report = verify(&folder);
    CHECK(has_code(&report, "journal.gap") && report.bad_segment == 1);
    file_write(second, bytes, file_read(first, bytes));
    report = verify(&folder);
    CHECK(has_code(&report, "journal.header"));
    CHECK(rename(away, second) == 0);
    CHECK(verify(&folder).is_intact);

    /* A segment of another journal fits by number but not by chain, unless both were begun in the
     * same millisecond with the same records. */
    CHECK(nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL) == 0);
    struct folder other;
    folder_init(&other);
    write_records(&other, 2);
    write_records(&other, 2);
    segment_path(&other, 2, away);
    file_write(second, bytes, file_read(away, bytes));
    report = verify(&folder);
    CHECK(!report.is_intact);
    folder_release(&other);
    folder_release(&folder);
}

TEST(journal_recovers_a_tail_torn_at_any_byte)
{
    enum { RECORDS = 3, FRAME = FRAME_HEADER_BYTES + 7 };
    static uint8_t bytes[FILE_BYTES_MAX];
    struct folder folder;
    folder_init(&folder);
    write_records(&folder, RECORDS);
    char path[PATH_BYTES + SEGMENT_NAME_BYTES];
    segment_path(&folder, 1, path);
    size_t len = file_read(path, bytes);
    for (size_t cut = SEGMENT_HEADER_BYTES; cut <= len; cut++) {
        folder_clear(&folder);
        file_write(path, bytes, cut);
        size_t whole = (cut - SEGMENT_HEADER_BYTES) / FRAME;
        bool is_torn = (cut - SEGMENT_HEADER_BYTES) % FRAME != 0;
        struct journal_report report = verify(&folder);
        CHECK(report.records == whole &&
              (is_torn ? has_code(&report, "journal.torn") : report.is_intact));
        write_records(&folder, 1);
        report = verify(&folder);
        CHECK(report.is_intact && report.records == whole + is_torn + 1);
        CHECK((report.void_bytes != 0) == is_torn);
    }
    folder_release(&folder);
}

static bool is_healthy(struct journal *journal)
{
    struct port_journal port = journal_port(journal);
    return port.is_healthy(port.context);
}

TEST(journal_fails_closed_and_recovers_by_itself)
{
    static const struct {
        const char *name;
        bool on_sync, is_short;
        int error;
    } rows[] = {
        {"EIO on write", false, false, EIO},
        {"ENOSPC on write", false, false, ENOSPC},
        {"ENOSPC after half a group", false, true, ENOSPC},
        {"EIO on sync", true, false, EIO},
        {"ENOSPC on sync", true, false, ENOSPC},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct folder folder;
        struct fake_loop loop;
        struct faulty_files faulty;
        folder_init(&folder);
        fake_loop_init(&loop);
        faulty_init(&faulty);
        struct journal_options options = {
            .directory = folder.path, .files = &faulty.files, .stall_ms = INT32_MAX};
        struct journal *journal = NULL;
        CHECK(journal_open(&options, &journal, NULL) == STATUS_OK);
        CHECK_ROW(rows[i].name, append_wait(journal, &loop, SLICE("durable"), true));
        CHECK_ROW(rows[i].name, append_wait(journal, &loop, SLICE("not yet synced"), false));
        pthread_mutex_lock(&faulty.mutex);
        *(rows[i].on_sync ? &faulty.syncs_before_failure : &faulty.writes_before_failure) = 0;
        faulty.error = rows[i].error;
        faulty.is_short = rows[i].is_short;
        pthread_mutex_unlock(&faulty.mutex);
        CHECK_ROW(rows[i].name, !append_wait(journal, &loop, SLICE("refused"), true));
        CHECK_ROW(rows[i].name, !is_healthy(journal));
        CHECK_ROW(rows[i].name, append_wait(journal, &loop, SLICE("after"), true));
        CHECK_ROW(rows[i].name, is_healthy(journal));
        journal_close(journal);

        static const char *const expected[] = {"durable", NULL, "not yet synced", "after"};
        struct journal_reader *reader = NULL;
        struct journal_entry entry;
        CHECK(journal_reader_open(folder.path, NULL, &reader, NULL) == STATUS_OK);
        for (size_t k = 0; k < COUNT_OF(expected); k++) {
            CHECK_ROW(rows[i].name, journal_reader_next(reader, &entry, NULL) == STATUS_OK);
            /* NULL: the note about the failure. */
            CHECK_ROW(rows[i].name,
                      expected[k] == NULL || slice_eq(entry.payload, slice_view_cstr(expected[k])));
        }
        CHECK_ROW(rows[i].name, journal_reader_next(reader, &entry, NULL) == STATUS_NOT_FOUND);
        journal_reader_close(reader);
        CHECK_ROW(rows[i].name, verify(&folder).is_intact);
        faulty_release(&faulty);
        fake_loop_release(&loop);
        folder_release(&folder);
    }
}

/* Random appends, random failures, a crash that takes all unsynced bytes: every record that was
 * completed as durable is there, in order. */
TEST(journal_keeps_durable_records_over_crashes)
{
    struct folder folder;
    struct fake_loop loop;
    folder_init(&folder);
    fake_loop_init(&loop);
    uint64_t kept[512];
    size_t kept_count = 0;
    uint64_t next = 0;
    for (size_t crash = 0; crash < 12; crash++) {
        struct faulty_files faulty;
        faulty_init(&faulty);
        struct journal_options options = {.directory = folder.path,
                                          .files = &faulty.files,
                                          .segment_bytes_max = 600,
                                          .stall_ms = PATIENT_MS};
        struct journal *journal = NULL;
        CHECK(journal_open(&options, &journal, NULL) == STATUS_OK);
        for (size_t i = 0; i < 30; i++) {
            if (check_random() % 6 == 0) {
                pthread_mutex_lock(&faulty.mutex);
                *(check_random() % 2 ? &faulty.writes_before_failure
                                     : &faulty.syncs_before_failure) = check_random() % 4;
                faulty.is_short = check_random() % 2;
                pthread_mutex_unlock(&faulty.mutex);
            }
            bool durable = check_random() % 2;
            next++;
            if (append_wait(journal, &loop, slice_of(&next, sizeof(next)), durable) && durable) {
                kept[kept_count++] = next;
            }
        }
        /* From here on nothing reaches the device any more: closing cuts back to what did. */
        pthread_mutex_lock(&faulty.mutex);
        faulty.is_dead = true;
        pthread_mutex_unlock(&faulty.mutex);
        size_t torn = check_random() % 30;
        journal_close(journal);
        uint64_t last = 0;
        for (uint64_t n = 1; n < 2000; n++) {
            char path[PATH_BYTES + SEGMENT_NAME_BYTES];
            segment_path(&folder, n, path);
            last = access(path, F_OK) == 0 ? n : last;
        }
        char path[PATH_BYTES + SEGMENT_NAME_BYTES];
        segment_path(&folder, last, path);
        int fd = open(path, O_WRONLY | O_APPEND);
        CHECK(fd >= 0 && write(fd, "torn torn torn torn torn torn torn", torn) == (ssize_t)torn);
        close(fd);
        faulty_release(&faulty);
    }
    journal_close(open_ok(&folder, NULL));
    CHECK(verify(&folder).is_intact);
    struct journal_reader *reader = NULL;
    struct journal_entry entry;
    size_t found = 0;
    CHECK(journal_reader_open(folder.path, NULL, &reader, NULL) == STATUS_OK);
    while (journal_reader_next(reader, &entry, NULL) == STATUS_OK) {
        uint64_t number = 0;
        if (entry.payload.len == sizeof(number)) {
            memcpy(&number, entry.payload.ptr, sizeof(number));
        }
        found += found < kept_count && number == kept[found];
    }
    CHECK(kept_count > 20 && found == kept_count);
    journal_reader_close(reader);
    fake_loop_release(&loop);
    folder_release(&folder);
}

/* Who is told that we are not ready may send nothing more until we are. */
TEST(journal_recovers_although_nobody_sends)
{
    struct folder folder;
    struct fake_loop loop;
    struct faulty_files faulty;
    folder_init(&folder);
    fake_loop_init(&loop);
    faulty_init(&faulty);
    struct journal_options options = {
        .directory = folder.path, .files = &faulty.files, .stall_ms = 20};
    struct journal *journal = NULL;
    CHECK(journal_open(&options, &journal, NULL) == STATUS_OK);
    pthread_mutex_lock(&faulty.mutex);
    faulty.is_dead = true;
    pthread_mutex_unlock(&faulty.mutex);
    CHECK(!append_wait(journal, &loop, SLICE("refused"), true) && !is_healthy(journal));
    pthread_mutex_lock(&faulty.mutex);
    faulty.is_dead = false;
    pthread_mutex_unlock(&faulty.mutex);
    while (!is_healthy(journal)) {
        sched_yield();
    }
    journal_close(journal);
    struct journal_report report = verify(&folder);
    CHECK(report.is_intact && report.records == 1); /* the note about the failure */
    faulty_release(&faulty);
    fake_loop_release(&loop);
    folder_release(&folder);
}

TEST(journal_refuses_when_the_device_hangs)
{
    struct folder folder;
    struct fake_loop loop;
    struct faulty_files faulty;
    folder_init(&folder);
    fake_loop_init(&loop);
    faulty_init(&faulty);
    struct journal_options options = {
        .directory = folder.path, .files = &faulty.files, .stall_ms = 20, .queue_bytes_max = 64};
    struct journal *journal = NULL;
    CHECK(journal_open(&options, &journal, NULL) == STATUS_OK);
    pthread_mutex_lock(&faulty.hang);
    CHECK(append(journal, &loop, SLICE("hangs"), true) == STATUS_OK);
    fake_loop_run_until(&loop, 1);
    CHECK(loop.ok == 0 && !is_healthy(journal));
    CHECK(append(journal, &loop, SLICE("refused at once"), true) == STATUS_UNAVAILABLE);
    pthread_mutex_unlock(&faulty.hang);
    /* A slow disk may stall it again; in the end it serves. */
    while (!append_wait(journal, &loop, SLICE("after"), true)) {
        sched_yield();
    }
    CHECK(loop.ok == 1 && is_healthy(journal));
    journal_close(journal);
    CHECK(verify(&folder).is_intact);
    faulty_release(&faulty);
    fake_loop_release(&loop);
    folder_release(&folder);
}

struct ordered {
    struct fake_loop loop;
    uint64_t tickets[4]; /* in the order of completion */
};

static void note_ticket(void *user, uint64_t ticket, enum status status)
{
    struct ordered *ordered = user;
    CHECK(status == STATUS_OK && ordered->loop.done < COUNT_OF(ordered->tickets));
    ordered->tickets[ordered->loop.done++] = ticket;
}

/* What needs no sync is complete while the device is still busy with the rest of its group. */
TEST(journal_writes_ahead_of_a_sync)
{
    static const bool DURABLE[] = {true, false, true, false};
    static const uint64_t ORDER[] = {1, 3, 0, 2};
    struct folder folder;
    struct ordered ordered;
    struct faulty_files faulty;
    folder_init(&folder);
    fake_loop_init(&ordered.loop);
    faulty_init(&faulty);
    struct journal_options options = {
        .directory = folder.path, .files = &faulty.files, .stall_ms = 60000};
    struct journal *journal = NULL;
    CHECK(journal_open(&options, &journal, NULL) == STATUS_OK);
    struct port_journal port = journal_port(journal);
    pthread_mutex_lock(&faulty.hang);
    for (size_t i = 0; i < COUNT_OF(DURABLE); i++) {
        struct journal_request request = {.payload = SLICE("{}"),
                                          .durable = DURABLE[i],
                                          .gathers = true,
                                          .done = note_ticket,
                                          .user = &ordered,
                                          .ticket = i,
                                          .poster = &ordered.loop.poster};
        CHECK(port.append(port.context, &request) == STATUS_OK);
    }
    port.end_turn(port.context, &ordered.loop.poster);
    fake_loop_run_until(&ordered.loop, 2);
    pthread_mutex_unlock(&faulty.hang);
    fake_loop_run_until(&ordered.loop, COUNT_OF(DURABLE));
    CHECK(memcmp(ordered.tickets, ORDER, sizeof(ORDER)) == 0);
    journal_close(journal);
    CHECK(verify(&folder).is_intact && verify(&folder).records == COUNT_OF(DURABLE));
    faulty_release(&faulty);
    fake_loop_release(&ordered.loop);
    folder_release(&folder);
}

static size_t operations_of(struct faulty_files *faulty)
{
    pthread_mutex_lock(&faulty->mutex);
    size_t operations = faulty->operations;
    pthread_mutex_unlock(&faulty->mutex);
    return operations;
}

/* A record of the first loop is in flight, and one of each loop is queued behind it. */
struct turns {
    struct folder folder;
    struct faulty_files faulty;
    struct fake_loop first, second;
    struct journal *journal;
    struct port_journal port;
};

static void turns_init(struct turns *self)
{
    folder_init(&self->folder);
    faulty_init(&self->faulty);
    fake_loop_init(&self->first);
    fake_loop_init(&self->second);
    struct journal_options options = {
        .directory = self->folder.path, .files = &self->faulty.files, .stall_ms = PATIENT_MS};
    self->journal = NULL;
    CHECK(journal_open(&options, &self->journal, NULL) == STATUS_OK);
    self->port = journal_port(self->journal);
    /* When the second is written, what the first one made necessary is done. */
    CHECK(append_wait(self->journal, &self->first, SLICE("{}"), true));
    CHECK(append_wait(self->journal, &self->first, SLICE("{}"), true));
    pthread_mutex_lock(&self->faulty.hang);
    size_t before = operations_of(&self->faulty);
    CHECK(append_gathering(self->journal, &self->first, SLICE("{1}")) == STATUS_OK);
    self->port.end_turn(self->port.context, &self->first.poster);
    while (operations_of(&self->faulty) == before) {
        sched_yield();
    }
    CHECK(append_gathering(self->journal, &self->first, SLICE("{2}")) == STATUS_OK);
    CHECK(append_gathering(self->journal, &self->second, SLICE("{3}")) == STATUS_OK);
}

static void turns_release(struct turns *self)
{
    journal_close(self->journal);
    CHECK(verify(&self->folder).is_intact && verify(&self->folder).records == 5);
    fake_loop_release(&self->first);
    fake_loop_release(&self->second);
    faulty_release(&self->faulty);
    folder_release(&self->folder);
}

TEST(journal_gives_a_loop_its_turn_before_the_next_group)
{
    struct turns self;
    turns_init(&self);
    self.port.end_turn(self.port.context, &self.first.poster);
    pthread_mutex_unlock(&self.faulty.hang);
    fake_loop_run_until(&self.first, 3);
    for (size_t i = 0; i < 1000; i++) {
        sched_yield();
    }
    CHECK(verify(&self.folder).records == 3);
    self.port.end_turn(self.port.context, &self.first.poster);
    fake_loop_run_until(&self.first, 4);
    fake_loop_run_until(&self.second, 1);
    CHECK(self.first.ok == 4 && self.second.ok == 1);
    turns_release(&self);
}

TEST(journal_does_not_wait_for_the_turn_of_another_loop)
{
    static const char *const ENDING[] = {"2", "12", "21", "121"};
    for (size_t i = 0; i < COUNT_OF(ENDING); i++) {
        struct turns self;
        turns_init(&self);
        for (const char *at = ENDING[i]; *at != '\0'; at++) {
            struct fake_loop *loop = *at == '1' ? &self.first : &self.second;
            self.port.end_turn(self.port.context, &loop->poster);
        }
        pthread_mutex_unlock(&self.faulty.hang);
        fake_loop_run_until(&self.second, 1);
        fake_loop_run_until(&self.first, 4);
        CHECK(self.first.ok == 4 && self.second.ok == 1);
        turns_release(&self);
    }
}

TEST(journal_starts_at_once_when_it_is_flushed)
{
    struct turns self;
    turns_init(&self);
    self.port.end_turn(self.port.context, &self.first.poster);
    self.port.flush(self.port.context);
    pthread_mutex_unlock(&self.faulty.hang);
    fake_loop_run_until(&self.first, 4);
    fake_loop_run_until(&self.second, 1);
    turns_release(&self);
}

TEST(journal_queue_is_bounded)
{
    struct folder folder;
    struct fake_loop loop;
    struct faulty_files faulty;
    folder_init(&folder);
    fake_loop_init(&loop);
    faulty_init(&faulty);
    struct journal_options options = {.directory = folder.path,
                                      .files = &faulty.files,
                                      .queue_bytes_max = 64,
                                      .stall_ms = PATIENT_MS};
    struct journal *journal = NULL;
    CHECK(journal_open(&options, &journal, NULL) == STATUS_OK);
    pthread_mutex_lock(&faulty.hang);
    size_t accepted = 0;
    while (accepted < 1000 &&
           append(journal, &loop, SLICE("16 bytes of text"), true) == STATUS_OK) {
        accepted++;
    }
    CHECK(accepted >= 4 && accepted <= 8);
    static uint8_t huge[PAYLOAD_BYTES_MAX + 1];
    CHECK(append(journal, &loop, slice_of(huge, sizeof(huge)), true) == STATUS_LIMIT);
    pthread_mutex_unlock(&faulty.hang);
    journal_close(journal); /* completes what waits */
    fake_loop_run_until(&loop, accepted);
    CHECK(loop.ok == accepted && verify(&folder).records == accepted);
    faulty_release(&faulty);
    fake_loop_release(&loop);
    folder_release(&folder);
}

/* What is being written is not in the queue any more. */
TEST(journal_queue_is_full_at_its_bound)
{
    static const uint8_t RECORD[64];
    struct folder folder;
    struct fake_loop loop;
    struct faulty_files faulty;
    folder_init(&folder);
    fake_loop_init(&loop);
    faulty_init(&faulty);
    struct journal_options options = {.directory = folder.path,
                                      .files = &faulty.files,
                                      .queue_bytes_max = sizeof(RECORD),
                                      .stall_ms = PATIENT_MS};
    struct journal *journal = NULL;
    CHECK(journal_open(&options, &journal, NULL) == STATUS_OK);
    pthread_mutex_lock(&faulty.hang);
    CHECK(append(journal, &loop, SLICE("hangs"), true) == STATUS_OK);
    size_t turns = 0;
    while (append(journal, &loop, slice_of(RECORD, sizeof(RECORD)), true) != STATUS_OK &&
           turns < TURNS_MAX) {
        turns++;
        sched_yield();
    }
    CHECK(turns < TURNS_MAX);
    CHECK(append(journal, &loop, SLICE("x"), true) == STATUS_UNAVAILABLE);
    pthread_mutex_unlock(&faulty.hang);
    journal_close(journal);
    fake_loop_run_until(&loop, 2);
    CHECK(loop.ok == 2 && verify(&folder).records == 2);
    faulty_release(&faulty);
    fake_loop_release(&loop);
    folder_release(&folder);
}

struct client {
    struct journal *journal;
    struct fake_loop loop;
};

static void *client_main(void *context)
{
    struct client *client = context;
    for (size_t i = 0; i < 200; i++) {
        while (append(client->journal, &client->loop, SLICE("{\"from\":\"a thread\"}"),
                      i % 4 != 0) != STATUS_OK) {
            sched_yield();
        }
    }
    fake_loop_run_until(&client->loop, 200);
    return NULL;
}

TEST(journal_serves_many_loops)
{
    struct folder folder;
    struct client clients[4];
    pthread_t threads[4];
    folder_init(&folder);
    struct journal *journal = open_ok(&folder, NULL);
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        clients[i].journal = journal;
        fake_loop_init(&clients[i].loop);
        CHECK(pthread_create(&threads[i], NULL, client_main, &clients[i]) == 0);
    }
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        pthread_join(threads[i], NULL);
        CHECK(clients[i].loop.ok == 200);
        fake_loop_release(&clients[i].loop);
    }
    journal_close(journal);
    CHECK(verify(&folder).is_intact && verify(&folder).records == 800);
    folder_release(&folder);
}

static bool open_and_verify(void *context)
{
    const struct folder *folder = context;
    struct journal_options options = {.directory = folder->path, .stall_ms = PATIENT_MS};
    struct journal *journal = NULL;
    struct journal_verify_options verify_options = {.directory = folder->path};
    struct journal_report report;
    if (journal_open(&options, &journal, NULL) != STATUS_OK) {
        return false;
    }
    journal_close(journal);
    return journal_verify(&verify_options, &report, NULL) == STATUS_OK && report.is_intact;
}

TEST(journal_survives_failing_allocations)
{
    struct folder folder;
    folder_init(&folder);
    write_records(&folder, 2);
    check_every_allocation(open_and_verify, &folder);
    CHECK(verify(&folder).is_intact);
    folder_release(&folder);
}
