#include "support/memory_only.h"

#include "base/slice.h"
#include "base/status.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "name the audit architecture of this machine"
#endif

#define EXIT_TRUE 0
#define EXIT_FALSE 1
#define EXIT_NO_FILTER 2

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ALLOW(number)                                                                              \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),                                           \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Memory, and the end of the process. A sanitizer locks, yields and looks for its
 * stack as well; none of that leaves the process. */
static bool install_filter(void)
{
    struct sock_filter program[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
        ALLOW(__NR_brk),
        ALLOW(__NR_mmap),
        ALLOW(__NR_munmap),
        ALLOW(__NR_mremap),
        ALLOW(__NR_mprotect),
        ALLOW(__NR_madvise),
        ALLOW(__NR_futex),
        ALLOW(__NR_sched_yield),
        ALLOW(__NR_sigaltstack),
        ALLOW(__NR_exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    const struct sock_fprog filter = {COUNT_OF(program), program};
    const struct rlimit no_core = {0, 0};
    return setrlimit(RLIMIT_CORE, &no_core) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

enum memory_only_end memory_only_run(bool (*body)(void *context), void *context)
{
    int state = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (!install_filter()) {
            _exit(EXIT_NO_FILTER);
        }
        _exit(body(context) ? EXIT_TRUE : EXIT_FALSE);
    }
    if (pid < 0 || waitpid(pid, &state, 0) != pid) {
        return MEMORY_ONLY_BROKEN;
    }
    if (WIFSIGNALED(state)) {
        return WTERMSIG(state) == SIGSYS ? MEMORY_ONLY_KILLED : MEMORY_ONLY_BROKEN;
    }
    switch (WEXITSTATUS(state)) {
    case EXIT_TRUE:
        return MEMORY_ONLY_TRUE;
    case EXIT_FALSE:
        return MEMORY_ONLY_FALSE;
    default:
        return MEMORY_ONLY_BROKEN;
    }
}
