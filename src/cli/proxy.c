#include "cli/command.h"
#include "cli/one_server.h"
#include "cli/options.h"

#include "base/slice.h"

#include <stdio.h>

static const char USAGE[] =
    "usage: aegis proxy [OPTIONS] --upstream URL\n"
    "       aegis proxy [OPTIONS] -- COMMAND [ARGUMENT]...\n"
    "\n"
    "One server behind one gateway, in one process, without a configuration file.\n"
    "When ready it prints one line, {\"listening\":\"http://127.0.0.1:PORT/mcp\"}.\n"
    "Several may run side by side.\n"
    "\n"
    "Without --no-auth callers need a token of the development issuer, as 'aegis\n"
    "token mint' makes them.\n"
    "\n"
    "  -u, --upstream URL       the server; or its command after '--'\n"
    "  -l, --listen ADDR:PORT   where to listen (default 127.0.0.1:0: any free port)\n"
    "  -p, --policy DIR         Cedar policies (default: the built-in pack 'local',\n"
    "                           which lets this process's callers use this server,\n"
    "                           but not the server their model); the server's name is\n"
    "                           'upstream'\n"
    "      --no-auth            callers need no token and count as this OS user; on\n"
    "                           loopback only\n"
    "      --no-audit           keep no journal\n"
    "      --revision VERSION   the server's protocol revision (default: find out)\n"
    "      --extensions LIST    extensions of the protocol to let through, with\n"
    "                           commas between them (default: none)\n"
    "      --state DIR          keys and journal (default $XDG_STATE_HOME/aegis)\n"
    "\n"
    "examples:\n"
    "  aegis proxy --upstream http://127.0.0.1:3001/mcp --no-auth\n"
    "  aegis proxy --listen 127.0.0.1:9000 --policy ./policies -- \\\n"
    "      npx -y @modelcontextprotocol/server-everything\n";

static int run(int argc, char **argv)
{
    struct one_server values = {.command_name = "proxy"};
    struct operands operands = {0};
    const struct option options[] = {
        {.name = "upstream", .letter = 'u', .kind = OPTION_TEXT, .out.text = &values.upstream},
        {.name = "listen", .letter = 'l', .kind = OPTION_TEXT, .out.text = &values.listen},
        {.name = "policy", .letter = 'p', .kind = OPTION_TEXT, .out.text = &values.policy},
        {.name = "state", .kind = OPTION_TEXT, .out.text = &values.state},
        {.name = "revision", .kind = OPTION_TEXT, .out.text = &values.revision},
        {.name = "extensions", .kind = OPTION_TEXT, .out.text = &values.extensions},
        {.name = "no-auth", .kind = OPTION_FLAG, .out.flag = &values.no_auth},
        {.name = "no-audit", .kind = OPTION_FLAG, .out.flag = &values.no_audit}};
    enum options_result result =
        options_read(&command_proxy, options, COUNT_OF(options), argc, argv, &operands);
    if (result != OPTIONS_OK) {
        return options_exit(result);
    }
    if ((values.upstream != NULL) == (operands.rest_count > 0)) {
        fputs("aegis proxy: give either --upstream URL or a command after '--'\n", stderr);
        return EXIT_CODE_USAGE;
    }
    values.argv = operands.rest;
    values.argc = operands.rest_count;
    return one_server_run(&values);
}

const struct command command_proxy = {
    .name = "proxy",
    .summary = "put the gateway in front of one server",
    .usage = USAGE,
    .run = run,
};
