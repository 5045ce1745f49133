#include "adapters/process/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_STARTED 127

void spawn_close_streams(const int streams[PROCESS_STREAMS])
{
    for (int i = 0; i < PROCESS_STREAMS; i++) {
        if (streams[i] >= 0) {
            (void)close(streams[i]);
        }
    }
}

/* -- the child, between fork and exec: only async-signal-safe calls --------------------------- */

static void reset_signals(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

struct inheritance {
    const int *descriptors;
    size_t count;
};

/* One of them may itself be 0, 1, 2 ... and must not be overwritten before it was moved. */
static bool place_descriptors(const struct inheritance *inheritance)
{
    int high[SPAWN_DESCRIPTORS_MAX];
    for (size_t i = 0; i < inheritance->count; i++) {
        high[i] = fcntl(inheritance->descriptors[i], F_DUPFD_CLOEXEC, SPAWN_DESCRIPTORS_MAX);
    }
    for (size_t i = 0; i < inheritance->count; i++) {
        if (high[i] < 0 || dup2(high[i], (int)i) < 0) {
            return false;
        }
    }
    return true;
}

static bool take_user(const struct program *program)
{
    return !program->has_user || (setgroups(0, NULL) == 0 &&
                                  setresgid(program->group, program->group, program->group) == 0 &&
                                  setresuid(program->user, program->user, program->user) == 0);
}

/* What we are bound to ourselves cannot be raised. */
static bool lower_limit(__rlimit_resource_t resource, rlim_t most)
{
    struct rlimit both;
    if (getrlimit(resource, &both) != 0) {
        return false;
    }
    both.rlim_max = both.rlim_max < most ? both.rlim_max : most;
    both.rlim_cur = both.rlim_max;
    return setrlimit(resource, &both) == 0;
}

static bool set_limit(__rlimit_resource_t resource, size_t most)
{
    return most == 0 || lower_limit(resource, most);
}

static bool take_limits(const struct program_limits *limits)
{
    return limits == NULL ||
           (set_limit(RLIMIT_AS, limits->memory_bytes) &&
            set_limit(RLIMIT_DATA, limits->data_bytes) &&
            set_limit(RLIMIT_FSIZE, limits->file_bytes) &&
            set_limit(RLIMIT_NOFILE, limits->descriptors) &&
            set_limit(RLIMIT_CPU, limits->processor_s) && lower_limit(RLIMIT_CORE, 0));
}

/* Changing the user clears the death signal, so it is set afterwards; the parent may have died
 * before. */
static bool tie_to_parent(pid_t parent)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static void run_child(const struct program *program, const struct inheritance *inheritance,
                      pid_t parent, int report)
{
    const char *file = program->file != NULL ? program->file : program->argv[0];
    reset_signals();
    (void)setsid();
    report = fcntl(report, F_DUPFD_CLOEXEC, 2 * SPAWN_DESCRIPTORS_MAX);
    /* All of ours are close-on-exec; this catches what our own parent or a library left open. */
    if (place_descriptors(inheritance) &&
        (program->directory == NULL || chdir(program->directory) == 0) && take_user(program) &&
        tie_to_parent(parent) && take_limits(program->limits) &&
        close_range((unsigned)inheritance->count, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
        (void)execvpe(file, (char *const *)(uintptr_t)program->argv,
                      (char *const *)(uintptr_t)program->environment);
    }
    int error = errno;
    (void)!write(report, &error, sizeof(error));
    _exit(EXIT_NOT_STARTED);
}

/* -- the parent ------------------------------------------------------------------------------ */

/* The child's errno, or 0 when exec closed the pipe. */
static int read_report(int report)
{
    int error = 0;
    ssize_t len = 0;
    do {
        len = read(report, &error, sizeof(error));
    } while (len < 0 && errno == EINTR);
    return len == (ssize_t)sizeof(error) ? error : 0;
}

static int fork_child(const struct program *program, const struct inheritance *inheritance,
                      const int report[2], pid_t *out)
{
    sigset_t all;
    sigset_t before;
    pid_t parent = getpid();
    /* No handler of ours may run in the child. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    int error = pid < 0 ? errno : 0;
    if (pid == 0) {
        run_child(program, inheritance, parent, report[1]);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    *out = pid;
    return error;
}

int spawn_start(const struct program *program, const int *descriptors, size_t descriptor_count,
                struct spawned *out)
{
    const struct inheritance inheritance = {descriptors, descriptor_count};
    int report[2];
    assert(descriptor_count <= SPAWN_DESCRIPTORS_MAX);
    *out = (struct spawned){.pid = -1, .pidfd = -1};
    if (pipe2(report, O_CLOEXEC) != 0) {
        return errno;
    }
    int error = fork_child(program, &inheritance, report, &out->pid);
    (void)close(report[1]);
    if (error == 0) {
        error = read_report(report[0]);
        out->pidfd = pidfd_open(out->pid, 0);
        if (error == 0 && out->pidfd < 0) {
            error = errno;
            spawn_signal(out, PROCESS_KILL);
        }
        if (error != 0) {
            struct process_end end;
            spawn_reap(out, &end);
        }
    }
    (void)close(report[0]);
    return error;
}

int spawn_start_server(const struct program *programs, size_t program_count, uint32_t server,
                       const int streams[PROCESS_STREAMS], struct spawned *out)
{
    bool has_program = server < program_count && programs[server].argv != NULL;
    return has_program ? spawn_start(&programs[server], streams, PROCESS_STREAMS, out) : ENOENT;
}

void spawn_signal(const struct spawned *spawned, enum process_signal signal)
{
    assert(spawned->pid > 1);
    (void)kill(-spawned->pid, signal == PROCESS_KILL ? SIGKILL : SIGTERM);
}

void spawn_reap(struct spawned *spawned, struct process_end *end)
{
    int state = 0;
    *end = (struct process_end){0};
    /* Grandchildren do not outlive the child, and do not keep its output open. Until it is
     * collected, its number names its group and nobody else's. */
    spawn_signal(spawned, PROCESS_KILL);
    while (waitpid(spawned->pid, &state, 0) < 0 && errno == EINTR) {
    }
    end->code = WIFEXITED(state) ? WEXITSTATUS(state) : 0;
    end->signal_number = WIFSIGNALED(state) ? WTERMSIG(state) : 0;
    if (spawned->pidfd >= 0) {
        (void)close(spawned->pidfd);
        spawned->pidfd = -1;
    }
}
