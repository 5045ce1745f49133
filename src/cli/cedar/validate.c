/* aegis cedar validate: do policies fit a schema? */
#include "cli/cedar/tool.h"
#include "cli/cedar/verbs.h"

struct validate {
    struct tool tool;
    struct policies_options policies_options;
    struct schema_options schema_options;
    bool denies_warnings;
    const char *mode;
    int64_t level; /* negative: none */
    struct cedar_policy_set *policies;
    struct cedar_schema *schema;
};

static const char *const modes[] = {"strict", "permissive", NULL};

static int validate(struct validate *v)
{
    if (tool_read_policies(&v->tool, &v->policies_options, &v->policies) != STATUS_OK ||
        tool_read_schema(&v->tool, &v->schema_options, &v->schema) != STATUS_OK) {
        return CEDAR_EXIT_FAILURE;
    }
    struct cedar_validate_options options = {
        .mode = slice_eq(slice_view_cstr(v->mode), SLICE("permissive")) ? CEDAR_VALIDATE_PERMISSIVE
                                                                        : CEDAR_VALIDATE_STRICT,
        .has_level = v->level >= 0,
        .level = v->level >= 0 ? (uint32_t)v->level : 0};
    enum status status =
        cedar_validate(v->policies, v->schema, &options, &v->tool.diagnostics, &v->tool.warnings);
    if (status == STATUS_LIMIT) {
        (void)tool_fail(&v->tool, "a limit was reached or memory ran out",
                        "the policies could not be validated");
        return CEDAR_EXIT_FAILURE;
    }
    bool is_clean = v->tool.diagnostics.count == 0 && v->tool.warnings.count == 0;
    bool is_passed = v->tool.diagnostics.count == 0 && (is_clean || !v->denies_warnings);
    struct report report = {.severity = is_passed ? CEDAR_SEVERITY_WARNING : CEDAR_SEVERITY_ERROR,
                            .message = is_passed ? "policy set validation passed"
                                                 : "policy set validation failed",
                            .cause = is_clean ? "no errors or warnings" : NULL,
                            .source = v->tool.policy_text,
                            .details = {&v->tool.diagnostics, &v->tool.warnings}};
    tool_report(&v->tool, stdout, &report);
    return is_passed ? CEDAR_EXIT_OK : CEDAR_EXIT_INVALID;
}

static int run(int argc, char **argv)
{
    struct validate v = {.level = -1};
    struct operands operands = {0};
    tool_init(&v.tool);
    const struct option options[] = {
        TOOL_OPTIONS(v.tool),
        POLICIES_OPTIONS(v.policies_options),
        {.name = "schema",
         .letter = 's',
         .kind = OPTION_TEXT,
         .out.text = &v.schema_options.path,
         .is_required = true},
        {.name = "schema-format",
         .kind = OPTION_TEXT,
         .out.text = &v.schema_options.format,
         .choices = tool_source_formats},
        {.name = "deny-warnings", .kind = OPTION_FLAG, .out.flag = &v.denies_warnings},
        {.name = "validation-mode", .kind = OPTION_TEXT, .out.text = &v.mode, .choices = modes},
        {.name = "level",
         .kind = OPTION_NUMBER,
         .out.number = &v.level,
         .min = 0,
         .max = UINT32_MAX},
    };
    enum options_result result =
        options_read(&verb_validate, options, COUNT_OF(options), argc, argv, &operands);
    int code = options_exit(result);
    if (result == OPTIONS_OK) {
        code = validate(&v);
    }
    cedar_policy_set_free(v.policies);
    cedar_schema_free(v.schema);
    tool_release(&v.tool);
    return code;
}

const struct command verb_validate = {
    .name = "cedar validate",
    .summary = "hold policies and templates against a schema",
    .usage = "usage: aegis cedar validate --schema FILE [OPTIONS]\n"
             "\n"
             "Holds policies against a schema, and tells every error and warning at once.\n"
             "\n"
             "  -s, --schema FILE            the schema\n"
             "      --schema-format F        cedar (default) or json\n" POLICIES_USAGE
             "      --validation-mode M      strict (default) or permissive\n"
             "      --level N                policies may look N steps into entities, no\n"
             "                               further (default: any number)\n"
             "      --deny-warnings          a warning is a failure\n" TOOL_USAGE "\n"
             "examples:\n"
             "  aegis cedar validate -p policies.cedar -s schema.cedarschema\n"
             "  aegis cedar validate -p policies.cedar -s schema.json \\\n"
             "      --schema-format json --level 1 --deny-warnings -f json\n",
    .exit_codes = "  0  they fit\n"
                  "  1  it did not work\n"
                  "  2  the command line is wrong\n"
                  "  3  they do not fit\n",
    .run = run,
};
