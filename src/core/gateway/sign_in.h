/* sign_in.h: the front door to an identity provider that registers no clients.
 *
 * Clients that nobody knows are mapped onto the one client that the gateway is at the provider. The
 * danger of that is the confused deputy: the provider asks a person about the gateway, once, and
 * not about each client. So the gateway asks itself, on a page of its own, for every sign-in; a
 * code goes to an address that the client registered and nowhere else; and every step is tied to
 * the one before by a sealed ticket, to the browser by a cookie, and to the client by PKCE. The
 * tokens that a client gets are the provider's: none are issued here.
 *
 * Requests of the front door are operations with stages of their own: they have a deadline, memory,
 * and records like all others, but no message and no principal.
 */
#ifndef AEGIS_CORE_GATEWAY_SIGN_IN_H
#define AEGIS_CORE_GATEWAY_SIGN_IN_H

#include "core/gateway/operation.h"
#include "core/gateway/sign_in_path.h"
#include "core/ports/http_client.h"
#include "core/sign_in/authorization.h"
#include "core/sign_in/oauth_error.h"
#include "core/sign_in/token_request.h"

#define SIGN_IN_COOKIE "__Host-aegis-sign-in"
#define SIGN_IN_COOKIE_BYTES 43          /* base64url of 32 random bytes */
#define SIGN_IN_REGISTERED "registered." /* before the sealed metadata that are a client's id */

/* What an operation of the front door knows; in its arena. */
struct sign_in {
    struct operation *operation;
    struct sign_in_path path; /* of operation->target_path */
    struct slice cookie;      /* of the browser; empty: none, or none of ours */
    struct form form;
    struct slice client_id;
    struct sign_in_client client;
    struct sign_in_ticket ticket; /* which the next step is given, or which came with this one */
    struct slice state;           /* the client's, of a code's redirect */
    bool may_redirect;            /* a refusal goes to ticket.redirect_uri */
    struct token_request request;
    const char *audit_code; /* of the record of what was done */
    const char *failure;    /* code of what went wrong behind the intent; NULL: nothing */
    struct slice failure_reason;
    struct child child; /* what is asked of another server */
    struct http_client_call *call;
    bool is_fetching; /* a document, which counts */
    int http_status;  /* of its answer */
    int64_t max_age_s;
    struct slice content_type;
    struct slice body;
};

/* Take the request of a new operation, whose target is one of the front door. */
enum stage_result sign_in_enter(struct operation *op);

/* What records say of it. */
void sign_in_describe(const struct operation *op, struct audit_record *record);

/* -- sign_in_answer.c ------------------------------------------------------------------------ */

/* Metadata of the front door, and the leave of browsers to ask for them, to register and to get
 * tokens; to anybody, without a record. The caller releases the exchange. */
void sign_in_answer_public(struct gateway *gateway, struct exchange *exchange,
                           const struct sign_in_path *path, struct slice method);

/* The reply as a page, or as JSON. */
void sign_in_answer_page(struct operation *op, int http_status);
void sign_in_answer_json(struct operation *op, int http_status);

/* Send the browser to the address in the reply. */
void sign_in_answer_redirect(struct operation *op);

/* As the step's caller can read it. */
void sign_in_answer_refusal(struct operation *op);

/* Write the address that the browser takes back to the client: what is given and whose it is. */
void sign_in_write_redirect(struct operation *op, struct slice name, struct slice value);

/* -- sign_in_fetch.c ------------------------------------------------------------------------- */

/* Ask another server; its answer is in the arena when the next stage runs, unless the operation's
 * wait_status says otherwise. STAGE_DONE when it could not be asked: why is noted. */
enum stage_result sign_in_fetch(struct sign_in *sign_in, const struct http_client_request *request);

/* -- sign_in_seal.c -------------------------------------------------------------------------- */

/* What a text is sealed for. The last two outlive the process. */
enum sign_in_seal {
    SIGN_IN_SEAL_CONSENT,
    SIGN_IN_SEAL_STATE,
    SIGN_IN_SEAL_CODE,
    SIGN_IN_SEAL_REFRESH,
    SIGN_IN_SEAL_CLIENT,
};

/* Seal a text for the issuer's entry; appended to out. Statuses of sealed_text_seal. */
NODISCARD enum status sign_in_seal(const struct gateway *gateway,
                                   const struct gateway_front_door *entry, enum sign_in_seal use,
                                   struct slice text, struct buf *out);

NODISCARD enum status sign_in_unseal(const struct gateway *gateway,
                                     const struct gateway_front_door *entry, enum sign_in_seal use,
                                     struct slice sealed, struct arena *arena, struct slice *text);

/* The same for a ticket. */
NODISCARD enum status sign_in_seal_ticket(const struct gateway *gateway,
                                          const struct gateway_front_door *entry,
                                          enum sign_in_seal use,
                                          const struct sign_in_ticket *ticket, struct buf *out);
NODISCARD enum status sign_in_unseal_ticket(const struct gateway *gateway,
                                            const struct gateway_front_door *entry,
                                            enum sign_in_seal use, struct slice sealed,
                                            struct arena *arena, struct sign_in_ticket *out);

/* -- shared by the steps --------------------------------------------------------------------- */

/* The issuer's entry now, or NULL: it has no open front door any more. Not across a wait. */
const struct gateway_front_door *sign_in_entry(const struct sign_in *sign_in);

enum stage_result sign_in_refuse(struct operation *op, const char *code, struct slice reason);
enum stage_result sign_in_refuse_diag(struct operation *op, const struct diag *diag);

/* The digest of a text, in the arena; empty: no memory. */
struct slice sign_in_digest(struct operation *op, struct slice text);

/* Write a record of what is done; an outcome tells of sign_in->failure. As operation_record_as. */
enum stage_result sign_in_record(struct operation *op, enum audit_phase phase, struct slice outcome,
                                 bool is_durable);

/* The ticket is good once, on whichever loop; code: of the refusal. */
enum stage_result sign_in_use_once(struct operation *op, const char *code);

/* Write the event of sign_in->audit_code. It is refused when too much of that is done from one
 * address. */
enum stage_result sign_in_stage_record(struct operation *op);

enum stage_result sign_in_stage_read_query(struct operation *op);
enum stage_result sign_in_stage_read_body(struct operation *op);

/* sign_in_clients.c: who is the client of sign_in->client_id? May have to ask for its document. */
enum stage_result sign_in_stage_find_client(struct operation *op);
enum stage_result sign_in_stage_take_client(struct operation *op);

extern const struct stage SIGN_IN_AUTHORIZE_STAGES[];
extern const struct stage SIGN_IN_CONSENT_STAGES[];
extern const struct stage SIGN_IN_CALLBACK_STAGES[];
extern const struct stage SIGN_IN_TOKEN_STAGES[];
extern const struct stage SIGN_IN_REGISTER_STAGES[];

#endif
