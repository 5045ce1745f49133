/* Oracle: first partial, then full, is full. Policies that are strictly valid can be decided when
 * parts of request and entities are hidden; what is decided then is what the full request gets, the
 * policies that are left answer it as all do, and the queries over resources and actions agree. The
 * bytes choose policies, entities, request and what is hidden. Without types it holds for policies
 * that are not valid, too. */
#include "support/fuzz.h"
#include "support/partial_answers.h"
#include "support/typed_case.h"

#define ENTITIES_MAX 5

static struct cedar_diagnostics diagnostics, warnings;

struct hidden {
    struct cedar_partial_entity entities[ENTITIES_MAX];
    struct cedar_partial_request request;
};

/* -- hiding -------------------------------------------------------------------------------- */

static bool flip(struct typed_bytes *bytes)
{
    return typed_choose(bytes, 2) == 1;
}

static void hide_entity(const struct typed_case *c, struct typed_bytes *bytes,
                        const struct cedar_uid *uid, struct hidden *out)
{
    static const struct cedar_value UNKNOWN = {.kind = CEDAR_UNKNOWN};
    struct cedar_partial_entity *item = &out->entities[out->request.entity_count];
    if (flip(bytes)) {
        return;
    }
    *item = (struct cedar_partial_entity){.uid = *uid, .has_ancestors = !flip(bytes)};
    item->is_absent = !c->view.find(c->view.context, uid, &item->data);
    item->data.attributes = flip(bytes) ? UNKNOWN : item->data.attributes;
    item->data.tags = flip(bytes) ? UNKNOWN : item->data.tags;
    if (!item->has_ancestors) {
        item->data.ancestor_count = typed_choose(bytes, (unsigned)item->data.ancestor_count + 1);
    }
    out->request.entity_count++;
}

static void hide(const struct typed_case *c, struct typed_bytes *bytes, struct hidden *out)
{
    static const struct cedar_uid UIDS[ENTITIES_MAX] = {{SLICE_INIT("User"), SLICE_INIT("u0")},
                                                        {SLICE_INIT("User"), SLICE_INIT("u1")},
                                                        {SLICE_INIT("User"), SLICE_INIT("nobody")},
                                                        {SLICE_INIT("File"), SLICE_INIT("f0")},
                                                        {SLICE_INIT("Group"), SLICE_INIT("g0")}};
    out->request = (struct cedar_partial_request){.principal = c->request.principal,
                                                  .action = c->request.action,
                                                  .resource = c->request.resource,
                                                  .has_principal = flip(bytes),
                                                  .has_resource = flip(bytes),
                                                  .context = c->request.context,
                                                  .entities = out->entities};
    if (flip(bytes)) {
        out->request.context.kind = CEDAR_UNKNOWN;
    }
    for (size_t i = 0; i < ENTITIES_MAX; i++) {
        hide_entity(c, bytes, &UIDS[i], out);
    }
}

/* -- the oracle ---------------------------------------------------------------------------- */

static void check_left(struct typed_case *c, const struct cedar_partial_response *partial,
                       const struct cedar_response *full)
{
    struct cedar_policy_set *left = NULL;
    struct cedar_response response;
    if (cedar_partial_policies(c->set, partial, &left) != STATUS_OK) {
        return; /* too deep with the values in it */
    }
    fuzz_expect(cedar_authorize(left, &c->request, NULL, &c->arena, &response) == STATUS_OK &&
                    partial_same(c->set, full, left, &response),
                "the policies left differ", buf_view(&c->policies));
    cedar_policy_set_free(left);
}

static void check_queries(struct typed_case *c, const struct cedar_partial_query *query,
                          enum cedar_decision full)
{
    enum cedar_partial_decision decision = CEDAR_PARTIAL_DENY;
    const struct cedar_partial_action *actions = NULL;
    size_t count = 0;
    bool is_listed = false;
    fuzz_expect(cedar_partial_resources(query, &c->request.resource.id, 1, &c->arena, &decision,
                                        NULL) == STATUS_OK &&
                    partial_decision_fits(decision, full),
                "the resource is decided otherwise", buf_view(&c->policies));
    fuzz_expect(cedar_partial_actions(query, &c->arena, &actions, &count, NULL) == STATUS_OK,
                "the actions are refused", buf_view(&c->policies));
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(actions[i].uid.id, c->request.action.id)) {
            is_listed = partial_decision_fits(actions[i].decision, full);
        }
    }
    fuzz_expect(is_listed || full == CEDAR_DENY, "the action is not listed",
                buf_view(&c->policies));
}

static void check(struct typed_case *c, struct typed_bytes *bytes)
{
    struct hidden hidden = {0};
    struct cedar_partial_query query = {c->set, typed_case_schema(), &hidden.request};
    struct cedar_partial_response partial;
    struct cedar_response full;
    hide(c, bytes, &hidden);
    fuzz_expect(cedar_authorize(c->set, &c->request, NULL, &c->arena, &full) == STATUS_OK &&
                    cedar_partially_authorize(&query, &c->arena, &partial, NULL) == STATUS_OK,
                "the request is refused", buf_view(&c->policies));
    fuzz_expect(partial_foretells(c->set, &partial, &full), "partial and full differ",
                buf_view(&c->policies));
    check_left(c, &partial, &full);
    check_queries(c, &query, full.decision);
}

static void check_untyped(struct typed_case *c, struct typed_bytes *bytes)
{
    struct cedar_partial_response partial;
    struct cedar_response full;
    struct cedar_request request = c->request;
    if (flip(bytes)) {
        request.principal = (struct cedar_uid){0};
    }
    if (flip(bytes)) {
        request.action = (struct cedar_uid){0};
    }
    if (flip(bytes)) {
        request.resource = (struct cedar_uid){0};
    }
    if (flip(bytes)) {
        request.context = (struct cedar_value){.kind = CEDAR_UNKNOWN};
    }
    fuzz_expect(cedar_authorize(c->set, &c->request, NULL, &c->arena, &full) == STATUS_OK,
                "the request is refused", buf_view(&c->policies));
    if (cedar_authorize_untyped(c->set, &request, &c->arena, &partial) == STATUS_OK) {
        fuzz_expect(partial_foretells(c->set, &partial, &full), "untyped and full differ",
                    buf_view(&c->policies));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cedar_validate_options STRICT = {.mode = CEDAR_VALIDATE_STRICT};
    struct typed_bytes bytes = {data, data + size};
    struct typed_case c;
    if (typed_case_open(&c, &bytes)) {
        typed_case_ask(&c, &bytes);
        if (cedar_validate(c.set, typed_case_schema(), &STRICT, &diagnostics, &warnings) ==
            STATUS_OK) {
            check(&c, &bytes);
        }
        check_untyped(&c, &bytes);
    }
    typed_case_close(&c);
    return 0;
}
