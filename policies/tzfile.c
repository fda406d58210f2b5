/* SPDX-License-Identifier: MIT
 *
 * The file: a header and a block with 32-bit times, kept for old readers; then, from version 2 on,
 * another header, a block with 64-bit times, and a rule between two newlines.  A block is the
 * transitions' times, their types (one byte each), the types (offset, dst, name), names, leap
 * seconds, and two lists of indicators that matter to nobody here.  All numbers are big-endian.
 */
#include "policies/tzfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define HEADER_SIZE 44
#define TYPE_SIZE 6

struct header {
    char version;
    uint64_t indicators; /* both lists together */
    uint64_t leaps, times, types, chars;
};

static uint64_t big_endian(const uint8_t *p, size_t size)
{
    uint64_t v = 0;

    for (size_t i = 0; i < size; i++)
        v = v << 8 | p[i];
    return v;
}

static int64_t big_endian_signed(const uint8_t *p, size_t size)
{
    uint64_t v = big_endian(p, size);

    return size == 4 ? (int64_t)(int32_t)(uint32_t)v : (int64_t)v;
}

static int read_header(const uint8_t *p, size_t len, struct header *h, struct err *err)
{
    if (len < HEADER_SIZE || memcmp(p, "TZif", 4) != 0)
        return err_set(err, ERR_CORRUPT, "not a time zone file");
    h->version = (char)p[4];
    h->indicators = big_endian(p + 20, 4) + big_endian(p + 24, 4);
    h->leaps = big_endian(p + 28, 4);
    h->times = big_endian(p + 32, 4);
    h->types = big_endian(p + 36, 4);
    h->chars = big_endian(p + 40, 4);
    return 0;
}

/* Bytes of a block, whose counts are below 2^33 each, so nothing overflows. */
static uint64_t block_size(const struct header *h, size_t time_size)
{
    return h->times * (time_size + 1) + h->types * TYPE_SIZE + h->chars +
           h->leaps * (time_size + 4) + h->indicators;
}

static int read_offset(const uint8_t *types, uint64_t n, uint8_t type, int32_t *ret,
                       struct err *err)
{
    if (type >= n)
        return err_set(err, ERR_CORRUPT, "damaged time zone file: there is no type %u", type);
    *ret = (int32_t)big_endian_signed(types + (size_t)type * TYPE_SIZE, 4);
    if (*ret < -TZ_OFFSET_MAX || *ret > TZ_OFFSET_MAX)
        return err_set(err, ERR_CORRUPT, "damaged time zone file: offset of %d seconds", *ret);
    return 0;
}

static int read_block(const uint8_t *p, const struct header *h, size_t time_size, struct tz_data *d,
                      struct err *err)
{
    const uint8_t *indexes = p + h->times * time_size;
    const uint8_t *types = indexes + h->times;

    if (h->leaps)
        return err_set(err, ERR_UNSUPPORTED, "time zone files with leap seconds do not count UTC");
    if (read_offset(types, h->types, 0, &d->first_offset, err) < 0)
        return -1;
    for (size_t i = 0; i < h->times; i++) {
        struct tz_transition *tr = VEC_ADD(&d->transitions);

        tr->at = big_endian_signed(p + i * time_size, time_size);
        if (i > 0 && tr->at <= tr[-1].at)
            return err_set(err, ERR_CORRUPT, "damaged time zone file: times out of order");
        if (read_offset(types, h->types, indexes[i], &tr->offset, err) < 0)
            return -1;
    }
    return 0;
}

static int read_rule(const uint8_t *p, size_t len, struct tz_data *d, struct err *err)
{
    const uint8_t *end = len > 0 && p[0] == '\n' ? memchr(p + 1, '\n', len - 1) : NULL;
    CLEANUP_FREE char *rule = NULL;

    if (!end)
        return err_set(err, ERR_CORRUPT, "damaged time zone file: it ends early");
    if (end == p + 1)
        return 0; /* no rule is known: the last offset stays */
    rule = xasprintf("%.*s", (int)(end - p - 1), (const char *)p + 1);
    if (tz_rule_parse(rule, &d->rule) < 0)
        return err_set(err, ERR_CORRUPT, "damaged time zone file: rule '%s'", rule);
    d->has_rule = true;
    return 0;
}

int tz_data_parse(const void *data, size_t len, struct tz_data *ret, struct err *err)
{
    const uint8_t *p = data;
    struct tz_data d = {0};
    size_t time_size = 4;
    struct header h;

    if (read_header(p, len, &h, err) < 0)
        return -1;
    if (h.version >= '2' && block_size(&h, 4) <= len - HEADER_SIZE) {
        size_t skip = HEADER_SIZE + (size_t)block_size(&h, 4);

        p += skip;
        len -= skip;
        time_size = 8;
        if (read_header(p, len, &h, err) < 0)
            return -1;
    }
    p += HEADER_SIZE;
    len -= HEADER_SIZE;
    if (block_size(&h, time_size) > len)
        return err_set(err, ERR_CORRUPT, "damaged time zone file: it ends early");
    if (read_block(p, &h, time_size, &d, err) < 0 ||
        (time_size == 8 &&
         read_rule(p + block_size(&h, 8), len - (size_t)block_size(&h, 8), &d, err) < 0)) {
        tz_data_done(&d);
        return -1;
    }
    *ret = d;
    return 0;
}

void tz_data_done(struct tz_data *d)
{
    free(d->transitions.items);
}
