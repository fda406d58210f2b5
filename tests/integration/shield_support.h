/* SPDX-License-Identifier: MIT
 *
 * Guest-safe copies and pulls, in the lab of qmp_support.h.  The guest's writes are made through
 * its device; they must all have arrived, whatever becomes of the backup. */
#ifndef VMKEEP_TESTS_SHIELD_SUPPORT_H
#define VMKEEP_TESTS_SHIELD_SUPPORT_H

#include "tests/integration/qmp_support.h"

#define MIB (UINT64_C(1) << 20)

struct shield_lab {
    struct lab lab;
    struct lab_request req;
    struct backup_begun begun;
    char *scratch, *socket;
    size_t nodes; /* before anything */
};

/* disks of SMALL bytes, the first half written. */
void shield_start(struct shield_lab *s, size_t disks);
/* The same in parts, as with lab_prepare. */
void shield_launched(struct shield_lab *s);
void shield_done(struct shield_lab *s);

/* Requests for all disks, in s->req. */
void want_push(struct shield_lab *s, const char *tag, const char *base, const char *checkpoint);
void want_pull(struct shield_lab *s, const char *tag, const char *base, const char *checkpoint);

/* Begins it; asserts that the guest is safe. */
void begin(struct shield_lab *s);

/* Nothing of ours is left at QEMU or in the scratch directory. */
void assert_clean(struct shield_lab *s);

/* The guest's own disks hold what it wrote.  QEMU is ended for that. */
void assert_guest_unharmed(struct shield_lab *s);

/* Writes a little of everything: where data was, where none was, and zeroes over data. */
void guest_writes(struct shield_lab *s, unsigned char pattern);

/* Small writes here and there, of data and of zeroes. */
void guest_scatters(struct shield_lab *s);

/* A copy of the disk as it is now. Caller frees the path. */
char *references(struct shield_lab *s, size_t disk, const char *what);

/* Of a disk's export. Caller frees. */
char *uri(const struct shield_lab *s, size_t disk);
void assert_export_is(const struct shield_lab *s, const char *where, const char *reference);

/* A tmpfs of 2 MiB, seen by this process alone after own_mounts. */
void mount_small(const char *dir);
void own_mounts(void);

/* qemu-nbd on a new raw file, writable, over TCP. */
struct server {
    pid_t pid;
    uint16_t port;
    char *image;
};
void serve(struct server *server, struct shield_lab *s, const char *size);
/* The same on a Unix socket. */
void serve_on(struct server *server, struct shield_lab *s, const char *size, const char *socket);
void server_done(struct server *server, int signal);
/* A push of the first disk to it. */
void want_push_to(struct shield_lab *s, const struct server *server, const char *tag);

#endif
