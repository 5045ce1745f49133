#include "cedar/schema/type.h"

const struct type TYPE_PLAIN[TYPE_DURATION + 1] = {
    [TYPE_NEVER] = {.kind = TYPE_NEVER},       [TYPE_TRUE] = {.kind = TYPE_TRUE},
    [TYPE_FALSE] = {.kind = TYPE_FALSE},       [TYPE_BOOL] = {.kind = TYPE_BOOL},
    [TYPE_LONG] = {.kind = TYPE_LONG},         [TYPE_STRING] = {.kind = TYPE_STRING},
    [TYPE_SET] = {.kind = TYPE_SET},           [TYPE_RECORD] = {.kind = TYPE_RECORD},
    [TYPE_ENTITY] = {.kind = TYPE_ENTITY},     [TYPE_ANY_ENTITY] = {.kind = TYPE_ANY_ENTITY},
    [TYPE_DECIMAL] = {.kind = TYPE_DECIMAL},   [TYPE_IP] = {.kind = TYPE_IP},
    [TYPE_DATETIME] = {.kind = TYPE_DATETIME}, [TYPE_DURATION] = {.kind = TYPE_DURATION},
};

const struct type_attribute *type_attribute_find(const struct type *record, struct slice name)
{
    size_t low = 0;
    size_t high = record->attribute_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(record->attributes[middle].name, name);
        if (order == 0) {
            return &record->attributes[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}
