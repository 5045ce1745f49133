#include "daemon/config/config_read.h"

#include "base/suggest.h"
#include "daemon/config/config_url.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define MESSAGE_BYTES 512
#define SHOWN_BYTES_MAX 64 /* of a foreign text inside a message */

/* What lists and named objects look like in every result struct. */
struct array {
    void *items;
    size_t count;
};

static struct slice shown(struct slice text)
{
    return slice_sub(text, 0, SHOWN_BYTES_MAX);
}

static void *member_of(void *object, const struct config_field *field)
{
    return (uint8_t *)object + field->offset;
}

void config_read_problem(struct config_reader *reader, const struct config_node *node,
                         const char *code, const char *hint, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    struct config_problem problem = {
        .file = reader->file,
        .line = node->line,
        .column = node->column,
        .code = code,
        .message = slice_view_cstr(message),
        .hint = slice_view_cstr(hint),
        .is_partial =
            reader->is_part && slice_eq(slice_view_cstr(code), SLICE("config.file_missing")),
    };
    config_report_add(reader->report, reader->arena, &problem);
}

void *config_read_alloc(struct config_reader *reader, size_t count, size_t size)
{
    void *items = arena_alloc_zero(reader->arena, count, size);
    reader->is_out_of_memory = reader->is_out_of_memory || items == NULL;
    return items;
}

struct slice config_read_path(struct config_reader *reader, struct slice path)
{
    struct slice joined = SLICE_EMPTY;
    bool is_absolute = path.len > 0 && path.ptr[0] == '/';
    if (is_absolute || reader->folder.len == 0) {
        return path;
    }
    if (arena_format(reader->arena, &joined, "%.*s/%.*s", SLICE_ARG(reader->folder),
                     SLICE_ARG(path)) != STATUS_OK) {
        reader->is_out_of_memory = true;
    }
    return joined;
}

static void expected(struct config_reader *reader, const struct config_node *node, const char *name,
                     const char *what)
{
    if (node->kind != CONFIG_NODE_BAD) {
        config_read_problem(reader, node, "config.type", NULL, "'%s' must be %s, got %s", name,
                            what, config_node_kind_name(node->kind));
    }
}

bool config_read_text(struct config_reader *reader, const struct config_node *node,
                      const char *what, struct slice *out)
{
    if (node->kind != CONFIG_NODE_TEXT) {
        expected(reader, node, what, "text");
        return false;
    }
    if (node->text.len == 0 || node->text.len > CONFIG_TEXT_BYTES_MAX) {
        config_read_problem(reader, node, "config.value", NULL,
                            "'%s' must have 1 to %d bytes, got %zu", what, CONFIG_TEXT_BYTES_MAX,
                            node->text.len);
        return false;
    }
    for (size_t i = 0; i < node->text.len; i++) {
        if (node->text.ptr[i] < 0x20 || node->text.ptr[i] == 0x7F) {
            config_read_problem(reader, node, "config.value", NULL,
                                "'%s' must not hold control characters or line breaks", what);
            return false;
        }
    }
    *out = node->text;
    return true;
}

static const char *name_of(const struct config_field *field)
{
    return (const char *)field->name.ptr; /* a literal: a NUL follows */
}

static void read_bool(struct config_reader *reader, const struct config_node *node,
                      const struct config_field *field, void *object)
{
    bool is_plain = node->kind == CONFIG_NODE_TEXT && node->is_plain;
    bool is_true = is_plain && slice_eq(node->text, SLICE("true"));
    if (is_true || (is_plain && slice_eq(node->text, SLICE("false")))) {
        *(bool *)member_of(object, field) = is_true;
    } else if (node->kind != CONFIG_NODE_BAD) {
        /* YAML 1.1 also knows yes, no, on and off; one spelling is enough. */
        config_read_problem(reader, node, "config.type", NULL, "'%s' must be true or false",
                            name_of(field));
    }
}

static void read_number(struct config_reader *reader, const struct config_node *node,
                        const struct config_field *field, void *object)
{
    int64_t value;
    if (node->kind == CONFIG_NODE_BAD) {
        return;
    }
    enum status status = STATUS_INVALID;
    if (node->kind == CONFIG_NODE_TEXT && node->is_plain) {
        status = slice_to_i64(node->text, &value);
    }
    if (status == STATUS_INVALID) {
        config_read_problem(reader, node, "config.type", NULL, "'%s' must be a whole number",
                            name_of(field));
    } else if (status != STATUS_OK || value < field->value_min || value > field->value_max) {
        config_read_problem(reader, node, "config.range", NULL,
                            "'%s' must be from %" PRId64 " to %" PRId64, name_of(field),
                            field->value_min, field->value_max);
    } else {
        *(int64_t *)member_of(object, field) = value;
    }
}

/* "a", "b" or "c" of a table of choices, for a message. */
static void list_choices(const struct config_choice *choices, char *out, size_t capacity)
{
    size_t used = 0;
    for (size_t i = 0; choices[i].name.len > 0 && used < capacity; i++) {
        const char *between = i == 0 ? "" : choices[i + 1].name.len > 0 ? ", " : " or ";
        int written =
            snprintf(out + used, capacity - used, "%s%.*s", between, SLICE_ARG(choices[i].name));
        used += written > 0 ? (size_t)written : 0;
    }
}

static const struct config_choice *find_choice(struct config_reader *reader,
                                               const struct config_node *node,
                                               const struct config_field *field)
{
    struct slice text;
    if (!config_read_text(reader, node, name_of(field), &text)) {
        return NULL;
    }
    struct suggestion near = {0};
    for (const struct config_choice *choice = field->choices; choice->name.len > 0; choice++) {
        if (slice_eq(text, choice->name)) {
            return choice;
        }
        suggestion_consider(&near, text, choice->name);
    }
    char names[MESSAGE_BYTES / 2] = "", hint[MESSAGE_BYTES / 4] = "";
    list_choices(field->choices, names, sizeof(names));
    if (near.word.len > 0) {
        snprintf(hint, sizeof(hint), "did you mean '%.*s'?", SLICE_ARG(near.word));
    }
    text = shown(text);
    config_read_problem(reader, node, "config.value", hint, "'%s' must be %s, got '%.*s'",
                        name_of(field), names, SLICE_ARG(text));
    return NULL;
}

static void read_choice(struct config_reader *reader, const struct config_node *node,
                        const struct config_field *field, void *object)
{
    const struct config_choice *choice = find_choice(reader, node, field);
    if (choice == NULL) {
        return;
    }
    if (field->kind == CONFIG_KIND_NAMED) {
        *(struct slice *)member_of(object, field) = choice->name;
    } else {
        *(int *)member_of(object, field) = choice->value;
    }
}

/* A list of texts may be written as one text. The items as a chain, or NULL with a report. */
static const struct config_node *items_of(struct config_reader *reader,
                                          const struct config_node *node,
                                          const struct config_field *field, size_t *count)
{
    bool is_one = node->kind == CONFIG_NODE_TEXT;
    *count = is_one ? 1 : node->count;
    if (!is_one && node->kind != CONFIG_NODE_LIST) {
        expected(reader, node, name_of(field), "text or a list of texts");
        return NULL;
    }
    if (*count == 0) {
        config_read_problem(reader, node, "config.value", "leave the key out instead",
                            "'%s' is an empty list; expected at least one entry", name_of(field));
        return NULL;
    }
    return is_one ? node : node->first;
}

static void read_mask(struct config_reader *reader, const struct config_node *node,
                      const struct config_field *field, void *object)
{
    size_t count;
    const struct config_node *item = items_of(reader, node, field, &count);
    uint32_t mask = 0;
    for (size_t i = 0; item != NULL && i < count; i++, item = item->next) {
        const struct config_choice *choice = find_choice(reader, item, field);
        mask |= choice != NULL ? (uint32_t)choice->value : 0;
    }
    if (mask != 0) {
        *(uint32_t *)member_of(object, field) = mask;
    }
}

static void read_texts(struct config_reader *reader, const struct config_node *node,
                       const struct config_field *field, void *object)
{
    size_t count;
    const struct config_node *item = items_of(reader, node, field, &count);
    struct config_texts *texts = member_of(object, field);
    if (item == NULL ||
        (texts->items = config_read_alloc(reader, count, sizeof(struct slice))) == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++, item = item->next) {
        struct slice text;
        if (config_read_text(reader, item, name_of(field), &text)) {
            bool is_path = field->kind == CONFIG_KIND_PATHS;
            texts->items[texts->count++] = is_path ? config_read_path(reader, text) : text;
        }
    }
}

static struct slice copy_text(struct config_reader *reader, struct slice text)
{
    struct slice copy = SLICE_EMPTY;
    if (arena_format(reader->arena, &copy, "%.*s", SLICE_ARG(text)) != STATUS_OK) {
        reader->is_out_of_memory = true;
    }
    return copy;
}

static void read_place_on_net(struct config_reader *reader, const struct config_node *node,
                              const struct config_field *field, void *object)
{
    struct slice text;
    if (!config_read_text(reader, node, name_of(field), &text)) {
        return;
    }
    bool is_url = field->kind == CONFIG_KIND_URL;
    struct config_url url = {0};
    struct config_address address = {0};
    const char *problem =
        is_url ? config_url_parse(text, &url) : config_address_parse(text, &address);
    if (problem != NULL) {
        config_read_problem(reader, node, is_url ? "config.url" : "config.address",
                            is_url ? "like https://mcp.example.com/mcp" : "like 127.0.0.1:8080",
                            "'%s' is no %s: %s", name_of(field), is_url ? "URL" : "address",
                            problem);
    } else if (is_url) {
        url.host = copy_text(reader, url.host);
        *(struct config_url *)member_of(object, field) = url;
    } else {
        address.host = copy_text(reader, address.host);
        *(struct config_address *)member_of(object, field) = address;
    }
}

static void read_objects(struct config_reader *reader, const struct config_node *node,
                         const struct config_field *field, void *object)
{
    bool is_named = field->kind == CONFIG_KIND_NAMED_OBJECTS;
    if (node->kind != (is_named ? CONFIG_NODE_MAP : CONFIG_NODE_LIST)) {
        expected(reader, node, name_of(field), is_named ? "a mapping" : "a list of mappings");
        return;
    }
    if (node->count > (size_t)field->value_max) {
        config_read_problem(reader, node, "config.range", NULL,
                            "'%s' has %zu entries, the most is %" PRId64, name_of(field),
                            node->count, field->value_max);
        return;
    }
    struct array array = {config_read_alloc(reader, node->count, field->object->size), 0};
    if (array.items == NULL) {
        return;
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        uint8_t *entry = (uint8_t *)array.items + array.count++ * field->object->size;
        if (is_named) {
            *(struct slice *)(void *)entry = item->key;
        }
        config_read_object(reader, item, field->object, entry);
    }
    memcpy(member_of(object, field), &array, sizeof(array));
}

static void read_variables(struct config_reader *reader, const struct config_node *node,
                           const struct config_field *field, void *object)
{
    if (node->kind != CONFIG_NODE_MAP) {
        expected(reader, node, name_of(field), "a mapping of names to texts");
        return;
    }
    struct config_variable *items =
        config_read_alloc(reader, node->count, sizeof(struct config_variable));
    struct array array = {items, 0};
    if (items == NULL) {
        return;
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        struct slice value;
        if (config_read_text(reader, item, name_of(field), &value)) {
            items[array.count++] = (struct config_variable){item->key, value};
        }
    }
    memcpy(member_of(object, field), &array, sizeof(array));
}

static void read_path(struct config_reader *reader, const struct config_node *node,
                      const struct config_field *field, void *object)
{
    struct slice text;
    if (config_read_text(reader, node, name_of(field), &text)) {
        bool is_path = field->kind == CONFIG_KIND_PATH;
        *(struct slice *)member_of(object, field) = is_path ? config_read_path(reader, text) : text;
    }
}

void config_read_field(struct config_reader *reader, const struct config_node *node,
                       const struct config_field *field, void *object)
{
    switch (field->kind) {
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_PATH:
        read_path(reader, node, field, object);
        return;
    case CONFIG_KIND_BOOL:
        read_bool(reader, node, field, object);
        return;
    case CONFIG_KIND_NUMBER:
        read_number(reader, node, field, object);
        return;
    case CONFIG_KIND_CHOICE:
    case CONFIG_KIND_NAMED:
        read_choice(reader, node, field, object);
        return;
    case CONFIG_KIND_MASK:
        read_mask(reader, node, field, object);
        return;
    case CONFIG_KIND_TEXTS:
    case CONFIG_KIND_PATHS:
        read_texts(reader, node, field, object);
        return;
    case CONFIG_KIND_URL:
    case CONFIG_KIND_ADDRESS:
        read_place_on_net(reader, node, field, object);
        return;
    case CONFIG_KIND_OBJECT:
        config_read_object(reader, node, field->object, member_of(object, field));
        return;
    case CONFIG_KIND_OBJECTS:
    case CONFIG_KIND_NAMED_OBJECTS:
        read_objects(reader, node, field, object);
        return;
    case CONFIG_KIND_VARIABLES:
        read_variables(reader, node, field, object);
        return;
    case CONFIG_KIND_CUSTOM:
        field->read(reader, node, member_of(object, field));
        return;
    case CONFIG_KIND_UNSUPPORTED:
        config_read_problem(reader, node, "config.unsupported", field->doc,
                            "'%s' is not supported in this version", name_of(field));
        return;
    }
}

static void set_default(const struct config_field *field, void *object)
{
    if (field->kind == CONFIG_KIND_NUMBER) {
        *(int64_t *)member_of(object, field) = field->value_default;
    } else if (field->kind == CONFIG_KIND_BOOL) {
        *(bool *)member_of(object, field) = field->value_default != 0;
    } else if (field->kind == CONFIG_KIND_MASK) {
        *(uint32_t *)member_of(object, field) = (uint32_t)field->value_default;
    } else if (field->kind == CONFIG_KIND_OBJECT) {
        for (size_t i = 0; i < field->object->field_count; i++) {
            set_default(&field->object->fields[i], member_of(object, field));
        }
    }
}

void config_read_unknown_key(struct config_reader *reader, const struct config_node *member,
                             struct slice nearest)
{
    char hint[MESSAGE_BYTES / 4] = "";
    if (nearest.len > 0) {
        snprintf(hint, sizeof(hint), "did you mean '%.*s'?", SLICE_ARG(nearest));
    }
    struct config_node place = {.line = member->key_line, .column = member->key_column};
    struct slice key = shown(member->key);
    config_read_problem(reader, &place, "config.unknown_key", hint, "unknown key '%.*s'",
                        SLICE_ARG(key));
}

/* Every key of the mapping must be in the table. */
static void refuse_unknown_keys(struct config_reader *reader, const struct config_node *node,
                                const struct config_object *object)
{
    for (const struct config_node *member = node->first; member != NULL; member = member->next) {
        struct suggestion near = {0};
        bool is_known = false;
        for (size_t i = 0; i < object->field_count && !is_known; i++) {
            is_known = slice_eq(member->key, object->fields[i].name);
            suggestion_consider(&near, member->key, object->fields[i].name);
        }
        if (!is_known) {
            config_read_unknown_key(reader, member, near.word);
        }
    }
}

static void read_fields(struct config_reader *reader, const struct config_node *node,
                        const struct config_object *object, void *out)
{
    for (size_t i = 0; i < object->field_count; i++) {
        const struct config_field *field = &object->fields[i];
        const struct config_node *member = config_node_member(node, field->name);
        set_default(field, out);
        if (member != NULL) {
            config_read_field(reader, member, field, out);
        } else if (field->is_required) {
            config_read_problem(reader, node, "config.missing_key", field->doc,
                                "the key '%s' is missing", name_of(field));
        }
    }
}

void config_read_object(struct config_reader *reader, const struct config_node *node,
                        const struct config_object *object, void *out)
{
    if (node->kind != CONFIG_NODE_MAP) {
        if (node->kind != CONFIG_NODE_BAD) {
            config_read_problem(reader, node, "config.type", NULL, "expected a mapping, got %s",
                                config_node_kind_name(node->kind));
        }
        return;
    }
    if (object->place_offset != SIZE_MAX) {
        struct config_place place = {node->line, node->column};
        memcpy((uint8_t *)out + object->place_offset, &place, sizeof(place));
    }
    refuse_unknown_keys(reader, node, object);
    read_fields(reader, node, object, out);
    if (object->check != NULL && !reader->is_out_of_memory) {
        object->check(reader, node, out);
    }
}
