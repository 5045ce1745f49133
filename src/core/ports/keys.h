/* keys.h: tell whoever owns the key sets of issuers that one may be out of date. */
#ifndef AEGIS_CORE_PORTS_KEYS_H
#define AEGIS_CORE_PORTS_KEYS_H

struct port_keys {
    void *context;
    /* A token was signed by a key that nobody has. From any loop, as often as that happens: tokens
     * are anybody's to invent, so the owner decides how often it looks. */
    void (*missed)(void *context);
};

#endif
