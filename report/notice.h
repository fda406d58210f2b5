/* SPDX-License-Identifier: MIT
 *
 * notice: a message to a target of notifications, as JSON, with its bodies as text and as HTML.
 *
 *   {version: 1, kind, machine, at, severity, subject, text, html, ...}
 *
 * kind "conditions": also status ("firing", or "resolved" when all of them are), and events, an
 * array of {status, again, since, ended, fingerprint} and what a condition has
 * (report/condition.h). kind "report": also report (report/report.h). kind "test": nothing more.
 * kind "ping", for a check: signal ("", "start" or "fail") and, where it is of a run, rid; no html.
 */
#ifndef VMKEEP_REPORT_NOTICE_H
#define VMKEEP_REPORT_NOTICE_H

#include "report/condition.h"
#include "report/report.h"

struct notice_event {
    enum { NOTICE_FIRING, NOTICE_AGAIN, NOTICE_RESOLVED } what;
    struct condition condition;
    int64_t since, ended; /* ended 0: it is not over */
};

struct notice_event_list {
    struct notice_event *items;
    size_t n, cap;
};

void notice_event_list_done(struct notice_event_list *l);

/* Each gives the caller's. */
json_t *notice_conditions(const struct notice_event_list *events, const char *machine, int64_t now);
json_t *notice_report(const struct report *r);
json_t *notice_test(const char *target, const char *machine, int64_t now);
/* rid: NULL, none. */
json_t *notice_ping(const char *signal, const char *rid, const char *text, const char *machine,
                    int64_t now);

#endif
