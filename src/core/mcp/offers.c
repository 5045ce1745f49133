#include "core/mcp/offers.h"

#define PARTS_MAX 2

/* A member of the capability's object, which is true. */
struct part {
    struct slice name;
    uint32_t flag;
};

struct offer {
    struct slice name;
    uint32_t flag;
    struct part parts[PARTS_MAX];
};

static const struct offer OFFERS[] = {
    {SLICE_INIT("tools"),
     MCP_OFFERS_TOOLS,
     {{SLICE_INIT("listChanged"), MCP_OFFERS_TOOLS_CHANGED}}},
    {SLICE_INIT("resources"),
     MCP_OFFERS_RESOURCES,
     {{SLICE_INIT("subscribe"), MCP_OFFERS_SUBSCRIBE},
      {SLICE_INIT("listChanged"), MCP_OFFERS_RESOURCES_CHANGED}}},
    {SLICE_INIT("prompts"),
     MCP_OFFERS_PROMPTS,
     {{SLICE_INIT("listChanged"), MCP_OFFERS_PROMPTS_CHANGED}}},
    {SLICE_INIT("completions"), MCP_OFFERS_COMPLETIONS, {{SLICE_INIT(""), 0}}},
    {SLICE_INIT("logging"), MCP_OFFERS_LOGGING, {{SLICE_INIT(""), 0}}},
};

static const struct part SKILLS_PARTS[PARTS_MAX] = {
    {SLICE_INIT("directoryRead"), MCP_OFFERS_DIRECTORIES}};

static uint32_t read_parts(const struct json_tape *tape, json_ref offer, const struct part *parts)
{
    uint32_t flags = 0;
    for (size_t i = 0; i < PARTS_MAX && parts[i].flag != 0; i++) {
        json_ref part = json_member(tape, offer, parts[i].name);
        flags |= part != JSON_NONE && json_type(tape, part) == JSON_TRUE ? parts[i].flag : 0;
    }
    return flags;
}

/* MCP 2025-11-25, tasks: what else a server could make tasks of is nothing that we pass on. */
static uint32_t read_tasks(const struct json_tape *tape, json_ref capabilities)
{
    json_ref tasks = json_member_object(tape, capabilities, SLICE("tasks"));
    json_ref tools = json_member_object(tape, json_member_object(tape, tasks, SLICE("requests")),
                                        SLICE("tools"));
    if (json_member_object(tape, tools, SLICE("call")) == JSON_NONE) {
        return 0;
    }
    bool has_list = json_member_object(tape, tasks, SLICE("list")) != JSON_NONE;
    bool has_cancel = json_member_object(tape, tasks, SLICE("cancel")) != JSON_NONE;
    return MCP_OFFERS_TASKS | (has_list ? MCP_OFFERS_TASKS_LIST : 0U) |
           (has_cancel ? MCP_OFFERS_TASKS_CANCEL : 0U);
}

/* The part of the extension that its settings offer. */
static uint32_t read_skills(const struct json_tape *tape, json_ref capabilities)
{
    json_ref skills =
        json_member_object(tape, json_member_object(tape, capabilities, SLICE("extensions")),
                           SLICE(MCP_EXTENSION_SKILLS_ID));
    return MCP_OFFERS_SKILLS | read_parts(tape, skills, SKILLS_PARTS);
}

static uint32_t read_extensions(const struct json_tape *tape, json_ref capabilities,
                                uint32_t extensions)
{
    return ((extensions & MCP_EXTENSION_UI) != 0 ? MCP_OFFERS_UI : 0U) |
           ((extensions & MCP_EXTENSION_SKILLS) != 0 ? read_skills(tape, capabilities) : 0U);
}

uint32_t mcp_offers_read(const struct json_tape *tape, json_ref result, enum mcp_revision revision,
                         uint32_t extensions, bool *drops_extension)
{
    json_ref capabilities = json_member_object(tape, result, SLICE("capabilities"));
    uint32_t offers = 0;
    uint32_t found = mcp_extensions_read(tape, capabilities, drops_extension);
    *drops_extension = *drops_extension || (found & ~extensions) != 0;
    for (size_t i = 0; i < COUNT_OF(OFFERS); i++) {
        json_ref offer = json_member_object(tape, capabilities, OFFERS[i].name);
        if (offer != JSON_NONE) {
            offers |= OFFERS[i].flag | read_parts(tape, offer, OFFERS[i].parts);
        }
    }
    if (revision == MCP_2025_11_25) {
        offers |= read_tasks(tape, capabilities);
    } else if (mcp_revision_is_modern(revision) &&
               (found & extensions & MCP_EXTENSION_TASKS) != 0) {
        offers |= MCP_OFFERS_TASKS | MCP_OFFERS_TASKS_CANCEL;
    }
    return offers | read_extensions(tape, capabilities, found & extensions);
}

bool mcp_offers_have_other(const struct json_tape *tape, json_ref result,
                           enum mcp_revision revision)
{
    json_ref capabilities = json_member_object(tape, result, SLICE("capabilities"));
    struct slice more[] = {SLICE("extensions"), SLICE("tasks")};
    size_t more_count = revision == MCP_2025_11_25 ? 2 : 1;
    uint32_t known = 0;
    if (capabilities == JSON_NONE) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(OFFERS) + more_count; i++) {
        struct slice name = i < COUNT_OF(OFFERS) ? OFFERS[i].name : more[i - COUNT_OF(OFFERS)];
        known += json_member_object(tape, capabilities, name) != JSON_NONE ? 1U : 0U;
    }
    return json_count(tape, capabilities) > known;
}

static void write_parts(struct buf *buf, uint32_t offers, const struct part *parts)
{
    bool is_first = true;
    for (size_t i = 0; i < PARTS_MAX; i++) {
        if ((offers & parts[i].flag) != 0) {
            buf_append(buf, is_first ? SLICE_EMPTY : SLICE(","));
            buf_append_json_string(buf, parts[i].name);
            buf_append(buf, SLICE(":true"));
            is_first = false;
        }
    }
}

static void write_tasks(struct buf *buf, uint32_t offers)
{
    buf_append(buf, SLICE("\"tasks\":{"));
    buf_append(buf, (offers & MCP_OFFERS_TASKS_LIST) != 0 ? SLICE("\"list\":{},") : SLICE_EMPTY);
    buf_append(buf,
               (offers & MCP_OFFERS_TASKS_CANCEL) != 0 ? SLICE("\"cancel\":{},") : SLICE_EMPTY);
    buf_append(buf, SLICE("\"requests\":{\"tools\":{\"call\":{}}}}"));
}

static uint32_t extensions_of(uint32_t offers, enum mcp_revision revision)
{
    bool is_modern = mcp_revision_is_modern(revision);
    uint32_t extensions = 0;
    if (!is_modern && revision != MCP_2025_11_25) {
        return 0;
    }
    extensions |= (offers & MCP_OFFERS_UI) != 0 ? (uint32_t)MCP_EXTENSION_UI : 0U;
    extensions |= (offers & MCP_OFFERS_SKILLS) != 0 ? (uint32_t)MCP_EXTENSION_SKILLS : 0U;
    extensions |=
        (offers & MCP_OFFERS_TASKS) != 0 && is_modern ? (uint32_t)MCP_EXTENSION_TASKS : 0U;
    return extensions;
}

void mcp_offers_write(struct buf *buf, uint32_t offers, enum mcp_revision revision)
{
    uint32_t extensions = extensions_of(offers, revision);
    struct slice before = SLICE_EMPTY;
    buf_append(buf, SLICE("\"capabilities\":{"));
    for (size_t i = 0; i < COUNT_OF(OFFERS); i++) {
        if ((offers & OFFERS[i].flag) != 0) {
            buf_append(buf, before);
            buf_append_json_string(buf, OFFERS[i].name);
            buf_append(buf, SLICE(":{"));
            write_parts(buf, offers, OFFERS[i].parts);
            buf_append_byte(buf, '}');
            before = SLICE(",");
        }
    }
    if ((offers & MCP_OFFERS_TASKS) != 0 && revision == MCP_2025_11_25) {
        buf_append(buf, before);
        write_tasks(buf, offers);
        before = SLICE(",");
    }
    if (extensions != 0) {
        buf_append(buf, before);
        mcp_extensions_write(buf, extensions,
                             (offers & MCP_OFFERS_DIRECTORIES) != 0
                                 ? MCP_EXTENSIONS_OF_SERVER_WITH_DIRECTORIES
                                 : MCP_EXTENSIONS_OF_SERVER);
    }
    buf_append_byte(buf, '}');
}
