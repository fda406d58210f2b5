/* SPDX-License-Identifier: MIT
 *
 * From text to a YAML document.
 *
 * The document forgets where an alias or a tag stood, and shares the nodes of aliases.  So the
 * text is first looked through event by event: aliases and tags, which a configuration has no use
 * for and which an unquoted glob turns into, are refused there, and so are a second document and
 * deep nesting.  What remains is a tree.
 */
#include "policies/config_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define DEPTH_MAX 32
#define BOM "\xef\xbb\xbf"

#define QUOTE_HINT "put a value that begins with '%c' in quotes"

static int number(size_t n)
{
    return (int)n + 1; /* the file is small */
}

static int report_mark(struct config_reader *r, const yaml_mark_t *mark, const char *text)
{
    config_report(r, number(mark->line), number(mark->column), false, "%s", text);
    return -1;
}

static bool is_continuation(char c)
{
    return (c & 0xc0) == 0x80;
}

/* A byte's place; columns count characters, as libyaml's do. */
static int report_offset(struct config_reader *r, const char *text, size_t offset, const char *why)
{
    yaml_mark_t mark = {0};

    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (!is_continuation(text[i])) {
            mark.column++;
        }
    }
    return report_mark(r, &mark, why);
}

/* The byte at a mark; 0 at the end. */
static char char_at(const char *text, size_t len, const yaml_mark_t *mark)
{
    size_t i = 0;

    for (size_t seen = 0; i < len; i++) {
        if (is_continuation(text[i]))
            continue;
        if (seen++ == mark->index)
            return text[i];
    }
    return '\0';
}

/* libyaml's words, and what is likely meant. */
static int report_problem(struct config_reader *r, const yaml_parser_t *p, const char *text,
                          size_t len)
{
    const char *problem = p->problem ? p->problem : "not YAML";
    CLEANUP_FREE char *why = NULL;
    char at = char_at(text, len, &p->problem_mark);

    if (p->error == YAML_READER_ERROR) {
        why = xasprintf("not plain text in UTF-8: %s", problem);
        return report_offset(r, text, p->problem_offset < len ? p->problem_offset : len, why);
    }
    if (at == '\t')
        why = xasprintf("not YAML: a tab cannot indent; use spaces");
    else if (p->context && strstr(p->context, "alias"))
        why = xasprintf("not YAML: %s %s; " QUOTE_HINT, p->context, problem, '*');
    else if (p->context && strstr(p->context, "tag"))
        why = xasprintf("not YAML: %s %s; " QUOTE_HINT, p->context, problem, '!');
    else if (p->context)
        why = xasprintf("not YAML: %s (begun on line %d): %s", p->context,
                        number(p->context_mark.line), problem);
    else
        why = xasprintf("not YAML: %s", problem);
    return report_mark(r, &p->problem_mark, why);
}

static void start(yaml_parser_t *p, const char *text, size_t len)
{
    if (!yaml_parser_initialize(p))
        abort(); /* out of memory, like xcalloc */
    yaml_parser_set_encoding(p, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(p, (const unsigned char *)text, len);
}

static bool has_tag(const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return e->data.scalar.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return e->data.sequence_start.tag != NULL;
    case YAML_MAPPING_START_EVENT:
        return e->data.mapping_start.tag != NULL;
    default:
        return false;
    }
}

struct outline {
    int depth, documents;
    bool bad;
};

/* -1: the text is not worth looking at any further. */
static int look_at(struct config_reader *r, struct outline *o, const yaml_event_t *e)
{
    CLEANUP_FREE char *why = NULL;

    if (e->type == YAML_DOCUMENT_START_EVENT && o->documents++ > 0)
        return report_mark(r, &e->start_mark, "a second YAML document begins here; want one");
    if (e->type == YAML_MAPPING_START_EVENT || e->type == YAML_SEQUENCE_START_EVENT)
        o->depth++;
    if (e->type == YAML_MAPPING_END_EVENT || e->type == YAML_SEQUENCE_END_EVENT)
        o->depth--;
    if (o->depth > DEPTH_MAX)
        return report_mark(r, &e->start_mark, "nested too deeply");
    if (e->type == YAML_ALIAS_EVENT)
        why = xasprintf("'*%.60s' is a YAML alias, which is not read; " QUOTE_HINT,
                        (const char *)e->data.alias.anchor, '*');
    else if (has_tag(e))
        why = xasprintf("a YAML tag, which is not read; " QUOTE_HINT, '!');
    if (why) {
        report_mark(r, &e->start_mark, why);
        o->bad = true;
    }
    return 0;
}

static int look_through(struct config_reader *r, const char *text, size_t len)
{
    struct outline o = {0};
    bool end = false;
    yaml_parser_t p;
    int rc = 0;

    start(&p, text, len);
    while (rc == 0 && !end) {
        yaml_event_t e;

        if (!yaml_parser_parse(&p, &e)) {
            rc = report_problem(r, &p, text, len);
            break;
        }
        rc = look_at(r, &o, &e);
        end = e.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&p);
    if (rc == 0 && o.documents == 0) {
        config_report(r, 0, 0, false, "the file is empty: there is no configuration");
        rc = -1;
    }
    return o.bad ? -1 : rc;
}

/* ---- two texts ---- */

static bool same_event(const yaml_event_t *a, const yaml_event_t *b)
{
    return a->type == b->type &&
           (a->type != YAML_SCALAR_EVENT ||
            (a->data.scalar.length == b->data.scalar.length &&
             memcmp(a->data.scalar.value, b->data.scalar.value, a->data.scalar.length) == 0));
}

static void skip_bom(const char **text, size_t *len)
{
    if (*len < sizeof(BOM) - 1 || memcmp(*text, BOM, sizeof(BOM) - 1) != 0)
        return;
    *text += sizeof(BOM) - 1; /* libyaml takes it only when it may guess the encoding */
    *len -= sizeof(BOM) - 1;
}

bool config_yaml_same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    yaml_parser_t left, right;
    bool same = true, end = false;

    skip_bom(&a, &a_len);
    skip_bom(&b, &b_len);
    start(&left, a, a_len);
    start(&right, b, b_len);
    while (same && !end) {
        yaml_event_t x = {0}, y = {0};

        same = yaml_parser_parse(&left, &x) && yaml_parser_parse(&right, &y) && same_event(&x, &y);
        end = x.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&x);
        yaml_event_delete(&y);
    }
    yaml_parser_delete(&left);
    yaml_parser_delete(&right);
    return same;
}

/* ---- loading ---- */

int config_load_yaml(struct config_reader *r, const char *text, size_t len)
{
    yaml_parser_t p;
    int rc = 0;

    if (len > CONFIG_TEXT_MAX) {
        config_report(r, 0, 0, false, "larger than %d bytes: not a configuration", CONFIG_TEXT_MAX);
        return -1;
    }
    skip_bom(&text, &len);
    if (look_through(r, text, len) < 0)
        return -1;
    start(&p, text, len);
    if (!yaml_parser_load(&p, &r->doc))
        rc = report_problem(r, &p, text, len);
    yaml_parser_delete(&p);
    return rc;
}
