/* SPDX-License-Identifier: MIT
 *
 * backup_xml: struct backup_request's written form, libvirt's <domainbackup> (formatbackup.html of
 * libvirt-doc, schema domainbackup.rng).  Beyond libvirt: a push target may be an NBD server,
 * <disk type='network'><target protocol='nbd' ...>, written like a domain's network disk.
 *
 * What is not supported is refused by name, never ignored; every error names element, attribute and
 * value.  No network, no entities, bounded size and depth.
 */
#ifndef VMKEEP_ENGINE_BACKUP_XML_H
#define VMKEEP_ENGINE_BACKUP_XML_H

#include "base/err.h"
#include "engine/backup_document.h"

#define DOCUMENT_MAX ((size_t)256 << 10) /* bytes; a larger one is refused */

/* ERR_INVALID: not well-formed, not a <domainbackup>, or a wrong value; ERR_UNSUPPORTED:
 * well-formed, and nothing that vmkeep can do. */
int backup_document_parse(const char *xml, size_t len, struct backup_document **ret,
                          struct err *err);
/* A document of any request, scheduled ones too: what backup-dumpxml shows.  Parsing it gives the
 * same request, but for what XML cannot hold (see engine/xml/xml.h).  Caller frees. */
char *backup_document_format(const struct backup_request *request);

#endif
