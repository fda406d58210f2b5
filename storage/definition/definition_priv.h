/* SPDX-License-Identifier: MIT
 *
 * Private to storage/definition*: the tree of a domain's definition, and the parts of the
 * rewriting.  definition.c has what identifies the domain, definition_disks.c its disks,
 * definition_devices.c what else is in <devices>.
 */
#ifndef VMKEEP_STORAGE_DEFINITION_DEFINITION_PRIV_H
#define VMKEEP_STORAGE_DEFINITION_DEFINITION_PRIV_H

#include "storage/definition/definition.h"

struct _xmlNode;

struct rewriting {
    const struct definition_request *r;
    struct definition *ret;
};

/* An element of that name?  node may be NULL. */
bool definition_is(const struct _xmlNode *node, const char *name);
struct _xmlNode *definition_child(const struct _xmlNode *node,
                                  const char *name); /* the first one, or NULL */

/* Texts; the caller's; NULL: there is none. */
char *definition_attribute(const struct _xmlNode *node, const char *name);
char *definition_text(const struct _xmlNode *node);

struct _xmlNode *definition_add(struct _xmlNode *parent, const char *name,
                                const char *text); /* at the end */
void definition_set(struct _xmlNode *node, const char *attribute, const char *value);
void definition_set_text(struct _xmlNode *node, const char *text);
void definition_remove(struct _xmlNode *node); /* with the white space before it; NULL-safe */

void definition_note(const struct rewriting *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The restored disks take the place of what they were made of.  live: <devices> of the domain as
 * it ran, or NULL. */
void definition_disks(const struct rewriting *w, struct _xmlNode *devices,
                      const struct _xmlNode *live);

/* Adds the disks of <devices> that are no media. */
void definition_disk_images(const struct _xmlNode *devices, struct definition_images *ret);

/* Everything else in <devices>. */
void definition_devices(const struct rewriting *w, struct _xmlNode *devices);

#endif
