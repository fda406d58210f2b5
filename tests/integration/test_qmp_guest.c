/* SPDX-License-Identifier: MIT
 *
 * What backups do to a guest that runs: quiescing it, and getting it out of trouble.  The guest
 * is a boot sector; its agent is a fake on a socket. */
#include "tests/support/test.h"

#include <ev.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "engine/qmp/domain/freezer.h"
#include "tests/integration/qmp_support.h"
#include "tests/support/fake_agent.h"

#define MARK "vk-frozen"

/* ---- quiescing ---- */

struct quiesce_lab {
    struct lab lab;
    struct fake_agent agent;
    char *socket;
    struct lab_request req;
    struct backup_begun begun;
    bool marked_at_freeze;
    ev_timer wake;
};

static bool has_mark(struct lab *lab)
{
    json_t *nodes = test_qemu_command(&lab->qemu, "query-named-block-nodes", NULL), *node;
    bool ret = false;
    size_t i;

    json_array_foreach(nodes, i, node)
        ret |= strcmp(json_string_value(json_object_get(node, "node-name")), MARK) == 0;
    json_decref(nodes);
    return ret;
}

static void look_for_mark(void *ctx)
{
    struct quiesce_lab *q = ctx;

    q->marked_at_freeze = has_mark(&q->lab);
}

static void quiesce_start(struct quiesce_lab *q, enum quiesce quiesce)
{
    const struct test_qemu_disk disk = {.format = "qcow2", .size = SMALL};

    *q = (struct quiesce_lab){0};
    lab_prepare(&q->lab, &disk, 1);
    q->socket = test_qemu_path(&q->lab.qemu, "agent.sock");
    q->agent.on_freeze = look_for_mark;
    q->agent.ctx = q;
    fake_agent_start(&q->agent, q->socket);
    q->lab.agent = q->socket;
    lab_launch(&q->lab);
    test_qemu_do(&q->lab.qemu, "cont", NULL);
    lab_request_init(&q->req, &q->lab, "q", NULL, "cp");
    q->req.r.quiesce = quiesce;
}

static struct err quiesce_begin(struct quiesce_lab *q)
{
    return lab_begin(&q->lab, &q->req.r, &q->begun);
}

static void quiesce_done(struct quiesce_lab *q)
{
    lab_stop_driver(&q->lab);
    fake_agent_stop(&q->agent);
    lab_request_done(&q->req);
    lab_done(&q->lab);
    free(q->socket);
}

static bool job_exists(struct quiesce_lab *q)
{
    return lab_stats(&q->lab, "q").state != HVJOB_NONE;
}

static void frozen_and_thawed(void **state)
{
    struct quiesce_lab q;
    struct err err;

    (void)state;
    quiesce_start(&q, QUIESCE_REQUIRE);
    err = quiesce_begin(&q);
    assert_ok(&err);
    assert_true(q.begun.quiesced);
    assert_string_equal(q.begun.note, "");
    assert_true(q.begun.frozen_ms >= 0 && q.begun.frozen_ms < 5000);
    assert_true(q.marked_at_freeze);
    assert_false(has_mark(&q.lab));
    assert_int_equal(q.agent.freezes, 1);
    assert_int_equal(q.agent.thaws, 1);
    assert_int_equal(q.agent.connections, 1);
    assert_false(q.agent.frozen);
    quiesce_done(&q);
}

static void quiesced_checkpoint(void **state)
{
    struct quiesce_lab q;
    struct err err;

    (void)state;
    quiesce_start(&q, QUIESCE_OFF);
    q.lab.quiesce = true;
    err = lab_checkpoint_create(&q.lab, "one", "d0", NULL);
    assert_ok(&err);
    assert_true(q.marked_at_freeze);
    assert_int_equal(q.agent.freezes, 1);
    assert_false(q.agent.frozen);
    assert_false(has_mark(&q.lab));
    /* One that cannot be made leaves nobody frozen. */
    err = lab_checkpoint_create(&q.lab, "two", "d0", "d7");
    assert_int_equal(err.code, ERR_NOTFOUND);
    assert_false(q.agent.frozen);
    assert_false(has_mark(&q.lab));
    q.agent.refuses_freeze = true;
    err = lab_checkpoint_create(&q.lab, "three", "d0", NULL);
    assert_non_null(strstr(err.msg, "quiesce the guest: "));
    assert_false(q.agent.frozen);
    assert_false(has_mark(&q.lab));
    q.agent.refuses_freeze = false;
    test_qemu_do(&q.lab.qemu, "stop", NULL);
    err = lab_checkpoint_create(&q.lab, "four", "d0", NULL);
    assert_string_equal(err.msg, "quiesce the guest: the guest does not run");
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    quiesce_done(&q);
}

static void freeze_refused(void **state)
{
    struct quiesce_lab q;
    struct err err;

    (void)state;
    quiesce_start(&q, QUIESCE_REQUIRE);
    q.agent.refuses_freeze = true;
    err = quiesce_begin(&q);
    assert_err(&err, ERR_REMOTE, "quiesce the guest: guest agent: ");
    assert_false(job_exists(&q));
    lab_count_nodes(&q.lab);
    assert_false(path_exists(q.req.targets[0]));
    q.req.r.quiesce = QUIESCE_TRY;
    err = quiesce_begin(&q);
    assert_ok(&err);
    assert_false(q.begun.quiesced);
    assert_non_null(strstr(q.begun.note, "hook said no"));
    assert_true(job_exists(&q));
    assert_false(has_mark(&q.lab));
    assert_int_equal(q.agent.thaws, 0); /* it was not frozen by us */
    quiesce_done(&q);
}

/* The connection is lost while the guest is, perhaps, frozen; thaws are lost, too. */
static void connection_lost(void **state)
{
    struct quiesce_lab q;
    struct err err;

    (void)state;
    quiesce_start(&q, QUIESCE_TRY);
    q.agent.drops_freeze = true;
    q.agent.drops_thaws = 1;
    err = quiesce_begin(&q);
    assert_ok(&err);
    assert_false(q.begun.quiesced);
    assert_non_null(strstr(q.begun.note, "connection closed"));
    assert_false(q.agent.frozen);
    assert_int_equal(q.agent.thaws, 2);
    assert_true(job_exists(&q));
    assert_false(has_mark(&q.lab));
    quiesce_done(&q);
}

/* The transaction fails while the guest is frozen. */
static void thawed_after_an_error(void **state)
{
    struct quiesce_lab q;
    struct err err;

    (void)state;
    quiesce_start(&q, QUIESCE_REQUIRE);
    TEST_RUN("qemu-img", "create", "-q", "-f", "qcow2", q.req.targets[0], "8M");
    q.req.r.reuse_external = q.req.r.made_empty = true;
    err = quiesce_begin(&q);
    assert_err(&err, ERR_INVALID, "not of its disk's size: disk d0 has 16777216 bytes");
    assert_int_equal(q.agent.freezes, 1);
    assert_false(q.agent.frozen);
    assert_false(has_mark(&q.lab));
    lab_count_nodes(&q.lab);
    quiesce_done(&q);
}

static void on_turn(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)w;
    (void)revents;
}

/* Lets the loop run until cond is so, for 20 s at most. */
static void wait_for(bool (*cond)(struct quiesce_lab *q), struct quiesce_lab *q)
{
    ev_timer tick;

    ev_timer_init(&tick, on_turn, 0.02, 0.02);
    ev_timer_start(EV_DEFAULT, &tick);
    for (int i = 0; !cond(q); i++) {
        assert_true(i < 1000);
        ev_run(EV_DEFAULT, EVRUN_ONCE);
    }
    ev_timer_stop(EV_DEFAULT, &tick);
}

static bool is_thawed_and_unmarked(struct quiesce_lab *q)
{
    return !q->agent.frozen && !has_mark(&q->lab);
}

/* A daemon that died has left the guest frozen: its successor finds the mark. */
static void thawed_by_the_successor(void **state)
{
    struct quiesce_lab q;

    (void)state;
    quiesce_start(&q, QUIESCE_TRY);
    lab_stop_driver(&q.lab);
    test_qemu_do(&q.lab.qemu, "blockdev-add",
                 json_pack("{s:s, s:s, s:i}", "driver", "null-co", "node-name", MARK, "size", 512));
    q.agent.frozen = true;
    lab_start_driver(&q.lab);
    wait_for(is_thawed_and_unmarked, &q);

    /* Frozen by somebody else, without our mark: that is theirs. */
    q.agent.frozen = true;
    lab_restart_driver(&q.lab);
    domain_facts_free(lab_look(&q.lab));
    assert_true(q.agent.frozen);
    quiesce_done(&q);
}

static bool says_frozen(struct quiesce_lab *q, int64_t *ret_for)
{
    struct domain_facts *f = lab_look(&q->lab);
    bool ret = f->perhaps_frozen;

    if (ret_for)
        *ret_for = f->frozen_for;
    domain_facts_free(f);
    return ret;
}

static int thaw_tries(struct quiesce_lab *q)
{
    struct hv_thaw thaw;

    q->lab.hv->ops->thaw(q->lab.hv, "web01", &thaw);
    if (thaw.tries > 0)
        assert_non_null(strstr(thaw.why, "guest agent: "));
    return thaw.tries;
}

static bool tries_again(struct quiesce_lab *q)
{
    return thaw_tries(q) >= 2;
}

static bool says_thawed(struct quiesce_lab *q)
{
    return !says_frozen(q, NULL);
}

/* The agent freezes, and is silent then: the backup says so, and a required one fails; the
 * domain is known as perhaps frozen, by the next driver too, until the agent confirms the thaw. */
static void thaw_hangs(void **state)
{
    struct quiesce_lab q;
    int64_t age;
    struct err err;

    (void)state;
    quiesce_start(&q, QUIESCE_TRY);
    assert_false(says_frozen(&q, NULL));
    assert_int_equal(thaw_tries(&q), 0);
    q.agent.drops_thaws = 1000;
    err = quiesce_begin(&q);
    assert_ok(&err);
    assert_true(q.begun.perhaps_frozen);
    assert_non_null(strstr(q.begun.note, "perhaps still frozen, and the thaw is tried again: "
                                         "guest agent: "));
    assert_true(says_frozen(&q, &age));
    assert_true(age >= 5 && age < 60);
    wait_for(tries_again, &q);
    lab_restart_driver(&q.lab);
    assert_true(says_frozen(&q, &age));
    assert_int_equal(age, -1);
    q.agent.drops_thaws = 0;
    wait_for(says_thawed, &q);
    wait_for(is_thawed_and_unmarked, &q);
    assert_int_equal(thaw_tries(&q), 0);
    quiesce_done(&q);

    quiesce_start(&q, QUIESCE_REQUIRE);
    q.agent.drops_thaws = 1000;
    err = quiesce_begin(&q);
    assert_err(&err, ERR_REMOTE,
               "quiesce the guest: the guest's file systems are perhaps still "
               "frozen, and the thaw is tried again: guest agent: ");
    assert_false(job_exists(&q));
    assert_false(path_exists(q.req.targets[0]));
    assert_true(says_frozen(&q, NULL));
    /* The next one says what to do. */
    err = quiesce_begin(&q);
    assert_err(&err, ERR_UNSUPPORTED,
               "quiesce the guest: the guest agent has not confirmed the thaw of an earlier "
               "backup: in the guest, see to its agent, or run `fsfreeze --unfreeze MOUNTPOINT`; "
               "vmkeepd tries to thaw it until the agent confirms it");
    quiesce_done(&q);
}

/* The agent's socket is taken away while the guest is frozen: QEMU still runs, and so is it. */
static void socket_taken_away(void **state)
{
    struct quiesce_lab q;
    struct err err;
    int thaws;

    (void)state;
    quiesce_start(&q, QUIESCE_TRY);
    q.agent.drops_thaws = 1000;
    q.agent.hides_after_freeze = true;
    err = quiesce_begin(&q);
    assert_ok(&err);
    assert_true(q.begun.perhaps_frozen);
    assert_true(says_frozen(&q, NULL));
    thaws = q.agent.thaws;
    q.agent.drops_thaws = 0;
    fake_agent_show(&q.agent);
    wait_for(says_thawed, &q);
    assert_true(q.agent.thaws > thaws);
    assert_false(q.agent.frozen);
    quiesce_done(&q);
}

/* The driver is freed while the guest is frozen: the thaw is sent before that. */
static bool is_frozen(struct quiesce_lab *q)
{
    return q->agent.frozen;
}

static bool is_thawed(struct quiesce_lab *q)
{
    return !q->agent.frozen;
}

static void count_done(void *ctx, const struct err *err)
{
    assert_int_equal(err->code, ERR_CANCELED);
    ++*(int *)ctx;
}

static void thawed_on_shutdown(void **state)
{
    struct quiesce_lab q;
    struct err err;
    int done = 0;

    (void)state;
    quiesce_start(&q, QUIESCE_REQUIRE);
    assert_non_null(q.lab.hv->ops->backup_begin(q.lab.hv, &q.req.r, NULL, count_done, &done, &err));
    wait_for(is_frozen, &q);
    lab_stop_driver(&q.lab);
    assert_int_equal(done, 1);
    wait_for(is_thawed, &q);
    quiesce_done(&q);
}

static void no_answer(void **state)
{
    struct quiesce_lab q;
    struct err err;

    (void)state;
    quiesce_start(&q, QUIESCE_TRY);
    q.agent.silent = true;
    err = quiesce_begin(&q);
    assert_ok(&err);
    assert_non_null(strstr(q.begun.note, "guest agent: no answer within"));
    assert_false(has_mark(&q.lab));
    quiesce_done(&q);
}

static void wake_qemu(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct quiesce_lab *q = w->data;

    (void)loop;
    (void)revents;
    assert_false(q->agent.frozen);
    kill(q->lab.qemu.pid, SIGCONT);
}

static void stop_qemu(void *ctx)
{
    struct quiesce_lab *q = ctx;

    kill(q->lab.qemu.pid, SIGSTOP);
    ev_timer_init(&q->wake, wake_qemu, q->req.r.freeze_s + 1, 0);
    q->wake.data = q;
    ev_timer_start(EV_DEFAULT, &q->wake);
}

/* QEMU hangs while the guest is frozen: it is thawed in time, and the backup that then began
 * must not stay, nor its checkpoint. */
static void hold_ends(void **state)
{
    struct quiesce_lab q;
    struct domain_facts *f;
    struct err err;

    (void)state;
    quiesce_start(&q, QUIESCE_REQUIRE);
    q.req.r.freeze_s = 3;
    q.agent.on_freeze = stop_qemu;
    err = quiesce_begin(&q);
    assert_err(&err, ERR_TIMEOUT, "quiesce the guest: QEMU took longer than 3 s to begin");
    assert_false(job_exists(&q));
    lab_count_nodes(&q.lab);
    assert_false(path_exists(q.req.targets[0]));
    f = lab_look(&q.lab);
    assert_int_equal(f->disks.items[0].bitmaps.n, 0);
    domain_facts_free(f);
    quiesce_done(&q);
}

/* ---- a full target stops the guest ---- */

/* Writes 32 KiB at every 64 KiB of its own disk from 2 MiB on, and begins anew. */
static const unsigned char boot_sector[] = {
    0x31, 0xc0,                         /* 00 xor ax, ax */
    0x8e, 0xd8,                         /* 02 mov ds, ax */
    0xbe, 0x30, 0x7c,                   /* 04 mov si, 0x7c30 */
    0xb8, 0x00, 0x43,                   /* 07 mov ax, 0x4300: extended write */
    0xb2, 0x80,                         /* 0a mov dl, 0x80 */
    0xcd, 0x13,                         /* 0c int 0x13 */
    0x81, 0x06, 0x38, 0x7c, 0x80, 0x00, /* 0e add word [0x7c38], 128 */
    0x81, 0x26, 0x38, 0x7c, 0xff, 0x3f, /* 14 and word [0x7c38], 0x3fff */
    0x81, 0x0e, 0x38, 0x7c, 0x00, 0x10, /* 1a or word [0x7c38], 0x1000 */
    0xeb, 0xe2,                         /* 20 jmp 04 */
};
/* Size, 64 sectors from 1000:0000, to sector 0x1000. */
static const unsigned char boot_packet[] = {0x10, 0,    0x40, 0, 0, 0, 0, 0x10,
                                            0,    0x10, 0,    0, 0, 0, 0, 0};

static void write_boot_sector(const char *image)
{
    unsigned char sector[512] = {[510] = 0x55, [511] = 0xaa};
    CLEANUP_CLOSE int fd = open(image, O_WRONLY | O_CLOEXEC);

    memcpy(sector, boot_sector, sizeof(boot_sector));
    memcpy(sector + 0x30, boot_packet, sizeof(boot_packet));
    assert_int_equal(pwrite(fd, sector, sizeof(sector), 0), sizeof(sector));
}

static char *status_of(struct lab *lab)
{
    json_t *reply = test_qemu_command(&lab->qemu, "query-status", NULL);
    char *ret = xstrdup(json_string_value(json_object_get(reply, "status")));

    json_decref(reply);
    return ret;
}

static void guest_is_rescued(void **state)
{
    const struct test_qemu_disk disk = {.format = "raw", .size = SMALL};
    CLEANUP_FREE char *small = NULL, *target = NULL, *status = NULL;
    struct lab_request req;
    struct hv_job_stats stats;
    struct lab lab;
    struct err err;

    (void)state;
    lab_prepare(&lab, &disk, 1);
    write_boot_sector(lab.qemu.images[0]);
    small = test_qemu_path(&lab.qemu, "small");
    target = xasprintf("%s/t.qcow2", small);
    assert_int_equal(mkdir_all(small, 0700, &err), 0);
    assert_int_equal(mount("tmpfs", small, "tmpfs", 0, "size=2M"), 0);
    lab_launch(&lab);
    test_qemu_write(&lab.qemu, 0, 7, 2 << 20, 8 << 20); /* what the guest overwrites */
    lab_request_init(&req, &lab, "g", NULL, NULL);
    req.disks[0].place.path = target;
    req.r.bandwidth = 65536;
    err = lab_begin(&lab, &req.r, NULL);
    assert_ok(&err);
    test_qemu_do(&lab.qemu, "cont", NULL);
    stats = lab_wait_end(&lab, "g");
    assert_int_equal(stats.state, HVJOB_FAILED);
    assert_err(&stats.err, ERR_NOSPACE,
               "the guest was stopped by an I/O error (No space left on device) during the backup");
    status = status_of(&lab);
    assert_string_equal(status, "running");
    lab_count_nodes(&lab);
    lab_request_done(&req);
    lab_stop_driver(&lab);
    test_qemu_kill(&lab.qemu);
    assert_int_equal(umount2(small, MNT_DETACH), 0);
    lab_done(&lab);
}

/* Mounts of ours are seen by nobody else, and go when we do. */
static void own_mounts(void)
{
    assert_int_equal(unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS), 0);
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frozen_and_thawed),
        cmocka_unit_test(quiesced_checkpoint),
        cmocka_unit_test(freeze_refused),
        cmocka_unit_test(connection_lost),
        cmocka_unit_test(thawed_after_an_error),
        cmocka_unit_test(thawed_by_the_successor),
        cmocka_unit_test(thaw_hangs),
        cmocka_unit_test(socket_taken_away),
        cmocka_unit_test(thawed_on_shutdown),
        cmocka_unit_test(no_answer),
        cmocka_unit_test(guest_is_rescued),
        cmocka_unit_test(hold_ends),
    };

    own_mounts();
    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
