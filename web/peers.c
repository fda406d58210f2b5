/* SPDX-License-Identifier: MIT */
#include "web/peers.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

void peers_done(struct peers *p)
{
    free(p->open.items);
    p->open.n = p->open.cap = 0;
    p->open.items = NULL;
}

/* Who cannot be told apart is one. */
static struct peer peer_of(int fd)
{
    struct sockaddr_storage addr = {0};
    socklen_t n = sizeof(addr), n_user = sizeof(struct ucred);
    struct peer ret = {0};
    struct ucred user;

    if (getpeername(fd, (struct sockaddr *)&addr, &n) < 0)
        return ret;
    ret.family = addr.ss_family;
    if (addr.ss_family == AF_UNIX && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &n_user) == 0)
        memcpy(ret.is, &user.uid, sizeof(user.uid));
    else if (addr.ss_family == AF_INET)
        memcpy(ret.is, &((struct sockaddr_in *)&addr)->sin_addr, sizeof(struct in_addr));
    else if (addr.ss_family == AF_INET6)
        memcpy(ret.is, &((struct sockaddr_in6 *)&addr)->sin6_addr, sizeof(ret.is));
    if (addr.ss_family == AF_INET && ret.is[0] == IN_LOOPBACKNET)
        memset(ret.is + 1, 0, sizeof(ret.is) - 1); /* this machine has a whole net of them */
    return ret;
}

static bool is_of(const struct connection *c, const struct peer *peer)
{
    return !c->closing && c->peer.family == peer->family &&
           memcmp(c->peer.is, peer->is, sizeof(peer->is)) == 0;
}

static size_t count_of(const struct peers *p, const struct peer *peer)
{
    size_t ret = 0;

    for (size_t i = 0; i < p->open.n; i++)
        ret += is_of(&p->open.items[i], peer);
    return ret;
}

/* The first found of a peer is its oldest. */
static struct connection *find_oldest_of_most(const struct peers *p)
{
    struct connection *ret = NULL;
    size_t most = 0;

    for (size_t i = 0; i < p->open.n; i++) {
        size_t n = count_of(p, &p->open.items[i].peer);

        if (!p->open.items[i].closing && n > most) {
            ret = &p->open.items[i];
            most = n;
        }
    }
    return ret;
}

void peers_add(struct peers *p, const void *key, int fd)
{
    struct connection *last;
    size_t n = 0;

    *VEC_ADD(&p->open) = (struct connection){.key = key, .peer = peer_of(fd), .fd = fd};
    for (size_t i = 0; i < p->open.n; i++)
        n += !p->open.items[i].closing;
    if (n <= p->most)
        return;
    last = find_oldest_of_most(p);
    last->closing = true;
    shutdown(last->fd, SHUT_RDWR); /* which ends it, whatever it waits for */
}

void peers_remove(struct peers *p, const void *key)
{
    size_t i = 0;

    while (i < p->open.n && p->open.items[i].key != key)
        i++;
    if (i == p->open.n)
        return;
    p->open.n--;
    memmove(p->open.items + i, p->open.items + i + 1, (p->open.n - i) * sizeof(struct connection));
}
