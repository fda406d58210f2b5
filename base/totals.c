/* SPDX-License-Identifier: MIT */
#include "base/totals.h"

#include <stdlib.h>

void job_totals_done(struct job_totals *t)
{
    for (size_t i = 0; i < t->by_outcome.n; i++)
        free(t->by_outcome.items[i].kind);
    for (size_t i = 0; i < t->by_duration.n; i++)
        free(t->by_duration.items[i].kind);
    free(t->by_outcome.items);
    free(t->by_duration.items);
    *t = (struct job_totals){0};
}
