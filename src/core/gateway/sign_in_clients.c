#include "core/gateway/sign_in.h"

#define DOCUMENT_AGE_UNKNOWN_S 300

static enum stage_result refuse_client(struct operation *op, const char *reason)
{
    return sign_in_refuse(op, "sign_in.client", slice_view_cstr(reason));
}

/* The texts of the client live in the operation's arena. */
static enum status read_client(struct operation *op, struct slice json, bool is_document,
                               struct diag *diag)
{
    struct sign_in *sign_in = op->sign_in;
    struct json_tape tape;
    TRY(json_parse(&op->gateway->parser, json, &op->arena, &tape, diag));
    return is_document ? sign_in_client_read_document(&tape, sign_in->client_id, &op->arena,
                                                      &sign_in->client, diag)
                       : sign_in_client_read(&tape, &op->arena, &sign_in->client, diag);
}

/* The id of a client that registered itself holds its metadata. */
static enum stage_result open_registered(struct operation *op,
                                         const struct gateway_front_door *entry)
{
    struct sign_in *sign_in = op->sign_in;
    struct slice json = SLICE_EMPTY;
    struct diag diag = {0};
    enum status status = sign_in_unseal(op->gateway, entry, SIGN_IN_SEAL_CLIENT, sign_in->client_id,
                                        &op->arena, &json);
    if (status == STATUS_LIMIT) {
        return operation_refuse_overload(op, "no memory for the client");
    }
    if (status != STATUS_OK || read_client(op, json, false, &diag) != STATUS_OK) {
        return refuse_client(op, "'client_id' is none that was registered here");
    }
    sign_in->ticket.client_label =
        sign_in->client.name.len > 0 ? sign_in->client.name : SLICE("registered client");
    return STAGE_DONE;
}

static enum stage_result fetch_document(struct operation *op)
{
    const struct sign_in_limits *limits = &op->gateway->limits.sign_in;
    const struct gateway_documents *how = &op->gateway->snapshot->documents;
    struct sign_in_documents *documents = &op->gateway->documents;
    const struct http_client_request request = {.url = op->sign_in->client_id,
                                                .accept = SLICE("application/json"),
                                                .answer_bytes_max = limits->document_bytes,
                                                .deadline_ms = HTTP_CLIENT_DEADLINE_MS_DEFAULT,
                                                .ranges = how->ranges,
                                                .range_count = how->range_count,
                                                .authorities = how->authorities};
    if (how->is_closed) {
        return sign_in_refuse(op, "sign_in.client_document",
                              SLICE("the authorities for documents of clients cannot be read"));
    }
    if (documents->fetching >= limits->fetches) {
        return sign_in_refuse(op, "sign_in.busy", SLICE("too many documents are being fetched"));
    }
    enum stage_result result = sign_in_fetch(op->sign_in, &request);
    op->sign_in->is_fetching = result == STAGE_WAIT;
    documents->fetching += result == STAGE_WAIT ? 1 : 0;
    return result;
}

enum stage_result sign_in_stage_find_client(struct operation *op)
{
    struct sign_in *sign_in = op->sign_in;
    const struct gateway_front_door *entry = sign_in_entry(sign_in);
    sign_in->client_id = form_value(&sign_in->form, SLICE("client_id"));
    if (entry == NULL || sign_in->client_id.len == 0) {
        return refuse_client(op, "'client_id' is missing");
    }
    if (!sign_in_client_is_url(sign_in->client_id)) {
        return open_registered(op, entry);
    }
    const struct port_clock *clock = op->gateway->ports.clock;
    const struct sign_in_document *document = sign_in_documents_find(
        &op->gateway->documents, sign_in->client_id, clock->mono_ms(clock->context));
    sign_in->ticket.client_label = sign_in->client_id;
    if (document == NULL) {
        return fetch_document(op);
    }
    struct diag diag = {0};
    struct slice text = SLICE_EMPTY;
    if (document->text.len == 0) {
        return sign_in_refuse(op, "sign_in.client_document",
                              SLICE("the document could not be used a moment ago"));
    }
    /* A copy: the client's texts point into it, and it may go while the operation waits. */
    if (arena_copy(&op->arena, buf_view(&document->text), &text) != STATUS_OK ||
        read_client(op, text, false, &diag) != STATUS_OK) {
        return operation_refuse_overload(op, "no memory for the client");
    }
    return STAGE_DONE;
}

static int64_t age_of(const struct operation *op)
{
    int64_t most_s = op->gateway->limits.sign_in.document_s;
    int64_t age_s = op->sign_in->max_age_s;
    age_s = age_s == HTTP_CLIENT_MAX_AGE_UNKNOWN ? DOCUMENT_AGE_UNKNOWN_S : age_s;
    return age_s < most_s ? age_s : most_s;
}

static enum status judge_document(struct operation *op, struct diag *diag)
{
    if (op->wait_status != STATUS_OK) {
        *diag = op->wait_diag;
        return op->wait_status;
    }
    if (op->sign_in->http_status != 200) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.client_document",
                         "the document's address answers with status %d", op->sign_in->http_status);
    }
    return sign_in_client_is_document(op->sign_in->content_type)
               ? read_client(op, op->sign_in->body, true, diag)
               : diag_fail(diag, STATUS_INVALID, "sign_in.client_document",
                           "what lies at the document's address is no JSON by its Content-Type");
}

enum stage_result sign_in_stage_take_client(struct operation *op)
{
    struct sign_in *sign_in = op->sign_in;
    const struct port_clock *clock = op->gateway->ports.clock;
    struct diag diag = {0};
    if (sign_in->client.uri_count > 0) {
        return STAGE_DONE;
    }
    enum status status = judge_document(op, &diag);
    bool is_good = status == STATUS_OK;
    /* Our own shortage says nothing about the document. */
    if (is_good || !(operation_is_stopped(op) || status == STATUS_LIMIT)) {
        int64_t age_ms = is_good ? age_of(op) * 1000 : SIGN_IN_DOCUMENT_FAILED_MS;
        sign_in_documents_keep(&op->gateway->documents, sign_in->client_id,
                               is_good ? &sign_in->client : NULL,
                               clock->mono_ms(clock->context) + age_ms, &op->gateway->account);
    }
    if (is_good) {
        return STAGE_DONE;
    }
    sign_in->client = (struct sign_in_client){0};
    diag.code = "sign_in.client_document";
    return sign_in_refuse_diag(op, &diag);
}
