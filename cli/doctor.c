/* SPDX-License-Identifier: MIT */
#include "cli/doctor.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/cleanup.h"

void doctor_add(struct findings *l, const char *about, const char *check, bool fine,
                const char *advice, const char *fmt, ...)
{
    struct finding *f = VEC_ADD(l);
    va_list ap;

    va_start(ap, fmt);
    f->text = xvasprintf(fmt, ap);
    va_end(ap);
    f->about = xstrdup(about);
    f->check = check;
    f->fine = fine || l->lenient;
    f->advice = f->fine ? NULL : xstrdup(advice);
}

void findings_done(struct findings *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].about);
        free(l->items[i].text);
        free(l->items[i].advice);
    }
    free(l->items);
}
