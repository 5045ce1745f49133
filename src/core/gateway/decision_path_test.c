/* The decision path may ask the kernel for memory and for nothing else (DESIGN, policy model:
 * decisions touch no network and no disk). Whole operations run on fake ports in a process that the
 * kernel kills for any other system call. */
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"
#include "support/memory_only.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define META                                                                                       \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define CALL(tool, arguments)                                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"" tool         \
    "\",\"arguments\":" arguments "," META "}}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}"
#define POLICIES                                                                                   \
    "permit (principal in Aegis::Role::\"Developers\", action, resource);"                         \
    "forbid (principal, action == Aegis::Action::\"bank.pay\", resource)"                          \
    " when { context.arguments.amount > 1000 };"

static struct world world;
static struct world_client client;

struct row {
    const char *name, *target, *method, *tool, *body;
    const char *expected; /* in the answer */
};

static const struct row ROWS[] = {
    {"an allowed call", "/servers/bank/mcp", "tools/call", "pay", CALL("pay", "{\"amount\":5}"),
     "\"text\":\"ok\""},
    {"a denied call", "/servers/bank/mcp", "tools/call", "pay", CALL("pay", "{\"amount\":5000}"),
     "\"isError\":true"},
    {"arguments that do not fit", "/servers/bank/mcp", "tools/call", "pay",
     CALL("pay", "{\"amount\":\"5\"}"), "\"error\""},
    {"a number no policy can hold", "/servers/bank/mcp", "tools/call", "pay",
     CALL("pay", "{\"amount\":1e30}"), "\"error\""},
    {"an unknown tool", "/servers/bank/mcp", "tools/call", "none", CALL("none", "{}"), "\"error\""},
    {"a list of one server", "/servers/bank/mcp", "tools/list", NULL, LIST, "\"pay\""},
    {"a list of all servers", "/mcp", "tools/list", NULL, LIST, "shop__see"},
};

static bool answers_as_expected(void *context)
{
    const struct row *row = context;
    world_post(&world, &client, row->target, row->body, row->method, row->tool, NULL);
    world_run(&world);
    return client.is_replied && strstr(client.body, row->expected) != NULL;
}

TEST(decision_path_asks_for_memory_only)
{
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct row row = ROWS[i];
        world_init(&world, POLICIES);
        CHECK_ROW(row.name, memory_only_run(answers_as_expected, &row) == MEMORY_ONLY_TRUE);
        world_release(&world);
    }
}

/* -- the proof can fail -------------------------------------------------------------------- */

static bool opens_a_file(void *context)
{
    (void)context;
    return open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool reads(void *context)
{
    char byte = 0;
    (void)context;
    return read(0, &byte, 1) >= 0;
}

static bool makes_a_socket(void *context)
{
    (void)context;
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool sleeps(void *context)
{
    (void)context;
    return usleep(1) == 0;
}

static bool touches_memory(void *context)
{
    void *block = base_alloc((size_t)1 << 22);
    (void)context;
    base_free(block);
    return block != NULL;
}

static bool disagrees(void *context)
{
    (void)context;
    return false;
}

TEST(decision_path_proof_finds_what_is_planted)
{
    static const struct {
        const char *name;
        bool (*body)(void *context);
        enum memory_only_end expected;
    } rows[] = {
        {"a file is opened", opens_a_file, MEMORY_ONLY_KILLED},
        {"input is read", reads, MEMORY_ONLY_KILLED},
        {"a socket is made", makes_a_socket, MEMORY_ONLY_KILLED},
        {"it sleeps", sleeps, MEMORY_ONLY_KILLED},
        {"memory only", touches_memory, MEMORY_ONLY_TRUE},
        {"a wrong answer", disagrees, MEMORY_ONLY_FALSE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name, memory_only_run(rows[i].body, NULL) == rows[i].expected);
    }
}
