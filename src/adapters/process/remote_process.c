#include "adapters/process/remote_process.h"

#include "adapters/process/channel.h"
#include "adapters/process/process_message.h"
#include "adapters/process/spawn.h"

#include <errno.h>

struct remote_record {
    struct remote_record *next;
    struct process *process;
    uint64_t id;
};

static struct remote_record *take_record(struct remote_process *remote, uint64_t id)
{
    struct remote_record **at = &remote->records;
    while (*at != NULL && (*at)->id != id) {
        at = &(*at)->next;
    }
    struct remote_record *record = *at;
    if (record != NULL) {
        *at = record->next;
    }
    return record;
}

static void end_record(struct remote_record *record, const struct process_end *end)
{
    struct process *process = record->process;
    base_free(record);
    process->on_end(process, end);
}

static void end_all(struct remote_process *remote)
{
    const struct process_end end = {.error = EPIPE};
    while (remote->records != NULL) {
        end_record(take_record(remote, remote->records->id), &end);
    }
}

/* The supervisor is trusted; an id it does not know here would be a defect, and is no record. */
static void on_message(uv_poll_t *handle, int status, int events)
{
    struct remote_process *remote = handle->data;
    struct process_message message;
    struct channel_received received;
    (void)status;
    (void)events;
    enum status result = channel_receive(remote->channel, &message, sizeof(message), &received);
    if (result == STATUS_OK && message.type == PROCESS_ENDED) {
        struct remote_record *record = take_record(remote, message.id);
        channel_close_received(&received);
        if (record != NULL) {
            end_record(record, &message.end);
        }
    } else if (result != STATUS_NOT_FOUND) {
        (void)uv_poll_stop(handle);
        end_all(remote);
    }
}

static enum status send_start(struct remote_process *remote, uint32_t server, uint64_t id,
                              const int streams[PROCESS_STREAMS])
{
    struct process_message message = {.id = id, .type = PROCESS_START, .server = server};
    return channel_send(remote->channel, slice_of(&message, sizeof(message)), streams,
                        PROCESS_STREAMS);
}

static enum status start(void *context, uint32_t server, const int streams[PROCESS_STREAMS],
                         struct process *process, struct diag *diag)
{
    struct remote_process *remote = context;
    struct remote_record *record = base_alloc(sizeof(*record));
    uint64_t id = remote->last_id + 1;
    enum status status =
        record != NULL ? send_start(remote, server, id, streams) : STATUS_UNAVAILABLE;
    spawn_close_streams(streams);
    if (status != STATUS_OK) {
        base_free(record);
        return diag_fail(diag, STATUS_UNAVAILABLE, "process.down",
                         "the supervisor cannot be asked to start a program");
    }
    *record = (struct remote_record){.next = remote->records, .process = process, .id = id};
    remote->records = record;
    remote->last_id = id;
    process->record = record;
    return STATUS_OK;
}

static void send_signal(void *context, struct process *process, enum process_signal signal)
{
    struct remote_process *remote = context;
    const struct remote_record *record = process->record;
    struct process_message message = {
        .id = record->id, .type = PROCESS_SIGNAL, .signal = (uint32_t)signal};
    /* A supervisor that cannot be reached is about to end this process and all programs. */
    (void)!channel_send(remote->channel, slice_of(&message, sizeof(message)), NULL, 0);
}

enum status remote_process_init(struct remote_process *remote, struct loop *loop, int channel,
                                struct diag *diag)
{
    *remote = (struct remote_process){.loop = loop, .channel = channel};
    int result = uv_poll_init(&loop->uv, &remote->poll, channel);
    if (result != 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "process.down",
                         "cannot watch the supervisor's channel: %s", uv_err_name(result));
    }
    remote->poll.data = remote;
    (void)uv_poll_start(&remote->poll, UV_READABLE, on_message);
    return STATUS_OK;
}

struct port_process remote_process_port(struct remote_process *remote)
{
    return (struct port_process){.context = remote, .start = start, .signal = send_signal};
}

void remote_process_close(struct remote_process *remote)
{
    uv_close((uv_handle_t *)&remote->poll, NULL);
}
