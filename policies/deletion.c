/* SPDX-License-Identifier: MIT */
#include "policies/deletion.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/pin.h"
#include "base/text.h"

#define NAMED 3 /* of those that stand on one */

bool point_stands_on(const struct point *p, const char *id)
{
    for (size_t i = 0; i < p->disks.n; i++)
        if (str_eq(p->disks.items[i].backing, id))
            return true;
    return str_eq(p->parent, id);
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

static bool is_lost(const struct point *p)
{
    return p->state == POINT_DAMAGED || p->state == POINT_MISSING;
}

/* Those whose images may be worked on: they are whole, and what they stand on is. */
static bool *find_sound(const struct point_list *points)
{
    bool *ret = xcalloc(points->n + 1, sizeof(*ret));
    bool more = true;

    for (size_t i = 0; i < points->n; i++)
        ret[i] = !is_lost(&points->items[i]) && !points->items[i].set_aside;
    while (more) {
        more = false;
        for (size_t i = 0; i < points->n; i++)
            for (size_t k = 0; k < points->n && ret[i]; k++)
                if (k != i && point_stands_on(&points->items[i], points->items[k].id) &&
                    (is_lost(&points->items[k]) || (!ret[k] && !points->items[k].set_aside))) {
                    ret[i] = false;
                    more = true;
                }
    }
    return ret;
}

/* What is left in goes has found no way. */
static int check_all_go(const struct point_list *points, const bool *asked, const bool *goes,
                        struct err *err)
{
    for (size_t i = 0; i < points->n; i++) {
        CLEANUP_FREE char *above = goes[i] ? who_stands_on(points, asked, &points->items[i]) : NULL;

        if (goes[i])
            return err_set(err, ERR_BUSY,
                           "%s: %s cannot be read without it, and it cannot be merged: that takes "
                           "exactly one point on it, and both whole and rightly dated; delete "
                           "what stands on it, too (--with-dependents), or leave it to the rules",
                           points->items[i].id, above ? above : "another point");
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
    const struct point *p = points->items; /* copies are judged apart, by repository */
    size_t n, left;

    count_good(points, goes, false, &n, &left);
    if (n == 0)
        count_good(points, goes, true, &n, &left);
    if (n == 0 || left > 0)
        return 0;
    return err_set(err, ERR_DENIED,
                   "no good %s of %s/%s under policy %s would be left%s%s; to delete the last one, "
                   "too, say --force",
                   p->copy_of ? "copy" : "point", p->host, p->domain, p->policy,
                   p->copy_of ? " in repository " : "", p->copy_of ? p->repository : "");
}

/* What is half gone is no point any more. */
static int check_pins(const struct point_list *points, const bool *goes, int64_t now,
                      struct err *err)
{
    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];
        CLEANUP_FREE char *text = NULL;

        if (!goes[i] || p->state == POINT_DELETING || !pin_holds(&p->pin, now))
            continue;
        text = pin_text_local(&p->pin);
        return err_set(err, ERR_DENIED, "%s is %s: to delete it, say 'vmkeep unpin %s' first",
                       p->id, text, p->id);
    }
    return 0;
}

int deletion_plan(const struct point_list *points, const struct deletion *d,
                  struct letting_go_list *ret, struct err *err)
{
    CLEANUP_FREE bool *asked = xcalloc(points->n + 1, sizeof(*asked));
    CLEANUP_FREE bool *goes = xcalloc(points->n + 1, sizeof(*goes));
    CLEANUP_FREE bool *sound = NULL;
    CLEANUP(letting_go_list_done) struct letting_go_list l = {0};

    if (mark_asked(points, d->asked, asked, err) < 0)
        return -1;
    if (d->dependents)
        mark_dependents(points, asked);
    if (check_pins(points, asked, d->now, err) < 0)
        return -1;
    if (!d->force && check_last(points, asked, err) < 0)
        return -1;
    memcpy(goes, asked, points->n * sizeof(*goes));
    sound = find_sound(points);
    letting_go_plan(points, goes, sound, &l);
    if (check_all_go(points, asked, goes, err) < 0)
        return -1;
    *ret = l;
    l = (struct letting_go_list){0};
    return 0;
}
