/* SPDX-License-Identifier: MIT */
#include "daemon/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "notify/sending_of.h"

#define LOOK_LIMIT_S 120.0
#define NAME_MAX_BYTES 256

struct notify {
    struct notify_env env;
    struct notifier *notifier;
    struct observer jobs;
    char machine[NAME_MAX_BYTES];
};

/* ---- looking ---- */

struct look {
    FILE *out;
    char *text;
    size_t size;
    char **ret;
    op_done done;
    void *ctx;
};

static void on_line(void *ctx, const char *line)
{
    fprintf(((struct look *)ctx)->out, "%s\n", line);
}

static void look_free(struct look *l)
{
    fclose(l->out);
    free(l->text);
    free(l);
}

static void on_looked(void *ctx, const struct err *err)
{
    struct look *l = ctx;

    fflush(l->out);
    if (!err)
        *l->ret = xstrdup(l->text);
    l->done(l->ctx, err);
    look_free(l);
}

/* argv: of vmkeep; what it prints is the result. */
static struct op *ask_vmkeep(const struct notify *n, const char *const *argv, char **ret,
                             op_done done, void *done_ctx, struct err *err)
{
    struct look *l = xcalloc(1, sizeof(*l));
    const struct proc_spec spec = {.argv = argv, .timeout_s = LOOK_LIMIT_S, .line = on_line};
    struct op *op;

    *l = (struct look){.ret = ret, .done = done, .ctx = done_ctx};
    l->out = open_memstream(&l->text, &l->size);
    if (!l->out)
        abort(); /* there is no memory */
    op = proc_start(n->env.loop, &spec, NULL, on_looked, l, err);
    if (!op)
        look_free(l);
    return op;
}

static struct op *look(void *ctx, char **ret, op_done done, void *done_ctx, struct err *err)
{
    const struct notify *n = ctx;
    CLEANUP_FREE char *program = proc_program_path("vmkeep");
    CLEANUP_FREE char *since =
        xasprintf("%lld", (long long)scheduler_count(n->env.scheduler).started);
    const char *const argv[] = {program,          "--config",   n->env.config_path,
                                "notify",         "conditions", "--json",
                                "--daemon-since", since,        NULL};

    return ask_vmkeep(n, argv, ret, done, done_ctx, err);
}

static struct op *make_report(void *ctx, int64_t since, const char *policy, char **ret,
                              op_done done, void *done_ctx, struct err *err)
{
    const struct notify *n = ctx;
    CLEANUP_FREE char *program = proc_program_path("vmkeep");
    char at[TIMEFMT_MAX];
    const char *const argv[] = {
        program,   "--config",          n->env.config_path,         "report", "--message",
        "--since", time_utc(since, at), policy ? "--policy" : NULL, policy,   NULL};

    return ask_vmkeep(n, argv, ret, done, done_ctx, err);
}

/* ---- sending ---- */

static struct op *send_message(void *ctx, const struct config_target *target, const char *message,
                               op_done done, void *done_ctx, struct err *err)
{
    const struct notify *n = ctx;
    const struct sending s = sending_of(target, message);
    const struct ask ask = sending_ask(&s);

    return ask_start(n->env.loop, &ask, done, done_ctx, err);
}

/* ---- jobs ---- */

static void on_job(void *ctx, const void *event)
{
    struct notify *n = ctx;
    const struct job *j = ((const struct job_event *)event)->job;

    if (*j->policy)
        notifier_job(n->notifier, j->policy, j->state == JOB_QUEUED);
    if (j->state == JOB_ENDED)
        notifier_poke(n->notifier);
}

/* ---- life ---- */

struct notify *notify_open(const struct notify_env *env)
{
    struct notify *n = xcalloc(1, sizeof(*n));
    const struct notifier_env own = {.clock = env->clock,
                                     .catalog = env->catalog,
                                     .machine = n->machine,
                                     .look = look,
                                     .report = make_report,
                                     .send = send_message,
                                     .ctx = n};

    n->env = *env;
    if (gethostname(n->machine, sizeof(n->machine) - 1) < 0 || !*n->machine)
        snprintf(n->machine, sizeof(n->machine), "localhost");
    n->notifier = notifier_new(&own, scheduler_config(env->scheduler));
    n->jobs = (struct observer){.hear = on_job, .ctx = n};
    scheduler_listen(env->scheduler, &n->jobs);
    return n;
}

void notify_reload(struct notify *n)
{
    if (n)
        notifier_reload(n->notifier, scheduler_config(n->env.scheduler));
}

int notify_test(struct notify *n, const char *target, op_done done, void *ctx, struct err *err)
{
    return notifier_test(n->notifier, target, done, ctx, err);
}

void notify_close(struct notify *n)
{
    if (!n)
        return;
    scheduler_unlisten(n->env.scheduler, &n->jobs);
    notifier_free(n->notifier);
    free(n);
}
