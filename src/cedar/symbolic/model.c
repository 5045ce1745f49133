#include "cedar/symbolic/model.h"

#include "cedar/symbolic/smtlib.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX 64

/* -- the answer ----------------------------------------------------------------------------- */

static enum status no_answer(struct slice text, struct diag *diag)
{
    struct slice line = slice_sub(text, 0, slice_find_byte(text, '\n'));
    line = slice_sub(line, 0, DIAG_MESSAGE_BYTES / 2);
    return diag_fail(diag, STATUS_INVALID, "cedar.solver_answer",
                     "the solver gave no answer but '%.*s'", SLICE_ARG(line));
}

static int compare_definitions(const void *a, const void *b)
{
    const struct model_definition *left = a;
    const struct model_definition *right = b;
    return slice_compare(left->name, right->name);
}

/* (define-fun name (parameters) sort body); other things in a list are nothing to us. */
static enum status index_definitions(struct model *model, uint32_t list)
{
    const struct sexpr *text = &model->text;
    uint32_t count = sexpr_part_count(text, list);
    model->definitions = arena_alloc_zero(model->arena, count, sizeof(*model->definitions));
    if (model->definitions == NULL) {
        return STATUS_LIMIT;
    }
    for (uint32_t part = sexpr_part(text, list, 0);
         part < text->count && part < text->nodes[list].end; part = text->nodes[part].end) {
        uint32_t name = sexpr_part(text, part, 1);
        if (sexpr_is_call(text, part, SLICE("define-fun"), 5) &&
            text->nodes[name].kind == SEXPR_SYMBOL) {
            model->definitions[model->definition_count++] =
                (struct model_definition){text->nodes[name].text, part};
        }
    }
    if (model->definition_count > 0) {
        qsort(model->definitions, model->definition_count, sizeof(*model->definitions),
              compare_definitions);
    }
    return STATUS_OK;
}

enum status model_read(struct slice text, struct terms *terms, struct arena *arena,
                       enum model_verdict *verdict, struct model *out, struct diag *diag)
{
    *verdict = MODEL_UNKNOWN;
    *out = (struct model){
        .terms = terms, .arena = arena, .value_count = terms->count, .steps_left = MODEL_STEPS_MAX};
    TRY(sexpr_read(text, arena, &out->text, diag));
    if (sexpr_is(&out->text, 0, SLICE("unsat"))) {
        *verdict = MODEL_UNSAT;
        return STATUS_OK;
    }
    if (sexpr_is(&out->text, 0, SLICE("unknown"))) {
        return STATUS_OK;
    }
    if (!sexpr_is(&out->text, 0, SLICE("sat"))) {
        return no_answer(text, diag);
    }
    out->values = arena_alloc_zero(arena, terms->count, sizeof(const struct term *));
    if (out->values == NULL) {
        return STATUS_LIMIT;
    }
    TRY(index_definitions(out, 1));
    *verdict = MODEL_SAT;
    return STATUS_OK;
}

uint32_t model_find(const struct model *model, struct slice name)
{
    size_t low = 0;
    size_t high = model->definition_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(model->definitions[middle].name, name);
        if (order == 0) {
            return model->definitions[middle].node;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return model->text.count;
}

/* -- values --------------------------------------------------------------------------------- */

static enum status read_variable(struct model *model, const struct term *term,
                                 const struct term **out, struct diag *diag)
{
    struct slice name;
    TRY(arena_format(model->arena, &name, "t%u", term->number));
    uint32_t node = model_find(model, name);
    if (node < model->text.count) {
        return model_read_value(model, term->type, sexpr_part(&model->text, node, 4), NULL, out,
                                diag);
    }
    *out = term_default(model->terms, term->type);
    return *out == NULL ? STATUS_LIMIT : STATUS_OK;
}

/* The symbol of ((name sort) ...); empty when there is none. */
static struct slice parameter(const struct model *model, uint32_t node, uint32_t index)
{
    const struct sexpr *text = &model->text;
    uint32_t name = sexpr_part(text, sexpr_part(text, sexpr_part(text, node, 2), index), 0);
    return name < text->count && text->nodes[name].kind == SEXPR_SYMBOL ? text->nodes[name].text
                                                                        : SLICE_EMPTY;
}

enum status model_apply(struct model *model, const struct term_function *function,
                        const struct term *entity, const struct term *tag, const struct term **out,
                        struct diag *diag)
{
    struct buf name;
    uint32_t node = model->text.count;
    if (function->otherwise != NULL) {
        *out = term_apply(model->terms, function, entity, tag);
        return *out == NULL ? STATUS_LIMIT : STATUS_OK;
    }
    buf_init(&name, NAME_BYTES_MAX, NULL);
    smtlib_put_function(&name, function);
    enum status status = buf_status(&name);
    if (status == STATUS_OK) {
        node = model_find(model, buf_view(&name));
    }
    buf_release(&name);
    TRY(status);
    if (node == model->text.count) {
        *out = term_default(model->terms, function->result);
        return *out == NULL ? STATUS_LIMIT : STATUS_OK;
    }
    const struct model_binding second = {parameter(model, node, 1), tag, NULL};
    const struct model_binding first = {parameter(model, node, 0), entity,
                                        tag == NULL ? NULL : &second};
    return model_read_value(model, function->result, sexpr_part(&model->text, node, 4), &first, out,
                            diag);
}

/* A term with other operands, which are literals; so is the result. */
static const struct term *rebuild(struct terms *terms, const struct term *term,
                                  const struct term *const *items)
{
    switch (term->kind) {
    case TERM_TRUTH:
    case TERM_NUMBER:
    case TERM_TEXT:
    case TERM_ENTITY:
    case TERM_ADDRESS:
    case TERM_NONE:
    case TERM_VARIABLE:
    case TERM_APPLY:
        return term;
    case TERM_SOME:
        return term_some(terms, items[0]);
    case TERM_SET:
        return term_set(terms, term->type, items, term->item_count);
    case TERM_RECORD:
        return term_record(terms, term->type, items);
    case TERM_NOT:
        return term_not(terms, items[0]);
    case TERM_AND:
        return term_and(terms, items[0], items[1]);
    case TERM_OR:
        return term_or(terms, items[0], items[1]);
    case TERM_EQUAL:
        return term_equal(terms, items[0], items[1]);
    case TERM_IF:
        return term_if(terms, items[0], items[1], items[2]);
    case TERM_ADD:
    case TERM_SUBTRACT:
    case TERM_MULTIPLY:
    case TERM_DIVIDE:
    case TERM_REMAINDER:
    case TERM_SHIFT_LEFT:
    case TERM_SHIFT_RIGHT:
    case TERM_ADD_OVERFLOWS:
    case TERM_SUBTRACT_OVERFLOWS:
    case TERM_MULTIPLY_OVERFLOWS:
    case TERM_LESS:
    case TERM_LESS_EQUAL:
    case TERM_NOT_ABOVE:
        return term_calculate(terms, term->kind, items[0], items[1]);
    case TERM_NEGATE:
        return term_negate(terms, items[0]);
    case TERM_CONVERT:
        return term_convert(terms, term->type, items[0]);
    case TERM_EXTEND:
        return term_extend(terms, term->type, items[0]);
    case TERM_MEMBER:
        return term_member(terms, items[0], items[1]);
    case TERM_SUBSET:
        return term_subset(terms, items[0], items[1]);
    case TERM_MEETS:
        return term_meets(terms, items[0], items[1]);
    case TERM_IS_SOME:
        return term_is_some(terms, items[0]);
    case TERM_VALUE:
        return term_value(terms, items[0]);
    case TERM_FIELD:
        return term_get(terms, items[0], term->field);
    case TERM_LIKE:
        return term_like(terms, items[0], term->as.parts.items, term->as.parts.count);
    case TERM_IS_V4:
    case TERM_V4_BITS:
    case TERM_V4_PREFIX:
    case TERM_V6_BITS:
    case TERM_V6_PREFIX:
        return term_address_part(terms, term->kind, items[0]);
    }
    return NULL;
}

static enum status evaluate_one(struct model *model, const struct term *term, struct diag *diag)
{
    const struct term **value = &model->values[term->number];
    const struct term **items =
        arena_alloc_zero(model->arena, term->item_count, sizeof(const struct term *));
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < term->item_count; i++) {
        items[i] = model->values[term->items[i]->number];
    }
    if (term->kind == TERM_VARIABLE) {
        return read_variable(model, term, value, diag);
    }
    if (term->kind == TERM_APPLY) {
        return model_apply(model, term->as.function, items[0],
                           term->item_count > 1 ? items[1] : NULL, value, diag);
    }
    *value = term->is_literal ? term : rebuild(model->terms, term, items);
    assert(*value == NULL || (*value)->is_literal);
    return *value == NULL ? STATUS_LIMIT : STATUS_OK;
}

enum status model_evaluate(struct model *model, const struct term *term, const struct term **out,
                           struct diag *diag)
{
    *out = term;
    if (term->is_literal) {
        return STATUS_OK;
    }
    assert(term->number < model->value_count);
    bool *is_needed = arena_alloc_zero(model->arena, term->number + 1, sizeof(bool));
    if (is_needed == NULL) {
        return STATUS_LIMIT;
    }
    is_needed[term->number] = true;
    for (size_t n = term->number + 1; n > 0; n--) {
        const struct term *part = model->terms->items[n - 1];
        is_needed[n - 1] = is_needed[n - 1] && model->values[n - 1] == NULL;
        for (size_t i = 0; is_needed[n - 1] && i < part->item_count; i++) {
            is_needed[part->items[i]->number] = true;
        }
    }
    for (size_t n = 0; n <= term->number; n++) {
        if (is_needed[n]) {
            TRY(evaluate_one(model, model->terms->items[n], diag));
        }
    }
    *out = model->values[term->number];
    return STATUS_OK;
}

void model_forget(struct model *model)
{
    memset(model->values, 0, model->value_count * sizeof(const struct term *));
}
