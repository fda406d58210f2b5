/* SPDX-License-Identifier: MIT
 *
 * control: the socket through which the command asks the daemon to act.
 *
 * An AF_UNIX stream; each line is one JSON document.  A request:
 *     {"v": 1, "cmd": "run", "args": {"target": "nightly", "wait": true}}
 * is answered by event lines, if it waits, and then one final line:
 *     {"ok": true, "result": {...}}
 *     {"ok": false, "error": {"code": "busy", "message": "..."}}
 * Only root and the daemon's own user may connect (SO_PEERCRED, unix(7)).  A request is at most
 * 1088 KiB long (it may carry two XML documents) and must be complete within 10 s; a client that
 * does not read is dropped.
 *
 * "run", "prune", "copy" and "delete" with "wait" are answered by
 * {"event": "accepted", "jobs": [...]},
 * then for each change {"event": "progress", "job": 12, "step": ..., "done", "total" (bytes)}, for
 * each end {"event": "ended", "job": 12, "outcome", "reason"}, and the final line.  With
 * "progress": true the progress has "now", the job as it is (daemon/live_json.h), and comes each
 * second. "jobs" is answered by a page of what is queued or running, as it is now, and "next":
 * null, or the arguments that bring the next page.
 *
 * "status" is answered at once, with "starting": true while the daemon is; all else is met when it
 * has started.
 *
 * "events" is answered by one line {"event": "listening"}, and then one for each backup that ends,
 * scheduled or begun by hand, until the client goes:
 *     {"event": "job-completed", "job": 12, "host": "lab", "domain": "web01",
 *      "operation": "backup", "kind": "backup", "mode": "push",
 *      "outcome": "success", "time_elapsed": 1234 (ms),
 *      "disk_total", "disk_processed", "disk_remaining", "temp_used", "temp_total" (bytes),
 *      "success": true, "errmsg": null}
 */
#ifndef VMKEEP_DAEMON_CONTROL_H
#define VMKEEP_DAEMON_CONTROL_H

#include "daemon/notify.h"
#include "scheduler/scheduler.h"

struct control;

struct control_env {
    struct ev_loop *loop;
    struct scheduler *scheduler;
    struct catalog *catalog;
    const char *version;
    /* "reload": 0, or -1 with the first of the file's errors. */
    int (*reload)(void *ctx, struct err *err);
    struct notify *const *notify; /* *notify NULL: it has not started yet */
    void *ctx;
};

/* ERR_BUSY when another daemon listens there; a socket that nobody listens on is replaced;
 * ERR_EXISTS for anything else at the path. */
int control_open(const struct control_env *env, const char *path, struct control **ret,
                 struct err *err);
/* The daemon has started.  Until then "status" is answered, and all else waits for this. */
void control_ready(struct control *c);
void control_close(struct control *c); /* removes the socket */

#endif
