/* The Cedar form of a schema: one function for each rule of the grammar (reference, 10.1). */
#include "cedar/schema/text_reader.h"
#include "cedar/syntax/report.h"
#include "cedar/value/uid_table.h"

#include <assert.h>

static enum status read_type(struct text_reader *r, struct schema_type_syntax *out);

/* -- annotations --------------------------------------------------------------------------- */

static enum status read_annotation(struct text_reader *r, struct text_list *list)
{
    struct schema_annotation *annotation = text_list_add(r, list, sizeof(*annotation));
    if (annotation == NULL) {
        return STATUS_LIMIT;
    }
    /* Any identifier will do, reserved ones too. */
    if (r->token.kind != TOKEN_IDENT) {
        return text_unexpected(r, "the annotation's name");
    }
    struct token key = text_take(r);
    *annotation = (struct schema_annotation){.key = key.text, .at = token_range(&key)};
    const struct schema_annotation *all = list->items;
    for (size_t i = 0; i + 1 < list->count; i++) {
        if (slice_eq(all[i].key, key.text)) {
            (void)report_at(r->diagnostics, r->source, all[i].at,
                            "the annotation '%.*s' is given twice", SLICE_ARG(key.text));
            report_at_label(r->diagnostics, annotation->at);
        }
    }
    if (!text_take_mark(r, SLICE("("))) {
        return STATUS_OK;
    }
    struct schema_name value;
    TRY(text_string(r, &value));
    annotation->value = value.text;
    annotation->has_value = true;
    return text_expect(r, SLICE(")"));
}

static enum status read_annotations(struct text_reader *r, struct schema_annotations *out)
{
    struct text_list list = {0};
    while (text_take_mark(r, SLICE("@"))) {
        TRY(read_annotation(r, &list));
    }
    *out = (struct schema_annotations){list.items, list.count};
    return STATUS_OK;
}

/* -- types --------------------------------------------------------------------------------- */

/* An identifier, or any text as a string. */
static enum status read_name(struct text_reader *r, struct schema_name *out)
{
    if (r->token.kind == TOKEN_STRING) {
        return text_string(r, out);
    }
    return r->token.kind == TOKEN_IDENT ? text_identifier(r, out)
                                        : text_unexpected(r, "an identifier or a string");
}

/* The attribute of that name, made when it is new: one that is declared again is declared anew, as
 * in the official engine. */
static enum status add_attribute(struct text_reader *r, struct text_list *list,
                                 struct uid_table *names, const struct schema_name *name,
                                 struct schema_attribute **out)
{
    struct cedar_uid key = {SLICE_EMPTY, name->text};
    uint32_t found = uid_table_find(names, &key);
    if (found != UID_TABLE_NONE) {
        *out = (struct schema_attribute *)list->items + found;
        return STATUS_OK;
    }
    *out = text_list_add(r, list, sizeof(**out));
    return *out == NULL ? STATUS_LIMIT : uid_table_add(names, &key, (uint32_t)list->count - 1);
}

static enum status read_attribute(struct text_reader *r, struct text_list *list,
                                  struct uid_table *names)
{
    struct schema_name name;
    struct schema_attribute read = {.is_required = true};
    struct schema_attribute *attribute = NULL;
    TRY(read_annotations(r, &read.annotations));
    TRY(read_name(r, &name));
    read.name = name.text;
    read.at = name.at;
    if (r->token.kind == TOKEN_SLOT && r->token.text.len == 1) {
        (void)text_take(r);
        read.is_required = false;
    }
    TRY(text_expect(r, SLICE(":")));
    TRY(read_type(r, &read.type));
    TRY(add_attribute(r, list, names, &name, &attribute));
    assert(attribute != NULL);
    *attribute = read;
    return STATUS_OK;
}

/* The '{' is taken. */
static enum status read_record(struct text_reader *r, struct schema_type_syntax *out)
{
    struct text_list list = {0};
    struct uid_table names = {.arena = r->arena};
    while (!text_take_mark(r, SLICE("}"))) {
        TRY(read_attribute(r, &list, &names));
        if (!text_take_mark(r, SLICE(",")) && !text_at_mark(r, SLICE("}"))) {
            return text_unexpected(r, "',' or '}'");
        }
    }
    *out = (struct schema_type_syntax){
        .kind = SCHEMA_RECORD, .attributes = list.items, .attribute_count = list.count};
    return STATUS_OK;
}

static enum status read_set(struct text_reader *r, struct schema_type_syntax *out)
{
    struct schema_type_syntax *element = arena_alloc_zero(r->arena, 1, sizeof(*element));
    if (element == NULL) {
        return STATUS_LIMIT;
    }
    (void)text_take(r);
    TRY(text_expect(r, SLICE("<")));
    TRY(read_type(r, element));
    *out = (struct schema_type_syntax){.kind = SCHEMA_SET, .element = element};
    return text_expect(r, SLICE(">"));
}

static bool at_set(const struct text_reader *r)
{
    struct lexer ahead = r->lexer;
    struct token next = lexer_next(&ahead);
    return text_at_word(r, SLICE("Set")) && next.kind == TOKEN_PUNCTUATION &&
           slice_eq(next.text, SLICE("<"));
}

static enum status read_type(struct text_reader *r, struct schema_type_syntax *out)
{
    if (r->depth == CEDAR_DEPTH_MAX) {
        return report_at(r->diagnostics, r->source, token_range(&r->token),
                         "nested deeper than %d levels", CEDAR_DEPTH_MAX);
    }
    enum status status = STATUS_OK;
    r->depth++;
    if (text_take_mark(r, SLICE("{"))) {
        status = read_record(r, out);
    } else if (at_set(r)) {
        status = read_set(r, out);
    } else if (r->token.kind != TOKEN_IDENT) {
        status = text_unexpected(r, "a type");
    } else {
        *out = (struct schema_type_syntax){.kind = SCHEMA_NAME};
        status = text_path(r, &out->name);
    }
    r->depth--;
    return status;
}

static enum status new_type(struct text_reader *r, const struct schema_type_syntax **out)
{
    struct schema_type_syntax *type = arena_alloc_zero(r->arena, 1, sizeof(*type));
    *out = type;
    return type == NULL ? STATUS_LIMIT : read_type(r, type);
}

static enum status read_names(struct text_reader *r, struct schema_names *out)
{
    struct text_list list = {0};
    bool is_list = text_take_mark(r, SLICE("["));
    if (is_list && text_take_mark(r, SLICE("]"))) {
        *out = (struct schema_names){0};
        return STATUS_OK;
    }
    do {
        struct schema_name *name = text_list_add(r, &list, sizeof(*name));
        if (name == NULL) {
            return STATUS_LIMIT;
        }
        TRY(text_path(r, name));
    } while (is_list && text_take_mark(r, SLICE(",")));
    *out = (struct schema_names){list.items, list.count};
    return is_list ? text_expect(r, SLICE("]")) : STATUS_OK;
}

/* -- entity types and common types --------------------------------------------------------- */

/* Builders of the lists of a namespace. */
struct open_namespace {
    struct schema_namespace *namespace;
    struct text_list commons, entities, actions;
};

/* What several names of one declaration share. */
struct declaration {
    size_t from;
    struct schema_annotations annotations;
    struct text_list names; /* struct schema_name */
};

static enum status read_declared_names(struct text_reader *r, struct declaration *declaration,
                                       enum status (*read)(struct text_reader *r,
                                                           struct schema_name *out))
{
    do {
        struct schema_name *name =
            text_list_add(r, &declaration->names, sizeof(struct schema_name));
        if (name == NULL) {
            return STATUS_LIMIT;
        }
        TRY(read(r, name));
    } while (text_take_mark(r, SLICE(",")));
    return STATUS_OK;
}

static enum status read_ids(struct text_reader *r, struct schema_entity *entity)
{
    struct text_list list = {0};
    TRY(text_expect(r, SLICE("[")));
    do {
        struct schema_name id;
        TRY(text_string(r, &id));
        struct slice *item = text_list_add(r, &list, sizeof(*item));
        if (item == NULL) {
            return STATUS_LIMIT;
        }
        *item = id.text;
    } while (text_take_mark(r, SLICE(",")));
    entity->ids = list.items;
    entity->id_count = list.count;
    return text_expect(r, SLICE("]"));
}

static enum status read_entity_body(struct text_reader *r, struct schema_entity *entity)
{
    if (text_take_word(r, SLICE("enum"))) {
        return read_ids(r, entity);
    }
    if (text_take_word(r, SLICE("in"))) {
        TRY(read_names(r, &entity->parents));
    }
    bool has_sign = text_take_mark(r, SLICE("="));
    if (text_at_mark(r, SLICE("{"))) {
        TRY(new_type(r, &entity->shape));
    } else if (has_sign) {
        return text_unexpected(r, "'{'");
    }
    return text_take_word(r, SLICE("tags")) ? new_type(r, &entity->tags) : STATUS_OK;
}

static enum status end_declaration(struct text_reader *r)
{
    return text_take_mark(r, SLICE(";")) ? STATUS_OK : text_unexpected(r, "';'");
}

static enum status read_entity(struct text_reader *r, struct declaration *declaration,
                               struct open_namespace *open)
{
    struct schema_entity body = {.annotations = declaration->annotations};
    TRY(read_declared_names(r, declaration, text_identifier));
    TRY(read_entity_body(r, &body));
    TRY(end_declaration(r));
    body.whole = text_range(r, declaration->from);
    for (size_t i = 0; i < declaration->names.count; i++) {
        struct schema_entity *entity = text_list_add(r, &open->entities, sizeof(*entity));
        if (entity == NULL) {
            return STATUS_LIMIT;
        }
        const struct schema_name *name = (struct schema_name *)declaration->names.items + i;
        *entity = body;
        entity->name = name->text;
        entity->at = name->at;
    }
    return STATUS_OK;
}

static enum status read_common(struct text_reader *r, const struct declaration *declaration,
                               struct open_namespace *open)
{
    struct schema_name name;
    TRY(text_identifier(r, &name));
    struct schema_common *common = text_list_add(r, &open->commons, sizeof(*common));
    if (common == NULL) {
        return STATUS_LIMIT;
    }
    *common = (struct schema_common){
        .name = name.text, .at = name.at, .annotations = declaration->annotations};
    TRY(text_expect(r, SLICE("=")));
    TRY(read_type(r, &common->type));
    TRY(end_declaration(r));
    common->whole = text_range(r, declaration->from);
    return STATUS_OK;
}

/* -- actions ------------------------------------------------------------------------------- */

/* Name, or Path::"id". */
static enum status read_action_name(struct text_reader *r, struct schema_action_name *out)
{
    struct schema_name name;
    struct lexer ahead = r->lexer;
    bool is_path = r->token.kind == TOKEN_IDENT && slice_eq(lexer_next(&ahead).text, SLICE("::"));
    if (!is_path) {
        TRY(read_name(r, &name));
        *out = (struct schema_action_name){.id = name.text, .at = name.at};
        return STATUS_OK;
    }
    struct schema_name type;
    TRY(text_path(r, &type));
    TRY(text_expect(r, SLICE("::")));
    TRY(text_string(r, &name));
    *out = (struct schema_action_name){name.text, type.text, {type.at.from, name.at.to}};
    return STATUS_OK;
}

static enum status read_action_parents(struct text_reader *r, struct schema_action *action)
{
    struct text_list list = {0};
    bool is_list = text_take_mark(r, SLICE("["));
    do {
        struct schema_action_name *name = text_list_add(r, &list, sizeof(*name));
        if (name == NULL) {
            return STATUS_LIMIT;
        }
        TRY(read_action_name(r, name));
    } while (is_list && text_take_mark(r, SLICE(",")));
    action->parents = list.items;
    action->parent_count = list.count;
    return is_list ? text_expect(r, SLICE("]")) : STATUS_OK;
}

enum applies_part {
    APPLIES_PRINCIPAL,
    APPLIES_RESOURCE,
    APPLIES_CONTEXT,
    APPLIES_COUNT,
};

static const struct slice APPLIES_WORDS[] = {SLICE_INIT("principal"), SLICE_INIT("resource"),
                                             SLICE_INIT("context")};

/* Where each part of appliesTo stands; to == 0: not there. */
struct applies {
    struct surface_range at[APPLIES_COUNT];
    struct schema_names lists[APPLIES_CONTEXT];
    const struct schema_type_syntax *context;
};

static enum status read_context(struct text_reader *r, const struct schema_type_syntax **out)
{
    struct schema_type_syntax *type = arena_alloc_zero(r->arena, 1, sizeof(*type));
    *out = type;
    if (type == NULL) {
        return STATUS_LIMIT;
    }
    if (text_take_mark(r, SLICE("{"))) {
        return read_record(r, type);
    }
    type->kind = SCHEMA_COMMON;
    return text_path(r, &type->name);
}

static enum status read_applies_part(struct text_reader *r, struct applies *applies,
                                     const struct schema_name *action)
{
    enum applies_part part = APPLIES_PRINCIPAL;
    size_t from = r->token.from;
    while (part < APPLIES_COUNT && !text_take_word(r, APPLIES_WORDS[part])) {
        part++;
    }
    if (part == APPLIES_COUNT) {
        return text_unexpected(r, "'principal', 'resource' or 'context'");
    }
    TRY(text_expect(r, SLICE(":")));
    TRY(part == APPLIES_CONTEXT ? read_context(r, &applies->context)
                                : read_names(r, &applies->lists[part]));
    struct surface_range at = text_range(r, from);
    if (part == APPLIES_CONTEXT && text_at_mark(r, SLICE(","))) {
        at.to = token_range(&r->token).to;
    }
    if (applies->at[part].to > 0) {
        (void)report_at(r->diagnostics, r->source, applies->at[part],
                        "'%.*s' is given twice for the action '%.*s'",
                        SLICE_ARG(APPLIES_WORDS[part]), SLICE_ARG(action->text));
        report_at_label(r->diagnostics, at);
    }
    applies->at[part] = at;
    return STATUS_OK;
}

/* Principals and resources must both be given and name something. */
static void check_applies(struct text_reader *r, const struct applies *applies,
                          const struct schema_name *action)
{
    for (enum applies_part part = APPLIES_PRINCIPAL; part < APPLIES_CONTEXT; part++) {
        if (applies->at[part].to == 0) {
            (void)report_at(r->diagnostics, r->source, action->at,
                            "appliesTo of the action '%.*s' lacks '%.*s'", SLICE_ARG(action->text),
                            SLICE_ARG(APPLIES_WORDS[part]));
            report_at_help(r->diagnostics, "give both principal and resource, or leave out "
                                           "appliesTo for an action that groups others");
        } else if (applies->lists[part].count == 0) {
            (void)report_at(r->diagnostics, r->source, action->at,
                            "'%.*s' of the action '%.*s' is an empty list",
                            SLICE_ARG(APPLIES_WORDS[part]), SLICE_ARG(action->text));
            report_at_label(r->diagnostics, applies->at[part]);
        }
    }
}

static enum status read_applies(struct text_reader *r, const struct declaration *declaration,
                                struct schema_action *action)
{
    const struct schema_name *first = declaration->names.items;
    struct applies applies = {0};
    TRY(text_expect(r, SLICE("{")));
    do {
        TRY(read_applies_part(r, &applies, first));
    } while (text_take_mark(r, SLICE(",")) && !text_at_mark(r, SLICE("}")));
    TRY(text_expect(r, SLICE("}")));
    check_applies(r, &applies, first);
    action->principals = applies.lists[APPLIES_PRINCIPAL];
    action->resources = applies.lists[APPLIES_RESOURCE];
    action->context = applies.context;
    return STATUS_OK;
}

static enum status read_action_body(struct text_reader *r, const struct declaration *declaration,
                                    struct schema_action *action)
{
    if (text_take_word(r, SLICE("in"))) {
        TRY(read_action_parents(r, action));
    }
    if (text_take_word(r, SLICE("appliesTo"))) {
        TRY(read_applies(r, declaration, action));
    }
    if (text_take_word(r, SLICE("attributes"))) {
        TRY(text_expect(r, SLICE("{")));
        TRY(text_expect(r, SLICE("}")));
    }
    return end_declaration(r);
}

static enum status read_action(struct text_reader *r, struct declaration *declaration,
                               struct open_namespace *open)
{
    struct schema_action body = {.annotations = declaration->annotations};
    TRY(read_declared_names(r, declaration, read_name));
    TRY(read_action_body(r, declaration, &body));
    body.whole = text_range(r, declaration->from);
    for (size_t i = 0; i < declaration->names.count; i++) {
        struct schema_action *action = text_list_add(r, &open->actions, sizeof(*action));
        if (action == NULL) {
            return STATUS_LIMIT;
        }
        const struct schema_name *name = (struct schema_name *)declaration->names.items + i;
        *action = body;
        action->id = name->text;
        action->at = name->at;
    }
    return STATUS_OK;
}

/* -- namespaces ---------------------------------------------------------------------------- */

static enum status read_declaration(struct text_reader *r, struct declaration *declaration,
                                    struct open_namespace *open)
{
    if (text_take_word(r, SLICE("entity"))) {
        return read_entity(r, declaration, open);
    }
    if (text_take_word(r, SLICE("action"))) {
        return read_action(r, declaration, open);
    }
    if (text_take_word(r, SLICE("type"))) {
        return read_common(r, declaration, open);
    }
    enum status status = text_unexpected(r, "'entity', 'action' or 'type'");
    if (text_at_mark(r, SLICE(";"))) {
        report_at_help(r->diagnostics, "no ';' follows the '}' of a namespace; remove it");
    }
    return status;
}

/* After an error: go on behind the next ';'. */
static void recover(struct text_reader *r)
{
    r->depth = 0;
    while (r->token.kind != TOKEN_END && !text_take_mark(r, SLICE(";"))) {
        (void)text_take(r);
    }
}

static void close_namespace(const struct open_namespace *open)
{
    open->namespace->commons = open->commons.items;
    open->namespace->common_count = open->commons.count;
    open->namespace->entities = open->entities.items;
    open->namespace->entity_count = open->entities.count;
    open->namespace->actions = open->actions.items;
    open->namespace->action_count = open->actions.count;
}

/* One declaration; STATUS_LIMIT only without memory, as errors are in the diagnostics. */
static enum status read_annotated(struct text_reader *r, struct open_namespace *open)
{
    struct declaration declaration = {0};
    enum status status = read_annotations(r, &declaration.annotations);
    declaration.from = r->token.from;
    if (status == STATUS_OK) {
        status = read_declaration(r, &declaration, open);
    }
    if (status == STATUS_INVALID) {
        recover(r);
    }
    return status == STATUS_LIMIT ? STATUS_LIMIT : STATUS_OK;
}

static enum status read_namespace(struct text_reader *r, const struct schema_annotations *notes,
                                  struct text_list *namespaces)
{
    struct schema_name name;
    TRY(text_path(r, &name));
    TRY(text_expect(r, SLICE("{")));
    struct schema_namespace *namespace = text_list_add(r, namespaces, sizeof(*namespace));
    if (namespace == NULL) {
        return STATUS_LIMIT;
    }
    *namespace = (struct schema_namespace){.name = name.text, .at = name.at, .annotations = *notes};
    struct open_namespace open = {.namespace = namespace};
    while (!text_at_mark(r, SLICE("}")) && r->token.kind != TOKEN_END) {
        TRY(read_annotated(r, &open));
    }
    close_namespace(&open);
    return text_expect(r, SLICE("}"));
}

/* Annotations may belong to a namespace or to a declaration outside of any. */
static enum status read_top(struct text_reader *r, struct text_list *namespaces,
                            struct open_namespace *outside)
{
    struct lexer lexer = r->lexer;
    struct token token = r->token;
    struct schema_annotations annotations;
    size_t reported = r->diagnostics->count;
    enum status status = read_annotations(r, &annotations);
    if (status == STATUS_OK && text_take_word(r, SLICE("namespace"))) {
        status = read_namespace(r, &annotations, namespaces);
        if (status == STATUS_INVALID) {
            recover(r);
        }
        return status == STATUS_LIMIT ? STATUS_LIMIT : STATUS_OK;
    }
    if (status == STATUS_LIMIT) {
        return status;
    }
    r->lexer = lexer;
    r->token = token;
    r->diagnostics->count = reported;
    return read_annotated(r, outside);
}

static enum status read_all(struct text_reader *r, struct schema_source *out)
{
    struct text_list namespaces = {0};
    struct schema_namespace nowhere = {0};
    struct open_namespace outside = {.namespace = &nowhere};
    while (r->token.kind != TOKEN_END) {
        TRY(read_top(r, &namespaces, &outside));
    }
    close_namespace(&outside);
    if (nowhere.common_count + nowhere.entity_count + nowhere.action_count > 0) {
        struct schema_namespace *last = text_list_add(r, &namespaces, sizeof(*last));
        if (last == NULL) {
            return STATUS_LIMIT;
        }
        *last = nowhere;
    }
    out->namespaces = namespaces.items;
    out->namespace_count = namespaces.count;
    return STATUS_OK;
}

enum status schema_read_text(const struct cedar_source *source, struct arena *arena,
                             struct schema_source *out, struct cedar_diagnostics *diagnostics)
{
    struct text_reader reader = {
        .source = source, .arena = arena, .diagnostics = diagnostics, .lexer.source = source->text};
    size_t reported = diagnostics->count;
    *out = (struct schema_source){.name = source->name, .text = source->text};
    if (source->text.len > CEDAR_SOURCE_BYTES_MAX || !slice_is_utf8(source->text)) {
        return report_at(diagnostics, source, (struct surface_range){0, 0},
                         "the source is too large or not UTF-8");
    }
    reader.token = lexer_next(&reader.lexer);
    TRY(read_all(&reader, out));
    return diagnostics->count > reported ? STATUS_INVALID : STATUS_OK;
}
