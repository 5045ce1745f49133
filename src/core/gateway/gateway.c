#include "core/gateway/gateway.h"

#include "core/gateway/client_session.h"
#include "core/gateway/cut_off.h"
#include "core/gateway/endpoint.h"
#include "core/gateway/head_identity.h"
#include "core/gateway/listening.h"
#include "core/gateway/operation.h"
#include "core/gateway/public_path.h"
#include "core/gateway/resource.h"
#include "core/gateway/sign_in.h"
#include "core/mcp/admission.h"
#include "core/mcp/cors.h"

#include <assert.h>
#include <string.h>

#define HEAD_TEXT_BYTES_MAX 8192
#define WELL_KNOWN "/.well-known/"
#define STRANGER_ARENA_BYTES ((size_t)1 << 20)

static enum status init_at_servers(struct gateway *gateway)
{
    size_t count = gateway->snapshot->server_count;
    gateway->at_servers = base_alloc(count * sizeof(*gateway->at_servers));
    if (gateway->at_servers == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        gateway->at_servers[i] = (struct gateway_at_server){
            .account = {.parent = &gateway->account, .limit_bytes = gateway->limits.server_bytes}};
    }
    gateway->server_count = count;
    return STATUS_OK;
}

enum status gateway_init(struct gateway *gateway, const struct gateway_ports *ports,
                         struct gateway_snapshot *snapshot, const struct gateway_place *place,
                         const struct gateway_limits *limits)
{
    uint8_t seed[16];
    *gateway = (struct gateway){
        .ports = *ports,
        .snapshot = snapshot,
        .account = {.parent = ports->account, .limit_bytes = limits->loop_bytes},
        .operation_spares = {.bytes = sizeof(struct operation)},
        .block_spares = {.bytes = ARENA_BLOCK_BYTES_MIN},
        .limits = *limits,
        .place = *place,
        .farewells = {.table = &gateway->children},
    };
    gateway->documents.count_max = limits->sign_in.documents;
    buf_init(&gateway->head_text, HEAD_TEXT_BYTES_MAX, NULL);
    buf_init(&gateway->record, AUDIT_RECORD_BYTES_MAX, NULL);
    /* Of no account: one message at a time, which has its own already, and little is kept. */
    buf_init(&gateway->params, GATEWAY_OPERATION_BYTES_MAX, NULL);
    buf_init(&gateway->body, GATEWAY_OPERATION_BYTES_MAX, NULL);
    arena_init(&gateway->scratch, limits->operation_bytes, &gateway->account);
    TRY(ports->random->fill(ports->random->context, seed, sizeof(seed)));
    json_parser_init(&gateway->parser, &limits->json, seed);
    TRY(identity_cache_new(limits->token_cache_entries, &gateway->cache));
    enum status status = token_hashes_new(ports->random, &gateway->token_hashes);
    if (status == STATUS_OK) {
        status = init_at_servers(gateway);
    }
    if (status != STATUS_OK) {
        token_hashes_free(gateway->token_hashes);
        identity_cache_free(gateway->cache);
    }
    return status;
}

void gateway_drain(struct gateway *gateway)
{
    gateway->is_draining = true;
    client_sessions_drain(gateway);
    listening_drain(gateway);
}

void gateway_close(struct gateway *gateway)
{
    struct operation *next = NULL;
    gateway->is_closed = true;
    for (struct operation *op = gateway->operations; op != NULL; op = next) {
        next = op->next;
        if (!op->is_dead) {
            operation_abort(op);
        }
    }
    client_sessions_release(gateway);
    server_sessions_release(gateway);
    (void)children_cancel(&gateway->farewells);
    gateway_record_counted(gateway);
    sign_in_documents_release(&gateway->documents);
    arena_release(&gateway->scratch);
}

void gateway_release(struct gateway *gateway)
{
    assert(gateway->operations == NULL && gateway->sessions == NULL);
    child_table_release(&gateway->children);
    request_rates_release(&gateway->request_rates);
    base_free(gateway->at_servers);
    identity_cache_free(gateway->cache);
    token_hashes_free(gateway->token_hashes);
    buf_release(&gateway->head_text);
    buf_release(&gateway->record);
    buf_release(&gateway->params);
    buf_release(&gateway->body);
    arena_release(&gateway->scratch);
    arena_spares_release(&gateway->operation_spares);
    arena_spares_release(&gateway->block_spares);
    gateway_snapshot_unref(gateway->snapshot);
    *gateway = (struct gateway){0};
}

void gateway_switch(struct gateway *gateway, struct gateway_snapshot *snapshot)
{
    assert(snapshot->server_count == gateway->server_count);
    bool has_new_list = snapshot->revocations != gateway->snapshot->revocations;
    gateway_snapshot_unref(gateway->snapshot);
    gateway->snapshot = snapshot;
    if (has_new_list) {
        cut_off_revoked(gateway);
    }
}

void gateway_child_gone(struct gateway *gateway, uint32_t server, uint64_t child)
{
    server_session_child_gone(gateway, server, child);
}

/* Of those that share a child, one is as good as another to say no. */
void gateway_child_asks(struct gateway *gateway, uint32_t server, uint64_t child, struct slice json)
{
    struct server_session *session = gateway->sessions;
    while (session != NULL && (session->server_index != server || session->child != child)) {
        session = session->next;
    }
    if (session != NULL) {
        server_stream_take_aside(session, json);
    }
}

const uint8_t *gateway_sealing_key(const struct gateway *gateway, size_t turn)
{
    const struct port_clock *clock = gateway->ports.clock;
    return sealing_keys_get(&gateway->snapshot->sealing, clock->wall_ms(clock->context) / 1000,
                            turn);
}

enum status gateway_draw_id(struct gateway *gateway, uint8_t out[AUDIT_DECISION_ID_BYTES])
{
    const struct port_random *random = gateway->ports.random;
    if (gateway->id_count == 0) {
        TRY(random->fill(random->context, gateway->ids[0], sizeof(gateway->ids)));
        gateway->id_count = GATEWAY_IDS_DRAWN;
    }
    memcpy(out, gateway->ids[--gateway->id_count], AUDIT_DECISION_ID_BYTES);
    return STATUS_OK;
}

static int64_t now_s(const struct gateway *gateway)
{
    return gateway->ports.clock->wall_ms(gateway->ports.clock->context) / 1000;
}

void gateway_write_nonce(const struct gateway *gateway, struct buf *out)
{
    proof_nonce_write(gateway->ports.crypto, gateway->place.nonce_key, now_s(gateway), out);
}

bool gateway_wants_later(const struct diag *diag)
{
    return slice_eq(slice_view_cstr(diag->code), SLICE("token.later"));
}

enum status gateway_authenticate(struct gateway *gateway, const struct gateway_presented *presented,
                                 struct principal **out, struct identity_miss *miss,
                                 struct diag *diag)
{
    const struct exchange_request *request = presented->request;
    size_t count = 0;
    const struct gateway_ports *ports = &gateway->ports;
    const struct gateway_snapshot *snapshot = gateway->snapshot;
    int64_t now_ms = ports->clock->mono_ms(ports->clock->context);
    *miss = (struct identity_miss){0};
    if (snapshot->local_principal != NULL) {
        TRY(revocations_check(snapshot->revocations, snapshot->local_principal, now_s(gateway),
                              diag));
        *out = principal_ref(snapshot->local_principal);
        return STATUS_OK;
    }
    struct identity_request asked = {
        .snapshot = snapshot->identity,
        .revocations = snapshot->revocations,
        .cache = gateway->cache,
        .hashes = gateway->token_hashes,
        .crypto = ports->crypto,
        .parser = &gateway->parser,
        .authorization =
            mcp_field(request->fields, request->field_count, SLICE("authorization"), &count),
        .method = request->method,
        .public_url = snapshot->public_url,
        .path = request->target,
        .replay = presented->is_first ? ports->replay : NULL,
        .nonce_key = gateway->place.nonce_key,
        .certificate = request->certificate,
        .token_bytes_max = gateway->limits.token_bytes,
        .now_s = now_s(gateway),
        .arena = presented->arena,
        .answer = presented->answer,
        .miss = miss,
    };
    asked.proof =
        mcp_field(request->fields, request->field_count, SLICE("dpop"), &asked.proof_count);
    asked.only_remembered = failures_are_over(ports->failures, request->peer_ip, now_ms);
    enum status status = identity_authenticate(&asked, out, diag);
    bool is_failure = status == STATUS_UNAUTHENTICATED && !gateway_wants_later(diag) &&
                      !miss->is_missed && challenge_kind_of(diag->code) != CHALLENGE_MISSING;
    if (is_failure && presented->is_first && ports->failures != NULL) {
        ports->failures->add(ports->failures->context, request->peer_ip, now_ms);
    }
    return status;
}

/* Will the body need more than a moment and a page of memory? */
static bool has_large_body(const struct exchange_request *head)
{
    size_t count = 0;
    int64_t bytes = 0;
    (void)mcp_field(head->fields, head->field_count, SLICE("transfer-encoding"), &count);
    if (count > 0) {
        return true;
    }
    struct slice length =
        mcp_field(head->fields, head->field_count, SLICE("content-length"), &count);
    return count > 0 &&
           (slice_to_i64(length, &bytes) != STATUS_OK || bytes > GATEWAY_STRANGER_BODY_BYTES_MAX);
}

/* Nobody but a known caller gets memory for a large body. The token is checked again with the whole
 * request at hand: until then it may have expired. */
static enum status check_stranger(struct gateway *gateway, const struct exchange_request *head,
                                  struct diag *diag)
{
    struct arena arena;
    struct principal *principal = NULL;
    struct identity_miss miss;
    if (!has_large_body(head)) {
        return STATUS_OK;
    }
    arena_init(&arena, STRANGER_ARENA_BYTES, &gateway->account);
    enum status status =
        gateway_authenticate(gateway, &(struct gateway_presented){.request = head, .arena = &arena},
                             &principal, &miss, diag);
    if (!miss.was_known) {
        head_identity_seek(gateway, &miss);
    }
    principal_unref(principal);
    arena_release(&arena);
    return miss.was_known ? STATUS_OK : status;
}

static bool is_preflight(const struct exchange_request *head)
{
    return slice_eq(head->method, SLICE("OPTIONS"));
}

/* Answers to a head. They point into the gateway's head_fields and head_text, and are valid until
 * the next one. */
static void begin_reply(struct gateway *gateway, int http_status, struct exchange_reply *reply)
{
    buf_clear(&gateway->head_text);
    *reply = (struct exchange_reply){
        .status_code = http_status, .fields = gateway->head_fields, .must_close = true};
}

static void add_field(struct gateway *gateway, struct exchange_reply *reply,
                      struct http_field field)
{
    assert(reply->field_count < GATEWAY_HEAD_FIELDS_MAX);
    gateway->head_fields[reply->field_count++] = field;
}

static struct slice field_of(const struct exchange_request *head, struct slice name)
{
    size_t count = 0;
    return mcp_field(head->fields, head->field_count, name, &count);
}

/* A page has to be able to read why it was refused. */
static void add_cors(struct gateway *gateway, const struct exchange_request *head,
                     struct exchange_reply *reply)
{
    assert(reply->field_count + CORS_FIELDS_MAX <= GATEWAY_HEAD_FIELDS_MAX);
    reply->field_count +=
        cors_fields(field_of(head, SLICE("origin")), gateway->head_fields + reply->field_count);
}

COLD static void refuse_wire(struct gateway *gateway, const struct exchange_request *head,
                             int http_status, const char *code, struct exchange_reply *reply)
{
    gateway_record_refusal(gateway, AUDIT_WIRE_REJECT, head->peer_ip, code);
    begin_reply(gateway, http_status, reply);
}

/* Refused with an error of ours. */
COLD static void refuse_head(struct gateway *gateway, const struct exchange_request *head,
                             enum product_error error, struct exchange_reply *reply)
{
    const struct product_error_entry *entry = product_error_find(error);
    gateway_record_refusal(gateway, entry->audit_type, head->peer_ip, entry->name);
    begin_reply(gateway, entry->http_status, reply);
    product_error_write(&gateway->head_text, error);
    reply->body = buf_view(&gateway->head_text);
    add_field(gateway, reply,
              (struct http_field){SLICE("Content-Type"), SLICE("application/json")});
    if (entry->may_retry) {
        add_field(gateway, reply, PRODUCT_RETRY_AFTER);
    }
    add_cors(gateway, head, reply);
}

static void challenge_head(struct gateway *gateway, const struct exchange_request *head,
                           const char *code, struct exchange_reply *reply)
{
    enum challenge_kind kind = challenge_kind_of(code);
    gateway_record_refusal(gateway, AUDIT_AUTH_REJECT, head->peer_ip, code);
    begin_reply(gateway, challenge_http_status(kind), reply);
    resource_challenge_token(&gateway->head_text, gateway->snapshot, head->target, kind);
    size_t end = gateway->head_text.len;
    if (kind == CHALLENGE_NONCE) {
        gateway_write_nonce(gateway, &gateway->head_text);
    }
    struct slice text = buf_view(&gateway->head_text);
    add_field(gateway, reply,
              (struct http_field){SLICE("WWW-Authenticate"), slice_sub(text, 0, end)});
    if (kind == CHALLENGE_NONCE) {
        add_field(gateway, reply,
                  (struct http_field){SLICE("DPoP-Nonce"), slice_sub(text, end, text.len)});
    }
    add_cors(gateway, head, reply);
}

/* A head whose Host and Origin are good, in a form that may be served. */
static bool admit_caller(struct gateway *gateway, const struct exchange_request *head,
                         struct exchange_reply *reply)
{
    struct diag diag = {0};
    if (is_preflight(head)) {
        if (endpoint_path(head->target).len == 0) {
            refuse_wire(gateway, head, 404, "route.unknown", reply);
            return false;
        }
        return true;
    }
    enum status status = check_stranger(gateway, head, &diag);
    if (status == STATUS_UNAUTHENTICATED && !gateway_wants_later(&diag)) {
        challenge_head(gateway, head, diag.code, reply);
    } else if (status != STATUS_OK) {
        refuse_head(gateway, head, product_error_of_identity(status), reply);
    }
    return status == STATUS_OK;
}

static enum admission_form form_of(struct slice target)
{
    struct endpoint endpoint;
    if (!endpoint_parse(target, &endpoint)) {
        return ADMISSION_STREAMABLE;
    }
    return endpoint.kind == ENDPOINT_SSE        ? ADMISSION_SSE_STREAM
           : endpoint.kind == ENDPOINT_MESSAGES ? ADMISSION_SSE_MESSAGES
                                                : ADMISSION_STREAMABLE;
}

/* For the field Allow; an empty one says that there are none. */
static struct slice allowed_methods(enum admission_form form, bool has_sessions)
{
    switch (form) {
    case ADMISSION_STREAMABLE:
        return has_sessions ? SLICE("DELETE, GET, POST") : SLICE("POST");
    case ADMISSION_SSE_STREAM:
        return has_sessions ? SLICE("GET") : SLICE_EMPTY;
    case ADMISSION_SSE_MESSAGES:
        return has_sessions ? SLICE("POST") : SLICE_EMPTY;
    }
    return SLICE_EMPTY;
}

static struct admission_rules rules_of(const struct gateway *gateway, struct slice target)
{
    const struct gateway_snapshot *snapshot = gateway->snapshot;
    return (struct admission_rules){
        .form = form_of(target),
        .hosts = snapshot->hosts,
        .host_count = snapshot->host_count,
        .origins = snapshot->origins,
        .origin_count = snapshot->origin_count,
        .query = slice_sub(target, slice_find_byte(target, '?') + 1, target.len),
        .has_sessions = (snapshot->revisions & MCP_REVISIONS_LEGACY) != 0,
    };
}

static bool admit_endpoint(struct gateway *gateway, const struct exchange_request *head,
                           struct exchange_reply *reply)
{
    struct admission_rules rules = rules_of(gateway, head->target);
    struct diag diag = {0};
    int http_status = 400;
    if (admission_check(&rules, head->method, head->fields, head->field_count, &http_status,
                        &diag) == STATUS_OK) {
        return admit_caller(gateway, head, reply);
    }
    if (slice_starts_with(slice_view_cstr(diag.code), SLICE("token."))) {
        challenge_head(gateway, head, diag.code, reply);
        return false;
    }
    refuse_wire(gateway, head, http_status, diag.code, reply);
    if (http_status == 405) {
        add_field(
            gateway, reply,
            (struct http_field){SLICE("Allow"), allowed_methods(rules.form, rules.has_sessions)});
    }
    if (http_status != 421 && http_status != 403) {
        add_cors(gateway, head, reply);
    }
    return false;
}

static struct admission_page page_of(enum sign_in_step step)
{
    switch (step) {
    case SIGN_IN_STEP_AUTHORIZE:
    case SIGN_IN_STEP_CALLBACK:
        return (struct admission_page){.method = SLICE("GET")};
    case SIGN_IN_STEP_CONSENT:
        return (struct admission_page){.method = SLICE("POST"),
                                       .media_type = SLICE("application/x-www-form-urlencoded")};
    case SIGN_IN_STEP_TOKEN:
        return (struct admission_page){.method = SLICE("POST"),
                                       .media_type = SLICE("application/x-www-form-urlencoded"),
                                       .is_open = true};
    case SIGN_IN_STEP_REGISTER:
        return (struct admission_page){
            .method = SLICE("POST"), .media_type = SLICE("application/json"), .is_open = true};
    case SIGN_IN_STEP_METADATA:
        break;
    }
    return (struct admission_page){.method = SLICE("GET"), .is_open = true};
}

/* Nobody is known here yet, so nobody gets memory for a large body. */
static bool admit_sign_in(struct gateway *gateway, const struct exchange_request *head,
                          const struct sign_in_path *path, struct exchange_reply *reply)
{
    const struct gateway_snapshot *snapshot = gateway->snapshot;
    struct admission_page page = page_of(path->step);
    struct diag diag = {0};
    int http_status = 400;
    page.hosts = snapshot->hosts;
    page.host_count = snapshot->host_count;
    if (gateway_snapshot_front_door(snapshot, path->name) == NULL) {
        refuse_wire(gateway, head, 404, "route.unknown", reply);
    } else if (admission_check_page(&page, head->method, head->fields, head->field_count,
                                    &http_status, &diag) != STATUS_OK) {
        refuse_wire(gateway, head, http_status, diag.code, reply);
        if (http_status == 405) {
            add_field(gateway, reply, (struct http_field){SLICE("Allow"), page.method});
        }
    } else if (has_large_body(head)) {
        refuse_wire(gateway, head, 413, "sign_in.body", reply);
    } else {
        return true;
    }
    return false;
}

static bool admit(void *context, const struct exchange_request *head, struct exchange_reply *reply)
{
    struct gateway *gateway = context;
    struct sign_in_path path;
    if (sign_in_path_parse(head->target, &path)) {
        return admit_sign_in(gateway, head, &path, reply);
    }
    if (public_path_is(head->target)) {
        if (public_path_takes(head->target, head->method)) {
            return true;
        }
        refuse_wire(gateway, head, 405, "http.method", reply);
        add_field(gateway, reply, (struct http_field){SLICE("Allow"), SLICE("GET, HEAD")});
        return false;
    }
    if (slice_starts_with(head->target, SLICE(WELL_KNOWN))) {
        /* Clients look for metadata in several places; what is not there is not there. */
        refuse_wire(gateway, head, 404, "route.unknown", reply);
        return false;
    }
    return admit_endpoint(gateway, head, reply);
}

static void begin_operation(struct gateway *gateway, struct exchange *exchange,
                            const struct exchange_request *request, bool was_handed_over)
{
    struct exchange_reply reply;
    if (!gateway->is_closed && gateway->operation_count < gateway->limits.operations) {
        operation_begin(gateway, exchange, request, was_handed_over);
        return;
    }
    if (gateway->is_closed) {
        exchange->vtable->abort(exchange);
    } else {
        refuse_head(gateway, request, PRODUCT_OVERLOADED, &reply);
        reply.must_close = false; /* the request was read to its end */
        exchange->vtable->reply(exchange, &reply);
    }
    exchange->vtable->release(exchange);
}

void gateway_begin_here(void *context, struct exchange *exchange,
                        const struct exchange_request *request)
{
    begin_operation(context, exchange, request, true);
}

/* Nothing was asked of a server yet, so there is no record. */
static void answer_preflight(struct gateway *gateway, struct exchange *exchange,
                             const struct exchange_request *request)
{
    struct http_field fields[CORS_PREFLIGHT_FIELDS];
    struct buf names;
    buf_init(&names, CORS_PREFLIGHT_BYTES_MAX, &gateway->account);
    bool is_granted = cors_preflight_fields(
        field_of(request, SLICE("origin")),
        field_of(request, SLICE("access-control-request-headers")), &names, fields);
    struct exchange_reply reply = {.status_code = is_granted ? 204 : 503,
                                   .fields = fields,
                                   .field_count = is_granted ? COUNT_OF(fields) : 0};
    exchange->vtable->reply(exchange, &reply);
    buf_release(&names);
}

static void begin(void *context, struct exchange *exchange, const struct exchange_request *request)
{
    struct gateway *gateway = context;
    struct sign_in_path path;
    bool is_sign_in = sign_in_path_parse(request->target, &path);
    if (is_sign_in && (path.step == SIGN_IN_STEP_METADATA || is_preflight(request))) {
        sign_in_answer_public(gateway, exchange, &path, request->method);
    } else if (public_path_is(request->target)) {
        public_path_answer(gateway, exchange, request->target, request->method);
    } else if (is_preflight(request)) {
        answer_preflight(gateway, exchange, request);
    } else {
        begin_operation(gateway, exchange, request, false);
        return;
    }
    exchange->vtable->release(exchange);
}

/* A page has to be able to read that, too, if it is one of a listed origin. Of a head that has no
 * end nothing is believed. */
static void refused(void *context, const struct exchange_request *head, const char *code,
                    struct exchange_reply *reply)
{
    struct gateway *gateway = context;
    struct admission_rules rules = rules_of(gateway, head->target);
    int http_status = 0;
    gateway_record_refusal(gateway, AUDIT_WIRE_REJECT, head->peer_ip, code);
    if (head->target.len > 0 && admission_check_source(&rules, head->fields, head->field_count,
                                                       &http_status, NULL) == STATUS_OK) {
        reply->fields = gateway->head_fields;
        reply->field_count = 0;
        add_cors(gateway, head, reply);
    }
}

struct exchange_handler gateway_handler(struct gateway *gateway)
{
    return (struct exchange_handler){gateway, admit, begin, refused};
}
