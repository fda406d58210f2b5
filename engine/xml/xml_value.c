/* SPDX-License-Identifier: MIT
 *
 * Values out of a tree that has its shape, and what is said of wrong ones.
 */
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "engine/xml/xml.h"

const xmlNode *xml_root(const xmlDoc *doc)
{
    return xmlDocGetRootElement((xmlDoc *)doc);
}

static const xmlNode *first_of(const xmlNode *n, const char *name)
{
    while (n && (n->type != XML_ELEMENT_NODE || strcmp((const char *)n->name, name) != 0))
        n = n->next;
    return n;
}

const xmlNode *xml_child(const xmlNode *node, const char *name)
{
    return node ? first_of(node->children, name) : NULL;
}

const xmlNode *xml_next(const xmlNode *node)
{
    return first_of(node->next, (const char *)node->name);
}

static const char *keep(xmlChar *s, struct strlist *arena)
{
    if (!s)
        return NULL;
    strlist_add(arena, (const char *)s);
    xmlFree(s);
    return arena->items[arena->n - 1];
}

const char *xml_attribute(const xmlNode *node, const char *name, struct strlist *arena)
{
    return node ? keep(xmlGetNoNsProp(node, (const xmlChar *)name), arena) : NULL;
}

const char *xml_text(const xmlNode *node, struct strlist *arena)
{
    return node ? keep(xmlNodeGetContent(node), arena) : NULL;
}

/* The disk around the node says more than its line. */
static const char *disk_around(const xmlNode *node, struct strlist *arena, bool *ret_itself)
{
    for (const xmlNode *n = node; n && n->type == XML_ELEMENT_NODE; n = n->parent) {
        *ret_itself = n == node;
        if (strcmp((const char *)n->name, "disk") == 0)
            return xml_attribute(n, "name", arena);
    }
    return NULL;
}

int xml_error(const xmlNode *node, enum err_code code, struct err *err, const char *fmt, ...)
{
    CLEANUP(strlist_done) struct strlist arena = {0};
    bool itself = false;
    const char *disk = disk_around(node, &arena, &itself);
    char text[ERR_MSG_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    err_set(err, code, "%s", text);
    if (!disk || !itself)
        err_wrap(err, "<%s>", CLIP((const char *)node->name));
    if (disk)
        err_wrap(err, "disk '%s'", CLIP(disk));
    return err_wrap(err, "line %ld", xmlGetLineNo(node));
}

int xml_word(const struct xml_value *v, const char *const *words, int *ret, struct err *err)
{
    char list[128] = "";

    if (!v->value)
        return 0;
    for (int i = 0; words[i]; i++) {
        size_t len = strlen(list);

        if (strcmp(words[i], v->value) == 0) {
            *ret = i;
            return 0;
        }
        snprintf(list + len, sizeof(list) - len, "%s'%s'", i ? " or " : "", words[i]);
    }
    return xml_error(v->node, ERR_INVALID, err, "%s='%s': it must be %s", v->attribute,
                     CLIP(v->value), list);
}

int xml_bool(const struct xml_value *v, bool *ret, struct err *err)
{
    static const char *const words[] = {"no", "yes", NULL};
    int word = *ret;

    if (xml_word(v, words, &word, err) < 0)
        return -1;
    *ret = word == 1;
    return 0;
}

int xml_number(const struct xml_value *v, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
    if (!v->value || parse_int(v->value, min, max, ret))
        return 0;
    return xml_error(v->node, ERR_INVALID, err,
                     "%s='%s': it must be a whole number from %lld to %lld", v->attribute,
                     CLIP(v->value), (long long)min, (long long)max);
}
