#include "core/mcp/cors.h"

#include "core/mcp/admission.h"
#include "support/check.h"

#define PAGE "https://console.aegis.example"

/* Nothing but a preflight of a listed origin is answered to OPTIONS. */
TEST(cors_admits_preflights_of_listed_origins_only)
{
    static const struct {
        const char *name, *host, *origin, *asked, *field, *value;
        int http_status; /* 200: admitted */
        const char *code;
    } rows[] = {
        {"POST", "gateway.test", PAGE, "POST", NULL, NULL, 200, NULL},
        {"GET", "gateway.test", PAGE, "GET", NULL, NULL, 200, NULL},
        {"DELETE", "gateway.test", PAGE, "DELETE", NULL, NULL, 200, NULL},
        {"its fields", "gateway.test", PAGE, "POST", "Access-Control-Request-Headers", "x", 200,
         NULL},
        {"another host", "evil.test", PAGE, "POST", NULL, NULL, 421, "host_refused"},
        {"another origin", "gateway.test", "https://evil.example", "POST", NULL, NULL, 403,
         "origin_refused"},
        {"an opaque origin", "gateway.test", "null", "POST", NULL, NULL, 403, "origin_refused"},
        {"any origin", "gateway.test", "*", "POST", NULL, NULL, 403, "origin_refused"},
        {"another scheme", "gateway.test", "http://console.aegis.example", "POST", NULL, NULL, 403,
         "origin_refused"},
        {"another port", "gateway.test", PAGE ":444", "POST", NULL, NULL, 403, "origin_refused"},
        {"a longer host", "gateway.test", PAGE ".evil.example", "POST", NULL, NULL, 403,
         "origin_refused"},
        {"an empty origin", "gateway.test", "", "POST", NULL, NULL, 403, "origin_refused"},
        {"two origins", "gateway.test", PAGE, "POST", "Origin", PAGE, 403, "origin_refused"},
        {"no origin", "gateway.test", NULL, "POST", NULL, NULL, 405, "http.method"},
        {"no method", "gateway.test", PAGE, NULL, NULL, NULL, 405, "http.method"},
        {"no method that there is", "gateway.test", PAGE, "PUT", NULL, NULL, 405, "http.method"},
        {"a method in another case", "gateway.test", PAGE, "post", NULL, NULL, 405, "http.method"},
        {"two methods", "gateway.test", PAGE, "POST", "Access-Control-Request-Method", "POST", 405,
         "http.method"},
    };
    static const struct slice HOSTS[] = {SLICE_INIT("gateway.test")};
    static const struct slice ORIGINS[] = {SLICE_INIT(PAGE)};
    struct admission_rules rules = {.hosts = HOSTS,
                                    .host_count = 1,
                                    .origins = ORIGINS,
                                    .origin_count = 1,
                                    .has_sessions = true};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_field fields[4] = {{SLICE("Host"), slice_view_cstr(rows[i].host)}};
        size_t count = 1;
        if (rows[i].origin != NULL) {
            fields[count++] = (struct http_field){SLICE("Origin"), slice_view_cstr(rows[i].origin)};
        }
        if (rows[i].asked != NULL) {
            fields[count++] = (struct http_field){SLICE("Access-Control-Request-Method"),
                                                  slice_view_cstr(rows[i].asked)};
        }
        if (rows[i].field != NULL) {
            fields[count++] =
                (struct http_field){slice_view_cstr(rows[i].field), slice_view_cstr(rows[i].value)};
        }
        struct diag diag = {0};
        int http_status = 200;
        enum status status =
            admission_check(&rules, SLICE("OPTIONS"), fields, count, &http_status, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, http_status == rows[i].http_status);
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
    }
}

TEST(cors_allows_the_fields_of_the_protocol_and_of_parameters)
{
    static const struct {
        const char *requested, *added;
    } rows[] = {
        {"", ""},
        {"mcp-param-region", ", mcp-param-region"},
        {"Mcp-Param-Region, authorization,mcp-param-b ", ", Mcp-Param-Region, mcp-param-b"},
        {"cookie", ""},
        {"x-mcp-param-a", ""},
        {"mcp-param-", ""},
        {"mcp-param-a b", ""},
        {"mcp-param-a\r\nx: y", ""},
        {"mcp-param-\xC3\xA9", ""},
        {"*", ""},
        {",,,", ""},
    };
    static const char STANDARD[] =
        "Authorization, DPoP, Content-Type, Accept, MCP-Protocol-Version, "
        "Mcp-Session-Id, Last-Event-ID, Mcp-Method, Mcp-Name";
    struct buf names;
    buf_init(&names, CORS_PREFLIGHT_BYTES_MAX, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_field fields[CORS_PREFLIGHT_FIELDS];
        CHECK(
            cors_preflight_fields(SLICE(PAGE), slice_view_cstr(rows[i].requested), &names, fields));
        CHECK_ROW(rows[i].requested, slice_eq(fields[0].value, SLICE(PAGE)));
        struct slice value = fields[3].value;
        CHECK_ROW(rows[i].requested, slice_starts_with(value, slice_view_cstr(STANDARD)));
        CHECK_ROW(rows[i].requested, slice_eq(slice_sub(value, sizeof(STANDARD) - 1, value.len),
                                              slice_view_cstr(rows[i].added)));
    }
    buf_release(&names);
}

/* What a page can ask for is bounded: one name more than fits, and nothing is granted. */
TEST(cors_bounds_what_a_preflight_asks_for)
{
    static uint8_t requested[CORS_PREFLIGHT_BYTES_MAX];
    struct http_field fields[CORS_PREFLIGHT_FIELDS];
    struct buf names;
    buf_init(&names, CORS_PREFLIGHT_BYTES_MAX, NULL);
    for (size_t i = 0; i < sizeof(requested); i += 16) {
        memcpy(requested + i, "mcp-param-abcde,", 16);
    }
    CHECK(cors_preflight_fields(SLICE(PAGE), slice_of(requested, 1600), &names, fields));
    CHECK(!cors_preflight_fields(SLICE(PAGE), slice_of(requested, sizeof(requested)), &names,
                                 fields));
    CHECK(cors_preflight_fields(SLICE(PAGE), SLICE_EMPTY, &names, fields));
    buf_release(&names);
}

TEST(cors_names_no_origin_to_those_who_have_none)
{
    struct http_field fields[CORS_FIELDS_MAX];
    CHECK(cors_fields(SLICE_EMPTY, fields) == 0);
    CHECK(cors_fields(SLICE(PAGE), fields) == CORS_FIELDS_MAX);
    CHECK(slice_eq(fields[0].value, SLICE(PAGE)) && slice_eq(fields[1].value, SLICE("Origin")));
}
