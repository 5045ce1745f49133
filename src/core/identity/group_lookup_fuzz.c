/* Replies of anyone who stands in for Microsoft Graph: what is read of them is whole and in its
 * form. The first byte chooses the reader and the status, the rest is the body. */
#include "core/identity/group_lookup.h"
#include "core/identity/introspection.h"

#include <assert.h>

#define ARENA_BYTES_MAX ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_groups(const struct json_parser *parser, const struct group_lookup_reply *reply,
                        struct arena *arena)
{
    struct group_lookup_said said = {.is_yes = true, .is_stale = true};
    if (group_lookup_read(parser, reply, arena, &said, NULL) == STATUS_OK && said.is_yes) {
        assert(!said.is_stale && reply->http_status == 200);
        assert(said.text.len % ISSUER_GUID_BYTES == 0 &&
               said.text.len <= (size_t)CLAIMS_LIST_MAX * ISSUER_GUID_BYTES);
        for (size_t at = 0; at < said.text.len; at += ISSUER_GUID_BYTES) {
            assert(issuer_is_guid(slice_sub(said.text, at, at + ISSUER_GUID_BYTES)));
        }
    }
}

static void read_token(const struct json_parser *parser, const struct group_lookup_reply *reply,
                       struct arena *arena)
{
    struct group_lookup_said said = {.is_yes = true};
    if (group_lookup_read_token(parser, reply, arena, &said, NULL) == STATUS_OK && said.is_yes) {
        assert(reply->http_status == 200 && said.good_s >= 1);
        assert(introspection_is_token_text(said.text) &&
               said.text.len <= GROUP_LOOKUP_TOKEN_BYTES_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int STATUSES[] = {200, 200, 200, 200, 400, 401, 403, 500};
    static const uint8_t seed[16] = {1};
    struct json_parser parser;
    struct arena arena;
    if (size == 0) {
        return 0;
    }
    const struct group_lookup_reply reply = {STATUSES[data[0] / 2 % COUNT_OF(STATUSES)],
                                             SLICE("application/json"),
                                             slice_of(data + 1, size - 1)};
    json_parser_init(&parser, &(struct json_limits)JSON_LIMITS_DEFAULT, seed);
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    if (data[0] % 2 == 0) {
        read_groups(&parser, &reply, &arena);
    } else {
        read_token(&parser, &reply, &arena);
    }
    arena_release(&arena);
    return 0;
}
