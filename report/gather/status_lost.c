/* SPDX-License-Identifier: MIT
 *
 * Of the status: points that a look found not whole just now.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "policies/soundness.h"
#include "report/gather/status_priv.h"

static bool is_any_lost(const struct status_looks *looks)
{
    for (size_t i = 0; looks && i < looks->n; i++)
        if (looks->items[i].losses.n > 0)
            return true;
    return false;
}

bool status_looks_lost(const struct status_looks *looks, const struct domain_name *d)
{
    CLEANUP_FREE char *host = NULL, *domain = NULL, *dir = NULL;

    if (!is_any_lost(looks))
        return false;
    host = name_escape(d->host);
    domain = name_escape(d->domain);
    dir = xasprintf("%s/%s/", host, domain);
    for (size_t i = 0; i < looks->n; i++)
        for (size_t k = 0; k < looks->items[i].losses.n; k++)
            if (strncmp(looks->items[i].losses.items[k].id, dir, strlen(dir)) == 0)
                return true;
    return false;
}

static const struct survey_loss *find_loss(const struct status_looks *looks, const char *id)
{
    for (size_t i = 0; i < looks->n; i++)
        for (size_t k = 0; k < looks->items[i].losses.n; k++)
            if (strcmp(looks->items[i].losses.items[k].id, id) == 0)
                return &looks->items[i].losses.items[k];
    return NULL;
}

void status_mark_lost(const struct status_looks *looks, struct point_list *points)
{
    for (size_t i = 0; i < points->n; i++) {
        struct point *p = &points->items[i];
        const struct survey_loss *loss = find_loss(looks, p->id);

        if (!loss || p->state != POINT_GOOD)
            continue;
        p->state = loss->state;
        free(p->problem);
        p->problem = xstrdup(loss->problem);
    }
    soundness_judge(points);
}
