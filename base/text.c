/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"

const char *plural_s(uint64_t n)
{
    return n == 1 ? "" : "s";
}

bool str_eq(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

char *uri_encode(const char *s)
{
    char *ret = xcalloc(strlen(s) * 3 + 1, 1), *end = ret;

    for (; *s; s++)
        end += isalnum((unsigned char)*s) || strchr("-._~/", *s)
                   ? sprintf(end, "%c", *s)
                   : sprintf(end, "%%%02X", (unsigned char)*s);
    return ret;
}

bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool parse_int(const char *s, int64_t min, int64_t max, int64_t *ret)
{
    char *end = NULL;
    long long v;

    if (!isdigit((unsigned char)s[s[0] == '-']))
        return false;
    errno = 0;
    v = strtoll(s, &end, 10);
    if (errno || *end || v < min || v > max)
        return false;
    *ret = v;
    return true;
}

int size_parse(const char *s, uint64_t *ret_bytes, struct err *err)
{
    static const struct {
        const char *name;
        int shift;
    } units[] = {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
    char *end = NULL;
    unsigned long long v;

    if (!isdigit((unsigned char)*s))
        goto bad;
    errno = 0;
    v = strtoull(s, &end, 10);
    if (errno)
        goto bad;
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(end, units[i].name) != 0)
            continue;
        if (v > ((uint64_t)INT64_MAX >> units[i].shift))
            return err_set(err, ERR_INVALID, "'%s' is too large", s);
        *ret_bytes = (uint64_t)v << units[i].shift;
        return 0;
    }
bad:
    return err_set(err, ERR_INVALID, "'%s' is not a size (want a number with KiB, MiB, GiB or TiB)",
                   s);
}

int rate_parse(const char *s, uint64_t *ret, struct err *err)
{
    size_t len = strlen(s);
    CLEANUP_FREE char *size = NULL;

    if (len < 3 || strcmp(s + len - 2, "/s") != 0)
        return err_set(err, ERR_INVALID, "'%s' is no rate; write it like 50MiB/s", s);
    size = xasprintf("%.*s", (int)(len - 2), s);
    return size_parse(size, ret, err);
}

static int64_t unit_seconds(char c)
{
    switch (c) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 7 * 86400;
    default:
        return 0;
    }
}

int duration_parse(const char *s, int64_t *ret_seconds, struct err *err)
{
    int64_t sum = 0, part;
    const char *p = s;

    if (!*p)
        goto bad;
    while (*p) {
        char *end = NULL;
        long long v;

        if (!isdigit((unsigned char)*p))
            goto bad;
        errno = 0;
        v = strtoll(p, &end, 10);
        if (errno || unit_seconds(*end) == 0)
            goto bad;
        if (__builtin_mul_overflow((int64_t)v, unit_seconds(*end), &part) ||
            __builtin_add_overflow(sum, part, &sum) || sum > INT64_MAX / 1000)
            return err_set(err, ERR_INVALID, "'%s' is too long", s);
        p = end + 1;
        while (*p == ' ' && p[1])
            p++;
    }
    *ret_seconds = sum;
    return 0;
bad:
    return err_set(err, ERR_INVALID, "'%s' is not a duration (want numbers with s, m, h, d or w)",
                   s);
}

const char *size_text(uint64_t bytes, char buf[SIZE_TEXT_MAX])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double v = (double)bytes;
    size_t u = 0;

    while (v >= 999.5 && u + 1 < ARRAY_LEN(units)) {
        v /= 1024;
        u++;
    }
    snprintf(buf, SIZE_TEXT_MAX,
             u == 0 || v >= 99.95 ? "%.0f %s"
             : v >= 9.995         ? "%.1f %s"
                                  : "%.2f %s",
             v, units[u]);
    return buf;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance, a row at a time, with a swapped pair of neighbours as one edit (optimal
 * string alignment). */
static size_t distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    CLEANUP_FREE size_t *rows = xcalloc(3 * (nb + 1), sizeof(*rows));
    size_t *row = rows, *above = row + nb + 1, *two_above = above + nb + 1;

    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *spare = two_above;

        two_above = above;
        above = row;
        row = spare;
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return row[nb];
}

const char *nearest_word(const char *s, const char *const *words, size_t n)
{
    const char *best = NULL;
    size_t limit = strlen(s) / 3 + 1, nearest = limit + 1;

    if (strlen(s) > 64)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(s, words[i]);

        if (d < nearest) {
            nearest = d;
            best = words[i];
        }
    }
    return best;
}

const char *text_clip(const char *s, char buf[TEXT_CLIP])
{
    size_t len = strlen(s), max = TEXT_CLIP - sizeof("...");

    if (len > max) {
        for (len = max; len > 0 && (s[len] & 0xc0) == 0x80;)
            len--; /* not in the middle of a character */
        snprintf(buf, TEXT_CLIP, "%.*s...", (int)len, s);
    } else {
        memcpy(buf, s, len + 1);
    }
    return buf;
}

void text_cut(char *buf, size_t size)
{
    static const char end[] = " ...";
    size_t len = strlen(buf), last = size - sizeof(end);

    if (size <= sizeof(end) || len + 1 < size)
        return;
    while (last > 0 && buf[last] != ' ')
        last--;
    /* A word that is most of the text is parted, but not within a character. */
    if (last < size / 2)
        for (last = size - sizeof(end); last > 0 && ((unsigned char)buf[last] & 0xc0) == 0x80;)
            last--;
    memcpy(buf + last, end, sizeof(end));
}

char *secret_object(const char *id, const char *file)
{
    char *escaped = xcalloc(strlen(file) * 2 + 1, 1), *ret;
    size_t n = 0;

    for (const char *c = file; *c; c++) {
        escaped[n++] = *c;
        if (*c == ',')
            escaped[n++] = ',';
    }
    ret = xasprintf("secret,id=%s,file=%s", id, escaped);
    free(escaped);
    return ret;
}

bool ends_with(const char *s, const char *end)
{
    size_t len = strlen(s), n = strlen(end);

    return len >= n && strcmp(s + len - n, end) == 0;
}
