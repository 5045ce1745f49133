#include "core/mcp/completion.h"

#include "json/writer.h"

static json_ref string_member(const struct json_tape *tape, json_ref object, struct slice name)
{
    json_ref ref = object == JSON_NONE ? JSON_NONE : json_member(tape, object, name);
    return ref != JSON_NONE && json_type(tape, ref) == JSON_STRING ? ref : JSON_NONE;
}

/* An object of strings. */
static bool is_text_map(const struct json_tape *tape, json_ref ref)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    if (json_type(tape, ref) != JSON_OBJECT) {
        return false;
    }
    json_iter_init(&iter, tape, ref);
    while (json_iter_next(&iter, &key, &value)) {
        if (json_type(tape, value) != JSON_STRING) {
            return false;
        }
    }
    return true;
}

static const char *read_reference(const struct json_tape *tape, json_ref params,
                                  struct mcp_completion *out)
{
    json_ref ref = json_member(tape, params, SLICE("ref"));
    json_ref type = string_member(tape, ref, SLICE("type"));
    if (type != JSON_NONE && json_string_eq(tape, type, SLICE("ref/prompt"))) {
        out->primitive = MCP_PROMPT;
        out->target = string_member(tape, ref, SLICE("name"));
    } else if (type != JSON_NONE && json_string_eq(tape, type, SLICE("ref/resource"))) {
        out->primitive = MCP_RESOURCE;
        out->target = string_member(tape, ref, SLICE("uri"));
    } else {
        return "'ref' must be of type ref/prompt or ref/resource";
    }
    return out->target == JSON_NONE ? "'ref' must name a prompt or an address" : NULL;
}

const char *mcp_completion_read(const struct json_tape *tape, json_ref params,
                                struct mcp_completion *out)
{
    *out = (struct mcp_completion){.target = JSON_NONE, .known = JSON_NONE};
    const char *problem = read_reference(tape, params, out);
    if (problem != NULL) {
        return problem;
    }
    json_ref argument = json_member(tape, params, SLICE("argument"));
    out->argument = string_member(tape, argument, SLICE("name"));
    out->value = string_member(tape, argument, SLICE("value"));
    if (out->argument == JSON_NONE || out->value == JSON_NONE) {
        return "'argument' must have a name and a value";
    }
    json_ref context = json_member(tape, params, SLICE("context"));
    if (context == JSON_NONE) {
        return NULL;
    }
    if (json_type(tape, context) != JSON_OBJECT) {
        return "'context' must be an object";
    }
    out->known = json_member(tape, context, SLICE("arguments"));
    return out->known == JSON_NONE || is_text_map(tape, out->known)
               ? NULL
               : "the arguments of 'context' must be strings";
}

void mcp_completion_write(struct buf *buf, const struct json_tape *tape,
                          const struct mcp_completion *completion, struct slice name)
{
    buf_append(buf, completion->primitive == MCP_PROMPT
                        ? SLICE("{\"ref\":{\"type\":\"ref/prompt\",\"name\":")
                        : SLICE("{\"ref\":{\"type\":\"ref/resource\",\"uri\":"));
    buf_append_json_string(buf, name);
    buf_append(buf, SLICE("},\"argument\":{\"name\":"));
    buf_append(buf, json_raw(tape, completion->argument));
    buf_append(buf, SLICE(",\"value\":"));
    buf_append(buf, json_raw(tape, completion->value));
    buf_append_byte(buf, '}');
    if (completion->known != JSON_NONE) {
        buf_append(buf, SLICE(",\"context\":{\"arguments\":"));
        json_write(buf, tape, completion->known, NULL, 0);
        buf_append_byte(buf, '}');
    }
    buf_append_byte(buf, '}');
}

json_ref mcp_completion_values(const struct json_tape *tape, json_ref result)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    json_ref completion = json_member(tape, result, SLICE("completion"));
    json_ref values =
        completion == JSON_NONE ? JSON_NONE : json_member(tape, completion, SLICE("values"));
    if (values == JSON_NONE || json_type(tape, values) != JSON_ARRAY ||
        json_count(tape, values) > MCP_COMPLETION_VALUES_MAX) {
        return JSON_NONE;
    }
    json_iter_init(&iter, tape, values);
    while (json_iter_next(&iter, &key, &value)) {
        if (json_type(tape, value) != JSON_STRING) {
            return JSON_NONE;
        }
    }
    return values;
}
