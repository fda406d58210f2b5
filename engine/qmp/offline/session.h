/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp/offline and begin_offline.c.  What a domain that stands for images has of
 * its own; see offline.h. */
#ifndef VMKEEP_ENGINE_QMP_SESSION_H
#define VMKEEP_ENGINE_QMP_SESSION_H

#include "engine/qmp/offline/image.h"
#include "engine/qmp/offline/image_watch.h"
#include "engine/qmp/state/ids.h"

struct storage_daemon;

enum offline_phase {
    OFFLINE_READING,
    OFFLINE_MARKING,
    OFFLINE_WATCHING,
    OFFLINE_CONNECTING,
    OFFLINE_ATTACHING,
    OFFLINE_READY,
    OFFLINE_STOPPING, /* and from here on back */
    OFFLINE_UNMARKING,
    OFFLINE_OVER,
};

struct offline {
    struct domain *parent;
    char tag[HV_TAG_MAX];
    char *checkpoint; /* the new one; NULL: none */
    enum offline_phase phase;
    bool started; /* reading */
    size_t next;
    struct images images;
    struct strlist marked; /* disks whose images got the new bitmap, probably */
    struct image_watch watch;
    bool whole; /* the copy was found to be so when it ended: nothing can change that */
    struct storage_daemon *daemon; /* NULL: none runs */
    struct task *waiter;           /* for the daemon's end */
    bool stopping;
    struct err why; /* how the daemon has ended by itself */
};

#define OFFLINE_TORN                                                                               \
    "the domain was started while its images were being copied; the backup is given up"

void offline_node(char ret[NODE_NAME_MAX], size_t i, bool file);
struct domain *offline_new(struct domain *parent, const char *tag, const char *checkpoint);
int offline_start_daemon(struct domain *d, struct err *err);
/* True: the task waits for the daemon's end.  False: there is none. */
bool offline_stop_daemon(struct task *t);
void offline_over(struct domain *d);

/* offline_view.c: what the storage daemon cannot be asked; see struct side. */
json_t *offline_answer(const struct domain *d, enum view_query query);
void offline_hide(const struct domain *d, json_t *nodes);

#endif
