/* command.h: one entry of the command line `aegis COMMAND ...`.
 *
 * A command lives in a file of its own, which defines one const struct command. Some hold further
 * commands (`aegis token mint`); `aegis` itself is the outermost one (main.c). Here is what they
 * have in common: dispatch, help and suggestions.
 *
 * The texts are the one description of a command: the help prints them, and tools/man_pages makes
 * the manual of what is printed. So they keep a form (tools/help_text.py reads it), in at most 80
 * columns, with an empty line between the parts:
 *
 *     usage: aegis NAME ...                further lines begin below 'aegis'
 *
 *     Paragraphs, with 'literal' text in quotes.
 *
 *     a title in lower case:
 *       WORD   what it is, in rows like those of options
 *
 *       -l, --long VALUE   what it does, with default, unit and range
 *           --other        letters, where a command has some, in a column of their own
 *
 *     examples:                            further titles may follow
 *       aegis NAME ...
 */
#ifndef AEGIS_CLI_COMMAND_H
#define AEGIS_CLI_COMMAND_H

#include <stddef.h>
#include <stdio.h>

/* The exit codes of every command that has none of its own (`aegis help exit-codes`). */
enum command_exit {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILURE = 1, /* understood, but it did not work, or a check found problems */
    EXIT_CODE_USAGE = 2,   /* the command line is wrong */
};

#define COMMAND_GROUP_MAX 8

struct command;

/* Commands under one title of the help. */
struct command_group {
    const char *title;                                 /* NULL: not in the help */
    const struct command *commands[COMMAND_GROUP_MAX]; /* up to a NULL, or all */
};

struct command {
    const char *name;    /* with those of the commands around it, "token mint"; of main.c: "" */
    const char *summary; /* one line, lower case, no final stop */
    const char *usage;   /* see above; ends with a newline */
    /* One row for each code, "  0  it worked\n"; NULL: those of every command. */
    const char *exit_codes;
    /* The commands inside it; NULL: none. */
    const struct command_group *groups;
    size_t group_count;
    /* argv[0] is the first argument after the command's name. Returns an enum command_exit.
     * NULL: nothing is done but to look inside, or, where nothing is inside, to print usage. */
    int (*run)(int argc, char **argv);
};

/* The rows of enum command_exit. */
extern const char command_exit_codes[];

/* Run a command; argv as for its run. Returns its exit code. */
int command_run(const struct command *command, int argc, char **argv);

/* Look inside a command for the one that argv[0] names, and run it; or print help, if that is
 * asked for, or what is wrong. Returns an exit code. */
int command_run_inner(const struct command *command, int argc, char **argv);

/* All of `aegis COMMAND --help`. */
void command_print_help(const struct command *command, FILE *out);

extern const struct command command_audit;
extern const struct command command_cedar;
extern const struct command command_check;
extern const struct command command_connect;
extern const struct command command_proxy;
extern const struct command command_serve;
extern const struct command command_token;
extern const struct command command_worker;
extern const struct command command_wrap;

struct network;

/* What this program speaks over the network (daemon/network.h); NULL: nothing. Each program defines
 * its own. */
const struct network *program_network(void);

#endif
