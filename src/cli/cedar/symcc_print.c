#include "cli/cedar/symcc.h"

#define OUTPUT_BYTES_MAX ((size_t)64 << 20)

struct printing {
    struct arena *arena;
    struct buf *out;
};

static void put(struct buf *out, const char *text)
{
    buf_append(out, slice_view_cstr(text));
}

static enum status put_uid(const struct printing *p, const struct cedar_uid *uid)
{
    struct cedar_value value = cedar_entity(uid->type, uid->id);
    return cedar_value_to_text(&value, p->arena, p->out);
}

static bool is_record(const struct cedar_value *value)
{
    return value->kind == CEDAR_RECORD &&
           value->as.object.vtable->count(value->as.object.object, value->as.object.tag) > 0;
}

/* -- for people ----------------------------------------------------------------------------- */

/* One attribute or tag on each line. */
static enum status put_fields(const struct printing *p, const struct cedar_value *record)
{
    uint64_t cursor = 0;
    struct slice name;
    struct cedar_value value;
    put(p->out, " {\n");
    while (record->as.object.vtable->next(record->as.object.object, record->as.object.tag, &cursor,
                                          p->arena, &name, &value)) {
        struct cedar_value key = cedar_string(name);
        put(p->out, "    ");
        TRY(cedar_value_to_text(&key, p->arena, p->out));
        put(p->out, ": ");
        TRY(cedar_value_to_text(&value, p->arena, p->out));
        put(p->out, ",\n");
    }
    put(p->out, "  }");
    return STATUS_OK;
}

static enum status put_entity(const struct printing *p, const struct cedar_example_entity *entity)
{
    put(p->out, "  ");
    TRY(put_uid(p, &entity->uid));
    for (size_t i = 0; i < entity->data.ancestor_count; i++) {
        put(p->out, i == 0 ? " in [" : ", ");
        TRY(put_uid(p, &entity->data.ancestors[i]));
    }
    put(p->out, entity->data.ancestor_count > 0 ? "]" : "");
    if (is_record(&entity->data.attributes)) {
        TRY(put_fields(p, &entity->data.attributes));
    }
    if (is_record(&entity->data.tags)) {
        put(p->out, " tags");
        TRY(put_fields(p, &entity->data.tags));
    }
    put(p->out, ",\n");
    return buf_status(p->out);
}

static enum status put_example(const struct printing *p, const struct cedar_example *example)
{
    const struct cedar_request *request = &example->request;
    put(p->out, "  Counterexample found:\nprincipal: ");
    TRY(put_uid(p, &request->principal));
    put(p->out, ", action: ");
    TRY(put_uid(p, &request->action));
    put(p->out, ", resource: ");
    TRY(put_uid(p, &request->resource));
    put(p->out, "\ncontext: ");
    TRY(cedar_value_to_text(&request->context, p->arena, p->out));
    put(p->out, "\nentities: [\n");
    for (size_t i = 0; i < example->count; i++) {
        TRY(put_entity(p, &example->items[i]));
    }
    put(p->out, "]\n");
    return buf_status(p->out);
}

static enum status put_text(const struct printing *p, const struct property *property,
                            const struct cedar_proof *proof, const struct symcc_output *output)
{
    bool holds = proof->verdict == CEDAR_HOLDS;
    put(p->out, holds ? "✓ " : "✗ ");
    put(p->out, property->claim);
    put(p->out, holds ? ": VERIFIED\n" : ": DOES NOT HOLD\n");
    if (holds && output->has_example && output->is_verbose) {
        put(p->out, "  No counterexample found — property holds for all well-formed inputs.\n");
    }
    return !holds && output->has_example ? put_example(p, &proof->example) : buf_status(p->out);
}

/* -- for programs --------------------------------------------------------------------------- */

/* A value as a JSON string that holds its expression: JSON has no way to write every datetime. */
static enum status put_member(const struct printing *p, const char *name,
                              const struct cedar_value *value)
{
    struct buf text;
    buf_init(&text, OUTPUT_BYTES_MAX, NULL);
    enum status status = cedar_value_to_text(value, p->arena, &text);
    if (name != NULL) {
        buf_append_json_string(p->out, slice_view_cstr(name));
        put(p->out, ":");
    }
    buf_append_json_string(p->out, buf_view(&text));
    buf_release(&text);
    return status == STATUS_OK ? buf_status(p->out) : status;
}

static enum status put_uid_member(const struct printing *p, const char *name,
                                  const struct cedar_uid *uid)
{
    struct cedar_value value = cedar_entity(uid->type, uid->id);
    return put_member(p, name, &value);
}

static enum status put_entity_object(const struct printing *p,
                                     const struct cedar_example_entity *entity)
{
    put(p->out, "{");
    TRY(put_uid_member(p, "uid", &entity->uid));
    put(p->out, ",\"ancestors\":[");
    for (size_t i = 0; i < entity->data.ancestor_count; i++) {
        put(p->out, i > 0 ? "," : "");
        TRY(put_uid_member(p, NULL, &entity->data.ancestors[i]));
    }
    put(p->out, "],");
    TRY(put_member(p, "attributes", &entity->data.attributes));
    if (entity->data.tags.kind == CEDAR_RECORD) {
        put(p->out, ",");
        TRY(put_member(p, "tags", &entity->data.tags));
    }
    put(p->out, "}");
    return buf_status(p->out);
}

static enum status put_example_object(const struct printing *p, const struct cedar_example *example)
{
    const struct cedar_request *request = &example->request;
    put(p->out, ",\"counterexample\":{");
    TRY(put_uid_member(p, "principal", &request->principal));
    put(p->out, ",");
    TRY(put_uid_member(p, "action", &request->action));
    put(p->out, ",");
    TRY(put_uid_member(p, "resource", &request->resource));
    put(p->out, ",");
    TRY(put_member(p, "context", &request->context));
    put(p->out, ",\"entities\":[");
    for (size_t i = 0; i < example->count; i++) {
        put(p->out, i > 0 ? "," : "");
        TRY(put_entity_object(p, &example->items[i]));
    }
    put(p->out, "]}");
    return buf_status(p->out);
}

static enum status put_json(const struct printing *p, const struct property *property,
                            const struct cedar_proof *proof, const struct symcc_output *output)
{
    bool holds = proof->verdict == CEDAR_HOLDS;
    put(p->out, "{\"property\":");
    buf_append_json_string(p->out, slice_view_cstr(property->name));
    put(p->out, holds ? ",\"holds\":true" : ",\"holds\":false");
    if (!holds && output->has_example) {
        TRY(put_example_object(p, &proof->example));
    }
    put(p->out, "}\n");
    return buf_status(p->out);
}

enum status symcc_print(struct tool *tool, const struct property *property,
                        const struct cedar_proof *proof, const struct symcc_output *output)
{
    struct buf text;
    const struct printing p = {&tool->arena, &text};
    buf_init(&text, OUTPUT_BYTES_MAX, NULL);
    enum status status = output->is_json ? put_json(&p, property, proof, output)
                                         : put_text(&p, property, proof, output);
    if (status == STATUS_OK) {
        tool_print_buf(stdout, &text);
    }
    buf_release(&text);
    return status;
}
