/* The contract of port_process, run over both adapters: children of this process, and children of a
 * supervisor behind a channel (played by a thread). Then what the supervisor refuses. */
#include "adapters/process/channel.h"
#include "adapters/process/local_process.h"
#include "adapters/process/process_message.h"
#include "adapters/process/process_server.h"
#include "adapters/process/program_environment.h"
#include "adapters/process/remote_process.h"
#include "support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCOUNT_BYTES ((size_t)1 << 20)
#define OUTPUT_BYTES 4096
#define NO_PROGRAM 1

struct fixture {
    struct loop loop;
    const char *argv[4];
    const char *environment[2];
    struct program programs[2]; /* the second server has none */
    struct port_process port;
    struct local_process local;
    struct remote_process remote;
    struct process_server server;
    pthread_t thread;
    int channel[2];
    bool is_remote;

    struct process process;
    struct process_end end;
    size_t end_count;
    int in, out; /* our ends of its streams */
};

static struct fixture *self_of(struct process *process)
{
    return (struct fixture *)((char *)process - offsetof(struct fixture, process));
}

static void on_end(struct process *process, const struct process_end *end)
{
    struct fixture *self = self_of(process);
    self->end = *end;
    self->end_count++;
    uv_stop(&self->loop.uv);
}

/* Until the worker's end is closed. */
static void *run_supervisor(void *argument)
{
    struct process_server *server = argument;
    struct pollfd polls[PROCESS_SERVER_POLL_MAX];
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        size_t count = process_server_polls(server, polls);
        (void)poll(polls, count, -1);
        status = process_server_step(server, polls, count);
    }
    CHECK(status == STATUS_UNAVAILABLE);
    process_server_end_all(server);
    return NULL;
}

static void set_up(struct fixture *self, bool is_remote, const char *script)
{
    *self = (struct fixture){.argv = {"sh", "-c", script, NULL},
                             .environment = {"GIVEN=1", NULL},
                             .is_remote = is_remote,
                             .process = {.on_end = on_end}};
    self->programs[0] = (struct program){.argv = self->argv, .environment = self->environment};
    CHECK(loop_init(&self->loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    if (!is_remote) {
        self->local = (struct local_process){&self->loop, self->programs, 2};
        self->port = local_process_port(&self->local);
        return;
    }
    CHECK(channel_pair(self->channel) == STATUS_OK);
    CHECK(remote_process_init(&self->remote, &self->loop, self->channel[0], NULL) == STATUS_OK);
    self->port = remote_process_port(&self->remote);
    process_server_init(&self->server, self->programs, 2);
    self->server.channels[0] = self->channel[1];
    self->server.channel_count = 1;
    CHECK(pthread_create(&self->thread, NULL, run_supervisor, &self->server) == 0);
}

static void tear_down(struct fixture *self)
{
    (void)close(self->in);
    (void)close(self->out);
    if (self->is_remote) {
        remote_process_close(&self->remote);
    }
    loop_release(&self->loop);
    if (self->is_remote) {
        (void)close(self->channel[0]);
        CHECK(pthread_join(self->thread, NULL) == 0);
        (void)close(self->channel[1]);
        CHECK(self->server.child_count == 0);
    }
}

static void start(struct fixture *self, uint32_t server)
{
    int in[2] = {-1, -1};
    int out[2] = {-1, -1};
    CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    const int streams[PROCESS_STREAMS] = {in[0], out[1], open("/dev/null", O_WRONLY | O_CLOEXEC)};
    CHECK(write(in[1], "hello\n", 6) == 6); /* before a program could be gone */
    self->in = in[1];
    self->out = out[0];
    CHECK(self->port.start(self->port.context, server, streams, &self->process, NULL) == STATUS_OK);
    CHECK(self->end_count == 0);
}

static void run_to_end(struct fixture *self)
{
    while (self->end_count == 0) {
        (void)uv_run(&self->loop.uv, UV_RUN_DEFAULT);
    }
}

/* All it wrote; returns once nobody holds the other end any more. */
static const char *read_output(const struct fixture *self, char text[OUTPUT_BYTES])
{
    size_t used = 0;
    for (ssize_t len = 1; len > 0 && used<OUTPUT_BYTES - 1; used += len> 0 ? (size_t)len : 0) {
        len = read(self->out, text + used, OUTPUT_BYTES - 1 - used);
    }
    text[used] = '\0';
    return text;
}

static const bool ADAPTERS[] = {false, true};
static const char *const ADAPTER_NAMES[] = {"local", "remote"};

TEST(process_runs_to_its_end)
{
    static const struct {
        const char *row, *script, *output;
        struct process_end end;
    } ROWS[] = {
        {"exit code", "exit 3", "", {.code = 3}},
        {"streams", "read line; echo \"<$line>\"", "<hello>\n", {0}},
        {"signal", "kill -9 $$", "", {.signal_number = SIGKILL}},
        {"a group of its own",
         "read p < /proc/$$/stat; set -- $p; test $5 = $$ && test $6 = $$",
         "",
         {0}},
        {"grandchildren end with it", "sleep 1000 & echo started", "started\n", {0}},
        {"no new privileges", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1\n", {0}},
        {"no signal is blocked or ignored",
         "grep -E '^Sig(Blk|Ign):' /proc/self/status | tr -d '\\n'",
         "SigBlk:\t0000000000000000SigIgn:\t0000000000000000",
         {0}},
    };
    for (size_t a = 0; a < COUNT_OF(ADAPTERS); a++) {
        for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
            struct fixture self;
            char text[OUTPUT_BYTES];
            set_up(&self, ADAPTERS[a], ROWS[i].script);
            start(&self, 0);
            run_to_end(&self);
            CHECK_ROW(ROWS[i].row, str_eq(read_output(&self, text), ROWS[i].output));
            CHECK_ROW(ROWS[i].row, self.end.code == ROWS[i].end.code && self.end.error == 0);
            CHECK_ROW(ROWS[i].row, self.end.signal_number == ROWS[i].end.signal_number);
            CHECK_ROW(ADAPTER_NAMES[a], self.end_count == 1);
            tear_down(&self);
        }
    }
}

/* The shell tells kibibytes of memory, then descriptors, then blocks of a core file. */
TEST(process_is_bound)
{
    static const struct program_limits LIMITS = {.data_bytes = (size_t)64 << 20, .descriptors = 32};
    for (size_t a = 0; a < COUNT_OF(ADAPTERS); a++) {
        struct fixture self;
        char text[OUTPUT_BYTES];
        set_up(&self, ADAPTERS[a], "ulimit -d; ulimit -n; ulimit -c");
        self.programs[0].limits = &LIMITS;
        start(&self, 0);
        run_to_end(&self);
        CHECK_ROW(ADAPTER_NAMES[a], str_eq(read_output(&self, text), "65536\n32\n0\n"));
        tear_down(&self);
    }
}

TEST(process_tells_what_cannot_be_started)
{
    static const struct {
        const char *row, *program;
        uint32_t server;
        int error;
    } ROWS[] = {
        {"absent", "/nonexistent/program", 0, ENOENT},
        {"not in PATH", "no-such-program-of-aegis", 0, ENOENT},
        {"not executable", "/etc/passwd", 0, EACCES},
        {"a folder", "/etc", 0, EACCES},
        {"a server without a program", "sh", NO_PROGRAM, ENOENT},
        {"no server", "sh", 2, ENOENT},
        {"no server by far", "sh", UINT32_MAX, ENOENT},
    };
    for (size_t a = 0; a < COUNT_OF(ADAPTERS); a++) {
        for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
            struct fixture self;
            set_up(&self, ADAPTERS[a], "exit 0");
            self.argv[0] = ROWS[i].program;
            start(&self, ROWS[i].server);
            run_to_end(&self);
            CHECK_ROW(ROWS[i].row, self.end.error == ROWS[i].error && self.end_count == 1);
            tear_down(&self);
        }
    }
}

TEST(process_signals_the_whole_group)
{
    static const struct {
        const char *row, *script;
        enum process_signal signal;
        int signal_number, code;
    } ROWS[] = {
        {"terminate", "echo; sleep 1000", PROCESS_TERMINATE, SIGTERM, 0},
        {"terminate is heard", "trap 'exit 5' TERM; echo; sleep 1000 & wait", PROCESS_TERMINATE, 0,
         5},
        {"kill", "trap '' TERM; echo; sleep 1000", PROCESS_KILL, SIGKILL, 0},
    };
    for (size_t a = 0; a < COUNT_OF(ADAPTERS); a++) {
        for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
            struct fixture self;
            char text[OUTPUT_BYTES];
            char byte = 0;
            set_up(&self, ADAPTERS[a], ROWS[i].script);
            start(&self, 0);
            CHECK(read(self.out, &byte, 1) == 1);
            self.port.signal(self.port.context, &self.process, ROWS[i].signal);
            run_to_end(&self);
            CHECK_ROW(ROWS[i].row, self.end.signal_number == ROWS[i].signal_number);
            CHECK_ROW(ROWS[i].row, self.end.code == ROWS[i].code);
            CHECK_ROW(ROWS[i].row, str_eq(read_output(&self, text), ""));
            tear_down(&self);
        }
    }
}

TEST(process_inherits_nothing)
{
    for (size_t a = 0; a < COUNT_OF(ADAPTERS); a++) {
        struct fixture self;
        char text[OUTPUT_BYTES];
        /* Inherited from whoever started us, or forgotten: without close-on-exec. */
        int leaking = fcntl(0, F_DUPFD, 200);
        set_up(&self, ADAPTERS[a], "echo /proc/self/fd/*; tr '\\0' ' ' < /proc/$$/environ");
        start(&self, 0);
        run_to_end(&self);
        (void)read_output(&self, text);
        CHECK(leaking == 200 && strstr(text, "/fd/200") == NULL);
        CHECK(strstr(text, "/fd/0 /proc/self/fd/1 /proc/self/fd/2 ") != NULL);
        CHECK(strstr(text, "\nGIVEN=1 ") != NULL && strstr(text, "HOME") == NULL);
        CHECK(close(leaking) == 0);
        tear_down(&self);
    }
}

TEST(process_ends_with_its_supervisor)
{
    struct fixture self;
    char text[OUTPUT_BYTES];
    set_up(&self, true, "sleep 1000");
    start(&self, 0);
    CHECK(shutdown(self.channel[1], SHUT_RDWR) == 0);
    run_to_end(&self);
    CHECK(self.end.error == EPIPE);
    CHECK(str_eq(read_output(&self, text), ""));
    tear_down(&self);
}

/* -- the supervisor believes nothing --------------------------------------------------------- */

static void ask(int channel, const struct process_message *message, size_t size,
                size_t stream_count)
{
    int streams[4];
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        streams[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
    }
    CHECK(channel_send(channel, slice_of(message, size), streams, stream_count) == STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        (void)close(streams[i]);
    }
}

static enum status step(struct process_server *server)
{
    struct pollfd polls[PROCESS_SERVER_POLL_MAX];
    size_t count = process_server_polls(server, polls);
    (void)poll(polls, count, -1);
    return process_server_step(server, polls, count);
}

static const char *const SLEEPER_ARGV[] = {"sleep", "1000", NULL};
static const char *const NO_ENVIRONMENT[] = {NULL};
static const struct program SLEEPER = {.argv = SLEEPER_ARGV, .environment = NO_ENVIRONMENT};

#define WHOLE sizeof(struct process_message)

static const struct {
    const char *row;
    struct process_message message;
    size_t size, stream_count;
    enum status expected;
} MESSAGES[] = {
    {"a start", {.id = 2, .type = PROCESS_START}, WHOLE, 3, STATUS_OK},
    {"id taken", {.id = 1, .type = PROCESS_START}, WHOLE, 3, STATUS_INVALID},
    {"id 0", {.type = PROCESS_START}, WHOLE, 3, STATUS_INVALID},
    {"two streams", {.id = 2, .type = PROCESS_START}, WHOLE, 2, STATUS_INVALID},
    {"four streams", {.id = 2, .type = PROCESS_START}, WHOLE, 4, STATUS_INVALID},
    {"no streams", {.id = 2, .type = PROCESS_START}, WHOLE, 0, STATUS_INVALID},
    {"no type", {.id = 2}, WHOLE, 0, STATUS_INVALID},
    {"the supervisor's own type", {.id = 1, .type = PROCESS_ENDED}, WHOLE, 0, STATUS_INVALID},
    {"another signal", {.id = 1, .type = PROCESS_SIGNAL, .signal = 2}, WHOLE, 0, STATUS_INVALID},
    {"a signal with a descriptor", {.id = 1, .type = PROCESS_SIGNAL}, WHOLE, 1, STATUS_INVALID},
    {"a signal to nobody", {.id = 9, .type = PROCESS_SIGNAL}, WHOLE, 0, STATUS_OK},
    {"half a message", {.id = 2, .type = PROCESS_START}, 8, 3, STATUS_INVALID},
};

TEST(process_server_refuses_broken_messages)
{
    static struct process_server server;
    for (size_t i = 0; i < COUNT_OF(MESSAGES); i++) {
        int ends[2];
        CHECK(channel_pair(ends) == STATUS_OK);
        process_server_init(&server, &SLEEPER, 1);
        server.channels[0] = ends[1];
        server.channel_count = 1;
        ask(ends[0], &(struct process_message){.id = 1, .type = PROCESS_START},
            sizeof(struct process_message), 3);
        CHECK(step(&server) == STATUS_OK && server.child_count == 1);
        ask(ends[0], &MESSAGES[i].message, MESSAGES[i].size, MESSAGES[i].stream_count);
        CHECK_ROW(MESSAGES[i].row, step(&server) == MESSAGES[i].expected);
        process_server_end_all(&server);
        CHECK_ROW(MESSAGES[i].row, server.child_count == 0);
        (void)close(ends[0]);
        (void)close(ends[1]);
    }
}

TEST(process_server_bounds_what_runs)
{
    static struct process_server server;
    int ends[2];
    struct process_message told;
    struct channel_received received;
    CHECK(channel_pair(ends) == STATUS_OK);
    process_server_init(&server, &SLEEPER, 1);
    server.channels[0] = ends[1];
    server.channel_count = 1;
    for (uint64_t id = 1; id <= PROCESS_SERVER_CHILDREN_MAX; id++) {
        server.children[id - 1].id = id; /* as if they ran */
    }
    ask(ends[0],
        &(struct process_message){.id = PROCESS_SERVER_CHILDREN_MAX + 1, .type = PROCESS_START},
        sizeof(struct process_message), 3);
    struct pollfd polls[] = {{.fd = ends[1], .events = POLLIN}};
    CHECK(poll(polls, 1, -1) == 1);
    CHECK(process_server_step(&server, polls, 1) == STATUS_OK);
    CHECK(channel_receive(ends[0], &told, sizeof(told), &received) == STATUS_OK);
    CHECK(told.type == PROCESS_ENDED && told.end.error == EAGAIN && server.child_count == 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

TEST(program_environment_is_what_was_set_and_three_of_ours)
{
    static const char *const OWN[] = {"LANG=own", "GIVEN=1", NULL};
    const char *const *list = NULL;
    struct arena arena;
    CHECK(setenv("AEGIS_TEST_SECRET", "s", 1) == 0 && setenv("LANG", "ours", 1) == 0);
    CHECK(setenv("HOME", "/home", 1) == 0 && setenv("PATH", "/bin:/usr/bin", 1) == 0);
    arena_init(&arena, ACCOUNT_BYTES, NULL);
    CHECK(program_environment_make(OWN, &arena, &list) == STATUS_OK);
    CHECK(str_eq(list[0], "LANG=own") && str_eq(list[1], "GIVEN=1"));
    CHECK(str_eq(list[2], "PATH=/bin:/usr/bin") && str_eq(list[3], "HOME=/home"));
    CHECK(list[4] == NULL);
    arena_release(&arena);
    CHECK(unsetenv("AEGIS_TEST_SECRET") == 0);
}

/* Loops number their programs on their own; none can reach another's. */
TEST(process_server_keeps_loops_apart)
{
    static struct process_server server;
    int first[2] = {-1, -1};
    int second[2] = {-1, -1};
    struct process_message told;
    struct channel_received received;
    CHECK(channel_pair(first) == STATUS_OK && channel_pair(second) == STATUS_OK);
    process_server_init(&server, &SLEEPER, 1);
    server.channels[0] = first[1];
    server.channels[1] = second[1];
    server.channel_count = 2;
    ask(first[0], &(struct process_message){.id = 1, .type = PROCESS_START}, WHOLE, 3);
    CHECK(step(&server) == STATUS_OK);
    ask(second[0], &(struct process_message){.id = 1, .type = PROCESS_SIGNAL, .signal = 1}, WHOLE,
        0);
    CHECK(step(&server) == STATUS_OK);
    ask(second[0], &(struct process_message){.id = 1, .type = PROCESS_START}, WHOLE, 3);
    CHECK(step(&server) == STATUS_OK && server.child_count == 2);
    ask(second[0], &(struct process_message){.id = 1, .type = PROCESS_SIGNAL, .signal = 1}, WHOLE,
        0);
    CHECK(step(&server) == STATUS_OK);
    CHECK(step(&server) == STATUS_OK && server.child_count == 1);
    CHECK(channel_receive(second[0], &told, sizeof(told), &received) == STATUS_OK);
    CHECK(told.type == PROCESS_ENDED && told.end.signal_number == SIGKILL);
    CHECK(channel_receive(first[0], &told, sizeof(told), &received) == STATUS_NOT_FOUND);
    process_server_end_all(&server);
    for (int i = 0; i < 2; i++) {
        (void)close(first[i]);
        (void)close(second[i]);
    }
}
