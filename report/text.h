/* SPDX-License-Identifier: MIT
 *
 * text: the status for people, on a terminal.
 */
#ifndef VMKEEP_REPORT_TEXT_H
#define VMKEEP_REPORT_TEXT_H

#include <stdio.h>

#include "report/model.h"

void report_status_text(const struct status *s, FILE *out);

#endif
