/* SPDX-License-Identifier: MIT */
#include "cli/sources.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "base/uptime.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/points_look.h"
#include "cli/repository_look.h"

#define DAEMON_TIMEOUT_S 3

static void read_answer(const json_t *answer, struct status_daemon *d)
{
    struct err err = ERR_INIT;
    const char *version = NULL, *started = NULL, *catalog = NULL, *since = NULL;
    json_int_t pid = 0, running = 0, queued = 0;
    int starting = 0;

    json_unpack((json_t *)answer, "{s?b, s?I, s?s, s?s, s?I, s?I, s?s, s?s}", "starting", &starting,
                "pid", &pid, "version", &version, "started", &started, "running", &running,
                "queued", &queued, "catalog_problem", &catalog, "catalog_since", &since);
    d->running = true;
    d->starting = starting;
    d->catalog_problem = xstrdup(catalog);
    d->pid = pid;
    d->version = xstrdup(version);
    d->jobs_running = running;
    d->jobs_queued = queued;
    if (started && time_parse(started, &d->started, &err) < 0)
        d->started = 0;
    if (since && time_parse(since, &d->catalog_since, &err) < 0)
        d->catalog_since = 0;
}

void sources_ask_daemon(const struct config *config, struct status_daemon *ret)
{
    const struct client_request request = {.cmd = "status"};
    struct err err = ERR_INIT;
    json_t *answer = NULL;
    bool reached;

    if (client_ask(config, &request, DAEMON_TIMEOUT_S, &answer, &reached, &err) == 0)
        read_answer(answer, ret);
    else
        ret->problem = xstrdup(err.msg);
    ret->error = err.code;
    json_decref(answer);
}

bool sources_none_runs(enum err_code why)
{
    return why != ERR_TIMEOUT && why != ERR_DENIED && why != ERR_UNSUPPORTED;
}

static void set_tz(const char *tz)
{
    if (tz)
        setenv("TZ", tz, 1);
    else
        unsetenv("TZ");
}

int sources_zone(struct catalog *catalog, struct zone **ret, struct err *err)
{
    CLEANUP(seen_list_done) struct seen_list rows = {0};
    CLEANUP_FREE char *ours = xstrdup(getenv("TZ"));
    const struct seen *zone;
    int rc;

    if (catalog_seen(catalog, "daemon", &rows, err) < 0)
        return -1;
    zone = seen_list_find(&rows, "zone");
    set_tz(zone && *zone->state ? zone->state : NULL);
    rc = zone_open(NULL, ret, err);
    set_tz(ours);
    return rc;
}

void sources_now(struct status_sources *s)
{
    s->now = time(NULL);
    s->uptime = uptime_seconds();
}

int sources_open(const struct config *config, struct catalog *catalog, struct status_sources *ret,
                 struct err *err)
{
    *ret = (struct status_sources){.config = config, .catalog = catalog, .boot = uptime_boot()};
    sources_now(ret);
    return sources_zone(catalog, &ret->zone, err);
}

void sources_done(struct status_sources *s)
{
    zone_free(s->zone);
    s->zone = NULL;
}

static void warn_of_config(struct status *ret)
{
    CLEANUP_FREE char *advice =
        xasprintf("%s; then `%s`", cli_config_advice(),
                  ret->daemon.running ? "vmkeep reload" : "systemctl start vmkeepd");

    if (cli_config_problem())
        reason_add(&ret->warnings, REASON_CONFIG_BROKEN, advice,
                   "the configuration is broken, so the last good one counts: %s",
                   cli_config_problem());
    /* One that does not run reads it when it starts. */
    if (cli_config_unread() && ret->daemon.running)
        reason_add(&ret->warnings, REASON_CONFIG_UNREAD, "`vmkeep reload`",
                   "%s: what is said here is of the file, and vmkeepd does what it read",
                   cli_config_unread());
}

static int gather(const struct status_sources *s, const struct domain_names *only,
                  struct status *ret, struct err *err)
{
    if (!ret->daemon.running)
        sources_ask_daemon(s->config, &ret->daemon);
    warn_of_config(ret);
    return status_gather(s, only, ret, err);
}

/* The newest points are looked at meanwhile; where that finds something, all is gathered anew. */
int sources_gather(struct status_sources *s, const struct domain_names *only, struct status *ret,
                   struct err *err)
{
    CLEANUP(status_looks_done) struct status_looks looks = {0};
    struct points_look *points;
    struct err ignored = ERR_INIT;
    bool found;
    int rc;

    if (repository_look(s->config, NULL, s->catalog, &looks, err) < 0 ||
        points_look_begin(s->config, s->catalog, only, &looks, &points, err) < 0)
        return -1;
    s->looks = &looks;
    rc = gather(s, only, ret, err);
    if (points_look_end(points, &found, rc < 0 ? &ignored : err) < 0)
        rc = -1;
    if (rc == 0 && found) {
        status_done(ret);
        rc = gather(s, only, ret, err);
    }
    s->looks = NULL;
    return rc;
}
