/* SPDX-License-Identifier: MIT */
#include "report/reason.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define CODE(id, name, severity, meaning) [REASON_##id] = {name, SEVERITY_##severity},
static const struct code {
    const char *name;
    enum severity severity;
} codes[REASON_CODE_COUNT] = {REASONS(CODE)};

const char *severity_name(enum severity s)
{
    static const char *const names[] = {
        [SEVERITY_NOTE] = "note", [SEVERITY_ACT] = "act", [SEVERITY_RISK] = "risk"};

    return names[s];
}

const char *reason_name(enum reason_code code)
{
    return codes[code].name;
}

enum severity reason_severity(enum reason_code code)
{
    return codes[code].severity;
}

struct reason *reason_add(struct reason_list *l, enum reason_code code, const char *advice,
                          const char *fmt, ...)
{
    struct reason *r = VEC_ADD(l);
    va_list ap;

    assert(code < REASON_CODE_COUNT && codes[code].name);
    r->code = code;
    r->severity = codes[code].severity;
    r->advice = xstrdup(advice);
    va_start(ap, fmt);
    r->text = xvasprintf(fmt, ap);
    va_end(ap);
    return r;
}

void reason_list_done(struct reason_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].text);
        free(l->items[i].advice);
    }
    free(l->items);
    *l = (struct reason_list){0};
}

static void append(char **text, const char *more)
{
    char *old = *text;

    *text = xasprintf("%s%s%s", old ? old : "", old ? "; " : "", more);
    free(old);
}

char *reasons_text(const struct reason_list *l)
{
    char *ret = NULL;

    for (size_t i = 0; i < l->n; i++)
        append(&ret, l->items[i].text);
    return ret ? ret : xstrdup("");
}

static bool is_said(const struct reason_list *l, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (l->items[i].advice && strcmp(l->items[i].advice, l->items[n].advice) == 0)
            return true;
    return false;
}

char *reasons_advice(const struct reason_list *l)
{
    char *ret = NULL;

    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].advice && !is_said(l, i))
            append(&ret, l->items[i].advice);
    return ret;
}

enum severity reasons_severity(const struct reason_list *l)
{
    enum severity ret = SEVERITY_NOTE;

    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].severity > ret)
            ret = l->items[i].severity;
    return ret;
}
