/* concrete.h: what the parser found, wider than the language; private to src/cedar/syntax.
 *
 * The grammar accepted here takes any word as effect, keyword or variable, `x: T` in a scope, calls
 * of anything, chains of relations. check.h refuses what the language does not have, with a message
 * that knows what was meant, and makes the surface tree of the rest. Nodes with one part are not
 * made: an expression without `||` is what stands there.
 */
#ifndef AEGIS_CEDAR_SYNTAX_CONCRETE_H
#define AEGIS_CEDAR_SYNTAX_CONCRETE_H

#include "cedar/syntax/lexer.h"

enum concrete_kind {
    CONCRETE_ERROR, /* reported; stands where an expression was expected */
    CONCRETE_BOOL,  /* text */
    CONCRETE_NUMBER,
    CONCRETE_STRING,        /* text: between the quotes, still escaped */
    CONCRETE_SLOT,          /* text */
    CONCRETE_IDENT,         /* text */
    CONCRETE_NAME,          /* IDENT {IDENT}, joined by `::` */
    CONCRETE_ENTITY,        /* NAME, STRING */
    CONCRETE_ENTITY_RECORD, /* NAME, then pairs of IDENT and literal: Type::{id: "x"} */
    CONCRETE_PARENTHESES,   /* expression */
    CONCRETE_LIST,          /* expressions */
    CONCRETE_RECORD,        /* FIELDs */
    CONCRETE_FIELD,         /* expression, expression */
    CONCRETE_IF,            /* condition, then, else */
    CONCRETE_OR,            /* two or more */
    CONCRETE_AND,
    CONCRETE_RELATION,  /* two or more; mark of all but the first */
    CONCRETE_HAS,       /* object, what it has */
    CONCRETE_LIKE,      /* text, pattern */
    CONCRETE_IS,        /* entity, type [, entity] */
    CONCRETE_ADD,       /* two or more; mark of all but the first: + - */
    CONCRETE_MULTIPLY,  /* likewise: * / % */
    CONCRETE_NOT,       /* operand; number of `!` */
    CONCRETE_NEGATE,    /* operand; number of `-` */
    CONCRETE_MEMBER,    /* object, then ATTRIBUTEs, CALLs and INDEXes */
    CONCRETE_ATTRIBUTE, /* IDENT */
    CONCRETE_CALL,      /* arguments */
    CONCRETE_INDEX,     /* expression */
};

struct concrete {
    enum concrete_kind kind;
    uint32_t count; /* parts */
    struct surface_range range;
    struct slice text;
    struct slice mark; /* the operator before this part */
    uint64_t number;
    struct concrete *first; /* part */
    struct concrete *last, *next;
};

struct concrete_annotation {
    struct surface_range range;
    const struct concrete *key;   /* IDENT */
    const struct concrete *value; /* STRING, or NULL */
    struct concrete_annotation *next;
};

/* An element of the scope: variable [: type] [is entity_type] [mark right] */
struct concrete_element {
    struct surface_range range;
    const struct concrete *variable; /* IDENT */
    const struct concrete *type;     /* NAME, or NULL */
    const struct concrete *entity_type;
    const struct concrete *right; /* NULL without a relation */
    struct slice mark;
    struct concrete_element *next;
};

struct concrete_condition {
    struct surface_range range;
    const struct concrete *keyword; /* IDENT */
    const struct concrete *body;    /* NULL: { } */
    struct concrete_condition *next;
};

struct concrete_policy {
    struct surface_range range;
    struct concrete_annotation *annotations;
    const struct concrete *effect; /* IDENT */
    struct concrete_element *elements;
    struct concrete_condition *conditions;
    size_t annotation_count, condition_count;
    struct concrete_policy *next;
};

#endif
