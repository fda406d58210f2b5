/* SPDX-License-Identifier: MIT
 *
 * Private to engine/xml/xml_read.c: a tree held against the table of what may stand in it.
 */
#ifndef VMKEEP_ENGINE_XML_SHAPE_H
#define VMKEEP_ENGINE_XML_SHAPE_H

#include "engine/xml/xml.h"

/* ERR_INVALID, ERR_UNSUPPORTED; see xml_read. */
int xml_shape_check(const struct _xmlNode *root, const struct xml_shape *shape, struct err *err);

#endif
