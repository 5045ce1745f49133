#include "core/gateway/head_identity.h"

#include <string.h>

#define QUESTION_BYTES_MAX ((size_t)1 << 20)

/* The issuer is being asked about the token of a head, which is gone. */
struct head_question {
    struct gateway *gateway;
    struct arena arena;
    struct identity_answer asked;
    struct slice authorization;
};

static void free_question(struct head_question *question)
{
    struct slice token = question->authorization;
    if (token.len > 0) {
        explicit_bzero((uint8_t *)(uintptr_t)token.ptr, token.len);
    }
    arena_release(&question->arena);
    base_free(question);
}

/* Who the caller is goes to the memory of verified tokens; whether he has what his token is bound
 * to is seen when he comes again. */
static void judge(struct head_question *question)
{
    const struct http_field field = {SLICE("authorization"), question->authorization};
    const struct exchange_request head = {.fields = &field, .field_count = 1};
    const struct gateway_presented presented = {
        .request = &head, .arena = &question->arena, .answer = &question->asked};
    struct principal *principal = NULL;
    struct identity_miss miss;
    struct diag diag = {0};
    (void)!gateway_authenticate(question->gateway, &presented, &principal, &miss, &diag);
    principal_unref(principal);
}

static void on_answer(const struct inquiry_sink *sink, enum status status,
                      const struct inquiry_answer *answer, const struct diag *diag)
{
    struct head_question *question = sink->user;
    const struct port_clock *clock = question->gateway->ports.clock;
    int64_t now_s = clock->wall_ms(clock->context) / 1000;
    (void)diag;
    if (identity_answer_take(&question->asked, status, answer, now_s)) {
        judge(question);
    }
    free_question(question);
}

static enum status ask(struct head_question *question, const struct identity_miss *miss)
{
    const struct port_inquiry *port = question->gateway->ports.inquiry;
    const struct inquiry_question asked = {miss->kind, miss->name, miss->about};
    const struct inquiry_sink sink = {.done = on_answer, .user = question};
    TRY(identity_answer_begin(&question->asked, &asked, &question->arena));
    TRY(arena_format(&question->arena, &question->authorization, "Bearer %.*s",
                     SLICE_ARG(miss->token)));
    return port->ask(port->context, &asked, &sink, NULL);
}

static void begin_question(struct gateway *gateway, const struct identity_miss *miss)
{
    struct head_question *question = base_alloc_zero(sizeof(*question));
    if (question == NULL) {
        return;
    }
    question->gateway = gateway;
    arena_init(&question->arena, QUESTION_BYTES_MAX, &gateway->account);
    if (ask(question, miss) != STATUS_OK) {
        free_question(question);
    }
}

static void on_nobody(const struct keys_sink *sink)
{
    (void)sink;
}

void head_identity_seek(struct gateway *gateway, const struct identity_miss *miss)
{
    const struct port_keys *port = gateway->ports.keys;
    const struct keys_miss wanted = {miss->entry, miss->name, miss->kid};
    const struct keys_sink sink = {.done = on_nobody};
    if (miss->is_missed && port != NULL) {
        (void)port->missed(port->context, &wanted, &sink);
    }
    if (miss->is_unasked && gateway->ports.inquiry != NULL) {
        begin_question(gateway, miss);
    }
}
