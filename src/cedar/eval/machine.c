#include "cedar/eval/machine.h"

#include <assert.h>

static const struct cedar_value UNKNOWN = {.kind = CEDAR_UNKNOWN};

/* -- paths --------------------------------------------------------------------------------- */

static bool is_filled(const struct machine *m, uint32_t path)
{
    return (m->filled[path / 64] >> (path % 64) & 1) != 0;
}

/* The slot has a value of its own, about which nothing is known. */
static struct cedar_value *own_value(struct slot *slot)
{
    slot->known = &slot->as.own;
    slot->as.own.symbol = SYMBOL_UNASKED;
    slot->as.own.number = NUMBER_NONE;
    slot->as.own.elements = NULL;
    return &slot->as.own.value;
}

static void fill_root(struct machine *m, uint32_t path, struct slot *slot)
{
    struct cedar_value *value = own_value(slot);
    slot->found = FOUND_VALUE;
    if (path == PATH_CONTEXT) {
        *value = m->evaluation.context;
        slot->found = value->kind == CEDAR_ERROR ? FOUND_UNREADABLE : FOUND_VALUE;
        return;
    }
    *value = evaluation_variable(&m->evaluation, (enum variable)path);
    if (m->evaluation.subjects[path]->home != NULL) {
        slot->as.own.number = m->evaluation.subjects[path]->number;
    }
}

/* The name of an attribute, as in errors about it. */
static struct slice name_of(const struct machine *m, uint32_t path)
{
    return path == PATH_CONTEXT ? SLICE("context") : m->program->paths[path].name;
}

/* What preparation tells about a path: its value, or NULL when the last attribute is not there.
 * False when it does not tell. */
static inline bool find_prepared(const struct machine *m, const struct path *path,
                                 const struct known **out)
{
    const struct subject *subject =
        path->root == PATH_CONTEXT ? NULL : m->evaluation.subjects[path->root];
    if (subject == NULL || subject->attributes == NULL) {
        return false;
    }
    const struct known *known = subject_attribute(subject, path->symbols[0]);
    for (uint32_t i = 1; i < path->depth; i++) {
        bool is_entity = known != NULL && known->number != NUMBER_NONE;
        subject = is_entity ? &m->evaluation.home->items[known->number].subject : NULL;
        if (subject == NULL || subject->attributes == NULL) {
            return false;
        }
        known = subject_attribute(subject, path->symbols[i]);
    }
    *out = known;
    return true;
}

SELDOM static const struct known *read_slot(struct machine *m, uint32_t path)
{
    static const struct known NOT_KNOWN = {.value = {.kind = CEDAR_UNKNOWN}, .number = NUMBER_NONE};
    const struct slot *slot = machine_find(m, path);
    if (slot->found == FOUND_VALUE) {
        return slot->known;
    }
    if (slot->found == FOUND_UNKNOWN) {
        return &NOT_KNOWN;
    }
    if (slot->found == FOUND_FAILURE) {
        m->evaluation.error = slot->as.error;
        return NULL;
    }
    struct cedar_value value = slot->found == FOUND_NO_ENTITY ? slot->known->value : UNKNOWN;
    (void)operate_attribute(&m->evaluation, slot->found, name_of(m, path), &value);
    return NULL;
}

/* The value of a path, with what is known about it; NULL when that fails. What is prepared is found
 * again as fast as it could be remembered. */
static inline const struct known *read_path(struct machine *m, uint32_t path)
{
    const struct known *known = NULL;
    bool is_found = find_prepared(m, &m->program->paths[path], &known);
    return is_found && known != NULL ? known : read_slot(m, path);
}

/* The parent is filled, if there is one. */
static void fill_path(struct machine *m, uint32_t path, struct slot *slot)
{
    const struct path *place = &m->program->paths[path];
    if (path < PATH_ROOTS) {
        fill_root(m, path, slot);
        return;
    }
    const struct known *object = read_path(m, place->parent);
    slot->found = FOUND_FAILURE;
    if (object != NULL) {
        slot->found = operate_find(&m->evaluation, &object->value, place->name, own_value(slot));
    }
    if (slot->found == FOUND_FAILURE) {
        slot->as.error = m->evaluation.error;
    }
}

static bool fill_prepared(const struct machine *m, uint32_t path, struct slot *slot)
{
    if (!find_prepared(m, &m->program->paths[path], &slot->known)) {
        return false;
    }
    slot->found = slot->known == NULL ? FOUND_NOTHING : FOUND_VALUE;
    return true;
}

/* Upwards to what is known, then down again. */
static void fill_chain(struct machine *m, uint32_t path)
{
    uint32_t missing[CEDAR_DEPTH_MAX];
    size_t count = 0;
    for (; path != PATH_NONE && !is_filled(m, path); path = m->program->paths[path].parent) {
        missing[count++] = path;
    }
    while (count > 0) {
        path = missing[--count];
        fill_path(m, path, &m->slots[path]);
        m->filled[path / 64] |= UINT64_C(1) << (path % 64);
    }
}

const struct slot *machine_find(struct machine *m, uint32_t path)
{
    if (!is_filled(m, path)) {
        if (fill_prepared(m, path, &m->slots[path])) {
            m->filled[path / 64] |= UINT64_C(1) << (path % 64);
        } else {
            fill_chain(m, path);
        }
    }
    return &m->slots[path];
}

uint32_t machine_symbol(struct machine *m, uint32_t path)
{
    struct slot *slot = &m->slots[path];
    assert(is_filled(m, path) && slot->found == FOUND_VALUE);
    if (slot->known->symbol == SYMBOL_UNASKED) {
        slot->as.own.symbol = symbols_find_value(&m->program->symbols, &slot->as.own.value);
    }
    return slot->known->symbol;
}

enum status machine_init(struct machine *m, const struct cedar_policy_set *set,
                         const struct cedar_request *request, struct arena *arena)
{
    m->program = set->program;
    evaluation_init(&m->evaluation, set, request, arena);
    for (enum variable variable = 0; variable < VARIABLE_COUNT; variable++) {
        struct subject *own = &m->evaluation.looked_up[variable];
        if (m->evaluation.subjects[variable] == own) {
            TRY(subject_name(own, &m->program->symbols, arena));
        }
    }
    m->slots = arena_alloc(arena, m->program->path_count * sizeof(*m->slots));
    if (m->slots == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i * 64 < m->program->path_count; i++) {
        m->filled[i] = 0;
    }
    return STATUS_OK;
}

static bool scope_matches(const uint32_t *lists, const struct compiled_scope *scope,
                          const struct subject *subject)
{
    bool is_any = scope->kind == SCOPE_ANY;
    bool is_type = scope->kind == SCOPE_IS && subject->type == scope->type;
    if (is_any || (is_type && scope->first_entity == scope->end_entity)) {
        return true;
    }
    if (scope->kind == SCOPE_EQUAL) {
        return subject->self == lists[scope->first_entity];
    }
    bool is_in = false;
    for (uint32_t i = scope->first_entity; i < scope->end_entity && !is_in; i++) {
        is_in = subject_has(subject, lists[i]);
    }
    return is_in && (is_type || scope->kind == SCOPE_IN);
}

bool machine_scopes_match(const struct machine *m, const struct compiled_policy *policy,
                          uint32_t scopes)
{
    for (; scopes != 0; scopes &= scopes - 1) {
        int variable = __builtin_ctz(scopes);
        if (!scope_matches(m->program->lists, &policy->scopes[variable],
                           m->evaluation.subjects[variable])) {
            return false;
        }
    }
    return true;
}

/* -- tests --------------------------------------------------------------------------------- */

static enum outcome of_bool(bool boolean)
{
    return boolean ? OUTCOME_TRUE : OUTCOME_FALSE;
}

/* What an operator made, which is a boolean or unknown unless it failed. */
static enum outcome of_value(const struct machine *m, bool is_ok, const struct cedar_value *value)
{
    if (!is_ok) {
        return evaluation_failure(&m->evaluation);
    }
    return value->kind == CEDAR_UNKNOWN ? OUTCOME_UNKNOWN : of_bool(value->as.boolean);
}

/* A test is over, and takes so many steps more. */
static enum outcome end_test(struct machine *m, bool boolean, size_t steps)
{
    return evaluation_use_steps(&m->evaluation, steps) ? of_bool(boolean)
                                                       : evaluation_failure(&m->evaluation);
}

SELDOM static enum outcome equal(struct machine *m, const struct cedar_value *left,
                                 const struct cedar_value *right)
{
    struct cedar_value value;
    bool is_ok = operate_binary(&m->evaluation, NODE_EQUAL, left, right, &value);
    return of_value(m, is_ok, &value);
}

static enum outcome equal_literal(struct machine *m, const struct instruction *at)
{
    const struct known *left = read_path(m, at->a);
    if (left == NULL || !evaluation_use_steps(&m->evaluation, 1)) {
        return evaluation_failure(&m->evaluation);
    }
    return equal(m, &left->value, &m->program->values[at->b]);
}

static enum outcome equal_path(struct machine *m, const struct instruction *at)
{
    struct evaluation *e = &m->evaluation;
    const struct known *left = read_path(m, at->a);
    if (left == NULL || !evaluation_use_steps(e, at->c)) {
        return evaluation_failure(e);
    }
    const struct subject *subject = at->b < VARIABLE_COUNT ? e->subjects[at->b] : NULL;
    if (subject != NULL && subject->home != NULL && left->number != NUMBER_NONE) {
        return end_test(m, left->number == subject->number, 1);
    }
    const struct known *right = read_path(m, at->b);
    if (right == NULL) {
        return evaluation_failure(e);
    }
    if (left->number == NUMBER_NONE || right->number == NUMBER_NONE) {
        return equal(m, &left->value, &right->value);
    }
    return end_test(m, left->number == right->number, 1);
}

/* A set of prepared entities: every element takes the same steps, and none can fail. */
static enum outcome in_elements(struct machine *m, const struct subject *subject,
                                const struct known *set)
{
    bool is_in = false;
    for (uint32_t i = 0; i < set->element_count && !is_in; i++) {
        is_in = subject_reaches(subject, set->elements[i]);
    }
    return end_test(m, is_in, set->element_count * operate_in_steps(subject));
}

SELDOM static enum outcome in_value(struct machine *m, const struct subject *subject,
                                    const struct cedar_value *right)
{
    struct cedar_value value;
    bool is_ok = operate_in(&m->evaluation, subject, right, &value);
    return of_value(m, is_ok, &value);
}

static enum outcome in_path(struct machine *m, const struct instruction *at)
{
    const struct subject *subject = m->evaluation.subjects[at->a];
    const struct known *right = read_path(m, at->b);
    if (right == NULL) {
        return evaluation_failure(&m->evaluation);
    }
    if (subject->home != NULL && right->number != NUMBER_NONE) {
        return of_bool(subject_reaches(subject, right->number));
    }
    if (subject->home != NULL && right->elements != NULL) {
        return in_elements(m, subject, right);
    }
    return in_value(m, subject, &right->value);
}

/* Compares as value_contains does, with a step for each element up to the one that is equal. */
SELDOM static enum outcome contains_variable(struct machine *m, const struct instruction *at)
{
    struct evaluation *e = &m->evaluation;
    const struct subject *subject = e->subjects[at->a];
    const struct known *set = read_path(m, at->b);
    if (set == NULL || !evaluation_use_steps(e, 1)) {
        return evaluation_failure(e);
    }
    uint32_t count = set->element_count;
    if (set->value.kind == CEDAR_UNKNOWN) {
        return OUTCOME_UNKNOWN;
    }
    if (subject->home == NULL || set->elements == NULL || count > e->work.steps_left) {
        const struct cedar_value both[] = {set->value,
                                           evaluation_variable(e, (enum variable)at->a)};
        struct cedar_value value;
        bool is_ok = operate_call(e, FUNCTION_CONTAINS, SLICE_EMPTY, both, COUNT_OF(both), &value);
        return of_value(m, is_ok, &value);
    }
    uint32_t first = 0;
    while (first < count && set->elements[first] != subject->number) {
        first++;
    }
    return end_test(m, first < count, first < count ? first + 1 : count);
}

SELDOM static enum outcome is_in_any(struct machine *m, const struct instruction *at)
{
    const struct subject *subject = m->evaluation.subjects[at->a];
    const uint32_t *list = &m->program->lists[at->b];
    bool is_in = false;
    for (uint32_t i = 1; i <= list[0] && !is_in; i++) {
        is_in = subject_has(subject, list[i]);
    }
    return end_test(m, is_in, list[0] * operate_in_steps(subject));
}

SELDOM static enum outcome has(struct machine *m, uint32_t path)
{
    const struct known *known = NULL;
    struct cedar_value value;
    if (find_prepared(m, &m->program->paths[path], &known)) {
        return of_bool(known != NULL);
    }
    const struct slot *slot = machine_find(m, path);
    if (slot->found == FOUND_FAILURE) {
        m->evaluation.error = slot->as.error;
    }
    bool is_ok = operate_has(slot->found, &value);
    return of_value(m, is_ok, &value);
}

static enum outcome run_test(struct machine *m, const struct instruction *at)
{
    const struct evaluation *e = &m->evaluation;
    switch ((int)at->operation) {
    case OPERATION_IN_PATH:
        return in_path(m, at);
    case OPERATION_PATH_CONTAINS:
        return contains_variable(m, at);
    case OPERATION_EQUAL:
        return equal_literal(m, at);
    case OPERATION_EQUAL_PATH:
        return equal_path(m, at);
    case OPERATION_IS_EQUAL:
        return of_bool(e->subjects[at->a]->self == at->b);
    case OPERATION_IS_IN:
        return of_bool(subject_has(e->subjects[at->a], at->b));
    case OPERATION_IS_IN_ANY:
        return is_in_any(m, at);
    case OPERATION_IS_TYPE:
        return of_bool(e->subjects[at->a]->type == at->b);
    default: /* OPERATION_HAS_PATH */
        return has(m, at->a);
    }
}

/* Where `&&` and `||` go on after a test, which ends before `at`. What decides one is its value, so
 * the outcome is wanted on; what decides none is dropped. */
static const struct instruction *follow(const struct instruction *code,
                                        const struct instruction *at, enum outcome outcome,
                                        bool *is_wanted)
{
    *is_wanted = true;
    while (at->operation == OPERATION_CHAIN || at->operation == OPERATION_CHAIN_END) {
        if (at->operation == OPERATION_CHAIN_END) {
            at++;
        } else if (outcome == of_bool(at->b == 0)) {
            *is_wanted = false;
            return at + 1;
        } else {
            at = code + at->a;
        }
    }
    return at;
}

/* -- instructions -------------------------------------------------------------------------- */

static void put_outcome(struct cedar_value *out, enum outcome outcome)
{
    out->kind = outcome == OUTCOME_UNKNOWN ? CEDAR_UNKNOWN : CEDAR_BOOL;
    out->as.boolean = outcome == OUTCOME_TRUE;
}

static bool copy_path(struct machine *m, uint32_t path, struct cedar_value *out)
{
    const struct known *known = read_path(m, path);
    if (known != NULL) {
        *out = known->value;
    }
    return known != NULL;
}

/* While a list is made, its value's tag tells whether an element is unknown. */
static bool begin_list(struct machine *m, size_t count, struct cedar_value *out)
{
    struct cedar_field *fields = NULL;
    struct cedar_list *list = operate_new_list(&m->evaluation, count, &fields);
    if (list != NULL) {
        *out = cedar_set(list);
    }
    return list != NULL;
}

static void put_item(const struct machine *m, const struct instruction *at,
                     struct cedar_value *list, const struct cedar_value *item)
{
    const struct cedar_list *target = list->as.object.object;
    /* begin_list made it; only finished lists are not to be written. */
    struct cedar_field *field = (struct cedar_field *)&target->items[at->a];
    field->value = *item;
    if (at->b != CODE_NONE) {
        field->name = m->program->values[at->b].as.text;
    }
    list->as.object.tag |= item->kind == CEDAR_UNKNOWN ? 1 : 0;
}

static void end_list(const struct instruction *at, struct cedar_value *list)
{
    if (list->as.object.tag != 0) {
        *list = UNKNOWN; /* what is unknown may also fail, and then there is no list */
    } else if (at->a == NODE_RECORD) {
        *list = cedar_record(list->as.object.object);
    }
}

static bool call(struct machine *m, const struct instruction *at,
                 const struct cedar_value *arguments, struct cedar_value *out)
{
    struct cedar_value both[2] = {{0}};
    bool is_unknown = at->a == FUNCTION_UNKNOWN;
    for (size_t i = 0; i < at->b; i++) {
        both[i] = arguments[i];
        is_unknown = is_unknown || both[i].kind == CEDAR_UNKNOWN;
    }
    *out = UNKNOWN;
    return is_unknown || operate_call(&m->evaluation, (enum function)at->a,
                                      m->program->values[at->c].as.text, both, at->b, out);
}

/* A call with more arguments than any function takes fails with their number. */
static bool call_list(struct machine *m, const struct instruction *at, struct cedar_value *list)
{
    if (list->kind == CEDAR_UNKNOWN || at->a == FUNCTION_UNKNOWN) {
        *list = UNKNOWN;
        return true;
    }
    const struct cedar_list *items = list->as.object.object;
    const struct cedar_value both[2] = {items->items[0].value, items->items[1].value};
    return operate_call(&m->evaluation, (enum function)at->a, m->program->values[at->c].as.text,
                        both, at->b, list);
}

static bool find(struct machine *m, const struct instruction *at, struct cedar_value *top)
{
    const struct cedar_value object = *top;
    struct slice name = m->program->values[at->a].as.text;
    enum found found = operate_find(&m->evaluation, &object, name, top);
    return at->operation == OPERATION_HAS ? operate_has(found, top)
                                          : operate_attribute(&m->evaluation, found, name, top);
}

static bool push(struct machine *m, const struct instruction *at, struct cedar_value *out)
{
    switch ((int)at->operation) {
    case OPERATION_VALUE:
        *out = m->program->values[at->a];
        return true;
    case OPERATION_PATH:
        return copy_path(m, at->a, out);
    default: /* OPERATION_LIST */
        return begin_list(m, at->a, out);
    }
}

static bool change(struct machine *m, const struct instruction *at, struct cedar_value *top)
{
    struct evaluation *e = &m->evaluation;
    bool is_decided = false;
    switch ((int)at->operation) {
    case OPERATION_ATTRIBUTE:
    case OPERATION_HAS:
        return find(m, at, top);
    case OPERATION_LIKE:
        return operate_like(e, m->program->patterns[at->a].parts, m->program->patterns[at->a].count,
                            top);
    case OPERATION_IS:
        return operate_is(e, m->program->values[at->a].as.text, top);
    case OPERATION_UNARY:
        return operate_unary(e, (enum node_kind)at->a, top);
    case OPERATION_LIST_END:
        end_list(at, top);
        return true;
    case OPERATION_CALL_LIST:
        return call_list(m, at, top);
    default: /* OPERATION_CHAIN_END */
        return operate_chain(e, top, false, &is_decided);
    }
}

/* The new top, or NULL after a failure. */
static struct cedar_value *drop(struct machine *m, const struct instruction *at,
                                struct cedar_value *top)
{
    bool is_ok = true;
    if (at->operation == OPERATION_BINARY) {
        --top;
        is_ok = operate_binary(&m->evaluation, (enum node_kind)at->a, top, top + 1, top);
    } else if (at->operation == OPERATION_ITEM) {
        --top;
        put_item(m, at, top, top + 1);
    } else {
        top += 1 - (ptrdiff_t)at->b;
        is_ok = call(m, at, top, top);
    }
    return is_ok ? top : NULL;
}

/* Where to go on. A value that is dropped was the top; NULL after a failure. */
static const struct instruction *jump(struct machine *m, const struct instruction *at,
                                      const struct cedar_value *top, bool *is_dropped)
{
    const struct instruction *code = m->program->code;
    bool is_decided = false;
    *is_dropped = false;
    if (at->operation == OPERATION_JUMP) {
        return code + at->a;
    }
    if (at->operation == OPERATION_CHAIN) {
        if (!operate_chain(&m->evaluation, top, at->b == 1, &is_decided)) {
            return NULL;
        }
        *is_dropped = !is_decided;
        return is_decided ? code + at->a : at + 1;
    }
    if (top->kind == CEDAR_UNKNOWN) {
        return code + at->b;
    }
    *is_dropped = true;
    if (!operate_condition(&m->evaluation, top)) {
        return NULL;
    }
    return top->as.boolean ? at + 1 : code + at->a;
}

/* One instruction that is no test: where to go on, with the new top; NULL after a failure, with
 * what that means for the policy. */
SELDOM static const struct instruction *step(struct machine *m, const struct instruction *at,
                                             struct cedar_value **top, enum outcome *outcome)
{
    bool is_dropped = false;
    assert(*top < m->stack + MACHINE_STACK_MAX - 1);
    if (at->operation <= OPERATION_LIST) {
        at = push(m, at, ++*top) ? at + 1 : NULL;
    } else if (at->operation <= OPERATION_CHAIN_END) {
        at = change(m, at, *top) ? at + 1 : NULL;
    } else if (at->operation <= OPERATION_CALL) {
        *top = drop(m, at, *top);
        at = *top != NULL ? at + 1 : NULL;
    } else {
        at = jump(m, at, *top, &is_dropped);
        *top -= is_dropped ? 1 : 0;
    }
    if (at == NULL) {
        *outcome = evaluation_failure(&m->evaluation);
    }
    return at;
}

/* A test, and what is decided by it: NULL when the condition is, with its outcome. */
static const struct instruction *run_tests(struct machine *m, const struct instruction *at,
                                           struct cedar_value **top, enum outcome *outcome)
{
    bool is_wanted = false;
    *outcome = run_test(m, at);
    bool is_over = at[1].operation == OPERATION_END;
    if (is_over || *outcome == OUTCOME_ERROR || *outcome == OUTCOME_LIMIT) {
        return NULL;
    }
    at = follow(m->program->code, at + 1, *outcome, &is_wanted);
    if (is_wanted && at->operation == OPERATION_END) {
        return NULL;
    }
    if (is_wanted) {
        assert(*top < m->stack + MACHINE_STACK_MAX - 1);
        put_outcome(++*top, *outcome);
    }
    return at;
}

enum outcome machine_run(struct machine *m, uint32_t code)
{
    struct evaluation *e = &m->evaluation;
    struct cedar_value *top = m->stack; /* below the first value */
    if (code == CODE_NONE) {
        return OUTCOME_TRUE;
    }
    const struct instruction *at = m->program->code + code;
    e->work.steps_left = CEDAR_STEPS_MAX;
    while (at->operation != OPERATION_END) {
        enum outcome outcome = OUTCOME_ERROR;
        if (!evaluation_use_steps(e, at->steps)) {
            return evaluation_failure(e);
        }
        if (at->operation <= OPERATION_PATH_CONTAINS) {
            at = run_tests(m, at, &top, &outcome);
        } else {
            at = step(m, at, &top, &outcome);
        }
        if (at == NULL) {
            return outcome;
        }
    }
    return evaluation_outcome(e, top);
}
