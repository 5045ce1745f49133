#include "cedar/syntax/print.h"

#include "cedar/syntax/functions.h"

/* Would the node be read as a part of what stands around it? */
static bool needs_parentheses(const struct surface_node *node)
{
    switch (node->kind) {
    case SURFACE_IF:
    case SURFACE_AND:
    case SURFACE_OR:
    case SURFACE_NOT:
    case SURFACE_NEGATE:
    case SURFACE_EQUAL:
    case SURFACE_NOT_EQUAL:
    case SURFACE_LESS:
    case SURFACE_LESS_EQUAL:
    case SURFACE_GREATER:
    case SURFACE_GREATER_EQUAL:
    case SURFACE_IN:
    case SURFACE_ADD:
    case SURFACE_SUBTRACT:
    case SURFACE_MULTIPLY:
    case SURFACE_HAS:
    case SURFACE_LIKE:
    case SURFACE_IS:
        return true;
    case SURFACE_BOOL:
    case SURFACE_LONG: /* negative ones have their own */
    case SURFACE_STRING:
    case SURFACE_ENTITY:
    case SURFACE_PRINCIPAL:
    case SURFACE_ACTION:
    case SURFACE_RESOURCE:
    case SURFACE_CONTEXT:
    case SURFACE_ATTRIBUTE:
    case SURFACE_SET:
    case SURFACE_RECORD:
    case SURFACE_CALL:
        break;
    }
    return false;
}

static void print_operand(struct buf *out, const struct surface_node *node)
{
    bool is_inside = needs_parentheses(node);
    if (is_inside) {
        buf_append_byte(out, '(');
    }
    print_expression(out, node);
    if (is_inside) {
        buf_append_byte(out, ')');
    }
}

static bool is_chain(enum surface_kind kind)
{
    return kind == SURFACE_AND || kind == SURFACE_OR || kind == SURFACE_ADD ||
           kind == SURFACE_SUBTRACT || kind == SURFACE_MULTIPLY;
}

static void print_operator(struct buf *out, const struct surface_node *node)
{
    const struct surface_node *left = node->items[0];
    if (is_chain(node->kind) && left->kind == node->kind) {
        print_expression(out, left);
    } else {
        print_operand(out, left);
    }
    for (uint32_t i = 1; i < node->item_count; i++) {
        buf_append_byte(out, ' ');
        buf_append(out, surface_mark(node->kind));
        buf_append_byte(out, ' ');
        print_operand(out, node->items[i]);
    }
}

static void print_long(struct buf *out, int64_t number)
{
    if (number < 0) {
        buf_append_byte(out, '(');
    }
    buf_append_i64(out, number);
    if (number < 0) {
        buf_append_byte(out, ')');
    }
}

static void print_items(struct buf *out, const struct surface_node *node, uint32_t from)
{
    for (uint32_t i = from; i < node->item_count; i++) {
        buf_append(out, i == from ? SLICE_EMPTY : SLICE(", "));
        print_expression(out, node->items[i]);
    }
}

static void print_name(struct buf *out, struct slice name, bool is_quoted)
{
    if (is_quoted || !print_is_ident(name)) {
        print_string(out, name);
    } else {
        buf_append(out, name);
    }
}

static void print_record(struct buf *out, const struct surface_node *node)
{
    buf_append_byte(out, '{');
    for (uint32_t i = 0; i < node->item_count; i++) {
        buf_append(out, i == 0 ? SLICE_EMPTY : SLICE(", "));
        print_name(out, node->names[i].text, node->is_value);
        buf_append(out, SLICE(": "));
        print_expression(out, node->items[i]);
    }
    buf_append_byte(out, '}');
}

static void print_call(struct buf *out, const struct surface_node *node)
{
    bool is_method = function_info(node->as.function)->is_method && node->item_count > 0;
    if (is_method) {
        print_operand(out, node->items[0]);
        buf_append_byte(out, '.');
    }
    buf_append(out, node->names[0].text);
    buf_append_byte(out, '(');
    print_items(out, node, is_method ? 1 : 0);
    buf_append_byte(out, ')');
}

static void print_attribute(struct buf *out, const struct surface_node *node)
{
    struct slice name = node->names[0].text;
    print_operand(out, node->items[0]);
    if (print_is_ident(name)) {
        buf_append_byte(out, '.');
        buf_append(out, name);
    } else {
        buf_append_byte(out, '[');
        print_string(out, name);
        buf_append_byte(out, ']');
    }
}

static bool is_path(const struct surface_node *has)
{
    for (uint32_t i = 0; i < has->name_count; i++) {
        if (!print_is_ident(has->names[i].text)) {
            return false;
        }
    }
    return true;
}

/* JSON may have steps that no path in text can: (e has a && e.a has "b c"). */
static void print_steps(struct buf *out, const struct surface_node *has)
{
    buf_append_byte(out, '(');
    for (uint32_t i = 0; i < has->name_count; i++) {
        buf_append(out, i == 0 ? SLICE_EMPTY : SLICE(" && "));
        print_operand(out, has->items[0]);
        for (uint32_t k = 0; k < i; k++) {
            buf_append_byte(out, '[');
            print_string(out, has->names[k].text);
            buf_append_byte(out, ']');
        }
        buf_append(out, SLICE(" has "));
        print_name(out, has->names[i].text, false);
    }
    buf_append_byte(out, ')');
}

static void print_has(struct buf *out, const struct surface_node *node)
{
    if (node->name_count > 1 && !is_path(node)) {
        print_steps(out, node);
        return;
    }
    print_operand(out, node->items[0]);
    buf_append(out, SLICE(" has "));
    for (uint32_t i = 0; i < node->name_count; i++) {
        buf_append(out, i == 0 ? SLICE_EMPTY : SLICE("."));
        print_name(out, node->names[i].text, false);
    }
}

static void print_is(struct buf *out, const struct surface_node *node)
{
    print_operand(out, node->items[0]);
    buf_append(out, SLICE(" is "));
    buf_append(out, node->names[0].text);
    if (node->item_count > 1) {
        buf_append(out, SLICE(" in "));
        print_operand(out, node->items[1]);
    }
}

static void print_if(struct buf *out, const struct surface_node *node)
{
    static const struct slice WORDS[] = {SLICE_INIT("if "), SLICE_INIT(" then "),
                                         SLICE_INIT(" else ")};
    for (uint32_t i = 0; i < COUNT_OF(WORDS); i++) {
        buf_append(out, WORDS[i]);
        print_expression(out, node->items[i]);
    }
}

static void print_entity(struct buf *out, const struct surface_entity *entity)
{
    struct cedar_uid uid = {entity->type.text, entity->id};
    print_uid(out, &uid);
}

/* An expression in brackets of its own, so that it needs no other parentheses. */
static void print_between(struct buf *out, struct slice open, const struct surface_node *node,
                          struct slice close)
{
    buf_append(out, open);
    print_items(out, node, 0);
    buf_append(out, close);
}

static void print_like(struct buf *out, const struct surface_node *node)
{
    print_operand(out, node->items[0]);
    buf_append(out, SLICE(" like "));
    print_pattern(out, node->as.pattern.parts, node->as.pattern.part_count);
}

static void print_not(struct buf *out, const struct surface_node *node)
{
    buf_append_byte(out, '!');
    print_operand(out, node->items[0]);
}

/* Always with parentheses, or "-1" would be read as a literal. */
static void print_negate(struct buf *out, const struct surface_node *node)
{
    print_between(out, SLICE("-("), node, SLICE(")"));
}

static void print_set(struct buf *out, const struct surface_node *node)
{
    print_between(out, SLICE("["), node, SLICE("]"));
}

static void print_literal(struct buf *out, const struct surface_node *node)
{
    switch ((int)node->kind) {
    case SURFACE_BOOL:
        buf_append(out, node->as.boolean ? SLICE("true") : SLICE("false"));
        return;
    case SURFACE_LONG:
        print_long(out, node->as.number);
        return;
    case SURFACE_STRING:
        print_string(out, node->as.text);
        return;
    default:
        print_entity(out, &node->as.entity);
        return;
    }
}

static void print_variable(struct buf *out, const struct surface_node *node)
{
    static const struct slice NAMES[] = {SLICE_INIT("principal"), SLICE_INIT("action"),
                                         SLICE_INIT("resource"), SLICE_INIT("context")};
    buf_append(out, NAMES[node->kind - SURFACE_PRINCIPAL]);
}

typedef void (*print_fn)(struct buf *out, const struct surface_node *node);

void print_expression(struct buf *out, const struct surface_node *node)
{
    static const print_fn PRINTERS[] = {
        [SURFACE_BOOL] = print_literal,
        [SURFACE_LONG] = print_literal,
        [SURFACE_STRING] = print_literal,
        [SURFACE_ENTITY] = print_literal,
        [SURFACE_PRINCIPAL] = print_variable,
        [SURFACE_ACTION] = print_variable,
        [SURFACE_RESOURCE] = print_variable,
        [SURFACE_CONTEXT] = print_variable,
        [SURFACE_IF] = print_if,
        [SURFACE_AND] = print_operator,
        [SURFACE_OR] = print_operator,
        [SURFACE_NOT] = print_not,
        [SURFACE_NEGATE] = print_negate,
        [SURFACE_EQUAL] = print_operator,
        [SURFACE_NOT_EQUAL] = print_operator,
        [SURFACE_LESS] = print_operator,
        [SURFACE_LESS_EQUAL] = print_operator,
        [SURFACE_GREATER] = print_operator,
        [SURFACE_GREATER_EQUAL] = print_operator,
        [SURFACE_IN] = print_operator,
        [SURFACE_ADD] = print_operator,
        [SURFACE_SUBTRACT] = print_operator,
        [SURFACE_MULTIPLY] = print_operator,
        [SURFACE_ATTRIBUTE] = print_attribute,
        [SURFACE_HAS] = print_has,
        [SURFACE_LIKE] = print_like,
        [SURFACE_IS] = print_is,
        [SURFACE_SET] = print_set,
        [SURFACE_RECORD] = print_record,
        [SURFACE_CALL] = print_call,
    };
    PRINTERS[node->kind](out, node);
}

/* -- policies ------------------------------------------------------------------------------ */

static void print_annotation(struct buf *out, const struct surface_annotation *annotation)
{
    buf_append_byte(out, '@');
    buf_append(out, annotation->key.text);
    if (annotation->has_value) {
        buf_append_byte(out, '(');
        print_string(out, annotation->value);
        buf_append_byte(out, ')');
    }
    buf_append_byte(out, '\n');
}

/* The scope comes from the policy, which has a link's values, and its form from the surface. */
static void print_scope(struct buf *out, struct slice variable, const struct scope *scope,
                        enum surface_scope_kind kind)
{
    buf_append(out, variable);
    if (scope->kind == SCOPE_IS) {
        buf_append(out, SLICE(" is "));
        buf_append(out, scope->type);
    }
    if (scope->kind == SCOPE_ANY || kind == SURFACE_SCOPE_IS) {
        return;
    }
    buf_append(out, scope->kind == SCOPE_EQUAL ? SLICE(" == ") : SLICE(" in "));
    if (scope->has_slot) {
        buf_append_byte(out, '?');
        buf_append(out, variable);
        return;
    }
    bool is_list = kind == SURFACE_SCOPE_IN_LIST && scope->entity_count != 1;
    buf_append(out, is_list ? SLICE("[") : SLICE_EMPTY);
    for (size_t i = 0; i < scope->entity_count; i++) {
        buf_append(out, i == 0 ? SLICE_EMPTY : SLICE(", "));
        print_uid(out, &scope->entities[i]);
    }
    buf_append(out, is_list ? SLICE("]") : SLICE_EMPTY);
}

void print_policy(struct buf *out, const struct policy *policy)
{
    const struct surface_policy *surface = policy->surface;
    for (size_t i = 0; i < surface->annotation_count; i++) {
        print_annotation(out, &surface->annotations[i]);
    }
    buf_append(out, surface->effect == CEDAR_PERMIT ? SLICE("permit(") : SLICE("forbid("));
    print_scope(out, SLICE("principal"), &policy->principal, surface->principal.kind);
    buf_append(out, SLICE(", "));
    print_scope(out, SLICE("action"), &policy->action, surface->action.kind);
    buf_append(out, SLICE(", "));
    print_scope(out, SLICE("resource"), &policy->resource, surface->resource.kind);
    buf_append_byte(out, ')');
    for (size_t i = 0; i < surface->condition_count; i++) {
        buf_append(out, surface->conditions[i].is_unless ? SLICE(" unless { ") : SLICE(" when { "));
        print_expression(out, surface->conditions[i].body);
        buf_append(out, SLICE(" }"));
    }
    buf_append_byte(out, ';');
}

enum status cedar_policy_to_text(const struct cedar_policy_set *set, size_t index, struct buf *out)
{
    print_policy(out, &set->policies[index]);
    return buf_status(out);
}

enum status cedar_policy_set_to_text(const struct cedar_policy_set *set, struct buf *out)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->policies[i].link != NULL) {
            return STATUS_INVALID;
        }
        buf_append(out, i == 0 ? SLICE_EMPTY : SLICE("\n\n"));
        print_policy(out, &set->policies[i]);
    }
    return buf_status(out);
}
