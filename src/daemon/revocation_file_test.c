#include "daemon/revocation_file.h"

#include "support/check.h"
#include "support/corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 128
#define ONE "{\"key\":\"a\"}\n"
#define TWO ONE "{\"key\":\"b\"}\n"

static char folder[] = "/tmp/aegis-revocations-XXXXXX";
static char path[PATH_BYTES], other[PATH_BYTES];
static struct config config;
static struct revocation_file file;

static void write_file(const char *to, const char *text)
{
    FILE *out = fopen(to, "wb");
    CHECK(out != NULL && fputs(text, out) >= 0 && fclose(out) == 0);
}

static void begin(const char *text)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/aegis-revocations-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof(path), "%s/list", folder);
    (void)snprintf(other, sizeof(other), "%s/other", folder);
    config = (struct config){.file = SLICE("aegis.yaml"),
                             .revocations = slice_view_cstr(path),
                             .revocations_place = {3, 14},
                             .limits = config_limits_default()};
    file = (struct revocation_file){0};
    if (text != NULL) {
        write_file(path, text);
    }
}

static void end(void)
{
    revocation_file_release(&file);
    (void)unlink(path);
    (void)unlink(other);
    CHECK(rmdir(folder) == 0);
}

/* Each look at it, and what is in force then. */
static void look(enum status expected, const char *code, size_t count)
{
    struct diag diag = {0};
    CHECK(revocation_file_look(&file, &config, revocation_file_read, corpus_parser(), &diag) ==
          expected);
    CHECK(str_eq(diag.code, code));
    CHECK(file.is_stale == (expected != STATUS_OK));
    CHECK(revocations_count(file.list) == count);
}

TEST(revocation_file_is_read_when_it_is_another)
{
    begin(ONE);
    look(STATUS_OK, NULL, 1);
    const struct revocations *first = file.list;
    look(STATUS_OK, NULL, 1);
    CHECK(file.list == first);
    write_file(path, TWO);
    look(STATUS_OK, NULL, 2);
    end();
}

TEST(revocation_file_may_be_replaced_or_be_a_link)
{
    begin(ONE);
    look(STATUS_OK, NULL, 1);
    write_file(other, TWO);
    CHECK(rename(other, path) == 0);
    look(STATUS_OK, NULL, 2);
    write_file(other, ONE);
    CHECK(unlink(path) == 0 && symlink(other, path) == 0);
    look(STATUS_OK, NULL, 1);
    end();
}

TEST(revocation_file_that_is_bad_leaves_the_last_good_list)
{
    static const struct {
        const char *name, *text; /* NULL: the file is gone */
        enum status status;
        const char *code;
    } rows[] = {
        {"gone", NULL, STATUS_NOT_FOUND, "revocation.file"},
        {"half a line", ONE "{\"key", STATUS_INVALID, "revocation.malformed"},
        {"more entries", TWO ONE "{\"key\":\"c\"}\n", STATUS_INVALID, "revocation.limit"},
        {"more bytes", NULL, STATUS_LIMIT, "revocation.file"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(TWO);
        config.limits.revocations = 3;
        look(STATUS_OK, NULL, 2);
        if (rows[i].status == STATUS_LIMIT) {
            config.limits.revocation_bytes = sizeof(TWO "\n") - 2;
            write_file(path, TWO "\n");
        } else if (rows[i].text == NULL) {
            CHECK(unlink(path) == 0);
        } else {
            write_file(path, rows[i].text);
        }
        for (int again = 0; again < 2; again++) {
            look(rows[i].status, rows[i].code, 2);
        }
        if (rows[i].status == STATUS_LIMIT) {
            config.limits.revocation_bytes++;
            look(STATUS_OK, NULL, 2);
        }
        config.limits = config_limits_default();
        write_file(path, ONE);
        look(STATUS_OK, NULL, 1);
        end();
    }
}

/* What was good comes back with its old stamp, and is read all the same. */
TEST(revocation_file_that_was_bad_is_read_again)
{
    begin(TWO);
    look(STATUS_OK, NULL, 2);
    CHECK(rename(path, other) == 0);
    look(STATUS_NOT_FOUND, "revocation.file", 2);
    CHECK(link(other, path) == 0);
    look(STATUS_OK, NULL, 2);
    end();
}

TEST(revocation_file_that_is_bad_at_first_is_no_list)
{
    begin(NULL);
    look(STATUS_NOT_FOUND, "revocation.file", 0);
    CHECK(file.list == NULL);
    end();
}

TEST(revocation_file_that_nothing_names_is_forgotten)
{
    begin(TWO);
    look(STATUS_OK, NULL, 2);
    config.revocations = SLICE_EMPTY;
    look(STATUS_OK, NULL, 0);
    CHECK(file.list == NULL);
    end();
}

TEST(revocation_file_is_reported_at_its_place)
{
    struct arena arena;
    struct config_report report = {0};
    arena_init(&arena, 65536, NULL);
    begin("# one\nx\n");
    CHECK(revocation_file_check(&config, &arena, &report) == STATUS_INVALID);
    CHECK(report.count == 1 && report.problems[0].line == 3 && report.problems[0].column == 14);
    CHECK(str_eq(report.problems[0].code, "revocation.malformed"));
    CHECK(slice_ends_with(report.problems[0].message, SLICE("line 2: it is no JSON object")));
    end();
    report = (struct config_report){0};
    begin(ONE);
    CHECK(revocation_file_check(&config, &arena, &report) == STATUS_OK && report.count == 0);
    end();
    arena_release(&arena);
}
