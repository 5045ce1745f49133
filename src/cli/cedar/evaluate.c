/* aegis cedar evaluate: the value of one expression. */
#include "cli/cedar/tool.h"
#include "cli/cedar/verbs.h"

struct evaluate {
    struct tool tool;
    struct request_options request_options;
    struct schema_options schema_options;
    const char *entities_path, *expression;
    struct cedar_schema *schema;
};

/* Without a file there are no entities. */
static bool find_nothing(const void *context, const struct cedar_uid *uid,
                         struct cedar_entity_data *out)
{
    (void)context;
    (void)uid;
    (void)out;
    return false;
}

static enum status print_value(struct evaluate *e, const struct cedar_value *value)
{
    struct buf text;
    buf_init(&text, TOOL_FILE_BYTES_MAX, NULL);
    enum status status = cedar_value_to_text(value, &e->tool.arena, &text);
    if (status == STATUS_OK) {
        tool_print_buf(stdout, &text);
        (void)fputs("\n", stdout);
    } else {
        (void)tool_fail(&e->tool, status == STATUS_LIMIT ? "it is too large" : "it is not known",
                        "failed to print the value");
    }
    buf_release(&text);
    return status;
}

static enum status evaluate(struct evaluate *e)
{
    struct cedar_entities entities = {.find = find_nothing};
    struct cedar_source source = {SLICE("expression"), slice_view_cstr(e->expression)};
    struct cedar_request request;
    const struct cedar_expression *expression = NULL;
    struct cedar_policy_error error;
    struct cedar_value value;
    TRY(tool_read_schema(&e->tool, &e->schema_options, &e->schema));
    TRY(tool_read_request(&e->tool, &e->request_options, e->schema, &entities, &request));
    enum status status =
        cedar_expression_parse(&source, &e->tool.arena, &expression, &e->tool.diagnostics);
    if (status != STATUS_OK) {
        return tool_fail_source(&e->tool, status, &source, "failed to parse the expression");
    }
    if (e->entities_path != NULL) {
        TRY(tool_read_entities(&e->tool, e->entities_path, e->schema, &entities));
    }
    status = cedar_expression_evaluate(expression, &request, &e->tool.arena, &value, &error);
    if (status != STATUS_OK) {
        char cause[DIAG_MESSAGE_BYTES];
        (void)snprintf(cause, sizeof(cause), "%.*s%s%.*s", SLICE_ARG(error.message),
                       error.subject.len == 0 ? "" : ": ", SLICE_ARG(error.subject));
        return tool_fail(&e->tool, cause, "failed to evaluate the expression");
    }
    return print_value(e, &value);
}

static int run(int argc, char **argv)
{
    struct evaluate e = {0};
    struct operands operands = {.max = 1};
    tool_init(&e.tool);
    const struct option options[] = {
        TOOL_OPTIONS(e.tool),
        REQUEST_OPTIONS(e.request_options),
        SCHEMA_OPTIONS(e.schema_options),
        {.name = "entities", .kind = OPTION_TEXT, .out.text = &e.entities_path},
    };
    enum options_result result =
        options_read(&verb_evaluate, options, COUNT_OF(options), argc, argv, &operands);
    int code = options_exit(result);
    if (result != OPTIONS_OK) {
        tool_release(&e.tool);
        return code;
    }
    /* Behind `--` the expression may begin with a minus. */
    e.expression = operands.count > 0        ? operands.items[0]
                   : operands.rest_count > 0 ? operands.rest[0]
                                             : NULL;
    if (e.expression == NULL || operands.count + operands.rest_count > 1) {
        (void)fputs("aegis cedar evaluate: one EXPRESSION is needed\n"
                    "see 'aegis cedar evaluate --help'\n",
                    stderr);
        code = EXIT_CODE_USAGE;
    } else if (!tool_check_request_options(&verb_evaluate, &e.request_options)) {
        code = EXIT_CODE_USAGE;
    } else {
        (void)fputs("\n", stdout);
        code = evaluate(&e) == STATUS_OK ? CEDAR_EXIT_OK : CEDAR_EXIT_FAILURE;
    }
    cedar_schema_free(e.schema);
    tool_release(&e.tool);
    return code;
}

const struct command verb_evaluate = {
    .name = "cedar evaluate",
    .summary = "print the value of an expression",
    .usage =
        "usage: aegis cedar evaluate [OPTIONS] EXPRESSION\n"
        "\n"
        "Evaluates an expression as it could stand in a condition, for a request.\n"
        "\n" REQUEST_USAGE
        "  -s, --schema FILE            entities, context and request must fit it\n"
        "      --schema-format F        cedar (default) or json\n"
        "      --entities FILE          entities as a JSON array (default: none)\n" TOOL_USAGE "\n"
        "examples:\n"
        "  aegis cedar evaluate -l 'User::\"alice\"' -a 'Action::\"view\"' \\\n"
        "      -r 'Album::\"trip\"' --entities entities.json \\\n"
        "      'resource in Account::\"jane\"'\n"
        "  aegis cedar evaluate --request-json request.json 'context.n * 2 <= 10'\n",
    .exit_codes = "  0  it has a value\n"
                  "  1  it has none, or it did not work\n"
                  "  2  the command line is wrong\n",
    .run = run,
};
