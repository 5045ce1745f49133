/* memory_only.h: run code in a process that may ask the kernel for memory and for nothing else.
 *
 * The first other system call (a socket, a file, a thread, a wait) kills that process, so a body
 * that ends has touched no network, no disk and no other process. Reading a clock through the vDSO
 * is no system call; tools/check_layers keeps the pure layers from including <time.h>. */
#ifndef AEGIS_TESTS_SUPPORT_MEMORY_ONLY_H
#define AEGIS_TESTS_SUPPORT_MEMORY_ONLY_H

#include <stdbool.h>

enum memory_only_end {
    MEMORY_ONLY_BROKEN = 0, /* the child or its filter could not be made */
    MEMORY_ONLY_TRUE,
    MEMORY_ONLY_FALSE,
    MEMORY_ONLY_KILLED, /* it asked for something else */
};

/* What became of body(context) in a forked child: what it returned, or that it was killed. */
enum memory_only_end memory_only_run(bool (*body)(void *context), void *context);

#endif
