#include "cli/command.h"

#include "daemon/worker.h"

#include <stdio.h>
#include <unistd.h>
#ifdef AEGIS_LEAK_CHECK
#include <sanitizer/lsan_interface.h>
#endif
#ifdef AEGIS_TRAINING
#include <gcov.h>
#endif

static const char USAGE[] =
    "usage: aegis worker\n"
    "\n"
    "The process behind 'aegis serve' that serves clients. Only 'aegis serve' can\n"
    "start it.\n";

static int run(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    int code = worker_run() == STATUS_OK ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
    /* What libraries do at exit may need what this process has given up. */
    (void)fflush(NULL);
#ifdef AEGIS_LEAK_CHECK
    __lsan_do_leak_check();
#endif
#ifdef AEGIS_TRAINING
    __gcov_dump();
#endif
    _exit(code);
}

const struct command command_worker = {
    .name = WORKER_COMMAND,
    .summary = "the part of 'serve' that serves clients",
    .usage = USAGE,
    .run = run,
};
