#include "core/mcp/message.h"

#include "core/mcp/mirror.h"

#define ID_MAGNITUDE_MAX ((int64_t)9007199254740991) /* 2^53 - 1: exact for every peer */

/* The members that the protocol has, likely ones first. */
enum { PARAM_NAME, PARAM_ARGUMENTS, PARAM_META, PARAM_CURSOR, PARAM_LEVEL };
static const struct slice PARAMS[] = {
    [PARAM_NAME] = SLICE_INIT("name"),
    [PARAM_ARGUMENTS] = SLICE_INIT("arguments"),
    [PARAM_META] = SLICE_INIT("_meta"),
    [PARAM_CURSOR] = SLICE_INIT("cursor"),
    [PARAM_LEVEL] = SLICE_INIT("level"),
    SLICE_INIT("uri"),
    SLICE_INIT("task"),
    SLICE_INIT("taskId"),
    SLICE_INIT("inputResponses"),
    SLICE_INIT("requestState"),
    SLICE_INIT("ref"),
    SLICE_INIT("argument"),
    SLICE_INIT("context"),
    SLICE_INIT("protocolVersion"),
    SLICE_INIT("capabilities"),
    SLICE_INIT("clientInfo"),
    SLICE_INIT("requestId"),
    SLICE_INIT("reason"),
    SLICE_INIT("progress"),
    SLICE_INIT("progressToken"),
    SLICE_INIT("total"),
    SLICE_INIT("message"),
    SLICE_INIT("notifications"),
};

enum { META_VERSION, META_CAPABILITIES, META_CLIENT, META_PROGRESS_TOKEN, META_LOG_LEVEL };
static const struct slice META[] = {
    [META_VERSION] = SLICE_INIT("io.modelcontextprotocol/protocolVersion"),
    [META_CAPABILITIES] = SLICE_INIT("io.modelcontextprotocol/clientCapabilities"),
    [META_CLIENT] = SLICE_INIT("io.modelcontextprotocol/clientInfo"),
    [META_PROGRESS_TOKEN] = SLICE_INIT("progressToken"),
    [META_LOG_LEVEL] = SLICE_INIT("io.modelcontextprotocol/logLevel"),
    SLICE_INIT("traceparent"),
    SLICE_INIT("tracestate"),
    SLICE_INIT("baggage"),
};

struct reading {
    const struct mcp_message_input *input;
    struct arena *arena;
    struct mcp_message *out;
    struct mcp_refusal *refusal;
    struct diag *diag;
    struct slice method_name;
    struct slice version; /* the envelope's text, empty when it has none */
    json_ref params[COUNT_OF(PARAMS)];
    json_ref meta[COUNT_OF(META)];
    bool has_other_params, has_other_meta; /* of which the protocol has none */
    bool has_modern_envelope;
    bool is_response;
};

static enum status refuse(struct reading *r, int http_status, int rpc_code, const char *text,
                          const char *code)
{
    r->refusal->http_status = http_status;
    r->refusal->rpc_code = rpc_code;
    r->refusal->text = text;
    return diag_fail(r->diag, STATUS_INVALID, code, "%s", text);
}

static enum status refuse_request(struct reading *r, const char *code, const char *text)
{
    return refuse(r, 400, MCP_ERROR_INVALID_REQUEST, text, code);
}

static enum status refuse_params(struct reading *r, const char *text)
{
    return refuse(r, 400, MCP_ERROR_INVALID_PARAMS, text, "mcp.params");
}

struct slice mcp_field(const struct http_field *fields, size_t field_count, struct slice name,
                       size_t *count)
{
    struct slice value = SLICE_EMPTY;
    *count = 0;
    for (size_t i = 0; i < field_count; i++) {
        if (slice_eq_ascii_nocase(fields[i].name, name)) {
            value = *count == 0 ? fields[i].value : value;
            (*count)++;
        }
    }
    return value;
}

static enum status read_json(struct reading *r)
{
    struct diag why = {0};
    enum status status =
        json_parse(r->input->parser, r->input->body, r->arena, &r->out->tape, &why);
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    bool is_duplicate = slice_eq(slice_view_cstr(why.code), SLICE("json.duplicate"));
    r->refusal->http_status = 400;
    r->refusal->rpc_code = is_duplicate ? MCP_ERROR_INVALID_REQUEST : MCP_ERROR_PARSE;
    r->refusal->text = is_duplicate ? "a member name appears twice" : "the body is not strict JSON";
    return diag_fail(r->diag, status, why.code, "%s", why.message);
}

/* Ids are strings or plain integers; "1e0" and "-0" are numbers that peers write differently. */
static enum status read_id(struct reading *r, json_ref ref)
{
    const struct json_tape *tape = &r->out->tape;
    struct slice lexeme = json_raw(tape, ref);
    int64_t number = 0;
    bool is_string = json_type(tape, ref) == JSON_STRING && lexeme.len <= MCP_ID_BYTES_MAX + 2;
    bool is_integer = json_type(tape, ref) == JSON_NUMBER && !slice_eq(lexeme, SLICE("-0")) &&
                      json_integer(tape, ref, &number) == STATUS_OK &&
                      number >= -ID_MAGNITUDE_MAX && number <= ID_MAGNITUDE_MAX;
    if (!is_string && !is_integer) {
        return refuse_request(r, "rpc.id", "the id must be a short string or a plain integer");
    }
    r->out->id = lexeme;
    return STATUS_OK;
}

/* The members of the envelope, JSON_NONE where there is none. */
struct envelope {
    json_ref id, version, method, params, result, error;
    bool has_other;
};

static struct envelope read_envelope(const struct json_tape *tape)
{
    static const struct slice NAMES[] = {SLICE_INIT("id"),     SLICE_INIT("jsonrpc"),
                                         SLICE_INIT("method"), SLICE_INIT("params"),
                                         SLICE_INIT("result"), SLICE_INIT("error")};
    json_ref found[COUNT_OF(NAMES)];
    uint32_t count = json_members(tape, 0, NAMES, COUNT_OF(NAMES), found);
    return (struct envelope){.id = found[0],
                             .version = found[1],
                             .method = found[2],
                             .params = found[3],
                             .result = found[4],
                             .error = found[5],
                             .has_other = count < json_count(tape, 0)};
}

static enum status read_method_name(struct reading *r, json_ref method)
{
    const struct json_tape *tape = &r->out->tape;
    if (method == JSON_NONE || json_type(tape, method) != JSON_STRING) {
        return refuse_request(r, "rpc.method", "'method' must be a string");
    }
    if (json_string(tape, method, r->arena, &r->method_name) != STATUS_OK ||
        r->method_name.len > MCP_METHOD_BYTES_MAX ||
        slice_find_byte(r->method_name, '\0') < r->method_name.len) {
        return refuse_request(r, "rpc.method", "'method' is not a method name");
    }
    return STATUS_OK;
}

/* An answer to a question: no id of its own, so that nothing that is said about it looks like the
 * answer to a request of that id. */
static enum status read_response(struct reading *r, const struct envelope *found)
{
    const struct json_tape *tape = &r->out->tape;
    json_ref member = found->result != JSON_NONE ? found->result : found->error;
    r->out->answered_id = r->out->id;
    r->out->id = SLICE_EMPTY;
    r->out->result = found->result;
    r->out->error = found->error;
    r->is_response = true;
    if (r->out->answered_id.len == 0 || found->params != JSON_NONE ||
        (found->result == JSON_NONE) == (found->error == JSON_NONE) ||
        json_type(tape, member) != JSON_OBJECT) {
        return refuse_request(r, "rpc.response",
                              "an answer holds an id and one object, 'result' or 'error'");
    }
    return STATUS_OK;
}

static enum status read_shape(struct reading *r)
{
    const struct json_tape *tape = &r->out->tape;
    if (json_type(tape, 0) == JSON_ARRAY) {
        return refuse_request(r, "rpc.batch", "batches are not accepted: send one message");
    }
    if (json_type(tape, 0) != JSON_OBJECT) {
        return refuse_request(r, "rpc.shape", "the message must be an object");
    }
    struct envelope found = read_envelope(tape);
    if (found.id != JSON_NONE) {
        TRY(read_id(r, found.id));
    }
    if (found.version == JSON_NONE || !json_string_eq(tape, found.version, SLICE("2.0"))) {
        return refuse_request(r, "rpc.version", "'jsonrpc' must be \"2.0\"");
    }
    /* Everything else, look-alikes included, could be meaningful to another reader. */
    if (found.has_other) {
        return refuse_request(r, "rpc.member",
                              "the message has a member that is no part of a request");
    }
    if (found.method == JSON_NONE && (found.result != JSON_NONE || found.error != JSON_NONE)) {
        return read_response(r, &found);
    }
    if (found.result != JSON_NONE || found.error != JSON_NONE) {
        return refuse_request(r, "rpc.member", "a request holds no 'result' and no 'error'");
    }
    TRY(read_method_name(r, found.method));
    r->out->params = found.params;
    if (r->out->params != JSON_NONE && json_type(tape, r->out->params) != JSON_OBJECT) {
        return refuse_request(r, "rpc.params", "'params' must be an object");
    }
    return STATUS_OK;
}

/* Names are case-sensitive, yet real servers folded them (CVE-2026-27896): a name that only folds
 * to a known one would be judged by us as unknown and read by such a server as known. What folding
 * means differs from reader to reader beyond ASCII (width, ligatures, invisible characters), and no
 * name of the protocol goes beyond it (MCP, _meta): such names are refused as a class. */
static enum status check_look_alikes(struct reading *r, json_ref object, const struct slice *known,
                                     size_t known_count)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    json_iter_init(&iter, &r->out->tape, object);
    while (json_iter_next(&iter, &key, &value)) {
        struct slice name;
        if (json_string(&r->out->tape, key, r->arena, &name) != STATUS_OK) {
            return refuse_request(r, "rpc.member", "a member name cannot be read");
        }
        if (name.len == 0 || !slice_is_visible(name)) {
            return refuse_request(r, "rpc.look_alike",
                                  "a member name holds what no name of the protocol has");
        }
        bool is_known = false;
        for (size_t i = 0; !is_known && i < known_count; i++) {
            is_known = slice_eq(name, known[i]);
            if (!is_known && slice_eq_ascii_nocase(name, known[i])) {
                return refuse_request(r, "rpc.look_alike",
                                      "a member name differs from a known one only in case");
            }
        }
        if (!is_known && r->out->unknown_member.len == 0) {
            r->out->unknown_member = name;
        }
    }
    return STATUS_OK;
}

static enum status check_all_look_alikes(struct reading *r)
{
    if (r->has_other_params) {
        TRY(check_look_alikes(r, r->out->params, PARAMS, COUNT_OF(PARAMS)));
    }
    if (r->has_other_meta) {
        TRY(check_look_alikes(r, r->out->meta, META, COUNT_OF(META)));
    }
    return STATUS_OK;
}

/* Values of the members that the protocol has. Returns whether there are others. */
static bool find_known(const struct json_tape *tape, json_ref object, const struct slice *known,
                       size_t known_count, json_ref *values)
{
    uint32_t count = json_members(tape, object, known, known_count, values);
    return object != JSON_NONE && count < json_count(tape, object);
}

/* _meta of params, with the pieces the gateway reads. */
static enum status read_meta(struct reading *r)
{
    const struct json_tape *tape = &r->out->tape;
    r->has_other_params = find_known(tape, r->out->params, PARAMS, COUNT_OF(PARAMS), r->params);
    r->out->meta = r->params[PARAM_META];
    r->has_other_meta = find_known(tape, r->out->meta, META, COUNT_OF(META), r->meta);
    if (r->out->meta != JSON_NONE && json_type(tape, r->out->meta) != JSON_OBJECT) {
        return refuse_params(r, "'_meta' must be an object");
    }
    json_ref version = r->meta[META_VERSION];
    r->has_modern_envelope = version != JSON_NONE;
    if (version != JSON_NONE && (json_type(tape, version) != JSON_STRING ||
                                 json_string(tape, version, r->arena, &r->version) != STATUS_OK)) {
        return refuse_params(r, "the protocol version in '_meta' must be a string");
    }
    r->out->progress_token = r->meta[META_PROGRESS_TOKEN];
    if (r->out->progress_token != JSON_NONE) {
        enum json_type type = json_type(tape, r->out->progress_token);
        if (type != JSON_STRING && type != JSON_NUMBER) {
            return refuse_params(r, "'progressToken' must be a string or an integer");
        }
    }
    return STATUS_OK;
}

static enum status check_modern_envelope(struct reading *r)
{
    const struct json_tape *tape = &r->out->tape;
    json_ref capabilities = r->meta[META_CAPABILITIES];
    if (capabilities == JSON_NONE || json_type(tape, capabilities) != JSON_OBJECT) {
        return refuse_params(r, "'_meta' must hold the client's capabilities");
    }
    r->out->capabilities = capabilities;
    enum status status = r->input->is_stdio ? STATUS_OK
                                            : mcp_mirror_check(r->input, r->out, r->method_name,
                                                               r->version, r->arena, r->diag);
    if (status != STATUS_OK) {
        r->refusal->http_status = 400;
        r->refusal->rpc_code = MCP_ERROR_HEADER_MISMATCH;
        r->refusal->text = "the header fields do not agree with the body";
        return status;
    }
    r->out->revision = mcp_revision_parse(r->version);
    if (!mcp_revision_is_modern(r->out->revision)) {
        r->refusal->requested = r->version;
        return refuse(r, 400, MCP_ERROR_VERSION, "unsupported protocol version", "mcp.version");
    }
    return STATUS_OK;
}

/* Clients of modern revisions post no answers at all. */
static int code_without_envelope(const struct reading *r)
{
    if (r->is_response) {
        return MCP_ERROR_INVALID_REQUEST;
    }
    return slice_eq(r->method_name, SLICE("initialize")) ? MCP_ERROR_HEADER_MISMATCH
                                                         : MCP_ERROR_INVALID_PARAMS;
}

/* A legacy request names its revision, if at all, in a field only. */
static enum status check_legacy_fields(struct reading *r)
{
    size_t count = 0;
    struct slice version =
        mcp_field(r->input->fields, r->input->field_count, SLICE("mcp-protocol-version"), &count);
    bool is_handshake = slice_eq(r->method_name, SLICE("initialize"));
    if (count > 1) {
        return refuse(r, 400, MCP_ERROR_HEADER_MISMATCH, "MCP-Protocol-Version appears twice",
                      "mcp.header");
    }
    if (count == 1) {
        r->out->revision = mcp_revision_parse(version);
        if (mcp_revision_is_modern(r->out->revision)) {
            return refuse(r, 400, code_without_envelope(r),
                          "the field names a revision that needs its envelope in '_meta'",
                          "mcp.envelope");
        }
        if (r->out->revision == MCP_REVISION_NONE && !is_handshake) {
            return refuse_request(r, "mcp.version", "unsupported MCP-Protocol-Version");
        }
    }
    r->out->session_id =
        mcp_field(r->input->fields, r->input->field_count, SLICE("mcp-session-id"), &count);
    if (count > 1) {
        return refuse_request(r, "mcp.session", "Mcp-Session-Id appears twice");
    }
    return STATUS_OK;
}

static enum status read_method(struct reading *r)
{
    const struct mcp_method *method = mcp_method_find(r->method_name);
    bool is_modern = mcp_revision_is_modern(r->out->revision);
    bool is_notification = r->out->id.len == 0;
    if (method == NULL || !(is_modern ? method->in_modern : method->in_legacy)) {
        /* MCP, transports: what has no answer is taken, whatever becomes of it. */
        int http_status = is_notification ? 202 : (is_modern ? 404 : 200);
        (void)refuse(r, http_status, MCP_ERROR_METHOD_NOT_FOUND, "method not found", "mcp.method");
        /* The client knows what it asked for; the audit is told. */
        return diag_fail(r->diag, STATUS_INVALID, "mcp.method", "method '%.*s' is not served",
                         SLICE_ARG(r->method_name));
    }
    if (method->is_notification != is_notification) {
        return refuse_request(
            r, "rpc.id", is_notification ? "a request needs an id" : "a notification has no id");
    }
    r->out->method = method;
    return STATUS_OK;
}

/* What a completion refers to says which of the two entries of the table it is. */
static enum status read_completion(struct reading *r)
{
    struct mcp_completion *completion = &r->out->completion;
    const char *problem = mcp_completion_read(&r->out->tape, r->out->params, completion);
    if (problem != NULL) {
        return refuse_params(r, problem);
    }
    r->out->method = mcp_method_completion(completion->primitive);
    r->out->target_ref = completion->target;
    return STATUS_OK;
}

/* For one request in its envelope, for a session in a request of its own. */
static enum status read_log_level(struct reading *r)
{
    bool is_wish = r->out->method->kind == MCP_KIND_LOG_LEVEL;
    json_ref level = is_wish ? r->params[PARAM_LEVEL] : r->meta[META_LOG_LEVEL];
    if (!is_wish && (level == JSON_NONE || !mcp_revision_is_modern(r->out->revision))) {
        return STATUS_OK;
    }
    r->out->log_level = mcp_log_level_read(&r->out->tape, level);
    return r->out->log_level == MCP_LOG_NONE ? refuse_params(r, "the log level is not known")
                                             : STATUS_OK;
}

/* Which page of a directory? The server's own words. */
static enum status read_cursor(struct reading *r)
{
    const struct mcp_method *method = r->out->method;
    if (method->list_member.len == 0 || method->target_member.len == 0) {
        return STATUS_OK;
    }
    json_ref cursor = r->params[PARAM_CURSOR];
    return cursor == JSON_NONE || json_type(&r->out->tape, cursor) == JSON_STRING
               ? STATUS_OK
               : refuse_params(r, "'cursor' must be a string");
}

static enum status read_params(struct reading *r)
{
    const struct json_tape *tape = &r->out->tape;
    struct slice member = r->out->method->target_member;
    TRY(read_log_level(r));
    if (member.len == 0) {
        return STATUS_OK;
    }
    if (r->out->params == JSON_NONE) {
        return refuse_params(r, "'params' is missing");
    }
    if (r->out->method->is_completion) {
        TRY(read_completion(r));
    } else {
        r->out->target_ref = json_member(tape, r->out->params, member);
    }
    if (r->out->target_ref == JSON_NONE || json_type(tape, r->out->target_ref) != JSON_STRING ||
        json_string(tape, r->out->target_ref, r->arena, &r->out->target) != STATUS_OK ||
        r->out->target.len == 0 || slice_find_byte(r->out->target, '\0') < r->out->target.len) {
        return refuse_params(r, "the target of the method must be a non-empty string");
    }
    r->out->arguments = r->params[PARAM_ARGUMENTS];
    if (r->out->arguments != JSON_NONE && json_type(tape, r->out->arguments) != JSON_OBJECT) {
        return refuse_params(r, "'arguments' must be an object");
    }
    return read_cursor(r);
}

static void begin_reading(struct mcp_message *out, struct mcp_refusal *refusal)
{
    *out = (struct mcp_message){.params = JSON_NONE,
                                .meta = JSON_NONE,
                                .arguments = JSON_NONE,
                                .result = JSON_NONE,
                                .error = JSON_NONE,
                                .target_ref = JSON_NONE,
                                .progress_token = JSON_NONE,
                                .capabilities = JSON_NONE};
    *refusal = (struct mcp_refusal){.http_status = 400,
                                    .rpc_code = MCP_ERROR_INTERNAL,
                                    .text = "the message could not be read"};
}

enum status mcp_message_read_head(const struct mcp_message_input *input, struct slice http_method,
                                  struct mcp_message *out, struct mcp_refusal *refusal,
                                  struct diag *diag)
{
    struct reading reading = {.input = input, .out = out, .refusal = refusal, .diag = diag};
    begin_reading(out, refusal);
    TRY(check_legacy_fields(&reading));
    out->method = mcp_method_of_http(http_method);
    return STATUS_OK;
}

enum status mcp_message_read(const struct mcp_message_input *input, struct arena *arena,
                             struct mcp_message *out, struct mcp_refusal *refusal,
                             struct diag *diag)
{
    struct reading reading = {
        .input = input, .arena = arena, .out = out, .refusal = refusal, .diag = diag};
    begin_reading(out, refusal);
    TRY(read_json(&reading));
    TRY(read_shape(&reading));
    if (reading.is_response) {
        out->method = mcp_method_of_response();
        return check_legacy_fields(&reading);
    }
    TRY(read_meta(&reading));
    TRY(check_all_look_alikes(&reading));
    if (reading.has_modern_envelope) {
        TRY(check_modern_envelope(&reading));
    } else {
        TRY(check_legacy_fields(&reading));
    }
    TRY(read_method(&reading));
    return read_params(&reading);
}
