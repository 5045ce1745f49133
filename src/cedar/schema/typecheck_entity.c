/* Types of what looks at entities and records: equality, hierarchy, attributes. */
#include "cedar/schema/typecheck.h"

#include "base/suggest.h"
#include "cedar/value/value.h"

/* -- equality ------------------------------------------------------------------------------ */

/* The official parser makes one literal of && and || between literals. */
static bool literal_bool(const struct node *node, bool *out)
{
    bool is_or = node->kind == NODE_OR;
    if (node->kind == NODE_VALUE && node->value.kind == CEDAR_BOOL) {
        *out = node->value.as.boolean;
        return true;
    }
    if (node->kind != NODE_AND && node->kind != NODE_OR) {
        return false;
    }
    *out = !is_or;
    for (size_t i = 0; i < node->item_count; i++) {
        bool item = false;
        if (!literal_bool(node->items[i], &item)) {
            return false;
        }
        *out = is_or ? *out || item : *out && item;
    }
    return true;
}

/* The literal that an expression is in this environment; NULL when it is none. */
static const struct cedar_value *literal_of(const struct typing *t, const struct node *node,
                                            struct cedar_value *memory)
{
    if (node->kind == NODE_ACTION) {
        const struct cedar_uid *uid = &t->schema->actions[t->environment.action].uid;
        *memory = cedar_entity(uid->type, uid->id);
        return memory;
    }
    bool boolean = false;
    if (literal_bool(node, &boolean)) {
        *memory = cedar_bool(boolean);
        return memory;
    }
    bool is_literal = node->kind == NODE_VALUE && node->value.kind != CEDAR_UNKNOWN;
    return is_literal ? &node->value : NULL;
}

static bool same_literal(const struct cedar_value *a, const struct cedar_value *b,
                         struct arena *arena)
{
    struct value_work work = {arena, CEDAR_STEPS_MAX};
    return value_equal(a, b, &work, 0) == VALUE_TRUE;
}

static const struct type *type_of_equality(const struct typing *t, const struct node *node,
                                           const struct type *left, const struct type *right)
{
    struct cedar_value memory[2];
    const struct cedar_value *a = literal_of(t, node->items[0], &memory[0]);
    const struct cedar_value *b = literal_of(t, node->items[1], &memory[1]);
    if (a != NULL && b != NULL) {
        return &TYPE_PLAIN[same_literal(a, b, t->arena) ? TYPE_TRUE : TYPE_FALSE];
    }
    bool is_disjoint = left != NULL && right != NULL && left->kind == TYPE_ENTITY &&
                       right->kind == TYPE_ENTITY && type_is_disjoint(left, right);
    return &TYPE_PLAIN[is_disjoint ? TYPE_FALSE : TYPE_BOOL];
}

enum status typecheck_equal(struct typing *t, const struct node *node, const struct fact *facts,
                            struct typed *out)
{
    struct typed left;
    struct typed right;
    bool fits = true;
    TRY(typecheck(t, node->items[0], facts, &left));
    TRY(typecheck(t, node->items[1], facts, &right));
    out->type = type_of_equality(t, node, left.type, right.type);
    out->has_failed = left.has_failed || right.has_failed;
    if (left.type == NULL || right.type == NULL) {
        return STATUS_OK;
    }
    if (out->type->kind == TYPE_BOOL) {
        TRY(typing_strict_join(t, node, left.type, right.type, &fits));
        out->has_failed = out->has_failed || !fits;
    }
    return STATUS_OK;
}

/* -- hierarchy ----------------------------------------------------------------------------- */

/* Can an entity of type a be in one of type b, or be it? */
static bool may_be_in(const struct cedar_schema *schema, const struct type *a, const struct type *b)
{
    struct schema_set targets = {b->entities, b->entity_count};
    if (a->kind != TYPE_ENTITY || b->kind != TYPE_ENTITY || !type_is_disjoint(a, b)) {
        return true;
    }
    for (size_t i = 0; i < a->entity_count; i++) {
        const struct schema_set *ancestors = &schema->entities[a->entities[i]].ancestors;
        for (size_t k = 0; k < ancestors->count; k++) {
            if (schema_set_has(&targets, ancestors->items[k])) {
                return true;
            }
        }
    }
    return false;
}

static uint32_t action_of(const struct typing *t, const struct node *node)
{
    struct cedar_value memory;
    const struct cedar_value *literal = literal_of(t, node, &memory);
    bool is_entity = literal != NULL && literal->kind == CEDAR_ENTITY;
    return is_entity ? schema_action_find(t->schema, &literal->as.uid) : SCHEMA_NONE;
}

/* Is the right side an entity literal or a list of them? */
static bool is_literal_target(const struct typing *t, const struct node *node)
{
    struct cedar_value memory;
    if (node->kind != NODE_SET) {
        const struct cedar_value *literal = literal_of(t, node, &memory);
        return literal != NULL && literal->kind == CEDAR_ENTITY;
    }
    for (size_t i = 0; i < node->item_count; i++) {
        if (node->items[i]->kind == NODE_SET || !is_literal_target(t, node->items[i])) {
            return false;
        }
    }
    return true;
}

/* The schema holds all actions, so it decides. */
static bool is_action_in(const struct typing *t, uint32_t action, const struct node *target)
{
    if (target->kind == NODE_SET) {
        for (size_t i = 0; i < target->item_count; i++) {
            if (is_action_in(t, action, target->items[i])) {
                return true;
            }
        }
        return false;
    }
    uint32_t other = action_of(t, target);
    return other != SCHEMA_NONE &&
           (other == action || schema_set_has(&t->schema->actions[action].ancestors, other));
}

static const struct type *type_of_in(const struct typing *t, const struct node *node,
                                     const struct type *left, const struct type *right)
{
    uint32_t action = action_of(t, node->items[0]);
    if (action != SCHEMA_NONE && is_literal_target(t, node->items[1])) {
        return &TYPE_PLAIN[is_action_in(t, action, node->items[1]) ? TYPE_TRUE : TYPE_FALSE];
    }
    const struct type *target = right->kind == TYPE_SET ? right->element : right;
    bool is_possible = target == NULL || may_be_in(t->schema, left, target);
    return &TYPE_PLAIN[is_possible ? TYPE_BOOL : TYPE_FALSE];
}

enum status typecheck_in(struct typing *t, const struct node *node, const struct fact *facts,
                         struct typed *out)
{
    const struct type *entity = &TYPE_PLAIN[TYPE_ANY_ENTITY];
    struct type set = {.kind = TYPE_SET, .element = entity};
    struct typed left;
    struct typed right;
    TRY(typing_expect(t, node->items[0], facts, entity, &left));
    TRY(typecheck(t, node->items[1], facts, &right));
    *out = (struct typed){.type = &TYPE_PLAIN[TYPE_BOOL],
                          .has_failed = left.has_failed || right.has_failed};
    if (right.type == NULL) {
        return STATUS_OK;
    }
    if (!type_is_subtype(right.type, entity, t->is_strict) &&
        !type_is_subtype(right.type, &set, t->is_strict)) {
        out->has_failed = true;
        return typing_report(t, node->items[1], "expected an entity or a set of entities, saw %s",
                             typing_words(t, right.type).text);
    }
    if (!left.has_failed && !right.has_failed) {
        out->type = type_of_in(t, node, left.type, right.type);
    }
    return STATUS_OK;
}

enum status typecheck_is(struct typing *t, const struct node *node, const struct fact *facts,
                         struct typed *out)
{
    struct typed entity;
    TRY(typing_expect(t, node->items[0], facts, &TYPE_PLAIN[TYPE_ANY_ENTITY], &entity));
    *out = (struct typed){.type = &TYPE_PLAIN[TYPE_BOOL], .has_failed = entity.has_failed};
    uint32_t number = schema_entity_find(t->schema, node->text);
    if (entity.type->kind != TYPE_ENTITY) {
        return STATUS_OK;
    }
    struct schema_set types = {entity.type->entities, entity.type->entity_count};
    if (!schema_set_has(&types, number)) {
        out->type = &TYPE_PLAIN[TYPE_FALSE];
    } else if (types.count == 1) {
        out->type = &TYPE_PLAIN[TYPE_TRUE];
    }
    return STATUS_OK;
}

/* -- attributes ---------------------------------------------------------------------------- */

/* What looking for an attribute in a type finds. */
struct lookup {
    const struct type *type; /* NULL: no such attribute */
    bool is_required;
    bool may_exist; /* not declared, but the type is open */
};

static enum status look_up_entities(struct typing *t, const struct type *type, struct slice name,
                                    struct lookup *out)
{
    for (size_t i = 0; i < type->entity_count; i++) {
        const struct type *shape = t->schema->entities[type->entities[i]].shape;
        const struct type_attribute *found = type_attribute_find(shape, name);
        if (found == NULL) {
            /* Some of the types may still have it. */
            out->may_exist = out->may_exist || out->type != NULL || i + 1 < type->entity_count;
            out->type = NULL;
            return STATUS_OK;
        }
        out->is_required = (i == 0 || out->is_required) && found->is_required;
        const struct type *joined = found->type;
        if (i > 0) {
            TRY(type_join(out->type, found->type, t->is_strict, t->arena, &joined));
        }
        out->type = joined;
        if (joined == NULL) {
            out->may_exist = true;
            return STATUS_OK;
        }
    }
    return STATUS_OK;
}

static enum status look_up(struct typing *t, const struct type *type, struct slice name,
                           struct lookup *out)
{
    *out = (struct lookup){0};
    if (type->kind == TYPE_ENTITY) {
        return look_up_entities(t, type, name, out);
    }
    out->may_exist = type->kind == TYPE_ANY_ENTITY || type->is_open;
    if (type->kind == TYPE_RECORD) {
        const struct type_attribute *found = type_attribute_find(type, name);
        out->type = found == NULL ? NULL : found->type;
        out->is_required = found != NULL && found->is_required;
    }
    return STATUS_OK;
}

/* An entity or a record; anything else is reported. */
static enum status check_object(struct typing *t, const struct node *node, const struct fact *facts,
                                struct typed *out)
{
    TRY(typecheck(t, node, facts, out));
    bool is_object = out->type == NULL || out->type->kind == TYPE_RECORD ||
                     out->type->kind == TYPE_ENTITY || out->type->kind == TYPE_ANY_ENTITY;
    if (is_object) {
        return STATUS_OK;
    }
    const struct type *seen = out->type;
    *out = (struct typed){.has_failed = true};
    return typing_report(t, node, "expected an entity or a record, saw %s",
                         typing_words(t, seen).text);
}

enum status typecheck_has(struct typing *t, const struct node *node, const struct fact *facts,
                          struct typed *out)
{
    struct typed object;
    struct lookup found;
    TRY(check_object(t, node->items[0], facts, &object));
    *out = (struct typed){.type = &TYPE_PLAIN[TYPE_BOOL], .has_failed = object.has_failed};
    if (object.type == NULL) {
        return STATUS_OK;
    }
    TRY(look_up(t, object.type, node->text, &found));
    if (found.type == NULL) {
        out->type = &TYPE_PLAIN[found.may_exist ? TYPE_BOOL : TYPE_FALSE];
        return STATUS_OK;
    }
    bool is_certain = (found.is_required && object.type->kind == TYPE_RECORD) ||
                      facts_has_attribute(facts, node->items[0], node->text);
    out->type = &TYPE_PLAIN[is_certain ? TYPE_TRUE : TYPE_BOOL];
    return facts_add(t->arena, NULL, node->items[0], node->text, NULL, &out->facts);
}

static void suggest(struct typing *t, const struct type *object, struct slice name)
{
    struct suggestion near = {0};
    const struct type *record =
        object->kind == TYPE_ENTITY ? t->schema->entities[object->entities[0]].shape : object;
    for (size_t i = 0; i < record->attribute_count; i++) {
        suggestion_consider(&near, name, record->attributes[i].name);
    }
    if (near.word.len > 0) {
        (void)report_help(t->reporter, "did you mean '%.*s'?", SLICE_ARG(near.word));
    }
}

enum status typecheck_attribute(struct typing *t, const struct node *node, const struct fact *facts,
                                struct typed *out)
{
    struct typed object;
    struct lookup found;
    TRY(check_object(t, node->items[0], facts, &object));
    *out = (struct typed){.has_failed = object.has_failed};
    if (object.type == NULL) {
        return STATUS_OK;
    }
    TRY(look_up(t, object.type, node->text, &found));
    out->type = found.type;
    if (found.type == NULL) {
        out->has_failed = true;
        TRY(typing_report(t, node, "%s has no attribute '%.*s'", typing_words(t, object.type).text,
                          SLICE_ARG(report_clip(node->text))));
        suggest(t, object.type, node->text);
        return STATUS_OK;
    }
    if (found.is_required || facts_has_attribute(facts, node->items[0], node->text)) {
        return STATUS_OK;
    }
    out->has_failed = true;
    TRY(typing_report(t, node, "the attribute '%.*s' is optional and may be missing here",
                      SLICE_ARG(report_clip(node->text))));
    (void)report_help(t->reporter, "test for it first: ... has %.*s && ...",
                      SLICE_ARG(report_clip(node->text)));
    return STATUS_OK;
}
