/* message.h: the bytes of a client as one judged JSON-RPC message, or a refusal with its code.
 *
 * Reads a whole body once, in the order the protocol prescribes: JSON, JSON-RPC shape, envelope,
 * mirrored header fields, revision, method, params. After that nobody looks at the bytes again:
 * what goes on is written from the tape. The era is decided by the body and verified by the fields.
 */
#ifndef AEGIS_CORE_MCP_MESSAGE_H
#define AEGIS_CORE_MCP_MESSAGE_H

#include "base/arena.h"
#include "base/diag.h"
#include "core/mcp/completion.h"
#include "core/mcp/log_level.h"
#include "core/mcp/method.h"
#include "core/mcp/revision.h"
#include "wire/http_reader.h"
#include "json/tape.h"

#define MCP_ID_BYTES_MAX 256     /* of a string id, without quotes */
#define MCP_METHOD_BYTES_MAX 128 /* longer names cannot be in the table */
#define MCP_ERROR_PARSE (-32700)
#define MCP_ERROR_INVALID_REQUEST (-32600)
#define MCP_ERROR_METHOD_NOT_FOUND (-32601)
#define MCP_ERROR_INVALID_PARAMS (-32602)
#define MCP_ERROR_INTERNAL (-32603)
#define MCP_ERROR_HEADER_MISMATCH (-32020)
#define MCP_ERROR_CAPABILITY (-32021) /* of the client, which lacks it */
#define MCP_ERROR_VERSION (-32022)

/* A refusal of the message itself: what the client gets. */
struct mcp_refusal {
    int http_status;
    int rpc_code;
    const char *text;       /* static, neutral sentence for the client */
    struct slice requested; /* MCP_ERROR_VERSION: the version the client asked for */
};

struct mcp_message {
    struct json_tape tape;
    struct slice id; /* lexeme, quotes included; empty when nothing answers it: notifications */
    struct slice answered_id; /* the same, of a question that the message answers; else empty */
    json_ref result, error;   /* of such an answer: one of them, the other is JSON_NONE */
    const struct mcp_method *method;
    enum mcp_revision revision;   /* modern: from the envelope; legacy: from the field, or NONE */
    json_ref params;              /* JSON_NONE when absent */
    json_ref meta;                /* params._meta, or JSON_NONE */
    json_ref arguments;           /* params.arguments, or JSON_NONE */
    json_ref target_ref;          /* the member that names the target, or JSON_NONE */
    struct slice target;          /* its decoded text */
    enum mcp_log_level log_level; /* wished for: by a modern request, or logging/setLevel */
    struct mcp_completion completion; /* when the method is one */
    struct slice session_id;          /* legacy: Mcp-Session-Id, else empty */
    json_ref progress_token;          /* params._meta.progressToken, or JSON_NONE */
    json_ref capabilities;            /* modern: of the client, from the envelope; else JSON_NONE */
    struct slice unknown_member;      /* of params or _meta, the first that the protocol does not
                                       * have and that goes no further; empty: there is none */
};

struct mcp_message_input {
    const struct json_parser *parser;
    struct slice body;
    const struct http_field *fields;
    size_t field_count;
    bool is_stdio; /* no field repeats parts of the body */
};

/* Read and check one message. On failure *refusal says what to answer, diag why, and out->id holds
 * the id when it could be read (an error answer echoes it).
 *
 * Everything in *out lives as long as the arena and input->body. */
NODISCARD enum status mcp_message_read(const struct mcp_message_input *input, struct arena *arena,
                                       struct mcp_message *out, struct mcp_refusal *refusal,
                                       struct diag *diag);

/* The same for a request without a body, "GET" or "DELETE", which says all in its fields. */
NODISCARD enum status mcp_message_read_head(const struct mcp_message_input *input,
                                            struct slice http_method, struct mcp_message *out,
                                            struct mcp_refusal *refusal, struct diag *diag);

/* The value of a field that may appear once; *count tells how often it does. Names ignore case. */
struct slice mcp_field(const struct http_field *fields, size_t field_count, struct slice name,
                       size_t *count);

#endif
