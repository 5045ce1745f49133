/* cedar_policy_set_parse: policies in Cedar syntax to a set. */
#include "cedar/syntax/check.h"
#include "cedar/syntax/lower.h"
#include "cedar/syntax/parser.h"
#include "cedar/syntax/policy_set.h"
#include "cedar/value/uid_table.h"

/* What the loop over the sources shares. */
struct builder {
    struct cedar_policy_set *set;
    struct cedar_source *sources; /* with texts copied into the unit, names as the caller's */
    struct cedar_diagnostics *diagnostics;
    bool use_id_annotation;
};

/* The policies of one source. */
struct source_reader {
    struct builder *builder;
    struct checker checker;
    struct slice name; /* of the source, copied */
    uint32_t source_index, line;
    size_t seen; /* where the line is counted to */
};

/* Policies come in the order of their places, so counting goes on from the last one. */
static uint32_t line_of(struct source_reader *reader, size_t offset)
{
    struct slice text = reader->checker.reporter->source.text;
    for (; reader->seen < offset; reader->seen++) {
        reader->line += text.ptr[reader->seen] == '\n' ? 1 : 0;
    }
    return reader->line;
}

static enum status name_policy(const struct builder *builder, struct policy *policy)
{
    for (size_t i = 0; builder->use_id_annotation && i < policy->annotation_count; i++) {
        if (slice_eq(policy->annotations[i].key, SLICE("id"))) {
            policy->id = policy->annotations[i].value;
        }
    }
    return policy->id.len > 0 ? STATUS_OK
                              : arena_format(&builder->set->unit->arena, &policy->id, "policy%zu",
                                             builder->set->count - 1);
}

static enum status add_policy(struct source_reader *reader, const struct concrete_policy *concrete)
{
    struct cedar_policy_set *set = reader->builder->set;
    struct arena *arena = &set->unit->arena;
    struct surface_policy *surface = arena_alloc_zero(arena, 1, sizeof(*surface));
    struct policy *policy = NULL;
    if (surface == NULL) {
        return STATUS_LIMIT;
    }
    TRY(policy_set_add(set, &policy));
    *policy = (struct policy){.source = reader->name,
                              .source_text = reader->checker.reporter->source.text,
                              .source_index = reader->source_index,
                              .offset = concrete->range.from,
                              .line = line_of(reader, concrete->effect->range.from),
                              .surface = surface};
    TRY(check_policy(&reader->checker, concrete, surface));
    TRY(lower_policy(surface, arena, reader->checker.reporter, policy));
    return name_policy(reader->builder, policy);
}

static enum status read_policies(struct source_reader *reader)
{
    struct concrete_policy *policies = NULL;
    TRY(lexer_check(reader->checker.reporter));
    enum status status =
        parse_policies(reader->checker.reporter, reader->checker.scratch, &policies);
    for (; policies != NULL && status != STATUS_LIMIT; policies = policies->next) {
        status = status_worse(status, add_policy(reader, policies));
    }
    return status;
}

static enum status copy_source(struct builder *builder, const struct cedar_source *source,
                               struct cedar_source *copy)
{
    bool is_usable = source->text.len <= CEDAR_SOURCE_BYTES_MAX && slice_is_utf8(source->text);
    copy->name = source->name;
    if (is_usable) {
        return arena_copy(&builder->set->unit->arena, source->text, &copy->text);
    }
    struct reporter reporter;
    reporter_init(&reporter, copy, builder->diagnostics);
    (void)report(&reporter, (struct surface_range){0}, "the source is too large or not UTF-8");
    reporter_close(&reporter);
    return STATUS_INVALID;
}

static enum status read_source(struct builder *builder, const struct cedar_source *source,
                               uint32_t index)
{
    struct cedar_source *copy = &builder->sources[index];
    struct reporter reporter;
    struct arena scratch;
    struct source_reader reader = {.builder = builder,
                                   .checker = {.reporter = &reporter,
                                               .arena = &builder->set->unit->arena,
                                               .scratch = &scratch},
                                   .source_index = index,
                                   .line = 1};
    TRY(copy_source(builder, source, copy));
    TRY(arena_copy(&builder->set->unit->arena, source->name, &reader.name));
    reporter_init(&reporter, copy, builder->diagnostics);
    arena_init(&scratch, SIZE_MAX / 2, NULL);
    enum status status = read_policies(&reader);
    arena_release(&scratch);
    reporter_close(&reporter);
    return status;
}

static enum status report_taken_id(const struct builder *builder, const struct policy *policy)
{
    struct reporter reporter;
    struct surface_range range = policy->surface->effect_range;
    for (size_t i = 0; i < policy->surface->annotation_count; i++) {
        const struct surface_annotation *annotation = &policy->surface->annotations[i];
        range = slice_eq(annotation->key.text, SLICE("id")) ? annotation->range : range;
    }
    reporter_init(&reporter, &builder->sources[policy->source_index], builder->diagnostics);
    (void)report(&reporter, range, "the policy id '%.*s' is taken already; ids must be unique",
                 SLICE_ARG(report_clip(policy->id)));
    reporter_close(&reporter);
    return STATUS_INVALID;
}

static enum status check_ids(const struct builder *builder)
{
    struct arena scratch;
    struct uid_table table = {.arena = &scratch};
    enum status status = STATUS_OK;
    arena_init(&scratch, SIZE_MAX / 2, NULL);
    for (size_t i = 0; i < builder->set->count && status != STATUS_LIMIT; i++) {
        const struct policy *policy = &builder->set->policies[i];
        struct cedar_uid key = {SLICE_EMPTY, policy->id};
        bool is_taken = uid_table_find(&table, &key) != UID_TABLE_NONE;
        status = status_worse(status, is_taken ? report_taken_id(builder, policy)
                                               : uid_table_add(&table, &key, (uint32_t)i));
    }
    arena_release(&scratch);
    return status;
}

static enum status read_sources(struct builder *builder, const struct cedar_source *sources,
                                size_t count)
{
    struct arena *arena = &builder->set->unit->arena;
    enum status status = STATUS_OK;
    builder->sources = arena_alloc_zero(arena, count, sizeof(*builder->sources));
    if (builder->sources == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count && status != STATUS_LIMIT; i++) {
        status = status_worse(status, read_source(builder, &sources[i], (uint32_t)i));
    }
    TRY(status);
    if (builder->use_id_annotation) {
        TRY(check_ids(builder));
    }
    return policy_set_close(builder->set);
}

enum status cedar_policy_set_parse(const struct cedar_source *sources, size_t count,
                                   bool use_id_annotation, struct cedar_policy_set **out,
                                   struct cedar_diagnostics *diagnostics)
{
    struct builder builder = {.set = policy_set_new(NULL),
                              .diagnostics = diagnostics,
                              .use_id_annotation = use_id_annotation};
    diagnostics->count = 0;
    diagnostics->is_cut = false;
    if (builder.set == NULL) {
        return STATUS_LIMIT;
    }
    enum status status = read_sources(&builder, sources, count);
    if (status != STATUS_OK) {
        cedar_policy_set_free(builder.set);
        return status;
    }
    *out = builder.set;
    return STATUS_OK;
}
