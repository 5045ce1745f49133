#include "core/gateway/carried.h"

#include "core/gateway/question.h"
#include "core/gateway/question_shape.h"
#include "core/mcp/resource_uri.h"
#include "json/writer.h"

enum kind {
    NO_RESOURCE,
    LINK,     /* an address */
    CONTENT,  /* an address and what is there */
    TOO_DEEP, /* nobody puts that much inside each other */
};

struct carrying {
    const struct carried_rules *rules;
    const struct carried_value *value;
    struct arena *scratch, *arena;
    struct buf text;
    struct question_judgement *judged, **last;
    size_t count;    /* judged, */
    size_t left_out; /* and beyond what is judged */
    bool withholds;
};

static bool is_of_read(const struct carried_value *value)
{
    return value->requested.len > 0;
}

/* Of a read each entry is a resource, of anything else what a block says it is. */
static enum kind kind_of(const struct carried_value *value, struct json_place place, size_t depth)
{
    bool is_object = json_type(place.tape, place.ref) == JSON_OBJECT;
    struct json_place type = question_member(place, SLICE("type"));
    if (depth > CARRIED_DEPTH_MAX) {
        return is_object || json_type(place.tape, place.ref) == JSON_ARRAY ? TOO_DEEP : NO_RESOURCE;
    }
    if (is_object && is_of_read(value)) {
        return CONTENT;
    }
    if (type.ref == JSON_NONE) {
        return NO_RESOURCE;
    }
    return json_string_eq(type.tape, type.ref, SLICE("resource"))        ? CONTENT
           : json_string_eq(type.tape, type.ref, SLICE("resource_link")) ? LINK
                                                                         : NO_RESOURCE;
}

static struct json_place address_of(const struct carried_value *value, enum kind kind,
                                    struct json_place place)
{
    bool is_embedded = kind == CONTENT && !is_of_read(value);
    return question_member(is_embedded ? question_member(place, SLICE("resource")) : place,
                           SLICE("uri"));
}

/* Is it what was asked for, and judged, in its very spelling? */
static bool is_requested(const struct carried_value *value, struct json_place place)
{
    struct json_place uri = question_member(place, SLICE("uri"));
    return is_of_read(value) && uri.ref != JSON_NONE &&
           json_string_eq(uri.tape, uri.ref, value->requested);
}

/* -- is there anything? --------------------------------------------------------------------- */

static bool is_in(const struct carried_value *value, struct json_place place, size_t depth)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref child = JSON_NONE;
    if (kind_of(value, place, depth) != NO_RESOURCE) {
        return !is_requested(value, place);
    }
    if (json_type(place.tape, place.ref) == JSON_OBJECT) {
        struct json_place content = question_member(place, SLICE("content"));
        return content.ref != JSON_NONE && is_in(value, content, depth + 1);
    }
    json_iter_init(&iter, place.tape, place.ref);
    while (json_iter_next(&iter, &key, &child)) {
        if (is_in(value, (struct json_place){place.tape, child}, depth + 1)) {
            return true;
        }
    }
    return false;
}

bool carried_is_in(const struct carried_value *value)
{
    return value->place.ref != JSON_NONE && is_in(value, value->place, 0);
}

/* -- judging -------------------------------------------------------------------------------- */

static enum status refuse(struct question_judgement *judgement, const char *code,
                          struct slice reason)
{
    judgement->code = code;
    judgement->reason = reason;
    return STATUS_OK;
}

/* A link stays where a read could ever be allowed, as in lists. */
static enum status ask_policies(struct carrying *carrying, enum kind kind,
                                struct policy_question *question,
                                struct question_judgement *judgement)
{
    if (kind == CONTENT) {
        return question_decide(question, carrying->scratch, carrying->arena, judgement);
    }
    question->arguments_unknown = true;
    judgement->is_allowed = policy_may_ever_allow(question, carrying->scratch);
    if (judgement->is_allowed) {
        return STATUS_OK;
    }
    enum status status = question_decide(question, carrying->scratch, carrying->arena, judgement);
    judgement->is_allowed = false;
    return status;
}

/* uri: in its normal form, or what the server wrote when there is none. */
static enum status judge_address(struct carrying *carrying, enum kind kind,
                                 const struct resource_uri *uri,
                                 struct question_judgement *judgement)
{
    const struct carried_rules *rules = carrying->rules;
    struct policy_question question;
    judgement->target = uri->text;
    return rules->ask != NULL && rules->ask(rules->context, uri->text, &question)
               ? ask_policies(carrying, kind, &question, judgement)
               : refuse(judgement, "target.unknown", SLICE("the endpoint does not show it"));
}

static enum status read_address(struct carrying *carrying, struct json_place place,
                                struct resource_uri *uri, struct question_judgement *judgement)
{
    struct diag diag = {0};
    if (place.ref == JSON_NONE || json_type(place.tape, place.ref) != JSON_STRING) {
        return refuse(judgement, "resource.uri", SLICE("it has no address"));
    }
    TRY(json_string(place.tape, place.ref, carrying->arena, &judgement->target));
    enum status status = resource_uri_read(judgement->target, carrying->arena, uri, &diag);
    if (status == STATUS_INVALID) {
        judgement->code = diag.code;
        return arena_copy(carrying->arena, slice_view_cstr(diag.message), &judgement->reason);
    }
    return status;
}

static struct question_judgement *add_judgement(struct carrying *carrying)
{
    struct question_judgement *judgement = arena_alloc_zero(carrying->arena, 1, sizeof(*judgement));
    if (judgement != NULL) {
        *carrying->last = judgement;
        carrying->last = &judgement->next;
    }
    return judgement;
}

/* *reason: of what is withheld, for the caller. */
static enum status judge(struct carrying *carrying, enum kind kind, struct json_place place,
                         bool *passes, struct slice *reason)
{
    struct resource_uri uri = {0};
    *passes = false;
    if (kind == TOO_DEEP || carrying->count == carrying->rules->resources_max) {
        carrying->left_out++;
        return STATUS_OK;
    }
    struct question_judgement judgement = {0};
    TRY(read_address(carrying, address_of(carrying->value, kind, place), &uri, &judgement));
    if (is_of_read(carrying->value) && slice_eq(uri.text, carrying->value->requested)) {
        *passes = true;
        return STATUS_OK;
    }
    if (judgement.code == NULL) {
        TRY(judge_address(carrying, kind, &uri, &judgement));
    }
    struct question_judgement *added = add_judgement(carrying);
    if (added == NULL) {
        return STATUS_LIMIT;
    }
    *added = judgement;
    carrying->count++;
    *passes = judgement.is_allowed;
    *reason = judgement.answer.reason;
    return STATUS_OK;
}

/* -- writing -------------------------------------------------------------------------------- */

/* What the caller is told instead: why, as far as a policy says it, and where it is recorded. */
static void write_withheld(struct carrying *carrying, struct slice reason)
{
    struct buf *text = &carrying->text;
    if (is_of_read(carrying->value)) {
        buf_append(text, SLICE("{\"uri\":"));
        buf_append_json_string(text, carrying->value->requested);
        buf_append(text, SLICE(",\"mimeType\":\"text/plain\",\"text\":"));
    } else {
        buf_append(text, SLICE("{\"type\":\"text\",\"text\":"));
    }
    buf_append_json_string(text, reason.len > 0 ? reason : SLICE("a resource is withheld"));
    /* The string is closed again to take the id, which needs no escapes. */
    text->len -= text->failed ? 0 : 1;
    buf_append(text, SLICE(" (decision "));
    audit_append_decision_id(text, carrying->rules->decision);
    buf_append(text, SLICE(")\"}"));
    carrying->withholds = true;
}

static enum status write_value(struct carrying *carrying, struct json_place place, size_t depth);

/* A message, the result of a tool in it, or a block of another kind. */
static enum status write_object(struct carrying *carrying, struct json_place place, size_t depth)
{
    struct buf *text = &carrying->text;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    bool is_first = true;
    buf_append_byte(text, '{');
    json_iter_init(&iter, place.tape, place.ref);
    while (json_iter_next(&iter, &key, &value)) {
        buf_append(text, is_first ? SLICE_EMPTY : SLICE(","));
        is_first = false;
        buf_append(text, json_raw(place.tape, key));
        buf_append_byte(text, ':');
        if (json_string_eq(place.tape, key, SLICE("content"))) {
            TRY(write_value(carrying, (struct json_place){place.tape, value}, depth + 1));
        } else {
            json_write(text, place.tape, value, NULL, 0);
        }
    }
    buf_append_byte(text, '}');
    return STATUS_OK;
}

static enum status write_array(struct carrying *carrying, struct json_place place, size_t depth)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    bool is_first = true;
    buf_append_byte(&carrying->text, '[');
    json_iter_init(&iter, place.tape, place.ref);
    while (json_iter_next(&iter, &key, &value)) {
        buf_append(&carrying->text, is_first ? SLICE_EMPTY : SLICE(","));
        is_first = false;
        TRY(write_value(carrying, (struct json_place){place.tape, value}, depth + 1));
    }
    buf_append_byte(&carrying->text, ']');
    return STATUS_OK;
}

/* Goes inside as far as CARRIED_DEPTH_MAX. */
static enum status write_value(struct carrying *carrying, struct json_place place, size_t depth)
{
    enum kind kind = kind_of(carrying->value, place, depth);
    enum json_type type = json_type(place.tape, place.ref);
    struct slice reason = SLICE_EMPTY;
    bool passes = true;
    if (kind != NO_RESOURCE) {
        TRY(judge(carrying, kind, place, &passes, &reason));
    } else if (type == JSON_OBJECT) {
        return write_object(carrying, place, depth);
    } else if (type == JSON_ARRAY) {
        return write_array(carrying, place, depth);
    }
    if (passes) {
        json_write(&carrying->text, place.tape, place.ref, NULL, 0);
    } else {
        write_withheld(carrying, reason);
    }
    return STATUS_OK;
}

/* What is beyond the limit has one record. */
static enum status note_left_out(struct carrying *carrying)
{
    struct question_judgement *judgement = add_judgement(carrying);
    if (judgement == NULL) {
        return STATUS_LIMIT;
    }
    judgement->code = "resource.many";
    return arena_format(carrying->arena, &judgement->reason,
                        "%zu resources more than are judged, or too deep inside",
                        carrying->left_out);
}

static enum status judge_all(struct carrying *carrying, struct carried *out)
{
    TRY(write_value(carrying, carrying->value->place, 0));
    TRY(carrying->left_out > 0 ? note_left_out(carrying) : STATUS_OK);
    TRY(buf_status(&carrying->text));
    out->judged = carrying->judged;
    return carrying->withholds ? arena_copy(carrying->arena, buf_view(&carrying->text), &out->text)
                               : STATUS_OK;
}

enum status carried_judge_link(const struct carried_rules *rules, struct slice uri,
                               struct arena *scratch, struct arena *arena,
                               struct question_judgement *out)
{
    struct carrying carrying = {.rules = rules, .scratch = scratch, .arena = arena};
    *out = (struct question_judgement){0};
    return judge_address(&carrying, LINK, &(struct resource_uri){.text = uri}, out);
}

enum status carried_judge(const struct carried_rules *rules, const struct carried_value *value,
                          struct arena *scratch, struct arena *arena, struct carried *out)
{
    struct carrying carrying = {.rules = rules, .value = value, .scratch = scratch, .arena = arena};
    carrying.last = &carrying.judged;
    *out = (struct carried){0};
    buf_init(&carrying.text, SIZE_MAX, arena->account);
    enum status status = judge_all(&carrying, out);
    buf_release(&carrying.text);
    return status;
}
