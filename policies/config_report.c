/* SPDX-License-Identifier: MIT */
#include <stdarg.h>

#include "base/cleanup.h"
#include "policies/config_priv.h"

#define DIAGNOSTICS_MAX 500 /* a file that is no configuration at all is not judged to its end */

void config_report(struct config_reader *r, int line, int column, bool warning, const char *fmt,
                   ...)
{
    CLEANUP_FREE char *text = NULL;
    va_list ap;

    if (r->diags->n >= DIAGNOSTICS_MAX)
        return;
    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    diagnostics_add(r->diags, r->file, line, column, warning, "%s", text);
}
