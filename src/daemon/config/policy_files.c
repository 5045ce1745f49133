#include "daemon/config/policy_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX SLICE(".cedar")

struct search {
    struct arena *arena;
    struct policy_files *files;
    struct config_report *report;
    bool is_out_of_memory;
};

static void problem_at(struct search *search, struct slice file, const char *code,
                       const char *message)
{
    struct config_problem problem = {
        .file = file, .code = code, .message = slice_view_cstr(message)};
    config_report_add(search->report, search->arena, &problem);
}

static uint8_t *read_whole(struct search *search, struct slice path, const struct stat *status,
                           size_t *len)
{
    size_t size = (size_t)status->st_size;
    uint8_t *text = arena_alloc(search->arena, size + 1);
    FILE *file = text != NULL ? fopen((const char *)path.ptr, "rb") : NULL;
    search->is_out_of_memory = search->is_out_of_memory || text == NULL;
    if (file == NULL) {
        if (text != NULL) {
            problem_at(search, path, "policy.file_unreadable", strerror(errno));
        }
        return NULL;
    }
    *len = fread(text, 1, size + 1, file);
    bool is_whole = ferror(file) == 0 && *len == size;
    fclose(file);
    if (!is_whole) {
        problem_at(search, path, "policy.file_unreadable", "cannot read it whole; it changed");
        return NULL;
    }
    return text;
}

static void add_file(struct search *search, struct slice path, const struct stat *status)
{
    if (search->files->count == POLICY_FILES_MAX) {
        problem_at(search, path, "policy.too_many_files", "more than 1024 policy files");
        return;
    }
    if (status->st_size > POLICY_FILE_BYTES_MAX) {
        problem_at(search, path, "policy.file_too_large", "larger than 4 MiB");
        return;
    }
    size_t len;
    uint8_t *text = read_whole(search, path, status, &len);
    if (text != NULL) {
        search->files->sources[search->files->count++] =
            (struct cedar_source){.name = path, .text = slice_of(text, len)};
    }
}

static void add_path(struct search *search, struct slice path, size_t depth);

/* By bytes, not by locale: the order must not depend on who looks. */
static int by_name(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* The visible names in a folder; more than the limit are an error already. */
static size_t list_names(struct search *search, struct slice path, DIR *folder, struct slice *names)
{
    size_t count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL && !search->is_out_of_memory) {
        struct slice name = slice_view_cstr(entry->d_name);
        if (name.ptr[0] == '.') {
            continue;
        }
        if (count == POLICY_FILES_MAX) {
            problem_at(search, path, "policy.too_many_files", "more than 1024 entries in a folder");
            break;
        }
        search->is_out_of_memory =
            arena_format(search->arena, &names[count], "%s", entry->d_name) != STATUS_OK;
        count++;
    }
    return count;
}

static void add_entry(struct search *search, struct slice folder, struct slice name, size_t depth)
{
    struct slice path;
    struct stat status;
    if (arena_format(search->arena, &path, "%.*s/%.*s", SLICE_ARG(folder), SLICE_ARG(name)) !=
        STATUS_OK) {
        search->is_out_of_memory = true;
        return;
    }
    /* lstat: a link to a folder could lead round in a circle. Links to files are followed. */
    bool is_there = lstat((const char *)path.ptr, &status) == 0;
    if (is_there && (S_ISDIR(status.st_mode) || slice_ends_with(path, SUFFIX))) {
        add_path(search, path, depth + 1);
    }
}

static void add_folder(struct search *search, struct slice path, size_t depth)
{
    if (depth == POLICY_FILES_DEPTH_MAX) {
        problem_at(search, path, "policy.too_many_files", "folders are nested deeper than 8");
        return;
    }
    DIR *folder = opendir((const char *)path.ptr);
    if (folder == NULL) {
        problem_at(search, path, "policy.file_unreadable", strerror(errno));
        return;
    }
    struct slice *names = arena_alloc(search->arena, POLICY_FILES_MAX * sizeof(*names));
    search->is_out_of_memory = search->is_out_of_memory || names == NULL;
    size_t count = names != NULL ? list_names(search, path, folder, names) : 0;
    closedir(folder);
    if (count > 0 && !search->is_out_of_memory) {
        qsort(names, count, sizeof(*names), by_name);
    }
    for (size_t i = 0; i < count && !search->is_out_of_memory && !search->report->is_cut; i++) {
        add_entry(search, path, names[i], depth);
    }
}

static void add_path(struct search *search, struct slice path, size_t depth)
{
    struct stat status;
    if (stat((const char *)path.ptr, &status) != 0) {
        problem_at(search, path, "policy.file_unreadable", strerror(errno));
    } else if (S_ISDIR(status.st_mode)) {
        add_folder(search, path, depth);
    } else if (S_ISREG(status.st_mode)) {
        add_file(search, path, &status);
    } else {
        problem_at(search, path, "policy.file_unreadable", "neither a file nor a folder");
    }
}

enum status policy_files_read(const struct slice *paths, size_t path_count, struct arena *arena,
                              struct policy_files *out, struct config_report *report)
{
    struct search search = {.arena = arena, .files = out, .report = report};
    size_t problems_before = report->count;
    out->count = 0;
    out->sources = arena_alloc_zero(arena, POLICY_FILES_MAX, sizeof(struct cedar_source));
    search.is_out_of_memory = out->sources == NULL;
    for (size_t i = 0; i < path_count && !search.is_out_of_memory; i++) {
        size_t count_before = out->count, found_before = report->count;
        add_path(&search, paths[i], 0);
        if (out->count == count_before && report->count == found_before &&
            !search.is_out_of_memory) {
            problem_at(&search, paths[i], "policy.empty_folder",
                       "no *.cedar file in it; without policies all is denied");
        }
    }
    if (search.is_out_of_memory || report->failed) {
        return STATUS_LIMIT;
    }
    return report->count > problems_before || report->is_cut ? STATUS_INVALID : STATUS_OK;
}

/* All that a diagnostic says, on one line; the message alone when there is no memory. */
static struct slice summary(const struct cedar_diagnostic *finding, struct arena *arena)
{
    struct slice text = slice_view_cstr(finding->message);
    const char *before_expected = finding->expected[0] == '\0' ? "" : ": ";
    const char *before_help = finding->help[0] == '\0' ? "" : "; ";
    enum status status = arena_format(arena, &text, "%s%s%s%s%s", finding->message, before_expected,
                                      finding->expected, before_help, finding->help);
    return status == STATUS_OK ? text : slice_view_cstr(finding->message);
}

static void report_findings(const struct cedar_diagnostics *findings, struct arena *arena,
                            struct config_report *report)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct cedar_diagnostic *finding = &findings->items[i];
        struct config_problem problem = {
            .file = finding->source,
            .line = finding->line,
            .column = finding->column,
            .code = "policy.invalid",
            .message = summary(finding, arena),
        };
        config_report_add(report, arena, &problem);
    }
    report->is_cut = report->is_cut || findings->is_cut;
}

enum status policy_files_parse(const struct policy_files *files, struct arena *arena,
                               struct cedar_policy_set **out, struct config_report *report)
{
    *out = NULL;
    struct cedar_diagnostics *findings = arena_alloc_zero(arena, 1, sizeof(*findings));
    if (findings == NULL) {
        return STATUS_LIMIT;
    }
    enum status status = cedar_policy_set_parse(files->sources, files->count, true, out, findings);
    report_findings(findings, arena, report);
    config_report_sort(report);
    return report->failed ? STATUS_LIMIT : status;
}
