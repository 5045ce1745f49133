#include "adapters/process/process_server.h"

#include "adapters/process/channel.h"
#include "adapters/process/process_message.h"

#include <errno.h>

void process_server_init(struct process_server *server, const struct program *programs,
                         size_t program_count)
{
    *server = (struct process_server){
        .programs = programs, .program_count = program_count, .channel = -1};
}

/* The place of an id; of a free place with id 0. */
static size_t find(const struct process_server *server, uint64_t id)
{
    size_t i = 0;
    while (i < PROCESS_SERVER_CHILDREN_MAX && server->children[i].id != id) {
        i++;
    }
    return i;
}

static enum status tell_end(struct process_server *server, uint64_t id,
                            const struct process_end *end)
{
    struct process_message message = {.id = id, .type = PROCESS_ENDED, .end = *end};
    return channel_send(server->channel, slice_of(&message, sizeof(message)), NULL, 0);
}

/* One program too many is answered like a program that cannot be executed. */
static enum status start_program(struct process_server *server,
                                 const struct process_message *message,
                                 const int streams[PROCESS_STREAMS])
{
    size_t place = find(server, 0);
    struct spawned spawned = {0};
    struct process_end end = {.error = EAGAIN};
    if (place < PROCESS_SERVER_CHILDREN_MAX) {
        end.error = spawn_start_server(server->programs, server->program_count, message->server,
                                       streams, &spawned);
    }
    spawn_close_streams(streams);
    if (end.error != 0) {
        return tell_end(server, message->id, &end);
    }
    server->children[place].id = message->id;
    server->children[place].spawned = spawned;
    server->child_count++;
    return STATUS_OK;
}

/* The program may have ended while the message was on its way: that is no fault. */
static enum status signal_program(struct process_server *server,
                                  const struct process_message *message)
{
    size_t place = find(server, message->id);
    if (message->signal != PROCESS_TERMINATE && message->signal != PROCESS_KILL) {
        return STATUS_INVALID;
    }
    if (place < PROCESS_SERVER_CHILDREN_MAX) {
        spawn_signal(&server->children[place].spawned, (enum process_signal)message->signal);
    }
    return STATUS_OK;
}

static enum status take_message(struct process_server *server)
{
    struct process_message message;
    struct channel_received received;
    enum status status = channel_receive(server->channel, &message, sizeof(message), &received);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    TRY(status);
    if (message.id != 0 && message.type == PROCESS_START &&
        received.descriptor_count == PROCESS_STREAMS &&
        find(server, message.id) == PROCESS_SERVER_CHILDREN_MAX) {
        return start_program(server, &message, received.descriptors);
    }
    bool is_signal = message.id != 0 && message.type == PROCESS_SIGNAL;
    status = is_signal && received.descriptor_count == 0 ? signal_program(server, &message)
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
    return server->channel >= 0 ? tell_end(server, id, &end) : STATUS_OK;
}

size_t process_server_polls(const struct process_server *server, struct pollfd *polls)
{
    size_t count = 0;
    polls[count++] = (struct pollfd){.fd = server->channel, .events = POLLIN};
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
    size_t at = 1;
    /* Ends first: in this order the places are those that process_server_polls saw. */
    for (size_t i = 0; i < PROCESS_SERVER_CHILDREN_MAX && at < poll_count; i++) {
        if (server->children[i].id != 0 && polls[at++].revents != 0) {
            enum status told = collect(server, i);
            status = status == STATUS_OK ? told : status;
        }
    }
    if (status == STATUS_OK && polls[0].revents != 0) {
        status = take_message(server);
    }
    return status;
}

void process_server_end_all(struct process_server *server)
{
    server->channel = -1;
    for (size_t i = 0; i < PROCESS_SERVER_CHILDREN_MAX; i++) {
        if (server->children[i].id != 0) {
            spawn_signal(&server->children[i].spawned, PROCESS_KILL);
            (void)!collect(server, i);
        }
    }
}
