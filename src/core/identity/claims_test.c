/* The claims of a token at their bounds: what is one too much refuses the token, nothing is cut. */
#include "core/identity/claims.h"

#include "base/buf.h"
#include "support/check.h"
#include "support/corpus.h"

#include <string.h>

#define TEST_BYTES ((size_t)4 << 20)

/* What a payload is built of: count times one part. */
struct row {
    const char *name, *before, *part, *after;
    size_t count_max; /* the most that is accepted */
    const char *code; /* of one more */
};

static const struct row ROWS[] = {
    {"audiences", "{\"iss\":\"i\",\"exp\":9,\"aud\":[\"a\"", ",\"a\"", "]}",
     CLAIMS_AUDIENCES_MAX - 1, "token.claim"},
    {"an audience", "{\"iss\":\"i\",\"exp\":9,\"aud\":\"", "a", "\"}", CLAIMS_AUDIENCE_BYTES_MAX,
     "token.claim"},
    {"scopes", "{\"iss\":\"i\",\"exp\":9,\"aud\":\"a\",\"scope\":\"s", " s", "\"}",
     CLAIMS_LIST_MAX - 1, "token.claim"},
    {"scopes as a list", "{\"iss\":\"i\",\"exp\":9,\"aud\":\"a\",\"scp\":[\"s\"", ",\"s\"", "]}",
     CLAIMS_LIST_MAX - 1, "token.claim"},
    {"a scope", "{\"iss\":\"i\",\"exp\":9,\"aud\":\"a\",\"scope\":\"", "s", "\"}",
     CLAIMS_ITEM_BYTES_MAX, "token.claim"},
    {"the issuer", "{\"aud\":\"a\",\"exp\":9,\"iss\":\"", "i", "\"}", CLAIMS_ISSUER_BYTES_MAX,
     "token.issuer"},
    {"the client", "{\"iss\":\"i\",\"exp\":9,\"aud\":\"a\",\"client_id\":\"", "c", "\"}",
     CLAIMS_CLIENT_BYTES_MAX, "token.claim"},
};

static void append(struct buf *text, const char *part)
{
    buf_append(text, slice_view_cstr(part));
}

static enum status read_payload(const struct buf *payload, struct diag *diag)
{
    struct claims claims;
    struct arena arena;
    arena_init(&arena, TEST_BYTES, NULL);
    enum status status = claims_open(corpus_parser(), buf_view(payload), &arena, &claims, diag);
    if (status == STATUS_OK) {
        status = claims_read(&claims, &arena, diag);
    }
    arena_release(&arena);
    return status;
}

TEST(claims_at_their_bounds)
{
    for (size_t i = 0; i < 2 * COUNT_OF(ROWS); i++) {
        const struct row *row = &ROWS[i / 2];
        bool is_too_much = i % 2 == 1;
        struct diag diag = {0};
        struct buf payload;
        buf_init(&payload, TEST_BYTES, NULL);
        append(&payload, row->before);
        for (size_t count = 0; count < row->count_max + (is_too_much ? 1 : 0); count++) {
            append(&payload, row->part);
        }
        append(&payload, row->after);
        CHECK_ROW(row->name, (read_payload(&payload, &diag) == STATUS_OK) == !is_too_much);
        CHECK_ROW(row->name, !is_too_much || str_eq(diag.code, row->code));
        buf_release(&payload);
    }
}

TEST(claims_inside_each_other)
{
    for (size_t depth = CLAIMS_DEPTH_MAX; depth <= CLAIMS_DEPTH_MAX + 1; depth++) {
        struct diag diag = {0};
        struct buf payload;
        buf_init(&payload, TEST_BYTES, NULL);
        append(&payload, "{\"iss\":\"i\",\"exp\":9,\"aud\":\"a\",\"x\":");
        for (size_t i = 1; i < depth; i++) {
            append(&payload, "[");
        }
        for (size_t i = 1; i < depth; i++) {
            append(&payload, "]");
        }
        append(&payload, "}");
        CHECK((read_payload(&payload, &diag) == STATUS_OK) == (depth == CLAIMS_DEPTH_MAX));
        CHECK(depth == CLAIMS_DEPTH_MAX || str_eq(diag.code, "token.malformed"));
        buf_release(&payload);
    }
}
