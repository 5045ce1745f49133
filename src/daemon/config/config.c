#include "daemon/config/config.h"

#include "daemon/config/config_fields.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static enum status read_tree(struct config_reader *reader, const struct config_node *root,
                             struct config **out)
{
    struct config *config = arena_alloc_zero(reader->arena, 1, sizeof(*config));
    if (config == NULL) {
        return STATUS_LIMIT;
    }
    config->file = reader->file;
    config->folder = reader->folder;
    config->limits = config_limits_default();
    config_read_object(reader, root, &config_object_root, config);
    *out = config;
    return STATUS_OK;
}

enum status config_load_text(const struct config_source *source, struct arena *arena,
                             struct config **out, struct config_report *report)
{
    struct config_reader reader = {
        .arena = arena,
        .report = report,
        .file = source->file,
        .folder = source->folder,
        .skips_files = source->skips_files,
    };
    struct config_node *root;
    struct config *config = NULL;
    *out = NULL;
    TRY(config_tree_parse(source->file, source->text, arena, report, &root));
    if (root != NULL) {
        TRY(read_tree(&reader, root, &config));
    }
    config_report_sort(report);
    if (reader.is_out_of_memory || report->failed) {
        return STATUS_LIMIT;
    }
    if (config_report_has_failed(report)) {
        return STATUS_INVALID;
    }
    assert(config != NULL); /* a file without a tree has a problem */
    config->text = source->text;
    *out = config;
    return STATUS_OK;
}

static enum status file_problem(const struct config_source *source, struct arena *arena,
                                struct config_report *report, const char *code, const char *reason)
{
    struct config_problem problem = {.file = source->file, .code = code};
    TRY(arena_format(arena, &problem.message, "cannot read the configuration: %s", reason));
    config_report_add(report, arena, &problem);
    return report->failed ? STATUS_LIMIT : STATUS_INVALID;
}

/* One byte more than allowed is read, to tell a full file from one that is too large. */
static enum status read_file(struct config_source *source, struct arena *arena,
                             struct config_report *report)
{
    uint8_t *text = arena_alloc(arena, CONFIG_FILE_BYTES_MAX + 1);
    if (text == NULL) {
        return STATUS_LIMIT;
    }
    FILE *file = fopen((const char *)source->file.ptr, "rb");
    if (file == NULL) {
        return file_problem(source, arena, report, "config.file_unreadable", strerror(errno));
    }
    size_t len = fread(text, 1, CONFIG_FILE_BYTES_MAX + 1, file);
    int failure = ferror(file) != 0 ? errno : 0;
    fclose(file);
    if (failure != 0) {
        return file_problem(source, arena, report, "config.file_unreadable", strerror(failure));
    }
    if (len > CONFIG_FILE_BYTES_MAX) {
        return file_problem(source, arena, report, "config.too_large", "it is larger than 1 MiB");
    }
    source->text = slice_of(text, len);
    return STATUS_OK;
}

/* The part before the last slash; empty for a bare name, "/" for a file in the root. */
static struct slice folder_of(struct slice path)
{
    size_t end = path.len;
    while (end > 0 && path.ptr[end - 1] != '/') {
        end--;
    }
    if (end == 0) {
        return SLICE_EMPTY;
    }
    return slice_sub(path, 0, end == 1 ? 1 : end - 1);
}

enum status config_load(struct slice path, struct arena *arena, struct config **out,
                        struct config_report *report)
{
    struct config_source source = {.file = path};
    *out = NULL;
    if (path.len == 0 || slice_find_byte(path, '\0') < path.len) {
        return file_problem(&source, arena, report, "config.file_unreadable", "no file name");
    }
    TRY(arena_format(arena, &source.file, "%.*s", SLICE_ARG(path)));
    source.folder = folder_of(source.file);
    TRY(read_file(&source, arena, report));
    return config_load_text(&source, arena, out, report);
}
