/* fake_world.h: the ports of a gateway, played by the test.
 *
 * Nothing happens by itself: what the gateway started waits in lists until the test lets it
 * complete, in any order, late, twice or never. */
#ifndef AEGIS_TESTS_SUPPORT_FAKE_WORLD_H
#define AEGIS_TESTS_SUPPORT_FAKE_WORLD_H

#include "core/gateway/gateway.h"
#include "support/fake_crypto.h"

#define WORLD_CALLS_MAX 64
#define WORLD_RECORDS_MAX 64
#define WORLD_TEXT_BYTES 8192
#define WORLD_FIELDS_MAX 8
#define WORLD_LOOPS 2
#define WORLD_HANDOVERS_MAX 4

#define PERMIT_ALL "permit(principal, action, resource);"
#define META                                                                                       \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define CALL_SEE                                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"tools/call\",\"params\":{\"name\":\"see\","    \
    "\"arguments\":{}," META "}}"
#define ALL_REVISIONS (MCP_REVISIONS_LEGACY | MCP_REVISIONS_MODERN)
#define BANK "/servers/bank/mcp"

/* A call to a server that has not ended. */
struct world_call {
    struct upstream_sink sink;
    char body[WORLD_TEXT_BYTES];
    char fields[1024]; /* "Name: value\n" each */
    char method[64];
    int64_t id;
    uint32_t server;
    int64_t timeout_ms;
    uint64_t child;
    uint64_t caller;
    bool has_others; /* as the gateway says of the child */
    bool is_open, is_cancelled, is_excused, is_get, is_delete, is_in_session;
    bool is_standing; /* the stream of a session: it stays open until the test ends it */
    bool is_stray;    /* completed once more although it was over */
};

struct world_record {
    char text[WORLD_TEXT_BYTES];
    void (*done)(void *user, uint64_t ticket, enum status status);
    void *user;
    uint64_t ticket;
    bool durable, is_pending, is_kept;
};

/* A request on its way to another loop. */
struct world_handover {
    struct exchange *exchange;
    uint16_t loop;
    char method[16], target[256], body[WORLD_TEXT_BYTES];
    char names[WORLD_FIELDS_MAX][64], values[WORLD_FIELDS_MAX][512];
    size_t field_count;
    bool is_gone;
};

/* What a client got. */
struct world_client {
    struct exchange exchange;
    struct world *world;
    char body[WORLD_TEXT_BYTES]; /* answer, or all bytes of the stream */
    char session_id[512];
    char challenge[512];
    char retry_after[8];
    char fields[WORLD_TEXT_BYTES]; /* all of them, "Name: value\n" each */
    int status_code;
    void (*on_release)(struct world_client *client); /* may be NULL; set after the request */
    bool is_replied, stream_begun, stream_ended, is_aborted, is_released, is_slow;
};

/* What a server answers instead of its usual answer; %ID is replaced by the call's id. */
struct world_answer {
    uint32_t server;
    const char *method, *json;
};

struct world {
    struct gateway gateway;
    struct gateway_snapshot *snapshot;
    struct port_clock clock;
    struct port_random random;
    struct fake_crypto crypto;
    struct port_timer timer;
    struct timer *timers; /* armed */
    struct port_upstream upstream;
    struct port_journal journal;
    struct port_poster poster;
    struct port_handover handover;
    struct world *loops[WORLD_LOOPS];                       /* after world_pair */
    struct world_handover handed_over[WORLD_HANDOVERS_MAX]; /* oldest first */
    size_t handover_count;
    struct world_call calls[WORLD_CALLS_MAX];
    size_t call_count;
    struct world_record records[WORLD_RECORDS_MAX];
    size_t record_count;
    int64_t now_ms, now_us;   /* these are added to those */
    int64_t reading_takes_us; /* each reading of the clock to the microsecond */
    bool journal_refuses, journal_fails, journal_keeps, cannot_hand_over;
    bool holds_records;      /* records wait for the test */
    bool repeats;            /* faulty adapters: all completes twice, and what was cancelled too */
    size_t strays;           /* how often that was */
    const char *held_method; /* calls of this method wait for the test */
    bool server_is_modern;
    size_t closed_children;     /* how many */
    const char *server_session; /* the id that servers give with their handshake; NULL: none */
    const struct world_answer *answers; /* of the test; answer_count entries */
    size_t answer_count;
    const char *once_method; /* answers to it are for the first call of a server alone */
};

/* A gateway with the servers "bank" and "shop" and the policies; every caller is dev|ann, role
 * Developers. */
void world_init(struct world *world, const char *policies);
void world_init_with(struct world *world, const char *policies,
                     const struct gateway_limits *limits);
void world_release(struct world *world);

/* Make two worlds the loops 0 and 1 of one node. */
void world_pair(struct world *first, struct world *second);

/* A new snapshot with other policies, as after a reload, that speaks these revisions with clients.
 */
struct gateway_snapshot *world_snapshot(const char *policies, uint32_t revisions);

/* Send any request; false when its head was refused, then client has the answer to that. */
bool world_send(struct world *world, struct world_client *client,
                const struct exchange_request *request);

/* Send a request; body is JSON. Fields of the modern era are added when method is not NULL. */
void world_post(struct world *world, struct world_client *client, const char *target,
                const char *body, const char *method, const char *name, const char *session_id);

/* Open the stream of a session, or end it: GET or DELETE of an endpoint. */
void world_ask(struct world *world, struct world_client *client, const char *method,
               const char *target, const char *session_id);

/* Open a stream again, after the event of that id. */
void world_come_back(struct world *world, struct world_client *client, const char *target,
                     const char *session_id, const char *event_id);

/* Ask for something without a body. */
void world_get(struct world *world, struct world_client *client, const char *target);

/* Let one thing complete that the test does not hold; false when there is none. */
bool world_step(struct world *world);

/* Let everything complete that the test does not hold: records, and calls that answer themselves.
 */
void world_run(struct world *world);

/* Time passes; what is due fires, in order. */
void world_advance(struct world *world, int64_t ms);

/* The newest open call of a method, or NULL. */
struct world_call *world_find_call(struct world *world, const char *method);

/* An event of the stream of a call had that id and that time to wait. */
void world_position(struct world_call *call, const char *event_id, int64_t retry_ms);

/* A server's message on a call; %ID is replaced by the call's id. */
void world_message(struct world_call *call, const char *json);
void world_end(struct world_call *call, enum status status, const char *code);

/* A server refuses a call by its HTTP status. */
void world_refuse(struct world_call *call, int http_status);

/* How many requests of the method reached a server, and how many records hold both texts. */
size_t world_count_calls(const struct world *world, const char *method);
size_t world_count_records(const struct world *world, const char *text, const char *other);

#endif
