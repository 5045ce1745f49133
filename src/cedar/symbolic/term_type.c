/* Types of terms. */
#include "cedar/symbolic/term.h"

#include <assert.h>

#define CAPACITY_FIRST 16

static bool same_fields(const struct term_type *a, const struct term_type *b)
{
    for (size_t i = 0; i < a->field_count; i++) {
        if (a->fields[i].type != b->fields[i].type ||
            !slice_eq(a->fields[i].name, b->fields[i].name)) {
            return false;
        }
    }
    return true;
}

static bool same(const struct term_type *a, const struct term_type *b)
{
    return a->kind == b->kind && a->bits == b->bits && a->entity == b->entity &&
           a->element == b->element && a->field_count == b->field_count && same_fields(a, b);
}

static bool grow(struct terms *terms)
{
    size_t capacity = terms->type_capacity == 0 ? CAPACITY_FIRST : terms->type_capacity * 2;
    const struct term_type **types =
        arena_alloc_zero(terms->arena, capacity, sizeof(const struct term_type *));
    const struct term **defaults =
        arena_alloc_zero(terms->arena, capacity, sizeof(const struct term *));
    if (types == NULL || defaults == NULL) {
        return false;
    }
    for (size_t i = 0; i < terms->type_count; i++) {
        types[i] = terms->types[i];
        defaults[i] = terms->defaults[i];
    }
    terms->types = types;
    terms->defaults = defaults;
    terms->type_capacity = capacity;
    return true;
}

/* A schema has few types, and they are looked for when it is read: a search costs no one. */
static const struct term_type *intern(struct terms *terms, const struct term_type *content)
{
    for (size_t i = 0; i < terms->type_count; i++) {
        if (same(terms->types[i], content)) {
            return terms->types[i];
        }
    }
    if (terms->type_count == terms->type_capacity && !grow(terms)) {
        return NULL;
    }
    struct term_type *type = arena_alloc(terms->arena, sizeof(*type));
    struct term_field *fields =
        arena_alloc_zero(terms->arena, content->field_count, sizeof(*fields));
    if (type == NULL || fields == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < content->field_count; i++) {
        fields[i] = content->fields[i];
    }
    *type = *content;
    type->fields = fields;
    type->number = (uint32_t)terms->type_count;
    terms->types[terms->type_count++] = type;
    return type;
}

const struct term_type *term_type_plain(struct terms *terms, enum term_type_kind kind)
{
    bool is_number = kind >= TERM_TYPE_LONG && kind <= TERM_TYPE_DURATION;
    assert(is_number || kind == TERM_TYPE_BOOL || kind == TERM_TYPE_STRING || kind == TERM_TYPE_IP);
    return intern(terms, &(struct term_type){.kind = kind, .bits = is_number ? 64 : 0});
}

const struct term_type *term_type_bits(struct terms *terms, uint32_t bits)
{
    assert(bits >= 1 && bits <= 128);
    return intern(terms, &(struct term_type){.kind = TERM_TYPE_BITS, .bits = bits});
}

const struct term_type *term_type_entity(struct terms *terms, uint32_t entity, struct slice name,
                                         const struct slice *ids, size_t id_count)
{
    return intern(terms, &(struct term_type){.kind = TERM_TYPE_ENTITY,
                                             .entity = entity,
                                             .name = name,
                                             .ids = ids,
                                             .id_count = id_count});
}

static const struct term_type *wrap(struct terms *terms, enum term_type_kind kind,
                                    const struct term_type *element)
{
    return element == NULL ? NULL
                           : intern(terms, &(struct term_type){.kind = kind, .element = element});
}

const struct term_type *term_type_option(struct terms *terms, const struct term_type *element)
{
    return wrap(terms, TERM_TYPE_OPTION, element);
}

const struct term_type *term_type_set(struct terms *terms, const struct term_type *element)
{
    return wrap(terms, TERM_TYPE_SET, element);
}

const struct term_type *term_type_record(struct terms *terms, const struct term_field *fields,
                                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].type == NULL) {
            return NULL;
        }
    }
    return intern(terms, &(struct term_type){
                             .kind = TERM_TYPE_RECORD, .fields = fields, .field_count = count});
}

bool term_type_field(const struct term_type *record, struct slice name, size_t *index)
{
    for (size_t i = 0; i < record->field_count; i++) {
        if (slice_eq(record->fields[i].name, name)) {
            *index = i;
            return true;
        }
    }
    return false;
}
