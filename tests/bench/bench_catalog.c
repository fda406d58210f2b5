/* SPDX-License-Identifier: MIT
 *
 * What the daemon asks of a big catalog, and writes to it, in one turn of its loop.  Usage:
 *     bench_catalog DIRECTORY      as tests/bench/big_catalog makes it; it is changed
 * Prints of each: what, median and longest, in milliseconds, of domains all over the catalog.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "storage/catalog/catalog.h"

#define ROUNDS 200
#define DOMAINS 10000
#define HOSTS 20

struct turn {
    struct catalog *catalog;
    char host[8], domain[16];
    struct err err;
};

typedef int work(struct turn *t);

static int read_points(struct turn *t)
{
    struct point_list l = {0};
    int rc = catalog_points(
        t->catalog, &(struct point_filter){.host = t->host, .domain = t->domain}, &l, &t->err);

    if (rc == 0 && l.n == 0)
        rc = err_set(&t->err, ERR_NOTFOUND, "%s/%s has no points", t->host, t->domain);
    point_list_done(&l);
    return rc;
}

static int read_history(struct turn *t)
{
    struct catalog_history h = {0};
    int64_t before;
    int rc = catalog_history(t->catalog, t->host, t->domain, "nightly", &h, &t->err);

    return rc < 0 ? rc
                  : catalog_due_before(t->catalog, t->host, t->domain, "nightly", time(NULL),
                                       &before, &t->err);
}

static int run_job(struct turn *t)
{
    static char policy[] = "nightly", repository[] = "main", why[] = "scheduled: incremental";
    struct job j = {.kind = "backup",
                    .guest = true,
                    .host = t->host,
                    .domain = t->domain,
                    .policy = policy,
                    .repository = repository,
                    .why = why,
                    .due = time(NULL),
                    .created = time(NULL)};

    if (catalog_job_add(t->catalog, &j, &t->err) < 0)
        return -1;
    return catalog_job_end(t->catalog, j.id, time(NULL), OUTCOME_FAILED, ERR_IO, "", &t->err);
}

/* What a loop does that has nothing to do: how late it wakes is what others keep it from. */
static int wait_1ms(struct turn *t)
{
    (void)t;
    return clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = 1000000}, NULL);
}

static int expire(struct turn *t)
{
    static struct job_expiry from;

    return catalog_job_expire(t->catalog, time(NULL) - INT64_C(190) * 86400, &from, &t->err);
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int measure(struct catalog *c, const char *what, work *f)
{
    double took[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        struct turn t = {.catalog = c, .err = ERR_INIT};
        int d = i * (DOMAINS / ROUNDS);
        double start;

        snprintf(t.host, sizeof(t.host), "h%02d", d % HOSTS);
        snprintf(t.domain, sizeof(t.domain), "vm%05d", d);
        start = now_ms();
        if (f(&t) < 0) {
            fprintf(stderr, "%s: %s\n", what, t.err.msg);
            return -1;
        }
        took[i] = now_ms() - start;
    }
    qsort(took, ROUNDS, sizeof(took[0]), by_size);
    printf("%-40s %8.2f %8.2f ms\n", what, took[ROUNDS / 2], took[ROUNDS - 1]);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *what;
        work *f;
    } works[] = {
        {"points of a domain, cold", read_points},
        {"points of a domain", read_points},
        {"what was due, of a domain", read_history},
        {"a job is added and ended", run_job},
        {"some old jobs go", expire},
        {"a timer of 1 ms", wait_1ms},
    };
    CLEANUP_FREE char *path = argc == 2 ? xasprintf("%s/catalog.db", argv[1]) : NULL;
    struct catalog *c;
    struct err err = ERR_INIT;
    int rc = 0;

    if (!path) {
        fputs("usage: bench_catalog DIRECTORY\n", stderr);
        return 2;
    }
    if (catalog_open(path, CATALOG_WRITE, &c, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(works) && rc == 0; i++)
        rc = measure(c, works[i].what, works[i].f);
    catalog_close(c);
    return rc < 0;
}
