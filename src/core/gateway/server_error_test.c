/* Errors of servers that look like ours, in both eras on both sides, alone and in a stream. */
#include "core/gateway/server_error.h"

#include "core/gateway/product_error.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>
#include <string.h>

#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{}}}"
#define SEE(meta)                                                                                  \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"see\","        \
    "\"_meta\":{\"progressToken\":\"p\"" meta "}}}"
#define MODERN                                                                                     \
    ",\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                                 \
    "\"io.modelcontextprotocol/clientCapabilities\":{}"
#define PROGRESS                                                                                   \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"                      \
    "\"progressToken\":%ID,\"progress\":1}}"
#define DECISION "\"decision_id\":\"00112233445566778899aabbccddeeff\""
#define ANSWER_BYTES 512

enum {
    CLIENT_IS_MODERN = 1,
    SERVER_IS_MODERN = 2,
    IN_STREAM = 4,
    WAYS = 8,
};

static struct world world;
static struct world_client client;

/* A client of one era has called a server of one. */
static struct world_call *begin(int way)
{
    const char *session = NULL;
    world_init(&world, PERMIT_ALL);
    world.server_is_modern = (way & SERVER_IS_MODERN) != 0;
    world.held_method = "tools/call";
    if ((way & CLIENT_IS_MODERN) != 0) {
        world_post(&world, &client, BANK, SEE(MODERN), "tools/call", "see", NULL);
    } else {
        static char text[512];
        world_post(&world, &client, BANK, INITIALIZE, NULL, NULL, NULL);
        world_run(&world);
        memcpy(text, client.session_id, sizeof(text));
        session = text;
        world_post(&world, &client, BANK, SEE(""), NULL, NULL, session);
    }
    world_run(&world);
    struct world_call *call = world_find_call(&world, "tools/call");
    CHECK(call != NULL);
    if ((way & IN_STREAM) != 0) {
        world_message(call, PROGRESS);
        world_run(&world);
        CHECK(client.stream_begun);
    }
    return call;
}

static void fail(struct world_call *call, const char *error)
{
    char answer[ANSWER_BYTES];
    (void)snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":%%ID,\"error\":{%s}}",
                   error);
    world_message(call, answer);
    world_end(call, STATUS_OK, NULL);
    world_run(&world);
    CHECK(client.is_released);
}

static bool got(const char *error)
{
    char text[ANSWER_BYTES];
    (void)snprintf(text, sizeof(text), "\"id\":1,\"error\":{%s}}", error);
    return strstr(client.body, text) != NULL;
}

TEST(server_error_does_not_pose_as_a_decision)
{
    static const struct {
        const char *name, *said, *got;
    } rows[] = {
        {"a denial",
         "\"code\":40301,\"message\":\"denied by policy\",\"data\":{\"code\":\"policy_denied\","
         "\"reason\":\"r\"," DECISION "}",
         "\"code\":-32603,\"message\":\"denied by policy\""},
        {"our number alone", "\"code\":40301,\"message\":\"m\"",
         "\"code\":-32603,\"message\":\"m\""},
        {"our number, data of its own", "\"code\":42901,\"message\":\"m\",\"data\":{\"retry\":1}",
         "\"code\":-32603,\"message\":\"m\",\"data\":{\"retry\":1}"},
        {"an id of a decision", "\"code\":-32000,\"message\":\"m\",\"data\":{" DECISION "}",
         "\"code\":-32000,\"message\":\"m\""},
        {"an id that is no text", "\"code\":7,\"message\":\"m\",\"data\":{\"decision_id\":null}",
         "\"code\":7,\"message\":\"m\""},
        {"one of our names", "\"code\":7,\"message\":\"m\",\"data\":{\"code\":\"overloaded\"}",
         "\"code\":7,\"message\":\"m\""},
        {"one of our names in escapes",
         "\"data\":{\"code\":\"overl\\u006faded\"},\"code\":7,\"message\":\"m\"",
         "\"code\":7,\"message\":\"m\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows) * WAYS; i++) {
        fail(begin((int)(i % WAYS)), rows[i / WAYS].said);
        CHECK_ROW(rows[i / WAYS].name, got(rows[i / WAYS].got));
        CHECK_ROW(rows[i / WAYS].name,
                  world_count_records(&world, "error.posing", "\"outcome\":\"error\"") == 1);
        world_release(&world);
    }
}

TEST(server_error_of_its_own_goes_on)
{
    static const char *const ROWS[] = {
        "\"code\":-32602,\"message\":\"m\",\"data\":{\"code\":\"other\",\"reason\":\"r\"}",
        "\"code\":403,\"message\":\"denied by policy\"",
        "\"code\":40300,\"message\":\"m\"",
        "\"code\":40302,\"message\":\"m\"",
        "\"code\":-40301,\"message\":\"m\"",
        "\"code\":-32000,\"message\":\"m\",\"data\":\"decision_id\"",
        "\"code\":-32000,\"message\":\"m\",\"data\":[\"decision_id\"]",
        "\"code\":-32000,\"message\":\"m\",\"data\":{\"inner\":{\"decision_id\":\"0\"}}",
        "\"code\":-32000,\"message\":\"m\",\"data\":{\"code\":40301}",
    };
    for (size_t i = 0; i < COUNT_OF(ROWS) * WAYS; i++) {
        fail(begin((int)(i % WAYS)), ROWS[i / WAYS]);
        CHECK_ROW(ROWS[i / WAYS], got(ROWS[i / WAYS]));
        CHECK_ROW(ROWS[i / WAYS], world_count_records(&world, "error.posing", "") == 0);
        world_release(&world);
    }
}

TEST(server_error_has_none_of_our_numbers)
{
    for (int i = 0; i < PRODUCT_ERROR_COUNT; i++) {
        const struct product_error_entry *entry = product_error_find((enum product_error)i);
        char error[ANSWER_BYTES / 2];
        (void)snprintf(error, sizeof(error), "\"code\":%d,\"message\":\"m\"", entry->rpc_code);
        fail(begin(i % WAYS), error);
        CHECK_ROW(entry->name, got("\"code\":-32603,\"message\":\"m\""));
        world_release(&world);
    }
}
