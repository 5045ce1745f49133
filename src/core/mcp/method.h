/* method.h: every method Aegis lets through, and what a policy may know about it.
 *
 * One table for what clients ask of servers and one for what servers ask of clients: a method that
 * is not in its table does not exist. Source: the revisions' method lists.
 */
#ifndef AEGIS_CORE_MCP_METHOD_H
#define AEGIS_CORE_MCP_METHOD_H

#include "base/slice.h"
#include "core/mcp/revision.h"

enum mcp_primitive {
    MCP_LIFECYCLE = 0,
    MCP_TOOL,
    MCP_RESOURCE,
    MCP_PROMPT,
    MCP_SAMPLING, /* from here on: what servers ask of clients */
    MCP_ROOTS,
    MCP_ELICITATION,
};

/* What the gateway does with a method; see the stage tables in gateway/. */
enum mcp_kind {
    MCP_KIND_INITIALIZE,
    MCP_KIND_DISCOVER,
    MCP_KIND_PING,
    MCP_KIND_LOG_LEVEL,
    MCP_KIND_LISTEN,       /* a stream of changes */
    MCP_KIND_NOTIFICATION, /* accepted and not forwarded */
    MCP_KIND_LIST,
    MCP_KIND_CALL,     /* names one target on one server */
    MCP_KIND_TASK,     /* names a task, by an id that says the tool and the server */
    MCP_KIND_BATCH,    /* no message, but several */
    MCP_KIND_STREAM,   /* no message, but GET: open a stream of the session */
    MCP_KIND_DELETE,   /* no message, but DELETE: end the session */
    MCP_KIND_RESPONSE, /* no method, but the answer to a server's question */
    MCP_KIND_QUESTION, /* a server's */
};

struct mcp_method {
    struct slice name;
    enum mcp_primitive primitive;
    enum mcp_kind kind;
    bool is_notification;
    bool in_legacy, in_modern;
    enum mcp_revision first_legacy; /* of those with a handshake that have it; NONE: all have */
    uint32_t extension;             /* whose method it is, mcp_extension; 0: of the protocol */
    struct slice target_member;     /* of params: "name" or "uri"; empty when there is no target */
    bool is_unrepeated;             /* modern: no header field has the target */
    struct slice list_member;       /* of the result of a list, "tools", or of a directory */
    uint32_t needs;                 /* what a server must offer, mcp_offer; 0: nothing */
    bool may_ask;                   /* modern: its result may be questions to the client */
    bool is_completion;             /* the target is in params.ref, and says the primitive */
    bool is_of_tasks;               /* of MCP 2025-11-25 and of the extension of 2026-07-28 */
    struct slice judged_as; /* another use of the target: that which a completion helps with,
                             * or the call that made a task; empty: the method itself */
    struct slice within;    /* the method whose action its own is in; empty: none */
    struct slice carries;   /* of its result, where resources may stand; empty: none may */
};

/* The entry of a method, or NULL: then it is refused. Names are compared byte by byte. */
const struct mcp_method *mcp_method_find(struct slice name);

/* The entry for an HTTP method of a request that is not one message, "GET", "DELETE" or "POST"; it
 * has no id and is no method of a message. */
const struct mcp_method *mcp_method_of_http(struct slice name);

/* The entry of completion/complete for what is referred to: MCP_PROMPT or MCP_RESOURCE. */
const struct mcp_method *mcp_method_completion(enum mcp_primitive primitive);

/* The entry for a message that is the answer to a question. */
const struct mcp_method *mcp_method_of_response(void);

/* The entry of resources/read: links and embedded resources are judged as what it names. */
const struct mcp_method *mcp_method_of_read(void);

/* The entry for a server's notice that a resource has changed; no client sends it. */
const struct mcp_method *mcp_method_of_update(void);

/* The entry of what a server asks of a client, in a request or in a result; NULL: it is refused. */
const struct mcp_method *mcp_question_find(struct slice name);

/* Do servers ask for it? */
bool mcp_primitive_is_asked(enum mcp_primitive primitive);

/* "tool", "resource", "prompt", "sampling", "roots", "elicitation"; "lifecycle" for the rest. */
struct slice mcp_primitive_name(enum mcp_primitive primitive);

#endif
