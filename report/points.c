/* SPDX-License-Identifier: MIT */
#include "report/points.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* An earlier disk stands on the same point. */
static bool is_known_backing(const struct point *p, size_t disk)
{
    for (size_t i = 0; i < disk; i++)
        if (str_eq(p->disks.items[i].backing, p->disks.items[disk].backing))
            return true;
    return false;
}

/* left: how many points a chain can have; more means that a damaged catalog runs in a circle.  One
 * that is let go while others stand on it is being merged into these: nothing of it is missing. */
static bool is_whole(const struct point_list *points, const struct point *p, size_t left)
{
    if ((p->state != POINT_GOOD && p->state != POINT_DELETING) || left == 0)
        return false;
    for (size_t i = 0; i < p->disks.n; i++) {
        const char *backing = p->disks.items[i].backing;
        const struct point *base;

        if (!backing || is_known_backing(p, i))
            continue;
        base = point_list_find(points, backing);
        if (!base || !is_whole(points, base, left - 1))
            return false;
    }
    return true;
}

bool point_is_whole(const struct point_list *points, const struct point *p)
{
    return p->state == POINT_GOOD && is_whole(points, p, points->n);
}

bool point_is_whole_id(const char *text)
{
    const char *slash = strchr(text, '/');

    return slash && (slash = strchr(slash + 1, '/')) && strchr(slash, '@');
}

bool point_is_meant(const char *text, const char *id)
{
    size_t n = strlen(text), len = strlen(id);

    if (!strchr(text, '@'))
        len = strcspn(id, "@");
    return n > 0 && n <= len && strncmp(id + len - n, text, n) == 0 &&
           (n == len || id[len - n - 1] == '/');
}

/* A list has a domain's points by time: those of one second are near, with others between them. */
static bool is_near(const struct point *a, const struct point *b)
{
    return a->created == b->created && strcmp(a->domain, b->domain) == 0;
}

static bool has_short_name(const struct point *p, const char *name)
{
    return point_is_meant(name, p->id) && strcspn(name, "@") == strlen(name);
}

char *point_short_name(const struct point_list *points, const struct point *p)
{
    const char *slash = strrchr(p->id, '/'), *name = slash ? slash + 1 : p->id;
    CLEANUP_FREE char *brief = xasprintf("%.*s", (int)strcspn(name, "@"), name);
    size_t at = (size_t)(p - points->items);
    bool alone = true;

    for (size_t i = at; i-- > 0 && is_near(&points->items[i], p);)
        alone = alone && !has_short_name(&points->items[i], brief);
    for (size_t i = at + 1; i < points->n && is_near(&points->items[i], p); i++)
        alone = alone && !has_short_name(&points->items[i], brief);
    return xstrdup(alone ? brief : name);
}

uint64_t point_bytes(const struct point *p)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < p->disks.n; i++)
        sum += p->disks.items[i].bytes;
    return sum;
}

const char *point_state_text(const struct point *p, bool for_people)
{
    if (p->state != POINT_GOOD || !p->set_aside)
        return point_state_name(p->state);
    return for_people ? "set aside" : "set-aside";
}

char *points_bad_text(const struct point_list *points)
{
    size_t damaged = 0, missing = 0;
    const struct point *last = NULL;

    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];

        if (p->state != POINT_DAMAGED && p->state != POINT_MISSING)
            continue;
        *(p->state == POINT_DAMAGED ? &damaged : &missing) += 1;
        last = p;
    }
    if (!last)
        return NULL;
    if (damaged + missing == 1)
        return xasprintf("a point is %s: %s: %s", point_state_name(last->state), last->id,
                         last->problem ? last->problem : "not recorded why");
    if (damaged == 0 || missing == 0)
        return xasprintf("%zu points are %s; the newest of them is %s: %s", damaged + missing,
                         point_state_name(damaged ? POINT_DAMAGED : POINT_MISSING), last->id,
                         last->problem ? last->problem : "not recorded why");
    return xasprintf("%zu point%s damaged, %zu missing; the newest of them is %s: %s", damaged,
                     damaged == 1 ? " is" : "s are", missing, last->id,
                     last->problem ? last->problem : "not recorded why");
}
