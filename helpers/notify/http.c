/* SPDX-License-Identifier: MIT
 *
 * Targets that are URLs, and mail by SMTP: libcurl, with limits.  What may be a secret (a URL's
 * path, headers, a password) stands in no error.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/fnv.h"
#include "base/secret.h"
#include "base/sendmail.h"
#include "base/text.h"
#include "helpers/notify/send.h"

#define CONNECT_S 10L
#define ANSWER_MAX 4096
#define SECRET_MIN 6        /* shorter parts of a URL hide nothing */
#define PING_BODY_MAX 10000 /* what a check of one's own server keeps */

struct answer_text {
    char data[ANSWER_MAX + 1];
    size_t n;
};

/* The rest is of no interest, and may have no end. */
static size_t on_data(char *data, size_t size, size_t n, void *ctx)
{
    struct answer_text *a = ctx;
    size_t room = ANSWER_MAX - a->n, take = size * n < room ? size * n : room;

    memcpy(a->data + a->n, data, take);
    a->n += take;
    return take;
}

static CURL *curl_new(const char *url, const char *ca, char *problem, struct err *err)
{
    CURL *c = curl_easy_init();

    if (!c) {
        err_set(err, ERR_INTERNAL, "libcurl cannot be set up");
        return NULL;
    }
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https,smtp,smtps");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, HTTP_LIMIT_S);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, problem);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "vmkeep/" VMKEEP_VERSION);
    if (ca)
        curl_easy_setopt(c, CURLOPT_CAINFO, ca);
    return c;
}

static int curl_failed(CURLcode rc, const char *shown, const char *problem, struct err *err)
{
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return err_set(err, ERR_TIMEOUT, "%s: it has not answered in time", shown);
    return err_set(err, ERR_REMOTE, "%s: %s", shown, *problem ? problem : curl_easy_strerror(rc));
}

/* The first line of what it says, as far as it can be shown. */
static char *first_line(struct answer_text *a)
{
    a->data[a->n] = '\0';
    a->data[strcspn(a->data, "\r\n")] = '\0';
    for (char *p = a->data; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    a->data[a->n > 160 ? 160 : a->n] = '\0';
    return a->data;
}

/* Some servers repeat what they were asked for, and that may be a secret. */
static bool repeats(const char *says, const char *url)
{
    const char *at = strstr(url, "://");

    for (at = at ? at + 3 : url; *at;) {
        size_t len = strcspn(at, "/?&=");
        CLEANUP_FREE char *part = xasprintf("%.*s", (int)len, at);

        if (len >= SECRET_MIN && strstr(says, part))
            return true;
        at += len + (at[len] != '\0');
    }
    return false;
}

/* Answers of 2xx mean that it was taken, whatever becomes of the rest of the answer. */
static int post(CURL *c, const char *url, const char *problem, struct err *err)
{
    CLEANUP_FREE char *shown = format_url_shown(url);
    struct answer_text answer = {.n = 0};
    long status = 0;
    CURLcode rc;
    const char *says;

    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &answer);
    rc = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    if (rc != CURLE_OK && status < 200)
        return curl_failed(rc, shown, problem, err);
    if (status >= 200 && status < 300)
        return 0;
    says = first_line(&answer);
    if (repeats(says, url))
        says = "(it repeats what it was asked for)";
    return err_set(err, ERR_REMOTE, "%s: it answers with status %ld%s%s", shown, status,
                   *says ? ": " : "", says);
}

static int add_headers(const char *file, struct curl_slist **list, struct err *err)
{
    CLEANUP_FREE char *text = NULL;
    char *line, *rest = NULL;

    if (!file)
        return 0;
    if (secret_read(file, &text, err) < 0)
        return -1;
    for (line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
        const char *colon = strchr(line, ':');

        if (!colon || colon == line || strcspn(line, " \t") < (size_t)(colon - line))
            return err_set(err, ERR_INVALID, "%s: a line of it is no header (\"Name: value\")",
                           file);
        *list = curl_slist_append(*list, line);
    }
    return 0;
}

static int url_of(const struct sending *s, char **ret, struct err *err)
{
    if (!s->url_file) {
        *ret = xstrdup(s->url ? s->url : "");
        return 0;
    }
    if (secret_read(s->url_file, ret, err) < 0)
        return -1;
    if (starts_with(*ret, "http://") || starts_with(*ret, "https://"))
        return 0;
    free(*ret);
    *ret = NULL;
    return err_set(err, ERR_INVALID, "%s: it holds no URL (https://... or http://...)",
                   s->url_file);
}

static int post_to(const struct sending *s, const char *url, const char *body, const char *type,
                   struct err *err)
{
    char problem[CURL_ERROR_SIZE] = "";
    CURL *c = curl_new(url, s->ca, problem, err);
    struct curl_slist *headers = curl_slist_append(NULL, type);
    int rc = c ? add_headers(s->headers_file, &headers, err) : -1;

    if (rc == 0) {
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        rc = post(c, url, problem, err);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    return rc;
}

int send_webhook(const struct sending *s, const json_t *message, struct err *err)
{
    CLEANUP_FREE char *given = NULL, *url = NULL, *body = NULL;

    if (url_of(s, &given, err) < 0)
        return -1;
    body = format_body(s->format, message, given, &url, err);
    return body ? post_to(s, url, body, "Content-Type: application/json", err) : -1;
}

int send_healthchecks(const struct sending *s, const json_t *message, struct err *err)
{
    CLEANUP_FREE char *given = NULL, *url = NULL;
    CLEANUP_FREE char *body = xasprintf("%.*s", PING_BODY_MAX, message_text(message, "text"));
    const char *rid = message_text(message, "rid");

    if (url_of(s, &given, err) < 0)
        return -1;
    url = format_ping_url(given, message_text(message, "signal"), *rid ? rid : NULL);
    return post_to(s, url, body, "Content-Type: text/plain; charset=utf-8", err);
}

/* ---- mail ---- */

struct upload {
    const char *at;
};

static size_t on_upload(char *buf, size_t size, size_t n, void *ctx)
{
    struct upload *u = ctx;
    size_t len = strlen(u->at), take = size * n < len ? size * n : len;

    memcpy(buf, u->at, take);
    u->at += take;
    return take;
}

/* Two lines: the user, and the password. */
static int set_credentials(CURL *c, const char *file, struct err *err)
{
    CLEANUP_FREE char *text = NULL;
    char *password;

    if (!file)
        return 0;
    if (secret_read(file, &text, err) < 0)
        return -1;
    password = strchr(text, '\n');
    if (!password)
        return err_set(err, ERR_INVALID, "%s: it holds the user and the password, a line each",
                       file);
    *password++ = '\0';
    text[strcspn(text, "\r")] = '\0';
    password[strcspn(password, "\r\n")] = '\0';
    curl_easy_setopt(c, CURLOPT_USERNAME, text);
    curl_easy_setopt(c, CURLOPT_PASSWORD, password);
    return 0;
}

/* A mail server on this machine shows a certificate of its own making, if any; and on its way
 * nobody could read along. */
static bool is_here(const char *via)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = starts_with(via, "smtp://") ? via + strlen("smtp://") : "";

    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        size_t len = strlen(hosts[i]);

        if (strncmp(host, hosts[i], len) == 0 && (host[len] == '\0' || host[len] == ':'))
            return true;
    }
    return false;
}

static long tls_of(const struct sending *s)
{
    if (s->credentials) /* a password never goes in clear text */
        return CURLUSESSL_ALL;
    return is_here(s->via) && !s->ca ? CURLUSESSL_NONE : CURLUSESSL_TRY;
}

static int smtp(const struct sending *s, const char *mail, const char *from, struct err *err)
{
    char problem[CURL_ERROR_SIZE] = "";
    struct upload upload = {mail};
    struct curl_slist *to = NULL;
    CURL *c = curl_new(s->via, s->ca, problem, err);
    CURLcode rc;

    if (!c || set_credentials(c, s->credentials, err) < 0) {
        curl_easy_cleanup(c);
        return -1;
    }
    for (size_t i = 0; i < s->to.n; i++)
        to = curl_slist_append(to, s->to.items[i]);
    curl_easy_setopt(c, CURLOPT_USE_SSL, tls_of(s));
    curl_easy_setopt(c, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(c, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c, CURLOPT_READFUNCTION, on_upload);
    curl_easy_setopt(c, CURLOPT_READDATA, &upload);
    rc = curl_easy_perform(c);
    curl_slist_free_all(to);
    curl_easy_cleanup(c);
    return rc == CURLE_OK ? 0 : curl_failed(rc, s->via, problem, err);
}

static int sendmail(const struct sending *s, const char *mail, const char *from, struct err *err)
{
    CLEANUP_FREE char *program = NULL;
    const char **argv;
    size_t n = 0;
    struct err said = ERR_INIT;
    int rc;

    if (sendmail_find(&program, err) < 0)
        return -1;
    argv = xcalloc(s->to.n + 6, sizeof(*argv));
    argv[n++] = program;
    argv[n++] = "-i";
    argv[n++] = "-f";
    argv[n++] = from;
    argv[n++] = "--";
    for (size_t i = 0; i < s->to.n; i++)
        argv[n++] = s->to.items[i];
    rc = run_child(argv, mail, &said);
    free(argv);
    if (rc == 0)
        return 0;
    /* Exim's becomes another user, which the unit forbids. */
    return err_set(err, said.code, "%s%s", said.msg,
                   prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
                       ? "; one that must become another user cannot work here (NoNewPrivileges): "
                         "try `via: smtp://localhost`"
                       : "");
}

/* Programs take lines as Unix has them. */
static void strip_cr(char *text)
{
    char *out = text;

    for (; *text; text++)
        if (*text != '\r')
            *out++ = *text;
    *out = '\0';
}

/* The same for the same message: whoever gets it twice can tell. */
static char *id_of(const char *message)
{
    uint64_t digest = fnv_add(FNV_BEGIN, message, strlen(message));

    return xasprintf("vmkeep.%llx", (unsigned long long)digest);
}

int send_mail(const struct sending *s, const json_t *message, struct err *err)
{
    const char *machine = message_text(message, "machine");
    CLEANUP_FREE char *own = xasprintf("vmkeep@%s", *machine ? machine : "localhost");
    const char *from = s->from ? s->from : own;
    CLEANUP_FREE char *id = id_of(s->message);
    CLEANUP_FREE char *mail = format_mail(message, from, &s->to, id, time(NULL));

    if (!s->via || strcmp(s->via, "sendmail") != 0)
        return smtp(s, mail, from, err);
    strip_cr(mail);
    return sendmail(s, mail, from, err);
}
