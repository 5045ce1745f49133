#include "core/gateway/task_id.h"

#include "core/gateway/sealed_text.h"

#define BOUND_PARTS 2

static struct sealed_use use_of(const uint8_t *caller, bool is_modern,
                                struct slice parts[BOUND_PARTS])
{
    parts[0] = slice_of(caller, CRYPTO_SHA256_BYTES);
    parts[1] = is_modern ? SLICE("extension") : SLICE("core");
    return (struct sealed_use){.label = SLICE("aegis taskId 1"),
                               .prefix = SLICE("task1."),
                               .bound = parts,
                               .bound_count = BOUND_PARTS,
                               .text_bytes_max = TASK_ID_TEXT_BYTES_MAX};
}

enum status task_id_seal(const struct gateway *gateway, const uint8_t *caller,
                         const struct task_reference *task, struct buf *out)
{
    struct slice parts[BOUND_PARTS];
    struct sealed_use use = use_of(caller, task->is_modern, parts);
    struct buf text;
    buf_init(&text, TASK_ID_TEXT_BYTES_MAX, out->account);
    buf_append(&text, SLICE("{\"expires\":"));
    buf_append_i64(&text, task->expires_at_s);
    buf_append(&text, SLICE(",\"server\":"));
    buf_append_json_string(&text, task->server);
    buf_append(&text, SLICE(",\"tool\":"));
    buf_append_json_string(&text, task->tool);
    buf_append(&text, SLICE(",\"task\":"));
    buf_append(&text, task->own_id);
    buf_append_byte(&text, '}');
    enum status status = buf_status(&text);
    if (status == STATUS_OK) {
        status = sealed_text_seal(gateway, &use, buf_view(&text), out);
    }
    buf_release(&text);
    return status;
}

/* What we sealed ourselves has all its members. */
static enum status read_text(const struct json_tape *tape, struct arena *arena,
                             struct task_reference *out)
{
    out->own_id = json_raw(tape, json_member(tape, 0, SLICE("task")));
    TRY(json_integer(tape, json_member(tape, 0, SLICE("expires")), &out->expires_at_s));
    TRY(json_string(tape, json_member(tape, 0, SLICE("server")), arena, &out->server));
    return json_string(tape, json_member(tape, 0, SLICE("tool")), arena, &out->tool);
}

enum status task_id_open(const struct gateway *gateway, const uint8_t *caller, bool is_modern,
                         struct slice id, struct arena *arena, struct task_reference *out)
{
    const struct port_clock *clock = gateway->ports.clock;
    struct slice parts[BOUND_PARTS];
    struct sealed_use use = use_of(caller, is_modern, parts);
    struct slice text = SLICE_EMPTY;
    struct json_tape tape;
    *out = (struct task_reference){.is_modern = is_modern};
    TRY(sealed_text_open(gateway, &use, id, arena, &text));
    TRY(json_parse(&gateway->parser, text, arena, &tape, NULL));
    TRY(read_text(&tape, arena, out));
    return clock->wall_ms(clock->context) / 1000 < out->expires_at_s ? STATUS_OK : STATUS_INVALID;
}
