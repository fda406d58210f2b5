/* SPDX-License-Identifier: MIT */
#include "report/wrap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

    for (const char *p = text; *p; p++)
        n += is_first_byte(*p);
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

void print_paragraph(FILE *out, size_t indent, const char *label, const char *text)
{
    CLEANUP_FREE char *plain = plain_text(text);
    size_t width = output_width(out), next;
    const char *line = plain;

    width = width > indent + WIDTH_MIN ? width - indent : WIDTH_MIN;
    for (size_t column = text_width(label); *line; line += next) {
        size_t len = wrap_line(line, width, false, &next);

        fprintf(out, "%s%*s%.*s\n", line == plain ? label : "",
                line == plain ? (int)(column < indent ? indent - column : 0) : (int)indent, "",
                (int)len, line);
    }
}
