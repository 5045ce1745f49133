#include "support/same_answers.h"

#include "cedar/eval/authorize.h"
#include "cedar/eval/reference.h"
#include "support/check.h"

struct answers {
    enum status status;
    struct cedar_response response;
    enum cedar_answer may;
};

static bool same_error(const struct cedar_policy_error *a, const struct cedar_policy_error *b)
{
    return a->policy == b->policy && a->kind == b->kind && slice_eq(a->message, b->message) &&
           slice_eq(a->subject, b->subject);
}

static bool same(const struct answers *a, const struct answers *b)
{
    const struct cedar_response *x = &a->response;
    const struct cedar_response *y = &b->response;
    bool is_same = a->status == b->status && a->may == b->may && x->decision == y->decision &&
                   x->reason_count == y->reason_count && x->error_count == y->error_count;
    for (size_t i = 0; is_same && i < x->reason_count; i++) {
        is_same = x->reasons[i] == y->reasons[i];
    }
    for (size_t i = 0; is_same && i < x->error_count; i++) {
        is_same = same_error(&x->errors[i], &y->errors[i]);
    }
    return is_same;
}

static struct answers ask_reference(const struct cedar_policy_set *set,
                                    const struct cedar_request *request,
                                    const struct cedar_options *rules, struct arena *arena)
{
    struct answers answers = {0};
    answers.status = reference_authorize(set, request, rules, arena, &answers.response);
    if (answers.status == STATUS_OK) {
        answers.status = reference_may_allow(set, request, rules, arena, &answers.may);
    }
    return answers;
}

static struct answers ask_engine(const struct cedar_policy_set *set,
                                 const struct cedar_request *request,
                                 const struct authorize_options *options, struct arena *arena)
{
    struct answers answers = {0};
    answers.status = authorize(set, request, options, arena, &answers.response);
    if (answers.status == STATUS_OK) {
        answers.status = may_allow(set, request, options, arena, &answers.may);
    }
    return answers;
}

static const struct cedar_prepared_entity *prepare(const struct cedar_policy_set *set,
                                                   const struct cedar_request *request,
                                                   const struct cedar_uid *uid, struct arena *arena)
{
    const struct cedar_prepared_entity *prepared = NULL;
    struct cedar_entity_data data;
    bool exists = request->entities->find(request->entities->context, uid, &data);
    CHECK(cedar_prepare_entity(set, uid, exists ? &data : NULL, arena, &prepared) == STATUS_OK);
    return prepared;
}

static bool check_engine(const char *row, const struct answers *expected,
                         const struct cedar_policy_set *set, const struct cedar_request *request,
                         const struct cedar_options *rules, struct arena *arena)
{
    struct answers indexed =
        ask_engine(set, request, &(struct authorize_options){rules, false}, arena);
    struct answers plain =
        ask_engine(set, request, &(struct authorize_options){rules, true}, arena);
    bool each[] = {same(expected, &plain), same(expected, &indexed)};
    CHECK_ROW(row, each[0]);
    CHECK_ROW(row, each[1]);
    return each[0] && each[1];
}

bool same_answers(const char *row, const struct cedar_policy_set *set,
                  const struct cedar_request *request, struct arena *arena)
{
    bool is_same = true;
    /* What is prepared takes the place of the uids, so they may be anything. */
    struct cedar_request prepared = {.context = request->context, .entities = request->entities};
    prepared.prepared_principal = prepare(set, request, &request->principal, arena);
    prepared.prepared_action = prepare(set, request, &request->action, arena);
    prepared.prepared_resource = prepare(set, request, &request->resource, arena);
    for (int strict = 0; strict < 2; strict++) {
        struct cedar_options rules = {.erroring_forbid_denies = strict == 1};
        struct answers expected = ask_reference(set, request, &rules, arena);
        bool each[] = {check_engine(row, &expected, set, request, &rules, arena),
                       check_engine(row, &expected, set, &prepared, &rules, arena)};
        is_same = is_same && each[0] && each[1];
    }
    return is_same;
}

bool same_prepared_answers(const char *row, const struct cedar_policy_set *set,
                           const struct cedar_request *request,
                           const struct cedar_entity_store *store, struct arena *arena)
{
    struct cedar_entities plain = cedar_entity_store_view(store);
    struct cedar_entities entities;
    struct cedar_request asked = *request;
    struct cedar_request found;
    bool is_same = true;
    CHECK_ROW(row, cedar_prepare_entities(set, store, arena, &entities) == STATUS_OK);
    asked.entities = &entities;
    found = asked;
    found.prepared_principal = cedar_find_prepared(&entities, &request->principal);
    found.prepared_resource = cedar_find_prepared(&entities, &request->resource);
    /* Entities that are at home elsewhere. */
    struct cedar_request mixed = found;
    mixed.entities = &plain;
    for (int strict = 0; strict < 2; strict++) {
        struct cedar_options rules = {.erroring_forbid_denies = strict == 1};
        struct answers expected = ask_reference(set, &mixed, &rules, arena);
        bool each[] = {check_engine(row, &expected, set, &asked, &rules, arena),
                       check_engine(row, &expected, set, &found, &rules, arena),
                       check_engine(row, &expected, set, &mixed, &rules, arena)};
        is_same = is_same && each[0] && each[1] && each[2];
    }
    return is_same;
}
