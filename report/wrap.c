/* SPDX-License-Identifier: MIT */
#include "report/wrap.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "report/table.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 20
#define WIDTH_MAX 100000

size_t output_width(FILE *out)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    int64_t given;

    if (columns && parse_int(columns, WIDTH_MIN, WIDTH_MAX, &given))
        return (size_t)given;
    if (isatty(fileno(out)) && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 &&
        size.ws_col >= WIDTH_MIN)
        return size.ws_col;
    return WIDTH_DEFAULT;
}

static bool is_first_byte(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

size_t text_width(const char *text)
{
    size_t n = 0;

    for (const char *p = text; *p; p++) {
        if (starts_with(p, "\033["))
            p += strcspn(p, "m");
        else
            n += is_first_byte(*p);
        if (!*p)
            break;
    }
    return n;
}

size_t wrap_line(const char *text, size_t width, bool slashes, size_t *ret_next)
{
    size_t n = 0, end = 0, next = 0;

    for (const char *p = text; *p; p++) {
        size_t at = (size_t)(p - text);

        if (*p == ' ' && at > 0) {
            end = at;
            next = at + 1;
        } else if (slashes && at > 0 && p[-1] == '/') {
            end = next = at;
        }
        n += is_first_byte(*p);
        if (n > width && end > 0) {
            *ret_next = next;
            return end;
        }
    }
    *ret_next = strlen(text);
    return *ret_next;
}

size_t wrap_longest(const char *text, bool slashes)
{
    size_t longest = 0, n = 0;

    for (const char *p = text; *p; p++) {
        n = *p == ' ' ? 0 : n + is_first_byte(*p);
        if (n > longest)
            longest = n;
        if (slashes && *p == '/')
            n = 0;
    }
    return longest;
}

void print_start(FILE *out, const char *text, size_t width)
{
    for (const char *p = text; *p && width > 0; width--)
        do
            fputc(*p++, out);
        while (*p && !is_first_byte(*p));
}

/* Does the first word of text fit in so many columns? */
static bool begins_within(const char *text, size_t width)
{
    CLEANUP_FREE char *word = strndup(text, strcspn(text, " "));

    return text_width(word) <= width;
}

static size_t length_without_blanks(const char *text)
{
    size_t n = strlen(text);

    while (n > 0 && text[n - 1] == ' ')
        n--;
    return n;
}

void print_paragraph(FILE *out, size_t indent, const char *label, const char *text)
{
    CLEANUP_FREE char *plain = plain_text(text);
    size_t all = output_width(out), column = text_width(label), next;
    size_t width = all > indent + WIDTH_MIN ? all - indent : WIDTH_MIN;
    size_t begin = column > indent ? column : indent;
    const char *line = plain;

    if (*label && all > begin && begins_within(plain, all - begin)) {
        size_t len = wrap_line(line, all - begin, false, &next);

        fprintf(out, "%s%*s%.*s\n", label, (int)(begin - column), "", (int)len, line);
        line += next;
    } else if (*plain && label[strspn(label, " ")]) {
        fprintf(out, "%.*s\n", (int)length_without_blanks(label), label);
    }
    for (; *line; line += next) {
        size_t len = wrap_line(line, width, false, &next);

        fprintf(out, "%*s%.*s\n", (int)indent, "", (int)len, line);
    }
}

void print_paragraphf(FILE *out, size_t indent, const char *label, const char *fmt, ...)
{
    CLEANUP_FREE char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    print_paragraph(out, indent, label, text);
}
