/* SPDX-License-Identifier: MIT
 *
 * From bytes to a tree.  libxml2 builds it; its SAX callbacks are where a DOCTYPE and too deep
 * nesting are seen before anything comes of them.
 */
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "engine/xml/backup_xml.h"
#include "engine/xml/xml.h"
#include "engine/xml/xml_shape.h"

struct reading {
    struct err *err;
    int depth; /* the deepest that an element may be */
};

static struct err *err_of(xmlParserCtxt *ctxt)
{
    return ((struct reading *)ctxt->_private)->err;
}

/* The first failure counts: what libxml2 says after it only follows from it. */
static bool is_first(xmlParserCtxt *ctxt)
{
    return err_of(ctxt)->code == ERR_NONE;
}

static void on_error(void *ctx, xmlError *e)
{
    xmlParserCtxt *ctxt = ctx;
    int len;

    if (e->level < XML_ERR_ERROR || !is_first(ctxt))
        return;
    len = (int)strcspn(e->message ? e->message : "", "\n");
    err_set(err_of(ctxt), ERR_INVALID, "line %d, column %d: not well-formed XML: %.*s", e->line,
            e->int2, len, e->message ? e->message : "");
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system)
{
    xmlParserCtxt *ctxt = ctx;

    (void)external;
    (void)system;
    if (is_first(ctxt))
        err_set(err_of(ctxt), ERR_INVALID,
                "line %d: <!DOCTYPE %s>: a document must not have a DOCTYPE", ctxt->input->line,
                CLIP((const char *)name));
    xmlStopParser(ctxt);
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int n_namespaces, const xmlChar **namespaces, int n_attributes,
                     int n_defaulted, const xmlChar **attributes)
{
    xmlParserCtxt *ctxt = ctx;
    const struct reading *reading = ctxt->_private;

    if (ctxt->nodeNr < reading->depth) {
        xmlSAX2StartElementNs(ctx, name, prefix, uri, n_namespaces, namespaces, n_attributes,
                              n_defaulted, attributes);
        return;
    }
    if (is_first(ctxt))
        err_set(err_of(ctxt), ERR_INVALID, "line %d: <%s>: more than %d elements in one another",
                ctxt->input->line, CLIP((const char *)name), reading->depth);
    xmlStopParser(ctxt);
}

/* Returns what libxml2 could make of it; err says whether it is any good. */
static xmlDoc *parse(const char *xml, size_t len, int depth, struct err *err)
{
    struct reading reading = {err, depth ? depth : XML_DEPTH_MAX};
    xmlParserCtxt *ctxt = xmlNewParserCtxt();
    xmlDoc *doc;

    if (!ctxt)
        abort();
    ctxt->_private = &reading;
    ctxt->sax->serror = on_error;
    ctxt->sax->internalSubset = on_doctype;
    ctxt->sax->startElementNs = on_start;
    doc = xmlCtxtReadMemory(ctxt, xml, (int)len, NULL, "UTF-8",
                            XML_PARSE_IGNORE_ENC | XML_PARSE_NONET | XML_PARSE_NOCDATA |
                                XML_PARSE_BIG_LINES);
    if ((!doc || !xmlDocGetRootElement(doc)) && err->code == ERR_NONE)
        err_set(err, ERR_INVALID, "not well-formed XML");
    xmlFreeParserCtxt(ctxt);
    return doc;
}

/* libxml2 is told to read UTF-8 whatever the document says: its decoders of all the others say what
 * they find wrong on stderr.  So what it says is looked at here. */
static int check_encoding(const char *xml, size_t len, struct err *err)
{
    const char *end = memmem(xml, len, "?>", 2);
    const char *at = end ? memmem(xml, (size_t)(end - xml), "encoding", 8) : NULL;
    char declared[80], name[41] = "";

    if (!at || strncmp(xml, "<?xml", 5) != 0)
        return 0;
    snprintf(declared, sizeof(declared), "%.*s", (int)(end - at), at);
    if (sscanf(declared, "encoding%*[ \t\r\n=]%*[\"']%40[^\"']", name) != 1)
        return 0;
    if (strcasecmp(name, "UTF-8") == 0 || strcasecmp(name, "US-ASCII") == 0)
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "encoding='%s': a document must be UTF-8", name);
}

int xml_read(const char *xml, size_t len, const struct xml_shape *root, xmlDoc **ret,
             struct err *err)
{
    CLEANUP(xml_freep) xmlDoc *doc = NULL;
    const char *nul = len ? memchr(xml, '\0', len) : NULL;
    const size_t most = root->bytes ? root->bytes : DOCUMENT_MAX;
    struct err failure = ERR_INIT;

    if (len == 0)
        return err_set(err, ERR_INVALID, "the document is empty: a <%s> is expected", root->name);
    if (len > most)
        return err_set(err, ERR_INVALID, "the document has %zu bytes: %zu are the most", len, most);
    if (nul)
        return err_set(err, ERR_INVALID, "byte %zu of the document is NUL", (size_t)(nul - xml));
    if (check_encoding(xml, len, err) < 0)
        return -1;
    doc = parse(xml, len, root->depth, &failure);
    if (failure.code != ERR_NONE) {
        *err = failure;
        return -1;
    }
    if (xml_shape_check(xmlDocGetRootElement(doc), root, err) < 0)
        return -1;
    *ret = TAKE_PTR(doc);
    return 0;
}

void xml_free(xmlDoc *doc)
{
    if (doc)
        xmlFreeDoc(doc);
}
