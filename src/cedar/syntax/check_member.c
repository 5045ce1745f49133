#include "cedar/syntax/check.h"

#include "cedar/syntax/functions.h"

/* What the accesses of one member say, looked at before it is known what they are applied to. */
struct access {
    const struct concrete *concrete;
    struct surface_name name;     /* attribute or index */
    struct surface_node **values; /* arguments */
};

static enum status check_index(struct checker *c, const struct concrete *inner,
                               struct surface_name *out)
{
    struct surface_node *unused = NULL;
    struct slice text = slice_sub(c->reporter->source.text, inner->range.from, inner->range.to);
    *out = (struct surface_name){.range = inner->range, .is_quoted = true};
    if (inner->kind == CONCRETE_STRING) {
        return check_string(c, inner, inner->range, &out->text);
    }
    TRY(check_operand(c, inner, &unused));
    (void)report(c->reporter, check_inner_range(inner),
                 "between '[' and ']' stands a string, not '%.*s'", SLICE_ARG(report_clip(text)));
    return report_help(c->reporter, "names of attributes cannot be computed");
}

static enum status check_arguments(struct checker *c, const struct concrete *call,
                                   struct surface_node ***out)
{
    struct surface_node **values =
        arena_alloc_zero(c->arena, call->count, sizeof(struct surface_node *));
    enum status status = STATUS_OK;
    size_t i = 0;
    if (values == NULL) {
        return STATUS_LIMIT;
    }
    for (const struct concrete *part = call->first; part != NULL; part = part->next) {
        status = status_worse(status, check_expression(c, part, &values[i++]));
    }
    *out = values;
    return status;
}

static enum status check_access(struct checker *c, const struct concrete *concrete,
                                struct access *out)
{
    out->concrete = concrete;
    if (concrete->kind == CONCRETE_INDEX) {
        return check_index(c, concrete->first, &out->name);
    }
    if (concrete->kind == CONCRETE_CALL) {
        return check_arguments(c, concrete, &out->values);
    }
    out->name =
        (struct surface_name){.text = concrete->first->text, .range = concrete->first->range};
    return check_ident(c, concrete->first);
}

/* -- calls --------------------------------------------------------------------------------- */

static enum status node_of_call(struct checker *c, const struct concrete *member,
                                const struct surface_name *name, struct surface_node *receiver,
                                const struct access *call, struct surface_node **out)
{
    uint32_t first = receiver == NULL ? 0 : 1;
    struct surface_range range = {member->range.from, call->concrete->range.to};
    struct surface_node *node =
        surface_node_new(c->arena, SURFACE_CALL, range, call->concrete->count + first);
    struct surface_name *names = arena_alloc_zero(c->arena, 1, sizeof(*names));
    if (node == NULL || names == NULL) {
        return STATUS_LIMIT;
    }
    names[0] = *name;
    node->site = member->range;
    node->names = names;
    node->name_count = 1;
    node->as.function = function_find(name->text);
    if (receiver != NULL) {
        node->items[0] = receiver;
    }
    for (uint32_t i = 0; i < call->concrete->count; i++) {
        node->items[first + i] = call->values[i];
    }
    return check_close(c, node, out);
}

static enum status fail_unknown(struct checker *c, const struct concrete *member,
                                const struct surface_name *name, bool is_method)
{
    struct slice near = function_nearest(name->text, is_method);
    (void)report(c->reporter, member->range, "there is no %s '%.*s'",
                 is_method ? "method" : "function", SLICE_ARG(report_clip(name->text)));
    if (is_method) {
        (void)report_label(c->reporter, name->range, "this name");
    }
    return near.len == 0 ? STATUS_INVALID
                         : report_help(c->reporter, "did you mean '%.*s'?", SLICE_ARG(near));
}

static enum status check_method(struct checker *c, const struct concrete *member,
                                const struct surface_name *name, struct surface_node *receiver,
                                const struct access *call, struct surface_node **out)
{
    enum function function = function_find(name->text);
    if (function == FUNCTION_COUNT) {
        return fail_unknown(c, member, name, true);
    }
    const struct function_info *info = function_info(function);
    if (!info->is_method) {
        (void)report(c->reporter, member->range, "'%.*s' is a function, not a method",
                     SLICE_ARG(info->name));
        return report_help(c->reporter, "write '%.*s(...)'", SLICE_ARG(info->name));
    }
    if (info->arity >= 0 && (uint32_t)info->arity != call->concrete->count) {
        return report(c->reporter, member->range, "'%.*s' takes %d argument%s, not %u",
                      SLICE_ARG(info->name), info->arity, info->arity == 1 ? "" : "s",
                      (unsigned)call->concrete->count);
    }
    return node_of_call(c, member, name, receiver, call, out);
}

static enum status check_function(struct checker *c, const struct concrete *member,
                                  const struct access *call, struct surface_node **out)
{
    struct surface_name name;
    TRY(check_path(c, member->first, &name));
    enum function function = function_find(name.text);
    if (function == FUNCTION_COUNT) {
        return fail_unknown(c, member, &name, false);
    }
    if (function_info(function)->is_method) {
        (void)report(c->reporter, member->range, "'%.*s' is a method, not a function",
                     SLICE_ARG(name.text));
        return report_help(c->reporter, "write 'x.%.*s(...)'", SLICE_ARG(name.text));
    }
    return node_of_call(c, member, &name, NULL, call, out);
}

/* -- chains -------------------------------------------------------------------------------- */

static enum status node_of_attribute(struct checker *c, const struct concrete *member,
                                     const struct access *access, struct surface_node *object,
                                     struct surface_node **out)
{
    struct surface_range range = {member->range.from, access->concrete->range.to};
    struct surface_node *node = surface_node_new(c->arena, SURFACE_ATTRIBUTE, range, 1);
    struct surface_name *name = arena_alloc_zero(c->arena, 1, sizeof(*name));
    if (node == NULL || name == NULL) {
        return STATUS_LIMIT;
    }
    *name = access->name;
    node->site = member->range;
    node->names = name;
    node->name_count = 1;
    node->items[0] = object;
    return check_close(c, node, out);
}

/* The accesses from the i-th on, applied to *object. */
static enum status apply_accesses(struct checker *c, const struct concrete *member,
                                  const struct access *accesses, size_t i,
                                  struct surface_node **object)
{
    size_t count = member->count - 1;
    while (i < count) {
        const struct access *access = &accesses[i];
        bool is_method = access->concrete->kind == CONCRETE_ATTRIBUTE && i + 1 < count &&
                         accesses[i + 1].concrete->kind == CONCRETE_CALL;
        if (access->concrete->kind == CONCRETE_CALL) {
            (void)report(c->reporter, member->range, "this cannot be called");
            return report_help(c->reporter, "write 'function(...)' or 'x.method(...)'");
        }
        if (is_method) {
            TRY(check_method(c, member, &access->name, *object, &accesses[i + 1], object));
            i += 2;
        } else {
            TRY(node_of_attribute(c, member, access, *object, object));
            i++;
        }
    }
    return STATUS_OK;
}

/* A name that is no variable has nothing but calls. */
static enum status check_name_access(struct checker *c, const struct concrete *member,
                                     const struct access *accesses, struct surface_node **out)
{
    const struct concrete *name = member->first;
    struct slice text =
        report_clip(slice_sub(c->reporter->source.text, name->range.from, name->range.to));
    if (accesses[0].concrete->kind == CONCRETE_CALL) {
        TRY(check_function(c, member, &accesses[0], out));
        return apply_accesses(c, member, accesses, 1, out);
    }
    (void)report(c->reporter, member->range, "'%.*s' is no variable and has no '%.*s'",
                 SLICE_ARG(text), SLICE_ARG(report_clip(accesses[0].name.text)));
    return report_help(c->reporter, "variables are principal, action, resource and context");
}

enum status check_member(struct checker *c, const struct concrete *member,
                         struct surface_node **out)
{
    const struct concrete *first = member->first;
    struct access *accesses = arena_alloc_zero(c->arena, member->count - 1, sizeof(*accesses));
    size_t i = 0;
    if (accesses == NULL) {
        return STATUS_LIMIT;
    }
    enum status status = check_operand(c, first, out);
    for (const struct concrete *part = first->next; part != NULL; part = part->next) {
        status = status_worse(status, check_access(c, part, &accesses[i++]));
    }
    TRY(status);
    if (first->kind == CONCRETE_NAME && !check_is_variable(first)) {
        return check_name_access(c, member, accesses, out);
    }
    if (first->kind == CONCRETE_NAME && accesses[0].concrete->kind == CONCRETE_CALL) {
        return report(c->reporter, member->range, "'%.*s' is a variable and cannot be called",
                      SLICE_ARG(first->first->text));
    }
    TRY(check_finish(c, first, out));
    return apply_accesses(c, member, accesses, 0, out);
}
