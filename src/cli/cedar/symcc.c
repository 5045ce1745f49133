/* aegis cedar symcc: what holds of policies for all requests? */
#include "cli/cedar/symcc.h"

#include "adapters/solver/solver.h"
#include "cli/cedar/verbs.h"

#include <stdlib.h>

#define TIME_S 60 /* as in the official program */
#define TIME_S_MAX 86400

static const struct property properties[] = {
    {"never-errors", "Policy never errors", CEDAR_NEVER_ERRORS},
    {"always-matches", "Policy always matches", CEDAR_ALWAYS_MATCHES},
    {"never-matches", "Policy never matches", CEDAR_NEVER_MATCHES},
    {"matches-equivalent", "Policies have equivalent match conditions", CEDAR_MATCHES_EQUIVALENT},
    {"matches-implies", "Policy1 match implies Policy2 match", CEDAR_MATCHES_IMPLIES},
    {"matches-disjoint", "Policies have disjoint match conditions", CEDAR_MATCHES_DISJOINT},
    {"always-allows", "Policy set always allows", CEDAR_ALWAYS_ALLOWS},
    {"always-denies", "Policy set always denies", CEDAR_ALWAYS_DENIES},
    {"equivalent", "Policy sets are equivalent", CEDAR_EQUIVALENT},
    {"implies", "Policy set 1 implies policy set 2", CEDAR_IMPLIES},
    {"disjoint", "Policy sets are disjoint", CEDAR_DISJOINT},
};

/* Options that name policies; each property takes those of one kind. */
enum side_kind {
    SIDE_ONLY = 0, /* --policies */
    SIDE_POLICY,   /* --policy1, --policy2 */
    SIDE_SET,      /* --policies1, --policies2 */
    SIDE_KINDS,
};

static const char *const side_names[SIDE_KINDS][2] = {
    {"--policies", NULL},
    {"--policy1", "--policy2"},
    {"--policies1", "--policies2"},
};

enum solver_choice { SOLVER_CVC5, SOLVER_Z3, SOLVER_BOTH };
static const char *const solver_choices[] = {"cvc5", "z3", "both", NULL};

struct symcc {
    struct tool tool;
    const struct property *property;
    struct policies_options sides[SIDE_KINDS][2];
    struct schema_options schema_options;
    const char *principal_type, *action, *resource_type;
    const char *solver_path, *solver_choice, *format;
    int64_t time_s;
    bool wants_example, wants_no_example, is_verbose;

    struct cedar_policy_set *sets[2];
    struct slice texts[2]; /* of the sets' sources */
    struct cedar_schema *schema;
    struct cedar_uid action_uid;
};

static bool is_word(const char *word, const char *expected)
{
    return word != NULL && slice_eq(slice_view_cstr(word), slice_view_cstr(expected));
}

static enum side_kind side_kind_of(const struct property *property)
{
    bool has_two = cedar_question_has_two_sides(property->question);
    bool is_policy = cedar_question_is_about_policies(property->question);
    return !has_two ? SIDE_ONLY : is_policy ? SIDE_POLICY : SIDE_SET;
}

static size_t side_count(const struct symcc *s)
{
    return cedar_question_has_two_sides(s->property->question) ? 2 : 1;
}

/* -- input ---------------------------------------------------------------------------------- */

static enum status fail(struct symcc *s, const char *cause)
{
    return tool_fail(&s->tool, cause, "Analysis failed");
}

static size_t count_templates(const struct cedar_policy_set *set)
{
    size_t count = 0;
    for (size_t i = 0; i < cedar_policy_count(set); i++) {
        count += cedar_policy_get(set, i).is_template ? 1 : 0;
    }
    return count;
}

static enum status check_single(struct symcc *s, const struct cedar_policy_set *set,
                                const char *name)
{
    char cause[128];
    size_t templates = count_templates(set);
    size_t count = cedar_policy_count(set);
    if (templates == 0 && count == 1) {
        return STATUS_OK;
    }
    if (templates > 0) {
        (void)snprintf(cause, sizeof(cause),
                       "Expected exactly one static policy in %s, found %zu policy template(s)",
                       name, templates);
    } else {
        (void)snprintf(cause, sizeof(cause), "Expected exactly one policy in %s, found %zu", name,
                       count);
    }
    return fail(s, cause);
}

static void warn_of_templates(struct symcc *s, const struct cedar_policy_set *set, const char *name)
{
    char message[128];
    size_t count = count_templates(set);
    if (count == 0) {
        return;
    }
    (void)snprintf(message, sizeof(message),
                   "%s contains %zu policy template(s), which will be ignored by analysis", name,
                   count);
    struct report report = {.severity = CEDAR_SEVERITY_WARNING, .message = message};
    tool_report(&s->tool, stderr, &report);
}

static enum status read_sides(struct symcc *s)
{
    static const char *const NAMES[] = {"first policy set", "second policy set"};
    enum side_kind kind = side_kind_of(s->property);
    if (side_count(s) == 2 && s->sides[kind][0].path == NULL && s->sides[kind][1].path == NULL) {
        return fail(s, "stdin can be read for one of the two only");
    }
    for (size_t i = 0; i < side_count(s); i++) {
        TRY(tool_read_policies(&s->tool, &s->sides[kind][i], &s->sets[i]));
        s->texts[i] = s->tool.policy_text;
        if (!cedar_question_is_about_policies(s->property->question)) {
            warn_of_templates(s, s->sets[i], side_count(s) == 1 ? "policy set" : NAMES[i]);
        }
    }
    TRY(tool_read_schema(&s->tool, &s->schema_options, &s->schema));
    for (size_t i = 0; cedar_question_is_about_policies(s->property->question) && i < side_count(s);
         i++) {
        TRY(check_single(s, s->sets[i], side_names[kind][i]));
    }
    return STATUS_OK;
}

/* -- the proof ------------------------------------------------------------------------------ */

/* Why policies do not fit the schema is told as `validate` does. */
static enum status explain(struct symcc *s, const struct diag *diag)
{
    struct report report = {.message = "Analysis failed", .cause = diag->message};
    for (size_t i = 0; is_word(diag->code, "cedar.policy") && i < side_count(s); i++) {
        const struct cedar_validate_options strict = {.mode = CEDAR_VALIDATE_STRICT};
        enum status status =
            cedar_validate(s->sets[i], s->schema, &strict, &s->tool.diagnostics, &s->tool.warnings);
        if (status == STATUS_INVALID) {
            report.source = s->texts[i];
            report.details[0] = &s->tool.diagnostics;
            break;
        }
    }
    tool_report(&s->tool, stderr, &report);
    return STATUS_INVALID;
}

static enum status prove_with(struct symcc *s, enum cedar_solver_dialect dialect,
                              struct cedar_proof *out)
{
    const struct solver program = {.dialect = dialect,
                                   .path = dialect == CEDAR_SOLVER_CVC5 ? s->solver_path : NULL,
                                   .time_ms_max = (uint32_t)(s->time_s * 1000)};
    const struct cedar_solver solver = solver_port(&program);
    const struct cedar_proof_query query = {
        .question = s->property->question,
        .sets = {s->sets[0], s->sets[1]},
        .schema = s->schema,
        .principal_type = slice_view_cstr(s->principal_type),
        .resource_type = slice_view_cstr(s->resource_type),
        .action = s->action_uid,
    };
    struct diag diag = {0};
    enum status status = cedar_prove(&query, &solver, &s->tool.arena, out, &diag);
    if (status == STATUS_LIMIT && diag.code == NULL) {
        return fail(s, "a limit was reached or memory ran out");
    }
    return status == STATUS_OK ? STATUS_OK : explain(s, &diag);
}

/* An answer of one solver stands when the other one gives up, but not against it. */
static enum status prove(struct symcc *s, struct cedar_proof *out)
{
    struct cedar_proof second = {0};
    if (is_word(s->solver_choice, solver_choices[SOLVER_Z3])) {
        return prove_with(s, CEDAR_SOLVER_Z3, out);
    }
    TRY(prove_with(s, CEDAR_SOLVER_CVC5, out));
    if (!is_word(s->solver_choice, solver_choices[SOLVER_BOTH])) {
        return STATUS_OK;
    }
    TRY(prove_with(s, CEDAR_SOLVER_Z3, &second));
    if (out->verdict != CEDAR_UNKNOWN_YET && second.verdict != CEDAR_UNKNOWN_YET &&
        out->verdict != second.verdict) {
        return fail(s, "the solvers disagree; please report this");
    }
    *out = out->verdict == CEDAR_UNKNOWN_YET ? second : *out;
    return STATUS_OK;
}

static int analyze(struct symcc *s)
{
    struct cedar_proof proof = {0};
    const struct symcc_output output = {.is_json = is_word(s->format, "json"),
                                        .has_example = !s->wants_no_example,
                                        .is_verbose = s->is_verbose};
    if (tool_parse_uid(&s->tool, slice_view_cstr(s->action), "--action", &s->action_uid) !=
            STATUS_OK ||
        read_sides(s) != STATUS_OK || prove(s, &proof) != STATUS_OK) {
        return CEDAR_EXIT_FAILURE;
    }
    if (proof.verdict == CEDAR_UNKNOWN_YET) {
        (void)fail(s, "the solver gave up: it answers `unknown`, or took longer than --time-limit");
        return CEDAR_EXIT_FAILURE;
    }
    if (symcc_print(&s->tool, s->property, &proof, &output) != STATUS_OK) {
        (void)fail(s, "the counterexample is too long to print");
        return CEDAR_EXIT_FAILURE;
    }
    return CEDAR_EXIT_OK;
}

/* -- the command line ----------------------------------------------------------------------- */

static int usage_error(const char *what, const char *name)
{
    (void)fprintf(stderr, "aegis cedar symcc: %s '%s'\nsee 'aegis cedar symcc --help'\n", what,
                  name);
    return EXIT_CODE_USAGE;
}

static const struct property *find_property(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(properties); i++) {
        if (is_word(name, properties[i].name)) {
            return &properties[i];
        }
    }
    return NULL;
}

static int check_command_line(struct symcc *s, const struct operands *operands)
{
    const char *name = operands->count > 0 ? operands->items[0] : "";
    s->property = find_property(name);
    if (s->property == NULL) {
        return operands->count == 0 ? usage_error("it needs a property, such as", "never-errors")
                                    : usage_error("there is no property", name);
    }
    for (size_t kind = 0; kind < SIDE_KINDS; kind++) {
        for (size_t i = 0; i < 2 && side_names[kind][i] != NULL; i++) {
            const struct policies_options *side = &s->sides[kind][i];
            if (kind != (size_t)side_kind_of(s->property) &&
                (side->path != NULL || side->format != NULL)) {
                return usage_error("the property takes no policies from", side_names[kind][i]);
            }
        }
    }
    return s->wants_example && s->wants_no_example
               ? usage_error("'--counterexample' contradicts", "--no-counterexample")
               : EXIT_CODE_OK;
}

#define SIDE_OPTIONS(side, option, option_format)                                                  \
    {.name = (option), .kind = OPTION_TEXT, .out.text = &(side).path},                             \
    {                                                                                              \
        .name = (option_format), .kind = OPTION_TEXT, .out.text = &(side).format,                  \
        .choices = tool_source_formats                                                             \
    }

static int run(int argc, char **argv)
{
    struct symcc s = {.time_s = TIME_S, .solver_path = getenv("CVC5")};
    struct operands operands = {.max = 1};
    tool_init(&s.tool);
    s.tool.reports = stderr;
    const struct option options[] = {
        TOOL_OPTIONS(s.tool),
        OUTPUT_OPTION(s.format),
        SIDE_OPTIONS(s.sides[SIDE_POLICY][0], "policy1", "policy1-format"),
        SIDE_OPTIONS(s.sides[SIDE_POLICY][1], "policy2", "policy2-format"),
        SIDE_OPTIONS(s.sides[SIDE_SET][0], "policies1", "policies1-format"),
        SIDE_OPTIONS(s.sides[SIDE_SET][1], "policies2", "policies2-format"),
        {.name = "policies",
         .letter = 'p',
         .kind = OPTION_TEXT,
         .out.text = &s.sides[SIDE_ONLY][0].path},
        {.name = "policy-format",
         .kind = OPTION_TEXT,
         .out.text = &s.sides[SIDE_ONLY][0].format,
         .choices = tool_source_formats},
        {.name = "schema",
         .letter = 's',
         .kind = OPTION_TEXT,
         .out.text = &s.schema_options.path,
         .is_required = true},
        {.name = "schema-format",
         .kind = OPTION_TEXT,
         .out.text = &s.schema_options.format,
         .choices = tool_source_formats},
        {.name = "principal-type",
         .kind = OPTION_TEXT,
         .out.text = &s.principal_type,
         .is_required = true},
        {.name = "action", .kind = OPTION_TEXT, .out.text = &s.action, .is_required = true},
        {.name = "resource-type",
         .kind = OPTION_TEXT,
         .out.text = &s.resource_type,
         .is_required = true},
        {.name = "counterexample", .kind = OPTION_FLAG, .out.flag = &s.wants_example},
        {.name = "no-counterexample", .kind = OPTION_FLAG, .out.flag = &s.wants_no_example},
        {.name = "verbose", .letter = 'v', .kind = OPTION_FLAG, .out.flag = &s.is_verbose},
        {.name = "cvc5-path", .kind = OPTION_TEXT, .out.text = &s.solver_path},
        {.name = "solver",
         .kind = OPTION_TEXT,
         .out.text = &s.solver_choice,
         .choices = solver_choices},
        {.name = "time-limit",
         .kind = OPTION_NUMBER,
         .out.number = &s.time_s,
         .min = 1,
         .max = TIME_S_MAX},
    };
    enum options_result result =
        options_read(&verb_symcc, options, COUNT_OF(options), argc, argv, &operands);
    int code = options_exit(result);
    if (result == OPTIONS_OK) {
        code = check_command_line(&s, &operands);
        code = code == EXIT_CODE_OK ? analyze(&s) : code;
    }
    cedar_policy_set_free(s.sets[0]);
    cedar_policy_set_free(s.sets[1]);
    cedar_schema_free(s.schema);
    tool_release(&s.tool);
    return code;
}

const struct command verb_symcc = {
    .name = "cedar symcc",
    .summary = "prove what holds of policies for all requests",
    .usage = "usage: aegis cedar symcc --principal-type TYPE --action ENTITY\n"
             "                         --resource-type TYPE --schema FILE [OPTIONS] PROPERTY\n"
             "\n"
             "Asks an SMT solver whether a property holds for every request of these types and\n"
             "every store of entities that fit the schema. If not, prints a request and\n"
             "entities that show it, after the engine has decided them. Needs the Debian\n"
             "package cvc5.\n"
             "\n"
             "properties of one policy, in --policies:\n"
             "  never-errors         it evaluates without an error\n"
             "  always-matches       it is satisfied by every request\n"
             "  never-matches        it is satisfied by none\n"
             "\n"
             "properties of two policies, in --policy1 and --policy2:\n"
             "  matches-equivalent   the same requests satisfy them\n"
             "  matches-implies      the second one matches where the first one does\n"
             "  matches-disjoint     no request satisfies both\n"
             "\n"
             "properties of a policy set, in --policies:\n"
             "  always-allows        every request is allowed\n"
             "  always-denies        every request is denied\n"
             "\n"
             "properties of two policy sets, in --policies1 and --policies2:\n"
             "  equivalent           they decide alike\n"
             "  implies              the second one allows what the first one does\n"
             "  disjoint             no request is allowed by both\n"
             "\n"
             "      --principal-type TYPE    such as User\n"
             "      --action ENTITY          such as 'Action::\"view\"'\n"
             "      --resource-type TYPE     such as Photo\n"
             "  -s, --schema FILE            policies must validate strictly\n"
             "      --schema-format F        cedar (default) or json\n"
             "  -p, --policies FILE          the policy, or the set (default: stdin)\n"
             "      --policy-format F        cedar (default) or json\n"
             "      --policy1 FILE           the first policy (default: stdin)\n"
             "      --policy1-format F       cedar (default) or json\n"
             "      --policy2 FILE           the second policy (default: stdin)\n"
             "      --policy2-format F       cedar (default) or json\n"
             "      --policies1 FILE         the first set (default: stdin)\n"
             "      --policies1-format F     cedar (default) or json\n"
             "      --policies2 FILE         the second set (default: stdin)\n"
             "      --policies2-format F     cedar (default) or json\n"
             "      --counterexample         show why it does not hold; the default\n"
             "      --no-counterexample      say only whether it holds\n"
             "      --output O               text (default) or json; values are Cedar\n"
             "                               expressions\n"
             "      --cvc5-path FILE         the solver (default: in CVC5, else 'cvc5' in\n"
             "                               PATH)\n"
             "      --solver S               cvc5 (default), z3, or both, which must not\n"
             "                               disagree\n"
             "      --time-limit SECONDS     after which a solver gives up (default 60, at\n"
             "                               most 86400)\n"
             "  -v, --verbose                say more about what holds\n" TOOL_USAGE "\n"
             "examples:\n"
             "  aegis cedar symcc --principal-type User --action 'Action::\"view\"' \\\n"
             "      --resource-type Photo -s schema.cedarschema implies \\\n"
             "      --policies1 new.cedar --policies2 old.cedar\n",
    .exit_codes = "  0  there is an answer, whether or not the property holds\n"
                  "  1  it did not work, or the solver gave up\n"
                  "  2  the command line is wrong\n",
    .run = run,
};
