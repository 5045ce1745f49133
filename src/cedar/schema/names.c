#include "cedar/schema/names.h"

#include "cedar/schema/type.h"
#include "cedar/syntax/report.h"

#include <assert.h>

struct collecting {
    struct schema_names_table *table;
    struct cedar_diagnostics *diagnostics, *warnings;
};

static struct cedar_source source_of(const struct schema_declared *declared)
{
    return (struct cedar_source){declared->source->name, declared->source->text};
}

/* "'name' is what it must not be" */
static enum status report_name(struct collecting *c, const struct schema_declared *declared,
                               struct surface_range at, struct slice name, const char *what)
{
    struct cedar_source source = source_of(declared);
    return report_at(c->diagnostics, &source, at, "'%.*s' %s", SLICE_ARG(name), what);
}

enum status schema_full_name(struct arena *arena, struct slice namespace, struct slice name,
                             struct slice *out)
{
    *out = name;
    return namespace.len == 0
               ? STATUS_OK
               : arena_format(arena, out, "%.*s::%.*s", SLICE_ARG(namespace), SLICE_ARG(name));
}

static bool is_one_of(struct slice name, const struct slice *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* -- builtin types ------------------------------------------------------------------------- */

static const struct {
    struct slice name;
    enum type_kind kind;
    bool is_extension;
} BUILTINS[] = {
    {SLICE_INIT("Bool"), TYPE_BOOL, false},       {SLICE_INIT("Long"), TYPE_LONG, false},
    {SLICE_INIT("String"), TYPE_STRING, false},   {SLICE_INIT("ipaddr"), TYPE_IP, true},
    {SLICE_INIT("decimal"), TYPE_DECIMAL, true},  {SLICE_INIT("datetime"), TYPE_DATETIME, true},
    {SLICE_INIT("duration"), TYPE_DURATION, true}};

static bool find_builtin(struct slice name, bool extensions_only, uint32_t *kind)
{
    struct slice prefix = SLICE("__cedar::");
    struct slice plain =
        slice_starts_with(name, prefix) ? slice_sub(name, prefix.len, name.len) : name;
    for (size_t i = 0; i < COUNT_OF(BUILTINS); i++) {
        if (slice_eq(BUILTINS[i].name, plain) && (BUILTINS[i].is_extension || !extensions_only)) {
            *kind = (uint32_t)BUILTINS[i].kind;
            return true;
        }
    }
    return false;
}

/* -- collecting ---------------------------------------------------------------------------- */

static struct surface_range place_of(const struct schema_declared *declared)
{
    if (declared->common != NULL) {
        return declared->common->at;
    }
    if (declared->entity != NULL) {
        return declared->entity->at;
    }
    return declared->action != NULL ? declared->action->at : (struct surface_range){0, 0};
}

static struct surface_range whole_of(const struct schema_declared *declared)
{
    if (declared->common != NULL) {
        return declared->common->whole;
    }
    if (declared->entity != NULL) {
        return declared->entity->whole;
    }
    assert(declared->action != NULL);
    return declared->action->whole;
}

static struct slice name_of(const struct schema_declared *declared)
{
    if (declared->common != NULL) {
        return declared->common->name;
    }
    if (declared->entity != NULL) {
        return declared->entity->name;
    }
    return declared->action != NULL ? declared->action->id : SLICE_EMPTY;
}

static struct cedar_uid key_of(const struct schema_declared *declared)
{
    return (struct cedar_uid){declared->full,
                              declared->action != NULL ? declared->action->id : SLICE_EMPTY};
}

/* Room for it was made before. */
static enum status add(struct collecting *c, struct schema_declared_list *list,
                       const struct schema_declared *declared)
{
    struct cedar_uid key = key_of(declared);
    uint32_t first = uid_table_find(&list->numbers, &key);
    if (first == UID_TABLE_NONE) {
        list->items[list->count] = *declared;
        return uid_table_add(&list->numbers, &key, (uint32_t)list->count++);
    }
    const struct schema_declared *other = &list->items[first];
    (void)report_name(c, other, place_of(other), name_of(declared), "is declared twice");
    if (other->source == declared->source) {
        report_at_label(c->diagnostics, place_of(declared));
    }
    return STATUS_OK;
}

static bool has_reserved_part(struct slice name)
{
    while (name.len > 0) {
        size_t colon = slice_find_byte(name, ':');
        if (slice_eq(slice_sub(name, 0, colon), SLICE("__cedar"))) {
            return true;
        }
        name = slice_sub(name, colon + 2, name.len);
    }
    return false;
}

static void warn_of_builtin(struct collecting *c, const struct schema_declared *declared)
{
    uint32_t kind = 0;
    struct slice name = name_of(declared);
    if (c->warnings != NULL && find_builtin(name, false, &kind)) {
        struct cedar_source source = source_of(declared);
        (void)report_at(c->warnings, &source, place_of(declared),
                        "'%.*s' hides the type of the language; write '__cedar::%.*s' for "
                        "that one",
                        SLICE_ARG(name), SLICE_ARG(name));
    }
}

static enum status check_common(struct collecting *c, const struct schema_declared *declared)
{
    static const struct slice RESERVED[] = {
        SLICE_INIT("Bool"), SLICE_INIT("Boolean"), SLICE_INIT("Entity"), SLICE_INIT("Extension"),
        SLICE_INIT("Long"), SLICE_INIT("Record"),  SLICE_INIT("Set"),    SLICE_INIT("String")};
    struct slice name = declared->common->name;
    if (is_one_of(name, RESERVED, COUNT_OF(RESERVED))) {
        return report_name(c, declared, declared->common->at, name,
                           "is a keyword and cannot name a common type");
    }
    return STATUS_OK;
}

static enum status check_entity(struct collecting *c, const struct schema_declared *declared)
{
    if (slice_eq(declared->entity->name, SLICE("Action"))) {
        return report_name(c, declared, declared->entity->at, declared->entity->name,
                           "is the type of actions and cannot be declared");
    }
    return STATUS_OK;
}

static enum status collect_commons(struct collecting *c, struct schema_declared declared)
{
    const struct schema_namespace *namespace = declared.namespace;
    for (size_t i = 0; i < namespace->common_count; i++) {
        declared.common = &namespace->commons[i];
        if (check_common(c, &declared) != STATUS_OK) {
            continue;
        }
        if (has_reserved_part(declared.common->name)) {
            (void)report_name(c, &declared, declared.common->at, declared.common->name,
                              "is reserved");
            continue;
        }
        warn_of_builtin(c, &declared);
        TRY(schema_full_name(c->table->arena, namespace->name, declared.common->name,
                             &declared.full));
        TRY(add(c, &c->table->commons, &declared));
    }
    return STATUS_OK;
}

static enum status collect_entities(struct collecting *c, struct schema_declared declared)
{
    const struct schema_namespace *namespace = declared.namespace;
    for (size_t i = 0; i < namespace->entity_count; i++) {
        declared.entity = &namespace->entities[i];
        if (check_entity(c, &declared) != STATUS_OK) {
            continue;
        }
        if (has_reserved_part(declared.entity->name)) {
            (void)report_name(c, &declared, declared.entity->at, declared.entity->name,
                              "is reserved");
            continue;
        }
        warn_of_builtin(c, &declared);
        TRY(schema_full_name(c->table->arena, namespace->name, declared.entity->name,
                             &declared.full));
        TRY(add(c, &c->table->entities, &declared));
    }
    return STATUS_OK;
}

/* The type of a namespace's actions is an entity type like others, once. */
static enum status collect_action_type(struct collecting *c, struct schema_declared declared)
{
    struct schema_declared_list *entities = &c->table->entities;
    struct cedar_uid key = {declared.full, SLICE_EMPTY};
    if (uid_table_find(&entities->numbers, &key) != UID_TABLE_NONE) {
        return STATUS_OK;
    }
    return add(c, entities, &declared);
}

static enum status collect_actions(struct collecting *c, struct schema_declared declared)
{
    const struct schema_namespace *namespace = declared.namespace;
    if (namespace->action_count == 0) {
        return STATUS_OK;
    }
    TRY(schema_full_name(c->table->arena, namespace->name, SLICE("Action"), &declared.full));
    TRY(collect_action_type(c, declared));
    for (size_t i = 0; i < namespace->action_count; i++) {
        declared.action = &namespace->actions[i];
        TRY(add(c, &c->table->actions, &declared));
    }
    return STATUS_OK;
}

static enum status check_namespaces(struct collecting *c, const struct schema_source *source)
{
    struct uid_table seen = {.arena = c->table->arena};
    for (size_t i = 0; i < source->namespace_count; i++) {
        const struct schema_namespace *namespace = &source->namespaces[i];
        struct schema_declared declared = {.source = source, .namespace = namespace};
        struct cedar_uid key = {SLICE_EMPTY, namespace->name};
        uint32_t first = uid_table_find(&seen, &key);
        if (has_reserved_part(namespace->name)) {
            (void)report_name(c, &declared, namespace->at, namespace->name,
                              "uses the reserved namespace '__cedar'");
        }
        if (first != UID_TABLE_NONE) {
            (void)report_name(c, &declared, namespace->at, namespace->name,
                              "is opened twice as a namespace");
            report_at_label(c->diagnostics, source->namespaces[first].at);
            continue;
        }
        TRY(uid_table_add(&seen, &key, (uint32_t)i));
    }
    return STATUS_OK;
}

/* -- shadowing ----------------------------------------------------------------------------- */

/* Cedar RFC 70: what a namespace declares must not hide a declaration outside of namespaces. */
static void check_shadow(struct collecting *c, const struct schema_declared *declared,
                         const struct schema_declared_list *outside)
{
    struct cedar_uid key = {name_of(declared), SLICE_EMPTY};
    if (declared->action != NULL) {
        key = (struct cedar_uid){SLICE("Action"), declared->action->id};
    }
    uint32_t number = uid_table_find(&outside->numbers, &key);
    bool is_action_type = number != UID_TABLE_NONE && declared->action == NULL &&
                          outside->items[number].common == NULL &&
                          outside->items[number].entity == NULL;
    if (number == UID_TABLE_NONE || is_action_type) {
        return;
    }
    (void)report_name(c, declared, whole_of(declared), name_of(declared),
                      "hides the declaration of the same name outside of namespaces");
    report_at_help(c->diagnostics, "rename one of them, or move the outer one into a namespace");
}

static void check_shadows(struct collecting *c, const struct schema_declared_list *list,
                          const struct schema_declared_list *outside, size_t outside_count)
{
    for (size_t i = 0; i < list->count; i++) {
        bool is_action_type = list->items[i].common == NULL && list->items[i].entity == NULL &&
                              list->items[i].action == NULL;
        if (list->items[i].namespace->name.len == 0 || is_action_type) {
            continue;
        }
        for (size_t k = 0; k < outside_count; k++) {
            check_shadow(c, &list->items[i], &outside[k]);
        }
    }
}

static void warn_of_hidden_entities(struct collecting *c)
{
    const struct schema_declared_list *commons = &c->table->commons;
    for (size_t i = 0; c->warnings != NULL && i < commons->count; i++) {
        struct cedar_uid key = key_of(&commons->items[i]);
        if (uid_table_find(&c->table->entities.numbers, &key) != UID_TABLE_NONE) {
            struct cedar_source source = source_of(&commons->items[i]);
            (void)report_at(c->warnings, &source, place_of(&commons->items[i]),
                            "the common type '%.*s' hides the entity type of the same name",
                            SLICE_ARG(name_of(&commons->items[i])));
        }
    }
}

/* -- all of it ----------------------------------------------------------------------------- */

static enum status make_room(struct schema_declared_list *list, struct arena *arena, size_t count)
{
    *list = (struct schema_declared_list){.numbers.arena = arena};
    list->items = arena_alloc_zero(arena, count, sizeof(*list->items));
    return list->items == NULL ? STATUS_LIMIT : STATUS_OK;
}

static enum status make_table(const struct schema_source *sources, size_t count,
                              struct schema_names_table *table)
{
    size_t commons = 0;
    size_t entities = 0;
    size_t actions = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sources[i].namespace_count; k++) {
            commons += sources[i].namespaces[k].common_count;
            entities += sources[i].namespaces[k].entity_count + 1;
            actions += sources[i].namespaces[k].action_count;
        }
    }
    TRY(make_room(&table->commons, table->arena, commons));
    TRY(make_room(&table->entities, table->arena, entities));
    return make_room(&table->actions, table->arena, actions);
}

enum status schema_names_collect(const struct schema_source *sources, size_t count,
                                 struct arena *arena, struct schema_names_table *out,
                                 struct cedar_diagnostics *diagnostics,
                                 struct cedar_diagnostics *warnings)
{
    struct collecting c = {out, diagnostics, warnings};
    size_t reported = diagnostics->count;
    *out = (struct schema_names_table){.arena = arena};
    TRY(make_table(sources, count, out));
    for (size_t i = 0; i < count; i++) {
        TRY(check_namespaces(&c, &sources[i]));
        for (size_t k = 0; k < sources[i].namespace_count; k++) {
            struct schema_declared declared = {.source = &sources[i],
                                               .namespace = &sources[i].namespaces[k]};
            TRY(collect_commons(&c, declared));
            TRY(collect_entities(&c, declared));
            TRY(collect_actions(&c, declared));
        }
    }
    warn_of_hidden_entities(&c);
    return diagnostics->count > reported ? STATUS_INVALID : STATUS_OK;
}

enum status schema_names_check_shadows(struct schema_names_table *table,
                                       struct cedar_diagnostics *diagnostics)
{
    struct collecting c = {.table = table, .diagnostics = diagnostics};
    const struct schema_declared_list types[] = {table->commons, table->entities};
    size_t reported = diagnostics->count;
    check_shadows(&c, &table->commons, types, COUNT_OF(types));
    check_shadows(&c, &table->entities, types, COUNT_OF(types));
    check_shadows(&c, &table->actions, &table->actions, 1);
    return diagnostics->count > reported ? STATUS_INVALID : STATUS_OK;
}

/* -- resolving ----------------------------------------------------------------------------- */

static bool find_full(const struct schema_names_table *table, enum schema_syntax kind,
                      struct slice full, struct schema_reference *out)
{
    struct cedar_uid key = {full, SLICE_EMPTY};
    if (kind != SCHEMA_ENTITY) {
        out->number = uid_table_find(&table->commons.numbers, &key);
        out->meaning = SCHEMA_MEANS_COMMON;
    }
    if (kind != SCHEMA_COMMON && out->number == UID_TABLE_NONE) {
        out->number = uid_table_find(&table->entities.numbers, &key);
        out->meaning = SCHEMA_MEANS_ENTITY;
    }
    out->full = full;
    return out->number != UID_TABLE_NONE;
}

enum status schema_name_resolve(const struct schema_names_table *table, struct slice namespace,
                                enum schema_syntax kind, struct slice name,
                                struct schema_reference *out)
{
    bool is_qualified = slice_find_byte(name, ':') < name.len;
    *out = (struct schema_reference){.number = UID_TABLE_NONE};
    if (kind != SCHEMA_EXTENSION && !is_qualified && namespace.len > 0) {
        struct slice full;
        TRY(schema_full_name(table->arena, namespace, name, &full));
        if (find_full(table, kind, full, out)) {
            return STATUS_OK;
        }
    }
    if (kind != SCHEMA_EXTENSION && find_full(table, kind, name, out)) {
        return STATUS_OK;
    }
    bool may_be_builtin =
        kind != SCHEMA_ENTITY && (!is_qualified || slice_starts_with(name, SLICE("__cedar::")));
    out->meaning = may_be_builtin && find_builtin(name, kind == SCHEMA_EXTENSION, &out->number)
                       ? SCHEMA_MEANS_BUILTIN
                       : SCHEMA_MEANS_NOTHING;
    return STATUS_OK;
}

enum status schema_action_resolve(const struct schema_names_table *table, struct slice namespace,
                                  const struct schema_action_name *name, struct cedar_uid *uid,
                                  uint32_t *number)
{
    struct slice type = name->type.len == 0 ? SLICE("Action") : name->type;
    bool is_qualified = slice_find_byte(type, ':') < type.len;
    *uid = (struct cedar_uid){type, name->id};
    if (!is_qualified && namespace.len > 0) {
        TRY(schema_full_name(table->arena, namespace, type, &uid->type));
        *number = uid_table_find(&table->actions.numbers, uid);
        if (*number != UID_TABLE_NONE) {
            return STATUS_OK;
        }
        uid->type = type;
    }
    *number = uid_table_find(&table->actions.numbers, uid);
    return STATUS_OK;
}
