/* SPDX-License-Identifier: MIT
 *
 * Private to jobs/.  A backup's request as the catalog keeps it: its written form, which is its
 * document.  Of jobs/ this alone knows XML.
 */
#ifndef VMKEEP_JOBS_KEPT_REQUEST_H
#define VMKEEP_JOBS_KEPT_REQUEST_H

#include "engine/backup_document.h"
#include "storage/catalog/catalog.h"

char *kept_request_text(const struct backup_request *q); /* caller frees */
/* ERR_CORRUPT, or what is wrong with what is kept. */
int kept_request_read(const struct job *row, struct backup_document **ret, struct err *err);

#endif
