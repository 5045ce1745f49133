/* config_check.h: what the tables cannot say: values that only make sense together, references,
 * files, and settings that would expose the gateway.
 *
 * Each check has the shape of config_read_fn and belongs to one object of config_fields.c; it runs
 * after the object's fields were read and also fills in the defaults that depend on other fields.
 */
#ifndef AEGIS_DAEMON_CONFIG_CONFIG_CHECK_H
#define AEGIS_DAEMON_CONFIG_CONFIG_CHECK_H

#include "daemon/config/config_read.h"

/* Readers of single values with a form of their own. */
void config_check_version(struct config_reader *reader, const struct config_node *node, void *out);
void config_check_store(struct config_reader *reader, const struct config_node *node, void *out);
void config_check_limits(struct config_reader *reader, const struct config_node *node, void *out);
void config_check_revision(struct config_reader *reader, const struct config_node *node, void *out);
void config_check_deny_as(struct config_reader *reader, const struct config_node *node, void *out);
void config_check_jwks(struct config_reader *reader, const struct config_node *node, void *out);
void config_check_credential(struct config_reader *reader, const struct config_node *node,
                             void *out);
void config_check_roles(struct config_reader *reader, const struct config_node *node, void *out);

/* Checks of whole objects. */
void config_check_listen(struct config_reader *reader, const struct config_node *node, void *out);
void config_check_tls(struct config_reader *reader, const struct config_node *node, void *out);
void config_check_issuer(struct config_reader *reader, const struct config_node *node, void *out);
void config_check_role_source(struct config_reader *reader, const struct config_node *node,
                              void *out);
void config_check_mapping(struct config_reader *reader, const struct config_node *node, void *out);
void config_check_sign_in(struct config_reader *reader, const struct config_node *node, void *out);
void config_check_introspection(struct config_reader *reader, const struct config_node *node,
                                void *out);
void config_check_graph(struct config_reader *reader, const struct config_node *node, void *out);
void config_check_attribute(struct config_reader *reader, const struct config_node *node,
                            void *out);
void config_check_server(struct config_reader *reader, const struct config_node *node, void *out);
void config_check_view(struct config_reader *reader, const struct config_node *node, void *out);
void config_check_root(struct config_reader *reader, const struct config_node *node, void *out);

/* The member if it is there, else the mapping itself: the place to report at. */
const struct config_node *config_check_place(const struct config_node *map, struct slice key);

/* A file that must be there: readable, a regular file; is_secret: nobody else may read it. */
void config_check_file(struct config_reader *reader, const struct config_node *node,
                       struct slice path, bool is_secret);

/* A file with certificates of authorities, and nothing but those. */
void config_check_authorities(struct config_reader *reader, const struct config_node *node,
                              struct slice path);

/* Can callers by certificate of all entries be there? What the listener asks clients for decides.
 */
void config_check_certificates(struct config_reader *reader, const struct config_node *node,
                               const struct config *config);

/* ^[a-z0-9][a-z0-9_-]{0,31}$ without "__" and without '_' at the end: on the aggregated endpoint
 * "__" ends the server's part of a name, and "a" + "b__c" must not be "a__b" + "c". */
bool config_check_is_name(struct slice text);

/* What the cloud says of Microsoft Graph, once the rest of the issuer's entry is known. */
void config_fill_graph(struct config_issuer *issuer);

/* The endpoints of the front door, once the rest of the issuer's entry is known. */
void config_check_sign_in_endpoints(struct config_reader *reader, const struct config_node *node,
                                    struct config_issuer *issuer);

/* How the issuer is asked about tokens, once the rest of its entry is known. */
void config_check_asked(struct config_reader *reader, const struct config_node *node,
                        struct config_issuer *issuer);

/* Is it plain which issuer is asked about a token? Of the whole file. */
void config_check_asked_apart(struct config_reader *reader, const struct config *config);

/* Either a variable or a file, for a secret; node is the mapping named name. */
void config_check_secret_source(struct config_reader *reader, const struct config_node *node,
                                const char *name, const struct config_secret_source *source);

/* The name of a named object: config_check_is_name, or a report. */
void config_check_name(struct config_reader *reader, const struct config_node *node,
                       struct slice name);

/* Do the views name servers that there are? Of the whole file. */
void config_check_view_servers(struct config_reader *reader, const struct config_node *root);

/* Is the text a name for an environment variable: [A-Za-z_][A-Za-z0-9_]*, up to 128 bytes? */
bool config_check_is_variable(struct slice text);

/* Read a list of networks, the value of the key 'networks' of node, to as many ranges. */
void config_check_networks(struct config_reader *reader, const struct config_node *node,
                           const struct config_texts *networks, struct network_range **ranges);

void config_check_client_documents(struct config_reader *reader, const struct config_node *node,
                                   void *out);

/* Where the keys of an issuer may be found: its metadata, hosts and networks. */
void config_check_keys(struct config_reader *reader, const struct config_node *node,
                       struct config_issuer *issuer);

#endif
