#include "cedar/symbolic/smtlib.h"

#include "base/utf8.h"

#define WIDE_BITS 64 /* wider numbers have two halves */

struct writer {
    const struct smtlib_query *query;
    struct buf *out;
    bool *has_term, *has_type;              /* by number: the assertions are about it */
    const struct term_function **functions; /* declared */
    size_t function_count, function_capacity;
    struct arena *arena;
    struct diag *diag;
};

static void put(struct buf *out, const char *text)
{
    buf_append(out, slice_view_cstr(text));
}

static void put_name(struct buf *out, const char *prefix, uint32_t number)
{
    put(out, prefix);
    buf_append_u64(out, number);
}

static void put_part_name(struct buf *out, const char *prefix, uint32_t number, size_t part)
{
    put_name(out, prefix, number);
    put(out, "_");
    buf_append_u64(out, part);
}

static bool is_z3(const struct writer *w)
{
    return w->query->dialect == CEDAR_SOLVER_Z3;
}

/* -- what the assertions are about ---------------------------------------------------------- */

static void mark(struct writer *w, const struct term *term)
{
    w->has_term[term->number] = true;
}

static void mark_type_parts(struct writer *w, const struct term_type *type)
{
    if (type->element != NULL) {
        w->has_type[type->element->number] = true;
    }
    for (size_t i = 0; i < type->field_count; i++) {
        w->has_type[type->fields[i].type->number] = true;
    }
}

/* Operands have smaller numbers than the whole, so one pass from the top finds all. */
static enum status mark_all(struct writer *w)
{
    const struct smtlib_query *query = w->query;
    const struct terms *terms = query->terms;
    w->has_term = arena_alloc_zero(w->arena, terms->count, sizeof(bool));
    w->has_type = arena_alloc_zero(w->arena, terms->type_count, sizeof(bool));
    if (w->has_term == NULL || w->has_type == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < query->assertion_count; i++) {
        mark(w, query->assertions[i]);
    }
    for (size_t n = terms->count; n > 0; n--) {
        const struct term *term = terms->items[n - 1];
        if (!w->has_term[n - 1]) {
            continue;
        }
        w->has_type[term->type->number] = true;
        for (size_t i = 0; i < term->item_count; i++) {
            mark(w, term->items[i]);
        }
    }
    for (size_t n = terms->type_count; n > 0; n--) {
        if (w->has_type[n - 1]) {
            mark_type_parts(w, terms->types[n - 1]);
        }
    }
    return STATUS_OK;
}

/* -- sorts ---------------------------------------------------------------------------------- */

/* Types have a bounded height. */
static void put_sort(struct writer *w, const struct term_type *type)
{
    switch (type->kind) {
    case TERM_TYPE_BOOL:
        put(w->out, "Bool");
        break;
    case TERM_TYPE_LONG:
    case TERM_TYPE_DECIMAL:
    case TERM_TYPE_DATETIME:
    case TERM_TYPE_DURATION:
    case TERM_TYPE_BITS:
        put_name(w->out, "(_ BitVec ", type->bits);
        put(w->out, ")");
        break;
    case TERM_TYPE_STRING:
        put(w->out, "String");
        break;
    case TERM_TYPE_IP:
        put(w->out, "Ip");
        break;
    case TERM_TYPE_ENTITY:
        put_name(w->out, "E", type->number);
        break;
    case TERM_TYPE_RECORD:
        put_name(w->out, "R", type->number);
        break;
    case TERM_TYPE_OPTION:
        put(w->out, "(Option ");
        put_sort(w, type->element);
        put(w->out, ")");
        break;
    case TERM_TYPE_SET:
        put(w->out, is_z3(w) ? "(Array " : "(Set ");
        put_sort(w, type->element);
        put(w->out, is_z3(w) ? " Bool)" : ")");
        break;
    }
}

static void declare_entity(struct writer *w, const struct term_type *type)
{
    put_name(w->out, "(declare-datatype E", type->number);
    put(w->out, " (");
    if (type->ids == NULL) {
        put_name(w->out, "(e", type->number);
        put_name(w->out, " (id", type->number);
        put(w->out, " String))");
    }
    for (size_t i = 0; i < type->id_count; i++) {
        put_part_name(w->out, "(e", type->number, i);
        put(w->out, ")");
    }
    put(w->out, "))\n");
}

static void declare_record(struct writer *w, const struct term_type *type)
{
    put_name(w->out, "(declare-datatype R", type->number);
    put_name(w->out, " ((r", type->number);
    for (size_t i = 0; i < type->field_count; i++) {
        put_part_name(w->out, " (r", type->number, i);
        put(w->out, " ");
        put_sort(w, type->fields[i].type);
        put(w->out, ")");
    }
    put(w->out, ")))\n");
}

static void declare_type(struct writer *w, const struct term_type *type)
{
    switch (type->kind) {
    case TERM_TYPE_ENTITY:
        declare_entity(w, type);
        break;
    case TERM_TYPE_RECORD:
        declare_record(w, type);
        break;
    case TERM_TYPE_IP:
        put(w->out, "(declare-datatype Ip ("
                    "(V4 (v4_bits (_ BitVec 32)) (v4_prefix (Option (_ BitVec 5)))) "
                    "(V6 (v6_bits (_ BitVec 128)) (v6_prefix (Option (_ BitVec 7))))))\n");
        break;
    case TERM_TYPE_BOOL:
    case TERM_TYPE_LONG:
    case TERM_TYPE_DECIMAL:
    case TERM_TYPE_DATETIME:
    case TERM_TYPE_DURATION:
    case TERM_TYPE_BITS:
    case TERM_TYPE_STRING:
    case TERM_TYPE_OPTION:
    case TERM_TYPE_SET:
        break;
    }
}

/* -- literals ------------------------------------------------------------------------------- */

static void put_code(struct buf *out, uint32_t code)
{
    static const char HEX[] = "0123456789abcdef";
    unsigned shift = 16;
    if (code >= 0x20 && code < 0x7F && code != '\\' && code != '"') {
        buf_append_byte(out, (uint8_t)code);
        return;
    }
    if (code == '"') {
        put(out, "\"\"");
        return;
    }
    while (shift > 0 && code >> shift == 0) {
        shift -= 4;
    }
    put(out, "\\u{");
    for (unsigned left = shift / 4 + 1; left > 0; left--) {
        buf_append_byte(out, (uint8_t)HEX[code >> (4 * (left - 1)) & 15]);
    }
    put(out, "}");
}

static enum status put_text(struct writer *w, struct slice text)
{
    put(w->out, "\"");
    for (size_t i = 0; i < text.len;) {
        uint32_t code = 0;
        i += utf8_decode(slice_sub(text, i, text.len), &code);
        if (code > SMTLIB_CODE_MAX) {
            return diag_fail(w->diag, STATUS_INVALID, "cedar.solver_text",
                             "the character U+%X cannot be told to a solver: texts end at U+%X",
                             code, SMTLIB_CODE_MAX);
        }
        put_code(w->out, code);
    }
    put(w->out, "\"");
    return STATUS_OK;
}

static void put_bits(struct buf *out, struct term_bits bits, uint32_t width)
{
    put(out, "#b");
    for (uint32_t i = width; i > 0; i--) {
        uint64_t half = i > WIDE_BITS ? bits.high >> (i - 1 - WIDE_BITS) : bits.low >> (i - 1);
        buf_append_byte(out, (half & 1) == 0 ? '0' : '1');
    }
}

/* The index of an id of an enumerated type. */
static size_t id_index(const struct term_type *type, struct slice id)
{
    size_t index = 0;
    while (index + 1 < type->id_count && !slice_eq(type->ids[index], id)) {
        index++;
    }
    return index;
}

static enum status put_entity(struct writer *w, const struct term *term)
{
    const struct term_type *type = term->type;
    if (type->ids != NULL) {
        put_part_name(w->out, "e", type->number, id_index(type, term->as.text));
        return STATUS_OK;
    }
    put_name(w->out, "(e", type->number);
    put(w->out, " ");
    TRY(put_text(w, term->as.text));
    put(w->out, ")");
    return STATUS_OK;
}

static void put_address(struct buf *out, const struct cedar_ip *ip)
{
    const uint32_t width = ip->is_v6 ? 128 : 32;
    const uint32_t prefix_width = ip->is_v6 ? 7 : 5;
    put(out, ip->is_v6 ? "(V6 #b" : "(V4 #b");
    for (uint32_t i = 0; i < width; i++) {
        buf_append_byte(out, (ip->bytes[i / 8] >> (7 - i % 8) & 1) == 0 ? '0' : '1');
    }
    if (ip->prefix == width) {
        put_name(out, " (as none (Option (_ BitVec ", prefix_width);
        put(out, "))))");
        return;
    }
    put(out, " (some ");
    put_bits(out, (struct term_bits){0, ip->prefix}, prefix_width);
    put(out, "))");
}

/* -- composed terms ------------------------------------------------------------------------- */

static void put_term(struct buf *out, const struct term *term)
{
    put_name(out, " t", term->number);
}

static void put_items(struct buf *out, const struct term *term)
{
    for (size_t i = 0; i < term->item_count; i++) {
        put_term(out, term->items[i]);
    }
}

static void put_empty_set(struct writer *w, const struct term_type *type)
{
    put(w->out, is_z3(w) ? "((as const " : "(as set.empty ");
    put_sort(w, type);
    put(w->out, is_z3(w) ? ") false)" : ")");
}

static void put_set(struct writer *w, const struct term *term)
{
    if (term->item_count == 0) {
        put_empty_set(w, term->type);
        return;
    }
    if (!is_z3(w)) {
        put(w->out, "(set.insert");
        put_items(w->out, term);
        put(w->out, " ");
        put_empty_set(w, term->type);
        put(w->out, ")");
        return;
    }
    for (size_t i = 0; i < term->item_count; i++) {
        put(w->out, "(store ");
    }
    put_empty_set(w, term->type);
    for (size_t i = 0; i < term->item_count; i++) {
        put_term(w->out, term->items[i]);
        put(w->out, " true)");
    }
}

static void put_none(struct writer *w, const struct term_type *option)
{
    put(w->out, "(as none ");
    put_sort(w, option);
    put(w->out, ")");
}

/* A tester would be shorter, but z3 does not know of which option when there are several. */
static void put_is_some(struct writer *w, const struct term *term)
{
    put(w->out, "(not (=");
    put_term(w->out, term->items[0]);
    put(w->out, " ");
    put_none(w, term->items[0]->type);
    put(w->out, "))");
}

static void put_record(struct buf *out, const struct term *term)
{
    put_name(out, term->item_count == 0 ? "r" : "(r", term->type->number);
    put_items(out, term);
    put(out, term->item_count == 0 ? "" : ")");
}

static void put_call(struct buf *out, const char *name, const struct term *term)
{
    put(out, "(");
    put(out, name);
    put_items(out, term);
    put(out, ")");
}

static void put_meets(struct writer *w, const struct term *term)
{
    put(w->out, "(not (= ");
    put_call(w->out, is_z3(w) ? "intersection" : "set.inter", term);
    put(w->out, " ");
    put_empty_set(w, term->items[0]->type);
    put(w->out, "))");
}

/* z3 has no predicate for these: signs tell. */
static void put_z3_overflow(struct buf *out, const struct term *term, const char *operator,
                            bool is_same_sign)
{
    const char *zero = " #x0000000000000000)";
    put(out, is_same_sign ? "(and (= (bvslt" : "(and (distinct (bvslt");
    put_term(out, term->items[0]);
    put(out, zero);
    put(out, " (bvslt");
    put_term(out, term->items[1]);
    put(out, zero);
    put(out, ") (distinct (bvslt");
    put_term(out, term->items[0]);
    put(out, zero);
    put(out, " (bvslt ");
    put_call(out, operator, term);
    put(out, zero);
    put(out, "))");
}

static void put_overflow(struct writer *w, const struct term *term)
{
    bool is_add = term->kind == TERM_ADD_OVERFLOWS;
    bool is_subtract = term->kind == TERM_SUBTRACT_OVERFLOWS;
    if (!is_z3(w)) {
        put_call(w->out, is_add ? "bvsaddo" : is_subtract ? "bvssubo" : "bvsmulo", term);
    } else if (is_add || is_subtract) {
        put_z3_overflow(w->out, term, is_add ? "bvadd" : "bvsub", is_add);
    } else {
        put(w->out, "(not (and ");
        put_call(w->out, "bvsmul_noovfl", term);
        put(w->out, " ");
        put_call(w->out, "bvsmul_noudfl", term);
        put(w->out, "))");
    }
}

static enum status put_like(struct writer *w, const struct term *term)
{
    size_t count = term->as.parts.count;
    put(w->out, "(str.in_re");
    put_term(w->out, term->items[0]);
    /* A concatenation has two parts at least. */
    put(w->out, count > 1 ? " (re.++" : count == 0 ? " (str.to_re \"\")" : "");
    for (size_t i = 0; i < count; i++) {
        const struct pattern_part *part = &term->as.parts.items[i];
        put(w->out, part->is_wildcard ? " (re.* re.allchar)" : " (str.to_re ");
        if (!part->is_wildcard) {
            TRY(put_text(w, part->literal));
            put(w->out, ")");
        }
    }
    put(w->out, count > 1 ? "))" : ")");
    return STATUS_OK;
}

/* What is written as an operator and its operands. */
static void put_operator(struct writer *w, const struct term *term)
{
    static const char *const NAMES[] = {
        [TERM_SOME] = "some",
        [TERM_NOT] = "not",
        [TERM_AND] = "and",
        [TERM_OR] = "or",
        [TERM_EQUAL] = "=",
        [TERM_IF] = "ite",
        [TERM_ADD] = "bvadd",
        [TERM_SUBTRACT] = "bvsub",
        [TERM_MULTIPLY] = "bvmul",
        [TERM_DIVIDE] = "bvsdiv",
        [TERM_REMAINDER] = "bvsrem",
        [TERM_SHIFT_LEFT] = "bvshl",
        [TERM_SHIFT_RIGHT] = "bvlshr",
        [TERM_LESS] = "bvslt",
        [TERM_LESS_EQUAL] = "bvsle",
        [TERM_NOT_ABOVE] = "bvule",
        [TERM_NEGATE] = "bvneg",
        [TERM_SUBSET] = "set.subset",

        [TERM_VALUE] = "val",
        [TERM_IS_V4] = "(_ is V4)",
        [TERM_V4_BITS] = "v4_bits",
        [TERM_V4_PREFIX] = "v4_prefix",
        [TERM_V6_BITS] = "v6_bits",
        [TERM_V6_PREFIX] = "v6_prefix",
    };
    put_call(w->out, term->kind == TERM_SUBSET && is_z3(w) ? "subset" : NAMES[term->kind], term);
}

static void put_member(struct writer *w, const struct term *term)
{
    put(w->out, is_z3(w) ? "(select" : "(set.member");
    put_term(w->out, term->items[is_z3(w) ? 1 : 0]);
    put_term(w->out, term->items[is_z3(w) ? 0 : 1]);
    put(w->out, ")");
}

/* An operator that is named with numbers. */
static void put_indexed(struct writer *w, const struct term *term)
{
    put(w->out, "(");
    if (term->kind == TERM_APPLY) {
        smtlib_put_function(w->out, term->as.function);
    } else if (term->kind == TERM_FIELD) {
        put_part_name(w->out, "r", term->items[0]->type->number, term->field);
    } else {
        put_name(w->out, "(_ zero_extend ", term->type->bits - term->items[0]->type->bits);
        put(w->out, ")");
    }
    put_items(w->out, term);
    put(w->out, ")");
}

/* Values that stand alone. */
static enum status put_value(struct writer *w, const struct term *term)
{
    struct buf *out = w->out;
    switch ((int)term->kind) {
    case TERM_TRUTH:
        put(out, term->as.truth ? "true" : "false");
        break;
    case TERM_NUMBER:
        put_bits(out, term->as.bits, term->type->bits);
        break;
    case TERM_TEXT:
        return put_text(w, term->as.text);
    case TERM_ENTITY:
        return put_entity(w, term);
    case TERM_ADDRESS:
        put_address(out, &term->as.ip);
        break;
    default:
        put_none(w, term->type);
    }
    return STATUS_OK;
}

static enum status put_definition(struct writer *w, const struct term *term)
{
    struct buf *out = w->out;
    switch (term->kind) {
    case TERM_TRUTH:
    case TERM_NUMBER:
    case TERM_TEXT:
    case TERM_ENTITY:
    case TERM_ADDRESS:
    case TERM_NONE:
        return put_value(w, term);
    case TERM_SET:
        put_set(w, term);
        break;
    case TERM_RECORD:
        put_record(out, term);
        break;
    case TERM_CONVERT: /* numbers of 64 bits are of one sort */
        put_name(out, "t", term->items[0]->number);
        break;
    case TERM_VARIABLE: /* declared, not defined */
        break;
    case TERM_APPLY:
    case TERM_FIELD:
    case TERM_EXTEND:
        put_indexed(w, term);
        break;
    case TERM_LIKE:
        return put_like(w, term);
    case TERM_MEMBER:
        put_member(w, term);
        break;
    case TERM_MEETS:
        put_meets(w, term);
        break;
    case TERM_IS_SOME:
        put_is_some(w, term);
        break;
    case TERM_ADD_OVERFLOWS:
    case TERM_SUBTRACT_OVERFLOWS:
    case TERM_MULTIPLY_OVERFLOWS:
        put_overflow(w, term);
        break;
    case TERM_SOME:
    case TERM_NOT:
    case TERM_AND:
    case TERM_OR:
    case TERM_EQUAL:
    case TERM_IF:
    case TERM_ADD:
    case TERM_SUBTRACT:
    case TERM_MULTIPLY:
    case TERM_DIVIDE:
    case TERM_REMAINDER:
    case TERM_SHIFT_LEFT:
    case TERM_SHIFT_RIGHT:
    case TERM_LESS:
    case TERM_LESS_EQUAL:
    case TERM_NOT_ABOVE:
    case TERM_NEGATE:
    case TERM_SUBSET:
    case TERM_VALUE:
    case TERM_IS_V4:
    case TERM_V4_BITS:
    case TERM_V4_PREFIX:
    case TERM_V6_BITS:
    case TERM_V6_PREFIX:
        put_operator(w, term);
        break;
    }
    return STATUS_OK;
}

/* -- declarations --------------------------------------------------------------------------- */

void smtlib_put_function(struct buf *out, const struct term_function *function)
{
    static const char *const NAMES[] = {[TERM_ATTRIBUTES] = "attributes_",
                                        [TERM_ANCESTORS] = "ancestors_",
                                        [TERM_TAG_NAMES] = "tagnames_",
                                        [TERM_TAG_VALUES] = "tagvalues_"};
    put_part_name(out, NAMES[function->kind], function->entity->number, function->result->number);
}

/* STATUS_CONFLICT when it was declared before. */
static enum status remember(struct writer *w, const struct term_function *function)
{
    for (size_t i = 0; i < w->function_count; i++) {
        if (w->functions[i] == function) {
            return STATUS_CONFLICT;
        }
    }
    if (w->function_count == w->function_capacity) {
        size_t capacity = w->function_capacity == 0 ? 16 : 2 * w->function_capacity;
        const struct term_function **functions =
            arena_alloc_zero(w->arena, capacity, sizeof(const struct term_function *));
        if (functions == NULL) {
            return STATUS_LIMIT;
        }
        for (size_t i = 0; i < w->function_count; i++) {
            functions[i] = w->functions[i];
        }
        w->functions = functions;
        w->function_capacity = capacity;
    }
    w->functions[w->function_count++] = function;
    return STATUS_OK;
}

static enum status declare_function(struct writer *w, const struct term_function *function)
{
    enum status status = remember(w, function);
    if (status != STATUS_OK) {
        return status == STATUS_CONFLICT ? STATUS_OK : status;
    }
    put(w->out, "(declare-fun ");
    smtlib_put_function(w->out, function);
    put(w->out, " (");
    put_sort(w, function->entity);
    put(w->out, function->kind == TERM_TAG_VALUES ? " String) " : ") ");
    put_sort(w, function->result);
    put(w->out, ")\n");
    return STATUS_OK;
}

static enum status write_term(struct writer *w, const struct term *term)
{
    bool is_variable = term->kind == TERM_VARIABLE;
    if (term->kind == TERM_APPLY) {
        TRY(declare_function(w, term->as.function));
    }
    put_name(w->out, is_variable ? "(declare-const t" : "(define-fun t", term->number);
    put(w->out, is_variable ? " " : " () ");
    put_sort(w, term->type);
    if (!is_variable) {
        put(w->out, " ");
        TRY(put_definition(w, term));
    }
    put(w->out, ")\n");
    return buf_status(w->out);
}

/* Models are to be written without abbreviations. */
static void write_options(struct writer *w)
{
    put(w->out, is_z3(w) ? "(set-option :timeout " : "(set-option :tlimit-per ");
    buf_append_u64(w->out, w->query->time_ms_max);
    put(w->out, is_z3(w) ? ")\n(set-option :pp.min_alias_size 1000000000)\n"
                           "(set-option :pp.max_depth 1000000000)\n"
                         : ")\n(set-option :strings-exp true)\n(set-option :dag-thresh 0)\n");
    put(w->out, w->query->wants_model ? "(set-option :produce-models true)\n" : "");
    put(w->out, "(set-logic ALL)\n"
                "(declare-datatype Option (par (X) ((none) (some (val X)))))\n");
}

enum status smtlib_write(const struct smtlib_query *query, struct arena *arena, struct buf *out,
                         struct diag *diag)
{
    struct writer w = {.query = query, .out = out, .arena = arena, .diag = diag};
    const struct terms *terms = query->terms;
    TRY(mark_all(&w));
    write_options(&w);
    for (size_t i = 0; i < terms->type_count; i++) {
        if (w.has_type[i]) {
            declare_type(&w, terms->types[i]);
        }
    }
    for (size_t i = 0; i < terms->count; i++) {
        if (w.has_term[i]) {
            TRY(write_term(&w, terms->items[i]));
        }
    }
    for (size_t i = 0; i < query->assertion_count; i++) {
        put(out, "(assert");
        put_term(out, query->assertions[i]);
        put(out, ")\n");
    }
    put(out, query->wants_model ? "(check-sat)\n(get-model)\n" : "(check-sat)\n");
    return buf_status(out);
}
