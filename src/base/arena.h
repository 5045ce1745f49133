/* arena.h: memory that lives exactly as long as one exchange, session or snapshot.
 *
 * An arena hands out memory from blocks and gives all of it back in one step. It has a byte limit
 * given at birth and charges every block to an account, so a hostile message ends its own exchange
 * and never the process. Not thread-safe: one owner.
 */
#ifndef AEGIS_BASE_ARENA_H
#define AEGIS_BASE_ARENA_H

#include "base/slice.h"
#include "base/status.h"

/* A budget in bytes that several arenas and buffers share. Owned by one loop. */
struct account {
    struct account *parent; /* charged as well; NULL at the top */
    size_t used_bytes;
    size_t limit_bytes;
};

/* Charge bytes to the account and all its parents; STATUS_LIMIT leaves all unchanged. */
NODISCARD enum status account_charge(struct account *account, size_t bytes);

void account_release(struct account *account, size_t bytes);

/* Put middle between account and its parent, which must be middle's parent, too: what account holds
 * is charged to middle as well. STATUS_LIMIT leaves all unchanged. */
NODISCARD enum status account_insert(struct account *account, struct account *middle);

#define ARENA_BLOCK_BYTES_MIN 2048
#define ARENA_SPARES_MAX 64

struct arena_block;

/* Pieces of memory of one size that their owners have done with, for the next ones: memory that is
 * warm, and no work for the heap. Of one loop. Begins with its size and zeros. What waits here is
 * bounded by ARENA_SPARES_MAX and of no account; what is in use is charged as ever. A sanitizer of
 * addresses, and a test that counts allocations, find nothing kept. */
struct arena_spares {
    size_t bytes; /* of each; ARENA_BLOCK_BYTES_MIN for those of arenas */
    struct arena_block *first;
    size_t count;
};

/* spares->bytes of memory, or NULL; what is there is not cleared. */
NODISCARD void *arena_spares_take(struct arena_spares *spares);

/* Give back what arena_spares_take gave. */
void arena_spares_give(struct arena_spares *spares, void *memory);

void arena_spares_release(struct arena_spares *spares);

struct arena {
    struct arena_block *blocks;  /* newest first */
    struct account *account;     /* borrowed, may be NULL */
    struct arena_spares *spares; /* of first blocks; borrowed, set behind arena_init, else NULL */
    uint8_t *next, *end;         /* free part of the newest block */
    size_t used_bytes;           /* size of all blocks */
    size_t limit_bytes;
};

/* limit_bytes bounds the sum of all blocks; account is borrowed and may be NULL. */
void arena_init(struct arena *arena, size_t limit_bytes, struct account *account);

/* Give back everything; the arena is as after arena_init. */
void arena_release(struct arena *arena);

/* The same for secrets: what was there is overwritten first. */
void arena_wipe(struct arena *arena);

/* Forget all contents but keep one block, unless it is large, for the next use: for hot loops. */
void arena_reset(struct arena *arena);

/* size bytes, aligned for any type, not cleared; NULL when the limit or the account is exhausted or
 * the system has no memory. A size of 0 gives a valid pointer. */
NODISCARD void *arena_alloc(struct arena *arena, size_t size);

/* Like arena_alloc for count elements of size, cleared to zero; NULL also on overflow. */
NODISCARD void *arena_alloc_zero(struct arena *arena, size_t count, size_t size);

/* A copy of text in the arena. STATUS_LIMIT when there is no room. */
NODISCARD enum status arena_copy(struct arena *arena, struct slice text, struct slice *out);

/* The parts, one after another, in the arena. STATUS_LIMIT when there is no room. */
NODISCARD enum status arena_join(struct arena *arena, const struct slice *parts, size_t count,
                                 struct slice *out);

/* A formatted text in the arena (without a NUL in its length, but one follows it). */
NODISCARD enum status arena_format(struct arena *arena, struct slice *out, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Allocation source of the whole program. Tests replace it to fail the n-th allocation.
 * Every heap allocation of src/ goes through these functions. */
NODISCARD void *base_alloc(size_t size);
/* Zeros. A large table costs no memory until it is used, where memset would touch all of it. */
NODISCARD void *base_alloc_zero(size_t size);
NODISCARD void *base_realloc(void *ptr, size_t size);
void base_free(void *ptr);

/* Test hook: NULL restores the default. Called before each allocation; false makes it fail. While
 * it is set, each piece of an arena is an allocation. */
typedef bool (*base_alloc_gate_fn)(void *context);
void base_alloc_set_gate(base_alloc_gate_fn gate, void *context);

/* Test hook: NULL restores the default. Called with memory that is about to be given back. */
typedef void (*base_free_watch_fn)(const void *ptr);
void base_free_set_watch(base_free_watch_fn watch);

#endif
