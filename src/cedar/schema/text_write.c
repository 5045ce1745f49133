#include "cedar/schema/write.h"

#include "cedar/syntax/lexer.h"
#include "cedar/syntax/print.h"
#include "cedar/syntax/report.h"

#define INDENT 2U

struct text_writing {
    struct buf *out;
    struct arena *arena;
    const struct cedar_source *source;
    struct cedar_diagnostics *diagnostics;
    unsigned indent;
};

static enum status write_type(struct text_writing *w, const struct schema_type_syntax *type);

static void write_spaces(struct text_writing *w)
{
    for (unsigned i = 0; i < w->indent; i++) {
        buf_append_byte(w->out, ' ');
    }
}

/* A name without quotes where it can be read back so. */
static void write_name(struct text_writing *w, struct slice name)
{
    struct lexer lexer = {.source = name};
    struct token token = lexer_next(&lexer);
    bool is_plain =
        token.kind == TOKEN_IDENT && token.text.len == name.len && !lexer_is_reserved(name);
    if (is_plain) {
        buf_append(w->out, name);
    } else {
        print_string(w->out, name);
    }
}

static enum status write_annotations(struct text_writing *w,
                                     const struct schema_annotations *annotations)
{
    const struct schema_annotation **sorted = NULL;
    TRY(schema_sort_annotations(annotations, w->arena, &sorted));
    for (size_t i = 0; i < annotations->count; i++) {
        write_spaces(w);
        buf_append_byte(w->out, '@');
        buf_append(w->out, sorted[i]->key);
        /* Without a value too, as the official engine has it; policies keep the short form. */
        buf_append_byte(w->out, '(');
        print_string(w->out, sorted[i]->value);
        buf_append(w->out, SLICE(")\n"));
    }
    return STATUS_OK;
}

/* -- types --------------------------------------------------------------------------------- */

static enum status write_attribute(struct text_writing *w, const struct schema_attribute *attribute)
{
    TRY(write_annotations(w, &attribute->annotations));
    write_spaces(w);
    write_name(w, attribute->name);
    buf_append(w->out, attribute->is_required ? SLICE(": ") : SLICE("?: "));
    return write_type(w, &attribute->type);
}

static enum status write_record(struct text_writing *w, const struct schema_type_syntax *type)
{
    const struct schema_attribute **sorted = NULL;
    TRY(schema_sort_attributes(type, w->arena, &sorted));
    buf_append_byte(w->out, '{');
    w->indent += INDENT;
    for (size_t i = 0; i < type->attribute_count; i++) {
        buf_append(w->out, i > 0 ? SLICE(",\n") : SLICE("\n"));
        TRY(write_attribute(w, sorted[i]));
    }
    w->indent -= INDENT;
    if (type->attribute_count > 0) {
        buf_append_byte(w->out, '\n');
    }
    /* Also between the braces of an empty record, as the official engine has it. */
    write_spaces(w);
    buf_append_byte(w->out, '}');
    return STATUS_OK;
}

/* Types of the language are written so that no declaration can capture them. */
static void write_builtin(struct text_writing *w, struct slice name)
{
    buf_append(w->out, SLICE("__cedar::"));
    buf_append(w->out, name);
}

static enum status write_type(struct text_writing *w, const struct schema_type_syntax *type)
{
    switch (type->kind) {
    case SCHEMA_LONG:
        write_builtin(w, SLICE("Long"));
        return STATUS_OK;
    case SCHEMA_STRING:
        write_builtin(w, SLICE("String"));
        return STATUS_OK;
    case SCHEMA_BOOL:
        write_builtin(w, SLICE("Bool"));
        return STATUS_OK;
    case SCHEMA_EXTENSION:
        write_builtin(w, type->name.text);
        return STATUS_OK;
    case SCHEMA_SET:
        buf_append(w->out, SLICE("Set<"));
        TRY(write_type(w, type->element));
        buf_append_byte(w->out, '>');
        return STATUS_OK;
    case SCHEMA_RECORD:
        return write_record(w, type);
    case SCHEMA_NAME:
    case SCHEMA_COMMON:
    case SCHEMA_ENTITY:
        break;
    }
    buf_append(w->out, type->name.text);
    return STATUS_OK;
}

static void write_names(struct text_writing *w, const struct schema_names *names)
{
    buf_append_byte(w->out, '[');
    for (size_t i = 0; i < names->count; i++) {
        buf_append(w->out, i > 0 ? SLICE(", ") : SLICE_EMPTY);
        buf_append(w->out, names->items[i].text);
    }
    buf_append_byte(w->out, ']');
}

/* -- declarations -------------------------------------------------------------------------- */

static enum status write_common(struct text_writing *w, const struct schema_common *common)
{
    TRY(write_annotations(w, &common->annotations));
    write_spaces(w);
    buf_append(w->out, SLICE("type "));
    buf_append(w->out, common->name);
    buf_append(w->out, SLICE(" = "));
    return write_type(w, &common->type);
}

static enum status write_ids(struct text_writing *w, const struct schema_entity *entity)
{
    buf_append(w->out, SLICE(" enum ["));
    for (size_t i = 0; i < entity->id_count; i++) {
        buf_append(w->out, i > 0 ? SLICE(", ") : SLICE_EMPTY);
        print_string(w->out, entity->ids[i]);
    }
    buf_append_byte(w->out, ']');
    return STATUS_OK;
}

static enum status write_tags(struct text_writing *w, const struct schema_type_syntax *tags)
{
    unsigned indent = w->indent;
    w->indent = 0;
    buf_append(w->out, SLICE(" tags "));
    enum status status = write_type(w, tags);
    w->indent = indent;
    return status;
}

static enum status write_entity(struct text_writing *w, const struct schema_entity *entity)
{
    TRY(write_annotations(w, &entity->annotations));
    write_spaces(w);
    buf_append(w->out, SLICE("entity "));
    buf_append(w->out, entity->name);
    if (entity->ids != NULL) {
        return write_ids(w, entity);
    }
    if (entity->parents.count > 0) {
        buf_append(w->out, SLICE(" in "));
        write_names(w, &entity->parents);
    }
    if (entity->shape != NULL && entity->shape->kind != SCHEMA_RECORD) {
        return report_at(w->diagnostics, w->source, entity->at,
                         "the shape of '%.*s' is a name, which has no form in Cedar text",
                         SLICE_ARG(entity->name));
    }
    if (entity->shape != NULL && entity->shape->attribute_count > 0) {
        buf_append(w->out, SLICE(" = "));
        TRY(write_record(w, entity->shape));
    }
    return entity->tags == NULL ? STATUS_OK : write_tags(w, entity->tags);
}

static void write_parents(struct text_writing *w, const struct schema_action *action)
{
    buf_append(w->out, SLICE(" in ["));
    for (size_t i = 0; i < action->parent_count; i++) {
        const struct schema_action_name *name = &action->parents[i];
        buf_append(w->out, i > 0 ? SLICE(", ") : SLICE_EMPTY);
        buf_append(w->out, name->type.len > 0 ? name->type : SLICE("Action"));
        buf_append(w->out, SLICE("::"));
        print_string(w->out, name->id);
    }
    buf_append_byte(w->out, ']');
}

static enum status write_applies(struct text_writing *w, const struct schema_action *action)
{
    static const struct schema_type_syntax EMPTY = {.kind = SCHEMA_RECORD};
    buf_append(w->out, SLICE(" appliesTo {\n"));
    w->indent += INDENT;
    write_spaces(w);
    buf_append(w->out, SLICE("principal: "));
    write_names(w, &action->principals);
    buf_append(w->out, SLICE(",\n"));
    write_spaces(w);
    buf_append(w->out, SLICE("resource: "));
    write_names(w, &action->resources);
    buf_append(w->out, SLICE(",\n"));
    write_spaces(w);
    buf_append(w->out, SLICE("context: "));
    const struct schema_type_syntax *context = action->context == NULL ? &EMPTY : action->context;
    if (context->kind == SCHEMA_RECORD && context->attribute_count == 0) {
        buf_append(w->out, SLICE("{}"));
    } else {
        TRY(write_type(w, context));
    }
    buf_append_byte(w->out, '\n');
    w->indent -= INDENT;
    write_spaces(w);
    buf_append_byte(w->out, '}');
    return STATUS_OK;
}

/* An action that applies to nothing has no appliesTo in text: the lists must not be empty there. */
static enum status write_action(struct text_writing *w, const struct schema_action *action)
{
    TRY(write_annotations(w, &action->annotations));
    write_spaces(w);
    buf_append(w->out, SLICE("action "));
    print_string(w->out, action->id);
    if (action->parent_count > 0) {
        write_parents(w, action);
    }
    bool applies = action->principals.count > 0 && action->resources.count > 0;
    return applies ? write_applies(w, action) : STATUS_OK;
}

/* Between declarations stands an empty line. */
static void end_declaration(struct text_writing *w, size_t *left)
{
    buf_append(w->out, --*left > 0 ? SLICE(";\n\n") : SLICE(";\n"));
}

static enum status write_declarations(struct text_writing *w,
                                      const struct schema_namespace *namespace)
{
    struct schema_sorted sorted;
    size_t left = namespace->common_count + namespace->entity_count + namespace->action_count;
    TRY(schema_sort(namespace, w->arena, &sorted));
    for (size_t i = 0; i < namespace->common_count; i++) {
        TRY(write_common(w, sorted.commons[i]));
        end_declaration(w, &left);
    }
    for (size_t i = 0; i < namespace->entity_count; i++) {
        TRY(write_entity(w, sorted.entities[i]));
        end_declaration(w, &left);
    }
    for (size_t i = 0; i < namespace->action_count; i++) {
        TRY(write_action(w, sorted.actions[i]));
        end_declaration(w, &left);
    }
    return STATUS_OK;
}

static enum status write_namespace(struct text_writing *w, const struct schema_namespace *namespace)
{
    if (namespace->name.len == 0) {
        return write_declarations(w, namespace);
    }
    TRY(write_annotations(w, &namespace->annotations));
    buf_append(w->out, SLICE("namespace "));
    buf_append(w->out, namespace->name);
    buf_append(w->out, SLICE(" {\n"));
    w->indent += INDENT;
    TRY(write_declarations(w, namespace));
    w->indent -= INDENT;
    buf_append(w->out, SLICE("}\n"));
    return STATUS_OK;
}

enum status schema_write_text(const struct schema_source *source, struct arena *arena,
                              struct buf *out, struct cedar_diagnostics *diagnostics)
{
    struct cedar_source place = {source->name, source->text};
    struct text_writing writing = {out, arena, &place, diagnostics, 0};
    const struct schema_namespace **sorted = NULL;
    TRY(schema_sort_namespaces(source, arena, &sorted));
    for (size_t i = 0; i < source->namespace_count; i++) {
        size_t before = out->len;
        TRY(write_namespace(&writing, sorted[i]));
        bool is_last = i + 1 == source->namespace_count;
        buf_append(out, is_last || out->len == before ? SLICE_EMPTY : SLICE("\n"));
    }
    return buf_status(out);
}
