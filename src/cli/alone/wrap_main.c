/* wrap_main.c: `aegis-wrap [OPTIONS] -- COMMAND ...`: `aegis wrap` as a program of its own, linked
 * without what speaks over the network. */
#include "cli/command.h"

#include "base/slice.h"

#include <signal.h>
#include <stdio.h>

const struct network *program_network(void)
{
    return NULL;
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && slice_eq(slice_view_cstr(argv[1]), SLICE("--version"))) {
        printf("aegis-wrap %s\n", AEGIS_VERSION);
        return EXIT_CODE_OK;
    }
    return command_wrap.run(argc - 1, argv + 1);
}
