#include "cedar/syntax/lower.h"

#include "cedar/syntax/name_order.h"

#include <assert.h>

struct lowering {
    struct arena *arena;
    struct reporter *reporter;
    const struct surface_node *at; /* what is being lowered */
    struct surface_range scope;    /* the same while at is NULL: an element of the scope */
    bool is_whole;                 /* constants stay nodes */
    uint32_t count;                /* of nodes made so far */
};

static enum status lower(struct lowering *l, const struct surface_node *surface,
                         const struct node **out);

static struct node *new_node(struct lowering *l, enum node_kind kind, size_t count)
{
    struct node *node = arena_alloc_zero(l->arena, 1, sizeof(*node));
    const struct node **items = arena_alloc_zero(l->arena, count, sizeof(const struct node *));
    if (node == NULL || items == NULL) {
        return NULL;
    }
    node->number = l->count++;
    struct surface_range site = l->at == NULL ? l->scope : l->at->site;
    node->from = site.from;
    node->to = site.to;
    node->kind = kind;
    node->items = items;
    node->item_count = count;
    return node;
}

/* A path after `has` stands for its object once for each step, so nested ones would double the work
 * of everybody who walks the tree with every level. */
static enum status close_node(struct lowering *l, struct node *node, const struct node **out)
{
    unsigned height = 0;
    uint64_t expanded = 1;
    for (size_t i = 0; i < node->item_count; i++) {
        assert(node->items[i] != NULL);
        height = node->items[i]->height > height ? node->items[i]->height : height;
        expanded += node->items[i]->expanded;
    }
    node->height = height + 1;
    node->expanded = (uint32_t)(expanded > CEDAR_EXPANDED_MAX ? CEDAR_EXPANDED_MAX : expanded);
    *out = node;
    if (expanded > CEDAR_EXPANDED_MAX) {
        return report(l->reporter, (struct surface_range){node->from, node->to},
                      "the expression is too large: paths after 'has' nest inside each other");
    }
    return node->height <= CEDAR_DEPTH_MAX
               ? STATUS_OK
               : report(l->reporter, (struct surface_range){node->from, node->to},
                        "nested deeper than %d levels", CEDAR_DEPTH_MAX);
}

static void set_name(struct node *node, struct surface_range range)
{
    node->name_from = range.from;
    node->name_to = range.to;
}

static enum status make_value(struct lowering *l, struct cedar_value value, const struct node **out)
{
    struct node *node = new_node(l, NODE_VALUE, 0);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->value = value;
    return close_node(l, node, out);
}

static enum status make_unary(struct lowering *l, enum node_kind kind, const struct node *operand,
                              const struct node **out)
{
    struct node *node = new_node(l, kind, 1);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->items[0] = operand;
    return close_node(l, node, out);
}

static enum status make_binary(struct lowering *l, enum node_kind kind, const struct node *left,
                               const struct node *right, const struct node **out)
{
    struct node *node = new_node(l, kind, 2);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->items[0] = left;
    node->items[1] = right;
    return close_node(l, node, out);
}

/* ATTRIBUTE, HAS, IS: one part and a name. */
static enum status make_named(struct lowering *l, enum node_kind kind, const struct node *object,
                              const struct surface_name *name, const struct node **out)
{
    struct node *node = new_node(l, kind, 1);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->items[0] = object;
    node->text = name->text;
    set_name(node, name->range);
    return close_node(l, node, out);
}

/* A node of the kind with all items of the surface node lowered, not closed yet. */
static enum status lower_items(struct lowering *l, const struct surface_node *surface,
                               enum node_kind kind, struct node **out)
{
    struct node *node = new_node(l, kind, surface->item_count);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < surface->item_count; i++) {
        TRY(lower(l, surface->items[i], &node->items[i]));
    }
    *out = node;
    return STATUS_OK;
}

static enum status lower_plain(struct lowering *l, const struct surface_node *surface,
                               enum node_kind kind, const struct node **out)
{
    struct node *node = NULL;
    TRY(lower_items(l, surface, kind, &node));
    l->at = surface;
    return close_node(l, node, out);
}

/* && and || are left-nested, so a chain on the left is a part of this one: (a && b) && c is one
 * node, as a && b && c is. */
static enum status lower_logic(struct lowering *l, const struct surface_node *surface,
                               enum node_kind kind, const struct node **out)
{
    struct node *node = NULL;
    TRY(lower_items(l, surface, kind, &node));
    const struct node *left = node->items[0];
    l->at = surface;
    if (left->kind != kind) {
        return close_node(l, node, out);
    }
    struct node *chain = new_node(l, kind, left->item_count + node->item_count - 1);
    if (chain == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < left->item_count; i++) {
        chain->items[i] = left->items[i];
    }
    for (size_t i = 1; i < node->item_count; i++) {
        chain->items[left->item_count + i - 1] = node->items[i];
    }
    return close_node(l, chain, out);
}

static enum status lower_negated(struct lowering *l, const struct surface_node *surface,
                                 enum node_kind kind, const struct node **out)
{
    TRY(lower_plain(l, surface, kind, out));
    return make_unary(l, NODE_NOT, *out, out);
}

/* -- lists --------------------------------------------------------------------------------- */

static bool all_values(const struct node *node)
{
    for (size_t i = 0; i < node->item_count; i++) {
        if (node->items[i]->kind != NODE_VALUE) {
            return false;
        }
    }
    return true;
}

/* A list of nothing but values is a value itself, made once and not at every evaluation. */
static enum status fold_list(struct lowering *l, const struct node *list, const struct node **out)
{
    struct cedar_field *fields = arena_alloc_zero(l->arena, list->item_count, sizeof(*fields));
    struct cedar_list *values = arena_alloc_zero(l->arena, 1, sizeof(*values));
    if (fields == NULL || values == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < list->item_count; i++) {
        fields[i].name = list->names == NULL ? SLICE_EMPTY : list->names[i];
        fields[i].value = list->items[i]->value;
    }
    *values = (struct cedar_list){fields, list->item_count};
    return make_value(l, list->kind == NODE_SET ? cedar_set(values) : cedar_record(values), out);
}

static struct slice field_name(const void *context, size_t index)
{
    const struct surface_node *record = context;
    return record->names[index].text;
}

/* Records are evaluated in the order of their names (reference, section 5). */
static enum status sort_fields(struct lowering *l, const struct surface_node *surface,
                               struct node *record)
{
    const struct node **items =
        arena_alloc_zero(l->arena, record->item_count, sizeof(const struct node *));
    const uint32_t *order = NULL;
    record->names = arena_alloc_zero(l->arena, record->item_count, sizeof(*record->names));
    if (items == NULL || record->names == NULL) {
        return STATUS_LIMIT;
    }
    TRY(name_order(l->arena, record->item_count, field_name, surface, &order));
    for (size_t i = 0; i < record->item_count; i++) {
        items[i] = record->items[order[i]];
        record->names[i] = surface->names[order[i]].text;
    }
    record->items = items;
    return STATUS_OK;
}

static enum status lower_list(struct lowering *l, const struct surface_node *surface,
                              const struct node **out)
{
    bool is_record = surface->kind == SURFACE_RECORD;
    struct node *node = NULL;
    TRY(lower_items(l, surface, is_record ? NODE_RECORD : NODE_SET, &node));
    if (is_record) {
        TRY(sort_fields(l, surface, node));
    }
    l->at = surface;
    return all_values(node) && !l->is_whole ? fold_list(l, node, out) : close_node(l, node, out);
}

/* -- names and calls ----------------------------------------------------------------------- */

/* e has a.b.c is (e has a && e.a has b) && e.a.b has c */
static enum status lower_has(struct lowering *l, const struct surface_node *surface,
                             const struct node **out)
{
    const struct node *object = NULL;
    const struct node *all = NULL;
    TRY(lower(l, surface->items[0], &object));
    l->at = surface;
    for (size_t i = 0; i < surface->name_count; i++) {
        const struct surface_name *step = &surface->names[i];
        const struct node *one = NULL;
        TRY(make_named(l, NODE_HAS, object, step, &one));
        all = all == NULL ? one : all;
        if (i > 0) {
            TRY(make_binary(l, NODE_AND, all, one, &all));
        }
        if (i + 1 < surface->name_count) {
            TRY(make_named(l, NODE_ATTRIBUTE, object, step, &object));
        }
    }
    *out = all;
    return STATUS_OK;
}

/* e is T in x is (e is T) && (e in x) */
static enum status lower_is(struct lowering *l, const struct surface_node *surface,
                            const struct node **out)
{
    const struct node *object = NULL;
    const struct node *right = NULL;
    TRY(lower(l, surface->items[0], &object));
    l->at = surface;
    TRY(make_named(l, NODE_IS, object, &surface->names[0], out));
    if (surface->item_count == 1) {
        return STATUS_OK;
    }
    TRY(lower(l, surface->items[1], &right));
    l->at = surface;
    TRY(make_binary(l, NODE_IN, object, right, &right));
    return make_binary(l, NODE_AND, *out, right, out);
}

static enum status lower_call(struct lowering *l, const struct surface_node *surface,
                              const struct node **out)
{
    struct slice name = surface->names[0].text;
    struct cedar_value value;
    struct node *node = NULL;
    TRY(lower_items(l, surface, NODE_CALL, &node));
    /* The constructor of a good text is a value; a bad text fails when it is evaluated. */
    bool is_constant = !l->is_whole && node->item_count == 1 &&
                       node->items[0]->kind == NODE_VALUE &&
                       node->items[0]->value.kind == CEDAR_STRING;
    if (is_constant &&
        cedar_extension_parse(name, node->items[0]->value.as.text, &value) == STATUS_OK) {
        return make_value(l, value, out);
    }
    node->function = surface->as.function;
    node->text = name;
    l->at = surface;
    return close_node(l, node, out);
}

static enum status lower_attribute(struct lowering *l, const struct surface_node *surface,
                                   const struct node **out)
{
    const struct node *object = NULL;
    TRY(lower(l, surface->items[0], &object));
    l->at = surface;
    return make_named(l, NODE_ATTRIBUTE, object, &surface->names[0], out);
}

static enum status lower_like(struct lowering *l, const struct surface_node *surface,
                              const struct node **out)
{
    struct node *node = NULL;
    TRY(lower_items(l, surface, NODE_LIKE, &node));
    node->parts = surface->as.pattern.parts;
    node->part_count = surface->as.pattern.part_count;
    l->at = surface;
    return close_node(l, node, out);
}

static enum status make_entity(struct lowering *l, const struct surface_entity *entity,
                               const struct node **out)
{
    struct node *node = new_node(l, NODE_VALUE, 0);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->value = cedar_entity(entity->type.text, entity->id);
    set_name(node, entity->type.range);
    return close_node(l, node, out);
}

static enum status lower(struct lowering *l, const struct surface_node *surface,
                         const struct node **out)
{
    l->at = surface;
    switch (surface->kind) {
    case SURFACE_BOOL:
        return make_value(l, cedar_bool(surface->as.boolean), out);
    case SURFACE_LONG:
        return make_value(l, cedar_long(surface->as.number), out);
    case SURFACE_STRING:
        return make_value(l, cedar_string(surface->as.text), out);
    case SURFACE_ENTITY:
        return make_entity(l, &surface->as.entity, out);
    case SURFACE_PRINCIPAL:
        return lower_plain(l, surface, NODE_PRINCIPAL, out);
    case SURFACE_ACTION:
        return lower_plain(l, surface, NODE_ACTION, out);
    case SURFACE_RESOURCE:
        return lower_plain(l, surface, NODE_RESOURCE, out);
    case SURFACE_CONTEXT:
        return lower_plain(l, surface, NODE_CONTEXT, out);
    case SURFACE_IF:
        return lower_plain(l, surface, NODE_IF, out);
    case SURFACE_AND:
        return lower_logic(l, surface, NODE_AND, out);
    case SURFACE_OR:
        return lower_logic(l, surface, NODE_OR, out);
    case SURFACE_NOT:
        return lower_plain(l, surface, NODE_NOT, out);
    case SURFACE_NEGATE:
        return lower_plain(l, surface, NODE_NEGATE, out);
    case SURFACE_EQUAL:
        return lower_plain(l, surface, NODE_EQUAL, out);
    case SURFACE_NOT_EQUAL:
        return lower_negated(l, surface, NODE_EQUAL, out);
    case SURFACE_LESS:
        return lower_plain(l, surface, NODE_LESS, out);
    case SURFACE_LESS_EQUAL:
        return lower_plain(l, surface, NODE_LESS_EQUAL, out);
    case SURFACE_GREATER:
        return lower_negated(l, surface, NODE_LESS_EQUAL, out);
    case SURFACE_GREATER_EQUAL:
        return lower_negated(l, surface, NODE_LESS, out);
    case SURFACE_IN:
        return lower_plain(l, surface, NODE_IN, out);
    case SURFACE_ADD:
        return lower_plain(l, surface, NODE_ADD, out);
    case SURFACE_SUBTRACT:
        return lower_plain(l, surface, NODE_SUBTRACT, out);
    case SURFACE_MULTIPLY:
        return lower_plain(l, surface, NODE_MULTIPLY, out);
    case SURFACE_ATTRIBUTE:
        return lower_attribute(l, surface, out);
    case SURFACE_HAS:
        return lower_has(l, surface, out);
    case SURFACE_LIKE:
        return lower_like(l, surface, out);
    case SURFACE_IS:
        return lower_is(l, surface, out);
    case SURFACE_SET:
    case SURFACE_RECORD:
        return lower_list(l, surface, out);
    case SURFACE_CALL:
        return lower_call(l, surface, out);
    }
    return STATUS_INTERNAL;
}

enum status lower_expression(const struct surface_node *surface, struct arena *arena,
                             struct reporter *reporter, const struct node **out)
{
    struct lowering l = {.arena = arena, .reporter = reporter};
    return lower(&l, surface, out);
}

/* -- policies ------------------------------------------------------------------------------ */

static enum status lower_scope(const struct surface_scope *surface, struct arena *arena,
                               struct scope *out)
{
    static const enum scope_kind KINDS[] = {
        [SURFACE_SCOPE_ANY] = SCOPE_ANY, [SURFACE_SCOPE_EQUAL] = SCOPE_EQUAL,
        [SURFACE_SCOPE_IN] = SCOPE_IN,   [SURFACE_SCOPE_IN_LIST] = SCOPE_IN,
        [SURFACE_SCOPE_IS] = SCOPE_IS,   [SURFACE_SCOPE_IS_IN] = SCOPE_IS,
    };
    struct cedar_uid *entities = NULL;
    if (surface->entity_count > 0 || surface->kind == SURFACE_SCOPE_IN_LIST) {
        entities = arena_alloc_zero(arena, surface->entity_count, sizeof(*entities));
        if (entities == NULL) {
            return STATUS_LIMIT;
        }
    }
    for (size_t i = 0; i < surface->entity_count; i++) {
        entities[i].type = surface->entities[i].type.text;
        entities[i].id = surface->entities[i].id;
    }
    *out = (struct scope){.kind = KINDS[surface->kind],
                          .type = surface->type.text,
                          .entities = entities,
                          .entity_count = surface->entity_count,
                          .has_slot = surface->has_slot};
    return STATUS_OK;
}

static enum status lower_annotations(const struct surface_policy *surface, struct arena *arena,
                                     struct policy *out)
{
    struct annotation *annotations =
        arena_alloc_zero(arena, surface->annotation_count, sizeof(*annotations));
    if (annotations == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < surface->annotation_count; i++) {
        annotations[i] =
            (struct annotation){surface->annotations[i].key.text, surface->annotations[i].value};
    }
    out->annotations = annotations;
    out->annotation_count = surface->annotation_count;
    return STATUS_OK;
}

/* unless {x} is when {!x} */
static enum status lower_condition(struct lowering *l, const struct surface_condition *condition,
                                   const struct node **out)
{
    TRY(lower(l, condition->body, out));
    l->at = condition->body;
    return condition->is_unless ? make_unary(l, NODE_NOT, *out, out) : STATUS_OK;
}

/* All conditions become one conjunction in their order. */
static enum status lower_conditions(struct lowering *l, const struct surface_policy *surface,
                                    const struct node **out)
{
    *out = NULL;
    if (surface->condition_count == 0) {
        return STATUS_OK;
    }
    if (surface->condition_count == 1) {
        return lower_condition(l, &surface->conditions[0], out);
    }
    struct node *all = new_node(l, NODE_AND, surface->condition_count);
    if (all == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < surface->condition_count; i++) {
        TRY(lower_condition(l, &surface->conditions[i], &all->items[i]));
    }
    return close_node(l, all, out);
}

enum status lower_policy(const struct surface_policy *surface, struct arena *arena,
                         struct reporter *reporter, struct policy *out)
{
    struct lowering l = {.arena = arena, .reporter = reporter};
    out->effect = surface->effect;
    TRY(lower_annotations(surface, arena, out));
    TRY(lower_scope(&surface->principal, arena, &out->principal));
    TRY(lower_scope(&surface->action, arena, &out->action));
    TRY(lower_scope(&surface->resource, arena, &out->resource));
    return lower_conditions(&l, surface, &out->condition);
}

/* -- policies as one expression ------------------------------------------------------------ */

static enum status whole_entity(struct lowering *l, const struct surface_entity *entity,
                                const struct node **out)
{
    struct surface_range element = l->scope;
    l->scope = entity->range;
    enum status status = make_entity(l, entity, out);
    l->scope = element;
    return status;
}

static enum status whole_slot(struct lowering *l, enum node_kind variable, const struct node **out)
{
    struct node *node = new_node(l, NODE_VALUE, 0);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->value = (struct cedar_value){.kind = CEDAR_UNKNOWN};
    node->text = variable == NODE_PRINCIPAL ? SLICE("?principal") : SLICE("?resource");
    return close_node(l, node, out);
}

static enum status whole_list(struct lowering *l, const struct surface_scope *scope,
                              const struct node **out)
{
    struct node *set = new_node(l, NODE_SET, scope->entity_count);
    if (set == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < scope->entity_count; i++) {
        TRY(whole_entity(l, &scope->entities[i], &set->items[i]));
    }
    return close_node(l, set, out);
}

/* An element of the scope as an expression; no constraint is true. */
static enum status whole_scope(struct lowering *l, enum node_kind variable,
                               const struct surface_scope *scope, const struct node **out)
{
    const struct node *left = NULL;
    const struct node *right = NULL;
    l->scope = scope->range;
    if (scope->kind == SURFACE_SCOPE_ANY) {
        return make_value(l, cedar_bool(true), out);
    }
    struct node *subject = new_node(l, variable, 0);
    if (subject == NULL) {
        return STATUS_LIMIT;
    }
    TRY(close_node(l, subject, &left));
    if (scope->kind == SURFACE_SCOPE_IS) {
        return make_named(l, NODE_IS, left, &scope->type, out);
    }
    if (scope->kind == SURFACE_SCOPE_IN_LIST) {
        TRY(whole_list(l, scope, &right));
    } else {
        TRY(scope->has_slot ? whole_slot(l, variable, &right)
                            : whole_entity(l, &scope->entities[0], &right));
    }
    enum node_kind kind = scope->kind == SURFACE_SCOPE_EQUAL ? NODE_EQUAL : NODE_IN;
    TRY(make_binary(l, kind, left, right, out));
    if (scope->kind != SURFACE_SCOPE_IS_IN) {
        return STATUS_OK;
    }
    const struct node *is = NULL;
    TRY(make_named(l, NODE_IS, left, &scope->type, &is));
    return make_binary(l, NODE_AND, is, *out, out);
}

bool lower_is_path_step(const struct node *chain, size_t index)
{
    if (chain->kind != NODE_AND || index == 0 || index >= chain->item_count) {
        return false;
    }
    const struct node *before = chain->items[index - 1];
    const struct node *step = chain->items[index];
    return step->kind == NODE_HAS && step->from == before->from && step->to == before->to;
}

enum status lower_policy_whole(const struct surface_policy *surface, struct arena *arena,
                               struct reporter *reporter, struct lowered_policy *out)
{
    struct lowering l = {.arena = arena, .reporter = reporter, .scope = surface->range};
    struct node *all = NULL;
    l.is_whole = true;
    all = new_node(&l, NODE_AND, 3 + surface->condition_count);
    if (all == NULL) {
        return STATUS_LIMIT;
    }
    TRY(whole_scope(&l, NODE_PRINCIPAL, &surface->principal, &all->items[0]));
    TRY(whole_scope(&l, NODE_ACTION, &surface->action, &all->items[1]));
    TRY(whole_scope(&l, NODE_RESOURCE, &surface->resource, &all->items[2]));
    for (size_t i = 0; i < surface->condition_count; i++) {
        TRY(lower_condition(&l, &surface->conditions[i], &all->items[3 + i]));
    }
    TRY(close_node(&l, all, &out->expression));
    out->node_count = l.count;
    return STATUS_OK;
}
