/* SPDX-License-Identifier: MIT
 *
 * A connection that is open needs a user, and no capability (capabilities(7)).  While it is opened
 * it may: libvirt runs ssh, from which it takes them away by itself and fails when they are gone,
 * and qemu:///session starts a libvirtd, whose guests may need them.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helpers/libvirt/drop.h"

int drop_rights(struct err *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    const struct rlimit no_core = {0, 0};

    umask(077);
    setrlimit(RLIMIT_CORE, &no_core);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_errno(err, errno, "no-new-privileges");
    /* Who is not root may not, and need not. */
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    if (syscall(SYS_capset, &header, none) < 0)
        return err_errno(err, errno, "capabilities");
    return 0;
}
