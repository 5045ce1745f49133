/* token_key.h: aegis token key. */
#ifndef AEGIS_CLI_TOKEN_KEY_H
#define AEGIS_CLI_TOKEN_KEY_H

/* Returns an exit code. */
int token_key(int argc, char **argv);

#endif
