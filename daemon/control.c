/* SPDX-License-Identifier: MIT
 *
 * Connections: reading requests, writing answers, telling those that wait what happens to their
 * jobs.  What the commands do is in control_commands.c.
 */
#include "daemon/control_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "daemon/live_json.h"
#include "report/gather/job_json.h"
#include "report/json.h"

/* Two documents of DOCUMENT_MAX, each byte of which may be escaped. */
#define REQUEST_MAX (1024 * 1024 + 64 * 1024)
#define UNSENT_MAX (2 * 1024 * 1024)
#define IDLE_S 10.0
#define CLIENTS_MAX 64
#define LISTEN_AGAIN_S 1.0
#define PROGRESS_FIRST_S 0.2
#define PROGRESS_S 1.0

static void client_free(struct client *cl)
{
    struct control *c = cl->control;

    stream_close(&cl->stream);
    ev_timer_stop(c->env.loop, &cl->idle);
    for (size_t i = 0; i < c->clients.n; i++) {
        if (c->clients.items[i] == cl) {
            c->clients.items[i] = c->clients.items[--c->clients.n];
            break;
        }
    }
    free(cl->waits.items);
    free(cl->held);
    free(cl->events_of);
    control_forget_client(cl);
    free(cl);
}

void client_send(struct client *cl, json_t *message)
{
    CLEANUP_FREE char *text = json_dumps(message, JSON_COMPACT);
    /* No JSON can be made of text that is not UTF-8: a client that gets nothing waits for ever. */
    CLEANUP_FREE char *line = xasprintf("%s\n", text ? text : "{}");

    json_decref(message);
    stream_send(&cl->stream, line, strlen(line));
}

void client_answer_error(struct client *cl, const struct err *err)
{
    client_send(cl, json_pack("{s:b, s:{s:s, s:o}}", "ok", 0, "error", "code",
                              err_code_name(err->code), "message", report_json_text(err->msg)));
}

/* While the daemon is starting, how it is can be asked; all else waits. */
static int hold(struct client *cl, const char *line, size_t len, struct err *err)
{
    if (cl->held)
        return err_set(err, ERR_BUSY, "the daemon is starting: one request at a time");
    cl->held = xasprintf("%.*s", (int)len, line);
    return 0;
}

static void answer(struct client *cl, const char *line, size_t len)
{
    struct err err = ERR_INIT;
    json_error_t bad;
    json_t *request = json_loadb(line, len, 0, &bad);
    json_t *args = NULL, *result = NULL;
    const char *cmd = NULL;
    int version = 0, rc;

    if (!request)
        rc = err_set(&err, ERR_PROTOCOL, "not JSON: %s", bad.text);
    else if (json_unpack_ex(request, &bad, 0, "{s:i, s:s, s?o}", "v", &version, "cmd", &cmd, "args",
                            &args) < 0)
        rc = err_set(&err, ERR_PROTOCOL, "not a request: %s", bad.text);
    else if (version != 1)
        rc = err_set(&err, ERR_UNSUPPORTED, "protocol version %d, this daemon speaks 1", version);
    else if (!cl->control->ready && strcmp(cmd, "status") != 0)
        rc = hold(cl, line, len, &err);
    else
        rc = control_command(cl, cmd, args, &result, &err);
    if (rc < 0)
        client_answer_error(cl, &err);
    else if (result)
        client_send(cl, json_pack("{s:b, s:o}", "ok", 1, "result", result));
    json_decref(request);
}

static void on_line(void *ctx, char *line, size_t len)
{
    answer(ctx, line, len);
}

static void on_broken(void *ctx, const struct err *why)
{
    struct client *cl = ctx;
    struct err err = ERR_INIT;

    if (why->code == ERR_PROTOCOL) {
        err_set(&err, ERR_PROTOCOL, "a request is at most %d bytes long", REQUEST_MAX);
        client_answer_error(cl, &err);
    }
    client_free(cl);
}

static void on_unfinished(void *ctx, size_t n)
{
    struct client *cl = ctx;

    if (n > 0)
        ev_timer_again(cl->control->env.loop, &cl->idle);
    else
        ev_timer_stop(cl->control->env.loop, &cl->idle);
}

static void on_idle(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct client *cl = w->data;
    struct err err = ERR_INIT;

    (void)loop;
    (void)revents;
    err_set(&err, ERR_TIMEOUT, "the request was not complete within %.0f s", IDLE_S);
    client_answer_error(cl, &err);
    client_free(cl);
}

static bool may_connect(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

static void client_new(struct control *c, int fd)
{
    static const struct stream_events events = {on_line, on_broken, on_unfinished};
    struct client *cl = xcalloc(1, sizeof(*cl));

    cl->control = c;
    stream_open(&cl->stream, c->env.loop, fd, REQUEST_MAX - 1, &events, cl);
    cl->stream.out_max = UNSENT_MAX;
    ev_timer_init(&cl->idle, on_idle, 0, IDLE_S);
    cl->idle.data = cl;
    *VEC_ADD(&c->clients) = cl;
    ev_timer_again(c->env.loop, &cl->idle);
}

static void refuse(int fd, const char *code, const char *message)
{
    CLEANUP_FREE char *line =
        xasprintf("{\"ok\":false,\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code, message);

    if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
        log_debug("control: %s", strerror(errno));
    close(fd);
}

/* The process, or the machine, has no descriptor left: whoever connects would stay in the queue,
 * and the loop would spin on it.  With one that was kept for that he is told; without it nobody is
 * listened to for a moment. */
static void out_of_descriptors(struct control *c)
{
    int fd;

    log_warning("control: %s: who connects is refused", strerror(errno));
    if (c->spare >= 0)
        close(c->spare);
    fd = accept4(c->connectable.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        refuse(fd, "busy", "the daemon has no file descriptors left; try again later");
    c->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && c->spare >= 0)
        return;
    ev_io_stop(c->env.loop, &c->connectable);
    ev_timer_again(c->env.loop, &c->again);
}

static void on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct control *c = w->data;

    (void)revents;
    ev_timer_stop(loop, w);
    if (c->spare < 0)
        c->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ev_io_start(loop, &c->connectable);
}

static void on_connect(struct ev_loop *loop, ev_io *w, int revents)
{
    struct control *c = w->data;
    int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)loop;
    (void)revents;
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
        out_of_descriptors(c);
    if (fd < 0)
        return;
    if (c->clients.n >= CLIENTS_MAX)
        close(fd);
    else if (!may_connect(fd))
        refuse(fd, "denied", "only root and the daemon's user may connect");
    else
        client_new(c, fd);
}

static bool waits_for(const struct client *cl, int64_t job)
{
    for (size_t i = 0; i < cl->waits.n; i++)
        if (cl->waits.items[i] == job)
            return true;
    return false;
}

static void stop_waiting_for(struct client *cl, int64_t job)
{
    for (size_t i = 0; i < cl->waits.n; i++)
        if (cl->waits.items[i] == job)
            cl->waits.items[i--] = cl->waits.items[--cl->waits.n];
    if (cl->waits.n == 0)
        client_send(cl, json_pack("{s:b, s:{}}", "ok", 1, "result"));
}

/* What the job is at, for who looks on. */
static void tell_progress(struct client *cl, const struct job *j)
{
    json_t *event =
        json_pack("{s:s, s:I, s:o, s:s, s:I, s:I}", "event", "progress", "job", (json_int_t)j->id,
                  "domain", report_json_text(j->domain), "step", j->step ? j->step : "queued",
                  "done", (json_int_t)j->bytes_done, "total", (json_int_t)j->bytes_total);
    struct live_job live;

    if (cl->progress && scheduler_live_job(cl->control->env.scheduler, j->id, &live))
        json_object_set_new(event, "now", live_job_json(&live));
    client_send(cl, event);
}

/* Who waits for it waits for what it has left, too. */
static void tell_end(struct client *cl, const struct job *j, int64_t rest)
{
    json_t *event =
        json_pack("{s:s, s:I, s:o, s:s, s:o, s:o}", "event", "ended", "job", (json_int_t)j->id,
                  "domain", report_json_text(j->domain), "outcome", job_outcome_name(j->outcome),
                  "reason", report_json_text(j->reason), "reasons", job_reasons_json(j));

    if (rest) {
        json_object_set_new(event, "rest", json_integer(rest));
        if (!waits_for(cl, rest))
            *VEC_ADD(&cl->waits) = rest;
    }
    client_send(cl, event);
    stop_waiting_for(cl, j->id);
}

static void tell_waiting(struct control *c, const struct job_event *e)
{
    const struct job *j = e->job;

    for (size_t i = 0; i < c->clients.n; i++) {
        struct client *cl = c->clients.items[i];

        if (!waits_for(cl, j->id))
            continue;
        if (j->state == JOB_ENDED && j->outcome != OUTCOME_NONE)
            tell_end(cl, j, e->rest);
        else
            tell_progress(cl, j);
    }
}

/* A copy that is looked at now is told of when that has been done. */
static bool show_progress(struct client *cl)
{
    struct scheduler *s = cl->control->env.scheduler;

    for (size_t i = 0; i < cl->waits.n && cl->progress; i++) {
        const struct job *j = scheduler_job(s, cl->waits.items[i]);

        if (j && !scheduler_look_at_job(s, j->id))
            tell_progress(cl, j);
    }
    return cl->progress && cl->waits.n > 0;
}

static void on_progress(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct control *c = w->data;
    bool anybody = false;

    (void)revents;
    for (size_t i = 0; i < c->clients.n; i++)
        anybody |= show_progress(c->clients.items[i]);
    if (!anybody)
        ev_timer_stop(loop, w);
}

void control_show_progress(struct control *c)
{
    if (ev_is_active(&c->progress))
        return;
    ev_timer_set(&c->progress, PROGRESS_FIRST_S, PROGRESS_S);
    ev_timer_start(c->env.loop, &c->progress);
}

static void on_job(void *ctx, const void *job_event)
{
    const struct job_event *event = job_event;

    if (event->completed)
        control_tell_completed(ctx, event->job);
    tell_waiting(ctx, event);
}

static bool somebody_listens(const struct sockaddr_un *addr)
{
    CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd >= 0 &&
           (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN);
}

/* What a former daemon left there may go, and nothing else. */
static int remove_stale(const char *path, struct err *err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_errno(err, errno, "control socket %s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(err, ERR_EXISTS,
                       "control socket %s: there is something that is not a socket", path);
    return unlink(path) < 0 ? err_errno(err, errno, "control socket %s", path) : 0;
}

static int listen_on(const char *path, int *ret_fd, struct err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    CLEANUP_FREE char *dir = path_dirname(path);
    CLEANUP_CLOSE int fd = -1;

    if (strlen(path) >= sizeof(addr.sun_path))
        return err_set(err, ERR_INVALID, "control socket %s: a socket's path has at most %zu bytes",
                       path, sizeof(addr.sun_path) - 1);
    strcpy(addr.sun_path, path);
    if (mkdir_all(dir, 0755, err) < 0)
        return -1;
    if (somebody_listens(&addr))
        return err_set(err, ERR_BUSY, "control socket %s: another daemon listens there", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(err, errno, "control socket");
    if (remove_stale(path, err) < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 || chmod(path, 0600) < 0 ||
        listen(fd, 16) < 0)
        return err_errno(err, errno, "control socket %s", path);
    *ret_fd = take_fd(&fd);
    return 0;
}

int control_open(const struct control_env *env, const char *path, struct control **ret,
                 struct err *err)
{
    struct control *c;
    int fd;

    if (listen_on(path, &fd, err) < 0)
        return -1;
    c = xcalloc(1, sizeof(*c));
    c->env = *env;
    c->path = xstrdup(path);
    ev_io_init(&c->connectable, on_connect, fd, EV_READ);
    c->connectable.data = c;
    ev_io_start(env->loop, &c->connectable);
    c->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ev_timer_init(&c->again, on_again, 0, LISTEN_AGAIN_S);
    c->again.data = c;
    ev_timer_init(&c->progress, on_progress, 0, 0);
    c->progress.data = c;
    c->jobs = (struct observer){.hear = on_job, .ctx = c};
    scheduler_listen(env->scheduler, &c->jobs);
    *ret = c;
    return 0;
}

void control_ready(struct control *c)
{
    c->ready = true;
    for (size_t i = 0; i < c->clients.n; i++) {
        CLEANUP_FREE char *line = TAKE_PTR(c->clients.items[i]->held);

        if (line)
            answer(c->clients.items[i], line, strlen(line));
    }
}

void control_close(struct control *c)
{
    if (!c)
        return;
    scheduler_unlisten(c->env.scheduler, &c->jobs);
    while (c->clients.n > 0)
        client_free(c->clients.items[0]);
    ev_io_stop(c->env.loop, &c->connectable);
    ev_timer_stop(c->env.loop, &c->progress);
    ev_timer_stop(c->env.loop, &c->again);
    if (c->spare >= 0)
        close(c->spare);
    close(c->connectable.fd);
    unlink(c->path);
    free(c->clients.items);
    control_forget_pending(c);
    free(c->path);
    free(c);
}
