/* SPDX-License-Identifier: MIT
 *
 * May QEMU get at the place?  Libvirt's system instance runs it as a user of its own.
 */
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/way.h"
#include "cli/init_found.h"

static bool is_free(const char *file, uid_t uid, gid_t gid)
{
    struct err err = ERR_INIT;

    if (way_will_be_free(file, uid, gid, &err) == 0 || err.code != ERR_DENIED)
        return true;
    fprintf(
        stderr,
        "vmkeep: init: warning: %s lets it through; or choose another place: --repository DIR\n",
        err.msg);
    return false;
}

/* As Debian and Red Hat call it. */
static bool is_free_to_libvirt(const char *file)
{
    static const char *const users[] = {"libvirt-qemu", "qemu"};

    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        const struct passwd *pw = getpwnam(users[i]);

        if (pw)
            return is_free(file, pw->pw_uid, pw->pw_gid);
    }
    return true;
}

void init_warn_of_closed(const struct init_found *f)
{
    CLEANUP_FREE char *file = xasprintf("%s/x", f->place.dir);
    bool free = !f->libvirt || is_free_to_libvirt(file);

    for (size_t i = 0; i < f->qemus.n && free; i++) {
        CLEANUP_FREE char *process = xasprintf("/proc/%ld", f->qemus.items[i].pid);
        struct stat st;

        free = stat(process, &st) < 0 || is_free(file, st.st_uid, st.st_gid);
    }
}
