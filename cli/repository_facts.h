/* SPDX-License-Identifier: MIT
 *
 * repository_facts: one repository of the configuration, as it is and as it should be.
 */
#ifndef VMKEEP_CLI_REPOSITORY_FACTS_H
#define VMKEEP_CLI_REPOSITORY_FACTS_H

#include <jansson.h>

#include "cli/cli.h"
#include "report/gather/domains.h"
#include "storage/repository/adopt.h"

struct repository_facts {
    const struct config_repository *config;
    struct catalog_repository known;
    bool is_known;
    struct repository_view view;
    struct err problem; /* nothing is there, or something else */
};

/* NULL: said that the configuration has none of that name. */
const struct config_repository *repository_configured(const struct config *config,
                                                      const char *name);

/* ERR_NOTFOUND: the configuration has none that is called so; names the nearest, or all. */
int repository_unknown(const struct config *config, const char *given, struct err *err);

/* Where --repository NAME|PATH is: what has a slash is a path; else it is a name of the
 * configuration, or, where there is none, a directory here.  where: the command.  Caller frees.
 * EXIT_DONE, or the exit code of an error that was printed. */
int repository_locate(const char *where, const char *given, char **ret);

/* It is taken for a path whatever the configuration says: nothing of a directory here is hidden by
 * one that is not there, or broken. */
bool repository_may_be_path(const char *given);

/* {name, path, id, found, state, problem, free, total, points, domains: [{domain, owner,
 * points}]}; ours: our catalog's id. */
json_t *repository_json(const struct repository_facts *f, const char *ours);

/* Fails when the catalog cannot be read; what is wrong with the repository is a fact. */
int repository_gather(const struct config_repository *c, struct catalog *catalog,
                      struct repository_facts *ret, struct err *err);
void repository_facts_done(struct repository_facts *f);

/* absent, unusable, empty, new, unknown, ok or foreign. */
const char *repository_state(const struct repository_facts *f);

/* The directory that the point lies in; NULL: there is none. */
const struct repository_domain *repository_domain_of(const struct repository_facts *f,
                                                     const char *point_id);

/* ours: our catalog's id.  Whose a directory is, for people; caller frees. */
char *repository_whose(const struct repository_domain *d, const char *ours);
bool repository_is_ours(const struct repository_domain *d, const char *ours);

/* By the directory's name, or the domain's, HOST/DOMAIN. */
bool repository_is_meant(const struct repository_domain *d, const char *text);

/* Is the directory that of a domain that we have?  known: ours, all of them. */
bool repository_is_needed(const struct repository_domain *d, const struct domain_names *known);

#endif
