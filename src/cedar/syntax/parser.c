#include "cedar/syntax/parser.h"

#define ANNOTATIONS_MAX 1024 /* of one policy */
#define CONDITIONS_MAX 1024  /* of one policy */
#define ELEMENTS_MAX 64      /* of one scope; three are right */

struct token parser_take(struct parser *parser)
{
    struct token token = parser->token;
    parser->last_to = token.kind == TOKEN_END ? parser->last_to : token.to;
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

bool parser_before_mark(const struct parser *parser, struct slice mark)
{
    struct lexer ahead = parser->lexer;
    struct token next = lexer_next(&ahead);
    return next.kind == TOKEN_PUNCTUATION && slice_eq(next.text, mark);
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

enum status parser_expect(struct parser *parser, struct slice mark)
{
    static const struct {
        struct slice mark;
        const char *expected;
    } MARKS[] = {{SLICE_INIT("("), "'('"}, {SLICE_INIT(")"), "')'"}, {SLICE_INIT("["), "'['"},
                 {SLICE_INIT("]"), "']'"}, {SLICE_INIT("{"), "'{'"}, {SLICE_INIT("}"), "'}'"},
                 {SLICE_INIT(":"), "':'"}, {SLICE_INIT(","), "','"}};
    const char *expected = "something else";
    if (parser_take_mark(parser, mark) || parser_take_word(parser, mark)) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < COUNT_OF(MARKS); i++) {
        expected = slice_eq(MARKS[i].mark, mark) ? MARKS[i].expected : expected;
    }
    return parser_unexpected(parser, expected);
}

struct concrete *parser_node(struct parser *parser, enum concrete_kind kind, size_t from)
{
    struct concrete *node = arena_alloc_zero(parser->arena, 1, sizeof(*node));
    if (node != NULL) {
        node->kind = kind;
        node->range = (struct surface_range){(uint32_t)from, (uint32_t)from};
    }
    return node;
}

enum status parser_leaf(struct parser *parser, enum concrete_kind kind, struct concrete **out)
{
    struct token token = parser_take(parser);
    struct concrete *leaf = parser_node(parser, kind, token.from);
    if (leaf == NULL) {
        return STATUS_LIMIT;
    }
    leaf->range.to = (uint32_t)token.to;
    leaf->text = token.text;
    leaf->number = token.number;
    *out = leaf;
    return STATUS_OK;
}

enum status parser_ident(struct parser *parser, struct concrete **out)
{
    return parser->token.kind == TOKEN_IDENT ? parser_leaf(parser, CONCRETE_IDENT, out)
                                             : parser_unexpected(parser, "a name");
}

/* -- policies ------------------------------------------------------------------------------ */

/* More of a thing than one policy may have. */
static enum status too_many(struct parser *parser, int limit, const char *what)
{
    parser->errors++;
    return report(parser->reporter, token_range(&parser->token), "more than %d %s", limit, what);
}

static enum status parse_annotation(struct parser *parser, struct concrete_annotation *annotation)
{
    struct concrete *part = NULL;
    annotation->range.from = (uint32_t)parser_take(parser).from;
    TRY(parser_ident(parser, &part));
    annotation->key = part;
    if (parser_take_mark(parser, SLICE("("))) {
        if (parser->token.kind != TOKEN_STRING) {
            return parser_unexpected(parser, "the annotation's value as a string");
        }
        TRY(parser_leaf(parser, CONCRETE_STRING, &part));
        annotation->value = part;
        TRY(parser_expect(parser, SLICE(")")));
    }
    annotation->range.to = (uint32_t)parser->last_to;
    return STATUS_OK;
}

static enum status parse_annotations(struct parser *parser, struct concrete_policy *policy)
{
    struct concrete_annotation **end = &policy->annotations;
    while (parser_at_mark(parser, SLICE("@"))) {
        if (policy->annotation_count++ == ANNOTATIONS_MAX) {
            return too_many(parser, ANNOTATIONS_MAX, "annotations");
        }
        *end = arena_alloc_zero(parser->arena, 1, sizeof(**end));
        if (*end == NULL) {
            return STATUS_LIMIT;
        }
        TRY(parse_annotation(parser, *end));
        end = &(*end)->next;
    }
    return STATUS_OK;
}

static enum status parse_element(struct parser *parser, struct concrete_element *element)
{
    struct concrete *part = NULL;
    element->range.from = (uint32_t)parser->token.from;
    TRY(parser_ident(parser, &part));
    element->variable = part;
    if (parser_take_mark(parser, SLICE(":"))) {
        TRY(parse_name(parser, &part));
        element->type = part;
    }
    if (parser_take_word(parser, SLICE("is"))) {
        TRY(parse_sum(parser, &part));
        element->entity_type = part;
    }
    element->mark = parse_relation_mark(parser);
    if (element->mark.len > 0) {
        TRY(parse_expression(parser, FOLLOW_COMMA | FOLLOW_PARENTHESIS, &part));
        element->right = part;
    }
    element->range.to = (uint32_t)parser->last_to;
    return STATUS_OK;
}

static enum status parse_scope(struct parser *parser, struct concrete_policy *policy)
{
    struct concrete_element **end = &policy->elements;
    size_t count = 0;
    TRY(parser_expect(parser, SLICE("(")));
    while (!parser_take_mark(parser, SLICE(")"))) {
        if (parser->token.kind != TOKEN_IDENT) {
            return parser_unexpected(parser, count < 3 ? "principal, action or resource" : "')'");
        }
        if (count++ == ELEMENTS_MAX) {
            return too_many(parser, ELEMENTS_MAX, "elements of a scope");
        }
        *end = arena_alloc_zero(parser->arena, 1, sizeof(**end));
        if (*end == NULL) {
            return STATUS_LIMIT;
        }
        TRY(parse_element(parser, *end));
        end = &(*end)->next;
        if (!parser_take_mark(parser, SLICE(",")) && !parser_at_mark(parser, SLICE(")"))) {
            return parser_unexpected(parser, "',', ')', '==', 'in' or 'is'");
        }
    }
    return STATUS_OK;
}

static enum status parse_condition(struct parser *parser, struct concrete_condition *condition)
{
    struct concrete *part = NULL;
    condition->range.from = (uint32_t)parser->token.from;
    TRY(parser_ident(parser, &part));
    condition->keyword = part;
    TRY(parser_expect(parser, SLICE("{")));
    if (!parser_at_mark(parser, SLICE("}"))) {
        TRY(parse_expression(parser, FOLLOW_BRACE, &part));
        condition->body = part;
    }
    TRY(parser_expect(parser, SLICE("}")));
    condition->range.to = (uint32_t)parser->last_to;
    return STATUS_OK;
}

/* After something odd behind a condition, a later '}' is taken for the condition's end: it is what
 * `when {{ x }}` and stray braces need. */
static enum status recover_behind_condition(struct parser *parser)
{
    struct follow brace = {NULL, FOLLOW_BRACE};
    parser->follow = &brace;
    enum status status = parser_unexpected(parser, "';', 'when' or 'unless'");
    parser->follow = NULL;
    if (parser->resume != &brace) {
        return status;
    }
    parser->resume = NULL;
    (void)parser_take(parser);
    return STATUS_OK;
}

static enum status parse_conditions(struct parser *parser, struct concrete_policy *policy)
{
    struct concrete_condition **end = &policy->conditions;
    while (!parser_take_mark(parser, SLICE(";"))) {
        if (parser->token.kind != TOKEN_IDENT && policy->condition_count == 0) {
            return parser_unexpected(parser, "';', 'when' or 'unless'");
        }
        if (parser->token.kind != TOKEN_IDENT) {
            TRY(recover_behind_condition(parser));
            continue;
        }
        if (policy->condition_count++ == CONDITIONS_MAX) {
            return too_many(parser, CONDITIONS_MAX, "conditions");
        }
        *end = arena_alloc_zero(parser->arena, 1, sizeof(**end));
        if (*end == NULL) {
            return STATUS_LIMIT;
        }
        TRY(parse_condition(parser, *end));
        end = &(*end)->next;
    }
    return STATUS_OK;
}

static enum status parse_policy(struct parser *parser, struct concrete_policy *policy)
{
    struct concrete *effect = NULL;
    policy->range.from = (uint32_t)parser->token.from;
    TRY(parse_annotations(parser, policy));
    if (parser->token.kind != TOKEN_IDENT) {
        return parser_unexpected(parser, policy->annotations == NULL
                                             ? "'permit', 'forbid' or an annotation"
                                             : "'(', 'permit', 'forbid' or an annotation");
    }
    TRY(parser_leaf(parser, CONCRETE_IDENT, &effect));
    policy->effect = effect;
    if (!parser_at_mark(parser, SLICE("("))) {
        enum status status = parser_unexpected(parser, "'('");
        (void)report_help(parser->reporter, "a policy begins with annotations and then "
                                            "'permit (' or 'forbid ('");
        return status;
    }
    TRY(parse_scope(parser, policy));
    TRY(parse_conditions(parser, policy));
    policy->range.to = (uint32_t)parser->last_to;
    return STATUS_OK;
}

/* After an error: go on behind the next ';'. */
static void skip_policy(struct parser *parser)
{
    parser->resume = NULL;
    while (parser->token.kind != TOKEN_END && !parser_take_mark(parser, SLICE(";"))) {
        (void)parser_take(parser);
    }
}

enum status parse_policies(struct reporter *reporter, struct arena *arena,
                           struct concrete_policy **out)
{
    struct parser parser = {
        .lexer = {.source = reporter->source.text}, .arena = arena, .reporter = reporter};
    struct concrete_policy **end = out;
    parser.token = lexer_next(&parser.lexer);
    *out = NULL;
    while (parser.token.kind != TOKEN_END) {
        struct concrete_policy *policy = arena_alloc_zero(arena, 1, sizeof(*policy));
        size_t errors = parser.errors;
        if (policy == NULL) {
            return STATUS_LIMIT;
        }
        enum status status = parse_policy(&parser, policy);
        if (status == STATUS_LIMIT) {
            return status;
        }
        if (status != STATUS_OK) {
            skip_policy(&parser);
        }
        if (parser.errors == errors) {
            *end = policy;
            end = &policy->next;
        }
    }
    return parser.errors == 0 ? STATUS_OK : STATUS_INVALID;
}

enum status parse_only_expression(struct reporter *reporter, struct arena *arena,
                                  struct concrete **out)
{
    struct parser parser = {
        .lexer = {.source = reporter->source.text}, .arena = arena, .reporter = reporter};
    parser.token = lexer_next(&parser.lexer);
    TRY(parse_expression(&parser, FOLLOW_END, out));
    return parser.errors == 0 ? STATUS_OK : STATUS_INVALID;
}
