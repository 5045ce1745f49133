#include "cedar/schema/typecheck.h"

#include "cedar/syntax/lower.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_BYTES_MAX 4096

/* -- reports ------------------------------------------------------------------------------- */

/* Several environments find the same error at the same place. */
enum status typing_report(struct typing *t, const struct node *node, const char *format, ...)
{
    struct reporter *reporter = t->reporter;
    char message[160];
    va_list args;
    va_start(args, format);
    diag_vformat(message, sizeof(message), format, args);
    va_end(args);
    t->error_count++;
    (void)report(reporter, (struct surface_range){node->from, node->to}, "policy '%.*s': %s",
                 SLICE_ARG(report_clip(t->policy_id)), message);
    report_once(reporter, t->first_report);
    return STATUS_OK;
}

struct typing_words typing_words(const struct typing *t, const struct type *type)
{
    struct typing_words words = {{0}};
    struct buf buf;
    buf_init(&buf, WORDS_BYTES_MAX, NULL);
    type_write(t->schema, type, &buf);
    struct slice text = slice_sub(buf_view(&buf), 0, sizeof(words.text) - sizeof("..."));
    if (text.len > 0) {
        memcpy(words.text, text.ptr, text.len);
    }
    if (text.len < buf.len || buf.failed) {
        memcpy(words.text + text.len, "...", sizeof("..."));
    }
    buf_release(&buf);
    return words;
}

enum status typing_strict_join(struct typing *t, const struct node *node, const struct type *a,
                               const struct type *b, bool *fits)
{
    const struct type *joined = NULL;
    *fits = true;
    if (!t->is_strict || a == NULL || b == NULL) {
        return STATUS_OK;
    }
    TRY(type_join(a, b, true, t->arena, &joined));
    *fits = joined != NULL;
    return *fits ? STATUS_OK
                 : typing_report(t, node, "the types %s and %s do not go together",
                                 typing_words(t, a).text, typing_words(t, b).text);
}

enum status typing_expect(struct typing *t, const struct node *node, const struct fact *facts,
                          const struct type *wanted, struct typed *out)
{
    TRY(typecheck(t, node, facts, out));
    if (out->type == NULL || type_is_subtype(out->type, wanted, t->is_strict)) {
        out->is_guessed = out->type == NULL;
        out->type = out->is_guessed ? wanted : out->type;
        return STATUS_OK;
    }
    const struct type *seen = out->type;
    *out = (struct typed){.type = wanted, .has_failed = true, .is_guessed = true};
    return typing_report(t, node, "expected %s, saw %s", typing_words(t, wanted).text,
                         typing_words(t, seen).text);
}

/* -- truth --------------------------------------------------------------------------------- */

static enum status expect_truth(struct typing *t, const struct node *node, const struct fact *facts,
                                struct typed *out)
{
    return typing_expect(t, node, facts, &TYPE_PLAIN[TYPE_BOOL], out);
}

/* Checks a node; what it shows when it is true is kept even when it has failed. */
static enum status check_keeping(struct typing *t, const struct node *node,
                                 const struct fact *facts, struct typed *out);

/* The official engine takes a path for one test, whose steps know of each other whatever is wrong
 * with the object. A path ends the chain only where it is all of it; then its facts count outside.
 */
static bool keeps_facts(const struct node *chain, size_t index)
{
    return lower_is_path_step(chain, index + 1 < chain->item_count ? index + 1 : index);
}

static enum status check_operand(struct typing *t, const struct node *chain, size_t index,
                                 const struct fact *facts, struct typed *out)
{
    const struct node *node = chain->items[index];
    return keeps_facts(chain, index) || lower_is_path_step(chain, index)
               ? check_keeping(t, node, facts, out)
               : expect_truth(t, node, facts, out);
}

static enum status check_if(struct typing *t, const struct node *node, const struct fact *facts,
                            struct typed *out)
{
    struct typed guard;
    struct typed then;
    struct typed other;
    const struct fact *known = NULL;
    TRY(expect_truth(t, node->items[0], facts, &guard));
    TRY(facts_union(t->arena, guard.facts, facts, &known));
    if (guard.type->kind == TYPE_TRUE) {
        TRY(typecheck(t, node->items[1], known, out));
        out->has_failed = out->has_failed || guard.has_failed;
        return facts_union(t->arena, guard.facts, out->facts, &out->facts);
    }
    if (guard.type->kind == TYPE_FALSE) {
        TRY(typecheck(t, node->items[2], facts, out));
        out->has_failed = out->has_failed || guard.has_failed;
        return STATUS_OK;
    }
    TRY(typecheck(t, node->items[1], known, &then));
    TRY(typecheck(t, node->items[2], facts, &other));
    *out = (struct typed){.has_failed = guard.has_failed || then.has_failed || other.has_failed};
    TRY(facts_union(t->arena, guard.facts, then.facts, &known));
    TRY(facts_common(t->arena, known, other.facts, &out->facts));
    if (then.type == NULL || other.type == NULL) {
        return STATUS_OK;
    }
    TRY(type_join(then.type, other.type, t->is_strict, t->arena, &out->type));
    if (out->type != NULL) {
        return STATUS_OK;
    }
    out->has_failed = true;
    return typing_report(t, node, "the types %s and %s do not go together",
                         typing_words(t, then.type).text, typing_words(t, other.type).text);
}

/* left && the index-th of the chain; facts are those that hold before both. */
static enum status check_and_step(struct typing *t, const struct typed *left,
                                  const struct node *chain, size_t index, const struct fact *facts,
                                  struct typed *out)
{
    struct typed right;
    const struct fact *known = NULL;
    if (left->type->kind == TYPE_FALSE) {
        *out = (struct typed){.type = left->type, .has_failed = left->has_failed};
        return STATUS_OK;
    }
    TRY(facts_union(t->arena, left->facts, facts, &known));
    TRY(check_operand(t, chain, index, known, &right));
    *out = (struct typed){.has_failed = left->has_failed || right.has_failed};
    if (right.type->kind == TYPE_FALSE) {
        out->type = left->is_guessed ? left->type : right.type;
        return STATUS_OK;
    }
    TRY(facts_union(t->arena, left->facts, right.facts, &out->facts));
    out->type = right.type->kind == TYPE_TRUE   ? left->type
                : left->type->kind == TYPE_TRUE ? right.type
                                                : &TYPE_PLAIN[TYPE_BOOL];
    return STATUS_OK;
}

static enum status check_or_step(struct typing *t, const struct typed *left,
                                 const struct node *right_node, const struct fact *facts,
                                 struct typed *out)
{
    struct typed right;
    if (left->type->kind == TYPE_TRUE) {
        *out = *left;
        return STATUS_OK;
    }
    TRY(expect_truth(t, right_node, facts, &right));
    bool has_failed = left->has_failed || right.has_failed;
    if (right.type->kind == TYPE_TRUE || left->type->kind == TYPE_FALSE) {
        *out = left->is_guessed ? *left : right;
    } else if (right.type->kind == TYPE_FALSE) {
        *out = *left;
    } else {
        out->type = &TYPE_PLAIN[TYPE_BOOL];
        TRY(facts_common(t->arena, left->facts, right.facts, &out->facts));
    }
    out->has_failed = has_failed;
    out->is_guessed = false;
    return STATUS_OK;
}

/* A chain is nested to the left. */
static enum status check_chain(struct typing *t, const struct node *node, const struct fact *facts,
                               struct typed *out)
{
    struct typed left;
    TRY(check_operand(t, node, 0, facts, &left));
    for (size_t i = 1; i < node->item_count; i++) {
        struct typed joined = {0};
        TRY(node->kind == NODE_AND ? check_and_step(t, &left, node, i, facts, &joined)
                                   : check_or_step(t, &left, node->items[i], facts, &joined));
        left = joined;
        left.facts = left.has_failed && !keeps_facts(node, i) ? NULL : left.facts;
    }
    *out = left;
    return STATUS_OK;
}

static enum status check_not(struct typing *t, const struct node *node, const struct fact *facts,
                             struct typed *out)
{
    TRY(expect_truth(t, node->items[0], facts, out));
    out->facts = NULL;
    out->is_guessed = false;
    if (out->type->kind == TYPE_TRUE) {
        out->type = &TYPE_PLAIN[TYPE_FALSE];
    } else if (out->type->kind == TYPE_FALSE) {
        out->type = &TYPE_PLAIN[TYPE_TRUE];
    }
    return STATUS_OK;
}

/* -- numbers and texts --------------------------------------------------------------------- */

/* Operands of one type; the result is of another. */
static enum status check_operands(struct typing *t, const struct node *node,
                                  const struct fact *facts, const struct type *operand,
                                  enum type_kind result, struct typed *out)
{
    *out = (struct typed){.type = &TYPE_PLAIN[result]};
    for (size_t i = 0; i < node->item_count; i++) {
        struct typed item;
        TRY(typing_expect(t, node->items[i], facts, operand, &item));
        out->has_failed = out->has_failed || item.has_failed;
    }
    return STATUS_OK;
}

/* Two longs, two datetimes or two durations: the type that both operands of an order should have;
 * TYPE_NEVER when neither is near one. */
static enum type_kind type_to_order(enum type_kind left, enum type_kind right)
{
    static const enum type_kind ORDERED[] = {TYPE_LONG, TYPE_DATETIME, TYPE_DURATION};
    if (left == TYPE_LONG || right == TYPE_LONG) {
        return TYPE_LONG;
    }
    for (size_t i = 0; i < COUNT_OF(ORDERED); i++) {
        if (left == ORDERED[i]) {
            return left;
        }
    }
    for (size_t i = 0; i < COUNT_OF(ORDERED); i++) {
        if (right == ORDERED[i]) {
            return right;
        }
    }
    return TYPE_NEVER;
}

static enum status expect_ordered(struct typing *t, const struct node *node,
                                  const struct type *type, enum type_kind wanted, struct typed *out)
{
    if (type->kind == TYPE_NEVER || type->kind == wanted) {
        return STATUS_OK;
    }
    out->has_failed = true;
    return typing_report(t, node, "expected %s, saw %s",
                         wanted == TYPE_NEVER ? "Long, datetime or duration"
                                              : typing_words(t, &TYPE_PLAIN[wanted]).text,
                         typing_words(t, type).text);
}

static enum status check_order(struct typing *t, const struct node *node, const struct fact *facts,
                               struct typed *out)
{
    struct typed left;
    struct typed right;
    TRY(typecheck(t, node->items[0], facts, &left));
    TRY(typecheck(t, node->items[1], facts, &right));
    *out = (struct typed){.type = &TYPE_PLAIN[TYPE_BOOL],
                          .has_failed = left.has_failed || right.has_failed};
    if (left.type == NULL || right.type == NULL) {
        return STATUS_OK;
    }
    enum type_kind wanted = type_to_order(left.type->kind, right.type->kind);
    TRY(expect_ordered(t, node->items[0], left.type, wanted, out));
    return expect_ordered(t, node->items[1], right.type, wanted, out);
}

/* -- leaves and lists ---------------------------------------------------------------------- */

static enum status type_of_uid(struct typing *t, const struct cedar_uid *uid, struct typed *out)
{
    uint32_t number = schema_entity_find(t->schema, uid->type);
    if (number == SCHEMA_NONE || (t->schema->entities[number].is_action &&
                                  schema_action_find(t->schema, uid) == SCHEMA_NONE)) {
        /* Reported by the checks of names. */
        out->has_failed = true;
        return STATUS_OK;
    }
    return type_of_entity(number, t->arena, &out->type);
}

static enum status check_value(struct typing *t, const struct node *node, struct typed *out)
{
    const struct cedar_value *value = &node->value;
    uint32_t slot = slice_eq(node->text, SLICE("?principal")) ? t->environment.principal_slot
                                                              : t->environment.resource_slot;
    switch (value->kind) {
    case CEDAR_BOOL:
        out->type = &TYPE_PLAIN[value->as.boolean ? TYPE_TRUE : TYPE_FALSE];
        return STATUS_OK;
    case CEDAR_LONG:
        out->type = &TYPE_PLAIN[TYPE_LONG];
        return STATUS_OK;
    case CEDAR_STRING:
        out->type = &TYPE_PLAIN[TYPE_STRING];
        return STATUS_OK;
    case CEDAR_ENTITY:
        return type_of_uid(t, &value->as.uid, out);
    case CEDAR_UNKNOWN:
        return type_of_entity(slot, t->arena, &out->type);
    case CEDAR_ERROR:
    case CEDAR_SET:
    case CEDAR_RECORD:
    case CEDAR_DECIMAL:
    case CEDAR_DATETIME:
    case CEDAR_DURATION:
    case CEDAR_IP:
        break;
    }
    return STATUS_INTERNAL;
}

static enum status check_variable(struct typing *t, const struct node *node, struct typed *out)
{
    const struct schema_action_entity *action = &t->schema->actions[t->environment.action];
    switch ((int)node->kind) {
    case NODE_PRINCIPAL:
        return type_of_entity(t->environment.principal, t->arena, &out->type);
    case NODE_RESOURCE:
        return type_of_entity(t->environment.resource, t->arena, &out->type);
    case NODE_ACTION:
        return type_of_entity(schema_entity_find(t->schema, action->uid.type), t->arena,
                              &out->type);
    default:
        out->type = action->context;
        return STATUS_OK;
    }
}

/* The type of all elements; NULL when one of theirs is unknown, or after a report. */
static enum status join_elements(struct typing *t, const struct node *node,
                                 const struct typed *elements, const struct type **out)
{
    const struct type *all = &TYPE_PLAIN[TYPE_NEVER];
    *out = NULL;
    for (size_t i = 0; i < node->item_count; i++) {
        if (elements[i].type == NULL) {
            return STATUS_OK;
        }
    }
    for (size_t i = 0; i < node->item_count; i++) {
        const struct type *joined = NULL;
        TRY(type_join(all, elements[i].type, t->is_strict, t->arena, &joined));
        if (joined == NULL) {
            return typing_report(t, node, "the types %s and %s do not go together",
                                 typing_words(t, all).text, typing_words(t, elements[i].type).text);
        }
        all = joined;
    }
    *out = all;
    return STATUS_OK;
}

static enum status check_set(struct typing *t, const struct node *node, const struct fact *facts,
                             struct typed *out)
{
    if (node->item_count == 0 && t->is_strict) {
        out->has_failed = true;
        return typing_report(t, node, "an empty set has no type; it is not allowed in policies");
    }
    struct type *set = arena_alloc_zero(t->arena, 1, sizeof(*set));
    struct typed *elements = arena_alloc_zero(t->arena, node->item_count, sizeof(*elements));
    if (set == NULL || elements == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < node->item_count; i++) {
        TRY(typecheck(t, node->items[i], facts, &elements[i]));
        out->has_failed = out->has_failed || elements[i].has_failed;
    }
    *set = (struct type){.kind = TYPE_SET};
    TRY(join_elements(t, node, elements, &set->element));
    out->has_failed = out->has_failed || set->element == NULL;
    out->type = set->element == NULL ? NULL : set;
    return STATUS_OK;
}

static enum status check_record(struct typing *t, const struct node *node, const struct fact *facts,
                                struct typed *out)
{
    struct type *record = arena_alloc_zero(t->arena, 1, sizeof(*record));
    struct type_attribute *attributes =
        arena_alloc_zero(t->arena, node->item_count, sizeof(*attributes));
    bool is_known = true;
    if (record == NULL || attributes == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < node->item_count; i++) {
        struct typed item;
        TRY(typecheck(t, node->items[i], facts, &item));
        out->has_failed = out->has_failed || item.has_failed;
        is_known = is_known && item.type != NULL;
        attributes[i] = (struct type_attribute){node->names[i], item.type, true};
    }
    *record = (struct type){
        .kind = TYPE_RECORD, .attributes = attributes, .attribute_count = node->item_count};
    out->type = is_known ? record : NULL;
    return STATUS_OK;
}

static enum status check_by_kind(struct typing *t, const struct node *node,
                                 const struct fact *facts, struct typed *out)
{
    switch (node->kind) {
    case NODE_VALUE:
        return check_value(t, node, out);
    case NODE_PRINCIPAL:
    case NODE_ACTION:
    case NODE_RESOURCE:
    case NODE_CONTEXT:
        return check_variable(t, node, out);
    case NODE_IF:
        return check_if(t, node, facts, out);
    case NODE_AND:
    case NODE_OR:
        return check_chain(t, node, facts, out);
    case NODE_NOT:
        return check_not(t, node, facts, out);
    case NODE_NEGATE:
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
        return check_operands(t, node, facts, &TYPE_PLAIN[TYPE_LONG], TYPE_LONG, out);
    case NODE_LESS:
    case NODE_LESS_EQUAL:
        return check_order(t, node, facts, out);
    case NODE_LIKE:
        return check_operands(t, node, facts, &TYPE_PLAIN[TYPE_STRING], TYPE_BOOL, out);
    case NODE_EQUAL:
        return typecheck_equal(t, node, facts, out);
    case NODE_IN:
        return typecheck_in(t, node, facts, out);
    case NODE_IS:
        return typecheck_is(t, node, facts, out);
    case NODE_HAS:
        return typecheck_has(t, node, facts, out);
    case NODE_ATTRIBUTE:
        return typecheck_attribute(t, node, facts, out);
    case NODE_SET:
        return check_set(t, node, facts, out);
    case NODE_RECORD:
        return check_record(t, node, facts, out);
    case NODE_CALL:
        return typecheck_call(t, node, facts, out);
    }
    return STATUS_INTERNAL;
}

static enum status check_keeping(struct typing *t, const struct node *node,
                                 const struct fact *facts, struct typed *out)
{
    *out = (struct typed){0};
    TRY(check_by_kind(t, node, facts, out));
    if (t->types != NULL) {
        t->types[node->number] = out->type;
    }
    return STATUS_OK;
}

enum status typecheck(struct typing *t, const struct node *node, const struct fact *facts,
                      struct typed *out)
{
    TRY(check_keeping(t, node, facts, out));
    out->facts = out->has_failed ? NULL : out->facts;
    return STATUS_OK;
}
