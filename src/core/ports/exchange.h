/* exchange.h: one request of a client and the way back to it.
 *
 * The transport owns an exchange from the first byte of a request until the last byte of its
 * answer; the gateway answers through the functions of the vtable. Nothing here assumes HTTP/1.1:
 * fields, a body and a stream of events are all the core knows. All calls happen on the exchange's
 * loop.
 *
 * Life: the transport calls handler.begin once with the whole request. The gateway answers exactly
 * once, either with reply, or with stream_begin, any number of stream_send and one stream_end, or
 * with abort. If the client leaves first, the transport calls exchange.on_gone; after that the
 * gateway calls nothing but release. The gateway ends every exchange with one release; only then
 * may the transport free it.
 */
#ifndef AEGIS_CORE_PORTS_EXCHANGE_H
#define AEGIS_CORE_PORTS_EXCHANGE_H

#include "base/slice.h"
#include "wire/http_reader.h"

struct client_certificate;
struct exchange;

struct exchange_request {
    struct slice method, target; /* "POST", "/mcp" */
    const struct http_field *fields;
    size_t field_count;
    struct slice body;    /* whole, within the body limit */
    struct slice peer_ip; /* text form, without port; empty: this machine's own user */
    /* That the client showed and the transport verified (core/identity/client_certificate.h); NULL:
     * none. Valid until the exchange is released. */
    struct client_certificate *certificate;
    bool is_tls;
    bool is_stdio; /* a line of a byte stream: no field repeats parts of the body */
};

struct exchange_reply {
    int status_code;
    const struct http_field *fields; /* without framing fields: the transport writes those */
    size_t field_count;
    struct slice body;
    bool must_close; /* the connection is not trusted any more */
};

struct exchange_vtable {
    /* The whole answer at once. Copies what it needs. */
    void (*reply)(struct exchange *exchange, const struct exchange_reply *reply);
    /* Begin an answer of unknown length; the transport adds no buffering. reply->body is ignored.
     */
    void (*stream_begin)(struct exchange *exchange, const struct exchange_reply *reply);
    /* Send bytes of the stream (copied). STATUS_LIMIT when the client reads too slowly and the
     * exchange's bounded queue is full: the gateway then aborts. */
    enum status (*stream_send)(struct exchange *exchange, struct slice bytes);
    void (*stream_end)(struct exchange *exchange);
    /* Break off: the client must see that the answer is not complete. */
    void (*abort)(struct exchange *exchange);
    /* The gateway is done with the exchange. Call exactly once, last. */
    void (*release)(struct exchange *exchange);
};

/* Base of the transport's own structure. */
struct exchange {
    const struct exchange_vtable *vtable;
    void *operation; /* the gateway's, NULL before begin */
    struct slice id; /* of the request, as it was written; the gateway's, valid until release */
    void (*on_gone)(struct exchange *exchange); /* set by the gateway in begin */
    bool takes_no_stream; /* there is place for an answer, and for no notification before it */
};

struct exchange_handler {
    void *context;
    /* Judge the head before any body byte is read (Host, Origin, method, media type, token).
     * Returns true to go on. On false *reply holds the answer (valid until the next call). */
    bool (*admit)(void *context, const struct exchange_request *head, struct exchange_reply *reply);
    /* request is valid during the call only: copy what must live longer. */
    void (*begin)(void *context, struct exchange *exchange, const struct exchange_request *request);
    /* The transport refused a request by itself (framing, limits, time-out): for the audit. head
     * has what is known: its target is empty when there is no whole head. *reply is what the
     * transport will answer with; fields may be added, valid until the next call. */
    void (*refused)(void *context, const struct exchange_request *head, const char *code,
                    struct exchange_reply *reply);
};

#endif
