/* SPDX-License-Identifier: MIT */
#include <libvirt/virterror.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "helpers/libvirt/libvirt.h"

/* The peer is dead when it leaves so many pings unanswered, so many seconds apart. */
#define PING_S 5
#define PINGS 5

static virConnectPtr conn;
static atomic_bool lost;

virConnectPtr connection(void)
{
    return conn;
}

bool connection_lost(void)
{
    return lost;
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
    lost = true;
    say(json_pack("{s:{s:s,s:s}}", "event", "what", "closed", "why", why_closed(reason)));
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

int connection_open(const char *uri, struct err *err)
{
    static int kinds[] = {VIR_CRED_USERNAME,     VIR_CRED_AUTHNAME,   VIR_CRED_LANGUAGE,
                          VIR_CRED_CNONCE,       VIR_CRED_PASSPHRASE, VIR_CRED_ECHOPROMPT,
                          VIR_CRED_NOECHOPROMPT, VIR_CRED_REALM,      VIR_CRED_EXTERNAL};
    CLEANUP_FREE char *full = with_no_tty(uri), *asked = NULL;
    virConnectAuth auth = {
        .credtype = kinds, .ncredtype = ARRAY_LEN(kinds), .cb = refuse, .cbdata = &asked};

    conn = virConnectOpenAuth(full, &auth, 0);
    if (!conn) {
        libvirt_error(err);
        if (asked) {
            err->code = ERR_DENIED;
            err_wrap(err, "it asks for '%.64s', and nobody is there to answer", asked);
        }
        return err_wrap(err, "%s", uri);
    }
    if (virConnectRegisterCloseCallback(conn, on_closed, NULL, NULL) < 0)
        return libvirt_error(err);
    /* What is no remote connection (test:///) has none. */
    virConnectSetKeepAlive(conn, PING_S, PINGS);
    virResetLastError();
    return 0;
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
