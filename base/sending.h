/* SPDX-License-Identifier: MIT
 *
 * sending: what vmkeep-notify is asked to send, and to whom.
 */
#ifndef VMKEEP_BASE_SENDING_H
#define VMKEEP_BASE_SENDING_H

#include "base/alloc.h"
#include "base/record.h"

#define SENDING_PROGRAM "vmkeep-notify"
#define SENDING_LIMIT_S 60.0 /* it gives up by itself before that */

/* As in the configuration; what is of another kind is NULL, or empty. */
struct sending {
    char *kind; /* mail, webhook, healthchecks, command */
    struct strlist to;
    char *from, *via, *credentials;
    char *url, *url_file, *ca, *headers_file, *format;
    struct strlist command;
    char *message; /* JSON, see report/notice.h */
};

extern const struct record record_sending;

#endif
