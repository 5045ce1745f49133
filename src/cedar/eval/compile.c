/* From the trees of policies to code. Recursion ends: a tree has at most CEDAR_DEPTH_MAX levels. */
#include "cedar/eval/compile.h"

#include <string.h>

#define SCRATCH_BYTES_MAX ((size_t)1 << 30)

/* Emit the code of a node. steps: of the nodes around it that begin with it. */
static enum status compile_node(struct compiler *c, const struct node *node, uint32_t steps);

/* -- emitting ------------------------------------------------------------------------------ */

static enum status emit(struct compiler *c, enum operation operation, uint32_t steps, uint32_t a,
                        uint32_t b)
{
    struct instruction *instruction = growing_add(&c->code, c->arena, sizeof(*instruction));
    if (instruction == NULL) {
        return STATUS_LIMIT;
    }
    *instruction = (struct instruction){
        .operation = (uint16_t)operation, .steps = (uint16_t)steps, .a = a, .b = b};
    return STATUS_OK;
}

static struct instruction *emitted(struct compiler *c, size_t index)
{
    return (struct instruction *)c->code.items + index;
}

static uint32_t next_place(const struct compiler *c)
{
    return (uint32_t)c->code.count;
}

static enum status add_value(struct compiler *c, const struct cedar_value *value, uint32_t *out)
{
    struct cedar_value *kept = growing_add(&c->values, c->arena, sizeof(*kept));
    if (kept == NULL) {
        return STATUS_LIMIT;
    }
    *kept = *value;
    *out = (uint32_t)c->values.count - 1;
    return STATUS_OK;
}

static enum status add_text(struct compiler *c, struct slice text, uint32_t *out)
{
    struct cedar_value value = cedar_string(text);
    return add_value(c, &value, out);
}

static enum status add_to_list(struct compiler *c, uint32_t number)
{
    uint32_t *kept = growing_add(&c->lists, c->arena, sizeof(*kept));
    if (kept == NULL) {
        return STATUS_LIMIT;
    }
    *kept = number;
    return STATUS_OK;
}

/* -- paths --------------------------------------------------------------------------------- */

bool node_is_variable(const struct node *node)
{
    return node->kind == NODE_PRINCIPAL || node->kind == NODE_ACTION || node->kind == NODE_RESOURCE;
}

static enum status add_root(struct compiler *c)
{
    struct path *path = growing_add(&c->paths, c->arena, sizeof(*path));
    if (path == NULL) {
        return STATUS_LIMIT;
    }
    *path = (struct path){.parent = PATH_NONE, .root = PATH_CONTEXT};
    return STATUS_OK;
}

static enum status add_path(struct compiler *c, uint32_t parent, struct slice name, uint32_t *out)
{
    struct path *path = growing_add(&c->paths, c->arena, sizeof(*path));
    const struct path *above = (struct path *)c->paths.items + parent;
    uint32_t *symbols = arena_alloc_zero(c->arena, above->depth + 1, sizeof(*symbols));
    if (path == NULL || symbols == NULL) {
        return STATUS_LIMIT;
    }
    if (above->depth > 0) {
        memcpy(symbols, above->symbols, above->depth * sizeof(*symbols));
    }
    TRY(symbols_add_name(&c->program->symbols, name, &symbols[above->depth]));
    *path = (struct path){.parent = parent,
                          .root = above->depth == 0 ? parent : above->root,
                          .name = name,
                          .symbols = symbols,
                          .depth = above->depth + 1};
    *out = (uint32_t)c->paths.count - 1;
    return STATUS_OK;
}

static enum status find_path(struct compiler *c, uint32_t parent, struct slice name, uint32_t *out)
{
    struct cedar_uid key = {slice_of(&parent, sizeof(parent)), name};
    *out = uid_table_find(&c->path_table, &key);
    if (*out != UID_TABLE_NONE || c->paths.count == PATHS_MAX) {
        return STATUS_OK; /* UID_TABLE_NONE and PATH_NONE are the same */
    }
    TRY(add_path(c, parent, name, out));
    TRY(arena_copy(c->arena, key.type, &key.type));
    return uid_table_add(&c->path_table, &key, *out);
}

enum status compile_path(struct compiler *c, const struct node *node, uint32_t *path,
                         uint32_t *steps)
{
    const struct node *chain[CEDAR_DEPTH_MAX];
    size_t count = 0;
    for (; node->kind == NODE_ATTRIBUTE; node = node->items[0]) {
        chain[count++] = node;
    }
    *steps = (uint32_t)count + 1;
    *path = PATH_NONE;
    if (node->kind == NODE_CONTEXT) {
        *path = PATH_CONTEXT;
    } else if (node_is_variable(node)) {
        *path = node_variable(node);
    }
    while (count > 0 && *path != PATH_NONE) {
        TRY(find_path(c, *path, chain[--count]->text, path));
    }
    return STATUS_OK;
}

enum status compile_attribute_path(struct compiler *c, const struct node *object, struct slice name,
                                   uint32_t *path, uint32_t *steps)
{
    TRY(compile_path(c, object, path, steps));
    return *path == PATH_NONE ? STATUS_OK : find_path(c, *path, name, path);
}

/* -- nodes --------------------------------------------------------------------------------- */

static enum status compile_value(struct compiler *c, const struct node *node, uint32_t steps)
{
    uint32_t value = 0;
    TRY(add_value(c, &node->value, &value));
    return emit(c, OPERATION_VALUE, steps + 1, value, 0);
}

static enum status compile_attribute(struct compiler *c, const struct node *node, uint32_t steps)
{
    uint32_t path = 0;
    uint32_t path_steps = 0;
    uint32_t name = 0;
    bool is_has = node->kind == NODE_HAS;
    if (is_has) {
        TRY(compile_attribute_path(c, node->items[0], node->text, &path, &path_steps));
        path_steps++;
    } else {
        TRY(compile_path(c, node, &path, &path_steps));
    }
    if (path != PATH_NONE) {
        return emit(c, is_has ? OPERATION_HAS_PATH : OPERATION_PATH, steps + path_steps, path, 0);
    }
    TRY(compile_node(c, node->items[0], steps + 1));
    TRY(add_text(c, node->text, &name));
    return emit(c, is_has ? OPERATION_HAS : OPERATION_ATTRIBUTE, 0, name, 0);
}

static enum status compile_unary(struct compiler *c, const struct node *node, uint32_t steps)
{
    TRY(compile_node(c, node->items[0], steps + 1));
    return emit(c, OPERATION_UNARY, 0, node->kind, 0);
}

static enum status compile_like(struct compiler *c, const struct node *node, uint32_t steps)
{
    struct pattern *pattern = growing_add(&c->patterns, c->arena, sizeof(*pattern));
    if (pattern == NULL) {
        return STATUS_LIMIT;
    }
    *pattern = (struct pattern){node->parts, node->part_count};
    uint32_t number = (uint32_t)c->patterns.count - 1;
    TRY(compile_node(c, node->items[0], steps + 1));
    return emit(c, OPERATION_LIKE, 0, number, 0);
}

static enum status compile_is(struct compiler *c, const struct node *node, uint32_t steps)
{
    uint32_t type = 0;
    if (node_is_variable(node->items[0])) {
        TRY(symbols_add_type(&c->program->symbols, node->text, &type));
        return emit(c, OPERATION_IS_TYPE, steps + 2, node_variable(node->items[0]), type);
    }
    TRY(compile_node(c, node->items[0], steps + 1));
    TRY(add_text(c, node->text, &type));
    return emit(c, OPERATION_IS, 0, type, 0);
}

static enum status compile_plain_binary(struct compiler *c, const struct node *node, uint32_t steps)
{
    TRY(compile_node(c, node->items[0], steps + 1));
    TRY(compile_node(c, node->items[1], 0));
    return emit(c, OPERATION_BINARY, 0, node->kind, 0);
}

/* `==` of two paths, or of what is none. */
static enum status compile_equal_paths(struct compiler *c, const struct node *node, uint32_t steps)
{
    uint32_t left = 0;
    uint32_t left_steps = 0;
    uint32_t right = 0;
    uint32_t right_steps = 0;
    TRY(compile_path(c, node->items[0], &left, &left_steps));
    TRY(compile_path(c, node->items[1], &right, &right_steps));
    if (left == PATH_NONE || right == PATH_NONE) {
        return compile_plain_binary(c, node, steps);
    }
    TRY(emit(c, OPERATION_EQUAL_PATH, steps + 1 + left_steps, left, right));
    emitted(c, c->code.count - 1)->c = right_steps;
    return STATUS_OK;
}

static enum status compile_equal(struct compiler *c, const struct node *node, uint32_t steps)
{
    const struct node *left = node->items[0];
    const struct node *right = node->items[1];
    uint32_t path = 0;
    uint32_t path_steps = 0;
    uint32_t number = 0;
    if (right->kind != NODE_VALUE) {
        return compile_equal_paths(c, node, steps);
    }
    if (node_is_variable(left) && right->value.kind == CEDAR_ENTITY) {
        TRY(symbols_add_entity(&c->program->symbols, &right->value.as.uid, &number));
        /* Both operands, the operator, and the comparison. */
        return emit(c, OPERATION_IS_EQUAL, steps + 4, node_variable(left), number);
    }
    TRY(compile_path(c, left, &path, &path_steps));
    if (path == PATH_NONE) {
        return compile_plain_binary(c, node, steps);
    }
    TRY(add_value(c, &right->value, &number));
    return emit(c, OPERATION_EQUAL, steps + 1 + path_steps, path, number);
}

/* The elements of a set of nothing but entities, as a list; *list is CODE_NONE for other sets. */
static enum status compile_entity_list(struct compiler *c, const struct cedar_value *set,
                                       uint32_t *list)
{
    struct cedar_value item;
    struct slice name;
    uint64_t cursor = 0;
    size_t first = c->lists.count;
    uint32_t number = 0;
    *list = CODE_NONE;
    TRY(add_to_list(c, (uint32_t)value_count(set)));
    while (value_next(set, &cursor, c->arena, &name, &item)) {
        if (item.kind != CEDAR_ENTITY) {
            c->lists.count = first;
            return STATUS_OK;
        }
        TRY(symbols_add_entity(&c->program->symbols, &item.as.uid, &number));
        TRY(add_to_list(c, number));
    }
    *list = (uint32_t)first;
    return STATUS_OK;
}

static enum status compile_in_path(struct compiler *c, const struct node *node, uint32_t steps)
{
    uint32_t path = 0;
    uint32_t path_steps = 0;
    TRY(compile_path(c, node->items[1], &path, &path_steps));
    if (path == PATH_NONE) {
        return compile_plain_binary(c, node, steps);
    }
    return emit(c, OPERATION_IN_PATH, steps + 2 + path_steps, node_variable(node->items[0]), path);
}

static enum status compile_in(struct compiler *c, const struct node *node, uint32_t steps)
{
    const struct node *left = node->items[0];
    const struct node *right = node->items[1];
    uint32_t number = 0;
    if (!node_is_variable(left)) {
        return compile_plain_binary(c, node, steps);
    }
    if (right->kind != NODE_VALUE) {
        return compile_in_path(c, node, steps);
    }
    if (right->value.kind == CEDAR_ENTITY) {
        TRY(symbols_add_entity(&c->program->symbols, &right->value.as.uid, &number));
        return emit(c, OPERATION_IS_IN, steps + 3, node_variable(left), number);
    }
    if (right->value.kind == CEDAR_SET) {
        TRY(compile_entity_list(c, &right->value, &number));
        if (number != CODE_NONE) {
            return emit(c, OPERATION_IS_IN_ANY, steps + 3, node_variable(left), number);
        }
    }
    return compile_plain_binary(c, node, steps);
}

static enum status compile_chain(struct compiler *c, const struct node *node, uint32_t steps)
{
    /* The jumps to the end are linked through their targets until the end is known. */
    uint32_t open = CODE_NONE;
    for (size_t i = 0; i < node->item_count; i++) {
        bool is_last = i + 1 == node->item_count;
        TRY(compile_node(c, node->items[i], i == 0 ? steps + 1 : 0));
        TRY(emit(c, is_last ? OPERATION_CHAIN_END : OPERATION_CHAIN, 0, open,
                 node->kind == NODE_OR ? 1 : 0));
        open = next_place(c) - 1;
    }
    while (open != CODE_NONE) {
        uint32_t before = emitted(c, open)->a;
        emitted(c, open)->a = next_place(c);
        open = before;
    }
    return STATUS_OK;
}

static enum status compile_if(struct compiler *c, const struct node *node, uint32_t steps)
{
    TRY(compile_node(c, node->items[0], steps + 1));
    uint32_t branch = next_place(c);
    TRY(emit(c, OPERATION_BRANCH, 0, 0, 0));
    TRY(compile_node(c, node->items[1], 0));
    uint32_t jump = next_place(c);
    TRY(emit(c, OPERATION_JUMP, 0, 0, 0));
    emitted(c, branch)->a = next_place(c);
    TRY(compile_node(c, node->items[2], 0));
    emitted(c, branch)->b = next_place(c);
    emitted(c, jump)->a = next_place(c);
    return STATUS_OK;
}

static enum status compile_list(struct compiler *c, const struct node *node, uint32_t steps)
{
    TRY(emit(c, OPERATION_LIST, steps + 1, (uint32_t)node->item_count, 0));
    for (size_t i = 0; i < node->item_count; i++) {
        uint32_t name = CODE_NONE;
        TRY(compile_node(c, node->items[i], 0));
        if (node->kind == NODE_RECORD) {
            TRY(add_text(c, node->names[i], &name));
        }
        TRY(emit(c, OPERATION_ITEM, 0, (uint32_t)i, name));
    }
    return emit(c, OPERATION_LIST_END, 0, node->kind == NODE_RECORD ? NODE_RECORD : NODE_SET, 0);
}

/* `path.contains(variable)`; *path is PATH_NONE when the call is another. */
static enum status compile_contains(struct compiler *c, const struct node *node, uint32_t steps,
                                    uint32_t *path)
{
    uint32_t path_steps = 0;
    *path = PATH_NONE;
    if (node->function != FUNCTION_CONTAINS || !node_is_variable(node->items[1])) {
        return STATUS_OK;
    }
    TRY(compile_path(c, node->items[0], path, &path_steps));
    if (*path == PATH_NONE) {
        return STATUS_OK;
    }
    return emit(c, OPERATION_PATH_CONTAINS, steps + 1 + path_steps, node_variable(node->items[1]),
                *path);
}

static enum status compile_call(struct compiler *c, const struct node *node, uint32_t steps)
{
    uint32_t name = 0;
    uint32_t path = 0;
    TRY(compile_contains(c, node, steps, &path));
    if (path != PATH_NONE) {
        return STATUS_OK;
    }
    bool is_listed = node->item_count > 2; /* more than any function takes */
    if (is_listed) {
        TRY(compile_list(c, node, steps));
    }
    for (size_t i = 0; i < node->item_count && !is_listed; i++) {
        TRY(compile_node(c, node->items[i], i == 0 ? steps + 1 : 0));
    }
    TRY(add_text(c, node->text, &name));
    TRY(emit(c, is_listed ? OPERATION_CALL_LIST : OPERATION_CALL,
             node->item_count == 0 ? steps + 1 : 0, node->function, (uint32_t)node->item_count));
    emitted(c, c->code.count - 1)->c = name;
    return STATUS_OK;
}

static enum status compile_node(struct compiler *c, const struct node *node, uint32_t steps)
{
    switch (node->kind) {
    case NODE_VALUE:
        return compile_value(c, node, steps);
    case NODE_PRINCIPAL:
    case NODE_ACTION:
    case NODE_RESOURCE:
        return emit(c, OPERATION_PATH, steps + 1, node_variable(node), 0);
    case NODE_CONTEXT:
        return emit(c, OPERATION_PATH, steps + 1, PATH_CONTEXT, 0);
    case NODE_IF:
        return compile_if(c, node, steps);
    case NODE_AND:
    case NODE_OR:
        return compile_chain(c, node, steps);
    case NODE_NOT:
    case NODE_NEGATE:
        return compile_unary(c, node, steps);
    case NODE_EQUAL:
        return compile_equal(c, node, steps);
    case NODE_IN:
        return compile_in(c, node, steps);
    case NODE_LESS:
    case NODE_LESS_EQUAL:
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
        return compile_plain_binary(c, node, steps);
    case NODE_ATTRIBUTE:
    case NODE_HAS:
        return compile_attribute(c, node, steps);
    case NODE_LIKE:
        return compile_like(c, node, steps);
    case NODE_IS:
        return compile_is(c, node, steps);
    case NODE_SET:
    case NODE_RECORD:
        return compile_list(c, node, steps);
    case NODE_CALL:
        return compile_call(c, node, steps);
    }
    return STATUS_INTERNAL;
}

/* -- policies ------------------------------------------------------------------------------ */

static enum status compile_scope(struct compiler *c, const struct scope *scope,
                                 struct compiled_scope *out)
{
    uint32_t number = 0;
    out->kind = scope->kind;
    out->first_entity = (uint32_t)c->lists.count;
    out->type = SYMBOL_NONE;
    if (scope->kind == SCOPE_IS) {
        TRY(symbols_add_type(&c->program->symbols, scope->type, &out->type));
    }
    for (size_t i = 0; i < scope->entity_count; i++) {
        TRY(symbols_add_entity(&c->program->symbols, &scope->entities[i], &number));
        TRY(add_to_list(c, number));
    }
    out->end_entity = (uint32_t)c->lists.count;
    return STATUS_OK;
}

static enum status compile_policy(struct compiler *c, const struct policy *policy,
                                  struct compiled_policy *out)
{
    out->effect = policy->effect;
    out->is_template = policy_is_template(policy);
    out->code = CODE_NONE;
    if (out->is_template) {
        return STATUS_OK;
    }
    TRY(compile_scope(c, &policy->principal, &out->scopes[VARIABLE_PRINCIPAL]));
    TRY(compile_scope(c, &policy->action, &out->scopes[VARIABLE_ACTION]));
    TRY(compile_scope(c, &policy->resource, &out->scopes[VARIABLE_RESOURCE]));
    if (policy->condition == NULL) {
        return STATUS_OK;
    }
    out->code = next_place(c);
    TRY(compile_node(c, policy->condition, 0));
    return emit(c, OPERATION_END, 0, 0, 0);
}

static enum status compile_all(struct compiler *c, const struct cedar_policy_set *set)
{
    struct compiled_policy *policies = arena_alloc_zero(c->arena, set->count, sizeof(*policies));
    if (policies == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < PATH_ROOTS; i++) {
        TRY(add_root(c));
    }
    for (size_t i = 0; i < set->count; i++) {
        TRY(compile_policy(c, &set->policies[i], &policies[i]));
    }
    c->program->policies = policies;
    return STATUS_OK;
}

/* The demands name symbols and paths too, so the program is complete only after them. */
static enum status finish(struct compiler *c, const struct cedar_policy_set *set,
                          struct arena *scratch)
{
    struct demands demands;
    struct program *program = c->program;
    program->lists = c->lists.items;
    TRY(guard_collect(c, set, scratch, &demands));
    TRY(index_build(&demands, program->symbols.count, c->arena, scratch, &program->index));
    program->code = c->code.items;
    program->values = c->values.items;
    program->value_count = (uint32_t)c->values.count;
    program->patterns = c->patterns.items;
    program->paths = c->paths.items;
    program->path_count = (uint32_t)c->paths.count;
    return STATUS_OK;
}

enum status program_build(struct cedar_policy_set *set)
{
    struct program *program = arena_alloc_zero(&set->arena, 1, sizeof(*program));
    struct compiler c = {
        .arena = &set->arena, .program = program, .path_table = {.arena = &set->arena}};
    struct arena scratch;
    if (program == NULL) {
        return STATUS_LIMIT;
    }
    symbols_init(&program->symbols, &set->arena);
    TRY(compile_all(&c, set));
    arena_init(&scratch, SCRATCH_BYTES_MAX, NULL);
    enum status status = finish(&c, set, &scratch);
    arena_release(&scratch);
    set->program = program;
    return status;
}
