/* SPDX-License-Identifier: MIT */
#include "engine/free_port.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/text.h"

static int bind_any(const struct addrinfo *a, uint16_t *ret)
{
    CLEANUP_CLOSE int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    char port[8];

    if (fd < 0 || bind(fd, a->ai_addr, a->ai_addrlen) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
        getnameinfo((struct sockaddr *)&address, len, NULL, 0, port, sizeof(port),
                    NI_NUMERICSERV) != 0)
        return -1;
    *ret = (uint16_t)strtoul(port, NULL, 10);
    return 0;
}

int free_port(const char *named, uint16_t *ret, struct err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    const char *host = str_eq(named, "localhost") ? NULL : named;
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(host, "0", &hints, &list), saved;

    if (rc != 0)
        return err_set(err, ERR_INVALID,
                       "listen on '%s': %s; give an address, or a port besides the name", host,
                       gai_strerror(rc));
    rc = bind_any(list, ret);
    saved = errno;
    freeaddrinfo(list);
    return rc < 0 ? err_errno(err, saved, "listen on '%s'", host ? host : "localhost") : 0;
}
