/* SPDX-License-Identifier: MIT */
#include "report/mail_html.h"

/* Mail programs show little of it, and are readable without. */
static const char style[] =
    ":root{color-scheme:light dark}"
    "body{font:15px/1.5 sans-serif;margin:1.5em auto;max-width:75em;padding:0 1em}"
    "h1{font-size:1.3em}table{border-collapse:collapse;width:100%;margin:1em 0}"
    "caption{text-align:left;font-weight:bold;padding:.3em 0}"
    "th,td{text-align:left;vertical-align:top;padding:.3em .8em .3em 0;"
    "border-top:1px solid #8886;font-weight:normal}"
    "thead th{border:0;font-weight:bold}.risk{font-weight:bold;color:#c22}.act{color:#b60}";

void mail_html_begin(FILE *out, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width\"><title>",
          out);
    mail_html_text(out, title);
    fprintf(out, "</title><style>%s</style></head><body><h1>", style);
    mail_html_text(out, title);
    fputs("</h1>\n", out);
}

void mail_html_end(FILE *out)
{
    fputs("</body></html>\n", out);
}

void mail_html_text(FILE *out, const char *text)
{
    for (; text && *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}
