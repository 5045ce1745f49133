/* journal_files.h: the file operations the journal writes with, so that a test can make them fail.
 *
 * What is direct goes past the page cache (O_DIRECT), where the file system can do that: addresses,
 * lengths and places are multiples of JOURNAL_BLOCK_BYTES then. Each function behaves like the
 * system call of its name: -1 and errno on failure. Reading does not go through here: what matters
 * is what a crash or a broken device does to written bytes.
 */
#ifndef AEGIS_ADAPTERS_JOURNAL_JOURNAL_FILES_H
#define AEGIS_ADAPTERS_JOURNAL_JOURNAL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define JOURNAL_BLOCK_BYTES 4096 /* no device has larger sectors */

struct journal_files {
    void *context;
    /* A new file for writing; one of that name is removed before, because what a failed sync left
     * of it must not be synced again. */
    int (*create)(void *context, int directory_fd, const char *name, bool is_direct);
    ssize_t (*pwrite)(void *context, int fd, const void *bytes, size_t count, off_t offset);
    int (*ftruncate)(void *context, int fd, off_t size);
    int (*fdatasync)(void *context, int fd);
    int (*rename)(void *context, int directory_fd, const char *from, const char *to);
    int (*sync_directory)(void *context, int directory_fd);
    void (*close)(void *context, int fd);
};

extern const struct journal_files journal_files_system;

#endif
