#include "core/gateway/child.h"

#include "base/arena.h"

#include <assert.h>

#define FIRST_CAPACITY 64

struct child_slot {
    struct child *child; /* NULL: free */
    uint32_t generation; /* of the ticket that is, or will be, given out for it */
    uint32_t next_free;  /* 1-based */
};

static enum status add_slots(struct child_table *table)
{
    uint32_t capacity = table->capacity == 0 ? FIRST_CAPACITY : table->capacity * 2;
    if (capacity > CHILD_TICKETS_MAX) {
        return STATUS_LIMIT;
    }
    struct child_slot *slots = base_realloc(table->slots, capacity * sizeof(*slots));
    if (slots == NULL) {
        return STATUS_LIMIT;
    }
    table->slots = slots;
    table->capacity = capacity;
    return STATUS_OK;
}

static enum status take_slot(struct child_table *table, uint32_t *index)
{
    if (table->free_slot != 0) {
        *index = table->free_slot - 1;
        table->free_slot = table->slots[*index].next_free;
        return STATUS_OK;
    }
    if (table->slot_count == table->capacity) {
        TRY(add_slots(table));
    }
    *index = table->slot_count++;
    table->slots[*index] = (struct child_slot){.generation = 1};
    return STATUS_OK;
}

enum status child_begin(struct child *child, struct children *owner, const struct child_kind *kind)
{
    struct child_table *table = owner->table;
    uint32_t index = 0;
    assert(child->owner == NULL);
    TRY(take_slot(table, &index));
    table->slots[index].child = child;
    *child = (struct child){.next = owner->newest,
                            .owner = owner,
                            .kind = kind,
                            .ticket = (uint64_t)table->slots[index].generation << 32 | index};
    if (child->next != NULL) {
        child->next->previous = child;
    }
    owner->newest = child;
    owner->count++;
    return STATUS_OK;
}

/* From here on the ticket is worth nothing. */
static void leave_owner(struct child *child)
{
    struct children *owner = child->owner;
    struct child_table *table = owner->table;
    uint32_t index = (uint32_t)child->ticket;
    table->slots[index].child = NULL;
    table->slots[index].generation++;
    table->slots[index].next_free = table->free_slot;
    table->free_slot = index + 1;
    if (child->previous != NULL) {
        child->previous->next = child->next;
    } else {
        owner->newest = child->next;
    }
    if (child->next != NULL) {
        child->next->previous = child->previous;
    }
    owner->count--;
    child->owner = NULL;
}

void child_abandon(struct child *child)
{
    leave_owner(child);
}

void child_end(struct child *child, enum status status, const struct diag *diag)
{
    struct children *owner = child->owner;
    assert(owner != NULL);
    leave_owner(child);
    child->kind->done(child, status, diag);
    if (owner->count == 0 && owner->settled != NULL) {
        owner->settled(owner);
    }
}

void child_cancel(struct child *child)
{
    if (child->owner != NULL) {
        assert(child->kind->cancel != NULL);
        leave_owner(child);
        child->kind->cancel(child);
    }
}

size_t children_cancel(struct children *children)
{
    size_t count = 0;
    struct child *next = NULL;
    for (struct child *child = children->newest; child != NULL; child = next) {
        next = child->next;
        if (child->kind->cancel != NULL) {
            child_cancel(child);
            count++;
        }
    }
    return count;
}

struct child *child_find(struct child_table *table, uint64_t ticket, const struct child_kind *kind)
{
    uint32_t index = (uint32_t)ticket;
    if (index < table->slot_count && table->slots[index].generation == ticket >> 32) {
        struct child *child = table->slots[index].child;
        if (child != NULL && child->kind == kind) {
            return child;
        }
    }
    table->stray_count++;
    return NULL;
}

void child_table_release(struct child_table *table)
{
    base_free(table->slots);
    *table = (struct child_table){0};
}
