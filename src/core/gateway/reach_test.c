/* Callers whose key is for some servers only: whatever the policies permit, the others do not hear
 * of them. */
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"

#define SHOP "/servers/shop/mcp"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}"
#define CALL(name)                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"" name         \
    "\",\"arguments\":{}," META "}}"

static struct world world;
static struct world_client client;

TEST(reach_ends_at_the_servers_of_the_key)
{
    static const struct slice BANK_ONLY[] = {SLICE_INIT("bank")};
    static const struct {
        const char *name, *target, *method, *tool, *body;
        const char *expected;
        bool is_denied;
    } rows[] = {
        {"a call", BANK, "tools/call", "see", CALL("see"), "\"text\":\"ok\"", false},
        {"a call by its full name", "/mcp", "tools/call", "bank__see", CALL("bank__see"),
         "\"text\":\"ok\"", false},
        {"a list", BANK, "tools/list", NULL, LIST, "\"see\"", false},
        {"a list of all", "/mcp", "tools/list", NULL, LIST, "bank__see", false},
        {"a call elsewhere", SHOP, "tools/call", "see", CALL("see"), "\"isError\":true", true},
        {"a call elsewhere by its full name", "/mcp", "tools/call", "shop__see", CALL("shop__see"),
         "\"isError\":true", true},
        {"a list elsewhere", SHOP, "tools/list", NULL, LIST, "\"code\":40301", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        world_init(&world, PERMIT_ALL);
        world.snapshot->local_principal->servers = BANK_ONLY;
        world.snapshot->local_principal->server_count = 1;
        world_post(&world, &client, rows[i].target, rows[i].body, rows[i].method, rows[i].tool,
                   NULL);
        world_run(&world);
        CHECK_ROW(rows[i].name, strstr(client.body, rows[i].expected) != NULL);
        CHECK_ROW(rows[i].name, strstr(client.body, "shop__see") == NULL);
        for (size_t k = 0; k < world.call_count; k++) {
            CHECK_ROW(rows[i].name, world.calls[k].server == 0);
        }
        CHECK_ROW(rows[i].name, !rows[i].is_denied || world.call_count == 0);
        CHECK_ROW(rows[i].name,
                  world_count_records(&world, "the caller's key is not for this server",
                                      "authz.deny") == (rows[i].is_denied ? 1 : 0));
        world_release(&world);
    }
}
