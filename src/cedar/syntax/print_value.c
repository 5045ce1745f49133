/* cedar_value_to_text: values as the expressions that make them. */
#include "cedar/syntax/name_order.h"
#include "cedar/syntax/print.h"
#include "cedar/value/value.h"

#define DECIMAL_SCALE 10000
#define PART_BYTES_MAX ((size_t)64 << 20)

struct part {
    struct slice name; /* of a record's attribute */
    struct slice key;  /* its order; in sets: kind, integers as bytes, text */
    struct slice text;
};

struct printer {
    struct arena *arena; /* borrowed */
    struct buf *out;     /* borrowed */
};

static enum status print(const struct printer *p, const struct cedar_value *value, int depth);

/* -- extension values ---------------------------------------------------------------------- */

static void print_decimal(struct buf *out, int64_t number)
{
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    uint64_t part = size % DECIMAL_SCALE;
    buf_append(out, number < 0 ? SLICE("decimal(\"-") : SLICE("decimal(\""));
    buf_append_u64(out, size / DECIMAL_SCALE);
    buf_append_byte(out, '.');
    /* Digits to the last that is not zero, and at least one. */
    for (uint64_t scale = DECIMAL_SCALE / 10; scale > 0 && (part > 0 || scale == 1000);
         scale /= 10) {
        buf_append_byte(out, (uint8_t)('0' + part / scale));
        part %= scale;
    }
    buf_append(out, SLICE("\")"));
}

static void print_hex(struct buf *out, unsigned group)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (int shift = 12; shift >= 0; shift -= 4) {
        if (group >> shift != 0 || shift == 0) {
            buf_append_byte(out, (uint8_t)DIGITS[group >> shift & 0xF]);
        }
    }
}

static void print_ip(struct buf *out, const struct cedar_ip *ip)
{
    buf_append(out, SLICE("ip(\""));
    for (size_t i = 0; i < (ip->is_v6 ? 8U : 4U); i++) {
        if (ip->is_v6) {
            buf_append(out, i == 0 ? SLICE_EMPTY : SLICE(":"));
            print_hex(out, (unsigned)ip->bytes[2 * i] << 8 | ip->bytes[2 * i + 1]);
        } else {
            buf_append(out, i == 0 ? SLICE_EMPTY : SLICE("."));
            buf_append_u64(out, ip->bytes[i]);
        }
    }
    if (ip->prefix != (ip->is_v6 ? 128 : 32)) {
        buf_append_byte(out, '/');
        buf_append_u64(out, ip->prefix);
    }
    buf_append(out, SLICE("\")"));
}

static void print_duration(struct buf *out, int64_t number)
{
    buf_append(out, SLICE("duration(\""));
    buf_append_i64(out, number);
    buf_append(out, SLICE("ms\")"));
}

/* Times have values that no text of a datetime reaches, so all are written from the first. */
static void print_datetime(struct buf *out, int64_t number)
{
    buf_append(out, SLICE("datetime(\"1970-01-01\").offset("));
    print_duration(out, number);
    buf_append_byte(out, ')');
}

/* -- sets and records ---------------------------------------------------------------------- */

static enum status copy_of(struct arena *arena, struct buf *text, enum status status,
                           struct slice *out)
{
    enum status copied = status == STATUS_OK ? arena_copy(arena, buf_view(text), out) : status;
    buf_release(text);
    return copied;
}

static enum status print_part(const struct printer *p, const struct cedar_value *value, int depth,
                              struct slice *out)
{
    struct buf text;
    struct printer inner = {p->arena, &text};
    buf_init(&text, PART_BYTES_MAX, NULL);
    return copy_of(p->arena, &text, print(&inner, value, depth), out);
}

static enum status set_key(struct arena *arena, const struct cedar_value *value, struct slice text,
                           struct slice *out)
{
    struct buf key;
    buf_init(&key, PART_BYTES_MAX, NULL);
    buf_append_byte(&key, (uint8_t)(value->kind < CEDAR_DECIMAL ? value->kind : CEDAR_DECIMAL));
    for (int shift = 56; value->kind == CEDAR_LONG && shift >= 0; shift -= 8) {
        buf_append_byte(&key, (uint8_t)(((uint64_t)value->as.number ^ (uint64_t)1 << 63) >> shift));
    }
    buf_append(&key, text);
    return copy_of(arena, &key, buf_status(&key), out);
}

static struct slice key_at(const void *context, size_t index)
{
    return ((const struct part *)context)[index].key;
}

static enum status collect(const struct printer *p, const struct cedar_value *value, int depth,
                           struct part *parts, size_t count)
{
    uint64_t cursor = 0;
    struct cedar_value item;
    for (size_t i = 0; i < count; i++) {
        if (!value_next(value, &cursor, p->arena, &parts[i].name, &item)) {
            return STATUS_LIMIT;
        }
        TRY(print_part(p, &item, depth + 1, &parts[i].text));
        parts[i].key = parts[i].name;
        if (value->kind == CEDAR_SET) {
            TRY(set_key(p->arena, &item, parts[i].text, &parts[i].key));
        }
    }
    return STATUS_OK;
}

/* Elements in the order of kinds and values, each once; attributes in the order of names. */
static enum status print_parts(const struct printer *p, const struct cedar_value *value, int depth)
{
    size_t count = value_count(value);
    bool is_set = value->kind == CEDAR_SET;
    const uint32_t *order = NULL;
    const struct part *last = NULL;
    struct part *parts = arena_alloc_zero(p->arena, count, sizeof(*parts));
    if (parts == NULL) {
        return STATUS_LIMIT;
    }
    TRY(collect(p, value, depth, parts, count));
    TRY(name_order(p->arena, count, key_at, parts, &order));
    buf_append_byte(p->out, is_set ? '[' : '{');
    for (size_t i = 0; i < count; i++) {
        const struct part *part = &parts[order[i]];
        if (is_set && last != NULL && slice_eq(last->key, part->key)) {
            continue;
        }
        buf_append(p->out, last == NULL ? SLICE_EMPTY : SLICE(", "));
        if (!is_set) {
            print_string(p->out, part->name);
            buf_append(p->out, SLICE(": "));
        }
        buf_append(p->out, part->text);
        last = part;
    }
    buf_append_byte(p->out, is_set ? ']' : '}');
    return STATUS_OK;
}

/* Recursion ends: values from outside are nested, too, but at most CEDAR_DEPTH_MAX deep. */
static enum status print(const struct printer *p, const struct cedar_value *value, int depth)
{
    switch (value->kind) {
    case CEDAR_BOOL:
        buf_append(p->out, value->as.boolean ? SLICE("true") : SLICE("false"));
        break;
    case CEDAR_LONG:
        buf_append_i64(p->out, value->as.number);
        break;
    case CEDAR_STRING:
        print_string(p->out, value->as.text);
        break;
    case CEDAR_ENTITY:
        print_uid(p->out, &value->as.uid);
        break;
    case CEDAR_SET:
    case CEDAR_RECORD:
        TRY(depth < CEDAR_DEPTH_MAX ? print_parts(p, value, depth) : STATUS_LIMIT);
        break;
    case CEDAR_DECIMAL:
        print_decimal(p->out, value->as.number);
        break;
    case CEDAR_DATETIME:
        print_datetime(p->out, value->as.number);
        break;
    case CEDAR_DURATION:
        print_duration(p->out, value->as.number);
        break;
    case CEDAR_IP:
        print_ip(p->out, &value->as.ip);
        break;
    case CEDAR_ERROR:
    case CEDAR_UNKNOWN:
        return STATUS_INVALID;
    }
    return buf_status(p->out);
}

enum status cedar_value_to_text(const struct cedar_value *value, struct arena *arena,
                                struct buf *out)
{
    struct printer printer = {arena, out};
    return print(&printer, value, 0);
}
