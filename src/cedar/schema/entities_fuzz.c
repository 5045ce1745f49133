/* Oracle: no JSON crashes the readers of entities and contexts, with a schema and without; a
 * refusal has a diagnostic inside the text; every entity that is read can be found; and every value
 * of it is printed as an expression of the same value. What is whole for a schema is also known in
 * part, with nothing unknown in it. */
#include "cedar/value/json_text.h"
#include "support/fuzz.h"
#include "support/value_trip.h"

#define ARENA_BYTES ((size_t)64 << 20)

static const char SCHEMA[] =
    "namespace N {"
    " entity Group in [Group] {}; entity Kind enum [\"a\", \"b\"];"
    " type Place = {address: ipaddr, since?: datetime};"
    " entity User in [Group] {name: String, age?: Long, boss?: User, place: Place, kind: Kind,"
    "  scores: Set<decimal>, rest?: duration, isOld?: Bool, friends?: Set<User>,"
    "  many?: Set<Set<{n: Long}>>} tags Set<String>;"
    " action all; action read in [all] appliesTo {principal: User, resource: Group,"
    "  context: {who: User, when?: datetime, from?: ipaddr, limit?: decimal, note?: String}};"
    "}";

static struct cedar_diagnostics diagnostics;

static const struct cedar_schema *schema(void)
{
    static struct cedar_schema *parsed;
    struct cedar_schema_source source = {{SLICE("schema"), slice_view_cstr(SCHEMA)},
                                         CEDAR_FORM_TEXT};
    if (parsed == NULL) {
        fuzz_expect(cedar_schema_parse(&source, 1, &parsed, &diagnostics, NULL) == STATUS_OK,
                    "schema", source.source.text);
    }
    return parsed;
}

static void check_refusal(enum status status, struct slice text)
{
    fuzz_expect((status == STATUS_INVALID) == (diagnostics.count > 0),
                "a refusal and only a refusal is reported", text);
    for (size_t i = 0; i < diagnostics.count; i++) {
        const struct cedar_diagnostic *item = &diagnostics.items[i];
        fuzz_expect(item->from <= item->to && item->to <= text.len, "the place is outside", text);
    }
}

static void check_data(const struct cedar_entity_data *data, struct arena *arena)
{
    (void)value_trip(&data->attributes, arena);
    if (data->tags.kind == CEDAR_RECORD) {
        (void)value_trip(&data->tags, arena);
    }
}

/* -- whole --------------------------------------------------------------------------------- */

static bool read_uid(const struct json_tape *tape, json_ref entity, struct arena *arena,
                     struct cedar_uid *out)
{
    json_ref uid = json_member(tape, entity, SLICE("uid"));
    json_ref inner = json_member(tape, uid, SLICE("__entity"));
    uid = inner == JSON_NONE ? uid : inner;
    return json_string(tape, json_member(tape, uid, SLICE("type")), arena, &out->type) ==
               STATUS_OK &&
           json_string(tape, json_member(tape, uid, SLICE("id")), arena, &out->id) == STATUS_OK;
}

static void check_each(struct slice text, const struct cedar_entities *view, struct arena *arena)
{
    struct diag diag = {0};
    struct json_tape tape;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref entity = JSON_NONE;
    fuzz_expect(json_text_parse(text, arena, &tape, &diag) == STATUS_OK, "it is no JSON", text);
    json_iter_init(&iter, &tape, 0);
    while (json_iter_next(&iter, &key, &entity)) {
        struct cedar_uid uid = {0};
        struct cedar_entity_data data = {0};
        fuzz_expect(read_uid(&tape, entity, arena, &uid) && view->find(view->context, &uid, &data),
                    "an entity is lost", text);
        if (data.attributes.kind == CEDAR_RECORD) {
            check_data(&data, arena);
        }
    }
}

/* STATUS_OK when they can be read and closed. */
static enum status read_whole(struct slice text, const struct cedar_schema *known,
                              struct arena *arena)
{
    struct cedar_source source = {SLICE("entities"), text};
    struct cedar_entity_store *store = NULL;
    fuzz_expect(cedar_entity_store_new(arena, &store) == STATUS_OK, "store", text);
    enum status status = cedar_entities_read(&source, known, arena, store, &diagnostics);
    check_refusal(status, text);
    if (status == STATUS_OK) {
        status = cedar_entity_store_close(store);
    }
    if (status == STATUS_OK) {
        struct cedar_entities view = cedar_entity_store_view(store);
        check_each(text, &view, arena);
    }
    return status;
}

/* -- in part ------------------------------------------------------------------------------- */

static void read_partial(struct slice text, bool is_whole, struct arena *arena)
{
    struct cedar_source source = {SLICE("entities"), text};
    const struct cedar_partial_entity *items = NULL;
    size_t count = 0;
    enum status status =
        cedar_partial_entities_read(&source, schema(), arena, &items, &count, &diagnostics);
    check_refusal(status, text);
    fuzz_expect(!is_whole || status == STATUS_OK, "what is whole is refused", text);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        bool is_known = items[i].data.attributes.kind != CEDAR_UNKNOWN;
        fuzz_expect(!is_whole || is_known, "something is unknown", text);
        if (items[i].data.attributes.kind == CEDAR_RECORD) {
            check_data(&items[i].data, arena);
        }
    }
}

/* -- contexts ------------------------------------------------------------------------------ */

static void read_context(struct slice text, const struct cedar_schema *known, struct arena *arena)
{
    static const struct cedar_uid READ = {SLICE_INIT("N::Action"), SLICE_INIT("read")};
    struct cedar_source source = {SLICE("context"), text};
    struct cedar_value context = {0};
    enum status status = cedar_context_read(&source, known, &READ, arena, &context, &diagnostics);
    check_refusal(status, text);
    if (status == STATUS_OK) {
        (void)value_trip(&context, arena);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    (void)read_whole(text, NULL, &arena);
    read_partial(text, read_whole(text, schema(), &arena) == STATUS_OK, &arena);
    read_context(text, NULL, &arena);
    read_context(text, schema(), &arena);
    arena_release(&arena);
    return 0;
}
