/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  A backup's beginning: what begin.c (the order of things) and
 * begin_check.c (the refusals) share. */
#ifndef VMKEEP_ENGINE_QMP_BEGIN_H
#define VMKEEP_ENGINE_QMP_BEGIN_H

#include "base/fsm.h"
#include "engine/qmp/ids.h"
#include "engine/qmp/look.h"

/* One disk of the request, and what has been done about it: undone in reverse. */
struct begin_disk {
    char *name, *base, *target, *format;
    bool track;
    bool is_device; /* the target is a block device */
    const struct view_disk *source;
    char file_node[NODE_NAME_MAX], format_node[NODE_NAME_MAX];
    bool created, file_added, format_added;
};

struct begin {
    struct task task; /* first */
    char tag[HV_TAG_MAX];
    char *checkpoint;
    VEC(struct begin_disk) disks;
    enum quiesce quiesce;
    bool reuse_external;
    uint64_t bandwidth;
    struct backup_begun begun, *ret;
    struct look look;
    struct fsm fsm;
    size_t next;    /* which disk, in states that go from one to the next */
    struct err err; /* the first error: then everything is undone */
};

/* Is the request in order by itself?  Before anything is asked. */
int begin_check_request(const struct backup_request *request, struct err *err);

/* Is it in order with what the look has shown?  Fills in each disk's source. */
int begin_check_domain(struct begin *b, struct err *err);

#endif
