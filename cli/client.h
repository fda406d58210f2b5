/* SPDX-License-Identifier: MIT
 *
 * client: a request to the daemon over its control socket: one line of JSON there, any number of
 * event lines and one final line back.  Blocks.
 */
#ifndef VMKEEP_CLI_CLIENT_H
#define VMKEEP_CLI_CLIENT_H

#include <jansson.h>

#include "cli/cli.h"

/* Is told each event; borrowed for the call. */
typedef void (*client_event)(void *ctx, const json_t *event);

struct client_request {
    const char *cmd;
    json_t *args;       /* taken over; NULL: none */
    client_event event; /* may be NULL */
    void *ctx;
    const bool *enough; /* may be NULL: true after an event ends it well, *ret is NULL then */
    int limit_s;        /* for all of it: ERR_TIMEOUT, with *ret_reached true; 0: none */
};

/* ret: the result, owned by the caller.  Its first line must come within timeout_s; after an event
 * the daemon takes the time it needs.  SIGINT and SIGTERM while it waits: ERR_CANCELED, and what
 * was asked for goes on.  *ret_reached false: the daemon does not run, does not answer or went
 * away. */
int client_ask(const struct config *config, const struct client_request *r, int timeout_s,
               json_t **ret, bool *ret_reached, struct err *err);

/* Prints the error of a client_ask, and what to do when no daemon runs.  Returns the exit code. */
int client_failed(const struct err *err, bool reached);
/* Only what to do: of a command that goes on without the daemon. */
void client_advise(const struct err *err);

/* The same with a time limit that suits commands; prints the error.  Returns the exit code. */
int cli_ask(const struct config *config, const struct client_request *r, json_t **ret);

#endif
