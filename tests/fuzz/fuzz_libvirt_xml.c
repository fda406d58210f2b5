/* SPDX-License-Identifier: MIT
 *
 * libvirt's documents, from a host that is not to be trusted: a <domain>, a <domaincheckpoint>, a
 * <domainbackup>; each is refused, or what it says of disks can be used.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/libvirt/checkpoint_facts.h"
#include "engine/libvirt/domain_xml.h"
#include "tests/support/domain_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_domain(const char *text)
{
    CLEANUP(domain_facts_freep) struct domain_facts *f = xcalloc(1, sizeof(*f));
    CLEANUP(strlist_done) struct strlist names = {0};
    struct err err = ERR_INIT;

    if (libvirt_domain_xml(text, f, &err) < 0) {
        assert(err.code == ERR_INVALID || err.code == ERR_UNSUPPORTED);
        assert(*err.msg && !strchr(err.msg, '\n'));
        return;
    }
    domain_facts_names(f, &names);
    for (size_t i = 0; i < names.n; i++)
        assert(*names.items[i] && domain_facts_any(f, names.items[i]));
    for (size_t i = 0; i < f->asides.n; i++)
        assert(*disk_facts_aside(&f->asides.items[i]));
    for (size_t i = 0; i < f->disks.n; i++)
        assert(f->disks.items[i].format && !f->disks.items[i].empty);
    for (size_t i = 0; i < f->files.n; i++)
        assert(f->files.items[i][0] == '/');
}

static void check_checkpoint(char *text)
{
    struct libvirt_checkpoint c = {.name = (char *)"c1", .xml = text};
    const struct libvirt_checkpoints all = {{&c, 1, 1}};
    struct disk_facts d = {.name = xstrdup("vda"), .capacity = 1 << 20};

    libvirt_bitmaps(&all, true, &d);
    assert(d.bitmaps.n <= 1);
    assert(d.bitmaps.n == 0 || d.bitmaps.items[0].inconsistent == d.bitmaps.items[0].at_most);
    disk_facts_done(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = xcalloc(size + 1, 1), *place = NULL;

    if (size)
        memcpy(text, data, size);
    check_domain(text);
    check_checkpoint(text);
    place = libvirt_backup_place(text);
    return 0;
}
