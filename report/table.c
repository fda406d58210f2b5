/* SPDX-License-Identifier: MIT */
#include "report/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "report/wrap.h"

#define GAP 2
#define BELOW_INDENT 4
#define FOLD_INDENT 2 /* of the second line of columns, and those that follow */
#define LAST_MIN 24   /* a last column that would be narrower goes below */

struct cell {
    char *text;
    enum table_colour colour;
};

struct note {
    size_t row; /* that it stands below; the titles are row 0 */
    char *label, *text;
};

struct table {
    size_t columns;
    VEC(struct cell) cells; /* the titles first */
    VEC(struct note) notes;
};

/* How the columns are laid out.  A row has one line of columns, or, where they do not fit side by
 * side, several. */
struct layout {
    size_t *widths;
    bool *begins;   /* a line, the column */
    size_t columns; /* in these lines: all, or all but the last, which goes below */
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
    for (size_t i = 0; i < t->notes.n; i++) {
        free(t->notes.items[i].label);
        free(t->notes.items[i].text);
    }
    free(t->cells.items);
    free(t->notes.items);
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

void table_note(struct table *t, const char *label, const char *text)
{
    struct note *n;

    if (!text)
        return;
    n = VEC_ADD(&t->notes);
    n->row = (t->cells.n - 1) / t->columns;
    n->label = xstrdup(label);
    n->text = xstrdup(text);
}

static bool is_right(const struct table *t, size_t column)
{
    return t->cells.items[column].text[0] == '>';
}

static bool may_wrap(const struct table *t, size_t column)
{
    return t->cells.items[column].text[0] == '~' || t->cells.items[column].text[0] == '/';
}

static bool has_slashes(const struct table *t, size_t column)
{
    return t->cells.items[column].text[0] == '/';
}

static const char *shown(const struct table *t, size_t i)
{
    const char *text = t->cells.items[i].text;

    return i < t->columns && (*text == '>' || *text == '~' || *text == '/') ? text + 1 : text;
}

/* ---- the layout ---- */

static size_t total_width(const struct layout *l)
{
    size_t ret = 0;

    for (size_t i = 0; i < l->columns; i++)
        ret += l->widths[i] + (i > 0 ? GAP : 0);
    return ret;
}

/* The widest that may be narrower still, so that the table fits; false: there is none. */
static bool make_narrower(const struct table *t, struct layout *l, const size_t *narrowest,
                          bool slashes, size_t limit)
{
    size_t widest = l->columns, excess = total_width(l) - limit;

    for (size_t i = 0; i < l->columns; i++)
        if (may_wrap(t, i) && (slashes || !has_slashes(t, i)) && l->widths[i] > narrowest[i] &&
            (widest == l->columns || l->widths[i] > l->widths[widest]))
            widest = i;
    if (widest == l->columns)
        return false;
    l->widths[widest] = l->widths[widest] >= narrowest[widest] + excess ? l->widths[widest] - excess
                                                                        : narrowest[widest];
    return true;
}

static void fit(const struct table *t, struct layout *l, const size_t *natural,
                const size_t *narrowest, bool slashes, size_t limit)
{
    memcpy(l->widths, natural, t->columns * sizeof(*natural));
    while (total_width(l) > limit && make_narrower(t, l, narrowest, slashes, limit))
        ;
}

/* As many in a line as fit, in their order. */
static void fold(const struct table *t, struct layout *l, const size_t *natural,
                 const size_t *narrowest, size_t limit)
{
    size_t used = 0;

    for (size_t i = 0; i < l->columns; i++) {
        size_t most = limit > FOLD_INDENT ? limit - FOLD_INDENT : limit, w = natural[i];

        if (may_wrap(t, i) && w > most)
            w = narrowest[i] > most ? narrowest[i] : most;
        l->widths[i] = w;
        l->begins[i] = i > 0 && used + GAP + w > limit;
        used = l->begins[i] ? FOLD_INDENT + w : used + (i > 0 ? GAP : 0) + w;
    }
}

static void lay_out(const struct table *t, size_t limit, struct layout *ret)
{
    CLEANUP_FREE size_t *natural = xcalloc(t->columns, sizeof(*natural));
    CLEANUP_FREE size_t *narrowest = xcalloc(t->columns, sizeof(*narrowest));
    size_t last = t->columns - 1;

    for (size_t i = 0; i < t->cells.n; i++) {
        size_t column = i % t->columns;
        size_t w = text_width(shown(t, i)),
               word = wrap_longest(shown(t, i), has_slashes(t, column));

        if (w > natural[column])
            natural[column] = w;
        if (word > narrowest[column])
            narrowest[column] = word;
    }
    *ret = (struct layout){.widths = xcalloc(t->columns, sizeof(*ret->widths)),
                           .begins = xcalloc(t->columns, sizeof(*ret->begins)),
                           .columns = t->columns};
    fit(t, ret, natural, narrowest, false, limit);
    if (total_width(ret) <= limit &&
        (ret->widths[last] == natural[last] || ret->widths[last] >= LAST_MIN))
        return;
    if (may_wrap(t, last) && !has_slashes(t, last) && last > 0)
        ret->columns = last;
    fit(t, ret, natural, narrowest, true, limit);
    if (total_width(ret) > limit)
        fold(t, ret, natural, narrowest, limit);
}

/* ---- printing ---- */

static void print_piece(const struct table *t, const struct layout *l, size_t i, const char *text,
                        bool colour, bool is_last, FILE *out)
{
    static const char *const codes[] = {
        [COLOUR_NONE] = "", [COLOUR_GREEN] = "\033[32m", [COLOUR_RED] = "\033[31m"};
    size_t column = i % t->columns, w = text_width(text);
    int pad = l->widths[column] > w ? (int)(l->widths[column] - w) : 0;
    bool coloured = colour && t->cells.items[i].colour != COLOUR_NONE && *text;

    if (is_right(t, column))
        fprintf(out, "%*s", pad, "");
    fprintf(out, "%s%s%s", coloured ? codes[t->cells.items[i].colour] : "", text,
            coloured ? "\033[0m" : "");
    if (!is_last)
        fprintf(out, "%*s", (is_right(t, column) ? 0 : pad) + GAP, "");
}

/* Columns of the row whose first cell is that. */
struct span {
    size_t first, from, to;
};

/* The next line of a cell; what is left of it stays in *rest. Caller frees. */
static char *take_line(const struct table *t, const struct layout *l, size_t column,
                       const char **rest)
{
    size_t next = strlen(*rest), len = next;
    char *ret;

    if (may_wrap(t, column))
        len = wrap_line(*rest, l->widths[column], has_slashes(t, column), &next);
    ret = xasprintf("%.*s", (int)len, *rest);
    *rest += next;
    return ret;
}

/* One line of a row's columns, of what is left of their cells; is there more of them? */
static bool print_row_line(const struct table *t, const struct layout *l, const struct span *s,
                           const char **rest, bool colour, FILE *out)
{
    CLEANUP_FREE char *line = NULL;
    bool more = false;
    size_t len = 0;
    FILE *f = open_memstream(&line, &len);

    if (!f)
        abort();
    fprintf(f, "%*s", s->from > 0 ? FOLD_INDENT : 0, "");
    for (size_t i = s->from; i < s->to; i++) {
        CLEANUP_FREE char *piece = take_line(t, l, i, &rest[i]);

        print_piece(t, l, s->first + i, piece, colour, i + 1 == s->to, f);
        more = more || *rest[i];
    }
    fclose(f);
    while (len > 0 && line[len - 1] == ' ')
        len--;
    fprintf(out, "%.*s\n", (int)len, line);
    return more;
}

static void print_row(const struct table *t, const struct layout *l, size_t first, bool colour,
                      FILE *out)
{
    CLEANUP_FREE const char **rest = xcalloc(t->columns, sizeof(*rest));

    for (size_t i = 0; i < t->columns; i++)
        rest[i] = shown(t, first + i);
    for (struct span s = {.first = first}; s.from < l->columns; s.from = s.to) {
        s.to = s.from + 1;
        while (s.to < l->columns && !l->begins[s.to])
            s.to++;
        while (print_row_line(t, l, &s, rest, colour, out))
            ;
    }
    if (l->columns < t->columns && first > 0 && strcmp(rest[l->columns], "-") != 0)
        print_paragraph(out, BELOW_INDENT, "", rest[l->columns]);
}

void table_print(const struct table *t, FILE *out)
{
    bool colour = table_may_colour(out);
    struct layout l;
    size_t note = 0;

    if (t->cells.n <= t->columns)
        return;
    lay_out(t, output_width(out), &l);
    for (size_t row = 0; row * t->columns < t->cells.n; row++) {
        print_row(t, &l, row * t->columns, colour, out);
        for (; note < t->notes.n && t->notes.items[note].row == row; note++)
            print_paragraph(out, text_width(t->notes.items[note].label), t->notes.items[note].label,
                            t->notes.items[note].text);
    }
    free(l.widths);
    free(l.begins);
}

void table_print_or(const struct table *t, const char *empty, FILE *out)
{
    if (t->cells.n <= t->columns)
        fprintf(out, "%s\n", empty);
    table_print(t, out);
}

void print_plain(const char *text, FILE *out)
{
    CLEANUP_FREE char *safe = plain_text(text);

    fputs(safe, out);
}
