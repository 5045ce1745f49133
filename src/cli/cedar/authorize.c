/* aegis cedar authorize: decide one request. */
#include "cli/cedar/tool.h"
#include "cli/cedar/verbs.h"

struct authorize {
    struct tool tool;
    struct request_options request_options;
    struct policies_options policies_options;
    struct schema_options schema_options;
    const char *entities_path;
    bool is_verbose, is_timed;
    struct cedar_policy_set *policies;
    struct cedar_schema *schema;
    struct cedar_entities entities;
    struct cedar_request request;
};

/* All that is wrong is told, not only the first of it. */
static enum status read_all(struct authorize *a)
{
    enum status policies = tool_read_policies(&a->tool, &a->policies_options, &a->policies);
    enum status schema = tool_read_schema(&a->tool, &a->schema_options, &a->schema);
    enum status entities = tool_read_entities(&a->tool, a->entities_path, a->schema, &a->entities);
    enum status request =
        tool_read_request(&a->tool, &a->request_options, a->schema, &a->entities, &a->request);
    TRY(policies);
    TRY(schema);
    TRY(entities);
    return request;
}

static void print_errors(const struct authorize *a, const struct cedar_response *response)
{
    for (size_t i = 0; i < response->error_count; i++) {
        struct cedar_policy_info policy = cedar_policy_get(a->policies, response->errors[i].policy);
        (void)fputs(i == 0 ? "\n" : "", stdout);
        (void)fputs("error while evaluating policy `", stdout);
        tool_print_text(stdout, policy.id);
        (void)fputs("`: ", stdout);
        tool_print_error(stdout, &response->errors[i]);
        (void)fputs("\n", stdout);
    }
}

static void print_reasons(const struct authorize *a, const struct cedar_response *response)
{
    (void)fputs(response->reason_count == 0
                    ? "\nnote: no policies applied to this request\n"
                    : "\nnote: this decision was due to the following policies:\n",
                stdout);
    for (size_t i = 0; i < response->reason_count; i++) {
        (void)fputs("  ", stdout);
        tool_print_text(stdout, cedar_policy_get(a->policies, response->reasons[i]).id);
        (void)fputs(i + 1 == response->reason_count ? "\n\n" : "\n", stdout);
    }
}

static int decide(struct authorize *a)
{
    struct cedar_response response;
    (void)fputs("\n", stdout);
    if (read_all(a) != STATUS_OK) {
        return CEDAR_EXIT_FAILURE;
    }
    int64_t start_us = tool_now_us();
    enum status status = cedar_authorize(a->policies, &a->request, NULL, &a->tool.arena, &response);
    int64_t end_us = tool_now_us();
    if (status != STATUS_OK) {
        (void)tool_fail(&a->tool, "memory ran out", "the request could not be decided");
        return CEDAR_EXIT_FAILURE;
    }
    if (a->is_timed) {
        tool_print_duration(end_us - start_us);
    }
    (void)fputs(response.decision == CEDAR_ALLOW ? "ALLOW\n" : "DENY\n", stdout);
    print_errors(a, &response);
    if (a->is_verbose) {
        print_reasons(a, &response);
    }
    return response.decision == CEDAR_ALLOW ? CEDAR_EXIT_OK : CEDAR_EXIT_DENY;
}

static int run(int argc, char **argv)
{
    struct authorize a = {0};
    struct operands operands = {0};
    tool_init(&a.tool);
    const struct option options[] = {
        TOOL_OPTIONS(a.tool),
        REQUEST_OPTIONS(a.request_options),
        POLICIES_OPTIONS(a.policies_options),
        SCHEMA_OPTIONS(a.schema_options),
        {.name = "entities",
         .kind = OPTION_TEXT,
         .out.text = &a.entities_path,
         .is_required = true},
        {.name = "verbose", .letter = 'v', .kind = OPTION_FLAG, .out.flag = &a.is_verbose},
        {.name = "timing", .letter = 't', .kind = OPTION_FLAG, .out.flag = &a.is_timed},
    };
    enum options_result result =
        options_read(&verb_authorize, options, COUNT_OF(options), argc, argv, &operands);
    int code = options_exit(result);
    if (result == OPTIONS_OK) {
        code = tool_check_request_options(&verb_authorize, &a.request_options) ? decide(&a)
                                                                               : EXIT_CODE_USAGE;
    }
    cedar_policy_set_free(a.policies);
    cedar_schema_free(a.schema);
    tool_release(&a.tool);
    return code;
}

const struct command verb_authorize = {
    .name = "cedar authorize",
    .summary = "decide a request",
    .usage = "usage: aegis cedar authorize --entities FILE [OPTIONS]\n"
             "\n"
             "Prints ALLOW or DENY, and what failed to evaluate.\n"
             "\n" REQUEST_USAGE POLICIES_USAGE
             "  -s, --schema FILE            entities, context and request must fit it\n"
             "      --schema-format F        cedar (default) or json\n"
             "      --entities FILE          entities as a JSON array\n"
             "  -v, --verbose                also the policies that decided\n"
             "  -t, --timing                 also how long it took\n" TOOL_USAGE "\n"
             "examples:\n"
             "  aegis cedar authorize -l 'User::\"alice\"' -a 'Action::\"view\"' \\\n"
             "      -r 'Photo::\"a.jpg\"' -p policies.cedar --entities entities.json -v\n"
             "  aegis cedar authorize --request-json request.json -p policies.cedar \\\n"
             "      --entities entities.json -s schema.cedarschema\n",
    .exit_codes = "  0  allow\n"
                  "  1  it did not work\n"
                  "  2  deny; or the command line is wrong\n",
    .run = run,
};
