#include "daemon/config/config_bounds.h"

#include "adapters/crypto/authorities.h"
#include "adapters/transport/sse_stream.h"
#include "adapters/transport/stdio_child.h"
#include "adapters/transport/stdio_server.h"
#include "cedar/cedar.h"
#include "core/audit/record.h"
#include "core/gateway/call.h"
#include "core/gateway/failed_sources.h"
#include "core/gateway/gateway.h"
#include "core/gateway/input_rounds.h"
#include "core/gateway/listening.h"
#include "core/gateway/parameter_fields.h"
#include "core/gateway/question.h"
#include "core/gateway/request_rate.h"
#include "core/gateway/server_reply.h"
#include "core/gateway/server_session.h"
#include "core/gateway/server_stream.h"
#include "core/gateway/session_token.h"
#include "core/gateway/sign_in_documents.h"
#include "core/gateway/task_id.h"
#include "core/identity/api_key.h"
#include "core/identity/claims.h"
#include "core/identity/client_certificate.h"
#include "core/identity/group_lookup.h"
#include "core/identity/issuer_entry.h"
#include "core/identity/jwks.h"
#include "core/identity/principal_map.h"
#include "core/identity/proof.h"
#include "core/identity/revocations.h"
#include "core/mcp/completion.h"
#include "core/mcp/message.h"
#include "core/mcp/resource_uri.h"
#include "core/mcp/uri_template.h"
#include "core/policy/form_check.h"
#include "core/policy/schema_check.h"
#include "core/policy/usage_table.h"
#include "core/ports/upstream.h"
#include "core/ports/usage.h"
#include "core/sign_in/authorization.h"
#include "core/sign_in/form.h"
#include "core/sign_in/page.h"
#include "core/sign_in/redirect_uri.h"
#include "core/sign_in/ticket.h"
#include "core/sign_in/token_request.h"
#include "core/sign_in/wishes.h"
#include "daemon/config/config.h"
#include "daemon/config/config_tree.h"
#include "daemon/config/policy_files.h"
#include "daemon/inquiries.h"
#include "daemon/key_sets.h"
#include "daemon/sign_in/documents.h"
#include "daemon/sign_in/keeper.h"
#include "daemon/sign_in/redirect_listener.h"

#define BOUND(name, value, unit, doc)                                                              \
    {                                                                                              \
        SLICE_INIT(name), (int64_t)(value), unit, doc                                              \
    }

/* clang-format off */
const struct config_bound config_bound_table[] = {
    BOUND("policies", CEDAR_POLICIES_MAX, "", "policies of one set"),
    BOUND("policy_source_bytes", CEDAR_SOURCE_BYTES_MAX, "bytes", "one text of policies, or of a schema"),
    BOUND("policy_depth", CEDAR_DEPTH_MAX, "", "expressions and values inside each other"),
    BOUND("policy_steps", CEDAR_STEPS_MAX, "", "work of one policy in one decision; more is an error of it"),
    BOUND("policy_files", POLICY_FILES_MAX, "", "files of policies"),
    BOUND("policy_file_bytes", POLICY_FILE_BYTES_MAX, "bytes", "one of these"),
    BOUND("config_bytes", CONFIG_FILE_BYTES_MAX, "bytes", "the configuration"),
    BOUND("config_depth", CONFIG_DEPTH_MAX, "", "mappings and lists in it, inside each other"),
    BOUND("config_members", CONFIG_MEMBERS_MAX, "", "members of one of these"),
    BOUND("servers", CONFIG_SERVERS_MAX, "", "entries of servers"),
    BOUND("views", CONFIG_VIEWS_MAX, "", "entries of views"),
    BOUND("issuers", CONFIG_ISSUERS_MAX, "", "entries of identity"),
    BOUND("api_keys", API_KEYS_MAX, "", "API keys of one list"),
    BOUND("revocation_text_bytes", REVOCATION_TEXT_BYTES_MAX, "bytes", "one text of an entry of the list of revocations"),
    BOUND("revocation_reason_bytes", REVOCATION_REASON_BYTES_MAX, "bytes", "why somebody is on that list"),
    BOUND("client_ca", CONFIG_CLIENT_CAS_MAX, "", "files of authorities of clients"),
    BOUND("client_authorities", AUTHORITIES_MAX - 1, "", "certificates, or revocation lists, of one file"),
    BOUND("client_authority_bytes", AUTHORITIES_BYTES_MAX - 1, "bytes", "one of these files"),
    BOUND("client_chain", CLIENT_CERTIFICATE_ISSUERS_MAX, "", "authorities behind a client's certificate, the trusted one included"),
    BOUND("client_names", CLIENT_CERTIFICATE_NAMES_MAX, "", "alternative names of one kind in it"),
    BOUND("client_name_bytes", CLIENT_CERTIFICATE_NAME_BYTES_MAX, "bytes", "one of these names"),
    BOUND("client_subject_bytes", CLIENT_CERTIFICATE_SUBJECT_BYTES_MAX, "bytes", "its subject, as RFC 4514 writes it"),
    BOUND("message_id_bytes", MCP_ID_BYTES_MAX, "bytes", "id of one request, when it is text"),
    BOUND("method_bytes", MCP_METHOD_BYTES_MAX, "bytes", "name of one method"),
    BOUND("batch_messages", GATEWAY_BATCH_MAX, "", "messages that a client may send as one"),
    BOUND("server_batch_messages", UPSTREAM_BATCH_MAX, "", "messages that a server may send as one"),
    BOUND("stranger_body_bytes", GATEWAY_STRANGER_BODY_BYTES_MAX, "bytes", "body of a request that is read before its caller is known"),
    BOUND("uri_bytes", RESOURCE_URI_BYTES_MAX, "bytes", "one address of a resource"),
    BOUND("uri_template_bytes", URI_TEMPLATE_BYTES_MAX, "bytes", "one template of addresses"),
    BOUND("schema_depth", SCHEMA_DEPTH_MAX, "", "schemas of arguments inside each other"),
    BOUND("parameter_fields", PARAMETER_FIELDS_MAX, "", "arguments of one tool that are repeated in header fields"),
    BOUND("parameter_field_bytes", PARAMETER_FIELD_BYTES_MAX, "bytes", "one of these fields"),
    BOUND("question_members", QUESTION_MEMBERS_MAX, "", "members of one question of a server, and of its answer"),
    BOUND("question_fields", FORM_CHECK_FIELDS_MAX, "", "fields of one form"),
    BOUND("roots", QUESTION_ROOTS_MAX, "", "entries of one list of roots"),
    BOUND("completion_values", MCP_COMPLETION_VALUES_MAX, "", "values of one completion"),
    BOUND("instructions_bytes", SERVER_SESSION_INSTRUCTIONS_BYTES_MAX, "bytes", "instructions of one server; longer ones are left out"),
    BOUND("call_resumes", CALL_RESUMES_MAX, "", "attempts in a row to go on with a stream that a server left"),
    BOUND("stream_questions", SERVER_STREAM_QUESTIONS_MAX, "", "questions of one server outside of calls, not answered yet"),
    BOUND("stream_failures", SERVER_STREAM_FAILURES_MAX, "", "failures in a row of a stream of a server, before it is given up"),
    BOUND("stream_silence_ms", SERVER_STREAM_SILENCE_MS, "ms", "silence of such a stream, before it is opened anew"),
    BOUND("listen_ms", LISTENING_MS_MAX, "ms", "stream of changes of one modern client"),
    BOUND("session_lifetime_s", SESSION_TOKEN_LIFETIME_S, "s", "age at which the id of a session is none any more"),
    BOUND("question_state_s", INPUT_STATE_LIFETIME_S, "s", "time for a modern client to come back with answers"),
    BOUND("server_task_id_bytes", TASK_OWN_ID_BYTES_MAX, "bytes", "a server's own id of a task"),
    BOUND("server_session_id_bytes", SERVER_SESSION_ID_BYTES_MAX, "bytes", "a server's own id of a session"),
    BOUND("server_replies", SERVER_REPLIES_MAX, "", "answers and cancellations under way in one session with a server"),
    BOUND("sse_messages", SSE_STREAM_POSTS_MAX, "", "messages under way to a server over HTTP with SSE"),
    BOUND("stdio_requests", STDIO_SERVER_EXCHANGES_MAX, "", "requests of a client on our standard streams at once; more are not read"),
    BOUND("stdio_log_line_bytes", CHILD_LOG_LINE_BYTES, "bytes", "shown of a line that a child writes to its log"),
    BOUND("stdio_log_lines_per_s", CHILD_LOG_LINES_PER_S, "", "such lines of one child"),
    BOUND("subject_claims", IDENTITY_SUBJECTS_MAX, "", "claims that a subject may come from"),
    BOUND("role_claims", IDENTITY_ROLE_SOURCES_MAX, "", "claims that roles come from"),
    BOUND("attributes", IDENTITY_ATTRIBUTES_MAX, "", "attributes of one entry"),
    BOUND("claims_depth", CLAIMS_DEPTH_MAX, "", "claims of a token inside each other"),
    BOUND("claims_items", CLAIMS_LIST_MAX, "", "roles, groups or scopes of one token, or groups that were looked up"),
    BOUND("group_answer_bytes", GROUP_LOOKUP_REPLY_BYTES_MAX, "bytes", "Microsoft Graph's answer about the groups of one caller"),
    BOUND("inquiry_answers", INQUIRIES_KNOWN_MAX, "", "answers of issuers that are remembered, about tokens and groups"),
    BOUND("inquiry_waiters", INQUIRIES_WAITERS_MAX, "", "requests that wait for such answers, of all loops"),
    BOUND("actors", PRINCIPAL_ACTORS_MAX, "", "who acts for the subject of one token, in a chain"),
    BOUND("claims_item_bytes", CLAIMS_ITEM_BYTES_MAX, "bytes", "one role, group or scope"),
    BOUND("subject_bytes", CLAIMS_SUBJECT_BYTES_MAX, "bytes", "subject, or tenant, of one token"),
    BOUND("client_id_bytes", CLAIMS_CLIENT_BYTES_MAX, "bytes", "client of one token"),
    BOUND("attribute_bytes", PRINCIPAL_ATTRIBUTE_BYTES_MAX, "bytes", "attribute of a caller that is text"),
    BOUND("audiences", CLAIMS_AUDIENCES_MAX, "", "audiences of one token"),
    BOUND("jwks_keys", JWKS_KEYS_MAX, "", "keys of one key set"),
    BOUND("proof_bytes", PROOF_BYTES_MAX, "bytes", "one DPoP proof"),
    BOUND("proof_window_s", PROOF_WINDOW_S, "s", "age of a proof, and how far it may be ahead"),
    BOUND("key_waiters", KEY_SETS_WAITERS_MAX, "", "requests that wait for keys, of all loops"),
    BOUND("missing_keys", KEY_SETS_ABSENT_MAX, "", "keys that nobody has, remembered so as not to be looked for again"),
    BOUND("sign_in_form_bytes", FORM_BYTES_MAX, "bytes", "parameters of one request to the front door"),
    BOUND("sign_in_form_fields", FORM_FIELDS_MAX, "", "these parameters"),
    BOUND("sign_in_client_addresses", SIGN_IN_CLIENT_URIS_MAX, "", "redirect addresses of one client"),
    BOUND("sign_in_client_address_bytes", REDIRECT_URI_BYTES_MAX, "bytes", "one of these"),
    BOUND("sign_in_client_id_bytes", SIGN_IN_CLIENT_URL_BYTES_MAX, "bytes", "address of a client's document, which is its id"),
    BOUND("sign_in_client_name_bytes", SIGN_IN_CLIENT_NAME_BYTES_MAX, "bytes", "what a client calls itself"),
    BOUND("sign_in_resource_bytes", SIGN_IN_RESOURCE_BYTES_MAX, "bytes", "resource that a client names"),
    BOUND("sign_in_state_bytes", SIGN_IN_STATE_BYTES_MAX, "bytes", "a client's own state"),
    BOUND("sign_in_scope_bytes", WISHES_SCOPE_BYTES_MAX, "bytes", "scopes that a client asks for"),
    BOUND("sign_in_acr_bytes", WISHES_ACR_BYTES_MAX, "bytes", "kinds of sign-in that it asks for"),
    BOUND("sign_in_hint_bytes", WISHES_HINT_BYTES_MAX, "bytes", "whom it expects to sign in"),
    BOUND("sign_in_claims_bytes", WISHES_CLAIMS_BYTES_MAX, "bytes", "claims that it asks for"),
    BOUND("sign_in_verifier_bytes", PKCE_VERIFIER_BYTES_MAX, "bytes", "its secret of one sign-in (PKCE)"),
    BOUND("sign_in_provider_code_bytes", SIGN_IN_CODE_BYTES_MAX, "bytes", "code of an identity provider"),
    BOUND("sign_in_provider_token_bytes", SIGN_IN_TOKEN_BYTES_MAX, "bytes", "one token of an identity provider"),
    BOUND("sign_in_document_failed_ms", SIGN_IN_DOCUMENT_FAILED_MS, "ms", "time for which a document that could not be used is not fetched again"),
    BOUND("sign_in_page_bytes", PAGE_BYTES_MAX, "bytes", "page that asks for consent"),
    BOUND("connect_reply_bytes", SIGN_IN_REPLY_BYTES_MAX, "bytes", "aegis connect: answer of a server about signing in"),
    BOUND("connect_scopes_bytes", DOCUMENTS_SCOPES_BYTES_MAX, "bytes", "aegis connect: scopes that a resource names"),
    BOUND("connect_challenge_bytes", KEEPER_CHALLENGE_BYTES, "bytes", "aegis connect: challenge of a server"),
    BOUND("connect_address_bytes", SIGN_IN_ADDRESS_BYTES_MAX, "bytes", "aegis connect: address that the browser is sent to"),
    BOUND("connect_redirect_bytes", FLOW_TARGET_BYTES_MAX, "bytes", "aegis connect: address that it comes back with"),
    BOUND("connect_visitors", REDIRECT_VISITORS_MAX, "", "aegis connect: connections of browsers at one time"),
    BOUND("connect_visitor_ms", REDIRECT_VISITOR_MS, "ms", "aegis connect: one of these that says nothing"),
    BOUND("connect_store_bytes", TOKEN_STORE_BYTES_MAX, "bytes", "aegis connect: file of one sign-in"),
    BOUND("connect_sign_ins_per_hour", KEEPER_SIGN_INS_PER_HOUR, "", "aegis connect: how often a person is asked"),
    BOUND("connect_pause_s", KEEPER_PAUSE_S, "s", "aegis connect: pause after a person said no, or nothing"),
    BOUND("failed_addresses", FAILED_SOURCES_MAX, "", "addresses of bad tokens that are remembered"),
    BOUND("rated_principals", REQUEST_RATE_PRINCIPALS_MAX, "", "principals whose rate one loop counts at one time"),
    BOUND("usage_targets", USAGE_TARGETS_MAX, "", "tools whose calls are counted for one caller"),
    BOUND("usage_labels", USAGE_LABELS_MAX, "", "different labels of all servers"),
    BOUND("record_bytes", AUDIT_RECORD_BYTES_MAX, "bytes", "one audit record"),
};
/* clang-format on */

const size_t config_bound_count = COUNT_OF(config_bound_table);
