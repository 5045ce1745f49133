/* command.h: one entry of the command line `aegis COMMAND ...`.
 *
 * A command lives in a file of its own, src/cli/COMMAND.c, which defines one const struct command;
 * main.c lists them all and does the dispatch, the help and the suggestions.
 */
#ifndef AEGIS_CLI_COMMAND_H
#define AEGIS_CLI_COMMAND_H

/* The exit codes of every command (`aegis help exit-codes`). */
enum command_exit {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILURE = 1, /* understood, but it did not work, or a check found problems */
    EXIT_CODE_USAGE = 2,   /* the command line is wrong */
};

enum command_group {
    COMMAND_RUN,
    COMMAND_CONNECT,
    COMMAND_GOVERN,
    COMMAND_ADVANCED,
    COMMAND_GROUP_COUNT,
    COMMAND_HIDDEN = COMMAND_GROUP_COUNT, /* not in the help: Aegis calls itself */
};

struct command {
    const char *name;
    enum command_group group;
    const char *summary; /* one line, lower case, no final stop */
    const char *usage;   /* all of `aegis COMMAND --help`, with examples; ends with a newline */
    /* argv[0] is the first argument after the command's name. Returns an enum command_exit. */
    int (*run)(int argc, char **argv);
};

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
