/* SPDX-License-Identifier: MIT */
#include "base/lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define ROOM 4096

char *lines_room(struct lines *l, size_t *ret_size)
{
    if (l->cap - l->len < ROOM) {
        l->cap = (l->len + ROOM) * 2;
        l->data = xreallocarray(l->data, l->cap, 1);
    }
    *ret_size = l->cap - l->len;
    return l->data + l->len;
}

void lines_put(struct lines *l, size_t n)
{
    l->len += n;
}

/* What was handed out goes. */
static void compact(struct lines *l)
{
    l->len -= l->given;
    if (l->len == 0) {
        lines_done(l);
        return;
    }
    if (l->given > 0)
        memmove(l->data, l->data + l->given, l->len);
    l->given = 0;
    l->scanned = l->len;
}

char *lines_next(struct lines *l, size_t *ret_len)
{
    char *line, *end = NULL;

    if (l->len > l->scanned)
        end = memchr(l->data + l->scanned, '\n', l->len - l->scanned);
    if (!end) {
        compact(l);
        return NULL;
    }
    line = l->data + l->given;
    l->given = l->scanned = (size_t)(end - l->data) + 1;
    if (end > line && end[-1] == '\r')
        end--;
    *end = '\0';
    *ret_len = (size_t)(end - line);
    return line;
}

size_t lines_unfinished(const struct lines *l)
{
    return l->len - l->given;
}

void lines_done(struct lines *l)
{
    free(l->data);
    *l = (struct lines){0};
}
