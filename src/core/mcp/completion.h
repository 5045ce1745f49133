/* completion.h: completion/complete, which helps to fill in an argument of a prompt or a variable
 * of an address template.
 *
 * Owns how its parameters and its result are read and written. Whether the caller may have the
 * help, and which values he may see, is decided elsewhere (gateway/completion.h).
 */
#ifndef AEGIS_CORE_MCP_COMPLETION_H
#define AEGIS_CORE_MCP_COMPLETION_H

#include "base/buf.h"
#include "core/mcp/method.h"
#include "json/tape.h"

#define MCP_COMPLETION_VALUES_MAX 100 /* MCP, completion: in one answer */

/* What is asked for. */
struct mcp_completion {
    enum mcp_primitive primitive; /* of what is referred to: a prompt or a resource */
    json_ref target;              /* its name, or its address or template */
    json_ref argument, value;     /* the name of the argument, and what there is of it */
    json_ref known;               /* the arguments that are there already, or JSON_NONE */
};

/* Read params. NULL, or what is wrong with them: one static sentence. */
const char *mcp_completion_read(const struct json_tape *tape, json_ref params,
                                struct mcp_completion *out);

/* Append params for a server that calls the target `name`: what the method defines, and nothing
 * else. */
void mcp_completion_write(struct buf *buf, const struct json_tape *tape,
                          const struct mcp_completion *completion, struct slice name);

/* The array of values of a result, or JSON_NONE when it is not one: MCP_COMPLETION_VALUES_MAX
 * strings at most. */
json_ref mcp_completion_values(const struct json_tape *tape, json_ref result);

#endif
