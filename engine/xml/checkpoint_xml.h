/* SPDX-License-Identifier: MIT
 *
 * checkpoint_xml: libvirt's <domaincheckpoint> (formatcheckpoint.html of libvirt-doc, schema
 * domaincheckpoint.rng), read and written.  The rules of engine/xml/backup_xml.h hold here too.
 */
#ifndef VMKEEP_ENGINE_CHECKPOINT_XML_H
#define VMKEEP_ENGINE_CHECKPOINT_XML_H

#include "base/err.h"
#include "engine/checkpoint_document.h"

/* What libvirt only reads when a checkpoint is redefined (creationTime, parent, domain, size) is
 * read here, so that a document of ours can be read again; of <domain>, whatever it holds, the
 * <name>. ERR_INVALID, ERR_UNSUPPORTED as in engine/xml/backup_xml.h. */
int checkpoint_document_parse(const char *xml, size_t len, struct checkpoint_document **ret,
                              struct err *err);
/* Caller frees. */
char *checkpoint_document_format(const struct checkpoint_document *d);

#endif
