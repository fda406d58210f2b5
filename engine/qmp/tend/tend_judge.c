/* SPDX-License-Identifier: MIT
 *
 * What the look has shown of a tag's jobs: how they are, what has gone wrong, and whether the guest
 * was stopped by that. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/domain/side.h"
#include "engine/qmp/state/ids.h"
#include "engine/qmp/tend/tend.h"
#include "engine/qmp/wire/texts.h"

static void find_tag(struct tend *td)
{
    for (size_t i = 0; i < td->look.view.jobs.n && !*td->tag; i++)
        job_id_parse(td->look.view.jobs.items[i].id, td->tag, NULL);
}

bool tend_has_node(const struct tend *td, enum node_role role)
{
    for (size_t i = 0; i < td->look.view.nodes.n; i++)
        if (node_name_is(td->look.view.nodes.items[i].name, td->tag, role))
            return true;
    return false;
}

/* A copy's read error, of a snapshot that is broken. */
static bool is_snapshot_broken(const struct tend *td, const char *error)
{
    return tend_has_node(td, NODE_CBW) && qemu_said_only(error, SAID_DENIED);
}

/* The first error that is not a mere consequence of another (the others are cancelled then). */
static void note_error(struct tend *td, const struct view_job *job)
{
    struct hv_job_stats *stats = &td->stats;
    CLEANUP_FREE char *disk = NULL;
    bool canceled = qemu_said_only(job->error, SAID_CANCELED);

    if (stats->err.code != ERR_NONE && (canceled || stats->err.code != ERR_CANCELED))
        return;
    job_id_parse(job->id, NULL, &disk);
    if (is_snapshot_broken(td, job->error))
        err_set(&stats->err, ERR_NOSPACE,
                "the scratch space is full or too slow, and the snapshot was given up");
    else
        err_set(&stats->err, canceled ? ERR_CANCELED : qemu_text_code(job->error), "%s",
                job->error);
    err_wrap(&stats->err, "disk %s", disk);
}

static void sum_up_scratch(struct tend *td)
{
    const struct view *v = &td->look.view;

    for (size_t i = 0; i < v->nodes.n; i++) {
        if (!node_name_is(v->nodes.items[i].name, td->tag, NODE_SCRATCH))
            continue;
        td->stats.temp_used += v->nodes.items[i].used;
        td->stats.temp_total += v->nodes.items[i].size;
    }
}

/* Exports that are there; a pull without any has been robbed of them. */
static size_t count_exports(const struct tend *td)
{
    size_t n = 0;

    for (size_t i = 0; i < td->look.view.exports.n; i++)
        n += node_name_is(td->look.view.exports.items[i], td->tag, NODE_TARGET);
    return n;
}

/* Of the tag's jobs: how many there are; *running: have not ended. */
static size_t sum_up_jobs(struct tend *td, size_t *running)
{
    const struct view *v = &td->look.view;
    struct hv_job_stats *stats = &td->stats;
    size_t jobs = 0;

    for (size_t i = 0; i < v->jobs.n; i++) {
        const struct view_job *job = &v->jobs.items[i];

        if (!job_id_has_tag(job->id, td->tag))
            continue;
        jobs++;
        *running += !job->concluded;
        if (stats->mode == MODE_PUSH) {
            stats->bytes_done += job->done;
            stats->bytes_total += job->total;
        }
        if (job->error)
            note_error(td, job);
    }
    return jobs;
}

static void sum_up(struct tend *td, struct domain *d)
{
    struct hv_job_stats *stats = &td->stats;
    bool pull = tend_has_node(td, NODE_SERVER_MARK);
    size_t jobs, running = 0;

    *stats = (struct hv_job_stats){.state = HVJOB_NONE, .mode = pull ? MODE_PULL : MODE_PUSH};
    jobs = sum_up_jobs(td, &running);
    if (!jobs && !pull)
        return;
    sum_up_scratch(td);
    memcpy(stats->tag, td->tag, sizeof(stats->tag));
    if (pull && stats->err.code == ERR_NONE && !td->canceled && count_exports(td) == 0)
        err_set(&stats->err, ERR_REMOTE, "the exports are gone: somebody has ended them");
    if (stats->err.code == ERR_NONE && tend_has_node(td, NODE_CUT_MARK))
        tend_say_cut(&stats->err);
    if (stats->err.code != ERR_NONE && strcmp(d->given_up_tag, td->tag) == 0)
        stats->err = d->given_up_why;
    d->side->judge(d, &td->look.files, running > 0 || (pull && !td->canceled), &stats->err);
    if (running || (pull && stats->err.code == ERR_NONE && !td->canceled))
        stats->state = HVJOB_RUNNING;
    else if (stats->err.code == ERR_NONE || (pull && stats->err.code == ERR_CANCELED))
        stats->state = HVJOB_COMPLETED;
    else
        stats->state = stats->err.code == ERR_CANCELED ? HVJOB_CANCELED : HVJOB_FAILED;
}

/* Is the guest stopped, and by our doing?  Says so once a tag: should its disks be full themselves,
 * continuing it again and again would help nobody. */
static void judge_guest(struct tend *td, struct domain *d)
{
    bool ours = td->stats.state == HVJOB_RUNNING || td->stats.state == HVJOB_FAILED ||
                td->stats.state == HVJOB_CANCELED;

    if (!ours || tend_has_node(td, NODE_GATE) || !str_eq(td->look.view.status, "io-error") ||
        strcmp(d->given_up_tag, td->tag) == 0)
        return;
    td->rescue = true;
    memcpy(d->given_up_tag, td->tag, sizeof(d->given_up_tag));
    err_set(&d->given_up_why, qemu_text_code(d->io_error),
            "the guest was stopped by an I/O error%s%s%s during the backup; the backup was given up"
            " and the guest continued",
            *d->io_error ? " (" : "", d->io_error, *d->io_error ? ")" : "");
    if (td->stats.state != HVJOB_RUNNING) {
        td->stats.state = HVJOB_FAILED;
        td->stats.err = d->given_up_why;
    }
}

bool tend_judge(struct tend *td, struct domain *d)
{
    bool failed;

    find_tag(td);
    sum_up(td, d);
    failed = td->stats.err.code != ERR_NONE;
    judge_guest(td, d);
    return failed;
}
