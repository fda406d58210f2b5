/* SPDX-License-Identifier: MIT
 *
 * A scene of notifications: the real notifier, looking by the real status at the catalog, and two
 * targets that are away now and then.  Whatever dies, each target is told of each condition once
 * when it begins and once when it is over, in this order; the very message may come a second time
 * when the daemon was killed over it. */
#include "tests/simulation/scenes.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "daemon/life.h"
#include "notify/notifier.h"
#include "report/condition.h"
#include "report/gather/status.h"
#include "tests/simulation/repo.h"

#define TARGETS 2
#define KEYS_MAX 16

/* Of one condition. */
struct heard {
    char key[64];
    bool fires;
    size_t begun, over;
};

static struct {
    struct notifier *notifier; /* NULL: the daemon does not run */
    struct config *config;
    char **seen; /* where what the look brings is wanted */
    struct target {
        bool away;
        char *message; /* that is being sent */
        char *last;    /* that has arrived */
        int last_life; /* of the daemon that sent it */
        struct heard heard[KEYS_MAX];
        size_t n_heard, n_away;
    } targets[TARGETS];
    size_t repeated;
} world;

/* Of all the seeds that are played. */
struct notify_counts {
    size_t away[TARGETS], repeated, crashes;
    uint64_t kills;
};

/* ---- the receivers ---- */

static struct heard *heard_of(struct target *t, const char *key)
{
    for (size_t i = 0; i < t->n_heard; i++)
        if (str_eq(t->heard[i].key, key))
            return &t->heard[i];
    if (t->n_heard == KEYS_MAX)
        sim_broken("too many conditions: %s", key);
    snprintf(t->heard[t->n_heard].key, sizeof(t->heard[0].key), "%s", key);
    return &t->heard[t->n_heard++];
}

static void hear(struct target *t, const json_t *event)
{
    const char *key = json_string_value(json_object_get(event, "key"));
    bool fires = str_eq(json_string_value(json_object_get(event, "status")), "firing");
    struct heard *h = heard_of(t, key);

    if (json_is_true(json_object_get(event, "again"))) {
        if (!fires || !h->fires)
            sim_broken("%s: told again, and was not told before", key);
        return;
    }
    if (h->fires == fires)
        sim_broken("%s: told twice that it %s", key, fires ? "begins" : "is over");
    h->fires = fires;
    h->begun += fires;
    h->over += !fires;
}

static int arrive(void *target, struct err *err)
{
    struct target *t = target;
    json_t *message, *event;
    size_t i;

    if (t->away) {
        t->n_away++;
        return err_set(err, ERR_REMOTE, "it is away");
    }
    if (str_eq(t->message, t->last)) {
        if (t->last_life == acting()->life)
            sim_broken("a message is sent twice by a daemon that lives on: %s", t->message);
        world.repeated++;
        return 0;
    }
    free(t->last);
    t->last = xstrdup(t->message);
    t->last_life = acting()->life;
    message = json_loads(t->message, 0, NULL);
    json_array_foreach(json_object_get(message, "events"), i, event)
        hear(t, event);
    json_decref(message);
    return 0;
}

static struct op *send_message(void *ctx, const struct config_target *target, const char *message,
                               op_done done, void *done_ctx, struct err *err)
{
    struct target *t = &world.targets[target->name[1] - '1'];

    (void)ctx;
    (void)err;
    free(t->message);
    t->message = xstrdup(message);
    return sim_op_with(&sim.w, arrive, t, done, done_ctx);
}

/* ---- the looks ---- */

/* How much room there is, where a repository is there. */
static void look_at(const struct sim_repo *r, struct status_looks *ret)
{
    *VEC_ADD(ret) = (struct status_look){
        .looked = !r->gone, .has_space = true, .free = sim_room(r), .total = UINT64_C(1) << 40};
}

static int gather(void *daemon, struct err *err)
{
    const struct sim_daemon *d = daemon;
    CLEANUP(status_looks_done) struct status_looks looks = {0};
    const struct status_sources sources = {.config = world.config,
                                           .catalog = d->catalog,
                                           .zone = sim.zone,
                                           .now = sim_wall(&sim.w),
                                           .uptime = (sim.w.now_ms - sim.w.booted_ms) / 1000,
                                           .boot = sim.w.boot,
                                           .looks = &looks};
    struct status status = {
        .daemon = {.running = true, .started = d->up_ms / 1000 + sim.w.wall_offset}};
    CLEANUP(condition_list_done) struct condition_list l = {0};
    json_t *list = json_array(), *all;

    if (sim_chance(&sim.w, sim.w.faults.op_fails)) {
        json_decref(list);
        return err_set(err, ERR_IO, "the look fails");
    }
    look_at(&sim.w.repo, &looks);
    if (sim.has_copies)
        look_at(&sim.w.offsite, &looks);
    if (status_gather(&sources, NULL, &status, err) < 0)
        sim_broken("status: %s", err->msg);
    conditions_of(&status, &l);
    for (size_t i = 0; i < l.n; i++)
        json_array_append_new(list, condition_json(&l.items[i]));
    all = json_pack("{s:s, s:o}", "summary", "", "conditions", list);
    *world.seen = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    status_done(&status);
    return 0;
}

static struct op *look(void *ctx, char **ret, op_done done, void *done_ctx, struct err *err)
{
    (void)err;
    world.seen = ret;
    return sim_op_with(&sim.w, gather, ctx, done, done_ctx);
}

/* ---- its life ---- */

void tell_begins(struct sim_daemon *d)
{
    const struct notifier_env env = {.clock = &sim.w.clock,
                                     .catalog = d->catalog,
                                     .machine = "sim",
                                     .look = look,
                                     .send = send_message,
                                     .ctx = d};

    if (!sim.tells)
        return;
    life_begins(d->catalog, sim_wall(&sim.w));
    config_free(world.config);
    world.config = read_config(d);
    world.notifier = notifier_new(&env, world.config);
}

void tell_job(const struct job *j)
{
    if (!world.notifier)
        return;
    notifier_job(world.notifier, j->policy, j->state == JOB_QUEUED);
    if (j->state == JOB_ENDED)
        notifier_poke(world.notifier);
}

void tell_gone(void)
{
    notifier_free(world.notifier);
    world.notifier = NULL;
}

/* ---- the scene ---- */

static void check_heard(const char *key, size_t begun, size_t over)
{
    for (size_t i = 0; i < TARGETS; i++) {
        const struct heard *h = heard_of(&world.targets[i], key);

        if (h->begun != begun || h->over != over)
            sim_broken("target %zu was told %zu times that %s begins, and %zu times that it is over"
                       ": not %zu and %zu",
                       i + 1, h->begun, key, h->over, begun, over);
    }
}

/* The daemon is killed now and then, and targets are away; so many looks of 10 000 fail. */
static void weather_of_hours(struct sim_daemon *d, int hours, int op_fails)
{
    int64_t until = sim.w.now_ms + hours * 60 * MINUTE_MS;

    sim.w.faults.kill_daemon = 40;
    sim.w.faults.op_fails = op_fails;
    if (setjmp(sim.w.killed)) {
        daemon_gone(d);
        sim_at(&sim.w, 1000, false, daemon_start, d);
    }
    while (sim.w.now_ms < until) {
        scene_live(20 * MINUTE_MS);
        for (size_t i = 0; i < TARGETS; i++)
            world.targets[i].away = sim_chance(&sim.w, 4000);
    }
    sim.w.faults = (struct sim_faults){0};
    for (size_t i = 0; i < TARGETS; i++)
        world.targets[i].away = false;
    scene_live(40 * MINUTE_MS); /* what could not be sent is tried again */
}

static void stop_and_start(struct sim_daemon *d)
{
    act_as(d);
    life_ends(d->catalog, sim_wall(&sim.w));
    daemon_gone(d);
    scene_live(MINUTE_MS);
    daemon_start(d);
}

/* Its catalog cannot be written while a target takes what it is sent. */
static void full_catalog(struct sim_daemon *d)
{
    scene_let_write(d, false);
    scene_live(30 * MINUTE_MS);
    scene_let_write(d, true);
}

static void forget_world(void)
{
    config_free(world.config);
    for (size_t i = 0; i < TARGETS; i++) {
        free(world.targets[i].message);
        free(world.targets[i].last);
    }
    memset(&world, 0, sizeof(world));
}

/* All is well in the end, and both know it. */
static void check_end(void)
{
    for (size_t i = 0; i < TARGETS; i++)
        for (size_t k = 0; k < world.targets[i].n_heard; k++)
            if (world.targets[i].heard[k].fires)
                sim_broken("target %zu was not told that %s is over", i + 1,
                           world.targets[i].heard[k].key);
}

/* Something has happened in these hours. */
static void check_weather(const struct notify_counts *c)
{
    for (size_t i = 0; i < TARGETS; i++)
        if (c->away[i] == 0)
            sim_broken("target %zu was never away", i + 1);
    if (c->kills < 10 || c->repeated == 0)
        sim_broken("%llu kills, %zu messages repeated", (unsigned long long)c->kills, c->repeated);
}

static void count(struct notify_counts *ret)
{
    for (size_t i = 0; i < TARGETS; i++)
        ret->away[i] += world.targets[i].n_away;
    ret->kills += sim.w.counts.kills;
    ret->repeated += world.repeated;
    ret->crashes += heard_of(&world.targets[0], "daemon daemon-crashed")->begun;
}

/* It begins, in weather, and is over, in weather. */
static void with_other_policies(struct sim_daemon *d)
{
    d->alteration = ALTER_SELECTION | ALTER_POLICIES; /* none covers d1 */
    stop_and_start(d);
    weather_of_hours(d, 6, 0);
    check_heard("unprotected sim/d1", 1, 0);
    d->alteration = 0;
    stop_and_start(d);
    weather_of_hours(d, 6, 0);
    check_heard("unprotected sim/d1", 1, 1);
}

static void with_a_damaged_point(struct sim_daemon *d)
{
    CLEANUP_FREE char *key = NULL;
    struct sim_stored *p;

    while (!sim_point_harm(&sim.w.repo, true))
        continue;
    p = sim_stored_find(&sim.w.repo, sim.w.repo.lost.items[sim.w.repo.lost.n - 1]);
    key = xasprintf("damaged sim/%s", p->point.domain);
    weather_of_hours(d, 30, 0);
    check_heard(key, 1, 0);
    p->torn = false;
    weather_of_hours(d, 30, 0);
    check_heard(key, 1, 1);
}

static void without_room(struct sim_daemon *d)
{
    sim.w.repo.full = true;
    weather_of_hours(d, 8, 0);
    check_heard("full repository main", 1, 0);
    sim.w.repo.full = false;
    weather_of_hours(d, 8, 0);
    check_heard("full repository main", 1, 1);
}

static void without_copies(struct sim_daemon *d)
{
    sim.w.offsite.gone = true;
    weather_of_hours(d, 60, 0);
    check_heard("copy sim/d0", 1, 0);
    check_heard("copy sim/d1", 1, 0);
    sim.w.offsite.gone = false;
    weather_of_hours(d, 30, 0);
    check_heard("copy sim/d0", 1, 1);
    check_heard("copy sim/d1", 1, 1);
}

static void play_others(uint64_t seed, struct notify_counts *ret)
{
    struct sim_daemon *d = scene_begin(seed, 2);

    sim.tells = true;
    sim.has_copies = true;
    daemon_start(d);
    scene_live(5 * MINUTE_MS);
    scene_ask_for_all(d);
    scene_live(36 * 60 * MINUTE_MS);
    with_other_policies(d);
    with_a_damaged_point(d);
    without_room(d);
    without_copies(d);
    scene_live(26 * 60 * MINUTE_MS);
    check_end();
    count(ret);
    sim_free();
    forget_world();
}

static void play(uint64_t seed, struct notify_counts *ret)
{
    struct sim_daemon *d = scene_begin(seed, 2);

    sim.tells = true;
    daemon_start(d);
    scene_live(5 * MINUTE_MS);
    check_heard("at-risk sim/d0", 1, 0);
    scene_ask_for_all(d);
    scene_live(180 * MINUTE_MS);
    check_heard("at-risk sim/d0", 1, 1);
    check_heard("at-risk sim/d1", 1, 1);
    sim.w.repo.gone = true;
    full_catalog(d);
    weather_of_hours(d, 36, 100);
    scene_live(180 * MINUTE_MS);
    check_heard("repository repository main", 1, 0);
    check_heard("at-risk sim/d0", 2, 1);
    check_heard("at-risk sim/d1", 2, 1);
    stop_and_start(d);
    sim.w.repo.gone = false;
    weather_of_hours(d, 4, 0); /* a look at the repository that fails would be a condition, too */
    sim_set_clock(&sim.w, 7200);
    scene_live(26 * 60 * MINUTE_MS);
    check_heard("repository repository main", 1, 1);
    check_heard("at-risk sim/d0", 2, 2);
    check_heard("at-risk sim/d1", 2, 2);
    check_heard("clock clock", 1, 1);
    check_end();
    count(ret);
    sim_free();
    forget_world();
}

void play_notify_scene(uint64_t seed, int seeds)
{
    struct notify_counts counts = {0};

    for (int i = 0; i < seeds; i++) {
        if (seeds > 1)
            printf("notifications: seed %llu\n", (unsigned long long)seed + (unsigned)i);
        play(seed + (uint64_t)i, &counts);
        play_others(seed + (uint64_t)i, &counts);
    }
    check_weather(&counts);
    printf("notifications: %zu repeated of %llu kills; the daemon was told to have crashed %zu "
           "times\n",
           counts.repeated, (unsigned long long)counts.kills, counts.crashes);
    printf("scene: each target is told of each condition once, and once that it is over\n");
}
