/* power_loss.c: a library for LD_PRELOAD that knows what a device would have kept, and that fails.
 *
 * A killed process leaves the page cache behind, so `kill -9` alone proves little. This library
 * watches the files below one folder and notes, in a file that all processes of the gateway map,
 * how much of each was synced and which renames were: the test takes the rest away after the kill
 * (loss.py). Syncs do not reach the real device; what counts is that the gateway asked for them.
 *
 * The files are written with pwrite, over zeros that were written ahead, and no byte ever gets
 * another value than zero or its last one. So what was written of a file is everything up to the
 * last byte that is not zero, and what is lost of it turns to zeros again.
 *
 * AEGIS_FAULTS_INODE  of the watched folder: a worker may not be allowed to look at its path
 * AEGIS_FAULTS_STATE  a file of zeros of STATE_BYTES that the worker's user can read and write
 * AEGIS_FAULTS        rules "OPERATION:FAULT:AFTER:COUNT", separated by commas: of the calls of
 * that operation on watched files, AFTER pass and the next COUNT suffer the fault. Operations:
 * create, write, sync, rename, syncdir, truncate. Faults: EIO, ENOSPC, EINTR, short (a write takes
 * half), or a delay like 20ms; all rules that match apply.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The layout is read by loss.py. */
#define FILES_MAX 2048
#define RENAMES_MAX 2048
#define NAME_BYTES 64
#define RULES_MAX 16

enum operation { OP_CREATE, OP_WRITE, OP_SYNC, OP_RENAME, OP_SYNCDIR, OP_TRUNCATE, OP_COUNT };

struct watched_file {
    uint64_t inode;
    uint64_t durable, written; /* up to the last byte that is not zero */
    uint64_t retried;          /* writes and syncs after a sync had failed */
    uint64_t has_failed;       /* a sync failed */
};

struct watched_rename {
    char from[NAME_BYTES], to[NAME_BYTES];
    uint64_t replaced; /* the old file behind `to` is kept as kept.N; 0: there was none */
};

struct state {
    _Atomic uint64_t calls[OP_COUNT];
    atomic_uint lock; /* guards what follows, across processes */
    uint32_t overflow;
    uint64_t file_count, rename_count, durable_renames;
    struct watched_file files[FILES_MAX];
    struct watched_rename renames[RENAMES_MAX];
};

struct rule {
    enum operation operation;
    uint64_t after, count;
    int error; /* 0: none */
    bool is_short;
    long delay_ms;
};

static struct state *state;
static ino_t folder_inode;
static struct rule rules[RULES_MAX];
static size_t rule_count;

#define REAL(type, name, ...)                                                                      \
    static type (*real_##name)(__VA_ARGS__);                                                       \
    if (real_##name == NULL) {                                                                     \
        real_##name = (type(*)(__VA_ARGS__))find_real(#name);                                      \
    }

static void (*find_real(const char *name))(void)
{
    void *found = dlsym(RTLD_NEXT, name);
    void (*function)(void) = NULL;
    if (found == NULL) {
        fprintf(stderr, "power_loss: there is no %s\n", name);
        abort();
    }
    memcpy(&function, &found, sizeof(function));
    return function;
}

static void stop(const char *why)
{
    fprintf(stderr, "power_loss: %s\n", why);
    abort();
}

static void parse_rule(const char *text)
{
    static const char *const names[OP_COUNT] = {"create", "write",   "sync",
                                                "rename", "syncdir", "truncate"};
    struct rule rule = {.operation = OP_COUNT};
    char operation[16] = "", fault[16] = "";
    const char *colon = strchr(text, ':');
    const char *second = colon != NULL ? strchr(colon + 1, ':') : NULL;
    const char *third = second != NULL ? strchr(second + 1, ':') : NULL;
    if (third == NULL || rule_count == RULES_MAX || (size_t)(colon - text) >= sizeof(operation) ||
        (size_t)(second - colon) > sizeof(fault)) {
        stop("a rule is OPERATION:FAULT:AFTER:COUNT");
        return;
    }
    memcpy(operation, text, (size_t)(colon - text));
    memcpy(fault, colon + 1, (size_t)(second - colon) - 1);
    for (size_t i = 0; i < OP_COUNT; i++) {
        rule.operation = strcmp(operation, names[i]) == 0 ? (enum operation)i : rule.operation;
    }
    rule.is_short = strcmp(fault, "short") == 0;
    rule.error = strcmp(fault, "EIO") == 0      ? EIO
                 : strcmp(fault, "ENOSPC") == 0 ? ENOSPC
                 : strcmp(fault, "EINTR") == 0  ? EINTR
                                                : 0;
    rule.delay_ms = strtol(fault, NULL, 10);
    rule.after = strtoull(second + 1, NULL, 10);
    rule.count = strtoull(third + 1, NULL, 10);
    if (rule.operation == OP_COUNT || (!rule.is_short && rule.error == 0 && rule.delay_ms == 0)) {
        stop("a rule names an unknown operation or fault");
    }
    rules[rule_count++] = rule;
}

static void parse_rules(const char *text)
{
    while (text != NULL && *text != '\0') {
        parse_rule(text);
        text = strchr(text, ',');
        text = text != NULL ? text + 1 : NULL;
    }
}

__attribute__((constructor)) static void start(void)
{
    const char *inode = getenv("AEGIS_FAULTS_INODE");
    const char *state_path = getenv("AEGIS_FAULTS_STATE");
    if (inode == NULL || state_path == NULL) {
        return;
    }
    folder_inode = (ino_t)strtoull(inode, NULL, 10);
    int fd = open(state_path, O_RDWR | O_CLOEXEC);
    void *mapped = fd >= 0
                       ? mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                       : MAP_FAILED;
    if (mapped == MAP_FAILED) {
        stop("cannot map the state");
    }
    close(fd);
    state = mapped;
    parse_rules(getenv("AEGIS_FAULTS"));
}

static void lock_state(void)
{
    unsigned expected = 0;
    while (!atomic_compare_exchange_weak(&state->lock, &expected, 1)) {
        expected = 0;
        sched_yield();
    }
}

static void unlock_state(void)
{
    atomic_store(&state->lock, 0);
}

/* Count a call, wait as the rules say, and return the rule that makes it fail, or NULL. */
static const struct rule *apply_rules(enum operation operation)
{
    uint64_t number = atomic_fetch_add(&state->calls[operation], 1);
    const struct rule *failing = NULL;
    for (size_t i = 0; i < rule_count; i++) {
        const struct rule *rule = &rules[i];
        if (rule->operation != operation || number < rule->after ||
            number - rule->after >= rule->count) {
            continue;
        }
        if (rule->delay_ms != 0) {
            struct timespec delay = {rule->delay_ms / 1000, rule->delay_ms % 1000 * 1000000};
            nanosleep(&delay, NULL);
        } else {
            failing = rule;
        }
    }
    return failing;
}

static bool is_folder(int fd)
{
    struct stat about;
    return state != NULL && fd >= 0 && fstat(fd, &about) == 0 && S_ISDIR(about.st_mode) &&
           about.st_ino == folder_inode;
}

/* With the state locked: the entry of a file that was made in the folder, or NULL. Found without a
 * look at its path, which a sandboxed process may not take. */
static struct watched_file *find_file(int fd)
{
    struct stat about;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        return NULL;
    }
    for (uint64_t i = state->file_count; i > 0; i--) {
        if (state->files[i - 1].inode == (uint64_t)about.st_ino) {
            return &state->files[i - 1];
        }
    }
    return NULL;
}

static bool is_file(int fd)
{
    if (state == NULL) {
        return false;
    }
    int saved = errno;
    lock_state();
    bool is_found = find_file(fd) != NULL;
    unlock_state();
    errno = saved;
    return is_found;
}

/* Made anew, a file has nothing durable, whatever its inode was before. */
static void note_created(int fd, int flags)
{
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0) {
        return;
    }
    lock_state();
    bool is_new = find_file(fd) == NULL || (flags & O_EXCL) != 0;
    if (is_new && state->file_count < FILES_MAX) {
        state->files[state->file_count++] = (struct watched_file){.inode = (uint64_t)about.st_ino};
    } else {
        state->overflow |= is_new;
    }
    unlock_state();
}

int openat(int directory, const char *path, int flags, ...)
{
    REAL(int, openat, int, const char *, int, ...)
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if ((flags & O_CREAT) == 0 || !is_folder(directory)) {
        return real_openat(directory, path, flags, mode);
    }
    const struct rule *rule = apply_rules(OP_CREATE);
    if (rule != NULL && rule->error != 0) {
        errno = rule->error;
        return -1;
    }
    int fd = real_openat(directory, path, flags, mode);
    note_created(fd, flags);
    return fd;
}

/* How much of a write is to be done: all, half, or nothing with errno set (-1). */
static ssize_t allowed(int fd, size_t count)
{
    if (!is_file(fd)) {
        return (ssize_t)count;
    }
    const struct rule *rule = apply_rules(OP_WRITE);
    if (rule != NULL && rule->error != 0) {
        errno = rule->error;
        return -1;
    }
    return (ssize_t)(rule != NULL && rule->is_short && count > 1 ? count / 2 : count);
}

static void note_written(int fd, const void *bytes, ssize_t put, off_t offset)
{
    if (state == NULL) {
        return;
    }
    int saved = errno;
    while (put > 0 && ((const char *)bytes)[put - 1] == 0) {
        put--;
    }
    lock_state();
    struct watched_file *file = find_file(fd);
    if (file != NULL) {
        uint64_t end = put > 0 ? (uint64_t)(offset + put) : 0;
        file->written = end > file->written ? end : file->written;
        file->retried += file->has_failed;
    }
    unlock_state();
    errno = saved;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t)
    ssize_t part = allowed(fd, count);
    if (part < 0) {
        return -1;
    }
    ssize_t put = real_pwrite(fd, bytes, (size_t)part, offset);
    note_written(fd, bytes, put, offset);
    return put;
}

int ftruncate(int fd, off_t size)
{
    REAL(int, ftruncate, int, off_t)
    const struct rule *rule = is_file(fd) ? apply_rules(OP_TRUNCATE) : NULL;
    if (rule != NULL && rule->error != 0) {
        errno = rule->error;
        return -1;
    }
    return real_ftruncate(fd, size);
}

static int sync_file(int fd)
{
    lock_state();
    /* What is written while the sync runs is not covered by it. */
    struct watched_file *file = find_file(fd);
    uint64_t written = file != NULL ? file->written : 0;
    unlock_state();
    const struct rule *rule = apply_rules(OP_SYNC);
    lock_state();
    if (file != NULL) {
        file->retried += file->has_failed;
        if (rule != NULL && rule->error != 0) {
            file->has_failed = 1;
        } else {
            file->durable = written;
        }
    }
    unlock_state();
    if (rule != NULL && rule->error != 0) {
        errno = rule->error;
        return -1;
    }
    return 0;
}

static int sync_folder(void)
{
    lock_state();
    uint64_t count = state->rename_count;
    unlock_state();
    const struct rule *rule = apply_rules(OP_SYNCDIR);
    if (rule != NULL && rule->error != 0) {
        errno = rule->error;
        return -1;
    }
    lock_state();
    state->durable_renames = count;
    unlock_state();
    return 0;
}

static int sync_any(int fd, int (*real)(int))
{
    if (is_folder(fd)) {
        return sync_folder();
    }
    return is_file(fd) ? sync_file(fd) : real(fd);
}

int fdatasync(int fd)
{
    REAL(int, fdatasync, int)
    return sync_any(fd, real_fdatasync);
}

int fsync(int fd)
{
    REAL(int, fsync, int)
    return sync_any(fd, real_fsync);
}

/* With the state locked. The file that the rename replaces is kept, for the case that it is lost.
 */
static void note_rename(int directory, const char *from, const char *to)
{
    if (state->rename_count == RENAMES_MAX || strlen(from) >= NAME_BYTES ||
        strlen(to) >= NAME_BYTES) {
        state->overflow = 1;
        return;
    }
    struct watched_rename *noted = &state->renames[state->rename_count];
    char kept[NAME_BYTES];
    *noted = (struct watched_rename){0};
    memcpy(noted->from, from, strlen(from));
    memcpy(noted->to, to, strlen(to));
    snprintf(kept, sizeof(kept), "kept.%llu", (unsigned long long)state->rename_count + 1);
    noted->replaced = linkat(directory, to, directory, kept, 0) == 0;
    /* The process may be killed at any line: what counts is whole. */
    atomic_signal_fence(memory_order_seq_cst);
    state->rename_count++;
}

int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    REAL(int, renameat, int, const char *, int, const char *)
    if (!is_folder(from_directory)) {
        return real_renameat(from_directory, from, to_directory, to);
    }
    const struct rule *rule = apply_rules(OP_RENAME);
    if (rule != NULL && rule->error != 0) {
        errno = rule->error;
        return -1;
    }
    lock_state();
    note_rename(from_directory, from, to);
    int result = real_renameat(from_directory, from, to_directory, to);
    state->rename_count -= result != 0;
    unlock_state();
    return result;
}
