/* The official corpora: decision, reasons and errors of every request, by both engines. */
#include "support/cedar_case.h"
#include "support/check.h"
#include "support/same_answers.h"

/* Do the listed ids equal the set of policies at the indexes? */
static bool same_ids(const struct cedar_case *c, json_ref ids,
                     const struct cedar_response *response, bool of_errors)
{
    size_t count = of_errors ? response->error_count : response->reason_count;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref id = JSON_NONE;
    if (json_count(&c->tape, ids) != count) {
        return false;
    }
    json_iter_init(&iter, &c->tape, ids);
    while (json_iter_next(&iter, &key, &id)) {
        bool is_found = false;
        for (size_t i = 0; i < count; i++) {
            size_t index = of_errors ? response->errors[i].policy : response->reasons[i];
            is_found =
                is_found || json_string_eq(&c->tape, id, cedar_policy_get(c->policies, index).id);
        }
        if (!is_found) {
            return false;
        }
    }
    return true;
}

static void check_request(struct cedar_case *c, json_ref item)
{
    struct cedar_request request;
    struct cedar_response response;
    if (!cedar_case_request(c, item, &request)) {
        check_report(false, __FILE__, __LINE__, c->name, "the context can be read");
        return;
    }
    CHECK_ROW(c->name,
              cedar_authorize(c->policies, &request, NULL, &c->arena, &response) == STATUS_OK);
    json_ref decision = json_member(&c->tape, item, SLICE("decision"));
    bool is_allowed = json_string_eq(&c->tape, decision, SLICE("allow"));
    CHECK_ROW(c->name, (response.decision == CEDAR_ALLOW) == is_allowed);
    CHECK_ROW(c->name, same_ids(c, json_member(&c->tape, item, SLICE("reason")), &response, false));
    CHECK_ROW(c->name, same_ids(c, json_member(&c->tape, item, SLICE("errors")), &response, true));
    CHECK_ROW(c->name, same_answers(c->name, c->policies, &request, &c->arena));
    CHECK_ROW(c->name, same_prepared_answers(c->name, c->policies, &request, c->store, &c->arena));
}

static void check_case(struct cedar_case *c, void *context)
{
    size_t *count = context;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    bool is_loaded = c->policies != NULL && c->store != NULL;
    CHECK_ROW(c->name, is_loaded);
    json_iter_init(&iter, &c->tape, json_member(&c->tape, 0, SLICE("requests")));
    while (is_loaded && json_iter_next(&iter, &key, &item)) {
        check_request(c, item);
        ++*count;
    }
}

TEST(corpus_cedar_decisions)
{
    size_t count = 0;
    if (cedar_case_each(cedar_case_stride(), check_case, &count) > 0) {
        CHECK(count > 0);
    }
}
