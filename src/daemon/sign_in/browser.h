/* browser.h: a person's browser. */
#ifndef AEGIS_DAEMON_SIGN_IN_BROWSER_H
#define AEGIS_DAEMON_SIGN_IN_BROWSER_H

/* Open an address with xdg-open, which is not waited for; nothing happens where there is none. */
void browser_open(const char *address);

#endif
