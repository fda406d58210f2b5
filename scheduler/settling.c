/* SPDX-License-Identifier: MIT */
#include "scheduler/settling.h"

#include "scheduler/core.h"

void settle_if_seen(struct scheduler *s)
{
    if (s->settled || s->looks.n > 0)
        return;
    for (size_t i = 0; i < s->jobs.hosts.n; i++)
        if (host_is_awaited(s->jobs.hosts.items[i]))
            return;
    for (size_t i = 0; i < s->jobs.repos.n; i++)
        if (s->jobs.repos.items[i]->watch->probing || s->jobs.repos.items[i]->watch->surveying ||
            s->jobs.repos.items[i]->watch->examining)
            return;
    /* Not from within the look: what begins now may free what it stands in. */
    s->env.clock->ops->after(s->env.clock, &s->settle, 0);
}
