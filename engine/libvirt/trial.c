/* SPDX-License-Identifier: MIT
 *
 * trial: libvirt has QEMU open nothing but disks and the targets of real backups.  So the file is
 * made and given to QEMU's user, it is seen whether that one gets there, and it is removed; all
 * that is one request of vmkeep-store's.  What AppArmor or SELinux say about it stays untried, and
 * on another machine all of it.  The agent is asked which file systems the guest has.
 */
#include "engine/libvirt/trial.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "engine/libvirt/domain_xml.h"
#include "engine/libvirt/task.h"

#define ASK_S 45.0
#define FILES_S 10.0

struct trial {
    struct libvirt_task task; /* first */
    struct hv_trial *ret, found;
    struct strlist path; /* none or one */
    bool wants_agent, cleared;
    struct libvirt_domain_answer domain;
    struct libvirt_count agent;
    struct file_list files;
    uid_t uid;
    gid_t gid;
};

static struct trial *of(struct libvirt_task *t)
{
    return (struct trial *)t;
}

/* ERR_CANCELED, or success. */
static void finish(struct trial *r)
{
    struct err err = ERR_INIT;

    if (r->task.canceled)
        err_set(&err, ERR_CANCELED, "canceled");
    else
        *r->ret = r->found;
    if (!r->task.canceled)
        r->found = (struct hv_trial){0};
    libvirt_task_finish(&r->task, &err);
}

static void ask(struct trial *r, const char *what, const struct record *answer, void *ret,
                libvirt_step next)
{
    libvirt_task_request(&r->task, what, &libvirt_request_domain, (struct libvirt_request){0},
                         answer, ret, ASK_S, next);
}

/* ---- the agent ---- */

static void heard_agent(struct libvirt_task *t)
{
    struct trial *r = of(t);

    if (t->err.code != ERR_NONE)
        r->found.agent_problem = xstrdup(t->err.msg);
    finish(r);
}

static void try_agent(struct trial *r)
{
    if (r->task.canceled || !r->wants_agent) {
        finish(r);
        return;
    }
    r->found.agent_asked = true;
    if (libvirt_domain_has_agent(r->domain.live)) {
        ask(r, "agent", &libvirt_answer_count, &r->agent, heard_agent);
        return;
    }
    r->found.agent_problem = xstrdup("the domain has no channel for a guest agent");
    finish(r);
}

/* ---- the file ---- */

static void try_file(struct trial *r);

static void cleared(struct libvirt_task *t)
{
    try_file(of(t));
}

static void tried(struct libvirt_task *t)
{
    struct trial *r = of(t);
    const struct file_fact *f = file_find_named(&r->files, r->path.items[0]);
    const struct files_request q = {.names = &r->path};

    /* One of that name is there: a trial that broke off has left it. */
    if (!t->canceled && f && f->error && f->error->code == ERR_EXISTS && !r->cleared) {
        r->cleared = true;
        libvirt_task_files(t, FILES_REMOVE, &q, FILES_S, &r->files, cleared);
        return;
    }
    r->found.made = f && f->has_name;
    if (t->err.code != ERR_NONE)
        r->found.problem = xstrdup(t->err.msg);
    else if (f && f->error)
        r->found.problem = xstrdup(f->error->msg);
    else
        r->found.untried = xstrdup("by the rights of its user; libvirt cannot have QEMU try it");
    try_agent(r);
}

static void try_file(struct trial *r)
{
    const struct files_request q = {.names = &r->path, .uid = r->uid, .gid = r->gid};

    file_list_done(&r->files);
    if (r->task.canceled)
        finish(r);
    else
        libvirt_task_files(&r->task, FILES_TRY, &q, FILES_S, &r->files, tried);
}

/* ---- the domain ---- */

static void saw_domain(struct libvirt_task *t)
{
    struct trial *r = of(t);
    struct domain_facts *f = xcalloc(1, sizeof(*f));
    struct err ignored = ERR_INIT;

    r->found.running = t->err.code == ERR_NONE && r->domain.live &&
                       libvirt_domain_xml(r->domain.live, f, &ignored) == 0;
    r->uid = f->uid;
    r->gid = f->gid;
    domain_facts_free(f);
    if (!r->found.running || t->canceled) {
        finish(r);
    } else if (r->path.n > 0 && t->host->local) {
        try_file(r);
    } else {
        if (r->path.n > 0)
            r->found.untried = xstrdup("its host is another machine, which must have the same "
                                       "directory under the same name");
        try_agent(r);
    }
}

static void begin(struct libvirt_task *t)
{
    struct trial *r = of(t);

    if (t->canceled || !t->domain)
        finish(r);
    else
        ask(r, "domain", &libvirt_answer_domain, &r->domain, saw_domain);
}

static void release(struct libvirt_task *t)
{
    struct trial *r = of(t);

    record_done(&libvirt_answer_domain, &r->domain);
    file_list_done(&r->files);
    strlist_done(&r->path);
    hv_trial_done(&r->found);
    free(r);
}

struct op *libvirt_trial(struct hypervisor *hv, const char *domain, const char *path, bool agent,
                         struct hv_trial *ret, op_done done, void *ctx, struct err *err)
{
    struct libvirt_host *h = libvirt_host_of(hv);
    const struct libvirt_domain *d;
    struct err away = ERR_INIT;
    struct trial *r;

    if (libvirt_host_look(h, domain, &d, &away, err) < 0)
        return NULL;
    *ret = (struct hv_trial){0};
    r = xcalloc(1, sizeof(*r));
    r->ret = ret;
    r->wants_agent = agent;
    if (path)
        strlist_add(&r->path, path);
    return libvirt_task_start(h, &r->task, d, begin, release, done, ctx);
}
