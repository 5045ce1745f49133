/* generator.h: cases for two Cedar engines, made from a number.
 *
 * A typed case has policies, entities and requests that mostly fit its schema; in a wild one any
 * expression and any value may stand anywhere. The same number makes the same case.
 */
#ifndef AEGIS_TESTS_DIFFERENTIAL_GENERATOR_H
#define AEGIS_TESTS_DIFFERENTIAL_GENERATOR_H

#include "differential/case.h"

#include "base/buf.h"
#include "cedar/cedar.h"

#define CASES_OF_SCHEMA 16 /* neighbours that share a schema: reading one is what costs most */
#define MODEL_TYPES_MAX 4
#define MODEL_ACTIONS_MAX 3
#define MODEL_FIELDS_MAX 4

struct record_shape;

/* The type of a value, as a schema writes it. */
struct shape {
    enum cedar_kind kind;
    size_t entity; /* index of the entity type */
    const struct shape *element;
    const struct record_shape *record;
};

struct field_shape {
    const char *name;
    struct shape shape;
    bool is_optional;
};

struct record_shape {
    struct field_shape fields[MODEL_FIELDS_MAX];
    size_t count;
};

struct entity_type {
    const char *name; /* in full */
    bool is_enum;
    unsigned parents; /* bits: indexes of types */
    struct record_shape attributes;
    bool has_tags;
    struct shape tag;
};

struct action_type {
    const char *id;
    unsigned parents; /* bits: indexes of actions before it */
    bool applies;
    unsigned principals, resources; /* bits: indexes of types */
    struct record_shape context;
};

/* What a schema declares. All actions are in one namespace, whose name may be empty. */
struct model {
    struct entity_type types[MODEL_TYPES_MAX];
    size_t type_count;
    struct action_type actions[MODEL_ACTIONS_MAX];
    size_t action_count;
    const char *action_type; /* in full */
};

struct generator {
    uint64_t state;
    struct arena *arena;
    bool is_typed;
    struct model model;
};

/* The case of a number. Memory is the arena's; NULL when it is full. */
struct differential_case *generate_case(uint64_t number, struct arena *arena);

/* -- for the parts of the generator -------------------------------------------------------- */

unsigned pick(struct generator *g, unsigned count); /* 0..count-1 */
bool chance(struct generator *g, unsigned percent);

#define PICK_ONE(g, array) ((array)[pick((g), (unsigned)COUNT_OF(array))])

void put(struct buf *out, const char *text);

/* A copy of the text, which is released. */
struct slice generated_text(struct generator *g, struct buf *text);

/* One of the indexes of the bits, or 0 when there are none. */
size_t pick_bit(struct generator *g, unsigned bits);

/* A string with quotes and escapes, as Cedar writes it. */
void put_cedar_string(struct buf *out, const char *text);

bool is_identifier(const char *text);

/* An id of few, so that they meet. */
const char *pick_id(struct generator *g, const struct entity_type *type);

/* Text for the constructor of an extension type, sometimes malformed. */
const char *pick_extension_text(struct generator *g, enum cedar_kind kind);
const char *extension_name(enum cedar_kind kind);
int64_t pick_long(struct generator *g);
const char *pick_text(struct generator *g);

struct slice generate_schema(struct generator *g); /* fills the model */
struct slice generate_policy(struct generator *g);
struct slice generate_entity(struct generator *g, size_t number);
struct slice generate_request(struct generator *g);
/* Values of a template's slots; empty when the policy has none. */
struct slice generate_link(struct generator *g, struct slice policy);

#endif
