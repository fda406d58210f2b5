/* SPDX-License-Identifier: MIT
 *
 * ended: the event of a backup's end, printed.
 */
#ifndef VMKEEP_CLI_ENDED_H
#define VMKEEP_CLI_ENDED_H

#include <jansson.h>
#include <stdbool.h>

/* Is it one? */
bool ended_is(const json_t *event);
/* As virsh prints it; timestamp: with the time before. */
void ended_print(const json_t *event, bool timestamp);

#endif
