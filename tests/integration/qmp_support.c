/* SPDX-License-Identifier: MIT */
#include "tests/integration/qmp_support.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

#define PATIENCE_S 160.0

static struct {
    bool done;
    struct err err;
} wait;

static void on_done(void *ctx, const struct err *err)
{
    (void)ctx;
    assert_false(wait.done);
    wait.done = true;
    wait.err = err ? *err : ERR_INIT;
}

static void on_impatience(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)w;
    (void)revents;
    fail_msg("nothing happened for %.0f s", PATIENCE_S);
}

static void run_until(const bool *flag)
{
    ev_timer patience;

    ev_timer_init(&patience, on_impatience, PATIENCE_S, 0);
    ev_timer_start(EV_DEFAULT, &patience);
    while (!*flag)
        ev_run(EV_DEFAULT, EVRUN_ONCE);
    ev_timer_stop(EV_DEFAULT, &patience);
}

/* op: NULL when it was refused at once, with err. */
static struct err finish(struct op *op, const struct err *err)
{
    if (!op)
        return *err;
    assert_false(wait.done);
    run_until(&wait.done);
    return wait.err;
}

#define OP(call)                                                                                   \
    __extension__({                                                                                \
        struct err err = ERR_INIT;                                                                 \
        wait.done = false;                                                                         \
        struct op *op_ = (call);                                                                   \
        finish(op_, &err);                                                                         \
    })

static bool job_event;

static void on_event(void *ctx, const struct hv_event *event)
{
    struct lab *lab = ctx;

    assert_string_equal(event->domain, "web01");
    if (event->type == HV_EVENT_JOB) {
        lab->job_events++;
        job_event = true;
    } else {
        lab->domain_events++;
    }
}

void lab_start_driver(struct lab *lab)
{
    static const char *const names[TEST_QEMU_DISKS] = {"d0", "d1", "d2", "d3"};
    struct qmp_disk_config disks[TEST_QEMU_DISKS];
    const struct qmp_domain_config config = {
        .name = "web01",
        .qmp = lab->qemu.qmp,
        .agent = lab->agent,
        .tls_certificates = lab->tls_certificates,
        .tls_no_verify = lab->tls_no_verify,
        .disks = disks,
        .n_disks = lab->images ? lab->qemu.n_disks : 0,
    };

    for (size_t i = 0; i < config.n_disks; i++)
        disks[i] =
            (struct qmp_disk_config){names[i], lab->qemu.images[i], lab->qemu.disks[i].format};
    lab->hv = qmp_hypervisor_new(EV_DEFAULT, &config, 1);
    lab->hv->ops->listen(lab->hv, on_event, lab);
}

void lab_stop_driver(struct lab *lab)
{
    if (lab->hv)
        lab->hv->ops->free(lab->hv);
    lab->hv = NULL;
}

void lab_prepare(struct lab *lab, const struct test_qemu_disk *disks, size_t n)
{
    *lab = (struct lab){0};
    test_qemu_init(&lab->qemu, disks, n);
}

void lab_launch(struct lab *lab)
{
    test_qemu_start(&lab->qemu);
    lab_start_driver(lab);
}

void lab_start(struct lab *lab, size_t n)
{
    struct test_qemu_disk disks[TEST_QEMU_DISKS];

    for (size_t i = 0; i < n; i++)
        disks[i] = (struct test_qemu_disk){.format = "qcow2", .size = SMALL};
    lab_prepare(lab, disks, n);
    lab_launch(lab);
}

void lab_start_offline(struct lab *lab, size_t n)
{
    struct test_qemu_disk disks[TEST_QEMU_DISKS] = {0};

    for (size_t i = 0; i < n; i++)
        disks[i] = (struct test_qemu_disk){.format = "qcow2", .size = SMALL};
    lab_prepare(lab, disks, n);
    for (size_t i = 0; i < n; i++) {
        TEST_RUN("qemu-io", "-f", "qcow2", "-c", "write -q -P 1 8M 8M", lab->qemu.images[i]);
        TEST_RUN("qemu-io", "-f", "raw", "-c", "write -q -P 1 8M 8M", lab->qemu.refs[i]);
    }
    lab->images = true;
    lab_start_driver(lab);
}

void lab_done(struct lab *lab)
{
    lab_stop_driver(lab);
    test_qemu_done(&lab->qemu);
}

void lab_restart_driver(struct lab *lab)
{
    lab_stop_driver(lab);
    lab_start_driver(lab);
}

size_t lab_count_nodes(struct lab *lab)
{
    json_t *nodes = test_qemu_command(&lab->qemu, "query-named-block-nodes", NULL), *node;
    size_t i, n = json_array_size(nodes);

    json_array_foreach(nodes, i, node)
        assert_null(strstr(json_string_value(json_object_get(node, "node-name")), "vk-"));
    json_decref(nodes);
    return n;
}

struct domain_facts *lab_look(struct lab *lab)
{
    struct domain_facts *f = NULL;
    struct err err = lab_inspect(lab, &f);

    assert_ok(&err);
    return f;
}

struct err lab_inspect(struct lab *lab, struct domain_facts **ret)
{
    return OP(lab->hv->ops->inspect(lab->hv, "web01", ret, on_done, NULL, &err));
}

struct err lab_begin(struct lab *lab, const struct backup_request *request,
                     struct backup_begun *begun)
{
    return OP(lab->hv->ops->backup_begin(lab->hv, request, begun, on_done, NULL, &err));
}

struct err lab_allocation(struct lab *lab, const char *tag, struct allocation *items, size_t n)
{
    return OP(lab->hv->ops->allocation(lab->hv, "web01", tag, items, n, on_done, NULL, &err));
}

struct err lab_try_stats(struct lab *lab, const char *tag, struct hv_job_stats *ret)
{
    return OP(lab->hv->ops->job_stats(lab->hv, &(struct hv_job){"web01", tag, NULL}, ret, on_done,
                                      NULL, &err));
}

struct hv_job_stats lab_stats(struct lab *lab, const char *tag)
{
    struct hv_job_stats stats;
    struct err err = lab_try_stats(lab, tag, &stats);

    assert_ok(&err);
    return stats;
}

struct err lab_abort(struct lab *lab, const char *tag)
{
    return OP(lab->hv->ops->abort_job(lab->hv, &(struct hv_job){"web01", tag, NULL}, on_done, NULL,
                                      &err));
}

struct err lab_forget(struct lab *lab, const char *tag)
{
    return OP(lab->hv->ops->job_forget(lab->hv, &(struct hv_job){"web01", tag, NULL}, on_done, NULL,
                                       &err));
}

struct err lab_checkpoint_create(struct lab *lab, const char *name, const char *disk,
                                 const char *other_disk)
{
    struct strlist disks = {0};
    struct err ret;

    strlist_add(&disks, disk);
    if (other_disk)
        strlist_add(&disks, other_disk);
    ret = OP(lab->hv->ops->checkpoint_create(lab->hv, "web01", name, &disks, lab->quiesce, on_done,
                                             NULL, &err));
    strlist_done(&disks);
    return ret;
}

struct err lab_checkpoint_delete(struct lab *lab, const char *name)
{
    return OP(lab->hv->ops->checkpoint_delete(lab->hv, "web01", name, on_done, NULL, &err));
}

void lab_wait_job_event(struct lab *lab, int since)
{
    while (lab->job_events <= since) {
        job_event = false;
        run_until(&job_event);
    }
}

struct hv_job_stats lab_wait_end(struct lab *lab, const char *tag)
{
    for (;;) {
        int since = lab->job_events;
        struct hv_job_stats stats = lab_stats(lab, tag);

        if (stats.state != HVJOB_RUNNING)
            return stats;
        lab_wait_job_event(lab, since);
    }
}

void assert_ok(const struct err *err)
{
    if (err->code != ERR_NONE)
        fail_msg("%s: %s", err_code_name(err->code), err->msg);
}

void assert_err(const struct err *err, enum err_code code, const char *text)
{
    if (err->code != code || !strstr(err->msg, text))
        fail_msg("expected %s with \"%s\", got %s: %s", err_code_name(code), text,
                 err_code_name(err->code), err->msg);
}

char *lab_target(const struct lab *lab, const char *tag, size_t disk)
{
    return xasprintf("%s/%s-%zu.qcow2", lab->qemu.dir, tag, disk);
}

void lab_request_init(struct lab_request *req, const struct lab *lab, const char *tag,
                      const char *base, const char *checkpoint)
{
    *req = (struct lab_request){.r = {.domain = "web01",
                                      .tag = tag,
                                      .checkpoint = checkpoint,
                                      .disks = req->disks,
                                      .n_disks = lab->qemu.n_disks}};
    for (size_t i = 0; i < lab->qemu.n_disks; i++) {
        snprintf(req->names[i], sizeof(req->names[i]), "d%zu", i);
        req->targets[i] = lab_target(lab, tag, i);
        req->disks[i] = (struct backup_disk){.name = req->names[i],
                                             .base = base,
                                             .place = {.type = PLACE_FILE, .path = req->targets[i]},
                                             .format = "qcow2",
                                             .track = checkpoint != NULL};
    }
}

void lab_request_done(struct lab_request *req)
{
    for (size_t i = 0; i < req->r.n_disks; i++)
        free(req->targets[i]);
}

void lab_backup(struct lab *lab, const char *tag, const char *base, const char *checkpoint)
{
    struct lab_request req;
    struct backup_begun begun;
    struct hv_job_stats stats;
    struct err err;

    lab_request_init(&req, lab, tag, base, checkpoint);
    err = lab_begin(lab, &req.r, &begun);
    assert_ok(&err);
    stats = lab_wait_end(lab, tag);
    assert_ok(&stats.err);
    assert_int_equal(stats.state, HVJOB_COMPLETED);
    assert_string_equal(stats.tag, tag);
    err = lab_forget(lab, tag);
    assert_ok(&err);
    lab_request_done(&req);
}
