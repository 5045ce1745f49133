/* Which server a target belongs to, where an endpoint stands for several and the name does not say.
 *
 * Resources keep their addresses, and long names have aliases (wire_name.h), so the servers are
 * asked for their lists. Only servers from which the policies could let this caller read the very
 * address are asked; a listed address goes before a template; one that two of them offer is
 * refused. */
#include "core/gateway/operation.h"
#include "core/gateway/wire_name.h"
#include "core/mcp/resource_uri.h"
#include "core/mcp/uri_template.h"

/* What the servers' lists said about the target. */
struct resolution {
    size_t server_count; /* that offer it */
    uint32_t server_index;
    struct slice name;
};

static bool needs_resolving(const struct operation *op)
{
    return op->server_index == OPERATION_ALL_SERVERS;
}

static bool is_candidate(struct operation *op, uint32_t server_index, struct policy_answer *denial)
{
    if (op->message.method->primitive != MCP_RESOURCE) {
        return wire_name_belongs(op->gateway->snapshot, server_index, op->message.target);
    }
    struct policy_question question = operation_question(op, server_index);
    return !policy_denies_early(&question, &op->arena, denial);
}

/* Ask those servers that may be meant. */
static enum stage_result fetch_candidates(struct operation *op, struct slice list)
{
    size_t server_count = op->gateway->snapshot->server_count;
    uint32_t *servers = arena_alloc_zero(&op->arena, server_count, sizeof(*servers));
    struct policy_answer denial = {0};
    size_t count = 0;
    if (servers == NULL) {
        return operation_refuse_overload(op, "no memory for the servers");
    }
    for (size_t i = 0; i < server_count; i++) {
        struct policy_answer answer = {0};
        if (is_candidate(op, (uint32_t)i, &answer)) {
            servers[count++] = (uint32_t)i;
        } else if (denial.policy_count == 0) {
            denial = answer;
        }
    }
    if (count > 0) {
        return operation_fetch(op, mcp_method_find(list), servers, count);
    }
    if (op->message.method->primitive != MCP_RESOURCE) {
        return operation_refuse_target(op, "target.unknown", SLICE("no server has this name"));
    }
    op->answer = denial;
    return operation_refuse_denied(op);
}

static bool names_resource(struct operation *op, struct slice address)
{
    struct resource_uri uri;
    return resource_uri_read(address, &op->arena, &uri, NULL) == STATUS_OK &&
           slice_eq(uri.text, op->name);
}

static bool names_alias(struct operation *op, uint32_t server_index, struct slice name)
{
    struct wire_name wire;
    wire_name_make(op->gateway->snapshot, op->gateway->ports.crypto, server_index, name, &wire);
    return slice_eq(wire_name_view(&wire), op->message.target);
}

/* Does the server's own list have the target? *name is what the server calls it. */
static bool offers(struct operation *op, const struct list_part *part, struct slice *name)
{
    bool is_resource = op->message.method->primitive == MCP_RESOURCE;
    struct list_walk walk = {0};
    struct json_place item;
    while (list_walk_next(&walk, part, &item)) {
        struct slice text = SLICE_EMPTY;
        json_ref ref = json_member(item.tape, item.ref, is_resource ? SLICE("uri") : SLICE("name"));
        if (ref == JSON_NONE || json_string(item.tape, ref, &op->arena, &text) != STATUS_OK) {
            continue;
        }
        if (is_resource ? names_resource(op, text) : names_alias(op, part->server_index, text)) {
            *name = is_resource ? op->name : text;
            return true;
        }
    }
    return false;
}

static bool offers_template(struct operation *op, const struct list_part *part,
                            struct uri_search *search)
{
    struct list_walk walk = {0};
    struct json_place item;
    while (list_walk_next(&walk, part, &item)) {
        struct slice text = SLICE_EMPTY;
        json_ref ref = json_member(item.tape, item.ref, SLICE("uriTemplate"));
        if (ref != JSON_NONE && json_string(item.tape, ref, &op->arena, &text) == STATUS_OK &&
            uri_template_matches(search, text)) {
            return true;
        }
    }
    return false;
}

static void count_server(struct resolution *found, const struct list_part *part, struct slice name)
{
    found->server_count++;
    found->server_index = part->server_index;
    found->name = name;
}

static enum stage_result settle(struct operation *op, const struct resolution *found)
{
    if (found->server_count > 1) {
        return operation_refuse_target(op, "target.ambiguous",
                                       SLICE("several servers offer this target"));
    }
    op->server_index = found->server_index;
    op->name = found->name;
    operation_leave_parts(op);
    return operation_set_audit_target(op)
               ? STAGE_DONE
               : operation_refuse_overload(op, "no memory for the target");
}

enum stage_result operation_stage_resolve(struct operation *op)
{
    static const struct slice LISTS[] = {
        [MCP_LIFECYCLE] = SLICE_INIT(""),
        [MCP_TOOL] = SLICE_INIT("tools/list"),
        [MCP_RESOURCE] = SLICE_INIT("resources/list"),
        [MCP_PROMPT] = SLICE_INIT("prompts/list"),
    };
    return needs_resolving(op) ? fetch_candidates(op, LISTS[op->message.method->primitive])
                               : STAGE_DONE;
}

/* A server that could not be asked may be the one. */
static enum stage_result refuse_not_found(struct operation *op)
{
    for (size_t i = 0; i < op->part_count; i++) {
        if (!op->parts[i].is_complete) {
            return operation_refuse_unfetched(op);
        }
    }
    return operation_refuse_target(op, "target.unknown", SLICE("no server offers this target"));
}

/* A server that lists the target decides; others may be down. */
enum stage_result operation_stage_choose(struct operation *op)
{
    struct resolution found = {0};
    if (!needs_resolving(op)) {
        return STAGE_DONE;
    }
    operation_end_limit(op);
    if (operation_is_stopped(op)) {
        return operation_refuse_upstream(op, op->wait_status, &op->wait_diag);
    }
    for (size_t i = 0; i < op->part_count; i++) {
        struct slice name = SLICE_EMPTY;
        if (offers(op, &op->parts[i], &name)) {
            count_server(&found, &op->parts[i], name);
        }
    }
    if (found.server_count > 0) {
        return settle(op, &found);
    }
    return op->message.method->primitive == MCP_RESOURCE ? STAGE_DONE : refuse_not_found(op);
}

enum stage_result operation_stage_resolve_template(struct operation *op)
{
    return needs_resolving(op) ? fetch_candidates(op, SLICE("resources/templates/list"))
                               : STAGE_DONE;
}

enum stage_result operation_stage_choose_template(struct operation *op)
{
    struct resolution found = {0};
    struct uri_search search;
    if (!needs_resolving(op)) {
        return STAGE_DONE;
    }
    operation_end_limit(op);
    if (operation_is_stopped(op)) {
        return operation_refuse_upstream(op, op->wait_status, &op->wait_diag);
    }
    if (uri_search_init(&search, op->name, &op->arena) != STATUS_OK) {
        return operation_refuse_overload(op, "no memory for the address");
    }
    for (size_t i = 0; i < op->part_count; i++) {
        if (offers_template(op, &op->parts[i], &search)) {
            count_server(&found, &op->parts[i], op->name);
        }
    }
    return found.server_count > 0 ? settle(op, &found) : refuse_not_found(op);
}
