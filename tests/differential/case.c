#include "differential/case.h"

#include "base/arena.h"
#include "support/corpus.h"

#include <stdio.h>

#define HEAD_BYTES 160
#define NUMBER_BYTES 16
#define ENTITY_ARENA_BYTES ((size_t)16 << 20)

static void put(struct buf *out, const char *text)
{
    buf_append(out, slice_view_cstr(text));
}

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
        char head[HEAD_BYTES];
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

void case_write_entities(const struct differential_case *c, struct buf *out)
{
    put_list(out, "[", c->entities, CASE_ENTITIES_MAX);
}

static bool is_hidden(const struct differential_case *c, size_t number, struct slice member)
{
    unsigned turn = (unsigned)(number % 3);
    return (slice_eq(member, SLICE("parents")) && (c->hidden & HIDDEN_PARENTS) != 0) ||
           (slice_eq(member, SLICE("attrs")) && (c->hidden >> turn & HIDDEN_ATTRIBUTES) != 0) ||
           (slice_eq(member, SLICE("tags")) && (c->hidden >> turn & HIDDEN_TAGS) != 0);
}

/* What is no object stays as it is. */
static void put_partial_entity(const struct differential_case *c, size_t number, struct buf *out)
{
    struct json_tape tape;
    struct json_iter iter;
    struct arena arena;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    bool is_first = true;
    arena_init(&arena, ENTITY_ARENA_BYTES, NULL);
    bool is_object =
        json_parse(corpus_parser(), c->entities[number], &arena, &tape, NULL) == STATUS_OK &&
        json_type(&tape, 0) == JSON_OBJECT;
    if (!is_object) {
        buf_append(out, c->entities[number]);
        arena_release(&arena);
        return;
    }
    put(out, "{");
    json_iter_init(&iter, &tape, 0);
    while (json_iter_next(&iter, &key, &value)) {
        struct slice name = SLICE_EMPTY;
        bool is_read = json_string(&tape, key, &arena, &name) == STATUS_OK;
        if (!is_read || !is_hidden(c, number, name)) {
            put(out, is_first ? "" : ",");
            buf_append(out, json_raw(&tape, key));
            put(out, ":");
            buf_append(out, json_raw(&tape, value));
            is_first = false;
        }
    }
    put(out, "}");
    arena_release(&arena);
}

void case_write_partial_entities(const struct differential_case *c, struct buf *out)
{
    bool is_first = true;
    put(out, "[");
    for (size_t i = 0; i < CASE_ENTITIES_MAX; i++) {
        if (c->entities[i].len > 0) {
            put(out, is_first ? "" : ",");
            put_partial_entity(c, i, out);
            is_first = false;
        }
    }
    put(out, "]");
}

void case_write_source(const struct differential_case *c, struct buf *out)
{
    for (size_t i = 0; i < CASE_POLICIES_MAX && c->policies[i].len > 0; i++) {
        put(out, i > 0 ? "\n" : "");
        buf_append(out, c->policies[i]);
    }
}

void case_write(const struct differential_case *c, struct buf *out)
{
    char head[HEAD_BYTES];
    char level[NUMBER_BYTES] = "null";
    if (c->has_level) {
        snprintf(level, sizeof(level), "%u", c->level);
    }
    snprintf(head, sizeof(head),
             "\"typed\":%s,\"formatted\":%s,\"lineWidth\":%u,\"indentWidth\":%u,\"level\":%s,"
             "\"hidden\":%u,\"schema\":",
             c->is_typed ? "true" : "false", c->is_formatted ? "true" : "false", c->line_width,
             c->indent, level, c->hidden);
    put(out, head);
    buf_append_json_string(out, c->schema);
    put(out, ",\"policies\":[");
    for (size_t i = 0; i < CASE_POLICIES_MAX && c->policies[i].len > 0; i++) {
        put(out, i > 0 ? "," : "");
        buf_append_json_string(out, c->policies[i]);
    }
    put(out, "]");
    put_links(out, c);
    put(out, ",\"entities\":");
    case_write_entities(c, out);
    put(out, ",\"partialEntities\":");
    case_write_partial_entities(c, out);
    put_list(out, ",\"requests\":[", c->requests, CASE_REQUESTS_MAX);
}
