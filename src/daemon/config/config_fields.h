/* config_fields.h: the tables of every key of the configuration file. */
#ifndef AEGIS_DAEMON_CONFIG_CONFIG_FIELDS_H
#define AEGIS_DAEMON_CONFIG_CONFIG_FIELDS_H

#include "daemon/config/config_read.h"

/* The whole file, into struct config. */
extern const struct config_object config_object_root;

/* One `service` of a credential, into struct config_service. */
extern const struct config_object config_object_service;

/* One claim that roles come from, into struct config_role_source. */
extern const struct config_object config_object_role_source;

/* The two spellings of a service credential, before exactly one of each pair is required. */
struct config_service {
    struct slice header, env, prefix;
    struct config_secret_source from;
};

#endif
