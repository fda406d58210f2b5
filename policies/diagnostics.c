/* SPDX-License-Identifier: MIT
 *
 * What is wrong with a configuration, and where.
 */
#include "policies/config.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define PRINTED_MAX 50

/* The bytes of the printable UTF-8 character at s; 0 when there is none. */
static size_t printable(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t len = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;

    if (len <= 1)
        return u[0] >= ' ' && u[0] < 0x7f ? len : 0;
    if (u[0] > 0xf4 || (u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
        (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f) ||
        (u[0] == 0xc2 && u[1] < 0xa0))
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

/* What the file says is repeated in texts, sometimes cut; they stay one line of UTF-8 all the same.
 */
static void make_printable(char *s)
{
    while (*s) {
        size_t len = printable(s);

        if (len == 0)
            *s = '?';
        s += len ? len : 1;
    }
}

void diagnostics_add(struct diagnostics *d, const char *file, int line, int column, bool warning,
                     const char *fmt, ...)
{
    struct diagnostic *item = VEC_ADD(d);
    va_list ap;

    va_start(ap, fmt);
    *item = (struct diagnostic){.file = xstrdup(file),
                                .line = line,
                                .column = column,
                                .warning = warning,
                                .text = xvasprintf(fmt, ap)};
    va_end(ap);
    make_printable(item->text);
}

static int by_place(const void *a, const void *b)
{
    const struct diagnostic *x = a, *y = b;

    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    if (x->warning != y->warning)
        return x->warning ? 1 : -1;
    return strcmp(x->text, y->text);
}

void diagnostics_sort(struct diagnostics *d)
{
    if (d->n > 0)
        qsort(d->items, d->n, sizeof(*d->items), by_place);
}

char *diagnostic_format(const struct diagnostic *d)
{
    const char *kind = d->warning ? "warning: " : "";

    if (d->line == 0)
        return xasprintf("%s: %s%s", d->file, kind, d->text);
    return xasprintf("%s:%d:%d: %s%s", d->file, d->line, d->column, kind, d->text);
}

void diagnostics_print(const struct diagnostics *d, FILE *out)
{
    for (size_t i = 0; i < d->n && i < PRINTED_MAX; i++) {
        CLEANUP_FREE char *line = diagnostic_format(&d->items[i]);

        fprintf(out, "%s\n", line);
    }
    if (d->n > PRINTED_MAX)
        fprintf(out, "%s: there is more; only the first %d are shown\n", d->items[0].file,
                PRINTED_MAX);
}

size_t diagnostics_errors(const struct diagnostics *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n; i++)
        n += !d->items[i].warning;
    return n;
}

void diagnostics_done(struct diagnostics *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->items[i].file);
        free(d->items[i].text);
    }
    free(d->items);
    *d = (struct diagnostics){0};
}
