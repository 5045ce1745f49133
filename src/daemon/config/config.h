/* config.h: the configuration file as one immutable struct.
 *
 * Owns the meaning of the file: which keys there are, their types, defaults and references, checked
 * before anything starts. The daemon turns the result into snapshots; secrets are named here, never
 * held. All text lives in the arena given to config_load. Relative paths in the file are relative
 * to the file's folder and come out joined to it.
 */
#ifndef AEGIS_DAEMON_CONFIG_CONFIG_H
#define AEGIS_DAEMON_CONFIG_CONFIG_H

#include "core/identity/issuer_preset.h"
#include "daemon/config/config_limits.h"
#include "daemon/config/config_report.h"
#include "wire/network_range.h"

#define CONFIG_FILE_BYTES_MAX (1024 * 1024)
#define CONFIG_SERVERS_MAX 256
#define CONFIG_VIEWS_MAX 256
#define CONFIG_ISSUERS_MAX 32

/* What preset development uses where the file says nothing; `aegis token mint` has the same. */
#define CONFIG_DEVELOPMENT_ISSUER "urn:aegis:development"
#define CONFIG_DEVELOPMENT_AUDIENCE "aegis"

/* A position in the file, so that later stages can report as precisely as the loader. */
struct config_place {
    uint32_t line, column; /* 1-based; 0: not in the file, a default */
};

struct config_texts {
    struct slice *items;
    size_t count;
};

/* "127.0.0.1:8443", "[::1]:0"; host without brackets, an IP address or "localhost". */
struct config_address {
    struct slice text; /* as written; empty when absent */
    struct slice host;
    uint16_t port; /* 0: any free port */
    bool is_loopback;
};

/* http or https, no user information, no fragment. */
struct config_url {
    struct slice text; /* as written; empty when absent */
    bool is_https;
    struct slice host; /* without brackets */
    uint16_t port;     /* the scheme's when absent */
    struct slice path; /* with query; at least "/" */
};

enum config_client_certificates {
    CONFIG_CLIENT_CERTIFICATES_OPTIONAL = 0,
    CONFIG_CLIENT_CERTIFICATES_REQUIRED,
};

#define CONFIG_CLIENT_CAS_MAX 16

struct config_tls_server {
    struct slice cert, key;        /* PEM files; empty: no TLS */
    struct config_texts client_ca; /* likewise; none: clients are not asked for certificates */
    struct slice client_crl;       /* likewise; empty: none */
    enum config_client_certificates client_certificates;
};

struct config_listen {
    struct config_address address; /* default 127.0.0.1:8080 */
    struct config_url
        public_url; /* without a path or last slash; empty: as bound, only on loopback */
    struct config_tls_server tls;
    struct config_texts scopes; /* that clients are told to ask for at first */
};

/* Users of this machine; empty: see run_as.h. */
struct config_process {
    struct slice user;        /* of the worker */
    struct slice server_user; /* of stdio servers */
};

struct config_control {
    struct config_address address; /* text empty: no control plane */
};

enum config_audit_mode {
    CONFIG_AUDIT_STRICT = 0, /* no record, no answer */
    CONFIG_AUDIT_OFF,        /* only with a loopback listener */
};

struct config_audit {
    enum config_audit_mode mode;
    struct slice dir; /* default STATE_DIR/audit */
};

/* National clouds of Microsoft. */
enum config_cloud {
    CONFIG_CLOUD_GLOBAL = 0,
    CONFIG_CLOUD_US,
    CONFIG_CLOUD_CHINA,
};

enum config_claim_type {
    CONFIG_CLAIM_TEXT = 0, /* "string" */
    CONFIG_CLAIM_LONG,
    CONFIG_CLAIM_BOOL,
    CONFIG_CLAIM_SET, /* set of strings */
};

/* Tokens that are bound to a key of their holder. */
enum config_proofs {
    CONFIG_PROOFS_OPTIONAL = 0,
    CONFIG_PROOFS_REQUIRED,
    CONFIG_PROOFS_OFF, /* refused */
};

struct config_attribute {
    struct slice name, claim;
    enum config_claim_type type;
    struct config_place place;
};

struct config_variable {
    struct slice name, value;
};

/* One claim that roles come from; values are by what stands in it the role that it means. */
struct config_role_source {
    struct slice claim;
    enum issuer_role_kind kind;
    struct slice prefix;
    struct config_variable *values;
    size_t value_count;
};

/* Claims: nested ones with dots ("realm_access.roles") or as JSON Pointers. Empty: the preset's. */
struct config_mapping {
    struct config_texts subject;
    struct slice tenant;
    struct config_role_source *roles;
    size_t role_count;
    struct slice groups, amr, acr;
    struct config_attribute *attributes;
    size_t attribute_count;
};

/* Values that prove something about the sign-in. */
struct config_evidence {
    struct config_texts amr, acr, acrs;
};

/* Who stands behind the certificates of an entry. */
enum config_callers {
    CONFIG_CALLERS_SERVICE = 0,
    CONFIG_CALLERS_USER,
};

/* Which of the provider's tokens clients get to show to the gateway. */
enum config_hand_on {
    CONFIG_HAND_ON_ACCESS_TOKEN = 0,
    CONFIG_HAND_ON_ID_TOKEN, /* of a provider whose access tokens are opaque */
};

/* Where a secret of the gateway's own is, never the secret: exactly one of the two. */
struct config_secret_source {
    struct slice env, file;
};

/* The front door for a provider that registers no clients: the one client that it knows. */
struct config_sign_in {
    struct slice client_id; /* empty: there is no front door */
    struct config_secret_source client_secret;
    /* Filled by the preset if it can; else empty: what the issuer's metadata say. */
    struct config_url authorization_endpoint, token_endpoint;
    struct config_texts scopes;              /* asked for, whatever clients want */
    struct config_variable *optional_scopes; /* by the names of clients, what the provider has */
    size_t optional_scope_count;
    struct slice resource; /* RFC 8707, of a provider that knows it */
    bool names_issuer;     /* in every answer of the authorization endpoint (RFC 9207) */
    enum config_hand_on hands_on;
    struct config_place place;
};

/* Which tokens an issuer is asked about. */
enum config_asked {
    CONFIG_ASKED_OPAQUE = 0, /* the only ones that are accepted */
    CONFIG_ASKED_BOTH,       /* the same, and signed ones are verified here */
    CONFIG_ASKED_ALWAYS,     /* all; signed ones are verified here before */
};

enum config_client_authentication {
    CONFIG_CLIENT_BASIC = 0,
    CONFIG_CLIENT_POST,
};

/* Tokens that only their issuer can read: how it is asked about them. */
struct config_introspection {
    struct config_url endpoint; /* filled by the preset if it can */
    struct slice client_id;     /* the gateway's own; none for Google */
    struct config_secret_source client_secret;
    enum config_client_authentication authentication;
    enum config_asked tokens;
    struct slice prefix;         /* that they begin with; empty: all that have no other's */
    struct config_texts clients; /* that they may be of; none: any */
    bool untyped;                /* an answer needs no "token_type" */
    bool internal_client;        /* of Google: only accounts of the tenant get tokens for it */
    int64_t cache_s;
    struct config_place place; /* line 0: the issuer is not asked */
};

/* Groups that Microsoft Entra leaves out of tokens: where they are looked up. Paths are put behind
 * the addresses, which have no last slash and are filled in by the cloud. */
struct config_graph {
    struct slice client_id; /* the gateway's own */
    struct config_secret_source client_secret;
    struct config_url endpoint; /* of Microsoft Graph */
    struct config_url login;    /* where our client gets its tokens, by tenant */
    int64_t cache_s;
    struct config_place place; /* line 0: they are not looked up */
};

struct config_issuer {
    struct slice name;
    enum issuer_preset_id preset;
    struct slice issuer; /* the exact "iss"; filled by the preset where it can be, then perhaps with
                          * ISSUER_TENANT_PLACE */
    struct config_texts accepted_issuers; /* other values of "iss" */
    struct slice tenant;                  /* as written: one tenant, or "any" */
    struct config_texts tenants;          /* accepted, that one included; none: any */
    bool needs_tenant;
    enum config_cloud cloud;
    int64_t token_version;  /* of Entra: 1 or 2 */
    struct slice token_ver; /* what "ver" must be; empty: anything */
    struct slice namespace; /* before claims of Auth0 */
    enum issuer_typ_policy token_kind;
    struct config_texts audience;
    bool strict_audience;
    struct config_texts other_audiences; /* that a token may name besides; only if strict */
    struct slice keys_path;              /* of preset api-keys: the list */
    struct slice client_ca;              /* of preset mtls: PEM file */
    enum config_callers callers;         /* likewise */
    bool is_exposed;                     /* of preset development: also to other machines */
    struct slice jwks_path;              /* a local file, or */
    struct config_url jwks_url;     /* fetched; both empty for development and where they are found
                                     * by the issuer's metadata, */
    struct config_url metadata_url; /* which is here; empty: where the standards say */
    struct config_texts hosts;      /* that keys may be at besides the issuer's */
    struct config_texts networks;   /* as written, */
    struct network_range *ranges;   /* and read: may be connected to although not public */
    struct slice ca;                /* PEM file of who is trusted about them; empty: the system's */
    struct slice authorities;       /* what is in it */
    uint32_t algorithms;            /* mask of JWS_MASK(); never 0 */
    int64_t skew_s;
    int64_t max_token_age_s;   /* since it was issued; 0: any */
    struct config_texts roles; /* the roles a policy may name */
    struct config_mapping mapping;
    struct config_sign_in sign_in;
    struct config_introspection introspection;
    struct config_graph graph;
    enum config_proofs proofs;
    enum config_proofs certificates; /* tokens that are bound to a certificate of their holder */
    bool asks_nonce;                 /* in proofs */
    struct config_variable *step_up; /* by the name in @step_up what the issuer calls it */
    size_t step_up_count;
    struct config_evidence mfa, phishing_resistant;
    struct config_place place;
};

/* Has it keys that check signatures of tokens? Not with preset api-keys and mtls. */
bool config_issuer_signs(const struct config_issuer *issuer);

/* Has it a front door whose endpoints are those that its metadata name? */
bool config_sign_in_is_found(const struct config_issuer *issuer);

/* Is it asked about tokens? */
bool config_issuer_is_asked(const struct config_issuer *issuer);

/* Are groups looked up that it leaves out of tokens? */
bool config_issuer_looks_up(const struct config_issuer *issuer);

/* And that where its metadata say? */
bool config_introspection_is_found(const struct config_issuer *issuer);

enum config_credential_kind {
    CONFIG_CREDENTIAL_NONE = 0,
    CONFIG_CREDENTIAL_HEADER, /* name is a header field */
    CONFIG_CREDENTIAL_ENV,    /* name is a variable of the child */
};

/* Where the secret is, never the secret. Exactly one of from_env and from_file, unless NONE. */
struct config_credential {
    enum config_credential_kind kind;
    struct slice name;
    struct slice prefix; /* put before the secret, like "Bearer " */
    struct slice from_env;
    struct slice from_file;
    struct config_place place;
};

/* How a server with an address is reached. */
enum config_transport {
    CONFIG_TRANSPORT_ANY = 0, /* find out */
    CONFIG_TRANSPORT_STREAMABLE,
    CONFIG_TRANSPORT_SSE,
};

/* What becomes of a list of several servers when this one gives no part. */
enum config_if_down {
    CONFIG_IF_DOWN_OMIT = 0,
    CONFIG_IF_DOWN_REFUSE,
};

struct config_server {
    struct slice name;           /* config_check_is_name; unique */
    struct config_url url;       /* text empty: a child process */
    struct config_texts command; /* argv; count 0: a URL */
    struct config_variable *env;
    size_t env_count;
    struct slice trust; /* "internal", "partner" or "third-party" (the default) */
    struct config_texts labels;
    struct config_texts scopes; /* that clients of its endpoint ask for as well */
    struct slice revision;      /* "2025-11-25", ...; empty: find out */
    enum config_transport transport;
    enum config_if_down if_down;
    bool deny_as_error;
    uint32_t extensions; /* mcp_extension */
    struct config_credential credential;
    struct slice tls_ca; /* PEM file; empty: the system's */
    int64_t timeout_ms;  /* default: limits.upstream_timeout_ms */
    struct config_place place;
};

/* Texts like "jira.create_issue"; in lists '*' stands for any text of the name. */
struct config_view {
    struct slice name; /* config_check_is_name; unique */
    struct config_texts tools, prompts;
    struct config_texts resources;   /* names of servers */
    struct config_variable *renames; /* of tools: by "server.tool" the name for clients */
    size_t rename_count;
    struct config_variable *descriptions; /* of tools: by "server.tool" the text */
    size_t description_count;
    int64_t max_tools; /* 0: any number */
    struct config_place place;
};

/* Where documents of clients may lie besides the public internet, and whom to believe there. */
struct config_client_documents {
    struct config_texts networks;
    struct network_range *ranges; /* and read */
    struct slice ca;              /* PEM file; empty: the system's */
};

struct config {
    struct slice file, folder, text; /* where it was read from, and what was read */
    struct config_listen listen;
    struct config_control control;
    struct config_process process;
    struct slice store_path;      /* of the SQLite database; default STATE_DIR/aegis.db */
    struct slice state_dir;       /* default /var/lib/aegis */
    struct config_texts policies; /* folders or files */
    struct slice revocations;     /* file; empty: nobody is shut out */
    struct config_place revocations_place;
    struct config_audit audit;
    struct config_issuer *issuers;
    size_t issuer_count; /* 0: nobody can be authenticated, every call is refused */
    struct config_server *servers;
    size_t server_count;
    struct config_view *views;
    size_t view_count;
    struct config_texts origins;   /* allowed Origin values, "https://host[:port]" */
    struct config_texts hosts;     /* allowed Host values; empty: those of address and public_url */
    struct config_texts revisions; /* spoken with clients; empty: all that Aegis speaks */
    struct config_client_documents client_documents;
    int64_t threads; /* 0: one per core that the process may use */
    struct config_limits limits;
};

/* Read, parse and check a file.
 *
 * path    of the file
 * arena   holds the result and the report's texts
 * out     set on STATUS_OK only
 * report  {0} before; every problem found
 *
 * Returns STATUS_OK, STATUS_INVALID when the report has problems (codes: docs/configuration.md), or
 * STATUS_LIMIT when the arena is full; then the report may be incomplete.
 */
NODISCARD enum status config_load(struct slice path, struct arena *arena, struct config **out,
                                  struct config_report *report);

/* A configuration text that is already in memory; must live as long as the result. */
struct config_source {
    struct slice file;   /* name for problems */
    struct slice folder; /* that relative paths are joined to; empty: the working directory */
    struct slice text;
    bool skips_files; /* do not look whether named files exist */
};

/* config_load without reading the file. */
NODISCARD enum status config_load_text(const struct config_source *source, struct arena *arena,
                                       struct config **out, struct config_report *report);

/* The JSON Schema of the file, generated from the tables the loader reads by. */
void config_schema_print(FILE *out);

#endif
