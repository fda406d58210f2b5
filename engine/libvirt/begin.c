/* SPDX-License-Identifier: MIT
 *
 * backup_begin: the domain is looked at and the request held against it; images are made; the guest
 * is frozen, if that is asked for; libvirt begins; the guest is thawed at once; then what the
 * document of the running job alone tells, and the rate of its copies.
 *
 * A look first, for libvirt waits half a minute for a domain that another job holds, and its own
 * refusals are not those of the other drivers.
 *
 * Who freezes is thawed by vmkeep-libvirt, when nobody has done it within the limit, whatever hangs
 * meanwhile.  A thaw that finds nothing frozen came after that one: then it is not known what the
 * guest has written before the instant, and it does not count as quiesced.
 *
 * Of a domain that is shut off libvirt begins none: begin_off.c.
 */
#include "engine/libvirt/begin.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/free_port.h"

#define ASK_S 40.0
#define BEGIN_S 60.0 /* libvirt waits for 30 for the domain */
#define FREEZE_MORE_S 10.0
#define THAW_S 20.0
#define PORTS_MAX 10
#define PORT_ELSEWHERE 10810
#define PORTS_ELSEWHERE 90

static void begin(struct libvirt_begin *b);
static void follow(struct libvirt_task *t);

static struct libvirt_begin *of(struct libvirt_task *t)
{
    return (struct libvirt_begin *)t;
}

static bool is_bad(struct libvirt_begin *b)
{
    if (b->err.code == ERR_NONE && b->task.canceled)
        err_set(&b->err, ERR_CANCELED, "cancelled");
    return b->err.code != ERR_NONE;
}

static void ask(struct libvirt_begin *b, const char *what, const struct record *request,
                struct libvirt_request *q, const struct record *answer, void *ret, double timeout_s,
                libvirt_step next)
{
    libvirt_task_request(&b->task, what, request, *q, answer, ret, timeout_s, next);
}

/* ---- the end ---- */

static void succeed(struct libvirt_begin *b)
{
    *b->ret = b->begun;
    libvirt_task_finish(&b->task, NULL);
}

/* Is it what was asked for?  A required quiescence that did not hold is not. */
static void judge(struct libvirt_begin *b)
{
    struct err late = ERR_INIT;

    if (b->request.quiesce == QUIESCE_REQUIRE && !b->begun.quiesced) {
        err_set(&late, ERR_TIMEOUT, "quiesce the guest: %s", b->begun.note);
        if (b->err.code == ERR_NONE)
            b->err = late;
    }
    if (is_bad(b))
        libvirt_begin_undo(b, true);
    else
        follow(&b->task);
}

/* ---- what follows: nothing of it costs the backup ---- */

static void rate_next(struct libvirt_task *t)
{
    struct libvirt_begin *b = of(t);

    if (b->request.mode == MODE_PUSH && b->request.bandwidth > 0 && b->next < b->disks.n) {
        struct libvirt_request q = {.disk = (char *)b->disks.items[b->next++].name,
                                    .bytes = b->request.bandwidth};

        ask(b, "speed", &libvirt_request_disk, &q, NULL, NULL, ASK_S, rate_next);
        return;
    }
    if (is_bad(b)) {
        libvirt_begin_undo(b, true);
        return;
    }
    /* Which sets the first marks.  Not before the speed: a small copy would be over by then. */
    libvirt_guard_weigh(t->host, t->domain);
    succeed(b);
}

/* An end was seen while it began: of a job that libvirt has waited for, or of ours already? */
static void settled(struct libvirt_task *t)
{
    struct libvirt_begin *b = of(t);
    struct libvirt_job *j = libvirt_job_find(t->host, t->domain, b->request.tag);
    bool runs = t->err.code == ERR_NONE && str_eq(b->figures.operation, "backup");

    if (j && runs)
        libvirt_guard_start(t->host, j);
    else if (j && t->err.code == ERR_NONE && j->ends_seen == 1)
        j->phase = LIBVIRT_JOB_ENDED;
    else
        libvirt_job_drop(t->host, j);
    rate_next(t);
}

static void follow(struct libvirt_task *t)
{
    struct libvirt_begin *b = of(t);
    const struct libvirt_job *j = libvirt_job_find(t->host, t->domain, b->request.tag);
    struct libvirt_request q = {0};

    b->next = 0;
    if (j && j->phase == LIBVIRT_JOB_BEGINS)
        ask(b, "job", &libvirt_request_job, &q, &libvirt_answer_job, &b->figures, ASK_S, settled);
    else
        rate_next(t);
}

/* ---- the thaw ---- */

static void explained(struct libvirt_task *t)
{
    libvirt_begin_undo(of(t), false);
}

static void thawed(struct libvirt_task *t)
{
    struct libvirt_begin *b = of(t);
    double now = ev_now(t->host->loop);

    if (t->err.code != ERR_NONE) {
        b->begun.perhaps_frozen = true;
        snprintf(b->begun.note, sizeof(b->begun.note),
                 "the guest's file systems are perhaps still frozen, and the thaw is tried again: "
                 "%.400s",
                 t->err.msg);
        libvirt_note_thaw_failed(t->host, t->domain, t->err.msg);
        libvirt_host_tell(t->host, HV_EVENT_DOMAIN, t->domain);
    } else {
        libvirt_note_frozen(t->host, t->domain, 0.0);
        b->begun.quiesced = b->froze && b->thawed.filesystems > 0;
        b->begun.frozen_ms = b->begun.quiesced ? (int)((now - b->frozen_at) * 1000.0) : 0;
        if (b->froze && !b->begun.quiesced)
            snprintf(b->begun.note, sizeof(b->begun.note),
                     "libvirt took longer than %d s to begin; the guest was thawed before",
                     b->request.freeze_s);
    }
    if (b->err.code != ERR_NONE)
        libvirt_begin_explain(b, explained);
    else
        judge(b);
}

/* Libvirt has answered, one way or the other. */
static void go_on(struct libvirt_begin *b)
{
    struct libvirt_request q = {0};

    b->task.steady = false;
    if (b->frozen_at > 0.0)
        ask(b, "thaw", &libvirt_request_domain, &q, &libvirt_answer_count, &b->thawed, THAW_S,
            thawed);
    else if (b->err.code != ERR_NONE)
        libvirt_begin_explain(b, explained);
    else
        judge(b);
}

/* ---- the instant ---- */

static struct hv_job job_of(const struct libvirt_begin *b)
{
    return (struct hv_job){b->task.domain, b->request.tag, b->disks.items[0].place.path};
}

/* Of another machine nobody here knows which are free: any of those that its firewall is to let
 * through. */
static int pick_port(struct libvirt_begin *b, struct err *err)
{
    struct backup_address *server = &b->request.server;
    uint16_t any = 0;

    if (b->task.host->local)
        return free_port(server->host, &server->port, err);
    if (getentropy(&any, sizeof(any)) < 0)
        return err_errno(err, errno, "getentropy");
    server->port = (uint16_t)(PORT_ELSEWHERE + any % PORTS_ELSEWHERE);
    return 0;
}

/* Somebody was quicker than QEMU on the port that we picked: another one. */
static bool try_another_port(struct libvirt_begin *b)
{
    struct err err = ERR_INIT;

    return b->port_ours && b->task.err.code == ERR_BUSY && b->ports_tried++ < PORTS_MAX &&
           pick_port(b, &err) == 0;
}

static void begun(struct libvirt_task *t)
{
    struct libvirt_begin *b = of(t);
    struct libvirt_job *j = libvirt_job_find(t->host, t->domain, b->request.tag);

    if (try_another_port(b)) {
        begin(b);
        return;
    }
    b->err = t->err;
    if (b->err.code != ERR_NONE)
        libvirt_job_drop(t->host, j);
    else if (j && j->ends_seen == 0)
        libvirt_guard_start(t->host, j);
    b->begun.port = b->request.server.port;
    go_on(b);
}

static void begin(struct libvirt_begin *b)
{
    CLEANUP_FREE char *backup = libvirt_backup_xml(&b->request);
    CLEANUP_FREE char *checkpoint = libvirt_checkpoint_xml(&b->request);
    struct libvirt_request q = {.backup = backup, .checkpoint = checkpoint, .reuse = b->reuse};
    const struct hv_job job = job_of(b);

    libvirt_job_add(b->task.host, &job, LIBVIRT_JOB_BEGINS, b->request.mode);
    /* Whether it has begun must be known. */
    b->task.steady = true;
    ask(b, "backup-begin", &libvirt_request_begin, &q, NULL, NULL, BEGIN_S, begun);
}

/* ---- the freeze ---- */

static void go_on_or_begin(struct libvirt_begin *b)
{
    if (is_bad(b))
        go_on(b);
    else
        begin(b);
}

/* The guest is not frozen, or perhaps not: an error where that is required. */
static void not_frozen(struct libvirt_begin *b, const struct err *why)
{
    if (b->request.quiesce == QUIESCE_REQUIRE) {
        b->err = *why;
        err_wrap(&b->err, "quiesce the guest");
    } else {
        snprintf(b->begun.note, sizeof(b->begun.note), "%s", why->msg);
    }
}

static void frozen(struct libvirt_task *t)
{
    struct libvirt_begin *b = of(t);

    b->frozen_at = ev_now(t->host->loop);
    libvirt_note_frozen(t->host, t->domain, b->frozen_at);
    t->steady = false;
    b->froze = t->err.code == ERR_NONE;
    /* No agent: nothing is frozen.  Of another error that is not known. */
    if (t->err.code == ERR_UNSUPPORTED || t->err.code == ERR_NOTFOUND) {
        libvirt_note_frozen(t->host, t->domain, 0.0);
        b->frozen_at = 0.0;
    }
    if (!b->froze)
        not_frozen(b, &t->err);
    go_on_or_begin(b);
}

static void freeze(struct libvirt_begin *b)
{
    struct libvirt_request q = {.limit = b->request.freeze_s};
    struct err owed = ERR_INIT;

    if (libvirt_refuse_freeze(b->task.host, b->task.domain, &owed) < 0) {
        not_frozen(b, &owed);
        go_on_or_begin(b);
        return;
    }
    b->task.steady = true;
    ask(b, "freeze", &libvirt_request_freeze, &q, &libvirt_answer_count, &b->thawed,
        b->request.freeze_s + FREEZE_MORE_S, frozen);
}

static void prepared(struct libvirt_task *t)
{
    struct libvirt_begin *b = of(t);
    struct backup_address *server = &b->request.server;

    b->port_ours =
        b->request.mode == MODE_PULL && server->transport == TRANSPORT_TCP && server->port == 0;
    if (!is_bad(b) && b->port_ours)
        pick_port(b, &b->err);
    if (is_bad(b)) {
        libvirt_task_finish(t, &b->err);
    } else if (b->request.quiesce == QUIESCE_OFF) {
        begin(b);
    } else {
        freeze(b);
    }
}

/* ---- before ---- */

/* What the copy can do to the guest: libvirt puts nothing between them. */
static void note_unsafe(struct libvirt_begin *b)
{
    b->begun.unsafe_always = true;
    snprintf(b->begun.unsafe, sizeof(b->begun.unsafe),
             b->request.mode == MODE_PUSH
                 ? "under libvirt the guest's writes wait for the target, and fail when it fails"
                 : "under libvirt the guest's writes wait for the scratch space, and fail when it "
                   "is full");
}

static void known(struct libvirt_begin *b)
{
    if (is_bad(b)) {
        libvirt_task_finish(&b->task, &b->err);
        return;
    }
    if (b->facts->state == DOMAIN_SHUTOFF) {
        libvirt_begin_off(b);
        return;
    }
    note_unsafe(b);
    libvirt_begin_images(b, prepared);
}

static void looked(struct libvirt_task *t)
{
    struct libvirt_begin *b = of(t);

    b->err = t->err;
    if (!is_bad(b))
        libvirt_check_domain(&b->request, b->facts, &b->err);
    known(b);
}

static void first(struct libvirt_task *t)
{
    struct libvirt_begin *b = of(t);

    if (b->facts || is_bad(b))
        known(b);
    else
        libvirt_task_inspect(t, &b->facts, looked);
}

struct op *libvirt_backup_begin(struct hypervisor *hv, const struct backup_request *request,
                                struct backup_begun *ret, op_done done, void *ctx, struct err *err)
{
    return libvirt_backup_begin_known(hv, request, NULL, ret, done, ctx, err);
}

struct op *libvirt_backup_begin_known(struct hypervisor *hv, const struct backup_request *request,
                                      struct domain_facts *facts, struct backup_begun *ret,
                                      op_done done, void *ctx, struct err *err)
{
    struct libvirt_host *h = libvirt_host_of(hv);
    const struct libvirt_domain *d = NULL;
    struct libvirt_begin *b;

    if (libvirt_check_request(request, err) == 0)
        d = libvirt_host_domain(h, request->domain, err);
    if (!d) {
        domain_facts_free(facts);
        return NULL;
    }
    b = libvirt_begin_new(request);
    b->request.domain = NULL;
    b->facts = facts;
    b->ret = ret;
    return libvirt_task_start(h, &b->task, d, first, libvirt_begin_release, done, ctx);
}
