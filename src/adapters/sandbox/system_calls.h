/* system_calls.h: which system calls the worker may make, as a table, and the filter made of it.
 *
 * Hand-written instead of libseccomp: the table is one screen, the program it becomes is simple
 * enough to be tested instruction by instruction, and nothing is added to what has to be trusted.
 * Private to this folder. */
#ifndef AEGIS_ADAPTERS_SANDBOX_SYSTEM_CALLS_H
#define AEGIS_ADAPTERS_SANDBOX_SYSTEM_CALLS_H

#include "base/diag.h"

#include <linux/filter.h>

#define FILTER_INSTRUCTIONS_MAX 1024

/* The filter as a program for seccomp(2); returns how many instructions it has. */
size_t system_calls_compile(struct sock_filter program[FILTER_INSTRUCTIONS_MAX]);

/* From now on, for all threads of this process and for good. Needs no_new_privs.
 * STATUS_UNAVAILABLE sandbox.seccomp. */
NODISCARD enum status system_calls_restrict(struct diag *diag);

#endif
