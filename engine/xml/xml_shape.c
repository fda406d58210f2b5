/* SPDX-License-Identifier: MIT */
#include "engine/xml/xml_shape.h"

#include <libxml/tree.h>
#include <string.h>

#include "base/text.h"

static const char *refusal(const struct xml_shape *shape, bool attribute, const char *name)
{
    for (const struct xml_refusal *r = shape->refused; r && r->name; r++)
        if ((r->name[0] == '@') == attribute && strcmp(r->name + attribute, name) == 0)
            return r->why;
    return NULL;
}

static size_t count(const char *const *words)
{
    size_t n = 0;

    while (words && words[n])
        n++;
    return n;
}

static int refuse_attribute(const xmlNode *node, const xmlAttr *attr, const struct xml_shape *shape,
                            struct err *err)
{
    CLEANUP(strlist_done) struct strlist arena = {0};
    const char *name = (const char *)attr->name;
    const char *value = attr->ns ? NULL : xml_attribute(node, name, &arena);
    const char *why = attr->ns ? NULL : refusal(shape, true, name);
    const char *near = nearest_word(name, shape->attributes, count(shape->attributes));

    if (attr->ns)
        return xml_error(node, ERR_UNSUPPORTED, err, "attribute '%s' of another namespace",
                         CLIP(name));
    if (why)
        return xml_error(node, ERR_UNSUPPORTED, err, "%s='%s' is not supported: %s", CLIP(name),
                         CLIP(value), why);
    return xml_error(node, ERR_UNSUPPORTED, err, "unknown attribute %s='%s'%s%s%s", CLIP(name),
                     CLIP(value), near ? "; is '" : "", near ? near : "", near ? "' meant?" : "");
}

static int check_attributes(const xmlNode *node, const struct xml_shape *shape, struct err *err)
{
    for (const xmlAttr *a = node->properties; a; a = a->next) {
        bool known = false;

        for (size_t i = 0; i < count(shape->attributes); i++)
            known |= !a->ns && strcmp((const char *)a->name, shape->attributes[i]) == 0;
        if (!known)
            return refuse_attribute(node, a, shape, err);
    }
    return 0;
}

static int refuse_element(const xmlNode *node, const struct xml_shape *parent, struct err *err)
{
    const char *name = (const char *)node->name;
    const char *why = refusal(parent, false, name);
    const char *words[16];
    const char *near;
    size_t n = 0;

    if (why)
        return xml_error(node, ERR_UNSUPPORTED, err, "not supported: %s", why);
    for (; parent->children && parent->children[n] && n < ARRAY_LEN(words); n++)
        words[n] = parent->children[n]->name;
    near = nearest_word(name, words, n);
    return xml_error(node, ERR_UNSUPPORTED, err, "unknown element in <%s>%s%s%s", parent->name,
                     near ? "; is <" : "", near ? near : "", near ? "> meant?" : "");
}

static const struct xml_shape *find(const struct xml_shape *parent, const xmlNode *node)
{
    for (size_t i = 0; parent->children && parent->children[i]; i++)
        if (strcmp(parent->children[i]->name, (const char *)node->name) == 0)
            return parent->children[i];
    return NULL;
}

static int check_text(const xmlNode *text, const struct xml_shape *shape, struct err *err)
{
    const char *s = (const char *)text->content;

    if (shape->has_text || xmlIsBlankNode(text))
        return 0;
    return xml_error(text->parent, ERR_INVALID, err, "the text '%s' has no place here",
                     CLIP(s + strspn(s, " \t\r\n")));
}

static int check_element(const xmlNode *node, const struct xml_shape *shape, struct err *err);

static int check_child(const xmlNode *child, const struct xml_shape *parent, struct err *err)
{
    const struct xml_shape *shape = find(parent, child);
    size_t before = 0;

    if (!shape)
        return refuse_element(child, parent, err);
    for (const xmlNode *n = child->prev; n && before < XML_REPEAT_MAX; n = n->prev)
        before += n->type == XML_ELEMENT_NODE && xmlStrEqual(n->name, child->name);
    if (before > 0 && !shape->repeats)
        return xml_error(child, ERR_INVALID, err, "stands twice in <%s>", parent->name);
    if (before >= XML_REPEAT_MAX)
        return xml_error(child, ERR_INVALID, err, "stands more than %d times in <%s>",
                         XML_REPEAT_MAX, parent->name);
    return check_element(child, shape, err);
}

static int check_node(const xmlNode *node, const struct xml_shape *parent, struct err *err)
{
    switch (node->type) {
    case XML_ELEMENT_NODE:
        return check_child(node, parent, err);
    case XML_TEXT_NODE:
    case XML_CDATA_SECTION_NODE:
        return check_text(node, parent, err);
    case XML_COMMENT_NODE:
        return 0;
    default:
        return xml_error(node->parent, ERR_UNSUPPORTED, err,
                         "a processing instruction or reference '%s' has no place here",
                         CLIP((const char *)node->name));
    }
}

static int check_element(const xmlNode *node, const struct xml_shape *shape, struct err *err)
{
    if (shape->open)
        return 0;
    if (node->ns || node->nsDef)
        return xml_error(node, ERR_UNSUPPORTED, err, "namespaces are not supported");
    if (check_attributes(node, shape, err) < 0)
        return -1;
    for (const xmlNode *n = node->children; n; n = n->next)
        if (check_node(n, shape, err) < 0)
            return -1;
    return 0;
}

int xml_shape_check(const xmlNode *root, const struct xml_shape *shape, struct err *err)
{
    if (strcmp((const char *)root->name, shape->name) != 0)
        return xml_error(root, ERR_INVALID, err, "a <%s> is expected, not this", shape->name);
    return check_element(root, shape, err);
}
