/* http_reader.h: HTTP/1.1 messages out of bytes that arrive in any split.
 *
 * The caller pulls events: a head, pieces of its body, its end. Head storage lives from the head
 * event until http_reader_drop_head, so a long stream costs none. After HTTP_ERROR the connection
 * is dead: nothing that follows may be read.
 */
#ifndef AEGIS_WIRE_HTTP_READER_H
#define AEGIS_WIRE_HTTP_READER_H

#include "base/arena.h"
#include "base/buf.h"
#include "wire/http_head.h"

#define HTTP_INTERIM_MAX 8 /* 1xx answers before the real one */

struct http_limits {
    size_t head_bytes_max;
    size_t fields_max; /* up to HTTP_FIELDS_MAX */
    size_t body_bytes_max;
};

#define HTTP_LIMITS_DEFAULT                                                                        \
    {                                                                                              \
        .head_bytes_max = 16384, .fields_max = 100, .body_bytes_max = (size_t)4 << 20              \
    }

enum http_event {
    HTTP_NEED_MORE,
    HTTP_HEAD,
    HTTP_BODY,
    HTTP_END,
    HTTP_ERROR,
};

enum http_state {
    HTTP_STATE_HEAD,
    HTTP_STATE_BODY_LENGTH,
    HTTP_STATE_BODY_UNTIL_CLOSE,
    HTTP_STATE_CHUNK_SIZE,
    HTTP_STATE_CHUNK_SIZE_LF,
    HTTP_STATE_CHUNK_DATA,
    HTTP_STATE_CHUNK_DATA_CR,
    HTTP_STATE_CHUNK_DATA_LF,
    HTTP_STATE_LAST_CR,
    HTTP_STATE_LAST_LF,
    HTTP_STATE_END,
    HTTP_STATE_FAILED,
};

struct http_reader {
    enum http_role role;
    struct http_limits limits;
    enum http_state state;
    struct buf raw;     /* bytes of the head */
    size_t scanned;     /* of raw, already looked at for its end */
    size_t line_count;  /* that ended there */
    size_t known_bytes; /* of raw, which head was made of */
    struct http_field *fields;
    struct http_head head;
    uint64_t left;       /* bytes of the body or chunk still to come */
    uint64_t body_bytes; /* so far */
    unsigned size_digits;
    unsigned interim_count;
    int answer;
};

/* account: borrowed, charged for head storage; may be NULL. */
void http_reader_init(struct http_reader *reader, enum http_role role,
                      const struct http_limits *limits, struct account *account);
void http_reader_release(struct http_reader *reader);

/* The next event; the bytes it took are cut off the front of *input. HTTP_BODY sets *body to a view
 * into input. Codes of errors: http.* */
enum http_event http_reader_next(struct http_reader *reader, struct slice *input,
                                 struct slice *body, struct diag *diag);

/* The peer closed: HTTP_END when that ends a body or nothing had begun, else HTTP_ERROR. */
enum http_event http_reader_finish(struct http_reader *reader, struct diag *diag);

/* Was the head read to its end, and is it kept? Also after an error that came later. */
bool http_reader_has_head(const struct http_reader *reader);

/* Wipe the head's storage and give it back; reader->head.fields must not be used any more. While it
 * is kept, a next message with a head like it costs a comparison (http_again.h). */
void http_reader_drop_head(struct http_reader *reader);

/* No byte of a message has been seen since the last one ended. */
bool http_reader_is_idle(const struct http_reader *reader);

/* The HTTP status to answer after HTTP_ERROR. */
int http_reader_status(const struct http_reader *reader);

#endif
