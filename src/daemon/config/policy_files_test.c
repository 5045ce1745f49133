#include "daemon/config/policy_files.h"

#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)64 << 20)
#define PATH_BYTES 160

struct folder {
    char path[PATH_BYTES / 2];
    struct arena arena;
    struct config_report report;
    struct policy_files files;
};

/* name is below the folder; NULL text makes a folder. */
static void put(const struct folder *folder, const char *name, const char *text)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    if (text == NULL) {
        CHECK(mkdir(path, 0700) == 0);
        return;
    }
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fputs(text, file) >= 0);
    if (file != NULL) {
        fclose(file);
    }
}

static bool folder_open(struct folder *folder)
{
    *folder = (struct folder){0};
    snprintf(folder->path, sizeof(folder->path), "/tmp/aegis-policies-XXXXXX");
    arena_init(&folder->arena, ARENA_BYTES, NULL);
    bool is_made = mkdtemp(folder->path) != NULL;
    CHECK(is_made);
    return is_made;
}

static void folder_close(struct folder *folder)
{
    /* Innermost first; what a test did not make is not there. */
    static const char *const names[] = {"b/d/e.cedar", "b/d",       "b/c.cedar", "b/loop",
                                        "b",           "a.cedar",   "z.cedar",   "notes.txt",
                                        ".h.cedar",    "link.cedar"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[PATH_BYTES];
        snprintf(path, sizeof(path), "%s/%s", folder->path, names[i]);
        (void)remove(path);
    }
    CHECK(rmdir(folder->path) == 0);
    arena_release(&folder->arena);
}

static enum status read_path(struct folder *folder, const char *path)
{
    struct slice slice = slice_view_cstr(path);
    return policy_files_read(&slice, 1, &folder->arena, &folder->files, &folder->report);
}

TEST(policy_files_are_read_in_the_order_of_names)
{
    static const char *const expected[] = {"a.cedar", "b/c.cedar", "b/d/e.cedar", "z.cedar"};
    struct folder folder;
    if (!folder_open(&folder)) {
        return;
    }
    put(&folder, "z.cedar", "");
    put(&folder, "b", NULL);
    put(&folder, "b/d", NULL);
    put(&folder, "b/d/e.cedar", "");
    put(&folder, "b/c.cedar", "");
    put(&folder, "a.cedar", "permit(principal, action, resource);");
    put(&folder, "notes.txt", "not a policy");
    put(&folder, ".h.cedar", "hidden");
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/b/loop", folder.path);
    CHECK(symlink("..", path) == 0);
    CHECK(read_path(&folder, folder.path) == STATUS_OK);
    CHECK(folder.files.count == COUNT_OF(expected) && folder.report.count == 0);
    for (size_t i = 0; i < folder.files.count && i < COUNT_OF(expected); i++) {
        CHECK_ROW(expected[i],
                  slice_ends_with(folder.files.sources[i].name, slice_view_cstr(expected[i])));
    }
    folder_close(&folder);
}

TEST(policy_files_refuse_what_cannot_be_read)
{
    struct folder folder;
    if (!folder_open(&folder)) {
        return;
    }
    static const struct {
        const char *path, *code; /* NULL path: the empty folder */
    } rows[] = {
        {"/nonexistent", "policy.file_unreadable"},
        {"/dev/null", "policy.file_unreadable"},
        {NULL, "policy.empty_folder"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *path = rows[i].path != NULL ? rows[i].path : folder.path;
        folder.report = (struct config_report){0};
        CHECK_ROW(path, read_path(&folder, path) == STATUS_INVALID);
        CHECK_ROW(path,
                  folder.report.count == 1 && str_eq(folder.report.problems[0].code, rows[i].code));
    }
    folder_close(&folder);
}

TEST(policy_files_parse_reports_all_files)
{
    struct folder folder;
    if (!folder_open(&folder)) {
        return;
    }
    struct cedar_policy_set *set = NULL;
    put(&folder, "a.cedar", "@id(\"a\") permit(principal, action, resource);");
    CHECK(read_path(&folder, folder.path) == STATUS_OK);
    CHECK(policy_files_parse(&folder.files, &folder.arena, &set, &folder.report) == STATUS_OK);
    CHECK(set != NULL && cedar_policy_count(set) == 1 && folder.report.count == 0);
    cedar_policy_set_free(set);
    put(&folder, "a.cedar", "permit(principal, action);\n");
    put(&folder, "z.cedar", "\nforbid(principal, action, resource) when { 1 = 2 };\n");
    CHECK(read_path(&folder, folder.path) == STATUS_OK);
    CHECK(policy_files_parse(&folder.files, &folder.arena, &set, &folder.report) == STATUS_INVALID);
    CHECK(set == NULL && folder.report.count == 2);
    if (folder.report.count == 2) {
        CHECK(folder.report.problems[0].line == 1 && folder.report.problems[1].line == 2);
        CHECK(slice_ends_with(folder.report.problems[1].file, SLICE("z.cedar")));
        CHECK(str_eq(folder.report.problems[0].code, "policy.invalid"));
    }
    folder_close(&folder);
}

TEST(policy_files_survive_every_lack_of_memory)
{
    struct folder folder;
    if (!folder_open(&folder)) {
        return;
    }
    put(&folder, "a.cedar", "permit(principal, action, resource);");
    bool succeeded = false;
    for (size_t limit = 0; !succeeded && limit < ARENA_BYTES; limit += 1024) {
        arena_release(&folder.arena);
        arena_init(&folder.arena, limit, NULL);
        folder.report = (struct config_report){0};
        enum status status = read_path(&folder, folder.path);
        CHECK(status == STATUS_OK || status == STATUS_LIMIT);
        succeeded = status == STATUS_OK;
    }
    CHECK(succeeded);
    folder_close(&folder);
}

/* A file without content is a policy file like others. */
static void put_many(const struct folder *folder, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[PATH_BYTES / 2];
        snprintf(name, sizeof(name), "b/%04zu.cedar", i);
        put(folder, name, "");
    }
}

static void remove_many(const struct folder *folder, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char path[PATH_BYTES];
        snprintf(path, sizeof(path), "%s/b/%04zu.cedar", folder->path, i);
        CHECK(remove(path) == 0);
    }
}

/* In one folder, and one beside it. */
TEST(policy_files_are_so_many)
{
    for (size_t i = 0; i < 3; i++) {
        size_t over = i > 0 ? 1 : 0;
        size_t count = POLICY_FILES_MAX + (i == 1 ? 1 : 0);
        struct folder folder;
        if (!folder_open(&folder)) {
            return;
        }
        put(&folder, "b", NULL);
        put_many(&folder, count);
        if (i == 2) {
            put(&folder, "z.cedar", "");
        }
        CHECK((read_path(&folder, folder.path) == STATUS_OK) == (over == 0));
        CHECK(folder.report.count == over);
        CHECK(over == 0 || str_eq(folder.report.problems[0].code, "policy.too_many_files"));
        CHECK(over != 0 || folder.files.count == count);
        remove_many(&folder, count);
        folder_close(&folder);
    }
}

TEST(policy_files_are_so_large)
{
    for (size_t over = 0; over < 2; over++) {
        char path[PATH_BYTES];
        struct folder folder;
        if (!folder_open(&folder)) {
            return;
        }
        put(&folder, "a.cedar", "");
        snprintf(path, sizeof(path), "%s/a.cedar", folder.path);
        CHECK(truncate(path, (off_t)(POLICY_FILE_BYTES_MAX + over)) == 0);
        CHECK((read_path(&folder, folder.path) == STATUS_OK) == (over == 0));
        CHECK(folder.report.count == over);
        CHECK(over == 0 || str_eq(folder.report.problems[0].code, "policy.file_too_large"));
        CHECK(over != 0 || folder.files.sources[0].text.len == POLICY_FILE_BYTES_MAX);
        folder_close(&folder);
    }
}
