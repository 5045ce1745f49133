/* Programs that are configured without a revision: how each kind of them is opened, and that the
 * next one is opened by what was found (MCP 2026-07-28, stdio; reference, fallback behaviour). */
#include "core/gateway/server_session.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <string.h>

#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{}}}"
#define DISCOVER                                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"server/discover\",\"params\":{" META "}}"
#define ANSWER(member) "{\"jsonrpc\":\"2.0\",\"id\":%ID," member "}"
#define INITIALIZED                                                                                \
    ANSWER("\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"       \
           "\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}")
#define DISCOVERED                                                                                 \
    ANSWER("\"result\":{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],"       \
           "\"capabilities\":{\"tools\":{}}}")
#define OLD_VERSIONS                                                                               \
    ANSWER("\"result\":{\"resultType\":\"complete\",\"supportedVersions\":[\"2025-11-25\"],"       \
           "\"capabilities\":{}}")
#define REFUSED ANSWER("\"error\":{\"code\":-32601,\"message\":\"no\"}")
#define OTHER_VERSIONS                                                                             \
    ANSWER("\"error\":{\"code\":-32022,\"message\":\"no\",\"data\":{\"supported\":[\"2025-11-"     \
           "25\"]}}")
/* What is no answer. */
#define SILENT "silent"
#define ENDS "upstream.down"
#define ENDS_AFTER_PROBE "ends"
#define BUSY "upstream.busy"
#define STEPS_MAX 100
#define PROBE_MS 3000
#define TIMEOUT_MS ((int64_t)4 * PROBE_MS)

struct program {
    const char *name;
    bool is_legacy_client;
    const char *discover, *initialize; /* what it does when it gets them */
    enum program_era era;              /* it is opened in; UNKNOWN: not at all */
    size_t discovers, initializes;
    size_t ended; /* programs that were given up, with their sessions or before */
    size_t next_discovers, next_initializes; /* of the next one */
};

static struct world world;
static struct world_client client;

/* Was the same program asked for its versions? */
static bool was_probed(const struct world_call *call)
{
    for (size_t i = 0; i < world.call_count; i++) {
        const struct world_call *other = &world.calls[i];
        if (other->child == call->child && strcmp(other->method, "server/discover") == 0) {
            return true;
        }
    }
    return false;
}

static void answer(struct world_call *call, const char *deed)
{
    if (strcmp(deed, ENDS_AFTER_PROBE) == 0) {
        deed = was_probed(call) ? ENDS : INITIALIZED;
    }
    if (strcmp(deed, SILENT) == 0) {
        CHECK(call->timeout_ms == PROBE_MS || call->timeout_ms == TIMEOUT_MS);
        world_advance(&world, call->timeout_ms);
        world_end(call, STATUS_TIMEOUT, "upstream.timeout");
    } else if (deed[0] != '{') {
        world_end(call, STATUS_UNAVAILABLE, deed);
    } else {
        world_message(call, deed);
        world_end(call, STATUS_OK, NULL);
    }
}

/* The client comes, and all goes on until nothing is left to do. */
static void open_program(const struct program *program)
{
    bool is_modern = !program->is_legacy_client;
    world_post(&world, &client, BANK, is_modern ? DISCOVER : INITIALIZE,
               is_modern ? "server/discover" : NULL, NULL, NULL);
    bool goes_on = true;
    for (size_t i = 0; goes_on && i < STEPS_MAX; i++) {
        struct world_call *discover = world_find_call(&world, "server/discover");
        struct world_call *initialize = world_find_call(&world, "initialize");
        CHECK_ROW(program->name, discover == NULL || initialize == NULL);
        if (discover != NULL) {
            answer(discover, program->discover);
        } else if (initialize != NULL) {
            answer(initialize, program->initialize);
        } else {
            goes_on = world_step(&world);
        }
    }
    CHECK_ROW(program->name, !goes_on);
}

static void end_program(void)
{
    if (world.gateway.sessions != NULL) { /* a legacy client that failed has none */
        gateway_child_gone(&world.gateway, 0, world.gateway.sessions->child);
    }
    world_advance(&world, SERVER_SESSION_RETRY_MS);
}

static void begin(void)
{
    static const struct gateway_server SERVERS[] = {
        {.name = SLICE_INIT("bank"), .timeout_ms = TIMEOUT_MS, .is_stdio = true},
        {.name = SLICE_INIT("shop"), .timeout_ms = TIMEOUT_MS, .is_stdio = true}};
    world_init(&world, PERMIT_ALL);
    world.snapshot->servers = SERVERS;
}

static void check_program(const struct program *program)
{
    bool is_opened = program->era != PROGRAM_ERA_UNKNOWN;
    bool is_modern = program->era == PROGRAM_ERA_MODERN;
    begin();
    for (size_t i = 0; i < 3; i++) {
        open_program(program);
        bool is_first = i == 0;
        size_t discovers = program->discovers + i * program->next_discovers;
        size_t initializes = program->initializes + i * program->next_initializes;
        CHECK_ROW(program->name, (client.status_code == 200) == is_opened);
        CHECK_ROW(program->name, !is_opened || world.gateway.sessions->is_modern == is_modern);
        CHECK_ROW(program->name, world_count_calls(&world, "server/discover") == discovers);
        CHECK_ROW(program->name, world_count_calls(&world, "initialize") == initializes);
        CHECK_ROW(program->name, !is_first || world.closed_children == program->ended);
        end_program();
    }
    world_release(&world);
}

TEST(program_is_opened_in_its_era)
{
    static const struct program PROGRAMS[] = {
        {"legacy", false, REFUSED, INITIALIZED, PROGRAM_ERA_LEGACY, 1, 1, 0, 0, 1},
        {"legacy, by its versions", false, OLD_VERSIONS, INITIALIZED, PROGRAM_ERA_LEGACY, 1, 1, 0,
         0, 1},
        {"legacy, by the error", false, OTHER_VERSIONS, INITIALIZED, PROGRAM_ERA_LEGACY, 1, 1, 0, 0,
         1},
        {"legacy, silent", false, SILENT, INITIALIZED, PROGRAM_ERA_LEGACY, 1, 1, 0, 0, 1},
        {"legacy, ends", false, ENDS, INITIALIZED, PROGRAM_ERA_LEGACY, 1, 1, 1, 0, 1},
        {"legacy, ends late", false, REFUSED, ENDS_AFTER_PROBE, PROGRAM_ERA_LEGACY, 1, 2, 1, 0, 1},
        {"legacy, slow to end", false, SILENT, ENDS_AFTER_PROBE, PROGRAM_ERA_LEGACY, 1, 2, 1, 0, 1},
        {"modern", false, DISCOVERED, REFUSED, PROGRAM_ERA_MODERN, 1, 0, 0, 1, 0},
        {"both", false, DISCOVERED, INITIALIZED, PROGRAM_ERA_MODERN, 1, 0, 0, 1, 0},
        {"old client, legacy", true, REFUSED, INITIALIZED, PROGRAM_ERA_LEGACY, 1, 1, 0, 0, 1},
        {"old client, legacy, silent", true, SILENT, INITIALIZED, PROGRAM_ERA_LEGACY, 1, 1, 0, 0,
         1},
        {"old client, legacy, ends", true, ENDS, INITIALIZED, PROGRAM_ERA_LEGACY, 1, 1, 1, 0, 1},
        {"old client, modern", true, DISCOVERED, REFUSED, PROGRAM_ERA_MODERN, 2, 1, 0, 1, 0},
        {"old client, modern, silent", true, DISCOVERED, SILENT, PROGRAM_ERA_MODERN, 2, 1, 0, 1, 0},
        {"old client, modern, ends", true, DISCOVERED, ENDS, PROGRAM_ERA_MODERN, 2, 1, 1, 1, 0},
        {"old client, both", true, DISCOVERED, INITIALIZED, PROGRAM_ERA_LEGACY, 1, 1, 0, 0, 1},
    };
    for (size_t i = 0; i < COUNT_OF(PROGRAMS); i++) {
        check_program(&PROGRAMS[i]);
    }
}

/* A program that answers to nothing costs so many questions, each time. */
TEST(program_that_cannot_be_opened)
{
    static const struct program PROGRAMS[] = {
        {"refuses all", false, REFUSED, REFUSED, PROGRAM_ERA_UNKNOWN, 1, 1, 0, 1, 1},
        {"silent", false, SILENT, SILENT, PROGRAM_ERA_UNKNOWN, 1, 1, 0, 1, 1},
        {"silent, then refuses", false, SILENT, REFUSED, PROGRAM_ERA_UNKNOWN, 2, 1, 0, 2, 1},
        {"ends", false, ENDS, ENDS, PROGRAM_ERA_UNKNOWN, 1, 1, 1, 0, 1},
        {"ends with its handshake", false, REFUSED, ENDS, PROGRAM_ERA_UNKNOWN, 1, 2, 1, 0, 1},
        {"no room for it", false, BUSY, INITIALIZED, PROGRAM_ERA_UNKNOWN, 1, 0, 0, 1, 0},
        {"old client, refuses all", true, REFUSED, REFUSED, PROGRAM_ERA_UNKNOWN, 1, 1, 1, 1, 1},
        {"old client, ends", true, ENDS, ENDS, PROGRAM_ERA_UNKNOWN, 1, 1, 2, 0, 1},
        {"old client, no room for it", true, BUSY, INITIALIZED, PROGRAM_ERA_UNKNOWN, 1, 0, 1, 1, 0},
    };
    for (size_t i = 0; i < COUNT_OF(PROGRAMS); i++) {
        check_program(&PROGRAMS[i]);
    }
}

/* What speaks nothing but the era that its client likes less is not asked by the other client. */
TEST(program_is_known_to_clients_of_the_other_era)
{
    static const struct program PROGRAMS[] = {
        {"legacy", false, REFUSED, INITIALIZED, PROGRAM_ERA_LEGACY, 1, 2, 0, 0, 0},
        {"old client, modern", true, DISCOVERED, REFUSED, PROGRAM_ERA_MODERN, 3, 1, 0, 0, 0},
        {"modern", false, DISCOVERED, REFUSED, PROGRAM_ERA_MODERN, 3, 1, 0, 0, 0},
        {"old client, legacy", true, REFUSED, INITIALIZED, PROGRAM_ERA_LEGACY, 2, 2, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(PROGRAMS); i++) {
        struct program other = PROGRAMS[i];
        other.is_legacy_client = !other.is_legacy_client;
        begin();
        open_program(&PROGRAMS[i]);
        end_program();
        open_program(&other);
        CHECK_ROW(other.name, client.status_code == 200);
        CHECK_ROW(other.name, world_count_calls(&world, "server/discover") == other.discovers);
        CHECK_ROW(other.name, world_count_calls(&world, "initialize") == other.initializes);
        world_release(&world);
    }
}

/* What was found is no more than a guess by the next time: the program may be another one. */
TEST(program_that_has_changed)
{
    static const struct program OLD = {"old", false, REFUSED, INITIALIZED, PROGRAM_ERA_LEGACY,
                                       1,     1,     0,       0,           0};
    static const struct program NEW = {"new", false, DISCOVERED, REFUSED, PROGRAM_ERA_MODERN,
                                       1,     0,     0,          0,       0};
    const struct program *turns[] = {&OLD, &NEW, &OLD};
    begin();
    for (size_t i = 0; i < COUNT_OF(turns); i++) {
        open_program(turns[i]);
        CHECK_ROW(turns[i]->name, client.status_code == 200);
        CHECK_ROW(turns[i]->name, world.gateway.sessions->is_modern == (turns[i] == &NEW));
        end_program();
    }
    CHECK(world_count_calls(&world, "initialize") == 3);
    CHECK(world_count_calls(&world, "server/discover") == 3);
    world_release(&world);
}
