/* What is published about the configuration agrees with the tables it is read by. */
#include "daemon/config/config_bounds.h"
#include "daemon/config/config_fields.h"

#include "support/check.h"
#include "support/corpus.h"
#include "json/tape.h"

#include <stdio.h>

#define TEXT_BYTES ((size_t)128 * 1024)

static struct slice read_document(const char *path)
{
    static char text[TEXT_BYTES];
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    size_t len = file != NULL ? fread(text, 1, sizeof(text), file) : 0;
    if (file != NULL) {
        fclose(file);
    }
    return slice_of(text, len);
}

static bool contains(struct slice text, struct slice part)
{
    for (size_t at = 0; at + part.len <= text.len; at++) {
        if (slice_eq(slice_sub(text, at, at + part.len), part)) {
            return true;
        }
    }
    return false;
}

/* `name` or `...name`, closed by a backtick. */
static bool is_documented(struct slice text, struct slice name)
{
    char quoted[80];
    snprintf(quoted, sizeof(quoted), "%.*s`", SLICE_ARG(name));
    return contains(text, slice_view_cstr(quoted));
}

/* Recursive through the tables, which are a few levels deep. */
static void check_documented(struct slice text, const struct config_object *object)
{
    for (size_t i = 0; i < object->field_count; i++) {
        const struct config_field *field = &object->fields[i];
        CHECK_ROW((const char *)field->name.ptr, is_documented(text, field->name));
        CHECK_ROW((const char *)field->name.ptr, field->doc != NULL && field->doc[0] != '\0');
        if (field->object != NULL) {
            check_documented(text, field->object);
        }
    }
}

TEST(config_documentation_names_every_key_and_limit)
{
    struct slice text = read_document("docs/configuration.md");
    check_documented(text, &config_object_root);
    check_documented(text, &config_object_service);
    for (size_t i = 0; i < config_limit_count; i++) {
        CHECK_ROW((const char *)config_limit_table[i].name.ptr,
                  is_documented(text, config_limit_table[i].name));
    }
    for (size_t i = 0; i < config_bound_count; i++) {
        CHECK_ROW((const char *)config_bound_table[i].name.ptr,
                  is_documented(text, config_bound_table[i].name));
    }
}

static void check_json(void (*print)(FILE *out), const char *name)
{
    static char text[TEXT_BYTES];
    FILE *file = fmemopen(text, sizeof(text), "w");
    struct json_tape tape;
    struct arena arena;
    CHECK_ROW(name, file != NULL);
    if (file == NULL) {
        return;
    }
    print(file);
    long len = ftell(file);
    fclose(file);
    arena_init(&arena, (size_t)16 << 20, NULL);
    CHECK_ROW(name, len > 0 && json_parse(corpus_parser(), slice_of(text, (size_t)len), &arena,
                                          &tape, NULL) == STATUS_OK);
    arena_release(&arena);
}

static void print_limits(FILE *out)
{
    config_limits_print_json(out, NULL);
}

static void print_report(FILE *out)
{
    struct config_problem problem = {
        .file = SLICE("a\"b"),
        .line = 1,
        .column = 2,
        .code = "config.value",
        .message = SLICE("\xFF\\"),
        .hint = SLICE("a \"hint\""),
    };
    struct config_report report = {.problems = &problem, .count = 1};
    config_report_print_json(out, &report);
}

TEST(config_outputs_are_json)
{
    check_json(config_schema_print, "schema");
    check_json(print_limits, "limits");
    check_json(print_report, "report");
}
