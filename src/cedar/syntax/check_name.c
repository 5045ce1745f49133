#include "cedar/syntax/check.h"

#include <string.h>

bool check_is_variable(const struct concrete *concrete)
{
    static const struct slice VARIABLES[] = {SLICE_INIT("principal"), SLICE_INIT("action"),
                                             SLICE_INIT("resource"), SLICE_INIT("context")};
    for (size_t i = 0; i < COUNT_OF(VARIABLES); i++) {
        if (concrete->kind == CONCRETE_NAME && concrete->count == 1 &&
            slice_eq(concrete->first->text, VARIABLES[i])) {
            return true;
        }
    }
    return false;
}

struct surface_range check_inner_range(const struct concrete *concrete)
{
    return concrete->kind == CONCRETE_PARENTHESES ? concrete->first->range : concrete->range;
}

static bool is_cedar(struct slice word)
{
    return slice_eq(word, SLICE("__cedar"));
}

static enum status fail_cedar(struct checker *c, struct surface_range range)
{
    (void)report(c->reporter, range, "names with '__cedar' belong to the language");
    return report_help(c->reporter, "use another name");
}

enum status check_ident(struct checker *c, const struct concrete *ident)
{
    if (is_cedar(ident->text)) {
        return fail_cedar(c, ident->range);
    }
    if (lexer_is_reserved(ident->text)) {
        (void)report(c->reporter, ident->range, "'%.*s' is reserved and cannot be a name",
                     SLICE_ARG(ident->text));
        return report_help(c->reporter, "an attribute of that name is written [\"%.*s\"]",
                           SLICE_ARG(ident->text));
    }
    return STATUS_OK;
}

/* The parts of a name with `::` between them. */
static enum status join_parts(struct checker *c, const struct concrete *name, size_t bytes,
                              struct slice *out)
{
    uint8_t *memory = arena_alloc(c->arena, bytes);
    size_t len = 0;
    if (memory == NULL) {
        return STATUS_LIMIT;
    }
    for (const struct concrete *part = name->first; part != NULL; part = part->next) {
        memcpy(memory + len, part->text.ptr, part->text.len);
        len += part->text.len;
        if (part->next != NULL) {
            memcpy(memory + len, "::", 2);
            len += 2;
        }
    }
    *out = slice_of(memory, len);
    return STATUS_OK;
}

enum status check_path(struct checker *c, const struct concrete *name, struct surface_name *out)
{
    enum status status = STATUS_OK;
    bool has_cedar = false;
    size_t bytes = 2 * (size_t)(name->count - 1);
    for (const struct concrete *part = name->first; part != NULL; part = part->next) {
        bytes += part->text.len;
        has_cedar = has_cedar || is_cedar(part->text);
        if (!is_cedar(part->text)) {
            status = status_worse(status, check_ident(c, part));
        }
    }
    if (status == STATUS_OK && has_cedar) {
        status = fail_cedar(c, name->range);
    }
    TRY(status);
    out->range = name->range;
    out->is_quoted = false;
    out->text = slice_sub(c->reporter->source.text, name->range.from, name->range.to);
    return out->text.len == bytes ? STATUS_OK : join_parts(c, name, bytes, &out->text);
}

enum status check_string(struct checker *c, const struct concrete *string,
                         struct surface_range range, struct slice *out)
{
    size_t bad = 0;
    if (slice_find_byte(string->text, '\\') == string->text.len &&
        slice_find_byte(string->text, '\r') == string->text.len) {
        *out = string->text;
        return STATUS_OK;
    }
    enum status status = lexer_unescape(string->text, c->arena, out, NULL, NULL, &bad);
    if (status != STATUS_INVALID) {
        return status;
    }
    uint32_t at = string->range.from + 1 + (uint32_t)bad;
    (void)report(c->reporter, range, "the string has an escape that does not exist");
    (void)report_label(c->reporter, (struct surface_range){at, at + 2}, "this one");
    return report_help(c->reporter,
                       "escapes are \\n \\r \\t \\\\ \\0 \\' \\\" \\x7F and \\u{10FFFF}");
}

enum status check_entity(struct checker *c, const struct concrete *concrete,
                         struct surface_entity *out)
{
    if (concrete->kind == CONCRETE_ENTITY_RECORD) {
        (void)report(c->reporter, concrete->range, "an entity is not written like a record");
        return report_help(c->reporter, "write its type and its id: Namespace::User::\"alice\"");
    }
    const struct concrete *id = concrete->first->next;
    enum status status = check_path(c, concrete->first, &out->type);
    out->range = concrete->range;
    out->id_range = id->range;
    return status_worse(status, check_string(c, id, concrete->range, &out->id));
}

enum status check_entity_type(struct checker *c, const struct concrete *concrete, struct slice left,
                              struct surface_name *out, bool *is_early)
{
    struct surface_node *unused = NULL;
    struct slice text =
        slice_sub(c->reporter->source.text, concrete->range.from, concrete->range.to);
    if (concrete->kind == CONCRETE_NAME) {
        enum status status = check_path(c, concrete, out);
        *is_early = status != STATUS_OK;
        return status;
    }
    enum status status = check_operand(c, concrete, &unused);
    *is_early = status != STATUS_OK;
    TRY(status);
    (void)report(c->reporter, check_inner_range(concrete),
                 "right of 'is' stands an entity type, not '%.*s'", SLICE_ARG(report_clip(text)));
    if (concrete->kind == CONCRETE_STRING) {
        return report_help(c->reporter, "leave out the quotes: '%.*s is %.*s'", SLICE_ARG(left),
                           SLICE_ARG(report_clip(concrete->text)));
    }
    return report_help(c->reporter, "to compare with an entity write '%.*s == %.*s'",
                       SLICE_ARG(left), SLICE_ARG(report_clip(text)));
}
