#include "json/tape.h"

#include "base/plain.h"
#include "json/scan.h"

#include <assert.h>
#include <string.h>

#define SMALL_OBJECT_MEMBERS 8 /* up to here comparing every pair is cheaper than hashing */
#define NODES_FIRST 32
#define NODES_FIRST_MAX 4096
#define GROWTH 4
#define GROWTH_MAX 8
#define BYTES_PER_NODE 8 /* a guess that seldom needs a second array */
#define SHORT_NAME_BYTES 16

/* struct json_node, kind */
#define KIND_TYPE 7U
#define KIND_HAS_ESCAPES 8U
#define KIND_COUNT_SHIFT 4

/* A container that we are in. */
struct level {
    uint64_t marks; /* of its names so far, see mark_of_name */
    uint32_t node;
    uint32_t count; /* of elements */
    uint8_t closing_bracket;
    bool may_repeat; /* two of its names share a mark */
};

/* A rule takes the cursor at the first byte of what it reads and returns it behind the last one, or
 * NULL when it refused; then status says how. The cursor is handed on as a value, so that it stays
 * in a register. */
struct reader {
    const struct json_parser *parser;
    const uint8_t *begin, *end; /* the text */
    struct arena *arena;
    struct json_node *nodes;
    uint32_t count, capacity;
    struct level *outside, *level; /* level is the innermost; outside stands before the first */
    bool has_space;
    enum status status;
    struct diag *diag;
};

void json_parser_init(struct json_parser *parser, const struct json_limits *limits,
                      const uint8_t *seed)
{
    assert(limits->depth_max >= 1 && limits->depth_max <= JSON_DEPTH_LIMIT);
    assert(limits->nodes_max <= JSON_NODES_LIMIT);
    parser->limits = *limits;
    memcpy(parser->seed, seed, sizeof(parser->seed));
}

static const uint8_t *fail(struct reader *r, const uint8_t *at, enum status status,
                           const char *code, const char *what)
{
    size_t offset = (size_t)(at - r->begin);
    if (r->diag != NULL) {
        r->diag->offset = offset;
    }
    r->status = diag_fail(r->diag, status, code, "%s at byte %zu", what, offset);
    return NULL;
}

static const uint8_t *fail_syntax(struct reader *r, const uint8_t *at, const char *what)
{
    return fail(r, at, STATUS_INVALID, "json.syntax", what);
}

static const uint8_t *fail_memory(struct reader *r, const uint8_t *at)
{
    return fail(r, at, STATUS_LIMIT, "json.memory", "the message needs too much memory");
}

SELDOM static const uint8_t *skip_found_space(struct reader *r, const uint8_t *at)
{
    for (; at < r->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'); at++) {
        r->has_space = true;
    }
    return at;
}

/* The byte at the cursor; NUL at the end, which no rule accepts. */
static inline uint8_t peek(const struct reader *r, const uint8_t *at)
{
    return at < r->end ? *at : 0;
}

/* The same behind white space, which the cursor is moved over. */
static inline uint8_t peek_past_space(struct reader *r, const uint8_t **at)
{
    uint8_t byte = peek(r, *at);
    if (byte > ' ') {
        return byte;
    }
    *at = skip_found_space(r, *at);
    return peek(r, *at);
}

static enum json_type type_of(const struct json_node *node)
{
    return (enum json_type)(node->kind & KIND_TYPE);
}

static bool has_escapes(const struct json_node *node)
{
    return (node->kind & KIND_HAS_ESCAPES) != 0;
}

static uint32_t count_of(const struct json_node *node)
{
    return node->kind >> KIND_COUNT_SHIFT;
}

static uint32_t first_capacity(size_t text_bytes)
{
    size_t guess = text_bytes / BYTES_PER_NODE;
    return guess < NODES_FIRST       ? NODES_FIRST
           : guess > NODES_FIRST_MAX ? NODES_FIRST_MAX
                                     : (uint32_t)guess;
}

/* Arrays that were too small stay in the arena, so there are few of them. The next one has all the
 * nodes that the rest of the text can hold, with two bytes each, unless these are far more than the
 * text has shown to need so far. */
static uint32_t next_capacity(const struct reader *r, const uint8_t *at)
{
    size_t most = r->count + (size_t)(r->end - at) / 2 + 2;
    size_t capacity = r->capacity == 0 ? first_capacity((size_t)(r->end - r->begin))
                      : most <= (size_t)r->capacity * GROWTH_MAX ? most
                                                                 : (size_t)r->capacity * GROWTH;
    size_t limit = r->parser->limits.nodes_max;
    return (uint32_t)(capacity < limit ? capacity : limit);
}

static const uint8_t *grow_nodes(struct reader *r, const uint8_t *at)
{
    uint32_t capacity = next_capacity(r, at);
    if (capacity == r->count) {
        return fail(r, at, STATUS_LIMIT, "json.limit", "too many values");
    }
    struct json_node *nodes = arena_alloc(r->arena, capacity * sizeof(*nodes));
    if (nodes == NULL) {
        return fail_memory(r, at);
    }
    if (r->count > 0) {
        memcpy(nodes, r->nodes, r->count * sizeof(*nodes));
    }
    r->nodes = nodes;
    r->capacity = capacity;
    return at;
}

/* A node of the bytes from start to at. kind: its type, and whether it is a string with escapes. */
static inline const uint8_t *add_node(struct reader *r, uint32_t kind, const uint8_t *start,
                                      const uint8_t *at)
{
    if (r->count == r->capacity && grow_nodes(r, at) == NULL) {
        return NULL;
    }
    r->nodes[r->count] = (struct json_node){.offset = (uint32_t)(start - r->begin),
                                            .len = (uint32_t)(at - start),
                                            .next = r->count + 1,
                                            .kind = kind};
    r->count++;
    return at;
}

static const uint8_t *fail_string(struct reader *r, const uint8_t *at, enum scan_result result)
{
    switch (result) {
    case SCAN_UNTERMINATED:
        return fail_syntax(r, at, "a string does not end");
    case SCAN_CONTROL:
        return fail_syntax(r, at, "a control character inside a string");
    case SCAN_ESCAPE:
        return fail_syntax(r, at, "an unknown escape");
    case SCAN_SURROGATE:
        return fail(r, at, STATUS_INVALID, "json.surrogate", "a lone surrogate escape");
    case SCAN_UTF8:
        return fail(r, at, STATUS_INVALID, "json.utf8", "ill-formed UTF-8");
    case SCAN_OK:
        break;
    }
    return at;
}

/* The rest of a string, from its first byte that is no plain character. Out of line, because most
 * strings end there. */
SELDOM static const uint8_t *read_odd_string(struct reader *r, const uint8_t *start,
                                             const uint8_t *at)
{
    struct scanned scanned = scan_string(at, r->end);
    if (scanned.result != SCAN_OK) {
        return fail_string(r, scanned.end, scanned.result);
    }
    return add_node(r, JSON_STRING | (scanned.has_escapes ? KIND_HAS_ESCAPES : 0), start,
                    scanned.end);
}

static inline const uint8_t *read_string(struct reader *r, const uint8_t *start)
{
    const uint8_t *at = plain_end(start + 1, r->end);
    return peek(r, at) == '"' ? add_node(r, JSON_STRING, start, at + 1)
                              : read_odd_string(r, start, at);
}

static const uint8_t *skip_digits(const struct reader *r, const uint8_t *at)
{
    while (at < r->end && (uint8_t)(*at - '0') <= 9) {
        at++;
    }
    return at;
}

static const uint8_t *read_number(struct reader *r, const uint8_t *start)
{
    const uint8_t *first = start + (peek(r, start) == '-' ? 1 : 0);
    const uint8_t *at = skip_digits(r, first);
    if (at == first || (*first == '0' && at - first > 1)) {
        return fail_syntax(r, at, "a malformed number");
    }
    if (peek(r, at) == '.') {
        const uint8_t *fraction = at + 1;
        at = skip_digits(r, fraction);
        if (at == fraction) {
            return fail_syntax(r, at, "a number without digits after its point");
        }
    }
    if (peek(r, at) == 'e' || peek(r, at) == 'E') {
        at++;
        const uint8_t *exponent = at + (peek(r, at) == '+' || peek(r, at) == '-' ? 1 : 0);
        at = skip_digits(r, exponent);
        if (at == exponent) {
            return fail_syntax(r, at, "a number without digits in its exponent");
        }
    }
    if ((size_t)(at - start) > r->parser->limits.number_bytes_max) {
        return fail(r, at, STATUS_LIMIT, "json.limit", "a number is too long");
    }
    return add_node(r, JSON_NUMBER, start, at);
}

static inline const uint8_t *read_literal(struct reader *r, const uint8_t *at, struct slice word,
                                          enum json_type type)
{
    if ((size_t)(r->end - at) < word.len || memcmp(at, word.ptr, word.len) != 0) {
        return fail_syntax(r, at, "an unknown word");
    }
    return add_node(r, type, at, at + word.len);
}

/* text: the first byte of the text. */
static struct slice content_of(const uint8_t *text, const struct json_node *node)
{
    return slice_of(text + node->offset + 1, node->len - 2);
}

/* Before the closing quote; of an empty string its opening quote. */
static uint8_t last_byte(const uint8_t *text, const struct json_node *node)
{
    return text[node->offset + node->len - 2];
}

/* Out of line, like all that is about escapes: they are rare, and whoever looks at a name needs few
 * registers without them. */
SELDOM static bool same_unescaped(struct slice left, struct slice right)
{
    struct scan_text left_scan;
    struct scan_text right_scan;
    scan_text_init(&left_scan, left);
    scan_text_init(&right_scan, right);
    int byte = 0;
    do {
        byte = scan_text_next(&left_scan);
        if (byte != scan_text_next(&right_scan)) {
            return false;
        }
    } while (byte >= 0);
    return true;
}

static bool same_string(const uint8_t *a_text, const struct json_node *a, const uint8_t *b_text,
                        const struct json_node *b)
{
    struct slice left = content_of(a_text, a);
    struct slice right = content_of(b_text, b);
    if (has_escapes(a) || has_escapes(b)) {
        return same_unescaped(left, right);
    }
    /* Most names that differ do so in length or at their end. */
    return left.len == right.len && last_byte(a_text, a) == last_byte(b_text, b) &&
           slice_eq(left, right);
}

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

/* SipHash-1-3 of a text of at least eight bytes. Words are taken in the machine's order, since no
 * hash leaves the process; the last one may overlap. */
SELDOM static uint64_t hash_long(const uint64_t seed[2], struct slice text)
{
    uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575U, seed[1] ^ 0x646f72616e646f6dU,
                     seed[0] ^ 0x6c7967656e657261U, seed[1] ^ 0x7465646279746573U};
    for (size_t at = 0; text.len - at > 8; at += 8) {
        sip_word(v, bytes_word(text.ptr + at));
    }
    sip_word(v, bytes_word(text.ptr + text.len - 8));
    sip_word(v, text.len);
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Of a name that is not longer than two words their product, each with a key: NH, the universal
 * hash of UMAC (RFC 4418 §5.2). */
static uint64_t hash_short(const uint64_t seed[2], struct slice text)
{
    uint64_t first = 0;
    uint64_t last = 0;
    if (text.len >= 8) {
        first = bytes_word(text.ptr);
        last = bytes_word(text.ptr + text.len - 8);
    } else if (text.len >= 4) {
        first = bytes_half(text.ptr);
        last = bytes_half(text.ptr + text.len - 4);
    } else if (text.len > 0) {
        first = text.ptr[0];
        last = (uint64_t)text.ptr[text.len / 2] << 8 | text.ptr[text.len - 1];
    }
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(first + seed[0]) * (last + text.len + seed[1]);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Keyed, so names cannot be made to collide. */
static uint64_t hash_text(const uint64_t seed[2], struct slice text)
{
    return text.len <= SHORT_NAME_BYTES ? hash_short(seed, text) : hash_long(seed, text);
}

static const uint8_t *fail_duplicate(struct reader *r, uint32_t key)
{
    return fail(r, r->begin + r->nodes[key].offset, STATUS_INVALID, "json.duplicate",
                "a member name appears twice");
}

static bool is_before(const struct reader *r, uint32_t object, uint32_t key)
{
    for (uint32_t other = object + 1; other < key; other = r->nodes[other + 1].next) {
        if (same_string(r->begin, &r->nodes[other], r->begin, &r->nodes[key])) {
            return true;
        }
    }
    return false;
}

static const uint8_t *check_small_object(struct reader *r, uint32_t object, const uint8_t *at)
{
    for (uint32_t key = object + 1; key < r->count; key = r->nodes[key + 1].next) {
        if (is_before(r, object, key)) {
            return fail_duplicate(r, key);
        }
    }
    return at;
}

SELDOM static enum status unescape(struct slice content, struct arena *arena, struct slice *out)
{
    /* Unescaping never grows a text: the shortest escape of n bytes stands for fewer. */
    uint8_t *bytes = arena_alloc(arena, content.len);
    if (bytes == NULL) {
        return STATUS_LIMIT;
    }
    struct scan_text scan;
    size_t len = 0;
    scan_text_init(&scan, content);
    for (int byte = scan_text_next(&scan); byte >= 0; byte = scan_text_next(&scan)) {
        bytes[len++] = (uint8_t)byte;
    }
    *out = slice_of(bytes, len);
    return STATUS_OK;
}

/* Of the text a name stands for. Two names of one text must not differ by their escapes, so these
 * are taken away first. */
static const uint8_t *hash_name(struct reader *r, const struct json_node *name, uint64_t *hash)
{
    struct slice text = content_of(r->begin, name);
    if (has_escapes(name) && unescape(text, r->arena, &text) != STATUS_OK) {
        return fail_memory(r, r->begin + name->offset);
    }
    *hash = hash_text(r->parser->seed, text);
    return text.ptr;
}

struct name_slot {
    uint32_t high; /* the half of the hash that does not say which slot */
    uint32_t key;  /* 0: free, because no key is node 0 */
};

static const uint8_t *check_large_object(struct reader *r, uint32_t object, const uint8_t *at)
{
    size_t slots = 16;
    while (slots < (size_t)count_of(&r->nodes[object]) * 2) {
        slots *= 2;
    }
    struct name_slot *table = arena_alloc_zero(r->arena, slots, sizeof(*table));
    if (table == NULL) {
        return fail_memory(r, at);
    }
    for (uint32_t key = object + 1; key < r->count; key = r->nodes[key + 1].next) {
        uint64_t hash = 0;
        if (hash_name(r, &r->nodes[key], &hash) == NULL) {
            return NULL;
        }
        uint32_t high = (uint32_t)(hash >> 32);
        size_t slot = (uint32_t)hash & (slots - 1);
        for (; table[slot].key != 0; slot = (slot + 1) & (slots - 1)) {
            if (table[slot].high == high &&
                same_string(r->begin, &r->nodes[table[slot].key], r->begin, &r->nodes[key])) {
                return fail_duplicate(r, key);
            }
        }
        table[slot] = (struct name_slot){high, key};
    }
    return at;
}

SELDOM static const uint8_t *check_names(struct reader *r, uint32_t object, const uint8_t *at)
{
    return count_of(&r->nodes[object]) <= SMALL_OBJECT_MEMBERS ? check_small_object(r, object, at)
                                                               : check_large_object(r, object, at);
}

/* at: the closing bracket. */
static const uint8_t *close_container(struct reader *r, const uint8_t *at)
{
    const struct level *level = r->level--;
    struct json_node *node = &r->nodes[level->node];
    at++;
    node->len = (uint32_t)(at - r->begin) - node->offset;
    node->next = r->count;
    node->kind |= level->count << KIND_COUNT_SHIFT;
    return level->may_repeat ? check_names(r, level->node, at) : at;
}

/* A bit that names of the same text share and most others do not, those of JSON-RPC and MCP within
 * an object for a start; all bits for a name with escapes, because its text does not tell. first
 * and last: its bytes beside the quotes, which an empty name has in their place. */
static uint64_t mark_of_name(const struct json_node *name, uint8_t first, uint8_t last)
{
    return has_escapes(name) ? UINT64_MAX
                             : (uint64_t)1 << ((name->len + 8U * first + 9U * last) & 63);
}

/* Note the name that was just read, from start to end with its quotes. */
static void mark_name(struct reader *r, const uint8_t *start, const uint8_t *end)
{
    struct level *level = r->level;
    uint64_t mark = mark_of_name(&r->nodes[r->count - 1], start[1], end[-2]);
    level->may_repeat |= (level->marks & mark) != 0;
    level->marks |= mark;
}

static inline const uint8_t *read_name(struct reader *r, const uint8_t *at)
{
    if (peek_past_space(r, &at) != '"') {
        return fail_syntax(r, at, "a member name must be a string");
    }
    const uint8_t *start = at;
    at = read_string(r, start);
    if (at == NULL) {
        return NULL;
    }
    mark_name(r, start, at);
    return peek_past_space(r, &at) == ':' ? at + 1
                                          : fail_syntax(r, at, "':' must follow a member name");
}

/* Count a new element of the innermost container and read its name if it has one. */
static inline const uint8_t *begin_element(struct reader *r, const uint8_t *at)
{
    struct level *level = r->level;
    level->count++;
    if (level->closing_bracket != '}') {
        return at;
    }
    if (level->count > r->parser->limits.members_max) {
        return fail(r, at, STATUS_LIMIT, "json.limit", "an object has too many members");
    }
    return read_name(r, at);
}

/* Behind a value or an opening bracket: close what ends here, up to the next value. */
static inline const uint8_t *find_next_value(struct reader *r, const uint8_t *at)
{
    while (peek_past_space(r, &at) == r->level->closing_bracket) {
        at = close_container(r, at);
        if (at == NULL || r->level == r->outside) {
            return at;
        }
    }
    bool is_first = r->level->count == 0;
    if (!is_first && peek(r, at) != ',') {
        return fail_syntax(r, at, "',' or a closing bracket must follow a value");
    }
    return begin_element(r, is_first ? at : at + 1);
}

/* at: the opening bracket. */
static inline const uint8_t *open_container(struct reader *r, const uint8_t *at)
{
    bool is_object = *at == '{';
    if (r->level == r->outside + r->parser->limits.depth_max) {
        return fail(r, at, STATUS_LIMIT, "json.depth", "nested too deep");
    }
    *++r->level = (struct level){.node = r->count, .closing_bracket = is_object ? '}' : ']'};
    return add_node(r, is_object ? JSON_OBJECT : JSON_ARRAY, at, at + 1);
}

/* A scalar, or the opening bracket of a container. */
static inline const uint8_t *read_value(struct reader *r, const uint8_t *at)
{
    switch (peek_past_space(r, &at)) {
    case '{':
    case '[':
        return open_container(r, at);
    case '"':
        return read_string(r, at);
    case 't':
        return read_literal(r, at, SLICE("true"), JSON_TRUE);
    case 'f':
        return read_literal(r, at, SLICE("false"), JSON_FALSE);
    case 'n':
        return read_literal(r, at, SLICE("null"), JSON_NULL);
    default:
        return read_number(r, at);
    }
}

static const uint8_t *read_text(struct reader *r)
{
    const uint8_t *at = r->begin;
    (void)peek_past_space(r, &at);
    if (at == r->end) {
        return fail(r, at, STATUS_INVALID, "json.empty", "there is no value");
    }
    do {
        at = read_value(r, at);
        if (at != NULL && r->level != r->outside) {
            at = find_next_value(r, at);
        }
    } while (at != NULL && r->level != r->outside);
    if (at == NULL) {
        return NULL;
    }
    (void)peek_past_space(r, &at);
    return at == r->end ? at : fail_syntax(r, at, "more text after the value");
}

enum status json_parse(const struct json_parser *parser, struct slice text, struct arena *arena,
                       struct json_tape *out, struct diag *diag)
{
    struct level levels[1 + JSON_DEPTH_LIMIT];
    const uint8_t *begin = text.len == 0 ? SLICE("").ptr : text.ptr;
    struct reader r = {.parser = parser,
                       .begin = begin,
                       .end = begin + text.len,
                       .arena = arena,
                       .outside = levels,
                       .level = levels,
                       .diag = diag};
    if (text.len >= UINT32_MAX) {
        (void)fail(&r, r.begin, STATUS_LIMIT, "json.limit", "the text is too long");
        return r.status;
    }
    if (read_text(&r) == NULL) {
        return r.status;
    }
    *out = (struct json_tape){
        .text = text, .nodes = r.nodes, .count = r.count, .is_compact = !r.has_space};
    return STATUS_OK;
}

enum json_type json_type(const struct json_tape *tape, json_ref ref)
{
    assert(ref < tape->count);
    return type_of(&tape->nodes[ref]);
}

struct slice json_raw(const struct json_tape *tape, json_ref ref)
{
    assert(ref < tape->count);
    return slice_of(tape->text.ptr + tape->nodes[ref].offset, tape->nodes[ref].len);
}

uint32_t json_count(const struct json_tape *tape, json_ref ref)
{
    assert(ref < tape->count);
    return count_of(&tape->nodes[ref]);
}

void json_iter_init(struct json_iter *iter, const struct json_tape *tape, json_ref ref)
{
    assert(ref < tape->count);
    *iter = (struct json_iter){.tape = tape,
                               .at = ref + 1,
                               .left = count_of(&tape->nodes[ref]),
                               .is_object = type_of(&tape->nodes[ref]) == JSON_OBJECT};
}

bool json_iter_next(struct json_iter *iter, json_ref *key, json_ref *value)
{
    if (iter->left == 0) {
        return false;
    }
    iter->left--;
    *key = iter->is_object ? iter->at : JSON_NONE;
    *value = iter->is_object ? iter->at + 1 : iter->at;
    iter->at = iter->tape->nodes[*value].next;
    return true;
}

SELDOM static bool escaped_eq(struct slice content, struct slice text)
{
    struct scan_text scan;
    scan_text_init(&scan, content);
    for (size_t i = 0; i < text.len; i++) {
        if (scan_text_next(&scan) != text.ptr[i]) {
            return false;
        }
    }
    return scan_text_next(&scan) < 0;
}

/* Of a node that is a string. */
static inline bool string_eq(const uint8_t *tape_text, const struct json_node *node,
                             struct slice text)
{
    if (has_escapes(node)) {
        return escaped_eq(content_of(tape_text, node), text);
    }
    return node->len == text.len + 2 && bytes_eq(tape_text + node->offset + 1, text.ptr, text.len);
}

bool json_string_eq(const struct json_tape *tape, json_ref ref, struct slice text)
{
    return json_type(tape, ref) == JSON_STRING &&
           string_eq(tape->text.ptr, &tape->nodes[ref], text);
}

json_ref json_member(const struct json_tape *tape, json_ref ref, struct slice name)
{
    if (json_type(tape, ref) != JSON_OBJECT) {
        return JSON_NONE;
    }
    json_ref key = ref + 1;
    for (uint32_t left = count_of(&tape->nodes[ref]); left > 0; left--) {
        if (string_eq(tape->text.ptr, &tape->nodes[key], name)) {
            return key + 1;
        }
        key = tape->nodes[key + 1].next;
    }
    return JSON_NONE;
}

json_ref json_member_object(const struct json_tape *tape, json_ref ref, struct slice name)
{
    json_ref found = ref == JSON_NONE ? JSON_NONE : json_member(tape, ref, name);
    return found != JSON_NONE && json_type(tape, found) == JSON_OBJECT ? found : JSON_NONE;
}

/* Which of the names is it? count: none. */
static inline size_t name_index(const uint8_t *tape_text, const struct json_node *node,
                                const struct slice *names, size_t count)
{
    size_t i = 0;
    while (i < count && !string_eq(tape_text, node, names[i])) {
        i++;
    }
    return i;
}

size_t json_string_index(const struct json_tape *tape, json_ref ref, const struct slice *names,
                         size_t count)
{
    return json_type(tape, ref) == JSON_STRING
               ? name_index(tape->text.ptr, &tape->nodes[ref], names, count)
               : count;
}

uint32_t json_members(const struct json_tape *tape, json_ref ref, const struct slice *names,
                      size_t count, json_ref *values)
{
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) {
        values[i] = JSON_NONE;
    }
    if (ref == JSON_NONE || json_type(tape, ref) != JSON_OBJECT) {
        return 0;
    }
    json_ref key = ref + 1;
    for (uint32_t left = count_of(&tape->nodes[ref]); left > 0; left--) {
        size_t i = name_index(tape->text.ptr, &tape->nodes[key], names, count);
        if (i < count) {
            values[i] = key + 1;
            found++;
        }
        key = tape->nodes[key + 1].next;
    }
    return found;
}

enum status json_string(const struct json_tape *tape, json_ref ref, struct arena *arena,
                        struct slice *out)
{
    if (json_type(tape, ref) != JSON_STRING) {
        return STATUS_INVALID;
    }
    const struct json_node *node = &tape->nodes[ref];
    struct slice content = content_of(tape->text.ptr, node);
    if (has_escapes(node)) {
        return unescape(content, arena, out);
    }
    *out = content;
    return STATUS_OK;
}

bool json_string_same(const struct json_tape *a, json_ref a_ref, const struct json_tape *b,
                      json_ref b_ref)
{
    return json_type(a, a_ref) == JSON_STRING && json_type(b, b_ref) == JSON_STRING &&
           same_string(a->text.ptr, &a->nodes[a_ref], b->text.ptr, &b->nodes[b_ref]);
}

enum status json_integer(const struct json_tape *tape, json_ref ref, int64_t *out)
{
    if (json_type(tape, ref) != JSON_NUMBER) {
        return STATUS_INVALID;
    }
    return slice_to_i64(json_raw(tape, ref), out);
}
