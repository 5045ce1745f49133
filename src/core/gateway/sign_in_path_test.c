#include "core/gateway/sign_in_path.h"

#include "support/check.h"

TEST(sign_in_path_has_one_spelling)
{
    static const struct {
        const char *target;
        bool is_path;
        enum sign_in_step step;
        const char *query;
    } rows[] = {
        {"/sign-in/entra/authorize", true, SIGN_IN_STEP_AUTHORIZE, ""},
        {"/sign-in/entra/authorize?a=b?c", true, SIGN_IN_STEP_AUTHORIZE, "a=b?c"},
        {"/sign-in/entra/callback?code=c", true, SIGN_IN_STEP_CALLBACK, "code=c"},
        {"/sign-in/entra/consent", true, SIGN_IN_STEP_CONSENT, ""},
        {"/sign-in/entra/token", true, SIGN_IN_STEP_TOKEN, ""},
        {"/sign-in/entra/register", true, SIGN_IN_STEP_REGISTER, ""},
        {"/.well-known/oauth-authorization-server/sign-in/entra", true, SIGN_IN_STEP_METADATA, ""},
        {"/.well-known/openid-configuration/sign-in/entra", true, SIGN_IN_STEP_METADATA, ""},
        {"/sign-in/entra/.well-known/openid-configuration", true, SIGN_IN_STEP_METADATA, ""},
        {"/sign-in/entra/token?a=b", false, 0, NULL},
        {"/sign-in/entra/consent?", false, 0, NULL},
        {"/.well-known/oauth-authorization-server/sign-in/entra?x", false, 0, NULL},
        {"/.well-known/oauth-authorization-server", false, 0, NULL},
        {"/.well-known/oauth-authorization-server/sign-in/", false, 0, NULL},
        {"/sign-in//token", false, 0, NULL},
        {"/sign-in/token", false, 0, NULL},
        {"/sign-in/entra", false, 0, NULL},
        {"/sign-in/entra/", false, 0, NULL},
        {"/sign-in/entra/token/", false, 0, NULL},
        {"/sign-in/entra/tokens", false, 0, NULL},
        {"/sign-in/Entra/token", false, 0, NULL},
        {"/sign-in/a/b/token", false, 0, NULL},
        {"/sign-in/%65ntra/token", false, 0, NULL},
        {"/sign-in/../token", false, 0, NULL},
        {"//sign-in/entra/token", false, 0, NULL},
        {"", false, 0, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sign_in_path path;
        bool is_path = sign_in_path_parse(slice_view_cstr(rows[i].target), &path);
        CHECK_ROW(rows[i].target, is_path == rows[i].is_path);
        CHECK_ROW(rows[i].target,
                  !is_path || (path.step == rows[i].step && slice_eq(path.name, SLICE("entra"))));
        CHECK_ROW(rows[i].target, !is_path || slice_eq(path.query, slice_view_cstr(rows[i].query)));
    }
}
