/* SPDX-License-Identifier: MIT
 *
 * A client of the control socket that says anything, to a daemon with a catalog and a scheduler,
 * whose host and repository never answer.  Each line that comes back is an answer or an event, and
 * the daemon goes on.
 */
#include <assert.h>
#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/clock_ev.h"
#include "daemon/control.h"
#include "tests/fuzz/tmp.h"
#include "tests/support/silent_host.h"

#define SOCKET "control.sock"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config_text[] = "catalog: /unused\n"
                                  "hosts:\n"
                                  "  - name: h\n"
                                  "    driver: qemu\n"
                                  "    domains: [{ name: a, qmp: /x }, { name: b, qmp: /y }]\n"
                                  "repositories:\n"
                                  "  - { name: main, path: /srv/backup }\n"
                                  "policies:\n"
                                  "  - { name: p, domains: ['*'], repository: main }\n";

static struct {
    struct ev_loop *loop;
    struct clock *clock;
    struct zone *zone;
    struct catalog *catalog;
    struct scheduler *scheduler;
    struct control *control;
} t;

static int reload(void *ctx, struct err *err)
{
    (void)ctx;
    return err_set(err, ERR_INVALID, "config: bad");
}

static void stop(void)
{
    silent_cancel_all();
    control_close(t.control);
    scheduler_free(t.scheduler);
    silent_end();
    catalog_close(t.catalog);
    zone_free(t.zone);
    free(t.clock);
    unlink("catalog.db");
    unlink("catalog.db-wal");
    unlink("catalog.db-shm");
    unlink("catalog.db.lock");
}

static void start(void)
{
    struct diagnostics diags = {0};
    struct scheduler_env env = {.hypervisor_new = silent_host_new, .store_new = silent_store_new};
    struct control_env with = {.version = "1", .reload = reload};
    struct config *config = NULL;
    struct err err = ERR_INIT;

    enter_tmp(stop);
    log_set_level(0);
    t.loop = with.loop = ev_default_loop(0);
    silent_begin(t.loop);
    env.clock = t.clock = clock_ev_new(t.loop);
    assert(zone_open("UTC", &t.zone, &err) == 0);
    env.zone = t.zone;
    assert(catalog_open("catalog.db", CATALOG_WRITE, &t.catalog, &err) == 0);
    env.catalog = with.catalog = t.catalog;
    assert(config_parse(config_text, strlen(config_text), "config", &config, &diags) == 0);
    diagnostics_done(&diags);
    assert(scheduler_new(&env, config, &t.scheduler, &err) == 0);
    with.scheduler = t.scheduler;
    assert(control_open(&with, SOCKET, &t.control, &err) == 0);
    control_ready(t.control);
}

static void turn(void)
{
    for (int i = 0; i < 8; i++)
        ev_run(t.loop, EVRUN_NOWAIT);
}

/* What is told; less than a whole line is kept for the next time. */
static void hear(int fd, char *text, size_t size, size_t *len)
{
    ssize_t n = recv(fd, text + *len, size - *len, MSG_DONTWAIT);
    char *nl, *from = text;

    *len += n > 0 ? (size_t)n : 0;
    while ((nl = memchr(from, '\n', *len))) {
        json_t *answer = json_loadb(from, (size_t)(nl - from), 0, NULL);

        assert(json_is_boolean(json_object_get(answer, "ok")) ||
               json_is_string(json_object_get(answer, "event")));
        json_decref(answer);
        *len -= (size_t)(nl + 1 - from);
        from = nl + 1;
    }
    memmove(text, from, *len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[1 << 20];
    const struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = SOCKET};
    size_t len = 0;
    int fd;

    if (!t.control)
        start();
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert(fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0);
    turn();
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n <= 0)
            break;
        data += n;
        size -= (size_t)n;
        turn();
        hear(fd, text, sizeof(text), &len);
    }
    turn();
    hear(fd, text, sizeof(text), &len);
    close(fd);
    turn();
    return 0;
}
