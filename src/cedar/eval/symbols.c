#include "cedar/eval/symbols.h"

void symbols_init(struct symbols *symbols, struct arena *arena)
{
    *symbols = (struct symbols){.entities = {.arena = arena},
                                .types = {.arena = arena},
                                .names = {.arena = arena},
                                .literals = {.arena = arena}};
}

bool symbols_can_hold(enum cedar_kind kind)
{
    return kind == CEDAR_STRING || kind == CEDAR_LONG || kind == CEDAR_BOOL || kind == CEDAR_ENTITY;
}

/* The key borrows from value. */
static struct cedar_uid value_key(const struct cedar_value *value)
{
    if (value->kind == CEDAR_STRING) {
        return (struct cedar_uid){SLICE("\""), value->as.text};
    }
    if (value->kind == CEDAR_LONG) {
        return (struct cedar_uid){SLICE("1"),
                                  slice_of(&value->as.number, sizeof(value->as.number))};
    }
    return (struct cedar_uid){SLICE("?"), value->as.boolean ? SLICE("true") : SLICE("false")};
}

static uint32_t find(const struct uid_table *table, const struct cedar_uid *key)
{
    return uid_table_may_hold(table, key) ? uid_table_find(table, key) : SYMBOL_NONE;
}

static enum status add(struct symbols *symbols, struct uid_table *table,
                       const struct cedar_uid *key, uint32_t *out)
{
    *out = uid_table_find(table, key);
    if (*out == SYMBOL_NONE) {
        TRY(uid_table_add(table, key, symbols->count));
        *out = symbols->count++;
    }
    return STATUS_OK;
}

enum status symbols_add_entity(struct symbols *symbols, const struct cedar_uid *uid, uint32_t *out)
{
    return add(symbols, &symbols->entities, uid, out);
}

enum status symbols_add_type(struct symbols *symbols, struct slice type, uint32_t *out)
{
    struct cedar_uid key = {SLICE_EMPTY, type};
    return add(symbols, &symbols->types, &key, out);
}

enum status symbols_add_name(struct symbols *symbols, struct slice name, uint32_t *out)
{
    struct cedar_uid key = {SLICE_EMPTY, name};
    *out = uid_table_find(&symbols->names, &key);
    if (*out != SYMBOL_NONE) {
        return STATUS_OK;
    }
    *out = (uint32_t)symbols->names.count;
    return uid_table_add(&symbols->names, &key, *out);
}

enum status symbols_add_value(struct symbols *symbols, const struct cedar_value *value,
                              uint32_t *out)
{
    if (value->kind == CEDAR_ENTITY) {
        return symbols_add_entity(symbols, &value->as.uid, out);
    }
    struct cedar_uid key = value_key(value);
    if (value->kind == CEDAR_LONG) {
        TRY(arena_copy(symbols->literals.arena, key.id, &key.id));
    }
    return add(symbols, &symbols->literals, &key, out);
}

uint32_t symbols_find_entity(const struct symbols *symbols, const struct cedar_uid *uid)
{
    return find(&symbols->entities, uid);
}

uint32_t symbols_find_type(const struct symbols *symbols, struct slice type)
{
    struct cedar_uid key = {SLICE_EMPTY, type};
    return find(&symbols->types, &key);
}

uint32_t symbols_find_name(const struct symbols *symbols, struct slice name)
{
    struct cedar_uid key = {SLICE_EMPTY, name};
    return find(&symbols->names, &key);
}

uint32_t symbols_find_value(const struct symbols *symbols, const struct cedar_value *value)
{
    if (!symbols_can_hold(value->kind)) {
        return SYMBOL_NONE;
    }
    if (value->kind == CEDAR_ENTITY) {
        return symbols_find_entity(symbols, &value->as.uid);
    }
    struct cedar_uid key = value_key(value);
    return find(&symbols->literals, &key);
}
