/* Policies against a schema (reference, section 11). */

#include "base/suggest.h"
#include "cedar/schema/characters.h"
#include "cedar/schema/level.h"
#include "cedar/syntax/lower.h"

#include <string.h>

#define VALIDATE_BYTES_MAX ((size_t)1 << 30)

/* What is done with one policy. */
struct validating {
    const struct cedar_schema *schema;
    const struct cedar_validate_options *options;
    const struct policy *policy;
    struct arena arena; /* of this policy */
    struct reporter errors, warnings;
    struct lowered_policy whole;
    const struct type **types; /* of the nodes in one environment */
    size_t error_count;
};

/* -- names --------------------------------------------------------------------------------- */

static void fail(struct validating *v, struct surface_range range, const char *what,
                 struct slice name)
{
    v->error_count++;
    (void)report(&v->errors, range, "policy '%.*s': %s '%.*s'",
                 SLICE_ARG(report_clip(v->policy->id)), what, SLICE_ARG(report_clip(name)));
}

static void suggest(struct validating *v, struct suggestion near)
{
    if (near.word.len > 0) {
        (void)report_help(&v->errors, "did you mean '%.*s'?", SLICE_ARG(near.word));
    }
}

static bool check_type_name(struct validating *v, const struct node *node, struct slice name)
{
    struct suggestion near = {0};
    if (schema_entity_find(v->schema, name) != SCHEMA_NONE) {
        return true;
    }
    fail(v, (struct surface_range){node->name_from, node->name_to},
         "the schema does not declare the entity type", name);
    for (size_t i = 0; i < v->schema->entity_count; i++) {
        suggestion_consider(&near, name, v->schema->entities[i].name);
    }
    suggest(v, near);
    return false;
}

static void check_action_name(struct validating *v, const struct node *node,
                              const struct cedar_uid *uid)
{
    struct suggestion near = {0};
    if (schema_action_find(v->schema, uid) != SCHEMA_NONE) {
        return;
    }
    fail(v, (struct surface_range){node->from, node->to}, "the schema does not declare the action",
         uid->id);
    for (size_t i = 0; i < v->schema->action_count; i++) {
        suggestion_consider(&near, uid->id, v->schema->actions[i].uid.id);
    }
    suggest(v, near);
}

static bool is_action_type(struct slice type)
{
    return slice_eq(type, SLICE("Action")) || slice_ends_with(type, SLICE("::Action"));
}

static void check_uid(struct validating *v, const struct node *node, const struct cedar_uid *uid)
{
    if (is_action_type(uid->type)) {
        check_action_name(v, node, uid);
        return;
    }
    if (!check_type_name(v, node, uid->type)) {
        return;
    }
    const struct schema_entity_type *type =
        &v->schema->entities[schema_entity_find(v->schema, uid->type)];
    if (!schema_entity_has_id(type, uid->id)) {
        fail(v, (struct surface_range){node->from, node->to},
             "the enumerated entity type has no id", uid->id);
    }
}

/* Every name in the policy. */
static void check_names(struct validating *v, const struct node *node)
{
    if (node->kind == NODE_VALUE && node->value.kind == CEDAR_ENTITY) {
        check_uid(v, node, &node->value.as.uid);
    } else if (node->kind == NODE_IS) {
        (void)check_type_name(v, node, node->text);
    }
    for (size_t i = 0; i < node->item_count; i++) {
        check_names(v, node->items[i]);
    }
}

/* -- can an action apply? ------------------------------------------------------------------ */

/* May an entity of this type pass the constraint of the scope? */
static bool allows_type(const struct cedar_schema *schema, const struct scope *scope,
                        uint32_t number)
{
    uint32_t is = scope->kind == SCOPE_IS ? schema_entity_find(schema, scope->type) : SCHEMA_NONE;
    if (scope->kind == SCOPE_ANY || (scope->kind == SCOPE_IS && is != number)) {
        return scope->kind == SCOPE_ANY;
    }
    if (scope->entity_count == 0) {
        return true; /* `is` alone, or a slot, which may be anything */
    }
    uint32_t target = schema_entity_find(schema, scope->entities[0].type);
    if (target == SCHEMA_NONE) {
        return false;
    }
    return target == number || (scope->kind != SCOPE_EQUAL &&
                                schema_set_has(&schema->entities[number].ancestors, target));
}

static bool allows_action(const struct cedar_schema *schema, const struct scope *scope,
                          uint32_t number)
{
    if (scope->kind == SCOPE_ANY) {
        return true;
    }
    for (size_t i = 0; i < scope->entity_count; i++) {
        uint32_t target = schema_action_find(schema, &scope->entities[i]);
        if (target == number && target != SCHEMA_NONE) {
            return true;
        }
        if (scope->kind == SCOPE_IN && target != SCHEMA_NONE &&
            schema_set_has(&schema->actions[number].ancestors, target)) {
            return true;
        }
    }
    return false;
}

static bool allows_some(const struct cedar_schema *schema, const struct scope *scope,
                        const struct schema_set *types)
{
    for (size_t i = 0; i < types->count; i++) {
        if (allows_type(schema, scope, types->items[i])) {
            return true;
        }
    }
    return false;
}

static bool can_apply(const struct cedar_schema *schema, const struct policy *policy)
{
    for (uint32_t i = 0; i < schema->action_count; i++) {
        const struct schema_action_entity *action = &schema->actions[i];
        if (allows_action(schema, &policy->action, i) &&
            allows_some(schema, &policy->principal, &action->principals) &&
            allows_some(schema, &policy->resource, &action->resources)) {
            return true;
        }
    }
    return false;
}

static void warn(struct validating *v, const char *what)
{
    const struct surface_policy *surface = v->policy->surface;
    (void)report(&v->warnings, surface->range, "policy '%.*s': %s",
                 SLICE_ARG(report_clip(v->policy->id)), what);
    v->warnings.last->severity = CEDAR_SEVERITY_WARNING;
}

/* Would the policy apply if a group that is compared by == were meant by `in`? */
static bool would_apply_with_in(const struct cedar_schema *schema, const struct policy *policy)
{
    struct policy relaxed = *policy;
    struct scope *scopes[] = {&relaxed.principal, &relaxed.action, &relaxed.resource};
    for (size_t i = 0; i < COUNT_OF(scopes); i++) {
        if (scopes[i]->kind == SCOPE_EQUAL) {
            scopes[i]->kind = SCOPE_IN;
        }
    }
    return can_apply(schema, &relaxed);
}

static void check_applies(struct validating *v)
{
    if (can_apply(v->schema, v->policy)) {
        return;
    }
    warn(v, "no action of the schema can apply with this scope");
    if (would_apply_with_in(v->schema, v->policy)) {
        (void)report_help(&v->warnings,
                          "write 'in' instead of '==' to mean all that is in a group");
    }
}

/* -- types --------------------------------------------------------------------------------- */

/* Is every request of the environment refused by the policy? Counts errors. */
static enum status check_environment(struct validating *v, const struct environment *environment,
                                     bool *is_false)
{
    struct typing typing = {
        .schema = v->schema,
        .is_strict = v->options->mode == CEDAR_VALIDATE_STRICT,
        .environment = *environment,
        .arena = &v->arena,
        .reporter = &v->errors,
        .first_report = v->errors.first,
        .policy_id = v->policy->id,
    };
    struct typed typed;
    if (v->options->has_level) {
        memset(v->types, 0, v->whole.node_count * sizeof(const struct type *));
        typing.types = v->types;
    }
    TRY(typecheck(&typing, v->whole.expression, NULL, &typed));
    if (v->options->has_level && !typed.has_failed) {
        TRY(level_check(&typing, v->whole.expression, v->options->level));
    }
    v->error_count += typing.error_count;
    *is_false = typed.type != NULL && typed.type->kind == TYPE_FALSE;
    return STATUS_OK;
}

/* The types a slot may have where the variable has type: that one, or with `in` what may hold it.
 */
static bool slot_may_be(const struct cedar_schema *schema, const struct scope *scope, uint32_t type,
                        uint32_t slot)
{
    return slot == type ||
           (scope->kind != SCOPE_EQUAL && schema_set_has(&schema->entities[type].ancestors, slot));
}

static enum status check_slots(struct validating *v, struct environment environment,
                               bool *is_impossible)
{
    const struct scope *principal = &v->policy->principal;
    const struct scope *resource = &v->policy->resource;
    size_t count = v->schema->entity_count;
    for (uint32_t i = 0; i < (principal->has_slot ? count : 1); i++) {
        if (principal->has_slot && !slot_may_be(v->schema, principal, environment.principal, i)) {
            continue;
        }
        environment.principal_slot = principal->has_slot ? i : SCHEMA_NONE;
        for (uint32_t k = 0; k < (resource->has_slot ? count : 1); k++) {
            bool is_false = false;
            if (resource->has_slot && !slot_may_be(v->schema, resource, environment.resource, k)) {
                continue;
            }
            environment.resource_slot = resource->has_slot ? k : SCHEMA_NONE;
            TRY(check_environment(v, &environment, &is_false));
            *is_impossible = *is_impossible && is_false;
        }
    }
    return STATUS_OK;
}

static enum status check_types(struct validating *v)
{
    bool is_impossible = true;
    for (uint32_t i = 0; i < v->schema->action_count; i++) {
        const struct schema_action_entity *action = &v->schema->actions[i];
        for (size_t p = 0; p < action->principals.count; p++) {
            for (size_t r = 0; r < action->resources.count; r++) {
                struct environment environment = {.action = i,
                                                  .principal = action->principals.items[p],
                                                  .resource = action->resources.items[r]};
                TRY(check_slots(v, environment, &is_impossible));
            }
        }
    }
    if (is_impossible) {
        warn(v, "it is impossible: its expression is false for every request that the schema "
                "allows");
    }
    return STATUS_OK;
}

/* -- characters ---------------------------------------------------------------------------- */

/* The worst that the text may be: one warning is enough. */
static void judge_characters(struct validating *v, const struct node *node,
                             const struct characters *seen, bool is_name)
{
    struct surface_range range = {node->from, node->to};
    struct slice id = report_clip(v->policy->id);
    const char *what = is_name ? "name" : "text";
    if (seen->turns != 0) {
        (void)report(&v->warnings, range,
                     "policy '%.*s': U+%04X in the %s changes the direction of writing",
                     SLICE_ARG(id), (unsigned)seen->turns, what);
    } else if (is_name && seen->has_unusual) {
        (void)report(&v->warnings, range,
                     "policy '%.*s': U+%04X in the name is none of the characters that Unicode "
                     "advises for names",
                     SLICE_ARG(id), (unsigned)seen->unusual);
    } else if (characters_are_mixed(seen)) {
        (void)report(&v->warnings, range,
                     "policy '%.*s': the %s mixes scripts, whose characters may look alike",
                     SLICE_ARG(id), what);
    } else {
        return;
    }
    v->warnings.last->severity = CEDAR_SEVERITY_WARNING;
    report_once(&v->warnings, v->warnings.first);
}

static void check_text(struct validating *v, const struct node *node, struct slice text,
                       bool is_name)
{
    struct characters seen = {0};
    characters_read(&seen, text);
    judge_characters(v, node, &seen, is_name);
}

static void check_pattern(struct validating *v, const struct node *node)
{
    struct characters seen = {0};
    for (size_t i = 0; i < node->part_count; i++) {
        characters_read(&seen, node->parts[i].literal);
    }
    judge_characters(v, node, &seen, false);
}

/* Every text and name in the policy; names of types are ASCII. */
static void check_characters(struct validating *v, const struct node *node)
{
    if (node->kind == NODE_VALUE && node->value.kind == CEDAR_STRING) {
        check_text(v, node, node->value.as.text, false);
    } else if (node->kind == NODE_VALUE && node->value.kind == CEDAR_ENTITY) {
        check_text(v, node, node->value.as.uid.id, true);
    } else if (node->kind == NODE_ATTRIBUTE || node->kind == NODE_HAS) {
        check_text(v, node, node->text, true);
    } else if (node->kind == NODE_LIKE) {
        check_pattern(v, node);
    }
    for (size_t i = 0; i < node->item_count; i++) {
        if (node->kind == NODE_RECORD) {
            check_text(v, node, node->names[i], true);
        }
        check_characters(v, node->items[i]);
    }
}

/* -- all policies -------------------------------------------------------------------------- */

static enum status validate_policy(struct validating *v)
{
    TRY(lower_policy_whole(v->policy->surface, &v->arena, &v->errors, &v->whole));
    v->types = arena_alloc_zero(&v->arena, v->whole.node_count, sizeof(const struct type *));
    if (v->types == NULL) {
        return STATUS_LIMIT;
    }
    if (v->policy->link != NULL) {
        /* The template was checked for every value that a slot may have. */
        check_applies(v);
        return STATUS_OK;
    }
    check_names(v, v->whole.expression);
    check_applies(v);
    check_characters(v, v->whole.expression);
    return check_types(v);
}

enum status cedar_validate(const struct cedar_policy_set *set, const struct cedar_schema *schema,
                           const struct cedar_validate_options *options,
                           struct cedar_diagnostics *errors, struct cedar_diagnostics *warnings)
{
    bool is_valid = true;
    errors->count = 0;
    errors->is_cut = false;
    warnings->count = 0;
    warnings->is_cut = false;
    for (size_t i = 0; i < set->count; i++) {
        const struct policy *policy = &set->policies[i];
        struct cedar_source source = {policy->source, policy->source_text};
        struct validating v = {.schema = schema, .options = options, .policy = policy};
        arena_init(&v.arena, VALIDATE_BYTES_MAX, NULL);
        reporter_init(&v.errors, &source, errors);
        reporter_init(&v.warnings, &source, warnings);
        enum status status = validate_policy(&v);
        reporter_close(&v.errors);
        reporter_close(&v.warnings);
        arena_release(&v.arena);
        TRY(status);
        is_valid = is_valid && v.error_count == 0;
    }
    return is_valid ? STATUS_OK : STATUS_INVALID;
}
