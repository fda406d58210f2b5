/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  Sees a domain's socket appear, so that a QEMU that was started is known
 * at once.
 *
 * The socket's directory is watched, or as much of its path as is there.  Without inotify (its
 * limits are reached) the timer of connection.c does the same, more slowly. */
#ifndef VMKEEP_ENGINE_QMP_SOCKET_WATCH_H
#define VMKEEP_ENGINE_QMP_SOCKET_WATCH_H

#include <ev.h>

struct domain;
struct qmp_hypervisor;

struct socket_watch {
    int fd; /* -1: none */
    ev_io io;
};

void socket_watch_start(struct qmp_hypervisor *owner);
void socket_watch_stop(struct qmp_hypervisor *owner);

/* Watches for the domain's socket: to be called whenever it could not be connected to. */
void socket_watch_domain(struct domain *d);

#endif
