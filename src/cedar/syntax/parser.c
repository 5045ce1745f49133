#include "cedar/syntax/parser.h"

#include "base/buf.h"

#include <stdarg.h>
#include <string.h>

#define POLICIES_FIRST 64

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

static void place(const struct parser *parser, struct cedar_diagnostic *diagnostic, size_t from)
{
    struct slice source = parser->lexer.source;
    diagnostic->line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i < from && i < source.len; i++) {
        if (source.ptr[i] == '\n') {
            diagnostic->line++;
            line_start = i + 1;
        }
    }
    diagnostic->column = (uint32_t)(from - line_start + 1);
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
    if (parser->token.kind == TOKEN_ERROR) {
        return parser_fail(parser, &parser->token, "%s", parser->token.message);
    }
    if (parser_at_mark(parser, SLICE("="))) {
        return parser_fail(parser, &parser->token, "'=' is no operator; did you mean '=='?");
    }
    return parser_fail(parser, &parser->token, "expected '%.*s' here", SLICE_ARG(mark));
}

enum status parser_path(struct parser *parser, struct slice *out)
{
    struct buf text;
    enum status status = STATUS_OK;
    buf_init(&text, 65536, NULL);
    for (;;) {
        struct token token = parser_take(parser);
        if (token.kind != TOKEN_IDENT || lexer_is_reserved(token.text)) {
            status = parser_fail(parser, &token, "expected a name here");
            break;
        }
        buf_append(&text, token.text);
        /* `::` before a string belongs to an entity, not to the path. */
        struct lexer ahead = parser->lexer;
        if (!parser_at_mark(parser, SLICE("::")) || lexer_next(&ahead).kind == TOKEN_STRING) {
            break;
        }
        (void)parser_take(parser);
        buf_append(&text, SLICE("::"));
    }
    if (status == STATUS_OK && (buf_status(&text) != STATUS_OK ||
                                arena_copy(parser->arena, buf_view(&text), out) != STATUS_OK)) {
        status = out_of_memory(parser);
    }
    buf_release(&text);
    return status;
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
    if (!parser_take_word(parser, variable)) {
        return parser_fail(parser, &parser->token, "expected '%.*s' here", SLICE_ARG(variable));
    }
    return parse_constraint(parser, variable, scope);
}

static enum status parse_scope(struct parser *parser, struct policy *policy)
{
    TRY(parser_expect(parser, SLICE("(")));
    TRY(parse_variable(parser, SLICE("principal"), &policy->principal));
    TRY(parser_expect(parser, SLICE(",")));
    TRY(parse_variable(parser, SLICE("action"), &policy->action));
    TRY(parser_expect(parser, SLICE(",")));
    TRY(parse_variable(parser, SLICE("resource"), &policy->resource));
    (void)parser_take_mark(parser, SLICE(","));
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
    enum { ANNOTATIONS_MAX = 64 };
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

/* when {...} unless {...} become one expression, left before right. */
static enum status parse_conditions(struct parser *parser, struct policy *policy)
{
    while (parser_at_word(parser, SLICE("when")) || parser_at_word(parser, SLICE("unless"))) {
        bool is_unless = slice_eq(parser_take(parser).text, SLICE("unless"));
        const struct node *body = NULL;
        TRY(parser_expect(parser, SLICE("{")));
        TRY(parser_expression(parser, &body));
        TRY(parser_expect(parser, SLICE("}")));
        if (is_unless) {
            struct node *negated = parser_node(parser, NODE_NOT, 1);
            if (negated == NULL) {
                return STATUS_LIMIT;
            }
            negated->items[0] = body;
            body = negated;
        }
        if (policy->condition != NULL) {
            struct node *both = parser_node(parser, NODE_AND, 2);
            if (both == NULL) {
                return STATUS_LIMIT;
            }
            both->items[0] = policy->condition;
            both->items[1] = body;
            body = both;
        }
        policy->condition = body;
    }
    return STATUS_OK;
}

static enum status parse_policy(struct parser *parser, struct policy *policy)
{
    *policy = (struct policy){.source = parser->source_name};
    struct cedar_diagnostic where = {0};
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

static enum status name_policy(struct parser *parser, struct cedar_policy_set *set,
                               struct policy *policy, bool use_id_annotation,
                               const struct token *at)
{
    for (size_t i = 0; use_id_annotation && i < policy->annotation_count; i++) {
        if (slice_eq(policy->annotations[i].key, SLICE("id"))) {
            policy->id = policy->annotations[i].value;
        }
    }
    if (policy->id.len == 0 &&
        arena_format(&set->arena, &policy->id, "policy%zu", set->count - 1) != STATUS_OK) {
        return out_of_memory(parser);
    }
    for (size_t i = 0; use_id_annotation && i + 1 < set->count; i++) {
        if (slice_eq(set->policies[i].id, policy->id)) {
            return parser_fail(parser, at, "the policy id '%.*s' is taken already",
                               SLICE_ARG(policy->id));
        }
    }
    return STATUS_OK;
}

static enum status parse_source(struct cedar_policy_set *set, size_t *capacity,
                                const struct cedar_source *source, bool use_id_annotation,
                                struct cedar_diagnostics *diagnostics)
{
    struct parser parser;
    parser_init(&parser, source, &set->arena, diagnostics);
    if (source->text.len > CEDAR_SOURCE_BYTES_MAX || !slice_is_utf8(source->text)) {
        return parser_fail(&parser, &(struct token){0}, "the source is too large or not UTF-8");
    }
    while (parser.token.kind != TOKEN_END && !parser.is_out_of_memory) {
        struct token at = parser.token;
        struct policy *policy = add_policy(set, capacity);
        if (policy == NULL) {
            return STATUS_LIMIT;
        }
        if (parse_policy(&parser, policy) != STATUS_OK) {
            recover(&parser);
            continue;
        }
        (void)!name_policy(&parser, set, policy, use_id_annotation, &at);
    }
    return parser.is_out_of_memory ? STATUS_LIMIT : STATUS_OK;
}

enum status cedar_policy_set_parse(const struct cedar_source *sources, size_t count,
                                   bool use_id_annotation, struct cedar_policy_set **out,
                                   struct cedar_diagnostics *diagnostics)
{
    struct cedar_policy_set *set = base_alloc(sizeof(*set));
    size_t capacity = 0;
    enum status status = STATUS_OK;
    diagnostics->count = 0;
    diagnostics->is_cut = false;
    if (set == NULL) {
        return STATUS_LIMIT;
    }
    *set = (struct cedar_policy_set){0};
    arena_init(&set->arena, SIZE_MAX / 2, NULL);
    for (size_t i = 0; i < count && status != STATUS_LIMIT; i++) {
        enum status one = parse_source(set, &capacity, &sources[i], use_id_annotation, diagnostics);
        status = one == STATUS_OK ? status : one;
    }
    if (status == STATUS_OK && diagnostics->count > 0) {
        status = STATUS_INVALID;
    }
    if (status != STATUS_OK) {
        cedar_policy_set_free(set);
        return status;
    }
    *out = set;
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
