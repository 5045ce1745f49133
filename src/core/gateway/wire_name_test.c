#include "core/gateway/wire_name.h"

#include "support/check.h"
#include "support/fake_crypto.h"

static const struct gateway_server SERVERS[] = {
    {.name = SLICE_INIT("a")},
    {.name = SLICE_INIT("a_")},
    {.name = SLICE_INIT("a__b")},
    {.name = SLICE_INIT("jira-eu")},
    {.name = SLICE_INIT("server-of-thirty-two-characters_")},
};
static const struct gateway_snapshot SNAPSHOT = {.servers = SERVERS,
                                                 .server_count = COUNT_OF(SERVERS)};

static bool is_wire(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        bool is_alnum = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                        (byte >= 'A' && byte <= 'Z');
        if (!is_alnum && byte != '_' && byte != '-') {
            return false;
        }
    }
    return text.len > 0 && text.len <= 64;
}

TEST(wire_name_says_what_it_stands_for)
{
    static const struct {
        size_t server;
        const char *name, *wire; /* NULL: an alias */
    } rows[] = {
        {0, "x", "a__x"},
        {0, "get_it-2", "a__get_it-2"},
        {3, "create_issue", "jira-eu__create_issue"},
        {3, "a234567890123456789012345678901234567890123456789012345",
         "jira-eu__a234567890123456789012345678901234567890123456789012345"},
        {3, "a2345678901234567890123456789012345678901234567890123456", NULL},
        {3, "create.issue", NULL},
        {3, "r\xC3\xA9sum\xC3\xA9", NULL},
        {3, "two words", NULL},
        {3, "", NULL},
        {3, "x_0123456789abcdef", NULL},
        {3, "_0123456789abcdef", NULL},
        {3, "x_0123456789abcdeF", "jira-eu__x_0123456789abcdeF"},
        {0, "_x", "a___x"},
        {1, "x", NULL},
        {0, "b__x", "a__b__x"},
        {2, "x", NULL},
        {4, "x", "server-of-thirty-two-characters___x"},
    };
    struct fake_crypto crypto;
    fake_crypto_init(&crypto);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct wire_name wire;
        struct slice name = SLICE_EMPTY;
        wire_name_make(&SNAPSHOT, &crypto.port, rows[i].server, slice_view_cstr(rows[i].name),
                       &wire);
        CHECK_ROW(rows[i].name, is_wire(wire_name_view(&wire)));
        CHECK_ROW(rows[i].name,
                  wire_name_belongs(&SNAPSHOT, rows[i].server, wire_name_view(&wire)));
        CHECK_ROW(rows[i].name,
                  wire_name_is_alias(wire_name_view(&wire)) == (rows[i].wire == NULL));
        if (rows[i].wire != NULL) {
            CHECK_ROW(rows[i].name, slice_eq(wire_name_view(&wire), slice_view_cstr(rows[i].wire)));
            CHECK_ROW(rows[i].name,
                      wire_name_split(&SNAPSHOT, wire_name_view(&wire), &name) == rows[i].server);
            CHECK_ROW(rows[i].name, slice_eq(name, slice_view_cstr(rows[i].name)));
        }
    }
}

TEST(wire_name_splits_nothing_else)
{
    static const char *const ROWS[] = {"", "a", "a_x", "a__", "__x", "b__x", "A__x", "jira__x"};
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct slice name = SLICE_EMPTY;
        CHECK_ROW(ROWS[i], wire_name_split(&SNAPSHOT, slice_view_cstr(ROWS[i]), &name) == SIZE_MAX);
    }
}

/* No two names of all servers share a name on the wire. */
TEST(wire_name_never_collides)
{
    static const char *const NAMES[] = {"x", "_x", "b__x", "_b__x", "x.y", "x_y", "x y", "x:y", ""};
    enum { ALL = COUNT_OF(NAMES) * COUNT_OF(SERVERS) };
    struct wire_name wires[ALL];
    struct fake_crypto crypto;
    fake_crypto_init(&crypto);
    for (size_t i = 0; i < ALL; i++) {
        wire_name_make(&SNAPSHOT, &crypto.port, i / COUNT_OF(NAMES),
                       slice_view_cstr(NAMES[i % COUNT_OF(NAMES)]), &wires[i]);
        for (size_t k = 0; k < i; k++) {
            CHECK(!slice_eq(wire_name_view(&wires[i]), wire_name_view(&wires[k])));
        }
    }
}
