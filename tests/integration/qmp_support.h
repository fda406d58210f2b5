/* SPDX-License-Identifier: MIT
 *
 * A driver on a real QEMU, and its operations, each waited for. */
#ifndef VMKEEP_TESTS_QMP_SUPPORT_H
#define VMKEEP_TESTS_QMP_SUPPORT_H

#include "engine/qmp/driver.h"
#include "tests/support/qemu.h"

#define SMALL (UINT64_C(16) << 20)

struct lab {
    struct test_qemu qemu;
    struct hypervisor *hv;
    const char *agent; /* socket, or NULL */
    const char *tls_certificates;
    bool tls_no_verify;
    bool images;  /* the configuration names the disks' images */
    bool quiesce; /* checkpoints are made with the guest's file systems frozen */
    int job_events, domain_events;
};

/* A QEMU with n qcow2 disks of SMALL bytes, and a driver on it; the domain is called "web01", its
 * disks d0, d1 ... */
void lab_start(struct lab *lab, size_t n);
/* The same in parts: set lab->qemu.device_options, write into the images ... in between. */
void lab_prepare(struct lab *lab, const struct test_qemu_disk *disks, size_t n);
void lab_launch(struct lab *lab);
void lab_done(struct lab *lab);

/* The same without a QEMU: the domain is shut off, and its images are configured.  Their second
 * half is written. */
void lab_start_offline(struct lab *lab, size_t n);

/* The driver goes as if the daemon died, and a new one comes. */
void lab_restart_driver(struct lab *lab);
void lab_stop_driver(struct lab *lab);
void lab_start_driver(struct lab *lab);

struct domain_facts *lab_look(struct lab *lab); /* inspect; asserts success */

/* Each returns how it ended. */
struct err lab_inspect(struct lab *lab, struct domain_facts **ret);
struct err lab_begin(struct lab *lab, const struct backup_request *request,
                     struct backup_begun *begun);
struct hv_job_stats lab_stats(struct lab *lab, const char *tag); /* asserts success */
struct err lab_try_stats(struct lab *lab, const char *tag, struct hv_job_stats *ret);
struct err lab_abort(struct lab *lab, const char *tag);
struct err lab_forget(struct lab *lab, const char *tag);
/* other_disk: or NULL */
struct err lab_checkpoint_create(struct lab *lab, const char *name, const char *disk,
                                 const char *other_disk);
struct err lab_checkpoint_delete(struct lab *lab, const char *name);

struct err lab_allocation(struct lab *lab, const char *tag, struct allocation *items, size_t n);

/* Waits for one more event that the job may have ended than there were (lab->job_events). */
void lab_wait_job_event(struct lab *lab, int since);

/* Asserts that QEMU has none of our nodes, and returns the number of all. */
size_t lab_count_nodes(struct lab *lab);

/* Waits, by events alone, until the job has ended. */
struct hv_job_stats lab_wait_end(struct lab *lab, const char *tag);

void assert_ok(const struct err *err);
void assert_err(const struct err *err, enum err_code code, const char *text);

/* Backs up disks d0 .. d(n-1) to DIR/TAG-N.qcow2, waits, forgets the job. base, checkpoint: or
 * NULL. */
void lab_backup(struct lab *lab, const char *tag, const char *base, const char *checkpoint);
char *lab_target(const struct lab *lab, const char *tag, size_t disk);

/* A request for all disks; its parts live in req. */
struct lab_request {
    struct backup_request r;
    struct backup_disk disks[TEST_QEMU_DISKS];
    char *targets[TEST_QEMU_DISKS];
    char names[TEST_QEMU_DISKS][8];
};
void lab_request_init(struct lab_request *req, const struct lab *lab, const char *tag,
                      const char *base, const char *checkpoint);
void lab_request_done(struct lab_request *req);

#endif
