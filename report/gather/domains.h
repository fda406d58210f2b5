/* SPDX-License-Identifier: MIT
 *
 * domains: which there are, and which of them people mean by DOMAIN, or HOST/DOMAIN.
 */
#ifndef VMKEEP_REPORT_GATHER_DOMAINS_H
#define VMKEEP_REPORT_GATHER_DOMAINS_H

#include "policies/config.h"
#include "storage/catalog/catalog.h"

struct domain_name {
    char *host, *domain;
};

struct domain_names {
    struct domain_name *items;
    size_t n, cap;
};

void domain_names_done(struct domain_names *l);
void domain_names_add(struct domain_names *l, const char *host, const char *domain);
/* By host, then domain; each once. */
void domain_names_sort(struct domain_names *l);
/* Of a sorted one. */
bool domain_names_have(const struct domain_names *l, const char *host, const char *domain);
/* Is one of that host's among them? */
bool domain_names_have_host(const struct domain_names *l, const char *host);

/* The domains that the hosts have: those in the configuration, and what the daemon last saw on
 * hosts that are configured.  By host, then domain.  catalog: NULL: the former alone. */
int domains_known(const struct config *config, struct catalog *catalog, struct domain_names *ret,
                  struct err *err);

/* The domain that is meant by text, out of the known ones and those that have points or jobs.
 * ERR_NOTFOUND names the nearest; ERR_INVALID when several hosts have one of that name. */
int domain_find(const struct config *config, struct catalog *catalog, const char *text,
                struct domain_name *ret, struct err *err);

/* Adds to the error, which says that there is no such thing, which domain may be meant by text.
 * Returns -1. */
int domain_ask_near(const struct config *config, struct catalog *catalog, const char *text,
                    struct err *err);

void domain_name_done(struct domain_name *d);

#endif
