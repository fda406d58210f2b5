/* SPDX-License-Identifier: MIT */
#include "storage/rebuild/rebuild_notes.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"

void rebuild_note(struct rebuild *r, const char *fmt, ...)
{
    CLEANUP_FREE char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    strlist_add(&r->notes, text);
}

static const char *owner_of(const struct rebuild *r, const struct point *p)
{
    const struct rebuild_domain *d = rebuild_domain_of(r, p);

    return d ? d->owner : NULL;
}

void rebuild_tell_left(struct rebuild *r, const bool *taken)
{
    CLEANUP(strlist_done) struct strlist told = {0};

    for (size_t i = 0; i < r->points.n; i++) {
        const char *owner = owner_of(r, &r->points.items[i]);
        const char *repository = r->points.items[i].repository;
        CLEANUP_FREE char *key = xasprintf("%s %s", owner ? owner : "", repository);
        size_t n = 0;

        if (taken[i] || !owner || strlist_has(&told, key))
            continue;
        strlist_add(&told, key);
        for (size_t k = i; k < r->points.n; k++)
            n += !taken[k] && str_eq(owner_of(r, &r->points.items[k]), owner) &&
                 str_eq(r->points.items[k].repository, repository);
        rebuild_note(r,
                     "%zu point%s of catalog %s %s left to it; if that one is gone, 'vmkeep "
                     "repository adopt %s' takes %s over afterwards",
                     n, plural_s(n), owner, n == 1 ? "is" : "are", repository,
                     n == 1 ? "it" : "them");
    }
}

/* The one that knows most of what that catalog did; NULL: none can be read. */
static const struct rebuild_source *source_of(const struct rebuild *r, const char *id)
{
    const struct rebuild_source *ret = NULL;

    for (size_t i = 0; i < r->sources.n; i++) {
        const struct rebuild_source *s = &r->sources.items[i];

        if (s->catalog && str_eq(s->id, id) && (!ret || s->last_job > ret->last_job))
            ret = s;
    }
    return ret;
}

static void tell_history(struct rebuild *r, const char *id)
{
    const struct rebuild_source *s = source_of(r, id);
    size_t n = 0;

    for (size_t i = 0; i < r->points.n; i++)
        n += str_eq(r->points.items[i].catalog, id);
    if (s)
        rebuild_note(r,
                     "%zu point%s of catalog %s, which was here, too, %s taken, but not the %zu "
                     "job%s that %s knows; '--id %s' takes those, and not the jobs of %s",
                     n, plural_s(n), id, n == 1 ? "is" : "are", s->jobs, plural_s(s->jobs), s->path,
                     id, r->id);
    else
        rebuild_note(
            r,
            "%zu point%s of catalog %s, which was here, too, %s taken; of its jobs no copy "
            "is left",
            n, plural_s(n), id, n == 1 ? "is" : "are");
}

void rebuild_tell_histories(struct rebuild *r)
{
    CLEANUP(strlist_done) struct strlist told = {0};

    for (size_t i = 0; i < r->points.n; i++) {
        const struct point *p = &r->points.items[i];
        const struct rebuild_domain *d = rebuild_domain_of(r, p);

        if (!p->catalog || str_eq(p->catalog, r->id) || !d || !d->here ||
            strlist_has(&told, p->catalog))
            continue;
        strlist_add(&told, p->catalog);
        tell_history(r, p->catalog);
    }
}
