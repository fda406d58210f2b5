/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_die(void *p)
{
    if (!p) {
        fputs("vmkeep: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *xcalloc(size_t n, size_t size)
{
    return or_die(calloc(n ? n : 1, size ? size : 1));
}

void *xreallocarray(void *p, size_t n, size_t size)
{
    return or_die(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
    return s ? or_die(strdup(s)) : NULL;
}

char *xvasprintf(const char *fmt, va_list ap)
{
    char *ret = NULL;

    if (vasprintf(&ret, fmt, ap) < 0)
        ret = NULL;
    return or_die(ret);
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;
    char *ret;

    va_start(ap, fmt);
    ret = xvasprintf(fmt, ap);
    va_end(ap);
    return ret;
}

void *vec_grow(void *items, size_t n, size_t *cap, size_t size)
{
    if (n == *cap) {
        *cap = *cap ? *cap * 2 : 8;
        items = xreallocarray(items, *cap, size);
    }
    memset((char *)items + n * size, 0, size);
    return items;
}

void strlist_add(struct strlist *l, const char *s)
{
    *VEC_ADD(l) = xstrdup(s);
}

void strlist_done(struct strlist *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i]);
    free(l->items);
    *l = (struct strlist){0};
}

bool strlist_has(const struct strlist *l, const char *s)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i], s) == 0)
            return true;
    return false;
}

struct strlist strlist_copy(const struct strlist *l)
{
    struct strlist ret = {0};

    for (size_t i = 0; i < l->n; i++)
        strlist_add(&ret, l->items[i]);
    return ret;
}
