/* SPDX-License-Identifier: MIT */
#include "engine/qmp/state/identity.h"

#include <string.h>

#include "base/alloc.h"

/* "//user:password@" */
char *identity_of_url(const char *url)
{
    const char *slashes = strstr(url, "//");
    size_t host = slashes ? strcspn(slashes + 2, "/?") : 0;
    const char *at = slashes ? memrchr(slashes + 2, '@', host) : NULL;

    if (!at)
        return xstrdup(url);
    return xasprintf("%.*s%s", (int)(slashes + 2 - url), url, at + 1);
}
