/* config_read.h: from the positioned tree to structs, by declarative tables.
 *
 * A table names each key of a mapping, its type, bounds, default and documentation; the reader, the
 * JSON Schema and the suggestions all work from it, so they cannot disagree. What a table cannot
 * say is a check function of the object. Reading never stops at a problem: it reports and goes on.
 */
#ifndef AEGIS_DAEMON_CONFIG_CONFIG_READ_H
#define AEGIS_DAEMON_CONFIG_CONFIG_READ_H

#include "daemon/config/config.h"
#include "daemon/config/config_tree.h"

#define CONFIG_TEXT_BYTES_MAX 4096

struct config_reader {
    struct arena *arena;
    struct config_report *report;
    struct slice file, folder;
    bool skips_files;
    bool is_part;          /* a missing file makes one server or issuer unavailable, not all */
    bool is_out_of_memory; /* latched; the load ends with STATUS_LIMIT */
};

enum config_kind {
    CONFIG_KIND_TEXT,          /* struct slice */
    CONFIG_KIND_PATH,          /* struct slice, joined to the folder */
    CONFIG_KIND_BOOL,          /* bool */
    CONFIG_KIND_NUMBER,        /* int64_t */
    CONFIG_KIND_CHOICE,        /* int, one of choices */
    CONFIG_KIND_NAMED,         /* struct slice, one of choices */
    CONFIG_KIND_MASK,          /* uint32_t, a list of choices or one */
    CONFIG_KIND_TEXTS,         /* struct config_texts, a list or one text */
    CONFIG_KIND_PATHS,         /* likewise, each joined to the folder */
    CONFIG_KIND_URL,           /* struct config_url */
    CONFIG_KIND_ADDRESS,       /* struct config_address */
    CONFIG_KIND_OBJECT,        /* embedded struct */
    CONFIG_KIND_OBJECTS,       /* pointer, then size_t count: a list of mappings */
    CONFIG_KIND_NAMED_OBJECTS, /* likewise: a mapping; each key goes to the slice at offset 0 */
    CONFIG_KIND_VARIABLES,     /* struct config_variable pointer, then size_t count */
    CONFIG_KIND_CUSTOM,        /* field->read */
    CONFIG_KIND_UNSUPPORTED,   /* known from the documentation, but not in this version */
};

struct config_choice {
    struct slice name;
    int value;
};

struct config_object;

typedef void (*config_read_fn)(struct config_reader *reader, const struct config_node *node,
                               void *out);

struct config_field {
    struct slice name;
    enum config_kind kind;
    bool is_required;
    size_t offset;
    int64_t value_default, value_min, value_max; /* BOOL, NUMBER; OBJECTS: count_max in max */
    const struct config_choice *choices;         /* ends with an empty name */
    const struct config_object *object;
    config_read_fn read;
    const char *schema; /* CUSTOM: its JSON Schema */
    const char *doc;
};

struct config_object {
    const struct config_field *fields;
    size_t field_count;
    size_t size;
    size_t place_offset;  /* of a struct config_place; SIZE_MAX: none */
    config_read_fn check; /* after all fields were read; may be NULL */
};

/* Report a problem at a node's value. hint may be NULL. */
void config_read_problem(struct config_reader *reader, const struct config_node *node,
                         const char *code, const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Fill the cleared struct out from a mapping: defaults first, then each key, then the check. */
void config_read_object(struct config_reader *reader, const struct config_node *node,
                        const struct config_object *object, void *out);

/* One value of any kind into the field's place, given the struct's start. */
void config_read_field(struct config_reader *reader, const struct config_node *node,
                       const struct config_field *field, void *object);

/* Is the node text that may stand in the result: not empty, no control characters, not too long?
 * Reports otherwise. */
bool config_read_text(struct config_reader *reader, const struct config_node *node,
                      const char *what, struct slice *out);

/* A path joined to the folder of the file. */
struct slice config_read_path(struct config_reader *reader, struct slice path);

/* count elements of size, cleared; NULL (and latched) without memory. */
void *config_read_alloc(struct config_reader *reader, size_t count, size_t size);

/* Report an unknown key of a mapping; names may suggest the right one. */
void config_read_unknown_key(struct config_reader *reader, const struct config_node *member,
                             struct slice nearest);

#endif
