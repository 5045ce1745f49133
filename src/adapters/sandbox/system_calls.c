#include "adapters/sandbox/system_calls.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define FOREIGN_BIT 0x40000000U /* calls of the x32 ABI */
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#define FOREIGN_BIT 0x80000000U /* there are none */
#else
#error "name the audit architecture of this machine"
#endif

#define OWN_PROCESS 0xFFFFFFFFU /* stands for our process number in the table */

enum rule_kind {
    RULE_ALLOW = 0,
    RULE_IF_EQUAL, /* allow when the argument has this value; several rows: one of them */
    RULE_IF_CLEAR, /* allow when none of these bits is set */
    RULE_IF_SET,   /* allow when one of these bits is set */
    RULE_KILL,     /* what only an attacker does ends the process */
};

/* Arguments are compared by their low 32 bits: the kernel takes all of these as int or flags. */
struct rule {
    int number;
    enum rule_kind kind;
    uint8_t argument;
    uint32_t value;
};

/* The calls of the data path come first. Whatever is not listed answers "not implemented", so that
 * libraries fall back to what is: clone3, whose flags a filter cannot see, becomes clone. */
static const struct rule RULES[] = {
    {.number = __NR_epoll_pwait},
    {.number = __NR_read},
    {.number = __NR_write},
    {.number = __NR_writev},
    {.number = __NR_recvmsg},
    {.number = __NR_sendmsg},
    {.number = __NR_recvfrom},
    {.number = __NR_sendto},
    {.number = __NR_futex},
    {.number = __NR_epoll_ctl},
    {.number = __NR_accept4},
    {.number = __NR_close},
    {.number = __NR_fdatasync},
    {.number = __NR_fsync},
    {.number = __NR_pwrite64},
    {.number = __NR_pread64},
    {.number = __NR_readv},
    /* memory, none of it executable */
    {.number = __NR_mmap, .kind = RULE_IF_CLEAR, .argument = 2, .value = PROT_EXEC},
    {.number = __NR_mprotect, .kind = RULE_IF_CLEAR, .argument = 2, .value = PROT_EXEC},
    {.number = __NR_munmap},
    {.number = __NR_mremap},
    {.number = __NR_madvise},
    {.number = __NR_brk},
    {.number = __NR_mlock},
    {.number = __NR_munlock},
    {.number = __NR_msync},
    {.number = __NR_memfd_create},
    {.number = __NR_membarrier},
    /* sockets */
    {.number = __NR_socket, .kind = RULE_IF_EQUAL, .value = AF_INET},
    {.number = __NR_socket, .kind = RULE_IF_EQUAL, .value = AF_INET6},
    {.number = __NR_socket, .kind = RULE_IF_EQUAL, .value = AF_NETLINK}, /* getaddrinfo */
    {.number = __NR_socketpair, .kind = RULE_IF_EQUAL, .value = AF_UNIX},
    {.number = __NR_connect},
    {.number = __NR_bind},
    {.number = __NR_listen},
    {.number = __NR_shutdown},
    {.number = __NR_getsockname},
    {.number = __NR_getpeername},
    {.number = __NR_getsockopt},
    {.number = __NR_setsockopt},
    {.number = __NR_sendmmsg},
    {.number = __NR_recvmmsg},
    /* waiting */
    {.number = __NR_epoll_create1},
    {.number = __NR_eventfd2},
    {.number = __NR_pipe2},
    {.number = __NR_ppoll},
    {.number = __NR_pselect6},
    {.number = __NR_nanosleep},
    {.number = __NR_clock_nanosleep},
    {.number = __NR_clock_gettime},
    {.number = __NR_clock_getres},
    {.number = __NR_gettimeofday},
    {.number = __NR_restart_syscall},
    /* files: which ones is for landlock and the user to say */
    {.number = __NR_openat},
    {.number = __NR_fstat},
    {.number = __NR_newfstatat},
    {.number = __NR_statx},
    {.number = __NR_fstatfs},
    {.number = __NR_statfs},
    {.number = __NR_lseek},
    {.number = __NR_fcntl},
    {.number = __NR_flock},
    {.number = __NR_dup},
    {.number = __NR_dup3},
    {.number = __NR_faccessat},
    {.number = __NR_readlinkat},
    {.number = __NR_getdents64},
    {.number = __NR_getcwd},
    {.number = __NR_ftruncate},
    {.number = __NR_fallocate},
    {.number = __NR_fchmod},
    {.number = __NR_mkdirat},
    {.number = __NR_linkat},
    {.number = __NR_renameat},
    {.number = __NR_unlinkat},
    {.number = __NR_umask},
    {.number = __NR_ioctl, .kind = RULE_IF_EQUAL, .argument = 1, .value = FIONBIO},
    {.number = __NR_ioctl, .kind = RULE_IF_EQUAL, .argument = 1, .value = FIONREAD},
    {.number = __NR_ioctl, .kind = RULE_IF_EQUAL, .argument = 1, .value = FIOCLEX},
    {.number = __NR_ioctl, .kind = RULE_IF_EQUAL, .argument = 1, .value = TCGETS}, /* isatty */
    /* threads, no processes */
    {.number = __NR_clone, .kind = RULE_IF_SET, .argument = 0, .value = CLONE_THREAD},
    {.number = __NR_set_robust_list},
    {.number = __NR_rseq},
    {.number = __NR_set_tid_address},
    {.number = __NR_sched_yield},
    {.number = __NR_sched_getaffinity},
    {.number = __NR_exit},
    {.number = __NR_exit_group},
    {.number = __NR_gettid},
    {.number = __NR_getpid},
    {.number = __NR_getppid},
    {.number = __NR_prctl, .kind = RULE_IF_EQUAL, .argument = 0, .value = PR_SET_NAME},
    {.number = __NR_prctl, .kind = RULE_IF_EQUAL, .argument = 0, .value = PR_GET_DUMPABLE},
    /* signals, to itself only */
    {.number = __NR_rt_sigaction},
    {.number = __NR_rt_sigprocmask},
    {.number = __NR_rt_sigreturn},
    {.number = __NR_rt_sigtimedwait},
    {.number = __NR_sigaltstack},
    {.number = __NR_tgkill, .kind = RULE_IF_EQUAL, .argument = 0, .value = OWN_PROCESS},
    /* who and where am I */
    {.number = __NR_getuid},
    {.number = __NR_geteuid},
    {.number = __NR_getgid},
    {.number = __NR_getegid},
    {.number = __NR_getrandom},
    {.number = __NR_getrusage},
    {.number = __NR_prlimit64, .kind = RULE_IF_EQUAL, .argument = 2, .value = 0}, /* to read */
    {.number = __NR_sysinfo},
    {.number = __NR_uname},
#if defined(__x86_64__)
    /* older names that this machine also has */
    {.number = __NR_epoll_wait},
    {.number = __NR_poll},
    {.number = __NR_select},
    {.number = __NR_open},
    {.number = __NR_stat},
    {.number = __NR_lstat},
    {.number = __NR_access},
    {.number = __NR_readlink},
    {.number = __NR_mkdir},
    {.number = __NR_link},
    {.number = __NR_rename},
    {.number = __NR_unlink},
    {.number = __NR_pipe},
    {.number = __NR_dup2},
    {.number = __NR_time},
    {.number = __NR_fork, .kind = RULE_KILL},
    {.number = __NR_vfork, .kind = RULE_KILL},
#endif
#ifdef AEGIS_LEAK_CHECK
    /* LeakSanitizer looks at the stopped threads from a process that shares this one's memory. */
    {.number = __NR_clone, .kind = RULE_IF_SET, .argument = 0, .value = CLONE_UNTRACED},
    {.number = __NR_prctl, .kind = RULE_IF_EQUAL, .argument = 0, .value = PR_SET_DUMPABLE},
    {.number = __NR_prctl, .kind = RULE_IF_EQUAL, .argument = 0, .value = PR_SET_PTRACER},
    {.number = __NR_prctl, .kind = RULE_IF_EQUAL, .argument = 0, .value = PR_SET_PDEATHSIG},
    {.number = __NR_ptrace, .kind = RULE_IF_EQUAL, .argument = 0, .value = PTRACE_ATTACH},
    {.number = __NR_ptrace, .kind = RULE_IF_EQUAL, .argument = 0, .value = PTRACE_GETREGS},
    {.number = __NR_ptrace, .kind = RULE_IF_EQUAL, .argument = 0, .value = PTRACE_GETREGSET},
    {.number = __NR_ptrace, .kind = RULE_IF_EQUAL, .argument = 0, .value = PTRACE_CONT},
    {.number = __NR_ptrace, .kind = RULE_IF_EQUAL, .argument = 0, .value = PTRACE_DETACH},
    {.number = __NR_wait4},
#ifdef __NR_getdents
    {.number = __NR_getdents},
#endif
#endif
    {.number = __NR_clone, .kind = RULE_KILL}, /* without CLONE_THREAD */
    {.number = __NR_execve, .kind = RULE_KILL},
    {.number = __NR_execveat, .kind = RULE_KILL},
    {.number = __NR_ptrace, .kind = RULE_KILL},
    {.number = __NR_process_vm_readv, .kind = RULE_KILL},
    {.number = __NR_process_vm_writev, .kind = RULE_KILL},
    {.number = __NR_kill, .kind = RULE_KILL},
    {.number = __NR_tgkill, .kind = RULE_KILL},
    {.number = __NR_mount, .kind = RULE_KILL},
    {.number = __NR_umount2, .kind = RULE_KILL},
    {.number = __NR_pivot_root, .kind = RULE_KILL},
    {.number = __NR_chroot, .kind = RULE_KILL},
    {.number = __NR_unshare, .kind = RULE_KILL},
    {.number = __NR_setns, .kind = RULE_KILL},
    {.number = __NR_bpf, .kind = RULE_KILL},
    {.number = __NR_init_module, .kind = RULE_KILL},
    {.number = __NR_finit_module, .kind = RULE_KILL},
    {.number = __NR_kexec_load, .kind = RULE_KILL},
    {.number = __NR_open_by_handle_at, .kind = RULE_KILL},
    {.number = __NR_perf_event_open, .kind = RULE_KILL},
    {.number = __NR_userfaultfd, .kind = RULE_KILL},
    {.number = __NR_add_key, .kind = RULE_KILL},
    {.number = __NR_request_key, .kind = RULE_KILL},
    {.number = __NR_keyctl, .kind = RULE_KILL},
};

struct compiler {
    struct sock_filter *program;
    size_t count;
};

static void emit(struct compiler *compiler, uint16_t code, uint8_t if_true, uint8_t if_false,
                 uint32_t value)
{
    assert(compiler->count < FILTER_INSTRUCTIONS_MAX);
    compiler->program[compiler->count++] =
        (struct sock_filter){.code = code, .jt = if_true, .jf = if_false, .k = value};
}

static void load(struct compiler *compiler, size_t offset)
{
    emit(compiler, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void answer(struct compiler *compiler, uint32_t action)
{
    emit(compiler, BPF_RET | BPF_K, 0, 0, action);
}

/* The number is in the accumulator before and after. */
static void compile_rule(struct compiler *compiler, const struct rule *rule)
{
    uint32_t value = rule->value == OWN_PROCESS ? (uint32_t)getpid() : rule->value;
    uint32_t number = (uint32_t)rule->number;
    size_t low_word = offsetof(struct seccomp_data, args) + rule->argument * sizeof(uint64_t);
    if (rule->kind == RULE_ALLOW || rule->kind == RULE_KILL) {
        emit(compiler, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number);
        answer(compiler, rule->kind == RULE_KILL ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ALLOW);
        return;
    }
    emit(compiler, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, number);
    load(compiler, low_word);
    if (rule->kind == RULE_IF_EQUAL) {
        emit(compiler, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
    } else {
        bool wants_set = rule->kind == RULE_IF_SET;
        emit(compiler, BPF_JMP | BPF_JSET | BPF_K, wants_set ? 0 : 1, wants_set ? 1 : 0, value);
    }
    answer(compiler, SECCOMP_RET_ALLOW);
    load(compiler, offsetof(struct seccomp_data, nr));
}

size_t system_calls_compile(struct sock_filter program[FILTER_INSTRUCTIONS_MAX])
{
    struct compiler compiler = {.program = program};
    load(&compiler, offsetof(struct seccomp_data, arch));
    emit(&compiler, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCHITECTURE);
    answer(&compiler, SECCOMP_RET_KILL_PROCESS);
    load(&compiler, offsetof(struct seccomp_data, nr));
    emit(&compiler, BPF_JMP | BPF_JSET | BPF_K, 0, 1, FOREIGN_BIT);
    answer(&compiler, SECCOMP_RET_KILL_PROCESS);
    for (size_t i = 0; i < COUNT_OF(RULES); i++) {
        compile_rule(&compiler, &RULES[i]);
    }
    answer(&compiler, SECCOMP_RET_ERRNO | ENOSYS);
    return compiler.count;
}

enum status system_calls_restrict(struct diag *diag)
{
    struct sock_filter program[FILTER_INSTRUCTIONS_MAX];
    const struct sock_fprog filter = {(unsigned short)system_calls_compile(program), program};
    if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "sandbox.seccomp",
                         "the kernel takes no system call filter: %s", strerror(errno));
    }
    return STATUS_OK;
}
