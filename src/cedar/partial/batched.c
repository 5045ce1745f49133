/* Decisions that fetch the entities they need (reference, section 14, batched evaluation). */
#include "cedar/eval/growing.h"
#include "cedar/partial/partial.h"

struct batch {
    const struct cedar_batched_query *query;
    struct cedar_partial_request request;
    struct partial p;
    enum cedar_partial_outcome *outcomes; /* of this round, by policy */
    const struct node **nodes;
    struct growing entities;    /* struct cedar_partial_entity: all that were loaded */
    struct growing wanted;      /* struct cedar_uid: of this round */
    struct uid_table mentioned; /* wanted in this round or before */
    struct arena *arena;
};

static enum status want(struct batch *b, const struct cedar_uid *uid)
{
    if (partial_entities_is_action(&b->p.known, uid) ||
        uid_table_find(&b->mentioned, uid) != UID_TABLE_NONE) {
        return STATUS_OK;
    }
    struct cedar_uid *added = growing_add(&b->wanted, b->arena, sizeof(*added));
    if (added == NULL) {
        return STATUS_LIMIT;
    }
    *added = *uid;
    return uid_table_add(&b->mentioned, uid, 0);
}

/* Only these operators look into the entity that is their first operand. */
static bool looks_into(const struct node *node)
{
    bool is_tag = node->kind == NODE_CALL &&
                  (node->function == FUNCTION_GET_TAG || node->function == FUNCTION_HAS_TAG);
    return is_tag || node->kind == NODE_ATTRIBUTE || node->kind == NODE_HAS ||
           node->kind == NODE_IN;
}

/* The entities that what is left looks into. Variables are values in it. Recursion ends: a tree has
 * at most CEDAR_DEPTH_MAX levels. */
static enum status collect(struct batch *b, const struct node *node)
{
    for (size_t i = 0; i < node->item_count; i++) {
        TRY(collect(b, node->items[i]));
    }
    bool is_wanted = looks_into(node) && node->items[0]->kind == NODE_VALUE &&
                     node->items[0]->value.kind == CEDAR_ENTITY;
    return is_wanted ? want(b, &node->items[0]->value.as.uid) : STATUS_OK;
}

static enum status decide(struct batch *b, enum cedar_partial_decision *out)
{
    TRY(partial_decide(&b->p, b->outcomes, b->nodes, out));
    for (size_t i = 0; *out == CEDAR_PARTIAL_OPEN && i < b->query->set->count; i++) {
        if (b->outcomes[i] == CEDAR_PARTIAL_RESIDUAL) {
            TRY(collect(b, b->nodes[i]));
        }
    }
    return STATUS_OK;
}

static enum status add(struct batch *b, const struct cedar_uid *uid,
                       const struct cedar_loaded_entity *loaded, struct diag *diag)
{
    struct cedar_partial_entity *added = growing_add(&b->entities, b->arena, sizeof(*added));
    if (added == NULL) {
        return STATUS_LIMIT;
    }
    *added = (struct cedar_partial_entity){
        .uid = *uid, .is_absent = !loaded->exists, .has_ancestors = true, .data = loaded->data};
    b->p.known.items = b->entities.items;
    return partial_entities_add(&b->p.known, (uint32_t)b->entities.count - 1, b->arena, diag);
}

static enum status load(struct batch *b, struct diag *diag)
{
    const struct cedar_entity_loader *loader = b->query->loader;
    const struct cedar_uid *uids = b->wanted.items;
    size_t count = b->wanted.count;
    struct cedar_loaded_entity *loaded = arena_alloc_zero(b->arena, count, sizeof(*loaded));
    if (loaded == NULL) {
        return STATUS_LIMIT;
    }
    TRY(loader->load(loader->context, uids, count, b->arena, loaded, diag));
    for (size_t i = 0; i < count; i++) {
        TRY(add(b, &uids[i], &loaded[i], diag));
    }
    b->wanted = (struct growing){0}; /* the loader may have kept the array */
    partial_turn(&b->p, &b->request, b->arena);
    return STATUS_OK;
}

static enum status start(struct batch *b, struct prepared *prepared, struct diag *diag)
{
    const struct cedar_request *request = b->query->request;
    const struct cedar_partial_query query = {b->query->set, b->query->schema, &b->request};
    size_t count = query.set->count;
    b->outcomes = arena_alloc_zero(b->arena, count, sizeof(*b->outcomes));
    b->nodes = arena_alloc_zero(b->arena, count, sizeof(const struct node *));
    if (b->outcomes == NULL || b->nodes == NULL) {
        return STATUS_LIMIT;
    }
    b->request = (struct cedar_partial_request){.principal = request->principal,
                                                .action = request->action,
                                                .resource = request->resource,
                                                .has_principal = true,
                                                .has_resource = true,
                                                .context = request->context};
    TRY(partial_prepare(&query, b->arena, prepared, diag));
    return partial_init(&b->p, prepared, &b->request, b->arena, diag);
}

enum status cedar_authorize_batched(const struct cedar_batched_query *query, struct arena *arena,
                                    enum cedar_decision *out, struct diag *diag)
{
    struct prepared prepared;
    struct batch b = {.query = query, .mentioned = {.arena = arena}, .arena = arena};
    enum cedar_partial_decision decision = CEDAR_PARTIAL_DENY;
    *out = CEDAR_DENY;
    TRY(start(&b, &prepared, diag));
    TRY(decide(&b, &decision));
    for (size_t round = 0; decision == CEDAR_PARTIAL_OPEN; round++) {
        if (round == query->rounds_max || b.wanted.count == 0) {
            return diag_fail(diag, STATUS_LIMIT, "cedar.rounds",
                             "not decided after entities were loaded %zu times", round);
        }
        TRY(load(&b, diag));
        TRY(decide(&b, &decision));
    }
    *out = decision == CEDAR_PARTIAL_ALLOW ? CEDAR_ALLOW : CEDAR_DENY;
    return STATUS_OK;
}
