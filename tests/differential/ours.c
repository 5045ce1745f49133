#include "differential/ours.h"

#include "differential/words.h"
#include "support/corpus.h"
#include "support/same_answers.h"

#include <stdio.h>
#include <stdlib.h>

#define OURS_ARENA_BYTES ((size_t)256 << 20)
#define TEXT_BYTES_MAX ((size_t)1 << 24)
#define NAME_BYTES 16

static struct cedar_diagnostics errors, warnings;

static void put(struct buf *out, const char *text)
{
    buf_append(out, slice_view_cstr(text));
}

/* -- reading ------------------------------------------------------------------------------- */

static bool read_uid(struct ours *ours, const struct json_tape *tape, json_ref ref,
                     struct cedar_uid *out)
{
    json_ref type = json_member(tape, ref, SLICE("type"));
    json_ref id = json_member(tape, ref, SLICE("id"));
    return type != JSON_NONE && id != JSON_NONE &&
           json_string(tape, type, &ours->arena, &out->type) == STATUS_OK &&
           json_string(tape, id, &ours->arena, &out->id) == STATUS_OK;
}

static bool link_one(struct ours *ours, struct slice values, size_t number)
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
    if (json_parse(corpus_parser(), values, &ours->arena, &tape, NULL) != STATUS_OK) {
        return false;
    }
    json_ref first = json_member(&tape, 0, SLICE("?principal"));
    json_ref second = json_member(&tape, 0, SLICE("?resource"));
    link.principal =
        first != JSON_NONE && read_uid(ours, &tape, first, &principal) ? &principal : NULL;
    link.resource =
        second != JSON_NONE && read_uid(ours, &tape, second, &resource) ? &resource : NULL;
    bool is_good = cedar_policy_set_link(ours->policies, &link, 1, &set, NULL) == STATUS_OK;
    cedar_policy_set_free(ours->policies);
    ours->policies = is_good ? set : NULL;
    return is_good;
}

static void load_policies(struct ours *ours)
{
    static char names[CASE_POLICIES_MAX][NAME_BYTES];
    struct cedar_source sources[CASE_POLICIES_MAX];
    size_t count = 0;
    for (; count < CASE_POLICIES_MAX && ours->c->policies[count].len > 0; count++) {
        snprintf(names[count], NAME_BYTES, "policy%zu", count);
        sources[count] =
            (struct cedar_source){slice_view_cstr(names[count]), ours->c->policies[count]};
    }
    if (cedar_policy_set_parse(sources, count, false, &ours->policies, &errors) != STATUS_OK) {
        ours->policies = NULL;
    }
    for (size_t i = 0; i < count && ours->policies != NULL; i++) {
        if (ours->c->links[i].len > 0 && !link_one(ours, ours->c->links[i], i)) {
            cedar_policy_set_free(ours->policies);
            ours->policies = NULL;
        }
    }
}

static void load_entities(struct ours *ours)
{
    struct buf text;
    struct cedar_source source = {SLICE("entities"), SLICE_EMPTY};
    const struct cedar_schema *schema = ours->c->is_typed ? ours->schema : NULL;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    case_write_entities(ours->c, &text);
    if (arena_copy(&ours->arena, buf_view(&text), &source.text) != STATUS_OK ||
        cedar_entity_store_new(&ours->arena, &ours->store) != STATUS_OK ||
        cedar_entities_read(&source, schema, &ours->arena, ours->store, &errors) != STATUS_OK ||
        cedar_entity_store_close(ours->store) != STATUS_OK) {
        ours->store = NULL;
    }
    buf_release(&text);
}

static struct cedar_schema_source schema_source(const struct ours *ours)
{
    return (struct cedar_schema_source){{SLICE("schema"), ours->c->schema}, CEDAR_FORM_TEXT};
}

void ours_load(const struct differential_case *c, struct ours *out)
{
    *out = (struct ours){.c = c};
    struct cedar_schema_source schema = schema_source(out);
    arena_init(&out->arena, OURS_ARENA_BYTES, NULL);
    if (cedar_schema_parse(&schema, 1, &out->schema, &errors, NULL) != STATUS_OK) {
        out->schema = NULL;
    }
    load_policies(out);
    load_entities(out);
}

void ours_release(struct ours *ours)
{
    cedar_policy_set_free(ours->policies);
    cedar_schema_free(ours->schema);
    arena_release(&ours->arena);
}

/* -- policies ------------------------------------------------------------------------------ */

enum written {
    WRITE_JSON,
    WRITE_TEXT,
};

/* A set of one policy, which is freed; NULL writes null. */
static void put_only_policy(struct cedar_policy_set *set, enum written form, struct buf *out)
{
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    if (set == NULL || (form == WRITE_JSON ? cedar_policy_to_json(set, 0, &text)
                                           : cedar_policy_to_text(set, 0, &text)) != STATUS_OK) {
        put(out, "null");
    } else if (form == WRITE_JSON) {
        buf_append(out, buf_view(&text));
    } else {
        buf_append_json_string(out, buf_view(&text));
    }
    buf_release(&text);
    cedar_policy_set_free(set);
}

static struct cedar_policy_set *parse_one(struct slice text)
{
    struct cedar_source source = {SLICE("policy0"), text};
    struct cedar_policy_set *set = NULL;
    if (cedar_policy_set_parse(&source, 1, false, &set, &errors) != STATUS_OK) {
        return NULL;
    }
    if (cedar_policy_count(set) != 1) {
        cedar_policy_set_free(set);
        return NULL;
    }
    return set;
}

static void put_policies(const struct differential_case *c, enum written form, struct buf *out)
{
    put(out, "[");
    for (size_t i = 0; i < CASE_POLICIES_MAX && c->policies[i].len > 0; i++) {
        put(out, i > 0 ? "," : "");
        put_only_policy(parse_one(c->policies[i]), form, out);
    }
    put(out, "]");
}

static void put_accepted(const struct question *q, struct buf *out)
{
    put(out, q->ours->policies != NULL ? "true" : "false");
}

static void put_forms(const struct question *q, struct buf *out)
{
    put_policies(q->ours->c, WRITE_JSON, out);
}

static void put_texts(const struct question *q, struct buf *out)
{
    put_policies(q->ours->c, WRITE_TEXT, out);
}

static void put_forms_of_their_texts(const struct question *q, struct buf *out)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref text = JSON_NONE;
    put(out, "[");
    json_iter_init(&iter, q->theirs, json_member(q->theirs, 0, SLICE("texts")));
    for (bool is_first = true; json_iter_next(&iter, &key, &text); is_first = false) {
        struct slice source = SLICE_EMPTY;
        put(out, is_first ? "" : ",");
        bool is_there = json_string(q->theirs, text, &q->ours->arena, &source) == STATUS_OK;
        put_only_policy(is_there ? parse_one(source) : NULL, WRITE_JSON, out);
    }
    put(out, "]");
}

static void put_texts_of_their_forms(const struct question *q, struct buf *out)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref form = JSON_NONE;
    put(out, "[");
    json_iter_init(&iter, q->theirs, json_member(q->theirs, 0, SLICE("forms")));
    for (bool is_first = true; json_iter_next(&iter, &key, &form); is_first = false) {
        struct cedar_source source = {SLICE("policy0"), json_raw(q->theirs, form)};
        struct cedar_policy_set *set = NULL;
        if (json_type(q->theirs, form) == JSON_NULL ||
            cedar_policy_set_parse_json(&source, CEDAR_JSON_POLICY, &set, &errors) != STATUS_OK) {
            set = NULL;
        }
        put(out, is_first ? "" : ",");
        put_only_policy(set, WRITE_TEXT, out);
    }
    put(out, "]");
}

static void put_formatted(const struct question *q, struct buf *out)
{
    struct buf source;
    struct buf text;
    struct cedar_format_options options = {q->ours->c->line_width, q->ours->c->indent};
    buf_init(&source, TEXT_BYTES_MAX, NULL);
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    case_write_source(q->ours->c, &source);
    struct cedar_source whole = {SLICE("policies"), buf_view(&source)};
    if (cedar_format(&whole, &options, &text, &errors) == STATUS_OK) {
        buf_append_json_string(out, buf_view(&text));
    } else {
        put(out, "null");
    }
    buf_release(&text);
    buf_release(&source);
}

/* -- schemas ------------------------------------------------------------------------------- */

/* A schema that is refused is no part of a whole one here, which could be translated. */
static void put_schema(const struct ours *ours, const struct cedar_schema_source *source,
                       enum cedar_schema_style style, struct buf *out)
{
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    if (ours->schema == NULL ||
        cedar_schema_translate(source, style, &text, &errors) != STATUS_OK) {
        put(out, "null");
    } else if (style == CEDAR_SCHEMA_TEXT) {
        buf_append_json_string(out, buf_view(&text));
    } else {
        buf_append(out, buf_view(&text));
    }
    buf_release(&text);
}

static void put_schema_json(const struct question *q, struct buf *out)
{
    struct cedar_schema_source source = schema_source(q->ours);
    put_schema(q->ours, &source, CEDAR_SCHEMA_JSON, out);
}

static void put_schema_resolved(const struct question *q, struct buf *out)
{
    struct cedar_schema_source source = schema_source(q->ours);
    put_schema(q->ours, &source, CEDAR_SCHEMA_JSON_RESOLVED, out);
}

static void put_schema_text(const struct question *q, struct buf *out)
{
    struct cedar_schema_source source = schema_source(q->ours);
    put_schema(q->ours, &source, CEDAR_SCHEMA_TEXT, out);
}

static void put_schema_of_printed(const struct question *q, struct buf *out)
{
    struct cedar_schema_source source = schema_source(q->ours);
    struct cedar_schema_source printed = {.form = CEDAR_FORM_TEXT};
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    if (cedar_schema_translate(&source, CEDAR_SCHEMA_TEXT, &text, &errors) == STATUS_OK) {
        printed.source.text = buf_view(&text);
        put_schema(q->ours, &printed, CEDAR_SCHEMA_JSON, out);
    } else {
        put(out, "null");
    }
    buf_release(&text);
}

static void put_schema_text_of_their_json(const struct question *q, struct buf *out)
{
    json_ref form = json_member(q->theirs, 0, SLICE("schema"));
    if (json_type(q->theirs, form) == JSON_OBJECT) {
        struct cedar_schema_source source = {{SLICE("schema"), json_raw(q->theirs, form)},
                                             CEDAR_FORM_JSON};
        put_schema(q->ours, &source, CEDAR_SCHEMA_TEXT, out);
    } else {
        put(out, "null");
    }
}

/* -- validation ---------------------------------------------------------------------------- */

/* The official engine reports some errors without their place; then it only tells the policies. */
static bool all_have_places(const struct json_tape *theirs, json_ref value)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref place = JSON_NONE;
    bool is_so = true;
    json_iter_init(&iter, theirs, value);
    while (json_iter_next(&iter, &key, &place)) {
        struct slice text = json_raw(theirs, place);
        is_so = is_so && slice_find_byte(text, ' ') < text.len;
    }
    return is_so;
}

static void put_invalid(struct ours *ours, const struct cedar_validate_options *options,
                        bool with_places, struct buf *out)
{
    struct words words = {0};
    errors.count = 0;
    if (ours->schema == NULL || ours->policies == NULL) {
        put(out, "null");
        return;
    }
    if (cedar_validate(ours->policies, ours->schema, options, &errors, &warnings) == STATUS_OK) {
        errors.count = 0;
    }
    for (size_t i = 0; i < errors.count; i++) {
        const struct cedar_diagnostic *error = &errors.items[i];
        char place[NAME_BYTES * 4];
        struct slice word = error->source;
        snprintf(place, sizeof(place), "%.*s %zu %zu", SLICE_ARG(error->source), error->from,
                 error->to);
        if (!with_places || arena_copy(&ours->arena, slice_view_cstr(place), &word) == STATUS_OK) {
            words_add(&words, word);
        }
    }
    words_put(&words, out);
}

static void put_strictly_invalid(const struct question *q, struct buf *out)
{
    struct cedar_validate_options options = {.mode = CEDAR_VALIDATE_STRICT};
    put_invalid(q->ours, &options, all_have_places(q->theirs, q->value), out);
}

static void put_permissively_invalid(const struct question *q, struct buf *out)
{
    struct cedar_validate_options options = {.mode = CEDAR_VALIDATE_PERMISSIVE};
    put_invalid(q->ours, &options, all_have_places(q->theirs, q->value), out);
}

static void put_too_deep(const struct question *q, struct buf *out)
{
    struct cedar_validate_options options = {
        .mode = CEDAR_VALIDATE_STRICT, .has_level = true, .level = q->ours->c->level};
    put_invalid(q->ours, &options, false, out);
}

/* -- entities and requests ----------------------------------------------------------------- */

static void put_entities(const struct question *q, struct buf *out)
{
    put(out, q->ours->store != NULL ? "true" : "false");
}

void ours_put_response(const struct cedar_policy_set *set, const struct cedar_response *response,
                       struct buf *out)
{
    struct words reasons = {0};
    struct words failed = {0};
    for (size_t i = 0; i < response->reason_count; i++) {
        words_add(&reasons, cedar_policy_get(set, response->reasons[i]).id);
    }
    for (size_t i = 0; i < response->error_count; i++) {
        words_add(&failed, cedar_policy_get(set, response->errors[i].policy).id);
    }
    put(out,
        response->decision == CEDAR_ALLOW ? "{\"decision\":\"allow\"" : "{\"decision\":\"deny\"");
    put(out, ",\"reason\":");
    words_put(&reasons, out);
    put(out, ",\"errors\":");
    words_put(&failed, out);
    put(out, "}");
}

bool ours_read_request(struct ours *ours, const struct cedar_schema *schema, struct slice text,
                       struct cedar_request *out)
{
    struct json_tape tape;
    if (json_parse(corpus_parser(), text, &ours->arena, &tape, NULL) != STATUS_OK ||
        !read_uid(ours, &tape, json_member(&tape, 0, SLICE("principal")), &out->principal) ||
        !read_uid(ours, &tape, json_member(&tape, 0, SLICE("action")), &out->action) ||
        !read_uid(ours, &tape, json_member(&tape, 0, SLICE("resource")), &out->resource)) {
        return false;
    }
    struct cedar_source context = {SLICE("context"),
                                   json_raw(&tape, json_member(&tape, 0, SLICE("context")))};
    return cedar_context_read(&context, schema, schema == NULL ? NULL : &out->action, &ours->arena,
                              &out->context, &errors) == STATUS_OK &&
           (schema == NULL || cedar_request_validate(schema, out, &ours->arena, NULL) == STATUS_OK);
}

static void put_decision(const struct question *q, size_t number, struct slice text,
                         struct buf *out)
{
    struct ours *ours = q->ours;
    (void)number;
    struct cedar_entities entities = cedar_entity_store_view(ours->store);
    struct cedar_request request = {.entities = &entities};
    struct cedar_response response;
    if (!ours_read_request(ours, ours->c->is_typed ? ours->schema : NULL, text, &request) ||
        cedar_authorize(ours->policies, &request, NULL, &ours->arena, &response) != STATUS_OK) {
        put(out, "null");
        return;
    }
    ours_put_response(ours->policies, &response, out);
    (void)same_answers("a case", ours->policies, &request, &ours->arena);
    (void)same_prepared_answers("a case", ours->policies, &request, ours->store, &ours->arena);
}

void ours_put_each_request(const struct question *q, put_request_fn put_one, struct buf *out)
{
    size_t number = 0;
    if (q->ours->store == NULL || q->ours->policies == NULL) {
        put(out, "null");
        return;
    }
    put(out, "[");
    for (size_t i = 0; i < CASE_REQUESTS_MAX; i++) {
        if (q->ours->c->requests[i].len > 0) {
            put(out, number > 0 ? "," : "");
            put_one(q, number++, q->ours->c->requests[i], out);
        }
    }
    put(out, "]");
}

static void put_decisions(const struct question *q, struct buf *out)
{
    ours_put_each_request(q, put_decision, out);
}

/* -- the questions ------------------------------------------------------------------------- */

const struct aspect aspects[ASPECTS] = {
    {"policies accepted", "accepted", NULL, put_accepted},
    {"JSON form of a policy", "forms", NULL, put_forms},
    {"JSON form of the printed text", "reread", NULL, put_forms},
    {"JSON form of the text that the other printed", "forms", "texts", put_forms_of_their_texts},
    {"printed text of the other's JSON form", "texts", "forms", put_texts_of_their_forms},
    {"formatted policies", "formatted", NULL, put_formatted},
    {"JSON form of the schema", "schema", NULL, put_schema_json},
    {"resolved schema", "resolved", NULL, put_schema_resolved},
    {"printed schema", "schemaText", NULL, put_schema_text},
    {"JSON form of the printed schema", "schemaReread", NULL, put_schema_of_printed},
    {"printed schema of the other's JSON form", "schemaText", "schema",
     put_schema_text_of_their_json},
    {"strict validation", "invalid", NULL, put_strictly_invalid},
    {"permissive validation", "permissive", NULL, put_permissively_invalid},
    {"validation of a level", "tooDeep", NULL, put_too_deep},
    {"entities accepted", "entities", NULL, put_entities},
    {"decisions", "requests", NULL, put_decisions},
    {"partial decisions", "partial", NULL, ours_put_partial},
    {"residuals filled in", "filled", NULL, ours_put_filled},
    {"batched decisions", "batched", NULL, ours_put_batched},
};

void ours_write_question(struct ours *ours, struct buf *out)
{
    struct question q = {.ours = ours};
    put(out, "{");
    case_write(ours->c, out);
    put(out, ",\"texts\":");
    put_texts(&q, out);
    put(out, ",\"schemaText\":");
    put_schema_text(&q, out);
    put(out, "}\n");
}
