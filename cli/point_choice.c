/* SPDX-License-Identifier: MIT */
#include "cli/point_choice.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/domain_search.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/points.h"

#define LISTED 5

static bool names_domain(const char *what, const struct point *p)
{
    return domain_is_meant(what, p->host, p->domain);
}

/* Adds one of the candidates to a message. */
static void list(char **text, const char *candidate, size_t count)
{
    char *longer;

    if (count > LISTED)
        return;
    if (count == LISTED)
        candidate = "...";
    longer = *text ? xasprintf("%s, %s", *text, candidate) : xstrdup(candidate);
    free(*text);
    *text = longer;
}

/* A copy is meant by its own name, and, where another place will do, by that of the point that it
 * is a copy of. */
static bool is_meant(const char *what, const struct point *p, bool anywhere)
{
    return point_is_meant(what, p->id) ||
           (anywhere && p->copy_of && point_is_meant(what, p->copy_of));
}

/* Copies of one point are one, and the point itself comes before them. */
static int choose_by_id(const struct point_list *all, const char *what, bool anywhere,
                        struct point_choice *ret, struct err *err)
{
    CLEANUP_FREE char *candidates = NULL;
    size_t n = 0;

    for (size_t i = 0; i < all->n; i++) {
        if (all->items[i].copy_of || !is_meant(what, &all->items[i], anywhere))
            continue;
        ret->point = &all->items[i];
        list(&candidates, all->items[i].id, n++);
    }
    for (size_t i = 0; i < all->n && (n == 0 || ret->point->copy_of); i++) {
        const struct point *p = &all->items[i];

        if (!p->copy_of || !is_meant(what, p, anywhere))
            continue;
        if (ret->point && str_eq(ret->point->copy_of, p->copy_of)) {
            if (ret->point->state != POINT_GOOD && !str_eq(ret->point->id, what))
                ret->point = p;
            continue;
        }
        ret->point = p;
        list(&candidates, p->id, n++);
    }
    if (n < 2)
        return 0;
    return err_set(err, ERR_INVALID, "'%s' could be %zu points: %s", what, n, candidates);
}

int point_choose_id(const struct point_list *all, const char *what, const struct point **ret,
                    struct err *err)
{
    struct point_choice choice = {0};

    if (choose_by_id(all, what, false, &choice, err) < 0)
        return -1;
    for (size_t i = 0; i < all->n && !choice.point; i++)
        if (names_domain(what, &all->items[i]))
            return err_set(err, ERR_INVALID,
                           "'%s' is a domain; name its points ('vmkeep points %s'), or say "
                           "--domain %s for all of them",
                           what, what, what);
    if (!choice.point)
        return err_set(err, ERR_NOTFOUND, "no point is named '%s'; see 'vmkeep points'", what);
    *ret = choice.point;
    return 0;
}

int point_unknown(struct near *near, struct err *err)
{
    err_set(err, ERR_NOTFOUND, "'%s' is neither a point nor a domain that has one", near->text);
    return near_ask(near, err);
}

static int check_one_domain(const struct point_list *all, const char *what, struct err *err)
{
    CLEANUP(domain_search_done) struct domain_search s = {.text = what};
    struct near near = {.text = what};

    for (size_t i = 0; i < all->n; i++)
        domain_search_offer(&s, all->items[i].host, all->items[i].domain);
    if (s.host)
        return domain_search_end(&s, err);
    for (size_t i = 0; i < all->n; i++)
        near_domain(&near, all->items[i].host, all->items[i].domain);
    return point_unknown(&near, err);
}

/* One that could be restored, as far as the list tells. */
static bool would_do(const struct point_list *all, const struct point *p)
{
    return point_is_whole(all, p) && !p->set_aside;
}

/* Of two points of one second, that which is listed later is newer; but a copy comes after what it
 * is a copy of. */
static bool is_older(const struct point *a, const struct point *b)
{
    if (a->created != b->created)
        return a->created < b->created;
    return !a->copy_of == !b->copy_of ? a < b : a->copy_of != NULL;
}

const struct point *point_choose_older(const struct point_list *all, const struct point *before)
{
    const struct point *ret = NULL;

    for (size_t i = 0; i < all->n; i++) {
        const struct point *p = &all->items[i];

        if (str_eq(p->host, before->host) && str_eq(p->domain, before->domain) &&
            is_older(p, before) && would_do(all, p) && (!ret || is_older(ret, p)))
            ret = p;
    }
    return ret;
}

static int choose_by_domain(const struct point_list *all, const char *what, const int64_t *at,
                            struct point_choice *ret, struct err *err)
{
    const struct point *oldest = NULL;
    char when[TIMEFMT_MAX], first[TIMEFMT_MAX];

    if (check_one_domain(all, what, err) < 0)
        return -1;
    ret->by_domain = true;
    for (size_t i = 0; i < all->n; i++) {
        const struct point *p = &all->items[i];

        if (!names_domain(what, p) || !would_do(all, p))
            continue;
        if (!oldest || p->created < oldest->created)
            oldest = p;
        if ((!at || p->created <= *at) && (!ret->point || is_older(ret->point, p)))
            ret->point = p;
    }
    if (!oldest)
        return err_set(err, ERR_CORRUPT,
                       "%s: none of its points is whole; 'vmkeep points' says what each lacks. A "
                       "POINT whose files are back is restored by its name, and of one that is "
                       "damaged --no-verify restores what can still be read",
                       what);
    if (!ret->point)
        return err_set(err, ERR_NOTFOUND, "%s: no good point at or before %s; the oldest is of %s",
                       what, time_local(*at, when), time_local(oldest->created, first));
    for (size_t i = 0; i < all->n; i++)
        if (names_domain(what, &all->items[i]) && all->items[i].state != POINT_DELETING &&
            !all->items[i].set_aside && !all->items[i].copy_of &&
            all->items[i].created > ret->point->created && (!at || all->items[i].created <= *at))
            ret->passed_over++;
    return 0;
}

int point_choose(const struct point_list *all, const char *what, const int64_t *at,
                 struct point_choice *ret, struct err *err)
{
    struct point_choice choice = {0};

    if (choose_by_id(all, what, true, &choice, err) < 0)
        return -1;
    if (choice.point && at)
        return err_set(err, ERR_INVALID, "'%s' is a point already; --at goes with a domain", what);
    if (!choice.point && choose_by_domain(all, what, at, &choice, err) < 0)
        return -1;
    *ret = choice;
    return 0;
}
