/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  The host: its connection, which domains it has, and who hears of what
 * happens there.
 *
 *   driver.c   the table of operations; each is in a file of its own
 *   host.c     the list of domains, kept by events; what happens, told to the listener
 *   task.h     an operation: several questions, one after the other
 *   images.h   domains that are shut off
 *   peer.h     the process that asks libvirt;  wire.h: what it is asked and answers
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_HOST_H
#define VMKEEP_ENGINE_LIBVIRT_HOST_H

#include <ev.h>

#include "base/record.h"
#include "engine/hypervisor.h"
#include "engine/libvirt/beside.h"
#include "engine/libvirt/peer.h"
#include "engine/libvirt/wire.h"

struct libvirt_task;
struct libvirt_jobs;

/* One as it was listed last. */
struct libvirt_domain {
    char *name, *uuid;
    bool persistent, active;
};

struct libvirt_told {
    enum hv_event_type type;
    char *domain; /* NULL: HV_EVENT_DOMAINS */
};

struct libvirt_host;

/* Who looks after jobs hears it first (jobs.h); before the listener, and from inside. */
struct libvirt_hearers {
    /* There is a connection again; events were lost before. */
    void (*up)(struct libvirt_host *h);
    /* Of that domain, and of any kind: "what" in vmkeep-libvirt(1). */
    void (*event)(struct libvirt_host *h, const char *domain, const json_t *event);
};

struct libvirt_host {
    struct hypervisor hv; /* first */
    struct ev_loop *loop;
    struct peer *peer; /* NULL: it is being let go */
    enum libvirt_at at;
    bool local;                    /* it is this machine: its files are ours */
    struct hv_elsewhere elsewhere; /* !local; its strings are the host's own */
    int64_t down_since;            /* time of day; 0: it is up, or was never tried */

    bool known; /* it has told its domains, perhaps long ago */
    VEC(struct libvirt_domain) domains;
    struct err unknown_why;         /* !known: why the list could not be had; ERR_NONE: not asked */
    struct op *listing;             /* the question under way */
    struct libvirt_entries entries; /* its answer */
    bool stale;                     /* something came or went since it was asked */
    bool look_at_all;               /* once it is answered, for events were lost */

    hv_event_fn listener;
    void *listener_ctx;
    VEC(struct libvirt_told) tell; /* to be told from the loop, in this order */
    ev_timer telling;
    ev_timer relist; /* the list could not be had, while there is a connection */

    struct libvirt_task *tasks; /* operations under way, in no order */
    struct libvirt_jobs *jobs;  /* jobs.c's own */
    struct hypervisor *images;  /* images.h; NULL: none was needed yet */
    bool letting_go;            /* none may be had any more */
    const struct libvirt_hearers *hear;
};

static inline struct libvirt_host *libvirt_host_of(struct hypervisor *hv)
{
    return (struct libvirt_host *)hv;
}

/* NULL: ERR_REMOTE while nothing is known or the host cannot be asked now; ERR_NOTFOUND when it
 * has no such domain.  For this turn of the loop. */
const struct libvirt_domain *libvirt_host_domain(struct libvirt_host *h, const char *name,
                                                 struct err *err);

/* For who answers of a host that is away, too.  0: *ret is the domain, or NULL, and *ret_away says
 * why it cannot be asked; -1: as above. */
int libvirt_host_look(struct libvirt_host *h, const char *name, const struct libvirt_domain **ret,
                      struct err *ret_away, struct err *err);

/* Has the listener told, later. domain: NULL for HV_EVENT_DOMAINS. */
void libvirt_host_tell(struct libvirt_host *h, enum hv_event_type type, const char *domain);

void libvirt_host_start(struct libvirt_host *h, const char *uri, const char *program);
/* Its tasks are gone; what was asked of the peer ends from inside. */
void libvirt_host_done(struct libvirt_host *h);

/* ---- of struct hypervisor_ops ---- */

bool libvirt_domains(struct hypervisor *hv, struct strlist *ret, struct err *why);
bool libvirt_connected(struct hypervisor *hv, struct err *why);
void libvirt_listen(struct hypervisor *hv, hv_event_fn fn, void *ctx);

#endif
