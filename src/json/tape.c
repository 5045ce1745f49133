#include "json/tape.h"

#include "json/scan.h"

#include <assert.h>
#include <string.h>

#define SMALL_OBJECT_MEMBERS 8 /* up to here comparing every pair is cheaper than hashing */
#define NODES_FIRST 32
#define NODES_FIRST_MAX 4096
#define GROWTH 4
#define GROWTH_MAX 8
#define BYTES_PER_NODE 8 /* a guess that seldom needs a second array */

/* struct json_node, kind */
#define KIND_TYPE 7U
#define KIND_HAS_ESCAPES 8U
#define KIND_COUNT_SHIFT 4
#define KIND_ONE_ELEMENT (1U << KIND_COUNT_SHIFT)

struct reader {
    const struct json_parser *parser;
    struct slice text;
    size_t at;
    struct arena *arena;
    struct json_node *nodes;
    uint32_t count, capacity;
    uint32_t *open; /* nodes of the containers we are in */
    uint32_t depth;
    bool has_space;
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

static enum status fail(struct reader *r, enum status status, const char *code, const char *what)
{
    if (r->diag != NULL) {
        r->diag->offset = r->at;
    }
    return diag_fail(r->diag, status, code, "%s at byte %zu", what, r->at);
}

static enum status fail_syntax(struct reader *r, const char *what)
{
    return fail(r, STATUS_INVALID, "json.syntax", what);
}

static void skip_space(struct reader *r)
{
    while (r->at < r->text.len) {
        uint8_t byte = r->text.ptr[r->at];
        if (byte > ' ' || (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t')) {
            return;
        }
        r->has_space = true;
        r->at++;
    }
}

/* The byte at the cursor; NUL at the end, which no rule accepts. */
static uint8_t peek(const struct reader *r)
{
    return r->at < r->text.len ? r->text.ptr[r->at] : 0;
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
static uint32_t next_capacity(const struct reader *r)
{
    size_t most = r->count + (r->text.len - r->at) / 2 + 2;
    size_t capacity = r->capacity == 0                           ? first_capacity(r->text.len)
                      : most <= (size_t)r->capacity * GROWTH_MAX ? most
                                                                 : (size_t)r->capacity * GROWTH;
    size_t limit = r->parser->limits.nodes_max;
    return (uint32_t)(capacity < limit ? capacity : limit);
}

static enum status grow_nodes(struct reader *r)
{
    uint32_t capacity = next_capacity(r);
    if (capacity == r->count) {
        return fail(r, STATUS_LIMIT, "json.limit", "too many values");
    }
    struct json_node *nodes = arena_alloc(r->arena, capacity * sizeof(*nodes));
    if (nodes == NULL) {
        return fail(r, STATUS_LIMIT, "json.memory", "the message needs too much memory");
    }
    if (r->count > 0) {
        memcpy(nodes, r->nodes, r->count * sizeof(*nodes));
    }
    r->nodes = nodes;
    r->capacity = capacity;
    return STATUS_OK;
}

static inline enum status add_node(struct reader *r, enum json_type type, size_t start,
                                   bool is_escaped)
{
    if (r->count == r->capacity) {
        TRY(grow_nodes(r));
    }
    r->nodes[r->count] =
        (struct json_node){.offset = (uint32_t)start,
                           .len = (uint32_t)(r->at - start),
                           .next = r->count + 1,
                           .kind = (uint32_t)type | (is_escaped ? KIND_HAS_ESCAPES : 0)};
    r->count++;
    return STATUS_OK;
}

static enum status read_string(struct reader *r)
{
    size_t start = r->at;
    bool is_escaped = false;
    switch (scan_string(r->text, &r->at, &is_escaped)) {
    case SCAN_OK:
        return add_node(r, JSON_STRING, start, is_escaped);
    case SCAN_UNTERMINATED:
        return fail_syntax(r, "a string does not end");
    case SCAN_CONTROL:
        return fail_syntax(r, "a control character inside a string");
    case SCAN_ESCAPE:
        return fail_syntax(r, "an unknown escape");
    case SCAN_SURROGATE:
        return fail(r, STATUS_INVALID, "json.surrogate", "a lone surrogate escape");
    case SCAN_UTF8:
        return fail(r, STATUS_INVALID, "json.utf8", "ill-formed UTF-8");
    }
    return STATUS_INTERNAL;
}

static size_t take_digits(struct reader *r)
{
    size_t at = r->at;
    while (at < r->text.len && (uint8_t)(r->text.ptr[at] - '0') <= 9) {
        at++;
    }
    size_t count = at - r->at;
    r->at = at;
    return count;
}

static enum status read_number(struct reader *r)
{
    size_t start = r->at;
    r->at += peek(r) == '-' ? 1 : 0;
    bool starts_with_zero = peek(r) == '0';
    size_t digits = take_digits(r);
    if (digits == 0 || (starts_with_zero && digits > 1)) {
        return fail_syntax(r, "a malformed number");
    }
    if (peek(r) == '.') {
        r->at++;
        if (take_digits(r) == 0) {
            return fail_syntax(r, "a number without digits after its point");
        }
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        r->at += (peek(r) == '+' || peek(r) == '-') ? 1 : 0;
        if (take_digits(r) == 0) {
            return fail_syntax(r, "a number without digits in its exponent");
        }
    }
    if (r->at - start > r->parser->limits.number_bytes_max) {
        return fail(r, STATUS_LIMIT, "json.limit", "a number is too long");
    }
    return add_node(r, JSON_NUMBER, start, false);
}

static enum status read_literal(struct reader *r, struct slice word, enum json_type type)
{
    size_t start = r->at;
    if (!slice_starts_with(slice_sub(r->text, r->at, r->text.len), word)) {
        return fail_syntax(r, "an unknown word");
    }
    r->at += word.len;
    return add_node(r, type, start, false);
}

static enum status open_container(struct reader *r, enum json_type type)
{
    if (r->depth == r->parser->limits.depth_max) {
        return fail(r, STATUS_LIMIT, "json.depth", "nested too deep");
    }
    size_t start = r->at++;
    TRY(add_node(r, type, start, false));
    r->open[r->depth++] = r->count - 1;
    return STATUS_OK;
}

static struct slice content_of(const struct slice text, const struct json_node *node)
{
    return slice_of(text.ptr + node->offset + 1, node->len - 2);
}

/* Before the closing quote; of an empty string its opening quote. */
static uint8_t last_byte(struct slice text, const struct json_node *node)
{
    return text.ptr[node->offset + node->len - 2];
}

static bool same_string(struct slice a_text, const struct json_node *a, struct slice b_text,
                        const struct json_node *b)
{
    struct slice left = content_of(a_text, a);
    struct slice right = content_of(b_text, b);
    if (!has_escapes(a) && !has_escapes(b)) {
        /* Most names that differ do so in length or at their end. */
        return left.len == right.len && last_byte(a_text, a) == last_byte(b_text, b) &&
               slice_eq(left, right);
    }
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

/* The last bytes of a text, fewer than eight, with its length on top. */
static uint64_t sip_tail(const uint8_t *bytes, size_t count, uint64_t len)
{
    uint64_t word = len << 56;
    for (size_t i = 0; i < count; i++) {
        word |= (uint64_t)bytes[i] << (i * 8);
    }
    return word;
}

static void sip_plain(uint64_t v[4], struct slice text)
{
    size_t at = 0;
    for (; text.len - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, text.ptr + at, sizeof(word));
        sip_word(v, word);
    }
    sip_word(v, sip_tail(text.ptr + at, text.len - at, text.len));
}

static void sip_escaped(uint64_t v[4], struct slice content)
{
    struct scan_text scan;
    uint8_t bytes[8];
    uint64_t len = 0;
    scan_text_init(&scan, content);
    for (int byte = scan_text_next(&scan); byte >= 0; byte = scan_text_next(&scan)) {
        bytes[len++ % 8] = (uint8_t)byte;
        if (len % 8 == 0) {
            uint64_t word;
            memcpy(&word, bytes, sizeof(word));
            sip_word(v, word);
        }
    }
    sip_word(v, sip_tail(bytes, len % 8, len));
}

/* SipHash-1-3 of the text a name stands for: keyed, so names cannot be made to collide. Words are
 * taken in the machine's order, since no hash leaves the process. */
static uint64_t hash_name(const struct reader *r, const struct json_node *node)
{
    uint64_t v[4] = {
        r->parser->seed[0] ^ 0x736f6d6570736575U, r->parser->seed[1] ^ 0x646f72616e646f6dU,
        r->parser->seed[0] ^ 0x6c7967656e657261U, r->parser->seed[1] ^ 0x7465646279746573U};
    if (has_escapes(node)) {
        sip_escaped(v, content_of(r->text, node));
    } else {
        sip_plain(v, content_of(r->text, node));
    }
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static enum status fail_duplicate(struct reader *r, uint32_t key)
{
    r->at = r->nodes[key].offset;
    return fail(r, STATUS_INVALID, "json.duplicate", "a member name appears twice");
}

static enum status check_small_object(struct reader *r, uint32_t object)
{
    uint32_t keys[SMALL_OBJECT_MEMBERS];
    uint32_t count = 0;
    for (uint32_t key = object + 1; key < r->count; key = r->nodes[key + 1].next) {
        for (uint32_t i = 0; i < count; i++) {
            const struct json_node *one = &r->nodes[keys[i]];
            const struct json_node *other = &r->nodes[key];
            /* Most names differ in length, and then only an escape could make them the same. */
            bool may_be_same =
                one->len == other->len || ((one->kind | other->kind) & KIND_HAS_ESCAPES) != 0;
            if (may_be_same && same_string(r->text, one, r->text, other)) {
                return fail_duplicate(r, key);
            }
        }
        keys[count++] = key;
    }
    return STATUS_OK;
}

struct name_slot {
    uint32_t high; /* the half of the hash that does not say which slot */
    uint32_t key;  /* 0: free, because no key is node 0 */
};

static enum status check_large_object(struct reader *r, uint32_t object)
{
    size_t slots = 16;
    while (slots < (size_t)count_of(&r->nodes[object]) * 2) {
        slots *= 2;
    }
    struct name_slot *table = arena_alloc_zero(r->arena, slots, sizeof(*table));
    if (table == NULL) {
        return fail(r, STATUS_LIMIT, "json.memory", "the message needs too much memory");
    }
    for (uint32_t key = object + 1; key < r->count; key = r->nodes[key + 1].next) {
        uint64_t hash = hash_name(r, &r->nodes[key]);
        uint32_t high = (uint32_t)(hash >> 32);
        size_t at = (uint32_t)hash & (slots - 1);
        for (; table[at].key != 0; at = (at + 1) & (slots - 1)) {
            if (table[at].high == high &&
                same_string(r->text, &r->nodes[table[at].key], r->text, &r->nodes[key])) {
                return fail_duplicate(r, key);
            }
        }
        table[at] = (struct name_slot){high, key};
    }
    return STATUS_OK;
}

static enum status close_container(struct reader *r)
{
    uint32_t container = r->open[--r->depth];
    struct json_node *node = &r->nodes[container];
    r->at++;
    node->len = (uint32_t)(r->at - node->offset);
    node->next = r->count;
    if (type_of(node) != JSON_OBJECT || count_of(node) < 2) {
        return STATUS_OK;
    }
    return count_of(node) <= SMALL_OBJECT_MEMBERS ? check_small_object(r, container)
                                                  : check_large_object(r, container);
}

static enum status read_name(struct reader *r)
{
    skip_space(r);
    if (peek(r) != '"') {
        return fail_syntax(r, "a member name must be a string");
    }
    TRY(read_string(r));
    skip_space(r);
    if (peek(r) != ':') {
        return fail_syntax(r, "':' must follow a member name");
    }
    r->at++;
    return STATUS_OK;
}

/* Count a new element of the innermost container and read its name if it has one. */
static enum status begin_element(struct reader *r)
{
    struct json_node *node = &r->nodes[r->open[r->depth - 1]];
    node->kind += KIND_ONE_ELEMENT;
    if (type_of(node) != JSON_OBJECT) {
        return STATUS_OK;
    }
    if (count_of(node) > r->parser->limits.members_max) {
        return fail(r, STATUS_LIMIT, "json.limit", "an object has too many members");
    }
    return read_name(r);
}

/* Read a scalar, or open a container. *opened tells which. */
static enum status read_value(struct reader *r, bool *opened)
{
    skip_space(r);
    uint8_t byte = peek(r);
    *opened = byte == '{' || byte == '[';
    switch (byte) {
    case '{':
        return open_container(r, JSON_OBJECT);
    case '[':
        return open_container(r, JSON_ARRAY);
    case '"':
        return read_string(r);
    case 't':
        return read_literal(r, SLICE("true"), JSON_TRUE);
    case 'f':
        return read_literal(r, SLICE("false"), JSON_FALSE);
    case 'n':
        return read_literal(r, SLICE("null"), JSON_NULL);
    default:
        return read_number(r);
    }
}

static uint8_t closing_bracket(const struct reader *r)
{
    assert(r->depth > 0 && r->nodes != NULL);
    return type_of(&r->nodes[r->open[r->depth - 1]]) == JSON_OBJECT ? '}' : ']';
}

/* After a value: close what ends here, up to the next element. */
static enum status finish_value(struct reader *r)
{
    while (r->depth > 0) {
        skip_space(r);
        if (peek(r) == ',') {
            r->at++;
            return begin_element(r);
        }
        if (peek(r) != closing_bracket(r)) {
            return fail_syntax(r, "',' or a closing bracket must follow a value");
        }
        TRY(close_container(r));
    }
    return STATUS_OK;
}

/* After an opening bracket: either it closes at once or its first element begins. */
static enum status finish_open(struct reader *r)
{
    skip_space(r);
    if (peek(r) != closing_bracket(r)) {
        return begin_element(r);
    }
    TRY(close_container(r));
    return finish_value(r);
}

enum status json_parse(const struct json_parser *parser, struct slice text, struct arena *arena,
                       struct json_tape *out, struct diag *diag)
{
    uint32_t open[JSON_DEPTH_LIMIT];
    struct reader r = {.parser = parser, .text = text, .arena = arena, .open = open, .diag = diag};
    if (text.len >= UINT32_MAX) {
        return fail(&r, STATUS_LIMIT, "json.limit", "the text is too long");
    }
    skip_space(&r);
    if (r.at == text.len) {
        return fail(&r, STATUS_INVALID, "json.empty", "there is no value");
    }
    do {
        bool opened = false;
        TRY(read_value(&r, &opened));
        TRY(opened ? finish_open(&r) : finish_value(&r));
    } while (r.depth > 0);
    skip_space(&r);
    if (r.at != text.len) {
        return fail_syntax(&r, "more text after the value");
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

static bool escaped_eq(struct slice content, struct slice text)
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
static inline bool string_eq(struct slice tape_text, const struct json_node *node,
                             struct slice text)
{
    struct slice content = content_of(tape_text, node);
    return has_escapes(node) ? escaped_eq(content, text) : slice_eq(content, text);
}

bool json_string_eq(const struct json_tape *tape, json_ref ref, struct slice text)
{
    return json_type(tape, ref) == JSON_STRING && string_eq(tape->text, &tape->nodes[ref], text);
}

json_ref json_member(const struct json_tape *tape, json_ref ref, struct slice name)
{
    if (json_type(tape, ref) != JSON_OBJECT) {
        return JSON_NONE;
    }
    json_ref key = ref + 1;
    for (uint32_t left = count_of(&tape->nodes[ref]); left > 0; left--) {
        if (string_eq(tape->text, &tape->nodes[key], name)) {
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

enum status json_string(const struct json_tape *tape, json_ref ref, struct arena *arena,
                        struct slice *out)
{
    if (json_type(tape, ref) != JSON_STRING) {
        return STATUS_INVALID;
    }
    struct slice content = content_of(tape->text, &tape->nodes[ref]);
    if (!has_escapes(&tape->nodes[ref])) {
        *out = content;
        return STATUS_OK;
    }
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

bool json_string_same(const struct json_tape *a, json_ref a_ref, const struct json_tape *b,
                      json_ref b_ref)
{
    return json_type(a, a_ref) == JSON_STRING && json_type(b, b_ref) == JSON_STRING &&
           same_string(a->text, &a->nodes[a_ref], b->text, &b->nodes[b_ref]);
}

/* The long s and the Kelvin sign, whose first byte was just read: the ASCII letter they fold to, or
 * 0 and nothing more is read. */
static int fold_beyond_ascii(struct scan_text *scan, int first)
{
    struct scan_text ahead = *scan;
    int letter = 0;
    if (first == 0xC5 && scan_text_next(&ahead) == 0xBF) {
        letter = 's';
    } else if (first == 0xE2 && scan_text_next(&ahead) == 0x84 && scan_text_next(&ahead) == 0xAA) {
        letter = 'k';
    }
    *scan = letter != 0 ? ahead : *scan;
    return letter;
}

static int next_folded(struct scan_text *scan)
{
    int byte = scan_text_next(scan);
    while ((byte >= 0 && byte < 0x20) || byte == 0x7F) {
        byte = scan_text_next(scan);
    }
    if (byte >= 'A' && byte <= 'Z') {
        return byte + ('a' - 'A');
    }
    int letter = fold_beyond_ascii(scan, byte);
    return letter != 0 ? letter : byte;
}

bool json_string_resembles(const struct json_tape *a, json_ref a_ref, const struct json_tape *b,
                           json_ref b_ref)
{
    struct scan_text left;
    struct scan_text right;
    if (json_type(a, a_ref) != JSON_STRING || json_type(b, b_ref) != JSON_STRING) {
        return false;
    }
    scan_text_init(&left, content_of(a->text, &a->nodes[a_ref]));
    scan_text_init(&right, content_of(b->text, &b->nodes[b_ref]));
    int byte = 0;
    do {
        byte = next_folded(&left);
        if (byte != next_folded(&right)) {
            return false;
        }
    } while (byte >= 0);
    return true;
}

enum status json_integer(const struct json_tape *tape, json_ref ref, int64_t *out)
{
    if (json_type(tape, ref) != JSON_NUMBER) {
        return STATUS_INVALID;
    }
    return slice_to_i64(json_raw(tape, ref), out);
}
