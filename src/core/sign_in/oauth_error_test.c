#include "core/sign_in/oauth_error.h"

#include "support/check.h"

TEST(oauth_error_has_a_name_for_each_code)
{
    static const struct {
        const char *code, *name;
        int http_status;
    } rows[] = {
        {"sign_in.code_used", "invalid_grant", 400},
        {"sign_in.client", "invalid_client", 401},
        {"sign_in.resource", "invalid_target", 400},
        {"sign_in.provider_down", "temporarily_unavailable", 503},
        {"audit_unavailable", "server_error", 503},
        {"sign_in.", "server_error", 503},
        {NULL, "server_error", 503},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct oauth_error *error = oauth_error_find(rows[i].code);
        CHECK_ROW(rows[i].name, slice_eq(error->name, slice_view_cstr(rows[i].name)));
        CHECK_ROW(rows[i].name, error->http_status == rows[i].http_status);
    }
}

TEST(oauth_error_is_json)
{
    struct buf out;
    buf_init(&out, 1024, NULL);
    oauth_error_write(&out, oauth_error_find("sign_in.denied"));
    CHECK(slice_eq(buf_view(&out), SLICE("{\"error\":\"access_denied\",\"error_description\":"
                                         "\"the person declined\"}")));
    buf_release(&out);
}
