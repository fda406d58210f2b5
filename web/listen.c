/* SPDX-License-Identifier: MIT */
#include "web/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

#define BACKLOG 64
#define UNIX "unix:"

static int serve(int fd, const struct sockaddr *addr, socklen_t len, const char *name,
                 struct err *err)
{
    int saved;

    if (fd >= 0 && bind(fd, addr, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    saved = errno;
    if (fd >= 0)
        close(fd);
    return err_errno(err, saved, "web: listen at %s", name);
}

/* One that a former process left goes; any other file stays. */
static int listen_unix(const char *path, struct err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct stat st;
    int fd;

    if (strlen(path) >= sizeof(addr.sun_path))
        return err_set(err, ERR_INVALID, "web: %s is too long for a socket's path", path);
    strcpy(addr.sun_path, path);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
    fd = serve(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
               (const struct sockaddr *)&addr, sizeof(addr), path, err);
    if (fd >= 0 && chmod(path, 0660) < 0) {
        err_errno(err, errno, "web: %s", path);
        close(fd);
        return -1;
    }
    return fd;
}

/* HOST, without brackets, and PORT. */
static void split(const char *address, char **ret_host, const char **ret_port)
{
    const char *colon = strrchr(address, ':');
    size_t n = colon ? (size_t)(colon - address) : strlen(address);
    bool bracketed = n > 2 && address[0] == '[' && address[n - 1] == ']';

    *ret_host =
        bracketed ? xasprintf("%.*s", (int)n - 2, address + 1) : xasprintf("%.*s", (int)n, address);
    *ret_port = colon ? colon + 1 : "";
}

int web_listen(const char *address, struct err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    CLEANUP_FREE char *host = NULL;
    const char *port;
    int rc, fd, on = 1;

    if (starts_with(address, UNIX))
        return listen_unix(address + strlen(UNIX), err);
    split(address, &host, &port);
    rc = getaddrinfo(host, port, &hints, &found);
    if (rc != 0)
        return err_set(err, ERR_INVALID, "web: %s: %s", address, gai_strerror(rc));
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    fd = serve(fd, found->ai_addr, found->ai_addrlen, address, err);
    freeaddrinfo(found);
    return fd;
}

bool web_host_is_ours(const char *host)
{
    CLEANUP_FREE char *name = NULL;
    unsigned char addr[sizeof(struct in6_addr)];
    const char *port;

    if (host[0] != '[' && !strchr(host, ':'))
        name = xstrdup(host);
    else
        split(host, &name, &port);
    return str_eq(name, "localhost") || inet_pton(AF_INET, name, addr) == 1 ||
           inet_pton(AF_INET6, name, addr) == 1;
}
