/* tool.h: what the verbs of `aegis cedar` share: options, files, reports.
 *
 * Options, exit codes and the places of output are those of the official command line program, so
 * that scripts go on working: what is wrong with policies, schema or request is part of the output
 * and goes to stdout, unless a verb's stdout is a document. Functions that return a status have
 * reported a failure themselves.
 */
#ifndef AEGIS_CLI_CEDAR_TOOL_H
#define AEGIS_CLI_CEDAR_TOOL_H

#include "cedar/cedar.h"
#include "cli/options.h"
#include "json/tape.h"

#include <stdio.h>

enum cedar_exit {
    CEDAR_EXIT_OK = 0,
    CEDAR_EXIT_FAILURE = 1, /* it did not work */
    CEDAR_EXIT_DENY = 2,    /* the decision is to deny; also a wrong command line */
    CEDAR_EXIT_INVALID = 3, /* policies do not fit the schema */
    CEDAR_EXIT_OPEN = 4,    /* the decision depends on what is not known */
};

#define TOOL_FILE_BYTES_MAX CEDAR_SOURCE_BYTES_MAX

struct tool {
    const char *error_format;  /* human, plain or json */
    FILE *reports;             /* borrowed */
    struct arena arena;        /* texts, entities, requests */
    struct json_parser parser; /* of documents that libcedar does not read itself */
    struct slice policy_text;  /* of the policies that were read last */
    struct cedar_diagnostics diagnostics, warnings;
};

/* The error format comes from CEDAR_ERROR_FORMAT unless an option sets it. */
void tool_init(struct tool *tool);
void tool_release(struct tool *tool);

extern const char *const tool_error_formats[];  /* human, plain, json */
extern const char *const tool_source_formats[]; /* cedar, json */
extern const char *const tool_booleans[];       /* true, false */

#define TOOL_OPTIONS(tool)                                                                         \
    {                                                                                              \
        .name = "error-format", .letter = 'f', .kind = OPTION_TEXT,                                \
        .out.text = &(tool).error_format, .choices = tool_error_formats                            \
    }

#define TOOL_USAGE                                                                                 \
    "  -f, --error-format F         human (default), plain or json; or in\n"                       \
    "                               CEDAR_ERROR_FORMAT\n"

/* -- reports (tool_report.c) --------------------------------------------------------------- */

struct report {
    enum cedar_severity severity;
    const char *message;                        /* one line: what did not work */
    const char *cause;                          /* one line; NULL: the diagnostics say it */
    struct slice source;                        /* text of the diagnostics' source */
    const struct cedar_diagnostics *details[2]; /* NULL: none */
};

/* Write a report as the error format wants it; json is one object on one line. */
void tool_report(const struct tool *tool, FILE *out, const struct report *report);

/* A report without details. Always returns STATUS_INVALID. */
enum status tool_fail(const struct tool *tool, const char *cause, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A report of tool->diagnostics; likewise, but STATUS_LIMIT without diagnostics is named. */
enum status tool_fail_source(const struct tool *tool, enum status status,
                             const struct cedar_source *source, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Text from a document for a terminal: control characters become '?'. */
void tool_print_text(FILE *out, struct slice text);

void tool_print_buf(FILE *out, const struct buf *buf);

/* What went wrong when a policy or expression was evaluated, on one line without its end. */
void tool_print_error(FILE *out, const struct cedar_policy_error *error);

/* -- decisions (tool_decision.c) ----------------------------------------------------------- */

/* ALLOW, DENY or UNKNOWN to stdout; returns the exit code for it. */
int tool_print_decision(enum cedar_partial_decision decision);

/* A policy of a set to stdout. */
void tool_print_policy(const struct tool *tool, const struct cedar_policy_set *set, size_t index);

/* A steady clock, in microseconds; and what a decision took by it, to stdout. */
int64_t tool_now_us(void);
void tool_print_duration(int64_t duration_us);

/* -- input --------------------------------------------------------------------------------- */

/* The file at path, or all of stdin when path is NULL. what names it in reports. */
NODISCARD enum status tool_read_file(struct tool *tool, const char *path, const char *what,
                                     struct cedar_source *out);

/* Write the file anew; the old one stays as it was unless the new one is complete. */
NODISCARD enum status tool_replace_file(struct tool *tool, const char *path, const char *what,
                                        const struct buf *bytes);

/* The file as JSON; *tape is its content. */
NODISCARD enum status tool_read_json(struct tool *tool, const char *path, const char *what,
                                     struct cedar_source *source, struct json_tape *tape);

struct policies_options {
    const char *path; /* NULL: stdin */
    const char *format;
    const char *links_path; /* NULL: none */
};

#define POLICIES_OPTIONS(policies)                                                                 \
    {.name = "policies", .letter = 'p', .kind = OPTION_TEXT, .out.text = &(policies).path},        \
        {.name = "policy-format",                                                                  \
         .kind = OPTION_TEXT,                                                                      \
         .out.text = &(policies).format,                                                           \
         .choices = tool_source_formats},                                                          \
    {                                                                                              \
        .name = "template-linked", .letter = 'k', .kind = OPTION_TEXT,                             \
        .out.text = &(policies).links_path                                                         \
    }

#define POLICIES_USAGE                                                                             \
    "  -p, --policies FILE          policies and templates (default: stdin)\n"                     \
    "      --policy-format F        cedar (default) or json\n"                                     \
    "  -k, --template-linked FILE   links of the templates ('aegis cedar link')\n"

/* Policies and templates with the links of the links file. The caller frees *out. */
NODISCARD enum status tool_read_policies(struct tool *tool, const struct policies_options *options,
                                         struct cedar_policy_set **out);

/* Policies in text; use_id_annotation as for cedar_policy_set_parse. */
NODISCARD enum status tool_read_policy_text(struct tool *tool, const char *path,
                                            bool use_id_annotation, struct cedar_policy_set **out);

/* A policy, a template or a set, whichever it is. */
NODISCARD enum status tool_read_policy_json(struct tool *tool, const char *path,
                                            struct cedar_policy_set **out);

/* A new set with the links of a links file: [{"template_id":..., "link_id":..., "args":...}] */
NODISCARD enum status tool_add_links(struct tool *tool, const char *path,
                                     const struct cedar_policy_set *set,
                                     struct cedar_policy_set **out);

/* The slots' values of {"?principal": "Type::\"id\"", "?resource": ...}. */
NODISCARD enum status tool_read_slots(struct tool *tool, const struct json_tape *tape, json_ref ref,
                                      struct cedar_link *out);

struct schema_options {
    const char *path; /* NULL: no schema */
    const char *format;
};

#define SCHEMA_OPTIONS(schema)                                                                     \
    {.name = "schema", .letter = 's', .kind = OPTION_TEXT, .out.text = &(schema).path},            \
    {                                                                                              \
        .name = "schema-format", .kind = OPTION_TEXT, .out.text = &(schema).format,                \
        .choices = tool_source_formats                                                             \
    }

/* *out is NULL when no schema is asked for; the caller frees it. Warnings go to stderr. */
NODISCARD enum status tool_read_schema(struct tool *tool, const struct schema_options *options,
                                       struct cedar_schema **out);

/* Entities of a JSON document, with the schema's actions; schema may be NULL. */
NODISCARD enum status tool_read_entities(struct tool *tool, const char *path,
                                         const struct cedar_schema *schema,
                                         struct cedar_entities *out);

/* The same for a decision without types: values may be unknown. */
NODISCARD enum status tool_read_untyped_entities(struct tool *tool, const char *path,
                                                 const struct cedar_schema *schema,
                                                 struct cedar_entities *out);

/* As tool_read_entities, from a text that is there; name is of the source. */
NODISCARD enum status tool_parse_entities(struct tool *tool, const struct cedar_source *source,
                                          const struct cedar_schema *schema,
                                          struct cedar_entities *out);

struct request_options {
    const char *principal, *action, *resource;
    const char *context_path;
    const char *request_path;
    const char *validation; /* "true" or "false" */
};

#define REQUEST_PART_OPTIONS(request)                                                              \
    {.name = "principal", .letter = 'l', .kind = OPTION_TEXT, .out.text = &(request).principal},   \
        {.name = "action", .letter = 'a', .kind = OPTION_TEXT, .out.text = &(request).action},     \
        {.name = "resource", .letter = 'r', .kind = OPTION_TEXT, .out.text = &(request).resource}, \
        {.name = "context",                                                                        \
         .letter = 'c',                                                                            \
         .kind = OPTION_TEXT,                                                                      \
         .out.text = &(request).context_path},                                                     \
    {                                                                                              \
        .name = "request-json", .kind = OPTION_TEXT, .out.text = &(request).request_path           \
    }

#define REQUEST_OPTIONS(request)                                                                   \
    REQUEST_PART_OPTIONS(request),                                                                 \
    {                                                                                              \
        .name = "request-validation", .kind = OPTION_TEXT, .out.text = &(request).validation,      \
        .choices = tool_booleans                                                                   \
    }

#define REQUEST_USAGE                                                                              \
    "  -l, --principal ENTITY       such as 'User::\"alice\"'\n"                                   \
    "  -a, --action ENTITY          such as 'Action::\"view\"'\n"                                  \
    "  -r, --resource ENTITY        such as 'Photo::\"a.jpg\"'\n"                                  \
    "  -c, --context FILE           the context as a JSON object (default: empty)\n"               \
    "      --request-json FILE      all four in a JSON object, instead of the above\n"             \
    "      --request-validation B   true (default), or false: the request need not\n"              \
    "                               fit the schema\n"

/* False, with a message, when the options contradict each other. */
bool tool_check_request_options(const struct command *verb, const struct request_options *options);

/* The request; it is held against the schema unless options say otherwise. entities is borrowed. */
NODISCARD enum status tool_read_request(struct tool *tool, const struct request_options *options,
                                        const struct cedar_schema *schema,
                                        const struct cedar_entities *entities,
                                        struct cedar_request *out);

/* A request in JSON: {"principal": "Type::\"id\"", "action":..., "resource":..., "context": {}}.
 * source is the whole document. */
NODISCARD enum status tool_parse_request(struct tool *tool, const struct cedar_source *source,
                                         const struct json_tape *tape, json_ref ref,
                                         const struct cedar_schema *schema,
                                         struct cedar_request *out);

/* Read the context of a request whose action is set already. */
NODISCARD enum status tool_parse_context(struct tool *tool, const struct cedar_source *source,
                                         const struct cedar_schema *schema,
                                         struct cedar_request *request);

/* The same without a schema, where unknown("name") is a value. */
NODISCARD enum status tool_parse_untyped_context(struct tool *tool,
                                                 const struct cedar_source *source,
                                                 struct cedar_request *request);

/* Does the request fit the schema? */
NODISCARD enum status tool_validate_request(struct tool *tool, const struct cedar_schema *schema,
                                            const struct cedar_request *request);

/* Read an entity's text; what names it in reports. */
NODISCARD enum status tool_parse_uid(struct tool *tool, struct slice text, const char *what,
                                     struct cedar_uid *out);

#endif
