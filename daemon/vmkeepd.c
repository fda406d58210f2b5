/* SPDX-License-Identifier: MIT
 *
 * vmkeepd: the daemon.  Opens catalog and control socket, keeps the policies until it is told to
 * stop.  Runs in the foreground; systemd (or a shell) looks after the process.
 */
#include <errno.h>
#include <ev.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/clock_ev.h"
#include "daemon/config_load.h"
#include "daemon/control.h"
#include "daemon/drivers.h"
#include "daemon/life.h"
#include "daemon/notify.h"
#include "daemon/watchdog.h"
#include "daemon/web.h"
#include "policies/config_file.h"
#include "scheduler/scheduler.h"
#include "storage/store/places_ask.h"
#include "storage/store/scratch.h"

/* After SIGTERM, jobs may end for so long; copies that still run then are left to the hypervisor
 * and found again at the next start.  Less than systemd's stop timeout of 90 s. */
#define DRAIN_S 60.0
#define SETTLE_S 5.0 /* what hangs is not waited for for longer */

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_BUSY = 5, EXIT_DAMAGED = 7 };

struct daemon {
    struct ev_loop *loop;
    const char *config_path;
    char *config_real; /* absolute; NULL: it cannot be told */
    struct clock *clock;
    struct zone *zone;
    struct catalog *catalog;
    struct owner self; /* what repositories are told of us */
    struct scheduler *scheduler;
    struct control *control;
    struct notify *notify; /* NULL: it has not started yet */
    struct web *web;
    ev_signal term, interrupt, hangup;
    ev_timer drain, watchdog;
    char *catalog_path, *control_path;
    ev_stat catalog_file;
    bool stopping;
    struct err fate; /* why it cannot go on */
};

static const char usage[] =
    "Usage: vmkeepd [--config FILE] [--verbose]\n"
    "\n"
    "Keeps the backup policies of FILE (default " CONFIG_DEFAULT ").\n"
    "Stays in the foreground and logs to standard error.\n"
    "\n"
    "  --config FILE   the configuration\n"
    "  --verbose       log every step of every job, and what is said to hypervisors\n"
    "  --version       print the version and exit\n"
    "  --help          print this text and exit\n"
    "\n"
    "Signals: SIGHUP reads the configuration again (a bad file changes nothing);\n"
    "SIGTERM or SIGINT starts no more jobs and waits up to 60 s for those that run,\n"
    "copies that take longer go on in the hypervisor and are found again at the next\n"
    "start; a second one cancels the jobs.\n"
    "\n"
    "Exit status: 0 stopped on request, 1 failed, 2 bad usage or configuration,\n"
    "5 another daemon keeps the same catalog or control socket, 7 the catalog is\n"
    "damaged (see `vmkeep rebuild-catalog`).\n";

static int exit_code(const struct err *err)
{
    switch (err->code) {
    case ERR_INVALID:
        return EXIT_USAGE;
    case ERR_BUSY:
        return EXIT_BUSY;
    case ERR_CORRUPT:
        return EXIT_DAMAGED;
    default:
        return EXIT_FAILED;
    }
}

/* For commands that are to go by what we do, while the file is broken. */
static void keep_copy(const struct daemon *d, const struct config_file *file)
{
    struct err err = ERR_INIT;

    if (config_copy_keep(file, d->catalog_path, &err) < 0)
        log_warning("no copy of the configuration is kept: %s", err.msg);
}

/* ---- the catalog's file ---- */

/* Without its catalog the daemon cannot write down what it does, and does nothing.  A damaged
 * one does not get better by itself, so systemd is told not to try again (packaging/); one that
 * was replaced is looked at anew by the next start. */
static void on_catalog_event(void *ctx, enum catalog_event event, const char *text)
{
    struct daemon *d = ctx;

    if (event == CATALOG_WRITTEN_BACK) {
        log_warning("catalog %s: %s", d->catalog_path, text);
        return;
    }
    if (d->fate.code != ERR_NONE)
        return;
    if (event == CATALOG_LOST)
        err_set(&d->fate, ERR_IO, "%s: the daemon stops", text);
    else
        err_set(&d->fate, ERR_CORRUPT, "%s", text);
    ev_break(d->loop, EVBREAK_ALL);
}

static void on_catalog_file(struct ev_loop *loop, ev_stat *w, int revents)
{
    struct daemon *d = w->data;
    struct err err = ERR_INIT;

    (void)loop;
    (void)revents;
    if (catalog_keep_place(d->catalog, &err) < 0 && d->fate.code == ERR_NONE)
        log_error("%s", err.msg);
}

/* Nobody shall look at a place where nothing is until the next write happens to come. */
static void watch_catalog(struct daemon *d)
{
    catalog_listen(d->catalog, on_catalog_event, d);
    ev_stat_init(&d->catalog_file, on_catalog_file, d->catalog_path, 0);
    d->catalog_file.data = d;
    ev_stat_start(d->loop, &d->catalog_file);
}

static int say_fate(const struct err *err)
{
    fprintf(stderr, "vmkeepd: %s%s\n", err->msg,
            err->code == ERR_CORRUPT
                ? "; `vmkeep rebuild-catalog` makes it anew from the repositories"
                : "");
    return exit_code(err);
}

static void on_swept(void *ctx, const struct err *err)
{
    CLEANUP_FREE char *dir = ctx;

    if (err)
        log_warning("what was left in %s: %s", dir, err->msg);
}

static void sweep_directory(struct daemon *d, const struct places_request *q)
{
    char *dir = xstrdup(q->scratch);
    struct err err = ERR_INIT;

    if (!places_ask_sweep(d->loop, q, on_swept, dir, &err))
        on_swept(dir, &err);
}

/* What a trial that broke off has left (doctor_file). */
static void sweep_trials(struct daemon *d, const struct config *config)
{
    CLEANUP_FREE char *prefix = xasprintf(TRIAL_NAME "%s-", catalog_id(d->catalog));
    const struct strlist none = {0};
    struct places_request q = {.prefix = prefix, .next_job = INT64_MAX, .keep = &none};

    for (size_t i = 0; i < config->repositories.n; i++) {
        q.scratch = config->repositories.items[i].path;
        sweep_directory(d, &q);
    }
}

/* Scratch spaces of jobs that ended without us.  Nobody waits for it: those of new jobs are not
 * touched. */
static int sweep_scratch(struct daemon *d, const struct config *config, struct err *err)
{
    const struct job_filter open = {.active = true};
    CLEANUP_FREE char *prefix = xasprintf("%s-", catalog_id(d->catalog));
    CLEANUP_FREE char *dir = path_dirname(config->catalog);
    CLEANUP_FREE char *beside = xasprintf("%s/scratch", dir); /* of backups begun by hand */
    struct strlist keep = {0}, swept = {0};
    struct places_request q = {.prefix = prefix, .keep = &keep};
    struct job_list jobs = {0};
    int rc = catalog_jobs(d->catalog, &open, &jobs, err);

    for (size_t i = 0; i < jobs.n; i++) {
        CLEANUP_FREE char *tag = xasprintf("%s%lld", prefix, (long long)jobs.items[i].id);

        strlist_add(&keep, tag);
    }
    strlist_add(&swept, beside);
    for (size_t i = 0; i < config->policies.n; i++)
        if (config->policies.items[i].scratch &&
            !strlist_has(&swept, config->policies.items[i].scratch))
            strlist_add(&swept, config->policies.items[i].scratch);
    if (rc == 0)
        rc = catalog_next_job(d->catalog, &q.next_job, err);
    for (size_t i = 0; i < swept.n && rc == 0; i++) {
        q.scratch = swept.items[i];
        sweep_directory(d, &q);
    }
    if (rc == 0)
        sweep_trials(d, config);
    job_list_done(&jobs);
    strlist_done(&keep);
    strlist_done(&swept);
    return rc;
}

static struct hypervisor *make_hypervisor(void *ctx, const struct config_host *host,
                                          struct err *err)
{
    const struct daemon *d = ctx;

    return driver_open(d->loop, host, err);
}

static struct store *make_store(void *ctx, const struct config_repository *repository)
{
    const struct daemon *d = ctx;

    return store_new(d->loop, repository->path, &d->self);
}

/* To who asks systemd for the unit's status, and to who looks at the page. */
static void tell_configuration(const struct daemon *d)
{
    size_t policies = scheduler_config(d->scheduler)->policies.n;
    size_t domains = scheduler_count(d->scheduler).domains;
    CLEANUP_FREE char *what = xasprintf("%zu polic%s for %zu domain%s", policies,
                                        policies == 1 ? "y" : "ies", domains, plural_s(domains));

    log_notice("vmkeepd %s keeps %s", VMKEEP_VERSION, what);
    sd_notifyf(0, "READY=1\nERRNO=0\nSTATUS=Keeps %s", what);
    web_set(d->web, scheduler_config(d->scheduler)->web);
}

static int try_reload(struct daemon *d, struct err *err)
{
    CLEANUP(config_file_done) struct config_file file = {0};
    const struct config *old = scheduler_config(d->scheduler);

    if (config_load(d->config_path, &file, err) < 0)
        return err_wrap(err, "not reloaded, the former configuration stays in force");
    if (strcmp(file.config->catalog, old->catalog) != 0 ||
        strcmp(file.config->control, old->control) != 0)
        log_warning("%s: a changed catalog or control socket takes effect at the next start",
                    d->config_path);
    scheduler_reload(d->scheduler, TAKE_PTR(file.config));
    notify_reload(d->notify);
    keep_copy(d, &file);
    log_notice("configuration reloaded from %s", d->config_path);
    return 0;
}

/* The time is what Type=notify-reload wants (systemd.service(5)). */
static void tell_reloading(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
               (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
}

static int reload(void *ctx, struct err *err)
{
    struct daemon *d = ctx;

    tell_reloading();
    if (try_reload(d, err) < 0) {
        sd_notifyf(0, "READY=1\nERRNO=%d\nSTATUS=%s", EINVAL, err->msg);
        return -1;
    }
    tell_configuration(d);
    return 0;
}

static void on_hangup(struct ev_loop *loop, ev_signal *w, int revents)
{
    struct daemon *d = w->data;
    struct err err = ERR_INIT;

    (void)loop;
    (void)revents;
    if (reload(d, &err) < 0)
        log_error("%s", err.msg);
}

static void on_drained(void *ctx)
{
    ev_break(((struct daemon *)ctx)->loop, EVBREAK_ALL);
}

static void on_drain_limit(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)w;
    (void)revents;
    log_notice("jobs still run: their copies go on in the hypervisor and are found again at the "
               "next start");
    ev_break(loop, EVBREAK_ALL);
}

static void on_stop(struct ev_loop *loop, ev_signal *w, int revents)
{
    struct daemon *d = w->data;

    (void)revents;
    if (d->stopping) {
        log_notice("asked to stop again: the jobs that run are cancelled");
        scheduler_cancel_all(d->scheduler);
        return;
    }
    d->stopping = true;
    log_notice("asked to stop: no more jobs start; %zu run", scheduler_count(d->scheduler).running);
    sd_notify(0, "STOPPING=1");
    ev_timer_start(loop, &d->drain);
    scheduler_drain(d->scheduler, on_drained, d);
}

static void watch_signals(struct daemon *d)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on files' sizes is an error like a full disk */
    ev_signal_init(&d->term, on_stop, SIGTERM);
    ev_signal_init(&d->interrupt, on_stop, SIGINT);
    ev_signal_init(&d->hangup, on_hangup, SIGHUP);
    ev_timer_init(&d->drain, on_drain_limit, DRAIN_S, 0);
    watchdog_start(d->loop, &d->watchdog);
    d->term.data = d->interrupt.data = d->hangup.data = d->drain.data = d;
    ev_signal_start(d->loop, &d->term);
    ev_signal_start(d->loop, &d->interrupt);
    ev_signal_start(d->loop, &d->hangup);
}

/* Now requests can be met. */
static void on_settled(void *ctx)
{
    struct daemon *d = ctx;

    d->notify = notify_open(
        &(struct notify_env){d->loop, d->clock, d->catalog, d->scheduler, d->config_path});
    control_ready(d->control);
    tell_configuration(d);
}

/* At once: a start may wait some seconds for hosts, and whoever asks meanwhile shall know that it
 * is one. */
static int open_control(struct daemon *d, struct err *err)
{
    const struct control_env env = {
        .loop = d->loop,
        .version = VMKEEP_VERSION,
        .reload = reload,
        .notify = &d->notify,
        .ctx = d,
        .scheduler = d->scheduler,
        .catalog = d->catalog,
    };

    return control_open(&env, d->control_path, &d->control, err);
}

static int open_catalog(struct daemon *d, const struct config *config, struct err *err)
{
    if (catalog_open(config->catalog, CATALOG_WRITE, &d->catalog, err) < 0)
        return -1;
    d->catalog_path = xstrdup(config->catalog);
    life_begins(d->catalog, time(NULL));
    watch_catalog(d);
    owner_here(catalog_id(d->catalog), config->catalog, &d->self);
    return sweep_scratch(d, config, err);
}

static int start(struct daemon *d, struct err *err)
{
    CLEANUP(config_file_done) struct config_file file = {0};
    struct scheduler_env env;

    if (config_load(d->config_path, &file, err) < 0)
        return -1;
    d->control_path = xstrdup(file.config->control);
    if (zone_open(NULL, &d->zone, err) < 0 || open_catalog(d, file.config, err) < 0)
        return -1;
    d->clock = clock_ev_new(d->loop);
    d->web = web_new(d->loop, d->config_path);
    d->config_real = realpath(d->config_path, NULL);
    env = (struct scheduler_env){
        .clock = d->clock,
        .catalog = d->catalog,
        .zone = d->zone,
        .loop = d->loop,
        .config_path = d->config_real,
        .hypervisor_new = make_hypervisor,
        .store_new = make_store,
        .settle_s = SETTLE_S,
        .settled = on_settled,
        .ctx = d,
    };
    ev_now_update(d->loop);
    if (scheduler_new(&env, TAKE_PTR(file.config), &d->scheduler, err) < 0 ||
        open_control(d, err) < 0)
        return -1;
    keep_copy(d, &file);
    return 0;
}

static void stop(struct daemon *d)
{
    web_free(d->web);
    control_close(d->control);
    notify_close(d->notify);
    if (d->catalog && d->fate.code == ERR_NONE)
        life_ends(d->catalog, time(NULL));
    scheduler_free(d->scheduler);
    ev_stat_stop(d->loop, &d->catalog_file);
    owner_done(&d->self);
    catalog_close(d->catalog);
    free(d->catalog_path);
    free(d->control_path);
    zone_free(d->zone);
    free(d->clock);
    free(d->config_real);
}

static int parse_options(struct daemon *d, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"verbose", no_argument, NULL, 'v'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            d->config_path = optarg;
            break;
        case 'v':
            log_set_level(LOG_LVL_DEBUG);
            break;
        case 'V':
            printf("vmkeepd %s\n", VMKEEP_VERSION);
            return EXIT_DONE;
        case 'h':
            fputs(usage, stdout);
            return EXIT_DONE;
        default:
            fputs("Try 'vmkeepd --help'.\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "vmkeepd: %s: unexpected argument\n", argv[optind]);
        return EXIT_USAGE;
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct daemon d = {.config_path = CONFIG_DEFAULT};
    struct err err = ERR_INIT;
    int code = parse_options(&d, argc, argv);

    if (code >= 0)
        return code;
    umask(077);
    setlinebuf(stderr);
    d.loop = ev_default_loop(0);
    watch_signals(&d);
    if (start(&d, &err) < 0) {
        stop(&d);
        return say_fate(&err);
    }
    if (d.fate.code == ERR_NONE)
        ev_run(d.loop, 0);
    stop(&d);
    if (d.fate.code != ERR_NONE)
        return say_fate(&d.fate);
    log_notice("stopped");
    return EXIT_DONE;
}
