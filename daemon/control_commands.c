/* SPDX-License-Identifier: MIT */
#include "daemon/control_priv.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "jobs/delete.h"
#include "jobs/verify.h"
#include "report/json.h"
#include "storage/catalog/catalog_reading.h"
#include "storage/verify/proof.h"

int control_unpack(json_t *args, struct err *err, const char *fmt, ...)
{
    bool given = args && !json_is_null(args);
    json_t *none = given ? NULL : json_object();
    json_error_t bad;
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = json_vunpack_ex(given ? args : none, &bad, 0, fmt, ap);
    va_end(ap);
    json_decref(none);
    return rc < 0 ? err_set(err, ERR_INVALID, "arguments: %s", bad.text) : 0;
}

static int cmd_status(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const struct control_env *env = &cl->control->env;
    struct scheduler_counts n = scheduler_count(env->scheduler);
    struct err trouble = ERR_INIT;
    char started[TIMEFMT_MAX];
    int64_t now = time(NULL);

    (void)args;
    (void)err;
    catalog_try(env->catalog, now, &trouble);
    *ret = json_pack(
        "{s:b, s:i, s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "starting", !cl->control->ready, "pid",
        (int)getpid(), "version", env->version, "started", time_utc(n.started, started), "running",
        (json_int_t)n.running, "queued", (json_int_t)n.queued, "domains", (json_int_t)n.domains,
        "catalog_problem", report_json_text(trouble.code ? trouble.msg : NULL), "catalog_since",
        trouble.code ? report_json_time(now - catalog_failing_for(env->catalog)) : json_null());
    return 0;
}

static const char *state_now(struct scheduler *s, const struct job *j)
{
    struct live_job live;

    return job_state_name(scheduler_live_job(s, j->id, &live) && live.doing ? JOB_RUNNING
                                                                            : JOB_QUEUED);
}

/* open: they were there before. */
static void add_jobs(json_t *list, struct scheduler *s, const struct job_ids *ids, bool open)
{
    for (size_t i = 0; i < ids->n; i++) {
        const struct job *j = scheduler_job(s, ids->items[i]);

        if (j)
            json_array_append_new(
                list,
                json_pack("{s:I, s:o, s:o, s:o, s:b, s:s}", "id", (json_int_t)j->id, "domain",
                          report_json_text(j->domain), "host", report_json_text(j->host), "policy",
                          report_json_text(j->policy), "joined", open, "state", state_now(s, j)));
    }
}

/* The new jobs, and those that are open already and do as well: named at once, or waited for. */
static void give_jobs(struct client *cl, const struct job_ids *ids, const struct job_ids *open,
                      bool wait, json_t **ret)
{
    json_t *jobs = json_array();

    add_jobs(jobs, cl->control->env.scheduler, ids, false);
    add_jobs(jobs, cl->control->env.scheduler, open, true);
    if (!wait || ids->n + open->n == 0) {
        *ret = json_pack("{s:o}", "jobs", jobs);
        return;
    }
    client_send(cl, json_pack("{s:s, s:o}", "event", "accepted", "jobs", jobs));
    for (size_t i = 0; i < ids->n; i++)
        *VEC_ADD(&cl->waits) = ids->items[i];
    for (size_t i = 0; i < open->n; i++)
        *VEC_ADD(&cl->waits) = open->items[i];
    control_show_progress(cl->control);
}

static int cmd_run(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *target = NULL, *level_word = NULL;
    enum backup_level level;
    struct job_ids ids = {0}, open = {0};
    int wait = 0, rc;

    if (control_unpack(args, err, "{s:s, s?s, s?b}", "target", &target, "level", &level_word,
                       "wait", &wait) < 0)
        return -1;
    if (level_word && level_from_name(level_word, &level) < 0)
        return err_set(err, ERR_INVALID, "level '%s': want full or incremental", level_word);
    /* Who does not wait is told that it is busy. */
    rc = scheduler_run(cl->control->env.scheduler, target, level_word ? &level : NULL, &ids,
                       wait ? &open : NULL, err);
    if (rc == 0)
        give_jobs(cl, &ids, &open, wait, ret);
    free(ids.items);
    free(open.items);
    return rc;
}

static int cmd_prune(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *target = NULL;
    struct job_ids ids = {0};
    int wait = 0, rc;

    if (control_unpack(args, err, "{s?s, s?b}", "target", &target, "wait", &wait) < 0)
        return -1;
    rc = scheduler_prune(cl->control->env.scheduler, target, &ids, err);
    if (rc == 0)
        give_jobs(cl, &ids, &(struct job_ids){0}, wait, ret);
    free(ids.items);
    return rc;
}

static int cmd_copy(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *target = NULL, *to = NULL;
    struct job_ids ids = {0};
    int wait = 0, rc;

    if (control_unpack(args, err, "{s:s, s?s, s?b}", "to", &to, "target", &target, "wait", &wait) <
        0)
        return -1;
    rc = scheduler_copy(cl->control->env.scheduler, target, to, &ids, err);
    if (rc == 0)
        give_jobs(cl, &ids, &(struct job_ids){0}, wait, ret);
    free(ids.items);
    return rc;
}

static int take_ids(const json_t *list, struct strlist *ret, struct err *err)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) {
        if (!json_is_string(item))
            return err_set(err, ERR_INVALID, "points: item %zu is no text", i);
        strlist_add(ret, json_string_value(item));
    }
    return ret->n > 0 ? 0 : err_set(err, ERR_INVALID, "points: name at least one");
}

static int cmd_delete(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    CLEANUP(strlist_done) struct strlist points = {0};
    struct job_ids ids = {0};
    json_t *list = NULL;
    int dependents = 0, force = 0, wait = 0, rc;

    if (control_unpack(args, err, "{s:o, s?b, s?b, s?b}", "points", &list, "dependents",
                       &dependents, "force", &force, "wait", &wait) < 0 ||
        take_ids(list, &points, err) < 0)
        return -1;
    rc = delete_queue(
        scheduler_jobs(cl->control->env.scheduler),
        &(struct deletion){.asked = &points, .dependents = dependents, .force = force}, &ids, err);
    if (rc == 0)
        give_jobs(cl, &ids, &(struct job_ids){0}, wait, ret);
    free(ids.items);
    return rc;
}

static int cmd_verify(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    CLEANUP(strlist_done) struct strlist points = {0};
    struct job_ids ids = {0};
    json_t *list = NULL;
    int sample = 100, wait = 0, rc;

    if (control_unpack(args, err, "{s:o, s?i, s?b}", "points", &list, "sample", &sample, "wait",
                       &wait) < 0 ||
        take_ids(list, &points, err) < 0)
        return -1;
    if (sample < 1 || sample > 100)
        return err_set(err, ERR_INVALID, "sample: %d is no share from 1 to 100", sample);
    rc =
        verify_queue_points(scheduler_jobs(cl->control->env.scheduler), &points, sample, &ids, err);
    if (rc == 0)
        give_jobs(cl, &ids, &(struct job_ids){0}, wait, ret);
    free(ids.items);
    return rc;
}

static int cmd_prune_checkpoints(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *domain = NULL;
    struct job_ids ids = {0};
    int wait = 0, rc;

    if (control_unpack(args, err, "{s?s, s?b}", "domain", &domain, "wait", &wait) < 0)
        return -1;
    rc = scheduler_prune_checkpoints(cl->control->env.scheduler, domain, &ids, err);
    if (rc == 0)
        give_jobs(cl, &ids, &(struct job_ids){0}, wait, ret);
    free(ids.items);
    return rc;
}

static int cmd_forget_repository(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *what = NULL;
    size_t n = 0;

    if (control_unpack(args, err, "{s:s}", "repository", &what) < 0 ||
        scheduler_forget_repository(cl->control->env.scheduler, what, &n, err) < 0)
        return -1;
    *ret = json_pack("{s:I}", "points", (json_int_t)n);
    return 0;
}

static int cmd_cancel(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    json_int_t job = 0;

    if (control_unpack(args, err, "{s:I}", "job", &job) < 0 ||
        scheduler_cancel(cl->control->env.scheduler, job, err) < 0)
        return -1;
    *ret = json_object();
    return 0;
}

static int cmd_reload(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    (void)args;
    if (cl->control->env.reload(cl->control->env.ctx, err) < 0)
        return -1;
    *ret = json_object();
    return 0;
}

static bool has_checkpoint(struct catalog *catalog, const char *host, const char *domain)
{
    struct checkpoint_list rows = {0};
    struct err err = ERR_INIT;
    bool ret = false;

    if (catalog_checkpoints(catalog, host, domain, &rows, &err) == 0)
        for (size_t i = 0; i < rows.n; i++)
            ret = ret || rows.items[i].state == CHECKPOINT_CURRENT ||
                  rows.items[i].state == CHECKPOINT_KEPT;
    checkpoint_list_done(&rows);
    return ret;
}

static json_t *running_job(struct catalog *catalog, const char *host, const char *domain)
{
    const struct job_filter filter = {.host = host, .domain = domain, .active = true};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;
    json_t *ret = json_null();

    if (catalog_jobs(catalog, &filter, &jobs, &err) == 0)
        for (size_t i = 0; i < jobs.n; i++)
            if (jobs.items[i].state == JOB_RUNNING && jobs.items[i].guest)
                ret = json_integer((json_int_t)jobs.items[i].id);
    job_list_done(&jobs);
    return ret;
}

static int cmd_domains(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    struct catalog *catalog = cl->control->env.catalog;
    json_t *list = json_array();
    struct seen_list seen = {0};

    (void)args;
    if (catalog_seen(catalog, "domain", &seen, err) < 0) {
        json_decref(list);
        return -1;
    }
    for (size_t i = 0; i < seen.n; i++) {
        const struct seen *d = &seen.items[i];
        CLEANUP_FREE char *host = NULL;
        CLEANUP_FREE char *domain = NULL;

        name_split_domain(d->name, &host, &domain);
        if (!host || !config_host_find(scheduler_config(cl->control->env.scheduler), host))
            continue;
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:o, s:s, s:o, s:b, s:o}", "host", report_json_text(host),
                            "domain", report_json_text(domain), "uuid", report_json_text(d->uuid),
                            "state", d->state, "problem", report_json_text(d->problem),
                            "checkpoint", has_checkpoint(catalog, host, domain), "job",
                            running_job(catalog, host, domain)));
    }
    seen_list_done(&seen);
    *ret = json_pack("{s:o}", "domains", list);
    return 0;
}

static int cmd_found_damage(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *point = NULL, *problem = NULL;

    if (control_unpack(args, err, "{s:s, s?s}", "point", &point, "problem", &problem) < 0 ||
        scheduler_found_damage(cl->control->env.scheduler, point, problem, err) < 0)
        return -1;
    *ret = json_object();
    return 0;
}

static int cmd_was_read(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    struct point_reading r = {.at = time(NULL)};
    const char *point = NULL;
    json_int_t slice = 0, slices = 1;

    if (control_unpack(args, err, "{s:s, s:I, s:I, s:s}", "point", &point, "slice", &slice,
                       "slices", &slices, "result", &r.result) < 0)
        return -1;
    if (slices < 0 || slices > SAMPLE_SLICES_MAX || slice < 0 || slice > slices)
        return err_set(err, ERR_INVALID, "slices: 0 to %d", SAMPLE_SLICES_MAX);
    r.slice = (uint32_t)slice;
    r.slices = (uint32_t)slices;
    r.result = proof_state_name(proof_state_from_name(r.result));
    if (catalog_point_read(cl->control->env.catalog, point, &r, err) < 0)
        return -1;
    *ret = json_object();
    return 0;
}

static int cmd_look_at_points(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *repository = NULL;

    if (control_unpack(args, err, "{s:s}", "repository", &repository) < 0 ||
        scheduler_look_at_points(cl->control->env.scheduler, repository, err) < 0)
        return -1;
    *ret = json_object();
    return 0;
}

static int cmd_yield(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *host = NULL, *domain = NULL, *policy = NULL;

    if (control_unpack(args, err, "{s:s, s:s, s:s}", "host", &host, "domain", &domain, "policy",
                       &policy) < 0)
        return -1;
    scheduler_yield(cl->control->env.scheduler, host, domain, policy);
    *ret = json_object();
    return 0;
}

int control_command(struct client *cl, const char *cmd, json_t *args, json_t **ret, struct err *err)
{
    static const struct {
        const char *name;
        int (*run)(struct client *, json_t *, json_t **, struct err *);
    } commands[] = {
        {"status", cmd_status},
        {"run", cmd_run},
        {"cancel", cmd_cancel},
        {"prune", cmd_prune},
        {"copy", cmd_copy},
        {"delete", cmd_delete},
        {"verify", cmd_verify},
        {"domains", cmd_domains},
        {"repository-forget", cmd_forget_repository},
        {"checkpoint-prune", cmd_prune_checkpoints},
        {"reload", cmd_reload},
        {"found-damage", cmd_found_damage},
        {"look-at-points", cmd_look_at_points},
        {"was-read", cmd_was_read},
        {"yield", cmd_yield},
    };

    scheduler_look_at_clock(cl->control->env.scheduler);
    /* Of whatever waits for jobs. */
    cl->progress = json_is_true(json_object_get(args, "progress"));
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(cmd, commands[i].name) == 0)
            return commands[i].run(cl, args, ret, err);
    return control_api_command(cl, cmd, args, ret, err);
}
