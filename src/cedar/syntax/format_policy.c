/* The layout of policies, and of tokens with their comments. */
#include "cedar/syntax/format.h"

#include <assert.h>

static void add(struct formatter *f, enum piece_kind kind)
{
    document_add(&f->document, kind);
}

static void nest(struct formatter *f, int columns)
{
    document_nest(&f->document, columns);
}

/* -- tokens -------------------------------------------------------------------------------- */

void format_leading(struct formatter *f)
{
    struct slice comment;
    bool is_first = true;
    while (comment_next(f->reader.lexer.source, &f->reader.next.leading, &comment)) {
        add(f, is_first ? PIECE_HARD_LINE : PIECE_NOTHING);
        document_text(&f->document, comment);
        add(f, PIECE_HARD_LINE);
        is_first = false;
    }
}

/* Numbers lose leading zeros, all else stays as it was written. */
static struct slice token_text(const struct token *token, struct slice source)
{
    struct slice text = slice_sub(source, token->from, token->to);
    while (token->kind == TOKEN_NUMBER && text.len > 1 && text.ptr[0] == '0') {
        text = slice_sub(text, 1, text.len);
    }
    return text;
}

void format_token(struct formatter *f, enum piece_kind gap)
{
    format_leading(f);
    struct commented_token taken = comment_reader_take(&f->reader);
    document_text(&f->document, token_text(&taken.token, f->reader.lexer.source));
    if (taken.trailing.len == 0) {
        add(f, gap);
        return;
    }
    add(f, PIECE_SPACE);
    document_text(&f->document, taken.trailing);
    add(f, PIECE_HARD_LINE);
}

void format_tokens(struct formatter *f, struct surface_range range)
{
    while (f->reader.next.token.from < range.to) {
        format_token(f, PIECE_NOTHING);
    }
}

void format_drop_comma(struct formatter *f)
{
    const struct token *next = &f->reader.next.token;
    if (next->kind == TOKEN_PUNCTUATION && slice_eq(next->text, SLICE(","))) {
        comment_reader_drop(&f->reader);
    }
}

/* -- policies ------------------------------------------------------------------------------ */

static void format_annotation(struct formatter *f, const struct concrete_annotation *annotation)
{
    format_tokens(f, annotation->range);
    add(f, PIECE_HARD_LINE);
}

/* `is T` behind a variable. */
static void format_type(struct formatter *f, const struct concrete_element *element)
{
    add(f, PIECE_GROUP);
    nest(f, f->indent);
    add(f, PIECE_GROUP);
    add(f, PIECE_LINE);
    format_token(f, PIECE_NOTHING);
    add(f, PIECE_GROUP_END);
    add(f, PIECE_LINE);
    format_expression(f, element->entity_type);
    nest(f, -f->indent);
    add(f, PIECE_GROUP_END);
}

static void format_variable(struct formatter *f, const struct concrete_element *element)
{
    format_token(f, PIECE_NOTHING);
    if (element->entity_type != NULL) {
        format_type(f, element);
    }
}

static void format_element(struct formatter *f, const struct concrete_element *element)
{
    format_leading(f);
    if (element->right == NULL) {
        format_variable(f, element);
        return;
    }
    add(f, PIECE_GROUP);
    add(f, PIECE_GROUP);
    format_variable(f, element);
    add(f, PIECE_LINE);
    format_token(f, PIECE_NOTHING);
    add(f, PIECE_GROUP_END);
    nest(f, f->indent);
    add(f, PIECE_LINE);
    format_expression(f, element->right);
    nest(f, -f->indent);
    add(f, PIECE_GROUP_END);
}

static bool has_constraint(const struct concrete_policy *policy)
{
    for (const struct concrete_element *element = policy->elements; element != NULL;
         element = element->next) {
        if (element->right != NULL || element->entity_type != NULL) {
            return true;
        }
    }
    return false;
}

/* A line for each element as soon as one of them has a constraint. */
static void format_scope(struct formatter *f, const struct concrete_policy *policy)
{
    enum piece_kind gap = has_constraint(policy) ? PIECE_HARD_LINE : PIECE_NOTHING;
    nest(f, f->indent);
    add(f, gap);
    for (const struct concrete_element *element = policy->elements; element != NULL;
         element = element->next) {
        format_element(f, element);
        if (element->next != NULL) {
            format_token(f, gap == PIECE_NOTHING ? PIECE_SPACE : gap);
        }
    }
    format_drop_comma(f);
    nest(f, -f->indent);
    add(f, gap);
}

static void format_condition(struct formatter *f, const struct concrete_condition *condition)
{
    assert(condition->body != NULL); /* check_policy refuses empty braces */
    format_leading(f);
    add(f, PIECE_GROUP);
    format_token(f, PIECE_LINE);
    format_leading(f);
    add(f, PIECE_GROUP);
    nest(f, f->indent);
    format_token(f, PIECE_LINE);
    format_leading(f);
    add(f, PIECE_GROUP);
    format_expression(f, condition->body);
    add(f, PIECE_GROUP_END);
    nest(f, -f->indent);
    add(f, PIECE_LINE);
    format_token(f, PIECE_NOTHING);
    add(f, PIECE_GROUP_END);
    add(f, PIECE_GROUP_END);
}

void format_policy(struct formatter *f, const struct concrete_policy *policy)
{
    for (const struct concrete_annotation *annotation = policy->annotations; annotation != NULL;
         annotation = annotation->next) {
        format_annotation(f, annotation);
    }
    format_leading(f);
    add(f, PIECE_GROUP);
    format_token(f, PIECE_NOTHING);
    add(f, PIECE_LINE);
    format_token(f, PIECE_NOTHING);
    add(f, PIECE_GROUP_END);
    format_scope(f, policy);
    format_token(f, policy->conditions == NULL ? PIECE_NOTHING : PIECE_HARD_LINE);
    for (const struct concrete_condition *condition = policy->conditions; condition != NULL;
         condition = condition->next) {
        format_condition(f, condition);
        add(f, condition->next == NULL ? PIECE_NOTHING : PIECE_HARD_LINE);
    }
    format_token(f, PIECE_NOTHING);
}
