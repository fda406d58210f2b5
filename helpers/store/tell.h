/* SPDX-License-Identifier: MIT
 *
 * Private to helpers/store.  What is told on standard output, line by line. */
#ifndef VMKEEP_HELPERS_STORE_TELL_H
#define VMKEEP_HELPERS_STORE_TELL_H

#include <jansson.h>
#include <stdint.h>

int tell_line(json_t *line); /* takes it over; -1: nobody listens any more */

/* Prints that this file is worked on.  Should that hang, whoever has asked takes it for the
 * reason. */
void tell_at(const char *path);

/* How far it is, in bytes. */
void tell_progress(void *ctx, uint64_t done, uint64_t total);

#endif
