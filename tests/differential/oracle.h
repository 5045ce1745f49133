/* oracle.h: the official engine in a child process, asked in lines. */
#ifndef AEGIS_TESTS_DIFFERENTIAL_ORACLE_H
#define AEGIS_TESTS_DIFFERENTIAL_ORACLE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct oracle {
    FILE *questions, *answers;
    pid_t pid;
    char *line; /* of the last answer */
    size_t line_bytes;
};

/* Start a program with its arguments, the program first and NULL last; it lives until oracle_stop.
 */
bool oracle_start(struct oracle *oracle, char *const *command);

/* Send a line with its line feed, and wait for the answer, which is without one and lives until the
 * next call; false when the oracle is gone. */
bool oracle_ask(struct oracle *oracle, struct slice line, struct slice *answer);

void oracle_stop(struct oracle *oracle);

#endif
