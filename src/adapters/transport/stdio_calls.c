#include "adapters/transport/stdio_calls.h"

#include <stddef.h>

struct stdio_call {
    struct upstream_call base; /* first */
    struct stdio_calls *calls;
    struct stdio_call *next, *previous;
    int64_t id, timeout_ms;
    uint64_t caller;
    struct timer idle, deadline;
    bool expects_answer, is_excused;
    bool is_standing;   /* gets what belongs to no other call */
    bool is_listening;  /* gets what names it, and nothing else */
    bool is_delivering; /* a function of the sink is on the stack */
    bool is_over;       /* cancelled or ended from there */
};

static struct stdio_call *call_of_idle(struct timer *timer)
{
    return (struct stdio_call *)((char *)timer - offsetof(struct stdio_call, idle));
}

static struct stdio_call *call_of_deadline(struct timer *timer)
{
    return (struct stdio_call *)((char *)timer - offsetof(struct stdio_call, deadline));
}

/* No callback and no timer knows the call any more. */
static void withdraw(struct stdio_call *call)
{
    struct stdio_calls *calls = call->calls;
    loop_timer_stop(calls->loop, &call->idle);
    loop_timer_stop(calls->loop, &call->deadline);
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        calls->newest = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    calls->count--;
}

/* No callback and no timer knows it; freed at once, or by who is just calling its sink. */
static void let_go(struct stdio_call *call)
{
    withdraw(call);
    if (call->is_delivering) {
        call->is_over = true;
    } else {
        base_free(call);
    }
}

static void end_call(struct stdio_call *call, enum status status, const char *code,
                     const char *what)
{
    struct upstream_sink sink = call->base.sink;
    struct diag diag = {0};
    if (status != STATUS_OK) {
        (void)!diag_fail(&diag, status, code, "%s", what);
    }
    let_go(call);
    sink.on_end(&sink, status, 0, &diag);
}

static void touch(struct stdio_call *call)
{
    struct loop *loop = call->calls->loop;
    if (call->timeout_ms > 0 && !call->is_excused) {
        loop_timer_start(loop, &call->idle, call->timeout_ms);
    } else {
        loop_timer_stop(loop, &call->idle);
    }
}

/* Returns false when the call is over now. */
static bool deliver(struct stdio_call *call, struct slice json, bool is_stream)
{
    touch(call);
    call->is_delivering = true;
    call->base.sink.on_message(&call->base.sink, json, is_stream);
    call->is_delivering = false;
    if (call->is_over) {
        base_free(call);
        return false;
    }
    return true;
}

static void on_idle(struct timer *timer)
{
    struct stdio_call *call = call_of_idle(timer);
    if (call->expects_answer) {
        end_call(call, STATUS_TIMEOUT, "upstream.timeout", "server is silent");
    } else {
        end_call(call, STATUS_OK, NULL, NULL);
    }
}

static void on_deadline(struct timer *timer)
{
    end_call(call_of_deadline(timer), STATUS_TIMEOUT, "upstream.timeout",
             "server did not answer in time");
}

static struct stdio_call *find_call(const struct stdio_calls *calls, int64_t id)
{
    for (struct stdio_call *call = calls->newest; call != NULL; call = call->next) {
        if (call->expects_answer && call->id == id) {
            return call;
        }
    }
    return NULL;
}

static struct stdio_call *find_named_call(const struct stdio_calls *calls,
                                          const struct json_tape *tape, json_ref id)
{
    int64_t number = 0;
    return id == JSON_NONE || json_integer(tape, id, &number) != STATUS_OK
               ? NULL
               : find_call(calls, number);
}

static struct stdio_call *find_standing(const struct stdio_calls *calls)
{
    struct stdio_call *call = calls->newest;
    while (call != NULL && !call->is_standing) {
        call = call->next;
    }
    return call;
}

/* The one call that a message without an id can belong to, or who takes what belongs to none. */
static struct stdio_call *find_only_call(const struct stdio_calls *calls)
{
    struct stdio_call *found = NULL;
    for (struct stdio_call *call = calls->newest; call != NULL; call = call->next) {
        if (call->expects_answer && !call->is_listening) {
            if (found != NULL) {
                return find_standing(calls);
            }
            found = call;
        }
    }
    return found != NULL ? found : find_standing(calls);
}

/* MCP 2026-07-28, subscriptions: each message of one says which it is for. */
static json_ref subscription_in(const struct json_tape *tape, json_ref params)
{
    json_ref meta =
        params == JSON_NONE ? JSON_NONE : json_member_object(tape, params, SLICE("_meta"));
    return meta == JSON_NONE
               ? JSON_NONE
               : json_member(tape, meta, SLICE("io.modelcontextprotocol/subscriptionId"));
}

static void on_notification(struct stdio_calls *calls, const struct json_tape *tape,
                            struct slice line)
{
    json_ref params = json_member(tape, 0, SLICE("params"));
    json_ref token =
        params == JSON_NONE ? JSON_NONE : json_member(tape, params, SLICE("progressToken"));
    json_ref subscription = subscription_in(tape, params);
    struct stdio_call *call =
        find_named_call(calls, tape, subscription != JSON_NONE ? subscription : token);
    if (call == NULL && subscription == JSON_NONE && !calls->has_others) {
        call = find_only_call(calls);
    }
    if (call != NULL) {
        (void)deliver(call, line, true);
    }
}

/* MCP 2025-11-25, stdio: a question does not say to which call it belongs. The youngest one is as
 * good as another: all of them are for the same session of a client. Where they are not, the server
 * is one of a revision that has no such questions. */
static void on_question(struct stdio_calls *calls, struct slice line)
{
    struct stdio_call *call = calls->has_others ? NULL : calls->newest;
    while (call != NULL && !call->expects_answer) {
        call = call->next;
    }
    if (call == NULL && !calls->has_others) {
        call = find_standing(calls);
    }
    if (call != NULL) {
        (void)deliver(call, line, true);
    } else {
        calls->on_unclaimed(calls, line);
    }
}

static void on_noise(struct stdio_calls *calls)
{
    if (++calls->noise_count >= calls->noise_max) {
        stdio_calls_end(calls, STATUS_INVALID, "upstream.protocol",
                        "server writes lines that are no messages");
        calls->on_noise(calls);
    }
}

static void on_message(struct stdio_calls *calls, const struct json_tape *tape, struct slice line)
{
    json_ref id = json_member(tape, 0, SLICE("id"));
    bool has_method = json_member(tape, 0, SLICE("method")) != JSON_NONE;
    if (has_method && id == JSON_NONE) {
        on_notification(calls, tape, line);
    } else if (has_method) {
        on_question(calls, line);
    } else {
        /* An answer to no running call is late: its call was cancelled or timed out. */
        struct stdio_call *call = find_named_call(calls, tape, id);
        if (call != NULL && deliver(call, line, false)) {
            end_call(call, STATUS_OK, NULL, NULL);
        }
    }
}

static bool parse(const struct stdio_calls *calls, struct slice text, struct json_tape *out)
{
    return json_parse(calls->parser, text, calls->arena, out, NULL) == STATUS_OK;
}

/* MCP 2025-03-26: several messages as one array. Each is taken as if it came alone, and read again
 * for that, since the places of a tape are those of a whole message. */
static void take_batch(struct stdio_calls *calls, const struct json_tape *batch)
{
    struct json_iter iter;
    struct json_tape tape;
    json_ref key = JSON_NONE;
    json_ref message = JSON_NONE;
    uint32_t count = json_count(batch, 0);
    if (count == 0 || count > UPSTREAM_BATCH_MAX) {
        on_noise(calls);
        return;
    }
    json_iter_init(&iter, batch, 0);
    /* Whoever is told may give the child up. */
    while (!calls->is_over && json_iter_next(&iter, &key, &message)) {
        if (json_type(batch, message) == JSON_OBJECT &&
            parse(calls, json_raw(batch, message), &tape)) {
            on_message(calls, &tape, json_raw(batch, message));
        } else {
            on_noise(calls);
        }
    }
}

/* The other revisions have no arrays: who was answered in one has no answer. */
static void refuse_batch(struct stdio_calls *calls, const struct json_tape *batch)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref message = JSON_NONE;
    json_iter_init(&iter, batch, 0);
    while (!calls->is_over && json_iter_next(&iter, &key, &message)) {
        bool is_answer = json_type(batch, message) == JSON_OBJECT &&
                         json_member(batch, message, SLICE("method")) == JSON_NONE;
        struct stdio_call *call =
            is_answer ? find_named_call(calls, batch, json_member(batch, message, SLICE("id")))
                      : NULL;
        if (call != NULL) {
            end_call(call, STATUS_INVALID, "upstream.protocol",
                     "server answers in an array, which its revision does not have");
        }
    }
    if (!calls->is_over) {
        on_noise(calls);
    }
}

void stdio_calls_take(struct stdio_calls *calls, struct slice text)
{
    struct json_tape tape;
    if (text.len == 0) {
        return;
    }
    arena_reset(calls->arena);
    bool is_json = parse(calls, text, &tape);
    if (is_json && json_type(&tape, 0) == JSON_OBJECT) {
        on_message(calls, &tape, text);
    } else if (is_json && json_type(&tape, 0) == JSON_ARRAY) {
        (calls->has_batches ? take_batch : refuse_batch)(calls, &tape);
    } else {
        on_noise(calls);
    }
}

uint32_t stdio_calls_count_of(const struct stdio_calls *calls, uint64_t caller)
{
    uint32_t count = 0;
    for (const struct stdio_call *call = calls->newest; call != NULL; call = call->next) {
        count += call->expects_answer && call->caller == caller ? 1 : 0;
    }
    return count;
}

void stdio_calls_restart(struct stdio_calls *calls)
{
    calls->noise_count = 0;
    calls->has_batches = calls->has_others = calls->is_over = false;
}

void stdio_calls_end(struct stdio_calls *calls, enum status status, const char *code,
                     const char *what)
{
    calls->is_over = true;
    /* A sink may start a new call here; only the ones that ran before are ended. */
    for (uint32_t left = calls->count; left > 0 && calls->newest != NULL; left--) {
        struct stdio_call *oldest = calls->newest;
        while (oldest->next != NULL) {
            oldest = oldest->next;
        }
        end_call(oldest, status, code, what);
    }
}

void stdio_calls_end_one(struct stdio_calls *calls, int64_t id, enum status status,
                         const struct diag *diag)
{
    struct stdio_call *call = find_call(calls, id);
    if (call != NULL) {
        end_call(call, status, diag->code, diag->message);
    }
}

struct stdio_call *stdio_call_new(struct stdio_calls *calls, const struct upstream_request *request,
                                  const struct upstream_sink *sink, bool is_standing)
{
    struct stdio_call *call = base_alloc(sizeof(*call));
    if (call != NULL) {
        *call = (struct stdio_call){.base = {.is_shared = true, .sink = *sink},
                                    .calls = calls,
                                    .id = request->id,
                                    .timeout_ms = request->timeout_ms,
                                    .caller = request->caller,
                                    .idle = {.fire = on_idle},
                                    .deadline = {.fire = on_deadline},
                                    .expects_answer = request->expects_answer,
                                    .is_standing = is_standing,
                                    .is_listening = request->is_listening};
    }
    return call;
}

struct upstream_call *stdio_call_begin(struct stdio_call *call,
                                       const struct upstream_request *request)
{
    struct stdio_calls *calls = call->calls;
    calls->has_batches |= request->has_batches;
    calls->has_others |= request->has_others;
    call->next = calls->newest;
    if (call->next != NULL) {
        call->next->previous = call;
    }
    calls->newest = call;
    calls->count++;
    if (call->is_standing) {
        return &call->base;
    }
    if (!call->expects_answer) {
        /* Nothing comes back: the call ends on the next turn of the loop. */
        loop_timer_start(calls->loop, &call->idle, 0);
        return &call->base;
    }
    touch(call);
    if (request->deadline_ms > 0) {
        loop_timer_start(calls->loop, &call->deadline, request->deadline_ms);
    }
    return &call->base;
}

void stdio_call_cancel(struct upstream_call *call)
{
    let_go((struct stdio_call *)call);
}

void stdio_call_excuse(struct upstream_call *base, bool is_excused)
{
    struct stdio_call *call = (struct stdio_call *)base;
    call->is_excused = is_excused;
    touch(call);
}
