/* SPDX-License-Identifier: MIT
 *
 * vmkeep metrics: the status for Prometheus, or the file that node_exporter collects.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/uptime.h"
#include "cli/cli.h"
#include "cli/sources.h"
#include "report/gather/metrics.h"

#define MODE 0644 /* node_exporter is somebody else */

struct arguments {
    const char *output;
};

static int gather(struct status_sources *s, struct status *status, char **ret, size_t *ret_n,
                  struct err *err)
{
    CLEANUP(job_totals_done) struct job_totals totals = {0};
    int64_t began = uptime_ms();
    CLEANUP(metrics_done) struct metrics metrics = {0};
    FILE *out;

    s->figures = true;
    if (sources_gather(s, NULL, status, err) < 0 ||
        metrics_gather(s, status, &totals, &metrics, err) < 0)
        return -1;
    metrics.version = VMKEEP_VERSION;
    metrics.gather_ms = uptime_ms() - began;
    out = open_memstream(ret, ret_n);
    if (!out)
        return err_errno(err, errno, "open a stream in memory");
    report_metrics(&metrics, out);
    fclose(out);
    return 0;
}

static int put(const struct arguments *a, const char *text, size_t n)
{
    struct err err = ERR_INIT;

    if (!a->output) {
        fwrite(text, 1, n, stdout);
        return EXIT_DONE;
    }
    return write_file_durably(a->output, text, n, MODE, &err) < 0 ? cli_fail(NULL, &err)
                                                                  : EXIT_DONE;
}

static int print(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    struct status_sources sources = {0};
    struct status status = {0};
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;
    size_t n = 0;
    int rc = sources_open(config, catalog, &sources, &err), code;

    rc = rc < 0 ? rc : gather(&sources, &status, &text, &n, &err);
    code = rc < 0 ? cli_fail(NULL, &err) : put(a, text, n);
    status_done(&status);
    sources_done(&sources);
    return code;
}

static int run(void *arguments)
{
    return cli_with_catalog(print, arguments);
}

const struct command cmd_metrics = {
    .name = "metrics",
    .summary = "how it stands, for Prometheus",
    .about =
        (const char *const[]){
            "Prints what status tells in the text format of Prometheus: promises, points, runs and "
            "jobs of each domain and policy, room in the repositories, and how many findings there "
            "are of each code. All of it is from the catalog, so it is true after a restart, and "
            "while the daemon is down: vmkeep_up is 0 then. Totals count on when the jobs' own "
            "rows have gone.",
            "With --output the file is replaced as a whole, for the textfile collector of "
            "node_exporter: run it from a timer. metrics.md has names and labels, alerts and a "
            "dashboard.",
            NULL},
    .options =
        (const struct command_option[]){
            {TEXT("output", "FILE", output,
                  "into this file, which whoever collects it never sees half written"),
             .words = WORD_FILE},
            {0}},
    .exits = (const struct command_exit[]){{EXIT_DONE, "printed, however it stands"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND, "no catalog yet"},
                                           {EXIT_DAMAGED, "the catalog is damaged"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep metrics",
                                      "vmkeep metrics --output "
                                      "/var/lib/prometheus/node-exporter/vmkeep.prom",
                                      NULL},
    ARGUMENTS,
    .run = run,
};
