#include "cedar/symbolic/sexpr.h"

#include <assert.h>

#define NO_LIST UINT32_MAX

struct reader {
    struct slice text;
    size_t at;
    struct sexpr_node *nodes;
    uint32_t count, capacity;
    uint32_t open; /* the innermost list that is not closed; its `end` is the one around it */
    struct arena *arena;
    struct diag *diag;
};

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

static bool ends_symbol(uint8_t byte)
{
    return is_space(byte) || byte == '(' || byte == ')' || byte == '"' || byte == ';' ||
           byte == '|';
}

static enum status malformed(struct reader *r, const char *what)
{
    return diag_fail(r->diag, STATUS_INVALID, "cedar.solver_answer",
                     "the solver's answer is malformed at byte %zu: %s", r->at, what);
}

static enum status add(struct reader *r, enum sexpr_kind kind, struct slice text)
{
    if (r->count == r->capacity) {
        uint32_t capacity = r->capacity == 0 ? 256 : 2 * r->capacity;
        struct sexpr_node *nodes =
            capacity > SEXPR_NODES_MAX ? NULL : arena_alloc(r->arena, capacity * sizeof(*nodes));
        if (nodes == NULL) {
            return diag_fail(r->diag, STATUS_LIMIT, "cedar.solver_answer",
                             "the solver's answer has more than %u parts", SEXPR_NODES_MAX);
        }
        if (r->count > 0) {
            memcpy(nodes, r->nodes, r->count * sizeof(*nodes));
        }
        r->nodes = nodes;
        r->capacity = capacity;
    }
    r->nodes[r->count] = (struct sexpr_node){kind, r->count + 1, text};
    r->count++;
    return STATUS_OK;
}

/* "..." where a quote is doubled, or |...| */
static enum status add_quoted(struct reader *r, uint8_t quote)
{
    size_t from = r->at + 1;
    size_t to = from;
    for (;; to += 2) {
        to += slice_find_byte(slice_sub(r->text, to, r->text.len), quote);
        if (to >= r->text.len) {
            return malformed(r, "a quote is not closed");
        }
        if (quote == '|' || to + 1 >= r->text.len || r->text.ptr[to + 1] != quote) {
            break;
        }
    }
    r->at = to + 1;
    return add(r, quote == '|' ? SEXPR_SYMBOL : SEXPR_STRING, slice_sub(r->text, from, to));
}

static enum status add_symbol(struct reader *r)
{
    size_t from = r->at;
    while (r->at < r->text.len && !ends_symbol(r->text.ptr[r->at])) {
        r->at++;
    }
    return add(r, SEXPR_SYMBOL, slice_sub(r->text, from, r->at));
}

static enum status open_list(struct reader *r)
{
    TRY(add(r, SEXPR_LIST, SLICE_EMPTY));
    assert(r->nodes != NULL);
    r->nodes[r->count - 1].end = r->open;
    r->open = r->count - 1;
    r->at++;
    return STATUS_OK;
}

static enum status close_list(struct reader *r)
{
    if (r->open == NO_LIST) {
        return malformed(r, "a bracket was not opened");
    }
    uint32_t around = r->nodes[r->open].end;
    r->nodes[r->open].end = r->count;
    r->open = around;
    r->at++;
    return STATUS_OK;
}

static enum status read_next(struct reader *r)
{
    uint8_t byte = r->text.ptr[r->at];
    if (is_space(byte)) {
        r->at++;
        return STATUS_OK;
    }
    if (byte == ';') {
        r->at += slice_find_byte(slice_sub(r->text, r->at, r->text.len), '\n');
        return STATUS_OK;
    }
    if (byte == '"' || byte == '|') {
        return add_quoted(r, byte);
    }
    return byte == '(' ? open_list(r) : byte == ')' ? close_list(r) : add_symbol(r);
}

enum status sexpr_read(struct slice text, struct arena *arena, struct sexpr *out, struct diag *diag)
{
    struct reader r = {.text = text, .open = NO_LIST, .arena = arena, .diag = diag};
    while (r.at < text.len) {
        TRY(read_next(&r));
    }
    if (r.open != NO_LIST) {
        return malformed(&r, "a bracket is not closed");
    }
    *out = (struct sexpr){r.nodes, r.count};
    return STATUS_OK;
}

bool sexpr_is(const struct sexpr *sexpr, uint32_t node, struct slice symbol)
{
    return node < sexpr->count && sexpr->nodes[node].kind == SEXPR_SYMBOL &&
           slice_eq(sexpr->nodes[node].text, symbol);
}

bool sexpr_is_call(const struct sexpr *sexpr, uint32_t node, struct slice symbol, uint32_t count)
{
    return sexpr_is(sexpr, sexpr_part(sexpr, node, 0), symbol) &&
           sexpr_part(sexpr, node, count - 1) < sexpr->count;
}

uint32_t sexpr_part(const struct sexpr *sexpr, uint32_t list, uint32_t index)
{
    if (list >= sexpr->count || sexpr->nodes[list].kind != SEXPR_LIST) {
        return sexpr->count;
    }
    uint32_t part = list + 1;
    for (uint32_t i = 0; i < index && part < sexpr->nodes[list].end; i++) {
        part = sexpr->nodes[part].end;
    }
    return part < sexpr->nodes[list].end ? part : sexpr->count;
}

uint32_t sexpr_part_count(const struct sexpr *sexpr, uint32_t list)
{
    uint32_t count = 0;
    for (uint32_t part = sexpr_part(sexpr, list, 0);
         part < sexpr->count && part < sexpr->nodes[list].end; part = sexpr->nodes[part].end) {
        count++;
    }
    return count;
}
