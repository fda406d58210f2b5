/* SPDX-License-Identifier: MIT
 *
 * Private to engine/xml/backup_xml*.c. */
#ifndef VMKEEP_ENGINE_BACKUP_XML_PRIV_H
#define VMKEEP_ENGINE_BACKUP_XML_PRIV_H

#include "engine/xml/backup_xml.h"
#include "engine/xml/xml.h"

#define EXPORT_NAME_MAX 4096 /* NBD's longest string (nbd/nbd.h of QEMU: NBD_MAX_STRING_SIZE) */
#define BITMAP_NAME_MAX 1023 /* QEMU's longest (BDRV_BITMAP_MAX_NAME_SIZE) */

#define OWN_LABELS "files keep the labels that the host's rules give them"

struct backup_reader {
    struct backup_document *d;
    struct err *err;
};

struct xml_value backup_xml_value(struct backup_reader *r, const struct _xmlNode *node,
                                  const char *attribute);
/* An attribute that has no meaning where it stands: ERR_INVALID if it is there. */
int backup_xml_refuse(struct backup_reader *r, const struct _xmlNode *node, const char *attribute,
                      const char *why);
/* Text of 1 to max bytes; an absent one leaves *ret alone. */
int backup_xml_name(struct backup_reader *r, const struct _xmlNode *node, const char *attribute,
                    size_t max, const char **ret);
/* <server> in the root. */
int backup_xml_server(struct backup_reader *r, const struct _xmlNode *root);
/* <target> or <scratch> in a <disk>, whose type and format are known. */
int backup_xml_place(struct backup_reader *r, const struct _xmlNode *node,
                     struct backup_disk *disk);

#endif
