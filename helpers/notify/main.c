/* SPDX-License-Identifier: MIT
 *
 * vmkeep-notify: sends one message to one target of notifications.  Requests and answers:
 * base/ask.h; what is asked: base/sending.h.
 *
 * Whatever a receiver does, it costs this process, which has limits of time and memory.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "helpers/notify/send.h"
#include "helpers/options.h"
#include "helpers/service.h"

#define PROGRAM SENDING_PROGRAM
#define REQUEST_MAX ((size_t)16 << 20)
#define MEMORY_MAX ((rlim_t)512 << 20)
#define CPU_MAX_S 20
#define ALARM_S 55 /* below SENDING_LIMIT_S */

static int send_one(const void *request, void *ret, struct err *err)
{
    static const struct {
        const char *kind;
        int (*send)(const struct sending *s, const json_t *message, struct err *err);
    } kinds[] = {{"mail", send_mail},
                 {"webhook", send_webhook},
                 {"healthchecks", send_healthchecks},
                 {"command", send_command}};
    const struct sending *s = request;
    json_error_t bad;
    json_t *message = json_loads(s->message, JSON_REJECT_DUPLICATES, &bad);
    int rc = 1;

    (void)ret;
    if (!message)
        return err_set(err, ERR_INVALID, "message: column %d: %s", bad.column, bad.text);
    for (size_t i = 0; i < ARRAY_LEN(kinds) && rc > 0; i++)
        if (strcmp(kinds[i].kind, s->kind) == 0)
            rc = kinds[i].send(s, message, err);
    json_decref(message);
    return rc <= 0 ? rc : err_set(err, ERR_INVALID, "kind: '%.40s' is not known", s->kind);
}

static const struct service services[] = {
    {"send", "send a message to a target", &record_sending, NULL, send_one}};
static const size_t n_services = ARRAY_LEN(services);
static const struct service_family families[] = {{services, &n_services}};
static const struct service_set set = {families, 1};

static void print_usage(void)
{
    puts("Usage: vmkeep-notify < REQUEST\n"
         "\n"
         "Sends one message to one target of notifications, for vmkeepd and `vmkeep\n"
         "notify`, in a process of its own with limits of time and memory.\n"
         "\n"
         "The request is a line of JSON, such as\n"
         "\n"
         "  {\"do\": \"send\", \"kind\": \"webhook\", \"url\": \"http://localhost/hook\",\n"
         "   \"format\": \"json\", \"message\": \"{...}\"}\n"
         "\n"
         "and is answered by a line: {\"done\": {}} or\n"
         "{\"error\": {\"code\": ..., \"errno\": ..., \"text\": ...}}.\n"
         "\n"
         "What it does:");
    service_print(&set);
    puts("\n"
         "  --version      print the version and exit\n"
         "  -h, --help     print this text and exit\n"
         "\n"
         "Exit status: 0 done, 1 failed (the answer says why), 2 bad usage or request.");
}

static void set_limit(int what, rlim_t limit)
{
    const struct rlimit l = {limit, limit};

    setrlimit(what, &l); /* a lower one that is there already is as good */
}

static void set_limits(void)
{
    set_limit(RLIMIT_CORE, 0); /* secrets are in it */
    set_limit(RLIMIT_CPU, CPU_MAX_S);
#ifndef __SANITIZE_ADDRESS__ /* which takes terabytes of addresses */
    set_limit(RLIMIT_AS, MEMORY_MAX);
#endif
    alarm(ALARM_S);
}

/* The request, without its end of line. Caller frees. */
static char *read_request(void)
{
    char *text = xcalloc(REQUEST_MAX + 1, 1);
    size_t n = fread(text, 1, REQUEST_MAX + 1, stdin);

    if (n > 0 && text[n - 1] == '\n')
        n--;
    if (n == 0 || n > REQUEST_MAX || memchr(text, '\0', n) || memchr(text, '\n', n)) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    return text;
}

static int serve(const char *line)
{
    const struct service *s;
    struct err err = ERR_INIT;
    void *request;
    json_t *answer;
    bool well;

    if (service_read_line(&set, line, &s, &request, &err) < 0)
        return helper_bad(PROGRAM, "request", err.msg);
    answer = service_run(s, request, &well);
    json_dumpf(answer, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(answer);
    record_done(s->request, request);
    free(request);
    return fflush(stdout) == 0 && well ? EXIT_DONE : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    int code = helper_options(PROGRAM, print_usage, argc, argv, NULL);
    CLEANUP_FREE char *line = NULL;

    if (code >= 0)
        return code;
    set_limits();
    line = read_request();
    if (!line)
        return helper_bad(PROGRAM, "request", "is not one line of 16 MiB at most");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    code = serve(line);
    curl_global_cleanup();
    return code;
}
