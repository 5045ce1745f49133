#include "cedar/schema/json_reader.h"

#include "cedar/syntax/lexer.h"
#include "cedar/syntax/report.h"
#include "cedar/value/json_text.h"

enum status json_reader_init(struct json_reader *r, const struct cedar_source *source,
                             struct arena *arena, struct cedar_diagnostics *diagnostics)
{
    struct diag diag = {0};
    *r = (struct json_reader){.source = source, .arena = arena, .diagnostics = diagnostics};
    enum status status = json_text_parse(source->text, arena, &r->tape, &diag);
    if (status == STATUS_INVALID) {
        struct surface_range at = {(uint32_t)diag.offset, (uint32_t)diag.offset};
        return report_at(diagnostics, source, at, "%s", diag.message);
    }
    return status;
}

struct surface_range json_reader_range(const struct json_reader *r, json_ref ref)
{
    struct slice raw = json_raw(&r->tape, ref);
    size_t from = (size_t)(raw.ptr - r->tape.text.ptr);
    return (struct surface_range){(uint32_t)from, (uint32_t)(from + raw.len)};
}

enum status json_reader_fail(struct json_reader *r, json_ref ref, const char *message)
{
    return report_at(r->diagnostics, r->source, json_reader_range(r, ref), "%s", message);
}

static const struct json_reader_member *find_member(const struct json_reader *r, json_ref key,
                                                    const struct json_reader_member *members,
                                                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (json_string_eq(&r->tape, key, members[i].name)) {
            return &members[i];
        }
    }
    return NULL;
}

enum status json_reader_members(struct json_reader *r, json_ref object,
                                const struct json_reader_member *members, size_t count,
                                bool ignores_others)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    if (json_type(&r->tape, object) != JSON_OBJECT) {
        return json_reader_fail(r, object, "expected an object here");
    }
    for (size_t i = 0; i < count; i++) {
        *members[i].out = JSON_NONE;
    }
    json_iter_init(&iter, &r->tape, object);
    while (json_iter_next(&iter, &key, &value)) {
        const struct json_reader_member *member = find_member(r, key, members, count);
        if (member != NULL) {
            *member->out = value;
        } else if (!ignores_others) {
            return json_reader_fail(r, key, "there is no member of this name");
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (members[i].is_required && *members[i].out == JSON_NONE) {
            return report_at(r->diagnostics, r->source, json_reader_range(r, object),
                             "the member '%.*s' is missing", SLICE_ARG(members[i].name));
        }
    }
    return STATUS_OK;
}

enum status json_reader_string(struct json_reader *r, json_ref ref, struct slice *out)
{
    if (json_type(&r->tape, ref) != JSON_STRING) {
        return json_reader_fail(r, ref, "expected a string here");
    }
    return json_string(&r->tape, ref, r->arena, out);
}

enum status json_reader_expect(struct json_reader *r, json_ref ref, enum json_type type)
{
    if (json_type(&r->tape, ref) == type) {
        return STATUS_OK;
    }
    return json_reader_fail(
        r, ref, type == JSON_ARRAY ? "expected a list here" : "expected an object here");
}

enum status json_reader_items(struct json_reader *r, json_ref ref, size_t size, void **out)
{
    *out = arena_alloc_zero(r->arena, json_count(&r->tape, ref), size);
    return *out == NULL ? STATUS_LIMIT : STATUS_OK;
}

bool json_reader_is_name(struct slice text)
{
    for (;;) {
        size_t colon = slice_find_byte(text, ':');
        struct lexer lexer = {.source = slice_sub(text, 0, colon)};
        struct token token = lexer_next(&lexer);
        if (token.kind != TOKEN_IDENT || token.text.len != colon ||
            (lexer_is_reserved(token.text) && !slice_eq(token.text, SLICE("__cedar")))) {
            return false;
        }
        if (colon == text.len) {
            return true;
        }
        if (!slice_starts_with(slice_sub(text, colon, text.len), SLICE("::"))) {
            return false;
        }
        text = slice_sub(text, colon + 2, text.len);
    }
}
