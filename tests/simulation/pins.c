/* SPDX-License-Identifier: MIT
 *
 * Pins in a simulated repository, see sim.h, and who asks for them. */
#include "jobs/pin.h"

#include "base/cleanup.h"
#include "base/pin.h"
#include "base/text.h"
#include "jobs/delete.h"
#include "tests/simulation/repo.h"
#include "tests/simulation/scenes.h"

#define READS_MS 12000

bool sim_is_pinned(struct sim_repo *r, const char *id)
{
    const struct sim_stored *p = sim_stored_find(r, id);

    return p && p->published && pin_holds(&p->point.pin, sim_wall(r->w));
}

void sim_read(struct sim_repo *r, const char *domain)
{
    for (size_t i = 0; i < r->here.points.n; i++)
        if (str_eq(r->here.points.items[i]->point.domain, domain))
            r->here.points.items[i]->read_until_ms = r->w->now_ms + READS_MS;
}

int sim_check_free(struct sim_repo *r, const char *id, struct err *err)
{
    const struct sim_stored *p = sim_stored_find(r, id);

    if (sim_is_pinned(r, id))
        return err_set(err, ERR_BUSY, "%s is pinned", id);
    if (p && r->w->now_ms < p->read_until_ms)
        return err_set(err, ERR_BUSY, "%s is being restored from, or exported", id);
    return 0;
}

struct op *sim_pin(struct store *s, const char *id, const struct point_pin *pin, op_done done,
                   void *ctx, struct err *err)
{
    struct sim_repo *r = sim_store_repo(s);
    struct sim_stored *p = sim_stored_find(r, id);
    struct err refusal = ERR_INIT;
    bool effect, fails;

    (void)err;
    sim_maybe_kill(r->w);
    fails = sim_op_fails(r->w, &effect);
    if (!p || !p->published) {
        err_set(&refusal, ERR_NOTFOUND, "%s is not there", id);
    } else if (effect && sim_store_is_there(s)) {
        pin_done(&p->point.pin);
        pin_copy(&p->point.pin, pin);
    }
    return sim_store_end(s, fails, &refusal, done, ctx);
}

/* ---- who asks ---- */

static void on_answer(void *ctx, const struct err *err, const struct api_answer *answer)
{
    (void)answer;
    if (ctx)
        *(enum err_code *)ctx = err ? err->code : ERR_NONE;
}

static void on_pinned(void *ctx, const struct err *err, const struct api_answer *answer)
{
    (void)err;
    (void)answer;
    check_pins(ctx);
}

/* Each of the domain's points, perhaps: for some days, or its pin is taken. */
void ask_pins(struct sim_daemon *d, const struct sim_domain *domain)
{
    const struct point_filter of = {.host = "sim", .domain = domain->name};
    static const struct point_pin none = {0};
    CLEANUP(point_list_done) struct point_list points = {0};
    struct err err = ERR_INIT;

    if (catalog_points(d->catalog, &of, &points, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < points.n; i++) {
        const struct point_pin some = {sim_wall(&sim.w),
                                       sim_wall(&sim.w) + 60 + sim_random(&sim.w, 8 * 86400), NULL};

        if (sim_chance(&sim.w, 5000))
            continue;
        sim.w.counts.pins++;
        pin_set(scheduler_jobs(d->scheduler), points.items[i].id,
                sim_chance(&sim.w, 5000) ? &some : &none, (struct api_reply){on_pinned, d});
    }
}

/* What a file keeps the catalog keeps, too: else prunes run into it. */
void check_pins(const struct sim_daemon *d)
{
    static const struct point_filter all = {0};
    CLEANUP(point_list_done) struct point_list points = {0};
    struct err err = ERR_INIT;

    if (d->forgets || sim.w.repo.swapped)
        return;
    if (catalog_points(d->catalog, &all, &points, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < points.n; i++) {
        const struct sim_stored *p = sim_stored_find(&sim.w.repo, points.items[i].id);

        if (p && p->published && pin_outlives(&p->point.pin, &points.items[i].pin))
            sim_broken("%s is pinned for longer by its file than by the catalog", p->point.id);
    }
}

/* ---- a scene ---- */

static void delete_older(struct sim_daemon *d, const struct point_list *points)
{
    struct strlist asked = {0};
    struct job_ids ids = {0};
    struct err err = ERR_INIT;

    for (size_t i = 0;
         i < points->n && points->items[i].created < points->items[points->n - 1].created; i++)
        strlist_add(&asked, points->items[i].id);
    if (asked.n < 3 ||
        delete_queue(scheduler_jobs(d->scheduler),
                     &(struct deletion){.asked = &asked, .force = true}, &ids, &err) < 0)
        sim_broken("%zu points cannot be deleted: %s", asked.n, err.msg);
    strlist_done(&asked);
    free(ids.items);
}

/* While a deletion is at work on the first, all that it is to delete are pinned: that one is half
 * gone, and cannot be; the others stay. */
void play_pin_scene(void)
{
    static const struct point_filter all = {0};
    const struct point_pin pin = {.since = 1};
    struct sim_daemon *d = scene_begin(17, 1);
    CLEANUP(point_list_done) struct point_list points = {0}, left = {0};
    enum err_code codes[32];
    size_t refused = 0;
    struct err err = ERR_INIT;

    daemon_start(d);
    scene_live(MINUTE_MS);
    for (int i = 0; i < 4; i++) {
        scene_ask_for(d, d->host->domains.items[0]->name);
        scene_live(120 * MINUTE_MS);
    }
    act_as(d);
    if (catalog_points(d->catalog, &all, &points, &err) < 0 || points.n > ARRAY_LEN(codes))
        sim_broken("%zu points: %s", points.n, err.msg);
    delete_older(d, &points);
    while (!scene_is_at(d, "removing"))
        scene_live(1);
    act_as(d);
    for (size_t i = 0; i < points.n; i++)
        pin_set(scheduler_jobs(d->scheduler), points.items[i].id, &pin,
                (struct api_reply){on_answer, &codes[i]});
    scene_live(60 * MINUTE_MS);
    for (size_t i = 0; i < points.n; i++)
        refused += codes[i] == ERR_BUSY;
    if (catalog_points(d->catalog, &all, &left, &err) < 0 || refused == 0 ||
        left.n != points.n - refused)
        sim_broken("of %zu points %zu could not be pinned, and %zu are left", points.n, refused,
                   left.n);
    scene_end("points that were pinned while they were to go");
}

static struct sim_stored *newest_of(const char *policy)
{
    struct sim_stored *ret = NULL;

    for (size_t i = 0; i < sim.w.repo.here.points.n; i++) {
        struct sim_stored *p = sim.w.repo.here.points.items[i];

        if (str_eq(p->point.policy, policy) && (!ret || p->made_ms > ret->made_ms))
            ret = p;
    }
    return ret;
}

/* The catalog, put back to an older state, say, does not know a point's pin: that one stays, and
 * prunes let go of the others. */
void play_held_scene(void)
{
    const struct point_filter of = {.policy = "nightly"};
    struct sim_daemon *d = scene_begin(18, 1);
    CLEANUP(point_list_done) struct point_list left = {0};
    CLEANUP_FREE char *pinned = NULL;
    struct err err = ERR_INIT;

    daemon_start(d);
    scene_live(MINUTE_MS);
    for (int i = 0; i < 7; i++) {
        scene_ask_for(d, d->host->domains.items[0]->name);
        scene_live(60 * MINUTE_MS);
        if (i == 1) {
            pinned = xstrdup(newest_of("nightly")->point.id);
            newest_of("nightly")->point.pin.since = 1;
            sim.w.daemons[d->number].forgets = true;
        }
    }
    act_as(d);
    if (catalog_points(d->catalog, &of, &left, &err) < 0 || left.n != 5 ||
        !point_list_find(&left, pinned))
        sim_broken("%zu points are left of the pinned one, the oldest, and the last 3", left.n);
    if (scene_jobs(d, "stays for now") == 0)
        sim_broken("no prune says that a point stays");
    scene_end("a point whose pin the catalog does not know");
}
