#include "cedar/syntax/check.h"

#include <assert.h>

static const char SCOPE_HELP[] = "a scope holds principal, action and resource, in this order";

/* What may stand right of `==` or `in` in an element. */
enum right_kind {
    RIGHT_ENTITY,      /* action == */
    RIGHT_ENTITIES,    /* action in */
    RIGHT_ENTITY_SLOT, /* principal and resource */
};

static const char *right_name(enum right_kind kind)
{
    return kind == RIGHT_ENTITY     ? "an entity"
           : kind == RIGHT_ENTITIES ? "an entity or a list of entities"
                                    : "an entity or the slot of this variable";
}

static enum status fail_right(struct checker *c, const struct concrete *at, enum right_kind kind,
                              const char *found)
{
    return report(c->reporter, at->range, "here stands %s, not %s", right_name(kind), found);
}

static enum status check_right_slot(struct checker *c, const struct concrete *slot,
                                    enum right_kind kind, struct slice variable,
                                    struct surface_scope *scope)
{
    if (kind != RIGHT_ENTITY_SLOT) {
        (void)fail_right(c, slot, kind, "a slot");
        return report_help(c->reporter, "actions of templates are fixed");
    }
    if (!slice_eq(slice_sub(slot->text, 1, slot->text.len), variable)) {
        (void)report(c->reporter, slot->range, "the slot '%.*s' cannot stand here",
                     SLICE_ARG(report_clip(slot->text)));
        return report_help(c->reporter, "the slot of this variable is ?%.*s", SLICE_ARG(variable));
    }
    scope->has_slot = true;
    scope->slot = slot->range;
    return STATUS_OK;
}

static enum status fail_right_name(struct checker *c, const struct concrete *name,
                                   enum right_kind kind, struct slice variable)
{
    struct slice text = slice_sub(c->reporter->source.text, name->range.from, name->range.to);
    text = report_clip(text);
    (void)fail_right(c, name, kind, "a name");
    if (kind == RIGHT_ENTITY_SLOT) {
        return report_help(c->reporter,
                           "write '%.*s is %.*s' for its type, or add an id: "
                           "%.*s::\"id\"",
                           SLICE_ARG(variable), SLICE_ARG(text), SLICE_ARG(text));
    }
    return report_help(c->reporter, "add an id: %.*s::\"id\"", SLICE_ARG(text));
}

static enum status fail_right_other(struct checker *c, const struct concrete *right,
                                    enum right_kind kind)
{
    switch ((int)right->kind) {
    case CONCRETE_STRING:
        (void)fail_right(c, right, kind, "a string");
        return report_help(c->reporter, "put the entity's type before it: Type::\"id\"");
    case CONCRETE_IF:
        return fail_right(c, right, kind, "an 'if'");
    case CONCRETE_AND:
        (void)fail_right(c, right, kind, "'&&'");
        return report_help(c->reporter, "move what follows '&&' into when { }");
    case CONCRETE_OR:
        (void)fail_right(c, right, kind, "'||'");
        return report_help(c->reporter, "write a policy of its own for what follows '||'");
    case CONCRETE_ADD:
    case CONCRETE_MEMBER:
        (void)fail_right(c, right, kind, "an expression");
        return report_help(c->reporter, "names have no '-', '+' and '.'; parts of a name are "
                                        "joined with '::'");
    default:
        return fail_right(c, right, kind, "an expression");
    }
}

static enum status check_right(struct checker *c, const struct concrete *right,
                               enum right_kind kind, struct slice variable,
                               struct surface_scope *scope);

static enum status check_right_list(struct checker *c, const struct concrete *list,
                                    enum right_kind kind, struct slice variable,
                                    struct surface_scope *scope)
{
    struct surface_entity *entities = arena_alloc_zero(c->arena, list->count, sizeof(*entities));
    enum status status = STATUS_OK;
    size_t i = 0;
    if (kind != RIGHT_ENTITIES) {
        return fail_right(c, list, kind, "a list");
    }
    if (entities == NULL) {
        return STATUS_LIMIT;
    }
    for (const struct concrete *part = list->first; part != NULL; part = part->next) {
        struct surface_scope one = {0};
        enum status found = check_right(c, part, RIGHT_ENTITY, variable, &one);
        status = status_worse(status, found);
        if (found == STATUS_OK) {
            entities[i++] = one.entities[0];
        }
    }
    scope->kind = SURFACE_SCOPE_IN_LIST;
    scope->entities = entities;
    scope->entity_count = list->count;
    return status;
}

static enum status check_right_entity(struct checker *c, const struct concrete *right,
                                      struct surface_scope *scope)
{
    struct surface_entity *entity = arena_alloc_zero(c->arena, 1, sizeof(*entity));
    if (entity == NULL) {
        return STATUS_LIMIT;
    }
    TRY(check_entity(c, right, entity));
    scope->entities = entity;
    scope->entity_count = 1;
    return STATUS_OK;
}

static enum status check_right(struct checker *c, const struct concrete *right,
                               enum right_kind kind, struct slice variable,
                               struct surface_scope *scope)
{
    while (right->kind == CONCRETE_PARENTHESES) {
        right = right->first;
        scope->parentheses++;
    }
    switch ((int)right->kind) {
    case CONCRETE_SLOT:
        return check_right_slot(c, right, kind, variable, scope);
    case CONCRETE_ENTITY:
    case CONCRETE_ENTITY_RECORD:
        return check_right_entity(c, right, scope);
    case CONCRETE_NAME:
        return fail_right_name(c, right, kind, variable);
    case CONCRETE_LIST:
        return check_right_list(c, right, kind, variable, scope);
    default:
        return fail_right_other(c, right, kind);
    }
}

/* -- elements ------------------------------------------------------------------------------ */

/* `principal in G::"g" is T`: the relation's right side is an `is` without `in`. */
static bool is_inverted(struct checker *c, const struct concrete *right)
{
    struct surface_node *unused = NULL;
    assert(right != NULL);
    while (right->kind == CONCRETE_PARENTHESES) {
        right = right->first;
    }
    if (right->kind != CONCRETE_IS || right->count != 2) {
        return false;
    }
    c->reporter->silent++;
    bool is_right = check_is(c, right, &unused) == STATUS_OK;
    c->reporter->silent--;
    return is_right;
}

static enum status check_variable(struct checker *c, const struct concrete *variable)
{
    static const struct slice WORDS[] = {SLICE_INIT("principal"), SLICE_INIT("action"),
                                         SLICE_INIT("resource")};
    for (size_t i = 0; i < COUNT_OF(WORDS); i++) {
        if (slice_eq(variable->text, WORDS[i])) {
            return STATUS_OK;
        }
    }
    struct slice near = report_nearest(variable->text, WORDS, COUNT_OF(WORDS));
    (void)report(c->reporter, variable->range, "a scope has no '%.*s'",
                 SLICE_ARG(report_clip(variable->text)));
    return near.len > 0 ? report_help(c->reporter, "did you mean '%.*s'?", SLICE_ARG(near))
                        : report_help(c->reporter, "%s", SCOPE_HELP);
}

static enum status fail_type(struct checker *c, const struct concrete *type)
{
    (void)report(c->reporter, type->range, "a type cannot be given with ':'");
    return report_help(c->reporter, "write 'is' instead of ':'");
}

static enum status fail_order(struct checker *c, const struct concrete_element *element,
                              struct slice expected)
{
    (void)report(c->reporter, element->range, "here must stand '%.*s', not '%.*s'",
                 SLICE_ARG(expected), SLICE_ARG(element->variable->text));
    return report_help(c->reporter, "%s", SCOPE_HELP);
}

static enum status fail_mark(struct checker *c, const struct concrete_element *element)
{
    if (slice_eq(element->mark, SLICE("="))) {
        (void)report(c->reporter, element->range, "'=' is no operator");
        return report_help(c->reporter, "write '==' to compare");
    }
    (void)report(c->reporter, element->range, "'%.*s' cannot stand in a scope",
                 SLICE_ARG(element->mark));
    return report_help(c->reporter, "scopes have '==', 'in' and, but for actions, 'is'; other "
                                    "conditions go into when { }");
}

/* The relation of principal or resource, once its right side is known to be one. */
static enum status check_mark(struct checker *c, const struct concrete_element *element,
                              struct surface_scope *scope)
{
    bool is_early = false;
    if (slice_eq(element->mark, SLICE("==")) && element->entity_type != NULL) {
        (void)report(c->reporter, element->range, "'is' and '==' cannot stand together");
        return report_help(c->reporter, "an entity has one type: '==' alone is enough");
    }
    if (slice_eq(element->mark, SLICE("=="))) {
        scope->kind = SURFACE_SCOPE_EQUAL;
        return STATUS_OK;
    }
    if (!slice_eq(element->mark, SLICE("in"))) {
        return fail_mark(c, element);
    }
    scope->kind = element->entity_type == NULL ? SURFACE_SCOPE_IN : SURFACE_SCOPE_IS_IN;
    return element->entity_type == NULL
               ? STATUS_OK
               : check_entity_type(c, element->entity_type, element->variable->text, &scope->type,
                                   &is_early);
}

static enum status check_principal_or_resource(struct checker *c,
                                               const struct concrete_element *element,
                                               struct slice expected, struct surface_scope *scope)
{
    struct slice variable = element->variable->text;
    bool is_early = false;
    TRY(check_variable(c, element->variable));
    if (element->type != NULL) {
        return fail_type(c, element->type);
    }
    if (element->right != NULL) {
        if (slice_eq(element->mark, SLICE("in")) && is_inverted(c, element->right)) {
            (void)report(c->reporter, element->range, "'is' must stand before 'in'");
            return report_help(c->reporter, "write '%.*s is Type in Entity'", SLICE_ARG(variable));
        }
        TRY(check_right(c, element->right, RIGHT_ENTITY_SLOT, variable, scope));
        TRY(check_mark(c, element, scope));
    } else if (element->entity_type != NULL) {
        scope->kind = SURFACE_SCOPE_IS;
        TRY(check_entity_type(c, element->entity_type, variable, &scope->type, &is_early));
    }
    return slice_eq(variable, expected) ? STATUS_OK : fail_order(c, element, expected);
}

/* Bar::Action::"x" is an action, Action::Bar::"x" is none. */
static bool is_action_type(struct slice type)
{
    return slice_eq(type, SLICE("Action")) || slice_ends_with(type, SLICE("::Action"));
}

static enum status check_action_types(struct checker *c, const struct concrete_element *element,
                                      const struct surface_scope *scope)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < scope->entity_count; i++) {
        const struct surface_entity *entity = &scope->entities[i];
        if (is_action_type(entity->type.text)) {
            continue;
        }
        if (status == STATUS_OK) {
            (void)report(c->reporter, element->right->range, "'%.*s' is no type of actions",
                         SLICE_ARG(report_clip(entity->type.text)));
            status = report_help(c->reporter, "the last part of its name has to be 'Action'");
        }
        if (scope->kind == SURFACE_SCOPE_IN_LIST) {
            status = report_label(c->reporter, entity->range, "no action");
        }
    }
    return status;
}

static enum status check_action(struct checker *c, const struct concrete_element *element,
                                struct surface_scope *scope)
{
    struct slice variable = element->variable->text;
    bool is_in = slice_eq(element->mark, SLICE("in"));
    TRY(check_variable(c, element->variable));
    if (!slice_eq(variable, SLICE("action"))) {
        return fail_order(c, element, SLICE("action"));
    }
    if (element->type != NULL) {
        return fail_type(c, element->type);
    }
    if (element->entity_type != NULL || (is_in && is_inverted(c, element->right))) {
        (void)report(c->reporter, element->range, "'is' cannot stand with action");
        return report_help(c->reporter, "move it into when { }");
    }
    if (element->right == NULL) {
        return STATUS_OK;
    }
    if (!is_in && !slice_eq(element->mark, SLICE("=="))) {
        return fail_mark(c, element);
    }
    scope->kind = is_in ? SURFACE_SCOPE_IN : SURFACE_SCOPE_EQUAL;
    TRY(check_right(c, element->right, is_in ? RIGHT_ENTITIES : RIGHT_ENTITY, variable, scope));
    return check_action_types(c, element, scope);
}

static enum status check_element(struct checker *c, const struct concrete_element *element,
                                 struct slice expected, struct surface_scope *scope)
{
    scope->range = element->range;
    scope->variable = element->variable->range;
    scope->right = element->right == NULL ? (struct surface_range){0} : element->right->range;
    return slice_eq(expected, SLICE("action"))
               ? check_action(c, element, scope)
               : check_principal_or_resource(c, element, expected, scope);
}

enum status check_scope(struct checker *c, const struct concrete_policy *concrete,
                        struct surface_policy *out)
{
    const struct {
        struct slice name;
        struct surface_scope *scope;
    } ELEMENTS[] = {{SLICE("principal"), &out->principal},
                    {SLICE("action"), &out->action},
                    {SLICE("resource"), &out->resource}};
    const struct concrete_element *element = concrete->elements;
    uint32_t end = concrete->effect->range.to;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < COUNT_OF(ELEMENTS); i++) {
        if (element == NULL) {
            (void)report(c->reporter, (struct surface_range){end, end}, "the scope lacks '%.*s'",
                         SLICE_ARG(ELEMENTS[i].name));
            status = status_worse(status, report_help(c->reporter, "%s", SCOPE_HELP));
            continue;
        }
        status =
            status_worse(status, check_element(c, element, ELEMENTS[i].name, ELEMENTS[i].scope));
        end = element->range.to;
        element = element->next;
    }
    for (; element != NULL; element = element->next) {
        (void)report(c->reporter, element->range, "a scope has three elements; this is one more");
        status = status_worse(status, report_help(c->reporter, "%s", SCOPE_HELP));
    }
    return status;
}
