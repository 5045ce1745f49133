#include "cedar/syntax/parser.h"

#include "cedar/eval/program.h"
#include "cedar/value/uid_table.h"

#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#define POLICIES_FIRST 64
#define ANNOTATIONS_MAX 1024 /* of one policy */
#define CONDITIONS_MAX 64    /* of one policy */

void parser_init(struct parser *parser, const struct cedar_source *source, struct arena *arena,
                 struct cedar_diagnostics *diagnostics)
{
    *parser = (struct parser){.lexer = {.source = source->text},
                              .source_name = source->name,
                              .arena = arena,
                              .diagnostics = diagnostics};
    parser->token = lexer_next(&parser->lexer);
}

struct token parser_take(struct parser *parser)
{
    struct token token = parser->token;
    parser->token = lexer_next(&parser->lexer);
    return token;
}

bool parser_at_mark(const struct parser *parser, struct slice mark)
{
    return parser->token.kind == TOKEN_PUNCTUATION && slice_eq(parser->token.text, mark);
}

bool parser_at_word(const struct parser *parser, struct slice word)
{
    return parser->token.kind == TOKEN_IDENT && slice_eq(parser->token.text, word);
}

bool parser_take_mark(struct parser *parser, struct slice mark)
{
    bool is_next = parser_at_mark(parser, mark);
    if (is_next) {
        (void)parser_take(parser);
    }
    return is_next;
}

bool parser_take_word(struct parser *parser, struct slice word)
{
    bool is_next = parser_at_word(parser, word);
    if (is_next) {
        (void)parser_take(parser);
    }
    return is_next;
}

/* Places are asked for in rising order but for a few, so the search goes on from the last one. */
static void place(struct parser *parser, struct cedar_diagnostic *diagnostic, size_t from)
{
    struct slice source = parser->lexer.source;
    if (from < parser->line_start || parser->line == 0) {
        parser->line = 1;
        parser->line_start = 0;
        parser->line_seen = 0;
    }
    for (size_t i = parser->line_seen; i < from && i < source.len; i++) {
        if (source.ptr[i] == '\n') {
            parser->line++;
            parser->line_start = i + 1;
        }
    }
    parser->line_seen = from > parser->line_seen ? from : parser->line_seen;
    diagnostic->line = parser->line;
    diagnostic->column = (uint32_t)(from - parser->line_start + 1);
}

static enum status write_message(struct cedar_diagnostic *diagnostic, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum status write_message(struct cedar_diagnostic *diagnostic, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diag_vformat(diagnostic->message, sizeof(diagnostic->message), format, args);
    va_end(args);
    return STATUS_INVALID;
}

enum status parser_fail(struct parser *parser, const struct token *token, const char *format, ...)
{
    struct cedar_diagnostics *diagnostics = parser->diagnostics;
    if (diagnostics->count == CEDAR_DIAGNOSTICS_MAX) {
        diagnostics->is_cut = true;
        return STATUS_INVALID;
    }
    struct cedar_diagnostic *diagnostic = &diagnostics->items[diagnostics->count++];
    *diagnostic = (struct cedar_diagnostic){
        .source = parser->source_name, .from = token->from, .to = token->to};
    place(parser, diagnostic, token->from);
    if (token->message != NULL) {
        /* No token at all: what the lexer says is nearer to the cause. */
        return write_message(diagnostic, "%s", token->message);
    }
    va_list args;
    va_start(args, format);
    diag_vformat(diagnostic->message, sizeof(diagnostic->message), format, args);
    va_end(args);
    return STATUS_INVALID;
}

static enum status out_of_memory(struct parser *parser)
{
    parser->is_out_of_memory = true;
    return STATUS_LIMIT;
}

enum status parser_expect(struct parser *parser, struct slice mark)
{
    if (parser_take_mark(parser, mark)) {
        return STATUS_OK;
    }
    if (parser_at_mark(parser, SLICE("="))) {
        return parser_fail(parser, &parser->token, "'=' is no operator; did you mean '=='?");
    }
    if (parser->token.kind == TOKEN_END) {
        return parser_fail(parser, &parser->token, "expected '%.*s', but the source ends here",
                           SLICE_ARG(mark));
    }
    return parser_fail(parser, &parser->token, "expected '%.*s' here", SLICE_ARG(mark));
}

/* The text from..to without white space and comments. */
static enum status join_tokens(struct parser *parser, size_t from, size_t to, struct slice *out)
{
    struct lexer lexer = {.source = slice_sub(parser->lexer.source, 0, to), .at = from};
    uint8_t *memory = arena_alloc(parser->arena, to - from);
    size_t len = 0;
    if (memory == NULL) {
        return out_of_memory(parser);
    }
    for (;;) {
        struct token token = lexer_next(&lexer);
        if (token.kind == TOKEN_END) {
            *out = slice_of(memory, len);
            return STATUS_OK;
        }
        memcpy(memory + len, token.text.ptr, token.text.len);
        len += token.text.len;
    }
}

enum status parser_path(struct parser *parser, struct slice *out)
{
    size_t from = parser->token.from;
    size_t bytes = 0;
    for (;;) {
        struct token token = parser_take(parser);
        if (token.kind != TOKEN_IDENT || lexer_is_reserved(token.text)) {
            return parser_fail(parser, &token, "expected a name here");
        }
        bytes += token.text.len;
        /* `::` before a string belongs to an entity, not to the path. */
        struct lexer ahead = parser->lexer;
        if (!parser_at_mark(parser, SLICE("::")) || lexer_next(&ahead).kind == TOKEN_STRING) {
            *out = slice_sub(parser->lexer.source, from, token.to);
            return bytes == out->len ? STATUS_OK : join_tokens(parser, from, token.to, out);
        }
        bytes += parser_take(parser).text.len;
    }
}

enum status parser_string(struct parser *parser, const struct token *token, struct slice *out)
{
    size_t bad = 0;
    enum status status = lexer_unescape(token->text, parser->arena, out, NULL, NULL, &bad);
    if (status == STATUS_INVALID) {
        struct token at = {.from = token->from + 1 + bad, .to = token->from + 2 + bad};
        return parser_fail(parser, &at, "this escape does not exist");
    }
    return status == STATUS_OK ? STATUS_OK : out_of_memory(parser);
}

enum status parser_uid(struct parser *parser, struct cedar_uid *out)
{
    TRY(parser_path(parser, &out->type));
    TRY(parser_expect(parser, SLICE("::")));
    struct token token = parser_take(parser);
    if (token.kind != TOKEN_STRING) {
        return parser_fail(parser, &token, "expected the entity's id as a string here");
    }
    return parser_string(parser, &token, &out->id);
}

struct node *parser_node(struct parser *parser, enum node_kind kind, size_t count)
{
    struct node *node = arena_alloc_zero(parser->arena, 1, sizeof(*node));
    const struct node **items =
        count == 0 ? NULL : arena_alloc_zero(parser->arena, count, sizeof(const struct node *));
    if (node == NULL || (count > 0 && items == NULL)) {
        parser->is_out_of_memory = true;
        return NULL;
    }
    node->kind = kind;
    node->items = items;
    node->item_count = count;
    return node;
}

enum status parser_close_node(struct parser *parser, struct node *node, const struct node **out)
{
    unsigned height = 0;
    for (size_t i = 0; i < node->item_count; i++) {
        height = node->items[i]->height > height ? node->items[i]->height : height;
    }
    node->height = height + 1;
    *out = node;
    return node->height <= CEDAR_DEPTH_MAX
               ? STATUS_OK
               : parser_fail(parser, &parser->token, "nested deeper than %d levels",
                             CEDAR_DEPTH_MAX);
}

/* -- scope --------------------------------------------------------------------------------- */

static enum status parse_scope_entity(struct parser *parser, struct slice variable,
                                      struct scope *scope)
{
    struct cedar_uid *uid = arena_alloc_zero(parser->arena, 1, sizeof(*uid));
    if (uid == NULL) {
        return out_of_memory(parser);
    }
    if (parser->token.kind == TOKEN_SLOT) {
        struct token slot = parser_take(parser);
        bool is_own = slice_eq(slice_sub(slot.text, 1, slot.text.len), variable) &&
                      !slice_eq(variable, SLICE("action"));
        scope->has_slot = true;
        return is_own ? STATUS_OK : parser_fail(parser, &slot, "this slot cannot stand here");
    }
    bool in_parentheses = parser_take_mark(parser, SLICE("("));
    TRY(parser_uid(parser, uid));
    if (in_parentheses) {
        TRY(parser_expect(parser, SLICE(")")));
    }
    scope->entities = uid;
    scope->entity_count = 1;
    return STATUS_OK;
}

static enum status parse_action_list(struct parser *parser, struct scope *scope)
{
    struct cedar_uid *list = NULL;
    size_t capacity = 0;
    while (!parser_take_mark(parser, SLICE("]"))) {
        if (scope->entity_count == capacity) {
            capacity = capacity == 0 ? 8 : capacity * 2;
            struct cedar_uid *more = arena_alloc_zero(parser->arena, capacity, sizeof(*more));
            if (more == NULL) {
                return out_of_memory(parser);
            }
            if (list != NULL) {
                memcpy(more, list, scope->entity_count * sizeof(*more));
            }
            list = more;
        }
        assert(list != NULL);
        TRY(parser_uid(parser, &list[scope->entity_count++]));
        if (!parser_take_mark(parser, SLICE(",")) && !parser_at_mark(parser, SLICE("]"))) {
            return parser_expect(parser, SLICE("]"));
        }
    }
    scope->entities = list;
    return STATUS_OK;
}

/* Actions are entities of a type whose last part is Action. */
static bool is_action_type(struct slice type)
{
    return slice_eq(type, SLICE("Action")) || slice_ends_with(type, SLICE("::Action"));
}

static enum status check_action_types(struct parser *parser, const struct token *at,
                                      const struct scope *scope)
{
    for (size_t i = 0; i < scope->entity_count; i++) {
        assert(scope->entities != NULL);
        if (!is_action_type(scope->entities[i].type)) {
            return parser_fail(parser, at, "an action must be of a type that ends in 'Action'");
        }
    }
    return STATUS_OK;
}

static enum status parse_constraint(struct parser *parser, struct slice variable,
                                    struct scope *scope)
{
    bool is_action = slice_eq(variable, SLICE("action"));
    struct token at = parser->token;
    if (parser_take_mark(parser, SLICE("=="))) {
        scope->kind = SCOPE_EQUAL;
        TRY(parse_scope_entity(parser, variable, scope));
    } else if (parser_take_word(parser, SLICE("in"))) {
        scope->kind = SCOPE_IN;
        struct lexer ahead = parser->lexer;
        bool list_in_parentheses = is_action && parser_at_mark(parser, SLICE("(")) &&
                                   slice_eq(lexer_next(&ahead).text, SLICE("["));
        if (list_in_parentheses) {
            (void)parser_take(parser);
        }
        if (is_action && parser_take_mark(parser, SLICE("["))) {
            TRY(parse_action_list(parser, scope));
            if (list_in_parentheses) {
                TRY(parser_expect(parser, SLICE(")")));
            }
        } else {
            TRY(parse_scope_entity(parser, variable, scope));
        }
    } else if (!is_action && parser_take_word(parser, SLICE("is"))) {
        scope->kind = SCOPE_IS;
        TRY(parser_path(parser, &scope->type));
        if (parser_take_word(parser, SLICE("in"))) {
            TRY(parse_scope_entity(parser, variable, scope));
        }
    }
    return is_action ? check_action_types(parser, &at, scope) : STATUS_OK;
}

static enum status parse_variable(struct parser *parser, struct slice variable, struct scope *scope)
{
    struct token at = parser->token;
    if (parser_take_word(parser, variable)) {
        return parse_constraint(parser, variable, scope);
    }
    if (parser_at_mark(parser, SLICE(")"))) {
        return parser_fail(parser, &at,
                           "the scope lacks '%.*s'; it must hold principal, action and resource",
                           SLICE_ARG(variable));
    }
    return parser_fail(
        parser, &at,
        "expected '%.*s' here; a scope holds principal, action and resource, in this order",
        SLICE_ARG(variable));
}

/* What follows a constraint: a comma, or the end where the next variable is missing. */
static enum status parse_scope_comma(struct parser *parser)
{
    if (parser_at_mark(parser, SLICE(")")) || parser_take_mark(parser, SLICE(","))) {
        return STATUS_OK;
    }
    if (parser_at_word(parser, SLICE("in")) || parser_at_word(parser, SLICE("is"))) {
        return parser_fail(parser, &parser->token,
                           "this cannot stand here; write 'is Type in Entity', '== Entity' or "
                           "'in Entity', and no 'is' for actions");
    }
    return parser_expect(parser, SLICE(","));
}

static enum status parse_scope(struct parser *parser, struct policy *policy)
{
    TRY(parser_expect(parser, SLICE("(")));
    TRY(parse_variable(parser, SLICE("principal"), &policy->principal));
    TRY(parse_scope_comma(parser));
    TRY(parse_variable(parser, SLICE("action"), &policy->action));
    TRY(parse_scope_comma(parser));
    TRY(parse_variable(parser, SLICE("resource"), &policy->resource));
    if (parser_take_mark(parser, SLICE(",")) && !parser_at_mark(parser, SLICE(")"))) {
        return parser_fail(parser, &parser->token,
                           "the scope ends after resource; conditions go into when { }");
    }
    return parser_expect(parser, SLICE(")"));
}

/* -- policies ------------------------------------------------------------------------------ */

static enum status parse_annotation(struct parser *parser, struct annotation *annotation)
{
    struct token key = parser_take(parser);
    if (key.kind != TOKEN_IDENT) {
        return parser_fail(parser, &key, "expected the annotation's name here");
    }
    annotation->key = key.text;
    annotation->value = SLICE_EMPTY;
    if (!parser_take_mark(parser, SLICE("("))) {
        return STATUS_OK;
    }
    struct token value = parser_take(parser);
    if (value.kind != TOKEN_STRING) {
        return parser_fail(parser, &value, "expected the annotation's value as a string here");
    }
    TRY(parser_string(parser, &value, &annotation->value));
    return parser_expect(parser, SLICE(")"));
}

static enum status parse_annotations(struct parser *parser, struct policy *policy)
{
    struct annotation found[ANNOTATIONS_MAX] = {0};
    size_t count = 0;
    while (parser_at_mark(parser, SLICE("@"))) {
        struct token at = parser_take(parser);
        if (count == ANNOTATIONS_MAX) {
            return parser_fail(parser, &at, "more than %d annotations", ANNOTATIONS_MAX);
        }
        TRY(parse_annotation(parser, &found[count]));
        for (size_t i = 0; i < count; i++) {
            if (slice_eq(found[i].key, found[count].key)) {
                return parser_fail(parser, &at, "the annotation appears twice");
            }
        }
        count++;
    }
    struct annotation *kept = arena_alloc_zero(parser->arena, count, sizeof(*kept));
    if (kept == NULL) {
        return out_of_memory(parser);
    }
    memcpy(kept, found, count * sizeof(*kept));
    policy->annotations = kept;
    policy->annotation_count = count;
    return STATUS_OK;
}

static enum status parse_condition(struct parser *parser, const struct node **out)
{
    bool is_unless = slice_eq(parser_take(parser).text, SLICE("unless"));
    const struct node *body = NULL;
    TRY(parser_expect(parser, SLICE("{")));
    if (parser_at_mark(parser, SLICE("}"))) {
        return parser_fail(parser, &parser->token, "the condition is empty; write an expression");
    }
    TRY(parser_expression(parser, &body));
    TRY(parser_expect(parser, SLICE("}")));
    *out = body;
    if (!is_unless) {
        return STATUS_OK;
    }
    struct node *negated = parser_node(parser, NODE_NOT, 1);
    if (negated == NULL) {
        return STATUS_LIMIT;
    }
    negated->items[0] = body;
    return parser_close_node(parser, negated, out);
}

/* when {...} unless {...} become one conjunction in their order. */
static enum status parse_conditions(struct parser *parser, struct policy *policy)
{
    const struct node *found[CONDITIONS_MAX];
    size_t count = 0;
    while (parser_at_word(parser, SLICE("when")) || parser_at_word(parser, SLICE("unless"))) {
        if (count == CONDITIONS_MAX) {
            return parser_fail(parser, &parser->token, "more than %d conditions", CONDITIONS_MAX);
        }
        TRY(parse_condition(parser, &found[count++]));
    }
    if (count < 2) {
        policy->condition = count == 0 ? NULL : found[0];
        return STATUS_OK;
    }
    struct node *all = parser_node(parser, NODE_AND, count);
    if (all == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        all->items[i] = found[i];
    }
    return parser_close_node(parser, all, &policy->condition);
}

static enum status parse_policy(struct parser *parser, struct policy *policy)
{
    struct cedar_diagnostic where = {0};
    policy->offset = parser->token.from;
    TRY(parse_annotations(parser, policy));
    place(parser, &where, parser->token.from);
    policy->line = where.line;
    if (parser_take_word(parser, SLICE("permit"))) {
        policy->effect = CEDAR_PERMIT;
    } else if (!parser_take_word(parser, SLICE("forbid"))) {
        return parser_fail(parser, &parser->token, "expected 'permit' or 'forbid' here");
    }
    TRY(parse_scope(parser, policy));
    TRY(parse_conditions(parser, policy));
    if (parser->token.kind == TOKEN_IDENT) {
        return parser_fail(parser, &parser->token, "expected 'when', 'unless' or ';' here");
    }
    return parser_expect(parser, SLICE(";"));
}

/* After an error: go on behind the next ';'. */
static void recover(struct parser *parser)
{
    parser->depth = 0;
    while (parser->token.kind != TOKEN_END && !parser_take_mark(parser, SLICE(";"))) {
        (void)parser_take(parser);
    }
}

static struct policy *add_policy(struct cedar_policy_set *set, size_t *capacity)
{
    if (set->count == *capacity) {
        size_t wanted = *capacity == 0 ? POLICIES_FIRST : *capacity * 2;
        struct policy *more = arena_alloc_zero(&set->arena, wanted, sizeof(*more));
        if (more == NULL || set->count >= CEDAR_POLICIES_MAX) {
            return NULL;
        }
        if (set->count > 0) {
            memcpy(more, set->policies, set->count * sizeof(*more));
        }
        set->policies = more;
        *capacity = wanted;
    }
    return &set->policies[set->count++];
}

static enum status name_policy(struct cedar_policy_set *set, struct policy *policy,
                               bool use_id_annotation)
{
    for (size_t i = 0; use_id_annotation && i < policy->annotation_count; i++) {
        if (slice_eq(policy->annotations[i].key, SLICE("id"))) {
            policy->id = policy->annotations[i].value;
        }
    }
    return policy->id.len > 0 ? STATUS_OK
                              : arena_format(&set->arena, &policy->id, "policy%zu", set->count - 1);
}

/* What the loop over the sources shares. */
struct set_builder {
    struct cedar_policy_set *set;
    size_t capacity;
    struct cedar_source *copies; /* of the sources, in the set's arena */
    struct cedar_diagnostics *diagnostics;
    bool use_id_annotation;
};

static enum status parse_source(struct set_builder *builder, const struct cedar_source *source,
                                uint32_t source_index)
{
    struct cedar_policy_set *set = builder->set;
    struct cedar_source *copy = &builder->copies[source_index];
    struct parser parser;
    TRY(arena_copy(&set->arena, source->name, &copy->name));
    if (source->text.len > CEDAR_SOURCE_BYTES_MAX || !slice_is_utf8(source->text)) {
        parser_init(&parser, &(struct cedar_source){.name = source->name}, &set->arena,
                    builder->diagnostics);
        return parser_fail(&parser, &(struct token){0}, "the source is too large or not UTF-8");
    }
    TRY(arena_copy(&set->arena, source->text, &copy->text));
    parser_init(&parser, &(struct cedar_source){source->name, copy->text}, &set->arena,
                builder->diagnostics);
    while (parser.token.kind != TOKEN_END && !parser.is_out_of_memory) {
        struct policy *policy = add_policy(set, &builder->capacity);
        if (policy == NULL) {
            return STATUS_LIMIT;
        }
        *policy = (struct policy){.source = copy->name, .source_index = source_index};
        if (parse_policy(&parser, policy) != STATUS_OK) {
            recover(&parser);
        }
        TRY(name_policy(set, policy, builder->use_id_annotation));
    }
    return parser.is_out_of_memory ? STATUS_LIMIT : STATUS_OK;
}

static void report_taken_id(const struct set_builder *builder, const struct cedar_source *sources,
                            const struct policy *policy)
{
    struct parser parser;
    struct cedar_source source = {sources[policy->source_index].name,
                                  builder->copies[policy->source_index].text};
    parser_init(&parser, &source, &builder->set->arena, builder->diagnostics);
    struct token at = {.from = policy->offset, .to = policy->offset + 1};
    (void)!parser_fail(&parser, &at, "the policy id '%.*s' is taken already; ids must be unique",
                       SLICE_ARG(policy->id));
}

static enum status check_ids(const struct set_builder *builder, const struct cedar_source *sources)
{
    struct uid_table table = {.arena = &builder->set->arena};
    for (size_t i = 0; i < builder->set->count; i++) {
        const struct policy *policy = &builder->set->policies[i];
        struct cedar_uid key = {SLICE_EMPTY, policy->id};
        if (uid_table_find(&table, &key) != UID_TABLE_NONE) {
            report_taken_id(builder, sources, policy);
            continue;
        }
        TRY(uid_table_add(&table, &key, (uint32_t)i));
    }
    return STATUS_OK;
}

static enum status build_set(struct set_builder *builder, const struct cedar_source *sources,
                             size_t count)
{
    builder->copies = arena_alloc_zero(&builder->set->arena, count, sizeof(*builder->copies));
    if (builder->copies == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        enum status status = parse_source(builder, &sources[i], (uint32_t)i);
        if (status == STATUS_LIMIT) {
            return status;
        }
    }
    if (builder->use_id_annotation) {
        TRY(check_ids(builder, sources));
    }
    if (builder->diagnostics->count > 0) {
        return STATUS_INVALID;
    }
    return program_build(builder->set);
}

enum status cedar_policy_set_parse(const struct cedar_source *sources, size_t count,
                                   bool use_id_annotation, struct cedar_policy_set **out,
                                   struct cedar_diagnostics *diagnostics)
{
    struct set_builder builder = {.set = base_alloc(sizeof(struct cedar_policy_set)),
                                  .diagnostics = diagnostics,
                                  .use_id_annotation = use_id_annotation};
    diagnostics->count = 0;
    diagnostics->is_cut = false;
    if (builder.set == NULL) {
        return STATUS_LIMIT;
    }
    *builder.set = (struct cedar_policy_set){0};
    arena_init(&builder.set->arena, SIZE_MAX / 2, NULL);
    enum status status = build_set(&builder, sources, count);
    if (status != STATUS_OK) {
        cedar_policy_set_free(builder.set);
        return status;
    }
    *out = builder.set;
    return STATUS_OK;
}

void cedar_policy_set_free(struct cedar_policy_set *set)
{
    if (set != NULL) {
        arena_release(&set->arena);
        base_free(set);
    }
}

size_t cedar_policy_count(const struct cedar_policy_set *set)
{
    return set->count;
}

struct cedar_policy_info cedar_policy_get(const struct cedar_policy_set *set, size_t index)
{
    const struct policy *policy = &set->policies[index];
    return (struct cedar_policy_info){
        .id = policy->id,
        .effect = policy->effect,
        .source = policy->source,
        .line = policy->line,
        .is_template = policy->principal.has_slot || policy->resource.has_slot,
        .action_is_exact = policy->action.kind == SCOPE_EQUAL,
        .actions = policy->action.entities,
        .action_count = policy->action.entity_count,
    };
}

bool cedar_policy_annotation(const struct cedar_policy_set *set, size_t index, struct slice key,
                             struct slice *value)
{
    const struct policy *policy = &set->policies[index];
    for (size_t i = 0; i < policy->annotation_count; i++) {
        if (slice_eq(policy->annotations[i].key, key)) {
            *value = policy->annotations[i].value;
            return true;
        }
    }
    return false;
}
