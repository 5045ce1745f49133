#include "cli/command.h"
#include "cli/one_server.h"
#include "cli/options.h"

#include "base/slice.h"

#include <stdio.h>

static const char USAGE[] =
    "usage: aegis wrap [OPTIONS] -- COMMAND [ARGUMENT]...\n"
    "       aegis wrap [OPTIONS] --upstream URL\n"
    "\n"
    "The gateway in front of one server, for clients that start their servers as\n"
    "programs: MCP on standard input and output towards the client, the server's\n"
    "program (or address) behind. Put it before the command in the client's\n"
    "configuration. It ends when the client ends its input.\n"
    "\n"
    "The program 'aegis-wrap' takes the same arguments, except for a URL: it is\n"
    "linked with nothing that speaks over the network.\n"
    "\n"
    "  -u, --upstream URL       a server that is reached over HTTP, instead of a\n"
    "                           command\n"
    "  -p, --policy DIR         Cedar policies (default: the built-in pack 'local',\n"
    "                           which lets this OS user use this server, but not the\n"
    "                           server your model); the server's name is 'upstream'\n"
    "      --no-audit           keep no journal\n"
    "      --revision VERSION   the server's protocol revision (default: find out)\n"
    "      --extensions LIST    extensions of the protocol to let through, with\n"
    "                           commas between them (default: none)\n"
    "      --state DIR          keys and journal (default $XDG_STATE_HOME/aegis)\n"
    "\n"
    "examples:\n"
    "  aegis wrap -- npx -y @modelcontextprotocol/server-filesystem /srv/shared\n"
    "  aegis wrap --policy ./policies -- python3 server.py\n"
    "\n"
    "in a client's configuration:\n"
    "  {\"mcpServers\": {\"files\": {\"command\": \"aegis\",\n"
    "    \"args\": [\"wrap\", \"--\", \"npx\", \"-y\",\n"
    "             \"@modelcontextprotocol/server-filesystem\", \"/srv/shared\"]}}}\n";

static int run(int argc, char **argv)
{
    struct one_server values = {.command_name = "wrap", .no_auth = true, .is_stdio = true};
    struct operands operands = {0};
    const struct option options[] = {
        {.name = "upstream", .letter = 'u', .kind = OPTION_TEXT, .out.text = &values.upstream},
        {.name = "policy", .letter = 'p', .kind = OPTION_TEXT, .out.text = &values.policy},
        {.name = "state", .kind = OPTION_TEXT, .out.text = &values.state},
        {.name = "revision", .kind = OPTION_TEXT, .out.text = &values.revision},
        {.name = "extensions", .kind = OPTION_TEXT, .out.text = &values.extensions},
        {.name = "no-audit", .kind = OPTION_FLAG, .out.flag = &values.no_audit}};
    enum options_result result =
        options_read(&command_wrap, options, COUNT_OF(options), argc, argv, &operands);
    if (result != OPTIONS_OK) {
        return options_exit(result);
    }
    if ((values.upstream != NULL) == (operands.rest_count > 0)) {
        fputs("aegis wrap: give either a command after '--' or --upstream URL\n", stderr);
        return EXIT_CODE_USAGE;
    }
    values.argv = operands.rest;
    values.argc = operands.rest_count;
    return one_server_run(&values);
}

const struct command command_wrap = {
    .name = "wrap",
    .summary = "put the gateway between a client and the server it starts",
    .usage = USAGE,
    .run = run,
};
