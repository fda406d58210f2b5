/* SPDX-License-Identifier: MIT
 *
 * condition: what targets of notifications are told of, from a status that was gathered and judged.
 *
 * A condition is of one kind (base/condition.h) and of one thing: a domain, a repository, the
 * daemon. While a reason of its kind stands in the status it is firing, else it is not; all such
 * reasons of one thing are one condition, so a domain with three broken promises is told of once.
 * What is of kind other is a condition for each code: a guest that is frozen is news, although the
 * same domain has had a disk without backups for weeks.  Its key stays the same however its text
 * changes.
 */
#ifndef VMKEEP_REPORT_CONDITION_H
#define VMKEEP_REPORT_CONDITION_H

#include <jansson.h>

#include "base/condition.h"
#include "report/model.h"

struct condition {
    enum condition_kind kind;
    char *what;  /* the kind's word; of kind other: the reason's code */
    char *key;   /* "at-risk lab/web01", "frozen lab/web01" */
    char *about; /* "lab/web01", "repository main"; of neither: the reason's code */
    char *host, *domain, *repository; /* NULL: it is of none */
    enum severity severity;
    char *text, *advice; /* advice NULL: none */
};

struct condition_list {
    struct condition *items;
    size_t n, cap;
};

void condition_list_done(struct condition_list *l);

/* What is firing, by key. */
void conditions_of(const struct status *s, struct condition_list *ret);

/* {key, kind, what, about, host, domain, repository, severity, text, advice}; the caller's. */
json_t *condition_json(const struct condition *c);
/* The reverse. ERR_INVALID. */
int condition_read(const json_t *json, struct condition *ret, struct err *err);
struct condition condition_copy(const struct condition *c);
void condition_done(struct condition *c);

/* Sixteen hexadecimal digits that are the same for the same key. */
#define FINGERPRINT_MAX 17
const char *condition_fingerprint(const char *key, char buf[FINGERPRINT_MAX]);

#endif
