/* What a policy set mentions. */
#include "cedar/eval/program.h"
#include "cedar/syntax/tree.h"
#include "cedar/value/value.h"

/* An entity of the type, or a set or record that holds one. Constants are no deeper than policies
 * may be. */
static bool value_mentions(const struct cedar_value *value, struct slice type)
{
    struct slice name;
    struct cedar_value item;
    uint64_t cursor = 0;
    if (value->kind == CEDAR_ENTITY) {
        return slice_eq(value->as.uid.type, type);
    }
    if (value->kind != CEDAR_SET && value->kind != CEDAR_RECORD) {
        return false;
    }
    while (value_next(value, &cursor, NULL, &name, &item)) {
        if (value_mentions(&item, type)) {
            return true;
        }
    }
    return false;
}

bool cedar_policy_set_mentions(const struct cedar_policy_set *set, struct slice type)
{
    const struct program *program = set->program;
    const struct uid_table *entities = &program->symbols.entities;
    for (size_t i = 0; i < entities->capacity; i++) {
        if (entities->slots[i].number != UID_TABLE_NONE && slice_eq(entities->uids[i].type, type)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < program->value_count; i++) {
        if (value_mentions(&program->values[i], type)) {
            return true;
        }
    }
    return false;
}
