/* token.h: what is inside `aegis token`, besides what token.c has itself. */
#ifndef AEGIS_CLI_TOKEN_H
#define AEGIS_CLI_TOKEN_H

#include "cli/command.h"

extern const struct command token_inspect;
extern const struct command token_key;
extern const struct command token_revocations;
extern const struct command token_revoke;

#endif
