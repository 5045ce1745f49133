/* front_door.h: a gateway with a front door, and whoever comes to it, played by the test.
 *
 * An identity provider and the documents of clients answer when the test lets them. One browser,
 * one client: what a step gave for the next one is in door_ticket. */
#ifndef AEGIS_TESTS_SUPPORT_FRONT_DOOR_H
#define AEGIS_TESTS_SUPPORT_FRONT_DOOR_H

#include "core/gateway/sign_in.h"
#include "core/sign_in/used_codes.h"
#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define GATEWAY "https://gateway.test"
#define DOOR "/sign-in/idp"
#define PROVIDER "https://idp.test"
#define CALLBACK "https://client.test/cb"
#define DOCUMENT "https://client.test/client.json"
#define VERIFIER "a-verifier-of-enough-characters-that-is-good-000"
#define FORM "application/x-www-form-urlencoded"
#define METADATA "{\"client_name\":\"Tests\",\"redirect_uris\":[\"" CALLBACK "\"]}"
#define TOKENS                                                                                     \
    "{\"access_token\":\"theirs\",\"token_type\":\"Bearer\",\"expires_in\":60,"                    \
    "\"refresh_token\":\"again\"}"
#define DOOR_TEXT_BYTES 8192

/* What was asked of another server last. */
struct door_asked {
    struct http_client_sink sink;
    char url[1024], body[DOOR_TEXT_BYTES];
    bool is_local, is_post, is_open, refuses;
    size_t count, cancelled, range_count, answer_bytes_max;
    const char *answer_type; /* Content-Type of what answer says; NULL: JSON */
};

struct door_request {
    const char *method, *target, *type, *body, *cookie, *origin;
};

extern struct world world;
extern struct world_client client;
extern struct door_asked asked;
extern char cookie[64], client_id[2048], ticket[DOOR_TEXT_BYTES];

/* A gateway with the doors "idp", and "other", which hands on ID tokens. */
void door_begin(void);
void door_end(void);

/* False: the head was refused. */
bool ask(struct door_request what);

/* The text between two others, from the first place on. */
bool cut(const char *from, const char *before, const char *after, char *out, size_t size);

/* What was asked of another server ends. */
void answer(int http_status, const char *json);
void fail(enum status status, const char *code);

/* The steps; id: of the client; more: parameters besides the usual ones. */
bool do_register(const char *json);
void do_authorize(const char *id, const char *redirect_uri, const char *more);
bool take_page(void);
void do_consent(const char *decision, const char *with_cookie, const char *origin);
bool take_state(void);
void do_callback(const char *door, const char *more, const char *with_cookie);
bool take_code_of_client(void);
void do_token(const char *id, const char *redirect_uri, const char *verifier, const char *more);

/* Everything up to the code, for a client that registered itself. */
bool get_code(void);

/* Was the client refused with that error, and is there a record with the code? */
bool is_refused(const char *error, const char *code);

#endif
