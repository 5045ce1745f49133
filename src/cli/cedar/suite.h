/* suite.h: tests in the format of the official integration tests.
 *
 * A test is a JSON file that names its policies, entities and schema, says whether the policies are
 * valid, and has requests with their decisions, deciding policies and failing policies. Policies
 * are policy0, policy1, ... in the order of the file, whatever their annotations say.
 */
#ifndef AEGIS_CLI_CEDAR_SUITE_H
#define AEGIS_CLI_CEDAR_SUITE_H

#include "cli/cedar/tool.h"

struct suite {
    bool is_json;          /* collect failures instead of printing them */
    size_t file_count;     /* tests */
    size_t passed, failed; /* verdicts and requests; a test that cannot be read is one failure */
    struct buf failures;   /* JSON objects with commas between them */
    struct tool tool;
};

void suite_init(struct suite *suite, bool is_json);
void suite_release(struct suite *suite);

/* Run the test at path, or all tests of the folder at path and below it. In a folder, JSON files
 * without requests are no tests. */
void suite_run(struct suite *suite, const char *path);

/* The last line, or the whole object. */
void suite_print_summary(const struct suite *suite);

#endif
