#include "adapters/journal/spool.h"

#include "adapters/journal/journal_format.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LENGTH_BYTES 4

struct spool_half {
    _Atomic uint32_t filled; /* bytes that count: what is being copied behind them does not yet */
    uint8_t bytes[SPOOL_HALF_BYTES]; /* u32 length and payload each */
};

struct spool_memory {
    _Atomic uint64_t kept, written; /* as in struct spool_counts */
    _Atomic uint32_t filling;       /* the half that loops fill; the other one is taken */
    uint32_t reserved;
    struct spool_half halves[2];
};

static_assert(sizeof(struct spool_memory) == SPOOL_BYTES, "nothing is between");

static enum status fail(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_UNAVAILABLE, "spool.memory", "cannot %s memory for records: %s",
                     what, strerror(errno));
}

static struct spool_half *filling(const struct spool *spool)
{
    return &spool->memory
                ->halves[atomic_load_explicit(&spool->memory->filling, memory_order_relaxed)];
}

static struct spool_half *taken(const struct spool *spool)
{
    return &spool->memory
                ->halves[1 - atomic_load_explicit(&spool->memory->filling, memory_order_relaxed)];
}

/* -- what an earlier process left ----------------------------------------------------------- */

/* Like no checkpoint (checkpoint_is), and like nothing that is unfinished (frame_is_unfinished). */
static bool is_record(struct slice payload)
{
    return payload.len >= 2 && payload.len <= PAYLOAD_BYTES_MAX && payload.ptr[0] == '{' &&
           payload.ptr[payload.len - 1] == '}';
}

static bool next(const struct spool_half *half, size_t filled, size_t *at, struct slice *payload)
{
    uint32_t len;
    if (filled - *at < LENGTH_BYTES) {
        return false;
    }
    memcpy(&len, half->bytes + *at, LENGTH_BYTES);
    if (filled - *at - LENGTH_BYTES < len) {
        return false;
    }
    *payload = slice_of(half->bytes + *at + LENGTH_BYTES, len);
    *at += LENGTH_BYTES + len;
    return true;
}

/* Keep what are records up to the first thing that is none. */
static bool keep_records(struct spool_half *half)
{
    size_t filled = atomic_load_explicit(&half->filled, memory_order_acquire), good = 0, at = 0;
    struct slice payload;
    size_t end = filled <= SPOOL_HALF_BYTES ? filled : 0;
    while (next(half, end, &at, &payload) && is_record(payload)) {
        good = at;
    }
    atomic_store_explicit(&half->filled, (uint32_t)good, memory_order_release);
    return good == filled;
}

enum status spool_open(int descriptor, struct spool *out, struct diag *diag)
{
    struct stat about;
    if (fstat(descriptor, &about) != 0 || about.st_size != (off_t)sizeof(struct spool_memory)) {
        errno = EINVAL;
        return fail(diag, "use");
    }
    void *memory =
        mmap(NULL, sizeof(struct spool_memory), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) {
        return fail(diag, "map");
    }
    *out = (struct spool){.memory = memory};
    bool is_whole = atomic_load_explicit(&out->memory->filling, memory_order_relaxed) <= 1;
    if (!is_whole) {
        atomic_store_explicit(&out->memory->filling, 0, memory_order_relaxed);
    }
    for (size_t i = 0; i < COUNT_OF(out->memory->halves); i++) {
        is_whole = keep_records(&out->memory->halves[i]) && is_whole;
    }
    out->is_damaged = !is_whole;
    /* Until the first spool_drop what is here counts as not written. */
    out->taken = atomic_load_explicit(&out->memory->kept, memory_order_relaxed);
    return STATUS_OK;
}

void spool_strike(struct spool *spool, struct slice payload)
{
    size_t at = spool->offset;
    struct slice ours;
    if (spool_next(spool, &at, &ours) && slice_eq(ours, payload)) {
        spool->offset = at;
    }
}

void spool_close(struct spool *spool)
{
    if (spool->memory != NULL) {
        (void)munmap(spool->memory, sizeof(*spool->memory));
    }
    *spool = (struct spool){0};
}

/* -- records in and out ------------------------------------------------------------------- */

bool spool_add(struct spool *spool, struct slice payload)
{
    assert(is_record(payload));
    struct spool_half *half = filling(spool);
    size_t filled = atomic_load_explicit(&half->filled, memory_order_relaxed);
    uint32_t len = (uint32_t)payload.len;
    if (SPOOL_HALF_BYTES - filled < LENGTH_BYTES + payload.len) {
        return false;
    }
    memcpy(half->bytes + filled, &len, LENGTH_BYTES);
    memcpy(half->bytes + filled + LENGTH_BYTES, payload.ptr, payload.len);
    atomic_store_explicit(&half->filled, (uint32_t)(filled + LENGTH_BYTES + payload.len),
                          memory_order_release);
    atomic_fetch_add_explicit(&spool->memory->kept, 1, memory_order_release);
    return true;
}

bool spool_is_empty(const struct spool *spool)
{
    return atomic_load_explicit(&filling(spool)->filled, memory_order_relaxed) == 0 &&
           atomic_load_explicit(&taken(spool)->filled, memory_order_relaxed) == 0;
}

void spool_take(struct spool *spool)
{
    if (atomic_load_explicit(&taken(spool)->filled, memory_order_relaxed) == 0) {
        atomic_store_explicit(
            &spool->memory->filling,
            1 - atomic_load_explicit(&spool->memory->filling, memory_order_relaxed),
            memory_order_relaxed);
        spool->taken = atomic_load_explicit(&spool->memory->kept, memory_order_relaxed);
    }
}

bool spool_next(const struct spool *spool, size_t *at, struct slice *payload)
{
    const struct spool_half *half = taken(spool);
    *at = *at < spool->offset ? spool->offset : *at;
    return next(half, atomic_load_explicit(&half->filled, memory_order_acquire), at, payload);
}

void spool_drop(struct spool *spool)
{
    atomic_store_explicit(&taken(spool)->filled, 0, memory_order_release);
    atomic_store_explicit(&spool->memory->written, spool->taken, memory_order_release);
    spool->offset = 0;
}

bool spool_counts_read(int descriptor, struct spool_counts *out)
{
    static_assert(offsetof(struct spool_memory, kept) == 0 &&
                      offsetof(struct spool_memory, written) == sizeof(out->kept),
                  "they begin it");
    return pread(descriptor, out, sizeof(*out), 0) == (ssize_t)sizeof(*out);
}
