#include "cli/options.h"

#include "base/suggest.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROW_BYTES 64 /* the beginning of a row of the help */

const char *const options_output_choices[] = {"text", "json", NULL};

struct parse {
    const struct command *command;
    const struct option *options;
    size_t count;
    uint64_t seen; /* one bit for each option */
    int argc, at;
    char **argv;
    struct operands *operands;
};

static enum options_result wrong(const struct parse *parse)
{
    fprintf(stderr, "see 'aegis %s --help'\n", parse->command->name);
    return OPTIONS_WRONG;
}

static enum options_result unknown_option(const struct parse *parse, const char *argument,
                                          struct slice name)
{
    struct suggestion near = {0};
    for (size_t i = 0; i < parse->count; i++) {
        suggestion_consider(&near, name, slice_view_cstr(parse->options[i].name));
    }
    fprintf(stderr, "aegis %s: unknown option '%s'", parse->command->name, argument);
    if (near.word.len > 0) {
        fprintf(stderr, "; did you mean '--%.*s'?", SLICE_ARG(near.word));
    }
    fputc('\n', stderr);
    return wrong(parse);
}

static bool is_choice(const char *const *choices, const char *value)
{
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (slice_eq(slice_view_cstr(choices[i]), slice_view_cstr(value))) {
            return true;
        }
    }
    return false;
}

static enum options_result take_text(const struct parse *parse, const struct option *option,
                                     const char *value)
{
    if (option->choices == NULL || is_choice(option->choices, value)) {
        *option->out.text = value;
        return OPTIONS_OK;
    }
    fprintf(stderr, "aegis %s: '--%s' must be one of:", parse->command->name, option->name);
    for (size_t i = 0; option->choices[i] != NULL; i++) {
        fprintf(stderr, " %s", option->choices[i]);
    }
    fprintf(stderr, ", got '%s'\n", value);
    return wrong(parse);
}

static enum options_result take_number(const struct parse *parse, const struct option *option,
                                       const char *value)
{
    int64_t number;
    if (slice_to_i64(slice_view_cstr(value), &number) == STATUS_OK && number >= option->min &&
        number <= option->max) {
        *option->out.number = number;
        return OPTIONS_OK;
    }
    fprintf(stderr, "aegis %s: '--%s' must be a number from %" PRId64 " to %" PRId64 ", got '%s'\n",
            parse->command->name, option->name, option->min, option->max, value);
    return wrong(parse);
}

static enum options_result take_item(const struct parse *parse, const struct option *option,
                                     const char *value)
{
    struct option_list *list = option->out.list;
    if (list->count < OPTION_VALUES_MAX) {
        list->items[list->count++] = value;
        return OPTIONS_OK;
    }
    fprintf(stderr, "aegis %s: '--%s' is given more than %d times\n", parse->command->name,
            option->name, OPTION_VALUES_MAX);
    return wrong(parse);
}

static enum options_result take_value(const struct parse *parse, const struct option *option,
                                      const char *value)
{
    switch (option->kind) {
    case OPTION_FLAG:
        *option->out.flag = true;
        return OPTIONS_OK;
    case OPTION_TEXT:
        return take_text(parse, option, value);
    case OPTION_NUMBER:
        return take_number(parse, option, value);
    case OPTION_LIST:
        return take_item(parse, option, value);
    }
    return OPTIONS_WRONG;
}

/* The value after '=', or the next argument unless that is an option itself. NULL: none. */
static const char *find_value(struct parse *parse, const char *inline_value)
{
    if (inline_value != NULL || parse->at + 1 >= parse->argc) {
        return inline_value;
    }
    const char *next = parse->argv[parse->at + 1];
    if (next[0] == '-' && next[1] == '-') {
        return NULL;
    }
    parse->at++;
    return next;
}

/* argv[at] names the option; inline_value is what follows '=' or NULL. */
static enum options_result take_option(struct parse *parse, size_t index, const char *inline_value)
{
    const struct option *option = &parse->options[index];
    bool is_flag = option->kind == OPTION_FLAG;
    bool is_repeated = (parse->seen >> index & 1) != 0 && option->kind != OPTION_LIST;
    if (is_repeated || (is_flag && inline_value != NULL)) {
        fprintf(stderr, "aegis %s: '--%s' %s\n", parse->command->name, option->name,
                is_repeated ? "is given twice" : "takes no value");
        return wrong(parse);
    }
    parse->seen |= (uint64_t)1 << index;
    const char *value = is_flag ? "" : find_value(parse, inline_value);
    if (!is_flag && (value == NULL || value[0] == '\0')) {
        fprintf(stderr, "aegis %s: '--%s' needs a value\n", parse->command->name, option->name);
        return wrong(parse);
    }
    return take_value(parse, option, value);
}

static enum options_result take_long(struct parse *parse, const char *argument)
{
    struct slice text = slice_view_cstr(argument + 2);
    size_t equals = slice_find_byte(text, '=');
    struct slice name = slice_sub(text, 0, equals);
    for (size_t i = 0; i < parse->count; i++) {
        if (slice_eq(name, slice_view_cstr(parse->options[i].name))) {
            return take_option(parse, i, equals < text.len ? argument + 3 + equals : NULL);
        }
    }
    return unknown_option(parse, argument, name);
}

static enum options_result take_letter(struct parse *parse, const char *argument)
{
    for (size_t i = 0; i < parse->count && argument[2] == '\0'; i++) {
        if (parse->options[i].letter == argument[1]) {
            return take_option(parse, i, NULL);
        }
    }
    return unknown_option(parse, argument, slice_view_cstr(argument + 1));
}

static enum options_result take_operand(const struct parse *parse, const char *argument)
{
    struct operands *operands = parse->operands;
    if (operands->count < operands->max) {
        operands->items[operands->count++] = argument;
        return OPTIONS_OK;
    }
    fprintf(stderr, "aegis %s: unexpected argument '%s'\n", parse->command->name, argument);
    return wrong(parse);
}

static bool is_text(const char *argument, const char *text)
{
    return slice_eq(slice_view_cstr(argument), slice_view_cstr(text));
}

/* Has the help a row for it, as command.h describes them? */
static bool is_described(const struct option *option, struct slice usage)
{
    char row[ROW_BYTES];
    int len = option->letter != 0
                  ? snprintf(row, sizeof(row), "\n  -%c, --%s ", option->letter, option->name)
                  : snprintf(row, sizeof(row), "  --%s ", option->name);
    return memmem(usage.ptr, usage.len, row, (size_t)len) != NULL;
}

/* An option that the help conceals is a bug, and the manual is made of the help. */
static void print_help(const struct parse *parse)
{
    for (size_t i = 0; i < parse->count; i++) {
        assert(is_described(&parse->options[i], slice_view_cstr(parse->command->usage)));
    }
    command_print_help(parse->command, stdout);
}

static enum options_result take_argument(struct parse *parse)
{
    const char *argument = parse->argv[parse->at];
    if (is_text(argument, "--help") || is_text(argument, "-h")) {
        print_help(parse);
        return OPTIONS_HELP;
    }
    if (argument[0] == '-' && argument[1] == '-') {
        return take_long(parse, argument);
    }
    if (argument[0] == '-' && argument[1] != '\0') {
        return take_letter(parse, argument);
    }
    return take_operand(parse, argument);
}

static enum options_result check_required(const struct parse *parse)
{
    for (size_t i = 0; i < parse->count; i++) {
        if (parse->options[i].is_required && (parse->seen >> i & 1) == 0) {
            fprintf(stderr, "aegis %s: '--%s' is required\n", parse->command->name,
                    parse->options[i].name);
            return wrong(parse);
        }
    }
    return OPTIONS_OK;
}

enum options_result options_read(const struct command *command, const struct option *options,
                                 size_t option_count, int argc, char **argv,
                                 struct operands *operands)
{
    assert(option_count <= 64 && operands->max <= OPTION_OPERANDS_MAX);
    struct parse parse = {
        .command = command,
        .options = options,
        .count = option_count,
        .argc = argc,
        .argv = argv,
        .operands = operands,
    };
    for (; parse.at < argc; parse.at++) {
        if (is_text(argv[parse.at], "--")) {
            operands->rest = argv + parse.at + 1;
            operands->rest_count = (size_t)(argc - parse.at - 1);
            break;
        }
        enum options_result result = take_argument(&parse);
        if (result != OPTIONS_OK) {
            return result;
        }
    }
    return check_required(&parse);
}

int options_exit(enum options_result result)
{
    return result == OPTIONS_WRONG ? EXIT_CODE_USAGE : EXIT_CODE_OK;
}
