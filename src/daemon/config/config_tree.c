#include "daemon/config/config_tree.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define MESSAGE_BYTES 256

struct builder {
    yaml_parser_t parser;
    struct slice file, text;
    struct arena *arena;
    struct config_report *report;
    size_t node_count;
    bool is_broken; /* the rest of the text cannot be understood */
    bool is_out_of_memory;
};

static void report_at(struct builder *builder, yaml_mark_t mark, const char *code,
                      const char *message, const char *hint)
{
    struct config_problem problem = {
        .file = builder->file,
        .line = (uint32_t)mark.line + 1,
        .column = (uint32_t)mark.column + 1,
        .code = code,
        .message = slice_view_cstr(message),
        .hint = slice_view_cstr(hint),
    };
    config_report_add(builder->report, builder->arena, &problem);
}

/* libyaml tells a byte offset, not a mark, for bytes that are no characters. */
static yaml_mark_t mark_of_offset(struct slice text, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        if (text.ptr[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if ((text.ptr[i] & 0xC0U) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

static void report_syntax(struct builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    builder->is_broken = true;
    if (parser->error == YAML_MEMORY_ERROR) {
        builder->is_out_of_memory = true;
        return;
    }
    char message[MESSAGE_BYTES];
    const char *detail = parser->problem != NULL ? parser->problem : "not understood";
    const char *context = parser->context != NULL ? parser->context : "";
    snprintf(message, sizeof(message), "not valid YAML: %s%s%s", context,
             context[0] != '\0' ? ": " : "", detail);
    yaml_mark_t mark = parser->error == YAML_READER_ERROR
                           ? mark_of_offset(builder->text, parser->problem_offset)
                           : parser->problem_mark;
    report_at(builder, mark, "config.yaml_syntax", message,
              "indent with spaces, and quote texts that hold ': ' or ' #'");
}

/* The next event, or false when the text is broken. The caller deletes the event. */
static bool next_event(struct builder *builder, yaml_event_t *event)
{
    if (builder->is_broken || builder->is_out_of_memory) {
        return false;
    }
    if (yaml_parser_parse(&builder->parser, event) == 0) {
        report_syntax(builder);
        return false;
    }
    return true;
}

static struct config_node *new_node(struct builder *builder, enum config_node_kind kind,
                                    yaml_mark_t mark)
{
    if (builder->node_count == CONFIG_NODES_MAX) {
        report_at(builder, mark, "config.too_large", "more than 20000 values in one file", NULL);
        builder->is_broken = true;
        return NULL;
    }
    builder->node_count++;
    struct config_node *node = arena_alloc_zero(builder->arena, 1, sizeof(*node));
    if (node == NULL) {
        builder->is_out_of_memory = true;
        return NULL;
    }
    node->kind = kind;
    node->line = (uint32_t)mark.line + 1;
    node->column = (uint32_t)mark.column + 1;
    return node;
}

/* Anchors and tags change what a text means far from where it stands. */
static void refuse_features(struct builder *builder, yaml_mark_t mark, const yaml_char_t *anchor,
                            const yaml_char_t *tag)
{
    if (anchor != NULL) {
        report_at(builder, mark, "config.yaml_feature",
                  "anchors ('&name') are not accepted; expected the value itself", NULL);
    }
    if (tag != NULL) {
        report_at(builder, mark, "config.yaml_feature",
                  "tags ('!type') are not accepted; expected the value itself", NULL);
    }
}

static bool is_null_text(struct slice text)
{
    return text.len == 0 || slice_eq(text, SLICE("~")) || slice_eq(text, SLICE("null"));
}

static struct config_node *scalar_node(struct builder *builder, const yaml_event_t *event)
{
    refuse_features(builder, event->start_mark, event->data.scalar.anchor, event->data.scalar.tag);
    struct slice text = slice_of(event->data.scalar.value, event->data.scalar.length);
    bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (is_plain && is_null_text(text)) {
        return new_node(builder, CONFIG_NODE_NULL, event->start_mark);
    }
    struct config_node *node = new_node(builder, CONFIG_NODE_TEXT, event->start_mark);
    uint8_t *copy = node != NULL ? arena_alloc(builder->arena, text.len + 1) : NULL;
    if (copy == NULL) {
        builder->is_out_of_memory = builder->is_out_of_memory || node != NULL;
        return NULL;
    }
    memcpy(copy, event->data.scalar.value, text.len + 1); /* libyaml ends values with a NUL */
    node->text = slice_of(copy, text.len);
    node->is_plain = is_plain;
    return node;
}

static struct config_node *build_node(struct builder *builder, const yaml_event_t *event,
                                      size_t depth);

/* The next value inside a container; false at the container's end. *node is NULL on failure. */
static bool build_next(struct builder *builder, size_t depth, yaml_mark_t *mark,
                       struct config_node **node)
{
    yaml_event_t event;
    *node = NULL;
    if (!next_event(builder, &event)) {
        return false;
    }
    bool is_end = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
    *mark = event.start_mark;
    if (!is_end) {
        *node = build_node(builder, &event, depth);
    }
    yaml_event_delete(&event);
    return !is_end;
}

static bool has_room(struct builder *builder, const struct config_node *parent, yaml_mark_t mark)
{
    if (parent->count < CONFIG_MEMBERS_MAX) {
        return true;
    }
    report_at(builder, mark, "config.too_large", "more than 1024 entries in one list or mapping",
              NULL);
    builder->is_broken = true;
    return false;
}

static void build_list(struct builder *builder, struct config_node *list, size_t depth)
{
    struct config_node **end = &list->first;
    struct config_node *item;
    yaml_mark_t mark;
    while (build_next(builder, depth, &mark, &item)) {
        if (item == NULL || !has_room(builder, list, mark)) {
            return;
        }
        *end = item;
        end = &item->next;
        list->count++;
    }
}

/* Is the key a text that the mapping does not have yet? Reports when not. */
static bool key_is_new(struct builder *builder, const struct config_node *map,
                       const struct config_node *key, yaml_mark_t mark)
{
    if (key->kind == CONFIG_NODE_BAD) {
        return false;
    }
    if (key->kind != CONFIG_NODE_TEXT) {
        report_at(builder, mark, "config.type", "a key must be text", NULL);
        return false;
    }
    const struct config_node *first = config_node_member(map, key->text);
    if (first == NULL) {
        return true;
    }
    char message[MESSAGE_BYTES];
    struct slice shown = slice_sub(key->text, 0, 64);
    snprintf(message, sizeof(message), "key '%.*s' is given twice; the first is on line %u",
             SLICE_ARG(shown), first->key_line);
    report_at(builder, mark, "config.duplicate_key", message, "keep one of the two");
    return false;
}

static void build_map(struct builder *builder, struct config_node *map, size_t depth)
{
    struct config_node **end = &map->first;
    struct config_node *key, *value;
    yaml_mark_t key_mark, mark;
    while (build_next(builder, depth, &key_mark, &key)) {
        if (key == NULL || !build_next(builder, depth, &mark, &value) || value == NULL ||
            !has_room(builder, map, key_mark)) {
            return;
        }
        if (!key_is_new(builder, map, key, key_mark)) {
            continue;
        }
        value->key = key->text;
        value->key_line = key->line;
        value->key_column = key->column;
        *end = value;
        end = &value->next;
        map->count++;
    }
}

static struct config_node *container_node(struct builder *builder, const yaml_event_t *event,
                                          size_t depth)
{
    if (depth == CONFIG_DEPTH_MAX) {
        report_at(builder, event->start_mark, "config.too_deep",
                  "lists and mappings are nested deeper than 16", NULL);
        builder->is_broken = true;
        return NULL;
    }
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    struct config_node *node =
        new_node(builder, is_map ? CONFIG_NODE_MAP : CONFIG_NODE_LIST, event->start_mark);
    if (node == NULL) {
        return NULL;
    }
    if (is_map) {
        refuse_features(builder, event->start_mark, event->data.mapping_start.anchor,
                        event->data.mapping_start.tag);
        build_map(builder, node, depth + 1);
    } else {
        refuse_features(builder, event->start_mark, event->data.sequence_start.anchor,
                        event->data.sequence_start.tag);
        build_list(builder, node, depth + 1);
    }
    return node;
}

/* Recursive through the containers; container_node bounds the depth. */
static struct config_node *build_node(struct builder *builder, const yaml_event_t *event,
                                      size_t depth)
{
    if (event->type == YAML_SCALAR_EVENT) {
        return scalar_node(builder, event);
    }
    if (event->type == YAML_ALIAS_EVENT) {
        report_at(builder, event->start_mark, "config.yaml_feature",
                  "aliases ('*name') are not accepted; expected the value itself", NULL);
        return new_node(builder, CONFIG_NODE_BAD, event->start_mark);
    }
    return container_node(builder, event, depth);
}

static void check_document_start(struct builder *builder, const yaml_event_t *event, bool is_first)
{
    if (!is_first) {
        report_at(builder, event->start_mark, "config.yaml_feature",
                  "a second document ('---') is not accepted; expected one", NULL);
        builder->is_broken = true;
    } else if (event->data.document_start.version_directive != NULL ||
               event->data.document_start.tag_directives.start !=
                   event->data.document_start.tag_directives.end) {
        report_at(builder, event->start_mark, "config.yaml_feature",
                  "directives ('%YAML', '%TAG') are not accepted", NULL);
    }
}

static struct config_node *build_stream(struct builder *builder)
{
    struct config_node *root = NULL;
    bool is_first = true, is_over = false;
    yaml_event_t event;
    while (!is_over && next_event(builder, &event)) {
        if (event.type == YAML_DOCUMENT_START_EVENT) {
            check_document_start(builder, &event, is_first);
            is_first = false;
        } else if (event.type == YAML_STREAM_END_EVENT) {
            is_over = true;
        } else if (event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_END_EVENT) {
            root = build_node(builder, &event, 0);
        }
        yaml_event_delete(&event);
    }
    if (is_over && root == NULL && !builder->is_out_of_memory) {
        report_at(builder, (yaml_mark_t){0}, "config.empty",
                  "the file is empty; expected at least 'version: 1'", NULL);
    }
    return root;
}

enum status config_tree_parse(struct slice file, struct slice text, struct arena *arena,
                              struct config_report *report, struct config_node **root)
{
    struct builder builder = {.file = file, .text = text, .arena = arena, .report = report};
    *root = NULL;
    if (yaml_parser_initialize(&builder.parser) == 0) {
        return STATUS_LIMIT;
    }
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder.parser, text.len > 0 ? text.ptr : (const uint8_t *)"",
                                 text.len);
    struct config_node *tree = build_stream(&builder);
    yaml_parser_delete(&builder.parser);
    if (builder.is_out_of_memory || report->failed) {
        return STATUS_LIMIT;
    }
    *root = builder.is_broken ? NULL : tree;
    return STATUS_OK;
}

const struct config_node *config_node_member(const struct config_node *map, struct slice key)
{
    for (const struct config_node *member = map->first; member != NULL; member = member->next) {
        if (slice_eq(member->key, key)) {
            return member;
        }
    }
    return NULL;
}

const char *config_node_kind_name(enum config_node_kind kind)
{
    switch (kind) {
    case CONFIG_NODE_BAD:
    case CONFIG_NODE_NULL:
        return "nothing";
    case CONFIG_NODE_TEXT:
        return "text";
    case CONFIG_NODE_LIST:
        return "a list";
    case CONFIG_NODE_MAP:
        return "a mapping";
    }
    return "nothing";
}
