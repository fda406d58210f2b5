/* SPDX-License-Identifier: MIT */
#include "base/names.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"

static bool is_plain(const char *name, const char *p)
{
    if (*p == '.' && p == name)
        return false;
    return (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
           strchr("-_.+", *p);
}

char *name_escape(const char *name)
{
    char *ret = xcalloc(strlen(name) * 3 + 1, 1);
    char *out = ret;

    for (const char *p = name; *p; p++) {
        if (is_plain(name, p))
            *out++ = *p;
        else
            out += sprintf(out, "%%%02X", (unsigned char)*p);
    }
    return ret;
}

char *name_unescape(const char *s)
{
    CLEANUP_FREE char *ret = xcalloc(strlen(s) + 1, 1);
    CLEANUP_FREE char *again = NULL;
    char *out = ret;

    for (const char *p = s; *p; p++) {
        char hex[3] = {0};

        if (*p != '%') {
            *out++ = *p;
            continue;
        }
        if (!isxdigit((unsigned char)p[1]) || !isxdigit((unsigned char)p[2]))
            return NULL;
        memcpy(hex, p + 1, 2);
        *out++ = (char)strtol(hex, NULL, 16);
        p += 2;
    }
    again = name_escape(ret);
    return strcmp(again, s) == 0 ? TAKE_PTR(ret) : NULL;
}

bool name_is_checkpoint(const char *name)
{
    if (!*name || *name == '.')
        return false;
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_-.", *p))
            return false;
    return true;
}

void name_split_domain(const char *s, char **ret_host, char **ret_domain)
{
    const char *slash = strchr(s, '/');

    *ret_host = slash ? strndup(s, (size_t)(slash - s)) : NULL;
    *ret_domain = xstrdup(slash ? slash + 1 : s);
}
