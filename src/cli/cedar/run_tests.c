/* aegis cedar run-tests: requests with the decisions that they should have. */
#include "cli/cedar/suite.h"
#include "cli/cedar/tool.h"
#include "cli/cedar/verbs.h"

#include <inttypes.h>

struct run_tests {
    struct tool tool;
    struct policies_options policies_options;
    struct schema_options schema_options;
    const char *tests_path, *output;
    struct cedar_policy_set *policies;
    struct cedar_schema *schema;
    size_t failed;
};

/* -- tests of one policy set, in one file -------------------------------------------------- */

struct listed_test {
    json_ref request, entities, reason;
    bool is_allow;
    int64_t error_count;
};

/* Every member but name must be there and of its type. */
static enum status read_test(struct run_tests *r, const struct json_tape *tape, json_ref ref,
                             struct listed_test *out)
{
    json_ref decision = json_member(tape, ref, SLICE("decision"));
    json_ref errors = json_member(tape, ref, SLICE("num_errors"));
    *out = (struct listed_test){.request = json_member(tape, ref, SLICE("request")),
                                .entities = json_member(tape, ref, SLICE("entities")),
                                .reason = json_member(tape, ref, SLICE("reason"))};
    bool is_complete = decision != JSON_NONE && errors != JSON_NONE && out->request != JSON_NONE &&
                       out->entities != JSON_NONE && out->reason != JSON_NONE &&
                       json_type(tape, out->reason) == JSON_ARRAY;
    out->is_allow = is_complete && json_string_eq(tape, decision, SLICE("allow"));
    if (is_complete && (out->is_allow || json_string_eq(tape, decision, SLICE("deny"))) &&
        json_integer(tape, errors, &out->error_count) == STATUS_OK) {
        return STATUS_OK;
    }
    return tool_fail(&r->tool,
                     "it has request, entities, decision (allow or deny), reason and num_errors",
                     "the test is malformed");
}

static bool is_reason(const struct run_tests *r, const struct cedar_response *response,
                      const struct json_tape *tape, json_ref id)
{
    for (size_t i = 0; i < response->reason_count; i++) {
        if (json_string_eq(tape, id, cedar_policy_get(r->policies, response->reasons[i]).id)) {
            return true;
        }
    }
    return false;
}

/* Says what is wrong, or that nothing is. Reasons may be more than the test wants. */
static bool print_outcome(const struct run_tests *r, const struct json_tape *tape,
                          const struct listed_test *test, const struct cedar_response *response)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref id = JSON_NONE;
    if ((response->decision == CEDAR_ALLOW) != test->is_allow) {
        printf("fail: expected %s, got %s\n", test->is_allow ? "allow" : "deny",
               test->is_allow ? "deny" : "allow");
        return false;
    }
    json_iter_init(&iter, tape, test->reason);
    while (json_iter_next(&iter, &key, &id)) {
        if (!is_reason(r, response, tape, id)) {
            (void)fputs("fail: missing reason ", stdout);
            tool_print_text(stdout, json_raw(tape, id));
            (void)fputs("\n", stdout);
            return false;
        }
    }
    if (test->error_count != (int64_t)response->error_count) {
        printf("fail: expected %" PRId64 " error(s), but got %zu\n", test->error_count,
               response->error_count);
        return false;
    }
    (void)fputs("ok\n", stdout);
    return true;
}

static enum status validate(struct run_tests *r)
{
    struct cedar_validate_options options = {.mode = CEDAR_VALIDATE_STRICT};
    enum status status =
        cedar_validate(r->policies, r->schema, &options, &r->tool.diagnostics, &r->tool.warnings);
    struct report report = {.message = "policy set validation failed",
                            .source = r->tool.policy_text,
                            .details = {&r->tool.diagnostics, &r->tool.warnings}};
    if (status != STATUS_OK || r->tool.warnings.count > 0) {
        tool_report(&r->tool, stdout, &report);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status run_test(struct run_tests *r, const struct cedar_source *source,
                            const struct json_tape *tape, json_ref ref, bool *is_passed)
{
    struct listed_test test;
    struct cedar_request request = {0};
    struct cedar_entities entities;
    struct cedar_response response;
    TRY(read_test(r, tape, ref, &test));
    struct cedar_source inner = {source->name, json_raw(tape, test.entities)};
    TRY(tool_parse_request(&r->tool, source, tape, test.request, r->schema, &request));
    if (r->schema != NULL) {
        TRY(tool_validate_request(&r->tool, r->schema, &request));
    }
    TRY(tool_parse_entities(&r->tool, &inner, r->schema, &entities));
    if (r->schema != NULL) {
        TRY(validate(r));
    }
    request.entities = &entities;
    if (cedar_authorize(r->policies, &request, NULL, &r->tool.arena, &response) != STATUS_OK) {
        return tool_fail(&r->tool, NULL, "memory ran out");
    }
    *is_passed = print_outcome(r, tape, &test, &response);
    return STATUS_OK;
}

static void print_title(const struct json_tape *tape, json_ref test)
{
    json_ref name = json_member(tape, test, SLICE("name"));
    bool is_named = name != JSON_NONE && json_type(tape, name) == JSON_STRING;
    struct slice text = is_named ? json_raw(tape, name) : SLICE("\"(unnamed)\"");
    (void)fputs("  test ", stdout);
    tool_print_text(stdout, slice_sub(text, 1, text.len - 1));
    (void)fputs(" ... ", stdout);
}

static enum status run_list(struct run_tests *r)
{
    struct cedar_source source;
    struct json_tape tape;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref test = JSON_NONE;
    TRY(tool_read_policies(&r->tool, &r->policies_options, &r->policies));
    TRY(tool_read_json(&r->tool, r->tests_path, "test file", &source, &tape));
    if (json_type(&tape, 0) != JSON_ARRAY) {
        return tool_fail(&r->tool, "it is a JSON array", "failed to parse tests from file %s",
                         r->tests_path);
    }
    TRY(tool_read_schema(&r->tool, &r->schema_options, &r->schema));
    size_t count = json_count(&tape, 0);
    printf("running %zu test(s)\n", count);
    json_iter_init(&iter, &tape, 0);
    while (json_iter_next(&iter, &key, &test)) {
        bool is_passed = false;
        print_title(&tape, test);
        if (run_test(r, &source, &tape, test, &is_passed) != STATUS_OK || !is_passed) {
            r->failed++;
        }
    }
    printf("results: %zu passed, %zu failed\n", count - r->failed, r->failed);
    return r->failed == 0 ? STATUS_OK : STATUS_INVALID;
}

/* -- tests with files of their own --------------------------------------------------------- */

static int run_paths(const struct operands *operands, bool is_json)
{
    struct suite suite;
    suite_init(&suite, is_json);
    for (size_t i = 0; i < operands->count; i++) {
        suite_run(&suite, operands->items[i]);
    }
    suite_print_summary(&suite);
    bool is_passed = suite.failed == 0 && suite.file_count > 0;
    if (suite.file_count == 0) {
        (void)fputs("aegis cedar run-tests: there is no test\n", stderr);
    }
    suite_release(&suite);
    return is_passed ? CEDAR_EXIT_OK : CEDAR_EXIT_FAILURE;
}

static int run(int argc, char **argv)
{
    struct run_tests r = {.output = "text"};
    struct operands operands = {.max = OPTION_OPERANDS_MAX};
    tool_init(&r.tool);
    const struct option options[] = {
        TOOL_OPTIONS(r.tool),
        POLICIES_OPTIONS(r.policies_options),
        SCHEMA_OPTIONS(r.schema_options),
        {.name = "tests", .kind = OPTION_TEXT, .out.text = &r.tests_path},
        {.name = "output",
         .kind = OPTION_TEXT,
         .out.text = &r.output,
         .choices = options_output_choices},
    };
    enum options_result result =
        options_read(&verb_run_tests, options, COUNT_OF(options), argc, argv, &operands);
    int code = options_exit(result);
    if (result == OPTIONS_OK) {
        if ((operands.count > 0) == (r.tests_path != NULL)) {
            (void)fputs("aegis cedar run-tests: either PATHs or '--tests' are needed\n"
                        "see 'aegis cedar run-tests --help'\n",
                        stderr);
            code = EXIT_CODE_USAGE;
        } else if (operands.count > 0) {
            code = run_paths(&operands, slice_eq(slice_view_cstr(r.output), SLICE("json")));
        } else {
            code = run_list(&r) == STATUS_OK ? CEDAR_EXIT_OK : CEDAR_EXIT_FAILURE;
        }
    }
    cedar_policy_set_free(r.policies);
    cedar_schema_free(r.schema);
    tool_release(&r.tool);
    return code;
}

const struct command verb_run_tests = {
    .name = "cedar run-tests",
    .summary = "requests with the decisions that they should have",
    .usage = "usage: aegis cedar run-tests [--output text|json] PATH...\n"
             "       aegis cedar run-tests --tests FILE [--policies FILE] [OPTIONS]\n"
             "\n"
             "A PATH is a test in the format of the official integration tests, or a folder of\n"
             "them: policies, entities and schema in files of their own, each request with its\n"
             "decision, the deciding and the failing policies. With --tests, a JSON array of\n"
             "tests of one policy set: request, entities, decision, reason, num_errors and, if\n"
             "it has one, name.\n"
             "\n"
             "      --output O               of PATHs: text (default) or json\n"
             "      --tests FILE             the tests\n" POLICIES_USAGE
             "  -s, --schema FILE            policies, entities and requests must fit it\n"
             "      --schema-format F        cedar (default) or json\n" TOOL_USAGE "\n"
             "examples:\n"
             "  aegis cedar run-tests tests/\n"
             "  aegis cedar run-tests -p policies.cedar --tests tests.json\n",
    .exit_codes = "  0  all passed\n"
                  "  1  some did not\n"
                  "  2  the command line is wrong\n",
    .run = run,
};
