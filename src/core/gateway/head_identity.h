/* head_identity.h: what the token of a head would need, sought before its client comes again.
 *
 * A head cannot wait, and its large body is read for a known caller only. So it is turned away, and
 * meanwhile keys are looked for, or the issuer is asked; what it says is judged and remembered as
 * if the token had come with a small request.
 */
#ifndef AEGIS_CORE_GATEWAY_HEAD_IDENTITY_H
#define AEGIS_CORE_GATEWAY_HEAD_IDENTITY_H

#include "core/gateway/gateway.h"

/* miss is of that head, whose texts are copied. Nobody hears of what fails. */
void head_identity_seek(struct gateway *gateway, const struct identity_miss *miss);

#endif
