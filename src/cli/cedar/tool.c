#include "cli/cedar/tool.h"

#include "daemon/file.h"

#include <stdlib.h>
#include <unistd.h>

#define ARENA_BYTES_MAX ((size_t)1 << 30)
#define PATH_BYTES 4096
#define NODES_MAX (1U << 24)
#define MEMBERS_MAX (1U << 20)

const char *const tool_error_formats[] = {"human", "plain", "json", NULL};
const char *const tool_source_formats[] = {"cedar", "json", NULL};
const char *const tool_booleans[] = {"true", "false", NULL};

void tool_init(struct tool *tool)
{
    /* The documents are the user's own, so nobody is kept from preparing names that collide. */
    static const uint8_t seed[16] = {0};
    struct json_limits limits = {.depth_max = JSON_DEPTH_LIMIT,
                                 .nodes_max = NODES_MAX,
                                 .members_max = MEMBERS_MAX,
                                 .number_bytes_max = 64};
    const char *format = getenv("CEDAR_ERROR_FORMAT");
    *tool = (struct tool){.error_format = "human", .reports = stdout};
    for (size_t i = 0; tool_error_formats[i] != NULL; i++) {
        if (slice_eq(slice_view_cstr(format), slice_view_cstr(tool_error_formats[i]))) {
            tool->error_format = tool_error_formats[i];
        }
    }
    json_parser_init(&tool->parser, &limits, seed);
    arena_init(&tool->arena, ARENA_BYTES_MAX, NULL);
}

void tool_release(struct tool *tool)
{
    arena_release(&tool->arena);
}

enum status tool_read_file(struct tool *tool, const char *path, const char *what,
                           struct cedar_source *out)
{
    struct buf bytes;
    const char *place = path == NULL ? "/dev/stdin" : path;
    *out = (struct cedar_source){.name = slice_view_cstr(path == NULL ? "<stdin>" : path)};
    buf_init(&bytes, TOOL_FILE_BYTES_MAX, NULL);
    enum status status = file_read(slice_view_cstr(place), &bytes);
    if (status == STATUS_OK) {
        status = arena_copy(&tool->arena, buf_view(&bytes), &out->text);
    }
    buf_release(&bytes);
    if (status == STATUS_LIMIT) {
        return tool_fail(tool, "the file is too large", "failed to read the %s %s", what, place);
    }
    return status == STATUS_OK
               ? STATUS_OK
               : tool_fail(tool,
                           status == STATUS_NOT_FOUND ? "it cannot be opened" : "it cannot be read",
                           "failed to open the %s %s", what, place);
}

enum status tool_replace_file(struct tool *tool, const char *path, const char *what,
                              const struct buf *bytes)
{
    char fresh[PATH_BYTES];
    int len = snprintf(fresh, sizeof(fresh), "%s.new", path);
    FILE *file = len < PATH_BYTES ? fopen(fresh, "we") : NULL;
    if (file == NULL) {
        return tool_fail(tool, "it cannot be opened for writing", "failed to open the %s %s", what,
                         path);
    }
    tool_print_buf(file, bytes);
    bool is_written = ferror(file) == 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    is_written = fclose(file) == 0 && is_written && rename(fresh, path) == 0;
    return is_written
               ? STATUS_OK
               : tool_fail(tool, "it cannot be written", "failed to write the %s %s", what, path);
}

enum status tool_read_json(struct tool *tool, const char *path, const char *what,
                           struct cedar_source *source, struct json_tape *tape)
{
    struct diag diag = {0};
    TRY(tool_read_file(tool, path, what, source));
    enum status status = json_parse(&tool->parser, source->text, &tool->arena, tape, &diag);
    return status == STATUS_OK ? STATUS_OK
                               : tool_fail(tool, diag.message, "failed to parse the %s %.*s", what,
                                           SLICE_ARG(source->name));
}

enum status tool_read_schema(struct tool *tool, const struct schema_options *options,
                             struct cedar_schema **out)
{
    struct cedar_schema_source source = {0};
    *out = NULL;
    if (options->path == NULL) {
        return STATUS_OK;
    }
    bool is_json = slice_eq(slice_view_cstr(options->format), SLICE("json"));
    source.form = is_json ? CEDAR_FORM_JSON : CEDAR_FORM_TEXT;
    TRY(tool_read_file(tool, options->path, "schema", &source.source));
    enum status status = cedar_schema_parse(&source, 1, out, &tool->diagnostics, &tool->warnings);
    if (status != STATUS_OK) {
        *out = NULL;
        return tool_fail_source(tool, status, &source.source,
                                "failed to parse the schema from the file %s", options->path);
    }
    if (tool->warnings.count > 0) {
        struct report report = {.severity = CEDAR_SEVERITY_WARNING,
                                .message = "the schema has warnings",
                                .source = source.source.text,
                                .details = {&tool->warnings}};
        tool_report(tool, stderr, &report);
    }
    return STATUS_OK;
}

/* One of the readers of entities. */
typedef enum status (*read_entities_fn)(const struct cedar_source *source,
                                        const struct cedar_schema *schema, struct arena *arena,
                                        struct cedar_entity_store *store,
                                        struct cedar_diagnostics *diagnostics);

static enum status parse_entities(struct tool *tool, const struct cedar_source *source,
                                  const struct cedar_schema *schema, read_entities_fn read,
                                  struct cedar_entities *out)
{
    struct cedar_entity_store *store = NULL;
    tool->diagnostics.count = 0;
    enum status status = cedar_entity_store_new(&tool->arena, &store);
    if (status == STATUS_OK) {
        status = read(source, schema, &tool->arena, store, &tool->diagnostics);
    }
    if (status == STATUS_OK) {
        status = cedar_entity_store_close(store);
        if (status == STATUS_INVALID) {
            return tool_fail(tool, "an entity is its own ancestor",
                             "failed to read the entities from %.*s", SLICE_ARG(source->name));
        }
    }
    if (status != STATUS_OK) {
        return tool_fail_source(tool, status, source, "failed to parse the entities from %.*s",
                                SLICE_ARG(source->name));
    }
    *out = cedar_entity_store_view(store);
    return STATUS_OK;
}

enum status tool_parse_entities(struct tool *tool, const struct cedar_source *source,
                                const struct cedar_schema *schema, struct cedar_entities *out)
{
    return parse_entities(tool, source, schema, cedar_entities_read, out);
}

enum status tool_read_entities(struct tool *tool, const char *path,
                               const struct cedar_schema *schema, struct cedar_entities *out)
{
    struct cedar_source source;
    TRY(tool_read_file(tool, path, "entities file", &source));
    return tool_parse_entities(tool, &source, schema, out);
}

enum status tool_read_untyped_entities(struct tool *tool, const char *path,
                                       const struct cedar_schema *schema,
                                       struct cedar_entities *out)
{
    struct cedar_source source;
    TRY(tool_read_file(tool, path, "entities file", &source));
    return parse_entities(tool, &source, schema, cedar_untyped_entities_read, out);
}
