/* SPDX-License-Identifier: MIT
 *
 * domain_search: which domain people mean by DOMAIN, or HOST/DOMAIN where several hosts have one of
 * that name.  The one place that knows; who searches offers what there is:
 *
 *     struct domain_search s = {.text = text};
 *     for (...)
 *         domain_search_offer(&s, host, domain);
 *     rc = domain_search_end(&s, err);
 */
#ifndef VMKEEP_BASE_DOMAIN_SEARCH_H
#define VMKEEP_BASE_DOMAIN_SEARCH_H

#include <stdbool.h>

#include "base/err.h"

struct domain_search {
    const char *text;    /* borrowed */
    char *host, *domain; /* the first that fits; NULL: none */
    char *other;         /* another host that has one */
};

/* Can text mean that one? */
bool domain_is_meant(const char *text, const char *host, const char *domain);

/* Does text name that host? */
bool domain_is_on(const char *text, const char *host);

void domain_search_offer(struct domain_search *s, const char *host, const char *domain);

/* ERR_INVALID: several hosts have one of that name.  0 also when none fits: s->host is NULL
 * then. */
int domain_search_end(const struct domain_search *s, struct err *err);

void domain_search_done(struct domain_search *s);

#endif
