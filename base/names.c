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

/* "vmkeep-0123abcd-12": its length at the start of s, or 0. */
static size_t our_checkpoint(const char *s)
{
    static const char prefix[] = "vmkeep-";
    const char *p = s + strlen(prefix);
    size_t digits;

    if (strncmp(s, prefix, strlen(prefix)) != 0 || strspn(p, "0123456789abcdef") != 8 ||
        p[8] != '-')
        return 0;
    digits = strspn(p + 9, "0123456789");
    return digits ? strlen(prefix) + 9 + digits : 0;
}

char *checkpoint_bitmap(const char *checkpoint, const char *disk)
{
    CLEANUP_FREE char *escaped = name_escape(disk);
    size_t len = our_checkpoint(checkpoint);

    return len && !checkpoint[len] ? xasprintf("%s.%s", checkpoint, escaped) : xstrdup(checkpoint);
}

char *bitmap_checkpoint(const char *bitmap)
{
    size_t len = our_checkpoint(bitmap);

    return len && bitmap[len] == '.' ? xasprintf("%.*s", (int)len, bitmap) : xstrdup(bitmap);
}

void name_split_domain(const char *s, char **ret_host, char **ret_domain)
{
    const char *slash = strchr(s, '/');

    *ret_host = slash ? strndup(s, (size_t)(slash - s)) : NULL;
    *ret_domain = xstrdup(slash ? slash + 1 : s);
}
