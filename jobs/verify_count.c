/* SPDX-License-Identifier: MIT */
#include "jobs/verify_count.h"

#include <stdlib.h>

#include "base/text.h"

void verify_count(const struct point_list *points, int64_t job, struct verify_count *ret)
{
    *ret = (struct verify_count){0};
    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];
        enum proof_state s;

        if (p->read.job != job)
            continue;
        s = proof_state_from_name(p->read.result);
        ret->n++;
        ret->of[s]++;
        ret->samples += s == PROOF_WHOLE && p->read.slices > 1;
        if (s >= PROOF_UNREAD && !ret->worst)
            ret->worst = p->id;
    }
}

/* Takes text over. */
static char *add(char *text, size_t n, const char *what, const char **comma)
{
    char *longer;

    if (!n)
        return text;
    longer = xasprintf("%s%s%zu %s", text, *comma, n, what);
    free(text);
    *comma = ", ";
    return longer;
}

char *verify_count_text(const struct verify_count *c)
{
    size_t bad = c->of[PROOF_DAMAGED] + c->of[PROOF_MISSING] + c->of[PROOF_UNREAD];
    char *text = xasprintf("%zu point%s read", c->n, plural_s(c->n)), *longer;
    const char *comma = ": ";

    text = add(text, c->samples, "whole in the sample of it", &comma);
    for (size_t i = 0; i <= PROOF_DAMAGED; i++)
        text = add(text, i == PROOF_WHOLE ? c->of[i] - c->samples : c->of[i],
                   proof_state_name((enum proof_state)i), &comma);
    if (!c->worst)
        return text;
    longer = xasprintf("%s: %s%s", text, c->worst, bad > 1 ? " and others" : "");
    free(text);
    return longer;
}
