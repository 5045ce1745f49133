#include "cedar/value/value.h"

static size_t list_count(const void *object, uint64_t tag)
{
    const struct cedar_list *list = object;
    (void)tag;
    return list->count;
}

static bool list_next(const void *object, uint64_t tag, uint64_t *cursor, struct arena *arena,
                      struct slice *name, struct cedar_value *value)
{
    const struct cedar_list *list = object;
    (void)tag;
    (void)arena;
    if (*cursor >= list->count) {
        return false;
    }
    *name = list->items[*cursor].name;
    *value = list->items[*cursor].value;
    (*cursor)++;
    return true;
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

static const struct cedar_object_vtable LIST_VTABLE = {list_count, list_next, list_get};

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

bool value_next(const struct cedar_value *value, uint64_t *cursor, struct arena *arena,
                struct slice *name, struct cedar_value *out)
{
    return value->as.object.vtable->next(value->as.object.object, value->as.object.tag, cursor,
                                         arena, name, out);
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
                                struct value_work *work, int depth)
{
    enum value_truth answer = VALUE_FALSE;
    uint64_t cursor = 0;
    struct slice name;
    struct cedar_value item;
    while (value_next(set, &cursor, work->arena, &name, &item)) {
        enum value_truth same = value_equal(&item, element, work, depth + 1);
        if (same == VALUE_TRUE) {
            return VALUE_TRUE;
        }
        answer = same > answer ? same : answer;
    }
    return answer;
}

enum value_truth value_contains_all(const struct cedar_value *set, const struct cedar_value *other,
                                    struct value_work *work, int depth)
{
    enum value_truth answer = VALUE_TRUE;
    uint64_t cursor = 0;
    struct slice name;
    struct cedar_value item;
    while (answer != VALUE_FALSE && value_next(other, &cursor, work->arena, &name, &item)) {
        answer = both(answer, value_contains(set, &item, work, depth));
    }
    return answer;
}

enum value_truth value_contains_any(const struct cedar_value *set, const struct cedar_value *other,
                                    struct value_work *work, int depth)
{
    enum value_truth answer = VALUE_FALSE;
    uint64_t cursor = 0;
    struct slice name;
    struct cedar_value item;
    while (value_next(other, &cursor, work->arena, &name, &item)) {
        enum value_truth one = value_contains(set, &item, work, depth);
        if (one == VALUE_TRUE) {
            return VALUE_TRUE;
        }
        answer = one > answer ? one : answer;
    }
    return answer;
}

static enum value_truth records_equal(const struct cedar_value *a, const struct cedar_value *b,
                                      struct value_work *work, int depth)
{
    enum value_truth answer = value_count(a) == value_count(b) ? VALUE_TRUE : VALUE_FALSE;
    uint64_t cursor = 0;
    struct slice name;
    struct cedar_value left;
    struct cedar_value right;
    while (answer != VALUE_FALSE && value_next(a, &cursor, work->arena, &name, &left)) {
        answer = value_get(b, name, work->arena, &right)
                     ? both(answer, value_equal(&left, &right, work, depth + 1))
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
                             struct value_work *work, int depth)
{
    if (work->steps_left == 0) {
        return VALUE_ERROR;
    }
    work->steps_left--;
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
        return both(value_contains_all(a, b, work, depth), value_contains_all(b, a, work, depth));
    case CEDAR_RECORD:
        return records_equal(a, b, work, depth);
    case CEDAR_ERROR:
    case CEDAR_UNKNOWN:
        break;
    }
    return VALUE_ERROR;
}
