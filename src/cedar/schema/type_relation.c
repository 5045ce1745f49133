#include "cedar/schema/type_relation.h"

static bool is_truth(const struct type *type)
{
    return type->kind == TYPE_TRUE || type->kind == TYPE_FALSE || type->kind == TYPE_BOOL;
}

/* -- subtypes ------------------------------------------------------------------------------ */

static bool is_subset(const struct type *a, const struct type *b)
{
    struct schema_set larger = {b->entities, b->entity_count};
    for (size_t i = 0; i < a->entity_count; i++) {
        if (!schema_set_has(&larger, a->entities[i])) {
            return false;
        }
    }
    return true;
}

/* Strict records have the same attributes; permissive ones may promise more than is wanted. */
static bool is_record_subtype(const struct type *a, const struct type *b, bool is_strict)
{
    bool has_width = !is_strict && b->is_open;
    if ((!has_width && a->attribute_count != b->attribute_count) || (a->is_open && !b->is_open)) {
        return false;
    }
    for (size_t i = 0; i < b->attribute_count; i++) {
        const struct type_attribute *wanted = &b->attributes[i];
        const struct type_attribute *given = type_attribute_find(a, wanted->name);
        if (given == NULL || !type_is_subtype(given->type, wanted->type, is_strict)) {
            return false;
        }
        bool fits = given->is_required == wanted->is_required || (!is_strict && given->is_required);
        if (!fits) {
            return false;
        }
    }
    return true;
}

bool type_is_subtype(const struct type *a, const struct type *b, bool is_strict)
{
    if (a->kind == TYPE_NEVER) {
        return true;
    }
    if (b->kind == TYPE_BOOL && is_truth(a)) {
        return true;
    }
    if (b->kind == TYPE_ANY_ENTITY) {
        return a->kind == TYPE_ENTITY || a->kind == TYPE_ANY_ENTITY;
    }
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case TYPE_SET:
        return b->element == NULL ||
               (a->element != NULL && type_is_subtype(a->element, b->element, is_strict));
    case TYPE_RECORD:
        return is_record_subtype(a, b, is_strict);
    case TYPE_ENTITY:
        return is_subset(a, b) && (!is_strict || a->entity_count == b->entity_count);
    case TYPE_NEVER:
    case TYPE_TRUE:
    case TYPE_FALSE:
    case TYPE_BOOL:
    case TYPE_LONG:
    case TYPE_STRING:
    case TYPE_ANY_ENTITY:
    case TYPE_DECIMAL:
    case TYPE_IP:
    case TYPE_DATETIME:
    case TYPE_DURATION:
        break;
    }
    return true;
}

bool type_is_disjoint(const struct type *a, const struct type *b)
{
    struct schema_set other = {b->entities, b->entity_count};
    for (size_t i = 0; i < a->entity_count; i++) {
        if (schema_set_has(&other, a->entities[i])) {
            return false;
        }
    }
    return true;
}

/* -- joins --------------------------------------------------------------------------------- */

enum status type_of_entity(uint32_t number, struct arena *arena, const struct type **out)
{
    struct type *type = arena_alloc_zero(arena, 1, sizeof(*type));
    uint32_t *numbers = arena_alloc_zero(arena, 1, sizeof(*numbers));
    if (type == NULL || numbers == NULL) {
        return STATUS_LIMIT;
    }
    *numbers = number;
    *type = (struct type){.kind = TYPE_ENTITY, .entities = numbers, .entity_count = 1};
    *out = type;
    return STATUS_OK;
}

static enum status join_entities(const struct type *a, const struct type *b, struct arena *arena,
                                 const struct type **out)
{
    struct type *type = arena_alloc_zero(arena, 1, sizeof(*type));
    uint32_t *numbers =
        arena_alloc_zero(arena, a->entity_count + b->entity_count, sizeof(*numbers));
    if (type == NULL || numbers == NULL) {
        return STATUS_LIMIT;
    }
    size_t i = 0;
    size_t k = 0;
    size_t count = 0;
    while (i < a->entity_count || k < b->entity_count) {
        bool takes_a =
            k == b->entity_count || (i < a->entity_count && a->entities[i] <= b->entities[k]);
        bool takes_b =
            i == a->entity_count || (k < b->entity_count && b->entities[k] <= a->entities[i]);
        numbers[count++] = takes_a ? a->entities[i] : b->entities[k];
        i += takes_a ? 1 : 0;
        k += takes_b ? 1 : 0;
    }
    *type = (struct type){.kind = TYPE_ENTITY, .entities = numbers, .entity_count = count};
    *out = type;
    return STATUS_OK;
}

/* Strict: the same attributes, equally required. Permissive: what both have, and an open end where
 * that is less. */
static enum status join_records(const struct type *a, const struct type *b, bool is_strict,
                                struct arena *arena, const struct type **out)
{
    struct type *record = arena_alloc_zero(arena, 1, sizeof(*record));
    struct type_attribute *attributes =
        arena_alloc_zero(arena, a->attribute_count, sizeof(*attributes));
    size_t count = 0;
    if (record == NULL || attributes == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < a->attribute_count; i++) {
        const struct type_attribute *left = &a->attributes[i];
        const struct type_attribute *right = type_attribute_find(b, left->name);
        const struct type *joined = NULL;
        if (right != NULL) {
            TRY(type_join(left->type, right->type, is_strict, arena, &joined));
        }
        bool same_need = right != NULL && right->is_required == left->is_required;
        if (is_strict && (joined == NULL || !same_need)) {
            return STATUS_OK;
        }
        if (joined != NULL) {
            attributes[count++] = (struct type_attribute){left->name, joined,
                                                          left->is_required && right->is_required};
        }
    }
    bool lost = count != a->attribute_count || count != b->attribute_count;
    if (is_strict && lost) {
        return STATUS_OK;
    }
    *record = (struct type){.kind = TYPE_RECORD,
                            .attributes = attributes,
                            .attribute_count = count,
                            .is_open = a->is_open || b->is_open || lost};
    *out = record;
    return STATUS_OK;
}

static enum status join_sets(const struct type *a, const struct type *b, bool is_strict,
                             struct arena *arena, const struct type **out)
{
    const struct type *element = NULL;
    if (a->element == NULL || b->element == NULL) {
        *out = a->element == NULL ? a : b;
        return STATUS_OK;
    }
    TRY(type_join(a->element, b->element, is_strict, arena, &element));
    if (element == NULL) {
        return STATUS_OK;
    }
    struct type *set = arena_alloc_zero(arena, 1, sizeof(*set));
    if (set == NULL) {
        return STATUS_LIMIT;
    }
    *set = (struct type){.kind = TYPE_SET, .element = element};
    *out = set;
    return STATUS_OK;
}

enum status type_join(const struct type *a, const struct type *b, bool is_strict,
                      struct arena *arena, const struct type **out)
{
    *out = NULL;
    if (type_is_subtype(a, b, is_strict)) {
        *out = b;
        return STATUS_OK;
    }
    if (type_is_subtype(b, a, is_strict)) {
        *out = a;
        return STATUS_OK;
    }
    if (is_truth(a) && is_truth(b)) {
        *out = &TYPE_PLAIN[TYPE_BOOL];
        return STATUS_OK;
    }
    if (a->kind == TYPE_SET && b->kind == TYPE_SET) {
        return join_sets(a, b, is_strict, arena, out);
    }
    if (a->kind == TYPE_RECORD && b->kind == TYPE_RECORD) {
        return join_records(a, b, is_strict, arena, out);
    }
    if (!is_strict && a->kind == TYPE_ENTITY && b->kind == TYPE_ENTITY) {
        return join_entities(a, b, arena, out);
    }
    return STATUS_OK;
}

/* -- words --------------------------------------------------------------------------------- */

static void write_entities(const struct cedar_schema *schema, const struct type *type,
                           struct buf *out)
{
    for (size_t i = 0; i < type->entity_count; i++) {
        buf_append(out, i > 0 ? SLICE(" or ") : SLICE_EMPTY);
        buf_append(out, schema->entities[type->entities[i]].name);
    }
}

static void write_record(const struct cedar_schema *schema, const struct type *type,
                         struct buf *out)
{
    buf_append_byte(out, '{');
    for (size_t i = 0; i < type->attribute_count; i++) {
        buf_append(out, i > 0 ? SLICE(", ") : SLICE_EMPTY);
        buf_append(out, type->attributes[i].name);
        buf_append(out, type->attributes[i].is_required ? SLICE(": ") : SLICE("?: "));
        type_write(schema, type->attributes[i].type, out);
    }
    buf_append(out, type->is_open ? SLICE(", ...}") : SLICE("}"));
}

void type_write(const struct cedar_schema *schema, const struct type *type, struct buf *out)
{
    static const struct slice NAMES[] = {
        [TYPE_NEVER] = SLICE_INIT("nothing"),     [TYPE_TRUE] = SLICE_INIT("true"),
        [TYPE_FALSE] = SLICE_INIT("false"),       [TYPE_BOOL] = SLICE_INIT("Bool"),
        [TYPE_LONG] = SLICE_INIT("Long"),         [TYPE_STRING] = SLICE_INIT("String"),
        [TYPE_SET] = SLICE_INIT("Set"),           [TYPE_RECORD] = SLICE_INIT("record"),
        [TYPE_ENTITY] = SLICE_INIT("entity"),     [TYPE_ANY_ENTITY] = SLICE_INIT("entity"),
        [TYPE_DECIMAL] = SLICE_INIT("decimal"),   [TYPE_IP] = SLICE_INIT("ipaddr"),
        [TYPE_DATETIME] = SLICE_INIT("datetime"), [TYPE_DURATION] = SLICE_INIT("duration"),
    };
    if (type->kind == TYPE_ENTITY) {
        write_entities(schema, type, out);
    } else if (type->kind == TYPE_RECORD) {
        write_record(schema, type, out);
    } else {
        buf_append(out, NAMES[type->kind]);
        if (type->kind == TYPE_SET && type->element != NULL) {
            buf_append_byte(out, '<');
            type_write(schema, type->element, out);
            buf_append_byte(out, '>');
        }
    }
}
