/* Acts tried inside: what the worker needs works, what an attacker would do fails or ends it. */
#include "adapters/sandbox/sandbox.h"

#include "base/arena.h"
#include "support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef AEGIS_LEAK_CHECK
#include <sanitizer/lsan_interface.h>
#define CHECKS_LEAKS true /* the filter leaves LeakSanitizer what it needs */
#else
#define CHECKS_LEAKS false
#endif

enum end {
    END_WORKS,
    END_FAILS,
    END_KILLED,
    END_BROKEN,
};

/* What became of an act in a process of its own inside the sandbox, in a folder it may write. */
static enum end try_act(bool (*act)(void))
{
    char folder[] = "/tmp/aegis-sandbox-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    int state = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct sandbox_report report;
        if (chdir(folder) != 0 || sandbox_enter(".", &report, NULL) != STATUS_OK) {
            _exit(END_BROKEN);
        }
        _exit(act() ? END_WORKS : END_FAILS);
    }
    CHECK(pid > 0 && waitpid(pid, &state, 0) == pid);
    CHECK(chdir(folder) == 0 && (unlink("file") == 0 || errno == ENOENT) && chdir("/") == 0);
    CHECK(rmdir(folder) == 0);
    if (WIFSIGNALED(state)) {
        return WTERMSIG(state) == SIGSYS ? END_KILLED : END_BROKEN;
    }
    return (enum end)WEXITSTATUS(state);
}

/* -- what the worker needs ------------------------------------------------------------------- */

static bool writes_its_folder(void)
{
    int fd = open("file", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd >= 0 && write(fd, "x", 1) == 1 && fdatasync(fd) == 0 && ftruncate(fd, 0) == 0;
}

static bool resolves_names(void)
{
    int fd = open("/etc/hosts", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

static void *do_nothing(void *argument)
{
    return argument;
}

static bool starts_threads(void)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, do_nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

static bool makes_sockets(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 &&
           socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static bool reopens_unnamed_files(void)
{
    char path[64];
    int fd = memfd_create("test", MFD_CLOEXEC);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return fd >= 0 && open(path, O_RDONLY | O_CLOEXEC) >= 0;
}

#ifdef AEGIS_LEAK_CHECK
const char *__asan_default_options(void);

/* A report names addresses only: starting a symbolizer would be the end of a sandboxed process. */
const char *__asan_default_options(void)
{
    return "symbolize=0";
}

static void *wait_forever(void *argument)
{
    (void)pause();
    return argument;
}

/* A leak check in a process that may not be traced and has another thread, like the worker. */
static bool finds_leaks(void)
{
    pthread_t thread;
    (void)close(STDERR_FILENO); /* where the report goes */
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           pthread_create(&thread, NULL, wait_forever, NULL) == 0 &&
           __lsan_do_recoverable_leak_check() != 0;
}

static bool finds_what_leaks(void)
{
    static void *volatile planted;
    for (int i = 0; i < 16; i++) { /* of the last one, a register may still know */
        planted = base_alloc(77);
    }
    return planted != NULL && finds_leaks();
}

static bool finds_what_is_kept(void)
{
    static void *volatile kept;
    kept = base_alloc(77);
    return kept != NULL && finds_leaks();
}
#endif

/* -- what fails ------------------------------------------------------------------------------ */

static bool reads_passwords(void)
{
    return open("/etc/shadow", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool reads_users(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool reads_a_process(void)
{
    return open("/proc/1/environ", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool writes_elsewhere(void)
{
    return open("/tmp/aegis-sandbox-file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

static bool climbs_out(void)
{
    return open("../..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0;
}

static bool makes_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED;
}

static bool turns_data_into_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool binds_a_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static bool makes_packet_sockets(void)
{
    return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0;
}

static bool makes_unix_sockets(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static bool raises_limits(void)
{
    const struct rlimit64 {
        uint64_t now, most;
    } limit = {1024, 1024};
    return syscall(__NR_prlimit64, 0, 7, &limit, NULL) == 0;
}

static bool becomes_dumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

static bool becomes_another_user(void)
{
    return setresuid(1, 1, 1) == 0;
}

static bool uses_io_uring(void)
{
    uint8_t parameters[120] = {0};
    return syscall(__NR_io_uring_setup, 1, parameters) >= 0;
}

/* -- what ends it ---------------------------------------------------------------------------- */

static bool executes(void)
{
    return execl("/bin/true", "true", (char *)NULL) != 0;
}

static bool executes_a_descriptor(void)
{
    return syscall(__NR_execveat, 0, "", NULL, NULL, AT_EMPTY_PATH) == 0;
}

static bool forks(void)
{
    return fork() >= 0;
}

static bool clones(void)
{
    return syscall(__NR_clone, SIGCHLD, NULL, NULL, NULL, NULL) >= 0;
}

static bool traces(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool signals_others(void)
{
    return kill(getppid(), 0) == 0;
}

static bool signals_a_thread_of_others(void)
{
    return syscall(__NR_tgkill, getppid(), getppid(), 0) == 0;
}

static bool mounts(void)
{
    return mount("none", ".", "tmpfs", 0, NULL) == 0;
}

static bool leaves_its_root(void)
{
    return chroot(".") == 0;
}

static bool makes_a_user_namespace(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}

static bool loads_bpf(void)
{
    return syscall(__NR_bpf, 0, NULL, 0) == 0;
}

static bool reads_foreign_memory(void)
{
    return syscall(__NR_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) == 0;
}

static bool asks_for_keys(void)
{
    return syscall(__NR_keyctl, 0, 0, 0, 0, 0) >= 0;
}

static const struct {
    const char *name;
    bool (*act)(void);
    enum end expected;
    int landlock_abi; /* the row holds from this version on */
} ACTS[] = {
    {"writes its folder", writes_its_folder, END_WORKS, 0},
    {"resolves names", resolves_names, END_WORKS, 0},
    {"starts threads", starts_threads, END_WORKS, 0},
    {"makes sockets", makes_sockets, END_WORKS, 0},
    {"reopens unnamed files", reopens_unnamed_files, END_WORKS, 0},
#ifdef AEGIS_LEAK_CHECK
    {"finds what leaks", finds_what_leaks, END_WORKS, 0},
    {"finds no leak", finds_what_is_kept, END_FAILS, 0},
#endif
    {"reads passwords", reads_passwords, END_FAILS, 1},
    {"reads users", reads_users, END_FAILS, 1},
    {"reads a process", reads_a_process, END_FAILS, 1},
    {"writes elsewhere", writes_elsewhere, END_FAILS, 1},
    {"climbs out", climbs_out, END_FAILS, 1},
    {"makes code", makes_code, END_FAILS, 0},
    {"turns data into code", turns_data_into_code, END_FAILS, 0},
    {"binds a port", binds_a_port, END_FAILS, 4},
    {"makes packet sockets", makes_packet_sockets, END_FAILS, 0},
    {"makes unix sockets", makes_unix_sockets, END_FAILS, 0},
    {"raises limits", raises_limits, END_FAILS, 0},
    {"becomes dumpable", becomes_dumpable, CHECKS_LEAKS ? END_WORKS : END_FAILS, 0},
    {"becomes another user", becomes_another_user, END_FAILS, 0},
    {"uses io_uring", uses_io_uring, END_FAILS, 0},
    {"executes", executes, END_KILLED, 0},
    {"executes a descriptor", executes_a_descriptor, END_KILLED, 0},
    {"forks", forks, END_KILLED, 0},
    {"clones", clones, END_KILLED, 0},
    {"traces", traces, END_KILLED, 0},
    {"signals others", signals_others, END_KILLED, 0},
    {"signals a thread of others", signals_a_thread_of_others, END_KILLED, 0},
    {"mounts", mounts, END_KILLED, 0},
    {"leaves its root", leaves_its_root, END_KILLED, 0},
    {"makes a user namespace", makes_a_user_namespace, END_KILLED, 0},
    {"loads bpf", loads_bpf, END_KILLED, 0},
    {"reads foreign memory", reads_foreign_memory, END_KILLED, 0},
    {"asks for keys", asks_for_keys, END_KILLED, 0},
};

TEST(sandbox_holds)
{
    long landlock_abi =
        syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    for (size_t i = 0; i < COUNT_OF(ACTS); i++) {
        if (ACTS[i].landlock_abi == 0 || landlock_abi >= ACTS[i].landlock_abi) {
            CHECK_ROW(ACTS[i].name, try_act(ACTS[i].act) == ACTS[i].expected);
        }
    }
}
