/* The property of partial evaluation: first partial, then full, is full. Over the official corpora,
 * with random parts of each request hidden. */
#include "support/cedar_case.h"
#include "support/check.h"
#include "support/corpus.h"
#include "support/partial_answers.h"

#define ROUNDS 2      /* ways of hiding, per request */
#define STRIDE_MORE 3 /* this test does more with each case than others */

static struct cedar_diagnostics errors, warnings;

struct progress {
    size_t compared, decided, residual;
};

static bool flip(void)
{
    return check_random() >> 33 & 1;
}

/* -- hiding -------------------------------------------------------------------------------- */

static void hide(const struct cedar_entity_data *data, struct cedar_partial_entity *out)
{
    static const struct cedar_value UNKNOWN = {.kind = CEDAR_UNKNOWN};
    out->data = *data;
    out->data.attributes = flip() ? data->attributes : UNKNOWN;
    out->data.tags = flip() ? data->tags : UNKNOWN;
    out->has_ancestors = flip();
    if (!out->has_ancestors && data->ancestor_count > 0) {
        out->data.ancestor_count = check_random() % data->ancestor_count;
    }
}

static struct cedar_uid uid_of(struct cedar_case *c, const struct json_tape *tape, json_ref entity)
{
    struct cedar_uid uid = {0};
    json_ref ref = json_member(tape, entity, SLICE("uid"));
    json_ref inner = json_member(tape, ref, SLICE("__entity"));
    ref = inner == JSON_NONE ? ref : inner;
    CHECK_ROW(c->name, json_string(tape, json_member(tape, ref, SLICE("type")), &c->arena,
                                   &uid.type) == STATUS_OK &&
                           json_string(tape, json_member(tape, ref, SLICE("id")), &c->arena,
                                       &uid.id) == STATUS_OK);
    return uid;
}

static bool is_listed(const struct cedar_partial_request *request, const struct cedar_uid *uid)
{
    for (size_t i = 0; i < request->entity_count; i++) {
        const struct cedar_uid *other = &request->entities[i].uid;
        if (slice_eq(other->type, uid->type) && slice_eq(other->id, uid->id)) {
            return true;
        }
    }
    return false;
}

static void list_entity(const struct cedar_request *full, const struct cedar_uid *uid,
                        struct cedar_partial_entity *items, struct cedar_partial_request *out)
{
    struct cedar_entity_data data = {0};
    struct cedar_partial_entity *item = &items[out->entity_count];
    if (is_listed(out, uid) || !flip()) {
        return;
    }
    *item = (struct cedar_partial_entity){.uid = *uid};
    item->is_absent = !full->entities->find(full->entities->context, uid, &data);
    hide(&data, item);
    out->entity_count++;
}

/* Some parts of the entities, of the request and its context. */
static void hide_parts(struct cedar_case *c, const struct cedar_request *full,
                       const struct json_tape *tape, struct cedar_partial_request *out)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref entity = JSON_NONE;
    struct cedar_partial_entity *items =
        arena_alloc_zero(&c->arena, json_count(tape, 0) + 2, sizeof(*items));
    *out = (struct cedar_partial_request){.principal = full->principal,
                                          .action = full->action,
                                          .resource = full->resource,
                                          .has_principal = flip(),
                                          .has_resource = flip(),
                                          .context = full->context,
                                          .entities = items};
    if (flip()) {
        out->context.kind = CEDAR_UNKNOWN;
    }
    CHECK_ROW(c->name, items != NULL);
    if (items == NULL) {
        return;
    }
    list_entity(full, &full->principal, items, out);
    list_entity(full, &full->resource, items, out);
    json_iter_init(&iter, tape, 0);
    while (json_iter_next(&iter, &key, &entity)) {
        struct cedar_uid uid = uid_of(c, tape, entity);
        list_entity(full, &uid, items, out);
    }
}

/* -- comparing ----------------------------------------------------------------------------- */

/* The residual set once more, as it comes out of its JSON form. */
static void check_json(struct cedar_case *c, const struct cedar_policy_set *left,
                       const struct cedar_request *request, const struct cedar_response *full)
{
    struct buf json;
    struct cedar_policy_set *again = NULL;
    struct cedar_response response = {0};
    buf_init(&json, CEDAR_SOURCE_BYTES_MAX, NULL);
    CHECK_ROW(c->name, cedar_policy_set_to_json(left, &json) == STATUS_OK);
    struct cedar_source source = {SLICE("residuals"), buf_view(&json)};
    bool is_read =
        cedar_policy_set_parse_json(&source, CEDAR_JSON_SET, &again, &errors) == STATUS_OK;
    CHECK_ROW(c->name, is_read);
    if (is_read) {
        CHECK_ROW(c->name,
                  cedar_authorize(again, request, NULL, &c->arena, &response) == STATUS_OK);
        CHECK_ROW(c->name, partial_same(c->policies, full, again, &response));
        cedar_policy_set_free(again);
    }
    buf_release(&json);
}

/* Text has no ids; every policy of it must parse. */
static void check_text(const struct cedar_case *c, const struct cedar_policy_set *left)
{
    struct buf text;
    struct cedar_policy_set *again = NULL;
    buf_init(&text, CEDAR_SOURCE_BYTES_MAX, NULL);
    CHECK_ROW(c->name, cedar_policy_set_to_text(left, &text) == STATUS_OK);
    struct cedar_source source = {SLICE("residuals"), buf_view(&text)};
    bool is_read = cedar_policy_set_parse(&source, 1, false, &again, &errors) == STATUS_OK;
    CHECK_ROW(c->name, is_read && cedar_policy_count(again) == cedar_policy_count(left));
    if (is_read) {
        cedar_policy_set_free(again);
    }
    buf_release(&text);
}

static void check_hidden(struct cedar_case *c, const struct cedar_request *full,
                         const struct cedar_response *expected, const struct json_tape *entities,
                         struct progress *progress)
{
    struct cedar_partial_request request;
    struct cedar_partial_query query = {c->policies, c->schema, &request};
    struct cedar_partial_response partial;
    struct cedar_policy_set *left = NULL;
    struct cedar_response response = {0};
    struct diag diag = {0};
    hide_parts(c, full, entities, &request);
    enum status status = cedar_partially_authorize(&query, &c->arena, &partial, &diag);
    CHECK_ROW(c->name, status == STATUS_OK);
    if (status != STATUS_OK) {
        check_report(false, __FILE__, __LINE__, c->name, diag.message);
        return;
    }
    CHECK_ROW(c->name, partial_foretells(c->policies, &partial, expected));
    CHECK_ROW(c->name, cedar_partial_policies(c->policies, &partial, &left) == STATUS_OK);
    CHECK_ROW(c->name, cedar_authorize(left, full, NULL, &c->arena, &response) == STATUS_OK);
    CHECK_ROW(c->name, partial_same(c->policies, expected, left, &response));
    check_json(c, left, full, expected);
    check_text(c, left);
    cedar_policy_set_free(left);
    progress->compared++;
    progress->decided += partial.decision != CEDAR_PARTIAL_OPEN ? 1 : 0;
    for (size_t i = 0; i < cedar_policy_count(c->policies); i++) {
        progress->residual += partial.outcomes[i] == CEDAR_PARTIAL_RESIDUAL ? 1 : 0;
    }
}

static void check_request(struct cedar_case *c, json_ref item, const struct json_tape *entities,
                          struct progress *progress)
{
    struct cedar_request full;
    struct cedar_response expected;
    bool is_good = cedar_case_request(c, item, &full) &&
                   cedar_request_validate(c->schema, &full, &c->arena, NULL) == STATUS_OK;
    if (!is_good) {
        return;
    }
    CHECK_ROW(c->name,
              cedar_authorize(c->policies, &full, NULL, &c->arena, &expected) == STATUS_OK);
    for (size_t i = 0; i < ROUNDS; i++) {
        check_hidden(c, &full, &expected, entities, progress);
    }
}

static void check_case(struct cedar_case *c, void *context)
{
    static const struct cedar_validate_options STRICT = {.mode = CEDAR_VALIDATE_STRICT};
    struct json_tape entities;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    bool is_valid =
        c->policies != NULL && c->store != NULL &&
        cedar_validate(c->policies, c->schema, &STRICT, &errors, &warnings) == STATUS_OK &&
        json_parse(corpus_parser(), c->entity_text, &c->arena, &entities, NULL) == STATUS_OK;
    json_iter_init(&iter, &c->tape, json_member(&c->tape, 0, SLICE("requests")));
    while (is_valid && json_iter_next(&iter, &key, &item)) {
        check_request(c, item, &entities, context);
    }
}

TEST(corpus_cedar_partial_then_full)
{
    struct progress progress = {0};
    size_t stride = cedar_case_stride() == 1 ? 1 : STRIDE_MORE * cedar_case_stride();
    if (cedar_case_each(stride, check_case, &progress) > 0) {
        CHECK(progress.compared > 0 && progress.residual > 0);
        CHECK(progress.decided > 0 && progress.decided < progress.compared);
    }
}
