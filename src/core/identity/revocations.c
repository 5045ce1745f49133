#include "core/identity/revocations.h"

#include "base/arena.h"

#include <stdlib.h>

#define LINE_BYTES_MAX ((size_t)64 << 10)
#define SCRATCH_BYTES_MAX ((size_t)4 << 20) /* the tape and the texts of a line */
#define SHA256_DIGITS ((size_t)2 * CRYPTO_SHA256_BYTES)

struct revocations {
    uint32_t references; /* atomic */
    struct arena arena;
    struct revocation *entries; /* sorted by kind, issuer and value, each of these once */
    size_t count;
    size_t begins[REVOCATION_KIND_COUNT + 1]; /* of the entries of each kind */
};

/* What an entry of each kind looks like. */
static const struct {
    struct slice member; /* that says who */
    bool has_issuer, may_have_time, must_have_time;
} KINDS[REVOCATION_KIND_COUNT] = {
    [REVOCATION_TOKEN] = {SLICE_INIT("token"), false, false, false},
    [REVOCATION_ID] = {SLICE_INIT("jti"), true, false, false},
    [REVOCATION_SUBJECT] = {SLICE_INIT("subject"), true, true, false},
    [REVOCATION_SESSION] = {SLICE_INIT("session"), true, false, false},
    [REVOCATION_CLIENT] = {SLICE_INIT("client"), true, true, false},
    [REVOCATION_KEY] = {SLICE_INIT("key"), false, false, false},
    [REVOCATION_ISSUER] = {{0}, true, true, true},
};

struct slice revocation_member(enum revocation_kind kind)
{
    return KINDS[kind].member;
}

struct revocations *revocations_ref(struct revocations *list)
{
    if (list != NULL) {
        __atomic_add_fetch(&list->references, 1, __ATOMIC_RELAXED);
    }
    return list;
}

void revocations_unref(struct revocations *list)
{
    if (list != NULL && __atomic_sub_fetch(&list->references, 1, __ATOMIC_ACQ_REL) == 0) {
        arena_release(&list->arena);
        base_free(list);
    }
}

size_t revocations_count(const struct revocations *list)
{
    return list == NULL ? 0 : list->count;
}

const struct revocation *revocations_at(const struct revocations *list, size_t index)
{
    return &list->entries[index];
}

/* -- one line ------------------------------------------------------------------------------ */

struct reading {
    const struct json_parser *parser;
    struct arena *arena;  /* of the list */
    struct arena scratch; /* of the line */
    struct json_tape tape;
    size_t line;
    size_t target_count; /* members that say who */
    struct revocation entry;
    struct diag *diag;
};

static enum status refuse(const struct reading *r, const char *what)
{
    return diag_fail(r->diag, STATUS_INVALID, "revocation.malformed", "line %zu: %s", r->line,
                     what);
}

static enum status no_memory(const struct reading *r)
{
    return diag_fail(r->diag, STATUS_LIMIT, "identity.memory", "no memory for the revocations");
}

static enum status read_text(struct reading *r, json_ref ref, size_t bytes_max, struct slice *out)
{
    struct slice text = SLICE_EMPTY;
    enum status status = json_type(&r->tape, ref) == JSON_STRING
                             ? json_string(&r->tape, ref, &r->scratch, &text)
                             : STATUS_INVALID;
    if (status == STATUS_LIMIT) {
        return no_memory(r);
    }
    if (status != STATUS_OK || text.len == 0 || text.len > bytes_max ||
        slice_find_control(text, 0) < text.len) {
        return refuse(r, "a member must be a text of the allowed size without control characters");
    }
    return arena_copy(r->arena, text, out) == STATUS_OK ? STATUS_OK : no_memory(r);
}

static enum status read_time(const struct reading *r, json_ref ref, int64_t *out)
{
    return json_integer(&r->tape, ref, out) == STATUS_OK && *out > 0 && *out < INT64_MAX
               ? STATUS_OK
               : refuse(r, "'issued_before' and 'expires_at' must be seconds since 1970");
}

static bool are_digits(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        if (!(byte >= '0' && byte <= '9') && !(byte >= 'a' && byte <= 'f')) {
            return false;
        }
    }
    return true;
}

/* Of a hash the digits count that principals keep: what the audit shows of a token. */
static enum status read_target(struct reading *r, json_ref value, enum revocation_kind kind)
{
    struct slice *target = &r->entry.value;
    r->target_count++;
    r->entry.kind = kind;
    TRY(read_text(r, value, REVOCATION_TEXT_BYTES_MAX, target));
    if (kind != REVOCATION_TOKEN) {
        return STATUS_OK;
    }
    if ((target->len != PRINCIPAL_FINGERPRINT_BYTES && target->len != SHA256_DIGITS) ||
        !are_digits(*target)) {
        return refuse(r, "'token' must be the SHA-256 of a token or the first 16 digits of it, in "
                         "lower case");
    }
    *target = slice_sub(*target, 0, PRINCIPAL_FINGERPRINT_BYTES);
    return STATUS_OK;
}

static enum status read_member(struct reading *r, json_ref name, json_ref value)
{
    for (enum revocation_kind kind = 0; kind < REVOCATION_KIND_COUNT; kind++) {
        if (KINDS[kind].member.len > 0 && json_string_eq(&r->tape, name, KINDS[kind].member)) {
            return read_target(r, value, kind);
        }
    }
    if (json_string_eq(&r->tape, name, SLICE("issuer"))) {
        return read_text(r, value, REVOCATION_TEXT_BYTES_MAX, &r->entry.issuer);
    }
    if (json_string_eq(&r->tape, name, SLICE("reason"))) {
        return read_text(r, value, REVOCATION_REASON_BYTES_MAX, &r->entry.reason);
    }
    if (json_string_eq(&r->tape, name, SLICE("issued_before"))) {
        return read_time(r, value, &r->entry.issued_before_s);
    }
    if (json_string_eq(&r->tape, name, SLICE("expires_at"))) {
        return read_time(r, value, &r->entry.expires_at_s);
    }
    return refuse(r, "a member has an unknown name");
}

static enum status check_entry(const struct reading *r)
{
    const struct revocation *entry = &r->entry;
    bool has_issuer = entry->issuer.len > 0;
    bool has_time = entry->issued_before_s != INT64_MAX;
    if (r->target_count > 1) {
        return refuse(r, "one entry is about one thing: 'token', 'jti', 'subject', 'session', "
                         "'client' or 'key'");
    }
    if (has_issuer != KINDS[entry->kind].has_issuer) {
        return refuse(r, has_issuer ? "'token' and 'key' stand without 'issuer'"
                                    : "'issuer' is needed, the name of an entry of 'identity'");
    }
    if (has_time && !KINDS[entry->kind].may_have_time) {
        return refuse(r, "'issued_before' belongs to 'subject', 'client' or an issuer alone");
    }
    return has_time || !KINDS[entry->kind].must_have_time
               ? STATUS_OK
               : refuse(r, "'issued_before' is needed for an issuer alone");
}

static enum status read_line(struct reading *r, struct slice line)
{
    struct json_iter iter;
    json_ref name, value;
    arena_reset(&r->scratch);
    r->target_count = 0;
    r->entry = (struct revocation){
        .kind = REVOCATION_ISSUER, .issued_before_s = INT64_MAX, .expires_at_s = INT64_MAX};
    if (line.len > LINE_BYTES_MAX) {
        return refuse(r, "it is too long");
    }
    enum status status = json_parse(r->parser, line, &r->scratch, &r->tape, NULL);
    if (status == STATUS_LIMIT) {
        return no_memory(r);
    }
    if (status != STATUS_OK || json_type(&r->tape, 0) != JSON_OBJECT) {
        return refuse(r, "it is no JSON object");
    }
    json_iter_init(&iter, &r->tape, 0);
    while (json_iter_next(&iter, &name, &value)) {
        TRY(read_member(r, name, value));
    }
    return check_entry(r);
}

/* -- the list ------------------------------------------------------------------------------ */

/* By what is looked for. */
static int compare(const void *a, const void *b)
{
    const struct revocation *left = a;
    const struct revocation *right = b;
    if (left->kind != right->kind) {
        return left->kind < right->kind ? -1 : 1;
    }
    int order = slice_compare(left->issuer, right->issuer);
    return order != 0 ? order : slice_compare(left->value, right->value);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Of several about the same one is kept, with the furthest of their times: rather too much is
 * refused than too little. */
static void join_repeated(struct revocations *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct revocation *entry = &list->entries[i];
        struct revocation *last = kept > 0 ? &list->entries[kept - 1] : NULL;
        if (last == NULL || compare(last, entry) != 0) {
            list->entries[kept++] = *entry;
            continue;
        }
        last->issued_before_s = later(last->issued_before_s, entry->issued_before_s);
        last->expires_at_s = later(last->expires_at_s, entry->expires_at_s);
        last->reason = last->reason.len > 0 ? last->reason : entry->reason;
    }
    list->count = kept;
}

static void note_begins(struct revocations *list)
{
    size_t at = 0;
    for (size_t kind = 0; kind <= REVOCATION_KIND_COUNT; kind++) {
        while (at < list->count && (size_t)list->entries[at].kind < kind) {
            at++;
        }
        list->begins[kind] = at;
    }
}

/* The next line that says something; empty: there is none. Comments begin with '#'. */
static struct slice next_line(struct reading *r, struct slice *text)
{
    struct slice line = SLICE_EMPTY;
    while (text->len > 0 && line.len == 0) {
        size_t end = slice_find_byte(*text, '\n');
        line = slice_sub(*text, 0, end);
        line.len -= slice_ends_with(line, SLICE("\r")) ? 1 : 0;
        line = slice_trim_ows(line);
        line = slice_starts_with(line, SLICE("#")) ? SLICE_EMPTY : line;
        *text = slice_sub(*text, end + 1, text->len);
        r->line++;
    }
    return line;
}

static size_t count_lines(struct reading *r, struct slice text)
{
    size_t count = 0;
    while (next_line(r, &text).len > 0) {
        count++;
    }
    r->line = 0;
    return count;
}

static enum status read_lines(struct reading *r, struct slice text, size_t count_max,
                              struct revocations *list)
{
    size_t count = count_lines(r, text);
    if (count > count_max) {
        return diag_fail(r->diag, STATUS_INVALID, "revocation.limit",
                         "%zu revocations are more than 'limits.revocations' (%zu)", count,
                         count_max);
    }
    list->entries = arena_alloc_zero(&list->arena, count, sizeof(*list->entries));
    if (list->entries == NULL) {
        return no_memory(r);
    }
    for (; list->count < count; list->count++) {
        TRY(read_line(r, next_line(r, &text)));
        list->entries[list->count] = r->entry;
    }
    return STATUS_OK;
}

enum status revocations_read(const struct json_parser *parser, struct slice text, size_t count_max,
                             struct revocations **out, struct diag *diag)
{
    struct revocations *list = base_alloc(sizeof(*list));
    struct reading r = {.parser = parser, .diag = diag};
    if (list == NULL) {
        return no_memory(&r);
    }
    *list = (struct revocations){.references = 1};
    /* No text in it is longer than in the file. */
    arena_init(&list->arena,
               SCRATCH_BYTES_MAX + 2 * text.len + count_max * sizeof(list->entries[0]), NULL);
    arena_init(&r.scratch, SCRATCH_BYTES_MAX, NULL);
    r.arena = &list->arena;
    enum status status = read_lines(&r, text, count_max, list);
    arena_release(&r.scratch);
    if (status != STATUS_OK) {
        revocations_unref(list);
        return status;
    }
    qsort(list->entries, list->count, sizeof(*list->entries), compare);
    join_repeated(list);
    note_begins(list);
    *out = list;
    return STATUS_OK;
}

/* -- asking -------------------------------------------------------------------------------- */

static const struct revocation *find(const struct revocations *list,
                                     const struct revocation *wanted)
{
    size_t begin = list->begins[wanted->kind];
    size_t count = list->begins[wanted->kind + 1] - begin;
    return count == 0 ? NULL
                      : bsearch(wanted, &list->entries[begin], count, sizeof(*wanted), compare);
}

static struct slice value_of(const struct principal *principal, enum revocation_kind kind)
{
    switch (kind) {
    case REVOCATION_TOKEN:
        return principal->fingerprint;
    case REVOCATION_ID:
        return principal->token_id;
    case REVOCATION_SUBJECT:
        return principal->subject;
    case REVOCATION_SESSION:
        return principal->session_id;
    case REVOCATION_CLIENT:
        return principal->client_id;
    case REVOCATION_KEY:
        return principal->has_api_key ? principal->key_id : SLICE_EMPTY;
    case REVOCATION_ISSUER:
    case REVOCATION_KIND_COUNT:
        break;
    }
    return SLICE_EMPTY;
}

const struct revocation *revocations_find(const struct revocations *list,
                                          const struct principal *principal, int64_t now_s)
{
    if (revocations_count(list) == 0) {
        return NULL;
    }
    for (enum revocation_kind kind = 0; kind < REVOCATION_KIND_COUNT; kind++) {
        const struct revocation wanted = {.kind = kind,
                                          .issuer = KINDS[kind].has_issuer ? principal->issuer
                                                                           : SLICE_EMPTY,
                                          .value = value_of(principal, kind)};
        const struct revocation *found = find(list, &wanted);
        /* A token that does not say when it was issued was issued before. */
        if (found != NULL && principal->issued_at_s < found->issued_before_s &&
            now_s < found->expires_at_s) {
            return found;
        }
    }
    return NULL;
}

enum status revocations_check(const struct revocations *list, const struct principal *principal,
                              int64_t now_s, struct diag *diag)
{
    const struct revocation *found = revocations_find(list, principal, now_s);
    if (found == NULL) {
        return STATUS_OK;
    }
    struct slice member =
        found->kind == REVOCATION_ISSUER ? SLICE("issuer") : KINDS[found->kind].member;
    return diag_fail(
        diag, STATUS_UNAUTHENTICATED, "token.revoked", "token is revoked by its %.*s: %.*s",
        SLICE_ARG(member),
        SLICE_ARG(found->reason.len > 0 ? found->reason : SLICE("no reason is given")));
}

bool revocations_cover(const struct revocations *list, const struct revocation *revocation)
{
    const struct revocation *found = revocations_count(list) == 0 ? NULL : find(list, revocation);
    return found != NULL && found->issued_before_s >= revocation->issued_before_s &&
           found->expires_at_s >= revocation->expires_at_s;
}

/* -- writing ------------------------------------------------------------------------------- */

static void write_text(struct buf *out, struct slice before, struct slice name, struct slice text)
{
    if (text.len > 0) {
        buf_append(out, before);
        buf_append_json_string(out, name);
        buf_append_byte(out, ':');
        buf_append_json_string(out, text);
    }
}

static void write_time(struct buf *out, struct slice name, int64_t time_s)
{
    if (time_s != INT64_MAX) {
        buf_append_byte(out, ',');
        buf_append_json_string(out, name);
        buf_append_byte(out, ':');
        buf_append_i64(out, time_s);
    }
}

void revocation_write(const struct revocation *revocation, struct buf *out)
{
    struct slice issuer = revocation->issuer;
    write_text(out, SLICE("{"), SLICE("issuer"), issuer);
    write_text(out, issuer.len > 0 ? SLICE(",") : SLICE("{"), KINDS[revocation->kind].member,
               revocation->value);
    write_time(out, SLICE("issued_before"), revocation->issued_before_s);
    write_time(out, SLICE("expires_at"), revocation->expires_at_s);
    write_text(out, SLICE(","), SLICE("reason"), revocation->reason);
    buf_append_byte(out, '}');
}
