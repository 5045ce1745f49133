#include "core/policy/decide.h"

#include "core/mcp/resource_uri.h"
#include "core/policy/argument_value.h"

#include <string.h>

#define TYPE_USER SLICE("Aegis::User")
#define TYPE_SERVICE SLICE("Aegis::Service")
#define TYPE_ACTION SLICE("Aegis::Action")
#define TYPE_SERVER SLICE("Aegis::Server")

static const struct cedar_options STRICT = {.erroring_forbid_denies = true};

/* A record that is filled field by field. */
struct record {
    struct cedar_field *fields;
    struct cedar_list list;
    size_t capacity;
};

/* The entities of one decision: principal, action, target, server. */
struct scene {
    const struct policy_question *question;
    struct arena *arena;
    struct cedar_uid principal, action, target, server;
    struct cedar_entity_data principal_data, action_data, target_data, server_data;
    struct cedar_entities entities;
    struct slice name;       /* the target as policies call it: a resource by its normal address */
    struct resource_uri uri; /* of a resource */
};

static bool uid_is(const struct cedar_uid *a, const struct cedar_uid *b)
{
    return slice_eq(a->id, b->id) && slice_eq(a->type, b->type);
}

static bool find(const void *context, const struct cedar_uid *uid, struct cedar_entity_data *out)
{
    const struct scene *scene = context;
    const struct {
        const struct cedar_uid *uid;
        const struct cedar_entity_data *data;
    } all[] = {{&scene->principal, &scene->principal_data},
               {&scene->action, &scene->action_data},
               {&scene->target, &scene->target_data},
               {&scene->server, &scene->server_data}};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (uid_is(uid, all[i].uid)) {
            *out = *all[i].data;
            return true;
        }
    }
    return false;
}

static enum status join(struct arena *arena, struct slice a, struct slice sign, struct slice b,
                        struct slice *out)
{
    const struct slice parts[] = {a, sign, b};
    return arena_join(arena, parts, COUNT_OF(parts), out);
}

static enum status record_new(struct arena *arena, size_t capacity, struct record **out)
{
    struct record *record = arena_alloc_zero(arena, 1, sizeof(*record));
    struct cedar_field *fields = arena_alloc_zero(arena, capacity, sizeof(*fields));
    if (record == NULL || fields == NULL) {
        return STATUS_LIMIT;
    }
    record->fields = fields;
    record->capacity = capacity;
    record->list.items = fields;
    *out = record;
    return STATUS_OK;
}

static void put(struct record *record, struct slice name, struct cedar_value value)
{
    if (record->list.count < record->capacity) {
        record->fields[record->list.count++] = (struct cedar_field){name, value};
    }
}

static void put_text(struct record *record, struct slice name, struct slice text)
{
    if (text.len > 0) {
        put(record, name, cedar_string(text));
    }
}

static enum status put_texts(struct arena *arena, struct record *record, struct slice name,
                             const struct slice *texts, size_t count)
{
    struct record *set = NULL;
    TRY(record_new(arena, count, &set));
    for (size_t i = 0; i < count; i++) {
        put(set, SLICE_EMPTY, cedar_string(texts[i]));
    }
    put(record, name, cedar_set(&set->list));
    return STATUS_OK;
}

/* -- principal ----------------------------------------------------------------------------- */

static enum status put_attributes(struct scene *scene, struct record *record)
{
    const struct principal *principal = scene->question->principal;
    struct record *attributes = NULL;
    TRY(record_new(scene->arena, principal->attribute_count, &attributes));
    for (size_t i = 0; i < principal->attribute_count; i++) {
        const struct principal_attribute *attribute = &principal->attributes[i];
        switch (attribute->type) {
        case PRINCIPAL_TEXT:
            put(attributes, attribute->name, cedar_string(attribute->text));
            break;
        case PRINCIPAL_LONG:
            put(attributes, attribute->name, cedar_long(attribute->number));
            break;
        case PRINCIPAL_BOOL:
            put(attributes, attribute->name, cedar_bool(attribute->flag));
            break;
        case PRINCIPAL_SET:
            TRY(put_texts(scene->arena, attributes, attribute->name, attribute->items,
                          attribute->item_count));
            break;
        }
    }
    put(record, SLICE("attributes"), cedar_record(&attributes->list));
    return STATUS_OK;
}

/* A group named like a role gains nothing: each source has its own type. */
static enum status principal_parents(struct scene *scene)
{
    const struct principal *principal = scene->question->principal;
    size_t count = principal->role_count + principal->group_count + 1;
    struct cedar_uid *parents = arena_alloc_zero(scene->arena, count, sizeof(*parents));
    size_t at = 0;
    if (parents == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < principal->role_count; i++) {
        parents[at++] = (struct cedar_uid){SLICE("Aegis::Role"), principal->roles[i]};
    }
    for (size_t i = 0; i < principal->group_count; i++) {
        parents[at++] = (struct cedar_uid){SLICE("Aegis::Group"), principal->groups[i]};
    }
    if (principal->tenant.len > 0) {
        parents[at++] = (struct cedar_uid){SLICE("Aegis::Tenant"), principal->tenant};
    }
    scene->principal_data.ancestors = parents;
    scene->principal_data.ancestor_count = at;
    return STATUS_OK;
}

static enum status set_principal(struct scene *scene)
{
    const struct principal *principal = scene->question->principal;
    struct record *record = NULL;
    /* Issuer and subject together are the identity; neither alone is. */
    TRY(join(scene->arena, principal->issuer, SLICE("|"), principal->subject,
             &scene->principal.id));
    scene->principal.type = principal->is_service ? TYPE_SERVICE : TYPE_USER;
    TRY(record_new(scene->arena, 8, &record));
    put_text(record, SLICE("subject"), principal->subject);
    put_text(record, SLICE("tenantId"), principal->tenant);
    put_text(record, SLICE("issuer"), principal->issuer);
    put_text(record, SLICE("email"), principal->email);
    put_text(record, SLICE("name"), principal->name);
    TRY(put_texts(scene->arena, record, SLICE("roles"), principal->roles, principal->role_count));
    TRY(put_texts(scene->arena, record, SLICE("groups"), principal->groups,
                  principal->group_count));
    TRY(put_attributes(scene, record));
    scene->principal_data.attributes = cedar_record(&record->list);
    return principal_parents(scene);
}

/* -- action and target --------------------------------------------------------------------- */

static enum status set_action(struct scene *scene)
{
    const struct policy_question *question = scene->question;
    struct cedar_uid *groups = arena_alloc_zero(scene->arena, 2, sizeof(*groups));
    bool has_leaf = question->primitive == MCP_TOOL || question->primitive == MCP_PROMPT;
    if (groups == NULL) {
        return STATUS_LIMIT;
    }
    scene->action = (struct cedar_uid){TYPE_ACTION, question->method};
    if (has_leaf) {
        TRY(join(scene->arena, question->server, SLICE("."), question->name, &scene->action.id));
    }
    groups[0] = (struct cedar_uid){TYPE_ACTION, mcp_primitive_name(question->primitive)};
    groups[1] = (struct cedar_uid){TYPE_ACTION, question->method};
    scene->action_data.ancestors = groups;
    scene->action_data.ancestor_count = has_leaf ? 2 : 1;
    return STATUS_OK;
}

static enum status set_server(struct scene *scene)
{
    const struct policy_question *question = scene->question;
    struct record *record = NULL;
    scene->server = (struct cedar_uid){TYPE_SERVER, question->server};
    TRY(record_new(scene->arena, 4, &record));
    put_text(record, SLICE("name"), question->server);
    put(record, SLICE("trust"), cedar_entity(SLICE("Aegis::Trust"), question->server_trust));
    TRY(put_texts(scene->arena, record, SLICE("labels"), question->server_labels,
                  question->server_label_count));
    scene->server_data.attributes = cedar_record(&record->list);
    return STATUS_OK;
}

/* A hint of the server about its tool; the safe value when it says nothing. */
static struct cedar_value hint(const struct policy_question *question, struct slice name,
                               bool otherwise)
{
    struct json_place tool = question->definition;
    json_ref ref = JSON_NONE;
    if (tool.ref == JSON_NONE && question->arguments_unknown) {
        return (struct cedar_value){.kind = CEDAR_UNKNOWN};
    }
    if (tool.ref != JSON_NONE) {
        json_ref annotations = json_member(tool.tape, tool.ref, SLICE("annotations"));
        ref = annotations == JSON_NONE ? JSON_NONE : json_member(tool.tape, annotations, name);
    }
    if (ref == JSON_NONE ||
        (json_type(tool.tape, ref) != JSON_TRUE && json_type(tool.tape, ref) != JSON_FALSE)) {
        return cedar_bool(otherwise);
    }
    return cedar_bool(json_type(tool.tape, ref) == JSON_TRUE);
}

static void put_tool(const struct policy_question *question, struct record *record)
{
    put(record, SLICE("readOnly"), hint(question, SLICE("readOnlyHint"), false));
    put(record, SLICE("destructive"), hint(question, SLICE("destructiveHint"), true));
    put(record, SLICE("idempotent"), hint(question, SLICE("idempotentHint"), false));
    put(record, SLICE("openWorld"), hint(question, SLICE("openWorldHint"), true));
}

static void put_resource(const struct scene *scene, struct record *record)
{
    const struct resource_uri *uri = &scene->uri;
    put_text(record, SLICE("uri"), uri->text);
    put_text(record, SLICE("scheme"), uri->scheme);
    put_text(record, SLICE("host"), uri->host);
    put(record, SLICE("path"), cedar_string(uri->path));
}

static enum status set_target(struct scene *scene)
{
    static const struct slice TYPES[] = {
        [MCP_LIFECYCLE] = SLICE_INIT("Aegis::Server"),
        [MCP_TOOL] = SLICE_INIT("Aegis::Tool"),
        [MCP_RESOURCE] = SLICE_INIT("Aegis::Resource"),
        [MCP_PROMPT] = SLICE_INIT("Aegis::Prompt"),
    };
    const struct policy_question *question = scene->question;
    struct record *record = NULL;
    scene->target.type = TYPES[question->primitive];
    TRY(join(scene->arena, question->server,
             question->primitive == MCP_RESOURCE ? SLICE("|") : SLICE("."), scene->name,
             &scene->target.id));
    TRY(record_new(scene->arena, 8, &record));
    put_text(record, SLICE("name"), scene->name);
    if (question->primitive == MCP_TOOL) {
        put_tool(question, record);
    } else if (question->primitive == MCP_RESOURCE) {
        put_resource(scene, record);
    }
    TRY(put_texts(scene->arena, record, SLICE("labels"), question->server_labels,
                  question->server_label_count));
    scene->target_data.attributes = question->name_unknown
                                        ? (struct cedar_value){.kind = CEDAR_UNKNOWN}
                                        : cedar_record(&record->list);
    scene->target_data.ancestors = &scene->server;
    scene->target_data.ancestor_count = 1;
    return STATUS_OK;
}

/* -- context ------------------------------------------------------------------------------- */

static struct json_place input_schema(const struct policy_question *question)
{
    struct json_place tool = question->definition;
    json_ref ref =
        tool.ref == JSON_NONE ? JSON_NONE : json_member(tool.tape, tool.ref, SLICE("inputSchema"));
    return (struct json_place){tool.tape, ref};
}

/* Arguments of prompts are texts by definition (MCP, prompts). */
static struct cedar_value prompt_arguments(struct scene *scene)
{
    struct json_place arguments = scene->question->arguments;
    struct record *record = NULL;
    size_t count = arguments.ref == JSON_NONE ? 0 : json_count(arguments.tape, arguments.ref);
    if (record_new(scene->arena, count, &record) != STATUS_OK) {
        return (struct cedar_value){.kind = CEDAR_ERROR};
    }
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    if (count > 0) {
        json_iter_init(&iter, arguments.tape, arguments.ref);
        while (json_iter_next(&iter, &key, &value)) {
            struct slice name = SLICE_EMPTY;
            struct slice text = SLICE_EMPTY;
            struct cedar_value argument = {.kind = CEDAR_ERROR};
            if (json_string(arguments.tape, value, scene->arena, &text) == STATUS_OK) {
                argument = cedar_string(text);
            }
            if (json_string(arguments.tape, key, scene->arena, &name) == STATUS_OK) {
                put(record, name, argument);
            }
        }
    }
    return cedar_record(&record->list);
}

static struct cedar_value arguments_value(struct scene *scene)
{
    const struct policy_question *question = scene->question;
    if (question->arguments_unknown) {
        return (struct cedar_value){.kind = CEDAR_UNKNOWN};
    }
    if (question->primitive == MCP_PROMPT) {
        return prompt_arguments(scene);
    }
    return argument_value(scene->arena, input_schema(question), question->arguments);
}

static enum status put_surroundings(struct scene *scene, struct record *context)
{
    const struct policy_question *question = scene->question;
    struct record *token = NULL;
    struct record *client = NULL;
    struct record *network = NULL;
    TRY(record_new(scene->arena, 1, &token));
    TRY(record_new(scene->arena, 1, &client));
    TRY(record_new(scene->arena, 2, &network));
    TRY(put_texts(scene->arena, token, SLICE("scopes"), question->principal->scopes,
                  question->principal->scope_count));
    put_text(client, SLICE("clientId"), question->principal->client_id);
    struct cedar_value source = {.kind = CEDAR_IP};
    if (cedar_ip_parse(question->peer_ip, &source.as.ip) == STATUS_OK) {
        put(network, SLICE("source"), source);
    }
    put(network, SLICE("tls"), cedar_bool(question->is_tls));
    put(context, SLICE("token"), cedar_record(&token->list));
    put(context, SLICE("client"), cedar_record(&client->list));
    put(context, SLICE("network"), cedar_record(&network->list));
    return STATUS_OK;
}

static enum status put_time(struct scene *scene, struct record *context)
{
    const struct policy_question *question = scene->question;
    struct record *time = NULL;
    int64_t days = question->now_s / 86400;
    TRY(record_new(scene->arena, 3, &time));
    if (question->arguments_unknown) {
        put(context, SLICE("time"), (struct cedar_value){.kind = CEDAR_UNKNOWN});
        return STATUS_OK;
    }
    put(time, SLICE("now"),
        (struct cedar_value){.kind = CEDAR_DATETIME, .as.number = question->now_s * 1000});
    put(time, SLICE("hour"), cedar_long(question->now_s / 3600 % 24));
    /* 1970-01-01 was a Thursday; Monday is 1. */
    put(time, SLICE("weekday"), cedar_long((days + 3) % 7 + 1));
    put(context, SLICE("time"), cedar_record(&time->list));
    return STATUS_OK;
}

static struct cedar_value target_value(const struct scene *scene)
{
    if (scene->question->name_unknown) {
        return (struct cedar_value){.kind = CEDAR_UNKNOWN};
    }
    return cedar_string(scene->question->primitive == MCP_RESOURCE ? scene->name
                                                                   : scene->target.id);
}

static enum status build_context(struct scene *scene, struct cedar_value *out)
{
    const struct policy_question *question = scene->question;
    struct record *context = NULL;
    TRY(record_new(scene->arena, 12, &context));
    put(context, SLICE("primitive"), cedar_string(mcp_primitive_name(question->primitive)));
    put(context, SLICE("method"), cedar_string(question->method));
    put(context, SLICE("target"), target_value(scene));
    put(context, SLICE("direction"), cedar_string(SLICE("client_to_server")));
    put(context, SLICE("server"), cedar_entity(TYPE_SERVER, question->server));
    put(context, SLICE("arguments"), arguments_value(scene));
    TRY(put_surroundings(scene, context));
    TRY(put_time(scene, context));
    *out = cedar_record(&context->list);
    return STATUS_OK;
}

/* An address that has no normal form fails the question, which denies. */
static enum status set_name(struct scene *scene)
{
    scene->name = scene->question->name;
    if (scene->question->primitive == MCP_RESOURCE && !scene->question->name_unknown) {
        TRY(resource_uri_read(scene->name, scene->arena, &scene->uri, NULL));
        scene->name = scene->uri.text;
    }
    return STATUS_OK;
}

static enum status build_request(struct scene *scene, struct cedar_request *out)
{
    TRY(set_name(scene));
    TRY(set_principal(scene));
    TRY(set_action(scene));
    TRY(set_server(scene));
    TRY(set_target(scene));
    scene->entities = (struct cedar_entities){scene, find};
    *out = (struct cedar_request){.principal = scene->principal,
                                  .action = scene->action,
                                  .resource = scene->target,
                                  .entities = &scene->entities};
    return build_context(scene, &out->context);
}

/* The reason of the first deciding forbid that gives one; policies come in the order of their set.
 * All texts are copied: the set may be replaced while a record of the decision is written. */
static enum status fill_answer(const struct policy_question *question,
                               const struct cedar_response *response, struct arena *arena,
                               struct policy_answer *out)
{
    struct slice *ids = arena_alloc_zero(arena, response->reason_count, sizeof(*ids));
    if (ids == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < response->reason_count; i++) {
        struct slice reason = SLICE_EMPTY;
        TRY(arena_copy(arena, cedar_policy_get(question->policies, response->reasons[i]).id,
                       &ids[i]));
        if (response->decision == CEDAR_DENY && out->reason.len == 0 &&
            cedar_policy_annotation(question->policies, response->reasons[i], SLICE("reason"),
                                    &reason)) {
            TRY(arena_copy(arena, reason, &out->reason));
        }
    }
    out->policies = ids;
    out->policy_count = response->reason_count;
    out->is_allowed = response->decision == CEDAR_ALLOW;
    return STATUS_OK;
}

enum status policy_decide(const struct policy_question *question, struct arena *arena,
                          struct policy_answer *out)
{
    struct scene scene = {.question = question, .arena = arena};
    struct cedar_request request;
    struct cedar_response response;
    *out = (struct policy_answer){0};
    if (question->policies == NULL || question->principal == NULL) {
        return STATUS_UNAVAILABLE;
    }
    TRY(build_request(&scene, &request));
    TRY(cedar_authorize(question->policies, &request, &STRICT, arena, &response));
    return fill_answer(question, &response, arena, out);
}

bool policy_may_ever_allow(const struct policy_question *question, struct arena *arena)
{
    struct scene scene = {.question = question, .arena = arena};
    struct cedar_request request;
    enum cedar_answer answer = CEDAR_NEVER;
    if (question->policies == NULL || question->principal == NULL ||
        build_request(&scene, &request) != STATUS_OK) {
        return false;
    }
    return cedar_may_allow(question->policies, &request, &STRICT, arena, &answer) == STATUS_OK &&
           answer != CEDAR_NEVER;
}

bool policy_denies_early(const struct policy_question *question, struct arena *arena,
                         struct policy_answer *out)
{
    struct policy_question unknown = *question;
    unknown.arguments_unknown = true;
    if (policy_may_ever_allow(&unknown, arena)) {
        return false;
    }
    (void)!policy_decide(&unknown, arena, out);
    out->is_allowed = false;
    return true;
}
