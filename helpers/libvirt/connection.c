/* SPDX-License-Identifier: MIT */
#include <libvirt/virterror.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "helpers/libvirt/libvirt.h"

/* The peer is dead when it leaves so many pings unanswered, so many seconds apart. */
#define PING_S 5
#define PINGS 5

static virConnectPtr conn;
static char *given; /* the URI */
static atomic_bool lost;

virConnectPtr connection(void)
{
    return conn;
}

bool connection_lost(void)
{
    return lost;
}

bool connection_answers(void)
{
    bool ret = !conn || virConnectIsAlive(conn) == 1;

    virResetLastError();
    return ret;
}

static const char *why_closed(int reason)
{
    switch (reason) {
    case VIR_CONNECT_CLOSE_REASON_ERROR:
        return "the connection failed";
    case VIR_CONNECT_CLOSE_REASON_EOF:
        return "libvirtd closed the connection";
    case VIR_CONNECT_CLOSE_REASON_KEEPALIVE:
        return "libvirtd did not answer for 25 seconds";
    default:
        return "closed by us";
    }
}

static void on_closed(virConnectPtr c, int reason, void *opaque)
{
    (void)c;
    (void)opaque;
    say(json_pack("{s:{s:s,s:s}}", "event", "what", "closed", "why", why_closed(reason)));
    /* Only now: this may be a worker's thread, and the program ends when the loop's sees it. */
    lost = true;
}

/* ---- no password ---- */

/* Whatever is asked for, nobody is there to give it. */
static int refuse(virConnectCredentialPtr wanted, unsigned n, void *asked)
{
    if (n > 0 && wanted[0].prompt)
        *(char **)asked = xstrdup(wanted[0].prompt);
    return -1;
}

static bool is_ssh(const char *uri)
{
    const char *plus = strchr(uri, '+'), *end = strstr(uri, "://");

    return plus && end && plus < end && strncmp(plus + 1, "ssh", 3) == 0 && plus + 4 == end;
}

/* ssh asks at the terminal, which it finds by itself: it must be told not to.  Caller frees. */
static char *with_no_tty(const char *uri)
{
    if (!is_ssh(uri) || strstr(uri, "no_tty="))
        return xstrdup(uri);
    return xasprintf("%s%cno_tty=1", uri, strchr(uri, '?') ? '&' : '?');
}

/* What to do about it; seen in libvirt 9.0, OpenSSH 9.2, GnuTLS 3.7. */
static const struct {
    const char *has;
    enum err_code code;
    const char *then;
} faults[] = {
    {"Host key verification failed", ERR_DENIED,
     "ssh does not know the host: as vmkeepd's user, `ssh` there once and accept its key"},
    {"Permission denied (publickey", ERR_DENIED,
     "give vmkeepd's user a key that the host accepts, without a passphrase"},
    {"Permission denied, please try again", ERR_DENIED,
     "give vmkeepd's user a key that the host accepts, without a passphrase"},
    {"Failed to verify peer's certificate", ERR_DENIED,
     "its certificate is not of the authority in cacert.pem"},
    {"failed validation against", ERR_DENIED, NULL},
    {"Cannot read CA certificate", ERR_DENIED,
     "see libvirt's page on TLS for where certificates belong"},
    {"Connection refused", ERR_REMOTE, "does libvirtd, or the ssh server, listen there?"},
};

static void explain(struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        size_t len = strlen(err->msg);

        if (!strstr(err->msg, faults[i].has))
            continue;
        err->code = faults[i].code;
        if (faults[i].then)
            snprintf(err->msg + len, sizeof(err->msg) - len, " (%s)", faults[i].then);
        return;
    }
}

int connection_open(const char *uri, struct err *err)
{
    static int kinds[] = {VIR_CRED_USERNAME,     VIR_CRED_AUTHNAME,   VIR_CRED_LANGUAGE,
                          VIR_CRED_CNONCE,       VIR_CRED_PASSPHRASE, VIR_CRED_ECHOPROMPT,
                          VIR_CRED_NOECHOPROMPT, VIR_CRED_REALM,      VIR_CRED_EXTERNAL};
    CLEANUP_FREE char *full = with_no_tty(uri), *asked = NULL;
    virConnectAuth auth = {
        .credtype = kinds, .ncredtype = ARRAY_LEN(kinds), .cb = refuse, .cbdata = &asked};

    free(given);
    given = xstrdup(uri);
    conn = virConnectOpenAuth(full, &auth, 0);
    if (!conn) {
        libvirt_error(err);
        if (asked) {
            err->code = ERR_DENIED;
            err_wrap(err, "it asks for '%.64s', and nobody is there to answer", asked);
        }
        explain(err);
        return err_wrap(err, "%s", uri);
    }
    if (virConnectRegisterCloseCallback(conn, on_closed, NULL, NULL) < 0)
        return libvirt_error(err);
    /* What is no remote connection (test:///) has none. */
    virConnectSetKeepAlive(conn, PING_S, PINGS);
    virResetLastError();
    return 0;
}

const char *connection_uri(void)
{
    return given;
}

void connection_close(void)
{
    if (!conn)
        return;
    virConnectUnregisterCloseCallback(conn, on_closed);
    virConnectClose(conn);
    conn = NULL;
}

/* The domain of that name, which must have that UUID, if one is given. */
static virDomainPtr find(const struct libvirt_request *q, struct err *err)
{
    virDomainPtr ret = virDomainLookupByName(conn, q->domain);
    char its[VIR_UUID_STRING_BUFLEN] = "";

    if (!ret) {
        libvirt_error(err);
        return NULL;
    }
    if (q->uuid && (virDomainGetUUIDString(ret, its) < 0 || strcmp(q->uuid, its) != 0)) {
        err_set(err, ERR_NOTFOUND, "%s: another domain has that name now: %s, not %s", q->domain,
                its, q->uuid);
        virDomainFree(ret);
        return NULL;
    }
    return ret;
}

int connection_on_domain(domain_call *call, const struct libvirt_request *q, void *answer,
                         struct err *err)
{
    virDomainPtr dom = find(q, err);
    int rc;

    if (!dom)
        return -1;
    rc = call(dom, q, answer);
    if (rc < 0)
        libvirt_error(err);
    virDomainFree(dom);
    return rc < 0 ? -1 : 0;
}
