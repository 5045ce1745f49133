/* server_metadata.h: the front door described to clients (RFC 8414). */
#ifndef AEGIS_CORE_SIGN_IN_SERVER_METADATA_H
#define AEGIS_CORE_SIGN_IN_SERVER_METADATA_H

#include "base/buf.h"

#define SIGN_IN_PATH "/sign-in/" /* then the name of the issuer entry and one of these: */
#define SIGN_IN_AUTHORIZE "/authorize"
#define SIGN_IN_CONSENT "/consent"
#define SIGN_IN_CALLBACK "/callback"
#define SIGN_IN_TOKEN "/token"
#define SIGN_IN_REGISTER "/register"

/* Append the metadata of the issuer ("https://mcp.example.com/sign-in/NAME") as JSON. */
void server_metadata_write(struct buf *out, struct slice issuer);

#endif
