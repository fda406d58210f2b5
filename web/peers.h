/* SPDX-License-Identifier: MIT
 *
 * peers: who holds how many connections, so that nobody holds all of them.  When few places are
 * left, the oldest connection of whoever has most is closed: of that user at a Unix socket, of that
 * address over TCP.  Used by libmicrohttpd's thread alone.
 */
#ifndef VMKEEP_WEB_PEERS_H
#define VMKEEP_WEB_PEERS_H

#include <sys/socket.h>

#include "base/alloc.h"

/* Of whom a connection is; compared byte by byte. */
struct peer {
    sa_family_t family;
    unsigned char is[8]; /* a user's number, an IPv4 address, or the network half of an IPv6 one */
};

struct connection {
    const void *key; /* what the caller knows it by */
    struct peer peer;
    int fd;
    bool closing;
};

struct peers {
    size_t most;                 /* that may be open, but for those that are being closed */
    VEC(struct connection) open; /* oldest first */
};

void peers_done(struct peers *p);
/* fd: connected.  It stays the caller's, who is told of the end of each that is closed here as of
 * any other. */
void peers_add(struct peers *p, const void *key, int fd);
void peers_remove(struct peers *p, const void *key);

#endif
