/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "engine/libvirt/compare_place.h"

#define NAME "/vmkeep-compare-"
/* Where libvirt has a folder for each domain that runs, the one place in which AppArmor and SELinux
 * let its QEMU make a socket.  Scratch files libvirt labels itself. */
#define DOMAINS "/var/lib/libvirt/qemu"
#define NAME_CUT 20
#define UUID_PART 8 /* tells the domains apart; a socket's path is short */

/* systemd's for us, under /run; the name of a socket must not be long. */
static const char *parent(void)
{
    const char *run = getenv("RUNTIME_DIRECTORY"), *tmp = getenv("TMPDIR");

    return run && *run ? run : tmp && *tmp ? tmp : "/tmp";
}

static char *directory(const char *uuid, const char *tag)
{
    return xasprintf("%s" NAME "%s-%.*s", parent(), tag, UUID_PART, uuid);
}

void libvirt_compare_remove(const char *uuid, const char *tag)
{
    CLEANUP_FREE char *path = directory(uuid, tag);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    CLEANUP_CLOSEDIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        unlinkat(fd, entry->d_name, 0);
    rmdir(path);
}

char *libvirt_compare_make(const char *uuid, const char *tag, uid_t uid, gid_t gid, struct err *err)
{
    CLEANUP_FREE char *path = directory(uuid, tag);

    libvirt_compare_remove(uuid, tag);
    if (mkdir(path, 0700) < 0) {
        err_errno(err, errno, "create %s", path);
        return NULL;
    }
    if (share_dir(path, uid, gid, err) < 0) {
        rmdir(path);
        return NULL;
    }
    return TAKE_PTR(path);
}

/* Is it the domain's own folder, "domain-ID-NAME"?  Of a long name libvirt takes the beginning. */
static bool is_of(const char *entry, const char *domain)
{
    static const char prefix[] = "domain-";
    size_t digits;

    if (!starts_with(entry, prefix))
        return false;
    entry += strlen(prefix);
    digits = strspn(entry, "0123456789");
    return digits > 0 && entry[digits] == '-' && strcmp(entry + digits + 1, domain) == 0;
}

char *libvirt_compare_socket(const char *dir, const char *domain, uid_t uid)
{
    CLEANUP_CLOSEDIR DIR *all = strlen(domain) < NAME_CUT ? opendir(DOMAINS) : NULL;
    const struct dirent *entry;
    struct stat st;

    while (all && (entry = readdir(all)))
        if (is_of(entry->d_name, domain) &&
            fstatat(dirfd(all), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(st.st_mode) && st.st_uid == uid)
            return xasprintf(DOMAINS "/%s/vmkeep-compare", entry->d_name);
    return xasprintf("%s/nbd", dir);
}

char *libvirt_compare_tag(const char *place)
{
    const char *tag = place ? strstr(place, NAME) : NULL, *end;

    if (!tag)
        return NULL;
    tag += strlen(NAME);
    end = strchr(tag, '/');
    if (!end || end - tag <= UUID_PART + 1 || end[-UUID_PART - 1] != '-')
        return NULL;
    return xasprintf("%.*s", (int)(end - tag) - UUID_PART - 1, tag);
}
