/* SPDX-License-Identifier: MIT */
#include "helpers/store/tell.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/record.h"

int tell_line(json_t *line)
{
    int rc = json_dumpf(line, stdout, JSON_COMPACT);

    json_decref(line);
    return rc < 0 || putchar('\n') == EOF || fflush(stdout) == EOF ? -1 : 0;
}

void tell_at(const char *path)
{
    if (tell_line(json_pack("{s:o}", "at", record_text(path))) < 0)
        exit(EXIT_FAILURE); /* nobody listens any more */
}

void tell_progress(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    if (tell_line(json_pack("{s:{s:I, s:I}}", "event", "done", (json_int_t)done, "total",
                            (json_int_t)total)) < 0)
        exit(EXIT_FAILURE);
}
