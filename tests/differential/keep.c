#include "differential/keep.h"

#include "support/corpus.h"
#include "json/tape.h"

#include <inttypes.h>
#include <stdio.h>

#define KEPT_BYTES_MAX ((size_t)64 << 20)
#define PATH_BYTES 1024

static void append(struct buf *out, const char *text)
{
    buf_append(out, slice_view_cstr(text));
}

/* Clears the text. */
static void write_file(const char *folder, uint64_t number, const char *end, struct buf *text)
{
    char path[PATH_BYTES];
    struct slice bytes = buf_view(text);
    snprintf(path, sizeof(path), "%s/%" PRIu64 "%s", folder, number, end);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes.ptr, 1, bytes.len, file) != bytes.len) {
        printf("cannot write %s\n", path);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    buf_clear(text);
}

/* Each request of the case with what the official engine decided. */
static void append_requests(const struct differential_case *c, const struct json_tape *said,
                            struct buf *out)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref decision = JSON_NONE;
    json_iter_init(&iter, said, json_member(said, 0, SLICE("requests")));
    append(out, "\"requests\":[");
    for (size_t i = 0; i < CASE_REQUESTS_MAX && c->requests[i].len > 0; i++) {
        struct slice request = c->requests[i];
        append(out, i > 0 ? ",\n" : "\n");
        buf_append(out, slice_sub(request, 0, request.len - 1));
        if (json_iter_next(&iter, &key, &decision) && json_count(said, decision) > 0) {
            struct slice text = json_raw(said, decision);
            append(out, ",");
            buf_append(out, slice_sub(text, 1, text.len));
        } else {
            append(out, "}");
        }
    }
    append(out, "]}\n");
}

static void append_test(const struct differential_case *c, uint64_t number,
                        const struct json_tape *said, struct buf *out)
{
    char head[PATH_BYTES];
    json_ref invalid = json_member(said, 0, SLICE("invalid"));
    bool is_valid = invalid != JSON_NONE && json_count(said, invalid) == 0;
    snprintf(head, sizeof(head),
             "{\"policies\":\"%" PRIu64 ".cedar\",\"entities\":\"%" PRIu64
             ".entities.json\",\"schema\":\"%" PRIu64 ".cedarschema\",\"shouldValidate\":%s,",
             number, number, number, is_valid ? "true" : "false");
    append(out, head);
    append_requests(c, said, out);
}

void keep_case(const struct differential_case *c, uint64_t number, struct slice answer,
               const char *folder)
{
    struct buf text;
    struct arena arena;
    struct json_tape said;
    arena_init(&arena, KEPT_BYTES_MAX, NULL);
    buf_init(&text, KEPT_BYTES_MAX, NULL);
    case_write_source(c, &text);
    append(&text, "\n");
    write_file(folder, number, ".cedar", &text);
    case_write_entities(c, &text);
    write_file(folder, number, ".entities.json", &text);
    buf_append(&text, c->schema);
    write_file(folder, number, ".cedarschema", &text);
    if (json_parse(corpus_parser(), answer, &arena, &said, NULL) == STATUS_OK) {
        append_test(c, number, &said, &text);
        write_file(folder, number, ".json", &text);
    }
    buf_release(&text);
    arena_release(&arena);
}
