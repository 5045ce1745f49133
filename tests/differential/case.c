#include "differential/case.h"

#include <stdio.h>

#define HEAD_BYTES 160
#define NUMBER_BYTES 16

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
             "\"schema\":",
             c->is_typed ? "true" : "false", c->is_formatted ? "true" : "false", c->line_width,
             c->indent, level);
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
    put_list(out, ",\"requests\":[", c->requests, CASE_REQUESTS_MAX);
}
