/* SPDX-License-Identifier: MIT */
#include "policies/deletion.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"

#define NAMED 3 /* of those that stand on one */

bool point_stands_on(const struct point *p, const char *id)
{
    for (size_t i = 0; i < p->disks.n; i++)
        if (str_eq(p->disks.items[i].backing, id))
            return true;
    return str_eq(p->parent, id);
}

void deletion_order(const struct point_list *points, bool *goes, struct strlist *ret)
{
    CLEANUP_FREE bool *gone = xcalloc(points->n + 1, sizeof(*gone));
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = points->n; i-- > 0;) {
            bool free_to_go = goes[i];

            for (size_t k = 0; k < points->n && free_to_go; k++)
                free_to_go =
                    gone[k] || k == i || !point_stands_on(&points->items[k], points->items[i].id);
            if (!free_to_go)
                continue;
            strlist_add(ret, points->items[i].id);
            goes[i] = false;
            gone[i] = true;
            more = true;
        }
    }
}

static int mark_asked(const struct point_list *points, const struct strlist *asked, bool *goes,
                      struct err *err)
{
    for (size_t i = 0; i < asked->n; i++) {
        const struct point *p = point_list_find(points, asked->items[i]);

        if (!p)
            return err_set(err, ERR_NOTFOUND, "point %s is not in the catalog", asked->items[i]);
        goes[p - points->items] = true;
    }
    return 0;
}

/* Until there is nothing more that stands on one of them. */
static void mark_dependents(const struct point_list *points, bool *goes)
{
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = 0; i < points->n; i++)
            for (size_t k = 0; k < points->n && !goes[i]; k++)
                if (goes[k] && point_stands_on(&points->items[i], points->items[k].id))
                    goes[i] = more = true;
    }
}

/* The names of some that stand on p and stay; NULL: there are none.  Caller frees. */
static char *who_stands_on(const struct point_list *points, const bool *goes, const struct point *p)
{
    char *text = NULL;
    size_t n = 0;

    for (size_t i = 0; i < points->n; i++) {
        char *longer;

        if (goes[i] || !point_stands_on(&points->items[i], p->id) || n++ >= NAMED)
            continue;
        longer =
            text ? xasprintf("%s, %s", text, points->items[i].id) : xstrdup(points->items[i].id);
        free(text);
        text = longer;
    }
    if (n > NAMED) {
        char *longer = xasprintf("%s and %zu more", text, n - NAMED);

        free(text);
        text = longer;
    }
    return text;
}

static int check_free(const struct point_list *points, const bool *goes, struct err *err)
{
    for (size_t i = 0; i < points->n; i++) {
        CLEANUP_FREE char *above = goes[i] ? who_stands_on(points, goes, &points->items[i]) : NULL;

        if (above)
            return err_set(err, ERR_BUSY,
                           "%s: %s cannot be read without it; delete these, too "
                           "(--with-dependents), or leave it to the rules: prune lets go of it "
                           "when nothing needs it any more",
                           points->items[i].id, above);
    }
    return 0;
}

/* How many good ones there are, and would be. One that is set aside is better than none. */
static void count_good(const struct point_list *points, const bool *goes, bool aside, size_t *ret_n,
                       size_t *ret_left)
{
    *ret_n = *ret_left = 0;
    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];

        if (p->state != POINT_GOOD || (p->set_aside && !aside))
            continue;
        (*ret_n)++;
        *ret_left += !goes[i];
    }
}

static int check_last(const struct point_list *points, const bool *goes, struct err *err)
{
    size_t n, left;

    count_good(points, goes, false, &n, &left);
    if (n == 0)
        count_good(points, goes, true, &n, &left);
    if (n == 0 || left > 0)
        return 0;
    return err_set(err, ERR_DENIED,
                   "no good point of %s/%s under policy %s would be left; to delete the last one, "
                   "too, say --force",
                   points->items[0].host, points->items[0].domain, points->items[0].policy);
}

int deletion_plan(const struct point_list *points, const struct deletion *d, struct strlist *ret,
                  struct err *err)
{
    CLEANUP_FREE bool *goes = xcalloc(points->n + 1, sizeof(*goes));

    if (mark_asked(points, d->asked, goes, err) < 0)
        return -1;
    if (d->dependents)
        mark_dependents(points, goes);
    if (check_free(points, goes, err) < 0 || (!d->force && check_last(points, goes, err) < 0))
        return -1;
    deletion_order(points, goes, ret);
    return 0;
}
