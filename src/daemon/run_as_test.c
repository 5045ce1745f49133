#include "daemon/run_as.h"

#include "support/check.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)1 << 20)
#define PATH_BYTES 256

struct folder {
    char path[PATH_BYTES], state[PATH_BYTES], journal[PATH_BYTES];
    struct config config;
};

static void set_up(struct folder *self)
{
    *self = (struct folder){.path = "/tmp/aegis-run-as-XXXXXX"};
    CHECK(mkdtemp(self->path) != NULL);
    (void)snprintf(self->state, sizeof(self->state), "%.200s/state", self->path);
    (void)snprintf(self->journal, sizeof(self->journal), "%.200s/state/audit", self->path);
    self->config.state_dir = slice_view_cstr(self->state);
    self->config.audit.dir = slice_view_cstr(self->journal);
}

static void path_in(const struct folder *self, const char *name, char path[PATH_BYTES])
{
    (void)snprintf(path, PATH_BYTES, "%.200s/%s", self->journal, name);
}

static void make_file(const struct folder *self, const char *name)
{
    char path[PATH_BYTES];
    path_in(self, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && close(fd) == 0);
}

static void tear_down(struct folder *self)
{
    static const char *const NAMES[] = {"segment", "linked", "other-name", "symbolic"};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        char path[PATH_BYTES];
        path_in(self, NAMES[i], path);
        (void)unlink(path);
    }
    (void)rmdir(self->journal);
    (void)rmdir(self->state);
    CHECK(rmdir(self->path) == 0);
}

static uid_t owner(const struct folder *self, const char *name)
{
    char path[PATH_BYTES];
    struct stat info;
    path_in(self, name, path);
    CHECK(lstat(path, &info) == 0);
    return info.st_uid;
}

TEST(run_as_finds_users)
{
    const struct passwd *own = getpwuid(geteuid());
    const struct {
        const char *name;
        struct config_process process;
        enum status expected;
    } rows[] = {
        {"none", {{0}, {0}}, STATUS_OK},
        {"ours", {slice_view_cstr(own->pw_name), {0}}, STATUS_OK},
        {"ours for servers", {{0}, slice_view_cstr(own->pw_name)}, STATUS_OK},
        {"nobody there", {SLICE("no-such-user-of-aegis"), {0}}, STATUS_INVALID},
        {"nobody for servers", {{0}, SLICE("no-such-user-of-aegis")}, STATUS_INVALID},
        {"another", {SLICE("daemon"), {0}}, geteuid() == 0 ? STATUS_OK : STATUS_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct run_as run_as;
        struct diag diag = {0};
        struct config config = {.process = rows[i].process};
        arena_init(&arena, ARENA_BYTES, NULL);
        CHECK_ROW(rows[i].name, run_as_find(&config, &arena, &run_as, &diag) == rows[i].expected);
        CHECK_ROW(rows[i].name,
                  str_eq(diag.code, rows[i].expected == STATUS_OK ? NULL : "process.user"));
        CHECK_ROW(rows[i].name, run_as.changes == (geteuid() == 0));
        arena_release(&arena);
    }
}

/* Root is never what a worker falls back to. */
TEST(run_as_defaults_to_users_without_rights)
{
    struct arena arena;
    struct run_as run_as;
    struct config config = {0};
    arena_init(&arena, ARENA_BYTES, NULL);
    CHECK(run_as_find(&config, &arena, &run_as, NULL) == STATUS_OK);
    CHECK(run_as.worker.user != 0 && run_as.servers.user != 0);
    arena_release(&arena);
}

TEST(run_as_makes_the_folders_of_the_state)
{
    struct folder self;
    struct stat info;
    const struct run_as run_as = {0};
    set_up(&self);
    for (int again = 0; again < 2; again++) {
        CHECK(run_as_prepare_state(&self.config, &run_as, NULL) == STATUS_OK);
        CHECK(stat(self.state, &info) == 0 && (info.st_mode & 0777) == 0700);
        CHECK(stat(self.journal, &info) == 0 && (info.st_mode & 0777) == 0700);
    }
    self.config.state_dir = SLICE("/dev/null/state");
    struct diag diag = {0};
    CHECK(run_as_prepare_state(&self.config, &run_as, &diag) == STATUS_IO);
    CHECK(str_eq(diag.code, "state.dir"));
    tear_down(&self);
}

/* Links may have been planted by whoever could write the folder before. */
TEST(run_as_gives_the_journal_and_no_link_away)
{
    struct folder self;
    char path[PATH_BYTES];
    char other[PATH_BYTES];
    uid_t own = geteuid();
    const struct run_as run_as = {.changes = own == 0, .worker = {.user = 65534, .group = 65534}};
    set_up(&self);
    CHECK(mkdir(self.state, 0700) == 0 && mkdir(self.journal, 0700) == 0);
    make_file(&self, "segment");
    make_file(&self, "linked");
    path_in(&self, "linked", path);
    path_in(&self, "other-name", other);
    CHECK(link(path, other) == 0);
    path_in(&self, "symbolic", path);
    CHECK(symlink("/dev/null", path) == 0);
    CHECK(run_as_prepare_state(&self.config, &run_as, NULL) == STATUS_OK);
    uid_t given = own == 0 ? 65534 : own;
    CHECK(owner(&self, ".") == given && owner(&self, "segment") == given);
    CHECK(owner(&self, "linked") == own && owner(&self, "symbolic") == own);
    CHECK(owner(&self, "..") == own);
    /* From now on it is the worker's, and nothing in it is touched. */
    make_file(&self, "other-name");
    CHECK(run_as_prepare_state(&self.config, &run_as, NULL) == STATUS_OK);
    CHECK(owner(&self, "other-name") == own);
    tear_down(&self);
}
