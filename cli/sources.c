/* SPDX-License-Identifier: MIT */
#include "cli/sources.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "base/uptime.h"
#include "cli/client.h"

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

int sources_open(const struct config *config, struct catalog *catalog, struct status_sources *ret,
                 struct err *err)
{
    *ret = (struct status_sources){.config = config,
                                   .catalog = catalog,
                                   .now = time(NULL),
                                   .uptime = uptime_seconds(),
                                   .boot = uptime_boot()};
    return sources_zone(catalog, &ret->zone, err);
}

void sources_done(struct status_sources *s)
{
    zone_free(s->zone);
    s->zone = NULL;
}
