#include "core/mcp/capabilities.h"

static json_ref object_at(const struct json_tape *tape, json_ref ref)
{
    return ref != JSON_NONE && json_type(tape, ref) == JSON_OBJECT ? ref : JSON_NONE;
}

static bool is_true(const struct json_tape *tape, json_ref object, struct slice name)
{
    json_ref ref = object == JSON_NONE ? JSON_NONE : json_member(tape, object, name);
    return ref != JSON_NONE && json_type(tape, ref) == JSON_TRUE;
}

struct mcp_client_capabilities mcp_capabilities_read(const struct json_tape *tape, json_ref ref)
{
    static const struct slice NAMES[] = {SLICE_INIT("sampling"), SLICE_INIT("elicitation"),
                                         SLICE_INIT("roots"), SLICE_INIT("extensions")};
    json_ref values[COUNT_OF(NAMES)];
    (void)json_members(tape, ref, NAMES, COUNT_OF(NAMES), values);
    json_ref sampling = object_at(tape, values[0]);
    json_ref elicitation = object_at(tape, values[1]);
    json_ref roots = object_at(tape, values[2]);
    json_ref others = object_at(tape, values[3]);
    bool has_url = json_member_object(tape, elicitation, SLICE("url")) != JSON_NONE;
    bool has_form = json_member_object(tape, elicitation, SLICE("form")) != JSON_NONE;
    bool has_other_extensions = false;
    uint32_t extensions = mcp_extensions_read(tape, ref, &has_other_extensions);
    uint32_t known = (sampling != JSON_NONE ? 1U : 0U) + (elicitation != JSON_NONE ? 1U : 0U) +
                     (roots != JSON_NONE ? 1U : 0U) + (others != JSON_NONE ? 1U : 0U);
    return (struct mcp_client_capabilities){
        .has_sampling = sampling != JSON_NONE,
        .has_sampling_tools = json_member_object(tape, sampling, SLICE("tools")) != JSON_NONE,
        .has_roots = roots != JSON_NONE,
        .tells_roots = is_true(tape, roots, SLICE("listChanged")),
        .has_form = has_form || (elicitation != JSON_NONE && !has_url),
        .has_url = has_url,
        .extensions = extensions,
        .has_other_extensions = has_other_extensions,
        .has_other = ref != JSON_NONE && json_count(tape, ref) > known,
    };
}

bool mcp_capabilities_is_empty(const struct mcp_client_capabilities *capabilities)
{
    return !capabilities->has_sampling && !capabilities->has_roots && !capabilities->has_form &&
           !capabilities->has_url;
}

bool mcp_capabilities_are_same(const struct mcp_client_capabilities *one,
                               const struct mcp_client_capabilities *other)
{
    return one->has_sampling == other->has_sampling &&
           one->has_sampling_tools == other->has_sampling_tools &&
           one->has_roots == other->has_roots && one->tells_roots == other->tells_roots &&
           one->has_form == other->has_form && one->has_url == other->has_url &&
           one->extensions == other->extensions;
}

/* From here on there are modes of elicitation, and tools in sampling. */
static bool knows_modes(enum mcp_revision revision)
{
    return revision == MCP_2025_11_25 || revision == MCP_2026_07_28;
}

/* Pages were shown, and skills read, before extensions were part of the protocol; tasks of a client
 * of that time are those of its own revision. */
static uint32_t extensions_of(const struct mcp_client_capabilities *capabilities,
                              enum mcp_revision revision)
{
    if (revision == MCP_2025_11_25) {
        return capabilities->extensions & (MCP_EXTENSION_UI | MCP_EXTENSION_SKILLS);
    }
    return mcp_revision_is_modern(revision) ? capabilities->extensions : 0;
}

struct mcp_client_capabilities
mcp_capabilities_known(const struct mcp_client_capabilities *capabilities,
                       enum mcp_revision revision)
{
    struct mcp_client_capabilities known = *capabilities;
    known.tells_roots = known.tells_roots && !mcp_revision_is_modern(revision);
    known.has_sampling_tools = known.has_sampling_tools && knows_modes(revision);
    known.has_url = known.has_url && knows_modes(revision);
    known.extensions = extensions_of(capabilities, revision);
    known.has_other_extensions =
        capabilities->has_other_extensions || (capabilities->extensions & ~known.extensions) != 0;
    known.has_form = known.has_form && (knows_modes(revision) || revision == MCP_2025_06_18);
    return known;
}

/* To a server that does not know the modes any elicitation means forms, also one that names url
 * only: there it is left out. */
static struct slice elicitation_of(const struct mcp_client_capabilities *capabilities,
                                   enum mcp_revision revision)
{
    if (revision == MCP_2025_06_18) {
        return capabilities->has_form ? SLICE("{}") : SLICE_EMPTY;
    }
    if (!knows_modes(revision)) {
        return SLICE_EMPTY;
    }
    if (capabilities->has_form) {
        return capabilities->has_url ? SLICE("{\"form\":{},\"url\":{}}") : SLICE("{\"form\":{}}");
    }
    return capabilities->has_url ? SLICE("{\"url\":{}}") : SLICE_EMPTY;
}

/* Data of other servers is asked for through "context", which is never offered. */
static struct slice sampling_of(const struct mcp_client_capabilities *capabilities,
                                enum mcp_revision revision)
{
    if (!capabilities->has_sampling) {
        return SLICE_EMPTY;
    }
    return capabilities->has_sampling_tools && knows_modes(revision) ? SLICE("{\"tools\":{}}")
                                                                     : SLICE("{}");
}

static struct slice roots_of(const struct mcp_client_capabilities *capabilities,
                             enum mcp_revision revision)
{
    if (!capabilities->has_roots) {
        return SLICE_EMPTY;
    }
    return capabilities->tells_roots && !mcp_revision_is_modern(revision)
               ? SLICE("{\"listChanged\":true}")
               : SLICE("{}");
}

static void append(struct buf *out, bool *has_member, struct slice name, struct slice value)
{
    if (value.len > 0) {
        buf_append(out, *has_member ? SLICE(",") : SLICE_EMPTY);
        *has_member = true;
        buf_append_json_string(out, name);
        buf_append_byte(out, ':');
        buf_append(out, value);
    }
}

void mcp_capabilities_write(const struct mcp_client_capabilities *capabilities,
                            enum mcp_revision revision, struct buf *out)
{
    bool has_member = false;
    buf_append_byte(out, '{');
    append(out, &has_member, SLICE("roots"), roots_of(capabilities, revision));
    append(out, &has_member, SLICE("sampling"), sampling_of(capabilities, revision));
    append(out, &has_member, SLICE("elicitation"), elicitation_of(capabilities, revision));
    uint32_t extensions = extensions_of(capabilities, revision);
    buf_append(out, has_member && extensions != 0 ? SLICE(",") : SLICE_EMPTY);
    mcp_extensions_write(out, extensions, MCP_EXTENSIONS_OF_CLIENT);
    buf_append_byte(out, '}');
}
