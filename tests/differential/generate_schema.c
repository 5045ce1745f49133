/* Schemas: a model is drawn, then written. */
#include "differential/generator.h"

#define SCHEMA_BYTES_MAX ((size_t)1 << 20)
#define SHAPE_DEPTH 2

static struct shape draw_shape(struct generator *g, unsigned depth);

static void draw_record(struct generator *g, struct record_shape *out, unsigned depth)
{
    static const char *const NAMES[] = {"a",  "b",        "name", "id",  "type",
                                        "if", "\xC3\xA9", "",     "has", "x y"};
    unsigned first = pick(g, 5);
    out->count = pick(g, MODEL_FIELDS_MAX + 1);
    for (size_t i = 0; i < out->count; i++) {
        /* Names of one record differ; those of two often meet. */
        size_t at = chance(g, 15) ? 5 + i : first;
        first = (first + 1) % 5;
        out->fields[i] = (struct field_shape){
            .name = NAMES[at], .shape = draw_shape(g, depth), .is_optional = chance(g, 35)};
    }
}

static struct shape draw_shape(struct generator *g, unsigned depth)
{
    static const enum cedar_kind KINDS[] = {
        CEDAR_BOOL,   CEDAR_LONG,    CEDAR_STRING,   CEDAR_STRING,   CEDAR_LONG,
        CEDAR_ENTITY, CEDAR_DECIMAL, CEDAR_DATETIME, CEDAR_DURATION, CEDAR_IP,
        CEDAR_ENTITY, CEDAR_SET,     CEDAR_SET,      CEDAR_RECORD};
    struct shape shape = {.kind = KINDS[pick(g, depth > 0 ? 14 : 11)]};
    if (shape.kind == CEDAR_ENTITY) {
        shape.entity = pick(g, (unsigned)g->model.type_count);
    } else if (shape.kind == CEDAR_SET) {
        struct shape *element = arena_alloc_zero(g->arena, 1, sizeof(*element));
        *element = draw_shape(g, depth - 1);
        shape.element = element;
    } else if (shape.kind == CEDAR_RECORD) {
        struct record_shape *record = arena_alloc_zero(g->arena, 1, sizeof(*record));
        draw_record(g, record, depth - 1);
        shape.record = record;
    }
    return shape;
}

static void draw_model(struct generator *g)
{
    static const char *const PLAIN[] = {"User", "Group", "File", "Kind"};
    static const char *const INSIDE[] = {"N::User", "N::Group", "M::File", "N::M::Kind"};
    static const char *const ACTIONS[] = {"view", "edit", "all things"};
    struct model *model = &g->model;
    bool is_inside = chance(g, 30);
    model->type_count = 1 + pick(g, MODEL_TYPES_MAX);
    unsigned all = (1U << model->type_count) - 1;
    for (size_t i = 0; i < model->type_count; i++) {
        struct entity_type *type = &model->types[i];
        type->name = is_inside && chance(g, 80) ? INSIDE[i] : PLAIN[i];
        type->is_enum = i == 3 && chance(g, 70);
        type->parents = chance(g, 60) ? pick(g, 16) & all : 0;
    }
    for (size_t i = 0; i < model->type_count; i++) {
        struct entity_type *type = &model->types[i];
        if (!type->is_enum) {
            draw_record(g, &type->attributes, SHAPE_DEPTH);
            type->has_tags = chance(g, 30);
            type->tag = draw_shape(g, 1);
        } else {
            type->parents = 0;
        }
    }
    model->action_type = is_inside && chance(g, 50) ? "N::Action" : "Action";
    model->action_count = 1 + pick(g, MODEL_ACTIONS_MAX);
    for (size_t i = 0; i < model->action_count; i++) {
        struct action_type *action = &model->actions[i];
        action->id = ACTIONS[i];
        action->parents = i > 0 && chance(g, 40) ? pick(g, 4) & ((1U << i) - 1) : 0;
        action->applies = chance(g, 90);
        action->principals = (1U + pick(g, 15)) & all;
        action->resources = (1U + pick(g, 15)) & all;
        action->principals = action->principals == 0 ? 1 : action->principals;
        action->resources = action->resources == 0 ? 1 : action->resources;
        draw_record(g, &action->context, SHAPE_DEPTH);
    }
}

/* -- text ---------------------------------------------------------------------------------- */

static void put_shape(struct generator *g, struct buf *out, const struct shape *shape);

static void put_record(struct generator *g, struct buf *out, const struct record_shape *record)
{
    put(out, "{");
    for (size_t i = 0; i < record->count; i++) {
        put(out, i > 0 ? ", " : "");
        if (chance(g, 8)) {
            put(out, chance(g, 50) ? "@doc(\"x\") " : "@note ");
        }
        if (is_identifier(record->fields[i].name) && chance(g, 80)) {
            put(out, record->fields[i].name);
        } else {
            put_cedar_string(out, record->fields[i].name);
        }
        put(out, record->fields[i].is_optional ? "?: " : ": ");
        put_shape(g, out, &record->fields[i].shape);
    }
    put(out, chance(g, 5) && record->count > 0 ? ",}" : "}");
}

static void put_shape(struct generator *g, struct buf *out, const struct shape *shape)
{
    static const char *const NAMES[] = {
        [CEDAR_BOOL] = "Bool",       [CEDAR_LONG] = "Long",         [CEDAR_STRING] = "String",
        [CEDAR_DECIMAL] = "decimal", [CEDAR_DATETIME] = "datetime", [CEDAR_DURATION] = "duration",
        [CEDAR_IP] = "ipaddr"};
    if (shape->kind == CEDAR_ENTITY) {
        put(out, g->model.types[shape->entity].name);
    } else if (shape->kind == CEDAR_SET) {
        put(out, "Set<");
        put_shape(g, out, shape->element);
        put(out, ">");
    } else if (shape->kind == CEDAR_RECORD) {
        put_record(g, out, shape->record);
    } else {
        put(out, chance(g, 15) ? "__cedar::" : "");
        put(out, NAMES[shape->kind]);
    }
}

static void put_types(struct generator *g, struct buf *out, unsigned bits)
{
    bool is_first = true;
    put(out, "[");
    for (size_t i = 0; i < g->model.type_count; i++) {
        if ((bits >> i & 1U) != 0) {
            put(out, is_first ? "" : ", ");
            put(out, g->model.types[i].name);
            is_first = false;
        }
    }
    put(out, "]");
}

/* "N::M::" of "N::M::Kind". */
static struct slice namespace_of(const char *name)
{
    struct slice text = slice_view_cstr(name);
    size_t end = text.len;
    while (end > 0 && text.ptr[end - 1] != ':') {
        end--;
    }
    return slice_sub(text, 0, end);
}

/* "Kind" of "N::M::Kind". */
static const char *last_part(const char *name)
{
    return name + namespace_of(name).len;
}

/* True when the name has a namespace, which is open then. */
static bool open_namespace(struct buf *out, const char *name)
{
    struct slice space = namespace_of(name);
    if (space.len > 0) {
        put(out, "namespace ");
        buf_append(out, slice_sub(space, 0, space.len - 2));
        put(out, " { ");
    }
    return space.len > 0;
}

static void put_entity_type(struct generator *g, struct buf *out, const struct entity_type *type)
{
    put(out, "entity ");
    put(out, last_part(type->name));
    if (type->is_enum) {
        put(out, " enum [\"a\", \"b\"];");
        return;
    }
    if (type->parents != 0) {
        put(out, " in ");
        put_types(g, out, type->parents);
    }
    if (type->attributes.count > 0 || chance(g, 30)) {
        put(out, chance(g, 20) ? " = " : " ");
        put_record(g, out, &type->attributes);
    }
    if (type->has_tags) {
        put(out, " tags ");
        put_shape(g, out, &type->tag);
    }
    put(out, ";");
}

static void put_action_name(struct buf *out, const char *id)
{
    if (is_identifier(id)) {
        put(out, id);
    } else {
        put_cedar_string(out, id);
    }
}

static void put_action(struct generator *g, struct buf *out, const struct action_type *action)
{
    put(out, "action ");
    put_action_name(out, action->id);
    if (action->parents != 0) {
        bool is_first = true;
        put(out, " in [");
        for (size_t i = 0; i < g->model.action_count; i++) {
            if ((action->parents >> i & 1U) != 0) {
                put(out, is_first ? "" : ", ");
                put_action_name(out, g->model.actions[i].id);
                is_first = false;
            }
        }
        put(out, "]");
    }
    if (action->applies) {
        put(out, " appliesTo { principal: ");
        put_types(g, out, action->principals);
        put(out, ", resource: ");
        put_types(g, out, action->resources);
        if (action->context.count > 0 || chance(g, 30)) {
            put(out, ", context: ");
            put_record(g, out, &action->context);
        }
        put(out, " }");
    }
    put(out, ";");
}

/* Each declaration in a namespace of its own would be refused as declared twice, so those of one
 * name are written together. */
static bool is_first_of_namespace(const struct model *model, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (slice_eq(namespace_of(model->types[i].name), namespace_of(model->types[index].name))) {
            return false;
        }
    }
    return true;
}

static void put_namespace(struct generator *g, struct buf *out, const char *name)
{
    const struct model *model = &g->model;
    bool is_open = open_namespace(out, name);
    for (size_t i = 0; i < model->type_count; i++) {
        if (slice_eq(namespace_of(model->types[i].name), namespace_of(name))) {
            put_entity_type(g, out, &model->types[i]);
            put(out, "\n");
        }
    }
    if (slice_eq(namespace_of(model->action_type), namespace_of(name))) {
        for (size_t i = 0; i < model->action_count; i++) {
            put_action(g, out, &model->actions[i]);
            put(out, "\n");
        }
    }
    put(out, is_open ? "}\n" : "");
}

struct slice generate_schema(struct generator *g)
{
    struct buf out;
    bool has_actions = false;
    buf_init(&out, SCHEMA_BYTES_MAX, NULL);
    draw_model(g);
    for (size_t i = 0; i < g->model.type_count; i++) {
        if (is_first_of_namespace(&g->model, i)) {
            put_namespace(g, &out, g->model.types[i].name);
            has_actions = has_actions || slice_eq(namespace_of(g->model.types[i].name),
                                                  namespace_of(g->model.action_type));
        }
    }
    if (!has_actions) {
        put_namespace(g, &out, g->model.action_type);
    }
    if (chance(g, 4)) { /* refused, or allowed and odd */
        static const char *const ODD[] = {"entity User;",
                                          "type T = T;",
                                          "action x in [gone];",
                                          "entity E { a: Gone };",
                                          "type a = Long;",
                                          "entity if;",
                                          "type Long = String;",
                                          "@note entity Extra, More;",
                                          "namespace Q { type T = Set<Long>; entity E { t: T }; }",
                                          "action \"\" appliesTo {principal: [], resource: []};"};
        put(&out, PICK_ONE(g, ODD));
    }
    return generated_text(g, &out);
}
