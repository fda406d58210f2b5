/* SPDX-License-Identifier: MIT */
#include "mover/map_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

#define LINE_SIZE 80

static uint64_t sum_of(const struct map *m)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < m->runs.n; i++)
        bytes += m->runs.items[i].length;
    return bytes;
}

static void write_run(const struct map_run *run, char ret[LINE_SIZE])
{
    snprintf(ret, LINE_SIZE, "%" PRIu64 " %" PRIu64 "\n", run->offset, run->length);
}

static void write_total(const struct map *m, char ret[LINE_SIZE])
{
    snprintf(ret, LINE_SIZE, "total %zu %" PRIu64 "\n", m->runs.n, sum_of(m));
}

void map_print(const struct map *m, size_t limit, FILE *out)
{
    char line[LINE_SIZE];

    for (size_t i = 0; i < m->runs.n && (!limit || i < limit); i++) {
        write_run(&m->runs.items[i], line);
        fputs(line, out);
    }
    write_total(m, line);
    fputs(line, out);
}

/* As it was printed, to the byte: the C library makes numbers of much else. */
static int read_run(const char *line, struct map *ret)
{
    struct map_run run = {.kind = MAP_DATA};
    char same[LINE_SIZE];

    if (sscanf(line, "%" SCNu64 " %" SCNu64, &run.offset, &run.length) != 2)
        return -1;
    write_run(&run, same);
    if (strcmp(line, same) != 0 || run.length == 0 || run.offset < ret->end ||
        run.length > UINT64_MAX - run.offset)
        return -1;
    ret->end = run.offset + run.length;
    *VEC_ADD(&ret->runs) = run;
    return 0;
}

int map_read(FILE *in, const char *where, struct map *ret, struct err *err)
{
    char line[LINE_SIZE] = "", total[LINE_SIZE];
    int n = 1;

    for (; fgets(line, sizeof(line), in) && !starts_with(line, "total "); n++)
        if (read_run(line, ret) < 0)
            return err_set(err, ERR_CORRUPT, "%s: line %d is no range", where, n);
    write_total(ret, total);
    if (strcmp(line, total) != 0)
        return err_set(err, ERR_CORRUPT, "%s: its end is missing", where);
    return 0;
}
