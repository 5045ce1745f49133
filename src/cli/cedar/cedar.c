/* aegis cedar: the policy language on the command line. */
#include "cli/cedar/verbs.h"

#include "base/slice.h"

#include <stdbool.h>

/* Every verb, in the order of the help. */
static const struct command_group groups[] = {
    {"Decide", {&verb_authorize, &verb_partially_authorize, &verb_tpe, &verb_evaluate}},
    {"Check", {&verb_check_parse, &verb_validate, &verb_symcc, &verb_run_tests}},
    {"Change", {&verb_format, &verb_link, &verb_translate_policy, &verb_translate_schema}},
    {"Tell", {&verb_language_version}},
};

static bool is_word(const char *word, const char *expected)
{
    return slice_eq(slice_view_cstr(word), slice_view_cstr(expected));
}

/* How many arguments before the verb are its --error-format, which may stand there, too. */
static int leading_options(int argc, char **argv)
{
    if (argc > 2 && (is_word(argv[0], "-f") || is_word(argv[0], "--error-format"))) {
        return 2;
    }
    return argc > 1 && slice_starts_with(slice_view_cstr(argv[0]), SLICE("--error-format=")) ? 1
                                                                                             : 0;
}

static int run(int argc, char **argv)
{
    int leading = leading_options(argc, argv);
    /* The options before the verb move behind it. */
    if (leading > 0) {
        char *verb = argv[leading];
        for (int i = leading; i > 0; i--) {
            argv[i] = argv[i - 1];
        }
        argv[0] = verb;
    }
    return command_run_inner(&command_cedar, argc, argv);
}

const struct command command_cedar = {
    .name = "cedar",
    .summary = "policies on the command line: decide, validate, prove, format",
    .usage = "usage: aegis cedar COMMAND [OPTIONS]\n"
             "\n"
             "Works on files only and needs no gateway. Commands, options and exit codes are\n"
             "those of the official command line program; --error-format may stand before the\n"
             "command, too.\n",
    .exit_codes = "  0  it worked; authorize: allow\n"
                  "  1  it did not work\n"
                  "  2  authorize, partially-authorize, tpe: deny; or the command line is wrong\n"
                  "  3  validate: the policies do not fit the schema\n"
                  "  4  partially-authorize, tpe: it depends on what is not known\n",
    .groups = groups,
    .group_count = COUNT_OF(groups),
    .run = run,
};
