/* SPDX-License-Identifier: MIT
 *
 * The walk over the document, along the schema's tables.
 */
#include "policies/config_priv.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"

#define VALUE_MAX 4096

/* Where the walk is: a key, or an item of the list under a key, within what is up. */
struct where {
    const struct where *up; /* NULL: the root */
    const char *key;
    ptrdiff_t index;  /* -1: the key itself */
    const char *name; /* of the item; may be NULL */
};

/* "policies[0] 'nightly': keep.daily"; "" for the root. Caller frees. */
static char *where_text(const struct where *w)
{
    CLEANUP_FREE char *up = NULL, *index = NULL, *name = NULL;
    const char *dot = "";

    if (!w->up)
        return xstrdup("");
    up = where_text(w->up);
    if (w->up->up)
        dot = w->up->index >= 0 ? ": " : ".";
    index = w->index >= 0 ? xasprintf("[%td]", w->index) : xstrdup("");
    name = w->name ? xasprintf(" '%.60s'", w->name) : xstrdup("");
    return xasprintf("%s%s%.60s%s%s", up, dot, w->key, index, name);
}

__attribute__((format(printf, 4, 5))) static void report(struct config_reader *r,
                                                         const struct where *w,
                                                         const yaml_node_t *node, const char *fmt,
                                                         ...)
{
    CLEANUP_FREE char *where = where_text(w), *why = NULL;
    va_list ap;

    va_start(ap, fmt);
    why = xvasprintf(fmt, ap);
    va_end(ap);
    config_report(r, (int)node->start_mark.line + 1, (int)node->start_mark.column + 1, false,
                  "%s%s%s", where, *where ? ": " : "", why);
}

void config_report_at(struct config_reader *r, const struct config_place *place, bool warning,
                      const char *fmt, ...)
{
    CLEANUP_FREE char *where = where_text(place->where), *why = NULL;
    va_list ap;

    va_start(ap, fmt);
    why = xvasprintf(fmt, ap);
    va_end(ap);
    config_report(r, place->line, place->column, warning, "%s: %s", where, why);
}

static void add_place(struct config_reader *r, const struct where *w, const yaml_node_t *node,
                      const void *member)
{
    struct config_place *place = VEC_ADD(&r->places);

    *place = (struct config_place){.member = member,
                                   .item = w->index >= 0,
                                   .line = (int)node->start_mark.line + 1,
                                   .column = (int)node->start_mark.column + 1,
                                   .where = w};
}

/* Kept until the places go, which name it. */
static struct where *add_where(struct config_reader *r, const struct where *up, const char *key,
                               ptrdiff_t index, const char *name)
{
    struct where *w = xcalloc(1, sizeof(*w));

    *w = (struct where){up, key, index, name};
    *VEC_ADD(&r->wheres) = w;
    return w;
}

static yaml_node_t *node_of(struct config_reader *r, int index)
{
    return yaml_document_get_node(&r->doc, index);
}

static const char *scalar(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static bool is_scalar(const yaml_node_t *node, const char *text)
{
    return node->type == YAML_SCALAR_NODE && strcmp(scalar(node), text) == 0;
}

static bool is_null(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*scalar(node) || strcmp(scalar(node), "~") == 0 ||
            strcasecmp(scalar(node), "null") == 0);
}

/* libyaml lets only valid UTF-8 through; "\0" and the like can still be written with escapes. */
static bool has_control(const char *s, size_t len)
{
    const unsigned char *u = (const unsigned char *)s;

    for (size_t i = 0; i < len; i++)
        if (u[i] < ' ' || u[i] == 0x7f || (u[i] == 0xc2 && u[i + 1] < 0xa0))
            return true;
    return false;
}

/* The text of a value, or NULL when it is reported. */
static const char *value_text(struct config_reader *r, const struct where *w, const char *help,
                              const yaml_node_t *node)
{
    if (is_null(node))
        report(r, w, node, "has no value (want %s)", help);
    else if (node->type != YAML_SCALAR_NODE)
        report(r, w, node, "is a %s (want %s)",
               node->type == YAML_SEQUENCE_NODE ? "list" : "mapping", help);
    else if (node->data.scalar.length > VALUE_MAX)
        report(r, w, node, "'%.40s...' is too long", scalar(node));
    else if (has_control(scalar(node), node->data.scalar.length))
        report(r, w, node, "'%.80s' contains a control character", scalar(node));
    else
        return scalar(node);
    return NULL;
}

/* A key of a mapping, as it stands in the file. */
struct found {
    const yaml_node_t *key; /* NULL: it does not */
    yaml_node_t *value;
};

static void report_unknown(struct config_reader *r, const struct where *w, const yaml_node_t *key,
                           const char *const *names, size_t n)
{
    CLEANUP_FREE char *known = xstrdup("");
    const char *near = nearest_word(w->key, names, n);

    if (near) {
        report(r, w, key, "unknown key; did you mean '%s'?", near);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char *longer = xasprintf("%s%s%s", known, i ? ", " : "", names[i]);

        free(known);
        known = longer;
    }
    report(r, w, key, "unknown key; known: %s", known);
}

/* One key and value of a mapping. */
static void sort_in(struct config_reader *r, const struct where *up, const yaml_node_pair_t *pair,
                    const char *const *names, size_t n, struct found *ret)
{
    const yaml_node_t *key = node_of(r, pair->key);
    struct where w = {.up = up, .index = -1};
    size_t i = 0;

    if (key->type != YAML_SCALAR_NODE) {
        report(r, up, key, "a key must be a word, not a list or a mapping");
        return;
    }
    w.key = scalar(key);
    while (i < n && strcmp(names[i], w.key) != 0)
        i++;
    if (i == n)
        report_unknown(r, &w, key, names, n);
    else if (ret[i].key)
        report(r, &w, key, "given twice, also on line %zu", ret[i].key->start_mark.line + 1);
    else
        ret[i] = (struct found){key, node_of(r, pair->value)};
}

/* The keys of a mapping by their names; ret has n entries. Reports what it does not know. */
static int find_keys(struct config_reader *r, const struct where *w, const yaml_node_t *node,
                     const char *const *names, size_t n, struct found *ret)
{
    if (node->type != YAML_MAPPING_NODE) {
        report(r, w, node, "%s (want a mapping, that is lines of KEY: VALUE)",
               is_null(node)                      ? "has no value"
               : node->type == YAML_SEQUENCE_NODE ? "is a list"
                                                  : "is a single value");
        return -1;
    }
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++)
        sort_in(r, w, p, names, n, ret);
    return 0;
}

static bool read_scalar(struct config_reader *r, const struct where *w,
                        const struct config_key *key, const yaml_node_t *node, void *member)
{
    const char *text = value_text(r, w, key->help, node);
    struct err err = ERR_INIT;

    if (!text)
        return false;
    if (config_set_value(key, text, member, &err) < 0) {
        report(r, w, node, "%s", err.msg);
        return false;
    }
    return true;
}

/* A list of single values; one alone may stand without the list. */
static void read_values(struct config_reader *r, const struct where *w,
                        const struct config_key *key, const yaml_node_t *node, void *member)
{
    struct where item = {.up = w->up, .key = w->key};

    if (node->type != YAML_SEQUENCE_NODE) {
        read_scalar(r, w, key, node, member);
        return;
    }
    if (node->data.sequence.items.start == node->data.sequence.items.top)
        report(r, w, node, "is an empty list (want %s)", key->help);
    for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top;
         i++, item.index++)
        read_scalar(r, &item, key, node_of(r, *i), member);
}

static void read_keep(struct config_reader *r, const struct where *w, const yaml_node_t *node,
                      struct retention *member)
{
    struct found found[2 * PERIOD_COUNT] = {0};
    const char *names[2 * PERIOD_COUNT];

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        names[i] =
            retention_rule_name((enum retention_period)(i % PERIOD_COUNT), i >= PERIOD_COUNT);
    if (find_keys(r, w, node, names, ARRAY_LEN(names), found) < 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct where rule = {.up = w, .key = names[i], .index = -1};
        const char *help = i < PERIOD_COUNT ? "a number of points" : "a span such as 14d";
        const char *text = found[i].key ? value_text(r, &rule, help, found[i].value) : NULL;
        struct err err = ERR_INIT;

        if (text && retention_set(member, names[i], text, &err) < 0)
            report(r, &rule, found[i].value, "%s", err.msg);
    }
}

static void read_mapping(struct config_reader *r, const struct where *w,
                         const struct config_key *keys, const yaml_node_t *node, char *base);

/* For the texts about an item: the name it gives itself, wherever it stands. */
static const char *item_name(struct config_reader *r, const yaml_node_t *node)
{
    if (node->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *value = node_of(r, p->value);

        if (is_scalar(node_of(r, p->key), "name") && value->type == YAML_SCALAR_NODE &&
            *scalar(value))
            return scalar(value);
    }
    return NULL;
}

/* Any VEC(struct ...); the items are allocated at once, see struct config_place. */
static void read_list(struct config_reader *r, const struct where *w, const struct config_key *key,
                      const yaml_node_t *node, void *member)
{
    struct {
        void *items;
        size_t n, cap;
    } list;

    if (node->type != YAML_SEQUENCE_NODE) {
        report(r, w, node, "%s (want a list, each item begins with '- ')",
               is_null(node)                     ? "has no value"
               : node->type == YAML_MAPPING_NODE ? "is a mapping"
                                                 : "is a single value");
        return;
    }
    list.n = list.cap = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    list.items = xcalloc(list.n, key->item_size);
    memcpy(member, &list, sizeof(list));
    for (size_t i = 0; i < list.n; i++) {
        const yaml_node_t *item = node_of(r, node->data.sequence.items.start[i]);
        char *base = (char *)list.items + i * key->item_size;
        const struct where *at = add_where(r, w->up, w->key, (ptrdiff_t)i, item_name(r, item));

        add_place(r, at, item, base);
        read_mapping(r, at, key->keys, item, base);
    }
}

static void read_key(struct config_reader *r, const struct where *w, const struct config_key *key,
                     yaml_node_t *node, char *base)
{
    void *member = base + key->offset;
    bool good = true;

    switch (key->type) {
    case CONFIG_MAPPING:
        read_mapping(r, w, key->keys, node, member);
        return; /* its members have their own places */
    case CONFIG_LIST:
        read_list(r, w, key, node, member);
        break;
    case CONFIG_KEEP:
        read_keep(r, w, node, member);
        break;
    case CONFIG_GLOBS:
    case CONFIG_CALENDAR:
    case CONFIG_TEXTS:
    case CONFIG_BITS:
    case CONFIG_REPORT:
        read_values(r, w, key, node, member);
        break;
    default:
        good = read_scalar(r, w, key, node, member);
        break;
    }
    if (good)
        add_place(r, w, node, member);
}

static void set_fallback(const struct config_key *key, char *base)
{
    struct err err = ERR_INIT;
    int rc = 0;

    if (key->type == CONFIG_MAPPING) {
        for (const struct config_key *k = key->keys; k->name; k++)
            set_fallback(k, base + key->offset);
    } else if (key->fallback) {
        rc = config_set_value(key, key->fallback, base + key->offset, &err);
    }
    assert(rc == 0); /* the schema's own text */
}

/* base: of the struct that the keys' offsets count from. */
static void read_mapping(struct config_reader *r, const struct where *w,
                         const struct config_key *keys, const yaml_node_t *node, char *base)
{
    struct found found[CONFIG_KEYS_MAX] = {0};
    const char *names[CONFIG_KEYS_MAX] = {0};
    size_t n = 0;

    for (; keys[n].name; n++) {
        assert(n < CONFIG_KEYS_MAX);
        names[n] = keys[n].name;
    }
    if (find_keys(r, w, node, names, n, found) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (found[i].key)
            read_key(r, add_where(r, w, names[i], -1, NULL), &keys[i], found[i].value, base);
        else if (keys[i].required)
            report(r, w, node, "'%s' is missing (%s)", names[i], keys[i].help);
        else
            set_fallback(&keys[i], base);
    }
}

static int by_member(const void *a, const void *b)
{
    const struct config_place *x = a, *y = b;

    if (x->member != y->member)
        return (uintptr_t)x->member < (uintptr_t)y->member ? -1 : 1;
    return (int)x->item - (int)y->item;
}

void config_walk(struct config_reader *r, struct config *config)
{
    const struct where *root = add_where(r, NULL, NULL, -1, NULL);
    const yaml_node_t *node = yaml_document_get_root_node(&r->doc);

    if (is_null(node)) {
        config_report(r, 0, 0, false, "the file is empty: there is no configuration");
        return;
    }
    read_mapping(r, root, config_keys, node, (char *)config);
    if (r->places.n > 0)
        qsort(r->places.items, r->places.n, sizeof(*r->places.items), by_member);
}

void config_walk_done(struct config_reader *r)
{
    for (size_t i = 0; i < r->wheres.n; i++)
        free(r->wheres.items[i]);
    free(r->wheres.items);
    free(r->places.items);
}

static const struct config_place *find_place(const struct config_reader *r, const void *member,
                                             bool item)
{
    const struct config_place key = {.member = member, .item = item};

    return r->places.n == 0 ? NULL
                            : bsearch(&key, r->places.items, r->places.n, sizeof(key), by_member);
}

const struct config_place *config_place_of(const struct config_reader *r, const void *member)
{
    return find_place(r, member, false);
}

const struct config_place *config_place_of_item(const struct config_reader *r, const void *item)
{
    return find_place(r, item, true);
}
