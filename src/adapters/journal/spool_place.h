/* spool_place.h: where the memory of a journal's spool (spool.h) is found again.
 *
 * Shared memory with a name (shm_overview(7)): it is there until the machine stops, as pages of
 * files are that were written and not synced, and no loop ever waits for a device on its account.
 * The journal's folder says the name, in the file `spool`: to the next start, when all our
 * processes were killed, and to readers.
 */
#ifndef AEGIS_ADAPTERS_JOURNAL_SPOOL_PLACE_H
#define AEGIS_ADAPTERS_JOURNAL_SPOOL_PLACE_H

#include "base/diag.h"

#define SPOOL_PLACE_FILE "spool"
#define SPOOL_NAME_BYTES 40 /* "/aegis-", 32 digits, NUL */

struct spool_place {
    int directory_fd, descriptor; /* -1: there is none */
    char name[SPOOL_NAME_BYTES];
};

#define SPOOL_PLACE_NONE ((struct spool_place){.directory_fd = -1, .descriptor = -1})

/* Find the memory that the journal in this folder (which exists) had, if it belongs to the folder's
 * owner or to us and nobody else can open it; else make some, for the folder's owner. It is locked:
 * STATUS_CONFLICT journal.locked when another process has it. STATUS_UNAVAILABLE spool.memory. */
NODISCARD enum status spool_place_open(const char *directory, struct spool_place *out,
                                       struct diag *diag);

/* Accepts SPOOL_PLACE_NONE. The memory stays when there is something to be found in it. */
void spool_place_close(struct spool_place *place);

/* For readers of the journal in this folder: when a process writes it, wait until what was answered
 * before is in a segment, a second at most. */
void spool_wait_for_writer(const char *directory);

#endif
