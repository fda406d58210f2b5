/* SPDX-License-Identifier: MIT
 *
 * Private to cmd_init.c and init_*.c: what there is on this machine that a configuration could be
 * about, and the configuration that follows from it.
 */
#ifndef VMKEEP_CLI_INIT_FOUND_H
#define VMKEEP_CLI_INIT_FOUND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/alloc.h"

/* A QEMU that runs, with a monitor of its own for us. */
struct init_qemu {
    char *name, *qmp; /* not NULL */
    char *agent;      /* NULL: it has none */
    long pid;
};

struct init_place {
    char *dir;
    bool is_there, is_repository;
    uint64_t free; /* 0: not known */
    char *problem; /* why it can be no repository's, and what to do; NULL: it can */
    char *remote;  /* the kind of its file system, should that be another machine's; else NULL */
};

struct init_found {
    VEC(struct init_qemu) qemus;
    struct strlist silent; /* QEMUs without a QMP socket that are not libvirt's: their names */
    struct strlist unfit;  /* of QEMUs that no configuration can name as they are: why */
    bool libvirt;          /* one that takes connections */
    const char *asleep; /* what starts the libvirt that is installed; NULL: it answers, or is not */
    struct init_place place;
};

/* Running QEMUs, by what they were started with (/proc). */
void init_find_qemus(struct init_found *ret);
/* One command line, words ended by NULs; cwd: where relative names begin, may be NULL. */
void init_read_command_line(const char *words, size_t len, long pid, const char *cwd,
                            struct init_found *ret);
/* Does something listen where libvirt does? */
void init_find_libvirt(struct init_found *ret);
/* Says on stderr which directory QEMU's user could not pass through to get at the place. */
void init_warn_of_closed(const struct init_found *f);
/* A repository that is there already, else the largest file system that is meant for data, else
 * /srv/backup. place: somebody has said it; NULL: nobody has.  Waits a few seconds at most. */
void init_find_place(const char *place, struct init_place *ret);
void init_place_done(struct init_place *p);
void init_qemu_done(struct init_qemu *q);
void init_found_done(struct init_found *f);

/* The configuration; what was not found stands in it as a comment. */
void init_write(const struct init_found *f, FILE *out);

#endif
