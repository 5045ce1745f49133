/* What a legacy client hears of changes at modern servers. */
#include "core/gateway/server_listen.h"

#include "core/gateway/client_session.h"
#include "core/gateway/client_stream.h"
#include "core/gateway/server_session.h"
#include "support/check.h"
#include "support/fake_world.h"

#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{}}}"
#define REQUEST(method, uri)                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"resources/" method "\",\"params\":{\"uri\":\"" uri \
    "\"}}"
#define SUBSCRIBE(uri) REQUEST("subscribe", uri)
#define OURS "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%ID}"
#define NOTICE(method, params)                                                                     \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" method "\",\"params\":{" params "}}"
#define ACKNOWLEDGED(filter)                                                                       \
    NOTICE("subscriptions/acknowledged", "\"notifications\":" filter "," OURS)
#define UPDATED(uri) NOTICE("resources/updated", "\"uri\":\"" uri "\"," OURS)
#define HEARD(uri)                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/"                                   \
    "updated\",\"params\":{\"uri\":\"" uri "\"}}"
#define CHANGED(list) NOTICE(list "/list_changed", OURS)
#define HEARD_CHANGED(list)                                                                        \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" list "/list_changed\"}"
#define CAPABILITIES                                                                               \
    "{\"tools\":{\"listChanged\":true},\"resources\":{\"subscribe\":true},\"logging\":{}}"
#define DISCOVERED(capabilities)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\","                     \
    "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":" capabilities "}}"
#define LISTS "{\"toolsListChanged\":true}"
#define WITH(addresses) "{\"toolsListChanged\":true,\"resourceSubscriptions\":[" addresses "]}"
#define SESSION_BYTES 512

static const struct world_answer ANSWERS[] = {{0, "server/discover", DISCOVERED(CAPABILITIES)},
                                              {1, "server/discover", DISCOVERED(CAPABILITIES)}};
static const struct world_answer PLAIN[] = {{0, "server/discover", DISCOVERED("{\"tools\":{}}")}};
static struct world world;
static struct world_client listener, poster, closer;
static char session[SESSION_BYTES];

static void post(const char *body)
{
    world_post(&world, &poster, BANK, body, NULL, NULL, session);
    world_run(&world);
}

static void begin_session(const char *policies, const struct world_answer *answers, size_t count)
{
    world_init(&world, policies);
    world.server_is_modern = true;
    world.answers = answers;
    world.answer_count = count;
    world.held_method = "subscriptions/listen";
    world_post(&world, &poster, BANK, INITIALIZE, NULL, NULL, NULL);
    world_run(&world);
    CHECK(poster.status_code == 200);
    memcpy(session, poster.session_id, sizeof(session));
}

static struct world_call *listens(void)
{
    return world_find_call(&world, "subscriptions/listen");
}

static struct world_call *hear(void)
{
    world_ask(&world, &listener, "GET", BANK, session);
    world_run(&world);
    CHECK(listener.stream_begun);
    return listens();
}

static struct world_call *begin_with(const char *policies)
{
    begin_session(policies, ANSWERS, COUNT_OF(ANSWERS));
    return hear();
}

static void say(struct world_call *call, const char *message)
{
    world_message(call, message);
    world_run(&world);
    world_advance(&world, 0);
    world_run(&world);
}

static struct world_call *begin(void)
{
    struct world_call *call = begin_with(PERMIT_ALL);
    say(call, ACKNOWLEDGED(LISTS));
    return call;
}

static size_t heard(const char *text)
{
    size_t count = 0;
    for (const char *at = strstr(listener.body, text); at != NULL; at = strstr(at + 1, text)) {
        count++;
    }
    return count;
}

static bool asks_for(const struct world_call *call, const char *filter)
{
    return strstr(call->body, filter) != NULL;
}

TEST(server_listen_tells_a_legacy_client)
{
    begin_session(PERMIT_ALL, ANSWERS, COUNT_OF(ANSWERS));
    CHECK(strstr(poster.body, "\"resources\":{\"subscribe\":true}") != NULL);
    CHECK(listens() == NULL); /* nobody listens yet */
    struct world_call *call = hear();
    CHECK(asks_for(call, "\"params\":{\"notifications\":" LISTS ",\"_meta\":{"));
    CHECK(strstr(call->fields, "Mcp-Method: subscriptions/listen\n") != NULL);
    say(call, ACKNOWLEDGED(LISTS));
    CHECK(heard("jsonrpc") == 0);
    say(call, CHANGED("tools"));
    CHECK(heard(HEARD_CHANGED("tools")) == 1);
    CHECK(world_count_calls(&world, "GET") == 0);
    world_release(&world);
}

/* Another filter is another request, and the one before ends when that is acknowledged. */
TEST(server_listen_goes_with_the_subscriptions)
{
    struct world_call *before = begin();
    post(SUBSCRIBE("FILE:///a"));
    CHECK(strstr(poster.body, "\"id\":5,\"result\":{}") != NULL);
    CHECK(world_count_calls(&world, "resources/subscribe") == 0);
    CHECK(world_count_records(&world, "resources/subscribe", "\"intent\"") == 1);
    struct world_call *call = listens();
    CHECK(call != before && before->is_open && asks_for(call, WITH("\"file:///a\"")));
    say(before, CHANGED("tools"));
    CHECK(heard("list_changed") == 1);
    say(call, ACKNOWLEDGED(WITH("\"file:///a\"")));
    CHECK(!before->is_open && before->is_cancelled && call->is_open);
    say(call, UPDATED("file:///a/part"));
    CHECK(heard(HEARD("file:///a/part")) == 1);
    post(REQUEST("unsubscribe", "file:///a"));
    CHECK(strstr(poster.body, "\"id\":5,\"result\":{}") != NULL);
    say(call, UPDATED("file:///a"));
    CHECK(heard("updated") == 1);
    CHECK(listens() != call && !asks_for(listens(), "file:///a"));
    world_release(&world);
}

/* Several subscriptions while one request waits for its acknowledgement are one more request. */
TEST(server_listen_asks_once_for_many)
{
    (void)begin();
    post(SUBSCRIBE("file:///a"));
    post(SUBSCRIBE("file:///b"));
    post(SUBSCRIBE("file:///c"));
    CHECK(world_count_calls(&world, "subscriptions/listen") == 2);
    say(listens(), ACKNOWLEDGED(WITH("\"file:///a\"")));
    CHECK(world_count_calls(&world, "subscriptions/listen") == 3);
    CHECK(asks_for(listens(), "file:///a") && asks_for(listens(), "file:///b") &&
          asks_for(listens(), "file:///c"));
    world_release(&world);
}

TEST(server_listen_drops_what_is_not_for_the_client)
{
    static const char *const DROPPED[] = {
        CHANGED("prompts"),
        CHANGED("files"),
        UPDATED("file:///b"),
        UPDATED("no address"),
        NOTICE("resources/updated", OURS),
        NOTICE("message", "\"level\":\"error\",\"data\":1," OURS),
        NOTICE("tasks/status", "\"taskId\":\"t\"," OURS),
    };
    for (size_t i = 0; i < COUNT_OF(DROPPED); i++) {
        struct world_call *call = begin_with(PERMIT_ALL);
        post(SUBSCRIBE("file:///a"));
        say(call, ACKNOWLEDGED(LISTS));
        call = listens();
        say(call, ACKNOWLEDGED(WITH("\"file:///a\"")));
        say(call, DROPPED[i]);
        CHECK_ROW(DROPPED[i], heard("jsonrpc") == 0 && call->is_open);
        world_release(&world);
    }
}

TEST(server_listen_is_judged)
{
    static const char DENY[] = PERMIT_ALL
        "forbid(principal, action in Aegis::Action::\"resources/read\", resource) when { "
        "resource.path like \"/secret*\" };";
    struct world_call *call = begin_with(DENY);
    post(SUBSCRIBE("file:///secret/1"));
    CHECK(strstr(poster.body, "policy_denied") != NULL && listens() == call);
    post(SUBSCRIBE("file:///"));
    say(call, ACKNOWLEDGED(LISTS));
    call = listens();
    say(call, ACKNOWLEDGED(WITH("\"file:///\"")));
    say(call, UPDATED("file:///secret/1"));
    say(call, UPDATED("file:///secret/1"));
    CHECK(heard("updated") == 0);
    CHECK(world_count_records(&world, "authz.deny", "notifications/resources/updated") == 1);
    say(call, UPDATED("file:///open"));
    CHECK(heard("updated") == 1);
    world_release(&world);
}

/* What the server does not agree to is recorded, once, and asked for again with the next. */
TEST(server_listen_records_what_is_not_agreed)
{
    (void)begin();
    post(SUBSCRIBE("file:///a"));
    say(listens(), ACKNOWLEDGED(WITH("\"file:///b\",7,\"no address\"")));
    CHECK(world_count_records(&world, "subscription.refused", "file:///a") == 1);
    post(SUBSCRIBE("file:///b"));
    CHECK(asks_for(listens(), "file:///a"));
    say(listens(), ACKNOWLEDGED(WITH("\"file:///b\"")));
    CHECK(world_count_records(&world, "subscription.refused", "bank") == 1);
    post(SUBSCRIBE("file:///c"));
    say(listens(), ACKNOWLEDGED("{}"));
    CHECK(world_count_records(&world, "subscription.refused", "bank") == 3);
    world_release(&world);
}

TEST(server_listen_needs_the_capability)
{
    begin_session(PERMIT_ALL, PLAIN, COUNT_OF(PLAIN));
    CHECK(strstr(poster.body, "subscribe") == NULL && strstr(poster.body, "Changed") == NULL);
    CHECK(hear() == NULL);
    post(SUBSCRIBE("file:///a"));
    CHECK(strstr(poster.body, "-32601") != NULL && listens() == NULL);
    world_release(&world);
}

static void end(struct world_call *call)
{
    static const char DONE[] =
        "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\"}}";
    if (call->id % 2 == 0) {
        world_end(call, STATUS_UNAVAILABLE, "upstream.down");
        world_run(&world);
    } else {
        say(call, DONE);
    }
}

/* However it ends, it is asked again, after longer and longer times, and not for ever. */
TEST(server_listen_is_asked_again)
{
    struct world_call *call = begin();
    int64_t wait_ms = SERVER_STREAM_RETRY_MS;
    for (size_t i = 0; i < SERVER_STREAM_FAILURES_MAX; i++) {
        end(call);
        CHECK(listens() == NULL);
        world_advance(&world, wait_ms - 1);
        CHECK(listens() == NULL);
        world_advance(&world, 1);
        call = listens();
        CHECK(call != NULL);
        say(call, ACKNOWLEDGED(LISTS));
        wait_ms =
            2 * wait_ms < SERVER_STREAM_RETRY_MS_MAX ? 2 * wait_ms : SERVER_STREAM_RETRY_MS_MAX;
    }
    end(call);
    world_advance(&world, 2 * SERVER_STREAM_RETRY_MS_MAX);
    CHECK(listens() == NULL);
    world_release(&world);
    /* One that lasted has not failed. */
    call = begin();
    for (size_t i = 0; i < 2 * SERVER_STREAM_FAILURES_MAX; i++) {
        world_advance(&world, SERVER_STREAM_RETRY_MS_MAX);
        end(call);
        world_advance(&world, SERVER_STREAM_RETRY_MS);
        call = listens();
        CHECK(call != NULL);
    }
    world_release(&world);
}

TEST(server_listen_ends_with_a_broken_message)
{
    static const char *const BROKEN[] = {
        "{",
        "[]",
        NOTICE("tools/list_changed", "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":0}"),
        NOTICE("tools/list_changed", "\"a\":1"),
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\",\"params\":{" OURS "}}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"result\":{}}",
        ACKNOWLEDGED("{}"),
    };
    for (size_t i = 0; i < COUNT_OF(BROKEN); i++) {
        struct world_call *call = begin();
        say(call, BROKEN[i]);
        CHECK_ROW(BROKEN[i], !call->is_open && heard("jsonrpc") == 0);
        CHECK_ROW(BROKEN[i], world_count_records(&world, "upstream.protocol", "bank") == 1);
        world_advance(&world, SERVER_STREAM_RETRY_MS_MAX);
        CHECK_ROW(BROKEN[i], listens() == NULL && !listener.stream_ended);
        world_release(&world);
    }
}

/* It must begin with what will be told of. */
TEST(server_listen_begins_with_an_acknowledgement)
{
    struct world_call *call = begin_with(PERMIT_ALL);
    say(call, CHANGED("tools"));
    CHECK(!call->is_open && heard("jsonrpc") == 0);
    CHECK(world_count_records(&world, "upstream.protocol", "bank") == 1);
    world_release(&world);
}

TEST(server_listen_ends_with_its_client)
{
    for (int i = 0; i < 4; i++) {
        struct world_call *call = begin();
        post(SUBSCRIBE("file:///a"));
        struct world_call *second = listens();
        CHECK(second != call);
        if (i == 0) {
            client_stream_end(world.gateway.sessions->client->stream);
        } else if (i == 1) {
            world_ask(&world, &closer, "DELETE", BANK, session);
        } else if (i == 2) {
            gateway_drain(&world.gateway);
        } else {
            gateway_close(&world.gateway);
        }
        world_run(&world);
        CHECK(!call->is_open && !second->is_open);
        world_advance(&world, SERVER_STREAM_RETRY_MS_MAX);
        CHECK(listens() == NULL);
        world_release(&world);
    }
}

TEST(server_listen_survives_each_allocation_that_fails)
{
    bool has_begun = true;
    for (size_t n = 0; has_begun; n++) {
        struct world_call *call = begin();
        check_begin_shortage(n, false);
        post(SUBSCRIBE("file:///a"));
        call = listens();
        if (call != NULL) {
            say(call, ACKNOWLEDGED(WITH("\"file:///a\"")));
        }
        if (call != NULL && call->is_open) {
            say(call, UPDATED("file:///a"));
        }
        has_begun = check_end_shortage();
        CHECK(has_begun || heard("updated") == 1);
        world_release(&world);
    }
}
