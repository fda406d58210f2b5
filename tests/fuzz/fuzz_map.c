/* SPDX-License-Identifier: MIT
 *
 * What a disk held once, as text from a file: it is refused, or it is what would be printed of it,
 * to the byte.  Taking it away from itself leaves nothing, and taking half of it the other half.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "mover/map_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same_text(const struct map *m, const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert(out);
    map_print(m, 0, out);
    fclose(out);
    assert(len <= size && memcmp(text, data, len) == 0);
}

static void copy_runs(const struct map *m, size_t every, struct map *ret)
{
    for (size_t i = 0; i < m->runs.n; i += every)
        *VEC_ADD(&ret->runs) = m->runs.items[i];
}

static void check_subtract(const struct map *m)
{
    CLEANUP(map_done) struct map all = {0}, half = {0}, left = {0};

    copy_runs(m, 1, &all);
    copy_runs(m, 2, &half);
    copy_runs(m, 1, &left);
    map_subtract(&all, m);
    assert(all.runs.n == 0);
    map_subtract(&left, &half);
    assert(left.runs.n == m->runs.n - half.runs.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(map_done) struct map m = {0};
    CLEANUP_FCLOSE FILE *in = size > 0 ? fmemopen((void *)data, size, "r") : NULL;
    struct err err = ERR_INIT;

    if (!in)
        return 0;
    if (map_read(in, "map", &m, &err) < 0) {
        assert(err.code == ERR_CORRUPT && *err.msg);
        return 0;
    }
    check_same_text(&m, data, size);
    check_subtract(&m);
    return 0;
}
