/* SPDX-License-Identifier: MIT
 *
 * jansson writes a byte at a time, into memory; of lists of 100 000 items that was half of what a
 * command did.
 */
#include "report/json_write.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define INDENT 2

static void put(const char *text, size_t len, FILE *out)
{
    fwrite_unlocked(text, 1, len, out);
}

static void begin_line(int depth, FILE *out)
{
    putc_unlocked('\n', out);
    for (int i = 0; i < depth * INDENT; i++)
        putc_unlocked(' ', out);
}

static void write_escaped(unsigned char c, FILE *out)
{
    static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    const char letter = c < sizeof(letters) ? letters[c] : '\0';

    if (letter)
        fprintf(out, "\\%c", letter);
    else
        fprintf(out, "\\u%04X", c);
}

static void write_text(const char *text, size_t len, FILE *out)
{
    size_t plain = 0; /* from here on nothing is to be escaped */

    putc_unlocked('"', out);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= ' ' && c != '"' && c != '\\')
            continue;
        put(text + plain, i - plain, out);
        write_escaped(c, out);
        plain = i + 1;
    }
    put(text + plain, len - plain, out);
    putc_unlocked('"', out);
}

static void write_number(json_int_t v, FILE *out)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, v);

    put(text, (size_t)n, out);
}

/* One without parts. */
static void write_word(const json_t *value, FILE *out)
{
    CLEANUP_FREE char *text = NULL;

    if (json_is_string(value)) {
        write_text(json_string_value(value), json_string_length(value), out);
    } else if (json_is_integer(value)) {
        write_number(json_integer_value(value), out);
    } else {
        text = json_dumps(value, JSON_ENCODE_ANY);
        put(text ? text : "null", text ? strlen(text) : 4, out);
    }
}

static void write_array(const json_t *value, int depth, FILE *out)
{
    size_t i;
    json_t *item;

    putc_unlocked('[', out);
    json_array_foreach(value, i, item) {
        if (i > 0)
            putc_unlocked(',', out);
        begin_line(depth + 1, out);
        json_write(item, depth + 1, out);
    }
    if (i > 0)
        begin_line(depth, out);
    putc_unlocked(']', out);
}

static void write_object(json_t *value, int depth, FILE *out)
{
    bool any = false;
    const char *key;
    json_t *item;

    putc_unlocked('{', out);
    json_object_foreach(value, key, item) {
        if (any)
            putc_unlocked(',', out);
        any = true;
        begin_line(depth + 1, out);
        write_text(key, strlen(key), out);
        put(": ", 2, out);
        json_write(item, depth + 1, out);
    }
    if (any)
        begin_line(depth, out);
    putc_unlocked('}', out);
}

void json_write(json_t *value, int depth, FILE *out)
{
    if (json_is_array(value))
        write_array(value, depth, out);
    else if (json_is_object(value))
        write_object(value, depth, out);
    else
        write_word(value, out);
}
