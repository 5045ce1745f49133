/* Policies and policy sets in JSON to a set. */
#include "cedar/syntax/form_read.h"
#include "cedar/syntax/lower.h"
#include "cedar/syntax/policy_set.h"
#include "cedar/value/json_text.h"
#include "cedar/value/uid_table.h"

struct set_reader {
    struct cedar_policy_set *set;
    struct form_reader json;
    struct json_tape tape;
    struct arena scratch;
    struct uid_table ids; /* to indexes in the set */
    struct slice name;    /* of the source, copied */
    uint32_t line;
    size_t seen; /* where the line is counted to */
};

static enum status take_id(struct set_reader *r, struct slice id, json_ref at)
{
    struct cedar_uid key = {SLICE_EMPTY, id};
    if (uid_table_find(&r->ids, &key) != UID_TABLE_NONE) {
        return report(r->json.reporter, form_range(&r->json, at),
                      "the policy id '%.*s' is taken already; ids must be unique",
                      SLICE_ARG(report_clip(id)));
    }
    return uid_table_add(&r->ids, &key, (uint32_t)r->set->count);
}

static uint32_t line_of(struct set_reader *r, size_t offset)
{
    struct slice text = r->json.tape->text;
    if (offset < r->seen) {
        r->seen = 0;
        r->line = 1;
    }
    for (; r->seen < offset; r->seen++) {
        r->line += text.ptr[r->seen] == '\n' ? 1 : 0;
    }
    return r->line;
}

static enum status add_policy(struct set_reader *r, struct slice id, json_ref ref)
{
    struct arena *arena = &r->set->unit->arena;
    struct surface_policy *surface = arena_alloc_zero(arena, 1, sizeof(*surface));
    struct policy *policy = NULL;
    if (surface == NULL) {
        return STATUS_LIMIT;
    }
    TRY(form_read_policy(&r->json, ref, surface));
    TRY(policy_set_add(r->set, &policy));
    *policy = (struct policy){.id = id,
                              .source = r->name,
                              .source_text = r->json.reporter->source.text,
                              .offset = surface->range.from,
                              .line = line_of(r, surface->range.from),
                              .surface = surface};
    return lower_policy(surface, arena, r->json.reporter, policy);
}

/* "staticPolicies" or "templates": policies by id. */
static enum status read_policies(struct set_reader *r, json_ref ref, bool are_templates)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    enum status status = STATUS_OK;
    if (json_type(r->json.tape, ref) != JSON_OBJECT) {
        return report(r->json.reporter, form_range(&r->json, ref), "here must stand an object");
    }
    json_iter_init(&iter, r->json.tape, ref);
    while (status != STATUS_LIMIT && json_iter_next(&iter, &key, &value)) {
        struct slice id = SLICE_EMPTY;
        size_t count = r->set->count;
        TRY(form_read_text(&r->json, key, &id));
        enum status one = take_id(r, id, key);
        one = one == STATUS_OK ? add_policy(r, id, value) : one;
        if (one == STATUS_OK && policy_is_template(&r->set->policies[count]) != are_templates) {
            one = report(r->json.reporter, form_range(&r->json, key),
                         are_templates ? "this template has no slot"
                                       : "this policy has a slot: it belongs to 'templates'");
        }
        status = status_worse(status, one);
    }
    return status;
}

static enum status read_uid(struct set_reader *r, json_ref ref, struct cedar_uid *storage,
                            const struct cedar_uid **out)
{
    struct surface_entity entity;
    if (ref == JSON_NONE) {
        return STATUS_OK;
    }
    TRY(form_read_entity(&r->json, ref, &entity));
    *storage = (struct cedar_uid){entity.type.text, entity.id};
    *out = storage;
    return STATUS_OK;
}

static enum status read_link(struct set_reader *r, json_ref ref)
{
    static const struct form_rule RULES[] = {{SLICE_INIT("templateId"), true},
                                             {SLICE_INIT("newId"), true},
                                             {SLICE_INIT("values"), true}};
    static const struct form_rule SLOTS[] = {{SLICE_INIT("?principal"), false},
                                             {SLICE_INIT("?resource"), false}};
    json_ref members[COUNT_OF(RULES)];
    json_ref slots[COUNT_OF(SLOTS)];
    struct cedar_uid uids[COUNT_OF(SLOTS)];
    struct cedar_link link = {0};
    struct policy *added = NULL;
    struct diag diag = {0};
    TRY(form_read_members(&r->json, ref, RULES, COUNT_OF(RULES), members));
    TRY(form_read_text(&r->json, members[0], &link.template_id));
    TRY(form_read_text(&r->json, members[1], &link.id));
    TRY(form_read_members(&r->json, members[2], SLOTS, COUNT_OF(SLOTS), slots));
    TRY(read_uid(r, slots[0], &uids[0], &link.principal));
    TRY(read_uid(r, slots[1], &uids[1], &link.resource));
    struct cedar_uid key = {SLICE_EMPTY, link.template_id};
    uint32_t index = uid_table_find(&r->ids, &key);
    if (index == UID_TABLE_NONE || !policy_is_template(&r->set->policies[index])) {
        return report(r->json.reporter, form_range(&r->json, members[0]),
                      "there is no template '%.*s'", SLICE_ARG(report_clip(link.template_id)));
    }
    TRY(take_id(r, link.id, members[1]));
    TRY(policy_set_add(r->set, &added));
    struct policy template = r->set->policies[index];
    enum status status = policy_set_bind(r->set, &template, &link, added, &diag);
    return status == STATUS_INVALID
               ? report(r->json.reporter, form_range(&r->json, members[2]), "%s", diag.message)
               : status;
}

static enum status read_links(struct set_reader *r, json_ref ref)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    enum status status = STATUS_OK;
    if (json_type(r->json.tape, ref) != JSON_ARRAY) {
        return report(r->json.reporter, form_range(&r->json, ref), "here must stand an array");
    }
    json_iter_init(&iter, r->json.tape, ref);
    while (status != STATUS_LIMIT && json_iter_next(&iter, &key, &value)) {
        status = status_worse(status, read_link(r, value));
    }
    return status;
}

static enum status read_set(struct set_reader *r)
{
    static const struct form_rule RULES[] = {{SLICE_INIT("staticPolicies"), true},
                                             {SLICE_INIT("templates"), true},
                                             {SLICE_INIT("templateLinks"), true}};
    json_ref members[COUNT_OF(RULES)];
    TRY(form_read_members(&r->json, 0, RULES, COUNT_OF(RULES), members));
    enum status status = read_policies(r, members[0], false);
    status = status_worse(status, read_policies(r, members[1], true));
    /* A link to a template that was refused would only be a consequence. */
    return status == STATUS_OK ? read_links(r, members[2]) : status;
}

static enum status read_text(struct set_reader *r, struct slice text, enum cedar_json_form form)
{
    struct diag diag = {0};
    enum status status = json_text_parse(text, &r->scratch, &r->tape, &diag);
    if (status == STATUS_INVALID) {
        struct surface_range at = {(uint32_t)diag.offset, (uint32_t)diag.offset};
        return report(r->json.reporter, at, "%s", diag.message);
    }
    TRY(status);
    r->json.tape = &r->tape;
    TRY(form == CEDAR_JSON_SET ? read_set(r) : add_policy(r, SLICE("policy0"), 0));
    return policy_set_close(r->set);
}

static enum status read_source(struct cedar_policy_set *set, const struct cedar_source *source,
                               enum cedar_json_form form, struct cedar_diagnostics *diagnostics)
{
    struct arena *arena = &set->unit->arena;
    struct cedar_source copy = {.name = source->name};
    struct reporter reporter;
    struct set_reader r = {.set = set, .json = {.arena = arena, .reporter = &reporter}, .line = 1};
    if (source->text.len > CEDAR_SOURCE_BYTES_MAX) {
        reporter_init(&reporter, &copy, diagnostics);
        (void)report(&reporter, (struct surface_range){0}, "the source is too large");
        reporter_close(&reporter);
        return STATUS_INVALID;
    }
    TRY(arena_copy(arena, source->text, &copy.text));
    TRY(arena_copy(arena, source->name, &r.name));
    reporter_init(&reporter, &copy, diagnostics);
    arena_init(&r.scratch, SIZE_MAX / 2, NULL);
    r.ids.arena = &r.scratch;
    enum status status = read_text(&r, copy.text, form);
    arena_release(&r.scratch);
    reporter_close(&reporter);
    return status;
}

enum status cedar_policy_set_parse_json(const struct cedar_source *source,
                                        enum cedar_json_form form, struct cedar_policy_set **out,
                                        struct cedar_diagnostics *diagnostics)
{
    struct cedar_policy_set *set = policy_set_new(NULL);
    diagnostics->count = 0;
    diagnostics->is_cut = false;
    if (set == NULL) {
        return STATUS_LIMIT;
    }
    enum status status = read_source(set, source, form, diagnostics);
    if (status != STATUS_OK) {
        cedar_policy_set_free(set);
        return status;
    }
    *out = set;
    return STATUS_OK;
}
