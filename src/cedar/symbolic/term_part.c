/* Sets, options, records and texts. */
#include "cedar/eval/like.h"
#include "cedar/symbolic/term_store.h"

#include <assert.h>

/* -- sets ---------------------------------------------------------------------------------- */

static const struct term *truth_of(struct terms *terms, enum term_kind kind, const struct term *a,
                                   const struct term *b)
{
    const struct term *items[] = {a, b};
    return terms_operator(terms, kind, term_type_plain(terms, TERM_TYPE_BOOL), items, 2);
}

/* Elements are in the order of their numbers. */
static bool holds(const struct term *set, const struct term *element)
{
    size_t low = 0;
    size_t high = set->item_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->items[middle] == element) {
            return true;
        }
        if (set->items[middle]->number < element->number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

/* A set that is written out needs no theory of sets. */
const struct term *term_member(struct terms *terms, const struct term *element,
                               const struct term *set)
{
    if (element == NULL || set == NULL) {
        return NULL;
    }
    assert(set->type->element == element->type);
    if (set->kind != TERM_SET) {
        return truth_of(terms, TERM_MEMBER, element, set);
    }
    if (holds(set, element) || (element->is_literal && set->is_literal)) {
        return term_truth(terms, holds(set, element));
    }
    const struct term *any = term_truth(terms, false);
    for (size_t i = 0; i < set->item_count; i++) {
        any = term_or(terms, any, term_equal(terms, element, set->items[i]));
    }
    return any;
}

const struct term *term_subset(struct terms *terms, const struct term *a, const struct term *b)
{
    if (a == NULL || b == NULL) {
        return NULL;
    }
    assert(a->type == b->type);
    if (a == b) {
        return term_truth(terms, true);
    }
    if (a->kind != TERM_SET) {
        return b->kind == TERM_SET && b->item_count == 0 ? term_equal(terms, a, b)
                                                         : truth_of(terms, TERM_SUBSET, a, b);
    }
    const struct term *all = term_truth(terms, true);
    for (size_t i = 0; i < a->item_count; i++) {
        all = term_and(terms, all, term_member(terms, a->items[i], b));
    }
    return all;
}

const struct term *term_meets(struct terms *terms, const struct term *a, const struct term *b)
{
    if (a == NULL || b == NULL) {
        return NULL;
    }
    assert(a->type == b->type);
    const struct term *known = a->kind == TERM_SET ? a : b;
    const struct term *other = a->kind == TERM_SET ? b : a;
    if (known->kind != TERM_SET) {
        return truth_of(terms, TERM_MEETS, a, b);
    }
    const struct term *any = term_truth(terms, false);
    for (size_t i = 0; i < known->item_count; i++) {
        any = term_or(terms, any, term_member(terms, known->items[i], other));
    }
    return any;
}

/* -- options and records ------------------------------------------------------------------- */

static bool is_option(const struct term *term)
{
    return term->kind == TERM_SOME || term->kind == TERM_NONE;
}

/* A choice between options of which both are known to be some or none. */
static bool is_choice_of_options(const struct term *term)
{
    return term->kind == TERM_IF && is_option(term->items[1]) && is_option(term->items[2]);
}

const struct term *term_is_some(struct terms *terms, const struct term *option)
{
    if (option == NULL) {
        return NULL;
    }
    if (is_option(option)) {
        return term_truth(terms, option->kind == TERM_SOME);
    }
    if (is_choice_of_options(option)) {
        return term_if(terms, option->items[0], term_is_some(terms, option->items[1]),
                       term_is_some(terms, option->items[2]));
    }
    return terms_operator(terms, TERM_IS_SOME, term_type_plain(terms, TERM_TYPE_BOOL), &option, 1);
}

const struct term *term_value(struct terms *terms, const struct term *option)
{
    if (option == NULL) {
        return NULL;
    }
    if (is_option(option)) {
        return option->kind == TERM_SOME ? option->items[0]
                                         : term_default(terms, option->type->element);
    }
    if (is_choice_of_options(option)) {
        return term_if(terms, option->items[0], term_value(terms, option->items[1]),
                       term_value(terms, option->items[2]));
    }
    return terms_operator(terms, TERM_VALUE, option->type->element, &option, 1);
}

const struct term *term_get(struct terms *terms, const struct term *record, size_t field)
{
    if (record == NULL) {
        return NULL;
    }
    assert(field < record->type->field_count);
    if (record->kind == TERM_RECORD) {
        return record->items[field];
    }
    if (record->kind == TERM_IF && record->items[1]->kind == TERM_RECORD &&
        record->items[2]->kind == TERM_RECORD) {
        return term_if(terms, record->items[0], record->items[1]->items[field],
                       record->items[2]->items[field]);
    }
    return terms_intern(terms, &(struct term){.kind = TERM_FIELD,
                                              .field = (uint32_t)field,
                                              .type = record->type->fields[field].type,
                                              .items = &record,
                                              .item_count = 1});
}

/* -- texts --------------------------------------------------------------------------------- */

const struct term *term_like(struct terms *terms, const struct term *text,
                             const struct pattern_part *parts, size_t count)
{
    if (text == NULL) {
        return NULL;
    }
    if (text->is_literal) {
        return term_truth(terms, like_matches(parts, count, text->as.text));
    }
    if (count == 0 || (count == 1 && !parts[0].is_wildcard)) {
        return term_equal(terms, text,
                          term_text(terms, count == 0 ? SLICE_EMPTY : parts[0].literal));
    }
    if (count == 1) {
        return term_truth(terms, true);
    }
    return terms_intern(terms, &(struct term){.kind = TERM_LIKE,
                                              .type = term_type_plain(terms, TERM_TYPE_BOOL),
                                              .items = &text,
                                              .item_count = 1,
                                              .as.parts = {parts, count}});
}
