/* control_message.h: what supervisor and worker say to each other about their lives. */
#ifndef AEGIS_DAEMON_CONTROL_MESSAGE_H
#define AEGIS_DAEMON_CONTROL_MESSAGE_H

#include "core/gateway/gateway.h"

enum control_type {
    /* From the supervisor. Descriptors: the parcel, then loop_count listeners, then as many process
     * channels. */
    CONTROL_START = 1,
    CONTROL_RELOAD, /* the parcel; a SIGHUP follows */
    /* From the worker. */
    CONTROL_READY,
    CONTROL_RELOADED, /* is_done says whether the parcel is in force */
    /* On the keys channel, where the worker waits for the answer: the key set of an issuer, which
     * is a file or the development issuer's. Back comes the same, with the document as descriptor,
     * or without one when it cannot be read. */
    CONTROL_KEYS,
    /* There as well: the file of the revocations, if it is another than stamp says. Back comes the
     * stamp it has now, with it as descriptor unless nothing has changed; is_done is 0 when it
     * cannot be read. */
    CONTROL_REVOCATIONS,
    /* There as well: the keys of now that seal what clients carry. */
    CONTROL_SEALING,
};

/* Both sides are the same program: the struct itself travels. */
struct control_message {
    uint32_t type, loop_count, port, is_done, issuer, unused; /* no padding: all bytes travel */
    uint64_t stamp;
    struct sealing_keys sealing; /* of CONTROL_START and CONTROL_SEALING */
};

#endif
