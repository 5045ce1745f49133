/* Which servers the addresses of a subscriptions/listen belong to, where the endpoint stands for
 * several: by the rules of one address (resolve_stages.c), for all of them with the same lists. An
 * address that is nobody's, or of two servers, is left out and recorded. */
#include "core/gateway/listening.h"
#include "core/gateway/skill.h"
#include "core/mcp/resource_uri.h"

#define SKILLS SLICE("skills/list")

static bool needs_resolving(const struct operation *op)
{
    return op->server_index == OPERATION_ALL_SERVERS && op->listening->resource_count > 0;
}

/* Could the policies let the caller hear of it from that server? */
static bool is_candidate(struct operation *op, const struct listened *resource,
                         uint32_t server_index, struct policy_answer *denial)
{
    if (!operation_covers(op, MCP_RESOURCE, server_index)) {
        return false;
    }
    struct policy_question question =
        listening_question(op, SLICE("resources/subscribe"), server_index, resource->uri);
    return !policy_denies_early(&question, &op->gateway->scratch, op->list_arena, denial);
}

static void leave_out(struct operation *op, struct listened *resource, struct slice code,
                      const struct policy_answer *answer)
{
    resource->is_settled = true;
    resource->server_index = OPERATION_ALL_SERVERS;
    listening_record_denied(op, SLICE("resources/subscribe"), resource, resource->uri, code,
                            answer);
}

/* Marks the servers that may have it; none: it is denied. */
static bool mark_candidates(struct operation *op, struct listened *resource, bool *servers)
{
    struct policy_answer denial = {0};
    bool is_found = false;
    for (uint32_t i = 0; i < op->gateway->snapshot->server_count; i++) {
        struct policy_answer answer = {0};
        if (is_candidate(op, resource, i, &answer)) {
            servers[i] = is_found = true;
        } else if (denial.policy_count == 0) {
            denial = answer;
        }
    }
    if (!is_found) {
        leave_out(op, resource, SLICE("policy_denied"), &denial);
    }
    return is_found;
}

/* Ask those servers that may have one of the addresses that are still nobody's. */
static enum stage_result fetch_candidates(struct operation *op, struct slice list)
{
    size_t server_count = op->gateway->snapshot->server_count;
    struct listening *listening = op->listening;
    bool *is_asked = arena_alloc_zero(&op->arena, server_count, sizeof(*is_asked));
    uint32_t *servers = arena_alloc_zero(&op->arena, server_count, sizeof(*servers));
    size_t count = 0;
    bool has_candidate = false;
    if (is_asked == NULL || servers == NULL) {
        return operation_refuse_overload(op, "no memory for the servers");
    }
    for (size_t i = 0; i < listening->resource_count; i++) {
        struct listened *resource = &listening->resources[i];
        has_candidate =
            (!resource->is_settled && mark_candidates(op, resource, is_asked)) || has_candidate;
    }
    for (uint32_t i = 0; i < server_count; i++) {
        if (is_asked[i]) {
            servers[count++] = i;
        }
    }
    return has_candidate ? operation_fetch(op, mcp_method_find(list), servers, count) : STAGE_DONE;
}

/* One of them offers it; two of them are too many. */
static void take_offer(struct operation *op, struct listened *resource, uint32_t server_index)
{
    struct policy_answer denial = {0};
    bool is_known = resource->offer_count > 0 && resource->server_index == server_index;
    if (!is_known && is_candidate(op, resource, server_index, &denial)) {
        resource->offer_count++;
        resource->server_index = server_index;
    }
}

/* No list has it: a server may have said the address in a result. */
static void take_link(struct operation *op, struct listened *resource)
{
    uint32_t server_index = 0;
    enum status status = operation_find_link(op, resource->uri, &server_index);
    if (status == STATUS_OK) {
        take_offer(op, resource, server_index);
    }
    resource->offer_count = status == STATUS_CONFLICT ? 2 : resource->offer_count;
}

static void settle(struct operation *op, bool is_last)
{
    static const struct policy_answer NOBODY = {0};
    struct listening *listening = op->listening;
    for (size_t i = 0; i < listening->resource_count; i++) {
        struct listened *resource = &listening->resources[i];
        if (resource->is_settled) {
            continue;
        }
        if (resource->offer_count == 0 && is_last) {
            take_link(op, resource);
        }
        if (resource->offer_count > 1) {
            leave_out(op, resource, SLICE("target.ambiguous"), &NOBODY);
        } else if (resource->offer_count == 0 && is_last) {
            leave_out(op, resource, SLICE("target.unknown"), &NOBODY);
        }
        resource->is_settled = resource->is_settled || resource->offer_count == 1;
    }
}

/* Compare one item's text with all addresses. STATUS_LIMIT: it cannot be done. */
typedef enum status (*compare_fn)(struct operation *op, struct slice text, uint32_t server_index,
                                  struct arena *scratch, struct uri_search *searches);

/* Take the server's offer of those addresses that the text, an address itself, has. */
static enum status take_offers(struct operation *op, struct slice text, uint32_t server_index,
                               struct arena *scratch, bool (*has)(struct slice, struct slice))
{
    struct listening *listening = op->listening;
    struct resource_uri uri;
    enum status status = resource_uri_read(text, scratch, &uri, NULL);
    for (size_t i = 0; status == STATUS_OK && i < listening->resource_count; i++) {
        struct listened *resource = &listening->resources[i];
        if (!resource->is_settled && has(uri.text, resource->uri)) {
            take_offer(op, resource, server_index);
        }
    }
    return status == STATUS_LIMIT ? status : STATUS_OK;
}

static bool is_same(struct slice a, struct slice b)
{
    return slice_eq(a, b);
}

static enum status compare_address(struct operation *op, struct slice text, uint32_t server_index,
                                   struct arena *scratch, struct uri_search *searches)
{
    (void)searches;
    return take_offers(op, text, server_index, scratch, is_same);
}

static enum status compare_skill(struct operation *op, struct slice text, uint32_t server_index,
                                 struct arena *scratch, struct uri_search *searches)
{
    (void)searches;
    return take_offers(op, text, server_index, scratch, skill_has);
}

/* All searches together cost no more than one may. */
static enum status compare_template(struct operation *op, struct slice text, uint32_t server_index,
                                    struct arena *scratch, struct uri_search *searches)
{
    struct listening *listening = op->listening;
    (void)scratch;
    for (size_t i = 0; i < listening->resource_count; i++) {
        struct listened *resource = &listening->resources[i];
        if (resource->is_settled) {
            continue;
        }
        searches[i].steps_left = op->search.steps_left;
        if (uri_template_matches(&searches[i], text)) {
            take_offer(op, resource, server_index);
        }
        op->search.steps_left = searches[i].steps_left;
        if (op->search.steps_left == 0) {
            return STATUS_LIMIT;
        }
    }
    return STATUS_OK;
}

static enum status walk(struct operation *op, const struct list_part *part, struct slice member,
                        compare_fn compare, struct uri_search *searches)
{
    struct list_walk items = {0};
    struct json_place item;
    struct arena scratch;
    enum status status = STATUS_OK;
    arena_init(&scratch, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    while (status == STATUS_OK && list_walk_next(&items, part, &item)) {
        struct slice text;
        json_ref ref = json_member(item.tape, item.ref, member);
        status = ref == JSON_NONE ? STATUS_INVALID : json_string(item.tape, ref, &scratch, &text);
        if (status == STATUS_OK) {
            status = compare(op, text, part->server_index, &scratch, searches);
        } else if (status == STATUS_INVALID) {
            status = STATUS_OK;
        }
        arena_reset(&scratch);
    }
    arena_release(&scratch);
    return status;
}

/* What the lists say, when the operation is still to go on. */
static enum stage_result choose(struct operation *op, struct slice member, compare_fn compare,
                                struct uri_search *searches)
{
    enum status status = STATUS_OK;
    operation_end_limit(op);
    if (operation_is_stopped(op)) {
        return operation_refuse_upstream(op, op->wait_status, &op->wait_diag);
    }
    for (size_t i = 0; status == STATUS_OK && i < op->part_count; i++) {
        status = walk(op, &op->parts[i], member, compare, searches);
    }
    if (status != STATUS_OK) {
        return operation_refuse_overload(op, "the targets cannot be found within the limits");
    }
    settle(op, searches != NULL);
    operation_leave_parts(op);
    return STAGE_DONE;
}

/* The lists are as long as the servers want, and the stream may stay for hours: they have an arena
 * that goes with the parts. */
enum stage_result listening_stage_resolve(struct operation *op)
{
    if (!needs_resolving(op)) {
        return STAGE_DONE;
    }
    arena_init(&op->listening->lists, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    op->list_arena = &op->listening->lists;
    return fetch_candidates(op, SLICE("resources/list"));
}

enum stage_result listening_stage_choose(struct operation *op)
{
    return needs_resolving(op) ? choose(op, SLICE("uri"), compare_address, NULL) : STAGE_DONE;
}

static bool may_be_in_skill(const struct operation *op)
{
    return needs_resolving(op) && operation_may_extend_somewhere(op, mcp_method_find(SKILLS));
}

enum stage_result listening_stage_resolve_skill(struct operation *op)
{
    return may_be_in_skill(op) ? fetch_candidates(op, SKILLS) : STAGE_DONE;
}

enum stage_result listening_stage_choose_skill(struct operation *op)
{
    return may_be_in_skill(op) ? choose(op, SLICE("uri"), compare_skill, NULL) : STAGE_DONE;
}

enum stage_result listening_stage_resolve_template(struct operation *op)
{
    return needs_resolving(op) ? fetch_candidates(op, SLICE("resources/templates/list"))
                               : STAGE_DONE;
}

enum stage_result listening_stage_choose_template(struct operation *op)
{
    struct listening *listening = op->listening;
    if (!needs_resolving(op)) {
        return STAGE_DONE;
    }
    size_t count = listening->resource_count;
    struct uri_search *searches = arena_alloc_zero(op->list_arena, count, sizeof(*searches));
    bool is_ready = searches != NULL;
    for (size_t i = 0; is_ready && i < count; i++) {
        is_ready =
            uri_search_init(&searches[i], listening->resources[i].uri, op->list_arena) == STATUS_OK;
    }
    if (!is_ready) {
        return operation_refuse_overload(op, "the targets cannot be found within the limits");
    }
    op->search.steps_left = URI_TEMPLATE_STEPS_MAX;
    return choose(op, SLICE("uriTemplate"), compare_template, searches);
}
