/* SPDX-License-Identifier: MIT
 *
 * lines: bytes as they come, cut into lines.  Whoever has the connection reads it; base/stream.h
 * does on a loop.
 */
#ifndef VMKEEP_BASE_LINES_H
#define VMKEEP_BASE_LINES_H

#include <stddef.h>

/* Zeroed, it is empty, and holds no memory. */
struct lines {
    char *data;
    size_t len, cap;
    size_t given;   /* the lines up to here were handed out */
    size_t scanned; /* from given to here there is no end of a line */
};

/* Where more can be put, and how much: 4 KiB at least. */
char *lines_room(struct lines *l, size_t *ret_size);
/* So much was. */
void lines_put(struct lines *l, size_t n);

/* The next whole line, without its end ("\n" or "\r\n"), NUL-terminated; it may be changed in
 * place, and is there until the next call.  NULL: none is whole. */
char *lines_next(struct lines *l, size_t *ret_len);

/* How much there is of a line that is not whole; after lines_next has returned NULL. */
size_t lines_unfinished(const struct lines *l);

void lines_done(struct lines *l);

#endif
