#include "support/journal_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TICKET 4711

void folder_clear(const struct folder *folder)
{
    DIR *directory = opendir(folder->path);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

void folder_init(struct folder *folder)
{
    snprintf(folder->path, sizeof(folder->path), "/tmp/aegis-journal-XXXXXX");
    CHECK(mkdtemp(folder->path) != NULL);
}

void folder_release(struct folder *folder)
{
    folder_clear(folder);
    CHECK(rmdir(folder->path) == 0);
}

void segment_path(const struct folder *folder, uint64_t number, char *out)
{
    char name[SEGMENT_NAME_BYTES];
    segment_name(number, name);
    snprintf(out, PATH_BYTES + SEGMENT_NAME_BYTES, "%s/%s", folder->path, name);
}

size_t file_read(const char *path, uint8_t *bytes)
{
    int fd = open(path, O_RDONLY);
    ssize_t len = fd >= 0 ? read(fd, bytes, FILE_BYTES_MAX) : 0;
    if (fd >= 0) {
        close(fd);
    }
    return len > 0 ? (size_t)len : 0;
}

void file_write(const char *path, const uint8_t *bytes, size_t len)
{
    /* Not O_TRUNC: ext4 would write such a file out as soon as it is closed. */
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && ftruncate(fd, (off_t)len) == 0);
    close(fd);
}

static void fake_post(void *context, struct posted *item)
{
    struct fake_loop *loop = context;
    pthread_mutex_lock(&loop->mutex);
    *loop->last = item;
    while (*loop->last != NULL) {
        loop->last = &(*loop->last)->next;
    }
    pthread_cond_signal(&loop->posted);
    pthread_mutex_unlock(&loop->mutex);
}

void fake_loop_init(struct fake_loop *loop)
{
    *loop = (struct fake_loop){.poster = {loop, fake_post}};
    pthread_mutex_init(&loop->mutex, NULL);
    pthread_cond_init(&loop->posted, NULL);
    loop->last = &loop->first;
}

void fake_loop_release(struct fake_loop *loop)
{
    CHECK(loop->first == NULL);
    pthread_mutex_destroy(&loop->mutex);
    pthread_cond_destroy(&loop->posted);
}

void fake_loop_run_until(struct fake_loop *loop, size_t done)
{
    while (loop->done < done) {
        pthread_mutex_lock(&loop->mutex);
        while (loop->first == NULL) {
            pthread_cond_wait(&loop->posted, &loop->mutex);
        }
        struct posted *item = loop->first;
        loop->first = item->next;
        if (loop->first == NULL) {
            loop->last = &loop->first;
        }
        pthread_mutex_unlock(&loop->mutex);
        item->run(item);
    }
}

static void count_done(void *user, uint64_t ticket, enum status status)
{
    struct fake_loop *loop = user;
    loop->done++;
    loop->ok += status == STATUS_OK && ticket == TICKET;
    CHECK(status == STATUS_OK || status == STATUS_UNAVAILABLE);
}

static struct journal_request request_of(struct fake_loop *loop, struct slice payload)
{
    return (struct journal_request){.payload = payload,
                                    .durable = true,
                                    .done = count_done,
                                    .user = loop,
                                    .ticket = TICKET,
                                    .poster = &loop->poster};
}

enum status append(struct journal *journal, struct fake_loop *loop, struct slice payload,
                   bool durable)
{
    struct journal_request request = request_of(loop, payload);
    struct port_journal port = journal_port(journal);
    request.durable = durable;
    return port.append(port.context, &request);
}

enum status append_gathering(struct journal *journal, struct fake_loop *loop, struct slice payload)
{
    struct journal_request request = request_of(loop, payload);
    struct port_journal port = journal_port(journal);
    request.gathers = true;
    return port.append(port.context, &request);
}

bool append_wait(struct journal *journal, struct fake_loop *loop, struct slice payload,
                 bool durable)
{
    size_t ok = loop->ok;
    if (append(journal, loop, payload, durable) != STATUS_OK) {
        return false;
    }
    fake_loop_run_until(loop, loop->done + 1);
    return loop->ok == ok + 1;
}

static int sync_nothing(void *context, int fd)
{
    (void)context;
    (void)fd;
    return 0;
}

void write_records_as(const struct journal_options *options, size_t count)
{
    struct fake_loop loop;
    struct journal *journal = NULL;
    struct journal_options patient = *options;
    struct journal_files quick = journal_files_system;
    quick.fdatasync = quick.sync_directory = sync_nothing;
    patient.files = patient.files != NULL ? patient.files : &quick;
    patient.stall_ms = PATIENT_MS;
    fake_loop_init(&loop);
    CHECK(journal_open(&patient, &journal, NULL) == STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        char text[32];
        int len = snprintf(text, sizeof(text), "{\"n\":%zu}", i);
        CHECK(append_wait(journal, &loop, slice_of(text, (size_t)len), true));
    }
    journal_close(journal);
    fake_loop_release(&loop);
}

void write_records(const struct folder *folder, size_t count)
{
    struct journal_options options = {.directory = folder->path};
    write_records_as(&options, count);
}

struct journal_report verify(const struct folder *folder)
{
    struct journal_verify_options options = {.directory = folder->path};
    struct journal_report report;
    CHECK(journal_verify(&options, &report, NULL) == STATUS_OK);
    return report;
}

bool has_code(const struct journal_report *report, const char *code)
{
    return !report->is_intact && str_eq(report->diag.code, code);
}
