/* SPDX-License-Identifier: MIT
 *
 * Private to engine/: reading and writing XML documents from anywhere, with libxml2.
 *
 * A document is first held against a table of all that may stand in it (struct xml_shape), so
 * that nothing is ever passed over: what the table lacks is refused by name, with its line.
 * Only then are values read.  A DOCTYPE ends the reading, so there are no entities but XML's own
 * five; nothing is fetched; size, depth and the number of elements are bounded.
 */
#ifndef VMKEEP_ENGINE_XML_H
#define VMKEEP_ENGINE_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/err.h"

struct _xmlDoc;
struct _xmlNode;

#define XML_DEPTH_MAX 32
#define XML_REPEAT_MAX 1000 /* elements of one name in one place */

/* Something that libvirt knows and vmkeep does not do. */
struct xml_refusal {
    const char *name; /* of an element; "@name": of an attribute */
    const char *why;
};

/* An element, and all that may stand in it. Each list may be NULL; it ends with NULL. */
struct xml_shape {
    const char *name;
    const char *const *attributes;
    const struct xml_shape *const *children;
    const struct xml_refusal *refused;
    bool repeats;  /* may stand more than once */
    bool has_text; /* holds text, and no elements */
    bool open;     /* whatever it holds is let be */
    /* Of a root: how large the document and how deep its elements may be; 0: DOCUMENT_MAX,
     * XML_DEPTH_MAX. */
    size_t bytes;
    int depth;
};

/* The whole of xml as a tree that has the shape. ERR_INVALID: too large, not well-formed, another
 * root; ERR_UNSUPPORTED: an element or an attribute that the shape lacks. Free with xml_free. */
int xml_read(const char *xml, size_t len, const struct xml_shape *root, struct _xmlDoc **ret,
             struct err *err);
void xml_free(struct _xmlDoc *doc); /* NULL-safe */
DEFINE_FREEP(struct _xmlDoc, xml_free)

const struct _xmlNode *xml_root(const struct _xmlDoc *doc);
const struct _xmlNode *xml_child(const struct _xmlNode *node, const char *name); /* or NULL */
const struct _xmlNode *xml_next(const struct _xmlNode *node);                    /* of its name */

/* A value, kept in the arena; NULL when there is no such attribute, or no node. */
const char *xml_attribute(const struct _xmlNode *node, const char *name, struct strlist *arena);
const char *xml_text(const struct _xmlNode *node, struct strlist *arena);

/* "line 4: disk 'vda': <target>: text". Returns -1. */
int xml_error(const struct _xmlNode *node, enum err_code code, struct err *err, const char *fmt,
              ...) __attribute__((format(printf, 4, 5)));

/* Attributes of a kind. An absent one (value NULL) leaves *ret alone and is no error. */
struct xml_value {
    const struct _xmlNode *node;
    const char *attribute;
    const char *value;
};
/* The place of the value among the words, which end with NULL. */
int xml_word(const struct xml_value *v, const char *const *words, int *ret, struct err *err);
int xml_bool(const struct xml_value *v, bool *ret, struct err *err); /* yes, no */
int xml_number(const struct xml_value *v, int64_t min, int64_t max, int64_t *ret, struct err *err);

/* Writing: elements are indented, values escaped. What XML cannot hold (control characters, bytes
 * that are no UTF-8) becomes "?". */
struct xml_writer;
struct xml_writer *xml_writer_new(void);
void xml_open(struct xml_writer *w, const char *name);
void xml_close(struct xml_writer *w);
void xml_put(struct xml_writer *w, const char *attribute, const char *value); /* NULL: nothing */
void xml_put_number(struct xml_writer *w, const char *attribute, uint64_t value);
void xml_put_element(struct xml_writer *w, const char *name, const char *text); /* NULL: nothing */
char *xml_writer_end(struct xml_writer *w); /* frees w; the caller frees the text */

#endif
