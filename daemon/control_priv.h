/* SPDX-License-Identifier: MIT
 *
 * Private to daemon/control*.c. */
#ifndef VMKEEP_DAEMON_CONTROL_PRIV_H
#define VMKEEP_DAEMON_CONTROL_PRIV_H

#include <ev.h>
#include <jansson.h>

#include "base/stream.h"
#include "daemon/control.h"

struct client {
    struct control *control;
    struct stream stream;
    ev_timer idle;        /* while a request is not complete */
    struct job_ids waits; /* the jobs whose end it waits for */
    char *held;           /* its request, until the daemon has started; NULL: none */
    bool progress;        /* it shows how far they are, to somebody who looks on */
    bool events;          /* it wants to hear of each backup that ends: */
    char *events_of;      /* ... of that domain, as its client named it; NULL: of any */
};

struct pending;

struct control {
    struct control_env env;
    struct observer jobs;
    bool ready; /* all requests are met; before, only "status" is */
    char *path;
    ev_io connectable;
    int spare; /* a descriptor that is let go of to refuse who connects when there are no more */
    ev_timer again;    /* it is listened again, after there was none for that either */
    ev_timer progress; /* while a client waits that shows it */
    VEC(struct client *) clients;
    VEC(struct pending *) pending; /* answers that come later */
};

/* Takes the message over.  Text in it that others wrote (an error, a name) goes through
 * report_json_text: jansson refuses what is not UTF-8, and a message cut short may not be. */
void client_send(struct client *cl, json_t *message);

void client_answer_error(struct client *cl, const struct err *err);

/* As json_unpack; ERR_INVALID for arguments that do not fit. args may be NULL. */
int control_unpack(json_t *args, struct err *err, const char *fmt, ...);

/* Clients that wait and show progress are told of it, each second from now on. */
void control_show_progress(struct control *c);

/* control_api.c */
int control_api_command(struct client *cl, const char *cmd, json_t *args, json_t **ret,
                        struct err *err);
void control_tell_completed(struct control *c, const struct job *j);
void control_forget_client(struct client *cl);  /* it goes: its answers have nowhere to go */
void control_forget_pending(struct control *c); /* the scheduler will not answer any more */

/* Carries one command out.  *ret: its result, owned by the caller; NULL: the final line comes
 * later. */
int control_command(struct client *cl, const char *cmd, json_t *args, json_t **ret,
                    struct err *err);

#endif
