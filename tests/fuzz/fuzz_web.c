/* SPDX-License-Identifier: MIT
 *
 * Whoever connects to the status page and says anything.  What comes back is an answer of HTTP or
 * nothing; nothing of what was said is in a page as markup, or in the answer's head; and the server
 * goes on.  libmicrohttpd reads the requests, in its own thread, as in the program.
 */
#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "cli/sources.h"
#include "tests/fuzz/tmp.h"
#include "web/listen.h"
#include "web/server.h"

#define SOCKET "web.sock"
#define TAG "<fuzz" /* as markup, it came from a request */
#define FIELD "\nX-Fuzz"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config_text[] =
    "catalog: /unused\n"
    "hosts:\n"
    "  - name: lab\n"
    "    driver: qemu\n"
    "    domains: [{ name: web01, qmp: /unused }, { name: '<fuzz>', qmp: /unused2 }]\n";

static struct {
    struct config *config;
    struct catalog *catalogs[2];
    struct status_sources mine, theirs;
    struct site *site;
    struct docs *docs;
    struct server *server;
    pthread_t maker;
    sig_atomic_t stop;
} t;

static void *make(void *unused)
{
    site_run(t.site, &t.mine, &t.stop);
    return unused;
}

static void stop(void)
{
    t.stop = 1;
    pthread_join(t.maker, NULL);
    server_stop(t.server);
    site_free(t.site);
    docs_free(t.docs);
    sources_done(&t.mine);
    sources_done(&t.theirs);
    catalog_close(t.catalogs[0]);
    catalog_close(t.catalogs[1]);
    config_free(t.config);
    unlink(SOCKET);
    unlink("catalog.db");
    unlink("catalog.db-wal");
    unlink("catalog.db-shm");
    unlink("catalog.db.lock");
}

static void open_one(struct catalog **ret_catalog, struct status_sources *ret)
{
    struct err err = ERR_INIT;

    assert(catalog_open("catalog.db", CATALOG_READ, ret_catalog, &err) == 0);
    assert(sources_open(t.config, *ret_catalog, ret, &err) == 0);
}

/* One page. */
static struct docs *read_docs(void)
{
    struct docs *ret;
    FILE *page;

    mkdir("docs", 0700);
    page = fopen("docs/index.html", "w");
    if (!page)
        abort();
    fputs("<p>read me</p>", page);
    fclose(page);
    ret = docs_read("docs");
    unlink("docs/index.html");
    rmdir("docs");
    return ret;
}

static void make_catalog(void)
{
    struct job j = {.kind = JOB_BACKUP,
                    .guest = true,
                    .host = (char *)"lab",
                    .domain = (char *)"web01",
                    .policy = (char *)"nightly",
                    .repository = (char *)"main",
                    .level = LEVEL_FULL,
                    .due = 1790000000,
                    .created = 1790000000};
    struct catalog *c;
    struct err err = ERR_INIT;

    assert(catalog_open("catalog.db", CATALOG_WRITE, &c, &err) == 0);
    assert(catalog_job_add(c, &j, &err) == 0);
    catalog_close(c);
}

static void start(void)
{
    struct diagnostics diags = {0};
    struct err err = ERR_INIT;
    int fd;

    enter_tmp(stop);
    log_set_level(0);
    make_catalog();
    assert(config_parse(config_text, strlen(config_text), "config", &t.config, &diags) == 0);
    diagnostics_done(&diags);
    open_one(&t.catalogs[0], &t.mine);
    open_one(&t.catalogs[1], &t.theirs);
    t.site = site_new();
    t.docs = read_docs();
    fd = web_listen("unix:" SOCKET, &err);
    assert(fd >= 0);
    assert(server_start(fd, false, NULL, t.site, t.docs, &t.theirs, &t.server, &err) == 0);
    assert(pthread_create(&t.maker, NULL, make, NULL) == 0);
}

/* All of it, until the server has nothing more to say: it waits for the rest of what is none. */
static size_t hear(int fd, char *text, size_t size)
{
    const struct timeval patience = {.tv_usec = 250000};
    size_t len = 0;
    ssize_t n;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    while (len < size && (n = recv(fd, text + len, size - len, 0)) > 0)
        len += (size_t)n;
    return len;
}

/* JSON and text say what they say; a browser takes them for nothing else. */
static bool is_page(const char *text)
{
    return strstr(text, "text/html") && !strstr(text, "application/json") &&
           !strstr(text, "text/plain");
}

static void check(const char *text)
{
    const char *body = strstr(text, "\r\n\r\n");

    assert(strncmp(text, "HTTP/1.", 7) == 0);
    assert(strncmp(text + 8, " 500", 4) != 0 && strncmp(text + 8, " 503", 4) != 0);
    assert(!body || !strstr(text, FIELD) || strstr(text, FIELD) > body);
    assert(!is_page(text) || !strstr(text, TAG));
}

static void say(int fd, const void *data, size_t size)
{
    const char *at = data;
    ssize_t n;

    for (; size > 0 && (n = send(fd, at, size, MSG_NOSIGNAL)) > 0; size -= (size_t)n)
        at += n;
}

static int begin(void)
{
    const struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = SOCKET};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert(fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0);
    return fd;
}

/* It goes on. */
static void check_serves(void)
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    char text[16];
    int fd = begin();

    say(fd, request, strlen(request));
    assert(recv(fd, text, sizeof(text), 0) > 12 && strncmp(text + 8, " 200", 4) == 0);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[1 << 20];
    static unsigned turns;
    size_t len;
    int fd;

    if (!t.server)
        start();
    if (turns++ % 64 == 0)
        check_serves();
    fd = begin();
    say(fd, data, size);
    say(fd, "\r\n\r\n", 4);
    shutdown(fd, SHUT_WR);
    len = hear(fd, text, sizeof(text) - 1);
    text[len] = '\0';
    if (len > 0)
        check(text);
    close(fd);
    return 0;
}
