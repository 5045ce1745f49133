/* aegis cedar check-parse: is everything that is given well formed? */
#include "cli/cedar/tool.h"
#include "cli/cedar/verbs.h"

struct check {
    struct tool tool;
    struct policies_options policies_options;
    struct schema_options schema_options;
    const char *entities_path, *expression;
    struct cedar_policy_set *policies;
    struct cedar_schema *schema;
};

static enum status check_expression(struct check *c)
{
    const struct cedar_expression *expression = NULL;
    struct cedar_source source = {SLICE("expression"), slice_view_cstr(c->expression)};
    enum status status =
        cedar_expression_parse(&source, &c->tool.arena, &expression, &c->tool.diagnostics);
    return status == STATUS_OK
               ? STATUS_OK
               : tool_fail_source(&c->tool, status, &source, "failed to parse the expression");
}

/* All parts, whatever is wrong with others. */
static enum status check(struct check *c)
{
    bool has_nothing = c->policies_options.path == NULL && c->schema_options.path == NULL &&
                       c->entities_path == NULL && c->expression == NULL;
    struct cedar_entities entities;
    enum status worst = STATUS_OK;
    enum status status = STATUS_OK;
    if (c->policies_options.path != NULL || has_nothing) {
        worst = tool_read_policies(&c->tool, &c->policies_options, &c->policies);
    }
    if (c->expression != NULL) {
        status = check_expression(c);
        worst = worst == STATUS_OK ? status : worst;
    }
    status = tool_read_schema(&c->tool, &c->schema_options, &c->schema);
    worst = worst == STATUS_OK ? status : worst;
    if (c->entities_path != NULL) {
        status = tool_read_entities(&c->tool, c->entities_path, c->schema, &entities);
        worst = worst == STATUS_OK ? status : worst;
    }
    return worst;
}

static int run(int argc, char **argv)
{
    struct check c = {0};
    struct operands operands = {0};
    tool_init(&c.tool);
    const struct option options[] = {
        TOOL_OPTIONS(c.tool),
        POLICIES_OPTIONS(c.policies_options),
        SCHEMA_OPTIONS(c.schema_options),
        {.name = "entities", .kind = OPTION_TEXT, .out.text = &c.entities_path},
        {.name = "expression", .kind = OPTION_TEXT, .out.text = &c.expression},
    };
    enum options_result result =
        options_read(&verb_check_parse, options, COUNT_OF(options), argc, argv, &operands);
    int code = options_exit(result);
    if (result == OPTIONS_OK) {
        code = check(&c) == STATUS_OK ? CEDAR_EXIT_OK : CEDAR_EXIT_FAILURE;
    }
    cedar_policy_set_free(c.policies);
    cedar_schema_free(c.schema);
    tool_release(&c.tool);
    return code;
}

const struct command verb_check_parse = {
    .name = "cedar check-parse",
    .summary = "parse policies, an expression, a schema, entities",
    .usage = "usage: aegis cedar check-parse [OPTIONS]\n"
             "\n"
             "Silent when all that is given parses; without options, policies from stdin.\n"
             "\n"
             "  -p, --policies FILE          policies and templates\n"
             "      --policy-format F        cedar (default) or json\n"
             "  -k, --template-linked FILE   links of the templates ('aegis cedar link')\n"
             "      --expression TEXT        an expression\n"
             "  -s, --schema FILE            a schema; entities must fit it\n"
             "      --schema-format F        cedar (default) or json\n"
             "      --entities FILE          entities as a JSON array\n" TOOL_USAGE "\n"
             "examples:\n"
             "  aegis cedar check-parse -p policies.cedar\n"
             "  aegis cedar check-parse -s schema.cedarschema --entities entities.json\n",
    .exit_codes = "  0  all parses\n"
                  "  1  something does not\n"
                  "  2  the command line is wrong\n",
    .run = run,
};
