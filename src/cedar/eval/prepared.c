#include "cedar/eval/prepared.h"

#include "cedar/eval/growing.h"
#include "cedar/eval/program.h"
#include "cedar/value/entity_store.h"
#include "cedar/value/value.h"

#include <string.h>

#define CACHE_LINE_BYTES 64

/* All entities of a store on their way. */
struct preparation {
    const struct symbols *symbols;
    struct cedar_prepared_entities *home;
    struct arena *arena;
    uint16_t *layout;           /* of the entity at hand: a place for each name */
    struct uid_table layouts;   /* by what they are, to numbers */
    struct growing layout_list; /* of pointers to them, by number */
};

/* count cleared elements, of a size that cache lines divide, on the boundary of one: each touches
 * as few of them as it can. */
static void *alloc_on_line(struct arena *arena, size_t count, size_t size)
{
    uint8_t *bytes = arena_alloc_zero(arena, count + 1, size);
    return bytes == NULL ? NULL : bytes + (-(uintptr_t)bytes & (CACHE_LINE_BYTES - 1));
}

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

static uint32_t number_of(const struct preparation *p, const struct cedar_uid *uid)
{
    const struct cedar_prepared_entity *entity = prepared_find(p->home, uid);
    return entity == NULL ? NUMBER_NONE : entity->subject.number;
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
        elements[found] = item.kind == CEDAR_ENTITY ? number_of(p, &item.as.uid) : NUMBER_NONE;
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
        out->number = number_of(p, &value->as.uid);
    }
    return value->kind == CEDAR_SET ? know_elements(p, out) : STATUS_OK;
}

static size_t layout_bytes(const struct preparation *p)
{
    return p->symbols->names.count * sizeof(*p->layout);
}

/* A copy of the layout at hand, remembered under the next number. */
static enum status keep_layout(struct preparation *p, const uint16_t **out)
{
    struct cedar_uid key = {SLICE_EMPTY, SLICE_EMPTY};
    const uint16_t **kept = growing_add(&p->layout_list, p->arena, sizeof(*kept));
    TRY(arena_copy(p->arena, slice_of(p->layout, layout_bytes(p)), &key.id));
    if (kept == NULL) {
        return STATUS_LIMIT;
    }
    *kept = (const uint16_t *)(const void *)key.id.ptr;
    *out = *kept;
    return uid_table_add(&p->layouts, &key, (uint32_t)p->layout_list.count - 1);
}

/* The same for all entities that have the same attributes in the same order. */
static enum status share_layout(struct preparation *p, const uint16_t **out)
{
    struct cedar_uid key = {SLICE_EMPTY, slice_of(p->layout, layout_bytes(p))};
    const uint16_t *const *kept = p->layout_list.items;
    uint32_t number = uid_table_find(&p->layouts, &key);
    if (kept == NULL || number == UID_TABLE_NONE) {
        return keep_layout(p, out);
    }
    *out = kept[number];
    return STATUS_OK;
}

/* The attributes that policies name. Of two with one name the record knows the first. When one
 * cannot be read, which may be for want of memory alone, they are all left to be asked for. */
static enum status take_attributes(struct preparation *p, struct subject *subject)
{
    const struct cedar_value *record = &subject->data.attributes;
    size_t count = record->kind == CEDAR_RECORD ? value_count(record) : 0;
    struct known *items = alloc_on_line(p->arena, count, sizeof(*items));
    uint64_t cursor = 0;
    struct slice name;
    struct cedar_value value;
    uint16_t taken = 0;
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    memset(p->layout, 0xff, layout_bytes(p)); /* PLACE_NONE */
    for (size_t i = 0; i < count && value_next(record, &cursor, p->arena, &name, &value); i++) {
        uint32_t symbol = symbols_find_name(p->symbols, name);
        if (value.kind == CEDAR_ERROR) {
            return STATUS_OK;
        }
        if (symbol != SYMBOL_NONE && p->layout[symbol] == PLACE_NONE) {
            TRY(know(p, &value, &items[taken]));
            p->layout[symbol] = taken++;
        }
    }
    subject->attributes = items;
    return share_layout(p, &subject->layout);
}

/* -- entities ------------------------------------------------------------------------------ */

static void put_number(struct number_set *set, uint32_t *places, uint32_t number)
{
    uint32_t place = number_place(number, set->mask);
    set->filter[number & 3] |= UINT64_C(1) << (number >> 2 & 63);
    while (places[place] != NUMBER_NONE) {
        place = (place + 1) & set->mask;
    }
    places[place] = number;
}

/* Of the entity itself and its ancestors, their numbers and symbols. */
static enum status take_ancestors(const struct preparation *p, const struct stored_entity *stored,
                                  struct subject *subject)
{
    size_t count = stored->data.ancestor_count;
    size_t capacity = 4;
    while (capacity < 2 * (count + 1)) {
        capacity *= 2;
    }
    uint32_t *places = arena_alloc(p->arena, capacity * sizeof(*places));
    uint32_t *symbols = arena_alloc_zero(p->arena, count + 1, sizeof(*symbols));
    if (places == NULL || symbols == NULL) {
        return STATUS_LIMIT;
    }
    subject->reached = (struct number_set){.places = places, .mask = (uint32_t)capacity - 1};
    subject->symbols = symbols;
    memset(places, 0xff, capacity * sizeof(*places)); /* NUMBER_NONE */
    for (size_t i = 0; i <= count; i++) {
        uint32_t number = i < count ? stored->ancestors[i] : subject->number;
        uint32_t symbol = p->home->items[number].subject.self;
        put_number(&subject->reached, places, number);
        if (symbol != SYMBOL_NONE) {
            symbols[subject->symbol_count++] = symbol;
        }
    }
    sort_numbers(symbols, &subject->symbol_count);
    return STATUS_OK;
}

/* Everything but names, which all entities have by now. */
static enum status take_entity(struct preparation *p, const struct stored_entity *stored,
                               struct subject *subject)
{
    bool has_attributes = stored->is_added && stored->data.attributes.kind != CEDAR_UNKNOWN;
    subject->exists = stored->is_added;
    subject->data = stored->data;
    TRY(take_ancestors(p, stored, subject));
    TRY(index_lead(&p->home->set->program->index, p->arena, subject));
    return has_attributes ? take_attributes(p, subject) : STATUS_OK;
}

/* Give the next number to an entity that is not there yet. */
static enum status number_entity(const struct preparation *p, const struct cedar_uid *uid,
                                 uint32_t symbol, struct cedar_prepared_entity *items)
{
    struct cedar_prepared_entities *home = p->home;
    struct cedar_prepared_entity *entity = &items[home->count];
    entity->set = home->set;
    entity->subject = (struct subject){.home = home, .uid = *uid, .self = symbol};
    entity->subject.type = symbols_find_type(p->symbols, uid->type);
    entity->subject.number = (uint32_t)home->count++;
    return uid_table_add(&home->numbers, uid, entity->subject.number);
}

/* The entities of the store keep their numbers. */
static enum status number_all(const struct preparation *p, const struct cedar_entity_store *store)
{
    const struct uid_table *named = &p->symbols->entities;
    struct cedar_prepared_entity *items = p->home->items;
    for (size_t i = 0; i < store->count; i++) {
        const struct cedar_uid *uid = &store->items[i].uid;
        TRY(number_entity(p, uid, symbols_find_entity(p->symbols, uid), items));
    }
    for (size_t i = 0; i < named->capacity; i++) {
        uint32_t symbol = named->slots[i].number;
        if (symbol != UID_TABLE_NONE && prepared_find(p->home, &named->uids[i]) == NULL) {
            TRY(number_entity(p, &named->uids[i], symbol, items));
        }
    }
    return STATUS_OK;
}

enum status cedar_prepare_entities(const struct cedar_policy_set *set,
                                   const struct cedar_entity_store *store, struct arena *arena,
                                   struct cedar_entities *out)
{
    static const struct stored_entity UNSTORED = {.is_added = false}; /* but named by a policy */
    struct cedar_prepared_entities *home = arena_alloc_zero(arena, 1, sizeof(*home));
    struct preparation p = {.symbols = &set->program->symbols,
                            .home = home,
                            .arena = arena,
                            .layouts = {.arena = arena}};
    p.layout = arena_alloc(arena, layout_bytes(&p));
    if (home == NULL || p.layout == NULL) {
        return STATUS_LIMIT;
    }
    home->set = set;
    home->numbers.arena = arena;
    home->items =
        alloc_on_line(arena, store->count + p.symbols->entities.count, sizeof(*home->items));
    if (home->items == NULL) {
        return STATUS_LIMIT;
    }
    TRY(number_all(&p, store));
    for (size_t i = 0; i < home->count; i++) {
        TRY(take_entity(&p, i < store->count ? &store->items[i] : &UNSTORED,
                        &home->items[i].subject));
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
    uint32_t number = uid_table_find(&entities->numbers, uid);
    return number == UID_TABLE_NONE ? NULL : &entities->items[number];
}

const struct cedar_prepared_entity *cedar_find_prepared(const struct cedar_entities *entities,
                                                        const struct cedar_uid *uid)
{
    return entities->prepared == NULL ? NULL : prepared_find(entities->prepared, uid);
}
