/* A program of its own that decides a request with libaegis-cedar (docs/cedar.md). */
#include "cedar/cedar.h"

#include <stdio.h>

static const char POLICIES[] = "permit(principal in Group::\"friends\", action, resource)\n"
                               "when { context.hour < 18 };\n";
static const char ENTITIES[] = "[{\"uid\": {\"type\": \"User\", \"id\": \"ann\"}, \"attrs\": {},\n"
                               "  \"parents\": [{\"type\": \"Group\", \"id\": \"friends\"}]}]\n";

static struct cedar_diagnostics diagnostics;

static int decide(const struct cedar_policy_set *policies, struct arena *arena)
{
    struct cedar_source text = {SLICE("entities"), slice_view_cstr(ENTITIES)};
    struct cedar_entity_store *store = NULL;
    if (cedar_entity_store_new(arena, &store) != STATUS_OK ||
        cedar_entities_read(&text, NULL, arena, store, &diagnostics) != STATUS_OK ||
        cedar_entity_store_close(store) != STATUS_OK) {
        return 1;
    }
    struct cedar_field hour = {SLICE("hour"), cedar_long(12)};
    struct cedar_list context = {&hour, 1};
    struct cedar_entities entities = cedar_entity_store_view(store);
    struct cedar_request request = {.principal = {SLICE("User"), SLICE("ann")},
                                    .action = {SLICE("Action"), SLICE("view")},
                                    .resource = {SLICE("Photo"), SLICE("a.jpg")},
                                    .context = cedar_record(&context),
                                    .entities = &entities};
    struct cedar_response response;
    if (cedar_authorize(policies, &request, NULL, arena, &response) != STATUS_OK) {
        return 1;
    }
    printf("%s because of %.*s\n", response.decision == CEDAR_ALLOW ? "allow" : "deny",
           SLICE_ARG(cedar_policy_get(policies, response.reasons[0]).id));
    return 0;
}

int main(void)
{
    struct cedar_source source = {SLICE("policies"), slice_view_cstr(POLICIES)};
    struct cedar_policy_set *policies = NULL;
    struct arena arena;
    if (cedar_policy_set_parse(&source, 1, true, &policies, &diagnostics) != STATUS_OK) {
        fprintf(stderr, "%s\n", diagnostics.items[0].message);
        return 1;
    }
    arena_init(&arena, 1 << 20, NULL);
    int code = decide(policies, &arena);
    arena_release(&arena);
    cedar_policy_set_free(policies);
    return code;
}
