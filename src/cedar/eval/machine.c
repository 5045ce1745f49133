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
    const struct subject *subject = m->roots[path->root];
    if (subject == NULL) {
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

static const struct known *read_slot(struct machine *m, uint32_t path)
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
        const struct subject *subject = m->evaluation.subjects[variable];
        m->roots[variable] = subject->attributes != NULL ? subject : NULL;
    }
    m->roots[PATH_CONTEXT] = NULL;
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

/* -- instructions -------------------------------------------------------------------------- */

/* As cedar_bool, without clearing what is not looked at. */
static void put_bool(struct cedar_value *out, bool boolean)
{
    out->kind = CEDAR_BOOL;
    out->as.boolean = boolean;
}

static bool copy_path(struct machine *m, uint32_t path, struct cedar_value *out)
{
    const struct known *known = read_path(m, path);
    if (known != NULL) {
        *out = known->value;
    }
    return known != NULL;
}

static bool equal_literal(struct machine *m, const struct instruction *at, struct cedar_value *out)
{
    const struct known *left = read_path(m, at->a);
    return left != NULL && evaluation_use_steps(&m->evaluation, 1) &&
           operate_binary(&m->evaluation, NODE_EQUAL, &left->value, &m->program->values[at->b],
                          out);
}

static bool equal_path(struct machine *m, const struct instruction *at, struct cedar_value *out)
{
    struct evaluation *e = &m->evaluation;
    const struct known *left = read_path(m, at->a);
    if (left == NULL || !evaluation_use_steps(e, at->c)) {
        return false;
    }
    const struct subject *subject = at->b < VARIABLE_COUNT ? e->subjects[at->b] : NULL;
    if (subject != NULL && subject->home != NULL && left->number != NUMBER_NONE) {
        put_bool(out, left->number == subject->number);
        return evaluation_use_steps(e, 1);
    }
    const struct known *right = read_path(m, at->b);
    if (right == NULL) {
        return false;
    }
    if (left->number == NUMBER_NONE || right->number == NUMBER_NONE) {
        return operate_binary(e, NODE_EQUAL, &left->value, &right->value, out);
    }
    put_bool(out, left->number == right->number);
    return evaluation_use_steps(e, 1);
}

/* A set of prepared entities: every element takes the same steps, and none can fail. */
static bool in_elements(struct evaluation *e, const struct subject *subject,
                        const struct known *set, struct cedar_value *out)
{
    bool is_in = false;
    for (uint32_t i = 0; i < set->element_count && !is_in; i++) {
        is_in = subject_reaches(subject, set->elements[i]);
    }
    put_bool(out, is_in);
    return evaluation_use_steps(e, set->element_count * operate_in_steps(subject));
}

static bool in_path(struct machine *m, const struct instruction *at, struct cedar_value *out)
{
    const struct subject *subject = m->evaluation.subjects[at->a];
    const struct known *right = read_path(m, at->b);
    if (right == NULL) {
        return false;
    }
    if (subject->home != NULL && right->number != NUMBER_NONE) {
        put_bool(out, subject_reaches(subject, right->number));
        return true;
    }
    if (subject->home != NULL && right->elements != NULL) {
        return in_elements(&m->evaluation, subject, right, out);
    }
    return operate_in(&m->evaluation, subject, &right->value, out);
}

/* Compares as value_contains does, with a step for each element up to the one that is equal. */
static bool contains_variable(struct machine *m, const struct instruction *at,
                              struct cedar_value *out)
{
    const struct subject *subject = m->evaluation.subjects[at->a];
    const struct known *set = read_path(m, at->b);
    if (set == NULL || !evaluation_use_steps(&m->evaluation, 1)) {
        return false;
    }
    uint32_t count = set->element_count;
    if (subject->home == NULL || set->elements == NULL || count > m->evaluation.work.steps_left) {
        const struct cedar_value both[] = {
            set->value, evaluation_variable(&m->evaluation, (enum variable)at->a)};
        if (set->value.kind == CEDAR_UNKNOWN) {
            *out = UNKNOWN;
            return true;
        }
        return operate_call(&m->evaluation, FUNCTION_CONTAINS, SLICE_EMPTY, both, COUNT_OF(both),
                            out);
    }
    uint32_t first = 0;
    while (first < count && set->elements[first] != subject->number) {
        first++;
    }
    put_bool(out, first < count);
    return evaluation_use_steps(&m->evaluation, first < count ? first + 1 : count);
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
    put_bool(out, is_in);
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
    const struct known *known = NULL;
    if (find_prepared(m, &m->program->paths[path], &known)) {
        put_bool(out, known != NULL);
        return true;
    }
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

static bool push(struct machine *m, const struct instruction *at, struct cedar_value *out)
{
    const struct evaluation *e = &m->evaluation;
    switch ((int)at->operation) {
    case OPERATION_VALUE:
        *out = m->program->values[at->a];
        return true;
    case OPERATION_PATH:
        return copy_path(m, at->a, out);
    case OPERATION_HAS_PATH:
        return has(m, at->a, out);
    case OPERATION_EQUAL:
        return equal_literal(m, at, out);
    case OPERATION_EQUAL_PATH:
        return equal_path(m, at, out);
    case OPERATION_IS_EQUAL:
        put_bool(out, e->subjects[at->a]->self == at->b);
        return true;
    case OPERATION_IS_IN:
        put_bool(out, subject_has(e->subjects[at->a], at->b));
        return true;
    case OPERATION_IS_IN_ANY:
        return is_in_any(m, at, out);
    case OPERATION_IS_TYPE:
        put_bool(out, e->subjects[at->a]->type == at->b);
        return true;
    case OPERATION_IN_PATH:
        return in_path(m, at, out);
    case OPERATION_PATH_CONTAINS:
        return contains_variable(m, at, out);
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

enum outcome machine_run(struct machine *m, const struct compiled_policy *policy)
{
    struct evaluation *e = &m->evaluation;
    struct cedar_value *top = m->stack; /* below the first value */
    if (policy->code == CODE_NONE) {
        return OUTCOME_TRUE;
    }
    e->work.steps_left = CEDAR_STEPS_MAX;
    const struct instruction *at = m->program->code + policy->code;
    while (at->operation != OPERATION_END) {
        bool is_ok = evaluation_use_steps(e, at->steps);
        assert(top < m->stack + MACHINE_STACK_MAX - 1);
        if (!is_ok) {
            return evaluation_failure(e);
        }
        if (at->operation <= OPERATION_LIST) {
            is_ok = push(m, at++, ++top);
        } else if (at->operation <= OPERATION_CHAIN_END) {
            is_ok = change(m, at++, top);
        } else if (at->operation <= OPERATION_CALL) {
            top = drop(m, at++, top);
            is_ok = top != NULL;
        } else {
            bool is_dropped = false;
            at = jump(m, at, top, &is_dropped);
            top -= is_dropped ? 1 : 0;
            is_ok = at != NULL;
        }
        if (!is_ok) {
            return evaluation_failure(e);
        }
    }
    return evaluation_outcome(e, top);
}
