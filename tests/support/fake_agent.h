/* SPDX-License-Identifier: MIT
 *
 * A guest agent for tests, on a unix socket, served by the test's own loop. */
#ifndef VMKEEP_TESTS_FAKE_AGENT_H
#define VMKEEP_TESTS_FAKE_AGENT_H

#include <ev.h>
#include <stdbool.h>

#include "base/stream.h"

struct fake_agent {
    /* How it behaves. */
    bool silent; /* answers nothing */
    bool refuses_freeze;
    bool drops_freeze;       /* freezes, and the connection is lost instead of an answer */
    bool hides_after_freeze; /* its socket loses its name then, and the line is cut at the thaw */
    int drops_thaws;         /* so many thaws are dropped before one takes effect */

    bool frozen;
    int freezes, thaws, connections;
    void (*on_freeze)(void *ctx); /* after it; may be NULL */
    void *ctx;

    char *path;
    int listener;
    ev_io acceptable;
    struct stream stream; /* one client at a time, like QEMU's */
};

void fake_agent_start(struct fake_agent *a, const char *path);
void fake_agent_show(struct fake_agent *a); /* a hidden socket has its name again */
void fake_agent_stop(struct fake_agent *a); /* the socket goes, too */

#endif
