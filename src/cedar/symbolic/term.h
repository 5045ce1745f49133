/* term.h: formulas about requests and entities; private to src/cedar.
 *
 * A term is a node of a graph without cycles. Terms with the same content are the same pointer, so
 * equality costs nothing and a shared part is there once. Constructors compute what they can: an
 * operator over literals is a literal, so a formula about a request that is known in full is a
 * literal, too.
 *
 * Every term has a number that is larger than those of its operands. Whoever walks through terms
 * goes through numbers, in a loop: graphs have no bound on their depth, stacks do.
 *
 * A constructor gives NULL when there is no room for another term, and when an operand is NULL, so
 * calls can be nested and the last result be looked at. Types must fit; that is asserted.
 * Reference: Cedar, symbolic analysis (section 16.2). An expression that may fail is two terms, its
 * value and whether it fails (symbolic.h), so options are needed for parts of values alone.
 */
#ifndef AEGIS_CEDAR_SYMBOLIC_TERM_H
#define AEGIS_CEDAR_SYMBOLIC_TERM_H

#include "cedar/syntax/tree.h"

#define TERMS_MAX ((size_t)1 << 22) /* in one store */

/* -- types --------------------------------------------------------------------------------- */

enum term_type_kind {
    TERM_TYPE_BOOL = 0,
    TERM_TYPE_LONG, /* these four are signed numbers of 64 bits */
    TERM_TYPE_DECIMAL,
    TERM_TYPE_DATETIME,
    TERM_TYPE_DURATION,
    TERM_TYPE_BITS, /* parts of addresses */
    TERM_TYPE_STRING,
    TERM_TYPE_IP,     /* address and prefix: of IPv4 32 bits and an option of 5, of IPv6 128 and 7;
                       * a full-length prefix is none */
    TERM_TYPE_ENTITY, /* of one type */
    TERM_TYPE_OPTION, /* element */
    TERM_TYPE_SET,    /* element */
    TERM_TYPE_RECORD, /* fields */
};

struct term;
struct term_type;

struct term_field {
    struct slice name;
    const struct term_type *type; /* of an optional attribute an option */
};

/* Types are shared like terms, and numbered like them. Names are borrowed. */
struct term_type {
    enum term_type_kind kind;
    uint32_t number;
    uint32_t bits;           /* of numbers: their width, 1..128; otherwise 0 */
    uint32_t entity;         /* ENTITY: number in the schema */
    struct slice name;       /* ENTITY: "A::User" */
    const struct slice *ids; /* ENTITY: all there are; NULL: any id */
    size_t id_count;
    const struct term_type *element;
    const struct term_field *fields; /* RECORD: by rising name */
    size_t field_count;
};

/* -- functions ----------------------------------------------------------------------------- */

enum term_function_kind {
    TERM_ATTRIBUTES = 0, /* of an entity: a record */
    TERM_ANCESTORS,      /* those of one type: a set */
    TERM_TAG_NAMES,      /* of an entity: a set of strings */
    TERM_TAG_VALUES,     /* of an entity and a tag */
};

/* What a function that is known gives for literals. */
struct term_entry {
    const struct term *entity;
    const struct term *tag; /* TAG_VALUES; otherwise NULL */
    const struct term *result;
};

/* What the store of entities says about those of one type. No two of an environment have the same
 * kind, entity and result, but several functions may give ancestors. Made by the environment; never
 * copied, since terms point to it. */
struct term_function {
    enum term_function_kind kind;
    const struct term_type *entity, *result;
    /* otherwise is NULL: anything at all. Else the function is known and in no term: the result is
     * that of the entry for the arguments, or otherwise. */
    const struct term_entry *entries;
    size_t entry_count;
    const struct term *otherwise;
};

/* -- terms --------------------------------------------------------------------------------- */

enum term_kind {
    TERM_TRUTH = 0, /* truth */
    TERM_NUMBER,    /* bits */
    TERM_TEXT,      /* text */
    TERM_ENTITY,    /* text: the id */
    TERM_ADDRESS,   /* ip */
    TERM_NONE,
    TERM_SOME,     /* items: the value */
    TERM_SET,      /* items: elements by rising number, each once */
    TERM_RECORD,   /* items: one per field of the type */
    TERM_VARIABLE, /* text: its name; could be any value of its type */
    TERM_APPLY,    /* function, which is not known; items: entity, tag of TERM_TAG_VALUES */

    TERM_NOT,   /* items: operand */
    TERM_AND,   /* items: left, right */
    TERM_OR,    /* likewise */
    TERM_EQUAL, /* items of one type */
    TERM_IF,    /* items: condition, then, else */

    TERM_ADD, /* numbers of one type, around the end; items: left, right */
    TERM_SUBTRACT,
    TERM_MULTIPLY,
    TERM_DIVIDE,        /* signed, towards zero; the right one is not 0 */
    TERM_REMAINDER,     /* signed, with the sign of the left one; likewise */
    TERM_SHIFT_LEFT,    /* by right */
    TERM_SHIFT_RIGHT,   /* by right, zeros from the left */
    TERM_ADD_OVERFLOWS, /* signed; gives a truth, as the following do */
    TERM_SUBTRACT_OVERFLOWS,
    TERM_MULTIPLY_OVERFLOWS,
    TERM_LESS, /* signed */
    TERM_LESS_EQUAL,
    TERM_NOT_ABOVE, /* unsigned <= */

    TERM_NEGATE,  /* items: operand; around the end */
    TERM_CONVERT, /* items: operand; the same bits as a number of another type of 64 */
    TERM_EXTEND,  /* items: operand; zeros in front */

    TERM_MEMBER, /* items: element, set */
    TERM_SUBSET, /* items: left, right */
    TERM_MEETS,  /* items: two sets; have they an element in common? */

    TERM_IS_SOME, /* items: option */
    TERM_VALUE,   /* items: option; of none it is any value */
    TERM_FIELD,   /* items: record; field */
    TERM_LIKE,    /* items: text; parts, part_count */

    TERM_IS_V4,     /* items: address */
    TERM_V4_BITS,   /* items: address; 32 bits; of an IPv6 address any value, and so on */
    TERM_V4_PREFIX, /* option of 5 bits */
    TERM_V6_BITS,   /* 128 bits */
    TERM_V6_PREFIX, /* option of 7 bits */
};

/* An unsigned number of up to 128 bits. */
struct term_bits {
    uint64_t high, low;
};

struct term {
    enum term_kind kind;
    uint32_t number; /* above those of its operands, from 0 */
    bool is_literal; /* a value that is known in full: two different ones of a type are unequal */
    uint32_t field;  /* of FIELD: index in the fields of the record's type */
    uint64_t hash;
    const struct term_type *type;
    const struct term *const *items;
    size_t item_count;
    union {
        bool truth;
        struct term_bits bits; /* of width type->bits */
        struct slice text;
        struct cedar_ip ip; /* bytes beyond the address are 0 */
        const struct term_function *function;
        struct {
            const struct pattern_part *items;
            size_t count;
        } parts;
    } as;
};

/* All terms of one analysis. */
struct terms {
    struct arena *arena; /* borrowed; holds all terms and types */
    size_t limit;
    const struct term **items; /* by number */
    size_t count, capacity;
    const struct term **slots;      /* by hash; twice the capacity, or none */
    const struct term_type **types; /* by number; parts come before the whole */
    const struct term **defaults;   /* by number of their type; NULL: not made yet */
    size_t type_count, type_capacity;
};

/* limit  terms that there may be, up to TERMS_MAX */
void terms_init(struct terms *terms, size_t limit, struct arena *arena);

/* -- types: NULL without memory, or when a part is NULL --------------------------------------- */

/* A kind without parts: any but BITS, ENTITY, OPTION, SET and RECORD. */
const struct term_type *term_type_plain(struct terms *terms, enum term_type_kind kind);
const struct term_type *term_type_bits(struct terms *terms, uint32_t bits);
/* ids  each once; borrowed */
const struct term_type *term_type_entity(struct terms *terms, uint32_t entity, struct slice name,
                                         const struct slice *ids, size_t id_count);
const struct term_type *term_type_option(struct terms *terms, const struct term_type *element);
const struct term_type *term_type_set(struct terms *terms, const struct term_type *element);
/* fields  by rising name; copied, names borrowed */
const struct term_type *term_type_record(struct terms *terms, const struct term_field *fields,
                                         size_t count);

/* The index of a field of a record; false when there is none of that name. */
bool term_type_field(const struct term_type *record, struct slice name, size_t *index);

/* -- values; texts are borrowed --------------------------------------------------------------- */

const struct term *term_truth(struct terms *terms, bool truth);
/* A signed number; of 64 bits, or of fewer, which it then fits. */
const struct term *term_number(struct terms *terms, const struct term_type *type, int64_t number);
/* Bits beyond the width are dropped. */
const struct term *term_bits(struct terms *terms, const struct term_type *type,
                             struct term_bits bits);
const struct term *term_text(struct terms *terms, struct slice text);
const struct term *term_entity(struct terms *terms, const struct term_type *type, struct slice id);
const struct term *term_address(struct terms *terms, const struct cedar_ip *ip);
/* option  the type of the result */
const struct term *term_none(struct terms *terms, const struct term_type *option);
const struct term *term_some(struct terms *terms, const struct term *value);
/* items  copied; in any order, may repeat */
const struct term *term_set(struct terms *terms, const struct term_type *type,
                            const struct term *const *items, size_t count);
/* items  one per field, copied */
const struct term *term_record(struct terms *terms, const struct term_type *type,
                               const struct term *const *items);

/* What stands for a value that nobody cares about: false, 0, "", an empty set, none, the first id
 * or "", 0.0.0.0, a record of such. */
const struct term *term_default(struct terms *terms, const struct term_type *type);

/* The value of a number of up to 64 bits, signed. */
int64_t term_number_of(const struct term *literal);

/* The only one of its name in the store. */
const struct term *term_variable(struct terms *terms, const struct term_type *type,
                                 struct slice name);

/* tag  of TERM_TAG_VALUES; otherwise NULL. A known function gives a chain of `if` over its entries
 * when an argument is no literal. */
const struct term *term_apply(struct terms *terms, const struct term_function *function,
                              const struct term *entity, const struct term *tag);

/* -- operators -------------------------------------------------------------------------------- */

const struct term *term_not(struct terms *terms, const struct term *a);
const struct term *term_and(struct terms *terms, const struct term *a, const struct term *b);
const struct term *term_or(struct terms *terms, const struct term *a, const struct term *b);
const struct term *term_implies(struct terms *terms, const struct term *a, const struct term *b);
const struct term *term_equal(struct terms *terms, const struct term *a, const struct term *b);
const struct term *term_if(struct terms *terms, const struct term *condition,
                           const struct term *then, const struct term *otherwise);

/* kind is one of TERM_ADD to TERM_NOT_ABOVE. */
const struct term *term_calculate(struct terms *terms, enum term_kind kind, const struct term *a,
                                  const struct term *b);
const struct term *term_negate(struct terms *terms, const struct term *a);
/* type  another of 64 bits, or the same */
const struct term *term_convert(struct terms *terms, const struct term_type *type,
                                const struct term *a);
/* type  of at least as many bits */
const struct term *term_extend(struct terms *terms, const struct term_type *type,
                               const struct term *a);

const struct term *term_member(struct terms *terms, const struct term *element,
                               const struct term *set);
const struct term *term_subset(struct terms *terms, const struct term *a, const struct term *b);
const struct term *term_meets(struct terms *terms, const struct term *a, const struct term *b);

const struct term *term_is_some(struct terms *terms, const struct term *option);
const struct term *term_value(struct terms *terms, const struct term *option);
const struct term *term_get(struct terms *terms, const struct term *record, size_t field);
/* parts  borrowed */
const struct term *term_like(struct terms *terms, const struct term *text,
                             const struct pattern_part *parts, size_t count);

/* kind is one of TERM_IS_V4 to TERM_V6_PREFIX. */
const struct term *term_address_part(struct terms *terms, enum term_kind kind,
                                     const struct term *address);

#endif
