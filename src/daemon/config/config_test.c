#include "daemon/config/config.h"
#include "daemon/config/config_bounds.h"

#include "core/ports/crypto.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)16 << 20)
#define EXAMPLE "packaging/aegis.example.yaml"

struct loaded {
    struct arena arena;
    struct config *config;
    struct config_report report;
    enum status status;
};

static void load_text(struct loaded *loaded, const char *text)
{
    struct config_source source = {
        .file = SLICE("aegis.yaml"),
        .folder = SLICE("/etc/aegis"),
        .text = slice_view_cstr(text),
        .skips_files = true,
    };
    *loaded = (struct loaded){0};
    arena_init(&loaded->arena, ARENA_BYTES, NULL);
    loaded->status = config_load_text(&source, &loaded->arena, &loaded->config, &loaded->report);
}

#define V "version: 1\n"
#define SERVER V "servers:\n- name: a\n"
#define ISSUER V "identity:\n- name: a\n"
#define OPEN V "listen: {address: '0.0.0.0:1', public_url: 'https://a', tls: {cert: c, key: k}}\n"

#define VIEWS V "servers: [{name: s, url: 'https://a'}]\nviews:\n"

/* One problem each, at exactly this place. */
static const struct refused_row {
    const char *name, *text;
    uint32_t line, column;
    const char *code;
} refused_rows[] = {
    {"root is a list", "- a\n", 1, 1, "config.type"},
    {"root is text", "hello\n", 1, 1, "config.type"},
    {"no version", "threads: 1\n", 1, 1, "config.missing_key"},
    {"version 2", "version: 2\n", 1, 10, "config.value"},
    {"version is text", "version: one\n", 1, 10, "config.value"},
    {"unknown key", V "serverz: []\n", 2, 1, "config.unknown_key"},
    {"merge key", V "<<: {}\n", 2, 1, "config.unknown_key"},
    {"view shows nothing", VIEWS "- {name: v}\n", 4, 3, "config.missing_key"},
    {"view without name", VIEWS "- {tools: [s.x]}\n", 4, 3, "config.missing_key"},
    {"view name upper", VIEWS "- {name: V, tools: [s.x]}\n", 4, 10, "config.value"},
    {"two views", VIEWS "- {name: v, tools: [s.x]}\n- {name: v, tools: [s.y]}\n", 5, 10,
     "config.duplicate_name"},
    {"tool without server", VIEWS "- {name: v, tools: [x]}\n", 4, 21, "config.value"},
    {"tool without name", VIEWS "- {name: v, tools: ['s.']}\n", 4, 21, "config.value"},
    {"tools of any server", VIEWS "- {name: v, tools: ['*.x']}\n", 4, 21, "config.value"},
    {"tool of no server", VIEWS "- {name: v, tools: [t.x]}\n", 4, 21, "config.reference"},
    {"prompt of no server", VIEWS "- {name: v, prompts: t.*}\n", 4, 22, "config.reference"},
    {"resources of no server", VIEWS "- {name: v, resources: [t]}\n", 4, 25, "config.reference"},
    {"rename of a pattern", VIEWS "- {name: v, tools: [s.x], rename: {'s.*': y}}\n", 4, 43,
     "config.value"},
    {"rename to no name", VIEWS "- {name: v, tools: [s.x], rename: {s.x: a b}}\n", 4, 41,
     "config.value"},
    {"rename into a seam", VIEWS "- {name: v, tools: [s.x], rename: {s.x: s__y}}\n", 4, 41,
     "config.value"},
    {"two of one name", VIEWS "- {name: v, tools: [s.x], rename: {s.x: y, s.z: y}}\n", 4, 49,
     "config.duplicate_name"},
    {"description of no server", VIEWS "- {name: v, tools: [s.x], describe: {t.x: y}}\n", 4, 43,
     "config.reference"},
    {"max_tools negative", VIEWS "- {name: v, tools: [s.x], max_tools: -1}\n", 4, 38,
     "config.range"},

    {"address without port", V "listen: {address: 127.0.0.1}\n", 2, 19, "config.address"},
    {"address port too large", V "listen: {address: '127.0.0.1:65536'}\n", 2, 19, "config.address"},
    {"address port negative", V "listen: {address: '127.0.0.1:-1'}\n", 2, 19, "config.address"},
    {"address port empty", V "listen: {address: '127.0.0.1:'}\n", 2, 19, "config.address"},
    {"address is a name", V "listen: {address: 'example.com:80'}\n", 2, 19, "config.address"},
    {"address v6 bare", V "listen: {address: '::1:80'}\n", 2, 19, "config.address"},
    {"address v6 open", V "listen: {address: '[::1'}\n", 2, 19, "config.address"},
    {"address v6 tail", V "listen: {address: '[::1]x80'}\n", 2, 19, "config.address"},
    {"address is a list", V "listen: {address: []}\n", 2, 19, "config.type"},
    {"open without tls", V "listen: {address: '0.0.0.0:1', public_url: 'https://a'}\n", 2, 19,
     "config.exposed"},
    {"open without public_url", V "listen: {address: '0.0.0.0:1', tls: {cert: c, key: k}}\n", 2, 19,
     "config.missing_key"},
    {"tls without key", V "listen: {tls: {cert: c}}\n", 2, 15, "config.missing_key"},
    {"public_url with path", V "listen: {public_url: 'https://a/b'}\n", 2, 22, "config.url"},
    {"public_url with capitals", V "listen: {public_url: 'https://GW.a'}\n", 2, 22, "config.url"},
    {"public_url with a scheme in capitals", V "listen: {public_url: 'HTTPS://a'}\n", 2, 22,
     "config.url"},
    {"public_url with the scheme's port", V "listen: {public_url: 'https://a:443'}\n", 2, 22,
     "config.url"},
    {"public_url with the scheme's port and a slash",
     V "listen: {public_url: 'http://localhost:80/'}\n", 2, 22, "config.url"},
    {"public_url plain", V "listen: {public_url: 'http://a'}\n", 2, 22, "config.exposed"},
    {"public_url wrong scheme", V "listen: {public_url: 'ftp://a'}\n", 2, 22, "config.url"},
    {"development exposed", OPEN "identity: [{name: a, preset: development}]\n", 3, 30,
     "config.exposed"},
    {"development exposed, which it is told not to be",
     OPEN "identity: [{name: a, preset: development, exposed: false}]\n", 3, 30, "config.exposed"},
    {"another issuer that is told to be exposed",
     OPEN "identity: [{name: a, issuer: 'https://a', audience: a, exposed: true}]\n", 3, 65,
     "config.conflict"},
    {"development behind a proxy",
     V "listen: {public_url: 'https://a'}\nidentity: [{name: a, preset: development}]\n", 3, 30,
     "config.exposed"},
    {"audit off behind a proxy", V "listen: {public_url: 'https://a'}\naudit: {mode: off}\n", 3, 8,
     "config.exposed"},
    {"audit off exposed", OPEN "audit: {mode: off}\n", 3, 8, "config.exposed"},
    {"control open", V "control: {address: '0.0.0.0:1'}\n", 2, 20, "config.exposed"},
    {"control as listen", V "control: {address: '127.0.0.1:8080'}\n", 2, 20, "config.conflict"},
    {"control without address", V "control: {}\n", 2, 10, "config.missing_key"},

    {"postgres", V "store: postgres://a/b\n", 2, 8, "config.unsupported"},
    {"store without scheme", V "store: /a/b\n", 2, 8, "config.value"},
    {"store relative", V "store: sqlite://a\n", 2, 8, "config.value"},
    {"store without path", V "store: sqlite:///\n", 2, 8, "config.value"},
    {"no policies", V "policies: []\n", 2, 11, "config.value"},
    {"policies null", V "policies:\n", 2, 10, "config.type"},
    {"policy is a mapping", V "policies: [{a: b}]\n", 2, 12, "config.type"},
    {"audit mode", V "audit: {mode: strickt}\n", 2, 15, "config.value"},
    {"an audit that would go on", V "audit: {mode: relaxed}\n", 2, 15, "config.value"},
    {"empty path", V "state_dir: ''\n", 2, 12, "config.value"},
    {"control character", V "state_dir: \"a\\nb\"\n", 2, 12, "config.value"},
    {"NUL", V "state_dir: \"a\\0b\"\n", 2, 12, "config.value"},
    {"revisions", V "revisions: [2025-11-25, 2024-10-07]\n", 2, 25, "config.value"},
    {"a revision to come", V "revisions: 2031-01-01\n", 2, 12, "config.value"},
    {"revisions are a mapping", V "revisions: {a: b}\n", 2, 12, "config.type"},
    {"threads negative", V "threads: -1\n", 2, 10, "config.range"},
    {"threads too many", V "threads: 257\n", 2, 10, "config.range"},
    {"threads quoted", V "threads: '1'\n", 2, 10, "config.type"},
    {"threads fraction", V "threads: 1.5\n", 2, 10, "config.type"},
    {"threads overflow", V "threads: 99999999999999999999\n", 2, 10, "config.range"},
    {"unknown limit", V "limits: {body_byte: 1}\n", 2, 10, "config.unknown_key"},
    {"limit below", V "limits: {body_bytes: 1023}\n", 2, 22, "config.range"},
    {"limit above", V "limits: {body_bytes: 67108865}\n", 2, 22, "config.range"},
    {"limit with unit", V "limits: {body_bytes: 1MiB}\n", 2, 22, "config.type"},
    {"limits is a list", V "limits: []\n", 2, 9, "config.type"},
    {"origin with slash", V "origins: [https://a/]\n", 2, 11, "config.url"},
    {"origin null", V "origins: ['null']\n", 2, 11, "config.url"},
    {"host with scheme", V "hosts: ['https://a']\n", 2, 9, "config.address"},
    {"host port zero", V "hosts: ['a:0']\n", 2, 9, "config.address"},

    {"server without name", V "servers:\n- {url: 'https://a'}\n", 3, 3, "config.missing_key"},
    {"server is text", V "servers: [a]\n", 2, 11, "config.type"},
    {"servers is a mapping", V "servers: {a: {}}\n", 2, 10, "config.type"},
    {"server name upper", V "servers: [{name: A, url: 'https://a'}]\n", 2, 18, "config.value"},
    {"server name dot", V "servers: [{name: a.b, url: 'https://a'}]\n", 2, 18, "config.value"},
    {"server name sign first", V "servers: [{name: -a, url: 'https://a'}]\n", 2, 18,
     "config.value"},
    {"server name with a seam", V "servers: [{name: a__b, url: 'https://a'}]\n", 2, 18,
     "config.value"},
    {"server name ends in a seam", V "servers: [{name: a_, url: 'https://a'}]\n", 2, 18,
     "config.value"},
    {"server name 33", V "servers: [{name: a23456789012345678901234567890123, url: 'https://a'}]\n",
     2, 18, "config.value"},
    {"server twice", SERVER "  url: https://a\n- name: a\n  url: https://b\n", 5, 9,
     "config.duplicate_name"},
    {"neither url nor command", SERVER, 3, 3, "config.conflict"},
    {"url and command", SERVER "  url: https://a\n  command: [b]\n", 3, 3, "config.conflict"},
    {"url no scheme", SERVER "  url: a.example\n", 4, 8, "config.url"},
    {"url no host", SERVER "  url: https:///a\n", 4, 8, "config.url"},
    {"url space", SERVER "  url: https://a/b c\n", 4, 8, "config.url"},
    {"url fragment", SERVER "  url: 'https://a/#b'\n", 4, 8, "config.url"},
    {"url user", SERVER "  url: https://user:hunter2@a/\n", 4, 8, "config.url"},
    {"url backslash", SERVER "  url: 'https://a\\b'\n", 4, 8, "config.url"},
    {"url bad port", SERVER "  url: https://a:99999/\n", 4, 8, "config.url"},
    {"url port zero", SERVER "  url: https://a:0/\n", 4, 8, "config.url"},
    {"url bad v6", SERVER "  url: 'https://[::g]/'\n", 4, 8, "config.url"},
    {"url query at once", SERVER "  url: https://a?b\n", 4, 8, "config.url"},
    {"url with env", SERVER "  url: https://a\n  env: {A: b}\n", 5, 8, "config.conflict"},
    {"command with tls", SERVER "  command: a\n  tls: {ca: b}\n", 5, 8, "config.conflict"},
    {"command empty", SERVER "  command: []\n", 4, 12, "config.value"},
    {"env name", SERVER "  command: a\n  env: {1A: b}\n", 5, 9, "config.value"},
    {"env secret", SERVER "  command: a\n  env: {DB_PASSWORD: b}\n", 5, 9, "config.secret_inline"},
    {"env null", SERVER "  command: a\n  env: {A: }\n", 5, 12, "config.type"},
    {"trust", SERVER "  url: https://a\n  trust: externl\n", 5, 10, "config.value"},
    {"revision", SERVER "  url: https://a\n  revision: 2024-10-07\n", 5, 13, "config.value"},
    {"extension", SERVER "  url: https://a\n  extensions: [com.example/x]\n", 5, 16,
     "config.value"},
    {"no extensions", SERVER "  url: https://a\n  extensions: []\n", 5, 15, "config.value"},
    {"extension by its short name", SERVER "  url: https://a\n  extensions: tasks\n", 5, 15,
     "config.value"},
    {"transport", SERVER "  url: https://a\n  transport: http\n", 5, 14, "config.value"},
    {"command with transport", SERVER "  command: a\n  transport: sse\n", 5, 14, "config.conflict"},
    {"sse and a modern revision",
     SERVER "  url: https://a\n  revision: 2026-07-28\n  transport: sse\n", 6, 14,
     "config.conflict"},
    {"if_down", SERVER "  url: https://a\n  if_down: ignore\n", 5, 12, "config.value"},
    {"deny_as", SERVER "  url: https://a\n  deny_as: http\n", 5, 12, "config.value"},
    {"timeout 9", SERVER "  url: https://a\n  timeout_ms: 9\n", 5, 15, "config.range"},
    {"inspect comes later", SERVER "  url: https://a\n  inspect: {}\n", 5, 12,
     "config.unsupported"},

    {"credential inline", SERVER "  url: https://a\n  credential: hunter2\n", 5, 15, "config.type"},
    {"credential mode", SERVER "  url: https://a\n  credential: {servce: {}}\n", 5, 16,
     "config.unknown_key"},
    {"on behalf of", SERVER "  url: https://a\n  credential: {on_behalf_of: {}}\n", 5, 30,
     "config.unsupported"},
    {"secret inline",
     SERVER "  url: https://a\n  credential: {service: {header: A, from: hunter2}}\n", 5, 43,
     "config.type"},
    {"secret as env",
     SERVER "  url: https://a\n  credential: {service: {header: A, from: {env: hunter-2}}}\n", 5,
     49, "config.secret_inline"},
    {"secret value key",
     SERVER "  url: https://a\n  credential: {service: {header: A, from: {env: B, value: x}}}\n", 5,
     52, "config.unknown_key"},
    {"secret from both",
     SERVER "  url: https://a\n  credential: {service: {header: A, from: {env: B, file: c}}}\n", 5,
     43, "config.conflict"},
    {"secret from none",
     SERVER "  url: https://a\n  credential: {service: {header: A, from: {}}}\n", 5, 43,
     "config.conflict"},
    {"secret from vault",
     SERVER "  url: https://a\n  credential: {service: {header: A, from: {vault: kv/a}}}\n", 5, 51,
     "config.unsupported"},
    {"no from", SERVER "  url: https://a\n  credential: {service: {header: A}}\n", 5, 25,
     "config.missing_key"},
    {"no carrier", SERVER "  url: https://a\n  credential: {service: {from: {env: A}}}\n", 5, 25,
     "config.conflict"},
    {"header name",
     SERVER "  url: https://a\n  credential: {service: {header: 'A b', from: {env: B}}}\n", 5, 34,
     "config.value"},
    {"header of framing",
     SERVER "  url: https://a\n  credential: {service: {header: Host, from: {env: B}}}\n", 5, 34,
     "config.value"},
    {"header of MCP",
     SERVER "  url: https://a\n  credential: {service: {header: Mcp-Method, from: {env: B}}}\n", 5,
     34, "config.value"},
    {"env for a url",
     SERVER "  url: https://a\n  credential: {service: {env: A, from: {env: B}}}\n", 5, 15,
     "config.conflict"},
    {"header for a command",
     SERVER "  command: a\n  credential: {service: {header: A, from: {env: B}}}\n", 5, 15,
     "config.conflict"},
    {"credential in the clear",
     SERVER "  url: http://a\n  credential: {service: {header: A, from: {env: B}}}\n", 5, 15,
     "config.exposed"},

    {"preset", ISSUER "  preset: entrra\n", 4, 11, "config.value"},
    {"entra without tenant", ISSUER "  preset: entra\n  audience: b\n", 3, 3, "config.missing_key"},
    {"entra tenant", ISSUER "  preset: entra\n  audience: b\n  tenant: a/b\n", 6, 11,
     "config.value"},
    {"metadata and keys",
     ISSUER "  issuer: https://a\n  audience: b\n  jwks: https://a\n  metadata_url: https://a\n", 7,
     17, "config.conflict"},
    {"metadata plain", ISSUER "  issuer: https://a\n  audience: b\n  metadata_url: http://a\n", 6,
     17, "config.exposed"},
    {"metadata at no URL", ISSUER "  issuer: https://a\n  audience: b\n  metadata_url: a\n", 6, 17,
     "config.url"},
    {"a host with a port", ISSUER "  issuer: https://a\n  audience: b\n  hosts: 'b:1'\n", 6, 10,
     "config.value"},
    {"a host that is an address", ISSUER "  issuer: https://a\n  audience: b\n  hosts: https://b\n",
     6, 10, "config.value"},
    {"a network without bits", ISSUER "  issuer: https://a\n  audience: b\n  networks: 10.0.0.0\n",
     6, 13, "config.value"},
    {"a network with too many bits",
     ISSUER "  issuer: https://a\n  audience: b\n  networks: 10.0.0.0/33\n", 6, 13, "config.value"},
    {"a network with bits behind",
     ISSUER "  issuer: https://a\n  audience: b\n  networks: 10.0.0.1/8\n", 6, 13, "config.value"},
    {"a network with a sign", ISSUER "  issuer: https://a\n  audience: b\n  networks: fd00::/-8\n",
     6, 13, "config.value"},
    {"a network by name", ISSUER "  issuer: https://a\n  audience: b\n  networks: home/8\n", 6, 13,
     "config.value"},
    {"oidc without issuer", ISSUER "  jwks: https://a\n  audience: b\n", 3, 3,
     "config.missing_key"},
    {"no audience", ISSUER "  issuer: https://a\n  jwks: https://a\n", 3, 3, "config.missing_key"},
    {"issuer no URL", ISSUER "  issuer: a\n  jwks: https://a\n  audience: b\n", 4, 11,
     "config.url"},
    {"issuer plain", ISSUER "  issuer: http://a\n  jwks: https://a\n  audience: b\n", 4, 11,
     "config.exposed"},
    {"jwks plain", ISSUER "  issuer: https://a\n  jwks: http://a\n  audience: b\n", 5, 9,
     "config.exposed"},
    {"development with jwks", ISSUER "  preset: development\n  jwks: https://a\n", 5, 9,
     "config.conflict"},
    {"keys of nobody", ISSUER "  preset: api-keys\n", 3, 3, "config.missing_key"},
    {"keys with an issuer", ISSUER "  preset: api-keys\n  keys: k\n  issuer: https://a\n", 6, 11,
     "config.conflict"},
    {"keys with an audience", ISSUER "  preset: api-keys\n  keys: k\n  audience: a\n", 6, 13,
     "config.conflict"},
    {"keys with a mapping", ISSUER "  preset: api-keys\n  keys: k\n  mapping: {subject: a}\n", 6,
     12, "config.conflict"},
    {"keys with roles", ISSUER "  preset: api-keys\n  keys: k\n  roles: [a]\n", 6, 10,
     "config.conflict"},
    {"keys of an issuer", ISSUER "  preset: development\n  keys: k\n", 5, 9, "config.conflict"},
    {"algorithm none", ISSUER "  preset: development\n  algorithms: [none]\n", 5, 16,
     "config.value"},
    {"algorithm HS256", ISSUER "  preset: development\n  algorithms: HS256\n", 5, 15,
     "config.value"},
    {"no algorithms", ISSUER "  preset: development\n  algorithms: []\n", 5, 15, "config.value"},
    {"skew 301", ISSUER "  preset: development\n  skew_s: 301\n", 5, 11, "config.range"},
    {"issuer name twice", ISSUER "  preset: development\n- name: a\n  preset: development\n", 5, 9,
     "config.duplicate_name"},
    {"attribute name", ISSUER "  preset: development\n  mapping: {attributes: {a-b: {claim: c}}}\n",
     5, 26, "config.value"},
    {"attribute type",
     ISSUER "  preset: development\n  mapping: {attributes: {a: {claim: c, type: text}}}\n", 5, 46,
     "config.value"},
    {"attribute claim", ISSUER "  preset: development\n  mapping: {attributes: {a: {}}}\n", 5, 29,
     "config.missing_key"},
};

static bool contains(struct slice text, struct slice part)
{
    for (size_t at = 0; at + part.len <= text.len; at++) {
        if (slice_eq(slice_sub(text, at, at + part.len), part)) {
            return true;
        }
    }
    return false;
}

TEST(config_refuses_each_mistake_at_its_place)
{
    for (size_t i = 0; i < COUNT_OF(refused_rows); i++) {
        const struct refused_row *row = &refused_rows[i];
        struct loaded loaded;
        load_text(&loaded, row->text);
        CHECK_ROW(row->name, loaded.status == STATUS_INVALID && loaded.config == NULL);
        CHECK_ROW(row->name, loaded.report.count == 1);
        const struct config_problem *problem = loaded.report.problems;
        if (loaded.report.count > 0) {
            bool is_exact = problem->line == row->line && problem->column == row->column &&
                            str_eq(problem->code, row->code);
            CHECK_ROW(row->name, is_exact);
            CHECK_ROW(row->name, !contains(problem->message, SLICE("hunter")));
            CHECK_ROW(row->name, !contains(problem->hint, SLICE("hunter")));
            if (!is_exact || loaded.report.count != 1) {
                config_report_print(stdout, &loaded.report);
            }
        }
        arena_release(&loaded.arena);
    }
}

TEST(config_suggests_the_nearest_word)
{
    static const struct {
        const char *text, *hint; /* "": none */
    } rows[] = {
        {V "serverz: []\n", "did you mean 'servers'?"},
        {V "polices: a\n", "did you mean 'policies'?"},
        {V "tls: a\n", ""},
        {V "zzzzzz: a\n", ""},
        {V "audit: {mode: strcit}\n", "did you mean 'strict'?"},
        {V "limits: {boddy_bytes: 1}\n", "did you mean 'body_bytes'?"},
        {SERVER "  url: https://a\n  tiemout_ms: 10\n", "did you mean 'timeout_ms'?"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        load_text(&loaded, rows[i].text);
        CHECK_ROW(rows[i].text, loaded.report.count == 1);
        CHECK_ROW(rows[i].text,
                  loaded.report.count == 1 &&
                      slice_eq(loaded.report.problems[0].hint, slice_view_cstr(rows[i].hint)));
        arena_release(&loaded.arena);
    }
}

TEST(config_accepts)
{
    static const char *const rows[] = {
        V,
        "---\n" V "...\n",
        "\xEF\xBB\xBF" V,
        V "listen: {address: '[::1]:0'}\n",
        V "listen: {address: 'localhost:65535', public_url: 'http://localhost:9/'}\n",
        OPEN,
        V "threads: 0\nrevisions: 2026-07-28\n",
        V "threads: 256\n",
        V "revisions: [2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, 2026-07-28]\n",
        V "limits: {body_bytes: 1024, head_fields: 128}\n",
        V "limits: {}\nservers: []\nidentity: []\n",
        V "origins: https://a.example:8443\nhosts: [a, 'b:1', '[::1]:2', 127.0.0.1]\n",
        V "audit: {mode: off}\n",
        SERVER "  url: https://a\n  credential: none\n  deny_as: error\n  timeout_ms: 10\n",
        SERVER "  url: 'HTTPS://a:1/b?c=d'\n  revision: 2025-11-25\n",
        SERVER "  url: https://a\n  extensions: [io.modelcontextprotocol/tasks, "
               "io.modelcontextprotocol/ui, io.modelcontextprotocol/skills]\n",
        SERVER "  url: https://a\n  revision: 2024-11-05\n  transport: sse\n",
        SERVER "  url: https://a\n  transport: streamable-http\n",
        SERVER "  command: a\n  if_down: refuse\n",
        SERVER "  url: http://127.0.0.1:1/\n  credential: {service: {header: A, from: {env: B}}}\n",
        SERVER "  command: a\n  env: {A: 1, B: 'true'}\n",
        ISSUER "  preset: development\n",
        ISSUER "  preset: development\n  issuer: anything\n  audience: [b, c]\n  skew_s: 0\n",
        OPEN "identity: [{name: a, preset: development, exposed: true}]\n",
        V "listen: {public_url: 'https://a:80'}\n",
        V "listen: {public_url: 'https://a:8443/'}\n",
        V "listen: {public_url: 'http://[::1]:443'}\n",
        ISSUER "  preset: auth0\n  issuer: https://a.example/\n  audience: b\n",
        V "servers: [{name: a2345678901234567890123456789012, url: 'https://a'}]\n",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        load_text(&loaded, rows[i]);
        CHECK_ROW(rows[i], loaded.status == STATUS_OK && loaded.config != NULL);
        config_report_print(stdout, &loaded.report);
        arena_release(&loaded.arena);
    }
}

TEST(config_reports_everything_at_once_in_order)
{
    static const char text[] = "version: 3\n"
                               "lisen: {}\n"
                               "servers:\n"
                               "- {name: a, url: ftp://x}\n"
                               "- {name: a, trust: no}\n"
                               "threads: many\n"
                               "store: &s x\n";
    static const char *const codes[] = {
        "config.value",    "config.unknown_key",    "config.url",
        "config.conflict", "config.duplicate_name", "config.value",
        "config.type",     "config.yaml_feature",   "config.value",
    };
    struct loaded loaded;
    load_text(&loaded, text);
    CHECK(loaded.report.count == COUNT_OF(codes));
    for (size_t i = 0; i < loaded.report.count && i < COUNT_OF(codes); i++) {
        CHECK_ROW(codes[i], str_eq(loaded.report.problems[i].code, codes[i]));
    }
    if (loaded.report.count != COUNT_OF(codes)) {
        config_report_print(stdout, &loaded.report);
    }
    arena_release(&loaded.arena);
}

TEST(config_fills_defaults)
{
    struct loaded loaded;
    load_text(&loaded, V "servers: [{name: a, url: 'https://h/mcp'}]\n"
                         "identity: [{name: d, preset: development},\n"
                         "  {name: g, preset: google, tenants: [a.example], audience: x}]\n");
    const struct config *config = loaded.config;
    CHECK(config != NULL);
    if (config != NULL) {
        CHECK(slice_eq(config->listen.address.text, SLICE("127.0.0.1:8080")));
        CHECK(config->listen.address.is_loopback && config->listen.address.port == 8080);
        CHECK(config->control.address.text.len == 0 && config->listen.public_url.text.len == 0);
        CHECK(slice_eq(config->audit.dir, SLICE("/var/lib/aegis/audit")));
        CHECK(slice_eq(config->store_path, SLICE("/var/lib/aegis/aegis.db")));
        CHECK(config->audit.mode == CONFIG_AUDIT_STRICT && config->revisions.count == 0);
        const struct config_server *server = &config->servers[0];
        CHECK(slice_eq(server->trust, SLICE("third-party")) && server->timeout_ms == 60000);
        CHECK(slice_eq(server->url.host, SLICE("h")) && server->url.port == 443);
        CHECK(slice_eq(server->url.path, SLICE("/mcp")) && server->place.line == 2);
        CHECK(server->credential.kind == CONFIG_CREDENTIAL_NONE && !server->deny_as_error);
        const struct config_issuer *development = &config->issuers[0];
        CHECK(slice_eq(development->issuer, SLICE(CONFIG_DEVELOPMENT_ISSUER)));
        CHECK(slice_eq(development->audience.items[0], SLICE(CONFIG_DEVELOPMENT_AUDIENCE)));
        CHECK(development->skew_s == 60);
        CHECK(development->algorithms ==
              (JWS_MASK(JWS_RS256) | JWS_MASK(JWS_PS256) | JWS_MASK(JWS_ES256)));
        CHECK(config->issuers[1].skew_s == 60 && config->issuers[1].tenants.count == 1);
    }
    arena_release(&loaded.arena);
}

TEST(config_reads_where_keys_are)
{
    struct loaded loaded;
    load_text(&loaded,
              SERVER "  url: https://h\nidentity:\n- name: a\n  issuer: https://a.example\n"
                     "  audience: b\n  hosts: [k.example, '[::1]']\n"
                     "  metadata_url: https://m.example/x\n"
                     "  accepted_issuers: https://b.example\n"
                     "  networks: [10.1.0.0/16, 'fd00::/8', 0.0.0.0/0]\n");
    CHECK(loaded.status == STATUS_OK);
    config_report_print(stdout, &loaded.report);
    if (loaded.status == STATUS_OK) {
        const struct config_issuer *issuer = &loaded.config->issuers[0];
        uint8_t address[NETWORK_ADDRESS_BYTES];
        network_address_from_ipv4((const uint8_t[]){10, 1, 255, 255}, address);
        CHECK(issuer->jwks_url.text.len == 0 && issuer->jwks_path.len == 0);
        CHECK(slice_eq(issuer->metadata_url.host, SLICE("m.example")));
        CHECK(issuer->hosts.count == 2 && issuer->accepted_issuers.count == 1);
        CHECK(issuer->networks.count == 3 && issuer->ranges[0].bits == 112);
        CHECK(network_range_contains(&issuer->ranges[0], address));
        CHECK(!network_range_contains(&issuer->ranges[1], address));
        CHECK(network_range_contains(&issuer->ranges[2], address));
    }
    arena_release(&loaded.arena);
}

TEST(config_reads_the_example)
{
    struct loaded loaded;
    static char text[65536];
    FILE *file = fopen(EXAMPLE, "rb");
    CHECK(file != NULL);
    size_t len = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
    text[len] = '\0';
    if (file != NULL) {
        fclose(file);
    }
    load_text(&loaded, text); /* its files belong to another machine */
    config_report_print(stdout, &loaded.report);
    CHECK(loaded.status == STATUS_OK);
    if (loaded.config != NULL) {
        const struct config *config = loaded.config;
        CHECK(config->server_count == 2 && config->issuer_count == 1);
        CHECK(slice_eq(config->policies.items[0], SLICE("/etc/aegis/policies/platform")));
        CHECK(slice_eq(config->servers[0].credential.prefix, SLICE("Bearer ")));
        CHECK(slice_eq(config->servers[1].credential.name, SLICE("PGPASSWORD")));
        CHECK(config->servers[1].env_count == 2 && config->servers[1].command.count == 2);
        CHECK(config->limits.body_bytes == 1048576 && config->limits.operations == 1000);
        CHECK(config->issuers[0].mapping.attribute_count == 1);
        CHECK(config->issuers[0].algorithms == JWS_MASK(JWS_RS256));
        CHECK(!config->listen.address.is_loopback && config->listen.address.port == 8443);
    }
    arena_release(&loaded.arena);
}

/* A folder of its own for tests that look at files. */
struct folder {
    char path[64], file[96];
};

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fputs(text, file) >= 0);
    if (file != NULL) {
        fclose(file);
    }
    CHECK(chmod(path, mode) == 0);
}

static bool make_folder(struct folder *folder)
{
    snprintf(folder->path, sizeof(folder->path), "/tmp/aegis-config-XXXXXX");
    bool is_made = mkdtemp(folder->path) != NULL;
    CHECK(is_made);
    snprintf(folder->file, sizeof(folder->file), "%s/aegis.yaml", folder->path);
    return is_made;
}

static void remove_folder(const struct folder *folder)
{
    static const char *const names[] = {"aegis.yaml", "key.pem", "cert.pem", "run"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", folder->path, names[i]);
        unlink(path);
    }
    rmdir(folder->path);
}

static void load_file(struct loaded *loaded, const char *path)
{
    *loaded = (struct loaded){0};
    arena_init(&loaded->arena, ARENA_BYTES, NULL);
    loaded->status =
        config_load(slice_view_cstr(path), &loaded->arena, &loaded->config, &loaded->report);
}

TEST(config_load_checks_files)
{
    static const char text[] = V "listen: {tls: {cert: cert.pem, key: key.pem}}\n"
                                 "policies: [., missing]\n"
                                 "servers:\n"
                                 "- {name: a, command: ./run}\n"
                                 "- {name: b, command: ./absent}\n"
                                 "- {name: c, url: 'https://c', tls: {ca: .}}\n";
    static const struct {
        uint32_t line;
        const char *code;
    } rows[] = {
        {2, "config.file_exposed"},
        {3, "config.file_missing"},
        {6, "config.file_missing"},
        {7, "config.file_missing"},
    };
    struct folder folder;
    struct loaded loaded;
    if (!make_folder(&folder)) {
        return;
    }
    char path[128];
    snprintf(path, sizeof(path), "%s/key.pem", folder.path);
    write_file(path, "secret", 0644);
    snprintf(path, sizeof(path), "%s/cert.pem", folder.path);
    write_file(path, "public", 0644);
    snprintf(path, sizeof(path), "%s/run", folder.path);
    write_file(path, "", 0700);
    write_file(folder.file, text, 0600);
    load_file(&loaded, folder.file);
    CHECK(loaded.status == STATUS_INVALID && loaded.report.count == COUNT_OF(rows));
    for (size_t i = 0; i < loaded.report.count && i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].code, loaded.report.problems[i].line == rows[i].line);
        CHECK_ROW(rows[i].code, str_eq(loaded.report.problems[i].code, rows[i].code));
    }
    arena_release(&loaded.arena);
    remove_folder(&folder);
}

TEST(config_load_refuses_unreadable_files)
{
    static const struct {
        const char *path, *code;
    } rows[] = {
        {"", "config.file_unreadable"},
        {"/nonexistent/aegis.yaml", "config.file_unreadable"},
        {"/tmp", "config.file_unreadable"},
        {"/dev/zero", "config.too_large"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        load_file(&loaded, rows[i].path);
        CHECK_ROW(rows[i].path, loaded.status == STATUS_INVALID && loaded.report.count == 1);
        CHECK_ROW(rows[i].path,
                  loaded.report.count == 1 && str_eq(loaded.report.problems[0].code, rows[i].code));
        arena_release(&loaded.arena);
    }
}

static bool load_with_failures(void *context)
{
    struct loaded loaded;
    load_text(&loaded, context);
    bool is_told = loaded.status == STATUS_LIMIT;
    bool is_done = !is_told && (loaded.status == STATUS_OK) == (loaded.config != NULL);
    arena_release(&loaded.arena);
    return is_done;
}

/* An arena asks the system seldom, so its own limit is the finer probe. */
TEST(config_survives_every_lack_of_memory)
{
    static char text[] =
        V "servers:\n- {name: a, command: ./x, env: {A: b}}\n- {name: b, url: x}\n"
          "identity: [{name: d, preset: okta, issuer: 'https://a/oauth2/x', audience: b}]\n";
    check_every_allocation(load_with_failures, text);
    size_t successes = 0;
    for (size_t limit = 0; limit < 96 * 1024; limit += 512) {
        struct loaded loaded = {0};
        struct config_source source = {
            .file = SLICE("f"),
            .folder = SLICE("/"),
            .text = slice_view_cstr(text),
            .skips_files = true,
        };
        arena_init(&loaded.arena, limit, NULL);
        loaded.status = config_load_text(&source, &loaded.arena, &loaded.config, &loaded.report);
        CHECK(loaded.status == STATUS_LIMIT || loaded.status == STATUS_INVALID);
        successes += loaded.status == STATUS_INVALID;
        arena_release(&loaded.arena);
    }
    CHECK(successes > 0);
}

TEST(config_limits_are_consistent)
{
    struct config_limits limits = config_limits_default();
    CHECK(config_limit_count * sizeof(int64_t) == sizeof(struct config_limits));
    for (size_t i = 0; i < config_limit_count; i++) {
        const struct config_limit *limit = &config_limit_table[i];
        const char *name = (const char *)limit->name.ptr;
        CHECK_ROW(name, limit->offset == i * sizeof(int64_t));
        CHECK_ROW(name, config_limit_value(&limits, limit) == limit->value_default);
        CHECK_ROW(name, limit->value_min <= limit->value_default);
        CHECK_ROW(name, limit->value_default <= limit->value_max);
        CHECK_ROW(name, limit->doc[0] != '\0');
    }
}

/* One name is one bound, whether it can be set or not. */
TEST(config_bounds_are_consistent)
{
    for (size_t i = 0; i < config_bound_count; i++) {
        const struct config_bound *bound = &config_bound_table[i];
        const char *name = (const char *)bound->name.ptr;
        CHECK_ROW(name, bound->value > 0 && bound->doc[0] != '\0');
        for (size_t j = 0; j < i; j++) {
            CHECK_ROW(name, !slice_eq(config_bound_table[j].name, bound->name));
        }
        for (size_t j = 0; j < config_limit_count; j++) {
            CHECK_ROW(name, !slice_eq(config_limit_table[j].name, bound->name));
        }
    }
}

/* The values of every limit at its bounds are taken, one past them refused. */
TEST(config_limits_at_their_bounds)
{
    for (size_t i = 0; i < config_limit_count * 4; i++) {
        const struct config_limit *limit = &config_limit_table[i / 4];
        const int64_t values[] = {limit->value_min - 1, limit->value_min, limit->value_max,
                                  limit->value_max + 1};
        bool is_inside = i % 4 == 1 || i % 4 == 2;
        char text[256];
        struct loaded loaded;
        snprintf(text, sizeof(text), V "limits: {%.*s: %lld}\n", SLICE_ARG(limit->name),
                 (long long)values[i % 4]);
        load_text(&loaded, text);
        CHECK_ROW(text, (loaded.status == STATUS_OK) == is_inside);
        CHECK_ROW(text,
                  !is_inside || config_limit_value(&loaded.config->limits, limit) == values[i % 4]);
        arena_release(&loaded.arena);
    }
}

/* What one server or issuer lacks fails a check, and is only reported where the rest is served. */
TEST(config_tells_partial_problems_from_others)
{
    static const struct {
        const char *name, *text;
        size_t count, partial_count;
    } rows[] = {
        {"nothing", V, 0, 0},
        {"a command", V "servers: [{name: a, command: /nonexistent/x}]\n", 1, 1},
        {"a secret",
         V "servers: [{name: a, url: 'https://a', credential: {service: {header: X, from: {file: "
           "/nonexistent/s}}}}]\n",
         1, 1},
        {"a key set",
         V "identity: [{name: a, issuer: 'https://a', audience: b, jwks: /nonexistent/k}]\n", 1, 1},
        {"authorities", V "servers: [{name: a, url: 'https://a', tls: {ca: /nonexistent/c}}]\n", 1,
         0},
        {"policies", V "policies: /nonexistent/p\n", 1, 0},
        {"a certificate", V "listen: {tls: {cert: /nonexistent/c, key: /nonexistent/k}}\n", 2, 0},
        {"a command and a key", V "servers: [{name: a, command: /nonexistent/x, colour: red}]\n", 2,
         1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int is_lenient = 0; is_lenient < 2; is_lenient++) {
            struct arena arena;
            struct config *config = NULL;
            struct config_report report = {.is_lenient = is_lenient != 0};
            struct config_source source = {.file = SLICE("test"),
                                           .text = slice_view_cstr(rows[i].text)};
            arena_init(&arena, (size_t)8 << 20, NULL);
            enum status status = config_load_text(&source, &arena, &config, &report);
            bool is_fine = rows[i].count == (is_lenient != 0 ? rows[i].partial_count : 0);
            CHECK_ROW(rows[i].name, report.count == rows[i].count);
            CHECK_ROW(rows[i].name, report.partial_count == rows[i].partial_count);
            CHECK_ROW(rows[i].name, status == (is_fine ? STATUS_OK : STATUS_INVALID));
            CHECK_ROW(rows[i].name, (config != NULL) == is_fine);
            arena_release(&arena);
        }
    }
}

/* Filled up with a comment. */
TEST(config_file_is_so_large)
{
    for (size_t over = 0; over < 2; over++) {
        struct folder folder;
        struct loaded loaded;
        if (!make_folder(&folder)) {
            return;
        }
        write_file(folder.file, V "#", 0600);
        FILE *file = fopen(folder.file, "ab");
        CHECK(file != NULL);
        for (size_t i = sizeof(V "#") - 1; file != NULL && i < CONFIG_FILE_BYTES_MAX + over; i++) {
            CHECK(fputc('x', file) != EOF);
        }
        CHECK(file != NULL && fclose(file) == 0);
        load_file(&loaded, folder.file);
        CHECK((loaded.status == STATUS_OK) == (over == 0));
        CHECK(loaded.report.count == over);
        CHECK(over == 0 || str_eq(loaded.report.problems[0].code, "config.too_large"));
        arena_release(&loaded.arena);
        remove_folder(&folder);
    }
}
