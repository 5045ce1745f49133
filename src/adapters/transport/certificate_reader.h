/* certificate_reader.h: what a verified certificate says of its holder; private to transport.
 *
 * A name with a control character or another sign that its type does not have is not cut or
 * repaired: such a certificate is refused, because two readers could see two names in it.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_CERTIFICATE_READER_H
#define AEGIS_ADAPTERS_TRANSPORT_CERTIFICATE_READER_H

#include "core/identity/client_certificate.h"

#include <openssl/x509v3.h>

/* Read the first certificate of a verified chain. One reference.
 *
 * chain  from the leaf to the authority that is trusted, at most CLIENT_CERTIFICATE_ISSUERS_MAX
 *        behind the leaf
 *
 * STATUS_INVALID with certificate.names or certificate.chain; STATUS_LIMIT with certificate.memory.
 */
NODISCARD enum status certificate_read(STACK_OF(X509) * chain, struct client_certificate **out,
                                       struct diag *diag);

#endif
