/* peer_test.h: raw sockets on the loop under test, for the tests of this folder.
 *
 * A peer is a client or an accepted connection; tests are driven by events: peer_run_until turns
 * the loop until a condition holds. */
#ifndef AEGIS_ADAPTERS_TRANSPORT_PEER_TEST_H
#define AEGIS_ADAPTERS_TRANSPORT_PEER_TEST_H

#include "adapters/runtime/loop.h"

#define PEERS_MAX 16

struct peer {
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct buf in;
    struct slice script; /* sent once a request has come in: until the next one */
    bool is_used, is_open, is_ended, is_closed;
};

/* Serves canned answers: the n-th request in all gets answers[n]. */
struct peer_server {
    struct loop *loop;
    uv_tcp_t listener;
    struct peer peers[PEERS_MAX];
    size_t peer_count;
    uint16_t port;
    const struct slice *answers;
    size_t answer_count, request_count;
    bool is_bytewise;  /* one byte a turn */
    bool closes_after; /* end the connection after each answer */
};

void peer_connect(struct peer *peer, struct loop *loop, uint16_t port);
void peer_send(struct peer *peer, struct slice bytes);
void peer_send_bytewise(struct peer *peer, struct slice bytes);
void peer_close(struct peer *peer);

/* All bytes so far. */
struct slice peer_text(const struct peer *peer);
bool peer_contains(const struct peer *peer, struct slice text);
size_t peer_count(const struct peer *peer, struct slice text);

void peer_server_start(struct peer_server *server, struct loop *loop);
void peer_server_stop(struct peer_server *server);

/* Turn the loop until *flag, peer->is_ended or the text is there; false after 5 s. */
bool peer_run_until(struct loop *loop, const bool *flag);
bool peer_run_until_ended(struct loop *loop, const struct peer *peer);
bool peer_run_until_text(struct loop *loop, const struct peer *peer, struct slice text);

/* A few turns in which nothing is expected. */
void peer_run_some(struct loop *loop);

bool slice_contains(struct slice text, struct slice part);

#endif
