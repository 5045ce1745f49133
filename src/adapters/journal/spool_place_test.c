#include "adapters/journal/spool_place.h"

#include "adapters/journal/spool.h"
#include "support/journal_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OTHER_NAME "/aegis-0123456789abcdef0123456789abcdef"

static struct spool_place open_ok(const struct folder *folder)
{
    struct spool_place place;
    CHECK(spool_place_open(folder->path, &place, NULL) == STATUS_OK);
    return place;
}

static void spool_file(const struct folder *folder, char path[PATH_BYTES + 8])
{
    snprintf(path, PATH_BYTES + 8, "%s/" SPOOL_PLACE_FILE, folder->path);
}

static void write_name(const struct folder *folder, const char *name)
{
    char path[PATH_BYTES + 8];
    spool_file(folder, path);
    (void)unlink(path);
    file_write(path, (const uint8_t *)name, strlen(name));
}

static bool exists(const char *name)
{
    int descriptor = shm_open(name, O_RDONLY, 0);
    if (descriptor >= 0) {
        close(descriptor);
    }
    return descriptor >= 0;
}

/* A process that was killed: its descriptors are closed, and nothing else happened. */
static void die(struct spool_place *place)
{
    close(place->descriptor);
    close(place->directory_fd);
}

/* As a journal does that has written what it found. */
static void remove_all(struct spool_place *place)
{
    struct spool spool;
    CHECK(spool_open(place->descriptor, &spool, NULL) == STATUS_OK);
    spool_drop(&spool);
    spool_close(&spool);
    spool_place_close(place);
}

TEST(spool_place_goes_when_all_is_written)
{
    struct folder folder;
    char path[PATH_BYTES + 8];
    folder_init(&folder);
    spool_file(&folder, path);
    struct spool_place place = open_ok(&folder), closed = place;
    struct stat about;
    CHECK(exists(place.name) && access(path, F_OK) == 0);
    /* There is room for all of it: nobody ends for want of a page later. */
    CHECK(fstat(place.descriptor, &about) == 0 && about.st_blocks * 512 >= (off_t)SPOOL_BYTES);
    spool_place_close(&place);
    CHECK(!exists(closed.name) && access(path, F_OK) != 0);
    spool_place_close(&place);
    folder_release(&folder);
}

TEST(spool_place_is_found_by_the_next_process)
{
    struct folder folder;
    struct spool spool;
    struct slice payload;
    size_t at = 0;
    folder_init(&folder);
    struct spool_place place = open_ok(&folder), last = place;
    CHECK(spool_open(place.descriptor, &spool, NULL) == STATUS_OK);
    CHECK(spool_add(&spool, SLICE("{a}")));
    spool_close(&spool);
    die(&place);
    place = open_ok(&folder);
    CHECK(str_eq(place.name, last.name));
    CHECK(spool_open(place.descriptor, &spool, NULL) == STATUS_OK);
    spool_take(&spool);
    CHECK(spool_next(&spool, &at, &payload) && slice_eq(payload, SLICE("{a}")));
    /* What is not written is to be found once more. */
    CHECK(spool_add(&spool, SLICE("{b}")));
    spool_close(&spool);
    spool_place_close(&place);
    CHECK(exists(last.name));
    place = open_ok(&folder);
    CHECK(str_eq(place.name, last.name));
    /* Neither does it go when it was only looked at. */
    CHECK(spool_open(place.descriptor, &spool, NULL) == STATUS_OK);
    spool_close(&spool);
    spool_place_close(&place);
    CHECK(exists(last.name));
    place = open_ok(&folder);
    remove_all(&place);
    CHECK(!exists(last.name));
    folder_release(&folder);
}

TEST(spool_place_has_one_owner)
{
    struct folder folder;
    struct diag diag = {0};
    struct spool_place second;
    folder_init(&folder);
    struct spool_place place = open_ok(&folder);
    CHECK(spool_place_open(folder.path, &second, &diag) == STATUS_CONFLICT);
    CHECK(str_eq(diag.code, "journal.locked") && exists(place.name));
    spool_place_close(&place);
    place = open_ok(&folder);
    spool_place_close(&place);
    CHECK(spool_place_open("/nowhere/at/all", &second, &diag) == STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "spool.memory"));
    folder_release(&folder);
}

/* Whoever can write the folder names nothing else, and nothing that others can write. */
TEST(spool_place_is_no_other_memory)
{
    static const struct {
        const char *what, *name;
        size_t bytes;
        mode_t mode;
        bool is_taken;
    } rows[] = {
        {"ours", OTHER_NAME, SPOOL_BYTES, 0600, true},
        {"of another size", OTHER_NAME, SPOOL_BYTES - 1, 0600, false},
        {"for a group", OTHER_NAME, SPOOL_BYTES, 0620, false},
        {"for all", OTHER_NAME, SPOOL_BYTES, 0602, false},
        {"no name", "/aegis-0123456789abcdef0123456789abcdeg", SPOOL_BYTES, 0600, false},
        {"a short name", "/aegis-0123456789abcdef0123456789abcde", SPOOL_BYTES, 0600, false},
        {"a long name", "/aegis-0123456789abcdef0123456789abcdef0", SPOOL_BYTES, 0600, false},
        {"another's name", "/other-0123456789abcdef0123456789abcdef", SPOOL_BYTES, 0600, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct folder folder;
        folder_init(&folder);
        int descriptor = shm_open(rows[i].name, O_RDWR | O_CREAT | O_EXCL, 0600);
        CHECK(descriptor >= 0 && ftruncate(descriptor, (off_t)rows[i].bytes) == 0);
        CHECK(fchmod(descriptor, rows[i].mode) == 0);
        write_name(&folder, rows[i].name);
        struct spool_place place = open_ok(&folder);
        CHECK_ROW(rows[i].what, str_eq(place.name, rows[i].name) == rows[i].is_taken);
        spool_place_close(&place);
        CHECK_ROW(rows[i].what, exists(rows[i].name) != rows[i].is_taken);
        (void)shm_unlink(rows[i].name);
        close(descriptor);
        folder_release(&folder);
    }
}

/* Neither is the file that says the name written or read through another one. */
TEST(spool_place_follows_no_link)
{
    struct folder folder;
    char path[PATH_BYTES + 8], temporary[PATH_BYTES + 16], target[PATH_BYTES + 16], text[8] = {0};
    folder_init(&folder);
    spool_file(&folder, path);
    snprintf(temporary, sizeof(temporary), "%s/spool.tmp", folder.path);
    snprintf(target, sizeof(target), "%s/target", folder.path);
    file_write(target, (const uint8_t *)"as it is", 8);
    CHECK(symlink(target, path) == 0 && symlink(target, temporary) == 0);
    struct spool_place place = open_ok(&folder);
    int fd = open(target, O_RDONLY | O_CLOEXEC);
    CHECK(read(fd, text, sizeof(text)) == 8 && memcmp(text, "as it is", 8) == 0);
    close(fd);
    spool_place_close(&place);
    folder_release(&folder);
}

struct writer {
    struct spool spool;
    size_t waits;
};

static void *write_later(void *context)
{
    struct writer *writer = context;
    for (size_t i = 0; i < writer->waits; i++) {
        usleep(1000);
    }
    spool_take(&writer->spool);
    spool_drop(&writer->spool);
    return NULL;
}

/* What was kept before it came, of a process that is there. */
TEST(spool_is_waited_for_by_readers)
{
    struct folder folder;
    struct writer writer = {.waits = 5};
    struct spool_counts counts;
    pthread_t thread;
    folder_init(&folder);
    spool_wait_for_writer(folder.path);
    spool_wait_for_writer("/nowhere/at/all");
    struct spool_place place = open_ok(&folder);
    spool_wait_for_writer(folder.path);
    CHECK(spool_open(place.descriptor, &writer.spool, NULL) == STATUS_OK);
    CHECK(spool_add(&writer.spool, SLICE("{a}")));
    CHECK(pthread_create(&thread, NULL, write_later, &writer) == 0);
    spool_wait_for_writer(folder.path);
    CHECK(spool_counts_read(place.descriptor, &counts) && counts.written == 1);
    pthread_join(thread, NULL);
    CHECK(spool_add(&writer.spool, SLICE("{b}")));
    struct spool_place dead = place;
    die(&dead);
    spool_wait_for_writer(folder.path); /* which nobody writes */
    spool_close(&writer.spool);
    place = open_ok(&folder);
    remove_all(&place);
    folder_release(&folder);
}
