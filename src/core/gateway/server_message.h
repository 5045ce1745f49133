/* server_message.h: which members a message of a server has.
 *
 * Anything else than what the protocol names, look-alikes included, could be meaningful to another
 * reader, so a message with more is none.
 */
#ifndef AEGIS_CORE_GATEWAY_SERVER_MESSAGE_H
#define AEGIS_CORE_GATEWAY_SERVER_MESSAGE_H

#include "json/tape.h"

#include <stdbool.h>

/* Is the text an object of JSON-RPC 2.0? */
bool server_message_is_rpc(const struct json_tape *tape);

/* The members of an answer, JSON_NONE where there is none. */
struct server_answer {
    json_ref id, result, error;
};

/* Has it nothing but an id and a result or an error? What it has of these is in *out, whatever else
 * there is. out may be NULL. */
bool server_message_is_answer(const struct json_tape *tape, struct server_answer *out);

/* Has it nothing but a method and perhaps parameters, which are an object? */
bool server_message_is_notification(const struct json_tape *tape);

/* Is such a notification one that a legacy server may send? */
bool server_message_is_notice(const struct json_tape *tape);

/* The same with an id that we can give back. */
bool server_message_is_question(const struct json_tape *tape);

/* Has a result members that some client would take for questions although they are not read as
 * such? Those are `inputRequests`, unless asks says that they are judged, and names that only a
 * reader without regard to case takes for it or for `resultType` (CVE-2026-27896). result is an
 * object. */
bool server_message_hides_questions(const struct json_tape *tape, json_ref result, bool asks);

#endif
