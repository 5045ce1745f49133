/* Single expressions, outside of policies. */
#include "cedar/eval/reference.h"
#include "cedar/syntax/check.h"
#include "cedar/syntax/lower.h"
#include "cedar/syntax/parser.h"

struct cedar_expression {
    const struct surface_node *surface;
    const struct node *node;
};

static enum status refuse_slots(const struct checker *checker)
{
    for (size_t i = 0; i < checker->slot_count; i++) {
        (void)report(checker->reporter, checker->slots[i], "slots cannot stand in expressions");
    }
    return checker->slot_count == 0 ? STATUS_OK : STATUS_INVALID;
}

static enum status read_expression(struct reporter *reporter, struct arena *arena,
                                   struct arena *scratch, struct cedar_expression *out)
{
    struct checker checker = {.reporter = reporter, .arena = arena, .scratch = scratch};
    struct concrete *concrete = NULL;
    struct surface_node *surface = NULL;
    TRY(lexer_check(reporter));
    TRY(parse_only_expression(reporter, scratch, &concrete));
    TRY(check_expression(&checker, concrete, &surface));
    TRY(refuse_slots(&checker));
    out->surface = surface;
    return lower_expression(surface, arena, reporter, &out->node);
}

static enum status read_source(const struct cedar_source *source, struct reporter *reporter,
                               struct arena *arena, struct cedar_expression *out)
{
    struct arena scratch;
    if (source->text.len > CEDAR_SOURCE_BYTES_MAX || !slice_is_utf8(source->text)) {
        return report(reporter, (struct surface_range){0}, "the source is too large or not UTF-8");
    }
    arena_init(&scratch, SIZE_MAX / 2, NULL);
    enum status status = read_expression(reporter, arena, &scratch, out);
    arena_release(&scratch);
    return status;
}

enum status cedar_expression_parse(const struct cedar_source *source, struct arena *arena,
                                   const struct cedar_expression **out,
                                   struct cedar_diagnostics *diagnostics)
{
    struct reporter reporter;
    struct cedar_expression *expression = arena_alloc_zero(arena, 1, sizeof(*expression));
    diagnostics->count = 0;
    diagnostics->is_cut = false;
    if (expression == NULL) {
        return STATUS_LIMIT;
    }
    reporter_init(&reporter, source, diagnostics);
    enum status status = read_source(source, &reporter, arena, expression);
    reporter_close(&reporter);
    *out = expression;
    return status;
}

enum status cedar_expression_evaluate(const struct cedar_expression *expression,
                                      const struct cedar_request *request, struct arena *arena,
                                      struct cedar_value *out, struct cedar_policy_error *error)
{
    return reference_evaluate(expression->node, request, arena, out, error);
}

enum status cedar_uid_parse(const struct cedar_source *source, struct arena *arena,
                            struct cedar_uid *out, struct cedar_diagnostics *diagnostics)
{
    const struct cedar_expression *expression = NULL;
    struct reporter reporter;
    TRY(cedar_expression_parse(source, arena, &expression, diagnostics));
    const struct surface_node *node = expression->surface;
    if (node->kind == SURFACE_ENTITY && node->parentheses == 0) {
        *out = (struct cedar_uid){node->as.entity.type.text, node->as.entity.id};
        return STATUS_OK;
    }
    reporter_init(&reporter, source, diagnostics);
    (void)report(&reporter, node->outer, "this is no entity");
    (void)report_help(&reporter, "an entity is written as Type::\"id\"");
    reporter_close(&reporter);
    return STATUS_INVALID;
}
