#include "daemon/revocation_file.h"

#include "daemon/file.h"

#include <errno.h>
#include <string.h>

static enum status refuse(const struct config *config, enum status status, const char *why,
                          struct diag *diag)
{
    return diag_fail(diag, status, "revocation.file", "cannot read '%.*s': %s",
                     SLICE_ARG(config->revocations), why);
}

enum status revocation_file_read(const struct config *config, uint64_t *stamp, struct buf *out,
                                 struct diag *diag)
{
    uint64_t now = 0;
    /* The stamp first: what is written behind it is read again. */
    if (file_stamp(config->revocations, &now) != STATUS_OK) {
        return refuse(config, STATUS_NOT_FOUND, strerror(errno), diag);
    }
    if (now == *stamp) {
        return STATUS_OK;
    }
    enum status status = file_read(config->revocations, out);
    if (status == STATUS_LIMIT) {
        return refuse(config, status, "it has more bytes than 'limits.revocation_bytes'", diag);
    }
    if (status != STATUS_OK) {
        return refuse(config, status, strerror(errno), diag);
    }
    *stamp = now;
    return STATUS_OK;
}

static enum status read_changed(struct revocation_file *file, const struct config *config,
                                revocation_file_fn read, const struct json_parser *parser,
                                struct diag *diag)
{
    struct revocations *list = NULL;
    uint64_t stamp = file->is_stale ? 0 : file->stamp;
    struct buf text;
    buf_init(&text, (size_t)config->limits.revocation_bytes, NULL);
    enum status status = read(config, &stamp, &text, diag);
    bool has_changed = status == STATUS_OK && (stamp != file->stamp || file->is_stale);
    if (has_changed) {
        status = revocations_read(parser, buf_view(&text), (size_t)config->limits.revocations,
                                  &list, diag);
    }
    buf_release(&text);
    if (has_changed && status == STATUS_OK) {
        revocations_unref(file->list);
        file->list = list;
        file->stamp = stamp;
    }
    return status;
}

enum status revocation_file_look(struct revocation_file *file, const struct config *config,
                                 revocation_file_fn read, const struct json_parser *parser,
                                 struct diag *diag)
{
    if (config->revocations.len == 0) {
        revocation_file_release(file);
        return STATUS_OK;
    }
    enum status status = read_changed(file, config, read, parser, diag);
    file->is_stale = status != STATUS_OK;
    return status;
}

void revocation_file_release(struct revocation_file *file)
{
    revocations_unref(file->list);
    *file = (struct revocation_file){0};
}

enum status revocation_file_check(const struct config *config, struct arena *arena,
                                  struct config_report *report)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {0}; /* the operator writes the file */
    struct revocation_file file = {0};
    struct json_parser parser;
    struct diag diag = {0};
    json_parser_init(&parser, &LIMITS, SEED);
    enum status status = revocation_file_look(&file, config, revocation_file_read, &parser, &diag);
    revocation_file_release(&file);
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    struct config_problem problem = {.file = config->file,
                                     .line = config->revocations_place.line,
                                     .column = config->revocations_place.column,
                                     .code = diag.code,
                                     .hint = SLICE("docs/revocation.md says what is in a line")};
    TRY(arena_format(arena, &problem.message, "'%.*s': %s", SLICE_ARG(config->revocations),
                     diag.message));
    config_report_add(report, arena, &problem);
    return report->failed ? STATUS_LIMIT : STATUS_INVALID;
}
