/* server_reply.h: what a server is told without anybody waiting for it: our answers to the
 * questions of a legacy server, that a request is taken back, that its client's roots have changed,
 * how much of its log is wanted, that a subscription is over, and that a session is.
 *
 * Sent and then forgotten: when one does not arrive, the server goes on waiting or working, and the
 * call that it belongs to ends in time. A server that takes them more slowly than there are new
 * ones gets no more of them.
 */
#ifndef AEGIS_CORE_GATEWAY_SERVER_REPLY_H
#define AEGIS_CORE_GATEWAY_SERVER_REPLY_H

#include "base/slice.h"

#include <stdint.h>

#define SERVER_REPLIES_MAX 64    /* under way in one session */
#define SERVER_FAREWELLS_MAX 256 /* under way in one loop */
#define SERVER_FAREWELL_MS 5000  /* at most for each of these */

struct server_session;

/* Answer the request with that id (a lexeme of the server's); outcome is the member
 * `"result":{...}` or `"error":{...}`. */
void server_reply(struct server_session *session, struct slice id, struct slice outcome);

/* Take our request of that id back. Modern servers are told over stdio only: over HTTP the closed
 * stream says it (MCP 2026-07-28, transports). */
void server_reply_cancel(struct server_session *session, int64_t id);

/* Tell a legacy server something that needs no parameters. */
void server_reply_notify(struct server_session *session, struct slice method);

/* Ask a legacy server for something of which nobody waits for the end; its one parameter. */
void server_reply_request(struct server_session *session, struct slice method, struct slice member,
                          struct slice value);

/* The session will not be used again (MCP 2025-11-25, session management: DELETE). Sent for the
 * sessions that a server has named; outlives the structure. */
void server_reply_end(const struct server_session *session);

#endif
