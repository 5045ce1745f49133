/* main.c: `aegis COMMAND ...`: finds the command, prints the help. */
#include "cli/command.h"
#include "cli/options.h"

#include "base/slice.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>

#define COMMANDS_MAX 64

/* One line for each command, in the order of the help. */
static const struct command *const commands[] = {
    &command_serve, &command_proxy, &command_wrap,  &command_connect, &command_check,
    &command_token, &command_audit, &command_cedar, &command_worker,
};

static const char *const group_titles[COMMAND_GROUP_COUNT] = {
    [COMMAND_RUN] = "Run",
    [COMMAND_CONNECT] = "Connect",
    [COMMAND_GOVERN] = "Govern",
    [COMMAND_ADVANCED] = "Advanced",
};

static void print_group(FILE *out, enum command_group group)
{
    bool is_first = true;
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (commands[i]->group == group) {
            if (is_first) {
                fprintf(out, "\n%s:\n", group_titles[group]);
            }
            fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
            is_first = false;
        }
    }
}

static void print_help(FILE *out)
{
    fputs("aegis: a security gateway for the Model Context Protocol\n"
          "usage: aegis COMMAND [OPTIONS]\n",
          out);
    for (int group = 0; group < COMMAND_GROUP_COUNT; group++) {
        print_group(out, (enum command_group)group);
    }
    fputs("\naegis help COMMAND      how to use a command, with examples\n"
          "aegis help exit-codes   what the exit codes mean\n"
          "aegis --version         the version\n",
          out);
}

static void print_exit_codes(void)
{
    fputs("0  it worked\n"
          "1  it was understood but did not work, or a check found problems; stderr says why\n"
          "2  the command line is wrong; nothing was done\n",
          stdout);
}

static bool is_word(const char *word, const char *expected)
{
    return slice_eq(slice_view_cstr(word), slice_view_cstr(expected));
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (is_word(name, commands[i]->name)) {
            return commands[i];
        }
    }
    return NULL;
}

static int unknown_command(const char *name)
{
    static_assert(COUNT_OF(commands) <= COMMANDS_MAX, "raise COMMANDS_MAX");
    const char *names[COMMANDS_MAX];
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        assert(commands[i] != NULL);
        names[i] = commands[i]->name;
    }
    const char *nearest = options_nearest(name, names, COUNT_OF(commands));
    fprintf(stderr, "aegis: unknown command '%s'", name);
    if (nearest != NULL) {
        fprintf(stderr, "; did you mean '%s'?", nearest);
    }
    fputs("\nsee 'aegis --help'\n", stderr);
    return EXIT_CODE_USAGE;
}

static int help(int argc, char **argv)
{
    if (argc == 0) {
        print_help(stdout);
        return EXIT_CODE_OK;
    }
    if (is_word(argv[0], "exit-codes")) {
        print_exit_codes();
        return EXIT_CODE_OK;
    }
    const struct command *command = find_command(argv[0]);
    if (command == NULL) {
        return unknown_command(argv[0]);
    }
    fputs(command->usage, stdout);
    return EXIT_CODE_OK;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_CODE_USAGE;
    }
    const char *word = argv[1];
    if (is_word(word, "help") || is_word(word, "--help") || is_word(word, "-h")) {
        return help(argc - 2, argv + 2);
    }
    if (is_word(word, "--version") || is_word(word, "version")) {
        printf("aegis %s\n", AEGIS_VERSION);
        return EXIT_CODE_OK;
    }
    const struct command *command = find_command(word);
    return command != NULL ? command->run(argc - 2, argv + 2) : unknown_command(word);
}

int main(int argc, char **argv)
{
    /* A reader that goes away (`| head`) is an error of a write, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    int code = dispatch(argc, argv);
    if (fflush(stdout) != 0 && code == EXIT_CODE_OK) {
        fputs("aegis: cannot write the output\n", stderr);
        return EXIT_CODE_FAILURE;
    }
    return code;
}
