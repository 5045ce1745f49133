/* A token names a key that nobody has, is one that only its issuer can read, or lacks the groups of
 * its caller: the operation waits while the key is looked for (core/ports/keys.h) or the issuer is
 * asked (core/ports/inquiry.h), and is then authenticated again. */
#include "core/gateway/operation.h"

#include <string.h>

static struct operation *operation_of(struct child *child)
{
    return (struct operation *)((char *)child - offsetof(struct operation, identity));
}

static void on_looked(struct child *child, enum status status, const struct diag *diag)
{
    operation_of(child)->awaits_identity = false;
    operation_note(operation_of(child), status, diag);
}

/* Whoever looks or asks cannot be called back, but answers soon. */
static const struct child_kind IDENTITY_CHILD = {NULL, on_looked};

static void on_keys(const struct keys_sink *sink)
{
    struct gateway *gateway = sink->user;
    struct child *child = child_find(&gateway->children, sink->ticket, &IDENTITY_CHILD);
    if (child != NULL) {
        child_end(child, STATUS_OK, NULL);
    }
}

/* The transport's fields are gone after this turn, and authentication comes before all others that
 * look at them. */
static enum status keep_fields(struct operation *op)
{
    if (op->owns_fields) {
        return STATUS_OK;
    }
    struct http_field *fields = arena_alloc_zero(&op->arena, op->field_count, sizeof(*fields));
    if (fields == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < op->field_count; i++) {
        TRY(arena_copy(&op->arena, op->fields[i].name, &fields[i].name));
        TRY(arena_copy(&op->arena, op->fields[i].value, &fields[i].value));
    }
    op->fields = fields;
    op->owns_fields = true;
    return STATUS_OK;
}

/* The token is among them: no copy of it outlives its use. */
void operation_drop_fields(struct operation *op)
{
    for (size_t i = 0; i < op->field_count && op->owns_fields; i++) {
        struct slice value = op->fields[i].value;
        if (value.len > 0) {
            explicit_bzero((uint8_t *)(uintptr_t)value.ptr, value.len);
        }
    }
    op->owns_fields = false;
    op->fields = NULL;
    op->field_count = 0;
}

static bool wait_for_keys(struct operation *op, const struct identity_miss *miss)
{
    const struct port_keys *port = op->gateway->ports.keys;
    const struct keys_miss wanted = {miss->entry, miss->name, miss->kid};
    const struct keys_sink sink = {
        .done = on_keys, .user = op->gateway, .ticket = op->identity.ticket};
    op->has_missed = true;
    return port->missed(port->context, &wanted, &sink);
}

/* What was said is kept for the stage that runs again. */
static enum status keep_answer(struct operation *op, enum status status,
                               const struct inquiry_answer *answer)
{
    const struct port_clock *clock = op->gateway->ports.clock;
    struct identity_answer *asked = op->asked;
    if (!identity_answer_take(asked, status, answer, clock->wall_ms(clock->context) / 1000)) {
        return status;
    }
    TRY(arena_copy(&op->arena, asked->text, &asked->text));
    op->is_answered = true;
    return STATUS_OK;
}

static void on_answer(const struct inquiry_sink *sink, enum status status,
                      const struct inquiry_answer *answer, const struct diag *diag)
{
    struct gateway *gateway = sink->user;
    struct child *child = child_find(&gateway->children, sink->ticket, &IDENTITY_CHILD);
    if (child != NULL) {
        child_end(child, keep_answer(operation_of(child), status, answer), diag);
    }
}

static bool ask_issuer(struct operation *op, const struct identity_miss *miss, struct diag *diag)
{
    const struct port_inquiry *port = op->gateway->ports.inquiry;
    const struct inquiry_question question = {miss->kind, miss->name, miss->about};
    const struct inquiry_sink sink = {
        .done = on_answer, .user = op->gateway, .ticket = op->identity.ticket};
    op->asked = arena_alloc_zero(&op->arena, 1, sizeof(*op->asked));
    return op->asked != NULL &&
           identity_answer_begin(op->asked, &question, &op->arena) == STATUS_OK &&
           port->ask(port->context, &question, &sink, diag) == STATUS_OK;
}

bool operation_wait_for_identity(struct operation *op, const struct identity_miss *miss,
                                 struct diag *diag)
{
    const struct gateway_ports *ports = &op->gateway->ports;
    /* Once only: what was looked for and not found will not be there a moment later. */
    bool looks = miss->is_missed && ports->keys != NULL && !op->has_missed;
    bool asks = miss->is_unasked && ports->inquiry != NULL && op->asked == NULL;
    if ((!looks && !asks) || keep_fields(op) != STATUS_OK ||
        child_begin(&op->identity, &op->children, &IDENTITY_CHILD) != STATUS_OK) {
        return false;
    }
    if (!(asks ? ask_issuer(op, miss, diag) : wait_for_keys(op, miss))) {
        child_abandon(&op->identity);
        return false;
    }
    op->awaits_identity = true;
    op->stage--; /* a wait goes on with the stage after */
    return true;
}
