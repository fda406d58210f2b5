/* SPDX-License-Identifier: MIT
 *
 * json: the status as JSON, and what all JSON that users read has in common: times are RFC 3339 in
 * UTC, what is not there is null.
 */
#ifndef VMKEEP_REPORT_JSON_H
#define VMKEEP_REPORT_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "report/model.h"

/* null for 0. */
json_t *report_json_time(int64_t t);

/* null for NULL. Bytes that are not UTF-8 become '?'. */
json_t *report_json_text(const char *s);

json_t *report_json_number(int64_t v);

/* Prints it for people and programs to read, and takes it over. */
void report_json_print(json_t *value, FILE *out);

/* An array that is printed as it comes, item by item: of many no more than one is in memory.  The
 * bytes are those of report_json_print; without the end it is no valid JSON, and shall not be. */
struct report_json_array {
    FILE *out;
    bool any;
};
void report_json_add(struct report_json_array *a, json_t *item); /* takes it over */
void report_json_end(struct report_json_array *a);

/* An array of {name, why}. */
json_t *report_left_out_json(const struct left_out_list *l);

/* {code, severity, text, advice, and what it is of: host, domain, policy, repository}. */
json_t *report_about_json(const struct status_about *about, const struct reason *r);

/* An array of {code, severity, text, advice}. */
json_t *report_reasons_json(const struct reason_list *l);

/* Of the domain and of its policies: also with policy, null where it is of no one policy. */
json_t *report_domain_reasons_json(const struct status_domain *d);

/* A policy of a domain, and a repository, as they stand in the status. */
json_t *report_policy_json(const struct status_policy *p);
json_t *report_repository_json(const struct status_repository *r);

/* Caller owns it. */
json_t *report_status_json(const struct status *s);

#endif
