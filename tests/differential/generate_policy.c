/* Policies. Expressions are made for a wanted shape; in wild cases another may stand in its place.
 */
#include "differential/generator.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define POLICY_BYTES_MAX ((size_t)1 << 20)
#define CONDITION_DEPTH 4
#define WALK_STEPS_MAX 4
#define WALKS 5
#define NO_TYPE SIZE_MAX

/* What a policy may rely on: the action and types that its scope asks for. */
struct environment {
    const struct action_type *action;
    size_t principal, resource;
};

struct writer {
    struct generator *g;
    struct environment environment;
    struct buf *out;
};

static const struct shape BOOL = {.kind = CEDAR_BOOL};
static const struct shape LONG = {.kind = CEDAR_LONG};
static const struct shape STRING = {.kind = CEDAR_STRING};

static void put_expression(struct writer *w, const struct shape *shape, unsigned depth);

static void w_put(struct writer *w, const char *text)
{
    put(w->out, text);
}

#define PUT_ONE(w, ...)                                                                            \
    do {                                                                                           \
        static const char *const CHOICES[] = {__VA_ARGS__};                                        \
        put((w)->out, CHOICES[pick((w)->g, (unsigned)COUNT_OF(CHOICES))]);                         \
    } while (0)

static void put_literal_uid(struct writer *w, size_t index)
{
    const struct entity_type *type = &w->g->model.types[index];
    w_put(w, type->name);
    w_put(w, "::");
    put_cedar_string(w->out, pick_id(w->g, type));
}

static void put_action_uid(struct writer *w)
{
    const struct model *model = &w->g->model;
    w_put(w, model->action_type);
    w_put(w, "::");
    put_cedar_string(w->out, chance(w->g, 97)
                                 ? model->actions[pick(w->g, (unsigned)model->action_count)].id
                                 : "gone");
}

static struct shape random_shape(struct generator *g)
{
    static const enum cedar_kind KINDS[] = {CEDAR_BOOL,    CEDAR_LONG,     CEDAR_STRING,
                                            CEDAR_DECIMAL, CEDAR_DATETIME, CEDAR_DURATION,
                                            CEDAR_IP,      CEDAR_ENTITY,   CEDAR_SET};
    struct shape shape = {.kind = KINDS[pick(g, (unsigned)COUNT_OF(KINDS))]};
    shape.entity = pick(g, (unsigned)g->model.type_count);
    shape.element = chance(g, 50) ? &LONG : &STRING;
    return shape;
}

static bool same_shape(const struct shape *a, const struct shape *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    if (a->kind == CEDAR_ENTITY) {
        return a->entity == b->entity;
    }
    if (a->kind == CEDAR_SET) {
        return same_shape(a->element, b->element);
    }
    return a->kind != CEDAR_RECORD || a->record == b->record;
}

/* -- paths --------------------------------------------------------------------------------- */

/* A walk from a variable through attributes, and the tests that make it safe. */
struct walk {
    struct buf path, guards;
    const struct record_shape *record;
    const struct shape *shape; /* of where it is; NULL at a variable */
    struct shape variable;
};

static void put_field(struct generator *g, struct buf *out, const char *name)
{
    if (is_identifier(name) && chance(g, 90)) {
        put(out, ".");
        put(out, name);
    } else {
        put(out, "[");
        put_cedar_string(out, name);
        put(out, "]");
    }
}

static void put_has(struct walk *walk, const char *name)
{
    put(&walk->guards, walk->guards.len > 0 ? " && " : "");
    buf_append(&walk->guards, buf_view(&walk->path));
    put(&walk->guards, " has ");
    if (is_identifier(name)) {
        put(&walk->guards, name);
    } else {
        put_cedar_string(&walk->guards, name);
    }
}

static void start_walk(struct writer *w, struct walk *walk)
{
    unsigned from = pick(w->g, 3);
    const struct model *model = &w->g->model;
    buf_init(&walk->path, POLICY_BYTES_MAX, NULL);
    buf_init(&walk->guards, POLICY_BYTES_MAX, NULL);
    put(&walk->path, from == 0 ? "context" : from == 1 ? "principal" : "resource");
    if (from == 0) {
        walk->record = &w->environment.action->context;
    } else {
        walk->variable = (struct shape){.kind = CEDAR_ENTITY,
                                        .entity = from == 1 ? w->environment.principal
                                                            : w->environment.resource};
        walk->shape = &walk->variable;
        walk->record = &model->types[walk->variable.entity].attributes;
    }
}

static bool step_walk(struct writer *w, struct walk *walk)
{
    if (walk->record == NULL || walk->record->count == 0) {
        return false;
    }
    const struct field_shape *field =
        &walk->record->fields[pick(w->g, (unsigned)walk->record->count)];
    if (field->is_optional && !chance(w->g, w->g->is_typed ? 2 : 30)) {
        put_has(walk, field->name);
    }
    put_field(w->g, &walk->path, field->name);
    walk->shape = &field->shape;
    walk->record = field->shape.kind == CEDAR_RECORD ? field->shape.record
                   : field->shape.kind == CEDAR_ENTITY
                       ? &w->g->model.types[field->shape.entity].attributes
                       : NULL;
    return true;
}

static void end_walk(struct walk *walk)
{
    buf_release(&walk->path);
    buf_release(&walk->guards);
}

static void put_literal(struct writer *w, const struct shape *shape, unsigned depth);

/* Write a walk that got to the wanted shape; what may be absent is asked for. */
static void put_walk(struct writer *w, const struct walk *walk, const struct shape *shape)
{
    bool is_guarded = walk->guards.len > 0;
    bool is_short = is_guarded && shape->kind == CEDAR_BOOL && chance(w->g, 50);
    w_put(w, is_short ? "(" : is_guarded ? "(if " : "");
    buf_append(w->out, buf_view(&walk->guards));
    w_put(w, is_short ? " && " : is_guarded ? " then " : "");
    buf_append(w->out, buf_view(&walk->path));
    if (is_guarded && !is_short) {
        w_put(w, " else ");
        put_literal(w, shape, 0);
    }
    w_put(w, is_guarded ? ")" : "");
}

static bool put_path(struct writer *w, const struct shape *shape)
{
    bool found = false;
    for (unsigned i = 0; i < WALKS && !found; i++) {
        struct walk walk = {0};
        start_walk(w, &walk);
        for (unsigned step = 0; step < WALK_STEPS_MAX && !found; step++) {
            found = walk.shape != NULL && same_shape(walk.shape, shape) && chance(w->g, 80);
            if (!found && !step_walk(w, &walk)) {
                break;
            }
        }
        if (found) {
            put_walk(w, &walk, shape);
        }
        end_walk(&walk);
    }
    return found;
}

/* -- literals ------------------------------------------------------------------------------ */

static void put_long(struct writer *w)
{
    char number[32];
    int64_t value = pick_long(w->g);
    snprintf(number, sizeof(number), value < 0 ? "(%" PRId64 ")" : "%" PRId64, value);
    w_put(w, number);
}

static void put_elements(struct writer *w, const struct shape *element, unsigned depth)
{
    unsigned count = w->g->is_typed ? 1 + pick(w->g, 3) : pick(w->g, 4);
    w_put(w, "[");
    for (unsigned i = 0; i < count; i++) {
        w_put(w, i > 0 ? ", " : "");
        put_expression(w, element, depth);
    }
    w_put(w, "]");
}

static void put_record(struct writer *w, const struct record_shape *record, unsigned depth)
{
    assert(record != NULL);
    w_put(w, "{");
    for (size_t i = 0; i < record->count; i++) {
        w_put(w, i > 0 ? ", " : "");
        put_cedar_string(w->out, record->fields[i].name);
        w_put(w, ": ");
        put_expression(w, &record->fields[i].shape, depth);
    }
    w_put(w, "}");
}

static void put_literal(struct writer *w, const struct shape *shape, unsigned depth)
{
    unsigned inner = depth > 0 ? depth - 1 : 0;
    switch ((int)shape->kind) {
    case CEDAR_BOOL:
        PUT_ONE(w, "true", "false");
        break;
    case CEDAR_LONG:
        put_long(w);
        break;
    case CEDAR_STRING:
        put_cedar_string(w->out, pick_text(w->g));
        break;
    case CEDAR_ENTITY:
        put_literal_uid(w, shape->entity);
        break;
    case CEDAR_SET:
        put_elements(w, shape->element, inner);
        break;
    case CEDAR_RECORD:
        put_record(w, shape->record, inner);
        break;
    default:
        w_put(w, extension_name(shape->kind));
        w_put(w, "(");
        put_cedar_string(w->out, pick_extension_text(w->g, shape->kind));
        w_put(w, ")");
        break;
    }
}

/* -- operators ----------------------------------------------------------------------------- */

static void put_infix(struct writer *w, const struct shape *shape, unsigned depth, const char *op)
{
    w_put(w, "(");
    put_expression(w, shape, depth);
    w_put(w, op);
    put_expression(w, shape, depth);
    w_put(w, ")");
}

static void put_method(struct writer *w, const struct shape *on, unsigned depth, const char *name,
                       const struct shape *argument)
{
    put_expression(w, on, depth);
    w_put(w, name);
    if (argument != NULL) {
        put_expression(w, argument, depth);
    }
    w_put(w, ")");
}

static void put_extension_test(struct writer *w, unsigned depth)
{
    static const char *const DECIMAL[] = {".lessThan(", ".lessThanOrEqual(", ".greaterThan(",
                                          ".greaterThanOrEqual("};
    static const char *const IP[] = {".isIpv4(", ".isIpv6(", ".isLoopback(", ".isMulticast("};
    static const struct shape DECIMALS = {.kind = CEDAR_DECIMAL};
    static const struct shape ADDRESS = {.kind = CEDAR_IP};
    static const struct shape TIME = {.kind = CEDAR_DATETIME};
    static const struct shape DURATION = {.kind = CEDAR_DURATION};
    switch (pick(w->g, 4)) {
    case 0:
        put_method(w, &DECIMALS, depth, PICK_ONE(w->g, DECIMAL), &DECIMALS);
        break;
    case 1:
        put_method(w, &ADDRESS, depth, PICK_ONE(w->g, IP), NULL);
        break;
    case 2:
        put_method(w, &ADDRESS, depth, ".isInRange(", &ADDRESS);
        break;
    default:
        put_infix(w, chance(w->g, 50) ? &TIME : &DURATION, depth,
                  chance(w->g, 50) ? " < " : " >= ");
        break;
    }
}

static void put_hierarchy(struct writer *w, unsigned depth)
{
    struct shape left = {.kind = CEDAR_ENTITY, .entity = w->environment.principal};
    struct shape right = {.kind = CEDAR_ENTITY};
    const struct entity_type *type;
    if (chance(w->g, 50)) {
        left.entity = w->environment.resource;
    }
    type = &w->g->model.types[left.entity];
    right.entity = chance(w->g, 60) && type->parents != 0
                       ? pick_bit(w->g, type->parents)
                       : pick(w->g, (unsigned)w->g->model.type_count);
    w_put(w, "(");
    switch (pick(w->g, 6)) {
    case 0:
        w_put(w, "action in ");
        put_action_uid(w);
        break;
    case 1:
        put_expression(w, &left, depth);
        w_put(w, " in [");
        put_literal_uid(w, right.entity);
        w_put(w, ", ");
        put_expression(w, &right, depth);
        w_put(w, "]");
        break;
    case 2:
        put_expression(w, &left, depth);
        w_put(w, " is ");
        w_put(w, w->g->model.types[chance(w->g, 50) ? left.entity : right.entity].name);
        if (chance(w->g, 40)) {
            w_put(w, " in ");
            put_literal_uid(w, right.entity);
        }
        break;
    case 3:
        w_put(w, "action == ");
        put_action_uid(w);
        break;
    default:
        put_expression(w, &left, depth);
        w_put(w, " in ");
        put_expression(w, &right, depth);
        break;
    }
    w_put(w, ")");
}

static const char *variable_with_tags(struct writer *w, const struct shape **tag)
{
    const struct model *model = &w->g->model;
    const struct entity_type *principal = &model->types[w->environment.principal];
    const struct entity_type *resource = &model->types[w->environment.resource];
    bool is_first = principal->has_tags && (!resource->has_tags || chance(w->g, 50));
    *tag = is_first ? &principal->tag : &resource->tag;
    if (!is_first && !resource->has_tags && w->g->is_typed) {
        return NULL;
    }
    return is_first ? "principal" : "resource";
}

static void put_tag_test(struct writer *w, unsigned depth)
{
    const struct shape *tag = NULL;
    const char *variable = variable_with_tags(w, &tag);
    if (variable == NULL || tag->kind < CEDAR_BOOL) {
        w_put(w, "true");
        return;
    }
    w_put(w, "(");
    w_put(w, variable);
    w_put(w, ".hasTag(\"x\") && ");
    w_put(w, variable);
    w_put(w, chance(w->g, 90) ? ".getTag(\"x\") == " : ".getTag(\"y\") == ");
    put_expression(w, tag, depth);
    w_put(w, ")");
}

static void put_has_test(struct writer *w)
{
    struct walk walk = {0};
    start_walk(w, &walk);
    if (chance(w->g, 40)) {
        (void)step_walk(w, &walk);
    }
    if (walk.record == NULL) {
        w_put(w, "false");
    } else {
        w_put(w, "(");
        if (walk.guards.len > 0) {
            buf_append(w->out, buf_view(&walk.guards));
            w_put(w, " && ");
        }
        buf_append(w->out, buf_view(&walk.path));
        PUT_ONE(w, " has a", " has b", " has name", " has \"\"", " has a.b", " has name.id.a",
                " has \"x y\"");
        w_put(w, ")");
    }
    end_walk(&walk);
}

static void put_like(struct writer *w, unsigned depth)
{
    w_put(w, "(");
    put_expression(w, &STRING, depth);
    PUT_ONE(w, " like \"x*\"", " like \"*\"", " like \"*y\"", " like \"\"", " like \"x\\*y\"",
            " like \"*x*y*\"", " like \"\xC3\xA9\"", " like \"*\\\"b*\"");
    w_put(w, ")");
}

static void put_set_test(struct writer *w, unsigned depth)
{
    struct shape element = random_shape(w->g);
    while (element.kind == CEDAR_SET) {
        element = random_shape(w->g);
    }
    struct shape set = {.kind = CEDAR_SET, .element = &element};
    switch (pick(w->g, 4)) {
    case 0:
        put_method(w, &set, depth, ".containsAll(", &set);
        break;
    case 1:
        put_method(w, &set, depth, ".containsAny(", &set);
        break;
    case 2:
        put_method(w, &set, depth, ".isEmpty(", NULL);
        break;
    default:
        put_method(w, &set, depth, ".contains(", &element);
        break;
    }
}

static void put_bool(struct writer *w, unsigned depth)
{
    struct shape shape = random_shape(w->g);
    switch (pick(w->g, 13)) {
    case 0:
        put_infix(w, &BOOL, depth, " && ");
        break;
    case 1:
        put_infix(w, &BOOL, depth, " || ");
        break;
    case 2:
        w_put(w, "!(");
        put_expression(w, &BOOL, depth);
        w_put(w, ")");
        break;
    case 3:
    case 4:
        put_infix(w, &shape, depth, chance(w->g, 70) ? " == " : " != ");
        break;
    case 5: {
        static const char *const ORDERS[] = {" < ", " <= ", " > ", " >= "};
        put_infix(w, &LONG, depth, PICK_ONE(w->g, ORDERS));
        break;
    }
    case 6:
        put_extension_test(w, depth);
        break;
    case 7:
    case 8:
        put_hierarchy(w, depth);
        break;
    case 9:
        put_tag_test(w, depth);
        break;
    case 10:
        put_has_test(w);
        break;
    case 11:
        put_like(w, depth);
        break;
    default:
        put_set_test(w, depth);
        break;
    }
}

static void put_arithmetic(struct writer *w, unsigned depth)
{
    static const char *const OPERATORS[] = {" + ", " - ", " * "};
    static const char *const UNITS[] = {".toMilliseconds(", ".toSeconds(", ".toMinutes(",
                                        ".toHours(", ".toDays("};
    static const struct shape DURATION = {.kind = CEDAR_DURATION};
    switch (pick(w->g, 4)) {
    case 0:
        w_put(w, "-(");
        put_expression(w, &LONG, depth);
        w_put(w, ")");
        break;
    case 1:
        put_method(w, &DURATION, depth, PICK_ONE(w->g, UNITS), NULL);
        break;
    default:
        put_infix(w, &LONG, depth, PICK_ONE(w->g, OPERATORS));
        break;
    }
}

static void put_time(struct writer *w, const struct shape *shape, unsigned depth)
{
    static const struct shape TIME = {.kind = CEDAR_DATETIME};
    static const struct shape DURATION = {.kind = CEDAR_DURATION};
    if (shape->kind == CEDAR_DATETIME) {
        bool is_offset = chance(w->g, 60);
        put_method(w, &TIME, depth, is_offset ? ".offset(" : ".toDate(",
                   is_offset ? &DURATION : NULL);
    } else {
        bool is_since = chance(w->g, 60);
        put_method(w, &TIME, depth, is_since ? ".durationSince(" : ".toTime(",
                   is_since ? &TIME : NULL);
    }
}

static void put_operator(struct writer *w, const struct shape *shape, unsigned depth)
{
    if (shape->kind == CEDAR_BOOL) {
        put_bool(w, depth);
    } else if (shape->kind == CEDAR_LONG && chance(w->g, 80)) {
        put_arithmetic(w, depth);
    } else if ((shape->kind == CEDAR_DATETIME || shape->kind == CEDAR_DURATION) &&
               chance(w->g, 70)) {
        put_time(w, shape, depth);
    } else {
        w_put(w, "(if ");
        put_expression(w, &BOOL, depth);
        w_put(w, " then ");
        put_expression(w, shape, depth);
        w_put(w, " else ");
        put_expression(w, shape, depth);
        w_put(w, ")");
    }
}

static void put_odd(struct writer *w)
{
    PUT_ONE(w, "principal", "action", "resource", "context", "context.gone", "principal.a", "[]",
            "{}", "{a: 1}.a", "{\"a\": {b: \"x\"}}.a.b", "ip(context.a)", "decimal(principal.name)",
            "duration(\"x\")", "[1, \"x\", [true]]", "{a: 1, a: 2}", "1 + 2 * 3 - -4",
            "if true then 1 else \"x\"", "!!true", "- - -1", "-9223372036854775808",
            "9223372036854775808", "User::\"a\".a.b", "principal is N::User in principal",
            "Gone::\"x\"", "__cedar::\"x\"", "\"\\u{1F600}\\x41\\0\"", "context[\"a\"][\"b\"]",
            "principal.hasTag(\"x\")", "resource.getTag(context.name)", "a", "principal like \"x\"",
            "ip(\"1.2.3.4\").isIpv4(1)", "principal.contains()", "[[1]].contains([1])",
            "principal has a.b.c", "context has if", "\"x\" like \"\\*\\u{e9}*\"",
            "decimal(\"1.0\", 1)", "f(1)", "N::f(1)", "context.a.isEmpty()", "true && 1 && true",
            "1 || true", "?principal",
            "datetime(\"2024-01-01\").offset(duration(\"9223372036854775807ms\"))", "1 < 2 < 3",
            "(1, 2)", "1 == 2 == 3", "[principal, resource, action].contains(action)");
}

static void put_expression(struct writer *w, const struct shape *shape, unsigned depth)
{
    struct shape other = random_shape(w->g);
    if (chance(w->g, w->g->is_typed ? 1 : 12)) {
        if (chance(w->g, w->g->is_typed ? 5 : 30)) {
            w_put(w, "(");
            put_odd(w);
            w_put(w, ")");
            return;
        }
        shape = &other;
    }
    if (depth > 0 && chance(w->g, shape->kind == CEDAR_BOOL ? 85 : 45)) {
        put_operator(w, shape, depth - 1);
    } else if (!chance(w->g, 65) || !put_path(w, shape)) {
        put_literal(w, shape, depth);
    }
}

/* -- scope --------------------------------------------------------------------------------- */

static void put_scope_part(struct writer *w, const char *variable, size_t type, bool may_be_slot)
{
    bool is_slot = may_be_slot && chance(w->g, 50);
    const struct entity_type *of = &w->g->model.types[type];
    size_t group = of->parents == 0 ? type : pick_bit(w->g, of->parents);
    w_put(w, variable);
    switch (pick(w->g, may_be_slot ? 4 : 6)) {
    case 0:
        w_put(w, " == ");
        break;
    case 1:
        w_put(w, " in ");
        type = group;
        break;
    case 2:
    case 3:
        w_put(w, " is ");
        w_put(w, of->name);
        if (!is_slot && chance(w->g, 70)) {
            return;
        }
        w_put(w, " in ");
        type = group;
        break;
    default:
        if (w->g->is_typed) {
            w_put(w, " is ");
            w_put(w, of->name);
        }
        return;
    }
    if (is_slot) {
        w_put(w, "?");
        w_put(w, variable);
    } else {
        put_literal_uid(w, type);
    }
}

static void put_action_scope(struct writer *w)
{
    w_put(w, ", action");
    switch (pick(w->g, w->g->is_typed ? 4 : 6)) {
    case 0:
        w_put(w, " in [");
        for (unsigned i = pick(w->g, 3); i > 0; i--) {
            put_action_uid(w);
            w_put(w, ", ");
        }
        put_action_uid(w);
        w_put(w, "], ");
        break;
    case 1:
        w_put(w, " in ");
        put_action_uid(w);
        w_put(w, ", ");
        break;
    case 2:
    case 3:
        w_put(w, " == ");
        w_put(w, w->g->model.action_type);
        w_put(w, "::");
        put_cedar_string(w->out, w->environment.action->id);
        w_put(w, ", ");
        break;
    default:
        w_put(w, ", ");
        break;
    }
}

struct slice generate_policy(struct generator *g)
{
    struct buf out;
    struct writer writer = {.g = g, .out = &out};
    struct environment *environment = &writer.environment;
    bool is_template = chance(g, 8);
    buf_init(&out, POLICY_BYTES_MAX, NULL);
    environment->action = &g->model.actions[pick(g, (unsigned)g->model.action_count)];
    environment->principal = pick_bit(g, environment->action->principals);
    environment->resource = pick_bit(g, environment->action->resources);
    if (chance(g, 15)) {
        PUT_ONE(&writer, "@id(\"p\")\n", "@note\n", "@if(\"x\\n\")\n@doc(\"\")\n", "// comment\n");
    }
    put(&out, chance(g, 65) ? "permit(" : "forbid(");
    put_scope_part(&writer, "principal", environment->principal, is_template);
    put_action_scope(&writer);
    put_scope_part(&writer, "resource", environment->resource, is_template);
    put(&out, ")");
    for (unsigned i = pick(g, 3); i > 0; i--) {
        put(&out, chance(g, 75) ? " when { " : " unless { ");
        put_expression(&writer, &BOOL, 1 + pick(g, CONDITION_DEPTH));
        put(&out, " }");
    }
    put(&out, chance(g, 99) ? ";" : "");
    return generated_text(g, &out);
}
