/* config_tree.h: YAML text as a tree that knows where everything stood.
 *
 * Owns the subset of YAML that Aegis accepts: one document of mappings, lists and texts. Anchors,
 * aliases, tags, directives, further documents and duplicate keys are refused, because each lets a
 * reviewer read something else than the program. Depth, nodes and members are bounded. A scalar is
 * its text; what it means is decided by the field that it is given to (config_read.h).
 */
#ifndef AEGIS_DAEMON_CONFIG_CONFIG_TREE_H
#define AEGIS_DAEMON_CONFIG_CONFIG_TREE_H

#include "daemon/config/config_report.h"

#define CONFIG_DEPTH_MAX 16
#define CONFIG_NODES_MAX 20000
#define CONFIG_MEMBERS_MAX 1024 /* of one mapping or list */

enum config_node_kind {
    CONFIG_NODE_BAD = 0, /* a problem was already reported here; readers stay silent */
    CONFIG_NODE_NULL,    /* nothing, or a plain ~ or null */
    CONFIG_NODE_TEXT,
    CONFIG_NODE_LIST,
    CONFIG_NODE_MAP,
};

struct config_node {
    enum config_node_kind kind;
    uint32_t line, column; /* 1-based, in characters */
    bool is_plain;         /* TEXT: written without quotes */
    struct slice text;     /* TEXT; a NUL follows */
    struct slice key;      /* in a MAP: its key */
    uint32_t key_line, key_column;
    struct config_node *first; /* LIST, MAP */
    struct config_node *next;  /* sibling */
    size_t count;              /* children */
};

/* Parse text; problems go to the report under the name file (borrowed).
 *
 * *root is NULL when the text is no valid YAML: a half-read tree would only raise false alarms.
 * Returns STATUS_OK also with problems, STATUS_LIMIT only when memory is exhausted. Codes:
 * config.yaml_syntax, config.yaml_feature, config.duplicate_key, config.too_deep, config.too_large,
 * config.empty.
 */
NODISCARD enum status config_tree_parse(struct slice file, struct slice text, struct arena *arena,
                                        struct config_report *report, struct config_node **root);

/* The member of a mapping, or NULL. */
const struct config_node *config_node_member(const struct config_node *map, struct slice key);

/* "a mapping", "a list", "text", "nothing", for messages. */
const char *config_node_kind_name(enum config_node_kind kind);

#endif
