#include "cedar/eval/machine.h"

#include <assert.h>

#define SYMBOL_UNASKED (SYMBOL_NONE - 1) /* more symbols than that do not fit in memory */

static const struct cedar_value UNKNOWN = {.kind = CEDAR_UNKNOWN};

/* -- paths --------------------------------------------------------------------------------- */

static bool is_filled(const struct machine *m, uint32_t path)
{
    return (m->filled[path / 64] >> (path % 64) & 1) != 0;
}

static struct slot *fill(struct machine *m, uint32_t path)
{
    m->filled[path / 64] |= UINT64_C(1) << (path % 64);
    m->slots[path].symbol = SYMBOL_UNASKED;
    return &m->slots[path];
}

static void fill_roots(struct machine *m)
{
    for (enum variable variable = 0; variable < VARIABLE_COUNT; variable++) {
        struct slot *slot = fill(m, variable);
        slot->found = FOUND_VALUE;
        slot->as.value = evaluation_variable(&m->evaluation, variable);
    }
    struct slot *slot = fill(m, PATH_CONTEXT);
    slot->as.value = m->evaluation.context;
    slot->found = slot->as.value.kind == CEDAR_ERROR ? FOUND_UNREADABLE : FOUND_VALUE;
}

/* The name of an attribute, as in errors about it. */
static struct slice name_of(const struct machine *m, uint32_t path)
{
    return path == PATH_CONTEXT ? SLICE("context") : m->program->paths[path].name;
}

/* The value of a path; false when that fails. */
static bool read_path(struct machine *m, uint32_t path, struct cedar_value *out)
{
    const struct slot *slot = machine_find(m, path);
    if (slot->found == FOUND_FAILURE) {
        m->evaluation.error = slot->as.error;
        return false;
    }
    *out = slot->as.value;
    return operate_attribute(&m->evaluation, slot->found, name_of(m, path), out);
}

/* The parent is filled. */
static void fill_path(struct machine *m, uint32_t path)
{
    const struct path *place = &m->program->paths[path];
    struct slot *slot = fill(m, path);
    struct cedar_value object;
    slot->found = FOUND_FAILURE;
    if (read_path(m, place->parent, &object)) {
        slot->found = operate_find(&m->evaluation, &object, place->name, &slot->as.value);
    }
    if (slot->found == FOUND_FAILURE) {
        slot->as.error = m->evaluation.error;
    }
}

const struct slot *machine_find(struct machine *m, uint32_t path)
{
    uint32_t missing[CEDAR_DEPTH_MAX];
    size_t count = 0;
    /* Upwards to what is known, then down again. */
    for (uint32_t at = path; !is_filled(m, at); at = m->program->paths[at].parent) {
        missing[count++] = at;
    }
    while (count > 0) {
        fill_path(m, missing[--count]);
    }
    return &m->slots[path];
}

uint32_t machine_symbol(struct machine *m, uint32_t path)
{
    struct slot *slot = &m->slots[path];
    assert(is_filled(m, path) && slot->found == FOUND_VALUE);
    if (slot->symbol == SYMBOL_UNASKED) {
        slot->symbol = symbols_find_value(&m->program->symbols, &slot->as.value);
    }
    return slot->symbol;
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
    fill_roots(m);
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

bool machine_scope_matches(const struct machine *m, const struct compiled_policy *policy)
{
    for (enum variable variable = 0; variable < VARIABLE_COUNT; variable++) {
        if (!scope_matches(m->program->lists, &policy->scopes[variable],
                           m->evaluation.subjects[variable])) {
            return false;
        }
    }
    return true;
}

/* -- instructions -------------------------------------------------------------------------- */

static bool equal_path(struct machine *m, const struct instruction *at, struct cedar_value *out)
{
    struct cedar_value value;
    const struct cedar_value *literal = &m->program->values[at->b];
    return read_path(m, at->a, &value) && evaluation_use_steps(&m->evaluation, 1) &&
           operate_binary(&m->evaluation, NODE_EQUAL, &value, literal, out);
}

static bool is_in_any(struct machine *m, const struct instruction *at, struct cedar_value *out)
{
    const struct subject *subject = m->evaluation.subjects[at->a];
    const uint32_t *list = &m->program->lists[at->b];
    bool is_in = false;
    if (!evaluation_use_steps(&m->evaluation, list[0] * operate_in_steps(subject))) {
        return false;
    }
    for (uint32_t i = 1; i <= list[0] && !is_in; i++) {
        is_in = subject_has(subject, list[i]);
    }
    *out = cedar_bool(is_in);
    return true;
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

static bool has(struct machine *m, uint32_t path, struct cedar_value *out)
{
    const struct slot *slot = machine_find(m, path);
    if (slot->found == FOUND_FAILURE) {
        m->evaluation.error = slot->as.error;
    }
    return operate_has(slot->found, out);
}

static bool find(struct machine *m, const struct instruction *at, struct cedar_value *top)
{
    const struct cedar_value object = *top;
    struct slice name = m->program->values[at->a].as.text;
    enum found found = operate_find(&m->evaluation, &object, name, top);
    return at->operation == OPERATION_HAS ? operate_has(found, top)
                                          : operate_attribute(&m->evaluation, found, name, top);
}

/* What pushes a value without looking at the stack. */
static bool push(struct machine *m, const struct instruction *at, struct cedar_value *out)
{
    const struct subject *const *subjects = m->evaluation.subjects;
    switch ((int)at->operation) {
    case OPERATION_VALUE:
        *out = m->program->values[at->a];
        return true;
    case OPERATION_PATH:
        return read_path(m, at->a, out);
    case OPERATION_HAS_PATH:
        return has(m, at->a, out);
    case OPERATION_EQUAL:
        return equal_path(m, at, out);
    case OPERATION_IS_EQUAL:
        *out = cedar_bool(subjects[at->a]->self == at->b);
        return true;
    case OPERATION_IS_IN:
        *out = cedar_bool(subject_has(subjects[at->a], at->b));
        return true;
    case OPERATION_IS_IN_ANY:
        return is_in_any(m, at, out);
    case OPERATION_IS_TYPE:
        *out = cedar_bool(subjects[at->a]->type == at->b);
        return true;
    default: /* OPERATION_LIST */
        return begin_list(m, at->a, out);
    }
}

/* What makes another value of the top one. */
static bool transform(struct machine *m, const struct instruction *at, struct cedar_value *top)
{
    struct evaluation *e = &m->evaluation;
    switch ((int)at->operation) {
    case OPERATION_ATTRIBUTE:
    case OPERATION_HAS:
        return find(m, at, top);
    case OPERATION_LIKE:
        return operate_like(e, m->program->patterns[at->a].parts, m->program->patterns[at->a].count,
                            top);
    case OPERATION_IS:
        return operate_is(e, m->program->values[at->a].as.text, top);
    case OPERATION_LIST_END:
        end_list(at, top);
        return true;
    case OPERATION_CALL_LIST:
        return call_list(m, at, top);
    default: /* OPERATION_UNARY */
        return operate_unary(e, (enum node_kind)at->a, top);
    }
}

/* Where to go on after CHAIN, CHAIN_END or BRANCH; NULL after a failure. */
static const struct instruction *jump(struct machine *m, const struct instruction *at,
                                      struct cedar_value **top)
{
    const struct instruction *code = m->program->code;
    struct cedar_value *value = *top;
    bool is_decided = false;
    if (at->operation != OPERATION_BRANCH) {
        if (!operate_chain(&m->evaluation, value, at->b == 1, &is_decided)) {
            return NULL;
        }
        if (is_decided || at->operation == OPERATION_CHAIN_END) {
            return code + at->a;
        }
        (*top)--;
        return at + 1;
    }
    if (value->kind == CEDAR_UNKNOWN) {
        return code + at->b;
    }
    if (!operate_condition(&m->evaluation, value)) {
        return NULL;
    }
    (*top)--;
    return value->as.boolean ? at + 1 : code + at->a;
}

/* Carry out one instruction. The next one, or NULL after a failure. */
static const struct instruction *step(struct machine *m, const struct instruction *at,
                                      struct cedar_value **top)
{
    bool is_ok = true;
    if (at->steps > 0 && !evaluation_use_steps(&m->evaluation, at->steps)) {
        return NULL;
    }
    switch ((enum operation)at->operation) {
    case OPERATION_VALUE:
    case OPERATION_PATH:
    case OPERATION_HAS_PATH:
    case OPERATION_EQUAL:
    case OPERATION_IS_EQUAL:
    case OPERATION_IS_IN:
    case OPERATION_IS_IN_ANY:
    case OPERATION_IS_TYPE:
    case OPERATION_LIST:
        is_ok = push(m, at, ++*top);
        break;
    case OPERATION_ATTRIBUTE:
    case OPERATION_HAS:
    case OPERATION_LIKE:
    case OPERATION_IS:
    case OPERATION_UNARY:
    case OPERATION_LIST_END:
    case OPERATION_CALL_LIST:
        is_ok = transform(m, at, *top);
        break;
    case OPERATION_BINARY:
        --*top;
        is_ok = operate_binary(&m->evaluation, (enum node_kind)at->a, *top, *top + 1, *top);
        break;
    case OPERATION_CALL:
        *top += 1 - (ptrdiff_t)at->b;
        is_ok = call(m, at, *top, *top);
        break;
    case OPERATION_ITEM:
        --*top;
        put_item(m, at, *top, *top + 1);
        break;
    case OPERATION_CHAIN:
    case OPERATION_CHAIN_END:
    case OPERATION_BRANCH:
        return jump(m, at, top);
    case OPERATION_JUMP:
        return m->program->code + at->a;
    case OPERATION_END:
        break;
    }
    return is_ok ? at + 1 : NULL;
}

enum outcome machine_run(struct machine *m, const struct compiled_policy *policy)
{
    struct cedar_value *top = m->stack; /* below the first value */
    if (policy->code == CODE_NONE) {
        return OUTCOME_TRUE;
    }
    m->evaluation.work.steps_left = CEDAR_STEPS_MAX;
    const struct instruction *at = m->program->code + policy->code;
    while (at != NULL && at->operation != OPERATION_END) {
        assert(top < m->stack + MACHINE_STACK_MAX - 1);
        at = step(m, at, &top);
    }
    return at == NULL ? OUTCOME_ERROR : evaluation_outcome(&m->evaluation, top);
}
