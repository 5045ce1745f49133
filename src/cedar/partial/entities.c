/* The known entities of a partial request. */
#include "cedar/partial/partial.h"
#include "cedar/schema/conformance.h"

bool partial_entities_is_action(const struct partial_entities *entities,
                                const struct cedar_uid *uid)
{
    uint32_t type = schema_entity_find(entities->schema, uid->type);
    return type != SCHEMA_NONE && entities->schema->entities[type].is_action;
}

/* NULL when nothing is known of it. */
static const struct cedar_partial_entity *find_known(const struct partial_entities *entities,
                                                     const struct cedar_uid *uid)
{
    uint32_t number = uid_table_find(&entities->numbers, uid);
    return number == UID_TABLE_NONE ? NULL : &entities->items[number];
}

static bool find(const void *context, const struct cedar_uid *uid, struct cedar_entity_data *out)
{
    const struct partial_entities *entities = context;
    if (partial_entities_is_action(entities, uid)) {
        return entities->actions.find(entities->actions.context, uid, out);
    }
    const struct cedar_partial_entity *known = find_known(entities, uid);
    *out = known != NULL ? known->data
                         : (struct cedar_entity_data){.attributes = {.kind = CEDAR_UNKNOWN},
                                                      .tags = {.kind = CEDAR_UNKNOWN}};
    return known == NULL || !known->is_absent;
}

struct cedar_entities partial_entities_view(const struct partial_entities *entities)
{
    return (struct cedar_entities){.context = entities, .find = find};
}

bool partial_entities_has_ancestors(const struct partial_entities *entities,
                                    const struct cedar_uid *uid)
{
    const struct cedar_partial_entity *known = find_known(entities, uid);
    return partial_entities_is_action(entities, uid) ||
           (known != NULL && (known->is_absent || known->has_ancestors));
}

/* What is said of an action is not looked at: the schema knows all of it. */
static bool fits(struct conformance *c, const struct partial_entities *entities,
                 const struct cedar_partial_entity *entity)
{
    static const struct cedar_list NOTHING = {NULL, 0};
    struct cedar_entity_data data = entity->data;
    if (entity->is_absent || partial_entities_is_action(entities, &entity->uid)) {
        return conformance_check_uid(c, &entity->uid);
    }
    if (data.attributes.kind == CEDAR_ERROR) {
        data.attributes = cedar_record(&NOTHING);
    }
    return conformance_check_entity(c, &entity->uid, &data, data.ancestors, data.ancestor_count);
}

enum status partial_entities_add(struct partial_entities *entities, uint32_t number,
                                 struct arena *arena, struct diag *diag)
{
    struct conformance c = {.schema = entities->schema, .arena = arena};
    const struct cedar_partial_entity *entity = &entities->items[number];
    if (!fits(&c, entities, entity)) {
        return diag_fail(diag, STATUS_INVALID, "cedar.entity", "'%.*s::\"%.*s\"': %s %s",
                         SLICE_ARG(entity->uid.type), SLICE_ARG(entity->uid.id), c.mismatch.path,
                         c.mismatch.what);
    }
    if (find_known(entities, &entity->uid) != NULL) {
        return diag_fail(diag, STATUS_INVALID, "cedar.entity", "'%.*s::\"%.*s\"' is given twice",
                         SLICE_ARG(entity->uid.type), SLICE_ARG(entity->uid.id));
    }
    return uid_table_add(&entities->numbers, &entity->uid, number);
}

enum status partial_entities_init(struct partial_entities *entities,
                                  const struct prepared *prepared,
                                  const struct cedar_partial_request *request, struct arena *arena,
                                  struct diag *diag)
{
    *entities = (struct partial_entities){.schema = prepared->schema,
                                          .items = request->entities,
                                          .numbers.arena = arena,
                                          .actions = prepared->actions};
    for (size_t i = 0; i < request->entity_count; i++) {
        TRY(partial_entities_add(entities, (uint32_t)i, arena, diag));
    }
    return STATUS_OK;
}
