/* http_connection.h: one client connection of an HTTP server; private to transport. */
#ifndef AEGIS_ADAPTERS_TRANSPORT_HTTP_CONNECTION_H
#define AEGIS_ADAPTERS_TRANSPORT_HTTP_CONNECTION_H

#include "adapters/transport/http_server.h"
#include "adapters/transport/stream.h"
#include "wire/http_reader.h"

enum connection_phase {
    CONNECTION_READING,   /* waiting for a request, or inside one */
    CONNECTION_RUNNING,   /* the gateway has the exchange */
    CONNECTION_LINGERING, /* answered for the last time; what still comes in is dropped */
};

enum connection_wait {
    CONNECTION_WAIT_IDLE,
    CONNECTION_WAIT_HEAD,
    CONNECTION_WAIT_BODY,
    CONNECTION_WAIT_LINGER,
};

struct http_connection {
    struct exchange exchange; /* first: the vtable casts back */
    struct http_server *server;
    struct http_connection *newer, *older;
    struct stream stream;
    struct http_reader reader;
    struct buf body;         /* what came in pieces */
    struct slice whole_body; /* what came in one, in the loop's read buffer */
    struct buf early;        /* bytes of the next request that came while one was running */
    struct timer timer;
    enum connection_phase phase;
    enum connection_wait wait;
    uint32_t request_count;
    size_t dropped_bytes; /* while lingering */
    char peer_text[TCP_ADDRESS_TEXT_BYTES];
    struct slice peer_ip;
    struct client_certificate *certificate; /* a reference; outlives the stream */
    bool is_processing;                     /* http_reader_next is on the stack */
    bool is_in_message;                     /* a head was seen, its message has not ended */
    bool is_chunked;                        /* the answer */
    bool is_head_method;                    /* HEAD: no body in the answer */
    bool version_is_1_0;
    bool must_close;
    bool is_streaming, is_answered, is_gone, is_stream_closed;
};

/* Take the next connection of the server's listener; frees itself when it is over.
 *
 * has_room  false: close it at once
 * Returns false when nothing was accepted; the listener is stalled until it was. */
NODISCARD bool http_connection_accept(struct http_server *server, bool has_room);

/* Waits between two requests. */
bool http_connection_is_idle(const struct http_connection *connection);

/* Close at once; a running exchange is told that its client is gone. */
void http_connection_close(struct http_connection *connection);

/* http_server.c: the list of the server's connections. */
void http_server_add(struct http_server *server, struct http_connection *connection);
void http_server_remove(struct http_server *server, struct http_connection *connection);

/* The value of a Date field, made anew once a second. */
struct slice http_server_date(struct http_server *server);

#endif
