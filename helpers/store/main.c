/* SPDX-License-Identifier: MIT
 *
 * vmkeep-store: does one thing with files that may hang, for whoever must not wait for them.
 * Requests and answers: base/ask.h.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/lines.h"
#include "helpers/store/service.h"
#include "helpers/options.h"
#include "helpers/store/tell.h"

#define REQUEST_MAX ((size_t)256 << 20)

#define PROGRAM "vmkeep-store"

/* ---- what is printed ---- */

static void print_usage(void)
{
    puts("Usage: vmkeep-store < REQUEST\n"
         "\n"
         "Does one thing with files that may hang (an NFS server, a disk that fails), so\n"
         "that a process of its own hangs, which can be ended.\n"
         "\n"
         "The request is a line of JSON, such as\n"
         "\n"
         "  {\"do\": \"probe\", \"repository\": \"/srv/backup\"}\n"
         "\n"
         "and is answered by lines: {\"at\": FILE} now and then, and last {\"done\": {...}}\n"
         "or {\"error\": {\"code\": ..., \"errno\": ..., \"text\": ...}}.\n"
         "\n"
         "What it does:");
    service_print(&store_services);
    puts("\n"
         "  --version      print the version and exit\n"
         "  -h, --help     print this text and exit\n"
         "\n"
         "Exit status: 0 done, 1 failed (the answer says why), 2 bad usage or request.");
}

/* ---- the request ---- */

/* All of standard input: one line. */
static int read_line(struct lines *l, char **ret, struct err *err)
{
    size_t size, len;
    ssize_t n;

    do {
        char *room = lines_room(l, &size);

        n = read(STDIN_FILENO, room, size);
        if (n < 0 && errno != EINTR)
            return err_errno(err, errno, "read");
        lines_put(l, n > 0 ? (size_t)n : 0);
        if (l->len > REQUEST_MAX)
            return err_set(err, ERR_INVALID, "is longer than %zu bytes", REQUEST_MAX);
    } while (n != 0);
    if (l->len > 0 && l->data[l->len - 1] != '\n') {
        *lines_room(l, &size) = '\n';
        lines_put(l, 1);
    }
    if (memchr(l->data, '\0', l->len))
        return err_set(err, ERR_INVALID, "has a NUL byte");
    *ret = lines_next(l, &len);
    if (!*ret)
        return err_set(err, ERR_INVALID, "there is none");
    return lines_unfinished(l) ? err_set(err, ERR_INVALID, "more than one line") : 0;
}

/* ---- */

static int serve(const struct service *s, const void *request)
{
    bool well;
    json_t *line = service_run(s, request, &well);

    return tell_line(line) < 0 || !well ? EXIT_FAILED : EXIT_DONE;
}

static int take_request(const char *line)
{
    const struct service *s;
    struct err err = ERR_INIT;
    void *request;
    int code;

    if (service_read_line(&store_services, line, &s, &request, &err) < 0)
        return helper_bad(PROGRAM, "request", err.msg);
    code = serve(s, request);
    record_done(s->request, request);
    free(request);
    return code;
}

int main(int argc, char **argv)
{
    int code = helper_options(PROGRAM, print_usage, argc, argv, NULL);
    struct lines lines = {0};
    struct err err = ERR_INIT;
    char *line = NULL;

    if (code >= 0)
        return code;
    code = read_line(&lines, &line, &err) < 0 ? helper_bad(PROGRAM, "request", err.msg)
                                              : take_request(line);
    lines_done(&lines);
    return code;
}
