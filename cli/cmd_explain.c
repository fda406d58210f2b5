/* SPDX-License-Identifier: MIT
 *
 * vmkeep explain: the sentences that were stored when something was decided, about a domain, a
 * point or a job.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/advice.h"
#include "base/cleanup.h"
#include "base/pin.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/explain.h"
#include "cli/point_choice.h"
#include "cli/sources.h"
#include "policies/dates.h"
#include "report/gather/points.h"
#include "report/json.h"
#include "report/points.h"
#include "report/table.h"
#include "report/wrap.h"

#define LABEL_MAX 20 /* a longer one has a line of its own */

struct arguments {
    bool json;
    const char *what;
};

static void explanation_done(struct explanation *e)
{
    for (size_t i = 0; i < e->sentences.n; i++) {
        free(e->sentences.items[i].about);
        free(e->sentences.items[i].text);
    }
    free(e->sentences.items);
    json_decref(e->reasons);
    free(e->name);
}

void explain_say(struct explanation *e, const char *about, const char *fmt, ...)
{
    struct sentence *s = VEC_ADD(&e->sentences);
    va_list ap;

    s->about = xstrdup(about);
    va_start(ap, fmt);
    s->text = xvasprintf(fmt, ap);
    va_end(ap);
}

/* By no rule, when its policy does not cover it any more. */
static int explain_keep(const struct status_sources *s, const struct point *p,
                        struct explanation *e, struct err *err)
{
    CLEANUP(domain_names_done) struct domain_names known = {0};

    if (domains_known(s->config, s->catalog, &known, err) < 0)
        return -1;
    if (!point_is_covered(s->config, &known, p))
        explain_say(e, "kept", "its policy does not cover it any more: it stays%s%s%s",
                    p->keep ? " (when it did: " : "", p->keep ? p->keep : "", p->keep ? ")" : "");
    else
        explain_say(e, "kept", "%s",
                    p->keep ? p->keep : "not judged yet: no prune has looked at it");
    return 0;
}

static void explain_reads(const struct point *p, struct explanation *e)
{
    const struct point_read *r = &p->read;
    char at[TIMEFMT_MAX];

    if (r->proven)
        explain_say(e, "proven", "all of it was read at %s, and found whole",
                    time_local(r->proven, at));
    if (r->at && r->at != r->proven && r->slices > 1)
        explain_say(e, "read", "%u %% of it at %s, slice %u of %u: %s", 100 / r->slices,
                    time_local(r->at, at), r->slice + 1, r->slices, r->result ? r->result : "");
    else if (r->at && r->at != r->proven)
        explain_say(e, "read", "at %s: %s", time_local(r->at, at), r->result ? r->result : "");
    else if (!r->at)
        explain_say(e, "read", "not again since it was made");
}

/* Where it lies, and in how many places that is: repositories that have it in a good state. */
static void explain_places(const struct point_list *all, const struct point *p,
                           struct explanation *e)
{
    CLEANUP(strlist_done) struct strlist places = {0};
    bool copied = p->copy_of;

    if (p->state == POINT_GOOD)
        strlist_add(&places, p->repository);
    if (p->copy_of)
        explain_say(e, "copy of", "%s", p->copy_of);
    explain_say(e, "lies in", "repository %s", p->repository);
    for (size_t i = 0; i < all->n; i++) {
        const struct point *c = &all->items[i];

        if (c == p ||
            !(str_eq(c->copy_of, p->copy_of ? p->copy_of : p->id) || str_eq(c->id, p->copy_of)))
            continue;
        explain_say(e, "lies in", "repository %s, too: %s, %s", c->repository, c->id,
                    point_state_text(c, true));
        copied = true;
        if (c->state == POINT_GOOD && !strlist_has(&places, c->repository))
            strlist_add(&places, c->repository);
    }
    if (copied)
        explain_say(e, "places", "%zu", places.n);
}

static void explain_pin(const struct point *p, int64_t now, struct explanation *e)
{
    CLEANUP_FREE char *text = p->pin.since ? pin_text_local(&p->pin) : NULL;

    if (text)
        explain_say(e, "pin", "%s%s", text,
                    pin_holds(&p->pin, now) ? ": 'vmkeep unpin' leaves it to the rules"
                                            : ": that is over, and it counts no more");
}

static int explain_point(const struct status_sources *s, const struct point_list *all,
                         const struct point *p, struct explanation *e, struct err *err)
{
    size_t above = 0;

    for (size_t i = 0; i < all->n; i++)
        above += str_eq(all->items[i].parent, p->id);
    e->kind = "point";
    e->name = xstrdup(p->id);
    explain_say(e, level_name(p->level), "%s", p->why ? p->why : "not recorded why");
    if (explain_keep(s, p, e, err) < 0)
        return -1;
    explain_reads(p, e);
    explain_pin(p, s->now, e);
    if (p->parent)
        explain_say(e, "stands on", "%s", p->parent);
    explain_places(all, p, e);
    for (size_t i = 0; i < p->missing.n; i++)
        explain_say(e, "lacks",
                    "disk %s, which an older point has, or which was attached when the domain "
                    "ran last",
                    p->missing.items[i]);
    for (size_t i = 0; i < p->left_out.n; i++)
        explain_say(e, "not in it", "%s: %s", p->left_out.items[i].name, p->left_out.items[i].why);
    if (above > 0)
        explain_say(e, "below it", "%zu point%s stand%s on it", above, above == 1 ? "" : "s",
                    above == 1 ? "s" : "");
    if (p->state != POINT_GOOD || p->set_aside)
        explain_say(e, "state", "%s%s%s", point_state_text(p, true), p->problem ? ": " : "",
                    p->problem               ? p->problem
                    : p->state == POINT_GOOD ? ": its date cannot be right"
                                             : "");
    if (p->state != POINT_GOOD)
        explain_say(e, "do", "%s", STATUS_POINTS_ADVICE);
    return 0;
}

/* "do", each once in all. */
static void say_advice(struct explanation *e, const struct reason_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const char *advice = l->items[i].advice;
        bool said = !advice;

        for (size_t k = 0; k < e->sentences.n && !said; k++)
            said = strcmp(e->sentences.items[k].text, advice) == 0;
        if (!said)
            explain_say(e, "do", "%s", advice);
    }
}

static void explain_policy(const struct status_policy *p, int64_t now, struct explanation *e)
{
    CLEANUP_FREE char *policy = xasprintf("policy %s", p->name);
    CLEANUP_FREE char *reason = reasons_text(&p->reasons);
    const struct status_job *j = &p->last_job;
    char time[TIMEFMT_MAX], in[TIMEFMT_MAX];

    explain_say(e, policy, "%s", reason);
    if (j->id)
        explain_say(e, "last job", "%lld, ended %s, %s: %s", (long long)j->id,
                    time_local(j->ended, time), job_outcome_name(j->outcome),
                    j->reason ? j->reason : "no reason recorded");
    else
        explain_say(e, "last job", "none has ended yet");
    if (p->active)
        explain_say(e, "job", "%lld %s now", (long long)p->active,
                    p->is_running ? "runs" : "waits, or begins,");
    if (p->next_run)
        explain_say(e, "next run", "%s (%s%s), %s", time_local(p->next_run, time),
                    p->next_run < now ? "overdue by " : "in ",
                    duration_text(p->next_run < now ? now - p->next_run : p->next_run - now, in),
                    p->next_why);
    else
        explain_say(e, "next run", "none is scheduled");
    say_advice(e, &p->reasons);
}

static int explain_last_point(const struct status_sources *s, const struct domain_name *name,
                              struct explanation *e, struct err *err)
{
    const struct point_filter filter = {.host = name->host, .domain = name->domain};
    struct point_list points = {0};
    const struct point *p;

    if (points_gather(s->catalog, &filter, s->now, &points, err) < 0)
        return -1;
    p = points_last_made(&points, NULL, catalog_id(s->catalog));
    if (p)
        explain_say(e, "last point", "%s, %s: %s", p->id, level_name(p->level),
                    p->why ? p->why : "not recorded why");
    point_list_done(&points);
    return 0;
}

/* Those in which the domain's points lie, where there is something to see to. */
static void explain_repositories(const struct status *s, struct explanation *e)
{
    for (size_t i = 0; i < s->repositories.n; i++) {
        const struct status_repository *r = &s->repositories.items[i];
        CLEANUP_FREE char *about = xasprintf("repository %s", r->name);

        for (size_t k = 0; k < r->reasons.n; k++)
            explain_say(e, about, "%s", r->reasons.items[k].text);
        say_advice(e, &r->reasons);
    }
}

static int explain_domain(struct status_sources *s, const struct domain_name *name,
                          struct explanation *e, struct err *err)
{
    struct domain_name copy = *name;
    const struct domain_names only = {.items = &copy, .n = 1};
    struct status status = {0};
    char since[TIMEFMT_MAX];
    int rc;

    rc = sources_gather(s, &only, &status, err);
    if (rc == 0) {
        const struct status_domain *d = &status.domains.items[0];

        e->kind = "domain";
        e->reasons = report_domain_reasons_json(d);
        e->name = xasprintf("%s/%s", d->host, d->domain);
        explain_say(e, protection_name(d->protection), "%s", d->reason);
        if (d->problem)
            explain_say(e, "problem", "%s", d->problem);
        if (d->frozen_since)
            explain_say(e, "frozen", "perhaps, since %s: %s", time_local(d->frozen_since, since),
                        ADVICE_THAW);
        if (d->bad_points)
            explain_say(e, "points", "%s", d->bad_points);
        for (size_t i = 0; i < d->left_out.n; i++)
            explain_say(e, "not backed up", "%s: %s", d->left_out.items[i].name,
                        d->left_out.items[i].why);
        if (d->aside)
            explain_say(e, "set aside", "%s", d->aside);
        for (size_t i = 0; i < d->reasons.n; i++)
            if (d->reasons.items[i].code == REASON_UNCOVERED)
                explain_say(e, "not covered", "%s", d->reasons.items[i].text);
        for (size_t i = 0; i < status.daemon.reasons.n; i++)
            explain_say(e, "vmkeepd", "%s", status.daemon.reasons.items[i].text);
        say_advice(e, &status.daemon.reasons);
        explain_repositories(&status, e);
        say_advice(e, &d->reasons);
        for (size_t i = 0; i < d->policies.n; i++)
            explain_policy(&d->policies.items[i], s->now, e);
        rc = explain_last_point(s, name, e, err);
    }
    status_done(&status);
    return rc;
}

/* Each of the next two, and explain_job: *ret_found false when what is no such thing. */
static int try_domain(struct status_sources *s, const char *what, struct explanation *e,
                      bool *ret_found, struct err *err)
{
    struct domain_name name = {0};
    int rc = domain_find(s->config, s->catalog, what, &name, err);

    if (rc < 0 && err->code == ERR_NOTFOUND)
        return 0;
    if (rc == 0)
        rc = explain_domain(s, &name, e, err);
    *ret_found = rc == 0;
    domain_name_done(&name);
    return rc;
}

static int try_point(const struct status_sources *s, const char *what, struct explanation *e,
                     bool *ret_found, struct err *err)
{
    struct point_choice choice = {0};
    struct point_list points = {0};
    int rc = points_meant(s->catalog, what, s->now, &points, err);

    if (rc == 0 && point_choose(&points, what, NULL, &choice, err) < 0)
        rc = err->code == ERR_NOTFOUND ? 0 : -1;
    if (rc == 0 && choice.point) {
        rc = explain_point(s, &points, choice.point, e, err);
        *ret_found = rc == 0;
    }
    point_list_done(&points);
    return rc;
}

static void print_text(const struct explanation *e)
{
    CLEANUP_FREE char *title = xasprintf("%s ", e->kind);
    size_t width = 0;

    print_paragraph(stdout, 2, title, e->name);
    for (size_t i = 0; i < e->sentences.n; i++)
        if (text_width(e->sentences.items[i].about) > width)
            width = text_width(e->sentences.items[i].about);
    width = width > LABEL_MAX ? LABEL_MAX : width;
    for (size_t i = 0; i < e->sentences.n; i++) {
        const struct sentence *s = &e->sentences.items[i];
        CLEANUP_FREE char *about = plain_text(s->about);
        CLEANUP_FREE char *label = xasprintf("  %s: ", about);

        print_paragraph(stdout, width + 4, label, s->text);
    }
}

static void print_json(const struct explanation *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->sentences.n; i++)
        json_array_append_new(list, json_pack("{s:o, s:o}", "about",
                                              report_json_text(e->sentences.items[i].about), "text",
                                              report_json_text(e->sentences.items[i].text)));
    report_json_print(json_pack("{s:s, s:o, s:o, s:o}", "kind", e->kind, "name",
                                report_json_text(e->name), "sentences", list, "reasons",
                                e->reasons ? json_incref(e->reasons) : json_array()),
                      stdout);
}

static int explain(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    struct status_sources s = {0};
    struct explanation e = {0};
    struct err err = ERR_INIT;
    bool found = false;
    int code = EXIT_DONE;
    int rc = sources_open(config, catalog, &s, &err);

    if (rc == 0)
        rc = explain_job(&s, a->what, &e, &found, &err);
    /* Before all domains are asked whether they are called so. */
    if (rc == 0 && !found && point_is_whole_id(a->what))
        rc = try_point(&s, a->what, &e, &found, &err);
    if (rc == 0 && !found)
        rc = try_domain(&s, a->what, &e, &found, &err);
    if (rc == 0 && !found)
        rc = try_point(&s, a->what, &e, &found, &err);
    sources_done(&s);
    if (rc == 0 && !found) {
        err_set(&err, ERR_NOTFOUND, "%s: no such domain, point or job", a->what);
        rc = domain_ask_near(config, catalog, a->what, &err);
    }
    if (rc < 0)
        code = cli_fail(NULL, &err);
    else if (a->json)
        print_json(&e);
    else
        print_text(&e);
    explanation_done(&e);
    return code;
}

static int run(void *arguments)
{
    return cli_with_catalog(explain, arguments);
}

const struct command cmd_explain = {
    .name = "explain",
    .summary = "why a point, a job or a domain is as it is",
    .about =
        (const char *const[]){
            "Why a domain is protected or at risk, and what is due next; why a restore point is a "
            "full or an incremental, and why it is kept; why a job ran, and why it ended as it "
            "did: the sentences that were stored when it was decided. What to do about what is not "
            "as it should be stands behind \"do\". POINT is a point's id, or an "
            "end of it that only one has; JOB is a number. Works while the daemon is down.",
            NULL},
    .operands =
        (const struct command_operand[]){
            {OPERAND("DOMAIN|POINT|JOB", what), .words = WORD_DOMAIN | WORD_POINT}, {0}},
    .options =
        (const struct command_option[]){
            {FLAG("json", json,
                  "print {kind: \"domain\"|\"point\"|\"job\", name, sentences: [{about, text}], "
                  "reasons}; reasons, of a domain, are those of 'vmkeep status'")},
            {0}},
    .wants = "name one domain, point or job",
    .exits =
        (const struct command_exit[]){{EXIT_DONE, "done"},
                                      {EXIT_FAILED, "failed"},
                                      {EXIT_USAGE, "bad usage or configuration"},
                                      {EXIT_NOT_FOUND, "there is no such thing, or no catalog yet"},
                                      {EXIT_DAMAGED, "the catalog is damaged"},
                                      {0}},
    .examples =
        (const char *const[]){"vmkeep explain web01", "vmkeep explain 2026-11-23T02-30-00Z.nightly",
                              "vmkeep explain 812", NULL},
    ARGUMENTS,
    .run = run,
};
