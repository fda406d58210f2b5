/* SPDX-License-Identifier: MIT
 *
 * Somebody watches the jobs: what is in the way of one that waits really is, nobody waits for
 * nothing, and an answer comes whatever hypervisors do; see run.h. */
#include "tests/simulation/run.h"

#include <stdio.h>

#include "base/text.h"
#include "jobs/answers.h"

#define ASKED_EVERY 16

static struct {
    const struct sim_daemon *daemon; /* that is asked, in which of its lives, */
    int life;
    int64_t at_ms; /* since when; 0: none is */
    unsigned calls;
    size_t jobs, waiting; /* told of, in all */
    size_t codes[OBSTACLE_CODE_COUNT];
} asked;

static void check_in_the_way(const struct sim_daemon *d, const struct live_job *j)
{
    const struct obstacle *o = &j->obstacle;
    struct live_job other;
    char text[ERR_MSG_MAX];

    obstacle_text(o, text);
    if (!*text)
        sim_broken("job %lld waits, and nobody says for what", (long long)j->row->id);
    if (o->limit && j->n_holders == 0)
        sim_broken("job %lld waits for %s, and nobody has it", (long long)j->row->id, text);
    if (!o->job || !o->job->id)
        return;
    if (!scheduler_live_job(d->scheduler, o->job->id, &other) || !other.doing)
        sim_broken("job %lld waits for %s, which does not run", (long long)j->row->id, text);
    if (!str_eq(o->job->domain, j->row->domain) || !str_eq(o->job->host, j->row->host))
        sim_broken("job %lld waits for %s, which works on another domain", (long long)j->row->id,
                   text);
}

static void check_job(const struct sim_daemon *d, const struct live_job *j)
{
    asked.jobs++;
    asked.waiting += j->obstacle.code != OBSTACLE_NONE;
    asked.codes[j->obstacle.code]++;
    if (j->obstacle.code != OBSTACLE_NONE)
        check_in_the_way(d, j);
    if (j->obstacle_since > sim_wall(&sim.w))
        sim_broken("job %lld waits since a time that is to come", (long long)j->row->id);
    if (j->left_s >= 0 && j->per_s < 0)
        sim_broken("job %lld: time left without a rate", (long long)j->row->id);
}

/* One that went without an answer, and has come back since, is asked anew. */
static bool is_asked(const struct sim_daemon *d)
{
    return asked.daemon == d && asked.life == d->life;
}

static void on_answer(void *ctx, const struct err *err, const struct api_answer *answer)
{
    const struct sim_daemon *d = ctx;

    if (!is_asked(d))
        return;
    asked.daemon = NULL;
    if (err)
        sim_broken("jobs are not told: %s", err->msg);
    if (sim.w.now_ms - asked.at_ms > 1200)
        sim_broken("jobs were told after %lld ms", (long long)(sim.w.now_ms - asked.at_ms));
    for (size_t i = 0; i < answer->u.live->jobs.n; i++)
        check_job(d, &answer->u.live->jobs.items[i]);
}

void ask_about_jobs(struct sim_daemon *d)
{
    const struct live_ask all = {0};

    if (is_asked(d) && sim.w.now_ms - asked.at_ms > 5000)
        sim_broken("jobs are not told for %lld ms", (long long)(sim.w.now_ms - asked.at_ms));
    if (is_asked(d) || ++asked.calls % ASKED_EVERY != 0)
        return;
    asked.daemon = d;
    asked.life = d->life;
    asked.at_ms = sim.w.now_ms;
    scheduler_live(d->scheduler, &all, (struct api_reply){on_answer, d});
}

void asked_begin(void)
{
    asked.daemon = NULL;
    asked.calls = 0;
}

void asked_report(void)
{
    printf("asked about jobs: %zu, of which %zu waited:", asked.jobs, asked.waiting);
    for (int i = OBSTACLE_NONE + 1; i < OBSTACLE_CODE_COUNT; i++)
        printf(" %s %zu", obstacle_code_name((enum obstacle_code)i), asked.codes[i]);
    printf("\n");
}
