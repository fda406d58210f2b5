/* SPDX-License-Identifier: MIT
 *
 * A domain that was renamed begins anew; its points of before stand under its old name.  So does
 * one that was defined anew: another UUID is another domain, whose disks may say what they like,
 * and what there is of the former one stays.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "jobs/backup_run.h"

char *backup_renamed(const struct job_run *r)
{
    const struct backup_run *run = backup_of(r);
    CLEANUP_FREE char *name = xasprintf("%s/%s", r->row.host, r->row.domain);
    CLEANUP_FREE char *was = NULL;
    struct err ignored = ERR_INIT;
    char until[TIMEFMT_MAX];
    int64_t at = 0;

    if (run->has_base || !run->hv.facts->uuid ||
        catalog_gone_name(r->env->catalog, name, run->hv.facts->uuid, &was, &at, &ignored) < 0 ||
        !was)
        return NULL;
    return xasprintf("; the domain was '%s' until %s, under which its older points stay", was,
                     time_local(at, until));
}

static char *chain_of(const struct job_run *r)
{
    return xasprintf("%s/%s/%s", r->row.host, r->row.domain, r->row.policy);
}

int backup_note_remade(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);
    const struct domain_facts *f = run->hv.facts;
    CLEANUP_FREE char *chain = chain_of(r);
    CLEANUP_FREE char *was = NULL;

    if (!f || !f->lasting || !f->uuid || !run->has_base || *run->base_missing)
        return 0;
    if (catalog_chain_uuid(r->env->catalog, chain, &was, err) < 0)
        return -1;
    if (was && !str_eq(was, f->uuid))
        snprintf(run->base_missing, sizeof(run->base_missing),
                 "the domain was defined anew since, and is another one: its UUID is %s, and was "
                 "%s; the points of the former one stay",
                 f->uuid, was);
    return 0;
}

void backup_keep_uuid(struct job_run *r)
{
    const struct domain_facts *f = backup_of(r)->hv.facts;
    CLEANUP_FREE char *chain = chain_of(r);
    struct err err = ERR_INIT;

    if (f && f->lasting && f->uuid &&
        catalog_chain_uuid_put(r->env->catalog, chain, f->uuid, env_now(r->env), &err) < 0)
        catalog_trouble(r->env, "record a domain's UUID", &err);
}
