/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  The QEMU guest agent, over the socket of its virtio-serial port.
 *
 * Nothing on that line belongs to a session: what an agent answers may be the late answer to
 * somebody else's question.  So each exchange begins with guest-sync-delimited, and whatever comes
 * before its answer is dropped.  A paused or hung guest answers nothing; so does an agent whose
 * line is in use.
 */
#ifndef VMKEEP_ENGINE_QMP_AGENT_H
#define VMKEEP_ENGINE_QMP_AGENT_H

#include <stdbool.h>

#include "base/err.h"

struct agent;
struct ev_loop;

/* Exactly once, from the loop.  err: NULL for success, else ERR_REMOTE (refused by the agent;
 * err->sys is the errno when it could not be reached) or ERR_TIMEOUT.  uncertain: the command
 * was sent and not answered; it may have taken effect, or may do later. */
typedef void (*agent_done)(void *ctx, bool uncertain, const struct err *err);

/* Does not connect yet. path: copied. */
struct agent *agent_new(struct ev_loop *loop, const char *path);

/* One command without arguments, all within timeout_s.  One at a time; a literal. */
void agent_call(struct agent *a, const char *command, double timeout_s, agent_done done, void *ctx);

/* Sends a command without waiting for anything, if there is a synchronised connection. */
void agent_blurt(struct agent *a, const char *command);

/* Closes the connection, if there is one and no exchange is under way: others may want the line. */
void agent_hang_up(struct agent *a);

/* NULL-safe; an exchange under way is dropped. */
void agent_free(struct agent *a);

#endif
