/* SPDX-License-Identifier: MIT
 *
 * Private to report/: what the pages are made of.
 */
#ifndef VMKEEP_REPORT_HTML_PRIV_H
#define VMKEEP_REPORT_HTML_PRIV_H

#include "report/html.h"

/* Escaped; what is not UTF-8, and control characters, become '?'. NULL: nothing. */
void html_text(FILE *out, const char *s);
/* The same; `what stands so` becomes code. */
void html_prose(FILE *out, const char *text);
/* HOST/DOMAIN as a link to its page; alone: to its row in the same one (see html_row_id). */
void html_domain(FILE *out, const char *host, const char *domain, bool alone);
void html_policy_link(FILE *out, const char *policy);
void html_repository_link(FILE *out, const char *repository);
/* A row's id attribute, for that. */
void html_row_id(FILE *out, const char *host, const char *domain);

/* Up to where the page's own content begins, and from where it ends.  refresh: seconds.  alone: a
 * file that needs nothing beside it, and leads nowhere else. */
void html_begin(FILE *out, const char *title, int refresh);
void html_begin_alone(FILE *out, const char *title);
void html_end(FILE *out, int64_t now);

/* A time that machines can read, shown as words: "5h 20m ago", "in 3h", "never". */
void html_ago(FILE *out, int64_t t, int64_t now);
void html_until(FILE *out, int64_t t, int64_t now);

/* A word with a shape and a colour: good, bad, warn, or plain. */
void html_mark(FILE *out, const char *kind, const char *word);

/* Those of at least that severity, each with what to do, as a list. */
void html_reasons(FILE *out, const struct reason_list *l, enum severity least);

/* The last days of the domain as a picture with a text for who does not see it. */
void html_days(FILE *out, const struct status_domain *d);
void html_days_legend(FILE *out);

/* Points and what they stand on. */
void html_chain(FILE *out, const struct point_list *points, int64_t now);

/* What the policy will have kept; there is some. */
void html_preview(const struct html_policy *page, FILE *out);

/* How it stands, as a mark. */
void html_protection(FILE *out, const struct status_domain *d);

/* Of a repository. */
void html_repository_state(FILE *out, const struct status_repository *r);
void html_space(FILE *out, const struct status_repository *r, int64_t now);

/* One reason as an item of a list. */
void html_finding(FILE *out, const struct status_about *about, const struct reason *r, bool alone);
/* All that somebody must act on, as a section. */
void html_findings(FILE *out, const struct status *s, bool alone);

/* A table of jobs that run or wait; of jobs that ended. */
void html_active(FILE *out, const json_t *jobs, int64_t now, bool alone);
void html_past(FILE *out, const json_t *jobs, int64_t now);

#endif
