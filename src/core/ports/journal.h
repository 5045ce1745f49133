/* journal.h: keep a record, and say when it is safe.
 *
 * The core writes an intent durably before an effect and an outcome before the answer. A record
 * that cannot be kept answers STATUS_UNAVAILABLE (code audit.unavailable) and the caller refuses
 * the operation: no record, no answer.
 */
#ifndef AEGIS_CORE_PORTS_JOURNAL_H
#define AEGIS_CORE_PORTS_JOURNAL_H

#include "base/slice.h"
#include "core/ports/poster.h"

#include <stdint.h>

#define JOURNAL_UNAVAILABLE "audit.unavailable"

struct journal_request {
    struct slice payload; /* one encoded record; copied by append */
    bool durable;         /* complete only after the bytes reached the device */
    /* Called once on the loop of poster: STATUS_OK, or STATUS_UNAVAILABLE when the record may be
     * missing and must be treated as missing. NULL: nobody waits. */
    void (*done)(void *user, uint64_t ticket, enum status status);
    void *user;
    uint64_t ticket;            /* given back to done */
    struct port_poster *poster; /* borrowed until done; may be NULL only when done is */
    /* Do not start yet: the poster's loop says when its turn ends, this one and the one in which
     * done is called (end_turn). */
    bool gathers;
};

struct port_journal {
    void *context;
    /* Never blocks; safe from any thread. STATUS_OK: done will be called exactly once, never from
     * within append. Any other status: done is not called. STATUS_UNAVAILABLE: the queue is full,
     * the device hangs or the journal closes; STATUS_LIMIT: the payload is too long. */
    enum status (*append)(void *context, const struct journal_request *request);
    /* Keep a record that needs no sync at once: when it returns true, the record is safe from the
     * end of this process and nobody has to wait. It is written with the next group, or when it is
     * flushed. False: append it. Never blocks; safe from any thread. */
    bool (*keep)(void *context, struct slice payload);
    /* The turn of this poster's loop ends: start on what was appended with `gathers`, so that the
     * records of a turn share one write and sync. A loop that is about to hear of an earlier group
     * has that turn first: what it appends then goes along. On the loop; cheap. */
    void (*end_turn)(void *context, const struct port_poster *poster);
    /* Start on everything, also on what was only kept. From any thread. */
    void (*flush)(void *context);
    /* False while the last group could not be kept or the device hangs. From any thread. */
    bool (*is_healthy)(void *context);
};

#endif
