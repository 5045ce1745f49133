/* The layout of expressions. */
#include "cedar/syntax/format.h"

static void add(struct formatter *f, enum piece_kind kind)
{
    document_add(&f->document, kind);
}

static void nest(struct formatter *f, int columns)
{
    document_nest(&f->document, columns);
}

/* `a, b`: a line may end behind each comma; one behind the last goes. */
static void format_elements(struct formatter *f, const struct concrete *first)
{
    for (; first != NULL; first = first->next) {
        format_expression(f, first);
        if (first->next != NULL) {
            format_token(f, PIECE_NOTHING);
            add(f, PIECE_LINE);
        }
    }
    format_drop_comma(f);
}

/* `a && b`: lines end behind the operators, all or none. */
static void format_logic(struct formatter *f, const struct concrete *node)
{
    for (const struct concrete *part = node->first; part != NULL; part = part->next) {
        format_expression(f, part);
        if (part->next != NULL) {
            add(f, PIECE_SPACE);
            format_token(f, PIECE_LINE);
        }
    }
}

/* `a + b`: likewise, but as a group. */
static void format_arithmetic(struct formatter *f, const struct concrete *node)
{
    for (const struct concrete *part = node->first; part != NULL; part = part->next) {
        format_expression(f, part);
        if (part->next != NULL) {
            add(f, PIECE_SPACE);
            format_token(f, PIECE_NOTHING);
            add(f, PIECE_LINE);
        }
    }
}

/* `a == b` never breaks at its operator. */
static void format_relation(struct formatter *f, const struct concrete *node)
{
    format_expression(f, node->first);
    add(f, PIECE_SPACE);
    format_token(f, PIECE_NOTHING);
    add(f, PIECE_SPACE);
    format_expression(f, node->last);
}

/* `a has b` and `a like b` break around the word or not at all. */
static void format_word_relation(struct formatter *f, const struct concrete *node)
{
    format_expression(f, node->first);
    add(f, PIECE_LINE);
    format_token(f, PIECE_NOTHING);
    add(f, PIECE_LINE);
    nest(f, f->indent);
    format_expression(f, node->last);
    nest(f, -f->indent);
}

/* `a is T in b` may break before its `in`. */
static void format_is(struct formatter *f, const struct concrete *node)
{
    format_expression(f, node->first);
    for (const struct concrete *part = node->first->next; part != NULL; part = part->next) {
        add(f, part == node->first->next ? PIECE_SPACE : PIECE_LINE);
        format_token(f, PIECE_NOTHING);
        add(f, PIECE_SPACE);
        nest(f, f->indent);
        format_expression(f, part);
        nest(f, -f->indent);
    }
}

/* `if`, `then` and `else` begin lines, all or none. */
static void format_if(struct formatter *f, const struct concrete *node)
{
    for (const struct concrete *part = node->first; part != NULL; part = part->next) {
        add(f, part == node->first ? PIECE_NOTHING : PIECE_LINE);
        format_token(f, PIECE_NOTHING);
        nest(f, f->indent);
        add(f, PIECE_LINE);
        format_expression(f, part);
        nest(f, -f->indent);
    }
}

static void format_unary(struct formatter *f, const struct concrete *node)
{
    for (uint64_t i = 0; i < node->number; i++) {
        format_token(f, PIECE_NOTHING);
    }
    format_expression(f, node->first);
}

/* -- operands ------------------------------------------------------------------------------ */

/* `(a)` and `[a, b]`: what is on further lines stands below the first thing inside. */
static void format_bracketed(struct formatter *f, const struct concrete *node)
{
    format_token(f, PIECE_NOTHING);
    nest(f, 1);
    format_elements(f, node->first);
    nest(f, -1);
    format_token(f, PIECE_NOTHING);
}

static void format_field(struct formatter *f, const struct concrete *field)
{
    format_expression(f, field->first);
    format_token(f, PIECE_NOTHING);
    add(f, PIECE_SPACE);
    format_expression(f, field->last);
}

/* `{a: b}`: with spaces inside the braces, or a field a line. */
static void format_record(struct formatter *f, const struct concrete *node)
{
    format_token(f, PIECE_NOTHING);
    if (node->first != NULL) {
        nest(f, f->indent);
        add(f, PIECE_GROUP);
        add(f, PIECE_LINE);
        format_elements(f, node->first);
        add(f, PIECE_LINE);
        add(f, PIECE_GROUP_END);
        nest(f, -f->indent);
    }
    format_token(f, PIECE_NOTHING);
}

static void format_call(struct formatter *f, const struct concrete *node)
{
    format_token(f, PIECE_NOTHING);
    if (node->first != NULL) {
        nest(f, f->indent);
        add(f, PIECE_SOFT_LINE);
        format_elements(f, node->first);
        nest(f, -f->indent);
        add(f, PIECE_SOFT_LINE);
    }
    format_token(f, PIECE_NOTHING);
}

static void format_index(struct formatter *f, const struct concrete *node)
{
    format_token(f, PIECE_NOTHING);
    format_expression(f, node->first);
    format_token(f, PIECE_NOTHING);
}

/* `a.b(c)`: lines may end between accesses, but not before the first of them. */
static void format_member(struct formatter *f, const struct concrete *node)
{
    if (node->first->kind == CONCRETE_LIST) {
        format_bracketed(f, node->first); /* breaks together with the accesses */
    } else {
        format_expression(f, node->first);
    }
    nest(f, f->indent);
    for (const struct concrete *part = node->first->next; part != NULL; part = part->next) {
        format_expression(f, part);
        add(f, part->next == NULL ? PIECE_NOTHING : PIECE_SOFT_LINE);
    }
    nest(f, -f->indent);
}

typedef void (*format_fn)(struct formatter *f, const struct concrete *node);

static void format_group(struct formatter *f, const struct concrete *node, format_fn format)
{
    add(f, PIECE_GROUP);
    format(f, node);
    add(f, PIECE_GROUP_END);
}

void format_expression(struct formatter *f, const struct concrete *node)
{
    switch (node->kind) {
    case CONCRETE_ERROR:
    case CONCRETE_BOOL:
    case CONCRETE_NUMBER:
    case CONCRETE_STRING:
    case CONCRETE_SLOT:
    case CONCRETE_IDENT:
    case CONCRETE_NAME:
    case CONCRETE_ENTITY:
    case CONCRETE_ENTITY_RECORD:
    case CONCRETE_ATTRIBUTE:
        format_tokens(f, node->range);
        return;
    case CONCRETE_PARENTHESES:
    case CONCRETE_LIST:
        format_group(f, node, format_bracketed);
        return;
    case CONCRETE_RECORD:
        format_group(f, node, format_record);
        return;
    case CONCRETE_FIELD:
        format_field(f, node);
        return;
    case CONCRETE_IF:
        format_group(f, node, format_if);
        return;
    case CONCRETE_OR:
    case CONCRETE_AND:
        format_logic(f, node);
        return;
    case CONCRETE_RELATION:
        format_relation(f, node);
        return;
    case CONCRETE_HAS:
    case CONCRETE_LIKE:
        format_group(f, node, format_word_relation);
        return;
    case CONCRETE_IS:
        format_group(f, node, format_is);
        return;
    case CONCRETE_ADD:
    case CONCRETE_MULTIPLY:
        format_group(f, node, format_arithmetic);
        return;
    case CONCRETE_NOT:
    case CONCRETE_NEGATE:
        format_group(f, node, format_unary);
        return;
    case CONCRETE_MEMBER:
        format_group(f, node, format_member);
        return;
    case CONCRETE_CALL:
        format_call(f, node);
        return;
    case CONCRETE_INDEX:
        format_index(f, node);
        return;
    }
}
