/* aegis cedar translate-policy, translate-schema, language-version: from one form to the other.
 * Stdout is the document, so reports go to stderr. */
#include "cli/cedar/tool.h"
#include "cli/cedar/verbs.h"

#define OUTPUT_BYTES_MAX ((size_t)256 << 20)

typedef enum status (*translate_fn)(struct tool *tool, const char *path, const char *direction,
                                    struct buf *out);

static bool is_word(const char *word, const char *expected)
{
    return slice_eq(slice_view_cstr(word), slice_view_cstr(expected));
}

static int translate(struct tool *tool, translate_fn fn, const char *path, const char *direction)
{
    struct buf out;
    buf_init(&out, OUTPUT_BYTES_MAX, NULL);
    tool->reports = stderr;
    enum status status = fn(tool, path, direction, &out);
    if (status == STATUS_OK) {
        tool_print_buf(stdout, &out);
        (void)fputs("\n", stdout);
    }
    buf_release(&out);
    return status == STATUS_OK ? CEDAR_EXIT_OK : CEDAR_EXIT_FAILURE;
}

/* Both verbs have one source and a direction. */
static int run_verb(const struct command *verb, const struct option *source,
                    const char *const *directions, translate_fn fn, int argc, char **argv)
{
    struct tool tool;
    const char *direction = NULL;
    struct operands operands = {0};
    tool_init(&tool);
    const struct option options[] = {
        TOOL_OPTIONS(tool),
        *source,
        {.name = "direction",
         .kind = OPTION_TEXT,
         .out.text = &direction,
         .choices = directions,
         .is_required = true},
    };
    enum options_result result =
        options_read(verb, options, COUNT_OF(options), argc, argv, &operands);
    int code = options_exit(result);
    if (result == OPTIONS_OK) {
        code = translate(&tool, fn, *source->out.text, direction);
    }
    tool_release(&tool);
    return code;
}

/* -- policies ------------------------------------------------------------------------------ */

static enum status translate_policy(struct tool *tool, const char *path, const char *direction,
                                    struct buf *out)
{
    struct cedar_policy_set *set = NULL;
    bool is_to_json = is_word(direction, "cedar-to-json");
    TRY(is_to_json ? tool_read_policy_text(tool, path, true, &set)
                   : tool_read_policy_json(tool, path, &set));
    enum status status =
        is_to_json ? cedar_policy_set_to_json(set, out) : cedar_policy_set_to_text(set, out);
    cedar_policy_set_free(set);
    if (status == STATUS_INVALID) {
        return tool_fail(tool, "Cedar syntax cannot express links of templates",
                         "unable to translate the policy set");
    }
    return status == STATUS_OK
               ? STATUS_OK
               : tool_fail(tool, "the output is too large", "unable to translate the policy set");
}

static int run_policy(int argc, char **argv)
{
    static const char *const directions[] = {"cedar-to-json", "json-to-cedar", NULL};
    const char *path = NULL;
    const struct option source = {
        .name = "policies", .letter = 'p', .kind = OPTION_TEXT, .out.text = &path};
    return run_verb(&verb_translate_policy, &source, directions, translate_policy, argc, argv);
}

const struct command verb_translate_policy = {
    .name = "cedar translate-policy",
    .summary = "policies from Cedar syntax to JSON or back",
    .usage = "usage: aegis cedar translate-policy --direction D [--policies FILE]\n"
             "\n"
             "Prints policies in the other syntax. Comments are lost. Ids are those of @id\n"
             "annotations, or policy0, policy1, ...\n"
             "\n"
             "      --direction D            cedar-to-json or json-to-cedar\n"
             "  -p, --policies FILE          the policies (default: stdin)\n" TOOL_USAGE "\n"
             "examples:\n"
             "  aegis cedar translate-policy --direction cedar-to-json -p policies.cedar\n",
    .exit_codes = "  0  translated\n"
                  "  1  it did not work\n"
                  "  2  the command line is wrong\n",
    .run = run_policy,
};

/* -- schemas ------------------------------------------------------------------------------- */

static enum status translate_schema(struct tool *tool, const char *path, const char *direction,
                                    struct buf *out)
{
    bool is_from_json = is_word(direction, "json-to-cedar");
    struct cedar_schema_source source = {.form = is_from_json ? CEDAR_FORM_JSON : CEDAR_FORM_TEXT};
    enum cedar_schema_style style = is_from_json ? CEDAR_SCHEMA_TEXT
                                    : is_word(direction, "cedar-to-json")
                                        ? CEDAR_SCHEMA_JSON
                                        : CEDAR_SCHEMA_JSON_RESOLVED;
    TRY(tool_read_file(tool, path, "schema", &source.source));
    enum status status = cedar_schema_translate(&source, style, out, &tool->diagnostics);
    return status == STATUS_OK
               ? STATUS_OK
               : tool_fail_source(tool, status, &source.source, "failed to translate the schema");
}

static int run_schema(int argc, char **argv)
{
    static const char *const directions[] = {"json-to-cedar", "cedar-to-json",
                                             "cedar-to-json-with-resolved-types", NULL};
    const char *path = NULL;
    const struct option source = {
        .name = "schema", .letter = 's', .kind = OPTION_TEXT, .out.text = &path};
    return run_verb(&verb_translate_schema, &source, directions, translate_schema, argc, argv);
}

const struct command verb_translate_schema = {
    .name = "cedar translate-schema",
    .summary = "a schema from Cedar syntax to JSON or back",
    .usage = "usage: aegis cedar translate-schema --direction D [--schema FILE]\n"
             "\n"
             "Prints a schema in the other syntax. It may be a part of one: only with resolved\n"
             "types must all its names be declared in it. Comments are lost.\n"
             "\n"
             "      --direction D            cedar-to-json, json-to-cedar, or\n"
             "                               cedar-to-json-with-resolved-types\n"
             "  -s, --schema FILE            the schema (default: stdin)\n" TOOL_USAGE "\n"
             "examples:\n"
             "  aegis cedar translate-schema --direction json-to-cedar -s schema.json\n",
    .exit_codes = "  0  translated\n"
                  "  1  it did not work\n"
                  "  2  the command line is wrong\n",
    .run = run_schema,
};

/* -- the language -------------------------------------------------------------------------- */

static int run_language_version(int argc, char **argv)
{
    struct tool tool;
    struct operands operands = {0};
    tool_init(&tool);
    const struct option options[] = {TOOL_OPTIONS(tool)};
    enum options_result result =
        options_read(&verb_language_version, options, COUNT_OF(options), argc, argv, &operands);
    int code = options_exit(result);
    if (result == OPTIONS_OK) {
        (void)fputs("Cedar language version: 4.5\n", stdout);
    }
    tool_release(&tool);
    return code;
}

const struct command verb_language_version = {
    .name = "cedar language-version",
    .summary = "print the version of the language",
    .usage = "usage: aegis cedar language-version [OPTIONS]\n"
             "\n"
             "Prints the version of the language that policies are read in.\n"
             "\n" TOOL_USAGE "\n"
             "examples:\n"
             "  aegis cedar language-version\n",
    .run = run_language_version,
};
