/* Which journal is meant when none is named: those of a person's own gateways lie side by side in
 * the state folder, one for each process of `proxy` and `wrap`, since a journal has one writer. */
#include "cli/audit.h"

#include "cli/state_folder.h"

#include "adapters/journal/spool_place.h"

#include "base/arena.h"
#include "base/slice.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SYSTEM_DIRECTORY "/var/lib/aegis/audit"
#define LOCKS_FILE "/proc/locks"
#define LOCK_LINE_BYTES 512
#define LOCK_LINES_MAX 100000
#define NAME_BYTES 64
#define JOURNALS_MAX 4096
#define SHOWN_MAX 10
#define TIME_BYTES 32

struct found_journal {
    char name[NAME_BYTES];
    ino_t inode;
    time_t written; /* the last time */
    bool is_in_use; /* a gateway writes it now */
};

struct found_journals {
    struct found_journal items[JOURNALS_MAX];
    size_t count, in_use_count;
};

static bool may_be_journal(const char *name)
{
    struct slice text = slice_view_cstr(name);
    return text.len < NAME_BYTES &&
           (slice_eq(text, SLICE("audit")) || slice_starts_with(text, SLICE("proxy-")) ||
            slice_starts_with(text, SLICE("wrap-")) || slice_starts_with(text, SLICE("connect-")));
}

/* When its newest segment was written; false: it has none, and is no journal. */
static bool read_segments(int folder_fd, const char *name, struct found_journal *out)
{
    struct stat info;
    int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    bool is_found = false;
    if (directory == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    *out = (struct found_journal){0};
    (void)snprintf(out->name, sizeof(out->name), "%.*s", NAME_BYTES - 1, name);
    out->inode = fstat(fd, &info) == 0 ? info.st_ino : 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (slice_ends_with(slice_view_cstr(entry->d_name), SLICE(".aegj")) &&
            fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
            is_found = true;
            out->written = info.st_mtime > out->written ? info.st_mtime : out->written;
        }
    }
    (void)closedir(directory);
    return is_found;
}

static struct slice next_field(struct slice *rest)
{
    while (rest->len > 0 && rest->ptr[0] == ' ') {
        *rest = slice_sub(*rest, 1, rest->len);
    }
    size_t end = slice_find_byte(*rest, ' ');
    struct slice field = slice_sub(*rest, 0, end);
    *rest = slice_sub(*rest, end, rest->len);
    return field;
}

/* "1: FLOCK  ADVISORY  WRITE 4711 08:01:1234567 0 EOF" (proc(5)): 0 when it is no such lock. */
static int64_t locked_inode(struct slice line)
{
    int64_t inode = 0;
    (void)next_field(&line);
    bool is_lock = slice_eq(next_field(&line), SLICE("FLOCK"));
    (void)next_field(&line);
    is_lock = slice_eq(next_field(&line), SLICE("WRITE")) && is_lock;
    (void)next_field(&line);
    struct slice file = next_field(&line);
    for (int i = 0; i < 2; i++) {
        file = slice_sub(file, slice_find_byte(file, ':') + 1, file.len);
    }
    return is_lock && slice_to_i64(file, &inode) == STATUS_OK ? inode : 0;
}

/* A gateway holds a lock on the folder that it writes. It is looked up, and not tried, because a
 * gateway that starts just then would find the folder taken. */
static void find_locks(struct found_journals *journals)
{
    char line[LOCK_LINE_BYTES];
    FILE *file = fopen(LOCKS_FILE, "re");
    for (int i = 0; file != NULL && i < LOCK_LINES_MAX && fgets(line, sizeof(line), file) != NULL;
         i++) {
        int64_t inode = locked_inode(slice_view_cstr(line));
        for (size_t k = 0; inode > 0 && k < journals->count; k++) {
            struct found_journal *journal = &journals->items[k];
            if ((int64_t)journal->inode == inode && !journal->is_in_use) {
                journal->is_in_use = true;
                journals->in_use_count++;
            }
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static void find_journals(const char *state, struct found_journals *out)
{
    int fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    out->count = out->in_use_count = 0;
    if (directory == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return;
    }
    for (struct dirent *entry = readdir(directory); entry != NULL && out->count < JOURNALS_MAX;
         entry = readdir(directory)) {
        if (may_be_journal(entry->d_name) &&
            read_segments(fd, entry->d_name, &out->items[out->count])) {
            out->count++;
        }
    }
    (void)closedir(directory);
    find_locks(out);
}

/* Those in use first, then the newest. */
static int compare_journals(const void *a, const void *b)
{
    const struct found_journal *one = a;
    const struct found_journal *other = b;
    if (one->is_in_use != other->is_in_use) {
        return one->is_in_use ? -1 : 1;
    }
    return one->written != other->written ? (one->written > other->written ? -1 : 1)
                                          : strcmp(one->name, other->name);
}

static void print_choice(const char *state, const struct found_journals *journals)
{
    size_t shown = journals->count < SHOWN_MAX ? journals->count : SHOWN_MAX;
    (void)fprintf(stderr, "aegis audit: journal.ambiguous: %zu journals in '%s'; name one:\n",
                  journals->count, state);
    for (size_t i = 0; i < shown; i++) {
        const struct found_journal *journal = &journals->items[i];
        char text[TIME_BYTES] = "";
        struct tm parts;
        if (gmtime_r(&journal->written, &parts) != NULL) {
            (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
        }
        (void)fprintf(stderr, "  --dir %s/%s  %s %s\n", state, journal->name,
                      journal->is_in_use ? "being written, last" : "last written", text);
    }
    if (shown < journals->count) {
        (void)fprintf(stderr, "  and %zu older ones\n", journals->count - shown);
    }
}

/* The one that is being written, or else the only one. */
static const char *choose(const char *state, struct found_journals *journals,
                          char path[AUDIT_PATH_BYTES])
{
    size_t wanted = journals->in_use_count > 0 ? journals->in_use_count : journals->count;
    qsort(journals->items, journals->count, sizeof(journals->items[0]), compare_journals);
    if (wanted > 1) {
        print_choice(state, journals);
        return NULL;
    }
    const char *name = wanted == 1 ? journals->items[0].name : "audit";
    int len = snprintf(path, AUDIT_PATH_BYTES, "%s/%s", state, name);
    if (len < 0 || len >= AUDIT_PATH_BYTES) {
        (void)fputs("aegis audit: the path of the state folder is too long\n", stderr);
        return NULL;
    }
    if (wanted == 0 && access(SYSTEM_DIRECTORY, F_OK) == 0) {
        return SYSTEM_DIRECTORY;
    }
    if (journals->count > 1) {
        (void)fprintf(stderr, "aegis audit: of %zu journals this is the one being written: '%s'\n",
                      journals->count, path);
    }
    return path;
}

static const char *find(char path[AUDIT_PATH_BYTES])
{
    char state[STATE_FOLDER_BYTES];
    struct found_journals *journals = base_alloc(sizeof(*journals));
    if (journals == NULL) {
        (void)fputs("aegis audit: no memory to look for journals\n", stderr);
        return NULL;
    }
    find_journals(state_folder(state), journals);
    const char *chosen = choose(state, journals, path);
    base_free(journals);
    return chosen;
}

const char *audit_directory(const char *given, char path[AUDIT_PATH_BYTES])
{
    const char *directory = given != NULL ? given : find(path);
    if (directory != NULL) {
        spool_wait_for_writer(directory);
    }
    return directory;
}
