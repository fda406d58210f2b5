/* SPDX-License-Identifier: MIT
 *
 * A table of families: name, type, help, and what gives its samples.  The samples of a family stand
 * together, as the format wants it, so the domains are gone through once a family.
 */
#include "report/metrics_priv.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"

/* ---- the daemon ---- */

static void build_info(const struct metrics_page *p)
{
    metrics_put(p, &(struct metrics_labels){.version = p->m->version}, 1);
}

static void up(const struct metrics_page *p)
{
    metrics_put(p, &(struct metrics_labels){0}, p->m->status->daemon.running);
}

static void start_time(const struct metrics_page *p)
{
    if (p->m->status->daemon.running && p->m->status->daemon.started)
        metrics_put(p, &(struct metrics_labels){0}, p->m->status->daemon.started);
}

static void config_last_reload(const struct metrics_page *p)
{
    const struct reason_list *l = &p->m->status->warnings;
    bool good = true;

    for (size_t i = 0; i < l->n; i++)
        good = good && l->items[i].code != REASON_CONFIG_BROKEN;
    metrics_put(p, &(struct metrics_labels){0}, good);
}

static void count_reason(void *arg, const struct status_about *about, const struct reason *r)
{
    size_t(*counts)[SEVERITY_RISK + 1] = arg;

    (void)about;
    counts[r->code][r->severity]++;
}

/* Those that somebody must act on, all codes, so that no series comes and goes. */
static void reasons(const struct metrics_page *p)
{
    size_t counts[REASON_CODE_COUNT][SEVERITY_RISK + 1] = {0};

    status_reasons(p->m->status, count_reason, counts);
    for (size_t code = 0; code < REASON_CODE_COUNT; code++)
        for (enum severity s = SEVERITY_ACT; s <= SEVERITY_RISK; s++)
            if (reason_severity((enum reason_code)code) >= s)
                metrics_put(p,
                            &(struct metrics_labels){.code = reason_name((enum reason_code)code),
                                                     .severity = severity_name(s)},
                            (int64_t)counts[code][s]);
}

/* ---- domains ---- */

static struct metrics_labels of_domain(const struct status_domain *d)
{
    return (struct metrics_labels){.host = d->host, .domain = d->domain};
}

static void domain_protected(const struct metrics_page *p)
{
    for (size_t i = 0; i < p->m->status->domains.n; i++) {
        const struct status_domain *d = &p->m->status->domains.items[i];
        const struct metrics_labels l = of_domain(d);

        if (d->protection != PROTECTION_GONE && d->protection != PROTECTION_LEFT_OUT)
            metrics_put(p, &l, d->protection == PROTECTION_GOOD);
    }
}

static void domain_frozen(const struct metrics_page *p)
{
    for (size_t i = 0; i < p->m->status->domains.n; i++) {
        const struct metrics_labels l = of_domain(&p->m->status->domains.items[i]);

        metrics_put(p, &l, p->m->status->domains.items[i].frozen_since != 0);
    }
}

static void domain_freeze(const struct metrics_page *p)
{
    for (size_t i = 0; i < p->m->status->domains.n; i++) {
        const struct status_domain *d = &p->m->status->domains.items[i];
        const struct metrics_labels l = of_domain(d);
        char number[32];

        if (!d->froze_at)
            continue;
        snprintf(number, sizeof(number), "%.3f", (double)d->froze_ms / 1000);
        metrics_put_number(p, &l, number);
    }
}

/* What a policy's figure of a domain is, in *ret; false: it is not known. */
typedef bool policy_value(const struct status_policy *p, int64_t *ret);

static void of_policies(const struct metrics_page *p, policy_value *value)
{
    for (size_t i = 0; i < p->m->status->domains.n; i++) {
        const struct status_domain *d = &p->m->status->domains.items[i];
        struct metrics_labels l = of_domain(d);

        for (size_t k = 0; k < d->policies.n; k++) {
            int64_t v = 0;

            l.policy = d->policies.items[k].name;
            if (value(&d->policies.items[k], &v))
                metrics_put(p, &l, v);
        }
    }
}

#define POLICY_VALUE(name, known, figure)                                                          \
    static bool name##_value(const struct status_policy *p, int64_t *ret)                          \
    {                                                                                              \
        *ret = (int64_t)(figure);                                                                  \
        return (known);                                                                            \
    }                                                                                              \
    static void name(const struct metrics_page *p)                                                 \
    {                                                                                              \
        of_policies(p, name##_value);                                                              \
    }

POLICY_VALUE(last_point, p->last_good != 0, p->last_good)
POLICY_VALUE(rpo, p->rpo != 0, p->rpo)
POLICY_VALUE(next_run, p->next_run != 0, p->next_run)
POLICY_VALUE(last_job_success, p->last_job.id != 0, p->last_job.outcome == OUTCOME_SUCCESS)
POLICY_VALUE(last_job_end, p->last_job.id != 0, p->last_job.ended)
POLICY_VALUE(last_job_duration, p->last_job.started != 0,
             p->last_job.ended > p->last_job.started ? p->last_job.ended - p->last_job.started : 0)
POLICY_VALUE(last_bytes, p->chain > 0, p->last_bytes)
POLICY_VALUE(points, true, p->points)
POLICY_VALUE(chain_length, true, p->chain)
POLICY_VALUE(last_verify, p->proven_at != 0, p->proven_at)
POLICY_VALUE(proven_point, p->proven != 0, p->proven)

typedef bool copies_value(const struct status_copies *c, int64_t *ret);

static void of_copies(const struct metrics_page *p, copies_value *value)
{
    for (size_t i = 0; i < p->m->status->domains.n; i++) {
        const struct status_domain *d = &p->m->status->domains.items[i];
        struct metrics_labels l = of_domain(d);

        for (size_t k = 0; k < d->policies.n; k++)
            for (size_t n = 0; n < d->policies.items[k].copies.n; n++) {
                const struct status_copies *c = &d->policies.items[k].copies.items[n];
                int64_t v = 0;

                l.policy = d->policies.items[k].name;
                l.repository = c->repository;
                if (value(c, &v))
                    metrics_put(p, &l, v);
            }
    }
}

static bool last_copy_value(const struct status_copies *c, int64_t *ret)
{
    *ret = c->last;
    return c->last != 0;
}

static void last_copy(const struct metrics_page *p)
{
    of_copies(p, last_copy_value);
}

static bool behind_value(const struct status_copies *c, int64_t *ret)
{
    *ret = (int64_t)c->behind;
    return true;
}

static void copies_behind(const struct metrics_page *p)
{
    of_copies(p, behind_value);
}

/* ---- repositories ---- */

static void repository_free(const struct metrics_page *p)
{
    for (size_t i = 0; i < p->m->status->repositories.n; i++) {
        const struct status_repository *r = &p->m->status->repositories.items[i];

        if (r->has_space)
            metrics_put(p, &(struct metrics_labels){.repository = r->name}, (int64_t)r->free);
    }
}

static void repository_size(const struct metrics_page *p)
{
    for (size_t i = 0; i < p->m->status->repositories.n; i++) {
        const struct status_repository *r = &p->m->status->repositories.items[i];

        if (r->has_space)
            metrics_put(p, &(struct metrics_labels){.repository = r->name}, (int64_t)r->total);
    }
}

static void repository_reserve(const struct metrics_page *p)
{
    for (size_t i = 0; i < p->m->status->repositories.n; i++) {
        const struct status_repository *r = &p->m->status->repositories.items[i];

        metrics_put(p, &(struct metrics_labels){.repository = r->name}, (int64_t)r->reserve);
    }
}

static void repository_growth(const struct metrics_page *p)
{
    for (size_t i = 0; i < p->m->status->repositories.n; i++) {
        const struct status_repository *r = &p->m->status->repositories.items[i];
        char number[32];

        if (r->trend.days == 0)
            continue;
        snprintf(number, sizeof(number), "%.3f", r->trend.per_day / 86400);
        metrics_put_number(p, &(struct metrics_labels){.repository = r->name}, number);
    }
}

static void repository_full(const struct metrics_page *p)
{
    for (size_t i = 0; i < p->m->status->repositories.n; i++) {
        const struct status_repository *r = &p->m->status->repositories.items[i];

        if (r->trend.full_at)
            metrics_put(p, &(struct metrics_labels){.repository = r->name}, r->trend.full_at);
    }
}

/* One of the states is 1. */
static void repository_state(const struct metrics_page *p)
{
    static const char *const states[] = {"ok", "problem", "read-only"};

    for (size_t i = 0; i < p->m->status->repositories.n; i++) {
        const struct status_repository *r = &p->m->status->repositories.items[i];
        size_t is = r->problem ? 1 : r->read_only ? 2 : 0;

        for (size_t k = 0; k < ARRAY_LEN(states); k++)
            metrics_put(p, &(struct metrics_labels){.repository = r->name, .state = states[k]},
                        k == is);
    }
}

/* ---- jobs ---- */

static void jobs_running(const struct metrics_page *p)
{
    metrics_put(p, &(struct metrics_labels){0}, (int64_t)p->m->running);
}

static void jobs_queued(const struct metrics_page *p)
{
    metrics_put(p, &(struct metrics_labels){0}, (int64_t)p->m->queued);
}

static void jobs(const struct metrics_page *p)
{
    for (size_t i = 0; i < p->m->totals->by_outcome.n; i++) {
        const struct job_total *t = &p->m->totals->by_outcome.items[i];

        metrics_put(
            p, &(struct metrics_labels){.kind = t->kind, .outcome = job_outcome_name(t->outcome)},
            (int64_t)t->jobs);
    }
}

static void copied_bytes(const struct metrics_page *p)
{
    for (size_t i = 0; i < p->m->totals->by_outcome.n; i++) {
        const struct job_total *t = &p->m->totals->by_outcome.items[i];

        metrics_put(
            p, &(struct metrics_labels){.kind = t->kind, .outcome = job_outcome_name(t->outcome)},
            (int64_t)t->bytes);
    }
}

/* Those of one kind, from *at on. */
static void put_histogram(const struct metrics_page *p, size_t *at)
{
    static const int64_t bounds[] = JOB_DURATION_BOUNDS;
    const char *kind = p->m->totals->by_duration.items[*at].kind;
    uint64_t within[ARRAY_LEN(bounds) + 1] = {0}, sum = 0, count = 0;

    for (; *at < p->m->totals->by_duration.n; ++*at) {
        const struct job_duration *d = &p->m->totals->by_duration.items[*at];
        size_t k = 0;

        if (!str_eq(d->kind, kind))
            break;
        while (k < ARRAY_LEN(bounds) && bounds[k] != d->bound)
            k++;
        within[k] += d->jobs;
        sum += d->seconds;
    }
    for (size_t k = 0; k <= ARRAY_LEN(bounds); k++) {
        char le[32] = "+Inf";

        count += within[k];
        if (k < ARRAY_LEN(bounds))
            snprintf(le, sizeof(le), "%" PRId64, bounds[k]);
        metrics_put(p, &(struct metrics_labels){.suffix = "_bucket", .kind = kind, .le = le},
                    (int64_t)count);
    }
    metrics_put(p, &(struct metrics_labels){.suffix = "_sum", .kind = kind}, (int64_t)sum);
    metrics_put(p, &(struct metrics_labels){.suffix = "_count", .kind = kind}, (int64_t)count);
}

static void job_duration(const struct metrics_page *p)
{
    for (size_t i = 0; i < p->m->totals->by_duration.n;)
        put_histogram(p, &i);
}

/* ---- notifications ---- */

static void notifications(const struct metrics_page *p)
{
    for (size_t i = 0; i < p->m->targets.n; i++) {
        const struct metrics_target *t = &p->m->targets.items[i];

        metrics_put(p, &(struct metrics_labels){.target = t->name, .outcome = "sent"}, t->sent);
        metrics_put(p, &(struct metrics_labels){.target = t->name, .outcome = "failed"}, t->failed);
        metrics_put(p, &(struct metrics_labels){.target = t->name, .outcome = "lost"}, t->lost);
    }
}

static void notifications_waiting(const struct metrics_page *p)
{
    for (size_t i = 0; i < p->m->targets.n; i++)
        metrics_put(p, &(struct metrics_labels){.target = p->m->targets.items[i].name},
                    p->m->targets.items[i].waiting);
}

static void scrape_duration(const struct metrics_page *p)
{
    char seconds[32];

    snprintf(seconds, sizeof(seconds), "%" PRId64 ".%03" PRId64, p->m->gather_ms / 1000,
             p->m->gather_ms % 1000);
    metrics_put_number(p, &(struct metrics_labels){0}, seconds);
}

/* ---- the page ---- */

static const struct family {
    const char *name, *type, *help;
    void (*samples)(const struct metrics_page *p);
} families[] = {
    {"build_info", "gauge", "1; the version is in the label.", build_info},
    {"up", "gauge", "Whether vmkeepd runs and answers.", up},
    {"daemon_start_time_seconds", "gauge", "When vmkeepd was started.", start_time},
    {"config_last_reload_successful", "gauge",
     "Whether the configuration's file is good; while it is not, the last good one counts.",
     config_last_reload},
    {"reasons", "gauge",
     "How many findings of that code there are, as `vmkeep status` lists them: act, somebody must "
     "act; risk, a promise is broken.",
     reasons},
    {"domain_protected", "gauge",
     "Whether every promise to the domain is kept; 0 also where no policy selects it.",
     domain_protected},
    {"domain_frozen", "gauge",
     "Whether the guest's file systems are perhaps frozen by a backup that is over.",
     domain_frozen},
    {"domain_freeze_seconds", "gauge",
     "For how long the guest's file systems were frozen for the last backup that froze them.",
     domain_freeze},
    {"domain_last_point_timestamp_seconds", "gauge",
     "Instant of the policy's newest restore point of the domain that can be restored.",
     last_point},
    {"domain_rpo_seconds", "gauge",
     "What the policy promises: its newest point is never older than this.", rpo},
    {"domain_next_run_timestamp_seconds", "gauge",
     "When the policy's next backup of the domain is due.", next_run},
    {"domain_last_job_success", "gauge",
     "Whether the backup of the domain that ended last under the policy was a success.",
     last_job_success},
    {"domain_last_job_timestamp_seconds", "gauge", "When that backup ended.", last_job_end},
    {"domain_last_job_duration_seconds", "gauge", "How long that backup took.", last_job_duration},
    {"domain_last_point_bytes", "gauge", "What the newest point takes in its repository.",
     last_bytes},
    {"domain_points", "gauge", "Good restore points of the domain under the policy.", points},
    {"domain_chain_length", "gauge",
     "Points of the newest chain, from its full to the newest point.", chain_length},
    {"domain_last_verify_timestamp_seconds", "gauge",
     "When the newest point that was read again as a whole was found whole.", last_verify},
    {"domain_proven_point_timestamp_seconds", "gauge",
     "Instant of the newest point that was read again as a whole and found whole.", proven_point},
    {"offsite_last_copy_timestamp_seconds", "gauge",
     "Instant of the newest point of which the second repository has a good copy.", last_copy},
    {"offsite_points_behind", "gauge",
     "Points that are to be in the second repository by now, and are not.", copies_behind},
    {"repository_free_bytes", "gauge", "Free room on the repository's file system.",
     repository_free},
    {"repository_size_bytes", "gauge", "Size of the repository's file system.", repository_size},
    {"repository_reserve_bytes", "gauge", "What backups leave free on it.", repository_reserve},
    {"repository_growth_bytes_per_second", "gauge",
     "How fast its file system fills, by the trend of the last weeks; below 0: it empties.",
     repository_growth},
    {"repository_full_timestamp_seconds", "gauge",
     "When no more than the reserve is free, by that trend.", repository_full},
    {"repository_state", "gauge", "1 for the state that the repository is in.", repository_state},
    {"jobs_running", "gauge", "Jobs that run.", jobs_running},
    {"jobs_queued", "gauge", "Jobs that wait for their turn.", jobs_queued},
    {"jobs_total", "counter", "Jobs that ended, since the catalog began.", jobs},
    {"copied_bytes_total", "counter", "Bytes that jobs worked through, since the catalog began.",
     copied_bytes},
    {"job_duration_seconds", "histogram", "How long jobs took that had begun.", job_duration},
    {"notifications_total", "counter",
     "Notifications to the target: sent; tries that failed; lost, for they were given up.",
     notifications},
    {"notifications_waiting", "gauge", "Messages that wait to be sent to the target.",
     notifications_waiting},
    {"scrape_duration_seconds", "gauge", "How long it took to gather all this.", scrape_duration},
};

void report_metrics(const struct metrics *m, FILE *out)
{
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        const struct metrics_page p = {m, out, families[i].name};

        fprintf(out, "# HELP vmkeep_%s %s\n# TYPE vmkeep_%s %s\n", families[i].name,
                families[i].help, families[i].name, families[i].type);
        families[i].samples(&p);
    }
}

void metrics_done(struct metrics *m)
{
    for (size_t i = 0; i < m->targets.n; i++)
        free(m->targets.items[i].name);
    free(m->targets.items);
    *m = (struct metrics){0};
}
