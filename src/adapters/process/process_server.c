#include "adapters/process/process_server.h"

#include "adapters/process/channel.h"
#include "adapters/process/process_message.h"

#include <errno.h>

void process_server_init(struct process_server *server, const struct program *programs,
                         size_t program_count)
{
    *server = (struct process_server){.programs = programs, .program_count = program_count};
}

/* Where the program is that a loop knows by this id. */
static size_t find(const struct process_server *server, size_t channel, uint64_t id)
{
    size_t i = 0;
    while (i < PROCESS_SERVER_CHILDREN_MAX &&
           (server->children[i].id != id || server->children[i].channel != channel)) {
        i++;
    }
    return i;
}

static size_t find_free(const struct process_server *server)
{
    size_t i = 0;
    while (i < PROCESS_SERVER_CHILDREN_MAX && server->children[i].id != 0) {
        i++;
    }
    return i;
}

static enum status tell_end(const struct process_server *server, size_t channel, uint64_t id,
                            const struct process_end *end)
{
    struct process_message message = {.id = id, .type = PROCESS_ENDED, .end = *end};
    return channel_send(server->channels[channel], slice_of(&message, sizeof(message)), NULL, 0);
}

/* One program too many is answered like a program that cannot be executed. */
static enum status start_program(struct process_server *server, size_t channel,
                                 const struct process_message *message,
                                 const int streams[PROCESS_STREAMS])
{
    size_t place = find_free(server);
    struct spawned spawned = {0};
    struct process_end end = {.error = EAGAIN};
    if (place < PROCESS_SERVER_CHILDREN_MAX) {
        end.error = spawn_start_server(server->programs, server->program_count, message->server,
                                       streams, &spawned);
    }
    spawn_close_streams(streams);
    if (end.error != 0) {
        return tell_end(server, channel, message->id, &end);
    }
    server->children[place].id = message->id;
    server->children[place].channel = channel;
    server->children[place].spawned = spawned;
    server->child_count++;
    return STATUS_OK;
}

/* The program may have ended while the message was on its way: that is no fault. */
static enum status signal_program(struct process_server *server, size_t channel,
                                  const struct process_message *message)
{
    size_t place = find(server, channel, message->id);
    if (message->signal != PROCESS_TERMINATE && message->signal != PROCESS_KILL) {
        return STATUS_INVALID;
    }
    if (place < PROCESS_SERVER_CHILDREN_MAX) {
        spawn_signal(&server->children[place].spawned, (enum process_signal)message->signal);
    }
    return STATUS_OK;
}

static enum status take_message(struct process_server *server, size_t channel)
{
    struct process_message message;
    struct channel_received received;
    enum status status =
        channel_receive(server->channels[channel], &message, sizeof(message), &received);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    TRY(status);
    if (message.id != 0 && message.type == PROCESS_START &&
        received.descriptor_count == PROCESS_STREAMS &&
        find(server, channel, message.id) == PROCESS_SERVER_CHILDREN_MAX) {
        return start_program(server, channel, &message, received.descriptors);
    }
    bool is_signal = message.id != 0 && message.type == PROCESS_SIGNAL;
    status = is_signal && received.descriptor_count == 0 ? signal_program(server, channel, &message)
                                                         : STATUS_INVALID;
    channel_close_received(&received);
    return status;
}

static enum status collect(struct process_server *server, size_t place)
{
    uint64_t id = server->children[place].id;
    struct process_end end;
    spawn_reap(&server->children[place].spawned, &end);
    server->children[place].id = 0;
    server->child_count--;
    size_t channel = server->children[place].channel;
    return channel < server->channel_count ? tell_end(server, channel, id, &end) : STATUS_OK;
}

size_t process_server_polls(const struct process_server *server, struct pollfd *polls)
{
    size_t count = 0;
    for (size_t i = 0; i < server->channel_count; i++) {
        polls[count++] = (struct pollfd){.fd = server->channels[i], .events = POLLIN};
    }
    for (size_t i = 0; i < PROCESS_SERVER_CHILDREN_MAX; i++) {
        if (server->children[i].id != 0) {
            polls[count++] =
                (struct pollfd){.fd = server->children[i].spawned.pidfd, .events = POLLIN};
        }
    }
    return count;
}

enum status process_server_step(struct process_server *server, const struct pollfd *polls,
                                size_t poll_count)
{
    enum status status = STATUS_OK;
    size_t at = server->channel_count;
    /* Ends first: in this order the places are those that process_server_polls saw. */
    for (size_t i = 0; i < PROCESS_SERVER_CHILDREN_MAX && at < poll_count; i++) {
        if (server->children[i].id != 0 && polls[at++].revents != 0) {
            enum status told = collect(server, i);
            status = status == STATUS_OK ? told : status;
        }
    }
    for (size_t i = 0; i < server->channel_count && status == STATUS_OK; i++) {
        status = polls[i].revents != 0 ? take_message(server, i) : STATUS_OK;
        if (status == STATUS_UNAVAILABLE) {
            server->channels[i] = -1; /* poll passes it over: there is no more to come */
        }
    }
    return status;
}

void process_server_end_all(struct process_server *server)
{
    server->channel_count = 0;
    for (size_t i = 0; i < PROCESS_SERVER_CHILDREN_MAX; i++) {
        if (server->children[i].id != 0) {
            spawn_signal(&server->children[i].spawned, PROCESS_KILL);
            (void)!collect(server, i);
        }
    }
}
