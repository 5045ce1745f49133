#include "cedar/eval/evaluation.h"

/* What is not prepared. */
SELDOM static const struct subject *ask(const struct evaluation *e, const struct cedar_uid *uid,
                                        struct subject *place)
{
    place->uid = *uid;
    place->home = NULL;
    place->attributes = NULL;
    place->leads = NULL;
    /* The home knows all of its store. */
    place->exists = e->home == NULL && e->entities != NULL &&
                    e->entities->find(e->entities->context, uid, &place->data);
    if (!place->exists) {
        place->data = (struct cedar_entity_data){0};
    }
    return place;
}

static inline const struct subject *look_up(const struct evaluation *e, const struct cedar_uid *uid,
                                            struct subject *place)
{
    const struct cedar_prepared_entity *prepared =
        e->home == NULL ? NULL : prepared_find(e->home, uid);
    return prepared != NULL ? &prepared->subject : ask(e, uid, place);
}

/* Prepared for another set, or in a home that is not that of this evaluation. */
SELDOM static const struct subject *adopt(struct subject *own, const struct subject *subject)
{
    *own = *subject;
    own->home = NULL;
    own->attributes = NULL;
    own->leads = NULL;
    return own;
}

static inline void init_subject(struct evaluation *e, const struct cedar_policy_set *set,
                                enum variable variable, const struct cedar_uid *uid,
                                const struct cedar_prepared_entity *prepared)
{
    struct subject *own = &e->looked_up[variable];
    if (prepared == NULL) {
        e->subjects[variable] = look_up(e, uid, own);
        return;
    }
    const struct subject *subject = &prepared->subject;
    bool is_at_home = subject->home == NULL || subject->home == e->home;
    e->subjects[variable] = subject;
    if (prepared->set != set || !is_at_home) {
        e->subjects[variable] = adopt(own, subject);
    }
}

void evaluation_init(struct evaluation *e, const struct cedar_policy_set *set,
                     const struct cedar_request *request, struct arena *arena)
{
    const struct cedar_entities *entities = request->entities;
    bool is_prepared =
        entities != NULL && entities->prepared != NULL && entities->prepared->set == set;
    e->entities = entities;
    e->home = is_prepared ? entities->prepared : NULL;
    e->context = request->context;
    e->work = (struct value_work){.arena = arena};
    e->is_out_of_memory = false;
    init_subject(e, set, VARIABLE_PRINCIPAL, &request->principal, request->prepared_principal);
    init_subject(e, set, VARIABLE_ACTION, &request->action, request->prepared_action);
    init_subject(e, set, VARIABLE_RESOURCE, &request->resource, request->prepared_resource);
}

struct cedar_value evaluation_variable(const struct evaluation *e, enum variable variable)
{
    return (struct cedar_value){.kind = CEDAR_ENTITY, .as.uid = e->subjects[variable]->uid};
}

/* The subjects are recognised by where their texts lie, which costs less than a lookup. */
const struct subject *evaluation_find(const struct evaluation *e, const struct cedar_uid *uid,
                                      struct subject *place)
{
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        const struct subject *known = e->subjects[i];
        if (known->uid.id.ptr == uid->id.ptr && known->uid.type.ptr == uid->type.ptr &&
            uid_eq(&known->uid, uid)) {
            return known;
        }
    }
    return look_up(e, uid, place);
}

bool evaluation_fail(struct evaluation *e, enum cedar_error_kind kind, struct slice message,
                     struct slice subject)
{
    e->error = (struct cedar_policy_error){.kind = kind, .message = message, .subject = subject};
    return false;
}

enum outcome evaluation_failure(const struct evaluation *e)
{
    return e->is_out_of_memory ? OUTCOME_LIMIT : OUTCOME_ERROR;
}

enum outcome evaluation_outcome(struct evaluation *e, const struct cedar_value *value)
{
    if (value->kind == CEDAR_UNKNOWN) {
        return OUTCOME_UNKNOWN;
    }
    if (value->kind != CEDAR_BOOL) {
        (void)evaluation_fail(e, CEDAR_ERROR_TYPE, SLICE("the condition is no boolean"),
                              SLICE_EMPTY);
        return OUTCOME_ERROR;
    }
    return value->as.boolean ? OUTCOME_TRUE : OUTCOME_FALSE;
}
