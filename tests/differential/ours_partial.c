/* What our engine says to requests of which parts are hidden. */
#include "differential/ours.h"
#include "differential/words.h"

#include "support/check.h"
#include "support/partial_answers.h"

#define TEXT_BYTES_MAX ((size_t)1 << 24)
#define ROUNDS 8

static struct cedar_diagnostics errors;

static void put(struct buf *out, const char *text)
{
    buf_append(out, slice_view_cstr(text));
}

static bool read_entities(struct ours *ours, struct cedar_partial_request *out)
{
    struct buf text;
    struct cedar_source source = {SLICE("entities"), SLICE_EMPTY};
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    case_write_partial_entities(ours->c, &text);
    bool is_copied = arena_copy(&ours->arena, buf_view(&text), &source.text) == STATUS_OK;
    buf_release(&text);
    return is_copied &&
           cedar_partial_entities_read(&source, ours->schema, &ours->arena, &out->entities,
                                       &out->entity_count, &errors) == STATUS_OK;
}

/* A request that fits the schema, and the same without what is hidden. */
static bool read_request(struct ours *ours, struct slice text, struct cedar_request *full,
                         struct cedar_partial_request *out)
{
    unsigned hidden = ours->c->hidden;
    if (!ours_read_request(ours, ours->schema, text, full)) {
        return false;
    }
    *out = (struct cedar_partial_request){.principal = full->principal,
                                          .action = full->action,
                                          .resource = full->resource,
                                          .has_principal = (hidden & HIDDEN_PRINCIPAL) == 0,
                                          .has_resource = (hidden & HIDDEN_RESOURCE) == 0,
                                          .context = full->context};
    if ((hidden & HIDDEN_CONTEXT) != 0) {
        out->context.kind = CEDAR_UNKNOWN;
    }
    return read_entities(ours, out);
}

/* -- outcomes ------------------------------------------------------------------------------ */

/* Is the id of the policy among the residual ones of their answer to a request? */
static bool is_residual_there(const struct question *q, json_ref answer, struct slice id)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    bool is_found = false;
    json_iter_init(&iter, q->theirs, json_member(q->theirs, answer, SLICE("residual")));
    while (!is_found && json_iter_next(&iter, &key, &item)) {
        is_found = json_string_eq(q->theirs, item, id);
    }
    return is_found;
}

static json_ref answer_to(const struct question *q, size_t number)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    json_iter_init(&iter, q->theirs, q->value);
    while (json_iter_next(&iter, &key, &item) && number-- > 0) {
    }
    return item;
}

/* Types tell us more, so what the other leaves open is open here, too; that we are right about it
 * is checked against the whole request. */
static void put_outcomes(const struct question *q, json_ref theirs,
                         const struct cedar_partial_response *response, struct buf *out)
{
    static const char *const DECISIONS[] = {[CEDAR_PARTIAL_DENY] = "deny",
                                            [CEDAR_PARTIAL_ALLOW] = "allow",
                                            [CEDAR_PARTIAL_OPEN] = "open"};
    static const char *const OUTCOMES[] = {[CEDAR_PARTIAL_FALSE] = "false",
                                           [CEDAR_PARTIAL_TRUE] = "true",
                                           [CEDAR_PARTIAL_ERROR] = "error",
                                           [CEDAR_PARTIAL_RESIDUAL] = "residual"};
    const struct cedar_policy_set *set = q->ours->policies;
    struct words words[COUNT_OF(OUTCOMES)] = {0};
    bool is_open =
        json_string_eq(q->theirs, json_member(q->theirs, theirs, SLICE("decision")), SLICE("open"));
    for (size_t i = 0; i < cedar_policy_count(set); i++) {
        struct cedar_policy_info policy = cedar_policy_get(set, i);
        bool is_residual = is_residual_there(q, theirs, policy.id);
        if (!policy.is_template) {
            words_add(&words[is_residual ? CEDAR_PARTIAL_RESIDUAL : response->outcomes[i]],
                      policy.id);
        }
    }
    put(out, "{\"decision\":\"");
    put(out, DECISIONS[is_open ? CEDAR_PARTIAL_OPEN : response->decision]);
    put(out, "\"");
    for (size_t i = 0; i < COUNT_OF(OUTCOMES); i++) {
        put(out, ",\"");
        put(out, OUTCOMES[i]);
        put(out, "\":");
        words_put(&words[i], out);
    }
    put(out, "}");
}

static void put_partial(const struct question *q, size_t number, struct slice text, struct buf *out)
{
    struct ours *ours = q->ours;
    struct cedar_entities entities = cedar_entity_store_view(ours->store);
    struct cedar_request full = {.entities = &entities};
    struct cedar_response expected;
    struct cedar_partial_request request;
    struct cedar_partial_query query = {ours->policies, ours->schema, &request};
    struct cedar_partial_response response;
    if (!read_request(ours, text, &full, &request) ||
        cedar_partially_authorize(&query, &ours->arena, &response, NULL) != STATUS_OK ||
        cedar_authorize(ours->policies, &full, NULL, &ours->arena, &expected) != STATUS_OK) {
        put(out, "null");
        return;
    }
    CHECK(partial_foretells(ours->policies, &response, &expected));
    put_outcomes(q, answer_to(q, number), &response, out);
}

void ours_put_partial(const struct question *q, struct buf *out)
{
    ours_put_each_request(q, put_partial, out);
}

/* -- residuals ----------------------------------------------------------------------------- */

static void put_filled(const struct question *q, size_t number, struct slice text, struct buf *out)
{
    struct ours *ours = q->ours;
    (void)number;
    struct cedar_entities entities = cedar_entity_store_view(ours->store);
    struct cedar_request full = {.entities = &entities};
    struct cedar_partial_request request;
    struct cedar_partial_query query = {ours->policies, ours->schema, &request};
    struct cedar_partial_response partial;
    struct cedar_response response;
    struct cedar_policy_set *left = NULL;
    if (read_request(ours, text, &full, &request) &&
        cedar_partially_authorize(&query, &ours->arena, &partial, NULL) == STATUS_OK &&
        cedar_partial_policies(ours->policies, &partial, &left) == STATUS_OK &&
        cedar_authorize(left, &full, NULL, &ours->arena, &response) == STATUS_OK) {
        ours_put_response(left, &response, out);
    } else {
        put(out, "null");
    }
    cedar_policy_set_free(left);
}

void ours_put_filled(const struct question *q, struct buf *out)
{
    ours_put_each_request(q, put_filled, out);
}

/* -- loading ------------------------------------------------------------------------------- */

static enum status load(void *context, const struct cedar_uid *uids, size_t count,
                        struct arena *arena, struct cedar_loaded_entity *out, struct diag *diag)
{
    const struct cedar_entities *entities = context;
    (void)arena;
    (void)diag;
    for (size_t i = 0; i < count; i++) {
        out[i].exists = entities->find(entities->context, &uids[i], &out[i].data);
    }
    return STATUS_OK;
}

static void put_batched(const struct question *q, size_t number, struct slice text, struct buf *out)
{
    struct ours *ours = q->ours;
    (void)number;
    struct cedar_entities entities = cedar_entity_store_view(ours->store);
    struct cedar_request full = {.entities = &entities};
    struct cedar_entity_loader loader = {&entities, load};
    struct cedar_batched_query query = {ours->policies, ours->schema, &full, &loader, ROUNDS};
    enum cedar_decision decision = CEDAR_DENY;
    if (ours_read_request(ours, ours->schema, text, &full) &&
        cedar_authorize_batched(&query, &ours->arena, &decision, NULL) == STATUS_OK) {
        put(out, decision == CEDAR_ALLOW ? "\"allow\"" : "\"deny\"");
    } else {
        put(out, "null");
    }
}

void ours_put_batched(const struct question *q, struct buf *out)
{
    ours_put_each_request(q, put_batched, out);
}
