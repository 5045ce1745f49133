/* options.h: the option parser that all commands share.
 *
 * Long options (`--name VALUE`, `--name=VALUE`, flags), one-letter aliases (`-n VALUE`), operands
 * in any order, and `--`, after which all is left alone. Unknown options are refused with a
 * suggestion, options given twice unless they are lists. `--help` prints the command's help, which
 * has to name every option.
 */
#ifndef AEGIS_CLI_OPTIONS_H
#define AEGIS_CLI_OPTIONS_H

#include "cli/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTION_VALUES_MAX 64   /* of one list option */
#define OPTION_OPERANDS_MAX 64 /* arguments that are no options */

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char *, from argv */
    OPTION_NUMBER, /* int64_t in min..max */
    OPTION_LIST,   /* struct option_list, may be given several times */
};

struct option_list {
    const char *items[OPTION_VALUES_MAX];
    size_t count;
};

struct option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    enum option_kind kind;
    bool is_required;
    union {
        bool *flag;
        const char **text;
        int64_t *number;
        struct option_list *list;
    } out;                      /* keeps its value when the option is absent */
    int64_t min, max;           /* OPTION_NUMBER */
    const char *const *choices; /* OPTION_TEXT: allowed values, NULL-terminated; NULL: any */
};

/* What is left on the command line. */
struct operands {
    const char *items[OPTION_OPERANDS_MAX];
    size_t count;
    size_t max;  /* set by the caller: more are refused */
    char **rest; /* all after "--"; NULL when there was none */
    size_t rest_count;
};

enum options_result {
    OPTIONS_OK = 0,
    OPTIONS_HELP,  /* --help was printed: return EXIT_CODE_OK */
    OPTIONS_WRONG, /* the mistake was printed: return EXIT_CODE_USAGE */
};

/* Read argv into the options' outputs and the operands (set operands->max, leave the rest zero).
 * Values point into argv. Messages go to stderr, help to stdout. */
enum options_result options_read(const struct command *command, const struct option *options,
                                 size_t option_count, int argc, char **argv,
                                 struct operands *operands);

/* The exit code for a result other than OPTIONS_OK. */
int options_exit(enum options_result result);

/* The values of --output. */
extern const char *const options_output_choices[]; /* "text", "json" */

/* --output of all commands that have one. */
#define OUTPUT_OPTION(chosen)                                                                      \
    {                                                                                              \
        .name = "output", .kind = OPTION_TEXT, .out.text = &(chosen),                              \
        .choices = options_output_choices                                                          \
    }

#endif
