/* SPDX-License-Identifier: MIT
 *
 * A mail: RFC 5322, with its two bodies as multipart/alternative (RFC 2046), each in base64, so
 * that no line is too long and nothing on its way changes a byte.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "helpers/notify/send.h"

#define LINE_BYTES 57 /* become 76 characters */
#define WORD_BYTES 39 /* a line with an encoded word has 76 characters at most (RFC 2047) */
#define BOUNDARY "=_vmkeep_two_bodies"

static void put_base64(FILE *out, const char *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *u = (const unsigned char *)data;

    for (size_t i = 0; i < len; i += 3) {
        unsigned v = (unsigned)u[i] << 16;

        v |= i + 1 < len ? (unsigned)u[i + 1] << 8 : 0;
        v |= i + 2 < len ? u[i + 2] : 0;
        fputc(digits[v >> 18], out);
        fputc(digits[v >> 12 & 63], out);
        fputc(i + 1 < len ? digits[v >> 6 & 63] : '=', out);
        fputc(i + 2 < len ? digits[v & 63] : '=', out);
    }
}

/* Lines of a text end so, whatever it is coded in (RFC 2046, 4.1.1). Caller frees. */
static char *canonical(const char *text)
{
    char *ret = xcalloc(2 * strlen(text) + 1, 1), *to = ret;

    for (; *text; text++) {
        if (*text == '\n')
            *to++ = '\r';
        *to++ = *text;
    }
    return ret;
}

static void put_body(FILE *out, const char *type, const char *lines)
{
    CLEANUP_FREE char *text = canonical(lines);
    size_t len = strlen(text);

    fprintf(out,
            "--" BOUNDARY "\r\nContent-Type: %s; charset=utf-8\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n",
            type);
    for (size_t i = 0; i < len; i += LINE_BYTES) {
        put_base64(out, text + i, len - i < LINE_BYTES ? len - i : LINE_BYTES);
        fputs("\r\n", out);
    }
    fputs("\r\n", out);
}

static bool is_plain(const char *s)
{
    for (; *s; s++)
        if (*s < ' ' || *s > '~')
            return false;
    return true;
}

/* What is not plain ASCII goes in encoded words, each of whole characters. */
static void put_subject(FILE *out, const char *subject)
{
    fputs("Subject: ", out);
    if (is_plain(subject) && strlen(subject) < 900) {
        fprintf(out, "%s\r\n", subject);
        return;
    }
    while (*subject) {
        size_t len = strlen(subject);

        if (len > WORD_BYTES)
            for (len = WORD_BYTES; len > 1 && ((unsigned char)subject[len] & 0xc0) == 0x80;)
                len--;
        fputs("=?UTF-8?B?", out);
        put_base64(out, subject, len);
        subject += len;
        fputs(*subject ? "?=\r\n " : "?=\r\n", out);
    }
}

static void put_date(FILE *out, int64_t now)
{
    time_t t = (time_t)now;
    struct tm tm;
    char buf[64];

    localtime_r(&t, &tm);
    strftime(buf, sizeof(buf), "%a, %d %b %Y %H:%M:%S %z", &tm); /* the locale is C */
    fprintf(out, "Date: %s\r\n", buf);
}

char *format_mail(const json_t *message, const char *from, const struct strlist *to, const char *id,
                  int64_t now)
{
    const char *machine = message_text(message, "machine");
    char *ret = NULL;
    size_t size;
    FILE *out = open_memstream(&ret, &size);

    if (!out)
        abort();
    fprintf(out, "From: vmkeep <%s>\r\nTo: ", from);
    for (size_t i = 0; i < to->n; i++)
        fprintf(out, "%s%s", i > 0 ? ",\r\n " : "", to->items[i]);
    fputs("\r\n", out);
    put_subject(out, message_text(message, "subject"));
    put_date(out, now);
    fprintf(out, "Message-ID: <%s@%s>\r\n", id, *machine ? machine : "vmkeep");
    fputs("MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n", out);
    fprintf(out, "X-Vmkeep-Kind: %s\r\n", message_text(message, "kind"));
    fputs("Content-Type: multipart/alternative; boundary=\"" BOUNDARY "\"\r\n\r\n", out);
    put_body(out, "text/plain", message_text(message, "text"));
    if (*message_text(message, "html"))
        put_body(out, "text/html", message_text(message, "html"));
    fputs("--" BOUNDARY "--\r\n", out);
    fclose(out);
    return ret;
}
