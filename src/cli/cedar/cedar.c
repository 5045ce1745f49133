/* aegis cedar: the policy language on the command line. */
#include "cli/cedar/verbs.h"

#include "base/slice.h"
#include "cli/options.h"

#include <stdio.h>

#define NAME_PREFIX_BYTES 6 /* of "cedar " */

struct verb_group {
    const char *title;
    const struct command *verbs[4]; /* up to a NULL */
};

/* Every verb, in the order of the help. */
static const struct verb_group groups[] = {
    {"Decide", {&verb_authorize, &verb_partially_authorize, &verb_tpe, &verb_evaluate}},
    {"Check", {&verb_check_parse, &verb_validate, &verb_symcc, &verb_run_tests}},
    {"Change", {&verb_format, &verb_link, &verb_translate_policy, &verb_translate_schema}},
    {"Tell", {&verb_language_version}},
};

static const char *name_of(const struct command *verb)
{
    return verb->name + NAME_PREFIX_BYTES;
}

static void print_help(FILE *out)
{
    (void)fputs(
        "usage: aegis cedar VERB [OPTIONS]\n"
        "\n"
        "Works on files only and needs no gateway. Verbs, options and exit codes are those\n"
        "of the official command line program.\n",
        out);
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        (void)fprintf(out, "\n%s:\n", groups[i].title);
        for (size_t k = 0; k < COUNT_OF(groups[i].verbs) && groups[i].verbs[k] != NULL; k++) {
            (void)fprintf(out, "  %-19s %s\n", name_of(groups[i].verbs[k]),
                          groups[i].verbs[k]->summary);
        }
    }
    (void)fputs("\n"
                "aegis cedar VERB --help   how to use a verb, with examples\n"
                "\n"
                "exit codes: 0 it worked (authorize: allow), 1 it did not work,\n"
                "            2 authorize: deny; or the command line is wrong, 3 validate: no fit,\n"
                "            4 partially-authorize and tpe: it depends on what is not known\n",
                out);
}

static const struct command *find_verb(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        for (size_t k = 0; k < COUNT_OF(groups[i].verbs) && groups[i].verbs[k] != NULL; k++) {
            if (slice_eq(slice_view_cstr(word), slice_view_cstr(name_of(groups[i].verbs[k])))) {
                return groups[i].verbs[k];
            }
        }
    }
    return NULL;
}

static int unknown_verb(const char *word)
{
    const char *names[COUNT_OF(groups) * COUNT_OF(groups[0].verbs)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        for (size_t k = 0; k < COUNT_OF(groups[i].verbs) && groups[i].verbs[k] != NULL; k++) {
            names[count++] = name_of(groups[i].verbs[k]);
        }
    }
    const char *nearest = options_nearest(word, names, count);
    (void)fprintf(stderr, "aegis cedar: unknown verb '%s'", word);
    if (nearest != NULL) {
        (void)fprintf(stderr, "; did you mean '%s'?", nearest);
    }
    (void)fputs("\nsee 'aegis cedar --help'\n", stderr);
    return EXIT_CODE_USAGE;
}

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
    if (argc == 0) {
        print_help(stderr);
        return EXIT_CODE_USAGE;
    }
    char *word = argv[leading];
    if (is_word(word, "--help") || is_word(word, "-h") || is_word(word, "help")) {
        print_help(stdout);
        return EXIT_CODE_OK;
    }
    const struct command *verb = find_verb(word);
    if (verb == NULL) {
        return unknown_verb(word);
    }
    /* The options before the verb move behind it. */
    for (int i = leading; i > 0; i--) {
        argv[i] = argv[i - 1];
    }
    return verb->run(argc - 1, argv + 1);
}

const struct command command_cedar = {
    .name = "cedar",
    .group = COMMAND_GOVERN,
    .summary = "policies on the command line: authorize, validate, test, translate",
    .usage = "usage: aegis cedar VERB [OPTIONS]\n"
             "see 'aegis cedar --help' for the verbs\n",
    .run = run,
};
