/* token_inspect.h: aegis token inspect. */
#ifndef AEGIS_CLI_TOKEN_INSPECT_H
#define AEGIS_CLI_TOKEN_INSPECT_H

#include "base/slice.h"

/* state_dir: where the development issuer has its keys, for a command line without --config.
 * Returns an exit code. */
int token_inspect(int argc, char **argv, struct slice state_dir);

#endif
