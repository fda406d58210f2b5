/* SPDX-License-Identifier: MIT
 *
 * A connection that is lost while a guest is frozen takes the answer to its thaw with it.  It was
 * thawed meanwhile, by the process beside vmkeep-libvirt; but that must be known, so it is asked
 * for once more, and what is not frozen any more says so.
 *
 * Who kills vmkeepd may kill that process with it, as systemd does.  Then the next vmkeepd has the
 * guest thawed.  It does not know whether it was frozen: what cannot be asked, for its agent is
 * not there, is asked again and again, and nobody is told.
 */
#include <stdlib.h>

#include "base/log.h"
#include "engine/libvirt/jobs.h"
#include "engine/libvirt/task.h"

#define THAW_S 20.0
#define AGAIN_S 5.0
#define AGAIN_MAX_S 300.0

struct thaw {
    struct libvirt_task task; /* first */
    struct libvirt_count count;
    double unsure_s; /* then it is asked again; 0: it is surely owed */
};

static void ask(struct libvirt_task *t);

static void asked(struct libvirt_task *t)
{
    struct thaw *w = (struct thaw *)t;
    bool gone = t->err.code == ERR_NOTFOUND || t->err.code == ERR_UNSUPPORTED;

    if (t->canceled || (t->err.code == ERR_REMOTE && w->unsure_s <= 0.0)) {
        libvirt_task_finish(t, &t->err); /* it begins anew with the connection */
    } else if (t->err.code == ERR_NONE || gone) {
        if (w->unsure_s > 0.0 && t->err.code == ERR_NONE && w->count.filesystems > 0)
            log_warning("libvirt: %s: it was frozen still, by an earlier vmkeepd, and is thawed",
                        t->domain);
        libvirt_note_frozen(t->host, t->domain, 0.0);
        libvirt_host_tell(t->host, HV_EVENT_DOMAIN, t->domain);
        libvirt_task_finish(t, NULL);
    } else if (w->unsure_s > 0.0) {
        libvirt_task_sleep(t, w->unsure_s, ask);
        w->unsure_s = w->unsure_s < AGAIN_MAX_S ? 2.0 * w->unsure_s : AGAIN_MAX_S;
    } else {
        libvirt_note_thaw_failed(t->host, t->domain, t->err.msg);
        libvirt_task_sleep(t, AGAIN_S, ask);
    }
}

static void ask(struct libvirt_task *t)
{
    struct thaw *w = (struct thaw *)t;
    const struct libvirt_request q = {.domain = t->domain};
    struct hv_thaw owed;

    libvirt_thaw(&t->host->hv, t->domain, &owed);
    if (t->canceled)
        libvirt_task_finish(t, &t->err);
    else if (w->unsure_s > 0.0 && owed.since_s >= 0) /* frozen anew: that has a thaw of its own */
        libvirt_task_finish(t, NULL);
    else
        libvirt_task_ask(t,
                         &(struct peer_ask){.what = "thaw",
                                            .request = &libvirt_request_domain,
                                            .value = &q,
                                            .answer = &libvirt_answer_count,
                                            .ret = &w->count,
                                            .timeout_s = THAW_S},
                         asked);
}

static void release(struct libvirt_task *t)
{
    free(t);
}

static void start(struct libvirt_host *h, const char *domain, double unsure_s)
{
    struct thaw *w = xcalloc(1, sizeof(*w));

    w->task.domain = xstrdup(domain);
    w->unsure_s = unsure_s;
    libvirt_task_start(h, &w->task, NULL, ask, release, NULL, NULL);
}

void libvirt_thaw_owed(struct libvirt_host *h)
{
    for (struct libvirt_frozen *f = h->jobs ? h->jobs->frozen : NULL; f; f = f->next)
        start(h, f->domain, 0.0);
}

void libvirt_owe_thaw(struct hypervisor *hv, const char *domain, bool surely)
{
    struct libvirt_host *h = libvirt_host_of(hv);

    if (surely)
        libvirt_note_frozen(h, domain, ev_now(h->loop));
    if (!surely || peer_is_up(h->peer, NULL))
        start(h, domain, surely ? 0.0 : AGAIN_S);
}
