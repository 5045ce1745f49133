/* The JSON Schema of the configuration, written from the tables that the loader reads by. */
#include "daemon/config/config.h"
#include "daemon/config/config_fields.h"

#include <inttypes.h>

static void print_object(FILE *out, const struct config_object *object);

static void print_choices(FILE *out, const struct config_choice *choices)
{
    fputs("{\"enum\":[", out);
    for (size_t i = 0; choices[i].name.len > 0; i++) {
        fprintf(out, "%s\"%.*s\"", i == 0 ? "" : ",", SLICE_ARG(choices[i].name));
    }
    fputs("]}", out);
}

static void print_one_or_list(FILE *out, const struct config_choice *choices)
{
    fputs("{\"oneOf\":[", out);
    for (int i = 0; i < 2; i++) {
        fputs(i == 0 ? "" : ",{\"type\":\"array\",\"minItems\":1,\"items\":", out);
        if (choices != NULL) {
            print_choices(out, choices);
        } else {
            fputs("{\"type\":\"string\"}", out);
        }
    }
    fputs("}]}", out);
}

static void print_value(FILE *out, const struct config_field *field)
{
    switch (field->kind) {
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_PATH:
    case CONFIG_KIND_ADDRESS:
        fputs("{\"type\":\"string\",\"minLength\":1}", out);
        return;
    case CONFIG_KIND_URL:
        fputs("{\"type\":\"string\",\"format\":\"uri\",\"pattern\":\"^[Hh][Tt][Tt][Pp][Ss]?://\"}",
              out);
        return;
    case CONFIG_KIND_BOOL:
        fprintf(out, "{\"type\":\"boolean\",\"default\":%s}",
                field->value_default != 0 ? "true" : "false");
        return;
    case CONFIG_KIND_NUMBER:
        fprintf(out, "{\"type\":\"integer\",\"minimum\":%" PRId64 ",\"maximum\":%" PRId64 "}",
                field->value_min, field->value_max);
        return;
    case CONFIG_KIND_CHOICE:
    case CONFIG_KIND_NAMED:
        print_choices(out, field->choices);
        return;
    case CONFIG_KIND_MASK:
    case CONFIG_KIND_TEXTS:
    case CONFIG_KIND_PATHS:
        print_one_or_list(out, field->choices);
        return;
    case CONFIG_KIND_OBJECT:
        print_object(out, field->object);
        return;
    case CONFIG_KIND_OBJECTS:
        fprintf(out, "{\"type\":\"array\",\"maxItems\":%" PRId64 ",\"items\":", field->value_max);
        print_object(out, field->object);
        fputc('}', out);
        return;
    case CONFIG_KIND_NAMED_OBJECTS:
        fprintf(out, "{\"type\":\"object\",\"maxProperties\":%" PRId64 ",\"additionalProperties\":",
                field->value_max);
        print_object(out, field->object);
        fputc('}', out);
        return;
    case CONFIG_KIND_VARIABLES:
        fputs("{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\",\"number\","
              "\"boolean\"]}}",
              out);
        return;
    case CONFIG_KIND_CUSTOM:
        fputs(field->schema, out);
        return;
    case CONFIG_KIND_UNSUPPORTED:
        fputs("false", out);
        return;
    }
}

/* The description stands beside allOf, because a boolean schema has no room for one. */
static void print_field(FILE *out, const struct config_field *field)
{
    fprintf(out, "\"%.*s\":", SLICE_ARG(field->name));
    if (field->kind == CONFIG_KIND_UNSUPPORTED) {
        print_value(out, field);
        return;
    }
    fputs("{\"description\":\"", out);
    for (const char *at = field->doc; *at != '\0'; at++) {
        fprintf(out, "%s%c", *at == '"' ? "\\" : "", *at);
    }
    fputs("\",\"allOf\":[", out);
    print_value(out, field);
    fputs("]}", out);
}

static void print_object(FILE *out, const struct config_object *object)
{
    fputs("{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{", out);
    for (size_t i = 0; i < object->field_count; i++) {
        fputs(i == 0 ? "" : ",", out);
        print_field(out, &object->fields[i]);
    }
    fputs("},\"required\":[", out);
    const char *between = "";
    for (size_t i = 0; i < object->field_count; i++) {
        if (object->fields[i].is_required) {
            fprintf(out, "%s\"%.*s\"", between, SLICE_ARG(object->fields[i].name));
            between = ",";
        }
    }
    fputs("]}", out);
}

static void print_limits(FILE *out)
{
    fputs("{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{", out);
    for (size_t i = 0; i < config_limit_count; i++) {
        const struct config_limit *limit = &config_limit_table[i];
        fprintf(out,
                "%s\"%.*s\":{\"description\":\"%s\",\"type\":\"integer\",\"default\":%" PRId64
                ",\"minimum\":%" PRId64 ",\"maximum\":%" PRId64 "}",
                i == 0 ? "" : ",", SLICE_ARG(limit->name), limit->doc, limit->value_default,
                limit->value_min, limit->value_max);
    }
    fputs("}}", out);
}

void config_schema_print(FILE *out)
{
    fputs("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
          "\"title\":\"Aegis configuration, version 1\",\"allOf\":[",
          out);
    print_object(out, &config_object_root);
    fputs("],\"$defs\":{\"service\":", out);
    print_object(out, &config_object_service);
    fputs(",\"role_source\":", out);
    print_object(out, &config_object_role_source);
    fputs(",\"limits\":", out);
    print_limits(out);
    fputs("}}\n", out);
}
