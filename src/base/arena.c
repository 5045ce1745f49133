#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK_BYTES_MAX (128 * 1024)
#define ARENA_ALIGN 16

struct arena_block {
    struct arena_block *previous;
    size_t size; /* bytes of the whole block, header included */
};

_Static_assert(sizeof(struct arena_block) % ARENA_ALIGN == 0, "block data must stay aligned");

/* Only tests write these, before any thread starts; the product never calls the setter. */
static base_alloc_gate_fn alloc_gate;
static void *alloc_gate_context;
static base_free_watch_fn free_watch;

void base_alloc_set_gate(base_alloc_gate_fn gate, void *context)
{
    alloc_gate = gate;
    alloc_gate_context = context;
}

void base_free_set_watch(base_free_watch_fn watch)
{
    free_watch = watch;
}

static void watch(const void *ptr)
{
    if (free_watch != NULL && ptr != NULL) {
        free_watch(ptr);
    }
}

static bool gate_allows(void)
{
    return alloc_gate == NULL || alloc_gate(alloc_gate_context);
}

void *base_alloc(size_t size)
{
    return gate_allows() ? malloc(size == 0 ? 1 : size) : NULL;
}

void *base_alloc_zero(size_t size)
{
    return gate_allows() ? calloc(1, size == 0 ? 1 : size) : NULL;
}

void *base_realloc(void *ptr, size_t size)
{
    if (!gate_allows()) {
        return NULL;
    }
    watch(ptr); /* it may be left where it was */
    return realloc(ptr, size == 0 ? 1 : size);
}

void base_free(void *ptr)
{
    watch(ptr);
    free(ptr);
}

enum status account_charge(struct account *account, size_t bytes)
{
    for (struct account *a = account; a != NULL; a = a->parent) {
        if (bytes > a->limit_bytes - a->used_bytes) {
            return STATUS_LIMIT;
        }
    }
    for (struct account *a = account; a != NULL; a = a->parent) {
        a->used_bytes += bytes;
    }
    return STATUS_OK;
}

void account_release(struct account *account, size_t bytes)
{
    for (struct account *a = account; a != NULL; a = a->parent) {
        assert(a->used_bytes >= bytes);
        a->used_bytes -= bytes;
    }
}

enum status account_insert(struct account *account, struct account *middle)
{
    assert(account->parent == middle->parent);
    if (account->used_bytes > middle->limit_bytes - middle->used_bytes) {
        return STATUS_LIMIT;
    }
    middle->used_bytes += account->used_bytes;
    account->parent = middle;
    return STATUS_OK;
}

#if defined(__SANITIZE_ADDRESS__)
#define KEEPS_SPARES false
#elif defined(__has_feature)
#define KEEPS_SPARES (!__has_feature(address_sanitizer))
#else
#define KEEPS_SPARES true
#endif

void *arena_spares_take(struct arena_spares *spares)
{
    struct arena_block *block = spares->first;
    if (block == NULL || alloc_gate != NULL) {
        assert(spares->bytes >= sizeof(*block));
        return base_alloc(spares->bytes);
    }
    spares->first = block->previous;
    spares->count--;
    return block;
}

void arena_spares_give(struct arena_spares *spares, void *memory)
{
    struct arena_block *block = memory;
    if (!KEEPS_SPARES || spares->count == ARENA_SPARES_MAX) {
        base_free(block);
        return;
    }
    block->previous = spares->first;
    spares->first = block;
    spares->count++;
}

void arena_spares_release(struct arena_spares *spares)
{
    while (spares->first != NULL) {
        struct arena_block *block = spares->first;
        spares->first = block->previous;
        base_free(block);
    }
    spares->count = 0;
}

void arena_init(struct arena *arena, size_t limit_bytes, struct account *account)
{
    *arena = (struct arena){.account = account, .limit_bytes = limit_bytes};
}

static void free_blocks_after(struct arena *arena, struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *previous = block->previous;
        account_release(arena->account, block->size);
        arena->used_bytes -= block->size;
        if (arena->spares != NULL && block->size == ARENA_BLOCK_BYTES_MIN) {
            arena_spares_give(arena->spares, block);
        } else {
            base_free(block);
        }
        block = previous;
    }
}

void arena_release(struct arena *arena)
{
    struct arena_spares *spares = arena->spares;
    free_blocks_after(arena, arena->blocks);
    arena_init(arena, arena->limit_bytes, arena->account);
    arena->spares = spares;
}

void arena_wipe(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks; block != NULL; block = block->previous) {
        explicit_bzero(block + 1, block->size - sizeof(*block));
    }
    arena_release(arena);
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept = arena->blocks;
    if (kept == NULL || kept->size > ARENA_BLOCK_BYTES_MAX) {
        arena_release(arena);
        return;
    }
    free_blocks_after(arena, kept->previous);
    kept->previous = NULL;
    arena->next = (uint8_t *)(kept + 1);
    arena->end = (uint8_t *)kept + kept->size;
}

/* Blocks double, so that a large message costs few of them and a small one little memory. While a
 * test gates allocations each piece has a block of its own, so that it can fail alone. */
static bool add_block(struct arena *arena, size_t size)
{
    size_t wanted = arena->blocks == NULL ? ARENA_BLOCK_BYTES_MIN : arena->blocks->size * 2;
    wanted = wanted > ARENA_BLOCK_BYTES_MAX ? ARENA_BLOCK_BYTES_MAX : wanted;
    size_t needed = sizeof(struct arena_block) + size;
    wanted = needed > wanted || alloc_gate != NULL ? needed : wanted;
    size_t left = arena->limit_bytes - arena->used_bytes;
    wanted = wanted > left ? needed : wanted;
    if (needed < size || wanted > left || account_charge(arena->account, wanted) != STATUS_OK) {
        return false;
    }
    bool is_first = arena->spares != NULL && wanted == ARENA_BLOCK_BYTES_MIN;
    struct arena_block *block = is_first ? arena_spares_take(arena->spares) : base_alloc(wanted);
    if (block == NULL) {
        account_release(arena->account, wanted);
        return false;
    }
    *block = (struct arena_block){.previous = arena->blocks, .size = wanted};
    arena->blocks = block;
    arena->used_bytes += wanted;
    arena->next = (uint8_t *)(block + 1);
    arena->end = (uint8_t *)block + wanted;
    return true;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (rounded < size) {
        return NULL;
    }
    rounded = rounded == 0 ? ARENA_ALIGN : rounded;
    if ((size_t)(arena->end - arena->next) < rounded && !add_block(arena, rounded)) {
        return NULL;
    }
    void *memory = arena->next;
    arena->next += rounded;
    return memory;
}

/* Out of line: gcc 12, seeing block and caller at once, takes a block for one that ends at once. */
__attribute__((noinline)) void *arena_alloc_zero(struct arena *arena, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    void *memory = arena_alloc(arena, bytes);
    if (memory != NULL) {
        memset(memory, 0, bytes);
    }
    return memory;
}

enum status arena_copy(struct arena *arena, struct slice text, struct slice *out)
{
    uint8_t *memory = arena_alloc(arena, text.len);
    if (memory == NULL) {
        return STATUS_LIMIT;
    }
    if (text.len > 0) {
        memcpy(memory, text.ptr, text.len);
    }
    *out = slice_of(memory, text.len);
    return STATUS_OK;
}

enum status arena_join(struct arena *arena, const struct slice *parts, size_t count,
                       struct slice *out)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (__builtin_add_overflow(len, parts[i].len, &len)) {
            return STATUS_LIMIT;
        }
    }
    uint8_t *memory = arena_alloc(arena, len);
    if (memory == NULL) {
        return STATUS_LIMIT;
    }
    *out = slice_of(memory, len);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0) {
            memcpy(memory, parts[i].ptr, parts[i].len);
        }
        memory += parts[i].len;
    }
    return STATUS_OK;
}

enum status arena_format(struct arena *arena, struct slice *out, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    enum status status = STATUS_INTERNAL;
    if (len >= 0) {
        char *memory = arena_alloc(arena, (size_t)len + 1);
        status = memory == NULL ? STATUS_LIMIT : STATUS_OK;
        if (memory != NULL) {
            (void)vsnprintf(memory, (size_t)len + 1, format, again);
            *out = slice_of(memory, (size_t)len);
        }
    }
    va_end(again);
    return status;
}
