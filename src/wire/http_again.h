/* http_again.h: a head like the one before it on a connection.
 *
 * Clients repeat themselves: the next head differs in the value of a field or two. What frames a
 * message are its first line, the names of its fields and the values of those few that parsers look
 * into. Where these are the same bytes, what two parsers said of the head before holds for this
 * one, and only the changed values are judged.
 */
#ifndef AEGIS_WIRE_HTTP_AGAIN_H
#define AEGIS_WIRE_HTTP_AGAIN_H

#include "wire/http_head.h"

/* Does input begin with a head like known?
 *
 * known   the whole head before, which http_head_parse accepted as *head
 * fields  head->fields, to write to
 *
 * True: fields point into input, head->content_length is that of the new head, and *head_bytes its
 * length. False: it differs in more, or has not come whole; fields are not to be used. */
bool http_head_again(struct slice known, struct slice input, struct http_head *head,
                     struct http_field *fields, size_t *head_bytes);

#endif
