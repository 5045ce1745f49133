/* client_pages.h: the pages that a session with a legacy client was asked to open.
 *
 * A server may tell later that what had to be done on a page is done, by the id that it gave the
 * page when it asked (MCP 2025-11-25, elicitation, notifications/elicitation/complete). That goes
 * on once, to the client that was asked by this server; what is not remembered here was not asked,
 * and is dropped and recorded. Other revisions have no such ids. The oldest is forgotten first.
 */
#ifndef AEGIS_CORE_GATEWAY_CLIENT_PAGES_H
#define AEGIS_CORE_GATEWAY_CLIENT_PAGES_H

#include "core/gateway/client_session.h"
#include "core/gateway/question.h"

#define CLIENT_PAGE_ID_BYTES_MAX 512
#define CLIENT_PAGES_METHOD SLICE("notifications/elicitation/complete")

struct operation;

/* The client was asked that by a server; of a page its id is remembered, if there is room. */
void client_pages_note(struct client_session *session, uint32_t server_index,
                       const struct question *question);

/* The server of the operation tells that with CLIENT_PAGES_METHOD, well-formed: append what its
 * client gets. False: nothing; the first such notice in a row that names no page of the session is
 * recorded. */
bool client_pages_complete(struct operation *operation, const struct json_tape *tape,
                           struct buf *out);

/* Forget all. */
void client_pages_release(struct client_session *session);

#endif
