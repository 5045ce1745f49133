#include "core/mcp/extensions.h"

/* Settings are written anew. The one kind of page that is defined is the one that is offered. */
struct extension {
    struct slice id;
    uint32_t flag;
    struct slice settings[MCP_EXTENSION_SIDES];
};

#define NO_SETTINGS SLICE_INIT("{}")

static const struct extension EXTENSIONS[] = {
    {SLICE_INIT(MCP_EXTENSION_TASKS_ID),
     MCP_EXTENSION_TASKS,
     {NO_SETTINGS, NO_SETTINGS, NO_SETTINGS}},
    {SLICE_INIT(MCP_EXTENSION_UI_ID),
     MCP_EXTENSION_UI,
     {SLICE_INIT("{\"mimeTypes\":[\"text/html;profile=mcp-app\"]}"), NO_SETTINGS, NO_SETTINGS}},
    {SLICE_INIT(MCP_EXTENSION_SKILLS_ID),
     MCP_EXTENSION_SKILLS,
     {NO_SETTINGS, NO_SETTINGS, SLICE_INIT("{\"directoryRead\":true}")}},
};

static uint32_t find_key(const struct json_tape *tape, json_ref key)
{
    for (size_t i = 0; i < COUNT_OF(EXTENSIONS); i++) {
        if (json_string_eq(tape, key, EXTENSIONS[i].id)) {
            return EXTENSIONS[i].flag;
        }
    }
    return 0;
}

uint32_t mcp_extensions_read(const struct json_tape *tape, json_ref capabilities, bool *has_other)
{
    json_ref object = json_member_object(tape, capabilities, SLICE("extensions"));
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    uint32_t found = 0;
    bool is_other_there = false;
    if (object != JSON_NONE) {
        json_iter_init(&iter, tape, object);
        while (json_iter_next(&iter, &key, &value)) {
            uint32_t flag = find_key(tape, key);
            is_other_there = is_other_there || flag == 0;
            found |= json_type(tape, value) == JSON_OBJECT ? flag : 0;
        }
    }
    if (has_other != NULL) {
        *has_other = is_other_there;
    }
    return found;
}

void mcp_extensions_write(struct buf *out, uint32_t extensions, enum mcp_extension_side side)
{
    struct slice before = SLICE("\"extensions\":{");
    for (size_t i = 0; i < COUNT_OF(EXTENSIONS); i++) {
        if ((extensions & EXTENSIONS[i].flag) != 0) {
            buf_append(out, before);
            buf_append_json_string(out, EXTENSIONS[i].id);
            buf_append_byte(out, ':');
            buf_append(out, EXTENSIONS[i].settings[side]);
            before = SLICE(",");
        }
    }
    buf_append(out, extensions != 0 ? SLICE("}") : SLICE_EMPTY);
}
