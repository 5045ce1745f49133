/* Values in a model: literals, choices and comparisons, read by their type. */
#include "cedar/symbolic/model.h"

#include "base/utf8.h"

#include <assert.h>

#define QUOTED_BYTES_MAX 60

struct reading {
    struct model *model;
    const struct model_binding *bindings;
    struct diag *diag;
};

static enum status not_understood(const struct reading *r, uint32_t node)
{
    const struct sexpr *text = &r->model->text;
    while (node < text->count && text->nodes[node].kind == SEXPR_LIST) {
        node++;
    }
    struct slice word = node < text->count ? text->nodes[node].text : SLICE_EMPTY;
    word = slice_sub(word, 0, QUOTED_BYTES_MAX);
    return diag_fail(r->diag, STATUS_INVALID, "cedar.solver_answer",
                     "the solver's model is not understood near '%.*s'", SLICE_ARG(word));
}

/* Formulas are evaluated again and again, and may refer to each other. */
static enum status spend(const struct reading *r, size_t steps)
{
    struct model *model = r->model;
    if (steps > model->steps_left) {
        return diag_fail(r->diag, STATUS_LIMIT, "cedar.solver_answer",
                         "the solver's model takes too many steps to read");
    }
    model->steps_left -= steps;
    return STATUS_OK;
}

static enum status read_value(struct reading *r, const struct term_type *type, uint32_t node,
                              const struct term **out);

/* STATUS_LIMIT when a term could not be made. */
static enum status made(const struct term *term, const struct term **out)
{
    *out = term;
    return term == NULL ? STATUS_LIMIT : STATUS_OK;
}

static const struct term *find_bound(const struct reading *r, uint32_t node)
{
    for (const struct model_binding *b = r->bindings; b != NULL; b = b->next) {
        if (sexpr_is(&r->model->text, node, b->name)) {
            return b->value;
        }
    }
    return NULL;
}

/* -- truths --------------------------------------------------------------------------------- */

static enum status read_truth(struct reading *r, uint32_t node, bool *out)
{
    const struct term *truth = NULL;
    TRY(read_value(r, term_type_plain(r->model->terms, TERM_TYPE_BOOL), node, &truth));
    assert(truth != NULL);
    *out = truth->as.truth;
    return STATUS_OK;
}

/* One side is a parameter, which tells the type. */
static enum status read_equal(struct reading *r, uint32_t node, bool *out)
{
    const struct sexpr *text = &r->model->text;
    uint32_t left = sexpr_part(text, node, 1);
    uint32_t right = sexpr_part(text, node, 2);
    const struct term *bound = find_bound(r, left);
    const struct term *other = NULL;
    if (bound == NULL) {
        bound = find_bound(r, right);
        right = left;
    }
    if (bound == NULL) {
        return not_understood(r, node);
    }
    TRY(read_value(r, bound->type, right, &other));
    *out = bound == other;
    return STATUS_OK;
}

static enum status read_all_or_any(struct reading *r, uint32_t node, bool is_all, bool *out)
{
    const struct sexpr *text = &r->model->text;
    *out = is_all;
    for (uint32_t part = sexpr_part(text, node, 1); part < text->nodes[node].end && *out == is_all;
         part = text->nodes[part].end) {
        TRY(read_truth(r, part, out));
    }
    return STATUS_OK;
}

static enum status read_bool(struct reading *r, uint32_t node, bool *out)
{
    const struct sexpr *text = &r->model->text;
    *out = sexpr_is(text, node, SLICE("true"));
    if (*out || sexpr_is(text, node, SLICE("false"))) {
        return STATUS_OK;
    }
    if (sexpr_is_call(text, node, SLICE("="), 3)) {
        return read_equal(r, node, out);
    }
    if (sexpr_is_call(text, node, SLICE("not"), 2)) {
        TRY(read_truth(r, sexpr_part(text, node, 1), out));
        *out = !*out;
        return STATUS_OK;
    }
    bool is_all = sexpr_is_call(text, node, SLICE("and"), 2);
    return is_all || sexpr_is_call(text, node, SLICE("or"), 2)
               ? read_all_or_any(r, node, is_all, out)
               : not_understood(r, node);
}

/* -- numbers, texts, addresses -------------------------------------------------------------- */

static int hex_value(uint8_t byte)
{
    uint8_t lower = (uint8_t)(byte | 0x20);
    return byte >= '0' && byte <= '9'     ? byte - '0'
           : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                          : -1;
}

/* #b... or #x... of exactly this width */
static enum status read_bits(struct reading *r, uint32_t node, uint32_t width,
                             struct term_bits *out)
{
    const struct sexpr *text = &r->model->text;
    *out = (struct term_bits){0};
    if (node >= text->count || text->nodes[node].kind != SEXPR_SYMBOL) {
        return not_understood(r, node);
    }
    struct slice word = text->nodes[node].text;
    bool is_hex = slice_starts_with(word, SLICE("#x"));
    uint32_t step = is_hex ? 4 : 1;
    if ((!is_hex && !slice_starts_with(word, SLICE("#b"))) || (word.len - 2) * step != width) {
        return not_understood(r, node);
    }
    for (size_t i = 2; i < word.len; i++) {
        int digit = hex_value(word.ptr[i]);
        if (digit < 0 || digit >> step != 0) {
            return not_understood(r, node);
        }
        out->high = out->high << step | out->low >> (64 - step);
        out->low = out->low << step | (uint64_t)digit;
    }
    return STATUS_OK;
}

/* \u{H...} or \uHHHH at the start of rest: bytes taken, or 0 when it is something else. */
static size_t read_escape(struct slice rest, uint32_t *code)
{
    bool is_braced = slice_starts_with(rest, SLICE("\\u{"));
    size_t from = is_braced ? 3 : 2;
    size_t at = from;
    *code = 0;
    if (!slice_starts_with(rest, SLICE("\\u"))) {
        return 0;
    }
    while (at < rest.len && at < from + (is_braced ? 5 : 4) && hex_value(rest.ptr[at]) >= 0) {
        *code = *code << 4 | (uint32_t)hex_value(rest.ptr[at++]);
    }
    if (!is_braced) {
        return at == from + 4 ? at : 0;
    }
    return at > from && at < rest.len && rest.ptr[at] == '}' ? at + 1 : 0;
}

static enum status read_literal_text(struct reading *r, uint32_t node, const struct term **out)
{
    struct slice quoted = r->model->text.nodes[node].text;
    uint8_t *bytes = arena_alloc(r->model->arena, quoted.len);
    size_t len = 0;
    if (bytes == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < quoted.len;) {
        uint32_t code = 0;
        size_t taken = read_escape(slice_sub(quoted, i, quoted.len), &code);
        if (taken > 0) {
            len += utf8_encode(code, bytes + len);
            i += taken;
            continue;
        }
        bytes[len++] = quoted.ptr[i];
        i += quoted.ptr[i] == '"' ? 2 : 1;
    }
    /* A solver knows no surrogates, which are no characters here. */
    if (!slice_is_utf8(slice_of(bytes, len))) {
        return not_understood(r, node);
    }
    return made(term_text(r->model->terms, slice_of(bytes, len)), out);
}

/* z3 writes characters that it chose as (seq.unit (_ Char 98)). */
static enum status read_character(struct reading *r, uint32_t node, const struct term **out)
{
    const struct sexpr *text = &r->model->text;
    uint32_t unit = sexpr_part(text, node, 1);
    uint32_t number = sexpr_part(text, unit, 2);
    int64_t code = 0;
    if (!sexpr_is_call(text, node, SLICE("seq.unit"), 2) ||
        !sexpr_is(text, sexpr_part(text, unit, 1), SLICE("Char")) || number == text->count ||
        slice_to_i64(text->nodes[number].text, &code) != STATUS_OK || code < 0 || code > 0x10FFFF) {
        return not_understood(r, node);
    }
    uint8_t *bytes = arena_alloc(r->model->arena, UTF8_BYTES_MAX);
    if (bytes == NULL) {
        return STATUS_LIMIT;
    }
    struct slice character = {bytes, utf8_encode((uint32_t)code, bytes)};
    return slice_is_utf8(character) ? made(term_text(r->model->terms, character), out)
                                    : not_understood(r, node);
}

/* (str.++ a b ...) */
static enum status read_concatenation(struct reading *r, uint32_t node, const struct term **out)
{
    const struct sexpr *text = &r->model->text;
    const struct term_type *type = term_type_plain(r->model->terms, TERM_TYPE_STRING);
    size_t count = 0;
    struct slice whole;
    struct slice *parts =
        arena_alloc_zero(r->model->arena, sexpr_part_count(text, node), sizeof(*parts));
    if (parts == NULL) {
        return STATUS_LIMIT;
    }
    for (uint32_t part = sexpr_part(text, node, 1); part < text->nodes[node].end;
         part = text->nodes[part].end) {
        const struct term *value = NULL;
        TRY(read_value(r, type, part, &value));
        assert(value != NULL);
        parts[count++] = value->as.text;
    }
    TRY(arena_join(r->model->arena, parts, count, &whole));
    return made(term_text(r->model->terms, whole), out);
}

static enum status read_text(struct reading *r, uint32_t node, const struct term **out)
{
    const struct sexpr *text = &r->model->text;
    if (node < text->count && text->nodes[node].kind == SEXPR_STRING) {
        return read_literal_text(r, node, out);
    }
    return sexpr_is_call(text, node, SLICE("str.++"), 2) ? read_concatenation(r, node, out)
                                                         : read_character(r, node, out);
}

/* `none`, (as none S), (some x), ((as some S) x). *value is 0 for none, which is no part. */
static enum status read_option(struct reading *r, uint32_t node, uint32_t *value)
{
    const struct sexpr *text = &r->model->text;
    bool is_none = sexpr_is(text, node, SLICE("none")) ||
                   (sexpr_is_call(text, node, SLICE("as"), 2) &&
                    sexpr_is(text, sexpr_part(text, node, 1), SLICE("none")));
    uint32_t head = sexpr_part(text, node, 0);
    bool is_some = sexpr_is(text, head, SLICE("some")) ||
                   (sexpr_is_call(text, head, SLICE("as"), 2) &&
                    sexpr_is(text, sexpr_part(text, head, 1), SLICE("some")));
    uint32_t part = sexpr_part(text, node, 1);
    *value = is_none ? 0 : part;
    return is_none || (is_some && part < text->count) ? STATUS_OK : not_understood(r, node);
}

static enum status read_address(struct reading *r, uint32_t node, const struct term **out)
{
    const struct sexpr *text = &r->model->text;
    bool is_v6 = sexpr_is_call(text, node, SLICE("V6"), 3);
    uint32_t width = is_v6 ? 128 : 32;
    struct cedar_ip ip = {.is_v6 = is_v6, .prefix = (uint8_t)width};
    struct term_bits bits;
    uint32_t value = 0;
    if (!is_v6 && !sexpr_is_call(text, node, SLICE("V4"), 3)) {
        return not_understood(r, node);
    }
    TRY(read_bits(r, sexpr_part(text, node, 1), width, &bits));
    for (uint32_t i = 0; i < width / 8; i++) {
        uint32_t shift = width - 8 - 8 * i;
        ip.bytes[i] = (uint8_t)(shift >= 64 ? bits.high >> (shift - 64) : bits.low >> shift);
    }
    TRY(read_option(r, sexpr_part(text, node, 2), &value));
    if (value != 0) {
        TRY(read_bits(r, value, is_v6 ? 7 : 5, &bits));
        ip.prefix = (uint8_t)bits.low;
    }
    return made(term_address(r->model->terms, &ip), out);
}

/* -- entities, records ---------------------------------------------------------------------- */

/* prefix and a number, and with a part another one after '_' */
static bool is_name(struct slice word, struct slice prefix, uint32_t number, uint32_t *part)
{
    int64_t found = 0;
    if (!slice_starts_with(word, prefix)) {
        return false;
    }
    struct slice digits = slice_sub(word, prefix.len, word.len);
    size_t bar = slice_find_byte(digits, '_');
    if (slice_to_i64(slice_sub(digits, 0, bar), &found) != STATUS_OK || found != number) {
        return false;
    }
    if (part == NULL) {
        return bar == digits.len;
    }
    if (slice_to_i64(slice_sub(digits, bar + 1, digits.len), &found) != STATUS_OK || found < 0 ||
        found >= UINT32_MAX) {
        return false;
    }
    *part = (uint32_t)found;
    return true;
}

static struct slice word_at(const struct reading *r, uint32_t node)
{
    const struct sexpr *text = &r->model->text;
    return node < text->count && text->nodes[node].kind == SEXPR_SYMBOL ? text->nodes[node].text
                                                                        : SLICE_EMPTY;
}

static enum status read_entity(struct reading *r, const struct term_type *type, uint32_t node,
                               const struct term **out)
{
    struct terms *terms = r->model->terms;
    const struct sexpr *text = &r->model->text;
    uint32_t index = 0;
    const struct term *id = NULL;
    if (type->ids != NULL) {
        return is_name(word_at(r, node), SLICE("e"), type->number, &index) && index < type->id_count
                   ? made(term_entity(terms, type, type->ids[index]), out)
                   : not_understood(r, node);
    }
    if (!is_name(word_at(r, sexpr_part(text, node, 0)), SLICE("e"), type->number, NULL)) {
        return not_understood(r, node);
    }
    TRY(read_value(r, term_type_plain(terms, TERM_TYPE_STRING), sexpr_part(text, node, 1), &id));
    assert(id != NULL);
    return made(term_entity(terms, type, id->as.text), out);
}

static enum status read_record(struct reading *r, const struct term_type *type, uint32_t node,
                               const struct term **out)
{
    const struct sexpr *text = &r->model->text;
    uint32_t head = type->field_count == 0 ? node : sexpr_part(text, node, 0);
    const struct term **items =
        arena_alloc_zero(r->model->arena, type->field_count, sizeof(const struct term *));
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    if (!is_name(word_at(r, head), SLICE("r"), type->number, NULL)) {
        return not_understood(r, node);
    }
    uint32_t part = sexpr_part(text, node, 1);
    for (size_t i = 0; i < type->field_count; i++) {
        if (part >= text->nodes[node].end) {
            return not_understood(r, node);
        }
        TRY(read_value(r, type->fields[i].type, part, &items[i]));
        part = text->nodes[part].end;
    }
    return made(term_record(r->model->terms, type, items), out);
}

static enum status read_optional(struct reading *r, const struct term_type *type, uint32_t node,
                                 const struct term **out)
{
    uint32_t part = 0;
    const struct term *value = NULL;
    TRY(read_option(r, node, &part));
    if (part == 0) {
        return made(term_none(r->model->terms, type), out);
    }
    TRY(read_value(r, type->element, part, &value));
    return made(term_some(r->model->terms, value), out);
}

/* -- sets ----------------------------------------------------------------------------------- */

struct elements {
    const struct term **items;
    size_t count, capacity;
};

static enum status add_element(struct reading *r, struct elements *elements,
                               const struct term *element)
{
    if (elements->count == elements->capacity) {
        size_t capacity = elements->capacity == 0 ? 8 : 2 * elements->capacity;
        const struct term **items =
            arena_alloc_zero(r->model->arena, capacity, sizeof(const struct term *));
        if (items == NULL) {
            return STATUS_LIMIT;
        }
        for (size_t i = 0; i < elements->count; i++) {
            items[i] = elements->items[i];
        }
        elements->items = items;
        elements->capacity = capacity;
    }
    elements->items[elements->count++] = element;
    return STATUS_OK;
}

/* Add what is not there yet; *is_new says. */
static enum status add_new_element(struct reading *r, struct elements *elements,
                                   const struct term *element, bool *is_new)
{
    TRY(spend(r, elements->count));
    *is_new = true;
    for (size_t i = 0; i < elements->count; i++) {
        *is_new = *is_new && elements->items[i] != element;
    }
    return *is_new ? add_element(r, elements, element) : STATUS_OK;
}

static enum status read_element(struct reading *r, const struct term_type *type, uint32_t node,
                                struct elements *elements)
{
    const struct term *element = NULL;
    TRY(read_value(r, type->element, node, &element));
    return add_element(r, elements, element);
}

/* All but the last part of (set.insert a b ... set); *rest is that. */
static enum status read_inserted(struct reading *r, const struct term_type *type, uint32_t node,
                                 struct elements *elements, uint32_t *rest)
{
    const struct sexpr *text = &r->model->text;
    uint32_t part = sexpr_part(text, node, 1);
    for (; text->nodes[part].end < text->nodes[node].end; part = text->nodes[part].end) {
        TRY(read_element(r, type, part, elements));
    }
    *rest = part;
    return STATUS_OK;
}

/* cvc5: unions of singletons. They may be nested as deeply as there are elements, but lie in one
 * line here. */
static enum status read_unions(struct reading *r, const struct term_type *type, uint32_t node,
                               struct elements *elements)
{
    const struct sexpr *text = &r->model->text;
    uint32_t end = text->nodes[node].end;
    for (uint32_t at = node; at < end;) {
        if (sexpr_is_call(text, at, SLICE("set.union"), 3)) {
            at += 2;
        } else if (sexpr_is_call(text, at, SLICE("set.insert"), 3)) {
            TRY(read_inserted(r, type, at, elements, &at));
        } else if (sexpr_is_call(text, at, SLICE("set.singleton"), 2)) {
            TRY(read_element(r, type, sexpr_part(text, at, 1), elements));
            at = text->nodes[at].end;
        } else if (sexpr_is_call(text, at, SLICE("as"), 2) &&
                   sexpr_is(text, at + 2, SLICE("set.empty"))) {
            at = text->nodes[at].end;
        } else {
            return not_understood(r, at);
        }
    }
    return STATUS_OK;
}

/* z3: a set is an array, made by stores into one that is true or false everywhere, or given by a
 * formula. One that all but some elements are in has no like in Cedar; of its elements those are
 * taken that the query or the model mentions, since nothing can depend on others. */
static enum status is_element(struct reading *r, uint32_t body, struct slice name,
                              const struct term *candidate, bool *out)
{
    const struct model_binding *around = r->bindings;
    const struct model_binding binding = {name, candidate, around};
    r->bindings = &binding;
    enum status status = read_truth(r, body, out);
    r->bindings = around;
    return status;
}

/* All literals of the element's type for which the body holds, of those that are not settled. */
static enum status read_formula(struct reading *r, const struct term_type *type, struct slice name,
                                uint32_t body, struct elements *settled, struct elements *elements)
{
    struct terms *terms = r->model->terms;
    size_t count = terms->count;
    TRY(spend(r, count));
    for (size_t i = 0; i < count; i++) {
        const struct term *candidate = terms->items[i];
        bool is_in = false;
        bool is_new = false;
        if (!candidate->is_literal || candidate->type != type->element) {
            continue;
        }
        TRY(is_element(r, body, name, candidate, &is_in));
        TRY(add_new_element(r, settled, candidate, &is_new));
        if (is_in && is_new) {
            TRY(add_element(r, elements, candidate));
        }
    }
    return STATUS_OK;
}

/* Make literals of all that the body compares `name` with. */
static enum status read_compared(struct reading *r, const struct term_type *type, struct slice name,
                                 uint32_t body)
{
    const struct sexpr *text = &r->model->text;
    TRY(spend(r, text->nodes[body].end - body));
    for (uint32_t at = body; at < text->nodes[body].end; at++) {
        const struct term *element = NULL;
        uint32_t left = sexpr_part(text, at, 1);
        uint32_t right = sexpr_part(text, at, 2);
        bool is_left = sexpr_is(text, left, name);
        if (sexpr_is_call(text, at, SLICE("="), 3) && (is_left || sexpr_is(text, right, name))) {
            TRY(read_value(r, type->element, is_left ? right : left, &element));
        }
    }
    return STATUS_OK;
}

/* The stores around an array; those further out win. *node is what they are made into. */
static enum status read_stores(struct reading *r, const struct term_type *type, uint32_t *node,
                               struct elements *settled, struct elements *elements)
{
    const struct sexpr *text = &r->model->text;
    while (sexpr_is_call(text, *node, SLICE("store"), 4)) {
        const struct term *element = NULL;
        bool is_in = false;
        bool is_new = false;
        TRY(read_value(r, type->element, sexpr_part(text, *node, 2), &element));
        TRY(read_truth(r, sexpr_part(text, *node, 3), &is_in));
        TRY(add_new_element(r, settled, element, &is_new));
        if (is_in && is_new) {
            TRY(add_element(r, elements, element));
        }
        *node = sexpr_part(text, *node, 1);
    }
    return STATUS_OK;
}

static enum status read_array(struct reading *r, const struct term_type *type, uint32_t node,
                              struct elements *elements)
{
    const struct sexpr *text = &r->model->text;
    struct elements settled = {0};
    TRY(read_stores(r, type, &node, &settled, elements));
    uint32_t parameters = sexpr_part(text, node, 1);
    uint32_t head = sexpr_part(text, node, 0);
    if (sexpr_is_call(text, head, SLICE("as"), 3) &&
        sexpr_is(text, sexpr_part(text, head, 1), SLICE("const")) && parameters < text->count) {
        return read_formula(r, type, SLICE_EMPTY, parameters, &settled, elements);
    }
    uint32_t body = sexpr_part(text, node, 2);
    if (sexpr_is_call(text, node, SLICE("_"), 3) && sexpr_is(text, parameters, SLICE("as-array"))) {
        uint32_t definition = model_find(r->model, word_at(r, body));
        parameters = sexpr_part(text, definition, 2);
        body = sexpr_part(text, definition, 4);
    } else if (!sexpr_is_call(text, node, SLICE("lambda"), 3)) {
        return not_understood(r, node);
    }
    struct slice name = word_at(r, sexpr_part(text, sexpr_part(text, parameters, 0), 0));
    if (name.len == 0 || body >= text->count) {
        return not_understood(r, node);
    }
    TRY(read_compared(r, type, name, body));
    return read_formula(r, type, name, body, &settled, elements);
}

static enum status read_set(struct reading *r, const struct term_type *type, uint32_t node,
                            const struct term **out)
{
    const struct sexpr *text = &r->model->text;
    struct elements elements = {0};
    struct slice head = word_at(r, sexpr_part(text, node, 0));
    bool is_set = slice_starts_with(head, SLICE("set.")) || slice_eq(head, SLICE("as"));
    TRY(is_set ? read_unions(r, type, node, &elements) : read_array(r, type, node, &elements));
    return made(term_set(r->model->terms, type, elements.items, elements.count), out);
}

/* -- any ------------------------------------------------------------------------------------ */

/* Follow choices to what is chosen. */
static enum status choose(struct reading *r, uint32_t *node)
{
    const struct sexpr *text = &r->model->text;
    while (sexpr_is_call(text, *node, SLICE("ite"), 4)) {
        bool is_met = false;
        TRY(spend(r, 1));
        TRY(read_truth(r, sexpr_part(text, *node, 1), &is_met));
        *node = sexpr_part(text, *node, is_met ? 2 : 3);
    }
    return STATUS_OK;
}

static enum status read_by_type(struct reading *r, const struct term_type *type, uint32_t node,
                                const struct term **out)
{
    struct term_bits bits;
    bool truth = false;
    switch (type->kind) {
    case TERM_TYPE_BOOL:
        TRY(read_bool(r, node, &truth));
        return made(term_truth(r->model->terms, truth), out);
    case TERM_TYPE_LONG:
    case TERM_TYPE_DECIMAL:
    case TERM_TYPE_DATETIME:
    case TERM_TYPE_DURATION:
    case TERM_TYPE_BITS:
        TRY(read_bits(r, node, type->bits, &bits));
        return made(term_bits(r->model->terms, type, bits), out);
    case TERM_TYPE_STRING:
        return read_text(r, node, out);
    case TERM_TYPE_IP:
        return read_address(r, node, out);
    case TERM_TYPE_ENTITY:
        return read_entity(r, type, node, out);
    case TERM_TYPE_OPTION:
        return read_optional(r, type, node, out);
    case TERM_TYPE_SET:
        return read_set(r, type, node, out);
    case TERM_TYPE_RECORD:
        return read_record(r, type, node, out);
    }
    return STATUS_INTERNAL;
}

static enum status read_value(struct reading *r, const struct term_type *type, uint32_t node,
                              const struct term **out)
{
    if (type == NULL) {
        return STATUS_LIMIT;
    }
    TRY(spend(r, 1));
    if (r->model->depth == MODEL_DEPTH_MAX) {
        return not_understood(r, node);
    }
    r->model->depth++;
    enum status status = choose(r, &node);
    const struct term *bound = find_bound(r, node);
    if (status == STATUS_OK && bound != NULL) {
        *out = bound;
        status = bound->type == type ? STATUS_OK : not_understood(r, node);
    } else if (status == STATUS_OK) {
        status = read_by_type(r, type, node, out);
    }
    r->model->depth--;
    return status;
}

enum status model_read_value(struct model *model, const struct term_type *type, uint32_t node,
                             const struct model_binding *bindings, const struct term **out,
                             struct diag *diag)
{
    struct reading r = {model, bindings, diag};
    return read_value(&r, type, node, out);
}
