#include "cedar/syntax/check.h"

static enum status check_effect(struct checker *c, const struct concrete *effect,
                                struct surface_policy *out)
{
    static const struct slice WORDS[] = {SLICE_INIT("permit"), SLICE_INIT("forbid")};
    out->effect_range = effect->range;
    out->effect = slice_eq(effect->text, SLICE("permit")) ? CEDAR_PERMIT : CEDAR_FORBID;
    if (out->effect == CEDAR_PERMIT || slice_eq(effect->text, SLICE("forbid"))) {
        return STATUS_OK;
    }
    struct slice near = report_nearest(effect->text, WORDS, COUNT_OF(WORDS));
    (void)report(c->reporter, effect->range,
                 "a policy begins with 'permit' or 'forbid', not '%.*s'",
                 SLICE_ARG(report_clip(effect->text)));
    return near.len == 0 ? STATUS_INVALID
                         : report_help(c->reporter, "did you mean '%.*s'?", SLICE_ARG(near));
}

static enum status check_annotation(struct checker *c, const struct concrete_annotation *concrete,
                                    const struct surface_policy *policy,
                                    struct surface_annotation *out)
{
    out->key = (struct surface_name){.text = concrete->key->text, .range = concrete->key->range};
    out->range = concrete->range;
    out->has_value = concrete->value != NULL;
    if (concrete->value != NULL) {
        out->value_range = concrete->value->range;
        TRY(check_string(c, concrete->value, concrete->range, &out->value));
    }
    for (size_t i = 0; i < policy->annotation_count; i++) {
        if (slice_eq(policy->annotations[i].key.text, out->key.text)) {
            (void)report(c->reporter, concrete->range, "the annotation '@%.*s' appears twice",
                         SLICE_ARG(report_clip(out->key.text)));
            return report_label(c->reporter, policy->annotations[i].range, "first here");
        }
    }
    return STATUS_OK;
}

static enum status check_annotations(struct checker *c, const struct concrete_policy *concrete,
                                     struct surface_policy *out)
{
    struct surface_annotation *annotations =
        arena_alloc_zero(c->arena, concrete->annotation_count, sizeof(*annotations));
    enum status status = STATUS_OK;
    if (annotations == NULL) {
        return STATUS_LIMIT;
    }
    out->annotations = annotations;
    for (const struct concrete_annotation *one = concrete->annotations; one != NULL;
         one = one->next) {
        enum status found = check_annotation(c, one, out, &annotations[out->annotation_count]);
        out->annotation_count += found == STATUS_OK ? 1 : 0;
        status = status_worse(status, found);
    }
    return status;
}

static enum status check_keyword(struct checker *c, const struct concrete *keyword, bool *is_unless)
{
    static const struct slice WORDS[] = {SLICE_INIT("when"), SLICE_INIT("unless")};
    *is_unless = slice_eq(keyword->text, SLICE("unless"));
    if (*is_unless || slice_eq(keyword->text, SLICE("when"))) {
        return STATUS_OK;
    }
    struct slice near = report_nearest(keyword->text, WORDS, COUNT_OF(WORDS));
    (void)report(c->reporter, keyword->range, "a condition begins with 'when' or 'unless'");
    return near.len == 0 ? STATUS_INVALID
                         : report_help(c->reporter, "did you mean '%.*s'?", SLICE_ARG(near));
}

static enum status check_condition(struct checker *c, const struct concrete_condition *concrete,
                                   struct surface_condition *out)
{
    struct surface_node *body = NULL;
    out->range = concrete->range;
    out->keyword = concrete->keyword->range;
    c->slot_count = 0;
    TRY(check_keyword(c, concrete->keyword, &out->is_unless));
    if (concrete->body == NULL) {
        (void)report(c->reporter, concrete->range, "the condition is empty");
        return report_help(c->reporter, "write an expression between the braces, or leave it out");
    }
    TRY(check_expression(c, concrete->body, &body));
    out->body = body;
    for (size_t i = 0; i < c->slot_count; i++) {
        (void)report(c->reporter, c->slots[i], "slots cannot stand in conditions");
        (void)report_help(c->reporter, "a slot stands right of '==' or 'in' in the scope");
    }
    return c->slot_count == 0 ? STATUS_OK : STATUS_INVALID;
}

static enum status check_conditions(struct checker *c, const struct concrete_policy *concrete,
                                    struct surface_policy *out)
{
    struct surface_condition *conditions =
        arena_alloc_zero(c->arena, concrete->condition_count, sizeof(*conditions));
    enum status status = STATUS_OK;
    size_t i = 0;
    if (conditions == NULL) {
        return STATUS_LIMIT;
    }
    for (const struct concrete_condition *one = concrete->conditions; one != NULL;
         one = one->next) {
        status = status_worse(status, check_condition(c, one, &conditions[i++]));
    }
    out->conditions = conditions;
    out->condition_count = concrete->condition_count;
    return status;
}

enum status check_policy(struct checker *c, const struct concrete_policy *concrete,
                         struct surface_policy *out)
{
    *out = (struct surface_policy){.range = concrete->range};
    enum status status = check_effect(c, concrete->effect, out);
    status = status_worse(status, check_annotations(c, concrete, out));
    status = status_worse(status, check_scope(c, concrete, out));
    return status_worse(status, check_conditions(c, concrete, out));
}
