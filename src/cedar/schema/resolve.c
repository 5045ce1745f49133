#include "cedar/schema/resolve.h"

#include "base/suggest.h"
#include "cedar/schema/closure.h"
#include "cedar/syntax/report.h"

#include <stdlib.h>
#include <string.h>

/* Common types are made when they are first used; one that is met again meanwhile is a cycle. */
struct common_type {
    const struct type *type; /* NULL: not made yet, or in error */
    int height;              /* levels of it */
    bool is_open, is_done;
};

struct resolving {
    struct cedar_schema *schema;
    struct schema_names_table names;
    struct common_type *commons;
    struct cedar_diagnostics *diagnostics;
    int depth, deepest; /* where we are, and have been */
};

/* Where a name stands. */
struct site {
    const struct schema_source *source;
    struct slice namespace;
};

static enum status make_type(struct resolving *r, const struct site *site,
                             const struct schema_type_syntax *syntax, const struct type **out);

static enum status report_name(struct resolving *r, const struct site *site,
                               struct surface_range at, struct slice name, const char *what)
{
    struct cedar_source source = {site->source->name, site->source->text};
    return report_at(r->diagnostics, &source, at, "'%.*s' %s", SLICE_ARG(name), what);
}

/* -- unknown names ------------------------------------------------------------------------- */

static void suggest_from(const struct schema_declared_list *list, struct slice written,
                         struct suggestion *suggestion)
{
    for (size_t i = 0; i < list->count; i++) {
        suggestion_consider(suggestion, written, list->items[i].full);
    }
}

static enum status report_unknown(struct resolving *r, const struct site *site,
                                  enum schema_syntax kind, const struct schema_name *name)
{
    static const char *const WHAT[] = {
        [SCHEMA_NAME] = "is not declared as an entity type or a common type",
        [SCHEMA_COMMON] = "is not declared as a common type",
        [SCHEMA_ENTITY] = "is not declared as an entity type",
        [SCHEMA_EXTENSION] = "is no extension type; those are ipaddr, decimal, datetime, duration",
        [SCHEMA_RECORD] = NULL,
    };
    struct suggestion near = {0};
    (void)report_name(r, site, name->at, name->text, WHAT[kind]);
    if (kind != SCHEMA_ENTITY) {
        suggest_from(&r->names.commons, name->text, &near);
    }
    if (kind == SCHEMA_NAME || kind == SCHEMA_ENTITY) {
        suggest_from(&r->names.entities, name->text, &near);
    }
    if (near.word.len > 0) {
        report_at_help(r->diagnostics, "did you mean '%.*s'?", SLICE_ARG(near.word));
    }
    return STATUS_INVALID;
}

/* -- types --------------------------------------------------------------------------------- */

static enum status new_type(struct resolving *r, enum type_kind kind, struct type **out)
{
    *out = arena_alloc_zero(&r->schema->arena, 1, sizeof(**out));
    if (*out == NULL) {
        return STATUS_LIMIT;
    }
    (*out)->kind = kind;
    return STATUS_OK;
}

static int compare_attributes(const void *left, const void *right)
{
    const struct type_attribute *a = left;
    const struct type_attribute *b = right;
    return slice_compare(a->name, b->name);
}

static enum status make_record(struct resolving *r, const struct site *site,
                               const struct schema_type_syntax *syntax, const struct type **out)
{
    struct type *record = NULL;
    struct type_attribute *attributes =
        arena_alloc_zero(&r->schema->arena, syntax->attribute_count, sizeof(*attributes));
    TRY(new_type(r, TYPE_RECORD, &record));
    if (attributes == NULL) {
        return STATUS_LIMIT;
    }
    enum status result = STATUS_OK;
    for (size_t i = 0; i < syntax->attribute_count; i++) {
        const struct schema_attribute *attribute = &syntax->attributes[i];
        attributes[i] = (struct type_attribute){attribute->name, NULL, attribute->is_required};
        enum status status = make_type(r, site, &attribute->type, &attributes[i].type);
        TRY(status == STATUS_LIMIT ? status : STATUS_OK);
        result = status == STATUS_OK ? result : status;
    }
    if (syntax->attribute_count > 0) {
        qsort(attributes, syntax->attribute_count, sizeof(*attributes), compare_attributes);
    }
    record->attributes = attributes;
    record->attribute_count = syntax->attribute_count;
    *out = record;
    return result;
}

static enum status make_entity(struct resolving *r, uint32_t number, const struct type **out)
{
    struct type *type = NULL;
    uint32_t *numbers = arena_alloc_zero(&r->schema->arena, 1, sizeof(*numbers));
    TRY(new_type(r, TYPE_ENTITY, &type));
    if (numbers == NULL) {
        return STATUS_LIMIT;
    }
    *numbers = number;
    type->entities = numbers;
    type->entity_count = 1;
    *out = type;
    return STATUS_OK;
}

static enum status report_cycle(struct resolving *r, uint32_t number)
{
    const struct schema_declared *first = &r->names.commons.items[number];
    struct site site = {first->source, first->namespace->name};
    (void)report_name(r, &site, first->common->whole, first->full, "is defined by itself");
    for (uint32_t i = 0; i < r->names.commons.count; i++) {
        const struct schema_declared *other = &r->names.commons.items[i];
        if (i != number && r->commons[i].is_open && other->source == first->source) {
            report_at_label(r->diagnostics, other->common->whole);
        }
    }
    return STATUS_INVALID;
}

static enum status make_common(struct resolving *r, uint32_t number, const struct type **out)
{
    struct common_type *common = &r->commons[number];
    const struct schema_declared *declared = &r->names.commons.items[number];
    if (common->is_open) {
        return report_cycle(r, number);
    }
    if (!common->is_done) {
        struct site site = {declared->source, declared->namespace->name};
        int outside = r->deepest;
        r->deepest = r->depth;
        common->is_open = true;
        enum status status = make_type(r, &site, &declared->common->type, &common->type);
        TRY(status == STATUS_LIMIT ? status : STATUS_OK);
        common->height = r->deepest - r->depth;
        r->deepest = outside > r->deepest ? outside : r->deepest;
        common->type = status == STATUS_OK ? common->type : NULL;
        common->is_open = false;
        common->is_done = true;
    }
    *out = common->type;
    /* Why it could not be made was reported where it is declared. */
    return common->type == NULL ? STATUS_INVALID : STATUS_OK;
}

/* Types are as deep as they are written, whether in one place or by names. */
static enum status reach(struct resolving *r, const struct site *site,
                         const struct schema_type_syntax *syntax, int depth)
{
    if (depth > CEDAR_DEPTH_MAX) {
        struct cedar_source source = {site->source->name, site->source->text};
        return report_at(r->diagnostics, &source, syntax->name.at,
                         "types are nested deeper than %d levels", CEDAR_DEPTH_MAX);
    }
    r->deepest = depth > r->deepest ? depth : r->deepest;
    return STATUS_OK;
}

static enum status make_named(struct resolving *r, const struct site *site,
                              const struct schema_type_syntax *syntax, const struct type **out)
{
    struct schema_reference reference;
    TRY(schema_name_resolve(&r->names, site->namespace, syntax->kind, syntax->name.text,
                            &reference));
    switch (reference.meaning) {
    case SCHEMA_MEANS_COMMON:
        TRY(make_common(r, reference.number, out));
        return reach(r, site, syntax, r->depth + r->commons[reference.number].height);
    case SCHEMA_MEANS_ENTITY:
        return make_entity(r, reference.number, out);
    case SCHEMA_MEANS_BUILTIN:
        *out = &TYPE_PLAIN[reference.number];
        return STATUS_OK;
    case SCHEMA_MEANS_NOTHING:
        break;
    }
    return report_unknown(r, site, syntax->kind, &syntax->name);
}

static enum status make_set(struct resolving *r, const struct site *site,
                            const struct schema_type_syntax *syntax, const struct type **out)
{
    struct type *set = NULL;
    TRY(new_type(r, TYPE_SET, &set));
    *out = set;
    return make_type(r, site, syntax->element, &set->element);
}

static enum status make_by_kind(struct resolving *r, const struct site *site,
                                const struct schema_type_syntax *syntax, const struct type **out)
{
    switch (syntax->kind) {
    case SCHEMA_LONG:
        *out = &TYPE_PLAIN[TYPE_LONG];
        return STATUS_OK;
    case SCHEMA_STRING:
        *out = &TYPE_PLAIN[TYPE_STRING];
        return STATUS_OK;
    case SCHEMA_BOOL:
        *out = &TYPE_PLAIN[TYPE_BOOL];
        return STATUS_OK;
    case SCHEMA_SET:
        return make_set(r, site, syntax, out);
    case SCHEMA_RECORD:
        return make_record(r, site, syntax, out);
    case SCHEMA_NAME:
    case SCHEMA_COMMON:
    case SCHEMA_ENTITY:
    case SCHEMA_EXTENSION:
        break;
    }
    return make_named(r, site, syntax, out);
}

static enum status make_type(struct resolving *r, const struct site *site,
                             const struct schema_type_syntax *syntax, const struct type **out)
{
    TRY(reach(r, site, syntax, r->depth + 1));
    r->depth++;
    enum status status = make_by_kind(r, site, syntax, out);
    r->depth--;
    return status;
}

/* A record, or a common type that is one; NULL syntax is the empty record. */
static enum status make_record_type(struct resolving *r, const struct site *site,
                                    const struct schema_type_syntax *syntax,
                                    const struct type **out)
{
    *out = &TYPE_PLAIN[TYPE_RECORD];
    if (syntax == NULL) {
        return STATUS_OK;
    }
    TRY(make_type(r, site, syntax, out));
    if ((*out)->kind == TYPE_RECORD) {
        return STATUS_OK;
    }
    return report_name(r, site, syntax->name.at, syntax->name.text, "must be a record here");
}

/* -- entity types -------------------------------------------------------------------------- */

static int compare_numbers(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static void sort_set(uint32_t *items, size_t count, struct schema_set *out)
{
    size_t kept = 0;
    if (count > 0) {
        qsort(items, count, sizeof(*items), compare_numbers);
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || items[i] != items[kept - 1]) {
            items[kept++] = items[i];
        }
    }
    *out = (struct schema_set){items, kept};
}

static enum status make_entity_set(struct resolving *r, const struct site *site,
                                   const struct schema_names *names, struct schema_set *out)
{
    uint32_t *items = arena_alloc_zero(&r->schema->arena, names->count, sizeof(*items));
    enum status result = STATUS_OK;
    size_t count = 0;
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < names->count; i++) {
        struct schema_reference reference;
        TRY(schema_name_resolve(&r->names, site->namespace, SCHEMA_ENTITY, names->items[i].text,
                                &reference));
        if (reference.meaning == SCHEMA_MEANS_ENTITY) {
            items[count++] = reference.number;
        } else {
            result = report_unknown(r, site, SCHEMA_ENTITY, &names->items[i]);
        }
    }
    sort_set(items, count, out);
    return result;
}

static int compare_ids(const void *left, const void *right)
{
    return slice_compare(*(const struct slice *)left, *(const struct slice *)right);
}

static enum status make_ids(struct resolving *r, const struct schema_entity *entity,
                            struct schema_entity_type *type)
{
    struct slice *ids = arena_alloc_zero(&r->schema->arena, entity->id_count, sizeof(*ids));
    if (ids == NULL) {
        return STATUS_LIMIT;
    }
    memcpy(ids, entity->ids, entity->id_count * sizeof(*ids));
    qsort(ids, entity->id_count, sizeof(*ids), compare_ids);
    type->ids = ids;
    type->id_count = entity->id_count;
    return STATUS_OK;
}

/* Errors are in the diagnostics; only want of memory ends the work. */
static enum status unless_limit(enum status status)
{
    return status == STATUS_LIMIT ? status : STATUS_OK;
}

static enum status make_entity_type(struct resolving *r, uint32_t number)
{
    const struct schema_declared *declared = &r->names.entities.items[number];
    struct schema_entity_type *type = &r->schema->entities[number];
    const struct schema_entity *entity = declared->entity;
    struct site site = {declared->source, declared->namespace->name};
    *type = (struct schema_entity_type){
        .name = declared->full, .is_action = entity == NULL, .shape = &TYPE_PLAIN[TYPE_RECORD]};
    if (entity == NULL) {
        return STATUS_OK;
    }
    if (entity->ids != NULL) {
        TRY(make_ids(r, entity, type));
    }
    TRY(unless_limit(make_entity_set(r, &site, &entity->parents, &type->ancestors)));
    TRY(unless_limit(make_record_type(r, &site, entity->shape, &type->shape)));
    return entity->tags == NULL ? STATUS_OK
                                : unless_limit(make_type(r, &site, entity->tags, &type->tags));
}

static enum status make_entity_types(struct resolving *r)
{
    struct cedar_schema *schema = r->schema;
    schema->entity_count = r->names.entities.count;
    schema->entity_numbers = r->names.entities.numbers;
    schema->entities =
        arena_alloc_zero(&schema->arena, schema->entity_count, sizeof(*schema->entities));
    if (schema->entities == NULL) {
        return STATUS_LIMIT;
    }
    for (uint32_t i = 0; i < schema->entity_count; i++) {
        TRY(make_entity_type(r, i));
    }
    return STATUS_OK;
}

/* -- actions ------------------------------------------------------------------------------- */

static enum status make_parents(struct resolving *r, const struct site *site,
                                const struct schema_action *action, struct schema_set *out)
{
    uint32_t *items = arena_alloc_zero(&r->schema->arena, action->parent_count, sizeof(*items));
    size_t count = 0;
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < action->parent_count; i++) {
        const struct schema_action_name *name = &action->parents[i];
        struct cedar_uid uid;
        uint32_t number = SCHEMA_NONE;
        TRY(schema_action_resolve(&r->names, site->namespace, name, &uid, &number));
        if (number != SCHEMA_NONE) {
            items[count++] = number;
        } else {
            (void)report_name(r, site, name->at, name->id, "is not declared as an action");
        }
    }
    sort_set(items, count, out);
    return STATUS_OK;
}

static enum status make_action(struct resolving *r, uint32_t number)
{
    const struct schema_declared *declared = &r->names.actions.items[number];
    const struct schema_action *action = declared->action;
    struct schema_action_entity *entity = &r->schema->actions[number];
    struct site site = {declared->source, declared->namespace->name};
    *entity = (struct schema_action_entity){.uid = {declared->full, action->id},
                                            .context = &TYPE_PLAIN[TYPE_RECORD]};
    TRY(make_parents(r, &site, action, &entity->parents));
    entity->ancestors = entity->parents;
    TRY(unless_limit(make_entity_set(r, &site, &action->principals, &entity->principals)));
    TRY(unless_limit(make_entity_set(r, &site, &action->resources, &entity->resources)));
    return unless_limit(make_record_type(r, &site, action->context, &entity->context));
}

static enum status make_actions(struct resolving *r)
{
    struct cedar_schema *schema = r->schema;
    schema->action_count = r->names.actions.count;
    schema->action_numbers = r->names.actions.numbers;
    schema->actions =
        arena_alloc_zero(&schema->arena, schema->action_count, sizeof(*schema->actions));
    if (schema->actions == NULL) {
        return STATUS_LIMIT;
    }
    for (uint32_t i = 0; i < schema->action_count; i++) {
        TRY(make_action(r, i));
    }
    return STATUS_OK;
}

/* -- hierarchies --------------------------------------------------------------------------- */

static enum status close_entities(struct resolving *r)
{
    struct cedar_schema *schema = r->schema;
    struct closure closure;
    TRY(closure_init(&closure, &schema->arena, schema->entity_count));
    for (size_t i = 0; i < schema->entity_count; i++) {
        closure.sets[i] = schema->entities[i].ancestors;
    }
    TRY(closure_compute(&closure));
    for (size_t i = 0; i < schema->entity_count; i++) {
        schema->entities[i].ancestors = closure.sets[i];
        schema->entities[i].descendants = closure.reverse[i];
    }
    return STATUS_OK;
}

static enum status close_actions(struct resolving *r)
{
    struct cedar_schema *schema = r->schema;
    struct closure closure;
    TRY(closure_init(&closure, &schema->arena, schema->action_count));
    for (size_t i = 0; i < schema->action_count; i++) {
        closure.sets[i] = schema->actions[i].parents;
    }
    TRY(closure_compute(&closure));
    for (size_t i = 0; i < schema->action_count; i++) {
        const struct schema_declared *declared = &r->names.actions.items[i];
        struct site site = {declared->source, declared->namespace->name};
        schema->actions[i].ancestors = closure.sets[i];
        schema->actions[i].descendants = closure.reverse[i];
        if (closure.is_cyclic[i]) {
            return report_name(r, &site, declared->action->whole, declared->action->id,
                               "is its own ancestor; actions must not form a cycle");
        }
    }
    return STATUS_OK;
}

enum status schema_resolve(const struct schema_source *sources, size_t count,
                           struct cedar_schema *schema, struct cedar_diagnostics *diagnostics,
                           struct cedar_diagnostics *warnings)
{
    struct resolving r = {.schema = schema, .diagnostics = diagnostics};
    size_t reported = diagnostics->count;
    TRY(unless_limit(
        schema_names_collect(sources, count, &schema->arena, &r.names, diagnostics, warnings)));
    (void)!schema_names_check_shadows(&r.names, diagnostics);
    if (diagnostics->count > reported) {
        return STATUS_INVALID;
    }
    r.commons = arena_alloc_zero(&schema->arena, r.names.commons.count, sizeof(*r.commons));
    if (r.commons == NULL) {
        return STATUS_LIMIT;
    }
    for (uint32_t i = 0; i < r.names.commons.count; i++) {
        const struct type *type = NULL;
        TRY(unless_limit(make_common(&r, i, &type)));
    }
    TRY(make_entity_types(&r));
    TRY(make_actions(&r));
    if (diagnostics->count > reported) {
        return STATUS_INVALID;
    }
    TRY(close_entities(&r));
    return close_actions(&r);
}
