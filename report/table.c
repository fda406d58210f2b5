/* SPDX-License-Identifier: MIT */
#include "report/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

#define GAP 2

struct cell {
    char *text;
    enum table_colour colour;
};

struct table {
    size_t columns;
    VEC(struct cell) cells; /* the titles first */
};

bool table_may_colour(FILE *out)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return isatty(fileno(out)) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

/* Length of the UTF-8 sequence at s; 0 when it is broken, or encodes a control character. */
static size_t utf8_length(const unsigned char *s)
{
    size_t n = s[0] < 0x80   ? 1
               : s[0] < 0xc2 ? 0
               : s[0] < 0xe0 ? 2
               : s[0] < 0xf0 ? 3
               : s[0] < 0xf5 ? 4
                             : 0;

    if (s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0))
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

char *plain_text(const char *text)
{
    char *ret = xcalloc(strlen(text) + 1, 1);
    char *out = ret;

    while (*text) {
        size_t n = utf8_length((const unsigned char *)text);

        if (n == 0) {
            *out++ = '?';
            text++;
            continue;
        }
        memcpy(out, text, n);
        out += n;
        text += n;
    }
    return ret;
}

/* In characters; wide ones are rare in names and count as one. */
static size_t width(const char *text)
{
    size_t n = 0;

    for (const char *p = text; *p; p++)
        n += ((unsigned char)*p & 0xc0) != 0x80;
    return n;
}

struct table *table_new(const char *const *titles, size_t n)
{
    struct table *t = xcalloc(1, sizeof(*t));

    t->columns = n;
    for (size_t i = 0; i < n; i++)
        table_cell(t, titles[i]);
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->cells.n; i++)
        free(t->cells.items[i].text);
    free(t->cells.items);
    free(t);
}

void table_cell_coloured(struct table *t, enum table_colour colour, const char *text)
{
    struct cell *c = VEC_ADD(&t->cells);

    c->text = plain_text(text && *text ? text : "-");
    c->colour = colour;
}

void table_cell(struct table *t, const char *text)
{
    table_cell_coloured(t, COLOUR_NONE, text);
}

void table_cellf(struct table *t, const char *fmt, ...)
{
    CLEANUP_FREE char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    table_cell(t, text);
}

static bool is_right(const struct table *t, size_t column)
{
    return t->cells.items[column].text[0] == '>';
}

static const char *shown(const struct table *t, size_t i)
{
    const char *text = t->cells.items[i].text;

    return i < t->columns && *text == '>' ? text + 1 : text;
}

static void print_cell(const struct table *t, size_t i, size_t column_width, bool colour, FILE *out)
{
    static const char *const codes[] = {
        [COLOUR_NONE] = "", [COLOUR_GREEN] = "\033[32m", [COLOUR_RED] = "\033[31m"};
    const char *text = shown(t, i);
    size_t column = i % t->columns;
    int pad = (int)(column_width - width(text));
    bool coloured = colour && t->cells.items[i].colour != COLOUR_NONE;

    if (is_right(t, column))
        fprintf(out, "%*s", pad, "");
    fprintf(out, "%s%s%s", coloured ? codes[t->cells.items[i].colour] : "", text,
            coloured ? "\033[0m" : "");
    if (column + 1 == t->columns)
        fputc('\n', out);
    else
        fprintf(out, "%*s", (is_right(t, column) ? 0 : pad) + GAP, "");
}

void table_print(const struct table *t, FILE *out)
{
    CLEANUP_FREE size_t *widths = xcalloc(t->columns, sizeof(*widths));
    bool colour = table_may_colour(out);

    if (t->cells.n <= t->columns)
        return;
    for (size_t i = 0; i < t->cells.n; i++) {
        size_t w = width(shown(t, i));

        if (w > widths[i % t->columns])
            widths[i % t->columns] = w;
    }
    for (size_t i = 0; i < t->cells.n; i++)
        print_cell(t, i, widths[i % t->columns], colour, out);
}

void print_plain(const char *text, FILE *out)
{
    CLEANUP_FREE char *safe = plain_text(text);

    fputs(safe, out);
}
