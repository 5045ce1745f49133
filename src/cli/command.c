#include "cli/command.h"

#include "base/slice.h"
#include "base/suggest.h"

#include <stdbool.h>

const char command_exit_codes[] =
    "  0  it worked\n"
    "  1  it did not work, or a check found problems; stderr says why\n"
    "  2  the command line is wrong; nothing was done\n";

static bool is_word(const char *word, const char *expected)
{
    return slice_eq(slice_view_cstr(word), slice_view_cstr(expected));
}

/* Its name without those of the commands around it. */
static struct slice own_name(const struct command *command)
{
    struct slice name = slice_view_cstr(command->name);
    for (size_t at = slice_find_byte(name, ' '); at < name.len; at = slice_find_byte(name, ' ')) {
        name = slice_sub(name, at + 1, name.len);
    }
    return name;
}

/* What stands between "aegis" and the command's name. */
static const char *space_before(const struct command *command)
{
    return command->name[0] == '\0' ? "" : " ";
}

static size_t group_count(const struct command *command)
{
    return command->groups != NULL ? command->group_count : 0;
}

/* The command of a group at a place; NULL: there is none. */
static const struct command *command_at(const struct command_group *group, size_t i)
{
    return i < COMMAND_GROUP_MAX ? group->commands[i] : NULL;
}

/* -- help ------------------------------------------------------------------------------------- */

static int width_of_names(const struct command *command)
{
    size_t width = 0;
    for (size_t i = 0; i < group_count(command); i++) {
        const struct command_group *group = &command->groups[i];
        for (size_t k = 0; group->title != NULL && command_at(group, k) != NULL; k++) {
            size_t len = own_name(command_at(group, k)).len;
            width = len > width ? len : width;
        }
    }
    return (int)width;
}

static void print_group(const struct command_group *group, int width, FILE *out)
{
    (void)fprintf(out, "\n%s:\n", group->title);
    for (size_t i = 0; command_at(group, i) != NULL; i++) {
        struct slice name = own_name(command_at(group, i));
        (void)fprintf(out, "  %.*s%*s  %s\n", SLICE_ARG(name), width - (int)name.len, "",
                      command_at(group, i)->summary);
    }
}

static void print_inner(const struct command *command, FILE *out)
{
    int width = width_of_names(command);
    for (size_t i = 0; i < group_count(command); i++) {
        if (command->groups[i].title != NULL) {
            print_group(&command->groups[i], width, out);
        }
    }
    (void)fprintf(out, "\n'aegis help%s%s COMMAND' tells how to use one, with examples.\n",
                  space_before(command), command->name);
}

void command_print_help(const struct command *command, FILE *out)
{
    if (command->run == NULL && command->groups == NULL) {
        (void)fputs(command->usage, out);
        return;
    }
    (void)fprintf(out, "aegis%s%s: %s\n\n%s", space_before(command), command->name,
                  command->summary, command->usage);
    if (command->groups != NULL) {
        print_inner(command, out);
    }
    (void)fprintf(out, "\nexit codes:\n%s",
                  command->exit_codes != NULL ? command->exit_codes : command_exit_codes);
}

/* -- dispatch --------------------------------------------------------------------------------- */

static const struct command *find_inner(const struct command *command, const char *word)
{
    for (size_t i = 0; i < group_count(command); i++) {
        for (size_t k = 0; command_at(&command->groups[i], k) != NULL; k++) {
            if (slice_eq(slice_view_cstr(word), own_name(command_at(&command->groups[i], k)))) {
                return command_at(&command->groups[i], k);
            }
        }
    }
    return NULL;
}

static int unknown_command(const struct command *command, const char *word)
{
    struct suggestion near = {0};
    for (size_t i = 0; i < group_count(command); i++) {
        for (size_t k = 0; command_at(&command->groups[i], k) != NULL; k++) {
            suggestion_consider(&near, slice_view_cstr(word),
                                own_name(command_at(&command->groups[i], k)));
        }
    }
    (void)fprintf(stderr, "aegis%s%s: unknown command '%s'", space_before(command), command->name,
                  word);
    if (near.word.len > 0) {
        (void)fprintf(stderr, "; did you mean '%.*s'?", SLICE_ARG(near.word));
    }
    (void)fprintf(stderr, "\nsee 'aegis%s%s --help'\n", space_before(command), command->name);
    return EXIT_CODE_USAGE;
}

/* Of the command that the words lead to. */
static int help(const struct command *command, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const struct command *inner = find_inner(command, argv[i]);
        if (inner == NULL) {
            return unknown_command(command, argv[i]);
        }
        command = inner;
    }
    command_print_help(command, stdout);
    return EXIT_CODE_OK;
}

int command_run_inner(const struct command *command, int argc, char **argv)
{
    if (argc == 0) {
        command_print_help(command, stderr);
        return EXIT_CODE_USAGE;
    }
    if (is_word(argv[0], "help") || is_word(argv[0], "--help") || is_word(argv[0], "-h")) {
        return help(command, argc - 1, argv + 1);
    }
    const struct command *inner = find_inner(command, argv[0]);
    return inner != NULL ? command_run(inner, argc - 1, argv + 1)
                         : unknown_command(command, argv[0]);
}

int command_run(const struct command *command, int argc, char **argv)
{
    if (command->run != NULL) {
        return command->run(argc, argv);
    }
    return command->groups != NULL ? command_run_inner(command, argc, argv)
                                   : help(command, argc, argv);
}
