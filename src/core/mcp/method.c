#include "core/mcp/method.h"

#include "core/mcp/extensions.h"
#include "core/mcp/offers.h"

#define NAME(text) .name = SLICE_INIT(text)
#define TARGET(text) .target_member = SLICE_INIT(text)
#define ITEMS(text) .list_member = SLICE_INIT(text)
#define NEEDS(offer) .needs = MCP_OFFERS_##offer
#define COMPLETION(use) .is_completion = true, .is_unrepeated = true, .judged_as = SLICE_INIT(use)
#define ASKS .may_ask = true
#define OF_TASKS                                                                                   \
    .is_of_tasks = true, .first_legacy = MCP_2025_11_25, .judged_as = SLICE_INIT("tools/call")
/* Extensions are older than their era. */
#define OF_SKILLS                                                                                  \
    BOTH, .extension = MCP_EXTENSION_SKILLS, .first_legacy = MCP_2025_11_25, .is_unrepeated = true
#define CARRIES(member) .carries = SLICE_INIT(member)
#define BOTH .in_legacy = true, .in_modern = true
#define LEGACY .in_legacy = true
#define MODERN .in_modern = true

static const struct mcp_method METHODS[] = {
    {NAME("tools/call"), MCP_TOOL, MCP_KIND_CALL, BOTH, TARGET("name"), NEEDS(TOOLS), ASKS,
     CARRIES("content")},
    {NAME("tools/list"), MCP_TOOL, MCP_KIND_LIST, BOTH, ITEMS("tools"), NEEDS(TOOLS)},
    {NAME("resources/read"), MCP_RESOURCE, MCP_KIND_CALL, BOTH, TARGET("uri"), NEEDS(RESOURCES),
     ASKS, CARRIES("contents")},
    {NAME("resources/subscribe"), MCP_RESOURCE, MCP_KIND_CALL, LEGACY, TARGET("uri"),
     NEEDS(SUBSCRIBE), .within = SLICE_INIT("resources/read")},
    {NAME("resources/unsubscribe"), MCP_RESOURCE, MCP_KIND_CALL, LEGACY, TARGET("uri"),
     NEEDS(SUBSCRIBE), .judged_as = SLICE_INIT("resources/subscribe"),
     .within = SLICE_INIT("resources/read")},
    {NAME("resources/list"), MCP_RESOURCE, MCP_KIND_LIST, BOTH, ITEMS("resources"),
     NEEDS(RESOURCES)},
    {NAME("resources/templates/list"), MCP_RESOURCE, MCP_KIND_LIST, BOTH,
     ITEMS("resourceTemplates"), NEEDS(RESOURCES)},
    {NAME("skills/list"), MCP_RESOURCE, MCP_KIND_LIST, OF_SKILLS, ITEMS("skills"), NEEDS(SKILLS)},
    {NAME("skills/get"), MCP_RESOURCE, MCP_KIND_CALL, OF_SKILLS, TARGET("uri"), NEEDS(SKILLS),
     .within = SLICE_INIT("resources/read")},
    {NAME("resources/directory/read"), MCP_RESOURCE, MCP_KIND_CALL, OF_SKILLS, TARGET("uri"),
     ITEMS("resources"), NEEDS(DIRECTORIES), .within = SLICE_INIT("resources/read")},
    {NAME("prompts/get"), MCP_PROMPT, MCP_KIND_CALL, BOTH, TARGET("name"), NEEDS(PROMPTS), ASKS,
     CARRIES("messages")},
    {NAME("prompts/list"), MCP_PROMPT, MCP_KIND_LIST, BOTH, ITEMS("prompts"), NEEDS(PROMPTS)},
    {NAME("completion/complete"), MCP_PROMPT, MCP_KIND_CALL, BOTH, TARGET("name"),
     NEEDS(COMPLETIONS), COMPLETION("prompts/get")},
    {NAME("completion/complete"), MCP_RESOURCE, MCP_KIND_CALL, BOTH, TARGET("uri"),
     NEEDS(COMPLETIONS), COMPLETION("resources/read")},
    {NAME("tasks/get"), MCP_TOOL, MCP_KIND_TASK, BOTH, TARGET("taskId"), NEEDS(TASKS), OF_TASKS,
     CARRIES("content")},
    {NAME("tasks/result"), MCP_TOOL, MCP_KIND_TASK, LEGACY, TARGET("taskId"), NEEDS(TASKS),
     OF_TASKS, CARRIES("content")},
    {NAME("tasks/update"), MCP_TOOL, MCP_KIND_TASK, MODERN, TARGET("taskId"), NEEDS(TASKS),
     OF_TASKS},
    {NAME("tasks/cancel"), MCP_TOOL, MCP_KIND_TASK, BOTH, TARGET("taskId"), NEEDS(TASKS_CANCEL),
     OF_TASKS},
    {NAME("tasks/list"), MCP_TOOL, MCP_KIND_LIST, LEGACY, ITEMS("tasks"), NEEDS(TASKS_LIST),
     OF_TASKS},
    {NAME("initialize"), MCP_LIFECYCLE, MCP_KIND_INITIALIZE, LEGACY},
    {NAME("ping"), MCP_LIFECYCLE, MCP_KIND_PING, LEGACY},
    {NAME("logging/setLevel"), MCP_LIFECYCLE, MCP_KIND_LOG_LEVEL, LEGACY, NEEDS(LOGGING)},
    {NAME("subscriptions/listen"), MCP_LIFECYCLE, MCP_KIND_LISTEN, MODERN},
    {NAME("server/discover"), MCP_LIFECYCLE, MCP_KIND_DISCOVER, MODERN},
    {NAME("notifications/initialized"), MCP_LIFECYCLE, MCP_KIND_NOTIFICATION,
     .is_notification = true, LEGACY},
    /* Of what servers ask; they are told nothing about it. */
    {NAME("notifications/progress"), MCP_LIFECYCLE, MCP_KIND_NOTIFICATION, .is_notification = true,
     LEGACY},
    /* For the servers that may ask for the roots of this session. */
    {NAME("notifications/roots/list_changed"), MCP_LIFECYCLE, MCP_KIND_NOTIFICATION,
     .is_notification = true, LEGACY},
    /* Modern: on stdio only. Over HTTP it finds nothing to cancel. */
    {NAME("notifications/cancelled"), MCP_LIFECYCLE, MCP_KIND_NOTIFICATION, .is_notification = true,
     BOTH},
};

static const struct mcp_method QUESTIONS[] = {
    {NAME("sampling/createMessage"), MCP_SAMPLING, MCP_KIND_QUESTION, BOTH},
    {NAME("roots/list"), MCP_ROOTS, MCP_KIND_QUESTION, BOTH},
    {NAME("elicitation/create"), MCP_ELICITATION, MCP_KIND_QUESTION, BOTH},
};

static const struct mcp_method UPDATE = {NAME("notifications/resources/updated"),
                                         MCP_RESOURCE,
                                         MCP_KIND_NOTIFICATION,
                                         .is_notification = true,
                                         TARGET("uri"),
                                         .judged_as = SLICE_INIT("resources/read")};

static const struct mcp_method *find(const struct mcp_method *methods, size_t count,
                                     struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(name, methods[i].name)) {
            return &methods[i];
        }
    }
    return NULL;
}

const struct mcp_method *mcp_method_find(struct slice name)
{
    return find(METHODS, COUNT_OF(METHODS), name);
}

const struct mcp_method *mcp_method_of_http(struct slice name)
{
    static const struct mcp_method OF_HTTP[] = {
        {NAME("DELETE"), MCP_LIFECYCLE, MCP_KIND_DELETE, .is_notification = true, LEGACY},
        {NAME("GET"), MCP_LIFECYCLE, MCP_KIND_STREAM, .is_notification = true, LEGACY},
        {NAME("POST"), MCP_LIFECYCLE, MCP_KIND_BATCH, .is_notification = true, LEGACY},
    };
    const struct mcp_method *method = find(OF_HTTP, COUNT_OF(OF_HTTP), name);
    return method == NULL ? &OF_HTTP[0] : method;
}

const struct mcp_method *mcp_method_completion(enum mcp_primitive primitive)
{
    size_t i = 0;
    while (!METHODS[i].is_completion || METHODS[i].primitive != primitive) {
        i++;
    }
    return &METHODS[i];
}

const struct mcp_method *mcp_method_of_response(void)
{
    static const struct mcp_method RESPONSE = {NAME("response"), MCP_LIFECYCLE, MCP_KIND_RESPONSE,
                                               .is_notification = true, LEGACY};
    return &RESPONSE;
}

const struct mcp_method *mcp_method_of_read(void)
{
    return mcp_method_find(SLICE("resources/read"));
}

const struct mcp_method *mcp_method_of_update(void)
{
    return &UPDATE;
}

const struct mcp_method *mcp_question_find(struct slice name)
{
    return find(QUESTIONS, COUNT_OF(QUESTIONS), name);
}

bool mcp_primitive_is_asked(enum mcp_primitive primitive)
{
    return primitive >= MCP_SAMPLING;
}

struct slice mcp_primitive_name(enum mcp_primitive primitive)
{
    static const struct slice NAMES[] = {
        [MCP_LIFECYCLE] = SLICE_INIT("lifecycle"),     [MCP_TOOL] = SLICE_INIT("tool"),
        [MCP_RESOURCE] = SLICE_INIT("resource"),       [MCP_PROMPT] = SLICE_INIT("prompt"),
        [MCP_SAMPLING] = SLICE_INIT("sampling"),       [MCP_ROOTS] = SLICE_INIT("roots"),
        [MCP_ELICITATION] = SLICE_INIT("elicitation"),
    };
    return NAMES[primitive];
}
