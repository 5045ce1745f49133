/* process_server.h: the supervisor's end: starts programs for a worker it does not trust.
 *
 * The worker names servers by number; the programs come from the configuration that the supervisor
 * read itself. Every message is checked; one that breaks the rules means the worker is no longer
 * what was started, and the caller ends it. Driven by poll(2): the caller's loop asks which
 * descriptors to wait for. */
#ifndef AEGIS_ADAPTERS_PROCESS_PROCESS_SERVER_H
#define AEGIS_ADAPTERS_PROCESS_PROCESS_SERVER_H

#include "adapters/process/spawn.h"

#include <poll.h>

#define PROCESS_SERVER_CHILDREN_MAX 4096
#define PROCESS_SERVER_CHANNELS_MAX 64
#define PROCESS_SERVER_POLL_MAX (PROCESS_SERVER_CHILDREN_MAX + PROCESS_SERVER_CHANNELS_MAX)

struct process_server {
    const struct program *programs; /* program_count, by server; borrowed */
    size_t program_count;
    int channels[PROCESS_SERVER_CHANNELS_MAX]; /* to the loops of the worker; borrowed */
    size_t channel_count;
    struct {
        uint64_t id; /* the loop's; 0: the place is free */
        size_t channel;
        struct spawned spawned;
    } children[PROCESS_SERVER_CHILDREN_MAX];
    size_t child_count;
};

void process_server_init(struct process_server *server, const struct program *programs,
                         size_t program_count);

/* What to wait for; returns how many of polls (PROCESS_SERVER_POLL_MAX) were filled. */
size_t process_server_polls(const struct process_server *server, struct pollfd *polls);

/* Handle what poll found. STATUS_INVALID: the worker broke a rule; STATUS_LIMIT: it does not
 * read; STATUS_UNAVAILABLE: it is gone. */
NODISCARD enum status process_server_step(struct process_server *server, const struct pollfd *polls,
                                          size_t poll_count);

/* Kill and collect all programs, and forget the channels: the worker is gone. */
void process_server_end_all(struct process_server *server);

#endif
