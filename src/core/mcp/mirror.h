/* mirror.h: header fields that repeat parts of the body (MCP 2026-07-28, Streamable HTTP).
 *
 * Whoever acts on the body must refuse a request whose fields say something else. */
#ifndef AEGIS_CORE_MCP_MIRROR_H
#define AEGIS_CORE_MCP_MIRROR_H

#include "base/buf.h"
#include "base/diag.h"
#include "core/mcp/message.h"

/* Check MCP-Protocol-Version, Mcp-Method and Mcp-Name of a modern request against its body.
 * version is the body's text. STATUS_INVALID with code mcp.header on any disagreement: missing,
 * doubled, different, or malformed. */
NODISCARD enum status mcp_mirror_check(const struct mcp_message_input *input,
                                       const struct mcp_message *message, struct slice method,
                                       struct slice version, struct arena *arena,
                                       struct diag *diag);

/* The text that a field's value stands for: decoded when it is the base64 form, else the value
 * itself. STATUS_INVALID when it is neither form, STATUS_LIMIT when the arena is full. */
NODISCARD enum status mcp_mirror_decode(struct slice value, struct arena *arena, struct slice *out);

/* Does a field carry the value as it is? */
bool mcp_mirror_is_plain(struct slice value);

/* Append a value in the form fields carry it: as it is when it is plain printable ASCII, else as
 * "=?base64?...?=". */
void mcp_mirror_encode(struct buf *buf, struct slice value);

#endif
