/* SPDX-License-Identifier: MIT
 *
 * Private to helpers/notify: how each kind of target is sent to.
 */
#ifndef VMKEEP_HELPERS_NOTIFY_SEND_H
#define VMKEEP_HELPERS_NOTIFY_SEND_H

#include <jansson.h>

#include "base/err.h"
#include "base/sending.h"

#define HTTP_LIMIT_S 30L
#define CHILD_LIMIT_S 30.0

/* message: what s->message says.  Each returns 0 when the receiver has taken it. */
int send_mail(const struct sending *s, const json_t *message, struct err *err);
int send_webhook(const struct sending *s, const json_t *message, struct err *err);
int send_healthchecks(const struct sending *s, const json_t *message, struct err *err);
int send_command(const struct sending *s, const json_t *message, struct err *err);

/* "" where there is none. */
const char *message_text(const json_t *message, const char *key);

/* Runs argv with input on its standard input. child.c. */
int run_child(const char *const *argv, const char *input, struct err *err);

/* ---- formats.c: what receivers want, pure ---- */

/* The body of a webhook in that format, and the URL it goes to. Callers free both. */
char *format_body(const char *format, const json_t *message, const char *url, char **ret_url,
                  struct err *err);
/* A check's URL for a signal ("", "start", "fail", "log") and a run (NULL: none). Caller frees. */
char *format_ping_url(const char *url, const char *signal, const char *rid);
/* A mail with both bodies, lines ended by CR LF; from NULL: vmkeep@machine.  id: what makes its
 * Message-ID. Caller frees. */
char *format_mail(const json_t *message, const char *from, const struct strlist *to, const char *id,
                  int64_t now);
/* The URL without what may be a secret: "https://example.org/...". Caller frees. */
char *format_url_shown(const char *url);

#endif
