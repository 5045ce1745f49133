#include "cedar/eval/evaluation.h"

static void look_up(const struct evaluation *e, const struct cedar_uid *uid, struct subject *out)
{
    out->uid = *uid;
    out->exists = e->entities != NULL && e->entities->find(e->entities->context, uid, &out->data);
    if (!out->exists) {
        out->data = (struct cedar_entity_data){0};
    }
}

static void init_subject(struct evaluation *e, const struct cedar_policy_set *set,
                         enum variable variable, const struct cedar_uid *uid,
                         const struct cedar_prepared_entity *prepared)
{
    struct subject *own = &e->looked_up[variable];
    e->subjects[variable] = own;
    if (prepared == NULL) {
        look_up(e, uid, own);
    } else if (prepared->set == set) {
        e->subjects[variable] = &prepared->subject;
    } else {
        *own = prepared->subject;
    }
}

void evaluation_init(struct evaluation *e, const struct cedar_policy_set *set,
                     const struct cedar_request *request, struct arena *arena)
{
    e->entities = request->entities;
    e->context = request->context;
    e->work = (struct value_work){.arena = arena};
    init_subject(e, set, VARIABLE_PRINCIPAL, &request->principal, request->prepared_principal);
    init_subject(e, set, VARIABLE_ACTION, &request->action, request->prepared_action);
    init_subject(e, set, VARIABLE_RESOURCE, &request->resource, request->prepared_resource);
}

struct cedar_value evaluation_variable(const struct evaluation *e, enum variable variable)
{
    return (struct cedar_value){.kind = CEDAR_ENTITY, .as.uid = e->subjects[variable]->uid};
}

/* The subjects are recognised by where their texts lie, which costs less than a lookup. */
void evaluation_find(const struct evaluation *e, const struct cedar_uid *uid, struct subject *out)
{
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        const struct subject *known = e->subjects[i];
        if (known->uid.id.ptr == uid->id.ptr && known->uid.type.ptr == uid->type.ptr &&
            uid_eq(&known->uid, uid)) {
            *out = *known;
            return;
        }
    }
    look_up(e, uid, out);
}

bool evaluation_fail(struct evaluation *e, enum cedar_error_kind kind, struct slice message,
                     struct slice subject)
{
    e->error = (struct cedar_policy_error){.kind = kind, .message = message, .subject = subject};
    return false;
}

bool evaluation_use_steps(struct evaluation *e, size_t count)
{
    if (count > e->work.steps_left) {
        e->work.steps_left = 0;
        return evaluation_fail(e, CEDAR_ERROR_STEPS, SLICE("the evaluation takes too many steps"),
                               SLICE_EMPTY);
    }
    e->work.steps_left -= (uint32_t)count;
    return true;
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
