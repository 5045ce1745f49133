/* decide.h: may this caller do this, with these arguments, on this server?
 *
 * Turns an operation into a Cedar request (DESIGN section 6) and asks the policy set. Fails closed:
 * no policies, an error on the way, or an erroring forbid all deny, and cleared memory denies.
 */
#ifndef AEGIS_CORE_POLICY_DECIDE_H
#define AEGIS_CORE_POLICY_DECIDE_H

#include "base/arena.h"
#include "cedar/cedar.h"
#include "core/identity/client_certificate.h"
#include "core/identity/principal.h"
#include "core/mcp/method.h"
#include "core/mcp/revision.h"
#include "core/policy/lift.h"
#include "core/policy/schema_check.h"
#include "core/ports/usage.h"

/* All borrowed. */
struct policy_question {
    const struct cedar_policy_set *policies; /* NULL denies */
    const struct cedar_policy_set *lifted;   /* of policy_lift_all; NULL: no forbid can be lifted */
    const struct principal *principal;
    struct slice server, server_trust;
    const struct slice *server_labels;
    size_t server_label_count;
    struct slice method; /* "tools/call" */
    struct slice within; /* the method whose action this one is in; empty: none */
    enum mcp_primitive primitive;
    struct slice name;            /* the server's own name of the tool or prompt; resources and the
                                   * roots of an answer: URI */
    struct json_place definition; /* the tool object of tools/list; ref JSON_NONE: not known */
    struct json_place arguments;  /* ref JSON_NONE: the call has none */
    /* Of what a server asks of the caller's client, and of the answer to it. */
    bool is_result;           /* the answer is judged, or one root of it */
    struct slice mode;        /* of an elicitation: "form" or "url" */
    struct json_place asked;  /* the parameters; tape NULL: there are none */
    struct json_place result; /* the answer; tape NULL: there is none */
    bool name_unknown;        /* of a resource: any address may come */
    bool arguments_unknown; /* any arguments and time may come, and any definition if none is given
                             */
    const struct usage *usage; /* of the caller, before this call; NULL: not known */
    struct slice peer_ip;
    const struct client_certificate *certificate; /* of the connection; NULL: none */
    bool is_tls;
    int64_t now_s;
};

struct policy_answer {
    bool is_allowed;
    const struct slice *policies; /* ids of the policies that decided, in the arena */
    size_t policy_count;
    struct slice reason; /* for the caller: @reason of the first deciding forbid, else empty; in the
                          * arena */
    const struct policy_demand
        *demand; /* of a denial that it would lift, in the arena; else NULL */
};

/* Decide. On any failure the answer denies and the status says why.
 *
 * scratch  working memory; its contents are forgotten, before and after
 * arena    the answer lives there */
NODISCARD enum status policy_decide(const struct policy_question *question, struct arena *scratch,
                                    struct arena *arena, struct policy_answer *out);

/* Is the call denied whatever its arguments are? Then *out is that denial, with the forbids that
 * apply to all of them. Asked before a server is: a call that can never be allowed costs it
 * nothing. */
bool policy_denies_early(const struct policy_question *question, struct arena *scratch,
                         struct arena *arena, struct policy_answer *out);

/* Could any arguments ever be allowed, with this token or a better one? For lists: what may be
 * called is listed, and what is not listed may never be called. */
bool policy_may_ever_allow(const struct policy_question *question, struct arena *scratch);

#endif
