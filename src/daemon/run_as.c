#include "daemon/run_as.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status copy_user(const struct passwd *from, struct arena *arena, struct run_as_user *to)
{
    struct slice name;
    struct slice home;
    TRY(arena_format(arena, &name, "%s", from->pw_name));
    TRY(arena_format(arena, &home, "%s", from->pw_dir));
    *to = (struct run_as_user){(const char *)name.ptr, (const char *)home.ptr, from->pw_uid,
                               from->pw_gid};
    return STATUS_OK;
}

static enum status find_user(const char *name, struct arena *arena, struct run_as_user *out,
                             struct diag *diag)
{
    const struct passwd *user = getpwnam(name);
    if (user == NULL) {
        return diag_fail(diag, STATUS_INVALID, "process.user",
                         "there is no user '%s'; create it or change 'process' in the "
                         "configuration",
                         name);
    }
    if (geteuid() != 0 && user->pw_uid != geteuid()) {
        return diag_fail(diag, STATUS_INVALID, "process.user",
                         "only root can run processes as '%s'; start as root or change 'process' "
                         "in the configuration",
                         name);
    }
    return copy_user(user, arena, out);
}

/* The configured user, or the first of the others that exists; ours when we are not root. */
static enum status choose_user(struct slice configured, const char *const *others,
                               struct arena *arena, struct run_as_user *out, struct diag *diag)
{
    if (configured.len > 0) {
        return find_user((const char *)configured.ptr, arena, out, diag);
    }
    if (geteuid() != 0) {
        *out = (struct run_as_user){.name = "", .user = geteuid(), .group = getegid()};
        return STATUS_OK;
    }
    while (others[1] != NULL && getpwnam(others[0]) == NULL) {
        others++;
    }
    return find_user(others[0], arena, out, diag);
}

enum status run_as_find(const struct config *config, struct arena *arena, struct run_as *out,
                        struct diag *diag)
{
    static const char *const WORKERS[] = {"aegis", "nobody", NULL};
    static const char *const SERVERS[] = {"nobody", NULL};
    *out = (struct run_as){.changes = geteuid() == 0};
    TRY(choose_user(config->process.user, WORKERS, arena, &out->worker, diag));
    return choose_user(config->process.server_user, SERVERS, arena, &out->servers, diag);
}

/* -- state ----------------------------------------------------------------------------------- */

static enum status state_fail(struct diag *diag, const char *what, const char *path)
{
    return diag_fail(diag, STATUS_IO, "state.dir", "cannot %s '%s': %s", what, path,
                     strerror(errno));
}

/* Regular files with one name only: a link somebody planted stays what it is. */
static bool give_files(int folder, const struct run_as_user *user)
{
    int copy = dup(folder);
    DIR *listing = copy < 0 ? NULL : fdopendir(copy);
    bool is_done = listing != NULL;
    for (struct dirent *entry; is_done && (entry = readdir(listing)) != NULL;) {
        struct stat info;
        int file = openat(folder, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        bool is_ours =
            file >= 0 && fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1;
        is_done = !is_ours || fchown(file, user->user, user->group) == 0;
        if (file >= 0) {
            (void)close(file);
        }
    }
    if (listing != NULL) {
        (void)closedir(listing);
    } else if (copy >= 0) {
        (void)close(copy);
    }
    return is_done;
}

/* Only when it is not the worker's yet: later it is the worker who says what lies in it. */
static bool give_folder(const char *path, const struct run_as_user *user)
{
    struct stat info;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool is_done = folder >= 0 && fstat(folder, &info) == 0;
    if (is_done && info.st_uid != user->user) {
        is_done = give_files(folder, user) && fchown(folder, user->user, user->group) == 0;
    }
    int error = errno;
    if (folder >= 0) {
        (void)close(folder);
    }
    errno = error;
    return is_done;
}

enum status run_as_prepare_state(const struct config *config, const struct run_as *run_as,
                                 struct diag *diag)
{
    const char *state = (const char *)config->state_dir.ptr;
    const char *journal = (const char *)config->audit.dir.ptr;
    if (mkdir(state, 0700) != 0 && errno != EEXIST) {
        return state_fail(diag, "make the state folder", state);
    }
    if (config->audit.mode == CONFIG_AUDIT_OFF) {
        return STATUS_OK;
    }
    if (mkdir(journal, 0700) != 0 && errno != EEXIST) {
        return state_fail(diag, "make the journal's folder", journal);
    }
    if (run_as->changes && !give_folder(journal, &run_as->worker)) {
        return state_fail(diag, "give the worker the journal's folder", journal);
    }
    return STATUS_OK;
}
