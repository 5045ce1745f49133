/* A token names a key that nobody has: the operation waits while it is looked for
 * (core/ports/keys.h), and is then authenticated again. */
#include "core/gateway/operation.h"

#include <string.h>

static struct operation *operation_of(struct child *child)
{
    return (struct operation *)((char *)child - offsetof(struct operation, keys));
}

static void on_looked(struct child *child, enum status status, const struct diag *diag)
{
    operation_of(child)->awaits_keys = false;
    operation_note(operation_of(child), status, diag);
}

/* The owner of the keys cannot be called back, but it answers soon. */
static const struct child_kind KEYS_CHILD = {NULL, on_looked};

static void on_keys(const struct keys_sink *sink)
{
    struct gateway *gateway = sink->user;
    struct child *child = child_find(&gateway->children, sink->ticket, &KEYS_CHILD);
    if (child != NULL) {
        child_end(child, STATUS_OK, NULL);
    }
}

/* The transport's fields are gone after this turn, and authentication comes before all others that
 * look at them. */
static enum status keep_fields(struct operation *op)
{
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

bool operation_wait_for_keys(struct operation *op, const struct identity_miss *miss)
{
    const struct port_keys *port = op->gateway->ports.keys;
    /* Once only: what was looked for and not found will not be there a moment later. */
    if (!miss->is_missed || port == NULL || op->has_missed || keep_fields(op) != STATUS_OK ||
        child_begin(&op->keys, &op->children, &KEYS_CHILD) != STATUS_OK) {
        return false;
    }
    op->has_missed = true;
    const struct keys_miss wanted = {miss->entry, miss->name, miss->kid};
    const struct keys_sink sink = {.done = on_keys, .user = op->gateway, .ticket = op->keys.ticket};
    if (!port->missed(port->context, &wanted, &sink)) {
        child_abandon(&op->keys);
        return false;
    }
    op->awaits_keys = true;
    op->stage--; /* a wait goes on with the stage after */
    return true;
}
