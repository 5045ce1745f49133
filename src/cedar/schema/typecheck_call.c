/* Types of functions and methods: sets, tags, extension types. */
#include "cedar/schema/typecheck.h"

#define ARGUMENTS_MAX 2

/* Arguments and result of the functions of extension types; TYPE_NEVER ends the arguments. */
static const struct {
    enum type_kind arguments[ARGUMENTS_MAX];
    enum type_kind result;
} SIGNATURES[FUNCTION_COUNT] = {
    [FUNCTION_DECIMAL] = {{TYPE_STRING}, TYPE_DECIMAL},
    [FUNCTION_IP] = {{TYPE_STRING}, TYPE_IP},
    [FUNCTION_DATETIME] = {{TYPE_STRING}, TYPE_DATETIME},
    [FUNCTION_DURATION] = {{TYPE_STRING}, TYPE_DURATION},
    [FUNCTION_LESS_THAN] = {{TYPE_DECIMAL, TYPE_DECIMAL}, TYPE_BOOL},
    [FUNCTION_LESS_THAN_OR_EQUAL] = {{TYPE_DECIMAL, TYPE_DECIMAL}, TYPE_BOOL},
    [FUNCTION_GREATER_THAN] = {{TYPE_DECIMAL, TYPE_DECIMAL}, TYPE_BOOL},
    [FUNCTION_GREATER_THAN_OR_EQUAL] = {{TYPE_DECIMAL, TYPE_DECIMAL}, TYPE_BOOL},
    [FUNCTION_IS_IPV4] = {{TYPE_IP}, TYPE_BOOL},
    [FUNCTION_IS_IPV6] = {{TYPE_IP}, TYPE_BOOL},
    [FUNCTION_IS_LOOPBACK] = {{TYPE_IP}, TYPE_BOOL},
    [FUNCTION_IS_MULTICAST] = {{TYPE_IP}, TYPE_BOOL},
    [FUNCTION_IS_IN_RANGE] = {{TYPE_IP, TYPE_IP}, TYPE_BOOL},
    [FUNCTION_OFFSET] = {{TYPE_DATETIME, TYPE_DURATION}, TYPE_DATETIME},
    [FUNCTION_DURATION_SINCE] = {{TYPE_DATETIME, TYPE_DATETIME}, TYPE_DURATION},
    [FUNCTION_TO_DATE] = {{TYPE_DATETIME}, TYPE_DATETIME},
    [FUNCTION_TO_TIME] = {{TYPE_DATETIME}, TYPE_DURATION},
    [FUNCTION_TO_MILLISECONDS] = {{TYPE_DURATION}, TYPE_LONG},
    [FUNCTION_TO_SECONDS] = {{TYPE_DURATION}, TYPE_LONG},
    [FUNCTION_TO_MINUTES] = {{TYPE_DURATION}, TYPE_LONG},
    [FUNCTION_TO_HOURS] = {{TYPE_DURATION}, TYPE_LONG},
    [FUNCTION_TO_DAYS] = {{TYPE_DURATION}, TYPE_LONG},
};

static size_t arity_of(enum function function)
{
    size_t count = 0;
    while (count < ARGUMENTS_MAX && SIGNATURES[function].arguments[count] != TYPE_NEVER) {
        count++;
    }
    return count;
}

/* -- extension functions ------------------------------------------------------------------- */

static bool is_constructor(enum function function)
{
    return function == FUNCTION_DECIMAL || function == FUNCTION_IP ||
           function == FUNCTION_DATETIME || function == FUNCTION_DURATION;
}

/* A text that is known must be a good one; strict mode wants it to be known. */
static enum status check_constructor(struct typing *t, const struct node *node, struct typed *out)
{
    struct cedar_value value;
    const struct node *text = node->items[0];
    bool is_literal = text->kind == NODE_VALUE && text->value.kind == CEDAR_STRING;
    if (is_literal) {
        if (cedar_extension_parse(node->text, text->value.as.text, &value) == STATUS_OK) {
            return STATUS_OK;
        }
        out->has_failed = true;
        return typing_report(t, node, "%.*s() cannot read the text \"%.*s\"", SLICE_ARG(node->text),
                             SLICE_ARG(report_clip(text->value.as.text)));
    }
    if (!t->is_strict) {
        return STATUS_OK;
    }
    out->has_failed = true;
    return typing_report(t, node, "%.*s() can be called with a string literal only",
                         SLICE_ARG(node->text));
}

static enum status check_extension(struct typing *t, const struct node *node,
                                   const struct fact *facts, struct typed *out)
{
    size_t arity = arity_of(node->function);
    out->type = &TYPE_PLAIN[SIGNATURES[node->function].result];
    if (arity == 0) {
        out->has_failed = true;
        return typing_report(t, node, "'%.*s' has no type", SLICE_ARG(node->text));
    }
    bool is_right_count = node->item_count == arity;
    if (!is_right_count) {
        out->has_failed = true;
        TRY(typing_report(t, node, "'%.*s' takes %zu argument(s), receiver included, not %zu",
                          SLICE_ARG(node->text), arity, node->item_count));
    }
    for (size_t i = 0; i < node->item_count; i++) {
        struct typed item;
        /* What a constructor cannot be called with at all needs no type. */
        bool is_refused =
            t->is_strict && is_constructor(node->function) && node->items[i]->kind != NODE_VALUE;
        if (i < arity && !is_refused) {
            enum type_kind wanted = SIGNATURES[node->function].arguments[i];
            TRY(typing_expect(t, node->items[i], facts, &TYPE_PLAIN[wanted], &item));
        } else {
            TRY(typecheck(t, node->items[i], facts, &item));
        }
        out->has_failed = out->has_failed || item.has_failed;
    }
    return is_constructor(node->function) && is_right_count ? check_constructor(t, node, out)
                                                            : STATUS_OK;
}

/* -- sets ---------------------------------------------------------------------------------- */

static enum status check_contains(struct typing *t, const struct node *node,
                                  const struct fact *facts, struct typed *out)
{
    const struct type *set = &TYPE_PLAIN[TYPE_SET];
    struct typed left;
    struct typed right;
    bool fits = true;
    TRY(typing_expect(t, node->items[0], facts, set, &left));
    TRY(node->function == FUNCTION_CONTAINS ? typecheck(t, node->items[1], facts, &right)
                                            : typing_expect(t, node->items[1], facts, set, &right));
    *out = (struct typed){.type = &TYPE_PLAIN[TYPE_BOOL],
                          .has_failed = left.has_failed || right.has_failed};
    bool is_known = left.type->element != NULL && right.type != NULL && !right.is_guessed;
    if (is_known) {
        const struct type *whole =
            node->function == FUNCTION_CONTAINS ? left.type->element : left.type;
        TRY(typing_strict_join(t, node, whole, right.type, &fits));
    }
    out->has_failed = out->has_failed || !fits;
    return STATUS_OK;
}

static enum status check_is_empty(struct typing *t, const struct node *node,
                                  const struct fact *facts, struct typed *out)
{
    struct typed set;
    TRY(typing_expect(t, node->items[0], facts, &TYPE_PLAIN[TYPE_SET], &set));
    *out = (struct typed){.type = &TYPE_PLAIN[TYPE_BOOL], .has_failed = set.has_failed};
    return STATUS_OK;
}

/* -- tags ---------------------------------------------------------------------------------- */

/* What tags the entities of a type may have. */
struct tags {
    bool may_exist;
    const struct type *type; /* NULL: of types that have no join */
};

static enum status type_of_tags(struct typing *t, const struct type *entity, struct tags *out)
{
    bool is_any = entity->kind == TYPE_ANY_ENTITY;
    size_t count = is_any ? t->schema->entity_count : entity->entity_count;
    *out = (struct tags){0};
    for (size_t i = 0; i < count; i++) {
        const struct type *tags = t->schema->entities[is_any ? i : entity->entities[i]].tags;
        if (tags != NULL && !out->may_exist) {
            *out = (struct tags){true, tags};
        } else if (tags != NULL && out->type != NULL) {
            TRY(type_join(out->type, tags, t->is_strict, t->arena, &out->type));
        }
    }
    return STATUS_OK;
}

static enum status check_tag_operands(struct typing *t, const struct node *node,
                                      const struct fact *facts, struct typed *entity,
                                      struct typed *out)
{
    struct typed name;
    TRY(typing_expect(t, node->items[0], facts, &TYPE_PLAIN[TYPE_ANY_ENTITY], entity));
    TRY(typing_expect(t, node->items[1], facts, &TYPE_PLAIN[TYPE_STRING], &name));
    out->has_failed = entity->has_failed || name.has_failed;
    return STATUS_OK;
}

static enum status check_has_tag(struct typing *t, const struct node *node,
                                 const struct fact *facts, struct typed *out)
{
    struct typed entity;
    struct tags tags;
    TRY(check_tag_operands(t, node, facts, &entity, out));
    if (entity.is_guessed) {
        return STATUS_OK;
    }
    out->type = &TYPE_PLAIN[TYPE_BOOL];
    TRY(type_of_tags(t, entity.type, &tags));
    if (!tags.may_exist) {
        out->type = &TYPE_PLAIN[TYPE_FALSE];
        return STATUS_OK;
    }
    if (facts_has_tag(facts, node->items[0], node->items[1])) {
        out->type = &TYPE_PLAIN[TYPE_TRUE];
    }
    return facts_add(t->arena, NULL, node->items[0], SLICE_EMPTY, node->items[1], &out->facts);
}

static enum status check_get_tag(struct typing *t, const struct node *node,
                                 const struct fact *facts, struct typed *out)
{
    struct typed entity;
    struct tags tags;
    TRY(check_tag_operands(t, node, facts, &entity, out));
    if (entity.is_guessed) {
        return STATUS_OK;
    }
    if (!facts_has_tag(facts, node->items[0], node->items[1])) {
        out->has_failed = true;
        TRY(typing_report(t, node, "the tag may be missing here"));
        (void)report_help(t->reporter, "test for it first: ...hasTag(...) && ...");
        return STATUS_OK;
    }
    TRY(type_of_tags(t, entity.type, &tags));
    out->type = tags.type;
    if (!tags.may_exist) {
        out->has_failed = true;
        return typing_report(t, node, "%s has no tags", typing_words(t, entity.type).text);
    }
    if (tags.type == NULL) {
        out->has_failed = true;
        return typing_report(t, node, "the types of %s have tags of different types",
                             typing_words(t, entity.type).text);
    }
    return STATUS_OK;
}

enum status typecheck_call(struct typing *t, const struct node *node, const struct fact *facts,
                           struct typed *out)
{
    switch ((int)node->function) {
    case FUNCTION_CONTAINS:
    case FUNCTION_CONTAINS_ALL:
    case FUNCTION_CONTAINS_ANY:
        return check_contains(t, node, facts, out);
    case FUNCTION_IS_EMPTY:
        return check_is_empty(t, node, facts, out);
    case FUNCTION_HAS_TAG:
        return check_has_tag(t, node, facts, out);
    case FUNCTION_GET_TAG:
        return check_get_tag(t, node, facts, out);
    default:
        return check_extension(t, node, facts, out);
    }
}
