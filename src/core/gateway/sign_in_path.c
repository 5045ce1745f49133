#include "core/gateway/sign_in_path.h"

struct step_path {
    struct slice before, after; /* around the name */
    enum sign_in_step step;
    bool takes_query;
};

static const struct step_path PATHS[] = {
    {SLICE_INIT(SIGN_IN_PATH), SLICE_INIT(SIGN_IN_AUTHORIZE), SIGN_IN_STEP_AUTHORIZE, true},
    {SLICE_INIT(SIGN_IN_PATH), SLICE_INIT(SIGN_IN_CONSENT), SIGN_IN_STEP_CONSENT, false},
    {SLICE_INIT(SIGN_IN_PATH), SLICE_INIT(SIGN_IN_CALLBACK), SIGN_IN_STEP_CALLBACK, true},
    {SLICE_INIT(SIGN_IN_PATH), SLICE_INIT(SIGN_IN_TOKEN), SIGN_IN_STEP_TOKEN, false},
    {SLICE_INIT(SIGN_IN_PATH), SLICE_INIT(SIGN_IN_REGISTER), SIGN_IN_STEP_REGISTER, false},
    /* RFC 8414 §3.1, then OpenID Connect Discovery as MCP 2026-07-28 orders it. */
    {SLICE_INIT("/.well-known/oauth-authorization-server" SIGN_IN_PATH),
     {0},
     SIGN_IN_STEP_METADATA,
     false},
    {SLICE_INIT("/.well-known/openid-configuration" SIGN_IN_PATH),
     {0},
     SIGN_IN_STEP_METADATA,
     false},
    {SLICE_INIT(SIGN_IN_PATH), SLICE_INIT("/.well-known/openid-configuration"),
     SIGN_IN_STEP_METADATA, false},
};

static bool is_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.ptr[i];
        if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') && byte != '_' &&
            byte != '-') {
            return false;
        }
    }
    return name.len > 0;
}

/* What all of PATHS begin with, so that the targets of calls are none after one look. */
static bool may_be_known(struct slice target)
{
    return slice_starts_with(target, SLICE(SIGN_IN_PATH)) ||
           slice_starts_with(target, SLICE("/.well-known/"));
}

bool sign_in_path_parse(struct slice target, struct sign_in_path *out)
{
    if (!may_be_known(target)) {
        return false;
    }
    size_t mark = slice_find_byte(target, '?');
    struct slice path = slice_sub(target, 0, mark);
    for (size_t i = 0; i < COUNT_OF(PATHS); i++) {
        const struct step_path *known = &PATHS[i];
        struct slice name = slice_sub(path, known->before.len, path.len - known->after.len);
        if (path.len > known->before.len + known->after.len &&
            slice_starts_with(path, known->before) && slice_ends_with(path, known->after) &&
            is_name(name)) {
            *out =
                (struct sign_in_path){known->step, name, slice_sub(target, mark + 1, target.len)};
            return known->takes_query || mark == target.len;
        }
    }
    return false;
}
