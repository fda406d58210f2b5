/* SPDX-License-Identifier: MIT */
#include "base/libvirt_uri.h"

#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

bool libvirt_uri_is_local(const char *uri)
{
    const char *at = strstr(uri, "://");
    const char *plus = at ? memchr(uri, '+', (size_t)(at - uri)) : NULL;

    return at && at[3] == '/' && (!plus || starts_with(plus, "+unix:"));
}

char *libvirt_uri_host(const char *uri)
{
    const char *at = strstr(uri, "://"), *user;
    size_t len;

    at = at ? at + 3 : "";
    len = strcspn(at, "/?#");
    user = memchr(at, '@', len);
    if (user) {
        len -= (size_t)(user + 1 - at);
        at = user + 1;
    }
    if (*at == '[' && memchr(at, ']', len)) {
        at++;
        len = strcspn(at, "]");
    } else {
        const char *port = memchr(at, ':', len);

        len = port ? (size_t)(port - at) : len;
    }
    return len > 0 ? xasprintf("%.*s", (int)len, at) : xstrdup("localhost");
}
