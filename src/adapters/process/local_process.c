#include "adapters/process/local_process.h"

#include <string.h>

/* A started program. Also stands for one that could not be executed, until that is told. */
struct record {
    union {
        uv_poll_t poll;
        struct posted posted;
    } wait;
    struct process *process;
    struct spawned spawned;
    int error;
    int streams[PROCESS_STREAMS]; /* of a program that did not start, until that is told */
};

static void on_closed(uv_handle_t *handle)
{
    base_free(handle->data);
}

static void on_ended(uv_poll_t *handle, int status, int events)
{
    struct record *record = handle->data;
    struct process *process = record->process;
    struct process_end end;
    (void)status;
    (void)events;
    (void)uv_poll_stop(handle);
    spawn_reap(&record->spawned, &end);
    uv_close((uv_handle_t *)handle, on_closed);
    process->on_end(process, &end);
}

static void tell_error(struct posted *item)
{
    struct record *record = (struct record *)item;
    struct process *process = record->process;
    struct process_end end = {.error = record->error};
    spawn_close_streams(record->streams);
    base_free(record);
    process->on_end(process, &end);
}

/* The end of a program is read from its pidfd. */
static int watch(struct local_process *local, struct record *record)
{
    int result = uv_poll_init(&local->loop->uv, &record->wait.poll, record->spawned.pidfd);
    if (result != 0) {
        struct process_end end;
        spawn_signal(&record->spawned, PROCESS_KILL);
        spawn_reap(&record->spawned, &end);
        return -result;
    }
    record->wait.poll.data = record;
    (void)uv_poll_start(&record->wait.poll, UV_READABLE, on_ended);
    return 0;
}

static enum status start(void *context, uint32_t server, const int streams[PROCESS_STREAMS],
                         struct process *process, struct diag *diag)
{
    struct local_process *local = context;
    struct record *record = base_alloc(sizeof(*record));
    if (record == NULL) {
        spawn_close_streams(streams);
        return diag_fail(diag, STATUS_UNAVAILABLE, "process.down", "no memory for a program");
    }
    *record = (struct record){.process = process};
    process->record = record;
    record->error = spawn_start_server(local->programs, local->program_count, server, streams,
                                       &record->spawned);
    if (record->error == 0) {
        record->error = watch(local, record);
    }
    if (record->error == 0) {
        spawn_close_streams(streams);
        return STATUS_OK;
    }
    /* Closed streams would tell of the failure before on_end does, and without the reason. */
    memcpy(record->streams, streams, sizeof(record->streams));
    record->wait.posted = (struct posted){.run = tell_error};
    loop_post(local->loop, &record->wait.posted);
    return STATUS_OK;
}

static void send_signal(void *context, struct process *process, enum process_signal signal)
{
    struct record *record = process->record;
    (void)context;
    if (record->error == 0) {
        spawn_signal(&record->spawned, signal);
    }
}

struct port_process local_process_port(struct local_process *local)
{
    return (struct port_process){.context = local, .start = start, .signal = send_signal};
}
