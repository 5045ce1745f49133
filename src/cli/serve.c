#include "cli/command.h"
#include "cli/options.h"
#include "daemon/serving.h"

#include <stdio.h>

#define CONFIG_ARENA_BYTES ((size_t)32 << 20)

static const char USAGE[] =
    "usage: aegis serve --config FILE\n"
    "\n"
    "Serve the gateway that FILE describes until SIGINT or SIGTERM. SIGHUP reads FILE and its\n"
    "policies again: a mistake in them is reported and the old ones stay in force.\n"
    "\n"
    "  --config FILE   the configuration (docs/configuration.md)\n"
    "\n"
    "example:\n"
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
    struct arena arena;
    struct config *config = NULL;
    struct config_report report = {0};
    arena_init(&arena, CONFIG_ARENA_BYTES, NULL);
    enum status status = config_load(slice_view_cstr(path), &arena, &config, &report);
    if (status == STATUS_OK) {
        struct serving_plan plan = {.config = config, .config_path = path};
        status = serving_run(&plan);
    } else {
        config_report_print(stderr, &report);
    }
    arena_release(&arena);
    return status == STATUS_OK ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

const struct command command_serve = {
    .name = "serve",
    .group = COMMAND_RUN,
    .summary = "serve the gateway that a configuration describes",
    .usage = USAGE,
    .run = run,
};
