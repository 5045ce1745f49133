/* inquiry_kind.h: how questions of one kind are put to an issuer, and its answers read.
 *
 * Between inquiries.c, which owns what all kinds have in common, and the files of the kinds; for
 * nobody else.
 */
#ifndef AEGIS_DAEMON_INQUIRY_KIND_H
#define AEGIS_DAEMON_INQUIRY_KIND_H

#include "daemon/inquiries.h"

struct inquiry;

/* What a reply says. */
struct inquiry_reading {
    bool is_yes;
    bool is_stale;     /* with what was asked first (inquiry_means): once that is asked anew */
    struct slice text; /* of a yes; lives as long as the reply and the arena */
    int64_t keep_ms;   /* it counts for so long from the question on, a no for less */
};

struct inquiry_rules {
    uint8_t letter;        /* another one for each kind */
    const char *subject;   /* "about a token" */
    const char *otherwise; /* what becomes of it without an answer: "it gets 503" */
    bool (*is_for)(const struct config_issuer *issuer);
    /* By inquiry_send, or inquiry_ask_first. */
    enum status (*begin)(struct inquiry *inquiry, struct diag *diag);
    /* STATUS_OK: it is a yes or a no, which diag may explain to the operator; else the issuer did
     * not say, and diag has what is told to those who wait. */
    enum status (*read)(const struct inquiry *inquiry, const struct http_client_answer *answer,
                        struct arena *arena, struct inquiry_reading *out, struct diag *diag);
};

extern const struct inquiry_rules introspection_rules;
extern const struct inquiry_rules group_lookup_rules;

const struct config_issuer *inquiry_issuer(const struct inquiry *inquiry);
const struct config_limits *inquiry_limits(const struct inquiry *inquiry);
const struct json_parser *inquiry_parser(const struct inquiry *inquiry);
/* What it is about. Borrowed, and wiped with the question. */
struct slice inquiry_about(const struct inquiry *inquiry);
/* Of our own client at the issuer; empty: it cannot be read. */
struct slice inquiry_secret(const struct inquiry *inquiry);

/* Where its metadata say that it is asked about tokens. Empty: they were not read, or do not say.
 */
struct slice inquiry_found_endpoint(const struct inquiry *inquiry);

/* Ask this first, as one question however many need it. When it is answered with a yes, the kind's
 * begin is called again. */
NODISCARD enum status inquiry_ask_first(struct inquiry *inquiry, const struct inquiry_rules *rules,
                                        struct slice about, struct diag *diag);
/* What that yes said; empty: nothing was asked first yet. Borrowed. */
struct slice inquiry_means(const struct inquiry *inquiry);

/* POST what the kind has filled in: url, is_local, content_type, authorization, body and
 * answer_bytes_max. */
NODISCARD enum status inquiry_send(struct inquiry *inquiry, struct http_client_request *request,
                                   struct diag *diag);

#endif
