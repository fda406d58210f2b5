/* SPDX-License-Identifier: MIT
 *
 * libxml2's writer.  Its double quotes stay: told to use single ones, it does not escape those in
 * values (2.9.14).
 */
#include <inttypes.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlwriter.h>
#include <stdio.h>
#include <string.h>

#include "engine/xml/xml.h"

struct xml_writer {
    xmlTextWriter *out;
    xmlBuffer *buffer;
};

/* Writing to memory fails for want of memory only. */
static void must(bool ok)
{
    if (!ok)
        abort();
}

struct xml_writer *xml_writer_new(void)
{
    struct xml_writer *w = xcalloc(1, sizeof(*w));

    w->buffer = xmlBufferCreate();
    must(w->buffer);
    w->out = xmlNewTextWriterMemory(w->buffer, 0);
    must(w->out);
    xmlTextWriterSetIndent(w->out, 1);
    xmlTextWriterSetIndentString(w->out, (const xmlChar *)"  ");
    return w;
}

void xml_open(struct xml_writer *w, const char *name)
{
    must(xmlTextWriterStartElement(w->out, (const xmlChar *)name) >= 0);
}

void xml_close(struct xml_writer *w)
{
    must(xmlTextWriterEndElement(w->out) >= 0);
}

static char *fit_for_xml(const char *s)
{
    size_t left = strlen(s);
    char *copy = xcalloc(left + 1, 1), *to = copy;

    while (left > 0) {
        int len = left < 4 ? (int)left : 4;
        int c = xmlGetUTF8Char((const xmlChar *)s, &len);

        if (c < 0 || !IS_CHAR((unsigned)c)) {
            *to++ = '?';
            len = 1;
        } else {
            memcpy(to, s, (size_t)len);
            to += len;
        }
        s += len;
        left -= (size_t)len;
    }
    return copy;
}

void xml_put(struct xml_writer *w, const char *attribute, const char *value)
{
    CLEANUP_FREE char *fit = value ? fit_for_xml(value) : NULL;

    if (fit)
        must(xmlTextWriterWriteAttribute(w->out, (const xmlChar *)attribute,
                                         (const xmlChar *)fit) >= 0);
}

void xml_put_number(struct xml_writer *w, const char *attribute, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    xml_put(w, attribute, text);
}

void xml_put_element(struct xml_writer *w, const char *name, const char *text)
{
    CLEANUP_FREE char *fit = text ? fit_for_xml(text) : NULL;

    if (fit)
        must(xmlTextWriterWriteElement(w->out, (const xmlChar *)name, (const xmlChar *)fit) >= 0);
}

char *xml_writer_end(struct xml_writer *w)
{
    char *text;

    xmlFreeTextWriter(w->out);
    text = xstrdup((const char *)xmlBufferContent(w->buffer));
    xmlBufferFree(w->buffer);
    free(w);
    return text;
}
