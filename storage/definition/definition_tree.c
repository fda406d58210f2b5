/* SPDX-License-Identifier: MIT */
#include <libxml/tree.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/definition/definition_priv.h"

static const xmlChar *chars(const char *s)
{
    return (const xmlChar *)s;
}

static char *taken(xmlChar *text)
{
    char *ret = text ? xstrdup((const char *)text) : NULL;

    xmlFree(text);
    return ret;
}

bool definition_is(const xmlNode *node, const char *name)
{
    return node && node->type == XML_ELEMENT_NODE && xmlStrEqual(node->name, chars(name));
}

xmlNode *definition_child(const xmlNode *node, const char *name)
{
    xmlNode *n = node->type == XML_ELEMENT_NODE ? node->children : NULL;

    while (n && !definition_is(n, name))
        n = n->next;
    return n;
}

char *definition_attribute(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE ? taken(xmlGetProp(node, chars(name))) : NULL;
}

char *definition_text(const xmlNode *node)
{
    return node ? taken(xmlNodeGetContent(node)) : NULL;
}

xmlNode *definition_add(xmlNode *parent, const char *name, const char *text)
{
    return xmlNewTextChild(parent, NULL, chars(name), chars(text));
}

void definition_set(xmlNode *node, const char *attribute, const char *value)
{
    xmlSetProp(node, chars(attribute), chars(value));
}

void definition_set_text(xmlNode *node, const char *text)
{
    while (node->children)
        definition_remove(node->children);
    xmlNodeAddContent(node, chars(text));
}

static void drop(xmlNode *node)
{
    xmlUnlinkNode(node);
    xmlFreeNode(node);
}

void definition_remove(xmlNode *node)
{
    if (!node)
        return;
    if (node->prev && xmlIsBlankNode(node->prev))
        drop(node->prev);
    drop(node);
}

void definition_note(const struct rewriting *w, const char *fmt, ...)
{
    CLEANUP_FREE char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    strlist_add(&w->ret->notes, text);
}
