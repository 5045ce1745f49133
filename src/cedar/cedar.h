/* cedar.h: the Cedar policy language: parse once, decide in memory.
 *
 * A policy set is immutable after cedar_policy_set_parse and may be used by any number of threads
 * without locks. Deciding allocates from the caller's arena only, touches no network and no disk.
 * Values are read through a small table of functions, so that a request never has to be converted.
 * Language reference: Cedar 4.5, without schemas and links.
 */
#ifndef AEGIS_CEDAR_CEDAR_H
#define AEGIS_CEDAR_CEDAR_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"

#define CEDAR_DEPTH_MAX 250       /* nested expressions, links of a chain, nested values */
#define CEDAR_DIAGNOSTICS_MAX 100 /* reported for one set */
#define CEDAR_POLICIES_MAX 100000
#define CEDAR_SOURCE_BYTES_MAX ((size_t)16 << 20)

/* -- values -------------------------------------------------------------------------------- */

enum cedar_kind {
    CEDAR_ERROR =
        0,         /* present, but not representable: any use fails; zero, so cleared memory errs */
    CEDAR_UNKNOWN, /* three-valued evaluation: could be anything */
    CEDAR_BOOL,
    CEDAR_LONG,
    CEDAR_STRING,
    CEDAR_ENTITY,
    CEDAR_SET,
    CEDAR_RECORD,
    CEDAR_DECIMAL,  /* ten-thousandths */
    CEDAR_DATETIME, /* milliseconds since 1970-01-01T00:00:00Z */
    CEDAR_DURATION, /* milliseconds */
    CEDAR_IP,
};

struct cedar_uid {
    struct slice type; /* "Aegis::User" */
    struct slice id;
};

struct cedar_ip {
    uint8_t bytes[16]; /* IPv4 in the first four */
    uint8_t prefix;    /* bits */
    bool is_v6;
};

struct cedar_value;

/* How to read a set or a record that lives elsewhere. */
struct cedar_object_vtable {
    size_t (*count)(const void *object, uint64_t tag);
    /* Element i, in any stable order. name is set for records. Text lives as long as the object or
     * the arena. */
    void (*at)(const void *object, uint64_t tag, size_t i, struct arena *arena, struct slice *name,
               struct cedar_value *value);
    /* Records: false when there is no such attribute. */
    bool (*get)(const void *object, uint64_t tag, struct slice name, struct arena *arena,
                struct cedar_value *value);
};

struct cedar_value {
    enum cedar_kind kind;
    union {
        bool boolean;
        int64_t number; /* long, decimal, datetime, duration */
        struct slice text;
        struct cedar_uid uid;
        struct cedar_ip ip;
        struct {
            const struct cedar_object_vtable *vtable;
            const void *object;
            uint64_t tag;
        } object; /* set, record */
    } as;
};

struct cedar_field {
    struct slice name;
    struct cedar_value value;
};

/* Values from arrays, which are borrowed. Elements of a set may repeat. */
struct cedar_list {
    const struct cedar_field *items; /* names are unused in sets */
    size_t count;
};

struct cedar_value cedar_bool(bool boolean);
struct cedar_value cedar_long(int64_t number);
struct cedar_value cedar_string(struct slice text);
struct cedar_value cedar_entity(struct slice type, struct slice id);
struct cedar_value cedar_set(const struct cedar_list *list);
struct cedar_value cedar_record(const struct cedar_list *list);

/* Values of extension types from their text; STATUS_INVALID when it is malformed. */
NODISCARD enum status cedar_decimal_parse(struct slice text, int64_t *out);
NODISCARD enum status cedar_ip_parse(struct slice text, struct cedar_ip *out);
NODISCARD enum status cedar_datetime_parse(struct slice text, int64_t *out);
NODISCARD enum status cedar_duration_parse(struct slice text, int64_t *out);

/* -- policies ------------------------------------------------------------------------------ */

struct cedar_policy_set;

enum cedar_effect {
    CEDAR_FORBID = 0,
    CEDAR_PERMIT,
};

struct cedar_source {
    struct slice name; /* for diagnostics: a file name */
    struct slice text;
};

struct cedar_diagnostic {
    struct slice source;
    uint32_t line, column; /* 1-based; columns count bytes */
    size_t from, to;       /* bytes in the source */
    char message[200];     /* what is wrong and what was expected */
};

struct cedar_diagnostics {
    struct cedar_diagnostic items[CEDAR_DIAGNOSTICS_MAX];
    size_t count;
    bool is_cut; /* there were more */
};

/* Parse all sources into one set; all errors of all sources are reported.
 *
 * use_id_annotation  a policy's id is its @id when it has one, and ids must be unique; otherwise
 *                    ids are "policy0", "policy1", ... over all sources
 * STATUS_INVALID with diagnostics, or STATUS_LIMIT. *out is to be freed with cedar_policy_set_free.
 */
NODISCARD enum status cedar_policy_set_parse(const struct cedar_source *sources, size_t count,
                                             bool use_id_annotation, struct cedar_policy_set **out,
                                             struct cedar_diagnostics *diagnostics);

/* NULL is fine. */
void cedar_policy_set_free(struct cedar_policy_set *set);

size_t cedar_policy_count(const struct cedar_policy_set *set);

struct cedar_policy_info {
    struct slice id;
    enum cedar_effect effect;
    struct slice source; /* name of the source */
    uint32_t line;
    bool is_template;                /* has slots: takes no part in decisions */
    bool action_is_exact;            /* action == X */
    const struct cedar_uid *actions; /* of `==` and `in`; NULL: any action */
    size_t action_count;
};

struct cedar_policy_info cedar_policy_get(const struct cedar_policy_set *set, size_t index);

/* False when the policy has no such annotation. */
bool cedar_policy_annotation(const struct cedar_policy_set *set, size_t index, struct slice key,
                             struct slice *value);

/* -- decisions ----------------------------------------------------------------------------- */

struct cedar_entity_data {
    struct cedar_value attributes;     /* record; kind CEDAR_ERROR when there are none */
    struct cedar_value tags;           /* record, likewise */
    const struct cedar_uid *ancestors; /* all of them, not only the parents */
    size_t ancestor_count;
};

struct cedar_entities {
    const void *context;
    /* False when the entity does not exist. */
    bool (*find)(const void *context, const struct cedar_uid *uid, struct cedar_entity_data *out);
};

struct cedar_request {
    struct cedar_uid principal, action, resource;
    struct cedar_value context; /* record, or CEDAR_UNKNOWN for cedar_may_allow */
    const struct cedar_entities *entities;
};

enum cedar_decision {
    CEDAR_DENY = 0,
    CEDAR_ALLOW,
};

struct cedar_policy_error {
    size_t policy;
    const char *code; /* static: "type", "overflow", "attribute", "entity", "extension", ... */
};

struct cedar_response {
    enum cedar_decision decision;
    const size_t *reasons; /* indexes of the deciding policies, ascending */
    size_t reason_count;
    const struct cedar_policy_error *errors; /* ascending by policy */
    size_t error_count;
};

/* Decide: forbid wins, nothing permits by default, erroring policies are skipped.
 *
 * erroring_forbid_denies  the stricter rule of the gateway: a forbid that fails to evaluate denies
 *                         and is a reason
 * STATUS_LIMIT when the arena is full; *out then denies. */
NODISCARD enum status cedar_authorize(const struct cedar_policy_set *set,
                                      const struct cedar_request *request,
                                      bool erroring_forbid_denies, struct arena *arena,
                                      struct cedar_response *out);

/* Could the request be allowed for some value of what is unknown? False when a forbid applies
 * whatever the unknowns are, when no permit can apply, or on any failure. */
bool cedar_may_allow(const struct cedar_policy_set *set, const struct cedar_request *request,
                     bool erroring_forbid_denies, struct arena *arena);

#endif
