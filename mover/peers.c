/* SPDX-License-Identifier: MIT */
#include "mover/peers.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "mover/qemu_nbd.h"

#define TURN_MS 500
#define KILLED_S 30 /* a busy machine takes seconds to end what was killed */

static int signal_fd = -1;

int64_t peers_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_signal(int sig)
{
    int saved = errno;
    uint64_t one = 1;

    (void)sig;
    if (write(signal_fd, &one, sizeof(one)) < 0)
        _exit(130);
    errno = saved;
}

int peers_catch_signals(struct err *err)
{
    static const int caught[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};

    signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signal_fd < 0)
        return err_errno(err, errno, "eventfd");
    for (size_t i = 0; i < ARRAY_LEN(caught); i++)
        sigaction(caught[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

/* ---- errors ---- */

/* The last error that qemu-nbd wrote, without its name (a hint may follow on a line of its own,
 * which is left out); empty when there is none. */
static const char *last_said(const struct peers *p, char *buf, size_t size)
{
    static const char name[] = "qemu-nbd: ";
    ssize_t n = p->said < 0 ? 0 : pread(p->said, buf, size - 1, 0);
    char *line = buf, *next;

    buf[n < 0 ? 0 : n] = '\0';
    while (*line && (next = strstr(line + 1, name)))
        line = next;
    line[strcspn(line, "\n")] = '\0';
    return starts_with(line, name) ? line + strlen(name) : line;
}

int peers_failed(const struct peers *p, const struct peer *peer, struct err *err)
{
    const char *why = nbd_get_error(), *after;
    int sys = nbd_get_errno();
    char buf[1024];

    if (peer->ours) {
        const char *said = last_said(p, buf, sizeof(buf));

        if (*said)
            return err_set(err, ERR_REMOTE, "%s: qemu-nbd: %s", peer->name, said);
    }
    /* It depends on what was under way. */
    if (!why || sys == ECONNRESET || sys == EPIPE || (peer->nbd && nbd_aio_is_closed(peer->nbd)))
        return err_set(err, ERR_REMOTE, "%s: the server has closed the connection", peer->name);
    /* libnbd puts the function's name in front, which tells people nothing. */
    after = strstr(why, ": ");
    if (starts_with(why, "nbd_") && after)
        why = after + 2;
    return err_set(err, ERR_REMOTE, "%s: %s", peer->name, why);
}

int peers_command_failed(const struct peer *peer, const char *what, uint64_t offset, int sys,
                         struct err *err)
{
    if (sys == ENOTCONN || sys == ESHUTDOWN || sys == EPIPE)
        return err_set(err, ERR_REMOTE, "%s: the server has closed the connection", peer->name);
    return err_errno(err, sys, "%s: %s at %" PRIu64, peer->name, what, offset);
}

/* ---- waiting ---- */

static bool is_open(const struct peer *peer)
{
    return peer->nbd && !nbd_aio_is_created(peer->nbd) && !nbd_aio_is_closed(peer->nbd) &&
           !nbd_aio_is_dead(peer->nbd);
}

static struct pollfd interest(const struct peer *peer)
{
    struct pollfd poll = {.fd = -1};
    unsigned direction;

    if (!is_open(peer))
        return poll;
    direction = nbd_aio_get_direction(peer->nbd);
    poll.fd = nbd_aio_get_fd(peer->nbd);
    poll.events = (short)((direction & LIBNBD_AIO_DIRECTION_READ ? POLLIN : 0) |
                          (direction & LIBNBD_AIO_DIRECTION_WRITE ? POLLOUT : 0));
    return poll;
}

static int notify(struct peers *p, const struct peer *peer, const struct pollfd *poll,
                  struct err *err)
{
    int rc = 0;

    if (!poll->revents)
        return 0;
    if (poll->revents & (POLLIN | POLLOUT))
        p->heard_ms = peers_now_ms();
    if ((poll->events & POLLIN) && (poll->revents & (POLLIN | POLLHUP | POLLERR)))
        rc = nbd_aio_notify_read(peer->nbd);
    else if ((poll->events & POLLOUT) && (poll->revents & (POLLOUT | POLLHUP | POLLERR)))
        rc = nbd_aio_notify_write(peer->nbd);
    if (rc < 0 || nbd_aio_is_dead(peer->nbd))
        return peers_failed(p, peer, err);
    return 0;
}

/* Who is to blame when nothing moves: a source that hangs leaves the target nothing to do. */
static const struct peer *awaited(const struct peers *p)
{
    bool source_answers = is_open(&p->source) && nbd_aio_is_ready(p->source.nbd) &&
                          nbd_aio_in_flight(p->source.nbd) == 0;

    return source_answers && is_open(&p->target) ? &p->target : &p->source;
}

int peers_turn(struct peers *p, int wait_ms, struct err *err)
{
    struct pollfd polls[] = {
        interest(&p->source), interest(&p->target), {.fd = signal_fd, .events = POLLIN}};
    int64_t left = p->heard_ms + p->stall_ms - peers_now_ms();

    if (left <= 0)
        return err_set(err, ERR_TIMEOUT, "%s: stalled: nothing has moved for %" PRId64 " s",
                       awaited(p)->name, p->stall_ms / 1000);
    wait_ms = wait_ms < TURN_MS ? wait_ms : TURN_MS;
    if (poll(polls, ARRAY_LEN(polls), left < wait_ms ? (int)left : wait_ms) < 0 && errno != EINTR)
        return err_errno(err, errno, "poll");
    if (polls[2].revents)
        return err_set(err, ERR_CANCELED, "interrupted");
    if (notify(p, &p->source, &polls[0], err) < 0 || notify(p, &p->target, &polls[1], err) < 0)
        return -1;
    p->told(p->done, p->total);
    return 0;
}

/* ---- opening ---- */

static int create(struct peers *p, struct peer *peer, const char *name, struct err *err)
{
    peer->name = name;
    peer->nbd = nbd_create();
    p->heard_ms = peers_now_ms();
    if (!peer->nbd || nbd_set_uri_allow_local_file(peer->nbd, true) < 0 ||
        nbd_set_pread_initialize(peer->nbd, false) < 0)
        return peers_failed(p, peer, err);
    return 0;
}

/* From begun to connected. */
static int connected(struct peers *p, struct peer *peer, struct err *err)
{
    int64_t size;

    while (nbd_aio_is_connecting(peer->nbd))
        if (peers_turn(p, TURN_MS, err) < 0)
            return -1;
    size = nbd_aio_is_ready(peer->nbd) ? nbd_get_size(peer->nbd) : -1;
    if (size < 0)
        return peers_failed(p, peer, err);
    peer->size = (uint64_t)size;
    return 0;
}

int peers_open_source(struct peers *p, const char *uri, const char *context, struct err *err)
{
    struct nbd_handle *nbd;

    if (create(p, &p->source, uri, err) < 0)
        return -1;
    nbd = p->source.nbd;
    if (nbd_add_meta_context(nbd, CONTEXT_ALLOCATION) < 0 ||
        (context && nbd_add_meta_context(nbd, context) < 0) || nbd_aio_connect_uri(nbd, uri) < 0)
        return peers_failed(p, &p->source, err);
    if (connected(p, &p->source, err) < 0)
        return -1;
    if (context && nbd_can_meta_context(nbd, context) != 1)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: the server does not tell the changed blocks: it has no context '%s'",
                       uri, context);
    return 0;
}

/* The image without its backing file, as qemu-nbd takes it. */
static char *image_options(const char *image, bool encrypted)
{
    json_t *json =
        json_pack("{s:s, s:n, s:{s:s, s:s}, s:s*}", "driver", "qcow2", "backing", "file", "driver",
                  "file", "filename", image, "encrypt.key-secret", encrypted ? "key" : NULL);
    CLEANUP_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    return text ? xasprintf("json:%s", text) : NULL;
}

/* What it says becomes part of our error.  more: connections beside the peer's, to *ret_more. */
static int start_qemu_nbd(struct peers *p, struct peer *peer, const char *const *argv, int more,
                          int *ret_more, struct err *err)
{
    int fds[PEERS_SHARED_MAX];

    p->said = memfd_create("qemu-nbd", MFD_CLOEXEC);
    if (p->said < 0)
        return err_errno(err, errno, "qemu-nbd's standard error");
    if (qemu_nbd_start(argv, p->said, fds, more + 1, &p->server, err) < 0)
        return err_wrap(err, "qemu-nbd");
    peer->ours = true;
    for (int i = 0; i < more; i++)
        ret_more[i] = fds[i + 1];
    /* It owns fd from now on, whether it fails or not. */
    return nbd_aio_connect_socket(peer->nbd, fds[0]) < 0 ? peers_failed(p, peer, err) : 0;
}

/* Past the page cache, where the file system can: measured, it is more than twice as fast as
 * through it, a flush at the end has little left to do, and the guests' own cache stays. */
static const char *cache_mode(const char *image)
{
    CLEANUP_CLOSE int fd = open(image, O_RDONLY | O_DIRECT | O_CLOEXEC);

    return fd >= 0 ? "--cache=none" : "--cache=writeback";
}

int peers_open_target(struct peers *p, const char *image, const char *key, struct err *err)
{
    CLEANUP_FREE char *options = image_options(image, key);
    CLEANUP_FREE char *object = key ? secret_object("key", key) : NULL;
    const char *argv[] = {"qemu-nbd",          cache_mode(image), key ? "--object" : options,
                          key ? object : NULL, options,           NULL};

    if (!options)
        return err_set(err, ERR_INVALID, "%s: the file's name is not UTF-8", image);
    if (create(p, &p->target, image, err) < 0 ||
        start_qemu_nbd(p, &p->target, argv, 0, NULL, err) < 0)
        return -1;
    return connected(p, &p->target, err);
}

int peers_open_image(struct peers *p, const char *image, const char *bitmap, const char *object,
                     struct err *err)
{
    CLEANUP_FREE char *context = bitmap ? xasprintf(CONTEXT_BITMAP "%s", bitmap) : NULL;
    CLEANUP_FREE char *served = bitmap ? xasprintf("--bitmap=%s", bitmap) : NULL;
    const char *argv[8] = {"qemu-nbd", "--read-only"};
    size_t n = 2;

    if (object) {
        argv[n++] = "--object";
        argv[n++] = object;
    }

    if (served)
        argv[n++] = served;
    if (!starts_with(image, "json:"))
        argv[n++] = "--format=qcow2";
    argv[n] = image;
    if (create(p, &p->source, image, err) < 0)
        return -1;
    if (nbd_add_meta_context(p->source.nbd, CONTEXT_ALLOCATION) < 0 ||
        (context && nbd_add_meta_context(p->source.nbd, context) < 0))
        return peers_failed(p, &p->source, err);
    if (start_qemu_nbd(p, &p->source, argv, 0, NULL, err) < 0 || connected(p, &p->source, err) < 0)
        return -1;
    if (context && nbd_can_meta_context(p->source.nbd, context) != 1)
        return err_set(err, ERR_NOTFOUND, "%s: it has no bitmap '%s'", image, bitmap);
    return 0;
}

int peers_open_chain(struct peers *p, const struct chain_spec *spec, int *ret_more, struct err *err)
{
    CLEANUP_FREE char *shared = xasprintf("--shared=%d", spec->more + 1);
    CLEANUP_FREE char *format = xasprintf("--format=%s", spec->format);
    const char *argv[10] = {"qemu-nbd", "--read-only", shared, format};
    size_t n = 4;

    assert(spec->more < PEERS_SHARED_MAX);
    if (spec->depth)
        argv[n++] = "--allocation-depth";
    if (spec->direct)
        argv[n++] = cache_mode(spec->image);
    if (spec->object) {
        argv[n++] = "--object";
        argv[n++] = spec->object;
    }
    argv[n] = spec->object ? spec->opened : spec->image;
    if (create(p, &p->source, spec->image, err) < 0)
        return -1;
    if (nbd_add_meta_context(p->source.nbd, CONTEXT_ALLOCATION) < 0 ||
        (spec->depth && nbd_add_meta_context(p->source.nbd, CONTEXT_DEPTH) < 0))
        return peers_failed(p, &p->source, err);
    if (start_qemu_nbd(p, &p->source, argv, spec->more, ret_more, err) < 0 ||
        connected(p, &p->source, err) < 0)
        return -1;
    if (nbd_can_meta_context(p->source.nbd, CONTEXT_ALLOCATION) != 1 ||
        (spec->depth && nbd_can_meta_context(p->source.nbd, CONTEXT_DEPTH) != 1))
        return err_set(err, ERR_UNSUPPORTED, "%s: qemu-nbd does not tell where it holds data",
                       spec->image);
    return 0;
}

/* ---- ending ---- */

static int on_flushed(void *ctx, int *error)
{
    *(int *)ctx = *error;
    return 1;
}

static int flush(struct peers *p, struct err *err)
{
    int rc = -1;

    if (nbd_aio_flush(p->target.nbd, (nbd_completion_callback){on_flushed, &rc, NULL}, 0) < 0)
        return peers_failed(p, &p->target, err);
    while (rc < 0)
        if (peers_turn(p, TURN_MS, err) < 0)
            return -1;
    return rc == 0 ? 0 : peers_command_failed(&p->target, "flush", 0, rc, err);
}

static void on_alarm(int sig)
{
    static const char text[] = "qemu-nbd does not end\n";

    (void)sig;
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        _exit(EXIT_FAILURE);
    _exit(EXIT_FAILURE);
}

/* Waits until qemu-nbd is gone, and ends when that takes longer. */
static void close_target(struct peers *p, unsigned seconds)
{
    signal(SIGALRM, on_alarm);
    signal(SIGTERM, SIG_DFL);
    alarm(seconds);
    nbd_close(p->target.nbd);
    p->target.nbd = NULL;
    while (p->server > 0 && waitpid(p->server, NULL, 0) < 0 && errno == EINTR)
        ;
    p->server = 0;
    alarm(0);
}

int peers_finish(struct peers *p, struct err *err)
{
    if (flush(p, err) < 0)
        return -1;
    if (nbd_aio_disconnect(p->target.nbd, 0) < 0)
        return peers_failed(p, &p->target, err);
    while (is_open(&p->target))
        if (peers_turn(p, TURN_MS, err) < 0)
            return -1;
    close_target(p, p->stall_ms / 1000 < 1 ? 1 : (unsigned)(p->stall_ms / 1000));
    return 0;
}

void peers_done(struct peers *p)
{
    nbd_close(p->source.nbd);
    if (p->target.nbd || p->server > 0) {
        if (p->server > 0)
            kill(p->server, SIGKILL);
        close_target(p, KILLED_S);
    }
    if (p->said >= 0)
        close(p->said);
    *p = PEERS_INIT;
}
