/* Batches of revision 2025-03-26: every element is an operation of its own, with its own decision
 * and its own record, and the answers come back in one array.
 *
 * An element has an exchange that collects what would have been sent. It outlives the batch when
 * that is over first: then nobody reads it. */
#include "core/gateway/operation.h"

struct batch_element {
    struct exchange exchange;
    struct child child;      /* of the batch, until the operation lets go of the exchange */
    struct operation *batch; /* NULL once the batch is over */
};

static struct batch_element *element_of(struct exchange *exchange)
{
    return (struct batch_element *)((char *)exchange - offsetof(struct batch_element, exchange));
}

static struct batch_element *element_of_child(struct child *child)
{
    return (struct batch_element *)((char *)child - offsetof(struct batch_element, child));
}

/* What a notification is answered with is left out. */
static void collect(struct exchange *exchange, const struct exchange_reply *reply)
{
    struct operation *batch = element_of(exchange)->batch;
    if (batch != NULL && reply->body.len > 0) {
        buf_append_byte(&batch->reply, batch->reply.len == 0 ? '[' : ',');
        buf_append(&batch->reply, reply->body);
    }
}

/* Nobody begins one: operation_send_event knows that a batch has no place for it. */
static void refuse_stream(struct exchange *exchange, const struct exchange_reply *reply)
{
    (void)exchange;
    (void)reply;
}

static enum status refuse_event(struct exchange *exchange, struct slice bytes)
{
    (void)exchange;
    (void)bytes;
    return STATUS_LIMIT;
}

static void do_nothing(struct exchange *exchange)
{
    (void)exchange;
}

/* When the loop stops, the batch itself is about to be aborted. */
static void let_go(struct exchange *exchange)
{
    struct batch_element *element = element_of(exchange);
    struct operation *batch = element->batch;
    element->batch = NULL;
    if (batch != NULL && batch->gateway->is_closed) {
        child_cancel(&element->child);
    } else if (batch != NULL) {
        child_end(&element->child, STATUS_OK, NULL);
    }
    base_free(element);
}

static const struct exchange_vtable ELEMENT_VTABLE = {collect,    refuse_stream, refuse_event,
                                                      do_nothing, do_nothing,    let_go};

/* Nobody waits for the answer any more. The operation goes on, as it does when a client leaves. */
static void abandon(struct child *child)
{
    element_of_child(child)->batch = NULL;
}

static void element_over(struct child *child, enum status status, const struct diag *diag)
{
    (void)child;
    (void)status;
    (void)diag;
}

static const struct child_kind ELEMENT_CHILD = {abandon, element_over};

static enum stage_result refuse_batch(struct operation *op, struct slice reason)
{
    return operation_refuse(op, &(struct operation_refusal){.type = AUDIT_WIRE_REJECT,
                                                            .http_status = 400,
                                                            .rpc_code = MCP_ERROR_INVALID_REQUEST,
                                                            .text = reason,
                                                            .code = "rpc.batch"});
}

/* MCP 2025-03-26 has batches; those before and after have none. */
static enum stage_result stage_check_revision(struct operation *op)
{
    return op->revision == MCP_2025_03_26
               ? STAGE_DONE
               : refuse_batch(op, SLICE("batches are not accepted: send one message"));
}

static enum stage_result stage_read(struct operation *op)
{
    struct diag diag = {0};
    struct json_tape *tape = &op->message.tape;
    if (json_parse(&op->gateway->parser, op->body, &op->arena, tape, &diag) != STATUS_OK) {
        return operation_refuse(
            op, &(struct operation_refusal){.type = AUDIT_WIRE_REJECT,
                                            .http_status = 400,
                                            .rpc_code = MCP_ERROR_PARSE,
                                            .text = SLICE("the body is not strict JSON"),
                                            .code = diag.code});
    }
    uint32_t count = json_count(tape, 0);
    if (count == 0 || count > GATEWAY_BATCH_MAX) {
        return refuse_batch(op, SLICE("a batch holds 1 to 100 messages"));
    }
    const struct gateway *gateway = op->gateway;
    return gateway->operation_count + count <= gateway->limits.operations
               ? STAGE_DONE
               : operation_refuse_overload(op, "too many operations for the batch");
}

static enum status begin_element(struct operation *op, json_ref ref)
{
    struct batch_element *element = base_alloc(sizeof(*element));
    if (element == NULL) {
        return STATUS_LIMIT;
    }
    *element = (struct batch_element){
        .exchange = {.vtable = &ELEMENT_VTABLE, .takes_no_stream = true}, .batch = op};
    if (child_begin(&element->child, &op->children, &ELEMENT_CHILD) != STATUS_OK) {
        base_free(element);
        return STATUS_LIMIT;
    }
    struct exchange_request request = operation_request(op);
    request.body = json_raw(&op->message.tape, ref);
    operation_begin(op->gateway, &element->exchange, &request, true);
    return STATUS_OK;
}

/* Each element has a deadline of its own, and the batch is over with the last of them. */
static enum stage_result stage_begin_elements(struct operation *op)
{
    const struct port_timer *timer = op->gateway->ports.timer;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref ref = JSON_NONE;
    timer->stop(timer->context, &op->deadline);
    json_iter_init(&iter, &op->message.tape, 0);
    while (json_iter_next(&iter, &key, &ref)) {
        if (begin_element(op, ref) != STATUS_OK) {
            (void)children_cancel(&op->children);
            return operation_refuse_overload(op, "no memory for the batch");
        }
    }
    return op->children.count > 0 ? STAGE_WAIT : STAGE_DONE;
}

/* Notifications and responses alone have no answer. */
static enum stage_result stage_answer(struct operation *op)
{
    if (operation_is_stopped(op)) {
        return operation_refuse_upstream(op, op->wait_status, &op->wait_diag);
    }
    if (op->reply.len == 0) {
        operation_answer(op, 202);
        return STAGE_DONE;
    }
    buf_append_byte(&op->reply, ']');
    operation_answer(op, 200);
    return STAGE_DONE;
}

const struct stage OPERATION_BATCH_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"session", operation_stage_session},
    {"check_revision", stage_check_revision},
    {"route", operation_stage_route},
    {"home", operation_stage_home},
    {"read", stage_read},
    {"begin_elements", stage_begin_elements},
    {"answer", stage_answer},
    {NULL, NULL},
};
