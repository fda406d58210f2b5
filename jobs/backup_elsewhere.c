/* SPDX-License-Identifier: MIT */
#include "jobs/backup_elsewhere.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mark.h"
#include "base/names.h"
#include "base/text.h"

const struct hv_elsewhere *backup_elsewhere(const struct job_run *r)
{
    return r->host && r->host->hv ? r->host->hv->elsewhere : NULL;
}

/* A name that a job of ours alone has; libvirt makes the file, and removes it. */
char *backup_elsewhere_scratch(const struct job_run *r, const char *disk, struct err *err)
{
    const struct hv_elsewhere *e = backup_elsewhere(r);
    const struct disk_facts *f = domain_facts_disk(backup_of(r)->hv.facts, disk);

    if (e->scratch) {
        CLEANUP_FREE char *name = name_escape(disk);

        return xasprintf("%s/vmkeep-%s.%s", e->scratch, r->tag, name);
    }
    if (f && f->image && f->image[0] == '/' && !starts_with(f->image, "/dev/"))
        return xasprintf("%s.vmkeep-%s", f->image, r->tag);
    err_set(err, ERR_UNSUPPORTED,
            "disk %s: it is no file, so nothing tells where host '%s' has room for what the guest "
            "overwrites meanwhile: give the host a 'scratch' directory",
            disk, r->row.host);
    return NULL;
}

static bool is_number(const char *address)
{
    struct in6_addr ignored;

    return inet_pton(AF_INET, address, &ignored) == 1 ||
           inet_pton(AF_INET6, address, &ignored) == 1;
}

/* On the address that it is asked at alone.  By a name on all of its addresses: what the name means
 * over there is not known here (Debian's own name is 127.0.1.1).  Nobody reads without a
 * certificate. */
struct backup_address backup_elsewhere_server(const struct hv_elsewhere *e)
{
    return (struct backup_address){.transport = TRANSPORT_TCP,
                                   .host = is_number(e->address) ? e->address : "0.0.0.0",
                                   .tls = true};
}

char *backup_elsewhere_source(const struct job_run *r, size_t disk)
{
    const struct hv_elsewhere *e = backup_elsewhere(r);
    CLEANUP_FREE char *certificates = uri_encode(e->certificates);
    bool six = strchr(e->address, ':') != NULL;

    return xasprintf("nbds://%s%s%s:%u/%zu?tls-certificates=%s", six ? "[" : "", e->address,
                     six ? "]" : "", (unsigned)backup_of(r)->hv.begun.port, disk, certificates);
}

void backup_elsewhere_explain_pull(const struct job_run *r, struct err *err)
{
    const struct hv_elsewhere *e = backup_elsewhere(r);

    if (e && err->code != ERR_NONE && err->code != ERR_CANCELED)
        err_wrap(err, "pull from host '%s', over TLS with the certificates in %s", r->row.host,
                 e->certificates);
}

void backup_elsewhere_explain_begin(const struct job_run *r, struct err *err)
{
    const struct hv_elsewhere *e = backup_elsewhere(r);

    if (e && backup_of(r)->mode == MODE_PULL && strstr(err->msg, "Cannot assign requested address"))
        err_wrap(err,
                 "host '%s' has no address %s of its own to be pulled from: give it a name for "
                 "'address', and it listens on all of its addresses",
                 r->row.host, e->address);
    if (!e || backup_of(r)->mode != MODE_PUSH || err->code != ERR_NOTFOUND)
        return;
    err_wrap(err,
             "host '%s' is another machine: a push needs the repository there under the same path, "
             "mode: pull does not",
             r->row.host);
}

/* What pushes there waits for another machine, and the guest's writes with it, unless there is
 * something between the two.  And a hypervisor that does the work by itself (libvirt) would have to
 * be taught the key of an encrypted repository by its administrator. */
void backup_plan_mode(struct job_run *r)
{
    struct backup_run *run = backup_of(r);
    const struct hypervisor *hv = r->host ? r->host->hv : NULL;
    bool fits;

    if (backup_elsewhere(r)) {
        CLEANUP_FREE char *ours = TAKE_PTR(run->scratch); /* it is of no use over there */

        if (run->mode_open)
            snprintf(run->mode_why, sizeof(run->mode_why),
                     "; pulled, for the host is another machine, and the policy gives no mode");
        run->mode = run->mode_open ? MODE_PULL : run->mode;
        return;
    }
    fits = run->scratch && strlen(run->scratch) <= CONFIG_SCRATCH_PULL_MAX;

    if (!run->mode_open || !hv || (hv->can & HV_SHIELDS) || !fits ||
        (!*run->space.remote && !r->repo->key))
        return;
    run->mode = MODE_PULL;
    if (r->repo->key) {
        snprintf(run->mode_why, sizeof(run->mode_why),
                 "; pulled, for the repository is encrypted, and the policy gives no mode");
        return;
    }
    MARK("a backup is pulled because its repository is elsewhere");
    snprintf(run->mode_why, sizeof(run->mode_why),
             "; pulled, for the repository is on %s, and the policy gives no mode",
             run->space.remote);
}
