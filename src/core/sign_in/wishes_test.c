#include "core/sign_in/wishes.h"

#include "support/check.h"

static const struct wishes_scope SCOPES[] = {
    {SLICE_INIT("mcp:approve"), SLICE_INIT("api://aegis/mcp.approve")},
    {SLICE_INIT("mcp:admin"), SLICE_INIT("api://aegis/mcp.admin")},
};
static const struct wishes_offer OFFER = {SCOPES, COUNT_OF(SCOPES), false};
static const struct wishes_offer ENTRA = {SCOPES, COUNT_OF(SCOPES), true};

static const char *read_query(const char *query, const struct wishes_offer *offer,
                              struct arena *arena, struct sign_in_wishes *out)
{
    static const uint8_t SEED[16] = {1};
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    struct json_parser parser;
    struct form form;
    struct diag diag = {0};
    json_parser_init(&parser, &LIMITS, SEED);
    CHECK_ROW(query, form_read(slice_view_cstr(query), arena, &form, &diag) == STATUS_OK);
    return wishes_read(&form, offer, &parser, arena, out, &diag) == STATUS_OK ? NULL : diag.code;
}

TEST(wishes_are_taken_by_rule)
{
    static const struct {
        const char *query, *scope, *acr_values, *max_age, *prompt, *login_hint;
    } rows[] = {
        {"", "", "", "", "", ""},
        {"acr_values=urn:okta:loa:2fa:any%20phr&max_age=0", "", "urn:okta:loa:2fa:any phr", "0", "",
         ""},
        {"max_age=31622400&login_hint=alice%40example.com", "", "", "31622400", "",
         "alice@example.com"},
        {"prompt=login", "", "", "", "login", ""},
        {"prompt=select_account%20%20login", "", "", "", "login select_account", ""},
        {"prompt=select_account", "", "", "", "select_account", ""},
        /* The page that asks for consent is ours. */
        {"prompt=consent", "", "", "", "", ""},
        {"prompt=consent%20login", "", "", "", "login", ""},
        /* Rights are what is offered, under the names of clients, and nothing else. */
        {"scope=mcp:approve", "mcp:approve", "", "", "", ""},
        {"scope=openid%20mcp:admin%20mcp:approve%20mcp:admin%20all", "mcp:approve mcp:admin", "",
         "", "", ""},
        {"scope=api://aegis/mcp.approve%20mcp:approve2%20mcp:appro%20MCP:APPROVE", "", "", "", "",
         ""},
        /* What is not known says nothing, and claims are Entra's. */
        {"nonce=n&claims=%7B&ui_locales=de&dpop_jkt=x", "", "", "", "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct sign_in_wishes wishes;
        arena_init(&arena, 65536, NULL);
        CHECK_ROW(rows[i].query, read_query(rows[i].query, &OFFER, &arena, &wishes) == NULL);
        CHECK_ROW(rows[i].query, slice_eq(wishes.scope, slice_view_cstr(rows[i].scope)));
        CHECK_ROW(rows[i].query, slice_eq(wishes.acr_values, slice_view_cstr(rows[i].acr_values)));
        CHECK_ROW(rows[i].query, slice_eq(wishes.max_age, slice_view_cstr(rows[i].max_age)));
        CHECK_ROW(rows[i].query, slice_eq(wishes.prompt, slice_view_cstr(rows[i].prompt)));
        CHECK_ROW(rows[i].query, slice_eq(wishes.login_hint, slice_view_cstr(rows[i].login_hint)));
        CHECK_ROW(rows[i].query, wishes.claims.len == 0);
        arena_release(&arena);
    }
}

TEST(wishes_refuse_what_cannot_be_met)
{
    static const struct {
        const char *query, *code;
    } rows[] = {
        {"prompt=none", "sign_in.no_page"},
        {"prompt=login%20none", "sign_in.no_page"},
        {"prompt=create", "sign_in.parameter"},
        {"prompt=Login", "sign_in.parameter"},
        {"prompt=login,consent", "sign_in.parameter"},
        {"max_age=-0", "sign_in.parameter"},
        {"max_age=-1", "sign_in.parameter"},
        {"max_age=%2B1", "sign_in.parameter"},
        {"max_age=1.5", "sign_in.parameter"},
        {"max_age=31622401", "sign_in.parameter"},
        {"max_age=99999999999999999999", "sign_in.parameter"},
        {"max_age=%200", "sign_in.parameter"},
        {"acr_values=%C3%A4", "sign_in.parameter"},
        {"request=eyJ", "sign_in.request_object"},
        {"request_uri=https://evil.test/r", "sign_in.request_object"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct sign_in_wishes wishes;
        arena_init(&arena, 65536, NULL);
        CHECK_ROW(rows[i].query,
                  str_eq(read_query(rows[i].query, &OFFER, &arena, &wishes), rows[i].code));
        arena_release(&arena);
    }
}

TEST(wishes_have_limits)
{
    static const struct {
        const char *name;
        size_t bytes_max;
    } rows[] = {{"scope", WISHES_SCOPE_BYTES_MAX},
                {"acr_values", WISHES_ACR_BYTES_MAX},
                {"login_hint", WISHES_HINT_BYTES_MAX}};
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        struct arena arena;
        struct sign_in_wishes wishes;
        char query[2048];
        size_t len = rows[i / 2].bytes_max + i % 2;
        size_t at = strlen(rows[i / 2].name) + 1;
        memset(query, 'x', sizeof(query));
        memcpy(query, rows[i / 2].name, at - 1);
        query[at - 1] = '=';
        query[at + len] = '\0';
        arena_init(&arena, 65536, NULL);
        CHECK_ROW(rows[i / 2].name, str_eq(read_query(query, &OFFER, &arena, &wishes),
                                           i % 2 == 0 ? NULL : "sign_in.parameter"));
        arena_release(&arena);
    }
}

/* Microsoft Entra ID hears by 'claims' which sign-in is wanted. */
TEST(wishes_take_claims_for_entra)
{
    static const struct {
        const char *query, *claims, *code;
    } rows[] = {
        {"claims=%7B%22access_token%22%3A%7B%7D%7D", "{\"access_token\":{}}", NULL},
        {"scope=x", "", NULL},
        {"claims=%5B%5D", NULL, "sign_in.parameter"},
        {"claims=null", NULL, "sign_in.parameter"},
        {"claims=%7B", NULL, "sign_in.parameter"},
        {"claims=%7B%22a%22%3A1%2C%22a%22%3A2%7D", NULL, "sign_in.parameter"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct sign_in_wishes wishes;
        arena_init(&arena, 65536, NULL);
        const char *code = read_query(rows[i].query, &ENTRA, &arena, &wishes);
        CHECK_ROW(rows[i].query, str_eq(code, rows[i].code));
        CHECK_ROW(rows[i].query,
                  code != NULL || slice_eq(wishes.claims, slice_view_cstr(rows[i].claims)));
        arena_release(&arena);
    }
}

TEST(wishes_become_scopes_of_the_provider)
{
    static const struct {
        const char *base, *names, *scope;
    } rows[] = {
        {"openid", "", "openid"},
        {"", "", ""},
        {"", "mcp:admin", "api://aegis/mcp.admin"},
        {"openid a", "mcp:approve mcp:admin",
         "openid a api://aegis/mcp.approve api://aegis/mcp.admin"},
        /* Not offered any more. */
        {"openid", "mcp:gone", "openid"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct slice scope;
        arena_init(&arena, 4096, NULL);
        CHECK(wishes_scope_text(slice_view_cstr(rows[i].base), slice_view_cstr(rows[i].names),
                                &OFFER, &arena, &scope) == STATUS_OK);
        CHECK_ROW(rows[i].scope, slice_eq(scope, slice_view_cstr(rows[i].scope)));
        arena_release(&arena);
    }
}

/* A parameter goes out once, and the configuration's is the one. */
TEST(wishes_leave_what_the_address_says)
{
    static const struct {
        const char *endpoint, *written;
    } rows[] = {
        {"https://idp.test/a",
         "acr_values=phr&max_age=5&prompt=login&login_hint=alice&claims=%7B%7D"},
        {"https://idp.test/a?access_type=offline&prompt=consent",
         "acr_values=phr&max_age=5&login_hint=alice&claims=%7B%7D"},
        {"https://idp.test/a?xprompt=1&max_age",
         "acr_values=phr&prompt=login&login_hint=alice&claims=%7B%7D"},
    };
    const struct sign_in_wishes wishes = {.scope = SLICE("not here"),
                                          .acr_values = SLICE("phr"),
                                          .max_age = SLICE("5"),
                                          .prompt = SLICE("login"),
                                          .login_hint = SLICE("alice"),
                                          .claims = SLICE("{}")};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out;
        buf_init(&out, 1024, NULL);
        wishes_write(&out, slice_view_cstr(rows[i].endpoint), &wishes);
        CHECK_ROW(rows[i].endpoint, slice_eq(buf_view(&out), slice_view_cstr(rows[i].written)));
        buf_release(&out);
    }
}

static bool read_once(void *context)
{
    struct arena arena;
    struct sign_in_wishes wishes;
    struct slice scope = SLICE_EMPTY;
    (void)context;
    check_pause_failures(true);
    arena_init(&arena, 65536, NULL);
    check_pause_failures(false);
    static const uint8_t SEED[16] = {1};
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    struct json_parser parser;
    struct form form;
    json_parser_init(&parser, &LIMITS, SEED);
    bool is_good =
        form_read(SLICE("scope=mcp:approve+mcp:admin&claims=%7B%7D"), &arena, &form, NULL) ==
            STATUS_OK &&
        wishes_read(&form, &ENTRA, &parser, &arena, &wishes, NULL) == STATUS_OK &&
        wishes_scope_text(SLICE("openid"), wishes.scope, &ENTRA, &arena, &scope) == STATUS_OK;
    arena_release(&arena);
    return is_good;
}

TEST(wishes_without_memory)
{
    check_every_allocation(read_once, NULL);
}

/* Spaces around an object count like the rest. */
TEST(wishes_have_short_claims)
{
    for (size_t over = 0; over < 2; over++) {
        struct sign_in_wishes wishes;
        struct arena arena;
        struct buf query;
        arena_init(&arena, 65536, NULL);
        buf_init(&query, 4096, NULL);
        buf_append(&query, SLICE("claims={}"));
        for (size_t i = 2; i < WISHES_CLAIMS_BYTES_MAX + over; i++) {
            buf_append_byte(&query, '+');
        }
        buf_append_byte(&query, 0);
        const char *code = read_query((const char *)query.ptr, &ENTRA, &arena, &wishes);
        CHECK((code == NULL) == (over == 0));
        buf_release(&query);
        arena_release(&arena);
    }
}
