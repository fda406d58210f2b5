/* SPDX-License-Identifier: MIT
 *
 * sending_of: what vmkeep-notify is asked, for a target of the configuration.
 */
#ifndef VMKEEP_NOTIFY_SENDING_OF_H
#define VMKEEP_NOTIFY_SENDING_OF_H

#include "base/ask.h"
#include "base/sending.h"
#include "policies/config.h"

/* All borrowed. */
struct sending sending_of(const struct config_target *t, const char *message);
struct ask sending_ask(const struct sending *s);

#endif
