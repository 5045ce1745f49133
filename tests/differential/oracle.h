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

/* Start node, the program to run the oracle with; it lives until oracle_stop. */
bool oracle_start(struct oracle *oracle, const char *node);

/* Send lines, each with its line feed. Few enough that their answers fit into a pipe. */
bool oracle_ask(struct oracle *oracle, struct slice lines);

/* The next answer without its line feed, until the next call; false when the oracle is gone. */
bool oracle_answer(struct oracle *oracle, struct slice *out);

void oracle_stop(struct oracle *oracle);

#endif
