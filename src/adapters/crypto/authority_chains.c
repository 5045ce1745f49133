#include "adapters/crypto/authority_chains.h"

#include <openssl/err.h>

static enum status trust_file(struct authority_chains *chains, struct slice file, struct diag *diag)
{
    struct authorities found;
    bool is_fine = true;
    TRY(authorities_read((const char *)file.ptr, &found, diag));
    for (size_t i = 0; is_fine && i < found.count; i++) {
        is_fine = X509_STORE_add_cert(chains->trusted, found.items[i]) == 1;
    }
    authorities_release(&found);
    return is_fine ? STATUS_OK : STATUS_LIMIT;
}

enum status authority_chains_open(struct authority_chains *chains, const struct slice *files,
                                  size_t count, struct diag *diag)
{
    chains->trusted = X509_STORE_new();
    enum status status = chains->trusted != NULL ? STATUS_OK : STATUS_LIMIT;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = trust_file(chains, files[i], diag);
    }
    if (status != STATUS_OK) {
        authority_chains_release(chains);
    }
    return status;
}

/* Known besides those that are trusted. NULL: no memory. */
static STACK_OF(X509) * list(const struct authorities *own)
{
    STACK_OF(X509) *known = sk_X509_new_reserve(NULL, (int)own->count);
    for (size_t i = 0; known != NULL && i < own->count; i++) {
        (void)sk_X509_push(known, own->items[i]);
    }
    return known;
}

static bool ends_elsewhere(X509_STORE_CTX *context, const struct authority_chains *chains,
                           X509 *authority, STACK_OF(X509) * known)
{
    if (X509_STORE_CTX_init(context, chains->trusted, authority, known) != 1) {
        return false;
    }
    X509_STORE_CTX_set_flags(context, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
    int error = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_cleanup(context);
    /* The last: at a trusted one of the same name and another key. */
    return error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
           error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
           error == X509_V_ERR_CERT_SIGNATURE_FAILURE;
}

bool authority_chains_miss(const struct authority_chains *chains, const struct authorities *own)
{
    STACK_OF(X509) *known = list(own);
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    bool are_missed = known != NULL && context != NULL;
    for (size_t i = 0; i < own->count && are_missed; i++) {
        are_missed = ends_elsewhere(context, chains, own->items[i], known);
    }
    X509_STORE_CTX_free(context);
    sk_X509_free(known);
    ERR_clear_error();
    return are_missed;
}

void authority_chains_release(struct authority_chains *chains)
{
    X509_STORE_free(chains->trusted);
    chains->trusted = NULL;
}
