/* SPDX-License-Identifier: MIT */
#include "web/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "report/html.h"
#include "report/metrics.h"
#include "web/listen.h"
#include "web/peers.h"
#include "web/places.h"

#define CONNECTIONS 64
#define KEPT_OPEN 48 /* the rest is for those who come before others are gone */
#define IDLE_S 10
#define CONNECTION_BYTES (32 * 1024)
#define TLS_PRIORITIES "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"

#define HTML "text/html; charset=utf-8"
#define JSON "application/json"
#define CSS "text/css; charset=utf-8"
#define DOCS "/docs/"
#define CSP                                                                                        \
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "                \
    "form-action 'none'; "                                                                         \
    "frame-ancestors 'none'"

struct server {
    struct MHD_Daemon *daemon;
    struct site *site;
    const struct docs *docs;
    struct status_sources details; /* this thread's own */
    bool local;
    const struct access *access; /* NULL: everybody may see it */
    struct peers peers;
};

/* What a request is at, by the address in *con_cls: libmicrohttpd calls twice at least. */
static char begun, waited;

struct answer {
    unsigned status;
    const char *type;
    struct text text;
    struct snapshot *of; /* that the text belongs to; NULL: it is the answer's own */
    bool constant;       /* it is nobody's */
    bool page;           /* for people: errors, too */
};

/* ---- sending ---- */

static void drop(void *snapshot)
{
    snapshot_drop(snapshot);
}

static struct MHD_Response *make_response(struct answer *a)
{
    if (a->of)
        return MHD_create_response_from_buffer_with_free_callback_cls(a->text.n, a->text.text, drop,
                                                                      a->of);
    return MHD_create_response_from_buffer(
        a->text.n, a->text.text, a->constant ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
}

static void add_headers(struct MHD_Response *r, const struct answer *a)
{
    const char *const headers[][2] = {
        {"Content-Type", a->type},
        {"Cache-Control", str_eq(a->type, HTML) && !a->constant ? "no-store" : "no-cache"},
        {"Content-Security-Policy", CSP},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };

    for (size_t i = 0; i < ARRAY_LEN(headers); i++)
        MHD_add_response_header(r, headers[i][0], headers[i][1]);
    if (a->status == MHD_HTTP_OK)
        MHD_add_response_header(r, "ETag", a->text.etag);
    if (a->status == MHD_HTTP_MOVED_PERMANENTLY)
        MHD_add_response_header(r, "Location", DOCS);
    if (a->status == MHD_HTTP_UNAUTHORIZED) /* browsers ask then, and others have it already */
        MHD_add_response_header(r, "WWW-Authenticate", "Basic realm=\"vmkeep\"");
    if (a->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(r, "Allow", "GET, HEAD");
}

static enum MHD_Result send_answer(struct MHD_Connection *c, struct answer *a)
{
    const char *known = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match");
    struct MHD_Response *r;
    enum MHD_Result ret;

    if (!*a->text.etag)
        text_mark(&a->text);
    r = make_response(a);
    if (!r)
        return MHD_NO;
    add_headers(r, a);
    if (a->status == MHD_HTTP_OK && known && strstr(known, a->text.etag)) {
        struct MHD_Response *none =
            MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);

        MHD_add_response_header(none, "ETag", a->text.etag);
        MHD_destroy_response(r);
        ret = MHD_queue_response(c, MHD_HTTP_NOT_MODIFIED, none);
        MHD_destroy_response(none);
        return ret;
    }
    ret = MHD_queue_response(c, a->status, r);
    MHD_destroy_response(r);
    return ret;
}

/* ---- answers ---- */

static void fail(struct answer *a, unsigned status, const char *title, const char *why)
{
    FILE *out = open_memstream(&a->text.text, &a->text.n);

    if (!out)
        abort(); /* there is no memory */
    a->status = status;
    a->type = a->page ? HTML : "text/plain; charset=utf-8";
    if (a->page)
        report_html_error(title, why, out);
    else
        fprintf(out, "%s: %s\n", title, why);
    fclose(out);
}

static void fail_by(struct answer *a, const struct err *err)
{
    if (err->code == ERR_NOTFOUND || err->code == ERR_INVALID)
        fail(a, MHD_HTTP_NOT_FOUND, "Not found", err->msg);
    else
        fail(a, MHD_HTTP_SERVICE_UNAVAILABLE, "Not now", err->msg);
}

/* What follows the prefix; NULL: it does not begin so. */
static const char *behind(const char *url, const char *prefix)
{
    return starts_with(url, prefix) ? url + strlen(prefix) : NULL;
}

static const struct text *find_whole(const struct snapshot *s, const char *url, const char **type)
{
    const struct {
        const char *url, *type;
        const struct text *text;
    } whole[] = {
        {"/", HTML, &s->front},
        {"/metrics", METRICS_TYPE, &s->metrics},
        {"/api/v1/status", JSON, &s->json},
        {"/api/v1/jobs", JSON, &s->jobs_json},
    };

    for (size_t i = 0; i < ARRAY_LEN(whole); i++)
        if (str_eq(url, whole[i].url)) {
            *type = whole[i].type;
            return whole[i].text;
        }
    return NULL;
}

/* Takes the snapshot over. */
static void answer(const struct server *s, const char *url, struct snapshot *of, struct answer *a)
{
    const struct text *whole = find_whole(of, url, &a->type);
    struct err err = ERR_INIT;
    const char *rest;
    int rc;

    a->status = MHD_HTTP_OK;
    if (whole) {
        a->text = *whole;
        a->of = of;
        return;
    }
    a->type = a->page ? HTML : JSON;
    if ((rest = behind(url, "/domain/")) || (rest = behind(url, "/api/v1/domains/")))
        rc = details_domain(&s->details, of, rest, !a->page, &a->text, &err);
    else if ((rest = behind(url, "/job/")) || (rest = behind(url, "/api/v1/jobs/")))
        rc = details_job(&s->details, of, rest, !a->page, &a->text, &err);
    else if ((rest = behind(url, "/repository/")) || (rest = behind(url, "/api/v1/repositories/")))
        rc = places_repository(&s->details, of, rest, !a->page, &a->text, &err);
    else if ((rest = behind(url, "/policy/")) || (rest = behind(url, "/api/v1/policies/")))
        rc = places_policy(&s->details, of, rest, !a->page, &a->text, &err);
    else
        rc = err_set(&err, ERR_NOTFOUND, "there is no such page");
    if (rc < 0)
        fail_by(a, &err);
    snapshot_drop(of);
}

/* What does not depend on how it stands with anything: false: it does. */
static bool answer_constant(const struct server *s, const char *url, struct answer *a)
{
    const char *rest = behind(url, DOCS);
    const struct text *doc = rest ? docs_find(s->docs, rest, &a->type) : NULL;

    a->status = MHD_HTTP_OK;
    if (doc || str_eq(url, "/style.css")) {
        a->constant = true;
        a->type = doc ? a->type : CSS;
        a->text =
            doc ? *doc
                : (struct text){.text = (char *)report_html_style, .n = strlen(report_html_style)};
    } else if (str_eq(url, "/docs")) {
        fail(a, MHD_HTTP_MOVED_PERMANENTLY, "Moved", "The documentation is at " DOCS);
    } else if (rest && !*rest) {
        a->type = HTML;
        docs_none(&a->text);
    } else if (rest) {
        fail(a, MHD_HTTP_NOT_FOUND, "Not found", "there is no such page");
    } else {
        return false;
    }
    return true;
}

/* The token, as a bearer's or as anybody's password. */
static bool is_known(const struct server *s, struct MHD_Connection *c)
{
    const char *shown = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Authorization");
    char *password = NULL, *user;
    bool ret;

    if (!s->access)
        return true;
    if (shown && starts_with(shown, "Bearer "))
        return access_matches(s->access, shown + strlen("Bearer "));
    user = MHD_basic_auth_get_username_password(c, &password);
    ret = user && password && access_matches(s->access, password);
    if (user)
        MHD_free(user);
    if (password)
        MHD_free(password);
    return ret;
}

static bool is_allowed(const struct server *s, struct MHD_Connection *c)
{
    const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");

    return s->local || s->access || !host || web_host_is_ours(host);
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status, const char *why)
{
    struct answer a = {0};

    fail(&a, status, status == MHD_HTTP_METHOD_NOT_ALLOWED ? "Method not allowed" : "Refused", why);
    return send_answer(c, &a);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    struct server *s = cls;
    struct answer a = {.page = !starts_with(url, "/api/") && !str_eq(url, "/metrics")};
    struct err err = ERR_INIT;
    struct snapshot *of;

    (void)version;
    (void)data;
    if (!str_eq(method, "GET") && !str_eq(method, "HEAD"))
        return refuse(c, MHD_HTTP_METHOD_NOT_ALLOWED, "nothing is changed here");
    if (!is_known(s, c))
        return refuse(c, MHD_HTTP_UNAUTHORIZED,
                      "the token is wanted, as a bearer's or as a password of any user");
    if (!is_allowed(s, c))
        return refuse(c, MHD_HTTP_MISDIRECTED_REQUEST,
                      "this is served by address, or as localhost, alone");
    if (!*state) {
        *state = &begun;
        return MHD_YES;
    }
    if (*size > 0) { /* a body, which nobody reads */
        *size = 0;
        return MHD_YES;
    }
    if (answer_constant(s, url, &a))
        return send_answer(c, &a);
    of = site_take(s->site, c, *state == &waited, &err);
    if (of)
        answer(s, url, of, &a);
    else if (err.code != ERR_NONE)
        fail_by(&a, &err);
    *state = &waited;
    return a.text.text ? send_answer(c, &a) : MHD_YES;
}

static void on_connection(void *cls, struct MHD_Connection *c, void **state,
                          enum MHD_ConnectionNotificationCode what)
{
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct server *s = cls;

    (void)state;
    if (what == MHD_CONNECTION_NOTIFY_STARTED && fd)
        peers_add(&s->peers, c, fd->connect_fd);
    else if (what == MHD_CONNECTION_NOTIFY_CLOSED)
        peers_remove(&s->peers, c);
}

static void on_log(void *cls, const char *fmt, va_list ap)
{
    (void)cls;
    (void)fmt;
    (void)ap; /* what clients do wrong is theirs */
}

int server_start(int fd, bool local, const struct access *access, struct site *site,
                 const struct docs *docs, const struct status_sources *details, struct server **ret,
                 struct err *err)
{
    const struct MHD_OptionItem tls[] = {
        {access ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0,
         access ? access->certificate : NULL},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, access ? access->key : NULL},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL},
    };
    struct server *s = xcalloc(1, sizeof(*s));

    s->site = site;
    s->docs = docs;
    s->details = *details;
    s->local = local;
    s->access = access;
    s->peers.most = KEPT_OPEN;
    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
            (access ? MHD_USE_TLS : MHD_NO_FLAG),
        0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (!s->daemon) {
        free(s);
        close(fd);
        return err_set(err, ERR_IO, "web: libmicrohttpd does not start%s",
                       access ? ": certificate and key of web_access are not PEM, or do not belong "
                                "together"
                              : "");
    }
    *ret = s;
    return 0;
}

void server_stop(struct server *s)
{
    MHD_stop_daemon(s->daemon);
    peers_done(&s->peers);
    free(s);
}
