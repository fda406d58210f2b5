/* SPDX-License-Identifier: MIT
 *
 * Private to helpers/libvirt: one connection to one libvirtd, for a caller that must never wait.
 *
 * Threads: the main one runs libvirt's event loop, reads requests and never makes a call that may
 * block; workers make the calls.  Lines are written by whoever has one.  libvirt answers the
 * server's pings from whichever thread is inside of a call, and from the event loop
 * (virConnectSetKeepAlive in libvirt's reference manual).
 */
#ifndef VMKEEP_HELPERS_LIBVIRT_LIBVIRT_H
#define VMKEEP_HELPERS_LIBVIRT_LIBVIRT_H

#include <jansson.h>
#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/libvirt/wire.h"
#include "helpers/service.h"

/* ---- say.c: what is written; any thread ---- */

/* One line; takes it over.  Nobody reads any more: the program ends. */
void say(json_t *line);

/* ---- connection.c ---- */

/* Connects, and asks for nothing: what needs a password fails with ERR_DENIED.  Once. */
int connection_open(const char *uri, struct err *err);
virConnectPtr connection(void);
const char *connection_uri(void); /* as it was given */
/* Lost: it said so in a line. */
bool connection_lost(void);
/* False: a call that failed just now may have failed by the connection's end.  Any thread. */
bool connection_answers(void);
void connection_close(void);

/* ---- errors.c ---- */

/* libvirt's last error in this thread; -1. */
int libvirt_error(struct err *err);
/* Of the last call, which asked for a job and failed: does a backup begin? */
bool libvirt_backup_begins(void);
/* It stays the last one, though what is called now (a free) forgets it. */
void libvirt_keep_error(void);
/* Of a text alone, as jobs leave one. */
enum err_code libvirt_text_code(const char *text);
/* The domain has a channel for an agent, and none is there: nothing was sent. */
bool libvirt_agent_is_away(const char *text);

/* ---- events.c: tells of the host's events in lines ---- */
int events_start(struct err *err);

/* ---- work.c ---- */

/* Has a worker answer it: id (a reference is taken; NULL: none was given) goes into the answer.
 * Takes over request. */
void work_add(json_t *id, const struct service *s, void *request);
/* All that was added is answered. The event loop wakes when it becomes so. */
bool work_is_done(void);
void work_start(void);

/* ---- what can be asked for ---- */

extern const struct service domain_services[], job_services[], checkpoint_services[],
    guest_services[], define_services[], replace_services[];
extern const size_t n_domain_services, n_job_services, n_checkpoint_services, n_guest_services,
    n_define_services, n_replace_services;
extern const struct service_set libvirt_services;

/* One call of libvirt's, or several; < 0: its last error is the reason. */
typedef int domain_call(virDomainPtr dom, const struct libvirt_request *q, void *answer);

/* On the domain that q names.  ERR_NOTFOUND: there is none, or it has another UUID. */
int connection_on_domain(domain_call *call, const struct libvirt_request *q, void *answer,
                         struct err *err);

/* Defines run_NAME, for the table of services, from NAME_of, which is a domain_call. */
#define SERVICE_OF_DOMAIN(name)                                                                    \
    static int run_##name(const void *request, void *answer, struct err *err)                      \
    {                                                                                              \
        return connection_on_domain(name##_of, request, answer, err);                              \
    }

/* checkpoints.c: while none of the domain's is measured. */
int checkpoint_delete(virDomainCheckpointPtr c, unsigned flags);

/* volumes.c: adds to the answer where the volumes of a domain that is shut off are. */
void volumes_place(const char *xml, struct libvirt_domain_answer *d);

/* By name, once.  *why: caller frees. */
int guest_thaw(const char *domain, char **why);
/* Thaws what is frozen; tries for a while.  At the end of the program. */
void guest_thaw_all(void);

#endif
