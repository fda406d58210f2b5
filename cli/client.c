/* SPDX-License-Identifier: MIT */
#include "cli/client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/lines.h"
#include "base/text.h"

#define ANSWER_S 20
#define LINE_MAX_BYTES (16 * 1024 * 1024)

struct connection {
    const char *path;
    int fd;
    int timeout_s; /* for the first line; 0 from then on: none */
    int64_t until; /* monotonic, seconds; 0: no limit for all of it */
    struct lines in;
    sigset_t wait_mask;
    struct sigaction was_int,
        was_term; /* signals that end a wait are let through only while it waits */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    (void)sig;
    interrupted = 1;
}

static void catch_signals(struct connection *c)
{
    const struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &c->wait_mask);
    sigaction(SIGINT, &action, &c->was_int);
    sigaction(SIGTERM, &action, &c->was_term);
}

static void release_signals(const struct connection *c)
{
    sigaction(SIGINT, &c->was_int, NULL);
    sigaction(SIGTERM, &c->was_term, NULL);
    sigprocmask(SIG_SETMASK, &c->wait_mask, NULL);
    /* Who had caught it before hears of it, too. */
    if (interrupted && c->was_int.sa_handler != SIG_DFL && c->was_int.sa_handler != SIG_IGN)
        raise(SIGINT);
}

/* Told from one that went away by its number. */
static int not_running(const struct connection *c, int sys, struct err *err)
{
    err_set(err, ERR_REMOTE, "%s: the daemon is not running (%s)", c->path, strerror(sys));
    err->sys = sys;
    return -1;
}

static int open_socket(struct connection *c, struct err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = c->timeout_s};

    if (strlen(c->path) >= sizeof(addr.sun_path))
        return err_set(err, ERR_INVALID, "%s: a socket's path has at most %zu bytes", c->path,
                       sizeof(addr.sun_path) - 1);
    strcpy(addr.sun_path, c->path);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return err_errno(err, errno, "control socket");
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(c->fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
        return 0;
    if (errno == ENOENT || errno == ECONNREFUSED)
        return not_running(c, errno, err);
    if (errno == EACCES || errno == EPERM)
        return err_set(err, ERR_DENIED, "%s: %s (only root and the daemon's user may ask it)",
                       c->path, strerror(errno));
    if (errno == EAGAIN)
        return err_set(err, ERR_TIMEOUT, "%s: the daemon does not answer", c->path);
    return err_errno(err, errno, "%s", c->path);
}

static int send_request(struct connection *c, const struct client_request *r, struct err *err)
{
    json_t *request = json_pack("{s:i, s:s, s:O?}", "v", 1, "cmd", r->cmd, "args", r->args);
    CLEANUP_FREE char *text = json_dumps(request, JSON_COMPACT);
    CLEANUP_FREE char *line = NULL;
    size_t len, sent = 0;

    json_decref(request);
    if (!text)
        return err_set(err, ERR_INVALID, "an argument is not UTF-8");
    line = xasprintf("%s\n", text);
    len = strlen(line);
    while (sent < len) {
        ssize_t n = send(c->fd, line + sent, len - sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN)
            return err_set(err, ERR_TIMEOUT, "%s: the daemon does not answer", c->path);
        if (n < 0 && errno == EPIPE)
            break; /* it has refused us, and its reason can be read */
        if (n < 0)
            return err_errno(err, errno, "%s", c->path);
        sent += (size_t)n;
    }
    return 0;
}

static int64_t monotonic(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static int wait_readable(struct connection *c, struct err *err)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    int64_t left = c->until ? c->until - monotonic() : 0;
    const struct timespec limit = {.tv_sec = c->timeout_s ? c->timeout_s : left > 0 ? left : 0};
    int n = ppoll(&p, 1, c->timeout_s || c->until ? &limit : NULL, &c->wait_mask);

    if (n < 0 && errno == EINTR && interrupted)
        return err_set(err, ERR_CANCELED, "interrupted");
    if (n < 0 && errno != EINTR)
        return err_errno(err, errno, "%s", c->path);
    if (n == 0 && !c->timeout_s)
        return err_set(err, ERR_TIMEOUT, "%s: nothing in time", c->path);
    if (n == 0)
        return err_set(err, ERR_TIMEOUT, "%s: the daemon has not answered for %d s", c->path,
                       c->timeout_s);
    return 0;
}

/* Waits for more. */
static int read_more(struct connection *c, struct err *err)
{
    size_t room;
    char *to;
    ssize_t n;

    if (wait_readable(c, err) < 0)
        return -1;
    if (lines_unfinished(&c->in) > LINE_MAX_BYTES)
        return err_set(err, ERR_PROTOCOL, "%s: the answer is too long", c->path);
    to = lines_room(&c->in, &room);
    n = recv(c->fd, to, room, MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNRESET)
        return err_errno(err, errno, "%s", c->path);
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return err_set(err, ERR_REMOTE, "%s: the daemon went away before it had answered", c->path);
    if (n > 0)
        lines_put(&c->in, (size_t)n);
    return 0;
}

/* The next line as JSON. */
static int receive(struct connection *c, json_t **ret, struct err *err)
{
    json_error_t bad;
    char *line;
    size_t len;

    while (!(line = lines_next(&c->in, &len)))
        if (read_more(c, err) < 0)
            return -1;
    *ret = json_loadb(line, len, 0, &bad);
    return *ret ? 0 : err_set(err, ERR_PROTOCOL, "%s: not JSON: %s", c->path, bad.text);
}

static enum err_code code_from_name(const char *name)
{
    for (int i = ERR_NONE + 1; i < ERR_CODE_COUNT; i++)
        if (strcmp(err_code_name((enum err_code)i), name) == 0)
            return (enum err_code)i;
    return ERR_REMOTE;
}

/* A final line into a result or an error. */
static int take_answer(const struct connection *c, json_t *answer, json_t **ret, struct err *err)
{
    const char *code = NULL, *message = NULL;
    int ok = 0;

    if (json_unpack(answer, "{s:b}", "ok", &ok) < 0)
        return err_set(err, ERR_PROTOCOL, "%s: neither an event nor an answer", c->path);
    if (ok) {
        *ret = json_incref(json_object_get(answer, "result"));
        return 0;
    }
    if (json_unpack(answer, "{s:{s:s, s:s}}", "error", "code", &code, "message", &message) < 0)
        return err_set(err, ERR_PROTOCOL, "%s: an error without code and message", c->path);
    return err_set(err, code_from_name(code), "%s", message);
}

static int converse(struct connection *c, const struct client_request *r, json_t **ret,
                    bool *ret_reached, struct err *err)
{
    int rc;

    if (open_socket(c, err) < 0 || send_request(c, r, err) < 0)
        return -1;
    for (;;) {
        json_t *line = NULL;

        if (receive(c, &line, err) < 0) {
            *ret_reached = err->code == ERR_CANCELED || err->code == ERR_PROTOCOL ||
                           (err->code == ERR_TIMEOUT && !c->timeout_s);
            return -1;
        }
        *ret_reached = true;
        if (!json_object_get(line, "event")) {
            rc = take_answer(c, line, ret, err);
            json_decref(line);
            return rc;
        }
        c->timeout_s = 0;
        if (r->event)
            r->event(r->ctx, line);
        json_decref(line);
        if (r->enough && *r->enough) {
            *ret = NULL;
            return 0;
        }
    }
}

int client_ask(const struct config *config, const struct client_request *r, int timeout_s,
               json_t **ret, bool *ret_reached, struct err *err)
{
    struct connection c = {.path = config->control, .fd = -1, .timeout_s = timeout_s};
    int rc;

    c.until = r->limit_s ? monotonic() + r->limit_s : 0;
    *ret_reached = false;
    interrupted = 0;
    catch_signals(&c);
    rc = converse(&c, r, ret, ret_reached, err);
    release_signals(&c);
    if (c.fd >= 0)
        close(c.fd);
    lines_done(&c.in);
    json_decref(r->args);
    return rc;
}

/* The same as status says of it. */
void client_advise(const struct err *err)
{
    if (err->code == ERR_REMOTE && err->sys)
        fprintf(stderr, "vmkeep: %s\n",
                cli_config_problem()
                    ? "first mend the configuration, by which vmkeepd cannot start: 'vmkeep "
                      "check'; then 'systemctl start vmkeepd'"
                    : "'systemctl start vmkeepd'; 'journalctl -u vmkeepd' tells why it ended");
}

int client_failed(const struct err *err, bool reached)
{
    int code = cli_fail(NULL, err);

    if (reached)
        return code;
    client_advise(err);
    if (err->code == ERR_TIMEOUT || (err->code == ERR_REMOTE && !err->sys))
        fputs("vmkeep: it may do what it was asked for yet, or have done it: look before you ask "
              "again\n",
              stderr);
    return code == EXIT_INTERRUPTED ? code : EXIT_NO_DAEMON;
}

int cli_ask(const struct config *config, const struct client_request *r, json_t **ret)
{
    struct err err = ERR_INIT;
    bool reached;

    if (client_ask(config, r, ANSWER_S, ret, &reached, &err) == 0)
        return EXIT_DONE;
    return client_failed(&err, reached);
}
