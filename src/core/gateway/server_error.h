/* server_error.h: errors of servers that look like decisions of the gateway.
 *
 * A client knows our refusals by the numbers of product_error.h and by what is in their `data`. A
 * server that answers with one of these would speak in our name, and there is no record of such a
 * decision. So its error goes on without both, and the outcome of the call says that.
 */
#ifndef AEGIS_CORE_GATEWAY_SERVER_ERROR_H
#define AEGIS_CORE_GATEWAY_SERVER_ERROR_H

#include "json/writer.h"

#include <stdbool.h>

#define SERVER_ERROR_EDITS_MAX 2

struct operation;

/* Does the server's error look like one of ours? Of the call, or of the task in its result; false
 * when there is none. */
bool server_error_poses(const struct operation *operation);

/* What is changed in that error before it goes on; returns how many edits. */
size_t server_error_edit(const struct operation *operation, struct json_edit *edits);

#endif
