/* Checks of views: names of the two kinds, and the servers they speak of. */
#include "daemon/config/config_check.h"

#define WIRE_NAME_BYTES_MAX 64
#define DESCRIPTION_BYTES_MAX 4096

static struct slice server_part(struct slice text)
{
    return slice_sub(text, 0, slice_find_byte(text, '.'));
}

/* "server.name", with '*' in the name if it is a pattern. */
static void check_target(struct config_reader *reader, const struct config_node *node,
                         struct slice text, bool is_pattern)
{
    struct slice server = server_part(text);
    struct slice name = slice_sub(text, server.len + 1, text.len);
    bool has_star = slice_find_byte(name, '*') < name.len;
    if (!config_check_is_name(server) || name.len == 0 || (has_star && !is_pattern)) {
        config_read_problem(reader, node, "config.value",
                            is_pattern ? "like jira.create_issue or jira.*"
                                       : "like jira.create_issue",
                            "'%.*s' does not name a server and something of it", SLICE_ARG(text));
    }
}

/* DESIGN section 5: names on the wire. "__" is where other names end their server's part. */
static bool is_wire_name(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        uint8_t lower = byte | 0x20;
        bool is_word = (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') ||
                       byte == '-' || byte == '_';
        if (!is_word || slice_starts_with(slice_sub(text, i, text.len), SLICE("__"))) {
            return false;
        }
    }
    return text.len > 0 && text.len <= WIRE_NAME_BYTES_MAX;
}

static void check_list(struct config_reader *reader, const struct config_node *list)
{
    bool is_list = list != NULL && list->kind == CONFIG_NODE_LIST;
    for (const struct config_node *item = is_list ? list->first : list; item != NULL;
         item = is_list ? item->next : NULL) {
        if (item->kind == CONFIG_NODE_TEXT) {
            check_target(reader, item, item->text, true);
        }
    }
}

static const struct config_node *first_of_map(const struct config_node *node)
{
    return node != NULL && node->kind == CONFIG_NODE_MAP ? node->first : NULL;
}

static void check_renames(struct config_reader *reader, const struct config_node *map)
{
    for (const struct config_node *a = first_of_map(map); a != NULL; a = a->next) {
        check_target(reader, a, a->key, false);
        if (a->kind == CONFIG_NODE_TEXT && !is_wire_name(a->text)) {
            config_read_problem(reader, a, "config.value", "like open_ticket",
                                "a name is up to %d letters, digits, '_' and '-', without '__'",
                                WIRE_NAME_BYTES_MAX);
        }
        for (const struct config_node *b = map->first; b != a; b = b->next) {
            if (a->kind == CONFIG_NODE_TEXT && b->kind == CONFIG_NODE_TEXT &&
                slice_eq(a->text, b->text)) {
                config_read_problem(reader, a, "config.duplicate_name", NULL,
                                    "this name is taken by the entry on line %u", b->line);
            }
        }
    }
}

static void check_descriptions(struct config_reader *reader, const struct config_node *map)
{
    for (const struct config_node *item = first_of_map(map); item != NULL; item = item->next) {
        check_target(reader, item, item->key, false);
        if (item->kind == CONFIG_NODE_TEXT && item->text.len > DESCRIPTION_BYTES_MAX) {
            config_read_problem(reader, item, "config.range", NULL,
                                "a description has at most %d bytes", DESCRIPTION_BYTES_MAX);
        }
    }
}

void config_check_view(struct config_reader *reader, const struct config_node *node, void *out)
{
    const struct config_view *view = out;
    config_check_name(reader, node, view->name);
    if (view->tools.count == 0 && view->prompts.count == 0 && view->resources.count == 0) {
        config_read_problem(reader, node, "config.missing_key", "give 'tools', like [jira.*]",
                            "the view shows nothing");
    }
    check_list(reader, config_node_member(node, SLICE("tools")));
    check_list(reader, config_node_member(node, SLICE("prompts")));
    check_renames(reader, config_node_member(node, SLICE("rename")));
    check_descriptions(reader, config_node_member(node, SLICE("describe")));
}

static bool has_server(const struct config_node *servers, struct slice name)
{
    const struct config_node *first =
        servers != NULL && servers->kind == CONFIG_NODE_LIST ? servers->first : NULL;
    for (const struct config_node *item = first; item != NULL; item = item->next) {
        const struct config_node *found = config_node_member(item, SLICE("name"));
        if (found != NULL && found->kind == CONFIG_NODE_TEXT && slice_eq(found->text, name)) {
            return true;
        }
    }
    return false;
}

static void check_server(struct config_reader *reader, const struct config_node *servers,
                         const struct config_node *node, struct slice text)
{
    struct slice name = server_part(text);
    if (config_check_is_name(name) && !has_server(servers, name)) {
        config_read_problem(reader, node, "config.reference", NULL, "there is no server '%.*s'",
                            SLICE_ARG(name));
    }
}

/* A text without a dot was refused before, unless it is the name of a server alone. */
static void check_servers_of(struct config_reader *reader, const struct config_node *servers,
                             const struct config_node *node, bool is_server)
{
    bool is_many = node != NULL && node->kind != CONFIG_NODE_TEXT;
    bool is_map = node != NULL && node->kind == CONFIG_NODE_MAP;
    for (const struct config_node *item = is_many ? node->first : node; item != NULL;
         item = is_many ? item->next : NULL) {
        struct slice text = is_map ? item->key : item->text;
        bool is_target = is_server || slice_find_byte(text, '.') < text.len;
        if ((is_map || item->kind == CONFIG_NODE_TEXT) && is_target) {
            check_server(reader, servers, item, text);
        }
    }
}

void config_check_view_servers(struct config_reader *reader, const struct config_node *root)
{
    static const struct slice KEYS[] = {SLICE_INIT("tools"), SLICE_INIT("prompts"),
                                        SLICE_INIT("rename"), SLICE_INIT("describe")};
    const struct config_node *servers = config_node_member(root, SLICE("servers"));
    const struct config_node *views = config_node_member(root, SLICE("views"));
    const struct config_node *first =
        views != NULL && views->kind == CONFIG_NODE_LIST ? views->first : NULL;
    for (const struct config_node *view = first; view != NULL; view = view->next) {
        for (size_t i = 0; i < COUNT_OF(KEYS); i++) {
            check_servers_of(reader, servers, config_node_member(view, KEYS[i]), false);
        }
        check_servers_of(reader, servers, config_node_member(view, SLICE("resources")), true);
    }
}
