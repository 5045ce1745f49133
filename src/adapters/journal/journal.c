#include "adapters/journal/journal.h"

#include "adapters/journal/journal_directory.h"
#include "adapters/journal/journal_reader.h"
#include "adapters/journal/segment_writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RETRY_WAIT_MS_MAX 30000

/* One queued record. Its payload follows it in the same allocation. */
struct waiting {
    struct posted posted;
    struct waiting *next;
    struct journal_request request;
    enum status status;
};

struct journal {
    /* Guards everything down to is_closing; never held during I/O. */
    pthread_mutex_t mutex;
    pthread_cond_t work;  /* the writer waits: queued is not empty, or is_closing */
    pthread_cond_t watch; /* the watchdog waits: is_closing, or time passes */
    struct waiting *queued, **queued_last;
    size_t queued_bytes;
    bool is_due;                         /* what is queued or spooled is to be written now */
    bool is_turned;                      /* what is queued is, because a turn ended ... */
    const struct port_poster *turned_by; /* ... of this loop; NULL: of several */
    struct waiting *in_flight;           /* the group being written; the watchdog may take it */
    int64_t busy_since_ms;               /* monotonic; 0 while nothing is being written */
    int64_t upkeep_due_ms;               /* monotonic; INT64_MAX: nothing to sign or publish */
    int64_t retry_due_ms;  /* monotonic; after a failure, when to try again unasked ... */
    int64_t retry_wait_ms; /* ... and how long to wait after that */
    bool is_stalled, has_failed, is_closing;

    /* Constant after journal_open. */
    int directory_fd;
    size_t queue_bytes_max;
    int64_t stall_ms;
    struct spool *spool; /* NULL: none */
    pthread_t writer_thread, watchdog_thread;

    struct segment_writer writer; /* the writer thread's alone */
};

static int64_t mono_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void waiting_run(struct posted *item)
{
    struct waiting *waiting = (struct waiting *)(void *)item;
    const struct journal_request *request = &waiting->request;
    request->done(request->user, request->ticket, waiting->status);
    base_free(waiting);
}

/* The records of a list that belong to one loop, in order. */
struct returning {
    struct port_poster *poster; /* NULL: none yet */
    struct posted *first, **last;
};

static void give_back(struct returning *returning)
{
    if (returning->poster != NULL) {
        returning->poster->post(returning->poster->context, returning->first);
    }
    *returning = (struct returning){.last = &returning->first};
}

/* Hand every record of a list back to its loop, neighbours together. */
static void complete(struct waiting *list, enum status status)
{
    struct returning returning = {.last = &returning.first};
    while (list != NULL) {
        struct waiting *waiting = list;
        list = list->next;
        if (waiting->request.done == NULL) {
            base_free(waiting);
            continue;
        }
        if (returning.poster != waiting->request.poster) {
            give_back(&returning);
            returning.poster = waiting->request.poster;
        }
        waiting->status = status;
        waiting->posted = (struct posted){.run = waiting_run};
        *returning.last = &waiting->posted;
        returning.last = &waiting->posted.next;
    }
    give_back(&returning);
}

/* The writer is woken without the mutex, or it would run, on the same processor, just to wait for
 * it. */
static void unlock_and_wake(struct journal *journal, bool is_due)
{
    pthread_mutex_unlock(&journal->mutex);
    if (is_due) {
        pthread_cond_signal(&journal->work);
    }
}

static enum status journal_append(void *context, const struct journal_request *request)
{
    struct journal *journal = context;
    size_t len = request->payload.len;
    assert(len > 0 && (request->done == NULL || request->poster != NULL));
    if (len > PAYLOAD_BYTES_MAX) {
        return STATUS_LIMIT;
    }
    struct waiting *waiting = base_alloc(sizeof(*waiting) + len);
    if (waiting == NULL) {
        return STATUS_UNAVAILABLE;
    }
    *waiting = (struct waiting){.request = *request};
    uint8_t *payload = (uint8_t *)(waiting + 1);
    memcpy(payload, request->payload.ptr, len);
    waiting->request.payload = slice_of(payload, len);

    pthread_mutex_lock(&journal->mutex);
    bool is_open = !journal->is_closing && !journal->is_stalled &&
                   journal->queued_bytes + len <= journal->queue_bytes_max;
    if (is_open) {
        *journal->queued_last = waiting;
        journal->queued_last = &waiting->next;
        journal->queued_bytes += len;
        journal->is_due = journal->is_due || !request->gathers;
    }
    unlock_and_wake(journal, is_open && journal->is_due);
    if (!is_open) {
        base_free(waiting);
        return STATUS_UNAVAILABLE;
    }
    return STATUS_OK;
}

static bool journal_keep(void *context, struct slice payload)
{
    struct journal *journal = context;
    if (journal->spool == NULL || payload.len > PAYLOAD_BYTES_MAX) {
        return false;
    }
    pthread_mutex_lock(&journal->mutex);
    bool is_kept = !journal->is_closing && !journal->is_stalled && !journal->has_failed &&
                   spool_add(journal->spool, payload);
    pthread_mutex_unlock(&journal->mutex);
    return is_kept;
}

static bool has_spooled(const struct journal *journal)
{
    return journal->spool != NULL && !spool_is_empty(journal->spool);
}

static void journal_end_turn(void *context, const struct port_poster *poster)
{
    struct journal *journal = context;
    pthread_mutex_lock(&journal->mutex);
    bool is_new = journal->queued != NULL && !(journal->is_turned && journal->turned_by == poster);
    if (is_new) {
        journal->turned_by = journal->is_turned ? NULL : poster;
        journal->is_turned = true;
    }
    unlock_and_wake(journal, is_new);
}

static void journal_flush(void *context)
{
    struct journal *journal = context;
    pthread_mutex_lock(&journal->mutex);
    bool is_new = (journal->queued != NULL || has_spooled(journal)) && !journal->is_due;
    journal->is_due = journal->is_due || is_new;
    unlock_and_wake(journal, is_new);
}

/* With the mutex held: the queue, which is then empty. */
static struct waiting *take_queue(struct journal *journal)
{
    struct waiting *list = journal->queued;
    journal->queued = NULL;
    journal->queued_last = &journal->queued;
    journal->queued_bytes = 0;
    journal->is_due = journal->is_turned = false;
    return list;
}

static enum status copy_spooled(struct journal *journal)
{
    struct slice payload;
    size_t at = 0;
    while (journal->spool != NULL && spool_next(journal->spool, &at, &payload)) {
        TRY(segment_writer_add(&journal->writer, payload));
    }
    return STATUS_OK;
}

/* Copy the payloads out of the list, because during the write the list belongs to the watchdog.
 * Those that need no sync come first, and of these the spooled ones (spool_strike). */
static enum status copy_group(struct journal *journal, const struct waiting *list, bool *durable)
{
    struct segment_writer *writer = &journal->writer;
    TRY(copy_spooled(journal));
    for (const struct waiting *at = list; at != NULL; at = at->next) {
        TRY(at->request.durable ? STATUS_OK : segment_writer_add(writer, at->request.payload));
    }
    segment_writer_keep(writer);
    *durable = false;
    for (const struct waiting *at = list; at != NULL; at = at->next) {
        TRY(at->request.durable ? segment_writer_add(writer, at->request.payload) : STATUS_OK);
        *durable = *durable || at->request.durable;
    }
    return STATUS_OK;
}

/* The device is used from here to device_end; the watchdog takes the list when it hangs. */
static void device_begin(struct journal *journal, struct waiting *list)
{
    pthread_mutex_lock(&journal->mutex);
    journal->in_flight = list;
    journal->busy_since_ms = mono_ms();
    pthread_mutex_unlock(&journal->mutex);
}

static int64_t watch_period_ms(const struct journal *journal)
{
    return journal->stall_ms / 4 + 1;
}

static bool is_awaited(const struct waiting *list, const struct port_poster *poster)
{
    while (list != NULL && !(list->request.gathers && list->request.poster == poster)) {
        list = list->next;
    }
    return list != NULL;
}

/* What the watchdog left of the list. When the loop whose turn has ended is among those that are
 * told now, it has another turn first: groups of half the calls each would take turns for ever. */
static struct waiting *device_end(struct journal *journal, bool has_failed)
{
    pthread_mutex_lock(&journal->mutex);
    struct waiting *list = journal->in_flight;
    journal->in_flight = NULL;
    if (journal->turned_by != NULL && is_awaited(list, journal->turned_by)) {
        journal->is_turned = false;
    }
    journal->busy_since_ms = 0;
    journal->is_stalled = false;
    if (has_failed && !journal->has_failed) {
        journal->retry_wait_ms = watch_period_ms(journal);
        journal->retry_due_ms = mono_ms() + journal->retry_wait_ms;
    }
    journal->has_failed = has_failed;
    journal->upkeep_due_ms = segment_writer_due_ms(&journal->writer);
    pthread_mutex_unlock(&journal->mutex);
    return list;
}

/* Those in flight that need no sync. */
static struct waiting *take_written(struct journal *journal)
{
    struct waiting *first = NULL, **last = &first;
    pthread_mutex_lock(&journal->mutex);
    struct waiting **at = &journal->in_flight;
    while (*at != NULL) {
        struct waiting *waiting = *at;
        if (waiting->request.durable) {
            at = &waiting->next;
            continue;
        }
        *at = waiting->next;
        waiting->next = NULL;
        *last = waiting;
        last = &waiting->next;
    }
    pthread_mutex_unlock(&journal->mutex);
    return first;
}

/* Write a group and complete it: as soon as it is written what needs no sync, so that the answers
 * which that holds up do not wait for the intents of other calls. */
static enum status write_group(struct journal *journal, bool durable)
{
    bool must_sync = false;
    TRY(segment_writer_write(&journal->writer, durable, &must_sync));
    if (journal->spool != NULL) {
        spool_drop(journal->spool);
    }
    if (!must_sync) {
        return STATUS_OK;
    }
    complete(take_written(journal), STATUS_OK);
    return segment_writer_sync(&journal->writer);
}

static void write_list(struct journal *journal, struct waiting *list)
{
    bool durable;
    enum status status = copy_group(journal, list, &durable);
    if (status != STATUS_OK) {
        segment_writer_forget(&journal->writer);
        complete(list, STATUS_UNAVAILABLE);
        return;
    }
    device_begin(journal, list);
    status = write_group(journal, durable);
    complete(device_end(journal, status != STATUS_OK), status);
    if (status == STATUS_OK && segment_writer_needs_upkeep(&journal->writer)) {
        device_begin(journal, NULL);
        status = segment_writer_upkeep(&journal->writer);
        (void)device_end(journal, status != STATUS_OK);
    }
}

/* False: the journal closes, and nobody waits any more. Else the next group, whose spooled records
 * are taken. */
static bool wait_for_group(struct journal *journal, struct waiting **list)
{
    pthread_mutex_lock(&journal->mutex);
    while (!journal->is_due && !journal->is_turned && !journal->is_closing) {
        pthread_cond_wait(&journal->work, &journal->mutex);
    }
    *list = take_queue(journal);
    bool is_over = *list == NULL && journal->is_closing;
    if (journal->spool != NULL) {
        spool_take(journal->spool);
    }
    pthread_mutex_unlock(&journal->mutex);
    return !is_over;
}

/* Nothing is kept any more. Each half gets one try. */
static void write_spooled(struct journal *journal)
{
    for (size_t half = 0; half < 2 && has_spooled(journal); half++) {
        write_list(journal, NULL);
        spool_take(journal->spool);
    }
}

static void *writer_main(void *context)
{
    struct journal *journal = context;
    struct waiting *list;
    while (wait_for_group(journal, &list)) {
        write_list(journal, list);
    }
    write_spooled(journal);
    return NULL;
}

/* With the mutex held: take everybody who waits for a device that does not answer. */
static struct waiting *take_stalled(struct journal *journal)
{
    if (journal->busy_since_ms == 0 || mono_ms() - journal->busy_since_ms < journal->stall_ms) {
        return NULL;
    }
    journal->is_stalled = true;
    struct waiting *first = journal->in_flight, **last = &first;
    journal->in_flight = NULL;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = take_queue(journal);
    return first;
}

/* With the mutex held: is it time to try again? Each try may leave a segment behind, so they become
 * rare while the device is out of order. */
static bool retry_is_due(struct journal *journal)
{
    int64_t now_ms = mono_ms();
    if (now_ms < journal->retry_due_ms) {
        return false;
    }
    int64_t doubled_ms = 2 * journal->retry_wait_ms;
    journal->retry_wait_ms = doubled_ms < RETRY_WAIT_MS_MAX ? doubled_ms : RETRY_WAIT_MS_MAX;
    journal->retry_due_ms = now_ms + journal->retry_wait_ms;
    return true;
}

/* With the mutex held: work that no record brings. What was written last gets its checkpoint, and
 * after a failure a new segment is tried: whoever sends nothing while we are not ready would never
 * hear that we are again. */
static void wake_writer(struct journal *journal)
{
    if (journal->busy_since_ms != 0) {
        return;
    }
    if (journal->has_failed ? retry_is_due(journal) : mono_ms() >= journal->upkeep_due_ms) {
        journal->is_due = true;
        pthread_cond_signal(&journal->work);
    }
}

/* A write that hangs cannot be broken off, but those who wait for it can be told. */
static void *watchdog_main(void *context)
{
    struct journal *journal = context;
    int64_t period_ms = watch_period_ms(journal);
    pthread_mutex_lock(&journal->mutex);
    while (!journal->is_closing || journal->busy_since_ms != 0) {
        int64_t due_ms = mono_ms() + period_ms;
        struct timespec due = {due_ms / 1000, due_ms % 1000 * 1000000};
        (void)pthread_cond_timedwait(&journal->watch, &journal->mutex, &due);
        wake_writer(journal);
        struct waiting *stalled = take_stalled(journal);
        if (stalled != NULL) {
            pthread_mutex_unlock(&journal->mutex);
            complete(stalled, STATUS_UNAVAILABLE);
            pthread_mutex_lock(&journal->mutex);
        }
    }
    pthread_mutex_unlock(&journal->mutex);
    return NULL;
}

static enum status open_directory(const char *path, int *out, struct diag *diag)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return journal_io_fail(diag, "create", path);
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return journal_io_fail(diag, "open", path);
    }
    /* A new folder must survive a crash too: its name lies in the folder above. */
    int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0) {
        (void)fsync(parent);
        (void)close(parent);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        return diag_fail(diag, STATUS_CONFLICT, "journal.locked",
                         "another process writes the journal at '%s'", path);
    }
    *out = fd;
    return STATUS_OK;
}

/* Read the last segment up to its last good record. What is there need not come from the spool. */
static enum status scan_segment(const char *path, const struct segment_file *file,
                                struct spool *spool, struct segment_position *end,
                                struct diag *diag)
{
    struct journal_cursor cursor = {
        file->header.number, SEGMENT_HEADER_BYTES, file->header.first_sequence, {0}};
    memcpy(cursor.chain, file->chain, AUDIT_HASH_BYTES);
    struct journal_reader *reader = NULL;
    TRY(journal_reader_open(path, &cursor, &reader, diag));
    struct journal_entry entry;
    enum status status;
    while ((status = journal_reader_next(reader, &entry, diag)) == STATUS_OK) {
        if (spool != NULL) {
            spool_strike(spool, entry.payload);
        }
    }
    cursor = journal_reader_cursor(reader);
    journal_reader_close(reader);
    if (status != STATUS_NOT_FOUND && status != STATUS_CONFLICT) {
        return status;
    }
    *end = (struct segment_position){cursor.segment, cursor.offset, cursor.sequence, 0, {0}};
    memcpy(end->chain, cursor.chain, AUDIT_HASH_BYTES);
    return STATUS_OK;
}

/* The head was written after its records were on the device, so records that it names and that are
 * not there were taken away. That is noted, not refused: the note stays in the chain for good. */
static enum status compare_head(struct segment_writer *writer, struct diag *diag)
{
    struct checkpoint head;
    struct diag reason = {0};
    enum status status = checkpoint_read_head(writer->directory_fd, &head, &reason);
    if (status == STATUS_UNAVAILABLE) {
        return diag_fail(diag, status, reason.code, "%s", reason.message);
    }
    if (status == STATUS_OK && head.sequence > writer->synced.sequence) {
        writer->note_code = "journal.cut";
        writer->note_reason = SLICE("records that a checkpoint had signed are missing here");
    }
    return STATUS_OK;
}

static enum status find_end(struct segment_writer *writer, const char *path, struct spool *spool,
                            struct diag *diag)
{
    uint64_t last = 0;
    TRY(directory_last_segment(writer->directory_fd, &last, diag));
    if (last == 0) {
        return STATUS_OK;
    }
    struct segment_file file;
    uint64_t end = 0;
    enum status status = segment_file_open(writer->directory_fd, last, &file, diag);
    if (status == STATUS_CONFLICT) {
        return diag_fail(diag, STATUS_CONFLICT, "journal.damaged",
                         "the header of segment %" PRIu64
                         " in '%s' is damaged; run 'aegis audit verify' "
                         "and start with a new folder",
                         last, path);
    }
    TRY(status);
    status = scan_segment(path, &file, spool, &writer->synced, diag);
    if (status == STATUS_OK) {
        status = segment_file_end(file.fd, writer->synced.offset, &end, diag);
    }
    (void)close(file.fd);
    TRY(status);
    if (end > writer->synced.offset) {
        writer->note_code = "journal.torn_tail";
        writer->note_reason = SLICE("the segment before ended in bytes that are no record");
    }
    return STATUS_OK;
}

static enum status start_threads(struct journal *journal, struct diag *diag)
{
    pthread_condattr_t monotonic;
    pthread_mutex_init(&journal->mutex, NULL);
    pthread_cond_init(&journal->work, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&journal->watch, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&journal->writer_thread, NULL, writer_main, journal) != 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "journal.io", "cannot start the journal thread");
    }
    if (pthread_create(&journal->watchdog_thread, NULL, watchdog_main, journal) != 0) {
        pthread_mutex_lock(&journal->mutex);
        journal->is_closing = true;
        pthread_cond_signal(&journal->work);
        pthread_mutex_unlock(&journal->mutex);
        pthread_join(journal->writer_thread, NULL);
        return diag_fail(diag, STATUS_UNAVAILABLE, "journal.io",
                         "cannot start the watchdog thread");
    }
    return STATUS_OK;
}

/* Begin a segment with what the process before had not written. */
static enum status begin_segment(struct journal *journal)
{
    struct segment_writer *writer = &journal->writer;
    struct spool *spool = journal->spool;
    if (spool != NULL && spool->is_damaged) {
        TRY(segment_writer_add_note(
            writer, "journal.spool_damaged",
            SLICE("something that was kept for the journal was no record")));
    }
    do {
        TRY(copy_spooled(journal));
        TRY(segment_writer_flush(writer, true));
        if (spool != NULL) {
            spool_drop(spool);
            spool_take(spool);
        }
    } while (has_spooled(journal));
    return STATUS_OK;
}

static enum status begin(struct journal *journal, const struct journal_options *options,
                         struct diag *diag)
{
    TRY(find_end(&journal->writer, options->directory, options->spool, diag));
    TRY(compare_head(&journal->writer, diag));
    if (begin_segment(journal) != STATUS_OK) {
        return journal_io_fail(diag, "begin a segment in", options->directory);
    }
    segment_writer_publish_head(&journal->writer);
    journal->upkeep_due_ms = segment_writer_due_ms(&journal->writer);
    return start_threads(journal, diag);
}

enum status journal_open(const struct journal_options *options, struct journal **out,
                         struct diag *diag)
{
    int directory_fd = -1;
    TRY(open_directory(options->directory, &directory_fd, diag));
    struct journal *journal = base_alloc(sizeof(*journal));
    if (journal == NULL) {
        (void)close(directory_fd);
        return diag_fail(diag, STATUS_LIMIT, "journal.memory", "no memory for the journal");
    }
    *journal = (struct journal){
        .directory_fd = directory_fd,
        .queue_bytes_max =
            options->queue_bytes_max != 0 ? options->queue_bytes_max : JOURNAL_QUEUE_BYTES_DEFAULT,
        .stall_ms = options->stall_ms != 0 ? options->stall_ms : JOURNAL_STALL_MS_DEFAULT,
        .spool = options->spool,
    };
    journal->queued_last = &journal->queued;
    enum status status = segment_writer_init(
        &journal->writer, options->files != NULL ? options->files : &journal_files_system,
        directory_fd, options->spool != NULL);
    journal->writer.segment_bytes_max = options->segment_bytes_max != 0
                                            ? options->segment_bytes_max
                                            : JOURNAL_SEGMENT_BYTES_DEFAULT;
    journal->writer.signing = (struct segment_signing){
        .signer = options->signer,
        .records_max = options->checkpoint_records != 0 ? options->checkpoint_records
                                                        : JOURNAL_CHECKPOINT_RECORDS_DEFAULT,
        .interval_ms =
            options->checkpoint_ms != 0 ? options->checkpoint_ms : JOURNAL_CHECKPOINT_MS_DEFAULT,
    };
    if (status == STATUS_OK) {
        status = begin(journal, options, diag);
    } else {
        status = diag_fail(diag, status, "journal.memory", "no memory for the journal");
    }
    if (status != STATUS_OK) {
        segment_writer_release(&journal->writer);
        (void)close(directory_fd);
        base_free(journal);
        return status;
    }
    *out = journal;
    return STATUS_OK;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    pthread_mutex_lock(&journal->mutex);
    journal->is_closing = true;
    pthread_cond_signal(&journal->work);
    pthread_mutex_unlock(&journal->mutex);
    pthread_join(journal->writer_thread, NULL);
    pthread_mutex_lock(&journal->mutex);
    pthread_cond_signal(&journal->watch);
    pthread_mutex_unlock(&journal->mutex);
    pthread_join(journal->watchdog_thread, NULL);
    pthread_cond_destroy(&journal->watch);
    pthread_cond_destroy(&journal->work);
    pthread_mutex_destroy(&journal->mutex);
    segment_writer_finish(&journal->writer);
    segment_writer_release(&journal->writer);
    (void)close(journal->directory_fd);
    base_free(journal);
}

static bool journal_is_healthy(void *context)
{
    struct journal *journal = context;
    pthread_mutex_lock(&journal->mutex);
    bool is_healthy = !journal->is_stalled && !journal->has_failed;
    pthread_mutex_unlock(&journal->mutex);
    return is_healthy;
}

struct port_journal journal_port(struct journal *journal)
{
    return (struct port_journal){journal,          journal_append, journal_keep,
                                 journal_end_turn, journal_flush,  journal_is_healthy};
}
