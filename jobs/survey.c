/* SPDX-License-Identifier: MIT
 *
 * What a look at a repository says of the points there, into the catalog.
 *
 * A point is bad by itself when a read has found damage in it (that stays until a read finds it
 * whole) or when the look finds its files missing or of another length; and it is no better than
 * what it stands on.  A point whose files are there again is good again.  A repository that
 * cannot be looked at changes nothing.
 *
 * Merges that the catalog knows nothing of, for it was put back to an older state, are recorded
 * first: what they have made of the files is no damage.
 *
 * A look takes its time, and others go on meanwhile: of a point whose row is another one now than
 * when it began it knows nothing; who has changed the row knew more.  (There is no other look for
 * that: while backups and prunes go on all night, one would follow another.)
 */
#include "jobs/survey.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fnv.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "policies/merged.h"
#include "policies/soundness.h"

void survey_look_done(struct survey_look *l)
{
    survey_done(&l->found);
    for (size_t i = 0; i < l->known.n; i++)
        free(l->known.items[i].id);
    free(l->known.items);
    *l = (struct survey_look){0};
}

/* ---- what has become another meanwhile ---- */

static uint64_t digest_text(uint64_t digest, const char *text)
{
    return text ? fnv_add(digest, text, strlen(text) + 1) : fnv_add(digest, "\1", 2);
}

static uint64_t digest_rest(const struct point *p)
{
    uint64_t ret = digest_text(FNV_BEGIN, p->damage);

    for (size_t i = 0; i < p->disks.n; i++) {
        const struct point_disk *d = &p->disks.items[i];

        ret = digest_text(ret, d->name);
        ret = digest_text(ret, d->backing);
        ret = fnv_add(ret, &d->length, sizeof(d->length));
    }
    return ret;
}

static void note_known(struct survey_look *l, const struct point_list *points)
{
    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];

        *VEC_ADD(&l->known) = (struct survey_known){xstrdup(p->id), p->state, digest_rest(p)};
    }
}

/* at: where the last one was found; they come in the same order, mostly. */
static const struct survey_known *known_find(const struct survey_look *l, const char *id,
                                             size_t *at)
{
    for (size_t i = 0; i < l->known.n; i++, ++*at) {
        if (*at >= l->known.n)
            *at = 0;
        if (str_eq(l->known.items[*at].id, id))
            return &l->known.items[*at];
    }
    return NULL;
}

/* Those that merges have been at since, or are, or that somebody else has looked at; and those that
 * were not there.  True: there are such as were. */
static bool find_changed(const struct survey_look *l, const struct point_list *is,
                         struct strlist *ret)
{
    bool any = false;
    size_t at = 0;

    for (size_t i = 0; i < is->n; i++) {
        const struct point *p = &is->items[i];
        const struct survey_known *k = known_find(l, p->id, &at);

        if (k && k->state == p->state && k->rest == digest_rest(p))
            continue;
        strlist_add(ret, p->id);
        any = any || k != NULL;
    }
    return any;
}

struct op *survey_start(struct job_env *e, struct repo *r, const char *host, const char *domain,
                        struct survey_look *ret, op_done done, void *ctx, struct err *err)
{
    const struct point_filter of = {.host = host, .domain = domain, .repository = r->name};
    CLEANUP(point_list_done) struct point_list known = {0};
    const struct survey_scope scope = {.host = host, .domain = domain, .known = &known};

    survey_look_done(ret);
    if (catalog_points(e->catalog, &of, &known, err) < 0)
        return NULL;
    note_known(ret, &known);
    return r->store->ops->survey(r->store, &scope, &ret->found, done, ctx, err);
}

bool survey_is_elsewhere(const struct repo *r, const struct point *p)
{
    return *r->store->id && p->repository_id && !str_eq(r->store->id, p->repository_id);
}

/* Its images are others than the catalog knows, and no merge that could be has made them so.  NULL:
 * nothing is wrong.  Caller frees. */
static char *not_believed(const struct point *p, const struct survey *found)
{
    const struct point *is = point_list_find(&found->merged, p->id);

    for (size_t i = 0; is && i < p->disks.n; i++) {
        const struct point_disk *was = &p->disks.items[i], *d = point_find_disk(is, was->name);

        if (d && was->length && d->length != was->length && !str_eq(d->backing, was->backing))
            return xasprintf("its disk %s stands on %s by its manifest, and on %s by the catalog, "
                             "and is of another length",
                             d->name, d->backing ? d->backing : "nothing",
                             was->backing ? was->backing : "nothing");
    }
    return NULL;
}

/* What is known of its own files.  Of one on a disk that is away, nothing new. */
static void own_state(struct point *p, const struct repo *r, const struct survey *found)
{
    const struct survey_loss *loss = survey_loss_find(found, p->id);

    if (p->state == POINT_MISSING && survey_is_elsewhere(r, p))
        return;

    if (p->state == POINT_DELETING)
        return;
    free(p->problem);
    p->problem = NULL;
    p->problem = not_believed(p, found);
    p->state = p->problem ? POINT_DAMAGED : POINT_GOOD;
    if (loss) {
        free(p->problem);
        p->state = loss->state;
        p->problem = xstrdup(loss->problem);
    } else if (p->damage) {
        free(p->problem);
        p->state = POINT_DAMAGED;
        p->problem = xstrdup(p->damage);
    }
}

static int record_change(struct job_env *e, const struct point *was, const struct point *is,
                         struct err *err)
{
    if (was->state == is->state && str_eq(was->problem, is->problem))
        return 0;
    if (catalog_point_set_state(e->catalog, is->id, is->state, is->problem, err) < 0)
        return -1;
    if (is->state == POINT_GOOD)
        log_notice("point %s is good again", is->id);
    else
        log_error("point %s is %s: %s", is->id, point_state_name(is->state), is->problem);
    return 0;
}

/* ---- merges ---- */

static void find_gone(const struct survey *found, const struct point_list *known,
                      struct strlist *ret)
{
    for (size_t i = 0; i < known->n; i++)
        if (known->items[i].state == POINT_DELETING)
            strlist_add(ret, known->items[i].id);
    for (size_t i = 0; i < found->losses.n; i++)
        if (found->losses.items[i].state == POINT_MISSING)
            strlist_add(ret, found->losses.items[i].id);
    for (size_t i = 0; i < found->merged.n; i++)
        if (found->merged.items[i].state == POINT_DELETING)
            strlist_add(ret, found->merged.items[i].id);
}

/* One that is there still is let go of by the next prune, which finishes its merge. */
static int record_merged(struct job_env *e, const struct survey *found, const struct point *is,
                         const struct strlist *into, struct err *err)
{
    if (catalog_point_put_images(e->catalog, is, err) < 0)
        return -1;
    for (size_t i = 0; i < into->n; i++) {
        const char *id = into->items[i];

        if (!survey_loss_find(found, id))
            continue;
        log_notice("point %s was merged into %s, which the catalog did not know", id, is->id);
        if (catalog_point_merged(e->catalog, id, is, err) < 0)
            return -1;
    }
    return 0;
}

static int record_merging(struct job_env *e, const struct point_list *known, const char *id,
                          struct err *err)
{
    const struct point *p = point_list_find(known, id);

    if (!p || p->state == POINT_DELETING)
        return 0;
    log_notice("point %s is being merged into another, which the catalog did not know", id);
    return catalog_point_set_state(e->catalog, id, POINT_DELETING, NULL, err);
}

static int record_merges(struct job_env *e, const struct point_list *known,
                         const struct survey *found, const struct strlist *changed, struct err *err)
{
    CLEANUP(strlist_done) struct strlist gone = {0};

    MARK("the catalog knows nothing of a merge");
    find_gone(found, known, &gone);
    for (size_t i = 0; i < found->merged.n; i++) {
        const struct point *is = &found->merged.items[i];
        CLEANUP(strlist_done) struct strlist into = {0};
        int rc = 0;

        if (strlist_has(changed, is->id))
            continue;
        if (is->state == POINT_DELETING)
            rc = record_merging(e, known, is->id, err);
        else if (merged_is_believed(known, is, &gone, &into))
            rc = record_merged(e, found, is, &into, err);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int record_states(struct job_env *e, const struct repo *r, const struct point_list *was,
                         const struct survey *found, const struct strlist *changed, struct err *err)
{
    CLEANUP(point_list_done) struct point_list is = {0};
    int rc = 0;

    for (size_t i = 0; i < was->n; i++) {
        struct point *p = VEC_ADD(&is);

        point_copy(p, &was->items[i]);
        if (!strlist_has(changed, p->id))
            own_state(p, r, found);
    }
    soundness_judge(&is);
    for (size_t i = 0; i < was->n && rc == 0; i++)
        rc = record_change(e, &was->items[i], &is.items[i], err);
    return rc;
}

int survey_record(struct job_env *e, const struct repo *r, const char *host, const char *domain,
                  const struct survey_look *look, struct err *err)
{
    const struct point_filter of = {.host = host, .domain = domain, .repository = r->name};
    CLEANUP(point_list_done) struct point_list was = {0};
    CLEANUP(strlist_done) struct strlist changed = {0};

    if (catalog_points(e->catalog, &of, &was, err) < 0)
        return -1;
    if (find_changed(look, &was, &changed))
        MARK("points have changed while they were looked at");
    if (look->found.merged.n > 0) {
        if (record_merges(e, &was, &look->found, &changed, err) < 0)
            return -1;
        point_list_done(&was);
        if (catalog_points(e->catalog, &of, &was, err) < 0)
            return -1;
    }
    return record_states(e, r, &was, &look->found, &changed, err);
}

/* What is known already, with what is new. Caller frees. */
static char *add_damage(const struct point *p, const char *problem)
{
    if (!p->damage)
        return xstrdup(problem);
    return strstr(p->damage, problem) ? NULL : xasprintf("%s; %s", p->damage, problem);
}

/* What stands on it, too. */
static int mark_all(struct job_env *e, const struct point_list *was, const char *id,
                    const char *damage, struct err *err)
{
    CLEANUP(point_list_done) struct point_list is = {0};
    int rc = 0;

    for (size_t i = 0; i < was->n; i++) {
        struct point *p = VEC_ADD(&is);

        point_copy(p, &was->items[i]);
        if (!str_eq(p->id, id) || p->state == POINT_DELETING)
            continue;
        p->state = POINT_DAMAGED;
        free(p->problem);
        p->problem = xstrdup(damage);
    }
    soundness_judge(&is);
    for (size_t i = 0; i < is.n && rc == 0; i++)
        rc = record_change(e, &was->items[i], &is.items[i], err);
    return rc;
}

int survey_found_damage(struct job_env *e, struct repo *r, const char *id, const char *problem,
                        struct err *err)
{
    CLEANUP(point_list_done) struct point_list all = {0}, beside = {0};
    CLEANUP_FREE char *damage = NULL;
    const struct point_filter of = {.repository = r->name};
    const struct point *bad;

    if (catalog_points(e->catalog, &of, &all, err) < 0)
        return -1;
    bad = point_list_find(&all, id);
    if (!bad)
        return err_set(err, ERR_NOTFOUND, "point %s is not in the catalog", id);
    damage = add_damage(bad, problem);
    if (!damage)
        return 0;
    for (size_t i = 0; i < all.n; i++)
        if (str_eq(all.items[i].host, bad->host) && str_eq(all.items[i].domain, bad->domain))
            point_copy(VEC_ADD(&beside), &all.items[i]);
    if (catalog_point_set_damage(e->catalog, id, damage, err) < 0 ||
        mark_all(e, &beside, id, damage, err) < 0)
        return -1;
    e->ops->look_again(r);
    return 0;
}
