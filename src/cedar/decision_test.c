/* The official corpus of generated tests: decision, reasons and errors of every request. */
#include "cedar/cedar.h"
#include "support/check.h"
#include "support/corpus.h"
#include "support/same_answers.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CASE_ARENA_BYTES ((size_t)256 << 20)
#define FILE_BYTES_MAX ((size_t)4 << 20)
#define ENTITIES_MAX 512
#define DEFAULT_STRIDE 10 /* every tenth test by default, all with AEGIS_LONG=1 */

struct stored {
    struct cedar_uid uid;
    struct cedar_entity_data data;
    struct cedar_uid *parents;
    size_t parent_count;
};

struct store {
    struct arena *arena;
    struct stored items[ENTITIES_MAX];
    size_t count;
};

static struct cedar_value value_of(struct arena *arena, const struct json_tape *tape, json_ref ref);

static struct slice text_of(struct arena *arena, const struct json_tape *tape, json_ref ref)
{
    struct slice text = SLICE_EMPTY;
    CHECK(ref != JSON_NONE && json_string(tape, ref, arena, &text) == STATUS_OK);
    return text;
}

/* {"type","id"}, plain or inside __entity. */
static struct cedar_uid uid_of(struct arena *arena, const struct json_tape *tape, json_ref ref)
{
    json_ref inner = json_member(tape, ref, SLICE("__entity"));
    ref = inner == JSON_NONE ? ref : inner;
    return (struct cedar_uid){text_of(arena, tape, json_member(tape, ref, SLICE("type"))),
                              text_of(arena, tape, json_member(tape, ref, SLICE("id")))};
}

/* Computed datetimes are written as datetime(...).offset(duration(...)). */
static struct cedar_value offset_of(struct arena *arena, const struct json_tape *tape,
                                    json_ref args)
{
    struct cedar_value base = value_of(arena, tape, args + 1);
    struct cedar_value offset = value_of(arena, tape, tape->nodes[args + 1].next);
    CHECK(base.kind == CEDAR_DATETIME && offset.kind == CEDAR_DURATION);
    CHECK(!__builtin_add_overflow(base.as.number, offset.as.number, &base.as.number));
    return base;
}

static struct cedar_value extension_of(struct arena *arena, const struct json_tape *tape,
                                       json_ref ref)
{
    struct slice function = text_of(arena, tape, json_member(tape, ref, SLICE("fn")));
    if (slice_eq(function, SLICE("offset"))) {
        return offset_of(arena, tape, json_member(tape, ref, SLICE("args")));
    }
    struct slice text = text_of(arena, tape, json_member(tape, ref, SLICE("arg")));
    struct cedar_value value = {0};
    enum status status = STATUS_INVALID;
    if (slice_eq(function, SLICE("decimal"))) {
        value.kind = CEDAR_DECIMAL;
        status = cedar_decimal_parse(text, &value.as.number);
    } else if (slice_eq(function, SLICE("ip"))) {
        value.kind = CEDAR_IP;
        status = cedar_ip_parse(text, &value.as.ip);
    } else if (slice_eq(function, SLICE("datetime"))) {
        value.kind = CEDAR_DATETIME;
        status = cedar_datetime_parse(text, &value.as.number);
    } else if (slice_eq(function, SLICE("duration"))) {
        value.kind = CEDAR_DURATION;
        status = cedar_duration_parse(text, &value.as.number);
    }
    CHECK(status == STATUS_OK);
    return value;
}

static struct cedar_value list_of(struct arena *arena, const struct json_tape *tape, json_ref ref)
{
    struct cedar_list *list = arena_alloc(arena, sizeof(*list));
    struct cedar_field *items = arena_alloc_zero(arena, json_count(tape, ref), sizeof(*items));
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    size_t count = 0;
    json_iter_init(&iter, tape, ref);
    while (json_iter_next(&iter, &key, &item)) {
        items[count].name = key == JSON_NONE ? SLICE_EMPTY : text_of(arena, tape, key);
        items[count++].value = value_of(arena, tape, item);
    }
    *list = (struct cedar_list){items, count};
    return json_type(tape, ref) == JSON_ARRAY ? cedar_set(list) : cedar_record(list);
}

static struct cedar_value value_of(struct arena *arena, const struct json_tape *tape, json_ref ref)
{
    int64_t number = 0;
    switch (json_type(tape, ref)) {
    case JSON_TRUE:
    case JSON_FALSE:
        return cedar_bool(json_type(tape, ref) == JSON_TRUE);
    case JSON_NUMBER:
        CHECK(json_integer(tape, ref, &number) == STATUS_OK);
        return cedar_long(number);
    case JSON_STRING:
        return cedar_string(text_of(arena, tape, ref));
    case JSON_OBJECT:
        if (json_count(tape, ref) == 1 && json_member(tape, ref, SLICE("__entity")) != JSON_NONE) {
            struct cedar_uid uid = uid_of(arena, tape, ref);
            return cedar_entity(uid.type, uid.id);
        }
        if (json_count(tape, ref) == 1 && json_member(tape, ref, SLICE("__extn")) != JSON_NONE) {
            return extension_of(arena, tape, json_member(tape, ref, SLICE("__extn")));
        }
        return list_of(arena, tape, ref);
    case JSON_ARRAY:
        return list_of(arena, tape, ref);
    case JSON_NULL:
        break;
    }
    check_report(false, __FILE__, __LINE__, NULL, "no null in the corpus");
    return (struct cedar_value){0};
}

static bool same_uid(const struct cedar_uid *a, const struct cedar_uid *b)
{
    return slice_eq(a->type, b->type) && slice_eq(a->id, b->id);
}

static const struct stored *find_stored(const struct store *store, const struct cedar_uid *uid)
{
    for (size_t i = 0; i < store->count; i++) {
        if (same_uid(&store->items[i].uid, uid)) {
            return &store->items[i];
        }
    }
    return NULL;
}

static bool find_entity(const void *context, const struct cedar_uid *uid,
                        struct cedar_entity_data *out)
{
    const struct stored *stored = find_stored(context, uid);
    if (stored != NULL) {
        *out = stored->data;
    }
    return stored != NULL;
}

static void add_entity(struct store *store, struct cedar_uid uid, const struct json_tape *tape,
                       json_ref parents)
{
    if (find_stored(store, &uid) != NULL) {
        return;
    }
    CHECK(store->count < ENTITIES_MAX);
    struct stored *stored = &store->items[store->count++];
    *stored = (struct stored){.uid = uid};
    size_t count = parents == JSON_NONE ? 0 : json_count(tape, parents);
    stored->parents = arena_alloc_zero(store->arena, count, sizeof(*stored->parents));
    if (count > 0) {
        struct json_iter iter;
        json_ref key = JSON_NONE;
        json_ref item = JSON_NONE;
        json_iter_init(&iter, tape, parents);
        while (json_iter_next(&iter, &key, &item)) {
            stored->parents[stored->parent_count++] = uid_of(store->arena, tape, item);
        }
    }
}

static void collect(const struct store *store, const struct stored *from, struct cedar_uid *found,
                    size_t *count)
{
    for (size_t i = 0; i < from->parent_count; i++) {
        bool is_known = false;
        for (size_t k = 0; k < *count; k++) {
            is_known = is_known || same_uid(&found[k], &from->parents[i]);
        }
        if (!is_known && *count < ENTITIES_MAX) {
            found[(*count)++] = from->parents[i];
            const struct stored *parent = find_stored(store, &from->parents[i]);
            if (parent != NULL) {
                collect(store, parent, found, count);
            }
        }
    }
}

static void close_store(struct store *store)
{
    for (size_t i = 0; i < store->count; i++) {
        struct cedar_uid *found = arena_alloc(store->arena, ENTITIES_MAX * sizeof(*found));
        size_t count = 0;
        collect(store, &store->items[i], found, &count);
        store->items[i].data.ancestors = found;
        store->items[i].data.ancestor_count = count;
    }
}

static void load_entities(struct store *store, const struct json_tape *tape)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref entity = JSON_NONE;
    json_iter_init(&iter, tape, 0);
    while (json_iter_next(&iter, &key, &entity)) {
        struct cedar_uid uid = uid_of(store->arena, tape, json_member(tape, entity, SLICE("uid")));
        add_entity(store, uid, tape, json_member(tape, entity, SLICE("parents")));
        struct stored *stored = &store->items[store->count - 1];
        json_ref attributes = json_member(tape, entity, SLICE("attrs"));
        json_ref tags = json_member(tape, entity, SLICE("tags"));
        stored->data.attributes = value_of(store->arena, tape, attributes);
        if (tags != JSON_NONE) {
            stored->data.tags = value_of(store->arena, tape, tags);
        }
    }
}

/* The schema's actions and their groups, from its JSON form. */
static void load_actions(struct store *store, const struct json_tape *tape)
{
    struct json_iter spaces;
    json_ref space_key = JSON_NONE;
    json_ref space = JSON_NONE;
    json_iter_init(&spaces, tape, 0);
    while (json_iter_next(&spaces, &space_key, &space)) {
        struct slice type = SLICE("Action");
        struct slice name = text_of(store->arena, tape, space_key);
        if (name.len > 0) {
            CHECK(arena_format(store->arena, &type, "%.*s::Action", SLICE_ARG(name)) == STATUS_OK);
        }
        struct json_iter actions;
        json_ref key = JSON_NONE;
        json_ref action = JSON_NONE;
        json_iter_init(&actions, tape, json_member(tape, space, SLICE("actions")));
        while (json_iter_next(&actions, &key, &action)) {
            struct cedar_uid uid = {type, text_of(store->arena, tape, key)};
            json_ref groups = json_member(tape, action, SLICE("memberOf"));
            size_t before = store->count;
            add_entity(store, uid, tape, JSON_NONE);
            struct json_iter members;
            json_ref none = JSON_NONE;
            json_ref group = JSON_NONE;
            if (groups == JSON_NONE || json_type(tape, groups) != JSON_ARRAY ||
                store->count == before) {
                continue;
            }
            struct stored *stored = &store->items[before];
            stored->parents = arena_alloc_zero(store->arena, json_count(tape, groups), sizeof(uid));
            json_iter_init(&members, tape, groups);
            while (json_iter_next(&members, &none, &group)) {
                json_ref group_type = json_member(tape, group, SLICE("type"));
                stored->parents[stored->parent_count++] = (struct cedar_uid){
                    group_type == JSON_NONE ? type : text_of(store->arena, tape, group_type),
                    text_of(store->arena, tape, json_member(tape, group, SLICE("id")))};
            }
        }
    }
}

static struct slice read_file(struct arena *arena, const char *folder, const char *name)
{
    char path[2048];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return SLICE_EMPTY;
    }
    uint8_t *bytes = arena_alloc(arena, FILE_BYTES_MAX);
    size_t len = fread(bytes, 1, FILE_BYTES_MAX, file);
    fclose(file);
    return slice_of(bytes, len);
}

static bool read_json(struct arena *arena, const char *folder, const char *name,
                      struct json_tape *tape)
{
    struct slice text = read_file(arena, folder, name);
    return text.len > 0 && json_parse(corpus_parser(), text, arena, tape, NULL) == STATUS_OK;
}

/* Do the listed ids equal the set of policies at the indexes? */
static bool same_ids(const struct json_tape *tape, json_ref ids, const struct cedar_policy_set *set,
                     const struct cedar_response *response, bool of_errors)
{
    size_t count = of_errors ? response->error_count : response->reason_count;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref id = JSON_NONE;
    if (json_count(tape, ids) != count) {
        return false;
    }
    json_iter_init(&iter, tape, ids);
    while (json_iter_next(&iter, &key, &id)) {
        bool is_found = false;
        for (size_t i = 0; i < count; i++) {
            size_t index = of_errors ? response->errors[i].policy : response->reasons[i];
            is_found = is_found || json_string_eq(tape, id, cedar_policy_get(set, index).id);
        }
        if (!is_found) {
            return false;
        }
    }
    return true;
}

static void check_request(const char *row, struct arena *arena, const struct json_tape *tape,
                          json_ref request, const struct cedar_policy_set *set,
                          const struct cedar_entities *entities)
{
    struct cedar_response response;
    struct cedar_request question = {
        .principal = uid_of(arena, tape, json_member(tape, request, SLICE("principal"))),
        .action = uid_of(arena, tape, json_member(tape, request, SLICE("action"))),
        .resource = uid_of(arena, tape, json_member(tape, request, SLICE("resource"))),
        .context = value_of(arena, tape, json_member(tape, request, SLICE("context"))),
        .entities = entities,
    };
    CHECK_ROW(row, cedar_authorize(set, &question, NULL, arena, &response) == STATUS_OK);
    bool allow =
        json_string_eq(tape, json_member(tape, request, SLICE("decision")), SLICE("allow"));
    CHECK_ROW(row, (response.decision == CEDAR_ALLOW) == allow);
    CHECK_ROW(row,
              same_ids(tape, json_member(tape, request, SLICE("reason")), set, &response, false));
    CHECK_ROW(row,
              same_ids(tape, json_member(tape, request, SLICE("errors")), set, &response, true));
    CHECK_ROW(row, same_answers(row, set, &question, arena));
}

static void check_case(const char *folder, const char *name)
{
    static struct store store;
    static struct cedar_diagnostics diagnostics;
    struct arena arena;
    struct json_tape tape;
    struct json_tape entities_tape;
    struct json_tape schema;
    char file[512];
    arena_init(&arena, CASE_ARENA_BYTES, NULL);
    store = (struct store){.arena = &arena};
    snprintf(file, sizeof(file), "corpus-4.10/corpus-tests/%s.json", name);
    CHECK_ROW(name, read_json(&arena, folder, file, &tape));
    snprintf(file, sizeof(file), "corpus-4.10/corpus-tests/%s.entities.json", name);
    CHECK_ROW(name, read_json(&arena, folder, file, &entities_tape));
    load_entities(&store, &entities_tape);
    snprintf(file, sizeof(file), "schemas/%s.cedarschema.json", name);
    if (read_json(&arena, folder, file, &schema)) {
        load_actions(&store, &schema);
    }
    close_store(&store);
    snprintf(file, sizeof(file), "corpus-4.10/corpus-tests/%s.cedar", name);
    struct cedar_source source = {SLICE("corpus"), read_file(&arena, folder, file)};
    struct cedar_policy_set *set = NULL;
    struct cedar_entities entities = {&store, find_entity};
    bool is_parsed = cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK;
    CHECK_ROW(name, is_parsed);
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref request = JSON_NONE;
    json_iter_init(&iter, &tape, json_member(&tape, 0, SLICE("requests")));
    while (is_parsed && json_iter_next(&iter, &key, &request)) {
        check_request(name, &arena, &tape, request, set, &entities);
    }
    cedar_policy_set_free(set);
    arena_release(&arena);
}

TEST(corpus_cedar_decisions)
{
    const char *found = check_shared_path("cedar-tests/corpus/corpus-4.10.tar.xz");
    if (found == NULL) {
        return;
    }
    char folder[] = "/tmp/aegis-cedar-XXXXXX";
    char command[4096];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(command, sizeof(command), "tar -xf '%s' -C %s", found, folder);
    CHECK(system(command) == 0);
    found = check_shared_path("cedar-tests/corpus/go-json-schemas.tar.xz");
    snprintf(command, sizeof(command),
             "mkdir %s/schemas && tar -xf '%s' -C %s/schemas --transform 's|.*/||'", folder,
             found == NULL ? "/dev/null" : found, folder);
    CHECK(system(command) == 0);
    char tests[256];
    snprintf(tests, sizeof(tests), "%s/corpus-4.10/corpus-tests", folder);
    size_t stride = getenv("AEGIS_LONG") != NULL ? 1 : DEFAULT_STRIDE;
    size_t seen = 0;
    DIR *dir = opendir(tests);
    CHECK(dir != NULL);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry != NULL; entry = readdir(dir)) {
        const char *suffix = strstr(entry->d_name, ".json");
        if (suffix == NULL || strstr(entry->d_name, ".entities") != NULL) {
            continue;
        }
        if (seen++ % stride == 0) {
            char name[300];
            snprintf(name, sizeof(name), "%.*s", (int)(suffix - entry->d_name), entry->d_name);
            check_case(folder, name);
        }
    }
    CHECK(seen > 0);
    if (dir != NULL) {
        closedir(dir);
    }
    snprintf(command, sizeof(command), "rm -r %s", folder);
    CHECK(system(command) == 0);
}
