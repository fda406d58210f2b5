/* SPDX-License-Identifier: MIT */
#include "web/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fnv.h"
#include "base/uptime.h"
#include "cli/active_jobs.h"
#include "cli/sources.h"
#include "report/gather/metrics.h"
#include "report/html.h"
#include "report/json.h"

void snapshot_hold(struct snapshot *s)
{
    atomic_fetch_add(&s->holders, 1);
}

void snapshot_drop(struct snapshot *s)
{
    if (!s || atomic_fetch_sub(&s->holders, 1) > 1)
        return;
    status_done(&s->status);
    json_decref(s->jobs);
    free(s->front.text);
    free(s->metrics.text);
    free(s->json.text);
    free(s->jobs_json.text);
    free(s);
}

void text_mark(struct text *t)
{
    snprintf(t->etag, sizeof(t->etag), "\"%016" PRIx64 "\"", fnv_add(FNV_BEGIN, t->text, t->n));
}

static FILE *begin(struct text *t)
{
    FILE *ret = open_memstream(&t->text, &t->n);

    if (!ret)
        abort(); /* there is no memory */
    return ret;
}

static void render(struct snapshot *s, const struct metrics *metrics)
{
    const struct html_front front = {&s->status, s->jobs, s->live, false};
    FILE *out = begin(&s->front);

    report_html_front(&front, out);
    fclose(out);
    out = begin(&s->metrics);
    report_metrics(metrics, out);
    fclose(out);
    out = begin(&s->json);
    report_json_print(report_status_json(&s->status), out);
    fclose(out);
    out = begin(&s->jobs_json);
    report_json_print(json_incref(s->jobs), out);
    fclose(out);
    /* Once, for as many as ask: it takes longer than to send it. */
    text_mark(&s->front);
    text_mark(&s->metrics);
    text_mark(&s->json);
    text_mark(&s->jobs_json);
}

static int gather(struct status_sources *sources, struct snapshot *s, struct err *err)
{
    CLEANUP(job_totals_done) struct job_totals totals = {0};
    int64_t began = uptime_ms();
    CLEANUP(metrics_done) struct metrics metrics = {0};

    sources->figures = sources->days = true;
    if (sources_gather(sources, NULL, &s->status, err) < 0 ||
        metrics_gather(sources, &s->status, &totals, &metrics, err) < 0 ||
        active_jobs_get(sources->config, sources->catalog, &s->jobs, &s->live, err) < 0)
        return -1;
    metrics.version = VMKEEP_VERSION;
    metrics.gather_ms = uptime_ms() - began;
    render(s, &metrics);
    s->at_ms = uptime_ms();
    s->cost_ms = s->at_ms - began;
    return 0;
}

int snapshot_make(const struct status_sources *sources, struct snapshot **ret, struct err *err)
{
    struct snapshot *s = xcalloc(1, sizeof(*s));
    struct status_sources now = *sources;

    s->holders = 1;
    sources_now(&now);
    if (gather(&now, s, err) < 0) {
        snapshot_drop(s);
        return -1;
    }
    *ret = s;
    return 0;
}
