/* SPDX-License-Identifier: MIT
 *
 * mail_html: pages that stand alone, as mails have them and as files: no script, nothing is loaded.
 */
#ifndef VMKEEP_REPORT_MAIL_HTML_H
#define VMKEEP_REPORT_MAIL_HTML_H

#include <stdio.h>

/* Up to the body's heading, which is the title. */
void mail_html_begin(FILE *out, const char *title);
void mail_html_end(FILE *out);

/* Text, or an attribute's value between double quotes, that others wrote: it can be nothing else.
 * NULL prints nothing. */
void mail_html_text(FILE *out, const char *text);

#endif
