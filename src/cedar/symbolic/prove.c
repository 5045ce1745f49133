/* Questions put to a solver, and its answers held against the engine. */
#include "cedar/prove.h"

#include "cedar/symbolic/example.h"
#include "cedar/symbolic/smtlib.h"

#include <assert.h>

struct proving {
    const struct cedar_proof_query *query;
    const struct cedar_solver *solver;
    struct symbolic s;
    struct symbolic_query asked;
    struct model model;
    struct arena *arena;
    struct diag *diag;
};

/* -- the question --------------------------------------------------------------------------- */

static enum status ask(struct proving *p)
{
    const struct cedar_proof_query *query = p->query;
    const struct symbolic_environment environment = {query->schema, query->principal_type,
                                                     query->resource_type, query->action};
    struct symbolic_policies sides[2] = {{0}, {0}};
    TRY(symbolic_open(&p->s, &environment, p->arena, p->diag));
    for (size_t i = 0; i < (cedar_question_has_two_sides(query->question) ? 2U : 1U); i++) {
        TRY(symbolic_compile_set(&p->s, query->sets[i], &sides[i], p->diag));
    }
    assert(!cedar_question_is_about_policies(query->question) ||
           (sides[0].count == 1 &&
            (!cedar_question_has_two_sides(query->question) || sides[1].count == 1)));
    return symbolic_ask(&p->s, query->question, &sides[0], &sides[1], &p->asked);
}

static bool is_false(const struct symbolic_query *asked)
{
    return asked->count == 1 && asked->assertions[0]->kind == TERM_TRUTH;
}

/* -- the answer ----------------------------------------------------------------------------- */

static enum status write_script(const struct proving *p, struct buf *script)
{
    const struct smtlib_query query = {.terms = &p->s.terms,
                                       .assertions = p->asked.assertions,
                                       .assertion_count = p->asked.count,
                                       .dialect = p->solver->dialect,
                                       .time_ms_max = p->solver->time_ms_max,
                                       .wants_model = true};
    return smtlib_write(&query, p->arena, script, p->diag);
}

/* The answer's text is kept in the arena: the model is read from it. */
static enum status solve(const struct proving *p, struct slice *text)
{
    struct buf script;
    struct buf answer;
    buf_init(&script, CEDAR_SOLVER_SCRIPT_BYTES_MAX, NULL);
    buf_init(&answer, CEDAR_SOLVER_ANSWER_BYTES_MAX, NULL);
    enum status status = write_script(p, &script);
    if (status == STATUS_OK) {
        status = p->solver->run(p->solver->context, buf_view(&script), &answer, p->diag);
    }
    if (status == STATUS_OK) {
        status = buf_status(&answer);
    }
    if (status == STATUS_OK) {
        status = arena_copy(p->arena, buf_view(&answer), text);
    }
    buf_release(&script);
    buf_release(&answer);
    return status;
}

/* What is fulfilled by everything, or by nothing, needs no solver. */
static enum status answer(struct proving *p, enum model_verdict *verdict)
{
    struct slice text = SLICE("sat");
    if (is_false(&p->asked)) {
        *verdict = MODEL_UNSAT;
        return STATUS_OK;
    }
    if (p->asked.count > 0) {
        enum status status = solve(p, &text);
        if (status == STATUS_TIMEOUT) {
            *verdict = MODEL_UNKNOWN;
            return STATUS_OK;
        }
        TRY(status);
    }
    return model_read(text, &p->s.terms, p->arena, verdict, &p->model, p->diag);
}

/* -- the example ---------------------------------------------------------------------------- */

/* Does one side say yes: a policy by matching, a set by allowing? */
static enum status says_yes(const struct proving *p, const struct cedar_policy_set *set,
                            const struct cedar_example *example, bool *is_yes, bool *has_failed)
{
    struct cedar_request request = example->request;
    struct cedar_response response;
    request.entities = &example->entities;
    TRY(cedar_authorize(set, &request, NULL, p->arena, &response));
    *has_failed = response.error_count > 0;
    *is_yes = cedar_question_is_about_policies(p->query->question)
                  ? response.reason_count > 0
                  : response.decision == CEDAR_ALLOW;
    return STATUS_OK;
}

static bool contradicts(enum cedar_question question, bool left, bool right, bool has_failed)
{
    switch (question) {
    case CEDAR_NEVER_ERRORS:
        return has_failed;
    case CEDAR_ALWAYS_MATCHES:
    case CEDAR_ALWAYS_ALLOWS:
        return !left;
    case CEDAR_NEVER_MATCHES:
    case CEDAR_ALWAYS_DENIES:
        return left;
    case CEDAR_MATCHES_EQUIVALENT:
    case CEDAR_EQUIVALENT:
        return left != right;
    case CEDAR_MATCHES_IMPLIES:
    case CEDAR_IMPLIES:
        return left && !right;
    case CEDAR_MATCHES_DISJOINT:
    case CEDAR_DISJOINT:
        return left && right;
    }
    return false;
}

/* A solver, or the reader of its model, may be wrong; the engine is what counts. */
static enum status check_example(const struct proving *p, const struct cedar_example *example)
{
    const struct cedar_proof_query *query = p->query;
    bool left = false;
    bool right = false;
    bool has_failed = false;
    bool has_right_failed = false;
    TRY(cedar_request_validate(query->schema, &example->request, p->arena, p->diag));
    TRY(says_yes(p, query->sets[0], example, &left, &has_failed));
    if (cedar_question_has_two_sides(query->question)) {
        TRY(says_yes(p, query->sets[1], example, &right, &has_right_failed));
    }
    return contradicts(query->question, left, right, has_failed)
               ? STATUS_OK
               : diag_fail(p->diag, STATUS_INVALID, "cedar.solver_answer",
                           "the solver's model does not bear out what it says");
}

enum status cedar_prove(const struct cedar_proof_query *query, const struct cedar_solver *solver,
                        struct arena *arena, struct cedar_proof *out, struct diag *diag)
{
    struct proving p = {.query = query, .solver = solver, .arena = arena, .diag = diag};
    enum model_verdict verdict = MODEL_UNKNOWN;
    *out = (struct cedar_proof){0};
    TRY(ask(&p));
    TRY(answer(&p, &verdict));
    if (verdict == MODEL_SAT) {
        struct cedar_example example;
        TRY(example_build(&p.s, &p.asked, &p.model, &example, diag));
        TRY(check_example(&p, &example));
        out->example = example;
        out->verdict = CEDAR_FAILS;
    }
    out->verdict = verdict == MODEL_UNSAT ? CEDAR_HOLDS : out->verdict;
    return STATUS_OK;
}
