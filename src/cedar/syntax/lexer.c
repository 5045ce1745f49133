#include "cedar/syntax/lexer.h"

#include "base/utf8.h"

#include <string.h>

static const char NO_MEANING[] = "this character has no meaning here";

static bool is_ident_start(uint8_t byte)
{
    return byte == '_' || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

bool lexer_is_reserved(struct slice word)
{
    static const struct slice WORDS[] = {
        SLICE_INIT("true"), SLICE_INIT("false"),  SLICE_INIT("if"), SLICE_INIT("then"),
        SLICE_INIT("else"), SLICE_INIT("in"),     SLICE_INIT("is"), SLICE_INIT("like"),
        SLICE_INIT("has"),  SLICE_INIT("__cedar")};
    for (size_t i = 0; i < COUNT_OF(WORDS); i++) {
        if (slice_eq(word, WORDS[i])) {
            return true;
        }
    }
    return false;
}

size_t lexer_space_length(struct slice rest)
{
    uint8_t byte = rest.ptr[0];
    if ((byte >= 0x09 && byte <= 0x0D) || byte == ' ') {
        return 1;
    }
    static const struct slice WIDE[] = {SLICE_INIT("\xC2\x85"),     SLICE_INIT("\xC2\xA0"),
                                        SLICE_INIT("\xE1\x9A\x80"), SLICE_INIT("\xE2\x80\xA8"),
                                        SLICE_INIT("\xE2\x80\xA9"), SLICE_INIT("\xE2\x80\xAF"),
                                        SLICE_INIT("\xE2\x81\x9F"), SLICE_INIT("\xE3\x80\x80")};
    for (size_t i = 0; i < COUNT_OF(WIDE); i++) {
        if (slice_starts_with(rest, WIDE[i])) {
            return WIDE[i].len;
        }
    }
    bool is_en_quad = slice_starts_with(rest, SLICE("\xE2\x80")) && rest.len >= 3 &&
                      rest.ptr[2] >= 0x80 && rest.ptr[2] <= 0x8A;
    return is_en_quad ? 3 : 0;
}

size_t lexer_comment_length(struct slice rest)
{
    if (!slice_starts_with(rest, SLICE("//"))) {
        return 0;
    }
    /* One search for both, or a text of nothing but comments would be searched to its end for each
     * of them. */
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '\n' && rest.ptr[end] != '\r') {
        end++;
    }
    return end;
}

static void skip_space(struct lexer *lexer)
{
    while (lexer->at < lexer->source.len) {
        struct slice rest = slice_sub(lexer->source, lexer->at, lexer->source.len);
        size_t space = lexer_space_length(rest);
        space = space == 0 ? lexer_comment_length(rest) : space;
        if (space == 0) {
            return;
        }
        lexer->at += space;
    }
}

static struct token finish(struct lexer *lexer, enum token_kind kind, size_t from, size_t to)
{
    lexer->at = to;
    return (struct token){
        .kind = kind, .text = slice_sub(lexer->source, from, to), .from = from, .to = to};
}

/* No token starts here: a point, not a range. The lexer goes on at next. */
static struct token no_token(struct lexer *lexer, size_t next, const char *message,
                             const char *help)
{
    size_t at = lexer->at;
    struct token token = finish(lexer, TOKEN_ERROR, at, at);
    token.message = message;
    token.help = help;
    lexer->at = next;
    return token;
}

static size_t ident_end(struct slice source, size_t at)
{
    while (at < source.len && (is_ident_start(source.ptr[at]) || is_digit(source.ptr[at]))) {
        at++;
    }
    return at;
}

static struct token lex_number(struct lexer *lexer)
{
    size_t from = lexer->at;
    size_t to = from;
    uint64_t value = 0;
    bool overflow = false;
    for (; to < lexer->source.len && is_digit(lexer->source.ptr[to]); to++) {
        uint64_t digit = (uint64_t)(lexer->source.ptr[to] - '0');
        overflow = overflow || __builtin_mul_overflow(value, 10, &value) ||
                   __builtin_add_overflow(value, digit, &value);
    }
    struct token token = finish(lexer, TOKEN_NUMBER, from, to);
    token.number = value;
    token.is_too_large = overflow;
    return token;
}

/* The character at the cursor, as a whole. */
static size_t character_length(struct lexer *lexer)
{
    size_t len = 1;
    while (lexer->at + len < lexer->source.len &&
           (lexer->source.ptr[lexer->at + len] & 0xC0) == 0x80) {
        len++;
    }
    return len;
}

static struct token lex_string(struct lexer *lexer)
{
    size_t from = lexer->at;
    for (size_t i = from + 1; i < lexer->source.len; i++) {
        uint8_t byte = lexer->source.ptr[i];
        if (byte == '"') {
            struct token token = finish(lexer, TOKEN_STRING, from, i + 1);
            token.text = slice_sub(lexer->source, from + 1, i);
            return token;
        }
        if (byte == '\\') {
            i++;
            if (i < lexer->source.len && lexer->source.ptr[i] == '\n') {
                break;
            }
        }
    }
    return no_token(lexer, lexer->source.len, "this string does not end",
                    "close it with '\"'; a line break inside is fine, but not after a '\\'");
}

static struct token lex_punctuation(struct lexer *lexer)
{
    static const struct slice MARKS[] = {
        SLICE_INIT("::"), SLICE_INIT("=="), SLICE_INIT("!="), SLICE_INIT("<="), SLICE_INIT(">="),
        SLICE_INIT("||"), SLICE_INIT("&&"), SLICE_INIT("@"),  SLICE_INIT("."),  SLICE_INIT(","),
        SLICE_INIT(";"),  SLICE_INIT(":"),  SLICE_INIT("("),  SLICE_INIT(")"),  SLICE_INIT("{"),
        SLICE_INIT("}"),  SLICE_INIT("["),  SLICE_INIT("]"),  SLICE_INIT("<"),  SLICE_INIT(">"),
        SLICE_INIT("+"),  SLICE_INIT("-"),  SLICE_INIT("*"),  SLICE_INIT("!"),  SLICE_INIT("/"),
        SLICE_INIT("%"),  SLICE_INIT("=")};
    struct slice rest = slice_sub(lexer->source, lexer->at, lexer->source.len);
    for (size_t i = 0; i < COUNT_OF(MARKS); i++) {
        if (slice_starts_with(rest, MARKS[i])) {
            return finish(lexer, TOKEN_PUNCTUATION, lexer->at, lexer->at + MARKS[i].len);
        }
    }
    bool is_quote = rest.ptr[0] == '\'';
    return no_token(lexer, lexer->at + character_length(lexer),
                    is_quote ? "Cedar has no single quotes" : NO_MEANING,
                    is_quote ? "strings stand in double quotes" : NULL);
}

struct token lexer_next(struct lexer *lexer)
{
    skip_space(lexer);
    if (lexer->at == lexer->source.len) {
        return finish(lexer, TOKEN_END, lexer->at, lexer->at);
    }
    uint8_t byte = lexer->source.ptr[lexer->at];
    if (is_ident_start(byte)) {
        return finish(lexer, TOKEN_IDENT, lexer->at, ident_end(lexer->source, lexer->at));
    }
    if (is_digit(byte)) {
        return lex_number(lexer);
    }
    if (byte == '"') {
        return lex_string(lexer);
    }
    if (byte == '?') {
        size_t name = lexer->at + 1;
        bool is_named = name < lexer->source.len && is_ident_start(lexer->source.ptr[name]);
        return finish(lexer, TOKEN_SLOT, lexer->at,
                      is_named ? ident_end(lexer->source, name) : name);
    }
    return lex_punctuation(lexer);
}

enum status lexer_check(struct reporter *reporter)
{
    struct lexer lexer = {.source = reporter->source.text};
    enum status status = STATUS_OK;
    bool line_is_reported = false;
    size_t seen = 0;
    for (;;) {
        struct token token = lexer_next(&lexer);
        struct slice between = slice_sub(lexer.source, seen, token.from);
        line_is_reported = line_is_reported && slice_find_byte(between, '\n') == between.len;
        seen = token.from;
        if (token.kind == TOKEN_END) {
            return status;
        }
        if (token.kind == TOKEN_SLOT && token.text.len == 1) {
            token = (struct token){.kind = TOKEN_ERROR, .from = token.from, .to = token.from};
            token.message = NO_MEANING;
        }
        /* One stray character seldom comes alone; the first of a line tells enough. */
        if (token.kind == TOKEN_ERROR && !line_is_reported) {
            status = report(reporter, token_range(&token), "%s", token.message);
            line_is_reported = true;
            if (token.help != NULL) {
                status = report_help(reporter, "%s", token.help);
            }
        }
    }
}

static int hex_value(uint8_t byte)
{
    if (is_digit(byte)) {
        return byte - '0';
    }
    uint8_t lower = (uint8_t)(byte | 0x20);
    return (lower >= 'a' && lower <= 'f') ? lower - 'a' + 10 : -1;
}

/* "{H...}" after \u: one to six digits, underscores after the first. Bytes taken, or 0. */
static size_t braced_code(struct slice text, uint32_t *code)
{
    size_t digits = 0;
    *code = 0;
    if (text.len == 0 || text.ptr[0] != '{') {
        return 0;
    }
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] == '}') {
            bool is_scalar = *code <= 0x10FFFF && (*code < 0xD800 || *code > 0xDFFF);
            return digits > 0 && is_scalar ? i + 1 : 0;
        }
        if (text.ptr[i] == '_' && digits > 0) {
            continue;
        }
        int digit = hex_value(text.ptr[i]);
        if (digit < 0 || ++digits > 6) {
            return 0;
        }
        *code = *code * 16 + (uint32_t)digit;
    }
    return 0;
}

/* The escape after a backslash. Bytes taken, or 0 when it is none. */
static size_t read_escape(struct slice text, uint32_t *code)
{
    static const char NAMES[] = "nrt\\0'\"";
    static const char VALUES[] = "\n\r\t\\\0'\"";
    if (text.len == 0) {
        return 0;
    }
    const char *name = text.ptr[0] == 0 ? NULL : memchr(NAMES, text.ptr[0], sizeof(NAMES) - 1);
    if (name != NULL) {
        *code = (uint32_t)(uint8_t)VALUES[name - NAMES];
        return 1;
    }
    if (text.ptr[0] == 'x' && text.len >= 3) {
        int high = hex_value(text.ptr[1]);
        int low = hex_value(text.ptr[2]);
        *code = (uint32_t)(high * 16 + low);
        return high >= 0 && high <= 7 && low >= 0 ? 3 : 0;
    }
    if (text.ptr[0] == 'u') {
        size_t taken = braced_code(slice_sub(text, 1, text.len), code);
        return taken == 0 ? 0 : taken + 1;
    }
    return 0;
}

struct unescaping {
    uint8_t *out;
    size_t len;
    struct pattern_part *parts; /* NULL for plain strings */
    size_t part_count, literal_from;
};

static void end_literal(struct unescaping *u)
{
    if (u->len > u->literal_from) {
        u->parts[u->part_count++] = (struct pattern_part){
            .literal = slice_of(u->out + u->literal_from, u->len - u->literal_from)};
    }
    u->literal_from = u->len;
}

static void put_code(struct unescaping *u, uint32_t code, bool is_literal_star)
{
    if (u->parts != NULL && code == '*' && !is_literal_star) {
        end_literal(u);
        u->parts[u->part_count++] = (struct pattern_part){.is_wildcard = true};
        return;
    }
    u->len += utf8_encode(code, u->out + u->len);
}

/* One character or escape of content; bytes taken, or 0 when it is malformed. */
static size_t put_next(struct unescaping *u, struct slice rest)
{
    uint32_t code = 0;
    if (rest.ptr[0] == '\r') {
        return 0;
    }
    if (rest.ptr[0] != '\\') {
        if (rest.ptr[0] == '*') {
            put_code(u, '*', false);
        } else {
            u->out[u->len++] = rest.ptr[0];
        }
        return 1;
    }
    if (u->parts != NULL && rest.len > 1 && rest.ptr[1] == '*') {
        put_code(u, '*', true);
        return 2;
    }
    size_t taken = read_escape(slice_sub(rest, 1, rest.len), &code);
    if (taken == 0) {
        return 0;
    }
    put_code(u, code, false);
    return taken + 1;
}

/* Stars come from '*' and from escapes; literals stand between them. */
static size_t parts_max(struct slice content)
{
    size_t count = 1;
    for (size_t i = 0; i < content.len; i++) {
        count += content.ptr[i] == '*' || content.ptr[i] == '\\' ? 2 : 0;
    }
    return count;
}

enum status lexer_unescape(struct slice content, struct arena *arena, struct slice *out,
                           struct pattern_part **parts, size_t *part_count, size_t *bad)
{
    struct unescaping u = {.out = arena_alloc(arena, content.len + 4)};
    if (parts != NULL) {
        u.parts = arena_alloc_zero(arena, parts_max(content), sizeof(*u.parts));
    }
    if (u.out == NULL || (parts != NULL && u.parts == NULL)) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < content.len;) {
        size_t taken = put_next(&u, slice_sub(content, i, content.len));
        if (taken == 0) {
            *bad = i;
            return STATUS_INVALID;
        }
        i += taken;
    }
    if (parts != NULL) {
        end_literal(&u);
        *parts = u.parts;
        *part_count = u.part_count;
    }
    *out = slice_of(u.out, u.len);
    return STATUS_OK;
}
