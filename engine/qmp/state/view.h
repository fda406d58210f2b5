/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  What QEMU says of itself, decoded: the answers to a fixed list of queries
 * go in, structs come out.  Nothing here waits or talks to QEMU.
 *
 * A disk is a virtual block device with a writable medium.  Filters above its image (throttle, a
 * running backup's copy-before-write) are looked through: what counts is the node of the image
 * format, where the bitmaps live.
 */
#ifndef VMKEEP_ENGINE_QMP_VIEW_H
#define VMKEEP_ENGINE_QMP_VIEW_H

#include <jansson.h>

#include "base/files.h"
#include "engine/hypervisor.h"

/* The queries, in the order in which they are asked. */
enum view_query {
    Q_STATUS,
    Q_JOBS,
    Q_NODES,
    Q_EXPORTS,
    Q_OBJECTS,
    Q_IOTHREADS,
    Q_BLOCK,
    Q_GRAPH,
    Q_MIGRATION,
    Q_UUID,
    Q_COUNT
};
extern const char *const view_query_commands[Q_COUNT];
/* Ask the first n of them; Q_GRAPH and Q_UUID may fail (then they stay NULL). */
#define VIEW_ALL Q_COUNT
#define VIEW_JOBS Q_MIGRATION /* enough to look after jobs, without decoding disks */

struct view_disk {
    struct disk_facts facts;
    char *node; /* of the image format */
    char *
        tree; /* the image and all below it, as qemu-img takes it ("json:{...}"); NULL: it cannot */
    char *no_tree; /* why not */
    char *top;     /* what the device uses, but for filters of ours: above it a filter can go */
    /* The nodes of the image and of all that it stands on, where each is a qcow2 image of the
     * disk's size, so that QEMU knows of each which clusters it holds; else empty. */
    struct strlist layers;
    struct strlist devices; /* paths of the devices that use it: one, or several (multipath) */
};

struct view_job {
    char *id, *type;
    bool concluded;
    char *error; /* NULL: none */
    uint64_t done, total;
};

struct view_node {
    char *name, *driver;
    char *file;          /* as QEMU calls it */
    uint64_t size, used; /* virtual, and on disk */
};

/* A device, and the node that it uses. */
struct view_device {
    char *path, *node;
};

struct view {
    char *status; /* QEMU's word: running, paused, io-error ... */
    bool running;
    VEC(struct view_job) jobs;
    VEC(struct view_node) nodes;
    bool frozen_mark; /* we have frozen the guest's file systems, and not thawed them */
    bool trial;       /* a trial has a file open (look/trial.c), or has left it so */
    struct strlist exports, objects; /* ids */
    VEC(struct view_device) devices;
    bool iothreads; /* some disks may be served by threads of their own */
    json_t *graph;  /* NULL: not known */
    VEC(struct view_disk) disks;
    VEC(struct view_disk) asides; /* see struct domain_facts */
    char *foreign_job;
    char *uuid; /* NULL: it has none */
};

/* How disks get their names. */
struct view_names {
    const struct view_disk_name {
        char *name, *image;
        char *format; /* as configured; not what QEMU says */
    } * items;
    size_t n;
    const char *cwd; /* QEMU's working directory, for relative file names; may be NULL */
    const struct file_list *files; /* what its files, and those of items, are */
    struct strlist *wanted;        /* gets those of which that would have to be known, too */
};

/* replies: NULL where a query was not asked.  names NULL: disks are not wanted.  ret is filled
 * as far as it got; view_done in any case. ERR_PROTOCOL for answers of another shape,
 * ERR_INVALID when two disks have one name. */
int view_decode(json_t *const replies[Q_COUNT], const struct view_names *names, struct view *ret,
                struct err *err);
void view_done(struct view *v);

/* The files that are open, absolute, but for those of our own jobs.  cwd: see view_names. */
void view_list_files(const struct view *v, const char *cwd, struct strlist *ret);
/* query-block calls a device that has an id by that, and any other by its path.  The path in either
 * case, which is what qom-set wants; NULL for none.  Caller frees. */
char *view_device_path(const char *qdev);

const struct view_disk *view_find_disk(const struct view *v, const char *name);
/* The file that a node is on, as QEMU calls it, or NULL. */
const char *view_find_file(const struct view *v, const char *node);
const struct view_disk *view_find_aside(const struct view *v, const char *name);

#endif
