/* SPDX-License-Identifier: MIT
 *
 * vmkeep-libvirt: one connection to one libvirtd, asked and answered in lines of JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <libvirt/virterror.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/lines.h"
#include "helpers/libvirt/drop.h"
#include "helpers/libvirt/libvirt.h"
#include "helpers/libvirt/thaw.h"
#include "helpers/options.h"

#define REQUEST_MAX ((size_t)16 << 20) /* documents of a domain are smaller */

#define PROGRAM "vmkeep-libvirt"

static const struct service_family families[] = {
    {domain_services, &n_domain_services},         {job_services, &n_job_services},
    {checkpoint_services, &n_checkpoint_services}, {guest_services, &n_guest_services},
    {define_services, &n_define_services},         {replace_services, &n_replace_services},
};
const struct service_set libvirt_services = {families, ARRAY_LEN(families)};

static struct lines lines;
static bool input_ended, bad_input;

/* ---- what is printed ---- */

static void print_usage(void)
{
    puts("Usage: vmkeep-libvirt [URI]\n"
         "\n"
         "One connection to one libvirtd (default qemu:///system) for a caller that must\n"
         "never wait: requests are lines of JSON on standard input, answered, each when it\n"
         "is done, on standard output.  Events of the host are lines too.  At the end of\n"
         "its input it answers what it was asked, and ends.\n"
         "\n"
         "  {\"id\": 1, \"do\": \"domain\", \"domain\": \"web01\"}\n"
         "\n"
         "  {\"id\": 1, \"done\": {...}}\n"
         "  {\"id\": 1, \"error\": {\"code\": ..., \"text\": ...}}\n"
         "  {\"event\": {\"what\": \"job\", \"domain\": \"web01\", ...}}\n"
         "\n"
         "It never asks for a password: that is an error.\n"
         "\n"
         "What it does:");
    service_print(&libvirt_services);
    puts("\n"
         "  --thaw SECONDS URI DOMAIN\n"
         "                 started by itself beside a freeze: thaws the domain after so\n"
         "                 long, or when its input ends without a word\n"
         "  --version      print the version and exit\n"
         "  -h, --help     print this text and exit\n"
         "\n"
         "Exit status: 0 its input ended, 1 no connection, or it was lost, 2 bad usage\n"
         "or request.");
}

/* ---- requests ---- */

/* Of a request that is none, the id is answered all the same, if it can be read. */
static void refuse(json_t *id, const struct err *err)
{
    json_t *line = json_pack("{s:o}", "error", record_write(&record_err, err));

    if (id)
        json_object_set(line, "id", id);
    say(line);
    bad_input = true;
}

static void take_object(json_t *json)
{
    json_t *id = json_incref(json_object_get(json, "id"));
    const struct service *s;
    struct err err = ERR_INIT;
    void *request;

    json_object_del(json, "id");
    if (id && !json_is_integer(id)) {
        err_set(&err, ERR_INVALID, "id: is not a whole number");
        refuse(NULL, &err);
    } else if (service_read(&libvirt_services, json, &s, &request, &err) < 0) {
        refuse(id, &err);
    } else {
        work_add(id, s, request);
    }
    json_decref(id);
}

static void take_line(const char *line, size_t len)
{
    json_error_t where;
    json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
    struct err err = ERR_INIT;

    if (json_is_object(json)) {
        take_object(json);
    } else {
        if (json)
            err_set(&err, ERR_INVALID, "is no object");
        else
            err_set(&err, ERR_INVALID, "column %d: %s", where.column, where.text);
        refuse(NULL, &err);
    }
    json_decref(json);
}

static void on_input(int watch, int fd, int events, void *arg)
{
    size_t size, len;
    char *room = lines_room(&lines, &size), *line;
    ssize_t n = read(fd, room, size);

    (void)events;
    (void)arg;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    lines_put(&lines, n > 0 ? (size_t)n : 0);
    while ((line = lines_next(&lines, &len)))
        take_line(line, len);
    if (lines_unfinished(&lines) > REQUEST_MAX) {
        bad_input = true;
        n = 0;
    }
    if (n <= 0) {
        input_ended = true;
        virEventRemoveHandle(watch);
    }
}

/* ---- */

static void ignore_error(void *arg, virErrorPtr error)
{
    (void)arg;
    (void)error; /* each is answered where it comes up, and libvirt need not print it, too */
}

static int connect_to(const char *uri)
{
    struct err err = ERR_INIT;

    if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
        libvirt_error(&err);
    else if (connection_open(uri, &err) == 0 && drop_rights(&err) == 0 && events_start(&err) == 0)
        return 0;
    say(json_pack("{s:o}", "error", record_write(&record_err, &err)));
    fprintf(stderr, "vmkeep-libvirt: %s\n", err.msg);
    return -1;
}

static int serve(void)
{
    work_start();
    say(json_pack("{s:{s:s}}", "event", "what", "connected"));
    if (virEventAddHandle(STDIN_FILENO, VIR_EVENT_HANDLE_READABLE | VIR_EVENT_HANDLE_HANGUP,
                          on_input, NULL, NULL) < 0)
        return EXIT_FAILED;
    while (!connection_lost() && !(input_ended && work_is_done()))
        if (virEventRunDefaultImpl() < 0) {
            fprintf(stderr, PROGRAM ": waiting for events: %s\n", virGetLastErrorMessage());
            return EXIT_FAILED;
        }
    guest_thaw_all();
    if (connection_lost())
        return EXIT_FAILED;
    connection_close();
    return bad_input ? EXIT_USAGE : EXIT_DONE;
}

int main(int argc, char **argv)
{
    const char *uri = "qemu:///system";
    int code;

    if (argc == 5 && strcmp(argv[1], "--thaw") == 0)
        return thaw_main(argv[2], argv[3], argv[4]);
    code = helper_options(PROGRAM, print_usage, argc, argv, &uri);

    if (code >= 0)
        return code;
    signal(SIGPIPE, SIG_IGN);
    json_object_seed(0); /* before there are threads */
    virSetErrorFunc(NULL, ignore_error);
    if (connect_to(uri) < 0)
        return EXIT_FAILED;
    code = serve();
    /* Workers may be inside of a call that never returns. */
    fflush(stdout);
    _Exit(code);
}
