/* Entities, requests and links, in JSON. */
#include "differential/generator.h"

#include <inttypes.h>
#include <stdio.h>

#define DATA_BYTES_MAX ((size_t)1 << 20)
#define VALUE_DEPTH 2

static void put_json(struct buf *out, const char *text)
{
    buf_append_json_string(out, slice_view_cstr(text));
}

static void put_uid(struct buf *out, const char *type, const char *id)
{
    put(out, "{\"type\":");
    put_json(out, type);
    put(out, ",\"id\":");
    put_json(out, id);
    put(out, "}");
}

static void put_value(struct generator *g, struct buf *out, const struct shape *shape);

static void put_record(struct generator *g, struct buf *out, const struct record_shape *record)
{
    bool is_first = true;
    put(out, "{");
    for (size_t i = 0; i < record->count; i++) {
        const struct field_shape *field = &record->fields[i];
        if ((field->is_optional && chance(g, 50)) || chance(g, g->is_typed ? 1 : 10)) {
            continue;
        }
        put(out, is_first ? "" : ",");
        is_first = false;
        put_json(out, field->name);
        put(out, ":");
        put_value(g, out, &field->shape);
    }
    if (chance(g, g->is_typed ? 1 : 8)) {
        put(out, is_first ? "\"extra\":1" : ",\"extra\":1");
    }
    put(out, "}");
}

static void put_elements(struct generator *g, struct buf *out, const struct shape *element)
{
    put(out, "[");
    for (unsigned i = pick(g, 4); i > 0; i--) {
        put_value(g, out, element);
        put(out, i > 1 ? "," : "");
    }
    put(out, "]");
}

static void put_extension(struct generator *g, struct buf *out, enum cedar_kind kind)
{
    put(out, "{\"__extn\":{\"fn\":");
    put_json(out, extension_name(kind));
    put(out, ",\"arg\":");
    put_json(out, pick_extension_text(g, kind));
    put(out, "}}");
}

/* A value of another shape than was asked for, or of none. */
static void put_odd_value(struct generator *g, struct buf *out)
{
    static const char *const ODD[] = {"null",
                                      "1.5",
                                      "9223372036854775808",
                                      "[]",
                                      "{}",
                                      "[[],1]",
                                      "true",
                                      "\"x\"",
                                      "0",
                                      "{\"__extn\":{\"fn\":\"gone\",\"arg\":\"x\"}}",
                                      "{\"__expr\":\"1\"}",
                                      "{\"a\":1,\"b\":\"x\"}",
                                      "-1"};
    /* What no reader accepts comes first; too much of it would leave nothing to decide. */
    put(out, chance(g, 3) ? PICK_ONE(g, ODD) : ODD[3 + pick(g, 6)]);
}

static void put_value(struct generator *g, struct buf *out, const struct shape *shape)
{
    char number[32];
    const struct entity_type *type = &g->model.types[shape->entity];
    if (chance(g, g->is_typed ? 1 : 15)) {
        put_odd_value(g, out);
        return;
    }
    switch ((int)shape->kind) {
    case CEDAR_BOOL:
        put(out, chance(g, 50) ? "true" : "false");
        break;
    case CEDAR_LONG:
        snprintf(number, sizeof(number), "%" PRId64, pick_long(g));
        put(out, number);
        break;
    case CEDAR_STRING:
        put_json(out, pick_text(g));
        break;
    case CEDAR_ENTITY:
        put(out, "{\"__entity\":");
        put_uid(out, type->name, pick_id(g, type));
        put(out, "}");
        break;
    case CEDAR_SET:
        put_elements(g, out, shape->element);
        break;
    case CEDAR_RECORD:
        put_record(g, out, shape->record);
        break;
    default:
        put_extension(g, out, shape->kind);
        break;
    }
}

/* -- entities ------------------------------------------------------------------------------ */

static void put_parents(struct generator *g, struct buf *out, const struct entity_type *type)
{
    put(out, "\"parents\":[");
    unsigned bits = g->is_typed && chance(g, 97) ? type->parents : 15;
    for (unsigned i = bits == 0 ? 0 : pick(g, 3); i > 0; i--) {
        size_t index = pick_bit(g, bits);
        const struct entity_type *parent = &g->model.types[index < g->model.type_count ? index : 0];
        /* Mostly upwards, so that few entities are their own ancestors. */
        put_uid(out, parent->name, chance(g, 80) ? (chance(g, 50) ? "d" : "") : pick_id(g, parent));
        put(out, i > 1 ? "," : "");
    }
    put(out, "]");
}

struct slice generate_entity(struct generator *g, size_t number)
{
    static const char *const IDS[] = {"a", "b", "c"};
    struct buf out;
    size_t index = number / 2 % g->model.type_count;
    const struct entity_type *type = &g->model.types[index];
    buf_init(&out, DATA_BYTES_MAX, NULL);
    put(&out, "{\"uid\":");
    put_uid(&out, type->name,
            chance(g, 95) ? IDS[(number & 1U) + (number >= 2 * g->model.type_count)]
                          : pick_id(g, type));
    put(&out, ",\"attrs\":");
    put_record(g, &out, &type->attributes);
    if (type->has_tags && chance(g, 70)) {
        put(&out, ",\"tags\":{");
        unsigned first = pick(g, 2);
        for (unsigned i = first; i < 2; i++) {
            put(&out, i == 0 ? "\"x\":" : first == 0 ? ",\"y\":" : "\"y\":");
            put_value(g, &out, &type->tag);
        }
        put(&out, "}");
    }
    put(&out, ",");
    put_parents(g, &out, type);
    put(&out, "}");
    return generated_text(g, &out);
}

/* -- requests and links -------------------------------------------------------------------- */

struct slice generate_request(struct generator *g)
{
    struct buf out;
    const struct model *model = &g->model;
    const struct action_type *action = &model->actions[pick(g, (unsigned)model->action_count)];
    bool fits = chance(g, g->is_typed ? 97 : 60);
    size_t principal = pick_bit(g, fits ? action->principals : 15);
    size_t resource = pick_bit(g, fits ? action->resources : 15);
    const struct entity_type *types[] = {&model->types[principal % model->type_count],
                                         &model->types[resource % model->type_count]};
    buf_init(&out, DATA_BYTES_MAX, NULL);
    put(&out, "{\"principal\":");
    put_uid(&out, types[0]->name, pick_id(g, types[0]));
    put(&out, ",\"action\":");
    put_uid(&out, model->action_type, fits ? action->id : "gone");
    put(&out, ",\"resource\":");
    put_uid(&out, types[1]->name, pick_id(g, types[1]));
    put(&out, ",\"context\":");
    put_record(g, &out, &action->context);
    put(&out, "}");
    return generated_text(g, &out);
}

static bool has_text(struct slice text, struct slice part)
{
    return memmem(text.ptr, text.len, part.ptr, part.len) != NULL;
}

struct slice generate_link(struct generator *g, struct slice policy)
{
    static const struct slice SLOTS[] = {SLICE_INIT("?principal"), SLICE_INIT("?resource")};
    struct buf out;
    bool is_first = true;
    buf_init(&out, DATA_BYTES_MAX, NULL);
    put(&out, "{");
    for (size_t i = 0; i < COUNT_OF(SLOTS); i++) {
        if (has_text(policy, SLOTS[i]) && !chance(g, 2)) {
            const struct entity_type *type =
                &g->model.types[pick(g, (unsigned)g->model.type_count)];
            put(&out, is_first ? "" : ",");
            buf_append_json_string(&out, SLOTS[i]);
            put(&out, ":");
            put_uid(&out, type->name, pick_id(g, type));
            is_first = false;
        }
    }
    put(&out, "}");
    struct slice text = generated_text(g, &out);
    return is_first ? SLICE_EMPTY : text;
}
