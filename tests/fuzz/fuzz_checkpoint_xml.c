/* SPDX-License-Identifier: MIT
 *
 * A <domaincheckpoint> from anywhere: it is refused, saying why in one line, or it is written and
 * read again unchanged.  The domain it is then held against has the disks vda and vdb.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/names.h"
#include "engine/xml/backup_xml.h"
#include "engine/xml/checkpoint_xml.h"
#include "tests/support/domain_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct checkpoint_document *d)
{
    CLEANUP(checkpoint_document_freep) struct checkpoint_document *again = NULL;
    CLEANUP_FREE char *one = checkpoint_document_format(d);
    CLEANUP_FREE char *two = NULL;
    struct err err = ERR_INIT;

    if (strlen(one) > DOCUMENT_MAX)
        return;
    assert(checkpoint_document_parse(one, strlen(one), &again, &err) == 0);
    assert(again->all_disks == (d->disks.n == 0));
    two = checkpoint_document_format(again);
    assert(strcmp(one, two) == 0);
}

static void check_completion(struct checkpoint_document *d)
{
    CLEANUP(domain_facts_freep) struct domain_facts *f = xcalloc(1, sizeof(*f));
    struct err err = ERR_INIT;

    add_disk(f, "vda", "/nowhere/a", "qcow2");
    add_disk(f, "vdb", "/nowhere/b", "raw");
    if (checkpoint_document_complete(d, f, NULL, 1525889631, &err) < 0) {
        assert(err.code != ERR_NONE && *err.msg);
        return;
    }
    assert(name_is_checkpoint(d->name));
    for (size_t i = 0; i < d->disks.n; i++)
        assert(!d->disks.items[i].tracked || strcmp(d->disks.items[i].bitmap, d->name) == 0);
    check_round_trip(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(checkpoint_document_freep) struct checkpoint_document *d = NULL;
    struct err err = ERR_INIT;

    if (checkpoint_document_parse((const char *)data, size, &d, &err) < 0) {
        assert(err.code == ERR_INVALID || err.code == ERR_UNSUPPORTED);
        assert(*err.msg && !strchr(err.msg, '\n'));
        return 0;
    }
    check_round_trip(d);
    check_completion(d);
    return 0;
}
