/* A journal with a spool: what is kept comes into a segment once, whatever ends or fails. */
#include "adapters/journal/journal_reader.h"
#include "adapters/journal/spool.h"
#include "support/faulty_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define TURNS_MAX 10000000

struct scene {
    struct folder folder;
    struct faulty_files faulty;
    struct fake_loop loop;
    int descriptor;
    struct spool spool;
    struct journal *journal;
    struct port_journal port;
};

static void scene_init(struct scene *self)
{
    *self = (struct scene){0};
    folder_init(&self->folder);
    faulty_init(&self->faulty);
    fake_loop_init(&self->loop);
    self->descriptor = memfd_create("spool", MFD_CLOEXEC);
    CHECK(ftruncate(self->descriptor, (off_t)SPOOL_BYTES) == 0);
    CHECK(spool_open(self->descriptor, &self->spool, NULL) == STATUS_OK);
}

static void scene_release(struct scene *self)
{
    spool_close(&self->spool);
    close(self->descriptor);
    fake_loop_release(&self->loop);
    faulty_release(&self->faulty);
    folder_release(&self->folder);
}

static void scene_open(struct scene *self)
{
    struct journal_options options = {.directory = self->folder.path,
                                      .files = &self->faulty.files,
                                      .spool = &self->spool,
                                      .stall_ms = PATIENT_MS};
    CHECK(journal_open(&options, &self->journal, NULL) == STATUS_OK);
    self->port = journal_port(self->journal);
}

static void scene_close(struct scene *self)
{
    journal_close(self->journal);
    self->journal = NULL;
}

/* The next process maps the memory anew. */
static void scene_restart(struct scene *self)
{
    spool_close(&self->spool);
    CHECK(spool_open(self->descriptor, &self->spool, NULL) == STATUS_OK);
    scene_open(self);
}

/* A record, and what the journal does behind it when there is time. */
static void settle(struct scene *self)
{
    CHECK(append_wait(self->journal, &self->loop, SLICE("{0}"), true));
    CHECK(append_wait(self->journal, &self->loop, SLICE("{0}"), true));
}

static bool keep(struct scene *self, struct slice payload)
{
    return self->port.keep(self->port.context, payload);
}

static bool holds(struct slice text, const char *word)
{
    return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

/* All records, joined; those that the journal writes by itself as their codes. */
static const char *records_text(const struct scene *self)
{
    static char text[1024];
    struct journal_reader *reader = NULL;
    struct journal_entry entry;
    size_t len = 0;
    CHECK(journal_reader_open(self->folder.path, NULL, &reader, NULL) == STATUS_OK);
    while (journal_reader_next(reader, &entry, NULL) == STATUS_OK) {
        struct slice shown = holds(entry.payload, "write_failed")    ? SLICE("{FAILED}")
                             : holds(entry.payload, "spool_damaged") ? SLICE("{DAMAGED}")
                                                                     : entry.payload;
        CHECK(len + shown.len < sizeof(text));
        memcpy(text + len, shown.ptr, shown.len);
        len += shown.len;
    }
    text[len] = '\0';
    journal_reader_close(reader);
    CHECK(verify(&self->folder).is_intact);
    return text;
}

TEST(journal_writes_what_it_keeps_before_what_waits)
{
    struct scene scene;
    scene_init(&scene);
    scene_open(&scene);
    CHECK(append_wait(scene.journal, &scene.loop, SLICE("{0}"), true));
    CHECK(keep(&scene, SLICE("{a}")) && keep(&scene, SLICE("{b}")));
    CHECK(append_wait(scene.journal, &scene.loop, SLICE("{1}"), true));
    CHECK(str_eq(records_text(&scene), "{0}{a}{b}{1}"));
    CHECK(keep(&scene, SLICE("{c}")));
    CHECK(append_wait(scene.journal, &scene.loop, SLICE("{2}"), false));
    CHECK(str_eq(records_text(&scene), "{0}{a}{b}{1}{c}{2}"));
    CHECK(spool_is_empty(&scene.spool));
    scene_close(&scene);
    scene_release(&scene);
}

TEST(journal_writes_what_it_keeps_when_it_is_flushed)
{
    struct scene scene;
    scene_init(&scene);
    scene_open(&scene);
    CHECK(keep(&scene, SLICE("{a}")));
    scene.port.flush(scene.port.context);
    size_t turns = 0;
    while (!str_eq(records_text(&scene), "{a}") && turns++ < TURNS_MAX) {
        sched_yield();
    }
    CHECK(turns < TURNS_MAX);
    scene_close(&scene);
    scene_release(&scene);
}

TEST(journal_writes_what_it_keeps_when_it_closes)
{
    struct scene scene;
    scene_init(&scene);
    scene_open(&scene);
    CHECK(keep(&scene, SLICE("{a}")));
    scene_close(&scene);
    CHECK(str_eq(records_text(&scene), "{a}") && spool_is_empty(&scene.spool));
    scene_release(&scene);
}

/* The process ended before it wrote, with one half taken. */
TEST(journal_takes_over_what_was_kept)
{
    struct scene scene;
    scene_init(&scene);
    CHECK(spool_add(&scene.spool, SLICE("{a}")) && spool_add(&scene.spool, SLICE("{b}")));
    spool_take(&scene.spool);
    CHECK(spool_add(&scene.spool, SLICE("{c}")));
    scene_restart(&scene);
    CHECK(str_eq(records_text(&scene), "{a}{b}{c}") && spool_is_empty(&scene.spool));
    CHECK(append_wait(scene.journal, &scene.loop, SLICE("{0}"), true));
    scene_close(&scene);
    scene_restart(&scene);
    scene_close(&scene);
    CHECK(str_eq(records_text(&scene), "{a}{b}{c}{0}"));
    scene_release(&scene);
}

/* A start that fails leaves it where it is. */
TEST(journal_that_cannot_begin_leaves_what_was_kept)
{
    struct scene scene;
    struct spool_counts counts;
    struct journal *journal = NULL;
    scene_init(&scene);
    CHECK(spool_add(&scene.spool, SLICE("{a}")));
    struct journal_options options = {.directory = scene.folder.path,
                                      .files = &scene.faulty.files,
                                      .spool = &scene.spool,
                                      .stall_ms = PATIENT_MS};
    scene.faulty.writes_before_failure = 0;
    CHECK(journal_open(&options, &journal, NULL) == STATUS_UNAVAILABLE);
    CHECK(spool_counts_read(scene.descriptor, &counts) && counts.written < counts.kept);
    scene_restart(&scene);
    CHECK(spool_counts_read(scene.descriptor, &counts) && counts.written == counts.kept);
    scene_close(&scene);
    CHECK(str_eq(records_text(&scene), "{a}"));
    scene_release(&scene);
}

/* It ended when it had written, all of it or the beginning, and before the spool knew. */
TEST(journal_writes_nothing_twice)
{
    static const struct {
        const char *name, *written[3], *all;
    } rows[] = {
        {"nothing", {"{0}"}, "{0}{a}{b}{c}"},
        {"the beginning", {"{0}", "{a}"}, "{0}{a}{b}{c}"},
        {"the group", {"{0}", "{a}", "{b}"}, "{0}{a}{b}{c}"},
        {"the group and what waited", {"{a}", "{b}", "{0}"}, "{a}{b}{0}{c}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct scene scene;
        scene_init(&scene);
        scene_open(&scene);
        for (size_t k = 0; k < COUNT_OF(rows[i].written) && rows[i].written[k] != NULL; k++) {
            CHECK(
                append_wait(scene.journal, &scene.loop, slice_view_cstr(rows[i].written[k]), true));
        }
        scene_close(&scene);
        CHECK(spool_add(&scene.spool, SLICE("{a}")) && spool_add(&scene.spool, SLICE("{b}")));
        spool_take(&scene.spool);
        CHECK(spool_add(&scene.spool, SLICE("{c}")));
        scene_restart(&scene);
        CHECK_ROW(rows[i].name, str_eq(records_text(&scene), rows[i].all));
        scene_close(&scene);
        scene_release(&scene);
    }
}

static void wait_for_failure(struct scene *scene)
{
    size_t turns = 0;
    while (scene->port.is_healthy(scene->port.context) && turns++ < TURNS_MAX) {
        sched_yield();
    }
    CHECK(turns < TURNS_MAX);
}

/* What is kept was promised: it goes into the next segment. Meanwhile nothing more is. */
TEST(journal_loses_nothing_kept_when_a_write_fails)
{
    struct scene scene;
    scene_init(&scene);
    scene_open(&scene);
    settle(&scene);
    scene.faulty.writes_before_failure = 0;
    CHECK(keep(&scene, SLICE("{a}")));
    scene.port.flush(scene.port.context);
    wait_for_failure(&scene);
    CHECK(!keep(&scene, SLICE("{refused}")));
    CHECK(append_wait(scene.journal, &scene.loop, SLICE("{1}"), true));
    CHECK(keep(&scene, SLICE("{b}")));
    scene_close(&scene);
    CHECK(str_eq(records_text(&scene), "{0}{0}{FAILED}{a}{1}{b}"));
    scene_release(&scene);
}

TEST(journal_loses_nothing_kept_when_a_sync_fails)
{
    struct scene scene;
    scene_init(&scene);
    scene_open(&scene);
    settle(&scene);
    CHECK(keep(&scene, SLICE("{a}")));
    scene.faulty.syncs_before_failure = 0;
    CHECK(!append_wait(scene.journal, &scene.loop, SLICE("{refused}"), true));
    CHECK(!keep(&scene, SLICE("{refused}")));
    CHECK(append_wait(scene.journal, &scene.loop, SLICE("{1}"), true));
    scene_close(&scene);
    CHECK(str_eq(records_text(&scene), "{0}{0}{FAILED}{a}{1}"));
    scene_release(&scene);
}

TEST(journal_notes_a_damaged_spool)
{
    struct scene scene;
    scene_init(&scene);
    CHECK(spool_add(&scene.spool, SLICE("{a}")) && spool_add(&scene.spool, SLICE("{b}")));
    const uint32_t half_of_b = 4 + 3 + 4 + 2;
    CHECK(pwrite(scene.descriptor, &half_of_b, sizeof(half_of_b), 24) == sizeof(half_of_b));
    scene_restart(&scene);
    scene_close(&scene);
    CHECK(str_eq(records_text(&scene), "{DAMAGED}{a}"));
    scene_release(&scene);
}

static int sync_when_free(void *context, int fd)
{
    (void)fd;
    pthread_mutex_lock(context);
    pthread_mutex_unlock(context);
    return 0;
}

/* Then it has to be appended, which is bounded as ever. */
TEST(journal_keeps_what_has_room_only)
{
    static uint8_t long_text[PAYLOAD_BYTES_MAX + 1];
    struct scene scene;
    scene_init(&scene);
    scene.faulty.files = journal_files_system;
    scene.faulty.files.context = &scene.faulty.hang;
    scene.faulty.files.fdatasync = sync_when_free;
    scene_open(&scene);
    memset(long_text, '}', sizeof(long_text));
    long_text[0] = '{';
    CHECK(!keep(&scene, slice_of(long_text, sizeof(long_text))));
    pthread_mutex_lock(&scene.faulty.hang);
    CHECK(append(scene.journal, &scene.loop, SLICE("{0}"), true) == STATUS_OK);
    /* Both halves at most, when the first one has just been taken. */
    size_t kept = 0, most = 2 * (SPOOL_HALF_BYTES / PAYLOAD_BYTES_MAX);
    while (kept <= most && keep(&scene, slice_of(long_text, PAYLOAD_BYTES_MAX))) {
        kept++;
    }
    CHECK(kept >= SPOOL_HALF_BYTES / PAYLOAD_BYTES_MAX - 1 && kept <= most);
    CHECK(append(scene.journal, &scene.loop, SLICE("{1}"), false) == STATUS_OK);
    pthread_mutex_unlock(&scene.faulty.hang);
    fake_loop_run_until(&scene.loop, 2);
    scene_close(&scene);
    CHECK(scene.loop.ok == 2 && verify(&scene.folder).records == kept + 2);
    scene_release(&scene);
}

TEST(journal_keeps_nothing_without_a_spool)
{
    struct folder folder;
    struct journal *journal = NULL;
    folder_init(&folder);
    struct journal_options options = {.directory = folder.path, .stall_ms = PATIENT_MS};
    CHECK(journal_open(&options, &journal, NULL) == STATUS_OK);
    struct port_journal port = journal_port(journal);
    CHECK(!port.keep(port.context, SLICE("{}")));
    journal_close(journal);
    CHECK(verify(&folder).records == 0);
    folder_release(&folder);
}

/* A device that hangs is not waited for by what is kept, until it counts as down. */
TEST(journal_keeps_nothing_when_the_device_hangs)
{
    struct scene scene;
    scene_init(&scene);
    struct journal_options options = {.directory = scene.folder.path,
                                      .files = &scene.faulty.files,
                                      .spool = &scene.spool,
                                      .stall_ms = 20};
    CHECK(journal_open(&options, &scene.journal, NULL) == STATUS_OK);
    scene.port = journal_port(scene.journal);
    pthread_mutex_lock(&scene.faulty.hang);
    CHECK(keep(&scene, SLICE("{a}")));
    CHECK(append(scene.journal, &scene.loop, SLICE("{refused}"), true) == STATUS_OK);
    fake_loop_run_until(&scene.loop, 1);
    CHECK(scene.loop.ok == 0 && !keep(&scene, SLICE("{refused}")));
    pthread_mutex_unlock(&scene.faulty.hang);
    while (!append_wait(scene.journal, &scene.loop, SLICE("{1}"), true)) {
        sched_yield();
    }
    scene_close(&scene);
    CHECK(slice_starts_with(slice_view_cstr(records_text(&scene)), SLICE("{a}")));
    scene_release(&scene);
}

/* Past the page cache, where there is such a way: groups that are no multiple of anything, and
 * longer than what is written at once. */
TEST(journal_keeps_groups_of_any_size_with_a_spool)
{
    enum { COUNT = 200 };
    static uint8_t text[PAYLOAD_BYTES_MAX];
    struct scene scene;
    scene_init(&scene);
    memset(text, '}', sizeof(text));
    text[0] = '{';
    scene.faulty.files = journal_files_system;
    scene_open(&scene);
    size_t bytes = 0, records = 0;
    for (size_t i = 0; i < COUNT; i++) {
        size_t most = i % 20 == 0 ? sizeof(text) : 9000, len = 2 + check_random() % (most - 1);
        bool is_kept = i % 3 == 0 && keep(&scene, slice_of(text, len));
        CHECK(is_kept || append_wait(scene.journal, &scene.loop, slice_of(text, len), i % 2 == 0));
        bytes += len;
        records++;
    }
    scene_close(&scene);
    struct journal_report report = verify(&scene.folder);
    CHECK(report.is_intact && report.records == records && report.payload_bytes == bytes);
    scene_release(&scene);
}

/* A file system may open a file for that and refuse a write, here one of no whole sectors. */
TEST(journal_files_do_without_a_direct_way)
{
    const struct journal_files *files = &journal_files_system;
    struct folder folder;
    uint8_t bytes[16];
    folder_init(&folder);
    int directory = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = files->create(NULL, directory, "a", true);
    CHECK(fd >= 0);
    CHECK(files->pwrite(NULL, fd, "01234567", 8, 3) == 8 && files->fdatasync(NULL, fd) == 0);
    files->close(NULL, fd);
    fd = openat(directory, "a", O_RDONLY | O_CLOEXEC);
    CHECK(read(fd, bytes, sizeof(bytes)) == 11 && memcmp(bytes, "\0\0\00001234567", 11) == 0);
    close(fd);
    close(directory);
    folder_release(&folder);
}

struct restart {
    const struct folder *folder;
    int descriptor;
};

static bool take_over(void *context)
{
    const struct restart *restart = context;
    struct journal *journal = NULL;
    struct spool spool;
    CHECK(spool_open(restart->descriptor, &spool, NULL) == STATUS_OK);
    struct journal_options options = {
        .directory = restart->folder->path, .spool = &spool, .stall_ms = PATIENT_MS};
    bool is_open = journal_open(&options, &journal, NULL) == STATUS_OK;
    journal_close(journal);
    spool_close(&spool);
    return is_open;
}

/* The record is there once, whichever attempt has written it. */
TEST(journal_takes_over_despite_failing_allocations)
{
    struct scene scene;
    scene_init(&scene);
    struct restart restart = {&scene.folder, scene.descriptor};
    CHECK(spool_add(&scene.spool, SLICE("{a}")));
    check_every_allocation(take_over, &restart);
    CHECK(str_eq(records_text(&scene), "{a}"));
    scene_release(&scene);
}
