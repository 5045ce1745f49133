#include "cli/cedar/tool.h"

bool tool_check_request_options(const struct command *verb, const struct request_options *options)
{
    bool has_parts = options->principal != NULL || options->action != NULL ||
                     options->resource != NULL || options->context_path != NULL;
    if (options->request_path == NULL || !has_parts) {
        return true;
    }
    (void)fprintf(stderr,
                  "aegis %s: '--request-json' takes the place of '--principal', '--action', "
                  "'--resource' and '--context'\nsee 'aegis %s --help'\n",
                  verb->name, verb->name);
    return false;
}

enum status tool_parse_uid(struct tool *tool, struct slice text, const char *what,
                           struct cedar_uid *out)
{
    struct cedar_source source = {slice_view_cstr(what), text};
    enum status status = cedar_uid_parse(&source, &tool->arena, out, &tool->diagnostics);
    return status == STATUS_OK ? STATUS_OK
                               : tool_fail_source(tool, status, &source,
                                                  "failed to parse the %s as an entity", what);
}

static enum status end_context(struct tool *tool, const struct cedar_source *source,
                               enum status status)
{
    return status == STATUS_OK
               ? STATUS_OK
               : tool_fail_source(tool, status, source, "failed to create a context from %.*s",
                                  SLICE_ARG(source->name));
}

enum status tool_parse_context(struct tool *tool, const struct cedar_source *source,
                               const struct cedar_schema *schema, struct cedar_request *request)
{
    enum status status = cedar_context_read(source, schema, &request->action, &tool->arena,
                                            &request->context, &tool->diagnostics);
    return end_context(tool, source, status);
}

enum status tool_parse_untyped_context(struct tool *tool, const struct cedar_source *source,
                                       struct cedar_request *request)
{
    enum status status =
        cedar_untyped_context_read(source, &tool->arena, &request->context, &tool->diagnostics);
    return end_context(tool, source, status);
}

static enum status parse_member(struct tool *tool, const struct json_tape *tape, json_ref ref,
                                const char *name, struct cedar_uid *out)
{
    struct slice text;
    json_ref member = json_member(tape, ref, slice_view_cstr(name));
    if (member == JSON_NONE || json_string(tape, member, &tool->arena, &text) != STATUS_OK) {
        return tool_fail(tool, "principal, action and resource must be given as text",
                         "the request has no %s", name);
    }
    return tool_parse_uid(tool, text, name, out);
}

enum status tool_parse_request(struct tool *tool, const struct cedar_source *source,
                               const struct json_tape *tape, json_ref ref,
                               const struct cedar_schema *schema, struct cedar_request *out)
{
    TRY(parse_member(tool, tape, ref, "principal", &out->principal));
    TRY(parse_member(tool, tape, ref, "action", &out->action));
    TRY(parse_member(tool, tape, ref, "resource", &out->resource));
    json_ref context = json_member(tape, ref, SLICE("context"));
    if (context == JSON_NONE) {
        return tool_fail(tool, NULL, "the request has no context");
    }
    struct cedar_source inner = {source->name, json_raw(tape, context)};
    return tool_parse_context(tool, &inner, schema, out);
}

static enum status parse_options(struct tool *tool, const struct request_options *options,
                                 const struct cedar_schema *schema, struct cedar_request *out)
{
    struct cedar_source context = {SLICE("context"), SLICE("{}")};
    if (options->principal == NULL || options->action == NULL || options->resource == NULL) {
        return tool_fail(tool, NULL, "principal, action and resource must all be given");
    }
    TRY(tool_parse_uid(tool, slice_view_cstr(options->principal), "principal", &out->principal));
    TRY(tool_parse_uid(tool, slice_view_cstr(options->action), "action", &out->action));
    TRY(tool_parse_uid(tool, slice_view_cstr(options->resource), "resource", &out->resource));
    if (options->context_path == NULL) {
        /* What is missing in it is found when the request is held against the schema. */
        return tool_parse_context(tool, &context, NULL, out);
    }
    TRY(tool_read_file(tool, options->context_path, "context", &context));
    return tool_parse_context(tool, &context, schema, out);
}

static enum status parse_file(struct tool *tool, const char *path,
                              const struct cedar_schema *schema, struct cedar_request *out)
{
    struct cedar_source source;
    struct json_tape tape;
    TRY(tool_read_json(tool, path, "request", &source, &tape));
    return tool_parse_request(tool, &source, &tape, 0, schema, out);
}

enum status tool_validate_request(struct tool *tool, const struct cedar_schema *schema,
                                  const struct cedar_request *request)
{
    struct diag diag = {0};
    return cedar_request_validate(schema, request, &tool->arena, &diag) == STATUS_OK
               ? STATUS_OK
               : tool_fail(tool, diag.message, "the request does not fit the schema");
}

enum status tool_read_request(struct tool *tool, const struct request_options *options,
                              const struct cedar_schema *schema,
                              const struct cedar_entities *entities, struct cedar_request *out)
{
    *out = (struct cedar_request){.entities = entities};
    TRY(options->request_path != NULL ? parse_file(tool, options->request_path, schema, out)
                                      : parse_options(tool, options, schema, out));
    bool is_validated =
        schema != NULL && !slice_eq(slice_view_cstr(options->validation), SLICE("false"));
    return is_validated ? tool_validate_request(tool, schema, out) : STATUS_OK;
}
