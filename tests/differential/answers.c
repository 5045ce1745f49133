#include "differential/answers.h"

#include "cedar/cedar.h"
#include "support/corpus.h"
#include "support/same_answers.h"
#include "json/tape.h"

#include <inttypes.h>
#include <stdio.h>

#define ANSWER_ARENA_BYTES ((size_t)256 << 20)
#define NAME_BYTES 16

static struct cedar_diagnostics errors, warnings;

/* A case as our engine has it; what was refused is NULL. */
struct loaded {
    struct arena arena;
    struct cedar_schema *schema;
    struct cedar_policy_set *policies;
    struct cedar_entity_store *store; /* closed */
};

static void put(struct buf *out, const char *text)
{
    buf_append(out, slice_view_cstr(text));
}

/* -- the case ------------------------------------------------------------------------------ */

static void put_list(struct buf *out, const char *name, const struct slice *texts, size_t count)
{
    bool is_first = true;
    put(out, name);
    for (size_t i = 0; i < count; i++) {
        if (texts[i].len > 0) {
            put(out, is_first ? "" : ",");
            buf_append(out, texts[i]);
            is_first = false;
        }
    }
    put(out, "]");
}

static void put_links(struct buf *out, const struct differential_case *c)
{
    bool is_first = true;
    put(out, ",\"links\":[");
    for (size_t i = 0; i < CASE_POLICIES_MAX; i++) {
        char head[96];
        if (c->links[i].len > 0) {
            snprintf(head, sizeof(head),
                     "%s{\"templateId\":\"policy%zu\",\"newId\":\"link%zu\",\"values\":",
                     is_first ? "" : ",", i, i);
            put(out, head);
            buf_append(out, c->links[i]);
            put(out, "}");
            is_first = false;
        }
    }
    put(out, "]");
}

void case_write(const struct differential_case *c, struct buf *out)
{
    put(out, c->is_typed ? "\"typed\":true,\"schema\":" : "\"typed\":false,\"schema\":");
    buf_append_json_string(out, c->schema);
    put(out, ",\"policies\":[");
    for (size_t i = 0; i < CASE_POLICIES_MAX && c->policies[i].len > 0; i++) {
        put(out, i > 0 ? "," : "");
        buf_append_json_string(out, c->policies[i]);
    }
    put(out, "]");
    put_links(out, c);
    put_list(out, ",\"entities\":[", c->entities, CASE_ENTITIES_MAX);
    put_list(out, ",\"requests\":[", c->requests, CASE_REQUESTS_MAX);
}

/* -- reading ------------------------------------------------------------------------------- */

static bool read_uid(struct loaded *loaded, const struct json_tape *tape, json_ref ref,
                     struct cedar_uid *out)
{
    json_ref type = json_member(tape, ref, SLICE("type"));
    json_ref id = json_member(tape, ref, SLICE("id"));
    return type != JSON_NONE && id != JSON_NONE &&
           json_string(tape, type, &loaded->arena, &out->type) == STATUS_OK &&
           json_string(tape, id, &loaded->arena, &out->id) == STATUS_OK;
}

static bool link_one(struct loaded *loaded, struct slice values, size_t number)
{
    char names[2][NAME_BYTES];
    struct cedar_uid principal;
    struct cedar_uid resource;
    struct json_tape tape;
    struct cedar_policy_set *set = NULL;
    snprintf(names[0], NAME_BYTES, "policy%zu", number);
    snprintf(names[1], NAME_BYTES, "link%zu", number);
    struct cedar_link link = {.template_id = slice_view_cstr(names[0]),
                              .id = slice_view_cstr(names[1])};
    if (json_parse(corpus_parser(), values, &loaded->arena, &tape, NULL) != STATUS_OK) {
        return false;
    }
    json_ref first = json_member(&tape, 0, SLICE("?principal"));
    json_ref second = json_member(&tape, 0, SLICE("?resource"));
    link.principal =
        first != JSON_NONE && read_uid(loaded, &tape, first, &principal) ? &principal : NULL;
    link.resource =
        second != JSON_NONE && read_uid(loaded, &tape, second, &resource) ? &resource : NULL;
    bool is_good = cedar_policy_set_link(loaded->policies, &link, 1, &set, NULL) == STATUS_OK;
    cedar_policy_set_free(loaded->policies);
    loaded->policies = is_good ? set : NULL;
    return is_good;
}

static void load_policies(struct loaded *loaded, const struct differential_case *c)
{
    static char names[CASE_POLICIES_MAX][NAME_BYTES];
    struct cedar_source sources[CASE_POLICIES_MAX];
    size_t count = 0;
    for (; count < CASE_POLICIES_MAX && c->policies[count].len > 0; count++) {
        snprintf(names[count], NAME_BYTES, "policy%zu", count);
        sources[count] = (struct cedar_source){slice_view_cstr(names[count]), c->policies[count]};
    }
    if (cedar_policy_set_parse(sources, count, false, &loaded->policies, &errors) != STATUS_OK) {
        loaded->policies = NULL;
    }
    for (size_t i = 0; i < count && loaded->policies != NULL; i++) {
        if (c->links[i].len > 0 && !link_one(loaded, c->links[i], i)) {
            cedar_policy_set_free(loaded->policies);
            loaded->policies = NULL;
        }
    }
}

static void load_entities(struct loaded *loaded, const struct differential_case *c)
{
    struct buf text;
    struct cedar_source source = {SLICE("entities"), SLICE_EMPTY};
    buf_init(&text, (size_t)1 << 24, NULL);
    put_list(&text, "[", c->entities, CASE_ENTITIES_MAX);
    if (arena_copy(&loaded->arena, buf_view(&text), &source.text) != STATUS_OK ||
        cedar_entity_store_new(&loaded->arena, &loaded->store) != STATUS_OK ||
        cedar_entities_read(&source, c->is_typed ? loaded->schema : NULL, &loaded->arena,
                            loaded->store, &errors) != STATUS_OK ||
        cedar_entity_store_close(loaded->store) != STATUS_OK) {
        loaded->store = NULL;
    }
    buf_release(&text);
}

/* -- answers ------------------------------------------------------------------------------- */

static void put_policies(struct buf *out, const struct loaded *loaded)
{
    struct buf text;
    put(out, "\"policies\":");
    if (loaded->policies == NULL || cedar_policy_set_to_json(loaded->policies, out) != STATUS_OK) {
        put(out, "null");
    }
    put(out, ",\"texts\":[");
    buf_init(&text, (size_t)1 << 24, NULL);
    size_t count = loaded->policies == NULL ? 0 : cedar_policy_count(loaded->policies);
    for (size_t i = 0; i < count; i++) {
        buf_clear(&text);
        if (cedar_policy_to_text(loaded->policies, i, &text) != STATUS_OK) {
            buf_clear(&text);
        }
        put(out, i > 0 ? "," : "");
        buf_append_json_string(out, buf_view(&text));
    }
    put(out, "]");
    buf_release(&text);
}

static void put_schema(struct buf *out, const struct differential_case *c,
                       const struct loaded *loaded)
{
    static const enum cedar_schema_style STYLES[] = {CEDAR_SCHEMA_JSON, CEDAR_SCHEMA_JSON_RESOLVED};
    static const char *const NAMES[] = {",\"schema\":", ",\"resolved\":"};
    struct cedar_schema_source source = {{SLICE("schema"), c->schema}, CEDAR_FORM_TEXT};
    for (size_t i = 0; i < COUNT_OF(STYLES); i++) {
        put(out, NAMES[i]);
        if (loaded->schema == NULL ||
            cedar_schema_translate(&source, STYLES[i], out, &errors) != STATUS_OK) {
            put(out, "null");
        }
    }
}

static void put_validation(struct buf *out, const struct loaded *loaded)
{
    struct cedar_validate_options options = {.mode = CEDAR_VALIDATE_STRICT};
    errors.count = 0;
    put(out, ",\"invalid\":[");
    if (loaded->schema != NULL && loaded->policies != NULL &&
        cedar_validate(loaded->policies, loaded->schema, &options, &errors, &warnings) ==
            STATUS_INVALID) {
        for (size_t i = 0; i < errors.count; i++) {
            const struct cedar_diagnostic *error = &errors.items[i];
            char place[80];
            snprintf(place, sizeof(place), "%s\"%.*s %zu %zu\"", i > 0 ? "," : "",
                     SLICE_ARG(error->source), error->from, error->to);
            put(out, place);
        }
    }
    put(out, "]");
}

static void put_ids(struct buf *out, const char *name, const struct cedar_policy_set *set,
                    const size_t *indexes, size_t count)
{
    put(out, name);
    for (size_t i = 0; i < count; i++) {
        put(out, i > 0 ? "," : "");
        buf_append_json_string(out, cedar_policy_get(set, indexes[i]).id);
    }
    put(out, "]");
}

static void put_response(struct buf *out, const struct cedar_policy_set *set,
                         const struct cedar_response *response)
{
    size_t erring[2 * CASE_POLICIES_MAX];
    size_t count = 0;
    for (; count < response->error_count && count < COUNT_OF(erring); count++) {
        erring[count] = response->errors[count].policy;
    }
    put(out,
        response->decision == CEDAR_ALLOW ? "{\"decision\":\"allow\"" : "{\"decision\":\"deny\"");
    put_ids(out, ",\"reason\":[", set, response->reasons, response->reason_count);
    put_ids(out, ",\"errors\":[", set, erring, count);
    put(out, "}");
}

/* False when the request does not fit the schema. */
static bool read_request(struct loaded *loaded, const struct cedar_schema *schema,
                         struct slice text, struct cedar_request *out)
{
    struct json_tape tape;
    if (json_parse(corpus_parser(), text, &loaded->arena, &tape, NULL) != STATUS_OK ||
        !read_uid(loaded, &tape, json_member(&tape, 0, SLICE("principal")), &out->principal) ||
        !read_uid(loaded, &tape, json_member(&tape, 0, SLICE("action")), &out->action) ||
        !read_uid(loaded, &tape, json_member(&tape, 0, SLICE("resource")), &out->resource)) {
        return false;
    }
    struct cedar_source context = {SLICE("context"),
                                   json_raw(&tape, json_member(&tape, 0, SLICE("context")))};
    return cedar_context_read(&context, schema, schema == NULL ? NULL : &out->action,
                              &loaded->arena, &out->context, &errors) == STATUS_OK &&
           (schema == NULL ||
            cedar_request_validate(schema, out, &loaded->arena, NULL) == STATUS_OK);
}

static void put_request(struct buf *out, struct loaded *loaded, const struct cedar_schema *schema,
                        struct slice text)
{
    struct cedar_entities entities = cedar_entity_store_view(loaded->store);
    struct cedar_request request = {.entities = &entities};
    struct cedar_response response;
    if (!read_request(loaded, schema, text, &request) ||
        cedar_authorize(loaded->policies, &request, NULL, &loaded->arena, &response) != STATUS_OK) {
        put(out, "null");
        return;
    }
    put_response(out, loaded->policies, &response);
    (void)same_answers("a case", loaded->policies, &request, &loaded->arena);
    (void)same_prepared_answers("a case", loaded->policies, &request, loaded->store,
                                &loaded->arena);
}

static void put_requests(struct buf *out, const struct differential_case *c, struct loaded *loaded)
{
    bool is_first = true;
    put(out, loaded->store != NULL ? ",\"entities\":true,\"requests\":["
                                   : ",\"entities\":false,\"requests\":[");
    for (size_t i = 0; i < CASE_REQUESTS_MAX; i++) {
        if (c->requests[i].len > 0 && loaded->store != NULL && loaded->policies != NULL) {
            put(out, is_first ? "" : ",");
            put_request(out, loaded, c->is_typed ? loaded->schema : NULL, c->requests[i]);
            is_first = false;
        }
    }
    put(out, "]");
}

void answers_write(const struct differential_case *c, struct buf *out)
{
    struct loaded loaded = {0};
    struct cedar_schema_source schema = {{SLICE("schema"), c->schema}, CEDAR_FORM_TEXT};
    arena_init(&loaded.arena, ANSWER_ARENA_BYTES, NULL);
    if (cedar_schema_parse(&schema, 1, &loaded.schema, &errors, NULL) != STATUS_OK) {
        loaded.schema = NULL;
    }
    load_policies(&loaded, c);
    load_entities(&loaded, c);
    put(out, "{");
    case_write(c, out);
    put(out, ",\"ours\":{");
    put_policies(out, &loaded);
    put_schema(out, c, &loaded);
    put_validation(out, &loaded);
    put_requests(out, c, &loaded);
    put(out, "}}\n");
    cedar_policy_set_free(loaded.policies);
    cedar_schema_free(loaded.schema);
    arena_release(&loaded.arena);
}
