/* In builds for ThreadSanitizer: tells it of the descriptors that libuv closes.
 *
 * ThreadSanitizer watches descriptors by watching close(). The libuv of Debian 12 closes by
 * syscall(SYS_close, ...) instead, which it does not see, so it takes the next descriptor of the
 * same number, on another thread, for the old one and reports a race between accept4 or closedir
 * and an epoll_ctl of long ago. This syscall() says what the other keeps to itself.
 */
#include <dlfcn.h>
#include <sanitizer/linux_syscall_hooks.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARGUMENTS 6

typedef long (*syscall_fn)(long number, ...);

static syscall_fn real_syscall;

/* While there is one thread. */
__attribute__((constructor)) static void find_syscall(void)
{
    real_syscall = (syscall_fn)dlsym(RTLD_NEXT, "syscall");
}

long syscall(long number, ...)
{
    long arguments[ARGUMENTS];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < ARGUMENTS; i++) {
        arguments[i] = va_arg(list, long);
    }
    va_end(list);
    if (number == SYS_close) {
        __sanitizer_syscall_pre_close(arguments[0]);
    }
    return real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
                        arguments[4], arguments[5]);
}
