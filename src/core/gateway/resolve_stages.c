/* Which server a target belongs to, where an endpoint stands for several and the name does not say.
 *
 * Resources keep their addresses, and long names have aliases (wire_name.h), so the servers are
 * asked for their lists. Only servers from which the policies could let this caller read the very
 * address are asked; a listed address goes before a template, that before the folder of a skill,
 * and that before one that a server said in a result (carried_stages.c); one that two of them offer
 * is refused. Skills themselves are looked for in the list of skills first. */
#include "core/gateway/operation.h"
#include "core/gateway/skill.h"
#include "core/gateway/wire_name.h"
#include "core/mcp/resource_uri.h"
#include "core/mcp/uri_template.h"

#define SKILLS SLICE("skills/list")

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
    if (!operation_covers(op, op->message.method->primitive, server_index) ||
        !operation_may_extend(op, op->message.method, server_index)) {
        return false;
    }
    if (op->message.method->primitive != MCP_RESOURCE) {
        return wire_name_belongs(op->gateway->snapshot, server_index, op->message.target);
    }
    struct policy_question question = operation_question(op, server_index);
    return !policy_denies_early(&question, &op->gateway->scratch, &op->arena, denial);
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
    if (!operation_may_extend_somewhere(op, op->message.method)) {
        return operation_refuse_method(op);
    }
    op->answer = denial;
    return operation_refuse_denied(op);
}

static enum status compare_address(const struct operation *op, struct slice address,
                                   struct arena *scratch)
{
    struct resource_uri uri;
    enum status status = resource_uri_read(address, scratch, &uri, NULL);
    if (status == STATUS_LIMIT) {
        return status;
    }
    return status == STATUS_OK && slice_eq(uri.text, op->name) ? STATUS_OK : STATUS_NOT_FOUND;
}

static enum status compare_alias(struct operation *op, uint32_t server_index, struct slice name)
{
    struct wire_name wire;
    wire_name_make(op->gateway->snapshot, op->gateway->ports.crypto, server_index, name, &wire);
    return slice_eq(wire_name_view(&wire), op->message.target) ? STATUS_OK : STATUS_NOT_FOUND;
}

/* Compare one item with the target: STATUS_OK, STATUS_NOT_FOUND, or STATUS_LIMIT when it
 * cannot be done. * *text is what the server calls the item, in scratch. */
typedef enum status (*compare_fn)(struct operation *op, const struct list_part *part,
                                  struct json_place item, struct arena *scratch,
                                  struct slice *text);

static enum status member_text(struct json_place item, struct slice member, struct arena *scratch,
                               struct slice *text)
{
    json_ref ref = json_member(item.tape, item.ref, member);
    enum status status =
        ref == JSON_NONE ? STATUS_NOT_FOUND : json_string(item.tape, ref, scratch, text);
    return status == STATUS_INVALID ? STATUS_NOT_FOUND : status;
}

static enum status compare_item(struct operation *op, const struct list_part *part,
                                struct json_place item, struct arena *scratch, struct slice *text)
{
    if (op->message.method->primitive == MCP_RESOURCE) {
        TRY(member_text(item, SLICE("uri"), scratch, text));
        return compare_address(op, *text, scratch);
    }
    TRY(member_text(item, SLICE("name"), scratch, text));
    return compare_alias(op, part->server_index, *text);
}

static enum status compare_template(struct operation *op, const struct list_part *part,
                                    struct json_place item, struct arena *scratch,
                                    struct slice *text)
{
    (void)part;
    TRY(member_text(item, SLICE("uriTemplate"), scratch, text));
    if (op->is_template) {
        return slice_eq(*text, op->name) ? STATUS_OK : STATUS_NOT_FOUND;
    }
    bool fits = uri_template_matches(&op->search, *text);
    if (op->search.steps_left == 0) {
        return STATUS_LIMIT; /* nobody gains by templates that keep those of others from a look */
    }
    return fits ? STATUS_OK : STATUS_NOT_FOUND;
}

/* In the folder of a skill, or that folder itself? */
static enum status compare_skill(struct operation *op, const struct list_part *part,
                                 struct json_place item, struct arena *scratch, struct slice *text)
{
    struct resource_uri uri;
    (void)part;
    TRY(member_text(item, SLICE("uri"), scratch, text));
    enum status status = resource_uri_read(*text, scratch, &uri, NULL);
    if (status == STATUS_LIMIT) {
        return status;
    }
    return status == STATUS_OK && skill_has(uri.text, op->name) ? STATUS_OK : STATUS_NOT_FOUND;
}

/* Does the server's list have the target? Memory is needed for one item at a time. */
static enum status find_item(struct operation *op, const struct list_part *part, compare_fn compare,
                             struct slice *name)
{
    struct list_walk walk = {0};
    struct json_place item;
    struct arena scratch;
    enum status status = STATUS_NOT_FOUND;
    arena_init(&scratch, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    while (status == STATUS_NOT_FOUND && list_walk_next(&walk, part, &item)) {
        struct slice text = SLICE_EMPTY;
        status = compare(op, part, item, &scratch, &text);
        if (status == STATUS_OK) {
            status = arena_copy(&op->arena, text, name);
        }
        arena_reset(&scratch);
    }
    arena_release(&scratch);
    return status;
}

/* All servers are looked at: a second one that offers the target makes it ambiguous. */
static enum status find_servers(struct operation *op, compare_fn compare, struct resolution *found)
{
    for (size_t i = 0; i < op->part_count; i++) {
        struct slice name = SLICE_EMPTY;
        enum status status = find_item(op, &op->parts[i], compare, &name);
        if (status == STATUS_LIMIT) {
            return status;
        }
        if (status == STATUS_OK) {
            found->server_count++;
            found->server_index = op->parts[i].server_index;
            found->name = name;
        }
    }
    return STATUS_OK;
}

static enum stage_result refuse_ambiguous(struct operation *op)
{
    return operation_refuse_target(op, "target.ambiguous",
                                   SLICE("several servers offer this target"));
}

static enum stage_result settle(struct operation *op, const struct resolution *found)
{
    if (found->server_count > 1) {
        return refuse_ambiguous(op);
    }
    op->server_index = found->server_index;
    if (op->message.method->primitive != MCP_RESOURCE) {
        op->name = found->name;
    }
    operation_leave_parts(op);
    return operation_set_audit_target(op)
               ? STAGE_DONE
               : operation_refuse_overload(op, "no memory for the target");
}

/* The method that is for skills alone. */
static bool names_skill(const struct operation *op)
{
    return op->message.method->needs == MCP_OFFERS_SKILLS;
}

/* May the target be in a skill, where no list has it? */
static bool may_be_in_skill(const struct operation *op)
{
    return needs_resolving(op) && op->message.method->primitive == MCP_RESOURCE &&
           !op->is_template && !names_skill(op) &&
           operation_may_extend_somewhere(op, mcp_method_find(SKILLS));
}

enum stage_result operation_stage_resolve(struct operation *op)
{
    static const struct slice LISTS[] = {
        [MCP_LIFECYCLE] = SLICE_INIT(""),
        [MCP_TOOL] = SLICE_INIT("tools/list"),
        [MCP_RESOURCE] = SLICE_INIT("resources/list"),
        [MCP_PROMPT] = SLICE_INIT("prompts/list"),
    };
    if (!needs_resolving(op) || op->is_template) {
        return STAGE_DONE;
    }
    return fetch_candidates(op, names_skill(op) ? SKILLS : LISTS[op->message.method->primitive]);
}

/* A server that could not be asked may be the one. */
static enum stage_result refuse_not_found(struct operation *op)
{
    return op->lacks_list ? operation_refuse_unfetched(op)
                          : operation_refuse_target(op, "target.unknown",
                                                    SLICE("no server offers this target"));
}

/* No list has the target: a server may have said its address in a result. */
static enum stage_result settle_link(struct operation *op)
{
    struct resolution found = {.server_count = 1};
    struct policy_answer denial = {0};
    enum status status = op->message.method->primitive == MCP_RESOURCE && !op->is_template
                             ? operation_find_link(op, op->name, &found.server_index)
                             : STATUS_NOT_FOUND;
    if (status == STATUS_CONFLICT) {
        return refuse_ambiguous(op);
    }
    return status == STATUS_OK && is_candidate(op, found.server_index, &denial)
               ? settle(op, &found)
               : refuse_not_found(op);
}

/* What the lists say, when the operation is still to go on. */
static enum stage_result choose(struct operation *op, compare_fn compare, bool is_last)
{
    struct resolution found = {0};
    operation_end_limit(op);
    if (operation_is_stopped(op)) {
        return operation_refuse_upstream(op, op->wait_status, &op->wait_diag);
    }
    if (find_servers(op, compare, &found) != STATUS_OK) {
        return operation_refuse_overload(op, "the target cannot be found within the limits");
    }
    if (found.server_count > 0) {
        return settle(op, &found);
    }
    for (size_t i = 0; i < op->part_count; i++) {
        op->lacks_list = op->lacks_list || !op->parts[i].is_complete;
    }
    return is_last ? settle_link(op) : STAGE_DONE;
}

/* A server that lists the target decides; others may be down. */
enum stage_result operation_stage_choose(struct operation *op)
{
    bool is_last = op->message.method->primitive != MCP_RESOURCE;
    return needs_resolving(op) && !op->is_template ? choose(op, compare_item, is_last) : STAGE_DONE;
}

/* Before templates: servers have one for all skills there are. Those without skills are not asked.
 */
enum stage_result operation_stage_resolve_skill(struct operation *op)
{
    return may_be_in_skill(op) ? fetch_candidates(op, SKILLS) : STAGE_DONE;
}

enum stage_result operation_stage_choose_skill(struct operation *op)
{
    return may_be_in_skill(op) ? choose(op, compare_skill, false) : STAGE_DONE;
}

enum stage_result operation_stage_resolve_template(struct operation *op)
{
    return needs_resolving(op) ? fetch_candidates(op, SLICE("resources/templates/list"))
                               : STAGE_DONE;
}

enum stage_result operation_stage_choose_template(struct operation *op)
{
    if (!needs_resolving(op)) {
        return STAGE_DONE;
    }
    if (uri_search_init(&op->search, op->name, &op->arena) != STATUS_OK) {
        return operation_refuse_overload(op, "the target cannot be found within the limits");
    }
    return choose(op, compare_template, true);
}
