#include "cedar/schema/conformance.h"

#include "cedar/value/value.h"

#include <string.h>

static bool fail(struct conformance *c, const char *what)
{
    c->mismatch.what = what;
    return false;
}

/* Put a name before the path of a mismatch further inside. */
static bool fail_inside(struct conformance *c, struct slice name)
{
    struct mismatch *mismatch = &c->mismatch;
    size_t old = strlen(mismatch->path);
    size_t gap = old > 0 ? 1 : 0;
    if (name.len + gap + old < sizeof(mismatch->path)) {
        memmove(mismatch->path + name.len + gap, mismatch->path, old + 1);
        memcpy(mismatch->path, name.ptr, name.len);
        if (gap > 0) {
            mismatch->path[name.len] = '.';
        }
    }
    return false;
}

/* -- values -------------------------------------------------------------------------------- */

static bool check_set(struct conformance *c, const struct cedar_value *set, const struct type *type)
{
    uint64_t cursor = 0;
    struct slice name;
    struct cedar_value element;
    while (type->element != NULL && value_next(set, &cursor, c->arena, &name, &element)) {
        if (!conformance_check(c, &element, type->element)) {
            return fail_inside(c, SLICE("[]"));
        }
    }
    return true;
}

static bool check_record(struct conformance *c, const struct cedar_value *record,
                         const struct type *type)
{
    uint64_t cursor = 0;
    struct slice name = SLICE_EMPTY;
    struct cedar_value value;
    while (value_next(record, &cursor, c->arena, &name, &value)) {
        const struct type_attribute *attribute = type_attribute_find(type, name);
        if (attribute == NULL) {
            (void)fail(c, "is not declared");
            return fail_inside(c, name);
        }
        if (!conformance_check(c, &value, attribute->type)) {
            return fail_inside(c, name);
        }
    }
    for (size_t i = 0; i < type->attribute_count; i++) {
        const struct type_attribute *attribute = &type->attributes[i];
        if (attribute->is_required && !value_get(record, attribute->name, c->arena, &value)) {
            (void)fail(c, "is required but missing");
            return fail_inside(c, attribute->name);
        }
    }
    return true;
}

static bool check_entity_value(struct conformance *c, const struct cedar_uid *uid,
                               const struct type *type)
{
    uint32_t number = schema_entity_find(c->schema, uid->type);
    struct schema_set allowed = {type->entities, type->entity_count};
    if (type->kind == TYPE_ENTITY && !schema_set_has(&allowed, number)) {
        return fail(c, "is an entity of another type");
    }
    return conformance_check_uid(c, uid);
}

static const enum cedar_kind KINDS[] = {
    [TYPE_NEVER] = CEDAR_ERROR,       [TYPE_TRUE] = CEDAR_BOOL,
    [TYPE_FALSE] = CEDAR_BOOL,        [TYPE_BOOL] = CEDAR_BOOL,
    [TYPE_LONG] = CEDAR_LONG,         [TYPE_STRING] = CEDAR_STRING,
    [TYPE_SET] = CEDAR_SET,           [TYPE_RECORD] = CEDAR_RECORD,
    [TYPE_ENTITY] = CEDAR_ENTITY,     [TYPE_ANY_ENTITY] = CEDAR_ENTITY,
    [TYPE_DECIMAL] = CEDAR_DECIMAL,   [TYPE_IP] = CEDAR_IP,
    [TYPE_DATETIME] = CEDAR_DATETIME, [TYPE_DURATION] = CEDAR_DURATION,
};

bool conformance_check(struct conformance *c, const struct cedar_value *value,
                       const struct type *type)
{
    if (value->kind == CEDAR_UNKNOWN && c->allows_unknown) {
        return true;
    }
    if (value->kind != KINDS[type->kind] || type->kind == TYPE_NEVER) {
        return fail(c, "is of another type than the schema declares");
    }
    switch (value->kind) {
    case CEDAR_SET:
        return check_set(c, value, type);
    case CEDAR_RECORD:
        return check_record(c, value, type);
    case CEDAR_ENTITY:
        return check_entity_value(c, &value->as.uid, type);
    case CEDAR_BOOL:
        return type->kind == TYPE_BOOL || value->as.boolean == (type->kind == TYPE_TRUE) ||
               fail(c, "is another truth value");
    case CEDAR_ERROR:
    case CEDAR_UNKNOWN:
    case CEDAR_LONG:
    case CEDAR_STRING:
    case CEDAR_DECIMAL:
    case CEDAR_DATETIME:
    case CEDAR_DURATION:
    case CEDAR_IP:
        break;
    }
    return true;
}

/* -- entities ------------------------------------------------------------------------------ */

bool conformance_check_uid(struct conformance *c, const struct cedar_uid *uid)
{
    uint32_t number = schema_entity_find(c->schema, uid->type);
    if (number == SCHEMA_NONE) {
        return fail(c, "is of a type that the schema does not declare");
    }
    const struct schema_entity_type *type = &c->schema->entities[number];
    if (type->is_action && schema_action_find(c->schema, uid) == SCHEMA_NONE) {
        return fail(c, "is an action that the schema does not declare");
    }
    return schema_entity_has_id(type, uid->id) ||
           fail(c, "is not one of the ids of its enumerated type");
}

static bool is_empty(const struct cedar_value *record)
{
    return record->kind != CEDAR_RECORD || value_count(record) == 0;
}

static bool check_parents(struct conformance *c, const struct schema_entity_type *type,
                          const struct cedar_uid *parents, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!conformance_check_uid(c, &parents[i])) {
            return fail_inside(c, SLICE("parents"));
        }
        if (!schema_set_has(&type->ancestors, schema_entity_find(c->schema, parents[i].type))) {
            (void)fail(c, "are of a type that this one cannot be in");
            return fail_inside(c, SLICE("parents"));
        }
    }
    return true;
}

static bool check_tags(struct conformance *c, const struct schema_entity_type *type,
                       const struct cedar_value *tags)
{
    uint64_t cursor = 0;
    struct slice name;
    struct cedar_value value;
    if (is_empty(tags)) {
        return true;
    }
    if (type->tags == NULL) {
        (void)fail(c, "are not declared for this type");
        return fail_inside(c, SLICE("tags"));
    }
    while (value_next(tags, &cursor, c->arena, &name, &value)) {
        if (!conformance_check(c, &value, type->tags)) {
            (void)fail_inside(c, name);
            return fail_inside(c, SLICE("tags"));
        }
    }
    return true;
}

/* What is given for an action must be what the schema says of it, ancestors counted once closed. */
static bool check_action(struct conformance *c, const struct cedar_uid *uid,
                         const struct cedar_entity_data *data, const struct cedar_uid *parents,
                         size_t parent_count)
{
    const struct schema_action_entity *action =
        &c->schema->actions[schema_action_find(c->schema, uid)];
    bool is_same = is_empty(&data->attributes) && is_empty(&data->tags);
    for (size_t i = 0; is_same && i < action->parents.count; i++) {
        const struct cedar_uid *wanted = &c->schema->actions[action->parents.items[i]].uid;
        bool is_given = false;
        for (size_t k = 0; k < parent_count; k++) {
            is_given = is_given || uid_eq(&parents[k], wanted);
        }
        is_same = is_given;
    }
    for (size_t i = 0; is_same && i < parent_count; i++) {
        uint32_t number = schema_action_find(c->schema, &parents[i]);
        is_same = number != SCHEMA_NONE && schema_set_has(&action->ancestors, number);
    }
    return is_same || fail(c, "differs from the action that the schema declares");
}

bool conformance_check_entity(struct conformance *c, const struct cedar_uid *uid,
                              const struct cedar_entity_data *data, const struct cedar_uid *parents,
                              size_t parent_count)
{
    if (!conformance_check_uid(c, uid)) {
        return false;
    }
    const struct schema_entity_type *type =
        &c->schema->entities[schema_entity_find(c->schema, uid->type)];
    if (type->is_action) {
        return check_action(c, uid, data, parents, parent_count);
    }
    return (data->attributes.kind == CEDAR_UNKNOWN ||
            check_record(c, &data->attributes, type->shape)) &&
           check_tags(c, type, &data->tags) && check_parents(c, type, parents, parent_count);
}
