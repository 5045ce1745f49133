/* unasked.h: what a server asks while no client can be asked.
 *
 * The server waits for an answer all the same: it gets the "no" of the client in whose session it
 * asks (question.h). Nobody waits for the record, which is no operation's.
 */
#ifndef AEGIS_CORE_GATEWAY_UNASKED_H
#define AEGIS_CORE_GATEWAY_UNASKED_H

#include "base/slice.h"
#include "json/tape.h"

struct server_session;

/* Refuse a question of the server, which is well-formed, and record it as code. */
void unasked_refuse(struct server_session *session, const struct json_tape *tape,
                    struct slice code);

/* Record that the server said, outside of all calls, what it may not say. */
void unasked_record(struct server_session *session, struct slice method, struct slice code);

#endif
