#include "core/gateway/refusals.h"

#include "core/gateway/gateway.h"

#include <assert.h>
#include <string.h>

/* A budget is time: a record spends some of it, and it comes back as time passes. */
static bool can_spend(int64_t spent_until_us, int64_t cost_us, int64_t whole_us, int64_t now_us)
{
    int64_t from_us = spent_until_us > now_us ? spent_until_us : now_us;
    return from_us + cost_us <= now_us + whole_us;
}

static void spend(int64_t *spent_until_us, int64_t cost_us, int64_t now_us)
{
    *spent_until_us = (*spent_until_us > now_us ? *spent_until_us : now_us) + cost_us;
}

static bool is_same(const struct refusal_kind *a, const struct refusal_kind *b)
{
    return a->type == b->type && a->peer_len == b->peer_len &&
           slice_eq(slice_view_cstr(a->code), slice_view_cstr(b->code)) &&
           memcmp(a->peer, b->peer, a->peer_len) == 0;
}

/* Its place, or one that has nothing to remember; NULL when all have. */
static struct refusal_kind *place_of(struct refusals *refusals, const struct refusal_kind *kind,
                                     int64_t now_us)
{
    struct refusal_kind *unused = NULL;
    for (size_t i = 0; i < REFUSAL_KINDS_MAX; i++) {
        struct refusal_kind *place = &refusals->kinds[i];
        if (is_same(place, kind)) {
            return place;
        }
        if (place->counted == 0 && place->spent_until_us <= now_us) {
            unused = place;
        }
    }
    if (unused != NULL) {
        *unused = *kind;
    }
    return unused;
}

bool refusals_take(struct refusals *refusals, const struct refusal_rate *rate,
                   const struct refusal_kind *kind, int64_t now_ms)
{
    assert(rate->records >= 1 && rate->per_s >= 1 && rate->per_s <= 1000);
    int64_t now_us = now_ms * 1000;
    int64_t cost_us = 1000000 / rate->per_s;
    int64_t cost_of_all_us = cost_us / REFUSAL_BUDGETS_OF_ALL;
    int64_t whole_us = rate->records * cost_us;
    struct refusal_kind *place = place_of(refusals, kind, now_us);
    if (place == NULL) {
        refusals->crowd.counted++;
        return false;
    }
    if (!can_spend(place->spent_until_us, cost_us, whole_us, now_us) ||
        !can_spend(refusals->crowd.spent_until_us, cost_of_all_us, whole_us, now_us)) {
        place->counted++;
        return false;
    }
    spend(&place->spent_until_us, cost_us, now_us);
    spend(&refusals->crowd.spent_until_us, cost_of_all_us, now_us);
    return true;
}

bool refusals_next_counted(struct refusals *refusals, struct refusal_kind *out)
{
    for (size_t i = 0; i < REFUSAL_KINDS_MAX; i++) {
        if (refusals->kinds[i].counted > 0) {
            *out = refusals->kinds[i];
            refusals->kinds[i].counted = 0;
            return true;
        }
    }
    *out = (struct refusal_kind){
        .type = AUDIT_LIMIT_HIT, .code = "refusals.crowd", .counted = refusals->crowd.counted};
    refusals->crowd.counted = 0;
    return out->counted > 0;
}

static struct refusal_kind kind_of(enum audit_type type, struct slice peer, const char *code)
{
    struct refusal_kind kind = {.type = type, .code = code};
    peer = slice_sub(peer, 0, sizeof(kind.peer));
    kind.peer_len = peer.len;
    for (size_t i = 0; i < peer.len; i++) {
        kind.peer[i] = (char)peer.ptr[i];
    }
    return kind;
}

void gateway_record_event(struct gateway *gateway, struct audit_record *record)
{
    const struct gateway_ports *ports = &gateway->ports;
    if (ports->journal == NULL) {
        return;
    }
    record->wall_ms = ports->clock->wall_ms(ports->clock->context);
    record->mono_ms = ports->clock->mono_ms(ports->clock->context);
    buf_clear(&gateway->record);
    if (gateway_draw_id(gateway, record->decision_id) == STATUS_OK &&
        audit_record_encode(record, &gateway->record) == STATUS_OK) {
        struct journal_request request = {.payload = buf_view(&gateway->record)};
        (void)!ports->journal->append(ports->journal->context, &request);
    }
}

static void write_record(struct gateway *gateway, const struct refusal_kind *kind)
{
    struct audit_record record = {
        .type = kind->type,
        .phase = AUDIT_EVENT,
        .direction = SLICE("client"),
        .peer = slice_of(kind->peer, kind->peer_len),
        .code = slice_view_cstr(kind->code),
        .reason =
            kind->counted > 0 ? SLICE("so many more without a record of their own") : SLICE_EMPTY,
        .events = kind->counted,
    };
    gateway_record_event(gateway, &record);
}

void gateway_record_counted(struct gateway *gateway)
{
    const struct port_timer *timer = gateway->ports.timer;
    struct refusal_kind kind;
    timer->stop(timer->context, &gateway->refusals.due);
    while (refusals_next_counted(&gateway->refusals, &kind)) {
        write_record(gateway, &kind);
    }
}

static void on_due(struct timer *timer)
{
    gateway_record_counted(
        (struct gateway *)((char *)timer - offsetof(struct gateway, refusals.due)));
}

static bool take(struct gateway *gateway, const struct refusal_kind *kind)
{
    const struct gateway_ports *ports = &gateway->ports;
    struct refusals *refusals = &gateway->refusals;
    int64_t now_ms = ports->clock->mono_ms(ports->clock->context);
    if (refusals_take(refusals, &gateway->limits.refusals, kind, now_ms)) {
        return true;
    }
    if (refusals->due.due_ms == 0 && !gateway->is_closed) {
        refusals->due.fire = on_due;
        ports->timer->start(ports->timer->context, &refusals->due, REFUSAL_COUNT_MS);
    }
    return false;
}

void gateway_record_refusal(struct gateway *gateway, enum audit_type type, struct slice peer,
                            const char *code)
{
    struct refusal_kind kind = kind_of(type, peer, code);
    if (gateway->ports.journal != NULL && take(gateway, &kind)) {
        write_record(gateway, &kind);
    }
}

bool gateway_refusal_has_record(struct gateway *gateway, enum audit_type type, struct slice peer,
                                const char *code)
{
    struct refusal_kind kind = kind_of(type, peer, code);
    return gateway->ports.journal != NULL && take(gateway, &kind);
}
