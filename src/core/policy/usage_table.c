#include "core/policy/usage_table.h"

#include "base/arena.h"

#include <string.h>

#define BUCKETS_MAX ((size_t)1 << 16)
#define SWEPT_PER_WINDOW 4 /* buckets looked through for each new window */

struct target_count {
    uint64_t name; /* a hash; two of one hash are counted as one */
    int64_t calls;
};

struct usage_window {
    struct usage_window *next;
    uint8_t caller[USAGE_CALLER_BYTES];
    int64_t begun_ms, used_ms;
    int64_t calls;
    struct target_count targets[USAGE_TARGETS_MAX];
    size_t target_count;
    int64_t other_calls; /* of all other targets */
    uint64_t label_bits; /* by the table's numbers */
};

/* FNV-1a, 64 bits. */
static uint64_t hash_of(struct slice text)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ text.ptr[i]) * 1099511628211U;
    }
    return hash;
}

/* The digest is a cryptographic hash, so any of its bytes spread well. */
static struct usage_window **bucket_of(const struct usage_table *table, const uint8_t *caller)
{
    size_t number = (size_t)caller[0] | (size_t)caller[1] << 8;
    return &table->buckets[number & (table->bucket_count - 1)];
}

enum status usage_table_init(struct usage_table *table, size_t windows_max, int64_t idle_ms)
{
    size_t count = 1;
    while (count < windows_max && count < BUCKETS_MAX) {
        count *= 2;
    }
    *table =
        (struct usage_table){.bucket_count = count, .windows_max = windows_max, .idle_ms = idle_ms};
    table->buckets = base_alloc_zero(count * sizeof(struct usage_window *));
    return table->buckets != NULL ? STATUS_OK : STATUS_LIMIT;
}

void usage_table_release(struct usage_table *table)
{
    for (size_t i = 0; table->buckets != NULL && i < table->bucket_count; i++) {
        while (table->buckets[i] != NULL) {
            struct usage_window *next = table->buckets[i]->next;
            base_free(table->buckets[i]);
            table->buckets[i] = next;
        }
    }
    for (size_t i = 0; i < table->label_count; i++) {
        base_free((void *)(uintptr_t)table->labels[i].ptr);
    }
    base_free(table->buckets);
    *table = (struct usage_table){0};
}

static void sweep_bucket(struct usage_table *table, struct usage_window **at, int64_t now_ms)
{
    while (*at != NULL) {
        struct usage_window *window = *at;
        if (now_ms - window->used_ms < table->idle_ms) {
            at = &window->next;
            continue;
        }
        *at = window->next;
        base_free(window);
        table->window_count--;
    }
}

/* What is over goes little by little, and all of it when the table is full. */
static void sweep(struct usage_table *table, int64_t now_ms)
{
    bool is_full = table->window_count >= table->windows_max;
    size_t count = is_full ? table->bucket_count : SWEPT_PER_WINDOW;
    for (size_t i = 0; i < count; i++) {
        sweep_bucket(table, &table->buckets[table->swept], now_ms);
        table->swept = (table->swept + 1) & (table->bucket_count - 1);
    }
}

static struct usage_window *find_window(const struct usage_table *table,
                                        const struct usage_call *call)
{
    struct usage_window *window = *bucket_of(table, call->caller);
    while (window != NULL && memcmp(window->caller, call->caller, sizeof(window->caller)) != 0) {
        window = window->next;
    }
    return window;
}

static struct usage_window *add_window(struct usage_table *table, const struct usage_call *call)
{
    struct usage_window **bucket = bucket_of(table, call->caller);
    sweep(table, call->now_ms);
    struct usage_window *window =
        table->window_count < table->windows_max ? base_alloc(sizeof(*window)) : NULL;
    if (window == NULL) {
        return NULL;
    }
    *window =
        (struct usage_window){.next = *bucket, .begun_ms = call->now_ms, .used_ms = call->now_ms};
    memcpy(window->caller, call->caller, sizeof(window->caller));
    *bucket = window;
    table->window_count++;
    return window;
}

/* One that is over begins anew. */
static struct usage_window *current_window(struct usage_table *table, const struct usage_call *call)
{
    struct usage_window *window = find_window(table, call);
    if (window == NULL) {
        return add_window(table, call);
    }
    if (call->now_ms - window->used_ms >= table->idle_ms) {
        struct usage_window *next = window->next;
        *window = (struct usage_window){.next = next, .begun_ms = call->now_ms};
        memcpy(window->caller, call->caller, sizeof(window->caller));
    }
    /* Loops read their clocks one by one. */
    window->used_ms = call->now_ms > window->used_ms ? call->now_ms : window->used_ms;
    return window;
}

/* NULL: it was not called, as far as is known. */
static int64_t *find_target(struct usage_window *window, struct slice target)
{
    uint64_t name = hash_of(target);
    for (size_t i = 0; i < window->target_count; i++) {
        if (window->targets[i].name == name) {
            return &window->targets[i].calls;
        }
    }
    return window->target_count == USAGE_TARGETS_MAX ? &window->other_calls : NULL;
}

/* Of a target that find_target does not find: there is room for it. */
static int64_t *add_target(struct usage_window *window, struct slice target)
{
    struct target_count *added = &window->targets[window->target_count++];
    *added = (struct target_count){.name = hash_of(target)};
    return &added->calls;
}

enum status usage_table_look(struct usage_table *table, const struct usage_call *call,
                             enum usage_act act, struct usage *out)
{
    struct usage_window *window =
        act == USAGE_COUNTS ? current_window(table, call) : find_window(table, call);
    *out = (struct usage){.labels = table->labels};
    if (window == NULL) {
        return act == USAGE_COUNTS ? STATUS_LIMIT : STATUS_OK;
    }
    if (call->now_ms - window->used_ms >= table->idle_ms) {
        return STATUS_OK;
    }
    int64_t *target = find_target(window, call->target);
    out->calls = window->calls;
    out->target_calls = target != NULL ? *target : 0;
    out->age_ms = call->now_ms > window->begun_ms ? call->now_ms - window->begun_ms : 0;
    out->label_bits = window->label_bits;
    if (act == USAGE_COUNTS) {
        window->calls++;
        (*(target != NULL ? target : add_target(window, call->target)))++;
    }
    return STATUS_OK;
}

void usage_table_take_back(struct usage_table *table, const struct usage_call *call)
{
    struct usage_window *window = find_window(table, call);
    int64_t *target = window == NULL ? NULL : find_target(window, call->target);
    if (target != NULL && window->calls > 0 && *target > 0) {
        window->calls--;
        (*target)--;
    }
}

/* The number of a label, or USAGE_LABELS_MAX: there is no room for it. */
static size_t number_of(struct usage_table *table, struct slice label)
{
    for (size_t i = 0; i < table->label_count; i++) {
        if (slice_eq(table->labels[i], label)) {
            return i;
        }
    }
    if (table->label_count == USAGE_LABELS_MAX || label.len == 0 ||
        label.len > USAGE_LABEL_BYTES_MAX) {
        return USAGE_LABELS_MAX;
    }
    uint8_t *copy = base_alloc(label.len);
    if (copy == NULL) {
        return USAGE_LABELS_MAX;
    }
    memcpy(copy, label.ptr, label.len);
    table->labels[table->label_count] = slice_of(copy, label.len);
    return table->label_count++;
}

enum status usage_table_add_labels(struct usage_table *table, const struct usage_call *call,
                                   const struct slice *labels, size_t label_count)
{
    struct usage_window *window = label_count > 0 ? current_window(table, call) : NULL;
    if (label_count > 0 && window == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < label_count; i++) {
        size_t number = number_of(table, labels[i]);
        if (number == USAGE_LABELS_MAX) {
            return STATUS_LIMIT;
        }
        window->label_bits |= (uint64_t)1 << number;
    }
    return STATUS_OK;
}
