/* SPDX-License-Identifier: MIT */
#ifndef VMKEEP_REPORT_JSON_WRITE_H
#define VMKEEP_REPORT_JSON_WRITE_H

#include <jansson.h>
#include <stdio.h>

/* As json_dumpf with JSON_INDENT(2) | JSON_ENCODE_ANY, in a third of the time.  depth: in how many
 * others it stands. */
void json_write(json_t *value, int depth, FILE *out);

#endif
