#include "cedar/syntax/form_read.h"
#include "cedar/syntax/lexer.h"

/* -- scope --------------------------------------------------------------------------------- */

enum scope_member {
    MEMBER_OP,
    MEMBER_ENTITY,
    MEMBER_ENTITIES,
    MEMBER_SLOT,
    MEMBER_TYPE,
    MEMBER_IN,
    MEMBER_COUNT,
};

static const struct form_rule SCOPE_RULES[MEMBER_COUNT] = {
    [MEMBER_OP] = {SLICE_INIT("op"), true},
    [MEMBER_ENTITY] = {SLICE_INIT("entity"), false},
    [MEMBER_ENTITIES] = {SLICE_INIT("entities"), false},
    [MEMBER_SLOT] = {SLICE_INIT("slot"), false},
    [MEMBER_TYPE] = {SLICE_INIT("entity_type"), false},
    [MEMBER_IN] = {SLICE_INIT("in"), false},
};

static enum status fail_reference(struct form_reader *reader, json_ref ref)
{
    return report(reader->reporter, form_range(reader, ref),
                  "here must stand one of 'entity', 'slot' and, for actions, 'entities'");
}

static enum status read_slot(struct form_reader *reader, json_ref ref, struct slice variable,
                             struct surface_scope *out)
{
    struct slice slot = SLICE_EMPTY;
    TRY(form_read_text(reader, ref, &slot));
    bool is_own = slot.len > 0 && slot.ptr[0] == '?' &&
                  slice_eq(slice_sub(slot, 1, slot.len), variable) &&
                  !slice_eq(variable, SLICE("action"));
    out->has_slot = true;
    out->slot = form_range(reader, ref);
    return is_own ? STATUS_OK
                  : report(reader->reporter, out->slot, "the slot '%.*s' cannot stand here",
                           SLICE_ARG(report_clip(slot)));
}

static enum status read_entities(struct form_reader *reader, json_ref ref,
                                 struct surface_scope *out)
{
    uint32_t count = json_count(reader->tape, ref);
    struct surface_entity *entities = arena_alloc_zero(reader->arena, count, sizeof(*entities));
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    if (entities == NULL) {
        return STATUS_LIMIT;
    }
    if (json_type(reader->tape, ref) != JSON_ARRAY) {
        return report(reader->reporter, form_range(reader, ref), "here must stand an array");
    }
    out->kind = SURFACE_SCOPE_IN_LIST;
    out->entities = entities;
    json_iter_init(&iter, reader->tape, ref);
    while (json_iter_next(&iter, &key, &value)) {
        TRY(form_read_entity(reader, value, &entities[out->entity_count++]));
    }
    return STATUS_OK;
}

/* The one of entity, entities and slot that is there. */
static enum status read_reference(struct form_reader *reader, json_ref ref, const json_ref *members,
                                  struct slice variable, struct surface_scope *out)
{
    json_ref entity = members[MEMBER_ENTITY];
    json_ref entities = members[MEMBER_ENTITIES];
    json_ref slot = members[MEMBER_SLOT];
    int given = (entity != JSON_NONE) + (entities != JSON_NONE) + (slot != JSON_NONE);
    bool may_list = slice_eq(variable, SLICE("action")) && out->kind == SURFACE_SCOPE_IN;
    if (given != 1 || (entities != JSON_NONE && !may_list)) {
        return fail_reference(reader, ref);
    }
    out->right = form_range(reader, entity != JSON_NONE     ? entity
                                    : entities != JSON_NONE ? entities
                                                            : slot);
    if (slot != JSON_NONE) {
        return read_slot(reader, slot, variable, out);
    }
    if (entities != JSON_NONE) {
        return read_entities(reader, entities, out);
    }
    struct surface_entity *one = arena_alloc_zero(reader->arena, 1, sizeof(*one));
    if (one == NULL) {
        return STATUS_LIMIT;
    }
    out->entities = one;
    out->entity_count = 1;
    return form_read_entity(reader, entity, one);
}

/* {"op": "is", "entity_type": T, "in"?: {"entity" or "slot"}} */
static enum status read_is(struct form_reader *reader, json_ref ref, const json_ref *members,
                           struct slice variable, struct surface_scope *out)
{
    static const struct form_rule RULES[] = {{SLICE_INIT("entity"), false},
                                             {SLICE_INIT("slot"), false}};
    json_ref inner[COUNT_OF(RULES)];
    json_ref references[MEMBER_COUNT];
    if (members[MEMBER_TYPE] == JSON_NONE) {
        return report(reader->reporter, form_range(reader, ref),
                      "the member 'entity_type' is missing");
    }
    out->kind = SURFACE_SCOPE_IS;
    TRY(form_read_type(reader, members[MEMBER_TYPE], &out->type));
    if (members[MEMBER_IN] == JSON_NONE) {
        return STATUS_OK;
    }
    TRY(form_read_members(reader, members[MEMBER_IN], RULES, COUNT_OF(RULES), inner));
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        references[i] = JSON_NONE;
    }
    references[MEMBER_ENTITY] = inner[0];
    references[MEMBER_SLOT] = inner[1];
    out->kind = SURFACE_SCOPE_IS_IN;
    return read_reference(reader, members[MEMBER_IN], references, variable, out);
}

/* Members that belong to other operators are as unknown as any. */
static enum status check_members(struct form_reader *reader, const json_ref *members,
                                 unsigned allowed)
{
    for (unsigned i = MEMBER_ENTITY; i < MEMBER_COUNT; i++) {
        if (members[i] != JSON_NONE && (allowed & (1U << i)) == 0) {
            return report(reader->reporter, form_range(reader, members[i]),
                          "this 'op' has no member '%.*s'", SLICE_ARG(SCOPE_RULES[i].name));
        }
    }
    return STATUS_OK;
}

static enum status read_operator(struct form_reader *reader, json_ref ref, const json_ref *members,
                                 struct slice variable, struct surface_scope *out)
{
    const unsigned references = 1U << MEMBER_ENTITY | 1U << MEMBER_ENTITIES | 1U << MEMBER_SLOT;
    struct slice op = SLICE_EMPTY;
    bool is_action = slice_eq(variable, SLICE("action"));
    TRY(form_read_text(reader, members[MEMBER_OP], &op));
    if (slice_eq(op, SLICE("All")) || slice_eq(op, SLICE("all"))) {
        return check_members(reader, members, 0);
    }
    if (slice_eq(op, SLICE("==")) || slice_eq(op, SLICE("in"))) {
        out->kind = slice_eq(op, SLICE("==")) ? SURFACE_SCOPE_EQUAL : SURFACE_SCOPE_IN;
        TRY(check_members(reader, members, references));
        return read_reference(reader, ref, members, variable, out);
    }
    if (slice_eq(op, SLICE("is")) && !is_action) {
        TRY(check_members(reader, members, 1U << MEMBER_TYPE | 1U << MEMBER_IN));
        return read_is(reader, ref, members, variable, out);
    }
    (void)report(reader->reporter, form_range(reader, members[MEMBER_OP]),
                 "there is no 'op' '%.*s' here", SLICE_ARG(report_clip(op)));
    return report_help(reader->reporter, is_action ? "it is one of All, == and in"
                                                   : "it is one of All, ==, in and is");
}

static enum status check_action_types(struct form_reader *reader, const struct surface_scope *scope)
{
    for (size_t i = 0; i < scope->entity_count; i++) {
        struct slice type = scope->entities[i].type.text;
        if (!slice_eq(type, SLICE("Action")) && !slice_ends_with(type, SLICE("::Action"))) {
            (void)report(reader->reporter, scope->entities[i].range, "'%.*s' is no type of actions",
                         SLICE_ARG(report_clip(type)));
            return report_help(reader->reporter, "the last part of its name has to be 'Action'");
        }
    }
    return STATUS_OK;
}

static enum status read_scope(struct form_reader *reader, json_ref ref, struct slice variable,
                              struct surface_scope *out)
{
    json_ref members[MEMBER_COUNT];
    *out = (struct surface_scope){.range = form_range(reader, ref)};
    TRY(form_read_members(reader, ref, SCOPE_RULES, MEMBER_COUNT, members));
    TRY(read_operator(reader, ref, members, variable, out));
    return slice_eq(variable, SLICE("action")) ? check_action_types(reader, out) : STATUS_OK;
}

/* -- annotations and conditions ------------------------------------------------------------ */

static bool is_ident(struct slice text)
{
    struct lexer lexer = {.source = text};
    struct token token = lexer_next(&lexer);
    return token.kind == TOKEN_IDENT && token.text.len == text.len;
}

static enum status read_annotation(struct form_reader *reader, const struct form_entry *entry,
                                   struct surface_annotation *out)
{
    out->key.text = entry->name;
    out->key.range = out->range = form_range(reader, entry->key);
    out->value_range = form_range(reader, entry->value);
    out->has_value = json_type(reader->tape, entry->value) != JSON_NULL;
    if (!is_ident(entry->name)) {
        return report(reader->reporter, out->key.range, "'%.*s' is no name of an annotation",
                      SLICE_ARG(report_clip(entry->name)));
    }
    return out->has_value ? form_read_text(reader, entry->value, &out->value) : STATUS_OK;
}

static enum status read_annotations(struct form_reader *reader, json_ref ref,
                                    struct surface_policy *out)
{
    const struct form_entry *entries = NULL;
    if (ref == JSON_NONE) {
        return STATUS_OK;
    }
    uint32_t count = json_count(reader->tape, ref);
    struct surface_annotation *annotations =
        arena_alloc_zero(reader->arena, count, sizeof(*annotations));
    enum status status = STATUS_OK;
    if (annotations == NULL) {
        return STATUS_LIMIT;
    }
    TRY(form_read_entries(reader, ref, &entries));
    for (uint32_t i = 0; i < count; i++) {
        status = status_worse(status, read_annotation(reader, &entries[i], &annotations[i]));
    }
    out->annotations = annotations;
    out->annotation_count = count;
    return status;
}

static enum status read_condition(struct form_reader *reader, json_ref ref,
                                  struct surface_condition *out)
{
    static const struct form_rule RULES[] = {{SLICE_INIT("kind"), true},
                                             {SLICE_INIT("body"), true}};
    json_ref members[COUNT_OF(RULES)];
    struct surface_node *body = NULL;
    TRY(form_read_members(reader, ref, RULES, COUNT_OF(RULES), members));
    out->range = form_range(reader, ref);
    out->keyword = form_range(reader, members[0]);
    out->is_unless = json_string_eq(reader->tape, members[0], SLICE("unless"));
    if (!out->is_unless && !json_string_eq(reader->tape, members[0], SLICE("when"))) {
        return report(reader->reporter, out->keyword, "a 'kind' is \"when\" or \"unless\"");
    }
    TRY(form_read_expression(reader, members[1], &body));
    out->body = body;
    return STATUS_OK;
}

static enum status read_conditions(struct form_reader *reader, json_ref ref,
                                   struct surface_policy *out)
{
    uint32_t count = json_count(reader->tape, ref);
    struct surface_condition *conditions =
        arena_alloc_zero(reader->arena, count, sizeof(*conditions));
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    enum status status = STATUS_OK;
    if (conditions == NULL) {
        return STATUS_LIMIT;
    }
    if (json_type(reader->tape, ref) != JSON_ARRAY) {
        return report(reader->reporter, form_range(reader, ref), "here must stand an array");
    }
    json_iter_init(&iter, reader->tape, ref);
    for (size_t i = 0; json_iter_next(&iter, &key, &value); i++) {
        status = status_worse(status, read_condition(reader, value, &conditions[i]));
    }
    out->conditions = conditions;
    out->condition_count = count;
    return status;
}

/* -- policies ------------------------------------------------------------------------------ */

static enum status read_effect(struct form_reader *reader, json_ref ref, struct surface_policy *out)
{
    bool is_permit = json_string_eq(reader->tape, ref, SLICE("permit"));
    out->effect = is_permit ? CEDAR_PERMIT : CEDAR_FORBID;
    out->effect_range = form_range(reader, ref);
    return is_permit || json_string_eq(reader->tape, ref, SLICE("forbid"))
               ? STATUS_OK
               : report(reader->reporter, out->effect_range,
                        "an 'effect' is \"permit\" or \"forbid\"");
}

enum status form_read_policy(struct form_reader *reader, json_ref ref, struct surface_policy *out)
{
    static const struct form_rule RULES[] = {
        {SLICE_INIT("effect"), true},     {SLICE_INIT("principal"), true},
        {SLICE_INIT("action"), true},     {SLICE_INIT("resource"), true},
        {SLICE_INIT("conditions"), true}, {SLICE_INIT("annotations"), false}};
    json_ref members[COUNT_OF(RULES)];
    *out = (struct surface_policy){.range = form_range(reader, ref)};
    TRY(form_read_members(reader, ref, RULES, COUNT_OF(RULES), members));
    enum status status = read_effect(reader, members[0], out);
    status =
        status_worse(status, read_scope(reader, members[1], SLICE("principal"), &out->principal));
    status = status_worse(status, read_scope(reader, members[2], SLICE("action"), &out->action));
    status =
        status_worse(status, read_scope(reader, members[3], SLICE("resource"), &out->resource));
    status = status_worse(status, read_conditions(reader, members[4], out));
    return status_worse(status, read_annotations(reader, members[5], out));
}
