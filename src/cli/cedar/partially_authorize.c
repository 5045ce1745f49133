/* aegis cedar partially-authorize: decide a request of which parts are left out. */
#include "cli/cedar/tool.h"
#include "cli/cedar/verbs.h"

struct partially {
    struct tool tool;
    struct request_options request_options;
    struct policies_options policies_options;
    struct schema_options schema_options;
    const char *entities_path;
    bool is_timed;
    struct cedar_policy_set *policies, *left;
    struct cedar_schema *schema;
    struct cedar_entities entities;
    struct cedar_request request;
};

/* -- the request --------------------------------------------------------------------------- */

static enum status read_option(struct partially *p, const char *text, const char *name,
                               struct cedar_uid *out)
{
    return text == NULL ? STATUS_OK : tool_parse_uid(&p->tool, slice_view_cstr(text), name, out);
}

/* In a file, null leaves a part out as well. */
static bool is_left_out(const struct json_tape *tape, json_ref member)
{
    return member == JSON_NONE || json_type(tape, member) == JSON_NULL;
}

static enum status read_member(struct partially *p, const struct json_tape *tape, const char *name,
                               struct cedar_uid *out)
{
    struct slice text = SLICE_EMPTY;
    json_ref member = json_member(tape, 0, slice_view_cstr(name));
    if (is_left_out(tape, member)) {
        return STATUS_OK;
    }
    if (json_string(tape, member, &p->tool.arena, &text) != STATUS_OK) {
        return tool_fail(&p->tool, "it must be given as text", "the request's %s is malformed",
                         name);
    }
    return tool_parse_uid(&p->tool, text, name, out);
}

/* The schema's word on a context needs an action; it has none for unknown parts. */
static enum status read_context(struct partially *p, const struct cedar_source *source)
{
    return p->schema != NULL && p->request.action.type.len > 0
               ? tool_parse_context(&p->tool, source, p->schema, &p->request)
               : tool_parse_untyped_context(&p->tool, source, &p->request);
}

static enum status read_options(struct partially *p)
{
    const struct request_options *options = &p->request_options;
    struct cedar_source context;
    TRY(read_option(p, options->principal, "principal", &p->request.principal));
    TRY(read_option(p, options->action, "action", &p->request.action));
    TRY(read_option(p, options->resource, "resource", &p->request.resource));
    if (options->context_path == NULL) {
        return STATUS_OK;
    }
    TRY(tool_read_file(&p->tool, options->context_path, "context", &context));
    return read_context(p, &context);
}

static enum status read_file(struct partially *p)
{
    struct cedar_source source;
    struct json_tape tape;
    TRY(tool_read_json(&p->tool, p->request_options.request_path, "request", &source, &tape));
    if (json_type(&tape, 0) != JSON_OBJECT) {
        return tool_fail(&p->tool, NULL, "the request is no JSON object");
    }
    TRY(read_member(p, &tape, "principal", &p->request.principal));
    TRY(read_member(p, &tape, "action", &p->request.action));
    TRY(read_member(p, &tape, "resource", &p->request.resource));
    json_ref context = json_member(&tape, 0, SLICE("context"));
    if (is_left_out(&tape, context)) {
        return STATUS_OK;
    }
    struct cedar_source inner = {source.name, json_raw(&tape, context)};
    return read_context(p, &inner);
}

static enum status read_request(struct partially *p)
{
    struct diag diag = {0};
    p->request = (struct cedar_request){.context.kind = CEDAR_UNKNOWN, .entities = &p->entities};
    TRY(p->request_options.request_path != NULL ? read_file(p) : read_options(p));
    return p->schema == NULL || cedar_untyped_request_validate(p->schema, &p->request,
                                                               &p->tool.arena, &diag) == STATUS_OK
               ? STATUS_OK
               : tool_fail(&p->tool, diag.message, "the request does not fit the schema");
}

/* -- the decision -------------------------------------------------------------------------- */

static enum status read_all(struct partially *p)
{
    enum status policies = tool_read_policies(&p->tool, &p->policies_options, &p->policies);
    enum status schema = tool_read_schema(&p->tool, &p->schema_options, &p->schema);
    enum status entities =
        tool_read_untyped_entities(&p->tool, p->entities_path, p->schema, &p->entities);
    enum status request = read_request(p);
    TRY(policies);
    TRY(schema);
    TRY(entities);
    return request;
}

/* Policies that are true, or fail, whatever is left out are left as well, but not told. */
static void print_residuals(const struct partially *p,
                            const struct cedar_partial_response *response)
{
    size_t left = 0;
    (void)fputs("All policy residuals:\n", stdout);
    for (size_t i = 0; i < cedar_policy_count(p->policies); i++) {
        if (response->outcomes[i] == CEDAR_PARTIAL_RESIDUAL) {
            tool_print_policy(&p->tool, p->left, left);
        }
        left += response->outcomes[i] == CEDAR_PARTIAL_FALSE ? 0 : 1;
    }
}

static int decide(struct partially *p)
{
    struct cedar_partial_response response;
    (void)fputs("\n", stdout);
    if (read_all(p) != STATUS_OK) {
        return CEDAR_EXIT_FAILURE;
    }
    int64_t start_us = tool_now_us();
    enum status status =
        cedar_authorize_untyped(p->policies, &p->request, &p->tool.arena, &response);
    int64_t end_us = tool_now_us();
    if (status == STATUS_OK) {
        status = cedar_partial_policies(p->policies, &response, &p->left);
    }
    if (status != STATUS_OK) {
        (void)tool_fail(&p->tool, "memory ran out, or a policy is nested too deeply",
                        "the request could not be decided");
        return CEDAR_EXIT_FAILURE;
    }
    if (p->is_timed) {
        tool_print_duration(end_us - start_us);
    }
    int code = tool_print_decision(response.decision);
    if (response.decision == CEDAR_PARTIAL_OPEN) {
        print_residuals(p, &response);
    }
    return code;
}

static int run(int argc, char **argv)
{
    struct partially p = {0};
    struct operands operands = {0};
    tool_init(&p.tool);
    const struct option options[] = {
        TOOL_OPTIONS(p.tool),
        REQUEST_PART_OPTIONS(p.request_options),
        POLICIES_OPTIONS(p.policies_options),
        SCHEMA_OPTIONS(p.schema_options),
        {.name = "entities",
         .kind = OPTION_TEXT,
         .out.text = &p.entities_path,
         .is_required = true},
        {.name = "timing", .letter = 't', .kind = OPTION_FLAG, .out.flag = &p.is_timed},
    };
    const struct command *verb = &verb_partially_authorize;
    enum options_result result =
        options_read(verb, options, COUNT_OF(options), argc, argv, &operands);
    int code = options_exit(result);
    if (result == OPTIONS_OK) {
        code = tool_check_request_options(verb, &p.request_options) ? decide(&p) : EXIT_CODE_USAGE;
    }
    cedar_policy_set_free(p.left);
    cedar_policy_set_free(p.policies);
    cedar_schema_free(p.schema);
    tool_release(&p.tool);
    return code;
}

const struct command verb_partially_authorize = {
    .name = "cedar partially-authorize",
    .summary = "decide a request of which parts are left out",
    .usage =
        "usage: aegis cedar partially-authorize --entities FILE [OPTIONS]\n"
        "\n"
        "Partial evaluation without types; 'aegis cedar tpe' knows them and decides more.\n"
        "Prints ALLOW or DENY when that holds whatever is left out, else UNKNOWN and what\n"
        "is left to evaluate of the policies. What is left out reads\n"
        "unknown(\"principal\"), and so on; in the context, {\"__extn\": {\"fn\": \"unknown\",\n"
        "\"arg\": NAME}} stands for a value that is not known.\n"
        "\n"
        "  -l, --principal ENTITY       such as 'User::\"alice\"' (default: unknown)\n"
        "  -a, --action ENTITY          such as 'Action::\"view\"' (default: unknown)\n"
        "  -r, --resource ENTITY        such as 'Photo::\"a.jpg\"' (default: unknown)\n"
        "  -c, --context FILE           the context as a JSON object (default: unknown)\n"
        "      --request-json FILE      all four in a JSON object, instead of the above;\n"
        "                               what is absent or null is unknown\n" POLICIES_USAGE
        "  -s, --schema FILE            entities, and what is known of the request, must\n"
        "                               fit it; with an action, all of the context is\n"
        "                               known\n"
        "      --schema-format F        cedar (default) or json\n"
        "      --entities FILE          entities as a JSON array\n"
        "  -t, --timing                 also how long it took\n" TOOL_USAGE "\n"
        "examples:\n"
        "  aegis cedar partially-authorize -l 'User::\"alice\"' -a 'Action::\"view\"' \\\n"
        "      -p policies.cedar --entities entities.json\n",
    .exit_codes = "  0  allow\n"
                  "  1  it did not work\n"
                  "  2  deny; or the command line is wrong\n"
                  "  4  it depends on what is not known\n",
    .run = run,
};
