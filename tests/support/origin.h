/* origin.h: an HTTP server on loopback that says one thing, whatever it is asked. */
#ifndef AEGIS_TESTS_SUPPORT_ORIGIN_H
#define AEGIS_TESTS_SUPPORT_ORIGIN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define ORIGIN_TEXT_BYTES 4096

/* One connection after the other: reads a request, sends the answer, closes. Without an answer it
 * waits for the other side to give up. */
struct origin {
    int listener;
    uint16_t port;
    void (*converse)(struct origin *origin, int fd); /* on its thread; it leaves fd open */
    _Atomic(const char *) answer;
    char request[ORIGIN_TEXT_BYTES]; /* the newest */
    _Atomic size_t request_count;
    pthread_t thread;
};

/* answer: borrowed, of HTTP; NULL for none. It may be replaced between requests. */
void origin_start(struct origin *origin, const char *answer);

/* The same with another way to speak on a connection. */
void origin_start_with(struct origin *origin, void (*converse)(struct origin *origin, int fd),
                       const char *answer);

/* Is this a whole request: a head, and as many bytes behind it as it announces? */
bool origin_is_whole(const char *text);

void origin_stop(struct origin *origin);

#endif
