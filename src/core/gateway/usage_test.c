/* What callers have done lately: counted in both eras alike, and before it is decided. */
#include "core/gateway/gateway.h"
#include "core/policy/usage_table.h"

#include "support/check.h"
#include "support/fake_world.h"

#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{}}}"
#define SEE "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}"
#define AT_MOST(count)                                                                             \
    PERMIT_ALL "forbid(principal, action in Aegis::Action::\"tools/call\", resource) when { "      \
               "context.session.calls >= " count " };"
#define SHOP "/servers/shop/mcp"

static struct world world;
static struct world_client client, other;
static struct usage_table table;
static struct gateway_server servers[2];
static char session[512];

static enum status look(void *context, const struct usage_call *call, enum usage_act act,
                        struct usage *out)
{
    return usage_table_look(context, call, act, out);
}

static void take_back(void *context, const struct usage_call *call)
{
    usage_table_take_back(context, call);
}

static enum status add_labels(void *context, const struct usage_call *call,
                              const struct slice *labels, size_t label_count)
{
    return usage_table_add_labels(context, call, labels, label_count);
}

static const struct port_usage PORT = {&table, look, take_back, add_labels};

/* bank has the label "secret". */
static void begin(const char *policies, size_t windows_max)
{
    static const struct slice LABELS[] = {SLICE_INIT("secret")};
    world_init(&world, policies);
    CHECK(usage_table_init(&table, windows_max, 60000) == STATUS_OK);
    world.gateway.ports.usage = &PORT;
    memcpy(servers, world.snapshot->servers, sizeof(servers));
    servers[0].labels = LABELS;
    servers[0].label_count = 1;
    world.snapshot->servers = servers;
}

static void end(void)
{
    world_release(&world);
    usage_table_release(&table);
}

static bool passes(struct world_client *by, const char *target, bool is_modern)
{
    if (is_modern) {
        world_post(&world, by, target, CALL_SEE, "tools/call", "see", NULL);
    } else {
        world_post(&world, by, target, SEE, NULL, NULL, session);
    }
    world_run(&world);
    return strstr(by->body, "\"text\":\"ok\"") != NULL;
}

static void open_session(const char *target)
{
    world_post(&world, &client, target, INITIALIZE, NULL, NULL, NULL);
    world_run(&world);
    memcpy(session, client.session_id, sizeof(session));
}

TEST(usage_is_counted_over_both_eras)
{
    for (int begins_modern = 0; begins_modern < 2; begins_modern++) {
        begin(AT_MOST("3"), 8);
        open_session(BANK);
        CHECK(passes(&client, BANK, begins_modern != 0));
        CHECK(passes(&client, BANK, begins_modern == 0));
        CHECK(passes(&client, BANK, begins_modern != 0));
        CHECK(!passes(&client, BANK, begins_modern == 0));
        CHECK(!passes(&client, BANK, begins_modern != 0));
        /* A new session is no way out, nor is another server. */
        open_session(SHOP);
        CHECK(!passes(&client, SHOP, false) && !passes(&client, SHOP, true));
        CHECK(world_count_calls(&world, "tools/call") == 3);
        world_advance(&world, 60000);
        CHECK(passes(&client, SHOP, true));
        end();
    }
}

/* Two that come at once cannot both be the last one. */
TEST(usage_is_counted_before_the_call_is_made)
{
    begin(AT_MOST("1"), 8);
    world.held_method = "tools/call";
    CHECK(!passes(&client, BANK, true) && !client.is_replied);
    CHECK(!passes(&other, BANK, true) && other.is_replied);
    CHECK(strstr(other.body, "\"isError\":true") != NULL);
    world.held_method = NULL;
    world_run(&world);
    CHECK(strstr(client.body, "\"text\":\"ok\"") != NULL);
    end();
}

/* What was denied, listed or refused before a decision is no call. */
TEST(usage_of_what_was_not_called_does_not_count)
{
    begin("permit(principal, action, resource) when { context.method == \"tools/list\" || "
          "context.session.calls == 0 };"
          "forbid(principal, action, resource) when { resource in Aegis::Server::\"shop\" };",
          8);
    for (int i = 0; i < 3; i++) {
        CHECK(!passes(&client, SHOP, true));
        world_post(&world, &client, BANK, LIST, "tools/list", NULL, NULL);
        world_run(&world);
        CHECK(client.status_code == 200);
    }
    CHECK(passes(&client, BANK, true) && !passes(&client, BANK, true));
    end();
}

/* A call that is made once more in a new session is one. */
TEST(usage_of_a_repeated_call_counts_once)
{
    begin(AT_MOST("2"), 8);
    world.held_method = "tools/call";
    CHECK(!passes(&client, BANK, true));
    world_end(world_find_call(&world, "tools/call"), STATUS_NOT_FOUND, "upstream.session");
    world.held_method = NULL;
    world_run(&world);
    CHECK(strstr(client.body, "\"text\":\"ok\"") != NULL);
    CHECK(passes(&client, BANK, true) && !passes(&client, BANK, true));
    end();
}

TEST(usage_remembers_labels)
{
    begin(PERMIT_ALL
          "forbid(principal, action in Aegis::Action::\"tools/call\", resource in "
          "Aegis::Server::\"shop\") when { context.session.labels.contains(\"secret\") };",
          8);
    open_session(BANK);
    CHECK(passes(&client, SHOP, true));
    CHECK(passes(&client, BANK, false));
    CHECK(!passes(&client, SHOP, true) && passes(&client, BANK, true));
    end();
}

/* Who cannot be counted could pass any policy that counts. */
TEST(usage_that_cannot_be_counted_is_refused)
{
    struct usage_call stranger = {.now_ms = 1000};
    struct usage usage;
    begin(PERMIT_ALL, 1);
    CHECK(usage_table_look(&table, &stranger, USAGE_COUNTS, &usage) == STATUS_OK);
    CHECK(!passes(&client, BANK, true) && client.status_code == 503);
    CHECK(world_count_calls(&world, "tools/call") == 0);
    CHECK(world_count_records(&world, "overloaded", "bank.see") == 1);
    end();
}
