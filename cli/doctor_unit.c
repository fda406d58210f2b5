/* SPDX-License-Identifier: MIT
 *
 * doctor --unit: a drop-in for vmkeepd's unit that closes all that the configuration has no place
 * in (systemd.exec(5)).
 */
#include "cli/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"

/* Where libvirt's default pool is. */
#define LIBVIRT_IMAGES "/var/lib/libvirt/images"

static void add(struct strlist *l, const char *path)
{
    if (path && !strlist_has(l, path))
        strlist_add(l, path);
}

static void add_parent(struct strlist *l, const char *path)
{
    CLEANUP_FREE char *dir = path_dirname(path);

    add(l, dir);
}

/* Bitmaps are made in the images of domains that are shut off. */
static void add_images(struct strlist *l, const struct config_host *h)
{
    if (h->driver == DRIVER_LIBVIRT && !h->address)
        add(l, LIBVIRT_IMAGES);
    for (size_t i = 0; i < h->domains.n; i++)
        for (size_t j = 0; j < h->domains.items[i].disks.n; j++)
            add_parent(l, h->domains.items[i].disks.items[j].image);
}

/* Where mail is queued by sendmail, and a socket of the page's. */
static void add_told(struct strlist *l, const struct config *config)
{
    const char *socket =
        config->web && starts_with(config->web, "unix:") ? config->web + strlen("unix:") : NULL;

    if (socket)
        add_parent(l, socket);
    for (size_t i = 0; i < config->notify.n; i++)
        if (config->notify.items[i].mail.to.n > 0 &&
            (!config->notify.items[i].mail.via ||
             str_eq(config->notify.items[i].mail.via, "sendmail")))
            add(l, "/var/spool");
}

/* A word of a unit file (systemd.syntax(7)); one that is not there is no error. */
static void print_path(const char *path)
{
    fputs("ReadWritePaths=\"-", stdout);
    for (; *path; path++) {
        if (*path == '"' || *path == '\\')
            putchar('\\');
        if (*path == '%')
            putchar('%');
        putchar(*path);
    }
    puts("\"");
}

void doctor_unit(const struct config *config)
{
    CLEANUP(strlist_done) struct strlist places = {0};

    add_parent(&places, config->catalog);
    add_parent(&places, config->control);
    for (size_t i = 0; i < config->repositories.n; i++)
        add(&places, config->repositories.items[i].path);
    for (size_t i = 0; i < config->policies.n; i++)
        add(&places, config->policies.items[i].scratch);
    for (size_t i = 0; i < config->hosts.n; i++)
        add_images(&places, &config->hosts.items[i]);
    add_told(&places, config);
    puts("# Where vmkeepd may write, by its configuration; printed by `vmkeep doctor --unit`.\n"
         "# Print it again when a repository, scratch space or a directory of images has moved.\n"
         "# Images of domains that are shut off, targets of backups by hand, and what commands of\n"
         "# `notify` write to need a line of their own when they are elsewhere.\n"
         "[Service]\n"
         "ProtectSystem=strict\n"
         "ProtectHome=read-only");
    for (size_t i = 0; i < places.n; i++)
        print_path(places.items[i]);
}
