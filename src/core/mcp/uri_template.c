#include "core/mcp/uri_template.h"

#include <string.h>

/* An operator of RFC 6570 section 2.2: what its expansion begins with and is made of. */
struct uri_operator {
    uint8_t sign;  /* 0: a simple expansion */
    uint8_t first; /* 0: no mark in front */
    bool is_reserved;
    struct slice separators;
};

static const struct uri_operator OPERATORS[] = {
    {0, 0, false, SLICE_INIT(",=")},      {'+', 0, true, SLICE_INIT("")},
    {'#', '#', true, SLICE_INIT("")},     {'.', '.', false, SLICE_INIT(".,=")},
    {'/', '/', false, SLICE_INIT("/,=")}, {';', ';', false, SLICE_INIT(";,=")},
    {'?', '?', false, SLICE_INIT("&,=")}, {'&', '&', false, SLICE_INIT("&,=")},
};

static bool is_in(uint8_t byte, struct slice set)
{
    return slice_find_byte(set, byte) < set.len;
}

static bool is_unreserved(uint8_t byte)
{
    bool is_alnum = (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
    return is_alnum || is_in(byte, SLICE("-._~"));
}

static bool is_reserved(uint8_t byte)
{
    return is_in(byte, SLICE(":/?#[]@!$&'()*+,;="));
}

static bool fits(const struct uri_operator *kind, uint8_t byte)
{
    return is_unreserved(byte) || byte == '%' || is_in(byte, kind->separators) ||
           (kind->is_reserved && is_reserved(byte));
}

static bool spend(struct uri_search *search, size_t steps)
{
    if (search->steps_left < steps) {
        search->steps_left = 0;
        return false;
    }
    search->steps_left -= steps;
    return true;
}

static void take_next(struct uri_search *search)
{
    uint8_t *reached = search->reached;
    search->reached = search->next;
    search->next = reached;
}

static bool take_literal(struct uri_search *search, struct slice literal)
{
    memset(search->next, 0, search->uri.len + 1);
    if (!spend(search, search->uri.len + 1)) {
        return false;
    }
    bool is_reached = false;
    for (size_t at = 0; at + literal.len <= search->uri.len; at++) {
        if (search->reached[at] == 0) {
            continue;
        }
        if (!spend(search, literal.len)) {
            return false;
        }
        if (slice_eq(slice_sub(search->uri, at, at + literal.len), literal)) {
            search->next[at + literal.len] = 1;
            is_reached = true;
        }
    }
    take_next(search);
    return is_reached;
}

static const struct uri_operator *operator_of(struct slice expression)
{
    const struct uri_operator *kind = &OPERATORS[0];
    for (size_t i = 1; i < COUNT_OF(OPERATORS); i++) {
        struct slice sign = slice_of(&OPERATORS[i].sign, 1);
        kind = slice_starts_with(expression, sign) ? &OPERATORS[i] : kind;
    }
    return kind;
}

/* An expansion is empty when its variables are undefined. */
static bool take_expression(struct uri_search *search, struct slice expression)
{
    const struct uri_operator *kind = operator_of(expression);
    if (!spend(search, search->uri.len + 1)) {
        return false;
    }
    memcpy(search->next, search->reached, search->uri.len + 1);
    bool is_inside = false;
    for (size_t at = 0; at < search->uri.len; at++) {
        uint8_t byte = search->uri.ptr[at];
        bool begins = search->reached[at] != 0;
        bool may_begin = kind->first == 0 ? fits(kind, byte) : byte == kind->first;
        is_inside = (is_inside && fits(kind, byte)) || (begins && may_begin);
        search->next[at + 1] |= is_inside ? 1 : 0;
    }
    take_next(search);
    return true;
}

static bool run(struct uri_search *search, struct slice rest)
{
    while (rest.len > 0) {
        size_t open = slice_find_byte(rest, '{');
        if (open > 0) {
            if (!take_literal(search, slice_sub(rest, 0, open))) {
                return false;
            }
            rest = slice_sub(rest, open, rest.len);
            continue;
        }
        size_t close = slice_find_byte(rest, '}');
        if (close == rest.len || close < 2 || !take_expression(search, slice_sub(rest, 1, close))) {
            return false;
        }
        rest = slice_sub(rest, close + 1, rest.len);
    }
    return search->reached[search->uri.len] != 0;
}

enum status uri_search_init(struct uri_search *search, struct slice uri, struct arena *arena)
{
    *search = (struct uri_search){.uri = uri,
                                  .reached = arena_alloc(arena, uri.len + 1),
                                  .next = arena_alloc(arena, uri.len + 1),
                                  .steps_left = URI_TEMPLATE_STEPS_MAX};
    return search->reached == NULL || search->next == NULL ? STATUS_LIMIT : STATUS_OK;
}

bool uri_template_matches(struct uri_search *search, struct slice uri_template)
{
    struct slice prefix = slice_sub(uri_template, 0, slice_find_byte(uri_template, '{'));
    if (uri_template.len > URI_TEMPLATE_BYTES_MAX || !slice_starts_with(search->uri, prefix) ||
        !spend(search, search->uri.len + 1)) {
        return false;
    }
    memset(search->reached, 0, search->uri.len + 1);
    search->reached[0] = 1;
    return run(search, uri_template);
}

bool uri_template_is_sound(struct slice uri_template)
{
    bool is_open = false;
    for (size_t i = 0; i < uri_template.len; i++) {
        uint8_t byte = uri_template.ptr[i];
        if (byte == '{' || byte == '}') {
            if ((byte == '{') == is_open) {
                return false;
            }
            is_open = !is_open;
        } else if (!is_unreserved(byte) && !is_reserved(byte) && byte != '%') {
            return false;
        }
    }
    return !is_open && uri_template.len <= URI_TEMPLATE_BYTES_MAX;
}

static void append_escaped(struct buf *out, struct slice value, bool keeps_reserved)
{
    static const char HEX[] = "0123456789ABCDEF";
    for (size_t i = 0; i < value.len; i++) {
        uint8_t byte = value.ptr[i];
        if (is_unreserved(byte) || (keeps_reserved && is_reserved(byte))) {
            buf_append_byte(out, byte);
        } else {
            buf_append_byte(out, '%');
            buf_append_byte(out, (uint8_t)HEX[byte >> 4]);
            buf_append_byte(out, (uint8_t)HEX[byte & 15]);
        }
    }
}

/* Of the operators with names, only ';' leaves out the '=' of an empty value. */
static bool expand(struct slice expression, uri_variable_fn variable, void *context,
                   struct buf *out)
{
    const struct uri_operator *kind = operator_of(expression);
    struct slice name = slice_sub(expression, kind->sign == 0 ? 0 : 1, expression.len);
    struct slice value;
    for (size_t i = 0; i < name.len; i++) {
        if (is_in(name.ptr[i], SLICE(",*:"))) {
            return false;
        }
    }
    if (!variable(context, name, &value)) {
        return false;
    }
    if (kind->first != 0) {
        buf_append_byte(out, kind->first);
    }
    if (is_in(kind->sign, SLICE(";?&"))) {
        buf_append(out, name);
        buf_append(out, value.len > 0 || kind->sign != ';' ? SLICE("=") : SLICE_EMPTY);
    }
    append_escaped(out, value, kind->is_reserved);
    return true;
}

bool uri_template_expand(struct slice uri_template, uri_variable_fn variable, void *context,
                         struct buf *out)
{
    struct slice rest = uri_template;
    while (rest.len > 0) {
        size_t open = slice_find_byte(rest, '{');
        size_t close = slice_find_byte(rest, '}');
        buf_append(out, slice_sub(rest, 0, open));
        if (open < rest.len && !expand(slice_sub(rest, open + 1, close), variable, context, out)) {
            return false;
        }
        rest = slice_sub(rest, open == rest.len ? open : close + 1, rest.len);
    }
    return true;
}
