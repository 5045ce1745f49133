/* server_reply.h: messages to a legacy server that it does not answer: our answers to its
 * questions.
 *
 * Sent in its session and then forgotten: when one does not arrive, the server goes on waiting, and
 * the call that its question belongs to ends in time. A server that asks faster than it takes
 * answers gets no more of them.
 */
#ifndef AEGIS_CORE_GATEWAY_SERVER_REPLY_H
#define AEGIS_CORE_GATEWAY_SERVER_REPLY_H

#include "base/slice.h"

#define SERVER_REPLIES_MAX 64 /* under way in one session */

struct server_session;

/* Answer the request with that id (a lexeme of the server's); outcome is the member
 * `"result":{...}` or `"error":{...}`. */
void server_reply(struct server_session *session, struct slice id, struct slice outcome);

#endif
