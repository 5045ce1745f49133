/* token_revoke.h: aegis token revoke and aegis token revocations. */
#ifndef AEGIS_CLI_TOKEN_REVOKE_H
#define AEGIS_CLI_TOKEN_REVOKE_H

/* Both return an exit code. */
int token_revoke(int argc, char **argv);
int token_revocations(int argc, char **argv);

#endif
