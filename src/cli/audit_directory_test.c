/* Which journal `aegis audit` reads when none is named. */
#include "cli/audit.h"

#include "support/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 256
#define SAID_BYTES 2048
#define JOURNALS_MAX 12

static char home[PATH_BYTES], path[AUDIT_PATH_BYTES], said[SAID_BYTES];
static int locks[JOURNALS_MAX];
static size_t lock_count;

static void make_folder(const char *name)
{
    char folder[3 * PATH_BYTES];
    (void)snprintf(folder, sizeof(folder), "%s/%s", home, name);
    CHECK(mkdir(folder, 0700) == 0);
}

static void begin(void)
{
    (void)snprintf(home, sizeof(home), "%s", "/tmp/aegis-audit-XXXXXX");
    CHECK(mkdtemp(home) != NULL);
    CHECK(setenv("XDG_STATE_HOME", home, 1) == 0);
    make_folder("aegis");
    lock_count = 0;
}

/* name may end in '*': a gateway writes it. written_s: the age of what it wrote. */
static void make_journal(const char *name, int64_t written_s)
{
    char folder[2 * PATH_BYTES];
    char file[3 * PATH_BYTES];
    size_t len = strcspn(name, "*");
    (void)snprintf(folder, sizeof(folder), "aegis/%.*s", (int)len, name);
    make_folder(folder);
    (void)snprintf(folder, sizeof(folder), "%s/aegis/%.*s", home, (int)len, name);
    (void)snprintf(file, sizeof(file), "%s/00000000000000000001.aegj", folder);
    int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    struct timespec times[2] = {{.tv_sec = written_s}, {.tv_sec = written_s}};
    CHECK(fd >= 0 && futimens(fd, times) == 0);
    (void)close(fd);
    if (name[len] == '*') {
        locks[lock_count] = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CHECK(flock(locks[lock_count++], LOCK_EX | LOCK_NB) == 0);
    }
}

static void end(void)
{
    char command[2 * PATH_BYTES];
    while (lock_count > 0) {
        (void)close(locks[--lock_count]);
    }
    (void)snprintf(command, sizeof(command), "rm -r '%s'", home);
    CHECK(system(command) == 0); /* NOLINT(cert-env33-c): a folder of the test */
}

/* What audit_directory chooses; what it says is in said. */
static const char *choose(const char *given)
{
    int saved = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    CHECK(saved >= 0 && file != NULL);
    (void)fflush(stderr);
    CHECK(dup2(fileno(file), STDERR_FILENO) >= 0);
    const char *chosen = audit_directory(given, path);
    (void)fflush(stderr);
    CHECK(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    rewind(file);
    size_t len = fread(said, 1, sizeof(said) - 1, file);
    said[len] = '\0';
    (void)fclose(file);
    return chosen;
}

TEST(audit_directory_chooses_by_who_writes)
{
    static const struct {
        const char *row;
        const char *journals[4];
        const char *chosen; /* NULL: ambiguous */
        bool is_told;       /* which one */
    } rows[] = {
        {"the only one", {"audit"}, "audit", false},
        {"the only one of a wrap", {"wrap-12"}, "wrap-12", false},
        {"the only one of a connect, beside its tokens",
         {"connect", "connect-5"},
         "connect-5",
         false},
        {"the only one, being written", {"proxy-7*"}, "proxy-7", false},
        {"the one being written", {"audit", "proxy-7*", "wrap-12"}, "proxy-7", true},
        {"a gateway's, being written", {"audit*", "proxy-7", "wrap-12"}, "audit", true},
        {"none is being written", {"audit", "proxy-7"}, NULL, false},
        {"two of one kind", {"wrap-12", "wrap-13"}, NULL, false},
        {"two being written", {"proxy-7*", "proxy-8*"}, NULL, false},
        {"two of three being written", {"audit*", "proxy-7", "wrap-12*"}, NULL, false},
        {"other folders", {"audit", "other", "Proxy-7", "xwrap-1"}, "audit", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin();
        for (size_t k = 0; k < COUNT_OF(rows[i].journals) && rows[i].journals[k] != NULL; k++) {
            make_journal(rows[i].journals[k], 1000);
        }
        const char *chosen = choose(NULL);
        size_t prefix = strlen(home) + strlen("/aegis/");
        CHECK_ROW(rows[i].row, (chosen == NULL) == (rows[i].chosen == NULL));
        CHECK_ROW(rows[i].row, chosen == NULL || strlen(chosen) > prefix);
        CHECK_ROW(rows[i].row, chosen == NULL || strcmp(chosen + prefix, rows[i].chosen) == 0);
        CHECK_ROW(rows[i].row, (said[0] != '\0') == (chosen == NULL || rows[i].is_told));
        CHECK_ROW(rows[i].row, (strstr(said, "journal.ambiguous") != NULL) == (chosen == NULL));
        end();
    }
}

/* Those in use first, then the newest; ten of them. */
TEST(audit_directory_lists_what_there_is)
{
    begin();
    for (int i = 0; i < JOURNALS_MAX - 2; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "wrap-%d", 100 + i);
        make_journal(name, 1000 + i);
    }
    make_journal("proxy-7*", 0);
    make_journal("proxy-8*", 1);
    CHECK(choose(NULL) == NULL);
    const char *places[] = {strstr(said, "proxy-8  being written, last 1970-01-01T00:00:01Z"),
                            strstr(said, "proxy-7  being written"),
                            strstr(said, "wrap-109  last written 1970-01-01T00:16:49Z"),
                            strstr(said, "wrap-102  "), strstr(said, "and 2 older ones")};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        CHECK(places[i] != NULL && (i == 0 || places[i] > places[i - 1]));
    }
    CHECK(strstr(said, "wrap-101") == NULL && strstr(said, "12 journals in") != NULL);
    end();
}

/* A folder without a segment is no journal, and neither is a link to one. */
TEST(audit_directory_of_nothing)
{
    char from[2 * PATH_BYTES];
    char to[2 * PATH_BYTES];
    begin();
    make_folder("aegis/proxy-7");
    make_folder("elsewhere");
    (void)snprintf(to, sizeof(to), "%s/elsewhere/1.aegj", home);
    int fd = open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    (void)close(fd);
    (void)snprintf(to, sizeof(to), "%s/elsewhere", home);
    (void)snprintf(from, sizeof(from), "%s/aegis/wrap-1", home);
    CHECK(symlink(to, from) == 0);
    const char *chosen = choose(NULL);
    CHECK(chosen != NULL && strstr(chosen, "/audit") != NULL && said[0] == '\0');
    chosen = choose("any/where");
    CHECK(chosen != NULL && strcmp(chosen, "any/where") == 0);
    end();
    CHECK(setenv("XDG_STATE_HOME", "/nonexistent", 1) == 0);
    chosen = choose(NULL);
    CHECK(chosen != NULL && strstr(chosen, "/audit") != NULL);
}
