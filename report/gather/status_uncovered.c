/* SPDX-License-Identifier: MIT
 *
 * Of the status: points that no rule judges any more.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "report/gather/status_priv.h"

void status_count_uncovered(const struct policies *selecting, const struct point_list *points,
                            struct status_domain *ret)
{
    const struct point *newest = NULL;

    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];
        bool covered = false;

        for (size_t k = 0; k < selecting->n && !covered; k++)
            covered = str_eq(selecting->items[k]->name, p->policy);
        if (covered)
            continue;
        ret->n_uncovered++;
        if (!newest || p->created >= newest->created)
            newest = p;
    }
    ret->uncovered = newest ? xstrdup(newest->policy) : NULL;
}
