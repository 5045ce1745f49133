#include "core/gateway/sign_in_documents.h"

#include "support/check.h"

static const struct sign_in_client CLIENT = {
    .name = SLICE_INIT("A client"), .uris = {SLICE_INIT("https://client.test/cb")}, .uri_count = 1};

TEST(sign_in_documents_are_found_until_they_are_too_old)
{
    struct sign_in_documents documents = {.count_max = 2};
    struct account account = {.limit_bytes = 65536};
    CHECK(sign_in_documents_find(&documents, SLICE("https://a.test/a"), 0) == NULL);
    sign_in_documents_keep(&documents, SLICE("https://a.test/a"), &CLIENT, 100, &account);
    const struct sign_in_document *found =
        sign_in_documents_find(&documents, SLICE("https://a.test/a"), 99);
    CHECK(found != NULL && slice_starts_with(buf_view(&found->text), SLICE("{\"redirect_uris\"")));
    CHECK(sign_in_documents_find(&documents, SLICE("https://a.test/b"), 99) == NULL);
    CHECK(sign_in_documents_find(&documents, SLICE("https://a.test/a"), 100) == NULL);
    sign_in_documents_keep(&documents, SLICE("https://a.test/a"), NULL, 200, &account);
    found = sign_in_documents_find(&documents, SLICE("https://a.test/a"), 150);
    CHECK(found != NULL && found->text.len == 0);
    sign_in_documents_release(&documents);
    CHECK(account.used_bytes == 0);
}

TEST(sign_in_documents_are_bounded)
{
    struct sign_in_documents documents = {.count_max = 2};
    struct account account = {.limit_bytes = 65536};
    sign_in_documents_keep(&documents, SLICE("https://a.test/1"), &CLIENT, 300, &account);
    sign_in_documents_keep(&documents, SLICE("https://a.test/2"), &CLIENT, 200, &account);
    sign_in_documents_keep(&documents, SLICE("https://a.test/3"), &CLIENT, 400, &account);
    CHECK(sign_in_documents_find(&documents, SLICE("https://a.test/1"), 0) != NULL);
    CHECK(sign_in_documents_find(&documents, SLICE("https://a.test/2"), 0) == NULL);
    CHECK(sign_in_documents_find(&documents, SLICE("https://a.test/3"), 0) != NULL);
    sign_in_documents_release(&documents);
    documents.count_max = 0;
    sign_in_documents_keep(&documents, SLICE("https://a.test/1"), &CLIENT, 300, &account);
    CHECK(sign_in_documents_find(&documents, SLICE("https://a.test/1"), 0) == NULL);
    documents.count_max = 1;
    account.limit_bytes = 10;
    sign_in_documents_keep(&documents, SLICE("https://a.test/1"), &CLIENT, 300, &account);
    CHECK(sign_in_documents_find(&documents, SLICE("https://a.test/1"), 0) == NULL);
    sign_in_documents_release(&documents);
    CHECK(account.used_bytes == 0);
}
