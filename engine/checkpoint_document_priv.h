/* SPDX-License-Identifier: MIT
 *
 * Private to engine/checkpoint_*.c. */
#ifndef VMKEEP_ENGINE_CHECKPOINT_DOCUMENT_PRIV_H
#define VMKEEP_ENGINE_CHECKPOINT_DOCUMENT_PRIV_H

#include "engine/checkpoint_document.h"

/* The domain's disk that disk i means, by its target or its image's path; its name and its
 * bitmap's are settled.  NULL with *err: there is none, it is listed twice, or its bitmap has
 * another name. */
const struct disk_facts *checkpoint_document_resolve(struct checkpoint_document *d, size_t i,
                                                     const struct domain_facts *facts,
                                                     struct err *err);

/* The domain's other disks, with checkpoint='no'. */
void checkpoint_document_list_rest(struct checkpoint_document *d, const struct domain_facts *facts);

#endif
