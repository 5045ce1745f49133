/* tape.h: strict JSON, read once into a flat array of nodes that point into the text.
 *
 * The reader accepts exactly RFC 8259 in UTF-8 and refuses what readers disagree about: duplicate
 * member names (compared after unescaping, at any depth), lone surrogate escapes, ill-formed UTF-8,
 * byte order marks. It never converts a number: the lexeme stays, so what goes on is what came in.
 * It uses no stack that depends on the input and every dimension has a limit.
 */
#ifndef AEGIS_JSON_TAPE_H
#define AEGIS_JSON_TAPE_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"

#define JSON_NONE UINT32_MAX
#define JSON_DEPTH_LIMIT 256 /* the most that json_limits.depth_max may ask for */
#define JSON_NODES_LIMIT ((1U << 28) - 1)

/* The index of a node on its tape; 0 is the whole text's value. */
typedef uint32_t json_ref;

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json_limits {
    uint32_t depth_max;        /* containers inside each other, 1..JSON_DEPTH_LIMIT */
    uint32_t nodes_max;        /* values and names in all, at most JSON_NODES_LIMIT */
    uint32_t members_max;      /* of one object */
    uint32_t number_bytes_max; /* of one number lexeme */
};

#define JSON_LIMITS_DEFAULT                                                                        \
    {                                                                                              \
        .depth_max = 64, .nodes_max = 65536, .members_max = 4096, .number_bytes_max = 4096         \
    }

/* The smallest value takes two bytes of the text with its comma, and one of these. */
struct json_node {
    uint32_t offset; /* of the first byte in the text */
    uint32_t len;    /* bytes; strings with their quotes, containers with their brackets */
    uint32_t next;   /* the node after this value with all inside it */
    uint32_t kind;   /* 3 bits enum json_type, 1 bit strings with escapes, 28 bits elements */
};

struct json_tape {
    struct slice text; /* borrowed */
    const struct json_node *nodes;
    uint32_t count;
    bool is_compact; /* no white space outside strings */
};

/* What all reads of a process share. seed keys the hash that finds duplicates, so that nobody can
 * prepare names that collide. Immutable after json_parser_init. */
struct json_parser {
    struct json_limits limits;
    uint64_t seed[2];
};

/* seed: 16 random bytes. */
void json_parser_init(struct json_parser *parser, const struct json_limits *limits,
                      const uint8_t *seed);

/* Read one whole text. Nodes live in the arena, the tape points into text.
 *
 * STATUS_INVALID with json.empty, json.syntax, json.utf8, json.surrogate or json.duplicate;
 * STATUS_LIMIT with json.depth, json.limit or json.memory. diag->offset is the byte. */
NODISCARD enum status json_parse(const struct json_parser *parser, struct slice text,
                                 struct arena *arena, struct json_tape *out, struct diag *diag);

enum json_type json_type(const struct json_tape *tape, json_ref ref);

/* The bytes of a value as they stand in the text: quotes, escapes and digits untouched. */
struct slice json_raw(const struct json_tape *tape, json_ref ref);

/* Elements or members of a container; 0 for anything else. */
uint32_t json_count(const struct json_tape *tape, json_ref ref);

/* The value of a member, or JSON_NONE when ref is no object or has no such member. */
json_ref json_member(const struct json_tape *tape, json_ref ref, struct slice name);

/* The same for a member that is an object itself, else JSON_NONE; so it is for ref JSON_NONE. */
json_ref json_member_object(const struct json_tape *tape, json_ref ref, struct slice name);

/* Several members in one walk: values[i] becomes that of names[i], or JSON_NONE, as all do where
 * ref is no object or JSON_NONE. names: all different, count of them, likely ones first. Returns
 * how many there are: as many as json_count says when the object has no other members. */
uint32_t json_members(const struct json_tape *tape, json_ref ref, const struct slice *names,
                      size_t count, json_ref *values);

struct json_iter {
    const struct json_tape *tape;
    json_ref at;
    uint32_t left;
    bool is_object;
};

/* Walk a container in order; a value that is none has no elements. */
void json_iter_init(struct json_iter *iter, const struct json_tape *tape, json_ref ref);

/* *key is JSON_NONE in arrays. */
bool json_iter_next(struct json_iter *iter, json_ref *key, json_ref *value);

/* The text a string stands for: a view when it has no escapes, else unescaped into the arena.
 * STATUS_INVALID when ref is no string, STATUS_LIMIT when the arena is full. */
NODISCARD enum status json_string(const struct json_tape *tape, json_ref ref, struct arena *arena,
                                  struct slice *out);

/* Is ref a string that stands for text? Allocates nothing. */
bool json_string_eq(const struct json_tape *tape, json_ref ref, struct slice text);

/* Which of the names does a string stand for? count: none, or ref is no string. */
size_t json_string_index(const struct json_tape *tape, json_ref ref, const struct slice *names,
                         size_t count);

/* Do two strings, on any tapes, stand for the same text? Allocates nothing. */
bool json_string_same(const struct json_tape *a, json_ref a_ref, const struct json_tape *b,
                      json_ref b_ref);

/* An integer written plainly, -?(0|[1-9][0-9]*). STATUS_INVALID for any other value or form (1.0
 * and 1e3 too), STATUS_LIMIT when it does not fit. */
NODISCARD enum status json_integer(const struct json_tape *tape, json_ref ref, int64_t *out);

#endif
