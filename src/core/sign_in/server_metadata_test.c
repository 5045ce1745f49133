#include "core/sign_in/server_metadata.h"

#include "support/check.h"

TEST(server_metadata_describes_the_front_door)
{
    struct buf out;
    buf_init(&out, 4096, NULL);
    server_metadata_write(&out, SLICE("https://gw.test/sign-in/entra"));
    CHECK(slice_starts_with(
        buf_view(&out),
        SLICE("{\"issuer\":\"https://gw.test/sign-in/entra\","
              "\"authorization_endpoint\":\"https://gw.test/sign-in/entra/authorize\","
              "\"token_endpoint\":\"https://gw.test/sign-in/entra/token\","
              "\"registration_endpoint\":\"https://gw.test/sign-in/entra/register\",")));
    CHECK(slice_ends_with(buf_view(&out),
                          SLICE("\"authorization_response_iss_parameter_supported\":true}")));
    buf_release(&out);
}
