/* SPDX-License-Identifier: MIT */
#include "report/metrics_priv.h"

#include <inttypes.h>

/* The format's own escapes; bytes that are not UTF-8 do not come in names that are checked. */
static void put_value(FILE *out, const char *s)
{
    for (; *s; s++)
        if (*s == '\\' || *s == '"')
            fprintf(out, "\\%c", *s);
        else if (*s == '\n')
            fputs("\\n", out);
        else
            fputc(*s, out);
}

static void put_label(const struct metrics_page *p, const char *label, const char *value, bool *any)
{
    if (!value)
        return;
    fprintf(p->out, "%s%s=\"", *any ? "," : "{", label);
    put_value(p->out, value);
    fputc('"', p->out);
    *any = true;
}

void metrics_put_number(const struct metrics_page *p, const struct metrics_labels *l,
                        const char *number)
{
    bool any = false;

    fprintf(p->out, "vmkeep_%s%s", p->name, l->suffix ? l->suffix : "");
    put_label(p, "host", l->host, &any);
    put_label(p, "domain", l->domain, &any);
    put_label(p, "policy", l->policy, &any);
    put_label(p, "repository", l->repository, &any);
    put_label(p, "target", l->target, &any);
    put_label(p, "kind", l->kind, &any);
    put_label(p, "outcome", l->outcome, &any);
    put_label(p, "code", l->code, &any);
    put_label(p, "severity", l->severity, &any);
    put_label(p, "state", l->state, &any);
    put_label(p, "version", l->version, &any);
    put_label(p, "le", l->le, &any);
    fprintf(p->out, "%s %s\n", any ? "}" : "", number);
}

void metrics_put(const struct metrics_page *p, const struct metrics_labels *l, int64_t value)
{
    char number[32];

    snprintf(number, sizeof(number), "%" PRId64, value);
    metrics_put_number(p, l, number);
}
