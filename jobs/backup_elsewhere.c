/* SPDX-License-Identifier: MIT */
#include "jobs/backup_elsewhere.h"

#include <string.h>

#include "base/cleanup.h"
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

/* On all of its addresses: what its own name means over there is not known here.  Nobody reads
 * without a certificate. */
struct backup_address backup_elsewhere_server(const struct hv_elsewhere *e)
{
    return (struct backup_address){.transport = TRANSPORT_TCP,
                                   .host = strchr(e->address, ':') ? "::" : "0.0.0.0",
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
    if (!backup_elsewhere(r) || backup_of(r)->mode != MODE_PUSH || err->code != ERR_NOTFOUND)
        return;
    err_wrap(err,
             "host '%s' is another machine: a push needs the repository there under the same path, "
             "mode: pull does not",
             r->row.host);
}
