#include "cedar/syntax/check.h"

/* -- has ----------------------------------------------------------------------------------- */

static enum status fail_has(struct checker *c, struct surface_range range,
                            const struct concrete *right)
{
    struct slice text = slice_sub(c->reporter->source.text, right->range.from, right->range.to);
    (void)report(c->reporter, range, "'%.*s' cannot stand right of 'has'",
                 SLICE_ARG(report_clip(text)));
    return report_help(c->reporter, "write names with '.' between them, or one string");
}

/* The first step of `has a.b.c`, or what stands instead of it. */
static enum status check_has_first(struct checker *c, const struct concrete *first,
                                   const struct concrete *right, struct surface_name *out)
{
    struct surface_node *unused = NULL;
    switch ((int)first->kind) {
    case CONCRETE_NAME:
        TRY(check_path(c, first, out));
        if (first->count == 1) {
            return STATUS_OK;
        }
        return report(c->reporter, first->range,
                      "'%.*s' has a namespace and cannot be an attribute",
                      SLICE_ARG(report_clip(out->text)));
    case CONCRETE_BOOL:
        return report(c->reporter, first->range, "'%.*s' is reserved and cannot be a name",
                      SLICE_ARG(first->text));
    case CONCRETE_NUMBER:
        TRY(check_operand(c, first, &unused));
        return fail_has(c, first->range, right);
    case CONCRETE_PARENTHESES:
    case CONCRETE_LIST:
    case CONCRETE_RECORD:
    case CONCRETE_ENTITY:
    case CONCRETE_ENTITY_RECORD:
    case CONCRETE_SLOT:
        return fail_has(c, first->range, right);
    default:
        return fail_has(c, right->range, right);
    }
}

static enum status check_has_path(struct checker *c, const struct concrete *right,
                                  struct surface_name *names)
{
    size_t count = 0;
    TRY(check_has_first(c, right->first, right, &names[count++]));
    for (const struct concrete *step = right->first->next; step != NULL; step = step->next) {
        if (step->kind != CONCRETE_ATTRIBUTE) {
            return fail_has(c, step->range, right);
        }
        TRY(check_ident(c, step->first));
        names[count++] =
            (struct surface_name){.text = step->first->text, .range = step->first->range};
    }
    return STATUS_OK;
}

static enum status check_has_right(struct checker *c, const struct concrete *right,
                                   struct surface_name *names)
{
    if (right->kind == CONCRETE_STRING) {
        names[0] = (struct surface_name){.range = right->range, .is_quoted = true};
        return check_string(c, right, right->range, &names[0].text);
    }
    return right->kind == CONCRETE_MEMBER ? check_has_path(c, right, names)
                                          : check_has_first(c, right, right, &names[0]);
}

enum status check_has(struct checker *c, const struct concrete *concrete, struct surface_node **out)
{
    const struct concrete *right = concrete->first->next;
    uint32_t count = right->kind == CONCRETE_MEMBER ? right->count : 1;
    struct surface_node *node = surface_node_new(c->arena, SURFACE_HAS, concrete->range, 1);
    struct surface_name *names = arena_alloc_zero(c->arena, count, sizeof(*names));
    struct surface_node *object = NULL;
    if (node == NULL || names == NULL) {
        return STATUS_LIMIT;
    }
    TRY(check_has_right(c, right, names));
    TRY(check_expression(c, concrete->first, &object));
    node->items[0] = object;
    node->names = names;
    node->name_count = count;
    return check_close(c, node, out);
}

/* -- like ---------------------------------------------------------------------------------- */

static enum status check_pattern(struct checker *c, const struct concrete *right,
                                 struct surface_pattern *out)
{
    struct pattern_part *parts = NULL;
    struct slice text;
    size_t bad = 0;
    if (right->kind != CONCRETE_STRING) {
        text = slice_sub(c->reporter->source.text, right->range.from, right->range.to);
        (void)report(c->reporter, check_inner_range(right),
                     "right of 'like' stands a pattern, not '%.*s'", SLICE_ARG(report_clip(text)));
        return report_help(c->reporter, "write the pattern as a string; '*' stands for anything");
    }
    enum status status =
        lexer_unescape(right->text, c->arena, &text, &parts, &out->part_count, &bad);
    if (status == STATUS_INVALID) {
        uint32_t at = right->range.from + 1 + (uint32_t)bad;
        (void)report(c->reporter, right->range, "the pattern has an escape that does not exist");
        (void)report_label(c->reporter, (struct surface_range){at, at + 2}, "this one");
        return report_help(c->reporter, "besides the escapes of strings there is '\\*' for a star");
    }
    out->parts = parts;
    out->written = right->text;
    out->range = right->range;
    return status;
}

enum status check_like(struct checker *c, const struct concrete *concrete,
                       struct surface_node **out)
{
    const struct concrete *right = concrete->first->next;
    struct surface_node *node = surface_node_new(c->arena, SURFACE_LIKE, concrete->range, 1);
    struct surface_node *unused = NULL;
    struct surface_node *text = NULL;
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    TRY(check_operand(c, right, &unused));
    enum status status = check_expression(c, concrete->first, &text);
    TRY(status_worse(status, check_pattern(c, right, &node->as.pattern)));
    node->items[0] = text;
    return check_close(c, node, out);
}

/* -- is ------------------------------------------------------------------------------------ */

enum status check_is(struct checker *c, const struct concrete *concrete, struct surface_node **out)
{
    const struct concrete *left = concrete->first;
    const struct concrete *type = left->next;
    struct surface_node *node =
        surface_node_new(c->arena, SURFACE_IS, concrete->range, concrete->count - 1);
    struct surface_name *name = arena_alloc_zero(c->arena, 1, sizeof(*name));
    struct slice text = slice_sub(c->reporter->source.text, left->range.from, left->range.to);
    struct surface_node *entity = NULL;
    bool is_early = false;
    if (node == NULL || name == NULL) {
        return STATUS_LIMIT;
    }
    enum status status = check_entity_type(c, type, report_clip(text), name, &is_early);
    if (!is_early) {
        status = status_worse(status, check_expression(c, left, &entity));
    }
    TRY(status);
    node->items[0] = entity;
    node->names = name;
    node->name_count = 1;
    if (type->next != NULL) {
        TRY(check_expression(c, type->next, &entity));
        node->items[1] = entity;
    }
    return check_close(c, node, out);
}
