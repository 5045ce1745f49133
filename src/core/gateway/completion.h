/* completion.h: which values of a completion the caller may see.
 *
 * A value for a variable of a template makes an address, and an address that the caller may not
 * read is not shown to him in pieces either. Values of prompts' arguments have no target of their
 * own. */
#ifndef AEGIS_CORE_GATEWAY_COMPLETION_H
#define AEGIS_CORE_GATEWAY_COMPLETION_H

#include "core/gateway/operation.h"
#include "json/writer.h"

#define COMPLETION_EDITS_MAX (MCP_COMPLETION_VALUES_MAX + 1)

/* The edits that take what the caller may not see out of the answer of the operation's call, which
 * holds values (mcp_completion_values). Returns how many, COMPLETION_EDITS_MAX at most. */
size_t completion_filter(struct operation *operation, struct json_edit *edits);

#endif
