/* SPDX-License-Identifier: MIT
 *
 * vmkeep status: are the promises kept?
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/active_jobs.h"
#include "cli/cli.h"
#include "cli/sources.h"
#include "cli/status_watch.h"
#include "report/html.h"
#include "report/json.h"
#include "report/text.h"

struct arguments {
    bool json, html, watch;
    struct strlist domains;
};

static int find_domains(const struct arguments *a, const struct status_sources *s,
                        struct domain_names *ret, struct err *err)
{
    struct domain_name found;

    for (size_t i = 0; i < a->domains.n; i++) {
        if (domain_find(s->config, s->catalog, a->domains.items[i], &found, err) < 0)
            return -1;
        *VEC_ADD(ret) = found;
    }
    return 0;
}

static int gather(const struct arguments *a, struct status_sources *s, struct status *ret,
                  struct err *err)
{
    CLEANUP(domain_names_done) struct domain_names only = {0};

    if (find_domains(a, s, &only, err) < 0)
        return -1;
    return sources_gather(s, a->domains.n > 0 ? &only : NULL, ret, err);
}

/* Jobs of domains that nobody asked for go. */
static void keep_shown(json_t *jobs, const struct status *s)
{
    for (size_t i = json_array_size(jobs); i-- > 0;) {
        const json_t *job = json_array_get(jobs, i);
        bool shown = false;

        for (size_t k = 0; k < s->domains.n && !shown; k++)
            shown =
                str_eq(json_string_value(json_object_get(job, "domain")),
                       s->domains.items[k].domain) &&
                str_eq(json_string_value(json_object_get(job, "host")), s->domains.items[k].host);
        if (!shown)
            json_array_remove(jobs, i);
    }
}

static int print_html(const struct status_sources *s, const struct status *status, bool all,
                      struct err *err)
{
    struct html_front front = {.status = status, .alone = true};
    json_t *jobs = NULL;

    if (active_jobs_get(s->config, s->catalog, &jobs, &front.live, err) < 0)
        return -1;
    if (!all)
        keep_shown(jobs, status);
    front.jobs = jobs;
    report_html_front(&front, stdout);
    json_decref(jobs);
    return 0;
}

static int print(const struct arguments *a, const struct status_sources *s,
                 const struct status *status, struct err *err)
{
    if (a->html)
        return print_html(s, status, a->domains.n == 0, err);
    if (a->json)
        report_json_print(report_status_json(status), stdout);
    else
        report_status_text(status, stdout);
    return 0;
}

static int watch(const struct arguments *a, struct status_sources *s)
{
    CLEANUP(domain_names_done) struct domain_names only = {0};
    struct err err = ERR_INIT;

    if (find_domains(a, s, &only, &err) < 0)
        return cli_fail(NULL, &err);
    return status_watch(s, a->domains.n > 0 ? &only : NULL);
}

static int report(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    struct status_sources sources = {0};
    static const int codes[] = {
        [SEVERITY_NOTE] = EXIT_DONE, [SEVERITY_ACT] = EXIT_TROUBLE, [SEVERITY_RISK] = EXIT_PARTLY};
    struct status status = {0};
    struct err err = ERR_INIT;
    int rc = sources_open(config, catalog, &sources, &err), code;

    if (rc == 0 && a->watch) {
        code = watch(a, &sources);
        sources_done(&sources);
        return code;
    }
    sources.figures = sources.days = a->html;
    rc = rc < 0 ? rc : gather(a, &sources, &status, &err);
    rc = rc < 0 ? rc : print(a, &sources, &status, &err);
    code = rc < 0 ? cli_fail(NULL, &err) : codes[status_severity(&status)];
    status_done(&status);
    sources_done(&sources);
    return code;
}

static int run(void *arguments)
{
    return cli_with_catalog(report, arguments);
}

const struct command cmd_status = {
    .name = "status",
    .summary = "every domain: protected or at risk, last point, next run",
    .about =
        (const char *const[]){
            "Says in one line how it stands, then of every domain, the worst first, and of each "
            "policy that selects it, whether it is protected, how old its last good restore point "
            "is, what is promised, and when the next run is; then of the repositories. Below each "
            "line that somebody must act on stands why, and what to do. Of DOMAINs given, tells "
            "just of these, and of the repositories of their policies. Works while the daemon is "
            "down.",
            "A domain is at risk when it has no good point yet, or when a policy promises "
            "something (rpo) and its last good point is older than that, whatever the last job "
            "said; unprotected when no policy selects it; left out when the configuration's "
            "unprotected names it, which is no finding. A last job that failed is told beside "
            "protected, too; when the promise will break before the next run, that is something "
            "to act on. Promises and next runs are those of the configuration as it is in the "
            "file, and go by the time zone of the daemon; that the daemon has not read it since "
            "it was changed is something to act on.",
            "Disks that are attached and in no backup are told with the reason: read-only ones, "
            "CD-ROMs, and those that a policy's disks leave out; as they were when the domain was "
            "last seen to run. One that an older point has and the newest lacks puts the domain at "
            "risk. One that no policy's disks select, and none leaves out with \"!\", is "
            "something to act on, and so is a glob of disks that matches none.",
            "Repositories are looked at now, for 3 seconds at most: whether it is there, whether "
            "it can be written to, and how much is free; and, for a quarter of a second, "
            "whether the newest points are whole, and, where these are no more than 300, what they "
            "stand on: their files, as long as they were, and the manifest. What the daemon found "
            "wrong at its "
            "last look stays told until it looks again; it looks at all points when it starts, at "
            "a domain's before each of its jobs.",
            "Also told, to be acted on: the daemon is down, does not answer, or cannot write to "
            "its catalog; the configuration is broken; a run is overdue, or comes after the "
            "promise breaks; a domain is shut off whose images are not configured; a policy "
            "without a promise has tried and never made a point; points are damaged or "
            "missing; a repository has less room than the last backup of its level took that comes "
            "next; a prune, a verification or a copy failed, and none has succeeded since; "
            "a repository has points that the catalog does not know, or lacks some that "
            "it knows; a policy matches no domain that is known; the clock was set; a guest whose "
            "file systems were frozen for a backup has not confirmed the thaw.",
            "Notes, which are no finding: the last job failed, a disk is left out on purpose, "
            "points are set aside, domains that have points are in the configuration no more.",
            "Tables are as wide as the terminal, or as COLUMNS in the environment says, or else 80 "
            "columns. In JSON, reasons are arrays of {code, severity, text, advice}, wherever they "
            "stand: severity is note, act (exit status 4) or risk (3); text is for people and may "
            "change, code does not. The array at the top has all that are act or risk, each with "
            "what it is of. The codes are: " REASON_CODES "and no others.",
            NULL},
    .operands =
        (const struct command_operand[]){
            {OPERANDS("DOMAIN", domains), .optional = true, .words = WORD_DOMAIN}, {0}},
    .options =
        (const struct command_option[]){
            {FLAG("json", json,
                  "print {summary, severity, reasons, daemon: {running, starting, reasons, ...}, "
                  "domains: [{domain, host, policies: [{name, repository, status, protected, "
                  "reasons, last_point, rpo_seconds, next_run, job, last_job}], status, "
                  "protected, reason, reasons, last_point, rpo_seconds, next_run, ...}], "
                  "repositories: [{name, path, state, problem, free, total, "
                  "reserve, reasons, ...}], warnings, notes}"),
             .rivals = 1},
            {FLAG("html", html,
                  "print a page for a browser: one file that loads nothing, with what runs and the "
                  "last days of each domain, as vmkeep-web shows it"),
             .rivals = 1},
            {FLAG("watch", watch,
                  "show it on the whole terminal, anew every 2 seconds, until q: the arrows choose "
                  "a domain, Enter or right tells all of it and left goes back, / shows those "
                  "only whose name, policy or status has what is typed"),
             .rivals = 1},
            {0}},
    .exits =
        (const struct command_exit[]){
            {EXIT_DONE, "all is well: an administrator may sleep"},
            {EXIT_PARTLY, "a domain is at risk or unprotected"},
            {EXIT_FAILED, "failed"},
            {EXIT_USAGE, "bad usage or configuration"},
            {EXIT_TROUBLE, "every promise is kept, but somebody must act: the daemon is down, a "
                           "repository cannot be used, a point is damaged, or anything else that "
                           "is said to be acted on; also: no such domain, or no catalog yet"},
            {EXIT_DAMAGED, "the catalog is damaged"},
            {0}},
    .examples = (const char *const[]){"vmkeep status",
                                      ("vmkeep status --json | "
                                       "jq -r '.domains[] | select(.protected | not).domain'"),
                                      "vmkeep status --html > /srv/www/vmkeep.html",
                                      "vmkeep status --watch", NULL},
    ARGUMENTS,
    .run = run,
};
