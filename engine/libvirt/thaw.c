/* SPDX-License-Identifier: MIT
 *
 * A connection that is lost while a guest is frozen takes the answer to its thaw with it.  It was
 * thawed meanwhile, by the process beside vmkeep-libvirt; but that must be known, so it is asked
 * for once more, and what is not frozen any more says so.
 */
#include <stdlib.h>

#include "engine/libvirt/jobs.h"
#include "engine/libvirt/task.h"

#define THAW_S 20.0
#define AGAIN_S 5.0

struct thaw {
    struct libvirt_task task; /* first */
    struct libvirt_count count;
};

static void ask(struct libvirt_task *t);

static void asked(struct libvirt_task *t)
{
    bool gone = t->err.code == ERR_NOTFOUND || t->err.code == ERR_UNSUPPORTED;

    if (t->canceled || t->err.code == ERR_REMOTE) { /* it begins anew with the connection */
        libvirt_task_finish(t, &t->err);
    } else if (t->err.code == ERR_NONE || gone) {
        libvirt_note_frozen(t->host, t->domain, 0.0);
        libvirt_host_tell(t->host, HV_EVENT_DOMAIN, t->domain);
        libvirt_task_finish(t, NULL);
    } else {
        libvirt_note_thaw_failed(t->host, t->domain, t->err.msg);
        libvirt_task_sleep(t, AGAIN_S, ask);
    }
}

static void ask(struct libvirt_task *t)
{
    struct thaw *w = (struct thaw *)t;
    const struct libvirt_request q = {.domain = t->domain};

    if (t->canceled)
        libvirt_task_finish(t, &t->err);
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

void libvirt_thaw_owed(struct libvirt_host *h)
{
    for (struct libvirt_frozen *f = h->jobs ? h->jobs->frozen : NULL; f; f = f->next) {
        struct thaw *w = xcalloc(1, sizeof(*w));

        w->task.domain = xstrdup(f->domain);
        libvirt_task_start(h, &w->task, NULL, ask, release, NULL, NULL);
    }
}
