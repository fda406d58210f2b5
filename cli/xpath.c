/* SPDX-License-Identifier: MIT */
#include "cli/xpath.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"

static void be_silent(void *ctx, const char *fmt, ...)
{
    (void)ctx;
    (void)fmt;
}

/* An attribute or a text is its value, an element its XML. */
static void print_node(xmlDoc *doc, xmlNode *node)
{
    xmlBuffer *buffer = xmlBufferCreate();

    if (node->type == XML_ATTRIBUTE_NODE || node->type == XML_TEXT_NODE) {
        xmlChar *text = xmlNodeGetContent(node);

        puts(text ? (const char *)text : "");
        xmlFree(text);
    } else if (xmlNodeDump(buffer, doc, node, 0, 1) >= 0) {
        puts((const char *)xmlBufferContent(buffer));
    }
    xmlBufferFree(buffer);
}

static int print_nodes(const struct xpath *x, xmlDoc *doc, const xmlNodeSet *set)
{
    if (!set || set->nodeNr == 0)
        return EXIT_FAILED;
    if (x->wrap)
        puts("<nodes>");
    for (int i = 0; i < set->nodeNr; i++)
        print_node(doc, set->nodeTab[i]);
    if (x->wrap)
        puts("</nodes>");
    return EXIT_DONE;
}

static int print_result(const struct xpath *x, xmlDoc *doc, xmlXPathObject *found)
{
    xmlChar *text;
    bool empty;

    if (found->type == XPATH_NODESET)
        return print_nodes(x, doc, found->nodesetval);
    text = xmlXPathCastToString(found);
    empty = !text || !*text;
    if (!empty)
        puts((const char *)text);
    xmlFree(text);
    return empty ? EXIT_FAILED : EXIT_DONE;
}

static int select_parts(const struct xpath *x, xmlDoc *doc)
{
    xmlXPathContext *context = xmlXPathNewContext(doc);
    xmlXPathObject *found;
    int code;

    xmlSetGenericErrorFunc(NULL, be_silent);
    xmlSetStructuredErrorFunc(NULL, NULL);
    found = xmlXPathEvalExpression((const xmlChar *)x->expression, context);
    code = found ? print_result(x, doc, found)
                 : cli_usage("--xpath", "'%s' is not an XPath expression", x->expression);
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);
    return code;
}

static xmlDoc *read_document(const char *document)
{
    return xmlReadMemory(document, (int)strlen(document), NULL, NULL,
                         XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

char *xpath_text(const char *expression, const char *document)
{
    xmlDoc *doc = read_document(document);
    xmlXPathContext *context = doc ? xmlXPathNewContext(doc) : NULL;
    xmlXPathObject *found =
        context ? xmlXPathEvalExpression((const xmlChar *)expression, context) : NULL;
    xmlChar *text = found ? xmlXPathCastToString(found) : NULL;
    char *ret = text ? xstrdup((const char *)text) : NULL;

    xmlFree(text);
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);
    xmlFreeDoc(doc);
    return ret;
}

int xpath_print(const struct xpath *x, const char *document)
{
    xmlDoc *doc;
    int code;

    if (!x->expression) {
        fputs(document, stdout);
        return EXIT_DONE;
    }
    doc = read_document(document);
    if (!doc) {
        fputs("vmkeep: the document is not XML\n", stderr);
        return EXIT_FAILED;
    }
    code = select_parts(x, doc);
    xmlFreeDoc(doc);
    return code;
}
