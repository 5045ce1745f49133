#include "cedar/schema/text_reader.h"

#include "cedar/syntax/report.h"

#include <string.h>

#define LIST_FIRST 4
#define LIST_MAX ((size_t)1 << 20)

struct token text_take(struct text_reader *r)
{
    struct token token = r->token;
    r->taken_to = token.to;
    r->token = lexer_next(&r->lexer);
    return token;
}

struct surface_range text_range(const struct text_reader *r, size_t from)
{
    return (struct surface_range){(uint32_t)from, (uint32_t)r->taken_to};
}

bool text_at_mark(const struct text_reader *r, struct slice mark)
{
    return r->token.kind == TOKEN_PUNCTUATION && slice_eq(r->token.text, mark);
}

bool text_at_word(const struct text_reader *r, struct slice word)
{
    return r->token.kind == TOKEN_IDENT && slice_eq(r->token.text, word);
}

bool text_take_mark(struct text_reader *r, struct slice mark)
{
    bool is_next = text_at_mark(r, mark);
    if (is_next) {
        (void)text_take(r);
    }
    return is_next;
}

bool text_take_word(struct text_reader *r, struct slice word)
{
    bool is_next = text_at_word(r, word);
    if (is_next) {
        (void)text_take(r);
    }
    return is_next;
}

enum status text_unexpected(struct text_reader *r, const char *expected)
{
    const struct token *token = &r->token;
    struct surface_range at = token_range(token);
    if (token->kind == TOKEN_ERROR) {
        at.to = at.from;
        return report_at(r->diagnostics, r->source, at, "%s", token->message);
    }
    if (token->kind == TOKEN_END) {
        return report_at(r->diagnostics, r->source, at, "expected %s, but the source ends here",
                         expected);
    }
    return report_at(r->diagnostics, r->source, at, "expected %s here", expected);
}

enum status text_expect(struct text_reader *r, struct slice mark)
{
    char expected[8];
    if (text_take_mark(r, mark)) {
        return STATUS_OK;
    }
    expected[0] = '\'';
    memcpy(expected + 1, mark.ptr, mark.len);
    memcpy(expected + 1 + mark.len, "'", 2);
    return text_unexpected(r, expected);
}

/* Words that a declared name or a part of a path can never be; `__cedar` is looked at by those who
 * declare. */
static bool is_reserved(struct slice word)
{
    return lexer_is_reserved(word) && !slice_eq(word, SLICE("__cedar"));
}

enum status text_identifier(struct text_reader *r, struct schema_name *out)
{
    if (r->token.kind != TOKEN_IDENT) {
        return text_unexpected(r, "an identifier");
    }
    struct token token = text_take(r);
    *out = (struct schema_name){token.text, token_range(&token)};
    if (is_reserved(token.text)) {
        (void)report_at(r->diagnostics, r->source, out->at,
                        "'%.*s' is reserved and cannot be a name", SLICE_ARG(token.text));
    }
    return STATUS_OK;
}

/* The text of a range without white space and comments. */
static enum status join_tokens(struct text_reader *r, struct schema_name *name)
{
    struct lexer lexer = {slice_sub(r->lexer.source, 0, name->at.to), name->at.from};
    uint8_t *memory = arena_alloc(r->arena, name->at.to - name->at.from);
    size_t len = 0;
    if (memory == NULL) {
        return STATUS_LIMIT;
    }
    for (;;) {
        struct token token = lexer_next(&lexer);
        if (token.kind == TOKEN_END) {
            name->text = slice_of(memory, len);
            return STATUS_OK;
        }
        memcpy(memory + len, token.text.ptr, token.text.len);
        len += token.text.len;
    }
}

enum status text_path(struct text_reader *r, struct schema_name *out)
{
    struct schema_name part = {0};
    TRY(text_identifier(r, out));
    while (text_at_mark(r, SLICE("::"))) {
        struct lexer ahead = r->lexer;
        if (lexer_next(&ahead).kind == TOKEN_STRING) {
            break;
        }
        (void)text_take(r);
        TRY(text_identifier(r, &part));
        out->at.to = part.at.to;
    }
    return join_tokens(r, out);
}

enum status text_string(struct text_reader *r, struct schema_name *out)
{
    size_t bad = 0;
    if (r->token.kind != TOKEN_STRING) {
        return text_unexpected(r, "a string");
    }
    struct token token = text_take(r);
    out->at = token_range(&token);
    enum status status = lexer_unescape(token.text, r->arena, &out->text, NULL, NULL, &bad);
    if (status != STATUS_INVALID) {
        return status;
    }
    out->text = SLICE_EMPTY;
    (void)report_at(r->diagnostics, r->source, out->at, "the string holds an invalid escape");
    return STATUS_OK;
}

void *text_list_add(struct text_reader *r, struct text_list *list, size_t size)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? LIST_FIRST : list->capacity * 2;
        void *items = capacity > LIST_MAX ? NULL : arena_alloc_zero(r->arena, capacity, size);
        if (items == NULL) {
            return NULL;
        }
        if (list->count > 0) {
            memcpy(items, list->items, list->count * size);
        }
        list->items = items;
        list->capacity = capacity;
    }
    return (char *)list->items + list->count++ * size;
}
