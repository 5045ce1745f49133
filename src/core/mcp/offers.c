#include "core/mcp/offers.h"

struct offer {
    struct slice name;
    uint32_t flag;
};

static const struct offer OFFERS[] = {
    {SLICE_INIT("tools"), MCP_OFFERS_TOOLS},
    {SLICE_INIT("resources"), MCP_OFFERS_RESOURCES},
    {SLICE_INIT("prompts"), MCP_OFFERS_PROMPTS},
    {SLICE_INIT("completions"), MCP_OFFERS_COMPLETIONS},
    {SLICE_INIT("logging"), MCP_OFFERS_LOGGING},
};

uint32_t mcp_offers_read(const struct json_tape *tape, json_ref result)
{
    json_ref capabilities = json_member(tape, result, SLICE("capabilities"));
    uint32_t offers = 0;
    if (capabilities == JSON_NONE || json_type(tape, capabilities) != JSON_OBJECT) {
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(OFFERS); i++) {
        json_ref offer = json_member(tape, capabilities, OFFERS[i].name);
        if (offer != JSON_NONE && json_type(tape, offer) == JSON_OBJECT) {
            offers |= OFFERS[i].flag;
        }
    }
    return offers;
}

void mcp_offers_write(struct buf *buf, uint32_t offers)
{
    bool is_first = true;
    buf_append(buf, SLICE("\"capabilities\":{"));
    for (size_t i = 0; i < COUNT_OF(OFFERS); i++) {
        if ((offers & OFFERS[i].flag) != 0) {
            buf_append(buf, is_first ? SLICE_EMPTY : SLICE(","));
            buf_append_json_string(buf, OFFERS[i].name);
            buf_append(buf, SLICE(":{}"));
            is_first = false;
        }
    }
    buf_append_byte(buf, '}');
}
