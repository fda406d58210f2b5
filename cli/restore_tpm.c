/* SPDX-License-Identifier: MIT */
#include "cli/restore_tpm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "storage/images/beside.h"
#include "storage/definition/definition.h"

#define STATE_MAX ((size_t)16 << 20)
#define SYSTEM "/var/lib/libvirt/swtpm"

/* "tpm2/tpm2-00.permall" of ".../UUID/tpm2/tpm2-00.permall"; borrowed. */
static const char *below_uuid(const char *was)
{
    const char *file = was ? strrchr(was, '/') : NULL;

    while (file && file > was && file[-1] != '/')
        file--;
    return file && file > was ? file : "tpm2/tpm2-00.permall";
}

static char *place_of(const char *uri, const char *uuid, const char *was)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    const char *below = below_uuid(was);

    if (!strstr(uri, "/session"))
        return xasprintf("%s/%s/%s", SYSTEM, uuid, below);
    if (config && *config)
        return xasprintf("%s/libvirt/qemu/swtpm/%s/%s", config, uuid, below);
    return xasprintf("%s/.config/libvirt/qemu/swtpm/%s/%s", home ? home : "", uuid, below);
}

/* There is none, or one of the same content? */
static int check_place(const char *place, const char *state, struct err *err)
{
    CLEANUP_FREE char *there = NULL, *ours = NULL;
    struct stat st;

    if (lstat(place, &st) < 0 && errno == ENOENT)
        return 0;
    if (beside_digest(place, &there, err) < 0 || (state && beside_digest(state, &ours, err) < 0))
        return -1;
    if (ours && str_eq(there, ours))
        return 0;
    return err_set(err, ERR_EXISTS, "%s: the state of a TPM is there already%s; move it away",
                   place, ours ? ", and differs" : "");
}

int restore_tpm_check(const char *uri, const struct restore_result *plan, struct err *err)
{
    CLEANUP(definition_images_done) struct definition_images images = {0};
    CLEANUP_FREE char *place = NULL;
    struct err ignored = ERR_INIT;

    if (!plan->tpm || !plan->text || definition_images(plan->text, &images, &ignored) < 0 ||
        !images.uuid)
        return 0;
    place = place_of(uri, images.uuid, plan->tpm_was);
    return check_place(place, plan->tpm_from, err);
}

/* As libvirt makes them: everybody passes through the upper ones, swtpm's user alone the last. */
static int make_dirs(const char *place, struct err *err)
{
    CLEANUP_FREE char *dir = path_dirname(place);
    CLEANUP_FREE char *above = path_dirname(dir);

    if (mkdir_all(above, 0711, err) < 0)
        return -1;
    return mkdir(dir, 0700) < 0 && errno != EEXIST ? err_errno(err, errno, "create %s", dir) : 0;
}

static int put(const char *place, const struct restore_result *res, struct err *err)
{
    CLEANUP_FREE char *bytes = NULL;
    size_t len = 0;

    if (check_place(place, res->tpm, err) < 0 ||
        read_file(res->tpm, STATE_MAX, &bytes, &len, err) < 0 || make_dirs(place, err) < 0 ||
        write_file_durably(place, bytes, len, 0600, err) < 0)
        return -1;
    unlink(res->tpm);
    return 0;
}

int restore_tpm_put(const char *uri, const char *uuid, const struct restore_result *res,
                    struct err *err)
{
    CLEANUP_FREE char *place = NULL;

    if (!res->tpm)
        return 0;
    place = place_of(uri, uuid, res->tpm_was);
    if (put(place, res, err) < 0)
        return err_wrap(err,
                        "the domain is defined, but without the state of its TPM (copy %s to %s "
                        "before it starts)",
                        res->tpm, place);
    return 0;
}
