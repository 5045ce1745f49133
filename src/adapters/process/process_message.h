/* process_message.h: what worker and supervisor say to each other about programs.
 *
 * The worker says which server's program to start, with the program's three streams, and which to
 * signal; the supervisor says which has ended. Nothing in a message names a program, a path or an
 * argument. Private to this folder. */
#ifndef AEGIS_ADAPTERS_PROCESS_PROCESS_MESSAGE_H
#define AEGIS_ADAPTERS_PROCESS_PROCESS_MESSAGE_H

#include "core/ports/process.h"

enum process_message_type {
    PROCESS_START = 1, /* worker: server, id; three descriptors */
    PROCESS_SIGNAL,    /* worker: id, signal */
    PROCESS_ENDED,     /* supervisor: id, end */
};

/* Both sides are the same program, so the struct itself travels; padding is sent as zero. */
struct process_message {
    uint64_t id; /* the worker's number of the process, never used twice */
    uint32_t type;
    uint32_t server;
    uint32_t signal; /* enum process_signal */
    struct process_end end;
};

#endif
