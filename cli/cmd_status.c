/* SPDX-License-Identifier: MIT
 *
 * vmkeep status: are the promises kept?
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "base/timefmt.h"
#include "cli/client.h"
#include "cli/repository_look.h"
#include "cli/sources.h"
#include "report/json.h"
#include "report/text.h"

#define DAEMON_TIMEOUT_S 3

static void read_answer(const json_t *answer, struct status_daemon *d)
{
    struct err err = ERR_INIT;
    const char *version = NULL, *started = NULL;
    json_int_t pid = 0, running = 0, queued = 0;

    json_unpack((json_t *)answer, "{s?I, s?s, s?s, s?I, s?I}", "pid", &pid, "version", &version,
                "started", &started, "running", &running, "queued", &queued);
    d->running = true;
    d->pid = pid;
    d->version = xstrdup(version);
    d->jobs_running = running;
    d->jobs_queued = queued;
    if (started && time_parse(started, &d->started, &err) < 0)
        d->started = 0;
}

static void ask_daemon(const struct config *config, struct status_daemon *d)
{
    const struct client_request request = {.cmd = "status"};
    struct err err = ERR_INIT;
    json_t *answer = NULL;
    bool reached;

    if (client_ask(config, &request, DAEMON_TIMEOUT_S, &answer, &reached, &err) == 0)
        read_answer(answer, d);
    else
        d->problem = xstrdup(err.msg);
    json_decref(answer);
}

struct arguments {
    bool json;
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
    CLEANUP(status_looks_done) struct status_looks looks = {0};

    if (find_domains(a, s, &only, err) < 0)
        return -1;
    ask_daemon(s->config, &ret->daemon);
    if (a->domains.n > 0)
        return status_gather(s, &only, ret, err);
    if (repository_look(s->config, s->catalog, &looks, err) < 0)
        return -1;
    s->looks = &looks;
    return status_gather(s, NULL, ret, err);
}

static int report(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    struct status_sources sources = {0};
    struct status status = {0};
    struct err err = ERR_INIT;
    int rc = sources_open(config, catalog, &sources, &err), code;

    rc = rc < 0 ? rc : gather(a, &sources, &status, &err);
    if (rc < 0)
        code = cli_fail(NULL, &err);
    else
        code = !status_is_good(&status)      ? EXIT_PARTLY
               : status_has_trouble(&status) ? EXIT_TROUBLE
                                             : EXIT_DONE;
    if (rc == 0 && a->json)
        report_json_print(report_status_json(&status), stdout);
    else if (rc == 0)
        report_status_text(&status, stdout);
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
            "Tells for every domain whether it is protected, at risk or unprotected, and why; its "
            "last good restore point and its next run; then the repositories, and policies that "
            "match no domain. Of DOMAINs given, tells just of these. Works while the daemon is "
            "down.",
            "A domain is at risk when it has no good point yet, or when a policy promises "
            "something (rpo) and its last good point is older than that, whatever the last job "
            "said; unprotected when no policy selects it. Promises and next runs are those of the "
            "configuration as it is in the file, reloaded or not.",
            "Disks that are attached and in no backup are told with the reason: read-only ones, "
            "CD-ROMs, and those that a policy's disks leave out; as they were when the domain was "
            "last seen to run. One that an older point has and the newest lacks puts the domain at "
            "risk. One that no policy's disks select, and none leaves out with \"!\", is a "
            "warning, and so is a glob of disks that matches none. Points that are damaged or "
            "missing are told of each domain.",
            "Repositories are looked at now, for 3 seconds at most: which one is there, and how "
            "much is free. What the daemon found wrong at its last look stays told until it looks "
            "again.",
            "A warning says when a repository has points that the catalog does not know, or lacks "
            "some that it knows, when a policy matches no domain, or when the clock was set. A "
            "guest whose file systems were frozen for a backup, and whose agent has not confirmed "
            "the thaw, is told as perhaps frozen, with the time and with what to do.",
            NULL},
    .operands =
        (const struct command_operand[]){
            {OPERANDS("DOMAIN", domains), .optional = true, .words = WORD_DOMAIN}, {0}},
    .options =
        (const struct command_option[]){
            {FLAG("json", json, "print {daemon, domains, repositories, warnings}")}, {0}},
    .exits =
        (const struct command_exit[]){
            {EXIT_DONE, "all is well"},
            {EXIT_PARTLY, "a domain is at risk or unprotected, a guest is "
                          "perhaps frozen, or there is a warning"},
            {EXIT_FAILED, "failed"},
            {EXIT_USAGE, "bad usage or configuration"},
            {EXIT_TROUBLE, "every promise is kept, but a point is damaged or "
                           "missing, or a repository cannot be used; also: no "
                           "such domain, or no catalog yet"},
            {EXIT_DAMAGED, "the catalog is damaged"},
            {0}},
    .examples = (const char *const[]){"vmkeep status",
                                      "vmkeep status --json | "
                                      "jq -r '.domains[] | select(.protected | not).domain'",
                                      NULL},
    ARGUMENTS,
    .run = run,
};
