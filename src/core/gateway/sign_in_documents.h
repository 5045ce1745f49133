/* sign_in_documents.h: documents of clients whose id is an address, as they were found lately.
 *
 * Of one loop. Anybody can name an address, so what is kept is bounded, and so is how much is
 * fetched at a time; what could not be used is remembered, too, for a while. */
#ifndef AEGIS_CORE_GATEWAY_SIGN_IN_DOCUMENTS_H
#define AEGIS_CORE_GATEWAY_SIGN_IN_DOCUMENTS_H

#include "core/sign_in/client.h"

#define SIGN_IN_DOCUMENT_FAILED_MS 30000
/* All redirect URIs that a client may have, and its name, escaped. */
#define SIGN_IN_DOCUMENT_TEXT_BYTES_MAX 16384

struct sign_in_document {
    struct buf url, text; /* text as of sign_in_client_write; empty: it could not be used */
    int64_t expires_ms;   /* monotonic */
};

struct sign_in_documents {
    struct sign_in_document *items; /* count_max places, made with the first document */
    size_t count_max;
    size_t fetching; /* documents that are on their way */
};

/* What is known of a document; NULL: nothing, or it is too old. Until the next call of keep. */
const struct sign_in_document *sign_in_documents_find(const struct sign_in_documents *documents,
                                                      struct slice url, int64_t now_ms);

/* Keep what was found at url; client NULL: it cannot be used. The one that ends first makes room.
 * Without memory nothing is kept. */
void sign_in_documents_keep(struct sign_in_documents *documents, struct slice url,
                            const struct sign_in_client *client, int64_t expires_ms,
                            struct account *account);

void sign_in_documents_release(struct sign_in_documents *documents);

#endif
