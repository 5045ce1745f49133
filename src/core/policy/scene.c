#include "core/policy/scene.h"

#include "core/policy/argument_value.h"

#define TYPE_USER SLICE("Aegis::User")
#define TYPE_SERVICE SLICE("Aegis::Service")
#define TYPE_ACTION SLICE("Aegis::Action")
#define TYPE_SERVER SLICE("Aegis::Server")

static const struct cedar_value UNKNOWN = {.kind = CEDAR_UNKNOWN};

/* -- records and sets over the question ---------------------------------------------------- */

/* False: there is no such attribute. */
typedef bool (*member_fn)(const struct scene *scene, struct arena *arena, struct cedar_value *out);

struct member {
    struct slice name;
    member_fn read;
};

struct part {
    const struct member *members;
    size_t count;
};

/* The tag of a record is the address of its part. */
static const struct part *part_of(uint64_t tag)
{
    return (const struct part *)(uintptr_t)tag;
}

static bool part_next(const void *object, uint64_t tag, uint64_t *cursor, struct arena *arena,
                      struct slice *name, struct cedar_value *value)
{
    const struct part *part = part_of(tag);
    while (*cursor < part->count) {
        const struct member *member = &part->members[(*cursor)++];
        *name = member->name;
        if (member->read(object, arena, value)) {
            return true;
        }
    }
    return false;
}

static size_t part_count(const void *object, uint64_t tag)
{
    const struct scene *scene = object;
    uint64_t cursor = 0;
    struct slice name;
    struct cedar_value value;
    size_t count = 0;
    while (part_next(object, tag, &cursor, scene->arena, &name, &value)) {
        count++;
    }
    return count;
}

static bool part_get(const void *object, uint64_t tag, struct slice name, struct arena *arena,
                     struct cedar_value *value)
{
    const struct part *part = part_of(tag);
    for (size_t i = 0; i < part->count; i++) {
        if (slice_eq(part->members[i].name, name)) {
            return part->members[i].read(object, arena, value);
        }
    }
    return false;
}

static const struct cedar_object_vtable PART_VTABLE = {part_count, part_next, part_get};

static struct cedar_value record_of(const struct scene *scene, const struct part *part)
{
    return (struct cedar_value){.kind = CEDAR_RECORD,
                                .as.object = {&PART_VTABLE, scene, (uintptr_t)part}};
}

/* The tag of what follows is the number of elements. */
static size_t tag_count(const void *object, uint64_t tag)
{
    (void)object;
    return (size_t)tag;
}

static bool texts_next(const void *object, uint64_t tag, uint64_t *cursor, struct arena *arena,
                       struct slice *name, struct cedar_value *value)
{
    const struct slice *texts = object;
    (void)arena;
    if (*cursor >= tag) {
        return false;
    }
    *name = SLICE_EMPTY;
    *value = cedar_string(texts[(*cursor)++]);
    return true;
}

static const struct cedar_object_vtable TEXTS_VTABLE = {tag_count, texts_next, NULL};

static bool texts(const struct slice *items, size_t count, struct cedar_value *out)
{
    *out = (struct cedar_value){.kind = CEDAR_SET, .as.object = {&TEXTS_VTABLE, items, count}};
    return true;
}

/* An empty text is one that is not known. */
static bool known(struct slice text, struct cedar_value *out)
{
    *out = cedar_string(text);
    return text.len > 0;
}

static bool is_value(struct cedar_value value, struct cedar_value *out)
{
    *out = value;
    return true;
}

/* A member: the expression says whether it is there, and leaves its value in *out. */
#define MEMBER(name, expression)                                                                   \
    static bool name(const struct scene *scene, struct arena *arena, struct cedar_value *out)      \
    {                                                                                              \
        (void)scene;                                                                               \
        (void)arena;                                                                               \
        return (expression);                                                                       \
    }

#define PART(NAME, ...)                                                                            \
    static const struct member NAME##_MEMBERS[] = {__VA_ARGS__};                                   \
    static const struct part NAME = {NAME##_MEMBERS, COUNT_OF(NAME##_MEMBERS)}

/* -- principal ----------------------------------------------------------------------------- */

static bool attribute_value(const struct principal_attribute *attribute, struct cedar_value *out)
{
    switch (attribute->type) {
    case PRINCIPAL_TEXT:
        return is_value(cedar_string(attribute->text), out);
    case PRINCIPAL_LONG:
        return is_value(cedar_long(attribute->number), out);
    case PRINCIPAL_BOOL:
        return is_value(cedar_bool(attribute->flag), out);
    case PRINCIPAL_SET:
        return texts(attribute->items, attribute->item_count, out);
    }
    return false;
}

static bool attributes_next(const void *object, uint64_t tag, uint64_t *cursor, struct arena *arena,
                            struct slice *name, struct cedar_value *value)
{
    const struct principal_attribute *attributes = object;
    (void)arena;
    if (*cursor >= tag) {
        return false;
    }
    *name = attributes[*cursor].name;
    return attribute_value(&attributes[(*cursor)++], value);
}

static bool attributes_get(const void *object, uint64_t tag, struct slice name, struct arena *arena,
                           struct cedar_value *value)
{
    const struct principal_attribute *attributes = object;
    (void)arena;
    for (uint64_t i = 0; i < tag; i++) {
        if (slice_eq(attributes[i].name, name)) {
            return attribute_value(&attributes[i], value);
        }
    }
    return false;
}

static const struct cedar_object_vtable ATTRIBUTES_VTABLE = {tag_count, attributes_next,
                                                             attributes_get};

static struct cedar_value attributes_of(const struct principal *principal)
{
    return (struct cedar_value){
        .kind = CEDAR_RECORD,
        .as.object = {&ATTRIBUTES_VTABLE, principal->attributes, principal->attribute_count}};
}

static const struct principal *caller(const struct scene *scene)
{
    return scene->question->principal;
}

MEMBER(principal_subject, known(caller(scene)->subject, out))
MEMBER(principal_tenant, known(caller(scene)->tenant, out))
MEMBER(principal_issuer, known(caller(scene)->issuer, out))
MEMBER(principal_email, known(caller(scene)->email, out))
MEMBER(principal_name, known(caller(scene)->name, out))
MEMBER(principal_roles, texts(caller(scene)->roles, caller(scene)->role_count, out))
/* Groups that the issuer left out are there and fail on use: a forbid that reads them denies. */
static bool principal_groups(const struct scene *scene, struct arena *arena,
                             struct cedar_value *out)
{
    (void)arena;
    if (caller(scene)->are_groups_unknown) {
        return is_value((struct cedar_value){.kind = CEDAR_ERROR}, out);
    }
    return texts(caller(scene)->groups, caller(scene)->group_count, out);
}

MEMBER(principal_actor_kind,
       is_value(cedar_string(principal_actor_name(caller(scene)->actor)), out))
MEMBER(principal_strength, is_value(cedar_string(auth_strength_name(caller(scene)->strength)), out))
MEMBER(principal_attributes, is_value(attributes_of(caller(scene)), out))

PART(PRINCIPAL, {SLICE_INIT("subject"), principal_subject},
     {SLICE_INIT("tenantId"), principal_tenant}, {SLICE_INIT("issuer"), principal_issuer},
     {SLICE_INIT("email"), principal_email}, {SLICE_INIT("name"), principal_name},
     {SLICE_INIT("roles"), principal_roles}, {SLICE_INIT("groups"), principal_groups},
     {SLICE_INIT("attributes"), principal_attributes},
     {SLICE_INIT("actorKind"), principal_actor_kind},
     {SLICE_INIT("authStrength"), principal_strength});

/* -- server and target --------------------------------------------------------------------- */

MEMBER(server_name, known(scene->question->server, out))
MEMBER(server_trust,
       is_value(cedar_entity(SLICE("Aegis::Trust"), scene->question->server_trust), out))
MEMBER(server_labels,
       texts(scene->question->server_labels, scene->question->server_label_count, out))

PART(SERVER, {SLICE_INIT("name"), server_name}, {SLICE_INIT("trust"), server_trust},
     {SLICE_INIT("labels"), server_labels});

/* A hint of the server about its tool; the safe value when it says nothing. */
static struct cedar_value hint(const struct policy_question *question, struct slice name,
                               bool otherwise)
{
    struct json_place tool = question->definition;
    json_ref ref = JSON_NONE;
    if (tool.ref == JSON_NONE && question->arguments_unknown) {
        return UNKNOWN;
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

MEMBER(target_name, known(scene->name, out))
MEMBER(tool_read_only, is_value(hint(scene->question, SLICE("readOnlyHint"), false), out))
MEMBER(tool_destructive, is_value(hint(scene->question, SLICE("destructiveHint"), true), out))
MEMBER(tool_idempotent, is_value(hint(scene->question, SLICE("idempotentHint"), false), out))
MEMBER(tool_open_world, is_value(hint(scene->question, SLICE("openWorldHint"), true), out))
MEMBER(resource_text, known(scene->uri.text, out))
MEMBER(resource_scheme, known(scene->uri.scheme, out))
MEMBER(resource_host, known(scene->uri.host, out))
MEMBER(resource_path, is_value(cedar_string(scene->uri.path), out))

PART(TOOL, {SLICE_INIT("name"), target_name}, {SLICE_INIT("readOnly"), tool_read_only},
     {SLICE_INIT("destructive"), tool_destructive}, {SLICE_INIT("idempotent"), tool_idempotent},
     {SLICE_INIT("openWorld"), tool_open_world}, {SLICE_INIT("labels"), server_labels});

PART(RESOURCE, {SLICE_INIT("name"), target_name}, {SLICE_INIT("uri"), resource_text},
     {SLICE_INIT("scheme"), resource_scheme}, {SLICE_INIT("host"), resource_host},
     {SLICE_INIT("path"), resource_path}, {SLICE_INIT("labels"), server_labels});

/* Of prompts, and of the server when it is the target itself. */
PART(OTHER, {SLICE_INIT("name"), target_name}, {SLICE_INIT("labels"), server_labels});

PART(ROOT, {SLICE_INIT("uri"), resource_text}, {SLICE_INIT("path"), resource_path});

/* A server that asks for something is the target itself, but for the roots that it would get. */
static bool is_about_server(const struct policy_question *question)
{
    return mcp_primitive_is_asked(question->primitive) &&
           !(question->primitive == MCP_ROOTS && question->is_result);
}

static struct cedar_value target_attributes(const struct scene *scene)
{
    static const struct part *const PARTS[] = {
        [MCP_LIFECYCLE] = &OTHER,   [MCP_TOOL] = &TOOL,       [MCP_RESOURCE] = &RESOURCE,
        [MCP_PROMPT] = &OTHER,      [MCP_SAMPLING] = &SERVER, [MCP_ROOTS] = &ROOT,
        [MCP_ELICITATION] = &SERVER};
    if (is_about_server(scene->question)) {
        return record_of(scene, &SERVER);
    }
    return scene->question->name_unknown ? UNKNOWN
                                         : record_of(scene, PARTS[scene->question->primitive]);
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
static struct cedar_value prompt_arguments(const struct scene *scene, struct arena *arena)
{
    struct json_place arguments = scene->question->arguments;
    size_t count = arguments.ref == JSON_NONE ? 0 : json_count(arguments.tape, arguments.ref);
    struct cedar_list *list = arena_alloc_zero(arena, 1, sizeof(*list));
    struct cedar_field *fields = arena_alloc_zero(arena, count, sizeof(*fields));
    if (list == NULL || fields == NULL) {
        return (struct cedar_value){.kind = CEDAR_ERROR};
    }
    list->items = fields;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    if (count > 0) {
        json_iter_init(&iter, arguments.tape, arguments.ref);
    }
    while (list->count < count && json_iter_next(&iter, &key, &value)) {
        struct cedar_field *field = &fields[list->count++];
        struct slice argument = SLICE_EMPTY;
        if (json_string(arguments.tape, value, arena, &argument) == STATUS_OK) {
            field->value = cedar_string(argument);
        }
        if (json_string(arguments.tape, key, arena, &field->name) != STATUS_OK) {
            return (struct cedar_value){.kind = CEDAR_ERROR};
        }
    }
    return cedar_record(list);
}

static struct cedar_value arguments_value(const struct scene *scene, struct arena *arena)
{
    const struct policy_question *question = scene->question;
    if (question->arguments_unknown) {
        return UNKNOWN;
    }
    if (question->primitive == MCP_PROMPT) {
        return prompt_arguments(scene, arena);
    }
    return argument_value(arena, input_schema(question), question->arguments);
}

/* -- what a server asks, and the answer ---------------------------------------------------- */

static struct json_place member_at(struct json_place place, struct slice name)
{
    bool is_object = place.tape != NULL && place.ref != JSON_NONE &&
                     json_type(place.tape, place.ref) == JSON_OBJECT;
    return (struct json_place){place.tape,
                               is_object ? json_member(place.tape, place.ref, name) : JSON_NONE};
}

static bool text_at(struct json_place place, struct arena *arena, struct cedar_value *out)
{
    struct slice text = SLICE_EMPTY;
    *out = (struct cedar_value){.kind = CEDAR_ERROR};
    if (place.ref != JSON_NONE && json_string(place.tape, place.ref, arena, &text) == STATUS_OK) {
        *out = cedar_string(text);
    }
    return place.ref != JSON_NONE;
}

static bool number_at(struct json_place place, struct cedar_value *out)
{
    int64_t number = 0;
    *out = (struct cedar_value){.kind = CEDAR_ERROR};
    if (place.ref != JSON_NONE && json_integer(place.tape, place.ref, &number) == STATUS_OK) {
        *out = cedar_long(number);
    }
    return place.ref != JSON_NONE;
}

/* The names of an object's members, or of the objects in an array, as a set. What has no name that
 * can be read makes the whole set unusable. */
static bool names_at(struct json_place place, struct arena *arena, struct cedar_value *out)
{
    size_t count = place.ref == JSON_NONE ? 0 : json_count(place.tape, place.ref);
    struct slice *names = arena_alloc_zero(arena, count, sizeof(*names));
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    *out = (struct cedar_value){.kind = CEDAR_ERROR};
    if (count > 0) {
        json_iter_init(&iter, place.tape, place.ref);
    }
    for (size_t i = 0; names != NULL && i < count && json_iter_next(&iter, &key, &value); i++) {
        json_ref name = key == JSON_NONE ? json_member(place.tape, value, SLICE("name")) : key;
        if (name == JSON_NONE || json_string(place.tape, name, arena, &names[i]) != STATUS_OK) {
            return true;
        }
    }
    return names == NULL || texts(names, count, out);
}

/* The value of a member, unless anything may be asked: then it is not known. */
#define ASKED(name, expression)                                                                    \
    static bool name(const struct scene *scene, struct arena *arena, struct cedar_value *out)      \
    {                                                                                              \
        struct json_place asked = scene->question->asked;                                          \
        (void)arena;                                                                               \
        (void)asked;                                                                               \
        return scene->question->arguments_unknown ? is_value(UNKNOWN, out) : (expression);         \
    }

static struct json_place hints_of(struct json_place asked)
{
    return member_at(member_at(asked, SLICE("modelPreferences")), SLICE("hints"));
}

static struct json_place fields_of(struct json_place asked)
{
    return member_at(member_at(asked, SLICE("requestedSchema")), SLICE("properties"));
}

static bool is_of_url(const struct scene *scene)
{
    return slice_eq(scene->question->mode, SLICE("url"));
}

ASKED(sampling_max_tokens, number_at(member_at(asked, SLICE("maxTokens")), out))
ASKED(sampling_include_context, text_at(member_at(asked, SLICE("includeContext")), arena, out))
ASKED(sampling_tools, names_at(member_at(asked, SLICE("tools")), arena, out))
ASKED(sampling_hints, names_at(hints_of(asked), arena, out))
ASKED(elicitation_message, text_at(member_at(asked, SLICE("message")), arena, out))
ASKED(elicitation_fields, names_at(fields_of(asked), arena, out))
ASKED(elicitation_url, known(scene->uri.text, out))
ASKED(elicitation_host, known(scene->uri.host, out))
ASKED(result_action, text_at(member_at(scene->question->result, SLICE("action")), arena, out))
ASKED(result_model, text_at(member_at(scene->question->result, SLICE("model")), arena, out))
MEMBER(elicitation_mode, known(scene->question->mode, out))

PART(SAMPLING, {SLICE_INIT("maxTokens"), sampling_max_tokens},
     {SLICE_INIT("includeContext"), sampling_include_context},
     {SLICE_INIT("tools"), sampling_tools}, {SLICE_INIT("hints"), sampling_hints});
PART(FORM, {SLICE_INIT("mode"), elicitation_mode}, {SLICE_INIT("message"), elicitation_message},
     {SLICE_INIT("fields"), elicitation_fields});
PART(URL, {SLICE_INIT("mode"), elicitation_mode}, {SLICE_INIT("message"), elicitation_message},
     {SLICE_INIT("url"), elicitation_url}, {SLICE_INIT("host"), elicitation_host});
PART(RESULT, {SLICE_INIT("action"), result_action}, {SLICE_INIT("model"), result_model});

/* -- the rest of the context ---------------------------------------------------------------- */

static bool network_source(const struct scene *scene, struct arena *arena, struct cedar_value *out)
{
    (void)arena;
    *out = (struct cedar_value){.kind = CEDAR_IP};
    return cedar_ip_parse(scene->question->peer_ip, &out->as.ip) == STATUS_OK;
}

/* 1970-01-01 was a Thursday; Monday is 1. */
static int64_t weekday(const struct scene *scene)
{
    return (scene->question->now_s / 86400 + 3) % 7 + 1;
}

static struct cedar_value target_value(const struct scene *scene)
{
    if (scene->question->name_unknown) {
        return UNKNOWN;
    }
    bool has_leaf =
        scene->question->primitive == MCP_TOOL || scene->question->primitive == MCP_PROMPT;
    return cedar_string(has_leaf ? scene->target.id : scene->name);
}

/* Who sent what is judged. */
static struct slice direction(const struct policy_question *question)
{
    bool is_of_server = mcp_primitive_is_asked(question->primitive) != question->is_result;
    return is_of_server ? SLICE("server_to_client") : SLICE("client_to_server");
}

static struct cedar_value time_value(int64_t seconds)
{
    return (struct cedar_value){.kind = CEDAR_DATETIME, .as.number = seconds * 1000};
}

static bool token_actor(const struct scene *scene, struct arena *arena, struct cedar_value *out)
{
    (void)arena;
    return caller(scene)->actor_count > 0 && known(caller(scene)->actors[0], out);
}

MEMBER(token_scopes, texts(caller(scene)->scopes, caller(scene)->scope_count, out))
MEMBER(token_amr, texts(caller(scene)->amr, caller(scene)->amr_count, out))
MEMBER(token_acr, known(caller(scene)->acr, out))
MEMBER(token_acrs, texts(caller(scene)->acrs, caller(scene)->acrs_count, out))
MEMBER(token_auth_time,
       caller(scene)->has_auth_time &&is_value(time_value(caller(scene)->auth_time_s), out))
MEMBER(token_mfa, is_value(cedar_bool(caller(scene)->strength >= AUTH_MFA), out))
MEMBER(token_actors, texts(caller(scene)->actors, caller(scene)->actor_count, out))
MEMBER(client_id, known(caller(scene)->client_id, out))
MEMBER(network_tls, is_value(cedar_bool(scene->question->is_tls), out))

static const struct client_certificate *shown(const struct scene *scene)
{
    return scene->question->certificate;
}

MEMBER(certificate_subject, is_value(cedar_string(shown(scene)->subject), out))
MEMBER(certificate_serial, is_value(cedar_string(shown(scene)->serial), out))
MEMBER(certificate_hash, is_value(cedar_string(shown(scene)->thumbprint), out))
MEMBER(certificate_uris, texts(shown(scene)->uris.items, shown(scene)->uris.count, out))
MEMBER(certificate_dns, texts(shown(scene)->dns.items, shown(scene)->dns.count, out))
MEMBER(certificate_emails, texts(shown(scene)->emails.items, shown(scene)->emails.count, out))

PART(CERTIFICATE, {SLICE_INIT("subject"), certificate_subject},
     {SLICE_INIT("serial"), certificate_serial}, {SLICE_INIT("sha256"), certificate_hash},
     {SLICE_INIT("uris"), certificate_uris}, {SLICE_INIT("dnsNames"), certificate_dns},
     {SLICE_INIT("emails"), certificate_emails});

MEMBER(network_certificate, shown(scene) != NULL && is_value(record_of(scene, &CERTIFICATE), out))
MEMBER(time_now, is_value(time_value(scene->question->now_s), out))
MEMBER(time_hour, is_value(cedar_long(scene->question->now_s / 3600 % 24), out))
MEMBER(time_weekday, is_value(cedar_long(weekday(scene)), out))

/* Of servers that the caller has read from. */
static bool session_labels(const struct scene *scene, struct arena *arena, struct cedar_value *out)
{
    const struct usage *usage = scene->question->usage;
    struct slice *labels = arena_alloc_zero(arena, USAGE_LABELS_MAX, sizeof(*labels));
    size_t count = 0;
    for (size_t i = 0; labels != NULL && i < USAGE_LABELS_MAX; i++) {
        if ((usage->label_bits >> i & 1U) != 0) {
            labels[count++] = usage->labels[i];
        }
    }
    return labels == NULL ? is_value((struct cedar_value){.kind = CEDAR_ERROR}, out)
                          : texts(labels, count, out);
}

MEMBER(session_calls, is_value(cedar_long(scene->question->usage->calls), out))
MEMBER(session_target_calls, is_value(cedar_long(scene->question->usage->target_calls), out))
MEMBER(session_age, is_value(cedar_long(scene->question->usage->age_ms / 1000), out))

PART(SESSION, {SLICE_INIT("calls"), session_calls},
     {SLICE_INIT("targetCalls"), session_target_calls}, {SLICE_INIT("labels"), session_labels},
     {SLICE_INIT("ageSeconds"), session_age});
PART(TOKEN, {SLICE_INIT("scopes"), token_scopes}, {SLICE_INIT("amr"), token_amr},
     {SLICE_INIT("acr"), token_acr}, {SLICE_INIT("acrs"), token_acrs},
     {SLICE_INIT("authTime"), token_auth_time}, {SLICE_INIT("mfa"), token_mfa},
     {SLICE_INIT("actor"), token_actor}, {SLICE_INIT("actors"), token_actors});
PART(CLIENT, {SLICE_INIT("clientId"), client_id});
PART(NETWORK, {SLICE_INIT("source"), network_source}, {SLICE_INIT("tls"), network_tls},
     {SLICE_INIT("certificate"), network_certificate});
PART(TIME, {SLICE_INIT("now"), time_now}, {SLICE_INIT("hour"), time_hour},
     {SLICE_INIT("weekday"), time_weekday});

MEMBER(context_primitive,
       is_value(cedar_string(mcp_primitive_name(scene->question->primitive)), out))
MEMBER(context_method, is_value(cedar_string(scene->question->method), out))
MEMBER(context_target, is_value(target_value(scene), out))
MEMBER(context_direction, is_value(cedar_string(direction(scene->question)), out))
MEMBER(context_server, is_value(cedar_entity(scene->server.type, scene->server.id), out))
MEMBER(context_arguments, !mcp_primitive_is_asked(scene->question->primitive) &&
                              is_value(arguments_value(scene, arena), out))
MEMBER(context_sampling,
       scene->question->primitive == MCP_SAMPLING && is_value(record_of(scene, &SAMPLING), out))
MEMBER(context_elicitation, scene->question->primitive == MCP_ELICITATION &&
                                is_value(record_of(scene, is_of_url(scene) ? &URL : &FORM), out))
MEMBER(context_result, scene->question->is_result &&is_value(record_of(scene, &RESULT), out))
MEMBER(context_token, is_value(record_of(scene, &TOKEN), out))
MEMBER(context_client, is_value(record_of(scene, &CLIENT), out))
MEMBER(context_network, is_value(record_of(scene, &NETWORK), out))
MEMBER(context_time,
       is_value(scene->question->arguments_unknown ? UNKNOWN : record_of(scene, &TIME), out))

static bool context_session(const struct scene *scene, struct arena *arena, struct cedar_value *out)
{
    (void)arena;
    if (scene->question->arguments_unknown) {
        return is_value(UNKNOWN, out);
    }
    return scene->question->usage != NULL && is_value(record_of(scene, &SESSION), out);
}

PART(CONTEXT, {SLICE_INIT("primitive"), context_primitive}, {SLICE_INIT("method"), context_method},
     {SLICE_INIT("target"), context_target}, {SLICE_INIT("direction"), context_direction},
     {SLICE_INIT("server"), context_server}, {SLICE_INIT("arguments"), context_arguments},
     {SLICE_INIT("sampling"), context_sampling}, {SLICE_INIT("elicitation"), context_elicitation},
     {SLICE_INIT("result"), context_result}, {SLICE_INIT("token"), context_token},
     {SLICE_INIT("client"), context_client}, {SLICE_INIT("session"), context_session},
     {SLICE_INIT("network"), context_network}, {SLICE_INIT("time"), context_time});

/* -- entities ------------------------------------------------------------------------------ */

static bool uid_is(const struct cedar_uid *a, const struct cedar_uid *b)
{
    return slice_eq(a->id, b->id) && slice_eq(a->type, b->type);
}

static bool find(const void *context, const struct cedar_uid *uid, struct cedar_entity_data *out)
{
    const struct scene *scene = context;
    *out = (struct cedar_entity_data){0};
    if (uid_is(uid, &scene->principal)) {
        out->attributes = record_of(scene, &PRINCIPAL);
        out->ancestors = scene->parents;
        out->ancestor_count = scene->parent_count;
        return true;
    }
    if (uid_is(uid, &scene->action)) {
        out->ancestors = scene->groups;
        out->ancestor_count = scene->group_count;
        return true;
    }
    if (uid_is(uid, &scene->target)) {
        out->attributes = target_attributes(scene);
        out->ancestors = &scene->server;
        out->ancestor_count = is_about_server(scene->question) ? 0 : 1;
        return true;
    }
    out->attributes = record_of(scene, &SERVER);
    return uid_is(uid, &scene->server);
}

static enum status join(struct arena *arena, struct slice a, struct slice sign, struct slice b,
                        struct slice *out)
{
    const struct slice parts[] = {a, sign, b};
    return arena_join(arena, parts, COUNT_OF(parts), out);
}

/* A group named like a role gains nothing: each source has its own type. */
static enum status set_parents(struct scene *scene)
{
    const struct principal *principal = caller(scene);
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
    scene->parents = parents;
    scene->parent_count = at;
    return STATUS_OK;
}

static enum status set_principal(struct scene *scene)
{
    const struct principal *principal = caller(scene);
    TRY(principal_id(principal, scene->arena, &scene->principal.id));
    scene->principal.type = principal->is_service ? TYPE_SERVICE : TYPE_USER;
    return set_parents(scene);
}

static enum status set_action(struct scene *scene)
{
    const struct policy_question *question = scene->question;
    bool has_leaf = question->primitive == MCP_TOOL || question->primitive == MCP_PROMPT;
    scene->action = (struct cedar_uid){TYPE_ACTION, question->method};
    if (has_leaf) {
        TRY(join(scene->arena, question->server, SLICE("."), question->name, &scene->action.id));
    }
    scene->groups[0] = (struct cedar_uid){TYPE_ACTION, mcp_primitive_name(question->primitive)};
    scene->groups[1] = (struct cedar_uid){TYPE_ACTION, question->method};
    scene->group_count = has_leaf || question->is_result ? 2 : 1;
    if (question->within.len > 0) {
        scene->groups[scene->group_count++] = (struct cedar_uid){TYPE_ACTION, question->within};
    }
    return question->is_result ? join(scene->arena, question->method, SLICE("."), SLICE("result"),
                                      &scene->action.id)
                               : STATUS_OK;
}

static enum status set_asking_server(struct scene *scene)
{
    const struct policy_question *question = scene->question;
    struct json_place url = member_at(question->asked, SLICE("url"));
    struct slice text = SLICE_EMPTY;
    scene->name = question->server;
    scene->target = scene->server;
    if (!is_of_url(scene) || question->arguments_unknown) {
        return STATUS_OK;
    }
    if (url.ref == JSON_NONE) {
        return STATUS_INVALID;
    }
    TRY(json_string(url.tape, url.ref, scene->arena, &text));
    return resource_uri_read(text, scene->arena, &scene->uri, NULL);
}

/* An address that has no normal form fails the question, which denies. */
static enum status set_target(struct scene *scene)
{
    static const struct slice TYPES[] = {
        [MCP_LIFECYCLE] = SLICE_INIT("Aegis::Server"),   [MCP_TOOL] = SLICE_INIT("Aegis::Tool"),
        [MCP_RESOURCE] = SLICE_INIT("Aegis::Resource"),  [MCP_PROMPT] = SLICE_INIT("Aegis::Prompt"),
        [MCP_SAMPLING] = SLICE_INIT("Aegis::Server"),    [MCP_ROOTS] = SLICE_INIT("Aegis::Root"),
        [MCP_ELICITATION] = SLICE_INIT("Aegis::Server"),
    };
    const struct policy_question *question = scene->question;
    bool is_resource = question->primitive == MCP_RESOURCE || question->primitive == MCP_ROOTS;
    if (is_about_server(question)) {
        return set_asking_server(scene);
    }
    scene->name = question->name;
    if (is_resource && !question->name_unknown) {
        TRY(resource_uri_read(scene->name, scene->arena, &scene->uri, NULL));
        scene->name = scene->uri.text;
    }
    scene->target.type = TYPES[question->primitive];
    return join(scene->arena, question->server, is_resource ? SLICE("|") : SLICE("."), scene->name,
                &scene->target.id);
}

enum status scene_request(struct scene *scene, struct cedar_request *out)
{
    scene->server = (struct cedar_uid){TYPE_SERVER, scene->question->server};
    scene->entities = (struct cedar_entities){.context = scene, .find = find};
    TRY(set_principal(scene));
    TRY(set_action(scene));
    TRY(set_target(scene));
    *out = (struct cedar_request){.principal = scene->principal,
                                  .action = scene->action,
                                  .resource = scene->target,
                                  .context = record_of(scene, &CONTEXT),
                                  .entities = &scene->entities};
    return STATUS_OK;
}
