#include "cedar/eval/prepared.h"

#include "cedar/eval/growing.h"
#include "cedar/eval/program.h"
#include "cedar/value/entity_store.h"
#include "cedar/value/value.h"

/* All entities of a store on their way. */
struct preparation {
    const struct symbols *symbols;
    const struct cedar_prepared_entities *home;
    struct arena *arena;
    uint32_t *symbol_of; /* by number in the store */
};

static uint64_t key_of_number(const void *item)
{
    const uint32_t *number = item;
    return *number;
}

static void sort_numbers(uint32_t *numbers, uint32_t *count)
{
    struct growing all = {.items = numbers, .count = *count, .capacity = *count};
    growing_sort_unique(&all, sizeof(*numbers), key_of_number);
    *count = (uint32_t)all.count;
}

/* -- attributes ---------------------------------------------------------------------------- */

/* Number the elements of a set of nothing but entities of the store. */
static enum status know_elements(const struct preparation *p, struct known *known)
{
    size_t count = value_count(&known->value);
    uint32_t *elements = arena_alloc_zero(p->arena, count + 1, sizeof(*elements));
    uint64_t cursor = 0;
    struct cedar_value item;
    struct slice name;
    uint32_t found = 0;
    if (elements == NULL) {
        return STATUS_LIMIT;
    }
    while (found < count && value_next(&known->value, &cursor, p->arena, &name, &item)) {
        elements[found] = item.kind == CEDAR_ENTITY
                              ? uid_table_find(&p->home->store->table, &item.as.uid)
                              : NUMBER_NONE;
        if (elements[found] == NUMBER_NONE) {
            return STATUS_OK;
        }
        found++;
    }
    known->elements = elements;
    known->element_count = found;
    return STATUS_OK;
}

static enum status know(const struct preparation *p, const struct cedar_value *value,
                        struct known *out)
{
    *out = (struct known){.value = *value, .number = NUMBER_NONE};
    out->symbol = symbols_find_value(p->symbols, value);
    if (value->kind == CEDAR_ENTITY) {
        out->number = uid_table_find(&p->home->store->table, &value->as.uid);
    }
    return value->kind == CEDAR_SET ? know_elements(p, out) : STATUS_OK;
}

/* The attributes that policies name. Of two with one name the record knows the first. */
static enum status take_attributes(const struct preparation *p, struct subject *subject)
{
    const struct cedar_value *record = &subject->data.attributes;
    size_t count = record->kind == CEDAR_RECORD ? value_count(record) : 0;
    struct known *items = arena_alloc_zero(p->arena, count + 1, sizeof(*items));
    uint32_t *names = arena_alloc_zero(p->arena, count + 1, sizeof(*names));
    uint64_t cursor = 0;
    struct slice name;
    struct cedar_value value;
    if (items == NULL || names == NULL) {
        return STATUS_LIMIT;
    }
    subject->attributes = items;
    subject->attribute_names = names;
    for (size_t i = 0; i < count && value_next(record, &cursor, p->arena, &name, &value); i++) {
        uint32_t symbol = symbols_find_name(p->symbols, name);
        if (symbol != SYMBOL_NONE && subject_attribute(subject, symbol) == NULL) {
            names[subject->attribute_count] = symbol;
            TRY(know(p, &value, &items[subject->attribute_count]));
            subject->attribute_count++;
        }
    }
    return STATUS_OK;
}

/* -- entities ------------------------------------------------------------------------------ */

static enum status take_ancestors(const struct preparation *p, const struct stored_entity *stored,
                                  struct subject *subject)
{
    uint32_t count = (uint32_t)stored->data.ancestor_count;
    uint32_t *ancestors = arena_alloc_zero(p->arena, count, sizeof(*ancestors));
    uint32_t *symbols = arena_alloc_zero(p->arena, count + 1, sizeof(*symbols));
    if (ancestors == NULL || symbols == NULL) {
        return STATUS_LIMIT;
    }
    if (subject->self != SYMBOL_NONE) {
        symbols[subject->symbol_count++] = subject->self;
    }
    for (uint32_t i = 0; i < count; i++) {
        ancestors[i] = stored->ancestors[i];
        uint32_t symbol = p->symbol_of[ancestors[i]];
        if (symbol != SYMBOL_NONE) {
            symbols[subject->symbol_count++] = symbol;
        }
    }
    sort_numbers(ancestors, &count);
    sort_numbers(symbols, &subject->symbol_count);
    subject->ancestors = ancestors;
    subject->symbols = symbols;
    return STATUS_OK;
}

static enum status prepare_stored(const struct preparation *p, uint32_t number,
                                  struct cedar_prepared_entity *out)
{
    const struct stored_entity *stored = &p->home->store->items[number];
    struct subject *subject = &out->subject;
    out->set = p->home->set;
    subject->uid = stored->uid;
    subject->home = p->home;
    subject->number = number;
    subject->exists = stored->is_added;
    subject->self = p->symbol_of[number];
    subject->type = symbols_find_type(p->symbols, stored->uid.type);
    subject->data = stored->data;
    TRY(take_ancestors(p, stored, subject));
    bool is_open = subject->data.attributes.kind == CEDAR_UNKNOWN;
    return subject->exists && !is_open ? take_attributes(p, subject) : STATUS_OK;
}

enum status cedar_prepare_entities(const struct cedar_policy_set *set,
                                   const struct cedar_entity_store *store, struct arena *arena,
                                   struct cedar_entities *out)
{
    struct cedar_prepared_entities *home = arena_alloc_zero(arena, 1, sizeof(*home));
    struct cedar_prepared_entity *items = arena_alloc_zero(arena, store->count, sizeof(*items));
    struct preparation p = {&set->program->symbols, home, arena, NULL};
    p.symbol_of = arena_alloc_zero(arena, store->count, sizeof(*p.symbol_of));
    if (home == NULL || items == NULL || p.symbol_of == NULL) {
        return STATUS_LIMIT;
    }
    *home = (struct cedar_prepared_entities){set, store, items};
    for (size_t i = 0; i < store->count; i++) {
        p.symbol_of[i] = symbols_find_entity(p.symbols, &store->items[i].uid);
    }
    for (size_t i = 0; i < store->count; i++) {
        TRY(prepare_stored(&p, (uint32_t)i, &items[i]));
    }
    *out = cedar_entity_store_view(store);
    out->prepared = home;
    return STATUS_OK;
}

enum status cedar_prepare_entity(const struct cedar_policy_set *set, const struct cedar_uid *uid,
                                 const struct cedar_entity_data *data, struct arena *arena,
                                 const struct cedar_prepared_entity **out)
{
    struct cedar_prepared_entity *prepared = arena_alloc_zero(arena, 1, sizeof(*prepared));
    if (prepared == NULL) {
        return STATUS_LIMIT;
    }
    prepared->set = set;
    prepared->subject.uid = *uid;
    prepared->subject.exists = data != NULL;
    if (data != NULL) {
        prepared->subject.data = *data;
    }
    TRY(subject_name(&prepared->subject, &set->program->symbols, arena));
    *out = prepared;
    return STATUS_OK;
}

const struct cedar_prepared_entity *prepared_find(const struct cedar_prepared_entities *entities,
                                                  const struct cedar_uid *uid)
{
    uint32_t number = uid_table_find(&entities->store->table, uid);
    return number == UID_TABLE_NONE ? NULL : &entities->items[number];
}

const struct cedar_prepared_entity *cedar_find_prepared(const struct cedar_entities *entities,
                                                        const struct cedar_uid *uid)
{
    return entities->prepared == NULL ? NULL : prepared_find(entities->prepared, uid);
}
