#include "adapters/journal/spool_place.h"

#include "adapters/journal/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "/aegis-"
#define ID_BYTES 16
#define TEMPORARY_FILE "spool.tmp"
#define WAIT_STEP_NS 1000000
#define WAIT_STEPS 1000

static_assert(sizeof(PREFIX) + 2 * ID_BYTES == SPOOL_NAME_BYTES, "prefix, digits and NUL");

static enum status fail(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_UNAVAILABLE, "spool.memory",
                     "cannot %s the shared memory of the journal: %s", what, strerror(errno));
}

/* Whoever can write the folder could name anything: nothing but such memory is opened. */
static bool is_name(const char *name)
{
    size_t prefix = sizeof(PREFIX) - 1;
    return strlen(name) == SPOOL_NAME_BYTES - 1 && memcmp(name, PREFIX, prefix) == 0 &&
           strspn(name + prefix, "0123456789abcdef") == 2 * (size_t)ID_BYTES;
}

/* What the folder says; empty when it says nothing. */
static void read_name(int directory_fd, char name[SPOOL_NAME_BYTES])
{
    int fd = openat(directory_fd, SPOOL_PLACE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, name, SPOOL_NAME_BYTES) : 0;
    name[len == SPOOL_NAME_BYTES - 1 ? len : 0] = '\0';
    if (!is_name(name)) {
        name[0] = '\0';
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* Is it of this journal's, and for nobody else? */
static bool is_ours(int descriptor, const struct stat *directory)
{
    struct stat about;
    return fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) && (about.st_mode & 077) == 0 &&
           about.st_size == (off_t)SPOOL_BYTES &&
           (about.st_uid == directory->st_uid || about.st_uid == geteuid());
}

static int find(const char *name, const struct stat *directory)
{
    int descriptor = name[0] != '\0' ? shm_open(name, O_RDWR | O_NOFOLLOW, 0) : -1;
    if (descriptor >= 0 && !is_ours(descriptor, directory)) {
        (void)close(descriptor);
        return -1;
    }
    return descriptor;
}

static bool draw_name(char name[SPOOL_NAME_BYTES])
{
    uint8_t id[ID_BYTES];
    if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id)) {
        return false;
    }
    size_t len = (size_t)snprintf(name, SPOOL_NAME_BYTES, PREFIX);
    for (size_t i = 0; i < sizeof(id); i++, len += 2) {
        (void)snprintf(name + len, SPOOL_NAME_BYTES - len, "%02x", id[i]);
    }
    return true;
}

/* Not through what may lie there under these names. */
static bool write_name(const struct spool_place *place, const struct stat *directory)
{
    (void)unlinkat(place->directory_fd, TEMPORARY_FILE, 0);
    int fd =
        openat(place->directory_fd, TEMPORARY_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    size_t len = strlen(place->name);
    bool is_written = fchown(fd, directory->st_uid, directory->st_gid) == 0 &&
                      write(fd, place->name, len) == (ssize_t)len;
    (void)close(fd);
    return is_written && renameat(place->directory_fd, TEMPORARY_FILE, place->directory_fd,
                                  SPOOL_PLACE_FILE) == 0;
}

static enum status make(const char *directory, const struct stat *about, struct spool_place *place,
                        struct diag *diag)
{
    if (!draw_name(place->name)) {
        return fail(diag, "name");
    }
    place->descriptor = shm_open(place->name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (place->descriptor < 0) {
        return fail(diag, "make");
    }
    enum status status = STATUS_OK;
    /* All of it now: a page that cannot be had later would end the process that touches it. */
    errno = posix_fallocate(place->descriptor, 0, (off_t)SPOOL_BYTES);
    if (errno != 0 || fchown(place->descriptor, about->st_uid, about->st_gid) != 0) {
        status = fail(diag, "make");
    } else if (!write_name(place, about)) {
        status =
            diag_fail(diag, STATUS_UNAVAILABLE, "spool.memory",
                      "cannot write '%s/" SPOOL_PLACE_FILE "': %s", directory, strerror(errno));
    }
    if (status != STATUS_OK) {
        (void)shm_unlink(place->name);
    }
    return status;
}

static enum status find_or_make(const char *directory, struct spool_place *place, struct diag *diag)
{
    struct stat about;
    place->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->directory_fd < 0 || fstat(place->directory_fd, &about) != 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "spool.memory", "cannot open '%s': %s",
                         directory, strerror(errno));
    }
    read_name(place->directory_fd, place->name);
    place->descriptor = find(place->name, &about);
    if (place->descriptor < 0) {
        TRY(make(directory, &about, place, diag));
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(place->descriptor, F_OFD_SETLK, &lock) == 0
               ? STATUS_OK
               : diag_fail(diag, STATUS_CONFLICT, "journal.locked",
                           "another process writes the journal at '%s'", directory);
}

static void close_both(struct spool_place *place)
{
    if (place->descriptor >= 0) {
        (void)close(place->descriptor);
    }
    if (place->directory_fd >= 0) {
        (void)close(place->directory_fd);
    }
    *place = SPOOL_PLACE_NONE;
}

enum status spool_place_open(const char *directory, struct spool_place *out, struct diag *diag)
{
    *out = SPOOL_PLACE_NONE;
    enum status status = find_or_make(directory, out, diag);
    if (status != STATUS_OK) {
        /* It is another's, or has just been made. */
        close_both(out);
    }
    return status;
}

void spool_place_close(struct spool_place *place)
{
    struct spool_counts counts;
    if (place->descriptor >= 0 && spool_counts_read(place->descriptor, &counts) &&
        counts.kept == counts.written) {
        (void)unlinkat(place->directory_fd, SPOOL_PLACE_FILE, 0);
        (void)shm_unlink(place->name);
    }
    close_both(place);
}

/* Without a writer nobody holds the lock, and what is there the next one writes. */
static bool has_writer(int descriptor)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    return fcntl(descriptor, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static void wait_for(int descriptor)
{
    const struct timespec step = {.tv_nsec = WAIT_STEP_NS};
    struct spool_counts first, now;
    if (!spool_counts_read(descriptor, &first)) {
        return;
    }
    now = first;
    for (size_t i = 0; i < WAIT_STEPS && now.written < first.kept && has_writer(descriptor); i++) {
        (void)nanosleep(&step, NULL);
        if (!spool_counts_read(descriptor, &now)) {
            return;
        }
    }
}

void spool_wait_for_writer(const char *directory)
{
    char name[SPOOL_NAME_BYTES];
    int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd < 0) {
        return;
    }
    read_name(directory_fd, name);
    int descriptor = name[0] != '\0' ? shm_open(name, O_RDONLY | O_NOFOLLOW, 0) : -1;
    if (descriptor >= 0) {
        wait_for(descriptor);
        (void)close(descriptor);
    }
    (void)close(directory_fd);
}
