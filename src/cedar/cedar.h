/* cedar.h: the Cedar policy language: parse once, decide in memory.
 *
 * A policy set is immutable once it is made and may be used by any number of threads without locks.
 * Deciding allocates from the caller's arena only, touches no network and no disk.
 * Values are read through a small table of functions, so that a request never has to be converted.
 * Language reference: Cedar 4.5.
 */
#ifndef AEGIS_CEDAR_CEDAR_H
#define AEGIS_CEDAR_CEDAR_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/slice.h"

#define CEDAR_DEPTH_MAX 250       /* nested expressions, links of a chain, nested values */
#define CEDAR_EXPANDED_MAX 131072 /* nodes of an expression once `has a.b` is written out */
#define CEDAR_DIAGNOSTICS_MAX 100 /* reported for one set */
#define CEDAR_POLICIES_MAX 100000
#define CEDAR_SOURCE_BYTES_MAX ((size_t)16 << 20)
#define CEDAR_STEPS_MAX 200000 /* work of one policy in one decision; more is an error of it */

/* -- values -------------------------------------------------------------------------------- */

enum cedar_kind {
    CEDAR_ERROR =
        0,         /* present, but not representable: any use fails; zero, so cleared memory errs */
    CEDAR_UNKNOWN, /* three-valued evaluation: could be anything; text: its name, if it has one */
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

/* How to read a set or a record that lives elsewhere. Text handed out lives as long as the object
 * or the arena. A part that cannot be read, also for want of memory, is of kind CEDAR_ERROR. */
struct cedar_object_vtable {
    size_t (*count)(const void *object, uint64_t tag);
    /* The next element in any stable order; false at the end. *cursor is 0 at first and then what
     * the last call left there. name is set for records. */
    bool (*next)(const void *object, uint64_t tag, uint64_t *cursor, struct arena *arena,
                 struct slice *name, struct cedar_value *value);
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

/* The value of a constructor's call: function is "decimal", "ip", "datetime" or "duration".
 * STATUS_INVALID when there is no such function or the text is malformed. */
NODISCARD enum status cedar_extension_parse(struct slice function, struct slice text,
                                            struct cedar_value *out);

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

enum cedar_severity {
    CEDAR_SEVERITY_ERROR = 0,
    CEDAR_SEVERITY_WARNING,
};

/* A further place that belongs to a diagnostic. */
struct cedar_label {
    size_t from, to; /* bytes in the source */
    char text[64];   /* may be empty */
};

#define CEDAR_LABELS_MAX 4

struct cedar_diagnostic {
    enum cedar_severity severity;
    struct slice source;
    uint32_t line, column; /* 1-based; columns count bytes */
    size_t from, to;       /* bytes in the source; equal: a point between two bytes */
    char message[200];     /* what is wrong */
    char expected[120];    /* what could stand there; may be empty */
    char help[200];        /* how to go on; may be empty */
    struct cedar_label labels[CEDAR_LABELS_MAX];
    size_t label_count;
};

struct cedar_diagnostics {
    struct cedar_diagnostic items[CEDAR_DIAGNOSTICS_MAX];
    size_t count;
    bool is_cut; /* there were more */
};

/* Append the diagnostic as a compiler would print it: place, message, the source line with the
 * range underlined, labels and help. Ends with a line feed; control characters of the source are
 * shown as '?'. Look at buf_status afterwards.
 *
 * source     the text of the diagnostic's source; empty: only place, message and help
 * is_colored with ANSI colours, for terminals only */
void cedar_diagnostic_render(const struct cedar_diagnostic *diagnostic, struct slice source,
                             bool is_colored, struct buf *out);

/* Parse all sources into one set; all errors of all sources are reported. The set keeps a copy of
 * the sources.
 *
 * use_id_annotation  a policy's id is its @id when it has one, and ids must be unique; otherwise
 *                    ids are "policy0", "policy1", ... over all sources
 * STATUS_INVALID with diagnostics, or STATUS_LIMIT. *out is to be freed with cedar_policy_set_free.
 */
NODISCARD enum status cedar_policy_set_parse(const struct cedar_source *sources, size_t count,
                                             bool use_id_annotation, struct cedar_policy_set **out,
                                             struct cedar_diagnostics *diagnostics);

enum cedar_json_form {
    CEDAR_JSON_SET,    /* {"staticPolicies": ..., "templates": ..., "templateLinks": ...} */
    CEDAR_JSON_POLICY, /* one policy or template; its id is "policy0" */
};

/* Read policies in the JSON form of the official engine. The set keeps a copy of the source; lines
 * and ranges are those of the JSON text. Unknown, missing and duplicate members are refused.
 *
 * STATUS_INVALID with diagnostics, or STATUS_LIMIT. *out is to be freed with cedar_policy_set_free.
 * Reference: Cedar, JSON policy format. */
NODISCARD enum status cedar_policy_set_parse_json(const struct cedar_source *source,
                                                  enum cedar_json_form form,
                                                  struct cedar_policy_set **out,
                                                  struct cedar_diagnostics *diagnostics);

/* NULL is fine. */
void cedar_policy_set_free(struct cedar_policy_set *set);

size_t cedar_policy_count(const struct cedar_policy_set *set);

struct cedar_policy_info {
    struct slice id;
    enum cedar_effect effect;
    struct slice source; /* name of the source */
    uint32_t line;
    size_t from, to;                 /* bytes in the source; of a link: its template's */
    bool is_template;                /* has slots: takes no part in decisions */
    bool is_link;                    /* made of a template by cedar_policy_set_link */
    struct slice template_id;        /* of a link; else empty */
    bool action_is_exact;            /* action == X */
    const struct cedar_uid *actions; /* of `==` and `in`; NULL: any action */
    size_t action_count;
};

struct cedar_policy_info cedar_policy_get(const struct cedar_policy_set *set, size_t index);

/* False when there is no policy, template or link of that id. */
bool cedar_policy_find(const struct cedar_policy_set *set, struct slice id, size_t *index);

/* Is an entity of this type written in any policy, in a scope or in a condition? */
bool cedar_policy_set_mentions(const struct cedar_policy_set *set, struct slice type);

/* False when the policy has no such annotation. */
bool cedar_policy_annotation(const struct cedar_policy_set *set, size_t index, struct slice key,
                             struct slice *value);

/* Append a policy in Cedar syntax: annotations on lines of their own, the rest on one line, no line
 * feed at its end. Comments and layout of the source are not in it. A link is written with its
 * values. STATUS_LIMIT when out is full. */
NODISCARD enum status cedar_policy_to_text(const struct cedar_policy_set *set, size_t index,
                                           struct buf *out);

/* Append all policies and templates, an empty line between them. STATUS_INVALID when the set has
 * links: text cannot express them. */
NODISCARD enum status cedar_policy_set_to_text(const struct cedar_policy_set *set, struct buf *out);

/* Append a policy in the JSON form of the official engine, on one line. A link is written with its
 * values. STATUS_LIMIT when out is full. */
NODISCARD enum status cedar_policy_to_json(const struct cedar_policy_set *set, size_t index,
                                           struct buf *out);

/* Append the whole set: {"staticPolicies": ..., "templates": ..., "templateLinks": ...}. */
NODISCARD enum status cedar_policy_set_to_json(const struct cedar_policy_set *set, struct buf *out);

struct cedar_format_options {
    uint32_t line_width; /* columns, up to CEDAR_FORMAT_WIDTH_MAX */
    uint32_t indent;     /* columns, up to CEDAR_FORMAT_INDENT_MAX */
};

#define CEDAR_FORMAT_WIDTH_MAX 1000
#define CEDAR_FORMAT_INDENT_MAX 16

/* Append the policies of a source in the layout of the official formatter. Comments stay with what
 * they are about, strings as they were written; an empty line stands between policies. What would
 * mean something else or miss a comment is not given out.
 *
 * options  NULL: 80 columns, indented by 2
 * STATUS_INVALID with diagnostics: the source does not parse; STATUS_INTERNAL with a diagnostic
 * about what would have changed; STATUS_LIMIT, then nothing is appended either. */
NODISCARD enum status cedar_format(const struct cedar_source *source,
                                   const struct cedar_format_options *options, struct buf *out,
                                   struct cedar_diagnostics *diagnostics);

/* A policy made of a template: its slots get values, everything else is the template's. */
struct cedar_link {
    struct slice template_id;
    struct slice id;                   /* of the new policy */
    const struct cedar_uid *principal; /* value of ?principal; NULL: none */
    const struct cedar_uid *resource;
};

/* A new set with all policies of set and count links; set stays as it is, either may be freed
 * first.
 *
 * diag  may be NULL
 * STATUS_NOT_FOUND with cedar.no_template; STATUS_CONFLICT with cedar.id_taken; STATUS_INVALID with
 * cedar.slot_missing or cedar.slot_unknown; STATUS_LIMIT. Reference: Cedar, templates. */
NODISCARD enum status cedar_policy_set_link(const struct cedar_policy_set *set,
                                            const struct cedar_link *links, size_t count,
                                            struct cedar_policy_set **out, struct diag *diag);

/* A new set without the policies, templates and links of these ids.
 *
 * STATUS_NOT_FOUND with cedar.no_policy; STATUS_CONFLICT with cedar.template_linked when a link of
 * a removed template would stay; STATUS_LIMIT. */
NODISCARD enum status cedar_policy_set_remove(const struct cedar_policy_set *set,
                                              const struct slice *ids, size_t count,
                                              struct cedar_policy_set **out, struct diag *diag);

/* -- schemas ------------------------------------------------------------------------------- */

enum cedar_form {
    CEDAR_FORM_TEXT, /* the Cedar syntax */
    CEDAR_FORM_JSON,
};

struct cedar_schema_source {
    struct cedar_source source;
    enum cedar_form form;
};

struct cedar_schema;

/* Read the sources and resolve all names of them together. All errors of all sources are told.
 *
 * warnings  what is allowed but probably a mistake; may be NULL
 * STATUS_INVALID with diagnostics, or STATUS_LIMIT. *out is to be freed with cedar_schema_free.
 * Immutable, so any number of threads may use it. */
NODISCARD enum status cedar_schema_parse(const struct cedar_schema_source *sources, size_t count,
                                         struct cedar_schema **out,
                                         struct cedar_diagnostics *diagnostics,
                                         struct cedar_diagnostics *warnings);

/* NULL is fine. */
void cedar_schema_free(struct cedar_schema *schema);

enum cedar_schema_style {
    CEDAR_SCHEMA_TEXT,
    CEDAR_SCHEMA_JSON,
    CEDAR_SCHEMA_JSON_RESOLVED, /* names in full, and each either an entity or a common type */
};

/* Append a schema in another form. It may be a part of one, with names that are declared elsewhere,
 * unless names are to be resolved.
 *
 * STATUS_INVALID with diagnostics: it is no schema, or has no such form; STATUS_LIMIT. */
NODISCARD enum status cedar_schema_translate(const struct cedar_schema_source *source,
                                             enum cedar_schema_style style, struct buf *out,
                                             struct cedar_diagnostics *diagnostics);

enum cedar_validate_mode {
    CEDAR_VALIDATE_STRICT = 0,
    CEDAR_VALIDATE_PERMISSIVE,
};

struct cedar_validate_options {
    enum cedar_validate_mode mode;
    bool has_level;
    uint32_t level; /* steps from the request that a policy may look into entities */
};

/* Hold policies and templates against a schema: names, types in every request that the schema
 * allows, and what is allowed but probably a mistake. A valid set never fails with a type error or
 * a missing attribute at requests and entities that fit the schema.
 *
 * errors, warnings  by policy, and by place within one
 * STATUS_INVALID when there are errors, STATUS_LIMIT. Reference: Cedar, validation. */
NODISCARD enum status cedar_validate(const struct cedar_policy_set *set,
                                     const struct cedar_schema *schema,
                                     const struct cedar_validate_options *options,
                                     struct cedar_diagnostics *errors,
                                     struct cedar_diagnostics *warnings);

/* -- decisions ----------------------------------------------------------------------------- */

struct cedar_entity_data {
    struct cedar_value attributes;     /* record; kind CEDAR_ERROR when there are none */
    struct cedar_value tags;           /* record, likewise */
    const struct cedar_uid *ancestors; /* all of them, not only the parents */
    size_t ancestor_count;
};

struct cedar_prepared_entities;

struct cedar_entities {
    const void *context;
    /* False when the entity does not exist. */
    bool (*find)(const void *context, const struct cedar_uid *uid, struct cedar_entity_data *out);
    /* Set by cedar_prepare_entities, NULL otherwise. */
    const struct cedar_prepared_entities *prepared;
};

/* A fixed set of entities, such as actions and their groups: add all, close once, then read from
 * any number of threads. Memory is the arena's. */
struct cedar_entity_store;

NODISCARD enum status cedar_entity_store_new(struct arena *arena, struct cedar_entity_store **out);

/* Add an entity; texts and values are borrowed, parents are copied and need not exist.
 *
 * data  its attributes and tags, ancestors are not looked at; NULL: neither
 * STATUS_CONFLICT when it was added before, STATUS_LIMIT without memory. */
NODISCARD enum status cedar_entity_store_add(struct cedar_entity_store *store,
                                             const struct cedar_uid *uid,
                                             const struct cedar_entity_data *data,
                                             const struct cedar_uid *parents, size_t parent_count);

/* Compute all ancestors. STATUS_INVALID when an entity is its own ancestor, STATUS_LIMIT. */
NODISCARD enum status cedar_entity_store_close(struct cedar_entity_store *store);

/* The closed store as the entities of a request. */
struct cedar_entities cedar_entity_store_view(const struct cedar_entity_store *store);

/* An entity that takes part in many decisions over one set: what the set's policies can tell about
 * it is found out once, and a decision neither hashes its texts nor asks for its data. */
struct cedar_prepared_entity;

/* Prepare uid for set.
 *
 * uid, data  data is NULL when the entity does not exist; texts, values and ancestors are borrowed
 *            for the life of the result
 * arena      holds *out. Any number of threads may read it. It must not be used in a decision after
 *            set was freed; over another set it is right too, but gains nothing
 * STATUS_LIMIT when the arena is full. */
NODISCARD enum status cedar_prepare_entity(const struct cedar_policy_set *set,
                                           const struct cedar_uid *uid,
                                           const struct cedar_entity_data *data,
                                           struct arena *arena,
                                           const struct cedar_prepared_entity **out);

/* Prepare all entities of a closed store for set: in its decisions neither the texts of entities
 * and of what attributes refer to are compared, nor attributes looked for by name.
 *
 * arena  holds what *out refers to. Any number of threads may read it. store must stay as it is
 *        while *out is used; set as above
 * out    the entities for requests; over another set they are right too, but gain nothing
 * STATUS_LIMIT when the arena is full. */
NODISCARD enum status cedar_prepare_entities(const struct cedar_policy_set *set,
                                             const struct cedar_entity_store *store,
                                             struct arena *arena, struct cedar_entities *out);

/* An entity among those that were prepared together, for requests that use it again and again; NULL
 * when the store does not name it. */
const struct cedar_prepared_entity *cedar_find_prepared(const struct cedar_entities *entities,
                                                        const struct cedar_uid *uid);

struct cedar_schema;

/* Read entities in JSON into a store that is not closed yet, and add the schema's actions.
 *
 * schema  types of attributes and tags, which the entities must have; NULL: nothing is known
 * arena   of the values; must live as long as the store. Texts are borrowed from the source.
 * STATUS_INVALID with diagnostics of all errors, STATUS_LIMIT, or STATUS_CONFLICT when the store
 * holds one of the entities already. Reference: Cedar, entities in JSON. */
NODISCARD enum status cedar_entities_read(const struct cedar_source *source,
                                          const struct cedar_schema *schema, struct arena *arena,
                                          struct cedar_entity_store *store,
                                          struct cedar_diagnostics *diagnostics);

/* The same for cedar_authorize_untyped: calls of `unknown` with a name make values that are
 * unknown, whatever type the schema gives them. */
NODISCARD enum status cedar_untyped_entities_read(const struct cedar_source *source,
                                                  const struct cedar_schema *schema,
                                                  struct arena *arena,
                                                  struct cedar_entity_store *store,
                                                  struct cedar_diagnostics *diagnostics);

/* Add the schema's actions with their groups to a store that is not closed yet. */
NODISCARD enum status cedar_schema_add_actions(const struct cedar_schema *schema,
                                               struct arena *arena,
                                               struct cedar_entity_store *store);

/* Read the context of a request in JSON; parameters as above.
 *
 * action  with a schema: whose context it is; NULL: nothing is known */
NODISCARD enum status cedar_context_read(const struct cedar_source *source,
                                         const struct cedar_schema *schema,
                                         const struct cedar_uid *action, struct arena *arena,
                                         struct cedar_value *out,
                                         struct cedar_diagnostics *diagnostics);

/* The same without a schema, for cedar_authorize_untyped: calls of `unknown` with a name make
 * values that are unknown. */
NODISCARD enum status cedar_untyped_context_read(const struct cedar_source *source,
                                                 struct arena *arena, struct cedar_value *out,
                                                 struct cedar_diagnostics *diagnostics);

struct cedar_request {
    struct cedar_uid principal, action, resource;
    struct cedar_value context; /* record, or CEDAR_UNKNOWN for cedar_may_allow */
    const struct cedar_entities *entities;
    /* Each takes the place of the uid above when it is not NULL; entities is then not asked for it,
     * unless an attribute refers to it. */
    const struct cedar_prepared_entity *prepared_principal, *prepared_action, *prepared_resource;
};

/* Does the request fit the schema: declared types, an action that applies to them, a context of the
 * action's type?
 *
 * arena  for reading the context
 * STATUS_INVALID with cedar.principal, cedar.resource, cedar.action or cedar.context. */
NODISCARD enum status cedar_request_validate(const struct cedar_schema *schema,
                                             const struct cedar_request *request,
                                             struct arena *arena, struct diag *diag);

/* The same for a request of cedar_authorize_untyped: parts that are left out are not looked at. */
NODISCARD enum status cedar_untyped_request_validate(const struct cedar_schema *schema,
                                                     const struct cedar_request *request,
                                                     struct arena *arena, struct diag *diag);

enum cedar_decision {
    CEDAR_DENY = 0,
    CEDAR_ALLOW,
};

enum cedar_error_kind {
    CEDAR_ERROR_TYPE,       /* an operand is of the wrong kind */
    CEDAR_ERROR_OVERFLOW,   /* arithmetic beyond 64 bits */
    CEDAR_ERROR_ENTITY,     /* the entity does not exist */
    CEDAR_ERROR_ATTRIBUTE,  /* there is no such attribute */
    CEDAR_ERROR_TAG,        /* there is no such tag */
    CEDAR_ERROR_EXTENSION,  /* malformed text of an extension type, or its overflow */
    CEDAR_ERROR_ARITY,      /* wrong number of arguments */
    CEDAR_ERROR_UNREADABLE, /* a value of kind CEDAR_ERROR was used */
    CEDAR_ERROR_STEPS,      /* CEDAR_STEPS_MAX is used up */
};

/* Stable lower-case name of a kind, for logs: "type", "overflow", ... */
const char *cedar_error_kind_name(enum cedar_error_kind kind);

struct cedar_policy_error {
    size_t policy; /* index in the set */
    enum cedar_error_kind kind;
    struct slice message; /* static: what is wrong */
    struct slice subject; /* the attribute, entity id or function concerned; may be empty */
};

struct cedar_response {
    enum cedar_decision decision;
    const size_t *reasons; /* indexes of the deciding policies, ascending */
    size_t reason_count;
    const struct cedar_policy_error *errors; /* ascending by policy */
    size_t error_count;
};

struct cedar_options {
    bool erroring_forbid_denies; /* a forbid that fails to evaluate denies and is a reason */
};

/* Decide: forbid wins, nothing permits by default, erroring policies are skipped but reported.
 *
 * options  NULL: the official rules
 * arena    holds the response and what evaluation needs
 * STATUS_LIMIT when the arena is full; *out then denies. Reference: Cedar, authorization. */
NODISCARD enum status cedar_authorize(const struct cedar_policy_set *set,
                                      const struct cedar_request *request,
                                      const struct cedar_options *options, struct arena *arena,
                                      struct cedar_response *out);

/* -- single expressions -------------------------------------------------------------------- */

struct cedar_expression;

/* Parse an expression that stands alone, without slots.
 *
 * source  its text is borrowed for the life of the result
 * arena   holds *out, which any number of threads may read
 * STATUS_INVALID with diagnostics, or STATUS_LIMIT. */
NODISCARD enum status cedar_expression_parse(const struct cedar_source *source, struct arena *arena,
                                             const struct cedar_expression **out,
                                             struct cedar_diagnostics *diagnostics);

/* Evaluate it for a request.
 *
 * arena  holds parts of *out, other parts are borrowed from expression and request
 * error  of STATUS_INVALID: why it failed; its policy is 0
 * STATUS_LIMIT when the arena is full. */
NODISCARD enum status cedar_expression_evaluate(const struct cedar_expression *expression,
                                                const struct cedar_request *request,
                                                struct arena *arena, struct cedar_value *out,
                                                struct cedar_policy_error *error);

/* Read `Type::"id"`; parameters as cedar_expression_parse. */
NODISCARD enum status cedar_uid_parse(const struct cedar_source *source, struct arena *arena,
                                      struct cedar_uid *out, struct cedar_diagnostics *diagnostics);

/* Append the value as an expression that has it: elements of sets sorted and each once, attributes
 * by name. STATUS_INVALID when a part is unknown or not representable, STATUS_LIMIT. */
NODISCARD enum status cedar_value_to_text(const struct cedar_value *value, struct arena *arena,
                                          struct buf *out);

/* -- decisions about what is not known ----------------------------------------------------- */

enum cedar_answer {
    CEDAR_NEVER = 0, /* a forbid applies whatever the unknowns are, or no permit can apply */
    CEDAR_MAYBE,
    CEDAR_ALWAYS,
};

/* Could the request be allowed for some value of what is unknown? Parameters as cedar_authorize.
 * Never says CEDAR_NEVER or CEDAR_ALWAYS without being sure. On failure *out is CEDAR_NEVER. */
NODISCARD enum status cedar_may_allow(const struct cedar_policy_set *set,
                                      const struct cedar_request *request,
                                      const struct cedar_options *options, struct arena *arena,
                                      enum cedar_answer *out);

/* -- partial evaluation -------------------------------------------------------------------- */

/* What is known of an entity: attributes and tags each as a whole, ancestors as far as listed. */
struct cedar_partial_entity {
    struct cedar_uid uid;
    bool is_absent;     /* it is known not to exist; nothing else is looked at */
    bool has_ancestors; /* data lists all ancestors; otherwise there may be more */
    /* Attributes and tags are a record, CEDAR_UNKNOWN, or CEDAR_ERROR when there are none. */
    struct cedar_entity_data data;
};

/* Read entities in JSON of which everything but "uid" may be absent: it is not known then. The
 * ancestors of an entity are all known when it and each of them give their parents.
 *
 * schema  types that the entities must have; not NULL
 * arena   of *out, which has *count entities; texts are borrowed from the source
 * STATUS_INVALID with diagnostics of all errors, or STATUS_LIMIT. Reference: Cedar RFC 95. */
NODISCARD enum status
cedar_partial_entities_read(const struct cedar_source *source, const struct cedar_schema *schema,
                            struct arena *arena, const struct cedar_partial_entity **out,
                            size_t *count, struct cedar_diagnostics *diagnostics);

/* A request of which a part is not known. All texts and values are borrowed. */
struct cedar_partial_request {
    struct cedar_uid principal, action, resource; /* types are always known */
    bool has_principal, has_resource;             /* the ids, too */
    struct cedar_value context;                   /* a record, or CEDAR_UNKNOWN */
    /* entity_count entities, each once. An entity that is not listed may be anything, or not exist.
     * Actions are the schema's. */
    const struct cedar_partial_entity *entities;
    size_t entity_count;
};

enum cedar_partial_decision {
    CEDAR_PARTIAL_DENY = 0,
    CEDAR_PARTIAL_ALLOW,
    CEDAR_PARTIAL_OPEN, /* depends on what is not known */
};

enum cedar_partial_outcome {
    CEDAR_PARTIAL_FALSE = 0,
    CEDAR_PARTIAL_TRUE,
    CEDAR_PARTIAL_ERROR,
    CEDAR_PARTIAL_RESIDUAL, /* something of the policy is left to evaluate */
};

struct cedar_residual;

struct cedar_partial_response {
    enum cedar_partial_decision decision;
    const enum cedar_partial_outcome *outcomes; /* one per policy; a template's is FALSE */
    const struct cedar_residual *residuals;     /* for cedar_partial_policies */
};

/* Who decides what, for the three functions below; borrowed. */
struct cedar_partial_query {
    const struct cedar_policy_set *set;
    const struct cedar_schema *schema;
    const struct cedar_partial_request *request;
};

/* Decide as far as the known parts of the request allow it. Whatever the unknown parts turn out to
 * be, as long as they fit the schema: a decision that is not open is that of cedar_authorize, and
 * so is each outcome that is no residual. So decision != CEDAR_PARTIAL_DENY answers whether the
 * request may ever be allowed.
 *
 * arena  holds the response and what evaluation needs
 * STATUS_INVALID with cedar.principal, cedar.resource, cedar.action, cedar.context, cedar.entity or
 * cedar.policy (one does not validate strictly for this action and these types); STATUS_LIMIT. *out
 * then denies. Reference: Cedar RFC 95. */
NODISCARD enum status cedar_partially_authorize(const struct cedar_partial_query *query,
                                                struct arena *arena,
                                                struct cedar_partial_response *out,
                                                struct diag *diag);

/* Decide as far as a request allows it of which parts are left out, without knowing any types:
 * policies need not validate, and what is left out may be of any type. Outcomes are as above.
 *
 * request  A uid without type is left out, so is a context of kind CEDAR_UNKNOWN; parts of a
 *          context, attributes and tags may be unknown, too. In residuals they are
 *          unknown("principal") and so on. An entity that is not in request->entities does not
 *          exist.
 * arena    holds the response and what evaluation needs
 * STATUS_LIMIT when the arena is full, or a policy is nested too deeply; *out then denies.
 * Reference: Cedar, partial evaluation. */
NODISCARD enum status cedar_authorize_untyped(const struct cedar_policy_set *set,
                                              const struct cedar_request *request,
                                              struct arena *arena,
                                              struct cedar_partial_response *out);

/* The policies that are left, with their ids: all but those that are false. cedar_authorize gives
 * the same answer for them as for the whole set at every request that completes the partial one.
 * The scope of each names the known parts of the request, so that no other request is permitted.
 *
 * response  of cedar_partially_authorize for set, whose arena still lives; or of
 *           cedar_authorize_untyped: then scopes name nothing, and unknown("principal") stays
 *           unknown in every decision
 * STATUS_LIMIT also when a policy is nested too deeply with the values in it. *out is to be freed
 * with cedar_policy_set_free. */
NODISCARD enum status cedar_partial_policies(const struct cedar_policy_set *set,
                                             const struct cedar_partial_response *response,
                                             struct cedar_policy_set **out);

/* The decision for each of these resources, which are of the request's resource type; the request's
 * resource id is not looked at. Statuses as above.
 *
 * ids  count ids
 * out  count decisions; deny when the schema refuses the id */
NODISCARD enum status cedar_partial_resources(const struct cedar_partial_query *query,
                                              const struct slice *ids, size_t count,
                                              struct arena *arena, enum cedar_partial_decision *out,
                                              struct diag *diag);

struct cedar_partial_action {
    struct cedar_uid uid; /* borrowed from the schema */
    enum cedar_partial_decision decision;
};

/* Actions of the schema that are not denied; the request's action is not looked at. Actions that do
 * not apply to its types, or whose context is of another type than a known one, are not allowed.
 * Statuses as above. */
NODISCARD enum status cedar_partial_actions(const struct cedar_partial_query *query,
                                            struct arena *arena,
                                            const struct cedar_partial_action **out, size_t *count,
                                            struct diag *diag);

/* -- entities on demand -------------------------------------------------------------------- */

/* What a loader knows of an entity. */
struct cedar_loaded_entity {
    bool exists;
    struct cedar_entity_data data; /* with all ancestors */
};

/* Where entities are that are too many, or too far away, to be at hand for every decision. */
struct cedar_entity_loader {
    void *context;
    /* Look up count different entities: out[i], which was cleared, is about uids[i]. Parts live as
     * long as the arena, where they may be made. Any status but STATUS_OK ends the decision. */
    enum status (*load)(void *context, const struct cedar_uid *uids, size_t count,
                        struct arena *arena, struct cedar_loaded_entity *out, struct diag *diag);
};

/* All is borrowed. */
struct cedar_batched_query {
    const struct cedar_policy_set *set;
    const struct cedar_schema *schema;
    const struct cedar_request *request; /* its entities are not looked at */
    const struct cedar_entity_loader *loader;
    size_t rounds_max; /* how often the loader may be called */
};

/* Decide as cedar_authorize would over all entities, but load only those that the decision needs:
 * in each round all at once that something undecided looks into. As many rounds are needed as the
 * level at which the policies validate. Actions are the schema's and never loaded.
 *
 * arena  for loaded entities and evaluation
 * STATUS_INVALID with the codes of cedar_partially_authorize, cedar.entity also for what was
 * loaded; STATUS_LIMIT without memory or, with cedar.rounds, when it is not decided after
 * rounds_max; the loader's statuses. *out then denies. Reference: Cedar, batched evaluation. */
NODISCARD enum status cedar_authorize_batched(const struct cedar_batched_query *query,
                                              struct arena *arena, enum cedar_decision *out,
                                              struct diag *diag);

#endif
