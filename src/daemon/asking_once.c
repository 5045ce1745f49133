#include "daemon/asking_once.h"

#include "daemon/inquiries.h"

struct once {
    struct arena *arena;
    struct identity_answer *out;
    struct diag *diag;
    enum status status;
    bool is_done;
};

static void on_done(const struct inquiry_sink *sink, enum status status,
                    const struct inquiry_answer *answer, const struct diag *diag)
{
    struct once *once = sink->user;
    once->is_done = true;
    once->status = status;
    if (status != STATUS_OK) {
        *once->diag = *diag;
        return;
    }
    once->out->is_yes = answer->is_yes;
    once->out->asked_at_s = answer->asked_at_s;
    once->status = arena_copy(once->arena, answer->text, &once->out->text);
}

static enum status ask(struct inquiries *owner, struct loop *loop, const struct identity_miss *miss,
                       struct once *once)
{
    struct inquiries_user user = {owner, &loop->poster};
    const struct port_inquiry port = inquiries_port(&user);
    const struct inquiry_question question = {miss->kind, miss->name, miss->about};
    const struct inquiry_sink sink = {.done = on_done, .user = once};
    TRY(port.ask(port.context, &question, &sink, once->diag));
    while (!once->is_done) {
        (void)uv_run(&loop->uv, UV_RUN_ONCE);
    }
    return once->status;
}

enum status asking_once(struct key_reading *reading, const struct inputs *inputs,
                        const struct identity_miss *miss, struct arena *arena,
                        struct identity_answer *out, struct diag *diag)
{
    const struct inquiries_ports ports = {.parser = reading->sets.ports.parser,
                                          .crypto = reading->sets.ports.crypto,
                                          .clock = reading->sets.ports.clock,
                                          .poster = reading->sets.ports.poster,
                                          .http_client = reading->sets.ports.http_client,
                                          .keys = &reading->sets};
    struct once once = {.arena = arena, .out = out, .diag = diag};
    struct inquiries *owner = base_alloc(sizeof(*owner));
    *out = (struct identity_answer){.name = miss->name};
    if (owner == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory to ask an issuer");
    }
    inquiries_init(owner, &ports);
    inquiries_adopt(owner, inputs->config, inputs->inquiry_secrets);
    enum status status = ask(owner, &reading->loop, miss, &once);
    inquiries_close(owner);
    inquiries_release(owner);
    base_free(owner);
    return status;
}
