#include "cedar/schema/level.h"

#include "cedar/value/value.h"

/* Attributes on the way from a target into a record literal; newest first. */
struct steps {
    const struct steps *next;
    struct slice name;
};

struct levels {
    struct typing *typing;
    uint32_t max;
};

static enum status check(struct levels *l, const struct node *node);
static enum status level_of(struct levels *l, const struct node *node, const struct steps *steps,
                            uint32_t *out);

static bool is_entity(const struct levels *l, const struct node *node)
{
    const struct type *type = l->typing->types[node->number];
    return type != NULL && (type->kind == TYPE_ENTITY || type->kind == TYPE_ANY_ENTITY);
}

static bool is_alive(const struct levels *l, const struct node *node)
{
    return l->typing->types[node->number] != NULL;
}

static enum status check_all(struct levels *l, const struct node *node)
{
    for (size_t i = 0; i < node->item_count; i++) {
        if (is_alive(l, node->items[i])) {
            TRY(check(l, node->items[i]));
        }
    }
    return STATUS_OK;
}

/* -- the level of what is looked into ------------------------------------------------------ */

static enum status level_of_value(struct levels *l, const struct node *node, uint32_t *out)
{
    const struct schema_action_entity *action =
        &l->typing->schema->actions[l->typing->environment.action];
    *out = 0;
    if (node->value.kind == CEDAR_ENTITY && uid_eq(&node->value.as.uid, &action->uid)) {
        return STATUS_OK;
    }
    return typing_report(l->typing, node,
                         "looks into an entity that the request does not name, so no level bounds "
                         "it");
}

static enum status level_of_if(struct levels *l, const struct node *node, const struct steps *steps,
                               uint32_t *out)
{
    *out = 0;
    TRY(check(l, node->items[0]));
    for (size_t i = 1; i < node->item_count; i++) {
        uint32_t level = 0;
        if (is_alive(l, node->items[i])) {
            TRY(level_of(l, node->items[i], steps, &level));
        }
        *out = level > *out ? level : *out;
    }
    return STATUS_OK;
}

static enum status level_of_attribute(struct levels *l, const struct node *node,
                                      const struct steps *steps, uint32_t *out)
{
    if (is_entity(l, node->items[0])) {
        TRY(level_of(l, node->items[0], NULL, out));
        ++*out;
        return STATUS_OK;
    }
    struct steps step = {steps, node->text};
    return level_of(l, node->items[0], &step, out);
}

/* Only the attribute that is taken counts; the others are looked at for themselves. */
static enum status level_of_record(struct levels *l, const struct node *node,
                                   const struct steps *steps, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < node->item_count; i++) {
        if (steps != NULL && slice_eq(node->names[i], steps->name)) {
            TRY(level_of(l, node->items[i], steps->next, out));
        } else {
            TRY(check(l, node->items[i]));
        }
    }
    return STATUS_OK;
}

static enum status level_of(struct levels *l, const struct node *node, const struct steps *steps,
                            uint32_t *out)
{
    *out = 0;
    switch ((int)node->kind) {
    case NODE_PRINCIPAL:
    case NODE_ACTION:
    case NODE_RESOURCE:
    case NODE_CONTEXT:
        return STATUS_OK;
    case NODE_VALUE:
        return level_of_value(l, node, out);
    case NODE_IF:
        return level_of_if(l, node, steps, out);
    case NODE_ATTRIBUTE:
        return level_of_attribute(l, node, steps, out);
    case NODE_RECORD:
        return level_of_record(l, node, steps, out);
    default:
        break;
    }
    if (node->kind == NODE_CALL && node->function == FUNCTION_GET_TAG) {
        TRY(check(l, node->items[1]));
        TRY(level_of(l, node->items[0], NULL, out));
        ++*out;
        return STATUS_OK;
    }
    return check_all(l, node);
}

/* -- every place that looks into an entity ------------------------------------------------- */

static enum status check_target(struct levels *l, const struct node *node,
                                const struct node *target)
{
    uint32_t level = 0;
    TRY(level_of(l, target, NULL, &level));
    if (level < l->max) {
        return STATUS_OK;
    }
    return typing_report(l->typing, node, "needs level %u, and %u is allowed", (unsigned)level + 1,
                         (unsigned)l->max);
}

static enum status check(struct levels *l, const struct node *node)
{
    bool is_tag = node->kind == NODE_CALL &&
                  (node->function == FUNCTION_HAS_TAG || node->function == FUNCTION_GET_TAG);
    if (node->kind == NODE_IN || is_tag) {
        TRY(check_target(l, node, node->items[0]));
        return is_alive(l, node->items[1]) ? check(l, node->items[1]) : STATUS_OK;
    }
    bool is_member = node->kind == NODE_HAS || node->kind == NODE_ATTRIBUTE;
    if (is_member && is_entity(l, node->items[0])) {
        return check_target(l, node, node->items[0]);
    }
    return check_all(l, node);
}

enum status level_check(struct typing *t, const struct node *expression, uint32_t level_max)
{
    struct levels levels = {t, level_max};
    return check(&levels, expression);
}
