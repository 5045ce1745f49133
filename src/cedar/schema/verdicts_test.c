/* The verdicts recorded for each policy, request and entity; the published samples. */
#include "support/cedar_case.h"
#include "support/check.h"
#include "support/corpus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES ((size_t)1 << 30)

static struct cedar_diagnostics errors, warnings;

/* What was recorded, and how much of it was seen. */
struct recording {
    char folder[4096]; /* of the recorded files */
    size_t policies, requests, entities;
};

static bool is_true(const struct json_tape *tape, json_ref ref)
{
    return json_type(tape, ref) == JSON_TRUE;
}

/* Is there an error of this policy in the list? */
static bool has_error_of(struct slice policy)
{
    char start[64];
    int len = snprintf(start, sizeof(start), "policy '%.*s':", SLICE_ARG(policy));
    for (size_t i = 0; i < errors.count; i++) {
        if (strncmp(errors.items[i].message, start, (size_t)len) == 0) {
            return true;
        }
    }
    return false;
}

/* Since 4.13 a policy that no action can apply to has a warning; it was an error when the verdicts
 * were recorded. */
static bool is_warning_now(const struct json_tape *tape, json_ref error)
{
    struct slice text = json_raw(tape, error);
    struct slice words = SLICE("unable to find an applicable action");
    return memmem(text.ptr, text.len, words.ptr, words.len) != NULL;
}

/* Had the policy an error that is still one? */
static bool had_error(const struct json_tape *tape, json_ref verdict, struct slice list)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref error = JSON_NONE;
    json_ref errors_then = json_member(tape, verdict, list);
    if (errors_then == JSON_NONE) {
        return false;
    }
    json_iter_init(&iter, tape, errors_then);
    while (json_iter_next(&iter, &key, &error)) {
        if (!is_warning_now(tape, error)) {
            return true;
        }
    }
    return false;
}

static void check_policies(struct recording *r, struct cedar_case *c, const struct json_tape *tape,
                           enum cedar_validate_mode mode)
{
    bool is_strict = mode == CEDAR_VALIDATE_STRICT;
    struct slice list = is_strict ? SLICE("strictErrors") : SLICE("permissiveErrors");
    struct cedar_validate_options options = {.mode = mode};
    json_ref all = json_member(tape, 0, SLICE("policyValidation"));
    bool is_valid =
        cedar_validate(c->policies, c->schema, &options, &errors, &warnings) == STATUS_OK;
    CHECK_ROW(c->name, is_valid == !had_error(tape, all, list));
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref verdict = JSON_NONE;
    json_iter_init(&iter, tape, json_member(tape, all, SLICE("perPolicy")));
    while (json_iter_next(&iter, &key, &verdict)) {
        struct slice policy = SLICE_EMPTY;
        CHECK(json_string(tape, key, &c->arena, &policy) == STATUS_OK);
        bool is_same = has_error_of(policy) == had_error(tape, verdict, list);
        CHECK_ROW(c->name, errors.is_cut || is_same);
        if (!is_same) {
            printf("  %.*s %.*s\n", SLICE_ARG(policy), SLICE_ARG(json_raw(tape, verdict)));
        }
        r->policies++;
    }
}

static bool is_request_valid(struct cedar_case *c, json_ref item)
{
    struct cedar_request request;
    struct diag diag = {0};
    return cedar_case_request(c, item, &request) &&
           cedar_request_validate(c->schema, &request, &c->arena, &diag) == STATUS_OK;
}

static void check_requests(struct recording *r, struct cedar_case *c, const struct json_tape *tape)
{
    struct json_iter requests, verdicts;
    json_ref key = JSON_NONE;
    json_ref request = JSON_NONE;
    json_ref verdict = JSON_NONE;
    json_iter_init(&requests, &c->tape, json_member(&c->tape, 0, SLICE("requests")));
    json_iter_init(&verdicts, tape, json_member(tape, 0, SLICE("requestValidation")));
    while (json_iter_next(&verdicts, &key, &verdict)) {
        CHECK_ROW(c->name, json_iter_next(&requests, &key, &request));
        bool strict = is_true(tape, json_member(tape, verdict, SLICE("strict")));
        bool permissive = is_true(tape, json_member(tape, verdict, SLICE("permissive")));
        CHECK_ROW(c->name, strict == permissive);
        CHECK_ROW(c->name, is_request_valid(c, request) == strict);
        r->requests++;
    }
}

/* Reads one element of the entities' array alone. */
static bool is_entity_valid(const struct cedar_schema *schema, struct slice text)
{
    struct arena arena;
    struct buf list;
    struct cedar_entity_store *store = NULL;
    arena_init(&arena, ARENA_BYTES, NULL);
    buf_init(&list, ARENA_BYTES, NULL);
    buf_append_byte(&list, '[');
    buf_append(&list, text);
    buf_append_byte(&list, ']');
    struct cedar_source source = {SLICE("entity"), buf_view(&list)};
    CHECK(cedar_entity_store_new(&arena, &store) == STATUS_OK);
    bool is_valid = cedar_entities_read(&source, schema, &arena, store, &errors) == STATUS_OK;
    buf_release(&list);
    arena_release(&arena);
    return is_valid;
}

/* "Type::id" of an entity, as the recordings name it. */
static struct slice name_of_entity(const struct json_tape *tape, json_ref entity,
                                   struct arena *arena)
{
    struct slice type = SLICE_EMPTY;
    struct slice id = SLICE_EMPTY;
    json_ref uid = json_member(tape, entity, SLICE("uid"));
    json_ref inner = json_member(tape, uid, SLICE("__entity"));
    uid = inner == JSON_NONE ? uid : inner;
    CHECK(json_string(tape, json_member(tape, uid, SLICE("type")), arena, &type) == STATUS_OK);
    CHECK(json_string(tape, json_member(tape, uid, SLICE("id")), arena, &id) == STATUS_OK);
    uint8_t *bytes = arena_alloc(arena, type.len + id.len + 2);
    if (bytes == NULL) {
        return SLICE_EMPTY;
    }
    memcpy(bytes, type.ptr, type.len);
    memcpy(bytes + type.len, "::", 2);
    memcpy(bytes + type.len + 2, id.ptr, id.len);
    return slice_of(bytes, type.len + id.len + 2);
}

/* Was the entity accepted? In one form of the recordings a verdict says so, in the other the
 * absence of errors. */
static bool was_accepted(const struct json_tape *tape, json_ref verdict)
{
    json_ref success = json_member(tape, verdict, SLICE("success"));
    return success == JSON_NONE ? json_member(tape, verdict, SLICE("errors")) == JSON_NONE
                                : is_true(tape, success);
}

/* Reads each entity alone; returns how many there are. */
static size_t check_entities(const char *name, const struct cedar_schema *schema, struct slice text,
                             const struct json_tape *tape, json_ref verdicts)
{
    size_t count = 0;
    struct arena arena;
    struct json_tape entities;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref entity = JSON_NONE;
    arena_init(&arena, ARENA_BYTES, NULL);
    if (json_parse(corpus_parser(), text, &arena, &entities, NULL) != STATUS_OK) {
        arena_release(&arena);
        return 0; /* no entities at all */
    }
    json_iter_init(&iter, &entities, 0);
    while (json_iter_next(&iter, &key, &entity)) {
        struct slice id = name_of_entity(&entities, entity, &arena);
        json_ref verdict = json_member(tape, verdicts, id);
        if (verdict != JSON_NONE) {
            CHECK_ROW(name, is_entity_valid(schema, json_raw(&entities, entity)) ==
                                was_accepted(tape, verdict));
            count++;
        }
    }
    arena_release(&arena);
    return count;
}

/* "policies/x.json", "corpus-4.10.tar.xz/corpus-tests/x.json": x */
static struct slice id_of(const struct cedar_case *c)
{
    struct slice name = slice_view_cstr(c->name);
    while (slice_find_byte(name, '/') < name.len) {
        name = slice_sub(name, slice_find_byte(name, '/') + 1, name.len);
    }
    return slice_sub(name, 0, name.len - sizeof("json"));
}

static void check_recording(struct cedar_case *c, void *context)
{
    struct recording *r = context;
    struct json_tape tape;
    char name[256];
    snprintf(name, sizeof(name), "%.*s.validation.json", SLICE_ARG(id_of(c)));
    struct slice text = corpus_file(&c->arena, r->folder, name);
    if (text.len == 0) {
        return;
    }
    CHECK_ROW(c->name, c->policies != NULL && c->schema != NULL &&
                           json_parse(corpus_parser(), text, &c->arena, &tape, NULL) == STATUS_OK);
    check_policies(r, c, &tape, CEDAR_VALIDATE_STRICT);
    check_policies(r, c, &tape, CEDAR_VALIDATE_PERMISSIVE);
    check_requests(r, c, &tape);
    json_ref entities = json_member(&tape, 0, SLICE("entityValidation"));
    r->entities += check_entities(c->name, c->schema, c->entity_text, &tape,
                                  json_member(&tape, entities, SLICE("perEntity")));
}

/* 110 tests aimed at the validator. */
TEST(corpus_cedar_verdicts_of_aimed_tests)
{
    static struct recording r;
    const char *root = check_shared_path("cedar-tests/validator");
    r = (struct recording){0};
    if (root == NULL) {
        return;
    }
    snprintf(r.folder, sizeof(r.folder), "%s/policies", root);
    CHECK(cedar_case_each_in("cedar-tests/validator", "policies", check_recording, &r) > 0);
    CHECK(r.policies >= 110 && r.requests > 0 && r.entities > 0);
}

TEST(corpus_cedar_verdicts_of_generated_tests)
{
    static struct recording r;
    char folder[64];
    r = (struct recording){0};
    if (!corpus_unpack("cedar-tests/corpus/go-validation.tar.xz", folder, sizeof(folder))) {
        return;
    }
    snprintf(r.folder, sizeof(r.folder), "%s/go-validation/validation", folder);
    CHECK(cedar_case_each(cedar_case_stride(), check_recording, &r) > 0);
    CHECK(r.policies > 0 && r.requests > 0 && r.entities > 0);
    corpus_remove(folder);
}

/* -- entities ------------------------------------------------------------------------------ */

static struct slice named_file(const struct json_tape *tape, struct slice member,
                               const char *folder, struct arena *arena)
{
    struct slice name = SLICE_EMPTY;
    char path[256];
    CHECK(json_string(tape, json_member(tape, 0, member), arena, &name) == STATUS_OK);
    snprintf(path, sizeof(path), "%.*s", SLICE_ARG(name));
    return corpus_file(arena, folder, path);
}

static enum status read_all(const struct cedar_schema *schema, struct slice text,
                            struct arena *arena)
{
    struct cedar_source source = {SLICE("entities"), text};
    struct cedar_entity_store *store = NULL;
    CHECK(cedar_entity_store_new(arena, &store) == STATUS_OK);
    enum status status = cedar_entities_read(&source, schema, arena, store, &errors);
    return status == STATUS_OK ? cedar_entity_store_close(store) : status;
}

/* Returns how many entities it saw. */
static size_t check_types(const char *folder, const char *name)
{
    struct arena arena;
    struct json_tape test, tape;
    struct cedar_schema *schema = NULL;
    char recorded[512];
    arena_init(&arena, ARENA_BYTES, NULL);
    snprintf(recorded, sizeof(recorded), "%.*s.parsing.json", (int)(strlen(name) - 5), name);
    CHECK(json_parse(corpus_parser(), corpus_file(&arena, folder, name), &arena, &test, NULL) ==
          STATUS_OK);
    CHECK(json_parse(corpus_parser(), corpus_file(&arena, folder, recorded), &arena, &tape, NULL) ==
          STATUS_OK);
    struct cedar_schema_source source = {
        {SLICE("schema"), named_file(&test, SLICE("schema"), folder, &arena)}, CEDAR_FORM_TEXT};
    struct slice text = named_file(&test, SLICE("entities"), folder, &arena);
    CHECK_ROW(name, cedar_schema_parse(&source, 1, &schema, &errors, NULL) == STATUS_OK);
    json_ref all = json_member(&tape, 0, SLICE("allEntities"));
    CHECK_ROW(name, (read_all(schema, text, &arena) == STATUS_OK) == was_accepted(&tape, all));
    size_t count =
        check_entities(name, schema, text, &tape, json_member(&tape, 0, SLICE("perEntity")));
    cedar_schema_free(schema);
    arena_release(&arena);
    return count;
}

static int is_test(const struct dirent *entry)
{
    struct slice name = slice_view_cstr(entry->d_name);
    return slice_ends_with(name, SLICE(".json")) && slice_find_byte(name, '.') + 5 == name.len;
}

TEST(corpus_cedar_entities_with_types)
{
    const char *found = check_shared_path("cedar-tests/validator/types");
    struct dirent **entries = NULL;
    char folder[4096];
    size_t seen = 0;
    if (found == NULL) {
        return;
    }
    snprintf(folder, sizeof(folder), "%s", found);
    int count = scandir(folder, &entries, is_test, alphasort);
    CHECK(count == 22);
    for (int i = 0; i < count; i++) {
        seen += check_types(folder, entries[i]->d_name);
        free(entries[i]);
    }
    free((void *)entries);
    CHECK(seen >= 22);
}

/* -- samples ------------------------------------------------------------------------------- */

static enum status parse_schema(struct slice text, bool is_json, struct cedar_schema **out)
{
    struct cedar_schema_source source = {{SLICE("schema"), text},
                                         is_json ? CEDAR_FORM_JSON : CEDAR_FORM_TEXT};
    return cedar_schema_parse(&source, 1, out, &errors, NULL);
}

static bool ends_in_json(const char *name)
{
    return slice_ends_with(slice_view_cstr(name), SLICE(".json"));
}

/* The verdict on the policies of a folder at a level; UINT32_MAX: without a bound. */
static bool sample_is_valid(const char *folder, const char *policies, const char *schema_name,
                            uint32_t level)
{
    struct arena arena;
    struct cedar_schema *schema = NULL;
    struct cedar_policy_set *set = NULL;
    arena_init(&arena, ARENA_BYTES, NULL);
    struct cedar_validate_options options = {.has_level = level != UINT32_MAX, .level = level};
    struct slice schema_text = corpus_file(&arena, folder, schema_name);
    struct cedar_source source = {SLICE("policies"), corpus_file(&arena, folder, policies)};
    CHECK_ROW(policies, schema_text.len > 0 && source.text.len > 0);
    CHECK_ROW(folder, parse_schema(schema_text, ends_in_json(schema_name), &schema) == STATUS_OK);
    CHECK_ROW(folder, cedar_policy_set_parse(&source, 1, false, &set, &errors) == STATUS_OK);
    enum status status = STATUS_INVALID;
    if (schema != NULL && set != NULL) {
        status = cedar_validate(set, schema, &options, &errors, &warnings);
    }
    cedar_policy_set_free(set);
    cedar_schema_free(schema);
    arena_release(&arena);
    return status == STATUS_OK;
}

/* Each level sample is valid from its level on. */
TEST(corpus_cedar_sample_levels)
{
    const char *root = check_shared_path("cedar-tests/samples/tiny_sandboxes/level-validation");
    char folder[4096];
    if (root == NULL) {
        return;
    }
    snprintf(folder, sizeof(folder), "%s", root);
    for (uint32_t sample = 0; sample < 3; sample++) {
        char name[64];
        snprintf(name, sizeof(name), "policy-level-%u.cedar", (unsigned)sample);
        for (uint32_t level = 0; level < 5; level++) {
            CHECK_ROW(name, sample_is_valid(folder, name, "schema.cedarschema", level) ==
                                (level >= sample));
        }
        CHECK_ROW(name, sample_is_valid(folder, name, "schema.cedarschema", UINT32_MAX));
    }
}

/* The public examples and the official samples, judged as the engine 4.13.0 judges them. */
static const struct {
    const char *folder, *policies, *schema;
    bool is_valid;
} SAMPLES[] = {
    {"examples/cedar-example-use-cases/document_cloud", "policies.cedar", "policies.cedarschema",
     true},
    {"examples/cedar-example-use-cases/github_example", "policies.cedar", "policies.cedarschema",
     true},
    {"examples/cedar-example-use-cases/hotel_chains/static", "policies.cedar",
     "policies.cedarschema", true},
    {"examples/cedar-example-use-cases/hotel_chains/templated", "policies.cedar",
     "policies.cedarschema", true},
    {"examples/cedar-example-use-cases/sales_orgs/static", "policies.cedar", "policies.cedarschema",
     true},
    {"examples/cedar-example-use-cases/sales_orgs/templated", "policies.cedar",
     "policies.cedarschema", true},
    {"examples/cedar-example-use-cases/streaming_service", "policies.cedar", "policies.cedarschema",
     true},
    {"examples/cedar-example-use-cases/tags_n_roles", "policies.cedar", "policies.cedarschema",
     true},
    {"examples/cedar-example-use-cases/tax_preparer", "policies.cedar", "policies.cedarschema",
     true},
    {"examples/cedar-policy-language-in-action/GitApp", "gitapp.cedar", "gitapp.cedarschema", true},
    {"examples/cedar-policy-language-in-action/PhotoApp", "photoapp.cedar", "photoapp.cedarschema",
     true},
    {"examples/tinytodo", "policies-templates.cedar", "tinytodo-templates.cedarschema", true},
    {"examples/tinytodo", "policies.cedar", "tinytodo.cedarschema", true},
    {"oopsla2024/gdrive-templates/cedar", "policies.cedar", "gdrive-templates.cedarschema.json",
     true},
    {"oopsla2024/gdrive/cedar", "policies.cedar", "gdrive.cedarschema.json", true},
    {"oopsla2024/github-templates/cedar", "policies.cedar", "github-templates.cedarschema.json",
     true},
    {"oopsla2024/github/cedar", "policies.cedar", "github.cedarschema.json", true},
    {"oopsla2024/tinytodo/cedar", "tinytodo.cedar", "tinytodo.cedarschema.json", true},
    {"samples/sandbox_a", "policies_1.cedar", "schema.cedarschema", true},
    {"samples/sandbox_a", "policies_1_bad.cedar", "schema.cedarschema", false},
    {"samples/sandbox_a", "policies_2.cedar", "schema.cedarschema", true},
    {"samples/sandbox_a", "policies_3.cedar", "schema.cedarschema", true},
    {"samples/sandbox_b", "policies_4.cedar", "schema.cedarschema", true},
    {"samples/sandbox_b", "policies_5.cedar", "schema.cedarschema", true},
    {"samples/sandbox_b", "policies_5_bad.cedar", "schema.cedarschema", false},
    {"samples/sandbox_b", "policies_6.cedar", "schema.cedarschema", true},
    {"samples/sandbox_c", "policies.cedar", "schema.cedarschema", true},
    {"samples/sandbox_c", "policies_edited.cedar", "schema.cedarschema", true},
    {"samples/tiny_sandboxes/sample1", "policy.cedar", "schema.cedarschema", true},
    {"samples/tiny_sandboxes/sample10", "policy.cedar", "schema.cedarschema", true},
    {"samples/tiny_sandboxes/sample11", "invalid_policy.cedar", "schema.cedarschema", false},
    {"samples/tiny_sandboxes/sample11", "valid_policy.cedar", "schema.cedarschema", true},
    {"samples/tiny_sandboxes/sample2", "policy.cedar", "schema.cedarschema", true},
    {"samples/tiny_sandboxes/sample3", "policy.cedar", "schema.cedarschema", true},
    {"samples/tiny_sandboxes/sample4", "policy.cedar", "schema.cedarschema", true},
    {"samples/tiny_sandboxes/sample5", "policy.cedar", "schema.cedarschema", true},
    {"samples/tiny_sandboxes/sample6", "policy.cedar", "schema.cedarschema", true},
    {"samples/tiny_sandboxes/sample7", "policy.cedar", "schema.cedarschema", true},
    {"samples/tiny_sandboxes/sample8", "policy.cedar", "schema.cedarschema", true},
    {"samples/tiny_sandboxes/sample9", "policy.cedar", "schema.cedarschema", true},
    {"samples/tiny_sandboxes/sample9", "policy_bad.cedar", "schema.cedarschema", false},
    {"samples/tpe_rfc", "policies.cedar", "schema.cedarschema", true},
};

TEST(corpus_cedar_samples)
{
    for (size_t i = 0; i < COUNT_OF(SAMPLES); i++) {
        char folder[4096];
        snprintf(folder, sizeof(folder), "cedar-tests/%s", SAMPLES[i].folder);
        const char *found = check_shared_path(folder);
        if (found == NULL) {
            return;
        }
        snprintf(folder, sizeof(folder), "%s", found);
        CHECK_ROW(folder, sample_is_valid(folder, SAMPLES[i].policies, SAMPLES[i].schema,
                                          UINT32_MAX) == SAMPLES[i].is_valid);
    }
}

static int is_schema(const struct dirent *entry)
{
    struct slice name = slice_view_cstr(entry->d_name);
    return slice_ends_with(name, SLICE(".cedarschema")) ||
           slice_ends_with(name, SLICE(".cedarschema.json"));
}

/* Schemas that were generated from descriptions of tools. */
TEST(corpus_cedar_schemas_of_tools)
{
    static const char *const FOLDERS[] = {"dedup", "simple", "strands"};
    for (size_t i = 0; i < COUNT_OF(FOLDERS); i++) {
        char folder[4096];
        snprintf(folder, sizeof(folder), "cedar-tests/mcp/%s", FOLDERS[i]);
        const char *found = check_shared_path(folder);
        struct dirent **entries = NULL;
        if (found == NULL) {
            return;
        }
        snprintf(folder, sizeof(folder), "%s", found);
        int count = scandir(folder, &entries, is_schema, alphasort);
        CHECK_ROW(folder, count > 0);
        for (int k = 0; k < count; k++) {
            struct arena arena;
            struct cedar_schema *schema = NULL;
            const char *name = entries[k]->d_name;
            arena_init(&arena, ARENA_BYTES, NULL);
            CHECK_ROW(name, parse_schema(corpus_file(&arena, folder, name), ends_in_json(name),
                                         &schema) == STATUS_OK);
            cedar_schema_free(schema);
            arena_release(&arena);
            free(entries[k]);
        }
        free((void *)entries);
    }
}
