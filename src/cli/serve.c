#include "cli/command.h"
#include "cli/options.h"
#include "daemon/supervisor.h"

static const char USAGE[] =
    "usage: aegis serve --config FILE\n"
    "\n"
    "Serves the gateway that FILE describes until SIGINT or SIGTERM. SIGHUP reads\n"
    "FILE and its policies again: a mistake in them is reported and the old ones stay\n"
    "in force.\n"
    "\n"
    "This process binds the port, reads keys and starts stdio servers; clients are\n"
    "served by a worker that can do none of that and that is started again when it\n"
    "dies.\n"
    "\n"
    "  -c, --config FILE   the configuration; see aegis.yaml(5)\n"
    "\n"
    "examples:\n"
    "  aegis check aegis.yaml && aegis serve --config aegis.yaml\n";

static int run(int argc, char **argv)
{
    const char *path = NULL;
    const struct option options[] = {{.name = "config",
                                      .letter = 'c',
                                      .kind = OPTION_TEXT,
                                      .is_required = true,
                                      .out.text = &path}};
    struct operands operands = {0};
    enum options_result result =
        options_read(&command_serve, options, COUNT_OF(options), argc, argv, &operands);
    if (result != OPTIONS_OK) {
        return options_exit(result);
    }
    return supervisor_run(path) == STATUS_OK ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

const struct command command_serve = {
    .name = "serve",
    .summary = "serve the gateway that a configuration describes",
    .usage = USAGE,
    .run = run,
};
