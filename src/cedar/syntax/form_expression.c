#include "cedar/syntax/form_read.h"
#include "cedar/syntax/functions.h"

/* The shapes that the member of an expression can have, beside {"left","right"} of the binary
 * operators and calls. */
enum shape {
    SHAPE_UNARY, /* {"arg"} */
    SHAPE_VALUE,
    SHAPE_VARIABLE,
    SHAPE_SLOT,
    SHAPE_ATTRIBUTE,
    SHAPE_HAS,
    SHAPE_LIKE,
    SHAPE_IS,
    SHAPE_IF,
    SHAPE_SET,
    SHAPE_RECORD,
};

struct shape_entry {
    struct slice key;
    enum shape shape;
    enum surface_kind kind;
};

static const struct shape_entry SHAPES[] = {
    {SLICE_INIT("Value"), SHAPE_VALUE, 0},
    {SLICE_INIT("Var"), SHAPE_VARIABLE, 0},
    {SLICE_INIT("Slot"), SHAPE_SLOT, 0},
    {SLICE_INIT("!"), SHAPE_UNARY, SURFACE_NOT},
    {SLICE_INIT("neg"), SHAPE_UNARY, SURFACE_NEGATE},
    {SLICE_INIT("."), SHAPE_ATTRIBUTE, SURFACE_ATTRIBUTE},
    {SLICE_INIT("has"), SHAPE_HAS, SURFACE_HAS},
    {SLICE_INIT("like"), SHAPE_LIKE, SURFACE_LIKE},
    {SLICE_INIT("is"), SHAPE_IS, SURFACE_IS},
    {SLICE_INIT("if-then-else"), SHAPE_IF, SURFACE_IF},
    {SLICE_INIT("Set"), SHAPE_SET, SURFACE_SET},
    {SLICE_INIT("Record"), SHAPE_RECORD, SURFACE_RECORD},
};

static struct surface_node *node_at(struct form_reader *reader, enum surface_kind kind,
                                    json_ref ref, size_t count)
{
    return surface_node_new(reader->arena, kind, form_range(reader, ref), count);
}

/* Members that all are expressions, in the order of the rules, as the items of a new node. */
static enum status read_parts(struct form_reader *reader, json_ref ref,
                              const struct form_rule *rules, size_t count, enum surface_kind kind,
                              struct surface_node **out)
{
    json_ref members[3];
    struct surface_node *node = node_at(reader, kind, ref, count);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    TRY(form_read_members(reader, ref, rules, count, members));
    for (size_t i = 0; i < count; i++) {
        struct surface_node *item = NULL;
        TRY(form_read_expression(reader, members[i], &item));
        node->items[i] = item;
    }
    return form_close(reader, node, out);
}

static enum status read_unary(struct form_reader *reader, json_ref ref, enum surface_kind kind,
                              struct surface_node **out)
{
    static const struct form_rule RULES[] = {{SLICE_INIT("arg"), true}};
    return read_parts(reader, ref, RULES, COUNT_OF(RULES), kind, out);
}

static enum status read_binary(struct form_reader *reader, json_ref ref, enum surface_kind kind,
                               struct surface_node **out)
{
    static const struct form_rule RULES[] = {{SLICE_INIT("left"), true},
                                             {SLICE_INIT("right"), true}};
    return read_parts(reader, ref, RULES, COUNT_OF(RULES), kind, out);
}

static enum status read_if(struct form_reader *reader, json_ref ref, struct surface_node **out)
{
    static const struct form_rule RULES[] = {
        {SLICE_INIT("if"), true}, {SLICE_INIT("then"), true}, {SLICE_INIT("else"), true}};
    return read_parts(reader, ref, RULES, COUNT_OF(RULES), SURFACE_IF, out);
}

static enum status read_variable(struct form_reader *reader, json_ref ref,
                                 struct surface_node **out)
{
    static const struct slice NAMES[] = {SLICE_INIT("principal"), SLICE_INIT("action"),
                                         SLICE_INIT("resource"), SLICE_INIT("context")};
    struct slice name = SLICE_EMPTY;
    TRY(form_read_text(reader, ref, &name));
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        if (slice_eq(name, NAMES[i])) {
            struct surface_node *node =
                node_at(reader, (enum surface_kind)(SURFACE_PRINCIPAL + i), ref, 0);
            return node == NULL ? STATUS_LIMIT : form_close(reader, node, out);
        }
    }
    (void)report(reader->reporter, form_range(reader, ref), "there is no variable '%.*s'",
                 SLICE_ARG(report_clip(name)));
    return report_help(reader->reporter, "variables are principal, action, resource and context");
}

/* {"left": expression, KEY: name}: the left side as the item of a new node, and the key's value. */
static enum status read_left(struct form_reader *reader, json_ref ref, struct slice key,
                             enum surface_kind kind, struct surface_node **out, json_ref *value)
{
    struct form_rule rules[] = {{SLICE("left"), true}, {key, true}};
    json_ref members[COUNT_OF(rules)];
    struct surface_node *left = NULL;
    struct surface_node *node = node_at(reader, kind, ref, 1);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    TRY(form_read_members(reader, ref, rules, COUNT_OF(rules), members));
    TRY(form_read_expression(reader, members[0], &left));
    node->items[0] = left;
    *value = members[1];
    *out = node;
    return STATUS_OK;
}

static enum status read_attribute(struct form_reader *reader, json_ref ref,
                                  struct surface_node **out)
{
    struct surface_name *name = arena_alloc_zero(reader->arena, 1, sizeof(*name));
    struct surface_node *node = NULL;
    json_ref attribute = JSON_NONE;
    if (name == NULL) {
        return STATUS_LIMIT;
    }
    TRY(read_left(reader, ref, SLICE("attr"), SURFACE_ATTRIBUTE, &node, &attribute));
    TRY(form_read_text(reader, attribute, &name->text));
    *name = (struct surface_name){name->text, form_range(reader, attribute), true};
    node->names = name;
    node->name_count = 1;
    return form_close(reader, node, out);
}

/* A string, or a list of the steps of a path. */
static enum status read_has(struct form_reader *reader, json_ref ref, struct surface_node **out)
{
    struct surface_node *node = NULL;
    json_ref attribute = JSON_NONE;
    TRY(read_left(reader, ref, SLICE("attr"), SURFACE_HAS, &node, &attribute));
    bool is_list = json_type(reader->tape, attribute) == JSON_ARRAY;
    uint32_t count = is_list ? json_count(reader->tape, attribute) : 1;
    struct surface_name *names = arena_alloc_zero(reader->arena, count, sizeof(*names));
    if (names == NULL) {
        return STATUS_LIMIT;
    }
    if (count == 0) {
        return report(reader->reporter, form_range(reader, attribute), "the path is empty");
    }
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref step = attribute;
    json_iter_init(&iter, reader->tape, attribute);
    for (uint32_t i = 0; i < count; i++) {
        if (is_list && !json_iter_next(&iter, &key, &step)) {
            return STATUS_INTERNAL;
        }
        TRY(form_read_text(reader, step, &names[i].text));
        names[i] = (struct surface_name){names[i].text, form_range(reader, step), true};
    }
    node->names = names;
    node->name_count = count;
    return form_close(reader, node, out);
}

static enum status read_pattern_part(struct form_reader *reader, json_ref ref,
                                     struct pattern_part *out)
{
    static const struct form_rule RULES[] = {{SLICE_INIT("Literal"), true}};
    json_ref literal = JSON_NONE;
    if (json_string_eq(reader->tape, ref, SLICE("Wildcard"))) {
        out->is_wildcard = true;
        return STATUS_OK;
    }
    if (json_type(reader->tape, ref) != JSON_OBJECT) {
        (void)report(reader->reporter, form_range(reader, ref), "this is no part of a pattern");
        return report_help(reader->reporter, "write \"Wildcard\" or {\"Literal\": \"text\"}");
    }
    TRY(form_read_members(reader, ref, RULES, COUNT_OF(RULES), &literal));
    return form_read_text(reader, literal, &out->literal);
}

static enum status read_like(struct form_reader *reader, json_ref ref, struct surface_node **out)
{
    struct surface_node *node = NULL;
    json_ref pattern = JSON_NONE;
    TRY(read_left(reader, ref, SLICE("pattern"), SURFACE_LIKE, &node, &pattern));
    uint32_t count = json_count(reader->tape, pattern);
    struct pattern_part *parts = arena_alloc_zero(reader->arena, count, sizeof(*parts));
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref part = JSON_NONE;
    size_t i = 0;
    if (parts == NULL) {
        return STATUS_LIMIT;
    }
    if (json_type(reader->tape, pattern) != JSON_ARRAY) {
        return report(reader->reporter, form_range(reader, pattern), "here must stand an array");
    }
    json_iter_init(&iter, reader->tape, pattern);
    while (json_iter_next(&iter, &key, &part)) {
        TRY(read_pattern_part(reader, part, &parts[i++]));
    }
    node->as.pattern = (struct surface_pattern){
        .parts = parts, .part_count = count, .range = form_range(reader, pattern)};
    return form_close(reader, node, out);
}

static enum status read_is(struct form_reader *reader, json_ref ref, struct surface_node **out)
{
    static const struct form_rule RULES[] = {
        {SLICE_INIT("left"), true}, {SLICE_INIT("entity_type"), true}, {SLICE_INIT("in"), false}};
    struct surface_name *name = arena_alloc_zero(reader->arena, 1, sizeof(*name));
    json_ref members[COUNT_OF(RULES)];
    struct surface_node *part = NULL;
    TRY(form_read_members(reader, ref, RULES, COUNT_OF(RULES), members));
    struct surface_node *node = node_at(reader, SURFACE_IS, ref, members[2] == JSON_NONE ? 1 : 2);
    if (node == NULL || name == NULL) {
        return STATUS_LIMIT;
    }
    TRY(form_read_expression(reader, members[0], &part));
    node->items[0] = part;
    TRY(form_read_type(reader, members[1], name));
    if (members[2] != JSON_NONE) {
        TRY(form_read_expression(reader, members[2], &part));
        node->items[1] = part;
    }
    node->names = name;
    node->name_count = 1;
    return form_close(reader, node, out);
}

static enum status read_set(struct form_reader *reader, json_ref ref, struct surface_node **out)
{
    struct surface_node *node = NULL;
    TRY(form_read_items(reader, ref, form_read_expression, SURFACE_SET, &node));
    return form_close(reader, node, out);
}

/* Methods of the language have named operands, functions of extensions a list of arguments. */
static enum status read_call(struct form_reader *reader, enum function function, json_ref ref,
                             struct surface_node **out)
{
    const struct function_info *info = function_info(function);
    struct surface_name *name = arena_alloc_zero(reader->arena, 1, sizeof(*name));
    struct surface_node *node = NULL;
    if (name == NULL) {
        return STATUS_LIMIT;
    }
    if (info->is_extension) {
        TRY(form_read_items(reader, ref, form_read_expression, SURFACE_CALL, &node));
    } else if (function == FUNCTION_IS_EMPTY) {
        TRY(read_unary(reader, ref, SURFACE_CALL, &node));
    } else {
        TRY(read_binary(reader, ref, SURFACE_CALL, &node));
    }
    if (info->is_method && node->item_count == 0) {
        return report(reader->reporter, node->range, "'%.*s' is a method: it needs a receiver",
                      SLICE_ARG(info->name));
    }
    *name = (struct surface_name){info->name, node->range, false};
    node->as.function = function;
    node->names = name;
    node->name_count = 1;
    return form_close(reader, node, out);
}

static enum status fail_key(struct form_reader *reader, json_ref ref, struct slice key)
{
    struct slice keys[COUNT_OF(SHAPES)];
    for (size_t i = 0; i < COUNT_OF(SHAPES); i++) {
        keys[i] = SHAPES[i].key;
    }
    struct slice near = report_nearest(key, keys, COUNT_OF(keys));
    near = near.len > 0 ? near : function_nearest(key, true);
    (void)report(reader->reporter, form_range(reader, ref), "there is no expression '%.*s'",
                 SLICE_ARG(report_clip(key)));
    return near.len == 0 ? STATUS_INVALID
                         : report_help(reader->reporter, "did you mean '%.*s'?", SLICE_ARG(near));
}

static enum status read_shape(struct form_reader *reader, const struct shape_entry *entry,
                              json_ref ref, struct surface_node **out)
{
    switch (entry->shape) {
    case SHAPE_UNARY:
        return read_unary(reader, ref, entry->kind, out);
    case SHAPE_VALUE:
        return form_read_value(reader, ref, out);
    case SHAPE_VARIABLE:
        return read_variable(reader, ref, out);
    case SHAPE_SLOT:
        return report(reader->reporter, form_range(reader, ref),
                      "slots cannot stand in conditions");
    case SHAPE_ATTRIBUTE:
        return read_attribute(reader, ref, out);
    case SHAPE_HAS:
        return read_has(reader, ref, out);
    case SHAPE_LIKE:
        return read_like(reader, ref, out);
    case SHAPE_IS:
        return read_is(reader, ref, out);
    case SHAPE_IF:
        return read_if(reader, ref, out);
    case SHAPE_SET:
        return read_set(reader, ref, out);
    case SHAPE_RECORD:
        return form_read_record(reader, ref, form_read_expression, out);
    }
    return STATUS_INTERNAL;
}

enum status form_read_expression(struct form_reader *reader, json_ref ref,
                                 struct surface_node **out)
{
    struct slice key = SLICE_EMPTY;
    json_ref at = JSON_NONE;
    json_ref value = JSON_NONE;
    TRY(form_read_single(reader, ref, &key, &at, &value));
    for (size_t i = 0; i < COUNT_OF(SHAPES); i++) {
        if (slice_eq(SHAPES[i].key, key)) {
            return read_shape(reader, &SHAPES[i], value, out);
        }
    }
    enum surface_kind kind = SURFACE_BOOL;
    if (surface_find_mark(key, &kind)) {
        return read_binary(reader, value, kind, out);
    }
    enum function function = function_find(key);
    return function == FUNCTION_COUNT ? fail_key(reader, at, key)
                                      : read_call(reader, function, value, out);
}
