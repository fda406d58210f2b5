/* SPDX-License-Identifier: MIT
 *
 * What libvirt leaves of a backup that is given up: the checkpoint, of which it would even take an
 * increment, with a gap.
 */
#include <string.h>

#include "base/text.h"
#include "engine/libvirt/begin.h"

#define ASK_S 40.0
#define END_S 60.0 /* a cancelled copy finishes what it has in hand */
#define AGAIN_S 0.2

static void look(struct libvirt_task *t);

static struct libvirt_begin *of(struct libvirt_task *t)
{
    return (struct libvirt_begin *)t;
}

static void ask(struct libvirt_begin *b, const char *what, const struct record *request,
                char *checkpoint, const struct record *answer, void *ret, libvirt_step next)
{
    const struct libvirt_request q = {.checkpoint = checkpoint};

    libvirt_task_request(&b->task, what, request, q, answer, ret, ASK_S, next);
}

/* What could not be undone may be there: that is said with the code. */
static void finish(struct libvirt_begin *b, const struct err *failed)
{
    if (failed->code != ERR_NONE && failed->code != ERR_NOTFOUND) {
        b->err.code = ERR_REMOTE;
        err_wrap(&b->err, "taking it back failed (%.200s)", failed->msg);
    }
    libvirt_task_finish(&b->task, &b->err);
}

static void deleted(struct libvirt_task *t)
{
    finish(of(t), &t->err);
}

static void listed(struct libvirt_task *t)
{
    struct libvirt_begin *b = of(t);

    for (size_t i = 0; i < b->checkpoints.checkpoints.n; i++)
        if (str_eq(b->checkpoints.checkpoints.items[i].name, b->request.checkpoint)) {
            ask(b, "checkpoint-delete", &libvirt_request_checkpoint_delete,
                (char *)b->request.checkpoint, NULL, NULL, deleted);
            return;
        }
    finish(b, &t->err);
}

static void undo_checkpoint(struct libvirt_begin *b)
{
    if (b->request.checkpoint)
        ask(b, "checkpoints", &libvirt_request_checkpoints, NULL, &libvirt_answer_checkpoints,
            &b->checkpoints, listed);
    else
        libvirt_task_finish(&b->task, &b->err);
}

static void looked(struct libvirt_task *t)
{
    struct libvirt_begin *b = of(t);
    bool runs = t->err.code == ERR_NONE && !str_eq(b->figures.state, "none");

    if (runs && ev_now(t->host->loop) < b->undone_by) {
        libvirt_task_sleep(t, AGAIN_S, look);
        return;
    }
    libvirt_job_drop(t->host, libvirt_job_find(t->host, t->domain, b->request.tag));
    undo_checkpoint(b);
}

static void look(struct libvirt_task *t)
{
    struct libvirt_begin *b = of(t);

    record_done(&libvirt_answer_job, &b->figures);
    ask(b, "job", &libvirt_request_job, NULL, &libvirt_answer_job, &b->figures, looked);
}

void libvirt_begin_undo(struct libvirt_begin *b, bool begun)
{
    bool lost = b->err.code == ERR_REMOTE || b->err.code == ERR_TIMEOUT;

    b->task.steady = true;
    b->undone_by = ev_now(b->task.host->loop) + END_S;
    if (begun)
        ask(b, "job-abort", &libvirt_request_domain, NULL, NULL, NULL, look);
    else if (lost || !peer_is_up(b->task.host->peer, NULL))
        libvirt_task_finish(&b->task, &b->err);
    else
        undo_checkpoint(b);
}
