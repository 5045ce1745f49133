/* spawn.h: one program as a child of this process: fork, exec, signal, reap.
 *
 * The one place where Aegis starts programs. Used by the process that owns the children: the
 * supervisor of `aegis serve`, or the single process of `aegis proxy`. */
#ifndef AEGIS_ADAPTERS_PROCESS_SPAWN_H
#define AEGIS_ADAPTERS_PROCESS_SPAWN_H

#include "core/ports/process.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SPAWN_DESCRIPTORS_MAX 8

/* What a program and all that it starts may use at most; 0: as much as we. Core files there are
 * none.
 */
struct program_limits {
    size_t memory_bytes;  /* address space of each process */
    size_t data_bytes;    /* private memory of each process that it can write */
    size_t file_bytes;    /* of each file it writes */
    size_t descriptors;   /* of each process */
    uint32_t processor_s; /* of each process */
};

/* Borrowed and immutable. argv NULL: there is no program. */
struct program {
    const char *file;               /* what is executed; NULL: argv[0], looked up in our PATH */
    const char *const *argv;        /* NULL-terminated */
    const char *const *environment; /* "NAME=value", NULL-terminated: all it gets */
    const char *directory;          /* where it starts; NULL: ours */
    bool has_user;                  /* run as user and group, without other groups */
    uid_t user;
    gid_t group;
    const struct program_limits *limits; /* NULL: ours */
};

struct spawned {
    pid_t pid;
    int pidfd; /* readable when the program has ended; -1 when there is none */
};

/* Start a program with descriptor_count (SPAWN_DESCRIPTORS_MAX) descriptors, which become its 0, 1,
 * 2 and so on and stay the caller's. Blocks until it was executed or could not be, and returns that
 * errno, 0 when it runs. Call from a thread that lives as long as the program may: the program is
 * killed when that thread ends. */
NODISCARD int spawn_start(const struct program *program, const int *descriptors,
                          size_t descriptor_count, struct spawned *out);

/* The same for the program of a server; ENOENT when it has none. */
NODISCARD int spawn_start_server(const struct program *programs, size_t program_count,
                                 uint32_t server, const int streams[PROCESS_STREAMS],
                                 struct spawned *out);

/* Signal its whole group. */
void spawn_signal(const struct spawned *spawned, enum process_signal signal);

/* Once pidfd is readable: kill what is left of its group, collect it, close pidfd. */
void spawn_reap(struct spawned *spawned, struct process_end *end);

/* Close streams once the program has its own, or there is none. */
void spawn_close_streams(const int streams[PROCESS_STREAMS]);

#endif
