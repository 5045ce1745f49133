/* server_child.h: which child process, or stream, of its server a session uses.
 *
 * A legacy server knows its client by the child it talks on, so each session has one of its own. A
 * program that speaks MCP 2026-07-28 takes every request for itself: the sessions of all callers of
 * one loop share a child of it. What must be apart is so by our ids, which are never used twice on
 * a loop: of requests, progress and subscriptions. What names none of them is nobody's once there
 * are two sessions (has_others in core/ports/upstream.h).
 */
#ifndef AEGIS_CORE_GATEWAY_SERVER_CHILD_H
#define AEGIS_CORE_GATEWAY_SERVER_CHILD_H

#include "core/ports/upstream.h"

#include <stdbool.h>
#include <stdint.h>

struct server_session;

/* Of one server on one loop. Its programs all run with the one credential of its entry; where
 * credentials differ by caller, there is one for each of them, and shared_of in server_child.c
 * finds it. */
struct shared_child {
    uint64_t number;     /* 0: there is none */
    uint32_t user_count; /* sessions */
    bool has_others;     /* there has been more than one */
};

/* From now on the session has a new child of its own. */
void server_child_begin(struct server_session *session);

/* From now on the session uses the one that all share; if there is none yet, its own becomes it. */
void server_child_share(struct server_session *session);

/* The session needs its child no more: stopped unless others do. */
void server_child_leave(struct server_session *session);

/* Say in request which child it is for, and whose it is where others use that child. */
void server_child_address(const struct server_session *session, struct upstream_request *request);

#endif
