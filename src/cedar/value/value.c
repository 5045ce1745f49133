#include "cedar/value/value.h"

static size_t list_count(const void *object, uint64_t tag)
{
    const struct cedar_list *list = object;
    (void)tag;
    return list->count;
}

static void list_at(const void *object, uint64_t tag, size_t i, struct arena *arena,
                    struct slice *name, struct cedar_value *value)
{
    const struct cedar_list *list = object;
    (void)tag;
    (void)arena;
    *name = list->items[i].name;
    *value = list->items[i].value;
}

static bool list_get(const void *object, uint64_t tag, struct slice name, struct arena *arena,
                     struct cedar_value *value)
{
    const struct cedar_list *list = object;
    (void)tag;
    (void)arena;
    for (size_t i = 0; i < list->count; i++) {
        if (slice_eq(list->items[i].name, name)) {
            *value = list->items[i].value;
            return true;
        }
    }
    return false;
}

static const struct cedar_object_vtable LIST_VTABLE = {list_count, list_at, list_get};

struct cedar_value cedar_bool(bool boolean)
{
    return (struct cedar_value){.kind = CEDAR_BOOL, .as.boolean = boolean};
}

struct cedar_value cedar_long(int64_t number)
{
    return (struct cedar_value){.kind = CEDAR_LONG, .as.number = number};
}

struct cedar_value cedar_string(struct slice text)
{
    return (struct cedar_value){.kind = CEDAR_STRING, .as.text = text};
}

struct cedar_value cedar_entity(struct slice type, struct slice id)
{
    return (struct cedar_value){.kind = CEDAR_ENTITY, .as.uid = {type, id}};
}

struct cedar_value cedar_set(const struct cedar_list *list)
{
    return (struct cedar_value){.kind = CEDAR_SET, .as.object = {&LIST_VTABLE, list, 0}};
}

struct cedar_value cedar_record(const struct cedar_list *list)
{
    return (struct cedar_value){.kind = CEDAR_RECORD, .as.object = {&LIST_VTABLE, list, 0}};
}

size_t value_count(const struct cedar_value *value)
{
    return value->as.object.vtable->count(value->as.object.object, value->as.object.tag);
}

void value_at(const struct cedar_value *value, size_t i, struct arena *arena, struct slice *name,
              struct cedar_value *out)
{
    value->as.object.vtable->at(value->as.object.object, value->as.object.tag, i, arena, name, out);
}

bool value_get(const struct cedar_value *value, struct slice name, struct arena *arena,
               struct cedar_value *out)
{
    return value->as.object.vtable->get(value->as.object.object, value->as.object.tag, name, arena,
                                        out);
}

bool uid_eq(const struct cedar_uid *a, const struct cedar_uid *b)
{
    return slice_eq(a->id, b->id) && slice_eq(a->type, b->type);
}

static enum value_truth both(enum value_truth a, enum value_truth b)
{
    if (a == VALUE_FALSE || b == VALUE_FALSE) {
        return VALUE_FALSE;
    }
    return a > b ? a : b; /* VALUE_TRUE < VALUE_UNKNOWN < VALUE_ERROR */
}

enum value_truth value_contains(const struct cedar_value *set, const struct cedar_value *element,
                                struct arena *arena, int depth)
{
    enum value_truth answer = VALUE_FALSE;
    size_t count = value_count(set);
    for (size_t i = 0; i < count; i++) {
        struct slice name;
        struct cedar_value item;
        value_at(set, i, arena, &name, &item);
        enum value_truth same = value_equal(&item, element, arena, depth + 1);
        if (same == VALUE_TRUE) {
            return VALUE_TRUE;
        }
        answer = same == VALUE_FALSE ? answer : (same > answer ? same : answer);
    }
    return answer;
}

enum value_truth value_contains_all(const struct cedar_value *set, const struct cedar_value *other,
                                    struct arena *arena, int depth)
{
    enum value_truth answer = VALUE_TRUE;
    size_t count = value_count(other);
    for (size_t i = 0; i < count && answer != VALUE_FALSE; i++) {
        struct slice name;
        struct cedar_value item;
        value_at(other, i, arena, &name, &item);
        answer = both(answer, value_contains(set, &item, arena, depth));
    }
    return answer;
}

static enum value_truth records_equal(const struct cedar_value *a, const struct cedar_value *b,
                                      struct arena *arena, int depth)
{
    size_t count = value_count(a);
    enum value_truth answer = count == value_count(b) ? VALUE_TRUE : VALUE_FALSE;
    for (size_t i = 0; i < count && answer != VALUE_FALSE; i++) {
        struct slice name;
        struct cedar_value left;
        struct cedar_value right;
        value_at(a, i, arena, &name, &left);
        answer = value_get(b, name, arena, &right)
                     ? both(answer, value_equal(&left, &right, arena, depth + 1))
                     : VALUE_FALSE;
    }
    return answer;
}

static bool ip_eq(const struct cedar_ip *a, const struct cedar_ip *b)
{
    return a->is_v6 == b->is_v6 && a->prefix == b->prefix &&
           slice_eq(slice_of(a->bytes, 16), slice_of(b->bytes, 16));
}

enum value_truth value_equal(const struct cedar_value *a, const struct cedar_value *b,
                             struct arena *arena, int depth)
{
    if (a->kind == CEDAR_ERROR || b->kind == CEDAR_ERROR || depth > CEDAR_DEPTH_MAX) {
        return VALUE_ERROR;
    }
    if (a->kind == CEDAR_UNKNOWN || b->kind == CEDAR_UNKNOWN) {
        return VALUE_UNKNOWN;
    }
    if (a->kind != b->kind) {
        return VALUE_FALSE;
    }
    switch (a->kind) {
    case CEDAR_BOOL:
        return a->as.boolean == b->as.boolean ? VALUE_TRUE : VALUE_FALSE;
    case CEDAR_LONG:
    case CEDAR_DECIMAL:
    case CEDAR_DATETIME:
    case CEDAR_DURATION:
        return a->as.number == b->as.number ? VALUE_TRUE : VALUE_FALSE;
    case CEDAR_STRING:
        return slice_eq(a->as.text, b->as.text) ? VALUE_TRUE : VALUE_FALSE;
    case CEDAR_ENTITY:
        return uid_eq(&a->as.uid, &b->as.uid) ? VALUE_TRUE : VALUE_FALSE;
    case CEDAR_IP:
        return ip_eq(&a->as.ip, &b->as.ip) ? VALUE_TRUE : VALUE_FALSE;
    case CEDAR_SET:
        return both(value_contains_all(a, b, arena, depth), value_contains_all(b, a, arena, depth));
    case CEDAR_RECORD:
        return records_equal(a, b, arena, depth);
    case CEDAR_ERROR:
    case CEDAR_UNKNOWN:
        break;
    }
    return VALUE_ERROR;
}
