#include "daemon/policies.h"

#include "core/policy/lift.h"

/* Actions that stand for a group of methods or tools: `==` would never match one (DESIGN, policy
 * model), so a policy that says it is a mistake. */
static bool is_group(struct slice id)
{
    static const struct slice GROUPS[] = {SLICE_INIT("tools/call"), SLICE_INIT("prompts/get"),
                                          SLICE_INIT("tool"), SLICE_INIT("prompt"),
                                          SLICE_INIT("resource")};
    for (size_t i = 0; i < COUNT_OF(GROUPS); i++) {
        if (slice_eq(id, GROUPS[i])) {
            return true;
        }
    }
    return false;
}

static void check_policy(const struct cedar_policy_set *set, size_t index, struct arena *arena,
                         struct config_report *report)
{
    struct cedar_policy_info info = cedar_policy_get(set, index);
    const struct cedar_policy_info *policy = &info;
    struct config_problem problem = {.file = policy->source, .line = policy->line, .column = 1};
    const char *lift = policy_lift_problem(set, index);
    if (lift != NULL) {
        problem.code = "policy.annotation";
        problem.message = slice_view_cstr(lift);
        config_report_add(report, arena, &problem);
    }
    if (policy->is_template) {
        problem.code = "policy.template";
        problem.message = SLICE("a policy with slots takes no part in decisions");
        problem.hint = SLICE("write the entity instead of the slot");
        config_report_add(report, arena, &problem);
    }
    if (policy->action_is_exact && policy->action_count == 1 && is_group(policy->actions[0].id)) {
        problem.code = "policy.action_group";
        problem.message = SLICE("'action ==' names a group of actions and would never match");
        problem.hint = SLICE("write 'action in' for the group, or name one tool: server.tool");
        config_report_add(report, arena, &problem);
    }
}

static enum status check_set(struct cedar_policy_set **set, struct arena *arena,
                             struct config_report *report)
{
    size_t before = report->count;
    for (size_t i = 0; i < cedar_policy_count(*set); i++) {
        check_policy(*set, i, arena, report);
    }
    if (report->count == before) {
        return STATUS_OK;
    }
    cedar_policy_set_free(*set);
    *set = NULL;
    return STATUS_INVALID;
}

enum status policies_load(const struct policy_files *files, struct arena *arena,
                          struct cedar_policy_set **out, struct config_report *report)
{
    TRY(policy_files_parse(files, arena, out, report));
    return check_set(out, arena, report);
}
