/* aegis cedar tpe: decide a request of which parts are not known. */
#include "cli/cedar/tool.h"
#include "cli/cedar/verbs.h"

struct partly_request {
    const char *principal_type, *principal_id, *action, *resource_type, *resource_id;
    const char *context_path, *path;
};

struct tpe {
    struct tool tool;
    struct partly_request options;
    struct policies_options policies_options;
    struct schema_options schema_options;
    const char *entities_path;
    struct cedar_policy_set *policies, *left;
    struct cedar_schema *schema;
    struct cedar_partial_request request;
};

/* -- the request --------------------------------------------------------------------------- */

static struct slice view(const char *text)
{
    return text == NULL ? SLICE_EMPTY : slice_view_cstr(text);
}

static enum status read_context(struct tpe *t, const struct cedar_source *source)
{
    struct cedar_request request = {.action = t->request.action};
    TRY(tool_parse_context(&t->tool, source, t->schema, &request));
    t->request.context = request.context;
    return STATUS_OK;
}

static enum status read_options(struct tpe *t)
{
    const struct partly_request *options = &t->options;
    struct cedar_source context;
    if (options->principal_type == NULL || options->action == NULL ||
        options->resource_type == NULL) {
        return tool_fail(&t->tool, NULL,
                         "the principal's type, the action and the resource's type must be given");
    }
    t->request.principal =
        (struct cedar_uid){view(options->principal_type), view(options->principal_id)};
    t->request.resource =
        (struct cedar_uid){view(options->resource_type), view(options->resource_id)};
    t->request.has_principal = options->principal_id != NULL;
    t->request.has_resource = options->resource_id != NULL;
    TRY(tool_parse_uid(&t->tool, view(options->action), "action", &t->request.action));
    if (options->context_path == NULL) {
        return STATUS_OK;
    }
    TRY(tool_read_file(&t->tool, options->context_path, "context", &context));
    return read_context(t, &context);
}

/* *has is false when there is no such member; NULL: there must be one. */
static enum status read_member(struct tpe *t, const struct json_tape *tape, const char *name,
                               bool *has, struct slice *out)
{
    json_ref member = json_member(tape, 0, slice_view_cstr(name));
    if (has != NULL) {
        *has = member != JSON_NONE;
        if (!*has) {
            return STATUS_OK;
        }
    }
    return member != JSON_NONE && json_string(tape, member, &t->tool.arena, out) == STATUS_OK
               ? STATUS_OK
               : tool_fail(&t->tool, "it must be given as text", "the request has no %s", name);
}

static enum status read_request_file(struct tpe *t)
{
    struct cedar_partial_request *request = &t->request;
    struct cedar_source source;
    struct json_tape tape;
    struct slice action = SLICE_EMPTY;
    TRY(tool_read_json(&t->tool, t->options.path, "request", &source, &tape));
    TRY(read_member(t, &tape, "principal_type", NULL, &request->principal.type));
    TRY(read_member(t, &tape, "principal_eid", &request->has_principal, &request->principal.id));
    TRY(read_member(t, &tape, "resource_type", NULL, &request->resource.type));
    TRY(read_member(t, &tape, "resource_eid", &request->has_resource, &request->resource.id));
    TRY(read_member(t, &tape, "action", NULL, &action));
    TRY(tool_parse_uid(&t->tool, action, "action", &request->action));
    json_ref context = json_member(&tape, 0, SLICE("context"));
    if (context == JSON_NONE) {
        return STATUS_OK;
    }
    struct cedar_source inner = {source.name, json_raw(&tape, context)};
    return read_context(t, &inner);
}

static bool check_options(const struct partly_request *options)
{
    bool has_parts = options->principal_type != NULL || options->principal_id != NULL ||
                     options->action != NULL || options->resource_type != NULL ||
                     options->resource_id != NULL || options->context_path != NULL;
    if (options->path == NULL || !has_parts) {
        return true;
    }
    (void)fputs("aegis cedar tpe: '--request-json' takes the place of all other options of the "
                "request\nsee 'aegis cedar tpe --help'\n",
                stderr);
    return false;
}

/* -- the decision -------------------------------------------------------------------------- */

static enum status read_entities(struct tpe *t)
{
    struct cedar_source source;
    TRY(tool_read_file(&t->tool, t->entities_path, "entities file", &source));
    enum status status =
        cedar_partial_entities_read(&source, t->schema, &t->tool.arena, &t->request.entities,
                                    &t->request.entity_count, &t->tool.diagnostics);
    return status == STATUS_OK
               ? STATUS_OK
               : tool_fail_source(&t->tool, status, &source, "failed to parse entities from %.*s",
                                  SLICE_ARG(source.name));
}

static enum status read_all(struct tpe *t)
{
    t->request.context.kind = CEDAR_UNKNOWN;
    enum status policies = tool_read_policies(&t->tool, &t->policies_options, &t->policies);
    TRY(tool_read_schema(&t->tool, &t->schema_options, &t->schema));
    enum status entities = read_entities(t);
    enum status request = t->options.path != NULL ? read_request_file(t) : read_options(t);
    TRY(policies);
    TRY(entities);
    return request;
}

static int decide(struct tpe *t)
{
    struct cedar_partial_response response;
    struct diag diag = {0};
    if (read_all(t) != STATUS_OK) {
        return CEDAR_EXIT_FAILURE;
    }
    struct cedar_partial_query query = {t->policies, t->schema, &t->request};
    enum status status = cedar_partially_authorize(&query, &t->tool.arena, &response, &diag);
    if (status == STATUS_OK) {
        status = cedar_partial_policies(t->policies, &response, &t->left);
    }
    if (status != STATUS_OK) {
        (void)tool_fail(&t->tool, status == STATUS_INVALID ? diag.message : "memory ran out",
                        "the request could not be decided");
        return CEDAR_EXIT_FAILURE;
    }
    int code = tool_print_decision(response.decision);
    bool is_open = response.decision == CEDAR_PARTIAL_OPEN;
    for (size_t i = 0; is_open && i < cedar_policy_count(t->left); i++) {
        tool_print_policy(&t->tool, t->left, i);
    }
    return code;
}

static int run(int argc, char **argv)
{
    struct tpe t = {0};
    struct operands operands = {0};
    struct partly_request *request = &t.options;
    tool_init(&t.tool);
    const struct option options[] = {
        TOOL_OPTIONS(t.tool),
        {.name = "principal-type", .kind = OPTION_TEXT, .out.text = &request->principal_type},
        {.name = "principal-eid", .kind = OPTION_TEXT, .out.text = &request->principal_id},
        {.name = "action", .letter = 'a', .kind = OPTION_TEXT, .out.text = &request->action},
        {.name = "resource-type", .kind = OPTION_TEXT, .out.text = &request->resource_type},
        {.name = "resource-eid", .kind = OPTION_TEXT, .out.text = &request->resource_id},
        {.name = "context", .letter = 'c', .kind = OPTION_TEXT, .out.text = &request->context_path},
        {.name = "request-json", .kind = OPTION_TEXT, .out.text = &request->path},
        POLICIES_OPTIONS(t.policies_options),
        {.name = "schema",
         .letter = 's',
         .kind = OPTION_TEXT,
         .out.text = &t.schema_options.path,
         .is_required = true},
        {.name = "schema-format",
         .kind = OPTION_TEXT,
         .out.text = &t.schema_options.format,
         .choices = tool_source_formats},
        {.name = "entities",
         .kind = OPTION_TEXT,
         .out.text = &t.entities_path,
         .is_required = true},
    };
    enum options_result result =
        options_read(&verb_tpe, options, COUNT_OF(options), argc, argv, &operands);
    int code = options_exit(result);
    if (result == OPTIONS_OK) {
        code = check_options(request) ? decide(&t) : EXIT_CODE_USAGE;
    }
    cedar_policy_set_free(t.left);
    cedar_policy_set_free(t.policies);
    cedar_schema_free(t.schema);
    tool_release(&t.tool);
    return code;
}

const struct command verb_tpe = {
    .name = "cedar tpe",
    .summary = "decide a request that is not known in full",
    .usage =
        "usage: aegis cedar tpe --schema FILE --entities FILE [OPTIONS]\n"
        "\n"
        "Type-aware partial evaluation. Prints ALLOW or DENY when that holds whatever is\n"
        "not known, else UNKNOWN and the policies that are left.\n"
        "\n"
        "      --principal-type TYPE    such as User\n"
        "      --principal-eid ID       such as alice (default: unknown)\n"
        "  -a, --action ENTITY          such as 'Action::\"view\"'\n"
        "      --resource-type TYPE     such as Photo\n"
        "      --resource-eid ID        such as a.jpg (default: unknown)\n"
        "  -c, --context FILE           the context as a JSON object (default: unknown)\n"
        "      --request-json FILE      all of it in a JSON object, instead of the above:\n"
        "                               principal_type, principal_eid, action,\n"
        "                               resource_type, resource_eid, context\n" POLICIES_USAGE
        "  -s, --schema FILE            policies, entities and request must fit it\n"
        "      --schema-format F        cedar (default) or json\n"
        "      --entities FILE          entities as a JSON array; what is not in it, or\n"
        "                               has no attrs, parents or tags, is unknown\n" TOOL_USAGE "\n"
        "examples:\n"
        "  aegis cedar tpe --principal-type User --principal-eid alice \\\n"
        "      -a 'Action::\"view\"' --resource-type Photo -p policies.cedar \\\n"
        "      -s schema.cedarschema --entities entities.json\n",
    .exit_codes = "  0  allow\n"
                  "  1  it did not work\n"
                  "  2  deny; or the command line is wrong\n"
                  "  4  it depends on what is not known\n",
    .run = run,
};
