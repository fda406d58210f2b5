/* SPDX-License-Identifier: MIT
 *
 * config_load: the daemon's configuration, with what there is to say of it in the log. */
#ifndef VMKEEP_DAEMON_CONFIG_LOAD_H
#define VMKEEP_DAEMON_CONFIG_LOAD_H

#include "policies/config_file.h"

/* Reads the file; errors and warnings are logged, each in its line.  ERR_INVALID: it cannot be gone
 * by. */
int config_load(const char *path, struct config_file *ret, struct err *err);

#endif
