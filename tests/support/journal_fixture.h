/* journal_fixture.h: folders, records and a loop for tests of the journal and of what reads it. */
#ifndef AEGIS_TESTS_SUPPORT_JOURNAL_FIXTURE_H
#define AEGIS_TESTS_SUPPORT_JOURNAL_FIXTURE_H

#include "adapters/journal/journal.h"
#include "adapters/journal/journal_format.h"
#include "adapters/journal/journal_verify.h"
#include "support/check.h"

#include <pthread.h>

enum { PATH_BYTES = 256, FILE_BYTES_MAX = 1 << 20 };

/* A folder for one test. */
struct folder {
    char path[PATH_BYTES];
};

void folder_init(struct folder *folder);
void folder_clear(const struct folder *folder);
void folder_release(struct folder *folder);

/* out has PATH_BYTES + SEGMENT_NAME_BYTES. */
void segment_path(const struct folder *folder, uint64_t number, char *out);

/* bytes has FILE_BYTES_MAX; 0 when there is no such file. */
size_t file_read(const char *path, uint8_t *bytes);
void file_write(const char *path, const uint8_t *bytes, size_t len);

/* A loop for tests: completions queue up until the test takes them. */
struct fake_loop {
    pthread_mutex_t mutex; /* guards the list */
    pthread_cond_t posted;
    struct posted *first, **last;
    struct port_poster poster;
    size_t done, ok; /* the test's thread only */
};

void fake_loop_init(struct fake_loop *loop);
void fake_loop_release(struct fake_loop *loop);
void fake_loop_run_until(struct fake_loop *loop, size_t done);

/* Append; the completion counts in the loop. */
enum status append(struct journal *journal, struct fake_loop *loop, struct slice payload,
                   bool durable);

/* The same, durable, and not to be started before the loop's turn ends. */
enum status append_gathering(struct journal *journal, struct fake_loop *loop, struct slice payload);

/* Append and wait; true when it was kept. */
bool append_wait(struct journal *journal, struct fake_loop *loop, struct slice payload,
                 bool durable);

/* For journals of tests that are not about slow devices: a busy machine may take seconds to sync.
 */
#define PATIENT_MS 600000

/* Open, append {"n":0}, {"n":1} ... durably, close. Nothing is synced to a real device, which would
 * take most of the time of a test. */
void write_records_as(const struct journal_options *options, size_t count);

/* The same without a key. */
void write_records(const struct folder *folder, size_t count);

/* Without keys and anchor. */
struct journal_report verify(const struct folder *folder);

bool has_code(const struct journal_report *report, const char *code);

#endif
