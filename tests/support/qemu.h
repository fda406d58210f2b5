/* SPDX-License-Identifier: MIT
 *
 * A real QEMU for tests: its block layer and its monitors, with a machine that never starts to run.
 * Guest writes are made by the machine's own disk (HMP qemu-io), and kept in a raw reference file
 * beside each disk, to compare backups with.  Asserts where anything goes wrong.
 */
#ifndef VMKEEP_TESTS_QEMU_H
#define VMKEEP_TESTS_QEMU_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TEST_QEMU_DISKS 4

struct test_qemu_disk {
    const char *format;  /* qcow2 */
    const char *options; /* for qemu-img create -o, or NULL */
    uint64_t size;
};

struct test_qemu {
    char *dir; /* of its own, below $TMPDIR */
    char *qmp; /* a monitor for whoever is tested */
    char *images[TEST_QEMU_DISKS];
    char *refs[TEST_QEMU_DISKS];
    struct test_qemu_disk disks[TEST_QEMU_DISKS];
    size_t n_disks;
    const char *object;         /* an -object, or NULL */
    const char *device;         /* the kind of each -device; NULL: virtio-blk-pci */
    const char *device_options; /* more of each -device, such as ",werror=stop"; or NULL */
    bool no_ids;                /* the devices have none */
    const char *const *more;    /* arguments before the disks, with a NULL at the end; or NULL */
    pid_t pid;
    int control; /* a monitor for the test */
};

/* Makes the directory and the disks' images. */
void test_qemu_init(struct test_qemu *q, const struct test_qemu_disk *disks, size_t n);

/* Starts QEMU on them: nodes d0, d1 ... (format) on d0f ... (file), devices of the same names */
void test_qemu_start(struct test_qemu *q);

/* One QMP command; its "return", or NULL when QEMU answers with an error.  Caller decrefs. */
json_t *test_qemu_command(struct test_qemu *q, const char *command, json_t *args);
/* The words of an error that it must answer with.  Caller frees. */
char *test_qemu_refusal(struct test_qemu *q, const char *command, json_t *args);
/* The same, for those that must succeed and whose answer does not matter. */
void test_qemu_do(struct test_qemu *q, const char *command, json_t *args);

/* A guest's write. */
void test_qemu_write(struct test_qemu *q, size_t disk, unsigned char pattern, uint64_t offset,
                     uint64_t len);

/* A guest's write of zeroes, by the command for that. */
void test_qemu_zero(struct test_qemu *q, size_t disk, uint64_t offset, uint64_t len);

/* A copy of the disk's reference as it is now. Caller frees the path. */
char *test_qemu_reference(struct test_qemu *q, size_t disk, const char *name);

void test_qemu_quit(struct test_qemu *q); /* orderly: bitmaps are saved */
void test_qemu_kill(struct test_qemu *q);

/* Kills it if it runs, removes the directory. */
void test_qemu_done(struct test_qemu *q);

/* A path in its directory. Caller frees. */
char *test_qemu_path(const struct test_qemu *q, const char *name);

/* Runs a program; its exit status must be 0. */
void test_run(const char *const *argv);
#define TEST_RUN(...) test_run((const char *const[]){__VA_ARGS__, NULL})

/* Have both images the same contents? */
bool test_same_contents(const char *raw, const char *qcow2);

#endif
