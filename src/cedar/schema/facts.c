#include "cedar/schema/facts.h"

#include "cedar/value/value.h"

/* -- expressions --------------------------------------------------------------------------- */

static bool same_literal(const struct node *a, const struct node *b)
{
    const struct cedar_value *left = &a->value;
    const struct cedar_value *right = &b->value;
    if (left->kind != right->kind) {
        return false;
    }
    switch (left->kind) {
    case CEDAR_BOOL:
        return left->as.boolean == right->as.boolean;
    case CEDAR_LONG:
        return left->as.number == right->as.number;
    case CEDAR_STRING:
        return slice_eq(left->as.text, right->as.text);
    case CEDAR_ENTITY:
        return uid_eq(&left->as.uid, &right->as.uid);
    case CEDAR_UNKNOWN:
        return slice_eq(a->text, b->text);
    case CEDAR_ERROR:
    case CEDAR_SET:
    case CEDAR_RECORD:
    case CEDAR_DECIMAL:
    case CEDAR_DATETIME:
    case CEDAR_DURATION:
    case CEDAR_IP:
        break;
    }
    return false;
}

static bool same_pattern(const struct node *a, const struct node *b)
{
    if (a->part_count != b->part_count) {
        return false;
    }
    for (size_t i = 0; i < a->part_count; i++) {
        if (a->parts[i].is_wildcard != b->parts[i].is_wildcard ||
            !slice_eq(a->parts[i].literal, b->parts[i].literal)) {
            return false;
        }
    }
    return true;
}

bool node_same(const struct node *a, const struct node *b)
{
    if (a == b) {
        return true;
    }
    bool is_like = a->kind == b->kind && a->item_count == b->item_count &&
                   a->function == b->function && slice_eq(a->text, b->text) && same_pattern(a, b);
    if (!is_like || (a->kind == NODE_VALUE && !same_literal(a, b))) {
        return false;
    }
    for (size_t i = 0; i < a->item_count; i++) {
        bool has_names = a->names != NULL && b->names != NULL;
        if ((has_names && !slice_eq(a->names[i], b->names[i])) ||
            !node_same(a->items[i], b->items[i])) {
            return false;
        }
    }
    return true;
}

/* -- lists --------------------------------------------------------------------------------- */

static bool same_fact(const struct fact *a, const struct fact *b)
{
    if ((a->tag == NULL) != (b->tag == NULL) || !node_same(a->object, b->object)) {
        return false;
    }
    return a->tag != NULL ? node_same(a->tag, b->tag) : slice_eq(a->attribute, b->attribute);
}

static bool has(const struct fact *facts, const struct fact *wanted)
{
    for (; facts != NULL; facts = facts->next) {
        if (same_fact(facts, wanted)) {
            return true;
        }
    }
    return false;
}

bool facts_has_attribute(const struct fact *facts, const struct node *object,
                         struct slice attribute)
{
    return has(facts, &(struct fact){.object = object, .attribute = attribute});
}

bool facts_has_tag(const struct fact *facts, const struct node *object, const struct node *tag)
{
    return has(facts, &(struct fact){.object = object, .tag = tag});
}

static enum status push(struct arena *arena, const struct fact *fact, const struct fact **list)
{
    struct fact *copy = arena_alloc(arena, sizeof(*copy));
    if (copy == NULL) {
        return STATUS_LIMIT;
    }
    *copy = *fact;
    copy->next = *list;
    *list = copy;
    return STATUS_OK;
}

enum status facts_add(struct arena *arena, const struct fact *facts, const struct node *object,
                      struct slice attribute, const struct node *tag, const struct fact **out)
{
    struct fact fact = {.object = object, .attribute = attribute, .tag = tag};
    *out = facts;
    return has(facts, &fact) ? STATUS_OK : push(arena, &fact, out);
}

enum status facts_union(struct arena *arena, const struct fact *a, const struct fact *b,
                        const struct fact **out)
{
    *out = b;
    for (; a != NULL; a = a->next) {
        if (b == NULL || !has(b, a)) {
            TRY(push(arena, a, out));
        }
    }
    return STATUS_OK;
}

enum status facts_common(struct arena *arena, const struct fact *a, const struct fact *b,
                         const struct fact **out)
{
    *out = NULL;
    for (; a != NULL && b != NULL; a = a->next) {
        if (has(b, a)) {
            TRY(push(arena, a, out));
        }
    }
    return STATUS_OK;
}
