/* SPDX-License-Identifier: MIT */
#include "engine/libvirt/denied.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"

#define DENIED "Permission denied"

bool libvirt_can_share(const struct domain_facts *facts)
{
    return facts->uid == geteuid() || is_in_group(facts->gid);
}

/* Of Debian's and Ubuntu's profiles (libvirt 9.0; a domain has one of its own, which is read when
 * it starts), and of the targeted policy of Red Hat's. */
static char *advice(const struct domain_facts *f, const char *dir)
{
    if (!libvirt_can_share(f))
        return xasprintf("put the user of vmkeepd, %u, into QEMU's group, %u, by which they share "
                         "directories, and let user %u, as which QEMU runs, pass through those "
                         "above %s",
                         (unsigned)geteuid(), (unsigned)f->gid, (unsigned)f->uid, dir);
    if (str_eq(f->confined, "AppArmor"))
        return xasprintf("if the journal has apparmor=\"DENIED\" of it, add '\"%s/**\" rwk,' to "
                         "/etc/apparmor.d/local/abstractions/libvirt-qemu; `apparmor_parser -r "
                         "/etc/apparmor.d/libvirt/libvirt-%s` has the domain that runs heed it",
                         dir, f->uuid ? f->uuid : "UUID");
    if (str_eq(f->confined, "SELinux"))
        return xasprintf("if the journal has an AVC of it, `semanage fcontext -a -t virt_image_t "
                         "'%s(/.*)?'; restorecon -R %s`",
                         dir, dir);
    return xasprintf("let user %u, as which QEMU runs, pass through %s and the directories above "
                     "it (`namei -m %s` shows their rights, `chmod o+x DIR` opens one)",
                     (unsigned)f->uid, dir, dir);
}

/* "Could not open '/srv/a/vdb': Permission denied", "Failed to bind socket to /run/a/nbd: ...": the
 * last path before that, which need not be the one that was asked about.  Caller frees; NULL: it
 * names none. */
static char *path_said(const char *msg)
{
    const char *end = strstr(msg, DENIED), *begin = end;
    bool quoted;

    if (!end || end < msg + 3 || strncmp(end - 2, ": ", 2) != 0)
        return NULL;
    end -= 2;
    quoted = end[-1] == '\'';
    if (quoted)
        end--;
    for (begin = end; begin > msg; begin--)
        if (begin[0] == '/' && begin[-1] == (quoted ? '\'' : ' '))
            return xasprintf("%.*s", (int)(end - begin), begin);
    return NULL;
}

char *libvirt_denied_path(const struct err *err, const char *path)
{
    char *said = path && err->code == ERR_DENIED ? path_said(err->msg) : NULL;

    if (said || err->code != ERR_DENIED || !path || !strstr(err->msg, DENIED))
        return said;
    return xstrdup(path);
}

void libvirt_explain_denied(const struct domain_facts *facts, const char *path, struct err *err)
{
    CLEANUP_FREE char *file = libvirt_denied_path(err, path), *dir = NULL, *what = NULL;
    const char *slash = file ? strrchr(file, '/') : NULL;
    size_t len = strlen(err->msg);

    if (!slash)
        return;
    dir = xasprintf("%.*s", slash == file ? 1 : (int)(slash - file), file);
    what = advice(facts, dir);
    if (strstr(err->msg, what)) /* who asked before has said so */
        return;
    snprintf(err->msg + len, sizeof(err->msg) - len, "; %s", what);
}
