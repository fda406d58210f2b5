/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  The side that a domain's disks are on, which answers to QMP: the QEMU
 * that runs it, or nothing (side.c), or, while it is shut off, a storage daemon
 * (offline/offline.h). */
#ifndef VMKEEP_ENGINE_QMP_SIDE_H
#define VMKEEP_ENGINE_QMP_SIDE_H

#include "engine/qmp/domain/domain.h"

struct side {
    bool reconnects;   /* it has a socket, which is connected to whenever it can be */
    bool no_writer;    /* nothing writes to the disks */
    bool late_objects; /* it has no place for objects before the first one is made */

    /* Which domain an event of this one concerns; NULL: none. */
    struct domain *(*raises_for)(struct domain *d, enum hv_event_type type);
    /* The connection is lost, or could not be made. */
    void (*lost)(struct domain *d);
    /* The answer to a query that it cannot be asked; NULL: ask. */
    json_t *(*answer)(const struct domain *d, enum view_query query);
    /* Takes out of query-named-block-nodes' answer what is not there yet for whoever looks. */
    void (*hide)(const struct domain *d, json_t *nodes);
    /* Files that have to be looked at when the jobs have been; NULL: none. */
    void (*list_watched)(const struct domain *d, struct strlist *ret);
    /* Was the copy torn?  files: those, as they were then.  Adds that to what is known of the
     * jobs. */
    void (*judge)(struct domain *d, const struct file_list *files, bool running, struct err *err);
    /* It is not connected.  True: it will not come back, and *ret is how its jobs have ended. */
    bool (*ended)(const struct domain *d, struct hv_job_stats *ret);
    /* The jobs have been let go.  True: suspended; call it again. */
    bool (*let_go)(struct task *t);
    /* Frees what it has at the domain. */
    void (*free)(struct domain *d);
};

extern const struct side side_qemu;
/* A domain of which there are images alone: it counts as shut off, whatever happens. */
extern const struct side side_images;

#endif
