#include "wire/http_head.h"

#include "wire/http_second.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

struct head_reading {
    struct http_head *out;
    struct http_field *fields;
    size_t fields_max;
    struct diag *diag;
    struct slice host;
    size_t host_count;
    bool has_transfer_encoding;
};

static enum status refuse_with(struct head_reading *r, int answer, const char *code,
                               const char *what)
{
    r->out->answer = answer;
    return diag_fail(r->diag, STATUS_INVALID, code, "%s", what);
}

static enum status refuse(struct head_reading *r, const char *code, const char *what)
{
    return refuse_with(r, 400, code, what);
}

/* Letters and '-' that text begins with, as far as 16 bytes can be looked at together. Most names
 * are made of nothing else. */
static size_t skip_letters(struct slice text)
{
    size_t len = 0;
#if defined(__SSE2__)
    unsigned others = 0;
    for (; others == 0 && text.len - len >= 16; len += others == 0 ? 16 : 0) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text.ptr + len));
        __m128i from_a = _mm_sub_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
        __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(from_a, _mm_set1_epi8(25)), from_a);
        __m128i is_dash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-'));
        others = ~(unsigned)_mm_movemask_epi8(_mm_or_si128(is_letter, is_dash)) & 0xFFFF;
    }
    len += others == 0 ? 0 : (size_t)__builtin_ctz(others);
#endif
    return len;
}

/* RFC 9110 §5.6.2: bytes that a token has at the begin of text. */
static size_t token_len(struct slice text, bool *has_underscore)
{
    static const uint64_t TCHAR[2] = {0x03ff6cfa00000000, 0x57ffffffc7fffffe};
    size_t len = skip_letters(text);
    for (; len < text.len; len++) {
        uint8_t byte = text.ptr[len];
        if (byte >= 128 || (TCHAR[byte / 64] >> (byte % 64) & 1) == 0) {
            break;
        }
        *has_underscore = *has_underscore || byte == '_';
    }
    return len;
}

static bool is_token(struct slice text)
{
    bool has_underscore = false;
    return text.len > 0 && token_len(text, &has_underscore) == text.len;
}

/* Cut the next line off rest. A CR elsewhere is no byte of anything that a line may hold. */
static enum status take_line(struct head_reading *r, struct slice *rest, struct slice *line)
{
    size_t lf = slice_find_byte(*rest, '\n');
    if (lf == rest->len || lf == 0 || rest->ptr[lf - 1] != '\r') {
        return refuse(r, "http.bare_lf", "a line does not end with CRLF");
    }
    *line = slice_of(rest->ptr, lf - 1);
    *rest = slice_of(rest->ptr + lf + 1, rest->len - lf - 1);
    return STATUS_OK;
}

static enum status parse_version(struct head_reading *r, struct slice text)
{
    if (slice_eq(text, SLICE("HTTP/1.1")) || slice_eq(text, SLICE("HTTP/1.0"))) {
        r->out->version_minor = (uint8_t)(text.ptr[7] - '0');
        return STATUS_OK;
    }
    bool is_other_version =
        text.len == 8 && slice_starts_with(text, SLICE("HTTP/")) && text.ptr[6] == '.';
    return refuse_with(r, is_other_version ? 505 : 400, "http.version",
                       "the version must be HTTP/1.1 or HTTP/1.0");
}

/* Methods a gateway for MCP can meet; everything else has no meaning here. */
static enum status check_method(struct head_reading *r, struct slice method)
{
    static const struct slice KNOWN[] = {
        SLICE_INIT("POST"), SLICE_INIT("GET"), SLICE_INIT("DELETE"), SLICE_INIT("OPTIONS"),
        SLICE_INIT("HEAD"), SLICE_INIT("PUT"), SLICE_INIT("PATCH")};
    for (size_t i = 0; i < COUNT_OF(KNOWN); i++) {
        if (slice_eq(method, KNOWN[i])) {
            return STATUS_OK;
        }
    }
    bool is_refused = slice_eq(method, SLICE("CONNECT")) || slice_eq(method, SLICE("TRACE"));
    return refuse_with(r, is_refused ? 405 : (is_token(method) ? 501 : 400), "http.method",
                       "the method is not supported");
}

/* %00 to %1F, and %7F: whoever decodes one might cut a line or a string there. */
static bool has_encoded_control(struct slice target)
{
    for (size_t i = 0; i + 2 < target.len; i++) {
        uint8_t high = target.ptr[i + 1];
        uint8_t low = target.ptr[i + 2];
        if (target.ptr[i] == '%' &&
            (high == '0' || high == '1' || (high == '7' && (low | 0x20) == 'f'))) {
            return true;
        }
    }
    return false;
}

/* Targets are a path, or an absolute http(s) address; '*' only for OPTIONS. */
static enum status check_target(struct head_reading *r, struct slice target)
{
    bool is_path = slice_starts_with(target, SLICE("/"));
    bool is_absolute =
        slice_starts_with(target, SLICE("http://")) || slice_starts_with(target, SLICE("https://"));
    bool is_star = slice_eq(target, SLICE("*")) && slice_eq(r->out->method, SLICE("OPTIONS"));
    if (target.len == 0 || !slice_is_visible(target) || (!is_path && !is_absolute && !is_star) ||
        slice_find_byte(target, '#') < target.len || slice_find_byte(target, '\\') < target.len ||
        has_encoded_control(target)) {
        return refuse(r, "http.request_line", "the request target is malformed");
    }
    return STATUS_OK;
}

static enum status parse_request_line(struct head_reading *r, struct slice line)
{
    size_t first = slice_find_byte(line, ' ');
    struct slice rest = slice_sub(line, first + 1, line.len);
    size_t second = slice_find_byte(rest, ' ');
    if (first == line.len || second == rest.len) {
        return refuse(r, "http.request_line", "the request line must have three parts");
    }
    r->out->method = slice_sub(line, 0, first);
    r->out->target = slice_sub(rest, 0, second);
    TRY(check_method(r, r->out->method));
    TRY(check_target(r, r->out->target));
    return parse_version(r, slice_sub(rest, second + 1, rest.len));
}

static enum status parse_status_line(struct head_reading *r, struct slice line)
{
    int64_t code = 0;
    TRY(parse_version(r, slice_sub(line, 0, 8)));
    /* "HTTP/1.1 200" at least; a reason phrase must be set off by a space. */
    bool shape_ok = line.len >= 12 && line.ptr[8] == ' ' && (line.len == 12 || line.ptr[12] == ' ');
    if (!shape_ok || slice_to_i64(slice_sub(line, 9, 12), &code) != STATUS_OK || code < 100 ||
        code > 599 || slice_has_control(slice_sub(line, 13, line.len))) {
        return refuse(r, "http.response", "the status line is malformed");
    }
    r->out->status_code = (int)code;
    return STATUS_OK;
}

/* Does a name with a '_' differ from a meaningful one by that for '-' only? Many stacks treat them
 * as equal. What follows Mcp-Param- is a tool's own name, which may have a '_'. */
static bool is_disguised(struct slice name)
{
    static const struct slice MEANINGFUL[] = {
        SLICE_INIT("content-length"), SLICE_INIT("transfer-encoding"), SLICE_INIT("content-type"),
        SLICE_INIT("content-encoding")};
    static const struct slice MCP_PREFIX = SLICE_INIT("mcp");
    static const struct slice PARAMETER_PREFIX = SLICE_INIT("mcp-param-");
    if (slice_eq_ascii_nocase(slice_sub(name, 0, PARAMETER_PREFIX.len), PARAMETER_PREFIX)) {
        return false;
    }
    if (slice_eq_ascii_nocase(slice_sub(name, 0, MCP_PREFIX.len), MCP_PREFIX)) {
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(MEANINGFUL); i++) {
        bool is_same = name.len == MEANINGFUL[i].len;
        for (size_t k = 0; is_same && k < name.len; k++) {
            uint8_t byte = name.ptr[k] == '_' ? '-' : name.ptr[k];
            is_same = slice_eq_ascii_nocase(slice_of(&byte, 1), slice_sub(MEANINGFUL[i], k, k + 1));
        }
        if (is_same) {
            return true;
        }
    }
    return false;
}

/* Is there more than the one space that everybody writes after the colon? Parsers differ in what
 * they trim, and a framing field that one of them does not recognise frames nothing. */
static bool has_odd_space(struct slice value)
{
    struct slice usual =
        slice_starts_with(value, SLICE(" ")) ? slice_sub(value, 1, value.len) : value;
    return slice_trim_ows(value).len != usual.len;
}

static enum status refuse_odd_space(struct head_reading *r)
{
    return refuse(r, "http.field_value", "white space surrounds the value of a framing field");
}

/* RFC 9112 §6.3 without tolerance: digits only, once, no leading zero. */
static enum status take_content_length(struct head_reading *r, struct slice value)
{
    bool is_digits =
        value.len > 0 && value.ptr[0] != '-' && (value.len == 1 || value.ptr[0] != '0');
    if (r->out->content_length >= 0 || !is_digits ||
        slice_to_i64(value, &r->out->content_length) != STATUS_OK) {
        r->out->content_length = -1;
        return refuse(r, "http.content_length", "Content-Length must be one plain number");
    }
    return STATUS_OK;
}

static enum status take_transfer_encoding(struct head_reading *r, struct slice value)
{
    if (r->has_transfer_encoding || !slice_eq(value, SLICE("chunked"))) {
        return refuse(r, "http.transfer_encoding",
                      "Transfer-Encoding must be exactly 'chunked', once");
    }
    r->has_transfer_encoding = true;
    r->out->is_chunked = true;
    return STATUS_OK;
}

static void take_connection(struct head_reading *r, struct slice value)
{
    while (value.len > 0) {
        size_t comma = slice_find_byte(value, ',');
        struct slice option = slice_trim_ows(slice_sub(value, 0, comma));
        if (slice_eq_ascii_nocase(option, SLICE("close"))) {
            r->out->keep_alive = false;
        }
        value = slice_sub(value, comma + 1, value.len);
    }
}

static enum status take_expect(struct head_reading *r, struct slice value)
{
    if (!slice_eq_ascii_nocase(value, SLICE("100-continue"))) {
        return refuse_with(r, 417, "http.expect", "only 'Expect: 100-continue' is understood");
    }
    r->out->expect_continue = r->out->version_minor == 1;
    return STATUS_OK;
}

/* written  the value with the white space around it */
static enum status take_meaning(struct head_reading *r, const struct http_field *field,
                                struct slice written)
{
    if (slice_eq_ascii_nocase(field->name, SLICE("content-length"))) {
        return has_odd_space(written) ? refuse_odd_space(r) : take_content_length(r, field->value);
    }
    if (slice_eq_ascii_nocase(field->name, SLICE("transfer-encoding"))) {
        return has_odd_space(written) ? refuse_odd_space(r)
                                      : take_transfer_encoding(r, field->value);
    }
    if (slice_eq_ascii_nocase(field->name, SLICE("connection"))) {
        take_connection(r, field->value);
    } else if (slice_eq_ascii_nocase(field->name, SLICE("host"))) {
        r->host = field->value;
        r->host_count++;
    } else if (r->out->role == HTTP_REQUEST &&
               slice_eq_ascii_nocase(field->name, SLICE("expect"))) {
        return take_expect(r, field->value);
    }
    return STATUS_OK;
}

static enum status parse_field(struct head_reading *r, struct slice line)
{
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t') {
        return refuse(r, "http.obs_fold", "a field line begins with white space");
    }
    bool has_underscore = false;
    size_t colon = token_len(line, &has_underscore);
    if (colon == 0 || colon == line.len || line.ptr[colon] != ':') {
        return refuse(r, "http.field_name", "a field name is malformed");
    }
    struct slice written = slice_of(line.ptr + colon + 1, line.len - colon - 1);
    struct http_field field = {slice_of(line.ptr, colon), slice_trim_ows(written)};
    if (r->out->role == HTTP_REQUEST && has_underscore && is_disguised(field.name)) {
        return refuse(r, "http.field_name", "a field name uses '_' to resemble another");
    }
    if (slice_has_control(field.value)) {
        return refuse(r, "http.field_value", "a field value holds a control character");
    }
    if (r->out->field_count == r->fields_max) {
        r->out->answer = 431;
        return diag_fail(r->diag, STATUS_LIMIT, "http.too_large", "more than %zu fields",
                         r->fields_max);
    }
    r->fields[r->out->field_count++] = field;
    return take_meaning(r, &field, written);
}

/* host[:port] without userinfo, path or list (RFC 9110 §7.2). */
static bool is_host(struct slice host)
{
    size_t name_end = slice_find_byte(host, ':');
    if (host.len > 0 && host.ptr[0] == '[') {
        name_end = slice_find_byte(host, ']') + 1;
    }
    struct slice port = slice_sub(host, name_end + 1, host.len);
    int64_t number = 0;
    if (host.len == 0 || !slice_is_visible(host) || name_end == 0 || name_end > host.len ||
        (name_end < host.len && host.ptr[name_end] != ':')) {
        return false;
    }
    if (name_end < host.len && (port.len == 0 || slice_to_i64(port, &number) != STATUS_OK ||
                                port.ptr[0] == '-' || number > 65535 || port.len > 5)) {
        return false;
    }
    for (size_t i = 0; i < name_end; i++) {
        if (slice_find_byte(SLICE("/\\@?#,;%<>\"'`{}|^$&=+*()!"), host.ptr[i]) < 24) {
            return false;
        }
    }
    return true;
}

/* The authority of an absolute target, which must say the same as Host. */
static struct slice target_authority(struct slice target)
{
    size_t scheme_end = slice_starts_with(target, SLICE("https://")) ? 8 : 7;
    struct slice rest = slice_sub(target, scheme_end, target.len);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') {
        end++;
    }
    return slice_sub(rest, 0, end);
}

static enum status check_request(struct head_reading *r)
{
    struct http_head *head = r->out;
    if (r->host_count != 1) {
        return refuse(r, r->host_count == 0 ? "http.host_missing" : "http.host_invalid",
                      "there must be exactly one Host field");
    }
    if (!is_host(r->host)) {
        return refuse(r, "http.host_invalid", "the Host field is malformed");
    }
    if (slice_starts_with(head->target, SLICE("http")) &&
        !slice_eq_ascii_nocase(target_authority(head->target), r->host)) {
        return refuse(r, "http.host_invalid", "the target names another host than Host");
    }
    bool has_body = head->is_chunked || head->content_length > 0;
    bool may_have_body = slice_eq(head->method, SLICE("POST")) ||
                         slice_eq(head->method, SLICE("PUT")) ||
                         slice_eq(head->method, SLICE("PATCH"));
    if (has_body && !may_have_body) {
        return refuse_with(r, 405, "http.body", "this method carries no body here");
    }
    head->expect_continue = head->expect_continue && has_body;
    return STATUS_OK;
}

static enum status check_response(struct head_reading *r)
{
    struct http_head *head = r->out;
    bool is_framed = head->is_chunked || head->content_length >= 0;
    bool has_no_body =
        head->status_code < 200 || head->status_code == 204 || head->status_code == 304;
    if (head->status_code == 101) {
        return refuse(r, "http.response", "the server switches to a protocol nobody asked for");
    }
    if (has_no_body && (head->is_chunked || head->content_length > 0)) {
        return refuse(r, "http.response", "this status carries no body, yet frames one");
    }
    head->until_close = !has_no_body && !is_framed;
    head->keep_alive = head->keep_alive && !head->until_close;
    return STATUS_OK;
}

static enum status check_framing(struct head_reading *r)
{
    struct http_head *head = r->out;
    if (head->is_chunked && head->content_length >= 0) {
        return refuse(r, "http.transfer_encoding", "both Content-Length and Transfer-Encoding");
    }
    if (head->is_chunked && head->version_minor == 0) {
        return refuse(r, "http.transfer_encoding", "Transfer-Encoding in HTTP/1.0");
    }
    return head->role == HTTP_REQUEST ? check_request(r) : check_response(r);
}

enum status http_head_parse(enum http_role role, struct slice raw, struct http_field *fields,
                            size_t fields_max, struct http_head *out, struct diag *diag)
{
    *out = (struct http_head){
        .role = role, .fields = fields, .content_length = -1, .answer = 400, .keep_alive = true};
    struct head_reading r = {.out = out, .fields = fields, .fields_max = fields_max, .diag = diag};
    struct slice rest = raw;
    struct slice line = SLICE_EMPTY;
    TRY(take_line(&r, &rest, &line));
    TRY(role == HTTP_REQUEST ? parse_request_line(&r, line) : parse_status_line(&r, line));
    out->keep_alive = out->version_minor == 1;
    TRY(take_line(&r, &rest, &line));
    while (line.len > 0) {
        TRY(parse_field(&r, line));
        TRY(take_line(&r, &rest, &line));
    }
    TRY(check_framing(&r));
    /* llhttp shares no code with this guard, so a framing that is misread has to fool both. */
    if (!http_second_agrees(role == HTTP_REQUEST, raw, out->content_length, out->is_chunked)) {
        return refuse(&r, "http.second_opinion", "the two parsers do not agree about this head");
    }
    return STATUS_OK;
}

struct slice http_head_field(const struct http_head *head, struct slice name)
{
    for (size_t i = 0; i < head->field_count; i++) {
        if (slice_eq_ascii_nocase(head->fields[i].name, name)) {
            return head->fields[i].value;
        }
    }
    return SLICE_EMPTY;
}
