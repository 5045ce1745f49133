/* process.h: start and end the programs behind stdio servers.
 *
 * Whoever starts one names a server of the configuration, never a program: the adapter holds the
 * programs, which may be in another process of Aegis. A program runs in a session and process group
 * of its own with a clean environment and the three streams it is given, and nothing else of ours.
 * Its group dies with it, and it dies with the process that started it.
 */
#ifndef AEGIS_CORE_PORTS_PROCESS_H
#define AEGIS_CORE_PORTS_PROCESS_H

#include "base/diag.h"

#include <stdint.h>

#define PROCESS_STREAMS 3 /* standard input, output, error */

struct process_end {
    int error;         /* why the program could not be started, an errno; 0 when it ran */
    int code;          /* its exit code */
    int signal_number; /* that ended it; 0 when none did */
};

/* Embedded in the caller's structure, which lives until on_end was called. */
struct process {
    /* Exactly once after a start that succeeded, on the caller's loop and never from within start.
     */
    void (*on_end)(struct process *process, const struct process_end *end);
    void *record; /* the adapter's */
};

enum process_signal {
    PROCESS_TERMINATE, /* asks it to end */
    PROCESS_KILL,      /* ends it */
};

struct port_process {
    void *context;
    /* Start the program of a server. streams are the program's ends; they are taken over whatever
     * the outcome. A program that there is not, or that cannot be executed, is no failure of start
     * but an end with an error. STATUS_UNAVAILABLE process.down: nothing can be started. */
    enum status (*start)(void *context, uint32_t server, const int streams[PROCESS_STREAMS],
                         struct process *process, struct diag *diag);
    /* Signal the whole group of a started program whose end has not been told. */
    void (*signal)(void *context, struct process *process, enum process_signal signal);
};

#endif
