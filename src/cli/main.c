/* main.c: `aegis COMMAND ...`: the outermost command, and the topics of its help. */
#include "cli/command.h"

#include "base/slice.h"

#include <signal.h>
#include <stdio.h>

static const struct command topic_exit_codes = {
    .name = "exit-codes",
    .summary = "what the exit codes mean",
    .usage = command_exit_codes,
};

static const struct command topic_files = {
    .name = "files",
    .summary = "what is read and written where",
    .usage = "  /etc/aegis/aegis.yaml    the configuration of the service; see aegis.yaml(5)\n"
             "  /var/lib/aegis           keys and journal of the service (state_dir)\n"
             "  $XDG_STATE_HOME/aegis    what you start yourself has here the keys of the\n"
             "                           development issuer, journals, and the tokens of\n"
             "                           'aegis connect'; without XDG_STATE_HOME it is\n"
             "                           ~/.local/state/aegis\n"
             "  /dev/shm/aegis-*         outcomes that a running 'aegis serve' is about to\n"
             "                           write into its journal\n",
};

static const struct command topic_environment = {
    .name = "environment",
    .summary = "the variables that are read",
    .usage = "  XDG_STATE_HOME       where the state of what you start yourself lies\n"
             "  HOME                 likewise, without XDG_STATE_HOME\n"
             "  PATH, HOME, LANG     all that the program of a server gets, besides what its\n"
             "                       entry in the configuration names\n"
             "  CEDAR_ERROR_FORMAT   how 'aegis cedar' reports: human, plain or json\n"
             "  CVC5                 the solver of 'aegis cedar symcc'\n"
             "\n"
             "Variables that hold secrets are named in the configuration: {env: NAME}.\n",
};

static const struct command_group groups[] = {
    {"Run", {&command_serve, &command_proxy}},
    {"Connect", {&command_wrap, &command_connect, &command_token}},
    {"Govern", {&command_check, &command_audit, &command_cedar}},
    {"Topics", {&topic_exit_codes, &topic_files, &topic_environment}},
    {NULL, {&command_worker}}, /* Aegis calls itself */
};

static const struct command program = {
    .name = "",
    .summary = "a security gateway for the Model Context Protocol",
    .usage = "usage: aegis COMMAND [ARGUMENT]...\n"
             "       aegis help [COMMAND | TOPIC]\n"
             "       aegis --version\n"
             "\n"
             "Stands between the clients of MCP servers and these servers, reads every\n"
             "message, asks Cedar policies, forwards or refuses, and keeps a record of it.\n"
             "\n"
             "examples:\n"
             "  aegis wrap -- npx -y @modelcontextprotocol/server-filesystem /srv/shared\n"
             "  aegis serve --config /etc/aegis/aegis.yaml\n"
             "  aegis audit search --decision deny --since 2h\n",
    .groups = groups,
    .group_count = COUNT_OF(groups),
};

int main(int argc, char **argv)
{
    /* A reader that goes away (`| head`) is an error of a write, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    int code = EXIT_CODE_OK;
    if (argc > 1 && slice_eq(slice_view_cstr(argv[1]), SLICE("--version"))) {
        printf("aegis %s\n", AEGIS_VERSION);
    } else {
        code = command_run(&program, argc > 0 ? argc - 1 : 0, argv + 1);
    }
    if (fflush(stdout) != 0 && code == EXIT_CODE_OK) {
        fputs("aegis: cannot write the output\n", stderr);
        return EXIT_CODE_FAILURE;
    }
    return code;
}
