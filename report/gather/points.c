/* SPDX-License-Identifier: MIT */
#include "report/gather/points.h"

#include "base/cleanup.h"
#include "base/domain_search.h"
#include "policies/dates.h"
#include "policies/selection.h"
#include "report/gather/domains.h"
#include "report/points.h"
#include "storage/repository/repository.h"

int points_gather(struct catalog *catalog, const struct point_filter *filter, int64_t now,
                  struct point_list *ret, struct err *err)
{
    if (catalog_points(catalog, filter, ret, err) < 0)
        return -1;
    points_judge_dates(ret, now);
    return 0;
}

struct search {
    const char *text;
    struct domain_names found;
};

static void on_domain(void *arg, const char *host, const char *domain)
{
    struct search *s = arg;

    if (domain_is_meant(s->text, host, domain))
        domain_names_add(&s->found, host, domain);
}

static void on_point(void *arg, const char *id, const char *host, const char *domain)
{
    struct search *s = arg;

    if (point_is_meant(s->text, id))
        domain_names_add(&s->found, host, domain);
}

int points_meant(struct catalog *catalog, const char *text, int64_t now, struct point_list *ret,
                 struct err *err)
{
    struct search s = {.text = text};
    int64_t created;
    int rc = 0;

    if (point_name_time(text, &created))
        rc = catalog_points_of_time(catalog, created, on_point, &s, err);

    if (rc == 0 && !(s.found.n > 0 && point_is_whole_id(text)))
        rc = catalog_domains_with_points(catalog, on_domain, &s, err);
    domain_names_sort(&s.found);
    for (size_t i = 0; i < s.found.n && rc == 0; i++) {
        const struct domain_name *d = &s.found.items[i];

        rc = catalog_points(
            catalog, &(struct point_filter){.host = d->host, .domain = d->domain, .copies = true},
            ret, err);
    }
    domain_names_done(&s.found);
    if (rc == 0)
        points_judge_dates(ret, now);
    return rc;
}

bool point_is_covered(const struct config *config, const struct domain_names *known,
                      const struct point *p)
{
    const struct config_policy *policy = config_policy_find(config, p->policy);

    if (!policy || !selection_matches_domain(&policy->domains, p->host, p->domain))
        return false;
    return domain_names_have(known, p->host, p->domain);
}
