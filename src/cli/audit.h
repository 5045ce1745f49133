/* audit.h: what the files of `aegis audit` share. */
#ifndef AEGIS_CLI_AUDIT_H
#define AEGIS_CLI_AUDIT_H

#include "base/diag.h"
#include "cli/command.h"

#define AUDIT_PATH_BYTES 4096

/* Print why a command failed; returns its exit code. */
int audit_fail(const struct diag *diag);

/* --dir, or the one journal in the state folder that is being written or the only one there, or
 * that of the system service. NULL: it is not clear which, and what there is has been printed.
 * Waits until a process that writes it has written what was answered before. */
const char *audit_directory(const char *given, char path[AUDIT_PATH_BYTES]);

/* A journal without records is no error, but silence would look like one. */
void audit_explain_empty(const char *directory);

/* What is inside command_audit, besides what audit.c has itself. */
extern const struct command audit_tail;
extern const struct command audit_verify;
extern const struct command audit_head;

#endif
