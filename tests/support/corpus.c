#include "support/corpus.h"

#include "base/base64.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#define LINE_ARENA_BYTES ((size_t)256 << 20)

const struct json_parser *corpus_parser(void)
{
    static struct json_parser parser;
    static const uint8_t SEED[16] = {7};
    static const struct json_limits LIMITS = {.depth_max = JSON_DEPTH_LIMIT,
                                              .nodes_max = 1 << 24,
                                              .members_max = 1 << 20,
                                              .number_bytes_max = 1 << 20};
    json_parser_init(&parser, &LIMITS, SEED);
    return &parser;
}

struct slice corpus_text(const struct corpus_line *line, json_ref object, const char *member)
{
    struct slice text = SLICE_EMPTY;
    json_ref ref = json_member(&line->tape, object, slice_view_cstr(member));
    if (ref != JSON_NONE && json_type(&line->tape, ref) == JSON_STRING) {
        struct arena *arena = (struct arena *)(uintptr_t)&line->arena;
        CHECK_ROW(line->id, json_string(&line->tape, ref, arena, &text) == STATUS_OK);
    }
    return text;
}

struct slice corpus_bytes(const struct corpus_line *line, json_ref object, const char *member)
{
    struct arena *arena = (struct arena *)(uintptr_t)&line->arena;
    struct slice text = corpus_text(line, object, member);
    uint8_t *bytes = arena_alloc(arena, text.len);
    size_t len = 0;
    CHECK_ROW(line->id, bytes != NULL && base64_decode(text, BASE64_STANDARD, bytes, text.len,
                                                       &len) == STATUS_OK);
    return slice_of(bytes, len);
}

bool corpus_flag(const struct corpus_line *line, json_ref object, const char *member)
{
    json_ref ref = json_member(&line->tape, object, slice_view_cstr(member));
    return ref != JSON_NONE && json_type(&line->tape, ref) == JSON_TRUE;
}

static void run_line(struct slice text, size_t number, corpus_line_fn body, void *context)
{
    char id[160];
    struct corpus_line line = {.id = id};
    arena_init(&line.arena, LINE_ARENA_BYTES, NULL);
    snprintf(id, sizeof(id), "line %zu", number);
    bool ok = json_parse(corpus_parser(), text, &line.arena, &line.tape, NULL) == STATUS_OK &&
              json_type(&line.tape, 0) == JSON_OBJECT;
    CHECK_ROW(id, ok);
    if (ok) {
        struct slice name = corpus_text(&line, 0, "id");
        if (name.len > 0) {
            snprintf(id, sizeof(id), "%.*s", SLICE_ARG(name));
        }
        body(&line, context);
    }
    arena_release(&line.arena);
}

static FILE *open_packed(const char *path)
{
    char command[4096];
    snprintf(command, sizeof(command), "xz -dc '%s'", path);
    return popen(command, "r");
}

size_t corpus_each_line(const char *file, corpus_line_fn body, void *context)
{
    const char *path = check_shared_path(file);
    bool is_packed = slice_ends_with(slice_view_cstr(file), SLICE(".xz"));
    FILE *input = path == NULL ? NULL : is_packed ? open_packed(path) : fopen(path, "rb");
    char *text = NULL;
    size_t capacity = 0;
    size_t count = 0;
    for (ssize_t len = 0; input != NULL && (len = getline(&text, &capacity, input)) > 0;) {
        run_line(slice_of(text, (size_t)len), ++count, body, context);
    }
    free(text);
    if (input != NULL) {
        CHECK_ROW(file, (is_packed ? pclose(input) : fclose(input)) == 0);
        CHECK_ROW(file, count > 0);
    }
    return count;
}

static bool same_value(const struct json_tape *a, json_ref a_ref, const struct json_tape *b,
                       json_ref b_ref);

static bool same_object(const struct json_tape *a, json_ref a_ref, const struct json_tape *b,
                        json_ref b_ref)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    struct arena arena;
    bool is_same = true;
    arena_init(&arena, LINE_ARENA_BYTES, NULL);
    json_iter_init(&iter, a, a_ref);
    while (is_same && json_iter_next(&iter, &key, &value)) {
        struct slice name = SLICE_EMPTY;
        is_same = json_string(a, key, &arena, &name) == STATUS_OK;
        json_ref other = json_member(b, b_ref, name);
        is_same = is_same && other != JSON_NONE && same_value(a, value, b, other);
    }
    arena_release(&arena);
    return is_same;
}

static bool same_array(const struct json_tape *a, json_ref a_ref, const struct json_tape *b,
                       json_ref b_ref)
{
    struct json_iter left;
    struct json_iter right;
    json_ref key = JSON_NONE;
    json_ref x = JSON_NONE;
    json_ref y = JSON_NONE;
    json_iter_init(&left, a, a_ref);
    json_iter_init(&right, b, b_ref);
    while (json_iter_next(&left, &key, &x) && json_iter_next(&right, &key, &y)) {
        if (!same_value(a, x, b, y)) {
            return false;
        }
    }
    return true;
}

static bool same_value(const struct json_tape *a, json_ref a_ref, const struct json_tape *b,
                       json_ref b_ref)
{
    enum json_type type = json_type(a, a_ref);
    if (type != json_type(b, b_ref) || json_count(a, a_ref) != json_count(b, b_ref)) {
        return false;
    }
    if (type == JSON_OBJECT) {
        return same_object(a, a_ref, b, b_ref);
    }
    if (type == JSON_ARRAY) {
        return same_array(a, a_ref, b, b_ref);
    }
    return type == JSON_STRING ? json_string_same(a, a_ref, b, b_ref)
                               : slice_eq(json_raw(a, a_ref), json_raw(b, b_ref));
}

bool corpus_same_json(struct slice text, const struct json_tape *tape, json_ref ref)
{
    struct json_tape own;
    struct arena arena;
    arena_init(&arena, LINE_ARENA_BYTES, NULL);
    bool is_same = json_parse(corpus_parser(), text, &arena, &own, NULL) == STATUS_OK &&
                   same_value(&own, 0, tape, ref);
    arena_release(&arena);
    return is_same;
}

bool corpus_unpack(const char *archive, char *folder, size_t size)
{
    const char *path = check_shared_path(archive);
    char command[4096];
    if (path == NULL) {
        return false;
    }
    snprintf(folder, size, "/tmp/aegis-corpus-XXXXXX");
    CHECK_ROW(archive, mkdtemp(folder) != NULL);
    snprintf(command, sizeof(command), "tar -xf '%s' -C '%s'", path, folder);
    CHECK_ROW(archive, system(command) == 0);
    return true;
}

void corpus_remove(const char *folder)
{
    char command[4096];
    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    CHECK_ROW(folder, system(command) == 0);
}

struct slice corpus_file(struct arena *arena, const char *folder, const char *name)
{
    char path[4096];
    struct slice text = SLICE_EMPTY;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return text;
    }
    if (fseek(file, 0, SEEK_END) == 0 && ftell(file) >= 0) {
        size_t size = (size_t)ftell(file);
        uint8_t *bytes = arena_alloc(arena, size);
        rewind(file);
        text = bytes == NULL ? text : slice_of(bytes, fread(bytes, 1, size, file));
    }
    fclose(file);
    return text;
}
