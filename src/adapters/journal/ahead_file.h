/* ahead_file.h: a file that grows at its end, and whose syncs are cheap. Private to this folder.
 *
 * A sync of a file that has become longer makes the file system write down the new blocks and the
 * new size, and wait for its own journal. So zeros are written behind the end when there is time
 * (ahead_file_prepare), and what is appended later takes their place: then a sync is the bytes and
 * no more. A reader finds zeros behind the end, if anything. Without zeros ahead all of it works as
 * well, at a higher price.
 *
 * Whole blocks are written, with zeros behind the end, so that they can go past the page cache:
 * what is written once and hardly read costs more than its writing there, above all in a virtual
 * machine whose free memory belongs to its host (docs/benchmarks.md). Of the block that is not full
 * yet the same bytes are written again with the next ones. Nothing is tried twice: after a failure
 * the owner closes the file.
 */
#ifndef AEGIS_ADAPTERS_JOURNAL_AHEAD_FILE_H
#define AEGIS_ADAPTERS_JOURNAL_AHEAD_FILE_H

#include "adapters/journal/journal_files.h"
#include "base/slice.h"
#include "base/status.h"

struct ahead_file {
    const struct journal_files *files;
    bool is_direct;
    uint8_t *memory; /* what the next two lie in */
    uint8_t *stage;  /* what is written; begins with the block that is not full */
    const uint8_t *zeros;
    int fd;          /* -1: closed */
    uint64_t end;    /* behind what was appended */
    uint64_t zeroed; /* from the end to here there are zeros */
    bool has_room;   /* the last attempt to write ahead in this file succeeded */
};

/* is_direct: past the page cache where that can be done. STATUS_LIMIT: no memory. */
NODISCARD enum status ahead_file_init(struct ahead_file *file, const struct journal_files *files,
                                      bool is_direct);

/* Closes it, too. */
void ahead_file_release(struct ahead_file *file);

bool ahead_file_is_open(const struct ahead_file *file);

/* Begin a new, empty file; the one before must be closed. STATUS_UNAVAILABLE. */
NODISCARD enum status ahead_file_create(struct ahead_file *file, int directory_fd,
                                        const char *name);

/* STATUS_UNAVAILABLE: some of it may be in the file. */
NODISCARD enum status ahead_file_append(struct ahead_file *file, struct slice bytes);

/* STATUS_UNAVAILABLE. */
NODISCARD enum status ahead_file_sync(struct ahead_file *file);

/* Is little left of what was written ahead, and may there be more before bytes_max? */
bool ahead_file_is_short(const struct ahead_file *file, uint64_t bytes_max);

/* Write zeros ahead, the more the longer the file is; a sync has to follow. When it fails nothing
 * is lost: a full disk may still have room for records. */
void ahead_file_prepare(struct ahead_file *file, uint64_t bytes_max);

/* Cut the zeros off and close. */
void ahead_file_finish(struct ahead_file *file);

/* Close and leave all as it is. */
void ahead_file_close(struct ahead_file *file);

#endif
