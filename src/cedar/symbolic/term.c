/* The store of terms, and values in it. */
#include "cedar/symbolic/term.h"

#include "cedar/eval/growing.h"
#include "cedar/symbolic/term_store.h"
#include "cedar/value/uid_table.h"
#include "cedar/value/value.h"

#include <assert.h>

#define CAPACITY_FIRST 64

void terms_init(struct terms *terms, size_t limit, struct arena *arena)
{
    assert(limit <= TERMS_MAX);
    *terms = (struct terms){.arena = arena, .limit = limit};
}

/* -- the same content ---------------------------------------------------------------------- */

/* Operators write policies; nobody else chooses what is hashed, so it needs no key. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 29);
}

static uint64_t mix_text(uint64_t hash, struct slice text)
{
    struct cedar_uid uid = {text, SLICE_EMPTY};
    return mix(hash, uid_hash(&uid));
}

static uint64_t hash_parts(uint64_t hash, const struct term *term)
{
    for (size_t i = 0; i < term->as.parts.count; i++) {
        const struct pattern_part *part = &term->as.parts.items[i];
        hash = part->is_wildcard ? mix(hash, 1) : mix_text(hash, part->literal);
    }
    return hash;
}

static uint64_t hash_of(const struct term *term)
{
    uint64_t hash = mix(term->kind, term->type->number);
    for (size_t i = 0; i < term->item_count; i++) {
        hash = mix(hash, term->items[i]->number);
    }
    switch ((int)term->kind) {
    case TERM_TRUTH:
        return mix(hash, term->as.truth);
    case TERM_NUMBER:
        return mix(mix(hash, term->as.bits.high), term->as.bits.low);
    case TERM_TEXT:
    case TERM_ENTITY:
    case TERM_VARIABLE:
        return mix_text(hash, term->as.text);
    case TERM_ADDRESS:
        return mix_text(mix(hash, term->as.ip.prefix), slice_of(term->as.ip.bytes, 16));
    case TERM_APPLY:
        return mix(hash, (uintptr_t)term->as.function);
    case TERM_FIELD:
        return mix(hash, term->field);
    case TERM_LIKE:
        return hash_parts(hash, term);
    default:
        return hash;
    }
}

static bool same_parts(const struct term *a, const struct term *b)
{
    bool is_same = a->as.parts.count == b->as.parts.count;
    for (size_t i = 0; i < a->as.parts.count && is_same; i++) {
        const struct pattern_part *left = &a->as.parts.items[i];
        const struct pattern_part *right = &b->as.parts.items[i];
        is_same = left->is_wildcard == right->is_wildcard &&
                  (left->is_wildcard || slice_eq(left->literal, right->literal));
    }
    return is_same;
}

static bool same_address(const struct cedar_ip *a, const struct cedar_ip *b)
{
    return a->is_v6 == b->is_v6 && a->prefix == b->prefix &&
           bytes_eq(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool same(const struct term *a, const struct term *b)
{
    if (a->kind != b->kind || a->type != b->type || a->item_count != b->item_count) {
        return false;
    }
    for (size_t i = 0; i < a->item_count; i++) {
        if (a->items[i] != b->items[i]) {
            return false;
        }
    }
    switch ((int)a->kind) {
    case TERM_TRUTH:
        return a->as.truth == b->as.truth;
    case TERM_NUMBER:
        return a->as.bits.high == b->as.bits.high && a->as.bits.low == b->as.bits.low;
    case TERM_TEXT:
    case TERM_ENTITY:
    case TERM_VARIABLE:
        return slice_eq(a->as.text, b->as.text);
    case TERM_ADDRESS:
        return same_address(&a->as.ip, &b->as.ip);
    case TERM_APPLY:
        return a->as.function == b->as.function;
    case TERM_FIELD:
        return a->field == b->field;
    case TERM_LIKE:
        return same_parts(a, b);
    default:
        return true;
    }
}

/* -- the store ----------------------------------------------------------------------------- */

static const struct term **slot_of(const struct terms *terms, const struct term *content,
                                   uint64_t hash)
{
    size_t mask = terms->capacity * 2 - 1;
    for (size_t i = (size_t)hash;; i++) {
        const struct term **slot = &terms->slots[i & mask];
        if (*slot == NULL || ((*slot)->hash == hash && same(*slot, content))) {
            return slot;
        }
    }
}

static bool grow(struct terms *terms)
{
    size_t capacity = terms->capacity == 0 ? CAPACITY_FIRST : terms->capacity * 2;
    struct terms larger = *terms;
    larger.capacity = capacity;
    larger.items = arena_alloc_zero(terms->arena, capacity, sizeof(const struct term *));
    larger.slots = arena_alloc_zero(terms->arena, capacity * 2, sizeof(const struct term *));
    if (larger.items == NULL || larger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < terms->count; i++) {
        larger.items[i] = terms->items[i];
        *slot_of(&larger, terms->items[i], terms->items[i]->hash) = terms->items[i];
    }
    *terms = larger;
    return true;
}

static const struct term *add(struct terms *terms, const struct term *content, uint64_t hash)
{
    if (terms->count == terms->limit) {
        return NULL;
    }
    struct term *term = arena_alloc(terms->arena, sizeof(*term));
    const struct term **items =
        arena_alloc_zero(terms->arena, content->item_count, sizeof(const struct term *));
    if (term == NULL || items == NULL) {
        return NULL;
    }
    *term = *content;
    term->items = items;
    for (size_t i = 0; i < content->item_count; i++) {
        items[i] = content->items[i];
    }
    term->hash = hash;
    term->number = (uint32_t)terms->count;
    terms->items[terms->count++] = term;
    return term;
}

const struct term *terms_intern(struct terms *terms, const struct term *content)
{
    for (size_t i = 0; i < content->item_count; i++) {
        if (content->items[i] == NULL) {
            return NULL;
        }
    }
    if (content->type == NULL || (terms->count == terms->capacity && !grow(terms))) {
        return NULL;
    }
    uint64_t hash = hash_of(content);
    const struct term **slot = slot_of(terms, content, hash);
    if (*slot == NULL) {
        *slot = add(terms, content, hash);
    }
    return *slot;
}

const struct term *terms_operator(struct terms *terms, enum term_kind kind,
                                  const struct term_type *type, const struct term *const *items,
                                  size_t count)
{
    return terms_intern(
        terms, &(struct term){.kind = kind, .type = type, .items = items, .item_count = count});
}

/* -- values -------------------------------------------------------------------------------- */

static const struct term *literal(struct terms *terms, struct term content)
{
    content.is_literal = true;
    return terms_intern(terms, &content);
}

const struct term *term_truth(struct terms *terms, bool truth)
{
    return literal(terms, (struct term){.kind = TERM_TRUTH,
                                        .type = term_type_plain(terms, TERM_TYPE_BOOL),
                                        .as.truth = truth});
}

const struct term *term_bits(struct terms *terms, const struct term_type *type,
                             struct term_bits bits)
{
    if (type == NULL) {
        return NULL;
    }
    uint32_t above = type->bits % 64;
    uint64_t mask = above == 0 ? UINT64_MAX : (UINT64_C(1) << above) - 1;
    bits.high = type->bits > 64 ? bits.high & mask : 0;
    bits.low = type->bits < 64 ? bits.low & mask : bits.low;
    return literal(terms, (struct term){.kind = TERM_NUMBER, .type = type, .as.bits = bits});
}

const struct term *term_number(struct terms *terms, const struct term_type *type, int64_t number)
{
    uint64_t high = number < 0 ? UINT64_MAX : 0;
    return term_bits(terms, type, (struct term_bits){high, (uint64_t)number});
}

const struct term *term_text(struct terms *terms, struct slice text)
{
    return literal(terms, (struct term){.kind = TERM_TEXT,
                                        .type = term_type_plain(terms, TERM_TYPE_STRING),
                                        .as.text = text});
}

const struct term *term_entity(struct terms *terms, const struct term_type *type, struct slice id)
{
    return literal(terms, (struct term){.kind = TERM_ENTITY, .type = type, .as.text = id});
}

const struct term *term_address(struct terms *terms, const struct cedar_ip *ip)
{
    struct cedar_ip clean = *ip;
    for (size_t i = ip->is_v6 ? 16 : 4; i < sizeof(clean.bytes); i++) {
        clean.bytes[i] = 0;
    }
    return literal(terms, (struct term){.kind = TERM_ADDRESS,
                                        .type = term_type_plain(terms, TERM_TYPE_IP),
                                        .as.ip = clean});
}

const struct term *term_none(struct terms *terms, const struct term_type *option)
{
    return literal(terms, (struct term){.kind = TERM_NONE, .type = option});
}

const struct term *term_some(struct terms *terms, const struct term *value)
{
    return value == NULL
               ? NULL
               : terms_intern(terms, &(struct term){.kind = TERM_SOME,
                                                    .is_literal = value->is_literal,
                                                    .type = term_type_option(terms, value->type),
                                                    .items = &value,
                                                    .item_count = 1});
}

static const struct term *compose(struct terms *terms, enum term_kind kind,
                                  const struct term_type *type, const struct term *const *items,
                                  size_t count)
{
    struct term content = {
        .kind = kind, .is_literal = true, .type = type, .items = items, .item_count = count};
    for (size_t i = 0; i < count; i++) {
        content.is_literal = content.is_literal && items[i] != NULL && items[i]->is_literal;
    }
    return terms_intern(terms, &content);
}

static uint64_t number_of(const void *item)
{
    return (*(const struct term *const *)item)->number;
}

const struct term *term_set(struct terms *terms, const struct term_type *type,
                            const struct term *const *items, size_t count)
{
    struct growing sorted = {0};
    if (type == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const struct term **item = growing_add(&sorted, terms->arena, sizeof(const struct term *));
        if (item == NULL || items[i] == NULL) {
            return NULL;
        }
        assert(items[i]->type == type->element);
        *item = items[i];
    }
    growing_sort_unique(&sorted, sizeof(const struct term *), number_of);
    return compose(terms, TERM_SET, type, sorted.items, sorted.count);
}

const struct term *term_record(struct terms *terms, const struct term_type *type,
                               const struct term *const *items)
{
    if (type == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < type->field_count; i++) {
        assert(items[i] == NULL || items[i]->type == type->fields[i].type);
    }
    return compose(terms, TERM_RECORD, type, items, type->field_count);
}

int64_t term_number_of(const struct term *literal_number)
{
    const struct term *term = literal_number;
    assert(term->kind == TERM_NUMBER && term->type->bits <= 64);
    uint32_t unused = 64 - term->type->bits;
    return (int64_t)(term->as.bits.low << unused) >> unused;
}

const struct term *term_variable(struct terms *terms, const struct term_type *type,
                                 struct slice name)
{
    return terms_intern(terms,
                        &(struct term){.kind = TERM_VARIABLE, .type = type, .as.text = name});
}

/* -- defaults ------------------------------------------------------------------------------ */

/* The parts of the type have their defaults. */
static const struct term *make_default(struct terms *terms, const struct term_type *type)
{
    const struct term **items = NULL;
    switch (type->kind) {
    case TERM_TYPE_BOOL:
        return term_truth(terms, false);
    case TERM_TYPE_LONG:
    case TERM_TYPE_DECIMAL:
    case TERM_TYPE_DATETIME:
    case TERM_TYPE_DURATION:
    case TERM_TYPE_BITS:
        return term_number(terms, type, 0);
    case TERM_TYPE_STRING:
        return term_text(terms, SLICE_EMPTY);
    case TERM_TYPE_IP:
        return term_address(terms, &(struct cedar_ip){.prefix = 32});
    case TERM_TYPE_ENTITY:
        return term_entity(terms, type, type->id_count > 0 ? type->ids[0] : SLICE_EMPTY);
    case TERM_TYPE_OPTION:
        return term_none(terms, type);
    case TERM_TYPE_SET:
        return term_set(terms, type, NULL, 0);
    case TERM_TYPE_RECORD:
        items = arena_alloc_zero(terms->arena, type->field_count, sizeof(const struct term *));
        for (size_t i = 0; items != NULL && i < type->field_count; i++) {
            items[i] = terms->defaults[type->fields[i].type->number];
        }
        return items == NULL ? NULL : term_record(terms, type, items);
    }
    return NULL;
}

/* Parts come before the whole, so there is nothing to descend into. */
const struct term *term_default(struct terms *terms, const struct term_type *type)
{
    if (type == NULL) {
        return NULL;
    }
    for (size_t i = 0; i <= type->number; i++) {
        if (terms->defaults[i] == NULL) {
            terms->defaults[i] = make_default(terms, terms->types[i]);
        }
        if (terms->defaults[i] == NULL) {
            return NULL;
        }
    }
    return terms->defaults[type->number];
}

/* -- functions ----------------------------------------------------------------------------- */

static const struct term *is_entry(struct terms *terms, const struct term_entry *entry,
                                   const struct term *entity, const struct term *tag)
{
    const struct term *is_entity = term_equal(terms, entity, entry->entity);
    return tag == NULL ? is_entity : term_and(terms, is_entity, term_equal(terms, tag, entry->tag));
}

static const struct term *apply_known(struct terms *terms, const struct term_function *function,
                                      const struct term *entity, const struct term *tag)
{
    const struct term *result = function->otherwise;
    for (size_t i = function->entry_count; i > 0; i--) {
        const struct term_entry *entry = &function->entries[i - 1];
        result = term_if(terms, is_entry(terms, entry, entity, tag), entry->result, result);
    }
    return result;
}

const struct term *term_apply(struct terms *terms, const struct term_function *function,
                              const struct term *entity, const struct term *tag)
{
    bool has_tag = function->kind == TERM_TAG_VALUES;
    if (entity == NULL || (has_tag && tag == NULL)) {
        return NULL;
    }
    assert(entity->type == function->entity && has_tag == (tag != NULL));
    if (function->otherwise != NULL) {
        return apply_known(terms, function, entity, tag);
    }
    const struct term *items[] = {entity, tag};
    return terms_intern(terms, &(struct term){.kind = TERM_APPLY,
                                              .type = function->result,
                                              .items = items,
                                              .item_count = has_tag ? 2 : 1,
                                              .as.function = function});
}
