/* SPDX-License-Identifier: MIT
 *
 * make_catalog FILE NOW: a catalog as a daemon leaves it after some days, for tests of the command.
 * Everything is dated back from NOW (seconds, UTC).  On host lab:
 *
 *   web01  under nightly: a full and two incrementals, the newest 5 h 20 m old; a job that runs
 *   db01   under nightly: a full 3 d 2 h old, an incremental that was found damaged, a failed job
 *   gone   a domain that the host has no more, with one point
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "storage/catalog/catalog.h"

#define MINUTE 60
#define HOUR 3600
#define DAY 86400

static struct catalog *catalog;
static struct err err;

static void must(int rc)
{
    if (rc == 0)
        return;
    fprintf(stderr, "make_catalog: %s\n", err.msg);
    exit(1);
}

static char *id_of(const char *domain, int64_t at)
{
    char stamp[TIMEFMT_MAX];

    return xasprintf("lab/%s/%s.nightly", domain, time_filename(at, stamp));
}

/* A job under nightly that has started and will make plan. */
static int64_t start(const char *domain, int64_t at, const char *base, struct point *plan)
{
    struct job j = {.kind = JOB_BACKUP,
                    .guest = true,
                    .host = (char *)"lab",
                    .domain = (char *)domain,
                    .policy = (char *)"nightly",
                    .repository = (char *)"main",
                    .level = base ? LEVEL_INCREMENTAL : LEVEL_FULL,
                    .due = at,
                    .created = at};
    struct point_disk *disk;

    *plan = (struct point){.id = id_of(domain, at),
                           .host = xstrdup("lab"),
                           .domain = xstrdup(domain),
                           .policy = xstrdup("nightly"),
                           .repository = xstrdup("main"),
                           .level = j.level,
                           .parent = xstrdup(base),
                           .created = at,
                           .checkpoint = xasprintf("vmkeep-%s-%" PRId64, domain, at),
                           .why = xstrdup(base ? "scheduled: incremental" : "no base point yet")};
    disk = VEC_ADD(&plan->disks);
    disk->name = xstrdup("vda");
    disk->path = xstrdup("vda.qcow2");
    disk->format = xstrdup("qcow2");
    disk->backing = xstrdup(base);
    disk->capacity = UINT64_C(10) << 30;
    disk->bytes = base ? UINT64_C(150) << 20 : UINT64_C(2) << 30;
    must(catalog_job_add(catalog, &j, &err));
    must(catalog_job_start(catalog, j.id, at, j.level, plan->why, plan, &err));
    return j.id;
}

/* One that was a success; its point's id. */
static void progress(int64_t job, uint64_t done, uint64_t total)
{
    const struct job j = {.id = job, .bytes_done = done, .bytes_total = total};

    must(catalog_job_progress(catalog, &j, &err));
}

static char *backup(const char *domain, int64_t at, const char *base)
{
    struct point point;
    int64_t job = start(domain, at, base, &point);
    char *id = xstrdup(point.id);

    progress(job, point.disks.items[0].bytes, point.disks.items[0].bytes);
    must(catalog_publish(catalog, job, at + 5 * MINUTE, &point, ERR_NONE,
                         base ? "150 MiB" : "2 GiB", &err));
    point_done(&point);
    return id;
}

static void fill(int64_t now)
{
    CLEANUP_FREE char *web_full = backup("web01", now - 2 * DAY, NULL);
    CLEANUP_FREE char *web_second = backup("web01", now - DAY, web_full);
    CLEANUP_FREE char *web_third = backup("web01", now - 5 * HOUR - 20 * MINUTE - 30, web_second);
    CLEANUP_FREE char *db_full = backup("db01", now - 3 * DAY - 2 * HOUR - 30, NULL);
    CLEANUP_FREE char *db_second = backup("db01", now - 2 * DAY, db_full);
    struct point plan;
    int64_t job;

    free(backup("gone", now - 9 * DAY, NULL));
    job = start("db01", now - 2 * HOUR, db_full, &plan);
    must(catalog_job_end(catalog, job, now - HOUR, OUTCOME_FAILED, ERR_NOSPACE,
                         "disk vda: No space left on device", &err));
    point_done(&plan);
    must(catalog_point_set_state(catalog, db_second, POINT_DAMAGED, NULL, &err));
    must(catalog_point_set_keep(catalog, web_third, "last 3", &err));
    job = start("web01", now - 10 * MINUTE, web_third, &plan);
    must(catalog_job_step(catalog, job, "copying", &err));
    progress(job, UINT64_C(50) << 20, UINT64_C(200) << 20);
    point_done(&plan);
}

int main(int argc, char **argv)
{
    int64_t now;

    if (argc != 3)
        return 2;
    now = strtoll(argv[2], NULL, 10);
    must(catalog_open(argv[1], CATALOG_WRITE, &catalog, &err));
    must(catalog_cover(catalog, "lab", "web01", "nightly", now - 10 * DAY, &err));
    must(catalog_cover(catalog, "lab", "db01", "nightly", now - 10 * DAY, &err));
    fill(now);
    must(catalog_seen_put(catalog, "domain", "lab/web01", "running", NULL, NULL, now - HOUR, &err));
    must(catalog_seen_put(catalog, "domain", "lab/db01", "unreachable", "QMP: no answer for 10 s",
                          NULL, now - HOUR, &err));
    must(catalog_seen_put(catalog, "repository", "main", "ok", NULL, NULL, now - HOUR, &err));
    must(catalog_seen_put(catalog, "repository", "far", "problem", "/far: not mounted", NULL,
                          now - HOUR, &err));
    catalog_close(catalog);
    return 0;
}
