#include "differential/generator.h"

#define TEXT_BYTES_MAX ((size_t)1 << 20)

unsigned pick(struct generator *g, unsigned count)
{
    g->state ^= g->state >> 12;
    g->state ^= g->state << 25;
    g->state ^= g->state >> 27;
    return (unsigned)((g->state * 0x2545F4914F6CDD1DU) >> 33) % count;
}

bool chance(struct generator *g, unsigned percent)
{
    return pick(g, 100) < percent;
}

void put(struct buf *out, const char *text)
{
    buf_append(out, slice_view_cstr(text));
}

struct slice generated_text(struct generator *g, struct buf *text)
{
    struct slice copy = SLICE_EMPTY;
    if (arena_copy(g->arena, buf_view(text), &copy) != STATUS_OK) {
        copy = SLICE_EMPTY;
    }
    buf_release(text);
    return copy;
}

size_t pick_bit(struct generator *g, unsigned bits)
{
    unsigned start = pick(g, 8);
    for (unsigned i = 0; i < 8; i++) {
        unsigned index = (start + i) % 8;
        if ((bits >> index & 1U) != 0) {
            return index;
        }
    }
    return 0;
}

void put_cedar_string(struct buf *out, const char *text)
{
    buf_append_byte(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            put(out, "\\n");
            continue;
        }
        if (*text == '"' || *text == '\\') {
            buf_append_byte(out, '\\');
        }
        buf_append_byte(out, (uint8_t)*text);
    }
    buf_append_byte(out, '"');
}

bool is_identifier(const char *text)
{
    static const struct slice RESERVED[] = {
        SLICE_INIT("true"), SLICE_INIT("false"),  SLICE_INIT("if"),   SLICE_INIT("then"),
        SLICE_INIT("else"), SLICE_INIT("in"),     SLICE_INIT("like"), SLICE_INIT("has"),
        SLICE_INIT("is"),   SLICE_INIT("__cedar")};
    struct slice word = slice_view_cstr(text);
    for (size_t i = 0; i < COUNT_OF(RESERVED); i++) {
        if (slice_eq(word, RESERVED[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < word.len; i++) {
        uint8_t byte = word.ptr[i];
        bool is_letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
        bool is_digit = byte >= '0' && byte <= '9';
        if (byte != '_' && !is_letter && (!is_digit || i == 0)) {
            return false;
        }
    }
    return word.len > 0;
}

const char *pick_id(struct generator *g, const struct entity_type *type)
{
    static const char *const IDS[] = {"a", "b", "c", "\xC3\xA9 \"q\"\\", "d", "*", ""};
    static const char *const CHOICES[] = {"a", "b"}; /* of enumerated types */
    if (type->is_enum && !chance(g, 4)) {
        return PICK_ONE(g, CHOICES);
    }
    return chance(g, 75) ? IDS[pick(g, 3)] : PICK_ONE(g, IDS);
}

const char *extension_name(enum cedar_kind kind)
{
    return kind == CEDAR_DECIMAL    ? "decimal"
           : kind == CEDAR_DATETIME ? "datetime"
           : kind == CEDAR_DURATION ? "duration"
                                    : "ip";
}

const char *pick_extension_text(struct generator *g, enum cedar_kind kind)
{
    static const char *const DECIMALS[] = {"1.0",
                                           "1.00",
                                           "0.5",
                                           "-0.0001",
                                           "922337203685477.5807",
                                           "-922337203685477.5808",
                                           "12.3",
                                           "1.2345",
                                           "-1.5",
                                           "00.10",
                                           "922337203685477.5808",
                                           "1.",
                                           ".5",
                                           "1",
                                           "+1.0",
                                           "1.23456",
                                           "-.0",
                                           ""};
    static const char *const DATES[] = {"2024-01-01",
                                        "2024-02-29",
                                        "1970-01-01T00:00:00Z",
                                        "2024-01-01T23:59:59.999Z",
                                        "1969-12-31T23:59:59.999Z",
                                        "0000-01-01",
                                        "9999-12-31T23:59:59.999-2359",
                                        "2024-01-01T01:02:03+0130",
                                        "2023-02-29",
                                        "2024-01-01T24:00:00Z",
                                        "2024-1-1",
                                        "2024-01-01T00:00:00+2400",
                                        "2024-01-01T00:00:00"};
    static const char *const DURATIONS[] = {"1h",
                                            "1d2h3m4s5ms",
                                            "-1ms",
                                            "0ms",
                                            "90m",
                                            "-9223372036854775808ms",
                                            "1h1d",
                                            "1.5h",
                                            "",
                                            "-",
                                            "106751991167d7h12m55s807ms",
                                            "99999999999999d",
                                            "1s1ms",
                                            "d"};
    static const char *const ADDRESSES[] = {
        "10.0.0.1", "10.0.0.0/8", "127.0.0.1",   "::1",       "::/0",     "224.0.0.1",
        "ff00::1",  "0.0.0.0/0",  "10.0.0.1/33", "1.2.3",     "01.2.3.4", "::ffff:1.2.3.4",
        "1::2::3",  "",           "10.0.0.1/08", "fe80::1/64"};
    unsigned good = chance(g, 92) ? 6 : 0;
    switch ((int)kind) {
    case CEDAR_DECIMAL:
        return DECIMALS[pick(g, good != 0 ? good : (unsigned)COUNT_OF(DECIMALS))];
    case CEDAR_DATETIME:
        return DATES[pick(g, good != 0 ? good : (unsigned)COUNT_OF(DATES))];
    case CEDAR_DURATION:
        return DURATIONS[pick(g, good != 0 ? good : (unsigned)COUNT_OF(DURATIONS))];
    default:
        return ADDRESSES[pick(g, good != 0 ? good : (unsigned)COUNT_OF(ADDRESSES))];
    }
}

int64_t pick_long(struct generator *g)
{
    static const int64_t ODD[] = {INT64_MAX,  INT64_MIN,           INT64_MAX - 1,     INT64_MIN + 1,
                                  3037000500, 4611686018427387904, -9007199254740993, 65536};
    return chance(g, 80) ? (int64_t)pick(g, 5) - 1 : PICK_ONE(g, ODD);
}

const char *pick_text(struct generator *g)
{
    static const char *const TEXTS[] = {"x",      "y",        "xy", "",           "*",
                                        "a\"b\\", "\xC3\xA9", "if", "line\nfeed", "x*y"};
    return chance(g, 60) ? TEXTS[pick(g, 3)] : PICK_ONE(g, TEXTS);
}

static void put_gap(struct generator *g, struct buf *out)
{
    static const char *const GAPS[] = {"\n",
                                       "\n\n",
                                       "  ",
                                       "\t",
                                       " // note\n",
                                       "\n// a\n",
                                       "//\n",
                                       "\r\n",
                                       "\n  //  b c \n",
                                       "// \"\xC3\xA9\n",
                                       "//x//y\n",
                                       "\n\n\n// one\n// two\n\n"};
    put(out, PICK_ONE(g, GAPS));
}

/* The policy with other space and comments between its tokens. */
static struct slice lay_out(struct generator *g, struct slice policy)
{
    struct buf out;
    bool in_string = false;
    bool in_comment = false;
    unsigned percent = 1 + pick(g, 20);
    buf_init(&out, TEXT_BYTES_MAX, NULL);
    for (size_t i = 0; i < policy.len; i++) {
        uint8_t byte = policy.ptr[i];
        bool is_code = !in_string && !in_comment;
        if (is_code && (byte == ' ' || byte == ')' || byte == '}') && chance(g, percent)) {
            put_gap(g, &out);
        }
        buf_append_byte(&out, byte);
        if (in_string && byte == '\\' && i + 1 < policy.len) {
            buf_append_byte(&out, policy.ptr[++i]);
        } else if (byte == '"' && !in_comment) {
            in_string = !in_string;
        } else if (byte == '\n' || (is_code && byte == '/')) {
            in_comment = byte == '/';
        } else if (is_code && memchr("(,{[.;", byte, 6) != NULL && chance(g, percent)) {
            put_gap(g, &out);
        }
    }
    return generated_text(g, &out);
}

static void seed(struct generator *g, uint64_t number)
{
    g->state = (number + 1) * 0x9E3779B97F4A7C15U; /* neighbours differ at once */
    for (int i = 0; i < 8; i++) {
        (void)pick(g, 2);
    }
}

static void generate_policies(struct generator *g, struct differential_case *c)
{
    unsigned count = 1 + pick(g, CASE_POLICIES_MAX);
    for (unsigned i = 0; i < count; i++) {
        struct slice policy = generate_policy(g);
        c->links[i] = generate_link(g, policy);
        c->policies[i] = chance(g, 40) ? lay_out(g, policy) : policy;
    }
    c->is_formatted = chance(g, 50);
    c->line_width = chance(g, 50) ? 80 : 10 + pick(g, 120);
    c->indent = chance(g, 50) ? 2 : pick(g, 9);
    c->has_level = chance(g, 50);
    c->level = pick(g, 4);
}

struct differential_case *generate_case(uint64_t number, struct arena *arena)
{
    struct generator *g = arena_alloc_zero(arena, 1, sizeof(*g));
    struct differential_case *c = arena_alloc_zero(arena, 1, sizeof(*c));
    if (g == NULL || c == NULL) {
        return NULL;
    }
    g->arena = arena;
    seed(g, ~(number / CASES_OF_SCHEMA));
    c->schema = generate_schema(g);
    seed(g, number);
    g->is_typed = c->is_typed = chance(g, 70);
    generate_policies(g, c);
    unsigned entities = pick(g, CASE_ENTITIES_MAX);
    for (unsigned i = 0; i < entities; i++) {
        c->entities[i] = generate_entity(g, i);
    }
    for (unsigned i = 0; i < CASE_REQUESTS_MAX; i++) {
        c->requests[i] = generate_request(g);
    }
    c->hidden = pick(g, HIDDEN_PARTS_END) & pick(g, HIDDEN_PARTS_END);
    return c;
}
