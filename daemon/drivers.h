/* SPDX-License-Identifier: MIT
 *
 * drivers: the hypervisors that this daemon can talk to.  A new one is a folder under engine/ and a
 * line here. */
#ifndef VMKEEP_DAEMON_DRIVERS_H
#define VMKEEP_DAEMON_DRIVERS_H

#include "base/err.h"
#include "engine/hypervisor.h"
#include "policies/config.h"

struct ev_loop;

/* ERR_UNSUPPORTED when there is no driver for such a host. */
struct hypervisor *driver_open(struct ev_loop *loop, const struct config_host *host,
                               struct err *err);

#endif
